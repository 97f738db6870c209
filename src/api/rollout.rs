//! What of a workload's life in ECS may be said: services that are rolled, and the end of older revisions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// ECS services that are rolled to each new revision, once for each.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// The services. Each must run this workload's family already, and `limits.clusters` of the AccountBinding must admit its
    /// cluster.
    #[schemars(length(min = 1, max = 20))]
    pub services: Vec<RolledService>,

    /// Whether a service that somebody set to an older revision stays there. By default it is moved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pin: bool,
}

/// One ECS service.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct RolledService {
    /// Name or ARN of its cluster.
    #[schemars(
        length(min = 1, max = 255),
        regex(pattern = r"^(arn:[a-z0-9-]+:ecs:[a-z0-9-]+:[0-9]{12}:cluster/)?[A-Za-z0-9_-]+$")
    )]
    pub cluster: String,

    /// Its name.
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub service: String,
}

/// What becomes of revisions that are no longer wanted.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RetiredRevisions {
    /// They are deregistered. AWS keeps them as INACTIVE; Batch deletes those after 180 days.
    #[default]
    Deregister,
    /// They are deregistered and, in ECS, deleted.
    Delete,
}
