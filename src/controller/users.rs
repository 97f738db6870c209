//! Keeps the counts of users right as workloads come and go.

use super::{Context, pull_network, registry_credential};
use std::sync::Arc;
use std::time::Duration;

/// How long changes of workloads are gathered before users are counted.
const GATHER: Duration = Duration::from_millis(500);

/// Counts for ever: whenever the cache of workloads has changed.
pub(super) async fn count(context: Arc<Context>) {
    loop {
        context.workloads_changed.notified().await;
        tokio::time::sleep(GATHER).await;
        let Some(lead) = context.gate.lead() else { continue }; // each term begins with a count
        for credential in context.credentials.state() {
            tell(registry_credential::count_users_of(&context, &lead, &credential).await);
        }
        for network in context.networks.state() {
            tell(pull_network::count_users_of(&context, &lead, &network).await);
        }
    }
}

fn tell(counted: Result<(), super::Error>) {
    if let Err(error) = counted {
        tracing::debug!(%error, "users could not be counted; the next pass does");
    }
}
