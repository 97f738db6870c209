//! From the SDK's types to the plain ones.

use crate::seen::{Endpoint, EndpointKind, EndpointService, FoundVpc, Ingress, RouteTable, SecurityGroup, Subnet, Tags};
use aws_sdk_ec2::types;
use std::collections::BTreeSet;

/// What has no id is nothing.
pub(crate) fn vpc(vpc: types::Vpc) -> Option<FoundVpc> {
    Some(FoundVpc { id: vpc.vpc_id?, owner_id: vpc.owner_id.unwrap_or_default(), dhcp_options_id: vpc.dhcp_options_id })
}

/// Id and name servers.
pub(crate) fn dhcp_options(options: types::DhcpOptions) -> Option<(String, Vec<String>)> {
    let configurations = options.dhcp_configurations.unwrap_or_default().into_iter();
    let servers = configurations.filter(|it| it.key.as_deref() == Some("domain-name-servers"));
    let values = servers.flat_map(|it| it.values.unwrap_or_default()).filter_map(|value| value.value);
    Some((options.dhcp_options_id?, values.collect()))
}

pub(crate) fn subnet(subnet: types::Subnet) -> Option<Subnet> {
    let holds = |state: &str| matches!(state, "associated" | "associating");
    let ranges = subnet.ipv6_cidr_block_association_set.unwrap_or_default().into_iter().filter(|it| {
        let state = it.ipv6_cidr_block_state.as_ref().and_then(|state| state.state.as_ref());
        state.is_none_or(|state| holds(state.as_str()))
    });
    let ranges = ranges.filter_map(|it| it.ipv6_cidr_block);
    Some(Subnet {
        id: subnet.subnet_id?,
        vpc_id: subnet.vpc_id.unwrap_or_default(),
        owner_id: subnet.owner_id.unwrap_or_default(),
        zone: subnet.availability_zone.unwrap_or_default(),
        cidrs: subnet.cidr_block.into_iter().chain(ranges).filter(|range| !range.is_empty()).collect(),
        tags: all_tags(subnet.tags),
    })
}

pub(crate) fn route_table(table: types::RouteTable) -> Option<RouteTable> {
    let holds = |it: &types::RouteTableAssociation| {
        let state = it.association_state.as_ref().and_then(|state| state.state.as_ref());
        state.is_none_or(|state| matches!(state.as_str(), "associated" | "associating"))
    };
    let associations: Vec<_> = table.associations.unwrap_or_default().into_iter().filter(holds).collect();
    Some(RouteTable {
        id: table.route_table_id?,
        vpc_id: table.vpc_id.unwrap_or_default(),
        is_main: associations.iter().any(|it| it.main == Some(true)),
        subnet_ids: associations.into_iter().filter_map(|it| it.subnet_id).collect(),
        tags: all_tags(table.tags),
    })
}

pub(crate) fn security_group(group: types::SecurityGroup) -> Option<SecurityGroup> {
    Some(SecurityGroup {
        id: group.group_id?,
        vpc_id: group.vpc_id.unwrap_or_default(),
        name: group.group_name.unwrap_or_default(),
        ingress: group.ip_permissions.unwrap_or_default().into_iter().map(ingress).collect(),
        tags: tags(group.tags),
    })
}

fn ingress(permission: types::IpPermission) -> Ingress {
    let v4 = permission.ip_ranges.unwrap_or_default().into_iter().filter_map(|range| range.cidr_ip);
    let v6 = permission.ipv6_ranges.unwrap_or_default().into_iter().filter_map(|range| range.cidr_ipv6);
    let groups = permission.user_id_group_pairs.unwrap_or_default().into_iter();
    let lists = permission.prefix_list_ids.unwrap_or_default().into_iter();
    Ingress {
        protocol: permission.ip_protocol.unwrap_or_default(),
        from_port: permission.from_port.filter(|port| *port >= 0), // -1 = all
        to_port: permission.to_port.filter(|port| *port >= 0),
        cidrs: v4.chain(v6).collect(),
        group_ids: groups.filter_map(|pair| pair.group_id).collect(),
        prefix_list_ids: lists.filter_map(|list| list.prefix_list_id).collect(),
    }
}

/// One that EC2 still shows although it was deleted is nothing.
pub(crate) fn endpoint(endpoint: types::VpcEndpoint) -> Option<Endpoint> {
    let state = endpoint.state.map(|state| state.as_str().to_lowercase()).unwrap_or_default();
    if state == "deleted" {
        return None;
    }
    let error = endpoint.last_error.and_then(|error| match (error.code, error.message) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (code, message) => code.or(message),
    });
    Some(Endpoint {
        id: endpoint.vpc_endpoint_id?,
        vpc_id: endpoint.vpc_id.unwrap_or_default(),
        service_name: endpoint.service_name.unwrap_or_default(),
        kind: kind(endpoint.vpc_endpoint_type.as_ref().map_or("", types::VpcEndpointType::as_str)),
        state,
        subnet_ids: set(endpoint.subnet_ids),
        group_ids: endpoint.groups.unwrap_or_default().into_iter().filter_map(|group| group.group_id).collect(),
        route_table_ids: set(endpoint.route_table_ids),
        private_dns: endpoint.private_dns_enabled.unwrap_or_default(),
        policy: endpoint.policy_document.filter(|text| !text.is_empty()),
        requester_managed: endpoint.requester_managed.unwrap_or_default(),
        last_error: error.or(endpoint.failure_reason).filter(|text| !text.is_empty()),
        tags: tags(endpoint.tags),
    })
}

/// One for each kind that the service offers.
pub(crate) fn services(service: types::ServiceDetail) -> Vec<EndpointService> {
    let (name, zones) = (service.service_name.unwrap_or_default(), set(service.availability_zones));
    let kinds = service.service_type.unwrap_or_default().into_iter().filter_map(|it| it.service_type);
    kinds.map(|it| EndpointService { name: name.clone(), kind: kind(it.as_str()), zones: zones.clone() }).collect()
}

fn kind(word: &str) -> EndpointKind {
    match word {
        "Interface" => EndpointKind::Interface,
        "Gateway" => EndpointKind::Gateway,
        other => EndpointKind::Other(other.to_owned()),
    }
}

fn set(list: Option<Vec<String>>) -> BTreeSet<String> {
    list.unwrap_or_default().into_iter().collect()
}

/// Those that users write: what we write to things of ours is compared with these.
fn tags(tags: Option<Vec<types::Tag>>) -> Tags {
    all_tags(tags).into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect()
}

/// With those of AWS itself: subnets and route tables may be chosen by the tags that CloudFormation gives them.
fn all_tags(tags: Option<Vec<types::Tag>>) -> Tags {
    tags.unwrap_or_default().into_iter().filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()
}

#[cfg(test)]
mod tests;
