//! A small internet at the loopback address: hosts by name, each with a port of its own, that answer as a test says and keep all
//! that they are sent.

use futures::FutureExt;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use wharfinger::registry::{Registries, Resolver};

/// The hosts. `plain` speaks http, `silent` nothing; the certificate is for all but `wrong`.
pub(crate) const HOSTS: [&str; 6] = [
    "registry.example.com",
    "sso.example.com",
    "evil.example.com",
    "plain.example.com",
    "silent.example.com",
    "wrong.example.com",
];

/// What a host does with a request.
pub(crate) enum Reply {
    /// These bytes, and the end.
    Bytes(Vec<u8>),
    /// These bytes, and more without end.
    Endless(Vec<u8>),
    /// These bytes one by one, slowly.
    Drip(Vec<u8>),
    /// Nothing.
    Hang,
    /// The end of the connection, in the middle of the answer.
    Cut,
}

/// One request: which host got it, and its head.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) host: &'static str,
    pub(crate) head: String,
}

impl Seen {
    pub(crate) fn has(&self, text: &str) -> bool {
        self.head.contains(text)
    }

    /// The value of `Authorization`.
    pub(crate) fn login(&self) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix("authorization: "))
    }
}

pub(crate) type Script = fn(&Net, &Seen) -> Reply;

/// The hosts of one test.
pub(crate) struct Net {
    ports: BTreeMap<&'static str, u16>,
    pub(crate) seen: Mutex<Vec<Seen>>,
    script: Script,
    ca: PathBuf,
}

impl Net {
    pub(crate) async fn start(script: Script) -> Arc<Self> {
        let (acceptor, ca) = certificates();
        let mut listeners = vec![];
        for host in HOSTS {
            listeners.push((host, TcpListener::bind("127.0.0.1:0").await.unwrap()));
        }
        let ports = listeners.iter().map(|(host, listener)| (*host, listener.local_addr().unwrap().port())).collect();
        let net = Arc::new(Self { ports, seen: Mutex::default(), script, ca });
        for (host, listener) in listeners {
            let (net, acceptor) = (net.clone(), acceptor.clone());
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(net.clone().serve(host, acceptor.clone(), stream));
                }
            });
        }
        net
    }

    /// Host and port.
    pub(crate) fn at(&self, host: &str) -> String {
        format!("{host}:{}", self.ports[host])
    }

    /// What asks this internet.
    pub(crate) fn registries(&self, trusted: bool, resolver: Resolver, patience: Duration) -> Registries {
        let registries = Registries::load(trusted.then_some(self.ca.as_path())).unwrap();
        registries.with(resolver, patience)
    }

    async fn serve(self: Arc<Self>, host: &'static str, acceptor: TlsAcceptor, stream: TcpStream) {
        match host {
            "plain.example.com" => self.answer(host, stream).await,
            "silent.example.com" => std::future::pending().await,
            _ => {
                if let Ok(stream) = acceptor.accept(stream).await {
                    self.answer(host, stream).await;
                }
            }
        }
    }

    async fn answer(&self, host: &'static str, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut head = vec![];
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                // As HTTP servers answer TLS.
                Ok(byte) if head.is_empty() && !byte.is_ascii_uppercase() => {
                    let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await; // the client may have gone
                    return;
                }
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let seen = Seen { host, head: String::from_utf8_lossy(&head).into_owned() };
        self.seen.lock().unwrap().push(seen.clone());
        let sent = match (self.script)(self, &seen) {
            Reply::Bytes(bytes) => stream.write_all(&bytes).await,
            Reply::Endless(bytes) => {
                let _ = stream.write_all(&bytes).await;
                while stream.write_all(&[b' '; 65_536]).await.is_ok() {}
                return;
            }
            Reply::Drip(bytes) => {
                for byte in bytes {
                    if stream.write_all(&[byte]).await.is_err() || stream.flush().await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await; // what the client's patience is measured against
                }
                Ok(())
            }
            Reply::Hang => std::future::pending().await,
            Reply::Cut => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le").await,
        };
        let _ = sent; // the client may have gone
        let _ = stream.shutdown().await;
    }
}

/// A resolver that gives every name these addresses.
pub(crate) fn all_at(addresses: &'static [&'static str]) -> Resolver {
    Arc::new(move |_| {
        let found: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        async move { if found.is_empty() { Err(std::io::Error::other("no such name")) } else { Ok(found) } }.boxed()
    })
}

/// A certificate for all hosts, and a file with that of its issuer.
fn certificates() -> (TlsAcceptor, PathBuf) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = HOSTS.iter().filter(|host| !host.starts_with("wrong")).map(|host| (*host).to_owned()).collect();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let chain = vec![certificate.der().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("ca-{}-{:?}.pem", std::process::id(), std::thread::current().id()));
    std::fs::write(&file, issuer.pem()).unwrap();
    (TlsAcceptor::from(Arc::new(config)), file)
}
