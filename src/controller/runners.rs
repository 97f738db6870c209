//! The three controllers, each woken by its own kind and by what concerns it of the others.

use super::watches::{Watches, touched};
use super::{Context, Error, binding, registry_credential, relations, workload};
use futures::StreamExt;
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
    let Watches { workloads, credentials, bindings, secrets: [secrets, credentials_secrets] } = watches;
    let (workload_cache, credential_cache, binding_cache) = (&context.workloads, &context.credentials, &context.bindings);
    let [for_credentials, for_bindings] = workloads.touched;
    let [of_credentials, credentials_for_bindings] = credentials.touched;
    let [of_bindings, bindings_for_credentials] = bindings.touched;
    let (offers, known) = (relations::Offers::default(), credential_cache.clone());
    let generation = Default::default;
    let (by_binding, by_secret, by_credential) = (workload_cache.clone(), workload_cache.clone(), workload_cache.clone());
    let changed = context.clone();
    let events = workloads.events.inspect(move |_| changed.workloads_changed.notify_one()).boxed();
    let workloads = controller(events, workload_cache, relations::request)
        .with_config(config.clone())
        .watches_stream(touched(of_bindings).predicate_filter(predicates::generation, generation()), move |binding| {
            relations::of_binding(&by_binding, &binding)
        })
        .watches_stream(touched(of_credentials), move |credential| offers.concern(&by_credential, &known, &credential))
        .watches_stream(secrets, move |secret| relations::of_secret(&by_secret, &secret))
        .reconcile_all_on(context.gate.terms())
        .graceful_shutdown_on(stop.clone())
        .run(workload::reconcile, workload::on_error, context.clone())
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
        .run(registry_credential::reconcile, registry_credential::on_error, context.clone())
        .for_each(async |result| tell(result.err()));
    let (of_workload, of_credential) = (binding_cache.clone(), binding_cache.clone());
    let bindings = controller(bindings.events, binding_cache, predicates::generation)
        .with_config(config)
        .watches_stream(touched(for_bindings), move |it| relations::bindings_of(&of_workload, &it))
        .watches_stream(touched(credentials_for_bindings), move |it| relations::bindings_of(&of_credential, &it))
        .reconcile_all_on(context.gate.terms())
        .graceful_shutdown_on(stop)
        .run(binding::reconcile, binding::on_error, context.clone())
        .for_each(async |result| tell(result.err()));
    futures::join!(workloads, credentials, bindings);
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
