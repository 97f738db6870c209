//! The reads of a network: what its VPC has, together with the VPCs of the other networks of the account.
//!
//! With nothing in memory these are DescribeVpcs, DescribeDhcpOptions, DescribeVpcAttribute twice, DescribeVpcEndpointServices and the four lists
//! that plans go by, nine in all. Where nobody asks for a pass and nothing is to be written, the four alone are read from then on; else the
//! DNS attributes as well.

use super::snapshot;
use crate::aws::Reader;
use crate::aws::ec2::{self, Ids, Lists};
use crate::failure::Failure;
use crate::observed::Snapshot;
use crate::resource::network::{DnsAttributes, EndpointService, NetworkReads, ObservedNetwork, Vpc};
use futures::future::{join3, join5};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

/// The name server of AWS itself, as DHCP options have it.
const OF_AWS: &str = "AmazonProvidedDNS";

/// How new what is seen must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Lists that were read in the last half minute will do, for whichever network of the company that was. Who has no company reads anew:
    /// there is nothing to save. What hardly ever changes is remembered: which services a Region has, the VPC's name servers, and DNS
    /// attributes that are on.
    Shared,
    /// The same, but no lists and DNS attributes that were asked for before a time will do.
    Since(Instant),
    /// These are read anew, of this VPC alone.
    Own,
}

/// Looks at everything that a network asks for. `company` = the VPCs of the other networks of the same account and Region.
pub async fn observe_network(
    reader: &Reader,
    reads: &NetworkReads,
    company: &BTreeSet<String>,
    freshness: Freshness,
) -> ObservedNetwork {
    let id = &reads.vpc_id;
    let since = match freshness {
        Freshness::Shared => None,
        Freshness::Since(since) => Some(since),
        Freshness::Own => Some(Instant::now()),
    };
    let look = |ids| lists(reader, ids);
    let in_company = freshness != Freshness::Own && company.iter().any(|other| other != id);
    let lists = async {
        match in_company {
            true => reader.networks.shared(id, company, since, look).await,
            false => reader.networks.own(id, look).await,
        }
    };
    let (lists, dns, services) = join3(lists, dns(reader, id, since), services(reader, &reads.service_names)).await;
    ObservedNetwork {
        vpc: vpc(reader, id, &lists).await,
        dns,
        subnets: of(id, &lists.subnets, |subnet| &subnet.vpc_id),
        route_tables: of(id, &lists.route_tables, |table| &table.vpc_id),
        groups: of(id, &lists.groups, |group| &group.vpc_id),
        endpoints: of(id, &lists.endpoints, |endpoint| &endpoint.vpc_id),
        services,
    }
}

/// What one VPC has of a list.
fn of<T: Clone>(vpc_id: &str, list: &Result<Vec<T>, Failure>, vpc: impl Fn(&T) -> &String) -> Snapshot<Vec<T>> {
    let own = |list: &Vec<T>| list.iter().filter(|one| vpc(one) == vpc_id).cloned().collect();
    snapshot(list.as_ref().map(|list| Some(own(list))).map_err(Clone::clone))
}

async fn lists(reader: &Reader, ids: Ids) -> Arc<Lists> {
    let (clients, ids) = (&reader.read, ids.as_ref());
    let (vpcs, subnets, route_tables, groups, endpoints) = join5(
        vpcs(reader, ids),
        ec2::subnets(clients, ids),
        ec2::route_tables(clients, ids),
        ec2::groups(clients, ids),
        ec2::endpoints(clients, ids),
    )
    .await;
    Arc::new(Lists { vpcs, subnets, route_tables, groups, endpoints })
}

/// One that is remembered and has no subnet may be gone: it is looked at again.
async fn vpc(reader: &Reader, id: &String, lists: &Lists) -> Snapshot<Vpc> {
    let memory = &reader.networks.vpcs;
    let has_subnets = lists.subnets.as_ref().is_ok_and(|subnets| subnets.iter().any(|subnet| subnet.vpc_id == *id));
    if has_subnets || memory.get(id, None).is_none() {
        return snapshot(lists.vpcs.as_ref().map(|vpcs| vpcs.get(id).cloned()).map_err(Clone::clone));
    }
    memory.forget(id);
    snapshot(vpcs(reader, std::slice::from_ref(id)).await.map(|vpcs| vpcs.get(id).cloned()))
}

/// Those of these VPCs that there are. One that uses other name servers than AWS's is looked at each time: somebody may mend it.
async fn vpcs(reader: &Reader, ids: &[String]) -> Result<BTreeMap<String, Vpc>, Failure> {
    let (memory, asked) = (&reader.networks, Instant::now());
    let mut known: BTreeMap<String, Vpc> = ids.iter().filter_map(|id| Some((id.clone(), memory.vpcs.get(id, None)?))).collect();
    let unknown: Vec<String> = ids.iter().filter(|id| !known.contains_key(*id)).cloned().collect();
    if unknown.is_empty() {
        return Ok(known);
    }
    let found = ec2::vpcs(&reader.read, &unknown).await?;
    let name_servers = name_servers(reader, found.iter().filter_map(|vpc| vpc.dhcp_options_id.clone()).collect()).await?;
    for vpc in found {
        let options = vpc.dhcp_options_id.as_ref();
        let name_servers = options.and_then(|options| name_servers.get(options)).cloned().unwrap_or_default();
        let vpc = Vpc { id: vpc.id, owner_id: vpc.owner_id, name_servers };
        if vpc.name_servers == [OF_AWS] {
            memory.vpcs.put(&vpc.id, asked, vpc.clone());
        } else {
            memory.vpcs.forget(&vpc.id);
        }
        known.insert(vpc.id.clone(), vpc);
    }
    Ok(known)
}

/// The name servers of sets of DHCP options.
async fn name_servers(reader: &Reader, options: BTreeSet<String>) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let (memory, asked) = (&reader.networks.name_servers, Instant::now());
    let mut known: BTreeMap<_, _> = options.iter().filter_map(|id| Some((id.clone(), memory.get(id, None)?))).collect();
    // `default` stands for none (EC2 API, AssociateDhcpOptions).
    let unknown: Vec<String> = options.into_iter().filter(|id| !known.contains_key(id) && id != "default").collect();
    if !unknown.is_empty() {
        for (id, servers) in ec2::name_servers(&reader.read, &unknown).await? {
            memory.put(&id, asked, servers.clone());
            known.insert(id, servers);
        }
    }
    Ok(known)
}

/// Remembered only while both are known to be on: whoever turns one on need not wait.
async fn dns(reader: &Reader, vpc_id: &str, since: Option<Instant>) -> Snapshot<DnsAttributes> {
    let (memory, asked) = (&reader.networks.dns, Instant::now());
    if let Some(known) = memory.get(vpc_id, since) {
        return Snapshot::Present(known);
    }
    let answer = ec2::dns(&reader.read, vpc_id).await;
    match &answer {
        Ok(Some(attributes @ DnsAttributes { support: true, hostnames: true })) => memory.put(vpc_id, asked, *attributes),
        _ => memory.forget(vpc_id),
    }
    snapshot(answer)
}

async fn services(reader: &Reader, names: &BTreeSet<String>) -> Snapshot<Vec<EndpointService>> {
    if names.is_empty() {
        return Snapshot::Present(vec![]);
    }
    let all: Vec<String> = names.iter().cloned().collect();
    snapshot(reader.networks.services(names, ec2::services(&reader.read, &all)).await.map(Some))
}
