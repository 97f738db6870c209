//! The Lease of one world's controllers, as people with rights on it may see and change it.

use super::proxy::PATIENCE;
use super::world::World;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const NAME: &str = "wharfinger";

impl World {
    fn leases(&self, namespace: &str) -> Api<DynamicObject> {
        self.api_in(namespace, "coordination.k8s.io/v1", "Lease")
    }

    /// Who leads.
    pub(super) async fn holder(&self) -> Option<String> {
        let lease = self.leases(&self.name).get_opt(NAME).await.expect("the Lease");
        lease?.data["spec"]["holderIdentity"].as_str().map(str::to_owned)
    }

    /// Waits until the leader has renewed the Lease so often: in that time whoever stands by has seen all that went before.
    pub(super) async fn renewals(&self, count: usize) {
        let mut seen = BTreeSet::new();
        let looking = async {
            while seen.len() <= count {
                let lease = self.leases(&self.name).get(NAME).await.expect("the Lease");
                seen.insert(lease.metadata.resource_version);
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, looking).await.expect("the leader renews the Lease");
    }

    /// As an admin may, and we may not.
    pub(super) async fn delete_lease(&self) {
        self.leases(&self.name).delete(NAME, &Default::default()).await.expect("the Lease is deleted");
    }

    /// A merge patch of the Lease, by hand.
    pub(super) async fn patch_lease(&self, patch: Value) {
        self.patch_lease_in(&self.name, patch).await;
    }

    async fn patch_lease_in(&self, namespace: &str, patch: Value) {
        let patched = self.leases(namespace).patch(NAME, &PatchParams::default(), &Patch::Merge(&patch)).await;
        patched.unwrap_or_else(|error| panic!("patch {patch} of the Lease: {error}"));
    }

    /// Lets the Lease go in the name of a process that is dead, as it would have done itself. Nobody else knows that it is dead, so
    /// whoever comes next would wait; where there is no Lease yet, he would as well.
    pub(super) async fn free_lease(&self) {
        self.free_lease_in(&self.name).await;
    }

    pub(super) async fn free_lease_in(&self, namespace: &str) {
        let leases = self.leases(namespace);
        let lease = match leases.get_opt(NAME).await.expect("the Lease") {
            Some(lease) => lease,
            None => {
                let made = json!({
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": NAME}, "spec": {"leaseTransitions": 0},
                });
                let made = serde_json::from_value(made).expect("a Lease");
                leases.create(&PostParams::default(), &made).await.expect("a new Lease")
            }
        };
        let term = format!("{}/{}", lease.metadata.uid.unwrap_or_default(), lease.data["spec"]["leaseTransitions"]);
        let metadata = json!({"annotations": {"wharfinger.dev/released": term}});
        self.patch_lease_in(namespace, json!({"metadata": metadata, "spec": {"holderIdentity": null}})).await;
    }
}
