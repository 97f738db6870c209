//! The life of definitions: older revisions are retired when nobody uses them, and what only they needed goes with them; the new
//! is made before the old ends; a deletion waits for what runs.

use super::fixtures::{API, docker, inputs};
use super::story::{Story, holds, steps};
use super::world::failure;
use serde_json::json;
use wharfinger::failure::FailureKind;
use wharfinger::observed::Snapshot;
use wharfinger::pass::Pass;
use wharfinger::plan::Action;
use wharfinger::resource::grants::Grants;
use wharfinger::resource::revision::Family;
use wharfinger::status::has_leftovers;

pub(super) const BATCH: &str = "
image: registry.example.com/payments/api:1.4.2
credentials: [{secretRef: {name: regcred}}]
batch: {containerProperties: {resourceRequirements: [{type: VCPU, value: '1'}, {type: MEMORY, value: '2048'}]}}
";

pub(super) fn with(spec: &str, more: &str) -> String {
    format!("{spec}{more}\n")
}

/// A story that had so many images, one revision each, without the passes that retire.
fn with_images(spec: &str, images: usize) -> Story {
    let mut story = Story::settled(inputs(spec));
    for number in 1..images {
        story.respec(&spec.replace("1.4.2", &format!("1.4.{}", 100 + number)));
        story.pass();
    }
    story
}

pub(super) fn arn(revision: usize) -> String {
    format!("arn:aws:ecs:eu-west-1:111122223333:task-definition/payments_api:{revision}")
}

fn active(story: &Story) -> Vec<i64> {
    story.world.definitions.get("payments_api").into_iter().flatten().map(|it| it.revision).collect()
}

pub(super) fn granted(story: &Story) -> Grants {
    let policies = story.world.roles.values().flat_map(|role| role.inline.values());
    policies.map(|policy| Grants::from_policy(policy).unwrap()).fold(Grants::default(), |all, one| all.union(&one))
}

/// Somebody registers revision 2 out of ours, tags and all, with another image.
pub(super) fn copy_by_hand(story: &mut Story) {
    let all = story.world.definitions.get_mut("payments_api").unwrap();
    let mut by_hand = all[0].clone();
    (by_hand.arn, by_hand.revision) = (arn(2), 2);
    by_hand.content["containerDefinitions"][0]["image"] = json!("registry.example.com/payments/api:by-hand");
    all.push(by_hand);
    story.world.revisions.insert("payments_api".into(), 2);
}

#[test]
fn as_many_older_revisions_stay_as_the_limit_says() {
    let rows = [("", vec![3, 4, 5, 6]), ("revisionHistoryLimit: 1", vec![5, 6]), ("revisionHistoryLimit: 0", vec![6])];
    for (limit, expected) in rows {
        let mut story = with_images(&with(API, limit), 6);
        story.settle();
        assert_eq!(active(&story), expected, "{limit}");
        let recorded: Vec<String> = story.status().older_revisions.iter().flatten().map(|it| it.arn.clone()).collect();
        let older: Vec<String> = expected.iter().rev().skip(1).map(|revision| arn(*revision as usize)).collect();
        assert_eq!(recorded, older, "{limit}: newest first");
        assert!(!has_leftovers(&story.inputs.workload, story.status()));
        assert_eq!(story.settle(), 0, "{limit}: nothing more");
    }
}

#[test]
fn retired_revisions_are_deleted_where_that_is_asked_for_ten_at_a_time() {
    let spec = with(API, "revisionHistoryLimit: 100");
    let mut story = with_images(&spec, 24);
    story.settle();
    story.respec(&with(&API.replace("1.4.2", "1.4.123"), "revisionHistoryLimit: 0\nretiredRevisions: Delete"));
    for (deregistered, left) in [(10, 13), (10, 3), (3, 0)] {
        let calls = steps(&story.plan());
        assert_eq!(
            calls.iter().filter(|call| *call == "DeregisterDefinition").count(),
            deregistered,
            "as many as the rate spares"
        );
        assert_eq!(calls.iter().filter(|call| *call == "DeleteTaskDefinitions").count(), 1, "at most 10 a call");
        story.pass();
        assert_eq!(active(&story).len(), left + 1);
    }
    story.settle();
    assert_eq!((active(&story), story.world.retired.len()), (vec![24], 0));
    // Killed after the deregistrations: what is deregistered is still deleted.
    let mut story = with_images(&spec, 3);
    story.settle();
    story.respec(&with(&API.replace("1.4.2", "1.4.102"), "revisionHistoryLimit: 0\nretiredRevisions: Delete"));
    story.crash_after(2);
    assert_eq!(story.world.retired.len(), 2);
    story.settle();
    assert_eq!((active(&story), story.world.retired.len()), (vec![3], 0));
}

#[test]
fn a_revision_in_use_is_never_retired() {
    let mut story = with_images(&with(API, "revisionHistoryLimit: 0"), 3);
    story.world.usage.insert(arn(1), vec!["service arn:aws:ecs:eu-west-1:111122223333:service/prod/api".into()]);
    story.settle();
    assert_eq!(active(&story), [1, 3]);
    assert_eq!(story.fault("Ready"), None, "nothing waits for it");
    assert!(story.status().warnings.join("\n").contains("is used by service arn:aws:ecs"), "{:?}", story.status().warnings);
    assert!(has_leftovers(&story.inputs.workload, story.status()), "it is looked at again");
    story.world.usage.clear();
    story.settle();
    assert_eq!(active(&story), [3]);
}

/// The oldest come first: as many in use as a pass looks at must not keep the others waiting.
#[test]
fn revisions_in_use_keep_no_others_waiting() {
    let mut story = with_images(&with(API, "revisionHistoryLimit: 0"), 24);
    let used =
        (1..=12).map(|revision| (arn(revision), vec!["service arn:aws:ecs:eu-west-1:111122223333:service/prod/api".into()]));
    story.world.usage.extend(used);
    story.settle();
    assert_eq!(active(&story), (1..=12).chain([24]).collect::<Vec<i64>>());
    assert!(story.status().warnings.join("\n").contains("is used by service arn:aws:ecs"), "{:?}", story.status().warnings);
    story.world.usage.clear();
    story.settle();
    assert_eq!(active(&story), [24]);
}

/// Denied, throttled, failing: not to know who uses a revision means that it is used.
#[test]
fn a_revision_whose_users_cannot_be_seen_stays() {
    for kind in [FailureKind::Denied, FailureKind::Throttled, FailureKind::Transient, FailureKind::Invalid] {
        let story = with_images(&with(API, "revisionHistoryLimit: 0"), 3);
        let desired = super::fixtures::desired(&story.inputs);
        let mut seen = story.world.look(&desired);
        assert_eq!(steps(&wharfinger::plan::converge(&desired, &seen)).len(), 2, "both would go");
        seen.usage.values_mut().for_each(|usage| *usage = Snapshot::Unknown(failure(kind)));
        let plan = wharfinger::plan::converge(&desired, &seen);
        assert!(plan.is_converged(), "{kind:?}: {plan}");
        assert!(plan.to_string().contains("could not be seen"), "{plan}");
    }
}

#[test]
fn what_is_not_tagged_ours_is_never_retired() {
    let mut story = with_images(&with(API, "revisionHistoryLimit: 10"), 3);
    story.world.definitions.get_mut("payments_api").unwrap()[0].tags.clear();
    story.inputs.workload.spec.revision_history_limit = Some(0);
    // A status that somebody forged names somebody else's revision.
    let theirs = arn(9).replace("payments_api", "billing_web");
    let older = story.inputs.workload.status.as_mut().unwrap().older_revisions.as_mut().unwrap();
    older.push(wharfinger::api::RevisionStatus { arn: theirs, execution_role_arn: None, secrets: vec![], needs: vec![] });
    let mut other = story.world.definitions["payments_api"][1].clone();
    (other.arn, other.revision) = (arn(9).replace("payments_api", "billing_web"), 9);
    other.tags.insert(wharfinger::resource::tags::OWNER.into(), "PrivateImageWorkload/web".into());
    story.world.definitions.insert("billing_web".into(), vec![other]);
    story.settle();
    assert_eq!(active(&story), [1, 3], "the one without tags stays");
    assert_eq!(story.world.definitions["billing_web"].len(), 1);
}

#[test]
fn a_lost_history_is_read_from_aws() {
    let mut story = with_images(&with(API, "revisionHistoryLimit: 10"), 5);
    story.inputs.workload.status = None;
    story.inputs.workload.spec.revision_history_limit = Some(1);
    story.settle();
    assert_eq!(active(&story), [4, 5]);
}

#[test]
fn what_only_retired_revisions_needed_goes_with_them() {
    let second = with(&API.replace("regcred", "second"), "revisionHistoryLimit: 1\nexecutionRole: {name: wharfinger_payments_b}");
    let mut story = Story::settled(inputs(API));
    story.inputs.sources.insert("second".into(), docker(&[("registry.example.com", "b", "2")]));
    story.respec(&second);
    story.settle();
    let live = |story: &Story| story.world.secrets.values().filter(|secret| !secret.scheduled_for_deletion).count();
    assert_eq!(
        (live(&story), story.world.roles.len(), granted(&story).secrets().len()),
        (2, 2, 2),
        "the older revision needs them"
    );
    assert_eq!(story.status().former_roles.len(), 1);
    assert_eq!(story.status().secrets.iter().filter(|secret| secret.former).count(), 1);
    story.respec(&second.replace("1.4.2", "1.4.3"));
    story.settle();
    assert_eq!((active(&story), live(&story), story.world.roles.len()), (vec![2, 3], 1, 1));
    assert_eq!(granted(&story).secrets().len(), 1);
    let status = story.status();
    assert_eq!((status.former_roles.len(), status.secrets.len()), (0, 1));
    assert_eq!(story.settle(), 0);
}

/// From ECS to Batch, to another family, to another role and registry: killed at any write, it ends where an undisturbed one does,
/// and at no time is there no registered definition.
#[test]
fn the_new_is_made_before_the_old_is_retired() {
    let changes: [(&str, String); 4] = [
        ("to Batch", BATCH.to_owned()),
        ("another family", API.replace("ecs: {", "ecs: {family: payments_other, ")),
        ("another role", with(API, "executionRole: {name: wharfinger_payments_b}")),
        ("another registry", API.replace("registry.example.com", "ghcr.io")),
    ];
    let start = || {
        let mut story = Story::settled(inputs(&with(API, "revisionHistoryLimit: 0")));
        let both = [("registry.example.com", "puller", "1"), ("ghcr.io", "puller", "2")];
        story.inputs.sources.insert("regcred".into(), docker(&both));
        story.settle();
        story
    };
    for (what, spec) in changes {
        let spec = with(&spec, "revisionHistoryLimit: 0");
        let mut undisturbed = start();
        undisturbed.respec(&spec);
        undisturbed.settle();
        let all: usize = undisturbed.world.definitions.values().map(Vec::len).sum();
        assert_eq!(all, 1, "{what}: {:?}", undisturbed.world.definitions.keys());
        assert_eq!(undisturbed.world.roles.len(), 1, "{what}: {:?}", undisturbed.world.roles.keys());
        let mut ends = undisturbed.world.essence();
        ends.revisions.clear();
        for writes in 0..12 {
            let mut story = start();
            story.respec(&spec);
            let mut left = writes;
            for _ in 0..12 {
                let before = story.world.writes;
                story.crash_after(left);
                left -= (story.world.writes - before).min(left);
                assert!(!story.world.definitions.is_empty(), "{what}, killed after {writes} writes");
                if left == 0 {
                    break;
                }
                story.pass();
            }
            story.settle();
            let mut world = story.world.essence();
            world.revisions.clear();
            assert_eq!(world, ends, "{what}, killed after {writes} writes");
        }
    }
}

#[test]
fn a_deletion_waits_for_what_uses_the_definition() {
    let mut story = with_images(API, 2);
    story.world.usage.insert(arn(2), vec!["task arn:aws:ecs:eu-west-1:111122223333:task/prod/1".into()]);
    let plan = story.removal();
    assert_eq!(steps(&plan), ["DeregisterDefinition"], "the unused one goes");
    assert_eq!(holds(&plan), [("Definition".to_owned(), "InUse".to_owned())]);
    let told = plan.to_string();
    assert!(told.contains("task/prod/1") && told.contains("force-delete=true"), "{told}");
    story.world.apply(&plan, usize::MAX);
    assert_eq!((active(&story), story.world.roles.len()), (vec![2], 1), "secret and grant stay, too");
    story.inputs.workload.metadata.annotations = Some([("wharfinger.dev/force-delete".to_owned(), "true".to_owned())].into());
    let _ = story.remove();
    assert!(story.world.definitions.is_empty() && story.world.roles.is_empty());
}

#[test]
fn a_deletion_ends_the_revisions_of_both_services_and_of_every_family() {
    let mut story = with_images(API, 2);
    story.respec(BATCH);
    story.pass();
    assert!(matches!(story.pass(), Pass::Done(_)));
    story.world.usage.insert(arn(1), vec!["task x".into()]);
    story.pass();
    story.world.usage.clear();
    // The status forgets that there was ever something in ECS.
    story.inputs.workload.status.as_mut().unwrap().older_revisions = None;
    let _ = story.remove();
    assert!(story.world.definitions.is_empty(), "{:?}", story.world.definitions);
}

/// Somebody registers a newer revision out of ours, tags and all. It is told, and not fought.
#[test]
fn a_foreign_revision_is_reported_and_never_fought() {
    let mut story = Story::settled(inputs(API));
    copy_by_hand(&mut story);
    for _ in 0..3 {
        assert!(story.plan().is_converged(), "{}", story.plan());
        story.pass();
    }
    let status = story.status();
    assert_eq!(status.definition.as_ref().map(|it| it.arn.clone()), Some(arn(1)), "ours goes on to count");
    let condition = wharfinger::status::find(status, "DefinitionRegistered").unwrap();
    assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("True", "ForeignRevision"));
    assert!(condition.message.contains(&arn(2)), "{}", condition.message);
    assert_eq!(story.fault("Ready"), None);
    // The next change of the spec is a revision above it, and theirs is still not touched.
    story.respec(&with(&API.replace("1.4.2", "1.4.3"), "revisionHistoryLimit: 0"));
    story.settle();
    assert_eq!(story.status().definition.as_ref().map(|it| it.revision), Some(3));
    assert_eq!(active(&story), [2, 3]);
}

/// DescribeTaskDefinition may go on for a while to call an earlier revision the newest.
#[test]
fn a_stale_answer_makes_no_revision_and_calls_none_foreign() {
    let story = with_images(&with(API, "revisionHistoryLimit: 10"), 2);
    let desired = super::fixtures::desired(&story.inputs);
    let mut observed = story.world.look(&desired);
    let all = &story.world.definitions["payments_api"];
    (observed.definition, observed.recorded) = (Some(Snapshot::Present(all[0].clone())), Some(all[1].clone()));
    assert_eq!(desired.definition.current(&observed).map(|it| it.revision), Some(2));
    assert_eq!(desired.definition.foreign(&observed), None);
    let plan = wharfinger::plan::converge(&desired, &observed);
    assert!(plan.is_converged(), "{plan}");
}

#[test]
fn a_lost_answer_to_a_registration_is_found_by_its_hash() {
    for number in 0..2 {
        let mut story = Story::settled(inputs(API));
        story.respec(&API.replace("1.4.2", "1.4.3"));
        story.world.fault = Some((story.world.writes + number, FailureKind::Transient, true));
        story.settle();
        assert_eq!(active(&story), [1, 2], "registered once");
        let older: Vec<&String> = story.status().older_revisions.iter().flatten().map(|it| &it.arn).collect();
        assert_eq!(older, [&arn(1)]);
    }
}

#[test]
fn a_patch_reaches_the_definition_and_meets_the_fences() {
    let spec = with(API, "definitionPatch: {newField: {a: 1}, cpu: null, containerDefinitions: null}");
    assert!(super::fixtures::resolve(&inputs(&spec)).is_err(), "a patch can break a definition, and that is told");
    let spec = with(API, "definitionPatch: {newField: {a: 1}, cpu: null}");
    let story = Story::settled(inputs(&spec));
    let content = &story.world.definitions["payments_api"][0].content;
    assert_eq!((&content["newField"], content.get("cpu")), (&json!({"a": 1}), None));
    let spec = with(API, "definitionPatch: {taskRoleArn: 'arn:aws:iam::111122223333:role/admin'}");
    let problems = super::fixtures::problems(&inputs(&spec));
    assert!(super::fixtures::told(&problems).contains("limits.taskRoles"), "{}", super::fixtures::told(&problems));
}

#[test]
fn a_family_of_the_specs_own_must_be_admitted() {
    let rows = [("payments_web2", "{}", true), ("shop", "{}", false), ("shop", "{definitionNames: ['shop*']}", true)];
    for (family, limits, admitted) in rows {
        let spec = API.replace("ecs: {", &format!("ecs: {{family: {family}, "));
        let inputs = super::fixtures::fenced(inputs(&spec), limits);
        match super::fixtures::resolve(&inputs) {
            Ok(desired) => {
                assert!(admitted, "{family} {limits}");
                assert_eq!(desired.definition.family(), Family { kind: desired.definition.kind, name: family.into() });
            }
            Err(problems) => assert!(!admitted, "{family} {limits}: {}", super::fixtures::told(&problems)),
        }
    }
}

/// Every write of a retirement may fail: it is told where somebody must act, and nothing waits for it.
#[test]
fn a_failed_retirement_makes_nothing_unready() {
    for (kind, told) in [(FailureKind::Denied, true), (FailureKind::Throttled, false)] {
        let mut story = with_images(&with(API, "revisionHistoryLimit: 0"), 2);
        story.world.fault = Some((story.world.writes, kind, false));
        let pass = story.pass();
        let Pass::Done(round) = &pass else { panic!("{pass:?}") };
        assert!(matches!(round.plan.steps[0].action, Action::DeregisterDefinition { .. }), "{}", round.plan);
        assert_eq!(story.fault("Ready"), None, "{kind:?}");
        assert_eq!(story.status().warnings.join("\n").contains("could not be ended"), told, "{kind:?}");
        story.settle();
        assert_eq!(active(&story), [2]);
    }
}
