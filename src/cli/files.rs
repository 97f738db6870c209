//! Documents out of YAML and JSON files, folders and standard input; [`objects`] makes objects of them.

mod objects;

pub(super) use objects::{NoObjects, Objects, objects, read};

use anyhow::Context;
use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};

/// One document of a file.
pub(super) struct Document {
    /// Its file and number.
    pub(super) place: String,
    pub(super) value: Value,
    /// Whether its file was named, and not only found in a folder.
    pub(super) named: bool,
}

/// The documents of files, folders (with all below them) and standard input (`-`).
pub(super) fn documents(paths: &[PathBuf]) -> anyhow::Result<Vec<Document>> {
    let mut found = vec![];
    for path in paths {
        let named = !path.is_dir();
        for file in if path.as_os_str() == "-" { vec![path.clone()] } else { files(path)? } {
            let text = text(&file)?;
            let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(&text, quiet())
                .with_context(|| format!("{}: not YAML", file.display()))?;
            let placed = documents.into_iter().enumerate().filter(|(_, value)| !value.is_null());
            let place = |index: usize| format!("{}, document {}", file.display(), index + 1);
            found.extend(placed.map(|(index, value)| Document { place: place(index), value, named }));
        }
    }
    Ok(found)
}

/// A parser's message shows the lines around a mistake, and they may hold a password.
pub(super) fn quiet() -> serde_saphyr::Options {
    serde_saphyr::options! { with_snippet: false }
}

fn text(file: &Path) -> anyhow::Result<String> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// A file, or the YAML and JSON files of a folder in the order of their names.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut entries = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    entries.sort();
    let mut found = vec![];
    for entry in entries {
        let kind = entry.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        if entry.is_dir() || matches!(kind.as_deref(), Some("yaml" | "yml" | "json")) {
            found.extend(files(&entry)?);
        }
    }
    Ok(found)
}
