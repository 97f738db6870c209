//! What users apply. Every manifest can be changed by the path of a field, as a table of tests needs it.

use super::account::REGION;
use super::world::World;
use serde_json::{Value, json};
use wharfinger::api::PrivateImageWorkload;

pub(super) const REGISTRY: &str = "registry.example.com";
pub(super) const USER: &str = "payments-puller";
pub(super) const IMAGE: &str = "registry.example.com/payments/api:1.4.2";

/// A Secret as `kubectl create secret docker-registry regcred` makes it.
pub(super) fn login(namespace: &str, password: &str) -> Value {
    let config = json!({"auths": {REGISTRY: {"username": USER, "password": password}}});
    source(namespace, "regcred", "kubernetes.io/dockerconfigjson", json!({".dockerconfigjson": config.to_string()}))
}

impl World {
    /// Applies the Secret `regcred` with this password.
    pub(super) async fn login(&self, password: &str) {
        self.apply(&login(&self.name, password)).await;
    }

    /// Applies the Secret and the usual ECS workload, and waits until it is Ready and nothing more is due: while the controller
    /// starts, its watches may each ask for a pass.
    pub(super) async fn converge_ecs(&self, name: &str) -> PrivateImageWorkload {
        self.login("first").await;
        self.apply(&ecs(&self.name, name)).await;
        self.ready(name).await;
        self.poke(name).await
    }
}

pub(super) fn source(namespace: &str, name: &str, kind: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "type": kind, "stringData": data})
}

pub(super) fn workload(namespace: &str, name: &str, definition: (&str, Value)) -> Value {
    let (field, definition) = definition;
    json!({
        "apiVersion": "wharfinger.dev/v1alpha1", "kind": "PrivateImageWorkload", "metadata": {"name": name, "namespace": namespace},
        "spec": {
            // Another test's AccountBinding is none of its business.
            "bindingRef": {"name": namespace},
            // The registry of these images does not exist; what is proven of images is in `verify.rs`.
            "verify": "Off",
            "region": REGION, "image": IMAGE, "credentials": [{"secretRef": {"name": "regcred"}}], field: definition,
        },
    })
}

/// One ECS Fargate workload that writes logs.
pub(super) fn ecs(namespace: &str, name: &str) -> Value {
    let logs = json!({"awslogs-group": "/payments/api", "awslogs-region": REGION, "awslogs-stream-prefix": "api"});
    let container = json!({
        "name": "api", "portMappings": [{"containerPort": 8080}], "environment": [{"name": "LOG_LEVEL", "value": "info"}],
        "healthCheck": {"command": ["CMD", "true"]}, "logConfiguration": {"logDriver": "awslogs", "options": logs},
    });
    let fargate = json!({
        "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "containerDefinitions": [container],
    });
    workload(namespace, name, ("ecs", fargate))
}

/// The three forms of a Batch job definition.
pub(super) const BATCH_FORMS: [&str; 3] = ["containerProperties", "ecsProperties", "nodeProperties"];

pub(super) fn batch(namespace: &str, name: &str, form: &str) -> Value {
    let small = json!([{"type": "VCPU", "value": "0.25"}, {"type": "MEMORY", "value": "512"}]);
    let container = json!({"command": ["settle"], "resourceRequirements": small, "environment": [{"name": "A", "value": "b"}]});
    let definition = match form {
        "containerProperties" => json!({
            "platformCapabilities": ["FARGATE"], "containerProperties": container,
            "retryStrategy": {"attempts": 3, "evaluateOnExit": [{"onExitCode": "1", "action": "RETRY"}]},
            "timeout": {"attemptDurationSeconds": 3600}, "parameters": {"date": "today"},
        }),
        "ecsProperties" => json!({
            "platformCapabilities": ["FARGATE"],
            "ecsProperties": {"taskProperties": [{"containers": [
                {"name": "main", "resourceRequirements": small},
                {"name": "fetch", "image": "public.ecr.aws/aws-cli/aws-cli:2.31.0", "essential": false, "resourceRequirements": small},
            ]}]},
        }),
        _ => json!({
            "type": "multinode", "platformCapabilities": ["EC2"],
            "nodeProperties": {"numNodes": 3, "mainNode": 0, "nodeRangeProperties": [
                {"targetNodes": "0", "container": container}, {"targetNodes": "1:2", "container": container},
            ]},
        }),
    };
    workload(namespace, name, ("batch", definition))
}

/// The same manifest with a field set, by its path (`/spec/image`), or removed by `null`.
pub(super) fn with(mut manifest: Value, path: &str, value: Value) -> Value {
    let (parent, field) = path.rsplit_once('/').expect("a path");
    let parent = manifest.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
    match (parent, value) {
        (Value::Object(object), Value::Null) => {
            object.shift_remove(field);
        }
        (Value::Object(object), value) => {
            object.insert(field.to_owned(), value);
        }
        (parent, value) => parent[field.parse::<usize>().expect("an index")] = value,
    }
    manifest
}
