//! The controller: watches workloads, bindings and the Secrets that they name, and runs a pass over whatever changed or is due.

mod backoff;
mod binding;
mod events;
mod fetch;
mod lead;
mod objects;
mod registry_credential;
mod relations;
mod value_key;
mod workload;

pub(crate) use fetch::logins;
pub use fetch::{credential_inputs, inputs};
pub(crate) use value_key::{load_existing as read_value_key, random_key};

use crate::api::{AccountBinding, PrivateImageWorkload, RegistryCredential};
use crate::aws::Calls;
use crate::aws::accounts::Accounts;
use crate::leader::{self, Lapsed, Leadership};
use crate::metrics::Metrics;
use crate::registry::Registries;
use crate::serve::{Leads, Ready, serve};
use futures::{FutureExt, Stream, StreamExt};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::core::PartialObjectMeta;
use kube::runtime::controller::Config as ControllerConfig;
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::{Store, store};
use kube::runtime::{Controller, WatchStreamExt, predicates, watcher};
use kube::{Api, Client, ResourceExt};
use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{Mutex, Notify, watch};

/// How the controller runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The only namespace to watch; all if absent.
    pub namespace: Option<String>,
    /// Where the value key is kept; the client's own namespace if absent.
    pub state_namespace: Option<String>,
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
    /// Its namespace; that of the value key if absent.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// Longest wait for an answer of the Kubernetes API, watches excepted.
const KUBERNETES_TIMEOUT: Duration = Duration::from_secs(15);
/// Seconds after which a watch is made anew: a connection that died silently is noticed this soon.
const WATCH_SECONDS: u32 = 60;
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
    workloads: Store<PrivateImageWorkload>,
    credentials: Store<RegistryCredential>,
    /// Told when the cache of workloads has changed.
    workloads_changed: Notify,
    /// Whether the caches hold what there was at the start. (A store's own `wait_until_ready` wakes only its last waiter.)
    workloads_synced: watch::Sender<bool>,
    bindings_synced: watch::Sender<bool>,
    backoff: backoff::Backoff,
    /// One lock a namespace for what its workloads share: secrets, role, policy.
    locks: Mutex<HashMap<String, Arc<Mutex<()>>>>,
}

/// A call to Kubernetes with a deadline.
pub(crate) async fn within<T>(call: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Error> {
    tokio::time::timeout(KUBERNETES_TIMEOUT, call)
        .await
        .map_err(|_| Error::Timeout(KUBERNETES_TIMEOUT))?
        .map_err(Error::Kubernetes)
}

/// Runs until `stop` resolves, then finishes the passes that have begun.
pub async fn run(
    client: Client,
    settings: Settings,
    registries: Registries,
    stop: impl Future<Output = ()> + Clone + Send + Sync + 'static,
) -> Result<(), Error> {
    let metrics = Arc::new(Metrics::default());
    let counted = metrics.clone();
    let accounts = Arc::new(Accounts::load(settings.aws_timeout, Calls::new(move |call| counted.called(call))).await);
    let (ready, leads) = (Ready::default(), metrics.clone());
    let leads: Leads = Arc::new(move || leads.is_leading());
    let addresses = serve(settings.metrics_addr, settings.health_addr, metrics.clone(), ready.clone(), leads, stop.clone()).await;
    let (metrics_addr, health_addr) = addresses.map_err(|error| Error::Listen(settings.metrics_addr, error))?;
    tracing::info!(%metrics_addr, %health_addr, "serving");
    let cluster = match &settings.cluster_id {
        Some(id) => id.clone(),
        None => cluster_id(&client).await?,
    };
    let (workloads, workload_writer) = store();
    let (credentials, credential_writer) = store();
    let context = Arc::new(Context {
        recorder: Recorder::new(
            client.clone(),
            Reporter { controller: "wharfinger".into(), instance: std::env::var("HOSTNAME").ok() },
        ),
        client: client.clone(),
        accounts,
        registries,
        cluster,
        gate: lead::Gate::default(),
        metrics,
        workloads: workloads.clone(),
        credentials: credentials.clone(),
        workloads_changed: Notify::new(),
        workloads_synced: watch::Sender::new(false),
        bindings_synced: watch::Sender::new(false),
        backoff: backoff::Backoff::default(),
        locks: Mutex::default(),
    });
    let (mut workloads_synced, mut bindings_synced) = (context.workloads_synced.subscribe(), context.bindings_synced.subscribe());
    tokio::spawn(async move {
        if workloads_synced.wait_for(|synced| *synced).await.is_ok() && bindings_synced.wait_for(|synced| *synced).await.is_ok() {
            ready.store(true, Ordering::Relaxed);
            tracing::info!("watches are synced");
        }
    });
    tokio::spawn(registry_credential::count_users(context.clone()));
    let leadership = stand(&client, &settings, context.metrics.clone())?;
    tokio::spawn(lead::follow(context.clone(), settings.state_namespace.clone(), leadership.terms()));
    let config = ControllerConfig::default().concurrency(settings.concurrency.max(1)).debounce(DEBOUNCE);
    let workload_runner =
        run_workloads(&client, &settings, context.clone(), workload_writer, workloads, config.clone(), stop.clone());
    let credential_runner =
        run_credentials(&client, &settings, context.clone(), credential_writer, credentials, config.clone(), stop.clone());
    let binding_runner = run_bindings(&client, &settings, context, config, stop);
    futures::join!(workload_runner, credential_runner, binding_runner);
    leadership.release().await;
    Ok(())
}

/// Takes part in the election, under a name that no other process has.
fn stand(client: &Client, settings: &Settings, metrics: Arc<Metrics>) -> Result<Leadership, Error> {
    let Lease { config, namespace, name } = settings.lease.clone();
    let namespace =
        namespace.or_else(|| settings.state_namespace.clone()).unwrap_or_else(|| client.default_namespace().to_owned());
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "wharfinger".to_owned());
    let identity = format!("{host}_{:016x}", rand::random::<u64>());
    let place = leader::Settings { config, namespace, name, identity };
    Leadership::stand(place, Arc::new(move |renewed| metrics.renewed(renewed))).map_err(Error::Election)
}

/// The uid of the kube-system namespace, which no other cluster has.
pub(crate) async fn cluster_id(client: &Client) -> Result<String, Error> {
    let namespace = within(Api::<Namespace>::all(client.clone()).get("kube-system")).await?;
    namespace.uid().ok_or_else(|| Error::State("namespace kube-system has no uid; set --cluster-id".to_owned()))
}

fn api<K>(client: &Client, settings: &Settings) -> Api<K>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
{
    match &settings.namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

fn run_workloads(
    client: &Client,
    settings: &Settings,
    context: Arc<Context>,
    writer: kube::runtime::reflector::store::Writer<PrivateImageWorkload>,
    reader: Store<PrivateImageWorkload>,
    config: ControllerConfig,
    stop: impl Future<Output = ()> + Clone + Send + Sync + 'static,
) -> impl Future<Output = ()> {
    let watch = watcher::Config::default().timeout(WATCH_SECONDS);
    let objects = watcher(api::<PrivateImageWorkload>(client, settings), watch.clone()).default_backoff().reflect(writer);
    let (again, relisted) = futures::channel::mpsc::unbounded();
    let objects = note_synced(objects, context.workloads_synced.clone(), again);
    let changed = context.clone();
    let objects = objects.inspect(move |_| changed.workloads_changed.notify_one());
    let objects = objects.applied_objects().predicate_filter(relations::request, Default::default());
    let bindings = watcher(Api::<AccountBinding>::all(client.clone()), watch.clone());
    let bindings = bindings.default_backoff().touched_objects().predicate_filter(predicates::generation, Default::default());
    let credentials = watcher(api::<RegistryCredential>(client, settings), watch.clone());
    let (credentials, offers) = (credentials.default_backoff().touched_objects(), relations::Offers::default());
    let (by_binding, by_secret, by_credential) = (reader.clone(), reader.clone(), reader.clone());
    Controller::for_stream(objects, reader)
        .with_config(config)
        .watches_stream(bindings, move |binding| relations::of_binding(&by_binding, &binding))
        .watches_stream(credentials, move |credential| offers.concern(&by_credential, &credential))
        .watches(api::<PartialObjectMeta<Secret>>(client, settings), watch, move |secret| {
            relations::of_secret(&by_secret, &secret)
        })
        .reconcile_all_on(relisted)
        .reconcile_all_on(context.gate.terms())
        .graceful_shutdown_on(stop)
        .run(workload::reconcile, workload::on_error, context)
        .for_each(async |result| warn_of_watches(result.err()))
}

fn run_credentials(
    client: &Client,
    settings: &Settings,
    context: Arc<Context>,
    writer: kube::runtime::reflector::store::Writer<RegistryCredential>,
    reader: Store<RegistryCredential>,
    config: ControllerConfig,
    stop: impl Future<Output = ()> + Clone + Send + Sync + 'static,
) -> impl Future<Output = ()> {
    let watch = watcher::Config::default().timeout(WATCH_SECONDS);
    let objects = watcher(api::<RegistryCredential>(client, settings), watch.clone()).default_backoff().reflect(writer);
    let objects = objects.applied_objects().predicate_filter(relations::request, Default::default());
    let bindings = watcher(Api::<AccountBinding>::all(client.clone()), watch.clone());
    let bindings = bindings.default_backoff().touched_objects().predicate_filter(predicates::generation, Default::default());
    let workloads = watcher(api::<PrivateImageWorkload>(client, settings), watch.clone()).default_backoff().touched_objects();
    let (by_binding, by_secret, by_workload) = (reader.clone(), reader.clone(), reader.clone());
    Controller::for_stream(objects, reader)
        .with_config(config)
        .watches_stream(bindings, move |binding| relations::credentials_of_binding(&by_binding, &binding))
        .watches_stream(workloads, move |_| relations::waiting(&by_workload))
        .watches(api::<PartialObjectMeta<Secret>>(client, settings), watch, move |secret| {
            relations::credentials_of_secret(&by_secret, &secret)
        })
        .reconcile_all_on(context.gate.terms())
        .graceful_shutdown_on(stop)
        .run(registry_credential::reconcile, registry_credential::on_error, context)
        .for_each(async |result| warn_of_watches(result.err()))
}

fn run_bindings(
    client: &Client,
    settings: &Settings,
    context: Arc<Context>,
    config: ControllerConfig,
    stop: impl Future<Output = ()> + Clone + Send + Sync + 'static,
) -> impl Future<Output = ()> {
    let (reader, writer) = store();
    let watch = watcher::Config::default().timeout(WATCH_SECONDS);
    let objects = watcher(Api::<AccountBinding>::all(client.clone()), watch.clone()).default_backoff().reflect(writer);
    let (again, relisted) = futures::channel::mpsc::unbounded();
    let objects = note_synced(objects, context.bindings_synced.clone(), again);
    let objects = objects.applied_objects().predicate_filter(predicates::generation, Default::default());
    let (of_workload, of_credential) = (reader.clone(), reader.clone());
    Controller::for_stream(objects, reader)
        .with_config(config)
        .watches(api::<PrivateImageWorkload>(client, settings), watch.clone(), move |it| {
            relations::bindings_of(&of_workload, &it)
        })
        .watches(api::<RegistryCredential>(client, settings), watch, move |it| relations::bindings_of(&of_credential, &it))
        .reconcile_all_on(relisted)
        .reconcile_all_on(context.gate.terms())
        .graceful_shutdown_on(stop)
        .run(binding::reconcile, binding::on_error, context)
        .for_each(async |result| warn_of_watches(result.err()))
}

/// A watch that is refused (no permission, no CRD) would otherwise be a controller that silently does nothing.
fn warn_of_watches(error: Option<kube::runtime::controller::Error<Error, watcher::Error>>) {
    match error {
        Some(kube::runtime::controller::Error::QueueError(error)) => tracing::warn!(%error, "a watch failed; it is tried again"),
        Some(error) => tracing::debug!(%error, "a pass could not be finished"),
        None => {}
    }
}

/// Tells when the first list is in the cache, and each time that it was listed anew: what came up meanwhile passes by the cache.
fn note_synced<K>(
    events: impl Stream<Item = watcher::Result<watcher::Event<K>>>,
    synced: watch::Sender<bool>,
    again: futures::channel::mpsc::UnboundedSender<()>,
) -> impl Stream<Item = watcher::Result<watcher::Event<K>>> {
    events.inspect(move |event| {
        if let Ok(watcher::Event::InitDone) = event
            && synced.send_replace(true)
        {
            let _ = again.unbounded_send(()); // the controller has stopped: nothing to be done again
        }
    })
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
