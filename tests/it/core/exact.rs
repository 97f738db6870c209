//! For any set of workloads on one role, the role may do what some workload asked for, and nothing else. What a workload asks for is
//! told by how it was made up here; what the role may do, by an evaluator that knows IAM only.

mod asks;
mod workloads;

use super::fixtures::{API, fenced, inputs};
use super::iam::{Request, allows};
use super::story::Story;
use super::world::World;
use asks::{Ask, Dice, Pool};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::LazyLock;
use wharfinger::desired::resolve;
use wharfinger::inputs::Inputs;
use wharfinger::pass::{Pass, Round, facts};
use wharfinger::resource::policy::MANAGED_POLICY;
use wharfinger::{plan, status, target};
use workloads::{Made, Settings};

const OPEN: &str =
    "{secretArns: ['*'], ssmParameters: ['*'], s3Objects: ['*'], kmsKeys: ['*'], taskRoles: ['*'], existingRoles: ['*']}";

/// The statements of the managed policy (AWS: task execution role, AmazonECSTaskExecutionRolePolicy).
static MANAGED: LazyLock<Value> = LazyLock::new(|| {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": [
        "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage",
        "logs:CreateLogStream", "logs:PutLogEvents",
    ]}]})
});

/// A set of workloads and what they came to.
struct Set {
    asks: Vec<Ask>,
    policies: Vec<Value>,
    is_managed: bool,
    wants_managed: bool,
    /// Whether the encryption contexts had to be left out.
    is_merged: bool,
    specs: Vec<Value>,
}

impl Set {
    /// For people.
    fn told(&self) -> String {
        format!("{:#}\n{:#}", json!(self.policies), json!(self.specs))
    }
}

static BASE: LazyLock<Inputs> = LazyLock::new(|| fenced(inputs(API), OPEN));

/// Each workload has a pass, then the first has another one: its policy is the union.
fn settle(pool: &Pool, made: &[Made], settings: Settings) -> Set {
    let base = &*BASE;
    let mut world = World { parameters: pool.parameters(), keys: pool.keys(), secrets: pool.secrets(), ..World::default() };
    let mut workloads: Vec<_> = made.iter().enumerate().map(|(number, made)| made.workload(&format!("w{number}"))).collect();
    let again = (workloads.len() > 1).then_some(0);
    for number in (0..workloads.len()).chain(again) {
        let siblings = workloads.iter().cloned().map(Arc::new).collect();
        let inputs = Inputs { workload: workloads[number].clone(), siblings, ..base.clone() };
        workloads[number].status = Some(pass(&inputs, &mut world));
    }
    let [role] = world.roles.values().collect::<Vec<_>>()[..] else { panic!("not one role: {:?}", world.roles.keys()) };
    let is_managed = role.attached.iter().any(|arn| arn.ends_with(MANAGED_POLICY));
    let mut policies: Vec<Value> = role.inline.values().cloned().collect();
    policies.extend(is_managed.then(|| MANAGED.clone()));
    let mut asks: Vec<Ask> = made.iter().flat_map(|made| made.asks.clone()).collect();
    asks.extend(made.iter().filter_map(|made| made.pull(&world)).flatten());
    let decrypts = asks.iter().any(|ask| ask.action == "kms:Decrypt");
    Set {
        is_managed,
        wants_managed: settings.is_auto() && asks.iter().any(Ask::is_of_managed_policy),
        is_merged: decrypts && !policies.iter().any(|policy| policy.to_string().contains("kms:EncryptionContext")),
        specs: made.iter().map(|made| made.spec.clone()).collect(),
        asks,
        policies,
    }
}

/// A pass, and the status that it leaves.
fn pass(inputs: &Inputs, world: &mut World) -> wharfinger::api::PrivateImageWorkloadStatus {
    let target = target::choose(&inputs.claim()).unwrap();
    let desired = resolve(inputs, &target).unwrap_or_else(|problems| {
        panic!("{}\n{}", super::fixtures::told(&problems), serde_json::to_string(&inputs.workload.spec).unwrap())
    });
    let observed = world.look(&desired);
    let plan = plan::converge(&desired, &observed);
    assert!(plan.held.is_empty(), "{plan}\n{}", serde_json::to_string(&inputs.workload.spec).unwrap());
    let outcomes = world.apply(&plan, usize::MAX);
    let facts = facts(&desired, &observed, &plan, &outcomes);
    let round = Round { target, plan, outcomes: Some(outcomes), warnings: vec![], facts };
    status::summarise(&inputs.workload, &Pass::Done(Box::new(round)), "2026-01-01T00:00:00Z".parse().unwrap())
}

/// Whether somebody asked for this. Where contexts are left out, a key is open to its service for whatever it keeps, and for that alone.
fn is_asked_for(set: &Set, request: &Request) -> bool {
    let own = set.asks.iter().any(|ask| ask.covers(request, set.is_merged));
    own || (set.is_managed && allows(&[&*MANAGED], request))
}

/// What is wrong with a set.
fn fault(set: &Set, requests: &[Request]) -> Option<String> {
    let policies: Vec<&Value> = set.policies.iter().collect();
    let mut own: Vec<Request> = set.asks.iter().map(Ask::request).collect();
    own.extend(requests.iter().cloned());
    let wrong = own.iter().find(|request| allows(&policies, request) != is_asked_for(set, request));
    let attached = set.is_managed != set.wants_managed;
    (wrong.is_some() || attached).then(|| {
        let asked = wrong.map(|request| is_asked_for(set, request));
        format!(
            "{wrong:#?}\nasked for: {asked:?}; the managed policy: {} for {}\n{}",
            set.is_managed,
            set.wants_managed,
            set.told()
        )
    })
}

/// Sets of a few workloads that name a few things. None is so large that anything would have to be left out.
fn check(sets: std::ops::Range<u64>) {
    let pool = Pool::of(3);
    for seed in sets {
        let mut dice = Dice(seed);
        let settings = Settings::any(&mut dice);
        let many = *dice.one(&[1, 1, 1, 2, 2, 3]);
        let made: Vec<Made> = (0..many).map(|_| Made::any(&pool, settings, &mut dice)).collect();
        let set = settle(&pool, &made, settings);
        assert!(!set.is_merged, "set {seed}: {}", set.told());
        if let Some(fault) = fault(&set, &pool.requests(1, &mut dice)) {
            panic!("set {seed}: {fault}");
        }
    }
}

fn sets() -> u64 {
    if crate::soak() { 100_000 } else { 2_000 }
}

/// Half of the sets, for two processors.
#[test]
fn the_policy_is_what_all_ask_for_and_no_more() {
    check(0..sets() / 2);
}

#[test]
fn and_so_it_is_of_the_other_half() {
    check(sets() / 2..sets());
}

/// Where the policy would be too long, a key may be used for whatever the same service keeps under it. All else is exact.
#[test]
fn under_pressure_only_the_encryption_context_is_left_out() {
    let pool = Pool::of(84);
    for seed in 0..4 {
        let mut dice = Dice(seed);
        let settings = Settings::any(&mut dice);
        let many = (0..4).map(|part| Made::reading(&pool, part * 21..(part + 1) * 21, settings));
        let made: Vec<Made> = many.chain([Made::any(&pool, settings, &mut dice)]).collect();
        let set = settle(&pool, &made, settings);
        assert!(set.is_merged, "set {seed} is not large enough");
        if let Some(fault) = fault(&set, &pool.requests(4, &mut dice)) {
            panic!("set {seed}: {fault}");
        }
    }
}

/// A test of the test: one grant more or less than asked for is found.
#[test]
fn a_policy_that_is_off_by_one_is_found() {
    let pool = Pool::of(3);
    let made = [Made::with_everything(&pool)];
    let set = || settle(&pool, &made, Settings::default());
    let requests = pool.requests(12, &mut Dice(1));
    assert_eq!(fault(&set(), &requests), None);
    let statements = set().policies[0]["Statement"].as_array().unwrap().len();
    let sids: BTreeSet<String> =
        set().policies[0]["Statement"].as_array().unwrap().iter().map(|it| it["Sid"].to_string()).collect();
    assert_eq!(sids.len(), statements, "each has its own Sid: {sids:?}");
    for number in 0..statements {
        let mut less = set();
        less.policies[0]["Statement"].as_array_mut().unwrap().remove(number);
        assert!(fault(&less, &requests).is_some(), "without {}", set().policies[0]["Statement"][number]);
        let mut unconditional = set();
        let statement = unconditional.policies[0]["Statement"][number].as_object_mut().unwrap();
        if statement.remove("Condition").is_some() {
            assert!(fault(&unconditional, &requests).is_some(), "with no condition on {number}");
        }
        let mut wider = set();
        wider.policies[0]["Statement"][number]["Resource"] = json!("*");
        let all = set().policies[0]["Statement"][number]["Resource"] == json!(["*"]);
        assert!(all || fault(&wider, &requests).is_some(), "with everything for {number}");
    }
}

/// The same world as the tests of passes use: nothing here makes a policy up.
#[test]
fn a_set_of_one_is_the_usual_workload() {
    let pool = Pool::of(1);
    let set = settle(&pool, &[Made::plain()], Settings::default());
    let story = Story::settled(inputs(API));
    assert_eq!(set.policies, story.world.roles[&story.role()].inline.values().cloned().collect::<Vec<_>>());
}
