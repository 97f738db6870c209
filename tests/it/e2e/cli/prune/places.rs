//! Where it looks: a role is of all Regions, and two bindings may lead to one place.

use super::*;

impl World {
    /// Applies files without an AccountBinding, in this account.
    async fn ambient(&self, verb: &str, objects: &[Value]) -> (i32, String) {
        let beside = [namespace(self), login(&self.name, "first")];
        let free = objects.iter().map(|object| with(object.clone(), "/spec/bindingRef", Value::Null)).collect::<Vec<_>>();
        let files = folder(&[("all.yaml", yaml(&[&beside, &free[..]].concat()))]);
        let mut command = self.command(&[&[verb, "-f", files.to_str().expect("text")], &PRUNE[..]].concat());
        command.envs(self.aws.environment());
        let (code, text, errors) = self.output(command).await;
        (code, format!("{text}{errors}"))
    }
}

/// Nothing in the files names the other Region any more.
#[tokio::test]
async fn a_region_that_the_role_still_grants_is_looked_at() {
    let world = World::enter("prune-region").await.still().await;
    let here = |name: &str| with(ecs(&world.name, name), "/spec/region", json!("eu-west-1"));
    let (api, web) = (here("api"), with(here("web"), "/spec/region", json!("us-east-1")));
    let (code, text) = world.ambient("apply", &[api.clone(), web]).await;
    assert_eq!(code, 0, "{text}");
    let away = world.aws.in_region("us-east-1");
    away.json("ecs", "CreateCluster", json!({"clusterName": "prod"})).await;
    let service =
        json!({"cluster": "prod", "serviceName": "web", "taskDefinition": world.definition_name("web"), "desiredCount": 1});
    away.json("ecs", "CreateService", service).await;
    let before = away.holdings().await;
    let (code, text) = world.ambient("apply", std::slice::from_ref(&api)).await;
    assert!(code == 1 && text.contains("is used by"), "{text}");
    assert_eq!(away.holdings().await, before, "{text}");
    away.json("ecs", "DeleteService", json!({"cluster": "prod", "service": "web", "force": true})).await;
    let (code, text) = world.ambient("apply", &[api]).await;
    assert_eq!((code, names(&away.holdings().await)), (0, (vec![], vec![])), "{text}");
    assert_eq!(world.aws.holdings().await.roles.len(), 1);
}

/// The AccountBinding has lost a Region that the role grants secrets of.
#[tokio::test]
async fn a_region_that_no_binding_has_any_more_is_told() {
    let world = World::enter("prune-lost").await.still().await;
    let (api, web) = (ecs(&world.name, "api"), with(ecs(&world.name, "web"), "/spec/region", json!("us-east-1")));
    let files = |regions: Value, objects: &[Value]| {
        let binding = with(binding(&world.name, &world.aws.id), "/spec/regions", regions);
        folder(&[("all.yaml", yaml(&[&[namespace(&world), binding, login(&world.name, "first")], objects].concat()))])
    };
    world.prune(&files(json!(["eu-west-1", "us-east-1"]), &[api.clone(), web])).await;
    let before = world.aws.holdings().await;
    let (code, text, _) = world.cli("apply", &files(json!(["eu-west-1"]), std::slice::from_ref(&api)), &PRUNE).await;
    let told = ["us-east-1", &format!("role {} grants", world.role_name()), "add the Region to spec.regions"];
    assert!(code == 1 && told.iter().all(|part| text.contains(part)), "{text}");
    assert_eq!(world.aws.holdings().await, before);
}

/// Two bindings of one account and Region, the prefix of one beginning all names of the other.
#[tokio::test]
async fn what_two_bindings_lead_to_is_found_once() {
    let world = World::enter("prune-two").await.still().await;
    let second = format!("{}-two", world.name);
    let names_of = |name: &str| json!({"definitionPrefix": "two_", "rolePrefix": "two_", "secretPrefix": name});
    let other = with(binding(&world.name, &world.aws.id), "/metadata/name", json!(second));
    let other = with(other, "/spec/namespaceSelector/matchLabels/test", json!(second));
    let other = with(other, "/spec/names", names_of("wharfinger/two/"));
    let space = with(with(namespace(&world), "/metadata/name", json!(second)), "/metadata/labels/test", json!(second));
    let api = ecs(&world.name, "api");
    let more = [other, space, login(&second, "third")];
    let files = |objects: &[Value]| world.deploy(&[std::slice::from_ref(&api), &more[..], objects].concat());
    world.prune(&files(&[ecs(&second, "web"), credential(&second, "pull")])).await;
    let left = files(&[]);
    let (code, text) = world.planned(&left).await;
    assert_eq!(code, 2, "{text}");
    for part in [format!("- deregister definition two_{second}_web"), format!("RegistryCredential {second}/pull (account")] {
        assert_eq!(text.matches(&part).count(), 1, "{part}: {text}");
    }
    world.prune(&left).await;
    let holdings = world.aws.holdings().await;
    let api = world.definition_name("api");
    assert_eq!(names(&holdings), (vec![api.as_str()], vec![world.secret_name("regcred").as_str()]));
    assert_eq!(world.planned(&left).await.0, 0);
}
