//! What AWS does to a Batch job definition, row by row.
//!
//! Empty lists, empty objects and nulls need no row (c.2 "absent -> `[]`", "parameters absent -> `{}`", "networkConfiguration:
//! … unmodelled `interfaceConfigurations: []`"): no normal form has any. Nothing is said about `eksProperties`: Wharfinger
//! refuses it, since such a job has `imagePullSecrets` in place of `repositoryCredentials`.

use super::{Action::*, Group, Preset::*, decimal, from_node_zero, lower_case, rule};

/// The shapes in which a job definition holds a container.
const CONTAINERS: &[&str] = &[
    "containerProperties",
    "ecsProperties.taskProperties[].containers[]",
    "nodeProperties.nodeRangeProperties[].container",
    "nodeProperties.nodeRangeProperties[].ecsProperties.taskProperties[].containers[]",
];

/// … and a task of several containers.
const TASKS: &[&str] = &["ecsProperties.taskProperties[]", "nodeProperties.nodeRangeProperties[].ecsProperties.taskProperties[]"];

/// … and what belongs to the only container or to the task, such as volumes.
const RUNNABLES: &[&str] = &[
    "containerProperties",
    "ecsProperties.taskProperties[]",
    "nodeProperties.nodeRangeProperties[].container",
    "nodeProperties.nodeRangeProperties[].ecsProperties.taskProperties[]",
];

/// … and the settings that belong to the only container, and to no container of a task.
const LONE_CONTAINERS: &[&str] = &["containerProperties", "nodeProperties.nodeRangeProperties[].container"];

pub(super) const TABLE: &[Group] = &[
    Group {
        under: &[""],
        rules: &[
            // c.2 "server-only"
            rule("jobDefinitionArn", Drop),
            rule("revision", Drop),
            rule("status", Drop),
            rule("containerOrchestrationType", Drop),
            // c.2 tags: compared on their own
            rule("tags", Drop),
            // c.2 retryStrategy: "evaluateOnExit[].action returned lower-case"; the order of these is meaning
            rule("retryStrategy.evaluateOnExit[].action", Rewrite(lower_case)),
            // A set in TF's schema of a job definition.
            rule("platformCapabilities", SortSet),
            // model platformCapabilities: "If no value is specified, it defaults to EC2."
            rule("platformCapabilities", Default(Only("EC2"))),
            // model targetNodes: "If the starting range value is omitted (:n), then 0 is used to start the range."
            rule("nodeProperties.nodeRangeProperties[].targetNodes", Rewrite(from_node_zero)),
            // model propagateTags: "If no value is specified, the tags are not propagated."
            rule("propagateTags", Default(Bool(false))),
        ],
    },
    Group {
        under: CONTAINERS,
        rules: &[
            // c.2 environment: "entries with empty value are dropped by the service", "may be reordered"
            rule("environment", DropWithout("value")),
            rule("environment", SortBy("name")),
            // c.2 ecsProperties: "secrets sort"; the other shapes hold the same list
            rule("secrets", SortBy("name")),
            // Options by name: order says nothing.
            rule("logConfiguration.secretOptions", SortBy("name")),
            // c.2 resourceRequirements: "normalise numerically; compare as a map by type"
            rule("resourceRequirements[].value", Rewrite(decimal)),
            rule("resourceRequirements", SortBy("type")),
            // model MountPoint.readOnly: "The default value is false."
            rule("mountPoints[].readOnly", Default(Bool(false))),
            // model Device.containerPath: "By default, the hostPath value is used."
            rule("linuxParameters.devices[].containerPath", DefaultFrom("hostPath")),
        ],
    },
    Group {
        under: LONE_CONTAINERS,
        rules: &[
            // c.2 fargatePlatformConfiguration: "FARGATE: absent -> {platformVersion: LATEST}"
            rule("fargatePlatformConfiguration.platformVersion", Default(Text("LATEST"))),
            // model ContainerProperties.privileged: "The default value is false."
            rule("privileged", Default(Bool(false))),
        ],
    },
    Group {
        under: TASKS,
        rules: &[
            // c.2 ecsProperties: "containers: sort by name; essential absent -> true"
            rule("containers", SortBy("name")),
            rule("containers[].essential", Default(Bool(true))),
            // c.2 ecsProperties.platformVersion: "absent = LATEST"
            rule("platformVersion", Default(Text("LATEST"))),
            // model EcsTaskProperties.networkMode: "When not specified, the default is host."
            rule("networkMode", Default(Text("host"))),
        ],
    },
    Group {
        under: RUNNABLES,
        rules: &[
            // model NetworkConfiguration.assignPublicIp: "The default value is "DISABLED"."
            rule("networkConfiguration.assignPublicIp", Default(Text("DISABLED"))),
            // Each has a name of its own, as in ECS: order says nothing.
            rule("volumes", SortBy("name")),
            // model EFSVolumeConfiguration.rootDirectory: "Specifying / has the same effect as omitting this parameter."
            rule("volumes[].efsVolumeConfiguration.rootDirectory", Default(Text("/"))),
            // model EFSVolumeConfiguration.transitEncryption, .authorizationConfig.iam: "the default value of DISABLED is used"
            rule("volumes[].efsVolumeConfiguration.transitEncryption", Default(Text("DISABLED"))),
            rule("volumes[].efsVolumeConfiguration.authorizationConfig.iam", Default(Text("DISABLED"))),
            // model S3FilesVolumeConfiguration.rootDirectory: "Specifying / has the same effect as omitting this parameter."
            rule("volumes[].s3filesVolumeConfiguration.rootDirectory", Default(Text("/"))),
        ],
    },
];
