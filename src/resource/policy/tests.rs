//! Policies that mean the same, policies that do not, and what is read back from one.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::*;

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/quay-AbCdEf";
const OTHER: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/ghcr-GhIjKl";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn grants(secrets: &[&str], keys: &[&str]) -> Grants {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Grants { secrets: owned(secrets), keys: owned(keys) }
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A document with one statement.
fn allow(rest: &str) -> Value {
    read(&format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{rest}}}]}}"#))
}

#[test]
fn documents_in_every_encoding() {
    let policy = grants(&[SECRET], &[KEY]).policy();
    let pretty = serde_json::to_string_pretty(&policy).unwrap();
    for text in [policy.to_string(), pretty.clone(), utf8_percent_encode(&pretty, NON_ALPHANUMERIC).to_string()] {
        assert_eq!(decode(&text), Ok(policy.clone()));
    }
    assert_eq!(decode("%7B%22a%22%3A%22b+c%22%7D"), Ok(json!({"a": "b+c"})));
    assert_eq!(decode(r#"{"a":"100%25"}"#), Ok(json!({"a": "100%25"})));
    for (text, error) in [
        ("", PolicyError::NotJson { line: 1, column: 0 }),
        ("%7B%22a%22%7D", PolicyError::NotJson { line: 1, column: 5 }),
        ("%5B%5D", PolicyError::NotAnObject),
        ("\"a\"", PolicyError::NotAnObject),
        ("%7B%FF", PolicyError::NotUtf8),
    ] {
        assert_eq!(decode(text), Err(error), "{text}");
    }
}

/// What has made other controllers write the same policy for ever (ACK: community issues on perpetual policy diffs).
#[test]
fn differences_that_mean_nothing() {
    for (what, a, b) in [
        ("key order", r#""Action":"a:B","Resource":"*""#, r#""Resource":"*","Action":"a:B""#),
        ("white space", r#""Action":"a:B","Resource":"*""#, " \n \"Action\" : \"a:B\" , \"Resource\" : \"*\" "),
        ("action: scalar or list", r#""Action":"a:B""#, r#""Action":["a:B"]"#),
        ("actions in any order, repeated", r#""Action":["a:B","c:D"]"#, r#""Action":["c:D","a:B","c:D"]"#),
        ("action in any case", r#""Action":["a:B","A:b"]"#, r#""Action":"a:b""#),
        ("NotAction", r#""NotAction":"a:B""#, r#""NotAction":["A:B"]"#),
        ("resources in any order", r#""Resource":["x","y"]"#, r#""Resource":["y","x","y"]"#),
        ("resource: scalar or list", r#""NotResource":"x""#, r#""NotResource":["x"]"#),
        ("Sid", r#""Sid":"","Action":"a:B""#, r#""Sid":"Other","Action":"a:B""#),
        ("no Sid", r#""Sid":"","Action":"a:B""#, r#""Action":"a:B""#),
        ("everyone", r#""Principal":"*""#, r#""Principal":{"AWS":"*"}"#),
        ("everyone, as a list", r#""NotPrincipal":"*""#, r#""NotPrincipal":{"AWS":["*"]}"#),
        ("principals", r#""Principal":{"AWS":["a","b"],"Service":"s"}"#, r#""Principal":{"Service":["s"],"AWS":["b","a"]}"#),
        ("account", r#""Principal":{"AWS":"111122223333"}"#, r#""Principal":{"AWS":"arn:aws:iam::111122223333:root"}"#),
        ("condition: values", r#""Condition":{"O":{"k":"v"}}"#, r#""Condition":{"O":{"k":["v","v"]}}"#),
        ("condition: order", r#""Condition":{"O":{"k":["v","w"]}}"#, r#""Condition":{"O":{"k":["w","v"]}}"#),
        (
            "condition: case",
            r#""Condition":{"StringEquals":{"aws:SourceVpc":"v"}}"#,
            r#""Condition":{"stringEQUALS":{"AWS:sourcevpc":["v"]}}"#,
        ),
        ("condition: booleans", r#""Condition":{"Bool":{"k":true}}"#, r#""Condition":{"Bool":{"k":"true"}}"#),
        ("condition: numbers", r#""Condition":{"O":{"k":[5,true]}}"#, r#""Condition":{"O":{"k":["true","5"]}}"#),
        ("condition: none", r#""Action":"a:B","Condition":{"O":{}}"#, r#""Action":"a:B""#),
    ] {
        assert!(same_meaning(&allow(a), &allow(b)), "{what}");
    }
    for (what, a, b) in [
        ("one statement or a list", r#"{"Statement":{"Effect":"Deny"}}"#, r#"{"Statement":[{"Effect":"Deny"}]}"#),
        (
            "statements in any order",
            r#"{"Statement":[{"Effect":"Deny"},{"Effect":"Allow"}]}"#,
            r#"{"Statement":[{"Effect":"Allow"},{"Effect":"Deny"}]}"#,
        ),
        (
            "a statement twice",
            r#"{"Statement":[{"Effect":"Deny","Sid":"a"},{"Effect":"Deny"}]}"#,
            r#"{"Statement":[{"Effect":"Deny"}]}"#,
        ),
        ("Id", r#"{"Id":"x","Statement":[]}"#, r#"{"Statement":[]}"#),
        ("Version left out", r#"{"Version":"2008-10-17","Statement":[]}"#, r#"{"Statement":[]}"#),
    ] {
        assert!(same_meaning(&read(a), &read(b)), "{what}");
    }
}

#[test]
fn differences_that_mean_something() {
    for (what, a, b) in [
        ("action", r#""Action":"a:B""#, r#""Action":"a:C""#),
        ("Action and NotAction", r#""Action":"a:B""#, r#""NotAction":"a:B""#),
        ("one resource more", r#""Resource":"x""#, r#""Resource":["x","y"]"#),
        ("resource in another case", r#""Resource":"x""#, r#""Resource":"X""#),
        ("no resource at all", r#""Resource":[]"#, r#""Resource":["x"]"#),
        ("kind of principal", r#""Principal":{"AWS":"x"}"#, r#""Principal":{"Service":"x"}"#),
        ("every service", r#""Principal":"*""#, r#""Principal":{"Service":"*"}"#),
        ("another's root", r#""Principal":{"AWS":"111122223333"}"#, r#""Principal":{"AWS":"arn:aws:iam::999922223333:root"}"#),
        ("a condition", r#""Action":"a:B""#, r#""Action":"a:B","Condition":{"O":{"k":"v"}}"#),
        ("a condition that nothing fits", r#""Action":"a:B""#, r#""Action":"a:B","Condition":{"O":{"k":[]}}"#),
        ("operator", r#""Condition":{"O":{"k":"v"}}"#, r#""Condition":{"P":{"k":"v"}}"#),
        ("value in another case", r#""Condition":{"O":{"k":"v"}}"#, r#""Condition":{"O":{"k":"V"}}"#),
        ("two conditions are not one", r#""Condition":{"O":{"k":"v","K":"w"}}"#, r#""Condition":{"O":{"k":["v","w"]}}"#),
        ("an unknown element", r#""Action":"a:B""#, r#""Action":"a:B","Extra":{"b":1,"a":2}"#),
    ] {
        assert!(!same_meaning(&allow(a), &allow(b)), "{what}");
    }
    let (deny, allow) = (read(r#"{"Statement":{"Effect":"Deny"}}"#), read(r#"{"Statement":{"Effect":"Allow"}}"#));
    assert!(!same_meaning(&deny, &allow));
    assert!(!same_meaning(&read(r#"{"Version":"2012-10-17","Statement":[]}"#), &read(r#"{"Statement":[]}"#)));
}

#[test]
fn the_trust_policy_is_that_of_the_page() {
    let page = r#"{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    for partition in ["aws", "aws-cn", "aws-us-gov"] {
        assert_eq!(trust_policy(partition), read(page));
    }
    assert_eq!(managed_policy_arn("aws-cn"), "arn:aws-cn:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy");
}

#[test]
fn the_inline_policy() {
    let one = grants(&[SECRET, OTHER], &[]);
    assert_eq!(
        one.policy(),
        json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "RegistryCredentials", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": [OTHER, SECRET]},
        ]})
    );
    let both = one.union(&grants(&[SECRET], &[KEY]));
    assert_eq!(both, grants(&[SECRET, OTHER], &[KEY]));
    assert_eq!(
        both.policy()["Statement"][1],
        json!({"Sid": "RegistryCredentialKeys", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": [KEY]})
    );
    assert!(Grants::default().is_empty() && !one.is_empty());
    assert_eq!(size(&json!({"a": "é b"})), r#"{"a":"é b"}"#.chars().count());
    assert_eq!(size(&decode(&serde_json::to_string_pretty(&both.policy()).unwrap()).unwrap()), size(&both.policy()));
}

#[test]
fn what_a_policy_grants() {
    let statement = |action: &str, resource: &str| allow(&format!(r#""Action":{action},"Resource":{resource}"#));
    let (get, both) = (r#""secretsmanager:GetSecretValue""#, r#"["kms:Decrypt","SecretsManager:getsecretvalue"]"#);
    let quoted = |text: &str| format!("{text:?}");
    for (document, found) in [
        (Grants::default().policy(), Some(grants(&[], &[]))),
        (grants(&[SECRET, OTHER], &[KEY]).policy(), Some(grants(&[SECRET, OTHER], &[KEY]))),
        (grants(&[], &[KEY]).policy(), Some(grants(&[], &[KEY]))),
        (statement(get, &quoted(SECRET)), Some(grants(&[SECRET], &[]))),
        (statement(both, &format!("[{KEY:?},{SECRET:?}]")), Some(grants(&[SECRET], &[KEY]))),
        (statement(get, &quoted(KEY)), None),
        (statement(r#""kms:Decrypt""#, &quoted(SECRET)), None),
        (statement(get, &quoted("*")), None),
        (statement(get, &quoted(&SECRET.replace("AbCdEf", "??????"))), None),
        (statement(r#""secretsmanager:*""#, &quoted(SECRET)), None),
        (statement(r#"["secretsmanager:GetSecretValue","ssm:GetParameters"]"#, &quoted(SECRET)), None),
        (statement(r#""kms:Decrypt""#, r#""arn:aws:kms:eu-west-1:111122223333:alias/x""#), None),
        (allow(&format!(r#""Action":{get},"Resource":{SECRET:?},"Condition":{{"O":{{"k":"v"}}}}"#)), None),
        (allow(&format!(r#""Action":{get},"NotResource":{SECRET:?}"#)), None),
        (read(&statement(get, &quoted(SECRET)).to_string().replace("Allow", "Deny")), None),
        (read(&statement(get, &quoted(SECRET)).to_string().replace("2012", "2013")), None),
        (json!({"Version": VERSION}), None),
        (json!([]), None),
    ] {
        assert_eq!(Grants::from_policy(&document), found, "{document}");
    }
}

fn words(prefix: &'static str) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-cA-C]{1,2}".prop_map(move |word| format!("{prefix}{word}")), 1..4)
}

prop_compose! {
    fn any_statement()(
        effect in prop::sample::select(vec!["Allow", "Deny"]),
        (actions, resources, values) in (words("s:"), words("arn:"), words("v")),
        (operator, key) in ("[oO]", "[kK]"),
        everyone in any::<bool>(),
    ) -> Value {
        let principal = if everyone { json!("*") } else { json!({"AWS": resources, "Service": actions}) };
        json!({
            "Sid": key, "Effect": effect, "Principal": principal, "Action": actions, "Resource": resources,
            "Condition": {operator: {key: values, "other": true}},
        })
    }
}

prop_compose! {
    fn any_document()(statements in prop::collection::vec(any_statement(), 1..4)) -> Value {
        json!({"Version": VERSION, "Statement": statements})
    }
}

/// The same document, with everything that has no order turned by `by` places, and lists of one as scalars.
fn shuffled(value: &Value, by: usize) -> Value {
    match value {
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(|one| shuffled(one, by)).collect();
            let turn = by % list.len().max(1);
            list.rotate_left(turn);
            if list.len() == 1 { list.remove(0) } else { list.into() }
        }
        Value::Object(object) => {
            let mut pairs: Vec<(String, Value)> = object.iter().map(|(key, value)| (key.clone(), shuffled(value, by))).collect();
            let turn = by % pairs.len().max(1);
            pairs.rotate_left(turn);
            pairs.into_iter().collect()
        }
        scalar => scalar.clone(),
    }
}

proptest! {
    #[test]
    fn the_canonical_form_is_its_own(document in any_document()) {
        let once = canonical(&document);
        prop_assert_eq!(canonical(&once).to_string(), once.to_string());
        prop_assert!(same_meaning(&document, &once));
    }

    #[test]
    fn order_never_changes_the_meaning(document in any_document(), by in 1_usize..5) {
        let other = shuffled(&document, by);
        prop_assert!(same_meaning(&document, &other));
        prop_assert_eq!(canonical(&document).to_string(), canonical(&other).to_string());
        let encoded = utf8_percent_encode(&serde_json::to_string_pretty(&other).unwrap(), NON_ALPHANUMERIC).to_string();
        prop_assert!(same_meaning(&document, &decode(&encoded).unwrap()));
    }

    #[test]
    fn another_action_resource_effect_or_condition_always_does(
        document in any_document(), which in 0_usize..9, part in 0_usize..4,
    ) {
        let mut other = document.clone();
        let count = other["Statement"].as_array().unwrap().len();
        let statement = &mut other["Statement"][which % count];
        match part {
            0 => statement["Action"][0] = json!("s:Different"),
            1 => statement["Resource"][0] = json!("arn:Different"),
            2 => statement["Effect"] = json!("Neither"),
            _ => statement["Condition"]["New"] = json!({"k": "v"}),
        }
        // Even where a statement occurs twice: the changed one was not there before.
        prop_assert!(!same_meaning(&document, &other));
    }

    #[test]
    fn what_is_granted_is_read_back(
        secrets in prop::collection::btree_set("[a-zA-Z0-9/_+=.@-]{1,9}-[a-zA-Z0-9]{6}", 0..4),
        keys in prop::collection::btree_set("[0-9a-f]{8}", 0..3),
        by in 0_usize..5,
    ) {
        let secrets = secrets.iter().map(|name| format!("arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:{name}"));
        let keys = keys.iter().map(|id| format!("arn:aws-cn:kms:cn-north-1:111122223333:key/{id}"));
        let granted = Grants { secrets: secrets.collect(), keys: keys.collect() };
        prop_assert_eq!(Grants::from_policy(&granted.policy()), Some(granted.clone()));
        prop_assert_eq!(Grants::from_policy(&shuffled(&granted.policy(), by)), Some(granted));
    }
}
