//! Image references and registries: which registry an image comes from, and which credential's registry covers it.
//!
//! Pure. Deliberately absent: rewriting. What the user wrote is what AWS is given; the normal form is for comparing only. Nothing
//! here asks a registry whether an image exists.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, PoisonError, RwLock};

use oci_spec::distribution::Reference;
use serde::{Serialize, Serializer};
use thiserror::Error;

use super::arn::glob;

/// The longest image, in characters; with a digest, the part before `@` (AWS: ECS API, `ContainerDefinition.image`).
const MAX_IMAGE_CHARS: usize = 255;

/// What was parsed before. A pass parses the images of all workloads of its namespace, so those of a large one are parsed a million
/// times, and the grammar's regular expression takes 12 µs.
static KNOWN: LazyLock<RwLock<HashMap<String, Image>>> = LazyLock::new(RwLock::default);
/// Then all are forgotten.
const MAX_KNOWN: usize = 10_000;
/// The one name under which Docker Hub is known here.
const DOCKER_HUB: &str = "docker.io";
/// Its other names (distribution: reference/normalize.go has the first; the ECS agent's dockerauth.go the first two).
const DOCKER_HUB_ALIASES: [&str; 3] = ["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"];
/// What follows `ACCOUNT.dkr.ecr.REGION.`, in every partition, dual-stack names included (AWS: amazon-ecr-credential-helper,
/// `ecrPattern`; the SDKs' `partitions.json`).
const ECR_SUFFIXES: [&str; 9] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "on.aws",
    "on.amazonwebservices.com.cn",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// What is wrong with an image or a registry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImageError {
    /// Nothing was given.
    #[error("the image is empty; the form is `registry.example.com/payments/api:1.4.2`")]
    Empty,
    /// It is a URL. The text is not repeated: a URL may hold a password.
    #[error("an image has no scheme: leave out what stands before the registry's host, with its `://`")]
    Scheme,
    /// It is longer than ECS and Batch take.
    #[error("the image has {chars} characters before any digest; AWS takes at most {MAX_IMAGE_CHARS}")]
    TooLong {
        /// How many it has.
        chars: usize,
    },
    /// Its digest is of a kind that ECS does not take.
    #[error("the digest of image {image:?} must be `@sha256:` and 64 lower-case hexadecimal digits: AWS takes no other")]
    Digest {
        /// The part before the digest.
        image: String,
    },
    /// It is no image reference.
    #[error("{image:?} is not an image reference: {why}; the form is `registry.example.com/payments/api:1.4.2`")]
    Grammar {
        /// What was given.
        image: String,
        /// What the grammar says.
        why: String,
    },
    /// It does not name a registry. The text is not repeated where it may hold a password.
    #[error("{registry}: not a registry: {why}; the form is `ghcr.io`, `ghcr.io/acme` or `registry.example.com:5000`")]
    Registry {
        /// What was given, quoted, or what stands for it.
        registry: String,
        /// What is wrong.
        why: &'static str,
    },
}

/// The two services of Amazon ECR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EcrKind {
    /// Amazon ECR in an account.
    Private,
    /// Amazon ECR Public.
    Public,
}

/// An image as the user wrote it, with the registry and repository that it means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Image {
    written: String,
    registry: String,
    repository: String,
}

impl Image {
    /// Reads an image by the registries' own grammar (distribution: reference/normalize.go) and within the bounds of AWS (AWS:
    /// ECS API, `ContainerDefinition.image`: 255 characters before the digest, which is sha256 and 64 hexadecimal digits; Batch
    /// counts the digest as well, which is for the caller to check).
    pub fn parse(text: &str) -> Result<Self, ImageError> {
        if text.is_empty() {
            return Err(ImageError::Empty);
        }
        if text.contains("://") {
            return Err(ImageError::Scheme);
        }
        let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
        let chars = name.chars().count();
        if chars > MAX_IMAGE_CHARS {
            return Err(ImageError::TooLong { chars });
        }
        if digest.is_some_and(|digest| !is_sha256(digest)) {
            return Err(ImageError::Digest { image: name.into() });
        }
        let grammar = |why: String| ImageError::Grammar { image: name.into(), why };
        if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(text) {
            return Ok(known.clone());
        }
        let reference: Reference = text.parse().map_err(|error| grammar(format!("{error}")))?;
        if is_hex(text, 64) {
            return Err(grammar("64 hexadecimal digits alone are the id of an image, which no registry serves".into()));
        }
        if reference.repository().contains(|c: char| c.is_ascii_uppercase()) {
            return Err(grammar("a repository is lower-case".into()));
        }
        let registry = normal_host(&reference.registry().to_ascii_lowercase());
        let official = registry == DOCKER_HUB && !reference.repository().contains('/');
        let repository = format!("{}{}", if official { "library/" } else { "" }, reference.repository());
        let image = Self { written: text.into(), registry, repository };
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(text.into(), image.clone());
        Ok(image)
    }

    /// What the user wrote, which is what AWS is given.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The registry's host in lower case, with its port; `docker.io` for Docker Hub by any name.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository within the registry; `library/NAME` for a bare name (distribution: reference/normalize.go).
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The digest if there is one, else the tag, else `latest` (distribution: reference/normalize.go).
    pub fn reference(&self) -> &str {
        if let Some((_, digest)) = self.written.split_once('@') {
            return digest;
        }
        let last = self.written.rsplit('/').next().unwrap_or_default();
        last.split_once(':').map_or("latest", |(_, tag)| tag)
    }

    /// The image by this digest, with no tag; as it is where it names a digest itself.
    pub fn pinned(&self, digest: &str) -> String {
        if self.written.contains('@') {
            return self.written.clone();
        }
        let last = self.written.rfind('/').map_or(0, |slash| slash + 1);
        let end = self.written[last..].find(':').map_or(self.written.len(), |colon| last + colon);
        format!("{}@{digest}", &self.written[..end])
    }

    /// Whether the image is in Amazon ECR: then `repositoryCredentials` must not be set (AWS: private registry authentication,
    /// rule 4). All partitions, FIPS and dual-stack names count.
    pub fn ecr(&self) -> Option<EcrKind> {
        ecr_kind(&self.registry)
    }

    /// Account, Region and repository of an image in a private registry of Amazon ECR.
    pub fn ecr_repository(&self) -> Option<(String, String, String)> {
        let (account, region) = private_ecr(split_port(&self.registry).0)?;
        Some((account.to_owned(), region.to_owned(), self.repository.clone()))
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// The registry that a credential is for: a host, and for some a path prefix. The host may be a pattern such as
/// `*.example.com`, where `*` stays within one label (Kubernetes: images, config.json).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Registry {
    host: String,
    path: String,
}

impl Registry {
    /// Reads `ghcr.io/acme`, or a key of a Docker configuration such as `https://index.docker.io/v1/`: the scheme goes, and so
    /// does the API's `/v1/` or `/v2/` (kubelet: credentialprovider/keyring.go). Bare `/v1` and `/v2` go only after a scheme;
    /// without one they are somebody's path.
    pub fn parse(text: &str) -> Result<Self, ImageError> {
        let refuse = |why| Err(ImageError::Registry { registry: format!("{text:?}"), why });
        if text.contains('@') {
            let registry = "a registry with `@`".into();
            return Err(ImageError::Registry { registry, why: "it may hold neither a login nor a digest" });
        }
        let lowered = text.to_ascii_lowercase();
        let bare = ["https://", "http://"].iter().find_map(|scheme| lowered.strip_prefix(scheme));
        let (host, path) = bare.unwrap_or(&lowered).split_once('/').unwrap_or((bare.unwrap_or(&lowered), ""));
        if let Err(why) = check_host(host) {
            return refuse(why);
        }
        let path = match path {
            "v1" | "v2" if bare.is_some() => "",
            _ => path.strip_prefix("v1/").or(path.strip_prefix("v2/")).unwrap_or(path),
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        if !path.is_empty() && !path.split('/').all(is_segment) {
            return refuse("its path is made of letters, digits, `.`, `_` and `-`, and ends before the image and its tag");
        }
        Ok(Self { host: normal_host(host), path: path.into() })
    }

    /// The host in lower case, with its port; a pattern if [`Registry::is_pattern`].
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path prefix, without slashes at its ends; empty for a whole host.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the host is a pattern: it stands for many registries, so no AWS secret can be named after it.
    pub fn is_pattern(&self) -> bool {
        self.host.contains('*')
    }

    /// Whether it is Amazon ECR, which takes no registry credentials (AWS: private registry authentication, rule 4).
    pub fn is_ecr(&self) -> bool {
        ecr_kind(&self.host).is_some()
    }

    /// Whether this registry's credential serves an image, and by how long a path prefix: the longest wins (Kubernetes: images,
    /// config.json). A prefix ends at a slash: `ghcr.io/acme` does not serve `ghcr.io/acme-labs/app`.
    pub fn matches(&self, image: &Image) -> Option<usize> {
        self.serves(&image.registry, &image.repository)
    }

    /// [`Registry::matches`] for another credential's registry: whether whatever that one serves, this one serves.
    pub fn covers(&self, other: &Self) -> Option<usize> {
        self.serves(&other.host, &other.path)
    }

    /// This registry with a pattern's host replaced by the host that was matched.
    pub fn at(&self, host: &str) -> Self {
        let host = if self.is_pattern() { normal_host(host) } else { self.host.clone() };
        Self { host, path: self.path.clone() }
    }

    /// The registry of an image as a whole.
    pub fn of(image: &Image) -> Self {
        Self { host: image.registry.clone(), path: String::new() }
    }

    fn serves(&self, host: &str, repository: &str) -> Option<usize> {
        let rest = repository.strip_prefix(&self.path)?;
        let whole = self.path.is_empty() || rest.is_empty() || rest.starts_with('/');
        (whole && host_matches(&self.host, host)).then_some(self.path.len())
    }
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, "/{}", self.path) }
    }
}

impl Serialize for Registry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// kubelet's rule: as many labels on both sides, each fits, and the ports are the same (kubelet: credentialprovider/keyring.go).
fn host_matches(pattern: &str, host: &str) -> bool {
    if pattern == host {
        return true;
    }
    let (pattern, pattern_port) = split_port(pattern);
    let (host, host_port) = split_port(host);
    pattern_port == host_port
        && pattern.split('.').count() == host.split('.').count()
        && pattern.split('.').zip(host.split('.')).all(|(pattern, label)| glob(pattern, label))
}

fn ecr_kind(host: &str) -> Option<EcrKind> {
    let (host, _) = split_port(host);
    if matches!(host, "public.ecr.aws" | "ecr-public.aws.com") {
        return Some(EcrKind::Public);
    }
    private_ecr(host).map(|_| EcrKind::Private)
}

/// Account and Region of a private registry of Amazon ECR.
fn private_ecr(host: &str) -> Option<(&str, &str)> {
    let (account, rest) = host.split_once('.')?;
    let services = ["dkr.ecr.", "dkr.ecr-fips.", "dkr-ecr.", "dkr-ecr-fips."];
    let (region, suffix) = services.iter().find_map(|service| rest.strip_prefix(service))?.split_once('.')?;
    let numbered = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (numbered && !region.is_empty() && ECR_SUFFIXES.contains(&suffix)).then_some((account, region))
}

/// A host, already in lower case, under the one name that is compared.
fn normal_host(host: &str) -> String {
    if DOCKER_HUB_ALIASES.contains(&host) { DOCKER_HUB.into() } else { host.into() }
}

fn split_port(host: &str) -> (&str, Option<&str>) {
    host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)))
}

fn check_host(host: &str) -> Result<(), &'static str> {
    let (name, port) = split_port(host);
    // `parse` alone would take a plus sign.
    let numbered = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if port.is_some_and(|port| !numbered(port)) {
        return Err("its port is a number up to 65535");
    }
    let hyphenated = |label: &str| label.starts_with('-') || label.ends_with('-');
    let letters = |label: &str| label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'*');
    if name.split('.').any(|label| label.is_empty() || hyphenated(label) || !letters(label)) {
        return Err("its host is letters, digits and hyphens between dots");
    }
    // Without this, `acme` would be taken for a host; an image `acme/app` is on Docker Hub.
    if !name.contains('.') && port.is_none() && name != "localhost" {
        return Err("a host has a dot or a port; what is on Docker Hub begins with `docker.io/`");
    }
    Ok(())
}

fn is_segment(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

pub(crate) fn is_sha256(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|digits| is_hex(digits, 64))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests;
