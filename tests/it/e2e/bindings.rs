//! Which account a namespace acts in is the administrator's word, and without one word nothing is done.

use super::converge::assert_whole;
use super::manifests::{self, with};
use super::rows::each;
use super::world::{World, binding};
use serde_json::{Value, json};

/// Changes the binding of a world before it begins.
type Change = fn(&mut Value);

/// Name, change of the binding, change of the workload, expected reason, what the message names.
type Row = (&'static str, Change, (&'static str, Value), &'static str, &'static [&'static str]);

const AS_IT_IS: Change = |_| {};
const UNNAMED: &str = "/spec/labels";

/// The usual workload, which names no binding.
fn ecs(namespace: &str, name: &str) -> Value {
    with(manifests::ecs(namespace, name), "/spec/bindingRef", Value::Null)
}

fn take(spec: &mut Value, field: &str) {
    spec.as_object_mut().expect("a spec").shift_remove(field);
}

fn rows() -> Vec<Row> {
    let same = (UNNAMED, Value::Null);
    let region = |region: &str| ("/spec/region", json!(region));
    vec![
        ("none", |spec| *spec = Value::Null, same.clone(), "BindingNotFound", &["admits namespace", "ask the administrator"]),
        ("no selector", |spec| take(spec, "namespaceSelector"), same.clone(), "BindingNotFound", &["admits namespace"]),
        (
            "a name that none has",
            AS_IT_IS,
            ("/spec/bindingRef", json!({"name": "prod-of-nobody"})),
            "BindingNotFound",
            &["spec.bindingRef.name", "prod-of-nobody"],
        ),
        (
            "a Region that it does not allow",
            AS_IT_IS,
            region("eu-central-1"),
            "NotAllowed",
            &["spec.region", "eu-central-1", "eu-west-1"],
        ),
        (
            "a Region that AWS does not have",
            |spec| spec["regions"] = json!(["mars-north-1"]),
            region("mars-north-1"),
            "InvalidSpec",
            &["spec.region", "mars-north-1"],
        ),
        ("no Region where it allows two", AS_IT_IS, ("/spec/region", Value::Null), "InvalidSpec", &["spec.region", "us-east-1"]),
        (
            "a registry that it does not allow",
            |spec| spec["limits"]["registries"] = json!(["quay.io"]),
            same.clone(),
            "NotAllowed",
            &["registry.example.com", "limits.registries"],
        ),
        ("an identity in another account", |spec| take(spec, "roleArn"), same, "AccountMismatch", &["123456789012"]),
    ]
}

#[tokio::test]
async fn without_one_fitting_binding_nothing_is_written() {
    let rows = rows().into_iter().map(|row| (row.0.to_owned(), row));
    each(rows, |(_, change, (path, value), reason, named)| async move {
        let world = World::enter("binding").await.binding(change).start().await;
        world.login("first").await;
        let manifest = ecs(&world.name, "api");
        let manifest = if path == UNNAMED { manifest } else { with(manifest, path, value) };
        world.apply(&manifest).await;
        let condition = world.not_ready("api", reason).await;
        for part in named {
            assert!(condition.message.contains(part), "no {part:?} in {}", condition.message);
        }
        world.poke("api").await;
        assert_eq!(world.proxy.written(), [] as [&str; 0]);
        assert!(world.aws.holdings().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn two_bindings_need_a_word_which_one() {
    let world = World::start("ambiguous").await;
    let second = format!("{}-second", world.name);
    let selector = json!({"matchLabels": {"test": world.name}});
    world.apply(&with(binding(&second, &world.aws.id), "/spec/namespaceSelector", selector)).await;
    world.login("first").await;
    world.apply(&ecs(&world.name, "api")).await;
    let condition = world.not_ready("api", "BindingAmbiguous").await;
    assert!(condition.message.contains(&second), "{}", condition.message);
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    world.apply(&with(ecs(&world.name, "api"), "/spec/bindingRef", json!({"name": second}))).await;
    let target = world.ready("api").await.status.expect("a status").target.expect("a target");
    assert_eq!(target.binding, Some(second));
}

#[tokio::test]
async fn a_binding_that_comes_later_is_noticed() {
    let mut world = World::enter("later").await.binding(|spec| *spec = Value::Null).start().await;
    world.login("first").await;
    world.apply(&ecs(&world.name, "api")).await;
    world.not_ready("api", "BindingNotFound").await;
    world.apply(&binding(&world.name, &world.aws.id)).await;
    world.ready("api").await;
    assert_whole(&world, &world.aws.holdings().await, "api", "first");
    let (status, _) = world.controller().get("health_addr", "/readyz").await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn the_role_is_assumed_with_external_id_and_session_tag() {
    let assume = |spec: &mut Value| {
        spec["externalId"] = json!("6f1c0d5e");
        spec["sessionTags"] = json!("Namespace");
    };
    let world = World::enter("assume").await.binding(assume).start().await;
    world.converge_ecs("api").await;
    let calls = world.proxy.calls();
    let assumed: Vec<_> = calls.iter().filter(|call| call.operation == "AssumeRole").map(|call| &call.body).collect();
    assert!(!assumed.is_empty());
    let cluster = world.api("v1", "Namespace").get("kube-system").await.expect("kube-system").metadata.uid.expect("a uid");
    for body in assumed {
        assert_eq!(body["RoleSessionName"], format!("wharfinger-{cluster}"), "CloudTrail tells clusters apart: {body}");
        assert_eq!(body["ExternalId"], "6f1c0d5e", "{body}");
        assert_eq!(body["Tags.member.1.Key"], "wharfinger.dev/namespace", "{body}");
        assert_eq!(body["Tags.member.1.Value"], world.name.as_str(), "{body}");
    }
    let first_write = calls.iter().position(super::proxy::Call::is_write).expect("writes");
    let asked = calls.iter().position(|call| call.operation == "GetCallerIdentity").expect("the account is checked");
    assert!(asked < first_write, "before the first write");
}

#[tokio::test]
async fn a_live_workload_cannot_move_to_another_binding_or_region() {
    let world = World::start("moved").await;
    world.login("first").await;
    world.apply(&ecs(&world.name, "api")).await;
    world.ready("api").await;
    let before = world.aws.holdings().await;
    let there = world.try_apply(&with(ecs(&world.name, "api"), "/spec/region", json!("us-east-1"))).await;
    assert!(there.expect_err("refused").contains("region cannot be changed"));
    world.proxy.forget();
    // In two steps the API server lets it through, and the controller does not.
    let second = format!("{}-second", world.name);
    let selector = json!({"matchLabels": {"test": world.name}});
    world.apply(&with(binding(&second, &world.aws.id), "/spec/namespaceSelector", selector)).await;
    let steps = [
        (json!({"bindingRef": {"name": world.name}, "region": null}), "InvalidSpec"),
        (json!({"region": "us-east-1"}), "TargetChanged"),
        (json!({"region": null}), "InvalidSpec"),
        (json!({"region": "eu-west-1", "bindingRef": null}), "BindingAmbiguous"),
        (json!({"bindingRef": {"name": second}}), "TargetChanged"),
        (json!({"bindingRef": null}), "BindingAmbiguous"),
    ];
    for (spec, reason) in steps {
        world.patch("api", json!({"spec": spec})).await;
        let condition = world.not_ready("api", reason).await;
        assert!(reason != "TargetChanged" || condition.message.contains("cannot be moved"), "{}", condition.message);
    }
    world.patch("api", json!({"spec": {"bindingRef": {"name": world.name}}})).await;
    world.ready("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    assert_eq!(world.aws.holdings().await, before, "put back, all is as it was");
}

#[tokio::test]
async fn an_account_cannot_be_changed() {
    let world = World::enter("account").await.still().await;
    let refused = world.try_apply(&binding(&world.name, "999999999999")).await.expect_err("refused");
    assert!(refused.contains("accountId cannot be changed"), "{refused}");
}
