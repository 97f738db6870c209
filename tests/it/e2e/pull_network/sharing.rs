//! What is there already: used as it is, taken over by policy, or a conflict with the reason. And one VPC has one network.

use super::super::vpc::Vpc;
use super::super::world::World;
use super::{assert_whole, converged, network, of};
use serde_json::json;

/// An endpoint that somebody else made.
async fn foreign(vpc: &Vpc, service: &str, more: &[(&str, &str)]) -> String {
    let name = format!("com.amazonaws.{}.{service}", vpc.aws.region());
    let fixed = [("VpcId", vpc.id.as_str()), ("ServiceName", name.as_str())];
    let xml = vpc.aws.ec2("CreateVpcEndpoint", &[&fixed[..], more].concat()).await;
    super::super::account::element(&xml, "vpcEndpointId").expect("an id")
}

async fn open_group(vpc: &Vpc) -> String {
    let group = [("GroupName", "theirs"), ("GroupDescription", "theirs"), ("VpcId", vpc.id.as_str())];
    let xml = vpc.aws.ec2("CreateSecurityGroup", &group).await;
    let id = super::super::account::element(&xml, "groupId").expect("an id");
    let rule = [
        ("GroupId", id.as_str()),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "443"),
        ("IpPermissions.1.ToPort", "443"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "10.0.0.0/16"),
    ];
    vpc.aws.ec2("AuthorizeSecurityGroupIngress", &rule).await;
    id
}

#[tokio::test]
async fn what_suffices_is_used_as_it_is_and_stays() {
    let world = World::start("pullnet-shared").await;
    let vpc = world.aws.vpc().await;
    let group = open_group(&vpc).await;
    let interface = [
        ("VpcEndpointType", "Interface"),
        ("SubnetId.1", vpc.subnets[0].as_str()),
        ("SubnetId.2", vpc.subnets[1].as_str()),
        ("SecurityGroupId.1", group.as_str()),
        ("PrivateDnsEnabled", "true"),
    ];
    let logs = foreign(&vpc, "logs", &interface).await;
    let gateway = foreign(&vpc, "s3", &[("VpcEndpointType", "Gateway"), ("RouteTableId.1", &vpc.table)]).await;
    world.apply(&network(&world, &vpc)).await;
    let status = world.network_ready().await;
    for (service, id) in [("logs", &logs), ("s3", &gateway)] {
        let told = status.endpoints.iter().find(|it| it.service == service).expect("a line");
        assert!(told.id.as_ref() == Some(id) && !told.managed, "{told:?}");
        assert!(vpc.endpoints().await[service].tags.is_empty(), "nothing of it is changed");
    }
    assert_eq!(status.billed_interfaces, 12);
    world.delete_network().await;
    world.network_gone().await;
    assert_eq!(vpc.endpoints().await.into_keys().collect::<Vec<_>>(), ["logs", "s3"]);
}

#[tokio::test]
async fn what_does_not_suffice_is_a_conflict_until_it_is_taken_over() {
    let world = World::enter("pullnet-adopt").await.binding(|spec| spec["limits"]["adoption"] = json!("Adopt")).start().await;
    let vpc = world.aws.vpc().await;
    let group = open_group(&vpc).await;
    let half = [
        ("VpcEndpointType", "Interface"),
        ("SubnetId.1", vpc.subnets[0].as_str()),
        ("SecurityGroupId.1", group.as_str()),
        ("PrivateDnsEnabled", "true"),
    ];
    let id = foreign(&vpc, "ecr.dkr", &half).await;
    world.apply(&network(&world, &vpc)).await;
    let message = world.network_not_ready("OwnershipConflict").await;
    assert!(message.contains(&id) && message.contains("eu-west-1b"), "{message}");
    assert_eq!(vpc.endpoints().await.len(), 8, "all the others are made");
    world.patch_network(json!({"spec": {"adoptionPolicy": "Adopt"}})).await;
    world.network_ready().await;
    assert_eq!(vpc.endpoints().await["ecr.dkr"].id, id, "it is the same one");
    world.poke_network().await;
    assert_whole(&world, &vpc).await;
}

#[tokio::test]
async fn one_vpc_has_one_network() {
    let (world, vpc) = converged("pullnet-rival").await;
    let mut second = network(&world, &vpc);
    let name = format!("{}-second", world.name);
    second["metadata"]["name"] = json!(name);
    second["spec"]["tasks"] = json!({"fargate": {}});
    world.apply(&second).await;
    let status = world.network_says(&name, "be refused", |status| of(status, "Ready").0 == "False").await;
    assert!(of(&status, "Ready").2.contains(&world.name) && of(&status, "Ready").2.contains(&vpc.id), "{status:#?}");
    world.poke_network().await;
    assert!(world.proxy.writes().is_empty(), "{:?}", world.proxy.counts());
    assert_whole(&world, &vpc).await;
    // Once the first is gone, the second has the VPC.
    world.patch_network(json!({"spec": {"deletionPolicy": "Delete"}})).await;
    world.delete_network().await;
    world.network_gone().await;
    world.network_says(&name, "become Ready", |status| of(status, "Ready").0 == "True").await;
    assert_eq!(vpc.endpoints().await.len(), 4, "the second has no logs and no instances");
}

/// Two networks are read together, and what was read is remembered for others. Whoever asks is not told that.
#[tokio::test]
async fn who_asks_is_told_what_is_so() {
    let (world, vpc) = converged("pullnet-asked").await;
    let other = world.aws.vpc().await;
    let mut second = network(&world, &other);
    let name = format!("{}-second", world.name);
    second["metadata"]["name"] = json!(name);
    world.apply(&second).await;
    world.network_says(&name, "become Ready", |status| of(status, "Ready").0 == "True").await;
    let spellings: [fn(jiff::Timestamp) -> String; 3] =
        [|now| now.to_string(), |now| now.as_second().to_string(), |_| "again".to_owned()];
    for spelt in spellings {
        let id = vpc.endpoints().await["logs"].id.clone();
        vpc.aws.ec2("DeleteVpcEndpoints", &[("VpcEndpointId.1", &id)]).await;
        let asked = spelt(jiff::Timestamp::now());
        world.patch_network(json!({"metadata": {"annotations": {super::ASKED: asked}}})).await;
        let own = world.name.clone();
        let answer = world.network_says(&own, "answer", |status| status.last_handled_reconcile_at.as_ref() == Some(&asked)).await;
        let told = answer.endpoints.iter().find(|it| it.service == "logs").expect("a line");
        assert!(told.id != Some(id) || told.state.as_deref() == Some("deleted"), "{told:?}");
        // What it made is looked at once more, so that the next one finds it remembered.
        world.network_ready().await;
        assert_whole(&world, &vpc).await;
    }
}
