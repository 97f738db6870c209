//! `RegistryCredential` end to end: one secret for many workloads, and what can be said of it.

mod sharing;

use super::account::Account;
use super::controller::{Controller, Places};
use super::manifests::{REGISTRY, USER, ecs, login, with};
use super::parts::parts;
use super::proxy::{Fault, PATIENCE, Rule};
use super::rows::each;
use super::world::World;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use wharfinger::api::{RegistryCredential, RegistryCredentialStatus};

fn manifest(namespace: &str, more: Value) -> Value {
    let mut manifest = json!({
        "apiVersion": "wharfinger.dev/v1alpha1", "kind": "RegistryCredential", "metadata": {"name": "pull", "namespace": namespace},
        "spec": {"bindingRef": {"name": namespace}, "region": "eu-west-1", "registry": REGISTRY, "secretRef": {"name": "regcred"}},
    });
    more.as_object().into_iter().flatten().for_each(|(field, value)| manifest["spec"][field] = value.clone());
    manifest
}

/// The usual workload, which pulls by reference.
fn by_reference(namespace: &str, name: &str, reference: Value) -> Value {
    with(ecs(namespace, name), "/spec/credentials", json!([{ "credentialRef": reference }]))
}

impl World {
    fn credentials(&self) -> Api<RegistryCredential> {
        Api::namespaced(self.kube.clone(), &self.name)
    }

    fn pull_name(&self) -> String {
        format!("wharfinger/{}/pull/credential", self.name)
    }

    /// Looks at the credential `pull` until it is as it should be.
    async fn until_credential(
        &self,
        what: &str,
        holds: impl Fn(Option<&RegistryCredential>) -> bool,
    ) -> Option<RegistryCredential> {
        let mut last = None;
        let looking = async {
            loop {
                last = self.credentials().get_opt("pull").await.expect("the credential");
                if holds(last.as_ref()) {
                    return;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let waited = timeout(PATIENCE, looking).await;
        let counts = self.proxy.counts();
        assert!(waited.is_ok(), "waited in vain for the credential to {what}; calls {counts:?}; it is {last:#?}");
        last
    }

    async fn credential_ready(&self) -> RegistryCredentialStatus {
        let found = self
            .until_credential("become Ready", |credential| {
                credential.is_some_and(|it| {
                    let status = it.status.clone().unwrap_or_default();
                    status.observed_generation == it.metadata.generation && ready(&status) == ("True".into(), "Succeeded".into())
                })
            })
            .await;
        found.and_then(|credential| credential.status).unwrap_or_default()
    }

    async fn credential_waits(&self, reason: &str) -> String {
        let found = self
            .until_credential(&format!("be not Ready: {reason}"), |credential| {
                credential.is_some_and(|it| ready(&it.status.clone().unwrap_or_default()) == ("False".into(), reason.into()))
            })
            .await;
        let status = found.and_then(|credential| credential.status).unwrap_or_default();
        status.conditions.iter().find(|it| it.type_ == "Ready").map(|it| it.message.clone()).unwrap_or_default()
    }

    async fn patch_credential(&self, patch: Value) {
        let patched = self.credentials().patch("pull", &PatchParams::default(), &Patch::Merge(&patch)).await;
        patched.unwrap_or_else(|error| panic!("patch {patch}: {error}"));
    }

    async fn described(&self) -> Value {
        self.aws.json("secretsmanager", "DescribeSecret", json!({"SecretId": self.pull_name()})).await
    }
}

/// Status and reason of `Ready`.
fn ready(status: &RegistryCredentialStatus) -> (String, String) {
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
    ready.map(|it| (it.status.clone(), it.reason.clone())).unwrap_or_default()
}

#[tokio::test]
async fn many_workloads_pull_with_one_secret_and_a_rotation_is_one_write() {
    let world = World::start("regcred").await;
    for name in ["a", "b", "c"] {
        world.apply(&by_reference(&world.name, name, json!({"name": "pull"}))).await;
        world.not_ready(name, "DependencyNotFound").await;
    }
    world.login("first").await;
    world.apply(&manifest(&world.name, json!({}))).await;
    let status = world.credential_ready().await;
    for name in ["a", "b", "c"] {
        let workload = world.ready(name).await;
        assert_eq!(workload.status.unwrap_or_default().secrets[0].arn, status.secret.as_ref().expect("a secret").arn);
    }
    world.until_credential("count its users", |it| it.and_then(|it| it.status.as_ref()).is_some_and(|it| it.users == 3)).await;
    for name in ["a", "b", "c"] {
        world.poke(name).await;
    }
    world.proxy.forget();
    world.login("second").await;
    world.proxy.until("the new value", |calls| calls.iter().any(|call| call.operation == "PutSecretValue")).await;
    world
        .until_credential("say so", |it| {
            let now = it.and_then(|it| it.status.as_ref()?.secret.as_ref()?.version_id.clone());
            now.is_some() && now != status.secret.as_ref().and_then(|secret| secret.version_id.clone())
        })
        .await;
    let holdings = world.aws.holdings().await;
    assert_eq!(holdings.secrets.len(), 1);
    assert_eq!(holdings.secrets[0].value, Some(json!({"username": USER, "password": "second"})));
    assert!(holdings.tasks.iter().all(|task| task.revision == 1), "no new revision");
    let counts = world.proxy.counts();
    assert_eq!(world.proxy.written(), ["PutSecretValue"]);
    assert!(!counts.contains_key("GetSecretValue") && !counts.contains_key("DescribeTaskDefinition"), "{counts:?}");
    world.proxy.forget();
    let asked = json!({"metadata": {"annotations": {"wharfinger.dev/requestedAt": "now"}}});
    world.patch_credential(asked).await;
    let answered = |it: Option<&RegistryCredential>| {
        it.and_then(|it| it.status.as_ref()).is_some_and(|it| it.last_handled_reconcile_at.as_deref() == Some("now"))
    };
    world.until_credential("answer", answered).await;
    assert_eq!(world.proxy.written(), [] as [&str; 0], "nothing changed, nothing written");
}

#[tokio::test]
async fn a_deletion_waits_for_its_users_and_goes_on_at_once() {
    let world = World::start("regcred-delete").await;
    world.login("first").await;
    world.apply(&manifest(&world.name, json!({}))).await;
    world.apply(&by_reference(&world.name, "api", json!({"name": "pull"}))).await;
    world.ready("api").await;
    world.credentials().delete("pull", &Default::default()).await.expect("deletion");
    let message = world.credential_waits("DeletionBlocked").await;
    assert!(message.contains(&format!("{}/api", world.name)), "{message}");
    assert!(world.described().await["DeletedDate"].is_null());
    world.delete_and_wait("api").await;
    world.until_credential("be gone", |it| it.is_none()).await;
    assert!(!world.described().await["DeletedDate"].is_null(), "scheduled for deletion, and not waited for");
    let events = world.events("pull").await.join("\n");
    assert!(events.contains("Deleted"), "{events}");
}

#[tokio::test]
async fn another_namespace_uses_it_only_where_it_may() {
    let world = World::enter("regcred-other").await.binding(|spec| spec["namespaceSelector"] = json!({})).start().await;
    let other = format!("{}-team", world.name);
    let labels = json!({"team": "allowed"});
    world.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other, "labels": labels}})).await;
    world.free_lease_in(&other).await;
    let places = Places { aws: &world.proxy.url, kubeconfig: None };
    let _second = Controller::start(&other, 1, &places, &[], &[], "info");
    world.login("first").await;
    world.apply(&manifest(&world.name, json!({}))).await;
    world.credential_ready().await;
    let mut workload = by_reference(&other, "api", json!({"name": "pull", "namespace": world.name}));
    workload["spec"]["bindingRef"] = json!({"name": world.name});
    let api = world.api_in(&other, "wharfinger.dev/v1alpha1", "PrivateImageWorkload");
    let applied = api.patch("api", &PatchParams::apply("e2e").force(), &Patch::Apply(&workload)).await;
    applied.expect("the workload of the other namespace");
    let told = async |status: &str| {
        let looking = async {
            loop {
                let found = api.get("api").await.expect("the workload").data;
                let ready =
                    found["status"]["conditions"].as_array().into_iter().flatten().find(|it| it["type"] == "Ready").cloned();
                if let Some(ready) = ready.filter(|ready| ready["status"] == status) {
                    return ready["message"].as_str().unwrap_or_default().to_owned();
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("it never becomes {status}"))
    };
    let refused = told("False").await;
    assert!(refused.contains("was not found, or does not allow"), "{refused}");
    world.patch_credential(json!({"spec": {"allowedNamespaces": {"matchLabels": {"team": "allowed"}}}})).await;
    let poked = json!({"metadata": {"annotations": {"wharfinger.dev/requestedAt": "again"}}});
    api.patch("api", &PatchParams::default(), &Patch::Merge(&poked)).await.expect("a request");
    told("True").await;
    let role =
        world.aws.holdings().await.roles.into_iter().find(|role| role.name == format!("wharfinger_{other}")).expect("its role");
    assert!(format!("{:?}", role.inline).contains(&world.pull_name()), "{:?}", role.inline);
    api.delete("api", &Default::default()).await.expect("deletion");
}

/// A secret that somebody deleted for good has another ARN when it is made anew: policy and definition follow.
#[tokio::test]
async fn a_secret_that_was_made_anew_is_pointed_to() {
    let world = World::start("regcred-anew").await;
    world.login("first").await;
    world.apply(&manifest(&world.name, json!({}))).await;
    world.apply(&by_reference(&world.name, "api", json!({"name": "pull"}))).await;
    let before = world.ready("api").await.status.unwrap_or_default().secrets[0].arn.clone();
    let forced = json!({"SecretId": world.pull_name(), "ForceDeleteWithoutRecovery": true});
    world.aws.json("secretsmanager", "DeleteSecret", forced).await;
    world.patch_credential(json!({"metadata": {"annotations": {"wharfinger.dev/requestedAt": "again"}}})).await;
    let pulls_with_another = |status: &wharfinger::api::PrivateImageWorkloadStatus| {
        let current = status.secrets.iter().find(|secret| !secret.former);
        current.is_some_and(|secret| secret.arn != before) && super::waits::ready(status).is_some_and(|it| it.status == "True")
    };
    let workload = world.until("api", "pull with the new secret", pulls_with_another).await;
    let status = workload.status.unwrap_or_default();
    let arn = status.secrets.iter().find(|secret| !secret.former).map(|secret| secret.arn.clone()).unwrap_or_default();
    let holdings = world.aws.holdings().await;
    let newest = holdings.tasks.last().expect("a definition");
    assert_eq!((newest.revision, &newest.containers()[0]["repositoryCredentials"]["credentialsParameter"]), (2, &json!(arn)));
    assert!(format!("{:?}", holdings.roles[0].inline).contains(&arn), "{:?}", holdings.roles[0].inline);
}

#[tokio::test]
async fn what_others_made_is_taken_over_with_an_audit_event() {
    let world = World::enter("regcred-adopt").await.binding(|spec| spec["limits"]["adoption"] = json!("Adopt")).start().await;
    let theirs = json!({"Name": world.pull_name(), "SecretString": "theirs", "Tags": [{"Key": "team", "Value": "another"}],
        "ClientRequestToken": "t".repeat(32)});
    world.aws.json("secretsmanager", "CreateSecret", theirs).await;
    world.login("first").await;
    world.apply(&manifest(&world.name, json!({}))).await;
    let message = world.credential_waits("OwnershipConflict").await;
    assert!(message.contains("none of Wharfinger's tags") && message.contains("adoptionPolicy"), "{message}");
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    world.apply(&manifest(&world.name, json!({"adoptionPolicy": "Adopt"}))).await;
    world.credential_ready().await;
    let secret = world.aws.holdings().await.secrets.remove(0);
    assert_eq!(secret.value, Some(json!({"username": USER, "password": "first"})));
    assert_eq!(secret.tags.get("team").map(String::as_str), Some("another"), "its own tags stay");
    let adopted = async {
        loop {
            let events = world.events("pull").await;
            if let Some(event) = events.into_iter().find(|event| event.contains("Adopted")) {
                return event;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    let event = timeout(PATIENCE, adopted).await.expect("an event");
    assert!(event.contains(r#"{"team":"another"}"#), "{event}");
}

/// A secret of another account. moto keeps accounts apart, so AWS's answers to whoever may not describe it are put in its place.
#[tokio::test]
async fn a_secret_of_another_account_is_used_as_it_is_written() {
    let world = World::start("regcred-cross").await;
    let owner = Account::enter(&parts().moto, "210987654321").await;
    let name = format!("shared/{}", world.name);
    let made = owner
        .json("secretsmanager", "CreateSecret", json!({"Name": name, "SecretString": "{}", "ClientRequestToken": "t".repeat(32)}))
        .await;
    let arn = made["ARN"].as_str().expect("an ARN").to_owned();
    let with_arn = |arn: &str| {
        let mut credential = manifest(&world.name, json!({"secretArn": arn}));
        credential["spec"].as_object_mut().expect("a spec").shift_remove("secretRef");
        credential
    };
    world.apply(&with_arn(&arn)).await;
    let message = world.credential_waits("NotAllowed").await;
    assert!(message.contains("limits.secretArns"), "{message}");
    world
        .patch_binding(json!({"spec": {"limits": {"secretArns": ["arn:aws:secretsmanager:*:210987654321:secret:shared/*"]}}}))
        .await;
    let denied = "User is not authorized to perform: secretsmanager:DescribeSecret because no resource-based policy allows it";
    world.proxy.inject(Rule::on("DescribeSecret", Fault::Refuse("AccessDeniedException", denied.into())));
    world.patch_credential(json!({"metadata": {"annotations": {"wharfinger.dev/requestedAt": "again"}}})).await;
    let status = world.credential_ready().await;
    assert_eq!(status.secret.expect("a secret").arn, arn);
    assert!(status.warnings.join("\n").contains("used as it is written"), "{:?}", status.warnings);
    world.apply(&by_reference(&world.name, "api", json!({"name": "pull"}))).await;
    world.ready("api").await;
    let holdings = world.aws.holdings().await;
    assert!(format!("{:?}", holdings.roles[0].inline).contains(&arn), "the role may read it");
    assert_eq!(holdings.tasks[0].containers()[0]["repositoryCredentials"]["credentialsParameter"], json!(arn));
    world.delete_and_wait("api").await;
    world.credentials().delete("pull", &Default::default()).await.expect("deletion");
    world.until_credential("be gone", |it| it.is_none()).await;
    let left = owner.json("secretsmanager", "DescribeSecret", json!({"SecretId": arn})).await;
    assert!(left["DeletedDate"].is_null(), "nothing of another account is touched");
}

/// AWS takes one value in ten minutes for a secret, so of many changes some wait, and the newest wins.
#[tokio::test]
async fn a_storm_of_changes_is_gathered() {
    let world = World::start("regcred-storm").await;
    world.login("first").await;
    world.apply(&manifest(&world.name, json!({}))).await;
    world.credential_ready().await;
    for number in 0..12 {
        world.apply(&login(&world.name, &format!("password-{number}"))).await;
        world.patch_credential(json!({"metadata": {"annotations": {"wharfinger.dev/requestedAt": format!("{number}")}}})).await;
        let answered = |it: Option<&RegistryCredential>| {
            it.and_then(|it| it.status.as_ref()).is_some_and(|it| it.last_handled_reconcile_at == Some(format!("{number}")))
        };
        world.until_credential("answer", answered).await;
    }
    let told = |it: &RegistryCredential| {
        let ready = it.status.clone().unwrap_or_default().conditions.into_iter().find(|it| it.type_ == "Ready")?;
        (ready.reason == "Progressing" && ready.message.contains("is written at")).then_some(ready.message)
    };
    let held = world.until_credential("be held back", |it| it.is_some_and(|it| told(it).is_some())).await;
    world.patch_credential(json!({"metadata": {"annotations": {"wharfinger.dev/requestedAt": "again"}}})).await;
    let answered = |it: &RegistryCredential| it.status.as_ref().unwrap().last_handled_reconcile_at == Some("again".into());
    let again = world.until_credential("answer again", |it| it.is_some_and(answered)).await;
    assert_eq!(held.as_ref().and_then(told), again.as_ref().and_then(told), "a time, so that the same is said until then");
    let written = world.proxy.written().iter().filter(|operation| *operation == "PutSecretValue").count();
    assert_eq!(written, 5, "a few at once, then they wait");
}
