//! Answers of the real AWS that were published, each with the request that it answers: both have the same normal form, and the
//! planner sees nothing to do. Account ids and host names are replaced by examples.

use super::super::generated::{desired, observed, registered_tags, registers, replan};
use serde_json::{Value, json};
use wharfinger::resource::normalise::DefinitionKind::{self, JobDefinition as JOB, TaskDefinition as TASK};
use wharfinger::resource::normalise::{changes, normalise};
use wharfinger::resource::tags::{CONTENT_HASH, Tags};

/// Where it was published, its kind, the request, and the answer.
type Recorded = (&'static str, DefinitionKind, Value, Value);

const TF_ECS: &str = "terraform-provider-aws, internal/service/ecs/container_definitions_test.go";

fn with(containers: Value) -> Value {
    json!({ "containerDefinitions": containers })
}

fn tasks() -> Vec<Recorded> {
    vec![
        (
            "botocore, ecs examples-1.json: RegisterTaskDefinition",
            TASK,
            json!({"family": "sleep360", "taskRoleArn": "", "volumes": [], "containerDefinitions": [
                {"name": "sleep", "command": ["sleep", "360"], "cpu": 10, "essential": true, "image": "busybox", "memory": 10}]}),
            json!({"family": "sleep360", "revision": 1, "volumes": [],
                "taskDefinitionArn": "arn:aws:ecs:us-east-1:111122223333:task-definition/sleep360:19",
                "containerDefinitions": [
                    {"name": "sleep", "command": ["sleep", "360"], "cpu": 10, "environment": [], "essential": true,
                     "image": "busybox", "memory": 10, "mountPoints": [], "portMappings": [], "volumesFrom": []}]}),
        ),
        (
            TF_ECS, // basic
            TASK,
            with(json!([
                {"name": "wordpress", "links": ["mysql"], "image": "wordpress", "essential": true, "memory": 500, "cpu": 10,
                 "portMappings": [{"containerPort": 80, "hostPort": 80}]},
                {"environment": [{"name": "MYSQL_ROOT_PASSWORD", "value": "password"}], "name": "mysql", "image": "mysql",
                 "cpu": 10, "memory": 500, "essential": true}])),
            with(json!([
                {"name": "wordpress", "image": "wordpress", "cpu": 10, "memory": 500, "links": ["mysql"], "essential": true,
                 "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
                 "environment": [], "mountPoints": [], "volumesFrom": []},
                {"name": "mysql", "image": "mysql", "cpu": 10, "memory": 500, "portMappings": [], "essential": true,
                 "environment": [{"name": "MYSQL_ROOT_PASSWORD", "value": "password"}], "mountPoints": [], "volumesFrom": []}])),
        ),
        (
            TF_ECS, // portMappings
            TASK,
            with(json!([{"name": "wordpress", "image": "wordpress", "essential": true, "memory": 500, "cpu": 10,
                "portMappings": [{"containerPort": 80}]}])),
            with(json!([{"name": "wordpress", "image": "wordpress", "cpu": 10, "memory": 500, "essential": true,
                "portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}],
                "environment": [], "mountPoints": [], "volumesFrom": []}])),
        ),
        (
            TF_ECS, // arrays
            TASK,
            with(json!([
                {"name": "wordpress", "image": "wordpress", "links": ["container1"], "memory": 500, "cpu": 10,
                 "portMappings": [{"containerPort": 80}, {"containerPort": 81}],
                 "environment": [{"name": "VARNAME1", "value": "VARVAL1"}, {"name": "VARNAME2", "value": "VARVAL2"}],
                 "extraHosts": [{"hostname": "host1", "ipAddress": "127.0.0.1"}, {"hostname": "host2", "ipAddress": "127.0.0.2"}],
                 "mountPoints": [{"sourceVolume": "vol1", "containerPath": "/vol1"}],
                 "volumesFrom": [{"sourceContainer": "container1"}],
                 "ulimits": [{"name": "core", "softLimit": 10, "hardLimit": 20}, {"name": "cpu", "softLimit": 10, "hardLimit": 20}],
                 "linuxParameters": {"capabilities": {"add": ["AUDIT_CONTROL", "AUDIT_WRITE"], "drop": ["CHOWN", "KILL"]}},
                 "dockerSecurityOptions": ["label:one", "label:two"]},
                {"name": "container1", "image": "busybox", "memory": 100}])),
            with(json!([
                {"cpu": 10, "dockerSecurityOptions": ["label:one", "label:two"], "essential": true, "image": "wordpress",
                 "environment": [{"name": "VARNAME2", "value": "VARVAL2"}, {"name": "VARNAME1", "value": "VARVAL1"}],
                 "extraHosts": [{"hostname": "host1", "ipAddress": "127.0.0.1"}, {"hostname": "host2", "ipAddress": "127.0.0.2"}],
                 "links": ["container1"],
                 "linuxParameters": {"capabilities": {"add": ["AUDIT_CONTROL", "AUDIT_WRITE"], "drop": ["CHOWN", "KILL"]}},
                 "memory": 500, "mountPoints": [{"containerPath": "/vol1", "sourceVolume": "vol1"}], "name": "wordpress",
                 "portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"},
                                  {"containerPort": 81, "hostPort": 0, "protocol": "tcp"}],
                 "ulimits": [{"hardLimit": 20, "name": "core", "softLimit": 10}, {"hardLimit": 20, "name": "cpu", "softLimit": 10}],
                 "volumesFrom": [{"sourceContainer": "container1"}]},
                {"cpu": 0, "environment": [], "essential": true, "image": "busybox", "memory": 100, "mountPoints": [],
                 "name": "container1", "portMappings": [], "volumesFrom": []}])),
        ),
        (
            TF_ECS, // healthCheck
            TASK,
            with(json!([{"name": "nginx", "image": "nginx", "cpu": 512, "memory": 2048, "startTimeout": 10, "environment": [],
                "healthCheck": {"command": ["CMD-SHELL", "curl -f http://localhost:8080/health || exit 1"]},
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "foo-bar-e196c99"}}}])),
            with(json!([{"cpu": 512, "environment": [], "essential": true, "image": "nginx", "memory": 2048, "mountPoints": [],
                "healthCheck": {"command": ["CMD-SHELL", "curl -f http://localhost:8080/health || exit 1"],
                                "interval": 30, "retries": 3, "timeout": 5},
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "foo-bar-e196c99"}},
                "name": "nginx", "portMappings": [], "startTimeout": 10, "systemControls": [], "volumesFrom": []}])),
        ),
        (
            "a post on GitHub runners on ECS, with what the console shows of the task definition gha:1; the request is made from it",
            TASK,
            json!({"family": "gha", "requiresCompatibilities": ["EC2"], "volumes": [{"name": "docker", "host": {"sourcePath": "/var/run/docker.sock"}}],
                "containerDefinitions": [{"name": "runner-1", "image": "myoung34/github-runner:latest", "memoryReservation": 500,
                    "privileged": true, "readonlyRootFilesystem": false,
                    "repositoryCredentials": {"credentialsParameter": "docker-hub"},
                    "environment": [{"name": "RUNNER_NAME_PREFIX", "value": "ecs"}, {"name": "ORG_RUNNER", "value": "true"}],
                    "mountPoints": [{"containerPath": "/var/run/docker.sock", "sourceVolume": "docker"}],
                    "secrets": [{"name": "ACCESS_TOKEN", "valueFrom": "/gha-pat"}]}]}),
            json!({"ipcMode": null, "placementConstraints": [], "memory": null, "compatibilities": ["EC2"], "family": "gha",
                "taskDefinitionArn": "arn:aws:ecs:eu-west-2:111122223333:task-definition/gha:1", "pidMode": null,
                "requiresAttributes": [{"targetId": null, "targetType": null, "value": null,
                    "name": "ecs.capability.private-registry-authentication.secretsmanager"}],
                "requiresCompatibilities": ["EC2"], "networkMode": null, "cpu": null, "revision": 1, "status": "ACTIVE",
                "inferenceAccelerators": null, "proxyConfiguration": null,
                "volumes": [{"fsxWindowsFileServerVolumeConfiguration": null, "efsVolumeConfiguration": null, "name": "docker",
                    "host": {"sourcePath": "/var/run/docker.sock"}, "dockerVolumeConfiguration": null}],
                "containerDefinitions": [{"dnsSearchDomains": null, "environmentFiles": null, "entryPoint": null, "portMappings": [],
                    "command": null, "linuxParameters": null, "cpu": 0, "resourceRequirements": null, "ulimits": null,
                    "environment": [{"name": "ORG_RUNNER", "value": "true"}, {"name": "RUNNER_NAME_PREFIX", "value": "ecs"}],
                    "repositoryCredentials": {"credentialsParameter": "docker-hub"}, "dnsServers": null,
                    "mountPoints": [{"readOnly": null, "containerPath": "/var/run/docker.sock", "sourceVolume": "docker"}],
                    "secrets": [{"valueFrom": "/gha-pat", "name": "ACCESS_TOKEN"}], "memory": null, "memoryReservation": 500,
                    "volumesFrom": [], "stopTimeout": null, "image": "myoung34/github-runner:latest", "healthCheck": null,
                    "essential": true, "links": null, "readonlyRootFilesystem": false, "dockerLabels": null, "privileged": true,
                    "name": "runner-1"}]}),
        ),
    ]
}

fn jobs() -> Vec<Recorded> {
    let lone = |container: Value| json!({"type": "container", "containerProperties": container});
    let needs = |vcpus: &str, memory: &str| json!([{"type": "VCPU", "value": vcpus}, {"type": "MEMORY", "value": memory}]);
    vec![
        (
            "botocore, batch examples-1.json: DescribeJobDefinitions, with the request of RegisterJobDefinition for such a job",
            JOB,
            json!({"type": "container", "jobDefinitionName": "sleep60", "containerProperties": {"command": ["sleep", "60"],
                "image": "busybox", "resourceRequirements": needs("1", "128")}}),
            json!({"type": "container", "jobDefinitionName": "sleep60", "revision": 1, "status": "ACTIVE",
                "jobDefinitionArn": "arn:aws:batch:us-east-1:111122223333:job-definition/sleep60:1",
                "containerProperties": {"command": ["sleep", "60"], "environment": [], "image": "busybox", "mountPoints": [],
                    "resourceRequirements": [{"type": "MEMORY", "value": "128"}, {"type": "VCPU", "value": "1"}],
                    "ulimits": [], "volumes": []}}),
        ),
        (
            "terraform-provider-aws, internal/service/batch/job_definition_test.go: basic",
            JOB,
            lone(json!({"command": ["echo", "test"], "image": "busybox", "memory": 128, "vcpus": 1})),
            lone(json!({"command": ["echo", "test"], "image": "busybox", "memory": 128, "vcpus": 1, "environment": [],
                "mountPoints": [], "resourceRequirements": [], "secrets": [], "ulimits": [], "volumes": []})),
        ),
        (
            "terraform-provider-aws, internal/service/batch/container_properties_test.go: no fargatePlatformConfiguration",
            JOB,
            lone(json!({"image": "busybox", "resourceRequirements": needs("0.25", "512")})),
            lone(
                json!({"image": "busybox", "resourceRequirements": [{"type": "MEMORY", "value": "512"}, {"type": "VCPU", "value": "0.25"}],
                "fargatePlatformConfiguration": {"platformVersion": "LATEST"}}),
            ),
        ),
        (
            "terraform-provider-aws, internal/service/batch/container_properties_test.go: empty lists of linuxParameters",
            JOB,
            lone(
                json!({"image": "busybox", "vcpus": 1, "memory": 4096, "environment": [{"name": "ENVIRONMENT", "value": "test"}],
                "linuxParameters": {"devices": [{"containerPath": "/test", "hostPath": "/tmp"}], "initProcessEnabled": true,
                    "tmpfs": [{"containerPath": "/tmp", "size": 4096}]}, "logConfiguration": {"logDriver": "awslogs"}}),
            ),
            lone(
                json!({"image": "busybox", "vcpus": 1, "memory": 4096, "environment": [{"name": "ENVIRONMENT", "value": "test"}],
                "linuxParameters": {"devices": [{"containerPath": "/test", "hostPath": "/tmp", "permissions": []}],
                    "initProcessEnabled": true, "tmpfs": [{"containerPath": "/tmp", "mountOptions": [], "size": 4096}]},
                "logConfiguration": {"logDriver": "awslogs", "options": {}, "secretOptions": []}}),
            ),
        ),
        (
            "terraform-provider-aws, internal/service/batch/ecs_properties_test.go: full",
            JOB,
            json!({"ecsProperties": {"taskProperties": [{"executionRoleArn": "arn:aws:iam::111122223333:role/test", "containers": [
                {"name": "container_b", "command": ["sleep", "360"], "essential": false, "image": "linux:1",
                 "resourceRequirements": needs("1.0", "2048")},
                {"name": "container_a", "command": ["sleep", "60"], "image": "linux:1", "privileged": false,
                 "dependsOn": [{"condition": "COMPLETE", "containerName": "container_b"}],
                 "environment": [{"name": "test", "value": "Environment Variable"}],
                 "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "test"}},
                 "resourceRequirements": needs("1.0", "2048"), "secrets": [{"name": "TEST", "valueFrom": "DUMMY"}]}]}]}}),
            json!({"ecsProperties": {"taskProperties": [{"executionRoleArn": "arn:aws:iam::111122223333:role/test", "volumes": [],
                "platformVersion": "LATEST", "containers": [
                {"name": "container_a", "command": ["sleep", "60"], "essential": true, "image": "linux:1", "mountPoints": [],
                 "dependsOn": [{"condition": "COMPLETE", "containerName": "container_b"}], "privileged": false,
                 "environment": [{"name": "test", "value": "Environment Variable"}],
                 "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "test"}, "secretOptions": []},
                 "resourceRequirements": needs("1.0", "2048"), "secrets": [{"name": "TEST", "valueFrom": "DUMMY"}], "ulimits": []},
                {"name": "container_b", "command": ["sleep", "360"], "dependsOn": [], "environment": [], "essential": false,
                 "image": "linux:1", "mountPoints": [], "resourceRequirements": needs("1.0", "2048"), "secrets": [],
                 "ulimits": []}]}]}}),
        ),
        (
            "terraform-provider-aws, internal/service/batch/node_properties_test.go: an empty variable",
            JOB,
            json!({"nodeProperties": {"mainNode": 1, "numNodes": 2, "nodeRangeProperties": [{"targetNodes": "0:", "container": {
                "command": ["ls", "-la"], "image": "busybox", "memory": 512, "environment": [{"name": "EMPTY", "value": ""}]}}]}}),
            json!({"nodeProperties": {"mainNode": 1, "numNodes": 2, "nodeRangeProperties": [{"targetNodes": "0:", "environment": [],
                "container": {"command": ["ls", "-la"], "image": "busybox", "memory": 512}}]}}),
        ),
        (
            "a mock that a web console keeps of DescribeJobDefinitions, for a Fargate job; the request is made from it",
            JOB,
            json!({"type": "container", "jobDefinitionName": "hello", "platformCapabilities": ["FARGATE"], "containerProperties": {
                "image": "public.ecr.aws/amazonlinux/amazonlinux:latest", "command": ["echo", "hello world"],
                "executionRoleArn": "arn:aws:iam::111122223333:role/batch", "resourceRequirements": needs("1", "2048")}}),
            json!({"jobDefinitionName": "hello", "revision": 1, "status": "ACTIVE", "type": "container", "schedulingPriority": null,
                "jobDefinitionArn": "arn:aws:batch:us-east-1:111122223333:job-definition/hello:1", "parameters": {},
                "retryStrategy": null, "timeout": null, "nodeProperties": null, "tags": {}, "propagateTags": null,
                "platformCapabilities": ["FARGATE"], "eksProperties": null, "containerOrchestrationType": "ECS",
                "containerProperties": {"image": "public.ecr.aws/amazonlinux/amazonlinux:latest", "vcpus": null, "memory": null,
                    "command": ["echo", "hello world"], "jobRoleArn": null, "volumes": [], "environment": [], "mountPoints": [],
                    "executionRoleArn": "arn:aws:iam::111122223333:role/batch", "readonlyRootFilesystem": null, "ulimits": [],
                    "resourceRequirements": [{"value": "1.0", "type": "VCPU"}, {"value": "2048", "type": "MEMORY"}],
                    "linuxParameters": null, "logConfiguration": null, "secrets": [], "networkConfiguration": null,
                    "fargatePlatformConfiguration": {"platformVersion": "LATEST"}}}),
        ),
        (
            "a comment in a Go program with what DescribeJobDefinitions returned; the request is made from it",
            JOB,
            json!({"type": "container", "platformCapabilities": ["FARGATE"], "containerProperties": {
                "image": "registry.example.com/runner:latest", "command": ["echo", "hello world"],
                "environment": [{"name": "env", "value": "Production"}], "resourceRequirements": needs("2", "4096"),
                "logConfiguration": {"logDriver": "awslogs"}, "networkConfiguration": {"assignPublicIp": "ENABLED"},
                "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"}}}),
            json!({"revision": 6, "status": "ACTIVE", "type": "container", "parameters": {}, "tags": {},
                "platformCapabilities": ["FARGATE"], "containerOrchestrationType": "ECS", "containerProperties": {
                "image": "registry.example.com/runner:latest", "command": ["echo", "hello world"], "volumes": [],
                "environment": [{"name": "env", "value": "Production"}], "mountPoints": [], "ulimits": [],
                "resourceRequirements": [{"value": "2.0", "type": "VCPU"}, {"value": "4096", "type": "MEMORY"}],
                "logConfiguration": {"logDriver": "awslogs", "options": {}, "secretOptions": []}, "secrets": [],
                "networkConfiguration": {"assignPublicIp": "ENABLED", "interfaceConfigurations": []},
                "fargatePlatformConfiguration": {"platformVersion": "LATEST"},
                "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"}}}),
        ),
    ]
}

#[test]
fn what_aws_answered_says_what_was_asked() {
    for (source, kind, request, answer) in tasks().into_iter().chain(jobs()) {
        let (asked, answered) = (normalise(kind, &request), normalise(kind, &answer));
        assert_eq!(changes(kind, &asked, &answered), [], "{source}");
        let mut tags = registered_tags(kind, &request);
        tags.remove(CONTENT_HASH);
        let plan = replan(&desired(kind, &request, &Tags::default()), &observed(answer.clone(), tags.clone()));
        assert!(!registers(&plan), "{source}: {plan}");
        // The answer to another request is not taken for it.
        let mut other = request;
        other["futureField"] = json!("new");
        assert!(registers(&replan(&desired(kind, &other, &Tags::default()), &observed(answer, tags))), "{source}");
    }
}
