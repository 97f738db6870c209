//! `AccountBinding`: counts its users, and stays while it has some. Several controllers may act through one, each in other namespaces.

use super::backoff::jittered;
use super::installations::Sight;
use super::lead::{Lead, NOT_LEADING};
use super::objects::{add_finalizer, is_conflict, remove_finalizer, replace_status};
use super::trouble::{Kind, Trouble};
use super::turns::BUSY;
use super::{Context, Error, listed, unfinished, within};
use crate::api::{AccountBinding, BindingController, IN_USE_FINALIZER, PrivateImageWorkload, PullNetwork, RegistryCredential};
use crate::inputs::{Bindings, NetworkInputs};
use crate::status::{Share, binding_status, rival};
use crate::target::{self, Claim};
use jiff::Timestamp;
use kube::api::ListParams;
use kube::runtime::controller::Action;
use kube::{Api, ResourceExt};
use std::sync::Arc;
use std::time::Duration;

/// When a binding is looked at again although nothing changed.
const SAFETY_NET: Duration = Duration::from_secs(600);

/// When one is whose users could only be counted in part: a watch that is mended tells no binding of it.
const IN_PART: Duration = Duration::from_secs(10);

/// When a binding that is being deleted is.
const DELETING: Duration = Duration::from_secs(5);

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

impl Tenant for PullNetwork {
    fn binding(&self) -> Option<&str> {
        Some(&self.spec.binding_ref.name)
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
    match keep(&stale.name_any(), &context).await {
        Err(error) if is_conflict(&error) => Ok(Action::requeue(jittered(BUSY))), // another controller was faster
        other => other,
    }
}

async fn keep(name: &str, context: &Context) -> Result<Action, Error> {
    let api: Api<AccountBinding> = Api::all(context.client.clone());
    let Some(lead) = context.gate.lead() else { return Ok(Action::await_change()) };
    if !context.knows_workloads() {
        return Ok(Action::requeue(jittered(BUSY)));
    }
    let permit = &lead.permit;
    let Some(mut binding) = within(api.get_opt(name)).await? else { return Ok(Action::await_change()) };
    let deleting = binding.metadata.deletion_timestamp.is_some();
    let ours = binding.finalizers().iter().any(|it| it == IN_USE_FINALIZER);
    let some_dead = deleting && forget_the_dead(context, &mut binding).await;
    let share = share(context, &binding).await?;
    let status = binding_status(&binding, &context.installation, &share, Timestamp::now());
    if deleting && ours && status.controllers.is_empty() {
        remove_finalizer(permit, &api, &binding, IN_USE_FINALIZER).await?;
        return Ok(Action::await_change());
    }
    if deleting && !some_dead && share == Share::Nothing && !is_registered(context, &binding) {
        return Ok(Action::requeue(DELETING)); // those that act through it say what it waits for
    }
    if !deleting && !ours {
        binding = add_finalizer(permit, &api, &binding, IN_USE_FINALIZER).await?;
    }
    if binding.status.as_ref() != Some(&status) {
        replace_status(permit, &api, &binding, &status).await?;
    }
    Ok(Action::requeue(match share {
        _ if deleting => DELETING,
        Share::AtLeast(_) => jittered(IN_PART),
        Share::Users(_) | Share::Nothing => SAFETY_NET,
    }))
}

/// Whom this controller acts for through a binding. One that acts for nobody any more stays named until the binding goes.
async fn share(context: &Context, binding: &AccountBinding) -> Result<Share, Error> {
    let deleting = binding.metadata.deletion_timestamp.is_some();
    let users = users(context, binding, deleting).await?;
    Ok(match users.is_empty() && (deleting || !is_registered(context, binding)) {
        true => Share::Nothing,
        false if deleting || sees_all(context) => Share::Users(users),
        false => Share::AtLeast(users),
    })
}

fn sees_all(context: &Context) -> bool {
    context.knows_networks() && context.sees_all::<PrivateImageWorkload>() && context.sees_all::<RegistryCredential>()
}

fn is_registered(context: &Context, binding: &AccountBinding) -> bool {
    let controllers = binding.status.iter().flat_map(|status| &status.controllers);
    controllers.into_iter().any(|controller| controller.name == context.installation.name)
}

/// Whether controllers are named that are no more. They are taken out of the status, in memory, but for those that left workloads
/// behind: what becomes of these is for somebody to say.
async fn forget_the_dead(context: &Context, binding: &mut AccountBinding) -> bool {
    let named = binding.status.iter().flat_map(|status| &status.controllers);
    let others: Vec<String> = named.filter(|it| it.name != context.installation.name).map(|it| it.name.clone()).collect();
    let mut some = false;
    for name in others {
        if let Sight::Gone = context.installations.look(&context.client, &name).await {
            some = true;
            let stays = |it: &BindingController| it.name != name || it.workloads > 0;
            binding.status.iter_mut().for_each(|status| status.controllers.retain(stays));
        }
    }
    some
}

/// Tries of a change that somebody else's change crosses.
const TRIES: usize = 5;

/// For what a controller acts through a binding, as it is told.
fn realm(binding: &AccountBinding, namespace: Option<&str>) -> String {
    let what = namespace.map_or_else(|| "PullNetworks".to_owned(), |namespace| format!("namespace {namespace}"));
    format!("{what} through AccountBinding {}", binding.name_any())
}

/// Makes sure that a binding cannot go before somebody acts through it, and that no other controller acts for the namespace; without
/// one, for what is in none.
async fn protect(context: &Context, lead: &Lead, binding: &AccountBinding, namespace: Option<&str>) -> Result<(), Error> {
    let what = realm(binding, namespace);
    let kept = |it: &AccountBinding| it.finalizers().iter().any(|it| it == IN_USE_FINALIZER) && is_registered(context, it);
    if rival(binding, &context.installation, namespace).is_none() && kept(binding) {
        context.readiness.fine(&what);
        return Ok(());
    }
    let _one = context.registering.lock().await; // many passes of one start: one of them writes
    let api: Api<AccountBinding> = Api::all(context.client.clone());
    for _ in 0..TRIES {
        let Some(mut binding) = within(api.get_opt(&binding.name_any())).await? else { break };
        if let Some(other) = rival(&binding, &context.installation, namespace).map(|other| other.name.clone()) {
            yielded(context, &what, &other).await?;
            tracing::info!(controller = other, "it runs no more: this controller goes on with {what}");
            binding.status.iter_mut().for_each(|status| status.controllers.retain(|it| it.name != other));
        }
        let has_finalizer = binding.finalizers().iter().any(|it| it == IN_USE_FINALIZER);
        if binding.metadata.deletion_timestamp.is_some() && !has_finalizer {
            return Err(Error::State(format!("AccountBinding {} is being deleted", binding.name_any())));
        }
        match register(context, lead, &api, binding, has_finalizer).await {
            Err(error) if is_conflict(&error) => {}
            Err(error) => return Err(error),
            Ok(binding) if rival(&binding, &context.installation, namespace).is_none() => {
                context.readiness.fine(&what);
                return Ok(());
            }
            Ok(_) => {}
        }
    }
    Err(Error::State(format!("AccountBinding {} is changed by others all the time, or gone", binding.name_any())))
}

/// Finalizer and entry in the status, whichever is missing.
async fn register(
    context: &Context,
    lead: &Lead,
    api: &Api<AccountBinding>,
    binding: AccountBinding,
    has_finalizer: bool,
) -> Result<AccountBinding, Error> {
    let share = Share::AtLeast(users(context, &binding, false).await?); // the next look counts
    let status = binding_status(&binding, &context.installation, &share, Timestamp::now());
    let binding = match has_finalizer {
        true => binding,
        false => add_finalizer(&lead.permit, api, &binding, IN_USE_FINALIZER).await?,
    };
    replace_status(&lead.permit, api, &binding, &status).await
}

/// An error, unless the installation that was first is gone.
async fn yielded(context: &Context, what: &str, other: &str) -> Result<(), Error> {
    let unseen = match context.installations.look(&context.client, other).await {
        Sight::Gone => return Ok(()),
        Sight::Runs => String::new(),
        Sight::None(error) => format!(
            ". Whether that one still runs cannot be seen ({error}); it takes get on that Lease (otherInstallations of the chart)"
        ),
    };
    let text = format!(
        "another controller acts for it (Lease {other}), so this one leaves it alone; give each installation other namespaces (--watch-namespaces), or remove one{unseen}"
    );
    context.readiness.note(what);
    context.readiness.wrong(what, Trouble { kind: Kind::Elsewhere, text: text.clone() });
    Err(Error::ServedElsewhere(format!("{what}: {text}")))
}

/// Kubernetes failed: try again soon.
pub(super) fn on_error(binding: Arc<AccountBinding>, error: &Error, context: Arc<Context>) -> Action {
    if let Error::NotLeading(_) = error {
        return Action::requeue(NOT_LEADING);
    }
    unfinished(&context, error, || {
        tracing::warn!(binding = %binding.name_any(), %error, "an AccountBinding could not be handled");
    });
    Action::requeue(context.backoff.failed(&binding.uid().unwrap_or_default()))
}

/// The users, from the caches; before a binding is let go, from the API server itself. Without those whose namespace another
/// controller acts for: it counts them.
async fn users(context: &Context, binding: &AccountBinding, deleting: bool) -> Result<Vec<String>, Error> {
    let name = binding.name_any();
    let mut users = vec![];
    if deleting {
        users.extend(named(listed::<PrivateImageWorkload>(context).await?.iter(), &name));
        users.extend(named(listed::<RegistryCredential>(context).await?.iter(), &name));
    } else {
        users.extend(named(context.workloads.state().iter().map(|it| &**it), &name));
        users.extend(named(context.credentials.state().iter().map(|it| &**it), &name));
    }
    users.retain(|user| rival(binding, &context.installation, user.split('/').next()).is_none());
    if rival(binding, &context.installation, None).is_none() {
        let networks = match deleting {
            true => within(Api::<PullNetwork>::all(context.client.clone()).list(&ListParams::default())).await?.items,
            false => context.networks.state().iter().map(|it| (**it).clone()).collect(),
        };
        let of_binding = networks.iter().filter(|network| network.binding() == Some(&name));
        users.extend(of_binding.map(|network| format!("PullNetwork {}", network.name_any())));
    }
    users.sort();
    Ok(users)
}

/// Namespace and name of those that live under a binding.
fn named<'a, K: Tenant + 'a>(all: impl Iterator<Item = &'a K>, binding: &str) -> Vec<String> {
    let name = |it: &K| format!("{}/{}", it.namespace().unwrap_or_default(), it.name_any());
    all.filter(|it| it.binding() == Some(binding)).map(name).collect()
}

/// Whether this controller may act for an object, and through the binding that it leads to: an error, if another one does. With
/// `write` the binding stays meanwhile.
pub(super) async fn enter(context: &Context, lead: &Lead, claim: &Claim<'_>, write: bool) -> Result<(), Error> {
    let Bindings::Objects(bindings) = claim.bindings else { return Ok(()) };
    let chosen = match target::choose(claim) {
        Ok(target) => target.binding,
        Err(_) => claim.pinned.and_then(|pinned| pinned.binding.clone()),
    };
    let Some(binding) = bindings.iter().find(|binding| binding.metadata.name == chosen) else { return Ok(()) };
    match write {
        true => protect(context, lead, binding, Some(&claim.namespace.name)).await,
        false => leave_to_others(context, binding, Some(&claim.namespace.name)).await,
    }
}

/// The same for a network, which is in no namespace: the first of all controllers that act through its binding keeps it.
pub(super) async fn enter_network(context: &Context, lead: &Lead, inputs: &NetworkInputs, write: bool) -> Result<(), Error> {
    let Bindings::Objects(bindings) = &inputs.bindings else { return Ok(()) };
    let named = |binding: &&AccountBinding| binding.name_any() == inputs.network.spec.binding_ref.name;
    let Some(binding) = bindings.iter().find(named) else { return Ok(()) };
    match write {
        true => protect(context, lead, binding, None).await,
        false => leave_to_others(context, binding, None).await,
    }
}

/// Whether this controller keeps a network, as far as the cache knows.
pub(super) fn keeps(context: &Context, network: &PullNetwork) -> bool {
    let named = |binding: &Arc<AccountBinding>| binding.name_any() == network.spec.binding_ref.name;
    let binding = context.bindings.state().into_iter().find(named);
    binding.is_some_and(|binding| rival(&binding, &context.installation, None).is_none())
}

/// An error, if another controller acts for the namespace.
async fn leave_to_others(context: &Context, binding: &AccountBinding, namespace: Option<&str>) -> Result<(), Error> {
    let what = realm(binding, namespace);
    if let Some(other) = rival(binding, &context.installation, namespace) {
        yielded(context, &what, &other.name).await?;
    }
    context.readiness.fine(&what);
    Ok(())
}
