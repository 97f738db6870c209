//! Many workloads at once.

use super::converge::granted;
use super::manifests::{ecs, with};
use super::world::World;
use futures::{StreamExt, stream};
use serde_json::json;

const MANY: usize = 50;

#[tokio::test]
async fn fifty_workloads_with_one_login_are_one_secret_one_role_and_fifty_definitions() {
    let world = World::start("many").await;
    world.login("first").await;
    let names: Vec<String> = (0..MANY).map(|number| format!("api-{number}")).collect();
    stream::iter(&names).for_each_concurrent(10, |name| async { world.apply(&ecs(&world.name, name)).await }).await;
    stream::iter(&names).for_each_concurrent(10, |name| async { drop(world.ready(name).await) }).await;
    let holdings = world.aws.holdings().await;
    let [secret] = holdings.secrets.as_slice() else { panic!("not one secret: {:#?}", holdings.secrets) };
    assert_eq!(secret.versions.len(), 1);
    let [role] = holdings.roles.as_slice() else { panic!("not one role: {:#?}", holdings.roles) };
    let policies: Vec<_> = role.inline.values().flat_map(granted).collect();
    assert_eq!(policies, [("secretsmanager:GetSecretValue".to_owned(), secret.arn.clone())]);
    assert_eq!(holdings.tasks.len(), MANY);
    assert!(holdings.tasks.iter().all(|task| task.revision == 1), "nothing was registered twice");
    let counts = world.proxy.counts();
    for (operation, times) in [("CreateSecret", 1), ("CreateRole", 1), ("AttachRolePolicy", 1), ("PutRolePolicy", 1)] {
        assert_eq!(counts.get(operation), Some(&times), "{operation} in {counts:?}");
    }

    world.proxy.forget();
    world.login("second").await;
    world.proxy.until("the new password", |calls| calls.iter().any(|call| call.operation == "PutSecretValue")).await;
    stream::iter(&names).for_each_concurrent(10, |name| async { drop(world.poke(name).await) }).await;
    assert_eq!(world.proxy.written(), ["PutSecretValue"], "one write on rotation");

    world.proxy.forget();
    stream::iter(&names).for_each_concurrent(10, |name| async { world.delete_and_wait(name).await }).await;
    let left = world.aws.holdings().await;
    assert!(left.is_empty(), "{left:#?}");
    let counts = world.proxy.counts();
    assert_eq!(counts.get("DeregisterTaskDefinition"), Some(&MANY));
    for (operation, times) in [("DeleteSecret", 1), ("DeleteRole", 1), ("DeleteRolePolicy", 1)] {
        assert_eq!(counts.get(operation), Some(&times), "{operation} in {counts:?}");
    }
}

#[tokio::test]
async fn workloads_with_different_logins_share_a_role_that_may_read_each() {
    let world = World::start("logins").await;
    let names: Vec<String> = (0..5).map(|number| format!("api-{number}")).collect();
    for name in &names {
        world.apply(&with(super::manifests::login(&world.name, name), "/metadata/name", json!(name))).await;
        world.apply(&with(ecs(&world.name, name), "/spec/credentials/0/secretRef/name", json!(name))).await;
    }
    for name in &names {
        world.ready(name).await;
    }
    let holdings = world.aws.holdings().await;
    let arns: Vec<_> =
        holdings.secrets.iter().map(|secret| ("secretsmanager:GetSecretValue".to_owned(), secret.arn.clone())).collect();
    assert_eq!((arns.len(), holdings.roles.len()), (5, 1));
    let mut arns = arns;
    arns.sort();
    assert_eq!(holdings.roles[0].inline.values().flat_map(granted).collect::<Vec<_>>(), arns, "no widening was lost");
}
