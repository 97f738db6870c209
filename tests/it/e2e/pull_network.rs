//! PullNetworks on the real parts: made once, kept as they are said to be, never two of one service, and gone in the right order.

mod drift;
mod faults;
mod sharing;
mod workloads;

use super::account::REGION;
use super::proxy::PATIENCE;
use super::vpc::Vpc;
use super::waits::ASKED;
use super::world::World;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use wharfinger::api::{PullNetwork, PullNetworkStatus};

/// The endpoints of the usual network: Fargate with logs, private registries, and instances.
const ALL: [&str; 8] = ["ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "logs", "s3", "secretsmanager"];

/// The usual network of a VPC, named like the world.
pub(super) fn network(world: &World, vpc: &Vpc) -> Value {
    json!({
        "apiVersion": "wharfinger.dev/v1alpha1", "kind": "PullNetwork", "metadata": {"name": world.name},
        "spec": {
            "bindingRef": {"name": world.name}, "region": vpc.aws.region(), "vpcId": vpc.id, "subnetIds": vpc.subnets,
            "tasks": {"fargate": {"awslogs": true}, "ec2": true},
            "namespaceSelector": {"matchLabels": {"test": world.name}}, "allowS3Gateway": true,
        },
    })
}

impl World {
    fn networks(&self) -> Api<PullNetwork> {
        Api::all(self.kube.clone())
    }

    /// Looks at a network until it is as it should be.
    async fn until_network<T>(&self, name: &str, what: &str, mut found: impl FnMut(Option<&PullNetwork>) -> Option<T>) -> T {
        let mut last = None;
        let looking = async {
            loop {
                last = self.networks().get_opt(name).await.expect("the API server");
                match found(last.as_ref()) {
                    Some(found) => return found,
                    None => sleep(Duration::from_millis(50)).await,
                }
            }
        };
        match timeout(PATIENCE, looking).await {
            Ok(found) => found,
            Err(_) => {
                let status = last.map(|network| serde_json::to_string_pretty(&network.status).unwrap_or_default());
                panic!(
                    "waited {PATIENCE:?} in vain for PullNetwork {name} to {what}; AWS calls {:?}; its status is {}",
                    self.proxy.counts(),
                    status.unwrap_or_else(|| "(there is none)".into())
                )
            }
        }
    }

    /// Waits until the status says this of the present spec.
    async fn network_says(&self, name: &str, what: &str, holds: impl Fn(&PullNetworkStatus) -> bool) -> PullNetworkStatus {
        self.until_network(name, what, |network| {
            let network = network?;
            let status = network.status.clone()?;
            (status.observed_generation == network.metadata.generation && holds(&status)).then_some(status)
        })
        .await
    }

    async fn network_ready(&self) -> PullNetworkStatus {
        let name = self.name.clone();
        self.network_says(&name, "become Ready", |status| of(status, "Ready").0 == "True").await
    }

    /// Waits until the network is not Ready, for this reason; the message.
    async fn network_not_ready(&self, reason: &str) -> String {
        let (name, what) = (self.name.clone(), format!("be not Ready: {reason}"));
        let is_so = |status: &PullNetworkStatus| {
            let (is, why, _) = of(status, "Ready");
            is == "False" && why == reason
        };
        of(&self.network_says(&name, &what, is_so).await, "Ready").2
    }

    /// Asks for a pass over the network, and waits for its end.
    async fn poke_network(&self) -> PullNetworkStatus {
        let token = super::parts::unique().to_string();
        self.patch_network(json!({"metadata": {"annotations": {ASKED: token}}})).await;
        let name = self.name.clone();
        self.network_says(&name, "answer the request for a pass", |status| {
            status.last_handled_reconcile_at.as_ref() == Some(&token)
        })
        .await
    }

    async fn patch_network(&self, patch: Value) {
        let patched = self.networks().patch(&self.name, &PatchParams::default(), &Patch::Merge(&patch)).await;
        patched.unwrap_or_else(|error| panic!("patch {patch} of the network: {error}"));
    }

    async fn delete_network(&self) {
        self.networks().delete(&self.name, &Default::default()).await.expect("asked for");
    }

    async fn network_gone(&self) {
        let name = self.name.clone();
        self.until_network(&name, "be gone", |network| network.is_none().then_some(())).await;
    }
}

/// Status, reason and message of a condition.
fn of(status: &PullNetworkStatus, kind: &str) -> (String, String, String) {
    let found = status.conditions.iter().find(|condition| condition.type_ == kind);
    found.map(|it| (it.status.clone(), it.reason.clone(), it.message.clone())).unwrap_or_default()
}

/// A world with a VPC, and the usual network of it, Ready and quiet.
async fn converged(test: &str) -> (World, Vpc) {
    let world = World::start(test).await;
    let vpc = world.aws.vpc().await;
    world.apply(&network(&world, &vpc)).await;
    world.network_ready().await;
    world.poke_network().await;
    world.proxy.forget();
    (world, vpc)
}

/// That every endpoint of the usual network is there as it should be.
async fn assert_whole(world: &World, vpc: &Vpc) {
    let endpoints = vpc.endpoints().await;
    assert_eq!(endpoints.keys().collect::<Vec<_>>(), ALL.iter().collect::<Vec<_>>());
    let groups = vpc.groups().await;
    let (group, ranges) = &groups[&format!("wharfinger-{}", world.name)];
    let wanted: BTreeSet<String> = ["10.0.0.0/24", "10.0.1.0/24"].map(str::to_owned).into();
    assert_eq!(ranges, &wanted);
    let subnets: BTreeSet<String> = vpc.subnets.iter().cloned().collect();
    for (service, endpoint) in endpoints {
        match service.as_str() {
            "s3" => {
                assert_eq!((endpoint.kind.as_str(), &endpoint.tables), ("Gateway", &[vpc.table.clone()].into()), "{service}");
            }
            _ => {
                let seen = (endpoint.kind.as_str(), &endpoint.subnets, &endpoint.groups, endpoint.private_dns);
                assert_eq!(seen, ("Interface", &subnets, &[group.clone()].into(), true), "{service}");
            }
        }
        assert_eq!(endpoint.tags["wharfinger.dev/owner"], format!("PullNetwork/{}", world.name), "{service}");
        assert_eq!(endpoint.policy["Statement"][0]["Action"], "*", "{service}: full access");
    }
}

#[tokio::test]
async fn a_network_is_made_once_and_costs_nothing_at_rest() {
    let world = World::start("pullnet").await;
    let vpc = world.aws.vpc().await;
    world.apply(&network(&world, &vpc)).await;
    let status = world.network_ready().await;
    assert_whole(&world, &vpc).await;
    let told: Vec<&str> = status.endpoints.iter().map(|it| it.service.as_str()).collect();
    assert_eq!(told.iter().collect::<BTreeSet<_>>(), ALL.iter().collect::<BTreeSet<_>>());
    assert!(status.endpoints.iter().all(|it| it.managed && !it.reason.is_empty() && it.id.is_some()), "{status:#?}");
    assert_eq!(status.billed_interfaces, 14, "seven interface endpoints in two zones");
    assert_eq!(of(&status, "InternetPathNeeded").0, "True", "the private registries themselves");
    world.poke_network().await;
    world.proxy.forget();
    world.poke_network().await;
    assert!(world.proxy.writes().is_empty(), "{:?}", world.proxy.counts());
    assert!(world.proxy.calls().len() <= 8, "reads of a full check: {:?}", world.proxy.counts());
    assert_whole(&world, &vpc).await;
    assert!(world.events(&world.name).await.is_empty(), "its events are in no namespace of a test");
}

#[tokio::test]
async fn what_goes_goes_in_order_and_takes_nothing_along_that_is_not_its_own() {
    let (world, vpc) = converged("pullnet-gone").await;
    let other =
        vpc.aws.ec2("CreateVpcEndpoint", &[("VpcId", &vpc.id), ("ServiceName", "com.amazonaws.eu-west-1.dynamodb")]).await;
    assert!(other.contains("vpce-"), "{other}");
    world.delete_network().await;
    world.network_gone().await;
    assert_eq!(vpc.endpoints().await.into_keys().collect::<Vec<_>>(), ["dynamodb"]);
    assert!(vpc.groups().await.is_empty());
    let written = world.proxy.written();
    let deleted: Vec<_> = written.iter().filter(|name| name.starts_with("Delete")).collect();
    assert_eq!(deleted.last().map(|name| name.as_str()), Some("DeleteSecurityGroup"), "{written:?}");
    let calls = world.proxy.writes();
    let ids: Vec<_> = calls.iter().filter(|call| call.operation == "DeleteVpcEndpoints").collect();
    assert_eq!(ids.len(), ALL.len(), "each once");
}

#[tokio::test]
async fn what_is_retained_stays() {
    let (world, vpc) = converged("pullnet-kept").await;
    world.patch_network(json!({"spec": {"deletionPolicy": "Retain"}})).await;
    world.network_ready().await;
    world.proxy.forget();
    world.delete_network().await;
    world.network_gone().await;
    assert!(world.proxy.writes().is_empty(), "{:?}", world.proxy.counts());
    assert_whole(&world, &vpc).await;
}

#[tokio::test]
async fn a_kill_between_any_two_writes_makes_nothing_twice() {
    // A group, its rule, and eight endpoints.
    let points = (0..10).flat_map(|nth| [false, true].map(|done| (nth, done)));
    let points = points.enumerate().filter(|(number, _)| super::rows::soak() || number % 3 == 1).map(|(_, point)| point);
    let rows = points.map(|(nth, done)| (format!("write {nth}, done: {done}"), (nth, done)));
    super::rows::each(rows, |(nth, done)| async move {
        let mut world = World::start("pullnet-crash").await;
        let vpc = world.aws.vpc().await;
        let reached = world.proxy.hold_write(nth, done);
        world.apply(&network(&world, &vpc)).await;
        let waited = timeout(PATIENCE, reached.notified()).await;
        assert!(waited.is_ok(), "write {nth} is never reached; the calls were {:?}", world.proxy.counts());
        world.kill();
        world.proxy.heal();
        world.run().await;
        world.network_ready().await;
        world.poke_network().await;
        assert_whole(&world, &vpc).await;
        assert_eq!(vpc.groups().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn two_regions_are_two_networks() {
    let world = World::start("pullnet-regions").await;
    let (here, there) = (world.aws.vpc().await, world.aws.in_region("us-east-1").vpc().await);
    world.apply(&network(&world, &here)).await;
    let mut second = network(&world, &there);
    second["metadata"]["name"] = json!(format!("{}-us", world.name));
    world.apply(&second).await;
    world.network_ready().await;
    let name = format!("{}-us", world.name);
    world.network_says(&name, "become Ready", |status| of(status, "Ready").0 == "True").await;
    assert_whole(&world, &here).await;
    assert_eq!(there.endpoints().await.len(), ALL.len());
    assert_ne!(REGION, "us-east-1");
}
