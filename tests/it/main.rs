//! The one integration crate.

mod core;
