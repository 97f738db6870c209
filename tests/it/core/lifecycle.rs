//! Lives of a workload: values that come and go and come back, crashes, lost answers, faults, waiting.

use super::fixtures::{API, PASSWORD, docker, inputs};
use super::story::{Story, steps};
use super::world::{World, failure};
use wharfinger::failure::FailureKind;
use wharfinger::inputs::Source;
use wharfinger::plan::Action;
use wharfinger::status::Reason;

const LOGGING: &str = "
image: registry.example.com/payments/api:1.4.2
credentials: [{secretRef: {name: regcred}}]
ecs: {containerDefinitions: [{name: api, logConfiguration: {logDriver: awslogs}}]}
";

fn set_password(story: &mut Story, password: &str) {
    story.inputs.sources.insert("regcred".into(), docker(&[("registry.example.com", "puller", password)]));
}

#[test]
fn a_password_change_is_one_write_and_so_is_the_way_back() {
    let mut story = Story::settled(inputs(API));
    let version = |story: &Story| story.world.secrets.values().next().unwrap().current().unwrap().to_owned();
    let first = version(&story);
    set_password(&mut story, "b");
    assert_eq!(steps(&story.plan()), ["PutSecretValue"]);
    assert_eq!(story.settle(), 1);
    assert_ne!(version(&story), first);
    set_password(&mut story, PASSWORD);
    let plan = story.plan();
    let Action::UpdateSecretVersionStage { move_to, remove_from, .. } = &plan.steps[0].action else { panic!("{plan}") };
    assert_eq!((move_to, remove_from), (&first, &Some(version(&story))), "AWSCURRENT is moved from the one to the other");
    assert_eq!(story.settle(), 1);
    assert_eq!(version(&story), first);
    for password in ["c", "d", PASSWORD] {
        set_password(&mut story, password);
        assert_eq!(steps(&story.plan()), ["PutSecretValue"], "{password}: a version without a label may be gone at any time");
        assert_eq!(story.settle(), 1);
    }
}

#[test]
fn an_image_change_is_one_revision() {
    let mut story = Story::settled(inputs(LOGGING));
    story.respec(&LOGGING.replace("1.4.2", "1.4.3"));
    assert_eq!(steps(&story.plan()), ["RegisterDefinition"]);
    assert_eq!(story.settle(), 1);
    assert_eq!(story.status().definition.as_ref().unwrap().revision, 2);
}

/// The process is gone after any write, before it could report: the next one ends where an undisturbed one would have.
#[test]
fn a_crash_between_any_two_writes_leaves_no_trace() {
    let undisturbed = Story::settled(inputs(LOGGING)).world;
    for writes in 0..=5 {
        let mut story = Story::new(inputs(LOGGING));
        story.crash_after(writes);
        story.settle();
        assert_eq!(story.world.essence(), undisturbed.essence(), "after {writes} writes");
        assert_eq!(story.world.writes, 5, "no write is made twice");
    }
    for writes in 0..=2 {
        let mut story = Story::settled(inputs(LOGGING));
        set_password(&mut story, "b");
        story.respec(&LOGGING.replace("1.4.2", "1.4.3"));
        story.crash_after(writes);
        story.settle();
        assert_eq!(story.world.definitions["payments_api"].len(), 2, "after {writes} writes of an update");
        assert_eq!(story.world.writes, 7);
    }
}

/// The answer of any write is lost, though it happened.
#[test]
fn a_lost_answer_is_looked_up() {
    let undisturbed = Story::settled(inputs(LOGGING)).world;
    for number in 0..5 {
        let mut story = Story::new(inputs(LOGGING));
        story.world.fault = Some((number, FailureKind::Transient, true));
        story.pass();
        assert_eq!(story.fault("Ready").unwrap().0, "AwsUnavailable", "write {number}");
        story.settle();
        assert_eq!(story.world.writes, 5, "write {number} is not repeated");
        assert_eq!(story.world.essence(), undisturbed.essence(), "write {number}");
    }
}

/// Any write is refused: the condition says by what, what does not need it is done, and then it goes on.
#[test]
fn a_failed_write_stops_only_what_needs_it() {
    let parts = ["CredentialsSynced", "ExecutionRoleReady", "ExecutionRoleReady", "ExecutionRoleReady", "DefinitionRegistered"];
    let kinds = [
        (FailureKind::Denied, "AccessDenied"),
        (FailureKind::Throttled, "Throttled"),
        (FailureKind::Transient, "AwsUnavailable"),
        (FailureKind::Invalid, "RefusedByAws"),
        (FailureKind::QuotaExceeded, "QuotaExceeded"),
        (FailureKind::Conflict, "Progressing"),
    ];
    for (number, part) in parts.iter().enumerate() {
        for (kind, reason) in kinds {
            let mut story = Story::new(inputs(LOGGING));
            story.world.fault = Some((number, kind, false));
            story.pass();
            let (found, message) = story.fault(part).unwrap_or_else(|| panic!("write {number}: {part} is true"));
            assert_eq!(found, reason, "write {number}");
            assert!(message.contains("AnyService:AnyOperation failed") && message.contains("request id"), "{message}");
            assert_eq!(story.fault("Ready").unwrap().0, reason);
            let registered = !story.world.definitions.is_empty();
            assert!(!registered, "write {number}: nothing is registered that could not pull");
            if number == 0 {
                assert!(!story.world.roles.is_empty(), "the role does not wait for the secret");
            }
            story.settle();
            assert_eq!(story.fault("Ready"), None);
        }
    }
}

#[test]
fn a_secret_that_is_missing_is_waited_for() {
    let mut story = Story::new(inputs(API));
    story.inputs.sources.insert("regcred".into(), Source::Missing);
    story.pass();
    assert_eq!(story.fault("Ready").unwrap().0, Reason::SecretSourceMissing.to_string());
    assert!(wharfinger::status::find(story.status(), "Reconciling").is_some(), "nobody has to touch the workload");
    assert_eq!(story.world.writes, 0);
    story.inputs.sources.insert("regcred".into(), docker(&[("registry.example.com", "a", "b")]));
    story.settle();
    assert_eq!(story.fault("Ready"), None);
    story.inputs.sources.remove("regcred");
    story.pass();
    assert_eq!(story.fault("Ready").unwrap().0, Reason::SecretSourceMissing.to_string());
    assert!(story.status().definition.is_some(), "what is there stays, and stays known");
    assert_eq!(story.world.writes, 4);
}

#[test]
fn observing_writes_nothing_and_tells_all() {
    let mut story = Story::new(inputs(&format!("{API}managementPolicy: Observe")));
    story.pass();
    assert_eq!(story.world, World::default());
    let (reason, message) = story.fault("Ready").unwrap();
    assert_eq!(reason, "DriftDetected");
    assert!(message.contains("managementPolicy is Observe"), "{message}");
    let plan = story.status().plan.clone().unwrap();
    for expected in ["+ create secret", "+ create role", "~ set policy of role", "+ register definition payments_api"] {
        assert!(plan.contains(expected), "{plan}");
    }
    assert_eq!(story.status().target, None, "it is pinned by the first pass that may write");

    let mut converged = Story::settled(inputs(API));
    converged.respec(&format!("{API}managementPolicy: Observe"));
    converged.pass();
    assert_eq!((converged.fault("Ready"), &converged.status().plan), (None, &None));
}

#[test]
fn a_suspended_workload_is_left_alone_and_goes_on() {
    let mut story = Story::settled(inputs(API));
    story.world.definitions.clear();
    let before = story.world.clone();
    story.respec(&format!("{API}suspend: true"));
    story.pass();
    assert_eq!(story.world, before);
    assert_eq!(story.fault("Ready").unwrap().0, "Suspended");
    assert_eq!(story.fault("DefinitionRegistered"), None, "as it was last known");
    story.respec(API);
    assert_eq!(story.settle(), 1);
}

#[test]
fn what_cannot_be_seen_is_told_and_not_touched() {
    for (kind, reason) in
        [(FailureKind::Denied, "AccessDenied"), (FailureKind::Throttled, "Throttled"), (FailureKind::Transient, "AwsUnavailable")]
    {
        let mut story = Story::settled(inputs(API));
        story.world.blind = Some(failure(kind));
        story.world.definitions.clear();
        let before = story.world.clone();
        story.pass();
        assert_eq!(story.world, before);
        assert_eq!(story.fault("Ready").unwrap().0, reason);
        assert_eq!(story.fault("DefinitionRegistered").unwrap().0, "Progressing", "it waits for the secret");
    }
}

/// The value of a secret can be compared by reading, where the key of its version ids is another one.
#[test]
fn without_the_value_key_a_value_is_compared_by_reading() {
    let mut story = Story::settled(inputs(API));
    story.inputs.compare_values = true;
    let reads = super::fixtures::desired(&story.inputs).reads();
    assert_eq!(reads.compare_values.len(), 1);
    assert!(!format!("{reads:?}").contains(PASSWORD));
    story.world.secrets.values_mut().for_each(|secret| {
        secret.versions = [("another-key".to_owned(), ["AWSCURRENT".to_owned()].into())].into();
        secret.same_value = Some(true);
    });
    assert_eq!(steps(&story.plan()), Vec::<String>::new());
    story.world.secrets.values_mut().for_each(|secret| secret.same_value = Some(false));
    assert_eq!(steps(&story.plan()), ["PutSecretValue"]);
}
