//! What the API server's strict validation does, for files that no API server has seen: unknown fields, types, bounds, patterns.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

/// All that is wrong with an object by its CRD's schema, each with its field. CEL rules are not among it: the core has them.
pub(super) fn against_schema(crd: &CustomResourceDefinition, object: &Value) -> Vec<String> {
    let schema = crd
        .spec
        .versions
        .iter()
        .find_map(|version| serde_json::to_value(version.schema.as_ref()?.open_api_v3_schema.as_ref()?).ok());
    let Some(mut schema) = schema else { return vec![] };
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.extend([
            ("apiVersion".to_owned(), json!({})),
            ("kind".to_owned(), json!({})),
            ("metadata".to_owned(), json!({})),
        ]);
    }
    close(&mut schema);
    let Ok(validator) = jsonschema::validator_for(&schema) else { return vec!["the CRD's own schema is broken".to_owned()] };
    validator.iter_errors(object).map(|error| told(&error.instance_path().to_string(), &error.to_string())).collect()
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

/// `/spec/credentials/0/registry` as `spec.credentials[0].registry`.
fn told(pointer: &str, message: &str) -> String {
    let field = pointer.split('/').skip(1).fold(String::new(), |path, part| match part.parse::<usize>() {
        Ok(index) => format!("{path}[{index}]"),
        Err(_) if path.is_empty() => part.to_owned(),
        Err(_) => format!("{path}.{part}"),
    });
    match field.is_empty() {
        true => message.to_owned(),
        false => format!("{field}: {message}"),
    }
}
