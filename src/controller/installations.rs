//! Other installations of Wharfinger in the cluster: whether one that claims a namespace still runs. Its Lease says so; clocks of
//! two machines are not compared, only whether the Lease is renewed while we look.

use super::{Error, within};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A Lease that is not renewed for so long is nobody's: twice what leaders let pass at most.
const SILENCE: Duration = Duration::from_secs(30);

/// The Leases of others, as they were when they were last seen to change.
#[derive(Debug, Default)]
pub(super) struct Installations(Mutex<HashMap<String, (String, Instant)>>);

impl Installations {
    /// Whether the installation of this name (namespace and name of its Lease) runs no more. What cannot be seen may run.
    pub(super) async fn is_gone(&self, client: &Client, name: &str) -> bool {
        let Some((namespace, lease)) = name.split_once('/') else { return false };
        match within(Api::<Lease>::namespaced(client.clone(), namespace).get_opt(lease)).await {
            Ok(lease) => lease.is_none_or(|lease| self.is_silent(name, &lease, Instant::now())),
            Err(Error::Kubernetes(kube::Error::Api(status))) if status.is_forbidden() => {
                tracing::debug!("{}: so {name} is taken to run", status.message);
                false
            }
            Err(_) => false,
        }
    }

    fn is_silent(&self, name: &str, lease: &Lease, now: Instant) -> bool {
        let spec = lease.spec.clone().unwrap_or_default();
        if spec.holder_identity.as_deref().unwrap_or_default().is_empty() {
            return true; // it was let go
        }
        let renewed = format!("{:?} {:?} {:?}", lease.metadata.uid, spec.holder_identity, spec.renew_time);
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get(name) {
            Some((known, since)) if *known == renewed => now.duration_since(*since) > SILENCE,
            _ => {
                seen.insert(name.to_owned(), (renewed, now));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::coordination::v1::LeaseSpec;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

    #[test]
    fn a_lease_that_is_not_renewed_while_we_look_is_nobodys() {
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
            (lease(Some("pod-1"), 100), later(0), false),
            (lease(Some("pod-1"), 100), later(29), false),
            (lease(Some("pod-1"), 110), later(31), false),
            (lease(Some("pod-1"), 110), later(60), false),
            (lease(Some("pod-1"), 110), later(62), true),
            (lease(Some("pod-2"), 110), later(63), false),
            (lease(Some(""), 111), later(64), true),
            (lease(None, 112), later(64), true),
        ];
        for (lease, now, gone) in rows {
            assert_eq!(others.is_silent("a/wharfinger", &lease, now), gone, "{:?} {now:?}", lease.spec);
        }
    }
}
