//! The token bucket that ECS keeps for RegisterTaskDefinition and DeregisterTaskDefinition together, for each account and Region:
//! 20 tokens, one more a second (ECS API, request throttling). Deregistration leaves half of it to registrations, and who finds
//! no room is given a turn.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
    /// The last turn that was given.
    turn: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(Bucket { tokens: CAPACITY, seen: now, turn: now })))
    }
}

impl Pace {
    /// Takes a token whether there is one or not: AWS has the last word.
    pub(crate) fn take(&self) {
        self.with_bucket(Instant::now(), |bucket| bucket.tokens = (bucket.tokens - 1.0).max(0.0));
    }

    /// Takes a token if enough are left for others, else says how long to wait for one.
    pub(crate) fn spare(&self) -> Result<(), Duration> {
        self.spare_at(Instant::now())
    }

    fn spare_at(&self, now: Instant) -> Result<(), Duration> {
        self.with_bucket(now, |bucket| {
            if bucket.tokens - 1.0 >= RESERVE {
                bucket.tokens -= 1.0;
                return Ok(());
            }
            let missing = Duration::from_secs_f64((RESERVE + 1.0 - bucket.tokens) / PER_SECOND);
            bucket.turn = (bucket.turn + Duration::from_secs_f64(1.0 / PER_SECOND)).max(now + missing);
            Err(bucket.turn - now)
        })
    }

    fn with_bucket<T>(&self, now: Instant, act: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(bucket.seen).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * PER_SECOND).min(CAPACITY);
        bucket.seen = bucket.seen.max(now);
        act(&mut bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deregistration_leaves_half_and_gets_one_a_second() {
        let pace = Pace::default();
        let start = pace.0.lock().unwrap().seen;
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert_eq!((0..10).map(|_| pace.spare_at(at(0))).collect::<Vec<_>>(), [Ok(()); 10], "half of the burst");
        let turns: Vec<u64> = (0..4).map(|_| pace.spare_at(at(0)).unwrap_err().as_secs()).collect();
        assert_eq!(turns, [1, 2, 3, 4], "each its own turn");
        assert_eq!(pace.spare_at(at(1)), Ok(()), "whose turn it is");
        pace.with_bucket(at(1), |bucket| bucket.tokens = 0.0);
        assert_eq!(pace.spare_at(at(2)).map_err(|wait| wait.as_secs()), Err(10), "registrations come first");
    }
}
