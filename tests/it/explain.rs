//! `wharfinger explain`: one table for the program and for `docs/reasons.md`.

use crate::program;
use serde_json::Value;
use std::path::{Path, PathBuf};
use wharfinger::status::{Reason, reasons_page};

fn explain(arguments: &[&str]) -> (i32, String, String) {
    program::run(Path::new("."), &[&["explain"], arguments].concat())
}

#[test]
fn the_page_is_what_the_table_says() {
    let page = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/reasons.md")).unwrap();
    assert!(page == reasons_page(), "docs/reasons.md is not what src/status/explanation.rs says: run `make reasons`");
    assert_eq!(explain(&["-o", "markdown"]), (0, page, String::new()), "what `make reasons` writes");
}

/// A page that an explanation leads to is there, and has the heading.
#[test]
fn what_is_referred_to_exists() {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs");
    for reason in Reason::ALL {
        for see in reason.explanation().see {
            let (page, anchor) = see.split_once('#').unwrap_or((see, ""));
            let text = std::fs::read_to_string(docs.join(page)).unwrap_or_else(|error| panic!("{reason}: {see}: {error}"));
            let headings = text.lines().filter(|line| line.starts_with('#'));
            let mut anchors = headings.map(|line| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-"));
            assert!(anchor.is_empty() || anchors.any(|it| it == anchor), "{reason}: {see}: no such heading");
        }
    }
}

#[test]
fn each_reason_is_told_in_any_letters_and_as_json() {
    for reason in Reason::ALL {
        let it = reason.explanation();
        let (code, told, _) = explain(&[&reason.to_string().to_lowercase()]);
        let flat = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(code == 0 && told.starts_with(&format!("{reason}\n")), "{told}");
        for text in [it.meaning, it.cause, it.remedy] {
            assert!(flat.contains(text), "{reason}: {text}: {told}");
        }
        let (_, json, _) = explain(&[&reason.to_string(), "-o", "json"]);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["reason"], &json["remedy"]), (&reason.to_string().into(), &it.remedy.into()));
        assert_eq!(json["whoActs"], it.who_acts.word());
    }
}

#[test]
fn all_are_listed() {
    let (_, told, _) = explain(&[]);
    let names: Vec<&str> =
        told.lines().filter(|line| !line.starts_with(' ')).map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, Reason::ALL.map(|reason| reason.to_string()));
    let (_, json, _) = explain(&["-o", "json"]);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&json).unwrap().len(), Reason::ALL.len());
}

#[test]
fn an_unknown_one_is_met_with_the_nearest() {
    let rows = [
        (vec!["AccesDenied"], "\"AccesDenied\" is no reason; AccessDenied is one: is that meant? `wharfinger explain` lists all"),
        (vec!["denied"], "AccessDenied is one"),
        (vec!["invalid-spec"], "InvalidSpec is one"),
        (vec!["Sideways"], "\"Sideways\" is no reason; `wharfinger explain` lists all"),
        (vec!["Succeeded", "-o", "markdown"], "leave the reason out"),
    ];
    for (arguments, expected) in rows {
        let (code, out, error) = explain(&arguments);
        assert!(code == 1 && out.is_empty() && error.contains(expected), "{arguments:?}: {error}");
    }
}
