//! Bad input that the API server refuses. What the command line says of the same file names the same field.

use super::Row;
use crate::e2e::manifests::REGISTRY;
use serde_json::{Value, json};

const CREDENTIAL: &str = "/spec/credentials/0";

fn row(name: &'static str, path: impl Into<String>, value: Value, named: &[&str]) -> Row {
    Row::refused(name, vec![(path.into(), value)], named)
}

/// A Batch job in place of the ECS task.
fn batch(name: &'static str, definition: Value, named: &[&str]) -> Row {
    Row::refused(name, vec![("/spec/ecs".to_owned(), Value::Null), ("/spec/batch".to_owned(), definition)], named)
}

pub(super) fn rows(account: &str) -> Vec<Row> {
    let login = json!({"registry": REGISTRY, "secretRef": {"name": "regcred"}});
    let existing = |arn: &str| json!({"registry": REGISTRY, "secretArn": arn});
    let ssm = format!("arn:aws:ssm:eu-west-1:{account}:parameter/x");
    let colon = format!("arn:aws:kms:eu-west-1:{account}:key:1234abcd-12ab-34cd-56ef-1234567890ab");
    let sizes = json!([{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}]);
    let twice = json!({"containerProperties": {"vcpus": 1, "resourceRequirements": sizes}});
    let timed = |timeout: Value| json!({"containerProperties": {"resourceRequirements": sizes}, "timeout": timeout});
    let role = "arn:aws:lambda:eu-west-1:111122223333:function:x";
    vec![
        row("two credentials for one registry", "/spec/credentials", json!([login, login]), &["registry"]),
        row(
            "a credential for an ECR registry",
            format!("{CREDENTIAL}/registry"),
            json!(super::ECR),
            &["spec.credentials[0]", "Amazon ECR takes no repositoryCredentials"],
        ),
        row(
            "a credential of both kinds",
            CREDENTIAL,
            json!({"secretRef": {"name": "a"}, "secretArn": "b"}),
            &["exactly one of `secretRef`, `secretArn` and `credentialRef` must be given"],
        ),
        row(
            "a credential of no kind",
            CREDENTIAL,
            json!({"registry": REGISTRY}),
            &["exactly one of `secretRef`, `secretArn` and `credentialRef` must be given"],
        ),
        row(
            "an ARN of another service",
            CREDENTIAL,
            existing(&ssm),
            &["spec.credentials[0].secretArn", "Secrets Manager secret"],
        ),
        row(
            "a secret ARN over 2048 characters",
            CREDENTIAL,
            existing(&format!("arn:aws:secretsmanager:eu-west-1:{account}:secret:{}", "x".repeat(2048))),
            &["spec.credentials[0].secretArn", "2048"],
        ),
        row(
            "a pasted credentialsParameter over 2048 characters",
            "/spec/ecs/containerDefinitions/0/repositoryCredentials",
            json!({"credentialsParameter": "x".repeat(2049)}),
            &["credentialsParameter", "2048"],
        ),
        row("a KMS ARN with key:", format!("{CREDENTIAL}/kmsKey"), json!(colon), &["spec.credentials[0].kmsKey", "key ARN"]),
        row("a role ARN of another service", "/spec/executionRole", json!({"arn": role}), &["spec.executionRole.arn", role]),
        row(
            "a role by name and ARN",
            "/spec/executionRole",
            json!({"name": "a", "arn": format!("arn:aws:iam::{account}:role/b")}),
            &["at most one of `name` and `arn` may be given"],
        ),
        row(
            "a role's name that IAM does not take",
            "/spec/executionRole",
            json!({"name": "a b"}),
            &["spec.executionRole.name", "a b"],
        ),
        row("a Region that is no Region's name", "/spec/region", json!("Frankfurt"), &["spec.region", "Frankfurt"]),
        row("no image", "/spec/image", Value::Null, &["image", "spec.image"]),
        row("neither ECS nor Batch", "/spec/ecs", Value::Null, &["exactly one of `ecs` and `batch` must be given"]),
        row(
            "two containers of one name",
            "/spec/ecs/containerDefinitions",
            json!([{"name": "a"}, {"name": "a"}]),
            &["two containers have"],
        ),
        batch(
            "two forms of a job",
            json!({"containerProperties": {}, "ecsProperties": {"taskProperties": []}}),
            &["exactly one of containerProperties, ecsProperties"],
        ),
        batch(
            "no form of a job",
            json!({"retryStrategy": {"attempts": 3}}),
            &["exactly one of containerProperties, ecsProperties"],
        ),
        batch("a job on EKS", json!({"eksProperties": {"podProperties": {}}}), &["jobs on EKS pull with", "imagePullSecrets"]),
        row("both ECS and Batch", "/spec/batch", json!({}), &["exactly one of `ecs` and `batch` must be given"]),
        row("a name with a dot", "/metadata/name", json!("a.b"), &["metadata.name", "DNS label"]),
        row("a name of 64 characters", "/metadata/name", json!("x".repeat(64)), &["metadata.name", "63 characters"]),
        row(
            "a container name that AWS does not take",
            "/spec/ecs/containerDefinitions/0/name",
            json!("a b"),
            &["spec.ecs.containerDefinitions[0].name", "a b"],
        ),
        row(
            "eleven containers",
            "/spec/ecs/containerDefinitions",
            (0..11).map(|at| json!({"name": format!("c{at}")})).collect(),
            &["spec.ecs.containerDefinitions", "10"],
        ),
        row("an unknown field", "/spec/ecs/containerDefinitions/0/imagge", json!("x"), &["imagge", "containerDefinitions[0]"]),
        row("an unknown field of the spec", "/spec/credentails", json!([]), &["credentails"]),
        row("a number where a text belongs", "/spec/ecs/cpu", json!(256), &["spec.ecs.cpu", "string"]),
        row("an interval without a unit", "/spec/interval", json!("60"), &["spec.interval", "60"]),
        row("a recovery window of a day", "/spec/recoveryWindowInDays", json!(1), &["spec.recoveryWindowInDays", "7"]),
        row("a size that Fargate has not", "/spec/ecs/memory", json!("4096"), &["spec.ecs", "Fargate has no tasks of", "4096"]),
        row("Fargate without cpu", "/spec/ecs/cpu", Value::Null, &["spec.ecs", "Fargate needs the task's"]),
        row("Fargate on a bridge", "/spec/ecs/networkMode", json!("bridge"), &["spec.ecs", "no network mode but awsvpc"]),
        row("a container without a name", "/spec/ecs/containerDefinitions/0/name", Value::Null, &["a container needs a name"]),
        row(
            "a container that depends on itself",
            "/spec/ecs/containerDefinitions/0/dependsOn",
            json!([{"containerName": "api", "condition": "START"}]),
            &["containerDefinitions[0]", "itself"],
        ),
        row(
            "a container that depends on nobody",
            "/spec/ecs/containerDefinitions/0/dependsOn",
            json!([{"containerName": "proxy", "condition": "START"}]),
            &["dependsOn names a container that is not there"],
        ),
        row(
            "a secret out of a bucket",
            "/spec/ecs/containerDefinitions/0/secrets",
            json!([{"name": "A", "valueFrom": "arn:aws:s3:::bucket/x"}]),
            &["spec.ecs.containerDefinitions[0].secrets[0].valueFrom", "arn:aws:s3:::bucket/x"],
        ),
        row("a field of AWS's answer", "/spec/ecs/revision", json!(3), &["spec.ecs.revision"]),
        batch("vCPUs twice", twice, &["spec.batch.containerProperties", "vcpus", "VCPU", "resourceRequirements"]),
        batch("a job without memory", json!({"containerProperties": {"vcpus": 1}}), &["needs memory", "type: MEMORY"]),
        batch(
            "a job of a second",
            timed(json!({"attemptDurationSeconds": 1})),
            &["spec.batch.timeout.attemptDurationSeconds", "60"],
        ),
        row("an unknown policy", "/spec/deletionPolicy", json!("Orphan"), &["spec.deletionPolicy", "Orphan"]),
    ]
}
