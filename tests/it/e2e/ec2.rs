//! Every read and write of EC2, by the functions that the program makes them with, on a VPC in moto.

mod counts;

use super::account::{Account, REGION};
use super::parts::{parts, unique};
use super::vpc::Vpc;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wharfinger::apply::apply;
use wharfinger::aws::accounts::Accounts;
use wharfinger::aws::{Calls, Reader};
use wharfinger::failure::{Failure, FailureKind};
use wharfinger::leader::WritePermit;
use wharfinger::observe::{Freshness, observe_network};
use wharfinger::observed::Snapshot;
use wharfinger::pass::Outcome;
use wharfinger::plan::{Action, Kind, Plan, Step, Subject, pending_group};
use wharfinger::resource::network::{
    Endpoint, EndpointChange, EndpointKind, NetworkReads, NewEndpoint, ObservedNetwork, SecurityGroup,
};
use wharfinger::target::Target;

type Told = Arc<Mutex<Vec<String>>>;

/// An account with the calls that were made in it.
struct Aws {
    account: Account,
    reader: Reader,
    told: Told,
}

impl Aws {
    async fn enter() -> Self {
        Self::enter_account(&format!("{:012}", 100_000_000_000 + unique() % 900_000_000_000)).await
    }

    /// An account with nothing in memory.
    async fn enter_account(id: &str) -> Self {
        let account = Account::enter(&parts().moto, id).await;
        let told = Told::default();
        let into = told.clone();
        let calls = Calls::new(move |call| into.lock().unwrap().push(call.operation));
        let accounts = Accounts::load(Duration::from_secs(30), calls, "ec2").await;
        let target = Target {
            binding: Some("prod".into()),
            account_id: id.to_owned(),
            region: REGION.into(),
            regions: vec![],
            partition: "aws",
            names: Default::default(),
            limits: None,
            role_arn: Some(format!("arn:aws:iam::{id}:role/wharfinger")),
            external_id: None,
            session_namespace: None,
        };
        let reader = accounts.reader(&target).await.expect("an account");
        told.lock().unwrap().clear();
        Self { account, reader, told }
    }

    /// The calls since this was asked last.
    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    async fn look(&self, vpc_id: &str) -> ObservedNetwork {
        observe_network(&self.reader, &reads(vpc_id), &BTreeSet::new(), Freshness::Own).await
    }

    async fn try_write(&self, action: Action) -> Outcome {
        let step = Step {
            subject: Subject { kind: Kind::Endpoint, name: "x".into() },
            action,
            after: vec![],
            reason: "test".into(),
            changes: vec![],
        };
        let plan = Plan { steps: vec![step], ..Plan::default() };
        apply(&self.reader.permitted(&WritePermit::without_cluster()), &plan).await.remove(0)
    }

    /// The id that the write yields, if it yields one.
    async fn write(&self, action: Action) -> Option<String> {
        match self.try_write(action).await {
            Outcome::Done(output) => output.arn,
            other => panic!("{other:?}"),
        }
    }

    async fn refused(&self, action: Action) -> Failure {
        match self.try_write(action).await {
            Outcome::Failed(failure) => failure,
            other => panic!("{other:?}"),
        }
    }
}

const SERVICES: [&str; 3] = ["ecr.dkr", "ecr.api", "s3"];

fn reads(vpc_id: &str) -> NetworkReads {
    let names = SERVICES.iter().flat_map(|name| ["com.amazonaws", "cn.com.amazonaws"].map(|of| format!("{of}.{REGION}.{name}")));
    NetworkReads { vpc_id: vpc_id.to_owned(), service_names: names.collect() }
}

fn present<T: Clone + std::fmt::Debug>(snapshot: &Snapshot<T>) -> T {
    match snapshot {
        Snapshot::Present(thing) => thing.clone(),
        other => panic!("{other:?}"),
    }
}

fn set(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

fn tags(name: &str) -> BTreeMap<String, String> {
    [("Name".to_owned(), name.to_owned())].into()
}

fn interface(vpc: &Vpc, groups: &[&str], token: &str) -> NewEndpoint {
    NewEndpoint {
        service_name: format!("com.amazonaws.{REGION}.ecr.dkr"),
        vpc_id: vpc.id.clone(),
        is_gateway: false,
        subnet_ids: set(&[&vpc.subnets[0]]),
        group_ids: set(groups),
        route_table_ids: BTreeSet::new(),
        private_dns_enabled: Some(true),
        policy_document: None,
        client_token: token.to_owned(),
        tags: tags("dkr"),
    }
}

fn group(vpc: &Vpc) -> Action {
    Action::CreateSecurityGroup { name: "wharfinger-x".into(), description: "x".into(), vpc_id: vpc.id.clone(), tags: tags("x") }
}

fn only<T: Clone>(all: Vec<T>) -> T {
    assert_eq!(all.len(), 1);
    all[0].clone()
}

impl Aws {
    async fn endpoint(&self, vpc: &Vpc) -> Endpoint {
        only(present(&self.look(&vpc.id).await.endpoints))
    }

    async fn group(&self, vpc: &Vpc) -> SecurityGroup {
        let all = present(&self.look(&vpc.id).await.groups);
        all.into_iter().find(|group| group.name == "wharfinger-x").expect("the group")
    }
}

#[tokio::test]
async fn a_vpc_is_seen_as_it_is() {
    let aws = Aws::enter().await;
    let vpc = aws.account.vpc().await;
    aws.account.vpc().await; // another one, of which nothing may be seen
    let seen = aws.look(&vpc.id).await;
    let found = present(&seen.vpc);
    assert_eq!((found.id.as_str(), found.owner_id.as_str()), (vpc.id.as_str(), aws.account.id.as_str()));
    assert_eq!(found.name_servers, ["AmazonProvidedDNS"]);
    let dns = present(&seen.dns);
    assert!(dns.support && dns.hostnames);
    let subnets = present(&seen.subnets);
    let zones: BTreeMap<_, _> =
        subnets.iter().map(|it| (it.zone.as_str(), it.cidrs.iter().map(String::as_str).collect())).collect();
    let (a, b): (BTreeSet<&str>, BTreeSet<&str>) = (["10.0.0.0/24"].into(), ["10.0.1.0/24"].into());
    assert_eq!(zones, [("eu-west-1a", a), ("eu-west-1b", b)].into());
    let tables = present(&seen.route_tables);
    let own = tables.iter().find(|table| table.id == vpc.table).unwrap();
    assert_eq!((tables.len(), own.is_main, own.subnet_ids.len()), (2, false, 2));
    assert!(tables.iter().any(|table| table.is_main));
    assert_eq!(only(present(&seen.groups)).name, "default");
    assert_eq!(present(&seen.endpoints), []);
    let services = present(&seen.services);
    let kinds = |name: &str| -> Vec<EndpointKind> {
        let named = services.iter().filter(|service| service.name == format!("com.amazonaws.{REGION}.{name}"));
        named.map(|service| service.kind.clone()).collect()
    };
    assert_eq!(kinds("ecr.dkr"), [EndpointKind::Interface]);
    assert!(kinds("s3").contains(&EndpointKind::Gateway));
    assert!(services.iter().all(|service| service.name.starts_with("com.") && service.zones.contains("eu-west-1a")));
}

#[tokio::test]
async fn a_vpc_that_is_not_there_is_absent() {
    let aws = Aws::enter().await;
    let seen = aws.look("vpc-0123456789abcdef0").await;
    assert_eq!((seen.vpc, seen.dns), (Snapshot::Absent, Snapshot::Absent));
    assert_eq!(present(&seen.subnets), []);
}

#[tokio::test]
async fn a_group_is_made_opened_closed_and_deleted() {
    let aws = Aws::enter().await;
    let vpc = aws.account.vpc().await;
    let group_id = aws.write(group(&vpc)).await.expect("an id");
    assert_eq!(aws.refused(group(&vpc)).await.kind, FailureKind::AlreadyExists);
    let open = |cidrs: &[&str]| Action::AuthorizeSecurityGroupIngress { group_id: group_id.clone(), cidrs: set(cidrs) };
    let close = |cidrs: &[&str]| Action::RevokeSecurityGroupIngress { group_id: group_id.clone(), cidrs: set(cidrs) };
    let cidrs = async || {
        let ingress = aws.group(&vpc).await.ingress;
        assert!(ingress.iter().all(|rule| (rule.from_port, rule.to_port) == (Some(443), Some(443)) && rule.protocol == "tcp"));
        ingress.into_iter().flat_map(|rule| rule.cidrs).collect::<BTreeSet<_>>()
    };
    aws.write(open(&["10.0.0.0/24", "2001:db8::/64"])).await;
    assert_eq!(cidrs().await, set(&["10.0.0.0/24", "2001:db8::/64"]));
    aws.write(open(&["10.0.0.0/24"])).await; // it is so already
    aws.write(open(&["10.0.0.0/24", "10.0.1.0/24"])).await; // and one of two
    assert_eq!(cidrs().await, set(&["10.0.0.0/24", "10.0.1.0/24", "2001:db8::/64"]));
    aws.write(close(&["10.0.0.0/24", "10.0.9.0/24"])).await;
    aws.write(close(&["10.0.9.0/24"])).await;
    assert_eq!(cidrs().await, set(&["10.0.1.0/24", "2001:db8::/64"]));
    aws.write(Action::CreateTags { resource_id: group_id.clone(), tags: [("team".into(), "a".into())].into() }).await;
    let tags = aws.group(&vpc).await.tags;
    assert_eq!((tags["Name"].as_str(), tags["team"].as_str()), ("x", "a"));
    for _ in 0..2 {
        aws.write(Action::DeleteSecurityGroup { group_id: group_id.clone() }).await; // the second time it is gone
    }
    assert!(present(&aws.look(&vpc.id).await.groups).iter().all(|group| group.id != group_id));
}

#[tokio::test]
async fn an_endpoint_is_made_once_changed_and_deleted() {
    let aws = Aws::enter().await;
    let vpc = aws.account.vpc().await;
    let make = Action::CreateVpcEndpoint { endpoint: interface(&vpc, &[&pending_group("wharfinger-x")], "token") };
    let step = |action| Step {
        subject: Subject { kind: Kind::Endpoint, name: "x".into() },
        action,
        after: vec![],
        reason: "test".into(),
        changes: vec![],
    };
    let plan = Plan { steps: vec![step(group(&vpc)), step(make)], ..Plan::default() };
    let outcomes = apply(&aws.reader.permitted(&WritePermit::without_cluster()), &plan).await;
    let [Outcome::Done(group), Outcome::Done(made)] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    let (group_id, id) = (group.arn.clone().unwrap(), made.arn.clone().unwrap());
    let seen = aws.endpoint(&vpc).await;
    assert_eq!((seen.id.as_str(), seen.state.as_str(), seen.kind), (id.as_str(), "available", EndpointKind::Interface));
    assert!(seen.private_dns && seen.policy.is_some());
    assert_eq!((seen.subnet_ids, seen.group_ids), (set(&[&vpc.subnets[0]]), set(&[&group_id])));
    assert_eq!(seen.tags, tags("dkr"));

    let again = Action::CreateVpcEndpoint { endpoint: interface(&vpc, &[&group_id], "token") };
    assert_eq!(aws.write(again).await.as_ref(), Some(&id), "the same request makes no second one");
    let refused = aws.refused(Action::CreateVpcEndpoint { endpoint: interface(&vpc, &[&group_id], "other") }).await;
    assert_eq!(refused.kind, FailureKind::DnsConflict, "{refused}");
    assert!(refused.request_id.is_some(), "{refused:?}");
    assert_eq!(aws.refused(Action::DeleteSecurityGroup { group_id: group_id.clone() }).await.kind, FailureKind::Conflict);

    let policy = json!({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]});
    let change = EndpointChange {
        add_subnet_ids: set(&[&vpc.subnets[1]]),
        remove_subnet_ids: set(&[&vpc.subnets[0]]),
        private_dns_enabled: Some(false),
        policy_document: Some(policy.clone()),
        ..EndpointChange::default()
    };
    aws.write(Action::ModifyVpcEndpoint { endpoint_id: id.clone(), change }).await;
    let seen = aws.endpoint(&vpc).await;
    assert_eq!((seen.private_dns, seen.subnet_ids), (false, set(&[&vpc.subnets[1]])));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&seen.policy.unwrap()).unwrap(), policy);
    let change = EndpointChange { reset_policy: true, ..EndpointChange::default() };
    aws.write(Action::ModifyVpcEndpoint { endpoint_id: id.clone(), change }).await;
    assert!(aws.endpoint(&vpc).await.policy.unwrap().contains("Allow"));
    let adopted: BTreeMap<_, _> = [("owner".to_owned(), "us".to_owned())].into();
    aws.write(Action::AdoptEndpoint { endpoint_id: id.clone(), tags: adopted, before: BTreeMap::new() }).await;
    assert_eq!(aws.endpoint(&vpc).await.tags["owner"], "us");
    for _ in 0..2 {
        aws.write(Action::DeleteVpcEndpoint { endpoint_id: id.clone() }).await; // the second time it is gone
    }
    assert_eq!(present(&aws.look(&vpc.id).await.endpoints), []);
    let failure = aws.refused(Action::ModifyVpcEndpoint { endpoint_id: id, change: EndpointChange::default() }).await;
    assert_eq!(failure.kind, FailureKind::NotFound, "{failure}");
}

#[tokio::test]
async fn a_gateway_gets_and_loses_route_tables() {
    let aws = Aws::enter().await;
    let vpc = aws.account.vpc().await;
    let endpoint = NewEndpoint {
        service_name: format!("com.amazonaws.{REGION}.s3"),
        is_gateway: true,
        subnet_ids: BTreeSet::new(),
        private_dns_enabled: None,
        route_table_ids: set(&[&vpc.table]),
        ..interface(&vpc, &[], "gateway")
    };
    let id = aws.write(Action::CreateVpcEndpoint { endpoint: endpoint.clone() }).await.expect("an id");
    let twice = NewEndpoint { client_token: "twice".into(), ..endpoint };
    assert_eq!(aws.refused(Action::CreateVpcEndpoint { endpoint: twice }).await.kind, FailureKind::AlreadyExists);
    let seen = aws.endpoint(&vpc).await;
    assert_eq!((seen.kind, seen.route_table_ids, seen.private_dns), (EndpointKind::Gateway, set(&[&vpc.table]), false));
    let tables = present(&aws.look(&vpc.id).await.route_tables);
    let main = tables.iter().find(|table| table.is_main).unwrap().id.clone();
    let change = EndpointChange {
        add_route_table_ids: set(&[&main]),
        remove_route_table_ids: set(&[&vpc.table]),
        ..EndpointChange::default()
    };
    aws.write(Action::ModifyVpcEndpoint { endpoint_id: id, change }).await;
    assert_eq!(aws.endpoint(&vpc).await.route_table_ids, set(&[&main]));
}
