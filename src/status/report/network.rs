//! A `PullNetwork` as it is told to people.

use super::{Report, Thing, begin, part, thing};
use crate::api::{EndpointStatus, PullNetwork, PullNetworkStatus};
use crate::plan::Kind;
use crate::status::pull_network::{INTERNET_PATH_NEEDED, PARTS};

/// A network: its VPC, its security group, and each endpoint with the reason for it.
pub fn report_network(network: &PullNetwork) -> Report {
    let status = network.status.clone().unwrap_or_default();
    let told = PARTS.iter().filter_map(|(name, kind)| part(name, &status.conditions, things(*kind, network, &status)));
    let parts = told.chain(part(INTERNET_PATH_NEEDED, &status.conditions, vec![])).collect();
    let report = begin(network, &status.conditions, status.observed_generation, parts);
    Report { target: status.target, warnings: status.warnings, plan: status.plan, ..report }
}

fn things(kind: Kind, network: &PullNetwork, status: &PullNetworkStatus) -> Vec<Thing> {
    match kind {
        Kind::Endpoint => status.endpoints.iter().map(endpoint).chain([users(status)]).collect(),
        Kind::SecurityGroup => {
            let made = status.security_group_id.iter().map(|id| thing("security group", Some(id.clone()), None, None));
            let named = network.spec.security_groups.ids.iter();
            made.chain(named.map(|id| thing("security group", Some(id.clone()), None, Some("not made here".to_owned()))))
                .collect()
        }
        _ => vec![thing("VPC", Some(network.spec.vpc_id.clone()), None, None)],
    }
}

fn endpoint(it: &EndpointStatus) -> Thing {
    let name = match &it.id {
        Some(id) => format!("{} {id}", it.service),
        None => it.service.clone(),
    };
    let state = it.state.as_deref().unwrap_or("is not there yet");
    let hand = if it.managed || it.id.is_none() { "" } else { ", was there already" };
    thing("endpoint", Some(name), None, Some(format!("{state}{hand}: {}", it.reason)))
}

fn users(status: &PullNetworkStatus) -> Thing {
    let note = format!("{} network interfaces are billed by the hour", status.billed_interfaces);
    thing(
        "used by",
        Some(format!("{} {}", status.users, if status.users == 1 { "workload" } else { "workloads" })),
        None,
        Some(note),
    )
}
