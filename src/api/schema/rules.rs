//! CEL rules on the fields of a definition, for what the schema of AWS's own fields cannot say. The core has the same rules, and
//! more: see `desired/rules.rs`. Here are those that the API server can afford.

use super::super::fargate::FARGATE_SIZES;
use kube::core::{Message, Rule};

/// Where a rule stands, as a path of fields in which `[]` is each item of a list, and the rule.
pub(super) type Placed = (&'static str, Rule);

/// Of RegisterTaskDefinition.
pub(super) fn ecs() -> Vec<Placed> {
    let fargate = "has(self.requiresCompatibilities) && 'FARGATE' in self.requiresCompatibilities";
    let whole = |field: &str| format!("self.{field}.matches('^[0-9]{{1,9}}$')");
    let (cpu, memory) = (whole("cpu"), whole("memory"));
    let rows: Vec<String> =
        FARGATE_SIZES.iter().map(|(cpu, least, most, step)| format!("[{cpu}, {least}, {most}, {step}]")).collect();
    let sizes = rows.join(", ");
    vec![
        (
            "",
            rule(
                format!("!({fargate}) || (has(self.cpu) && has(self.memory))"),
                "Fargate needs the task's `cpu` and `memory`: give both, such as cpu: \"256\" and memory: \"512\"",
            ),
        ),
        (
            "",
            rule(
                format!("!({fargate}) || (has(self.networkMode) && self.networkMode == 'awsvpc')"),
                "Fargate takes no network mode but awsvpc: set networkMode: awsvpc",
            ),
        ),
        (
            "",
            telling(
                format!(
                    "!({fargate}) || !has(self.cpu) || !has(self.memory) || !{cpu} || !{memory} || [{sizes}].exists(r, int(self.cpu) == r[0] && int(self.memory) >= r[1] && int(self.memory) <= r[2] && (int(self.memory) - r[1]) % r[3] == 0)"
                ),
                "'Fargate has no tasks of cpu ' + self.cpu + ' with memory ' + self.memory + ': take a pair of AWS\\'s table of task sizes'",
            ),
        ),
        (
            "",
            rule(
                format!(
                    "({fargate}) || has(self.memory) || !has(self.containerDefinitions) || self.containerDefinitions.all(c, has(c.memory) || has(c.memoryReservation))"
                ),
                "outside Fargate every container needs `memory` or `memoryReservation`, or the task `memory`: give one of them",
            ),
        ),
        ("", known_dependencies("containerDefinitions")),
        ("containerDefinitions[]", rule("has(self.name)".into(), "a container needs a name: give it one")),
        ("containerDefinitions[]", no_self_dependency()),
    ]
}

/// Of RegisterJobDefinition.
pub(super) fn batch() -> Vec<Placed> {
    let lone = "containerProperties";
    let task = "ecsProperties.taskProperties[]";
    let fargate = "has(self.platformCapabilities) && 'FARGATE' in self.platformCapabilities";
    vec![
        (
            "",
            rule(
                format!("!({fargate}) || !has(self.{lone}) || !(has(self.{lone}.vcpus) || has(self.{lone}.memory))"),
                "jobs on Fargate take no `vcpus` and no `memory`: write both as resourceRequirements",
            ),
        ),
        (lone, once("vcpus", "VCPU")),
        (lone, once("memory", "MEMORY")),
        (lone, rule(format!("has(self.vcpus) || {}", listed("VCPU")), NEEDS_VCPU)),
        (lone, rule(format!("has(self.memory) || {}", listed("MEMORY")), NEEDS_MEMORY)),
        ("ecsProperties.taskProperties[].containers[]", rule(listed("VCPU"), NEEDS_VCPU)),
        ("ecsProperties.taskProperties[].containers[]", rule(listed("MEMORY"), NEEDS_MEMORY)),
        (task, known_dependencies("containers")),
        ("ecsProperties.taskProperties[].containers[]", no_self_dependency()),
    ]
}

const NEEDS_VCPU: &str = "a container of a job needs vCPUs: add {type: VCPU, value: \"1\"} to its resourceRequirements";
const NEEDS_MEMORY: &str = "a container of a job needs memory: add {type: MEMORY, value: \"2048\"} to its resourceRequirements";

fn rule(rule: String, message: &str) -> Rule {
    Rule { rule, message: Some(message.into()), ..Rule::default() }
}

/// A rule whose message is an expression, so that it can show the value.
fn telling(rule: String, message: &str) -> Rule {
    Rule { rule, message: Some(Message::Expression(message.to_owned())), ..Rule::default() }
}

/// Whether `resourceRequirements` has an item of this type.
fn listed(kind: &str) -> String {
    format!("(has(self.resourceRequirements) && self.resourceRequirements.exists(r, has(r.type) && r.type == '{kind}'))")
}

fn once(field: &str, kind: &str) -> Rule {
    let message =
        format!("`{field}` and the {kind} of resourceRequirements say the same thing: keep the one in resourceRequirements");
    rule(format!("!has(self.{field}) || !{}", listed(kind)), &message)
}

fn known_dependencies(containers: &str) -> Rule {
    rule(
        format!(
            "!has(self.{containers}) || self.{containers}.all(c, !has(c.dependsOn) || c.dependsOn.all(d, !has(d.containerName) || self.{containers}.exists(o, has(o.name) && o.name == d.containerName)))"
        ),
        "dependsOn names a container that is not there: name one of this task's containers",
    )
}

fn no_self_dependency() -> Rule {
    telling(
        "!has(self.name) || !has(self.dependsOn) || self.dependsOn.all(d, !has(d.containerName) || d.containerName != self.name)"
            .into(),
        "'container ' + self.name + ' depends on itself: take that out of its dependsOn'",
    )
}
