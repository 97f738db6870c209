//! Copies in other Regions and readers of other accounts, on what moto knows of them: it says `InSync` at once, and lets everybody
//! read.

use super::*;

const READER: &str = "arn:aws:iam::444455556666:role/reader";

/// A spec with a copy in another Region and a reader of another account, each with a customer key.
fn shared() -> Value {
    let copy = json!({"region": "us-east-1", "kmsKey": "alias/registry"});
    json!({"kmsKey": "alias/registry", "replicas": [copy], "readers": [{"roleArn": READER}]})
}

/// A world where it may be shared so, the login, and the keys here and there.
async fn sharing(name: &str) -> (World, [String; 2]) {
    let world = World::enter(name).await.binding(|spec| spec["limits"]["readers"] = json!([READER])).start().await;
    world.login("first").await;
    let there = world.aws.in_region("us-east-1");
    let keys = [world.aws.key("alias/registry").await, there.key("alias/registry").await];
    (world, keys)
}

#[tokio::test]
async fn copies_and_readers_are_kept() {
    let (world, [key, key_there]) = sharing("regcred-shared").await;
    world.apply(&manifest(&world.name, shared())).await;
    let status = world.credential_ready().await;
    assert_eq!(status.secret.as_ref().and_then(|secret| secret.kms_key_arn.clone()), Some(key));
    assert_eq!(status.replicas.iter().map(|copy| copy.region.as_str()).collect::<Vec<_>>(), ["us-east-1"]);
    let statement: Value = serde_json::from_str(status.key_policy_statement.as_deref().expect("a statement")).expect("JSON");
    assert_eq!(statement["Principal"]["AWS"], json!([READER]));
    assert_eq!(status.replicas[0].kms_key_arn, Some(key_there));
    let there = status.replicas[0].key_policy_statement.as_deref().expect("a statement for the copy's key");
    assert!(there.contains("secretsmanager.us-east-1.amazonaws.com"), "{there}");
    let policy = async || {
        let found = world.aws.json("secretsmanager", "GetResourcePolicy", json!({"SecretId": world.pull_name()})).await;
        found["ResourcePolicy"].as_str().map(|text| serde_json::from_str::<Value>(text).expect("JSON"))
    };
    assert_eq!(policy().await.expect("a policy")["Statement"][0]["Principal"]["AWS"], json!([READER]));
    let put = world.proxy.calls().into_iter().find(|call| call.operation == "PutResourcePolicy").expect("the call");
    assert_eq!(put.body["BlockPublicPolicy"], true);
    world.proxy.forget();
    world.apply(&manifest(&world.name, json!({}))).await;
    world.credential_ready().await;
    assert!(world.described().await["ReplicationStatus"].as_array().is_none_or(Vec::is_empty));
    assert_eq!(policy().await, None);
}

#[tokio::test]
async fn what_aws_says_of_copies_is_told() {
    let rows = [("Failed", "RefusedByAws", "already exists"), ("InProgress", "Progressing", "is being made")];
    each(rows.map(|row| (row.0.to_owned(), row)), |(state, reason, told)| async move {
        let world = World::start("regcred-copy").await;
        world.login("first").await;
        world.apply(&manifest(&world.name, json!({"replicas": [{"region": "us-east-1"}]}))).await;
        world.credential_ready().await;
        let mut answer = world.described().await;
        answer["ReplicationStatus"] =
            json!([{"Region": "us-east-1", "Status": state, "StatusMessage": "a secret of that name already exists"}]);
        world.proxy.inject(Rule::on("DescribeSecret", Fault::Answer(answer)));
        world.proxy.inject(Rule::on("ReplicateSecretToRegions", Fault::Answer(json!({}))));
        world.proxy.forget();
        world.patch_credential(json!({"metadata": {"annotations": {"wharfinger.dev/requestedAt": state}}})).await;
        let message = world.credential_waits(reason).await;
        assert!(message.contains(told), "{message}");
        let again = world.proxy.written().iter().any(|operation| operation == "ReplicateSecretToRegions");
        assert_eq!(again, state == "Failed", "{state}: one that failed is asked for again");
        world.proxy.heal();
        world.patch_credential(json!({"metadata": {"annotations": {"wharfinger.dev/requestedAt": "healed"}}})).await;
        world.credential_ready().await;
    })
    .await;
}

#[tokio::test]
async fn a_creation_survives_a_kill_at_any_write() {
    let rows = (0..3).flat_map(|nth| [false, true].map(|done| (format!("write {nth}, done: {done}"), (nth, done))));
    each(rows, |(nth, done)| async move {
        let (mut world, _) = sharing("regcred-crash").await;
        let reached = world.proxy.hold_write(nth, done);
        world.apply(&manifest(&world.name, shared())).await;
        assert!(timeout(PATIENCE, reached.notified()).await.is_ok(), "write {nth}: {:?}", world.proxy.counts());
        world.kill();
        world.proxy.heal();
        world.run().await;
        world.credential_ready().await;
        let secret = world.aws.holdings().await.secrets.remove(0);
        assert_eq!((secret.versions.len(), secret.value), (1, Some(json!({"username": USER, "password": "first"}))));
        assert_eq!(world.described().await["ReplicationStatus"].as_array().map(Vec::len), Some(1));
    })
    .await;
}
