//! The password is in Secrets Manager and in the source Secret, and nowhere else: not in logs, statuses, events or metrics, and not
//! in what AWS itself throws back.

use super::manifests::{REGISTRY, USER, ecs, with};
use super::proxy::{Fault, Rule};
use super::world::World;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

const CANARY: &str = "c4nary-p4ssw0rd-0123456789";

async fn assert_sealed(world: &mut World) {
    let spellings = [CANARY.to_owned(), STANDARD.encode(CANARY), STANDARD.encode(format!("{USER}:{CANARY}"))];
    let metrics = world.controller().get("metrics_addr", "/metrics").await.1;
    let log = world.controller().log();
    let workload = serde_json::to_string(&world.get("api").await).expect("JSON");
    let events = world.events("api").await.into_iter().chain(world.events("pull").await).collect::<Vec<_>>().join("\n");
    let credential = world.api("wharfinger.dev/v1alpha1", "RegistryCredential").get_opt("pull").await.expect("an answer");
    let credential = serde_json::to_string(&credential).expect("JSON");
    let tags =
        format!("{:?}", world.aws.holdings().await.secrets.iter().map(|it| (&it.tags, &it.description)).collect::<Vec<_>>());
    let binding = world.api("wharfinger.dev/v1alpha1", "AccountBinding").get(&world.name).await.expect("the binding");
    let binding = serde_json::to_string(&binding).expect("JSON");
    for (place, text) in [
        ("metrics", metrics),
        ("log", log),
        ("workload", workload),
        ("events", events),
        ("binding", binding),
        ("credential", credential),
        ("tags", tags),
    ] {
        assert!(!text.is_empty(), "{place}");
        for spelling in &spellings {
            let shown: Vec<&str> = text.lines().filter(|line| line.contains(spelling)).collect();
            assert!(shown.is_empty(), "the {place} shows the password: {}", shown.join("\n"));
        }
    }
    let elsewhere =
        world.proxy.calls().into_iter().filter(|call| !["CreateSecret", "PutSecretValue"].contains(&call.operation.as_str()));
    for call in elsewhere {
        assert!(!call.body.to_string().contains(CANARY), "{} carries the password", call.operation);
    }
}

/// AWS refuses the value, and repeats it and the password in it.
fn echo(password: &str) -> Fault {
    let value = json!({"username": USER, "password": password});
    Fault::Refuse("InvalidParameterException", format!("Invalid SecretString {value}: {password} is too weak"))
}

#[tokio::test]
async fn the_password_is_shown_nowhere() {
    let mut world = World::enter("canary").await.flags(&["--aws-timeout", "2s"]).traced().start().await;
    world.proxy.inject(Rule::on("CreateSecret", echo(CANARY)));
    world.login(CANARY).await;
    let pull = json!({
        "apiVersion": "wharfinger.dev/v1alpha1", "kind": "RegistryCredential", "metadata": {"name": "pull", "namespace": world.name},
        "spec": {"bindingRef": {"name": world.name}, "region": "eu-west-1", "registry": REGISTRY, "secretRef": {"name": "regcred"}},
    });
    world.apply(&pull).await;
    world.apply(&ecs(&world.name, "api")).await;
    let condition = world.not_ready("api", "RefusedByAws").await;
    assert!(condition.message.contains("Invalid SecretString"), "{}", condition.message);
    assert_sealed(&mut world).await;
    world.proxy.heal();
    world.poke("api").await;
    world.ready("api").await;
    assert_sealed(&mut world).await;
    let secrets = world.aws.holdings().await.secrets;
    let value = secrets.into_iter().find(|it| it.name == world.secret_name("regcred")).and_then(|secret| secret.value);
    assert_eq!(value, Some(json!({"username": USER, "password": CANARY})));
    let second = format!("{CANARY}-second");
    world.proxy.inject(Rule::on("PutSecretValue", echo(&second)));
    world.login(&second).await;
    world.not_ready("api", "RefusedByAws").await;
    assert_sealed(&mut world).await;
    world.proxy.heal();
    world.poke("api").await;
    world.delete_and_wait("api").await;
}

#[tokio::test]
async fn a_source_that_cannot_be_read_is_not_quoted() {
    let mut world = World::start("unreadable").await;
    let config = json!({"auths": {"registry.example.com": {"auth": STANDARD.encode(CANARY)}}});
    let source = super::manifests::source(
        &world.name,
        "regcred",
        "kubernetes.io/dockerconfigjson",
        json!({".dockerconfigjson": config.to_string()}),
    );
    world.apply(&source).await;
    world.apply(&ecs(&world.name, "api")).await;
    world.not_ready("api", "SecretSourceInvalid").await;
    assert_sealed(&mut world).await;
    // Nor is a password that somebody wrote into an environment variable shown as a change of it.
    world.login("first").await;
    world.ready("api").await;
    let variable = "/spec/ecs/containerDefinitions/0/environment/0/value";
    let observed = with(ecs(&world.name, "api"), "/spec/managementPolicy", json!("Observe"));
    world.apply(&with(observed, variable, json!(CANARY))).await;
    world.not_ready("api", "DriftDetected").await;
    let status = serde_json::to_string(&world.get("api").await.status).expect("JSON");
    assert!(!status.contains(CANARY), "{status}");
}
