//! ECS task definitions and Batch job definitions as AWS's own JSON: one view of their containers in all shapes, the content
//! hash, and the steps between what should be registered and what is.

use super::fingerprint::short_hash;
use super::normalise::{self, DefinitionKind, normalise};
use super::tags::{CONTENT_HASH, Owner, Tags, claimed_by, missing};
use crate::observed::Snapshot;
use crate::plan::{Action, Hold, Plan, Subject};
use serde::Serialize;
use serde_json::{Map, Value};

/// A definition to be registered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DesiredDefinition {
    /// ECS or Batch.
    pub kind: DefinitionKind,
    /// Family or job definition name.
    pub name: String,
    /// The request, complete but for the credentials' ARNs.
    pub document: Value,
    /// The secret (by its name or ARN in the plan's facts) of each container that has one, by the container's path.
    pub credentials: Vec<(String, String)>,
    /// Whose it is.
    pub owner: Owner,
    /// The user's own tags.
    pub tags: Tags,
    /// ARN of the revision that our status names.
    pub recorded: Option<String>,
}

/// A registered revision with its content.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObservedDefinition {
    /// ARN with revision.
    pub arn: String,
    /// Revision.
    pub revision: i64,
    /// Tags.
    pub tags: Tags,
    /// The definition as AWS describes it.
    pub content: Value,
}

/// A registered revision, as far as its removal needs it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObservedRevision {
    /// ARN with revision.
    pub arn: String,
    /// Tags.
    pub tags: Tags,
    /// The secrets that its containers pull with.
    pub secrets: Vec<String>,
}

/// Where containers stand in a definition, by the field names that lead to them; `[]` = each element.
fn container_paths(kind: DefinitionKind) -> &'static [&'static [&'static str]] {
    match kind {
        DefinitionKind::TaskDefinition => &[&["containerDefinitions", "[]"]],
        DefinitionKind::JobDefinition => &[
            &["containerProperties"],
            &["ecsProperties", "taskProperties", "[]", "containers", "[]"],
            &["nodeProperties", "nodeRangeProperties", "[]", "container"],
            &["nodeProperties", "nodeRangeProperties", "[]", "ecsProperties", "taskProperties", "[]", "containers", "[]"],
        ],
    }
}

/// Where `executionRoleArn` stands.
fn role_paths(kind: DefinitionKind) -> &'static [&'static [&'static str]] {
    match kind {
        DefinitionKind::TaskDefinition => &[&[]],
        DefinitionKind::JobDefinition => &[
            &["containerProperties"],
            &["ecsProperties", "taskProperties", "[]"],
            &["nodeProperties", "nodeRangeProperties", "[]", "container"],
            &["nodeProperties", "nodeRangeProperties", "[]", "ecsProperties", "taskProperties", "[]"],
        ],
    }
}

/// Calls `visit` with the path and the object of every container.
pub fn containers_mut(kind: DefinitionKind, document: &mut Value, mut visit: impl FnMut(&str, &mut Map<String, Value>)) {
    container_paths(kind).iter().for_each(|path| descend(document, path, String::new(), &mut visit));
}

/// Calls `visit` with the path and the object of every place that has an execution role.
pub fn roles_mut(kind: DefinitionKind, document: &mut Value, mut visit: impl FnMut(&str, &mut Map<String, Value>)) {
    role_paths(kind).iter().for_each(|path| descend(document, path, String::new(), &mut visit));
}

/// Path and object of every container.
pub fn containers(kind: DefinitionKind, document: &Value) -> Vec<(String, Map<String, Value>)> {
    let mut found = vec![];
    containers_mut(kind, &mut document.clone(), |path, container| found.push((path.to_owned(), container.clone())));
    found
}

/// The secrets that the containers pull with.
pub fn repository_credentials(kind: DefinitionKind, document: &Value) -> Vec<String> {
    let named = |container: &Map<String, Value>| {
        container
            .get("repositoryCredentials")
            .and_then(|it| it.get("credentialsParameter"))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    containers(kind, document).iter().filter_map(|(_, container)| named(container)).collect()
}

fn descend(value: &mut Value, path: &[&str], at: String, visit: &mut impl FnMut(&str, &mut Map<String, Value>)) {
    match (path.split_first(), value) {
        (None, Value::Object(object)) => visit(&at, object),
        (Some((&"[]", rest)), Value::Array(items)) => {
            items.iter_mut().enumerate().for_each(|(index, item)| descend(item, rest, format!("{at}[{index}]"), visit));
        }
        (Some((field, rest)), Value::Object(object)) => {
            if let Some(value) = object.get_mut(*field) {
                let dot = if at.is_empty() { "" } else { "." };
                descend(value, rest, format!("{at}{dot}{field}"), visit);
            }
        }
        _ => {}
    }
}

/// The content-hash tag's value: version of the normaliser and 32 hex of the hash of the normal form.
pub fn content_hash(kind: DefinitionKind, document: &Value) -> String {
    hash_of(&normalise(kind, document))
}

fn hash_of(normal_form: &Value) -> String {
    format!("v{}:{}", normalise::VERSION, short_hash(&normal_form.to_string(), 32))
}

/// Adds what is needed to have the definition registered. `document` = the desired one with all ARNs that are known; one that is
/// still to come is in no registered revision, so that a new one is registered.
pub fn plan(
    desired: &DesiredDefinition,
    document: &Value,
    observed: &Snapshot<ObservedDefinition>,
    after: &[Subject],
    plan: &mut Plan,
) {
    let subject = Subject::definition(&desired.name);
    let mut tags = desired.tags.clone();
    tags.extend(desired.owner.tags());
    let register = |tags: Tags| Action::RegisterDefinition {
        kind: desired.kind,
        name: desired.name.clone(),
        document: document.clone(),
        tags,
    };
    let found = match observed {
        Snapshot::Unknown(failure) => return plan.unobserved(subject, failure),
        Snapshot::Absent => return plan.step(subject, register(tags), after, "no active revision exists", vec![]),
        Snapshot::Present(found) => found,
    };
    if !desired.owner.owns(&found.tags, desired.recorded.as_deref() == Some(&found.arn)) {
        let message = format!(
            "{} is registered and not by this workload: {}; it is left alone. Rename this workload, or set another names.definitionPrefix in the AccountBinding",
            found.arn,
            claimed_by(&found.tags)
        );
        return plan.hold(subject, Hold::NotOurs, message);
    }
    let normal_form = normalise(desired.kind, document);
    let hash = hash_of(&normal_form);
    // Whoever makes a revision out of ours copies its tags, so the hash is believed only of the revision that we know as ours.
    let known = desired.recorded.as_deref().is_none_or(|recorded| recorded == found.arn);
    if !(known && found.tags.get(CONTENT_HASH) == Some(&hash)) {
        let changes = normalise::changes(desired.kind, &normalise(desired.kind, &found.content), &normal_form);
        if !changes.is_empty() {
            return plan.step(subject, register(tags), after, format!("revision {} differs", found.revision), changes);
        }
    }
    tags.insert(CONTENT_HASH.to_owned(), hash);
    let tags = missing(&tags, &found.tags);
    if !tags.is_empty() {
        let action = Action::TagDefinition { kind: desired.kind, arn: found.arn.clone(), tags };
        plan.step(subject, action, &[], "its tags differ", vec![]);
    }
}

/// Adds a deregistration for every active revision that is ours. Returns the subjects to wait for.
pub fn plan_removal(
    kind: DefinitionKind,
    name: &str,
    owner: &Owner,
    revisions: &Snapshot<Vec<ObservedRevision>>,
    plan: &mut Plan,
) {
    let subject = Subject::definition(name);
    let revisions = match revisions {
        Snapshot::Unknown(failure) => return plan.unobserved(subject, failure),
        Snapshot::Absent => return,
        Snapshot::Present(revisions) => revisions,
    };
    for revision in revisions {
        if owner.owns(&revision.tags, false) {
            let action = Action::DeregisterDefinition { kind, arn: revision.arn.clone() };
            plan.step(subject.clone(), action, &[], "its workload goes", vec![]);
        } else {
            plan.notes.push(format!("{} is left alone: {}", revision.arn, claimed_by(&revision.tags)));
        }
    }
}
