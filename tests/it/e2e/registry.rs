//! The real registry: where it is, and how images come into it. Its login may push as well.

use super::parts::parts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, LOCATION};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wharfinger::resource::fingerprint::image_digest;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// The registry and its login, as the launcher tells them.
pub(super) struct Registry {
    /// Host and port.
    pub(super) host: String,
    pub(super) user: String,
    pub(super) password: String,
    tls: TlsConnector,
}

/// Digest, size and media type of something that was pushed.
type Pushed = (String, usize, &'static str);

impl Registry {
    pub(super) fn find() -> Self {
        parts();
        let variable = |name: &str| std::env::var(format!("WHARFINGER_REGISTRY{name}")).expect("a registry among the parts");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(variable("_CA")).expect("the CA")).expect("a CA that can be trusted");
        let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let tls = TlsConnector::from(Arc::new(config));
        Self { host: variable(""), user: variable("_USER"), password: variable("_PASSWORD"), tls }
    }

    /// Pushes an image with nothing in it; its digest. `variant` makes it another one.
    pub(super) async fn push(&self, repository: &str, tag: &str, platform: &str, variant: &str) -> String {
        self.image(repository, tag, platform, variant).await.0
    }

    /// Pushes an index of such images; its digest.
    pub(super) async fn push_index(&self, repository: &str, tag: &str, platforms: &[&str]) -> String {
        let mut manifests = vec![];
        for platform in platforms {
            let (digest, size, kind) = self.image(repository, &platform.replace('/', "-"), platform, "").await;
            let (os, architecture) = platform.split_once('/').expect("os/architecture");
            let platform = json!({"os": os, "architecture": architecture});
            manifests.push(json!({"mediaType": kind, "digest": digest, "size": size, "platform": platform}));
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        self.manifest(repository, tag, INDEX, &index).await.0
    }

    async fn image(&self, repository: &str, tag: &str, platform: &str, variant: &str) -> Pushed {
        let (os, architecture) = platform.split_once('/').expect("os/architecture");
        let config = json!({
            "os": os, "architecture": architecture, "config": {"Labels": {"variant": variant}},
            "rootfs": {"type": "layers", "diff_ids": []},
        });
        let config = self.blob(repository, config.to_string().into_bytes()).await;
        let config = json!({"mediaType": CONFIG, "digest": config.0, "size": config.1});
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []});
        self.manifest(repository, tag, MANIFEST, &manifest).await
    }

    async fn blob(&self, repository: &str, bytes: Vec<u8>) -> (String, usize) {
        let (digest, size) = (image_digest(&bytes), bytes.len());
        let (_, headers) = self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), "", vec![]).await;
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).expect("a place to upload to");
        let path = location.split_once(&self.host).map_or(location, |(_, path)| path);
        let mark = if path.contains('?') { '&' } else { '?' };
        self.send("PUT", &format!("{path}{mark}digest={digest}"), "application/octet-stream", bytes).await;
        (digest, size)
    }

    async fn manifest(&self, repository: &str, tag: &str, kind: &'static str, manifest: &Value) -> Pushed {
        let bytes = manifest.to_string().into_bytes();
        let (digest, size) = (image_digest(&bytes), bytes.len());
        self.send("PUT", &format!("/v2/{repository}/manifests/{tag}"), kind, bytes).await;
        (digest, size, kind)
    }

    async fn send(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> (StatusCode, HeaderMap) {
        let stream = TcpStream::connect(&self.host).await.expect("the registry");
        let address = self.host.split(':').next().expect("an address");
        let name = ServerName::try_from(address.to_owned()).expect("an address");
        let stream = self.tls.connect(name, stream).await.expect("TLS");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        let login = STANDARD.encode(format!("{}:{}", self.user, self.password));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.host)
            .header(AUTHORIZATION, format!("Basic {login}"))
            .header(CONTENT_TYPE, kind)
            .body(Full::new(Bytes::from(body)))
            .expect("a request");
        let (head, body) = sender.send_request(request).await.expect("an answer").into_parts();
        let body = body.collect().await.expect("the whole answer").to_bytes();
        assert!(head.status.is_success(), "{method} {path}: {} {}", head.status, String::from_utf8_lossy(&body));
        (head.status, head.headers)
    }
}
