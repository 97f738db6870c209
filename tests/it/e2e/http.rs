//! HTTP/1.1 as far as AWS's SDKs and moto speak it here: one request a connection, bodies of a known length. By hand, since a test
//! wants to drop a connection at any point.

use std::io::{Error, ErrorKind, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request or an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    /// Request line or status line.
    pub(super) start: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Message {
    pub(super) fn new(start: impl Into<String>, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { start: start.into(), headers, body: body.into() }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Method and path of a request.
    pub(super) fn method_and_path(&self) -> (&str, &str) {
        let mut words = self.start.split(' ');
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    /// Status of an answer.
    pub(super) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn bytes(&self) -> Vec<u8> {
        let kept =
            self.headers.iter().filter(|(name, _)| !["connection", "content-length", "transfer-encoding"].contains(&&**name));
        let headers: String = kept.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = self.body.len();
        let head = format!("{}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n", self.start);
        [head.as_bytes(), &self.body].concat()
    }
}

/// The next message of a connection; none where it was closed before one began.
pub(super) async fn receive(stream: &mut TcpStream) -> Result<Option<Message>> {
    let mut bytes = vec![];
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return if bytes.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
        }
    };
    let mut body = bytes.split_off(head + 4);
    let head = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = head.split("\r\n").map(str::to_owned);
    let start = lines.next().unwrap_or_default();
    let headers = lines.filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())));
    let mut message = Message { start, headers: headers.collect(), body: vec![] };
    if message.header("transfer-encoding").is_some() {
        return Err(Error::other(format!("no length in {message:?}")));
    }
    let length: usize = message.header("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    message.body = body;
    Ok(Some(message))
}

/// Writes a message.
pub(super) async fn send(stream: &mut TcpStream, message: &Message) -> Result<()> {
    stream.write_all(&message.bytes()).await?;
    stream.flush().await
}

/// Sends a request and returns the answer.
pub(super) async fn exchange(address: &str, request: &Message) -> Result<Message> {
    let mut stream = TcpStream::connect(address).await?;
    send(&mut stream, request).await?;
    receive(&mut stream).await?.ok_or_else(|| ErrorKind::UnexpectedEof.into())
}
