//! What AWS asks of the fields of a definition beyond their types and bounds: sizes, dependencies, parameters, platforms. Many of
//! these AWS tells only when a job or a task is to start. The rules of one container by itself are in `document.rs`.

mod dependencies;
mod parameters;
mod platform;
mod sizes;
mod spelling;

pub(crate) use parameters::value_from;

use super::document::Prepared;
use crate::problem::Problem;
use crate::resource::definition::roles_mut;
use crate::resource::normalise::{DefinitionKind, described_only};
use serde_json::{Map, Value};

/// What starts together, with one size and on one platform: a task definition as a whole, a lone container of a job, or one of
/// `taskProperties`.
pub(super) struct Task {
    /// Its path in the document; empty for a task definition.
    path: String,
    /// Its path in the spec.
    field: String,
    object: Map<String, Value>,
    containers: Vec<Member>,
}

/// A container of a task.
struct Member {
    /// Its path in the spec.
    field: String,
    object: Map<String, Value>,
}

impl Member {
    fn name(&self) -> Option<&str> {
        text(&self.object, "name")
    }
}

/// Checks the definition; `credentials` are the containers that pull with one, by their path in the document; `hosts_are_looked_at` =
/// whether a service is named, whose cluster tells the versions of its agents. Returns what may go wrong later.
pub(super) fn check(
    prepared: &Prepared,
    credentials: &[(String, String)],
    hosts_are_looked_at: bool,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let (kind, document) = (prepared.kind, &prepared.document);
    let root = root(kind);
    let tasks = tasks(kind, document);
    let object = document.as_object().cloned().unwrap_or_default();
    problems.extend(object.iter().filter_map(|(field, value)| answered(kind, field, value)));
    match kind {
        DefinitionKind::TaskDefinition => tasks.iter().for_each(|task| sizes::of_task(task, problems)),
        DefinitionKind::JobDefinition => sizes::of_job(&tasks, names(&object, "platformCapabilities", "FARGATE"), problems),
    }
    for task in &tasks {
        dependencies::check(task, problems);
        for container in &task.containers {
            check_names(kind, container, problems);
            parameters::check(container, problems);
        }
    }
    let mut warnings = platform::check(kind, &tasks, credentials, hosts_are_looked_at, problems);
    warnings.extend(spelling::check(kind, root, document, problems));
    warnings
}

/// A field that only AWS's answers have.
pub(crate) fn answered(kind: DefinitionKind, field: &str, value: &Value) -> Option<Problem> {
    let (describe, register) = match kind {
        DefinitionKind::TaskDefinition => ("DescribeTaskDefinition", "RegisterTaskDefinition"),
        DefinitionKind::JobDefinition => ("DescribeJobDefinitions", "RegisterJobDefinition"),
    };
    described_only(kind, field).then(|| {
        let rule = format!("{describe} answers with this field and {register} does not take it");
        let remedy = "leave it out; wharfinger import makes a workload of such an answer without it";
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Problem::spec(format!("{}.{field}", root(kind)), value, rule, remedy)
    })
}

/// Where a definition of this kind stands in an object.
pub(super) fn root(kind: DefinitionKind) -> &'static str {
    match kind {
        DefinitionKind::TaskDefinition => "spec.ecs",
        DefinitionKind::JobDefinition => "spec.batch",
    }
}

fn tasks(kind: DefinitionKind, document: &Value) -> Vec<Task> {
    let mut found = vec![];
    roles_mut(kind, &mut document.clone(), |path, object| {
        let field = [root(kind), path].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(".");
        let containers = match ["containerDefinitions", "containers"].into_iter().find(|list| object.contains_key(*list)) {
            Some(list) => items(object, list)
                .enumerate()
                .filter_map(|(index, item)| Some((index, item.as_object()?.clone())))
                .map(|(index, object)| Member { field: format!("{field}.{list}[{index}]"), object })
                .collect(),
            None if path.ends_with("containerProperties") || path.ends_with("container") => {
                vec![Member { field: field.clone(), object: object.clone() }]
            }
            None => vec![],
        };
        // A node range has its container under `ecsProperties` or directly; each is a place of its own.
        found.push(Task { path: path.to_owned(), field, object: object.clone(), containers });
    });
    found
}

/// Batch sets variables of its own (AWS: Batch API, `ContainerProperties.environment`). ECS asks for a container's name, and takes
/// none that is empty (AWS: ECS API, `ContainerDefinition.name`).
fn check_names(kind: DefinitionKind, container: &Member, problems: &mut Vec<Problem>) {
    if kind == DefinitionKind::TaskDefinition {
        if container.name().is_none() {
            problems.push(Problem::spec(format!("{}.name", container.field), "", "a container needs a name", "give it one"));
        }
        return;
    }
    for (index, variable) in items(&container.object, "environment").enumerate() {
        let name = variable.get("name").and_then(Value::as_str).unwrap_or_default();
        if name.starts_with("AWS_BATCH") {
            let rule = "names that begin with AWS_BATCH are Batch's own";
            problems.push(Problem::spec(format!("{}.environment[{index}].name", container.field), name, rule, "rename it"));
        }
    }
}

fn text<'a>(object: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    object.get(field).and_then(Value::as_str)
}

fn items<'a>(object: &'a Map<String, Value>, field: &str) -> impl Iterator<Item = &'a Value> {
    object.get(field).and_then(Value::as_array).into_iter().flatten()
}

/// Whether a list of names has this one.
fn names(object: &Map<String, Value>, list: &str, name: &str) -> bool {
    items(object, list).any(|item| item == name)
}
