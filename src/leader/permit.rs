//! Permits: what every write to AWS and to Kubernetes needs, and loses when the term ends.

use crate::lease::{ATTEMPT, Epoch, Term, may_send};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

type Clock = fn() -> Duration;

/// Leave to write. Functions that write ask for one, and whoever sends asks it again for each attempt, just before.
#[derive(Debug, Clone)]
pub struct WritePermit(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Term(Arc<Shared>),
    NoCluster,
}

/// What the permits of one term share with the thread that keeps the Lease.
struct Shared {
    epoch: Epoch,
    began: Duration,
    after_release: bool,
    /// Nanoseconds since boot; 0 once the term is over.
    deadline: AtomicU64,
    /// Attempts under way.
    sending: AtomicUsize,
    clock: Clock,
}

impl fmt::Debug for Shared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Shared({})", self.epoch)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.uid, self.transitions)
    }
}

/// This process does not lead, or not for long enough: nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not sent: this process no longer leads")]
pub struct Lapsed;

/// One attempt under way. The Lease is not let go before it is dropped.
#[derive(Debug)]
pub struct Sending(Option<Arc<Shared>>);

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            shared.sending.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl WritePermit {
    /// The permit of the command line, which works on files, with no cluster and no Lease: whoever starts it answers for it.
    pub fn without_cluster() -> Self {
        Self(Kind::NoCluster)
    }

    /// Asks for one attempt, which must be over within [`WritePermit::longest_attempt`].
    pub fn send(&self) -> Result<Sending, Lapsed> {
        let Kind::Term(shared) = &self.0 else { return Ok(Sending(None)) };
        shared.sending.fetch_add(1, Ordering::SeqCst); // before the look: a stop that sees none sees a permit that is gone
        let sending = Sending(Some(shared.clone()));
        let deadline = Duration::from_nanos(shared.deadline.load(Ordering::SeqCst));
        if may_send(deadline, (shared.clock)()) { Ok(sending) } else { Err(Lapsed) }
    }

    /// Whether it ends when that one ends.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Term(one), Kind::Term(other)) => Arc::ptr_eq(one, other),
            (Kind::NoCluster, Kind::NoCluster) => true,
            _ => false,
        }
    }

    /// When an attempt is cut; nothing where none needs to be.
    pub fn longest_attempt(&self) -> Option<Duration> {
        matches!(self.0, Kind::Term(_)).then_some(ATTEMPT)
    }

    /// Time since the term began, where a leader before may have been cut off in the middle of a write.
    pub fn after_unclean_end(&self) -> Option<Duration> {
        let Kind::Term(shared) = &self.0 else { return None };
        (!shared.after_release).then(|| (shared.clock)().saturating_sub(shared.began))
    }
}

/// The keeper's side of a term's permits.
pub(super) struct Granted(Arc<Shared>);

impl Granted {
    pub(super) fn new(term: &Term, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            epoch: term.epoch.clone(),
            began: term.began,
            after_release: term.after_release,
            deadline: AtomicU64::new(nanos(term.deadline())),
            sending: AtomicUsize::new(0),
            clock,
        }))
    }

    pub(super) fn permit(&self) -> WritePermit {
        WritePermit(Kind::Term(self.0.clone()))
    }

    /// Whether these permits are of this very term.
    pub(super) fn is_of(&self, term: &Term) -> bool {
        self.0.epoch == term.epoch && self.0.began == term.began
    }

    pub(super) fn epoch(&self) -> &Epoch {
        &self.0.epoch
    }

    /// Moves the deadline, unless the term was ended.
    pub(super) fn renew(&self, deadline: Duration) {
        let later = |now| (now != 0).then_some(nanos(deadline));
        let _ = self.0.deadline.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later); // ended: it stays so
    }

    /// From now on nothing more is sent.
    pub(super) fn revoke(&self) {
        self.0.deadline.store(0, Ordering::SeqCst);
    }

    pub(super) fn deadline(&self) -> Duration {
        Duration::from_nanos(self.0.deadline.load(Ordering::SeqCst))
    }

    /// Attempts under way.
    pub(super) fn sending(&self) -> usize {
        self.0.sending.load(Ordering::SeqCst)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    /// Sets the clock of these permits, for this thread.
    pub(crate) fn set_clock(seconds: u64) {
        NOW.set(Duration::from_secs(seconds));
    }

    /// A term that began, and was last renewed, at second 100.
    fn granted(after_release: bool) -> Granted {
        set_clock(100);
        let (began, epoch) = (Duration::from_secs(100), Epoch { uid: "u".to_owned(), transitions: 1 });
        Granted::new(&Term { epoch, renewed: began, began, after_release }, || NOW.get())
    }

    /// The permit of a term that began, and was last renewed, at second 100.
    pub(crate) fn permit() -> WritePermit {
        granted(false).permit()
    }

    #[test]
    fn a_permit_counts_until_an_attempt_would_outlast_the_term() {
        let granted = granted(false);
        let permit = granted.permit();
        for (now, counts) in [(100, true), (105, true), (106, false), (108, false)] {
            set_clock(now);
            assert_eq!(permit.send().is_ok(), counts, "at {now}");
        }
        granted.renew(Duration::from_secs(112));
        assert!(permit.send().is_ok(), "a renewal moves it");
        granted.revoke();
        assert_eq!(permit.send().unwrap_err(), Lapsed);
        granted.renew(Duration::from_secs(120));
        assert_eq!(permit.send().unwrap_err(), Lapsed, "what was ended stays so");
    }

    #[test]
    fn attempts_under_way_are_known() {
        let granted = granted(false);
        let (permit, other) = (granted.permit(), granted.permit());
        assert!(permit.is_same(&other) && !permit.is_same(&super::tests::permit()), "a term has one");
        let sending = (permit.send().unwrap(), other.send().unwrap());
        assert_eq!(granted.sending(), 2);
        drop(sending);
        granted.revoke();
        assert!(permit.send().is_err());
        assert_eq!(granted.sending(), 0, "what was refused is not under way");
    }

    #[test]
    fn without_a_cluster_there_is_nothing_to_lapse() {
        let permit = WritePermit::without_cluster();
        assert!(permit.send().is_ok() && permit.longest_attempt().is_none() && permit.after_unclean_end().is_none());
    }

    #[test]
    fn late_writes_are_feared_only_of_a_leader_that_let_nothing_go() {
        let (unclean, clean) = (granted(false).permit(), granted(true).permit());
        set_clock(130);
        assert_eq!((unclean.after_unclean_end(), clean.after_unclean_end()), (Some(Duration::from_secs(30)), None));
    }
}
