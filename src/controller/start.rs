//! What the controller needs once, at its start. While it cannot be had the process waits, tells what for, and serves its probes:
//! one that ended would be started again and again, and tell less.

use super::backoff::jittered;
use super::readiness::Readiness;
use super::{Error, trouble};
use std::future::Future;
use std::time::Duration;

/// Longest wait before something is tried again.
const LONGEST: Duration = Duration::from_secs(15);

/// Tries until it succeeds; none where the controller is stopped before that.
pub(super) async fn patiently<T>(
    readiness: &Readiness,
    what: &str,
    stop: impl Future<Output = ()>,
    mut attempt: impl AsyncFnMut() -> Result<T, Error>,
) -> Option<T> {
    readiness.require(what);
    let trying = async {
        let mut wait = Duration::from_secs(1);
        loop {
            match attempt().await {
                Ok(found) => {
                    readiness.fine(what);
                    return found;
                }
                Err(error) => readiness.wrong(what, trouble::of(&error)),
            }
            tokio::time::sleep(jittered(wait)).await;
            wait = (wait * 2).min(LONGEST);
        }
    };
    tokio::select! {
        found = trying => Some(found),
        () = stop => None,
    }
}
