//! What is within the fences and yet another's: told and left alone, whoever's pass it is.

use super::fixtures::{ACCOUNT, API, fenced, inputs, workload};
use super::story::{Story, steps};
use serde_json::{Value, json};
use wharfinger::api::{PrivateImageWorkload, PrivateImageWorkloadStatus, SecretStatus};
use wharfinger::resource::policy::trust_policy;
use wharfinger::resource::role::ObservedRole;
use wharfinger::resource::secret::ObservedSecret;
use wharfinger::resource::tags::{CLUSTER, NAMESPACE, NAMESPACE_UID, OWNER, Tags};

pub(crate) fn tags(cluster: &str, namespace_uid: &str) -> Tags {
    let tags = [(CLUSTER, cluster), (NAMESPACE_UID, namespace_uid), (OWNER, "Namespace/ships"), (NAMESPACE, "ships")];
    tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// A pattern that admits roles does not hand over those that were made for other namespaces.
#[test]
fn a_role_that_was_made_for_another_namespace_is_not_used() {
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/wharfinger_ships");
    for (what, tags, used) in [
        ("no tags", Tags::new(), true),
        ("tags of somebody's own", [("team".to_owned(), "ships".to_owned())].into(), true),
        ("made for this namespace", tags("cluster-1", "uid-payments"), true),
        ("made for another namespace", tags("cluster-1", "uid-ships"), false),
        ("made by another cluster", tags("cluster-2", "uid-payments"), false),
    ] {
        let spec = format!("{API}executionRole: {{arn: '{arn}'}}");
        let mut story = Story::new(fenced(inputs(&spec), "{existingRoles: ['arn:aws:iam::*:role/*']}"));
        let trust = trust_policy("aws", Default::default(), ACCOUNT, &Default::default());
        let seen = ObservedRole { arn: arn.clone(), trust, tags, ..Default::default() };
        let role = super::world::Role { seen, inline: [("theirs".to_owned(), json!({}))].into(), attached: Default::default() };
        story.world.roles.insert("wharfinger_ships".into(), role.clone());
        story.pass();
        story.pass();
        assert_eq!(story.world.roles["wharfinger_ships"] != role, used, "{what}: our policy is on it");
        assert_eq!(story.fault("Ready").is_none(), used, "{what}: {:?}", story.fault("Ready"));
        if !used {
            assert_eq!(steps(&story.plan()), [] as [&str; 0], "{what}");
        }
    }
}

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/db-AbCdEf";

/// Another workload whose container reads the secret, or whose status says that it pulls with it.
fn others() -> [(&'static str, PrivateImageWorkload); 4] {
    let reads = |named: &str| {
        let spec = API.replace("{name: api", &format!("{{name: api, secrets: [{{name: A, valueFrom: '{named}'}}]"));
        assert_ne!(spec, API);
        workload("web", &spec)
    };
    let mut says = workload("web", API);
    let secret = SecretStatus {
        registry: "quay.io".into(),
        name: None,
        arn: SECRET.into(),
        version_id: None,
        kms_key_arn: None,
        former: false,
    };
    says.status = Some(PrivateImageWorkloadStatus { secrets: vec![secret], ..Default::default() });
    let (stem, _) = SECRET.rsplit_once('-').unwrap();
    [
        ("a container's secret", reads(SECRET)),
        ("a container's secret by a part of its ARN", reads(stem)),
        ("what a parameter stands for", reads("/aws/reference/secretsmanager/wharfinger/payments/db")),
        ("a status", says),
    ]
}

fn granted(story: &Story) -> bool {
    let policies = story.world.roles.values().flat_map(|role| role.inline.values());
    policies.map(Value::to_string).any(|policy| policy.contains("wharfinger/payments/db-"))
}

/// What a workload's own pass would refuse is not granted for it by the pass of another.
#[test]
fn what_others_name_is_looked_at_before_it_is_granted() {
    let limits = "{ssmParameters: ['*']}";
    for (what, other) in others() {
        for (whose, tags, admitted, expected) in [
            ("ours", tags("cluster-1", "uid-payments"), limits, true),
            ("an earlier namespace's", tags("cluster-1", "uid-earlier"), limits, false),
            ("another cluster's", tags("cluster-2", "uid-payments"), limits, false),
            ("nobody's", Tags::new(), limits, false),
            ("nobody's, and admitted", Tags::new(), "{ssmParameters: ['*'], secretArns: ['*']}", true),
        ] {
            let mut story = Story::new(fenced(inputs(API), admitted));
            let secret = ObservedSecret { arn: SECRET.into(), tags, ..ObservedSecret::default() };
            story.world.secrets.insert("wharfinger/payments/db".into(), secret);
            story.inputs.siblings = vec![other.clone().into()];
            story.settle();
            assert_eq!(granted(&story), expected, "{what}, {whose}");
            // Its own pass has granted it: that is not undone by a look at what is gone meanwhile.
            story.world.secrets.remove("wharfinger/payments/db");
            story.settle();
            assert_eq!(granted(&story), expected, "{what}, {whose}: later");
            story.world.roles.clear();
            story.settle();
            let still = expected && admitted != limits;
            assert_eq!(granted(&story), still, "{what}, {whose}: what cannot be looked at waits for its own pass");
        }
        let mut story = Story::new(fenced(inputs(API), limits));
        story.inputs.siblings = vec![other.into()];
        story.settle();
        assert!(!granted(&story), "{what}: not there");
    }
}
