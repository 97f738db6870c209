//! What ends: endpoints and a group of ours that nothing needs any more, and all of them when the network goes. Endpoints end first, S3's
//! last of them, then the group: AWS deletes none that a network interface uses.

use super::View;
use super::endpoints::own;
use crate::desired::{Belongings, DesiredGroups, NetworkRemoval};
use crate::observed::Snapshot;
use crate::plan::{Action, Hold, Plan, Subject};
use crate::resource::network::endpoint::{Phase, phase};
use crate::resource::network::services::Service;
use crate::resource::network::{Endpoint, EndpointKind, ObservedNetwork, SecurityGroup};

/// The plan that removes what a network made or took over. What is not its own stays.
pub fn remove_network(removal: &NetworkRemoval, observed: &ObservedNetwork) -> Plan {
    let mut plan = Plan::default();
    let vpc = Subject::vpc(&removal.belongings.vpc_id);
    let (all, groups) = match (&observed.endpoints, &observed.groups) {
        (Snapshot::Present(all), Snapshot::Present(groups)) => (all, groups),
        (Snapshot::Unknown(failure), _) | (_, Snapshot::Unknown(failure)) => {
            plan.unobserved(vpc, failure);
            return plan;
        }
        (Snapshot::Absent, _) | (_, Snapshot::Absent) => return plan, // lists are never absent
    };
    end_endpoints(&removal.belongings, all.iter().filter(|it| removal.belongings.has(it)), "the network goes", &mut plan);
    // One that was made a moment ago may not be listed yet.
    let mut unlisted = vec![];
    for recorded in &removal.recorded {
        if let Some(id) = recorded.id.as_ref().filter(|id| !all.iter().any(|it| it.id == **id)) {
            unlisted.push(id.as_str());
            let action = Action::DeleteVpcEndpoint { endpoint_id: id.clone() };
            let reason = "the network goes, and made it, though AWS does not list it";
            plan.step(Subject::endpoint(&recorded.service), action, &[], reason, vec![]);
        }
    }
    let Some(group) = groups.iter().find(|group| removal.belongings.has_group(group)) else { return plan };
    if unlisted.is_empty() {
        end_group(&removal.belongings, group, all, "the network goes", &mut plan);
    } else {
        let subject = Subject::security_group(&group.name);
        let message = format!("{subject} is deleted once no endpoint uses it any more: {}", unlisted.join(", "));
        plan.hold(subject, Hold::Waiting, message);
    }
    plan
}

/// Ends what the spec no longer asks for.
pub(super) fn end_surplus(view: &View, plan: &mut Plan) {
    let (desired, belongings) = (view.desired, view.desired.belongings());
    let kept: Vec<&str> =
        desired.endpoints.iter().filter_map(|wanted| own(desired, wanted, view.all)).map(|it| it.id.as_str()).collect();
    let surplus = view.all.iter().filter(|it| belongings.has(it) && !kept.contains(&it.id.as_str()));
    let group = match &desired.groups {
        DesiredGroups::Made(_) if view.needs_groups => None,
        _ => view.observed.groups.present().and_then(|all| all.iter().find(|group| belongings.has_group(group))),
    };
    if desired.retain {
        let stays = |what: &str, id: &str| format!("{what} {id} is no longer needed and stays, as deletionPolicy is Retain");
        plan.notes.extend(surplus.map(|it| stays("endpoint", &it.id)));
        plan.notes.extend(group.map(|it| stays("security group", &it.id)));
        return;
    }
    end_endpoints(&belongings, surplus, "nothing needs it any more", plan);
    if let Some(group) = group {
        end_group(&belongings, group, view.all, "nothing needs it any more", plan);
    }
}

/// Interface endpoints, then gateways.
fn end_endpoints<'a>(belongings: &Belongings, ending: impl Iterator<Item = &'a Endpoint>, reason: &str, plan: &mut Plan) {
    let mut ending: Vec<&Endpoint> = ending.filter(|it| !matches!(phase(it), Phase::Deleting | Phase::Deleted)).collect();
    ending.sort_by_key(|it| (it.kind != EndpointKind::Interface, it.service_name.as_str(), it.id.as_str()));
    for endpoint in ending {
        let service = Service::of(&endpoint.service_name, &belongings.region);
        let subject = Subject::endpoint(service.map_or(endpoint.service_name.as_str(), |service| service.short()));
        plan.step(subject, Action::DeleteVpcEndpoint { endpoint_id: endpoint.id.clone() }, &[], reason, vec![]);
    }
}

/// The group waits until the endpoints that use it are gone.
fn end_group(belongings: &Belongings, group: &SecurityGroup, all: &[Endpoint], reason: &str, plan: &mut Plan) {
    let subject = Subject::security_group(&group.name);
    let uses = |it: &&Endpoint| it.group_ids.contains(&group.id) && phase(it) != Phase::Deleted;
    let (ours, others): (Vec<&Endpoint>, Vec<&Endpoint>) = all.iter().filter(uses).partition(|it| belongings.has(it));
    let ids = |endpoints: &[&Endpoint]| endpoints.iter().map(|it| it.id.clone()).collect::<Vec<_>>().join(", ");
    if !others.is_empty() {
        let message = format!("{subject} is used by endpoints that are not this network's: {}; free it", ids(&others));
        return plan.hold(subject, Hold::InUse, message);
    }
    if !ours.is_empty() {
        let message = format!("{subject} is deleted once no endpoint uses it any more: {}", ids(&ours));
        return plan.hold(subject, Hold::Waiting, message);
    }
    plan.step(subject, Action::DeleteSecurityGroup { group_id: group.id.clone() }, &[], reason, vec![]);
}
