//! Argo CD's own command, over the ConfigMap of `examples/argocd/`. `make e2e-git` builds it and runs these.

use super::kstatus::verdict_of;
use super::states::{Phase, State, all, title};
use crate::tools::run;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use wharfinger::api::REQUESTED_AT;

const CONFIG: &str = "examples/argocd/argocd-cm.yaml";

fn admin(command: &str, object: &Path, action: &[&str]) -> String {
    let first = ["admin", "settings", "resource-overrides", command, object.to_str().unwrap()];
    run("argocd", &[&first[..], action, &["--argocd-cm-path", CONFIG]].concat())
}

/// One of each kind, phase and reason: each takes a process.
fn some() -> Vec<State> {
    let mut seen = BTreeSet::new();
    let mut states = all();
    states.retain(|state| {
        let reason = if state.phase == Phase::Seen { state.reason } else { None };
        seen.insert((state.object["kind"].to_string(), format!("{:?}", state.phase), reason))
    });
    states
}

/// The object as a file that goes with the parts.
fn written(test: &str, number: usize, state: &State) -> PathBuf {
    let parts = std::env::var("WHARFINGER_PARTS").expect("this test needs the real parts. Run `make e2e-git`");
    let path = Path::new(&parts).join(format!("{test}-{number}.yaml"));
    std::fs::write(&path, state.object.to_string()).unwrap(); // JSON is YAML
    path
}

#[test]
#[ignore = "needs Argo CD, which takes minutes to build: make e2e-git"]
fn argocd_judges_every_state_of_every_kind() {
    for (number, state) in some().iter().enumerate() {
        let told = admin("health", &written("health", number, state), &[]);
        let (expected, message) = match state.phase {
            Phase::Unseen | Phase::Stale => ("Progressing", "no pass has seen this spec yet"),
            Phase::Deleting => ("Progressing", "Pending deletion"), // Argo CD's own, whatever we say
            Phase::Seen => (verdict_of(state).argocd, state.message()),
        };
        assert!(told.contains(&format!("STATUS: {expected}\n")) && told.contains(message), "{}: {told}", title(state));
    }
}

#[test]
#[ignore = "needs Argo CD, which takes minutes to build: make e2e-git"]
fn refresh_asks_for_a_pass_and_changes_nothing_else() {
    for (number, state) in some().iter().filter(|state| state.reason.is_some()).enumerate() {
        let object = written("action", number, state);
        let listed = admin("list-actions", &object, &[]);
        if state.object["kind"] == "AccountBinding" {
            assert!(listed.contains("Actions are not configured"), "{}: a pass makes nothing of it: {listed}", title(state));
            continue;
        }
        let disabled = (state.phase == Phase::Deleting).to_string();
        let row = listed.lines().find(|line| line.starts_with("refresh")).unwrap_or_else(|| panic!("{}: {listed}", title(state)));
        assert!(row.contains(&disabled), "{}: {listed}", title(state));
        let done = admin("run-action", &object, &["refresh"]);
        let changed: Vec<&str> = done.lines().filter(|line| line.starts_with(['<', '>', '+', '-'])).collect();
        let ours = |line: &&&str| line.contains(REQUESTED_AT) || line.contains("annotations:");
        assert!(!changed.is_empty() && changed.iter().all(|line| ours(&line)), "{}: {done}", title(state));
    }
}
