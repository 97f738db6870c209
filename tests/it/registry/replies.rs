//! What the hosts of the tests answer.

use super::net::{Net, Reply, Seen};
use wharfinger::resource::fingerprint::image_digest;

const REGISTRY: &str = "registry.example.com";
const SSO: &str = "sso.example.com";
const EVIL: &str = "evil.example.com";
const METADATA: &str = "https://169.254.169.254/latest/meta-data";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    Reply::Bytes([head.as_bytes(), body].concat())
}

fn redirect(status: &str, location: &str) -> Reply {
    answer(status, &[("location", location)], b"")
}

fn challenge(value: &str) -> Reply {
    answer("401 Unauthorized", &[("www-authenticate", value)], b"")
}

fn token(token: &str) -> Reply {
    answer("200 OK", &[], serde_json::json!({"token": token}).to_string().as_bytes())
}

/// A manifest, with or without its body.
fn manifest(seen: &Seen, body: &str) -> Reply {
    let digest = image_digest(body.as_bytes());
    let body = if seen.has("HEAD ") { b"" } else { body.as_bytes() };
    answer("200 OK", &[("content-type", MANIFEST), ("docker-content-digest", &digest)], body)
}

fn config(os: &str, architecture: &str) -> String {
    serde_json::json!({"os": os, "architecture": architecture}).to_string()
}

fn image_of(config: &str) -> String {
    serde_json::json!({"schemaVersion": 2, "config": {"digest": image_digest(config.as_bytes())}}).to_string()
}

fn index_of(platforms: &[(&str, &str)]) -> String {
    let one = |(os, architecture): &(&str, &str)| serde_json::json!({"platform": {"os": os, "architecture": architecture}});
    serde_json::json!({"schemaVersion": 2, "manifests": platforms.iter().map(one).collect::<Vec<_>>()}).to_string()
}

/// A registry with basic authentication that serves this.
fn behind_basic(seen: &Seen, serve: impl Fn() -> Reply) -> Reply {
    match seen.login() {
        Some(login) if login.starts_with("Basic ") => serve(),
        _ => challenge(r#"Basic realm="registry""#),
    }
}

/// A registry whose tokens come from this realm.
fn behind_token(seen: &Seen, realm: &str) -> Reply {
    if seen.has("/token?") {
        let right = seen.has("scope=repository%3Ateam%2Fapi%3Apull") && seen.has("service=it");
        return if right && seen.login().is_some() { token("t0ken") } else { answer("400 Bad Request", &[], b"") };
    }
    match seen.login() {
        Some("Bearer t0ken") => manifest(seen, &index_of(&[])),
        _ => challenge(&format!(r#"Bearer realm="{realm}",service="it",scope="repository:team/api:pull""#)),
    }
}

pub(super) fn own_realm(net: &Net, seen: &Seen) -> Reply {
    behind_token(seen, &format!("https://{}/token", net.at(REGISTRY)))
}

pub(super) fn listed_realm(net: &Net, seen: &Seen) -> Reply {
    behind_token(seen, &format!("https://{}/token", net.at(SSO)))
}

pub(super) fn evil_realm(net: &Net, seen: &Seen) -> Reply {
    behind_token(seen, &format!("https://{}/token", net.at(EVIL)))
}

pub(super) fn own_realm_by_http(net: &Net, seen: &Seen) -> Reply {
    behind_token(seen, &format!("http://{}/token", net.at(REGISTRY)))
}

pub(super) fn plain_realm(net: &Net, seen: &Seen) -> Reply {
    behind_token(seen, &format!("http://{}/token", net.at("plain.example.com")))
}

pub(super) fn disguised_realm(net: &Net, seen: &Seen) -> Reply {
    behind_token(seen, &format!("https://{}@{}/token", net.at(REGISTRY), net.at(EVIL)))
}

pub(super) fn realm_with_login(net: &Net, seen: &Seen) -> Reply {
    behind_token(seen, &format!("https://a:b@{}/token", net.at(REGISTRY)))
}

pub(super) fn metadata_realm(_: &Net, seen: &Seen) -> Reply {
    behind_token(seen, METADATA)
}

pub(super) fn ftp_realm(net: &Net, seen: &Seen) -> Reply {
    behind_token(seen, &format!("ftp://{}/token", net.at(REGISTRY)))
}

pub(super) fn realm_on_another_port(_: &Net, seen: &Seen) -> Reply {
    behind_token(seen, "https://registry.example.com/token")
}

pub(super) fn broken_realm(_: &Net, seen: &Seen) -> Reply {
    behind_token(seen, "/token")
}

pub(super) fn basic(_: &Net, seen: &Seen) -> Reply {
    behind_basic(seen, || manifest(seen, &index_of(&[])))
}

pub(super) fn anybody(_: &Net, seen: &Seen) -> Reply {
    manifest(seen, &index_of(&[]))
}

/// A digest that is none is as good as none.
pub(super) fn undigested(_: &Net, seen: &Seen) -> Reply {
    behind_basic(seen, || {
        let body = if seen.has("HEAD ") { String::new() } else { index_of(&[]) };
        answer("200 OK", &[("content-type", MANIFEST), ("docker-content-digest", "../../etc")], body.as_bytes())
    })
}

/// A single image, with this answer to the question for its configuration.
fn with_blob(seen: &Seen, config: &str, blob: impl Fn() -> Reply) -> Reply {
    match seen.has("/blobs/") || seen.has("/elsewhere") {
        true => blob(),
        false => behind_basic(seen, || manifest(seen, &image_of(config))),
    }
}

pub(super) fn single(_: &Net, seen: &Seen) -> Reply {
    let config = config("linux", "amd64");
    with_blob(seen, &config, || answer("200 OK", &[], config.as_bytes()))
}

pub(super) fn index(_: &Net, seen: &Seen) -> Reply {
    behind_basic(seen, || manifest(seen, &index_of(&[("linux", "arm64"), ("linux", "amd64")])))
}

fn blob_at(seen: &Seen, location: &str) -> Reply {
    let config = config("linux", "amd64");
    with_blob(seen, &config, || match seen.has("/elsewhere") {
        true => answer("200 OK", &[], config.as_bytes()),
        false => redirect("307 Temporary Redirect", location),
    })
}

pub(super) fn blob_at_listed(net: &Net, seen: &Seen) -> Reply {
    blob_at(seen, &format!("https://{}/elsewhere", net.at(SSO)))
}

pub(super) fn blob_at_evil(net: &Net, seen: &Seen) -> Reply {
    blob_at(seen, &format!("https://{}/elsewhere", net.at(EVIL)))
}

pub(super) fn blob_at_plain(net: &Net, seen: &Seen) -> Reply {
    blob_at(seen, &format!("http://{}/elsewhere", net.at("plain.example.com")))
}

pub(super) fn blob_at_metadata(_: &Net, seen: &Seen) -> Reply {
    blob_at(seen, METADATA)
}

pub(super) fn blob_in_a_circle(_: &Net, seen: &Seen) -> Reply {
    with_blob(seen, "{}", || redirect("307 Temporary Redirect", "/v2/team/api/blobs/again"))
}

fn moved(net: &Net, status: &str) -> Reply {
    redirect(status, &format!("https://{}/v2/team/api/manifests/1.0", net.at(EVIL)))
}

pub(super) fn moved_301(net: &Net, _: &Seen) -> Reply {
    moved(net, "301 Moved Permanently")
}

pub(super) fn moved_302(net: &Net, _: &Seen) -> Reply {
    moved(net, "302 Found")
}

pub(super) fn moved_307(net: &Net, _: &Seen) -> Reply {
    moved(net, "307 Temporary Redirect")
}

pub(super) fn moved_308(net: &Net, _: &Seen) -> Reply {
    moved(net, "308 Permanent Redirect")
}

pub(super) fn moved_with_login(net: &Net, seen: &Seen) -> Reply {
    behind_basic(seen, || moved(net, "307 Temporary Redirect"))
}

/// A token request that is answered so.
fn tokens(net: &Net, seen: &Seen, reply: impl Fn() -> Reply) -> Reply {
    if seen.has("/token?") { reply() } else { listed_realm(net, seen) }
}

pub(super) fn moved_token(net: &Net, seen: &Seen) -> Reply {
    tokens(net, seen, || moved(net, "307 Temporary Redirect"))
}

pub(super) fn token_challenges(net: &Net, seen: &Seen) -> Reply {
    tokens(net, seen, || challenge(r#"Basic realm="more""#))
}

pub(super) fn empty_token(net: &Net, seen: &Seen) -> Reply {
    tokens(net, seen, || token(""))
}

pub(super) fn long_token(net: &Net, seen: &Seen) -> Reply {
    tokens(net, seen, || token(&"a".repeat(1024 * 1024)))
}

pub(super) fn broken_token(net: &Net, seen: &Seen) -> Reply {
    tokens(net, seen, || token("a\r\nhost: evil.example.com"))
}

pub(super) fn html_token(net: &Net, seen: &Seen) -> Reply {
    tokens(net, seen, || answer("200 OK", &[], b"<html>"))
}

pub(super) fn broken_challenge(_: &Net, _: &Seen) -> Reply {
    challenge(r#"Bearer realm="https://registry.example.com, service=,,,"#)
}

pub(super) fn no_challenge(_: &Net, _: &Seen) -> Reply {
    answer("401 Unauthorized", &[], b"")
}

pub(super) fn other_challenge(_: &Net, _: &Seen) -> Reply {
    challenge("Negotiate")
}

pub(super) fn always_401(net: &Net, seen: &Seen) -> Reply {
    tokens_then(net, seen, || challenge(&format!(r#"Bearer realm="https://{}/token",service="it""#, net.at(REGISTRY))))
}

/// Tokens are given, and are of no use.
fn tokens_then(_: &Net, seen: &Seen, reply: impl Fn() -> Reply) -> Reply {
    if seen.has("/token?") { token("t0ken") } else { reply() }
}

pub(super) fn never_basic(_: &Net, _: &Seen) -> Reply {
    challenge(r#"Basic realm="registry""#)
}

pub(super) fn forbidden(_: &Net, seen: &Seen) -> Reply {
    behind_basic(seen, || answer("403 Forbidden", &[], b""))
}

pub(super) fn missing(_: &Net, seen: &Seen) -> Reply {
    behind_basic(seen, || answer("404 Not Found", &[], b""))
}

pub(super) fn busy(_: &Net, seen: &Seen) -> Reply {
    behind_basic(seen, || answer("429 Too Many Requests", &[("retry-after", "7")], b""))
}

pub(super) fn failing(_: &Net, seen: &Seen) -> Reply {
    behind_basic(seen, || answer("500 Internal Server Error", &[], b""))
}

pub(super) fn web_page(_: &Net, _: &Seen) -> Reply {
    let digest = image_digest(b"<html>");
    answer("200 OK", &[("content-type", "text/html"), ("docker-content-digest", &digest)], b"")
}

/// A manifest whose head names the digest of another one.
pub(super) fn swapped(_: &Net, seen: &Seen) -> Reply {
    let (told, sent) = (image_digest(b"{}"), index_of(&[("linux", "amd64")]));
    let body = if seen.has("HEAD ") { String::new() } else { sent };
    behind_basic(seen, || answer("200 OK", &[("content-type", MANIFEST), ("docker-content-digest", &told)], body.as_bytes()))
}

pub(super) fn swapped_config(_: &Net, seen: &Seen) -> Reply {
    with_blob(seen, "{}", || answer("200 OK", &[], config("linux", "amd64").as_bytes()))
}

/// The body of a manifest, whatever it is.
fn body(seen: &Seen, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let headers = [&[("content-type", MANIFEST)], headers].concat();
    behind_basic(seen, || answer("200 OK", &headers, if seen.has("HEAD ") { b"" } else { body }))
}

pub(super) fn endless(_: &Net, seen: &Seen) -> Reply {
    match seen.has("HEAD ") {
        true => body(seen, &[], b""),
        false => Reply::Endless(format!("HTTP/1.1 200 OK\r\ncontent-type: {MANIFEST}\r\n\r\n").into_bytes()),
    }
}

/// What it would be after decompression does not matter: nothing decompresses it.
pub(super) fn compressed(_: &Net, seen: &Seen) -> Reply {
    body(seen, &[("content-encoding", "gzip")], b"\x1f\x8b\x08\x00\x00\x00\x00\x00")
}

pub(super) fn deep(_: &Net, seen: &Seen) -> Reply {
    body(seen, &[], "[".repeat(1024 * 1024).as_bytes())
}

pub(super) fn arm(_: &Net, seen: &Seen) -> Reply {
    behind_basic(seen, || manifest(seen, &index_of(&[("linux", "arm64")])))
}

pub(super) fn many(_: &Net, seen: &Seen) -> Reply {
    behind_basic(seen, || manifest(seen, &index_of(&[("linux", "s390x"); 10_000])))
}

pub(super) fn rude(_: &Net, seen: &Seen) -> Reply {
    behind_basic(seen, || manifest(seen, &index_of(&[("linux\n\u{1b}[31m<script>", "amd64")])))
}

pub(super) fn endless_head(_: &Net, _: &Seen) -> Reply {
    Reply::Endless(b"HTTP/1.1 200 OK\r\nx: ".to_vec())
}

pub(super) fn hang(_: &Net, _: &Seen) -> Reply {
    Reply::Hang
}

pub(super) fn drip(_: &Net, _: &Seen) -> Reply {
    Reply::Drip(b"HTTP/1.1 200 OK\r\nx-very-slowly: ".repeat(4))
}

pub(super) fn cut(_: &Net, _: &Seen) -> Reply {
    Reply::Cut
}
