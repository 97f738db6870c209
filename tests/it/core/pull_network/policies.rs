//! Policies of endpoints: exact, changed by meaning, and told as the risk they are.

use super::{FARGATE, Scene, done};
use crate::core::fixtures::{ACCOUNT, binding};
use serde_json::{Value, json};
use wharfinger::desired::resolve_network;
use wharfinger::inputs::Bindings;
use wharfinger::plan::Action;
use wharfinger::target;

const ROLES: &str = "arn:aws:iam::111122223333:role/wharfinger_*";
const NODE: &str = "arn:aws:iam::111122223333:role/node";

fn policy(scene: &mut Scene, short: &str) -> Value {
    scene.world.of(short).policy.as_ref().map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

fn caller(sid: &str, action: Value, arns: &[&str]) -> Value {
    json!({
        "Sid": sid, "Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*",
        "Condition": {"StringLike": {"aws:PrincipalArn": arns}},
    })
}

/// A policy of one's own.
fn own() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "logs:*", "Resource": "*"}]})
}

/// Lines of the spec, an endpoint, its policy, and a piece of the warning.
fn rows() -> [(&'static str, &'static str, Value, &'static str); 10] {
    let document = |statements: Value| json!({"Version": "2012-10-17", "Statement": statements});
    let pull = json!([
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:GetDownloadUrlForLayer",
        "ecr:BatchGetImage"
    ]);
    let mut cached = pull.clone();
    cached.as_array_mut().unwrap().extend([json!("ecr:BatchImportUpstreamImage"), json!("ecr:CreateRepository")]);
    [
        ("", "ecr.dkr", Value::Null, ""),
        (
            "policies: {ecr: AllowPull}\npulls: {pullThroughCache: true}\n",
            "ecr.api",
            document(json!([caller("AllowPull", cached, &[ROLES])])),
            "policies.ecr is AllowPull",
        ),
        (
            "policies: {ecr: AllowPull}\n",
            "ecr.dkr",
            document(json!([caller("AllowPull", pull.clone(), &[ROLES])])),
            "policies.ecr is AllowPull",
        ),
        ("policies: {ecr: AllowPull}\n", "ecr.api", document(json!([caller("AllowPull", pull.clone(), &[ROLES])])), "cut off"),
        (
            "policies: {ecr: AllowPull}\nothers",
            "ecr.api",
            document(json!([caller("AllowPull", pull, &[ROLES, NODE])])),
            "cut off",
        ),
        (
            "policies: {ecr: PreventDelete}\n",
            "ecr.dkr",
            document(json!([
                {"Sid": "AllowAll", "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
                {"Sid": "PreventDelete", "Effect": "Deny", "Principal": "*", "Action": "ecr:DeleteRepository", "Resource": "*"},
            ])),
            "PreventDelete",
        ),
        (
            "policies: {s3: Minimal}\n",
            "s3",
            document(json!([{
                "Sid": "ReadLayers", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*",
            }])),
            "whatever else uses S3",
        ),
        (
            "policies: {secretsmanager: Scoped}\n",
            "secretsmanager",
            document(json!([caller("ReadLogins", json!("secretsmanager:GetSecretValue"), &[ROLES])])),
            "is denied Secrets Manager",
        ),
        (
            "policies: {secretsmanager: Scoped}\nothers",
            "secretsmanager",
            document(json!([
                caller("ReadLogins", json!("secretsmanager:GetSecretValue"), &[ROLES]),
                caller("AdditionalPrincipals", json!("secretsmanager:*"), &[NODE]),
            ])),
            "this controller included",
        ),
        ("policies: {documents: {logs: LOGS}}\n", "logs", own(), "policies.documents.logs is a policy of your own"),
    ]
}

#[test]
fn each_policy_is_just_this() {
    let others = format!("additionalPrincipals: ['{NODE}']\n");
    for (more, short, expected, warning) in rows() {
        let more = more.replace("others", &others).replace("LOGS", &own().to_string());
        let mut scene = Scene::settled(&format!("{FARGATE}{more}"));
        assert_eq!(policy(&mut scene, short), expected, "{more}");
        let warnings = &scene.status().warnings;
        assert_eq!(warnings.iter().any(|it| !warning.is_empty() && it.contains(warning)), !warning.is_empty(), "{warnings:?}");
        assert_eq!(scene.settle(), 0);
    }
}

#[test]
fn policies_are_compared_by_meaning() {
    let mut scene = Scene::settled(&Scene::with("policies: {s3: Minimal}"));
    let mut stored = policy(&mut scene, "s3");
    stored["Statement"][0]["Action"] = json!(["S3:getobject"]);
    stored["Statement"][0]["Principal"] = json!({"AWS": ["*"]});
    stored["Statement"][0]["Sid"] = json!("x");
    scene.world.of("s3").policy = Some(stored.to_string());
    assert_eq!(scene.settle(), 0, "the same in other words");
    scene.world.of("s3").policy = None;
    assert_eq!(done(&scene.plan()), ["modify s3"]);
    scene.settle();
    scene.respec(FARGATE);
    let plan = scene.plan();
    let resets = |action: &Action| matches!(action, Action::ModifyVpcEndpoint { change, .. } if change.reset_policy && change.policy_document.is_none());
    assert!(plan.steps.len() == 1 && resets(&plan.steps[0].action), "{plan}");
    scene.settle();
    assert_eq!(policy(&mut scene, "s3"), Value::Null);
    let full = json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]});
    scene.respec(&Scene::with(&format!("policies: {{documents: {{s3: {full}}}}}")));
    assert_eq!(scene.settle(), 0, "full access is AWS's own, whoever writes it");
}

/// The roles are those of the binding: its path and prefix.
#[test]
fn callers_follow_the_binding() {
    let mut prod = binding("prod", "{rolePath: /wharfinger/}");
    prod.spec.names.role_prefix = "pull_".into();
    let mut scene = Scene::new(&Scene::with("policies: {ecr: AllowPull}"));
    scene.inputs.bindings = Bindings::Objects(vec![prod]);
    scene.settle();
    let found = &policy(&mut scene, "ecr.dkr")["Statement"][0]["Condition"]["StringLike"]["aws:PrincipalArn"];
    assert_eq!(*found, json!([format!("arn:aws:iam::{ACCOUNT}:role/wharfinger/pull_*")]));
}

/// 20,480 characters, white space counted (aws.md, b.6).
#[test]
fn a_policy_has_a_size() {
    let problems = |spec: &str| {
        let scene = Scene::new(spec);
        let target = target::of_network(&scene.inputs).unwrap();
        resolve_network(&scene.inputs, &target).err().unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let long = |blanks: usize| {
        let statement =
            json!({"Sid": " ".repeat(blanks), "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"});
        Scene::with(&format!("policies: {{documents: {{s3: {}}}}}", json!({"Statement": [statement]})))
    };
    let frame = json!({"Statement": [{"Sid": "", "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]})
        .to_string()
        .len();
    assert_eq!(problems(&long(20_480 - frame)), Vec::<String>::new());
    let told = problems(&long(20_481 - frame));
    assert!(told.len() == 1 && told[0].contains("has 20481 characters") && told[0].contains("documents.s3"), "{told:?}");
    let many: Vec<String> = (0..100).map(|index| format!("arn:aws:iam::{ACCOUNT}:role/{}{index}", "x".repeat(300))).collect();
    let told = problems(&Scene::with(&format!("policies: {{ecr: AllowPull}}\nadditionalPrincipals: {many:?}")));
    assert!(told.len() == 1 && told[0].contains("spec.additionalPrincipals") && told[0].contains("ecr"), "{told:?}");
    assert!(problems(&Scene::with("policies: {documents: {s3: {Version: '2012-10-17'}}}"))[0].contains("no Statement"));
}
