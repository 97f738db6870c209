//! Looking. Every list is of whole VPCs, and has all pages.

use crate::seen::{Endpoint, EndpointService, FoundVpc, RouteTable, SecurityGroup, Subnet};
use crate::{Client, Failed, convert, failed};
use aws_sdk_ec2::types::{Filter, VpcAttributeName};
use std::collections::BTreeMap;

/// Values that one filter takes (EC2 API, "Listing and filtering": 200 values a filter).
pub const FILTER_VALUES: usize = 200;
/// Items of a page: the most that EC2 gives (EC2 API, MaxResults of each call).
const PAGE: i32 = 1000;
/// The same of DescribeRouteTables.
const PAGE_OF_ROUTE_TABLES: i32 = 100;

/// A DNS attribute of a VPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsAttribute {
    /// `enableDnsSupport`.
    Support,
    /// `enableDnsHostnames`.
    Hostnames,
}

fn filter(name: &str, values: &[String]) -> Filter {
    Filter::builder().name(name).set_values(Some(values.to_vec())).build()
}

/// All pages of a call, for as many values of a filter as there are.
macro_rules! all {
    ($call:expr, $filter:expr, $values:expr, $page:expr, $convert:path) => {{
        let mut found = vec![];
        for values in $values.chunks(FILTER_VALUES) {
            let call = $call.filters(filter($filter, values)).into_paginator().page_size($page).items();
            let items = call.send().collect::<Result<Vec<_>, _>>().await.map_err(failed)?;
            found.extend(items.into_iter().filter_map($convert));
        }
        Ok(found)
    }};
}

impl Client {
    /// DescribeVpcs: those of these ids that there are.
    pub async fn describe_vpcs(&self, ids: &[String]) -> Result<Vec<FoundVpc>, Failed> {
        all!(self.0.describe_vpcs(), "vpc-id", ids, PAGE, convert::vpc)
    }

    /// DescribeDhcpOptions: the name servers of each of these sets that there is.
    pub async fn describe_dhcp_options(&self, ids: &[String]) -> Result<BTreeMap<String, Vec<String>>, Failed> {
        let found: Result<Vec<_>, Failed> =
            all!(self.0.describe_dhcp_options(), "dhcp-options-id", ids, PAGE, convert::dhcp_options);
        Ok(found?.into_iter().collect())
    }

    /// DescribeVpcAttribute. There is no call for several.
    pub async fn describe_vpc_attribute(&self, vpc_id: &str, attribute: DnsAttribute) -> Result<bool, Failed> {
        let name = match attribute {
            DnsAttribute::Support => VpcAttributeName::EnableDnsSupport,
            DnsAttribute::Hostnames => VpcAttributeName::EnableDnsHostnames,
        };
        let answer = self.0.describe_vpc_attribute().vpc_id(vpc_id).attribute(name).send().await.map_err(failed)?;
        let value = match attribute {
            DnsAttribute::Support => answer.enable_dns_support,
            DnsAttribute::Hostnames => answer.enable_dns_hostnames,
        };
        Ok(value.and_then(|value| value.value).unwrap_or_default())
    }

    /// DescribeSubnets of these VPCs.
    pub async fn describe_subnets(&self, vpc_ids: &[String]) -> Result<Vec<Subnet>, Failed> {
        all!(self.0.describe_subnets(), "vpc-id", vpc_ids, PAGE, convert::subnet)
    }

    /// DescribeRouteTables of these VPCs.
    pub async fn describe_route_tables(&self, vpc_ids: &[String]) -> Result<Vec<RouteTable>, Failed> {
        all!(self.0.describe_route_tables(), "vpc-id", vpc_ids, PAGE_OF_ROUTE_TABLES, convert::route_table)
    }

    /// DescribeSecurityGroups of these VPCs.
    pub async fn describe_security_groups(&self, vpc_ids: &[String]) -> Result<Vec<SecurityGroup>, Failed> {
        all!(self.0.describe_security_groups(), "vpc-id", vpc_ids, PAGE, convert::security_group)
    }

    /// DescribeVpcEndpoints of these VPCs.
    pub async fn describe_vpc_endpoints(&self, vpc_ids: &[String]) -> Result<Vec<Endpoint>, Failed> {
        all!(self.0.describe_vpc_endpoints(), "vpc-id", vpc_ids, PAGE, convert::endpoint)
    }

    /// DescribeVpcEndpointServices: those of these names that there are. By a filter, for a name in `ServiceNames` that does not exist is
    /// an error (EC2 API, InvalidServiceName).
    pub async fn describe_vpc_endpoint_services(&self, names: &[String]) -> Result<Vec<EndpointService>, Failed> {
        let mut found = vec![];
        for names in names.chunks(FILTER_VALUES) {
            let mut token = None;
            loop {
                let call = self.0.describe_vpc_endpoint_services().filters(filter("service-name", names));
                let answer = call.max_results(PAGE).set_next_token(token).send().await.map_err(failed)?;
                found.extend(answer.service_details.unwrap_or_default().into_iter().flat_map(convert::services));
                token = answer.next_token.filter(|token| !token.is_empty());
                if token.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }
}
