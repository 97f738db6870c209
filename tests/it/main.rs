//! The one integration crate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // all of it is tests
#![allow(clippy::too_many_lines, clippy::type_complexity)] // a table is as long as it has rows, and as wide

mod agent_config;
mod core;
mod e2e;
mod golden;
mod import;
mod program;
mod schema;
mod tidy;
