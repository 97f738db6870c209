//! Workloads and the `PullNetwork` that they name: who uses it, and what it means for them. Pure.

use super::registry_credential::in_order;
use super::{ENDPOINTS_READY, Reason, Verdict, condition};
use crate::api::{EndpointStatus, PrivateImageWorkload, PullNetwork};
use crate::desired::{ECR_ENDPOINTS, Endpoints};
use jiff::Timestamp;

/// Whether a workload's spec names this network, which need not admit it.
pub fn names_network(workload: &PrivateImageWorkload, network: &PullNetwork) -> bool {
    let named = workload.spec.pull_network_ref.as_ref().map(|reference| &reference.name);
    named.is_some() && named == network.metadata.name.as_ref()
}

/// The workloads that use a network, as `NAMESPACE/NAME`, in order: those that name it and whose last pass found that it admits them. A name
/// alone counts for nothing, else any tenant could hold up the deletion of any network; neither does what was named once.
pub fn network_users<'a>(workloads: impl Iterator<Item = &'a PrivateImageWorkload>, network: &PullNetwork) -> Vec<String> {
    let used = |workload: &&PrivateImageWorkload| {
        let recorded = workload.status.as_ref().and_then(|status| status.network.as_ref());
        names_network(workload, network) && recorded == network.metadata.name.as_ref()
    };
    in_order(workloads.filter(used))
}

/// What a workload says of its network's endpoints.
pub(super) fn verdict(endpoints: &Endpoints) -> Verdict {
    Verdict { ok: endpoints.ready, reason: endpoints.reason, message: endpoints.message.clone() }
}

/// A network as it will be when what is planned for it is done, so that workloads can be planned with it. What only AWS knows is named
/// as such. One that somebody must act on stays as it is.
pub fn planned_network(network: &PullNetwork) -> PullNetwork {
    let mut status = network.status.clone().unwrap_or_default();
    let before = status.conditions.iter().find(|condition| condition.type_ == ENDPOINTS_READY);
    let reason = before.filter(|it| it.status != "True").and_then(|it| Reason::named(&it.reason));
    if reason.is_some_and(|reason| reason.is_stalled() && reason != Reason::DriftDetected) {
        return network.clone();
    }
    if status.endpoints.is_empty() {
        let of = |service: &str| EndpointStatus { service: service.to_owned(), ..EndpointStatus::default() };
        status.endpoints = ECR_ENDPOINTS.map(of).into();
    }
    for endpoint in &mut status.endpoints {
        let name = format!("${{id of endpoint {}}}", endpoint.service);
        endpoint.id.get_or_insert(name);
    }
    status.vpc_id = Some(network.spec.vpc_id.clone());
    status.observed_generation = network.metadata.generation;
    let ready = Verdict::yes("its endpoints are made before");
    status.conditions = vec![condition(ENDPOINTS_READY, &ready, status.observed_generation, &[], Timestamp::UNIX_EPOCH)];
    PullNetwork { status: Some(status), ..network.clone() }
}
