//! Leadership: the thread that keeps the Lease, and the permits that writes need.
//!
//! [`crate::lease`] decides; this does. The thread has a runtime and a Kubernetes client of its own, so neither a busy controller nor
//! its connections delay a renewal. Losing the Lease does not end the process: it waits for its next term with its caches warm, which
//! a restart with growing back-off would not. That is sound because each term has its own permit, and what began under an old one
//! never gets another.

mod clock;
mod lease_api;
mod permit;
mod watchdog;

#[cfg(test)]
pub(crate) use permit::tests as permits;
pub use permit::{Lapsed, Sending, WritePermit};

use crate::lease::{CALL, Elector, Next, Request, Term};
use lease_api::LeaseApi;
use permit::Granted;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use watchdog::Watchdog;

/// Which Lease, and how to reach it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Of a client that nobody else uses.
    pub config: kube::Config,
    /// Namespace of the Lease.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who this process is; no two have the same.
    pub identity: String,
}

/// What is worth knowing of the Lease besides who holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// This leader's renewal succeeded, or did not.
    Renewed(bool),
    /// The API server gave an answer about the Lease.
    Answered,
    /// It cannot be used as things are, and why: only somebody's change helps.
    Refused(String),
    /// No answer, and why.
    Failed(String),
}

/// Who is told. Called on the thread of the Lease, so it must not wait.
pub type Told = Arc<dyn Fn(News) + Send + Sync>;

/// This process's part in the election.
#[derive(Debug)]
pub struct Leadership {
    terms: watch::Receiver<Option<WritePermit>>,
    release: mpsc::Sender<()>,
    ended: watch::Receiver<bool>,
}

impl Leadership {
    /// Takes part from now on.
    pub fn stand(settings: Settings, told: Told) -> std::io::Result<Self> {
        let (terms, of_terms) = watch::channel(None);
        let (release, asked) = mpsc::channel(1);
        let (ended, of_end) = watch::channel(false);
        let watchdog = Watchdog::start(clock::boottime, std::process::abort)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("lease".to_owned()).spawn(move || {
            runtime.block_on(async move {
                match LeaseApi::connect(&settings, told.clone()) {
                    Ok(api) => Keeper::new(api, settings, terms, watchdog, told).run(asked).await,
                    Err(error) => told(News::Refused(format!("no client for it, so this process never leads: {error}"))),
                }
            });
            let _ = ended.send(true); // nobody may wait for it
        })?;
        Ok(Self { terms: of_terms, release, ended: of_end })
    }

    /// The permit of the term that this process leads; changes with each term.
    pub fn terms(&self) -> watch::Receiver<Option<WritePermit>> {
        self.terms.clone()
    }

    /// Lets the Lease go, so that somebody else leads at once. Waits for writes under way; none may begin any more.
    pub async fn release(mut self) {
        let _ = self.release.send(()).await; // the thread has ended: then there is nothing to release
        let _ = self.ended.wait_for(|ended| *ended).await;
    }
}

/// The thread's state.
struct Keeper {
    api: LeaseApi,
    elector: Elector,
    /// What is granted for the present term.
    granted: Option<Granted>,
    terms: watch::Sender<Option<WritePermit>>,
    watchdog: Watchdog,
    told: Told,
    identity: String,
    /// Who was last said to lead.
    said: Option<String>,
    /// Whether this process ends.
    stopping: bool,
}

/// How often a leader whose term is over looks whether its last write has ended.
const DRAIN: Duration = Duration::from_millis(10);

impl Keeper {
    fn new(api: LeaseApi, settings: Settings, terms: watch::Sender<Option<WritePermit>>, watchdog: Watchdog, told: Told) -> Self {
        let (elector, identity) = (Elector::new(settings.identity.clone()), settings.identity);
        Self { api, elector, granted: None, terms, watchdog, told, identity, said: None, stopping: false }
    }

    async fn run(mut self, mut asked: mpsc::Receiver<()>) {
        loop {
            let now = clock::moment();
            let next = self.elector.next(now);
            self.follow().await;
            match next {
                Next::End => return,
                Next::Wait(until) => {
                    let wait = until.saturating_sub(clock::boottime());
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        _ = asked.recv(), if !self.stopping => self.stop().await,
                    }
                }
                Next::Send(request) => {
                    // Not beyond the term, whose end must be seen to in time.
                    let left = self.elector.term().map_or(CALL, |term| term.deadline().saturating_sub(clock::boottime()));
                    let answer = self.api.call(&request, left.min(CALL)).await;
                    let before = self.elector.term().map(|term| term.renewed);
                    self.elector.answered(clock::moment(), answer);
                    let after = self.elector.term().map(|term| term.renewed);
                    if before.is_some() && matches!(request, Request::Replace { .. }) {
                        (self.told)(News::Renewed(after > before));
                    }
                    self.follow().await;
                }
            }
        }
    }

    /// Writes end; then the Lease is let go. One that does not end keeps it, until the term is over.
    async fn stop(&mut self) {
        self.stopping = true;
        if let Some(granted) = &self.granted {
            let deadline = granted.deadline();
            granted.revoke();
            while granted.sending() > 0 && clock::boottime() < deadline {
                tokio::time::sleep(DRAIN).await;
            }
        }
        self.elector.release();
    }

    /// Brings permits and watchdog in line with the elector.
    async fn follow(&mut self) {
        match (self.elector.term(), &self.granted) {
            (Some(term), Some(granted)) if granted.is_of(term) => {
                granted.renew(term.deadline());
                self.watchdog.arm(watchdog::limit(term.renewed));
            }
            (Some(term), _) => {
                let term = term.clone();
                self.begin(&term);
            }
            (None, Some(granted)) => {
                granted.revoke();
                if self.terms.borrow().is_some() {
                    match self.stopping {
                        true => tracing::info!(epoch = %granted.epoch(), "the Lease is let go"),
                        false => {
                            tracing::warn!(epoch = %granted.epoch(), "no longer leading: nothing is written until this process leads again")
                        }
                    }
                    self.terms.send_replace(None);
                }
                // Attempts are cut before the term ends. Should one not be, the watchdog is still there.
                while granted.sending() > 0 {
                    tokio::time::sleep(DRAIN).await;
                }
                self.watchdog.disarm();
                self.granted = None;
            }
            (None, None) => {}
        }
        self.say();
    }

    fn begin(&mut self, term: &Term) {
        if let Some(before) = self.granted.take() {
            before.revoke();
        }
        self.watchdog.arm(watchdog::limit(term.renewed));
        let granted = Granted::new(term, clock::boottime);
        let after_release = term.after_release;
        tracing::info!(epoch = %granted.epoch(), identity = self.identity, after_release, "leading");
        self.terms.send_replace(Some(granted.permit()));
        self.granted = Some(granted);
    }

    /// Says who leads, whenever that is somebody else than before.
    fn say(&mut self) {
        let holder = self.elector.holder().map(str::to_owned);
        if holder == self.said {
            return;
        }
        if let Some(holder) = holder.as_ref().filter(|holder| **holder != self.identity) {
            tracing::info!(holder, identity = self.identity, "standing by: another process leads");
        }
        self.said = holder;
    }
}
