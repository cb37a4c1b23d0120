#!/usr/bin/python3
"""Holds the published description of events against what the codec writes.

usage: event_schemas.py SAMPLES_PROGRAM ROOT

Every type has a schema and a message in docs/asyncapi.yaml and nothing else has one; samples validate; a sample with a member more, less, or of
another kind does not.
"""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import jsonschema
import yaml


def validators(folder):
    texts = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    by_type = {}
    for name, schema in texts.items():
        jsonschema.Draft7Validator.check_schema(schema)
        if name == "types.json":
            continue
        resolver = jsonschema.RefResolver(base_uri=name, referrer=schema, store=texts)
        by_type[schema["properties"]["type"]["const"]] = (name, jsonschema.Draft7Validator(schema, resolver=resolver))
    return by_type


def mutants(sample, optional):
    """Samples that nothing may accept."""
    yield "a member more", {**sample, "extra": 1}
    for name in sample:
        if name not in optional:
            yield f"without {name}", {key: value for key, value in sample.items() if key != name}
        yield f"{name} is null", {**sample, name: None}


def check_description(page, by_type, channels_wanted):
    wrong = []
    messages = page["components"]["messages"]
    described = {message["name"]: message for message in messages.values() if message["name"].startswith("windfall.")}
    for type_name, (file, _) in by_type.items():
        if described.get(type_name, {}).get("payload") != {"$ref": f"./events/{file}"}:
            wrong.append(f"docs/asyncapi.yaml does not describe {type_name} by docs/events/{file}")
    wrong += [f"docs/asyncapi.yaml describes {name}, which has no schema" for name in sorted(set(described) - set(by_type))]
    in_channel = {messages[ref["$ref"].rsplit("/", 1)[1]]["name"] for ref in page["channels"]["events"]["messages"].values()}
    wrong += [f"the channel of events lacks {name}" for name in sorted(set(by_type) - in_channel)]
    addresses = {channel["address"] for channel in page["channels"].values()}
    if addresses != channels_wanted:
        wrong.append(f"docs/asyncapi.yaml has the channels {sorted(addresses)}")
    return wrong


def main(program, root):
    root = Path(root)
    by_type = validators(root / "docs/events")
    page = yaml.safe_load((root / "docs/asyncapi.yaml").read_text(encoding="utf-8"))
    topics = {"windfall.events", "windfall.inbound", "windfall.events-dlt", "windfall.inbound-dlt"}
    wrong = check_description(page, by_type, topics)

    samples = defaultdict(list)
    for line in subprocess.run([program], check=True, capture_output=True).stdout.decode("utf-8").splitlines():
        sample = json.loads(line)
        samples[sample["type"]].append(sample)
    wrong += [f"{name} is written, but has no schema" for name in sorted(set(samples) - set(by_type))]
    wrong += [f"{name} has a schema, but is not written" for name in sorted(set(by_type) - set(samples))]

    accepted = 0
    for name in sorted(set(samples) & set(by_type)):
        validator = by_type[name][1]
        for sample in samples[name]:
            for error in validator.iter_errors(sample):
                wrong.append(f"{name}: {'/'.join(map(str, error.path))}: {error.message[:200]}")
            accepted += 1
        first = samples[name][0]
        optional = set(validator.schema["properties"]) - set(validator.schema["required"])
        wrong += [f"{name}: {what} is accepted" for what, mutant in mutants(first, optional) if validator.is_valid(mutant)]

    for line in wrong:
        print(line)
    print(f"{len(by_type)} types, {accepted} samples, {len(wrong)} findings")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
