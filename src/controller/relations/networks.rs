//! Which workloads a changed `PullNetwork` concerns.

use super::select;
use crate::api::{PrivateImageWorkload, PullNetwork};
use crate::status::{ENDPOINTS_READY, names_network};
use kube::ResourceExt;
use kube::runtime::reflector::{ObjectRef, Store};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// What is known of each network that there is, by uid, so that a change of times or of other conditions wakes nobody.
#[derive(Default)]
pub(in crate::controller) struct Networks(Mutex<HashMap<String, u64>>);

impl Networks {
    /// The workloads that a change of a network concerns.
    pub(in crate::controller) fn concern(
        &self,
        all: &Store<PrivateImageWorkload>,
        networks: &Store<PullNetwork>,
        network: &PullNetwork,
    ) -> Vec<ObjectRef<PrivateImageWorkload>> {
        let now = shape(network);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let there: HashSet<String> = networks.state().iter().filter_map(|it| it.uid()).collect();
        known.retain(|uid, _| there.contains(uid)); // so that the last word of one that is gone is told, too
        match known.insert(network.uid().unwrap_or_default(), now) {
            Some(before) if before == now => vec![],
            _ => of_network(all, network),
        }
    }
}

/// What workloads go by: its spec, where it is, its endpoints, and what it says of them.
fn shape(network: &PullNetwork) -> u64 {
    let mut hasher = DefaultHasher::new();
    let status = network.status.clone().unwrap_or_default();
    (network.metadata.generation, network.metadata.deletion_timestamp.is_some(), status.observed_generation).hash(&mut hasher);
    let place = status.target.as_ref().map(|place| (&place.binding, &place.account_id, &place.region));
    let endpoints: Vec<_> = status.endpoints.iter().map(|endpoint| (&endpoint.service, &endpoint.id)).collect();
    let ready = status.conditions.iter().find(|condition| condition.type_ == ENDPOINTS_READY);
    (place, &status.vpc_id, endpoints, ready.map(|it| (&it.status, &it.reason, &it.message))).hash(&mut hasher);
    hasher.finish()
}

/// The workloads that name a network. Whether it admits them is decided in their passes.
pub(in crate::controller) fn of_network(
    all: &Store<PrivateImageWorkload>,
    network: &PullNetwork,
) -> Vec<ObjectRef<PrivateImageWorkload>> {
    select(all, |workload| names_network(workload, network))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::runtime::reflector::store;
    use kube::runtime::watcher::Event;
    use serde_json::{Value, json};

    fn network(status: &Value) -> PullNetwork {
        let spec = json!({"bindingRef": {"name": "prod"}, "vpcId": "vpc-0a", "subnetIds": ["subnet-0a"], "tasks": {"ec2": true}});
        let object = json!({"metadata": {"name": "apps", "uid": "1", "generation": 1}, "spec": spec, "status": status});
        serde_json::from_value(object).expect("a network")
    }

    fn status(id: &str, message: &str, time: &str, other: &str) -> Value {
        let condition = |kind: &str, message: &str| json!({"type": kind, "status": "True", "reason": "Succeeded", "message": message, "lastTransitionTime": time});
        let endpoint = json!({"service": "ecr.dkr", "type": "Interface", "reason": "pulls", "id": id});
        json!({"endpoints": [endpoint], "conditions": [condition("EndpointsReady", message), condition("Ready", other)], "users": 3})
    }

    #[test]
    fn a_change_concerns_those_that_name_it_and_only_where_it_is_one_for_them() {
        let (workloads, mut writer) = store::<PrivateImageWorkload>();
        for (name, named) in [("api", "apps"), ("web", "others")] {
            let spec = json!({"ecs": {}, "pullNetworkRef": {"name": named}});
            let object = json!({"metadata": {"name": name, "namespace": "payments"}, "spec": spec});
            writer.apply_watcher_event(&Event::Apply(serde_json::from_value(object).expect("a workload")));
        }
        let (networks, mut kept) = store::<PullNetwork>();
        let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        let rows = [
            ("the first sight", status("vpce-1", "ready", early, "a"), 1),
            ("the same", status("vpce-1", "ready", early, "a"), 0),
            ("only times", status("vpce-1", "ready", late, "a"), 0),
            ("another condition", status("vpce-1", "ready", late, "b"), 0),
            ("another id", status("vpce-2", "ready", late, "b"), 1),
            ("another message", status("vpce-2", "one is lost", late, "b"), 1),
        ];
        let known = Networks::default();
        for (what, status, expected) in rows {
            let network = network(&status);
            kept.apply_watcher_event(&Event::Apply(network.clone()));
            let concerned = known.concern(&workloads, &networks, &network);
            assert_eq!(concerned.len(), expected, "{what}");
            assert!(concerned.iter().all(|it| it.name == "api"), "{what}");
        }
        let gone = network(&status("vpce-2", "one is lost", late, "b"));
        kept.apply_watcher_event(&Event::Delete(gone.clone()));
        assert_eq!(known.concern(&workloads, &networks, &gone).len(), 1, "its end");
    }
}
