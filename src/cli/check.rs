//! What the API server's strict validation does, for files that no API server has seen: unknown fields, types, bounds, patterns.

use crate::api::{AccountBinding, PrivateImageWorkload, PullNetwork, RegistryCredential};
use crate::desired::{answered, value_from};
use crate::resource::normalise::{DefinitionKind, HIDDEN, hides};
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// A kind's schema, compiled once: the workload's takes a while.
pub(super) type Schema = LazyLock<Option<jsonschema::Validator>>;

pub(super) static WORKLOAD: Schema = LazyLock::new(|| compile(&PrivateImageWorkload::crd()));
pub(super) static CREDENTIAL: Schema = LazyLock::new(|| compile(&RegistryCredential::crd()));
pub(super) static NETWORK: Schema = LazyLock::new(|| compile(&PullNetwork::crd()));
pub(super) static BINDING: Schema = LazyLock::new(|| compile(&AccountBinding::crd()));

/// All that is wrong with an object by its CRD's schema, each with its field. CEL rules are not among it: the core has them.
pub(super) fn against_schema(schema: &Schema, object: &Value) -> Vec<String> {
    let Some(validator) = schema.as_ref() else { return vec!["the CRD's own schema is broken".to_owned()] };
    let mut found = vec![];
    for error in validator.iter_errors(object) {
        let (field, selector) = place(&error);
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                found.extend(unexpected.iter().map(|name| unknown(&field, name, &error.instance()[name.as_str()])));
                continue;
            }
            // The pattern says it to machines.
            ValidationErrorKind::Pattern { .. } if field.ends_with(".valueFrom") => {
                let value = error.instance().as_str().unwrap_or_default();
                if let Some(problem) = value_from(&field, value) {
                    found.push(problem.to_string());
                    continue;
                }
            }
            _ => {}
        }
        let rule = match hides(&selector, error.instance()) {
            true => error.masked_with(HIDDEN).to_string(),
            false => error.to_string(),
        };
        found.push(if field.is_empty() { rule } else { format!("{field}: {rule}") });
    }
    found
}

/// Where an error is: as it is shown, `spec.credentials[0].registry`, and as a selector.
fn place(error: &ValidationError) -> (String, Vec<String>) {
    let (mut shown, mut selector) = (String::new(), Vec::<String>::new());
    for segment in error.instance_path().segments() {
        match segment {
            LocationSegment::Index(index) => {
                shown.push_str(&format!("[{index}]"));
                selector.last_mut().into_iter().for_each(|list| list.push_str("[]"));
            }
            LocationSegment::Property(name) => {
                let dot = if shown.is_empty() { "" } else { "." };
                shown.push_str(&format!("{dot}{name}"));
                selector.push(name.into_owned());
            }
        }
    }
    (shown, selector)
}

/// What AWS's answers have is told as such; any other field is only unknown.
fn unknown(field: &str, name: &str, value: &Value) -> String {
    let kind = match field {
        "spec.ecs" => Some(DefinitionKind::TaskDefinition),
        "spec.batch" => Some(DefinitionKind::JobDefinition),
        _ => None,
    };
    let dot = if field.is_empty() { "" } else { "." };
    match kind.and_then(|kind| answered(kind, name, value)) {
        Some(problem) => problem.to_string(),
        None => format!("{field}{dot}{name}: unknown field; spell it as the CRD has it, or leave it out"),
    }
}

fn compile(crd: &CustomResourceDefinition) -> Option<jsonschema::Validator> {
    let schema = crd
        .spec
        .versions
        .iter()
        .find_map(|version| serde_json::to_value(version.schema.as_ref()?.open_api_v3_schema.as_ref()?).ok());
    let mut schema = schema?;
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.extend([
            ("apiVersion".to_owned(), json!({})),
            ("kind".to_owned(), json!({})),
            ("metadata".to_owned(), metadata()),
        ]);
    }
    if let Some(required) = schema.as_object_mut().map(|schema| schema.entry("required").or_insert_with(|| json!([]))) {
        required.as_array_mut().into_iter().for_each(|required| required.push(json!("metadata")));
    }
    close(&mut schema);
    jsonschema::validator_for(&schema).ok()
}

/// What the API server asks of the metadata that is read here (Kubernetes API, ObjectMeta). The rest of it is the server's.
fn metadata() -> Value {
    let texts = json!({"type": "object", "nullable": true, "additionalProperties": {"type": "string"}});
    json!({
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": true,
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "namespace": {"type": "string"},
            "labels": texts,
            "annotations": texts,
        },
    })
}

/// Objects with properties take no others, as the API server has it.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("properties").is_some_and(Value::is_object)
                && object.get("x-kubernetes-preserve-unknown-fields") != Some(&json!(true))
            {
                object.insert("additionalProperties".to_owned(), json!(false));
            }
            if object.remove("nullable") == Some(json!(true)) {
                object.remove("type");
            }
            object.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip] // a table: one row a line
    fn each_problem_names_its_field() {
        let rows = [
            (json!({"ecs": {"revision": 3}}), "spec.ecs.revision: \"3\": DescribeTaskDefinition answers with this field"),
            (json!({"ecs": {"registeredBy": "arn:aws:iam::111122223333:root"}}), "wharfinger import"),
            (json!({"batch": {"jobDefinitionArn": "x"}}), "spec.batch.jobDefinitionArn: \"x\": DescribeJobDefinitions answers"),
            (json!({"batch": {"containerProperties": {"revision": 3}}}), "spec.batch.containerProperties.revision: unknown field"),
            (json!({"ecs": {"containerDefinitions": [{"imagge": "x"}]}}), "spec.ecs.containerDefinitions[0].imagge: unknown field"),
            (json!({"ecs": {"containerDefinitions": [{"secrets": [{"valueFrom": "arn:aws:s3:::x"}]}]}}), "secrets[0].valueFrom: \"arn:aws:s3:::x\": an ARN of a secret or of a parameter has a Region and an account; write a parameter's name"),
            (json!({"ecs": {"cpu": 256}}), "spec.ecs.cpu: 256 is not of type \"string\""),
            (json!({"batch": {"timeout": {"attemptDurationSeconds": 59}}}), "spec.batch.timeout.attemptDurationSeconds: 59 is less than the minimum of 60"),
            (json!({"batch": {"retryStrategy": {"attempts": 11}}}), "spec.batch.retryStrategy.attempts: 11 is greater than the maximum of 10"),
            (json!({"batch": {"retryStrategy": {"evaluateOnExit": [{}, {}, {}, {}, {}, {}]}}}), "spec.batch.retryStrategy.evaluateOnExit: "),
            (json!({"batch": {"ecsProperties": {"taskProperties": [{}, {}]}}}), "spec.batch.ecsProperties.taskProperties: "),
        ];
        for (spec, expected) in rows {
            let found = against_schema(&WORKLOAD, &json!({"apiVersion": "", "kind": "", "metadata": {"name": "a"}, "spec": spec}));
            assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
        }
    }

    /// A value of another type, or one whose list or container is misshapen, is in the message of its rule.
    #[test]
    fn values_of_environment_variables_are_not_told() {
        let variables = [
            json!([{"name": "A", "value": 4711}]),
            json!({"A": "4711"}),
            json!("A=4711"),
            json!(["A=4711"]),
            json!([{"name": "A", "value": {"b": 4711}}]),
        ];
        let containers = variables.iter().map(|variables| json!([{"name": "a", "environment": variables}]));
        let misshapen = [json!({"a": {"environment": [{"name": "A", "value": "4711"}]}})];
        for containers in containers.chain(misshapen) {
            let specs = [
                (json!({"ecs": {"containerDefinitions": containers}}), "spec.ecs.containerDefinitions"),
                (json!({"ecs": [{"containerDefinitions": containers}]}), "spec.ecs"),
                (json!({"batch": {"containerProperties": containers}}), "spec.batch.containerProperties"),
            ];
            for (spec, field) in specs {
                let found = against_schema(&WORKLOAD, &json!({"metadata": {"name": "a"}, "spec": spec})).join("\n");
                let masked = found.contains(HIDDEN) || found.contains("unknown field");
                assert!(found.contains(field) && masked && !found.contains("4711"), "{spec}: {found}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_told_at_once() {
        let spec = json!({"ecs": {"revision": 3, "status": "ACTIVE", "cpu": 256}, "unknown": true});
        assert_eq!(against_schema(&WORKLOAD, &json!({"metadata": {"name": "a"}, "spec": spec})).len(), 4);
        assert_eq!(against_schema(&BINDING, &json!({"metadata": {"name": "a"}, "spec": {"accountId": "1"}})).len(), 2);
    }

    #[test]
    fn metadata_is_checked_with_its_fields() {
        let rows = [
            (json!({"name": "a", "uid": "x", "labels": {"b": "c"}, "annotations": null}), None),
            (json!({"labels": {}}), Some("metadata: \"name\" is a required property")),
            (json!({"name": ""}), Some("metadata.name: ")),
            (json!({"name": 4}), Some("metadata.name: 4 is not of type \"string\"")),
            (json!({"name": "a", "namespace": ["b"]}), Some("metadata.namespace: ")),
            (json!({"name": "a", "labels": {"b": 1}}), Some("metadata.labels.b: 1 is not of type \"string\"")),
            (json!({"name": "a", "annotations": {"b": true}}), Some("metadata.annotations.b: true is not of type \"string\"")),
            (json!("a"), Some("metadata: \"a\" is not of type \"object\"")),
        ];
        for (metadata, expected) in rows {
            let object = json!({"metadata": metadata, "spec": {"accountId": "111122223333", "regions": ["eu-west-1"]}});
            let found = against_schema(&BINDING, &object);
            let told = expected.is_none_or(|part| found.len() == 1 && found[0].starts_with(part));
            assert!(told && found.is_empty() == expected.is_none(), "{metadata}: {found:?}");
        }
        assert_eq!(against_schema(&BINDING, &json!({"spec": {"accountId": "111122223333", "regions": ["eu-west-1"]}})).len(), 1);
    }
}
