//! What the last pass over a `PullNetwork` saw and did.
#![allow(unreachable_pub)] // kube's derive repeats each struct inside a function

use super::workload_status::TargetStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the last pass saw and did.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct PullNetworkStatus {
    /// The `metadata.generation` that the last pass handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The last value of the `requestedAt` annotation that a pass answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Where the VPC is. Pinned by the first pass that wrote something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetStatus>,
    /// The VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// The endpoints that are needed, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["service"]))]
    pub endpoints: Vec<EndpointStatus>,
    /// The security group that was made for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_group_id: Option<String>,
    /// Network interfaces that AWS bills by the hour: interface endpoints of ours times the zones in which they are.
    #[serde(default)]
    pub billed_interfaces: i64,
    /// How many workloads name this network.
    #[serde(default)]
    pub users: i64,
    /// What is pending or held, as text, at most 8 KiB. Absent when converged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// What may go wrong later and is not an error now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// `Ready`, its parts `NetworkSuitable`, `SecurityGroupReady` and `EndpointsReady`, `InternetPathNeeded` where something needs
    /// another way out, and kstatus's `Reconciling` and `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// An endpoint that the network needs.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct EndpointStatus {
    /// The service in short, such as `ecr.dkr`.
    pub service: String,
    /// Its id, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `Interface` or `Gateway`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What AWS says of it, in lower case: `pending`, `available`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Whether Wharfinger keeps it; else it was there already and is used as it is.
    #[serde(default)]
    pub managed: bool,
    /// Why it is needed.
    pub reason: String,
}
