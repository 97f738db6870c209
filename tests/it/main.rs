//! The one integration crate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // all of it is tests
#![recursion_limit = "256"] // `json!` takes a step for each field of a recorded answer
#![allow(clippy::too_many_lines, clippy::type_complexity)] // a table is as long as it has rows, and as wide

mod agent_config;
mod chart;
mod core;
mod docs;
mod e2e;
mod explain;
mod generated;
mod golden;
mod golden_networks;
mod health;
mod iam_policy;
mod import;
mod kept;
mod lease;
mod program;
mod registry;
mod schema;
mod tidy;
mod tools;
mod usage;

/// Whether every repetition is wanted (`make soak`) or a sample.
fn soak() -> bool {
    std::env::var("WHARFINGER_SOAK").is_ok_and(|value| !["", "0"].contains(&value.as_str()))
}
