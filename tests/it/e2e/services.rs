//! Services are rolled to each new revision, once, and followed to the end.

use super::manifests::{ecs, with};
use super::proxy::{Fault, Rule};
use super::waits::condition;
use super::world::World;
use serde_json::{Value, json};

const CLUSTER: &str = "prod";

fn rolled(world: &World, image: &str) -> Value {
    let manifest = with(ecs(&world.name, "api"), "/spec/rollout", json!({"services": [{"cluster": CLUSTER, "service": "api"}]}));
    with(manifest, "/spec/image", json!(format!("registry.example.com/payments/api:{image}")))
}

async fn service(world: &World) -> Value {
    let answer = world.aws.json("ecs", "DescribeServices", json!({"cluster": CLUSTER, "services": ["api"]})).await;
    answer["services"][0].clone()
}

/// A workload whose service runs its first revision. With no tasks wanted, deployments are done at once.
async fn begin(test: &str, tasks: usize) -> World {
    let world = World::start(test).await;
    let workload = world.converge_ecs("api").await;
    let revision = workload.status.and_then(|status| status.definition).expect("a definition").arn;
    world.aws.json("ecs", "CreateCluster", json!({"clusterName": CLUSTER})).await;
    let made = json!({"cluster": CLUSTER, "serviceName": "api", "taskDefinition": revision, "desiredCount": tasks});
    world.aws.json("ecs", "CreateService", made).await;
    world
}

#[tokio::test]
async fn a_new_revision_is_rolled_to_the_service_once() {
    let world = begin("roll", 0).await;
    world.apply(&rolled(&world, "1.4.2")).await;
    world.ready("api").await;
    world.proxy.forget();
    world.apply(&rolled(&world, "2")).await;
    world.ready("api").await;
    assert_eq!(world.proxy.written(), ["RegisterTaskDefinition", "UpdateService"]);
    let status = world.get("api").await.status.expect("a status");
    let current = status.definition.expect("a definition").arn;
    assert_eq!(service(&world).await["taskDefinition"], current);
    assert_eq!(status.services[0].rolled_to.as_ref(), Some(&current));
    world.poke("api").await;
    assert_eq!(world.proxy.written().len(), 2, "it is told once");
}

#[tokio::test]
async fn a_deployment_is_followed_without_being_repeated() {
    let world = begin("follow", 2).await;
    world.apply(&rolled(&world, "2")).await;
    let condition_of = |status: &wharfinger::api::PrivateImageWorkloadStatus| condition(status, "ServicesUpdated");
    let at_it = |status: &wharfinger::api::PrivateImageWorkloadStatus| {
        condition_of(status).is_some_and(|it| it.reason == "Progressing" && it.message.contains("of 2 tasks run"))
    };
    world.until("api", "follow the deployment", at_it).await;
    world.poke("api").await;
    assert_eq!(world.proxy.counts().get("UpdateService"), Some(&1));
    let mut done = service(&world).await;
    done["deployments"][0]["rolloutState"] = json!("COMPLETED");
    done["deployments"][0]["runningCount"] = json!(2);
    world.proxy.inject(Rule::on("DescribeServices", Fault::Answer(json!({"services": [done], "failures": []}))));
    world.poke("api").await;
    world.ready("api").await;
    assert_eq!(world.proxy.counts().get("UpdateService"), Some(&1));
}

/// moto has no circuit breaker, so what ECS would say is given.
#[tokio::test]
async fn a_failed_deployment_is_told_with_the_cause_and_not_repeated() {
    let world = begin("failed", 2).await;
    world.apply(&rolled(&world, "2")).await;
    world
        .proxy
        .until("UpdateService", |calls| calls.iter().any(|call| call.operation == "UpdateService" && call.status.is_some()))
        .await;
    let mut seen = service(&world).await;
    let revision = seen["taskDefinition"].clone();
    let deployment = &mut seen["deployments"][0];
    deployment["rolloutState"] = json!("FAILED");
    deployment["failedTasks"] = json!(10);
    deployment["rolloutStateReason"] = json!("ECS deployment circuit breaker: tasks failed to start.");
    let reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
                  registry.example.com/payments/api:2: pull access denied, repository does not exist or may require authorization: \
                  server message: insufficient_scope: authorization failed";
    let task = json!({"taskArn": "arn:aws:ecs:eu-west-1:111122223333:task/prod/1", "taskDefinitionArn": revision,
        "stoppedReason": reason, "containers": []});
    for (operation, answer) in [
        ("DescribeServices", json!({"services": [seen], "failures": []})),
        ("ListTasks", json!({"taskArns": [task["taskArn"]]})),
        ("DescribeTasks", json!({"tasks": [task], "failures": []})),
    ] {
        world.proxy.inject(Rule::on(operation, Fault::Answer(answer)));
    }
    world.poke("api").await;
    let told = world.not_ready("api", "RolloutFailed").await.message;
    assert!(told.contains("circuit breaker") && told.contains("RegistryAuth"), "{told}");
    world.poke("api").await;
    assert_eq!(world.proxy.counts().get("UpdateService"), Some(&1), "the same revision is not tried again");
}

#[tokio::test]
async fn a_service_of_another_family_is_reported_and_left() {
    let world = begin("elsewhere", 0).await;
    let container = json!([{"name": "x", "image": "public.ecr.aws/x/x:1", "memory": 128}]);
    world.aws.json("ecs", "RegisterTaskDefinition", json!({"family": "other", "containerDefinitions": container})).await;
    world.aws.json("ecs", "UpdateService", json!({"cluster": CLUSTER, "service": "api", "taskDefinition": "other"})).await;
    let before = service(&world).await["taskDefinition"].clone();
    world.apply(&rolled(&world, "2")).await;
    world.not_ready("api", "OwnershipConflict").await;
    let status = world.get("api").await.status.expect("a status");
    assert_eq!(status.definition.map(|definition| definition.revision), Some(2), "the rest converges");
    assert_eq!((service(&world).await["taskDefinition"].clone(), world.proxy.counts().get("UpdateService")), (before, None));
}

#[tokio::test]
async fn a_service_that_cannot_be_told_is_told_later() {
    let world = begin("denied-service", 0).await;
    world.proxy.inject(Rule::on("UpdateService", Fault::Denied));
    world.apply(&rolled(&world, "2")).await;
    let told = world.not_ready("api", "AccessDenied").await.message;
    assert!(told.contains("UpdateService"), "{told}");
    world.proxy.heal();
    world.poke("api").await;
    world.ready("api").await;
    // A lost answer: the next pass sees that it was told.
    world.proxy.inject(Rule::on("UpdateService", Fault::LoseAnswer).only(0));
    world.proxy.forget();
    world.apply(&rolled(&world, "3")).await;
    world.ready("api").await;
    assert_eq!(world.proxy.counts().get("UpdateService"), Some(&1));
}

/// Who cannot pull with credentials: old platforms on Fargate with Linux, old agents on instances.
#[tokio::test]
async fn old_platforms_and_agents_are_told() {
    let world = begin("old", 0).await;
    world.apply(&rolled(&world, "1.4.2")).await;
    world.ready("api").await;
    let seen = service(&world).await;
    let with = |launch: &str, version: Value, family: &str| {
        let mut service = seen.clone();
        (service["launchType"], service["platformVersion"]) = (json!(launch), version);
        service["platformFamily"] = json!(family);
        service
    };
    let rows = [
        (with("FARGATE", json!("1.1.0"), "Linux"), "1.19.0", "Fargate platform 1.1.0"),
        (with("FARGATE", json!("1.0.0"), "Windows Server 2022 Core"), "1.19.0", ""),
        (with("FARGATE", json!("LATEST"), "Linux"), "1.19.0", ""),
        (with("EC2", Value::Null, "Linux"), "1.18.0", "ECS agents 1.18.0"),
        (with("EXTERNAL", Value::Null, "Linux"), "1.18.0", "ECS agents 1.18.0"),
        (with("EC2", Value::Null, "Linux"), "1.101.0", ""),
    ];
    for (seen, agent, told) in rows {
        world.proxy.heal();
        let instance = json!({"containerInstanceArn": "i", "versionInfo": {"agentVersion": agent}});
        for (operation, answer) in [
            ("DescribeServices", json!({"services": [seen], "failures": []})),
            ("ListContainerInstances", json!({"containerInstanceArns": ["i"]})),
            ("DescribeContainerInstances", json!({"containerInstances": [instance], "failures": []})),
        ] {
            world.proxy.inject(Rule::on(operation, Fault::Answer(answer)));
        }
        let warnings = world.poke("api").await.status.unwrap_or_default().warnings.join("\n");
        assert!(warnings.contains(told) && warnings.is_empty() == told.is_empty(), "{seen}: {warnings}");
    }
}
