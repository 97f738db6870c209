//! The site, built by mdBook: every page has its place in it, and no link of it leads nowhere.

use super::{Page, assert_none, page, pages};
use crate::tools::tool;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const SUMMARY: &str = "docs/SUMMARY.md";

/// Every page under docs/ stands in the table of contents just once.
fn check_places(pages: &[Page]) -> Vec<String> {
    let summary = pages.iter().find(|page| page.path == SUMMARY).expect(SUMMARY);
    let listed: Vec<String> = summary.links.iter().map(|(_, link)| format!("docs/{link}")).collect();
    let of_site = pages.iter().filter(|page| page.path.starts_with("docs/") && page.path != SUMMARY);
    let count = |page: &Page| listed.iter().filter(|path| **path == page.path).count();
    of_site
        .filter(|page| count(page) != 1)
        .map(|page| format!("{SUMMARY}: {} stands there {} times", page.path, count(page)))
        .collect()
}

/// Builds it into a folder; what went wrong.
fn build(folder: &Path) -> Result<(), String> {
    let (code, out, errors) = tool("mdbook", &["build", "--dest-dir", folder.to_str().unwrap()]);
    // A preprocessor or a page that it complains of without failing is a mistake as well.
    let clean = code == 0 && !format!("{out}{errors}").contains("WARN");
    if clean { Ok(()) } else { Err(format!("exit code {code}: {out}{errors}")) }
}

/// The HTML files below a folder, by their path in it.
fn html(folder: &Path, root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(html(&path, root));
        } else if path.extension().is_some_and(|extension| extension == "html") {
            found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap());
        }
    }
    found
}

/// The values of an attribute.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let starts = format!(" {name}=\"");
    html.split(&starts).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)).collect()
}

/// Links of the pages that lead nowhere. `there` says whether a file that is no page exists.
fn check_html(site: &BTreeMap<String, String>, there: impl Fn(&str) -> bool) -> Vec<String> {
    let ids: BTreeMap<&str, BTreeSet<&str>> =
        site.iter().map(|(path, html)| (path.as_str(), attributes(html, "id").into_iter().collect())).collect();
    let mut found = vec![];
    for (path, html) in site.iter().filter(|(path, _)| !["404.html", "toc.html"].contains(&path.as_str())) {
        for link in attributes(html, "href").into_iter().chain(attributes(html, "src")) {
            if ["https:", "mailto:", "data:"].iter().any(|scheme| link.starts_with(scheme)) {
                continue;
            }
            let (file, id) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { Some(path.clone()) } else { super::links::resolved(path, file) };
            let target = target.map(|target| if target.is_empty() { "index.html".to_owned() } else { target });
            let fine = target.is_some_and(|target| match ids.get(target.as_str()) {
                Some(ids) => id.is_empty() || ids.contains(id),
                None => there(&target),
            });
            if !fine {
                found.push(format!("{path}: {link} leads nowhere"));
            }
        }
    }
    found
}

#[test]
fn the_site_is_whole() {
    let pages = pages();
    assert_none(&check_places(&pages));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("site-{}", std::process::id()));
    build(&folder).unwrap_or_else(|told| panic!("mdbook: {told}"));
    let site = html(&folder, &folder);
    let missing = pages.iter().filter(|page| page.path.starts_with("docs/") && page.path != SUMMARY).filter(|page| {
        let name = page.path.trim_start_matches("docs/").replace("README.md", "index.md").replace(".md", ".html");
        !site.contains_key(&name)
    });
    assert_eq!(missing.map(|page| &page.path).collect::<Vec<_>>(), [] as [&String; 0]);
    assert_none(&check_html(&site, |path| folder.join(path).is_file()));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_page_without_a_place_and_a_link_to_nowhere_are_found() {
    let read = |path: &str, text: &str| page(&(path.to_owned(), text.to_owned()));
    let pages =
        [read(SUMMARY, "[a](a.md) [a](a.md) [b](b.md)"), read("docs/a.md", ""), read("docs/b.md", ""), read("docs/c.md", "")];
    assert_eq!(check_places(&pages).len(), 2, "one twice, one not at all");
    let rows = [
        (r#"<a href="b.html#there">"#, 0),
        (r#"<a href="https://example.com"><img src="x.png">"#, 0),
        (r#"<a href="b.html#gone">"#, 1),
        (r#"<a href="../b.html"><a href="c.html">"#, 2),
    ];
    for (html, expected) in rows {
        let site = [("a.html", html), ("b.html", r#"<h1 id="there">"#)].map(|(path, html)| (path.to_owned(), html.to_owned()));
        let found = check_html(&site.into(), |path| path == "x.png");
        assert_eq!(found.len(), expected, "{html}: {found:?}");
    }
}
