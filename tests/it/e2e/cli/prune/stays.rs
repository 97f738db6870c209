//! What has left the files and stays all the same: retained, in use, or not to be seen for certain.

use super::*;

#[tokio::test]
async fn what_was_applied_with_retain_stays_and_is_told() {
    let world = World::enter("prune-retain").await.still().await;
    let api = ecs(&world.name, "api");
    let retained = |manifest: Value, policy: &str| with(manifest, "/spec/deletionPolicy", json!(policy));
    let (web, job) = (world.with_other(ecs(&world.name, "web")), batch(&world.name, "job", "containerProperties"));
    let pull = credential(&world.name, "pull");
    let files = |policy: &str| {
        world.deploy(&[api.clone(), retained(web.clone(), policy), retained(job.clone(), policy), retained(pull.clone(), policy)])
    };
    world.prune(&files("Delete")).await;
    let untagged = world.aws.holdings().await;
    assert!(!format!("{untagged:?}").contains("deletion-policy"), "{untagged:#?}");

    // The change is a tag on each, and no more.
    world.proxy.forget();
    world.prune(&files("Retain")).await;
    assert_eq!(world.proxy.written(), ["TagResource"; 3]);
    assert_eq!(world.planned(&files("Retain")).await.0, 0);
    let before = world.aws.holdings().await;
    let tagged = |holdings: &Holdings, policy: &str| {
        let secrets = holdings.secrets.iter().map(|secret| &secret.tags);
        let all = secrets.chain(holdings.definitions().map(|definition| &definition.tags));
        all.filter(|tags| tags.get("wharfinger.dev/deletion-policy").is_some_and(|value| value == policy)).count()
    };
    assert_eq!(tagged(&before, "Retain"), 3, "{before:#?}");

    let left = world.deploy(std::slice::from_ref(&api));
    let (code, text) = world.planned(&left).await;
    assert_eq!((code, text.matches("deletionPolicy is Retain: everything in AWS stays").count()), (0, 3), "{text}");
    world.proxy.forget();
    let text = world.prune(&left).await;
    assert_eq!(text.matches("deletionPolicy is Retain: everything in AWS stays").count(), 3, "{text}");
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    assert_eq!(world.aws.holdings().await, before, "what they pull with stays granted");

    // Back in the files without it, and gone again.
    world.prune(&files("Delete")).await;
    assert_eq!(tagged(&world.aws.holdings().await, "Delete"), 3);
    world.prune(&left).await;
    let holdings = world.aws.holdings().await;
    assert_eq!(names(&holdings), (vec![world.definition_name("api").as_str()], vec![world.secret_name("regcred").as_str()]));
}

/// A credential goes with its object, unless a workload stays that pulls with it.
#[tokio::test]
async fn what_a_retained_workload_pulls_with_stays() {
    let world = World::enter("prune-retained").await.still().await;
    let web = with(ecs(&world.name, "web"), "/spec/credentials", json!([{"credentialRef": {"name": "pull"}}]));
    let web = with(web, "/spec/deletionPolicy", json!("Retain"));
    let (api, pull) = (ecs(&world.name, "api"), credential(&world.name, "pull"));
    world.prune(&world.deploy(&[api.clone(), web, pull])).await;
    let before = world.aws.holdings().await;
    let text = world.prune(&world.deploy(&[api])).await;
    assert!(text.contains("stays: ") && text.contains("pulls with it, and stays registered"), "{text}");
    assert_eq!(world.aws.holdings().await, before);
}

#[tokio::test]
async fn what_is_in_use_stays_until_it_is_free() {
    let world = World::enter("prune-used").await.still().await;
    let api = ecs(&world.name, "api");
    let web = with(ecs(&world.name, "web"), "/spec/credentials", json!([{"credentialRef": {"name": "pull"}}]));
    world.prune(&world.deploy(&[api.clone(), web, credential(&world.name, "pull")])).await;
    world.aws.json("ecs", "CreateCluster", json!({"clusterName": "prod"})).await;
    let service =
        json!({"cluster": "prod", "serviceName": "web", "taskDefinition": world.definition_name("web"), "desiredCount": 1});
    world.aws.json("ecs", "CreateService", service).await;
    let before = world.aws.holdings().await;
    let files = world.deploy(&[api]);
    world.proxy.forget();
    let (code, text, _) = world.cli("apply", &files, &PRUNE).await;
    assert!(code == 1 && text.contains("is used by") && text.contains("may pull with it"), "{text}");
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    assert_eq!(world.aws.holdings().await, before);
    world.aws.json("ecs", "DeleteService", json!({"cluster": "prod", "service": "web", "force": true})).await;
    world.prune(&files).await;
    assert_eq!(names(&world.aws.holdings().await).1, [world.secret_name("regcred")]);
}

#[tokio::test]
async fn a_list_that_is_denied_removes_nothing_and_is_named() {
    let world = World::enter("prune-denied").await.still().await;
    let api = ecs(&world.name, "api");
    world.prune(&world.deploy(&[api.clone(), world.with_other(ecs(&world.name, "web"))])).await;
    let before = world.aws.holdings().await;
    let files = world.deploy(&[api]);
    for list in ["ListTaskDefinitionFamilies", "DescribeJobDefinitions", "ListSecrets"] {
        world.proxy.heal();
        world.proxy.inject(Rule::on(list, Fault::Denied));
        for verb in ["plan", "apply"] {
            world.proxy.forget();
            let (code, text, errors) = world.cli(verb, &files, &PRUNE).await;
            let told = [list, "AccessDenied", "so nothing is removed", "--feature prune", "eu-west-1"];
            assert!(code == 1 && told.iter().all(|part| text.contains(part)), "{verb}: {code} {text}{errors}");
            assert_eq!(world.proxy.written(), [] as [&str; 0], "{verb} {list}");
        }
    }
    assert_eq!(world.aws.holdings().await, before);
    world.proxy.heal();
    world.prune(&files).await;
    assert_eq!(names(&world.aws.holdings().await).0, [world.definition_name("api")]);
}

/// The new is made before the old ends: while the files are not as they should be, nothing is removed.
#[tokio::test]
async fn nothing_goes_while_the_files_are_not_as_they_should_be() {
    let world = World::enter("prune-unfinished").await.still().await;
    let (api, web) = (ecs(&world.name, "api"), world.with_other(ecs(&world.name, "web")));
    world.prune(&world.deploy(&[web])).await;
    let files = world.deploy(&[api]);
    world.proxy.inject(Rule::on("RegisterTaskDefinition", Fault::Denied));
    let (code, text, _) = world.cli("apply", &files, &PRUNE).await;
    let told = format!("\"PrivateImageWorkload {}/api\": these are not as the files say", world.name);
    assert!(code == 1 && text.contains(&told), "{text}");
    let holdings = world.aws.holdings().await;
    assert_eq!(names(&holdings).0, [world.definition_name("web")]);
    world.proxy.heal();
    world.prune(&files).await;
    assert_eq!(names(&world.aws.holdings().await).0, [world.definition_name("api")]);
}
