//! Proof that a credential pulls an image, against the real registry.

use super::cli::{folder, namespace, yaml};
use super::manifests::{ecs, source, with};
use super::registry::Registry;
use super::waits::condition;
use super::world::World;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};
use wharfinger::api::PrivateImageWorkload;

/// A password that the registry does not know, and that must be seen nowhere.
const WRONG: &str = "wr0ng-c4nary-p4ssw0rd";

/// A world whose binding lets its controller ask the registry at its loopback address.
async fn enter(test: &str) -> (World, Registry) {
    let world = World::enter(test).await.binding(|spec| {
        spec["limits"]["registries"] = json!(["127.0.0.1:*"]);
        spec["limits"]["privateRegistries"] = json!(["127.0.0.1:*"]);
    });
    (world.start().await, Registry::find())
}

/// The Secret `regcred` with a login for the registry.
fn login(world: &World, registry: &Registry, password: &str) -> Value {
    let config = json!({"auths": {&registry.host: {"username": registry.user, "password": password}}});
    source(&world.name, "regcred", "kubernetes.io/dockerconfigjson", json!({".dockerconfigjson": config.to_string()}))
}

fn repository(world: &World) -> String {
    format!("{}/api", world.name)
}

fn workload(world: &World, registry: &Registry, verify: &str) -> Value {
    let image = format!("{}/{}:1.0", registry.host, repository(world));
    with(with(ecs(&world.name, "api"), "/spec/image", json!(image)), "/spec/verify", json!(verify))
}

fn verified(workload: &PrivateImageWorkload) -> Condition {
    condition(workload.status.as_ref().expect("a status"), "ImageVerified").expect("the condition")
}

async fn assert_unseen(world: &mut World, canary: &str) {
    let log = world.controller().log();
    let shown = serde_json::to_string(&world.get("api").await).expect("JSON");
    let metrics = world.controller().get("metrics_addr", "/metrics").await.1;
    let events = world.events("api").await.join("\n");
    for (place, text) in [("log", log), ("workload", shown), ("metrics", metrics), ("events", events)] {
        assert!(!text.contains(canary), "the {place} shows the password: {text}");
    }
}

#[tokio::test]
async fn with_enforce_a_wrong_login_holds_the_definition_and_the_right_one_registers_it() {
    let (mut world, registry) = enter("verify-enforce").await;
    let digest = registry.push_index(&repository(&world), "1.0", &["linux/arm64", "linux/amd64"]).await;
    world.apply(&login(&world, &registry, WRONG)).await;
    world.apply(&workload(&world, &registry, "Enforce")).await;
    let ready = world.not_ready("api", "ImageNotVerified").await;
    assert!(ready.message.contains("WrongCredential") && ready.message.contains(&registry.host), "{}", ready.message);
    let held = world.get("api").await;
    assert_eq!(verified(&held).status, "False");
    assert_eq!(condition(held.status.as_ref().expect("a status"), "CredentialsSynced").expect("a condition").status, "True");
    assert_eq!(world.proxy.written(), ["CreateSecret", "CreateRole", "AttachRolePolicy", "PutRolePolicy"]);
    assert_unseen(&mut world, WRONG).await;

    world.apply(&login(&world, &registry, &registry.password)).await;
    let whole = world.ready("api").await;
    let is = verified(&whole);
    assert_eq!(is.status, "True");
    assert!(is.message.contains(&digest) && is.message.contains(&registry.host), "{}", is.message);
    let image = &world.aws.holdings().await.tasks[0].containers()[0]["image"];
    assert_eq!(*image, format!("{}/{}:1.0", registry.host, repository(&world)), "the tag stays where no digest is asked for");
    assert_unseen(&mut world, &registry.password).await;

    world.proxy.forget();
    world.poke("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
}

#[tokio::test]
async fn with_warn_the_definition_is_registered_and_the_failure_told() {
    let (mut world, registry) = enter("verify-warn").await;
    registry.push(&repository(&world), "1.0", "linux/amd64", "").await;
    world.apply(&login(&world, &registry, WRONG)).await;
    world.apply(&with(workload(&world, &registry, "Warn"), "/spec/verify", Value::Null)).await;
    let workload = world.ready("api").await;
    let failed = verified(&workload);
    assert_eq!((failed.status.as_str(), failed.reason.as_str()), ("False", "ImageNotVerified"));
    let warnings = workload.status.expect("a status").warnings.join("\n");
    assert!(warnings.contains("not verified") && warnings.contains("WrongCredential"), "{warnings}");
    assert_unseen(&mut world, WRONG).await;
}

#[tokio::test]
async fn an_image_must_be_there_and_for_the_platform() {
    let (world, registry) = enter("verify-platform").await;
    world.apply(&login(&world, &registry, &registry.password)).await;
    let manifest = workload(&world, &registry, "Enforce");
    world.apply(&manifest).await;
    let ready = world.not_ready("api", "ImageNotVerified").await;
    assert!(ready.message.contains("ImageNotFound"), "{}", ready.message);

    registry.push(&repository(&world), "1.0", "linux/arm64", "").await;
    world.poke("api").await;
    let told = verified(&world.get("api").await).message;
    assert!(told.contains("PlatformMismatch: it is for linux/arm64, and the definition runs on linux/amd64"), "{told}");

    let platform = json!({"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"});
    world.apply(&with(manifest, "/spec/ecs/runtimePlatform", platform)).await;
    world.ready("api").await;
}

#[tokio::test]
async fn a_pinned_image_is_registered_by_its_digest_and_a_moved_tag_makes_a_revision() {
    let (world, registry) = enter("verify-pin").await;
    let (repository, images) = (repository(&world), |holdings: &super::holdings::Holdings| {
        holdings.tasks.iter().map(|task| task.containers()[0]["image"].clone()).collect::<Vec<_>>()
    });
    let name = |digest: &str| json!(format!("{}/{repository}@{digest}", registry.host));
    let first = registry.push(&repository, "1.0", "linux/amd64", "first").await;
    world.apply(&login(&world, &registry, &registry.password)).await;
    let manifest = with(workload(&world, &registry, "Warn"), "/spec/pinDigest", json!(true));
    world.apply(&manifest).await;
    world.ready("api").await;
    assert_eq!(images(&world.aws.holdings().await), [name(&first)]);

    world.poke("api").await;
    assert_eq!(images(&world.aws.holdings().await).len(), 1, "the same digest is no change");

    let second = registry.push(&repository, "1.0", "linux/amd64", "second").await;
    world.poke("api").await;
    world.ready("api").await;
    let both = images(&world.aws.holdings().await);
    assert!(both.len() == 2 && both.contains(&name(&first)) && both.contains(&name(&second)), "{both:?}");

    // The registry says nothing any more: the digest stays, and the tag does not come back.
    world.apply(&login(&world, &registry, WRONG)).await;
    world.until("api", "be told", |status| condition(status, "ImageVerified").is_some_and(|it| it.status == "False")).await;
    world.ready("api").await;
    assert_eq!(images(&world.aws.holdings().await).len(), 2);

    // Of another tag nothing is known, so nothing is registered for it.
    let other = format!("{}/{repository}:2.0", registry.host);
    world.apply(&with(manifest, "/spec/image", json!(other))).await;
    let ready = world.not_ready("api", "ImageNotVerified").await;
    assert!(ready.message.contains("no digest is known"), "{}", ready.message);
    assert_eq!(images(&world.aws.holdings().await).len(), 2);
}

/// AWS alone holds the login: it is read, and only where a proof is demanded.
#[tokio::test]
async fn a_login_that_only_aws_holds_is_read_where_a_proof_is_demanded() {
    let (mut world, registry) = enter("verify-stored").await;
    registry.push(&repository(&world), "1.0", "linux/amd64", "").await;
    let value = json!({"username": registry.user, "password": registry.password}).to_string();
    let made = world.aws.json("secretsmanager", "CreateSecret", json!({"Name": "theirs", "SecretString": value})).await;
    let credential = json!([{"registry": registry.host, "secretArn": made["ARN"]}]);
    let manifest = with(workload(&world, &registry, "Warn"), "/spec/credentials", credential);
    world.apply(&manifest).await;
    let told = verified(&world.ready("api").await);
    assert_eq!(told.status, "Unknown");
    assert!(told.message.contains("NotVerified"), "{}", told.message);
    let reads = |world: &World| world.proxy.counts().get("GetSecretValue").copied().unwrap_or_default();
    assert_eq!(reads(&world), 0);

    world.apply(&with(manifest, "/spec/verify", json!("Enforce"))).await;
    let proven =
        world.until("api", "be proven", |status| condition(status, "ImageVerified").is_some_and(|it| it.status == "True"));
    proven.await;
    assert!(reads(&world) > 0);
    assert_unseen(&mut world, &registry.password).await;
}

#[tokio::test]
async fn the_command_line_proves_as_the_controller_does() {
    let (world, registry) = enter("verify-cli").await;
    registry.push(&repository(&world), "1.0", "linux/amd64", "").await;
    let mut binding = super::world::binding(&world.name, &world.aws.id);
    binding["spec"]["limits"]["registries"] = json!(["127.0.0.1:*"]);
    let pinned = with(workload(&world, &registry, "Enforce"), "/spec/pinDigest", json!(true));
    let files = |binding: &Value, password: &str| {
        folder(&[("all.yaml", yaml(&[namespace(&world), binding.clone(), login(&world, &registry, password), pinned.clone()]))])
    };
    let (code, text, _) = world.cli("plan", &files(&binding, &registry.password), &[]).await;
    assert!(code == 2 && text.contains("NotAllowed") && text.contains("limits.privateRegistries"), "{text}");

    binding["spec"]["limits"]["privateRegistries"] = json!(["127.0.0.1:*"]);
    let (code, text, _) = world.cli("apply", &files(&binding, WRONG), &[]).await;
    assert!(code == 1 && text.contains("WrongCredential") && !text.contains(WRONG), "{text}");
    let (code, text, _) = world.cli("render", &files(&binding, WRONG), &[]).await;
    assert!(code == 0, "render asks nobody: {text}");
    let (code, text, log) = world.traced("apply", &files(&binding, &registry.password)).await;
    assert_eq!(code, 0, "{text}");
    let pair = STANDARD.encode(format!("{}:{}", registry.user, registry.password));
    let shown = log.lines().find(|line| line.contains(&registry.password) || line.contains(&pair));
    assert!(log.contains("TRACE") && shown.is_none(), "the finest log shows the login: {shown:?}");
    let image = world.aws.holdings().await.tasks[0].containers()[0]["image"].clone();
    assert!(image.as_str().is_some_and(|image| image.contains("@sha256:")), "{image}");
}
