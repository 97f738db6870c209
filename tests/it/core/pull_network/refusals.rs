//! Bad specs: all that is wrong at once, with field, rule and remedy; and one network a VPC.

use super::{FARGATE, Scene, pull_network};
use crate::core::fixtures::binding;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use wharfinger::api::PullNetwork;
use wharfinger::desired::resolve_network;
use wharfinger::inputs::Bindings;
use wharfinger::pass::Pass;
use wharfinger::target;

fn problems(scene: &Scene) -> Vec<String> {
    let target = match target::of_network(&scene.inputs) {
        Ok(target) => target,
        Err(problem) => return vec![format!("{:?} {problem}", problem.reason)],
    };
    let problems = resolve_network(&scene.inputs, &target).err().unwrap_or_default();
    problems.iter().map(|problem| format!("{:?} {problem}", problem.reason)).collect()
}

#[test]
fn what_is_wrong_is_told() {
    let tasks = |tasks: &str| FARGATE.replace("{fargate: {awslogs: true}}", tasks);
    let subnets = |subnets: &str| FARGATE.replace("subnetIds: [subnet-0000000a, subnet-0000000b]", subnets);
    let rows = [
        (
            tasks("{fargate: {linuxPlatformVersion: 1.2.0}}"),
            "spec.tasks.fargate.linuxPlatformVersion",
            "1.0.0, 1.1.0 and 1.2.0 are gone",
        ),
        (tasks("{fargate: {linuxPlatformVersion: newest}}"), "linuxPlatformVersion", "not a platform version"),
        (tasks("{}"), "spec.tasks", "nothing runs here"),
        (subnets(""), "spec", "exactly one of `subnetIds` and `subnetSelector`"),
        (Scene::with("subnetSelector: {matchTags: {a: b}}"), "spec", "exactly one of `subnetIds` and `subnetSelector`"),
        (subnets("subnetSelector: {matchTags: {}}"), "spec.subnetSelector.matchTags", "no tags select nothing"),
        (
            Scene::with("routeTableIds: [rtb-1]\nrouteTableSelector: {matchTags: {a: b}}"),
            "spec",
            "at most one of `routeTableIds`",
        ),
        (Scene::with("securityGroups: {create: true, ids: [sg-1]}"), "spec.securityGroups", "either `create: true` or `ids`"),
        (Scene::with("securityGroups: {create: false}"), "spec.securityGroups", "no security group is left"),
        (Scene::with("pulls: {ecr: false, pullThroughCache: true}"), "spec.pulls.pullThroughCache", "set pulls.ecr: true"),
        (
            Scene::with("policies: {ecr: AllowPull, documents: {ecr: {Statement: []}}}"),
            "spec.policies.ecr",
            "takes the place of a named policy",
        ),
        (
            Scene::with("additionalPrincipals: ['arn:aws-cn:iam::111122223333:role/x']"),
            "spec.additionalPrincipals[0]",
            "in partition aws",
        ),
        (Scene::with("additionalPrincipals: [everybody]"), "spec.additionalPrincipals[0]", "correct it"),
        (
            Scene::with("additionalPrincipals: ['arn:aws:sts::111122223333:assumed-role/nodes/i-1']"),
            "spec.additionalPrincipals[0]",
            "write the role's ARN: arn:aws:iam::ACCOUNT:role/NAME",
        ),
        (Scene::with("interval: soon"), "spec.interval", "not a duration"),
        (Scene::with("region: us-east-1"), "spec.region", "NotAllowed"),
        (FARGATE.replace("prod}", "none}"), "spec.bindingRef.name", "there is no AccountBinding of this name"),
    ];
    for (spec, field, told) in rows {
        let found = problems(&Scene::new(&spec));
        assert_eq!(found.len(), 1, "{spec}: {found:?}");
        assert!(found[0].contains(field) && found[0].contains(told), "{spec}: {found:?}");
    }
    let all =
        problems(&Scene::new(&Scene::with("interval: soon\nsecurityGroups: {create: false}\nadditionalPrincipals: [x, y]")));
    assert_eq!(all.len(), 4, "all at once: {all:?}");
    let greedy = Scene::under(&Scene::with("adoptionPolicy: Adopt"), "{adoption: IfTagged}");
    assert!(problems(&greedy)[0].contains("limits.adoption is IfTagged"));
    assert_eq!(
        problems(&Scene::new(&Scene::with(
            "additionalPrincipals: ['arn:aws:iam::111122223333:role/x', 'arn:aws:sts::*:federated-user/*']"
        ))),
        Vec::<String>::new()
    );
}

#[test]
fn what_is_refused_writes_nothing_and_is_told_by_every_part() {
    let mut scene = Scene::new(&Scene::with("interval: soon"));
    assert!(matches!(scene.pass(), Pass::Refused(_)));
    for part in ["NetworkSuitable", "SecurityGroupReady", "EndpointsReady"] {
        assert_eq!(scene.condition(part), ("Unknown".into(), "InvalidSpec".into()));
    }
    assert_eq!((scene.condition("Stalled").0.as_str(), scene.world.writes), ("True", 0));
}

#[test]
fn no_selector_of_the_binding_is_asked() {
    let mut scene = Scene::new(FARGATE);
    let mut bound = binding("prod", "{}");
    bound.spec.namespace_selector = None;
    bound.spec.session_tags = wharfinger::api::SessionTags::Namespace;
    scene.inputs.bindings = Bindings::Objects(vec![bound.clone()]);
    let found = target::of_network(&scene.inputs).unwrap();
    assert_eq!((found.binding.as_deref(), found.session_namespace), (Some("prod"), None));
    bound.metadata.deletion_timestamp = Some(Time("2026-01-01T00:00:00Z".parse().unwrap()));
    scene.inputs.bindings = Bindings::Objects(vec![bound]);
    assert!(problems(&scene)[0].contains("it is being deleted"));
    let mut scene = Scene::settled(FARGATE);
    scene.inputs.network.spec.binding_ref.name = "other".into();
    scene.inputs.bindings = Bindings::Objects(vec![binding("prod", "{}"), binding("other", "{}")]);
    assert!(problems(&scene)[0].contains("this network lives in account 111122223333"), "{:?}", problems(&scene));
}

#[test]
fn one_vpc_has_one_network() {
    let aged = |name: &str, created: &str| -> PullNetwork {
        let mut network = pull_network(name, FARGATE);
        network.metadata.creation_timestamp = (!created.is_empty()).then(|| Time(created.parse().unwrap()));
        network
    };
    let (old, new) = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    let rows: [(&str, (&str, &str), &[(&str, &str)], Option<&str>); 8] = [
        ("alone", ("b", new), &[], None),
        ("the older", ("b", old), &[("a", new)], None),
        ("the younger", ("a", new), &[("b", old)], Some("b")),
        ("as old, first by name", ("a", old), &[("b", old)], None),
        ("as old, second by name", ("b", old), &[("a", old)], Some("a")),
        ("files, first by name", ("a", ""), &[("b", ""), ("c", "")], None),
        ("files, third by name", ("c", ""), &[("a", ""), ("b", "")], Some("a")),
        ("itself among the others", ("b", new), &[("b", new)], None),
    ];
    for (what, (name, created), others, refused_for) in rows {
        let mut scene = Scene::new(FARGATE);
        scene.inputs.network = aged(name, created);
        scene.inputs.others = others.iter().map(|(name, created)| aged(name, created)).collect();
        let found = problems(&scene);
        assert_eq!(found.len(), usize::from(refused_for.is_some()), "{what}: {found:?}");
        if let Some(first) = refused_for {
            assert!(found[0].contains(&format!("PullNetwork {first} has this VPC already")), "{what}: {found:?}");
        }
    }
    // Another account's VPC, and another VPC, are no matter.
    let mut scene = Scene::new(FARGATE);
    scene.inputs.network = aged("b", new);
    let mut elsewhere = aged("a", old);
    elsewhere.spec.binding_ref.name = "other".into();
    let mut other = binding("other", "{}");
    other.spec.account_id = "444455556666".into();
    let mut vpc = aged("a", old);
    vpc.spec.vpc_id = "vpc-00000000".into();
    scene.inputs.bindings = Bindings::Objects(vec![binding("prod", "{}"), other]);
    scene.inputs.others = vec![elsewhere, vpc];
    assert_eq!(problems(&scene), Vec::<String>::new());
}

#[test]
fn what_needs_the_internet_is_told() {
    let rows = [
        ("pulls: {privateRegistries: false}", vec![]),
        ("pulls: {privateRegistries: true}", vec!["private registries themselves"]),
        ("pulls: {privateRegistries: false, ecrPublic: true, pullThroughCache: true}", vec!["Amazon ECR Public", "first pull"]),
    ];
    for (more, told) in rows {
        let needs = Scene::new(&Scene::with(more)).desired().internet_needs;
        assert_eq!(needs.len(), told.len(), "{more}: {needs:?}");
        assert!(needs.iter().zip(&told).all(|(need, told)| need.contains(told)), "{more}: {needs:?}");
    }
    let windows = FARGATE.replace("awslogs: true", "windows: true");
    assert!(Scene::new(&windows).desired().internet_needs[1].contains("Windows base layers"));
    let mut scene = Scene::settled(&Scene::with("pulls: {privateRegistries: false}"));
    assert!(!scene.status().conditions.iter().any(|it| it.type_ == "InternetPathNeeded"));
    scene.respec(FARGATE);
    scene.settle();
    assert_eq!(scene.condition("Ready").0, "True", "it is no part of Ready");
    assert!(scene.message("InternetPathNeeded").starts_with("no endpoint leads to the private registries"));
}

#[test]
fn what_may_surprise_is_told() {
    let rows = [
        ("{external: true}", "external instances are in no VPC"),
        ("{external: true}", "needs an endpoint"),
        ("{fargate: {linuxPlatformVersion: 1.3.0}}", "tasks on 1.4.0 or LATEST do"),
        ("{fargate: {}, awslogs: true}", "spec.tasks.awslogs is about EC2"),
    ];
    for (tasks, told) in rows {
        let warnings = Scene::new(&FARGATE.replace("{fargate: {awslogs: true}}", tasks)).desired().warnings;
        assert!(warnings.iter().any(|it| it.contains(told)), "{tasks}: {warnings:?}");
    }
}
