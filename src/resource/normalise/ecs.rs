//! What AWS does to an ECS task definition, row by row.
//!
//! Empty lists, empty objects and nulls need no row (c.1 "treat `[]` = absent", "volumes[].host may come back as `{}`",
//! "runtimePlatform may come back as an empty object"): no normal form has any.

use super::{Action::*, Group, Preset::*, When::*, cpu_units, mebibytes, rule, rule_when};

pub(super) const TABLE: &[Group] = &[
    Group {
        under: &[""],
        rules: &[
            // c.1 "server-only: ignore"
            rule("taskDefinitionArn", Drop),
            rule("revision", Drop),
            rule("status", Drop),
            rule("registeredAt", Drop),
            rule("registeredBy", Drop),
            rule("compatibilities", Drop),
            rule("requiresAttributes", Drop),
            rule("deregisteredAt", Drop),
            rule("deleteRequestedAt", Drop),
            // c.1 tags: "separate, only with include=TAGS"
            rule("tags", Drop),
            // c.1 task cpu / memory: "1 vCPU" -> "1024", "1 GB" -> "1024"
            rule("cpu", Rewrite(cpu_units)),
            rule("memory", Rewrite(mebibytes)),
            // botocore's example of RegisterTaskDefinition: sent as "", absent from the answer
            rule("taskRoleArn", Default(Text(""))),
            // c.1 networkMode: "absent on EC2: may be null or bridge"
            rule_when(NotFargate, "networkMode", Default(Text("bridge"))),
            // c.1 requiresCompatibilities: "compare as a set"
            rule("requiresCompatibilities", SortSet),
            // c.1 enableFaultInjection: "default = absent"
            rule("enableFaultInjection", Default(Bool(false))),
            // c.1 containerDefinitions order: "may be reordered: sort by name"
            rule("containerDefinitions", SortBy("name")),
            // Sets in TF's schema of a task definition: each has a name of its own, so an order says nothing.
            rule("volumes", SortBy("name")),
            rule("placementConstraints", SortBy("expression")),
            rule("inferenceAccelerators", SortBy("deviceName")),
            rule("proxyConfiguration.properties", SortBy("name")),
        ],
    },
    Group {
        under: &["containerDefinitions[]"],
        rules: &[
            // c.1 environment, secrets: "may be reordered: sort by name"
            rule("environment", SortBy("name")),
            rule("secrets", SortBy("name")),
            // Options by name: order says nothing.
            rule("logConfiguration.secretOptions", SortBy("name")),
            // c.1 cpu (container): "absent -> 0"
            rule("cpu", Default(Int(0))),
            // c.1 essential: "absent -> true"
            rule("essential", Default(Bool(true))),
            // c.1 portMappings[].protocol: "absent -> tcp"
            rule("portMappings[].protocol", Default(Text("tcp"))),
            // c.1 portMappings[].hostPort: "bridge: absent -> 0" (TF takes 0 for absent in every mode)
            rule("portMappings[].hostPort", Default(Int(0))),
            // c.1 portMappings[].hostPort: "awsvpc: absent -> = containerPort (host mode: must be absent or equal)"
            rule_when(NetworkMode(&["awsvpc", "host"]), "portMappings[].hostPort", DefaultFrom("containerPort")),
            // c.1 healthCheck: "interval 30, retries 3, timeout 5 filled; startPeriod not"
            rule("healthCheck.interval", Default(Int(30))),
            rule("healthCheck.retries", Default(Int(3))),
            rule("healthCheck.timeout", Default(Int(5))),
            // c.1 restartPolicy.restartAttemptPeriod, versionConsistency: "default = absent"
            rule("restartPolicy.restartAttemptPeriod", Default(Int(300))),
            rule("versionConsistency", Default(Text("enabled"))),
            // model MountPoint.readOnly, VolumeFrom.readOnly: "The default value is false."
            rule("mountPoints[].readOnly", Default(Bool(false))),
            rule("volumesFrom[].readOnly", Default(Bool(false))),
        ],
    },
    Group {
        under: &["volumes[]"],
        rules: &[
            // c.1 dockerVolumeConfiguration.scope: "server-computed when absent". UNVERIFIED: that what is computed is "task".
            rule("dockerVolumeConfiguration.scope", Default(Text("task"))),
            // TF autoprovision: default false
            rule("dockerVolumeConfiguration.autoprovision", Default(Bool(false))),
            // c.1 efs rootDirectory: "/ = absent"
            rule("efsVolumeConfiguration.rootDirectory", Default(Text("/"))),
            // model EFSVolumeConfiguration.transitEncryption, .authorizationConfig.iam: "the default value of DISABLED is used"
            rule("efsVolumeConfiguration.transitEncryption", Default(Text("DISABLED"))),
            rule("efsVolumeConfiguration.authorizationConfig.iam", Default(Text("DISABLED"))),
            // model S3FilesVolumeConfiguration.rootDirectory: "Specifying / will have the same effect as omitting this parameter."
            rule("s3filesVolumeConfiguration.rootDirectory", Default(Text("/"))),
        ],
    },
];
