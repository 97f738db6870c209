//! The program `wharfinger`, also `kubectl wharfinger` when installed as `kubectl-wharfinger`.

use clap::Parser;
use std::process::ExitCode;
use wharfinger::cli::{Arguments, run};

#[tokio::main]
async fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => run(arguments).await,
        Err(error) => {
            let _ = error.print(); // a closed output leaves nobody to tell
            // Not clap's own 2, which says "there are changes" here.
            if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
    }
}
