//! One object as a tree: its parts, what exists in AWS for each, what went wrong and what to do.

use crate::cli::text::{self, BOLD, DIM};
use crate::status::{Part, Report, Thing};
use anstyle::Style;
use jiff::Timestamp;

/// The whole tree.
pub(super) fn text(report: &Report, now: Timestamp) -> String {
    let name = match &report.namespace {
        Some(namespace) => format!("{namespace}/{}", report.name),
        None => report.name.clone(),
    };
    let (style, word) = (text::style(report.state), text::word(report.state, report.reason.as_deref()));
    let parts = report.parts.iter().enumerate();
    let told_before = |at: usize| report.parts[..at].iter().any(|other| other.message == report.parts[at].message);
    let mut branches: Vec<Branch> = parts.map(|(at, part)| of_part(part, report, told_before(at))).collect();
    branches.extend(list("warnings", report.warnings.iter().map(String::as_str)));
    branches.extend(list("pending", report.plan.iter().flat_map(|plan| plan.lines())));
    let stem = if branches.is_empty() { "  " } else { "│ " };
    let mut told = text::lines(&format!("{} {BOLD}{name}{BOLD:#}: {style}{word}{style:#}", report.kind), "", "  ");
    for line in about(report, now) {
        told.push_str(&text::lines(&line, stem, &format!("{stem}  ")));
    }
    let last = branches.len().saturating_sub(1);
    for (index, branch) in branches.into_iter().enumerate() {
        let (first, others) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        told.push_str(&text::lines(&branch.title, first, &format!("{others}  ")));
        for (indent, line) in branch.lines {
            let margin = format!("{others}{}", " ".repeat(indent));
            told.push_str(&text::lines(&line, &margin, &format!("{margin}  ")));
        }
    }
    told
}

/// A branch of the tree: its title, and its lines with their indents.
struct Branch {
    title: String,
    lines: Vec<(usize, String)>,
}

/// What is said of the object itself.
fn about(report: &Report, now: Timestamp) -> Vec<String> {
    let mut lines = vec![];
    if let Some(target) = &report.target {
        let binding = target.binding.as_ref().map(|name| format!(", AccountBinding {name}")).unwrap_or_default();
        lines.push(format!("account {}, {}{binding}", target.account_id, target.region));
    }
    if let Some(changed) = report.changed {
        lines.push(format!("last change {} ago", text::age(changed, now)));
    }
    // A part with the same words tells it.
    if !report.parts.iter().any(|part| part.message == report.message) && !report.message.is_empty() {
        lines.push(report.message.clone());
        lines.extend(report.remedy.map(remedy));
    }
    lines
}

fn remedy(text: &str) -> String {
    format!("{BOLD}remedy{BOLD:#}: {text}")
}

/// `told_before` = an earlier part has the same message.
fn of_part(part: &Part, report: &Report, told_before: bool) -> Branch {
    let style = text::style(part.state);
    let mark = text::mark(part.state);
    let reason = part.reason.as_deref().filter(|reason| *reason != "Succeeded").map(|it| format!(": {it}")).unwrap_or_default();
    let title = format!("{style}{mark} {}{reason}{style:#}", part.part);
    let mut lines = vec![];
    // What is so is told by the things themselves.
    if !told_before && (part.remedy.is_some() || part.things.is_empty()) {
        lines.extend(Some(part.message.clone()).filter(|message| !message.is_empty()).map(|message| (2, message)));
        let told_above = part.message != report.message && part.reason == report.reason;
        lines.extend(part.remedy.filter(|_| !told_above).map(|it| (2, remedy(it))));
    }
    part.things.iter().for_each(|thing| lines.extend(of_thing(thing)));
    Branch { title, lines }
}

/// Its ARN has a line of its own, whole, to be copied.
fn of_thing(thing: &Thing) -> Vec<(usize, String)> {
    let name = thing.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let note = thing.note.as_ref().map(|note| format!(" {DIM}({note}){DIM:#}")).unwrap_or_default();
    let first = (2, format!("{}{name}{note}", thing.thing));
    let arn = thing.arn.iter().map(|arn| (4, arn.clone()));
    [first].into_iter().chain(arn).collect()
}

fn list<'a>(title: &str, lines: impl Iterator<Item = &'a str>) -> Option<Branch> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<(usize, String)> = lines.map(|line| (2 + depth(line), line.trim_start().to_owned())).collect();
    let style: Style = BOLD;
    (!lines.is_empty()).then(|| Branch { title: format!("{style}{title}{style:#}"), lines })
}
