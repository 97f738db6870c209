//! `spec.verify`: proof, before a definition is registered, that its images can be pulled with their credentials.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What comes of asking the registry.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Verify {
    /// No registry is asked.
    Off,
    /// The answer is told; what is wrong is a warning.
    #[default]
    Warn,
    /// A definition whose images are not proven to be there for their credentials is not registered.
    Enforce,
}

/// What a registry said of one image to one credential, the last time that it was asked.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ImageStatus {
    /// The image as the spec names it.
    pub image: String,
    /// The secret, by its name or as the spec names it.
    pub secret: String,
    /// The version of the secret that was used, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The platform that was looked for (`linux/amd64`; `*` where any serves); absent where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// When the registry was asked.
    pub verified_at: Time,
    /// The digest that the image had the last time that its proof succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What the proof does not cover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why there is no proof now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<ImageFailure>,
}

/// Why an image is not proven.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ImageFailure {
    /// The class of failure.
    pub class: ImageFailureClass,
    /// What was seen. Never a secret, and no text of the registry's own.
    pub message: String,
}

/// The classes of failure.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageFailureClass {
    /// The registry does not know the user name or the password.
    WrongCredential,
    /// The login is good, and may not pull this image.
    NoAccess,
    /// There is no such image; some registries say so too where access is lacking.
    ImageNotFound,
    /// The image is not for the definition's `runtimePlatform`.
    PlatformMismatch,
    /// The registry takes no more requests for now.
    RateLimited,
    /// The registry does not answer, or fails.
    Unreachable,
    /// The registry's certificate is not trusted or not for this host.
    Tls,
    /// What the registry leads to is not admitted by the AccountBinding.
    NotAllowed,
    /// The answer is not a registry's.
    Malformed,
    /// Nothing was asked, as the login is not known here.
    NotVerified,
}

impl ImageFailureClass {
    /// Whether time alone may mend it.
    pub fn passes(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unreachable)
    }
}
