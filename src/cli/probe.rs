//! `probe`: asks an address by http, once. The image has no shell and no curl; `helm test` asks with this.

use super::{ERROR, OK, print, say};
use anyhow::{Context, bail};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;
use url::Url;

/// Longest wait for the whole answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are shown.
const MAX_BODY: usize = 64 * 1024;

/// Prints what is answered; 0 if that comes with 200.
pub(super) async fn run(url: &str) -> anyhow::Result<u8> {
    let parsed = Url::parse(url).with_context(|| format!("{url:?} is no address, such as http://127.0.0.1:8081/readyz"))?;
    let (Some(host), "http") = (parsed.host_str(), parsed.scheme()) else {
        bail!("{url:?}: only http is asked, such as http://127.0.0.1:8081/readyz");
    };
    let host = format!("{host}:{}", parsed.port_or_known_default().unwrap_or(80));
    let asked = tokio::time::timeout(PATIENCE, ask(&host, parsed.path())).await;
    let (status, text) =
        asked.with_context(|| format!("{url}: no answer within {} s", PATIENCE.as_secs()))?.with_context(|| url.to_owned())?;
    print(&format!("{}\n", text.trim_end()))?;
    if status == StatusCode::OK {
        return Ok(OK);
    }
    say(&format!("{url}: {status}"));
    Ok(ERROR)
}

async fn ask(host: &str, path: &str) -> anyhow::Result<(StatusCode, String)> {
    let stream = TcpStream::connect(host).await.context("cannot connect")?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(path).header(HOST, host).body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_BODY).collect().await.map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
}
