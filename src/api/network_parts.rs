//! The parts of a `PullNetwork`'s spec: what runs in the VPC, where images come from, security groups and policies.
#![allow(unreachable_pub)] // kube's derive repeats each struct inside a function

use super::workload::Definition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tags that must be there, with these values.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Tags {
    /// Key and value of each.
    #[schemars(length(min = 1, max = 20))]
    pub match_tags: BTreeMap<String, String>,
}

/// The security groups of the interface endpoints.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.create) && self.create && has(self.ids))").message("either `create: true` or `ids`, not both"))]
#[x_kube(validation = Rule::new("!has(self.create) || self.create || has(self.ids)").message("with `create: false` name the security groups in `ids`"))]
pub struct SecurityGroups {
    /// Make one, and let 443 in from the ranges of the subnets. The default where `ids` is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<bool>,
    /// These exist. They are not changed: that they let 443 in from every subnet is checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 16), inner(length(max = 32), regex(pattern = r"^sg-[0-9a-f]{8,17}$")))]
    pub ids: Vec<String>,
}

/// What runs in the subnets. Tasks of ECS and jobs of AWS Batch are alike in this.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.fargate) || (has(self.ec2) && self.ec2) || (has(self.external) && self.external)")
    .message("name what runs here: `fargate`, `ec2: true` or `external: true`"))]
pub struct Tasks {
    /// Tasks on Fargate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fargate: Option<FargateTasks>,
    /// Tasks on EC2 instances.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ec2: bool,
    /// Tasks on external instances (ECS Anywhere). They are in no VPC, so nothing is made for them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub external: bool,
    /// Whether tasks on EC2 instances write logs by `awslogs`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awslogs: bool,
    /// What containers read with `secrets`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2))]
    pub container_secrets: Vec<ContainerSecrets>,
}

/// Tasks on Fargate.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct FargateTasks {
    /// The oldest platform version of Linux tasks: `LATEST`, `1.4.0`, `1.3.0`. By default `LATEST`; with `windows: true`, no Linux tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^(LATEST|[0-9]+\.[0-9]+\.[0-9]+)$"))]
    pub linux_platform_version: Option<String>,
    /// Windows tasks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub windows: bool,
    /// Whether they write logs by `awslogs`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awslogs: bool,
}

/// A service that containers read secrets from.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerSecrets {
    /// AWS Secrets Manager.
    SecretsManager,
    /// Parameter Store of AWS Systems Manager.
    ParameterStore,
}

/// Where images and logins come from.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Pulls {
    /// Amazon ECR, private repositories: true by default.
    pub ecr: bool,
    /// Private registries outside AWS, whose logins are in Secrets Manager: true by default. The registry itself needs a way of its own.
    pub private_registries: bool,
    /// Amazon ECR Public. No endpoint leads there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ecr_public: bool,
    /// Images that a pull-through cache rule of Amazon ECR fetches. The first pull of each needs a way to the internet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pull_through_cache: bool,
}

impl Default for Pulls {
    fn default() -> Self {
        Self { ecr: true, private_registries: true, ecr_public: false, pull_through_cache: false }
    }
}

/// The policies of the endpoints.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.documents) || ((!has(self.documents.ecr) || self.ecr == 'Full') && (!has(self.documents.s3) || self.s3 == 'Full') && (!has(self.documents.secretsmanager) || self.secretsmanager == 'Full'))")
    .message("a document takes the place of a named policy: leave the named one out"))]
pub struct EndpointPolicies {
    /// Of both ECR endpoints.
    #[serde(default)]
    pub ecr: EcrPolicy,
    /// Of the S3 gateway.
    #[serde(default)]
    pub s3: S3Policy,
    /// Of the Secrets Manager endpoint.
    #[serde(default)]
    pub secretsmanager: SecretsPolicy,
    /// Policies of your own, in IAM's JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<PolicyDocuments>,
}

/// Policies of your own, in IAM's JSON, at most 20,480 characters each.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyDocuments {
    /// Of both ECR endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::any_object")]
    pub ecr: Option<Definition>,
    /// Of the S3 gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::any_object")]
    pub s3: Option<Definition>,
    /// Of the Secrets Manager endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::any_object")]
    pub secretsmanager: Option<Definition>,
    /// Of the CloudWatch Logs endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::any_object")]
    pub logs: Option<Definition>,
    /// Of the Systems Manager endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::any_object")]
    pub ssm: Option<Definition>,
}

/// The policy of the ECR endpoints.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum EcrPolicy {
    /// Everything: policies of roles and repositories decide.
    #[default]
    Full,
    /// Pulls only, by the binding's roles and `additionalPrincipals`.
    AllowPull,
    /// Everything but deleting repositories.
    PreventDelete,
}

/// The policy of the S3 gateway.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum S3Policy {
    /// Everything: policies of roles and buckets decide.
    #[default]
    Full,
    /// Reading the bucket that holds ECR's layers. Whatever else uses S3 through these route tables is cut off.
    Minimal,
}

/// The policy of the Secrets Manager endpoint.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SecretsPolicy {
    /// Everything: policies of roles and secrets decide.
    #[default]
    Full,
    /// The binding's roles and `additionalPrincipals` only.
    Scoped,
}
