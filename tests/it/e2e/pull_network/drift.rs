//! What is changed by hand, or in the spec, is put right by the one call that it takes, and by no other.

use super::super::rows::each;
use super::super::vpc::Vpc;
use super::super::world::World;
use super::{ALL, assert_whole, converged};
use serde_json::{Value, json};
use wharfinger::api::EndpointStatus;

/// What somebody does to the VPC.
type Meddle = for<'a> fn(&'a World, &'a Vpc) -> futures::future::BoxFuture<'a, ()>;

async fn id(vpc: &Vpc, service: &str) -> String {
    vpc.endpoints().await[service].id.clone()
}

async fn modify(vpc: &Vpc, service: &str, name: &str, value: &str) {
    let id = id(vpc, service).await;
    vpc.aws.ec2("ModifyVpcEndpoint", &[("VpcEndpointId", &id), (name, value)]).await;
}

#[tokio::test]
async fn what_is_changed_by_hand_is_put_right() {
    let rows: [(&str, Meddle, &[&str]); 6] = [
        (
            "a subnet taken from an endpoint",
            |_, vpc| Box::pin(modify(vpc, "logs", "RemoveSubnetId.1", &vpc.subnets[1])),
            &["ModifyVpcEndpoint"],
        ),
        (
            "a route table taken from the gateway",
            |_, vpc| Box::pin(modify(vpc, "s3", "RemoveRouteTableId.1", &vpc.table)),
            &["ModifyVpcEndpoint"],
        ),
        (
            "another policy",
            |_, vpc| {
                let policy = r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}"#;
                Box::pin(modify(vpc, "ecr.dkr", "PolicyDocument", policy))
            },
            &["ModifyVpcEndpoint"],
        ),
        (
            "the group's rule revoked",
            |world, vpc| {
                Box::pin(async {
                    let (group, _) = vpc.groups().await[&format!("wharfinger-{}", world.name)].clone();
                    let rule = [
                        ("GroupId", group.as_str()),
                        ("IpPermissions.1.IpProtocol", "tcp"),
                        ("IpPermissions.1.FromPort", "443"),
                        ("IpPermissions.1.ToPort", "443"),
                        ("IpPermissions.1.IpRanges.1.CidrIp", "10.0.1.0/24"),
                    ];
                    vpc.aws.ec2("RevokeSecurityGroupIngress", &rule).await;
                })
            },
            &["AuthorizeSecurityGroupIngress"],
        ),
        (
            "a tag for people removed",
            |_, vpc| {
                Box::pin(async {
                    let id = id(vpc, "ecs").await;
                    vpc.aws.ec2("DeleteTags", &[("ResourceId.1", &id), ("Tag.1.Key", "wharfinger.dev/namespace")]).await;
                })
            },
            &["CreateTags"],
        ),
        (
            "an owner's tag removed",
            |_, vpc| {
                Box::pin(async {
                    let id = id(vpc, "ecs").await;
                    vpc.aws.ec2("DeleteTags", &[("ResourceId.1", &id), ("Tag.1.Key", "wharfinger.dev/owner")]).await;
                })
            },
            &["CreateTags"],
        ),
    ];
    each(rows.map(|row| (row.0.to_owned(), row)), |(_, meddle, calls)| async move {
        let (world, vpc) = converged("pullnet-drift").await;
        meddle(&world, &vpc).await;
        world.poke_network().await;
        world.network_ready().await;
        assert_eq!(world.proxy.written(), calls);
        assert_whole(&world, &vpc).await;
        world.proxy.forget();
        world.poke_network().await;
        assert!(world.proxy.writes().is_empty(), "and then nothing: {:?}", world.proxy.counts());
    })
    .await;
}

#[tokio::test]
async fn each_endpoint_that_is_deleted_by_hand_is_made_again() {
    let (world, vpc) = converged("pullnet-holes").await;
    for service in ALL {
        let before = id(&vpc, service).await;
        vpc.aws.ec2("DeleteVpcEndpoints", &[("VpcEndpointId.1", &before)]).await;
        world.proxy.forget();
        let status = world.poke_network().await;
        let state = |it: &EndpointStatus| it.service == service && it.state.as_deref() == Some("deleted");
        assert!(status.endpoints.iter().any(state), "the first pass only tells it: {status:#?}");
        world.network_ready().await;
        assert_eq!(world.proxy.written(), ["CreateVpcEndpoint"], "{service}");
        assert_ne!(id(&vpc, service).await, before, "{service}");
    }
    assert_whole(&world, &vpc).await;
}

#[tokio::test]
async fn each_field_of_the_spec_is_followed() {
    let (world, vpc) = converged("pullnet-fields").await;
    let third = vpc.subnet("10.0.2.0/24", "c").await;
    let all = [vpc.subnets.to_vec(), vec![third.clone()]].concat();
    let follow = async |patch: Value, calls: &[&str]| {
        world.proxy.forget();
        world.patch_network(json!({ "spec": patch })).await;
        world.network_ready().await;
        world.poke_network().await;
        assert_eq!(world.proxy.written(), calls, "{patch}");
    };
    // The seven interface endpoints get the subnet, the group its range.
    let moved = [&["AuthorizeSecurityGroupIngress"][..], &["ModifyVpcEndpoint"; 7]].concat();
    follow(json!({"subnetIds": all}), &moved).await;
    let endpoints = vpc.endpoints().await;
    assert!(endpoints.iter().all(|(service, it)| service == "s3" || it.subnets.contains(&third)), "{endpoints:#?}");
    // Its range stays in the group: it is still a subnet of the VPC.
    follow(json!({"subnetIds": vpc.subnets}), &["ModifyVpcEndpoint"; 7]).await;
    follow(json!({"tasks": {"ec2": false}}), &["DeleteVpcEndpoints"; 3]).await;
    follow(json!({"tasks": {"ec2": true}}), &["CreateVpcEndpoint"; 3]).await;
    follow(json!({"policies": {"s3": "Minimal"}}), &["ModifyVpcEndpoint"]).await;
    let policy = vpc.endpoints().await["s3"].policy.clone();
    let layers = json!("arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*");
    assert!(policy["Statement"][0]["Resource"] == layers || policy["Statement"][0]["Resource"][0] == layers, "{policy}");
    follow(json!({"policies": {"s3": "Full"}}), &["ModifyVpcEndpoint"]).await;
    follow(json!({"policies": {"ecr": "AllowPull", "secretsmanager": "Scoped"}}), &["ModifyVpcEndpoint"; 3]).await;
    follow(json!({"additionalPrincipals": [format!("arn:aws:iam::{}:role/nodes", world.aws.id)]}), &["ModifyVpcEndpoint"; 3])
        .await;
    let status = world.network_ready().await;
    assert!(status.warnings.iter().any(|warning| warning.contains("ecr")), "tightening is told: {:#?}", status.warnings);
}
