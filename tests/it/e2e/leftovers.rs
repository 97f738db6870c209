//! What tests that are over leave in the cluster. AccountBindings are for all namespaces, so each one is work for every controller.

use super::world::World;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use std::sync::Mutex;

/// Worlds whose test is over.
static LEFT: Mutex<Vec<String>> = Mutex::new(vec![]);

/// Has the AccountBinding and the workloads of a world removed by and by. Its controller is dead.
pub(super) fn leave(world: &World) {
    LEFT.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(world.name.clone());
}

impl World {
    /// Removes what other tests left.
    pub(super) async fn sweep(&self) {
        let left = std::mem::take(&mut *LEFT.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        for name in left {
            for kind in ["PrivateImageWorkload", "PullNetwork", "AccountBinding"] {
                let api = self.api_in(&name, "wharfinger.dev/v1alpha1", kind);
                let of_world =
                    |found: &str| kind == "PrivateImageWorkload" || found == name || found.starts_with(&format!("{name}-"));
                for object in api.list(&ListParams::default()).await.into_iter().flatten() {
                    let name = object.metadata.name.unwrap_or_default();
                    if !of_world(&name) {
                        continue;
                    }
                    let released = Patch::Merge(json!({"metadata": {"finalizers": null}}));
                    // One that goes meanwhile is just as well.
                    let _ = api.delete(&name, &DeleteParams::default()).await;
                    let _ = api.patch(&name, &PatchParams::default(), &released).await;
                }
            }
        }
    }
}
