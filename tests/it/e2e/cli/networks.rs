//! PullNetworks with no cluster: before the workloads that name them, and after them.

use super::super::manifests::{ecs, login, with};
use super::super::pull_network::network;
use super::super::world::{World, binding};
use super::{folder, namespace, yaml};
use serde_json::{Value, json};

#[tokio::test]
async fn a_network_and_its_workload_converge_and_go_with_no_cluster() {
    let world = World::enter("cli-network").await.still().await;
    let vpc = world.aws.vpc().await;
    let named = with(ecs(&world.name, "api"), "/spec/pullNetworkRef", json!({"name": world.name}));
    let objects =
        [namespace(&world), binding(&world.name, &world.aws.id), network(&world, &vpc), login(&world.name, "first"), named];
    let files = folder(&[("all.yaml", yaml(&objects))]);
    let (code, out, errors) = world.cli("plan", &files, &[]).await;
    assert_eq!(code, 2, "{out}{errors}");
    for part in ["PullNetwork", "+ create endpoint ecr.dkr: images are pulled", "14 network interfaces are billed", "+ register"]
    {
        assert!(out.contains(part), "no {part:?} in {out}");
    }
    let (code, out, errors) = world.cli("plan", &files, &["-o", "json"]).await;
    let told: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{errors}"));
    assert!(code == 2 && told[0]["pullNetwork"] == world.name.as_str() && told[0]["converged"] == false, "{told:#}");
    assert!(world.proxy.writes().is_empty(), "a plan writes nothing");
    let (code, out, errors) = world.cli("render", &files, &["-o", "json"]).await;
    let told: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{errors}"));
    assert!(code == 0 && told[0]["endpoints"].as_array().is_some_and(|all| all.len() == 8), "{told:#}");
    let (code, out, errors) = world.cli("apply", &files, &[]).await;
    assert_eq!(code, 0, "{out}{errors}");
    assert_eq!(vpc.endpoints().await.len(), 8);
    assert_eq!(world.aws.holdings().await.tasks.len(), 1);
    world.proxy.forget();
    let (code, out, errors) = world.cli("apply", &files, &[]).await;
    assert!(code == 0 && world.proxy.writes().is_empty(), "{out}{errors}");
    assert_eq!(world.cli("plan", &files, &[]).await.0, 0);
    let (code, out, errors) = world.cli("delete", &files, &[]).await;
    assert_eq!(code, 0, "{out}{errors}");
    assert!(vpc.endpoints().await.is_empty() && vpc.groups().await.is_empty() && world.aws.holdings().await.is_empty());
}

#[tokio::test]
async fn a_workload_whose_network_is_not_among_the_files_is_told_so() {
    let world = World::enter("cli-no-network").await.still().await;
    let named = with(ecs(&world.name, "api"), "/spec/pullNetworkRef", json!({"name": "elsewhere"}));
    let objects = [namespace(&world), binding(&world.name, &world.aws.id), login(&world.name, "first"), named];
    let files = folder(&[("all.yaml", yaml(&objects))]);
    let (code, out, _) = world.cli("apply", &files, &[]).await;
    assert!(code == 1 && out.contains("elsewhere") && out.contains("must be among them"), "{out}");
    assert!(world.proxy.writes().is_empty());
}
