//! The schemas of `spec.ecs` and `spec.batch`, generated from AWS's service model by `hack/generate-schema.py`, with the CEL rules
//! of `schema/rules.rs`.

mod rules;

use kube::core::validate;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use std::sync::LazyLock;

const ECS: &str = include_str!("schema/ecs.json");
const BATCH: &str = include_str!("schema/batch.json");

static ECS_FIELDS: LazyLock<Schema> = LazyLock::new(|| parse(ECS));
static BATCH_FIELDS: LazyLock<Schema> = LazyLock::new(|| parse(BATCH));

/// The fields of ECS RegisterTaskDefinition, without rules across fields. The description of a text with known values is `One of: `
/// and these.
pub fn ecs_fields() -> &'static Value {
    ECS_FIELDS.as_value()
}

/// The fields of Batch RegisterJobDefinition, likewise.
pub fn batch_fields() -> &'static Value {
    BATCH_FIELDS.as_value()
}

/// The schema of `spec.ecs`.
pub(super) fn ecs(_: &mut SchemaGenerator) -> Schema {
    with_rules(&ECS_FIELDS, rules::ecs())
}

/// The schema of `spec.batch`.
pub(super) fn batch(_: &mut SchemaGenerator) -> Schema {
    with_rules(&BATCH_FIELDS, rules::batch())
}

/// A rule whose place is not there is left out; the tests on the API server miss each that is.
fn with_rules(fields: &Schema, rules: Vec<rules::Placed>) -> Schema {
    let mut schema = fields.clone();
    for (place, rule) in rules {
        let mut steps = place.split('.').filter(|step| !step.is_empty());
        let found = steps.try_fold(schema.ensure_object(), |object, step| match step.strip_suffix("[]") {
            None => below(below(object, "properties")?, step),
            Some(list) => below(below(below(object, "properties")?, list)?, "items"),
        });
        let Some(object) = found else { continue };
        let mut part = Schema::from(std::mem::take(object));
        // Fails only for a rule that is no JSON, and all are.
        let _ = validate(&mut part, rule);
        *object = part.ensure_object().clone();
    }
    schema
}

fn below<'a>(object: &'a mut serde_json::Map<String, Value>, field: &str) -> Option<&'a mut serde_json::Map<String, Value>> {
    object.get_mut(field)?.as_object_mut()
}

/// An object of which nothing is known.
pub(super) fn any_object(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// The files are part of the program and a test parses them, so the fallback (any object) is never seen.
fn parse(text: &str) -> Schema {
    serde_json::from_str(text).unwrap_or_else(|_| schemars::json_schema!({"type": "object"}))
}
