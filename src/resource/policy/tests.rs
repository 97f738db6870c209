//! Policies that mean the same, policies that do not, and what is read back from one.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A document with one statement.
fn allow(rest: &str) -> Value {
    read(&format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{rest}}}]}}"#))
}

#[test]
fn documents_in_every_encoding() {
    let policy = allow(
        r#""Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:eu-west-1:111122223333:secret:a-AbCdEf""#,
    );
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

fn regions(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// AWS: ECS task IAM role, confused deputy.
#[test]
fn a_trust_policy_can_be_narrowed_and_a_stricter_one_is_left_alone() {
    let trust = |trust, names: &[&str]| trust_policy("aws", trust, "111122223333", &regions(names));
    let (standard, account) = (trust(Trust::Standard, &[]), trust(Trust::SourceAccount, &[]));
    let (one, two) = (trust(Trust::SourceArn, &["eu-west-1"]), trust(Trust::SourceArn, &["eu-west-1", "us-east-1"]));
    assert_eq!(account["Statement"][0]["Condition"], json!({"StringEquals": {"aws:SourceAccount": "111122223333"}}));
    let sources = json!({
        "StringEquals": {"aws:SourceAccount": "111122223333"},
        "ArnLike": {"aws:SourceArn": ["arn:aws:ecs:eu-west-1:111122223333:*", "arn:aws:ecs:us-east-1:111122223333:*"]},
    });
    assert_eq!(two["Statement"][0]["Condition"], sources);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = account.clone();
        change(&mut changed["Statement"][0]);
        changed
    };
    let other_service = with(&|statement| statement["Principal"] = json!({"Service": "ec2.amazonaws.com"}));
    let everybody = with(&|statement| statement["Principal"] = json!("*"));
    let other_account = with(&|statement| statement["Condition"]["StringEquals"]["aws:SourceAccount"] = json!("999922223333"));
    let stricter = with(&|statement| statement["Condition"]["Bool"] = json!({"aws:SecureTransport": "true"}));
    let with_source = |source: &str| {
        let mut narrower = one.clone();
        narrower["Statement"][0]["Condition"]["ArnLike"]["aws:SourceArn"] = json!(source);
        narrower
    };
    let one_cluster = with_source("arn:aws:ecs:eu-west-1:111122223333:task/prod/*");
    let every_region = with_source("arn:aws:ecs:*:111122223333:*");
    let mut wider = standard.clone();
    wider["Statement"] = json!([standard["Statement"][0], everybody["Statement"][0]]);
    for (found, wanted, enough) in [
        (&standard, &standard, true),
        (&account, &standard, true),
        (&two, &standard, true),
        (&two, &account, true),
        (&stricter, &account, true),
        (&standard, &account, false),
        (&account, &one, false),
        (&one, &two, true),
        (&two, &one, false),
        (&one_cluster, &one, true),
        (&every_region, &one, false),
        (&other_account, &account, false),
        (&other_service, &standard, false),
        (&everybody, &standard, false),
        (&wider, &standard, false),
        (&json!("{"), &standard, false),
    ] {
        assert_eq!(is_as_strict(found, wanted), enough, "{found} for {wanted}");
    }
}

#[test]
fn the_size_counts_no_white_space_and_foresees_arns() {
    assert_eq!(size(&json!({"a": "é b"})), r#"{"a":"é b"}"#.chars().count());
    let (name, arn) =
        ("payments/regcred/registry.example.com/pull", "arn:aws-us-gov:secretsmanager:us-gov-west-1:111122223333:secret:");
    let document = |resource: String| allow(&format!(r#""Action":"secretsmanager:GetSecretValue","Resource":{resource:?}"#));
    let (pending, known) = (document(crate::plan::pending_arn(name)), document(format!("{arn}{name}-AbCdEf")));
    assert!(size(&pending) >= size(&known), "{} and {}", size(&pending), size(&known));
}

#[test]
fn the_trust_policy_is_that_of_the_page() {
    let page = r#"{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    for partition in ["aws", "aws-cn", "aws-us-gov"] {
        assert_eq!(trust_policy(partition, Trust::Standard, "111122223333", &regions(&["eu-west-1"])), read(page));
    }
    assert_eq!(managed_policy_arn("aws-cn"), "arn:aws-cn:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy");
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
}
