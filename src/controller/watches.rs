//! The watches: one a kind and place, tended so that none dies silently, merged into one stream a kind, and shared by the
//! controllers that want to know.

use super::backoff::jittered;
use super::merge::{Merge, Namespaced, Told};
use super::readiness::Readiness;
use super::scope::Scope;
use super::trouble::{self, Kind};
use crate::api::{AccountBinding, PrivateImageWorkload, PullNetwork, RegistryCredential};
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::stream::{BoxStream, select_all};
use futures::{Stream, StreamExt, stream};
use k8s_openapi::ClusterResourceScope;
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::{Event, Result};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Seconds after which a watch is made anew: a connection that died silently is noticed this soon.
const WATCH_SECONDS: u32 = 60;
/// Longest wait before a watch that failed is tried again. A permission that is granted counts no later than this.
const LONGEST: Duration = Duration::from_secs(15);
/// A watch that was tried again and has not failed for so long works. It is longer than connecting may take.
const SETTLED: Duration = Duration::from_secs(8);

/// One kind, watched: the stream that fills its cache, and the objects that it touches, for whoever else wants to know.
pub(super) struct Watch<K, const LISTENERS: usize> {
    pub(super) events: BoxStream<'static, Result<Event<K>>>,
    pub(super) touched: [UnboundedReceiver<K>; LISTENERS],
}

/// All that is watched.
pub(super) struct Watches {
    /// For credentials, bindings and networks.
    pub(super) workloads: Watch<PrivateImageWorkload, 3>,
    /// For workloads and bindings.
    pub(super) credentials: Watch<RegistryCredential, 2>,
    /// For workloads, credentials and networks.
    pub(super) bindings: Watch<AccountBinding, 3>,
    /// For workloads, bindings and other networks.
    pub(super) networks: Watch<PullNetwork, 3>,
    /// For workloads, and for credentials.
    pub(super) secrets: [BoxStream<'static, Result<PartialObjectMeta<Secret>>>; 2],
}

/// What is needed to watch.
pub(super) struct Watcher<'a> {
    pub(super) client: &'a Client,
    pub(super) namespaces: &'a Scope,
    /// Where Secrets may be read.
    pub(super) secrets: &'a Scope,
    pub(super) readiness: &'a Arc<Readiness>,
}

impl Watcher<'_> {
    /// One kind in all places, into its cache.
    pub(super) fn watch<K, const N: usize>(&self, writer: Writer<K>, synced: &watch::Sender<bool>) -> Watch<K, N>
    where
        K: Namespaced + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        self.fill(self.namespaces.apis(self.client), writer, synced)
    }

    /// A kind that has no namespace.
    pub(super) fn everywhere<K, const N: usize>(&self, writer: Writer<K>, synced: &watch::Sender<bool>) -> Watch<K, N>
    where
        K: Resource<Scope = ClusterResourceScope, DynamicType = ()>,
        K: Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        self.fill(vec![(None, Api::all(self.client.clone()))], writer, synced)
    }

    /// The names of Secrets that change, never their content. Without permission the rest goes on: whatever names a Secret is
    /// looked at by its interval anyway, and says itself what it may not read.
    pub(super) fn secrets(&self) -> [BoxStream<'static, Result<PartialObjectMeta<Secret>>>; 2] {
        let apis = self.secrets.within(self.namespaces).apis::<PartialObjectMeta<Secret>>(self.client);
        let each = apis.into_iter().map(|(namespace, api)| self.tend(namespace.as_deref(), api, false));
        let touched = select_all(each).filter_map(async |told| match told {
            Told::Event(Event::Apply(secret) | Event::InitApply(secret) | Event::Delete(secret)) => Some(secret),
            Told::Event(Event::Init | Event::InitDone) | Told::Refused => None,
        });
        let (sender, receiver) = unbounded();
        let first = touched.inspect(move |secret| send(&sender, secret)).map(Ok);
        // With no namespace at all the stream would end, and with it its controller.
        [first.chain(stream::pending()).boxed(), receiver.map(Ok).chain(stream::pending()).boxed()]
    }

    fn fill<K, const N: usize>(
        &self,
        apis: Vec<(Option<String>, Api<K>)>,
        writer: Writer<K>,
        synced: &watch::Sender<bool>,
    ) -> Watch<K, N>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
        K::DynamicType: Hash + Eq,
    {
        let namespaces: Vec<Option<String>> = apis.iter().map(|(namespace, _)| namespace.clone()).collect();
        let mut merge = Merge::new(writer.as_reader(), namespaces);
        let places = apis
            .into_iter()
            .enumerate()
            .map(|(place, (namespace, api))| self.tend(namespace.as_deref(), api, true).map(move |told| (place, told)).boxed());
        let merged = select_all(places).map(move |(place, told)| stream::iter(merge.take(place, told))).flatten();
        let synced = synced.clone();
        let mut senders = vec![];
        let touched = std::array::from_fn(|_| {
            let (sender, receiver) = unbounded();
            senders.push(sender);
            receiver
        });
        let events = merged.map(Ok).reflect(writer).inspect(move |event| match event {
            Ok(Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) => {
                senders.iter().for_each(|to| send(to, object));
            }
            Ok(Event::InitDone) => _ = synced.send_replace(true),
            Ok(Event::Init) | Err(_) => {}
        });
        Watch { events: events.boxed(), touched }
    }

    /// The watch of one kind in one place, for ever.
    fn tend<K>(&self, namespace: Option<&str>, api: Api<K>, required: bool) -> BoxStream<'static, Told<K>>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
    {
        let name = name::<K>(namespace);
        match required {
            true => self.readiness.require(&name),
            false => self.readiness.note(&name),
        }
        let events = watcher(api, watcher::Config::default().timeout(WATCH_SECONDS)).boxed();
        let tended = Tended { events, name, readiness: self.readiness.clone(), failures: 0, wait: Duration::ZERO, listing: true };
        stream::unfold(tended, async |mut tended| Some((tended.next().await, tended))).boxed()
    }
}

/// What the watch of a kind in a place is called in `/readyz`.
pub(super) fn name<K: Resource<DynamicType = ()>>(namespace: Option<&str>) -> String {
    let of = namespace.map(|namespace| format!(" in namespace {namespace}")).unwrap_or_default();
    let group = Some(K::group(&())).filter(|group| !group.is_empty()).map(|group| format!(".{group}")).unwrap_or_default();
    format!("watch of {}{group}{of}", K::plural(&()))
}

fn send<K: Clone>(to: &UnboundedSender<K>, object: &K) {
    let _ = to.unbounded_send(object.clone()); // the controller that listened has stopped
}

/// A watch that is tried again for ever, less and less often, and whose failures are told.
struct Tended<K> {
    events: BoxStream<'static, Result<Event<K>>>,
    name: String,
    readiness: Arc<Readiness>,
    /// In a row.
    failures: u32,
    /// Before it is tried again.
    wait: Duration,
    listing: bool,
}

impl<K> Tended<K> {
    async fn next(&mut self) -> Told<K> {
        loop {
            tokio::time::sleep(std::mem::take(&mut self.wait)).await;
            match self.event().await {
                Some(Ok(event)) => {
                    self.listing = match event {
                        Event::Init => true,
                        Event::InitApply(_) => self.listing,
                        Event::InitDone | Event::Apply(_) | Event::Delete(_) => {
                            self.works();
                            false
                        }
                    };
                    return Told::Event(event);
                }
                Some(Err(error)) => {
                    let kind = self.fails(&error);
                    self.wait = jittered(Duration::from_secs(1 << (self.failures - 1).min(5)).min(LONGEST));
                    if kind == Some(Kind::Refused) {
                        return Told::Refused;
                    }
                }
                None => std::future::pending().await, // a watcher never ends
            }
        }
    }

    /// The next event. A watch that goes on where it was tells nothing of that: no failure for a while is a success.
    async fn event(&mut self) -> Option<Result<Event<K>>> {
        loop {
            if self.failures == 0 || self.listing {
                return self.events.next().await;
            }
            match tokio::time::timeout(SETTLED, self.events.next()).await {
                Ok(event) => return event,
                Err(_) => self.works(),
            }
        }
    }

    fn works(&mut self) {
        self.failures = 0;
        self.readiness.fine(&self.name);
    }

    fn fails(&mut self, error: &watcher::Error) -> Option<Kind> {
        self.failures = self.failures.saturating_add(1);
        let trouble = match error {
            watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => trouble::of_client(error),
            // A connection that ended, or a past that the API server has forgotten. Only if the next try fails, too, is it trouble.
            other => {
                tracing::debug!(error = %other, "{} was interrupted", self.name);
                return None;
            }
        };
        let kind = trouble.kind;
        self.readiness.wrong(&self.name, trouble);
        Some(kind)
    }
}

/// The objects that another controller's watch touches.
pub(super) fn touched<K>(receiver: UnboundedReceiver<K>) -> impl Stream<Item = Result<K>> {
    receiver.map(Ok)
}
