//! Two installations in one cluster: with different namespaces both work, with the same one of them does.

use super::grants::{cluster_rules, namespace_rules, secret_rules};
use super::manifests::{ecs, login, with};
use super::world::World;
use serde_json::{Value, json};

fn workloads(binding: &Value) -> i64 {
    binding["status"]["workloads"].as_i64().unwrap_or_default()
}

#[tokio::test]
async fn controllers_of_different_namespaces_share_a_binding() {
    let mut world = World::start("shared").await;
    let mut beside = world.beside().await;
    beside.run().await;
    world.converge_ecs("api").await;
    beside.apply(&login(&beside.name, "first")).await;
    for name in ["api", "job"] {
        beside.apply(&with(ecs(&beside.name, name), "/spec/bindingRef/name", json!(world.name))).await;
        beside.ready(name).await;
    }
    let of_all = |wanted: i64| move |binding: Option<&Value>| (workloads(binding?) == wanted).then(|| binding.cloned()).flatten();
    let binding = world.until_binding("count the workloads of both controllers", of_all(3)).await;
    let controllers = binding["status"]["controllers"].as_array().cloned().unwrap_or_default();
    let counts: Vec<_> =
        controllers.iter().map(|it| (it["name"].as_str().unwrap_or_default(), it["workloads"].as_i64())).collect();
    let named = |world: &World| format!("{}/wharfinger", world.name);
    assert_eq!(counts, [(named(&beside).as_str(), Some(2)), (named(&world).as_str(), Some(1))]);
    for _ in 0..3 {
        world.poke("api").await;
        beside.poke("api").await;
    }
    world.until_binding("keep the count", of_all(3)).await;

    // Its deletion waits for both.
    world.delete_binding().await;
    world.delete_and_wait("api").await;
    let blocked = |binding: Option<&Value>| {
        let message = binding?["status"]["conditions"][0]["message"].as_str()?.to_owned();
        let names = |namespace: &str, name: &str| message.contains(&format!("{namespace}/{name}"));
        let others = names(&beside.name, "api") && names(&beside.name, "job") && !names(&world.name, "api");
        (others && message.contains("deletion waits")).then_some(())
    };
    world.until_binding("wait for the other controller's workloads, and no more for its own", blocked).await;
    for name in ["api", "job"] {
        beside.delete_and_wait(name).await;
    }
    world.until_binding("be gone", |binding| binding.is_none().then_some(())).await;
    assert!(world.controller().log().contains("serving") && beside.controller().log().contains("serving"));
}

#[tokio::test]
async fn a_second_controller_for_a_namespace_waits_until_the_first_is_gone() {
    let mut world = World::start("rivals").await;
    world.converge_ecs("api").await;
    let mut beside = world.beside().await;
    beside.flag(format!("--watch-namespaces={}", world.name));
    let account = beside.service_account().await;
    beside.flag(account);
    beside.grant(None, "cluster", cluster_rules()).await;
    beside.grant_state().await;
    beside.grant(Some(&world.name), "namespace", namespace_rules()).await;
    beside.grant(Some(&world.name), "secrets", secret_rules()).await;
    beside.run().await;
    let first = format!("another controller acts for it (Lease {}/wharfinger)", world.name);
    let unseen =
        ["leading, but:", &first, "--watch-namespaces", "cannot be seen", "cannot get resource \"leases\"", "otherInstallations"];
    beside.controller().readyz(200, &unseen).await;
    let look = json!([{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get"], "resourceNames": ["wharfinger"]}]);
    beside.grant(Some(&world.name), "neighbour", look).await;
    world.login("second").await;
    world.proxy.until("the first controller's write", |calls| calls.iter().any(|call| call.operation == "PutSecretValue")).await;
    world.poke("api").await;
    assert_eq!(beside.proxy.calls().len(), 0, "the second does nothing");
    beside.controller().readyz(200, &["or remove one\n"]).await;
    assert_eq!(
        beside.controller().warnings("another controller acts for it").len(),
        2,
        "and says so once, and what it may not see once"
    );

    // The first is no more, and its Lease is renewed by nobody.
    world.kill();
    beside.controller().readyz(200, &["leading\n"]).await;
    world.poke("api").await;
    world.ready("api").await;
    // It has a value key of its own, so the values look changed to it; all else is as it should be.
    assert_eq!(beside.proxy.written(), ["PutSecretValue"]);
}
