//! The program where it needs neither AWS nor a cluster.

use std::path::Path;
use std::process::{Command, Output};

/// Exit code, standard output and error of the program in a folder, with nothing of this machine's environment.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharfinger"));
    command.args(arguments).current_dir(folder).env_clear().env("AWS_REGION", "eu-west-1");
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}
