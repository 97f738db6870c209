//! `dependsOn`: which container waits for which. The names must exist, and nobody may wait for himself, by whatever way round (AWS:
//! ECS API, `ContainerDependency`; Batch API, `TaskContainerDependency`).

use super::{Task, items};
use crate::problem::Problem;
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) fn check(task: &Task, problems: &mut Vec<Problem>) {
    let names: Vec<&str> = task.containers.iter().filter_map(|container| container.name()).collect();
    let mut waits: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for container in &task.containers {
        for (index, dependency) in items(&container.object, "dependsOn").enumerate() {
            let wanted = dependency.get("containerName").and_then(Value::as_str).unwrap_or_default();
            let field = format!("{}.dependsOn[{index}].containerName", container.field);
            if container.name() == Some(wanted) {
                problems.push(Problem::spec(field, wanted, "a container cannot depend on itself", "take this out"));
            } else if !names.contains(&wanted) {
                let remedy = format!("name one of {}", names.join(", "));
                problems.push(Problem::spec(field, wanted, "dependsOn names a container that is not there", remedy));
            } else if let Some(name) = container.name() {
                waits.entry(name).or_default().push(wanted);
            }
        }
    }
    while let Some(circle) = take_circle(&mut waits) {
        let first = task.containers.iter().find(|container| container.name() == circle.first().copied());
        let field = first.map_or(task.field.as_str(), |container| container.field.as_str());
        let value = circle.iter().chain(circle.first()).copied().collect::<Vec<_>>().join(" -> ");
        let rule = "containers that wait for each other never start";
        problems.push(Problem::spec(format!("{field}.dependsOn"), value, rule, "take one of these dependencies out"));
    }
}

/// Takes one circle out of the graph. What waits for nothing that is left is in none.
fn take_circle<'a>(waits: &mut BTreeMap<&'a str, Vec<&'a str>>) -> Option<Vec<&'a str>> {
    loop {
        let left: Vec<&str> = waits.keys().copied().collect();
        waits.retain(|_, wanted| wanted.iter().any(|name| left.contains(name)));
        if waits.len() == left.len() {
            break;
        }
    }
    let mut path: Vec<&str> = vec![waits.keys().next()?];
    let start = loop {
        let wanted = waits.get(path.last()?)?;
        let next = wanted.iter().copied().find(|name| waits.contains_key(name))?;
        match path.iter().position(|name| *name == next) {
            Some(start) => break start,
            None => path.push(next),
        }
    };
    let circle = path.split_off(start);
    waits.retain(|name, _| !circle.contains(name));
    Some(circle)
}
