//! A `pullNetworkRef`: the network that a workload's tasks run in, whether this namespace may name it, and how it is.
//!
//! Whoever writes workloads is not trusted, so a network that does not admit the namespace reads like one that is missing. The network
//! itself is: it has no namespace, the administrator writes its spec, and RBAC lets nobody but the controller write its status. So
//! what that says of ids and conditions is taken as it is.

use crate::api::{EndpointStatus, ManagedPolicy, PrivateImageWorkloadSpec, PullNetwork, PullNetworkSpec, RestrictPulls};
use crate::inputs::Inputs;
use crate::problem::Problem;
use crate::resource::grants::PullSources;
use crate::status::{ENDPOINTS_READY, Reason};
use crate::target::Target;
use kube::core::{Selector, SelectorExt};
use std::collections::BTreeSet;

/// The field of a problem with the network itself.
pub(crate) const NETWORK_FIELD: &str = "spec.pullNetworkRef.name";

/// The endpoints that pulls go through (AWS: ECR interface endpoints, rules 59 and 60).
pub(crate) const ECR_ENDPOINTS: [&str; 2] = ["ecr.dkr", "ecr.api"];

/// The network of a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct UsedNetwork {
    /// Its name.
    pub name: String,
    /// How its endpoints are.
    pub endpoints: Endpoints,
    /// To what pulls are bound where that is asked for; nothing while not all of its ids are known.
    pub pulls: PullSources,
}

/// How the endpoints of a network are, by its status.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoints {
    /// Whether tasks can pull through them; none while that is not known.
    pub ready: Option<bool>,
    /// Why, in a word.
    pub reason: Reason,
    /// Why, for people.
    pub message: String,
}

/// The network that the workload names, or nothing and problems. Nothing as well where it names none.
pub(super) fn resolve(inputs: &Inputs, target: &Target, problems: &mut Vec<Problem>) -> Option<UsedNetwork> {
    let spec = &inputs.workload.spec;
    let reference = spec.pull_network_ref.as_ref()?;
    check_settings(spec, reference.restrict_pulls, problems);
    let Some(network) = inputs.network.as_ref().filter(|network| admits(network, inputs, &reference.name)) else {
        let rule = format!("no PullNetwork of this name admits namespace {}", inputs.namespace.name);
        let remedy = "correct the name, or ask the administrator for one whose namespaceSelector matches the namespace's labels; with files, its manifest must be among them";
        problems.push(Problem::of(Reason::DependencyNotFound, NETWORK_FIELD, &reference.name, rule, remedy));
        return None;
    };
    check_place(network, &reference.name, target, problems);
    if reference.restrict_pulls.is_some() && !has_ecr(&network.spec) {
        let rule = format!("PullNetwork {} has no endpoints of Amazon ECR, so that all pulls would be denied", reference.name);
        let remedy = "leave restrictPulls out, or ask the administrator for spec.pulls.ecr: true in the PullNetwork";
        problems.push(Problem::spec(RESTRICT_FIELD, "", rule, remedy));
    }
    Some(UsedNetwork {
        name: reference.name.clone(),
        endpoints: endpoints(network, &reference.name),
        pulls: reference.restrict_pulls.and_then(|by| pulls(network, by)).unwrap_or_default(),
    })
}

const RESTRICT_FIELD: &str = "spec.pullNetworkRef.restrictPulls";

/// Whether the network of this name lets the namespace use it. One that is being deleted takes no new workloads.
fn admits(network: &PullNetwork, inputs: &Inputs, name: &str) -> bool {
    let selector = network.spec.namespace_selector.clone().and_then(|selector| Selector::try_from(selector).ok());
    let recorded = inputs.workload.status.as_ref().is_some_and(|status| status.network.as_deref() == Some(name));
    network.metadata.name.as_deref() == Some(name)
        && selector.is_some_and(|selector| selector.matches(&inputs.namespace.labels))
        && (network.metadata.deletion_timestamp.is_none() || recorded)
}

/// What the API server refuses, too.
fn check_settings(spec: &PrivateImageWorkloadSpec, restricted: Option<RestrictPulls>, problems: &mut Vec<Problem>) {
    let (Some(by), Some(role)) = (restricted, &spec.execution_role) else { return };
    if role.restrict_pulls_to.is_some() {
        let rule = "it says the same as executionRole.restrictPullsTo";
        problems.push(Problem::spec(RESTRICT_FIELD, format!("{by:?}"), rule, "leave one of them out"));
    }
    if role.managed_policy == ManagedPolicy::Always {
        let rule = "the managed policy allows pulls from anywhere, so it cannot be attached with restrictPulls";
        problems.push(Problem::spec("spec.executionRole.managedPolicy", "Always", rule, "leave it out"));
    }
}

/// Endpoints serve the Region that they are in (AWS: ECR interface endpoints, rule 52). Through which binding they are kept does not
/// matter: the administrator says by the network's own selector who uses them. What its status does not tell yet, its spec does in part.
fn check_place(network: &PullNetwork, name: &str, target: &Target, problems: &mut Vec<Problem>) {
    let place = network.status.as_ref().and_then(|status| status.target.as_ref());
    let account = place.map(|place| &place.account_id).filter(|account| **account != target.account_id);
    let region = place.map(|place| &place.region).or(network.spec.region.as_ref());
    let region = region.filter(|region| **region != target.region);
    let differ =
        [account.map(|there| ("account", there, &target.account_id)), region.map(|there| ("Region", there, &target.region))];
    for (what, there, own) in differ.into_iter().flatten() {
        let rule = format!("the PullNetwork is in {what} {there}, the workload in {what} {own}");
        problems.push(Problem::spec(NETWORK_FIELD, name, rule, "name one of the same account and Region"));
    }
}

/// Whether a network makes endpoints of ECR: what runs on external instances only is in no VPC.
pub(super) fn has_ecr(spec: &PullNetworkSpec) -> bool {
    spec.pulls.ecr && (spec.tasks.fargate.is_some() || spec.tasks.ec2)
}

/// How the endpoints are. The message of `Ready` is not passed on: it may name the workloads of other tenants.
fn endpoints(network: &PullNetwork, name: &str) -> Endpoints {
    let status = network.status.clone().unwrap_or_default();
    let unknown =
        |what: &str| Endpoints { ready: None, reason: Reason::Progressing, message: format!("PullNetwork {name}: {what}") };
    let Some(found) = status.conditions.iter().find(|condition| condition.type_ == ENDPOINTS_READY) else {
        return match network.metadata.deletion_timestamp {
            Some(_) => unknown("it is being deleted"),
            None => unknown("no pass has looked at its endpoints yet"),
        };
    };
    // A deletion makes another generation, and the endpoints stay while it waits for workloads.
    if status.observed_generation != network.metadata.generation && network.metadata.deletion_timestamp.is_none() {
        return unknown("it was changed, and no pass has looked at it since");
    }
    let ready = match found.status.as_str() {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    };
    let reason = Reason::named(&found.reason).filter(|reason| (*reason == Reason::Succeeded) == (ready == Some(true)));
    let usual = if ready == Some(true) { Reason::Succeeded } else { Reason::Progressing };
    Endpoints { ready, reason: reason.unwrap_or(usual), message: format!("PullNetwork {name}: {}", found.message) }
}

/// The ids that pulls are bound to, once each of them is known. Of the ECR endpoints the network has those that its tasks need: the
/// first in any case (AWS: ECR interface endpoints, rules 45 to 48).
fn pulls(network: &PullNetwork, by: RestrictPulls) -> Option<PullSources> {
    let status = network.status.as_ref()?;
    let is_pulled_through = |service: &str| ECR_ENDPOINTS.contains(&service);
    let used: Vec<_> = status.endpoints.iter().filter(|endpoint| is_pulled_through(&endpoint.service)).collect();
    // One that is gone keeps its id until there is another.
    let there = |endpoint: &&EndpointStatus| endpoint.state.as_deref() != Some("deleted");
    let ids = used.iter().map(|endpoint| endpoint.id.clone().filter(|_| there(endpoint))).collect::<Option<BTreeSet<String>>>();
    let ids = ids.filter(|_| used.iter().any(|endpoint| endpoint.service == ECR_ENDPOINTS[0]));
    let (vpcs, endpoints) = match by {
        RestrictPulls::Vpc => (true, false),
        RestrictPulls::VpcEndpoints => (false, true),
        RestrictPulls::Both => (true, true),
    };
    Some(PullSources {
        vpc_ids: if vpcs { [status.vpc_id.clone()?].into() } else { BTreeSet::new() },
        vpc_endpoint_ids: if endpoints { ids? } else { BTreeSet::new() },
    })
}
