"""Events into Kafka: made and published by Windfall, beside bare librdkafka that is handed the same messages ready made. Goal 7."""

import json
import subprocess

import servers


def measure(bench):
    binary = bench.binary("bench/windfall_event_bench", "run bench/build")
    broker = servers.kafka(bench)
    bench.wait_for_quiet()
    done = subprocess.run([binary, f"127.0.0.1:{broker.port}"], capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout)
    bench.facts["events/s through the publisher"] = figures["publisher_per_s"]
    bench.facts["events/s of bare librdkafka, the same messages"] = figures["bare_per_s"]
    bench.facts["events/s of bare librdkafka, their values alone"] = figures["bare_value_only_per_s"]
    bench.facts["CPU us per event, publisher"] = figures["publisher_cpu_us"]
    bench.facts["CPU us per event, bare librdkafka, the same messages"] = figures["bare_cpu_us"]
    bench.facts["CPU us per event to read one back"] = figures["read_cpu_us"]
    bench.facts["ms to the first event of a new producer, cold"] = figures["first_cold_ms"]
    bench.facts["ms to the first event of a new producer, warmed"] = figures["first_warm_ms"]
    bench.ask(7, "events to Kafka, as a share of bare librdkafka", figures["ratio"], ">=", 0.7)
