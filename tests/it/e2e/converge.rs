//! From a manifest to AWS, and nothing more once it is there.

use super::holdings::Holdings;
use super::manifests::{BATCH_FORMS, IMAGE, REGISTRY, USER, batch, ecs, source, with};
use super::proxy::Call;
use super::rows::each;
use super::waits::conditions;
use super::world::World;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The writes of one creation, in order.
pub(super) const CREATION: [&str; 5] =
    ["CreateSecret", "CreateRole", "AttachRolePolicy", "PutRolePolicy", "RegisterTaskDefinition"];

/// All of an account is what one workload needs, once: `password` under AWSCURRENT, one role with one policy, one revision.
pub(super) fn assert_whole(world: &World, holdings: &Holdings, workload: &str, password: &str) {
    let [secret] = holdings.secrets.as_slice() else { panic!("not one secret: {:#?}", holdings.secrets) };
    assert_eq!(secret.name, world.secret_name("regcred"));
    assert_eq!(secret.value, Some(json!({"username": USER, "password": password})));
    assert!(!secret.deleted);
    let [role] = holdings.roles.as_slice() else { panic!("not one role: {:#?}", holdings.roles) };
    assert_eq!(role.name, world.role_name());
    let [statement] = role.trust["Statement"].as_array().expect("statements").as_slice() else { panic!("{}", role.trust) };
    assert_eq!(statement["Principal"], json!({"Service": "ecs-tasks.amazonaws.com"}));
    assert_eq!(statement["Action"], "sts:AssumeRole");
    let policies: Vec<(&String, &Value)> = role.inline.iter().collect();
    let [(name, policy)] = policies.as_slice() else { panic!("not one inline policy: {policies:#?}") };
    let hash = name.strip_prefix("wharfinger-").expect("our policy's name");
    assert!(hash.len() == 16 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{name}");
    assert_eq!(granted(policy), [("secretsmanager:GetSecretValue".to_owned(), secret.arn.clone())]);
    let definitions: Vec<_> = holdings.definitions().collect();
    let arns: Vec<_> = definitions.iter().map(|definition| &definition.arn).collect();
    let [definition] = definitions.as_slice() else { panic!("not one active revision: {arns:?}") };
    assert_eq!(definition.name, world.definition_name(workload));
    for (tags, owner) in [
        (&secret.tags, "Secret/regcred".to_owned()),
        (&role.tags, format!("Namespace/{}", world.name)),
        (&definition.tags, format!("PrivateImageWorkload/{workload}")),
    ] {
        assert_eq!(tags.get("wharfinger.dev/owner"), Some(&owner), "{tags:?}");
        assert_eq!(tags.get("wharfinger.dev/namespace"), Some(&world.name), "{tags:?}");
        assert!(tags.contains_key("wharfinger.dev/cluster") && tags.contains_key("wharfinger.dev/namespace-uid"), "{tags:?}");
    }
    assert!(definition.tags.contains_key("wharfinger.dev/content-hash"), "{:?}", definition.tags);
    let private: Vec<_> = definition.containers().into_iter().filter(|container| container["image"] == IMAGE).collect();
    assert!(!private.is_empty());
    for container in private {
        assert_eq!(container["repositoryCredentials"], json!({"credentialsParameter": secret.arn}), "{container:#}");
    }
    assert!(
        definition.content.to_string().contains(&format!("\"executionRoleArn\":\"{}\"", role.arn)),
        "{:#}",
        definition.content
    );
}

/// Action and resource of each statement, sorted.
pub(super) fn granted(policy: &Value) -> Vec<(String, String)> {
    let list = |value: &Value| match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        other => vec![other.as_str().unwrap_or_default().to_owned()],
    };
    let mut found = vec![];
    for statement in policy["Statement"].as_array().expect("statements") {
        assert_eq!(statement["Effect"], "Allow", "{policy:#}");
        for action in list(&statement["Action"]) {
            found.extend(list(&statement["Resource"]).into_iter().map(|resource| (action.clone(), resource)));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn an_ecs_workload_takes_five_writes_and_at_most_five_reads() {
    let world = World::start("ecs").await;
    let workload = world.converge_ecs("api").await;
    assert_eq!(world.proxy.written(), CREATION);
    let reads = world.proxy.calls().into_iter().take_while(|call| call.operation != CREATION[4]).filter(|call| !call.is_write());
    let reads: Vec<String> = reads.map(|call| call.operation).filter(|read| *read != "AssumeRole").collect();
    assert!(reads.len() <= 5, "{reads:?}");
    let holdings = world.aws.holdings().await;
    assert_whole(&world, &holdings, "api", "first");
    let (secret, role, task) = (&holdings.secrets[0], &holdings.roles[0], &holdings.tasks[0]);
    assert_eq!(role.attached, ["arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"]);
    let status = workload.status.clone().expect("a status");
    assert_eq!(status.definition.map(|it| (it.arn, it.revision)), Some((task.arn.clone(), 1)));
    assert_eq!(status.execution_role_arn.as_ref(), Some(&role.arn));
    let [recorded] = status.secrets.as_slice() else { panic!("{:?}", status.secrets) };
    assert_eq!(
        (recorded.registry.as_str(), &recorded.arn, recorded.version_id.as_deref()),
        (REGISTRY, &secret.arn, secret.current())
    );
    let target = status.target.expect("a target");
    assert_eq!(
        (target.account_id, target.region, target.binding),
        (world.aws.id.clone(), "eu-west-1".into(), Some(world.name.clone()))
    );
    assert_eq!((status.plan, status.warnings), (None, vec![]));
    let succeeded = ("True".to_owned(), "Succeeded".to_owned());
    let parts = ["CredentialsSynced", "DefinitionRegistered", "ExecutionRoleReady", "Ready"];
    assert_eq!(conditions(&workload), parts.map(|part| (part.to_owned(), succeeded.clone())).into());
}

#[tokio::test]
async fn a_batch_job_converges_in_each_of_its_three_forms() {
    each(BATCH_FORMS.map(|form| (form.to_owned(), form)), |form| async move {
        let world = World::start("batch").await;
        world.login("first").await;
        world.apply(&batch(&world.name, "settlement", form)).await;
        world.ready("settlement").await;
        let holdings = world.aws.holdings().await;
        assert_whole(&world, &holdings, "settlement", "first");
        assert!(holdings.jobs[0].content[form].is_object(), "{:#}", holdings.jobs[0].content);
        world.proxy.forget();
        world.poke("settlement").await;
        assert_eq!(world.proxy.written(), [] as [&str; 0], "a second pass finds nothing to do");
    })
    .await;
}

#[tokio::test]
async fn every_kind_of_source_secret_becomes_the_same_json() {
    let world = World::start("sources").await;
    let auth = STANDARD.encode(format!("{USER}:s3cret"));
    let entry = json!({REGISTRY: {"auth": auth}});
    let pair = json!({"username": USER, "password": "s3cret"});
    let rows = [
        ("dockerconfigjson", "kubernetes.io/dockerconfigjson", json!({".dockerconfigjson": json!({"auths": entry}).to_string()})),
        ("dockercfg", "kubernetes.io/dockercfg", json!({".dockercfg": entry.to_string()})),
        ("basic-auth", "kubernetes.io/basic-auth", pair.clone()),
        ("opaque", "Opaque", pair),
    ];
    for (name, kind, data) in &rows {
        world.apply(&source(&world.name, name, kind, data.clone())).await;
        let credentials = json!([{"secretRef": {"name": name}, "registry": REGISTRY}]);
        world.apply(&with(ecs(&world.name, name), "/spec/credentials", credentials)).await;
    }
    for (name, ..) in &rows {
        world.ready(name).await;
    }
    let holdings = world.aws.holdings().await;
    assert_eq!(holdings.secrets.len(), rows.len(), "one secret a source");
    for secret in &holdings.secrets {
        assert_eq!(secret.value, Some(json!({"username": USER, "password": "s3cret"})), "{}", secret.name);
    }
    let arns: Vec<_> =
        holdings.secrets.iter().map(|secret| ("secretsmanager:GetSecretValue".to_owned(), secret.arn.clone())).collect();
    let [role] = holdings.roles.as_slice() else { panic!("not one role: {:#?}", holdings.roles) };
    assert_eq!(role.inline.values().flat_map(granted).collect::<Vec<_>>(), arns, "the shared role may read all of them");
}

#[tokio::test]
async fn applying_the_same_again_writes_nothing() {
    let world = World::start("again").await;
    world.converge_ecs("api").await;
    let before = world.aws.holdings().await;
    world.proxy.forget();
    world.converge_ecs("api").await;
    world.poke("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    assert_eq!(world.proxy.counts().get("GetSecretValue"), None, "values are not read back");
    assert_eq!(world.aws.holdings().await, before);
}

#[tokio::test]
async fn a_pass_that_finds_nothing_new_writes_no_status() {
    let world = World::start("quiet").await;
    world.login("first").await;
    world.apply(&with(ecs(&world.name, "api"), "/spec/interval", json!("1s"))).await;
    world.ready("api").await;
    let before = world.poke("api").await;
    world.proxy.forget();
    let looked = |calls: &[Call]| calls.iter().filter(|call| call.operation == "DescribeTaskDefinition").count() >= 2;
    world.proxy.until("two passes by the interval", looked).await;
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    assert_eq!(world.get("api").await.metadata.resource_version, before.metadata.resource_version);
}

#[tokio::test]
async fn a_restarted_controller_writes_nothing() {
    let mut world = World::start("restart").await;
    world.converge_ecs("api").await;
    world.kill();
    world.proxy.forget();
    world.run().await;
    world.poke("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    assert_whole(&world, &world.aws.holdings().await, "api", "first");
}

#[tokio::test]
async fn a_new_password_is_one_new_version_and_an_old_one_is_put_back() {
    let world = World::start("password").await;
    world.converge_ecs("api").await;
    // Each password and what it takes. Secrets Manager forgets the label of all but the last two versions, and ignores a value
    // that is put again under its token: then AWSCURRENT is moved all the same.
    let rows: [(&str, &[&str]); 5] = [
        ("second", &["PutSecretValue"]),
        ("first", &["UpdateSecretVersionStage"]),
        ("third", &["PutSecretValue"]),
        ("fourth", &["PutSecretValue"]),
        ("first", &["PutSecretValue", "UpdateSecretVersionStage"]),
    ];
    for (password, writes) in rows {
        world.proxy.forget();
        world.login(password).await;
        let last = *writes.last().expect("a write");
        world.proxy.until(last, |calls| calls.iter().any(|call| call.operation == last && call.status.is_some())).await;
        world.poke("api").await;
        assert_eq!(world.proxy.written(), writes, "{password}");
        let holdings = world.aws.holdings().await;
        assert_whole(&world, &holdings, "api", password);
        assert_eq!(holdings.tasks[0].revision, 1, "running tasks read the value at their start");
        let recorded = world.get("api").await.status.unwrap_or_default().secrets[0].version_id.clone();
        assert_eq!(recorded.as_deref(), holdings.secrets[0].current());
    }
}

#[tokio::test]
async fn a_new_image_is_one_new_revision() {
    let world = World::start("image").await;
    world.converge_ecs("api").await;
    world.proxy.forget();
    let image = "registry.example.com/payments/api:1.5.0";
    world.apply(&with(ecs(&world.name, "api"), "/spec/image", json!(image))).await;
    let status = world.ready("api").await.status.expect("a status");
    assert_eq!(status.definition.map(|definition| definition.revision), Some(2));
    world.poke("api").await;
    assert_eq!(world.proxy.written(), ["RegisterTaskDefinition"]);
    let revisions = world.aws.holdings().await.tasks;
    let images: Vec<String> = revisions.iter().map(|revision| revision.containers()[0]["image"].to_string()).collect();
    assert_eq!(images, [format!("\"{IMAGE}\""), format!("\"{image}\"")], "the older revision is left alone");
}
