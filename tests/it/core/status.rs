//! The status: which condition says what, in which order of urgency, and when nothing changes. The invariants that hold for every
//! status are in `invariants` and checked after every pass of every story.

use super::fixtures::{API, docker, inputs};
use super::story::Story;
use super::world::failure;
use jiff::Timestamp;
use wharfinger::api::{FLUX_REQUESTED_AT, REQUESTED_AT};
use wharfinger::failure::FailureKind;
use wharfinger::inputs::Source;
use wharfinger::pass::Pass;
use wharfinger::problem::Problem;
use wharfinger::status::{READY, RECONCILING, Reason, STALLED, find, held_up, requested_at};

#[test]
fn a_converged_workload_names_what_there_is() {
    let story = Story::settled(inputs(API));
    let status = story.status();
    let message = |condition: &str| find(status, condition).unwrap().message.clone();
    assert_eq!(message("DefinitionRegistered"), "arn:aws:ecs:eu-west-1:111122223333:task-definition/payments_api:1");
    assert_eq!(message("ExecutionRoleReady"), "arn:aws:iam::111122223333:role/wharfinger_payments");
    assert!(message("CredentialsSynced").starts_with("registry.example.com: arn:aws:secretsmanager:"), "{status:#?}");
    assert_eq!(message(READY), "arn:aws:ecs:eu-west-1:111122223333:task-definition/payments_api:1 is registered");
    let secret = &status.secrets[0];
    assert_eq!((secret.registry.as_str(), secret.version_id.as_ref().map(String::len)), ("registry.example.com", Some(64)));
    assert_eq!(status.target.as_ref().unwrap().region, "eu-west-1");
    assert_eq!(status.plan, None);
}

#[test]
fn nothing_changes_when_nothing_changed() {
    let mut story = Story::settled(inputs(API));
    let before = story.status().clone();
    for _ in 0..3 {
        story.pass();
        assert_eq!(*story.status(), before, "hours later, to the byte");
    }
    let mut refused = Story::new(inputs(API));
    refused.inputs.sources.insert("regcred".into(), Source::Missing);
    refused.pass();
    let before = refused.status().clone();
    refused.pass();
    assert_eq!(*refused.status(), before);
}

/// A transition's time tells when the status of the condition changed, not when its reason or message did.
#[test]
fn times_are_those_of_transitions() {
    let mut story = Story::new(inputs(API));
    story.inputs.sources.insert("regcred".into(), Source::Missing);
    story.pass();
    let time = |story: &Story| find(story.status(), READY).unwrap().last_transition_time.clone();
    let first = time(&story);
    story.inputs.sources.insert("regcred".into(), docker(&[]));
    story.pass();
    assert_eq!(story.fault(READY).unwrap().0, "InvalidSpec", "another reason");
    assert_eq!(time(&story), first);
    story.inputs.sources.insert("regcred".into(), docker(&[("registry.example.com", "a", "b")]));
    story.pass();
    assert!(time(&story) > first);
}

/// What somebody must act on is told before what passes by itself, and that before what only waits.
#[test]
fn the_most_urgent_problem_is_told_first() {
    let problem = |reason| Problem::of(reason, "field", "value", "rule", "remedy");
    let rows = [
        (vec![Reason::SecretSourceMissing], Reason::SecretSourceMissing, RECONCILING),
        (vec![Reason::SecretSourceMissing, Reason::InvalidSpec], Reason::InvalidSpec, STALLED),
        (vec![Reason::InvalidSpec, Reason::SecretSourceMissing], Reason::InvalidSpec, STALLED),
        (vec![Reason::NotAllowed, Reason::InvalidSpec], Reason::NotAllowed, STALLED),
    ];
    for (reasons, expected, kind) in rows {
        let mut story = Story::new(inputs(API));
        story.report(&Pass::Refused(reasons.iter().map(|reason| problem(*reason)).collect()));
        assert_eq!(story.fault(READY).unwrap().0, expected.to_string(), "{reasons:?}");
        assert!(find(story.status(), kind).is_some(), "{reasons:?}");
        assert_eq!(story.fault(READY).unwrap().1.lines().count(), reasons.len(), "all are told");
    }
}

#[test]
fn a_part_says_what_it_waits_for() {
    let mut story = Story::new(inputs(API));
    story.world.fault = Some((0, FailureKind::Denied, false));
    story.pass();
    let (reason, message) = story.fault("DefinitionRegistered").unwrap();
    assert_eq!(reason, "Progressing");
    assert!(message.starts_with("waits for secret wharfinger/payments/regcred/"), "{message}");
    assert_eq!(story.fault("ExecutionRoleReady").unwrap().0, "Progressing", "its policy waits for the secret's ARN");
    assert_eq!(story.fault(READY).unwrap().0, "AccessDenied");
    assert!(story.fault(READY).unwrap().1.contains("allow it in the policy of the identity"), "what to do");
    let plan = story.status().plan.clone().unwrap();
    assert!(plan.contains("FAILED: AnyService:AnyOperation failed") && plan.contains("skipped: waits for secret"), "{plan}");
}

#[test]
fn a_long_plan_is_cut() {
    let containers: Vec<String> =
        (0..10).map(|i| format!("{{name: c{i}, image: 'r{i}.example.com/x:1', command: ['{}']}}", "ä".repeat(900))).collect();
    let spec = |tail: &str| {
        format!(
            "credentials: [{{secretRef: {{name: regcred}}}}]\nmanagementPolicy: Observe\necs: {{containerDefinitions: [{}]}}",
            containers.join(", ").replace("/x:1", tail)
        )
    };
    let entries: Vec<String> = (0..10).map(|i| format!("r{i}.example.com")).collect();
    let entries: Vec<(&str, &str, &str)> = entries.iter().map(|host| (host.as_str(), "a", "b")).collect();
    let mut story = Story::new(inputs(&spec("/x:1").replace("Observe", "Full")));
    story.inputs.sources.insert("regcred".into(), docker(&entries));
    story.settle();
    story.respec(&spec("/x:2").replace('ä', "ö"));
    story.pass();
    let plan = story.status().plan.as_ref().unwrap();
    assert!((8 * 1024 - 8..=8 * 1024).contains(&plan.len()) && plan.ends_with('…'), "{} bytes", plan.len());
}

/// AWS's own text stays short, and holds no password of the pass.
#[test]
fn what_aws_says_is_cut_and_scrubbed() {
    let echo = wharfinger::failure::Failure { message: "cannot take p4ss: p4ss".into(), ..failure(FailureKind::Invalid) };
    assert_eq!(echo.scrubbed(&["p4ss".into(), String::new()]).message, "cannot take [sealed]: [sealed]");
    let long = wharfinger::failure::cut(&"ß".repeat(2000));
    assert_eq!((long.chars().count(), long.chars().last()), (513, Some('…')));
    assert_eq!(wharfinger::failure::cut("short"), "short");
}

#[test]
fn a_request_for_a_pass_is_answered() {
    let mut story = Story::new(inputs(API));
    let annotate = |story: &mut Story, key: &str, value: &str| {
        story.inputs.workload.metadata.annotations.get_or_insert_default().insert(key.into(), value.into());
    };
    annotate(&mut story, FLUX_REQUESTED_AT, "then");
    story.pass();
    assert_eq!(story.status().last_handled_reconcile_at.as_deref(), Some("then"));
    annotate(&mut story, REQUESTED_AT, "now");
    assert_eq!(requested_at(&story.inputs.workload).as_deref(), Some("then"), "the later of the two, here by its letters");
    annotate(&mut story, REQUESTED_AT, "today");
    story.pass();
    assert_eq!(story.status().last_handled_reconcile_at.as_deref(), Some("today"));
    story.inputs.workload.metadata.annotations = None;
    story.pass();
    assert_eq!(story.status().last_handled_reconcile_at.as_deref(), Some("today"), "the last that was answered");
}

#[test]
fn a_deletion_that_waits_says_so() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    for reason in Reason::ALL.into_iter().filter(|reason| *reason != Reason::Succeeded && *reason != Reason::Suspended) {
        let story = Story::settled(inputs(API));
        let status = held_up(&story.inputs.workload, reason, "secret x is in use", now);
        let kind = if reason.is_stalled() { STALLED } else { RECONCILING };
        let types: Vec<&str> = status.conditions.iter().map(|condition| condition.type_.as_str()).collect();
        assert_eq!(types, [READY, kind], "{reason}");
        assert_eq!(status.secrets, story.status().secrets, "what there is stays known");
    }
}

#[test]
fn a_reason_is_a_word_of_its_own() {
    let words: std::collections::BTreeSet<String> = Reason::ALL.iter().map(Reason::to_string).collect();
    assert_eq!(words.len(), Reason::ALL.len());
    assert!(
        words
            .iter()
            .all(|word| word.chars().all(|c| c.is_ascii_alphanumeric()) && word.starts_with(|c: char| c.is_ascii_uppercase()))
    );
}
