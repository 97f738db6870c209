//! Whether this machine's clock agrees with AWS's: requests are signed with the time.

use super::findings::Finding;
use jiff::Timestamp;

const CHECK: &str = "clock";
/// AWS refuses what was signed at a time this far from its own, in seconds (IAM user guide, Signature Version 4: 5 minutes).
const REFUSED: i64 = 300;
/// Seconds that are nothing to speak of: an answer takes its time, and a `Date` has whole seconds.
const NOTHING: i64 = 30;

/// What an answer said of the time, and when it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) date: String,
    pub(super) at: Timestamp,
}

/// The smallest difference counts: a slow answer makes it greater, nothing makes it smaller.
pub(super) fn judge(heard: &[Heard]) -> Finding {
    let ahead = |it: &Heard| Some(it.at.as_second() - jiff::fmt::rfc2822::parse(&it.date).ok()?.timestamp().as_second());
    let Some(ahead) = heard.iter().filter_map(ahead).min_by_key(|seconds| seconds.abs()) else {
        return Finding::skipped(CHECK, "no answer of AWS tells the time");
    };
    let word = if ahead < 0 { "behind" } else { "ahead of" };
    let message = format!("{} s {word} AWS's", ahead.abs());
    let remedy = "set the clock, and keep it by NTP (chrony or systemd-timesyncd)";
    match ahead.abs() {
        0..=NOTHING => Finding::ok(CHECK, "it agrees with AWS's"),
        seconds if seconds < REFUSED => Finding::warning(CHECK, message, remedy),
        _ => Finding::failed(CHECK, format!("{message}; AWS refuses requests from {REFUSED} s on"), remedy),
    }
}

#[cfg(test)]
mod tests {
    use super::super::findings::Outcome;
    use super::*;

    #[test]
    fn the_smallest_difference_counts() {
        let heard = |seconds: i64| Heard {
            date: "Thu, 01 Jan 2026 00:00:00 GMT".into(),
            at: Timestamp::from_second(1_767_225_600 + seconds).expect("a time"),
        };
        let broken = Heard { date: "yesterday".into(), ..heard(0) };
        let rows: [(&[Heard], Outcome, &str); 7] = [
            (&[], Outcome::Skipped, "no answer"),
            (std::slice::from_ref(&broken), Outcome::Skipped, "no answer"),
            (&[heard(0)], Outcome::Ok, "agrees"),
            (&[heard(900), heard(-29), broken.clone()], Outcome::Ok, "agrees"),
            (&[heard(31)], Outcome::Warning, "31 s ahead of AWS's"),
            (&[heard(-299)], Outcome::Warning, "299 s behind AWS's"),
            (&[heard(-300)], Outcome::Failed, "300 s behind AWS's; AWS refuses"),
        ];
        for (heard, outcome, message) in rows {
            let found = judge(heard);
            assert!(found.outcome == outcome && found.message.contains(message), "{heard:?}: {found:?}");
        }
    }
}
