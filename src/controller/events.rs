//! What users are told: a status where it differs, an event when `Ready` changes, one when a pass changed something in AWS. Failing to
//! publish an event is logged, nothing more.

use super::objects::{Object, write, write_status};
use super::{Context, Error, unfinished};
use crate::leader::WritePermit;
use crate::pass::Round;
use crate::plan::{Action, render};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::object::HasStatus;
use kube::runtime::events::{Event, EventType};
use kube::{Api, Resource};
use serde::Serialize;

/// Bytes of an event's note that the API server accepts.
const MAX_NOTE: usize = 1024;

/// Bytes of an event's action that the API server accepts.
const MAX_ACTION: usize = 128;

/// Publishes one event.
pub(super) async fn publish(
    context: &Context,
    permit: &WritePermit,
    object: &impl Resource<DynamicType = ()>,
    type_: EventType,
    reason: &str,
    action: &str,
    note: &str,
) {
    let event = Event {
        type_,
        reason: reason.to_owned(),
        note: Some(render::cut(note, MAX_NOTE)),
        action: action.to_owned(),
        secondary: None,
    };
    match write(permit, context.recorder.publish(&event, &object.object_ref(&()))).await {
        Ok(()) | Err(Error::NotLeading(_)) => {}
        Err(error) => unfinished(context, &error, || tracing::warn!(%error, reason, "an event could not be published")),
    }
}

/// What a pass changed in AWS.
pub(super) async fn written(context: &Context, permit: &WritePermit, object: &impl Resource<DynamicType = ()>, round: &Round) {
    let done: Vec<String> = round.done().map(render::done).collect();
    if done.is_empty() {
        return;
    }
    for step in round.done() {
        if let Action::AdoptSecret { arn, before, .. } = &step.action {
            let tags = serde_json::to_string(before).unwrap_or_default();
            let note = format!("{arn} was taken over: {}. Its tags until then: {tags}", step.reason);
            publish(context, permit, object, EventType::Normal, "Adopted", "Adopt", &note).await;
        }
    }
    // The recorder aggregates events by their action and keeps the first one's text, so each set of calls is an action of its own.
    let calls: Vec<&str> = round.done().map(|step| render::verb(&step.action)).collect();
    let action = render::cut(&format!("Apply: {}", calls.join(", ")), MAX_ACTION);
    publish(context, permit, object, EventType::Normal, "Applied", &action, &done.join("; ")).await;
}

/// Writes a status if it differs, and publishes a change of `Ready`, which `ready` finds in it.
pub(super) async fn status<K>(
    context: &Context,
    permit: &WritePermit,
    api: &Api<K>,
    object: &K,
    status: &K::Status,
    ready: fn(&K::Status) -> Option<&Condition>,
) -> Result<(), Error>
where
    K: Object + HasStatus<Status: PartialEq + Serialize>,
{
    let before = object.status();
    if before == Some(status) {
        return Ok(());
    }
    write_status(permit, api, object, status).await?;
    context.metrics.status_written();
    transition(context, permit, object, before.and_then(ready), ready(status)).await;
    Ok(())
}

/// A change of `Ready`.
async fn transition(
    context: &Context,
    permit: &WritePermit,
    object: &impl Resource<DynamicType = ()>,
    before: Option<&Condition>,
    now: Option<&Condition>,
) {
    let Some(now) = now else { return };
    if before.is_some_and(|before| before.status == now.status && before.reason == now.reason) {
        return;
    }
    let type_ = if now.status == "True" { EventType::Normal } else { EventType::Warning };
    publish(context, permit, object, type_, &now.reason, "Reconcile", &now.message).await;
}
