#!/usr/bin/env python3
"""Prints definitions that together set every field that ECS RegisterTaskDefinition and Batch RegisterJobDefinition have.

`tests/it/e2e/every_field.rs` runs it and proves with them that a manifest reaches AWS unchanged. It reads AWS's own service
models (with the python of moto's virtual environment) and not the checked-in schemas, so that a field which is missing there
is noticed. The same models make the same text.

    {"ecs": {"definitions": […], "places": […]}, "batch": {…}}

`places` are all that the definitions must reach: each field of each structure wherever the structure occurs, as
`volumes[].host.sourcePath`, and each value of an enumeration, as `networkMode=awsvpc`. Left out are the fields in REFUSED.

Each place takes the next of its values each time it is reached: the members of an enumeration, the two bounds of a number,
false and true, the values in VALUES; whatever else is a value that occurs nowhere else. Definitions are made until they have
reached all places.
"""

import itertools
import json
import pathlib
import sys
from collections import Counter

sys.dont_write_bytecode = True  # the tree stays as it is
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from models import BOUNDS, limits, load  # noqa: E402

ENOUGH = 30  # definitions to make of one form; those that reach nothing new are left out
ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/payments-"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:payments/"
TEXT = "echo \"$(date)\" \\ 'ü' {x}\n\ttwo lines, a space at the end "

# Wharfinger refuses jobs on EKS: they pull with imagePullSecrets.
REFUSED = {"ecs": set(), "batch": {"eksProperties"}}

# Each service's forms: of these fields of the request a definition has one.
FORMS = {"ecs": ["containerDefinitions"], "batch": ["containerProperties", "ecsProperties", "nodeProperties"]}

# How many items a list has, where it is not two. None of them = the field is left out.
ITEMS = {
    "ContainerDefinition.dependsOn": [0, 1],  # the second container depends on the first
    "ContainerDefinition.links": [0, 1],
    "ContainerDefinition.volumesFrom": [0, 1],
    "TaskContainerProperties.dependsOn": [0, 1],
    "ContainerDefinition.credentialSpecs": [1],
    "ContainerProperties.resourceRequirements": [3],
    "EcsProperties.taskProperties": [1],
    "RegisterJobDefinitionRequest.platformCapabilities": [1],
    "TaskContainerProperties.resourceRequirements": [3],
}

# Groups of fields of which a structure has one at a time.
CHOICES = {
    "PortMapping": [{"containerPort", "hostPort"}, {"containerPortRange"}],
    "Volume": [{"host"}, {"configuredAtLaunch"}, {"dockerVolumeConfiguration"}, {"efsVolumeConfiguration"},
               {"fsxWindowsFileServerVolumeConfiguration"}, {"s3filesVolumeConfiguration"}],
    "ContainerProperties": [{"resourceRequirements"}, {"vcpus", "memory"}],
    "NodeRangeProperty": [{"container"}, {"ecsProperties"}],
}

# What a field must say to be plausible, where it has no enumeration; `*` = in every structure. Of a list, what its items say.
VALUES = {
    "*.command": ["-c", TEXT],
    "*.containerName": ["setup"],
    "*.cpuArchitecture": ["X86_64", "ARM64"],
    "*.credentialsParameter": [f"{SECRET}registry-AbCdEf"],
    "*.essential": [False, True],
    "*.executionRoleArn": [f"{ROLE}pull"],
    "*.image": ["registry.example.com/payments/setup:1.4.2", f"registry.example.com/payments/main@sha256:{'0a' * 32}"],
    "*.operatingSystemFamily": ["LINUX"],
    "*.platformVersion": ["1.4.0", "LATEST"],
    "*.startTimeout": [30, 60],
    "*.stopTimeout": [2, 90],
    "*.taskRoleArn": [f"{ROLE}task"],
    "ContainerDefinition.cpu": [0, 512],
    "ContainerDefinition.dnsServers": ["10.0.0.2", "10.0.0.3"],
    "ContainerDefinition.links": ["setup:helper"],
    "ContainerDefinition.memory": [512],
    "ContainerDefinition.memoryReservation": [256],
    "ContainerDefinition.name": ["setup", "main"],
    "ContainerProperties.jobRoleArn": [f"{ROLE}task"],
    "ContainerProperties.memory": [2048],
    "ContainerProperties.vcpus": [1],
    "EcsTaskProperties.ipcMode": ["host", "task", "none"],
    "EcsTaskProperties.networkMode": ["awsvpc", "host"],
    "EcsTaskProperties.pidMode": ["task", "host"],
    "EnvironmentFile.value": ["arn:aws:s3:::payments-config/first.env", "arn:aws:s3:::payments-config/second.env"],
    "EvaluateOnExit.onExitCode": ["1", "13*"],
    "HealthCheck.command": ["CMD-SHELL", TEXT],
    "HostEntry.ipAddress": ["10.0.0.4"],
    "KeyValuePair.name": ["GREETING", "EMPTY"],
    "KeyValuePair.value": [TEXT, ""],
    "MountPoint.sourceVolume": ["data", "work"],
    "NodeProperties.mainNode": [0],
    "NodeProperties.numNodes": [6],
    "NodeRangeProperty.targetNodes": ["0", "1:5"],
    "RegisterTaskDefinitionRequest.cpu": ["1024", "1 vCPU"],
    "RegisterTaskDefinitionRequest.memory": ["2048", "2 GB"],
    "ResourceRequirement.value": ["1", "1", "2048"],  # in the order of Batch's types: GPU, VCPU, MEMORY
    "Secret.name": ["TOKEN", "KEY"],
    "Secret.valueFrom": [f"{SECRET}api-AbCdEf:token::", f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/payments/api"],
    "TaskContainerDependency.condition": ["START", "COMPLETE", "SUCCESS"],
    "TaskContainerProperties.name": ["setup", "main"],
    "Ulimit.hardLimit": [4096],
    "Ulimit.name": ["nofile", "nproc"],
    "Ulimit.softLimit": [1024],
    "Volume.name": ["data", "work"],
    "VolumeFrom.sourceContainer": ["setup"],
}


class Maker:
    """Makes one definition after another of one service. What a place says is counted over all of them."""

    used = set()  # rows of the tables, by all services

    def __init__(self, service, request):
        self.service, self.request = service, request
        self.turns, self.serial = Counter(), itertools.count(1)

    def definition(self, form):
        others = set(FORMS[self.service]) - {form} | REFUSED[self.service]
        return self.structure(self.request, form, leave_out=others)

    def turn(self, place, values):
        self.turns[place] += 1
        return values[(self.turns[place] - 1) % len(values)]

    def row(self, table, *keys):
        """The first row that a table has for one of these keys."""
        key = next((key for key in keys if key in table), None)
        self.used.add(key)
        return table.get(key)

    def structure(self, shape, place, leave_out=frozenset()):
        choices = [fields & shape.members.keys() for fields in self.row(CHOICES, shape.name) or []]
        if choices := [fields for fields in choices if fields]:
            leave_out = leave_out | (set().union(*choices) - self.turn(place, choices))
        made = {name: self.field(shape, name, f"{place}.{name}") for name in shape.members if name not in leave_out}
        return {name: value for name, value in made.items() if value != []}

    def field(self, structure, name, place):
        shape, keys = structure.members[name], (f"{structure.name}.{name}", f"*.{name}")
        if shape.type_name == "list":
            count = self.turn(place, self.row(ITEMS, *keys) or [2])
            return [self.value(shape.member, f"{place}[]", keys) for _ in range(count)]
        return self.value(shape, place, keys)

    def value(self, shape, place, keys):
        kind = shape.type_name
        if kind == "structure":
            return self.structure(shape, place)
        if values := shape.metadata.get("enum") or self.row(VALUES, *keys):
            return self.turn(place, values)
        if kind == "map":
            return {self.text(f"{place}-key"): self.text(place) for _ in range(2)}
        if kind == "string":
            return self.text(place)
        if kind == "boolean":
            return self.turn(place, [False, True])
        if kind == "long":
            return 2**53 + 2 * next(self.serial) + 1  # a float would round it
        if kind == "integer":
            bounds = limits(shape, "minimum", "maximum") | BOUNDS[self.service].get(keys[0], {})
            return self.turn(place, [bounds[end] for end in ("minimum", "maximum") if end in bounds] or [next(self.serial)])
        sys.exit(f"generate-definitions: {place} is of type {kind}, which this script does not know: add it to Maker.value")

    def text(self, place):
        return f"{place.rpartition('.')[2].replace('[]', '')}-{next(self.serial)}"


def mend_ecs(definition, _form):
    """Fargate takes the network mode awsvpc and the PID mode task only."""
    if definition["networkMode"] != "awsvpc":
        definition["requiresCompatibilities"] = [it for it in definition["requiresCompatibilities"] if it != "FARGATE"]
    if "FARGATE" in definition["requiresCompatibilities"]:
        definition["pidMode"] = "task"


def mend_batch(definition, form):
    """Fargate takes no nodes, no GPUs, and its sizes as requirements only."""
    definition["type"] = "multinode" if form == "nodeProperties" else "container"
    container = definition.get("containerProperties", {})
    if definition["platformCapabilities"] != ["FARGATE"]:
        return
    if form == "nodeProperties" or "vcpus" in container:
        definition["platformCapabilities"] = ["EC2"]
        return
    for task in definition.get("ecsProperties", {}).get("taskProperties", [{"containers": [container]}]):
        for container in task["containers"]:
            container["resourceRequirements"] = [it for it in container["resourceRequirements"] if it["type"] != "GPU"]


MEND = {"ecs": mend_ecs, "batch": mend_batch}


def places(shape, place="", leave_out=frozenset()):
    """All places below a shape, whatever a definition makes of them."""
    for value in shape.metadata.get("enum", []):
        yield f"{place}={value}"
    if shape.type_name == "list":
        yield f"{place}[]"
        yield from places(shape.member, f"{place}[]")
    if shape.type_name == "structure":
        for name in shape.members.keys() - leave_out:
            below = f"{place}.{name}" if place else name
            yield below
            yield from places(shape.members[name], below)


def reached(value, place=""):
    """All places of a definition; also the keys of its maps and all its texts, which are none of `places`."""
    if isinstance(value, list):
        for item in value:
            yield f"{place}[]"
            yield from reached(item, f"{place}[]")
    elif isinstance(value, dict):
        for name, member in value.items():
            below = f"{place}.{name}" if place else name
            yield below
            yield from reached(member, below)
    elif isinstance(value, str):
        yield f"{place}={value}"


def definitions(service, request, wanted):
    maker, missing = Maker(service, request), set(wanted)
    for form in FORMS[service] * ENOUGH:
        definition = maker.definition(form)
        MEND[service](definition, form)
        if found := missing.intersection(reached(definition)):
            missing -= found
            yield definition
    if missing:
        sys.exit(f"generate-definitions: no {service} definition has {', '.join(sorted(missing))}")


def main():
    _, shapes = load()
    made = {}
    for service, request in shapes.items():
        wanted = sorted(set(places(request, leave_out=REFUSED[service])))
        made[service] = {"definitions": list(definitions(service, request, wanted)), "places": wanted}
    if unused := (ITEMS.keys() | CHOICES.keys() | VALUES.keys()) - Maker.used:
        sys.exit(f"generate-definitions: no field is left for {', '.join(sorted(unused))}: take it out of the tables")
    print(json.dumps(made, indent=1))


if __name__ == "__main__":
    main()
