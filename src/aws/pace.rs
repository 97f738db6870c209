//! Rates that AWS gives out as token buckets, as far as this process knows them: who finds no room is given a turn.
//!
//! ECS keeps one for RegisterTaskDefinition and DeregisterTaskDefinition together, for each account and Region: 20 tokens, one more a
//! second (ECS API, request throttling). Deregistration leaves half of it to registrations. Secrets Manager takes no more than one
//! value in ten minutes for a secret (Secrets Manager API, PutSecretValue); a few at once do no harm.

use jiff::Timestamp;
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

/// How many values may still be written now, by the secret's ARN. A bucket that is full again says nothing, and is forgotten.
#[derive(Debug, Clone, Default)]
pub(crate) struct ValuePace(Arc<Mutex<HashMap<String, Values>>>);

#[derive(Debug)]
struct Values {
    bucket: Bucket,
    /// When the next token is there, as it was told first: whoever asks again is told the same to the second.
    until: Option<Timestamp>,
}

/// How long to wait for a token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wait {
    /// From now on.
    pub(crate) left: Duration,
    /// The same as a time.
    pub(crate) until: Timestamp,
}

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

    /// Takes a token if so many are left after it, else says how long it takes until there is one.
    fn take(&mut self, reserve: f64) -> Result<(), Duration> {
        if self.tokens - 1.0 >= reserve {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((reserve + 1.0 - self.tokens) / self.rate.per_second))
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
        self.with_bucket(now, |bucket| {
            bucket.take(RESERVE).map_err(|missing| {
                bucket.turn = (bucket.turn + Duration::from_secs_f64(1.0 / bucket.rate.per_second)).max(now + missing);
                bucket.turn - now
            })
        })
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
    pub(crate) fn take(&self, arn: &str) -> Result<(), Wait> {
        self.take_at(arn, Instant::now(), Timestamp::now())
    }

    fn take_at(&self, arn: &str, now: Instant, clock: Timestamp) -> Result<(), Wait> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, values| {
            values.bucket.refill(now);
            values.bucket.tokens < VALUES.capacity
        });
        let values = known.entry(arn.to_owned()).or_insert_with(|| Values { bucket: Bucket::full(VALUES, now), until: None });
        let Err(left) = values.bucket.take(0.0) else {
            values.until = None;
            return Ok(());
        };
        let until = *values.until.get_or_insert_with(|| clock.saturating_add(left).unwrap_or(clock));
        Err(Wait { left, until })
    }

    /// Gives a token back that no value was written for.
    pub(crate) fn give_back(&self, arn: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(values) = known.get_mut(arn) {
            values.bucket.tokens = (values.bucket.tokens + 1.0).min(VALUES.capacity);
            values.until = None;
        }
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
        let take = |arn: &str, seconds: u64| {
            let clock = Timestamp::UNIX_EPOCH + Duration::from_secs(seconds);
            pace.take_at(arn, start + Duration::from_secs(seconds), clock)
        };
        let wait = |arn: &str, seconds| take(arn, seconds).map_err(|wait| (wait.left.as_secs(), wait.until.as_second()));
        assert_eq!((0..5).map(|_| take("a", 0)).collect::<Vec<_>>(), [Ok(()); 5], "a few at once");
        assert_eq!([wait("a", 0), wait("a", 1)], [Err((600, 600)), Err((599, 600))], "the same turn, whoever asks");
        assert_eq!(wait("b", 0), Ok(()), "another secret has a bucket of its own");
        assert_eq!([wait("a", 601), wait("a", 602)], [Ok(()), Err((598, 1200))]);
    }

    #[test]
    fn what_was_not_written_costs_no_token() {
        let (pace, now, clock) = (ValuePace::default(), Instant::now(), Timestamp::UNIX_EPOCH);
        for _ in 0..20 {
            assert_eq!(pace.take_at("a", now, clock), Ok(()));
            pace.give_back("a");
        }
        assert_eq!((0..5).map(|_| pace.take_at("a", now, clock)).collect::<Vec<_>>(), [Ok(()); 5]);
        assert!(pace.take_at("a", now, clock).is_err(), "never more than there were");
        pace.give_back("a");
        assert_eq!(pace.take_at("a", now, clock), Ok(()), "at once");
        pace.give_back("nobody took one of this");
        assert_eq!(pace.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let (pace, start, clock) = (ValuePace::default(), Instant::now(), Timestamp::UNIX_EPOCH);
        for number in 0..100 {
            pace.take_at(&number.to_string(), start, clock).unwrap();
        }
        pace.take_at("0", start, clock).unwrap();
        pace.take_at("late", start + Duration::from_secs(600), clock).unwrap();
        let known: Vec<String> = pace.0.lock().unwrap().keys().cloned().collect();
        assert_eq!(known.len(), 2, "{known:?}");
        assert!(known.contains(&"0".to_owned()), "it misses a token yet");
    }
}
