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
    DnsAttributes, Endpoint, EndpointChange, EndpointKind, EndpointService, Ingress, NewEndpoint, RouteTable, SecurityGroup,
    Subnet, Vpc,
};

use super::names;
use super::tags::{Owner, Tags};
use crate::observed::Snapshot;
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
