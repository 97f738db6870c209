//! Which account, Region and identity a workload acts with: 0 or more than 1 binding refuse, and nothing moves.

use super::fixtures::{API, ambient, binding, inputs, told};
use super::story::Story;
use kube::ResourceExt;
use wharfinger::api::{AccountBinding, SessionTags, TargetStatus};
use wharfinger::inputs::{Bindings, Inputs};
use wharfinger::problem::Problem;
use wharfinger::status::Reason;
use wharfinger::target::{self, Target};

fn choose(inputs: &Inputs) -> Result<Target, Problem> {
    target::choose(&inputs.claim())
}

fn with(bindings: Vec<AccountBinding>, spec: &str) -> Inputs {
    let mut inputs = inputs(&format!("{API}{spec}"));
    inputs.bindings = Bindings::Objects(bindings);
    inputs
}

fn selecting(selector: &str) -> AccountBinding {
    let mut found = binding("prod", "{}");
    found.spec.namespace_selector = match selector {
        "absent" => None,
        other => Some(serde_saphyr::from_str(other).unwrap()),
    };
    found
}

fn regions(names: &[&str]) -> AccountBinding {
    let mut found = binding("prod", "{}");
    found.spec.regions = names.iter().map(|name| (*name).to_owned()).collect();
    found
}

#[test]
fn exactly_one_binding_must_admit_the_namespace() {
    let (one, two) = (binding("prod", "{}"), binding("second", "{}"));
    let rows = [
        (vec![], "", Err((Reason::BindingNotFound, "spec.bindingRef"))),
        (vec![], "bindingRef: {name: prod}", Err((Reason::BindingNotFound, "spec.bindingRef.name"))),
        (vec![one.clone()], "", Ok("prod")),
        (vec![one.clone()], "bindingRef: {name: prod}", Ok("prod")),
        (vec![one.clone()], "bindingRef: {name: other}", Err((Reason::BindingNotFound, "spec.bindingRef.name"))),
        (vec![one.clone(), two.clone()], "", Err((Reason::BindingAmbiguous, "spec.bindingRef"))),
        (vec![one.clone(), two.clone()], "bindingRef: {name: second}", Ok("second")),
        (vec![one, two, selecting("absent")], "bindingRef: {name: prod}", Ok("prod")),
    ];
    for (bindings, spec, expected) in rows {
        let names: Vec<String> = bindings.iter().map(ResourceExt::name_any).collect();
        let found = choose(&with(bindings, spec));
        let found = found.as_ref().map(|target| target.binding.as_deref().unwrap());
        let found = found.map_err(|problem| (problem.reason, problem.field.as_str()));
        assert_eq!(found, expected, "{names:?} {spec}");
    }
}

#[test]
fn a_selector_selects_by_labels_and_an_absent_one_nothing() {
    let rows = [
        ("absent", false),
        ("{}", true),
        ("{matchLabels: {team: payments}}", true),
        ("{matchLabels: {team: other}}", false),
        ("{matchLabels: {team: payments, stage: prod}}", false),
        ("{matchExpressions: [{key: team, operator: In, values: [payments, billing]}]}", true),
        ("{matchExpressions: [{key: team, operator: NotIn, values: [payments]}]}", false),
        ("{matchExpressions: [{key: stage, operator: DoesNotExist}]}", true),
        ("{matchExpressions: [{key: team, operator: Exists}, {key: stage, operator: Exists}]}", false),
        ("{matchExpressions: [{key: team, operator: Sideways, values: [payments]}]}", false),
    ];
    for (selector, admitted) in rows {
        assert_eq!(choose(&with(vec![selecting(selector)], "")).is_ok(), admitted, "{selector}");
    }
    let unlabelled = |selector| {
        let mut inputs = with(vec![selecting(selector)], "");
        inputs.namespace.labels.clear();
        choose(&inputs).is_ok()
    };
    assert!(unlabelled("{}") && !unlabelled("absent") && !unlabelled("{matchLabels: {team: payments}}"));
}

#[test]
fn the_region_is_one_of_the_bindings() {
    let (one, two) = (["eu-west-1"], ["eu-west-1", "us-east-1"]);
    let rows = [
        (&one[..], "", Ok("eu-west-1")),
        (&one[..], "region: eu-west-1", Ok("eu-west-1")),
        (&one[..], "region: us-east-1", Err(Reason::NotAllowed)),
        (&one[..], "region: Ireland", Err(Reason::InvalidSpec)),
        (&one[..], "region: eu-wset-1", Err(Reason::InvalidSpec)),
        (&two[..], "region: us-east-1", Ok("us-east-1")),
        (&two[..], "", Err(Reason::InvalidSpec)),
        (&["eu-wset-1"][..], "", Err(Reason::InvalidSpec)),
    ];
    for (names, spec, expected) in rows {
        let found = choose(&with(vec![regions(names)], spec));
        let found = found.as_ref().map(|target| target.region.as_str()).map_err(|problem| problem.reason);
        assert_eq!(found, expected, "{names:?} {spec}");
    }
    let china = choose(&with(vec![regions(&["cn-north-1"])], "")).unwrap();
    assert_eq!(china.partition, "aws-cn");
    for region in ["eu-west-1", "us-east-1"] {
        let told = told(&[choose(&with(vec![regions(&two)], "")).unwrap_err()]);
        assert!(told.contains(region), "the remedy names them: {told}");
    }
}

#[test]
fn without_a_binding_the_ambient_identity_is_unfenced() {
    let target = choose(&ambient(inputs(API))).unwrap();
    assert_eq!((target.binding, target.limits, target.role_arn), (None, None, None));
    let mut nowhere = ambient(inputs(API));
    nowhere.bindings = Bindings::Ambient { account_id: "111122223333".into(), region: None };
    assert_eq!(choose(&nowhere).unwrap_err().field, "spec.region");
}

#[test]
fn the_identity_is_the_bindings() {
    let mut platform = binding("prod", "{}");
    platform.spec.role_arn = Some("arn:aws:iam::111122223333:role/wharfinger".into());
    platform.spec.external_id = Some("6f1c".into());
    assert_eq!(choose(&with(vec![platform.clone()], "")).unwrap().session_namespace, None);
    platform.spec.session_tags = SessionTags::Namespace;
    let target = choose(&with(vec![platform.clone()], "")).unwrap();
    assert_eq!((&target.role_arn, &target.external_id), (&platform.spec.role_arn, &platform.spec.external_id));
    assert_eq!(target.session_namespace.as_deref(), Some("payments"));
}

#[test]
fn a_live_workload_stays_where_it_is() {
    let mut second = binding("second", "{}");
    second.spec.account_id = "210987654321".into();
    let platform = vec![regions(&["eu-west-1", "us-east-1"]), second];
    let mut story = Story::settled(with(platform.clone(), "bindingRef: {name: prod}\nregion: eu-west-1"));
    let rows = [
        ("bindingRef: {name: prod}\nregion: us-east-1", Err(Reason::TargetChanged)),
        ("bindingRef: {name: second}\nregion: eu-west-1", Err(Reason::TargetChanged)),
        ("bindingRef: {name: prod}\nregion: eu-west-1", Ok(())),
    ];
    for (spec, expected) in rows {
        story.respec(&format!("{API}{spec}"));
        let found = choose(&story.inputs).map(|_| ()).map_err(|problem| problem.reason);
        assert_eq!(found, expected, "{spec}");
        let away = target::of_removal(&story.inputs.claim()).unwrap();
        assert_eq!(
            (away.binding.as_deref(), away.region.as_str()),
            (Some("prod"), "eu-west-1"),
            "it is removed from where it is"
        );
        story.pass();
        let held = story.fault("Ready");
        assert_eq!(held.is_some(), expected.is_err(), "{held:?}");
        if let Some((reason, message)) = held {
            assert_eq!(reason, "TargetChanged");
            assert!(
                message.contains("lives in account 111122223333, Region eu-west-1") && message.contains("delete"),
                "{message}"
            );
        }
    }
}

#[test]
fn a_workload_is_removed_from_where_it_is_or_not_at_all() {
    let mut story = Story::settled(inputs(API));
    let gone = |bindings: Vec<AccountBinding>| {
        let mut inputs = story.inputs.clone();
        inputs.bindings = Bindings::Objects(bindings);
        target::of_removal(&inputs.claim()).map(|target| target.region).map_err(|problem| problem.reason)
    };
    let mut moved = binding("prod", "{}");
    moved.spec.account_id = "210987654321".into();
    assert_eq!(gone(vec![selecting("absent")]), Err(Reason::BindingNotFound), "the selector selects it no longer");
    assert_eq!(gone(vec![binding("prod", "{}"), binding("second", "{}")]), Ok("eu-west-1".into()), "a second one admits it");
    assert_eq!(gone(vec![regions(&["us-east-1"])]), Ok("eu-west-1".into()), "the Region is no longer allowed");
    assert_eq!(gone(vec![]), Err(Reason::BindingNotFound));
    assert_eq!(gone(vec![moved]), Err(Reason::BindingNotFound), "the account is another one");
    story.inputs.workload.status = None;
    assert_eq!(
        target::of_removal(&story.inputs.claim()).unwrap().status(),
        target_status(),
        "what never was anywhere is looked for where it would be"
    );
}

fn target_status() -> TargetStatus {
    TargetStatus { binding: Some("prod".into()), account_id: "111122223333".into(), region: "eu-west-1".into() }
}
