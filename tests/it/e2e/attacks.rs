//! Two tenants of one account: what one of them writes reaches nothing of the other's, through the real API server and AWS.

use super::manifests::{ecs, with};
use super::rows::each;
use super::world::World;
use serde_json::{Value, json};

/// What an attacker writes, and the words in which it is refused.
type Row = (&'static str, &'static str, fn(&Victim) -> Value, &'static [&'static str]);

/// The names of what another tenant has.
struct Victim {
    account: String,
    namespace: String,
    secret: String,
}

impl Victim {
    fn role(&self) -> String {
        format!("arn:aws:iam::{}:role/wharfinger_{}", self.account, self.namespace)
    }
}

const REFUSED: &[&str] = &["NotAllowed", "DependencyNotFound", "InvalidSpec"];

fn rows() -> Vec<Row> {
    vec![
        (
            "a secret to pull with",
            "/spec/credentials",
            |it| json!([{"registry": "registry.example.com", "secretArn": it.secret}]),
            REFUSED,
        ),
        (
            "a secret of a container",
            "/spec/ecs/containerDefinitions/0/secrets",
            |it| json!([{"name": "A", "valueFrom": format!("{}:password::", it.secret)}]),
            REFUSED,
        ),
        (
            "a parameter that stands for a secret",
            "/spec/ecs/containerDefinitions/0/secrets",
            |it| {
                let name =
                    it.secret.split(":secret:").nth(1).and_then(|name| name.rsplit_once('-')).map(|(stem, _)| stem.to_owned());
                json!([{"name": "A", "valueFrom": format!("/aws/reference/secretsmanager/{}", name.unwrap_or_default())}])
            },
            REFUSED,
        ),
        ("a role to run as", "/spec/ecs/taskRoleArn", |it| json!(it.role()), REFUSED),
        ("an execution role by its ARN", "/spec/executionRole", |it| json!({"arn": it.role()}), REFUSED),
        (
            "an execution role by its name",
            "/spec/executionRole",
            |it| json!({"name": format!("wharfinger_{}", it.namespace)}),
            REFUSED,
        ),
        ("a family", "/spec/ecs/family", |it| json!(format!("{}_api", it.namespace)), REFUSED),
        (
            "a credential",
            "/spec/credentials",
            |it| json!([{"credentialRef": {"name": "pull", "namespace": it.namespace}}]),
            REFUSED,
        ),
        ("a secret by a patch", "/spec/definitionPatch", |it| json!({"taskRoleArn": it.role()}), REFUSED),
    ]
}

#[tokio::test]
async fn nothing_of_another_tenant_is_reached() {
    let victim = World::start("victim").await;
    victim.converge_ecs("api").await;
    let pull = json!({
        "apiVersion": "wharfinger.dev/v1alpha1", "kind": "RegistryCredential", "metadata": {"name": "pull", "namespace": victim.name},
        "spec": {"bindingRef": {"name": victim.name}, "region": "eu-west-1", "registry": "registry.example.com", "secretRef": {"name": "regcred"}},
    });
    victim.apply(&pull).await;
    let made = format!("wharfinger/{}/pull/credential", victim.name);
    victim.proxy.until("the credential's secret", |calls| calls.iter().any(|call| call.body["Name"] == json!(made))).await;
    victim.poke("api").await;
    let before = victim.aws.holdings().await;
    let secret =
        before.secrets.iter().find(|it| it.name == victim.secret_name("regcred")).map(|it| it.arn.clone()).expect("its secret");
    let named = Victim { account: victim.aws.id.clone(), namespace: victim.name.clone(), secret };
    each(rows().into_iter().map(|row| (row.0.to_owned(), row)), |(_, path, value, refused)| {
        let (account, value) = (named.account.clone(), value(&named));
        async move {
            let attacker = World::enter("attacker").await.binding(|spec| {
                let text = spec.to_string().replace(spec["accountId"].as_str().unwrap_or_default(), &account);
                *spec = serde_json::from_str(&text).expect("JSON");
                spec["limits"] = json!({"registries": ["registry.example.com"]});
            });
            let attacker = attacker.start().await;
            attacker.login("attacker").await;
            if attacker.try_apply(&with(ecs(&attacker.name, "api"), path, value)).await.is_err() {
                return; // the API server itself refuses it
            }
            let status = attacker
                .until("api", "be refused", |status| {
                    let ready = super::waits::ready(status);
                    ready.is_some_and(|it| it.status == "False" && refused.contains(&it.reason.as_str()))
                })
                .await;
            assert!(status.status.unwrap_or_default().definition.is_none());
            assert_eq!(attacker.proxy.written(), [] as [&str; 0], "nothing is written");
        }
    })
    .await;
    let after = victim.aws.holdings().await;
    assert_eq!(after, before, "and the victim has what it had");
}
