//! A `PullNetwork`: the endpoints that its tasks need, made once, kept right, and told.

mod adoption;
mod derivation;
mod drift;
mod lag;
mod life;
mod place;
mod policies;
mod reach;
mod refusals;
mod states;

use super::fixtures::{ACCOUNT, REGION, binding};
use super::world::network::{Network, VPC};
use jiff::Timestamp;
use wharfinger::api::{PullNetwork, PullNetworkSpec, PullNetworkStatus};
use wharfinger::desired::{DesiredNetwork, network_removal, resolve_network};
use wharfinger::inputs::{Bindings, NetworkInputs};
use wharfinger::pass::{Facts, Pass, Round, network_facts};
use wharfinger::plan::{self, Action, Plan};
use wharfinger::status::{blocked_network, summarise_network};
use wharfinger::target;

/// What most tests start from: tasks on Fargate that write logs, and everything that may be made, made.
pub(crate) const FARGATE: &str = "
bindingRef: {name: prod}
vpcId: vpc-0123456789abcdef0
subnetIds: [subnet-0000000a, subnet-0000000b]
tasks: {fargate: {awslogs: true}}
allowS3Gateway: true
";

/// The endpoints of [`FARGATE`].
const SHORT: [&str; 5] = ["ecr.dkr", "ecr.api", "s3", "logs", "secretsmanager"];

/// A network with what it refers to, in a world.
pub(crate) struct Scene {
    pub(crate) inputs: NetworkInputs,
    pub(crate) world: Network,
    now: Timestamp,
}

pub(super) fn pull_network(name: &str, spec: &str) -> PullNetwork {
    let spec: PullNetworkSpec = serde_saphyr::from_str(spec).unwrap_or_else(|error| panic!("{error}\n{spec}"));
    let mut network = PullNetwork::new(name, spec);
    network.metadata.generation = Some(1);
    network.metadata.uid = Some(format!("uid-{name}"));
    network
}

impl Scene {
    pub(crate) fn new(spec: &str) -> Self {
        Self::under(spec, "{adoption: Adopt}")
    }

    fn under(spec: &str, limits: &str) -> Self {
        let mut prod = binding("prod", limits);
        prod.spec.namespace_selector = None;
        Self {
            inputs: NetworkInputs {
                network: pull_network("prod-apps", spec),
                cluster: "cluster-1".into(),
                bindings: Bindings::Objects(vec![prod]),
                others: vec![],
                users: vec![],
            },
            world: Network::new(REGION),
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    pub(crate) fn settled(spec: &str) -> Self {
        let mut scene = Self::new(spec);
        scene.settle();
        scene
    }

    fn respec(&mut self, spec: &str) {
        let status = self.inputs.network.status.take();
        self.inputs.network = pull_network("prod-apps", spec);
        self.inputs.network.status = status;
    }

    /// [`FARGATE`] with more lines.
    fn with(more: &str) -> String {
        format!("{FARGATE}{more}\n")
    }

    fn desired(&self) -> DesiredNetwork {
        let target = target::of_network(&self.inputs).unwrap_or_else(|problem| panic!("{problem}"));
        resolve_network(&self.inputs, &target).unwrap_or_else(|problems| panic!("{problems:#?}"))
    }

    fn pass_until(&mut self, writes: usize) -> Pass {
        let target = match target::of_network(&self.inputs) {
            Ok(target) => target,
            Err(problem) => return Pass::Refused(vec![problem]),
        };
        let desired = match resolve_network(&self.inputs, &target) {
            Ok(desired) => desired,
            Err(problems) => return Pass::Refused(problems),
        };
        let observed = self.world.observe(&desired.reads());
        let plan = plan::network(&desired, &observed);
        let outcomes = self.world.apply(&plan, writes);
        let facts = network_facts(&desired, &observed, &plan, &outcomes);
        Pass::Done(Box::new(Round { target, plan, outcomes: Some(outcomes), warnings: desired.warnings, facts }))
    }

    /// A whole pass, told; then time passes.
    fn pass(&mut self) -> Pass {
        let pass = self.pass_until(usize::MAX);
        self.tell(&pass);
        self.world.tick();
        pass
    }

    fn tell(&mut self, pass: &Pass) {
        let status = summarise_network(&self.inputs.network, pass, &self.inputs.users, self.now);
        self.inputs.network.status = Some(status);
    }

    /// Passes until nothing is left to do; gives the number of writes.
    fn settle(&mut self) -> usize {
        let before = self.world.writes;
        for _ in 0..8 {
            if let Pass::Done(round) = self.pass()
                && round.plan.is_converged()
            {
                return self.world.writes - before;
            }
        }
        panic!("nothing settles: {:#?}", self.status());
    }

    /// What a pass would do now.
    fn plan(&mut self) -> Plan {
        match self.pass_until(0) {
            Pass::Done(round) => round.plan.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// A removal, cut off after so many writes.
    fn remove(&mut self, writes: usize) -> Pass {
        let target = target::of_network_removal(&self.inputs).unwrap_or_else(|problem| panic!("{problem}"));
        let removal = network_removal(&self.inputs, &target);
        let plan = plan::remove_network(&removal, &self.world.observe(&removal.reads()));
        let outcomes = self.world.apply(&plan, writes);
        let round = Round { target, plan, outcomes: Some(outcomes), warnings: vec![], facts: Facts::default() };
        let pass = Pass::Done(Box::new(round));
        if let Some((_, status)) = blocked_network(&self.inputs.network, &[], Some(&pass), self.now) {
            self.inputs.network.status = Some(status);
        }
        pass
    }

    pub(crate) fn status(&self) -> &PullNetworkStatus {
        self.inputs.network.status.as_ref().unwrap()
    }

    /// Status and reason of a condition.
    fn condition(&self, kind: &str) -> (String, String) {
        let found = self.status().conditions.iter().find(|it| it.type_ == kind);
        found.map(|it| (it.status.clone(), it.reason.clone())).unwrap_or_else(|| panic!("no {kind}: {:#?}", self.status()))
    }

    fn message(&self, kind: &str) -> String {
        self.status().conditions.iter().find(|it| it.type_ == kind).map(|it| it.message.clone()).unwrap_or_default()
    }
}

/// What a plan does, in short: `create s3`.
pub(super) fn done(plan: &Plan) -> Vec<String> {
    let verb = |action: &Action| match action {
        Action::CreateSecurityGroup { .. } | Action::CreateVpcEndpoint { .. } => "create",
        Action::AuthorizeSecurityGroupIngress { .. } => "open",
        Action::RevokeSecurityGroupIngress { .. } => "close",
        Action::DeleteSecurityGroup { .. } | Action::DeleteVpcEndpoint { .. } => "delete",
        Action::ModifyVpcEndpoint { .. } => "modify",
        Action::CreateTags { .. } => "tag",
        Action::AdoptEndpoint { .. } => "adopt",
        other => panic!("{other:?}"),
    };
    plan.steps.iter().map(|step| format!("{} {}", verb(&step.action), step.subject.name)).collect()
}

/// What a plan holds, in short: `Waiting s3`.
pub(super) fn held(plan: &Plan) -> Vec<String> {
    let word = |held: &plan::Held| format!("{:?}", held.hold).split(['(', ' ', '{']).next().unwrap().to_owned();
    plan.held.iter().map(|held| format!("{} {}", word(held), held.subject.name)).collect()
}

#[test]
fn it_is_made_once_and_told() {
    let mut scene = Scene::new(FARGATE);
    let plan = scene.plan();
    let group = "wharfinger-prod-apps".to_owned();
    let made = SHORT.map(|short| format!("create {short}"));
    assert_eq!(done(&plan), [vec![format!("create {group}"), format!("open {group}")], made.to_vec()].concat());
    assert!(plan.held.is_empty(), "{plan}");
    let cost = "4 interface endpoints in 2 zones: 8 network interfaces are billed by the hour, and the data through them";
    assert!(plan.notes.iter().any(|note| note == cost), "{plan}");

    scene.pass();
    assert_eq!(scene.condition("Ready"), ("False".into(), "Progressing".into()), "endpoints are pending at first");
    assert!(scene.message("EndpointsReady").contains("ecr.dkr is pending"), "{}", scene.message("EndpointsReady"));
    assert_eq!(scene.status().billed_interfaces, 8);
    let writes = scene.world.writes;
    scene.settle();
    assert_eq!(scene.world.writes, writes, "no change, no write");
    let plan = scene.plan();
    assert!(plan.is_converged() && plan.notes.len() == 1 && plan.notes[0].contains("subnet-0000000c"), "one is shut out: {plan}");

    let status = scene.status();
    for part in ["Ready", "NetworkSuitable", "SecurityGroupReady", "EndpointsReady"] {
        assert_eq!(scene.condition(part), ("True".into(), "Succeeded".into()), "{part}");
    }
    assert!(!status.conditions.iter().any(|it| ["Reconciling", "Stalled"].contains(&it.type_.as_str())));
    assert_eq!(scene.condition("InternetPathNeeded"), ("True".into(), "InternetPathNeeded".into()));
    assert_eq!(status.endpoints.iter().map(|it| it.service.as_str()).collect::<Vec<_>>(), SHORT);
    assert!(status.endpoints.iter().all(|it| it.managed && it.state.as_deref() == Some("available") && it.id.is_some()));
    let kinds: Vec<&str> = status.endpoints.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["Interface", "Interface", "Gateway", "Interface", "Interface"]);
    assert!(status.endpoints[1].reason.contains("Fargate Linux 1.4.0"), "{:?}", status.endpoints);
    assert_eq!(status.security_group_id.as_ref(), Some(&scene.world.groups[1].id));
    assert_eq!((status.billed_interfaces, status.vpc_id.as_deref(), &status.plan), (8, Some(VPC), &None));
    assert_eq!(status.target.as_ref().map(|it| (it.account_id.as_str(), it.region.as_str())), Some((ACCOUNT, REGION)));
    assert_eq!(status.observed_generation, Some(1));
    let before = status.clone();
    scene.now = "2026-02-02T00:00:00Z".parse().unwrap();
    scene.pass();
    assert_eq!(*scene.status(), before, "only time has passed");
}

#[test]
fn it_wants_just_this() {
    let mut scene = Scene::settled(FARGATE);
    let group = scene.world.groups[1].clone();
    assert_eq!(group.ingress[0].cidrs, ["10.0.1.0/24".to_owned(), "10.0.2.0/24".to_owned()].into());
    assert_eq!(group.tags["Name"], "wharfinger prod-apps");
    let dkr = scene.world.of("ecr.dkr").clone();
    assert_eq!(dkr.subnet_ids, ["subnet-0000000a".to_owned(), "subnet-0000000b".to_owned()].into(), "one a zone");
    assert_eq!((dkr.group_ids, dkr.private_dns, dkr.policy), ([group.id].into(), true, None));
    assert_eq!(dkr.tags["Name"], "wharfinger prod-apps ecr.dkr");
    assert_eq!(dkr.tags["wharfinger.dev/owner"], "PullNetwork/prod-apps");
    assert_eq!((dkr.tags["wharfinger.dev/namespace"].as_str(), dkr.tags["wharfinger.dev/namespace-uid"].as_str()), ("-", "-"));
    let s3 = scene.world.of("s3").clone();
    assert_eq!(s3.route_table_ids, ["rtb-0000000a".to_owned(), "rtb-0000000e".to_owned()].into(), "explicit, and the main one");
    assert!(s3.subnet_ids.is_empty() && s3.group_ids.is_empty() && !s3.private_dns);
}

#[test]
fn it_is_planned_without_looking() {
    let rows = [
        FARGATE.to_owned(),
        Scene::with("securityGroups: {ids: [sg-00000001]}\nrouteTableIds: [rtb-0000000a, rtb-0000000b]"),
        FARGATE.replace(
            "subnetIds: [subnet-0000000a, subnet-0000000b]",
            "subnetSelector: {matchTags: {tier: private}}\nrouteTableSelector: {matchTags: {a: b}}",
        ),
    ];
    for spec in rows {
        let desired = Scene::new(&spec).desired();
        let plan = plan::network(&desired, &plan::imagined_for_network(&desired));
        assert!(plan.held.is_empty(), "{plan}");
        assert_eq!(plan.steps.iter().filter(|step| matches!(step.action, Action::CreateVpcEndpoint { .. })).count(), 5, "{plan}");
    }
}
