//! ARNs and names that lead nowhere, or where this namespace may not go.

use super::{CREDENTIAL, FENCED, INVALID, MISSING, Row, at, existing, row};
use serde_json::{Value, json};

/// A credential that was pasted with the definition, and none besides.
fn pasted(id: &str) -> Vec<(String, Value)> {
    vec![("/spec/credentials".to_owned(), Value::Null), (at("repositoryCredentials"), json!({"credentialsParameter": id}))]
}

pub(super) fn rows(account: &str) -> Vec<Row> {
    let secret = |account: &str, name: &str| format!("arn:aws:secretsmanager:eu-west-1:{account}:secret:{name}");
    let other = secret("999999999999", "shared/x-AbCdEf");
    vec![
        row(
            "a secret's name that resolves to nothing",
            MISSING,
            existing("shared/nothing"),
            &["spec.credentials[0].secretArn", "shared/nothing", "not found"],
        ),
        row(
            "a partial ARN that resolves to nothing",
            MISSING,
            existing(secret(account, "shared/nothing")),
            &["spec.credentials[0].secretArn", "shared/nothing", "not found"],
        ),
        row(
            "a full ARN that resolves to nothing",
            MISSING,
            existing(secret(account, "shared/nothing-AbCdEf")),
            &["spec.credentials[0].secretArn", "shared/nothing-AbCdEf", "not found"],
        ),
        row(
            "a secret of an account that is not allowed",
            FENCED,
            existing(other.clone()),
            &["spec.credentials[0].secretArn", &other, "999999999999", "limits.secretArns"],
        ),
        Row::new(
            "a pasted secret of an account that is not allowed",
            FENCED,
            pasted(&other),
            &["credentialsParameter", "999999999999", "limits.secretArns"],
        ),
        Row::new(
            "a pasted ARN of another service",
            INVALID,
            pasted(&format!("arn:aws:ssm:eu-west-1:{account}:parameter/x")),
            &["spec.ecs.containerDefinitions[0].repositoryCredentials.credentialsParameter", "arn:aws:ssm", "Secrets Manager"],
        ),
        Row::new("a pasted name that resolves to nothing", MISSING, pasted("shared/nothing"), &["shared/nothing", "not found"]),
        row(
            "a KMS alias that does not exist",
            MISSING,
            (format!("{CREDENTIAL}/kmsKey"), json!("alias/nothing")),
            &["alias/nothing", "not found"],
        ),
        row(
            "a key id that is none",
            INVALID,
            (format!("{CREDENTIAL}/kmsKey"), json!("my key")),
            &["spec.credentials[0].kmsKey", "my key", "key ARN"],
        ),
        row(
            "a key of an account that is not allowed",
            MISSING,
            (
                format!("{CREDENTIAL}/kmsKey"),
                json!("arn:aws:kms:eu-west-1:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab"),
            ),
            &["limits.kmsKeys", "999999999999"],
        ),
        row(
            "an execution role that does not exist",
            MISSING,
            ("/spec/executionRole", json!({"arn": format!("arn:aws:iam::{account}:role/nobody")})),
            &["role/nobody", "does not exist"],
        ),
        row(
            "an execution role of another account",
            INVALID,
            ("/spec/executionRole", json!({"arn": "arn:aws:iam::999999999999:role/theirs"})),
            &["spec.executionRole.arn", "999999999999"],
        ),
        row(
            "an execution role that is not under our prefix",
            INVALID,
            ("/spec/executionRole", json!({"name": "admin"})),
            &["spec.executionRole.name", "admin", "executionRole.arn"],
        ),
        row(
            "a task role that is not allowed",
            FENCED,
            ("/spec/ecs/taskRoleArn", json!("arn:aws:iam::999999999999:role/x")),
            &["taskRoleArn", "limits.taskRoles"],
        ),
        row(
            "a container secret that is not allowed",
            FENCED,
            (at("secrets"), json!([{"name": "X", "valueFrom": other}])),
            &["secrets", "limits.secretArns"],
        ),
        row(
            "a parameter that is not allowed",
            FENCED,
            (at("secrets"), json!([{"name": "X", "valueFrom": "/prod/x"}])),
            &["parameter/prod/x", "limits.ssmParameters"],
        ),
        row(
            "an environment file that is not allowed",
            FENCED,
            (at("environmentFiles"), json!([{"type": "s3", "value": "arn:aws:s3:::bucket/x.env"}])),
            &["environmentFiles", "limits.s3Objects"],
        ),
    ]
}
