//! The clock that terms are measured by: time since boot, suspension of the machine included.

use crate::lease::Moment;
use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// `std::time::Instant` stands still while the machine sleeps, and a term must not.
#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::Boottime;
/// Elsewhere the monotonic clock is the nearest that there is.
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

/// Time since boot.
pub(super) fn boottime() -> Duration {
    let time = clock_gettime(CLOCK);
    let (seconds, nanos) = (u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default());
    Duration::new(seconds, nanos)
}

/// Now, by both clocks. A Lease keeps microseconds.
pub(super) fn moment() -> Moment {
    let now = Timestamp::now();
    Moment { boot: boottime(), wall: Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now) }
}

/// Sleeps until a time since boot; may wake earlier.
#[cfg(target_os = "linux")]
pub(super) fn sleep_until(at: Duration) {
    let at =
        rustix::time::Timespec { tv_sec: i64::try_from(at.as_secs()).unwrap_or(i64::MAX), tv_nsec: at.subsec_nanos().into() };
    let _ = rustix::thread::clock_nanosleep_absolute(CLOCK, &at); // interrupted: the caller looks at the clock anyway
}

/// Sleeps until a time since boot; may wake earlier.
#[cfg(not(target_os = "linux"))]
pub(super) fn sleep_until(at: Duration) {
    std::thread::sleep(at.saturating_sub(boottime()));
}
