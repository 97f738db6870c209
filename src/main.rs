//! The program `wharfinger`, also `kubectl wharfinger` when installed as `kubectl-wharfinger`.

use clap::Parser;
use std::process::ExitCode;
use wharfinger::cli::{Arguments, run};

#[tokio::main]
async fn main() -> ExitCode {
    run(Arguments::parse()).await
}
