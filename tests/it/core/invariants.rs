//! What must hold of every status, after every pass of every test. Numbered, so that a failure says which.

use super::fixtures::PASSWORD;
use jiff::{Timestamp, ToSpan};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use std::collections::BTreeSet;
use wharfinger::api::{PrivateImageWorkload, PrivateImageWorkloadStatus, Verify};
use wharfinger::pass::Pass;
use wharfinger::status::{READY, RECONCILING, Reason, STALLED, find, summarise};

const PARTS: [&str; 3] = ["CredentialsSynced", "ExecutionRoleReady", "DefinitionRegistered"];

/// `workload` still has the previous status.
pub(crate) fn check(workload: &PrivateImageWorkload, pass: &Pass, status: &PrivateImageWorkloadStatus, now: Timestamp) {
    let fail = |number: u32, rule: &str| panic!("invariant {number} does not hold: {rule}\n{status:#?}");
    let is = |condition: &str, value: &str| find(status, condition).is_some_and(|found| found.status == value);
    let has = |condition: &str| find(status, condition).is_some();
    let types: BTreeSet<&str> = status.conditions.iter().map(|condition| condition.type_.as_str()).collect();
    let suspended = matches!(pass, Pass::Suspended);
    if types.len() != status.conditions.len() || !has(READY) {
        fail(1, "there is one Ready, and no type twice");
    }
    if is(READY, "True") && (has(STALLED) || has(RECONCILING)) {
        fail(2, "what is ready is neither stalled nor being worked on");
    }
    if !is(READY, "True") && (has(STALLED) == has(RECONCILING)) != suspended {
        fail(3, "what is not ready is either stalled or being worked on; what is suspended, neither");
    }
    if is(STALLED, "False") || is(RECONCILING, "False") {
        fail(4, "the kstatus conditions are there only when true");
    }
    let rolled = workload.spec.rollout.iter().map(|_| &"ServicesUpdated");
    let placed = workload.spec.pull_network_ref.iter().map(|_| &"EndpointsReady");
    if !suspended && is(READY, "True") != PARTS.iter().chain(rolled).chain(placed).all(|part| is(part, "True")) {
        fail(5, "Ready is the AND of the parts");
    }
    if status.observed_generation != workload.metadata.generation {
        fail(6, "the status says which generation it is of");
    }
    if !suspended && status.conditions.iter().any(|condition| condition.observed_generation != workload.metadata.generation) {
        fail(7, "so does each condition");
    }
    let enforced = workload.spec.verify == Verify::Enforce && !suspended;
    if enforced && is(READY, "True") && !is("ImageVerified", "True") {
        fail(18, "where a proof is enforced, what is ready is proven");
    }
    check_words(status, &fail);
    check_plan(pass, status, &fail);
    if find(status, STALLED).is_some_and(|stalled| stalled.reason != find(status, READY).unwrap().reason) {
        fail(13, "Stalled and Ready give the same reason");
    }
    let previous = workload.status.clone().unwrap_or_default();
    for condition in &status.conditions {
        check_time(condition, find(&previous, &condition.type_), now, &fail);
    }
    let again = PrivateImageWorkload { status: Some(status.clone()), ..workload.clone() };
    if summarise(&again, pass, now.checked_add(1.hour()).unwrap()) != *status {
        fail(15, "the same pass an hour later makes the same status");
    }
    let shown = format!("{pass:?}{status:?}{}", serde_json::to_string(status).unwrap());
    if shown.contains(PASSWORD) {
        fail(16, "no password is shown");
    }
    if let Pass::Done(round) = pass
        && format!("{}{}", round.plan, serde_json::to_string(&round.plan).unwrap()).contains(PASSWORD)
    {
        fail(17, "no password is in the plan");
    }
}

fn check_words(status: &PrivateImageWorkloadStatus, fail: &dyn Fn(u32, &str)) {
    for condition in &status.conditions {
        let Some(reason) = Reason::ALL.iter().find(|reason| reason.to_string() == condition.reason) else {
            return fail(8, "reasons are of the closed list");
        };
        if (condition.type_ == STALLED && !reason.is_stalled()) || (condition.type_ == RECONCILING && reason.is_stalled()) {
            fail(9, "the reason says whether somebody must act");
        }
        if (condition.status == "True" && !matches!(condition.type_.as_str(), STALLED | RECONCILING))
            != matches!(reason, Reason::Succeeded | Reason::ForeignRevision)
        {
            fail(10, "what is true succeeded, and nothing else");
        }
        if condition.message.len() > 4096 || (condition.status != "True" && condition.message.is_empty()) {
            fail(11, "what is not true says why, within 4096 bytes");
        }
    }
}

fn check_plan(pass: &Pass, status: &PrivateImageWorkloadStatus, fail: &dyn Fn(u32, &str)) {
    let open = match pass {
        Pass::Suspended => return,
        Pass::Refused(_) => false,
        Pass::Done(round) => !round.is_converged(),
    };
    if status.plan.is_some() != open || status.plan.as_ref().is_some_and(|plan| plan.len() > 8 * 1024) {
        fail(12, "what is open stands in the plan, within 8 KiB; when nothing is, there is none");
    }
}

fn check_time(condition: &Condition, before: Option<&Condition>, now: Timestamp, fail: &dyn Fn(u32, &str)) {
    let kept = before.filter(|before| before.status == condition.status).map(|before| before.last_transition_time.0);
    if condition.last_transition_time.0 != kept.unwrap_or(now) {
        fail(14, "a transition's time changes with the status and with nothing else");
    }
}
