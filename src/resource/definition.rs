//! ECS task definitions and Batch job definitions as AWS's own JSON: one view of their containers in all shapes, the content
//! hash, and the steps between what should be registered and what is.

use super::arn::Arn;
use super::fingerprint::short_hash;
use super::normalise::{self, Change, DefinitionKind, normalise};
use super::revision::{Family, ObservedRevision};
use super::tags::{CONTENT_HASH, Owner, Tags, claimed_by, deletion_policy, missing};
use super::uses::{Place, uses};
use crate::api::{DeletionPolicy, NeedStatus};
use crate::observed::{Observed, Snapshot};
use crate::plan::{Action, Hold, Plan, Subject};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

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
    /// What becomes of it with its workload.
    pub deletion_policy: DeletionPolicy,
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

impl DesiredDefinition {
    /// All revisions of its name.
    pub fn family(&self) -> Family {
        Family { kind: self.kind, name: self.name.clone() }
    }

    /// The registered revision that counts: the newest one if it is ours, else the one that our status names, else one that was
    /// made out of it. None if there is none, or none that was seen. What AWS calls the newest may be an answer of a while ago: one of
    /// ours with a higher number is newer.
    pub fn current<'a>(&self, observed: &'a Observed) -> Option<&'a ObservedDefinition> {
        let newest = observed.definition.as_ref()?.present()?;
        let recorded = observed.recorded.as_ref().filter(|recorded| self.is_ours(recorded));
        if self.is_ours(newest) && recorded.is_none_or(|recorded| recorded.revision < newest.revision) {
            return Some(newest);
        }
        recorded.or_else(|| Some(newest).filter(|copy| self.owner.owns(&copy.tags, false)))
    }

    /// A revision of another hand in our family, newer than the one that counts.
    pub fn foreign<'a>(&self, observed: &'a Observed) -> Option<&'a ObservedDefinition> {
        let newest = observed.definition.as_ref()?.present()?;
        self.current(observed).filter(|current| current.revision < newest.revision).map(|_| newest)
    }

    /// Whoever makes a revision out of ours copies its tags. So one that our status does not name must also be what its
    /// content-hash tag says: then it is ours, and only the answer to its registration was lost.
    fn is_ours(&self, found: &ObservedDefinition) -> bool {
        let recorded = self.recorded.as_deref() == Some(&found.arn);
        let unaltered = || match found.tags.get(CONTENT_HASH) {
            Some(tag) if tag.starts_with(&version_prefix()) => *tag == content_hash(self.kind, &found.content),
            Some(_) => true, // of another version of the normaliser, which cannot be recomputed
            None => false,
        };
        self.owner.owns(&found.tags, recorded) && (recorded || self.recorded.is_none() || unaltered())
    }
}

impl ObservedDefinition {
    /// Whether it can be used for new tasks and jobs.
    pub fn is_active(&self) -> bool {
        self.content.get("status").and_then(Value::as_str).is_none_or(|status| status == "ACTIVE")
    }

    /// When it was registered, in seconds since 1970 (ECS API, `TaskDefinition.registeredAt`).
    pub fn registered_at(&self) -> Option<f64> {
        self.content.get("registeredAt").and_then(Value::as_f64)
    }

    /// As one of the revisions of its family.
    pub fn as_revision(&self, kind: DefinitionKind) -> ObservedRevision {
        ObservedRevision {
            arn: self.arn.clone(),
            active: self.is_active(),
            tags: self.tags.clone(),
            role: execution_role(kind, &self.content),
            secrets: repository_credentials(kind, &self.content),
            needs: self.needs(kind),
        }
    }
}

impl ObservedDefinition {
    /// What its containers need of the execution role besides the secrets that they pull with.
    fn needs(&self, kind: DefinitionKind) -> Vec<NeedStatus> {
        let Ok(arn) = Arn::parse(&self.arn) else { return vec![] };
        let place = Place { partition: &arn.partition, region: &arn.region, account_id: &arn.account };
        let named: BTreeSet<NeedStatus> =
            uses(kind, &self.content, place).iter().filter_map(|named| named.thing.need()).collect();
        named.into_iter().collect()
    }
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

/// Calls `visit` with the path of every object of a definition, and with the object.
pub(crate) fn visit_objects(document: &Value, visit: &mut impl FnMut(&str, &Map<String, Value>)) {
    visit_below(document, String::new(), visit);
}

fn visit_below(value: &Value, at: String, visit: &mut impl FnMut(&str, &Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(&at, object);
            let dot = if at.is_empty() { "" } else { "." };
            object.iter().for_each(|(field, value)| visit_below(value, format!("{at}{dot}{field}"), visit));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| visit_below(item, format!("{at}[{index}]"), visit));
        }
        _ => {}
    }
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

/// ARN of the execution role, the first where there are several places for it.
fn execution_role(kind: DefinitionKind, document: &Value) -> Option<String> {
    let mut found = None;
    roles_mut(kind, &mut document.clone(), |_, object| {
        found = found.take().or(object.get("executionRoleArn").and_then(Value::as_str).map(str::to_owned));
    });
    found
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

fn version_prefix() -> String {
    format!("v{}:", normalise::VERSION)
}

/// The content-hash tag's value: version of the normaliser and 32 hex of the hash of the normal form.
pub fn content_hash(kind: DefinitionKind, document: &Value) -> String {
    hash_of(&normalise(kind, document))
}

fn hash_of(normal_form: &Value) -> String {
    format!("{}{}", version_prefix(), short_hash(&normal_form.to_string(), 32))
}

/// Adds what is needed to have the definition registered. `document` = the desired one with all ARNs that are known; one that is
/// still to come is in no registered revision, so that a new one is registered.
pub fn plan(desired: &DesiredDefinition, document: &Value, observed: &Observed, after: &[Subject], plan: &mut Plan) {
    let subject = Subject::definition(&desired.name);
    let mut tags = desired.tags.clone();
    tags.extend(desired.owner.tags());
    tags.extend(deletion_policy(desired.deletion_policy, &Tags::new()));
    let register = |tags: Tags| Action::RegisterDefinition {
        kind: desired.kind,
        name: desired.name.clone(),
        document: document.clone(),
        tags,
    };
    let newest = match &observed.definition {
        None => return,
        Some(Snapshot::Unknown(failure)) => return plan.unobserved(subject, failure),
        Some(Snapshot::Absent) => return plan.step(subject, register(tags), after, "no active revision exists", vec![]),
        Some(Snapshot::Present(newest)) => newest,
    };
    let Some(found) = desired.current(observed) else {
        let message = format!(
            "{} is registered and not by this workload: {}; it is left alone. Rename this workload, or set another names.definitionPrefix in the AccountBinding",
            newest.arn,
            claimed_by(&newest.tags)
        );
        return plan.hold(subject, Hold::NotOurs, message);
    };
    if let Some(foreign) = desired.foreign(observed) {
        plan.notes.push(format!(
            "ForeignRevision: {} was registered by another hand and is left alone; {} counts. Who starts tasks by the family's name alone gets the newer one: deregister it, or bring its change into the spec",
            foreign.arn, found.arn
        ));
    }
    let normal_form = normalise(desired.kind, document);
    let hash = hash_of(&normal_form);
    let tagged = found.tags.get(CONTENT_HASH) == Some(&hash);
    if !tagged || desired.recorded.as_ref() != Some(&found.arn) {
        let changes = normalise::changes(desired.kind, &normalise(desired.kind, &found.content), &normal_form);
        // The tag of one that our status does not name may be a copy. It is believed where AWS only filled something in.
        let filled_in = tagged && changes.iter().all(|field| matches!(field.change, Change::Removed(_)));
        if !changes.is_empty() && !filled_in {
            return plan.step(subject, register(tags), after, format!("revision {} differs", found.revision), changes);
        }
    }
    tags.insert(CONTENT_HASH.to_owned(), hash);
    tags.extend(deletion_policy(desired.deletion_policy, &found.tags));
    let tags = missing(&tags, &found.tags);
    if !tags.is_empty() {
        let action = Action::TagDefinition { kind: desired.kind, arn: found.arn.clone(), tags };
        plan.step(subject, action, &[], "its tags differ", vec![]);
    }
}
