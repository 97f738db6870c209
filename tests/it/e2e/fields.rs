//! Whose fields are whose: the spec is the users' alone, so whoever applies it from Git sees no difference that the controller made,
//! and needs no list of differences to ignore.

use super::manifests::{ecs, with};
use super::world::World;
use crate::health::kstatus::judge;
use kube::ResourceExt;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const VERSION: &str = "wharfinger.dev/v1alpha1";

async fn object(world: &World, kind: &str, name: &str) -> DynamicObject {
    world.api(VERSION, kind).get(name).await.expect("the object")
}

/// Server-side apply without force: a conflict is an error.
async fn apply_as(world: &World, manager: &str, manifest: &Value) -> DynamicObject {
    let name = manifest["metadata"]["name"].as_str().expect("a name");
    let params = PatchParams::apply(manager);
    let applied = world.api(VERSION, "PrivateImageWorkload").patch(name, &params, &Patch::Apply(manifest)).await;
    applied.unwrap_or_else(|error| panic!("{manager}: {error}"))
}

/// Who owns fields of the spec.
fn owners(object: &DynamicObject) -> BTreeSet<String> {
    let of_spec = object.managed_fields().iter().filter(|entry| {
        entry.fields_v1.as_ref().and_then(|fields| fields.0.as_object()).is_some_and(|fields| fields.contains_key("f:spec"))
    });
    of_spec.filter_map(|entry| entry.manager.clone()).collect()
}

#[tokio::test]
async fn two_managers_own_the_spec_and_the_controller_nothing_of_it() {
    let world = World::start("fields").await;
    world.login("first").await;
    // The team's files, and what a platform sets besides.
    let team = ecs(&world.name, "api");
    let meta = json!({"name": "api", "namespace": world.name});
    let spec = json!({"interval": "30m", "revisionHistoryLimit": 3});
    let platform = json!({"apiVersion": VERSION, "kind": "PrivateImageWorkload", "metadata": meta, "spec": spec});
    apply_as(&world, "team", &team).await;
    apply_as(&world, "platform", &platform).await;
    world.ready("api").await;

    let both = BTreeSet::from(["platform".to_owned(), "team".to_owned()]);
    let before = object(&world, "PrivateImageWorkload", "api").await;
    assert_eq!(owners(&before), both, "{:#?}", before.managed_fields());
    assert!(
        before.managed_fields().len() > 2,
        "the controller owns something, such as the status: {:#?}",
        before.managed_fields()
    );

    // Both again, as Git does every few minutes: no conflict, and nothing changes.
    for (manager, manifest) in [("team", &team), ("platform", &platform)] {
        let again = apply_as(&world, manager, manifest).await;
        assert_eq!(again.resource_version(), before.resource_version(), "{manager}");
    }
    // Each changes what is its own, and takes it back.
    let image = json!("registry.example.com/payments/api:2.0.0");
    apply_as(&world, "team", &with(team.clone(), "/spec/image", image.clone())).await;
    let after = apply_as(&world, "platform", &with(platform, "/spec/interval", Value::Null)).await;
    assert_eq!((&after.data["spec"]["image"], after.data["spec"].get("interval")), (&image, None));
    world.ready("api").await;
    assert_eq!(owners(&object(&world, "PrivateImageWorkload", "api").await), both);
}

/// The API server's own objects, judged as Flux judges them.
#[tokio::test]
async fn whoever_waits_for_an_object_waits_for_its_first_pass() {
    let mut world = World::enter("waits").await.still().await;
    world.login("first").await;
    world.apply(&ecs(&world.name, "api")).await;
    world
        .apply(&json!({
            "apiVersion": VERSION, "kind": "RegistryCredential", "metadata": {"name": "pull", "namespace": world.name},
            "spec": {"bindingRef": {"name": world.name}, "region": "eu-west-1", "registry": "registry.example.com", "secretRef": {"name": "regcred"}},
        }))
        .await;
    let name = world.name.clone();
    let kinds = [("PrivateImageWorkload", "api"), ("AccountBinding", name.as_str()), ("RegistryCredential", "pull")];
    let judged = async |world: &World, kinds: &[(&str, &str)]| {
        let mut objects = vec![];
        for (kind, name) in kinds {
            objects.push(serde_json::to_value(object(world, kind, name).await).expect("JSON"));
        }
        let judged = judge(&objects.iter().collect::<Vec<_>>());
        judged.into_iter().map(|(status, _)| status).collect::<Vec<_>>()
    };
    assert_eq!(judged(&world, &kinds).await, ["InProgress"; 3], "no controller runs");

    world.run().await;
    world.ready("api").await;
    assert_eq!(judged(&world, &kinds[..2]).await, ["Current"; 2]);

    world.kill();
    world.apply(&with(ecs(&world.name, "api"), "/spec/image", json!("registry.example.com/payments/api:2.0.0"))).await;
    assert_eq!(judged(&world, &kinds[..1]).await, ["InProgress"], "what is Ready is so of the spec before");
}
