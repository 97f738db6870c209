//! Bad input is told so that it can be mended (field, value, rule, remedy), by the API server, in a condition and on the command
//! line alike; and nothing is written.

mod credentials;
mod definitions;
mod references;
mod refusals;

use super::cli::{folder, namespace, yaml};
use super::manifests::{REGISTRY, ecs, login, source, with};
use super::rows::{assert_none, each, failures};
use super::world::{World, binding};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The most that a status may weigh, whatever the spec says.
const STATUS_BYTES: usize = 32 * 1024;

/// One way of writing a workload wrongly.
struct Row {
    name: &'static str,
    /// The condition's reason; none where the API server refuses.
    reason: Option<&'static str>,
    changes: Vec<(String, Value)>,
    /// What the message names.
    named: Vec<String>,
}

impl Row {
    fn new(name: &'static str, reason: &'static str, changes: Vec<(String, Value)>, named: &[&str]) -> Self {
        Self { reason: Some(reason), ..Self::refused(name, changes, named) }
    }

    fn refused(name: &'static str, changes: Vec<(String, Value)>, named: &[&str]) -> Self {
        Self { name, reason: None, changes, named: named.iter().map(|part| (*part).to_owned()).collect() }
    }

    fn manifest(&self, namespace: &str, name: &str) -> Value {
        self.changes.iter().fold(ecs(namespace, name), |manifest, (path, value)| with(manifest, path, value.clone()))
    }

    fn assert_named(&self, message: &str) {
        for part in &self.named {
            assert!(message.contains(part), "{}: no {part:?} in: {message}", self.name);
        }
    }
}

const CONTAINER: &str = "/spec/ecs/containerDefinitions/0";
const CREDENTIAL: &str = "/spec/credentials/0";
const ECR: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
const INVALID: &str = "InvalidSpec";
const MISSING: &str = "DependencyNotFound";
const FENCED: &str = "NotAllowed";

/// A field of the container.
fn at(field: &str) -> String {
    format!("{CONTAINER}/{field}")
}

/// A row with one change.
fn row(name: &'static str, reason: &'static str, change: (impl Into<String>, Value), named: &[&str]) -> Row {
    Row::new(name, reason, vec![(change.0.into(), change.1)], named)
}

/// A credential that exists in AWS.
fn existing(arn: impl Into<String>) -> (String, Value) {
    (CREDENTIAL.to_owned(), json!({"registry": REGISTRY, "secretArn": arn.into()}))
}

/// The Secrets that the rows speak of.
fn sources(namespace: &str) -> Vec<Value> {
    let config = |name: &str, content: Value| {
        let data = json!({".dockerconfigjson": content.to_string()});
        source(namespace, name, "kubernetes.io/dockerconfigjson", data)
    };
    let entry = |name: &str, entry: Value| config(name, json!({"auths": {REGISTRY: entry}}));
    vec![
        login(namespace, "first"),
        entry("second", json!({"username": "another", "password": "one"})),
        source(namespace, "tls", "kubernetes.io/tls", json!({"tls.crt": "x", "tls.key": "y"})),
        config("ecr", json!({"auths": {ECR: {"username": "a", "password": "b"}}})),
        config("elsewhere", json!({"auths": {"elsewhere.example.com": {"username": "a", "password": "b"}}})),
        entry("not-base64", json!({"auth": "%%%"})),
        entry("token", json!({"identitytoken": "t"})),
        entry("colonless", json!({"auth": STANDARD.encode("x")})),
        entry("empty", json!({"username": "x", "password": ""})),
        config("authless", json!({"credsStore": "desktop"})),
    ]
}

fn told(account: &str) -> Vec<Row> {
    let all = [credentials::rows(), references::rows(account), definitions::rows(account)];
    all.into_iter().flatten().collect()
}

#[tokio::test]
async fn what_the_api_server_takes_is_told_in_a_condition() {
    let world = World::start("told").await;
    for secret in sources(&world.name) {
        world.apply(&secret).await;
    }
    let rows = told(&world.aws.id);
    let numbered = rows.iter().enumerate().map(|(number, row)| (row.name.to_owned(), (number, row)));
    let mut failed = failures(numbered, async |(number, row)| {
        let name = format!("row-{number}");
        if let Err(refusal) = world.try_apply(&row.manifest(&world.name, &name)).await {
            panic!("the API server refuses it: {refusal}");
        }
        let reason = row.reason.expect("a reason");
        row.assert_named(&world.not_ready(&name, reason).await.message);
        let status = serde_json::to_string(&world.get(&name).await.status).expect("JSON");
        assert!(status.len() < STATUS_BYTES, "the status has {} bytes", status.len());
    })
    .await;
    failed.extend(written(&world));
    assert_none(failed);
}

/// What was written, which is nothing.
fn written(world: &World) -> impl Iterator<Item = String> {
    world.proxy.writes().into_iter().map(|call| format!("written: {} {}", call.operation, call.body))
}

#[tokio::test]
async fn the_command_line_tells_the_same() {
    let world = World::enter("told-cli").await.still().await;
    let rows = told(&world.aws.id);
    let workloads = rows.iter().enumerate().map(|(number, row)| row.manifest(&world.name, &format!("row-{number}")));
    let objects: Vec<Value> = [namespace(&world), binding(&world.name, &world.aws.id)]
        .into_iter()
        .chain(sources(&world.name))
        .chain(workloads)
        .collect();
    let (code, text, errors) = world.cli("apply", &folder(&[("all.yaml", yaml(&objects))]), &["-o", "json"]).await;
    assert_eq!(code, 1, "{errors}");
    let answers: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(answers.len(), rows.len());
    let checks = rows.iter().zip(answers).map(|(row, answer)| (row.name.to_owned(), (row, answer)));
    let mut failed = failures(checks, async |(row, answer)| {
        let messages =
            answer["messages"].as_array().map(|all| all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"));
        row.assert_named(&messages.unwrap_or_else(|| answer["text"].as_str().unwrap_or_default().to_owned()));
    })
    .await;
    failed.extend(written(&world));
    assert_none(failed);
}

#[tokio::test]
async fn what_the_api_server_refuses_never_gets_in() {
    let world = World::enter("refused").await.still().await;
    each(refusals::rows(&world.aws.id).into_iter().map(|row| (row.name.to_owned(), row)), async |row| {
        let refusal = world.try_apply(&row.manifest(&world.name, "api")).await;
        row.assert_named(&refusal.expect_err("refused"));
    })
    .await;
    let broken = source(&world.name, "broken", "kubernetes.io/dockerconfigjson", json!({".dockerconfigjson": "{"}));
    let refusal = world.try_apply(&broken).await.expect_err("refused");
    assert!(refusal.contains(".dockerconfigjson"), "{refusal}");
}

#[tokio::test]
async fn the_command_line_refuses_what_the_api_server_refuses() {
    let world = World::enter("refused-cli").await.still().await;
    let base = [namespace(&world), binding(&world.name, &world.aws.id), login(&world.name, "first")];
    each(refusals::rows(&world.aws.id).into_iter().map(|row| (row.name.to_owned(), row)), async |row| {
        let objects: Vec<Value> = base.iter().cloned().chain([row.manifest(&world.name, "api")]).collect();
        let (code, text, errors) = world.cli("apply", &folder(&[("all.yaml", yaml(&objects))]), &[]).await;
        assert_eq!(code, 1, "{text}{errors}");
        row.assert_named(&format!("{text}{errors}"));
    })
    .await;
    let broken = source(&world.name, "regcred", "kubernetes.io/dockerconfigjson", json!({".dockerconfigjson": "{"}));
    let objects = [namespace(&world), binding(&world.name, &world.aws.id), broken, ecs(&world.name, "api")];
    let (code, text, _) = world.cli("apply", &folder(&[("all.yaml", yaml(&objects))]), &[]).await;
    assert!(code == 1 && text.contains("regcred") && text.contains("not JSON"), "{code} {text}");
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
}
