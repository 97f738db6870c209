//! Workloads that name a network: they wait for it, are bound to it where they ask for that, show its loss, and hold up its deletion.

use super::super::manifests::{ecs, with};
use super::super::vpc::Vpc;
use super::super::waits::condition;
use super::super::world::World;
use super::{converged, network};
use serde_json::{Value, json};

fn in_network(world: &World, name: &str, restrict: Option<&str>) -> Value {
    let reference = match restrict {
        Some(restrict) => json!({"name": world.name, "restrictPulls": restrict}),
        None => json!({"name": world.name}),
    };
    with(ecs(&world.name, name), "/spec/pullNetworkRef", reference)
}

async fn endpoint_id(vpc: &Vpc, service: &str) -> String {
    vpc.endpoints().await[service].id.clone()
}

#[tokio::test]
async fn a_workload_waits_for_its_network_and_shows_its_loss() {
    let world = World::start("pullnet-wait").await;
    let vpc = world.aws.vpc().await;
    world.login("first").await;
    world.apply(&in_network(&world, "api", None)).await;
    let told = world.not_ready("api", "DependencyNotFound").await;
    assert!(told.message.contains(&world.name), "{}", told.message);
    assert!(world.aws.holdings().await.tasks.is_empty());
    world.apply(&network(&world, &vpc)).await;
    world.ready("api").await;
    let name = world.name.clone();
    world.network_says(&name, "count its user", |status| status.users == 1).await;
    // Somebody deletes an endpoint, and it cannot be made again.
    let fault = super::super::proxy::Fault::Denied;
    world.proxy.inject(super::super::proxy::Rule::on("CreateVpcEndpoint", fault));
    let id = endpoint_id(&vpc, "ecr.dkr").await;
    vpc.aws.ec2("DeleteVpcEndpoints", &[("VpcEndpointId.1", &id)]).await;
    world.poke_network().await;
    let lost = world.not_ready("api", "AccessDenied").await;
    assert!(lost.message.contains("ecr.dkr") || lost.message.contains(&world.name), "{}", lost.message);
    assert_eq!(world.aws.holdings().await.tasks.len(), 1, "what is registered stays");
    world.proxy.heal();
    world.poke_network().await;
    world.ready("api").await;
}

#[tokio::test]
async fn twenty_workloads_share_one_network() {
    let (world, vpc) = converged("pullnet-many").await;
    world.login("first").await;
    for number in 0..20 {
        world.apply(&in_network(&world, &format!("api-{number:02}"), None)).await;
    }
    for number in 0..20 {
        world.ready(&format!("api-{number:02}")).await;
    }
    let name = world.name.clone();
    world.network_says(&name, "count its users", |status| status.users == 20).await;
    assert!(world.proxy.calls().iter().all(|call| call.service != "ec2" || !call.is_write()), "workloads write no endpoint");
    world.delete_network().await;
    let message = world.network_not_ready("DeletionBlocked").await;
    assert!(message.contains(&format!("{}/api-00", world.name)), "{message}");
    assert_eq!(vpc.endpoints().await.len(), 8);
    world.workloads().delete_collection(&Default::default(), &Default::default()).await.expect("asked for");
    world.network_gone().await;
    assert!(vpc.endpoints().await.is_empty());
}

#[tokio::test]
async fn pulls_are_bound_to_the_network_where_a_workload_asks_for_it() {
    let (world, vpc) = converged("pullnet-bound").await;
    world.login("first").await;
    let image = format!("{}.dkr.ecr.eu-west-1.amazonaws.com/payments/api:1", world.aws.id);
    let workload = with(in_network(&world, "api", Some("Both")), "/spec/image", json!(image));
    world.apply(&with(workload, "/spec/credentials", Value::Null)).await;
    world.ready("api").await;
    let roles = world.aws.holdings().await.roles;
    let bound = |roles: &[super::super::holdings::Role]| -> Vec<(Value, Value)> {
        let documents = roles.iter().flat_map(|role| role.inline.values());
        let statements = documents.flat_map(|document| document["Statement"].as_array().cloned().unwrap_or_default());
        statements.map(|statement| (statement["Action"].clone(), statement["Condition"]["StringEquals"].clone())).collect()
    };
    let ids = json!([endpoint_id(&vpc, "ecr.api").await, endpoint_id(&vpc, "ecr.dkr").await]);
    let found = bound(&roles);
    let pull = found.iter().find(|(action, _)| action.to_string().contains("BatchGetImage")).expect("a statement");
    assert_eq!(pull.1["aws:SourceVpc"], json!([vpc.id]));
    let mut sources = pull.1["aws:SourceVpce"].as_array().cloned().unwrap_or_default();
    let mut wanted = ids.as_array().cloned().unwrap_or_default();
    sources.sort_by_key(ToString::to_string);
    wanted.sort_by_key(ToString::to_string);
    assert_eq!(sources, wanted);
    let sign_in = found.iter().find(|(action, _)| action.to_string().contains("GetAuthorizationToken")).expect("a statement");
    assert!(sign_in.1.is_null(), "signing in leaves through an interface that is not in the VPC: {sign_in:?}");
    assert_eq!(roles.len(), 1);
    // An endpoint that is made anew has another id: the policy follows, the role stays.
    let before = endpoint_id(&vpc, "ecr.dkr").await;
    vpc.aws.ec2("DeleteVpcEndpoints", &[("VpcEndpointId.1", &before)]).await;
    world.poke_network().await;
    world.network_ready().await;
    let after = endpoint_id(&vpc, "ecr.dkr").await;
    world
        .until("api", "be bound to the new endpoint", |status| condition(status, "Ready").is_some_and(|it| it.status == "True"))
        .await;
    world.poke("api").await;
    let roles_now = world.aws.holdings().await.roles;
    assert!(bound(&roles_now).iter().any(|(_, condition)| condition.to_string().contains(&after)), "{roles_now:#?}");
    assert!(!bound(&roles_now).iter().any(|(_, condition)| condition.to_string().contains(&before)));
    assert_eq!((roles_now.len(), &roles_now[0].name), (1, &roles[0].name));
}
