//! A VPC as it really is: made and looked at by raw calls to moto.

use super::account::{Account, element, elements};
use super::holdings::Tags;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A VPC with two subnets in two zones and a route table that both use.
#[derive(Debug, Clone)]
pub(super) struct Vpc {
    pub(super) aws: Account,
    pub(super) id: String,
    pub(super) subnets: [String; 2],
    pub(super) table: String,
}

/// An endpoint, as AWS shows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Endpoint {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) subnets: BTreeSet<String>,
    pub(super) groups: BTreeSet<String>,
    pub(super) tables: BTreeSet<String>,
    pub(super) private_dns: bool,
    pub(super) policy: Value,
    pub(super) tags: Tags,
}

impl Account {
    /// A call of EC2 that must succeed.
    pub(super) async fn ec2(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        self.query("ec2", action, parameters).await.unwrap_or_else(|| panic!("{action} {parameters:?}: not found"))
    }

    /// A VPC in the account's Region.
    pub(super) async fn vpc(&self) -> Vpc {
        let made = |xml: String, name: &str| element(&xml, name).unwrap_or_else(|| panic!("no {name} in {xml}"));
        let id = made(self.ec2("CreateVpc", &[("CidrBlock", "10.0.0.0/16")]).await, "vpcId");
        for attribute in ["EnableDnsSupport.Value", "EnableDnsHostnames.Value"] {
            self.ec2("ModifyVpcAttribute", &[("VpcId", &id), (attribute, "true")]).await;
        }
        let table = made(self.ec2("CreateRouteTable", &[("VpcId", &id)]).await, "routeTableId");
        let mut vpc = Vpc { aws: self.clone(), id, subnets: Default::default(), table };
        for (index, zone) in ["a", "b"].iter().enumerate() {
            vpc.subnets[index] = vpc.subnet(&format!("10.0.{index}.0/24"), zone).await;
        }
        vpc
    }
}

impl Vpc {
    /// One more subnet, in the zone of this letter.
    pub(super) async fn subnet(&self, cidr: &str, zone: &str) -> String {
        let zone = format!("{}{zone}", self.aws.region());
        let xml = self.aws.ec2("CreateSubnet", &[("VpcId", &self.id), ("CidrBlock", cidr), ("AvailabilityZone", &zone)]).await;
        let id = element(&xml, "subnetId").expect("a subnet");
        self.aws.ec2("AssociateRouteTable", &[("RouteTableId", &self.table), ("SubnetId", &id)]).await;
        id
    }

    /// The endpoints by the short names of their services; never two of one.
    pub(super) async fn endpoints(&self) -> BTreeMap<String, Endpoint> {
        let all = self.aws.ec2("DescribeVpcEndpoints", &[]).await;
        let mut found = BTreeMap::new();
        for id in elements(&all, "vpcEndpointId") {
            let xml = self.aws.ec2("DescribeVpcEndpoints", &[("VpcEndpointId.1", &id)]).await;
            if element(&xml, "vpcId").as_deref() != Some(&self.id) || element(&xml, "state").as_deref() == Some("deleted") {
                continue;
            }
            let (service, endpoint) = read(&xml, id);
            let twice = found.insert(service.clone(), endpoint);
            assert!(twice.is_none(), "two endpoints of {service} in {}: {twice:?}", self.id);
        }
        found
    }

    /// The security groups of the VPC that are not its default one: name, id, and the ranges that 443 is open to.
    pub(super) async fn groups(&self) -> BTreeMap<String, (String, BTreeSet<String>)> {
        let filter = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", self.id.as_str())];
        let all = self.aws.ec2("DescribeSecurityGroups", &filter).await;
        let mut found = BTreeMap::new();
        // Ids of groups that rules name stand in the answer as well, and are none of the VPC's own then.
        for id in elements(&all, "groupId").into_iter().collect::<BTreeSet<_>>() {
            let xml = self.aws.ec2("DescribeSecurityGroups", &[("GroupId.1", &id)]).await;
            let name = element(&xml, "groupName").expect("a name");
            let ingress = element(&xml, "ipPermissions").unwrap_or_default();
            if name != "default" {
                found.insert(name, (id, elements(&ingress, "cidrIp").into_iter().collect()));
            }
        }
        found
    }
}

fn read(xml: &str, id: String) -> (String, Endpoint) {
    let list = |name: &str, item: &str| -> BTreeSet<String> {
        element(xml, name).map(|set| elements(&set, item).into_iter().collect()).unwrap_or_default()
    };
    let service = element(xml, "serviceName").expect("a service");
    let short = service.splitn(4, '.').last().unwrap_or_default().to_owned();
    let tags = element(xml, "tagSet").unwrap_or_default();
    let policy = element(xml, "policyDocument").expect("a policy");
    let endpoint = Endpoint {
        id,
        kind: element(xml, "vpcEndpointType").expect("a type"),
        subnets: list("subnetIdSet", "item"),
        groups: list("groupSet", "groupId"),
        tables: list("routeTableIdSet", "item"),
        private_dns: element(xml, "privateDnsEnabled").as_deref() == Some("true"),
        policy: serde_json::from_str(&policy).unwrap_or_else(|error| panic!("{policy}: {error}")),
        tags: elements(&tags, "key").into_iter().zip(elements(&tags, "value")).collect(),
    };
    (short, endpoint)
}
