//! One HTTP request over a connection of its own, to an address that was looked at.

use super::Registries;
use super::address::{Scope, scope};
use crate::api::{ImageFailure, ImageFailureClass as Class};
use crate::resource::verification::{Authority, Fence, MANIFEST_TYPES, failed};
use futures::future::{BoxFuture, Either, select};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use url::{Host, Url};

/// Bytes of an answer's body.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// Bytes of an answer's head.
const MAX_HEAD: usize = 64 * 1024;

/// Longest wait for one address, so that the next has a turn.
const CONNECT: Duration = Duration::from_secs(3);

/// The addresses of a host's name.
pub type Resolver = Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The system's resolver.
pub(super) fn system() -> Resolver {
    Arc::new(|host| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// All requests of one proof: each name is resolved once.
pub(super) struct Wire<'a> {
    registries: &'a Registries,
    pub(super) fence: &'a Fence,
    addresses: BTreeMap<String, Vec<IpAddr>>,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Host and port of an address.
pub(super) fn authority(url: &Url) -> Authority<'_> {
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    Authority { host, port, usual: url.port().is_none() }
}

/// Host and port, the usual one left out.
pub(super) fn place(url: &Url) -> String {
    let Authority { host, port, usual } = authority(url);
    if usual { host.to_owned() } else { format!("{host}:{port}") }
}

impl<'a> Wire<'a> {
    pub(super) fn new(registries: &'a Registries, fence: &'a Fence) -> Self {
        Self { registries, fence, addresses: BTreeMap::new() }
    }

    /// Sends one request. Only https is spoken but where the fence lists the host; what the answer leads to is not followed.
    pub(super) async fn send(
        &mut self,
        method: Method,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, ImageFailure> {
        let place = place(url);
        if !self.speaks(url) {
            return Err(failed(Class::NotAllowed, format!("{place} would be asked by {}", url.scheme())));
        }
        let stream = self.connect(url).await?;
        let request = request(method, url, authorization)
            .map_err(|_| failed(Class::Malformed, format!("{place}: no request can be made of what it answered")))?;
        if url.scheme() == "http" {
            return exchange(stream, request, &place).await;
        }
        let name = match url.host() {
            Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).ok(),
            Some(Host::Ipv4(address)) => Some(ServerName::from(IpAddr::V4(address))),
            Some(Host::Ipv6(address)) => Some(ServerName::from(IpAddr::V6(address))),
            None => None,
        };
        let name = name.ok_or_else(|| failed(Class::Malformed, format!("{place} is no host name")))?;
        let stream = self.registries.tls.connect(name, stream).await.map_err(|error| {
            // rustls's own errors come as `InvalidData`; all else is the network's.
            let class = if error.kind() == std::io::ErrorKind::InvalidData { Class::Tls } else { Class::Unreachable };
            failed(class, format!("{place}: {error}"))
        })?;
        exchange(stream, request, &place).await
    }

    /// Whether an address is one that may be asked at all: https, or http where that is listed, and no login within.
    pub(super) fn speaks(&self, url: &Url) -> bool {
        let scheme = match url.scheme() {
            "https" => true,
            "http" => self.fence.may_be_plain(&authority(url)),
            _ => false,
        };
        scheme && url.has_host() && url.username().is_empty() && url.password().is_none()
    }

    async fn connect(&mut self, url: &Url) -> Result<TcpStream, ImageFailure> {
        let (place, port) = (place(url), authority(url).port);
        let addresses = self.resolve(url).await?;
        let allowed = |address: &IpAddr| match scope(*address) {
            Scope::Public => true,
            Scope::Private => self.fence.may_be_private(&authority(url)),
            Scope::Never => false,
        };
        if !addresses.iter().all(allowed) {
            let message = format!("{place} has an address that is not public, and limits.privateRegistries do not list the host");
            return Err(failed(Class::NotAllowed, message));
        }
        let mut last = "it has no address".to_owned();
        for address in addresses {
            match tokio::time::timeout(CONNECT, TcpStream::connect(SocketAddr::new(address, port))).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error.to_string(),
                Err(_) => last = format!("no connection in {} s", CONNECT.as_secs()),
            }
        }
        Err(failed(Class::Unreachable, format!("{place}: {last}")))
    }

    async fn resolve(&mut self, url: &Url) -> Result<Vec<IpAddr>, ImageFailure> {
        let name = match url.host() {
            Some(Host::Ipv4(address)) => return Ok(vec![address.into()]),
            Some(Host::Ipv6(address)) => return Ok(vec![address.into()]),
            Some(Host::Domain(name)) => name.to_owned(),
            None => String::new(),
        };
        if let Some(known) = self.addresses.get(&name) {
            return Ok(known.clone());
        }
        let found = (self.registries.resolver)(name.clone()).await;
        let found = found.map_err(|error| failed(Class::Unreachable, format!("{name} has no address: {error}")))?;
        Ok(self.addresses.entry(name).or_insert(found).clone())
    }
}

fn request(method: Method, url: &Url, authorization: Option<&HeaderValue>) -> Result<Request<Empty<Bytes>>, hyper::http::Error> {
    let target = format!("{}{}", url.path(), url.query().map(|query| format!("?{query}")).unwrap_or_default());
    let mut request = Request::builder().method(method).uri(target).header(HOST, place(url)).header(USER_AGENT, "wharfinger");
    if url.path().contains("/manifests/") {
        request = request.header(ACCEPT, MANIFEST_TYPES.join(", "));
    }
    if let Some(value) = authorization {
        request = request.header(AUTHORIZATION, value);
    }
    request.body(Empty::new())
}

/// The request, and the whole answer within its bounds. The connection ends with it.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Empty<Bytes>>,
    place: &str,
) -> Result<Answer, ImageFailure> {
    let broken = |error: hyper::Error| {
        let class = if error.is_parse() { Class::Malformed } else { Class::Unreachable };
        failed(class, format!("{place}: {error}"))
    };
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let whole = async move {
        let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await;
        let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(error) => broken(*error),
            Err(_) => failed(Class::Malformed, format!("{place}: the answer has more than {MAX_BODY} bytes")),
        })?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    };
    match select(pin!(whole), pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        Either::Right((_, whole)) => whole.await,
    }
}
