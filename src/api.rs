//! The custom resources of `wharfinger.dev/v1alpha1`: the user's words, nothing else. Imports nothing else of ours.
//!
//! Every rule that the API server can check is a bound or a CEL rule here; the core checks each again, for it also serves
//! files that no API server has seen.

mod binding;
mod execution_role;
mod fargate;
mod manifest;
mod network_parts;
mod network_status;
mod pull_network;
mod registry_credential;
mod rollout;
mod schema;
mod secret_policy;
mod verify;
mod workload;
mod workload_status;

pub use binding::*;
pub use execution_role::*;
pub use fargate::{fargate_memory, is_fargate_size};
pub use manifest::{CRD_SCHEMA, SchemaAge, crds, definitions, schema_age};
pub use network_parts::*;
pub use network_status::*;
pub use pull_network::*;
pub use registry_credential::*;
pub use rollout::*;
pub use schema::{batch_fields, ecs_fields};
pub use secret_policy::*;
pub use verify::*;
pub use workload::*;
pub use workload_status::*;

/// The API group of every kind, annotation and tag.
pub const GROUP: &str = "wharfinger.dev";

/// The finalizer that keeps a workload until what it made in AWS is gone.
pub const CLEANUP_FINALIZER: &str = "wharfinger.dev/cleanup";

/// The finalizer that keeps an `AccountBinding` while workloads use it.
pub const IN_USE_FINALIZER: &str = "wharfinger.dev/in-use";

/// Annotation whose every new value asks for a pass now; answered in `status.lastHandledReconcileAt`.
pub const REQUESTED_AT: &str = "wharfinger.dev/requestedAt";

/// Flux's spelling of [`REQUESTED_AT`], so that its tooling works unchanged.
pub const FLUX_REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// Annotation (`"true"`) that lets a deleted workload go without touching AWS; what stays is listed in an event.
pub const ABANDON: &str = "wharfinger.dev/abandon";

/// Annotation (`"true"`) that lets a deletion go on although tasks, services or jobs use what goes.
pub const FORCE_DELETE: &str = "wharfinger.dev/force-delete";
