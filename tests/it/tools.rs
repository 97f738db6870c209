//! Tools that come with the real parts, run as users run them.

use serde_json::Value;
use std::process::{Command, Output};

/// Exit code, standard output and error of a tool.
pub(crate) type Answer = (i32, String, String);

/// Runs a tool that is on the path among the parts.
pub(crate) fn tool(name: &str, arguments: &[&str]) -> Answer {
    let output = Command::new(name).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let Output { status, stdout, stderr } =
        output.unwrap_or_else(|error| panic!("{name}: {error}: these tests need the real parts. Run `make test`"));
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (status.code().unwrap_or(-1), text(&stdout), text(&stderr))
}

/// The output of a tool that must succeed.
pub(crate) fn run(name: &str, arguments: &[&str]) -> String {
    let (code, out, errors) = tool(name, arguments);
    assert_eq!(code, 0, "{name} {arguments:?}: {out}{errors}");
    out
}

/// The JSON that a script prints. `variable` names the Python: one of those that `hack/parts/run` tells.
pub(crate) fn python(variable: &str, script: &str, arguments: &[&str]) -> Value {
    let program = std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: these tests need the real parts. Run `make test`"));
    serde_json::from_str(&run(&program, &[&["-B", "-c", script], arguments].concat())).unwrap()
}
