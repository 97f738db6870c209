//! VPC, DNS, subnets, zones, route tables and security groups: what is in the way is told with its remedy.

use super::{FARGATE, Scene, done, held};
use crate::core::world::network::{Network, group, https, set};
use wharfinger::resource::network::{Ingress, Subnet};
use wharfinger::resource::tags::OWNER;

type Change = fn(&mut Network);

/// What is held first, the part that says so, its reason, and a piece of the message.
type Row = (&'static str, &'static str, Change, &'static str, &'static str, &'static str);

fn services(world: &mut Network, short: &str, zones: &[&str]) {
    for service in world.services.iter_mut().filter(|it| it.name.ends_with(short)) {
        service.zones = set(zones);
    }
}

#[rustfmt::skip] // a table
const ROWS: [Row; 20] = [
    ("no VPC", "", |world| world.vpc = None, "NetworkSuitable", "DependencyNotFound", "there is no VPC vpc-0123456789abcdef0 in account 111122223333, Region eu-west-1"),
    ("a VPC of others", "", |world| world.vpc.as_mut().unwrap().owner_id = "444455556666".into(), "NetworkSuitable", "NetworkUnsuitable", "another account's, shared with 111122223333"),
    ("a subnet of others", "", |world| world.subnets[1].owner_id = "444455556666".into(), "NetworkSuitable", "NetworkUnsuitable", "subnets subnet-0000000b are another account's"),
    ("a subnet of another VPC", "", |world| drop(world.subnets.remove(1)), "NetworkSuitable", "DependencyNotFound", "has no subnet subnet-0000000b"),
    ("DNS hostnames off", "", |world| world.dns.hostnames = false, "NetworkSuitable", "NetworkUnsuitable", "enableDnsHostnames of VPC"),
    ("DNS off", "", |world| (world.dns.support, world.dns.hostnames) = (false, false), "NetworkSuitable", "NetworkUnsuitable", "enableDnsSupport and enableDnsHostnames of VPC"),
    ("no zone", "", |world| services(world, "logs", &["eu-west-1c"]), "EndpointsReady", "NetworkUnsuitable", "eu-west-1a (subnet-0000000a), eu-west-1b (subnet-0000000b)"),
    ("no such service", "", |world| world.services.retain(|it| !it.name.ends_with("logs")), "EndpointsReady", "DependencyNotFound", "has no endpoint service com.amazonaws.eu-west-1.logs"),
    ("S3 as an interface only", "", |world| { world.services.pop(); }, "EndpointsReady", "DependencyNotFound", "of type Gateway"),
    ("no subnet by tags", "subnetSelector: {matchTags: {tier: public}}", |_| {}, "NetworkSuitable", "DependencyNotFound", "has no subnet tier=public"),
    ("no route table by id", "routeTableIds: [rtb-0000000a, rtb-00000000]", |_| {}, "NetworkSuitable", "DependencyNotFound", "has no route table rtb-00000000"),
    ("no route table by tags", "routeTableSelector: {matchTags: {name: none}}", |_| {}, "NetworkSuitable", "DependencyNotFound", "has no route table name=none"),
    ("route tables of no subnet", "routeTableIds: [rtb-0000000f]", |_| {}, "EndpointsReady", "NetworkUnsuitable", "none of the route tables is that of a subnet"),
    ("no group", "securityGroups: {ids: [sg-00000000, sg-00000009]}", |_| {}, "SecurityGroupReady", "DependencyNotFound", "has no security group sg-00000009"),
    ("a closed group", "securityGroups: {ids: [sg-00000000]}", |world| world.groups[0].ingress = vec![https(&["10.0.1.0/24"])], "SecurityGroupReady", "NetworkUnsuitable", "lets no TCP 443 in from 10.0.2.0/24"),
    ("a group without rules", "securityGroups: {ids: [sg-00000000]}", |world| world.groups[0].ingress.clear(), "SecurityGroupReady", "NetworkUnsuitable", "10.0.1.0/24, 10.0.2.0/24"),
    ("a group of our name", "", |world| {
        let mut other = group("sg-00000001", vec![]);
        other.name = "wharfinger-prod-apps".into();
        world.groups.push(other);
    }, "SecurityGroupReady", "OwnershipConflict", "has the name wharfinger-prod-apps and is not this network's"),
    ("a group of another network", "", |world| {
        let mut other = group("sg-00000001", vec![]);
        other.name = "wharfinger-prod-apps".into();
        other.tags.insert(OWNER.into(), "PullNetwork/prod-apps".into());
        world.groups.push(other);
    }, "SecurityGroupReady", "OwnershipConflict", "its tags name PullNetwork/prod-apps"),
    ("no yes to the gateway", "allowS3Gateway: false", |_| {}, "EndpointsReady", "NotConfirmed", "Set spec.allowS3Gateway: true"),
    ("one zone of IPv6", "securityGroups: {ids: [sg-00000000]}", |world| {
        world.subnets[0].cidrs.insert("2001:db8:0:1::/64".into());
    }, "SecurityGroupReady", "NetworkUnsuitable", "2001:db8:0:1::/64"),
];

fn spec(more: &str) -> String {
    let field = more.split(':').next().unwrap_or_default();
    match field {
        "subnetSelector" => FARGATE.replace("subnetIds: [subnet-0000000a, subnet-0000000b]", more),
        "allowS3Gateway" => FARGATE.replace("allowS3Gateway: true", more),
        _ => Scene::with(more),
    }
}

#[test]
fn what_is_in_the_way_is_told() {
    for (what, more, change, part, reason, told) in ROWS {
        let mut scene = Scene::new(&spec(more));
        change(&mut scene.world);
        scene.pass();
        assert_eq!(scene.condition(part), ("False".into(), reason.into()), "{what}: {:#?}", scene.status());
        assert!(scene.message(part).contains(told), "{what}: {}", scene.message(part));
        let ready = scene.condition("Ready");
        assert_eq!(ready, ("False".into(), reason.into()), "{what}");
        assert_eq!(scene.condition("Stalled").0, "True", "{what}: somebody must act");
        if part == "NetworkSuitable" {
            assert_ne!(scene.condition("EndpointsReady").0, "True", "{what}");
        }
    }
}

/// What is not in its way is made all the same.
#[test]
fn the_rest_is_made() {
    let rows: [(&str, Change, &[&str]); 5] = [
        ("", |world| world.dns.hostnames = false, &["s3"]),
        ("ecrApiPrivateDns: false", |world| world.dns.hostnames = false, &["ecr.api", "s3"]),
        ("", |world| services(world, "logs", &[]), &["ecr.dkr", "ecr.api", "s3", "secretsmanager"]),
        ("securityGroups: {ids: [sg-00000000]}", |world| world.groups[0].ingress.clear(), &["s3"]),
        ("routeTableIds: [rtb-00000000]", |_| {}, &["ecr.dkr", "ecr.api", "logs", "secretsmanager"]),
    ];
    for (more, change, expected) in rows {
        let mut scene = Scene::new(&spec(more));
        change(&mut scene.world);
        let plan = scene.plan();
        let made: Vec<String> = done(&plan).into_iter().filter(|it| it.starts_with("create ")).collect();
        let made: Vec<&str> = made.iter().map(|it| &it["create ".len()..]).filter(|it| !it.contains("prod")).collect();
        assert_eq!(made, expected, "{more}: {plan}");
        scene.pass();
        scene.pass();
        assert_eq!(scene.world.endpoints.len(), expected.len(), "{more}");
    }
}

#[test]
fn what_may_go_wrong_is_told_and_not_held() {
    let rows: [(&str, Change, &str); 6] = [
        (
            "",
            |world| services(world, "logs", &["eu-west-1a"]),
            "logs has no endpoint in these zones: eu-west-1b (subnet-0000000b)",
        ),
        ("", |world| world.vpc.as_mut().unwrap().name_servers = vec!["10.0.0.53".into()], "conditional forwarding"),
        ("routeTableIds: [rtb-0000000a]", |_| {}, "not among those of the S3 gateway: subnet-0000000b"),
        (
            "securityGroups: {ids: [sg-00000000]}",
            |world| world.groups[0].ingress = vec![Ingress { group_ids: set(&["sg-1"]), ..https(&[]) }],
            "is not known, as some rules name groups or prefix lists",
        ),
        ("ecrApiPrivateDns: false", |_| {}, "that tasks of ECS do so, AWS does not say: they need another way to that API"),
        ("ecrApiPrivateDns: false", |_| {}, "--endpoint-url https://VPC_ENDPOINT_ID.api.ecr.eu-west-1.vpce.amazonaws.com"),
    ];
    for (more, change, told) in rows {
        let mut scene = Scene::new(&spec(more));
        change(&mut scene.world);
        let plan = scene.plan();
        assert!(plan.held.is_empty(), "{told}: {plan}");
        assert!(plan.notes.iter().any(|note| note.contains(told)), "{told}: {plan}");
        scene.settle();
        assert_eq!(scene.condition("Ready").0, "True", "{told}");
        let told = told.replace("VPC_ENDPOINT_ID", &scene.world.of("ecr.api").id);
        let warnings = &scene.status().warnings;
        assert!(warnings.iter().any(|it| it.contains(&told)), "{told}: {warnings:?}");
    }
}

#[test]
fn things_are_chosen_by_tags() {
    let by_tags = FARGATE.replace(
        "subnetIds: [subnet-0000000a, subnet-0000000b]",
        "subnetSelector: {matchTags: {tier: private}}\nrouteTableSelector: {matchTags: {name: rtb-0000000a}}",
    );
    let mut scene = Scene::settled(&by_tags);
    assert_eq!(scene.world.of("logs").subnet_ids, set(&["subnet-0000000a", "subnet-0000000b"]));
    assert_eq!(scene.world.of("s3").route_table_ids, set(&["rtb-0000000a"]));
    // A subnet that gets the tags later is taken in.
    let more = Subnet {
        id: "subnet-0000000d".into(),
        zone: "eu-west-1c".into(),
        cidrs: set(&["10.0.4.0/24"]),
        ..scene.world.subnets[0].clone()
    };
    scene.world.subnets.push(more);
    scene.settle();
    assert_eq!(scene.world.of("logs").subnet_ids.len(), 3);
    assert_eq!(scene.status().billed_interfaces, 12);
}

#[test]
fn more_route_tables_need_a_yes_as_well() {
    let mut scene = Scene::settled(FARGATE);
    let refused = FARGATE.replace("allowS3Gateway: true", "allowS3Gateway: false");
    scene.respec(&refused);
    assert_eq!(scene.settle(), 0, "what is there stays without it");
    scene.respec(&format!("{refused}routeTableIds: [rtb-0000000a, rtb-0000000e, rtb-0000000f]\npolicies: {{s3: Minimal}}\n"));
    let plan = scene.plan();
    assert_eq!(
        (done(&plan), held(&plan)),
        (vec!["modify s3".to_owned()], vec!["Refused s3".to_owned()]),
        "the policy does not wait: {plan}"
    );
    assert!(plan.held[0].message.contains("not extended") && plan.held[0].message.contains("rtb-0000000f"), "{plan}");
    scene.respec(&format!("{refused}routeTableIds: [rtb-0000000a]\n"));
    scene.settle();
    assert_eq!(scene.world.of("s3").route_table_ids, set(&["rtb-0000000a"]), "fewer need none");
}
