//! What a check came to, and how it is printed.

use crate::cli::text::{self, BAD, BOLD, DIM, GOOD, WAITS};
use serde::Serialize;

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    pub(super) check: String,
    pub(super) outcome: Outcome,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Ok,
    Warning,
    Failed,
    Skipped,
}

impl Finding {
    pub(super) fn ok(check: impl Into<String>, message: impl Into<String>) -> Self {
        Self { check: check.into(), outcome: Outcome::Ok, message: message.into(), remedy: None }
    }

    pub(super) fn warning(check: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { outcome: Outcome::Warning, remedy: Some(remedy.into()), ..Self::ok(check, message) }
    }

    pub(super) fn failed(check: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { outcome: Outcome::Failed, remedy: Some(remedy.into()), ..Self::ok(check, message) }
    }

    /// It could not be looked at, and that is no fault of what it is about.
    pub(super) fn skipped(check: impl Into<String>, why: impl Into<String>) -> Self {
        Self { outcome: Outcome::Skipped, ..Self::ok(check, why) }
    }
}

/// All of them, and their count.
pub(super) fn text(findings: &[Finding]) -> String {
    let told = findings.iter().map(|finding| {
        let (style, mark, skipped) = match finding.outcome {
            Outcome::Ok => (GOOD, "✓", ""),
            Outcome::Warning => (WAITS, "!", ""),
            Outcome::Failed => (BAD, "✗", ""),
            Outcome::Skipped => (DIM, "-", "skipped: "),
        };
        let first = format!("{style}{mark}{style:#} ");
        let line = text::lines(&format!("{BOLD}{}{BOLD:#}: {skipped}{}", finding.check, finding.message), &first, "    ");
        let remedy = finding.remedy.iter().map(|remedy| text::entry("remedy: ", remedy, 4));
        line + &remedy.collect::<String>()
    });
    let count = |outcome| findings.iter().filter(|finding| finding.outcome == outcome).count();
    let (ok, warnings) = (count(Outcome::Ok), count(Outcome::Warning));
    let (failed, skipped) = (count(Outcome::Failed), count(Outcome::Skipped));
    let plural = if warnings == 1 { "" } else { "s" };
    format!("{}{ok} ok, {warnings} warning{plural}, {failed} failed, {skipped} skipped\n", told.collect::<String>())
}
