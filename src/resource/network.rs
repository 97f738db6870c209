//! What a pull network is made of in AWS: endpoints, their security group, and the VPC that they are in.
//!
//! The plain words of EC2 ([`Endpoint`], [`Subnet`], …) come from `crates/ec2`; what they mean is decided here: which endpoints are
//! needed ([`services`]), where ([`place`]), with which policy ([`policies`]), behind which security group ([`group`]), and what
//! differs of one that exists ([`endpoint`]).

pub mod endpoint;
pub mod group;
pub mod place;
pub mod policies;
pub mod services;

pub use wharfinger_ec2::{
    DnsAttributes, Endpoint, EndpointKind, EndpointService, Ingress, RouteTable, SecurityGroup, Subnet, Vpc,
};

use super::names;
use super::tags::{Owner, Tags};
use crate::observed::Snapshot;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// What a pass over a network has to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkReads {
    /// The VPC.
    pub vpc_id: String,
    /// Full names of the services that endpoints are needed of, in every spelling that the Region may have (aws.md, e.9).
    pub service_names: BTreeSet<String>,
}

/// The answer to [`NetworkReads`]. Lists hold all that the VPC has; they are never `Absent`.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedNetwork {
    /// The VPC.
    pub vpc: Snapshot<Vpc>,
    /// Its DNS attributes.
    pub dns: Snapshot<DnsAttributes>,
    /// Its subnets.
    pub subnets: Snapshot<Vec<Subnet>>,
    /// Its route tables.
    pub route_tables: Snapshot<Vec<RouteTable>>,
    /// Its security groups.
    pub groups: Snapshot<Vec<SecurityGroup>>,
    /// Its endpoints, of whatever service.
    pub endpoints: Snapshot<Vec<Endpoint>>,
    /// The services that were asked for, as far as the Region has them.
    pub services: Snapshot<Vec<EndpointService>>,
}

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

/// EC2's word for a kind of endpoint.
pub(crate) fn kind_word(kind: &EndpointKind) -> &str {
    match kind {
        EndpointKind::Interface => "Interface",
        EndpointKind::Gateway => "Gateway",
        EndpointKind::Other(word) => word,
    }
}

/// The owner's tags, and a name for people, which is never compared.
pub(crate) fn named_tags(owner: &Owner, name: &str) -> Tags {
    let mut tags = owner.tags();
    tags.insert("Name".to_owned(), names::tag_value(name));
    tags
}
