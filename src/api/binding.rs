//! `AccountBinding`: which namespaces may act in which AWS account and Regions, through which role, within which fences.
#![allow(unreachable_pub)] // kube's derive repeats each struct inside a function
#![allow(clippy::duplicated_attributes)] // each printer column has a type, and several have the same

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which namespaces may act in which AWS account and Regions, through which role, within which fences. Written by the platform
/// administrator.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "wharfinger.dev",
    version = "v1alpha1",
    kind = "AccountBinding",
    status = "AccountBindingStatus",
    shortname = "awsbind",
    doc = "Which namespaces may act in which AWS account and Regions, through which role, within which fences. Written by the platform administrator.",
    category = "wharfinger",
    derive = "PartialEq",
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.accountId"),
    printcolumn(name = "Regions", type_ = "string", json_path = ".spec.regions"),
    printcolumn(name = "Workloads", type_ = "integer", json_path = ".status.workloads"),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.roleArn", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.accountId == oldSelf.accountId").message("accountId cannot be changed: make another AccountBinding"))]
#[x_kube(validation = Rule::new("self.names == oldSelf.names")
    .message("names cannot be changed: what was made under the old ones would be lost; make another AccountBinding"))]
#[x_kube(validation = Rule::new("!has(self.roleArn) || self.roleArn.split(':')[4] == self.accountId")
    .message("roleArn must be a role of accountId"))]
pub struct AccountBindingSpec {
    /// The AWS account, checked against sts:GetCallerIdentity before the first write.
    #[schemars(length(max = 12), regex(pattern = r"^[0-9]{12}$"))]
    pub account_id: String,

    /// The Regions that may be used.
    #[schemars(length(min = 1, max = 64), inner(length(max = 32), regex(pattern = r"^[a-z]+(-[a-z]+)+-[0-9]+$")))]
    pub regions: Vec<String>,

    /// Which namespaces may use this binding, by their labels. Absent matches none, `{}` matches all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,

    /// The role to assume. Without it the controller's own credentials are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = r"^arn:[a-z0-9-]+:iam::[0-9]{12}:role/.+$"))]
    pub role_arn: Option<String>,

    /// The ExternalId that the role's trust policy asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 1224), regex(pattern = r"^[A-Za-z0-9_+=,.@:/\\-]+$"))]
    pub external_id: Option<String>,

    /// Whether the assumed session carries the namespace as a tag.
    #[serde(default)]
    pub session_tags: SessionTags,

    /// Prefixes of the names in AWS. They must differ between clusters that share an account.
    #[serde(default)]
    pub names: Names,

    /// Fences: what absent or empty lists do not admit is denied. What lies under our own prefixes for a namespace is allowed.
    #[serde(default)]
    pub limits: Limits,
}

/// Session tags of the assumed role.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SessionTags {
    /// None.
    #[default]
    None,
    /// `wharfinger.dev/namespace` = the workload's namespace.
    Namespace,
}

/// Prefixes of the names in AWS.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Names {
    /// Of secrets; characters that Secrets Manager allows.
    #[schemars(length(max = 128), regex(pattern = r"^[A-Za-z0-9/_+=.@-]*$"))]
    pub secret_prefix: String,
    /// Of roles; characters that IAM allows.
    #[schemars(length(max = 32), regex(pattern = r"^[A-Za-z0-9_+=,.@-]*$"))]
    pub role_prefix: String,
    /// Of task definition families and job definitions.
    #[schemars(length(max = 64), regex(pattern = r"^[A-Za-z0-9_-]*$"))]
    pub definition_prefix: String,
}

impl Default for Names {
    fn default() -> Self {
        Self { secret_prefix: "wharfinger/".into(), role_prefix: "wharfinger_".into(), definition_prefix: String::new() }
    }
}

/// Fences. In ARN patterns `*` stands for any characters and `?` for one, within one colon-separated part of the ARN.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// IAM path of the roles that are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), regex(pattern = r"^/([!-.0-~]+/)*$"))]
    pub role_path: Option<String>,
    /// Permissions boundary of the roles that are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = r"^arn:[a-z0-9-]+:iam::([0-9]{12}|aws):policy/.+$"))]
    pub permissions_boundary_arn: Option<String>,
    /// Existing roles that `executionRole.arn` may name.
    #[schemars(length(max = 100), inner(length(max = 2048)))]
    pub existing_roles: Vec<String>,
    /// Roles that `taskRoleArn` and `jobRoleArn` may name.
    #[schemars(length(max = 100), inner(length(max = 2048)))]
    pub task_roles: Vec<String>,
    /// Existing secrets that a spec may pull with or its containers may read.
    #[schemars(length(max = 100), inner(length(max = 2048)))]
    pub secret_arns: Vec<String>,
    /// SSM parameters that containers may read.
    #[schemars(length(max = 100), inner(length(max = 2048)))]
    pub ssm_parameters: Vec<String>,
    /// S3 objects that containers may load as environment files or FireLens configuration.
    #[schemars(length(max = 100), inner(length(max = 2048)))]
    pub s3_objects: Vec<String>,
    /// Customer KMS keys that secrets may be encrypted with: key ARNs or alias ARNs.
    #[schemars(length(max = 100), inner(length(max = 2048)))]
    pub kms_keys: Vec<String>,
    /// ECS clusters whose services may be rolled.
    #[schemars(length(max = 100), inner(length(max = 2048)))]
    pub clusters: Vec<String>,
    /// Families and job definition names that a spec may give its definition, besides those under our own prefix.
    #[schemars(length(max = 100), inner(length(max = 255)))]
    pub definition_names: Vec<String>,
    /// Registry hosts that credentials may be held for, such as `registry.example.com` or `*.example.com`.
    #[schemars(length(max = 100), inner(length(max = 255)))]
    pub registries: Vec<String>,
    /// Accounts (12 digits) and roles that a `RegistryCredential` may let read its secret.
    #[schemars(length(max = 100), inner(length(max = 2048)))]
    pub readers: Vec<String>,
    /// Registry hosts, with their port, that are asked by http when images are verified. Logins cross the network unprotected.
    #[schemars(length(max = 100), inner(length(max = 255)))]
    pub insecure_registries: Vec<String>,
    /// Hosts, with their port, whose addresses may be private, loopback or link-local when images are verified.
    #[schemars(length(max = 100), inner(length(max = 255)))]
    pub private_registries: Vec<String>,
    /// Hosts, with their port, that a registry may send for its tokens, and so logins, besides itself.
    #[schemars(length(max = 100), inner(length(max = 255)))]
    pub token_hosts: Vec<String>,
    /// The most that a spec may ask for in taking over what it did not make.
    pub adoption: AdoptionPolicy,
}

/// Whether what Wharfinger did not make may be taken over.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum AdoptionPolicy {
    /// Never.
    #[default]
    Never,
    /// What carries the tag `wharfinger.dev/adopt-by` with the object's identity: `<cluster>/<namespace>/<kind>/<name>`.
    IfTagged,
    /// What has no owner.
    Adopt,
}

impl AdoptionPolicy {
    pub(super) fn is_never(&self) -> bool {
        *self == Self::Never
    }
}

/// Who uses the binding.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct AccountBindingStatus {
    /// The `metadata.generation` that was last handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many workloads and credentials use it.
    #[serde(default)]
    pub workloads: i64,
    /// The controllers that act through it: more than one only where each watches other namespaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub controllers: Vec<BindingController>,
    /// `Ready`, and `Stalled` while its deletion waits for workloads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// A controller that acts through a binding.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct BindingController {
    /// Namespace and name of its Lease.
    pub name: String,
    /// The namespaces that it watches; absent = all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Vec<String>>,
    /// Since when, as RFC 3339. Where two watch the same namespace, it is the first one's.
    pub since: String,
    /// How many workloads and credentials of its namespaces use the binding.
    #[serde(default)]
    pub workloads: i64,
    /// Some of them, while the binding's deletion waits for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
}
