//! What earlier passes left: it is neither lost, nor ended while something needs it, whatever statuses say.

use super::fixtures::{API, docker, fenced, inputs};
use super::revisions::{BATCH, arn, copy_by_hand, granted, with};
use super::story::{Story, holds, steps};
use serde_json::json;
use wharfinger::failure::FailureKind;
use wharfinger::plan::Action;
use wharfinger::status::{goes_on, has_leftovers};

/// Two roles of one name cannot be: under a new path it is the same name, and the one in use.
#[test]
fn a_role_that_moved_to_another_path_is_not_taken_for_a_former_one() {
    let mut story = Story::settled(inputs(API));
    let status = story.inputs.workload.status.as_mut().unwrap();
    status.former_roles = vec!["arn:aws:iam::111122223333:role/old/wharfinger_payments".into()];
    story.settle();
    assert_eq!(story.world.roles.len(), 1);
    assert_eq!(granted(&story).secrets().len(), 1);
}

/// A role that was made and named by no revision is not forgotten while something else goes on.
#[test]
fn a_role_that_no_revision_ever_named_goes_too() {
    let role = |name: &str| with(API, &format!("revisionHistoryLimit: 0\nexecutionRole: {{name: wharfinger_payments_{name}}}"));
    let mut story = Story::settled(inputs(&role("a")));
    story.respec(&role("b"));
    // The role and its policy are made, the registration fails.
    story.world.fault = Some((story.world.writes + 2, FailureKind::Throttled, false));
    story.pass();
    assert_eq!(story.world.roles.len(), 2);
    story.respec(&role("c"));
    story.settle();
    assert_eq!(story.world.roles.keys().collect::<Vec<_>>(), ["wharfinger_payments_c"]);
    assert_eq!(story.status().former_roles, [] as [&str; 0]);
}

/// A removal takes away and gives nothing, whatever statuses say.
#[test]
fn a_forged_former_role_is_given_nothing() {
    let foreign = "arn:aws:iam::111122223333:role/Foreign".to_owned();
    let mut story = Story::settled(inputs(API));
    let mut sibling = story.inputs.workload.clone();
    sibling.metadata.name = Some("web".into());
    sibling.status.as_mut().unwrap().former_roles = vec![foreign.clone()];
    story.inputs.siblings = vec![sibling.into()];
    story.inputs.workload.status.as_mut().unwrap().former_roles = vec![foreign.clone()];
    let seen = wharfinger::resource::role::ObservedRole {
        arn: foreign,
        trust: json!({}),
        tags: Default::default(),
        ..Default::default()
    };
    let role = super::world::Role { seen, inline: Default::default(), attached: Default::default() };
    story.world.roles.insert("Foreign".into(), role.clone());
    story.settle();
    assert_eq!(story.world.roles["Foreign"], role);
    let _ = story.remove();
    assert_eq!(story.world.roles["Foreign"], role);
}

/// Another workload names our secret by its ARN.
#[test]
fn a_secret_that_another_names_by_its_arn_stays() {
    let mut story = Story::settled(inputs(API));
    let arn = story.status().secrets[0].arn.clone();
    for (settled, named) in [(true, true), (false, true), (true, false)] {
        let spec = format!(
            "image: registry.example.com/x:1\ncredentials: [{{secretArn: '{arn}'}}]\necs: {{containerDefinitions: [{{name: a, memory: 64}}]}}"
        );
        let mut neighbour = Story::new(inputs(&spec));
        neighbour.inputs.workload = super::fixtures::workload("web", &spec);
        neighbour.world = story.world.clone();
        if settled {
            neighbour.settle();
        }
        if !named {
            neighbour.inputs.workload.spec.credentials.clear(); // its status still knows it
        }
        story.inputs.siblings = vec![neighbour.inputs.workload.clone().into()];
        let calls = steps(&story.removal());
        assert!(!calls.contains(&"DeleteSecret".to_owned()), "settled: {settled}, named: {named}: {calls:?}");
    }
}

/// Deregistered by hand while a service runs it: AWS keeps it working, and it needs its secret.
#[test]
fn what_was_deregistered_by_hand_and_is_used_keeps_what_it_needs() {
    let second = with(&API.replace("regcred", "second"), "revisionHistoryLimit: 0");
    let mut story = Story::settled(inputs(API));
    let deregister = |story: &mut Story, revision: usize| {
        let action = Action::DeregisterDefinition {
            kind: wharfinger::resource::normalise::DefinitionKind::TaskDefinition,
            arn: arn(revision),
        };
        let mut plan = wharfinger::plan::Plan::default();
        plan.steps.push(wharfinger::plan::Step {
            subject: wharfinger::plan::Subject::definition("payments_api"),
            action,
            after: vec![],
            reason: String::new(),
            changes: vec![],
        });
        story.world.apply(&plan, 1);
    };
    story.world.usage.insert(arn(1), vec!["service prod/api".into()]);
    deregister(&mut story, 1);
    story.inputs.sources.insert("second".into(), docker(&[("registry.example.com", "b", "2")]));
    story.respec(&second);
    for _ in 0..4 {
        story.pass();
    }
    assert_eq!(granted(&story).secrets().len(), 2, "{:?}", story.status());
    assert!(story.world.secrets.values().all(|secret| !secret.scheduled_for_deletion));
    let plan = story.removal();
    assert!(holds(&plan).contains(&("Definition".to_owned(), "InUse".to_owned())), "{plan}");
    assert!(plan.to_string().contains("is deregistered and still used by service prod/api"), "{plan}");
    story.world.usage.clear();
    story.pass();
    story.settle();
    assert_eq!(granted(&story).secrets().len(), 1);
    let _ = story.remove();
}

/// Batch has no deletion of revisions: what is deregistered is done.
#[test]
fn a_retired_job_definition_is_done_when_it_is_deregistered() {
    for (from, to) in [(BATCH, API), (API, BATCH)] {
        let more = "revisionHistoryLimit: 0\nretiredRevisions: Delete";
        let mut story = Story::settled(inputs(&with(from, more)));
        story.respec(&with(to, more));
        story.settle();
        assert!(!has_leftovers(&story.inputs.workload, story.status()), "{:?}", story.status().older_revisions);
        let left: Vec<&str> = story.world.retired.iter().map(|it| it.arn.split(':').nth(2).unwrap()).collect();
        assert!(!left.contains(&"ecs"), "what can be deleted is: {left:?}");
    }
}

/// With no status, as on the command line, a copy with another image is not taken for ours because it copies the tag.
#[test]
fn a_copied_hash_is_not_believed_without_a_status() {
    let mut story = Story::settled(inputs(API));
    copy_by_hand(&mut story);
    story.inputs.workload.status = None;
    assert_eq!(steps(&story.plan()), ["RegisterDefinition"]);
    // A default that this version does not know is no such thing.
    story.world.definitions.get_mut("payments_api").unwrap().pop();
    story.world.definitions.get_mut("payments_api").unwrap()[0].content["newDefault"] = json!(true);
    assert!(story.plan().is_converged(), "{}", story.plan());
}

/// A status that was lost takes no grant away from revisions that are still registered.
#[test]
fn a_lost_status_takes_nothing_from_older_revisions() {
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let spec = API.replace("{name: regcred}}", "{name: regcred}, kmsKey: alias/x}");
    let mut story = Story::new(fenced(inputs(&spec), "{kmsKeys: ['arn:aws:kms:eu-west-1:111122223333:key/*', alias/x]}"));
    story.world.keys.insert("alias/x".into(), key.into());
    story.settle();
    story.inputs.sources.insert("second".into(), docker(&[("registry.example.com", "b", "2")]));
    story.respec(&API.replace("regcred", "second"));
    story.settle();
    story.inputs.workload.status = None;
    story.settle();
    assert_eq!(granted(&story).secrets().len(), 2);
    assert_eq!(granted(&story).keys(), [key.to_owned()].into(), "nor the use of its key");
    story.inputs.workload.spec.revision_history_limit = Some(0);
    story.settle();
    assert_eq!(granted(&story).secrets().len(), 1);
    let live = story.world.secrets.values().filter(|secret| !secret.scheduled_for_deletion).count();
    assert_eq!(live, 1, "and what nobody needs any more goes");
}

/// The pass that replaces the last revision finds no status: nothing is taken from that revision, then or later.
#[test]
fn a_lost_status_takes_nothing_from_the_revision_that_is_replaced() {
    let mut story = Story::settled(inputs(API));
    story.inputs.sources.insert("second".into(), docker(&[("registry.example.com", "b", "2")]));
    story.inputs.workload.status = None;
    story.respec(&API.replace("regcred", "second"));
    for _ in 0..3 {
        story.pass();
        assert_eq!(granted(&story).secrets().len(), 2, "{:?}", story.status());
    }
    story.inputs.workload.spec.revision_history_limit = Some(0);
    story.settle();
    assert_eq!(granted(&story).secrets().len(), 1);
}

/// What is past and cannot be ended is told, and makes nothing unready.
#[test]
fn a_former_role_that_cannot_go_makes_nothing_unready() {
    let mut story = Story::settled(inputs(API));
    story.respec(&with(API, "revisionHistoryLimit: 0\nexecutionRole: {name: wharfinger_payments_b}"));
    story.pass();
    story.pass();
    story.world.fault = Some((story.world.writes, FailureKind::Denied, false));
    story.pass();
    assert_eq!(story.fault("Ready"), None);
    assert!(story.status().warnings.join("\n").contains("could not be ended"), "{:?}", story.status().warnings);
    assert_eq!(story.status().former_roles.len(), 1, "it is not forgotten");
    story.settle();
    assert_eq!(story.world.roles.len(), 1);
}

/// Killed after the write that retired a revision: the next pass writes nothing, sees that it is gone, and goes on at once.
#[test]
fn a_retirement_that_was_cut_off_goes_on() {
    let mut story = Story::settled(inputs(API));
    story.respec(&with(API, "revisionHistoryLimit: 0\nexecutionRole: {name: wharfinger_payments_b}"));
    story.pass();
    story.crash_after(1);
    let before = story.inputs.workload.clone();
    assert!(story.plan().is_converged(), "{}", story.plan());
    story.pass();
    assert!(goes_on(&before, story.status(), false), "{:?}", story.status());
    let before = story.inputs.workload.clone();
    assert!(!goes_on(&before, story.status(), false), "but not when nothing moves");
    story.settle();
    assert_eq!(story.world.roles.len(), 1);
}
