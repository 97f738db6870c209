//! Flux's own library, asked by the few lines of Go in `hack/parts/kstatus`.

use super::states::{Phase, State, all, title};
use super::{VERDICTS, Verdict};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

/// What the library makes of each object: status and message.
pub(crate) fn judge(objects: &[&Value]) -> Vec<(String, String)> {
    let mut program = Command::new("kstatus")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("kstatus: {error}: this test needs the real parts. Run `make test`"));
    let text: String = objects.iter().map(|object| format!("{object}\n")).collect();
    let mut stdin = program.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = program.wait_with_output().unwrap();
    let written = writer.join().unwrap();
    assert!(output.status.success() && written.is_ok(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>().map(Result::unwrap);
    let word = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
    let judged: Vec<_> = lines.map(|line| (word(&line, "status"), word(&line, "message"))).collect();
    assert_eq!(judged.len(), objects.len());
    judged
}

fn expected(state: &State) -> &'static str {
    match state.phase {
        Phase::Unseen | Phase::Stale => "InProgress",
        Phase::Deleting => "Terminating",
        Phase::Seen => verdict_of(state).kstatus,
    }
}

pub(super) fn verdict_of(state: &State) -> &'static Verdict {
    VERDICTS.iter().find(|it| Some(it.reason) == state.reason).unwrap_or_else(|| panic!("no verdict: {}", title(state)))
}

#[test]
fn kstatus_judges_every_state_of_every_kind() {
    let states = all();
    let judged = judge(&states.iter().map(|state| &state.object).collect::<Vec<_>>());
    for (state, (status, message)) in states.iter().zip(judged) {
        assert_eq!(status, expected(state), "{}: {message}\n{:#}", title(state), state.object);
        if state.phase == Phase::Seen && status != "Current" {
            assert_eq!(message, state.message(), "{}: what is told is ours", title(state));
        }
    }
    assert!(states.len() > 200, "{} states", states.len());
}
