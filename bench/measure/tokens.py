"""What a JWT adds to a request, beside goals 1-3, which are measured with a gateway key: verified for the first time and from the cache of
verified tokens. The server's own verifier, without HTTP."""

import json
import subprocess


def measure(bench):
    binary = bench.binary("bench/windfall_token_bench", "run bench/build")
    bench.wait_for_quiet()
    done = subprocess.run([binary, "-o", "json"], capture_output=True, text=True, check=True)
    for figures in json.loads(done.stdout):
        bench.facts[f"{figures['algorithm']}, CPU us per request, without the cache"] = figures["first_us"]
        bench.facts[f"{figures['algorithm']}, CPU us per request, with the cache"] = figures["again_us"]
