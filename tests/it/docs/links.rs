//! Links lead to files that there are, and to headings that these have. Of the outside only the spelling is looked at.

use super::{Page, assert_none, page, pages};
use crate::tidy::files;
use std::collections::BTreeSet;

/// A link's path, seen from the root of the repository; none if it leads out of that.
pub(super) fn resolved(from: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/').filter(|part| !["", "."].contains(part)) {
        match part {
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// What is wrong with a link. `paths` are all files.
fn mistake(pages: &[Page], paths: &BTreeSet<String>, from: &Page, link: &str) -> Option<String> {
    if let Some((scheme, _)) = link.split_once(':') {
        let fine =
            scheme == "https" && url::Url::parse(link).is_ok_and(|url| url.host_str().is_some_and(|host| host.contains('.')));
        return (!fine).then(|| "is no address that starts with https:// and has a host".to_owned());
    }
    let (path, id) = link.split_once('#').map_or((link, None), |(path, id)| (path, Some(id)));
    let Some(target) = (if path.is_empty() { Some(from.path.clone()) } else { resolved(&from.path, path) }) else {
        return Some("leads out of the repository".to_owned());
    };
    let folder = format!("{target}/");
    if path.starts_with('/') || !(paths.contains(&target) || paths.iter().any(|path| path.starts_with(&folder))) {
        return Some(format!("there is no {target}"));
    }
    let id = id?;
    match pages.iter().find(|page| page.path == target) {
        Some(page) if page.anchors.contains(id) => None,
        Some(page) => Some(format!("{target} has no heading #{id}; it has {:?}", page.anchors)),
        None => Some(format!("{target} is no page that has headings")),
    }
}

/// Whether code within a line names a file or folder of ours: `X` stands for something in it.
fn is_path(code: &str) -> bool {
    let plain = code.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c)) && !code.contains(['X', '*']);
    let folders = ["bootstrap/", "charts/", "crds/", "docs/", "examples/", "hack/", "src/", "tests/"];
    plain && folders.iter().any(|folder| code.starts_with(folder) && code != *folder)
}

/// Files that code within a line names, and that there are not.
fn check_paths(pages: &[Page], paths: &BTreeSet<String>) -> Vec<String> {
    let there = |code: &str| {
        let folder = format!("{}/", code.trim_end_matches('/'));
        paths.contains(code) || paths.iter().any(|path| path.starts_with(&folder))
    };
    // What was, a changelog may tell.
    let pages = pages.iter().filter(|page| page.path != "CHANGELOG.md");
    let named = pages.flat_map(|page| page.code.iter().map(move |(line, code)| (page, line, code)));
    let missing = named.filter(|(_, _, code)| is_path(code) && !there(code));
    missing.map(|(page, line, code)| format!("{}:{line}: there is no {code}", page.path)).collect()
}

fn check(pages: &[Page], paths: &BTreeSet<String>) -> Vec<String> {
    let links = pages.iter().flat_map(|page| page.links.iter().map(move |(line, link)| (page, line, link)));
    links
        .filter_map(|(page, line, link)| Some(format!("{}:{line}: {link}: {}", page.path, mistake(pages, paths, page, link)?)))
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    assert!(pages.iter().map(|page| page.links.len()).sum::<usize>() > 200);
    let paths = files().into_iter().map(|(path, _)| path).collect();
    assert_none(&[check(&pages, &paths), check_paths(&pages, &paths)].concat());
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let other = ("docs/b/other.md".to_owned(), "# Title\n".to_owned());
    let paths = ["docs/a.md", "docs/b/other.md", "src/lib.rs"].map(str::to_owned).into();
    let rows = [
        ("b/other.md#title", None),
        ("../src/", None),
        ("../src/lib.rs", None),
        ("#here", None),
        ("https://example.com/x?y#z", None),
        ("b/other.md#titel", Some("no heading #titel")),
        ("other.md", Some("no docs/other.md")),
        ("../../x", Some("out of the repository")),
        ("/docs/a.md", Some("no docs/docs/a.md")),
        ("../src/lib.rs#L3", Some("no page")),
        ("#there", Some("no heading #there")),
        ("http://example.com", Some("https://")),
        ("https://localhost", Some("has a host")),
    ];
    for (link, expected) in rows {
        let from = page(&("docs/a.md".to_owned(), format!("# Here\n[x]({link})\n")));
        let found = check(&[from, page(&other)], &paths);
        assert_eq!(found.is_empty(), expected.is_none(), "{link}: {found:?}");
        assert!(found.concat().contains(expected.unwrap_or_default()), "{link}: {found:?}");
    }
    let page = page(&("a.md".to_owned(), "`src/lib.rs` `src/gone.rs` `src/X.rs` `tests/it` `src/a b`".to_owned()));
    assert_eq!(check_paths(&[page], &paths), ["a.md:1: there is no src/gone.rs", "a.md:1: there is no tests/it"]);
}
