//! The token bucket that ECS keeps for RegisterTaskDefinition and DeregisterTaskDefinition together, for each account and Region:
//! 20 tokens, one more a second (ECS API, request throttling). Deregistration leaves half of it to registrations.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

const CAPACITY: f64 = 20.0;
const PER_SECOND: f64 = 1.0;
/// What deregistration leaves.
const RESERVE: f64 = 10.0;

/// How many calls may still be made now, as far as this process knows.
#[derive(Debug, Clone)]
pub(crate) struct Pace(Arc<Mutex<Bucket>>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    seen: Instant,
}

impl Bucket {
    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.seen).as_secs_f64();
        (self.tokens, self.seen) = ((self.tokens + passed * PER_SECOND).min(CAPACITY), now);
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Bucket { tokens: CAPACITY, seen: Instant::now() })))
    }
}

impl Pace {
    /// Takes a token whether there is one or not: AWS has the last word.
    pub(crate) fn take(&self) {
        self.take_above(Instant::now(), f64::MIN);
    }

    /// Takes a token if enough are left for others.
    pub(crate) fn spare(&self) -> bool {
        self.take_above(Instant::now(), RESERVE)
    }

    fn take_above(&self, now: Instant, floor: f64) -> bool {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.refill(now);
        let free = bucket.tokens - 1.0 >= floor;
        if free {
            bucket.tokens = (bucket.tokens - 1.0).max(-CAPACITY);
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn deregistration_leaves_half_and_gets_one_a_second() {
        let (pace, start) = (Pace::default(), Instant::now());
        let spare = |seconds: u64| pace.take_above(start + Duration::from_secs(seconds), RESERVE);
        assert_eq!((0..20).filter(|_| spare(0)).count(), 10, "half of the burst");
        assert_eq!((0..5).filter(|_| spare(3)).count(), 3, "then one a second");
        assert!((0..8).all(|_| pace.take_above(start + Duration::from_secs(3), f64::MIN)));
        assert!(!spare(10), "registrations come first");
        assert!(spare(12));
    }
}
