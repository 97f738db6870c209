//! Text for people: wrapped to the terminal's width, and in colours where it is one.

use crate::status::State;
use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use textwrap::{Options, WordSeparator, WordSplitter};

/// Names.
pub(super) const BOLD: Style = Style::new().bold();

/// What is beside the point.
pub(super) const DIM: Style = Style::new().dimmed();
/// As it should be.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// Time helps, or it may go wrong later.
pub(super) const WAITS: Style = AnsiColor::Yellow.on_default();
/// Somebody must act.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();

/// The colour of a state.
pub(super) fn style(state: State) -> Style {
    match state {
        State::Ready => GOOD,
        State::Reconciling | State::Unseen => WAITS,
        State::Stalled => BAD,
    }
}

/// The sign of a state, for eyes that see no colours.
pub(super) fn mark(state: State) -> &'static str {
    match state {
        State::Ready => "✓",
        State::Reconciling | State::Unseen => "…",
        State::Stalled => "✗",
    }
}

/// A state in a word: `Ready`, or the reason why it is not.
pub(super) fn word(state: State, reason: Option<&str>) -> String {
    match (state, reason) {
        (State::Ready, _) => "Ready".to_owned(),
        (_, Some(reason)) if reason != "Succeeded" => reason.to_owned(),
        (State::Unseen, _) => "not seen yet".to_owned(),
        _ => "changed since".to_owned(),
    }
}

/// How long ago, in its largest unit.
pub(super) fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second()).max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Columns of what is no terminal, and most columns of one that is: longer lines are hard to read.
const WIDEST: usize = 110;
/// Columns that any terminal is taken to have.
const NARROWEST: usize = 40;

/// Columns of a line.
pub(super) fn width() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let seen = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    told.or_else(seen).unwrap_or(WIDEST).clamp(NARROWEST, WIDEST)
}

/// A paragraph that begins so many columns from the left.
pub(super) fn wrapped(text: &str, indent: usize) -> String {
    lines(text, &" ".repeat(indent), &" ".repeat(indent))
}

/// A paragraph that begins with a name; its other lines begin below its text, or a little to the right where that is too far.
pub(super) fn entry(name: &str, text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let hang = indent + textwrap::core::display_width(name);
    let hang = if hang > width() / 2 { indent + 4 } else { hang };
    lines(text, &format!("{margin}{name}"), &" ".repeat(hang))
}

/// Lines of one paragraph, each ended. An ARN or another long word is never cut: it is there to be copied.
pub(super) fn lines(text: &str, first: &str, others: &str) -> String {
    let options = Options::new(width())
        .initial_indent(first)
        .subsequent_indent(others)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        let then = Timestamp::from_second(1_000_000).expect("a time");
        for (seconds, told) in [(-5, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172_800, "2d")] {
            assert_eq!(age(then, Timestamp::from_second(1_000_000 + seconds).expect("a time")), told);
        }
    }

    #[test]
    fn long_words_stay_whole_and_styles_take_no_columns() {
        let arn = format!("arn:aws:iam::111122223333:role/{}", "a".repeat(120));
        let told = entry(&format!("{BOLD}role{BOLD:#} "), &format!("the role {arn} is there"), 2);
        assert_eq!(told.lines().filter(|line| line.contains(&arn)).count(), 1, "{told}");
        let name = format!("{BOLD}role{BOLD:#} ");
        assert!(entry(&name, &"word ".repeat(60), 2).lines().skip(1).all(|line| line.starts_with("       word")));
    }
}
