//! What EC2 shows of a VPC, as far as it matters for endpoints. Ids, names and states are EC2's own words.

use std::collections::{BTreeMap, BTreeSet};

/// Tags without those of AWS itself (`aws:…`).
pub type Tags = BTreeMap<String, String>;

/// What kind of endpoint a service offers, or one is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndpointKind {
    /// Network interfaces in subnets.
    Interface,
    /// A target of route tables.
    Gateway,
    /// Another one, in EC2's word.
    Other(String),
}

/// A VPC endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `vpce-…`.
    pub id: String,
    /// `vpc-…`.
    pub vpc_id: String,
    /// Such as `com.amazonaws.eu-west-1.ecr.dkr`.
    pub service_name: String,
    /// Its kind.
    pub kind: EndpointKind,
    /// In lower case: `pending`, `available`, `failed`, `deleting`, … (EC2 is not consistent in this: aws.md, b.6).
    pub state: String,
    /// `subnet-…`, of an interface.
    pub subnet_ids: BTreeSet<String>,
    /// `sg-…`, of an interface.
    pub group_ids: BTreeSet<String>,
    /// `rtb-…`, of a gateway.
    pub route_table_ids: BTreeSet<String>,
    /// Whether the service's usual names lead to it.
    pub private_dns: bool,
    /// The policy, as it is stored.
    pub policy: Option<String>,
    /// Whether a service of AWS keeps it.
    pub requester_managed: bool,
    /// What AWS says went wrong with it.
    pub last_error: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    /// `vpc-…`.
    pub id: String,
    /// The account that owns it.
    pub owner_id: String,
    /// Its name servers (`AmazonProvidedDNS`, or addresses), from its DHCP options; none where it has no options.
    pub name_servers: Vec<String>,
}

/// A VPC as DescribeVpcs shows it: its name servers are in its DHCP options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundVpc {
    /// `vpc-…`.
    pub id: String,
    /// The account that owns it.
    pub owner_id: String,
    /// `dopt-…`, or `default` where it has none.
    pub dhcp_options_id: Option<String>,
}

/// The DNS attributes of a VPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DnsAttributes {
    /// `enableDnsSupport`.
    pub support: bool,
    /// `enableDnsHostnames`.
    pub hostnames: bool,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// `subnet-…`.
    pub id: String,
    /// `vpc-…`.
    pub vpc_id: String,
    /// The account that owns it: another one's is shared with this one.
    pub owner_id: String,
    /// Name of its availability zone, such as `eu-west-1a`.
    pub zone: String,
    /// Its IPv4 range, and its IPv6 ranges.
    pub cidrs: BTreeSet<String>,
    /// Its tags.
    pub tags: Tags,
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTable {
    /// `rtb-…`.
    pub id: String,
    /// `vpc-…`.
    pub vpc_id: String,
    /// Whether subnets without one of their own use it.
    pub is_main: bool,
    /// The subnets that are associated with it.
    pub subnet_ids: BTreeSet<String>,
    /// Its tags.
    pub tags: Tags,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroup {
    /// `sg-…`.
    pub id: String,
    /// `vpc-…`.
    pub vpc_id: String,
    /// Its name, which no other of the VPC has.
    pub name: String,
    /// What may come in.
    pub ingress: Vec<Ingress>,
    /// Its tags.
    pub tags: Tags,
}

/// What may come into a security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingress {
    /// `tcp`, `udp`, …, or `-1` for all.
    pub protocol: String,
    /// First port; none = all.
    pub from_port: Option<i32>,
    /// Last port; none = all.
    pub to_port: Option<i32>,
    /// IPv4 and IPv6 ranges that it may come from.
    pub cidrs: BTreeSet<String>,
    /// Security groups that it may come from.
    pub group_ids: BTreeSet<String>,
    /// Prefix lists that it may come from.
    pub prefix_list_ids: BTreeSet<String>,
}

/// A service that endpoints can be made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointService {
    /// Such as `com.amazonaws.eu-west-1.ecr.dkr`.
    pub name: String,
    /// The kind of its endpoints. `s3` is listed once for each kind.
    pub kind: EndpointKind,
    /// The zones in which it has endpoints, by name.
    pub zones: BTreeSet<String>,
}
