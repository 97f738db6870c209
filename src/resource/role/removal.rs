//! The end of a workload's part in a role.

use super::*;
use crate::failure::FailureKind;
use crate::resource::grants::Held;

/// What our policy grants now, as far as it is understood, and what is not.
pub(super) fn held(desired: &DesiredRole, policy: &Value) -> Held {
    Grants::held_in(policy, &desired.settings.pulls)
}

/// Whether our policy, if there is one, grants nothing but what [`granted`] tells.
fn is_understood(observed: &RoleSnapshot) -> bool {
    observed.inline_policy.present().is_none_or(|policy| Grants::from_policy(policy).is_some())
}

/// The role with the conditions that its policy has: where pulls must come from is a setting of those who stay, and this workload may
/// have no word on it any more.
fn as_those_who_stay(desired: &DesiredRole, observed: &RoleSnapshot) -> DesiredRole {
    let pulls = observed.inline_policy.present().and_then(PullSources::in_policy);
    let pulls = pulls.unwrap_or_else(|| desired.settings.pulls.clone());
    DesiredRole { settings: RoleSettings { pulls, ..desired.settings.clone() }, ..desired.clone() }
}

/// What is granted, and what of it others are known to need. A removal gives nothing.
fn staying(desired: &DesiredRole, observed: &RoleSnapshot) -> (Grants, Grants) {
    let granted = observed.inline_policy.present().map(|policy| held(desired, policy).grants).unwrap_or_default();
    let mut staying = desired.others.union(&desired.doubtful.proven(&granted, |_| false));
    staying.drop_new_pulls_and_logs(&granted);
    (granted, staying)
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
        Some(managed) if managed.is_of(&desired.owner, &found.tags) => true,
        Some(managed) if !managed.former => {
            plan.notes.push(format!("role {} is left alone: {}", found.arn, claimed_by(&found.tags)));
            return;
        }
        // Of that name, but under another path: not the role that spec or status name.
        _ if found.arn != desired.arn => return,
        _ => false,
    };
    let after: Vec<Subject> = after.iter().cloned().chain([subject.clone()]).collect();
    let desired = &as_those_who_stay(desired, observed);
    let (granted, mut staying) = staying(desired, observed);
    if !desired.unclear.is_empty() && !is_understood(observed) {
        plan.notes.push(format!("role {} stays: who needs what its policy grants is not known here", desired.name));
        return;
    }
    if !desired.unclear.is_empty() {
        let mut unclear = granted;
        unclear.drop_secrets(dropped);
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
        let action = Action::DeleteRole { role: desired.name.clone() };
        plan.step(subject, action, &after, "the last workload that uses it goes", changes);
    }
}
