//! Between one controller and the API server: `Wire` can be cut, `Gate` answers in the API server's place what a test says.

use super::grants::Kubeconfig;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use kube::Client;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A TCP connection to the API server, with all its TLS inside.
pub(super) struct Wire {
    pub(super) server: String,
    whole: watch::Sender<bool>,
}

impl Wire {
    /// `whole` = whether anything passes at first.
    pub(super) async fn start(whole: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let server = format!("https://{}", listener.local_addr().expect("its address"));
        let upstream = Kubeconfig::of_parts().server().trim_start_matches("https://").to_owned();
        let whole = watch::Sender::new(whole);
        let state = whole.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (upstream, mut state) = (upstream.clone(), state.subscribe());
                tokio::spawn(async move {
                    tokio::select! {
                        () = pass(stream, &upstream) => {}
                        _ = state.wait_for(|whole| !whole) => {} // both ends are dropped
                    }
                });
            }
        });
        Self { server, whole }
    }

    /// A file that leads through it. `name` = of the file.
    pub(super) fn kubeconfig(&self, name: &str) -> PathBuf {
        Kubeconfig::of_parts().via(&self.server).write(name)
    }

    /// Ends all connections; the next ones end as they begin.
    pub(super) fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub(super) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn pass(mut stream: TcpStream, upstream: &str) {
    if let Ok(mut other) = TcpStream::connect(upstream).await {
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut other).await; // either end may go at any time
    }
}

/// What is answered in the API server's place.
#[derive(Clone)]
pub(super) enum Instead {
    /// Nothing of the kind is there.
    NotFound,
    /// It may not be asked.
    Forbidden,
    /// The API server's own answer, changed.
    Changed(fn(&mut Value)),
}

type Rule = Arc<dyn Fn(&str) -> Option<Instead> + Send + Sync>;

/// The API server over plain HTTP, with the tests' own rights.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) server: String,
    client: Client,
    rule: Arc<Mutex<Rule>>,
    /// Changes when all that is under way is to end.
    ended: watch::Sender<usize>,
    /// The path of which nothing more is heard.
    silent: watch::Sender<Option<&'static str>>,
}

impl Gate {
    /// `rule` = by the path of a request.
    pub(super) async fn start(client: Client, rule: impl Fn(&str) -> Option<Instead> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let server = format!("http://{}", listener.local_addr().expect("its address"));
        let rule: Rule = Arc::new(rule);
        let (ended, silent) = (watch::Sender::new(0), watch::Sender::new(None));
        let gate = Self { server, client, rule: Arc::new(Mutex::new(rule)), ended, silent };
        let router = Router::new().fallback(serve).with_state(gate.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        gate
    }

    /// From now on every answer is the API server's.
    pub(super) fn open(&self) {
        *self.rule.lock().expect("no test panics while it holds the lock") = Arc::new(|_| None);
    }

    /// From now on nothing more is heard of what is asked by this very path: lists and watches of a kind, and not single objects.
    pub(super) fn silence(&self, path: &'static str) {
        self.silent.send_replace(Some(path));
    }

    /// Ends the watches that are under way, as an API server does that stops.
    pub(super) fn hang_up(&self) {
        self.ended.send_modify(|times| *times += 1);
    }
}

async fn serve(State(gate): State<Gate>, request: Request) -> Response {
    let rule = gate.rule.lock().expect("no test panics while it holds the lock").clone();
    let instead = rule(request.uri().path());
    let path = request.uri().path().to_owned();
    if let Some(Instead::NotFound) = instead {
        return (StatusCode::NOT_FOUND, "404 page not found").into_response(); // as for a path that it does not know
    }
    if let Some(Instead::Forbidden) = instead {
        let status = json!({"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": "you may not"});
        return (StatusCode::FORBIDDEN, status.to_string()).into_response();
    }
    let (mut parts, body) = request.into_parts();
    parts.uri = parts.uri.path_and_query().expect("a path").as_str().parse().expect("a URI");
    parts.headers.remove(header::HOST);
    parts.headers.remove(header::AUTHORIZATION);
    let body = to_bytes(body, 10 << 20).await.expect("a body").to_vec();
    let answer = gate.client.send(Request::from_parts(parts, kube::client::Body::from(body))).await;
    let Ok(answer) = answer else { return StatusCode::BAD_GATEWAY.into_response() };
    match instead {
        Some(Instead::Changed(change)) => {
            let (mut parts, body) = answer.into_parts();
            let bytes = to_bytes(Body::new(body), 10 << 20).await.expect("a body");
            let mut value: Value = serde_json::from_slice(&bytes).expect("JSON");
            change(&mut value);
            parts.headers.remove(header::CONTENT_LENGTH);
            parts.headers.remove(header::TRANSFER_ENCODING);
            Response::from_parts(parts, Body::from(value.to_string()))
        }
        _ => {
            let mut ended = gate.ended.subscribe();
            let until = async move { _ = ended.changed().await };
            let heard = move |chunk| {
                let (mut silent, path) = (gate.silent.subscribe(), path.clone());
                async move {
                    let _ = silent.wait_for(|silent| *silent != Some(path.as_str())).await; // the test is over
                    chunk
                }
            };
            answer.map(|body| Body::from_stream(Body::new(body).into_data_stream().then(heard).take_until(Box::pin(until))))
        }
    }
}
