//! What stays in our policy while it is not known who needs it, and where its pulls must come from.

use super::fixtures::{API, desired, inputs, workload};
use super::story::{Story, steps};
use serde_json::{Value, json};
use wharfinger::plan::Action;

const OTHER: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/other/quay.io/pull-AbCdEf";

fn policy(story: &Story, role: &str) -> Value {
    story.world.roles[role].inline.values().next().unwrap().clone()
}

fn set_policy(story: &mut Story, role: &str, document: Value) {
    *story.world.roles.get_mut(role).unwrap().inline.values_mut().next().unwrap() = document;
}

fn statement(policy: &Value, sid: &str) -> Value {
    let found = policy["Statement"].as_array().unwrap().iter().filter(|it| it["Sid"].as_str().unwrap().starts_with(sid));
    found.cloned().collect()
}

/// A newer version may have written it. What drifted of our own statements is put right all the same, and nothing of it is lost.
#[test]
fn what_is_not_understood_stays_until_everybody_is_known() {
    let mut story = Story::settled(inputs(API));
    let role = story.role();
    let before = policy(&story, &role);
    let own = before["Statement"][0]["Resource"][0].clone();
    let strange = [
        json!({"Sid": "ReadTables", "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "arn:aws:dynamodb:eu-west-1:111122223333:table/x"}),
        json!({"Sid": "NotThis", "Effect": "Deny", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}),
    ];
    for drift in [
        json!({}),
        json!({"Action": ["secretsmanager:GetSecretValue", "secretsmanager:*"]}),
        json!({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}),
    ] {
        let mut drifted = before.clone();
        drifted["Statement"][0]["Resource"] = json!([own, OTHER, "*"]);
        drifted["Statement"][0].as_object_mut().unwrap().extend(drift.as_object().unwrap().clone());
        drifted["Statement"].as_array_mut().unwrap().extend(strange.clone());
        set_policy(&mut story, &role, drifted);
        story.inputs.siblings_complete = false;
        story.settle();
        let kept = policy(&story, &role);
        let read = json!([{"Sid": "ReadSecrets", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": [OTHER, own]}]);
        assert_eq!(statement(&kept, "ReadSecrets"), read, "{drift}: {kept}");
        assert_eq!(kept["Statement"].as_array().unwrap()[1..], strange, "{drift}: {kept}");
        assert!(story.status().warnings.join("\n").contains("not narrowed yet"), "{:?}", story.status().warnings);
        story.inputs.siblings_complete = true;
        story.settle();
        assert_eq!(policy(&story, &role), before, "{drift}: all are known, so it is ours alone");
    }
}

fn pulling(image: &str, role: &str) -> String {
    let ecr = format!("{{name: tool, image: '111122223333.dkr.ecr.eu-west-1.amazonaws.com/{image}:1'}}");
    let spec = API.replace("containerPort: 8080}]}]", &format!("containerPort: 8080}}]}}, {ecr}]"));
    assert_ne!(spec, API);
    format!("{spec}revisionHistoryLimit: 0\nexecutionRole: {role}\n")
}

fn repository(image: &str) -> String {
    format!("arn:aws:ecr:eu-west-1:111122223333:repository/{image}")
}

/// What others may pull from their VPC only is not pulled from anywhere because somebody else may pull from anywhere.
#[test]
fn a_grant_of_before_keeps_its_condition() {
    let role = "wharfinger_payments_own";
    for (settings, now) in [
        ("managedPolicy: Never", json!(null)),
        ("restrictPullsTo: {vpcIds: [vpc-0b]}", json!({"StringEquals": {"aws:SourceVpc": ["vpc-0b"]}})),
    ] {
        let mut story =
            Story::settled(inputs(&pulling("old", &format!("{{name: {role}, restrictPullsTo: {{vpcIds: [vpc-0a]}}}}"))));
        let was = statement(&policy(&story, role), "PullFromEcr")[0].clone();
        assert_eq!(was["Condition"], json!({"StringEquals": {"aws:SourceVpc": ["vpc-0a"]}}));
        let mut shared = policy(&story, role);
        let list = shared["Statement"].as_array_mut().unwrap().iter_mut().find(|it| it["Sid"] == "PullFromEcr").unwrap();
        list["Resource"] = json!([repository("old"), repository("theirs")]);
        set_policy(&mut story, role, shared);
        story.inputs.siblings_complete = false;
        story.respec(&pulling("new", &format!("{{name: {role}, {settings}}}")));
        story.settle();
        let pulls = statement(&policy(&story, role), "PullFromEcr");
        let of = |image: &str| {
            let found = pulls.as_array().unwrap().iter().filter(|it| it["Resource"].to_string().contains(&repository(image)));
            found.map(|it| it["Condition"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(of("theirs"), [was["Condition"].clone()], "{settings}: {pulls}");
        assert_eq!(of("new"), [now], "{settings}: {pulls}");
        story.respec(&pulling("new", &format!("{{name: {role}, restrictPullsTo: {{vpcIds: [vpc-0a]}}}}")));
        story.settle();
        let pulls = statement(&policy(&story, role), "PullFromEcr");
        assert!(pulls.to_string().contains("vpc-0a") && pulls.to_string().contains(&repository("theirs")), "{settings}: {pulls}");
        story.inputs.siblings_complete = true;
        story.settle();
        let pulls = statement(&policy(&story, role), "PullFromEcr");
        assert_eq!(pulls.as_array().unwrap().len(), 1, "{settings}: {pulls}");
        assert_eq!(pulls[0]["Resource"], json!([repository("new")]), "{settings}");
    }
}

/// A workload that no longer restricts its pulls leaves the role to those who do, as it is.
#[test]
fn who_leaves_a_role_takes_no_condition_away() {
    let restricted = "{restrictPullsTo: {vpcIds: [vpc-0a]}}";
    let mut web = Story::new(inputs(&pulling("web", restricted)));
    web.inputs.workload = workload("web", &pulling("web", restricted));
    web.settle();
    let mut api = Story::new(inputs(&pulling("api", restricted)));
    api.world = web.world.clone();
    api.inputs.siblings = vec![web.inputs.workload.clone().into()];
    api.settle();
    let role = desired(&api.inputs).role.name;
    let before = statement(&policy(&api, &role), "PullFromEcr")[0].clone();
    assert_eq!(before["Resource"], json!([repository("api"), repository("web")]));
    api.respec(&pulling("api", "{}"));
    let mut written = vec![];
    for _ in 0..6 {
        let plan = api.plan();
        written.extend(plan.steps.iter().filter_map(|step| match &step.action {
            Action::PutRolePolicy { role: of, document, .. } if *of == role => Some(statement(document, "PullFromEcr")),
            _ => None,
        }));
        assert!(!steps(&plan).contains(&"DeleteRolePolicy".to_owned()), "{plan}");
        api.pass();
    }
    let mut after = before.clone();
    after["Resource"] = json!([repository("web")]);
    assert_eq!(written, [json!([after])], "one write, of the same condition, for the one who stays");
    web.world = api.world.clone();
    web.inputs.siblings = vec![api.inputs.workload.clone().into()];
    assert!(web.plan().is_converged(), "{}", web.plan());
}
