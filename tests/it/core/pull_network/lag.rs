//! What AWS does not list yet, or no longer (EC2 API, eventual consistency): nothing is made a second time, and nothing leaks.

use super::{FARGATE, Scene, done, held};
use wharfinger::failure::FailureKind;

/// Hides all endpoints, as if they were not listed yet.
fn hide(scene: &mut Scene) {
    scene.world.unlisted = std::mem::take(&mut scene.world.endpoints);
}

fn show(scene: &mut Scene) {
    let unlisted = std::mem::take(&mut scene.world.unlisted);
    scene.world.endpoints.extend(unlisted);
}

/// The next look does not find what was made: it is waited for.
#[test]
fn what_is_not_listed_yet_is_waited_for() {
    let mut scene = Scene::new(FARGATE);
    let pass = scene.pass_until(usize::MAX);
    scene.tell(&pass);
    hide(&mut scene);
    let plan = scene.plan();
    assert!(!done(&plan).iter().any(|it| it.starts_with("create")), "{plan}");
    assert_eq!(held(&plan), ["ecr.dkr", "ecr.api", "s3", "logs", "secretsmanager"].map(|it| format!("Waiting {it}")));
    scene.pass();
    assert_eq!(scene.condition("EndpointsReady").1, "Progressing");
    show(&mut scene);
    scene.settle();
    assert_eq!(scene.world.endpoints.len(), 5, "none is double");
    assert!(scene.status().endpoints.iter().all(|it| it.state.as_deref() == Some("available")));
}

/// The status was never written, and the list is late: the token is the same, though the plan knows the group's id by now.
#[test]
fn a_lost_answer_and_a_late_list_make_no_second_one() {
    let mut scene = Scene::new(FARGATE);
    scene.pass_until(usize::MAX);
    hide(&mut scene);
    scene.pass_until(usize::MAX);
    assert!(scene.world.endpoints.is_empty(), "EC2 answers with what it made: {:#?}", scene.world.endpoints);
    show(&mut scene);
    assert_eq!(scene.world.endpoints.len(), 5);
}

/// What the spec left out for a while is another endpoint: EC2 would answer to the old token with the one that is gone.
#[test]
fn what_is_asked_for_again_is_made_at_once() {
    let mut scene = Scene::settled(FARGATE);
    for (generation, logs) in [(2, "awslogs: false"), (3, "awslogs: true")] {
        scene.respec(&FARGATE.replace("awslogs: true", logs));
        scene.inputs.network.metadata.generation = Some(generation);
        assert_eq!(done(&scene.plan()).len(), 1);
        assert!(scene.settle() <= 1, "one write, and no second try");
    }
    assert_eq!(scene.world.of("logs").state, "available");
}

/// Deleted by hand: one pass sees it, the next makes another.
#[test]
fn what_was_deleted_by_hand_is_made_by_the_second_pass() {
    for short in ["logs", "s3"] {
        let mut scene = Scene::settled(FARGATE);
        let before = scene.world.of(short).id.clone();
        scene.world.endpoints.retain(|it| it.id != before);
        let plan = scene.plan();
        assert_eq!((done(&plan), held(&plan)), (vec![], vec![format!("Waiting {short}")]), "{plan}");
        scene.pass();
        let plan = scene.plan();
        assert_eq!((done(&plan), held(&plan)), (vec![format!("create {short}")], vec![]), "{plan}");
        scene.settle();
        assert_ne!(scene.world.of(short).id, before);
        assert_eq!(scene.condition("Ready").0, "True");
    }
}

/// A network that goes a moment after its endpoints were made: they are deleted by their ids.
#[test]
fn a_removal_ends_what_is_not_listed_yet() {
    let mut scene = Scene::new(FARGATE);
    let pass = scene.pass_until(usize::MAX);
    scene.tell(&pass);
    hide(&mut scene);
    // The first try fails, and nothing of it is taken for done.
    scene.world.fault = Some((scene.world.writes, FailureKind::Throttled, false));
    scene.remove(usize::MAX);
    scene.world.fault = None;
    let wharfinger::pass::Pass::Done(round) = scene.remove(usize::MAX) else { panic!() };
    assert_eq!(done(&round.plan)[0], "delete ecr.dkr", "{}", round.plan);
    scene.world.tick();
    assert!(scene.world.unlisted.is_empty(), "{:#?}", scene.world.unlisted);
    let wharfinger::pass::Pass::Done(round) = scene.remove(usize::MAX) else { panic!() };
    assert!(!done(&round.plan).iter().any(|it| it.contains("ecr")), "once is enough: {}", round.plan);
}
