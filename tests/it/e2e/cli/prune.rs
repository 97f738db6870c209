//! `--prune`: what has left the files is found by its tags and removed; what is another's, retained or in use stays.

mod places;
mod registered;
mod stays;

use super::{folder, namespace, yaml};
use crate::e2e::account::Account;
use crate::e2e::converge::granted;
use crate::e2e::holdings::Holdings;
use crate::e2e::manifests::{REGISTRY, batch, ecs, login, with};
use crate::e2e::proxy::{Fault, Rule};
use crate::e2e::world::{World, binding};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Flags of every run here.
const PRUNE: [&str; 3] = ["--prune", "--owner", "pipeline"];

impl World {
    /// The objects with what they need beside them.
    fn deploy(&self, objects: &[Value]) -> PathBuf {
        let other = with(login(&self.name, "second"), "/metadata/name", json!("other"));
        let beside = [namespace(self), binding(&self.name, &self.aws.id), login(&self.name, "first"), other];
        folder(&[("all.yaml", yaml(&[&beside, objects].concat()))])
    }

    /// Applies with `--prune`; must succeed.
    async fn prune(&self, files: &Path) -> String {
        let (code, text, errors) = self.cli("apply", files, &PRUNE).await;
        assert_eq!(code, 0, "{text}{errors}");
        text
    }

    /// Plans with `--prune`; nothing is written.
    async fn planned(&self, files: &Path) -> (i32, String) {
        self.proxy.forget();
        let (code, text, errors) = self.cli("plan", files, &PRUNE).await;
        assert_eq!(self.proxy.written(), [] as [&str; 0]);
        (code, format!("{text}{errors}"))
    }

    /// A workload that pulls with the Secret `other`.
    fn with_other(&self, manifest: Value) -> Value {
        with(manifest, "/spec/credentials/0/secretRef/name", json!("other"))
    }
}

fn credential(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "wharfinger.dev/v1alpha1", "kind": "RegistryCredential", "metadata": {"name": name, "namespace": namespace},
        "spec": {"bindingRef": {"name": namespace}, "region": "eu-west-1", "registry": REGISTRY, "secretRef": {"name": "regcred"}},
    })
}

/// Names of active definitions, and of secrets that are not going.
fn names(holdings: &Holdings) -> (Vec<&str>, Vec<&str>) {
    let secrets = holdings.secrets.iter().filter(|secret| !secret.deleted).map(|secret| secret.name.as_str());
    (holdings.definitions().map(|definition| definition.name.as_str()).collect(), secrets.collect())
}

#[tokio::test]
async fn what_left_the_files_is_shown_then_removed_and_then_nothing_is_left() {
    let world = World::enter("prune").await.still().await;
    let api = ecs(&world.name, "api");
    let (web, job) =
        (world.with_other(ecs(&world.name, "web")), world.with_other(batch(&world.name, "job", "containerProperties")));
    // A family of its own.
    let web = with(web, "/spec/ecs/family", json!(format!("{}_storefront", world.name)));
    let pull = credential(&world.name, "pull");
    let all = world.deploy(&[api.clone(), web, job, pull]);
    world.prune(&all).await;
    let (code, text) = world.planned(&all).await;
    assert!(code == 0 && !text.contains("no longer in the files"), "{text}");
    let made = world.aws.holdings().await;
    assert_eq!((made.secrets.len(), made.roles.len(), made.tasks.len(), made.jobs.len()), (3, 1, 2, 1), "{made:#?}");

    let left = world.deploy(&[api]);
    let (code, text, _) = world.cli("plan", &left, &["--owner", "pipeline"]).await;
    assert!(code == 0 && !text.contains("no longer in the files"), "not without --prune: {text}");
    let (code, text) = world.planned(&left).await;
    assert_eq!(code, 2, "{text}");
    let ns = &world.name;
    for part in [
        format!("PrivateImageWorkload {ns}/web (account {}, eu-west-1), no longer in the files", world.aws.id),
        format!("- deregister definition {ns}_storefront"),
        format!("- deregister definition {ns}_job"),
        format!("- delete secret wharfinger/{ns}/other/{REGISTRY}/pull"),
        format!("RegistryCredential {ns}/pull (account"),
        format!("- delete secret wharfinger/{ns}/pull/credential"),
        format!("~ set policy of role wharfinger_{ns}"),
    ] {
        assert_eq!(text.matches(&part).count(), 1, "{part}: {text}");
    }
    let (_, text, _) = world.cli("plan", &left, &[&PRUNE[..], &["-o", "json"]].concat()).await;
    let told: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let pruned = told.iter().filter(|line| line["pruned"] == true && line["converged"] == false);
    let pruned: Vec<&Value> =
        pruned.map(|line| if line["workload"].is_null() { &line["registryCredential"] } else { &line["workload"] }).collect();
    assert_eq!(pruned, [&json!(format!("{ns}/job")), &json!(format!("{ns}/web")), &json!(format!("{ns}/pull"))], "{text}");

    let text = world.prune(&left).await;
    let holdings = world.aws.holdings().await;
    let regcred = world.secret_name("regcred");
    assert_eq!(names(&holdings), (vec![world.definition_name("api").as_str()], vec![regcred.as_str()]), "{text}");
    let kept = holdings.secrets.iter().find(|secret| secret.name == regcred).expect("the secret");
    let policies: Vec<_> = holdings.roles[0].inline.values().flat_map(granted).collect();
    assert_eq!(policies, [("secretsmanager:GetSecretValue".to_owned(), kept.arn.clone())]);

    let (code, text) = world.planned(&left).await;
    assert!(code == 0 && !text.contains("no longer in the files"), "{text}");
    world.proxy.forget();
    let text = world.prune(&left).await;
    assert!(world.proxy.written().is_empty() && text.contains("Applied: 0 changes."), "{text}");
}

/// Tags decide, not names: what another owner, a cluster or nobody tagged stays.
#[tokio::test]
async fn what_is_of_others_stays() {
    let world = World::enter("prune-others").await.still().await;
    let files = world.deploy(&[ecs(&world.name, "api")]);
    world.prune(&files).await;
    let namespace = world.name.as_str();
    let tags = |cluster: &str, uid: &str, owner: String| {
        let keys = ["cluster", "namespace-uid", "namespace", "owner"].map(|key| format!("wharfinger.dev/{key}"));
        let pairs = keys.into_iter().zip([cluster, uid, namespace, &owner].map(|value| json!(value)));
        Value::Object(pairs.filter(|(_, value)| value != "").collect())
    };
    let secret_of = |name: &str| format!("wharfinger/{namespace}/{name}/credential");
    let rows = |kind: &str| {
        [
            ("untagged", tags("", "", String::new())),
            ("of-another-pipeline", tags("pipeline-2", namespace, format!("{kind}/of-another-pipeline"))),
            ("of-a-cluster", tags("pipeline", "7a0e1c52", format!("{kind}/of-a-cluster"))),
            ("of-no-object", tags("pipeline", namespace, "Deployment/of-no-object".to_owned())),
            ("in-part", tags("pipeline", "", format!("{kind}/in-part"))),
        ]
    };
    for (name, tags) in rows("PrivateImageWorkload") {
        make(&world.aws, namespace, name, &tags).await;
    }
    for (name, tags) in rows("RegistryCredential") {
        secret(&world.aws, &secret_of(name), &tags).await;
    }
    // Of this owner, and not below the prefix that the binding gives it.
    let ours = |kind: &str| tags("pipeline", namespace, format!("{kind}/gone"));
    secret(&world.aws, "elsewhere/credential", &ours("RegistryCredential")).await;
    let before = world.aws.holdings().await;
    let (code, text) = world.planned(&files).await;
    assert_eq!(code, 0, "{text}");
    world.prune(&files).await;
    assert_eq!(world.aws.holdings().await, before);

    // The same with the tags of this owner goes.
    make(&world.aws, namespace, "gone", &ours("PrivateImageWorkload")).await;
    secret(&world.aws, &secret_of("gone"), &ours("RegistryCredential")).await;
    assert_eq!(world.planned(&files).await.0, 2);
    world.prune(&files).await;
    let after = world.aws.holdings().await;
    assert_eq!(names(&after), names(&before));
}

/// A task and a job definition of a name, as others may register them.
async fn make(account: &Account, namespace: &str, name: &str, tags: &Value) {
    let list: Vec<Value> =
        tags.as_object().expect("tags").iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let (family, container) = (format!("{namespace}_{name}"), json!({"name": "a", "image": "busybox", "memory": 128}));
    let task = json!({"family": family, "containerDefinitions": [container]});
    let task = if list.is_empty() { task } else { with(task, "/tags", json!(list)) };
    account.json("ecs", "RegisterTaskDefinition", task).await;
    let job = json!({"jobDefinitionName": family, "type": "container", "tags": tags,
        "containerProperties": {"image": "busybox", "vcpus": 1, "memory": 128}});
    account.json("batch", "RegisterJobDefinition", job).await;
}

async fn secret(account: &Account, name: &str, tags: &Value) {
    let list: Vec<Value> =
        tags.as_object().expect("tags").iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    account.json("secretsmanager", "CreateSecret", json!({"Name": name, "SecretString": "{}", "Tags": list})).await;
}

/// A namespace that has left the files is removed with its role and secrets, in whichever Region of the binding it was, and although
/// nobody knows its labels any more.
#[tokio::test]
async fn a_namespace_that_left_the_files_goes_wholly() {
    let world = World::enter("prune-namespace").await.still().await;
    let second = format!("{}-two", world.name);
    let labelled = with(namespace(&world), "/metadata/name", json!(second));
    let there =
        |manifest: Value| with(with(manifest, "/spec/bindingRef/name", json!(world.name)), "/spec/region", json!("us-east-1"));
    let more = [labelled, login(&second, "third"), there(ecs(&second, "api")), there(credential(&second, "pull"))];
    let api = ecs(&world.name, "api");
    world.prune(&world.deploy(&[std::slice::from_ref(&api), &more[..]].concat())).await;
    let far = world.aws.in_region("us-east-1");
    assert_eq!((far.holdings().await.secrets.len(), far.holdings().await.roles.len()), (2, 2));

    let files = world.deploy(&[api]);
    let (code, text) = world.planned(&files).await;
    assert!(code == 2 && text.contains(&format!("- delete role wharfinger_{second}")), "{text}");
    world.prune(&files).await;
    let gone = far.holdings().await;
    let roles: Vec<&str> = gone.roles.iter().map(|role| role.name.as_str()).collect();
    assert_eq!((names(&gone), roles), ((vec![], vec![]), vec![world.role_name().as_str()]));
    assert_eq!(names(&world.aws.holdings().await).0, [world.definition_name("api")]);
    assert_eq!(world.planned(&files).await.0, 0);
}

/// A removal that was cut off after the definition was gone is finished by the next.
#[tokio::test]
async fn what_is_left_of_a_removal_is_found_again() {
    let world = World::enter("prune-again").await.still().await;
    let api = ecs(&world.name, "api");
    world.prune(&world.deploy(&[api.clone(), world.with_other(ecs(&world.name, "web"))])).await;
    let files = world.deploy(&[api]);
    world.proxy.inject(Rule::on("DeleteSecret", Fault::Denied));
    let (code, text, _) = world.cli("apply", &files, &PRUNE).await;
    assert!(code == 1 && text.contains("DeleteSecret"), "{text}");
    world.proxy.heal();
    let (code, text) = world.planned(&files).await;
    assert!(code == 2 && text.contains(&format!("Namespace {} (account", world.name)), "{text}");
    world.prune(&files).await;
    let holdings = world.aws.holdings().await;
    assert_eq!(names(&holdings).1, [world.secret_name("regcred")]);
    assert_eq!(world.planned(&files).await.0, 0);
}
