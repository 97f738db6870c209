#!/usr/bin/env python3
"""Writes the schemas of `spec.ecs` and `spec.batch` from AWS's own service models, which the botocore package carries.

    hack/generate-schema.py            writes src/api/schema/ecs.json and src/api/schema/batch.json
    hack/generate-schema.py --check    writes nothing; exit 1 and a short diff when they are stale

`make generate` runs it with the python that has botocore: the one of moto's virtual environment (hack/parts/build).

What comes out is a structural OpenAPI v3 schema as Kubernetes wants it, with every field of the request in AWS's spelling:
- no `required`: Wharfinger fills some fields and merges others, and AWS itself says what is missing;
- no closed enum: AWS adds values, so they are told in the description;
- no lower bound on the length of a list or map: empty means absent, and pasted output of AWS is full of empty lists;
- no other description: the whole CRD has to stay small.
"""

import argparse
import difflib
import json
import pathlib
import re
import sys

SCHEMAS = pathlib.Path(__file__).resolve().parent.parent / "src" / "api" / "schema"
MODELS = {"ecs": "RegisterTaskDefinition", "batch": "RegisterJobDefinition"}

SCALARS = {
    "string": {"type": "string"},
    "character": {"type": "string", "maxLength": 1},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "timestamp": {"type": "string", "format": "date-time"},
    "blob": {"type": "string", "format": "byte"},
}

NAME = {"maxLength": 255, "pattern": "^[A-Za-z0-9_-]+$"}
PERCENT = {"minimum": 0, "maximum": 100}
GIBIBYTES = {"minimum": 21, "maximum": 200}
GLOB = {"maxLength": 512}
# A parameter's name, or an ARN of one of the two services (Secret.valueFrom); the latter with :json-key:stage:version at its end.
VALUE_FROM = {
    "pattern": "^([A-Za-z0-9_./-]+|arn:[a-z0-9-]+:ssm:[a-z0-9-]+:[0-9]{12}:parameter/[A-Za-z0-9_./-]+"
    "|arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+(:[^:]*:[^:]*:[^:]*)?)$"
}
# AWS publishes no bound of these short lists, and the API server prices a CEL rule by the bound: twice what they can hold, or more.
KINDS = {"maxItems": 10}
OTHERS = {"maxItems": 20}

# What AWS publishes only in the prose of its model or in its quotas, by shape and member of the model.
BOUNDS = {
    "ecs": {
        "RegisterTaskDefinitionRequest.family": NAME,
        "RegisterTaskDefinitionRequest.containerDefinitions": {"maxItems": 10},  # a quota
        "RegisterTaskDefinitionRequest.placementConstraints": {"maxItems": 10},
        "RegisterTaskDefinitionRequest.requiresCompatibilities": KINDS,
        "ContainerDefinition.dependsOn": OTHERS,
        "ContainerDefinition.name": NAME,
        "ContainerDefinition.environmentFiles": {"maxItems": 10},
        "ContainerDefinition.credentialSpecs": {"maxItems": 1},
        "ContainerDependency.containerName": {"maxLength": 255},
        "ContainerRestartPolicy.ignoredExitCodes": {"maxItems": 50},
        "ContainerRestartPolicy.restartAttemptPeriod": {"minimum": 60, "maximum": 1800},
        "EphemeralStorage.sizeInGiB": GIBIBYTES,
        "HealthCheck.interval": {"minimum": 5, "maximum": 300},
        "HealthCheck.retries": {"minimum": 1, "maximum": 10},
        "HealthCheck.startPeriod": {"minimum": 0, "maximum": 300},
        "HealthCheck.timeout": {"minimum": 2, "maximum": 60},
        "LinuxParameters.swappiness": PERCENT,
        "PortMapping.name": {"maxLength": 64},
        "RepositoryCredentials.credentialsParameter": {"maxLength": 2048},
        "Secret.valueFrom": VALUE_FROM,
        "Volume.name": NAME,
    },
    "batch": {
        "RegisterJobDefinitionRequest.jobDefinitionName": NAME | {"maxLength": 128},
        "RegisterJobDefinitionRequest.platformCapabilities": KINDS,
        "RegisterJobDefinitionRequest.schedulingPriority": {"minimum": 0, "maximum": 9999},
        "ContainerProperties.image": {"maxLength": 255},
        "ContainerProperties.resourceRequirements": KINDS,
        "EcsProperties.taskProperties": {"maxItems": 1},
        "EcsTaskProperties.containers": {"maxItems": 10},
        "EFSVolumeConfiguration.rootDirectory": {"maxLength": 4096},
        "EphemeralStorage.sizeInGiB": GIBIBYTES,
        "EvaluateOnExit.onExitCode": GLOB,
        "EvaluateOnExit.onReason": GLOB,
        "EvaluateOnExit.onStatusReason": GLOB,
        "JobTimeout.attemptDurationSeconds": {"minimum": 60},
        "LinuxParameters.swappiness": PERCENT,
        "RepositoryCredentials.credentialsParameter": {"maxLength": 2048},
        "RetryStrategy.attempts": {"minimum": 1, "maximum": 10},
        "RetryStrategy.evaluateOnExit": {"maxItems": 5},
        "Secret.valueFrom": VALUE_FROM,
        "TaskContainerDependency.containerName": {"maxLength": 255},
        "TaskContainerProperties.dependsOn": OTHERS,
        "TaskContainerProperties.name": NAME,
        "TaskContainerProperties.resourceRequirements": KINDS,
        "Volume.name": NAME,
    },
}


class Writer:
    """Turns the input shape of one operation into a schema, and counts its fields."""

    def __init__(self, service):
        self.bounds = BOUNDS[service]
        self.unused = set(self.bounds)
        self.fields = 0

    def schema(self, shape, ancestors=()):
        kind = shape.type_name
        if shape.name in ancestors or shape.metadata.get("document"):
            # A structural schema cannot refer to itself. No such shape in these two requests today.
            return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        below = (*ancestors, shape.name)
        if kind == "structure":
            return {"type": "object", "properties": {k: self.member(shape, k, v, below) for k, v in shape.members.items()}}
        if kind == "list":
            items = self.schema(shape.member, below)
            return {"type": "array", "items": items, "x-kubernetes-list-type": "atomic"} | limits(shape, None, "maxItems")
        if kind == "map":
            values = self.schema(shape.value, below)
            return {"type": "object", "additionalProperties": values} | limits(shape, None, "maxProperties")
        if kind not in SCALARS:
            sys.exit(f"generate-schema: {shape.name} is of type {kind}, which this script does not know: add it to SCALARS")
        if kind == "string":
            values = shape.metadata.get("enum")
            told = {"description": f"One of: {', '.join(values)}."} if values else {}
            return SCALARS[kind] | told | limits(shape, "minLength", "maxLength")
        return SCALARS[kind] | limits(shape, "minimum", "maximum")

    def member(self, structure, name, shape, ancestors):
        self.fields += 1
        key = f"{structure.name}.{name}"
        self.unused.discard(key)
        return self.schema(shape, ancestors) | self.bounds.get(key, {})


def limits(shape, least, most):
    """The model's own bounds under the names that they have in a schema; a `least` of None leaves the lower one out."""
    names = {"min": least, "max": most}
    return {names[k]: v for k, v in shape.metadata.items() if names.get(k) and (k == "max" or v)}


def render(node, indent=0, width=130, prefix=0):
    """JSON with sorted keys in which whatever fits on one line is on one line."""
    line = json.dumps(node, sort_keys=True, ensure_ascii=False)
    if not isinstance(node, dict) or indent + prefix + len(line) + 1 <= width:
        return line
    pad = " " * (indent + 2)
    rows = (f"{pad}{json.dumps(k)}: {render(node[k], indent + 2, width, len(k) + 4)}" for k in sorted(node))
    return "{\n" + ",\n".join(rows) + "\n" + " " * indent + "}"


def generate(session, version, service, operation):
    shape = session.get_service_model(service).operation_model(operation).input_shape
    writer = Writer(service)
    schema = writer.schema(shape)
    if writer.unused:
        sys.exit(f"generate-schema: {service} has no {', '.join(sorted(writer.unused))} any more: take it out of BOUNDS")
    origin = f"Generated from botocore {version} by hack/generate-schema.py; do not edit."
    schema["description"] = f"The fields of {operation}, in AWS's spelling. {origin}"
    text = render(schema) + "\n"
    compact = len(json.dumps(schema, separators=(",", ":")))
    say(f"{service}: {writer.fields} fields, {len(text) / 1024:.1f} KB ({compact / 1024:.1f} KB without white space)")
    return text


def stale(path, new):
    """The diff between a checked-in file and what it should be, at most 20 lines of it; nothing when they agree."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    names = (f"{path.name} (checked in)", f"{path.name} (generated)")
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), *names, n=1, lineterm=""))
    return lines if len(lines) <= 20 else [*lines[:20], f"… and {len(lines) - 20} more lines"]


def refuse_older(path, version):
    """An older botocore knows fewer fields: it must not take any away. Which one is at hand depends on the python."""
    written = re.search(r"botocore (\d+)\.(\d+)\.(\d+)", path.read_text(encoding="utf-8")) if path.exists() else None
    if written and [int(n) for n in written.groups()] > [int(n) for n in version.split(".")[:3]]:
        sys.exit(f"generate-schema: {path.name} was written from {written[0]}, this python has {version}; run `make generate`")


def say(text):
    print(text, file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description="Writes the schemas of spec.ecs and spec.batch from AWS's service models.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the checked-in files are stale")
    check = parser.parse_args().check
    try:
        import botocore
        import botocore.session
    except ImportError:
        sys.exit("generate-schema: this python has no botocore, which carries AWS's service models; run `make generate`")
    session = botocore.session.get_session()
    differing = 0
    for service, operation in MODELS.items():
        path = SCHEMAS / f"{service}.json"
        refuse_older(path, botocore.__version__)
        text = generate(session, botocore.__version__, service, operation)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif diff := stale(path, text):
            say("\n".join(diff))
            differing += 1
    if differing:
        sys.exit("generate-schema: the checked-in schema is stale: run `make generate` and commit src/api/schema")


if __name__ == "__main__":
    main()
