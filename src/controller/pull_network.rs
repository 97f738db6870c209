//! One pass over one `PullNetwork` in the cluster.

use super::backoff::jittered;
use super::lead::{self, Lead};
use super::objects::{add_finalizer, remove_finalizer, write};
use super::passes::guarded;
use super::turns::BUSY;
use super::workload::{SAFETY_NET, next, reason_of, turn};
use super::{Context, Error, binding, events, fetch, listed, within};
use crate::api::{
    ABANDON, CLEANUP_FINALIZER, DeletionPolicy, FORCE_DELETE, ManagementPolicy, PrivateImageWorkload, PullNetwork,
    PullNetworkStatus,
};
use crate::converge::{converge_network, remove_network};
use crate::desired::DELETED;
use crate::pass::Pass;
use crate::plan::Hold;
use crate::status::{READY, Reason, blocked_network, network_users, summarise_network};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::runtime::events::EventType;
use kube::{Api, ResourceExt};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often an endpoint that is being made is looked at: it takes AWS a few minutes.
const PENDING: Duration = Duration::from_secs(15);
/// When an endpoint that served and is not listed any more is made anew. One that was made a moment ago gets more time to be listed.
const LOST: Duration = Duration::from_secs(2);
/// How often the end of endpoints that were deleted is looked for.
const ENDING: Duration = Duration::from_secs(10);

/// Called for whatever changed or is due. A pass that panics is a bug, and harms no other.
pub(super) async fn reconcile(stale: Arc<PullNetwork>, context: Arc<Context>) -> Result<Action, Error> {
    guarded(run(&stale, &context)).await
}

async fn run(stale: &PullNetwork, context: &Context) -> Result<Action, Error> {
    let name = stale.name_any();
    let api: Api<PullNetwork> = Api::all(context.client.clone());
    let started = Instant::now();
    let Some(lead) = context.gate.lead() else { return Ok(Action::await_change()) };
    if !context.knows_workloads() || !context.knows_networks() {
        return Ok(Action::requeue(jittered(BUSY)));
    }
    // One at a time for one VPC, whoever names it.
    let _turn = match context.turns.take(&stale.spec.vpc_id, &name) {
        Ok(turn) => turn,
        Err(wait) => return Ok(Action::requeue(wait)),
    };
    let Some(network) = within(api.get_opt(&name)).await? else {
        context.backoff.succeeded(&stale.uid().unwrap_or_default());
        return Ok(Action::await_change());
    };
    if !binding::concerns(context, &network).await? {
        return Ok(Action::requeue(jittered(SAFETY_NET))); // labels of namespaces may change
    }
    let uid = network.uid().unwrap_or_default();
    let (action, reason) = match network.metadata.deletion_timestamp {
        Some(_) => delete(context, &lead, &api, network).await?,
        None => pass(context, &lead, &api, network).await?,
    };
    if matches!(reason, Reason::Succeeded | Reason::Suspended) {
        context.backoff.succeeded(&uid);
    }
    context.metrics.passed(&reason.to_string(), started.elapsed().as_secs_f64());
    Ok(action)
}

async fn pass(context: &Context, lead: &Lead, api: &Api<PullNetwork>, network: PullNetwork) -> Result<(Action, Reason), Error> {
    let write = network.spec.management_policy == ManagementPolicy::Full;
    let mut inputs = fetch::dereference_network(context, network).await?;
    if !inputs.network.spec.suspend {
        binding::enter_network(context, lead, &inputs, write).await?;
    }
    if write && !inputs.network.spec.suspend && !inputs.network.finalizers().iter().any(|it| it == CLEANUP_FINALIZER) {
        inputs.network = add_finalizer(&lead.permit, api, &inputs.network, CLEANUP_FINALIZER).await?;
    }
    let pass = converge_network(&context.accounts, &inputs, write.then_some(&lead.permit)).await;
    let network = inputs.network;
    if let Pass::Done(round) = &pass {
        events::written(context, &lead.permit, &network, round).await;
        if was_ready(&network) {
            context.metrics.drifted(round);
        }
    }
    lead::complete(&pass)?;
    let mut status = summarise_network(&network, &pass, &inputs.users, Timestamp::now());
    if !context.sees_all::<PrivateImageWorkload>() {
        // Those that were counted where it may not be looked now still count.
        status.users = status.users.max(network.status.as_ref().map_or(0, |status| status.users));
    }
    events::status(context, &lead.permit, api, &network, &status, ready).await?;
    let reason = reason_of(ready(&status));
    let uid = network.uid().unwrap_or_default();
    let late = lead.read_back(&uid, &pass).filter(|_| reason == Reason::Succeeded);
    let pending = (reason == Reason::Progressing).then(|| if has_lost(&network, &status) { LOST } else { PENDING });
    let next = match turn(&pass).or(late).or(pending) {
        Some(wait) => Action::requeue(jittered(wait)),
        None => next(context, &uid, network.spec.interval.as_deref(), &pass, reason),
    };
    Ok((next, reason))
}

fn ready(status: &PullNetworkStatus) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == READY)
}

/// Whether an endpoint that served is gone.
fn has_lost(before: &PullNetwork, now: &PullNetworkStatus) -> bool {
    let served = |id: &Option<String>| {
        let known = before.status.iter().flat_map(|status| &status.endpoints);
        known.filter(|it| it.state.as_deref() == Some("available")).any(|it| it.id == *id)
    };
    now.endpoints.iter().any(|it| it.state.as_deref() == Some(DELETED) && served(&it.id))
}

/// Whether the last pass had found this very spec converged.
fn was_ready(network: &PullNetwork) -> bool {
    let status = network.status.as_ref();
    let seen = status.is_some_and(|status| status.observed_generation == network.metadata.generation);
    seen && status.and_then(ready).is_some_and(|ready| ready.status == "True")
}

async fn delete(context: &Context, lead: &Lead, api: &Api<PullNetwork>, network: PullNetwork) -> Result<(Action, Reason), Error> {
    if !network.finalizers().iter().any(|it| it == CLEANUP_FINALIZER) {
        return Ok((Action::await_change(), Reason::Succeeded));
    }
    let annotated = |network: &PullNetwork, key: &str| network.annotations().get(key).is_some_and(|value| value == "true");
    if annotated(&network, ABANDON) {
        return let_go(context, lead, api, &network, "Abandoned").await;
    }
    let leaves =
        network.spec.management_policy == ManagementPolicy::Observe || network.spec.deletion_policy == DeletionPolicy::Retain;
    // From the API server itself: the cache may lag behind.
    let users = network_users(listed::<PrivateImageWorkload>(context).await?.iter(), &network);
    let free = users.is_empty() || annotated(&network, FORCE_DELETE);
    let (pass, network) = match (free, leaves) {
        (false, _) => (None, network),
        (true, true) => return let_go(context, lead, api, &network, "Deleted").await,
        (true, false) => {
            let inputs = fetch::dereference_network(context, network).await?;
            binding::enter_network(context, lead, &inputs, false).await?;
            (Some(remove_network(&context.accounts, &inputs, Some(&lead.permit)).await), inputs.network)
        }
    };
    if let Some(Pass::Done(round)) = &pass {
        events::written(context, &lead.permit, &network, round).await;
    }
    pass.as_ref().map_or(Ok(()), lead::complete)?;
    match blocked_network(&network, &users, pass.as_ref(), Timestamp::now()) {
        None => let_go(context, lead, api, &network, "Deleted").await,
        Some((reason, status)) => {
            events::status(context, &lead.permit, api, &network, &status, ready).await?;
            let ends = pass.as_ref().is_some_and(is_under_way);
            let later = || context.backoff.failed(&network.uid().unwrap_or_default());
            Ok((Action::requeue(if ends { jittered(ENDING) } else { later() }), reason))
        }
    }
}

/// Whether what is left waits for the end of what was deleted, and for nothing else.
fn is_under_way(pass: &Pass) -> bool {
    let Pass::Done(round) = pass else { return false };
    round.failure().is_none() && round.plan.held.iter().all(|held| held.hold == Hold::Waiting)
}

/// Lets it go, and says what stays.
async fn let_go(
    context: &Context,
    lead: &Lead,
    api: &Api<PullNetwork>,
    network: &PullNetwork,
    event: &str,
) -> Result<(Action, Reason), Error> {
    let kept = network.status.iter().flat_map(|status| &status.endpoints).filter_map(|it| it.id.as_ref().filter(|_| it.managed));
    let kept = kept.cloned().collect::<Vec<_>>().join(", ");
    let note = match (event, kept.as_str()) {
        (_, "") => "the status knows of no endpoint that was made".to_owned(),
        ("Abandoned", kept) => format!("abandoned: {kept} stay as they are"),
        (_, kept) if network.spec.deletion_policy == DeletionPolicy::Retain => format!("retained: {kept} stay as they are"),
        (_, kept) => format!("{kept}: what was made is deleted, what was only used stays"),
    };
    remove_finalizer(&lead.permit, api, network, CLEANUP_FINALIZER).await?;
    let type_ = if event == "Abandoned" { EventType::Warning } else { EventType::Normal };
    events::publish(context, &lead.permit, network, type_, event, "Delete", &note).await;
    Ok((Action::await_change(), Reason::Succeeded))
}

/// Keeps `status.users` right, without a pass: AWS has no part in it.
pub(super) async fn count_users_of(context: &Context, lead: &Lead, network: &PullNetwork) -> Result<(), Error> {
    if !context.sees_all::<PrivateImageWorkload>() {
        return Ok(()); // the list that comes when it may look again leads here
    }
    let users = network_users(context.workloads.state().iter().map(|it| &**it), network).len() as i64;
    if network.status.as_ref().is_none_or(|status| status.users == users) || !binding::keeps(context, network) {
        return Ok(());
    }
    // Not between a pass's look and its status, which would be refused.
    let Ok(_turn) = context.turns.take(&network.spec.vpc_id, "users") else {
        context.workloads_changed.notify_one();
        return Ok(());
    };
    let api: Api<PullNetwork> = Api::all(context.client.clone());
    let metadata = json!({ "uid": network.uid(), "resourceVersion": network.resource_version() });
    let patch = Patch::Merge(json!({ "metadata": metadata, "status": { "users": users } }));
    write(&lead.permit, api.patch_status(&network.name_any(), &PatchParams::default(), &patch)).await.map(|_| ())
}
