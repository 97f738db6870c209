//! Finalizers and statuses of whatever kind: how they are written.

use super::{Error, within};
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;

/// Field manager of what the controller writes.
const MANAGER: &str = "wharfinger";

/// An object of the API server.
pub(super) trait Object: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned {}
impl<K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned> Object for K {}

/// Adds one; the object as it is then.
pub(super) async fn add_finalizer<K: Object>(api: &Api<K>, object: &K, finalizer: &str) -> Result<K, Error> {
    let finalizers = object.finalizers().iter().cloned().chain([finalizer.to_owned()]).collect();
    set_finalizers(api, object, finalizers).await
}

/// Takes one away. An object that is gone has none.
pub(super) async fn remove_finalizer<K: Object>(api: &Api<K>, object: &K, finalizer: &str) -> Result<(), Error> {
    let finalizers = object.finalizers().iter().filter(|it| *it != finalizer).cloned().collect();
    match set_finalizers(api, object, finalizers).await {
        Err(Error::Kubernetes(kube::Error::Api(status))) if status.is_not_found() => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Uid and resource version go along: the patch fails if it would meet another object, or one that somebody changed.
async fn set_finalizers<K: Object>(api: &Api<K>, object: &K, finalizers: Vec<String>) -> Result<K, Error> {
    let metadata = json!({ "uid": object.uid(), "resourceVersion": object.resource_version(), "finalizers": finalizers });
    within(api.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(json!({ "metadata": metadata })))).await
}

/// Writes a status by server-side apply: the fields are ours alone.
pub(super) async fn write_status<K: Object>(api: &Api<K>, object: &K, status: &impl Serialize) -> Result<(), Error> {
    apply_status(api, object, None, status).await.map(|_| ())
}

/// The same where others write it as well: fails with a conflict if one of them was faster. The object as it is then.
pub(super) async fn replace_status<K: Object>(api: &Api<K>, object: &K, status: &impl Serialize) -> Result<K, Error> {
    apply_status(api, object, object.resource_version(), status).await
}

async fn apply_status<K: Object>(
    api: &Api<K>,
    object: &K,
    resource_version: Option<String>,
    status: &impl Serialize,
) -> Result<K, Error> {
    let mut patch = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": { "name": object.name_any(), "uid": object.uid() },
        "status": status,
    });
    if let Some(version) = resource_version {
        patch["metadata"]["resourceVersion"] = json!(version);
    }
    within(api.patch_status(&object.name_any(), &PatchParams::apply(MANAGER).force(), &Patch::Apply(patch))).await
}

/// Whether somebody else was faster.
pub(super) fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::Kubernetes(kube::Error::Api(status)) if status.is_conflict())
}
