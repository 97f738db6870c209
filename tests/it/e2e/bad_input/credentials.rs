//! Logins that are missing, stand twice or cannot be read.

use super::{CREDENTIAL, ECR, INVALID, Row, at, row};
use crate::e2e::manifests::REGISTRY;
use serde_json::{Value, json};

const SOURCE: &str = "SecretSourceInvalid";

/// A credential from one of the Secrets of [`super::sources`].
fn from(source: &str) -> (String, Value) {
    (format!("{CREDENTIAL}/secretRef/name"), json!(source))
}

pub(super) fn rows() -> Vec<Row> {
    let two = |first: Value, second: Value| ("/spec/credentials", json!([first, second]));
    let login = |registry: &str| json!({"registry": registry, "secretRef": {"name": "regcred"}});
    vec![
        row(
            "no credentials for a registry",
            INVALID,
            ("/spec/image", json!("other.example.com/x:1")),
            &["spec.image", "other.example.com", "no credential is given", "spec.credentials"],
        ),
        row("none at all", INVALID, ("/spec/credentials", Value::Null), &["spec.image", REGISTRY, "no credential is given"]),
        row(
            "two for one registry, by two of its names",
            INVALID,
            two(login("docker.io"), login("index.docker.io")),
            &["spec.credentials[1].registry", "docker.io", "same registry"],
        ),
        row(
            "two Secrets with a login for one registry",
            INVALID,
            two(json!({"secretRef": {"name": "regcred"}}), json!({"secretRef": {"name": "second"}})),
            &["spec.image", "spec.credentials[0]", "spec.credentials[1]", "both hold a login"],
        ),
        Row::new(
            "a Secret whose login would serve an ECR image",
            INVALID,
            vec![("/spec/image".into(), json!(format!("{ECR}/x:1"))), from("ecr")],
            &["spec.credentials[0]", ECR, "Amazon ECR takes no repositoryCredentials", "remove this credential"],
        ),
        Row::new(
            "credentials on an ECR image",
            INVALID,
            vec![
                (at("image"), json!(format!("{ECR}/x:1"))),
                (at("repositoryCredentials"), json!({"credentialsParameter": "shared/ecr"})),
            ],
            &["repositoryCredentials", ECR, "remove it"],
        ),
        row(
            "a malformed registry",
            INVALID,
            (format!("{CREDENTIAL}/registry"), json!("https://x/ y")),
            &["spec.credentials[0].registry"],
        ),
        row(
            "a Secret that is not there",
            "SecretSourceMissing",
            from("absent"),
            &["spec.credentials[0].secretRef.name", "absent", "Secret"],
        ),
        row(
            "a Secret of a wrong type",
            SOURCE,
            from("tls"),
            &["spec.credentials[0].secretRef.name", "kubernetes.io/tls", "kubernetes.io/dockerconfigjson"],
        ),
        row(
            "a Secret without the registry's entry",
            INVALID,
            from("elsewhere"),
            &["spec.image", REGISTRY, "Secret elsewhere has entries for elsewhere.example.com"],
        ),
        row("a Secret that is not base64", SOURCE, from("not-base64"), &["not-base64", "`auth` that is not base64"]),
        row("a Secret with an identity token", SOURCE, from("token"), &["token", "identitytoken", "in place of a password"]),
        row("a Secret without a colon", SOURCE, from("colonless"), &["colonless", "colon"]),
        row("a Secret with an empty password", SOURCE, from("empty"), &["empty", "empty password"]),
        row("a Secret without logins", SOURCE, from("authless"), &["authless", "auths"]),
    ]
}
