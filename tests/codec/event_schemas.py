#!/usr/bin/python3
"""Holds the published description of events against what the codec writes.

usage: event_schemas.py SAMPLES_PROGRAM ROOT

Every type has a schema and nothing else has one; samples validate; a sample with a member more, less, or of another kind does not. Every type
that is published has a message in docs/asyncapi.yaml, which has the members that AsyncAPI 3.0.0 knows.
"""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import jsonschema
import yaml


# Facts of one process: RedisStore::commit and the wiring of the distributed mode keep them elsewhere, and no relay sees them.
JOURNAL_ONLY = {"windfall.answer-kept.v1", "windfall.effect-settled.v1", "windfall.inbound.v1", "windfall.inbound-settled.v1"}

# Members of AsyncAPI 3.0.0's objects: those that must be there, those that may.
DESCRIBED = {"title", "summary", "description", "tags", "externalDocs"}
OBJECTS = {
    "page": ({"asyncapi", "info"}, {"id", "servers", "defaultContentType", "channels", "operations", "components"}),
    "info": ({"title", "version"}, {"description", "termsOfService", "contact", "license", "tags", "externalDocs"}),
    "license": ({"name"}, {"url"}),
    "channel": (set(), DESCRIBED | {"address", "messages", "servers", "parameters", "bindings"}),
    "operation": ({"action", "channel"}, DESCRIBED | {"security", "bindings", "traits", "messages", "reply"}),
    "message": (set(), DESCRIBED | {"contentType", "headers", "payload", "correlationId", "name", "deprecated", "examples", "bindings", "traits"}),
    "kafka binding of a message": (set(), {"key", "schemaIdLocation", "schemaIdPayloadEncoding", "schemaLookupStrategy", "bindingVersion"}),
    "components": (
        set(),
        {"schemas", "servers", "channels", "operations", "messages", "securitySchemes", "serverVariables", "parameters", "correlationIds", "replies",
         "replyAddresses", "externalDocs", "tags", "operationTraits", "messageTraits", "serverBindings", "channelBindings", "operationBindings",
         "messageBindings"},
    ),
}  # fmt: skip


def check_structure(page):
    def look(kind, name, value):
        required, allowed = OBJECTS[kind]
        missing, unknown = required - set(value), set(value) - required - allowed
        return [f"docs/asyncapi.yaml: {name}: AsyncAPI 3.0.0 wants {one}" for one in sorted(missing)] + [
            f"docs/asyncapi.yaml: {name}: AsyncAPI 3.0.0 does not know {one}" for one in sorted(unknown)
        ]

    def references(value, path=""):
        if isinstance(value, dict):
            if "$ref" in value and value["$ref"].startswith("#/"):
                yield path, value["$ref"]
            for key, inner in value.items():
                yield from references(inner, f"{path}/{key}")

    wrong = [] if page.get("asyncapi") == "3.0.0" else ["docs/asyncapi.yaml: not of version 3.0.0"]
    wrong += look("page", "the page", page) + look("info", "info", page["info"]) + look("license", "info/license", page["info"]["license"])
    wrong += look("components", "components", page["components"])
    for name, channel in page["channels"].items():
        wrong += look("channel", f"channels/{name}", channel)
    for name, operation in page["operations"].items():
        wrong += look("operation", f"operations/{name}", operation)
        if operation.get("action") not in ("send", "receive"):
            wrong.append(f"docs/asyncapi.yaml: operations/{name}: action must be send or receive")
    for name, message in page["components"]["messages"].items():
        wrong += look("message", f"messages/{name}", message)
        wrong += look("kafka binding of a message", f"messages/{name}/bindings/kafka", message.get("bindings", {}).get("kafka", {}))
        if message.get("headers", {}).get("type") != "object":
            wrong.append(f"docs/asyncapi.yaml: messages/{name}: headers must be an object")
    for path, reference in references(page):
        place = page
        for step in reference[2:].split("/"):
            place = place.get(step) if isinstance(place, dict) else None
        if place is None:
            wrong.append(f"docs/asyncapi.yaml: {path}: {reference} is not there")
    return wrong


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
    wrong = check_structure(page)
    messages = page["components"]["messages"]
    by_type = {name: value for name, value in by_type.items() if name not in JOURNAL_ONLY}
    described = {message["name"]: message for message in messages.values() if message["name"].startswith("windfall.")}
    for type_name, (file, _) in by_type.items():
        if described.get(type_name, {}).get("payload") != {"$ref": f"./events/{file}"}:
            wrong.append(f"docs/asyncapi.yaml does not describe {type_name} by docs/events/{file}")
    wrong += [f"docs/asyncapi.yaml describes {name}, which has no schema or is not published" for name in sorted(set(described) - set(by_type))]
    in_channel = {messages[ref["$ref"].rsplit("/", 1)[1]]["name"] for ref in page["channels"]["events"]["messages"].values()}
    wrong += [f"the channel of events lacks {name}" for name in sorted(set(by_type) - in_channel)]
    wrong += [f"the channel of events has {name}" for name in sorted(in_channel - set(by_type))]
    addresses = {channel["address"] for channel in page["channels"].values()}
    if addresses != channels_wanted:
        wrong.append(f"docs/asyncapi.yaml has the channels {sorted(addresses)}")
    return wrong


def main(program, root):
    root = Path(root)
    by_type = validators(root / "docs/events")
    wrong = [f"{name} has no schema" for name in sorted(JOURNAL_ONLY - set(by_type))]
    page = yaml.safe_load((root / "docs/asyncapi.yaml").read_text(encoding="utf-8"))
    topics = {"windfall.events", "windfall.inbound", "windfall.events-dlt", "windfall.inbound-dlt"}
    wrong += check_description(page, by_type, topics)

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
