//! Services follow the definition: told once for each revision, followed to the end, and left alone where they are not ours.

use super::fixtures::{API, docker, fenced, inputs};
use super::story::{Story, holds, steps};
use wharfinger::api::{RolledService, ServiceState};
use wharfinger::failure::FailureKind;
use wharfinger::observed::Snapshot;
use wharfinger::pass::Pass;
use wharfinger::resource::service::{Deployment, ObservedService};
use wharfinger::status::follows;

const CLUSTERS: &str = "{clusters: ['arn:aws:ecs:*:*:cluster/prod']}";

fn arn(revision: usize) -> String {
    format!("arn:aws:ecs:eu-west-1:111122223333:task-definition/payments_api:{revision}")
}

fn spec(image: &str, pin: bool) -> String {
    let pin = if pin { ", pin: true" } else { "" };
    format!("{}rollout: {{services: [{{cluster: prod, service: api}}]{pin}}}\n", API.replace("1.4.2", image))
}

fn named() -> RolledService {
    RolledService { cluster: "prod".into(), service: "api".into() }
}

fn service(revision: &str, state: &str) -> ObservedService {
    let deployment = Deployment {
        task_definition: revision.into(),
        rollout_state: Some(state.into()),
        desired: 2,
        running: 2,
        ..Deployment::default()
    };
    ObservedService {
        task_definition: revision.into(),
        controller: "ECS".into(),
        deployments: vec![deployment],
        ..ObservedService::default()
    }
}

fn set(story: &mut Story, service: ObservedService) {
    story.world.services.insert(named(), service);
}

/// One pass, with the services seen; a deployment that has just begun is not followed by itself.
fn pass(story: &mut Story) -> Vec<String> {
    let before = steps(&story.plan());
    story.pass();
    before
}

/// A workload with one revision and a service that runs it.
fn rolled() -> Story {
    let mut story = Story::new(fenced(inputs(&spec("1.4.2", false)), CLUSTERS));
    story.pass();
    set(&mut story, service(&arn(1), "COMPLETED"));
    story.settle();
    story
}

fn state(story: &Story) -> ServiceState {
    story.status().services[0].state
}

/// The secret is there, so role and revision go on with it; tasks start once it holds the new value.
#[test]
fn a_value_that_our_own_pace_holds_back_stops_only_the_rollout() {
    let mut story = rolled();
    let current = |story: &Story| story.world.secrets.values().next().unwrap().current().unwrap().to_owned();
    let before = current(&story);
    story.inputs.sources.insert("regcred".into(), docker(&[("registry.example.com", "puller", "another")]));
    story.respec(&spec("1.4.3", false));
    assert_eq!(steps(&story.plan()), ["PutSecretValue", "RegisterDefinition", "UpdateService"]);
    story.world.fault = Some((story.world.writes, FailureKind::HeldBack, false));
    let pass = story.pass();
    assert_eq!(story.world.definitions["payments_api"].len(), 2, "the revision is registered");
    assert_eq!(story.world.services[&named()].task_definition, arn(1), "and nothing runs it yet");
    assert_eq!(current(&story), before);
    for part in ["Ready", "CredentialsSynced"] {
        let (reason, message) = story.fault(part).unwrap_or_else(|| panic!("{part} is fine"));
        assert_eq!(reason, "Progressing", "{part}");
        assert!(part != "CredentialsSynced" || message.contains("is held back"), "{message}");
    }
    assert!(story.fault("ExecutionRoleReady").is_none() && story.fault("DefinitionRegistered").is_none());
    let Pass::Done(round) = pass else { panic!("{pass:?}") };
    assert!(!round.is_converged());
    story.pass();
    assert_ne!(current(&story), before);
    assert_eq!(story.world.services[&named()].task_definition, arn(2));
}

#[test]
fn a_service_is_told_once_and_followed_to_the_end() {
    let mut story = rolled();
    assert_eq!((state(&story), story.fault("ServicesUpdated")), (ServiceState::Complete, None));
    story.respec(&spec("1.4.3", false));
    assert_eq!(pass(&mut story), ["RegisterDefinition", "UpdateService"]);
    let service = &story.world.services[&named()];
    assert_eq!(service.task_definition, arn(2), "the revision that the same plan registered");
    assert_eq!(state(&story), ServiceState::Progressing);
    assert_eq!(story.fault("ServicesUpdated").unwrap().0, "Progressing");
    for running in 0..2 {
        let deployment = &mut story.world.services.get_mut(&named()).unwrap().deployments[0];
        (deployment.running, deployment.pending) = (running, 2 - running);
        assert_eq!(pass(&mut story), [] as [&str; 0], "not told again");
        let (reason, message) = story.fault("Ready").unwrap();
        assert_eq!(reason, "Progressing");
        assert!(message.contains(&format!("{running} of 2 tasks run")), "{message}");
    }
    let deployment = &mut story.world.services.get_mut(&named()).unwrap().deployments[0];
    (deployment.running, deployment.rollout_state) = (2, Some("COMPLETED".into()));
    story.settle();
    assert_eq!((state(&story), story.fault("Ready")), (ServiceState::Complete, None));
    assert_eq!(story.status().services[0].rolled_to, Some(arn(2)));
}

/// What could not be retired hinders no look at a deployment, and what else failed does.
#[test]
fn a_deployment_is_followed_whatever_becomes_of_the_past() {
    for (what, number, kind, followed) in [
        ("retirement denied", 1, FailureKind::Denied, true),
        ("retirement throttled", 1, FailureKind::Throttled, true),
        ("UpdateService denied", 0, FailureKind::Denied, false),
        ("nothing", usize::MAX, FailureKind::Denied, true),
    ] {
        let mut story = rolled();
        for image in ["1.4.3", "1.4.4"] {
            story.respec(&spec(image, false));
            story.pass();
        }
        set(&mut story, service(&arn(3), "COMPLETED"));
        story.settle();
        set(&mut story, service(&arn(2), "COMPLETED"));
        story.inputs.workload.spec.revision_history_limit = Some(0);
        assert_eq!(steps(&story.plan())[..2], ["UpdateService", "DeregisterDefinition"], "{what}");
        assert!(story.plan().is_private(), "{what}: nothing of it is shared");
        story.world.fault = number.checked_add(story.world.writes).map(|number| (number, kind, false));
        let Pass::Done(round) = story.pass() else { panic!("{what}") };
        assert_eq!(follows(story.status(), &round), followed, "{what}");
    }
}

#[test]
fn why_tasks_do_not_start_is_told_with_the_remedy() {
    let mut story = rolled();
    story.respec(&spec("1.4.3", false));
    story.pass();
    let observed = story.world.services.get_mut(&named()).unwrap();
    observed.deployments[0].failed = 3;
    let reason = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
                  unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret \
                  arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-AbCdEf from secrets manager: AccessDeniedException: User: \
                  arn:aws:sts::111122223333:assumed-role/r/t is not authorized to perform: secretsmanager:GetSecretValue on \
                  resource: x because no identity-based policy allows the secretsmanager:GetSecretValue action";
    observed.stopped = vec![(arn(2), reason.into()), (arn(2), reason.into()), (arn(1), "Scaling activity".into())];
    story.pass();
    let (_, message) = story.fault("ServicesUpdated").unwrap();
    assert!(message.contains("3 did not start") && message.contains("SecretAccessDenied"), "{message}");
    assert_eq!(message.matches("SecretAccessDenied").count(), 1, "each cause once: {message}");
    assert!(!message.contains("Scaling activity"), "tasks of another revision do not count: {message}");
}

#[test]
fn a_deployment_that_failed_or_was_rolled_back_is_not_tried_again() {
    for rolled_back in [false, true] {
        let mut story = rolled();
        story.respec(&spec("1.4.3", false));
        story.pass();
        let observed = story.world.services.get_mut(&named()).unwrap();
        observed.deployments[0].rollout_state = Some("FAILED".into());
        observed.deployments[0].rollout_reason = Some("ECS deployment circuit breaker: tasks failed to start.".into());
        if rolled_back {
            set(&mut story, service(&arn(1), "COMPLETED"));
        }
        for _ in 0..3 {
            assert_eq!(pass(&mut story), [] as [&str; 0], "rolled back: {rolled_back}");
            let (reason, message) = story.fault("Ready").unwrap();
            assert_eq!(reason, "RolloutFailed", "{message}");
            assert_eq!(message.contains("was rolled back"), rolled_back, "{message}");
            assert_eq!(message.contains("circuit breaker"), !rolled_back, "{message}");
        }
        // Another revision is another try.
        story.respec(&spec("1.4.4", false));
        assert_eq!(pass(&mut story), ["RegisterDefinition", "UpdateService"]);
    }
}

#[test]
fn a_service_pinned_by_hand_is_moved_or_left() {
    for pin in [false, true] {
        let mut story = rolled();
        story.respec(&spec("1.4.3", pin));
        story.pass();
        set(&mut story, service(&arn(2), "COMPLETED"));
        story.settle();
        set(&mut story, service(&arn(1), "COMPLETED"));
        assert_eq!(pass(&mut story), if pin { vec![] } else { vec!["UpdateService"] }, "pin: {pin}");
        if pin {
            assert_eq!((state(&story), story.fault("Ready")), (ServiceState::Pinned, None));
            story.respec(&spec("1.4.4", pin));
            assert_eq!(pass(&mut story), ["RegisterDefinition"], "it stays pinned for the next revision");
            story.respec(&spec("1.4.4", false));
            assert_eq!(pass(&mut story), ["UpdateService"], "until the pin is taken away");
        }
    }
}

/// A pinned service that runs an older revision, and a workload of which no status knows that it told the service.
#[test]
fn a_pin_holds_no_service_that_nobody_told_yet() {
    let start = |registered: f64, began: f64| {
        let mut story = Story::settled(fenced(inputs(API), CLUSTERS));
        story.respec(&spec("1.4.3", true));
        let mut old = service(&arn(1), "COMPLETED");
        old.deployments[0].created_at = Some(began);
        set(&mut story, old);
        (story, registered)
    };
    let seen_later = |story: &mut Story, registered: f64| {
        let revisions = story.world.definitions.get_mut("payments_api").unwrap();
        revisions.last_mut().unwrap().content["registeredAt"] = serde_json::json!(registered);
    };
    for (what, kind) in [("denied", FailureKind::Denied), ("throttled", FailureKind::Throttled)] {
        let (mut story, registered) = start(200.5, 100.25);
        story.world.fault = Some((story.world.writes + 1, kind, false));
        assert_eq!(pass(&mut story), ["RegisterDefinition", "UpdateService"], "{what}");
        assert_eq!(state(&story), ServiceState::Held, "{what}: not told, and not pinned");
        assert_ne!(story.fault("Ready"), None, "{what}");
        seen_later(&mut story, registered);
        assert_eq!(pass(&mut story), ["UpdateService"], "{what}: the next pass tells it");
    }
    let (mut story, registered) = start(200.5, 100.25);
    story.crash_after(1);
    seen_later(&mut story, registered);
    assert_eq!(pass(&mut story), ["UpdateService"], "killed between the writes");
    // No status, as on the command line: whoever deployed an older revision after the newer one was there meant it.
    for (began, expected) in [(200.25, vec!["UpdateService"]), (200.75, vec![])] {
        let (mut story, registered) = start(200.5, began);
        story.crash_after(1);
        story.inputs.workload.status = None;
        seen_later(&mut story, registered);
        assert_eq!(pass(&mut story), expected, "began at {began}");
    }
}

#[test]
fn what_is_not_ours_to_roll_is_told_and_left() {
    let elsewhere = arn(1).replace("payments_api", "other");
    let by = |controller: &str| ObservedService { controller: controller.into(), ..service(&arn(1), "COMPLETED") };
    let rows = [
        ("another family", Some(service(&elsewhere, "COMPLETED")), "OwnershipConflict", "does not run"),
        ("CodeDeploy", Some(by("CODE_DEPLOY")), "InvalidSpec", "CODE_DEPLOY"),
        ("an external controller", Some(by("EXTERNAL")), "InvalidSpec", "EXTERNAL"),
        ("no such service", None, "DependencyNotFound", "does not exist, or may not be seen"),
    ];
    for (what, seen, reason, words) in rows {
        let mut story = rolled();
        story.world.services = seen.map(|service| (named(), service)).into_iter().collect();
        story.respec(&spec("1.4.3", false));
        assert_eq!(pass(&mut story), ["RegisterDefinition"], "{what}: the rest converges");
        assert_eq!(holds(&story.plan()).len(), 1, "{what}");
        let (found, message) = story.fault("ServicesUpdated").unwrap();
        assert_eq!(found, reason, "{what}");
        assert!(message.contains(words), "{what}: {message}");
        assert_eq!(story.fault("DefinitionRegistered"), None);
    }
}

#[test]
fn a_service_that_cannot_be_seen_is_not_told() {
    let mut story = rolled();
    story.respec(&spec("1.4.3", false));
    let desired = super::fixtures::desired(&story.inputs);
    let mut seen = story.world.look(&desired);
    seen.services.insert(named(), Snapshot::Unknown(super::world::failure(FailureKind::Denied)));
    let plan = wharfinger::plan::converge(&desired, &seen);
    assert_eq!(steps(&plan), ["RegisterDefinition"]);
    assert_eq!(holds(&plan), [("Service".to_owned(), "Unobserved".to_owned())]);
}

#[test]
fn old_platforms_and_agents_are_told() {
    let rows = [
        (Some("1.1.0"), &[][..], Some("Fargate platform 1.1.0")),
        (Some("1.4.0"), &[], None),
        (Some("LATEST"), &[], None),
        (None, &["1.18.0", "1.90.0"], Some("agents 1.18.0, and")),
        (None, &["1.19.0"], None),
    ];
    for (platform, agents, told) in rows {
        let mut story = rolled();
        let mut observed = service(&arn(1), "COMPLETED");
        observed.linux_platform = platform.map(str::to_owned);
        observed.agents = agents.iter().map(|version| (*version).to_owned()).collect();
        set(&mut story, observed);
        story.pass();
        let warnings = story.status().warnings.join("\n");
        match told {
            Some(words) => assert!(warnings.contains(words), "{warnings}"),
            None => assert_eq!(warnings, "", "{platform:?} {agents:?}"),
        }
    }
}
