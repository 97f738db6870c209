//! Objects in every state, as the API server would show them: their statuses are made by the program's own code.

use crate::core::fixtures::{API, inputs};
use crate::core::registry_credential::{QUAY, Scene};
use crate::core::story::Story;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::core::ObjectMeta;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use wharfinger::api::{AccountBinding, PrivateImageWorkload, PullNetwork, RegistryCredential, definitions};
use wharfinger::failure::FailureKind;
use wharfinger::pass::{Facts, Pass, Round};
use wharfinger::plan::Plan;
use wharfinger::problem::Problem;
use wharfinger::status::{
    Installation, Reason, Share, binding_status, blocked_credential, blocked_network, held_up, summarise, summarise_credential,
    summarise_network,
};
use wharfinger::target::of_binding;

/// What has become of an object since its status was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No pass was made yet.
    Unseen,
    /// The status is of the present generation.
    Seen,
    /// The spec was changed since.
    Stale,
    /// Somebody deletes it.
    Deleting,
}

/// An object, and what is true of it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    /// As `Ready` gives it; none where there is no `Ready` yet.
    pub(crate) reason: Option<Reason>,
    pub(crate) object: Value,
}

impl State {
    fn new(phase: Phase, object: Value) -> Self {
        Self { phase, reason: reason(&object), object }
    }

    /// The message of `Ready`.
    pub(crate) fn message(&self) -> &str {
        ready(&self.object)["message"].as_str().unwrap_or_default()
    }
}

fn ready(object: &Value) -> &Value {
    let conditions = object["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    conditions.iter().find(|condition| condition["type"] == "Ready").unwrap_or(&Value::Null)
}

fn reason(object: &Value) -> Option<Reason> {
    let word = ready(object)["reason"].as_str()?;
    Some(*Reason::ALL.iter().find(|reason| reason.to_string() == word).unwrap_or_else(|| panic!("{word} is no reason")))
}

fn now() -> Timestamp {
    "2026-01-02T00:00:00Z".parse().unwrap()
}

/// Every object in every phase.
pub(crate) fn all() -> Vec<State> {
    let seen = [handled_workloads(), handled_credentials(), handled_networks(), handled_bindings(), recorded()].concat();
    let stale = seen.iter().map(|object| {
        let mut object = object.clone();
        object["metadata"]["generation"] = json!(object["metadata"]["generation"].as_i64().unwrap() + 1);
        State::new(Phase::Stale, object)
    });
    let unseen = definitions().into_iter().map(|crd| {
        let schema = crd.spec.versions[0].schema.clone().unwrap().open_api_v3_schema.unwrap();
        let status = schema.properties.unwrap()["status"].default.clone().unwrap().0;
        let object = json!({
            "apiVersion": "wharfinger.dev/v1alpha1", "kind": crd.spec.names.kind, "status": status,
            "metadata": {"name": "new", "namespace": "payments", "generation": 1},
        });
        State::new(Phase::Unseen, object)
    });
    let deleting = deleted(&seen).into_iter().chain(blocked()).map(|object| State::new(Phase::Deleting, object));
    let others: Vec<State> = stale.chain(unseen).chain(deleting).collect();
    seen.into_iter().map(|object| State::new(Phase::Seen, object)).chain(others).collect()
}

fn deleted(seen: &[Value]) -> Vec<Value> {
    let deleted = seen.iter().cloned().map(|mut object| {
        object["metadata"]["deletionTimestamp"] = json!("2026-01-03T00:00:00Z");
        object
    });
    deleted.collect()
}

/// Whatever a pass may come to that is refused.
fn refusals() -> impl Iterator<Item = Pass> {
    let others = Reason::ALL.into_iter().filter(|reason| !matches!(reason, Reason::Succeeded | Reason::Suspended));
    others
        .map(|reason| Pass::Refused(vec![Problem::of(reason, "spec.field", "value", "rule", "remedy")]))
        .chain([Pass::Suspended])
}

const FAILURES: [FailureKind; 6] = [
    FailureKind::Denied,
    FailureKind::Throttled,
    FailureKind::QuotaExceeded,
    FailureKind::Invalid,
    FailureKind::Transient,
    FailureKind::Conflict,
];

fn handled_workloads() -> Vec<Value> {
    let settled = Story::settled(inputs(API));
    let refused = refusals().map(|pass| {
        let status = summarise(&settled.inputs.workload, &pass, now());
        PrivateImageWorkload { status: Some(status), ..settled.inputs.workload.clone() }
    });
    let failed = FAILURES.map(|kind| {
        let mut story = Story::new(inputs(API));
        story.world.fault = Some((0, kind, false));
        story.pass();
        story.inputs.workload
    });
    let mut observed = Story::new(inputs(&format!("managementPolicy: Observe\n{API}")));
    observed.pass();
    let all = refused.chain(failed).chain([observed.inputs.workload, settled.inputs.workload.clone()]);
    all.map(|workload| serde_json::to_value(workload).unwrap()).collect()
}

fn handled_credentials() -> Vec<Value> {
    let settled = Scene::settled(QUAY).inputs.credential;
    let refused = refusals().map(|pass| {
        let status = summarise_credential(&settled, &pass, &[], now());
        RegistryCredential { status: Some(status), ..settled.clone() }
    });
    refused.chain([settled.clone()]).map(|credential| serde_json::to_value(credential).unwrap()).collect()
}

fn network() -> PullNetwork {
    let spec = json!({
        "bindingRef": {"name": "prod"}, "vpcId": "vpc-0123456789abcdef0", "subnetIds": ["subnet-0123456789abcdef0"],
        "tasks": {"fargate": {}},
    });
    let mut network = PullNetwork::new("prod-apps", serde_json::from_value(spec).unwrap());
    network.metadata.generation = Some(1);
    network
}

fn handled_networks() -> Vec<Value> {
    let settled = Pass::Done(Box::new(Round {
        target: of_binding(&crate::core::fixtures::binding("prod", "{}"), "eu-west-1".into(), "").unwrap(),
        plan: Plan::default(),
        outcomes: Some(vec![]),
        warnings: vec![],
        facts: Facts::default(),
    }));
    let passes = refusals().chain([settled]);
    let told = passes.map(|pass| {
        let status = summarise_network(&network(), &pass, &[], now());
        PullNetwork { status: Some(status), ..network() }
    });
    told.map(|network| serde_json::to_value(network).unwrap()).collect()
}

fn binding(deleting: bool) -> AccountBinding {
    let mut binding = crate::core::fixtures::binding("prod", "{}");
    let deletion_timestamp = deleting.then(|| Time(now()));
    binding.metadata = ObjectMeta { generation: Some(1), deletion_timestamp, ..binding.metadata };
    let installation = Installation { name: "wharfinger-system/wharfinger".into(), namespaces: None };
    let users = Share::Users(vec!["payments/api".into()]);
    binding.status = Some(binding_status(&binding, &installation, &users, now()));
    binding
}

fn handled_bindings() -> Vec<Value> {
    vec![serde_json::to_value(binding(false)).unwrap()]
}

/// The statuses that each example comes to in each world.
fn recorded() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_str().unwrap().ends_with(".status.yaml"));
    paths.sort();
    let objects = paths.iter().map(|path| {
        let status: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let metadata = json!({"name": path.file_stem().unwrap().to_str(), "namespace": "payments", "generation": 1});
        let kind = if status["vpcId"].is_string() { "PullNetwork" } else { "PrivateImageWorkload" };
        json!({"apiVersion": "wharfinger.dev/v1alpha1", "kind": kind, "metadata": metadata, "status": status})
    });
    objects.collect()
}

/// Deletions that wait, and say why.
fn blocked() -> Vec<Value> {
    let doomed = |metadata: &mut ObjectMeta| metadata.deletion_timestamp = Some(Time(now()));
    let mut workload = Story::settled(inputs(API)).inputs.workload;
    doomed(&mut workload.metadata);
    let mut found: Vec<Value> = Reason::ALL
        .into_iter()
        .map(|reason| {
            let status = held_up(&workload, reason, "deletion waits", now());
            serde_json::to_value(PrivateImageWorkload { status: Some(status), ..workload.clone() }).unwrap()
        })
        .collect();
    let mut credential = Scene::settled(QUAY).inputs.credential;
    doomed(&mut credential.metadata);
    let (_, status) = blocked_credential(&credential, &["payments/api".into()], None, now()).unwrap();
    found.push(serde_json::to_value(RegistryCredential { status: Some(status), ..credential }).unwrap());
    let mut network = network();
    doomed(&mut network.metadata);
    let (_, status) = blocked_network(&network, &["payments/api".into()], None, now()).unwrap();
    found.push(serde_json::to_value(PullNetwork { status: Some(status), ..network }).unwrap());
    found.push(serde_json::to_value(binding(true)).unwrap());
    found
}

/// Kind and name of a state's object, its phase and its reason, for a failing test.
pub(crate) fn title(state: &State) -> String {
    let object: kube::core::DynamicObject = serde_json::from_value(state.object.clone()).unwrap();
    let kind = object.types.as_ref().map(|types| types.kind.clone()).unwrap_or_default();
    format!("{kind} {}, {:?}, {:?}", object.name_any(), state.phase, state.reason)
}

/// Nothing that a status can come to is left out.
#[test]
fn every_reason_is_among_the_states() {
    let states = all();
    for kind in ["PrivateImageWorkload", "RegistryCredential", "PullNetwork"] {
        for reason in Reason::ALL {
            let found = states.iter().any(|it| it.phase == Phase::Seen && it.object["kind"] == kind && it.reason == Some(reason));
            assert!(found, "{kind} {reason}");
        }
    }
}
