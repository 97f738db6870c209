//! `PrivateImageWorkload`: one image from a private registry, made runnable on ECS or Batch.
#![allow(unreachable_pub)] // kube's derive repeats each struct inside a function

use super::binding::AdoptionPolicy;
use super::execution_role::ExecutionRole;
use super::pull_network::PullNetworkRef;
use super::registry_credential::CredentialRef;
use super::rollout::{RetiredRevisions, Rollout};
use super::verify::Verify;
use super::workload_status::PrivateImageWorkloadStatus;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A definition in AWS's own JSON: the fields of RegisterTaskDefinition or RegisterJobDefinition in AWS's spelling.
pub type Definition = serde_json::Map<String, serde_json::Value>;

/// Runs containers from private registries on Amazon ECS or AWS Batch: keeps the registry credential, the execution role's
/// policy and the registered definition right.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "wharfinger.dev",
    version = "v1alpha1",
    kind = "PrivateImageWorkload",
    namespaced,
    status = "PrivateImageWorkloadStatus",
    shortname = "piw",
    doc = "Runs containers from private registries on Amazon ECS or AWS Batch: keeps the registry credential, the execution role's policy and the registered definition right.",
    category = "wharfinger",
    derive = "PartialEq",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Image", type_ = "string", json_path = ".spec.image"),
    printcolumn(name = "Revision", type_ = "integer", json_path = ".status.definition.revision"),
    printcolumn(name = "Account", type_ = "string", json_path = ".status.target.accountId", priority = 1),
    printcolumn(name = "Region", type_ = "string", json_path = ".status.target.region", priority = 1),
    printcolumn(name = "Definition", type_ = "string", json_path = ".status.definition.arn", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must be a DNS label of at most 63 characters (a-z, 0-9, '-'): it becomes part of AWS names")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.ecs) != has(self.batch)").message("exactly one of `ecs` and `batch` must be given"))]
#[x_kube(validation = Rule::new("!has(self.ecs) || (has(self.ecs.containerDefinitions) && self.ecs.containerDefinitions.size() > 0)")
    .message("a task definition has at least one container"))]
#[x_kube(validation = Rule::new("!has(self.ecs) || !has(self.ecs.containerDefinitions) || has(self.image) || self.ecs.containerDefinitions.all(c, has(c.image))")
    .message("every container needs an image: give it one, or set spec.image for those that have none"))]
#[x_kube(validation = Rule::new("!has(self.ecs) || !has(self.ecs.containerDefinitions) || self.ecs.containerDefinitions.all(c, !has(c.name) || self.ecs.containerDefinitions.exists_one(d, has(d.name) && d.name == c.name))")
    .message("two containers have the same name: give each its own"))]
#[x_kube(validation = Rule::new("!has(self.batch) || !has(self.batch.eksProperties)")
    .message("jobs on EKS pull with podProperties.imagePullSecrets, not with repositoryCredentials: leave eksProperties out"))]
#[x_kube(validation = Rule::new("!has(self.batch) || has(self.batch.eksProperties) || [has(self.batch.containerProperties), has(self.batch.ecsProperties), has(self.batch.nodeProperties)].exists_one(given, given)")
    .message("exactly one of containerProperties, ecsProperties and nodeProperties must be given"))]
#[x_kube(validation = Rule::new("!has(self.rollout) || has(self.ecs)")
    .message("rollout is for ECS services: leave it out with batch"))]
#[x_kube(validation = Rule::new("!has(self.pinDigest) || !self.pinDigest || self.verify != 'Off'")
    .message("pinDigest registers the digest that verify finds: set verify to Warn or Enforce"))]
#[x_kube(validation = Rule::new("!has(self.pullNetworkRef) || !has(self.pullNetworkRef.restrictPulls) || !has(self.executionRole) || !has(self.executionRole.restrictPullsTo)")
    .message("pullNetworkRef.restrictPulls and executionRole.restrictPullsTo say the same: leave one of them out"))]
#[x_kube(validation = Rule::new("!has(self.pullNetworkRef) || !has(self.pullNetworkRef.restrictPulls) || !has(self.executionRole) || !has(self.executionRole.managedPolicy) || self.executionRole.managedPolicy != 'Always'")
    .message("the managed policy allows pulls from anywhere, so it cannot be attached with restrictPulls: leave managedPolicy out"))]
#[x_kube(validation = Rule::new("!has(oldSelf.region) || !has(self.region) || self.region == oldSelf.region")
    .message("region cannot be changed: delete this workload and create it in the other Region, or create a second one"))]
#[x_kube(validation = Rule::new("!has(oldSelf.bindingRef) || !has(self.bindingRef) || self.bindingRef.name == oldSelf.bindingRef.name")
    .message("bindingRef cannot be changed: delete this workload and create it under the other AccountBinding"))]
pub struct PrivateImageWorkloadSpec {
    /// The AccountBinding to act through. May be left out when exactly one admits this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_ref: Option<BindingRef>,

    /// The AWS Region. May be left out when the binding has just one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^[a-z]+(-[a-z]+)+-[0-9]+$"))]
    pub region: Option<String>,

    /// The image of every container that names none. AWS allows 255 characters before an `@`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,

    /// Logins for the private registries that the containers' images come from, matched by registry host; the longest path
    /// prefix wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(validation = Rule::new("self.all(c, !has(c.registry) || self.exists_one(d, has(d.registry) && d.registry == c.registry))")
        .message("each registry may have only one credential"))]
    pub credentials: Vec<Credential>,

    /// Whether the registry is asked, with each credential, for the images that it pulls: `Warn` (the default) tells what is
    /// wrong, `Enforce` registers nothing that is not proven, `Off` asks nobody.
    #[serde(default)]
    pub verify: Verify,

    /// Whether images that are pulled with a credential are registered by the digest that `verify` found.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pin_digest: bool,

    /// The task execution role. By default one is made and kept for the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role: Option<ExecutionRole>,

    /// The PullNetwork in which the tasks run. The definition waits until its endpoints are available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_network_ref: Option<PullNetworkRef>,

    /// An ECS task definition: the fields of RegisterTaskDefinition, in AWS's spelling. `family`, `executionRoleArn` and
    /// `repositoryCredentials` are filled in where they are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::ecs")]
    pub ecs: Option<Definition>,

    /// A Batch job definition: the fields of RegisterJobDefinition, in AWS's spelling. `jobDefinitionName`, `executionRoleArn`
    /// and `repositoryCredentials` are filled in where they are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::batch")]
    pub batch: Option<Definition>,

    /// A JSON merge patch of the definition, for fields that AWS has and this resource does not know yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::any_object")]
    pub definition_patch: Option<Definition>,

    /// ECS services that are rolled to each new revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,

    /// How many older revisions stay registered: 3 by default. One that is in use always stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub revision_history_limit: Option<i64>,

    /// What becomes of a revision beyond `revisionHistoryLimit`, and of all on deletion: `Deregister` (the default), or in ECS
    /// `Delete`.
    #[serde(default)]
    pub retired_revisions: RetiredRevisions,

    /// How often AWS is compared with this object when nothing asks for it, such as `30m` or `1h` (the default). `0s`: only
    /// on a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))]
    pub interval: Option<String>,

    /// `Full` (the default) converges; `Observe` compares, reports in the status and writes nothing.
    #[serde(default)]
    pub management_policy: ManagementPolicy,

    /// Whether secrets that Wharfinger did not make are taken over where this workload's would be; never more than the binding
    /// allows.
    #[serde(default, skip_serializing_if = "AdoptionPolicy::is_never")]
    pub adoption_policy: AdoptionPolicy,

    /// What deleting this object does in AWS: `Delete` (the default) removes what it made, `Retain` leaves it.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// Days during which a secret that was deleted with its last workload can be restored: 7 (the default) to 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 7, max = 30))]
    pub recovery_window_in_days: Option<i64>,

    /// While true nothing is compared and nothing written. Deletion is still honoured.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
}

/// Names an `AccountBinding`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct BindingRef {
    /// Its `metadata.name`.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// One registry login: a Secret of this namespace, kept as a secret in AWS, a secret that exists in AWS, or a `RegistryCredential`.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.secretRef), has(self.secretArn), has(self.credentialRef)].exists_one(given, given)")
    .message("exactly one of `secretRef`, `secretArn` and `credentialRef` must be given"))]
#[x_kube(validation = Rule::new("!has(self.credentialRef) || !has(self.kmsKey)")
    .message("the RegistryCredential says which KMS key its secret has: leave kmsKey out"))]
#[x_kube(validation = Rule::new("!has(self.registry) || !self.registry.matches('^([0-9]{12}[.]dkr[.-]ecr|public[.]ecr[.]aws)')")
    .message("Amazon ECR takes no repositoryCredentials, the execution role pulls from it: leave this credential out"))]
pub struct Credential {
    /// Registry host, or host and path prefix (`ghcr.io/acme`). Without it a Secret serves every host that it has a login for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub registry: Option<String>,

    /// A Secret in this namespace: `kubernetes.io/dockerconfigjson`, `dockercfg`, `basic-auth`, or one with the keys `username`
    /// and `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,

    /// A Secrets Manager secret that exists: its full ARN, or in the same account and Region a partial ARN or its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = Rule::new("!self.startsWith('arn:') || self.matches('^arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$')")
        .message(Message::Expression("self + ': must be the ARN of a Secrets Manager secret (arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-XXXXXX), or its name'".into())))]
    pub secret_arn: Option<String>,

    /// A RegistryCredential of this namespace, or of another one that allows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_ref: Option<CredentialRef>,

    /// The customer KMS key of the secret: key ARN, alias ARN, key id or `alias/…`. For a `secretArn` it is discovered where
    /// that is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = Rule::new("!self.startsWith('arn:') || self.matches('^arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/.+$')")
        .message(Message::Expression("self + ': must be a KMS key ARN (arn:aws:kms:REGION:ACCOUNT:key/ID, with a slash after `key`), an alias ARN, a key id or alias/NAME'".into())))]
    pub kms_key: Option<String>,
}

/// Names a Secret of the same namespace.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Its `metadata.name`.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
}

/// Whether AWS is changed or only compared.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ManagementPolicy {
    /// Converge.
    #[default]
    Full,
    /// Compare and report; write nothing.
    Observe,
}

/// What deleting the object does in AWS.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DeletionPolicy {
    /// Remove what was made.
    #[default]
    Delete,
    /// Leave everything.
    Retain,
}
