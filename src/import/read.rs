//! What a document is, told by its shape.

use super::{Found, definition, registry_creds};
use crate::problem::Problem;
use crate::resource::normalise::DefinitionKind;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const KNOWN: &str = "the documents that are known are a task definition or job definition as AWS registers it, the answer of \
                     describe-task-definition or describe-job-definitions, and the input and output files of `ecs-cli \
                     registry-creds up`";
/// Fields that only a job definition has (Batch API, RegisterJobDefinition).
const OF_JOBS: [&str; 5] = ["jobDefinitionName", "containerProperties", "ecsProperties", "nodeProperties", "eksProperties"];

/// Sorts one document into what was found.
pub(super) fn read(place: &str, document: Value, found: &mut Found, problems: &mut Vec<Problem>) {
    let Value::Object(mut object) = document else {
        return problems.push(Problem::spec("document", "", "it is not an object", KNOWN));
    };
    let mut add = |kind, content| found.definitions.push(definition::Found { place: place.to_owned(), kind, content });
    match (object.shift_remove("taskDefinition"), object.shift_remove("jobDefinitions")) {
        (Some(Value::Object(mut content)), _) => {
            content.extend(object.shift_remove("tags").map(|tags| ("tags".to_owned(), tags)));
            return add(DefinitionKind::TaskDefinition, content);
        }
        (_, Some(Value::Array(items))) => {
            let (newest, remarks) = newest(items);
            found.definitions.extend(newest.into_iter().map(|(name, content)| definition::Found {
                place: format!("{place}, {name}"),
                kind: DefinitionKind::JobDefinition,
                content,
            }));
            return found.remarks.extend(remarks.into_iter().map(|remark| format!("{place}: {remark}")));
        }
        _ => {}
    }
    let has = |field: &str| object.contains_key(field);
    if let Some(file) = registry_creds::FILES.iter().find(|file| has(file.root)) {
        return found.creds.extend(registry_creds::read(place, file, &object, problems));
    }
    match () {
        () if has("containerDefinitions") => add(DefinitionKind::TaskDefinition, object),
        () if OF_JOBS.iter().any(|field| has(field)) => add(DefinitionKind::JobDefinition, object),
        () if has("apiVersion") && has("kind") => {
            let kind = object["kind"].as_str().unwrap_or_default();
            problems.push(Problem::spec("kind", kind, "this is a Kubernetes object already", KNOWN));
        }
        () => problems.push(Problem::spec("document", "", "its shape is of no known document", KNOWN)),
    }
}

/// A job definition and its name.
type Named = (String, Map<String, Value>);

/// The newest active revision of each name, in the order of the names' first appearance, and what is said of the others.
fn newest(items: Vec<Value>) -> (Vec<Named>, Vec<String>) {
    let revision = |item: &Map<String, Value>| item.get("revision").and_then(Value::as_i64).unwrap_or_default();
    let mut kept: Vec<Named> = vec![];
    let mut passed: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for item in items.into_iter().filter_map(|item| if let Value::Object(item) = item { Some(item) } else { None }) {
        let name = item.get("jobDefinitionName").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut pass = |item: &Map<String, Value>| passed.entry(name.clone()).or_default().push(revision(item));
        if item.get("status").is_some_and(|status| *status != json!("ACTIVE")) {
            pass(&item);
            continue;
        }
        match kept.iter_mut().find(|(other, _)| *other == name) {
            Some((_, other)) if revision(other) < revision(&item) => pass(&std::mem::replace(other, item)),
            Some(_) => pass(&item),
            None => kept.push((name, item)),
        }
    }
    let told = |(name, revisions): (String, Vec<i64>)| {
        let revisions: Vec<String> = revisions.iter().map(i64::to_string).collect();
        let why = "only the newest active revision of a name is imported";
        format!("left out: job definition {name}, revision {}: {why}", revisions.join(", "))
    };
    (kept, passed.into_iter().map(told).collect())
}
