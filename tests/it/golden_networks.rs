//! The PullNetworks among the examples, each in a VPC in memory: what would be written and why, and the status afterwards. Their files are
//! among those of `golden.rs`.

use crate::core::world::network::{LISTS, Network, group, https};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use wharfinger::api::{AccountBinding, PullNetwork, PullNetworkSpec};
use wharfinger::desired::resolve_network;
use wharfinger::inputs::{Bindings, NetworkInputs};
use wharfinger::pass::{Pass, Round, network_facts};
use wharfinger::plan::{self, Plan};
use wharfinger::resource::network::{EndpointKind, RouteTable, Subnet};
use wharfinger::status::summarise_network;
use wharfinger::target::of_network;

/// Passes in a row over one network: each leaves its status to the next.
struct Story {
    inputs: NetworkInputs,
    world: Network,
}

impl Story {
    /// In a VPC that holds what the example says must be there.
    fn new(network: &PullNetwork, bindings: &[AccountBinding]) -> Self {
        let cluster = crate::core::fixtures::inputs("{}").cluster;
        let mut network = network.clone();
        network.metadata.generation = Some(1);
        network.metadata.uid = Some("5f0f3a52-0000-4000-8000-000000000000".into());
        let world = vpc(&network.spec);
        let bindings = Bindings::Objects(bindings.to_vec());
        Self { inputs: NetworkInputs { network, cluster, bindings, others: vec![], users: vec!["payments/vault".into()] }, world }
    }

    fn plan(&self) -> Plan {
        let desired = resolve_network(&self.inputs, &of_network(&self.inputs).unwrap()).unwrap();
        plan::network(&desired, &self.world.observe(&desired.reads()))
    }

    /// A whole pass, after which time passes.
    fn pass(&mut self) -> Plan {
        let target = of_network(&self.inputs).unwrap();
        let desired = resolve_network(&self.inputs, &target).unwrap();
        let observed = self.world.observe(&desired.reads());
        let plan = plan::network(&desired, &observed);
        let outcomes = self.world.apply(&plan, usize::MAX);
        let facts = network_facts(&desired, &observed, &plan, &outcomes);
        let round = Round { target, plan: plan.clone(), outcomes: Some(outcomes), warnings: desired.warnings, facts };
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let inputs = &mut self.inputs;
        let status = summarise_network(&inputs.network, &Pass::Done(Box::new(round)), &inputs.users, now);
        inputs.network.status = Some(status);
        self.world.tick();
        plan
    }

    fn settled(network: &PullNetwork, bindings: &[AccountBinding]) -> Self {
        let mut story = Self::new(network, bindings);
        for _ in 0..4 {
            if story.pass().is_converged() {
                return story;
            }
        }
        panic!("nothing settles: {}", story.plan());
    }
}

/// The VPC of an example, with the subnets, route tables and groups that it names: by id, or two by tags.
fn vpc(spec: &PullNetworkSpec) -> Network {
    let mut world = Network::new("eu-west-1");
    let vpc = world.vpc.as_mut().unwrap();
    vpc.id.clone_from(&spec.vpc_id);
    let ids = |named: &[String], kind: &str| match named {
        [] => (0..2).map(|number| format!("{kind}-0123456789abcde{number}0")).collect(),
        some => some.to_vec(),
    };
    let tags = |selector: &Option<wharfinger::api::Tags>| selector.clone().unwrap_or_default().match_tags;
    let subnets = ids(&spec.subnet_ids, "subnet").into_iter().zip('a'..).enumerate();
    let subnet = |(number, (id, letter)): (usize, (String, char))| Subnet {
        vpc_id: spec.vpc_id.clone(),
        owner_id: vpc.owner_id.clone(),
        zone: format!("eu-west-1{letter}"),
        cidrs: [format!("10.0.{number}.0/24")].into(),
        tags: tags(&spec.subnet_selector),
        id,
    };
    world.subnets = subnets.map(subnet).collect();
    let all: BTreeSet<String> = world.subnets.iter().map(|it| it.id.clone()).collect();
    let table = |(number, id): (usize, String)| RouteTable {
        vpc_id: spec.vpc_id.clone(),
        is_main: number == 0,
        subnet_ids: if number == 0 { all.clone() } else { BTreeSet::new() },
        tags: tags(&spec.route_table_selector),
        id,
    };
    world.route_tables = ids(&spec.route_table_ids, "rtb").into_iter().enumerate().map(table).collect();
    world.groups = spec.security_groups.ids.iter().map(|id| group(id, vec![https(&["10.0.0.0/16"])])).collect();
    world.groups.iter_mut().for_each(|group| group.vpc_id.clone_from(&spec.vpc_id));
    world
}

/// Each of ours is changed behind our back in a way that is found and repaired; one is gone.
fn drifted(network: &PullNetwork, bindings: &[AccountBinding]) -> Story {
    let mut story = Story::settled(network, bindings);
    let world = &mut story.world;
    for (number, endpoint) in world.endpoints.iter_mut().enumerate() {
        match (&endpoint.kind, number % 3) {
            (EndpointKind::Gateway, _) => endpoint.route_table_ids.clear(),
            (_, 0) => drop(endpoint.subnet_ids.pop_first()),
            (_, 1) => endpoint.policy = Some(json!({"Version": "2012-10-17", "Statement": []}).to_string()),
            (..) => endpoint.tags.clear(),
        }
    }
    world.endpoints.pop();
    for group in world.groups.iter_mut().filter(|group| !group.tags.is_empty()) {
        group.ingress.clear();
    }
    story
}

/// All is there with nobody's tags, and we know of none; the first has no network interface in one of the zones.
fn foreign(network: &PullNetwork, bindings: &[AccountBinding]) -> Story {
    let mut story = Story::settled(network, bindings);
    story.inputs.network.status = None;
    story.world.endpoints.iter_mut().for_each(|endpoint| endpoint.tags.clear());
    story.world.groups.iter_mut().for_each(|group| group.tags.clear());
    story.world.endpoints[0].subnet_ids.pop_last();
    story
}

/// All is made, and now AWS shows us nothing of it.
fn unseen(network: &PullNetwork, bindings: &[AccountBinding]) -> Story {
    let mut story = Story::settled(network, bindings);
    story.world.blind = LISTS.into();
    story
}

type World = fn(&PullNetwork, &[AccountBinding]) -> Story;
const WORLDS: [(&str, World); 5] =
    [("empty", Story::new), ("converged", Story::settled), ("drifted", drifted), ("foreign", foreign), ("unseen", unseen)];

/// The network as its own passes leave it.
pub(crate) fn converged(network: &PullNetwork, bindings: &[AccountBinding]) -> PullNetwork {
    Story::settled(network, bindings).inputs.network
}

/// Name and content of the golden files of one example.
pub(crate) fn golden(name: &str, network: &PullNetwork, bindings: &[AccountBinding]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (world, make) in WORLDS {
        let mut story = make(network, bindings);
        let plan = story.plan();
        let calls = serde_saphyr::to_string(&plan.steps).unwrap();
        found.insert(format!("{name}.{world}.plan.txt"), format!("{plan}\n\n# the calls\n{calls}"));
        let _ = story.pass();
        found.insert(format!("{name}.{world}.status.yaml"), serde_saphyr::to_string(&story.inputs.network.status).unwrap());
    }
    found
}
