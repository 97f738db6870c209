//! What was read of VPCs lately, so that many networks in one account need few calls.
//!
//! What plans go by is kept for seconds, and not over a write of ours. What hardly ever changes is kept for hours, and only while it is as
//! it should be: whoever mends something is told so at once.

use crate::failure::Failure;
use crate::resource::network::{DnsAttributes, Endpoint, EndpointService, RouteTable, SecurityGroup, Subnet, Vpc};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// How long what plans go by is kept.
const LATELY: Duration = Duration::from_secs(30);
/// How long what hardly ever changes is kept.
const LONG: Duration = Duration::from_secs(6 * 3600);
/// What some names of services begin with in China (aws.md, e.9).
const CHINA: &str = "cn.";

/// What was read with one identity in one Region.
#[derive(Debug, Clone, Default)]
pub(crate) struct NetworkMemory {
    lists: Looks<Arc<Lists>>,
    /// By the names that were asked for.
    services: Looks<Services>,
    /// Those that use the name servers of AWS.
    pub(crate) vpcs: Kept<Vpc>,
    /// Those that have both attributes.
    pub(crate) dns: Kept<DnsAttributes>,
    /// By DHCP options, which nobody can change once they are made (EC2 API, CreateDhcpOptions).
    pub(crate) name_servers: Kept<Vec<String>>,
}

/// Ids of VPCs.
pub(crate) type Ids = Arc<[String]>;

/// What DescribeVpcEndpointServices says.
type Services = Result<Vec<EndpointService>, Failure>;

/// All that some VPCs have.
#[derive(Debug)]
pub(crate) struct Lists {
    pub(crate) vpcs: Result<BTreeMap<String, Vpc>, Failure>,
    pub(crate) subnets: Result<Vec<Subnet>, Failure>,
    pub(crate) route_tables: Result<Vec<RouteTable>, Failure>,
    pub(crate) groups: Result<Vec<SecurityGroup>, Failure>,
    pub(crate) endpoints: Result<Vec<Endpoint>, Failure>,
}

/// Voids when it goes, however the call ends that it goes with.
#[must_use]
pub(crate) struct Voiding<'a>(&'a NetworkMemory);

impl Drop for Voiding<'_> {
    fn drop(&mut self) {
        self.0.lists.void();
    }
}

impl NetworkMemory {
    /// To be held over a write: what was read before it ended counts no more.
    pub(crate) fn voiding(&self) -> Voiding<'_> {
        Voiding(self)
    }

    /// The lists of a VPC, from memory or with those of its company. What was asked for before `since` does not do.
    pub(crate) async fn shared<F: Future<Output = Arc<Lists>>>(
        &self,
        vpc_id: &str,
        company: &BTreeSet<String>,
        since: Option<Instant>,
        read: impl FnOnce(Ids) -> F,
    ) -> Arc<Lists> {
        self.lists.shared(vpc_id, company, Terms { kept: LATELY, since, is_whole: Lists::is_whole }, Instant::now(), read).await
    }

    /// The lists of a VPC, read anew.
    pub(crate) async fn own<F: Future<Output = Arc<Lists>>>(&self, vpc_id: &str, read: impl FnOnce(Ids) -> F) -> Arc<Lists> {
        self.lists.own(vpc_id, Instant::now(), read).await
    }

    /// The services of these names, from memory or read. An answer that lacks one is not kept: AWS may begin to offer it.
    pub(crate) async fn services(&self, names: &BTreeSet<String>, read: impl Future<Output = Services>) -> Services {
        let key = names.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let is_whole = |found: &Services| found.as_ref().is_ok_and(|found| has_all(found, names));
        self.services.shared(&key, &BTreeSet::new(), Terms { kept: LONG, since: None, is_whole }, Instant::now(), |_| read).await
    }
}

impl Lists {
    /// What failed is asked for again by whoever comes later.
    fn is_whole(lists: &Arc<Lists>) -> bool {
        let Self { vpcs, subnets, route_tables, groups, endpoints } = lists.as_ref();
        vpcs.is_ok() && subnets.is_ok() && route_tables.is_ok() && groups.is_ok() && endpoints.is_ok()
    }
}

/// Whether each service is there, by the one or the other of the names that it may have (aws.md, e.9).
fn has_all(found: &[EndpointService], names: &BTreeSet<String>) -> bool {
    let service = |name: &str| name.strip_prefix(CHINA).unwrap_or(name).to_owned();
    let found: BTreeSet<String> = found.iter().map(|it| service(&it.name)).collect();
    names.iter().all(|name| found.contains(&service(name)))
}

/// Which answers do.
struct Terms<W> {
    /// How long they are kept.
    kept: Duration,
    /// Those that were asked for earlier are for others only.
    since: Option<Instant>,
    /// Whether one is kept at all.
    is_whole: W,
}

/// Answers by what they are about. One that is under way is waited for by all who may have it.
#[derive(Debug)]
pub(crate) struct Looks<T>(Arc<Mutex<HashMap<String, Look<T>>>>);

#[derive(Debug)]
struct Look<T> {
    begun: Instant,
    /// All that it is about. Whoever ends the look in place of one who gave up asks for the same.
    about: Ids,
    answer: Arc<OnceCell<T>>,
}

impl<T> Clone for Look<T> {
    fn clone(&self) -> Self {
        Self { begun: self.begun, about: self.about.clone(), answer: self.answer.clone() }
    }
}

impl<T> Clone for Looks<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Looks<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Looks<T> {
    async fn shared<F: Future<Output = T>>(
        &self,
        about: &str,
        company: &BTreeSet<String>,
        terms: Terms<impl Fn(&T) -> bool>,
        now: Instant,
        read: impl FnOnce(Ids) -> F,
    ) -> T {
        let counts = |look: &Look<T>| {
            let young = now.saturating_duration_since(look.begun) < terms.kept;
            young && look.answer.get().is_none_or(&terms.is_whole)
        };
        let is_new = |look: &Look<T>| terms.since.is_none_or(|since| look.begun >= since);
        let look = {
            let mut looks = lock(&self.0);
            looks.retain(|_, look| counts(look));
            let all = || company.iter().cloned().chain([about.to_owned()]).collect();
            let known = looks.get(about).filter(|look| is_new(look)).cloned();
            known.unwrap_or_else(|| begin(&mut looks, all(), now))
        };
        finish(look, read).await
    }

    async fn own<F: Future<Output = T>>(&self, about: &str, now: Instant, read: impl FnOnce(Ids) -> F) -> T {
        let look = begin(&mut lock(&self.0), BTreeSet::from([about.to_owned()]), now);
        finish(look, read).await
    }

    /// Forgets everything. A look that is under way serves those who wait for it and nobody else.
    fn void(&self) {
        lock(&self.0).clear();
    }
}

fn begin<T>(looks: &mut HashMap<String, Look<T>>, about: BTreeSet<String>, now: Instant) -> Look<T> {
    let look = Look { begun: now, about: about.iter().cloned().collect(), answer: Arc::default() };
    looks.extend(about.into_iter().map(|one| (one, look.clone())));
    look
}

async fn finish<T: Clone, F: Future<Output = T>>(look: Look<T>, read: impl FnOnce(Ids) -> F) -> T {
    look.answer.get_or_init(|| read(look.about.clone())).await.clone()
}

/// Things by name, for hours.
#[derive(Debug, Clone)]
pub(crate) struct Kept<T>(Arc<Mutex<HashMap<String, (Instant, T)>>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Kept<T> {
    /// What is known under a name, and was asked for since.
    pub(crate) fn get(&self, name: &str, since: Option<Instant>) -> Option<T> {
        self.get_at(name, since, Instant::now())
    }

    fn get_at(&self, name: &str, since: Option<Instant>, now: Instant) -> Option<T> {
        let mut known = lock(&self.0);
        known.retain(|_, (asked, _)| now.saturating_duration_since(*asked) < LONG);
        let found = known.get(name).filter(|(asked, _)| since.is_none_or(|since| *asked >= since));
        found.map(|(_, thing)| thing.clone())
    }

    /// Keeps what was asked for at a time.
    pub(crate) fn put(&self, name: &str, asked: Instant, thing: T) {
        lock(&self.0).insert(name.to_owned(), (asked, thing));
    }

    /// Forgets it.
    pub(crate) fn forget(&self, name: &str) {
        lock(&self.0).remove(name);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
