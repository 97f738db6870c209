//! What does not carry our tags is neither changed nor deleted, whatever its name.

use super::converge::assert_whole;
use super::manifests::{batch, ecs};
use super::rows::each;
use super::world::World;
use serde_json::{Value, json};

#[derive(Clone, Copy, PartialEq)]
enum Foreign {
    Secret,
    Role,
    Family,
    Job,
}

use Foreign::*;

/// Whose a thing is.
#[derive(Clone, Copy, Debug)]
enum Stranger {
    Nobody,
    AnotherCluster,
    /// A namespace of the same name that is gone by now.
    AnotherNamespace,
}

async fn tags(world: &World, what: Foreign, whose: Stranger) -> Value {
    let uid = |metadata: kube::api::ObjectMeta| metadata.uid.unwrap_or_default();
    let namespaces = world.api("v1", "Namespace");
    let (cluster, uid) = match whose {
        Stranger::Nobody => return json!({"team": "another"}),
        Stranger::AnotherCluster => ("c2".to_owned(), uid(namespaces.get(&world.name).await.expect("the namespace").metadata)),
        Stranger::AnotherNamespace => {
            (uid(namespaces.get("kube-system").await.expect("the namespace").metadata), "u2".to_owned())
        }
    };
    let owner = match what {
        Secret => "Secret/regcred".to_owned(),
        Role => format!("Namespace/{}", world.name),
        Family | Job => "PrivateImageWorkload/api".to_owned(),
    };
    json!({"wharfinger.dev/cluster": cluster, "wharfinger.dev/namespace-uid": uid, "wharfinger.dev/namespace": world.name,
        "wharfinger.dev/owner": owner})
}

fn list(tags: &Value, key: &str, value: &str) -> Value {
    tags.as_object().expect("tags").iter().map(|(name, text)| json!({key: name, value: text})).collect()
}

async fn make(world: &World, what: Foreign, tags: &Value) {
    let (aws, name) = (&world.aws, world.definition_name("api"));
    let container = json!({"name": "x", "image": "x"});
    match what {
        Secret => {
            let secret = json!({"Name": world.secret_name("regcred"), "SecretString": "theirs", "Tags": list(tags, "Key", "Value"),
                "ClientRequestToken": "t".repeat(32)});
            aws.json("secretsmanager", "CreateSecret", secret).await;
        }
        Role => {
            let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": {"Service": "ec2.amazonaws.com"}}]});
            let pairs = tags.as_object().expect("tags").iter().enumerate();
            let pairs: Vec<(String, String)> = pairs
                .flat_map(|(at, (key, value))| {
                    let member = |part: &str| format!("Tags.member.{}.{part}", at + 1);
                    [(member("Key"), key.clone()), (member("Value"), value.as_str().unwrap_or_default().to_owned())]
                })
                .collect();
            let (role, trust) = (world.role_name(), trust.to_string());
            let fixed = [("RoleName", role.as_str()), ("AssumeRolePolicyDocument", trust.as_str())];
            let all: Vec<(&str, &str)> = fixed.into_iter().chain(pairs.iter().map(|(key, value)| (&**key, &**value))).collect();
            aws.iam("CreateRole", &all).await;
        }
        Family => {
            let task =
                json!({"family": name, "memory": "512", "containerDefinitions": [container], "tags": list(tags, "key", "value")});
            aws.json("ecs", "RegisterTaskDefinition", task).await;
        }
        Job => {
            let small = json!({"image": "x", "memory": 512, "vcpus": 1});
            let job = json!({"jobDefinitionName": name, "type": "container", "containerProperties": small, "tags": tags});
            aws.json("batch", "RegisterJobDefinition", job).await;
        }
    }
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone_and_named() {
    let rows = [("a secret", Secret), ("a role", Role), ("a family", Family), ("a job definition", Job)];
    let whose = [Stranger::Nobody, Stranger::AnotherCluster, Stranger::AnotherNamespace];
    let rows = rows.into_iter().flat_map(|(name, what)| whose.map(|whose| (format!("{name}, {whose:?}"), (what, whose))));
    each(rows, |(what, whose)| async move {
        let world = World::start("foreign").await;
        make(&world, what, &tags(&world, what, whose).await).await;
        let before = world.aws.holdings().await;
        world.login("first").await;
        let manifest = if what == Job { batch(&world.name, "api", "containerProperties") } else { ecs(&world.name, "api") };
        world.apply(&manifest).await;
        let condition = world.not_ready("api", "OwnershipConflict").await;
        let name = match what {
            Secret => world.secret_name("regcred"),
            Role => world.role_name(),
            Family | Job => world.definition_name("api"),
        };
        assert!(condition.message.contains(&name), "{}", condition.message);
        assert!(condition.message.contains("left alone"), "what to do: {}", condition.message);
        world.poke("api").await;
        let after = world.aws.holdings().await;
        match what {
            Secret => assert_eq!(after, before, "nothing that leads to it is made either"),
            Role => assert_eq!((&after.roles, after.definitions().count()), (&before.roles, 0)),
            Family | Job => assert_eq!((&after.tasks, &after.jobs), (&before.tasks, &before.jobs)),
        }
        world.delete_and_wait("api").await;
        let left = world.aws.holdings().await;
        let kept: Vec<_> = left.secrets.into_iter().filter(|secret| !secret.deleted).collect();
        assert_eq!((kept, left.roles, left.tasks, left.jobs), (before.secrets, before.roles, before.tasks, before.jobs));
    })
    .await;
}

#[tokio::test]
async fn once_the_stranger_is_gone_the_workload_converges() {
    let world = World::start("stranger").await;
    make(&world, Secret, &tags(&world, Secret, Stranger::Nobody).await).await;
    world.login("first").await;
    world.apply(&ecs(&world.name, "api")).await;
    world.not_ready("api", "OwnershipConflict").await;
    let theirs = json!({"SecretId": world.secret_name("regcred"), "ForceDeleteWithoutRecovery": true});
    world.aws.json("secretsmanager", "DeleteSecret", theirs).await;
    world.poke("api").await;
    world.ready("api").await;
    assert_whole(&world, &world.aws.holdings().await, "api", "first");
}

#[tokio::test]
async fn another_hands_policies_on_our_role_are_not_touched() {
    let world = World::start("policies").await;
    world.converge_ecs("api").await;
    let (role, theirs) = (
        world.role_name(),
        json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}),
    );
    let policy = [("RoleName", role.as_str()), ("PolicyName", "theirs"), ("PolicyDocument", &theirs.to_string())];
    world.aws.iam("PutRolePolicy", &policy).await;
    world.proxy.forget();
    world.poke("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    assert_eq!(world.aws.holdings().await.roles[0].inline["theirs"], theirs);
}

#[tokio::test]
async fn a_newer_revision_by_another_hand_is_not_touched() {
    let world = World::start("newer").await;
    world.converge_ecs("api").await;
    make(&world, Family, &tags(&world, Secret, Stranger::Nobody).await).await;
    let before = world.aws.holdings().await;
    assert_eq!(before.tasks.len(), 2);
    world.proxy.forget();
    let status = world.poke("api").await.status.expect("a status");
    assert_eq!(world.proxy.written(), [] as [&str; 0], "ours is still registered");
    assert_eq!(status.definition.map(|definition| definition.revision), Some(1));
    world.delete_and_wait("api").await;
    let left = world.aws.holdings().await.tasks;
    assert_eq!(left, before.tasks[1..], "theirs stays");
}
