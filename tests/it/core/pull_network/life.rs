//! A network from its first pass to its removal, with whatever goes wrong in between.

use super::{FARGATE, Scene, done, held, pull_network};
use crate::core::fixtures::{ACCOUNT, binding};
use crate::core::world::network::{LISTS, List, Network, set};
use wharfinger::failure::FailureKind;
use wharfinger::inputs::Bindings;
use wharfinger::pass::Pass;
use wharfinger::status::{blocked_network, summarise_network};

const ALL: &str = "
bindingRef: {name: prod}
vpcId: vpc-0123456789abcdef0
subnetIds: [subnet-0000000a, subnet-0000000b]
tasks: {fargate: {awslogs: true, windows: true, linuxPlatformVersion: LATEST}, ec2: true, containerSecrets: [ParameterStore]}
policies: {ecr: AllowPull, s3: Minimal, secretsmanager: Scoped}
allowS3Gateway: true
";

/// The process ends after any number of writes, before its status is written.
#[test]
fn a_crash_between_any_two_writes_leaves_nothing_double() {
    let expected = Scene::settled(ALL).world.essence();
    let writes = Scene::new(ALL).settle();
    assert_eq!(writes, 2 + 9);
    for cut in 0..=writes {
        for lost in [false, true] {
            let mut scene = Scene::new(ALL);
            scene.pass_until(cut);
            if lost {
                // One more is done, and its answer never comes.
                scene.world.fault = Some((scene.world.writes, FailureKind::Transient, true));
                scene.pass_until(1);
                scene.world.fault = None;
            }
            scene.settle();
            assert_eq!(scene.world.essence(), expected, "cut off after {cut}, {lost}");
            assert_eq!(scene.world.endpoints.len(), 9, "cut off after {cut}, {lost}");
        }
    }
}

/// A write that fails holds up only what waits for it.
#[test]
fn a_failed_write_is_told_and_made_up_for() {
    let expected = Scene::settled(ALL).world.essence();
    for at in 0..11 {
        for kind in [FailureKind::Throttled, FailureKind::Denied, FailureKind::QuotaExceeded, FailureKind::Transient] {
            let mut scene = Scene::new(ALL);
            scene.world.fault = Some((at, kind, false));
            scene.pass();
            assert_eq!(scene.condition("Ready").0, "False", "{at} {kind:?}");
            let part = if at < 2 { "SecurityGroupReady" } else { "EndpointsReady" };
            assert_eq!(scene.condition(part).1, wharfinger::status::Reason::of_write(kind).to_string(), "{at} {kind:?}");
            if at < 2 {
                let interfaces = scene.world.endpoints.iter().filter(|it| !it.subnet_ids.is_empty()).count();
                assert_eq!(interfaces, 0, "endpoints wait for the group: {at} {kind:?}");
            }
            scene.world.fault = None;
            scene.settle();
            assert_eq!(scene.world.essence(), expected, "{at} {kind:?}");
        }
    }
}

/// What depends on a list that cannot be seen, and how that is told; nothing is ever written because of it.
#[test]
fn nothing_is_done_because_of_what_cannot_be_seen() {
    let rest = |but: &[&str]| -> Vec<String> {
        let all = [
            "create wharfinger-prod-apps",
            "open wharfinger-prod-apps",
            "create ecr.dkr",
            "create ecr.api",
            "create s3",
            "create logs",
            "create secretsmanager",
        ];
        all.iter().filter(|step| !but.iter().any(|but| step.ends_with(but))).map(|step| (*step).to_owned()).collect()
    };
    let interfaces = ["ecr.dkr", "ecr.api", "logs", "secretsmanager"];
    for list in LISTS {
        let mut scene = Scene::new(FARGATE);
        scene.world.blind.insert(list);
        let plan = scene.plan();
        let (steps, part) = match list {
            List::Vpc | List::Subnets => (vec![], "NetworkSuitable"),
            List::Dns => (rest(&interfaces), "NetworkSuitable"),
            List::RouteTables => (rest(&["s3"]), "EndpointsReady"),
            List::Groups => (rest(&[&interfaces[..], &["wharfinger-prod-apps"]].concat()), "SecurityGroupReady"),
            List::Endpoints | List::Services => (rest(&[&interfaces[..], &["s3"]].concat()), "EndpointsReady"),
        };
        assert_eq!(done(&plan), steps, "{list:?}: {plan}");
        scene.pass();
        assert_eq!(scene.condition(part), ("False".into(), "Throttled".into()), "{list:?}: {:#?}", scene.status());
        assert_eq!(scene.condition("Ready").0, "False", "{list:?}");
        assert_ne!(scene.condition("EndpointsReady").0, "True", "{list:?}");
    }
    let settled = Scene::settled(FARGATE);
    for list in LISTS {
        let mut scene = Scene { inputs: settled.inputs.clone(), world: settled.world.clone(), now: settled.now };
        scene.world.blind.insert(list);
        assert_eq!(done(&scene.plan()), Vec::<String>::new(), "{list:?}: what is there is not touched");
        let before = scene.status().clone();
        scene.pass();
        assert_eq!(scene.status().endpoints, before.endpoints, "{list:?}: what is known stays known");
        assert_eq!(scene.status().security_group_id, before.security_group_id, "{list:?}");
        let plan = { scene.remove(0) };
        let Pass::Done(round) = plan else { panic!() };
        let sees = ![List::Endpoints, List::Groups].contains(&list);
        assert_eq!((round.plan.steps.is_empty(), round.plan.is_converged()), (!sees, false), "{list:?}: {}", round.plan);
    }
}

/// What is used as it is stays known as well: workloads are bound to its id.
#[test]
fn what_others_have_stays_known() {
    for short in ["ecr.dkr", "s3"] {
        let mut settled = Scene::settled(FARGATE);
        settled.world.of(short).tags.clear();
        settled.inputs.network.status = None;
        settled.settle();
        let before = settled.status().endpoints.clone();
        assert!(before.iter().any(|it| it.service == short && !it.managed && it.id.is_some()));
        for list in LISTS {
            let mut scene = Scene { inputs: settled.inputs.clone(), world: settled.world.clone(), now: settled.now };
            scene.world.blind.insert(list);
            scene.pass();
            assert_eq!(scene.status().endpoints, before, "{short} {list:?}");
        }
        settled.world.endpoints.retain(|it| !it.tags.is_empty());
        settled.settle();
        assert!(settled.status().endpoints.iter().all(|it| it.managed), "it is gone, so one is made");
    }
}

#[test]
fn it_ends_in_order_and_leaves_what_is_not_its_own() {
    let mut scene = Scene::settled(ALL);
    let Pass::Done(round) = scene.remove(usize::MAX) else { panic!() };
    let steps = done(&round.plan);
    assert_eq!(steps.len(), 9, "{}", round.plan);
    assert_eq!(steps.last().map(String::as_str), Some("delete s3"), "S3 is the last: layers are in it");
    assert_eq!(held(&round.plan), ["Waiting wharfinger-prod-apps"], "AWS deletes no group that an interface uses");
    let (reason, status) = blocked_network(&scene.inputs.network, &[], Some(&Pass::Done(round)), scene.now).unwrap();
    assert_eq!(reason.to_string(), "DeletionBlocked");
    assert!(status.conditions[0].message.contains("is deleted once no endpoint uses it"), "{status:?}");
    scene.remove(usize::MAX);
    scene.world.tick();
    let Pass::Done(round) = scene.remove(usize::MAX) else { panic!() };
    assert_eq!(done(&round.plan), ["delete wharfinger-prod-apps"]);
    let pass = scene.remove(usize::MAX);
    assert!(blocked_network(&scene.inputs.network, &[], Some(&pass), scene.now).is_none());
    assert_eq!((scene.world.endpoints.len(), scene.world.groups.len()), (0, 1));
}

#[test]
fn a_removal_that_is_cut_off_goes_on() {
    for cut in 0..10 {
        let mut scene = Scene::settled(ALL);
        scene.remove(cut);
        for _ in 0..4 {
            scene.world.tick();
            scene.remove(usize::MAX);
        }
        assert_eq!((scene.world.endpoints.len(), scene.world.groups.len()), (0, 1), "{cut}");
    }
}

#[test]
fn a_group_that_others_use_is_in_use() {
    let mut scene = Scene::settled(FARGATE);
    let group = scene.status().security_group_id.clone().unwrap();
    let mut other = scene.world.of("logs").clone();
    other.id = "vpce-0fffffffffffffff0".into();
    other.service_name = "com.amazonaws.eu-west-1.sts".into();
    other.tags.clear();
    scene.world.endpoints.push(other);
    scene.remove(usize::MAX);
    scene.world.tick();
    let Pass::Done(round) = scene.remove(usize::MAX) else { panic!() };
    assert_eq!(held(&round.plan), ["InUse wharfinger-prod-apps"], "{}", round.plan);
    assert!(round.plan.held[0].message.contains("vpce-0fffffffffffffff0") && !group.is_empty());
}

#[test]
fn a_deletion_waits_for_workloads() {
    let scene = Scene::settled(FARGATE);
    let users = ["payments/api".to_owned()];
    let (reason, status) = blocked_network(&scene.inputs.network, &users, None, scene.now).unwrap();
    assert_eq!((reason.to_string().as_str(), status.users), ("DeletionBlocked", 1));
    assert!(status.conditions[0].message.contains("payments/api"));
    let before = |kind: &str| scene.status().conditions.iter().find(|it| it.type_ == kind).cloned();
    let after = |kind: &str| status.conditions.iter().find(|it| it.type_ == kind).cloned();
    for kept in ["NetworkSuitable", "SecurityGroupReady", "EndpointsReady", "InternetPathNeeded"] {
        assert!(before(kept).is_some() && before(kept) == after(kept), "{kept}: its endpoints are as they were");
    }
    assert_eq!(after("Ready").map(|it| it.status), Some("False".to_owned()));
    let mut scene = scene;
    let pass = scene.remove(1);
    let (_, status) = blocked_network(&scene.inputs.network, &[], Some(&pass), scene.now).unwrap();
    assert!(status.conditions.iter().all(|it| it.type_ != "EndpointsReady"), "they are being deleted");
}

#[test]
fn a_removal_acts_where_the_status_says() {
    let mut scene = Scene::settled(FARGATE);
    scene.inputs.network.spec.region = Some("us-east-1".into());
    scene.remove(usize::MAX);
    scene.world.tick();
    assert!(scene.world.endpoints.is_empty());
    scene.inputs.bindings = Bindings::Objects(vec![]);
    let problem = wharfinger::target::of_network_removal(&scene.inputs).unwrap_err();
    assert_eq!(problem.reason.to_string(), "BindingNotFound");
    assert!(problem.to_string().contains("annotate the network"), "{problem}");
}

/// Endpoints serve the Region that they are in (rule 52): each Region has its network.
#[test]
fn two_regions_are_two_networks() {
    let mut prod = binding("prod", "{}");
    prod.spec.regions = vec!["eu-west-1".into(), "us-east-1".into()];
    let mut names = vec![];
    for region in ["eu-west-1", "us-east-1"] {
        let mut scene = Scene::new(&Scene::with(&format!("region: {region}\npolicies: {{s3: Minimal}}")));
        scene.inputs.bindings = Bindings::Objects(vec![prod.clone()]);
        scene.world = Network::new(region);
        scene.settle();
        assert_eq!(scene.status().target.as_ref().unwrap().region, region);
        assert!(scene.world.of("s3").policy.as_ref().unwrap().contains(&format!("prod-{region}-starport")));
        names.push(scene.world.of("ecr.dkr").service_name.clone());
        scene.inputs.network.spec.region = Some("eu-central-1".into());
        scene.pass();
        assert_eq!(scene.condition("Ready").1, "NotAllowed");
    }
    assert_eq!(names, ["com.amazonaws.eu-west-1.ecr.dkr", "com.amazonaws.us-east-1.ecr.dkr"]);
}

/// In China some services have names of their own (aws.md, e.9).
#[test]
fn china_has_other_names() {
    let mut prod = binding("prod", "{}");
    prod.spec.regions = vec!["cn-north-1".into()];
    let mut scene = Scene::new(&Scene::with("policies: {s3: Minimal}"));
    scene.inputs.bindings = Bindings::Objects(vec![prod]);
    scene.world = Network::new("cn-north-1");
    for service in &mut scene.world.services {
        if service.name.contains("ecr") {
            service.name = format!("cn.{}", service.name);
        }
    }
    scene.settle();
    assert_eq!(scene.world.of("ecr.dkr").service_name, "cn.com.amazonaws.cn-north-1.ecr.dkr");
    assert_eq!(scene.world.of("logs").service_name, "com.amazonaws.cn-north-1.logs");
    assert!(scene.world.of("s3").policy.as_ref().unwrap().contains("arn:aws-cn:s3:::prod-cn-north-1-starport-layer-bucket/*"));
    assert_eq!(scene.settle(), 0);
}

#[test]
fn an_identity_without_a_binding_works_too() {
    let mut scene = Scene::new(FARGATE);
    scene.inputs.bindings = Bindings::Ambient { account_id: ACCOUNT.into(), region: Some("eu-west-1".into()) };
    scene.settle();
    assert_eq!(scene.condition("Ready").0, "True");
}

#[test]
fn observing_writes_nothing_and_tells_what_differs() {
    let mut scene = Scene::new(FARGATE);
    let Pass::Done(mut round) = scene.pass_until(0) else { panic!() };
    round.outcomes = None;
    let status = summarise_network(&scene.inputs.network, &Pass::Done(round), &[], scene.now);
    assert!(status.conditions.iter().any(|it| it.type_ == "Ready" && it.reason == "DriftDetected"), "{status:?}");
    assert!(status.endpoints.len() == 5 && status.endpoints.iter().all(|it| it.id.is_none() && !it.managed), "{status:?}");
    // What it finds, workloads can go by.
    let mut scene = Scene::settled(FARGATE);
    let made = scene.status().clone();
    scene.inputs.network.status = None;
    let Pass::Done(mut round) = scene.pass_until(0) else { panic!() };
    round.outcomes = None;
    scene.tell(&Pass::Done(round));
    assert_eq!(scene.condition("Ready").0, "True");
    assert!(scene.message("Ready").contains("ecr.dkr, ecr.api, s3, logs, secretsmanager"), "{}", scene.message("Ready"));
    let seen = scene.status().clone();
    assert_eq!((seen.vpc_id, seen.target, seen.billed_interfaces), (made.vpc_id, made.target, 8));
    assert_eq!((seen.endpoints, seen.security_group_id), (made.endpoints, made.security_group_id));
    let mut scene = Scene::settled(FARGATE);
    scene.tell(&Pass::Suspended);
    assert_eq!(scene.condition("Ready").1, "Suspended");
    assert_eq!(scene.condition("EndpointsReady").0, "True", "what was known stays");
    assert_eq!(scene.status().endpoints.len(), 5);
}

#[test]
fn what_others_serve_needs_no_group() {
    let mut scene = Scene::settled(FARGATE);
    let mut other = Scene::new(FARGATE);
    other.inputs.network = pull_network("other", FARGATE);
    other.world = scene.world.clone();
    let plan = other.plan();
    assert!(plan.is_converged(), "no endpoint of its own: {plan}");
    other.inputs.network = pull_network("other", &FARGATE.replace("fargate: {awslogs: true}", "ec2: true"));
    assert_eq!(done(&other.plan())[..2], ["create wharfinger-other", "open wharfinger-other"], "ecs and its like are missing");
    assert_eq!(plan.notes.iter().filter(|it| it.contains("used as it is")).count(), 5, "{plan}");
    assert_eq!(scene.settle(), 0);
    assert_eq!(scene.world.of("logs").subnet_ids, set(&["subnet-0000000a", "subnet-0000000b"]));
}
