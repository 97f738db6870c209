//! One role, many workloads: those of other Regions and bindings count as they are, and nothing is narrowed that others may need.

use super::fixtures::{ACCOUNT, API, binding, desired, fenced, inputs, workload};
use super::story::{Story, steps};
use super::world::{Role, failure};
use serde_json::{Value, json};
use wharfinger::api::{AccountBinding, ManagedPolicy, PrivateImageWorkload, Trust};
use wharfinger::failure::FailureKind;
use wharfinger::inputs::{Bindings, Inputs};
use wharfinger::observed::{ObservedParameter, Snapshot};
use wharfinger::plan::Action;
use wharfinger::resource::grants::PullSources;
use wharfinger::resource::policy::trust_policy;
use wharfinger::resource::role::{ObservedRole, RoleSettings};
use wharfinger::resource::tags::OWNER;

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// A workload whose container reads a parameter by its name.
const READER: &str = "
image: registry.example.com/payments/api:1.4.2
credentials: [{secretRef: {name: regcred}}]
ecs: {cpu: '256', memory: '512', containerDefinitions: [{name: api, secrets: [{name: TOKEN, valueFrom: /app/token}]}]}
";

fn in_two_regions(name: &str, limits: &str) -> AccountBinding {
    let mut binding = binding(name, limits);
    binding.spec.regions = vec!["eu-west-1".into(), "us-east-1".into()];
    binding
}

/// Two settled workloads on the role of their namespace: `api` in eu-west-1, and one that is written like this.
fn pair(bindings: Vec<AccountBinding>, spec: &str, other: &str) -> (Story, Story) {
    let place = |inputs: Inputs| Inputs { bindings: Bindings::Objects(bindings.clone()), ..inputs };
    let mut web = Story::new(place(inputs(other)));
    web.inputs.workload = workload("web", other);
    web.world.parameters.insert(parameter("us-east-1"), ObservedParameter { kms_key: Some("alias/app".into()) });
    web.world.keys.insert("alias/app".into(), KEY.into());
    web.settle();
    let mut api = Story::new(place(inputs(spec)));
    api.world = web.world.clone();
    meet(&mut api, &web);
    api.settle();
    (api, web)
}

/// Each sees what the other has written.
fn meet(one: &mut Story, other: &Story) {
    one.world = other.world.clone();
    one.inputs.siblings = vec![other.inputs.workload.clone().into()];
}

fn parameter(region: &str) -> String {
    format!("arn:aws:ssm:{region}:{ACCOUNT}:parameter/app/token")
}

fn policy(story: &Story) -> String {
    let inline = &story.world.roles[&story.role()].inline;
    inline.values().map(Value::to_string).collect()
}

/// What another names without an ARN is in the Region of that one, and passes the fences of its binding.
#[test]
fn workloads_of_other_regions_and_bindings_need_what_they_need_there() {
    let admitted = "{ssmParameters: ['arn:aws:ssm:*:*:parameter/*'], kmsKeys: [alias/app]}";
    let rows = [
        ("another Region", vec![in_two_regions("prod", admitted)], "region: eu-west-1", "region: us-east-1"),
        (
            "another Region, by a binding of its own",
            vec![binding("prod", "{}"), {
                let mut other = binding("other", admitted);
                other.spec.regions = vec!["us-east-1".into()];
                other
            }],
            "bindingRef: {name: prod}",
            "bindingRef: {name: other}",
        ),
    ];
    for (what, bindings, here, there) in rows {
        let (api, _) = pair(bindings, &format!("{API}{here}"), &format!("{READER}{there}"));
        let granted = policy(&api);
        assert!(granted.contains(&parameter("us-east-1")) && granted.contains(KEY), "{what}: {granted}");
        assert!(!granted.contains(&parameter("eu-west-1")), "{what}: nobody asked for it: {granted}");
    }
}

/// A workload whose place no binding admits any more keeps what it has.
#[test]
fn one_whose_place_is_not_known_is_not_understood() {
    let both = vec![in_two_regions("prod", "{ssmParameters: ['*'], kmsKeys: [alias/app]}")];
    let (mut api, _) = pair(both, &format!("{API}region: eu-west-1"), &format!("{READER}region: us-east-1"));
    let admitted = binding("prod", "{ssmParameters: ['*'], kmsKeys: [alias/app]}");
    api.inputs.bindings = Bindings::Objects(vec![admitted]);
    let before = policy(&api);
    api.settle();
    assert_eq!(policy(&api), before);
    assert!(api.status().warnings.join("\n").contains("PrivateImageWorkload/web"), "{:?}", api.status().warnings);
}

/// A trust policy names the Regions of those who use the role; a list that may lack some takes none away.
#[test]
fn a_region_is_taken_from_the_trust_policy_only_by_a_complete_list() {
    let trusted = |story: &Story| {
        let sources = &story.world.roles[&story.role()].seen.trust["Statement"][0]["Condition"]["ArnLike"]["aws:SourceArn"];
        sources.as_array().map_or(1, Vec::len)
    };
    let spec = |region: &str| format!("{API}executionRole: {{trust: SourceArn}}\nregion: {region}");
    let (mut api, web) = pair(vec![in_two_regions("prod", "{}")], &spec("eu-west-1"), &spec("us-east-1"));
    assert_eq!(trusted(&api), 2);
    let stale = |mut sibling: PrivateImageWorkload| {
        sibling.metadata.generation = Some(9);
        sibling
    };
    let rows = [
        ("the other is not in these files", (vec![], false), 2),
        ("the other is not understood", (vec![stale(web.inputs.workload.clone()).into()], true), 2),
        ("the other is gone", (vec![], true), 1),
    ];
    for (what, (siblings, complete), left) in rows {
        (api.inputs.siblings, api.inputs.siblings_complete) = (siblings, complete);
        api.settle();
        assert_eq!(trusted(&api), left, "{what}");
    }
}

/// A trust policy may be stricter than asked for, but not so that tasks of ours cannot start. Our own is put right, that of a role
/// that exists is told.
#[test]
fn a_trust_policy_that_shuts_us_out_is_put_right_or_told() {
    let narrowed = |trust, account: &str, regions: &[&str]| {
        trust_policy("aws", trust, account, &regions.iter().map(|region| (*region).to_owned()).collect())
    };
    let mut one_cluster = narrowed(Trust::SourceArn, ACCOUNT, &["eu-west-1"]);
    one_cluster["Statement"][0]["Condition"]["ArnLike"]["aws:SourceArn"] =
        json!("arn:aws:ecs:eu-west-1:111122223333:task/prod/*");
    for (what, stricter, stays) in [
        ("both Regions", narrowed(Trust::SourceArn, ACCOUNT, &["eu-west-1", "us-east-1"]), true),
        ("another Region", narrowed(Trust::SourceArn, ACCOUNT, &["us-east-1"]), false),
        ("our account", narrowed(Trust::SourceAccount, ACCOUNT, &[]), true),
        ("another account", narrowed(Trust::SourceAccount, "999922223333", &[]), false),
        ("another account's Region", narrowed(Trust::SourceArn, "999922223333", &["eu-west-1"]), false),
        ("one cluster", one_cluster.clone(), true),
    ] {
        let mut story = Story::settled(inputs(API));
        let name = story.role();
        story.world.roles.get_mut(&name).unwrap().seen.trust = stricter.clone();
        assert_eq!(steps(&story.plan()).contains(&"UpdateAssumeRolePolicy".to_owned()), !stays, "{what}");
        story.settle();
        assert_eq!(story.world.roles[&name].seen.trust == stricter, stays, "{what}");
        for asked in ["Standard", "SourceArn"] {
            let by_arn = format!("{API}executionRole: {{arn: 'arn:aws:iam::{ACCOUNT}:role/theirs', trust: {asked}}}");
            let mut story = Story::new(fenced(inputs(&by_arn), "{existingRoles: ['*']}"));
            let arn = format!("arn:aws:iam::{ACCOUNT}:role/theirs");
            let seen = ObservedRole { arn, trust: stricter.clone(), ..Default::default() };
            story.world.roles.insert("theirs".into(), Role { seen, inline: [].into(), attached: [].into() });
            story.settle();
            let told = story.status().warnings.join("\n");
            assert_eq!(told.contains("lets ECS in for other accounts or Regions only"), !stays, "{what}, {asked}: {told}");
            let enough = asked == "Standard" || stricter == one_cluster;
            assert!(!stays || !enough || !told.contains("trust policy"), "{what}, {asked}: {told}");
        }
    }
}

/// Names of roles are made of these texts: another text would be another role, at each upgrade.
#[test]
fn what_differs_from_the_defaults_has_a_text_that_never_changes() {
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    let pulls = PullSources { vpc_ids: ids(&["vpc-0b", "vpc-0a"]), vpc_endpoint_ids: ids(&["vpce-0c"]) };
    let anywhere = PullSources::default;
    let rows = [
        (ManagedPolicy::Auto, Trust::Standard, anywhere(), None),
        (ManagedPolicy::Always, Trust::SourceAccount, anywhere(), Some("managedPolicy=Always;trust=SourceAccount;")),
        (ManagedPolicy::Never, Trust::SourceArn, anywhere(), Some("managedPolicy=Never;trust=SourceArn;")),
        (ManagedPolicy::Auto, Trust::Standard, pulls, Some("vpcIds=vpc-0a,vpc-0b;vpcEndpointIds=vpce-0c;")),
    ];
    for (managed_policy, trust, pulls, text) in rows {
        assert_eq!(RoleSettings { managed_policy, trust, pulls, network: None }.differences().as_deref(), text);
    }
}

/// Tasks are never without both: ours is there before the managed policy goes, and if ours cannot be seen it stays.
#[test]
fn our_policy_comes_before_the_managed_one_goes() {
    let never = format!("{API}executionRole: {{name: wharfinger_payments_own, managedPolicy: Never}}\n");
    let mut story = Story::settled(inputs(&never));
    let role = story.world.roles.get_mut("wharfinger_payments_own").unwrap();
    role.inline.clear();
    role.attached.insert("arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy".into());
    assert_eq!(steps(&story.plan()), ["PutRolePolicy", "DetachRolePolicy"]);
    let desired = desired(&story.inputs);
    let mut seen = story.world.look(&desired);
    seen.roles.values_mut().for_each(|role| role.inline_policy = Snapshot::Unknown(failure(FailureKind::Denied)));
    let plan = wharfinger::plan::converge(&desired, &seen);
    assert!(!steps(&plan).iter().any(|step| step == "DetachRolePolicy"), "{plan}");
}

/// The encryption context has whole ARNs: a part of one would never match.
#[test]
fn a_key_for_a_secret_known_in_part_asks_for_no_context() {
    const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:444455556666:secret:theirs";
    const KEY: &str = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    for (named, contexts) in [(SECRET.to_owned(), 0), (format!("{SECRET}-AbCdEf"), 1)] {
        let spec = API.replace("{name: api", &format!("{{name: api, secrets: [{{name: A, valueFrom: '{named}'}}]"));
        assert_ne!(spec, API);
        let spec = format!("{spec}executionRole: {{kmsKeys: ['{KEY}']}}\n");
        let story = Story::new(fenced(inputs(&spec), "{secretArns: ['*'], kmsKeys: ['*']}"));
        let desired = desired(&story.inputs);
        let mut seen = story.world.look(&desired);
        let theirs = seen.secrets.iter_mut().filter(|(id, _)| id.contains("theirs"));
        theirs.for_each(|(_, secret)| *secret = Snapshot::Unknown(failure(FailureKind::Denied)));
        let plan = wharfinger::plan::converge(&desired, &seen);
        let put = plan.steps.iter().find_map(|step| match &step.action {
            Action::PutRolePolicy { document, .. } => Some(document.to_string()),
            _ => None,
        });
        let put = put.unwrap_or_else(|| panic!("{plan}"));
        assert!(put.contains(KEY) && put.contains("kms:ViaService"), "{put}");
        assert_eq!(put.matches("kms:EncryptionContext").count(), contexts, "{put}");
    }
}

/// What AWS does not show to another account may be there all the same.
#[test]
fn keys_are_granted_for_what_another_account_does_not_show() {
    const KEY: &str = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    for (named, granted) in [
        ("arn:aws:secretsmanager:eu-west-1:444455556666:secret:theirs-AbCdEf", true),
        ("arn:aws:ssm:eu-west-1:444455556666:parameter/theirs", true),
        ("arn:aws:ssm:eu-west-1:111122223333:parameter/ours", false),
    ] {
        let spec = API.replace("{name: api", &format!("{{name: api, secrets: [{{name: A, valueFrom: '{named}'}}]"));
        let spec = format!("{spec}executionRole: {{kmsKeys: ['{KEY}']}}\n");
        let story = Story::settled(fenced(inputs(&spec), "{secretArns: ['*'], ssmParameters: ['*'], kmsKeys: ['*']}"));
        let policy = policy(&story);
        assert!(policy.contains(named), "{policy}");
        assert_eq!(policy.contains(KEY), granted, "{named}: {policy}");
    }
}

/// Whether a former role was made by us is said by its tags, however it is named.
#[test]
fn tags_say_whether_a_former_role_is_ours() {
    let existing = format!("arn:aws:iam::{ACCOUNT}:role/wharfinger_payments_theirs");
    let by_arn = format!("{API}revisionHistoryLimit: 0\nexecutionRole: {{arn: '{existing}'}}");
    let mut story = Story::new(inputs(&by_arn));
    let seen = ObservedRole { arn: existing, trust: json!({}), ..Default::default() };
    let theirs = [("theirs".to_owned(), json!({}))];
    let role = Role { seen, inline: theirs.clone().into(), attached: Default::default() };
    story.world.roles.insert("wharfinger_payments_theirs".into(), role.clone());
    story.settle();
    assert_eq!(story.world.roles["wharfinger_payments_theirs"].inline.len(), 2);
    story.respec(&format!("{API}revisionHistoryLimit: 0"));
    story.settle();
    assert_eq!(story.world.roles["wharfinger_payments_theirs"], role, "theirs again");
    assert_eq!(story.status().former_roles, [] as [&str; 0]);

    let mut story = Story::settled(inputs(&format!("{API}revisionHistoryLimit: 0")));
    let mut renamed = binding("prod", "{}");
    renamed.spec.names.role_prefix = "ships_".into();
    story.inputs.bindings = Bindings::Objects(vec![renamed]);
    story.settle();
    assert_eq!(
        story.world.roles.keys().collect::<Vec<_>>(),
        ["ships_payments"],
        "made under the earlier prefix, and gone with it"
    );
}

/// Tags that name another owner disown a former role as they do a present one.
#[test]
fn a_former_role_of_another_owner_stays() {
    let mut story =
        Story::settled(inputs(&format!("{API}revisionHistoryLimit: 0\nexecutionRole: {{name: wharfinger_payments_a}}")));
    let role = story.world.roles.get_mut("wharfinger_payments_a").unwrap();
    role.seen.tags.insert(OWNER.into(), "Namespace/other".into());
    story.respec(&format!("{API}revisionHistoryLimit: 0"));
    story.settle();
    let left = &story.world.roles["wharfinger_payments_a"];
    assert!(left.inline.is_empty(), "the policy bears our name and nobody else's");
    assert!(!steps(&story.plan()).contains(&"DeleteRole".to_owned()));
}

/// Of two workloads that leave a role, each may still take the other for a user of it. Then no step says that the role is left, so
/// that it is said apart: such a pass looks at the other's status anew before it forgets.
#[test]
fn leaving_a_role_to_another_is_noticed() {
    let spec = |role: &str| format!("{API}revisionHistoryLimit: 0\nexecutionRole: {{name: wharfinger_payments_{role}}}");
    let mut story = Story::settled(inputs(&spec("a")));
    let mut web = story.inputs.workload.clone();
    web.metadata.name = Some("web".into());
    story.inputs.siblings = vec![web.into()];
    let leaves = |story: &Story| {
        let desired = super::fixtures::desired(&story.inputs);
        desired.leaves_something(&story.world.look(&desired))
    };
    assert!(!leaves(&story), "nothing is left");
    story.respec(&spec("b"));
    while !leaves(&story) {
        assert!(!story.plan().is_converged(), "it is never noticed");
        story.pass();
    }
    assert_eq!(steps(&story.plan()), [] as [&str; 0], "the other's cached status keeps policy and role");
    story.pass();
    assert_eq!(story.status().former_roles, [] as [&str; 0], "and it is forgotten");
    assert!(!leaves(&story));
}
