//! The controller: watches workloads, bindings and the Secrets that they name, and runs a pass over whatever changed or is due.

mod backoff;
mod binding;
mod crds;
mod events;
mod fetch;
mod installations;
mod lead;
mod merge;
mod objects;
mod passes;
mod permissions;
mod pull_network;
mod readiness;
mod registry_credential;
mod relations;
mod runners;
mod scope;
mod start;
mod trouble;
mod turns;
mod users;
mod value_key;
mod watches;
mod workload;

pub(crate) use crds::look as look_at_crds;
pub(crate) use fetch::logins;
pub use fetch::{credential_inputs, inputs};
pub(crate) use permissions::{Places, lacking_as_controller, lacking_as_user};
pub use readiness::Readiness;
pub use scope::Scope;
pub(crate) use trouble::{APPLY_CRDS, of as trouble};
pub(crate) use value_key::{load_existing as read_value_key, random_key};

use crate::api::{AccountBinding, PrivateImageWorkload, PullNetwork, RegistryCredential};
use crate::aws::Calls;
use crate::aws::accounts::Accounts;
use crate::leader::{self, Lapsed, Leadership, News};
use crate::metrics::Metrics;
use crate::registry::Registries;
use crate::serve::serve;
use crate::status::Installation;
use futures::FutureExt;
use installations::Installations;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::runtime::controller::Config as ControllerConfig;
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::{Store, store};
use kube::{Api, Client, ResourceExt};
use merge::Namespaced;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify, watch};
use trouble::{Kind, Trouble};
use turns::Turns;
use watches::{Watcher, Watches};

/// How the controller runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The namespaces that are watched.
    pub namespaces: Scope,
    /// The namespaces whose Secrets may be read, of those that are watched.
    pub secret_namespaces: Scope,
    /// Where the value key is kept.
    pub state_namespace: String,
    /// The Lease that decides who leads.
    pub lease: Lease,
    /// The cluster id; the uid of the kube-system namespace if absent.
    pub cluster_id: Option<String>,
    /// Passes at the same time.
    pub concurrency: u16,
    /// Timeout of one call to AWS.
    pub aws_timeout: Duration,
    /// Address of `/metrics`.
    pub metrics_addr: SocketAddr,
    /// Address of `/healthz` and `/readyz`.
    pub health_addr: SocketAddr,
}

/// Where the Lease is.
#[derive(Debug, Clone)]
pub struct Lease {
    /// How to reach the cluster, for a client that nobody else uses.
    pub config: kube::Config,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Lease {
    /// What an installation is known by to others.
    fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// Longest wait for an answer of the Kubernetes API, watches excepted.
const KUBERNETES_TIMEOUT: Duration = Duration::from_secs(15);
/// What there is to do before the watches begin.
const START: &str = "start";
/// Events on one object within this time are one pass.
const DEBOUNCE: Duration = Duration::from_millis(50);

/// Why a pass could not be finished: Kubernetes, never AWS.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused or failed.
    #[error("Kubernetes: {0}")]
    Kubernetes(#[from] kube::Error),
    /// No answer in time.
    #[error("Kubernetes did not answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// Nothing was written, because this process does not lead.
    #[error(transparent)]
    NotLeading(#[from] Lapsed),
    /// A status was not written over one that is newer than the pass.
    #[error("the status was written by somebody else since this pass began")]
    Overtaken,
    /// No thread for the Lease.
    #[error("cannot take part in the election of a leader: {0}")]
    Election(std::io::Error),
    /// What was made before cannot be used.
    #[error("{0}")]
    State(String),
    /// Another controller acts for the namespace.
    #[error("{0}")]
    ServedElsewhere(String),
    /// A port could not be opened.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
}

/// What passes share.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) registries: Registries,
    pub(crate) cluster: String,
    /// Shut while another process leads.
    gate: lead::Gate,
    pub(crate) metrics: Arc<Metrics>,
    recorder: Recorder,
    readiness: Arc<Readiness>,
    installation: Installation,
    installations: Installations,
    /// Told when the API server has refused a call.
    refused: Arc<Notify>,
    /// One registration with a binding at a time.
    registering: Mutex<()>,
    /// Where objects are looked for, and where Secrets are read.
    namespaces: Scope,
    secret_namespaces: Scope,
    workloads: Store<PrivateImageWorkload>,
    credentials: Store<RegistryCredential>,
    bindings: Store<AccountBinding>,
    networks: Store<PullNetwork>,
    /// Told when the cache of workloads has changed.
    workloads_changed: Notify,
    /// Whether the caches hold what there was at the start. (A store's own `wait_until_ready` wakes only its last waiter.)
    workloads_synced: watch::Sender<bool>,
    /// The same of bindings.
    bindings_synced: watch::Sender<bool>,
    /// The same of networks.
    networks_synced: watch::Sender<bool>,
    backoff: backoff::Backoff,
    /// One turn a namespace for what its workloads share: secrets, role, policy; and one a credential.
    turns: Turns,
}

impl Context {
    /// Whether all that there is of a kind can be seen: where a namespace is refused its cache is a part.
    fn sees_all<K: Namespaced>(&self) -> bool {
        let sees = |namespace: Option<&str>| self.readiness.is_fine(&watches::name::<K>(namespace));
        self.namespaces.names().map_or_else(|| sees(None), |names| names.iter().all(|name| sees(Some(name))))
    }

    /// Whether the cache of bindings follows what there is.
    fn knows_bindings(&self) -> bool {
        *self.bindings_synced.borrow() && self.readiness.is_fine(&watches::name::<AccountBinding>(None))
    }

    /// Whether the cache of networks follows what there is.
    fn knows_networks(&self) -> bool {
        *self.networks_synced.borrow() && self.readiness.is_fine(&watches::name::<PullNetwork>(None))
    }

    /// Whether the cache of workloads holds what there was at the start. A pass that waited for it would keep a stop waiting.
    fn knows_workloads(&self) -> bool {
        *self.workloads_synced.borrow()
    }
}

/// A call to Kubernetes with a deadline.
pub(crate) async fn within<T>(call: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Error> {
    tokio::time::timeout(KUBERNETES_TIMEOUT, call)
        .await
        .map_err(|_| Error::Timeout(KUBERNETES_TIMEOUT))?
        .map_err(Error::Kubernetes)
}

/// All objects of a kind where the controller looks, as the API server has them.
async fn listed<K>(context: &Context) -> Result<Vec<K>, Error>
where
    K: Namespaced + Clone + DeserializeOwned + std::fmt::Debug,
{
    let mut all = vec![];
    for (_, api) in context.namespaces.apis::<K>(&context.client) {
        all.extend(within(api.list(&ListParams::default())).await?.items);
    }
    Ok(all)
}

/// Runs until `stop` resolves, then finishes the passes that have begun.
pub async fn run(
    client: Client,
    settings: Settings,
    registries: Registries,
    stop: impl Future<Output = ()> + Clone + Send + Sync + 'static,
) -> Result<(), Error> {
    let metrics = Arc::new(Metrics::default());
    let readiness = Arc::new(Readiness::default());
    let addresses = serve(settings.metrics_addr, settings.health_addr, metrics.clone(), readiness.clone(), stop.clone()).await;
    let (metrics_addr, health_addr) = addresses.map_err(|(address, error)| Error::Listen(address, error))?;
    tracing::info!(%metrics_addr, %health_addr, "serving");
    readiness.require(START);
    let refused = Arc::new(Notify::new());
    tokio::spawn(start::ask_for_permissions(client.clone(), settings.clone(), readiness.clone(), refused.clone()));
    let known = identities(&client, &settings, &metrics, &readiness, stop.clone()).await;
    let Some((cluster, accounts)) = known else { return Ok(()) };
    let (workloads, workload_writer) = store();
    let (credentials, credential_writer) = store();
    let (bindings, binding_writer) = store();
    let (networks, network_writer) = store();
    let context = Arc::new(Context {
        recorder: recorder(&client),
        client: client.clone(),
        accounts,
        registries,
        cluster,
        gate: lead::Gate::default(),
        metrics,
        readiness: readiness.clone(),
        installation: Installation { name: settings.lease.path(), namespaces: settings.namespaces.names().cloned() },
        installations: Installations::default(),
        refused: refused.clone(),
        registering: Mutex::default(),
        namespaces: settings.namespaces,
        secret_namespaces: settings.secret_namespaces,
        workloads,
        credentials,
        bindings,
        networks,
        workloads_changed: Notify::new(),
        workloads_synced: watch::Sender::new(false),
        bindings_synced: watch::Sender::new(false),
        networks_synced: watch::Sender::new(false),
        backoff: backoff::Backoff::default(),
        turns: Turns::default(),
    });
    let watcher =
        Watcher { client: &client, namespaces: &context.namespaces, secrets: &context.secret_namespaces, readiness: &readiness };
    let unneeded = watch::Sender::new(false); // of credentials those that matter are read anew
    let watches = Watches {
        workloads: watcher.watch(workload_writer, &context.workloads_synced),
        credentials: watcher.watch(credential_writer, &unneeded),
        bindings: watcher.everywhere(binding_writer, &context.bindings_synced),
        networks: watcher.everywhere(network_writer, &context.networks_synced),
        secrets: watcher.secrets(),
    };
    readiness.fine(START); // from here on it is the watches that are waited for
    tokio::spawn(users::count(context.clone()));
    let leadership = stand(settings.lease, &context)?;
    tokio::spawn(lead::follow(context.clone(), settings.state_namespace, leadership.terms()));
    let config = ControllerConfig::default().concurrency(settings.concurrency.max(1)).debounce(DEBOUNCE);
    runners::run(watches, context, config, stop).await;
    leadership.release().await;
    Ok(())
}

/// Whose the things in AWS are, and as whom AWS is called; nothing if `stop` resolves first.
async fn identities(
    client: &Client,
    settings: &Settings,
    metrics: &Arc<Metrics>,
    readiness: &Arc<Readiness>,
    stop: impl Future<Output = ()> + Clone + Send + Sync + 'static,
) -> Option<(String, Arc<Accounts>)> {
    let cluster = start::cluster(client, settings, readiness, stop.clone()).await?;
    let counted = metrics.clone();
    let calls = Calls::new(move |call| counted.called(call));
    let loading = Accounts::load(settings.aws_timeout, calls, &cluster); // may ask a metadata service for the Region
    let accounts = tokio::select! { accounts = loading => Arc::new(accounts), () = stop => return None };
    tokio::spawn(start::look_for_credentials(accounts.clone(), readiness.clone()));
    Some((cluster, accounts))
}

/// Tells that a pass could not be finished: what permission is missing is told once, and by one who asks for all of them.
fn unfinished(context: &Context, error: &Error, told: impl FnOnce()) {
    let refused = matches!(error, Error::Kubernetes(kube::Error::Api(status)) if status.is_forbidden());
    if refused {
        context.refused.notify_one();
    }
    if !refused || context.readiness.is_fine(permissions::WHAT) {
        told();
    }
}

fn recorder(client: &Client) -> Recorder {
    let reporter = Reporter { controller: "wharfinger".into(), instance: replica() };
    Recorder::new(client.clone(), reporter)
}

/// The pod, or the machine.
fn replica() -> Option<String> {
    ["POD_NAME", "HOSTNAME"].iter().find_map(|name| std::env::var(name).ok())
}

/// Takes part in the election, under a name that no other process has.
fn stand(lease: Lease, context: &Context) -> Result<Leadership, Error> {
    let what = format!("Lease {}", lease.path());
    let Lease { config, namespace, name } = lease;
    let identity = format!("{}_{:016x}", replica().as_deref().unwrap_or("wharfinger"), rand::random::<u64>());
    let (metrics, readiness) = (context.metrics.clone(), context.readiness.clone());
    readiness.require(&what);
    let told = move |news: News| match news {
        News::Renewed(renewed) => metrics.renewed(renewed),
        News::Answered => readiness.fine(&what),
        News::Refused(text) => readiness.wrong(&what, Trouble { kind: Kind::Refused, text }),
        News::Failed(text) => readiness.wrong(&what, Trouble { kind: Kind::Unavailable, text }),
    };
    Leadership::stand(leader::Settings { config, namespace, name, identity }, Arc::new(told)).map_err(Error::Election)
}

/// The uid of the kube-system namespace, which no other cluster has.
pub(crate) async fn cluster_id(client: &Client) -> Result<String, Error> {
    let namespace = within(Api::<Namespace>::all(client.clone()).get("kube-system")).await?;
    namespace.uid().ok_or_else(|| Error::State("namespace kube-system has no uid; set --cluster-id".to_owned()))
}

/// A future that any number of tasks can wait for, resolved by SIGTERM or SIGINT.
pub fn stop_signal() -> impl Future<Output = ()> + Clone + Send + Sync + 'static {
    let (sender, receiver) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        let terminate = async {
            match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
                Ok(mut signal) => signal.recv().await,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! { _ = terminate => {}, _ = tokio::signal::ctrl_c() => {} }
        tracing::info!("stopping: passes that have begun are finished");
        let _ = sender.send(true); // nobody listens any more: then there is nothing to stop
    });
    let wait = async move {
        let mut receiver = receiver;
        let _ = receiver.wait_for(|stopped| *stopped).await; // a closed channel means stop, too
    };
    wait.boxed().shared()
}
