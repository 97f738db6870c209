//! What IAM policies allow, written from IAM's own rules and knowing nothing of how Wharfinger writes them (AWS: IAM user guide,
//! policy evaluation logic, and policy reference: Action, Resource, Condition operators). What is not known here allows nothing.

use serde_json::Value;
use std::collections::BTreeMap;

/// What somebody wants to do. Keys of the context are in lower case.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) context: BTreeMap<String, String>,
}

impl Request {
    pub(crate) fn new(action: &str, resource: &str, context: &[(&str, &str)]) -> Self {
        let context = context.iter().map(|(key, value)| (key.to_lowercase(), (*value).to_owned())).collect();
        Self { action: action.to_owned(), resource: resource.to_owned(), context }
    }
}

/// Whether these policies together allow it: some statement does, and none denies it.
pub(crate) fn allows(policies: &[&Value], request: &Request) -> bool {
    let statements: Vec<&Value> = policies.iter().flat_map(|policy| list(&policy["Statement"])).collect();
    let any = |effect: &str| statements.iter().any(|it| it["Effect"] == effect && applies(it, request, effect == "Deny"));
    any("Allow") && !any("Deny")
}

/// Whether a statement is about a request. `doubt` = what an operator that is not known counts as.
fn applies(statement: &Value, request: &Request, doubt: bool) -> bool {
    let action = request.action.to_lowercase();
    let acts = |value: &Value| texts(value).iter().any(|pattern| like(&pattern.to_lowercase(), &action));
    let concerns = |value: &Value| texts(value).iter().any(|pattern| like(pattern, &request.resource));
    let actions = match (&statement["Action"], &statement["NotAction"]) {
        (Value::Null, Value::Null) => false,
        (Value::Null, not) => !acts(not),
        (is, _) => acts(is),
    };
    let resources = match (&statement["Resource"], &statement["NotResource"]) {
        (Value::Null, Value::Null) => false,
        (Value::Null, not) => !concerns(not),
        (is, _) => concerns(is),
    };
    let conditions = statement["Condition"].as_object().into_iter().flatten();
    actions && resources && conditions.into_iter().all(|(operator, keys)| holds(operator, keys, request, doubt))
}

/// All keys of an operator must fit; of the values of a key, one, or with a negated operator all.
fn holds(operator: &str, keys: &Value, request: &Request, doubt: bool) -> bool {
    let (name, optional) = match operator.strip_suffix("IfExists") {
        Some(name) => (name, true),
        None => (operator, false),
    };
    let Some(keys) = keys.as_object() else { return doubt };
    keys.iter().all(|(key, values)| {
        let (found, wanted) = (request.context.get(&key.to_lowercase()), texts(values));
        if name == "Null" {
            return wanted.iter().any(|wanted| (*wanted == "true") == found.is_none());
        }
        let Some((compare, negated)) = comparison(name) else { return doubt };
        match found {
            None => optional || negated,
            Some(found) if negated => wanted.iter().all(|wanted| !compare(wanted, found)),
            Some(found) => wanted.iter().any(|wanted| compare(wanted, found)),
        }
    })
}

/// How an operator compares the policy's value with the request's, and whether it is negated.
fn comparison(operator: &str) -> Option<(fn(&str, &str) -> bool, bool)> {
    let equal: fn(&str, &str) -> bool = |wanted, found| wanted == found;
    let equal_in_any_case: fn(&str, &str) -> bool = |wanted, found| wanted.eq_ignore_ascii_case(found);
    match operator {
        "StringEquals" => Some((equal, false)),
        "StringNotEquals" => Some((equal, true)),
        "StringEqualsIgnoreCase" => Some((equal_in_any_case, false)),
        "StringLike" => Some((like, false)),
        "StringNotLike" => Some((like, true)),
        "ArnLike" | "ArnEquals" => Some((arn_like, false)),
        "ArnNotLike" | "ArnNotEquals" => Some((arn_like, true)),
        _ => None,
    }
}

/// `*` is any number of characters, `?` one. A variable is none that is known here, so a pattern with one fits nothing.
fn like(pattern: &str, text: &str) -> bool {
    if pattern.contains("${") {
        return false;
    }
    match pattern.as_bytes().first() {
        None => text.is_empty(),
        Some(b'*') => like(&pattern[1..], text) || (!text.is_empty() && like(pattern, &text[first(text)..])),
        Some(b'?') => !text.is_empty() && like(&pattern[1..], &text[first(text)..]),
        Some(_) => {
            let (wanted, found) = (pattern.chars().next(), text.chars().next());
            wanted == found && like(&pattern[first(pattern)..], &text[first(text)..])
        }
    }
}

fn first(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

/// Part by part, as ARN operators compare.
fn arn_like(pattern: &str, text: &str) -> bool {
    let (patterns, parts): (Vec<&str>, Vec<&str>) = (pattern.splitn(6, ':').collect(), text.splitn(6, ':').collect());
    patterns.len() == 6 && parts.len() == 6 && patterns.iter().zip(parts).all(|(pattern, part)| like(pattern, part))
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => vec![],
        one => vec![one],
    }
}

fn texts(value: &Value) -> Vec<&str> {
    list(value).into_iter().filter_map(Value::as_str).collect()
}

#[test]
fn policies_allow_what_iam_says() {
    let policy = |statements: Value| serde_json::json!({"Version": "2012-10-17", "Statement": statements});
    let allow = |rest: &str| serde_json::from_str::<Value>(&format!(r#"{{"Effect":"Allow",{rest}}}"#)).unwrap();
    let deny = |rest: &str| serde_json::from_str::<Value>(&format!(r#"{{"Effect":"Deny",{rest}}}"#)).unwrap();
    let read = Request::new("s3:GetObject", "arn:aws:s3:::b/k", &[("aws:SourceVpc", "vpc-1")]);
    let all = r#""Action":"*","Resource":"*""#;
    let under = |condition: &str| vec![allow(&format!(r#"{all},"Condition":{condition}"#))];
    let rows: Vec<(&str, Vec<Value>, bool)> = vec![
        ("nothing", vec![], false),
        ("everything", vec![allow(all)], true),
        ("the action, in any case", vec![allow(r#""Action":"S3:getobject","Resource":"*""#)], true),
        ("one of several", vec![allow(r#""Action":["s3:PutObject","s3:Get*"],"Resource":["x","arn:aws:s3:::b/*"]"#)], true),
        ("another action", vec![allow(r#""Action":"s3:GetObjectAcl","Resource":"*""#)], false),
        ("a question mark is one character", vec![allow(r#""Action":"s3:GetObjec?","Resource":"arn:aws:s3:::?/k""#)], true),
        ("and no less", vec![allow(r#""Action":"s3:GetObject?","Resource":"*""#)], false),
        ("a resource in another case", vec![allow(r#""Action":"*","Resource":"arn:aws:s3:::B/k""#)], false),
        ("the bucket alone", vec![allow(r#""Action":"*","Resource":"arn:aws:s3:::b""#)], false),
        ("a variable", vec![allow(r#""Action":"*","Resource":"arn:aws:s3:::b/${aws:username}""#)], false),
        ("what is not excepted", vec![allow(r#""NotAction":"s3:PutObject","NotResource":"x""#)], true),
        ("what is excepted", vec![allow(r#""NotAction":"s3:Get*","Resource":"*""#)], false),
        ("a denial", vec![allow(all), deny(r#""Action":"s3:*","Resource":"*""#)], false),
        ("a denial of something else", vec![allow(all), deny(r#""Action":"s3:Put*","Resource":"*""#)], true),
        (
            "a denial that is not understood",
            vec![allow(all), deny(&format!(r#"{all},"Condition":{{"New":{{"k":"v"}}}}"#))],
            false,
        ),
        ("a condition", under(r#"{"StringEquals":{"AWS:SourceVPC":"vpc-1"}}"#), true),
        ("one of its values", under(r#"{"StringEquals":{"aws:SourceVpc":["vpc-2","vpc-1"]}}"#), true),
        ("another value", under(r#"{"StringEquals":{"aws:SourceVpc":"vpc-2"}}"#), false),
        ("a value in another case", under(r#"{"StringEquals":{"aws:SourceVpc":"VPC-1"}}"#), false),
        ("no wildcards in what is equal", under(r#"{"StringEquals":{"aws:SourceVpc":"vpc-*"}}"#), false),
        ("but in what is like", under(r#"{"StringLike":{"aws:SourceVpc":"vpc-*"}}"#), true),
        ("negated", under(r#"{"StringNotEquals":{"aws:SourceVpc":["vpc-2","vpc-1"]}}"#), false),
        ("all keys", under(r#"{"StringEquals":{"aws:SourceVpc":"vpc-1","aws:SourceVpce":"e"}}"#), false),
        ("all operators", under(r#"{"StringEquals":{"aws:SourceVpc":"vpc-1"},"Null":{"aws:SourceVpc":"true"}}"#), false),
        ("a key that is there", under(r#"{"Null":{"aws:SourceVpc":"false"}}"#), true),
        ("a key that is absent", under(r#"{"StringEquals":{"x":"v"}}"#), false),
        ("or may be", under(r#"{"StringEqualsIfExists":{"x":"v"}}"#), true),
        ("an unknown operator", under(r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#), false),
    ];
    for (what, statements, allowed) in rows {
        assert_eq!(allows(&[&policy(Value::Array(statements))], &read), allowed, "{what}");
    }
    for (pattern, fits) in [("arn:aws:s3:::b/*", true), ("arn:aws:*:b/k", false), ("arn:aws:s3:*:*:b/?", true)] {
        assert_eq!(arn_like(pattern, "arn:aws:s3:::b/k"), fits, "{pattern}");
    }
}
