//! AWS refuses, throttles or fails, or the VPC is not as it should be: the status says so, nothing is made twice, and once it is over the
//! network converges.

use super::super::proxy::{Fault, REQUEST_ID, Rule};
use super::super::rows::{each, soak};
use super::super::vpc::Vpc;
use super::super::world::World;
use super::{assert_whole, network, of};
use serde_json::{Value, json};

/// The calls of a creation.
const CREATION: [&str; 8] = [
    "DescribeSubnets",
    "DescribeRouteTables",
    "DescribeSecurityGroups",
    "DescribeVpcEndpoints",
    "DescribeVpcEndpointServices",
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupIngress",
    "CreateVpcEndpoint",
];

#[tokio::test]
async fn every_call_of_a_creation_may_fail_in_every_way() {
    let faults = [
        (Fault::Denied, "AccessDenied"),
        (Fault::Throttled, "Throttled"),
        (Fault::ServerError, "AwsUnavailable"),
        (Fault::LoseAnswer, "AwsUnavailable"),
    ];
    let all = CREATION.iter().enumerate().flat_map(|(at, call)| {
        let some = faults.clone().into_iter().enumerate().filter(move |(number, _)| soak() || number % 4 == at % 4);
        some.map(move |(_, (fault, reason))| (format!("{call}: {fault}"), (*call, fault, reason)))
    });
    each(all, |(call, fault, reason)| async move {
        let world = World::start("pullnet-fault").await;
        let vpc = world.aws.vpc().await;
        let lost = matches!(fault, Fault::LoseAnswer);
        // A read is tried three times; a write whose answer is lost is looked up.
        let rule = Rule::on(call, fault);
        world.proxy.inject(if lost && !call.starts_with("Describe") { rule.only(0) } else { rule });
        world.apply(&network(&world, &vpc)).await;
        if !lost {
            let message = world.network_not_ready(reason).await;
            assert!(message.contains(call) && message.contains(REQUEST_ID), "{message}");
            world.proxy.heal();
        } else {
            world.proxy.until("the call", |calls| calls.iter().any(|it| it.operation == call)).await;
            world.proxy.heal();
        }
        world.poke_network().await;
        world.network_ready().await;
        assert_whole(&world, &vpc).await;
    })
    .await;
}

#[tokio::test]
async fn what_aws_refuses_is_told_as_what_it_is() {
    let rows = [
        ("VpcEndpointLimitExceeded", "The maximum number of VPC endpoints has been reached.", "QuotaExceeded"),
        (
            "InvalidParameter",
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain for ecr.eu-west-1 in the VPC",
            "DnsConflict",
        ),
    ];
    each(rows.map(|row| (row.0.to_owned(), row)), |(code, text, reason)| async move {
        let world = World::start("pullnet-refused").await;
        let vpc = world.aws.vpc().await;
        world.proxy.inject(Rule::on("CreateVpcEndpoint", Fault::Refuse(code, text.to_owned())));
        world.apply(&network(&world, &vpc)).await;
        let message = world.network_not_ready(reason).await;
        assert!(message.contains(code) && message.contains(REQUEST_ID), "{message}");
        world.proxy.heal();
        world.poke_network().await;
        world.network_ready().await;
    })
    .await;
}

/// How the VPC or the spec is wrong.
type Wrong = for<'a> fn(&'a Vpc, &'a mut Value) -> futures::future::BoxFuture<'a, ()>;

#[tokio::test]
async fn a_network_that_cannot_be_is_told_and_nothing_is_made() {
    let rows: [(&str, Wrong, &str, &[&str]); 5] = [
        (
            "no such VPC",
            |_, it| set(it, "/spec/vpcId", json!("vpc-0123456789abcdef0")),
            "DependencyNotFound",
            &["vpc-0123456789abcdef0"],
        ),
        (
            "no such subnet",
            |vpc, it| set(it, "/spec/subnetIds", json!([vpc.subnets[0], "subnet-0123456789abcdef0"])),
            "DependencyNotFound",
            &["subnet-0123456789abcdef0"],
        ),
        (
            "a subnet of another VPC",
            |vpc, it| {
                Box::pin(async move {
                    let other = vpc.aws.vpc().await;
                    it["spec"]["subnetIds"] = json!([vpc.subnets[0], other.subnets[0]]);
                })
            },
            "DependencyNotFound",
            &["subnet-"],
        ),
        (
            "a Region that the binding has not",
            |_, it| set(it, "/spec/region", json!("eu-central-1")),
            "NotAllowed",
            &["eu-central-1"],
        ),
        ("no such binding", |_, it| set(it, "/spec/bindingRef/name", json!("nobody")), "BindingNotFound", &["nobody"]),
    ];
    each(rows.map(|row| (row.0.to_owned(), row)), |(_, wrong, reason, parts)| async move {
        let world = World::start("pullnet-wrong").await;
        let vpc = world.aws.vpc().await;
        let mut manifest = network(&world, &vpc);
        wrong(&vpc, &mut manifest).await;
        world.apply(&manifest).await;
        let message = world.network_not_ready(reason).await;
        for part in parts {
            assert!(message.contains(part), "no {part:?} in {message}");
        }
        assert!(vpc.endpoints().await.is_empty());
        assert!(!world.proxy.written().iter().any(|call| call == "CreateVpcEndpoint"));
    })
    .await;
}

fn set<'a>(manifest: &'a mut Value, path: &str, value: Value) -> futures::future::BoxFuture<'a, ()> {
    *manifest.pointer_mut(path).expect("a field") = value;
    Box::pin(async {})
}

#[tokio::test]
async fn dns_that_is_off_and_a_missing_yes_are_told() {
    let world = World::start("pullnet-dns").await;
    let vpc = world.aws.vpc().await;
    vpc.aws.ec2("ModifyVpcAttribute", &[("VpcId", &vpc.id), ("EnableDnsHostnames.Value", "false")]).await;
    let mut manifest = network(&world, &vpc);
    manifest["spec"]["allowS3Gateway"] = json!(false);
    world.apply(&manifest).await;
    let name = world.name.clone();
    let status = world.network_says(&name, "say that DNS is off", |status| of(status, "NetworkSuitable").0 == "False").await;
    assert!(of(&status, "NetworkSuitable").2.contains("enableDnsHostnames"), "{status:#?}");
    assert!(vpc.endpoints().await.is_empty(), "private DNS needs it, and the gateway a yes");
    vpc.aws.ec2("ModifyVpcAttribute", &[("VpcId", &vpc.id), ("EnableDnsHostnames.Value", "true")]).await;
    world.poke_network().await;
    let status =
        world.network_says(&name, "lack the yes only", |status| of(status, "EndpointsReady").2.contains("allowS3Gateway")).await;
    assert_eq!(of(&status, "NetworkSuitable").0, "True");
    assert!(!vpc.endpoints().await.contains_key("s3"));
    world.patch_network(json!({"spec": {"allowS3Gateway": true}})).await;
    world.network_ready().await;
    assert_whole(&world, &vpc).await;
}
