//! The one integration crate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // all of it is tests

mod core;
mod e2e;
mod golden;
mod schema;
mod tidy;
