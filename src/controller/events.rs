//! Events: one when `Ready` changes, one when a pass changed something in AWS. Failing to publish one is logged, nothing more.

use super::{Context, within};
use crate::api::{PrivateImageWorkload, PrivateImageWorkloadStatus};
use crate::pass::Round;
use crate::plan::render;
use crate::status::{READY, find};
use kube::Resource;
use kube::runtime::events::{Event, EventType};

/// Bytes of an event's note that the API server accepts.
const MAX_NOTE: usize = 1024;

/// Bytes of an event's action that the API server accepts.
const MAX_ACTION: usize = 128;

/// Publishes one event.
pub(super) async fn publish(
    context: &Context,
    workload: &PrivateImageWorkload,
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
    if let Err(error) = within(context.recorder.publish(&event, &workload.object_ref(&()))).await {
        tracing::warn!(%error, reason, "an event could not be published");
    }
}

/// What a pass changed in AWS.
pub(super) async fn written(context: &Context, workload: &PrivateImageWorkload, round: &Round) {
    let done: Vec<String> = round.done().map(render::done).collect();
    if done.is_empty() {
        return;
    }
    // The recorder aggregates events by their action and keeps the first one's text, so each set of calls is an action of its own.
    let calls: Vec<&str> = round.done().map(|step| render::verb(&step.action)).collect();
    let action = render::cut(&format!("Apply: {}", calls.join(", ")), MAX_ACTION);
    publish(context, workload, EventType::Normal, "Applied", &action, &done.join("; ")).await;
}

/// A change of `Ready`.
pub(super) async fn transition(context: &Context, workload: &PrivateImageWorkload, status: &PrivateImageWorkloadStatus) {
    let before = workload.status.as_ref().and_then(|status| find(status, READY));
    let Some(now) = find(status, READY) else { return };
    if before.is_some_and(|before| before.status == now.status && before.reason == now.reason) {
        return;
    }
    let type_ = if now.status == "True" { EventType::Normal } else { EventType::Warning };
    publish(context, workload, type_, &now.reason, "Reconcile", &now.message).await;
}
