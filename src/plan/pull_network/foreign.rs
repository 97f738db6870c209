//! Endpoints of others: never doubled. One that suffices is used as it is; one that may be taken over is; any other is in the way.

use super::endpoints::{View, known, subject};
use super::groups::{ranges, shut_out};
use crate::desired::DesiredNetwork;
use crate::plan::{Action, Hold, Plan, Subject};
use crate::resource::network::endpoint::{DesiredEndpoint, Phase, Wanted, phase};
use crate::resource::network::group::{Inbound, inbound};
use crate::resource::network::{Endpoint, EndpointKind, SecurityGroup, kind_word, policies};
use crate::resource::tags::claimed_by;
use std::collections::BTreeSet;

/// What is to be said of an endpoint of others.
#[derive(Default)]
struct Verdict {
    /// What it lacks.
    lacks: Vec<String>,
    /// What nobody can say, and what its owner decided.
    notes: Vec<String>,
}

impl View<'_> {
    /// `others` = those of the service, available ones first. Gives the one that is used as it is.
    pub(super) fn plan_foreign(&self, wanted: &Wanted, others: &[&Endpoint], plan: &mut Plan) -> Option<String> {
        let groups = match known(&self.observed.groups) {
            Ok(groups) => groups,
            Err(Some(failure)) if wanted.desired.service.endpoint_kind() == EndpointKind::Interface => {
                plan.unobserved(subject(wanted.desired), failure);
                return None;
            }
            Err(_) => &[],
        };
        if let Some(taken) = others.iter().find(|other| takes(self.desired, other, wanted.desired)) {
            self.take_over(wanted, taken, groups, plan);
            return None;
        }
        let mut verdicts = others.iter().map(|other| (*other, self.judge(wanted, other, others, groups))).collect::<Vec<_>>();
        verdicts.sort_by_key(|(_, verdict)| verdict.lacks.len());
        let (best, verdict) = verdicts.into_iter().next()?;
        let service = wanted.desired.service;
        if matches!(phase(best), Phase::Pending | Phase::Deleting) {
            let message = format!("endpoint {} of {service}, which is not this network's, is {}", best.id, best.state);
            plan.hold(subject(wanted.desired), Hold::Waiting, message);
            return None;
        }
        if verdict.lacks.is_empty() {
            plan.notes.push(format!(
                "endpoint {} of {service} is used as it is: it suffices, and {}",
                best.id,
                claimed_by(&best.tags)
            ));
            plan.notes.extend(verdict.notes);
            return Some(best.id.clone());
        }
        let message = format!(
            "endpoint {} of {service} is in the VPC already and is not this network's ({}), and it does not suffice: {}. A second one is not made; have its owner change or remove it, or have it taken over by adoptionPolicy",
            best.id,
            claimed_by(&best.tags),
            verdict.lacks.join("; ")
        );
        plan.hold(subject(wanted.desired), Hold::NotOurs, message);
        None
    }

    /// The next pass makes it what the spec says. Route tables that the spec does not name would be taken from it, and with them
    /// somebody's way to S3.
    fn take_over(&self, wanted: &Wanted, found: &Endpoint, groups: &[SecurityGroup], plan: &mut Plan) {
        let subject = subject(wanted.desired);
        let lost: Vec<&str> = found.route_table_ids.difference(&wanted.route_table_ids).map(String::as_str).collect();
        if !lost.is_empty() {
            let message = format!(
                "endpoint {} is in route tables {} that the spec does not name, and would be removed from them when it is taken over; name them in spec.routeTableIds, or remove them first",
                found.id,
                lost.join(", ")
            );
            return plan.hold(subject, Hold::NotOurs, message);
        }
        let cut = self.cut_off(found, groups);
        if !cut.is_empty() {
            let message = format!(
                "endpoint {} lets 443 in from {}, which {} would not do when it is taken over, so what runs there would lose {}; add the subnets to spec.subnetIds, or have the group let them in first",
                found.id,
                cut.into_iter().collect::<Vec<_>>().join(", "),
                Subject::security_group(&self.desired.groups.label()),
                wanted.desired.service
            );
            return plan.hold(subject, Hold::NotOurs, message);
        }
        let (endpoint_id, tags, before) = (found.id.clone(), self.desired.owner.tags(), found.tags.clone());
        let reason = format!("adoptionPolicy is {:?}, and nobody else claims it", self.desired.adoption.policy);
        plan.step(subject.clone(), Action::AdoptEndpoint { endpoint_id, tags, before }, &[], reason, vec![]);
        plan.hold(subject, Hold::Waiting, format!("endpoint {} is taken over, then made what the spec says", found.id));
    }

    /// Ranges of the VPC that an interface endpoint of others lets in, and our groups do not.
    fn cut_off(&self, found: &Endpoint, groups: &[SecurityGroup]) -> BTreeSet<String> {
        if found.kind != EndpointKind::Interface {
            return BTreeSet::new();
        }
        let shut_out = shut_out(self.desired, groups, &ranges(self.observed, &self.subnets));
        let theirs = groups.iter().filter(|group| found.group_ids.contains(&group.id));
        match inbound(theirs, &shut_out) {
            Inbound::Open => shut_out,
            Inbound::Closed(closed) | Inbound::Unproven(closed) => shut_out.difference(&closed).cloned().collect(),
        }
    }

    fn judge(&self, wanted: &Wanted, other: &Endpoint, all: &[&Endpoint], groups: &[SecurityGroup]) -> Verdict {
        let mut verdict = Verdict::default();
        let kind = wanted.desired.service.endpoint_kind();
        if other.kind != kind {
            verdict.lacks.push(format!("it is of type {}, and {} is needed", kind_word(&other.kind), kind_word(&kind)));
            return verdict;
        }
        if phase(other) != Phase::Available {
            verdict.lacks.push(format!("it is {}", other.state));
        }
        match kind {
            EndpointKind::Gateway => judge_tables(wanted, all, &mut verdict),
            _ => self.judge_interface(wanted, other, groups, &mut verdict),
        }
        if policies::observed(other.policy.as_deref()).is_some() {
            verdict.notes.push(format!(
                "the policy of endpoint {} is not full access: whether it lets these tasks through is for its owner to see",
                other.id
            ));
        }
        verdict
    }

    fn judge_interface(&self, wanted: &Wanted, other: &Endpoint, groups: &[SecurityGroup], verdict: &mut Verdict) {
        if wanted.desired.private_dns && !other.private_dns {
            verdict.lacks.push("its private DNS is off, so the usual names of the service do not lead to it".to_owned());
        }
        let known = self.observed.subnets.present().map_or(&[][..], Vec::as_slice);
        let zone = |id: &String| known.iter().find(|subnet| subnet.id == *id).map(|subnet| subnet.zone.as_str());
        let has: BTreeSet<&str> = other.subnet_ids.iter().filter_map(zone).collect();
        let needs: BTreeSet<&str> = wanted.subnet_ids.iter().filter_map(zone).collect();
        let missing: Vec<&str> = needs.difference(&has).copied().collect();
        if !missing.is_empty() {
            verdict.lacks.push(format!("it has no subnet in {}", missing.join(", ")));
        }
        let ranges = self.subnets.iter().flat_map(|subnet| subnet.cidrs.clone()).collect();
        let listed = |ranges: BTreeSet<String>| ranges.into_iter().collect::<Vec<_>>().join(", ");
        match inbound(groups.iter().filter(|group| other.group_ids.contains(&group.id)), &ranges) {
            Inbound::Open => {}
            Inbound::Closed(ranges) => {
                verdict.lacks.push(format!("its security groups let no TCP 443 in from {}", listed(ranges)));
            }
            Inbound::Unproven(ranges) => verdict.notes.push(format!(
                "whether endpoint {} lets 443 in from {} is not known, as some rules of its security groups name groups or prefix lists",
                other.id,
                listed(ranges)
            )),
        }
    }
}

/// Whether one of others is taken over. What a service of AWS keeps never is.
pub(super) fn takes(network: &DesiredNetwork, other: &Endpoint, wanted: &DesiredEndpoint) -> bool {
    let right = other.kind == wanted.service.endpoint_kind() && phase(other) == Phase::Available;
    right && !other.requester_managed && network.adoption.takes(&other.tags)
}

/// A route table has one S3 gateway, and several gateways may share the work.
fn judge_tables(wanted: &Wanted, all: &[&Endpoint], verdict: &mut Verdict) {
    let served: BTreeSet<&String> =
        all.iter().filter(|it| phase(it) == Phase::Available).flat_map(|it| &it.route_table_ids).collect();
    let missing: Vec<&str> = wanted.route_table_ids.iter().filter(|id| !served.contains(id)).map(String::as_str).collect();
    if !missing.is_empty() {
        verdict.lacks.push(format!("it is not in route tables {}", missing.join(", ")));
    }
}
