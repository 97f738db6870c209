//! `explain`: what a reason means, what brings it about and what to do.

use super::arguments::{ExplainArguments, ExplainFormat};
use super::text::{self, BOLD};
use super::{OK, print};
use crate::nearest::meant;
use crate::status::{Explanation, Reason, reasons_page};
use anyhow::bail;

/// Prints one reason, or all of them.
pub(super) fn run(what: &ExplainArguments) -> anyhow::Result<u8> {
    let named = what.reason.as_deref().map(known).transpose()?.map(Reason::explanation);
    match (what.output, named) {
        (ExplainFormat::Text, Some(one)) => print(&told(&one))?,
        (ExplainFormat::Text, None) => print(&listed())?,
        (ExplainFormat::Json, Some(one)) => print(&format!("{}\n", serde_json::to_string_pretty(&one)?))?,
        (ExplainFormat::Json, None) => {
            print(&format!("{}\n", serde_json::to_string_pretty(&Reason::ALL.map(Reason::explanation))?))?;
        }
        (ExplainFormat::Markdown, None) => print(&reasons_page())?,
        (ExplainFormat::Markdown, Some(_)) => bail!("-o markdown is the page of all reasons; leave the reason out"),
    }
    Ok(OK)
}

fn known(word: &str) -> anyhow::Result<Reason> {
    if let Some(reason) = Reason::named(word) {
        return Ok(reason);
    }
    let words = Reason::ALL.map(|reason| reason.to_string());
    match meant(word, &words.each_ref().map(String::as_str)) {
        Some(meant) => bail!("{word:?} is no reason; {meant} is one: is that meant? `wharfinger explain` lists all"),
        None => bail!("{word:?} is no reason; `wharfinger explain` lists all"),
    }
}

fn told(it: &Explanation) -> String {
    let see: Vec<String> = it.see.iter().map(|page| format!("docs/{page}")).collect();
    let parts = [("Cause", it.cause), ("Who acts", it.who_acts.word()), ("Remedy", it.remedy), ("More", &see.join(", "))];
    let parts = parts.iter().filter(|(_, text)| !text.is_empty());
    let parts: Vec<String> = parts.map(|(name, text)| text::entry(&format!("{name}: "), text, 2)).collect();
    format!("{BOLD}{}{BOLD:#}\n{}\n{}", it.reason, text::wrapped(it.meaning, 2), parts.concat())
}

fn listed() -> String {
    let widest = Reason::ALL.iter().map(|reason| reason.to_string().len()).max().unwrap_or_default();
    let lines = Reason::ALL.map(|reason| {
        let name = format!("{BOLD}{reason}{BOLD:#}{}", " ".repeat(widest + 2 - reason.to_string().len()));
        text::entry(&name, reason.explanation().meaning, 0)
    });
    lines.concat()
}
