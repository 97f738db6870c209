//! Whether somebody asks for a pass, and how new what it goes by must be. Pure.

use super::requested_at;
use crate::api::PullNetwork;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

/// A time further back than this is none: it is a number that somebody counts up, or of a clock that is wrong.
const BELIEVED: SignedDuration = SignedDuration::from_mins(5);

/// How new what a pass goes by must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Nobody asks: what is remembered will do.
    Not,
    /// It must have been read since.
    Since(Timestamp),
    /// It must be read now: the spec is another, or nobody knows when somebody asked.
    Now,
}

/// Whether the annotation asks for a pass that there was not yet. `handled` = the last value that a pass answered.
pub(crate) fn is_asked_for(object: &impl ResourceExt, handled: Option<&String>) -> bool {
    requested_at(object).is_some_and(|asked| handled != Some(&asked))
}

/// What the next pass over a network must go by. One look that is newer than the requests serves many networks that are asked for at once.
pub fn asked(network: &PullNetwork, now: Timestamp) -> Asked {
    let status = network.status.as_ref();
    if status.is_some_and(|status| status.observed_generation != network.metadata.generation) {
        return Asked::Now;
    }
    if !is_asked_for(network, status.and_then(|status| status.last_handled_reconcile_at.as_ref())) {
        return Asked::Not;
    }
    let since = requested_at(network).and_then(|asked| moment(&asked));
    match since.filter(|since| (SignedDuration::ZERO..BELIEVED).contains(&now.duration_since(*since))) {
        Some(since) => Asked::Since(since),
        None => Asked::Now,
    }
}

/// The moment that an annotation names, as RFC 3339 or as `date +%s` tells it. Who names a whole second may mean its end.
fn moment(asked: &str) -> Option<Timestamp> {
    let seconds = || SignedDuration::try_from_secs_f64(asked.parse().ok()?).ok();
    let moment = asked.parse().ok().or_else(|| Timestamp::UNIX_EPOCH.checked_add(seconds()?).ok())?;
    let rest = if moment.subsec_nanosecond() == 0 { SignedDuration::from_secs(1) } else { SignedDuration::ZERO };
    moment.checked_add(rest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_counts_from_its_time() {
        let now: Timestamp = "2026-01-02T03:04:05.5Z".parse().expect("a time");
        let at = |time: &str| Asked::Since(time.parse().expect("a time"));
        let rows = [
            ("nobody asks", None, None, 1, Asked::Not),
            ("it was answered", Some("2026-01-02T03:04:04.5Z"), Some("2026-01-02T03:04:04.5Z"), 1, Asked::Not),
            ("a moment ago", Some("2026-01-02T03:04:04.5Z"), None, 1, at("2026-01-02T03:04:04.5Z")),
            ("after another", Some("2026-01-02T03:04:04.5Z"), Some("x"), 1, at("2026-01-02T03:04:04.5Z")),
            ("of another zone", Some("2026-01-02T05:04:04.5+02:00"), None, 1, at("2026-01-02T03:04:04.5Z")),
            ("a whole second", Some("2026-01-02T03:04:03Z"), None, 1, at("2026-01-02T03:04:04Z")),
            ("this very second", Some("2026-01-02T03:04:05Z"), None, 1, Asked::Now),
            ("seconds", Some("1767323043"), None, 1, at("2026-01-02T03:04:04Z")),
            ("parts of a second", Some("1767323044.5"), None, 1, at("2026-01-02T03:04:04.5Z")),
            ("a clock that is ahead", Some("2026-01-02T03:04:06.5Z"), None, 1, Asked::Now),
            ("long ago", Some("2026-01-02T02:04:06.5Z"), None, 1, Asked::Now),
            ("a number", Some("7"), None, 1, Asked::Now),
            ("a word", Some("again"), None, 1, Asked::Now),
            ("no number", Some("NaN"), None, 1, Asked::Now),
            ("a spec that is another", None, None, 2, Asked::Now),
        ];
        for (what, annotation, handled, generation, expected) in rows {
            let annotations: serde_json::Map<_, _> =
                annotation.map(|value| (crate::api::REQUESTED_AT.to_owned(), json!(value))).into_iter().collect();
            let network: PullNetwork = serde_json::from_value(json!({
                "metadata": {"name": "apps", "generation": generation, "annotations": annotations},
                "spec": {"bindingRef": {"name": "prod"}, "vpcId": "vpc-0a", "subnetIds": ["subnet-0a"], "tasks": {"ec2": true}},
                "status": {"observedGeneration": 1, "lastHandledReconcileAt": handled},
            }))
            .expect("a network");
            assert_eq!(asked(&network, now), expected, "{what}");
        }
    }
}
