//! Definitions as given and as AWS returns them: one pair a row of the tables.

use serde_json::{Value, json};

use super::{DefinitionKind, JOB, TASK};

/// What is given, and what AWS returns for it.
pub(super) type Pair = (Value, Value);

fn in_container(given: Value, returned: Value) -> Pair {
    (json!({"containerDefinitions": [given]}), json!({"containerDefinitions": [returned]}))
}

fn task_pairs() -> Vec<Pair> {
    let mut pairs: Vec<Pair> = [
        (json!({}), json!({"taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/f:7"})),
        (json!({}), json!({"revision": 7})),
        (json!({}), json!({"status": "ACTIVE"})),
        (json!({}), json!({"registeredAt": 1_700_000_000.5})),
        (json!({}), json!({"registeredBy": "arn:aws:iam::111122223333:root"})),
        (json!({}), json!({"compatibilities": ["EC2", "FARGATE"]})),
        (json!({}), json!({"requiresAttributes": [{"name": "ecs.capability.private-registry-authentication.secretsmanager"}]})),
        (json!({}), json!({"deregisteredAt": 1})),
        (json!({}), json!({"deleteRequestedAt": 1})),
        (json!({"tags": [{"key": "team", "value": "payments"}]}), json!({"tags": [{"key": "aws:x", "value": "y"}]})),
        (json!({"cpu": ".25 vCPU"}), json!({"cpu": "256"})),
        (json!({"memory": "0.5GB"}), json!({"memory": "512"})),
        (json!({"taskRoleArn": ""}), json!({})),
        (json!({}), json!({"networkMode": "bridge"})),
        (json!({"requiresCompatibilities": ["FARGATE", "EC2"]}), json!({"requiresCompatibilities": ["EC2", "FARGATE"]})),
        (json!({}), json!({"enableFaultInjection": false})),
        reversed("containerDefinitions", json!([{"name": "a"}, {"name": "b"}])),
        reversed("volumes", json!([{"name": "a"}, {"name": "b"}])),
        reversed("placementConstraints", json!([{"expression": "a"}, {"expression": "b"}])),
        reversed("inferenceAccelerators", json!([{"deviceName": "a"}, {"deviceName": "b"}])),
        within("proxyConfiguration", reversed("properties", json!([{"name": "a"}, {"name": "b"}]))),
        // No row, but the whole form: nothing empty survives.
        (json!({}), json!({"volumes": [], "placementConstraints": [], "runtimePlatform": {}, "networkMode": null})),
    ]
    .into();
    pairs.extend(task_container_pairs());
    for (field, default) in [("scope", json!("task")), ("autoprovision", json!(false))] {
        pairs.push(volume_pair("dockerVolumeConfiguration", json!({"driver": "d"}), field, default));
    }
    for (field, default) in [("rootDirectory", "/"), ("transitEncryption", "DISABLED")] {
        pairs.push(volume_pair("efsVolumeConfiguration", json!({"fileSystemId": "fs-1"}), field, json!(default)));
    }
    pairs.push(volume_pair("efsVolumeConfiguration", json!({}), "authorizationConfig", json!({"iam": "DISABLED"})));
    pairs.push(volume_pair("s3filesVolumeConfiguration", json!({"fileSystemArn": "fs-1"}), "rootDirectory", json!("/")));
    pairs
}

fn task_container_pairs() -> Vec<Pair> {
    let ports = |port: Value| json!({"name": "a", "portMappings": [port]});
    let check = |field: &str, value: u32| {
        in_container(json!({"healthCheck": {"command": ["CMD"]}}), json!({"healthCheck": {"command": ["CMD"], (field): value}}))
    };
    let mut pairs: Vec<Pair> = [
        in_container(json!({"name": "a"}), json!({"name": "a", "cpu": 0})),
        in_container(json!({"name": "a"}), json!({"name": "a", "essential": true})),
        in_container(ports(json!({"containerPort": 80})), ports(json!({"containerPort": 80, "protocol": "tcp"}))),
        in_container(ports(json!({"containerPort": 80})), ports(json!({"containerPort": 80, "hostPort": 0}))),
        check("interval", 30),
        check("retries", 3),
        check("timeout", 5),
        in_container(
            json!({"restartPolicy": {"enabled": true}}),
            json!({"restartPolicy": {"enabled": true, "restartAttemptPeriod": 300}}),
        ),
        in_container(json!({"name": "a"}), json!({"name": "a", "versionConsistency": "enabled"})),
        in_container(
            json!({"mountPoints": [{"sourceVolume": "v"}]}),
            json!({"mountPoints": [{"sourceVolume": "v", "readOnly": false}]}),
        ),
        in_container(
            json!({"volumesFrom": [{"sourceContainer": "b"}]}),
            json!({"volumesFrom": [{"sourceContainer": "b", "readOnly": false}]}),
        ),
        in_container(
            json!({"name": "a"}),
            json!({"name": "a", "environment": [], "mountPoints": [], "systemControls": [], "dependsOn": [{}]}),
        ),
    ]
    .into();
    for list in ["environment", "secrets"] {
        let (given, returned) = reversed(list, json!([{"name": "a"}, {"name": "b"}]));
        pairs.push(in_container(given, returned));
    }
    let (given, returned) = reversed("secretOptions", json!([{"name": "a"}, {"name": "b"}]));
    pairs.push(in_container(json!({"logConfiguration": given}), json!({"logConfiguration": returned})));
    for mode in ["awsvpc", "host"] {
        let (mut given, mut returned) =
            in_container(ports(json!({"containerPort": 80})), ports(json!({"containerPort": 80, "hostPort": 80})));
        given["networkMode"] = json!(mode);
        returned["networkMode"] = json!(mode);
        pairs.push((given, returned));
    }
    pairs
}

fn volume_pair(configuration: &str, given: Value, field: &str, default: Value) -> Pair {
    let mut returned = given.clone();
    returned[field] = default;
    (json!({"volumes": [{"name": "v", (configuration): given}]}), json!({"volumes": [{"name": "v", (configuration): returned}]}))
}

fn reversed(field: &str, list: Value) -> Pair {
    let mut backwards = list.clone();
    backwards.as_array_mut().unwrap().reverse();
    (json!({(field): backwards}), json!({(field): list}))
}

fn within(field: &str, (given, returned): Pair) -> Pair {
    (json!({(field): given}), json!({(field): returned}))
}

/// A definition with this container in each of the four shapes in turn.
pub(super) fn shapes(container: &Value) -> [Value; 4] {
    let lone = json!({"containerProperties": container});
    let task = json!({"ecsProperties": {"taskProperties": [{"containers": [container]}]}});
    let node = json!({"nodeProperties": {"nodeRangeProperties": [{"targetNodes": "0:", "container": container}]}});
    let nodes =
        json!({"nodeProperties": {"nodeRangeProperties": [{"targetNodes": "0:", "ecsProperties": task["ecsProperties"]}]}});
    [lone, task, node, nodes]
}

/// A definition with these properties of a task in each of the two shapes in turn.
fn task_shapes(task: &Value) -> [Value; 2] {
    let ecs = json!({"taskProperties": [task]});
    [json!({"ecsProperties": ecs}), json!({"nodeProperties": {"nodeRangeProperties": [{"ecsProperties": ecs}]}})]
}

fn job_pairs() -> Vec<Pair> {
    let retry = |action: &str| json!({"retryStrategy": {"evaluateOnExit": [{"onExitCode": "1", "action": action}]}});
    let nodes = |range: &str| json!({"nodeProperties": {"nodeRangeProperties": [{"targetNodes": range}]}});
    let mut pairs: Vec<Pair> = [
        (json!({}), json!({"jobDefinitionArn": "arn:aws:batch:eu-west-1:111122223333:job-definition/j:1"})),
        (json!({}), json!({"revision": 1})),
        (json!({}), json!({"status": "ACTIVE"})),
        (json!({}), json!({"containerOrchestrationType": "ECS"})),
        (json!({"tags": {"a": "b"}}), json!({"tags": {}})),
        (retry("RETRY"), retry("retry")),
        (json!({"platformCapabilities": ["FARGATE", "EC2"]}), json!({"platformCapabilities": ["EC2", "FARGATE"]})),
        (json!({}), json!({"platformCapabilities": ["EC2"]})),
        (nodes(":1"), nodes("0:1")),
        (json!({}), json!({"propagateTags": false})),
        (json!({}), json!({"parameters": {}, "schedulingPriority": null})),
    ]
    .into();
    for (given, returned) in job_container_pairs() {
        pairs.extend(shapes(&given).into_iter().zip(shapes(&returned)));
    }
    let lone = [json!({"fargatePlatformConfiguration": {"platformVersion": "LATEST"}}), json!({"privileged": false})];
    for mut returned in lone {
        returned["image"] = json!("i");
        let shapes_of = |container: &Value| shapes(container).into_iter().step_by(2);
        pairs.extend(shapes_of(&json!({"image": "i"})).zip(shapes_of(&returned)));
    }
    let tasks = [
        reversed("containers", json!([{"name": "a"}, {"name": "b"}])),
        (json!({"containers": [{"name": "a"}]}), json!({"containers": [{"name": "a", "essential": true}]})),
        (json!({"ipcMode": "none"}), json!({"ipcMode": "none", "platformVersion": "LATEST"})),
        (json!({"ipcMode": "none"}), json!({"ipcMode": "none", "networkMode": "host"})),
    ];
    for (given, returned) in tasks {
        pairs.extend(task_shapes(&given).into_iter().zip(task_shapes(&returned)));
    }
    for (given, returned) in job_runnable_pairs() {
        pairs.extend(shapes(&given).into_iter().step_by(2).zip(shapes(&returned).into_iter().step_by(2)));
        pairs.extend(task_shapes(&given).into_iter().zip(task_shapes(&returned)));
    }
    pairs
}

fn job_container_pairs() -> Vec<Pair> {
    let needs = |vcpus: &str| json!({"resourceRequirements": [{"type": "VCPU", "value": vcpus}]});
    vec![
        (
            json!({"environment": [{"name": "EMPTY", "value": ""}, {"name": "A", "value": "1"}]}),
            json!({"environment": [{"name": "A", "value": "1"}]}),
        ),
        reversed("environment", json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])),
        reversed("secrets", json!([{"name": "A"}, {"name": "B"}])),
        within("logConfiguration", reversed("secretOptions", json!([{"name": "A"}, {"name": "B"}]))),
        (needs("1.0"), needs("1")),
        reversed("resourceRequirements", json!([{"type": "MEMORY", "value": "2048"}, {"type": "VCPU", "value": "1"}])),
        (json!({"mountPoints": [{"sourceVolume": "v"}]}), json!({"mountPoints": [{"sourceVolume": "v", "readOnly": false}]})),
        (
            json!({"linuxParameters": {"devices": [{"hostPath": "/dev/x"}]}}),
            json!({"linuxParameters": {"devices": [{"hostPath": "/dev/x", "containerPath": "/dev/x"}]}}),
        ),
        (
            json!({"image": "i", "linuxParameters": {"devices": [{"hostPath": "/dev/x"}]}}),
            json!({"image": "i", "command": [], "networkConfiguration": {"interfaceConfigurations": []},
                   "linuxParameters": {"devices": [{"hostPath": "/dev/x", "permissions": []}], "tmpfs": []}}),
        ),
    ]
}

fn job_runnable_pairs() -> Vec<Pair> {
    vec![
        (
            json!({"ephemeralStorage": {"sizeInGiB": 30}}),
            json!({"ephemeralStorage": {"sizeInGiB": 30}, "networkConfiguration": {"assignPublicIp": "DISABLED"}}),
        ),
        reversed("volumes", json!([{"name": "a"}, {"name": "b"}])),
        volume_pair("efsVolumeConfiguration", json!({"fileSystemId": "fs-1"}), "rootDirectory", json!("/")),
        volume_pair("efsVolumeConfiguration", json!({"fileSystemId": "fs-1"}), "transitEncryption", json!("DISABLED")),
        volume_pair("efsVolumeConfiguration", json!({}), "authorizationConfig", json!({"iam": "DISABLED"})),
        volume_pair("s3filesVolumeConfiguration", json!({"fileSystemArn": "fs-1"}), "rootDirectory", json!("/")),
    ]
}

pub(super) fn pairs(kind: DefinitionKind) -> Vec<Pair> {
    match kind {
        TASK => task_pairs(),
        JOB => job_pairs(),
    }
}
