//! Leadership in simulated time: several processes share one Lease while all goes wrong that may, and no two of them may write.
//!
//! A failure names its seed; `WHARFINGER_SEED=7 cargo test --test it lease::` runs that one alone and prints what happened.

mod process;
mod server;
mod simulation;

use crate::soak;
use process::Stats;
use simulation::run;

/// Schedules, and those of a soak.
const SEEDS: (u64, u64) = (500, 10_000);

#[test]
fn never_do_two_processes_hold_permits_and_somebody_leads_once_faults_end() {
    if let Some(seed) = std::env::var("WHARFINGER_SEED").ok().and_then(|seed| seed.parse().ok()) {
        let (stats, outcome) = run(seed, true);
        eprintln!("{stats:?}");
        return outcome.unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
    }
    let (mut total, mut broken) = (Stats::default(), vec![]);
    for seed in 0..if soak() { SEEDS.1 } else { SEEDS.0 } {
        let (stats, outcome) = run(seed, false);
        total.add(&stats);
        broken.extend(outcome.err().map(|told| format!("seed {seed}: {told}")));
    }
    assert!(
        broken.is_empty(),
        "{} schedules broke a promise, such as\n{}",
        broken.len(),
        broken[..broken.len().min(5)].join("\n")
    );
    // Schedules in which nothing happens would show nothing.
    let least = [total.terms, total.after_release, total.lapsed, total.lost_answers, total.refused, total.edits, total.writes];
    assert!(least.iter().all(|count| *count > 50), "{total:?}");
}
