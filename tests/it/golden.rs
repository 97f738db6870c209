//! Every example in every world: what would be written and why, call by call, and the status afterwards, as files that are read
//! in review. An example that has no files, and a file that has no example, is an error.

use crate::core::story::Story;
use crate::core::world::{Role, failure, make_current};
use crate::golden_networks;
use crate::kept::{first_difference, root};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wharfinger::api::{AccountBinding, ManagementPolicy, PrivateImageWorkload, PullNetwork, RegistryCredential, RolledService};
use wharfinger::failure::FailureKind;
use wharfinger::inputs::{Bindings, Inputs, Namespace, Source};
use wharfinger::observed::ObservedParameter;
use wharfinger::resource::login;
use wharfinger::resource::role::ObservedRole;
use wharfinger::resource::secret::ObservedSecret;
use wharfinger::resource::service::{Deployment, ObservedService};

const REFRESH: &str = "if the change is meant, refresh them and read the diff: UPDATE_GOLDEN=1 cargo test --test it golden";

/// The YAML documents of a file, or of the files of a folder.
fn documents(path: &Path) -> Vec<Value> {
    if path.is_dir() {
        return files(path).iter().flat_map(|file| documents(file)).collect();
    }
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.is_file() && path.extension().is_some_and(|extension| extension == "yaml"));
    found.sort();
    found
}

fn of_kind<T: serde::de::DeserializeOwned>(documents: &[Value], kind: &str) -> Vec<T> {
    let of_kind = documents.iter().filter(|document| document["kind"] == kind);
    of_kind.map(|document| serde_json::from_value(document.clone()).unwrap_or_else(|error| panic!("{kind}: {error}"))).collect()
}

/// The platform's objects, and the Secret that examples share.
fn shared() -> Vec<Value> {
    let shared = documents(&root().join("examples/00-platform")).into_iter();
    shared.chain(documents(&root().join("examples/registry-secret.yaml"))).collect()
}

/// Name and documents of each example.
fn parts() -> Vec<(String, Vec<Value>)> {
    let all = files(&root().join("examples")).into_iter().chain(files(&root().join("examples-needing-setup")));
    all.map(|file| (file.file_stem().unwrap().to_str().unwrap().to_owned(), documents(&file))).collect()
}

/// Name and network of each example of one.
fn networks() -> Vec<(String, PullNetwork)> {
    let named = |(name, own): (String, Vec<Value>)| of_kind(&own, "PullNetwork").into_iter().map(move |it| (name.clone(), it));
    parts().into_iter().flat_map(named).collect()
}

/// Name and inputs of each workload of the examples: with the platform's objects, and the Secrets of the file and the shared one.
pub(crate) fn examples() -> Vec<(String, Inputs)> {
    let shared = shared();
    let mut found = vec![];
    for (name, own) in parts() {
        let all: Vec<Value> = shared.iter().chain(&own).cloned().collect();
        for workload in of_kind::<PrivateImageWorkload>(&own, "PrivateImageWorkload") {
            found.push((name.clone(), inputs(&all, workload)));
        }
    }
    let names: BTreeSet<&String> = found.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), found.len(), "one workload a file");
    found
}

fn inputs(documents: &[Value], mut workload: PrivateImageWorkload) -> Inputs {
    workload.metadata.generation = Some(1);
    let namespace = documents.iter().find(|document| document["kind"] == "Namespace").unwrap();
    let usual = crate::core::fixtures::inputs("{}");
    let bindings: Vec<AccountBinding> = of_kind(documents, "AccountBinding");
    let network = workload.spec.pull_network_ref.as_ref().map(|named| {
        let of_name = |(_, network): &(String, PullNetwork)| network.metadata.name.as_ref() == Some(&named.name);
        let (_, network) =
            networks().into_iter().find(of_name).unwrap_or_else(|| panic!("no example of PullNetwork {}", named.name));
        golden_networks::converged(&network, &bindings)
    });
    Inputs {
        network,
        namespace: Namespace {
            name: namespace["metadata"]["name"].as_str().unwrap().to_owned(),
            uid: "8d7d5a3e-0000-4000-8000-000000000000".into(),
            labels: serde_json::from_value(namespace["metadata"]["labels"].clone()).unwrap(),
        },
        bindings: Bindings::Objects(bindings),
        credentials: of_kind::<RegistryCredential>(documents, "RegistryCredential").into_iter().map(synced).collect(),
        sources: documents.iter().filter(|document| document["kind"] == "Secret").map(source).collect(),
        workload,
        ..usual
    }
}

/// A credential as its own passes leave it.
fn synced(mut credential: RegistryCredential) -> RegistryCredential {
    let (namespace, name) = (credential.metadata.namespace.clone().unwrap(), credential.metadata.name.clone().unwrap());
    let name = format!("wharfinger/{namespace}/{name}/credential");
    let arn = format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{name}-AbCdEf");
    let target = json!({"binding": "prod", "accountId": "111122223333", "region": "eu-west-1"});
    let secret = json!({"name": name, "arn": arn, "versionId": "11111111-1111-4111-8111-111111111111"});
    credential.status = Some(serde_json::from_value(json!({"target": target, "secret": secret})).unwrap());
    credential
}

fn source(secret: &Value) -> (String, Source) {
    let data: BTreeMap<String, String> = serde_json::from_value(secret["stringData"].clone()).unwrap();
    let data = data.into_iter().map(|(key, value)| (key, value.into_bytes())).collect();
    let logins = login::parse(secret["type"].as_str().unwrap(), &data);
    (secret["metadata"]["name"].as_str().unwrap().to_owned(), Source::Found(logins))
}

/// A story in a world that holds what `examples-needing-setup/` says must be there.
fn story(inputs: &Inputs) -> Story {
    let mut story = Story::new(inputs.clone());
    let secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared/ghcr-AbCdEf";
    let shared = ObservedSecret { arn: secret.into(), ..ObservedSecret::default() };
    story.world.secrets.insert("shared/ghcr".into(), shared);
    let read = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared/orders-db-AbCdEf";
    story.world.secrets.insert("shared/orders-db".into(), ObservedSecret { arn: read.into(), ..ObservedSecret::default() });
    let kms_key = Some("arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".into());
    let parameter = "arn:aws:ssm:eu-west-1:111122223333:parameter/payments/orders/token";
    story.world.parameters.insert(parameter.into(), ObservedParameter { kms_key });
    let arn = "arn:aws:iam::111122223333:role/ecsTaskExecutionRole".to_owned();
    let statement = json!({"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"});
    let trust = json!({"Version": "2012-10-17", "Statement": [statement]});
    let seen = ObservedRole { arn, trust, tags: BTreeMap::new(), ..Default::default() };
    let role = Role { seen, inline: BTreeMap::new(), attached: BTreeSet::new() };
    story.world.roles.insert("ecsTaskExecutionRole".into(), role);
    let revision = "arn:aws:ecs:eu-west-1:111122223333:task-definition/payments_shop:1".to_owned();
    let deployment = Deployment {
        task_definition: revision.clone(),
        rollout_state: Some("COMPLETED".into()),
        desired: 2,
        running: 2,
        ..Deployment::default()
    };
    let service = ObservedService {
        task_definition: revision,
        controller: "ECS".into(),
        deployments: vec![deployment],
        ..ObservedService::default()
    };
    story.world.services.insert(RolledService { cluster: "prod".into(), service: "shop".into() }, service);
    story
}

/// The story when all is made, whatever the example's managementPolicy.
fn converged(inputs: &Inputs) -> Story {
    let mut story = story(inputs);
    story.inputs.workload.spec.management_policy = ManagementPolicy::Full;
    story.settle();
    story.inputs.workload.spec = inputs.workload.spec.clone();
    story
}

/// Each of ours is changed behind our back in every way that is found and repaired.
fn drifted(inputs: &Inputs) -> Story {
    let mut story = converged(inputs);
    for (_, secret) in story.world.secrets.iter_mut().filter(|(name, _)| name.starts_with("wharfinger/")) {
        make_current(secret, "11111111-1111-4111-8111-111111111111");
        make_current(secret, "22222222-2222-4222-8222-222222222222");
        secret.tags.remove("wharfinger.dev/owner");
    }
    for (name, role) in &mut story.world.roles {
        role.inline.clear();
        role.attached.clear();
        if name.starts_with("wharfinger_") {
            role.seen.trust = json!({"Version": "2012-10-17", "Statement": []});
        }
    }
    story.world.definitions.clear();
    story
}

/// All the names are taken by things with nobody's tags, and we know of none.
fn foreign(inputs: &Inputs) -> Story {
    let mut story = converged(inputs);
    story.inputs.workload.status = None;
    story.world.secrets.values_mut().for_each(|secret| secret.tags.clear());
    story.world.roles.values_mut().for_each(|role| role.seen.tags.clear());
    story.world.definitions.values_mut().flatten().for_each(|definition| definition.tags.clear());
    story
}

/// All is made, and now AWS shows us nothing of it.
fn denied(inputs: &Inputs) -> Story {
    let mut story = converged(inputs);
    story.world.blind = Some(failure(FailureKind::Denied));
    story
}

type World = fn(&Inputs) -> Story;
const WORLDS: [(&str, World); 5] =
    [("empty", story), ("converged", converged), ("drifted", drifted), ("foreign", foreign), ("denied", denied)];

/// Name and content of each golden file.
fn golden() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, inputs) in examples() {
        for (world, make) in WORLDS {
            let mut story = make(&inputs);
            let plan = story.plan();
            let calls = serde_saphyr::to_string(&plan.steps).unwrap();
            found.insert(format!("{name}.{world}.plan.txt"), format!("{plan}\n\n# the calls\n{calls}"));
            story.pass();
            found.insert(format!("{name}.{world}.status.yaml"), serde_saphyr::to_string(story.status()).unwrap());
        }
    }
    let bindings: Vec<AccountBinding> = of_kind(&shared(), "AccountBinding");
    let networks = networks();
    let names: BTreeSet<&String> = networks.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), networks.len(), "one network a file");
    found.extend(networks.iter().flat_map(|(name, network)| golden_networks::golden(name, network, &bindings)));
    found
}

#[test]
fn plans_and_statuses_of_the_examples() {
    let folder = root().join("tests/it/golden");
    let golden = golden();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).unwrap();
        golden.iter().for_each(|(name, text)| std::fs::write(folder.join(name), text).unwrap());
    }
    let there = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let stale: Vec<String> = there.filter(|name| !golden.contains_key(name)).collect();
    let changed = golden.iter().filter_map(|(name, text)| {
        let before = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        (before != *text).then(|| format!("tests/it/golden/{name}: {}", first_difference(&before, text)))
    });
    let changed: Vec<String> = changed.collect();
    assert!(stale.is_empty(), "no example has these files: {stale:?}; {REFRESH}");
    assert!(changed.is_empty(), "{}\n{REFRESH}", changed.join("\n"));
}

#[test]
fn values_of_secrets_are_sealed() {
    let passwords = ["not-a-real-password", "not-a-real-token"];
    let golden = golden();
    for (name, text) in &golden {
        assert!(passwords.iter().all(|password| !text.contains(password)), "{name}");
    }
    assert!(golden["ecs-fargate.empty.plan.txt"].contains("value: \"[sealed]\""), "{}", golden["ecs-fargate.empty.plan.txt"]);
}

/// The examples are one namespace's: applied together they share what can be shared.
#[test]
fn all_examples_together_settle() {
    let all = examples();
    let mut world = None;
    let mut settled: BTreeMap<String, PrivateImageWorkload> = BTreeMap::new();
    for round in 0..3 {
        let mut writes = 0;
        for (name, inputs) in &all {
            let mut story = story(inputs);
            story.world = world.take().unwrap_or(story.world);
            story.inputs.workload.status = settled.get(name).and_then(|before| before.status.clone());
            story.inputs.siblings = settled.values().cloned().map(Arc::new).collect();
            story.inputs.workload.spec.management_policy = ManagementPolicy::Full;
            writes += story.settle();
            settled.insert(name.clone(), story.inputs.workload.clone());
            world = Some(story.world);
        }
        assert_eq!(writes > 0, round == 0, "round {round}: {writes} writes");
    }
}
