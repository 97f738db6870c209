//! The definition of the spec, checked and completed with what does not depend on AWS: name, type, images, tags.

use super::shared::pasted_roles;
use crate::api::{Definition, PrivateImageWorkloadSpec};
use crate::inputs::Inputs;
use crate::problem::Problem;
use crate::resource::definition::{containers, containers_mut};
use crate::resource::image::{Image, ImageError};
use crate::resource::names;
use crate::resource::normalise::DefinitionKind;
use crate::resource::tags::{Tags, is_reserved};
use crate::resource::uses::{Use, uses};
use crate::target::Target;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A definition that only lacks ARNs.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) kind: DefinitionKind,
    pub(super) name: String,
    pub(super) document: Value,
    /// The user's own tags.
    pub(super) tags: Tags,
    pub(super) containers: Vec<Container>,
    /// Everything that it names.
    pub(super) uses: Vec<Use>,
}

/// One container, as far as credentials and fences look at it.
#[derive(Debug)]
pub(super) struct Container {
    /// Its path in the document.
    pub(super) path: String,
    /// Its path in the spec.
    pub(super) field: String,
    /// Its image.
    pub(super) image: Image,
    /// Whether the image is `spec.image`.
    pub(super) inherits_image: bool,
    /// A pasted `credentialsParameter`.
    pub(super) pasted_credential: Option<String>,
}

impl Container {
    /// The field that names the image.
    pub(super) fn image_field(&self) -> String {
        image_field(&self.field, self.inherits_image)
    }
}

fn image_field(container: &str, inherited: bool) -> String {
    if inherited { "spec.image".to_owned() } else { format!("{container}.image") }
}

/// The kind of definition and its JSON, `definitionPatch` applied. With neither given, ECS and nothing.
pub(super) fn kind_and_definition(spec: &PrivateImageWorkloadSpec) -> (DefinitionKind, Option<Definition>) {
    let (kind, definition) = match (&spec.ecs, &spec.batch) {
        (None, Some(batch)) => (DefinitionKind::JobDefinition, Some(batch)),
        (ecs, _) => (DefinitionKind::TaskDefinition, ecs.as_ref()),
    };
    let Some(patch) = &spec.definition_patch else { return (kind, definition.cloned()) };
    let patched = definition.map(|definition| {
        let mut definition = Value::Object(definition.clone());
        json_patch::merge(&mut definition, &Value::Object(patch.clone()));
        definition.as_object().cloned().unwrap_or_default()
    });
    (kind, patched)
}

/// The name that the spec itself gives its definition.
pub(super) fn pasted_name(kind: DefinitionKind, definition: Option<&Definition>) -> Option<String> {
    definition?.get(rules(kind).name_field)?.as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Characters of an image in Batch, the digest included (Batch API, `ContainerProperties.image`).
const MAX_BATCH_IMAGE: usize = 255;

/// Field names and limits of the two services.
struct Rules {
    root: &'static str,
    name_field: &'static str,
    max_name: usize,
    /// Bytes of a definition (AWS service quotas: ECS 64 KiB, Batch 24 KiB).
    max_bytes: usize,
}

fn rules(kind: DefinitionKind) -> Rules {
    match kind {
        DefinitionKind::TaskDefinition => Rules { root: "spec.ecs", name_field: "family", max_name: 255, max_bytes: 64 * 1024 },
        DefinitionKind::JobDefinition => {
            Rules { root: "spec.batch", name_field: "jobDefinitionName", max_name: 128, max_bytes: 24 * 1024 }
        }
    }
}

/// Checks and completes. `None` where nothing can be said of containers.
pub(super) fn prepare(inputs: &Inputs, target: &Target, problems: &mut Vec<Problem>) -> Option<Prepared> {
    let spec = &inputs.workload.spec;
    let workload = super::workload_name(inputs);
    check_label(workload, problems);
    let (kind, definition) = kind_and_definition(spec);
    let (Some(definition), false) = (&definition, spec.ecs.is_some() && spec.batch.is_some()) else {
        problems.push(Problem::spec("spec", "", "exactly one of `ecs` and `batch` must be given", "keep one of them"));
        return None;
    };
    let rules = rules(kind);
    let usual = || names::definition(kind, &target.names.definition_prefix, &inputs.namespace.name, workload);
    let pasted = pasted_name(kind, Some(definition));
    if let Some(name) = &pasted {
        check_name(target, &inputs.namespace.name, &rules, name, problems);
    }
    let name = pasted.unwrap_or_else(usual);
    let mut document = Value::Object(definition.clone());
    check_shape(kind, definition, problems);
    check_roles(spec, problems);
    let tags = take_tags(&mut document);
    check_tags(&rules, &tags, problems);
    complete(kind, &rules, spec, &name, &mut document);
    let bytes = document.to_string().len();
    if bytes > rules.max_bytes {
        let rule = format!("AWS takes a definition of at most {} bytes", rules.max_bytes);
        problems.push(Problem::spec(rules.root, format!("{bytes} bytes"), rule, "move files and scripts into the image or S3"));
    }
    let containers = read_containers(kind, &rules, spec, &document, problems);
    let uses = uses(kind, &document, target.place());
    Some(Prepared { kind, name, document, tags, containers, uses })
}

fn check_label(name: &str, problems: &mut Vec<Problem>) {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ok = (1..=63).contains(&name.len()) && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-');
    if !ok {
        let rule = "must be a DNS label of at most 63 characters (a-z, 0-9, '-'): it becomes part of AWS names";
        problems.push(Problem::spec("metadata.name", name, rule, "choose another name"));
    }
}

/// A name of the spec's own (ECS API, RegisterTaskDefinition, family; Batch API, RegisterJobDefinition, jobDefinitionName).
fn check_name(target: &Target, namespace: &str, rules: &Rules, name: &str, problems: &mut Vec<Problem>) {
    let field = format!("{}.{}", rules.root, rules.name_field);
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.len() > rules.max_name || !name.chars().all(allowed) {
        let rule = format!("a definition's name has at most {} letters, digits, hyphens and underscores", rules.max_name);
        problems.push(Problem::spec(&field, name, rule, "choose another name, or leave the field out"));
    }
    super::fences::check_name(target, namespace, &field, name, problems);
}

fn check_shape(kind: DefinitionKind, definition: &Definition, problems: &mut Vec<Problem>) {
    let has = |field: &&str| definition.get(*field).is_some_and(|value| !value.is_null());
    match kind {
        DefinitionKind::TaskDefinition => {
            let count = definition.get("containerDefinitions").and_then(Value::as_array).map_or(0, Vec::len);
            if !(1..=10).contains(&count) {
                let rule = "a task definition has 1 to 10 containers";
                problems.push(Problem::spec(
                    "spec.ecs.containerDefinitions",
                    format!("{count} containers"),
                    rule,
                    "add or remove some",
                ));
            }
        }
        DefinitionKind::JobDefinition => {
            if has(&"eksProperties") {
                problems.push(on_eks("spec.batch.eksProperties"));
            }
            let forms = ["containerProperties", "ecsProperties", "nodeProperties"];
            let given: Vec<&str> = forms.iter().copied().filter(has).collect();
            if given.len() != 1 && !has(&"eksProperties") {
                let rule = format!("exactly one of {} must be given", forms.join(", "));
                problems.push(Problem::spec("spec.batch", given.join(", "), rule, "keep one of them"));
            }
        }
    }
}

/// Refuses a job on EKS, which this field makes it.
pub(crate) fn on_eks(field: &str) -> Problem {
    let rule = "jobs on EKS pull with imagePullSecrets, not with repositoryCredentials";
    Problem::spec(field, "", rule, "use podProperties.imagePullSecrets and no Wharfinger")
}

fn check_roles(spec: &PrivateImageWorkloadSpec, problems: &mut Vec<Problem>) {
    let given = spec.execution_role.clone().unwrap_or_default();
    if given.arn.is_some() && given.name.is_some() {
        problems.push(Problem::spec(
            "spec.executionRole",
            "",
            "at most one of `name` and `arn` may be given",
            "keep one of them",
        ));
    }
    let pasted = pasted_roles(spec);
    let differs = pasted.len() > 1
        || given.name.is_some() && !pasted.is_empty()
        || given.arn.is_some_and(|arn| pasted.iter().any(|pasted| *pasted != arn));
    if differs {
        let rule = "executionRoleArn and spec.executionRole name different roles";
        problems.push(Problem::spec(
            "spec.executionRole",
            pasted.join(", "),
            rule,
            "leave executionRoleArn out of the definition",
        ));
    }
}

/// The user's tags: a list of `{key, value}` in ECS, a map in Batch. They go into the call, not into the content.
fn take_tags(document: &mut Value) -> Tags {
    match document.as_object_mut().and_then(|object| object.remove("tags")) {
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|tag| {
                Some((
                    tag.get("key")?.as_str()?.to_owned(),
                    tag.get("value").and_then(Value::as_str).unwrap_or_default().to_owned(),
                ))
            })
            .collect(),
        Some(Value::Object(map)) => map.into_iter().filter_map(|(key, value)| Some((key, value.as_str()?.to_owned()))).collect(),
        _ => Tags::new(),
    }
}

/// Tags say whose a definition is, so nobody may write ours.
fn check_tags(rules: &Rules, tags: &Tags, problems: &mut Vec<Problem>) {
    for key in tags.keys().filter(|key| is_reserved(key)) {
        let rule = "tags that begin with wharfinger.dev/ or aws: are not for users";
        problems.push(Problem::spec(format!("{}.tags", rules.root), key, rule, "leave it out"));
    }
}

fn complete(kind: DefinitionKind, rules: &Rules, spec: &PrivateImageWorkloadSpec, name: &str, document: &mut Value) {
    document[rules.name_field] = json!(name);
    if kind == DefinitionKind::JobDefinition && document.get("type").is_none() {
        document["type"] = json!(if document.get("nodeProperties").is_some() { "multinode" } else { "container" });
    }
    inherit_image(kind, spec, document);
}

/// Gives each container without an image that of the spec.
pub(super) fn inherit_image(kind: DefinitionKind, spec: &PrivateImageWorkloadSpec, document: &mut Value) {
    if let Some(image) = &spec.image {
        containers_mut(kind, document, |_, container| {
            container.entry("image").or_insert_with(|| json!(image));
        });
    }
}

fn read_containers(
    kind: DefinitionKind,
    rules: &Rules,
    spec: &PrivateImageWorkloadSpec,
    document: &Value,
    problems: &mut Vec<Problem>,
) -> Vec<Container> {
    let mut found = vec![];
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, object) in containers(kind, document) {
        let field = format!("{}.{path}", rules.root);
        check_container(&field, &object, &mut names, problems);
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let inherits_image = text("image") == spec.image.as_deref();
        let image_field = image_field(&field, inherits_image);
        let pasted = object.get("repositoryCredentials").and_then(|it| it.get("credentialsParameter")).and_then(Value::as_str);
        match text("image").map(|image| (image, Image::parse(image))) {
            Some((text, Ok(_))) if kind == DefinitionKind::JobDefinition && text.len() > MAX_BATCH_IMAGE => {
                let rule = "Batch takes an image of at most 255 characters, the digest included";
                problems.push(Problem::spec(image_field, text, rule, "name it by a shorter path, or by its tag"));
            }
            Some((_, Ok(image))) => {
                found.push(Container { path, field, image, inherits_image, pasted_credential: pasted.map(str::to_owned) })
            }
            Some((image, Err(error))) => {
                let shown = if error == ImageError::Scheme { "" } else { image };
                let remedy = "write HOST/PATH:TAG or HOST/PATH@sha256:DIGEST";
                problems.push(Problem::spec(image_field, shown, error.to_string(), remedy));
            }
            None => problems.push(Problem::spec(format!("{field}.image"), "", "no image is named", "set it, or spec.image")),
        }
    }
    found
}

/// Names of containers and of environment variables: AWS's rules, and no name twice.
fn check_container(
    field: &str,
    object: &Map<String, Value>,
    names: &mut BTreeMap<String, BTreeSet<String>>,
    problems: &mut Vec<Problem>,
) {
    if let Some(name) = object.get("name").and_then(Value::as_str) {
        let list = field.rsplit_once('[').map_or(field, |(list, _)| list).to_owned();
        if !names.entry(list).or_default().insert(name.to_owned()) {
            problems.push(Problem::spec(format!("{field}.name"), name, "two containers have this name", "give each its own"));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 255 || !name.chars().all(allowed) {
            let rule = "a container name has 1 to 255 letters, digits, hyphens and underscores";
            problems.push(Problem::spec(format!("{field}.name"), name, rule, "choose another name"));
        }
    }
    let mut seen = BTreeSet::new();
    for (index, variable) in object.get("environment").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let name = variable.get("name").and_then(Value::as_str).unwrap_or_default();
        if !seen.insert(name) {
            let rule = "the environment has two variables of this name, and AWS does not say which one counts";
            problems.push(Problem::spec(format!("{field}.environment[{index}].name"), name, rule, "keep one of them"));
        }
    }
}
