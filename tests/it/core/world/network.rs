//! One VPC in memory: what a plan does to it, and what is then seen. It behaves as the notes on AWS say (aws.md, b.6), not as moto does:
//! it knows client tokens, makes endpoints that are pending at first, and refuses what AWS refuses.

use super::failure;
use crate::core::fixtures::ACCOUNT;
use std::collections::{BTreeMap, BTreeSet};
use wharfinger::failure::{Failure, FailureKind};
use wharfinger::observed::Snapshot;
use wharfinger::pass::{Outcome, Output, blocked};
use wharfinger::plan::{Action, Plan, pending_group};
use wharfinger::resource::network::endpoint::behind;
use wharfinger::resource::network::{
    DnsAttributes, Endpoint, EndpointChange, EndpointKind, EndpointService, Ingress, NetworkReads, NewEndpoint, ObservedNetwork,
    RouteTable, SecurityGroup, Subnet, Vpc,
};
use wharfinger::resource::tags::Tags;

pub(crate) const VPC: &str = "vpc-0123456789abcdef0";

/// What a look can fail at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum List {
    Vpc,
    Dns,
    Subnets,
    RouteTables,
    Groups,
    Endpoints,
    Services,
}

pub(crate) const LISTS: [List; 7] =
    [List::Vpc, List::Dns, List::Subnets, List::RouteTables, List::Groups, List::Endpoints, List::Services];

#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) vpc: Option<Vpc>,
    pub(crate) dns: DnsAttributes,
    pub(crate) subnets: Vec<Subnet>,
    pub(crate) route_tables: Vec<RouteTable>,
    pub(crate) groups: Vec<SecurityGroup>,
    pub(crate) endpoints: Vec<Endpoint>,
    /// Endpoints that are there, and that lists do not have yet.
    pub(crate) unlisted: Vec<Endpoint>,
    pub(crate) services: Vec<EndpointService>,
    /// Lists that cannot be seen.
    pub(crate) blind: BTreeSet<List>,
    /// The write with this number, counted from 0, fails; whether it happened all the same.
    pub(crate) fault: Option<(usize, FailureKind, bool)>,
    pub(crate) writes: usize,
    /// How many things were made.
    pub(crate) made: usize,
    /// What EC2 answered to each client token, with what was asked for.
    pub(crate) tokens: BTreeMap<String, (String, NewEndpoint)>,
}

pub(crate) fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

pub(crate) fn tags(list: &[(&str, &str)]) -> Tags {
    list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn subnet(id: &str, zone: &str, cidr: &str) -> Subnet {
    let tags = tags(&[("tier", "private")]);
    Subnet { id: id.into(), vpc_id: VPC.into(), owner_id: ACCOUNT.into(), zone: zone.into(), cidrs: set(&[cidr]), tags }
}

fn table(id: &str, is_main: bool, subnets: &[&str]) -> RouteTable {
    RouteTable { id: id.into(), vpc_id: VPC.into(), is_main, subnet_ids: set(subnets), tags: tags(&[("name", id)]) }
}

pub(crate) fn https(cidrs: &[&str]) -> Ingress {
    Ingress {
        protocol: "tcp".into(),
        from_port: Some(443),
        to_port: Some(443),
        cidrs: set(cidrs),
        group_ids: set(&[]),
        prefix_list_ids: set(&[]),
    }
}

pub(crate) fn group(id: &str, ingress: Vec<Ingress>) -> SecurityGroup {
    SecurityGroup { id: id.into(), vpc_id: VPC.into(), name: format!("name of {id}"), ingress, tags: Tags::new() }
}

impl Network {
    /// A VPC with two private subnets in two zones, `a` with a route table of its own and `b` with the main one, and a third subnet.
    pub(crate) fn new(region: &str) -> Self {
        let zone = |letter: &str| format!("{region}{letter}");
        let zones: BTreeSet<String> = ["a", "b", "c"].map(zone).into();
        let interfaces = ["ecr.dkr", "ecr.api", "logs", "secretsmanager", "ssm", "ecs", "ecs-agent", "ecs-telemetry", "s3"];
        let service =
            |short: &str, kind| EndpointService { name: format!("com.amazonaws.{region}.{short}"), kind, zones: zones.clone() };
        let services = interfaces.map(|short| service(short, EndpointKind::Interface)).into_iter();
        Self {
            vpc: Some(Vpc { id: VPC.into(), owner_id: ACCOUNT.into(), name_servers: vec!["AmazonProvidedDNS".into()] }),
            dns: DnsAttributes { support: true, hostnames: true },
            subnets: vec![
                subnet("subnet-0000000a", &zone("a"), "10.0.1.0/24"),
                subnet("subnet-0000000b", &zone("b"), "10.0.2.0/24"),
                Subnet { tags: Tags::new(), ..subnet("subnet-0000000c", &zone("a"), "10.0.3.0/24") },
            ],
            route_tables: vec![
                table("rtb-0000000a", false, &["subnet-0000000a"]),
                table("rtb-0000000e", true, &[]),
                table("rtb-0000000f", false, &[]),
            ],
            groups: vec![group("sg-00000000", vec![https(&["0.0.0.0/0"])])],
            endpoints: vec![],
            unlisted: vec![],
            services: services.chain([service("s3", EndpointKind::Gateway)]).collect(),
            blind: BTreeSet::new(),
            fault: None,
            writes: 0,
            made: 0,
            tokens: BTreeMap::new(),
        }
    }

    /// The same for comparing: no ids that differ by the number of attempts.
    pub(crate) fn essence(&self) -> String {
        let named: BTreeMap<&str, &str> = self.groups.iter().map(|it| (it.id.as_str(), it.name.as_str())).collect();
        let mut endpoints: Vec<Endpoint> = self.endpoints.clone();
        for it in &mut endpoints {
            it.id = String::new();
            it.group_ids = it.group_ids.iter().map(|id| named[id.as_str()].to_owned()).collect();
        }
        endpoints.sort_by_key(|it| format!("{it:?}"));
        let groups: Vec<SecurityGroup> = self.groups.iter().map(|it| SecurityGroup { id: String::new(), ..it.clone() }).collect();
        format!("{endpoints:#?}{groups:#?}")
    }

    fn see<T>(&self, list: List, thing: Option<T>) -> Snapshot<T> {
        match (self.blind.contains(&list), thing) {
            (true, _) => Snapshot::Unknown(failure(FailureKind::Throttled)),
            (false, Some(thing)) => Snapshot::Present(thing),
            (false, None) => Snapshot::Absent,
        }
    }

    /// What one look sees.
    pub(crate) fn observe(&self, reads: &NetworkReads) -> ObservedNetwork {
        let services = self.services.iter().filter(|it| reads.service_names.contains(&it.name)).cloned().collect();
        ObservedNetwork {
            vpc: self.see(List::Vpc, self.vpc.clone().filter(|vpc| vpc.id == reads.vpc_id)),
            dns: self.see(List::Dns, Some(self.dns)),
            subnets: self.see(List::Subnets, Some(self.subnets.clone())),
            route_tables: self.see(List::RouteTables, Some(self.route_tables.clone())),
            groups: self.see(List::Groups, Some(self.groups.clone())),
            endpoints: self.see(List::Endpoints, Some(self.endpoints.clone())),
            services: self.see(List::Services, Some(services)),
        }
    }

    /// Time passes: what is pending serves, what is going is gone.
    pub(crate) fn tick(&mut self) {
        self.endpoints.retain(|it| it.state != "deleting");
        self.unlisted.retain(|it| it.state != "deleting");
        for it in self.endpoints.iter_mut().filter(|it| it.state == "pending") {
            it.state = "available".into();
        }
    }

    /// Carries a plan out as `src/apply.rs` does; at most `limit` writes, after which the process is gone.
    pub(crate) fn apply(&mut self, plan: &Plan, limit: usize) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = vec![];
        let mut ids = BTreeMap::new();
        for step in plan.steps.iter().take(limit) {
            outcomes.push(match blocked(step, plan, &outcomes) {
                Some(by) => Outcome::Skipped(by),
                None => self.write(&step.action, &mut ids),
            });
        }
        outcomes
    }

    fn write(&mut self, action: &Action, ids: &mut BTreeMap<String, String>) -> Outcome {
        let number = self.writes;
        self.writes += 1;
        match self.fault {
            Some((at, kind, false)) if at == number => Outcome::Failed(failure(kind)),
            Some((at, kind, true)) if at == number => {
                self.execute(action, ids).ok();
                Outcome::Failed(failure(kind))
            }
            _ => self.execute(action, ids).map_or_else(Outcome::Failed, Outcome::Done),
        }
    }

    fn execute(&mut self, action: &Action, ids: &mut BTreeMap<String, String>) -> Result<Output, Failure> {
        let known = |id: &String, ids: &BTreeMap<String, String>| ids.get(id).unwrap_or(id).clone();
        match action {
            Action::CreateSecurityGroup { name, vpc_id, tags, .. } => {
                if self.groups.iter().any(|it| it.name == *name) {
                    return Err(failure(FailureKind::AlreadyExists));
                }
                let id = self.id("sg");
                ids.insert(pending_group(name), id.clone());
                let (vpc_id, tags) = (vpc_id.clone(), tags.clone());
                self.groups.push(SecurityGroup { name: name.clone(), vpc_id, tags, ..group(&id, vec![]) });
                return Ok(Output { arn: Some(id), revision: None });
            }
            Action::AuthorizeSecurityGroupIngress { group_id, cidrs } => {
                let rule = self.rule(&known(group_id, ids))?;
                assert!(rule.is_disjoint(cidrs), "InvalidPermission.Duplicate: {cidrs:?}");
                rule.extend(cidrs.clone());
            }
            Action::RevokeSecurityGroupIngress { group_id, cidrs } => {
                let rule = self.rule(group_id)?;
                assert!(rule.is_superset(cidrs), "InvalidPermission.NotFound: {cidrs:?}");
                rule.retain(|cidr| !cidrs.contains(cidr));
            }
            Action::DeleteSecurityGroup { group_id } => {
                if self.endpoints.iter().any(|it| it.group_ids.contains(group_id)) {
                    return Err(failure(FailureKind::Conflict)); // DependencyViolation
                }
                self.groups.retain(|it| it.id != *group_id);
            }
            Action::CreateVpcEndpoint { endpoint } => {
                let group_ids = endpoint.group_ids.iter().map(|id| known(id, ids)).collect();
                return self.create(&behind(endpoint, group_ids));
            }
            Action::ModifyVpcEndpoint { endpoint_id, change } => {
                let (added, removed) = (&change.add_group_ids, &change.remove_group_ids);
                let add_group_ids = added.iter().map(|id| known(id, ids)).collect();
                self.modify(endpoint_id, &EndpointChange { add_group_ids, remove_group_ids: removed.clone(), ..change.clone() })?;
            }
            // What is not found is gone, as in src/aws/ec2.rs.
            Action::DeleteVpcEndpoint { endpoint_id } => {
                let all = self.endpoints.iter_mut().chain(&mut self.unlisted);
                all.filter(|it| it.id == *endpoint_id).for_each(|it| it.state = "deleting".into());
            }
            Action::CreateTags { resource_id, tags } => self.tags(resource_id)?.extend(tags.clone()),
            Action::AdoptEndpoint { endpoint_id, tags, .. } => self.tags(endpoint_id)?.extend(tags.clone()),
            other => panic!("no network asks for {other:?}"),
        }
        Ok(Output::default())
    }

    fn id(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}-{:017x}", self.made)
    }

    fn tags(&mut self, id: &str) -> Result<&mut Tags, Failure> {
        let endpoints = self.endpoints.iter_mut().filter(|it| it.id == id).map(|it| &mut it.tags);
        let groups = self.groups.iter_mut().filter(|it| it.id == id).map(|it| &mut it.tags);
        endpoints.chain(groups).next().ok_or_else(|| failure(FailureKind::NotFound))
    }

    fn rule(&mut self, group_id: &str) -> Result<&mut BTreeSet<String>, Failure> {
        let group = self.groups.iter_mut().find(|it| it.id == group_id).ok_or_else(|| failure(FailureKind::NotFound))?;
        if !group.ingress.iter().any(|it| it.from_port == Some(443)) {
            group.ingress.push(https(&[]));
        }
        Ok(&mut group.ingress.iter_mut().find(|it| it.from_port == Some(443)).unwrap().cidrs)
    }

    pub(crate) fn endpoint(&mut self, id: &str) -> Result<&mut Endpoint, Failure> {
        self.endpoints.iter_mut().find(|it| it.id == id).ok_or_else(|| failure(FailureKind::NotFound))
    }

    /// The endpoint of a service.
    pub(crate) fn of(&mut self, short: &str) -> &mut Endpoint {
        let end = format!(".{short}");
        self.endpoints.iter_mut().find(|it| it.service_name.ends_with(&end)).unwrap_or_else(|| panic!("no endpoint of {short}"))
    }

    fn create(&mut self, asked: &NewEndpoint) -> Result<Output, Failure> {
        assert!(asked.client_token.len() <= 64 && asked.client_token.is_ascii(), "{}", asked.client_token);
        if let Some((id, before)) = self.tokens.get(&asked.client_token) {
            assert_eq!(before, asked, "IdempotentParameterMismatch");
            return Ok(Output { arn: Some(id.clone()), revision: None });
        }
        let found = Endpoint {
            id: self.id("vpce"),
            vpc_id: asked.vpc_id.clone(),
            service_name: asked.service_name.clone(),
            kind: if asked.is_gateway { EndpointKind::Gateway } else { EndpointKind::Interface },
            state: "pending".into(),
            subnet_ids: asked.subnet_ids.clone(),
            group_ids: asked.group_ids.clone(),
            route_table_ids: asked.route_table_ids.clone(),
            private_dns: asked.private_dns_enabled.unwrap_or_default(),
            policy: asked.policy_document.as_ref().map(ToString::to_string),
            requester_managed: false,
            last_error: None,
            tags: asked.tags.clone(),
        };
        self.check(&found)?;
        let id = found.id.clone();
        self.tokens.insert(asked.client_token.clone(), (id.clone(), asked.clone()));
        self.endpoints.push(found);
        Ok(Output { arn: Some(id), revision: None })
    }

    /// What AWS refuses (aws.md, b.6, rules 59 and 61, e.10).
    fn check(&self, it: &Endpoint) -> Result<(), Failure> {
        let zones: Vec<&str> =
            it.subnet_ids.iter().map(|id| self.subnets.iter().find(|subnet| subnet.id == *id).unwrap().zone.as_str()).collect();
        assert_eq!(zones.iter().collect::<BTreeSet<_>>().len(), zones.len(), "DuplicateSubnetsInSameZone");
        let others = || self.endpoints.iter().filter(|other| other.id != it.id && other.state != "deleted");
        let same = || others().filter(|other| other.service_name == it.service_name);
        let dns = it.private_dns && (!self.dns.support || !self.dns.hostnames || same().any(|other| other.private_dns));
        let routed = same().any(|other| !other.route_table_ids.is_disjoint(&it.route_table_ids));
        let groupless = it.kind == EndpointKind::Interface && it.group_ids.is_empty();
        assert!(!groupless, "the default group would be taken");
        if dns || routed { Err(failure(FailureKind::Invalid)) } else { Ok(()) }
    }

    fn modify(&mut self, id: &str, change: &EndpointChange) -> Result<(), Failure> {
        fn take(set: &mut BTreeSet<String>, add: &BTreeSet<String>, remove: &BTreeSet<String>) {
            set.extend(add.clone());
            set.retain(|id| !remove.contains(id));
        }
        let mut it = self.endpoint(id)?.clone();
        // While it changes, both are there.
        it.subnet_ids.extend(change.add_subnet_ids.clone());
        self.check(&it)?;
        take(&mut it.subnet_ids, &BTreeSet::new(), &change.remove_subnet_ids);
        take(&mut it.group_ids, &change.add_group_ids, &change.remove_group_ids);
        take(&mut it.route_table_ids, &change.add_route_table_ids, &change.remove_route_table_ids);
        it.private_dns = change.private_dns_enabled.unwrap_or(it.private_dns);
        if let Some(policy) = &change.policy_document {
            it.policy = Some(policy.to_string());
        }
        if change.reset_policy {
            it.policy = None;
        }
        self.check(&it)?;
        *self.endpoint(id)? = it;
        Ok(())
    }
}
