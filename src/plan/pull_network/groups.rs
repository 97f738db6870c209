//! The security groups of interface endpoints: one that is made, or those that the spec names; and what of the VPC they shut out.

use super::endpoints::{foreign, own};
use super::{foreign::takes, hold_unseen};
use crate::desired::{DesiredGroups, DesiredNetwork};
use crate::observed::Snapshot;
use crate::plan::{Hold, Plan, Subject};
use crate::resource::network::endpoint::DesiredEndpoint;
use crate::resource::network::group::{Inbound, Ranges, closed, inbound};
use crate::resource::network::{Endpoint, EndpointKind, ObservedNetwork, SecurityGroup, Subnet};
use crate::status::Reason;
use std::collections::BTreeSet;

/// Whether an interface endpoint is ours or is going to be. What others have brings its own groups. Where endpoints cannot be seen, one
/// may be.
pub(super) fn are_needed(desired: &DesiredNetwork, observed: &ObservedNetwork) -> bool {
    match &observed.endpoints {
        Snapshot::Present(all) => desired
            .endpoints
            .iter()
            .any(|wanted| wanted.service.endpoint_kind() == EndpointKind::Interface && has_or_gets(desired, wanted, all)),
        Snapshot::Unknown(_) | Snapshot::Absent => desired.has_interfaces(),
    }
}

/// Whether an endpoint is ours, or will be made or taken over.
fn has_or_gets(desired: &DesiredNetwork, wanted: &DesiredEndpoint, all: &[Endpoint]) -> bool {
    let others = foreign(desired, wanted.service, all);
    own(desired, wanted, all).is_some() || others.is_empty() || others.iter().any(|other| takes(desired, other, wanted))
}

/// The security groups of interface endpoints; none while they cannot be said.
pub(super) fn plan(
    desired: &DesiredNetwork,
    observed: &ObservedNetwork,
    subnets: &[&Subnet],
    plan: &mut Plan,
) -> Option<BTreeSet<String>> {
    let subject = Subject::security_group(&desired.groups.label());
    let all = match &observed.groups {
        Snapshot::Unknown(failure) => return hold_unseen(plan, subject, failure),
        Snapshot::Absent => return None, // lists are never absent
        Snapshot::Present(all) => all,
    };
    let ranges = ranges(observed, subnets);
    let groups = match &desired.groups {
        DesiredGroups::Made(group) => group.plan(all, &ranges, plan).map(|id| [id].into()),
        DesiredGroups::Given(ids) => {
            check_given(desired, ids, all, &ranges.chosen, plan);
            (!plan.holds(&subject)).then(|| ids.clone())
        }
    };
    if groups.is_some() {
        tell_shut_out(desired, observed, &shut_out(desired, all, &ranges), plan);
    }
    groups
}

/// The ranges of the chosen subnets, and of all of the VPC.
pub(super) fn ranges(observed: &ObservedNetwork, chosen: &[&Subnet]) -> Ranges {
    let all = observed.subnets.present().into_iter().flatten();
    Ranges {
        chosen: chosen.iter().flat_map(|subnet| subnet.cidrs.clone()).collect(),
        all: all.flat_map(|subnet| subnet.cidrs.clone()).collect(),
    }
}

/// The VPC's ranges from which the endpoints of ours cannot be reached.
pub(super) fn shut_out(desired: &DesiredNetwork, all: &[SecurityGroup], ranges: &Ranges) -> BTreeSet<String> {
    match &desired.groups {
        DesiredGroups::Made(group) => group.shut_out(all, ranges),
        DesiredGroups::Given(ids) => closed(all.iter().filter(|group| ids.contains(&group.id)), &ranges.all),
    }
}

/// With private DNS the usual names of a service lead to the endpoint in the whole VPC (aws.md, rule 60), and what its groups do not let
/// in has no way to the service any more.
fn tell_shut_out(desired: &DesiredNetwork, observed: &ObservedNetwork, closed: &BTreeSet<String>, plan: &mut Plan) {
    let all = observed.endpoints.present().map_or(&[][..], Vec::as_slice);
    let taking = |it: &&DesiredEndpoint| it.private_dns && has_or_gets(desired, it, all);
    let services: Vec<&str> = desired.endpoints.iter().filter(taking).map(|it| it.service.short()).collect();
    let left: Vec<String> = observed
        .subnets
        .present()
        .into_iter()
        .flatten()
        .filter(|subnet| !subnet.cidrs.is_disjoint(closed))
        .map(|subnet| format!("{} ({})", subnet.id, subnet.cidrs.iter().cloned().collect::<Vec<_>>().join(", ")))
        .collect();
    if !services.is_empty() && !left.is_empty() {
        plan.notes.push(format!(
            "{} lets no TCP 443 in from these subnets of the VPC: {}; endpoints with private DNS serve the whole VPC, so what runs there loses {}: add them to spec.subnetIds, or a rule for just their ranges to the group",
            Subject::security_group(&desired.groups.label()),
            left.join(", "),
            services.join(", ")
        ));
    }
}

/// Groups that exist are not changed: that they let 443 in from every subnet (rule 51) is checked.
fn check_given(
    desired: &DesiredNetwork,
    ids: &BTreeSet<String>,
    all: &[SecurityGroup],
    ranges: &BTreeSet<String>,
    plan: &mut Plan,
) {
    let subject = Subject::security_group(&desired.groups.label());
    let found: Vec<&SecurityGroup> = all.iter().filter(|group| ids.contains(&group.id)).collect();
    let missing: Vec<&str> = ids.iter().filter(|id| !found.iter().any(|group| group.id == **id)).map(String::as_str).collect();
    if !missing.is_empty() {
        let message = format!(
            "VPC {} has no security group {}; correct spec.securityGroups.ids, or make it",
            desired.vpc_id,
            missing.join(", ")
        );
        return plan.hold(subject, Hold::Missing, message);
    }
    let listed = |ranges: BTreeSet<String>| ranges.into_iter().collect::<Vec<_>>().join(", ");
    match inbound(found, ranges) {
        Inbound::Open => {}
        Inbound::Unproven(ranges) => plan.notes.push(format!(
            "{subject}: whether 443 comes in from {} is not known, as some rules name groups or prefix lists, and not ranges",
            listed(ranges)
        )),
        Inbound::Closed(ranges) => {
            let message = format!(
                "{subject} lets no TCP 443 in from {}, so tasks there would not reach the endpoints; add a rule, or let Wharfinger make a group (spec.securityGroups.create)",
                listed(ranges)
            );
            plan.hold(subject, Hold::Refused(Reason::NetworkUnsuitable), message);
        }
    }
}
