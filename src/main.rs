//! The program `wharfinger`, also `kubectl wharfinger` when installed as `kubectl-wharfinger`.

use clap::Parser;
use std::process::ExitCode;
use tokio::runtime::Builder;
use wharfinger::cli::{Arguments, run};

/// Threads for what blocks, which is resolving names. Each would have a heap of its own, and few are enough.
const BLOCKING_THREADS: usize = 4;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print(); // a closed output leaves nobody to tell
            // Not clap's own 2, which says "there are changes" here.
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match Builder::new_multi_thread().max_blocking_threads(BLOCKING_THREADS).enable_all().build() {
        Ok(runtime) => runtime.block_on(run(arguments)),
        Err(error) => {
            let _ = clap::Error::raw(clap::error::ErrorKind::Io, format!("cannot start: {error}\n")).print();
            ExitCode::FAILURE
        }
    }
}
