//! Whose turn it is where one pass at a time may run. Whoever has to wait does not stay: it would take a place that others need. It
//! comes again, the later the more are waiting, so that asking for a turn costs the same whether ten wait or a thousand.

use super::backoff::jittered;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OwnedMutexGuard;

/// Wait for what is there in a moment.
pub(super) const BUSY: Duration = Duration::from_millis(100);
/// Shortest wait for a turn.
const SHORTEST: Duration = Duration::from_millis(20);
/// All who wait for one place together come so often.
const APART: Duration = Duration::from_millis(4);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(10);
/// Who has not come for so long waits no more.
const LEFT: Duration = Duration::from_secs(30);

/// The places, by name.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<String, Place>>);

#[derive(Debug, Default)]
struct Place {
    lock: Arc<tokio::sync::Mutex<()>>,
    /// Who waits, and when they last came.
    waiting: HashMap<String, Instant>,
}

impl Turns {
    /// The turn of somebody in a place, which lasts until it is dropped; or when to come again.
    pub(super) fn take(&self, place: &str, who: &str) -> Result<OwnedMutexGuard<()>, Duration> {
        self.take_at(place, who, Instant::now()).map_err(jittered)
    }

    fn take_at(&self, place: &str, who: &str, now: Instant) -> Result<OwnedMutexGuard<()>, Duration> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = |place: &Place| Arc::strong_count(&place.lock) > 1;
        places.retain(|_, place| taken(place) || !place.waiting.is_empty());
        let place = places.entry(place.to_owned()).or_default();
        if let Ok(turn) = place.lock.clone().try_lock_owned() {
            place.waiting.remove(who);
            place.waiting.retain(|_, came| now.duration_since(*came) < LEFT);
            return Ok(turn);
        }
        place.waiting.insert(who.to_owned(), now);
        let many = u32::try_from(place.waiting.len()).unwrap_or(u32::MAX);
        Err(APART.saturating_mul(many).clamp(SHORTEST, LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_wait_the_later_they_come() {
        let (turns, now) = (Turns::default(), Instant::now());
        let turn = turns.take_at("payments", "api", now).expect("nobody is there");
        assert!(turns.take_at("orders", "api", now).is_ok(), "another place");
        assert_eq!(turns.take_at("payments", "api", now).err(), Some(SHORTEST));
        let waits: Vec<_> = (1..=2000).map(|n| turns.take_at("payments", &format!("job-{n}"), now).unwrap_err()).collect();
        assert_eq!([waits[0], waits[98], waits[1999]], [20, 400, 8004].map(Duration::from_millis));
        assert_eq!(turns.take_at("payments", "job-1", now).err(), Some(waits[1999]), "who comes again is counted once");
        drop(turn);
        let later = now + LEFT;
        drop(turns.take_at("payments", "job-2", later).expect("its turn"));
        let _turn = turns.take_at("payments", "job-3", later).expect("its turn");
        assert_eq!(turns.take_at("payments", "job-4", later).err(), Some(SHORTEST), "those who left are forgotten");
    }
}
