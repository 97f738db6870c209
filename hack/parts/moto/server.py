"""moto's server, made to answer as AWS answers where this project depends on it. Takes the same arguments as `moto_server`.

Each section names what AWS does and where that is written; moto 5.2.5 does otherwise.
"""

import json
import threading

from moto.batch.models import JobDefinition
from moto.batch.responses import BatchResponse
from moto.ecs.exceptions import EcsClientException, TaskDefinitionNotFoundException
from moto.ecs.models import EC2ContainerServiceBackend, TaskDefinition
from moto.iam import models as iam
from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend
from moto.server import main

import networks

# --- Batch: RegisterJobDefinition takes ecsProperties and nodeProperties as well, and a revision inherits nothing from the one
# before it (API reference, RegisterJobDefinition). DescribeJobDefinitions fills empty lists (terraform-provider-aws,
# internal/service/batch, container_properties_test.go and ecs_properties.go).

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
    request.platform_capabilities = self._get_param("platformCapabilities")
    request.propagate_tags = self._get_param("propagateTags")
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
            fill_lists(container, "environment", "mountPoints", "secrets")
            container.setdefault("essential", True)


def fill_lists(container, *names):
    container.update({name: [] for name in names if name not in container})
    container["environment"] = [variable for variable in container["environment"] if variable.get("value") != ""]


JobDefinition._validate = validate_also_ecs_properties
JobDefinition.update = independent_revision
JobDefinition.describe = lambda self: {**describe(self), **getattr(self, "extra", {})}
BatchResponse.registerjobdefinition = register_with_extra

# --- ECS: a family stands for its latest ACTIVE revision (API reference, DescribeTaskDefinition). Empty tags are refused, and
# RegisterTaskDefinition fills protocol, hostPort, systemControls and the health check's numbers (terraform-provider-aws,
# internal/service/ecs, task_definition.go and container_definitions_test.go).

make, describe_family, register_family = (
    TaskDefinition.__init__, EC2ContainerServiceBackend.describe_task_definition, EC2ContainerServiceBackend.register_task_definition)


def make_with_defaults(self, *arguments, **named):
    make(self, *arguments, **named)
    for container in self.container_definitions:
        container.setdefault("systemControls", [])
        if "healthCheck" in container:
            container["healthCheck"] = {"interval": 30, "retries": 3, "timeout": 5, **container["healthCheck"]}
        ports = [{"protocol": "tcp", **port} for port in container["portMappings"]]
        container["portMappings"] = [
            {"hostPort": port.get("containerPort") if self.network_mode == "awsvpc" else 0, **port} for port in ports]


def describe_latest_active(self, task_definition_str):
    family = task_definition_str.split("/")[-1]
    if ":" in family:
        return describe_family(self, task_definition_str)
    active = [it for it in self.task_definitions.get(family, {}).values() if it.status == "ACTIVE"]
    if not active:
        raise TaskDefinitionNotFoundException
    return max(active, key=lambda it: it.revision)


def register_without_empty_tags(self, *arguments, tags=None, **named):
    if tags == []:
        raise EcsClientException("Tags can not be empty.")
    return register_family(self, *arguments, tags=tags, **named)


TaskDefinition.__init__ = make_with_defaults
EC2ContainerServiceBackend.describe_task_definition = describe_latest_active
EC2ContainerServiceBackend.register_task_definition = register_without_empty_tags

# --- ECS: UpdateService to another revision makes a new primary deployment; the one before it stays until ECS has replaced its
# tasks (API reference, Deployment, status and rolloutState). Here nothing runs, so a service that wants no task is done at once.

update = EC2ContainerServiceBackend.update_service


def update_with_deployment(self, service_properties):
    revision = service_properties.get("task_definition")
    service = update(self, service_properties)
    if revision:
        service.task_definition = self.describe_task_definition(revision).arn
    primary = next((it for it in service.deployments if it["status"] == "PRIMARY"), None)
    if revision and primary and primary["taskDefinition"] != service.task_definition:
        done = not service.desired_count
        new = {**primary, "id": primary["id"] + "0", "taskDefinition": service.task_definition, "runningCount": 0, "failedTasks": 0,
               "pendingCount": service.desired_count, "rolloutState": "COMPLETED" if done else "IN_PROGRESS"}
        primary["status"] = "ACTIVE"
        service.deployments = [new] if done else [new, primary]
    return service


EC2ContainerServiceBackend.update_service = update_with_deployment

# --- Secrets Manager: a secret that is scheduled for deletion can be described and restored, nothing else (API reference, the
# InvalidRequestException of each call). A version without a staging label is not shown (DescribeSecret, VersionIdsToStages).
# Moving AWSCURRENT makes that version the one that is read and later replaced (UpdateSecretVersionStage). A copy has the key that
# was asked for (ReplicaRegionType, KmsKeyId).

CREATE = "You can't create this secret because a secret with this name is already scheduled for deletion."
OTHER = "You can't perform this operation on the secret because it was marked for deletion."
stages, move = FakeSecret._form_version_ids_to_stages, SecretsManagerBackend.update_secret_version_stage
replicate = FakeSecret.create_replicas


def refused_while_scheduled(name, message):
    call = getattr(SecretsManagerBackend, name)

    def checked(self, *arguments, **named):
        secret = self.secrets.get(named.get("secret_id") or named.get("name") or arguments[0])
        if secret and secret.is_deleted():
            raise InvalidRequestException(message)
        return call(self, *arguments, **named)

    return checked


def move_and_remember(self, secret_id, version_stage, remove_from_version_id, move_to_version_id):
    answer = move(self, secret_id, version_stage, remove_from_version_id, move_to_version_id)
    if version_stage == "AWSCURRENT" and move_to_version_id:
        self.secrets[secret_id].set_default_version_id(move_to_version_id)
    return answer


def replicate_with_keys(self, replica_regions, force_overwrite):
    copies = replicate(self, replica_regions, force_overwrite)
    for asked, copy in zip(replica_regions or [], copies):
        copy.config["KmsKeyId"] = asked.get("KmsKeyId") or copy.config["KmsKeyId"]
    return copies


FakeSecret.create_replicas = replicate_with_keys
FakeSecret._form_version_ids_to_stages = lambda self: {version: labels for version, labels in stages(self).items() if labels}
SecretsManagerBackend.update_secret_version_stage = move_and_remember
for name in ("put_secret_value", "tag_resource", "untag_resource", "update_secret", "update_secret_version_stage"):
    setattr(SecretsManagerBackend, name, refused_while_scheduled(name, OTHER))
SecretsManagerBackend.create_secret = refused_while_scheduled("create_secret", CREATE)

# --- IAM: of AWS's managed policies only those for ECS. Each account has its own copy, and all 1,400 would take 0.7 s an account.

policies = json.loads(iam.aws_managed_policies_data)
iam.aws_managed_policies_data = json.dumps({name: policy for name, policy in policies.items() if "ECS" in name})

# --- EC2: endpoints and their groups.

networks.install()

if __name__ == "__main__":
    main()
