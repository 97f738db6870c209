//! A plan: what would be written, in which order and why, and what is held and why. A plain value, so specific that applying
//! it leaves no choice. Both lists empty = converged.

mod converge;
mod permissions;
mod pull_network;
mod registry_credential;
mod remove;
pub mod render;
mod retire;
mod secrets;
mod subject;
mod verify;

pub use converge::{converge, imagined};
pub(crate) use permissions::container_grants;
pub use pull_network::{imagined_for_network, network, remove_network};
pub(crate) use pull_network::{is_ours, own as own_endpoint, survey};
pub use registry_credential::{credential, imagined_for_credential, remove_credential};
pub use remove::remove;
pub(crate) use secrets::{Scope, existing_secret, is_strangers, key_of};
pub use subject::{Kind, Subject};
pub use verify::questions;

use crate::failure::Failure;
use crate::resource::network::{EndpointChange, NewEndpoint};
use crate::resource::normalise::{DefinitionKind, FieldChange};
use crate::resource::sealed::Sealed;
use crate::resource::tags::Tags;
use crate::status::Reason;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What to write and what not.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[must_use]
pub struct Plan {
    /// Writes, in order.
    pub steps: Vec<Step>,
    /// What is not done, and why.
    pub held: Vec<Held>,
    /// What the user should know and nothing waits for.
    pub notes: Vec<String>,
}

impl Plan {
    /// Nothing to write and nothing held.
    pub fn is_converged(&self) -> bool {
        self.steps.is_empty() && self.held.is_empty()
    }

    /// Whether all that is written is the workload's alone: its revisions, and the services that follow them.
    pub fn is_private(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.subject.kind, Kind::Definition | Kind::Revision | Kind::Service))
    }

    /// Whether a policy that others share is written, or something that they may use ends.
    pub(crate) fn touches_others(&self) -> bool {
        let touches = |step: &Step| {
            matches!(
                step.action,
                Action::PutRolePolicy { .. }
                    | Action::DeleteRolePolicy { .. }
                    | Action::DeleteRole { .. }
                    | Action::DeleteSecret { .. }
            )
        };
        self.steps.iter().any(touches)
    }

    /// Adds a step that waits for every earlier step on `after`.
    pub(crate) fn step(
        &mut self,
        subject: Subject,
        action: Action,
        after: &[Subject],
        reason: impl Into<String>,
        changes: Vec<FieldChange>,
    ) {
        self.steps.push(Step { subject, action, after: after.to_vec(), reason: reason.into(), changes });
    }

    /// Adds what ends something of the past. Nothing waits for it, so what holds it up is a note.
    pub(crate) fn end(&mut self, past: Plan) {
        let former = |subject: Subject| match subject.kind {
            Kind::Role | Kind::Secret => Subject { kind: Kind::Former, name: subject.to_string() },
            _ => subject,
        };
        self.steps.extend(past.steps.into_iter().map(|step| Step {
            after: step.after.into_iter().map(former).collect(),
            subject: former(step.subject),
            ..step
        }));
        self.notes.extend(past.held.into_iter().map(|held| held.message));
        self.notes.extend(past.notes);
    }

    /// Adds a held item.
    pub(crate) fn hold(&mut self, subject: Subject, hold: Hold, message: impl Into<String>) {
        self.held.push(Held { subject, hold, message: message.into() });
    }

    /// Holds a thing that could not be looked at.
    pub(crate) fn unobserved(&mut self, subject: Subject, failure: &Failure) {
        let remedy = render::remedy(failure.kind);
        let message = format!("{subject} could not be looked at, so nothing is done about it: {failure}{remedy}");
        self.hold(subject, Hold::Unobserved(failure.clone()), message);
    }

    /// Whether anything stands in the way of this thing.
    pub(crate) fn holds(&self, subject: &Subject) -> bool {
        self.held.iter().any(|held| held.subject == *subject)
    }
}

/// One write.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// What is written.
    pub subject: Subject,
    /// The call and everything that goes into it.
    pub action: Action,
    /// Skipped when a step on one of these failed.
    pub after: Vec<Subject>,
    /// Why.
    pub reason: String,
    /// The fields that differ.
    pub changes: Vec<FieldChange>,
}

/// A write with all its arguments. Strings of the forms [`pending_arn`] and [`pending_definition`] are replaced by the ARN that an
/// earlier step yields.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "call", rename_all_fields = "camelCase")]
#[allow(missing_docs)] // the fields are the parameters of the calls, in AWS's words
pub enum Action {
    CreateSecret {
        name: String,
        description: String,
        kms_key_id: Option<String>,
        tags: Tags,
        version_id: String,
        value: Sealed,
    },
    RestoreSecret {
        arn: String,
    },
    /// Makes a value current. If it turns out to be an old version (AWS ignores the repeated token), AWSCURRENT is moved to it.
    PutSecretValue {
        arn: String,
        version_id: String,
        value: Sealed,
        replaces: Option<String>,
    },
    /// Makes an old version current again: compare-and-swap on AWSCURRENT.
    UpdateSecretVersionStage {
        arn: String,
        move_to: String,
        remove_from: Option<String>,
    },
    /// `kms_key_id: Some("")` = back to the account's default key.
    UpdateSecret {
        arn: String,
        description: Option<String>,
        kms_key_id: Option<String>,
    },
    TagSecret {
        arn: String,
        tags: Tags,
    },
    /// TagResource on a secret that others made. `before` = its tags until then.
    AdoptSecret {
        arn: String,
        tags: Tags,
        before: Tags,
    },
    /// By Region, with the key of each copy.
    ReplicateSecretToRegions {
        arn: String,
        replicas: BTreeMap<String, Option<String>>,
    },
    RemoveRegionsFromReplication {
        arn: String,
        regions: Vec<String>,
    },
    PutResourcePolicy {
        arn: String,
        document: Value,
    },
    DeleteResourcePolicy {
        arn: String,
    },
    DeleteSecret {
        arn: String,
        recovery_window_in_days: i64,
    },
    CreateRole {
        name: String,
        path: String,
        trust_policy: Value,
        permissions_boundary: Option<String>,
        description: String,
        tags: Tags,
    },
    PutRolePermissionsBoundary {
        role: String,
        permissions_boundary: String,
    },
    UpdateAssumeRolePolicy {
        role: String,
        trust_policy: Value,
    },
    TagRole {
        role: String,
        tags: Tags,
    },
    AttachRolePolicy {
        role: String,
        policy_arn: String,
    },
    PutRolePolicy {
        role: String,
        policy: String,
        document: Value,
    },
    DeleteRolePolicy {
        role: String,
        policy: String,
    },
    DetachRolePolicy {
        role: String,
        policy_arn: String,
    },
    DeleteRole {
        role: String,
    },
    /// The content-hash tag is added when all ARNs are known. Serialised, the document tells no value of a variable.
    RegisterDefinition {
        kind: DefinitionKind,
        name: String,
        #[serde(serialize_with = "veiled")]
        document: Value,
        tags: Tags,
    },
    TagDefinition {
        kind: DefinitionKind,
        arn: String,
        tags: Tags,
    },
    DeregisterDefinition {
        kind: DefinitionKind,
        arn: String,
    },
    /// At most 10, all deregistered.
    DeleteTaskDefinitions {
        arns: Vec<String>,
    },
    UpdateService {
        cluster: String,
        service: String,
        task_definition: String,
    },
    CreateSecurityGroup {
        name: String,
        description: String,
        vpc_id: String,
        tags: Tags,
    },
    /// TCP 443, from these ranges.
    AuthorizeSecurityGroupIngress {
        group_id: String,
        cidrs: BTreeSet<String>,
    },
    /// TCP 443, from these ranges.
    RevokeSecurityGroupIngress {
        group_id: String,
        cidrs: BTreeSet<String>,
    },
    DeleteSecurityGroup {
        group_id: String,
    },
    CreateVpcEndpoint {
        endpoint: NewEndpoint,
    },
    ModifyVpcEndpoint {
        endpoint_id: String,
        change: EndpointChange,
    },
    DeleteVpcEndpoint {
        endpoint_id: String,
    },
    /// Of an endpoint or a security group.
    CreateTags {
        resource_id: String,
        tags: Tags,
    },
    /// CreateTags on an endpoint that others made. `before` = its tags until then.
    AdoptEndpoint {
        endpoint_id: String,
        tags: Tags,
        before: Tags,
    },
}

fn veiled<S: Serializer>(document: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    crate::resource::normalise::veiled(document).serialize(serializer)
}

/// Something that is not done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Held {
    /// The thing.
    pub subject: Subject,
    /// Why, for the program.
    pub hold: Hold,
    /// Why, for people, with the remedy.
    pub message: String,
}

/// Why something is held.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Hold {
    /// It could not be looked at.
    Unobserved(Failure),
    /// It is not ours.
    NotOurs,
    /// It waits for another thing.
    Waiting,
    /// What the spec names does not exist, or is of no use.
    Missing,
    /// Something uses it.
    InUse,
    /// It cannot or shall not be done, and what else there is does not depend on it.
    Refused(Reason),
}

/// Stands for the ARN of a secret that an earlier step of the same plan creates.
pub fn pending_arn(secret_name: &str) -> String {
    format!("${{arn of secret {secret_name}}}")
}

/// Stands for the id of a security group that an earlier step of the same plan creates.
pub fn pending_group(name: &str) -> String {
    format!("${{id of security group {name}}}")
}

/// Stands for the ARN of the revision that an earlier step of the same plan registers.
pub fn pending_definition(name: &str) -> String {
    format!("${{arn of definition {name}}}")
}
