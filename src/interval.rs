//! Durations as specs write them: `90s`, `30m`, `1h30m`, `0s`.

use jiff::SignedDuration;
use std::time::Duration;

/// A duration, or `None` where there is none or it is not one.
pub fn parse(text: Option<&str>) -> Option<Duration> {
    let parsed: SignedDuration = text?.parse().ok()?;
    Duration::try_from(parsed).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let rows = [
            ("0s", Some(0)),
            ("90s", Some(90)),
            ("30m", Some(1800)),
            ("1h30m", Some(5400)),
            ("1.5h", Some(5400)),
            ("soon", None),
            ("", None),
        ];
        for (text, seconds) in rows {
            assert_eq!(parse(Some(text)), seconds.map(Duration::from_secs), "{text:?}");
        }
    }
}
