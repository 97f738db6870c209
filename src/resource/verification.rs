//! Proof that a credential pulls an image: what to ask a registry, what it proves, and how long a proof lasts.
//!
//! Pure. The asking is `src/registry.rs`. A proof is worth what the registry's word is worth to the owner of the workload: it
//! keeps a definition that cannot start from being registered, and grants nothing.

mod fence;
mod manifest;

pub use fence::{Authority, Fence};
pub use manifest::{Contents, MANIFEST_TYPES, config_platform, contents, is_manifest_type};

use super::image::Image;
use super::sealed::Sealed;
use crate::api::{ImageFailure, ImageFailureClass, ImageStatus};
use crate::failure::cut;
use crate::status::Reason;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use std::fmt;
use std::time::Duration;

/// How long a proof counts where the workload is looked at less often. A pass that comes once an hour asks each time.
const LASTS: Duration = Duration::from_secs(45 * 60);

/// What an image has to run on; what is absent may be any (ECS API, `RuntimePlatform`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    /// `linux` or `windows`, in the words of images.
    pub os: Option<String>,
    /// `amd64` or `arm64`.
    pub architecture: Option<String>,
}

impl Platform {
    /// Whether an image for this other platform runs on it.
    pub fn admits(&self, image: &Platform) -> bool {
        let fits = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        fits(&self.os, &image.os) && fits(&self.architecture, &image.architecture)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |part: &Option<String>| part.clone().unwrap_or_else(|| "*".to_owned());
        write!(out, "{}/{}", word(&self.os), word(&self.architecture))
    }
}

/// One image, asked for with one login.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRead {
    /// The image.
    pub image: Image,
    /// The secret, by its name or as the spec names it.
    pub secret: String,
    /// The login.
    pub login: LoginSource,
    /// What it has to run on, where the definition says so.
    pub platform: Option<Platform>,
    /// Paths of the containers that pull it.
    pub containers: Vec<String>,
    /// Where the question may lead.
    pub fence: Fence,
    /// Whether what is not proven is not registered.
    pub enforce: bool,
    /// Whether an answer that is at hand counts.
    pub afresh: bool,
    /// How long an answer counts.
    pub lasts: Duration,
    /// What the status says of the image.
    pub known: Vec<ImageStatus>,
}

/// Where a login comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum LoginSource {
    /// It is what the secret's value will be.
    Given {
        /// The value.
        value: Sealed,
        /// Its version id.
        version_id: String,
    },
    /// It is in the secret, and only there.
    Stored {
        /// ARN of the secret, once it was looked at and the fences admit it. Nothing else is read: a login that is read goes out to
        /// the image's registry.
        arn: Option<String>,
    },
}

/// What was proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Digest of what the image's name leads to.
    pub digest: String,
    /// What the proof does not cover.
    pub note: Option<String>,
}

impl ImageRead {
    /// How long an answer counts with this `spec.interval`: a pass that comes by the interval asks.
    pub fn lasting(interval: Option<Duration>) -> Duration {
        interval.filter(|interval| !interval.is_zero()).map_or(LASTS, |interval| (interval * 3 / 4).min(LASTS))
    }

    /// An answer that is at hand, so that none has to be fetched: to the same question, with the same version of the secret, and
    /// recent. What failed and is enforced is asked again.
    pub fn at_hand(&self, version_id: Option<&str>, now: Timestamp) -> Option<&ImageStatus> {
        let recent = |known: &ImageStatus| {
            let age = Duration::try_from(now.duration_since(known.verified_at.0));
            age.is_ok_and(|age| age < self.lasts)
        };
        let counts = |known: &&ImageStatus| {
            self.asked(known)
                && version_id.is_some()
                && known.version_id.as_deref() == version_id
                && recent(known)
                && (known.failure.is_none() || !self.enforce)
        };
        self.known.iter().find(counts).filter(|_| !self.afresh)
    }

    /// Whether an answer is one to this question.
    pub fn asked(&self, status: &ImageStatus) -> bool {
        status.image == self.image.written()
            && status.secret == self.secret
            && status.platform == self.platform.as_ref().map(Platform::to_string)
    }

    /// Whether this digest was found to be for the platform: what a digest names never changes.
    pub fn is_known(&self, digest: &str) -> bool {
        let same =
            |known: &ImageStatus| known.digest.as_deref() == Some(digest) && known.failure.is_none() && known.note.is_none();
        self.known.iter().any(|known| self.asked(known) && same(known))
    }

    /// The answer as the status keeps it. A failure keeps the digest that was proven last; one that is asked for again and again
    /// keeps its time as well, so that no status is written for it.
    pub fn answered(&self, version_id: Option<&str>, now: Timestamp, answer: Result<Proof, ImageFailure>) -> ImageStatus {
        let same = |known: &&ImageStatus| {
            self.asked(known) && known.version_id.as_deref() == version_id && known.failure.as_ref() == answer.as_ref().err()
        };
        if let Some(known) = self.known.iter().find(same).filter(|known| self.enforce && known.failure.is_some()) {
            return known.clone();
        }
        let (digest, note, failure) = match answer {
            Ok(proof) => (Some(proof.digest), proof.note, None),
            Err(failure) => (self.known.iter().find_map(|known| known.digest.clone()), None, Some(failure)),
        };
        ImageStatus {
            image: self.image.written().to_owned(),
            secret: self.secret.clone(),
            version_id: version_id.map(str::to_owned),
            platform: self.platform.as_ref().map(Platform::to_string),
            verified_at: Time(now),
            digest,
            note,
            failure,
        }
    }

    /// Where its answer is; without one nothing is proven.
    pub fn find<'a>(&self, answers: &'a [ImageStatus]) -> Option<&'a ImageStatus> {
        answers.iter().find(|status| self.asked(status))
    }
}

/// A failure of this class.
pub fn failed(class: ImageFailureClass, message: impl Into<String>) -> ImageFailure {
    ImageFailure { class, message: cut(&message.into()) }
}

/// The reason that a class of failure gives.
pub fn reason(class: ImageFailureClass) -> Reason {
    if class.passes() { Reason::RegistryUnavailable } else { Reason::ImageNotVerified }
}

/// One failure, for people, with what to do.
pub fn told(status: &ImageStatus, failure: &ImageFailure) -> String {
    let remedy = match failure.class {
        ImageFailureClass::WrongCredential => "correct the user name and the password",
        ImageFailureClass::NoAccess => "let the login pull this repository, or give another login",
        ImageFailureClass::ImageNotFound => "push the image, correct its name, or let the login see it",
        ImageFailureClass::PlatformMismatch => "push the image for this platform, or set runtimePlatform to one that it has",
        ImageFailureClass::RateLimited | ImageFailureClass::Unreachable => "it is asked again",
        ImageFailureClass::Tls => "give the controller the registry's CA by --registry-ca, or mend the certificate",
        ImageFailureClass::NotAllowed => "ask the administrator of the AccountBinding, or set verify: Off",
        ImageFailureClass::Malformed => "see whether the host is a registry",
        ImageFailureClass::NotVerified => "let the controller read the secret, or set verify: Off",
    };
    let ImageStatus { image, secret, .. } = status;
    format!("image {image} with secret {secret}: {:?}: {}; {remedy}", failure.class, failure.message)
}

#[cfg(test)]
mod tests;
