//! The documentation: what is generated is what the code says now, links lead somewhere, examples are such that they work, and the
//! site is whole. Each check is shown to find a bad sample.

mod alerts;
mod commands;
mod generated;
mod kinds;
mod links;
mod markdown;
mod shell;
mod site;
mod yaml;

use crate::tidy::{File, files};
use markdown::Page;

/// Every page that is or would be in Git: those of the site, and those that stand where they are needed.
fn pages() -> Vec<Page> {
    let pages: Vec<Page> = files().iter().filter(|(path, _)| path.ends_with(".md")).map(page).collect();
    assert!(pages.len() > 20, "{} pages", pages.len());
    pages
}

fn page((path, text): &File) -> Page {
    Page::read(path, text)
}

/// All that is wrong, or nothing.
fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "{} mistakes:\n{}", found.len(), found.join("\n"));
}
