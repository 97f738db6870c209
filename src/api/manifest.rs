//! The custom resource definitions as files: what `crds/` holds and `wharfinger crds` prints. Pure.

use super::{AccountBinding, PrivateImageWorkload, PullNetwork, RegistryCredential};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::json;
use sha2::{Digest, Sha256};

/// Stands above each file. Who edits the file instead of the types is told so by a test.
const HEADER: &str = "# Generated from src/api by `make crds`. Do not edit.\n";

/// Annotation of each custom resource definition: the release that it is of, and a hash of what it says.
pub const CRD_SCHEMA: &str = "wharfinger.dev/schema";

/// The custom resource definitions of this release.
pub fn definitions() -> [CustomResourceDefinition; 4] {
    let ours = [PrivateImageWorkload::crd(), RegistryCredential::crd(), AccountBinding::crd(), PullNetwork::crd()];
    ours.map(without_nulls).map(unseen).map(stamped)
}

fn stamped(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let text = serde_json::to_string(&crd.spec).unwrap_or_default(); // strings, numbers, lists and maps: nothing that could fail
    let hash: String = Sha256::digest(text).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let stamp = format!("{}/{hash}", env!("CARGO_PKG_VERSION"));
    crd.metadata.annotations.get_or_insert_default().insert(CRD_SCHEMA.to_owned(), stamp);
    crd
}

/// What a custom resource definition is, compared with that of this release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaAge {
    /// It says the same.
    Same,
    /// It is of an older release, or of none that says so: fields of this one would be lost.
    Older,
    /// It is of a newer release.
    Newer,
}

/// Compares the annotations [`CRD_SCHEMA`] of what is installed and of this release.
pub fn schema_age(installed: Option<&str>, own: &str) -> SchemaAge {
    let parts = |stamp: &str| {
        let (release, hash) = stamp.split_once('/')?;
        let numbers: Vec<u64> = release.split(['.', '-', '+']).map_while(|part| part.parse().ok()).take(3).collect();
        Some((numbers, hash.to_owned()))
    };
    match (installed.and_then(parts), parts(own)) {
        (Some((_, installed)), Some((_, own))) if installed == own => SchemaAge::Same,
        (Some((installed, _)), Some((own, _))) if installed > own => SchemaAge::Newer,
        _ => SchemaAge::Older,
    }
}

/// Name and content of the file of each custom resource definition.
pub fn crds() -> Result<Vec<(String, String)>, serde_saphyr::ser::Error> {
    let text = |crd: &CustomResourceDefinition| {
        let name = crd.metadata.name.as_deref().unwrap_or_default();
        Ok((format!("{name}.yaml"), format!("{HEADER}{}", serde_saphyr::to_string(crd)?)))
    };
    definitions().iter().map(text).collect()
}

/// Until a first pass has written a status, the API server says that no generation was seen: whoever waits for an object, by kstatus for
/// one, takes an object without a status for one that is right.
fn unseen(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let schemas = crd.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut());
    let statuses = schemas.filter_map(|schema| schema.properties.as_mut()?.get_mut("status"));
    statuses.for_each(|status| status.default = Some(JSON(json!({ "observedGeneration": -1 }))));
    crd
}

/// A null is no value and is refused, as in the CRDs of everybody else: so `has()` in a rule means what it says.
fn without_nulls(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let schemas = crd.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut());
    schemas.for_each(drop_nullable);
    crd
}

fn drop_nullable(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.properties.iter_mut().flat_map(|properties| properties.values_mut()).for_each(drop_nullable);
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        drop_nullable(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        drop_nullable(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_a_schema_is_told_by_release_and_content() {
        let rows = [
            (Some("0.1.0/aa"), SchemaAge::Same),
            (Some("0.0.9/aa"), SchemaAge::Same),
            (Some("0.2.0/aa"), SchemaAge::Same),
            (Some("0.0.9/bb"), SchemaAge::Older),
            (Some("0.1.0/bb"), SchemaAge::Older),
            (Some("0.1.1/bb"), SchemaAge::Newer),
            (Some("0.10.0/bb"), SchemaAge::Newer),
            (Some("1.0.0-rc.1/bb"), SchemaAge::Newer),
            (Some("something else"), SchemaAge::Older),
            (None, SchemaAge::Older),
        ];
        for (installed, expected) in rows {
            assert_eq!(schema_age(installed, "0.1.0/aa"), expected, "{installed:?}");
        }
    }

    #[test]
    fn each_definition_carries_its_stamp() {
        let stamps = definitions().map(|crd| crd.metadata.annotations.expect("annotations")[CRD_SCHEMA].clone());
        assert!(stamps.iter().all(|stamp| schema_age(Some(stamp), stamp) == SchemaAge::Same), "{stamps:?}");
        assert!(stamps[0] != stamps[1] && stamps[1] != stamps[2], "each has a hash of its own: {stamps:?}");
    }
}
