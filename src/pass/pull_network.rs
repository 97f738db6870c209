//! What is known of a `PullNetwork` after a pass.

use super::{Done, Facts, Outcome};
use crate::api::EndpointStatus;
use crate::desired::{DELETED, DELETING, DesiredGroups, DesiredNetwork};
use crate::observed::Snapshot;
use crate::plan::{self, Action, Hold, Plan, Step, Subject};
use crate::resource::network::endpoint::DesiredEndpoint;
use crate::resource::network::services::Service;
use crate::resource::network::{Endpoint, EndpointKind, ObservedNetwork, kind_word};
use std::collections::BTreeSet;

/// AWS's word for what has just been asked for.
const PENDING: &str = "pending";

/// What is known of a network after the steps.
pub fn network_facts(desired: &DesiredNetwork, observed: &ObservedNetwork, plan: &Plan, outcomes: &[Outcome]) -> Facts {
    let done = Done { plan, outcomes };
    let (_, used) = plan::survey(desired, observed);
    let used = |service: Service| used.get(&service).map(String::as_str);
    Facts {
        endpoints: desired
            .endpoints
            .iter()
            .map(|wanted| status(desired, wanted, used(wanted.service), observed, &done))
            .collect(),
        security_group_id: group(desired, observed, &done),
        billed_interfaces: billed(desired, observed, &done),
        internet_needs: desired.internet_needs.clone(),
        ..Facts::default()
    }
}

/// An endpoint that is gone keeps its id, as deleted: the next one is asked for by another token.
fn status(
    desired: &DesiredNetwork,
    wanted: &DesiredEndpoint,
    used: Option<&str>,
    observed: &ObservedNetwork,
    done: &Done,
) -> EndpointStatus {
    let kind = wanted.service.endpoint_kind();
    let told = |id: Option<String>, state: Option<&str>, managed: bool| EndpointStatus {
        service: wanted.service.short().to_owned(),
        id,
        kind: kind_word(&kind).to_owned(),
        state: state.map(str::to_owned),
        managed,
        reason: wanted.reason.clone(),
    };
    if let Some(made) = done.output(|action| created(action, desired, wanted.service)) {
        return told(made.arn.clone(), Some(PENDING), true);
    }
    let recorded = desired.recorded.iter().find(|it| it.service == wanted.service.short());
    let Snapshot::Present(all) = &observed.endpoints else {
        return recorded.map_or_else(|| told(None, None, false), |it| told(it.id.clone(), it.state.as_deref(), it.managed));
    };
    if let Some(ours) = plan::own_endpoint(desired, wanted, all) {
        let state = if ended(done).contains(&ours.id) { DELETING } else { &ours.state };
        return told(Some(ours.id.clone()), Some(state), true);
    }
    let of_others = |it: &&Endpoint| adopted(done).contains(&it.id) || used == Some(&it.id);
    if let Some(other) = all.iter().filter(|it| desired.vpc_id == it.vpc_id && is_of(it, desired, wanted.service)).find(of_others)
    {
        return told(Some(other.id.clone()), Some(&other.state), adopted(done).contains(&other.id));
    }
    let seen = |id: &Option<String>| all.iter().find(|it| Some(&it.id) == id.as_ref() && it.state != DELETED);
    match recorded.map(|it| (it, seen(&it.id))) {
        Some((gone, None)) if gone.managed => told(gone.id.clone(), Some(DELETED), true),
        // Something else could not be seen. What was found to suffice then counts until the contrary is known.
        Some((used, Some(found))) if !used.managed && !is_in_the_way(wanted.service, done) => {
            told(used.id.clone(), Some(&found.state), false)
        }
        _ => told(None, None, false),
    }
}

fn created(action: &Action, desired: &DesiredNetwork, service: Service) -> bool {
    matches!(action, Action::CreateVpcEndpoint { endpoint } if Service::of(&endpoint.service_name, &desired.target.region) == Some(service))
}

fn is_of(endpoint: &Endpoint, desired: &DesiredNetwork, service: Service) -> bool {
    Service::of(&endpoint.service_name, &desired.target.region) == Some(service)
}

fn is_in_the_way(service: Service, done: &Done) -> bool {
    let subject = Subject::endpoint(service.short());
    done.plan.held.iter().any(|held| held.subject == subject && held.hold == Hold::NotOurs)
}

/// The ids of endpoints that were asked to go.
pub(crate) fn ended_endpoints<'a>(steps: impl Iterator<Item = &'a Step>) -> BTreeSet<String> {
    let id = |action: &Action| match action {
        Action::DeleteVpcEndpoint { endpoint_id } => Some(endpoint_id.clone()),
        _ => None,
    };
    steps.filter_map(|step| id(&step.action)).collect()
}

fn ended(done: &Done) -> BTreeSet<String> {
    ended_endpoints(done.steps())
}

fn adopted(done: &Done) -> BTreeSet<String> {
    let id = |action: &Action| match action {
        Action::AdoptEndpoint { endpoint_id, .. } => Some(endpoint_id.clone()),
        _ => None,
    };
    done.steps().filter_map(|step| id(&step.action)).collect()
}

/// The group that was made, while it is there or nothing is known of it.
fn group(desired: &DesiredNetwork, observed: &ObservedNetwork, done: &Done) -> Option<String> {
    let made = done.output(|action| matches!(action, Action::CreateSecurityGroup { .. }));
    if let Some(made) = made {
        return made.arn.clone();
    }
    let Snapshot::Present(groups) = &observed.groups else { return desired.recorded_group.clone() };
    let belongings = desired.belongings();
    let found = match &desired.groups {
        DesiredGroups::Made(group) => group.ours(groups),
        DesiredGroups::Given(_) => groups.iter().find(|group| belongings.has_group(group)),
    };
    let gone =
        |id: &String| done.steps().any(|step| matches!(&step.action, Action::DeleteSecurityGroup { group_id } if group_id == id));
    found.map(|group| group.id.clone()).filter(|id| !gone(id))
}

/// Network interfaces of our interface endpoints: one in each of their subnets.
fn billed(desired: &DesiredNetwork, observed: &ObservedNetwork, done: &Done) -> i64 {
    let ended = ended(done);
    let ours = observed.endpoints.present().into_iter().flatten().filter(|it| {
        let own = plan::is_ours(desired, it) || adopted(done).contains(&it.id);
        own && it.kind == EndpointKind::Interface && it.state != DELETED && !ended.contains(&it.id)
    });
    let there: usize = ours.map(|it| subnets_after(it, done)).sum();
    let made: usize = done
        .steps()
        .map(|step| match &step.action {
            Action::CreateVpcEndpoint { endpoint } => endpoint.subnet_ids.len(),
            _ => 0,
        })
        .sum();
    i64::try_from(there + made).unwrap_or(i64::MAX)
}

fn subnets_after(endpoint: &Endpoint, done: &Done) -> usize {
    let mut subnets = endpoint.subnet_ids.clone();
    for step in done.steps() {
        if let Action::ModifyVpcEndpoint { endpoint_id, change } = &step.action
            && *endpoint_id == endpoint.id
        {
            subnets.retain(|id| !change.remove_subnet_ids.contains(id));
            subnets.extend(change.add_subnet_ids.iter().cloned());
        }
    }
    subnets.len()
}
