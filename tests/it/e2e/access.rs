//! A controller with the rights that it was granted and no more.

use super::grants::{cluster_rules, namespace_rules, secret_rules};
use super::manifests::{ecs, login, with};
use super::rows::each;
use super::waits::ready;
use super::world::World;
use serde_json::json;

/// A world whose controller acts as a service account and watches two namespaces. In the one beside it has no rights yet.
async fn two_namespaces(test: &str) -> (World, World) {
    let mut world = World::enter(test).await.still().await;
    let beside = world.beside().await;
    let account = world.service_account().await;
    world.flag(account);
    world.flag(format!("--watch-namespaces={},{}", world.name, beside.name));
    world.grant(None, "cluster", cluster_rules()).await;
    world.grant_state().await;
    world.grant(Some(&world.name), "namespace", namespace_rules()).await;
    (world, beside)
}

/// The usual workload in the namespace beside, through the one binding.
async fn apply_beside(world: &World, beside: &World) {
    beside.apply(&login(&beside.name, "first")).await;
    beside.apply(&with(ecs(&beside.name, "api"), "/spec/bindingRef/name", json!(world.name))).await;
}

#[tokio::test]
async fn roles_in_the_watched_namespaces_are_enough() {
    let (mut world, beside) = two_namespaces("roles").await;
    world.grant(Some(&world.name), "secrets", secret_rules()).await;
    world.run().await;
    // A namespace that is refused is told, and does not hold up the other.
    let refused = format!("watch of privateimageworkloads.wharfinger.dev in namespace {}: ", beside.name);
    world.controller().readyz(503, &[&refused]).await;
    world.converge_ecs("api").await;
    world.grant(Some(&beside.name), "namespace", namespace_rules()).await;
    world.grant(Some(&beside.name), "secrets", secret_rules()).await;
    world.controller().readyz(200, &["leading\n"]).await;
    apply_beside(&world, &beside).await;
    beside.ready("api").await;
    // A Secret that changes is seen in both, and deletions need no list of the whole cluster.
    beside.login("second").await;
    world.proxy.until("the new password", |calls| calls.iter().any(|call| call.operation == "PutSecretValue")).await;
    let both = |binding: Option<&serde_json::Value>| (binding?["status"]["workloads"] == 2).then_some(());
    world.until_binding("count the workloads of both", both).await;
    world.delete_binding().await;
    world.delete_and_wait("api").await;
    beside.delete_and_wait("api").await;
    world.until_binding("be gone", |binding| binding.is_none().then_some(())).await;
    assert!(world.aws.holdings().await.is_empty());
    let asked = world.controller().warnings("forbidden");
    let more = asked.iter().filter(|line| !line.contains(&beside.name)).collect::<Vec<_>>();
    assert!(more.is_empty(), "nothing more is asked for than was to be granted: {more:#?}");
}

#[tokio::test]
async fn counts_do_not_fall_while_a_namespace_is_refused() {
    let (mut world, beside) = two_namespaces("counts").await;
    world.grant(Some(&world.name), "secrets", secret_rules()).await;
    world.grant(Some(&beside.name), "namespace", namespace_rules()).await;
    world.grant(Some(&beside.name), "secrets", secret_rules()).await;
    world.run().await;
    world.converge_ecs("api").await;
    apply_beside(&world, &beside).await;
    beside.ready("api").await;
    let counts = |workloads: i64, generation: i64| {
        move |binding: Option<&serde_json::Value>| {
            let status = &binding?["status"];
            (status["workloads"] == workloads && status["observedGeneration"] == generation).then_some(())
        }
    };
    world.until_binding("count both", counts(2, 1)).await;
    world.kill();
    world.free_lease().await;
    world.grant(Some(&beside.name), "namespace", json!([])).await;
    world.run().await;
    let refused = format!("watch of privateimageworkloads.wharfinger.dev in namespace {}: ", beside.name);
    world.controller().readyz(503, &[&refused]).await;
    world.delete_and_wait("api").await;
    world.patch_binding(json!({"spec": {"limits": {"rolePath": "/changed/"}}})).await;
    world.until_binding("be looked at, and keep the count", counts(2, 2)).await;
    world.grant(Some(&beside.name), "namespace", namespace_rules()).await;
    world.until_binding("count what there is", counts(1, 2)).await;
}

#[tokio::test]
async fn secrets_that_may_not_be_read_are_told_where_and_counted_on_when_they_may() {
    let (mut world, beside) = two_namespaces("withheld").await;
    world.grant(Some(&beside.name), "namespace", namespace_rules()).await;
    world.grant(Some(&world.name), "secrets", secret_rules()).await;
    world.run().await;
    world.converge_ecs("api").await;
    apply_beside(&world, &beside).await;
    let condition = beside.not_ready("api", "SecretSourceMissing").await;
    let denied = format!("cannot get resource \"secrets\" in API group \"\" in the namespace \"{}\"", beside.name);
    for part in [denied.as_str(), "secrets.namespaces", "secrets.access"] {
        assert!(condition.message.contains(part), "no {part:?} in {}", condition.message);
    }
    let watch = format!("watch of secrets in namespace {}", beside.name);
    world.controller().readyz(200, &["leading, but:", &watch]).await;
    world.poke("api").await; // nobody else waits
    let told = world.controller().warnings(&watch);
    assert_eq!(told.len(), 1, "it is told once: {told:#?}");
    world.grant(Some(&beside.name), "secrets", secret_rules()).await;
    beside.ready("api").await;
    world.controller().readyz(200, &["leading\n"]).await;
}

#[tokio::test]
async fn secrets_are_read_only_where_they_may_be() {
    // Name, the flag for two namespaces of which the second is meant, what of them may be read.
    type Row = (&'static str, fn(&str, &str) -> String, [bool; 2]);
    let rows: [Row; 3] = [
        ("one", |first, _| format!("--secret-namespaces={first}"), [true, false]),
        ("none", |_, _| "--secret-namespaces=".to_owned(), [false, false]),
        ("both", |first, second| format!("--secret-namespaces={first},{second}"), [true, true]),
    ];
    each(rows.map(|row| (row.0.to_owned(), row)), |(name, flag, readable)| async move {
        let mut world = World::enter(&format!("reads-{name}")).await.still().await;
        let beside = world.beside().await;
        world.flag(format!("--watch-namespaces={},{}", world.name, beside.name));
        world.flag(flag(&world.name, &beside.name));
        world.run().await;
        world.login("first").await;
        world.apply(&ecs(&world.name, "api")).await;
        apply_beside(&world, &beside).await;
        for (world, readable) in [&world, &beside].into_iter().zip(readable) {
            if readable {
                world.ready("api").await;
            } else {
                let condition = world.not_ready("api", "SecretSourceMissing").await;
                assert!(condition.message.contains("none of those whose Secrets"), "{}", condition.message);
                assert!(condition.message.contains(&format!("list namespace {}", world.name)), "{}", condition.message);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn each_permission_that_is_missing_is_told_and_waited_for() {
    let mut world = World::enter("refused").await.still().await;
    let account = world.service_account().await;
    world.flag(account);
    world.login("first").await;
    world.apply(&ecs(&world.name, "api")).await;
    world.run().await;
    // What is needed first, with the words of the API server.
    let first = ["cannot get resource \"namespaces\"", "operations.md#permissions"];
    world.controller().readyz(503, &first).await;
    // And all of the others, before anything fails for want of them.
    let status = format!("patch privateimageworkloads.wharfinger.dev/status in namespace {}", world.name);
    let all = [
        "permissions: missing: ",
        &status,
        "list accountbindings.wharfinger.dev, ",
        "create events.events.k8s.io in namespace",
        "get secrets wharfinger-value-key in namespace",
        "update leases.coordination.k8s.io wharfinger in namespace",
    ];
    world.controller().readyz(503, &all).await;
    assert_eq!(world.controller().get("health_addr", "/healthz").await.0, 200, "it lives");
    // The definitions may not be looked at either: then the kinds are asked for by discovery. Not before that is all of it granted.
    let told = world.controller().says("customresourcedefinitions.apiextensions.k8s.io").await;
    assert!(
        told["message"].as_str().is_some_and(|told| told.contains("it is only asked whether the kinds are served")),
        "{told}"
    );
    world.grant_state().await;
    world.grant(None, "cluster", cluster_rules()).await;
    let second = [
        "watch of privateimageworkloads.wharfinger.dev in namespace",
        "cannot list resource \"privateimageworkloads\"",
        "cannot list resource \"registrycredentials\"",
    ];
    let text = world.controller().readyz(503, &second).await;
    assert!(!text.contains("custom resource definitions"), "that they may not be read does not matter: {text}");
    world.grant(Some(&world.name), "namespace", namespace_rules()).await;
    world.controller().readyz(200, &["leading, but:", "watch of secrets"]).await;
    world.grant(Some(&world.name), "secrets", secret_rules()).await;
    let workload = world.ready("api").await;
    assert!(ready(&workload.status.expect("a status")).is_some());
    world.controller().readyz(200, &["leading\n"]).await;
    for part in ["watch of privateimageworkloads", "watch of secrets"] {
        let told = world.controller().warnings(part);
        assert_eq!(told.len(), 1, "{part} is told once: {told:#?}");
    }
}

#[tokio::test]
async fn a_permission_to_write_that_is_missing_is_told_once_for_all_workloads() {
    let mut world = World::enter("readonly").await.still().await;
    let account = world.service_account().await;
    world.flag(account);
    world.grant(None, "cluster", cluster_rules()).await;
    world.grant_state().await;
    world.grant(Some(&world.name), "secrets", secret_rules()).await;
    let mut rules = namespace_rules();
    rules.as_array_mut().expect("rules").retain(|rule| rule["resources"][0] != "privateimageworkloads/status");
    world.grant(Some(&world.name), "namespace", rules).await;
    world.login("first").await;
    for name in ["api", "web", "job"] {
        world.apply(&ecs(&world.name, name)).await;
    }
    world.run().await;
    world
        .controller()
        .readyz(200, &["leading, but:", "permissions: missing: patch privateimageworkloads.wharfinger.dev/status"])
        .await;
    world.proxy.until("a pass", |calls| calls.iter().any(|call| call.operation == "RegisterTaskDefinition")).await;
    world.grant(Some(&world.name), "namespace", namespace_rules()).await;
    for name in ["api", "web", "job"] {
        world.ready(name).await;
    }
    world.controller().readyz(200, &["leading\n"]).await;
    let told = |part: &str, controller: &mut super::controller::Controller| controller.warnings(part).len();
    assert_eq!(told("permissions: missing: ", world.controller()), 1, "it is told once");
    assert_eq!(told("cannot patch resource", world.controller()), 0, "and not again by each workload");
}
