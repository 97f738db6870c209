//! What changes CRDs or watches a whole cluster, and so would meet the tests that run at the same time. These are ignored among the
//! others; the one test here starts real parts of their own and runs them there, one after the other.

mod life;
mod permissions;

use super::root;
use crate::tools::tool;

/// How many there are.
const TESTS: usize = 4;

#[test]
fn on_real_parts_of_their_own() {
    let (runner, tests) = (root().join("hack/parts/run"), std::env::current_exe().unwrap());
    let arguments = ["--", tests.to_str().unwrap(), "chart::alone::", "--ignored", "--test-threads=1"];
    let (code, out, errors) = tool(runner.to_str().unwrap(), &arguments);
    assert_eq!(code, 0, "{out}\n{errors}");
    assert!(out.contains(&format!("test result: ok. {TESTS} passed")), "{out}");
}
