//! One role, many workloads: those of other Regions and bindings count as they are, and nothing is narrowed that others may need.

use super::fixtures::{ACCOUNT, API, binding, inputs, workload};
use super::story::{Story, steps};
use serde_json::{Value, json};
use wharfinger::api::{AccountBinding, PrivateImageWorkload};
use wharfinger::inputs::{Bindings, Inputs};
use wharfinger::observed::ObservedParameter;
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
    one.inputs.siblings = vec![other.inputs.workload.clone()];
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
        ("the other is not understood", (vec![stale(web.inputs.workload.clone())], true), 2),
        ("the other is gone", (vec![], true), 1),
    ];
    for (what, (siblings, complete), left) in rows {
        (api.inputs.siblings, api.inputs.siblings_complete) = (siblings, complete);
        api.settle();
        assert_eq!(trusted(&api), left, "{what}");
    }
}

/// Whether a former role was made by us is said by its tags, however it is named.
#[test]
fn tags_say_whether_a_former_role_is_ours() {
    let existing = format!("arn:aws:iam::{ACCOUNT}:role/wharfinger_payments_theirs");
    let by_arn = format!("{API}revisionHistoryLimit: 0\nexecutionRole: {{arn: '{existing}'}}");
    let mut story = Story::new(inputs(&by_arn));
    let seen = wharfinger::resource::role::ObservedRole { arn: existing, trust: json!({}), ..Default::default() };
    let theirs = [("theirs".to_owned(), json!({}))];
    let role = super::world::Role { seen, inline: theirs.clone().into(), attached: Default::default() };
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
    story.inputs.siblings = vec![web];
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
