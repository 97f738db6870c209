//! Other installations of Wharfinger in the cluster: whether one that claims a namespace still runs. Its Lease says so; clocks of
//! two machines are not compared, only whether the Lease is renewed while we look.

use super::{Error, within};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A Lease that does not change for so long is nobody's: twice what leaders let pass at most, and more than one needs to follow another.
const SILENCE: Duration = Duration::from_secs(30);

/// Longest pause between two looks that counts as looking: while nobody could look, nobody could renew either.
const PAUSE: Duration = Duration::from_secs(20);

/// The Leases of others.
#[derive(Debug, Default)]
pub(super) struct Installations(Mutex<HashMap<String, Seen>>);

/// What was seen of one.
#[derive(Debug)]
pub(super) enum Sight {
    /// It runs, or may have begun to.
    Runs,
    /// It runs no more.
    Gone,
    /// It could not be looked at, so it may run.
    None(Error),
}

/// What is known of one of them.
#[derive(Debug)]
struct Seen {
    state: String,
    /// Since when it has not changed, as far as was looked.
    since: Instant,
    looked: Instant,
}

impl Installations {
    /// Whether the installation of this name (namespace and name of its Lease) still runs, as far as can be seen.
    pub(super) async fn look(&self, client: &Client, name: &str) -> Sight {
        let Some((namespace, lease)) = name.split_once('/') else { return Sight::Runs };
        match within(Api::<Lease>::namespaced(client.clone(), namespace).get_opt(lease)).await {
            Ok(lease) if self.is_silent(name, lease.as_ref(), Instant::now()) => Sight::Gone,
            Ok(_) => Sight::Runs,
            Err(error) => Sight::None(error),
        }
    }

    /// One that is missing, or that was let go, is silent like one that is not renewed: a leader may be about to take it.
    fn is_silent(&self, name: &str, lease: Option<&Lease>, now: Instant) -> bool {
        let state = |lease: &Lease| {
            let spec = lease.spec.clone().unwrap_or_default();
            format!("{:?} {:?} {:?}", lease.metadata.uid, spec.holder_identity, spec.renew_time)
        };
        let state = lease.map(state).unwrap_or_default();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on = |seen: &&Seen| seen.state == state && now.duration_since(seen.looked) <= PAUSE;
        let since = seen.get(name).filter(goes_on).map_or(now, |seen| seen.since);
        seen.insert(name.to_owned(), Seen { state, since, looked: now });
        now.duration_since(since) > SILENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::coordination::v1::LeaseSpec;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

    #[test]
    fn a_lease_that_does_not_change_while_we_look_is_nobodys() {
        let lease = |holder: Option<&str>, renewed: i64| Lease {
            spec: Some(LeaseSpec {
                holder_identity: holder.map(str::to_owned),
                renew_time: Some(MicroTime(jiff::Timestamp::from_second(renewed).expect("a time"))),
                ..LeaseSpec::default()
            }),
            ..Lease::default()
        };
        let (others, start) = (Installations::default(), Instant::now());
        let later = |seconds| start + Duration::from_secs(seconds);
        let rows = [
            (Some(lease(Some("pod-1"), 100)), later(0), false),
            (Some(lease(Some("pod-1"), 100)), later(15), false),
            (Some(lease(Some("pod-1"), 100)), later(29), false),
            (Some(lease(Some("pod-1"), 110)), later(31), false),
            (Some(lease(Some("pod-1"), 110)), later(46), false),
            (Some(lease(Some("pod-1"), 110)), later(61), false),
            (Some(lease(Some("pod-1"), 110)), later(62), true),
            (Some(lease(Some("pod-2"), 110)), later(63), false),
            (Some(lease(Some(""), 111)), later(64), false),
            (Some(lease(Some("pod-3"), 112)), later(65), false),
            (None, later(70), false),
            (None, later(85), false),
            (None, later(100), false),
            (None, later(101), true),
            (Some(lease(Some("pod-4"), 170)), later(102), false),
            // Nobody could look, so perhaps nobody could renew: from here on it is counted anew.
            (Some(lease(Some("pod-4"), 170)), later(180), false),
            (Some(lease(Some("pod-4"), 170)), later(195), false),
            (Some(lease(Some("pod-4"), 170)), later(211), true),
        ];
        for (lease, now, gone) in rows {
            assert_eq!(others.is_silent("a/wharfinger", lease.as_ref(), now), gone, "{lease:?} {now:?}");
        }
    }
}
