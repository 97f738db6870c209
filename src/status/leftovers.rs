//! What a workload still waits for: a deployment that goes on, something of the past that is still to end. Pure.

use super::{READY, Reason, find};
use crate::api::{NeedStatus, PrivateImageWorkload, PrivateImageWorkloadStatus, ServiceState};
use crate::desired::REVISION_HISTORY_LIMIT;
use crate::pass::{Outcome, Round};
use crate::plan::Step;
use crate::resource::revision::{Family, surplus};
use crate::resource::uses::Thing;

/// Whether a deployment goes on and nothing but time is waited for, the turn of what is held back included. What is past and could not be ended hinders nothing.
pub fn follows(status: &PrivateImageWorkloadStatus, round: &Round) -> bool {
    let rolling = status.services.iter().any(|service| service.state == ServiceState::Progressing);
    let hinders = |(step, outcome): (&Step, Option<&Outcome>)| match outcome {
        Some(Outcome::Failed(failure)) => !step.subject.kind.is_past() && failure.retry_after.is_none(),
        _ => false,
    };
    let hindered = round.results().any(hinders);
    let waits = find(status, READY).is_some_and(|ready| ready.reason == Reason::Progressing.to_string());
    rolling && waits && !hindered
}

/// Whether another pass at once would get further: something of the past is left, and this pass came nearer to its end. (It need not
/// have written anything: a pass before it may have been cut off after its write.)
pub fn goes_on(workload: &PrivateImageWorkload, status: &PrivateImageWorkloadStatus, wrote: bool) -> bool {
    let past = |status: &PrivateImageWorkloadStatus| {
        (status.older_revisions.clone(), status.former_roles.clone(), status.secrets.iter().filter(|it| it.former).count())
    };
    let moved = workload.status.as_ref().is_none_or(|before| past(before) != past(status));
    (wrote || moved) && (has_leftovers(workload, status) || needs_less(workload, status))
}

/// Whether a revision has gone that needed of the role what others may not: the policy is narrowed by the next pass.
fn needs_less(workload: &PrivateImageWorkload, status: &PrivateImageWorkloadStatus) -> bool {
    let before = workload.status.iter().flat_map(|before| before.older_revisions.iter().flatten());
    let older: Vec<&String> = status.older_revisions.iter().flatten().map(|revision| &revision.arn).collect();
    let granted = |need: &NeedStatus| Thing::recorded(need).is_some_and(|thing| !thing.is_of_managed_policy());
    before.into_iter().any(|revision| revision.needs.iter().any(granted) && !older.contains(&&revision.arn))
}

/// Whether older revisions are beyond the limit, or roles and secrets are left that no older revision names.
pub fn has_leftovers(workload: &PrivateImageWorkload, status: &PrivateImageWorkloadStatus) -> bool {
    let (Some(older), Some(definition)) = (&status.older_revisions, &status.definition) else { return false };
    let Some((family, _)) = Family::of(&definition.arn) else { return false };
    let limit = workload.spec.revision_history_limit.and_then(|limit| limit.try_into().ok()).unwrap_or(REVISION_HISTORY_LIMIT);
    let named = |arn: &String| older.iter().any(|it| it.execution_role_arn.as_ref() == Some(arn) || it.secrets.contains(arn));
    let undescribed = older.iter().any(|revision| revision.execution_role_arn.is_none());
    let mut past = status.secrets.iter().filter(|secret| secret.former).map(|secret| &secret.arn).chain(&status.former_roles);
    undescribed
        || !surplus(older.iter().map(|revision| revision.arn.as_str()), &family, limit).is_empty()
        || past.any(|arn| !named(arn))
}
