//! `wharfinger doctor` against a cluster and AWS. moto simulates no policies, so what IAM answers is worked out here from the policy
//! that the program itself prints, by an evaluator that knows IAM only.

use super::super::proxy::Call;
use super::*;
use crate::core::iam::{Request, allows};
use std::collections::BTreeMap;
use wharfinger::api::AccountBindingSpec;
use wharfinger::iam_policy::{features_of, policies};

/// The findings of a run, by their check.
async fn doctor(world: &World, more: &[&str]) -> (i32, BTreeMap<String, Value>) {
    let (code, text, errors) = world.output(world.command(&[&["doctor", "-o", "json"], more].concat())).await;
    let findings: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{errors}"));
    (code, findings.into_iter().map(|it| (it["check"].as_str().expect("a name").to_owned(), it)).collect())
}

/// The world's binding as a file.
fn file(world: &World) -> PathBuf {
    folder(&[("binding.yaml", yaml(&[binding(&world.name, &world.aws.id)]))])
}

/// The list of a form: `ActionNames.member.1`, …
fn members(call: &Call, list: &str) -> Vec<String> {
    let numbered = (1..).map_while(|number| call.body[format!("{list}.member.{number}")].as_str().map(str::to_owned));
    numbered.collect()
}

/// What IAM says of each action, by a policy.
fn simulate(call: &Call, allowed: &[Value]) -> String {
    let values = |entry: &str| members(call, &format!("{entry}.ContextKeyValues")).concat();
    let entries = (1..).map(|number| format!("ContextEntries.member.{number}"));
    let keys =
        entries.map_while(|entry| Some((call.body[format!("{entry}.ContextKeyName")].as_str()?.to_owned(), values(&entry))));
    let context: Vec<(String, String)> = keys.collect();
    let context: Vec<(&str, &str)> = context.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let resource = members(call, "ResourceArns").concat();
    let results = members(call, "ActionNames").into_iter().map(|action| {
        let allowed = allows(&allowed.iter().collect::<Vec<_>>(), &Request::new(&action, &resource, &context));
        let decision = if allowed { "allowed" } else { "implicitDeny" };
        format!("<member><EvalActionName>{action}</EvalActionName><EvalResourceName>{resource}</EvalResourceName><EvalDecision>{decision}</EvalDecision></member>")
    });
    let results = results.collect::<String>();
    format!(
        "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>{results}</EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
    )
}

/// The policy of the account whose role is asked about.
fn policy(call: &Call) -> Vec<Value> {
    let role = call.body["PolicySourceArn"].as_str().expect("a role");
    let account = role.split(':').nth(4).expect("an account");
    let spec: AccountBindingSpec = serde_json::from_value(binding("any", account)["spec"].clone()).expect("a binding");
    policies(&spec, &features_of(&spec)).expect("a policy")
}

fn granted(call: &Call) -> String {
    simulate(call, &policy(call))
}

/// The same without one action.
fn lacking(call: &Call) -> String {
    let text = serde_json::to_string(&policy(call)).expect("JSON").replace("iam:PutRolePolicy", "iam:GetUser");
    simulate(call, &serde_json::from_str::<Vec<Value>>(&text).expect("JSON"))
}

#[tokio::test]
async fn where_all_is_well_nothing_fails() {
    let world = World::enter("doctor").await.still().await;
    world.proxy.inject(Rule::on("SimulatePrincipalPolicy", Fault::Query(granted)));
    let (code, findings) = doctor(&world, &["-n", &world.name, "-f", file(&world).to_str().expect("text")]).await;
    assert_eq!(code, 0, "{findings:#?}");
    let wrong: Vec<&Value> = findings.values().filter(|it| it["outcome"] != "ok").collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let name = &world.name;
    for (check, part) in [
        ("AWS credentials".to_owned(), "arn:aws:"),
        (format!("account of AccountBinding {name}"), "role/wharfinger acts in account"),
        (format!("permissions of AccountBinding {name}"), "is granted all"),
        ("endpoints of us-east-1".to_owned(), "all 7 services answer"),
        ("clock".to_owned(), "agrees"),
        ("cluster".to_owned(), "Kubernetes v1."),
        ("CRDs".to_owned(), concat!("release ", env!("CARGO_PKG_VERSION"))),
        ("permissions in the cluster".to_owned(), "somebody who keeps workloads"),
    ] {
        assert!(findings[&check]["message"].as_str().expect("text").contains(part), "{check}: {findings:#?}");
    }
    assert_eq!(world.proxy.written(), [] as [&str; 0], "nothing is written");
    let (code, findings) = doctor(&world, &["--controller"]).await;
    assert!(findings["permissions in the cluster"]["message"].as_str().expect("text").contains("a controller"), "{findings:#?}");
    assert!(findings.contains_key(&format!("account of AccountBinding {name}")), "bindings are read from the cluster: {code}");
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_remedy() {
    let world = World::enter("doctor-wrong").await.still().await;
    let (name, file) = (&world.name, file(&world));
    let files = ["-f", file.to_str().expect("text")];
    let (account, permissions) = (format!("account of AccountBinding {name}"), format!("permissions of AccountBinding {name}"));
    let rows: [(Rule, &str, &str, &str); 4] = [
        (
            Rule::on("SimulatePrincipalPolicy", Fault::Query(lacking)),
            &permissions,
            "failed",
            "iam:PutRolePolicy (no statement allows it)",
        ),
        (Rule::on("SimulatePrincipalPolicy", Fault::Denied), &permissions, "warning", "which are granted is not known"),
        (Rule::on("AssumeRole", Fault::Denied), &account, "failed", "sts:AssumeRole"),
        (Rule::on("ListClusters", Fault::LoseAnswer), "endpoints of eu-west-1", "warning", "ECS"),
    ];
    for (rule, check, outcome, part) in rows {
        world.proxy.heal();
        world.proxy.inject(rule);
        let (code, findings) = doctor(&world, &files).await;
        let found = &findings[check];
        assert_eq!((code, &found["outcome"]), (i32::from(outcome == "failed"), &json!(outcome)), "{check}: {findings:#?}");
        assert!(found.to_string().contains(part) && found["remedy"].is_string(), "{check}: {found:#}");
    }
}

#[tokio::test]
async fn an_account_that_is_not_the_bindings_is_found() {
    let world = World::enter("doctor-account").await.still().await;
    let mut other = binding(&world.name, &world.aws.id);
    other["spec"]["accountId"] = json!("999999999999");
    let file = folder(&[("binding.yaml", yaml(&[other]))]);
    let (code, findings) = doctor(&world, &["-f", file.to_str().expect("text")]).await;
    let found = &findings[&format!("account of AccountBinding {}", world.name)];
    assert_eq!((code, &found["outcome"]), (1, &json!("failed")), "{findings:#?}");
    assert!(found["message"].as_str().expect("text").contains(&world.aws.id), "{found:#}");
}
