//! How long to wait before an object is tried again: doubling from one second, reset by success.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Longest wait.
const LONGEST: Duration = Duration::from_secs(300);

/// Failures in a row, by uid.
#[derive(Debug, Default)]
pub(crate) struct Backoff(Mutex<HashMap<String, u32>>);

impl Backoff {
    /// Counts a failure; the wait before the next try, with jitter.
    pub(crate) fn failed(&self, uid: &str) -> Duration {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(uid.to_owned()).or_default();
        *count = count.saturating_add(1);
        let wait = Duration::from_secs(1 << (*count - 1).min(9)).min(LONGEST);
        jittered(wait)
    }

    /// Forgets the failures.
    pub(crate) fn succeeded(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

/// A duration, 10 % more or less, so that what began together does not stay together.
pub(crate) fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(0.9 + 0.2 * rand::random::<f64>())
}
