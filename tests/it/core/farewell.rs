//! Whether a workload that is being deleted may go: not before what it made is gone, unless it is to stay.

use super::fixtures::{API, binding, inputs};
use super::story::Story;
use super::world::failure;
use wharfinger::failure::FailureKind;
use wharfinger::inputs::Bindings;
use wharfinger::status::{Farewell, READY, Reason, find, inventory, leaves_everything};

/// The note with which it goes, or why it waits.
fn leave(story: &mut Story) -> Result<String, (Reason, String)> {
    match story.leave() {
        Farewell::LetGo(note) => Ok(note),
        Farewell::Wait(reason, status) => {
            let ready = find(&status, READY).unwrap();
            assert_eq!((ready.status.as_str(), &ready.reason), ("False", &reason.to_string()));
            assert_eq!(
                status.secrets,
                story.inputs.workload.status.clone().unwrap_or_default().secrets,
                "what there is stays known"
            );
            Err((reason, ready.message.clone()))
        }
    }
}

#[test]
fn it_goes_when_all_is_gone() {
    let mut story = Story::settled(inputs(API));
    assert_eq!(leave(&mut story), Ok(String::new()));
    assert!(story.world.roles.is_empty() && story.world.definitions.is_empty());
    assert_eq!(leave(&mut story), Ok(String::new()), "and once more, if the first time was not noticed");
}

#[test]
fn what_stays_is_told() {
    for (line, expected) in
        [("deletionPolicy: Retain", "deletionPolicy is Retain"), ("managementPolicy: Observe", "managementPolicy is Observe")]
    {
        let mut story = Story::settled(inputs(API));
        assert_eq!(leaves_everything(&story.inputs.workload), None, "by default it is removed");
        story.respec(&format!("{API}{line}"));
        let note = leaves_everything(&story.inputs.workload).unwrap();
        assert!(note.contains(expected) && note.contains("arn:"), "{note}");
    }
    let mut foreign = Story::settled(inputs(API));
    foreign.world.secrets.values_mut().for_each(|secret| secret.tags.clear());
    foreign.inputs.workload.status.as_mut().unwrap().secrets.clear();
    assert!(leave(&mut foreign).unwrap().contains("is left alone"));
}

#[test]
fn it_waits_while_aws_refuses_or_cannot_be_seen() {
    let kinds = [
        (FailureKind::Denied, Reason::AccessDenied),
        (FailureKind::Throttled, Reason::Throttled),
        (FailureKind::Transient, Reason::AwsUnavailable),
    ];
    for (kind, expected) in kinds {
        let mut blind = Story::settled(inputs(API));
        blind.world.blind = Some(failure(kind));
        let (reason, message) = leave(&mut blind).unwrap_err();
        assert_eq!(reason, expected);
        assert!(message.contains("deletion waits") && message.contains("wharfinger.dev/abandon"), "{message}");
        for write in 0..4 {
            let mut story = Story::settled(inputs(API));
            story.world.fault = Some((story.world.writes + write, kind, false));
            let (reason, message) = leave(&mut story).unwrap_err();
            assert_eq!(reason, expected, "write {write}");
            assert!(message.contains("AWS says no"), "{message}");
            assert_eq!(leave(&mut story), Ok(String::new()), "write {write}: then it goes on");
        }
    }
}

#[test]
fn a_binding_that_is_gone_holds_only_what_lives_somewhere() {
    let mut story = Story::settled(inputs(API));
    story.inputs.bindings = Bindings::Objects(vec![]);
    let (reason, message) = leave(&mut story).unwrap_err();
    assert_eq!(reason, Reason::BindingNotFound);
    assert!(message.contains("put it back") && message.contains("abandon"), "{message}");
    story.inputs.workload.status = None;
    assert!(leave(&mut story).unwrap().contains("never got as far"));
    let mut ambiguous = Story::new(inputs(API));
    ambiguous.inputs.bindings = Bindings::Objects(vec![binding("a", "{}"), binding("b", "{}")]);
    assert!(leave(&mut ambiguous).unwrap().contains("never got as far"));
}

#[test]
fn the_inventory_names_all_that_is_known() {
    let story = Story::settled(inputs(API));
    let told = inventory(&story.inputs.workload);
    for expected in ["task-definition/payments_api:1", "role/wharfinger_payments", ":secret:wharfinger/payments/regcred/"] {
        assert!(told.contains(expected), "{told}");
    }
    assert_eq!(inventory(&Story::new(inputs(API)).inputs.workload), "nothing that the status knows of");
}
