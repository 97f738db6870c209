//! What the controller needs before it can do its work, and what stands in the way: told once in the log, and by `/readyz`.

use super::trouble::{Kind, Trouble};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Each thing that is needed, by name.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<BTreeMap<String, Need>>);

#[derive(Debug)]
struct Need {
    /// Whether the controller is not ready without it, or whether that is only told.
    required: bool,
    state: State,
}

#[derive(Debug, PartialEq)]
enum State {
    Awaited,
    Fine,
    Wrong(Trouble),
}

impl Readiness {
    /// Not ready before this is so.
    pub(super) fn require(&self, what: &str) {
        self.expect(what, true);
    }

    /// Worth telling while this is not so; the controller does its other work.
    pub(super) fn note(&self, what: &str) {
        self.expect(what, false);
    }

    fn expect(&self, what: &str, required: bool) {
        self.lock().entry(what.to_owned()).or_insert(Need { required, state: State::Awaited });
    }

    /// It matters no more.
    pub(super) fn waive(&self, what: &str) {
        self.lock().remove(what);
    }

    /// What is wrong in this way matters no more.
    pub(super) fn waive_all(&self, kind: Kind) {
        self.lock().retain(|_, need| !matches!(&need.state, State::Wrong(trouble) if trouble.kind == kind));
    }

    /// It is so now.
    pub(super) fn fine(&self, what: &str) {
        let mut needs = self.lock();
        let Some(need) = needs.get_mut(what) else { return };
        if let State::Wrong(_) = std::mem::replace(&mut need.state, State::Fine) {
            tracing::info!("{what}: mended");
        }
        if needs.values().filter(|need| need.required).all(|need| need.state == State::Fine) {
            tracing::debug!("all that is needed is there");
        }
    }

    /// It is not so. The log has it once, however often it is tried.
    pub(super) fn wrong(&self, what: &str, trouble: Trouble) {
        let mut needs = self.lock();
        let Some(need) = needs.get_mut(what) else { return };
        let known =
            |known: &Trouble| known.kind == trouble.kind && (known.text == trouble.text || known.kind == Kind::Unavailable);
        if !matches!(&need.state, State::Wrong(before) if known(before)) {
            tracing::warn!("{what}: {}; it is tried again", trouble.text);
        }
        need.state = State::Wrong(trouble);
    }

    /// Whether it is known to be so.
    pub(super) fn is_fine(&self, what: &str) -> bool {
        self.lock().get(what).is_some_and(|need| need.state == State::Fine)
    }

    /// What `/readyz` says of a process in this role: `Err` = not ready.
    pub fn told(&self, role: &str) -> Result<String, String> {
        let needs = self.lock();
        let line = |(what, need): (&String, &Need)| match &need.state {
            State::Fine => None,
            State::Awaited if need.required => Some(format!("- {what}: waiting for it\n")),
            State::Awaited => None,
            State::Wrong(trouble) => Some(format!("- {what}: {}\n", trouble.text)),
        };
        let of =
            |required: bool| -> String { needs.iter().filter(|(_, need)| need.required == required).filter_map(line).collect() };
        match (of(true), of(false)) {
            (missing, notes) if missing.is_empty() && notes.is_empty() => Ok(format!("{role}\n")),
            (missing, notes) if missing.is_empty() => Ok(format!("{role}, but:\n{notes}")),
            (missing, notes) => Err(format!("not ready:\n{missing}{notes}")),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Need>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(text: &str) -> Trouble {
        Trouble { kind: Kind::Refused, text: text.into() }
    }

    #[test]
    fn ready_is_what_has_all_that_is_required() {
        let readiness = Readiness::default();
        readiness.require("watch of workloads");
        readiness.note("watch of secrets in namespace b");
        assert_eq!(readiness.told("standby"), Err("not ready:\n- watch of workloads: waiting for it\n".into()));
        readiness.wrong("watch of workloads", trouble("may not list"));
        assert_eq!(readiness.told("standby"), Err("not ready:\n- watch of workloads: may not list\n".into()));
        readiness.fine("watch of workloads");
        assert_eq!(readiness.told("standby"), Ok("standby\n".into()));
        readiness.wrong("watch of secrets in namespace b", trouble("may not watch"));
        assert_eq!(readiness.told("standby"), Ok("standby, but:\n- watch of secrets in namespace b: may not watch\n".into()));
        readiness.wrong("watch of workloads", trouble("unreachable"));
        let told = readiness.told("standby").expect_err("not ready");
        assert!(told.contains("unreachable") && told.contains("may not watch"), "{told}");
        readiness.fine("watch of workloads");
        readiness.fine("watch of secrets in namespace b");
        readiness.note("namespace b through AccountBinding prod");
        let rival = Trouble { kind: Kind::Elsewhere, text: "another controller acts for it".into() };
        readiness.wrong("namespace b through AccountBinding prod", rival);
        assert!(readiness.told("leading").is_ok_and(|told| told.contains("another controller")));
        readiness.waive_all(Kind::Elsewhere);
        assert_eq!(readiness.told("standby"), Ok("standby\n".into()), "who leads no more is nobody's rival");
    }
}
