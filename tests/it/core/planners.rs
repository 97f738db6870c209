//! Desired and observed, row by row: which steps, what is held.

use super::fixtures::inputs;
use super::story::{Story, holds, steps};
use super::world::{World, failure, make_current};
use serde_json::json;
use wharfinger::failure::FailureKind;
use wharfinger::observed::{Observed, RoleSnapshot, Snapshot};
use wharfinger::plan;
use wharfinger::resource::tags::{CLUSTER, CONTENT_HASH, NAMESPACE, NAMESPACE_UID, OWNER, Tags};

/// With logs, so that the managed policy is part of it.
const LOGGING: &str = "
image: registry.example.com/payments/api:1.4.2
credentials: [{secretRef: {name: regcred}}]
ecs: {containerDefinitions: [{name: api, logConfiguration: {logDriver: awslogs}}]}
";

/// A converged world, changed behind our back; whether our status knows of what there was; the steps; what is held.
type Row = (&'static str, fn(&mut World), bool, &'static [&'static str], &'static [(&'static str, &'static str)]);

const ALL_OPEN: &[(&str, &str)] = &[("Secret", "NotOurs"), ("Role", "Waiting"), ("Definition", "Waiting")];
const ROLE_OPEN: &[(&str, &str)] = &[("Role", "NotOurs"), ("Definition", "Waiting")];

fn foreign() -> Tags {
    let owner = [(CLUSTER, "cluster-2"), (NAMESPACE_UID, "uid-other"), (NAMESPACE, "other"), (OWNER, "Secret/x")];
    owner.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn check(rows: &[Row]) {
    for (what, change, recorded, expected, held) in rows {
        let mut story = Story::settled(inputs(LOGGING));
        assert!(story.plan().is_converged());
        change(&mut story.world);
        if !recorded {
            story.inputs.workload.status = None;
        }
        let plan = story.plan();
        assert_eq!(steps(&plan), *expected, "{what}: {plan}");
        let found = holds(&plan);
        let found: Vec<(&str, &str)> = found.iter().map(|(kind, why)| (kind.as_str(), why.as_str())).collect();
        assert_eq!(found, *held, "{what}: {plan}");
        assert_eq!(story.plan(), plan, "{what}: planning twice is the same");
        if held.is_empty() {
            story.settle();
        }
    }
}

#[test]
fn nothing_there() {
    let plan = Story::new(inputs(LOGGING)).plan();
    assert_eq!(
        steps(&plan),
        ["CreateSecret", "CreateRole", "AttachRolePolicy", "PutRolePolicy", "RegisterDefinition"],
        "5 writes"
    );
    let mut story = Story::new(inputs(LOGGING));
    assert_eq!(story.settle(), 5);
    assert_eq!(story.settle(), 0, "and none the second time");
}

#[test]
fn secrets() {
    fn secret(world: &mut World) -> &mut wharfinger::resource::secret::ObservedSecret {
        world.secrets.values_mut().next().unwrap()
    }
    check(&[
        ("present and right", |_| {}, true, &[], &[]),
        ("not recorded, but ours", |_| {}, false, &[], &[]),
        ("gone", |w| w.secrets.clear(), true, &["CreateSecret", "PutRolePolicy", "RegisterDefinition"], &[]),
        ("another value", |w| make_current(secret(w), &"0".repeat(64)), true, &["UpdateSecretVersionStage"], &[]),
        (
            "two other values",
            |w| ["0", "1"].iter().for_each(|digit| make_current(secret(w), &digit.repeat(64))),
            true,
            &["PutSecretValue"],
            &[],
        ),
        ("no version at all", |w| secret(w).versions.clear(), true, &["PutSecretValue"], &[]),
        (
            "read and right",
            |w| {
                make_current(secret(w), "written by hand");
                secret(w).same_value = Some(true);
            },
            true,
            &[],
            &[],
        ),
        ("another description", |w| secret(w).description = None, true, &["UpdateSecret"], &[]),
        (
            "another key",
            |w| secret(w).kms_key = Some("arn:aws:kms:eu-west-1:111122223333:key/x".into()),
            true,
            &["UpdateSecret"],
            &[],
        ),
        ("the default key, named", |w| secret(w).kms_key = Some("alias/aws/secretsmanager".into()), true, &[], &[]),
        ("no tags, recorded", |w| secret(w).tags.clear(), true, &["TagSecret"], &[]),
        ("no tags, not recorded", |w| secret(w).tags.clear(), false, &[], ALL_OPEN),
        ("more tags", |w| drop(secret(w).tags.insert("team".into(), "x".into())), true, &[], &[]),
        ("the tag for people", |w| drop(secret(w).tags.insert(NAMESPACE.into(), "x".into())), true, &["TagSecret"], &[]),
        ("another's", |w| secret(w).tags = foreign(), true, &[], ALL_OPEN),
        (
            "of a namespace of the same name",
            |w| drop(secret(w).tags.insert(NAMESPACE_UID.into(), "old".into())),
            true,
            &[],
            ALL_OPEN,
        ),
        ("scheduled for deletion", |w| secret(w).scheduled_for_deletion = true, true, &["RestoreSecret"], &[]),
        (
            "scheduled, another value, no tags",
            |w| {
                let secret = secret(w);
                secret.scheduled_for_deletion = true;
                secret.versions.clear();
                secret.tags.clear();
            },
            true,
            &["RestoreSecret", "PutSecretValue", "TagSecret"],
            &[],
        ),
        (
            "another's, scheduled",
            |w| {
                secret(w).tags = foreign();
                secret(w).scheduled_for_deletion = true;
            },
            true,
            &[],
            ALL_OPEN,
        ),
    ]);
}

#[test]
fn roles() {
    fn role(world: &mut World) -> &mut super::world::Role {
        world.roles.values_mut().next().unwrap()
    }
    fn policy(world: &mut World) -> &mut serde_json::Value {
        role(world).inline.values_mut().next().unwrap()
    }
    let all = &["CreateRole", "AttachRolePolicy", "PutRolePolicy"];
    check(&[
        ("gone", |w| w.roles.clear(), true, all, &[]),
        ("gone, not recorded", |w| w.roles.clear(), false, all, &[]),
        (
            "another trust policy",
            |w| role(w).seen.trust["Statement"][0]["Principal"] = json!({"AWS": "*"}),
            true,
            &["UpdateAssumeRolePolicy"],
            &[],
        ),
        ("trust in other words", |w| role(w).seen.trust["Statement"][0]["Action"] = json!(["STS:AssumeRole"]), true, &[], &[]),
        ("policy gone", |w| role(w).inline.clear(), true, &["PutRolePolicy"], &[]),
        ("policy widened", |w| policy(w)["Statement"][0]["Resource"] = json!("*"), true, &["PutRolePolicy"], &[]),
        ("policy denied", |w| policy(w)["Statement"][0]["Effect"] = json!("Deny"), true, &["PutRolePolicy"], &[]),
        ("policy of no sense", |w| *policy(w) = json!("x"), true, &["PutRolePolicy"], &[]),
        (
            "policy in other words",
            |w| policy(w)["Statement"][0]["Action"] = json!("SecretsManager:GetSecretValue"),
            true,
            &[],
            &[],
        ),
        ("another policy beside ours", |w| drop(role(w).inline.insert("theirs".into(), json!({}))), true, &[], &[]),
        ("managed policy detached", |w| role(w).attached.clear(), true, &["AttachRolePolicy"], &[]),
        (
            "another managed policy",
            |w| {
                let _ = role(w).attached.insert("arn:aws:iam::aws:policy/x".into());
            },
            true,
            &[],
            &[],
        ),
        (
            "no tags: a status does not say whether the role was made or only used",
            |w| role(w).seen.tags.clear(),
            true,
            &[],
            ROLE_OPEN,
        ),
        ("one tag gone", |w| drop(role(w).seen.tags.remove(OWNER)), true, &["TagRole"], &[]),
        ("one tag gone, not recorded", |w| drop(role(w).seen.tags.remove(OWNER)), false, &[], ROLE_OPEN),
        ("the tag for people", |w| drop(role(w).seen.tags.insert(NAMESPACE.into(), "x".into())), true, &["TagRole"], &[]),
        ("another's", |w| role(w).seen.tags = foreign(), true, &[], ROLE_OPEN),
        (
            "another's, with all of it wrong",
            |w| {
                role(w).seen.tags = foreign();
                role(w).inline.clear();
                role(w).attached.clear();
                role(w).seen.trust = json!({});
            },
            true,
            &[],
            ROLE_OPEN,
        ),
    ]);
}

#[test]
fn definitions() {
    fn newest(world: &mut World) -> &mut wharfinger::resource::definition::ObservedDefinition {
        world.definitions.values_mut().next().unwrap().last_mut().unwrap()
    }
    fn content(world: &mut World) -> &mut serde_json::Value {
        newest(world).tags.remove(CONTENT_HASH);
        &mut newest(world).content
    }
    let not_ours = &[("Definition", "NotOurs")];
    check(&[
        ("deregistered", |w| w.definitions.clear(), true, &["RegisterDefinition"], &[]),
        ("deregistered, not recorded", |w| w.definitions.clear(), false, &["RegisterDefinition"], &[]),
        ("another image", |w| content(w)["containerDefinitions"][0]["image"] = json!("x"), true, &["RegisterDefinition"], &[]),
        (
            "no credentials",
            |w| drop(content(w)["containerDefinitions"][0].as_object_mut().unwrap().remove("repositoryCredentials")),
            true,
            &["RegisterDefinition"],
            &[],
        ),
        (
            "another role",
            |w| content(w)["executionRoleArn"] = json!("arn:aws:iam::111122223333:role/x"),
            true,
            &["RegisterDefinition"],
            &[],
        ),
        (
            "a default written out",
            |w| content(w)["containerDefinitions"][0]["essential"] = json!(true),
            true,
            &["TagDefinition"],
            &[],
        ),
        (
            "a hash of older rules",
            |w| drop(newest(w).tags.insert(CONTENT_HASH.into(), "v0:00".into())),
            true,
            &["TagDefinition"],
            &[],
        ),
        ("more tags", |w| drop(newest(w).tags.insert("team".into(), "x".into())), true, &[], &[]),
        ("no tags, recorded", |w| newest(w).tags.clear(), true, &["TagDefinition"], &[]),
        ("no tags, not recorded", |w| newest(w).tags.clear(), false, &[], not_ours),
        ("another's", |w| newest(w).tags = foreign(), true, &[], not_ours),
        (
            "of another workload",
            |w| drop(newest(w).tags.insert(OWNER.into(), "PrivateImageWorkload/web".into())),
            true,
            &[],
            not_ours,
        ),
        (
            "a newer one by hand that copies our tags, ours still active",
            |w| {
                let mut by_hand = newest(w).clone();
                (by_hand.arn, by_hand.revision) = (by_hand.arn.replace("api:1", "api:2"), 2);
                by_hand.content["containerDefinitions"][0]["image"] = json!("registry.example.com/other:1");
                w.definitions.values_mut().next().unwrap().push(by_hand);
            },
            true,
            &[],
            &[],
        ),
        (
            "a newer one by hand, ours still active",
            |w| {
                let mut by_hand = newest(w).clone();
                (by_hand.arn, by_hand.revision) = (by_hand.arn.replace(":1", ":2"), 2);
                by_hand.tags.clear();
                w.definitions.values_mut().next().unwrap().push(by_hand);
            },
            true,
            &[],
            &[],
        ),
    ]);
}

/// Every aspect that can be looked at, made unknown by itself: nothing about it is written, nor about what needs it.
#[test]
fn nothing_is_done_about_what_is_not_known() {
    let desired = super::fixtures::desired(&inputs(LOGGING));
    let nothing = World::default().observe(&desired.reads());
    let mut story = Story::settled(inputs(LOGGING));
    for role in story.world.roles.values_mut() {
        role.inline.clear();
        role.attached.clear();
    }
    story.world.secrets.values_mut().for_each(|secret| secret.versions.clear());
    story.world.definitions.clear();
    let drifted = story.world.observe(&desired.reads());
    for kind in [FailureKind::Denied, FailureKind::Throttled, FailureKind::Transient, FailureKind::Invalid] {
        fn unknown<T>(kind: FailureKind) -> Snapshot<T> {
            Snapshot::Unknown(failure(kind))
        }
        let name = &desired.role.name;
        let blind = RoleSnapshot { role: unknown(kind), inline_policy: unknown(kind), attached: unknown(kind) };
        let all = Observed {
            secrets: nothing.secrets.keys().map(|name| (name.clone(), unknown(kind))).collect(),
            keys: Default::default(),
            roles: [(name.clone(), blind)].into(),
            definition: Some(unknown(kind)),
            ..Observed::default()
        };
        let with_role = |seen: Observed, change: &dyn Fn(&mut RoleSnapshot)| {
            let mut seen = seen;
            seen.roles.values_mut().for_each(change);
            seen
        };
        for seen in [&nothing, &drifted] {
            let seen = || seen.clone();
            let rows: [(&str, Observed, &[&str]); 6] = [
                ("everything", all.clone(), &[]),
                ("secret", Observed { secrets: all.secrets.clone(), ..seen() }, &[]),
                ("role", with_role(seen(), &|role| role.role = unknown(kind)), &["Secret"]),
                ("policy", with_role(seen(), &|role| role.inline_policy = unknown(kind)), &["Secret", "Role"]),
                ("managed policies", with_role(seen(), &|role| role.attached = unknown(kind)), &["Secret", "Role"]),
                ("definition", Observed { definition: all.definition.clone(), ..seen() }, &["Secret", "Role"]),
            ];
            for (what, seen, kinds) in rows {
                let plan = plan::converge(&desired, &seen);
                let exists = seen.roles[name].role.present().is_some();
                if (what == "policy" || what == "managed policies") && !exists {
                    continue; // A role that does not exist has no policies to look at.
                }
                let about: Vec<String> = plan.steps.iter().map(|step| format!("{:?}", step.subject.kind)).collect();
                assert!(about.iter().all(|kind| kinds.contains(&kind.as_str())), "{what}, {kind:?}: {plan}");
                assert!(!plan.held.is_empty(), "{what}, {kind:?}: {plan}");
                let told = plan.to_string();
                assert!(told.contains("AWS says no (request id 00000000-"), "{told}");
            }
        }
    }
}

/// What the spec names and is not there is bad input: it writes nothing, not even what would be right by itself.
#[test]
fn nothing_is_written_while_something_named_is_missing() {
    let spec = "
credentials: [{secretRef: {name: regcred}}, {registry: quay.io, secretArn: gone}]
ecs: {containerDefinitions: [{name: a, image: registry.example.com/x:1}, {name: b, image: quay.io/x:1}]}";
    let mut story = Story::new(inputs(spec));
    let plan = story.plan();
    assert_eq!((steps(&plan), plan.held.len()), (vec![], 3), "{plan}");
    story.pass();
    assert_eq!(story.world, World::default());
    let role = "executionRole: {arn: 'arn:aws:iam::111122223333:role/path/existing'}";
    let limits = "{existingRoles: ['arn:aws:iam::111122223333:role/*']}";
    let mut story = Story::new(super::fixtures::fenced(inputs(&format!("{LOGGING}{role}")), limits));
    for path in [None, Some("/"), Some("/other/")] {
        let arn = |path| format!("arn:aws:iam::111122223333:role{path}existing");
        let seen = |path| wharfinger::resource::role::ObservedRole {
            arn: arn(path),
            trust: json!({}),
            tags: Tags::new(),
            ..Default::default()
        };
        let role = |path| super::world::Role { seen: seen(path), inline: Default::default(), attached: Default::default() };
        story.world.roles = path.map(|path| ("existing".to_owned(), role(path))).into_iter().collect();
        let plan = story.plan();
        assert_eq!(
            steps(&plan),
            Vec::<String>::new(),
            "{path:?}: a role of that name under another path is another role: {plan}"
        );
    }
}

/// `render` shows what would be sent to an empty account, without looking.
#[test]
fn what_is_only_imagined_can_be_planned() {
    let desired = super::fixtures::desired(&inputs(LOGGING));
    let plan = plan::converge(&desired, &plan::imagined(&desired));
    assert_eq!(holds(&plan), []);
    assert!(steps(&plan).contains(&"RegisterDefinition".to_owned()), "{plan}");
}

#[test]
fn a_plan_is_in_the_order_in_which_things_need_each_other() {
    let plan = Story::new(inputs(LOGGING)).plan();
    let kinds: Vec<String> = plan.steps.iter().map(|step| format!("{:?}", step.subject.kind)).collect();
    assert_eq!(kinds, ["Secret", "Role", "Role", "Role", "Definition"]);
    let policy = &plan.steps[3];
    assert!(policy.after.contains(&plan.steps[0].subject) && policy.after.contains(&plan.steps[1].subject), "{policy:?}");
    assert_eq!(plan.steps[4].after, [plan.steps[0].subject.clone(), plan.steps[1].subject.clone()]);
    assert_eq!(plan.steps[1].after, [], "a role needs no secret");
}
