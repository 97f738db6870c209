//! One pass over one workload in the cluster: fetch, converge or remove, write the status once, say when to come back.

use super::backoff::jittered;
use super::lead::{self, Lead};
use super::objects::{add_finalizer, remove_finalizer};
use super::passes::guarded;
use super::{Context, Error, binding, events, fetch, within};
use crate::api::{ABANDON, CLEANUP_FINALIZER, ManagementPolicy, PrivateImageWorkload, PrivateImageWorkloadStatus};
use crate::converge::{Shared, converge, remove};
use crate::pass::Pass;
use crate::status::{
    Farewell, READY, Reason, farewell, find, follows, goes_on, has_leftovers, inventory, leaves_everything, summarise,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::controller::Action;
use kube::runtime::events::EventType;
use kube::{Api, ResourceExt};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// `spec.interval` where there is none.
const INTERVAL: Duration = Duration::from_secs(3600);
/// How often a deployment is looked at.
const DEPLOYMENT: Duration = Duration::from_secs(10);
/// When the next of several things that end one after the other is taken up.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How often what is still in use is looked at.
const LEFTOVERS: Duration = Duration::from_secs(300);
/// When a spec that is wrong is looked at again although nothing changed.
pub(super) const SAFETY_NET: Duration = Duration::from_secs(600);

/// Called for whatever changed or is due. A pass that panics is a bug, and harms no other.
pub(super) async fn reconcile(stale: Arc<PrivateImageWorkload>, context: Arc<Context>) -> Result<Action, Error> {
    guarded(run(&stale, &context)).await
}

async fn run(stale: &PrivateImageWorkload, context: &Context) -> Result<Action, Error> {
    let (name, namespace) = (stale.name_any(), stale.namespace().unwrap_or_default());
    let api: Api<PrivateImageWorkload> = Api::namespaced(context.client.clone(), &namespace);
    let started = Instant::now();
    let Some(lead) = context.gate.lead() else { return Ok(Action::await_change()) };
    let lock = match context.turns.take(&namespace, &name) {
        Ok(lock) => lock,
        Err(wait) => return Ok(Action::requeue(wait)),
    };
    // Read anew: the cache may not have seen our own last write, or an object of the same name that is another one.
    let Some(workload) = within(api.get_opt(&name)).await? else {
        context.backoff.succeeded(&stale.uid().unwrap_or_default());
        return Ok(Action::await_change());
    };
    let uid = workload.uid().unwrap_or_default();
    let mut shared = Shared { lock: Some(lock), list: Some(fetch::lister(&api)) };
    let (action, reason) = match workload.metadata.deletion_timestamp {
        Some(_) => delete(context, &lead, &api, workload, &mut shared).await?,
        None => pass(context, &lead, &api, workload, &mut shared).await?,
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
    api: &Api<PrivateImageWorkload>,
    mut workload: PrivateImageWorkload,
    shared: &mut Shared,
) -> Result<(Action, Reason), Error> {
    let write = workload.spec.management_policy == ManagementPolicy::Full;
    if write && !workload.spec.suspend && !workload.finalizers().iter().any(|it| it == CLEANUP_FINALIZER) {
        workload = add_finalizer(&lead.permit, api, &workload, CLEANUP_FINALIZER).await?;
    }
    let inputs = fetch::dereference(context, lead, workload).await?;
    if !inputs.workload.spec.suspend {
        binding::enter(context, lead, &inputs.claim(), write).await?;
    }
    let pass = converge(&context.accounts, &context.registries, &inputs, write.then_some(&lead.permit), shared).await;
    let workload = inputs.workload;
    if let Pass::Done(round) = &pass {
        events::written(context, &lead.permit, &workload, round).await;
        if was_ready(&workload) {
            context.metrics.drifted(round);
        }
    }
    lead::complete(&pass)?;
    let status = summarise(&workload, &pass, Timestamp::now());
    events::status(context, &lead.permit, api, &workload, &status, |status| find(status, READY)).await?;
    let reason = reason_of(find(&status, READY));
    let uid = workload.uid().unwrap_or_default();
    let late = lead.read_back(&uid, &pass).filter(|_| reason == Reason::Succeeded);
    let next = match soon(&workload, &status, &pass, reason).into_iter().chain(late).min() {
        Some(wait) => Action::requeue(jittered(wait)),
        None => next(context, &uid, workload.spec.interval.as_deref(), &pass, reason),
    };
    Ok((next, reason))
}

/// When a call that was held back has its turn.
pub(super) fn turn(pass: &Pass) -> Option<Duration> {
    let Pass::Done(round) = pass else { return None };
    round.turn()
}

/// Sooner than usual while deployments go on, and while something of the past is left.
fn soon(workload: &PrivateImageWorkload, status: &PrivateImageWorkloadStatus, pass: &Pass, reason: Reason) -> Option<Duration> {
    let Pass::Done(round) = pass else { return None };
    let turn = turn(pass);
    if follows(status, round) {
        return Some(turn.map_or(DEPLOYMENT, |turn| turn.min(DEPLOYMENT)));
    }
    if turn.is_some() {
        return turn;
    }
    if reason != Reason::Succeeded || round.outcomes.is_none() {
        return None;
    }
    if goes_on(workload, status, round.done().next().is_some()) {
        return Some(AT_ONCE);
    }
    has_leftovers(workload, status).then_some(LEFTOVERS)
}

/// Whether the last pass had found this very spec converged.
fn was_ready(workload: &PrivateImageWorkload) -> bool {
    let status = workload.status.as_ref();
    status.is_some_and(|status| {
        status.observed_generation == workload.metadata.generation
            && find(status, READY).is_some_and(|ready| ready.status == "True")
    })
}

/// The reason of a `Ready` condition.
pub(super) fn reason_of(ready: Option<&Condition>) -> Reason {
    let word = ready.map(|ready| ready.reason.as_str()).unwrap_or_default();
    Reason::named(word).unwrap_or(Reason::Progressing)
}

/// When to come back. `uid` and `interval` = the object's.
pub(super) fn next(context: &Context, uid: &str, interval: Option<&str>, pass: &Pass, reason: Reason) -> Action {
    let interval = crate::interval::parse(interval).unwrap_or(INTERVAL);
    let regular = if interval.is_zero() { Action::await_change() } else { Action::requeue(jittered(interval)) };
    match (pass, reason) {
        (Pass::Suspended, _) => Action::await_change(),
        (_, Reason::Succeeded | Reason::DriftDetected) => regular,
        (_, Reason::InvalidSpec) => Action::requeue(jittered(SAFETY_NET)),
        _ => Action::requeue(context.backoff.failed(uid)),
    }
}

async fn delete(
    context: &Context,
    lead: &Lead,
    api: &Api<PrivateImageWorkload>,
    workload: PrivateImageWorkload,
    shared: &mut Shared,
) -> Result<(Action, Reason), Error> {
    let ours = workload.finalizers().iter().any(|it| it == CLEANUP_FINALIZER);
    if !ours {
        return Ok((Action::await_change(), Reason::Succeeded));
    }
    if workload.annotations().get(ABANDON).is_some_and(|value| value == "true") {
        let note = format!("abandoned: what stays in AWS: {}", inventory(&workload));
        remove_finalizer(&lead.permit, api, &workload, CLEANUP_FINALIZER).await?;
        events::publish(context, &lead.permit, &workload, EventType::Warning, "Abandoned", "Delete", &note).await;
        return Ok((Action::await_change(), Reason::Succeeded));
    }
    if let Some(note) = leaves_everything(&workload) {
        remove_finalizer(&lead.permit, api, &workload, CLEANUP_FINALIZER).await?;
        events::publish(context, &lead.permit, &workload, EventType::Normal, "Deleted", "Delete", &note).await;
        return Ok((Action::await_change(), Reason::Succeeded));
    }
    let inputs = fetch::dereference(context, lead, workload).await?;
    binding::enter(context, lead, &inputs.claim(), false).await?;
    let pass = remove(&context.accounts, &inputs, Some(&lead.permit), shared).await;
    let workload = inputs.workload;
    if let Pass::Done(round) = &pass {
        events::written(context, &lead.permit, &workload, round).await;
    }
    lead::complete(&pass)?;
    match farewell(&workload, &pass, Timestamp::now()) {
        Farewell::LetGo(note) => {
            remove_finalizer(&lead.permit, api, &workload, CLEANUP_FINALIZER).await?;
            events::publish(context, &lead.permit, &workload, EventType::Normal, "Deleted", "Delete", &note).await;
            Ok((Action::await_change(), Reason::Succeeded))
        }
        Farewell::Wait(reason, status) => {
            events::status(context, &lead.permit, api, &workload, &status, |status| find(status, READY)).await?;
            let turn = turn(&pass).unwrap_or_else(|| context.backoff.failed(&workload.uid().unwrap_or_default()));
            Ok((Action::requeue(turn), reason))
        }
    }
}
