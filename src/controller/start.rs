//! What the controller needs once, at its start. While it cannot be had the process waits, tells what for, and serves its probes:
//! one that ended would be started again and again, and tell less.

use super::backoff::jittered;
use super::readiness::Readiness;
use super::trouble::{Kind, Trouble};
use super::{Error, Settings, cluster_id, crds, permissions, trouble};
use crate::aws::accounts::Accounts;
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
pub(super) async fn patiently<T, F: Future<Output = Result<T, Error>>>(
    readiness: &Readiness,
    what: &str,
    stop: impl Future<Output = ()>,
    mut attempt: impl FnMut() -> F,
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

/// The id of the cluster, with its CRDs looked at; none where the controller is stopped before that could be done.
pub(super) async fn cluster(
    client: &Client,
    settings: &Settings,
    readiness: &Readiness,
    stop: impl Future<Output = ()> + Clone,
) -> Option<String> {
    let cluster =
        patiently(readiness, "id of the cluster (uid of namespace kube-system, or --cluster-id)", stop.clone(), || async {
            match &settings.cluster_id {
                Some(id) => Ok(id.clone()),
                None => cluster_id(client).await,
            }
        });
    let crds = patiently(readiness, "custom resource definitions", stop.clone(), || crds::check(client));
    let (cluster, crds) = futures::join!(cluster, crds);
    crds.and(cluster)
}

/// Tells which permissions are missing, for as long as the controller runs.
pub(super) async fn ask_for_permissions(client: Client, settings: Settings, readiness: Arc<Readiness>, refused: Arc<Notify>) {
    let (home, lease) = (&settings.state_namespace, (&*settings.lease.namespace, &*settings.lease.name));
    let places = permissions::Places { namespaces: &settings.namespaces, secrets: &settings.secret_namespaces, home, lease };
    permissions::watch(&client, places, &readiness, &refused).await;
}
