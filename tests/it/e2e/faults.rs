//! AWS denies, throttles, fails or does not answer, at each call of a creation: the status says so, nothing is lost, and once it is
//! over the workload converges.

use super::converge::assert_whole;
use super::manifests::{BATCH_FORMS, batch, ecs, with};
use super::proxy::{Fault, REQUEST_ID, Rule};
use super::rows::{each, soak};
use super::waits::{conditions, ready};
use super::world::World;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};

/// The calls of a creation. `every_call_is_in_the_tables` says when one is missing.
const CREATION: [&str; 11] = [
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

/// The calls of Batch in a creation.
const BATCH: [&str; 2] = ["DescribeJobDefinitions", "RegisterJobDefinition"];

/// The calls of a removal.
const REMOVAL: [&str; 8] = [
    "ListTaskDefinitions",
    "ListClusters",
    "DescribeSecret",
    "DeregisterTaskDefinition",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "DeleteRole",
    "DeleteSecret",
];

/// The calls of a pass over what exists that may fail; the account's identity is known by then.
const LATER: [&str; 6] =
    ["DescribeKey", "DescribeSecret", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "DescribeTaskDefinition"];

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

/// The sample has every call with half of the faults, and every fault with half of the calls.
fn table(calls: &'static [&'static str]) -> impl Iterator<Item = (String, (&'static str, Fault, &'static str))> {
    let all = calls.iter().enumerate().flat_map(|(at, call)| {
        faults()
            .into_iter()
            .enumerate()
            .filter(move |(number, _)| soak() || number % 2 == at % 2)
            .map(|(_, fault)| (*call, fault))
    });
    all.map(|(call, (fault, reason))| (format!("{call}: {fault}"), (call, fault, reason)))
}

async fn assert_told(world: &World, call: &str, fault: &Fault, reason: &str) {
    // On a busy machine another call may take too long first, which has the same reason.
    let named = if matches!(fault, Fault::Hang) { vec![call] } else { vec![call, REQUEST_ID] };
    let tells = |condition: &Condition| {
        condition.status == "False" && condition.reason == reason && named.iter().all(|part| condition.message.contains(part))
    };
    let what = format!("be not Ready: {reason}, and name {named:?}");
    world.until("api", &what, |status| ready(status).as_ref().is_some_and(tells)).await;
    let stalled = conditions(&world.get("api").await).contains_key("Stalled");
    assert_eq!(stalled, reason == "AccessDenied", "only what somebody must act on is stalled");
}

#[tokio::test]
async fn every_call_is_in_the_tables() {
    let world = World::start("calls").await;
    begin(&world).await;
    world.ready("api").await;
    world.poke("api").await;
    assert_converged(&world).await;
    let known = |call: &String| CREATION.contains(&call.as_str()) || LATER.contains(&call.as_str());
    let unknown: Vec<String> = world.proxy.counts().into_keys().filter(|call| !known(call)).collect();
    assert_eq!(unknown, [] as [&str; 0]);
}

#[tokio::test]
async fn every_call_of_a_creation_may_fail_in_every_way_and_nothing_is_lost() {
    each(table(&CREATION), |(call, fault, reason)| async move {
        let world = World::enter("fault").await.flags(&["--aws-timeout", "2s"]).start().await;
        world.proxy.inject(Rule::on(call, fault.clone()));
        begin(&world).await;
        assert_told(&world, call, &fault, reason).await;
        world.proxy.heal();
        world.poke("api").await;
        world.ready("api").await;
        assert_converged(&world).await;
    })
    .await;
}

#[tokio::test]
async fn every_call_of_a_batch_job_may_fail_in_every_way_and_nothing_is_lost() {
    each(table(&BATCH), |(call, fault, reason)| async move {
        let world = World::enter("batch-fault").await.flags(&["--aws-timeout", "2s"]).start().await;
        world.proxy.inject(Rule::on(call, fault.clone()));
        world.login("first").await;
        world.apply(&batch(&world.name, "api", "containerProperties")).await;
        assert_told(&world, call, &fault, reason).await;
        world.proxy.heal();
        world.poke("api").await;
        world.ready("api").await;
        let holdings = world.aws.holdings().await;
        assert_whole(&world, &holdings, "api", "first");
        assert_eq!(holdings.jobs[0].revision, 1, "nothing was registered twice");
    })
    .await;
}

#[tokio::test]
async fn every_call_of_a_removal_may_fail_in_every_way_and_nothing_stays() {
    each(table(&REMOVAL), |(call, fault, reason)| async move {
        let world = World::enter("removal-fault").await.flags(&["--aws-timeout", "2s"]).start().await;
        world.converge_ecs("api").await;
        world.proxy.inject(Rule::on(call, fault.clone()));
        world.delete("api").await;
        assert_told(&world, call, &fault, reason).await;
        world.proxy.heal();
        world.ask("api").await;
        world.gone("api").await;
        assert!(world.aws.holdings().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn every_call_of_a_later_pass_may_fail_in_every_way_and_nothing_is_written() {
    each(table(&LATER), |(call, fault, reason)| async move {
        let world = World::enter("later-fault").await.flags(&["--aws-timeout", "2s"]).start().await;
        begin(&world).await;
        let before = world.ready("api").await.status.expect("a status");
        world.proxy.forget();
        world.proxy.inject(Rule::on(call, fault.clone()));
        world.poke("api").await;
        assert_told(&world, call, &fault, reason).await;
        let blind = world.get("api").await.status.expect("a status");
        assert_eq!((&blind.definition, &blind.secrets), (&before.definition, &before.secrets), "what was known stays known");
        world.proxy.heal();
        world.poke("api").await;
        world.ready("api").await;
        assert_eq!(world.proxy.written(), [] as [&str; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_fault_that_passes_needs_nobody() {
    let rows =
        [("throttled", Fault::Throttled), ("server error", Fault::ServerError)].map(|(name, fault)| (name.to_owned(), fault));
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
    let removal = ["DeregisterTaskDefinition", "DeleteRolePolicy", "DetachRolePolicy", "DeleteRole", "DeleteSecret"];
    removal.into_iter().for_each(lose);
    world.proxy.forget();
    world.delete("api").await;
    for operation in removal {
        world.proxy.until(operation, |calls| calls.iter().any(|call| call.operation == operation)).await;
        world.ask("api").await; // sooner than it would try again by itself
    }
    world.gone("api").await;
    assert!(world.aws.holdings().await.is_empty());
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
