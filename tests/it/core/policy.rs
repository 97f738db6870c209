//! The inline policy that workloads of one namespace share: widened at once, narrowed only when everybody's needs are known.

use super::fixtures::{API, docker, fenced, inputs, workload};
use super::story::{Story, holds, steps};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};
use std::sync::Arc;
use wharfinger::api::{DeletionPolicy, PrivateImageWorkload, PrivateImageWorkloadStatus, SecretStatus};
use wharfinger::resource::grants::{Grants, Permission, PullSources};
use wharfinger::resource::policy::{same_meaning, size};
use wharfinger::resource::secret::ObservedSecret;
use wharfinger::resource::tags::{CLUSTER, NAMESPACE_UID};

const OTHER: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/other/quay.io/pull-AbCdEf";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// Another workload of the namespace, whose status names these secrets.
fn sibling(name: &str, secrets: &[&str], key: Option<&str>) -> PrivateImageWorkload {
    let mut sibling = workload(name, API);
    let secret = |arn: &&str| SecretStatus {
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
        conditions: vec![ready("True")],
        ..PrivateImageWorkloadStatus::default()
    });
    sibling
}

/// These secrets are there, and of this namespace.
fn there<'a>(story: &mut Story, arns: impl IntoIterator<Item = &'a str>) {
    let tags = [(CLUSTER, "cluster-1"), (NAMESPACE_UID, "uid-payments")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    for arn in arns {
        let secret = ObservedSecret { arn: arn.to_owned(), tags: tags.clone().into(), ..ObservedSecret::default() };
        story.world.secrets.insert(arn.to_owned(), secret);
    }
}

fn ready(status: &str) -> Condition {
    serde_json::from_value(json!({
        "type": "Ready", "status": status, "reason": "Any", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"
    }))
    .unwrap()
}

fn policy(story: &Story) -> &Value {
    story.world.roles[&story.role()].inline.values().next().unwrap()
}

fn granted(story: &Story) -> Vec<String> {
    Grants::from_policy(policy(story)).unwrap().secrets().into_iter().collect()
}

#[test]
fn it_is_awss_sample_with_full_arns() {
    let story = Story::settled(inputs(API));
    let arn = story.world.secrets.values().next().unwrap().arn.clone();
    let sample = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": [arn]}
    ]});
    assert!(same_meaning(policy(&story), &sample), "{}", policy(&story));
    let spec = API.replace("{name: regcred}}", "{name: regcred}, kmsKey: alias/x}");
    let mut story = Story::new(fenced(inputs(&spec), "{kmsKeys: [alias/x]}"));
    story.world.keys.insert("alias/x".into(), KEY.into());
    story.settle();
    let grants = Grants::from_policy(policy(&story)).unwrap();
    assert_eq!(grants.keys(), [KEY.to_owned()].into(), "the ARN of a customer key, never the alias");
}

#[test]
fn it_is_the_union_of_what_all_need() {
    let mut inputs = inputs(API);
    inputs.siblings = vec![sibling("web", &[OTHER], None).into(), sibling("api", &["arn:aws:x"], None).into()];
    let mut story = Story::new(inputs);
    there(&mut story, [OTHER]);
    story.settle();
    assert_eq!(granted(&story).len(), 2, "its own and the other's, not that of its own older self");
    assert!(granted(&story).contains(&OTHER.to_owned()));
}

#[test]
fn it_is_narrowed_only_from_a_complete_list() {
    let stale = |mut sibling: PrivateImageWorkload| {
        sibling.metadata.generation = Some(2);
        sibling
    };
    let waiting = |mut sibling: PrivateImageWorkload| {
        sibling.status.as_mut().unwrap().conditions = vec![ready("False")];
        sibling
    };
    let fresh = |mut sibling: PrivateImageWorkload| {
        sibling.status = None;
        sibling
    };
    let going = |mut sibling: PrivateImageWorkload, policy| {
        sibling.metadata.deletion_timestamp = Some(serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap());
        sibling.spec.deletion_policy = policy;
        sibling
    };
    let elsewhere = |mut sibling: PrivateImageWorkload| {
        sibling.spec.execution_role = Some(serde_saphyr::from_str("{name: wharfinger_payments_own}").unwrap());
        stale(sibling)
    };
    let rows = [
        ("nobody else", vec![], true, true),
        ("one who needs it", vec![sibling("web", &[OTHER], None)], true, false),
        ("one who needs nothing", vec![sibling("web", &[], None)], true, true),
        (
            "one that is not ready, so that its needs may not be in its status",
            vec![waiting(sibling("web", &[], None))],
            true,
            false,
        ),
        ("one whose last pass was on another spec", vec![stale(sibling("web", &[], None))], true, false),
        ("one who had no pass yet", vec![fresh(sibling("web", &[], None))], true, false),
        ("one who is going and still needs it", vec![going(sibling("web", &[OTHER], None), DeletionPolicy::Delete)], true, false),
        ("one who is going and leaves all", vec![going(sibling("web", &[OTHER], None), DeletionPolicy::Retain)], true, false),
        ("one with a role of its own", vec![elsewhere(sibling("web", &[OTHER], None))], true, true),
        ("a list of which nobody knows whether it is complete", vec![], false, false),
    ];
    for (what, siblings, complete, narrowed) in rows {
        let mut story = Story::settled(inputs(API));
        let wide: Grants = granted(&story).into_iter().chain([OTHER.to_owned()]).map(Permission::ReadSecret).collect();
        let role = story.role();
        let name = story.world.roles[&role].inline.keys().next().unwrap().clone();
        story.world.roles.get_mut(&role).unwrap().inline.insert(name, wide.policy(&PullSources::default()));
        story.inputs.siblings = siblings.into_iter().map(Arc::new).collect();
        story.inputs.siblings_complete = complete;
        story.pass();
        assert_eq!(!granted(&story).contains(&OTHER.to_owned()), narrowed, "{what}");
        let told = story.status().warnings.join("\n");
        let unknown = !narrowed && !what.contains("needs it") && !what.contains("leaves all");
        assert_eq!(told.contains("not narrowed yet"), unknown, "{what}: {told}");
        assert_eq!(story.fault("Ready"), None, "{what}: it is no fault");
    }
}

/// A policy that somebody changed by hand is put right, and still nothing that others may need is taken away.
#[test]
fn a_policy_that_is_not_understood_is_narrowed_no_more_than_another() {
    let mut story = Story::settled(inputs(API));
    story.inputs.siblings_complete = false;
    let role = story.role();
    let document = story.world.roles.get_mut(&role).unwrap().inline.values_mut().next().unwrap();
    *document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": OTHER},
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    ]});
    story.settle();
    assert_eq!(granted(&story).len(), 2, "both secrets, and no s3: {}", policy(&story));
}

#[test]
fn it_is_not_written_beyond_what_iam_takes() {
    let arn = |index: usize| OTHER.replace("AbCdEf", &format!("{index:06}"));
    let many: Vec<String> = (0..120).map(arn).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut story = Story::new(inputs(API));
    there(&mut story, many.iter().copied());
    story.inputs.siblings = vec![sibling("web", &many, None).into()];
    let plan = story.plan();
    assert!(!steps(&plan).contains(&"PutRolePolicy".to_owned()), "{plan}");
    assert_eq!(holds(&plan), [("Role".into(), "Missing".into()), ("Definition".into(), "Waiting".into())]);
    assert!(plan.to_string().contains("IAM allows 10240 a role; most ask PrivateImageWorkload/web ("), "{plan}");
    story.inputs.siblings = vec![sibling("web", &many[..80], None).into()];
    assert_eq!(holds(&story.plan()), []);
}

/// What a namespace may hold: 500 workloads with 80 logins between them, all under one customer key.
#[test]
fn a_large_namespace_fits_on_its_role() {
    let secret = |index: usize| {
        let name = format!("wharfinger/payments/login-{}/registry-{}.example.com/pull", index % 80, index % 80);
        format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{name}-{:06}", index % 80)
    };
    let mut story = Story::new(fenced(inputs(API), "{kmsKeys: ['arn:aws:kms:eu-west-1:111122223333:key/*']}"));
    let all: Vec<String> = (0..80).map(secret).collect();
    there(&mut story, all.iter().map(String::as_str));
    story.inputs.siblings = (0..499).map(|index| sibling(&format!("w{index}"), &[&secret(index)], Some(KEY)).into()).collect();
    story.settle();
    let grants = Grants::from_policy(policy(&story)).unwrap();
    assert_eq!((grants.secrets().len(), grants.keys().len()), (81, 1));
    assert!(size(policy(&story)) <= 10_240, "{}", size(policy(&story)));
    assert_eq!(story.settle(), 0);
}

#[test]
fn the_last_who_needs_a_login_takes_the_policy_along() {
    let mut story = Story::settled(inputs(API));
    story.respec("ecs: {containerDefinitions: [{name: api, image: 'public.ecr.aws/nginx/nginx:1'}]}");
    story.settle();
    assert_eq!(granted(&story).len(), 1, "the revision that is still registered needs it");
    story.inputs.workload.status.as_mut().unwrap().secrets.clear();
    story.settle();
    assert_eq!(granted(&story).len(), 1, "whatever the status knows of it");
    story.inputs.workload.spec.revision_history_limit = Some(0);
    story.settle();
    assert!(story.world.roles[&story.role()].inline.is_empty());
}

/// Changing the Secret makes the new secret before anything old is given up.
#[test]
fn what_older_revisions_pull_with_stays_granted() {
    let mut story = Story::settled(inputs(API));
    let before = granted(&story);
    story.inputs.sources.insert("second".into(), docker(&[("registry.example.com", "b", "2")]));
    story.respec(&API.replace("regcred", "second"));
    story.settle();
    assert_eq!(granted(&story).len(), 2);
    assert!(granted(&story).contains(&before[0]));
    assert_eq!(story.status().secrets.len(), 2);
    assert_eq!(story.settle(), 0);
}
