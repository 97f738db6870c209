//! The program `wharfinger`, also `kubectl wharfinger` when installed as `kubectl-wharfinger`.

use std::io::Write;
use std::process::ExitCode;
use wharfinger::cli::{Called, called, run};

#[tokio::main]
async fn main() -> ExitCode {
    match called(std::env::args_os().collect()) {
        Called::Run(arguments) => run(*arguments).await,
        Called::Complete(told) => {
            let _ = std::io::stdout().write_all(told.as_bytes()); // as below
            ExitCode::SUCCESS
        }
        Called::Tell(error) => {
            let _ = error.print(); // a closed output leaves nobody to tell
            // Not clap's own 2, which says "there are changes" here.
            if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
    }
}
