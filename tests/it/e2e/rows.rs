//! Tables of tests: rows run side by side, all of them, and each failure names its row.

use futures::{FutureExt, StreamExt, stream};
use std::any::Any;
use std::panic::AssertUnwindSafe;

/// Rows at once. Each has a controller process of its own, and most of the time it waits.
const AT_ONCE: usize = 4;

pub(super) use crate::soak;

/// Runs every row and fails with the names of those that failed.
pub(super) async fn each<R, F: Future<Output = ()>>(rows: impl IntoIterator<Item = (String, R)>, run: impl Fn(R) -> F) {
    assert_none(failures(rows, run).await);
}

/// Runs every row; the failures, each with the name of its row.
pub(super) async fn failures<R, F: Future<Output = ()>>(
    rows: impl IntoIterator<Item = (String, R)>,
    run: impl Fn(R) -> F,
) -> Vec<String> {
    let runs = rows.into_iter().map(|(name, row)| {
        let outcome = AssertUnwindSafe(run(row)).catch_unwind();
        async move { outcome.await.err().map(|panic| format!("{name}: {}", told(&*panic))) }
    });
    let outcomes: Vec<Option<String>> = stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    assert!(!outcomes.is_empty(), "the table has no rows");
    outcomes.into_iter().flatten().collect()
}

pub(super) fn assert_none(failures: Vec<String>) {
    assert!(failures.is_empty(), "{} rows failed:\n{}", failures.len(), failures.join("\n"));
}

fn told(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}
