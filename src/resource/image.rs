//! Image references and registries: which registry an image comes from, and which credential's registry covers it.
//!
//! Pure. Deliberately absent: rewriting. What the user wrote is what AWS is given; the normal form is for comparing only. Nothing
//! here asks a registry whether an image exists.

use std::fmt;

use oci_spec::distribution::Reference;
use serde::{Serialize, Serializer};
use thiserror::Error;

use super::arn::glob;

/// The longest image, in characters; with a digest, the part before `@` (AWS: ECS API, `ContainerDefinition.image`).
const MAX_IMAGE_CHARS: usize = 255;
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
        Ok(Self { written: text.into(), registry, repository })
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

    /// Whether the image is in Amazon ECR: then `repositoryCredentials` must not be set (AWS: private registry authentication,
    /// rule 4). All partitions, FIPS and dual-stack names count.
    pub fn ecr(&self) -> Option<EcrKind> {
        ecr_kind(&self.registry)
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
    let (account, rest) = host.split_once('.')?;
    let services = ["dkr.ecr.", "dkr.ecr-fips.", "dkr-ecr.", "dkr-ecr-fips."];
    let (region, suffix) = services.iter().find_map(|service| rest.strip_prefix(service))?.split_once('.')?;
    let numbered = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (numbered && !region.is_empty() && ECR_SUFFIXES.contains(&suffix)).then_some(EcrKind::Private)
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

fn is_sha256(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|digits| is_hex(digits, 64))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image(text: &str) -> Image {
        Image::parse(text).unwrap()
    }

    fn registry(text: &str) -> Registry {
        Registry::parse(text).unwrap()
    }

    #[test]
    fn images_and_what_they_mean() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let long = format!("r.example.com/{}", "a".repeat(241));
        for (text, host, repository, reference) in [
            ("busybox", "docker.io", "library/busybox", "latest"),
            ("acme/app:1", "docker.io", "acme/app", "1"),
            ("docker.io/nginx", "docker.io", "library/nginx", "latest"),
            ("Index.Docker.io/nginx:1", "docker.io", "library/nginx", "1"),
            ("registry-1.docker.io/acme/app", "docker.io", "acme/app", "latest"),
            ("registry-1.docker.io/nginx", "docker.io", "library/nginx", "latest"),
            ("registry.hub.docker.com/library/redis", "docker.io", "library/redis", "latest"),
            ("ghcr.io/acme/team/app:v1.2-rc_3", "ghcr.io", "acme/team/app", "v1.2-rc_3"),
            ("Registry.Example.com:5000/App:1".to_lowercase().as_str(), "registry.example.com:5000", "app", "1"),
            ("Registry.Example.com:5000/app:Tag", "registry.example.com:5000", "app", "Tag"),
            ("localhost/app", "localhost", "app", "latest"),
            ("localhost:5000/app", "localhost:5000", "app", "latest"),
            ("test.com:5000", "docker.io", "library/test.com", "5000"),
            (&format!("quay.io/a/b@{digest}"), "quay.io", "a/b", &digest),
            (&format!("quay.io/a/b:1@{digest}"), "quay.io", "a/b", &digest),
            (&format!("{long}@{digest}"), "r.example.com", &"a".repeat(241), &digest),
        ] {
            let image = image(text);
            assert_eq!((image.registry(), image.repository(), image.reference()), (host, repository, reference), "{text}");
            assert_eq!((image.written(), image.to_string().as_str()), (text, text));
        }
    }

    #[test]
    fn images_that_are_refused() {
        for (text, why) in [
            ("".to_owned(), "is empty"),
            ("https://ghcr.io/acme/app".into(), "no scheme"),
            ("https://user:pass@ghcr.io/acme/app".into(), "no scheme"),
            (format!("r.example.com/{}", "a".repeat(242)), "256 characters"),
            (format!("a/{}:1", "é".repeat(255)), "259 characters"),
            ("ghcr.io/Acme/app".into(), "invalid reference"),
            ("Acme/app".into(), "lower-case"),
            (" busybox".into(), "not an image reference"),
            ("busybox:".into(), "not an image reference"),
            ("ghcr.io/".into(), "not an image reference"),
            ("ghcr.io//app".into(), "not an image reference"),
            ("a b".into(), "not an image reference"),
            ("0a".repeat(32), "id of an image"),
            ("app@sha256:0a".into(), "64 lower-case"),
            (format!("app@sha256:{}", "0A".repeat(32)), "64 lower-case"),
            (format!("app@sha512:{}", "0a".repeat(64)), "64 lower-case"),
            (format!("app@sha256:{0}@sha256:{0}", "0a".repeat(32)), "64 lower-case"),
            ("app@".into(), "64 lower-case"),
        ] {
            let said = Image::parse(&text).unwrap_err().to_string();
            assert!(said.contains(why) && !said.contains("user:pass"), "{text}: {said}");
        }
    }

    #[test]
    fn ecr_in_every_form() {
        let private = Some(EcrKind::Private);
        for (host, kind) in [
            ("111122223333.dkr.ecr.eu-west-1.amazonaws.com", private),
            ("111122223333.DKR.ecr.eu-west-1.amazonaws.com", private),
            ("111122223333.dkr.ecr.eu-west-1.amazonaws.com:443", private),
            ("111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com", private),
            ("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", private),
            ("111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu", private),
            ("111122223333.dkr-ecr.eu-west-1.on.aws", private),
            ("111122223333.dkr-ecr-fips.us-east-1.on.aws", private),
            ("111122223333.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", private),
            ("111122223333.dkr.ecr.us-iso-east-1.c2s.ic.gov", private),
            ("111122223333.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", private),
            ("111122223333.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", private),
            ("111122223333.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", private),
            ("public.ecr.aws", Some(EcrKind::Public)),
            ("ecr-public.aws.com", Some(EcrKind::Public)),
            ("11112222333.dkr.ecr.eu-west-1.amazonaws.com", None),
            ("111122223333.dkr.ecr.eu-west-1.amazonaws.com.evil.io", None),
            ("x111122223333.dkr.ecr.eu-west-1.amazonaws.com", None),
            ("111122223333.dkr.ecr.amazonaws.com", None),
            ("111122223333.ecr.eu-west-1.amazonaws.com", None),
            ("x.public.ecr.aws", None),
            ("ghcr.io", None),
        ] {
            assert_eq!(image(&format!("{host}/team/app:1")).ecr(), kind, "{host}");
            assert_eq!(registry(host).is_ecr(), kind.is_some(), "{host}");
        }
    }

    #[test]
    fn registries_in_every_form() {
        for (text, shown) in [
            ("ghcr.io", "ghcr.io"),
            ("GHCR.io/Acme/", "ghcr.io/acme"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("https://index.docker.io/v1", "docker.io"),
            ("index.docker.io", "docker.io"),
            ("registry-1.docker.io/acme", "docker.io/acme"),
            ("HTTP://registry.hub.docker.com/v2/", "docker.io"),
            ("https://index.docker.io/v1/access-token", "docker.io/access-token"),
            ("registry.example.com:5000", "registry.example.com:5000"),
            ("https://registry.example.com:5000/v2/team/a", "registry.example.com:5000/team/a"),
            ("ghcr.io/v2", "ghcr.io/v2"),
            ("localhost", "localhost"),
            ("registry:5000", "registry:5000"),
            ("*.example.com", "*.example.com"),
        ] {
            assert_eq!(registry(text).to_string(), shown, "{text}");
            assert_eq!(serde_json::to_value(registry(text)).unwrap(), shown);
            assert_eq!(registry(shown), registry(text));
        }
        for (text, why) in [
            ("", "letters, digits"),
            ("acme", "dot or a port"),
            ("acme/app", "dot or a port"),
            ("https://", "letters, digits"),
            ("ftp://ghcr.io", "port is a number"),
            ("ghcr.io/acme/app:1", "its path"),
            ("ghcr.io/acme//app", "its path"),
            ("ghcr.io/a b", "its path"),
            ("ghcr.io:", "port is a number"),
            ("ghcr.io:+80", "port is a number"),
            ("ghcr.io:65536", "port is a number"),
            ("a_b.example.com", "letters, digits"),
            ("-a.example.com", "letters, digits"),
            ("a..com", "letters, digits"),
            ("*", "dot or a port"),
            ("https://user:secret@ghcr.io", "neither a login"),
        ] {
            let said = Registry::parse(text).unwrap_err().to_string();
            assert!(said.contains(why) && !said.contains("secret"), "{text}: {said}");
        }
    }

    #[test]
    fn which_registry_serves_which_image() {
        for (of, text, length) in [
            ("ghcr.io", "ghcr.io/acme/app", Some(0)),
            ("ghcr.io/acme", "ghcr.io/acme/app", Some(4)),
            ("ghcr.io/acme/app", "ghcr.io/acme/app:1", Some(8)),
            ("ghcr.io/acme", "ghcr.io/acme-labs/app", None),
            ("ghcr.io/acme", "ghcr.io/app", None),
            ("ghcr.io", "quay.io/acme/app", None),
            ("https://index.docker.io/v1/", "busybox", Some(0)),
            ("docker.io/library", "busybox", Some(7)),
            ("r.example.com", "r.example.com:5000/app", None),
            ("r.example.com:5000", "R.example.com:5000/app", Some(0)),
            ("*.example.com", "r.example.com/app", Some(0)),
            ("*.example.com", "a.r.example.com/app", None),
            ("*.example.com", "example.com/app", None),
            ("*.example.com", "r.example.com:5000/app", None),
            ("*.example.com:5000/team", "r.example.com:5000/team/app", Some(4)),
            ("r-*.example.com", "r-1.example.com/app", Some(0)),
            ("r.example.*", "r.example.com:5000/app", None),
        ] {
            assert_eq!(registry(of).matches(&image(text)), length, "{of} {text}");
        }
        assert_eq!(registry("ghcr.io").covers(&registry("ghcr.io/acme")), Some(0));
        assert_eq!(registry("ghcr.io/acme").covers(&registry("ghcr.io")), None);
        assert_eq!(registry("*.example.com/a").at("r.example.com"), registry("r.example.com/a"));
        assert_eq!(registry("ghcr.io/a").at("r.example.com"), registry("ghcr.io/a"));
        assert_eq!(Registry::of(&image("busybox")), registry("docker.io"));
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_the_normal_form_is_stable(
            text in "(https?://)?[a-zA-Z0-9.*:-]{0,12}(/[a-z0-9._:@-]{0,6}){0,3}",
        ) {
            if let Ok(registry) = Registry::parse(&text) {
                // A path that begins with the API's own `v1/` would lose it again.
                prop_assume!(!registry.path().starts_with("v1/") && !registry.path().starts_with("v2/"));
                prop_assert_eq!(Registry::parse(&registry.to_string()), Ok(registry));
            }
            if let Ok(image) = Image::parse(&text) {
                prop_assert_eq!(Registry::of(&image).matches(&image), Some(0));
                let whole = format!("{}/{}", image.registry(), image.repository());
                prop_assert_eq!(Image::parse(&whole).map(|again| again.repository), Ok(image.repository));
            }
        }
    }
}
