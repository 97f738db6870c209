//! What goes with a workload, what stays, and what a deletion waits for.

use super::converge::{assert_whole, granted};
use super::manifests::{BATCH_FORMS, batch, ecs, login, with};
use super::proxy::{Fault, Rule};
use super::rows::each;
use super::world::World;
use kube::api::DeleteParams;
use serde_json::{Value, json};

#[tokio::test]
async fn deletion_removes_everything_in_the_reverse_order() {
    let shapes = ["ecs"].into_iter().chain(BATCH_FORMS);
    each(shapes.map(|shape| (shape.to_owned(), shape)), |shape| async move {
        let world = World::start("delete").await;
        world.login("first").await;
        let manifest = if shape == "ecs" { ecs(&world.name, "api") } else { batch(&world.name, "api", shape) };
        world.apply(&manifest).await;
        world.ready("api").await;
        world.apply(&with(manifest, "/spec/image", json!("registry.example.com/payments/api:2"))).await;
        world.ready("api").await;
        world.proxy.forget();
        world.delete_and_wait("api").await;
        let mut written = world.proxy.written();
        assert_eq!(written.iter().filter(|name| name.starts_with("Deregister")).count(), 2, "both revisions: {written:?}");
        written.retain(|name| !name.starts_with("Deregister"));
        // On EC2, where several nodes are, logs are not the role's: nothing needs the managed policy.
        let attached = (shape != "nodeProperties").then_some("DetachRolePolicy");
        let removed: Vec<&str> =
            [Some("DeleteRolePolicy"), attached, Some("DeleteRole"), Some("DeleteSecret")].into_iter().flatten().collect();
        assert_eq!(written, removed);
        let holdings = world.aws.holdings().await;
        assert!(holdings.is_empty(), "{holdings:#?}");
        let deletion = world.proxy.writes().pop().expect("a write").body;
        assert_eq!(deletion["RecoveryWindowInDays"], 7, "{deletion}");
        assert_eq!(deletion.get("ForceDeleteWithoutRecovery"), None, "{deletion}");
    })
    .await;
}

#[tokio::test]
async fn the_recovery_window_is_the_specs() {
    let world = World::start("window").await;
    world.login("first").await;
    world.apply(&with(ecs(&world.name, "api"), "/spec/recoveryWindowInDays", json!(30))).await;
    world.ready("api").await;
    world.delete_and_wait("api").await;
    assert_eq!(world.proxy.writes().pop().expect("a write").body["RecoveryWindowInDays"], 30);
}

#[tokio::test]
async fn retain_leaves_everything_in_aws() {
    let world = World::start("retain").await;
    world.login("first").await;
    world.apply(&with(ecs(&world.name, "api"), "/spec/deletionPolicy", json!("Retain"))).await;
    world.ready("api").await;
    let before = world.aws.holdings().await;
    assert_eq!(before.tasks[0].tags["wharfinger.dev/deletion-policy"], "Retain");
    world.proxy.forget();
    world.delete_and_wait("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    assert_eq!(world.aws.holdings().await, before);
    world.apply(&ecs(&world.name, "api")).await;
    world.ready("api").await;
    assert_eq!(world.proxy.written(), ["TagResource"], "a successor of the same name keeps what its predecessor left");
    assert_eq!(world.aws.holdings().await.tasks[0].tags["wharfinger.dev/deletion-policy"], "Delete");
}

#[tokio::test]
async fn a_workload_that_comes_back_at_once_has_its_secret_restored() {
    let world = World::start("restore").await;
    world.converge_ecs("api").await;
    let before = world.aws.holdings().await;
    world.delete_and_wait("api").await;
    world.proxy.forget();
    world.converge_ecs("api").await;
    let after = world.aws.holdings().await;
    assert_whole(&world, &after, "api", "first");
    assert_eq!(after.secrets, before.secrets, "the same secret, with the same ARN and version");
    assert_eq!(after.tasks[0].revision, 2);
    let written = world.proxy.written();
    assert_eq!(written, ["RestoreSecret", "CreateRole", "AttachRolePolicy", "PutRolePolicy", "RegisterTaskDefinition"]);
}

#[tokio::test]
async fn deletion_needs_no_source_secret() {
    let world = World::start("sourceless").await;
    world.converge_ecs("api").await;
    world.api("v1", "Secret").delete("regcred", &DeleteParams::default()).await.expect("deleted");
    world.not_ready("api", "SecretSourceMissing").await;
    world.delete_and_wait("api").await;
    let holdings = world.aws.holdings().await;
    assert!(holdings.is_empty() && holdings.secrets.len() == 1, "{holdings:#?}");
}

#[tokio::test]
async fn a_shared_secret_goes_with_the_last_workload_that_uses_it() {
    let world = World::start("shared").await;
    world.converge_ecs("api").await;
    world.apply(&batch(&world.name, "settlement", "containerProperties")).await;
    world.ready("settlement").await;
    let shared = world.aws.holdings().await;
    assert_eq!((shared.secrets.len(), shared.roles.len(), shared.definitions().count()), (1, 1, 2));
    world.proxy.forget();
    world.delete_and_wait("api").await;
    assert_eq!(world.proxy.written(), ["DeregisterTaskDefinition"]);
    let left = world.aws.holdings().await;
    assert_eq!((&left.secrets, &left.roles), (&shared.secrets, &shared.roles), "the other still pulls with them");
    assert_whole(&world, &left, "settlement", "first");
    world.delete_and_wait("settlement").await;
    assert!(world.aws.holdings().await.is_empty());
}

#[tokio::test]
async fn a_shared_policy_is_narrowed_to_what_the_others_need() {
    let world = World::start("narrow").await;
    world.converge_ecs("api").await;
    let other = with(login(&world.name, "other"), "/metadata/name", json!("other"));
    world.apply(&other).await;
    world.apply(&with(ecs(&world.name, "web"), "/spec/credentials/0/secretRef/name", json!("other"))).await;
    world.ready("web").await;
    let both = world.aws.holdings().await;
    let policy = |holdings: &super::holdings::Holdings| holdings.roles[0].inline.values().flat_map(granted).count();
    assert_eq!((both.secrets.len(), policy(&both)), (2, 2));
    world.delete_and_wait("api").await;
    let left = world.aws.holdings().await;
    let kept: Vec<_> = left.secrets.iter().filter(|secret| !secret.deleted).collect();
    let [kept] = kept.as_slice() else { panic!("{kept:#?}") };
    assert_eq!(kept.name, world.secret_name("other"));
    let grants: Vec<_> = left.roles[0].inline.values().flat_map(granted).collect();
    assert_eq!(grants, [("secretsmanager:GetSecretValue".to_owned(), kept.arn.clone())]);
}

#[tokio::test]
async fn a_workload_that_never_reached_aws_goes_at_once() {
    let world = World::start("unborn").await;
    world.apply(&ecs(&world.name, "api")).await;
    world.not_ready("api", "SecretSourceMissing").await;
    world.delete_and_wait("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_suspended_workload_can_be_deleted() {
    let world = World::start("suspended").await;
    world.converge_ecs("api").await;
    world.patch("api", json!({"spec": {"suspend": true}})).await;
    world.not_ready("api", "Suspended").await;
    world.delete_and_wait("api").await;
    assert!(world.aws.holdings().await.is_empty());
}

#[tokio::test]
async fn a_deletion_that_aws_denies_waits_and_says_so() {
    let world = World::start("denied").await;
    world.converge_ecs("api").await;
    world.proxy.inject(Rule::on("DeleteRole", Fault::Denied));
    world.delete("api").await;
    let condition = world.not_ready("api", "AccessDenied").await;
    assert!(condition.message.contains("iam:DeleteRole") || condition.message.contains("DeleteRole"), "{}", condition.message);
    let held = world.aws.holdings().await;
    assert_eq!((held.roles.len(), held.secrets[0].deleted), (1, false), "the secret waits for the role");
    world.proxy.heal();
    world.annotate("api", super::waits::ASKED, json!("now")).await;
    world.gone("api").await;
    assert!(world.aws.holdings().await.is_empty());
}

#[tokio::test]
async fn an_abandoned_workload_goes_and_says_what_stays() {
    let world = World::start("abandon").await;
    world.converge_ecs("api").await;
    let before = world.aws.holdings().await;
    world.proxy.inject(Rule::on_writes(Fault::Denied));
    world.delete("api").await;
    world.not_ready("api", "AccessDenied").await;
    world.proxy.forget();
    world.annotate("api", "wharfinger.dev/abandon", json!("true")).await;
    world.gone("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0], "AWS is not touched");
    assert_eq!(world.aws.holdings().await, before);
    let events = world.events("api").await;
    let named = |arn: &str| events.iter().any(|event| event.contains(arn));
    let all = [&before.secrets[0].arn, &before.roles[0].arn, &before.tasks[0].arn];
    assert!(all.into_iter().all(|arn| named(arn)), "{events:#?}");
}

#[tokio::test]
async fn a_binding_that_is_used_waits_for_its_workloads() {
    let world = World::start("bound").await;
    world.converge_ecs("api").await;
    world.delete_binding().await;
    let stalled = |binding: &Value| {
        let conditions = binding["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.into_iter().find(|condition| condition["type"] == "Stalled" && condition["status"] == "True")
    };
    let condition = world.until_binding("say what it waits for", |binding| binding.and_then(stalled)).await;
    let message = condition["message"].as_str().unwrap_or_default();
    assert!(message.contains(&world.name) && message.contains("api"), "{condition}");
    world.poke("api").await;
    world.ready("api").await; // it still works while its binding waits
    world.delete_and_wait("api").await;
    assert!(world.aws.holdings().await.is_empty());
    world.until_binding("be gone", |binding| binding.is_none().then_some(())).await;
}

/// Nothing is written for a namespace that the admin took away, so nothing is removed either.
#[tokio::test]
async fn a_workload_whose_binding_no_longer_admits_it_waits_with_its_deletion() {
    let world = World::start("expelled").await;
    world.converge_ecs("api").await;
    let before = world.aws.holdings().await;
    world.patch_binding(json!({"spec": {"namespaceSelector": {"matchLabels": {"test": "another"}}}})).await;
    world.poke("api").await;
    world.not_ready("api", "BindingNotFound").await;
    world.proxy.forget();
    world.delete("api").await;
    let condition = world.not_ready("api", "BindingNotFound").await;
    assert!(condition.message.contains("no longer admits") && condition.message.contains("abandon"), "{}", condition.message);
    assert_eq!((world.proxy.written(), world.aws.holdings().await), (vec![], before));
    world.patch_binding(json!({"spec": {"namespaceSelector": {"matchLabels": {"test": world.name}}}})).await;
    world.gone("api").await;
    assert!(world.aws.holdings().await.is_empty());
}
