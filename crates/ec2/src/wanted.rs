//! What is asked of EC2, in its own words.

use crate::seen::Tags;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// The parameters of CreateVpcEndpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewEndpoint {
    /// Full name of the service.
    pub service_name: String,
    /// The VPC.
    pub vpc_id: String,
    /// Whether it is a gateway; else an interface.
    pub is_gateway: bool,
    /// Of an interface: one subnet a zone.
    pub subnet_ids: BTreeSet<String>,
    /// Of an interface.
    pub group_ids: BTreeSet<String>,
    /// Of a gateway.
    pub route_table_ids: BTreeSet<String>,
    /// Of an interface; none = it is not said.
    pub private_dns_enabled: Option<bool>,
    /// None = AWS's own, full access.
    pub policy_document: Option<Value>,
    /// Made of all of this: a repeated request makes no second endpoint (EC2 API, ensuring idempotency).
    pub client_token: String,
    /// Its tags.
    pub tags: Tags,
}

/// The parameters of ModifyVpcEndpoint: what is added and taken away (aws.md, b.6).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointChange {
    /// Subnets to add.
    pub add_subnet_ids: BTreeSet<String>,
    /// Subnets to take away.
    pub remove_subnet_ids: BTreeSet<String>,
    /// Security groups to add.
    pub add_group_ids: BTreeSet<String>,
    /// Security groups to take away.
    pub remove_group_ids: BTreeSet<String>,
    /// Route tables to add.
    pub add_route_table_ids: BTreeSet<String>,
    /// Route tables to take away.
    pub remove_route_table_ids: BTreeSet<String>,
    /// Private DNS, on or off.
    pub private_dns_enabled: Option<bool>,
    /// Another policy.
    pub policy_document: Option<Value>,
    /// Back to AWS's own policy, full access.
    pub reset_policy: bool,
}
