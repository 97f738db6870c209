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

    /// What those statements grant that [`Grants::from_policy`] would understand alone; others are passed over.
    pub fn understood_in(document: &Value) -> Self {
        let Value::Object(elements) = canonical(document) else { return Self::default() };
        let statements = elements.get("Statement").and_then(Value::as_array);
        let each = statements.into_iter().flatten().filter_map(Self::from_statement);
        each.fold(Self::default(), |grants, statement| grants.union(&statement))
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
mod tests;
