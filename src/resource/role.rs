//! The task execution role and our one inline policy on it: what should be, what is, and the steps between.
//!
//! Other policies on the role are never looked at, let alone changed.

use super::normalise::{Change, FieldChange};
use super::policy::{self, Grants};
use super::tags::{Owner, Tags, claimed_by, missing};
use crate::failure::FailureKind;
use crate::observed::{RoleSnapshot, Snapshot};
use crate::plan::{Action, Hold, Plan, Subject};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The execution role of one workload.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DesiredRole {
    /// Role name, without its path.
    pub name: String,
    /// The ARN it has or will have.
    pub arn: String,
    /// Name of our inline policy.
    pub policy_name: String,
    /// Set if the role itself is ours to make and keep.
    pub managed: Option<ManagedRole>,
    /// Whether a container needs the managed policy, for ECR or for logs.
    pub needs_managed_policy: bool,
    /// What the other workloads need that share the role.
    pub others: Grants,
    /// Why the policy may not be narrowed now: workloads whose needs are not known.
    pub unclear: Vec<String>,
}

/// A role that is ours.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ManagedRole {
    /// IAM path.
    pub path: String,
    /// Permissions boundary.
    pub boundary: Option<String>,
    /// Whose it is.
    pub owner: Owner,
    /// Whether our status names a role of this ARN, made or only used.
    pub recorded: bool,
}

impl ManagedRole {
    /// Whether a role with these tags is ours. A status does not say whether a role was made by us, so where tags were taken
    /// away, what is left of them must.
    pub fn is_ours(&self, tags: &Tags) -> bool {
        self.owner.owns(tags, self.recorded && self.owner.tags().keys().any(|key| tags.contains_key(key)))
    }
}

/// A role as GetRole shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObservedRole {
    /// Its ARN.
    pub arn: String,
    /// Its trust policy.
    pub trust: Value,
    /// Its tags.
    pub tags: Tags,
}

impl DesiredRole {
    fn partition(&self) -> &str {
        self.arn.split(':').nth(1).unwrap_or("aws")
    }
}

/// Adds what is needed to make the role right. `own` = what this workload needs; `after` = what must exist first.
pub fn plan(desired: &DesiredRole, own: &Grants, observed: Option<&RoleSnapshot>, after: &[Subject], plan: &mut Plan) {
    let Some(observed) = observed else { return };
    let subject = Subject::role(&desired.name);
    let after: Vec<Subject> = after.iter().cloned().chain([subject.clone()]).collect();
    let exists = match (&observed.role, &desired.managed) {
        (Snapshot::Present(role), Some(managed)) => {
            if !managed.is_ours(&role.tags) {
                let message = format!(
                    "role {} exists and is not this namespace's: {}; it is left alone. Delete or rename it, set another names.rolePrefix in the AccountBinding, or name it in executionRole.arn",
                    role.arn,
                    claimed_by(&role.tags)
                );
                return plan.hold(subject, Hold::NotOurs, message);
            }
            plan_existing(desired, managed, role, &subject, plan);
            true
        }
        (Snapshot::Present(role), None) if role.arn == desired.arn => true,
        (Snapshot::Absent, Some(managed)) => {
            plan.step(subject.clone(), create(desired, managed), &[], "it does not exist", vec![]);
            false
        }
        (Snapshot::Absent | Snapshot::Present(_), None) => {
            let message =
                format!("role {} does not exist; create it, or leave executionRole.arn out to have one made", desired.arn);
            return plan.hold(subject, Hold::Missing, message);
        }
        (Snapshot::Unknown(failure), _) => return plan.unobserved(subject, failure),
    };
    if desired.managed.is_some() && desired.needs_managed_policy {
        plan_managed_policy(desired, exists, observed, &subject, plan);
    }
    let wanted = kept(desired, own.union(&desired.others), observed, plan);
    plan_inline_policy(desired, wanted, exists, observed, &after, plan);
}

fn create(desired: &DesiredRole, managed: &ManagedRole) -> Action {
    Action::CreateRole {
        name: desired.name.clone(),
        path: managed.path.clone(),
        trust_policy: policy::trust_policy(desired.partition()),
        permissions_boundary: managed.boundary.clone(),
        description: format!("Task execution role of namespace {}, kept by Wharfinger", managed.owner.namespace),
        tags: managed.owner.tags(),
    }
}

fn plan_existing(desired: &DesiredRole, managed: &ManagedRole, role: &ObservedRole, subject: &Subject, plan: &mut Plan) {
    let trust = policy::trust_policy(desired.partition());
    if !policy::same_meaning(&trust, &role.trust) {
        let changes = vec![FieldChange {
            path: "trustPolicy".into(),
            change: Change::Changed { from: role.trust.clone(), to: trust.clone() },
        }];
        let action = Action::UpdateAssumeRolePolicy { role: desired.name.clone(), trust_policy: trust };
        plan.step(subject.clone(), action, &[], "its trust policy differs", changes);
    }
    let tags = missing(&managed.owner.tags(), &role.tags);
    if !tags.is_empty() {
        plan.step(subject.clone(), Action::TagRole { role: desired.name.clone(), tags }, &[], "its tags differ", vec![]);
    }
}

fn plan_managed_policy(desired: &DesiredRole, exists: bool, observed: &RoleSnapshot, subject: &Subject, plan: &mut Plan) {
    let policy_arn = policy::managed_policy_arn(desired.partition());
    let attached = match &observed.attached {
        Snapshot::Unknown(failure) if exists => return plan.unobserved(subject.clone(), failure),
        Snapshot::Present(attached) => attached.contains(&policy_arn),
        _ => false,
    };
    if !attached {
        let action = Action::AttachRolePolicy { role: desired.name.clone(), policy_arn };
        plan.step(subject.clone(), action, std::slice::from_ref(subject), "a container pulls from ECR or writes logs", vec![]);
    }
}

fn plan_inline_policy(
    desired: &DesiredRole,
    wanted: Grants,
    exists: bool,
    observed: &RoleSnapshot,
    after: &[Subject],
    plan: &mut Plan,
) {
    let subject = Subject::role(&desired.name);
    let existing = match &observed.inline_policy {
        Snapshot::Unknown(failure) if exists => return plan.unobserved(subject, failure),
        Snapshot::Present(document) => Some(document),
        _ => None,
    };
    if wanted.is_empty() {
        if existing.is_some() {
            let action = Action::DeleteRolePolicy { role: desired.name.clone(), policy: desired.policy_name.clone() };
            plan.step(subject, action, after, "no workload needs it", vec![]);
        }
        return;
    }
    let document = wanted.policy();
    if existing.is_some_and(|existing| policy::same_meaning(existing, &document)) {
        return;
    }
    if policy::size(&document) > policy::MAX_INLINE_POLICY_CHARS {
        let message = format!(
            "role {} would need an inline policy of {} characters and IAM allows {} a role; give some workloads another executionRole",
            desired.arn,
            policy::size(&document),
            policy::MAX_INLINE_POLICY_CHARS
        );
        return plan.hold(subject, Hold::Missing, message);
    }
    let (change, reason) = match existing {
        None => (Change::Added(document.clone()), "its policy does not exist"),
        Some(existing) => (Change::Changed { from: existing.clone(), to: document.clone() }, "its policy differs"),
    };
    let changes = vec![FieldChange { path: format!("inlinePolicy[{}]", desired.policy_name), change }];
    let action = Action::PutRolePolicy { role: desired.name.clone(), policy: desired.policy_name.clone(), document };
    plan.step(subject, action, after, reason, changes);
}

/// What stays granted while some workload's needs are not known: everything. Narrowing waits for a complete list.
fn kept(desired: &DesiredRole, wanted: Grants, observed: &RoleSnapshot, plan: &mut Plan) -> Grants {
    let all = wanted.union(&granted(observed));
    if desired.unclear.is_empty() || all == wanted {
        return wanted;
    }
    plan.notes.push(format!(
        "the policy of role {} is not narrowed yet: what {} need is not known",
        desired.name,
        desired.unclear.join(", ")
    ));
    all
}

/// What our policy grants now, as far as it is understood.
fn granted(observed: &RoleSnapshot) -> Grants {
    observed.inline_policy.present().map(Grants::understood_in).unwrap_or_default()
}

/// Whether our policy, if there is one, grants nothing but what [`granted`] tells.
fn is_understood(observed: &RoleSnapshot) -> bool {
    observed.inline_policy.present().is_none_or(|policy| Grants::from_policy(policy).is_some())
}

/// Adds what removes the workload's part of the role: the policy keeps what others need; with the last, policy and role go.
/// `dropped` = ARNs of the secrets that need no longer be granted. Where not all workloads are known, only these are dropped.
pub fn plan_removal(
    desired: &DesiredRole,
    shared: bool,
    dropped: &BTreeSet<&str>,
    observed: Option<&RoleSnapshot>,
    after: &[Subject],
    plan: &mut Plan,
) {
    let Some(observed) = observed else { return };
    let subject = Subject::role(&desired.name);
    let found = match &observed.role {
        Snapshot::Unknown(failure) => return plan.unobserved(subject, failure),
        Snapshot::Absent => return,
        Snapshot::Present(role) => role,
    };
    let made = match &desired.managed {
        Some(managed) if !managed.is_ours(&found.tags) => {
            plan.notes.push(format!("role {} is left alone: {}", found.arn, claimed_by(&found.tags)));
            return;
        }
        // Of that name, but under another path: not the role that the spec names.
        None if found.arn != desired.arn => return,
        managed => managed.is_some(),
    };
    let after: Vec<Subject> = after.iter().cloned().chain([subject.clone()]).collect();
    let mut staying = desired.others.clone();
    if !desired.unclear.is_empty() && !is_understood(observed) {
        plan.notes.push(format!("role {} stays: who needs what its policy grants is not known here", desired.name));
        return;
    }
    if !desired.unclear.is_empty() {
        let mut unclear = granted(observed);
        unclear.secrets.retain(|arn| !dropped.contains(arn.as_str()));
        unclear.keys.retain(|_| !unclear.secrets.is_empty());
        staying = staying.union(&unclear);
    }
    if !shared && !staying.is_empty() {
        plan.notes
            .push(format!("role {} stays: its policy also grants secrets of workloads that are not known here", desired.name));
    }
    let stays = shared || !staying.is_empty();
    // A removal takes away and gives nothing: a policy that is not there is not made here.
    if !matches!(observed.inline_policy, Snapshot::Absent) {
        plan_inline_policy(desired, staying, true, observed, &after, plan);
    }
    if stays {
        return;
    }
    if made {
        match &observed.attached {
            Snapshot::Unknown(failure) if failure.kind != FailureKind::NotFound => {
                return plan.unobserved(subject, failure);
            }
            Snapshot::Present(attached) => {
                for policy_arn in attached {
                    let action = Action::DetachRolePolicy { role: desired.name.clone(), policy_arn: policy_arn.clone() };
                    plan.step(subject.clone(), action, &after, "the last workload that uses the role goes", vec![]);
                }
            }
            _ => {}
        }
        let changes = vec![FieldChange { path: "arn".into(), change: Change::Removed(json!(desired.arn)) }];
        plan.step(
            subject,
            Action::DeleteRole { role: desired.name.clone() },
            &after,
            "the last workload that uses it goes",
            changes,
        );
    }
}
