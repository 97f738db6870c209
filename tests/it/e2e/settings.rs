//! What a spec may choose: the role, the key, secrets that exist already, several registries.

use super::account::Account;
use super::converge::granted;
use super::manifests::{REGISTRY, ecs, login, source, with};
use super::rows::each;
use super::world::World;
use serde_json::{Value, json};

/// A trust policy as AWS asks for it.
pub(super) const EXECUTION_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

pub(super) async fn existing_secret(aws: &Account, name: &str, key: Option<&str>) -> String {
    let mut secret =
        json!({"Name": name, "SecretString": r#"{"username":"a","password":"b"}"#, "ClientRequestToken": "e".repeat(32)});
    if let Some(key) = key {
        secret["KmsKeyId"] = json!(key);
    }
    let made = aws.json("secretsmanager", "CreateSecret", secret).await;
    made["ARN"].as_str().expect("an ARN").to_owned()
}

#[tokio::test]
async fn of_an_existing_role_one_inline_policy_is_kept_and_nothing_else() {
    let world = World::start("existing-role").await;
    let trust = [("RoleName", "ecsTaskExecutionRole"), ("AssumeRolePolicyDocument", EXECUTION_TRUST)];
    world.aws.iam("CreateRole", &trust).await;
    let before = world.aws.holdings().await.roles;
    world.login("first").await;
    world.apply(&with(ecs(&world.name, "api"), "/spec/executionRole", json!({"arn": before[0].arn}))).await;
    world.ready("api").await;
    assert_eq!(world.proxy.written(), ["CreateSecret", "PutRolePolicy", "RegisterTaskDefinition"]);
    let holdings = world.aws.holdings().await;
    let [role] = holdings.roles.as_slice() else { panic!("{:#?}", holdings.roles) };
    assert_eq!(role.inline.values().flat_map(granted).count(), 1);
    assert_eq!((&role.trust, &role.tags, &role.attached), (&before[0].trust, &before[0].tags, &before[0].attached));
    assert_eq!(holdings.tasks[0].content["executionRoleArn"], role.arn.as_str());
    world.delete_and_wait("api").await;
    assert_eq!(world.aws.holdings().await.roles, before, "and that one goes with the workload");
}

#[tokio::test]
async fn a_role_may_have_a_name_a_path_and_a_boundary() {
    let world = World::enter("own-role").await.binding(|spec| {
        spec["limits"]["rolePath"] = json!("/wharfinger/");
        let boundary = format!("arn:aws:iam::{}:policy/boundary", spec["accountId"].as_str().expect("an account"));
        spec["limits"]["permissionsBoundaryArn"] = json!(boundary);
    });
    let world = world.start().await;
    let (name, boundary) = (format!("{}_web", world.role_name()), format!("arn:aws:iam::{}:policy/boundary", world.aws.id));
    let document = EXECUTION_TRUST.replace(r#","Principal":{"Service":"ecs-tasks.amazonaws.com"}"#, r#","Resource":"*""#);
    world.aws.iam("CreatePolicy", &[("PolicyName", "boundary"), ("PolicyDocument", &document)]).await;
    world.login("first").await;
    world.apply(&with(ecs(&world.name, "api"), "/spec/executionRole", json!({"name": name}))).await;
    world.ready("api").await;
    let arn = format!("arn:aws:iam::{}:role/wharfinger/{name}", world.aws.id);
    let holdings = world.aws.holdings().await;
    assert_eq!(holdings.roles[0].arn, arn);
    assert_eq!(holdings.tasks[0].content["executionRoleArn"], arn.as_str());
    let created = world.proxy.writes().into_iter().find(|call| call.operation == "CreateRole").expect("the call").body;
    assert_eq!((&created["Path"], &created["PermissionsBoundary"]), (&json!("/wharfinger/"), &json!(boundary)));
}

#[tokio::test]
async fn a_customer_key_is_used_and_granted_by_its_key_arn() {
    let rows = ["alias", "alias ARN", "key id", "key ARN"].map(|form| (form.to_owned(), form));
    each(rows, |form| async move {
        let world = World::start("key").await;
        let arn = world.aws.key("alias/registry").await;
        let written = match form {
            "alias" => "alias/registry".to_owned(),
            "alias ARN" => format!("arn:aws:kms:eu-west-1:{}:alias/registry", world.aws.id),
            "key id" => arn.rsplit('/').next().expect("an id").to_owned(),
            _ => arn.clone(),
        };
        world.login("first").await;
        world.apply(&with(ecs(&world.name, "api"), "/spec/credentials/0/kmsKey", json!(written))).await;
        world.ready("api").await;
        world.poke("api").await;
        let holdings = world.aws.holdings().await;
        let [secret] = holdings.secrets.as_slice() else { panic!("{:#?}", holdings.secrets) };
        assert_eq!(secret.kms_key.as_ref(), Some(&arn));
        let grants: Vec<_> = holdings.roles[0].inline.values().flat_map(granted).collect();
        let wanted = [("kms:Decrypt", &arn), ("secretsmanager:GetSecretValue", &secret.arn)];
        assert_eq!(grants, wanted.map(|(action, arn)| (action.to_owned(), arn.clone())));
        assert_eq!(world.proxy.written().len(), 5, "the second pass found nothing to do: {:?}", world.proxy.written());
    })
    .await;
}

#[tokio::test]
async fn an_existing_secret_is_named_by_its_full_arn_and_never_written() {
    let rows = ["name", "partial ARN", "full ARN", "pasted"].map(|form| (form.to_owned(), form));
    each(rows, |form| async move {
        let world = World::start("existing-secret").await;
        let key = world.aws.key("alias/theirs").await;
        let arn = existing_secret(&world.aws, "shared/registry", Some(&key)).await;
        let before = world.aws.holdings().await.secrets;
        let written = match form {
            "name" | "pasted" => "shared/registry".to_owned(),
            "partial ARN" => arn.rsplit_once('-').expect("a suffix").0.to_owned(),
            _ => arn.clone(),
        };
        let manifest = match form {
            "pasted" => {
                let bare = with(ecs(&world.name, "api"), "/spec/credentials", Value::Null);
                let pasted = json!({"credentialsParameter": written});
                with(bare, "/spec/ecs/containerDefinitions/0/repositoryCredentials", pasted)
            }
            _ => with(ecs(&world.name, "api"), "/spec/credentials/0", json!({"registry": REGISTRY, "secretArn": written})),
        };
        world.apply(&manifest).await;
        world.ready("api").await;
        world.poke("api").await;
        let holdings = world.aws.holdings().await;
        assert_eq!(holdings.secrets, before);
        assert_eq!(holdings.tasks[0].containers()[0]["repositoryCredentials"]["credentialsParameter"], arn.as_str());
        let grants: Vec<_> = holdings.roles[0].inline.values().flat_map(granted).collect();
        let wanted = [("kms:Decrypt", &key), ("secretsmanager:GetSecretValue", &arn)];
        assert_eq!(grants, wanted.map(|(action, arn)| (action.to_owned(), arn.clone())), "its key was discovered");
        let calls = world.proxy.counts();
        assert_eq!(
            (calls.get("GetSecretValue"), calls.get("TagResource"), calls.get("RegisterTaskDefinition")),
            (None, None, Some(&1))
        );
        world.delete_and_wait("api").await;
        assert_eq!(world.aws.holdings().await.secrets, before, "nor deleted");
    })
    .await;
}

#[tokio::test]
async fn each_container_pulls_with_the_login_of_its_registry() {
    let world = World::start("registries").await;
    world.login("first").await;
    world.apply(&source(&world.name, "ghcr", "kubernetes.io/basic-auth", json!({"username": "bot", "password": "token"}))).await;
    let credentials = json!([{"secretRef": {"name": "regcred"}}, {"registry": "ghcr.io/acme", "secretRef": {"name": "ghcr"}}]);
    let image = |name: &str, image: &str| json!({"name": name, "image": image});
    let containers = json!([
        {"name": "main"},
        image("proxy", "ghcr.io/acme/proxy:1"),
        image("ecr", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/x:1"),
        image("public", "public.ecr.aws/docker/library/busybox:1"),
    ]);
    let manifest = with(ecs(&world.name, "web"), "/spec/credentials", credentials);
    world.apply(&with(manifest, "/spec/ecs/containerDefinitions", containers)).await;
    world.ready("web").await;
    let holdings = world.aws.holdings().await;
    let arn = |name: &str| {
        let found = holdings.secrets.iter().find(|secret| secret.name.contains(&format!("/{name}/")));
        found.map_or(Value::Null, |secret| json!(secret.arn))
    };
    let used: Vec<Value> =
        holdings.tasks[0].containers().iter().map(|it| it["repositoryCredentials"]["credentialsParameter"].clone()).collect();
    assert_eq!(used, [arn("regcred"), arn("ghcr"), Value::Null, Value::Null]);
    assert_eq!(holdings.roles[0].inline.values().flat_map(granted).count(), 2);
    assert_eq!(holdings.roles[0].attached.len(), 1, "ECR needs the managed policy");
}

#[tokio::test]
async fn a_credential_that_is_taken_away_stays_granted_while_a_revision_names_it() {
    let world = World::start("former").await;
    world.converge_ecs("api").await;
    world.apply(&with(login(&world.name, "other"), "/metadata/name", json!("other"))).await;
    world.apply(&with(ecs(&world.name, "api"), "/spec/credentials/0/secretRef/name", json!("other"))).await;
    let status = world.ready("api").await.status.expect("a status");
    assert_eq!(status.definition.map(|definition| definition.revision), Some(2));
    let holdings = world.aws.holdings().await;
    assert_eq!(holdings.secrets.iter().filter(|secret| !secret.deleted).count(), 2, "revision 1 may still be running");
    assert_eq!(holdings.roles[0].inline.values().flat_map(granted).count(), 2);
    world.delete_and_wait("api").await;
    let left = world.aws.holdings().await;
    assert!(left.is_empty(), "both go with the workload: {left:#?}");
}

#[tokio::test]
async fn the_users_tags_go_along_with_ours() {
    let world = World::start("tags").await;
    world.login("first").await;
    world.apply(&with(ecs(&world.name, "api"), "/spec/ecs/tags", json!([{"key": "team", "value": "payments"}]))).await;
    world.ready("api").await;
    world.poke("api").await;
    let tags = world.aws.holdings().await.tasks[0].tags.clone();
    assert_eq!(tags.get("team").map(String::as_str), Some("payments"));
    assert_eq!(tags.get("wharfinger.dev/owner").map(String::as_str), Some("PrivateImageWorkload/api"));
    assert_eq!(world.proxy.written(), super::converge::CREATION);
}
