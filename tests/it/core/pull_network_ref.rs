//! Workloads that name a `PullNetwork`: which they may name, what waits for its endpoints, and what pulls are bound to.

use super::fixtures::{ACCOUNT, API, REGION, desired, fenced, inputs, problems, told, workload};
use super::story::{Story, holds, steps};
use serde_json::{Value, json};
use wharfinger::api::PullNetwork;
use wharfinger::converge::from_nothing;
use wharfinger::inputs::Inputs;
use wharfinger::pass::Pass;
use wharfinger::plan::Action;
use wharfinger::status::{names_network, network_users, report};

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
            changed(|it| it.spec.binding_ref.name = "other".into()),
            "under AccountBinding other, the workload under AccountBinding prod",
        ),
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
fn restrictions_that_contradict_each_other_are_refused() {
    let vpc = "executionRole: {restrictPullsTo: {vpcIds: [vpc-0123456789abcdef0]}}\n";
    let rows = [
        (format!("{}{vpc}", named(ECR, Some("Vpc"))), network(), Some("it says the same as executionRole.restrictPullsTo")),
        (format!("{}{vpc}", named(ECR, None)), network(), None),
        (
            format!("{}executionRole: {{managedPolicy: Always}}\n", named(ECR, Some("Both"))),
            network(),
            Some("the managed policy allows pulls from anywhere"),
        ),
        (format!("{}executionRole: {{managedPolicy: Always}}\n", named(ECR, None)), network(), None),
        (named(ECR, Some("Vpc")), changed(|it| it.spec.pulls.ecr = false), Some("has no endpoints of Amazon ECR")),
        (
            named(ECR, Some("Vpc")),
            changed(|it| (it.spec.tasks.fargate, it.spec.tasks.ec2) = (None, false)),
            Some("has no endpoints of Amazon ECR"),
        ),
    ];
    for (spec, network, expected) in rows {
        match expected {
            Some(expected) => {
                let problems = told(&problems(&with(&spec, network)));
                assert!(problems.contains(expected), "{expected}: {problems}");
            }
            None => _ = desired(&with(&spec, network)),
        }
    }
}

/// The conditions of the statement that pulls, in each policy there is.
fn conditions(story: &Story) -> Vec<Value> {
    let documents = story.world.roles.values().flat_map(|role| role.inline.values());
    let statements = documents.flat_map(|document| document["Statement"].as_array().cloned().unwrap_or_default());
    let bound = statements.filter(|statement| statement.get("Condition").is_some_and(|it| it.to_string().contains("aws:Source")));
    bound
        .map(|statement| {
            assert!(statement["Action"].to_string().contains("BatchGetImage"), "only the three actions that pull: {statement}");
            statement["Condition"].clone()
        })
        .collect()
}

#[test]
fn pulls_are_bound_to_the_ids_of_the_network_and_the_role_keeps_its_name() {
    let (vpc, endpoints) = (json!(["vpc-0a"]), json!(["vpce-0a", "vpce-0d"]));
    let rows = [
        ("Vpc", json!({"aws:SourceVpc": vpc})),
        ("VpcEndpoints", json!({"aws:SourceVpce": endpoints})),
        ("Both", json!({"aws:SourceVpc": vpc, "aws:SourceVpce": endpoints})),
    ];
    let mut roles = vec![];
    for (by, condition) in rows {
        let mut story = Story::settled(with(&named(ECR, Some(by)), network()));
        assert_eq!(conditions(&story), [json!({"StringEquals": condition})], "{by}");
        assert!(
            story.world.roles.values().all(|role| role.attached.is_empty()),
            "{by}: the managed policy would let pulls in from anywhere"
        );
        let role = story.role();
        // The endpoint is made anew: the policy follows, the role and the definition stay.
        story.inputs.network.as_mut().unwrap().status.as_mut().unwrap().endpoints[0].id = Some("vpce-0e".into());
        let expected: &[&str] = if by == "Vpc" { &[] } else { &["PutRolePolicy"] };
        assert_eq!(steps(&story.plan()), expected, "{by}");
        story.settle();
        assert_eq!((story.role(), story.world.roles.len()), (role.clone(), 1), "{by}");
        assert_eq!(conditions(&story)[0].to_string().contains("vpce-0e"), by != "Vpc");
        assert!(!conditions(&story)[0].to_string().contains("vpce-0d"), "{by}");
        roles.push(role);
    }
    roles.push(Story::settled(with(&named(ECR, None), network())).role());
    roles.push(
        Story::new(with(
            &named(ECR, Some("Vpc")).replace("apps", "other"),
            changed(|it| it.metadata.name = Some("other".into())),
        ))
        .role(),
    );
    let all = roles.len();
    roles.sort();
    roles.dedup();
    assert_eq!(roles.len(), all, "each choice has a role of its own");
}

#[test]
fn the_role_is_named_by_the_network_and_the_choice() {
    for (by, text) in
        [("Vpc", "network=apps:Vpc;"), ("VpcEndpoints", "network=apps:VpcEndpoints;"), ("Both", "network=apps:Both;")]
    {
        let settings = desired(&with(&named(ECR, Some(by)), network())).role.settings;
        assert_eq!(settings.differences().as_deref(), Some(text));
    }
    assert_eq!(desired(&with(&named(ECR, None), network())).role.settings.differences(), None);
}

#[test]
fn two_workloads_of_one_choice_share_a_role_and_two_choices_by_one_name_are_a_conflict() {
    let mut one = Story::settled(with(&named(ECR, Some("Both")), network()));
    let mut two = Story::new(with(&named(ECR, Some("Both")).replace("payments/api", "payments/web"), network()));
    two.inputs.workload.metadata.name = Some("web".into());
    two.inputs.siblings = vec![one.inputs.workload.clone().into()];
    two.world = one.world.clone();
    two.settle();
    assert_eq!((one.role(), two.world.roles.len()), (two.role(), 1));
    one.world = two.world.clone();
    one.inputs.siblings = vec![two.inputs.workload.clone().into()];
    assert_eq!(one.settle(), 0, "neither takes from the other");
    let own = "executionRole: {name: wharfinger_payments_own}\n";
    let mut rival = with(&format!("{}{own}", named(ECR, Some("Both"))), network());
    rival.siblings = vec![workload("web", &format!("{}{own}", named(ECR, Some("Vpc")))).into()];
    assert!(told(&problems(&rival)).contains("RoleSettingsConflict"));
    rival.siblings = vec![workload("web", &format!("{}{own}", named(ECR, Some("Both")))).into()];
    desired(&rival);
}

/// While ids are missing nothing is granted, and what was granted stays as it was.
#[test]
fn a_role_waits_for_ids_and_is_never_without_its_condition() {
    let lost: [(&str, fn(&mut PullNetwork)); 4] = [
        ("no status", |it| it.status = None),
        ("one has no id", |it| it.status.as_mut().unwrap().endpoints[1].id = None),
        ("none is told", |it| it.status.as_mut().unwrap().endpoints.clear()),
        ("no VPC", |it| it.status.as_mut().unwrap().vpc_id = None),
    ];
    for (what, lose) in lost {
        let mut story = Story::new(with(&named(ECR, Some("Both")), changed(lose)));
        story.pass();
        assert_eq!(story.world.writes, 0, "{what}");
        assert!(story.fault("ExecutionRoleReady").unwrap().1.contains("waits for the ids that PullNetwork apps has"), "{what}");
        story.inputs.network = Some(network());
        story.settle();
        let before = (story.world.roles.clone(), story.world.definitions.clone());
        lose(story.inputs.network.as_mut().unwrap());
        story.pass();
        assert_eq!((&story.world.roles, &story.world.definitions), (&before.0, &before.1), "{what}");
        assert!(steps(&story.removal()).iter().all(|step| step != "PutRolePolicy"), "{what}: nor does a removal loosen it");
    }
}

/// An endpoint of ECR that the network does not need is not waited for (rule 45).
#[test]
fn only_the_endpoints_that_the_network_needs_are_named() {
    let story = Story::settled(with(
        &named(ECR, Some("VpcEndpoints")),
        changed(|it| {
            it.status.as_mut().unwrap().endpoints.retain(|endpoint| endpoint.service != "ecr.api");
        }),
    ));
    assert_eq!(conditions(&story), [json!({"StringEquals": {"aws:SourceVpce": ["vpce-0d"]}})]);
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

/// An existing role: what its owner left attached voids the restriction.
#[test]
fn a_managed_policy_on_a_role_of_others_is_told() {
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/theirs");
    let spec = format!("{}executionRole: {{arn: '{arn}'}}\n", named(ECR, Some("Vpc")));
    let mut story = Story::new(fenced(with(&spec, network()), "{existingRoles: ['*']}"));
    let seen = wharfinger::resource::role::ObservedRole { arn, trust: json!({}), ..Default::default() };
    let managed = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy".to_owned();
    story.world.roles.insert("theirs".into(), super::world::Role { seen, inline: [].into(), attached: [managed].into() });
    story.settle();
    let warnings = story.status().warnings.join("\n");
    assert!(warnings.contains("restrictPulls has no effect until its owner detaches it"), "{warnings}");
}

#[test]
fn what_the_network_has_no_endpoint_for_is_told_with_the_field_that_helps() {
    let ecs = |more: &str| {
        format!(
            "image: registry.example.com/a/b:1\ncredentials: [{{secretRef: {{name: regcred}}}}]\necs: {{memory: '512', cpu: '256', networkMode: awsvpc, {more}}}\n"
        )
    };
    let plain = "containerDefinitions: [{name: api}]";
    let (fargate, ec2, external) = (
        format!("requiresCompatibilities: [FARGATE], {plain}"),
        format!("requiresCompatibilities: [EC2], {plain}"),
        format!("requiresCompatibilities: [EXTERNAL], {plain}"),
    );
    let windows = format!("runtimePlatform: {{operatingSystemFamily: WINDOWS_SERVER_2022_CORE}}, {fargate}");
    let logs = "containerDefinitions: [{name: api, logConfiguration: {logDriver: awslogs, options: {awslogs-group: a, awslogs-region: eu-west-1, awslogs-stream-prefix: a}}}]";
    let secret = "containerDefinitions: [{name: api, secrets: [{name: A, valueFrom: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-AbCdEf'}]}]";
    let parameter = "containerDefinitions: [{name: api, secrets: [{name: A, valueFrom: /x}]}]";
    let batch = |more: &str| {
        format!("image: registry.example.com/a/b:1\ncredentials: [{{secretRef: {{name: regcred}}}}]\nbatch: {{{more}}}\n")
    };
    let job = |more: &str| batch(&format!("platformCapabilities: [FARGATE], containerProperties: {{{more}}}"));
    let on_instances = batch("containerProperties: {logConfiguration: {logDriver: json-file}}");
    let public = "image: public.ecr.aws/a/b:1\necs: {containerDefinitions: [{name: api}]}\n".to_owned();
    let nothing = || json!({"fargate": {}});
    let all = || json!({"fargate": {"awslogs": true, "windows": true, "linuxPlatformVersion": "1.4.0"}, "ec2": true, "containerSecrets": ["SecretsManager", "ParameterStore"]});
    let rows: Vec<(&str, String, Value, Value, &[&str])> = vec![
        ("plain", ecs(plain), nothing(), json!({}), &[]),
        ("Fargate", ecs(&fargate), nothing(), json!({}), &[]),
        ("Fargate where there is none", ecs(&fargate), json!({"ec2": true}), json!({}), &["set spec.tasks.fargate"]),
        ("Linux where Windows only", ecs(&fargate), json!({"fargate": {"windows": true}}), json!({}), &["linuxPlatformVersion"]),
        ("Windows", ecs(&windows), nothing(), json!({}), &["set spec.tasks.fargate.windows"]),
        ("Windows with all", ecs(&windows), all(), json!({}), &[]),
        ("EC2", ecs(&ec2), nothing(), json!({}), &["set spec.tasks.ec2"]),
        ("EC2 with all", ecs(&ec2), all(), json!({}), &[]),
        ("external", ecs(&external), nothing(), json!({}), &[]),
        ("ECR", ECR.to_owned(), nothing(), json!({"ecr": false}), &["set spec.pulls.ecr: true"]),
        ("ECR with it", ECR.to_owned(), nothing(), json!({}), &[]),
        ("ECR Public", public.clone(), nothing(), json!({}), &["spec.pulls.ecrPublic"]),
        ("ECR Public that is told", public, nothing(), json!({"ecrPublic": true}), &[]),
        ("a login", ecs(plain), nothing(), json!({"privateRegistries": false}), &["set spec.pulls.privateRegistries: true"]),
        (
            "a login by another's endpoint",
            ecs(plain),
            json!({"fargate": {}, "containerSecrets": ["SecretsManager"]}),
            json!({"privateRegistries": false}),
            &[],
        ),
        ("logs", ecs(logs), nothing(), json!({}), &["spec.tasks.awslogs: true"]),
        ("logs on Fargate", ecs(&fargate.replace(plain, logs)), nothing(), json!({}), &["spec.tasks.fargate.awslogs: true"]),
        ("logs with them", ecs(logs), json!({"fargate": {}, "awslogs": true}), json!({}), &[]),
        (
            "a secret",
            ecs(secret),
            nothing(),
            json!({"privateRegistries": false}),
            &["spec.pulls.privateRegistries", "add SecretsManager"],
        ),
        ("a secret by the logins' endpoint", ecs(secret), nothing(), json!({}), &[]),
        ("a parameter", ecs(parameter), nothing(), json!({}), &["add ParameterStore"]),
        ("a parameter with it", ecs(parameter), all(), json!({}), &[]),
        ("a job", on_instances, nothing(), json!({}), &["set spec.tasks.ec2"]),
        (
            "a job that says nothing of logs",
            batch("containerProperties: {}"),
            json!({"ec2": true}),
            json!({}),
            &["spec.tasks.awslogs: true"],
        ),
        ("a job on Fargate", job(""), nothing(), json!({}), &["spec.tasks.fargate.awslogs: true"]),
        (
            "a job on a newer platform",
            job("fargatePlatformConfiguration: {platformVersion: LATEST}"),
            json!({"fargate": {"linuxPlatformVersion": "1.3.0", "awslogs": true}}),
            json!({}),
            &["linuxPlatformVersion to 1.4.0"],
        ),
        (
            "a job on an older platform",
            job("fargatePlatformConfiguration: {platformVersion: 1.3.0}"),
            json!({"fargate": {"linuxPlatformVersion": "1.3.0", "awslogs": true}}),
            json!({}),
            &[],
        ),
        (
            "a job on a newer platform with all",
            job("fargatePlatformConfiguration: {platformVersion: LATEST}"),
            all(),
            json!({}),
            &[],
        ),
    ];
    for (what, spec, tasks, pulls, expected) in rows {
        let network = changed(|it| {
            it.spec.tasks = serde_json::from_value(tasks).unwrap();
            it.spec.pulls = serde_json::from_value(pulls).unwrap();
        });
        let inputs = fenced(with(&named(&spec, None), network), "{secretArns: ['*'], ssmParameters: ['*']}");
        let told: Vec<String> = desired(&inputs).warnings.into_iter().filter(|it| it.contains("PullNetwork apps: ")).collect();
        assert_eq!(told.len(), expected.len(), "{what}: {told:#?}");
        assert!(expected.iter().zip(&told).all(|(part, told)| told.contains(part)), "{what}: {told:#?}");
    }
    let outside = desired(&with(&named(&ecs(&external), Some("Vpc")), network())).warnings.join("\n");
    assert!(outside.contains("external instances are in no VPC, so their pulls from Amazon ECR are denied"), "{outside}");
}
