//! What the controller needs once, at its start. While it cannot be had the process waits, tells what for, and serves its probes:
//! one that ended would be started again and again, and tell less.

use super::backoff::jittered;
use super::readiness::Readiness;
use super::trouble::{Kind, Trouble};
use super::{Error, Settings, cluster_id, crds, permissions, trouble, value_key};
use crate::aws::accounts::Accounts;
use crate::resource::fingerprint::ValueKey;
use crate::target::no_credentials_remedy;
use kube::Client;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

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

/// The id of the cluster and the value key; none where the controller is stopped before they could be had.
pub(super) async fn identity(
    client: &Client,
    settings: &Settings,
    readiness: &Readiness,
    stop: impl Future<Output = ()> + Clone,
) -> Option<(String, ValueKey)> {
    let cluster =
        patiently(readiness, "id of the cluster (uid of namespace kube-system, or --cluster-id)", stop.clone(), async || {
            match &settings.cluster_id {
                Some(id) => Ok(id.clone()),
                None => cluster_id(client).await,
            }
        });
    let namespace = settings.state_namespace.as_deref().unwrap_or_else(|| client.default_namespace());
    let what = format!("value key (Secret {namespace}/{})", value_key::NAME);
    let value_key =
        patiently(readiness, &what, stop.clone(), async || value_key::load(client, settings.state_namespace.as_deref()).await);
    let crds = patiently(readiness, "custom resource definitions", stop.clone(), async || crds::check(client).await);
    let (cluster, value_key, crds) = futures::join!(cluster, value_key, crds);
    crds.and(cluster.zip(value_key))
}

/// Tells which permissions are missing, for as long as the controller runs.
pub(super) async fn ask_for_permissions(client: Client, settings: Settings, readiness: Arc<Readiness>, refused: Arc<Notify>) {
    let home = settings.state_namespace.as_deref().unwrap_or_else(|| client.default_namespace());
    let places = permissions::Places { namespaces: &settings.namespaces, secrets: &settings.secret_namespaces, home };
    permissions::watch(&client, places, &readiness, &refused).await;
}
