//! What leadership means to the passes: while another process leads none runs, and each term begins with one over every object.

use super::start::patiently;
use super::trouble::Kind;
use super::{Context, Error, value_key};
use crate::failure::FailureKind;
use crate::leader::WritePermit;
use crate::lease::read_back;
use crate::pass::{Outcome, Pass, Round};
use crate::resource::fingerprint::ValueKey;
use futures::{Stream, stream};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// When a pass that a term's end interrupted is made again, if this process leads by then.
pub(super) const NOT_LEADING: Duration = Duration::from_secs(1);

/// What passes of one term act with.
#[derive(Debug)]
pub(super) struct Lead {
    pub(super) permit: WritePermit,
    pub(super) value_key: ValueKey,
    /// Uids of what was written for early in the term.
    written_for: Mutex<HashSet<String>>,
}

impl Lead {
    /// When to look again at what was written for, because a write of the leader before may still come. Nothing where none can.
    pub(super) fn read_back(&self, uid: &str, pass: &Pass) -> Option<Duration> {
        let wait = read_back(self.permit.after_unclean_end()?)?;
        let wrote = matches!(pass, Pass::Done(round) if round.outcomes.as_ref().is_some_and(|outcomes| !outcomes.is_empty()));
        let mut written_for = self.written_for.lock().unwrap_or_else(PoisonError::into_inner);
        if wrote {
            written_for.insert(uid.to_owned());
        }
        written_for.contains(uid).then_some(wait)
    }
}

/// Lets passes through while this process leads.
#[derive(Debug, Default)]
pub(super) struct Gate(watch::Sender<Option<Arc<Lead>>>);

impl Gate {
    /// What a pass acts with; nothing while another process leads.
    pub(super) fn lead(&self) -> Option<Arc<Lead>> {
        self.0.borrow().clone()
    }

    /// An item for each term that begins.
    pub(super) fn terms(&self) -> impl Stream<Item = ()> + Send + Sync + 'static {
        let state = (self.0.subscribe(), None::<Arc<Lead>>);
        stream::unfold(state, |(mut current, before)| async move {
            let is_new = |lead: &Option<Arc<Lead>>| match (lead, &before) {
                (Some(lead), Some(before)) => !Arc::ptr_eq(lead, before),
                (lead, _) => lead.is_some(),
            };
            let now = current.wait_for(is_new).await.ok()?.clone();
            Some(((), (current, now)))
        })
    }
}

/// Opens and shuts the gate as terms begin and end.
pub(super) async fn follow(context: Arc<Context>, namespace: String, mut terms: watch::Receiver<Option<WritePermit>>) {
    let key = format!("value key (Secret {namespace}/{})", value_key::NAME);
    loop {
        let permit = terms.borrow_and_update().clone();
        context.gate.0.send_replace(None);
        context.readiness.waive(&key); // who stands by does not need it, and is nobody's rival
        context.readiness.waive_all(Kind::Elsewhere);
        context.metrics.leads(permit.is_some());
        let open = async {
            if let Some(permit) = permit
                && let Some(value_key) = load(&context, &permit, &key, &namespace).await
            {
                context.gate.0.send_replace(Some(Arc::new(Lead { permit, value_key, written_for: Mutex::default() })));
                context.workloads_changed.notify_one();
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = open => {}
            changed = terms.changed() => if changed.is_err() { return }
        }
    }
}

/// The value key, however long that takes: without it every secret would look changed.
async fn load(context: &Context, permit: &WritePermit, what: &str, namespace: &str) -> Option<ValueKey> {
    patiently(&context.readiness, what, std::future::pending(), || value_key::load(permit, &context.client, namespace)).await
}

/// A pass whose permit lapsed on the way says nothing of AWS: whoever leads makes it again.
pub(super) fn complete(pass: &Pass) -> Result<(), Error> {
    let lapsed = |round: &Round| {
        let outcomes = round.outcomes.iter().flatten();
        outcomes.into_iter().any(|it| matches!(it, Outcome::Failed(failure) if failure.kind == FailureKind::Lapsed))
    };
    match pass {
        Pass::Done(round) if lapsed(round) => Err(Error::NotLeading(crate::leader::Lapsed)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leader::permits;
    use crate::resource::sealed::Sealed;
    use futures::{FutureExt, StreamExt};

    fn lead() -> Arc<Lead> {
        let value_key = ValueKey::new(Sealed::new("0123456789abcdef0123456789abcdef".to_owned())).unwrap();
        Arc::new(Lead { permit: permits::permit(), value_key, written_for: Mutex::default() })
    }

    #[test]
    fn each_term_is_told_once() {
        let gate = Gate::default();
        let mut terms = Box::pin(gate.terms());
        assert!(gate.lead().is_none() && terms.next().now_or_never().is_none(), "nobody leads yet");
        gate.0.send_replace(Some(lead()));
        assert!(gate.lead().is_some() && terms.next().now_or_never().is_some());
        assert!(terms.next().now_or_never().is_none(), "it is the same term");
        gate.0.send_replace(None);
        assert!(gate.lead().is_none() && terms.next().now_or_never().is_none(), "its end is no beginning");
        gate.0.send_replace(Some(lead()));
        assert!(terms.next().now_or_never().is_some());
        gate.0.send_replace(Some(lead()));
        assert!(terms.next().now_or_never().is_some(), "one right after the other");
    }

    #[test]
    fn what_is_written_for_early_in_a_term_is_looked_at_again_and_nothing_else_is() {
        let (lead, idle) = (lead(), Pass::Suspended);
        assert_eq!(lead.read_back("a", &idle), None);
        lead.written_for.lock().unwrap().insert("a".to_owned());
        assert_eq!(lead.read_back("a", &idle), Some(Duration::from_secs(8)));
        assert_eq!(lead.read_back("b", &idle), None);
        permits::set_clock(100 + 1000);
        assert_eq!(lead.read_back("a", &idle), None, "nothing comes that late");
    }
}
