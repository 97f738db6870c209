//! CPU and memory: who has to say them, and which of them Fargate has.

use super::{Member, Task, items, names, text};
use crate::api::{fargate_memory, is_fargate_size};
use crate::problem::Problem;
use crate::resource::normalise::{cpu_number, memory_number};
use serde_json::Value;

/// The size of a task definition (AWS: ECS API, RegisterTaskDefinition `cpu`, `memory`, `networkMode`;
/// `ContainerDefinition.memoryReservation`).
pub(super) fn of_task(task: &Task, problems: &mut Vec<Problem>) {
    let fargate = names(&task.object, "requiresCompatibilities", "FARGATE");
    let cpu = number(task, "cpu", "CPU units or vCPUs", cpu_number, problems);
    let memory = number(task, "memory", "MiB or GB", memory_number, problems);
    if !fargate {
        let given = |object: &serde_json::Map<String, Value>, field| {
            object.get(field).is_some_and(|size| size.as_i64() != Some(0) && !size.is_null())
        };
        let bare = |container: &&Member| !["memory", "memoryReservation"].iter().any(|field| given(&container.object, *field));
        for container in task.containers.iter().filter(bare).filter(|_| !given(&task.object, "memory")) {
            let rule = "outside Fargate every container needs `memory` or `memoryReservation`, or the task `memory`";
            problems.push(Problem::spec(format!("{}.memory", container.field), "", rule, "give one of them, in MiB"));
        }
        return;
    }
    for (field, remedy) in [("cpu", "give it, such as cpu: \"256\""), ("memory", "give it, such as memory: \"512\"")] {
        if !task.object.contains_key(field) {
            problems.push(Problem::spec(
                format!("{}.{field}", task.field),
                "",
                format!("Fargate needs the task's {field}"),
                remedy,
            ));
        }
    }
    let mode = text(&task.object, "networkMode");
    if mode != Some("awsvpc") {
        let rule = "Fargate takes no network mode but awsvpc";
        let value = mode.unwrap_or_default();
        problems.push(Problem::spec(format!("{}.networkMode", task.field), value, rule, "set networkMode: awsvpc"));
    }
    if let (Some(cpu), Some(memory)) = (cpu, memory) {
        check_pair(task, "memory", cpu, memory, problems);
    }
}

fn number(task: &Task, field: &str, unit: &str, read: fn(&str) -> Option<u64>, problems: &mut Vec<Problem>) -> Option<u64> {
    let written = text(&task.object, field)?;
    let number = read(written);
    if number.is_none() {
        let rule = format!("this is not a number of {unit}");
        problems.push(Problem::spec(format!("{}.{field}", task.field), written, rule, "write it as AWS does, such as \"1024\""));
    }
    number
}

/// The table of Fargate's sizes is in `api/fargate.rs`.
fn check_pair(task: &Task, field: &str, cpu: u64, memory: u64, problems: &mut Vec<Problem>) {
    if is_fargate_size(cpu, memory) {
        return;
    }
    let (field, value) = (format!("{}.{field}", task.field), format!("{cpu} CPU units with {memory} MiB"));
    let remedy = match fargate_memory(cpu) {
        Some(memory) => format!("with {cpu} CPU units ask for {memory} MiB"),
        None => "ask for 256, 512, 1024, 2048, 4096, 8192, 16384 or 32768 CPU units".to_owned(),
    };
    problems.push(Problem::spec(field, value, "Fargate has no tasks of this size", remedy));
}

/// The two sizes that a container of a job has: the type in `resourceRequirements`, the older field, and an example.
const SIZES: [(&str, &str, &str, &str); 2] = [("VCPU", "vcpus", "vCPUs", "1"), ("MEMORY", "memory", "memory", "2048")];

/// The sizes of a job's containers (AWS: Batch API, `ContainerProperties.vcpus` and `memory`, `ResourceRequirement.value`).
pub(super) fn of_job(tasks: &[Task], fargate: bool, problems: &mut Vec<Problem>) {
    for (kind, older, what, example) in SIZES {
        let given = |container: &Member| container.object.contains_key(older) || requirement(container, kind).is_some();
        // Ranges of nodes overlap, and what one says holds for the nodes of the other.
        let shared = tasks.iter().any(|task| is_of_nodes(task) && task.containers.iter().any(given));
        for task in tasks {
            for container in &task.containers {
                check_once(container, kind, older, fargate, problems);
                let elsewhere = shared && is_of_nodes(task);
                if !elsewhere && !given(container) {
                    let rule = format!("a container of a job needs {what}");
                    let remedy = format!("add {{type: {kind}, value: \"{example}\"}}");
                    problems.push(Problem::spec(format!("{}.resourceRequirements", container.field), "", rule, remedy));
                }
            }
        }
    }
    for task in tasks.iter().filter(|_| fargate) {
        // How Batch sizes a task of several containers is not documented.
        let [container] = task.containers.as_slice() else { continue };
        let cpu = requirement(container, "VCPU").and_then(|value| cpu_number(&format!("{value} vCPU")));
        let memory = requirement(container, "MEMORY").and_then(memory_number);
        if let (Some(cpu), Some(memory)) = (cpu, memory) {
            let at = container.field.strip_prefix(&task.field).unwrap_or_default().trim_start_matches('.');
            let dot = if at.is_empty() { "" } else { "." };
            check_pair(task, &format!("{at}{dot}resourceRequirements"), cpu, memory, problems);
        }
    }
}

fn is_of_nodes(task: &Task) -> bool {
    task.path.starts_with("nodeProperties")
}

fn check_once(container: &Member, kind: &str, older: &str, fargate: bool, problems: &mut Vec<Problem>) {
    let Some(value) = container.object.get(older) else { return };
    let rule = match requirement(container, kind) {
        Some(_) => format!("resourceRequirements say {kind} as well"),
        None if fargate => format!("jobs on Fargate take no `{older}`"),
        None => return,
    };
    let remedy = format!("say it once, as {{type: {kind}}} of resourceRequirements");
    problems.push(Problem::spec(format!("{}.{older}", container.field), value, rule, remedy));
}

fn requirement<'a>(container: &'a Member, kind: &str) -> Option<&'a str> {
    let of_kind = |item: &&Value| item.get("type").and_then(Value::as_str) == Some(kind);
    items(&container.object, "resourceRequirements").find(of_kind).and_then(|item| item.get("value")?.as_str())
}
