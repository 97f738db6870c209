//! What a manifest says, as far as a proof looks at it (OCI image specification; Docker's schema 2 has the same fields). It comes
//! from a stranger: only what is looked for is read, and serde_json bounds its depth.

use super::Platform;
use crate::resource::image::is_sha256;
use serde::Deserialize;

/// What a name in a registry leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// A list of images, one a platform.
    Index(Vec<Platform>),
    /// One image, and the digest of its configuration, which names its platform.
    Image(String),
}

/// The media types of manifests: what is asked for, and the only ones that are believed.
pub const MANIFEST_TYPES: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// Whether a `Content-Type` is a manifest's.
pub fn is_manifest_type(content_type: &str) -> bool {
    let bare = content_type.split(';').next().unwrap_or_default().trim();
    MANIFEST_TYPES.iter().any(|known| bare.eq_ignore_ascii_case(known))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    manifests: Option<Vec<Entry>>,
    config: Option<Descriptor>,
}

#[derive(Deserialize)]
struct Entry {
    platform: Option<Words>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

#[derive(Deserialize)]
struct Words {
    os: Option<String>,
    architecture: Option<String>,
}

impl From<Words> for Platform {
    fn from(words: Words) -> Self {
        Self { os: words.os, architecture: words.architecture }
    }
}

/// Reads a manifest or an index; nothing if it is neither.
pub fn contents(body: &[u8]) -> Option<Contents> {
    let manifest: Manifest = serde_json::from_slice(body).ok()?;
    match (manifest.schema_version, manifest.manifests, manifest.config) {
        (2, Some(entries), None) => {
            Some(Contents::Index(entries.into_iter().filter_map(|entry| entry.platform.map(Platform::from)).collect()))
        }
        (2, None, Some(config)) if is_sha256(&config.digest) => Some(Contents::Image(config.digest)),
        _ => None,
    }
}

/// The platform that an image's configuration names; nothing if it names none.
pub fn config_platform(body: &[u8]) -> Option<Platform> {
    let words: Words = serde_json::from_slice(body).ok()?;
    (words.os.is_some() && words.architecture.is_some()).then(|| words.into())
}
