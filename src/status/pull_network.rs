//! The status of a `PullNetwork`, and whether one that is being deleted may go. Pure.

use super::removal::deletion_waits;
use super::{
    ENDPOINTS_READY, MAX_PLAN, Parts, READY, Reason, Verdict, condition, conditions, refusal, requested_at, verdict, waiting,
};
use crate::api::{EndpointStatus, PullNetwork, PullNetworkStatus};
use crate::desired::DELETING;
use crate::pass::{Facts, Pass, Round, ended_endpoints};
use crate::plan::{Kind, render};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// The parts of a network's `Ready`.
pub(super) const PARTS: [(&str, Kind); 3] =
    [("NetworkSuitable", Kind::Vpc), (SECURITY_GROUP_READY, Kind::SecurityGroup), (ENDPOINTS_READY, Kind::Endpoint)];
const SECURITY_GROUP_READY: &str = "SecurityGroupReady";

/// What no endpoint leads to. It is no part of `Ready`, and there only where something needs it.
pub(super) const INTERNET_PATH_NEEDED: &str = "InternetPathNeeded";

/// AWS's word for an endpoint that serves.
const AVAILABLE: &str = "available";

/// The status after a pass. `users` = the workloads that name the network.
pub fn summarise_network(network: &PullNetwork, pass: &Pass, users: &[String], now: Timestamp) -> PullNetworkStatus {
    let mut status = network.status.clone().unwrap_or_default();
    let generation = network.metadata.generation;
    status.observed_generation = generation;
    status.last_handled_reconcile_at = requested_at(network).or(status.last_handled_reconcile_at);
    status.users = users.len() as i64;
    let previous = std::mem::take(&mut status.conditions);
    let parts: Parts = match pass {
        Pass::Suspended => {
            status.conditions = below_ready(&previous);
            let message = "suspended: nothing is compared and nothing written";
            let verdict = Verdict { ok: Some(false), reason: Reason::Suspended, message: message.into() };
            status.conditions.insert(0, condition(READY, &verdict, generation, &previous, now));
            return status;
        }
        Pass::Refused(problems) => {
            status.plan = None;
            PARTS.map(|(part, _)| (part, refusal(problems))).into()
        }
        Pass::Done(round) => {
            record(network, round, &mut status);
            let judged = |part, kind| serving(verdict(round, part, std::slice::from_ref(&kind)), part, &round.facts);
            PARTS.map(|(part, kind)| (part, judged(part, kind))).into()
        }
    };
    let success = format!("{} is ready: {}", network.spec.vpc_id, serves(&status.endpoints));
    status.conditions = conditions(&parts, success, generation, &previous, now);
    if let Pass::Done(round) = pass
        && !round.facts.internet_needs.is_empty()
    {
        let message = format!("no endpoint leads to {}", round.facts.internet_needs.join("; and to "));
        let needed = Verdict { ok: Some(true), reason: Reason::InternetPathNeeded, message };
        status.conditions.push(condition(INTERNET_PATH_NEEDED, &needed, generation, &previous, now));
    }
    status
}

/// What was seen counts whether or not anything may be written: workloads go by it.
fn record(network: &PullNetwork, round: &Round, status: &mut PullNetworkStatus) {
    let facts = &round.facts;
    status.target = Some(round.target.status());
    status.vpc_id = Some(network.spec.vpc_id.clone());
    status.endpoints = facts.endpoints.clone();
    status.security_group_id = facts.security_group_id.clone();
    status.billed_interfaces = facts.billed_interfaces;
    status.warnings = round.warnings.iter().chain(&round.plan.notes).cloned().collect();
    status.plan = (!round.is_converged()).then(|| render::cut(&render::text(round), MAX_PLAN));
}

/// Endpoints that were asked for serve by and by.
fn serving(verdict: Verdict, part: &str, facts: &Facts) -> Verdict {
    let open: Vec<String> = facts
        .endpoints
        .iter()
        .filter(|it| it.state.as_deref() != Some(AVAILABLE))
        .map(|it| format!("{} is {}", it.service, it.state.as_deref().unwrap_or("not there")))
        .collect();
    if part != ENDPOINTS_READY || open.is_empty() || verdict.ok != Some(true) {
        return verdict;
    }
    Verdict::no(Reason::Progressing, format!("endpoints are not available yet: {}", open.join(", ")))
}

fn serves(endpoints: &[EndpointStatus]) -> String {
    match endpoints {
        [] => "no endpoint is needed".to_owned(),
        some => some.iter().map(|it| it.service.as_str()).collect::<Vec<_>>().join(", "),
    }
}

/// The conditions that stay as they are while nothing is looked at.
fn below_ready(previous: &[Condition]) -> Vec<Condition> {
    previous.iter().filter(|it| it.type_ == INTERNET_PATH_NEEDED || is_part(&it.type_)).cloned().collect()
}

/// Whether a condition is a part of a network's `Ready`.
pub(super) fn is_part(kind: &str) -> bool {
    PARTS.iter().any(|(part, _)| *part == kind)
}

/// What a part says when it is so.
pub(super) fn success(facts: &Facts, part: &str) -> String {
    match part {
        SECURITY_GROUP_READY => match &facts.security_group_id {
            Some(id) => format!("{id} lets 443 in from the subnets"),
            None => "no security group is kept".to_owned(),
        },
        ENDPOINTS_READY => {
            let told = |it: &EndpointStatus| {
                let kept = if it.managed { "" } else { " (not this network's)" };
                format!("{}: {}{kept}", it.service, it.id.as_deref().unwrap_or_default())
            };
            let all: Vec<String> = facts.endpoints.iter().map(told).collect();
            if all.is_empty() { "no endpoint is needed".to_owned() } else { all.join("; ") }
        }
        _ => "endpoints can be in this VPC and its subnets".to_owned(),
    }
}

/// Why a network that is being deleted waits; none if it may go. `pass` = what its removal came to, once no workload names it. Until then
/// its endpoints are there, and its workloads go on by what was said of them.
pub fn blocked_network(
    network: &PullNetwork,
    users: &[String],
    pass: Option<&Pass>,
    now: Timestamp,
) -> Option<(Reason, PullNetworkStatus)> {
    let never = network.status.as_ref().is_none_or(|status| status.target.is_none());
    let (reason, message) = deletion_waits(users, pass, never)?;
    let mut status = network.status.clone().unwrap_or_default();
    status.observed_generation = network.metadata.generation;
    status.users = users.len() as i64;
    if let Some(Pass::Done(round)) = pass {
        let ended = ended_endpoints(round.done());
        let gone = status.endpoints.iter_mut().filter(|it| it.id.as_ref().is_some_and(|id| ended.contains(id)));
        gone.for_each(|it| it.state = Some(DELETING.to_owned()));
    }
    let previous = std::mem::take(&mut status.conditions);
    status.conditions = waiting(reason, &message, network.metadata.generation, &previous, now);
    if pass.is_none() {
        status.conditions.extend(below_ready(&previous));
    }
    Some((reason, status))
}
