//! What to write for a `PullNetwork`: the security group, then the endpoints; then the end of what is no longer needed. Nothing is
//! planned that depends on what could not be looked at.

mod endpoints;
mod foreign;
mod groups;
mod imagined;
mod leftovers;
mod s3;

pub(crate) use endpoints::{is_ours, own};
pub use imagined::imagined_for_network;
pub use leftovers::remove_network;

use super::{Hold, Plan, Subject};
use crate::desired::DesiredNetwork;
use crate::observed::Snapshot;
use crate::resource::network::services::Service;
use crate::resource::network::{EndpointKind, ObservedNetwork, Subnet};
use crate::status::Reason;
use endpoints::View;
use std::collections::{BTreeMap, BTreeSet};

/// What AWS calls the name server that it provides in a VPC (VPC user guide, DHCP option sets).
const AMAZON_DNS: &str = "AmazonProvidedDNS";

/// The plan that makes AWS match.
pub fn network(desired: &DesiredNetwork, observed: &ObservedNetwork) -> Plan {
    survey(desired, observed).0
}

/// The same, and the endpoints of others that are used as they are.
pub(crate) fn survey(desired: &DesiredNetwork, observed: &ObservedNetwork) -> (Plan, BTreeMap<Service, String>) {
    let mut plan = Plan::default();
    let used = steps(desired, observed, &mut plan);
    (plan, used)
}

fn steps(desired: &DesiredNetwork, observed: &ObservedNetwork, plan: &mut Plan) -> BTreeMap<Service, String> {
    let Some(subnets) = suitable(desired, observed, plan) else {
        wait(desired, plan);
        return BTreeMap::new();
    };
    let resolves = resolves(desired, observed, plan);
    let needs_groups = groups::are_needed(desired, observed);
    let groups = if needs_groups { groups::plan(desired, observed, &subnets, plan) } else { Some(BTreeSet::new()) };
    let (all, services) = match (&observed.endpoints, &observed.services) {
        (Snapshot::Present(all), Snapshot::Present(services)) => (all, services),
        (Snapshot::Unknown(failure), _) | (_, Snapshot::Unknown(failure)) => {
            let subjects = desired.endpoints.iter().map(|endpoint| Subject::endpoint(endpoint.service.short()));
            subjects.for_each(|subject| plan.unobserved(subject, failure));
            return BTreeMap::new();
        }
        (Snapshot::Absent, _) | (_, Snapshot::Absent) => return BTreeMap::new(), // lists are never absent
    };
    let view = View { desired, observed, subnets, all, services, resolves, needs_groups, groups };
    let (mut billed, mut used) = (vec![], BTreeMap::new());
    for wanted in &desired.endpoints {
        let planned = view.plan(wanted, plan);
        billed.extend((planned.interfaces > 0).then_some(planned.interfaces));
        used.extend(planned.used.map(|id| (wanted.service, id)));
    }
    leftovers::end_surplus(&view, plan);
    tell_cost(&view, &billed, plan);
    used
}

/// Groups and endpoints wait for a VPC that they can be in.
fn wait(desired: &DesiredNetwork, plan: &mut Plan) {
    let message = format!("waits for {}", Subject::vpc(&desired.vpc_id));
    if desired.has_interfaces() {
        plan.hold(Subject::security_group(&desired.groups.label()), Hold::Waiting, message.clone());
    }
    for endpoint in &desired.endpoints {
        plan.hold(Subject::endpoint(endpoint.service.short()), Hold::Waiting, message.clone());
    }
}

/// The subnets, if endpoints can be made in this VPC at all.
fn suitable<'a>(desired: &DesiredNetwork, observed: &'a ObservedNetwork, plan: &mut Plan) -> Option<Vec<&'a Subnet>> {
    let (subject, account) = (Subject::vpc(&desired.vpc_id), &desired.target.account_id);
    let place = format!("account {account}, Region {}", desired.target.region);
    let vpc = match &observed.vpc {
        Snapshot::Unknown(failure) => return hold_unseen(plan, subject, failure),
        Snapshot::Absent => {
            let message = format!("there is no VPC {} in {place}; correct spec.vpcId, or make it", desired.vpc_id);
            plan.hold(subject, Hold::Missing, message);
            return None;
        }
        Snapshot::Present(vpc) => vpc,
    };
    let all = match &observed.subnets {
        Snapshot::Unknown(failure) => return hold_unseen(plan, subject, failure),
        Snapshot::Absent => return None, // lists are never absent
        Snapshot::Present(all) => all,
    };
    let subnets = match desired.subnets.among(all) {
        Ok(subnets) => subnets,
        Err(missing) => {
            let message = format!(
                "VPC {} has no subnet {}: there is none, or it is of another VPC; correct spec.subnetIds or spec.subnetSelector",
                desired.vpc_id,
                missing.join("; ")
            );
            plan.hold(subject, Hold::Missing, message);
            return None;
        }
    };
    // Rule 67: in a subnet that is shared with this account it can make, see, change and delete no endpoint.
    let shared: Vec<&str> =
        subnets.iter().filter(|subnet| subnet.owner_id != *account).map(|subnet| subnet.id.as_str()).collect();
    if vpc.owner_id != *account || !shared.is_empty() {
        let what = if shared.is_empty() { format!("VPC {}", vpc.id) } else { format!("subnets {}", shared.join(", ")) };
        let message = format!(
            "{what} are another account's, shared with {account}, and only their owner (account {}) can have endpoints there; make a PullNetwork with a binding for that account. Tasks here can use its endpoints",
            vpc.owner_id
        );
        plan.hold(subject, Hold::Refused(Reason::NetworkUnsuitable), message);
        return None;
    }
    // Rule 54.
    let custom: Vec<&String> = vpc.name_servers.iter().filter(|server| *server != AMAZON_DNS).collect();
    if !custom.is_empty() {
        plan.notes.push(format!(
            "VPC {} has name servers of its own ({}): endpoints are found by name only through Amazon's DNS, so these must forward the names of AWS's services to it (conditional forwarding to the VPC's resolver)",
            vpc.id,
            custom.iter().map(|server| server.as_str()).collect::<Vec<_>>().join(", ")
        ));
    }
    Some(subnets)
}

fn hold_unseen<T>(plan: &mut Plan, subject: Subject, failure: &crate::failure::Failure) -> Option<T> {
    plan.unobserved(subject, failure);
    None
}

/// Whether the usual names of services can lead to endpoints: AWS makes none with private DNS where the VPC has either attribute off
/// (aws.md, b.6), and `ecr.dkr` must have it (rule 59).
fn resolves(desired: &DesiredNetwork, observed: &ObservedNetwork, plan: &mut Plan) -> bool {
    if !desired.endpoints.iter().any(|endpoint| endpoint.private_dns) {
        return true;
    }
    let subject = Subject::vpc(&desired.vpc_id);
    let dns = match &observed.dns {
        Snapshot::Unknown(failure) => return hold_unseen::<()>(plan, subject, failure).is_some(),
        Snapshot::Absent => return false,
        Snapshot::Present(dns) => dns,
    };
    let off: Vec<&str> = [("enableDnsSupport", dns.support), ("enableDnsHostnames", dns.hostnames)]
        .into_iter()
        .filter_map(|(name, on)| (!on).then_some(name))
        .collect();
    if !off.is_empty() {
        let message = format!(
            "{} of VPC {} is off, and endpoints with private DNS need both DNS attributes; turn it on: aws ec2 modify-vpc-attribute",
            off.join(" and "),
            desired.vpc_id
        );
        plan.hold(subject, Hold::Refused(Reason::NetworkUnsuitable), message);
    }
    off.is_empty()
}

/// What AWS bills by the hour, where this plan changes it. `billed` = the network interfaces of each endpoint of ours. Gateways cost
/// nothing (AWS: PrivateLink pricing).
fn tell_cost(view: &View, billed: &[usize], plan: &mut Plan) {
    let ours = view.all.iter().filter(|it| it.kind == EndpointKind::Interface && is_ours(view.desired, it));
    let before: usize = ours.map(|endpoint| endpoint.subnet_ids.len()).sum();
    let total: usize = billed.iter().sum();
    if total > 0 && total != before {
        let counted = |count: usize, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
        plan.notes.push(format!(
            "{} in {}: {total} network interfaces are billed by the hour, and the data through them",
            counted(billed.len(), "interface endpoint"),
            counted(view.zones().len(), "zone")
        ));
    }
}
