//! What the API server itself takes and refuses: bounds and CEL rules of the CRDs, asked of the real one by dry runs.

mod rules;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::{GroupVersionKind, TypeMeta};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::path::Path;

/// A change to the good object, and a part of the refusal; none = it is taken.
type Row = (&'static str, Value, Option<&'static str>);

fn workload() -> Value {
    json!({
        "apiVersion": "wharfinger.dev/v1alpha1", "kind": "PrivateImageWorkload", "metadata": {"name": "api", "namespace": "default"},
        "spec": {
            "region": "eu-west-1", "image": "registry.example.com/api:1", "credentials": [{"secretRef": {"name": "regcred"}}],
            "ecs": {"memory": "512", "containerDefinitions": [{"name": "api"}]}
        }
    })
}

fn binding() -> Value {
    json!({
        "apiVersion": "wharfinger.dev/v1alpha1", "kind": "AccountBinding", "metadata": {"name": "schema-test"},
        "spec": {"accountId": "111122223333", "regions": ["eu-west-1"], "namespaceSelector": {"matchLabels": {"schema": "test"}}}
    })
}

fn ecs(definition: Value) -> Value {
    json!({"spec": {"ecs": definition}})
}

fn batch(definition: Value) -> Value {
    json!({"spec": {"ecs": null, "batch": definition}})
}

fn credentials(list: Value) -> Value {
    json!({"spec": {"credentials": list}})
}

fn named(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

fn spec(field: &str, value: Value) -> Value {
    json!({"spec": {field: value}})
}

fn in_network(restricted: Option<&str>, role: Value) -> Value {
    let named = match restricted {
        Some(by) => json!({"name": "apps", "restrictPulls": by}),
        None => json!({"name": "apps"}),
    };
    json!({"spec": {"pullNetworkRef": named, "executionRole": role}})
}

fn definitions() -> Vec<Row> {
    let sizes = json!([{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}]);
    let container = json!({"image": "registry.example.com/x:1", "resourceRequirements": sizes});
    let eleven: Vec<Value> = (0..11).map(|i| json!({"name": format!("c{i}")})).collect();
    vec![
        ("an ECS workload", json!({}), None),
        ("pasted output of AWS", ecs(json!({"volumes": [], "runtimePlatform": {}, "placementConstraints": []})), None),
        ("a Batch job", batch(json!({"containerProperties": container})), None),
        ("its second form", batch(json!({"ecsProperties": {"taskProperties": [{"containers": [container]}]}})), None),
        (
            "its third form",
            batch(json!({"nodeProperties": {"numNodes": 2, "nodeRangeProperties": [{"container": container}]}})),
            None,
        ),
        ("both", spec("batch", json!({"containerProperties": {}})), Some("exactly one of `ecs` and `batch`")),
        ("neither", spec("ecs", json!(null)), Some("exactly one of `ecs` and `batch`")),
        ("no container", ecs(json!({"containerDefinitions": []})), Some("at least one container")),
        ("containers left out", ecs(json!({"containerDefinitions": null})), Some("at least one container")),
        ("eleven containers", ecs(json!({"containerDefinitions": eleven})), Some("at most 10 items")),
        ("no image", spec("image", json!(null)), Some("every container needs an image")),
        ("an empty image", spec("image", json!("")), Some("at least 1 char")),
        (
            "one name twice",
            ecs(json!({"containerDefinitions": [{"name": "a"}, {"name": "b"}, {"name": "a"}]})),
            Some("same name"),
        ),
        ("unknown field", ecs(json!({"containerDefinitions": [{"name": "a", "imagge": "b"}]})), Some("[0].imagge")),
        ("a number for a text", ecs(json!({"cpu": 256})), Some("spec.ecs.cpu")),
        ("no form", batch(json!({"type": "container"})), Some("exactly one of containerProperties, ecsProperties")),
        (
            "two forms",
            batch(json!({"containerProperties": container, "nodeProperties": {}})),
            Some("exactly one of containerProperties"),
        ),
        ("EKS", batch(json!({"eksProperties": {"podProperties": {}}})), Some("imagePullSecrets")),
    ]
}

fn settings() -> Vec<Row> {
    vec![
        ("a digest for the tag", spec("pinDigest", json!(true)), None),
        (
            "a digest that nobody finds",
            json!({"spec": {"pinDigest": true, "verify": "Off"}}),
            Some("set verify to Warn or Enforce"),
        ),
        ("no such proof", spec("verify", json!("Maybe")), Some("spec.verify")),
        ("a name of 63 characters", named(&"a".repeat(63)), None),
        ("a name of 64 characters", named(&"a".repeat(64)), Some("DNS label")),
        ("a name with a dot", named("a.b"), Some("DNS label")),
        ("no such Region", spec("region", json!("Ireland")), Some("spec.region")),
        ("an interval", spec("interval", json!("1h30m")), None),
        ("no interval", spec("interval", json!("soon")), Some("spec.interval")),
        ("six days", spec("recoveryWindowInDays", json!(6)), Some("greater than or equal to 7")),
        ("31 days", spec("recoveryWindowInDays", json!(31)), Some("less than or equal to 30")),
        ("a policy", spec("deletionPolicy", json!("Keep")), Some("Unsupported value")),
        ("a role", spec("executionRole", json!({"arn": "arn:aws:iam::111122223333:role/path/x"})), None),
        ("a user", spec("executionRole", json!({"arn": "arn:aws:iam::111122223333:user/x"})), Some("spec.executionRole.arn")),
        ("a network", spec("pullNetworkRef", json!({"name": "apps", "restrictPulls": "Both"})), None),
        (
            "no such restriction",
            spec("pullNetworkRef", json!({"name": "apps", "restrictPulls": "Subnet"})),
            Some("Unsupported value"),
        ),
        ("a network without a name", spec("pullNetworkRef", json!({"restrictPulls": "Vpc"})), Some("pullNetworkRef.name")),
        (
            "two restrictions",
            in_network(Some("Vpc"), json!({"restrictPullsTo": {"vpcIds": ["vpc-0123abcd"]}})),
            Some("say the same"),
        ),
        ("one of two", in_network(None, json!({"restrictPullsTo": {"vpcIds": ["vpc-0123abcd"]}})), None),
        ("pulls from anywhere", in_network(Some("Vpc"), json!({"managedPolicy": "Always"})), Some("allows pulls from anywhere")),
        ("pulls that are not restricted", in_network(None, json!({"managedPolicy": "Always"})), None),
        ("a policy of ours", in_network(Some("Vpc"), json!({"managedPolicy": "Never"})), None),
        (
            "a role twice",
            spec("executionRole", json!({"name": "x", "arn": "arn:aws:iam::111122223333:role/x"})),
            Some("at most one of"),
        ),
    ]
}

fn logins() -> Vec<Row> {
    let secret = |arn: &str| credentials(json!([{"registry": "quay.io", "secretArn": arn}]));
    let key = |key: &str| credentials(json!([{"secretRef": {"name": "r"}, "kmsKey": key}]));
    let host = |registry: &str| credentials(json!([{"registry": registry, "secretRef": {"name": "r"}}]));
    let many: Vec<Value> =
        (0..20).map(|i| json!({"registry": format!("{i:0>255}"), "secretRef": {"name": "r".repeat(253)}})).collect();
    vec![
        ("twenty of the longest", credentials(json!(many)), None),
        ("none", credentials(json!([])), None),
        ("a secret's ARN", secret("arn:aws:secretsmanager:us-east-1:210987654321:secret:shared/ghcr-AbCdEf"), None),
        ("a secret's name", secret("shared/ghcr"), None),
        ("a bucket", secret("arn:aws:s3:::bucket"), Some("arn:aws:s3:::bucket: must be the ARN of a Secrets Manager secret")),
        ("an alias", key("alias/registry"), None),
        (
            "a key with a colon",
            key("arn:aws:kms:eu-west-1:111122223333:key:1234"),
            Some("111122223333:key:1234: must be a KMS key ARN"),
        ),
        ("ECR", host("111122223333.dkr.ecr.eu-west-1.amazonaws.com"), Some("ECR takes no repositoryCredentials")),
        ("ECR Public", host("public.ecr.aws/nginx"), Some("ECR takes no repositoryCredentials")),
        (
            "no source",
            credentials(json!([{"registry": "quay.io"}])),
            Some("exactly one of `secretRef`, `secretArn` and `credentialRef`"),
        ),
        (
            "two sources",
            credentials(json!([{"secretRef": {"name": "r"}, "secretArn": "s"}])),
            Some("exactly one of `secretRef`, `secretArn` and `credentialRef`"),
        ),
        (
            "two for one registry",
            credentials(
                json!([{"registry": "quay.io", "secretRef": {"name": "a"}}, {"registry": "quay.io", "secretRef": {"name": "b"}}]),
            ),
            Some("only one credential"),
        ),
    ]
}

fn bindings() -> Vec<Row> {
    let role = |arn: &str| spec("roleArn", json!(arn));
    let limits = |field: &str, value: Value| json!({"spec": {"limits": {field: value}}});
    vec![
        ("a binding", json!({}), None),
        ("no selector", spec("namespaceSelector", json!(null)), None),
        ("a short account", spec("accountId", json!("123")), Some("spec.accountId")),
        ("no Region", spec("regions", json!([])), Some("at least 1 items")),
        ("no such Region", spec("regions", json!(["Ireland"])), Some("spec.regions[0]")),
        ("its role", role("arn:aws:iam::111122223333:role/x"), None),
        ("another account's role", role("arn:aws:iam::210987654321:role/x"), Some("role of accountId")),
        ("no role", role("arn:aws:iam::111122223333:user/x"), Some("spec.roleArn")),
        ("a prefix", json!({"spec": {"names": {"secretPrefix": "a b/"}}}), Some("spec.names.secretPrefix")),
        ("a path", limits("rolePath", json!("wharfinger")), Some("spec.limits.rolePath")),
        (
            "a boundary",
            limits("permissionsBoundaryArn", json!("arn:aws:iam::111122223333:role/x")),
            Some("permissionsBoundaryArn"),
        ),
        ("unknown fence", limits("secretArn", json!([])), Some("spec.limits.secretArn")),
    ]
}

#[tokio::test]
async fn the_api_server_takes_what_is_right_and_names_what_is_wrong() {
    let client = client().await;
    let mut wrong = vec![];
    let workloads = definitions().into_iter().chain(rules::rows()).chain(settings()).chain(logins()).map(|row| (workload(), row));
    for (mut object, (what, change, expected)) in workloads.chain(bindings().into_iter().map(|row| (binding(), row))) {
        merge(&mut object, &change);
        let answer = apply(&client, &object, true).await;
        let fits = match (&answer, expected) {
            (Ok(()), None) => true,
            (Err(refusal), Some(expected)) => refusal.contains(expected),
            _ => false,
        };
        if !fits {
            wrong.push(format!("{what}: expected {expected:?}, got {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_a_live_object_is_pinned_to_cannot_be_changed() {
    let client = client().await;
    // No label selects this binding's or the workload's namespace, so no controller of another test touches them.
    let mut workload = workload();
    merge(&mut workload, &json!({"metadata": {"name": "pinned"}, "spec": {"bindingRef": {"name": "a"}}}));
    let mut binding = binding();
    merge(&mut binding, &named("schema-test-pinned"));
    let changes = [
        (&workload, spec("region", json!("us-east-1")), Some("region cannot be changed")),
        (&workload, spec("bindingRef", json!({"name": "b"})), Some("bindingRef cannot be changed")),
        (&workload, spec("image", json!("registry.example.com/api:2")), None),
        (&binding, spec("accountId", json!("210987654321")), Some("accountId cannot be changed")),
        (&binding, spec("regions", json!(["eu-west-1", "us-east-1"])), None),
    ];
    for object in [&workload, &binding] {
        apply(&client, object, false).await.unwrap();
    }
    for (object, change, expected) in changes {
        let mut changed = object.clone();
        merge(&mut changed, &change);
        let answer = apply(&client, &changed, true).await;
        assert_eq!(answer.is_ok(), expected.is_none(), "{change}: {answer:?}");
        assert!(answer.err().unwrap_or_default().contains(expected.unwrap_or_default()), "{change}");
    }
}

#[tokio::test]
async fn the_examples_are_taken() {
    let client = client().await;
    let placed = ["PrivateImageWorkload", "RegistryCredential"];
    let kinds = [&placed[..], &["AccountBinding", "PullNetwork"]].concat();
    let mut count = 0;
    for folder in ["examples", "examples/00-platform", "examples-needing-setup"] {
        for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let documents: Vec<Value> = serde_saphyr::from_multiple(&std::fs::read_to_string(&path).unwrap()).unwrap();
            for mut object in documents.into_iter().filter(|object| kinds.iter().any(|kind| object["kind"] == *kind)) {
                if placed.iter().any(|kind| object["kind"] == *kind) {
                    merge(&mut object, &json!({"metadata": {"namespace": "default"}}));
                }
                apply(&client, &object, true).await.unwrap_or_else(|refusal| panic!("{}: {refusal}", path.display()));
                count += 1;
            }
        }
    }
    assert!(count > 5, "{count} objects");
}

/// A client of the API server, which has the CRDs.
pub(crate) async fn client() -> Client {
    assert!(std::env::var_os("KUBECONFIG").is_some(), "KUBECONFIG is not set: these tests need the real parts. Run `make test`");
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default(); // fails only where it is installed already
    let client = Client::try_default().await.unwrap();
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for (_, text) in wharfinger::api::crds().unwrap() {
        let crd: CustomResourceDefinition = serde_saphyr::from_str(&text).unwrap();
        api.patch(&crd.name_any(), &PatchParams::apply("schema").force(), &Patch::Apply(&crd)).await.unwrap();
    }
    let served = async {
        while apply(&client, &workload(), true).await.is_err() || apply(&client, &binding(), true).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), served).await.expect("the CRDs are served within 30 s");
    client
}

/// JSON merge patch (RFC 7386): null takes a field away.
fn merge(object: &mut Value, change: &Value) {
    match (object, change) {
        (Value::Object(object), Value::Object(change)) => {
            for (key, value) in change {
                match value {
                    Value::Null => drop(object.remove(key)),
                    value => merge(object.entry(key).or_insert(json!({})), value),
                }
            }
        }
        (object, change) => *object = change.clone(),
    }
}

/// Server-side apply with strict validation; the refusal is the API server's own words.
pub(crate) async fn apply(client: &Client, object: &Value, dry_run: bool) -> Result<(), String> {
    let types: TypeMeta = serde_json::from_value(object.clone()).unwrap();
    let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(types).unwrap());
    let api: Api<DynamicObject> = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let mut params = PatchParams::apply("schema").force().validation_strict();
    params.dry_run = dry_run;
    match api.patch(object["metadata"]["name"].as_str().unwrap(), &params, &Patch::Apply(object)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) => Err(status.message.clone()),
        Err(other) => panic!("{other}"),
    }
}
