//! The value of a credential's secret: whose it is, when it is written, and the way back.

use super::*;
use wharfinger::failure::Failure;
use wharfinger::pass::Output;
use wharfinger::resource::fingerprint::ValueKey;
use wharfinger::resource::sealed::Sealed;

#[test]
fn a_rotation_is_one_write_and_so_is_the_way_back() {
    let mut scene = Scene::settled(QUAY);
    let (first, arn) = (scene.secret().current().unwrap().to_owned(), scene.secret().arn.clone());
    scene.now = "2026-01-02T00:00:00Z".parse().unwrap();
    scene.inputs.source = Some(logins("second"));
    let plan = scene.plan();
    assert_eq!(steps(&plan), ["PutSecretValue"]);
    let swapped = matches!(&plan.steps[0].action, Action::PutSecretValue { replaces, .. } if replaces.as_ref() == Some(&first));
    assert!(swapped, "should AWS know the version, its label is moved from where it was seen: {plan}");
    assert_eq!(scene.settle(), 1);
    assert_ne!(scene.secret().current(), Some(first.as_str()));
    assert_eq!(scene.status().secret.as_ref().unwrap().synced_at.as_deref(), Some("2026-01-02T00:00:00Z"));
    scene.inputs.source = Some(logins(PASSWORD));
    assert_eq!(steps(&scene.plan()), ["UpdateSecretVersionStage"], "A, B, A: AWS ignores the token that it knows");
    assert_eq!(scene.settle(), 1);
    assert_eq!(scene.secret().current(), Some(first.as_str()));
    // Somebody writes another value by hand.
    let by_hand = "00000000-0000-0000-0000-000000000000".to_owned();
    scene.secret().versions.values_mut().for_each(|stages| stages.clear());
    scene.secret().versions.insert(by_hand.clone(), ["AWSCURRENT".to_owned()].into());
    assert_eq!(scene.settle(), 1, "X, A: back by its label");
    // AWS deleted the version that had lost its labels.
    scene.secret().versions = [(by_hand, ["AWSCURRENT".to_owned()].into())].into();
    assert_eq!(steps(&scene.plan()), ["PutSecretValue"]);
    scene.settle();
    assert_eq!(scene.secret().current(), Some(first.as_str()));
    assert_eq!(scene.status().secret.as_ref().unwrap().arn, arn, "under the same ARN");
}

#[test]
fn whose_value_it_is() {
    let rows: [(&str, &str, fn(&mut ObservedSecret), &[&str], &str); 4] = [
        ("enforced", QUAY, |_| {}, &["PutSecretValue"], ""),
        ("made once", "{registry: quay.io, secretRef: {name: quay-login}, valuePolicy: CreateOnly}", |_| {}, &[], "CreateOnly"),
        ("rotated by others", QUAY, |secret| secret.rotation_enabled = true, &[], "rotation"),
        (
            "made, but without any value",
            "{registry: quay.io, secretRef: {name: quay-login}, valuePolicy: CreateOnly}",
            |secret| secret.versions.clear(),
            &["PutSecretValue"],
            "",
        ),
    ];
    for (what, spec, change, expected, told) in rows {
        let mut scene = Scene::settled(spec);
        change(scene.secret());
        scene.inputs.source = Some(logins("second"));
        let plan = scene.plan();
        assert_eq!(steps(&plan), expected, "{what}");
        scene.settle();
        assert!(scene.status().warnings.join("\n").contains(told), "{what}: {:?}", scene.status().warnings);
        assert_eq!(scene.ready().0, "Succeeded", "{what}");
    }
}

/// Without a value key the version ids differ each time, so the value itself is compared.
#[test]
fn a_value_that_was_read_and_is_right_is_no_other_value() {
    for policy in ["Enforce", "CreateOnly"] {
        let mut scene = Scene::settled(&format!("{{registry: quay.io, secretRef: {{name: quay-login}}, valuePolicy: {policy}}}"));
        scene.inputs.value_key = ValueKey::new(Sealed::new("another key of at least 32 characters")).unwrap();
        scene.inputs.compare_values = true;
        for (same, writes) in [(true, 0), (false, usize::from(policy == "Enforce"))] {
            scene.secret().same_value = Some(same);
            let plan = scene.plan();
            assert_eq!(plan.steps.len(), writes, "{policy}, {same}");
            let told = plan.notes.iter().any(|note| note.contains("CreateOnly"));
            assert_eq!(told, policy == "CreateOnly" && !same, "{policy}, {same}: {:?}", plan.notes);
        }
    }
}

/// The secret is there, so all that does not need its new value goes on.
#[test]
fn a_value_that_is_held_back_stops_neither_settings_nor_readers() {
    let mut scene = Scene::settled(QUAY);
    let more = "kmsKey: alias/x, readers: [{accountId: '444455556666'}]";
    scene.respec(&format!("{{registry: quay.io, secretRef: {{name: quay-login}}, {more}}}"));
    scene.inputs.source = Some(logins("another"));
    assert_eq!(steps(&scene.plan()), ["PutSecretValue", "UpdateSecret", "PutResourcePolicy"]);
    scene.world.fault = Some((scene.world.writes, FailureKind::HeldBack, false));
    let Pass::Done(mut round) = scene.pass() else { panic!("refused") };
    assert_eq!(round.done().count(), 2, "{:?}", round.outcomes);
    assert_eq!(scene.ready().0, "Progressing");
    // It is taken up when it has its turn, unless something else wants to be tried sooner; and it hides nothing else.
    let wait = std::time::Duration::from_secs(60);
    let held = Failure { retry_after: Some(wait), ..failure(FailureKind::HeldBack) };
    let done = Outcome::Done(Output::default());
    let rows = [
        (done.clone(), Some(wait), "Progressing"),
        (Outcome::Failed(failure(FailureKind::Transient)), None, "AwsUnavailable"),
        (Outcome::Failed(failure(FailureKind::Denied)), None, "AccessDenied"),
    ];
    for (other, turn, reason) in rows {
        round.outcomes = Some(vec![Outcome::Failed(held.clone()), other, done.clone()]);
        assert_eq!(round.turn(), turn, "{reason}");
        let pass = Pass::Done(round);
        let status = summarise_credential(&scene.inputs.credential, &pass, &[], scene.now);
        assert_eq!(status.conditions[0].reason, reason);
        let Pass::Done(again) = pass else { panic!("{pass:?}") };
        round = again;
    }
}
