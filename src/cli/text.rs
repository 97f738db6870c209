//! Text for people: wrapped to the terminal's width, and in colours where it is one.

use anstyle::Style;
use textwrap::{Options, WordSeparator, WordSplitter};

/// Names.
pub(super) const BOLD: Style = Style::new().bold();

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
    fn long_words_stay_whole_and_styles_take_no_columns() {
        let arn = format!("arn:aws:iam::111122223333:role/{}", "a".repeat(120));
        let told = entry(&format!("{BOLD}role{BOLD:#} "), &format!("the role {arn} is there"), 2);
        assert_eq!(told.lines().filter(|line| line.contains(&arn)).count(), 1, "{told}");
        let name = format!("{BOLD}role{BOLD:#} ");
        assert!(entry(&name, &"word ".repeat(60), 2).lines().skip(1).all(|line| line.starts_with("       word")));
    }
}
