//! What passes over objects of any kind have in common: a panic is a bug and harms no other, and after a failure of Kubernetes they come
//! back.

use super::backoff::jittered;
use super::lead::NOT_LEADING;
use super::{Context, Error, unfinished};
use crate::status::Reason;
use futures::FutureExt;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// When what another controller acts for is looked at again.
const ELSEWHERE: Duration = Duration::from_secs(10);

/// A pass whose panic is an error.
pub(super) async fn guarded(pass: impl Future<Output = Result<Action, Error>>) -> Result<Action, Error> {
    AssertUnwindSafe(pass).catch_unwind().await.unwrap_or_else(|_| {
        Err(Error::State("this pass panicked, which is a bug of Wharfinger; see its standard error".to_owned()))
    })
}

/// Kubernetes failed: try again soon.
pub(super) fn on_error<K: Resource<DynamicType = ()>>(object: Arc<K>, error: &Error, context: Arc<Context>) -> Action {
    match error {
        Error::NotLeading(_) => return Action::requeue(NOT_LEADING),
        Error::ServedElsewhere(_) => return Action::requeue(jittered(ELSEWHERE)), // told once, where it was found
        _ => {}
    }
    let wait = context.backoff.failed(&object.uid().unwrap_or_default());
    unfinished(&context, error, || {
        let (kind, name, namespace) = (K::kind(&()), object.name_any(), object.namespace());
        tracing::warn!(%kind, name, namespace, %error, "tried again in {} ms", wait.as_millis());
    });
    context.metrics.failed(&Reason::KubernetesUnavailable.to_string());
    Action::requeue(wait)
}
