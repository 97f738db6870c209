//! What AWS asks of a definition's fields beyond their types: each broken rule is named with its field, value and remedy, what is
//! right passes, and what may go wrong later is a warning.

use super::fixtures::{as_written, desired, problems, told};
use wharfinger::inputs::Inputs;

/// The definition, and the field, a part of the value, of the rule and of the remedy; without a field it is taken.
type Row = (&'static str, Inputs, &'static str, &'static str, &'static str, &'static str);

const HEAD: &str = "image: registry.example.com/x:1\ncredentials: [{secretRef: {name: regcred}}]";

fn ecs(definition: &str) -> Inputs {
    as_written(&format!("{HEAD}\necs: {{{definition}}}"))
}

fn fargate(fields: &str) -> Inputs {
    ecs(&format!("requiresCompatibilities: [FARGATE], {fields}, containerDefinitions: [{{name: a}}]"))
}

/// A container `a` with one field more.
fn container(field: &str) -> Inputs {
    ecs(&format!("memory: '512', containerDefinitions: [{{name: a, {field}}}]"))
}

/// Containers by name, each with the names that it waits for.
fn waiting(containers: &[(&str, &[&str])]) -> String {
    let one = |(name, wanted): &(&str, &[&str])| {
        let wanted: Vec<String> = wanted.iter().map(|name| format!("{{containerName: {name}, condition: START}}")).collect();
        format!("{{name: {name}, {SIZE}, dependsOn: [{}]}}", wanted.join(", "))
    };
    containers.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn ecs_waiting(containers: &[(&str, &[&str])]) -> Inputs {
    ecs(&format!("memory: '512', containerDefinitions: [{}]", waiting(containers).replace(&format!("{SIZE}, "), "")))
}

const SIZE: &str = "resourceRequirements: [{type: VCPU, value: '1'}, {type: MEMORY, value: '2048'}]";

fn batch(definition: &str) -> Inputs {
    as_written(&format!("{HEAD}\nbatch: {{{definition}}}"))
}

fn job(fields: &str) -> Inputs {
    batch(&format!("containerProperties: {{{fields}}}"))
}

fn fargate_job(cpu: &str, memory: &str) -> Inputs {
    let sizes = format!("[{{type: VCPU, value: '{cpu}'}}, {{type: MEMORY, value: '{memory}'}}]");
    batch(&format!("platformCapabilities: [FARGATE], containerProperties: {{resourceRequirements: {sizes}}}"))
}

fn nodes(first: &str, second: &str) -> Inputs {
    batch(&format!(
        "nodeProperties: {{numNodes: 2, mainNode: 0, nodeRangeProperties: [{{targetNodes: '0:', container: {{{first}}}}}, {{targetNodes: '1', container: {{{second}}}}}]}}"
    ))
}

#[rustfmt::skip] // a table: one row a line
fn sizes() -> Vec<Row> {
    let pair = |cpu: &str, memory: &str| fargate(&format!("networkMode: awsvpc, cpu: '{cpu}', memory: '{memory}'"));
    let at = "spec.ecs.containerDefinitions[0].memory";
    let (job_at, older) = ("spec.batch.containerProperties.resourceRequirements", "spec.batch.containerProperties.vcpus");
    vec![
        ("numbers", pair("256", "512"), "", "", "", ""),
        ("words", pair(".25 vCPU", "0.5 GB"), "", "", "", ""),
        ("mixed", pair("1 vcpu", "8192"), "", "", "", ""),
        ("the largest", pair("32 vCPU", "244 GB"), "", "", "", ""),
        ("a pair that is none", pair("256", "4096"), "spec.ecs.memory", "256 CPU units with 4096 MiB", "no tasks of this size", "512 to 1024 by 512 or 2048 MiB"),
        ("the same in words", pair("0.25 vCPU", "4GB"), "spec.ecs.memory", "256 CPU units with 4096 MiB", "no tasks of this size", "512 to 1024"),
        ("off the steps", pair("8 vCPU", "17 GB"), "spec.ecs.memory", "8192 CPU units with 17408 MiB", "no tasks", "16384 to 61440 by 4096"),
        ("no such CPU", pair("300", "512"), "spec.ecs.memory", "300 CPU units", "no tasks", "ask for 256, 512"),
        ("no cpu", fargate("networkMode: awsvpc, memory: '512'"), "spec.ecs.cpu", "", "Fargate needs the task's cpu", "cpu: \"256\""),
        ("no memory", fargate("networkMode: awsvpc, cpu: '256'"), "spec.ecs.memory", "", "Fargate needs the task's memory", "memory: \"512\""),
        ("no network mode", fargate("cpu: '256', memory: '512'"), "spec.ecs.networkMode", "", "but awsvpc", "set networkMode"),
        ("another network mode", fargate("networkMode: bridge, cpu: '256', memory: '512'"), "spec.ecs.networkMode", "bridge", "but awsvpc", "set networkMode"),
        ("no number", pair("lots", "512"), "spec.ecs.cpu", "lots", "not a number of CPU units", "as AWS does"),
        ("no number of MiB", ecs("memory: 1 TB, containerDefinitions: [{name: a}]"), "spec.ecs.memory", "1 TB", "not a number of MiB", "as AWS does"),
        ("no memory on EC2", ecs("containerDefinitions: [{name: a}]"), at, "", "outside Fargate every container", "give one of them"),
        ("no memory in one", ecs("containerDefinitions: [{name: a}, {name: b, memory: 128}]"), at, "", "outside Fargate", "give one"),
        ("a memory of 0", ecs("containerDefinitions: [{name: a, memory: 0}]"), at, "", "outside Fargate", "give one"),
        ("a container's memory", ecs("containerDefinitions: [{name: a, memory: 128}]"), "", "", "", ""),
        ("a reservation", ecs("containerDefinitions: [{name: a, memoryReservation: 128}]"), "", "", "", ""),
        ("the task's memory", ecs("memory: '512', containerDefinitions: [{name: a}]"), "", "", "", ""),
        ("a job", job(SIZE), "", "", "", ""),
        ("a job of old", job("vcpus: 1, memory: 512"), "", "", "", ""),
        ("a job without vCPUs", job("memory: 512"), job_at, "", "needs vCPUs", "type: VCPU"),
        ("a job without memory", job("resourceRequirements: [{type: VCPU, value: '1'}]"), job_at, "", "needs memory", "type: MEMORY"),
        ("vCPUs twice", job(&format!("vcpus: 2, {SIZE}")), older, "2", "VCPU as well", "once"),
        ("memory twice", job(&format!("memory: 64, {SIZE}")), "spec.batch.containerProperties.memory", "64", "MEMORY as well", "once"),
        ("old fields on Fargate", batch("platformCapabilities: [FARGATE], containerProperties: {vcpus: 1, memory: 2048}"), older, "1", "Fargate take no `vcpus`", "type: VCPU"),
        ("a task of two, one without", batch(&format!("ecsProperties: {{taskProperties: [{{containers: [{{name: a, {SIZE}}}, {{name: b}}]}}]}}")), "spec.batch.ecsProperties.taskProperties[0].containers[1].resourceRequirements", "", "needs memory", "type: MEMORY"),
        ("nodes that share", nodes(SIZE, "command: [a]"), "", "", "", ""),
        ("nodes without", nodes("vcpus: 1", "command: [a]"), "spec.batch.nodeProperties.nodeRangeProperties[1].container.resourceRequirements", "", "needs memory", "type: MEMORY"),
        ("a job on Fargate", fargate_job("0.25", "512"), "", "", "", ""),
        ("a size that Fargate has not", fargate_job("0.25", "4096"), job_at, "256 CPU units with 4096 MiB", "no tasks of this size", "512 to 1024"),
        ("a task on Fargate", batch("platformCapabilities: [FARGATE], ecsProperties: {taskProperties: [{containers: [{name: a, resourceRequirements: [{type: VCPU, value: '4.0'}, {type: MEMORY, value: '512'}]}]}]}"), "spec.batch.ecsProperties.taskProperties[0].containers[0].resourceRequirements", "4096 CPU units with 512", "no tasks", "8192 to 30720"),
    ]
}

#[rustfmt::skip] // a table: one row a line
fn dependencies() -> Vec<Row> {
    let on = |index: usize| ["spec.ecs.containerDefinitions[0].dependsOn", "spec.ecs.containerDefinitions[1].dependsOn"][index];
    let task = |containers: &[(&str, &[&str])]| batch(&format!("ecsProperties: {{taskProperties: [{{containers: [{}]}}]}}", waiting(containers)));
    vec![
        ("a chain", ecs_waiting(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])]), "", "", "", ""),
        ("two ways to one", ecs_waiting(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[])]), "", "", "", ""),
        ("nobody", ecs_waiting(&[("a", &["x"]), ("b", &[])]), "spec.ecs.containerDefinitions[0].dependsOn[0].containerName", "x", "a container that is not there", "a, b"),
        ("itself", ecs_waiting(&[("a", &["a"])]), "spec.ecs.containerDefinitions[0].dependsOn[0].containerName", "a", "itself", "take this out"),
        ("each other", ecs_waiting(&[("a", &["b"]), ("b", &["a"])]), on(0), "a -> b -> a", "never start", "take one"),
        ("a circle behind a chain", ecs_waiting(&[("a", &["b"]), ("b", &["c"]), ("c", &["d"]), ("d", &["b"])]), on(1), "b -> c -> d -> b", "never start", "take one"),
        ("nobody, in Batch", task(&[("a", &["x"])]), "spec.batch.ecsProperties.taskProperties[0].containers[0].dependsOn[0].containerName", "x", "a container that is not there", "name one of a"),
        ("each other, in Batch", task(&[("a", &["b"]), ("b", &["a"])]), "spec.batch.ecsProperties.taskProperties[0].containers[0].dependsOn", "a -> b -> a", "never start", "take one"),
    ]
}

#[rustfmt::skip] // a table: one row a line
fn words() -> Vec<Row> {
    let from = |value: &str| container(&format!("secrets: [{{name: A, valueFrom: '{value}'}}]"));
    let at = "spec.ecs.containerDefinitions[0].secrets[0].valueFrom";
    let secret = |rest: &str| from(&format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/x-AbCdEf{rest}"));
    let open = |inputs: Inputs| super::fixtures::ambient(inputs);
    vec![
        ("a parameter", open(from("/payments/db_password")), "", "", "", ""),
        ("a parameter's ARN", open(from("arn:aws:ssm:eu-west-1:111122223333:parameter/payments/x")), "", "", "", ""),
        ("a secret", open(secret("")), "", "", "", ""),
        ("a key of a secret", open(secret(":password::")), "", "", "", ""),
        ("a version of a key", open(secret(":password:AWSCURRENT:")), "", "", "", ""),
        ("a key alone", open(secret(":password")), at, ":password", "three parts more", ":json-key:version-stage:version-id"),
        ("nothing", open(from("")), at, "", "a parameter's name", "write a parameter"),
        ("a space", open(from("my password")), at, "my password", "a parameter's name", "write a parameter"),
        ("a bucket", open(from("arn:aws:s3:::bucket/x")), at, "s3", "a Region and an account", "write a parameter"),
        ("another service", open(from("arn:aws:kms:eu-west-1:111122223333:key/x")), at, "kms", "neither a secret's nor a parameter's", "write"),
        ("no parameter", open(from("arn:aws:ssm:eu-west-1:111122223333:document/x")), at, "document/x", "parameter/NAME", "write"),
        ("no secret", open(from("arn:aws:secretsmanager:eu-west-1:111122223333:x")), at, ":x", "secret:NAME", "write"),
        ("half an ARN", open(from("arn:aws:ssm")), at, "arn:aws:ssm", "not an ARN", "write"),
        ("in the options of a log driver", open(container("logConfiguration: {logDriver: splunk, secretOptions: [{name: t, valueFrom: 'a b'}]}")), "spec.ecs.containerDefinitions[0].logConfiguration.secretOptions[0].valueFrom", "a b", "a parameter's name", "write"),
        ("in a job", open(job(&format!("{SIZE}, secrets: [{{name: A, valueFrom: 'a b'}}]"))), "spec.batch.containerProperties.secrets[0].valueFrom", "a b", "a parameter's name", "write"),
        ("no name", ecs("memory: '512', containerDefinitions: [{command: [a]}]"), "spec.ecs.containerDefinitions[0].name", "", "needs a name", "give it one"),
        ("a job's container without a name", job(SIZE), "", "", "", ""),
        ("Batch's own variables", job(&format!("{SIZE}, environment: [{{name: A, value: b}}, {{name: AWS_BATCH_X, value: b}}]")), "spec.batch.containerProperties.environment[1].name", "AWS_BATCH_X", "Batch's own", "rename"),
        ("the same in ECS", container("environment: [{name: AWS_BATCH_X, value: b}]"), "", "", "", ""),
    ]
}

#[rustfmt::skip] // a table: one row a line
fn platforms() -> Vec<Row> {
    let lone = |version: &str| job(&format!("{SIZE}, fargatePlatformConfiguration: {{platformVersion: {version}}}"));
    let task = |more: &str| batch(&format!("ecsProperties: {{taskProperties: [{{{more}, containers: [{{name: a, {SIZE}}}]}}]}}"));
    let at = "spec.batch.containerProperties.fargatePlatformConfiguration.platformVersion";
    vec![
        ("the first platform", lone("1.2.0"), "", "", "", ""),
        ("a later one", lone("1.4.0"), "", "", "", ""),
        ("two digits", lone("1.10.0"), "", "", "", ""),
        ("the latest", lone("LATEST"), "", "", "", ""),
        ("an older one", lone("1.1.0"), at, "1.1.0", "from platform version 1.2.0 on", "LATEST"),
        ("of a task", task("platformVersion: 1.0.0"), "spec.batch.ecsProperties.taskProperties[0].platformVersion", "1.0.0", "1.2.0 on", "LATEST"),
        ("of Windows, which counts anew", task("platformVersion: 1.0.0, runtimePlatform: {operatingSystemFamily: WINDOWS_SERVER_2022_CORE}"), "", "", "", ""),
    ]
}

#[test]
fn each_rule_names_field_value_and_remedy_and_what_is_right_passes() {
    let mut wrong = vec![];
    for (what, inputs, field, value, rule, remedy) in [sizes(), dependencies(), words(), platforms()].into_iter().flatten() {
        let found = super::fixtures::resolve(&inputs).err().unwrap_or_default();
        let fits = |problem: &wharfinger::problem::Problem| {
            problem.field == field
                && problem.value.contains(value)
                && (!value.is_empty() || problem.value.is_empty())
                && problem.rule.contains(rule)
                && problem.remedy.contains(remedy)
        };
        let right = if field.is_empty() { found.is_empty() } else { found.iter().any(fits) };
        if !right {
            wrong.push(format!("{what}: {}", told(&found)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn several_are_told_at_once() {
    let inputs = ecs(
        "requiresCompatibilities: [FARGATE], revision: 3, containerDefinitions: [{name: a, dependsOn: [{containerName: x}], secrets: [{name: A, valueFrom: 'a b'}]}]",
    );
    let fields: Vec<String> = problems(&inputs).into_iter().map(|problem| problem.field.replace("spec.ecs.", "")).collect();
    for field in [
        "cpu",
        "memory",
        "networkMode",
        "revision",
        "containerDefinitions[0].dependsOn[0].containerName",
        "containerDefinitions[0].secrets[0].valueFrom",
    ] {
        assert!(fields.iter().any(|found| found == field), "{field} is not among {fields:?}");
    }
}

/// What DescribeTaskDefinition and DescribeJobDefinitions answer besides what was registered.
#[test]
fn fields_of_answers_are_named_and_refused() {
    let ecs_fields = [
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
        "deregisteredAt",
        "deleteRequestedAt",
    ];
    let batch_fields = ["jobDefinitionArn", "revision", "status", "containerOrchestrationType"];
    let ecs_rows = ecs_fields.map(|field| {
        (format!("spec.ecs.{field}"), ecs(&format!("{field}: x, memory: '512', containerDefinitions: [{{name: a}}]")))
    });
    let batch_rows =
        batch_fields.map(|field| (format!("spec.batch.{field}"), batch(&format!("{field}: x, containerProperties: {{{SIZE}}}"))));
    for (field, inputs) in ecs_rows.into_iter().chain(batch_rows) {
        let found = problems(&inputs);
        assert_eq!(found.len(), 1, "{field}: {}", told(&found));
        assert_eq!((found[0].field.as_str(), found[0].value.as_str()), (field.as_str(), "x"));
        assert!(
            found[0].rule.contains("answers with this field") && found[0].remedy.contains("wharfinger import"),
            "{}",
            found[0]
        );
    }
}

#[test]
#[rustfmt::skip] // a table: one row a line
fn what_may_go_wrong_later_is_a_warning() {
    let compatible = |list: &str| ecs(&format!("requiresCompatibilities: {list}, networkMode: awsvpc, cpu: '256', memory: '512', containerDefinitions: [{{name: a}}]"));
    let bare = as_written("ecs: {requiresCompatibilities: [EC2], memory: '512', containerDefinitions: [{name: a, image: 'ghcr.io/x/y:1'}]}");
    let windows = "runtimePlatform: {operatingSystemFamily: WINDOWS_SERVER_2022_CORE}";
    let agents = "not checked here: to pull with credentials the ECS agents must be 1.19.0 or newer";
    let old = as_written(&format!("batch: {{ecsProperties: {{taskProperties: [{{platformVersion: 1.1.0, containers: [{{name: a, image: 'ghcr.io/x/y:1', {SIZE}}}]}}]}}}}"));
    let retry = |action: &str| batch(&format!("retryStrategy: {{evaluateOnExit: [{{onExitCode: '1', action: {action}}}]}}, containerProperties: {{{SIZE}}}"));
    let of_port = |field: &str| container(&format!("portMappings: [{{containerPort: 1, {field}}}]"));
    let rows: Vec<(&str, Inputs, Option<(&str, &str)>)> = vec![
        ("nothing said", ecs("memory: '512', containerDefinitions: [{name: a}]"), None),
        ("Fargate", compatible("[FARGATE]"), None),
        ("EC2", compatible("[EC2]"), Some(("spec.ecs.requiresCompatibilities: EC2", agents))),
        ("both", compatible("[FARGATE, EC2]"), Some(("spec.ecs.requiresCompatibilities: EC2", agents))),
        ("EXTERNAL", compatible("[EXTERNAL]"), Some(("spec.ecs.requiresCompatibilities: EXTERNAL", agents))),
        ("no credential", bare, Some(("ghcr.io/x/y:1", "without a credential"))),
        ("Windows", ecs(&format!("{windows}, memory: '512', containerDefinitions: [{{name: a}}]")), Some(("spec.ecs.runtimePlatform.operatingSystemFamily: WINDOWS_SERVER_2022_CORE", "Microsoft's registry"))),
        ("Windows in Batch", job(&format!("{SIZE}, {windows}")), Some(("spec.batch.containerProperties.runtimePlatform", "Microsoft's registry"))),
        ("Linux", ecs("runtimePlatform: {operatingSystemFamily: LINUX}, memory: '512', containerDefinitions: [{name: a}]"), None),
        ("an old platform without a credential", old, Some(("spec.batch.ecsProperties.taskProperties[0].platformVersion: 1.1.0", "no longer offers"))),
        ("another case", of_port("protocol: TCP"), Some(("spec.ecs.containerDefinitions[0].portMappings[0].protocol: \"TCP\"", "tcp is"))),
        ("a slip", container("logConfiguration: {logDriver: awslog}"), Some(("logConfiguration.logDriver: \"awslog\"", "awslogs is"))),
        ("in a list", compatible("[FARGAET, FARGATE]"), Some(("spec.ecs.requiresCompatibilities[0]: \"FARGAET\"", "FARGATE is"))),
        ("a known value", of_port("protocol: udp"), None),
        ("a new value", of_port("protocol: quic"), None),
        ("a newer version", of_port("appProtocol: http3"), None),
        ("what AWS takes in any case", retry("retry"), None),
        ("and a slip there", retry("RETYR"), Some(("spec.batch.retryStrategy.evaluateOnExit[0].action: \"RETYR\"", "RETRY is"))),
    ];
    let mut wrong = vec![];
    for (what, inputs, expected) in rows {
        let mut found = desired(&inputs).warnings;
        let right = match expected {
            None => found.is_empty(),
            Some((field, text)) => {
                let told = found.iter().any(|warning| warning.contains(field) && warning.contains(text));
                found.retain(|warning| !warning.contains("without a credential"));
                told && found.len() <= 1
            }
        };
        if !right {
            wrong.push(format!("{what}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The user's own string is what is registered; AWS's 255 characters end at the `@`.
#[test]
fn an_image_is_registered_as_it_is_written() {
    let longest = format!("registry.example.com/{}@sha256:{}", "x".repeat(255 - 21), "0".repeat(64));
    for image in [
        longest.as_str(),
        "Registry.Example.com/x:1",
        "registry.example.com:443/x",
        "registry.example.com/x:1@sha256:0000000000000000000000000000000000000000000000000000000000000000",
    ] {
        let mut inputs = container("command: [a]");
        inputs.workload.spec.image = Some(image.to_owned());
        let entry = image.split('/').next().unwrap_or_default().to_ascii_lowercase();
        inputs.sources.insert("regcred".into(), super::fixtures::docker(&[(&entry, "a", "b")]));
        let document = desired(&inputs).definition.document;
        assert_eq!(document["containerDefinitions"][0]["image"], image);
    }
    let mut longer = container("command: [a]");
    longer.workload.spec.image = Some(longest.replace("xxx@", "xxxx@"));
    assert!(problems(&longer).iter().any(|problem| problem.rule.contains("at most 255")), "{}", told(&problems(&longer)));
}
