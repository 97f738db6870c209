//! Stands between one controller and moto: records every call, and makes those fail that a test names.

mod call;
mod fault;

pub(super) use call::Call;
pub(super) use fault::{Fault, REQUEST_ID, Rule};

use super::http::{self, Message};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// How long a test waits for anything before it says what it waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// How late a slow answer is.
const LATE: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    moto: String,
    state: Mutex<State>,
    /// Changes with every call and answer.
    changed: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    /// By the number of their arrival.
    calls: Vec<(usize, Call)>,
    arrived: usize,
    rules: Vec<Rule>,
}

impl Proxy {
    /// Listens on a free port for as long as the test's runtime lives.
    pub(super) async fn start(moto: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port for the fault proxy");
        let url = format!("http://{}", listener.local_addr().expect("the proxy's address"));
        let shared = Arc::new(Shared { moto: moto.to_owned(), state: Mutex::default(), changed: watch::Sender::new(0) });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(serving.clone(), stream));
            }
        });
        Self { url, shared }
    }

    /// From now on the calls that a rule names fail.
    pub(super) fn inject(&self, rule: Rule) {
        self.state().rules.push(rule);
    }

    /// Holds the nth write, counted from 0 and from now, and says when it is reached. `done` = AWS does it first.
    pub(super) fn hold_write(&self, nth: usize, done: bool) -> Arc<Notify> {
        let reached = Arc::new(Notify::new());
        self.inject(Rule::on_writes(Fault::Hold { done, reached: reached.clone() }).only(nth));
        reached
    }

    /// Answers the nth write late, and says when it is reached.
    pub(super) fn slow_write(&self, nth: usize) -> Arc<Notify> {
        let reached = Arc::new(Notify::new());
        self.inject(Rule::on_writes(Fault::Slow(reached.clone())).only(nth));
        reached
    }

    /// No call fails any more.
    pub(super) fn heal(&self) {
        self.state().rules.clear();
    }

    /// Every call so far, in order.
    pub(super) fn calls(&self) -> Vec<Call> {
        self.state().calls.iter().map(|(_, call)| call.clone()).collect()
    }

    /// The calls so far that write, in order.
    pub(super) fn writes(&self) -> Vec<Call> {
        self.calls().into_iter().filter(Call::is_write).collect()
    }

    /// The operations of the writes so far, in order.
    pub(super) fn written(&self) -> Vec<String> {
        self.writes().into_iter().map(|call| call.operation).collect()
    }

    /// How often each operation was called.
    pub(super) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        self.calls().into_iter().for_each(|call| *counts.entry(call.operation).or_default() += 1);
        counts
    }

    /// Forgets what was recorded.
    pub(super) fn forget(&self) {
        self.state().calls.clear();
    }

    /// Waits until the calls so far are as asked for.
    pub(super) async fn until(&self, what: &str, mut holds: impl FnMut(&[Call]) -> bool) {
        let mut changed = self.shared.changed.subscribe();
        let waiting = changed.wait_for(|_| holds(&self.calls()));
        if timeout(PATIENCE, waiting).await.is_err() {
            panic!("waited {PATIENCE:?} in vain for {what}; the AWS calls were {:?}", self.counts());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the lock")
    }

    /// Records a call as it comes in; its number, and what goes wrong with it.
    fn arrived(&self, call: &Call) -> (usize, Option<Fault>) {
        let mut state = self.state();
        let number = state.arrived;
        state.arrived += 1;
        state.calls.push((number, call.clone()));
        let fault = state.rules.iter_mut().find_map(|rule| rule.decide(call));
        drop(state);
        self.changed.send_modify(|count| *count += 1);
        (number, fault)
    }

    fn answered(&self, number: usize, status: u16) {
        let mut state = self.state();
        state.calls.iter_mut().filter(|(other, _)| *other == number).for_each(|(_, call)| call.status = Some(status));
        drop(state);
        self.changed.send_modify(|count| *count += 1);
    }
}

/// One connection, one call. When this returns without an answer, the connection is cut.
async fn serve(shared: Arc<Shared>, mut stream: TcpStream) {
    let Ok(Some(request)) = http::receive(&mut stream).await else { return };
    let call = Call::parse(&request);
    let (number, fault) = shared.arrived(&call);
    if let Some(answer) = answer(&shared, &request, &call, fault).await {
        shared.answered(number, answer.status());
        let _ = http::send(&mut stream, &answer).await; // who asked may be dead by now
    }
}

async fn answer(shared: &Shared, request: &Message, call: &Call, fault: Option<Fault>) -> Option<Message> {
    let forward = || async { http::exchange(&shared.moto, request).await.expect("an answer of moto") };
    match fault {
        None => Some(forward().await),
        Some(Fault::LoseAnswer) => {
            forward().await;
            None
        }
        Some(Fault::Slow(reached)) => {
            reached.notify_one();
            tokio::time::sleep(LATE).await;
            Some(forward().await)
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Hold { done, reached }) => {
            if done {
                forward().await;
            }
            reached.notify_one();
            std::future::pending().await
        }
        Some(fault) => fault::answer(&fault, call),
    }
}
