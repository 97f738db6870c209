//! Each state of an endpoint of ours, and what is done about it.

use super::{FARGATE, Scene, done, held};

#[test]
fn each_state_has_its_answer() {
    let rows: [(&str, &[&str], &[&str], &str); 9] = [
        ("available", &[], &[], "Succeeded"),
        ("pending", &[], &["Waiting logs"], "Progressing"),
        ("partial", &[], &["Waiting logs"], "Progressing"),
        ("deleting", &[], &["Waiting logs"], "Progressing"),
        ("failed", &["delete logs"], &["Refused logs"], "RefusedByAws"),
        ("rejected", &["delete logs"], &["Refused logs"], "RefusedByAws"),
        ("expired", &["delete logs"], &["Refused logs"], "RefusedByAws"),
        ("pendingacceptance", &[], &["Refused logs"], "RefusedByAws"),
        ("deleted", &[], &["Waiting logs"], "Progressing"),
    ];
    let settled = Scene::settled(FARGATE);
    for (state, steps, holds, reason) in rows {
        let mut scene = Scene { inputs: settled.inputs.clone(), world: settled.world.clone(), now: settled.now };
        scene.world.of("logs").state = state.into();
        scene.world.of("logs").last_error = Some("InternalError: try again".into());
        let plan = scene.plan();
        assert_eq!((done(&plan), held(&plan)), (strings(steps), strings(holds)), "{state}: {plan}");
        if steps == ["delete logs"] {
            assert!(plan.held[0].message.contains("InternalError"), "{state}: {plan}");
        }
        scene.pass();
        assert_eq!(scene.condition("EndpointsReady").1, reason, "{state}");
    }
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|it| (*it).to_owned()).collect()
}

/// AWS keeps what failed: it goes first, then another is made.
#[test]
fn what_failed_is_made_anew() {
    let mut scene = Scene::settled(FARGATE);
    let before = scene.world.of("logs").id.clone();
    scene.world.of("logs").state = "failed".into();
    scene.pass();
    assert_eq!(scene.status().endpoints[3].state.as_deref(), Some("deleting"));
    assert_eq!(scene.condition("Ready").1, "RefusedByAws", "what fails again and again is not tried at a fixed pace");
    assert_eq!(done(&scene.plan()), ["create logs"], "it is known to be gone, so nothing waits");
    assert_eq!(scene.status().billed_interfaces, 6);
    scene.settle();
    assert_ne!(scene.world.of("logs").id, before);
    assert_eq!(scene.world.of("logs").state, "available");
    assert_eq!(scene.condition("Ready").0, "True");
}

/// Two of ours, as a lost answer may leave them where the first is not seen at once: the one that the status names is kept.
#[test]
fn of_two_of_ours_one_is_kept() {
    for recorded in [true, false] {
        let mut scene = Scene::settled(FARGATE);
        let kept = scene.world.of("ecr.api").id.clone();
        let mut double = scene.world.of("ecr.api").clone();
        double.id = "vpce-00000000000000000".into(); // first by id
        double.private_dns = !recorded;
        scene.world.of("ecr.api").private_dns = recorded;
        scene.world.endpoints.push(double.clone());
        if !recorded {
            scene.inputs.network.status = None;
        }
        scene.settle();
        let found: Vec<&str> =
            scene.world.endpoints.iter().filter(|it| it.service_name.ends_with("ecr.api")).map(|it| it.id.as_str()).collect();
        assert_eq!(found, [if recorded { kept.as_str() } else { double.id.as_str() }]);
    }
}
