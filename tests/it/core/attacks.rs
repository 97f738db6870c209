//! Fences, by attack. A tenant (namespace `pay`) says whatever it can say, and reaches nothing of another one (`payments`) in the same
//! account, behind the same AccountBinding.
//!
//! Each case has a control: the same with the one thing changed that keeps it out. It must reach the plan, so no case holds for a
//! reason of its own.

mod beside;
mod forged;
mod leads;
mod names;
mod networks;
mod roles;

use super::fixtures::{API, REGION, inputs, told, workload};
use super::story::Story;
use super::world::World;
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::LazyLock;
use wharfinger::api::{AccountBinding, AccountBindingSpec};
use wharfinger::inputs::{Bindings, Inputs};
use wharfinger::pass::Pass;
use wharfinger::plan::{Action, Plan, Step};
use wharfinger::resource::secret::ObservedSecret;
use wharfinger::target::of_removal;

/// Customer keys: the one that the binding admits, and the victim's.
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const VICTIMS_KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/deadbeef-12ab-34cd-56ef-1234567890ab";
/// A secret of the victim that it has not from us.
const VICTIMS_SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/db-AbCdEf";
/// An account that no binding is for.
const ELSEWHERE: &str = "999900001111";

/// What an administrator admits to tenants of one account. Patterns are for `pay`, or for what all may use.
const LIMITS: &str = "
rolePath: /tenants/
registries: [registry.example.com, docker.io, '*.pay.example.com']
existingRoles: ['arn:aws:iam::111122223333:role/run/pay-*']
taskRoles: ['arn:aws:iam::111122223333:role/app/pay-*']
secretArns: ['arn:aws:secretsmanager:eu-west-1:111122223333:secret:pay/*']
ssmParameters: ['arn:aws:ssm:eu-west-1:111122223333:parameter/pay/*']
s3Objects: ['arn:aws:s3:::shared/pay/*']
kmsKeys: ['arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab', 'arn:aws:kms:eu-west-1:111122223333:alias/pay-*']
clusters: ['arn:aws:ecs:eu-west-1:111122223333:cluster/pay-*']
definitionNames: ['pay-*']
";

/// No step of an attacker says any of these. The attacker's own namespace is the beginning of the victim's.
const VICTIMS: [&str; 5] = ["payments", "deadbeef", ELSEWHERE, "evil", "arn:aws-cn:"];

type Act = Box<dyn Fn(&mut Story)>;

/// An attack, and the same with its fence open.
struct Case {
    what: String,
    attack: Act,
    /// What the attack must not get into a step.
    prize: String,
    control: Act,
    /// What the control must get into one.
    reached: String,
    /// Whether the tenant is told that a thing exists and is another's: it has a name that the administrator lets all use.
    is_told: bool,
}

fn case(
    what: &str,
    (prize, attack): (&str, impl Fn(&mut Story) + 'static),
    (reached, control): (&str, impl Fn(&mut Story) + 'static),
) -> Case {
    let (attack, control): (Act, Act) = (Box::new(attack), Box::new(control));
    Case { what: what.to_owned(), attack, prize: prize.to_owned(), control, reached: reached.to_owned(), is_told: false }
}

/// A spec that a fence keeps out, and lets in where these are the limits.
fn fenced(what: &str, prize: &str, spec: &str, (limit, patterns): (&str, &str)) -> Case {
    let (spec, again) = (spec.to_owned(), spec.to_owned());
    let (limit, patterns) = (limit.to_owned(), patterns.to_owned());
    let control = move |story: &mut Story| {
        respec(story, &again);
        open(story, &limit, &patterns);
    };
    case(what, (prize, move |story: &mut Story| respec(story, &spec)), (prize, control))
}

/// A spec that is kept out whatever the limits, and one like it that is not.
fn refused(what: &str, (prize, bad): (&str, &str), (reached, good): (&str, &str)) -> Case {
    let (bad, good) = (bad.to_owned(), good.to_owned());
    let attack = move |story: &mut Story| {
        respec(story, &bad);
        open_all(story);
    };
    case(what, (prize, attack), (reached, move |story: &mut Story| respec(story, &good)))
}

fn respec(story: &mut Story, spec: &str) {
    story.inputs.workload.spec = workload("api", spec).spec;
}

/// Sets one limit of the binding.
fn open(story: &mut Story, name: &str, patterns: &str) {
    let Bindings::Objects(bindings) = &mut story.inputs.bindings else { panic!("no bindings") };
    let mut limits = serde_json::to_value(&bindings[0].spec.limits).unwrap();
    limits[name] = serde_saphyr::from_str(patterns).unwrap();
    bindings[0].spec.limits = serde_json::from_value(limits).unwrap();
}

/// Every limit that has patterns admits all there is.
fn open_all(story: &mut Story) {
    let lists =
        ["existingRoles", "taskRoles", "secretArns", "ssmParameters", "s3Objects", "kmsKeys", "clusters", "definitionNames"];
    lists.into_iter().for_each(|limit| open(story, limit, "['*']"));
}

fn binding() -> AccountBinding {
    let indented = LIMITS.trim().replace('\n', "\n  ");
    let spec = format!(
        "accountId: '111122223333'\nregions: [{REGION}]\nnamespaceSelector: {{matchLabels: {{tenant: 'true'}}}}\nlimits:\n  {indented}\n"
    );
    let spec: AccountBindingSpec = serde_saphyr::from_str(&spec).unwrap_or_else(|error| panic!("{error}\n{spec}"));
    AccountBinding::new("tenants", spec)
}

/// The workload `api` of a tenant.
fn tenant(namespace: &str) -> Inputs {
    let mut inputs = inputs(API);
    inputs.workload.metadata.namespace = Some(namespace.to_owned());
    inputs.namespace.name = namespace.to_owned();
    inputs.namespace.uid = format!("uid-{namespace}");
    inputs.namespace.labels = [("tenant".to_owned(), "true".to_owned())].into();
    inputs.bindings = Bindings::Objects(vec![binding()]);
    inputs
}

/// The victim has settled, and has secrets, keys and roles besides.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let mut world = Story::settled(tenant("payments")).world;
    let secret = ObservedSecret { arn: VICTIMS_SECRET.to_owned(), ..ObservedSecret::default() };
    world.secrets.insert("payments/db".to_owned(), secret);
    world.keys.insert("alias/payments".to_owned(), VICTIMS_KEY.to_owned());
    world.keys.insert("alias/pay-own".to_owned(), KEY.to_owned());
    world
});

/// The attacker, before it does anything.
fn attacker() -> Story {
    let mut story = Story::new(tenant("pay"));
    story.inputs.workload.spec = workload("api", &own_spec()).spec;
    story.world = WORLD.clone();
    story
}

/// As harmless as [`API`], with no word of the victim's.
fn own_spec() -> String {
    API.replace("payments", "pay")
}

/// The same with another credential.
fn credential(text: &str) -> String {
    own_spec().replace("{secretRef: {name: regcred}}", text)
}

/// The victim's part of a world.
fn victims(world: &World) -> World {
    let mut world = world.essence();
    world.secrets.retain(|name, _| name.contains("payments"));
    world.roles.retain(|name, _| name.contains("payments"));
    world.definitions.retain(|name, _| name.contains("payments"));
    world.services.retain(|named, _| named.cluster.contains("payments"));
    World {
        secrets: world.secrets,
        roles: world.roles,
        definitions: world.definitions,
        services: world.services,
        ..World::default()
    }
}

/// What came of some passes and a deletion: every step as JSON but for what it waits for, and every word to the tenant.
#[derive(Default)]
struct Account {
    steps: String,
    words: String,
}

fn live(story: &mut Story) -> Account {
    let mut account = Account::default();
    if of_removal(&story.inputs.claim()).is_ok() {
        account.take(&story.removal(), &[]); // were it deleted at once
    }
    for _ in 0..3 {
        match story.pass() {
            Pass::Done(round) => account.take(&round.plan, &round.warnings),
            Pass::Refused(problems) => writeln!(account.words, "{}", told(&problems)).unwrap(),
            Pass::Suspended => {}
        }
    }
    match of_removal(&story.inputs.claim()) {
        Ok(_) => {
            let plan = story.removal();
            account.take(&plan, &[]);
            story.world.apply(&plan, usize::MAX);
        }
        Err(problem) => writeln!(account.words, "{}", told(&[problem])).unwrap(),
    }
    account
}

impl Account {
    fn take(&mut self, plan: &Plan, warnings: &[String]) {
        let alone = plan.steps.iter().map(|step| Step { after: vec![], ..step.clone() });
        self.steps += &serde_json::to_string(&alone.collect::<Vec<_>>()).unwrap();
        let held = plan.held.iter().map(|held| &held.message);
        held.chain(&plan.notes).chain(warnings).for_each(|word| writeln!(self.words, "{word}").unwrap());
    }
}

/// Why an attack succeeded, if it did.
fn escape(case: &Case) -> Option<String> {
    let mut story = attacker();
    (case.attack)(&mut story);
    let before = victims(&story.world);
    let account = live(&mut story);
    let forbidden = VICTIMS.into_iter().chain([case.prize.as_str()]);
    let reached: Vec<&str> = forbidden.filter(|word| account.steps.contains(word)).collect();
    if !reached.is_empty() {
        return Some(format!("reaches {reached:?}: {}", around(&account.steps, reached[0])));
    }
    if victims(&story.world) != before {
        return Some("changes what is the victim's".to_owned());
    }
    let mut alone = attacker();
    (case.attack)(&mut alone);
    strip(&mut alone.world);
    alone.inputs.network = None;
    let unknowing = live(&mut alone);
    (!case.is_told && account.words != unknowing.words)
        .then(|| format!("tells what exists:\n{}\nand without:\n{}", account.words, unknowing.words))
}

/// The place in a text, with some of what is around it.
fn around(text: &str, word: &str) -> String {
    let at = text.find(word).unwrap_or_default();
    text.chars().skip(text[..at].chars().count().saturating_sub(200)).take(400).collect()
}

/// A world in which the victim has nothing.
fn strip(world: &mut World) {
    world.secrets.retain(|name, _| !name.contains("payments"));
    world.roles.retain(|name, _| !name.contains("payments"));
    world.definitions.retain(|name, _| !name.contains("payments"));
    world.services.retain(|named, _| !named.cluster.contains("payments"));
    world.keys.retain(|name, _| !name.contains("payments"));
    world.parameters.retain(|name, _| !name.contains("payments"));
}

/// Why a control shows nothing, if it does not.
fn idle(case: &Case) -> Option<String> {
    let mut story = attacker();
    (case.control)(&mut story);
    let account = live(&mut story);
    (!account.steps.contains(&case.reached)).then(|| format!("its control does not reach {}: {}", case.reached, account.words))
}

fn check(cases: Vec<Case>) -> usize {
    let failures: Vec<String> = cases
        .iter()
        .flat_map(|case| [escape(case), idle(case)].into_iter().flatten().map(|why| format!("{}: {why}", case.what)))
        .collect();
    assert!(failures.is_empty(), "{} of {} cases:\n\n{}", failures.len(), cases.len(), failures.join("\n\n"));
    cases.len()
}

#[test]
fn what_a_definition_names_stays_fenced_in_every_shape() {
    assert!(check(leads::cases()) >= 140);
}

#[test]
fn no_spelling_of_a_name_leads_to_another_tenant() {
    let all = [names::cases(), roles::cases(), beside::cases()];
    assert!(check(all.into_iter().flatten().collect()) >= 90);
}

#[test]
fn no_network_of_another_tenant_can_be_named() {
    assert_eq!(check(networks::cases()), 4);
}

#[test]
fn what_is_forged_gives_nothing() {
    assert!(check(forged::cases()) >= 50);
}

/// Which key an admitted alias stands for is not known of another workload's status. What such a key is granted for is: no more than what
/// the service decrypts of a secret that the fences admit.
#[test]
fn a_forged_key_opens_nothing_but_what_is_ours() {
    let mut story = attacker();
    forged::with_a_key(&mut story, VICTIMS_KEY);
    let plan = story.plan();
    let document = plan.steps.iter().find_map(|step| match &step.action {
        Action::PutRolePolicy { document, .. } => Some(document),
        _ => None,
    });
    let statements = document.unwrap_or_else(|| panic!("{plan}"))["Statement"].as_array().unwrap();
    let decrypting: Vec<&Value> = statements.iter().filter(|it| it["Action"] == "kms:Decrypt").collect();
    let of_ours = json!({
        "kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com", "kms:EncryptionContext:SecretARN": [forged::OWN_SECRET],
    });
    assert!(!decrypting.is_empty(), "{plan}");
    decrypting.iter().for_each(|it| assert_eq!(it["Condition"], json!({"StringEquals": of_ours})));
    open(&mut story, "kmsKeys", &format!("['{KEY}']"));
    assert!(!story.plan().to_string().contains(VICTIMS_KEY), "without aliases it is known, and not admitted");
}
