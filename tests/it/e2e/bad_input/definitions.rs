//! Definitions that cannot be registered.

use super::{INVALID, MISSING, Row, at, existing, row};
use serde_json::{Value, json};

pub(super) fn rows(account: &str) -> Vec<Row> {
    let variables = json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]);
    let batch = |definition: Value| vec![("/spec/ecs".to_owned(), Value::Null), ("/spec/batch".to_owned(), definition)];
    let small = json!([{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}]);
    let circle = json!([
        {"name": "a", "dependsOn": [{"containerName": "b", "condition": "START"}]},
        {"name": "b", "dependsOn": [{"containerName": "a", "condition": "START"}]},
    ]);
    let long = |bytes: usize| json!([{"name": "A", "value": "x".repeat(bytes)}]);
    vec![
        row(
            "an image with a scheme",
            INVALID,
            ("/spec/image", json!("https://registry.example.com/x:1")),
            &["spec.image", "scheme"],
        ),
        row(
            "an image in upper case",
            INVALID,
            ("/spec/image", json!("registry.example.com/Payments:1")),
            &["spec.image", "registry.example.com/Payments:1"],
        ),
        row(
            "an image with a bad digest",
            INVALID,
            ("/spec/image", json!("registry.example.com/x@sha256:abc")),
            &["spec.image", "64"],
        ),
        row(
            "an image of 300 characters",
            INVALID,
            ("/spec/image", json!(format!("registry.example.com/{}", "x".repeat(300)))),
            &["spec.image", "255"],
        ),
        row(
            "two variables of one name",
            INVALID,
            (at("environment"), variables),
            &["spec.ecs.containerDefinitions[0].environment[1].name", "\"A\""],
        ),
        row(
            "another family",
            "NotAllowed",
            ("/spec/ecs/family", json!("mine")),
            &["spec.ecs.family", "mine", "limits.definitionNames"],
        ),
        Row::new(
            "two roles",
            INVALID,
            vec![
                ("/spec/ecs/executionRoleArn".into(), json!("arn:aws:iam::999999999999:role/a")),
                ("/spec/executionRole".into(), json!({"arn": "arn:aws:iam::999999999999:role/b"})),
            ],
            &["spec.executionRole", "role/a", "different roles"],
        ),
        row("a task definition over 64 KiB", INVALID, (at("environment"), long(66_000)), &["spec.ecs", "65536 bytes"]),
        Row::new(
            "a job definition over 24 KiB",
            INVALID,
            batch(json!({"containerProperties": {"resourceRequirements": small, "environment": long(25_000)}})),
            &["spec.batch", "24576 bytes"],
        ),
        Row::new(
            "a size that Fargate has not, in words",
            INVALID,
            vec![("/spec/ecs/cpu".into(), json!(".25 vCPU")), ("/spec/ecs/memory".into(), json!("4 GB"))],
            &["spec.ecs.memory", "256 CPU units with 4096 MiB", "512 to 1024 by 512 or 2048"],
        ),
        Row::new(
            "containers that wait for each other",
            INVALID,
            vec![("/spec/ecs/containerDefinitions".into(), circle)],
            &["spec.ecs.containerDefinitions[0].dependsOn", "a -> b -> a"],
        ),
        Row::new(
            "a variable of Batch's own",
            INVALID,
            batch(
                json!({"containerProperties": {"resourceRequirements": small, "environment": [{"name": "AWS_BATCH_X", "value": "y"}]}}),
            ),
            &["spec.batch.containerProperties.environment[0].name", "AWS_BATCH_X", "rename it"],
        ),
        Row::new(
            "a platform that pulls without credentials",
            INVALID,
            batch(
                json!({"containerProperties": {"resourceRequirements": small, "fargatePlatformConfiguration": {"platformVersion": "1.1.0"}}}),
            ),
            &["spec.batch.containerProperties.fargatePlatformConfiguration.platformVersion", "1.1.0", "1.2.0"],
        ),
        row("a workload of 1 MB", INVALID, (at("environment"), long(1_000_000)), &["spec.ecs", "65536 bytes"]),
        row(
            "a secret's name that is too long to be one",
            MISSING,
            existing(format!("arn:aws:secretsmanager:eu-west-1:{account}:secret:{}", "x".repeat(1990))),
            &["spec.credentials[0].secretArn", "not found"],
        ),
    ]
}
