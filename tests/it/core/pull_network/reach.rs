//! Whom the endpoints' security group shuts out: endpoints with private DNS serve the whole VPC.

use super::{FARGATE, Scene, done};
use crate::core::world::network::{group, https, set};
use wharfinger::plan::Plan;

fn note(plan: &Plan) -> Option<&String> {
    plan.notes.iter().find(|note| note.contains("lets no TCP 443 in from these subnets of the VPC"))
}

#[test]
fn subnets_that_lose_a_service_are_told() {
    let third = FARGATE.replace("subnet-0000000b]", "subnet-0000000b, subnet-0000000c]");
    let given = Scene::with("securityGroups: {ids: [sg-00000001]}");
    let none = FARGATE.replace("{fargate: {awslogs: true}}", "{external: true}");
    let rows: [(&str, &str, &[&str], bool); 5] = [
        ("a third subnet", FARGATE, &[], true),
        ("all are named", &third, &[], false),
        ("a group that lets all in", &given, &["10.0.0.0/16"], false),
        ("a group that lets in those that are named", &given, &["10.0.1.0/24", "10.0.2.0/24"], true),
        ("no endpoint", &none, &[], false),
    ];
    for (what, spec, cidrs, told) in rows {
        let mut scene = Scene::new(spec);
        scene.world.groups.push(group("sg-00000001", vec![https(cidrs)]));
        let plan = scene.plan();
        assert_eq!(note(&plan).is_some(), told, "{what}: {plan}");
        scene.settle();
        let plan = scene.plan();
        assert_eq!(note(&plan).is_some(), told, "{what}, settled: {plan}");
        if let Some(note) = note(&plan) {
            assert!(note.contains("subnet-0000000c (10.0.3.0/24)") && note.contains("loses ecr.dkr, ecr.api, logs"), "{note}");
            assert!(scene.status().warnings.contains(note), "{what}");
        }
    }
    let plan = Scene::new(&Scene::with("ecrApiPrivateDns: false")).plan();
    assert!(note(&plan).is_some_and(|note| note.contains("loses ecr.dkr, logs")), "without private DNS nothing is lost: {plan}");
}

/// A rule that somebody added for another subnet stays, until there is no such subnet.
#[test]
fn no_subnet_of_the_vpc_is_shut_out() {
    let mut scene = Scene::settled(FARGATE);
    scene.world.groups[1].ingress[0].cidrs.insert("10.0.3.0/24".into());
    let plan = scene.plan();
    assert!(plan.is_converged() && note(&plan).is_none(), "{plan}");
    scene.respec(&FARGATE.replace(", subnet-0000000b]", "]"));
    scene.settle();
    assert_eq!(scene.world.groups[1].ingress[0].cidrs, set(&["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]));
    scene.world.subnets.retain(|it| it.id != "subnet-0000000c");
    assert_eq!(done(&scene.plan()), ["close wharfinger-prod-apps"]);
    scene.settle();
    assert_eq!(scene.world.groups[1].ingress[0].cidrs, set(&["10.0.1.0/24", "10.0.2.0/24"]));
}

/// A group goes, and its name is no matter, when others serve all that is needed.
#[test]
fn a_group_that_no_endpoint_needs_is_not_made() {
    let mut scene = Scene::settled(FARGATE);
    for endpoint in &mut scene.world.endpoints {
        endpoint.tags.clear();
        if !endpoint.subnet_ids.is_empty() {
            endpoint.group_ids = set(&["sg-00000000"]);
        }
    }
    scene.inputs.network.status = None;
    assert_eq!(done(&scene.plan()), ["delete wharfinger-prod-apps"], "it is surplus");
    scene.settle();
    assert_eq!((scene.world.groups.len(), scene.status().security_group_id.clone()), (1, None));
    scene.world.groups.push(wharfinger::resource::network::SecurityGroup {
        name: "wharfinger-prod-apps".into(),
        ..group("sg-00000001", vec![])
    });
    let plan = scene.plan();
    assert!(plan.is_converged(), "a group of this name is in nobody's way: {plan}");
}
