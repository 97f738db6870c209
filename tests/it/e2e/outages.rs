//! What the controller stands on is not there: the API server, its kinds, AWS credentials. It tells, waits and goes on.

use super::gate::{Gate, Instead, Wire};
use super::grants::Kubeconfig;
use super::manifests::{ecs, with};
use super::proxy::{Fault, Rule};
use super::rows::each;
use super::world::World;
use serde_json::{Value, json};

/// A world whose controller goes another way to the API server.
async fn via(test: &str, server: &str) -> World {
    let mut world = World::enter(test).await.still().await;
    let kubeconfig = Kubeconfig::of_parts().via(server).write(&world.name);
    world.flag(format!("--kubeconfig={}", kubeconfig.display()));
    world
}

#[tokio::test]
async fn an_api_server_that_cannot_be_reached_is_waited_for() {
    let wire = Wire::start(false).await;
    let mut world = via("outage", &wire.server).await;
    world.login("first").await;
    world.apply(&ecs(&world.name, "api")).await;
    world.run().await;
    world.controller().readyz(503, &["id of the cluster", "cannot be reached"]).await;
    wire.mend();
    world.ready("api").await;
    world.controller().readyz(200, &["leading\n"]).await;

    // And in the middle. What changes meanwhile is seen when it is back.
    wire.cut();
    world.controller().readyz(503, &["watch of privateimageworkloads.wharfinger.dev", "cannot be reached"]).await;
    assert_eq!(world.controller().get("health_addr", "/healthz").await.0, 200, "it lives");
    world.proxy.forget();
    world.patch("api", json!({"spec": {"image": "registry.example.com/payments/api:2"}})).await;
    wire.mend();
    world.ready("api").await;
    world.controller().readyz(200, &["leading\n"]).await;
    assert_eq!(world.proxy.written(), ["RegisterTaskDefinition"]);
    let told = world.controller().warnings("watch of privateimageworkloads");
    assert_eq!(told.len(), 1, "told once: {told:#?}");
}

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/";
const KINDS: &str = "/apis/wharfinger.dev/";

fn stamped(crd: &mut Value, stamp: Value) {
    let annotations = crd["metadata"]["annotations"].as_object_mut().expect("annotations");
    match stamp {
        Value::Null => _ = annotations.remove("wharfinger.dev/schema"),
        stamp => _ = annotations.insert("wharfinger.dev/schema".to_owned(), stamp),
    }
}

#[tokio::test]
async fn crds_that_are_missing_or_older_are_waited_for() {
    type Row = (&'static str, fn(&str) -> Option<Instead>, &'static [&'static str]);
    let rows: [Row; 5] = [
        (
            "missing",
            |path| (path.starts_with(CRDS) || path.starts_with(KINDS)).then_some(Instead::NotFound),
            &["privateimageworkloads.wharfinger.dev is missing", "wharfinger crds | kubectl apply --server-side -f -"],
        ),
        (
            "unread",
            |path| match path {
                _ if path.starts_with(CRDS) => Some(Instead::Forbidden),
                _ => path.starts_with(KINDS).then_some(Instead::NotFound),
            },
            &["registrycredentials.wharfinger.dev is missing", "wharfinger crds | kubectl apply --server-side -f -"],
        ),
        (
            "unstamped",
            |path| path.starts_with(CRDS).then_some(Instead::Changed(|crd| stamped(crd, Value::Null))),
            &["accountbindings.wharfinger.dev is older than this controller", "wharfinger crds | kubectl apply"],
        ),
        (
            "older",
            |path| {
                path.ends_with("/registrycredentials.wharfinger.dev")
                    .then_some(Instead::Changed(|crd| stamped(crd, json!("0.0.1/0"))))
            },
            &["- custom resource definitions: registrycredentials.wharfinger.dev is older", "apply the CRDs of this release"],
        ),
        (
            "unserved",
            |path| path.starts_with(CRDS).then_some(Instead::Changed(|crd| crd["spec"]["versions"][0]["name"] = json!("v2"))),
            &["does not serve v1alpha1"],
        ),
    ];
    each(rows.map(|row| (row.0.to_owned(), row)), |(name, rule, told)| async move {
        let gate = Gate::start(super::parts::kube().await, rule).await;
        let mut world = via(&format!("crds-{name}"), &gate.server).await;
        world.login("first").await;
        world.apply(&ecs(&world.name, "api")).await;
        world.run().await;
        world.controller().readyz(503, told).await;
        assert_eq!(world.proxy.calls().len(), 0, "nothing is done");
        gate.open();
        world.ready("api").await;
        world.controller().readyz(200, &["leading\n"]).await;
    })
    .await;
}

#[tokio::test]
async fn crds_of_a_newer_release_are_served_with_a_warning() {
    let newer = |path: &str| path.starts_with(CRDS).then_some(Instead::Changed(|crd| stamped(crd, json!("99.0.0/0"))));
    let gate = Gate::start(super::parts::kube().await, newer).await;
    let mut world = via("crds-newer", &gate.server).await;
    world.run().await;
    world.converge_ecs("api").await;
    assert_eq!(world.controller().warnings("of a newer release than this controller").len(), 1);
}

#[tokio::test]
async fn crds_that_go_while_it_runs_are_told_and_waited_for() {
    use std::sync::atomic::{AtomicBool, Ordering};
    static GONE: AtomicBool = AtomicBool::new(false);
    let rule = |path: &str| (GONE.load(Ordering::SeqCst) && path.starts_with(KINDS)).then_some(Instead::NotFound);
    let gate = Gate::start(super::parts::kube().await, rule).await;
    let mut world = via("crds-gone", &gate.server).await;
    world.run().await;
    world.converge_ecs("api").await;
    GONE.store(true, Ordering::SeqCst);
    gate.hang_up();
    world.controller().readyz(503, &["watch of privateimageworkloads.wharfinger.dev", "does not serve this kind"]).await;
    GONE.store(false, Ordering::SeqCst);
    world.controller().readyz(200, &["leading\n"]).await;
    world.poke("api").await;
}

#[tokio::test]
async fn what_the_administrator_took_away_counts_although_nobody_was_told() {
    let gate = Gate::start(super::parts::kube().await, |_| None).await;
    let mut world = via("untold", &gate.server).await;
    world.run().await;
    world.converge_ecs("api").await;
    gate.silence("/apis/wharfinger.dev/v1alpha1/accountbindings");
    world.patch_binding(json!({"spec": {"namespaceSelector": {"matchLabels": {"test": "nobody"}}}})).await;
    world.proxy.forget();
    world.apply(&ecs(&world.name, "late")).await;
    let condition = world.not_ready("late", "BindingNotFound").await;
    assert!(condition.message.contains("admits namespace"), "{}", condition.message);
    assert_eq!(world.proxy.written(), [] as [&str; 0], "the watch says nothing of it, so it was read anew");
}

#[tokio::test]
async fn no_aws_credentials_are_told_and_come_later() {
    let mut world = World::enter("penniless").await.still().await;
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        world.environment(name, "");
    }
    world.run().await;
    world.login("first").await;
    world.apply(&ecs(&world.name, "api")).await;
    let condition = world.not_ready("api", "AccessDenied").await;
    for part in ["there are no AWS credentials", "IRSA", "EKS Pod Identity", "eks.amazonaws.com/role-arn"] {
        assert!(condition.message.contains(part), "no {part:?} in {}", condition.message);
    }
    world.controller().readyz(200, &["leading, but:", "AWS credentials", "eks.amazonaws.com/role-arn"]).await;
    assert_eq!(world.controller().warnings("AWS credentials: ").len(), 1, "told once");
    assert_eq!(world.proxy.calls().len(), 0);
}

#[tokio::test]
async fn what_sts_refuses_is_told_as_what_it_is() {
    let tag = "User: arn:aws:sts::123456789012:assumed-role/controller/x is not authorized to perform: sts:TagSession on resource: arn:aws:iam::111122223333:role/wharfinger";
    let assume = "User: arn:aws:sts::123456789012:assumed-role/controller/x is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/wharfinger";
    let packed = "Packed policy consumes 108% of allotted space, please use smaller policy.";
    let rows: [(&str, &'static str, &str, &str, &[&str]); 3] = [
        ("tag", "AccessDenied", tag, "AccessDenied", &["sts:TagSession beside sts:AssumeRole", "sessionTags: None"]),
        ("assume", "AccessDenied", assume, "AccessDenied", &["allow sts:AssumeRole in the role's trust policy"]),
        ("packed", "PackedPolicyTooLarge", packed, "RefusedByAws", &["sessionTags: None", "disableSessionTags"]),
    ];
    each(rows.map(|row| (row.0.to_owned(), row)), |(name, code, message, reason, told)| async move {
        let tags = |spec: &mut Value| spec["sessionTags"] = json!("Namespace");
        let mut world = World::enter(&format!("sts-{name}")).await.binding(tags).still().await;
        world.proxy.inject(Rule::on("AssumeRole", Fault::Refuse(code, message.to_owned())));
        world.run().await;
        world.login("first").await;
        world.apply(&with(ecs(&world.name, "api"), "/spec/interval", json!("1m"))).await;
        let condition = world.not_ready("api", reason).await;
        for part in told {
            assert!(condition.message.contains(part), "no {part:?} in {}", condition.message);
        }
        assert_eq!(world.proxy.written(), [] as [&str; 0]);
        world.proxy.heal();
        world.poke("api").await;
        world.ready("api").await;
    })
    .await;
}
