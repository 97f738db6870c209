//! The policy that says what is granted, and what is read back from one.

use super::*;
use crate::resource::policy::same_meaning;
use proptest::prelude::*;

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/quay-AbCdEf";
const OTHER: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/ghcr-GhIjKl";
const PARAMETER: &str = "arn:aws:ssm:eu-west-1:111122223333:parameter/payments/token";
const OBJECT: &str = "arn:aws:s3:::payments/api/app.env";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const VIA: &str = "secretsmanager.eu-west-1.amazonaws.com";
const GROUP: &str = "arn:aws:logs:eu-west-1:111122223333:log-group:api:*";
const REPOSITORY: &str = "arn:aws:ecr:eu-west-1:111122223333:repository/api";

fn secret(arn: &str) -> Permission {
    Permission::ReadSecret(arn.to_owned())
}

fn decrypt(key: &str, via: Option<&str>, of: Option<&str>) -> Permission {
    Permission::Decrypt(Decryption { key: key.to_owned(), via: via.map(str::to_owned), of: of.map(str::to_owned) })
}

fn all() -> Grants {
    [
        secret(SECRET),
        secret(OTHER),
        Permission::ReadParameter(PARAMETER.to_owned()),
        Permission::ReadObject(OBJECT.to_owned()),
        decrypt(KEY, Some(VIA), Some(SECRET)),
        decrypt(KEY, Some("ssm.eu-west-1.amazonaws.com"), Some(PARAMETER)),
        Permission::CreateLogGroup(GROUP.to_owned()),
        Permission::WriteLogs(GROUP.to_owned()),
        Permission::PullImage(REPOSITORY.to_owned()),
    ]
    .into_iter()
    .collect()
}

fn from_vpc() -> PullSources {
    PullSources { vpc_ids: ["vpc-0a".to_owned()].into(), vpc_endpoint_ids: ["vpce-0b".to_owned()].into() }
}

#[test]
fn each_permission_is_a_statement_as_narrow_as_it_can_be() {
    let policy = all().policy(&from_vpc());
    let statements = policy["Statement"].as_array().unwrap();
    let sids: Vec<String> = statements
        .iter()
        .map(|it| {
            it["Sid"].as_str().unwrap().trim_end_matches(|c: char| c.is_ascii_digit() || ('a'..='f').contains(&c)).to_owned()
        })
        .collect();
    assert_eq!(sids.len(), 10);
    assert!(statements.iter().all(|it| it["Sid"].as_str().unwrap().chars().all(|c| c.is_ascii_alphanumeric())));
    let by_action = |action: &str| {
        let found = statements.iter().find(|it| it["Action"] == action || it["Action"][0] == action).unwrap();
        let mut found = found.clone();
        found.as_object_mut().unwrap().retain(|key, _| ["Resource", "Condition"].contains(&key.as_str()));
        found
    };
    for (action, expected) in [
        ("secretsmanager:GetSecretValue", json!({"Resource": [OTHER, SECRET]})),
        ("ssm:GetParameters", json!({"Resource": [PARAMETER]})),
        ("s3:GetObject", json!({"Resource": [OBJECT]})),
        ("s3:GetBucketLocation", json!({"Resource": ["arn:aws:s3:::payments"]})),
        ("logs:CreateLogGroup", json!({"Resource": [GROUP]})),
        ("logs:CreateLogStream", json!({"Resource": [GROUP]})),
        ("ecr:GetAuthorizationToken", json!({"Resource": ["*"]})),
        (
            "ecr:BatchCheckLayerAvailability",
            json!({"Resource": [REPOSITORY], "Condition": {"StringEquals": {"aws:SourceVpc": ["vpc-0a"], "aws:SourceVpce": ["vpce-0b"]}}}),
        ),
    ] {
        assert_eq!(by_action(action), expected, "{action}");
    }
    let decryptions: Vec<&Value> =
        statements.iter().filter(|it| it["Action"] == "kms:Decrypt").map(|it| &it["Condition"]["StringEquals"]).collect();
    assert_eq!(
        decryptions,
        [
            &json!({"kms:ViaService": VIA, "kms:EncryptionContext:SecretARN": [SECRET]}),
            &json!({"kms:ViaService": "ssm.eu-west-1.amazonaws.com", "kms:EncryptionContext:PARAMETER_ARN": [PARAMETER]}),
        ]
    );
    let anywhere = all().policy(&PullSources::default());
    assert!(anywhere["Statement"].as_array().unwrap().last().unwrap().get("Condition").is_none());
    assert!(Grants::default().is_empty() && !all().is_empty());
}

/// One login each for `count` registries, all under one customer key.
fn logins(count: usize) -> Grants {
    let arns = (0..count).map(|index| {
        format!(
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/regcred/r{index}.example.com/pull-AbCdEf"
        )
    });
    arns.flat_map(|arn| [decrypt(KEY, Some(VIA), Some(&arn)), secret(&arn)]).collect()
}

#[test]
fn what_would_be_too_long_is_merged() {
    for (count, listed, fits) in [(40, true, true), (85, false, true), (120, false, false)] {
        let policy = logins(count).policy(&PullSources::default());
        assert_eq!(policy.to_string().contains("EncryptionContext"), listed, "{count}");
        assert_eq!(size(&policy) <= MAX_INLINE_POLICY_CHARS, fits, "{count}: {}", size(&policy));
        assert!(policy.to_string().contains("kms:ViaService"), "{count}");
        assert_eq!(Grants::from_policy(&policy).map(|found| found.secrets()), Some(logins(count).secrets()), "{count}");
    }
}

#[test]
fn the_services_of_each_partition() {
    for (service, region, partition, expected) in [
        ("ssm", "eu-west-1", "aws", "ssm.eu-west-1.amazonaws.com"),
        ("secretsmanager", "us-gov-west-1", "aws-us-gov", "secretsmanager.us-gov-west-1.amazonaws.com"),
        ("secretsmanager", "us-iso-east-1", "aws-iso", "secretsmanager.us-iso-east-1.c2s.ic.gov"),
        ("secretsmanager", "us-isob-east-1", "aws-iso-b", "secretsmanager.us-isob-east-1.sc2s.sgov.gov"),
        ("secretsmanager", "eu-isoe-west-1", "aws-iso-e", "secretsmanager.eu-isoe-west-1.cloud.adc-e.uk"),
        ("secretsmanager", "us-isof-south-1", "aws-iso-f", "secretsmanager.us-isof-south-1.csp.hci.ic.gov"),
        ("secretsmanager", "eusc-de-east-1", "aws-eusc", "secretsmanager.eusc-de-east-1.amazonaws.eu"),
    ] {
        assert_eq!(via_service(service, region, partition), expected);
    }
}

/// A document with one statement.
fn statement(rest: &str) -> Value {
    serde_json::from_str(&format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{rest}}}]}}"#)).unwrap()
}

#[test]
fn what_a_policy_grants() {
    let on = |action: &str, resource: &str| statement(&format!(r#""Action":{action},"Resource":{resource}"#));
    let (get, both) = (r#""secretsmanager:GetSecretValue""#, r#"["kms:Decrypt","SecretsManager:getsecretvalue"]"#);
    let quoted = |text: &str| format!("{text:?}");
    let some = |permissions: &[Permission]| Some(permissions.iter().cloned().collect::<Grants>());
    let partial = SECRET.replace("AbCdEf", "??????");
    let via = |operator: &str, rest: &str| {
        statement(&format!(
            r#""Action":"kms:Decrypt","Resource":{KEY:?},"Condition":{{{operator:?}:{{"kms:ViaService":{VIA:?}{rest}}}}}"#
        ))
    };
    for (document, found) in [
        (Grants::default().policy(&PullSources::default()), some(&[])),
        (on(get, &quoted(SECRET)), some(&[secret(SECRET)])),
        (on(get, &quoted(&partial)), some(&[secret(&partial)])),
        // AWS's own sample, and what earlier versions wrote.
        (on(both, &format!("[{KEY:?},{SECRET:?}]")), some(&[secret(SECRET), decrypt(KEY, None, None)])),
        (on(r#""kms:Decrypt""#, &quoted(KEY)), some(&[decrypt(KEY, None, None)])),
        (via("StringEquals", ""), some(&[decrypt(KEY, Some(VIA), None)])),
        (
            via("StringEquals", &format!(r#","kms:EncryptionContext:SecretARN":[{SECRET:?}]"#)),
            some(&[decrypt(KEY, Some(VIA), Some(SECRET))]),
        ),
        (via("StringLike", ""), None),
        (via("StringEquals", r#","aws:SourceVpc":"vpc-0a""#), None),
        (on(get, &quoted(KEY)), None),
        (on(r#""kms:Decrypt""#, &quoted(SECRET)), None),
        (on(r#""ssm:GetParameters""#, &quoted(SECRET)), None),
        (on(r#""ssm:GetParameter""#, &quoted(PARAMETER)), None),
        (on(r#""s3:GetObject""#, &quoted(PARAMETER)), None),
        (on(get, &quoted("*")), None),
        (on(get, &quoted("arn:aws:secretsmanager:eu-west-1:111122223333:secret:*")), None),
        (on(r#""ssm:GetParameters""#, &quoted("arn:aws:ssm:eu-west-1:111122223333:parameter/*")), None),
        (on(r#""s3:GetObject""#, &quoted("arn:aws:s3:::*")), None),
        (on(r#""kms:Decrypt""#, &quoted("arn:aws:kms:eu-west-1:111122223333:key/*")), None),
        (on(r#""ecr:GetAuthorizationToken""#, &quoted(REPOSITORY)), None),
        (on(r#""secretsmanager:*""#, &quoted(SECRET)), None),
        (on(r#"["secretsmanager:GetSecretValue","ssm:GetParameters"]"#, &quoted(SECRET)), None),
        (on(r#""kms:Decrypt""#, r#""arn:aws:kms:eu-west-1:111122223333:alias/x""#), None),
        (statement(&format!(r#""Action":{get},"Resource":{SECRET:?},"Condition":{{"O":{{"k":"v"}}}}"#)), None),
        (statement(&format!(r#""Action":{get},"NotResource":{SECRET:?}"#)), None),
        (serde_json::from_str(&on(get, &quoted(SECRET)).to_string().replace("Allow", "Deny")).unwrap(), None),
        (serde_json::from_str(&on(get, &quoted(SECRET)).to_string().replace("2012", "2013")).unwrap(), None),
        (json!({"Version": VERSION}), None),
        (json!([]), None),
    ] {
        assert_eq!(Grants::from_policy(&document), found, "{document}");
    }
}

#[test]
fn secrets_that_nobody_needs_take_their_keys_along() {
    let both = [secret(SECRET), secret(OTHER), decrypt(KEY, Some(VIA), Some(SECRET)), decrypt(KEY, None, None)];
    for (dropped, left) in [
        (vec![SECRET], vec![secret(OTHER), decrypt(KEY, None, None)]),
        (vec![OTHER], vec![secret(SECRET), decrypt(KEY, Some(VIA), Some(SECRET)), decrypt(KEY, None, None)]),
        (vec![SECRET, OTHER], vec![]),
    ] {
        let mut grants: Grants = both.iter().cloned().collect();
        grants.drop_secrets(&dropped.iter().copied().collect());
        assert_eq!(grants, left.into_iter().collect(), "{dropped:?}");
    }
}

fn permission() -> impl Strategy<Value = Permission> {
    let place = "arn:aws-cn:SERVICE:cn-north-1:111122223333:";
    let arn = move |service: &str, rest: String| format!("{}{rest}", place.replace("SERVICE", service));
    let key = move |id: &str| format!("arn:aws-cn:kms:cn-north-1:111122223333:key/{id}");
    let secret_of = move |name: String| arn("secretsmanager", format!("secret:{name}"));
    prop_oneof![
        "[a-zA-Z0-9/_+=.@-]{1,9}-[a-zA-Z0-9]{6}".prop_map(move |name| Permission::ReadSecret(secret_of(name))),
        "[a-z]{1,5}".prop_map(move |name| Permission::ReadParameter(arn("ssm", format!("parameter/{name}")))),
        "[a-z]{1,5}/[a-z]{1,5}".prop_map(|path| Permission::ReadObject(format!("arn:aws-cn:s3:::{path}"))),
        "[a-z]{1,5}".prop_map(move |name| Permission::CreateLogGroup(arn("logs", format!("log-group:{name}:*")))),
        "[a-z]{1,5}".prop_map(move |name| Permission::WriteLogs(arn("logs", format!("log-group:{name}:*")))),
        "[a-z]{1,5}".prop_map(move |name| Permission::PullImage(arn("ecr", format!("repository/{name}")))),
        ("[0-9a-f]{4}", "[a-z]{1,4}-[a-zA-Z0-9]{6}").prop_map(move |(id, name)| {
            decrypt(&key(&id), Some("secretsmanager.cn-north-1.amazonaws.com"), Some(&secret_of(name)))
        }),
        ("[0-9a-f]{4}", "[a-z]{1,4}").prop_map(move |(id, name)| {
            decrypt(&key(&id), Some("ssm.cn-north-1.amazonaws.com"), Some(&arn("ssm", format!("parameter/{name}"))))
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_granted_is_read_back(granted in prop::collection::btree_set(permission(), 0..12), restricted in any::<bool>()) {
        let (granted, pulls) = (Grants(granted), if restricted { from_vpc() } else { PullSources::default() });
        let policy = granted.policy(&pulls);
        prop_assert_eq!(Grants::from_policy(&policy), Some(granted.clone()));
        prop_assert_eq!(Grants::held_in(&policy, &pulls), Held { grants: granted.clone(), statements: vec![] });
        prop_assert!(same_meaning(&policy, &Grants::from_policy(&policy).unwrap().policy(&pulls)));
        let sids: BTreeSet<String> = policy["Statement"].as_array().unwrap().iter().map(|it| it["Sid"].to_string()).collect();
        prop_assert_eq!(sids.len(), policy["Statement"].as_array().unwrap().len(), "each Sid once");
    }
}
