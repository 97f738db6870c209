//! `AccountBinding`: counts its users, and stays while it has some.

use super::lead::{Lead, NOT_LEADING};
use super::objects::{add_finalizer, remove_finalizer, write_status};
use super::{Context, Error, within};
use crate::api::{AccountBinding, IN_USE_FINALIZER, PrivateImageWorkload, RegistryCredential};
use crate::inputs::Bindings;
use crate::status::binding_status;
use crate::target::{self, Claim};
use jiff::Timestamp;
use kube::api::ListParams;
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt};
use std::sync::Arc;
use std::time::Duration;

/// When a binding is looked at again although nothing changed.
const SAFETY_NET: Duration = Duration::from_secs(600);

/// What may live under a binding.
pub(super) trait Tenant: ResourceExt {
    /// The binding under which it lives, or that it asks for.
    fn binding(&self) -> Option<&str>;
}

impl Tenant for PrivateImageWorkload {
    fn binding(&self) -> Option<&str> {
        let pinned = self.status.as_ref().and_then(|status| status.target.as_ref()?.binding.as_deref());
        pinned.or(self.spec.binding_ref.as_ref().map(|reference| reference.name.as_str()))
    }
}

impl Tenant for RegistryCredential {
    fn binding(&self) -> Option<&str> {
        let pinned = self.status.as_ref().and_then(|status| status.target.as_ref()?.binding.as_deref());
        pinned.or(self.spec.binding_ref.as_ref().map(|reference| reference.name.as_str()))
    }
}

/// Keeps finalizer and status.
pub(super) async fn reconcile(stale: Arc<AccountBinding>, context: Arc<Context>) -> Result<Action, Error> {
    let api: Api<AccountBinding> = Api::all(context.client.clone());
    let _ = context.workloads_synced.subscribe().wait_for(|synced| *synced).await; // the sender lives in the context
    let Some(lead) = context.gate.lead() else { return Ok(Action::await_change()) };
    let permit = &lead.permit;
    let Some(mut binding) = within(api.get_opt(&stale.name_any())).await? else { return Ok(Action::await_change()) };
    let deleting = binding.metadata.deletion_timestamp.is_some();
    let users = users(&context, &binding.name_any(), deleting).await?;
    let ours = binding.finalizers().iter().any(|it| it == IN_USE_FINALIZER);
    match (deleting, ours, users.is_empty()) {
        (true, true, true) => {
            remove_finalizer(permit, &api, &binding, IN_USE_FINALIZER).await?;
            return Ok(Action::await_change());
        }
        (false, false, _) => binding = add_finalizer(permit, &api, &binding, IN_USE_FINALIZER).await?,
        _ => {}
    }
    let status = binding_status(&binding, &users, Timestamp::now());
    if binding.status.as_ref() != Some(&status) {
        write_status(permit, &api, &binding, &status).await?;
    }
    Ok(Action::requeue(if deleting { Duration::from_secs(5) } else { SAFETY_NET }))
}

/// Tries of a change that somebody else's change crosses.
const TRIES: usize = 5;

/// Makes sure that a binding cannot go before a workload acts through it: its own pass may not have seen it yet.
async fn protect(context: &Context, lead: &Lead, binding: &AccountBinding) -> Result<(), Error> {
    let api: Api<AccountBinding> = Api::all(context.client.clone());
    let name = binding.name_any();
    let mut seen = Some(binding.clone());
    for _ in 0..TRIES {
        let binding = match seen {
            Some(binding) if binding.finalizers().iter().any(|it| it == IN_USE_FINALIZER) => return Ok(()),
            Some(binding) if binding.metadata.deletion_timestamp.is_none() => binding,
            _ => return Err(Error::State(format!("AccountBinding {name} is being deleted"))),
        };
        match add_finalizer(&lead.permit, &api, &binding, IN_USE_FINALIZER).await {
            Err(Error::Kubernetes(kube::Error::Api(status))) if status.is_conflict() => {}
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        seen = within(api.get_opt(&name)).await?;
    }
    Err(Error::State(format!("AccountBinding {name} is changed by others all the time")))
}

/// Kubernetes failed: try again soon.
pub(super) fn on_error(binding: Arc<AccountBinding>, error: &Error, context: Arc<Context>) -> Action {
    if let Error::NotLeading(_) = error {
        return Action::requeue(NOT_LEADING);
    }
    tracing::warn!(binding = %binding.name_any(), %error, "an AccountBinding could not be handled");
    Action::requeue(context.backoff.failed(&binding.uid().unwrap_or_default()))
}

/// The users, from the caches; before a binding is let go, from the API server itself and in every namespace.
async fn users(context: &Context, binding: &str, deleting: bool) -> Result<Vec<String>, Error> {
    let mut users = vec![];
    if deleting {
        let all = ListParams::default();
        users.extend(named(
            within(Api::<PrivateImageWorkload>::all(context.client.clone()).list(&all)).await?.items.iter(),
            binding,
        ));
        users.extend(named(
            within(Api::<RegistryCredential>::all(context.client.clone()).list(&all)).await?.items.iter(),
            binding,
        ));
    } else {
        users.extend(named(context.workloads.state().iter().map(|it| &**it), binding));
        users.extend(named(context.credentials.state().iter().map(|it| &**it), binding));
    }
    users.sort();
    Ok(users)
}

/// Namespace and name of those that live under a binding.
fn named<'a, K: Tenant + 'a>(all: impl Iterator<Item = &'a K>, binding: &str) -> Vec<String> {
    let name = |it: &K| format!("{}/{}", it.namespace().unwrap_or_default(), it.name_any());
    all.filter(|it| it.binding() == Some(binding)).map(name).collect()
}

/// [`protect`] for the binding that an object leads to, if there is one.
pub(super) async fn protect_chosen(context: &Context, lead: &Lead, claim: &Claim<'_>) -> Result<(), Error> {
    let (Ok(target), Bindings::Objects(bindings)) = (target::choose(claim), claim.bindings) else { return Ok(()) };
    match bindings.iter().find(|binding| binding.metadata.name == target.binding) {
        Some(binding) => protect(context, lead, binding).await,
        None => Ok(()),
    }
}
