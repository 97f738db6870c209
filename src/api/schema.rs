//! The schemas of `spec.ecs` and `spec.batch`, generated from AWS's service model by `hack/generate-schema.py`.

use schemars::{Schema, SchemaGenerator};

const ECS: &str = include_str!("schema/ecs.json");
const BATCH: &str = include_str!("schema/batch.json");

/// The fields of ECS RegisterTaskDefinition.
pub(super) fn ecs(_: &mut SchemaGenerator) -> Schema {
    parse(ECS)
}

/// The fields of Batch RegisterJobDefinition.
pub(super) fn batch(_: &mut SchemaGenerator) -> Schema {
    parse(BATCH)
}

/// An object of which nothing is known.
pub(super) fn any_object(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// The files are part of the program and a test parses them, so the fallback (any object) is never seen.
fn parse(text: &str) -> Schema {
    serde_json::from_str(text).unwrap_or_else(|_| schemars::json_schema!({"type": "object"}))
}
