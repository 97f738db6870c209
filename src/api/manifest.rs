//! The custom resource definitions as files: what `crds/` holds and `wharfinger crds` prints. Pure.

use super::{AccountBinding, PrivateImageWorkload, RegistryCredential};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

/// Stands above each file. Who edits the file instead of the types is told so by a test.
const HEADER: &str = "# Generated from src/api by `make crds`. Do not edit.\n";

/// Name and content of the file of each custom resource definition.
pub fn crds() -> Result<Vec<(String, String)>, serde_saphyr::ser::Error> {
    let text = |crd: &CustomResourceDefinition| {
        let name = crd.metadata.name.as_deref().unwrap_or_default();
        Ok((format!("{name}.yaml"), format!("{HEADER}{}", serde_saphyr::to_string(crd)?)))
    };
    [PrivateImageWorkload::crd(), RegistryCredential::crd(), AccountBinding::crd()].map(without_nulls).iter().map(text).collect()
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
