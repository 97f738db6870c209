//! Workloads that pull with a `RegistryCredential`: where a reference leads, and where it must not.

use super::fixtures::{binding, desired, inputs};
use super::registry_credential::{LIMITS, QUAY, Scene};
use super::story::{Story, steps};
use serde_json::json;
use wharfinger::api::RegistryCredential;
use wharfinger::inputs::Bindings;
use wharfinger::resource::grants::Grants;
use wharfinger::resource::verification::LoginSource;

/// A workload with a reference, and the credential as its own passes left it.
fn with_reference(reference: &str, credential: RegistryCredential) -> Story {
    let spec = format!(
        "{{image: quay.io/acme/api:1, credentials: [{{credentialRef: {reference}}}], ecs: {{containerDefinitions: [{{name: api}}]}}}}"
    );
    let mut inputs = inputs(&spec);
    let mut prod = binding("prod", LIMITS);
    prod.spec.regions = vec!["eu-west-1".into(), "us-east-1".into()];
    inputs.workload.spec.region = Some("eu-west-1".into());
    inputs.bindings = Bindings::Objects(vec![prod]);
    inputs.credentials = vec![credential];
    Story::new(inputs)
}

#[test]
fn a_workload_pulls_with_it_by_reference() {
    let scene = Scene::settled(QUAY);
    let arn = scene.status().secret.as_ref().unwrap().arn.clone();
    let mut story = with_reference("{name: quay}", scene.inputs.credential.clone());
    story.settle();
    assert_eq!(story.status().secrets[0].arn, arn);
    let policy = story.world.roles.values().next().unwrap().inline.values().next().unwrap();
    assert_eq!(Grants::from_policy(policy).unwrap().secrets(), [arn.clone()].into());
    let content = &story.world.definitions["payments_api"][0].content;
    assert_eq!(content["containerDefinitions"][0]["repositoryCredentials"]["credentialsParameter"], arn);
    assert!(story.world.secrets.is_empty(), "the workload neither makes nor looks at a secret");
    // A new value changes nothing for it.
    let mut rotated = scene.inputs.credential.clone();
    let secret = rotated.status.as_mut().unwrap().secret.as_mut().unwrap();
    (secret.version_id, secret.synced_at) = (Some("another".into()), Some("2026-03-01T00:00:00Z".into()));
    story.inputs.credentials = vec![rotated];
    assert_eq!(story.settle(), 0);
    assert!(steps(&story.removal()).iter().all(|step| step != "DeleteSecret"), "nor does it take it along");
}

/// Containers pull with what AWS holds: while a change of the source is on its way, the source proves nothing.
#[test]
fn a_proof_goes_by_the_login_that_the_secret_holds() {
    let scene = Scene::settled(QUAY);
    let asked = |version: Option<&str>| {
        let mut credential = scene.inputs.credential.clone();
        let secret = credential.status.as_mut().unwrap().secret.as_mut().unwrap();
        secret.version_id = version.map_or(secret.version_id.clone(), |version| Some(version.to_owned()));
        let mut story = with_reference("{name: quay}", credential);
        story.inputs.sources.insert("quay-login".into(), scene.inputs.source.clone().unwrap());
        desired(&story.inputs).images[0].login.clone()
    };
    assert!(matches!(asked(None), LoginSource::Given { .. }));
    assert_eq!(asked(Some("another")), LoginSource::Stored { arn: None });
}

#[test]
fn a_reference_leads_only_where_it_may() {
    let change = |change: &dyn Fn(&mut RegistryCredential)| {
        let mut credential = Scene::settled(QUAY).inputs.credential;
        change(&mut credential);
        credential
    };
    let elsewhere = |allowed: Option<&str>| {
        let mut credential = Scene::settled(QUAY).inputs.credential;
        credential.metadata.namespace = Some("security".into());
        credential.spec.allowed_namespaces = allowed.map(|selector| serde_saphyr::from_str(selector).unwrap());
        let secret = credential.status.as_mut().unwrap().secret.as_mut().unwrap();
        secret.arn = secret.arn.replace("/payments/", "/security/");
        credential
    };
    let (own, other) = ("{name: quay}", "{name: quay, namespace: security}");
    let alien = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:crown/jewels-AbCdEf";
    let set_arn = |arn: &'static str| {
        move |it: &mut RegistryCredential| it.status.as_mut().unwrap().secret.as_mut().unwrap().arn = arn.to_owned()
    };
    let rows: Vec<(&str, &str, RegistryCredential, Option<&str>)> = vec![
        ("its own", own, change(&|_| {}), None),
        ("none of that name", "{name: other}", change(&|_| {}), Some("DependencyNotFound")),
        ("not synced", own, change(&|it| it.status = None), Some("Progressing")),
        (
            "being deleted",
            own,
            change(&|it| it.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap()),
            Some("Progressing"),
        ),
        ("a status that names another secret", own, change(&set_arn(alien)), Some("Progressing")),
        (
            "a status that names another of the namespace",
            own,
            change(&set_arn("arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/other/credential-AbCdEf")),
            Some("Progressing"),
        ),
        (
            "a status of another account",
            own,
            change(&set_arn("arn:aws:secretsmanager:eu-west-1:999999999999:secret:wharfinger/payments/quay/credential-AbCdEf")),
            Some("Progressing"),
        ),
        (
            "a status that leads to a Region of no binding",
            own,
            change(&|it| {
                let status = it.status.as_mut().unwrap();
                let secret = status.secret.as_mut().unwrap();
                secret.arn = secret.arn.replace("eu-west-1", "ap-south-1");
                status.target.as_mut().unwrap().region = "ap-south-1".into();
            }),
            Some("Progressing"),
        ),
        (
            "a status with what only planning knows",
            own,
            change(&set_arn("${arn of secret wharfinger/payments/quay/credential}")),
            Some("Progressing"),
        ),
        (
            "a key that is not admitted",
            own,
            change(&|it| {
                it.status.as_mut().unwrap().secret.as_mut().unwrap().kms_key_arn =
                    Some("arn:aws:kms:eu-west-1:999999999999:key/x".into())
            }),
            Some("Progressing"),
        ),
        ("another namespace's, admitted", other, elsewhere(Some("{matchLabels: {team: payments}}")), None),
        ("another namespace's, admitting all", other, elsewhere(Some("{}")), None),
        (
            "another namespace's, not admitted",
            other,
            elsewhere(Some("{matchLabels: {team: orders}}")),
            Some("DependencyNotFound"),
        ),
        ("another namespace's, admitting none", other, elsewhere(None), Some("DependencyNotFound")),
    ];
    let mut told = vec![];
    for (what, reference, credential, reason) in rows {
        let mut story = with_reference(reference, credential);
        story.pass();
        let fault = story.fault("Ready");
        assert_eq!(fault.as_ref().map(|(reason, _)| reason.as_str()), reason, "{what}: {fault:?}");
        assert_eq!(story.world.writes == 0, reason.is_some(), "{what}");
        told.extend(fault.filter(|_| reference == other).map(|(_, message)| message));
    }
    let mut missing = with_reference(other, change(&|_| {}));
    missing.pass();
    told.push(missing.fault("Ready").unwrap().1);
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "not found and not allowed read the same: {told:?}");
}

/// The copy in the workload's own Region is nearer.
#[test]
fn a_copy_in_the_workloads_region_comes_first() {
    let spec = "{registry: quay.io, secretRef: {name: quay-login}, replicas: [{region: us-east-1}]}";
    let credential = Scene::settled(spec).inputs.credential;
    let mut story = with_reference("{name: quay}", credential.clone());
    story.inputs.workload.spec.region = Some("us-east-1".into());
    story.pass();
    assert!(story.status().secrets[0].arn.contains(":us-east-1:"), "{:?}", story.status().secrets);
    let mut without = credential;
    without.status.as_mut().unwrap().replicas.clear();
    let mut story = with_reference("{name: quay}", without);
    story.inputs.workload.spec.region = Some("us-east-1".into());
    story.pass();
    assert!(story.status().secrets[0].arn.contains(":eu-west-1:"));
    assert!(story.status().warnings.join("\n").contains("has no copy in us-east-1"), "{:?}", story.status().warnings);
}

/// Nothing is copied for a secret that is only named: copies in its status are forged, and the fence admits one ARN.
#[test]
fn a_named_secret_has_no_copies() {
    let mut credential = Scene::settled(QUAY).inputs.credential;
    let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/named-AbCdEf";
    (credential.spec.secret_ref, credential.spec.secret_arn) = (None, Some(arn.into()));
    let status = credential.status.as_mut().unwrap();
    status.secret = Some(serde_json::from_value(json!({"arn": arn})).unwrap());
    status.replicas = serde_json::from_value(json!([{"region": "us-east-1", "state": "InSync"}])).unwrap();
    let mut story = with_reference("{name: quay}", credential);
    story.inputs.workload.spec.region = Some("us-east-1".into());
    story.pass();
    assert_eq!(story.status().secrets[0].arn, arn);
}

/// What others have in its resource policy cannot be read before it is restored, so nothing is written over it.
#[test]
fn a_secret_is_restored_before_its_readers_are_looked_at() {
    let mut scene = Scene::settled("{registry: quay.io, secretRef: {name: quay-login}, replicas: [{region: us-east-1}]}");
    scene.world.secrets.values_mut().for_each(|secret| secret.scheduled_for_deletion = true);
    scene.world.secrets.values_mut().for_each(|secret| secret.replicas.clear());
    assert_eq!(steps(&scene.plan()), ["RestoreSecret"]);
    scene.settle();
    assert!(scene.world.secrets.values().all(|secret| !secret.scheduled_for_deletion && secret.replicas.len() == 1));
}
