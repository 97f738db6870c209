//! Whether a workload that is being deleted may go, or why it waits. Pure.

use super::{Reason, held_up};
use crate::api::{DeletionPolicy, ManagementPolicy, PrivateImageWorkload, PrivateImageWorkloadStatus};
use crate::pass::{Pass, Round};
use crate::plan::Hold;
use jiff::Timestamp;

/// What becomes of a workload after a pass that removes.
#[derive(Debug)]
pub enum Farewell {
    /// Nothing keeps it; the note says what stays in AWS.
    LetGo(String),
    /// It waits.
    Wait(Reason, Box<PrivateImageWorkloadStatus>),
}

/// Decides from the pass.
pub fn farewell(workload: &PrivateImageWorkload, pass: &Pass, now: Timestamp) -> Farewell {
    let (reason, message) = match pass {
        Pass::Done(round) if round.is_converged() => return Farewell::LetGo(round.plan.notes.join("; ")),
        Pass::Done(round) => obstacle(round),
        Pass::Refused(problems) => {
            let reason = problems.first().map_or(Reason::DeletionBlocked, |problem| problem.reason);
            if left_nothing(workload, reason) {
                return Farewell::LetGo("it never got as far as an AWS account".to_owned());
            }
            (reason, problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        }
        Pass::Suspended => (Reason::Suspended, "suspended".to_owned()),
    };
    let message = format!("deletion waits: {message}; to leave everything in AWS, annotate it with wharfinger.dev/abandon=true");
    Farewell::Wait(reason, Box::new(held_up(workload, reason, &message, now)))
}

/// For a workload whose deletion changes nothing in AWS, and so needs no account: what stays there.
pub fn leaves_everything(workload: &PrivateImageWorkload) -> Option<String> {
    let why = match (workload.spec.management_policy, workload.spec.deletion_policy) {
        (ManagementPolicy::Observe, _) => "managementPolicy is Observe",
        (_, DeletionPolicy::Retain) => "deletionPolicy is Retain",
        _ => return None,
    };
    Some(format!("{why}: what stays in AWS: {}", inventory(workload)))
}

/// What a workload has in AWS, for people.
pub fn inventory(workload: &PrivateImageWorkload) -> String {
    let status = workload.status.clone().unwrap_or_default();
    let definition = status.definition.map(|definition| definition.arn);
    let older = status.older_revisions.into_iter().flatten().map(|revision| revision.arn);
    let roles = status.execution_role_arn.into_iter().chain(status.former_roles);
    let secrets = status.secrets.into_iter().map(|secret| secret.arn);
    let all: Vec<String> = definition.into_iter().chain(older).chain(roles).chain(secrets).collect();
    if all.is_empty() { "nothing that the status knows of".to_owned() } else { all.join(", ") }
}

/// A workload that never had a target left nothing in AWS. Where AWS itself refused or failed, that is not known.
fn left_nothing(workload: &PrivateImageWorkload, reason: Reason) -> bool {
    let had_target = workload.status.as_ref().is_some_and(|status| status.target.is_some());
    !had_target && !matches!(reason, Reason::AccessDenied | Reason::Throttled | Reason::AwsUnavailable | Reason::RefusedByAws)
}

/// Users that a message names; the rest are counted.
const MAX_NAMED: usize = 10;

/// Why something that others use waits for its end; none if it may go. `pass` = what its removal came to, once nobody uses it;
/// `never` = it never got as far as an AWS account.
pub(super) fn deletion_waits(users: &[String], pass: Option<&Pass>, never: bool) -> Option<(Reason, String)> {
    let (reason, message) = match pass {
        None => (
            Reason::DeletionBlocked,
            format!("these workloads use it: {}; wharfinger.dev/force-delete=true goes on all the same", named(users)),
        ),
        Some(Pass::Done(round)) if round.is_converged() => return None,
        Some(Pass::Done(round)) => obstacle(round),
        Some(Pass::Refused(problems)) => {
            let reason = problems.first().map_or(Reason::DeletionBlocked, |problem| problem.reason);
            let by_aws =
                matches!(reason, Reason::AccessDenied | Reason::Throttled | Reason::AwsUnavailable | Reason::RefusedByAws);
            if never && !by_aws {
                return None;
            }
            (reason, problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        }
        Some(Pass::Suspended) => (Reason::Suspended, "suspended".to_owned()),
    };
    let message = format!("deletion waits: {message}; to leave everything in AWS, annotate it with wharfinger.dev/abandon=true");
    Some((reason, message))
}

fn named(users: &[String]) -> String {
    let shown = users.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match users.len().saturating_sub(MAX_NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn obstacle(round: &Round) -> (Reason, String) {
    match (round.failure(), round.plan.held.first()) {
        (Some(failure), _) => (Reason::of_write(failure.kind), failure.to_string()),
        (None, Some(held)) => match &held.hold {
            Hold::Unobserved(failure) => (failure.kind.into(), held.message.clone()),
            Hold::NotOurs | Hold::Waiting | Hold::Missing | Hold::InUse | Hold::Refused(_) => {
                (Reason::DeletionBlocked, held.message.clone())
            }
        },
        (None, None) => (Reason::DeletionBlocked, "steps were skipped".to_owned()),
    }
}
