//! Many objects, in a line each; what went wrong stands below its line.

use super::named::Kind;
use crate::cli::text::{self, BOLD};
use crate::status::{Report, State};
use jiff::Timestamp;

/// Columns that status and age take.
const OTHERS: usize = 22 + 8;

/// The whole table, and how many are ready. `namespace` = the one that was asked for.
pub(super) fn text(reports: &[Report], namespace: Option<&str>, now: Timestamp) -> String {
    let names: Vec<String> = reports.iter().map(|it| name(it, namespace)).collect();
    let most = text::width().saturating_sub(OTHERS);
    let column = names.iter().map(String::len).filter(|length| *length <= most).max().unwrap_or(4).max(4);
    let mut told = format!("{BOLD}{:column$}  {:20}  CHANGED{BOLD:#}\n", "NAME", "STATUS");
    for (report, name) in reports.iter().zip(&names) {
        let (style, word) = (text::style(report.state), text::word(report.state, report.reason.as_deref()));
        let age = report.changed.map_or("-".to_owned(), |changed| text::age(changed, now));
        let rest = format!("{style}{word:20}{style:#}  {age}\n");
        told.push_str(&match name.len() > column {
            true => format!("{name}\n{:column$}  {rest}", ""), // too long for a column: it has a line of its own
            false => format!("{name:column$}  {rest}"),
        });
        if report.state != State::Ready {
            told.push_str(&text::wrapped(&report.message, 4));
        }
    }
    let ready = reports.iter().filter(|report| report.state == State::Ready).count();
    told.push_str(&format!("{ready} of {} ready\n", reports.len()));
    told
}

/// As `wharfinger status` takes it.
fn name(report: &Report, asked: Option<&str>) -> String {
    let short = Kind::short(&report.kind);
    match report.namespace.as_deref().filter(|namespace| Some(*namespace) != asked) {
        Some(namespace) => format!("{short}/{} -n {namespace}", report.name),
        None => format!("{short}/{}", report.name),
    }
}
