//! Files of the repository that are made from what the code says: compared, or written anew with `UPDATE_GOLDEN`.

use std::path::{Path, PathBuf};

/// The repository's own folder.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file that has just been made anew. `refresh` says how to write it.
pub(crate) fn must_be(path: &Path, wanted: &str, refresh: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == wanted, "{}: {}; {refresh}", path.display(), first_difference(&found, wanted));
}

/// Where two texts part.
pub(crate) fn first_difference(before: &str, after: &str) -> String {
    let (mut old, mut new) = (before.lines(), after.lines());
    for number in 1.. {
        match (old.next(), new.next()) {
            (None, None) => break,
            (left, right) if left == right => {}
            (left, right) => {
                return format!("line {number}: {:?} is now {:?}", left.unwrap_or("(end)"), right.unwrap_or("(end)"));
            }
        }
    }
    "the end of the last line".into()
}

#[test]
fn a_difference_is_told() {
    assert_eq!(first_difference("a\nb\n", "a\nc\n"), r#"line 2: "b" is now "c""#);
    assert_eq!(first_difference("", "a\n"), r#"line 1: "(end)" is now "a""#);
}
