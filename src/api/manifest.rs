//! The custom resource definitions as files: what `crds/` holds and `wharfinger crds` prints. Pure.

use super::{AccountBinding, PrivateImageWorkload};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// Stands above each file. Who edits the file instead of the types is told so by a test.
const HEADER: &str = "# Generated from src/api by `make crds`. Do not edit.\n";

/// Name and content of the file of each custom resource definition. Plain data always has a text, so nothing is left out; a test
/// counts them.
pub fn crds() -> Vec<(String, String)> {
    let text = |crd: &CustomResourceDefinition| {
        let name = crd.metadata.name.as_deref().unwrap_or_default();
        Some((format!("{name}.yaml"), format!("{HEADER}{}", serde_saphyr::to_string(crd).ok()?)))
    };
    [PrivateImageWorkload::crd(), AccountBinding::crd()].iter().filter_map(text).collect()
}
