//! The Helm chart, by real Helm of both major versions: what it renders and refuses, and, on an API server of their own, what it
//! installs and which permissions the controller has of it.

mod alone;
mod refusals;
mod render;
mod security;

use crate::kept::root;
use crate::tools::{Answer, tool};
use serde_json::Value;
use std::path::Path;

/// Both Helms, by the names under which the parts have them.
const HELMS: [&str; 2] = ["helm", "helm3"];

const CHART: &str = "charts/wharfinger";

/// The files of values that the chart is rendered with, each with its name.
fn matrix() -> Vec<(String, String)> {
    let folder = root().join("tests/it/chart/values");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<(String, String)> = paths.map(|path| (stem(&path), path.to_str().unwrap().to_owned())).collect();
    all.sort();
    assert!(all.len() > 5, "{all:?}");
    all
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// `helm template`, as release `wh` in namespace `wharfinger-system`.
fn template(helm: &str, arguments: &[&str]) -> Answer {
    tool(helm, &[&["template", "wh", CHART, "--namespace", "wharfinger-system"], arguments].concat())
}

/// The text that is rendered of a file of values.
fn rendered(helm: &str, values: &str) -> String {
    let (code, out, errors) = template(helm, &["--values", values]);
    assert_eq!(code, 0, "{helm}: {values}: {errors}");
    out
}

/// The objects of a rendered text.
fn objects(text: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    all.into_iter().filter(|object| !object.is_null()).collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}
