//! Which task execution role a workload's containers are started with, and how it is kept.
#![allow(unreachable_pub)] // kube's derive repeats each struct inside a function

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which task execution role to use. Workloads whose `managedPolicy`, `trust` or `restrictPullsTo` differ do not share a role: without
/// a name each choice has a role of its own.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.name) && has(self.arn))").message("at most one of `name` and `arn` may be given"))]
#[x_kube(validation = Rule::new("!has(self.restrictPullsTo) || !has(self.managedPolicy) || self.managedPolicy != 'Always'")
    .message("the managed policy allows pulls from anywhere, so it cannot be attached with restrictPullsTo: leave managedPolicy out"))]
pub struct ExecutionRole {
    /// A role of this name is made and kept. It must begin with the binding's role prefix and this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9_+=,.@-]+$"))]
    pub name: Option<String>,

    /// This role exists; only our one inline policy on it is kept. The binding's `limits.existingRoles` must admit it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 20, max = 2048), regex(pattern = r"^arn:[a-z0-9-]+:iam::[0-9]{12}:role/.+$"))]
    pub arn: Option<String>,

    /// Whether AmazonECSTaskExecutionRolePolicy is attached: `Auto` (the default) where a container pulls from ECR or writes
    /// logs by `awslogs`, `Always`, or `Never`: then our own policy grants what it would, for these repositories and log groups.
    #[serde(default, skip_serializing_if = "ManagedPolicy::is_default")]
    pub managed_policy: ManagedPolicy,

    /// How far the trust policy of a role that is made is narrowed: `Standard` (the default) is the one of AWS's page.
    #[serde(default, skip_serializing_if = "Trust::is_default")]
    pub trust: Trust,

    /// Where pulls from Amazon ECR must come from. The managed policy is then not attached, for it allows them from anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restrict_pulls_to: Option<RestrictPullsTo>,

    /// Customer KMS keys of secrets and parameters that the controller may not look at: key ARN, alias ARN, key id or `alias/…`.
    /// The binding's `limits.kmsKeys` must admit them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 2048)))]
    pub kms_keys: Vec<String>,
}

/// Whether AmazonECSTaskExecutionRolePolicy is attached.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ManagedPolicy {
    /// Where a container pulls from ECR or writes logs by `awslogs`.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// Our own policy grants what it would.
    Never,
}

impl ManagedPolicy {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How far the trust policy is narrowed.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Trust {
    /// `ecs-tasks.amazonaws.com`, as on AWS's page.
    #[default]
    Standard,
    /// Only on behalf of this account (`aws:SourceAccount`).
    SourceAccount,
    /// Besides, only for ECS in the Regions where workloads use the role (`aws:SourceArn`).
    SourceArn,
}

impl Trust {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Where pulls from Amazon ECR must come from; with both lists, from both.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.vpcIds) || has(self.vpcEndpointIds)")
    .message("at least one of `vpcIds` and `vpcEndpointIds` must be given"))]
pub struct RestrictPullsTo {
    /// Ids of VPCs (`vpc-…`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 20), inner(length(max = 32), regex(pattern = r"^vpc-[0-9a-f]{8,17}$")))]
    pub vpc_ids: Vec<String>,
    /// Ids of VPC endpoints (`vpce-…`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 20), inner(length(max = 32), regex(pattern = r"^vpce-[0-9a-f]{8,17}$")))]
    pub vpc_endpoint_ids: Vec<String>,
}
