//! One pass over one workload in the cluster: fetch, converge or remove, write the status once, say when to come back.

use super::backoff::jittered;
use super::{Context, Error, events, fetch, within};
use crate::api::{ABANDON, CLEANUP_FINALIZER, ManagementPolicy, PrivateImageWorkload, PrivateImageWorkloadStatus};
use crate::converge::{SharedLock, converge, remove};
use crate::pass::Pass;
use crate::status::{READY, Reason, find, held_up, summarise};
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::runtime::events::EventType;
use kube::{Api, Resource, ResourceExt};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Field manager of what the controller writes.
const MANAGER: &str = "wharfinger";
/// `spec.interval` where there is none.
const INTERVAL: Duration = Duration::from_secs(3600);
/// When a spec that is wrong is looked at again although nothing changed.
const SAFETY_NET: Duration = Duration::from_secs(600);

/// Called for whatever changed or is due.
pub(super) async fn reconcile(stale: Arc<PrivateImageWorkload>, context: Arc<Context>) -> Result<Action, Error> {
    let (name, namespace) = (stale.name_any(), stale.namespace().unwrap_or_default());
    let api: Api<PrivateImageWorkload> = Api::namespaced(context.client.clone(), &namespace);
    let started = Instant::now();
    let mut bindings_synced = context.bindings_synced.subscribe();
    let _ = bindings_synced.wait_for(|synced| *synced).await; // the sender lives in the context, so it is never gone
    let lock = lock(&context, &namespace).await;
    // Read anew: the cache may not have seen our own last write, or an object of the same name that is another one.
    let Some(workload) = within(api.get_opt(&name)).await? else { return Ok(Action::await_change()) };
    let uid = workload.uid().unwrap_or_default();
    let (action, reason) = match workload.metadata.deletion_timestamp {
        Some(_) => delete(&context, &api, workload, lock).await?,
        None => pass(&context, &api, workload, lock).await?,
    };
    match reason {
        Reason::Succeeded | Reason::Suspended => context.backoff.succeeded(&uid),
        _ => {}
    }
    context.metrics.passed(&reason.to_string(), started.elapsed().as_secs_f64());
    Ok(action)
}

/// Kubernetes failed: try again soon.
pub(super) fn on_error(workload: Arc<PrivateImageWorkload>, error: &Error, context: Arc<Context>) -> Action {
    let wait = context.backoff.failed(&workload.uid().unwrap_or_default());
    tracing::warn!(workload = %workload.name_any(), namespace = workload.namespace(), %error, "tried again in {} ms", wait.as_millis());
    context.metrics.passed(&Reason::KubernetesUnavailable.to_string(), 0.0);
    Action::requeue(wait)
}

async fn lock(context: &Context, namespace: &str) -> SharedLock {
    let lock = context.locks.lock().await.entry(namespace.to_owned()).or_default().clone();
    Some(lock.lock_owned().await)
}

async fn pass(
    context: &Context,
    api: &Api<PrivateImageWorkload>,
    mut workload: PrivateImageWorkload,
    lock: SharedLock,
) -> Result<(Action, Reason), Error> {
    let write = workload.spec.management_policy == ManagementPolicy::Full;
    if write && !workload.spec.suspend && !workload.finalizers().iter().any(|it| it == CLEANUP_FINALIZER) {
        workload = add_finalizer(api, &workload).await?;
    }
    let inputs = fetch::dereference(context, workload).await?;
    let pass = converge(&context.accounts, &inputs, write, lock).await;
    let workload = inputs.workload;
    let status = summarise(&workload, &pass, Timestamp::now());
    if let Pass::Done(round) = &pass {
        events::written(context, &workload, round).await;
        if was_ready(&workload) {
            context.metrics.drifted(round);
        }
    }
    write_status(context, api, &workload, &status).await?;
    let reason = ready_reason(&status);
    Ok((next(context, &workload, &pass, reason), reason))
}

/// Whether the last pass had found this very spec converged.
fn was_ready(workload: &PrivateImageWorkload) -> bool {
    let status = workload.status.as_ref();
    status.is_some_and(|status| {
        status.observed_generation == workload.metadata.generation
            && find(status, READY).is_some_and(|ready| ready.status == "True")
    })
}

fn ready_reason(status: &PrivateImageWorkloadStatus) -> Reason {
    let word = find(status, READY).map(|ready| ready.reason.as_str()).unwrap_or_default();
    Reason::ALL.into_iter().find(|reason| reason.to_string() == word).unwrap_or(Reason::Progressing)
}

/// When to come back.
fn next(context: &Context, workload: &PrivateImageWorkload, pass: &Pass, reason: Reason) -> Action {
    let interval = crate::interval::parse(workload.spec.interval.as_deref()).unwrap_or(INTERVAL);
    let regular = if interval.is_zero() { Action::await_change() } else { Action::requeue(jittered(interval)) };
    match (pass, reason) {
        (Pass::Suspended, _) => Action::await_change(),
        (_, Reason::Succeeded | Reason::DriftDetected) => regular,
        (_, Reason::InvalidSpec) => Action::requeue(jittered(SAFETY_NET)),
        _ => Action::requeue(context.backoff.failed(&workload.uid().unwrap_or_default())),
    }
}

async fn delete(
    context: &Context,
    api: &Api<PrivateImageWorkload>,
    workload: PrivateImageWorkload,
    lock: SharedLock,
) -> Result<(Action, Reason), Error> {
    let ours = workload.finalizers().iter().any(|it| it == CLEANUP_FINALIZER);
    if !ours {
        return Ok((Action::await_change(), Reason::Succeeded));
    }
    if workload.annotations().get(ABANDON).is_some_and(|value| value == "true") {
        let note = format!("abandoned: what stays in AWS: {}", inventory(&workload));
        events::publish(context, &workload, EventType::Warning, "Abandoned", "Delete", &note).await;
        remove_finalizer(api, &workload).await?;
        return Ok((Action::await_change(), Reason::Succeeded));
    }
    let write = workload.spec.management_policy == ManagementPolicy::Full;
    let inputs = fetch::dereference(context, workload).await?;
    let pass = remove(&context.accounts, &inputs, write, lock).await;
    let workload = inputs.workload;
    let (reason, message) = match &pass {
        Pass::Done(round) => {
            events::written(context, &workload, round).await;
            if !write || round.is_converged() {
                let notes = if write {
                    round.plan.notes.join("; ")
                } else {
                    format!("managementPolicy is Observe: {} stays", inventory(&workload))
                };
                events::publish(context, &workload, EventType::Normal, "Deleted", "Delete", &notes).await;
                remove_finalizer(api, &workload).await?;
                return Ok((Action::await_change(), Reason::Succeeded));
            }
            match (round.failure(), round.plan.held.first()) {
                (Some(failure), _) => (failure.kind.into(), failure.to_string()),
                (None, Some(held)) => (Reason::DeletionBlocked, held.message.clone()),
                (None, None) => (Reason::DeletionBlocked, "steps of the deletion were skipped".to_owned()),
            }
        }
        // A workload that never got as far as an account left nothing there.
        Pass::Refused(_) if workload.status.as_ref().is_none_or(|status| status.target.is_none()) => {
            remove_finalizer(api, &workload).await?;
            return Ok((Action::await_change(), Reason::Succeeded));
        }
        Pass::Refused(problems) => {
            let message = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            (problems.first().map_or(Reason::DeletionBlocked, |problem| problem.reason), message)
        }
        Pass::Suspended => (Reason::Suspended, String::new()),
    };
    let message = format!("deletion waits: {message}");
    let status = held_up(&workload, reason, &message, Timestamp::now());
    write_status(context, api, &workload, &status).await?;
    Ok((Action::requeue(context.backoff.failed(&workload.uid().unwrap_or_default())), reason))
}

/// What a workload has in AWS, for people.
fn inventory(workload: &PrivateImageWorkload) -> String {
    let status = workload.status.clone().unwrap_or_default();
    let definition = status.definition.map(|definition| definition.arn);
    let all: Vec<String> = definition
        .into_iter()
        .chain(status.execution_role_arn)
        .chain(status.secrets.into_iter().map(|secret| secret.arn))
        .collect();
    if all.is_empty() { "nothing that the status knows of".to_owned() } else { all.join(", ") }
}

async fn add_finalizer(api: &Api<PrivateImageWorkload>, workload: &PrivateImageWorkload) -> Result<PrivateImageWorkload, Error> {
    let finalizers: Vec<String> = workload.finalizers().iter().cloned().chain([CLEANUP_FINALIZER.to_owned()]).collect();
    set_finalizers(api, workload, finalizers).await
}

async fn remove_finalizer(api: &Api<PrivateImageWorkload>, workload: &PrivateImageWorkload) -> Result<(), Error> {
    let finalizers = workload.finalizers().iter().filter(|it| *it != CLEANUP_FINALIZER).cloned().collect();
    match set_finalizers(api, workload, finalizers).await {
        Err(Error::Kubernetes(kube::Error::Api(status))) if status.is_not_found() => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Uid and resource version go along: the patch fails if it would meet another object, or one that somebody changed.
async fn set_finalizers(
    api: &Api<PrivateImageWorkload>,
    workload: &PrivateImageWorkload,
    finalizers: Vec<String>,
) -> Result<PrivateImageWorkload, Error> {
    let metadata = json!({ "uid": workload.uid(), "resourceVersion": workload.resource_version(), "finalizers": finalizers });
    within(api.patch(&workload.name_any(), &PatchParams::default(), &Patch::Merge(json!({ "metadata": metadata })))).await
}

/// Writes the status if it differs, by server-side apply: the fields are ours alone.
async fn write_status(
    context: &Context,
    api: &Api<PrivateImageWorkload>,
    workload: &PrivateImageWorkload,
    status: &PrivateImageWorkloadStatus,
) -> Result<(), Error> {
    if workload.status.as_ref() == Some(status) {
        return Ok(());
    }
    events::transition(context, workload, status).await;
    let patch = json!({
        "apiVersion": PrivateImageWorkload::api_version(&()),
        "kind": PrivateImageWorkload::kind(&()),
        "metadata": { "name": workload.name_any(), "uid": workload.uid() },
        "status": status,
    });
    within(api.patch_status(&workload.name_any(), &PatchParams::apply(MANAGER).force(), &Patch::Apply(patch))).await?;
    context.metrics.status_written();
    Ok(())
}
