//! `AccountBinding`: counts its users, and stays while it has some.

use super::{Context, Error, within};
use crate::api::{AccountBinding, AccountBindingStatus, IN_USE_FINALIZER, PrivateImageWorkload};
use crate::status::binding_status;
use jiff::Timestamp;
use kube::api::{ListParams, Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::{Api, Resource, ResourceExt};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// When a binding is looked at again although nothing changed.
const SAFETY_NET: Duration = Duration::from_secs(600);

/// Whether a workload lives under this binding, or asks to.
pub(super) fn uses(workload: &PrivateImageWorkload, binding: &str) -> bool {
    let pinned = workload.status.as_ref().and_then(|status| status.target.as_ref()?.binding.as_deref());
    let asked = workload.spec.binding_ref.as_ref().map(|reference| reference.name.as_str());
    pinned.or(asked) == Some(binding)
}

/// Keeps finalizer and status.
pub(super) async fn reconcile(stale: Arc<AccountBinding>, context: Arc<Context>) -> Result<Action, Error> {
    let api: Api<AccountBinding> = Api::all(context.client.clone());
    let _ = context.workloads_synced.subscribe().wait_for(|synced| *synced).await; // the sender lives in the context
    let Some(binding) = within(api.get_opt(&stale.name_any())).await? else { return Ok(Action::await_change()) };
    let deleting = binding.metadata.deletion_timestamp.is_some();
    let users = users(&context, &binding.name_any(), deleting).await?;
    let ours = binding.finalizers().iter().any(|it| it == IN_USE_FINALIZER);
    let others = || binding.finalizers().iter().filter(|it| *it != IN_USE_FINALIZER).cloned();
    match (deleting, ours, users.is_empty()) {
        (true, true, true) => {
            set_finalizers(&api, &binding, others().collect()).await?;
            return Ok(Action::await_change());
        }
        (false, false, _) => set_finalizers(&api, &binding, others().chain([IN_USE_FINALIZER.to_owned()]).collect()).await?,
        _ => {}
    }
    let status = binding_status(&binding, &users, Timestamp::now());
    write_status(&api, &binding, &status).await?;
    Ok(Action::requeue(if deleting { Duration::from_secs(5) } else { SAFETY_NET }))
}

/// Tries of a change that somebody else's change crosses.
const TRIES: usize = 5;

/// Makes sure that a binding cannot go before a workload acts through it: its own pass may not have seen it yet.
pub(super) async fn protect(context: &Context, binding: &AccountBinding) -> Result<(), Error> {
    let api: Api<AccountBinding> = Api::all(context.client.clone());
    let name = binding.name_any();
    let mut seen = Some(binding.clone());
    for _ in 0..TRIES {
        let binding = match seen {
            Some(binding) if binding.finalizers().iter().any(|it| it == IN_USE_FINALIZER) => return Ok(()),
            Some(binding) if binding.metadata.deletion_timestamp.is_none() => binding,
            _ => return Err(Error::State(format!("AccountBinding {name} is being deleted"))),
        };
        let finalizers = binding.finalizers().iter().cloned().chain([IN_USE_FINALIZER.to_owned()]).collect();
        match set_finalizers(&api, &binding, finalizers).await {
            Err(Error::Kubernetes(kube::Error::Api(status))) if status.is_conflict() => {}
            Err(error) => return Err(error),
            Ok(()) => {}
        }
        seen = within(api.get_opt(&name)).await?;
    }
    Err(Error::State(format!("AccountBinding {name} is changed by others all the time")))
}

/// Kubernetes failed: try again soon.
pub(super) fn on_error(binding: Arc<AccountBinding>, error: &Error, context: Arc<Context>) -> Action {
    tracing::warn!(binding = %binding.name_any(), %error, "an AccountBinding could not be handled");
    Action::requeue(context.backoff.failed(&binding.uid().unwrap_or_default()))
}

/// The users, from the cache; before a binding is let go, from the API server itself and in every namespace.
async fn users(context: &Context, binding: &str, deleting: bool) -> Result<Vec<String>, Error> {
    let named = |workload: &PrivateImageWorkload| format!("{}/{}", workload.namespace().unwrap_or_default(), workload.name_any());
    let mut users: Vec<String> = if deleting {
        let all = within(Api::<PrivateImageWorkload>::all(context.client.clone()).list(&ListParams::default())).await?;
        all.items.iter().filter(|workload| uses(workload, binding)).map(named).collect()
    } else {
        context.workloads.state().iter().filter(|workload| uses(workload, binding)).map(|workload| named(workload)).collect()
    };
    users.sort();
    Ok(users)
}

async fn set_finalizers(api: &Api<AccountBinding>, binding: &AccountBinding, finalizers: Vec<String>) -> Result<(), Error> {
    let metadata = json!({ "uid": binding.uid(), "resourceVersion": binding.resource_version(), "finalizers": finalizers });
    let patch = Patch::Merge(json!({ "metadata": metadata }));
    match within(api.patch(&binding.name_any(), &PatchParams::default(), &patch)).await {
        Err(Error::Kubernetes(kube::Error::Api(status))) if status.is_not_found() => Ok(()),
        other => other.map(|_| ()),
    }
}

async fn write_status(api: &Api<AccountBinding>, binding: &AccountBinding, status: &AccountBindingStatus) -> Result<(), Error> {
    if binding.status.as_ref() == Some(status) {
        return Ok(());
    }
    let patch = json!({
        "apiVersion": AccountBinding::api_version(&()),
        "kind": AccountBinding::kind(&()),
        "metadata": { "name": binding.name_any(), "uid": binding.uid() },
        "status": status,
    });
    within(api.patch_status(&binding.name_any(), &PatchParams::apply("wharfinger").force(), &Patch::Apply(patch))).await?;
    Ok(())
}
