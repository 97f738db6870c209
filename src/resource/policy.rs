//! IAM documents: the ones Wharfinger writes, and whether two of them mean the same.
//!
//! Pure. Deliberately absent: evaluation. Nothing here decides what a policy allows; two documents are the same if they differ
//! only in ways that IAM itself ignores. What is not recognised counts as a difference, so that a doubt leads to a needless write
//! and never to a change that goes unseen.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::arn::Arn;

/// The managed policy for task execution roles (AWS: task execution role, rule 31).
pub const MANAGED_POLICY: &str = "AmazonECSTaskExecutionRolePolicy";
/// The most characters that all inline policies of one role may have together, white space not counted (AWS: IAM quotas).
pub const MAX_INLINE_POLICY_CHARS: usize = 10_240;

/// What a document without `Version` means (AWS: IAM policy reference, Version).
const DEFAULT_VERSION: &str = "2008-10-17";
const VERSION: &str = "2012-10-17";
const GET_SECRET: &str = "secretsmanager:GetSecretValue";
const DECRYPT: &str = "kms:Decrypt";

/// Why a text is not a policy. The text is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// It is not JSON, neither as it stands nor percent-decoded.
    #[error("the policy is not JSON: see line {line}, column {column} once it is percent-decoded")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// It is JSON, but not an object.
    #[error("the policy is JSON, but not an object")]
    NotAnObject,
    /// It is not text once decoded.
    #[error("the policy is not UTF-8 once it is percent-decoded")]
    NotUtf8,
}

/// Reads a document as IAM returns it: percent-encoded by the API, though some clients decode it (AWS: IAM API, GetRolePolicy,
/// RFC 3986). What is JSON already is left alone, so that a `%` in it stays.
pub fn decode(text: &str) -> Result<Value, PolicyError> {
    let value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(_) => {
            let decoded = percent_decode_str(text).decode_utf8().map_err(|_| PolicyError::NotUtf8)?;
            serde_json::from_str(&decoded).map_err(|error| PolicyError::NotJson { line: error.line(), column: error.column() })?
        }
    };
    if matches!(value, Value::Object(_)) { Ok(value) } else { Err(PolicyError::NotAnObject) }
}

/// Whether two documents mean the same to IAM (AWS: IAM policy reference, JSON policy elements and grammar).
pub fn same_meaning(a: &Value, b: &Value) -> bool {
    canonical(a) == canonical(b)
}

/// The one spelling of all documents that mean the same: lists for scalars, sorted, without repeats; actions, condition operators
/// and condition keys in lower case; no `Id` and `Sid`; `Version` spelt out (AWS: IAM policy reference, grammar).
pub fn canonical(document: &Value) -> Value {
    let Value::Object(document) = document else { return document.clone() };
    let mut elements: BTreeMap<String, Value> = BTreeMap::from([("Version".to_owned(), DEFAULT_VERSION.into())]);
    for (name, value) in document {
        let value = match name.as_str() {
            "Id" => continue,
            "Statement" => set(value, statement),
            _ => sorted(value),
        };
        elements.insert(name.clone(), value);
    }
    elements.into_iter().collect()
}

fn statement(statement: &Value) -> Value {
    let Value::Object(statement) = statement else { return statement.clone() };
    let mut elements = BTreeMap::new();
    for (name, value) in statement {
        let value = match name.as_str() {
            "Sid" => continue,
            "Action" | "NotAction" => set(value, lower_case),
            "Resource" | "NotResource" => set(value, Value::clone),
            "Principal" | "NotPrincipal" => principal(value),
            "Condition" => condition(value),
            _ => sorted(value),
        };
        // A condition that asks for nothing is none.
        if name != "Condition" || value != json!({}) {
            elements.insert(name.clone(), value);
        }
    }
    elements.into_iter().collect()
}

/// `"*"` is everyone, as is `{"AWS": "*"}`; an account is named by its number or by the ARN of its root (AWS: IAM policy
/// reference, Principal).
fn principal(principal: &Value) -> Value {
    match principal {
        Value::String(everyone) if everyone == "*" => json!({"AWS": ["*"]}),
        Value::Object(kinds) => {
            let kind = |(kind, names): (&String, &Value)| {
                let one = if kind == "AWS" { account } else { Value::clone };
                (kind.clone(), set(names, one))
            };
            kinds.iter().map(kind).collect::<BTreeMap<_, _>>().into_iter().collect()
        }
        other => other.clone(),
    }
}

/// The number of an account that is named by its root's ARN.
fn account(name: &Value) -> Value {
    let arn = name.as_str().and_then(|text| Arn::parse(text).ok());
    match arn.filter(|arn| arn.service == "iam" && arn.resource == "root" && !arn.account.is_empty()) {
        Some(arn) => arn.account.into(),
        None => name.clone(),
    }
}

fn condition(operators: &Value) -> Value {
    let Value::Object(operators) = operators else { return operators.clone() };
    let keys = |keys: &Value| match keys {
        Value::Object(keys) => lower_keys(keys, |values| set(values, as_text)),
        other => other.clone(),
    };
    let Value::Object(operators) = lower_keys(operators, keys) else { return Value::Null };
    operators.into_iter().filter(|(_, keys)| *keys != json!({})).collect()
}

/// An object with its keys in lower case. Keys that would then collide stay as they are: IAM wants both, and to keep one of them
/// would lose a condition.
fn lower_keys(object: &Map<String, Value>, value_of: impl Fn(&Value) -> Value) -> Value {
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for key in object.keys() {
        *uses.entry(key.to_lowercase()).or_default() += 1;
    }
    let lowered = |key: &String| {
        let lower = key.to_lowercase();
        if uses.get(&lower) == Some(&1) { lower } else { key.clone() }
    };
    object.iter().map(|(key, value)| (lowered(key), value_of(value))).collect::<BTreeMap<_, _>>().into_iter().collect()
}

/// A scalar or a list as a sorted list without repeats.
fn set(value: &Value, one: impl Fn(&Value) -> Value) -> Value {
    let mut members: Vec<Value> = match value {
        Value::Array(members) => members.iter().map(one).collect(),
        single => vec![one(single)],
    };
    members.sort_by_cached_key(Value::to_string);
    members.dedup();
    members.into()
}

fn lower_case(action: &Value) -> Value {
    action.as_str().map_or_else(|| action.clone(), |action| action.to_lowercase().into())
}

/// IAM reads `true` and `"true"`, `5` and `"5"` alike (AWS: IAM policy reference, grammar).
fn as_text(value: &Value) -> Value {
    match value {
        Value::Bool(value) => value.to_string().into(),
        Value::Number(value) => value.to_string().into(),
        other => other.clone(),
    }
}

/// An element that is not known here, with its keys in order and nothing else changed.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            object.iter().map(|(key, value)| (key.clone(), sorted(value))).collect::<BTreeMap<_, _>>().into_iter().collect()
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        scalar => scalar.clone(),
    }
}

/// The trust policy of a task execution role, as AWS's page prints it (AWS: task execution role, rule 34). The service's name is
/// the same in every partition (AWS: the SDKs' and the CDK's tables of service principals), so the partition changes nothing
/// today; callers pass it so that one that differs is a change to this function alone.
pub fn trust_policy(_partition: &str) -> Value {
    json!({
        "Version": VERSION,
        "Statement": [{
            "Sid": "",
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole"
        }]
    })
}

/// The ARN of [`MANAGED_POLICY`] (AWS: task execution role; IAM, AWS managed policies).
pub fn managed_policy_arn(partition: &str) -> String {
    format!("arn:{partition}:iam::aws:policy/service-role/{MANAGED_POLICY}")
}

/// How many characters of IAM's quota a document takes: those of its JSON without white space between tokens (AWS: IAM quotas).
pub fn size(document: &Value) -> usize {
    document.to_string().chars().count()
}

/// What an execution role needs beyond the managed policy so that registry credentials can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Grants {
    /// Full ARNs of secrets. A name without its six characters grants nothing (AWS: Secrets Manager user guide, permissions
    /// reference).
    pub secrets: BTreeSet<String>,
    /// ARNs of customer keys that these secrets are encrypted with; none for the default key (AWS: private registry
    /// authentication, rule 17).
    pub keys: BTreeSet<String>,
}

impl Grants {
    /// What either of two workloads needs.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { secrets: &self.secrets | &other.secrets, keys: &self.keys | &other.keys }
    }

    /// Whether nothing is needed: then there is no inline policy, for IAM takes none without a statement.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.keys.is_empty()
    }

    /// The inline policy: the two actions of AWS's sample, each on its own resources only (AWS: private registry authentication,
    /// rules 16 to 18).
    pub fn policy(&self) -> Value {
        let granted = [("RegistryCredentials", GET_SECRET, &self.secrets), ("RegistryCredentialKeys", DECRYPT, &self.keys)];
        let statements: Vec<Value> = granted
            .iter()
            .filter(|(_, _, resources)| !resources.is_empty())
            .map(|(sid, action, resources)| json!({"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resources}))
            .collect();
        json!({"Version": VERSION, "Statement": statements})
    }

    /// Reads back what a document grants, however it is spelt: also AWS's own sample, which has both actions in one statement
    /// (AWS: private registry authentication, rule 18). None if it holds anything else, be it one wildcard.
    pub fn from_policy(document: &Value) -> Option<Self> {
        let Value::Object(elements) = canonical(document) else { return None };
        let Some(Value::Array(statements)) = elements.get("Statement") else { return None };
        let versioned = elements.get("Version").is_some_and(|version| version == VERSION || version == DEFAULT_VERSION);
        if elements.len() != 2 || !versioned {
            return None;
        }
        statements.iter().try_fold(Self::default(), |grants, statement| Some(grants.union(&Self::from_statement(statement)?)))
    }

    /// One statement in its canonical form.
    fn from_statement(statement: &Value) -> Option<Self> {
        let statement = statement.as_object()?;
        let list = |name: &str| statement.get(name)?.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<&str>>>();
        let (actions, resources) = (list("Action")?, list("Resource")?);
        if statement.len() != 3 || statement.get("Effect")? != "Allow" {
            return None;
        }
        let named = |wanted: &str| actions.iter().any(|action| action.eq_ignore_ascii_case(wanted));
        if !actions.iter().all(|action| action.eq_ignore_ascii_case(GET_SECRET) || action.eq_ignore_ascii_case(DECRYPT)) {
            return None;
        }
        let mut grants = Self::default();
        for resource in resources {
            let arn = Arn::parse(resource).ok()?;
            if named(GET_SECRET) && arn.secret_name().is_some() {
                grants.secrets.insert(resource.to_owned());
            } else if named(DECRYPT) && arn.service == "kms" && arn.resource.starts_with("key/") {
                grants.keys.insert(resource.to_owned());
            } else {
                return None;
            }
        }
        Some(grants)
    }
}

#[cfg(test)]
mod tests {
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
            (
                "another's root",
                r#""Principal":{"AWS":"111122223333"}"#,
                r#""Principal":{"AWS":"arn:aws:iam::999922223333:root"}"#,
            ),
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
                let mut pairs: Vec<(String, Value)> =
                    object.iter().map(|(key, value)| (key.clone(), shuffled(value, by))).collect();
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
}
