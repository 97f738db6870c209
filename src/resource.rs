//! The pure half of each AWS kind: what should be, what is, and the steps between. No calls, no clock.

pub mod arn;
pub mod definition;
pub mod fingerprint;
pub mod grants;
pub mod image;
pub mod login;
pub mod names;
pub mod network;
pub mod normalise;
pub mod policy;
pub mod revision;
pub mod role;
pub mod sealed;
pub mod secret;
pub mod service;
pub mod stopped;
pub mod tags;
pub mod uses;
pub mod verification;
