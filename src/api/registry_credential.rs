//! `RegistryCredential`: one registry login, kept as one secret in AWS and used by many workloads.
#![allow(unreachable_pub)] // kube's derive repeats each struct inside a function
#![allow(clippy::duplicated_attributes)] // each printer column has a type, and several have the same

use super::binding::AdoptionPolicy;
use super::secret_policy::{Reader, Replica, ValuePolicy};
use super::workload::{BindingRef, DeletionPolicy, ManagementPolicy, SecretRef};
use super::workload_status::TargetStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One registry login, kept as one secret in AWS and used by many workloads.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "wharfinger.dev",
    version = "v1alpha1",
    kind = "RegistryCredential",
    namespaced,
    status = "RegistryCredentialStatus",
    shortname = "regcred",
    doc = "One registry login, kept as one secret in AWS and used by many workloads.",
    category = "wharfinger",
    derive = "PartialEq",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Registry", type_ = "string", json_path = ".spec.registry"),
    printcolumn(name = "Users", type_ = "integer", json_path = ".status.users"),
    printcolumn(name = "Secret", type_ = "string", json_path = ".status.secret.arn", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.secretRef) != has(self.secretArn)").message("exactly one of `secretRef` and `secretArn` must be given"))]
#[x_kube(validation = Rule::new("!has(self.secretArn) || !(has(self.name) || has(self.description) || has(self.replicas) || has(self.readers))")
    .message("nothing is written to a secret that is named by secretArn: leave name, description, replicas and readers out"))]
#[x_kube(validation = Rule::new("self.registry == oldSelf.registry").message("registry cannot be changed: make another RegistryCredential"))]
#[x_kube(validation = Rule::new("has(self.name) == has(oldSelf.name) && (!has(self.name) || self.name == oldSelf.name)")
    .message("name cannot be changed: make another RegistryCredential"))]
#[x_kube(validation = Rule::new("has(self.secretArn) == has(oldSelf.secretArn)")
    .message("secretRef and secretArn cannot take each other's place: make another RegistryCredential"))]
#[x_kube(validation = Rule::new("!has(oldSelf.region) || !has(self.region) || self.region == oldSelf.region")
    .message("region cannot be changed: make another RegistryCredential"))]
#[x_kube(validation = Rule::new("!has(oldSelf.bindingRef) || !has(self.bindingRef) || self.bindingRef.name == oldSelf.bindingRef.name")
    .message("bindingRef cannot be changed: make another RegistryCredential"))]
#[x_kube(validation = Rule::new("!self.registry.matches('^([0-9]{12}[.]dkr[.-]ecr|public[.]ecr[.]aws)')")
    .message("Amazon ECR takes no repositoryCredentials, the execution role pulls from it"))]
pub struct RegistryCredentialSpec {
    /// The AccountBinding to act through. May be left out when exactly one admits this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_ref: Option<BindingRef>,

    /// The AWS Region of the secret. May be left out when the binding has just one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^[a-z]+(-[a-z]+)+-[0-9]+$"))]
    pub region: Option<String>,

    /// Registry host, or host and path prefix (`ghcr.io/acme`).
    #[schemars(length(min = 1, max = 255))]
    pub registry: String,

    /// A Secret in this namespace: `kubernetes.io/dockerconfigjson`, `dockercfg`, `basic-auth`, or one with the keys `username`
    /// and `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,

    /// A Secrets Manager secret that exists, by its full ARN, or in the same account and Region a partial ARN or its name. Nothing
    /// is written to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub secret_arn: Option<String>,

    /// The secret's name in AWS, below the binding's secret prefix and this namespace. By default made of this object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^[A-Za-z0-9/_+=.@-]+$"))]
    pub name: Option<String>,

    /// The secret's description in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub description: Option<String>,

    /// The customer KMS key of the secret: key ARN, alias ARN, key id or `alias/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub kms_key: Option<String>,

    /// Copies in other Regions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(validation = Rule::new("self.all(r, self.exists_one(s, s.region == r.region))").message("each Region may have only one replica"))]
    pub replicas: Vec<Replica>,

    /// Accounts and roles that may read the secret besides this account's own roles. The binding's `limits.readers` must admit
    /// them; those of other accounts need a `kmsKey`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub readers: Vec<Reader>,

    /// Namespaces besides this one whose workloads may use this credential, by their labels. Absent matches none, `{}` matches all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<LabelSelector>,

    /// Who decides what the value is: the source Secret (`Enforce`, the default), or others once it is made (`CreateOnly`).
    #[serde(default)]
    pub value_policy: ValuePolicy,

    /// Whether a secret of this name that Wharfinger did not make is taken over; never more than the binding allows.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,

    /// How often AWS is compared with this object when nothing asks for it, such as `30m` or `1h` (the default). `0s`: only
    /// on a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))]
    pub interval: Option<String>,

    /// `Full` (the default) converges; `Observe` compares, reports in the status and writes nothing.
    #[serde(default)]
    pub management_policy: ManagementPolicy,

    /// What deleting this object does in AWS: `Delete` (the default) removes the secret, `Retain` leaves it.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// Days during which the deleted secret can be restored: 7 (the default) to 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 7, max = 30))]
    pub recovery_window_in_days: Option<i64>,

    /// While true nothing is compared and nothing written. Deletion is still honoured.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
}

/// Names a `RegistryCredential`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct CredentialRef {
    /// Its `metadata.name`.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its namespace, if that is another one: the credential must allow this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
}

/// What the last pass saw and did. Never holds a secret value.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct RegistryCredentialStatus {
    /// The `metadata.generation` that the last pass handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The last value of the `requestedAt` annotation that a pass answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Where the secret lives. Pinned by the first pass that wrote something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetStatus>,
    /// The secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<CredentialSecretStatus>,
    /// Its copies in other Regions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<ReplicaStatus>,
    /// How many workloads use it.
    #[serde(default)]
    pub users: i64,
    /// What the owner of the KMS key must add to its policy so that readers of other accounts can decrypt: JSON, ready to paste.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_policy_statement: Option<String>,
    /// What is pending or held, as text, at most 8 KiB. Absent when converged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// What may go wrong later and is not an error now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// `Ready`, its part `CredentialsSynced`, and kstatus's `Reconciling` and `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// A credential's secret in AWS.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct CredentialSecretStatus {
    /// Its name, if Wharfinger keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its full ARN.
    pub arn: String,
    /// The version under AWSCURRENT, if Wharfinger keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// When that version was first seen under AWSCURRENT (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_at: Option<String>,
    /// ARN of its customer KMS key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
}

/// A copy of the secret in another Region.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaStatus {
    /// The Region.
    pub region: String,
    /// ARN of its customer KMS key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
    /// What AWS says of it: `InSync`, `InProgress` or `Failed`.
    pub state: String,
    /// Why, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The statement for the policy of the copy's KMS key, without which readers of other accounts cannot decrypt the copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_policy_statement: Option<String>,
}
