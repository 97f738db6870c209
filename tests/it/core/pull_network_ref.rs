//! Workloads that name a `PullNetwork`: which they may name, what waits for its endpoints, and what pulls are bound to.

mod fit;
mod roles;

use super::fixtures::{ACCOUNT, API, REGION, desired, inputs, problems, told, workload};
use super::story::{Story, holds, steps};
use serde_json::{Value, json};
use wharfinger::api::PullNetwork;
use wharfinger::converge::from_nothing;
use wharfinger::inputs::Inputs;
use wharfinger::pass::Pass;
use wharfinger::plan::Action;
use wharfinger::status::{blocked_network, names_network, network_users, report};

/// One container from Amazon ECR.
const ECR: &str = "
image: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/payments/api:1
ecs: {containerDefinitions: [{name: api}]}
";

fn named(spec: &str, restrict: Option<&str>) -> String {
    let restrict = restrict.map(|by| format!(", restrictPulls: {by}")).unwrap_or_default();
    format!("{spec}pullNetworkRef: {{name: apps{restrict}}}\n")
}

/// A network of the same place that admits team payments, and whose endpoints are there.
pub(super) fn network() -> PullNetwork {
    let endpoint = |service: &str, id: &str| json!({"service": service, "id": id, "type": "Interface", "reason": "pulls"});
    let object = json!({
        "metadata": {"name": "apps", "generation": 1, "uid": "uid-apps"},
        "spec": {
            "bindingRef": {"name": "prod"}, "vpcId": "vpc-0a", "subnetIds": ["subnet-0a"],
            "tasks": {"fargate": {"awslogs": true}, "ec2": true, "containerSecrets": ["SecretsManager", "ParameterStore"]},
            "namespaceSelector": {"matchLabels": {"team": "payments"}},
        },
        "status": {
            "observedGeneration": 1, "vpcId": "vpc-0a",
            "target": {"binding": "prod", "accountId": ACCOUNT, "region": REGION},
            "endpoints": [endpoint("ecr.dkr", "vpce-0d"), endpoint("ecr.api", "vpce-0a"), endpoint("logs", "vpce-0c")],
            "conditions": [says("True", "Succeeded", "all are available")],
        },
    });
    serde_json::from_value(object).expect("a network")
}

fn says(status: &str, reason: &str, message: &str) -> Value {
    json!({"type": "EndpointsReady", "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-01-01T00:00:00Z"})
}

/// What the network says of its endpoints from now on.
fn say(network: &mut PullNetwork, status: &str, reason: &str, message: &str) {
    network.status.as_mut().unwrap().conditions = vec![serde_json::from_value(says(status, reason, message)).unwrap()];
}

fn with(spec: &str, network: PullNetwork) -> Inputs {
    Inputs { network: Some(network), ..inputs(spec) }
}

fn changed(change: impl FnOnce(&mut PullNetwork)) -> PullNetwork {
    let mut network = network();
    change(&mut network);
    network
}

fn deleting(network: &mut PullNetwork) {
    network.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
}

#[test]
fn a_network_that_does_not_admit_the_namespace_reads_like_one_that_is_missing() {
    let spec = named(API, None);
    let missing = told(&problems(&inputs(&spec)));
    assert!(
        missing.contains(
            "DependencyNotFound spec.pullNetworkRef.name: \"apps\": no PullNetwork of this name admits namespace payments"
        ),
        "{missing}"
    );
    let rows = [
        ("no selector", changed(|it| it.spec.namespace_selector = None)),
        (
            "another team",
            changed(|it| it.spec.namespace_selector = serde_json::from_value(json!({"matchLabels": {"team": "web"}})).unwrap()),
        ),
        (
            "another place, too",
            changed(|it| {
                it.spec.namespace_selector = None;
                it.spec.binding_ref.name = "secret".into();
                it.status = None;
            }),
        ),
        ("it is being deleted", changed(deleting)),
        ("another name", changed(|it| it.metadata.name = Some("other".into()))),
    ];
    for (what, network) in rows {
        assert_eq!(told(&problems(&with(&spec, network))), missing, "{what}");
    }
    assert!(
        told(&problems(&with(&named(ECR, Some("Both")), changed(|it| it.spec.namespace_selector = None)))).contains(&missing)
    );
    desired(&with(&spec, network()));
    // Whoever uses one that is being deleted goes on.
    let mut story = Story::settled(with(&spec, network()));
    story.inputs.network.as_mut().map(deleting).unwrap();
    assert_eq!(story.settle(), 0);
}

#[test]
fn a_network_is_of_the_same_place() {
    let rows = [
        (
            changed(|it| it.status.as_mut().unwrap().target.as_mut().unwrap().account_id = "444455556666".into()),
            "in account 444455556666, the workload in account 111122223333",
        ),
        (
            changed(|it| it.status.as_mut().unwrap().target.as_mut().unwrap().region = "us-east-1".into()),
            "in Region us-east-1, the workload in Region eu-west-1",
        ),
        (
            changed(|it| (it.spec.region, it.status) = (Some("us-east-1".into()), None)),
            "in Region us-east-1, the workload in Region eu-west-1",
        ),
    ];
    for (network, expected) in rows {
        let problems = told(&problems(&with(&named(API, None), network)));
        assert!(problems.contains(&format!("the PullNetwork is {expected}")), "{problems}");
    }
    desired(&super::fixtures::ambient(with(&named(API, None), changed(|it| it.spec.binding_ref.name = "whatever".into()))));
}

#[test]
fn a_definition_waits_for_the_endpoints_and_one_that_is_registered_stays() {
    let rows = [
        ("False", "Progressing", "ecr.dkr is pending", "Progressing", "PullNetwork apps: ecr.dkr is pending"),
        ("False", "AccessDenied", "AWS denies it", "AccessDenied", "PullNetwork apps: AWS denies it"),
        ("Unknown", "InvalidSpec", "no such subnet", "InvalidSpec", "PullNetwork apps: no such subnet"),
        ("False", "NoWordOfOurs", "what", "Progressing", "PullNetwork apps: what"),
    ];
    for (status, reason, message, expected, words) in rows {
        let mut story = Story::new(with(&named(API, None), changed(|it| say(it, status, reason, message))));
        story.pass();
        assert_eq!(story.fault("EndpointsReady"), Some((expected.to_owned(), words.to_owned())));
        assert_eq!(story.fault("Ready").map(|it| it.0), Some(expected.to_owned()), "{reason}");
        assert!(
            story.fault("CredentialsSynced").is_none() && story.fault("ExecutionRoleReady").is_none(),
            "{reason}: other parts go on"
        );
        assert!(story.fault("DefinitionRegistered").unwrap().1.contains(words), "{reason}");
        assert!(story.world.definitions.is_empty() && !story.world.secrets.is_empty());
        story.inputs.network = Some(network());
        story.settle();
        assert!(story.fault("Ready").is_none());
        // It is lost again.
        story.inputs.network = Some(changed(|it| say(it, status, reason, message)));
        let Pass::Done(round) = story.pass() else { panic!("a pass") };
        assert!(round.plan.is_converged(), "{}", round.plan);
        assert_eq!(story.fault("Ready"), Some((expected.to_owned(), words.to_owned())));
        assert!(story.fault("DefinitionRegistered").is_none(), "what is registered stays");
        // A change of the definition waits as well; a new value of the secret does not.
        story.inputs.sources.insert("regcred".into(), super::fixtures::docker(&[("registry.example.com", "puller", "another")]));
        story.respec(&named(API, None).replace("1.4.2", "1.4.3"));
        assert_eq!(steps(&story.plan()), ["PutSecretValue"], "{reason}");
        assert_eq!(holds(&story.plan()).len(), 1, "{}", story.plan());
        story.inputs.network = Some(network());
        story.settle();
        assert_eq!(story.world.definitions["payments_api"].len(), 2);
    }
}

#[test]
fn what_the_network_does_not_know_yet_is_not_known_here() {
    let rows = [
        ("no status", changed(|it| it.status = None), "PullNetwork apps: no pass has looked at its endpoints yet"),
        (
            "as the CRD begins it",
            changed(|it| it.status = serde_json::from_value(json!({"observedGeneration": -1})).unwrap()),
            "no pass has looked at its endpoints yet",
        ),
        ("a changed spec", changed(|it| it.metadata.generation = Some(2)), "it was changed, and no pass has looked at it since"),
    ];
    for (what, network, expected) in rows {
        let mut story = Story::new(with(&named(API, None), network));
        story.pass();
        let (reason, message) = story.fault("EndpointsReady").unwrap();
        assert!(reason == "Progressing" && message.contains(expected), "{what}: {reason} {message}");
        assert!(story.world.definitions.is_empty(), "{what}");
    }
    // Its deletion waits for us: its endpoints are there, so nothing changes here.
    let mut story = Story::settled(with(&named(API, None), network()));
    let mut doomed = changed(deleting);
    doomed.metadata.generation = Some(2);
    story.inputs.network = Some(doomed.clone());
    story.pass();
    assert!(story.fault("Ready").is_none(), "before a pass has looked at the deletion: {:?}", story.fault("Ready"));
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let (_, status) = blocked_network(&doomed, &["payments/api".to_owned()], None, now).unwrap();
    story.inputs.network = Some(PullNetwork { status: Some(status), ..doomed });
    story.pass();
    assert!(story.fault("Ready").is_none() && story.fault("EndpointsReady").is_none(), "{:?}", story.fault("Ready"));
    // Of one that is being deleted, `Ready` names the workloads of others.
    let mut story = Story::settled(with(&named(API, None), network()));
    let ready = json!({"type": "Ready", "status": "False", "reason": "DeletionBlocked", "message": "these workloads use it: search/crawler", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    story.inputs.network.as_mut().unwrap().status.as_mut().unwrap().conditions = vec![serde_json::from_value(ready).unwrap()];
    story.inputs.network.as_mut().map(deleting).unwrap();
    story.pass();
    assert_eq!(story.fault("Ready").unwrap().1, "PullNetwork apps: it is being deleted");
}

#[test]
fn a_workload_without_a_network_has_no_such_part() {
    let mut story = Story::settled(with(&named(API, None), network()));
    assert_eq!(story.status().network.as_deref(), Some("apps"));
    let told = report(&story.inputs.workload);
    assert_eq!((told.parts[0].part, told.parts[0].things[0].name.as_deref()), ("EndpointsReady", Some("apps")));
    story.respec(API);
    story.settle();
    assert!(story.status().network.is_none() && story.status().conditions.iter().all(|it| it.type_ != "EndpointsReady"));
}

/// A name counts for nothing, and neither does what was admitted once: else a tenant could hold up a network's deletion.
#[test]
fn only_those_that_were_admitted_use_a_network() {
    let uses = |story: &Story| network_users([&story.inputs.workload].into_iter(), &network());
    let spec = named(API, None);
    let mut story = Story::new(with(&spec, changed(|it| it.spec.namespace_selector = None)));
    assert!(names_network(&story.inputs.workload, &network()) && uses(&story).is_empty());
    story.pass();
    assert!(uses(&story).is_empty(), "it was never admitted");
    story.inputs.network = Some(network());
    story.settle();
    assert_eq!(uses(&story), ["payments/api"]);
    story.inputs.sources.clear();
    story.pass();
    assert_eq!(uses(&story), ["payments/api"], "it is refused for another reason");
    story.inputs.network.as_mut().unwrap().spec.namespace_selector = None;
    story.pass();
    assert!(uses(&story).is_empty(), "it is no longer admitted");
    assert!(!names_network(&workload("web", API), &network()));
    // What it named once holds nothing up, whatever becomes of its own pass.
    for (what, spec) in [("none", API.to_owned()), ("another", named(API, None).replace("apps", "others"))] {
        let mut story = Story::settled(with(&named(API, None), network()));
        assert_eq!(uses(&story), ["payments/api"]);
        story.respec(&spec);
        assert!(uses(&story).is_empty(), "{what}: before its pass");
        story.inputs.workload.spec.suspend = true;
        story.pass();
        assert!(story.status().network.is_none(), "{what}");
        assert!(story.status().conditions.iter().all(|it| it.type_ != "EndpointsReady"), "{what}");
    }
    let mut story = Story::settled(with(&named(API, None), network()));
    story.respec(API);
    story.inputs.sources.clear();
    story.pass();
    assert!(story.fault("Ready").is_some() && story.status().network.is_none(), "it is refused for another reason");
}

#[test]
fn a_suspended_workload_keeps_what_it_said_of_the_endpoints() {
    let mut story = Story::settled(with(&named(API, None), network()));
    story.inputs.workload.spec.suspend = true;
    story.pass();
    assert!(story.fault("EndpointsReady").is_none() && story.status().network.is_some());
}

/// Nobody is asked, so ids are named as what they are, and the network is taken for made.
#[test]
fn what_is_rendered_has_the_ids_that_are_to_come() {
    let inputs = with(&named(ECR, Some("Both")), changed(|it| it.status = None));
    let plan = from_nothing(&inputs).unwrap_or_else(|problems| panic!("{}", told(&problems)));
    assert!(
        plan.held.is_empty() && plan.steps.iter().any(|step| matches!(step.action, Action::RegisterDefinition { .. })),
        "{plan}"
    );
    let policy = plan.steps.iter().find_map(|step| match &step.action {
        Action::PutRolePolicy { document, .. } => Some(document.to_string()),
        _ => None,
    });
    let policy = policy.unwrap_or_else(|| panic!("{plan}"));
    assert!(policy.contains("vpc-0a") && policy.contains("${id of endpoint ecr.dkr}"), "{policy}");
    let stuck = with(&named(ECR, None), changed(|it| say(it, "False", "OwnershipConflict", "another's")));
    assert!(!from_nothing(&stuck).unwrap().held.is_empty(), "somebody must act first");
}
