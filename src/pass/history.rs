//! What is known after a pass of what the spec no longer leads to.

use super::{Done, Facts};
use crate::api::{RevisionStatus, SecretStatus};
use crate::desired::{Desired, FormerSecret};
use crate::observed::{Observed, Snapshot};
use crate::plan::{Action, Subject};
use crate::resource::revision::Family;
use crate::resource::secret::ObservedSecret;
use std::collections::BTreeSet;

/// Our other registered revisions, newest first. `facts.definition` = the current one.
pub(super) fn older(desired: &Desired, observed: &Observed, done: &Done, facts: &Facts) -> Option<Vec<RevisionStatus>> {
    let current = facts.definition.as_ref().map(|definition| definition.arn.as_str());
    let family = desired.definition.family();
    let known = match (desired.older_now(observed), &observed.definition) {
        (Some(known), _) => known,
        (None, Some(Snapshot::Absent)) => vec![],
        (None, _) => return None,
    };
    let seen = desired.definition.current(observed).map(|found| {
        let revision = found.as_revision(desired.definition.kind);
        RevisionStatus { arn: revision.arn, execution_role_arn: revision.role, secrets: revision.secrets }
    });
    // One that our status names and that another has replaced, as after a lost answer.
    let replaced = observed.recorded.as_ref().map(|found| {
        let revision = found.as_revision(desired.definition.kind);
        RevisionStatus { arn: revision.arn, execution_role_arn: revision.role, secrets: revision.secrets }
    });
    let mut all: Vec<RevisionStatus> = vec![];
    for revision in seen.into_iter().chain(replaced).chain(known) {
        let kept = Some(revision.arn.as_str()) != current && !is_retired(&revision.arn, desired, observed, done);
        if kept && !all.iter().any(|other| other.arn == revision.arn) {
            all.push(revision);
        }
    }
    let number = |revision: &RevisionStatus| Family::of(&revision.arn).filter(|(of, _)| *of == family).map(|(_, number)| number);
    all.sort_by_key(|revision| std::cmp::Reverse(number(revision)));
    Some(all)
}

/// Whether a revision is gone, or not ours to end.
fn is_retired(arn: &str, desired: &Desired, observed: &Observed, done: &Done) -> bool {
    let has_ended = |action: &Action| match action {
        Action::DeregisterDefinition { arn: of, .. } => of == arn && !desired.delete_retired,
        Action::DeleteTaskDefinitions { arns } => arns.iter().any(|of| of == arn),
        _ => false,
    };
    if done.output(has_ended).is_some() {
        return true;
    }
    match observed.revisions.get(arn) {
        Some(Snapshot::Absent) => true,
        Some(Snapshot::Present(revision)) => {
            let deleted = desired.delete_retired && desired.definition.family().is_ecs();
            (!revision.active && !deleted) || !desired.definition.owner.owns(&revision.tags, false)
        }
        Some(Snapshot::Unknown(_)) | None => false,
    }
}

/// ARNs of the former roles that still have something of ours.
pub(super) fn former_roles(desired: &Desired, observed: &Observed, done: &Done) -> Vec<String> {
    let leaving: BTreeSet<&str> = desired.leaving_roles(observed).map(|former| former.role.arn.as_str()).collect();
    let all = desired.former_roles.iter().map(|former| &former.role);
    let left = all.filter(|role| {
        let seen = observed.roles.get(&role.name);
        !leaving.contains(role.arn.as_str()) || seen.is_none() || !done.is_done_with(&Subject::role(&role.name))
    });
    left.map(|role| role.arn.clone()).collect()
}

/// Former secrets that are still there for older revisions, and ARNs of those that are not.
pub(super) fn former_secrets(desired: &Desired, observed: &Observed, done: &Done) -> (Vec<SecretStatus>, BTreeSet<String>) {
    let leaving: Vec<&FormerSecret> = desired.leaving_secrets(observed).collect();
    let gone = |former: &&FormerSecret| leaving.contains(former) && has_gone(former, observed, done);
    let (gone, left): (Vec<&FormerSecret>, Vec<&FormerSecret>) = desired.former_secrets.iter().partition(gone);
    let gone = gone.into_iter().map(|former| former.status.arn.clone()).collect();
    (left.into_iter().map(|former| former.status.clone()).collect(), gone)
}

fn has_gone(former: &FormerSecret, observed: &Observed, done: &Done) -> bool {
    let Some(kept) = &former.kept else { return true };
    let ours = |secret: &ObservedSecret| kept.owner.owns(&secret.tags, kept.recorded.as_deref() == Some(&secret.arn));
    let deleted = |action: &Action| matches!(action, Action::DeleteSecret { arn, .. } if *arn == former.status.arn);
    match observed.secrets.get(&kept.name) {
        Some(Snapshot::Present(secret)) => {
            secret.scheduled_for_deletion || !ours(secret) || !kept.shared_with.is_empty() || done.output(deleted).is_some()
        }
        Some(Snapshot::Absent) => true,
        Some(Snapshot::Unknown(_)) | None => false,
    }
}
