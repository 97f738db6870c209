//! Definitions as users write them, made from the checked-in schemas: every field that AWS has may be there.

use proptest::prelude::*;
use proptest::strategy::Union;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use wharfinger::resource::normalise::DefinitionKind;

static TASK: LazyLock<Value> = LazyLock::new(|| parsed(include_str!("../../../src/api/schema/ecs.json")));
static JOB: LazyLock<Value> = LazyLock::new(|| parsed(include_str!("../../../src/api/schema/batch.json")));

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The schema of a kind.
pub(crate) fn schema(kind: DefinitionKind) -> &'static Value {
    match kind {
        DefinitionKind::TaskDefinition => &TASK,
        DefinitionKind::JobDefinition => &JOB,
    }
}

/// Fields that AWS demands where their object is given, by the ends of their paths. Lists among them have an item at least.
const REQUIRED: &[&str] = &[
    ".family .jobDefinitionName .containerDefinitions .taskProperties .containers .nodeRangeProperties .numNodes .mainNode",
    ".name .type .valueFrom .image .targetNodes .containerPort .sourceVolume .sourceContainer .hostPath .fileSystemId",
    ".fileSystemArn .deviceType .deviceName .expression .action .logDriver .hostname .ipAddress .condition .containerName .size",
    ".softLimit .hardLimit .credentialsParameter .domain .sizeInGiB .driver .isolationMode .namespace .consumableResource",
    ".healthCheck.command .restartPolicy.enabled .environmentFiles[].value .fsxWindowsFileServerVolumeConfiguration.rootDirectory",
    ".fsxWindowsFileServerVolumeConfiguration.authorizationConfig .nvidiaMps.memory",
];

/// Whether AWS demands the field at this path.
pub(crate) fn required(path: &str) -> bool {
    REQUIRED.iter().flat_map(|line| line.split(' ')).any(|end| path.ends_with(end))
}

/// The field that no two items of a list have in common, in lists where that is so.
fn identity(path: &str) -> Option<&'static str> {
    let list = path.rsplit('.').next().unwrap();
    match list {
        "containerDefinitions"
        | "containers"
        | "environment"
        | "secrets"
        | "secretOptions"
        | "volumes"
        | "properties"
        | "ulimits" => Some("name"),
        "resourceRequirements" => Some("type"),
        "placementConstraints" => Some("expression"),
        "inferenceAccelerators" => Some("deviceName"),
        _ => None,
    }
}

/// A definition of this kind. Batch's in its three forms.
pub(crate) fn definition(kind: DefinitionKind) -> BoxedStrategy<Value> {
    let whole = schema(kind);
    let forms: &[&str] = match kind {
        DefinitionKind::TaskDefinition => &[""],
        DefinitionKind::JobDefinition => &["containerProperties", "ecsProperties", "nodeProperties"],
    };
    let of_form = |form: &&str| {
        let mut schema = whole.clone();
        let fields = schema["properties"].as_object_mut().unwrap();
        fields.retain(|name, _| name != "tags" && (!name.ends_with("Properties") || name == form || name.starts_with("consum")));
        object(&schema, "", form)
    };
    Union::new(forms.iter().map(of_form)).boxed()
}

/// An object of the schema's fields; `always` is there in any case.
fn object(schema: &Value, path: &str, always: &str) -> BoxedStrategy<Value> {
    let field = |(name, schema): (&String, &Value)| {
        let path = format!("{path}.{name}");
        let (name, value) = (name.clone(), value(schema, &path));
        let there = if required(&path) || name == always { value.prop_map(Some).boxed() } else { sometimes(value) };
        there.prop_map(move |value| value.map(|value| (name.clone(), value)))
    };
    let fields: Vec<_> = schema["properties"].as_object().unwrap().iter().map(field).collect();
    fields.prop_map(|fields| one_of_two(fields.into_iter().flatten().collect())).boxed()
}

fn sometimes(value: BoxedStrategy<Value>) -> BoxedStrategy<Option<Value>> {
    prop::option::weighted(0.3, value).boxed()
}

/// A node has a container or a task of several, and not both.
fn one_of_two(mut fields: Map<String, Value>) -> Value {
    if fields.contains_key("container") {
        fields.remove("ecsProperties");
    }
    fields.into()
}

fn value(schema: &Value, path: &str) -> BoxedStrategy<Value> {
    match schema["type"].as_str().unwrap() {
        "object" if schema.get("properties").is_some() => object(schema, path, ""),
        "object" => {
            prop::collection::btree_map("[a-c.-]{1,3}|environment|name", "[a-c]{0,2}", 0..3).prop_map(|it| json!(it)).boxed()
        }
        "array" => array(schema, path),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "integer" => integer(schema),
        _ => prop::sample::select(texts(schema, path)).prop_map(Value::from).boxed(),
    }
}

fn array(schema: &Value, path: &str) -> BoxedStrategy<Value> {
    let at_least = usize::from(required(path));
    let identity = identity(path);
    let unique = move |items: Vec<Value>| {
        let mut seen = BTreeSet::new();
        let new = |item: &Value| identity.is_none_or(|field| seen.insert(item[field].to_string()));
        Value::Array(items.into_iter().filter(new).collect())
    };
    prop::collection::vec(value(&schema["items"], &format!("{path}[]")), at_least..4).prop_map(unique).boxed()
}

/// A number within the schema's bounds: one of those that are a default somewhere, or any.
fn integer(schema: &Value) -> BoxedStrategy<Value> {
    let bound = |name: &str, otherwise| schema.get(name).and_then(Value::as_i64).unwrap_or(otherwise);
    let bounds = bound("minimum", 0)..=bound("maximum", 65_535);
    let defaults: Vec<i64> = [0, 3, 5, 30, 80, 300].into_iter().filter(|it| bounds.contains(it)).collect();
    let any = bounds.prop_map(Value::from);
    if defaults.is_empty() { any.boxed() } else { prop_oneof![prop::sample::select(defaults).prop_map(Value::from), any].boxed() }
}

/// Texts that the field at this path may hold, AWS's defaults and other spellings among them.
fn texts(schema: &Value, path: &str) -> Vec<String> {
    let words: &[&str] = match path.rsplit('.').next().unwrap() {
        "cpu" => &["256", "1024", ".25 vCPU", "1 vCPU", "2vcpu"],
        "memory" => &["512", "1024", "0.5GB", "1 GB", "30 gb"],
        "action" => &["RETRY", "EXIT", "retry", "Exit"],
        "rootDirectory" => &["/", "/data"],
        "platformVersion" => &["LATEST", "1.4.0"],
        "targetNodes" => &["0:", "0:1", ":1"],
        "hostPath" | "containerPath" => &["/dev/x", "/dev/y"],
        "taskRoleArn" | "jobRoleArn" => &["", "arn:aws:iam::111122223333:role/task"],
        "networkMode" if path.contains("taskProperties") => &["host", "awsvpc"],
        "value" if path.contains("resourceRequirements") => &["1", "1.0", ".25", "0.25", "2048"],
        "value" => &["", "1", "info"],
        _ => &["a", "b", "c", "d e"],
    };
    let listed = schema["description"].as_str().and_then(|it| it.strip_prefix("One of: "));
    match listed {
        Some(listed) if !path.ends_with(".action") => listed.trim_end_matches('.').split(", ").map(str::to_owned).collect(),
        _ => words.iter().map(|word| (*word).to_owned()).collect(),
    }
}

/// One definition with every field that AWS has; Batch's in all forms at once. Lists of scalars have two items.
pub(crate) fn full(kind: DefinitionKind) -> Value {
    let mut full = full_value(schema(kind), "", 0);
    full.as_object_mut().unwrap().retain(|name, _| !["tags", "eksProperties"].contains(&name.as_str()));
    full
}

fn full_value(schema: &Value, path: &str, nth: usize) -> Value {
    let fields = schema["properties"].as_object();
    match (schema["type"].as_str().unwrap(), fields) {
        ("object", Some(fields)) => {
            fields.iter().map(|(name, it)| (name.clone(), full_value(it, &format!("{path}.{name}"), nth))).collect()
        }
        ("object", None) => json!({"environment": "a", "name": "b"}),
        ("array", _) => {
            let (items, path) = (&schema["items"], format!("{path}[]"));
            let count = if items["type"] == "object" { 1 } else { 2 };
            (0..count).map(|nth| full_value(items, &path, nth)).collect()
        }
        ("boolean", _) => json!(true),
        ("integer", _) => json!(schema["minimum"].as_i64().unwrap_or(7) + i64::try_from(nth).unwrap()),
        _ => {
            let texts = texts(schema, path);
            json!(texts[(nth + 1) % texts.len()])
        }
    }
}
