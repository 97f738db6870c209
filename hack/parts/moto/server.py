"""moto's server with what it lacks of AWS Batch for this project. Takes the same arguments as `moto_server`.

moto 5.2.5 refuses `ecsProperties`, forgets `nodeProperties` and the other fields of EXTRA, and lets a new revision inherit from
the one before it. AWS does none of that. Answers are filled with defaults as AWS fills them.
"""

import json
import threading

from moto.batch.models import JobDefinition
from moto.batch.responses import BatchResponse
from moto.server import main

EXTRA = ("ecsProperties", "nodeProperties", "schedulingPriority", "consumableResourceProperties")
request = threading.local()  # moto answers each request in one thread

validate, describe, register = JobDefinition._validate, JobDefinition.describe, BatchResponse.registerjobdefinition


def validate_also_ecs_properties(self):
    if self.type != "container" or "ecsProperties" not in getattr(request, "extra", {}):
        validate(self)


def independent_revision(self, parameters, _type, container_properties, node_properties, eks_properties, retry_strategy, tags, timeout):
    return JobDefinition(
        self.name, parameters, _type, container_properties, node_properties=node_properties, eks_properties=eks_properties,
        tags=tags, retry_strategy=retry_strategy, timeout=timeout, backend=self.backend, revision=self.revision,
        platform_capabilities=request.platform_capabilities, propagate_tags=request.propagate_tags,
    )


def register_with_extra(self):
    request.platform_capabilities, request.propagate_tags = self._get_param("platformCapabilities"), self._get_param("propagateTags")
    request.extra = {name: value for name in EXTRA if (value := self._get_param(name)) is not None}
    answer = register(self)
    definition = self.batch_backend.get_job_definition_by_arn(json.loads(answer)["jobDefinitionArn"])
    definition.extra = with_defaults(request.extra)
    return answer


def with_defaults(extra):
    for node in extra.get("nodeProperties", {}).get("nodeRangeProperties", []):
        if "container" in node:
            fill_lists(node["container"], "command", "environment", "mountPoints", "resourceRequirements", "secrets", "ulimits", "volumes")
        fill_task(node.get("ecsProperties", {}))
    fill_task(extra.get("ecsProperties", {}))
    return extra


def fill_task(properties):
    for task in properties.get("taskProperties", []):
        task.setdefault("platformVersion", "LATEST")
        for container in task.get("containers", []):
            container.setdefault("essential", True)
            fill_lists(container, "environment", "mountPoints", "secrets")


def fill_lists(container, *names):
    for name in names:
        container.setdefault(name, [])
    container["environment"] = [variable for variable in container["environment"] if variable.get("value") != ""]


JobDefinition._validate = validate_also_ecs_properties
JobDefinition.update = independent_revision
JobDefinition.describe = lambda self: {**describe(self), **getattr(self, "extra", {})}
BatchResponse.registerjobdefinition = register_with_extra

if __name__ == "__main__":
    main()
