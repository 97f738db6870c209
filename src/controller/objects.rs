//! Whatever is written to Kubernetes: under a permit, no longer than that counts, and never over what somebody else has written since.

#[cfg(test)]
mod tests;

use super::{Error, KUBERNETES_TIMEOUT, within};
use crate::leader::WritePermit;
use kube::api::{Patch, PatchParams};
use kube::core::object::HasStatus;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;
use std::future::Future;

/// Field manager of what the controller writes.
const MANAGER: &str = "wharfinger";

/// An object of the API server.
pub(super) trait Object: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned {}
impl<K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned> Object for K {}

/// A call that changes something. Every one of the controller's goes through here.
pub(super) async fn write<T>(permit: &WritePermit, call: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Error> {
    let _sending = permit.send()?;
    let longest = permit.longest_attempt().unwrap_or(KUBERNETES_TIMEOUT);
    tokio::time::timeout(longest, call).await.map_err(|_| Error::Timeout(longest))?.map_err(Error::Kubernetes)
}

/// Adds one; the object as it is then.
pub(super) async fn add_finalizer<K: Object>(
    permit: &WritePermit,
    api: &Api<K>,
    object: &K,
    finalizer: &str,
) -> Result<K, Error> {
    let finalizers = object.finalizers().iter().cloned().chain([finalizer.to_owned()]).collect();
    set_finalizers(permit, api, object, finalizers).await
}

/// Takes one away. An object that is gone has none.
pub(super) async fn remove_finalizer<K: Object>(
    permit: &WritePermit,
    api: &Api<K>,
    object: &K,
    finalizer: &str,
) -> Result<(), Error> {
    let finalizers = object.finalizers().iter().filter(|it| *it != finalizer).cloned().collect();
    match set_finalizers(permit, api, object, finalizers).await {
        Err(Error::Kubernetes(kube::Error::Api(status))) if status.is_not_found() => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Uid and resource version go along: the patch fails if it would meet another object, or one that somebody changed.
async fn set_finalizers<K: Object>(permit: &WritePermit, api: &Api<K>, object: &K, finalizers: Vec<String>) -> Result<K, Error> {
    let metadata = json!({ "uid": object.uid(), "resourceVersion": object.resource_version(), "finalizers": finalizers });
    let patch = Patch::Merge(json!({ "metadata": metadata }));
    write(permit, api.patch(&object.name_any(), &PatchParams::default(), &patch)).await
}

/// Tries of a status that somebody else's changes cross.
const TRIES: usize = 5;

/// Writes a status by server-side apply: the fields are ours alone. It replaces the status that the pass began with and no other: a
/// process that no longer leads and does not know it yet cannot undo what the one that leads has written.
pub(super) async fn write_status<K>(permit: &WritePermit, api: &Api<K>, object: &K, status: &impl Serialize) -> Result<(), Error>
where
    K: Object + HasStatus<Status: PartialEq>,
{
    let mut seen = object.clone();
    for _ in 0..TRIES {
        match replace_status(permit, api, &seen, status).await {
            Err(error) if is_conflict(&error) => {}
            other => return other.map(|_| ()),
        }
        // Whoever changes the rest of the object, at whatever rate, stands in nobody's way.
        seen = within(api.get(&object.name_any())).await?;
        if seen.uid() != object.uid() || seen.status() != object.status() {
            break;
        }
    }
    Err(Error::Overtaken)
}

/// The same in one try, where others write it as well: fails with a conflict if one of them was faster. The object as it is then.
pub(super) async fn replace_status<K: Object>(
    permit: &WritePermit,
    api: &Api<K>,
    object: &K,
    status: &impl Serialize,
) -> Result<K, Error> {
    let patch = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": { "name": object.name_any(), "uid": object.uid(), "resourceVersion": object.resource_version() },
        "status": status,
    });
    write(permit, api.patch_status(&object.name_any(), &PatchParams::apply(MANAGER).force(), &Patch::Apply(patch))).await
}

/// Whether somebody else was faster.
pub(super) fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::Kubernetes(kube::Error::Api(status)) if status.is_conflict())
}
