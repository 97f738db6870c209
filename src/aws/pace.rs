//! Rates that AWS gives out as token buckets, as far as this process knows them: who finds no room is given a turn.
//!
//! ECS keeps one for RegisterTaskDefinition and DeregisterTaskDefinition together, for each account and Region: 20 tokens, one more a
//! second (ECS API, request throttling). Deregistration leaves half of it to registrations. Secrets Manager takes no more than one
//! value in ten minutes for a secret (Secrets Manager API, PutSecretValue); a few at once do no harm.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a bucket holds, and how fast it fills.
#[derive(Debug, Clone, Copy)]
struct Rate {
    capacity: f64,
    per_second: f64,
}

const DEFINITIONS: Rate = Rate { capacity: 20.0, per_second: 1.0 };
const VALUES: Rate = Rate { capacity: 5.0, per_second: 1.0 / 600.0 };
/// What deregistration leaves.
const RESERVE: f64 = 10.0;

/// How many definitions may still be registered or deregistered now.
#[derive(Debug, Clone)]
pub(crate) struct Pace(Arc<Mutex<Bucket>>);

/// How many values may still be written now, by the secret's ARN.
#[derive(Debug, Clone, Default)]
pub(crate) struct ValuePace(Arc<Mutex<HashMap<String, Bucket>>>);

#[derive(Debug)]
struct Bucket {
    rate: Rate,
    tokens: f64,
    seen: Instant,
    /// The last turn that was given.
    turn: Instant,
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Self {
        Self { rate, tokens: rate.capacity, seen: now, turn: now }
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.seen).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate.per_second).min(self.rate.capacity);
        self.seen = self.seen.max(now);
    }

    /// Takes a token if so many are left after it, else says how long to wait for one.
    fn spare(&mut self, reserve: f64, now: Instant) -> Result<(), Duration> {
        if self.tokens - 1.0 >= reserve {
            self.tokens -= 1.0;
            return Ok(());
        }
        let missing = Duration::from_secs_f64((reserve + 1.0 - self.tokens) / self.rate.per_second);
        self.turn = (self.turn + Duration::from_secs_f64(1.0 / self.rate.per_second)).max(now + missing);
        Err(self.turn - now)
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Bucket::full(DEFINITIONS, Instant::now()))))
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
        self.with_bucket(now, |bucket| bucket.spare(RESERVE, now))
    }

    fn with_bucket<T>(&self, now: Instant, act: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.refill(now);
        act(&mut bucket)
    }
}

impl ValuePace {
    /// Takes a token of this secret, else says how long to wait for one. All who wait write the same newest value, so none needs a
    /// turn of its own.
    pub(crate) fn take(&self, arn: &str) -> Result<(), Duration> {
        self.take_at(arn, Instant::now())
    }

    fn take_at(&self, arn: &str, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(arn.to_owned()).or_insert_with(|| Bucket::full(VALUES, now));
        bucket.refill(now);
        bucket.turn = now;
        bucket.spare(0.0, now)
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

    #[test]
    fn a_secret_takes_a_few_values_at_once_and_then_one_in_ten_minutes() {
        let (pace, start) = (ValuePace::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert_eq!((0..5).map(|_| pace.take_at("a", at(0))).collect::<Vec<_>>(), [Ok(()); 5], "a few at once");
        let wait = |arn: &str, seconds| pace.take_at(arn, at(seconds)).map_err(|wait| wait.as_secs());
        assert_eq!([wait("a", 0), wait("a", 1)], [Err(600), Err(599)], "the same turn, whoever asks");
        assert_eq!(wait("b", 0), Ok(()), "another secret has a bucket of its own");
        assert_eq!([wait("a", 601), wait("a", 602)], [Ok(()), Err(598)]);
    }
}
