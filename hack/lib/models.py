"""AWS's service models, which the botocore package carries: the requests that register definitions, and their bounds."""

import sys

REGISTER = {"ecs": "RegisterTaskDefinition", "batch": "RegisterJobDefinition"}

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


def load():
    """botocore's version, and by service the shape of what its register operation takes."""
    try:
        import botocore
        import botocore.session
    except ImportError:
        sys.exit(f"{sys.argv[0]}: this python has no botocore, which carries AWS's service models; run `make generate`")
    session = botocore.session.get_session()
    models = {service: session.get_service_model(service) for service in REGISTER}
    return botocore.__version__, {service: models[service].operation_model(REGISTER[service]).input_shape for service in REGISTER}


def limits(shape, least, most):
    """The model's own bounds under other names; a `least` of None leaves the lower one out."""
    names = {"min": least, "max": most}
    return {names[k]: v for k, v in shape.metadata.items() if names.get(k) and (k == "max" or v)}
