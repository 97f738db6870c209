//! A world in which nothing of a network exists but what its spec names, for plans that ask nobody.

use crate::desired::{DesiredGroups, DesiredNetwork};
use crate::observed::Snapshot;
use crate::resource::network::place::Chosen;
use crate::resource::network::{
    DnsAttributes, EndpointService, Ingress, ObservedNetwork, RouteTable, SecurityGroup, Subnet, Vpc,
};
use crate::resource::tags::Tags;
use std::collections::BTreeSet;

/// A VPC with the subnets, route tables and groups that the spec names, and no endpoint. Each subnet is taken to be in a zone of its own.
pub fn imagined_for_network(desired: &DesiredNetwork) -> ObservedNetwork {
    let (account, vpc) = (&desired.target.account_id, &desired.vpc_id);
    let subnets: Vec<Subnet> = named(&desired.subnets, "subnets")
        .into_iter()
        .map(|(id, tags)| Subnet {
            zone: format!("${{zone of {}}}", id.trim_matches(['$', '{', '}'])),
            cidrs: [format!("${{range of {}}}", id.trim_matches(['$', '{', '}']))].into(),
            owner_id: account.clone(),
            vpc_id: vpc.clone(),
            id,
            tags,
        })
        .collect();
    let zones: BTreeSet<String> = subnets.iter().map(|subnet| subnet.zone.clone()).collect();
    let ranges: BTreeSet<String> = subnets.iter().flat_map(|subnet| subnet.cidrs.clone()).collect();
    let services = desired.endpoints.iter().map(|wanted| EndpointService {
        name: wanted.service.full_names(&desired.target.region)[0].clone(),
        kind: wanted.service.endpoint_kind(),
        zones: zones.clone(),
    });
    let groups = match &desired.groups {
        DesiredGroups::Made(_) => vec![],
        DesiredGroups::Given(ids) => ids.iter().map(|id| open(id, vpc, &ranges)).collect(),
    };
    ObservedNetwork {
        vpc: Snapshot::Present(Vpc { id: vpc.clone(), owner_id: account.clone(), name_servers: vec![] }),
        dns: Snapshot::Present(DnsAttributes { support: true, hostnames: true }),
        route_tables: Snapshot::Present(tables(desired, &subnets)),
        groups: Snapshot::Present(groups),
        endpoints: Snapshot::Present(vec![]),
        services: Snapshot::Present(services.collect()),
        subnets: Snapshot::Present(subnets),
    }
}

/// The ids that the spec names; where it names tags, a word that stands for what has them.
fn named(chosen: &Chosen, what: &str) -> Vec<(String, Tags)> {
    match chosen {
        Chosen::Ids(ids) => ids.iter().map(|id| (id.clone(), Tags::new())).collect(),
        Chosen::Tags(tags) => {
            let told: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            vec![(format!("${{{what} with {}}}", told.join(", ")), tags.clone())]
        }
    }
}

/// The route tables that the spec names, the first of them that of all subnets; else the main one.
fn tables(desired: &DesiredNetwork, subnets: &[Subnet]) -> Vec<RouteTable> {
    let ids = match &desired.route_tables {
        Some(chosen) => named(chosen, "route tables"),
        None => vec![("${route tables of the subnets}".to_owned(), Tags::new())],
    };
    let all: BTreeSet<String> = subnets.iter().map(|subnet| subnet.id.clone()).collect();
    let table = |(index, (id, tags)): (usize, (String, Tags))| RouteTable {
        id,
        vpc_id: desired.vpc_id.clone(),
        is_main: index == 0,
        subnet_ids: if index == 0 { all.clone() } else { BTreeSet::new() },
        tags,
    };
    ids.into_iter().enumerate().map(table).collect()
}

fn open(id: &str, vpc: &str, ranges: &BTreeSet<String>) -> SecurityGroup {
    let https = Ingress {
        protocol: "tcp".to_owned(),
        from_port: Some(443),
        to_port: Some(443),
        cidrs: ranges.clone(),
        group_ids: BTreeSet::new(),
        prefix_list_ids: BTreeSet::new(),
    };
    SecurityGroup { id: id.to_owned(), vpc_id: vpc.to_owned(), name: id.to_owned(), ingress: vec![https], tags: Tags::new() }
}
