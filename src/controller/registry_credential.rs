//! One pass over one `RegistryCredential` in the cluster.

use super::backoff::jittered;
use super::lead::{self, Lead};
use super::objects::{add_finalizer, remove_finalizer, write};
use super::passes::guarded;
use super::turns::BUSY;
use super::workload::{next, reason_of, turn};
use super::{Context, Error, binding, events, fetch, listed, within};
use crate::api::{
    ABANDON, CLEANUP_FINALIZER, DeletionPolicy, FORCE_DELETE, ManagementPolicy, PrivateImageWorkload, RegistryCredential,
    RegistryCredentialStatus,
};
use crate::converge::{converge_credential, remove_credential};
use crate::pass::Pass;
use crate::status::{READY, Reason, blocked_credential, credential_users, summarise_credential};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::runtime::events::EventType;
use kube::{Api, ResourceExt};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

/// Called for whatever changed or is due. A pass that panics is a bug, and harms no other.
pub(super) async fn reconcile(stale: Arc<RegistryCredential>, context: Arc<Context>) -> Result<Action, Error> {
    guarded(run(&stale, &context)).await
}

async fn run(stale: &RegistryCredential, context: &Context) -> Result<Action, Error> {
    let (name, namespace) = (stale.name_any(), stale.namespace().unwrap_or_default());
    let api: Api<RegistryCredential> = Api::namespaced(context.client.clone(), &namespace);
    let started = Instant::now();
    let Some(lead) = context.gate.lead() else { return Ok(Action::await_change()) };
    if !context.knows_workloads() {
        return Ok(Action::requeue(jittered(BUSY)));
    }
    let _turn = match context.turns.take(&format!("{namespace}/{name}"), &name) {
        Ok(turn) => turn,
        Err(wait) => return Ok(Action::requeue(wait)),
    };
    let Some(credential) = within(api.get_opt(&name)).await? else {
        context.backoff.succeeded(&stale.uid().unwrap_or_default());
        return Ok(Action::await_change());
    };
    let uid = credential.uid().unwrap_or_default();
    let (action, reason) = match credential.metadata.deletion_timestamp {
        Some(_) => delete(context, &lead, &api, credential).await?,
        None => pass(context, &lead, &api, credential).await?,
    };
    if matches!(reason, Reason::Succeeded | Reason::Suspended) {
        context.backoff.succeeded(&uid);
    }
    context.metrics.passed(&reason.to_string(), started.elapsed().as_secs_f64());
    Ok(action)
}

async fn pass(
    context: &Context,
    lead: &Lead,
    api: &Api<RegistryCredential>,
    mut credential: RegistryCredential,
) -> Result<(Action, Reason), Error> {
    let write = credential.spec.management_policy == ManagementPolicy::Full;
    if write && !credential.spec.suspend && !credential.finalizers().iter().any(|it| it == CLEANUP_FINALIZER) {
        credential = add_finalizer(&lead.permit, api, &credential, CLEANUP_FINALIZER).await?;
    }
    let mut inputs = fetch::dereference_credential(context, lead, credential).await?;
    if !inputs.credential.spec.suspend {
        binding::enter(context, lead, &inputs.claim(), write).await?;
    }
    inputs.users = credential_users(context.workloads.state().iter().map(|it| &**it), &inputs.credential);
    let pass = converge_credential(&context.accounts, &inputs, write.then_some(&lead.permit)).await;
    let credential = inputs.credential;
    if let Pass::Done(round) = &pass {
        events::written(context, &lead.permit, &credential, round).await;
    }
    lead::complete(&pass)?;
    let mut status = summarise_credential(&credential, &pass, &inputs.users, Timestamp::now());
    if !context.sees_all::<PrivateImageWorkload>() {
        // Those that were counted where it may not be looked now still count.
        status.users = status.users.max(credential.status.as_ref().map_or(0, |status| status.users));
    }
    events::status(context, &lead.permit, api, &credential, &status, ready).await?;
    let reason = reason_of(ready(&status));
    let uid = credential.uid().unwrap_or_default();
    let late = lead.read_back(&uid, &pass).filter(|_| reason == Reason::Succeeded);
    let next = match turn(&pass).or(late) {
        Some(wait) => Action::requeue(wait),
        None => next(context, &uid, credential.spec.interval.as_deref(), &pass, reason),
    };
    Ok((next, reason))
}

fn ready(status: &RegistryCredentialStatus) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == READY)
}

async fn delete(
    context: &Context,
    lead: &Lead,
    api: &Api<RegistryCredential>,
    credential: RegistryCredential,
) -> Result<(Action, Reason), Error> {
    if !credential.finalizers().iter().any(|it| it == CLEANUP_FINALIZER) {
        return Ok((Action::await_change(), Reason::Succeeded));
    }
    let annotated = |key: &str| credential.annotations().get(key).is_some_and(|value| value == "true");
    // From the API server itself: the cache may lag behind.
    let users = credential_users(listed::<PrivateImageWorkload>(context).await?.iter(), &credential);
    let leaves = credential.spec.management_policy == ManagementPolicy::Observe
        || credential.spec.deletion_policy == DeletionPolicy::Retain
        || credential.spec.secret_arn.is_some();
    let free = users.is_empty() || annotated(FORCE_DELETE);
    let (pass, credential) = match (annotated(ABANDON), free, leaves) {
        (true, _, _) => return let_go(context, lead, api, &credential, "Abandoned").await,
        (_, true, true) => return let_go(context, lead, api, &credential, "Deleted").await,
        (_, false, _) => (None, credential),
        (_, true, false) => {
            let inputs = fetch::dereference_credential(context, lead, credential).await?;
            binding::enter(context, lead, &inputs.claim(), false).await?;
            (Some(remove_credential(&context.accounts, &inputs, Some(&lead.permit)).await), inputs.credential)
        }
    };
    if let Some(Pass::Done(round)) = &pass {
        events::written(context, &lead.permit, &credential, round).await;
    }
    pass.as_ref().map_or(Ok(()), lead::complete)?;
    match blocked_credential(&credential, &users, pass.as_ref(), Timestamp::now()) {
        None => let_go(context, lead, api, &credential, "Deleted").await,
        Some((reason, status)) => {
            events::status(context, &lead.permit, api, &credential, &status, ready).await?;
            Ok((Action::requeue(context.backoff.failed(&credential.uid().unwrap_or_default())), reason))
        }
    }
}

/// Lets it go, and says what stays.
async fn let_go(
    context: &Context,
    lead: &Lead,
    api: &Api<RegistryCredential>,
    credential: &RegistryCredential,
    event: &str,
) -> Result<(Action, Reason), Error> {
    let secret = credential.status.as_ref().and_then(|status| status.secret.as_ref()).map(|secret| secret.arn.as_str());
    let note = match (event, secret) {
        (_, None) => "the status knows of no secret in AWS".to_owned(),
        ("Abandoned", Some(arn)) => format!("abandoned: {arn} stays as it is"),
        (_, Some(arn)) => format!("{arn}: what was made is scheduled for deletion, what was only named or is retained stays"),
    };
    remove_finalizer(&lead.permit, api, credential, CLEANUP_FINALIZER).await?;
    let type_ = if event == "Abandoned" { EventType::Warning } else { EventType::Normal };
    events::publish(context, &lead.permit, credential, type_, event, "Delete", &note).await;
    Ok((Action::await_change(), Reason::Succeeded))
}

/// Keeps `status.users` right, without a pass: AWS has no part in it.
pub(super) async fn count_users_of(context: &Context, lead: &Lead, credential: &RegistryCredential) -> Result<(), Error> {
    if !context.sees_all::<PrivateImageWorkload>() {
        return Ok(()); // the list that comes when it may look again leads here
    }
    let users = credential_users(context.workloads.state().iter().map(|it| &**it), credential).len() as i64;
    if credential.status.as_ref().is_none_or(|status| status.users == users) {
        return Ok(());
    }
    let (name, namespace) = (credential.name_any(), credential.namespace().unwrap_or_default());
    // Not between a pass's look and its status, which would be refused.
    let Ok(_turn) = context.turns.take(&format!("{namespace}/{name}"), "users") else {
        context.workloads_changed.notify_one();
        return Ok(());
    };
    let api: Api<RegistryCredential> = Api::namespaced(context.client.clone(), &namespace);
    let metadata = json!({ "uid": credential.uid(), "resourceVersion": credential.resource_version() });
    let patch = Patch::Merge(json!({ "metadata": metadata, "status": { "users": users } }));
    write(&lead.permit, api.patch_status(&name, &PatchParams::default(), &patch)).await.map(|_| ())
}
