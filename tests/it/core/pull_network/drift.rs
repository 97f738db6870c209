//! What others change in AWS is put right by just the step that it takes, and nothing else.

use super::{FARGATE, Scene, done};
use crate::core::world::network::{Network, https, set};
use serde_json::json;
use wharfinger::plan::{Action, Plan};
use wharfinger::resource::network::{EndpointChange, Ingress, SecurityGroup};
use wharfinger::resource::tags::{CLUSTER, OWNER};

const GROUP: &str = "wharfinger-prod-apps";

type Row = (&'static str, fn(&mut Network), &'static [&'static str]);

fn ours(world: &mut Network) -> &mut SecurityGroup {
    &mut world.groups[1]
}

#[rustfmt::skip] // a table
const ROWS: [Row; 20] = [
    ("nothing", |_| {}, &[]),
    ("a person's tag", |world| { world.of("logs").tags.insert("team".into(), "x".into()); }, &[]),
    ("the name for people", |world| { world.of("logs").tags.insert("Name".into(), "x".into()); }, &[]),
    ("a subnet taken away", |world| { world.of("logs").subnet_ids.remove("subnet-0000000b"); }, &["modify logs"]),
    ("a subnet of another zone of none of ours", |world| {
        let far = wharfinger::resource::network::Subnet { id: "subnet-0000000d".into(), zone: "eu-west-1c".into(), ..world.subnets[0].clone() };
        world.subnets.push(far);
        world.of("logs").subnet_ids.insert("subnet-0000000d".into());
    }, &["modify logs"]),
    ("another subnet of the same zone", |world| world.of("logs").subnet_ids = set(&["subnet-0000000b", "subnet-0000000c"]), &["modify logs", "modify logs"]),
    ("another group", |world| world.of("ecr.api").group_ids = set(&["sg-00000000"]), &["modify ecr.api"]),
    ("one group more", |world| { world.of("ecr.api").group_ids.insert("sg-00000000".into()); }, &["modify ecr.api"]),
    ("private DNS off", |world| world.of("ecr.dkr").private_dns = false, &["modify ecr.dkr"]),
    ("a policy", |world| world.of("s3").policy = Some(json!({"Statement": []}).to_string()), &["modify s3"]),
    ("full access, spelt out", |world| {
        world.of("s3").policy = Some(json!({"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}).to_string());
    }, &[]),
    ("a route table taken away", |world| { world.of("s3").route_table_ids.remove("rtb-0000000a"); }, &["modify s3"]),
    ("a route table more", |world| { world.of("s3").route_table_ids.insert("rtb-0000000f".into()); }, &["modify s3"]),
    ("tags of an endpoint", |world| { world.of("ecr.dkr").tags.remove(OWNER); }, &["tag ecr.dkr"]),
    ("all tags of an endpoint", |world| world.of("ecr.dkr").tags.clear(), &["tag ecr.dkr"]),
    ("a rule", |world| { ours(world).ingress[0].cidrs.remove("10.0.2.0/24"); }, &["open wharfinger-prod-apps"]),
    ("a rule more", |world| { ours(world).ingress[0].cidrs.insert("192.0.2.0/24".into()); }, &["close wharfinger-prod-apps"]),
    ("another port", |world| ours(world).ingress.push(Ingress { from_port: Some(80), to_port: Some(80), ..https(&["0.0.0.0/0"]) }), &[]),
    ("tags of the group", |world| drop(ours(world).tags.remove(CLUSTER)), &["tag wharfinger-prod-apps"]),
    ("a group's rule and an endpoint", |world| {
        ours(world).ingress.clear();
        world.of("ecr.api").group_ids = set(&["sg-00000000"]);
    }, &["open wharfinger-prod-apps", "modify ecr.api"]),
];

#[test]
fn each_change_is_put_right_by_its_own_step() {
    let settled = Scene::settled(FARGATE);
    let essence = settled.world.essence();
    for (what, change, expected) in ROWS {
        let mut scene = Scene { inputs: settled.inputs.clone(), world: settled.world.clone(), now: settled.now };
        change(&mut scene.world);
        let plan = scene.plan();
        assert_eq!(done(&plan), expected, "{what}: {plan}");
        assert!(plan.held.is_empty(), "{what}: {plan}");
        let before = scene.world.writes;
        scene.settle();
        assert_eq!(scene.world.writes - before, expected.len(), "{what}");
        assert_eq!(scene.plan().steps, vec![], "{what}");
        if !expected.is_empty() {
            assert_eq!(scene.condition("Ready").0, "True", "{what}");
            let same_but_extra = ["a subnet of another zone of none of ours"].contains(&what);
            let mut world = scene.world.clone();
            if same_but_extra {
                world.subnets.pop();
            }
            assert_eq!(names_restored(world), names_restored_text(&essence), "{what}");
        }
    }
}

/// The name tag is made once and never compared.
fn names_restored(world: Network) -> String {
    names_restored_text(&world.essence())
}

fn names_restored_text(text: &str) -> String {
    text.lines().filter(|line| !line.contains("\"Name\"")).collect::<Vec<_>>().join("\n")
}

fn change(plan: &Plan) -> &EndpointChange {
    match &plan.steps[0].action {
        Action::ModifyVpcEndpoint { change, .. } => change,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_change_has_the_difference_and_nothing_else() {
    let mut scene = Scene::settled(FARGATE);
    let id = scene.world.groups[1].id.clone();
    scene.world.of("logs").subnet_ids.remove("subnet-0000000b");
    scene.world.of("logs").group_ids.insert("sg-00000000".into());
    scene.world.of("logs").private_dns = false;
    scene.world.of("logs").policy = Some(json!({"Statement": []}).to_string());
    let plan = scene.plan();
    let expected = EndpointChange {
        add_subnet_ids: set(&["subnet-0000000b"]),
        remove_group_ids: set(&["sg-00000000"]),
        private_dns_enabled: Some(true),
        reset_policy: true,
        ..EndpointChange::default()
    };
    assert_eq!((plan.steps.len(), change(&plan)), (1, &expected), "{plan}");
    let fields: Vec<&str> = plan.steps[0].changes.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(fields, ["subnetIds", "groupIds", "privateDnsEnabled", "policyDocument"]);
    assert!(plan.steps[0].after.iter().all(|it| it.name == GROUP) && !plan.steps[0].after.is_empty(), "it waits for the group");
    assert!(!id.is_empty());
}

/// EC2 takes no second subnet in a zone, so the old one goes first.
#[test]
fn a_subnet_takes_the_place_of_another_in_two_calls() {
    let mut scene = Scene::settled(FARGATE);
    scene.respec(&FARGATE.replace("subnet-0000000a, ", "subnet-0000000c, "));
    let plan = scene.plan();
    let changes: Vec<&EndpointChange> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::ModifyVpcEndpoint { change, .. } if step.subject.name == "logs" => Some(change),
            _ => None,
        })
        .collect();
    let [first, second] = changes.as_slice() else { panic!("{plan}") };
    assert_eq!((&first.remove_subnet_ids, first.add_subnet_ids.len()), (&set(&["subnet-0000000a"]), 0));
    assert_eq!((&second.add_subnet_ids, second.remove_subnet_ids.len()), (&set(&["subnet-0000000c"]), 0));
    scene.settle();
    let cidrs = set(&["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]);
    assert_eq!(scene.world.groups[1].ingress[0].cidrs, cidrs, "443 follows the subnets, and none of the VPC's loses it");
    assert_eq!(scene.world.of("s3").route_table_ids, set(&["rtb-0000000e"]), "the third subnet uses the main one");
}

#[test]
fn a_subnet_that_it_has_is_kept() {
    let mut scene = Scene::settled(&FARGATE.replace("subnet-0000000a, ", "subnet-0000000c, "));
    scene.respec(&FARGATE.replace("subnet-0000000a, ", "subnet-0000000a, subnet-0000000c, "));
    scene.settle();
    assert_eq!(scene.world.of("logs").subnet_ids, set(&["subnet-0000000b", "subnet-0000000c"]), "though a comes first");
}

/// An endpoint that is gone is not answered with by the token that made it.
#[test]
fn what_is_gone_is_made_by_another_token() {
    let mut scene = Scene::settled(FARGATE);
    let mut ids = vec![scene.world.of("logs").id.clone()];
    for _ in 0..3 {
        scene.world.endpoints.retain(|it| !it.service_name.ends_with("logs"));
        scene.pass();
        assert_eq!(scene.status().endpoints[3].state.as_deref(), Some("deleted"));
        // Nothing comes of the first try: the id that is gone is kept all the same.
        scene.world.fault = Some((scene.world.writes, wharfinger::failure::FailureKind::Throttled, false));
        scene.pass();
        assert_eq!(scene.status().endpoints[3].state.as_deref(), Some("deleted"));
        assert_eq!(scene.condition("EndpointsReady").0, "False");
        scene.world.fault = None;
        scene.settle();
        ids.push(scene.world.of("logs").id.clone());
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "{ids:?}");
}

#[test]
fn what_the_spec_no_longer_asks_for_ends_last() {
    let mut scene = Scene::settled(FARGATE);
    scene.respec(&FARGATE.replace("awslogs: true", "awslogs: false").replace("allowS3", "pulls: {ecr: false}\nallowS3"));
    let plan = scene.plan();
    assert_eq!(done(&plan), ["delete ecr.api", "delete ecr.dkr", "delete logs", "delete s3"], "{plan}");
    scene.settle();
    assert_eq!(scene.world.endpoints.len(), 1);
    assert_eq!((scene.status().endpoints.len(), scene.status().billed_interfaces), (1, 2));

    let kept = FARGATE.replace("awslogs: true", "awslogs: false") + "deletionPolicy: Retain\n";
    let mut scene = Scene::settled(FARGATE);
    scene.respec(&kept);
    let plan = scene.plan();
    assert!(plan.is_converged() && plan.notes.iter().any(|it| it.contains("no longer needed and stays")), "{plan}");
}

#[test]
fn groups_of_ones_own_take_the_place_of_ours() {
    let mut scene = Scene::settled(FARGATE);
    scene.respec(&Scene::with("securityGroups: {ids: [sg-00000000]}"));
    scene.settle();
    assert_eq!(scene.world.groups.len(), 1, "ours went when nothing used it");
    assert_eq!(scene.world.of("logs").group_ids, set(&["sg-00000000"]));
    assert_eq!(scene.status().security_group_id, None);
    scene.respec(FARGATE);
    scene.settle();
    let made = scene.status().security_group_id.clone().unwrap();
    assert_eq!(scene.world.of("logs").group_ids, set(&[&made]));
    scene.respec(&FARGATE.replace("{fargate: {awslogs: true}}", "{external: true}"));
    scene.settle();
    assert_eq!((scene.world.groups.len(), scene.world.endpoints.len()), (1, 0), "external instances need nothing");
    assert_eq!(scene.condition("Ready").0, "True");
}
