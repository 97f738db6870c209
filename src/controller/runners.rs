//! The controllers, each woken by its own kind and by what concerns it of the others.

use super::watches::{Watches, touched};
use super::{Context, Error, binding, passes, pull_network, registry_credential, relations, workload};
use crate::api::{AccountBinding, PrivateImageWorkload, PullNetwork};
use futures::StreamExt;
use futures::channel::mpsc::UnboundedReceiver;
use futures::stream::BoxStream;
use kube::Resource;
use kube::runtime::controller::Config;
use kube::runtime::reflector::Store;
use kube::runtime::watcher::Event;
use kube::runtime::{Controller, Predicate, WatchStreamExt, predicates, watcher};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;

/// Until `stop` resolves; passes that have begun are finished.
pub(super) async fn run(
    watches: Watches,
    context: Arc<Context>,
    config: Config,
    stop: impl Future<Output = ()> + Clone + Send + Sync + 'static,
) {
    let Watches { workloads, credentials, bindings, networks, secrets: [secrets, credentials_secrets] } = watches;
    let (workload_cache, credential_cache, binding_cache) = (&context.workloads, &context.credentials, &context.bindings);
    let [for_credentials, for_bindings, for_networks] = workloads.touched;
    let [of_credentials, credentials_for_bindings] = credentials.touched;
    let [of_bindings, bindings_for_credentials, bindings_for_networks] = bindings.touched;
    let [of_networks, networks_for_bindings, other_networks] = networks.touched;
    let keeping = keep_networks(networks.events, bindings_for_networks, for_networks, other_networks, &context, &config, &stop);
    let (offers, known) = (relations::Offers::default(), credential_cache.clone());
    let (networks, known_networks) = (relations::networks::Networks::default(), context.networks.clone());
    let generation = Default::default;
    let (by_binding, by_secret, by_credential) = (workload_cache.clone(), workload_cache.clone(), workload_cache.clone());
    let by_network = workload_cache.clone();
    let changed = context.clone();
    let events = workloads.events.inspect(move |_| changed.workloads_changed.notify_one()).boxed();
    let workloads = controller(events, workload_cache, relations::request)
        .with_config(config.clone())
        .watches_stream(touched(of_bindings).predicate_filter(predicates::generation, generation()), move |binding| {
            relations::of_binding(&by_binding, &binding)
        })
        .watches_stream(touched(of_credentials), move |credential| offers.concern(&by_credential, &known, &credential))
        .watches_stream(secrets, move |secret| relations::of_secret(&by_secret, &secret))
        .watches_stream(touched(of_networks), move |network| networks.concern(&by_network, &known_networks, &network))
        .reconcile_all_on(context.gate.terms())
        .graceful_shutdown_on(stop.clone())
        .run(workload::reconcile, passes::on_error, context.clone())
        .for_each(async |result| tell(result.err()));
    let (by_binding, by_secret, by_workload) = (credential_cache.clone(), credential_cache.clone(), credential_cache.clone());
    let credentials = controller(credentials.events, credential_cache, relations::request)
        .with_config(config.clone())
        .watches_stream(
            touched(bindings_for_credentials).predicate_filter(predicates::generation, generation()),
            move |binding| relations::credentials_of_binding(&by_binding, &binding),
        )
        .watches_stream(touched(for_credentials), move |_| relations::waiting(&by_workload))
        .watches_stream(credentials_secrets, move |secret| relations::credentials_of_secret(&by_secret, &secret))
        .reconcile_all_on(context.gate.terms())
        .graceful_shutdown_on(stop.clone())
        .run(registry_credential::reconcile, passes::on_error, context.clone())
        .for_each(async |result| tell(result.err()));
    let (of_workload, of_credential, of_network) = (binding_cache.clone(), binding_cache.clone(), binding_cache.clone());
    let bindings = controller(bindings.events, binding_cache, predicates::generation)
        .with_config(config)
        .watches_stream(touched(for_bindings), move |it| relations::bindings_of(&of_workload, &it))
        .watches_stream(touched(credentials_for_bindings), move |it| relations::bindings_of(&of_credential, &it))
        .watches_stream(touched(networks_for_bindings), move |it| relations::bindings_of(&of_network, &it))
        .reconcile_all_on(context.gate.terms())
        .graceful_shutdown_on(stop)
        .run(binding::reconcile, binding::on_error, context.clone())
        .for_each(async |result| tell(result.err()));
    futures::join!(workloads, credentials, bindings, keeping);
}

/// The controller of PullNetworks.
fn keep_networks<S: Future<Output = ()> + Clone + Send + Sync + 'static>(
    events: BoxStream<'static, watcher::Result<Event<PullNetwork>>>,
    bindings: UnboundedReceiver<AccountBinding>,
    workloads: UnboundedReceiver<PrivateImageWorkload>,
    others: UnboundedReceiver<PullNetwork>,
    context: &Arc<Context>,
    config: &Config,
    stop: &S,
) -> impl Future<Output = ()> + use<S> {
    let cache = &context.networks;
    let (by_binding, by_workload, by_network) = (cache.clone(), cache.clone(), cache.clone());
    controller(events, cache, relations::request)
        .with_config(config.clone())
        .watches_stream(touched(bindings).predicate_filter(predicates::generation, Default::default()), move |binding| {
            relations::networks_of_binding(&by_binding, &binding)
        })
        .watches_stream(touched(workloads), move |_| relations::waiting(&by_workload))
        .watches_stream(touched(others), move |network| relations::networks_of_vpc(&by_network, &network))
        .reconcile_all_on(context.gate.terms())
        .graceful_shutdown_on(stop.clone())
        .run(pull_network::reconcile, passes::on_error, context.clone())
        .for_each(async |result| tell(result.err()))
}

/// A controller of one kind, whose watch fills its cache.
fn controller<K>(
    events: BoxStream<'static, watcher::Result<Event<K>>>,
    cache: &Store<K>,
    request: impl Predicate<K> + Send + 'static,
) -> Controller<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    Controller::for_stream(events.applied_objects().predicate_filter(request, Default::default()), cache.clone())
}

/// What fails of a watch is told where it is tended, and what fails of a pass where it is handled.
fn tell(error: Option<kube::runtime::controller::Error<Error, watcher::Error>>) {
    if let Some(error) = error {
        tracing::debug!(%error, "a pass could not be finished");
    }
}
