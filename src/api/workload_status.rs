//! The status of a `PrivateImageWorkload`: what the last pass saw and did.

use super::verify::ImageStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the last pass saw and did. Never holds a secret value.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct PrivateImageWorkloadStatus {
    /// The `metadata.generation` that the last pass handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The last value of the `requestedAt` annotation that a pass answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Where the workload lives. Pinned by the first pass that wrote something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetStatus>,
    /// ARN of the execution role in the definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role_arn: Option<String>,
    /// ARNs of earlier execution roles that older revisions name, or that are still to be cleared of our policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_roles: Vec<String>,
    /// The secrets that the workload's revisions name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretStatus>,
    /// The customer KMS keys of what containers read by themselves: secrets and parameters of their `secrets` and log drivers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub container_keys: Vec<ContainerKeyStatus>,
    /// What registries said of the images, where `spec.verify` asks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageStatus>,
    /// The registered definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<DefinitionStatus>,
    /// Our other registered revisions, newest first; absent while they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_revisions: Option<Vec<RevisionStatus>>,
    /// The ECS services that are rolled to the definition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceStatus>,
    /// The PullNetwork that `pullNetworkRef` names, once a pass found that it admits this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// What is pending or held, as text, at most 8 KiB. Absent when converged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// What may go wrong later and is not an error now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// `Ready`, its parts `CredentialsSynced`, `ExecutionRoleReady`, `DefinitionRegistered`, (with `pullNetworkRef`) `EndpointsReady`,
    /// (where services are rolled) `ServicesUpdated` and (unless `spec.verify` is `Off`) `ImageVerified`, and kstatus's `Reconciling`
    /// and `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// The account and Region that a workload is pinned to.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TargetStatus {
    /// Name of the AccountBinding; absent where files act with the ambient identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<String>,
    /// AWS account, 12 digits.
    pub account_id: String,
    /// AWS Region.
    pub region: String,
}

/// One secret in AWS that the workload's containers pull with.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SecretStatus {
    /// The registry it is for.
    pub registry: String,
    /// Its name, if Wharfinger keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its full ARN.
    pub arn: String,
    /// The version under AWSCURRENT, if Wharfinger keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// ARN of its customer KMS key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
    /// Whether the spec no longer leads to it: it stays while an older revision names it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub former: bool,
}

/// A customer KMS key of something that containers read.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct ContainerKeyStatus {
    /// ARN of the secret or parameter.
    pub of: String,
    /// ARN of the key.
    pub kms_key_arn: String,
}

/// The registered definition.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct DefinitionStatus {
    /// Its ARN, with the revision.
    pub arn: String,
    /// Its revision.
    pub revision: i64,
}

/// A revision of ours other than the current one, and what it needs to start tasks.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RevisionStatus {
    /// Its ARN, with the revision.
    pub arn: String,
    /// ARN of the execution role that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role_arn: Option<String>,
    /// ARNs of the secrets that its containers pull with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// What else it needs of that role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<NeedStatus>,
}

/// Something that a revision needs of its execution role besides the secrets that it pulls with.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct NeedStatus {
    /// The action, such as `ssm:GetParameters`.
    pub action: String,
    /// ARN of what it acts on.
    pub resource: String,
}

/// An ECS service that is rolled.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Its cluster, as the spec names it.
    pub cluster: String,
    /// Its name.
    pub service: String,
    /// ARN of the revision that it was last told to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_to: Option<String>,
    /// How far its deployment is.
    pub state: ServiceState,
    /// Tasks that should run.
    #[serde(default)]
    pub desired: i64,
    /// Tasks that run.
    #[serde(default)]
    pub running: i64,
    /// Tasks that are starting.
    #[serde(default)]
    pub pending: i64,
    /// Tasks that did not start.
    #[serde(default)]
    pub failed: i64,
}

/// How far the deployment of a service is.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceState {
    /// ECS is replacing tasks.
    Progressing,
    /// The service runs the current revision.
    Complete,
    /// The deployment failed, or ECS rolled it back.
    Failed,
    /// Somebody set it to an older revision, and `rollout.pin` says to leave it there.
    Pinned,
    /// It is not rolled, as it is not this workload's or cannot be.
    Held,
}
