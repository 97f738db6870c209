//! The questions to a registry, in order: whether the image is there for the login, and for which platform it is.

use super::Registries;
use super::token::authorize;
use super::wire::{Answer, Wire, authority, place};
use crate::api::{ImageFailure, ImageFailureClass as Class};
use crate::resource::fingerprint::image_digest;
use crate::resource::image::is_sha256;
use crate::resource::login::Login;
use crate::resource::verification::{
    Contents, Fence, ImageRead, Platform, Proof, config_platform, contents, failed, is_manifest_type,
};
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use hyper::{Method, StatusCode};
use url::Url;

/// Docker Hub's API is on another host than its name (distribution: reference/normalize.go, registry/config).
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");
/// Redirects from a registry to where it keeps its blobs.
const MAX_HOPS: usize = 3;

/// HEAD first, which Docker Hub does not count as a pull; the manifest itself only where the platform must be seen, or the digest is
/// not told.
pub(super) async fn prove(registries: &Registries, read: &ImageRead, login: &Login) -> Result<Proof, ImageFailure> {
    let mut wire = Wire::new(registries, &read.fence);
    let url = resource(read, "manifests", read.image.reference())?;
    let first = wire.send(Method::HEAD, &url, None).await?;
    let (access, head) = match first.status {
        StatusCode::UNAUTHORIZED => {
            let access = authorize(&mut wire, &url, read.image.repository(), login, &first).await?;
            let head = wire.send(Method::HEAD, &url, Some(&access)).await?;
            (Some(access), head)
        }
        _ => (None, first),
    };
    check(&url, &head, access.as_ref())?;
    let note = access.is_none().then(|| "the registry serves it to anybody, so the login was not tried".to_owned());
    let told = head.headers.get("docker-content-digest").and_then(|value| value.to_str().ok()).filter(|digest| is_sha256(digest));
    let named = (read.image.written().contains('@')).then(|| read.image.reference());
    if let (Some(told), Some(named)) = (told, named)
        && told != named
    {
        return Err(failed(Class::Malformed, format!("{} answers with another digest than the one asked for", place(&url))));
    }
    if let Some(digest) = told.filter(|digest| read.platform.is_none() || read.is_known(digest)) {
        return Ok(Proof { digest: digest.to_owned(), note });
    }
    let url = resource(read, "manifests", told.unwrap_or(read.image.reference()))?;
    let answer = wire.send(Method::GET, &url, access.as_ref()).await?;
    check(&url, &answer, access.as_ref())?;
    let digest = image_digest(&answer.body);
    if told.or(named).is_some_and(|told| told != digest) {
        return Err(failed(Class::Malformed, format!("{}: the manifest is not the one of its digest", place(&url))));
    }
    let unlike = || failed(Class::Malformed, format!("{} answers with no manifest of an image", place(&url)));
    let contents = contents(&answer.body).ok_or_else(unlike)?;
    let unchecked = match &read.platform {
        Some(platform) => check_platform(&mut wire, read, platform, contents, access.as_ref()).await?,
        None => None,
    };
    Ok(Proof { digest, note: unchecked.or(note) })
}

/// Where a registry serves something of the image's repository.
fn resource(read: &ImageRead, kind: &str, name: &str) -> Result<Url, ImageFailure> {
    let registry = read.image.registry();
    let host = if registry == DOCKER_HUB.0 { DOCKER_HUB.1 } else { registry };
    let path = format!("{host}/v2/{}/{kind}/{name}", read.image.repository());
    let malformed = |_| failed(Class::Malformed, format!("{registry} is no host that can be asked"));
    let plain = Url::parse(&format!("http://{path}")).map_err(malformed)?;
    if read.fence.may_be_plain(&authority(&plain)) {
        Ok(plain)
    } else {
        Url::parse(&format!("https://{path}")).map_err(malformed)
    }
}

/// Nothing but a manifest is one: a web page may answer 200 as well.
fn check(url: &Url, answer: &Answer, access: Option<&HeaderValue>) -> Result<(), ImageFailure> {
    let content_type = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let basic = access.is_some_and(|value| value.as_bytes().starts_with(b"Basic "));
    match answer.status {
        StatusCode::OK if is_manifest_type(content_type) => Ok(()),
        StatusCode::OK => Err(failed(Class::Malformed, format!("{} answers with something that is no manifest", place(url)))),
        _ => Err(refusal(url, answer, if basic { Class::WrongCredential } else { Class::NoAccess })),
    }
}

/// What an answer other than success means; `unauthorized` = what 401 does.
pub(super) fn refusal(url: &Url, answer: &Answer, unauthorized: Class) -> ImageFailure {
    let place = place(url);
    let class = match answer.status {
        StatusCode::UNAUTHORIZED => unauthorized,
        StatusCode::FORBIDDEN => Class::NoAccess,
        StatusCode::NOT_FOUND => Class::ImageNotFound,
        StatusCode::TOO_MANY_REQUESTS => Class::RateLimited,
        status if status.is_server_error() => Class::Unreachable,
        status if status.is_redirection() => Class::NotAllowed,
        _ => Class::Malformed,
    };
    let hint = match class {
        Class::NotAllowed => "; a redirect of what takes a login is not followed".to_owned(),
        Class::RateLimited => {
            let seconds = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
            seconds.map(|seconds| format!("; it says to wait {seconds} s")).unwrap_or_default()
        }
        _ => String::new(),
    };
    failed(class, format!("{place} answers {}{hint}", answer.status.as_u16()))
}

/// Whether the image runs where it shall; what could not be seen is told.
async fn check_platform(
    wire: &mut Wire<'_>,
    read: &ImageRead,
    wanted: &Platform,
    contents: Contents,
    access: Option<&HeaderValue>,
) -> Result<Option<String>, ImageFailure> {
    let found = match contents {
        Contents::Index(platforms) => platforms,
        Contents::Image(config) => match config_of(wire, read, &config, access).await? {
            Ok(platform) => vec![platform],
            Err(note) => return Ok(Some(note)),
        },
    };
    if found.iter().any(|platform| wanted.admits(platform)) {
        return Ok(None);
    }
    let some: Vec<String> = found.iter().take(10).map(|platform| clean(&platform.to_string())).collect();
    let more = if found.len() > some.len() { format!(" and {} more", found.len() - some.len()) } else { String::new() };
    let message = format!("it is for {}{more}, and the definition runs on {wanted}", some.join(", "));
    Err(failed(Class::PlatformMismatch, message))
}

/// A stranger's word, made short and plain.
fn clean(word: &str) -> String {
    word.chars().filter(|c| c.is_ascii_alphanumeric() || "/*_.-".contains(*c)).take(40).collect()
}

/// The platform of a single image, or why it is not known. Registries keep blobs elsewhere and redirect there; that is followed with
/// no login, and to hosts that may be contacted anyway.
async fn config_of(
    wire: &mut Wire<'_>,
    read: &ImageRead,
    digest: &str,
    access: Option<&HeaderValue>,
) -> Result<Result<Platform, String>, ImageFailure> {
    let unknown = |why: String| Ok(Err(format!("its platform is not known: {why}")));
    let mut url = resource(read, "blobs", digest)?;
    let mut answer = wire.send(Method::GET, &url, access).await?;
    for _ in 0..MAX_HOPS {
        if !answer.status.is_redirection() {
            break;
        }
        let location = answer.headers.get(LOCATION).and_then(|value| url.join(value.to_str().ok()?).ok());
        let Some(next) = location.filter(|next| wire.speaks(next) && is_near(wire.fence, &url, next)) else {
            return unknown(format!("{} keeps it on a host that limits.registries do not admit", place(&url)));
        };
        url = next;
        answer = wire.send(Method::GET, &url, None).await?;
    }
    if answer.status != StatusCode::OK {
        return unknown(format!("{} answers {} for the image's configuration", place(&url), answer.status.as_u16()));
    }
    if image_digest(&answer.body) != digest {
        return Err(failed(Class::Malformed, format!("{}: the image's configuration is not the one of its digest", place(&url))));
    }
    match config_platform(&answer.body) {
        Some(platform) => Ok(Ok(platform)),
        None => unknown("the image's configuration names none".to_owned()),
    }
}

fn is_near(fence: &Fence, from: &Url, to: &Url) -> bool {
    authority(from) == authority(to) || fence.may_keep_blobs(&authority(to))
}
