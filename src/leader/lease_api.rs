//! The Lease on the API server: read, made, and replaced by version.

use super::{News, Settings, Told};
use crate::lease::{Answer, Epoch, LEASE, Record, Request, Seen};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use std::fmt;
use std::future::Future;
use std::time::Duration;

/// Says which term was let go, as `uid/transitions`.
const RELEASED: &str = "wharfinger.dev/released";

/// Access to one Lease.
pub(super) struct LeaseApi {
    leases: Api<Lease>,
    name: String,
    /// As it was last seen: what others keep in it stays.
    last: Option<Lease>,
    told: Told,
}

impl LeaseApi {
    /// Needs a runtime, which the client then belongs to. The client never retries: a call that comes late is a call of another time.
    pub(super) fn connect(settings: &Settings, told: Told) -> Result<Self, kube::Error> {
        let mut config = settings.config.clone();
        config.default_retry = false;
        let client = Client::try_from(config)?;
        let name = settings.name.clone();
        Ok(Self { leases: Api::namespaced(client, &settings.namespace), name, last: None, told })
    }

    /// One call, which is cut after so long.
    pub(super) async fn call(&mut self, request: &Request, longest: Duration) -> Answer {
        let (leases, name, params) = (&self.leases, &self.name, PostParams::default());
        match request {
            Request::Get => {
                let answer = within(longest, leases.get(name)).await;
                self.answer(answer, true)
            }
            Request::Create(record) => {
                let made = with_record(
                    Lease { metadata: ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() }, spec: None },
                    record,
                );
                let answer = within(longest, leases.create(&params, &made)).await;
                self.answer(answer, false)
            }
            Request::Replace { seen, record } => {
                let base = self.last.clone().filter(|lease| lease.metadata.resource_version.as_ref() == Some(&seen.version));
                let mut lease = with_record(base.unwrap_or_default(), record);
                // Of this one, and of this version of it; the API server refuses any other.
                lease.metadata.uid = Some(seen.uid.clone());
                lease.metadata.resource_version = Some(seen.version.clone());
                lease.metadata.name = Some(name.clone());
                lease.metadata.managed_fields = None;
                let answer = within(longest, leases.replace(name, &params, &lease)).await;
                self.answer(answer, true)
            }
        }
    }

    /// `named` = of a call that names the Lease, so that "not found" is said of it and not of its namespace.
    fn answer(&mut self, answer: Result<Lease, Trouble>, named: bool) -> Answer {
        match answer {
            Ok(lease) => {
                (self.told)(News::Answered);
                let seen = seen(&lease);
                self.last = Some(lease);
                seen.map_or(Answer::Unknown, Answer::Seen)
            }
            // Nothing is told of it: whether its namespace is there shows when it is made.
            Err(Trouble::Answered(status)) if status.code == 404 && named => Answer::Absent,
            Err(Trouble::Answered(status)) if status.code == 409 => {
                (self.told)(News::Answered);
                Answer::Refused
            }
            Err(trouble) => {
                (self.told)(trouble.news());
                Answer::Unknown
            }
        }
    }
}

/// Why there is no Lease in the answer.
enum Trouble {
    Answered(Box<kube::core::Status>),
    Failed(kube::Error),
    Late(Duration),
}

impl Trouble {
    fn news(&self) -> News {
        let text = format!(
            "{self}; this process cannot lead without it. It takes get, create and update on leases there, and the namespace"
        );
        match self {
            Self::Answered(status) if (400..500).contains(&status.code) => News::Refused(text),
            _ => News::Failed(text),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(status) => write!(out, "{} ({})", status.message, status.code),
            Self::Failed(error) => write!(out, "{error}"),
            Self::Late(longest) => write!(out, "no answer within {} ms", longest.as_millis()),
        }
    }
}

async fn within(longest: Duration, call: impl Future<Output = Result<Lease, kube::Error>>) -> Result<Lease, Trouble> {
    match tokio::time::timeout(longest, call).await {
        Ok(Ok(lease)) => Ok(lease),
        Ok(Err(kube::Error::Api(status))) => Err(Trouble::Answered(status)),
        Ok(Err(error)) => Err(Trouble::Failed(error)),
        Err(_) => Err(Trouble::Late(longest)),
    }
}

/// The rules' view of a Lease. One without uid or version is none.
fn seen(lease: &Lease) -> Option<Seen> {
    let spec = lease.spec.clone().unwrap_or_default();
    let released = lease.metadata.annotations.as_ref().and_then(|all| epoch(all.get(RELEASED)?));
    Some(Seen {
        uid: lease.metadata.uid.clone()?,
        version: lease.metadata.resource_version.clone()?,
        record: Record {
            holder: spec.holder_identity.unwrap_or_default(),
            transitions: spec.lease_transitions.unwrap_or_default(),
            acquired: spec.acquire_time.map(|time| time.0),
            renewed: spec.renew_time.map(|time| time.0),
            released,
        },
    })
}

fn epoch(text: &str) -> Option<Epoch> {
    let (uid, transitions) = text.split_once('/')?;
    Some(Epoch { uid: uid.to_owned(), transitions: transitions.parse().ok()? })
}

/// The Lease with what it is to say; all else stays.
fn with_record(mut lease: Lease, record: &Record) -> Lease {
    let time = |time: Option<Timestamp>| time.map(MicroTime);
    lease.spec = Some(LeaseSpec {
        // The API server takes no empty name.
        holder_identity: Some(record.holder.clone()).filter(|holder| !holder.is_empty()),
        lease_duration_seconds: i32::try_from(LEASE.as_secs()).ok(),
        lease_transitions: Some(record.transitions),
        acquire_time: time(record.acquired),
        renew_time: time(record.renewed),
        ..LeaseSpec::default()
    });
    let annotations = lease.metadata.annotations.get_or_insert_default();
    match &record.released {
        Some(epoch) => _ = annotations.insert(RELEASED.to_owned(), epoch.to_string()),
        None => _ = annotations.remove(RELEASED),
    }
    lease
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_passes_through_a_lease_unchanged() {
        let time = |micros| Timestamp::from_microsecond(micros).ok();
        let epoch = Epoch { uid: "u-1".to_owned(), transitions: 7 };
        let held = Record {
            holder: "me".to_owned(),
            transitions: 7,
            acquired: time(1_700_000_000_123_456),
            renewed: time(1_700_000_001_000_001),
            released: None,
        };
        let free = Record { holder: String::new(), released: Some(epoch), ..held.clone() };
        let mut lease = Lease::default();
        lease.metadata.uid = Some("u-1".to_owned());
        lease.metadata.resource_version = Some("1".to_owned());
        lease.metadata.annotations = Some([("theirs".to_owned(), "stays".to_owned())].into());
        for record in [&held, &free, &held] {
            lease = with_record(lease, record);
            let text = serde_json::to_string(&lease).unwrap();
            lease = serde_json::from_str(&text).unwrap();
            assert_eq!(seen(&lease).unwrap().record, *record, "{text}");
            assert_eq!(lease.metadata.annotations.as_ref().and_then(|all| all.get("theirs")).map(String::as_str), Some("stays"));
        }
        lease.metadata.uid = None;
        assert_eq!(seen(&lease), None);
    }
}
