//! The pure core through its public functions: nothing here needs a process, a network or a clock.

mod answers;
mod attacks;
mod bad_input;
mod crds;
mod credential_refs;
mod credentials;
mod definition;
mod farewell;
mod fences;
pub(crate) mod fixtures;
pub(crate) mod invariants;
mod lifecycle;
mod no_change;
mod past;
mod place;
mod planners;
mod policy;
mod properties;
mod recorded;
mod registry_credential;
mod removal;
mod revisions;
mod rules;
mod services;
mod status;
pub(crate) mod story;
pub(crate) mod world;
