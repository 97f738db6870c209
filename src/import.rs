//! Definitions that exist, as `PrivateImageWorkload`s: task and job definitions as they are registered and as AWS describes
//! them, and the files of `ecs-cli registry-creds up`.
//!
//! Pure. A definition stays AWS's own JSON, in the user's order; only what does not belong there leaves it. Everything that is
//! left out, changed or needs the user's hand is remarked on. Deliberately absent: passwords. A file that holds some is read for
//! where they are, not for what they are, and the workload names a Kubernetes Secret that the user is told how to make.

mod credentials;
mod definition;
mod read;
mod registry_creds;

use crate::api::GROUP;
use crate::problem::Problem;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What the user wants of the workloads.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Name of the workload, where there is one definition; otherwise it is made of the definition's.
    pub name: Option<String>,
    /// Namespace of the workloads.
    pub namespace: Option<String>,
    /// Whether `family` or `jobDefinitionName` stays in the definition.
    pub keep_family: bool,
}

/// What came of the files.
#[derive(Debug, Default)]
pub struct Imported {
    /// The place of each definition, and its workload.
    pub workloads: Vec<(String, Value)>,
    /// What was left out, changed, or needs the user's hand.
    pub remarks: Vec<String>,
    /// Why no workload can stand for a definition, each reason with the definition's place.
    pub refused: Vec<String>,
}

/// What the documents hold, sorted by what it is.
#[derive(Debug, Default)]
struct Found {
    definitions: Vec<definition::Found>,
    creds: Vec<registry_creds::Creds>,
    remarks: Vec<String>,
}

/// Makes a workload of each definition in the documents, which come with the place that messages name. An error is a list of
/// everything that is wrong with the files.
pub fn import(documents: Vec<(String, Value)>, options: &Options) -> Result<Imported, Vec<String>> {
    let mut found = Found::default();
    let mut wrong = vec![];
    for (place, document) in documents {
        let mut problems = vec![];
        read::read(&place, document, &mut found, &mut problems);
        wrong.extend(problems.iter().map(|problem| format!("{place}: {problem}")));
    }
    let count = found.definitions.len();
    if wrong.is_empty() && count == 0 {
        wrong.append(&mut found.remarks);
        wrong.push("no task definition or job definition is in these files: add one with -f".to_owned());
    }
    if count > 1 && options.name.is_some() {
        wrong.push(format!("--name is for one definition, and there are {count}: leave it out, or import them one by one"));
    }
    if let Some(name) = options.name.as_deref().filter(|name| label(name) != **name) {
        wrong.push(format!("--name: {name:?}: must be a DNS label of at most 63 characters (a-z, 0-9, '-'): choose another"));
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    Ok(workloads(found, options))
}

fn workloads(found: Found, options: &Options) -> Imported {
    let mut imported = Imported { remarks: found.remarks, ..Imported::default() };
    let mut names = BTreeSet::new();
    let mut used = BTreeSet::new();
    for definition in found.definitions {
        let place = definition.place.clone();
        let (mut remarks, mut problems) = (vec![], vec![]);
        match definition::workload(definition, &found.creds, options, &mut used, &mut remarks, &mut problems) {
            Some((name, _)) if !names.insert(name.clone()) => {
                let remedy = "import one of them with --name";
                problems.push(Problem::spec("metadata.name", name, "another definition has this name", remedy));
            }
            Some((name, spec)) => {
                imported.remarks.extend(remarks.iter().map(|remark| format!("{place}: {remark}")));
                imported.workloads.push((place.clone(), object(name, options, spec)));
            }
            None => {}
        }
        imported.refused.extend(problems.iter().map(|problem| format!("{place}: {problem}")));
    }
    for creds in &found.creds {
        for login in &creds.logins {
            for container in login.containers.iter().filter(|container| !used.contains(*container)) {
                let (place, registry) = (&creds.place, &login.registry);
                imported.remarks.push(format!("{place}: left out: {registry}: no definition has a container {container}"));
            }
        }
    }
    imported
}

fn object(name: String, options: &Options, spec: Map<String, Value>) -> Value {
    let mut metadata = json!({ "name": name });
    if let Some(namespace) = &options.namespace {
        metadata["namespace"] = json!(namespace);
    }
    json!({ "apiVersion": format!("{GROUP}/v1alpha1"), "kind": "PrivateImageWorkload", "metadata": metadata, "spec": spec })
}

/// A DNS label of at most 63 characters that is as much like the text as can be; empty if nothing is left of it.
fn label(text: &str) -> String {
    let lowered = text.to_ascii_lowercase();
    let allowed = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let mapped: String = lowered.trim_matches(|c: char| !c.is_ascii_alphanumeric()).chars().take(63).map(allowed).collect();
    mapped.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests;
