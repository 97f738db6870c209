//! What can be said of a secret that Wharfinger keeps besides its value: who writes it, where it is copied to, who else reads it.
#![allow(unreachable_pub)] // kube's derive repeats each struct inside a function

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who decides what the value is.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ValuePolicy {
    /// The source Secret: another value in AWS is replaced.
    #[default]
    Enforce,
    /// The source Secret when the secret is made, and others from then on.
    CreateOnly,
}

/// A copy of the secret in another Region, which AWS keeps equal.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Replica {
    /// The Region, one of the AccountBinding's.
    #[schemars(length(max = 32), regex(pattern = r"^[a-z]+(-[a-z]+)+-[0-9]+$"))]
    pub region: String,
    /// The customer KMS key of the copy, a key of that Region: key ARN, alias ARN, key id or `alias/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub kms_key: Option<String>,
}

/// Somebody else who may read the secret, by a statement of ours in its resource policy.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.accountId) != has(self.roleArn)").message("exactly one of `accountId` and `roleArn` must be given"))]
pub struct Reader {
    /// An AWS account, 12 digits: its administrators decide who of it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12), regex(pattern = r"^[0-9]{12}$"))]
    pub account_id: Option<String>,
    /// A role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = r"^arn:[a-z0-9-]+:iam::[0-9]{12}:role/.+$"))]
    pub role_arn: Option<String>,
}
