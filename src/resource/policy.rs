//! IAM documents: the ones Wharfinger writes, and whether two of them mean the same.
//!
//! Pure. Deliberately absent: evaluation. Nothing here decides what a policy allows; two documents are the same if they differ
//! only in ways that IAM itself ignores. What is not recognised counts as a difference, so that a doubt leads to a needless write
//! and never to a change that goes unseen.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::arn::{Arn, partition_of, pattern_matches};
use crate::api::Trust;

/// The managed policy for task execution roles (AWS: task execution role, rule 31).
pub const MANAGED_POLICY: &str = "AmazonECSTaskExecutionRolePolicy";
/// The most characters that all inline policies of one role may have together, white space not counted (AWS: IAM quotas).
pub const MAX_INLINE_POLICY_CHARS: usize = 10_240;

/// The most characters that a secret's ARN is longer than what stands for it.
const PENDING: usize = 64;
/// What a document without `Version` means (AWS: IAM policy reference, Version).
pub(super) const DEFAULT_VERSION: &str = "2008-10-17";
pub(crate) const VERSION: &str = "2012-10-17";

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

/// A policy as AWS returns it. What is not a document differs from every document, so it is put right.
pub fn document(text: &str) -> Value {
    decode(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// The same document with its lists of texts in order, as they are not where ARNs took the place of what stood for them.
pub fn in_order(value: &Value) -> Value {
    match value {
        Value::Array(items) if items.iter().all(Value::is_string) => set(value, Value::clone),
        Value::Array(items) => items.iter().map(in_order).collect(),
        Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), in_order(value))).collect(),
        scalar => scalar.clone(),
    }
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
            "Statement" => set(value, canonical_statement),
            _ => sorted(value),
        };
        elements.insert(name.clone(), value);
    }
    elements.into_iter().collect()
}

/// One statement of [`canonical`].
pub(super) fn canonical_statement(statement: &Value) -> Value {
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

/// The trust policy of a task execution role, as AWS's page prints it (AWS: task execution role, rule 34), narrowed as asked (AWS:
/// ECS task IAM role, confused deputy; aws.md, e.5). The service's name is the same in every partition.
pub fn trust_policy(partition: &str, trust: Trust, account: &str, regions: &BTreeSet<String>) -> Value {
    let mut statement = json!({
        "Sid": "",
        "Effect": "Allow",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole"
    });
    if trust != Trust::Standard {
        statement["Condition"] = json!({"StringEquals": {"aws:SourceAccount": account}});
    }
    if trust == Trust::SourceArn {
        let sources: Vec<String> = regions.iter().map(|region| format!("arn:{partition}:ecs:{region}:{account}:*")).collect();
        statement["Condition"]["ArnLike"] = json!({"aws:SourceArn": sources});
    }
    json!({"Version": VERSION, "Statement": [statement]})
}

/// Whether a trust policy trusts what `wanted` does, or that under more conditions. Such a one is left as it is.
pub fn is_as_strict(found: &Value, wanted: &Value) -> bool {
    let (found, wanted) = (canonical(found), canonical(wanted));
    let (Some([one]), Some([other])) = (statements(&found), statements(&wanted)) else { return found == wanted };
    let (mut one, other) = (one.clone(), other.clone());
    let (mut left, mut right) = (found.clone(), wanted);
    let conditions = one.as_object_mut().and_then(|one| one.remove("Condition"));
    let mut asked = other;
    let required = asked.as_object_mut().and_then(|asked| asked.remove("Condition"));
    (left["Statement"], right["Statement"]) = (json!([one]), json!([asked]));
    left == right && required.is_none_or(|required| conditions.is_some_and(|found| has_conditions(&found, &required)))
}

/// The Regions in which a trust policy lets ECS assume the role, where it names them as [`trust_policy`] does.
pub fn trusted_regions(trust: &Value) -> BTreeSet<String> {
    let trust = canonical(trust);
    let sources = statements(&trust).into_iter().flatten().filter_map(|it| it.pointer("/Condition/arnlike/aws:sourcearn"));
    let sources = sources.filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    let regions = sources.filter_map(|arn| arn.split(':').nth(3)).filter(|region| partition_of(region).is_some());
    regions.map(str::to_owned).collect()
}

fn statements(document: &Value) -> Option<&[Value]> {
    document.get("Statement")?.as_array().map(Vec::as_slice)
}

/// Whether every condition that is required is among those found, with the same values or narrower ones.
fn has_conditions(found: &Value, required: &Value) -> bool {
    let Some(operators) = required.as_object() else { return false };
    operators.iter().all(|(operator, keys)| {
        let asks = |(key, values): (&String, &Value)| {
            found.get(operator).and_then(|keys| keys.get(key)).is_some_and(|found| is_within(found, values))
        };
        keys.as_object().is_some_and(|keys| keys.iter().all(asks))
    })
}

/// Whether each value of a condition is one of those allowed, or below a pattern of them.
fn is_within(found: &Value, allowed: &Value) -> bool {
    let (found, allowed) = (texts(found), texts(allowed));
    !found.is_empty() && found.iter().all(|value| allowed.iter().any(|pattern| pattern_matches(pattern, value)))
}

fn texts(values: &Value) -> Vec<&str> {
    values.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether a trust policy lets ECS in only on behalf of other accounts, or not for all of these Regions. Of its conditions only those
/// of [`trust_policy`] are understood.
pub fn shuts_out(trust: &Value, account: &str, regions: &BTreeSet<String>) -> bool {
    let trust = canonical(trust);
    let mut allowed =
        statements(&trust).into_iter().flatten().filter(|it| it.get("Effect").is_some_and(|effect| effect == "Allow"));
    let excludes = |(key, values): (&String, &Value)| match key.as_str() {
        "aws:sourceaccount" => !texts(values).iter().any(|pattern| pattern_matches(pattern, account)),
        "aws:sourcearn" => !regions.iter().all(|region| texts(values).iter().any(|source| is_source(source, account, region))),
        _ => false,
    };
    let shut = |statement: &Value| {
        let operators = statement.get("Condition").and_then(Value::as_object).into_iter().flatten();
        let positive =
            operators.filter(|(operator, _)| ["stringequals", "stringlike", "arnequals", "arnlike"].contains(&operator.as_str()));
        positive.filter_map(|(_, keys)| keys.as_object()).flatten().any(excludes)
    };
    statements(&trust).is_some_and(|all| !all.is_empty()) && allowed.all(shut)
}

/// Whether a pattern for `aws:SourceArn` takes in something of ECS in this account and Region.
fn is_source(pattern: &str, account: &str, region: &str) -> bool {
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let wanted = [(2, "ecs"), (3, region), (4, account)];
    wanted.iter().all(|(part, text)| parts.get(*part).is_some_and(|pattern| pattern_matches(pattern, text)))
}

/// The ARN of [`MANAGED_POLICY`] (AWS: task execution role; IAM, AWS managed policies).
pub fn managed_policy_arn(partition: &str) -> String {
    format!("arn:{partition}:iam::aws:policy/service-role/{MANAGED_POLICY}")
}

/// How many characters of IAM's quota a document takes: those of its JSON without white space between tokens (AWS: IAM quotas). An
/// ARN that is still to come counts with what its name lacks of it.
pub fn size(document: &Value) -> usize {
    let text = document.to_string();
    text.chars().count() + text.matches("${").count() * PENDING
}

#[cfg(test)]
mod tests;
