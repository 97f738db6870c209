//! The controller in daily use: requests, suspension, observation, events, health, metrics, its end.

use super::converge::{CREATION, assert_whole};
use super::manifests::{ecs, with};
use super::waits::{ASKED, condition, conditions, ready};
use super::world::World;
use kube::api::DeleteParams;
use serde_json::json;
use std::collections::BTreeMap;

#[tokio::test]
async fn a_pass_can_be_asked_for_in_our_words_and_in_fluxs() {
    let world = World::start("asked").await;
    world.converge_ecs("api").await;
    world.patch("api", json!({"metadata": {"annotations": {ASKED: null}}})).await;
    for annotation in ["reconcile.fluxcd.io/requestedAt", ASKED] {
        world.proxy.forget();
        world.poke_by("api", annotation).await; // waits for status.lastHandledReconcileAt
        assert!(world.proxy.counts().contains_key("DescribeSecret"), "{annotation}: AWS was looked at");
        assert_eq!(world.proxy.written(), [] as [&str; 0]);
    }
}

#[tokio::test]
async fn a_suspended_workload_is_left_alone_until_it_is_resumed() {
    let world = World::start("suspend").await;
    world.converge_ecs("api").await;
    world.patch("api", json!({"spec": {"suspend": true}})).await;
    world.not_ready("api", "Suspended").await;
    world.proxy.forget();
    world.login("second").await;
    world.patch("api", json!({"spec": {"image": "registry.example.com/payments/api:2"}})).await;
    let suspended = world.poke("api").await;
    assert_eq!(world.proxy.calls().len(), 0, "AWS is not even looked at");
    assert!(conditions(&suspended).contains_key("CredentialsSynced"), "what was known is still shown");
    world.patch("api", json!({"spec": {"suspend": false}})).await;
    world.ready("api").await;
    assert_eq!(world.proxy.written(), ["PutSecretValue", "RegisterTaskDefinition"]);
}

#[tokio::test]
async fn observation_reports_the_plan_and_writes_nothing() {
    let world = World::start("observe").await;
    world.login("first").await;
    let observed = with(ecs(&world.name, "api"), "/spec/managementPolicy", json!("Observe"));
    world.apply(&observed).await;
    world.not_ready("api", "DriftDetected").await;
    let workload = world.poke("api").await;
    let plan = workload.status.clone().and_then(|status| status.plan).expect("a plan");
    for name in [world.secret_name("regcred"), world.role_name(), world.definition_name("api")] {
        assert!(plan.contains(&name), "no {name} in {plan}");
    }
    assert!(plan.len() <= 8 * 1024 && !plan.contains("first"), "{plan}");
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    assert!(world.aws.holdings().await.is_empty());

    // The same object, let loose, converges; observed again it is Ready until something drifts.
    world.apply(&ecs(&world.name, "api")).await;
    world.ready("api").await;
    assert_eq!(world.proxy.written(), CREATION);
    world.apply(&observed).await;
    world.ready("api").await;
    let holdings = world.aws.holdings().await;
    let policy = holdings.roles[0].inline.keys().next().expect("our policy").clone();
    world.aws.iam("DeleteRolePolicy", &[("RoleName", &world.role_name()), ("PolicyName", &policy)]).await;
    world.proxy.forget();
    world.poke("api").await;
    let condition = world.not_ready("api", "DriftDetected").await;
    assert!(condition.message.contains(&world.role_name()), "{}", condition.message);
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    let before = world.aws.holdings().await;
    world.delete_and_wait("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0], "not even its deletion writes");
    assert_eq!(world.aws.holdings().await, before);
}

#[tokio::test]
async fn a_source_secret_that_comes_later_is_noticed() {
    let world = World::start("late").await;
    world.apply(&ecs(&world.name, "api")).await;
    let condition = world.not_ready("api", "SecretSourceMissing").await;
    assert!(
        condition.message.contains("regcred") && condition.message.contains("spec.credentials[0].secretRef.name"),
        "{condition:?}"
    );
    assert!(!conditions(&world.get("api").await).contains_key("Stalled"), "it is waited for");
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    world.login("first").await;
    world.ready("api").await;
    assert_whole(&world, &world.aws.holdings().await, "api", "first");
}

#[tokio::test]
async fn a_source_secret_that_goes_leaves_what_is_in_aws() {
    let world = World::start("gone").await;
    world.converge_ecs("api").await;
    let before = world.aws.holdings().await;
    world.proxy.forget();
    world.api("v1", "Secret").delete("regcred", &DeleteParams::default()).await.expect("deleted");
    world.not_ready("api", "SecretSourceMissing").await;
    world.poke("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    assert_eq!(world.aws.holdings().await, before);
    world.login("first").await;
    world.ready("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
}

#[tokio::test]
async fn events_come_with_changes_and_not_with_passes() {
    let world = World::start("events").await;
    world.converge_ecs("api").await;
    let events = world.events("api").await;
    let count = |reason: &str| events.iter().filter(|event| event.split(' ').nth(1) == Some(reason)).count();
    assert_eq!((count("Applied"), count("Succeeded")), (1, 1), "{events:#?}");
    for _ in 0..3 {
        world.poke("api").await;
    }
    assert_eq!(world.events("api").await, events);
}

#[tokio::test]
async fn conditions_keep_their_time_until_they_change() {
    let world = World::start("times").await;
    let time = |status| ready(status).map(|condition| condition.last_transition_time);
    let before = world.converge_ecs("api").await.status.expect("a status");
    world.login("second").await;
    world.proxy.until("the new password", |calls| calls.iter().any(|call| call.operation == "PutSecretValue")).await;
    let after = world.poke("api").await.status.expect("a status");
    assert_eq!(time(&after), time(&before));
    let synced = |status| condition(status, "CredentialsSynced").map(|condition| condition.message);
    assert_ne!(synced(&after), synced(&before), "the message tells of the new version");
}

#[tokio::test]
async fn health_metrics_and_the_end_are_as_an_orchestrator_wants_them() {
    let mut world = World::start("health").await;
    world.converge_ecs("api").await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(world.controller().get("health_addr", path).await.0, 200, "{path}");
    }
    let (status, metrics) = world.controller().get("metrics_addr", "/metrics").await;
    assert_eq!(status, 200);
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for line in metrics.lines().filter(|line| line.starts_with("wharfinger_aws_calls_total{")) {
        let operation = line.split("operation=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an operation");
        let value: usize = line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a count");
        *counted.entry(operation.to_owned()).or_default() += value;
    }
    let mut called = world.proxy.counts();
    called.remove("AssumeRole"); // the SDK's own business
    counted.remove("AssumeRole");
    assert_eq!(counted, called, "every call is counted");
    for name in ["wharfinger_reconciles_total", "wharfinger_reconcile_duration_seconds", "wharfinger_status_writes_total"] {
        assert!(metrics.contains(name), "no {name} in {metrics}");
    }
    let status = world.controller().terminate().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn before_the_end_a_pass_that_has_begun_is_finished() {
    let mut world = World::start("graceful").await;
    world.login("first").await;
    let reached = world.proxy.slow_write(0);
    world.apply(&ecs(&world.name, "api")).await;
    reached.notified().await;
    let status = world.controller().terminate().await;
    assert!(status.success(), "{status}");
    assert_eq!(world.proxy.written(), CREATION);
    assert_whole(&world, &world.aws.holdings().await, "api", "first");
    let status = world.get("api").await.status.expect("a status");
    assert_eq!(ready(&status).map(|condition| condition.status), Some("True".to_owned()), "and its status written");
}
