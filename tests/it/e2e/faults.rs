//! AWS denies, throttles, fails or does not answer, at each call of a creation: the status says so, nothing is lost, and once it is
//! over the workload converges.

use super::converge::assert_whole;
use super::manifests::{BATCH_FORMS, batch, ecs, with};
use super::proxy::{Call, Fault, REQUEST_ID, Rule};
use super::rows::{each, soak};
use super::waits::{conditions, ready};
use super::world::World;
use serde_json::{Value, json};

/// The calls of a creation. `every_call_of_a_creation_is_in_the_table` says when one is missing.
const CALLS: [&str; 11] = [
    "AssumeRole",
    "GetCallerIdentity",
    "DescribeKey",
    "DescribeSecret",
    "GetRole",
    "DescribeTaskDefinition",
    "CreateSecret",
    "CreateRole",
    "AttachRolePolicy",
    "PutRolePolicy",
    "RegisterTaskDefinition",
];

fn faults() -> [(Fault, &'static str); 4] {
    [
        (Fault::Denied, "AccessDenied"),
        (Fault::Throttled, "Throttled"),
        (Fault::ServerError, "AwsUnavailable"),
        (Fault::Hang, "AwsUnavailable"),
    ]
}

/// An ECS workload whose secret has a customer key, so that KMS is asked as well.
async fn begin(world: &World) {
    world.aws.key("alias/registry").await;
    world.login("first").await;
    world.apply(&with(ecs(&world.name, "api"), "/spec/credentials/0/kmsKey", json!("alias/registry"))).await;
}

async fn assert_converged(world: &World) {
    let holdings = world.aws.holdings().await;
    assert_eq!((holdings.secrets.len(), holdings.roles.len(), holdings.tasks.len()), (1, 1, 1), "{holdings:#?}");
    assert_eq!(holdings.tasks[0].revision, 1, "nothing was registered twice");
    assert_eq!(holdings.secrets[0].versions.len(), 1);
    assert_eq!(holdings.secrets[0].value.as_ref().map(|value| value["password"].clone()), Some(json!("first")));
    assert_eq!(holdings.roles[0].inline.values().flat_map(super::converge::granted).count(), 2, "secret and key");
}

#[tokio::test]
async fn every_call_of_a_creation_is_in_the_table() {
    let world = World::start("calls").await;
    begin(&world).await;
    world.ready("api").await;
    assert_converged(&world).await;
    let unknown: Vec<String> = world.proxy.counts().into_keys().filter(|call| !CALLS.contains(&call.as_str())).collect();
    assert_eq!(unknown, [] as [&str; 0]);
}

#[tokio::test]
async fn every_call_may_fail_in_every_way_and_nothing_is_lost() {
    let all = CALLS.iter().enumerate().flat_map(|(at, call)| faults().map(|(fault, reason)| (at, *call, fault, reason)));
    // The sample has every call with two faults, and every fault with half of the calls.
    let sample = all.enumerate().filter(|(number, (at, ..))| soak() || number % 2 == at % 2);
    let rows = sample.map(|(_, (_, call, fault, reason))| (format!("{call}: {fault}"), (call, fault, reason)));
    each(rows, |(call, fault, reason)| async move {
        let world = World::new("fault").await.flags(&["--aws-timeout", "2s"]).start().await;
        world.proxy.inject(Rule::on(call, fault.clone()));
        begin(&world).await;
        let condition = world.not_ready("api", reason).await;
        assert!(condition.message.contains(call), "which call: {}", condition.message);
        if !matches!(fault, Fault::Hang) {
            assert!(condition.message.contains(REQUEST_ID), "which request: {}", condition.message);
        }
        let stalled = conditions(&world.get("api").await).contains_key("Stalled");
        assert_eq!(stalled, reason == "AccessDenied", "only what somebody must act on is stalled");
        world.proxy.heal();
        world.poke("api").await;
        world.ready("api").await;
        assert_converged(&world).await;
    })
    .await;
}

#[tokio::test]
async fn a_fault_that_passes_needs_nobody() {
    let rows = [("throttled", Fault::Throttled), ("server error", Fault::ServerError)].map(|(name, fault)| (name.to_owned(), fault));
    each(rows, |fault| async move {
        let world = World::start("passes").await;
        world.proxy.inject(Rule::on_writes(fault.clone()).only(0));
        world.proxy.inject(Rule::on("RegisterTaskDefinition", fault).only(0));
        world.login("first").await;
        world.apply(&ecs(&world.name, "api")).await;
        world.ready("api").await;
        assert_whole(&world, &world.aws.holdings().await, "api", "first");
    })
    .await;
}

#[tokio::test]
async fn the_answer_of_any_write_may_be_lost() {
    let shapes = ["ecs"].into_iter().chain(BATCH_FORMS.into_iter().filter(|_| soak()));
    let rows = shapes.flat_map(|shape| (0..5).map(move |nth| (format!("{shape}, write {nth}"), (shape, nth))));
    each(rows, |(shape, nth)| async move {
        let world = World::start("lost").await;
        world.proxy.inject(Rule::on_writes(Fault::LoseAnswer).only(nth));
        world.login("first").await;
        world.apply(&if shape == "ecs" { ecs(&world.name, "api") } else { batch(&world.name, "api", shape) }).await;
        world.ready("api").await;
        let holdings = world.aws.holdings().await;
        assert_whole(&world, &holdings, "api", "first");
        assert!(holdings.definitions().all(|definition| definition.revision == 1), "nothing was registered twice");
        assert_eq!(holdings.secrets[0].versions.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_answer_of_a_change_or_a_removal_may_be_lost() {
    let world = World::start("lost-later").await;
    world.converge_ecs("api").await;
    let lose = |operation| world.proxy.inject(Rule::on(operation, Fault::LoseAnswer).only(0));
    lose("PutSecretValue");
    world.login("second").await;
    world.proxy.until("the new password", |calls| calls.iter().any(|call| call.operation == "PutSecretValue")).await;
    world.poke("api").await;
    world.ready("api").await;
    assert_whole(&world, &world.aws.holdings().await, "api", "second");
    lose("RegisterTaskDefinition");
    world.apply(&with(ecs(&world.name, "api"), "/spec/image", json!("registry.example.com/payments/api:2"))).await;
    world.ready("api").await;
    assert_eq!(world.aws.holdings().await.tasks.last().map(|task| task.revision), Some(2));
    for operation in ["DeregisterTaskDefinition", "DeleteRolePolicy", "DetachRolePolicy", "DeleteRole", "DeleteSecret"] {
        lose(operation);
    }
    world.delete_and_wait("api").await;
    assert!(world.aws.holdings().await.is_empty());
}

#[tokio::test]
async fn while_aws_cannot_be_looked_at_nothing_is_written_and_nothing_forgotten() {
    let world = World::start("blind").await;
    let before = world.converge_ecs("api").await.status.expect("a status");
    world.proxy.forget();
    world.proxy.inject(Rule::matching(|call: &Call| !call.is_write() && call.service != "sts", Fault::Denied));
    world.poke("api").await;
    let blind = world.get("api").await.status.expect("a status");
    assert_eq!(ready(&blind).map(|condition| condition.reason), Some("AccessDenied".to_owned()));
    assert_eq!((&blind.definition, &blind.secrets), (&before.definition, &before.secrets), "what was known stays known");
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    world.proxy.heal();
    world.poke("api").await;
    world.ready("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
}

#[tokio::test]
async fn what_aws_refuses_is_shown_with_its_words() {
    let world = World::start("refused").await;
    world.login("first").await;
    // Fargate takes no pidMode host: moto says it as AWS does.
    world.apply(&with(ecs(&world.name, "api"), "/spec/ecs/pidMode", json!("host"))).await;
    let condition = world.not_ready("api", "RefusedByAws").await;
    assert!(condition.message.contains("do not support pidMode 'host'"), "{}", condition.message);
    let denied = |status: &Value| status["conditions"].as_array().into_iter().flatten().any(|it| it["type"] == "Stalled");
    assert!(denied(&serde_json::to_value(world.get("api").await.status).expect("JSON")));
    world.apply(&ecs(&world.name, "api")).await;
    world.ready("api").await;
    assert_whole(&world, &world.aws.holdings().await, "api", "first");
}
