//! Readers of other accounts, and the keys that they decrypt with: that of the secret, and that of each copy.

use super::registry_credential::Scene;
use serde_json::{Value, json};
use wharfinger::desired::resolve_credential;
use wharfinger::target;

const KEY: &str = "arn:aws:kms:REGION:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn spec(copy: &str, readers: &str) -> String {
    let key = KEY.replace("REGION", "eu-west-1");
    format!(
        "{{registry: quay.io, secretRef: {{name: quay-login}}, kmsKey: '{key}', replicas: [{{region: us-east-1{copy}}}], readers: {readers}}}"
    )
}

/// A key's policy is of one Region, as are the service that decrypts and the ARN in the encryption context.
#[test]
fn the_statement_of_each_regions_key_is_told() {
    let copy = format!(", kmsKey: '{}'", KEY.replace("REGION", "us-east-1"));
    let scene = Scene::settled(&spec(&copy, "[{accountId: '444455556666'}]"));
    let status = scene.inputs.credential.status.as_ref().unwrap();
    let arn = &status.secret.as_ref().unwrap().arn;
    let read = |text: &Option<String>| serde_json::from_str::<Value>(text.as_deref().unwrap()).unwrap();
    let told = [("eu-west-1", read(&status.key_policy_statement)), ("us-east-1", read(&status.replicas[0].key_policy_statement))];
    for (region, statement) in told {
        let condition = json!({"StringEquals": {
            "kms:ViaService": format!("secretsmanager.{region}.amazonaws.com"),
            "kms:EncryptionContext:SecretARN": arn.replace("eu-west-1", region),
        }});
        assert_eq!(statement["Condition"], condition, "{region}");
        assert_eq!(statement["Principal"], json!({"AWS": ["arn:aws:iam::444455556666:root"]}), "{region}");
    }
    let scene = Scene::settled(&spec(&copy, "[]"));
    assert_eq!(scene.inputs.credential.status.unwrap().replicas[0].key_policy_statement, None, "nobody else reads it");
}

#[test]
fn a_copy_under_the_default_key_is_refused_beside_a_reader_of_another_account() {
    let key = format!(", kmsKey: '{}'", KEY.replace("REGION", "us-east-1"));
    for (copy, readers, refused) in [
        ("", "[{accountId: '444455556666'}]", true),
        ("", "[{roleArn: 'arn:aws:iam::444455556666:role/reader'}]", true),
        (key.as_str(), "[{accountId: '444455556666'}]", false),
        ("", "[]", false),
    ] {
        let mut scene = Scene::settled(&spec(&key, "[]"));
        scene.inputs.credential.spec = serde_saphyr::from_str(&spec(copy, readers)).unwrap();
        scene.inputs.credential.spec.region = Some("eu-west-1".into());
        let target = target::choose(&scene.inputs.claim()).unwrap();
        let problems = resolve_credential(&scene.inputs, &target).map(|_| vec![]).unwrap_or_else(|problems| problems);
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told.iter().any(|it| it.contains("spec.replicas[0].kmsKey") && it.contains("default key")),
            refused,
            "{told:?}"
        );
        assert_eq!(told.is_empty(), !refused, "{told:?}");
    }
}
