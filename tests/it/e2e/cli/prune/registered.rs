//! What a registered revision names stays, whoever's it is: a service may run it.

use super::*;

/// An object that acts in the other Region of the binding.
fn far(manifest: Value) -> Value {
    with(manifest, "/spec/region", json!("us-east-1"))
}

fn pulling_with(manifest: Value, credential: &str) -> Value {
    with(manifest, "/spec/credentials", json!([{"credentialRef": {"name": credential}}]))
}

/// A service of a revision, as somebody else makes it.
async fn serve(account: &Account, definition: &str) {
    account.json("ecs", "CreateCluster", json!({"clusterName": "prod"})).await;
    let service = json!({"cluster": "prod", "serviceName": "web", "taskDefinition": definition, "desiredCount": 1});
    account.json("ecs", "CreateService", service).await;
}

async fn stop(account: &Account) {
    account.json("ecs", "DeleteService", json!({"cluster": "prod", "service": "web", "force": true})).await;
}

impl World {
    /// The secret of this name is there, and a role may read it.
    async fn keeps(&self, account: &Account, secret: &str, told: &str) {
        let holdings = account.holdings().await;
        let kept = holdings.secrets.iter().find(|it| it.name == secret && !it.deleted);
        let kept = kept.unwrap_or_else(|| panic!("{secret} is gone: {told}"));
        let granted: Vec<_> = holdings.roles.iter().flat_map(|role| role.inline.values()).flat_map(granted).collect();
        assert!(granted.iter().any(|(_, arn)| *arn == kept.arn), "{secret}: {granted:#?} {told}");
    }

    fn other_secret(&self) -> String {
        self.secret_name("other")
    }
}

/// The service runs the first revision, which pulls with a secret of its own; the newest has another.
#[tokio::test]
async fn an_older_revision_keeps_its_secret() {
    for policy in ["Delete", "Retain"] {
        let world = World::enter("prune-older").await.still().await;
        let (api, web) = (ecs(&world.name, "api"), with(ecs(&world.name, "web"), "/spec/deletionPolicy", json!(policy)));
        world.prune(&world.deploy(&[api.clone(), world.with_other(web.clone())])).await;
        serve(&world.aws, &format!("{}:1", world.definition_name("web"))).await;
        let text = world.prune(&world.deploy(&[api.clone(), web])).await;
        world.keeps(&world.aws, &world.other_secret(), &text).await;

        let left = world.deploy(&[api]);
        let (code, text, _) = world.cli("apply", &left, &PRUNE).await;
        assert_eq!(code, i32::from(policy == "Delete"), "{text}");
        world.keeps(&world.aws, &world.other_secret(), &text).await;
        if policy == "Delete" {
            stop(&world.aws).await;
            world.prune(&left).await;
            let holdings = world.aws.holdings().await;
            let api = world.definition_name("api");
            assert_eq!(names(&holdings), (vec![api.as_str()], vec![world.secret_name("regcred").as_str()]));
        }
    }
}

/// The object is still in the files; what it registered under another name, or in another Region, is not what it registers now.
#[tokio::test]
async fn what_an_object_left_elsewhere_keeps_its_secret() {
    let world = World::enter("prune-renamed").await.still().await;
    let family = |manifest: Value, name: &str| with(manifest, "/spec/ecs/family", json!(format!("{}_{name}", world.name)));
    let (api, web) = (ecs(&world.name, "api"), ecs(&world.name, "web"));
    world.prune(&world.deploy(&[api.clone(), family(world.with_other(web.clone()), "shop")])).await;
    serve(&world.aws, &world.definition_name("shop")).await;
    let files = world.deploy(&[api, family(web, "store")]);
    for _ in 0..2 {
        let text = world.prune(&files).await;
        world.keeps(&world.aws, &world.other_secret(), &text).await;
    }

    let world = World::enter("prune-moved").await.still().await;
    let api = ecs(&world.name, "api");
    world.prune(&world.deploy(&[far(world.with_other(api.clone()))])).await;
    let away = world.aws.in_region("us-east-1");
    serve(&away, &world.definition_name("api")).await;
    for _ in 0..2 {
        let text = world.prune(&world.deploy(std::slice::from_ref(&api))).await;
        world.keeps(&away, &world.other_secret(), &text).await;
    }
}

/// A definition that somebody else registered, and no tag says whose.
#[tokio::test]
async fn a_definition_of_another_hand_keeps_the_secret_that_it_names() {
    let world = World::enter("prune-hand").await.still().await;
    let (api, web) = (ecs(&world.name, "api"), world.with_other(ecs(&world.name, "web")));
    world.prune(&world.deploy(&[api.clone(), web, credential(&world.name, "pull")])).await;
    let holdings = world.aws.holdings().await;
    let arn = |name: &str| holdings.secrets.iter().find(|it| it.name == name).map(|it| it.arn.clone()).expect("a secret");
    let pull = format!("wharfinger/{}/pull/credential", world.name);
    for secret in [world.other_secret(), pull.clone()] {
        let container = json!({"name": "a", "image": "registry.example.com/a", "memory": 128,
            "repositoryCredentials": {"credentialsParameter": arn(&secret)}});
        let family = format!("by-hand-{}", secret.len());
        world.aws.json("ecs", "RegisterTaskDefinition", json!({"family": family, "containerDefinitions": [container]})).await;
    }
    let files = world.deploy(&[api]);
    let text = world.prune(&files).await;
    let left = world.aws.holdings().await;
    let mut expected = vec![world.other_secret(), pull, world.secret_name("regcred")];
    expected.sort();
    assert_eq!(names(&left).1, expected, "{text}");
    assert!(!names(&left).0.contains(&world.definition_name("web").as_str()), "its own definition goes: {text}");
    assert_eq!(world.planned(&files).await.0, 0);
}

#[tokio::test]
async fn a_credential_stays_while_a_registered_revision_pulls_with_it() {
    let world = World::enter("prune-suspended").await.still().await;
    let (api, web) = (ecs(&world.name, "api"), pulling_with(ecs(&world.name, "web"), "pull"));
    let (pull, second) = (credential(&world.name, "pull"), credential(&world.name, "second"));
    let secret = format!("wharfinger/{}/pull/credential", world.name);
    world.prune(&world.deploy(&[api.clone(), web.clone(), pull])).await;
    serve(&world.aws, &format!("{}:1", world.definition_name("web"))).await;

    // Suspended, and the files still say that it pulls with it.
    let files = world.deploy(&[api.clone(), with(web.clone(), "/spec/suspend", json!(true))]);
    let (code, text, _) = world.cli("apply", &files, &PRUNE).await;
    assert!(code == 1 && text.contains("may pull with it"), "{text}");
    world.keeps(&world.aws, &secret, &text).await;

    // Another has its place; the service runs the first revision. That is no error: it goes when the revision has gone.
    let replaced = |limit: u8| with(pulling_with(web.clone(), "second"), "/spec/revisionHistoryLimit", json!(limit));
    let files = |limit: u8| world.deploy(&[api.clone(), replaced(limit), second.clone()]);
    for _ in 0..2 {
        let text = world.prune(&files(0)).await;
        assert!(text.contains("stays: ") && text.contains("pulls with it, and stays registered"), "{text}");
        world.keeps(&world.aws, &secret, &text).await;
    }
    stop(&world.aws).await;
    world.prune(&files(0)).await;
    world.prune(&files(0)).await;
    assert!(!names(&world.aws.holdings().await).1.contains(&secret.as_str()));
}

/// The second round takes nothing from the revision that the first replaced.
#[tokio::test]
async fn what_was_replaced_a_moment_ago_keeps_its_grant() {
    let world = World::enter("prune-replaced").await.still().await;
    let web = ecs(&world.name, "web");
    world.prune(&world.deploy(&[world.with_other(web.clone())])).await;
    let files = world.deploy(&[web]);
    let text = world.prune(&files).await;
    world.keeps(&world.aws, &world.other_secret(), &text).await;
    assert_eq!(world.planned(&files).await.0, 0);
}
