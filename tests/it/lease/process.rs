//! One process of a schedule, and what schedules count.

use rand::RngExt;
use rand::rngs::StdRng;
use std::time::Duration;
use wharfinger::lease::{Elector, Epoch};

/// Real time, in microseconds since the beginning.
pub(super) type Micros = u64;

/// What happened, so that schedules that show nothing are noticed.
#[derive(Debug, Default)]
pub(super) struct Stats {
    pub(super) terms: usize,
    pub(super) after_release: usize,
    pub(super) lapsed: usize,
    pub(super) lost_answers: usize,
    pub(super) refused: usize,
    pub(super) edits: usize,
    pub(super) writes: usize,
}

impl Stats {
    pub(super) fn add(&mut self, other: &Self) {
        self.terms += other.terms;
        self.after_release += other.after_release;
        self.lapsed += other.lapsed;
        self.lost_answers += other.lost_answers;
        self.refused += other.refused;
        self.edits += other.edits;
        self.writes += other.writes;
    }
}

/// One process, with a clock that nobody shares.
pub(super) struct Process {
    pub(super) elector: Elector,
    pub(super) name: String,
    pub(super) offset: f64,
    pub(super) rate: f64,
    pub(super) wall: i64,
    pub(super) paused_until: Micros,
    pub(super) cut_off_until: Micros,
    pub(super) slow_until: Micros,
    pub(super) call: Option<u64>,
    pub(super) alarm: u64,
    /// Which term it was last seen to lead.
    pub(super) led: Option<Epoch>,
    /// It begins no more writes.
    pub(super) stopping: bool,
    pub(super) releasing: bool,
}

impl Process {
    /// With a name of its own.
    pub(super) fn born(number: usize, random: &mut StdRng) -> Self {
        let name = format!("process-{number}");
        let rates = [0.9, 1.1, random.random_range(0.9..=1.1)];
        Self {
            elector: Elector::new(&name),
            name,
            offset: random.random_range(0.0..1e12),
            rate: rates[random.random_range(0..rates.len())],
            wall: random.random_range(0..2_000_000_000),
            paused_until: 0,
            cut_off_until: 0,
            slow_until: 0,
            call: None,
            alarm: 0,
            led: None,
            stopping: false,
            releasing: false,
        }
    }

    pub(super) fn boot(&self, at: Micros) -> Duration {
        Duration::from_micros((self.offset + at as f64 * self.rate) as u64)
    }

    /// Rounded up: not before the process's own clock says so.
    pub(super) fn real(&self, boot: Duration) -> Micros {
        ((boot.as_micros() as f64 - self.offset) / self.rate).max(0.0).ceil() as Micros + 1
    }

    pub(super) fn lasts(&self, local: Duration) -> Micros {
        (local.as_micros() as f64 / self.rate) as Micros
    }
}
