//! Endpoints of others: used as they are, taken over, or in the way; never doubled.

use super::{FARGATE, Scene, done, held};
use crate::core::world::network::{Network, VPC, group, https, set, tags};
use serde_json::json;
use wharfinger::plan::Action;
use wharfinger::resource::network::{Endpoint, EndpointKind, Ingress};
use wharfinger::resource::tags::{ADOPT_BY, OWNER, Tags};

const THEIRS: &str = "vpce-0fffffffffffffff0";

/// An endpoint of others that suffices.
fn theirs(short: &str) -> Endpoint {
    let gateway = short == "s3";
    Endpoint {
        id: THEIRS.into(),
        vpc_id: VPC.into(),
        service_name: format!("com.amazonaws.eu-west-1.{short}"),
        kind: if gateway { EndpointKind::Gateway } else { EndpointKind::Interface },
        state: "available".into(),
        subnet_ids: if gateway { set(&[]) } else { set(&["subnet-0000000b", "subnet-0000000c"]) },
        group_ids: if gateway { set(&[]) } else { set(&["sg-00000000"]) },
        route_table_ids: if gateway { set(&["rtb-0000000a", "rtb-0000000e", "rtb-0000000f"]) } else { set(&[]) },
        private_dns: !gateway,
        policy: None,
        requester_managed: false,
        last_error: None,
        tags: tags(&[("team", "network")]),
    }
}

#[test]
fn what_suffices_is_used_as_it_is() {
    for short in ["ecr.dkr", "s3", "secretsmanager"] {
        let mut scene = Scene::new(FARGATE);
        scene.world.endpoints.push(Endpoint { policy: Some(json!({"Statement": []}).to_string()), ..theirs(short) });
        let before = scene.world.endpoints[0].clone();
        let plan = scene.plan();
        assert!(!done(&plan).contains(&format!("create {short}")) && plan.held.is_empty(), "{plan}");
        let told = |what: &str| plan.notes.iter().any(|note| note.contains(THEIRS) && note.contains(what));
        assert!(told("used as it is") && told("is not full access"), "{plan}");
        scene.settle();
        assert_eq!(scene.world.endpoints[0], before, "{short}: nothing of it is changed");
        let status = scene.status().endpoints.iter().find(|it| it.service == short).unwrap();
        assert_eq!((status.id.as_deref(), status.managed, status.state.as_deref()), (Some(THEIRS), false, Some("available")));
        assert_eq!(scene.condition("Ready").0, "True");
        assert_eq!(scene.status().billed_interfaces, if short == "s3" { 8 } else { 6 }, "what is billed is not ours");
        while !matches!(scene.remove(usize::MAX), wharfinger::pass::Pass::Done(round) if round.plan.is_converged()) {
            scene.world.tick();
        }
        assert_eq!(scene.world.endpoints, [before], "{short}: it stays when the network goes");
    }
}

type Change = fn(&mut Network);

#[rustfmt::skip] // a table
const CONFLICTS: [(&str, &str, Change, &str, &str); 14] = [
    ("private DNS off", "ecr.dkr", |world| world.endpoints[0].private_dns = false, "NotOurs", "its private DNS is off"),
    ("a zone missing", "ecr.dkr", |world| world.endpoints[0].subnet_ids = set(&["subnet-0000000b"]), "NotOurs", "no subnet in eu-west-1a"),
    ("another type", "ecr.dkr", |world| world.endpoints[0].kind = EndpointKind::Other("Resource".into()), "NotOurs", "it is of type Resource, and Interface is needed"),
    ("a closed group", "logs", |world| world.groups[0].ingress = vec![https(&["10.0.1.0/24"])], "NotOurs", "let no TCP 443 in from 10.0.2.0/24"),
    ("no group that is known", "logs", |world| world.endpoints[0].group_ids = set(&[]), "NotOurs", "let no TCP 443 in"),
    ("a route table missing", "s3", |world| { world.endpoints[0].route_table_ids.remove("rtb-0000000e"); }, "NotOurs", "it is not in route tables rtb-0000000e"),
    ("failed", "logs", |world| world.endpoints[0].state = "failed".into(), "NotOurs", "it is failed"),
    ("rejected", "logs", |world| world.endpoints[0].state = "rejected".into(), "NotOurs", "it is rejected"),
    ("acceptance", "logs", |world| world.endpoints[0].state = "pendingacceptance".into(), "NotOurs", "it is pendingacceptance"),
    ("pending", "logs", |world| world.endpoints[0].state = "pending".into(), "Waiting", "is pending"),
    ("deleting", "logs", |world| world.endpoints[0].state = "deleting".into(), "Waiting", "is deleting"),
    ("of another network", "logs", |world| {
        world.endpoints[0].private_dns = false;
        world.endpoints[0].tags = tags(&[(OWNER, "PullNetwork/other")]);
    }, "NotOurs", "its tags name PullNetwork/other"),
    ("two things", "ecr.dkr", |world| {
        world.endpoints[0].private_dns = false;
        world.endpoints[0].subnet_ids = set(&["subnet-0000000a"]);
    }, "NotOurs", "lead to it; it has no subnet in eu-west-1b"),
    ("half of the gateways", "s3", |world| {
        let other = Endpoint { id: "vpce-0fffffffffffffff1".into(), route_table_ids: set(&["rtb-0000000f"]), ..world.endpoints[0].clone() };
        world.endpoints[0].route_table_ids = set(&["rtb-0000000a"]);
        world.endpoints.push(other);
    }, "NotOurs", "it is not in route tables rtb-0000000e"),
];

#[test]
fn what_does_not_suffice_is_in_the_way_and_says_why() {
    for (what, short, change, hold, told) in CONFLICTS {
        let mut scene = Scene::new(FARGATE);
        scene.world.endpoints.push(theirs(short));
        change(&mut scene.world);
        let before = scene.world.endpoints.clone();
        let plan = scene.plan();
        assert_eq!(held(&plan), [format!("{hold} {short}")], "{what}: {plan}");
        assert!(plan.held[0].message.contains(told), "{what}: {plan}");
        scene.pass();
        let untouched = |it: &Endpoint| scene.world.endpoints.iter().any(|now| now.id == it.id && now.tags == it.tags);
        assert!(before.iter().filter(|it| it.state == "available").all(untouched), "{what}");
        let reason = if hold == "Waiting" { "Progressing" } else { "OwnershipConflict" };
        assert_eq!(scene.condition("EndpointsReady"), ("False".into(), reason.into()), "{what}");
    }
}

#[test]
fn what_does_not_conflict() {
    let rows: [(&str, Change); 6] = [
        ("an interface endpoint of S3", |world| {
            world.endpoints[0].service_name = "com.amazonaws.eu-west-1.s3".into();
        }),
        ("another service", |world| world.endpoints[0].service_name = "com.amazonaws.eu-west-1.sts".into()),
        ("another VPC", |world| world.endpoints[0].vpc_id = "vpc-0fffffffffffffff0".into()),
        ("one that is gone", |world| world.endpoints[0].state = "deleted".into()),
        ("another Region's name", |world| world.endpoints[0].service_name = "com.amazonaws.us-east-1.logs".into()),
        ("an interface endpoint of S3 with our tags", |world| {
            world.endpoints[0].service_name = "com.amazonaws.eu-west-1.s3".into();
            let desired = Scene::new(FARGATE).desired();
            world.endpoints[0].tags = desired.owner.tags();
        }),
    ];
    for (what, change) in rows {
        let mut scene = Scene::new(FARGATE);
        scene.world.endpoints.push(Endpoint { private_dns: false, ..theirs("logs") });
        change(&mut scene.world);
        let plan = scene.plan();
        assert!(plan.held.is_empty(), "{what}: {plan}");
        assert_eq!(done(&plan).iter().filter(|it| it.starts_with("create ")).count(), 6, "{what}: {plan}");
        assert!(!done(&plan).iter().any(|it| it.starts_with("delete")), "{what}: {plan}");
    }
}

/// Several gateways of others that together lead all route tables to S3.
#[test]
fn gateways_of_others_share_the_work() {
    let mut scene = Scene::new(FARGATE);
    scene.world.endpoints.push(Endpoint { route_table_ids: set(&["rtb-0000000a"]), ..theirs("s3") });
    let second = Endpoint { id: "vpce-0fffffffffffffff1".into(), route_table_ids: set(&["rtb-0000000e"]), ..theirs("s3") };
    scene.world.endpoints.push(second);
    scene.settle();
    assert_eq!(scene.status().endpoints[2].id.as_deref(), Some(THEIRS));
}

#[test]
fn a_route_table_that_leads_to_anothers_gateway_is_left_to_it() {
    let mut scene = Scene::new(&FARGATE.replace("[subnet-0000000a, subnet-0000000b]", "[subnet-0000000b]"));
    scene.settle();
    let before = scene.world.of("s3").route_table_ids.clone();
    scene.world.endpoints.push(Endpoint { route_table_ids: set(&["rtb-0000000a"]), ..theirs("s3") });
    scene.respec(FARGATE);
    scene.settle();
    assert_eq!(scene.world.of("s3").route_table_ids, before);
    assert!(scene.status().warnings.iter().any(|it| it.contains("rtb-0000000a lead to S3 through")), "{:?}", scene.status());
}

/// As for secrets: `IfTagged` asks for the owner's offer, `Adopt` takes what nobody claims.
#[test]
fn what_others_made_is_taken_over_by_policy() {
    let identity = "cluster-1/-/PullNetwork/prod-apps";
    let rows: [(&str, &str, Vec<(&str, &str)>, bool); 8] = [
        ("never", "Never", vec![], false),
        ("never, though offered", "Never", vec![(ADOPT_BY, identity)], false),
        ("tagged", "IfTagged", vec![(ADOPT_BY, identity)], true),
        ("not tagged", "IfTagged", vec![], false),
        ("tagged for another", "IfTagged", vec![(ADOPT_BY, "cluster-1/-/PullNetwork/other")], false),
        ("without an owner", "Adopt", vec![("team", "network")], true),
        ("another's", "Adopt", vec![(OWNER, "PullNetwork/other")], false),
        ("offered, but another's", "Adopt", vec![(ADOPT_BY, identity), (OWNER, "PullNetwork/other")], false),
    ];
    for (what, policy, list, taken) in rows {
        let mut scene = Scene::new(&Scene::with(&format!("adoptionPolicy: {policy}")));
        // It lacks private DNS, and is of no use unless it is taken over.
        scene.world.endpoints.push(Endpoint { private_dns: false, tags: tags(&list), ..theirs("ecr.dkr") });
        scene.world.groups[0].ingress = vec![https(&["10.0.1.0/24", "10.0.2.0/24"])];
        let plan = scene.plan();
        assert_eq!(done(&plan).contains(&"adopt ecr.dkr".to_owned()), taken, "{what}: {plan}");
        assert_eq!(held(&plan), [if taken { "Waiting ecr.dkr" } else { "NotOurs ecr.dkr" }], "{what}: {plan}");
        if taken {
            let before = |action: &Action| match action {
                Action::AdoptEndpoint { before, tags, .. } => Some((before.clone(), tags.len())),
                _ => None,
            };
            let told: Vec<(Tags, usize)> = plan.steps.iter().filter_map(|step| before(&step.action)).collect();
            assert_eq!(told, [(tags(&list), 4)], "{what}");
            scene.settle();
            assert_eq!(scene.world.of("ecr.dkr").id, THEIRS, "{what}");
            assert!(scene.world.of("ecr.dkr").private_dns, "{what}: it is then made what the spec says");
            let status = &scene.status().endpoints[0];
            assert_eq!((status.id.as_deref(), status.managed), (Some(THEIRS), true), "{what}");
        }
    }
}

#[test]
fn what_is_not_taken_over_whatever_the_policy() {
    let rows: [(&str, &str, Change, &str); 4] = [
        ("what a service of AWS keeps", "ecr.dkr", |world| world.endpoints[0].requester_managed = true, "NotOurs ecr.dkr"),
        ("what is not available", "ecr.dkr", |world| world.endpoints[0].state = "failed".into(), "NotOurs ecr.dkr"),
        ("route tables would be lost", "s3", |_| {}, "NotOurs s3"),
        // Their group lets in everybody, ours not the third subnet.
        ("subnets would be shut out", "ecr.dkr", |_| {}, "NotOurs ecr.dkr"),
    ];
    for (what, short, change, expected) in rows {
        let mut scene = Scene::new(&Scene::with("adoptionPolicy: Adopt"));
        scene.world.endpoints.push(Endpoint { private_dns: false, ..theirs(short) });
        change(&mut scene.world);
        let plan = scene.plan();
        assert_eq!(held(&plan), [expected], "{what}: {plan}");
        assert!(!done(&plan).iter().any(|it| it.starts_with("adopt")), "{what}: {plan}");
    }
}

/// As with secrets: what was taken over is the network's own, and goes with it.
#[test]
fn what_was_taken_over_goes_with_the_network() {
    let mut scene = Scene::new(&Scene::with("adoptionPolicy: Adopt"));
    scene.world.endpoints.push(theirs("ecr.dkr"));
    scene.world.groups[0].ingress = vec![https(&["10.0.1.0/24", "10.0.2.0/24"])];
    scene.settle();
    assert!(scene.world.of("ecr.dkr").group_ids.is_disjoint(&set(&["sg-00000000"])), "our group took the place of theirs");
    scene.remove(usize::MAX);
    scene.world.tick();
    assert!(scene.world.endpoints.is_empty());
}

#[test]
fn rules_that_name_groups_are_told_and_not_held() {
    let by_group = Ingress { group_ids: set(&["sg-00000009"]), ..https(&[]) };
    let mut scene = Scene::new(FARGATE);
    scene.world.groups.push(group("sg-00000001", vec![by_group.clone()]));
    scene.world.endpoints.push(Endpoint { group_ids: set(&["sg-00000001"]), ..theirs("logs") });
    let plan = scene.plan();
    assert!(plan.held.is_empty() && plan.notes.iter().any(|note| note.contains("is not known")), "{plan}");
}
