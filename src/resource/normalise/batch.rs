//! What AWS does to a Batch job definition, row by row.
//!
//! Empty lists, empty objects and nulls need no row (c.2 "absent -> `[]`", "parameters absent -> `{}`", "networkConfiguration:
//! … unmodelled `interfaceConfigurations: []`"): no normal form has any. Nothing is said about `eksProperties`: Wharfinger
//! refuses it, since such a job has `imagePullSecrets` in place of `repositoryCredentials`.

use super::{Action::*, Group, Scalar::*, decimal, lower_case, rule};

/// The shapes in which a job definition holds a container.
const CONTAINERS: &[&str] = &[
    "containerProperties",
    "ecsProperties.taskProperties[].containers[]",
    "nodeProperties.nodeRangeProperties[].container",
    "nodeProperties.nodeRangeProperties[].ecsProperties.taskProperties[].containers[]",
];

/// … and a task of several containers.
const TASKS: &[&str] = &["ecsProperties.taskProperties[]", "nodeProperties.nodeRangeProperties[].ecsProperties.taskProperties[]"];

/// … and volumes: with the only container, or with the task.
const VOLUME_OWNERS: &[&str] = &[
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
        ],
    },
    Group {
        under: VOLUME_OWNERS,
        rules: &[
            // Each has a name of its own, as in ECS: order says nothing.
            rule("volumes", SortBy("name")),
            // model EFSVolumeConfiguration.rootDirectory: "Specifying / has the same effect as omitting this parameter."
            rule("volumes[].efsVolumeConfiguration.rootDirectory", Default(Text("/"))),
            // model EFSVolumeConfiguration.transitEncryption, .authorizationConfig.iam: "the default value of DISABLED is used"
            rule("volumes[].efsVolumeConfiguration.transitEncryption", Default(Text("DISABLED"))),
            rule("volumes[].efsVolumeConfiguration.authorizationConfig.iam", Default(Text("DISABLED"))),
        ],
    },
];
