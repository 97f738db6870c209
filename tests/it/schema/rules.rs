//! Bounds and rules of a definition's own fields, as the API server has them. The core's tables have more of each.

use super::{Row, batch, ecs};
use serde_json::{Value, json};

pub(super) fn rows() -> Vec<Row> {
    [sizes(), dependencies(), bounds()].into_iter().flatten().collect()
}

fn sizes() -> Vec<Row> {
    let fargate = |cpu: Value, memory: Value, mode: Value| {
        ecs(json!({"requiresCompatibilities": ["FARGATE"], "cpu": cpu, "memory": memory, "networkMode": mode}))
    };
    let pair = |cpu: &str, memory: &str| fargate(json!(cpu), json!(memory), json!("awsvpc"));
    let without = |container: Value| ecs(json!({"memory": null, "containerDefinitions": [container]}));
    let job = |container: Value| batch(json!({"containerProperties": container}));
    let listed = |kind: &str| json!({"type": kind, "value": "1"});
    let task = |containers: Value| batch(json!({"ecsProperties": {"taskProperties": [{"containers": containers}]}}));
    let both = json!([listed("VCPU"), listed("MEMORY")]);
    vec![
        ("Fargate", pair("256", "512"), None),
        ("Fargate's largest", pair("32768", "249856"), None),
        ("Fargate in words", pair(".25 vCPU", "0.5 GB"), None),
        ("a pair that is none", pair("256", "4096"), Some("Fargate has no tasks of cpu 256 with memory 4096")),
        ("off the steps", pair("8192", "17408"), Some("no tasks of cpu 8192 with memory 17408")),
        ("no cpu", fargate(Value::Null, json!("512"), json!("awsvpc")), Some("Fargate needs the task's `cpu` and `memory`")),
        ("no network mode", fargate(json!("256"), json!("512"), Value::Null), Some("set networkMode: awsvpc")),
        ("another network mode", fargate(json!("256"), json!("512"), json!("bridge")), Some("set networkMode: awsvpc")),
        ("no memory", without(json!({"name": "a"})), Some("outside Fargate every container needs")),
        ("a container's memory", without(json!({"name": "a", "memory": 128})), None),
        ("a reservation", without(json!({"name": "a", "memoryReservation": 128})), None),
        ("no name", ecs(json!({"containerDefinitions": [{"command": ["a"]}]})), Some("a container needs a name")),
        ("a job of old", job(json!({"vcpus": 1, "memory": 512})), None),
        ("no vCPUs", job(json!({"memory": 512})), Some("needs vCPUs")),
        ("no memory in a job", job(json!({"vcpus": 1})), Some("needs memory")),
        ("vCPUs twice", job(json!({"vcpus": 1, "resourceRequirements": both})), Some("`vcpus` and the VCPU")),
        ("memory twice", job(json!({"memory": 1, "resourceRequirements": both})), Some("`memory` and the MEMORY")),
        (
            "old fields on Fargate",
            batch(json!({"platformCapabilities": ["FARGATE"], "containerProperties": {"vcpus": 1, "memory": 512}})),
            Some("Fargate take no `vcpus`"),
        ),
        ("one of two without", task(json!([{"resourceRequirements": both}, {"name": "b"}])), Some("needs vCPUs")),
    ]
}

fn dependencies() -> Vec<Row> {
    let on = |name: &str| json!([{"containerName": name, "condition": "START"}]);
    let two = |name: &str| ecs(json!({"containerDefinitions": [{"name": "a", "dependsOn": on(name)}, {"name": "b"}]}));
    let sizes = json!([{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}]);
    let task = |name: &str| {
        let container = json!({"name": "a", "dependsOn": on(name), "resourceRequirements": sizes});
        batch(json!({"ecsProperties": {"taskProperties": [{"containers": [container]}]}}))
    };
    // The most that the rules may have to look at.
    let names: Vec<String> = (0..10).map(|i| format!("{i:0>255}")).collect();
    let others = |own: &str| names.iter().filter(|name| *name != own).map(|name| on(name)[0].clone()).collect::<Vec<_>>();
    let many: Vec<Value> = names.iter().map(|name| json!({"name": name, "dependsOn": others(name)})).collect();
    vec![
        ("one that is there", two("b"), None),
        ("one that is not", two("x"), Some("dependsOn names a container that is not there")),
        ("itself", two("a"), Some("container a depends on itself")),
        ("in Batch, one that is not", task("x"), Some("dependsOn names a container that is not there")),
        ("in Batch, itself", task("a"), Some("container a depends on itself")),
        ("as many as can be", ecs(json!({"containerDefinitions": many})), None),
    ]
}

fn bounds() -> Vec<Row> {
    let job = |field: &str, value: Value| {
        batch(json!({"containerProperties": {"image": "registry.example.com/x:1", "vcpus": 1, "memory": 512}, field: value}))
    };
    let secret =
        |value: &str| ecs(json!({"containerDefinitions": [{"name": "a", "secrets": [{"name": "A", "valueFrom": value}]}]}));
    let key = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-AbCdEf:password::";
    vec![
        ("a minute", job("timeout", json!({"attemptDurationSeconds": 60})), None),
        ("less than a minute", job("timeout", json!({"attemptDurationSeconds": 59})), Some("greater than or equal to 60")),
        ("no attempt", job("retryStrategy", json!({"attempts": 0})), Some("greater than or equal to 1")),
        ("eleven attempts", job("retryStrategy", json!({"attempts": 11})), Some("less than or equal to 10")),
        (
            "six conditions",
            job("retryStrategy", json!({"evaluateOnExit": vec![json!({"action": "EXIT"}); 6]})),
            Some("at most 5"),
        ),
        ("a new value of AWS's", ecs(json!({"networkMode": "future"})), None),
        ("a field of an answer", ecs(json!({"revision": 3})), Some("spec.ecs.revision")),
        ("a key of a secret", secret(key), None),
        ("a parameter", secret("/payments/x"), None),
        (
            "a bucket's object",
            secret("arn:aws:s3:::bucket/x"),
            Some("secrets[0].valueFrom: Invalid value: \"arn:aws:s3:::bucket/x\""),
        ),
    ]
}
