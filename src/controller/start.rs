//! What the controller needs once, at its start. While it cannot be had the process waits, tells what for, and serves its probes:
//! one that ended would be started again and again, and tell less.

use super::backoff::jittered;
use super::readiness::Readiness;
use super::trouble::{Kind, Trouble};
use super::{Error, trouble};
use crate::aws::accounts::Accounts;
use crate::target::no_credentials_remedy;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait before something is tried again.
const LONGEST: Duration = Duration::from_secs(15);

/// Longest wait before AWS credentials are looked for again.
const CREDENTIALS: Duration = Duration::from_secs(300);

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

/// Tells early what every workload would say. Not ready it is not: a role may be given to the service account at any time, and then
/// counts without a new start.
pub(super) async fn look_for_credentials(accounts: Arc<Accounts>, readiness: Arc<Readiness>) {
    const WHAT: &str = "AWS credentials";
    readiness.note(WHAT);
    let mut wait = Duration::from_secs(1);
    while let Err(failure) = accounts.ambient_credentials().await {
        let text = format!("{failure}; {}", no_credentials_remedy(&failure));
        readiness.wrong(WHAT, Trouble { kind: Kind::Refused, text });
        tokio::time::sleep(jittered(wait)).await;
        wait = (wait * 2).min(CREDENTIALS);
    }
    readiness.fine(WHAT);
}
