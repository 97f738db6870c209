//! A page, by the parser that mdBook has.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};

/// What the checks look at. Numbers are lines.
pub(super) struct Page {
    /// From the root of the repository.
    pub(super) path: String,
    /// Ids of headings, as mdBook and GitHub make them.
    pub(super) anchors: BTreeSet<String>,
    pub(super) links: Vec<(usize, String)>,
    pub(super) blocks: Vec<Block>,
    /// Code within a line.
    pub(super) code: Vec<(usize, String)>,
}

/// A fenced block of code.
pub(super) struct Block {
    pub(super) line: usize,
    pub(super) language: String,
    pub(super) text: String,
}

/// Where text goes to.
enum Place {
    Elsewhere,
    Heading(String),
    Block,
}

impl Page {
    pub(super) fn read(path: &str, text: &str) -> Self {
        let mut page = Self { path: path.to_owned(), anchors: BTreeSet::new(), links: vec![], blocks: vec![], code: vec![] };
        let (mut place, mut seen) = (Place::Elsewhere, BTreeMap::<String, usize>::new());
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = text[..range.start].matches('\n').count() + 1;
            match event {
                Event::Start(Tag::Heading { .. }) => place = Place::Heading(String::new()),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push((line, dest_url.into_string()))
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    let CodeBlockKind::Fenced(language) = kind else { continue };
                    page.blocks.push(Block { line, language: language.into_string(), text: String::new() });
                    place = Place::Block;
                }
                Event::End(TagEnd::Heading(_)) => {
                    let Place::Heading(title) = std::mem::replace(&mut place, Place::Elsewhere) else { continue };
                    let (id, count) = (anchor(&title), seen.entry(anchor(&title)).or_default());
                    page.anchors.insert(if *count == 0 { id } else { format!("{id}-{count}") });
                    *count += 1;
                }
                Event::End(TagEnd::CodeBlock) => place = Place::Elsewhere,
                Event::Text(more) => page.text(&mut place, &more),
                Event::Code(code) => {
                    page.text(&mut place, &code);
                    page.code.push((line, code.into_string()));
                }
                _ => {}
            }
        }
        page
    }

    fn text(&mut self, place: &mut Place, more: &str) {
        match (place, self.blocks.last_mut()) {
            (Place::Heading(title), _) => title.push_str(more),
            (Place::Block, Some(block)) => block.text.push_str(more),
            _ => {}
        }
    }
}

/// The id of a heading.
pub(super) fn anchor(title: &str) -> String {
    let letter = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || "-_".contains(c) => Some(c),
        _ => None,
    };
    title.trim().to_lowercase().chars().filter_map(letter).collect()
}

#[test]
fn a_page_is_read_as_it_is_shown() {
    let page = Page::read(
        "docs/x.md",
        "# Sharing and `--prune`\n\n## A\n## A\n[a `b`](c.md#d)\n\n```yaml\na: 1\nb: 2\n```\nend `make x`\n",
    );
    assert_eq!(page.anchors, ["sharing-and---prune", "a", "a-1"].map(str::to_owned).into());
    assert_eq!(page.links, [(5, "c.md#d".to_owned())]);
    assert_eq!(
        page.blocks.iter().map(|it| (it.line, it.language.as_str(), it.text.as_str())).collect::<Vec<_>>(),
        [(7, "yaml", "a: 1\nb: 2\n")]
    );
    assert_eq!(
        page.code.iter().map(|(line, code)| (*line, code.as_str())).collect::<Vec<_>>(),
        [(1, "--prune"), (5, "b"), (11, "make x")]
    );
}
