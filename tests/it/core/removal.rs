//! What goes with a workload, and what stays.

use super::fixtures::{API, basic, inputs, workload};
use super::story::{Story, holds, steps};
use super::world::{World, failure};
use serde_json::json;
use wharfinger::api::PrivateImageWorkload;
use wharfinger::failure::FailureKind;
use wharfinger::inputs::Source;
use wharfinger::plan::Action;
use wharfinger::resource::tags::OWNER;

const LOGGING: &str = "
image: registry.example.com/payments/api:1.4.2
credentials: [{secretRef: {name: regcred}}]
ecs: {containerDefinitions: [{name: api, logConfiguration: {logDriver: awslogs}}]}
";

/// A story and a second workload that uses the same Secret, settled too.
fn with_neighbour(spec: &str) -> (Story, PrivateImageWorkload) {
    let mut neighbour = Story::new(inputs(spec));
    neighbour.inputs.workload = workload("web", spec);
    neighbour.settle();
    let mut story = Story::new(inputs(API));
    story.world = neighbour.world.clone();
    story.inputs.siblings = vec![neighbour.inputs.workload.clone().into()];
    story.settle();
    (story, neighbour.inputs.workload)
}

fn is_empty(world: &World) -> bool {
    world.roles.is_empty() && world.definitions.is_empty() && world.secrets.values().all(|secret| secret.scheduled_for_deletion)
}

#[test]
fn the_last_workload_takes_everything_along_in_the_reverse_order() {
    let mut story = Story::settled(inputs(LOGGING));
    story.respec(&LOGGING.replace("1.4.2", "1.4.3"));
    story.settle();
    let plan = story.remove();
    let all =
        ["DeregisterDefinition", "DeregisterDefinition", "DeleteRolePolicy", "DetachRolePolicy", "DeleteRole", "DeleteSecret"];
    assert_eq!(steps(&plan), all);
    assert!(is_empty(&story.world), "{:?}", story.world);
    for later in plan.steps.iter().skip(2) {
        assert!(later.after.iter().any(|subject| subject.name == "payments_api"), "{later:?} waits for the definitions");
    }
}

#[test]
fn the_recovery_window_is_the_specs() {
    for (line, expected) in [("", 7), ("recoveryWindowInDays: 30", 30)] {
        let story = Story::settled(inputs(&format!("{API}{line}")));
        let plan = story.removal();
        let days = plan.steps.iter().find_map(|step| match step.action {
            Action::DeleteSecret { recovery_window_in_days, .. } => Some(recovery_window_in_days),
            _ => None,
        });
        assert_eq!(days, Some(expected));
    }
}

#[test]
fn what_is_shared_stays_until_the_last_goes() {
    let (mut story, _) = with_neighbour(API);
    assert_eq!(story.world.secrets.len(), 1, "one secret for both");
    let policy = story.world.roles["wharfinger_payments"].inline.clone();
    let plan = story.remove();
    assert_eq!(steps(&plan), ["DeregisterDefinition"]);
    assert!(plan.notes.join("\n").contains("PrivateImageWorkload/web uses it"), "{plan}");
    assert_eq!(story.world.roles["wharfinger_payments"].inline, policy);
    assert_eq!(story.world.definitions.keys().collect::<Vec<_>>(), ["payments_web"]);
}

#[test]
fn a_shared_role_is_narrowed() {
    let second = API.replace("regcred", "second");
    let mut story = Story::new(inputs(&second));
    story.inputs.workload = workload("web", &second);
    story.inputs.sources.insert("second".into(), super::fixtures::docker(&[("registry.example.com", "b", "2")]));
    story.settle();
    let neighbour = story.inputs.workload.clone();
    story.inputs.workload = workload("api", API);
    story.inputs.siblings = vec![neighbour.into()];
    story.settle();
    let plan = story.remove();
    assert_eq!(steps(&plan), ["DeregisterDefinition", "PutRolePolicy", "DeleteSecret"]);
    let policy = story.world.roles["wharfinger_payments"].inline.values().next().unwrap().to_string();
    assert!(policy.contains("/second/") && !policy.contains("/regcred/"), "{policy}");
}

#[test]
fn who_else_counts() {
    type Change = fn(&mut PrivateImageWorkload);
    let rows: [(&str, Change, bool); 6] = [
        ("a neighbour", |_| {}, true),
        (
            "one that is going too",
            |it| it.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap(),
            false,
        ),
        ("one that had no pass yet", |it| it.status = None, true),
        (
            "one in another Region",
            |it| {
                it.spec.region = Some("us-east-1".into());
                it.status = None;
            },
            false,
        ),
        (
            "one that is pinned to another Region",
            |it| it.status.as_mut().unwrap().target.as_mut().unwrap().region = "us-east-1".into(),
            false,
        ),
        (
            "one of another account",
            |it| it.status.as_mut().unwrap().target.as_mut().unwrap().account_id = "210987654321".into(),
            false,
        ),
    ];
    for (what, change, stays) in rows {
        let (mut story, mut neighbour) = with_neighbour(API);
        change(&mut neighbour);
        story.inputs.siblings = vec![neighbour.into()];
        assert_eq!(!steps(&story.removal()).contains(&"DeleteSecret".to_owned()), stays, "{what}: {}", story.removal());
    }
}

#[test]
fn retain_leaves_everything() {
    let mut story = Story::settled(inputs(&format!("{API}deletionPolicy: Retain")));
    let before = story.world.clone();
    let plan = story.remove();
    assert!(plan.is_converged() && plan.notes.join(" ").contains("Retain"), "{plan}");
    assert_eq!(story.world, before);
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let mut story = Story::settled(inputs(LOGGING));
    story.world.secrets.values_mut().for_each(|secret| drop(secret.tags.insert(OWNER.into(), "Secret/other".into())));
    story.world.roles.values_mut().for_each(|role| drop(role.seen.tags.insert(OWNER.into(), "Namespace/other".into())));
    story.world.definitions.values_mut().flatten().for_each(|it| it.tags.clear());
    let before = story.world.clone();
    let plan = story.remove();
    assert_eq!(steps(&plan), Vec::<String>::new());
    assert_eq!(plan.notes.iter().filter(|note| note.contains("is left alone")).count(), 3, "{plan}");
    assert_eq!(story.world, before);
}

#[test]
fn an_existing_role_keeps_all_but_our_policy() {
    let role = "arn:aws:iam::111122223333:role/existing";
    let spec = format!("{API}executionRole: {{arn: '{role}'}}");
    let mut story = Story::new(super::fixtures::fenced(inputs(&spec), &format!("{{existingRoles: ['{role}']}}")));
    let seen = wharfinger::resource::role::ObservedRole {
        arn: role.into(),
        trust: json!({}),
        tags: Default::default(),
        ..Default::default()
    };
    let inline = [("theirs".to_owned(), json!({}))].into();
    let attached = ["arn:aws:iam::aws:policy/x".to_owned()].into();
    story.world.roles.insert("existing".into(), super::world::Role { seen, inline, attached });
    let before = story.world.roles.clone();
    assert_eq!(
        steps(&story.plan()),
        ["CreateSecret", "PutRolePolicy", "RegisterDefinition"],
        "its trust and tags are its owner's"
    );
    story.settle();
    let plan = story.remove();
    assert_eq!(steps(&plan), ["DeregisterDefinition", "DeleteRolePolicy", "DeleteSecret"]);
    assert_eq!(story.world.roles, before);
}

#[test]
fn nothing_goes_that_cannot_be_seen() {
    let mut story = Story::settled(inputs(API));
    story.world.blind = Some(failure(FailureKind::Denied));
    let plan = story.removal();
    assert_eq!((steps(&plan), holds(&plan)), (vec![], vec![("Definition".to_owned(), "Unobserved".to_owned())]), "{plan}");
}

/// The source Secret, the spec and even the status may be gone or broken: names follow from what is left.
#[test]
fn a_removal_needs_little() {
    let full = Story::settled(inputs(API));
    let rows: [(&str, fn(&mut Story)); 6] = [
        ("no Secret", |story| drop(story.inputs.sources.insert("regcred".into(), Source::Missing))),
        ("a Secret without the entry", |story| drop(story.inputs.sources.insert("regcred".into(), super::fixtures::docker(&[])))),
        ("no status", |story| story.inputs.workload.status = None),
        ("no credentials", |story| story.inputs.workload.spec.credentials.clear()),
        ("another image", |story| story.inputs.workload.spec.image = Some("not an image:::".into())),
        ("other credentials", |story| {
            story.inputs.workload.spec.credentials[0].secret_ref.as_mut().unwrap().name = "other".into();
        }),
    ];
    for (what, change) in rows {
        let mut story = Story::new(full.inputs.clone());
        story.world = full.world.clone();
        change(&mut story);
        drop(story.remove());
        assert!(is_empty(&story.world), "{what}: {:?}", story.world);
    }
}

/// Killed after any write of its creation, before a status was written, and deleted then.
#[test]
fn what_a_crash_left_behind_is_found() {
    for (what, source) in [("as before", None), ("gone", Some(Source::Missing))] {
        for writes in 0..=5 {
            let mut story = Story::new(inputs(LOGGING));
            story.crash_after(writes);
            story.inputs.sources.extend(source.clone().map(|source| ("regcred".to_owned(), source)));
            drop(story.remove());
            assert!(is_empty(&story.world), "after {writes} writes, the Secret {what}: {:?}", story.world);
        }
    }
}

#[test]
fn a_secret_of_any_shape_is_found_again() {
    let spec = |image: &str, key: &str| {
        format!("image: '{image}'\ncredentials: [{{secretRef: {{name: s}}{key}}}]\necs: {{containerDefinitions: [{{name: a}}]}}")
    };
    for (image, key) in [
        ("registry.example.com:5000/x:1", ""),
        ("ghcr.io/acme/x:1", ""),
        ("registry.example.com/under_score/x:1", ""),
        ("registry.example.com/x:1", ", kmsKey: alias/x"),
    ] {
        let mut story = Story::new(super::fixtures::fenced(inputs(&spec(image, key)), "{kmsKeys: [alias/x]}"));
        story
            .world
            .keys
            .insert("alias/x".into(), "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".into());
        story.inputs.sources.insert("s".into(), basic("x"));
        story.settle();
        story.inputs.workload.status = None;
        story.inputs.workload.spec.credentials.clear();
        story.inputs.workload.spec.image = None;
        story.inputs.sources.clear();
        drop(story.remove());
        assert!(is_empty(&story.world), "{image}: only the revisions still name it: {:?}", story.world);
    }
}

#[test]
fn removed_and_made_again_at_once() {
    let mut story = Story::settled(inputs(API));
    drop(story.remove());
    story.inputs.workload.status = None;
    assert_eq!(steps(&story.plan()), ["RestoreSecret", "CreateRole", "PutRolePolicy", "RegisterDefinition"]);
    story.settle();
    assert_eq!(story.fault("Ready"), None);
    assert_eq!(story.status().definition.as_ref().unwrap().revision, 2, "revisions are not counted anew");
}

/// The command line sees only its files. Others may use the role, and it cannot know.
#[test]
fn without_a_complete_list_nothing_goes_that_others_may_need() {
    let (mut story, _) = with_neighbour(API);
    story.inputs.siblings.clear();
    story.inputs.siblings_complete = false;
    let plan = story.removal();
    assert!(steps(&plan).contains(&"DeregisterDefinition".to_owned()));
    let mut alone = Story::settled(inputs(API));
    alone.inputs.siblings_complete = false;
    let role = alone.role();
    let policy = alone.world.roles.get_mut(&role).unwrap().inline.values_mut().next().unwrap();
    policy["Statement"][0]["Resource"] = json!(["arn:aws:secretsmanager:eu-west-1:111122223333:secret:other-AbCdEf"]);
    assert!(!steps(&alone.removal()).contains(&"DeleteRole".to_owned()), "it grants what is not ours to take");
    *alone.world.roles.get_mut(&role).unwrap().inline.values_mut().next().unwrap() = json!({"Statement": "?"});
    assert!(!steps(&alone.removal()).contains(&"DeleteRole".to_owned()), "who knows what it grants");
}

/// Definitions of the namespace that no workload known here leads to: files that were applied apart may use what is shared.
#[test]
fn strangers_keep_what_they_may_use() {
    let mut story = Story::settled(inputs(LOGGING));
    let target = wharfinger::target::choose(&story.inputs.claim()).unwrap();
    let (prefix, known) = wharfinger::desired::known_definitions(&story.inputs, &target);
    assert_eq!(prefix, "payments_", "every definition of the namespace begins so, and none of another");
    assert!(known.iter().all(|name| name == "payments_api"), "{known:?}");
    story.inputs.siblings_complete = false;
    story.inputs.strangers = vec!["payments_web".into()];
    let plan = story.remove();
    assert_eq!(story.world.definitions.len(), 0);
    assert_eq!(story.world.roles.len(), 1, "{plan}");
    assert!(!story.world.secrets.values().any(|secret| secret.scheduled_for_deletion), "{plan}");
    assert!(plan.notes.join("\n").contains("payments_web uses it"), "{plan}");
}
