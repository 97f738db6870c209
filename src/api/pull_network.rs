//! `PullNetwork`: the VPC endpoints through which the tasks of one VPC pull where there is no internet.
#![allow(unreachable_pub)] // kube's derive repeats each struct inside a function
#![allow(clippy::duplicated_attributes)] // each printer column has a type, and several have the same

use super::binding::AdoptionPolicy;
use super::network_parts::{EndpointPolicies, Pulls, SecurityGroups, Tags, Tasks};
use super::network_status::PullNetworkStatus;
use super::workload::{BindingRef, DeletionPolicy, ManagementPolicy};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The VPC endpoints through which the tasks of one VPC pull where there is no internet. Written by the platform administrator.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "wharfinger.dev",
    version = "v1alpha1",
    kind = "PullNetwork",
    status = "PullNetworkStatus",
    shortname = "pullnet",
    doc = "The VPC endpoints through which the tasks of one VPC pull where there is no internet. Written by the platform administrator.",
    category = "wharfinger",
    derive = "PartialEq",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "VPC", type_ = "string", json_path = ".spec.vpcId"),
    printcolumn(name = "Region", type_ = "string", json_path = ".status.target.region"),
    printcolumn(name = "Users", type_ = "integer", json_path = ".status.users"),
    printcolumn(name = "Billed", type_ = "integer", json_path = ".status.billedInterfaces", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.subnetIds) != has(self.subnetSelector)").message("exactly one of `subnetIds` and `subnetSelector` must be given"))]
#[x_kube(validation = Rule::new("!(has(self.routeTableIds) && has(self.routeTableSelector))")
    .message("at most one of `routeTableIds` and `routeTableSelector` may be given; without either, those of the subnets are taken"))]
#[x_kube(validation = Rule::new("self.vpcId == oldSelf.vpcId").message("vpcId cannot be changed: make another PullNetwork"))]
#[x_kube(validation = Rule::new("self.bindingRef.name == oldSelf.bindingRef.name").message("bindingRef cannot be changed: make another PullNetwork"))]
#[x_kube(validation = Rule::new("!has(oldSelf.region) || !has(self.region) || self.region == oldSelf.region")
    .message("region cannot be changed: make another PullNetwork"))]
pub struct PullNetworkSpec {
    /// The AccountBinding to act through.
    pub binding_ref: BindingRef,

    /// The AWS Region: endpoints serve the Region that they are in and no other. May be left out when the binding has just one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^[a-z]+(-[a-z]+)+-[0-9]+$"))]
    pub region: Option<String>,

    /// The VPC. Only one PullNetwork may name it.
    #[schemars(length(max = 32), regex(pattern = r"^vpc-[0-9a-f]{8,17}$"))]
    pub vpc_id: String,

    /// The subnets in which tasks run and interface endpoints get their network interfaces: one for each availability zone is used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 100), inner(length(max = 32), regex(pattern = r"^subnet-[0-9a-f]{8,17}$")))]
    pub subnet_ids: Vec<String>,

    /// The same by tags of the VPC's subnets, all of which must be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_selector: Option<Tags>,

    /// The route tables of the S3 gateway. By default those of the subnets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 100), inner(length(max = 32), regex(pattern = r"^rtb-[0-9a-f]{8,17}$")))]
    pub route_table_ids: Vec<String>,

    /// The same by tags of the VPC's route tables, all of which must be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_table_selector: Option<Tags>,

    /// The security groups of the interface endpoints: one is made by default, which lets 443 in from the subnets.
    #[serde(default)]
    pub security_groups: SecurityGroups,

    /// What runs in these subnets: it decides which endpoints are needed.
    pub tasks: Tasks,

    /// Where images and logins come from.
    #[serde(default)]
    pub pulls: Pulls,

    /// Whether the usual names of Amazon ECR's API (`api.ecr.…`) lead to the endpoint in the whole VPC: true by default. Where it is
    /// false, whoever calls that API must name the endpoint, and tasks of ECS need another way to it. The other interface endpoints
    /// have private DNS in any case.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub ecr_api_private_dns: bool,

    /// The policies of the endpoints that Wharfinger makes. An endpoint with private DNS carries all of the VPC's traffic to its
    /// service, so that whatever a policy leaves out is denied to everybody there: the default is `Full`.
    #[serde(default)]
    pub policies: EndpointPolicies,

    /// Who else uses the endpoints, by ARN, `*` and `?` allowed: roles of instances and pipelines, this controller. Policies that are
    /// not `Full` admit them. Of a role it is the ARN of the role, not of its sessions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        inner(length(max = 2048), regex(pattern = r"^arn:[a-z0-9-]+:(iam|sts)::([0-9]{12}|[*?]+):.+$"))
    )]
    pub additional_principals: Vec<String>,

    /// Whose workloads may name this network, by the labels of their namespaces. Absent matches none, `{}` matches all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,

    /// Yes to making the S3 gateway, or to adding route tables to one: that may cut open connections to S3 for a moment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_s3_gateway: bool,

    /// Whether endpoints of these services that Wharfinger did not make are taken over; never more than the binding allows. One that is
    /// not taken over is used as it is, if it suffices.
    #[serde(default, skip_serializing_if = "AdoptionPolicy::is_never")]
    pub adoption_policy: AdoptionPolicy,

    /// How often AWS is compared with this object when nothing asks for it, such as `30m` or `1h` (the default). `0s`: only
    /// on a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))]
    pub interval: Option<String>,

    /// `Full` (the default) converges; `Observe` compares, reports in the status and writes nothing.
    #[serde(default)]
    pub management_policy: ManagementPolicy,

    /// What deleting this object does in AWS: `Delete` (the default) removes the endpoints and the security group that it made, `Retain`
    /// leaves them.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// While true nothing is compared and nothing written. Deletion is still honoured.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
}

/// A workload's network.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PullNetworkRef {
    /// Name of a `PullNetwork` of the same account and Region, whose namespaceSelector admits this namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Whether pulls from Amazon ECR must come through it: the three pull actions of the execution role are then bound to the network's
    /// VPC, to its endpoint of `ecr.dkr` and `ecr.api`, or to both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restrict_pulls: Option<RestrictPulls>,
}

/// To what pulls are bound.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestrictPulls {
    /// `aws:SourceVpc` = the VPC.
    Vpc,
    /// `aws:SourceVpce` = its ECR endpoints.
    VpcEndpoints,
    /// Both conditions.
    Both,
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks so
fn is_yes(flag: &bool) -> bool {
    *flag
}
