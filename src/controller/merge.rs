//! One cache out of the watches of several places. Each watch lists for itself, also again; a cache that took one place's new list
//! for all there is would forget the others. So what comes after the first lists are changes: what is there, and what is gone.

use k8s_openapi::NamespaceResourceScope;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};
use std::collections::HashSet;

/// What the watch of one place tells.
#[derive(Debug)]
pub(super) enum Told<K> {
    /// An event of it.
    Event(Event<K>),
    /// It is refused: the other places do not wait for it.
    Refused,
}

/// The places of one kind.
pub(super) struct Merge<K: Resource<DynamicType = ()> + 'static> {
    /// What the events lead to.
    cache: Store<K>,
    places: Vec<Place<K>>,
    /// Whether the first lists are in the cache.
    synced: bool,
}

struct Place<K: Resource<DynamicType = ()>> {
    /// None = all that there are.
    namespace: Option<String>,
    /// Listed, or refused.
    concluded: bool,
    /// The list so far, as it begins anew.
    listed: HashSet<ObjectRef<K>>,
    /// What came before all places were listed.
    held: Vec<Event<K>>,
}

impl<K> Merge<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    /// `cache` takes the events that come out; `namespaces` = the places.
    pub(super) fn new(cache: Store<K>, namespaces: impl IntoIterator<Item = Option<String>>) -> Self {
        let place = |namespace| Place { namespace, concluded: false, listed: HashSet::new(), held: vec![] };
        Self { cache, places: namespaces.into_iter().map(place).collect(), synced: false }
    }

    /// The events for the cache that follow from what a place tells.
    pub(super) fn take(&mut self, place: usize, told: Told<K>) -> Vec<Event<K>> {
        let synced = self.synced;
        let Some(at) = self.places.get_mut(place) else { return vec![] };
        match told {
            Told::Refused => {
                at.concluded = true;
                self.first()
            }
            Told::Event(Event::Init) => {
                at.listed.clear();
                at.held.clear();
                vec![]
            }
            Told::Event(Event::InitApply(object)) => {
                at.listed.insert(ObjectRef::from_obj(&object));
                match synced {
                    true => vec![Event::Apply(object)],
                    false => {
                        at.held.push(Event::InitApply(object));
                        vec![]
                    }
                }
            }
            Told::Event(Event::InitDone) => {
                at.concluded = true;
                let listed = std::mem::take(&mut at.listed);
                match synced {
                    true => self.vanished(place, &listed),
                    false => self.first(),
                }
            }
            Told::Event(event) if synced => vec![event],
            Told::Event(event) => {
                at.held.push(event);
                vec![]
            }
        }
    }

    /// The first lists of all places as one, and what happened meanwhile.
    fn first(&mut self) -> Vec<Event<K>> {
        if self.synced || !self.places.iter().all(|place| place.concluded) {
            return vec![];
        }
        self.synced = true;
        let held = self.places.iter_mut().flat_map(|place| std::mem::take(&mut place.held));
        let (listed, since): (Vec<_>, Vec<_>) = held.partition(|event| matches!(event, Event::InitApply(_)));
        [Event::Init].into_iter().chain(listed).chain([Event::InitDone]).chain(since).collect()
    }

    /// What the cache holds of a place that its new list does not have.
    fn vanished(&self, place: usize, listed: &HashSet<ObjectRef<K>>) -> Vec<Event<K>> {
        let namespace = self.places.get(place).and_then(|place| place.namespace.clone());
        let of_place = |object: &K| namespace.is_none() || object.namespace() == namespace;
        let gone = |object: &K| of_place(object) && !listed.contains(&ObjectRef::from_obj(object));
        self.cache.state().iter().filter(|object| gone(object)).map(|object| Event::Delete((**object).clone())).collect()
    }
}

/// What is looked at in namespaces.
pub(super) trait Namespaced: Resource<Scope = NamespaceResourceScope, DynamicType = ()> {}
impl<K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>> Namespaced for K {}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::runtime::reflector::store;
    use kube::runtime::reflector::store::Writer;

    fn object(name: &str) -> ConfigMap {
        let (namespace, name) = name.split_once('/').expect("namespace/name");
        let mut object = ConfigMap::default();
        object.metadata.namespace = Some(namespace.into());
        object.metadata.name = Some(name.into());
        object
    }

    struct Watched {
        merge: Merge<ConfigMap>,
        writer: Writer<ConfigMap>,
        /// Objects that came out, as their users see them.
        touched: Vec<String>,
    }

    impl Watched {
        fn new(namespaces: &[Option<&str>]) -> Self {
            let (reader, writer) = store();
            let namespaces = namespaces.iter().map(|namespace| namespace.map(str::to_owned));
            Self { merge: Merge::new(reader, namespaces), writer, touched: vec![] }
        }

        fn tell(&mut self, place: usize, told: Told<ConfigMap>) {
            for event in self.merge.take(place, told) {
                self.writer.apply_watcher_event(&event);
                if let Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) = event {
                    self.touched.push(format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any()));
                }
            }
        }

        fn list(&mut self, place: usize, names: &[&str]) {
            self.tell(place, Told::Event(Event::Init));
            names.iter().for_each(|name| self.tell(place, Told::Event(Event::InitApply(object(name)))));
            self.tell(place, Told::Event(Event::InitDone));
        }

        fn cached(&self) -> Vec<String> {
            let cache = self.writer.as_reader().state();
            let mut names: Vec<String> =
                cache.iter().map(|it| format!("{}/{}", it.namespace().unwrap_or_default(), it.name_any())).collect();
            names.sort();
            names
        }
    }

    #[test]
    fn the_cache_is_filled_when_every_place_was_listed_or_refused() {
        let mut watched = Watched::new(&[Some("a"), Some("b"), Some("c")]);
        watched.list(0, &["a/1", "a/2"]);
        assert_eq!(watched.cached(), [] as [&str; 0], "b and c are not known yet");
        watched.tell(0, Told::Event(Event::Delete(object("a/1"))));
        watched.tell(0, Told::Event(Event::Apply(object("a/3"))));
        watched.tell(1, Told::Refused);
        assert_eq!(watched.cached(), [] as [&str; 0]);
        watched.list(2, &["c/1"]);
        assert_eq!(watched.cached(), ["a/2", "a/3", "c/1"], "with what happened while the others were listed");
        watched.list(1, &["b/1"]);
        assert_eq!(watched.cached(), ["a/2", "a/3", "b/1", "c/1"], "permission came");
        assert_eq!(watched.touched.last().map(String::as_str), Some("b/1"), "and its objects are handled");
    }

    #[test]
    fn a_new_list_of_one_place_is_no_list_of_the_others() {
        let mut watched = Watched::new(&[Some("a"), Some("b")]);
        watched.list(0, &["a/1", "a/2"]);
        watched.list(1, &["b/1"]);
        watched.touched.clear();
        watched.list(0, &["a/2", "a/3"]);
        assert_eq!(watched.cached(), ["a/2", "a/3", "b/1"]);
        assert_eq!(watched.touched, ["a/2", "a/3", "a/1"], "what vanished is told as well");
    }

    #[test]
    fn a_list_that_was_broken_off_leaves_nothing() {
        let mut watched = Watched::new(&[None]);
        watched.tell(0, Told::Event(Event::Init));
        watched.tell(0, Told::Event(Event::InitApply(object("a/gone"))));
        watched.list(0, &["a/1"]);
        assert_eq!(watched.cached(), ["a/1"]);
        watched.tell(0, Told::Event(Event::Init));
        watched.tell(0, Told::Event(Event::InitApply(object("a/2"))));
        assert_eq!(watched.cached(), ["a/1", "a/2"], "nothing is forgotten before the list is whole");
        watched.list(0, &["a/2"]);
        assert_eq!(watched.cached(), ["a/2"]);
    }
}
