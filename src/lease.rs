//! Who leads: the rules by which processes share one Lease, as a state machine without clock, network or chance.
//!
//! They are client-go's (k8s.io/client-go/tools/leaderelection), made stricter:
//!
//! - A Lease is written by replacing the very version that was seen, never blindly. Where an answer is lost it is looked at anew.
//! - Nobody's clock but one's own counts. Whoever wants to take over waits [`LEASE`] after he last saw the Lease change.
//! - A renewal counts from before it was sent, so a slow answer shortens a term and never lengthens it.
//! - A term ends by itself [`FENCE`] after its last renewal, well before anybody else may begin one.
//! - A Lease that is gone, made anew or emptied by hand is no free Lease: everybody waits. Only what a leader has released, which
//!   [`Record::released`] proves, is taken at once.
//!
//! Times are durations since the machine's boot, suspension included; only differences matter.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use std::time::Duration;

/// How long a Lease must not have changed before somebody else may take it.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often the leader renews, and the others look.
pub const RENEW: Duration = Duration::from_secs(2);
/// A term ends this long after its last renewal was sent.
pub const FENCE: Duration = Duration::from_secs(8);
/// Longest attempt of a call that writes. None begins that might last beyond the term.
pub const ATTEMPT: Duration = Duration::from_secs(3);
/// Longest call about the Lease itself.
pub const CALL: Duration = Duration::from_secs(2);
/// The leader's pause after a call about the Lease that did not help; the others have time.
pub const RETRY: Duration = Duration::from_millis(250);

/// How wrong a clock's rate may be, in percent.
const RATE_ERROR: u128 = 10;

// The slowest leader is through, watchdog included, before the fastest other one has waited for long enough.
const _: () = assert!(
    (FENCE.as_millis() + ATTEMPT.as_millis()) * (100 + RATE_ERROR) < LEASE.as_millis() * (100 - RATE_ERROR),
    "T_fence + A, by a clock that is slow, must be over before D, by a clock that is fast"
);
// One renewal that hangs costs no write: the next one is answered while attempts still fit.
const _: () = assert!(RENEW.as_millis() + CALL.as_millis() + RETRY.as_millis() < FENCE.as_millis() - ATTEMPT.as_millis());

/// When something happens: by the machine's uptime, which decides, and by the wall clock, which people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since boot.
    pub boot: Duration,
    /// Written into the Lease and never compared with another process's.
    pub wall: Timestamp,
}

/// Which term: no two terms of one Lease have the same, nor do those of a Lease made anew.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Epoch {
    /// Uid of the Lease.
    pub uid: String,
    /// How often it has changed hands.
    pub transitions: i32,
}

/// What a Lease says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Who leads; empty if nobody does.
    pub holder: String,
    /// How often it has changed hands.
    pub transitions: i32,
    /// Since when, by the holder's wall clock.
    pub acquired: Option<Timestamp>,
    /// Last renewal, by the holder's wall clock.
    pub renewed: Option<Timestamp>,
    /// The epoch whose leader let go of it after its last write had ended.
    pub released: Option<Epoch>,
}

/// A Lease as the API server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its uid.
    pub uid: String,
    /// Its resource version.
    pub version: String,
    /// What it says.
    pub record: Record,
}

impl Seen {
    fn epoch(&self) -> Epoch {
        Epoch { uid: self.uid.clone(), transitions: self.record.transitions }
    }

    /// Whether its last leader let go of it, and this very Lease. One that was emptied or restored by hand is not.
    fn is_released(&self) -> bool {
        self.record.holder.is_empty() && self.record.released.as_ref() == Some(&self.epoch())
    }
}

/// A call about the Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// GET.
    Get,
    /// POST.
    Create(Record),
    /// PUT, with the uid and the resource version of what was seen.
    Replace {
        /// What was seen.
        seen: Seen,
        /// What it is to say.
        record: Record,
    },
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The Lease as it is, read or written.
    Seen(Seen),
    /// There is none.
    Absent,
    /// Nothing was written: it is another one, or another version of it.
    Refused,
    /// Nobody knows: no answer in time, or one that says nothing of the Lease.
    Unknown,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, for a moment")]
pub enum Next {
    /// Nothing until then.
    Wait(Duration),
    /// One call, whose answer goes to [`Elector::answered`].
    Send(Request),
    /// Nothing any more: the Lease is released, or was not held.
    End,
}

/// A term of leadership, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Which.
    pub epoch: Epoch,
    /// When its last renewal was sent.
    pub renewed: Duration,
    /// When it began.
    pub began: Duration,
    /// Whether the term before it was ended by its own leader: then nobody else's write is under way.
    pub after_release: bool,
}

impl Term {
    /// When it ends unless it is renewed.
    pub fn deadline(&self) -> Duration {
        self.renewed + FENCE
    }
}

/// Whether an attempt that begins now is over before the deadline.
pub fn may_send(deadline: Duration, now: Duration) -> bool {
    now + ATTEMPT <= deadline
}

/// One process's part.
#[derive(Debug)]
pub struct Elector {
    identity: String,
    /// What was last seen, and when it was seen to change.
    observed: Option<(Seen, Duration)>,
    /// Whether there may be news that must be seen before anything is written.
    stale: bool,
    missing: bool,
    term: Option<Term>,
    pending: Option<(Request, Duration)>,
    /// A write whose answer was lost, and when it was sent.
    lost: Option<(Record, Duration)>,
    due: Duration,
    releasing: bool,
}

impl Elector {
    /// A process that has seen nothing yet. No other one may have its identity.
    pub fn new(identity: impl Into<String>) -> Self {
        Self {
            identity: identity.into(),
            observed: None,
            stale: true,
            missing: false,
            term: None,
            pending: None,
            lost: None,
            due: Duration::ZERO,
            releasing: false,
        }
    }

    /// The term that this process leads, if it does.
    pub fn term(&self) -> Option<&Term> {
        self.term.as_ref()
    }

    /// Who leads, as far as is known.
    pub fn holder(&self) -> Option<&str> {
        self.observed.as_ref().map(|(seen, _)| seen.record.holder.as_str()).filter(|holder| !holder.is_empty())
    }

    /// From now on the Lease is let go, and not taken again. Only for when no write is under way and none will follow.
    pub fn release(&mut self) {
        self.releasing = true;
        self.due = Duration::ZERO;
    }

    /// What to do at this moment.
    pub fn next(&mut self, now: Moment) -> Next {
        self.term.take_if(|term| now.boot >= term.deadline());
        if self.releasing && self.term.is_none() {
            return Next::End;
        }
        let free = self.observed.as_ref().filter(|_| !self.stale).and_then(|(seen, since)| self.turn(seen, *since, now));
        let taken_at_once = free.is_some() && self.term.is_none();
        if now.boot < self.due && !taken_at_once {
            let turn = match (&self.term, &self.observed) {
                (Some(term), _) => term.deadline(),
                (None, Some((_, since))) if !self.stale => *since + LEASE,
                _ => self.due,
            };
            return Next::Wait(self.due.min(turn));
        }
        let request = match (&self.observed, free) {
            _ if self.missing => Request::Create(Record::default()),
            (Some((seen, _)), Some(record)) => Request::Replace { seen: seen.clone(), record },
            _ => Request::Get,
        };
        self.pending = Some((request.clone(), now.boot));
        Next::Send(request)
    }

    /// What to make of a Lease that was last seen so, if it is ours to write.
    fn turn(&self, seen: &Seen, since: Duration, now: Moment) -> Option<Record> {
        let own = self.term.is_some() || self.is_own_lost(&seen.record, now.boot);
        if self.releasing {
            return own.then(|| Record {
                holder: String::new(),
                renewed: Some(now.wall),
                released: Some(seen.epoch()),
                ..seen.record.clone()
            });
        }
        let renewed = Record { renewed: Some(now.wall), released: None, ..seen.record.clone() };
        if own {
            return Some(renewed);
        }
        let free = seen.is_released() || now.boot >= since + LEASE;
        free.then(|| Record {
            holder: self.identity.clone(),
            transitions: seen.record.transitions.saturating_add(1),
            acquired: Some(now.wall),
            ..renewed
        })
    }

    /// Whether the Lease says what we wrote when the answer was lost. For as long as a term lasts nobody else can have come between.
    fn is_own_lost(&self, record: &Record, now: Duration) -> bool {
        let lost = self.lost.as_ref().is_some_and(|(lost, sent)| lost == record && now < *sent + FENCE);
        lost && record.holder == self.identity
    }

    /// Takes in what came of the call that [`Elector::next`] asked for.
    pub fn answered(&mut self, now: Moment, answer: Answer) {
        let Some((request, sent)) = self.pending.take() else { return };
        match (request, answer) {
            (Request::Get, Answer::Seen(seen)) => self.looked(seen, sent, now.boot),
            (Request::Get, Answer::Absent) => {
                (self.observed, self.missing, self.stale, self.lost) = (None, true, true, None);
                self.term = None;
                self.due = now.boot;
            }
            (Request::Replace { seen, record }, Answer::Seen(written)) => self.wrote(seen, record, written, sent, now.boot),
            (Request::Create(_), Answer::Seen(seen)) => {
                (self.missing, self.stale) = (false, false);
                self.observe(seen, now.boot);
                self.due = sent + RENEW;
            }
            (request, answer) => {
                if let (Request::Replace { record, .. }, Answer::Unknown) = (request, answer) {
                    self.lost = Some((record, sent));
                }
                (self.stale, self.missing) = (true, false);
                self.due = now.boot + if self.term.is_some() { RETRY } else { RENEW };
            }
        }
    }

    fn looked(&mut self, seen: Seen, sent: Duration, now: Duration) {
        (self.stale, self.missing) = (false, false);
        let own = seen.record.holder == self.identity && self.term.as_ref().is_some_and(|term| term.epoch == seen.epoch());
        self.observe(seen, now);
        if !own {
            self.term = None;
        }
        self.due = if own { now } else { sent + RENEW };
    }

    /// A version that was written was the one that was seen, so nobody wrote between.
    fn wrote(&mut self, seen: Seen, record: Record, written: Seen, sent: Duration, now: Duration) {
        self.lost = None;
        self.stale = false;
        self.due = sent + RENEW;
        let same = written.uid == seen.uid && written.record.holder == record.holder;
        let (epoch, after_release) = (written.epoch(), seen.is_released());
        self.observe(written, now);
        self.term = match (same && record.holder == self.identity, self.term.take()) {
            (true, Some(term)) if term.epoch == epoch => Some(Term { renewed: sent, ..term }),
            (true, _) => Some(Term { epoch, renewed: sent, began: now, after_release }),
            (false, _) => None,
        };
    }

    fn observe(&mut self, seen: Seen, now: Duration) {
        let known = self.observed.take().filter(|(known, _)| known.uid == seen.uid && known.version == seen.version);
        self.observed = Some((seen, known.map_or(now, |(_, since)| since)));
    }
}

/// When what a new leader has found to be written is looked at again, after its term began: until then a write of the leader before
/// may come late.
const READ_BACKS: [Duration; 4] =
    [Duration::from_secs(8), Duration::from_secs(50), Duration::from_secs(95), Duration::from_secs(140)];

/// Time until the next look at what was written early in a term, if there is one left.
pub fn read_back(since_began: Duration) -> Option<Duration> {
    READ_BACKS.into_iter().find(|at| *at > since_began).map(|at| at - since_began)
}
