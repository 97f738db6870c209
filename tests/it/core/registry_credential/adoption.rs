//! Secrets that others made: taken over, left alone, or only named.

use super::*;
use wharfinger::resource::tags::Tags;

const ADOPT: &str = "{registry: quay.io, secretRef: {name: quay-login}, adoptionPolicy: Adopt}";

fn found(change: fn(&mut ObservedSecret)) -> Scene {
    let mut scene = Scene::under(ADOPT, "{registries: [quay.io], adoption: Adopt}");
    let arn = format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{NAME}-AbCdEf");
    let tags: Tags = [("team".to_owned(), "payments".to_owned())].into();
    let mut secret = ObservedSecret { arn, tags, ..ObservedSecret::default() };
    change(&mut secret);
    scene.world.secrets.insert(NAME.into(), secret);
    scene
}

#[test]
fn what_it_was_before_is_kept_for_the_audit() {
    let plan = found(|_| {}).plan();
    assert_eq!(steps(&plan), ["AdoptSecret", "PutSecretValue", "UpdateSecret"], "tagged once");
    let Some(Action::AdoptSecret { before, tags, .. }) = plan.steps.first().map(|step| &step.action) else { panic!("{plan}") };
    assert_eq!(*before, [("team".to_owned(), "payments".to_owned())].into(), "the tags that it had");
    assert_eq!(tags.get(OWNER).map(String::as_str), Some("RegistryCredential/quay"));
}

#[test]
fn what_cannot_be_ours_is_left_alone_whatever_the_policy() {
    let rows: [(&str, fn(&mut ObservedSecret), &str); 2] = [
        ("a service keeps it", |secret| secret.owning_service = Some("rds".into()), "kept by rds"),
        ("its owner lets it go", |secret| secret.scheduled_for_deletion = true, "restore it, then it is taken over"),
    ];
    for (what, change, told) in rows {
        let mut scene = found(change);
        let before = scene.secret().clone();
        scene.pass();
        assert_eq!((scene.world.writes, &*scene.secret()), (0, &before), "{what}");
        let (reason, message) = scene.ready();
        assert!(reason == "OwnershipConflict" && message.contains(told), "{what}: {reason}: {message}");
    }
}

/// Nothing of ours restores what is only named: pulls would fail until somebody does.
#[test]
fn a_named_secret_that_goes_is_told() {
    let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared/quay-AbCdEf";
    let limits = "{registries: [quay.io], secretArns: ['arn:aws:secretsmanager:*:111122223333:secret:shared/*']}";
    for (goes, expected) in [(false, "Succeeded"), (true, "DependencyNotFound")] {
        let mut scene = Scene::under(&format!("{{registry: quay.io, secretArn: '{arn}'}}"), limits);
        let secret = ObservedSecret { arn: arn.into(), scheduled_for_deletion: goes, ..ObservedSecret::default() };
        scene.world.secrets.insert("shared/quay".into(), secret);
        scene.pass();
        let (reason, message) = scene.ready();
        assert_eq!(reason, expected, "{message}");
        assert!(!goes || message.contains("restore it or name another"), "{message}");
        assert_eq!(scene.world.writes, 0);
    }
}
