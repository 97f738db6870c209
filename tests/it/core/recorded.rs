//! What a pass records is taken for ours by the next and granted to those who share the role. So nothing is recorded that is not
//! ours, and nothing is granted only because a status says so.

use super::fences::existing;
use super::fixtures::{API, fenced, inputs, workload};
use super::revisions::granted;
use super::story::{Story, holds};
use super::world::failure;
use wharfinger::api::{PrivateImageWorkload, PrivateImageWorkloadStatus, SecretStatus};
use wharfinger::failure::FailureKind;
use wharfinger::inputs::Inputs;
use wharfinger::resource::secret::ObservedSecret;
use wharfinger::resource::tags::{CLUSTER, NAMESPACE_UID};

const ALIEN: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:crown/jewels-AbCdEf";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn with_secret(id: &str, key: &str) -> String {
    format!(
        "image: registry.example.com/x:1\ncredentials: [{{secretArn: '{id}'{key}}}]\necs: {{containerDefinitions: [{{name: a}}]}}"
    )
}

/// A workload names a secret that the fences do not admit. Neither it nor its neighbour may read it then, or ever after.
#[test]
fn a_refused_secret_reaches_nobody_through_the_status() {
    for (id, key) in [(ALIEN, String::new()), ("crown/jewels", String::new()), ("crown/jewels", format!(", kmsKey: '{KEY}'"))] {
        let mut thief = Story::new(inputs(&with_secret(id, &key)));
        // Whether it is the secret or its key that is not admitted makes no difference.
        for found in [None, Some(KEY)] {
            thief.world.secrets.insert("crown/jewels".into(), existing(ALIEN, found));
            thief.pass();
            assert_eq!(thief.status().secrets, [], "{id}");
        }
        thief.respec(API);
        thief.settle();
        let found = granted(&thief);
        assert!(!found.secrets().contains(ALIEN) && !found.keys().contains(KEY), "its own later self: {id} {found:?}");

        let mut neighbour = Story::new(inputs(API));
        let mut sibling = thief.inputs.workload.clone();
        sibling.metadata.name = Some("thief".into());
        neighbour.inputs.siblings = vec![sibling.into()];
        neighbour.settle();
        let found = granted(&neighbour);
        assert!(!found.secrets().contains(ALIEN) && !found.keys().contains(KEY), "its neighbour: {id} {found:?}");
    }
}

#[test]
fn what_could_not_be_resolved_is_not_recorded() {
    let fences = "{secretArns: ['*'], kmsKeys: ['*']}";
    for (what, id, key) in
        [("a name", "gone", ""), ("a partial ARN", &ALIEN[..ALIEN.len() - 7], ""), ("an alias", ALIEN, ", kmsKey: alias/gone")]
    {
        let mut story = Story::new(fenced(inputs(&with_secret(id, key)), fences));
        if what == "an alias" {
            story.world.secrets.insert("crown/jewels".into(), existing(ALIEN, None));
        }
        story.pass();
        assert_eq!(story.status().secrets, [], "{what}");
        assert!(story.fault("CredentialsSynced").is_some_and(|(reason, _)| reason == "DependencyNotFound"), "{what}");
    }
}

fn forged(secrets: &[(&str, Option<&str>)]) -> PrivateImageWorkload {
    let mut sibling = workload("web", API);
    let secret = |(arn, key): &(&str, Option<&str>)| SecretStatus {
        registry: "quay.io".into(),
        name: None,
        arn: (*arn).to_owned(),
        version_id: None,
        kms_key_arn: key.map(str::to_owned),
        former: false,
    };
    sibling.status = Some(PrivateImageWorkloadStatus {
        observed_generation: Some(1),
        secrets: secrets.iter().map(secret).collect(),
        ..PrivateImageWorkloadStatus::default()
    });
    sibling
}

#[test]
fn a_forged_status_gains_nothing() {
    let own = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/x/quay.io/pull-AbCdEf";
    let elsewhere = own.replace("eu-west-1", "us-east-1");
    let rows = [
        ("{}", ALIEN, None, 0, 0),
        ("{}", own, None, 1, 0),
        ("{}", &elsewhere, None, 1, 0),
        ("{}", own, Some(KEY), 1, 0),
        ("{}", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/*", None, 0, 0),
        ("{}", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/paymentsx/quay.io/pull-AbCdEf", None, 0, 0),
        ("{}", "*", None, 0, 0),
        ("{secretArns: ['*:crown/*']}", ALIEN, Some(KEY), 1, 0),
        ("{secretArns: ['*'], kmsKeys: ['*']}", ALIEN, Some("*"), 1, 0),
        ("{secretArns: ['*'], kmsKeys: ['arn:aws:kms:*:*:key/1234abcd-*']}", ALIEN, Some(KEY), 1, 1),
        ("{secretArns: ['*'], kmsKeys: [alias/registry]}", ALIEN, Some(KEY), 1, 1),
        ("{secretArns: ['*'], kmsKeys: [alias/registry]}", ALIEN, Some("alias/other"), 1, 0),
    ];
    for (limits, arn, key, secrets, keys) in rows {
        let of_neighbour = {
            let mut story = Story::new(fenced(inputs(API), limits));
            story.inputs.siblings = vec![forged(&[(arn, key)]).into()];
            for arn in [own, &elsewhere] {
                let tags = super::fixtures::desired(&story.inputs).definition.owner.tags();
                story.world.secrets.insert(arn.to_owned(), ObservedSecret { tags, ..existing(arn, None) });
            }
            story.settle();
            granted(&story)
        };
        let of_itself = {
            let mut story = Story::new(fenced(inputs(API), limits));
            story.inputs.workload.status = forged(&[(arn, key)]).status;
            story.settle();
            granted(&story)
        };
        assert_eq!(
            (of_neighbour.secrets().len(), of_neighbour.keys().len()),
            (secrets + 1, keys),
            "{limits} {arn} {key:?}: {of_neighbour:?}"
        );
        assert_eq!((of_itself.secrets().len(), of_itself.keys().len()), (1, 0), "no revision of its own names it: {of_itself:?}");
    }
}

/// While a secret is held, what else carries our names is looked at but not yet told apart; it must not be recorded.
#[test]
fn a_foreign_thing_is_not_recorded_while_something_else_is_held() {
    let held: [(&str, fn(&mut Inputs)); 3] = [
        ("an alias that is not there", |inputs| inputs.workload.spec.credentials[0].kms_key = Some("alias/gone".into())),
        ("a key that is not admitted", |inputs| inputs.workload.spec.credentials[0].kms_key = Some(KEY.into())),
        ("nothing", |_| {}),
    ];
    for (what, change) in held {
        let mut found = Story::settled(inputs(API));
        found.inputs.workload.status = None;
        change(&mut found.inputs);
        // Somebody else's things of the very names that ours have or will have.
        let name = super::fixtures::desired(&found.inputs).secrets[0].name.clone();
        let mut secret = found.world.secrets.pop_first().unwrap().1;
        secret.tags.clear();
        found.world.secrets.insert(name, secret);
        found.world.roles.values_mut().for_each(|role| role.seen.tags.clear());
        found.world.definitions.values_mut().flatten().for_each(|revision| revision.tags.clear());
        let before = found.world.clone();
        for _ in 0..3 {
            found.pass();
            assert_eq!(found.world, before, "{what}: nothing is written");
            let status = found.status();
            assert_eq!((&status.definition, &status.execution_role_arn), (&None, &None), "{what}");
            assert_eq!(status.secrets, [], "{what}");
        }
        assert!(!holds(&found.plan()).is_empty());
    }
}

/// What was recorded once stays recorded while it cannot be seen.
#[test]
fn a_blind_pass_forgets_nothing() {
    let mut story = Story::settled(inputs(API));
    let before = story.status().clone();
    for kind in [FailureKind::Denied, FailureKind::Throttled, FailureKind::Transient] {
        story.world.blind = Some(failure(kind));
        story.pass();
        let now = story.status();
        assert_eq!((&now.secrets, &now.definition), (&before.secrets, &before.definition));
        assert_eq!((&now.execution_role_arn, &now.target), (&before.execution_role_arn, &before.target));
    }
    story.world.blind = None;
    assert_eq!(story.settle(), 0);
    assert_eq!(story.fault("Ready"), None);
}

/// Names that begin alike are not the same secret.
#[test]
fn a_former_secret_with_a_similar_name_stays_granted() {
    let long = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared/gh-extra-AbCdEf";
    let short = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared/gh-AbCdEf";
    let mut story = Story::new(fenced(inputs(&with_secret("shared/gh-extra", "")), "{secretArns: ['*:shared/*']}"));
    story.world.secrets.insert("shared/gh-extra".into(), existing(long, None));
    story.world.secrets.insert("shared/gh".into(), existing(short, None));
    story.settle();
    story.respec(&with_secret("shared/gh", ""));
    story.settle();
    assert_eq!(granted(&story).secrets(), [long.to_owned(), short.to_owned()].into());
}

/// A secret under our own prefix needs no fence, if it is this very namespace's: one of the same name may have been made before.
#[test]
fn a_secret_of_an_earlier_namespace_of_the_name_is_not_ours() {
    let own = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/x/registry.example.com/pull-AbCdEf";
    let settled = Story::settled(inputs(API));
    let ours = settled.world.secrets.values().next().unwrap().tags.clone();
    let with = |key: &str, value: &str| ours.clone().into_iter().chain([(key.to_owned(), value.to_owned())]).collect();
    let rows: [(&str, wharfinger::resource::tags::Tags, bool); 4] = [
        ("this namespace's", ours.clone(), true),
        ("an earlier namespace's", with(NAMESPACE_UID, "uid-earlier"), false),
        ("another cluster's", with(CLUSTER, "cluster-2"), false),
        ("nobody's", Default::default(), false),
    ];
    for (what, tags, admitted) in rows {
        let mut story = Story::new(inputs(&with_secret(own, "")));
        story.world.secrets.insert("x".into(), ObservedSecret { tags, ..existing(own, None) });
        assert_eq!(holds(&story.plan()).is_empty(), admitted, "{what}: {}", story.plan());
        story.pass();
        assert_eq!(granted(&story).secrets().contains(own), admitted, "{what}");
    }
}
