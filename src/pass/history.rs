//! What is known after a pass of what the spec no longer leads to.

use super::{Done, Facts};
use crate::api::{ContainerKeyStatus, RevisionStatus, SecretStatus};
use crate::desired::{Desired, FormerRole, FormerSecret};
use crate::observed::{Observed, Snapshot};
use crate::plan::{self, Action, Plan};
use crate::resource::arn::Arn;
use crate::resource::definition::ObservedDefinition;
use crate::resource::grants::Permission;
use crate::resource::names::secret_parts;
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
    let described = |found: &ObservedDefinition| found.as_revision(desired.definition.kind).as_status();
    let seen = desired.definition.current(observed).into_iter().chain(&observed.recorded).map(described);
    let mut all: Vec<RevisionStatus> = vec![];
    // Not the newest and not among the active ones: somebody deregistered it.
    let looked = matches!(observed.definition, Some(Snapshot::Absent | Snapshot::Present(_)));
    for revision in seen.chain(known).chain(desired.replaced.clone().filter(|_| looked)) {
        let kept = Some(revision.arn.as_str()) != current && !is_retired(&revision.arn, desired, observed, done);
        if kept && !all.iter().any(|other| other.arn == revision.arn) {
            let described = observed.revisions.get(&revision.arn).and_then(Snapshot::present).map(|found| found.as_status());
            all.push(described.unwrap_or(revision));
        }
    }
    let number = |revision: &RevisionStatus| Family::of(&revision.arn).filter(|(of, _)| *of == family).map(|(_, number)| number);
    all.sort_by_key(|revision| std::cmp::Reverse(number(revision)));
    Some(all)
}

/// Whether a revision is gone, or not ours to end. One that somebody deregistered while it was in use is neither.
fn is_retired(arn: &str, desired: &Desired, observed: &Observed, done: &Done) -> bool {
    let Some((family, _)) = Family::of(arn) else { return true };
    let deleted = desired.delete_retired && family.is_ecs();
    let has_ended = |action: &Action| match action {
        Action::DeregisterDefinition { arn: of, .. } => of == arn && !deleted,
        Action::DeleteTaskDefinitions { arns } => arns.iter().any(|of| of == arn),
        _ => false,
    };
    if done.output(has_ended).is_some() {
        return true;
    }
    let unused = observed.usage.get(&family).and_then(Snapshot::present).is_some_and(|usage| !usage.contains_key(arn));
    match observed.revisions.get(arn) {
        Some(Snapshot::Absent) => true,
        Some(Snapshot::Present(revision)) => {
            !desired.definition.owner.owns(&revision.tags, false) || (!revision.active && unused && !deleted)
        }
        Some(Snapshot::Unknown(_)) | None => false,
    }
}

/// ARNs of the former roles that still have something of ours. What was not seen to be gone is not.
pub(super) fn former_roles(desired: &Desired, observed: &Observed, done: &Done) -> Vec<String> {
    let leaving: Vec<&FormerRole> = desired.leaving_roles(observed).collect();
    let left = desired.former_roles.iter().filter(|former| !leaving.contains(former) || !is_clear(former, observed, done));
    let known = left.map(|former| former.role.arn.clone());
    // Where a status was lost, or is none, revisions tell.
    let older = desired.older_now(observed).unwrap_or_default().into_iter().filter_map(|revision| revision.execution_role_arn);
    let found: BTreeSet<String> = older.filter(|arn| *arn != desired.role.arn).chain(known).collect();
    found.into_iter().collect()
}

/// Whether nothing of ours is left in a former role. With one that others use, they see to that.
fn is_clear(former: &FormerRole, observed: &Observed, done: &Done) -> bool {
    let Some(seen) = observed.roles.get(&former.role.name) else { return false };
    let found = match &seen.role {
        Snapshot::Absent => return true,
        Snapshot::Unknown(_) => return false,
        Snapshot::Present(found) => found,
    };
    let name = &former.role.name;
    let policy_gone = matches!(seen.inline_policy, Snapshot::Absent)
        || done.output(|action| matches!(action, Action::DeleteRolePolicy { role, .. } if role == name)).is_some();
    let made = former.role.managed.as_ref().is_some_and(|managed| managed.is_of(&former.role.owner, &found.tags));
    let role_gone = !made || done.output(|action| matches!(action, Action::DeleteRole { role } if role == name)).is_some();
    former.shared || (policy_gone && role_gone)
}

/// Former secrets that are still there for older revisions, and ARNs of those that are not.
pub(super) fn former_secrets(desired: &Desired, observed: &Observed, done: &Done) -> (Vec<SecretStatus>, BTreeSet<String>) {
    let leaving: Vec<&FormerSecret> = desired.leaving_secrets(observed).collect();
    let gone = |former: &&FormerSecret| leaving.contains(former) && has_gone(former, observed, done);
    let (gone, left): (Vec<&FormerSecret>, Vec<&FormerSecret>) = desired.former_secrets.iter().partition(gone);
    let gone = gone.into_iter().map(|former| former.status.arn.clone()).collect();
    let left = left.into_iter().map(|former| former.status.clone());
    (left.chain(unknown_secrets(desired, observed)).collect(), gone)
}

/// The customer keys of what the containers of registered revisions read.
pub(super) fn container_keys(desired: &Desired, observed: &Observed) -> Vec<ContainerKeyStatus> {
    let present = plan::container_grants(desired, observed, &mut Plan::default());
    let used = present.union(&desired.former_grants(observed));
    let listed = used.0.iter().filter_map(Permission::decryption);
    let pulled = |of: &String| desired.former_secrets.iter().any(|former| former.status.arn == *of);
    let found: BTreeSet<ContainerKeyStatus> = listed
        .filter_map(|use_of| Some(ContainerKeyStatus { of: use_of.of.clone()?, kms_key_arn: use_of.key.clone() }))
        .filter(|key| !pulled(&key.of))
        .collect();
    found.into_iter().collect()
}

/// Secrets of older revisions that no status knows, as after it was lost: by their names those that may be ours. One that could not
/// be looked at is not recorded without its key: it stays unknown.
fn unknown_secrets(desired: &Desired, observed: &Observed) -> Vec<SecretStatus> {
    let (prefix, namespace) = (&desired.target.names.secret_prefix, &desired.definition.owner.namespace);
    let unknown = desired.unknown_secrets(observed).into_iter().filter_map(|arn| {
        let name = Arn::parse(&arn).ok()?.secret_stem()?.to_owned();
        let (_, registry) = secret_parts(prefix, namespace, &name)?;
        let key = observed.secrets.get(&arn)?.present()?.customer_key().map(str::to_owned);
        let kms_key_arn = match key {
            Some(key) if key.contains(":key/") => Some(key),
            Some(key) => Some(observed.keys.get(&key)?.present()?.clone()),
            None => None,
        };
        Some(SecretStatus { registry: registry.to_string(), name: Some(name), arn, version_id: None, kms_key_arn, former: true })
    });
    unknown.collect()
}

fn has_gone(former: &FormerSecret, observed: &Observed, done: &Done) -> bool {
    let Some(kept) = &former.kept else { return true };
    let ours = |secret: &ObservedSecret| kept.owner.owns(&secret.tags, kept.recorded.as_deref() == Some(&secret.arn));
    let deleted = |action: &Action| matches!(action, Action::DeleteSecret { arn, .. } if *arn == former.status.arn);
    match observed.secrets.get(&kept.name) {
        Some(Snapshot::Present(secret)) => {
            secret.scheduled_for_deletion || !ours(secret) || kept.kept_by_others || done.output(deleted).is_some()
        }
        Some(Snapshot::Absent) => true,
        Some(Snapshot::Unknown(_)) | None => false,
    }
}
