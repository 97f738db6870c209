//! A status as it is told to people: what is so, part by part, what exists in AWS for it, and what to do. A pure function of the object:
//! whoever reports asks nobody but the API server.

mod network;

pub use network::report_network;

use super::{ENDPOINTS_READY, IMAGE_VERIFIED, PARTS, READY, Reason, SERVICES_UPDATED, STALLED};
use crate::api::{
    AccountBinding, ImageStatus, PrivateImageWorkload, PrivateImageWorkloadStatus, RegistryCredential, RegistryCredentialStatus,
    ServiceStatus, TargetStatus,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Resource, ResourceExt};
use serde::Serialize;

/// One object.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Its kind.
    pub kind: String,
    /// Its namespace, if its kind has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Whether it is as it should be.
    pub state: State,
    /// The reason of `Ready`; none before the first pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is so, or what went wrong last.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'static str>,
    /// Where it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetStatus>,
    /// When a condition changed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<Timestamp>,
    /// The conditions below `Ready`, each with what exists in AWS.
    pub parts: Vec<Part>,
    /// What may go wrong later.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What is pending or held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// How an object or a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum State {
    /// As it should be.
    Ready,
    /// Time helps.
    Reconciling,
    /// Somebody must act.
    Stalled,
    /// No pass has looked at it.
    Unseen,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Its type.
    pub part: &'static str,
    /// How it is.
    pub state: State,
    /// Its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'static str>,
    /// What there is of it.
    pub things: Vec<Thing>,
}

/// Something in AWS, an image, or a network.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Thing {
    /// What it is.
    pub thing: &'static str,
    /// Its name, or what it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// What is to be said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A workload.
pub fn report(workload: &PrivateImageWorkload) -> Report {
    let status = workload.status.clone().unwrap_or_default();
    let found = [ENDPOINTS_READY].into_iter().chain(PARTS.iter().map(|(part, _)| *part)).chain([IMAGE_VERIFIED]);
    let parts = found.filter_map(|name| part(name, &status.conditions, things(name, &status))).collect();
    let report = begin(workload, &status.conditions, status.observed_generation, parts);
    Report { target: status.target, warnings: status.warnings, plan: status.plan, ..report }
}

/// A credential.
pub fn report_credential(credential: &RegistryCredential) -> Report {
    let status = credential.status.clone().unwrap_or_default();
    let parts = part(PARTS[0].0, &status.conditions, copies(&status)).into_iter().collect();
    let report = begin(credential, &status.conditions, status.observed_generation, parts);
    Report { target: status.target, warnings: status.warnings, plan: status.plan, ..report }
}

/// A binding: its controllers are its parts.
pub fn report_binding(binding: &AccountBinding) -> Report {
    let status = binding.status.clone().unwrap_or_default();
    let report = begin(binding, &status.conditions, status.observed_generation, vec![]);
    let role = thing("role", Some(binding.spec.account_id.clone()), binding.spec.role_arn.clone(), None);
    let controllers = status.controllers.iter().map(|it| {
        let namespaces = it.namespaces.as_ref().map_or("all namespaces".to_owned(), |names| names.join(", "));
        thing("controller", Some(it.name.clone()), None, Some(format!("{namespaces}; {} objects", it.workloads)))
    });
    let state = report.state;
    let things = [role].into_iter().chain(controllers).collect();
    let used = Part { part: "Account", state, reason: None, message: String::new(), remedy: None, things };
    Report { parts: vec![used], ..report }
}

/// All but what only some kinds have.
fn begin<K>(object: &K, conditions: &[Condition], observed: Option<i64>, parts: Vec<Part>) -> Report
where
    K: Resource<DynamicType = ()>,
{
    let ready = conditions.iter().find(|condition| condition.type_ == READY);
    let metadata = object.meta();
    let (state, message) = match ready {
        None => (State::Unseen, UNSEEN.to_owned()),
        Some(_) if observed != metadata.generation => (State::Reconciling, STALE.to_owned()),
        Some(ready) if metadata.deletion_timestamp.is_some() => {
            (State::Reconciling, format!("it is being deleted: {}", ready.message))
        }
        Some(ready) => (state(ready, conditions), ready.message.clone()),
    };
    let reason = ready.filter(|_| observed == metadata.generation).map(|ready| ready.reason.clone());
    Report {
        kind: K::kind(&()).into_owned(),
        namespace: object.namespace(),
        name: object.name_any(),
        state,
        remedy: remedy(state, reason.as_deref()),
        reason,
        message,
        target: None,
        changed: conditions.iter().map(|condition| condition.last_transition_time.0).max(),
        parts,
        warnings: vec![],
        plan: None,
    }
}

const UNSEEN: &str =
    "no controller has looked at it yet: see whether one runs, leads and watches this namespace (`wharfinger doctor`)";
const STALE: &str = "it was changed, and no pass has looked at it since";

fn state(condition: &Condition, all: &[Condition]) -> State {
    let stalled = || all.iter().any(|other| other.type_ == STALLED && other.status == "True");
    let stands = || Reason::named(&condition.reason).is_some_and(Reason::is_stalled);
    match condition.status.as_str() {
        "True" => State::Ready,
        _ if stands() || (condition.type_ == READY && stalled()) => State::Stalled,
        _ => State::Reconciling,
    }
}

fn remedy(state: State, reason: Option<&str>) -> Option<&'static str> {
    let reason = reason.filter(|_| state != State::Ready).and_then(Reason::named)?;
    Some(reason.explanation().remedy)
}

/// A part, if it is asked for or something is there.
fn part(name: &'static str, conditions: &[Condition], things: Vec<Thing>) -> Option<Part> {
    let condition = conditions.iter().find(|condition| condition.type_ == name);
    let Some(condition) = condition else {
        let unseen = Part { part: name, state: State::Unseen, reason: None, message: String::new(), remedy: None, things };
        return (!unseen.things.is_empty()).then_some(unseen);
    };
    let state = state(condition, conditions);
    let (reason, message) = (Some(condition.reason.clone()), condition.message.clone());
    Some(Part { part: name, state, remedy: remedy(state, reason.as_deref()), reason, message, things })
}

fn thing(thing: &'static str, name: Option<String>, arn: Option<String>, note: Option<String>) -> Thing {
    Thing { thing, name, arn, note }
}

fn things(part: &str, status: &PrivateImageWorkloadStatus) -> Vec<Thing> {
    match part {
        "CredentialsSynced" => status
            .secrets
            .iter()
            .map(|it| {
                let note = it.former.then(|| "kept while an older revision names it".to_owned());
                thing("secret", Some(it.registry.clone()), Some(it.arn.clone()), note)
            })
            .collect(),
        "ExecutionRoleReady" => {
            let former = status
                .former_roles
                .iter()
                .map(|arn| thing("role", None, Some(arn.clone()), Some("an earlier one, kept while it is needed".to_owned())));
            let own = status.execution_role_arn.iter().map(|arn| thing("role and its policy", None, Some(arn.clone()), None));
            own.chain(former).collect()
        }
        SERVICES_UPDATED => status.services.iter().map(service).collect(),
        ENDPOINTS_READY => status.network.iter().map(|name| thing("PullNetwork", Some(name.clone()), None, None)).collect(),
        IMAGE_VERIFIED => status.images.iter().map(image).collect(),
        _ => {
            let older = status.older_revisions.iter().flatten();
            let older = older.map(|it| thing("definition", None, Some(it.arn.clone()), Some("an older revision".to_owned())));
            let own = status.definition.iter().map(|it| thing("definition", None, Some(it.arn.clone()), None));
            own.chain(older).collect()
        }
    }
}

fn service(it: &ServiceStatus) -> Thing {
    let failed = if it.failed > 0 { format!(", {} did not start", it.failed) } else { String::new() };
    let note = format!("{:?}: {} of {} tasks run{failed}", it.state, it.running, it.desired);
    thing("service", Some(format!("{}/{}", it.cluster, it.service)), it.rolled_to.clone(), Some(note))
}

fn image(it: &ImageStatus) -> Thing {
    let failure = it.failure.as_ref().map(|failure| format!("{:?}: {}", failure.class, failure.message));
    let digest = it.digest.as_ref().map(|digest| format!("proven, {digest}"));
    thing("image", Some(it.image.clone()), None, failure.or(digest).or_else(|| it.note.clone()))
}

fn copies(status: &RegistryCredentialStatus) -> Vec<Thing> {
    let secret = status.secret.iter().map(|it| {
        let note = format!("{} {}", status.users, if status.users == 1 { "workload uses it" } else { "workloads use it" });
        thing("secret", it.name.clone(), Some(it.arn.clone()), Some(note))
    });
    let copies = status.replicas.iter().map(|it| {
        let why = it.message.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        thing("copy", Some(it.region.clone()), None, Some(format!("{}{why}", it.state)))
    });
    secret.chain(copies).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn workload(status: Value, generation: i64) -> PrivateImageWorkload {
        let metadata = json!({"name": "api", "namespace": "payments", "generation": generation});
        let object = json!({"metadata": metadata, "spec": {"ecs": {}}, "status": status});
        serde_json::from_value(object).expect("a workload")
    }

    fn condition(kind: &str, status: &str, reason: &str) -> Value {
        json!({"type": kind, "status": status, "reason": reason, "message": format!("{kind} says why"), "lastTransitionTime": "2026-01-02T03:04:05Z"})
    }

    #[test]
    fn each_state_is_told_with_its_remedy() {
        let ready = condition(READY, "True", "Succeeded");
        let denied = [condition(READY, "False", "AccessDenied"), condition(STALLED, "True", "AccessDenied")];
        let waits = condition(READY, "False", "Throttled");
        let suspended = condition(READY, "False", "Suspended");
        let rows = [
            (json!({}), 1, State::Unseen, None, "no controller has looked"),
            (json!({"observedGeneration": 1, "conditions": [ready]}), 1, State::Ready, None, "Ready says why"),
            (json!({"observedGeneration": 1, "conditions": [ready]}), 2, State::Reconciling, None, "it was changed"),
            (json!({"observedGeneration": 1, "conditions": denied}), 1, State::Stalled, Some(Reason::AccessDenied), "says why"),
            (json!({"observedGeneration": 1, "conditions": [waits]}), 1, State::Reconciling, Some(Reason::Throttled), "says why"),
            (json!({"observedGeneration": 1, "conditions": [suspended]}), 1, State::Reconciling, Some(Reason::Suspended), "says"),
        ];
        for (status, generation, state, reason, message) in rows {
            let told = report(&workload(status.clone(), generation));
            let remedy = reason.map(|reason| reason.explanation().remedy);
            assert_eq!((told.state, told.remedy), (state, remedy), "{status}");
            assert!(told.message.contains(message), "{status}: {}", told.message);
        }
    }

    #[test]
    fn a_part_is_told_where_it_is_asked_for_or_something_is_there() {
        let conditions = [condition(READY, "True", "Succeeded"), condition("CredentialsSynced", "True", "Succeeded")];
        let status = json!({"observedGeneration": 1, "conditions": conditions, "definition": {"arn": "arn:d:2", "revision": 2},
            "olderRevisions": [{"arn": "arn:d:1"}],
            "secrets": [{"registry": "registry.example.com", "arn": "arn:s"}, {"registry": "old.example.com", "arn": "arn:o", "former": true}]});
        let told = report(&workload(status, 1));
        let parts: Vec<_> = told.parts.iter().map(|part| (part.part, part.state, part.things.len())).collect();
        assert_eq!(parts, [("CredentialsSynced", State::Ready, 2), ("DefinitionRegistered", State::Unseen, 2)]);
        assert_eq!(told.parts[0].things[1].note.as_deref(), Some("kept while an older revision names it"));
    }
}
