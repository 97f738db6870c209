//! What somebody changed or deleted in AWS behind Wharfinger's back is found at the next pass and repaired.

use super::account::Account;
use super::converge::assert_whole;
use super::holdings::Holdings;
use super::manifests::{BATCH_FORMS, batch, ecs};
use super::rows::each;
use super::world::World;
use serde_json::{Value, json};

#[derive(Clone, Copy)]
enum Damage {
    AnotherValue,
    TwoOtherValues,
    OneSecretTag,
    AllSecretTags,
    SecretDescription,
    SecretScheduled,
    SecretGone,
    InlinePolicyGone,
    InlinePolicyNarrowed,
    InlinePolicyWidened,
    TrustPolicy,
    ManagedPolicy,
    RoleTag,
    RoleGone,
    Deregistered,
    DefinitionTags,
}

use Damage::*;

const ROWS: [(&str, Damage, &[&str]); 16] = [
    ("another value", AnotherValue, &["UpdateSecretVersionStage"]),
    ("two other values, so that ours has lost its label", TwoOtherValues, &["PutSecretValue", "UpdateSecretVersionStage"]),
    ("one of the secret's tags removed", OneSecretTag, &["TagResource"]),
    ("all of the secret's tags removed", AllSecretTags, &["TagResource"]),
    ("the secret's description", SecretDescription, &["UpdateSecret"]),
    ("the secret scheduled for deletion", SecretScheduled, &["RestoreSecret"]),
    ("the secret gone for good", SecretGone, &["CreateSecret", "PutRolePolicy", "RegisterTaskDefinition"]),
    ("the inline policy deleted", InlinePolicyGone, &["PutRolePolicy"]),
    ("the inline policy narrowed", InlinePolicyNarrowed, &["PutRolePolicy"]),
    ("the inline policy widened", InlinePolicyWidened, &["PutRolePolicy"]),
    ("the trust policy", TrustPolicy, &["UpdateAssumeRolePolicy"]),
    ("the managed policy detached", ManagedPolicy, &["AttachRolePolicy"]),
    ("the role's tag for people removed", RoleTag, &["TagRole"]),
    ("the role deleted", RoleGone, &["CreateRole", "AttachRolePolicy", "PutRolePolicy"]),
    ("the definition deregistered", Deregistered, &["RegisterTaskDefinition"]),
    ("the definition's tags removed", DefinitionTags, &["TagResource"]),
];

const TAGS: [&str; 4] =
    ["wharfinger.dev/cluster", "wharfinger.dev/namespace-uid", "wharfinger.dev/owner", "wharfinger.dev/namespace"];

fn statement(action: &str, resource: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]})
}

async fn put_value(aws: &Account, arn: &str, token: &str) {
    let value = json!({"SecretId": arn, "SecretString": token, "ClientRequestToken": token.repeat(32)});
    aws.json("secretsmanager", "PutSecretValue", value).await;
}

async fn untag_role(aws: &Account, role: &str, tags: &[&str]) {
    let keys: Vec<String> = (1..=tags.len()).map(|number| format!("TagKeys.member.{number}")).collect();
    let keys = keys.iter().map(String::as_str).zip(tags.iter().copied());
    aws.iam("UntagRole", &[("RoleName", role)].into_iter().chain(keys).collect::<Vec<_>>()).await;
}

async fn damage_secret(aws: &Account, arn: &str, damage: Damage) {
    let untag = |tags: &[&str]| json!({"SecretId": arn, "TagKeys": tags});
    let (operation, body) = match damage {
        AnotherValue => return put_value(aws, arn, "x").await,
        TwoOtherValues => {
            put_value(aws, arn, "x").await;
            return put_value(aws, arn, "y").await;
        }
        OneSecretTag => ("UntagResource", untag(&TAGS[2..3])),
        AllSecretTags => ("UntagResource", untag(&TAGS)),
        SecretDescription => {
            ("UpdateSecret", json!({"SecretId": arn, "Description": "mine", "ClientRequestToken": "z".repeat(32)}))
        }
        SecretScheduled => ("DeleteSecret", json!({"SecretId": arn, "RecoveryWindowInDays": 7})),
        _ => ("DeleteSecret", json!({"SecretId": arn, "ForceDeleteWithoutRecovery": true})),
    };
    aws.json("secretsmanager", operation, body).await;
}

async fn damage_role(aws: &Account, holdings: &Holdings, damage: Damage) {
    let role = &holdings.roles[0];
    let name = ("RoleName", role.name.as_str());
    let policy = ("PolicyName", role.inline.keys().next().expect("our policy").as_str());
    let put = |document: Value| async move {
        aws.iam("PutRolePolicy", &[name, policy, ("PolicyDocument", &document.to_string())]).await;
    };
    match damage {
        InlinePolicyNarrowed => {
            put(statement("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:1:secret:x")).await
        }
        InlinePolicyWidened => put(statement("secretsmanager:*", "*")).await,
        TrustPolicy => {
            let mut trust = role.trust.clone();
            trust["Statement"][0]["Principal"] = json!({"Service": "lambda.amazonaws.com"});
            aws.iam("UpdateAssumeRolePolicy", &[name, ("PolicyDocument", &trust.to_string())]).await;
        }
        RoleTag => untag_role(aws, &role.name, &TAGS[3..]).await,
        _ => {}
    }
    if let InlinePolicyGone | RoleGone = damage {
        aws.iam("DeleteRolePolicy", &[name, policy]).await;
    }
    if let ManagedPolicy | RoleGone = damage {
        aws.iam("DetachRolePolicy", &[name, ("PolicyArn", &role.attached[0])]).await;
    }
    if let RoleGone = damage {
        aws.iam("DeleteRole", &[name]).await;
    }
}

async fn damage_definition(aws: &Account, arn: &str, damage: Damage) {
    match damage {
        Deregistered => aws.json("ecs", "DeregisterTaskDefinition", json!({"taskDefinition": arn})).await,
        _ => aws.json("ecs", "UntagResource", json!({"resourceArn": arn, "tagKeys": TAGS})).await,
    };
}

async fn inflict(world: &World, holdings: &Holdings, damage: Damage) {
    let aws = &world.aws;
    match damage {
        AnotherValue | TwoOtherValues | OneSecretTag | AllSecretTags | SecretDescription | SecretScheduled | SecretGone => {
            damage_secret(aws, &holdings.secrets[0].arn, damage).await;
        }
        Deregistered | DefinitionTags => damage_definition(aws, &holdings.tasks[0].arn, damage).await,
        _ => damage_role(aws, holdings, damage).await,
    }
}

#[tokio::test]
async fn what_was_changed_or_deleted_by_hand_is_repaired_at_the_next_pass() {
    each(ROWS.map(|(name, damage, writes)| (name.to_owned(), (damage, writes))), |(damage, writes)| async move {
        let world = World::start("drift").await;
        world.converge_ecs("api").await;
        let before = world.aws.holdings().await;
        world.proxy.forget();
        inflict(&world, &before, damage).await;
        assert_ne!(world.aws.holdings().await, before, "the damage is done");
        world.poke("api").await;
        world.ready("api").await;
        let mut written = world.proxy.written();
        written.sort_by_key(|operation| writes.iter().position(|write| write == operation));
        assert_eq!(written, writes);
        let mut after = world.aws.holdings().await;
        if let SecretGone = damage {
            after.tasks.remove(0); // the revision that names the lost secret is left alone
        }
        assert_whole(&world, &after, "api", "first");
        after.secrets.iter_mut().for_each(|secret| secret.versions.retain(|_, labels| labels.contains(&"AWSCURRENT".to_owned())));
        match damage {
            SecretGone => assert_ne!(after.secrets[0].arn, before.secrets[0].arn, "AWS gives it another suffix"),
            Deregistered => assert_eq!(after.tasks[0].revision, 2, "a revision cannot be brought back"),
            _ => assert_eq!(after, before, "all is as it was"),
        }
        world.proxy.forget();
        world.poke("api").await;
        assert_eq!(world.proxy.written(), [] as [&str; 0], "and the pass after that finds nothing to do");
    })
    .await;
}

#[tokio::test]
async fn a_role_that_lost_its_owner_is_left_alone_until_it_is_tagged_again() {
    let world = World::start("drift-role").await;
    world.converge_ecs("api").await;
    let before = world.aws.holdings().await.roles;
    untag_role(&world.aws, &world.role_name(), &TAGS).await;
    world.proxy.forget();
    world.poke("api").await;
    world.not_ready("api", "OwnershipConflict").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0], "a role is no secret: whoever may write a status may not claim one");
    let tags = before[0].tags.iter().enumerate();
    let tags: Vec<(String, &str)> = tags
        .flat_map(|(at, (key, value))| {
            let member = |part: &str| format!("Tags.member.{}.{part}", at + 1);
            [(member("Key"), key.as_str()), (member("Value"), value.as_str())]
        })
        .collect();
    let name = world.role_name();
    let all = [("RoleName", name.as_str())].into_iter().chain(tags.iter().map(|(key, value)| (key.as_str(), *value)));
    world.aws.iam("TagRole", &all.collect::<Vec<_>>()).await;
    world.poke("api").await;
    world.ready("api").await;
    assert_eq!(world.aws.holdings().await.roles, before);
}

#[tokio::test]
async fn a_deregistered_job_definition_is_registered_again_in_each_of_its_forms() {
    each(BATCH_FORMS.map(|form| (form.to_owned(), form)), |form| async move {
        let world = World::start("drift-batch").await;
        world.login("first").await;
        world.apply(&batch(&world.name, "settlement", form)).await;
        world.ready("settlement").await;
        let arn = world.aws.holdings().await.jobs[0].arn.clone();
        world.aws.try_json("batch", "DeregisterJobDefinition", json!({"jobDefinition": arn})).await.expect("deregistered");
        world.proxy.forget();
        world.poke("settlement").await;
        assert_eq!(world.proxy.written(), ["RegisterJobDefinition"]);
        let holdings = world.aws.holdings().await;
        assert_whole(&world, &holdings, "settlement", "first");
        assert_eq!(holdings.jobs[0].revision, 2);
    })
    .await;
}

#[tokio::test]
async fn drift_is_counted_and_told_in_one_event() {
    let mut world = World::start("drift-told").await;
    world.converge_ecs("api").await;
    let holdings = world.aws.holdings().await;
    inflict(&world, &holdings, InlinePolicyGone).await;
    world.poke("api").await;
    let (status, metrics) = world.controller().get("metrics_addr", "/metrics").await;
    assert_eq!(status, 200);
    let counted = metrics.lines().any(|line| line.contains("drift") && !line.starts_with('#') && !line.ends_with(" 0"));
    assert!(counted, "{metrics}");
    let told = world.events("api").await;
    assert!(told.iter().any(|event| event.contains(&world.role_name())), "{told:#?}");
}

#[tokio::test]
async fn without_a_request_drift_is_found_when_the_interval_is_over() {
    let world = World::start("drift-interval").await;
    world.login("first").await;
    let manifest = super::manifests::with(ecs(&world.name, "api"), "/spec/interval", json!("1s"));
    world.apply(&manifest).await;
    world.ready("api").await;
    let holdings = world.aws.holdings().await;
    world.proxy.forget();
    inflict(&world, &holdings, ManagedPolicy).await;
    world.proxy.until("the repair", |calls| calls.iter().any(|call| call.operation == "AttachRolePolicy")).await;
}
