//! The watchdog: an OS thread that ends the process where the runtime could not end a term in time.
//!
//! A process that was stopped, or whose runtime is stuck, may hold a write that it believes to be allowed. When the thread wakes after
//! the last moment of a term, it aborts: no stop hooks, no last words, nothing that could wait. It knows no more than one deadline,
//! and once that is over nothing takes it back, whoever wakes first.

use super::clock;
use crate::lease::{ATTEMPT, FENCE};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;
use std::time::Duration;

/// When a process that renewed then must be over with its term.
pub(super) fn limit(renewed: Duration) -> Duration {
    renewed + FENCE + ATTEMPT
}

/// Tells the thread when to end the process.
#[derive(Debug)]
pub(super) struct Watchdog {
    /// Nanoseconds since boot; 0 = never.
    limit: Arc<AtomicU64>,
    now: fn() -> Duration,
    thread: Thread,
}

impl Watchdog {
    /// Starts the thread, which does nothing yet.
    pub(super) fn start<T>(now: fn() -> Duration, end: impl FnOnce() -> T + Send + 'static) -> std::io::Result<Self> {
        let limit = Arc::new(AtomicU64::new(0));
        let watched = limit.clone();
        let thread = std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            loop {
                match Duration::from_nanos(watched.load(Ordering::SeqCst)) {
                    Duration::ZERO => std::thread::park(),
                    limit if now() >= limit => break,
                    limit => clock::sleep_until(limit),
                }
            }
            end();
        })?;
        Ok(Self { limit, now, thread: thread.thread().clone() })
    }

    /// The process ends at that time, unless this is called again.
    pub(super) fn arm(&self, limit: Duration) {
        if self.set(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX)) == Ok(0) {
            self.thread.unpark();
        }
    }

    /// The process does not end.
    pub(super) fn disarm(&self) {
        let _ = self.set(0); // it is over: then the process ends
    }

    /// What was set before; as an error, what is over and therefore stays.
    fn set(&self, nanos: u64) -> Result<u64, u64> {
        let is_over = |known| known != 0 && (self.now)() >= Duration::from_nanos(known);
        self.limit.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |known| (!is_over(known)).then_some(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn it_ends_the_process_once_the_limit_is_over_and_not_before() {
        let (ended, end) = mpsc::channel();
        let watchdog = Watchdog::start(clock::boottime, move || ended.send(clock::boottime())).unwrap();
        watchdog.arm(clock::boottime() + Duration::from_secs(3600));
        watchdog.disarm();
        watchdog.arm(clock::boottime() + Duration::from_secs(3600));
        let limit = clock::boottime() + Duration::from_millis(20);
        drop(watchdog);
        let (ended, soon) = mpsc::channel();
        let other = Watchdog::start(clock::boottime, move || ended.send(clock::boottime())).unwrap();
        other.arm(limit);
        assert!(soon.recv_timeout(Duration::from_secs(60)).unwrap() >= limit);
        assert!(end.try_recv().is_err(), "the other one has an hour");
    }

    #[test]
    fn what_is_over_stays_so() {
        let (ended, end) = mpsc::channel();
        let watchdog = Watchdog::start(clock::boottime, move || ended.send(())).unwrap();
        let late = clock::boottime();
        watchdog.limit.store(late.as_nanos() as u64, Ordering::SeqCst); // as after a pause: nobody has woken yet
        watchdog.disarm();
        watchdog.arm(clock::boottime() + Duration::from_secs(3600));
        watchdog.thread.unpark();
        end.recv_timeout(Duration::from_secs(60)).expect("it ends");
    }
}
