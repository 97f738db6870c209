//! EC2: how a VPC and its endpoints are read and written. `crates/ec2` makes the calls; here failures get their meaning.

mod memory;

pub(crate) use memory::{Ids, Lists, NetworkMemory};
pub(crate) use wharfinger_ec2::FoundVpc;

use super::error::{failure, item_failure};
use super::{Account, Clients};
use crate::failure::{Failure, FailureKind};
use crate::pass::Output;
use crate::resource::network::{
    DnsAttributes, Endpoint, EndpointChange, EndpointService, NewEndpoint, RouteTable, SecurityGroup, Subnet,
};
use crate::resource::tags::Tags;
use futures::future::join;
use std::collections::{BTreeMap, BTreeSet};
use wharfinger_ec2::{DnsAttribute, Failed};

const SERVICE: &str = "EC2";

fn told<T>(operation: &str, answer: Result<T, Failed>) -> Result<T, Failure> {
    answer.map_err(|error| failure(SERVICE, operation, &error))
}

/// DescribeVpcs: those of these that there are.
pub(crate) async fn vpcs(clients: &Clients, ids: &[String]) -> Result<Vec<FoundVpc>, Failure> {
    told("DescribeVpcs", clients.ec2.describe_vpcs(ids).await)
}

/// DescribeDhcpOptions: the name servers of each.
pub(crate) async fn name_servers(clients: &Clients, options: &[String]) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    told("DescribeDhcpOptions", clients.ec2.describe_dhcp_options(options).await)
}

/// DescribeVpcAttribute, twice; `None` if there is no such VPC.
pub(crate) async fn dns(clients: &Clients, vpc_id: &str) -> Result<Option<DnsAttributes>, Failure> {
    let one = async |attribute| match told("DescribeVpcAttribute", clients.ec2.describe_vpc_attribute(vpc_id, attribute).await) {
        Ok(on) => Ok(Some(on)),
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    };
    let (support, hostnames) = join(one(DnsAttribute::Support), one(DnsAttribute::Hostnames)).await;
    Ok(support?.zip(hostnames?).map(|(support, hostnames)| DnsAttributes { support, hostnames }))
}

/// DescribeSubnets of VPCs.
pub(crate) async fn subnets(clients: &Clients, vpc_ids: &[String]) -> Result<Vec<Subnet>, Failure> {
    told("DescribeSubnets", clients.ec2.describe_subnets(vpc_ids).await)
}

/// DescribeRouteTables of VPCs.
pub(crate) async fn route_tables(clients: &Clients, vpc_ids: &[String]) -> Result<Vec<RouteTable>, Failure> {
    told("DescribeRouteTables", clients.ec2.describe_route_tables(vpc_ids).await)
}

/// DescribeSecurityGroups of VPCs.
pub(crate) async fn groups(clients: &Clients, vpc_ids: &[String]) -> Result<Vec<SecurityGroup>, Failure> {
    told("DescribeSecurityGroups", clients.ec2.describe_security_groups(vpc_ids).await)
}

/// DescribeVpcEndpoints of VPCs.
pub(crate) async fn endpoints(clients: &Clients, vpc_ids: &[String]) -> Result<Vec<Endpoint>, Failure> {
    told("DescribeVpcEndpoints", clients.ec2.describe_vpc_endpoints(vpc_ids).await)
}

/// DescribeVpcEndpointServices: those of these names that the Region has.
pub(crate) async fn services(clients: &Clients, names: &[String]) -> Result<Vec<EndpointService>, Failure> {
    told("DescribeVpcEndpointServices", clients.ec2.describe_vpc_endpoint_services(names).await)
}

/// CreateSecurityGroup with its tags.
pub(crate) async fn create_group(
    account: &Account,
    name: &str,
    description: &str,
    vpc_id: &str,
    tags: &Tags,
) -> Result<Output, Failure> {
    let _void = account.networks.voiding();
    let answer = account.write.ec2.create_security_group(name, description, vpc_id, tags).await;
    Ok(Output { arn: told("CreateSecurityGroup", answer)?, revision: None })
}

/// AuthorizeSecurityGroupIngress. A rule that is there already is what was asked for. EC2 then adds none of the others either, so each is
/// sent alone.
pub(crate) async fn authorize(account: &Account, group_id: &str, cidrs: &BTreeSet<String>) -> Result<Output, Failure> {
    let _void = account.networks.voiding();
    let send = async |cidrs: BTreeSet<String>| {
        told("AuthorizeSecurityGroupIngress", account.write.ec2.authorize_security_group_ingress(group_id, &cidrs).await)
    };
    done_though(FailureKind::AlreadyExists, one_by_one(FailureKind::AlreadyExists, cidrs, send).await)
}

/// RevokeSecurityGroupIngress. A rule that is not there is what was asked for; the others are sent alone then, as above.
pub(crate) async fn revoke(account: &Account, group_id: &str, cidrs: &BTreeSet<String>) -> Result<Output, Failure> {
    let _void = account.networks.voiding();
    let send = async |cidrs: BTreeSet<String>| {
        told("RevokeSecurityGroupIngress", account.write.ec2.revoke_security_group_ingress(group_id, &cidrs).await)
    };
    done_though(FailureKind::NotFound, one_by_one(FailureKind::NotFound, cidrs, send).await)
}

/// All ranges in one call; one by one where some of them are so already.
async fn one_by_one<F: Future<Output = Result<(), Failure>>>(
    so_already: FailureKind,
    cidrs: &BTreeSet<String>,
    send: impl Fn(BTreeSet<String>) -> F,
) -> Result<(), Failure> {
    let all = send(cidrs.clone()).await;
    if cidrs.len() < 2 || !matches!(&all, Err(failure) if failure.kind == so_already) {
        return all;
    }
    for cidr in cidrs {
        match send(BTreeSet::from([cidr.clone()])).await {
            Err(failure) if failure.kind != so_already => return Err(failure),
            _ => {}
        }
    }
    Ok(())
}

/// DeleteSecurityGroup.
pub(crate) async fn delete_group(account: &Account, group_id: &str) -> Result<Output, Failure> {
    let _void = account.networks.voiding();
    let answer = account.write.ec2.delete_security_group(group_id).await;
    done_though(FailureKind::NotFound, told("DeleteSecurityGroup", answer))
}

/// CreateVpcEndpoint with its tags.
pub(crate) async fn create_endpoint(account: &Account, new: &NewEndpoint) -> Result<Output, Failure> {
    let _void = account.networks.voiding();
    let answer = account.write.ec2.create_vpc_endpoint(new).await;
    Ok(Output { arn: told("CreateVpcEndpoint", answer)?, revision: None })
}

/// ModifyVpcEndpoint.
pub(crate) async fn modify_endpoint(account: &Account, id: &str, change: &EndpointChange) -> Result<Output, Failure> {
    let _void = account.networks.voiding();
    told("ModifyVpcEndpoint", account.write.ec2.modify_vpc_endpoint(id, change).await).map(|()| Output::default())
}

/// DeleteVpcEndpoints of one.
pub(crate) async fn delete_endpoint(account: &Account, id: &str) -> Result<Output, Failure> {
    const OPERATION: &str = "DeleteVpcEndpoints";
    let _void = account.networks.voiding();
    let answer = told(OPERATION, account.write.ec2.delete_vpc_endpoints(id).await);
    let outcome = answer.and_then(|item| match item {
        Some(item) => Err(item_failure(SERVICE, OPERATION, item)),
        None => Ok(()),
    });
    done_though(FailureKind::NotFound, outcome)
}

/// CreateTags on an endpoint or a security group.
pub(crate) async fn tag(account: &Account, id: &str, tags: &Tags) -> Result<Output, Failure> {
    let _void = account.networks.voiding();
    told("CreateTags", account.write.ec2.create_tags(id, tags).await).map(|()| Output::default())
}

/// A failure that says that it is so already is none.
fn done_though(so_already: FailureKind, outcome: Result<(), Failure>) -> Result<Output, Failure> {
    match outcome {
        Err(failure) if failure.kind != so_already => Err(failure),
        _ => Ok(Output::default()),
    }
}
