//! Copies of a secret in other Regions, and who of other accounts may read it.

use super::{ObservedReplica, ObservedSecret};
use crate::observed::Snapshot;
use crate::plan::{Action, Hold, Plan, Subject};
use crate::resource::arn::Arn;
use crate::resource::grants::via_service;
use crate::resource::policy::{VERSION, same_meaning};
use crate::status::Reason;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The state of a copy that AWS could not make.
const FAILED: &str = "Failed";

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DesiredSharing {
    /// The Regions of copies, each with the ARN of its customer key.
    pub replicas: BTreeMap<String, Option<String>>,
    /// ARNs of the principals that may read.
    pub readers: BTreeSet<String>,
    /// Sid of our statement in the resource policy.
    pub sid: String,
}

/// What is there of it.
#[derive(Debug, Clone, Copy)]
pub struct ObservedSharing<'a> {
    /// The secret, if it is there already.
    pub secret: Option<&'a ObservedSecret>,
    /// Its resource policy.
    pub policy: Option<&'a Snapshot<Value>>,
    /// ARNs of keys, by what they were asked for.
    pub keys: &'a BTreeMap<String, Snapshot<String>>,
}

/// Adds what is needed. `arn` = the secret's, or what stands for it.
pub fn plan(desired: &DesiredSharing, arn: &str, observed: ObservedSharing, subject: &Subject, plan: &mut Plan) {
    plan_replicas(desired, arn, observed, subject, plan);
    plan_policy(desired, arn, observed.policy, subject, plan);
}

/// A copy whose key differs is taken away, and made anew by the next pass: AWS cannot change it. One whose key is not known is left
/// alone. One that failed is asked for again.
fn plan_replicas(desired: &DesiredSharing, arn: &str, observed: ObservedSharing, subject: &Subject, plan: &mut Plan) {
    let (none, secret) = (BTreeMap::new(), observed.secret);
    let there = secret.map_or(&none, |secret| &secret.replicas);
    let mut stale = vec![];
    for region in there.keys() {
        let Some(wanted) = desired.replicas.get(region) else {
            stale.push(region.clone());
            continue;
        };
        match secret.map_or(Ok(None), |secret| secret.key_of_copy(region, observed.keys)) {
            Ok(key) if same_key(wanted.as_ref(), key.as_ref()) => {}
            Err(alias) if wanted.is_some() => plan.notes.push(format!(
                "the key of the copy of {subject} in {region} is named by {alias}, and which key that is cannot be seen, so the copy is left as it is; allow kms:DescribeKey on it, or remove the copy to have it made anew"
            )),
            _ => stale.push(region.clone()),
        }
    }
    let after = std::slice::from_ref(subject);
    if !stale.is_empty() {
        let reason = format!("the copies in {} are not wanted so", stale.join(", "));
        let action = Action::RemoveRegionsFromReplication { arn: arn.to_owned(), regions: stale.clone() };
        plan.step(subject.clone(), action, after, reason, vec![]);
    }
    let again: Vec<&String> = stale.iter().filter(|region| desired.replicas.contains_key(*region)).collect();
    if !again.is_empty() {
        let message = format!("the copies of {subject} in {again:?} are made anew with another key, once they are gone");
        plan.hold(subject.clone(), Hold::Waiting, message);
    }
    let again = |region: &String| there.get(region).is_some_and(|copy| copy.state == FAILED) && !stale.contains(region);
    let (failed, missing): (BTreeMap<_, _>, BTreeMap<_, _>) = desired
        .replicas
        .clone()
        .into_iter()
        .filter(|(region, _)| !there.contains_key(region) || again(region))
        .partition(|(region, _)| there.contains_key(region));
    // Two calls: AWS refuses one as a whole.
    for (due, reason) in [(missing, "it has no copies in"), (failed, "AWS failed to make its copies in")] {
        if !due.is_empty() {
            let reason = format!("{reason} {}", due.keys().cloned().collect::<Vec<_>>().join(", "));
            let action = Action::ReplicateSecretToRegions { arn: arn.to_owned(), replicas: due };
            plan.step(subject.clone(), action, after, reason, vec![]);
        }
    }
    tell(there.iter().filter(|(region, _)| !stale.contains(region)), subject, plan);
}

/// Copies that are wanted and are not there yet.
fn tell<'a>(copies: impl Iterator<Item = (&'a String, &'a ObservedReplica)>, subject: &Subject, plan: &mut Plan) {
    for (region, copy) in copies {
        let why = copy.message.as_deref().unwrap_or("AWS gives no reason");
        match copy.state.as_str() {
            FAILED => {
                let message = format!(
                    "the copy of {subject} in {region} failed: {why}. It is asked for again. If a secret of that name is there (such as a copy that was promoted), delete or rename it: it is not overwritten"
                );
                plan.hold(subject.clone(), Hold::Refused(Reason::RefusedByAws), message);
            }
            "InProgress" => plan.hold(subject.clone(), Hold::Waiting, format!("the copy of {subject} in {region} is being made")),
            _ => {}
        }
    }
}

/// Two names of one key: the id at the end of a key's ARN decides.
fn same_key(one: Option<&String>, other: Option<&String>) -> bool {
    let id = |key: &String| key.rsplit_once(":key/").map_or_else(|| key.clone(), |(_, id)| id.to_owned());
    one.map(id) == other.map(id)
}

fn plan_policy(desired: &DesiredSharing, arn: &str, policy: Option<&Snapshot<Value>>, subject: &Subject, plan: &mut Plan) {
    let found = match policy {
        Some(Snapshot::Unknown(failure)) => return plan.unobserved(subject.clone(), failure),
        Some(Snapshot::Present(document)) => Some(document),
        Some(Snapshot::Absent) | None => None,
    };
    let others = found.map(|document| others(document, &desired.sid)).unwrap_or_default();
    let had_ours = found.is_some_and(|document| statements(document).any(|it| is_ours(it, &desired.sid)));
    let after = std::slice::from_ref(subject);
    if desired.readers.is_empty() {
        if !had_ours {
            return;
        }
        let action = match others.is_empty() {
            true => Action::DeleteResourcePolicy { arn: arn.to_owned() },
            false => Action::PutResourcePolicy { arn: arn.to_owned(), document: with_statements(found, others) },
        };
        return plan.step(subject.clone(), action, after, "nobody else is to read it any more", vec![]);
    }
    let own = json!({
        "Sid": desired.sid,
        "Effect": "Allow",
        "Principal": {"AWS": desired.readers},
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
    });
    let document = with_statements(found, others.into_iter().chain([own]).collect());
    if !found.is_some_and(|found| had_ours && same_meaning(found, &document)) {
        let action = Action::PutResourcePolicy { arn: arn.to_owned(), document };
        plan.step(subject.clone(), action, after, "its resource policy does not let the readers read", vec![]);
    }
}

fn statements(document: &Value) -> impl Iterator<Item = &Value> {
    match document.get("Statement") {
        Some(Value::Array(list)) => list.iter().collect::<Vec<_>>(),
        Some(one) => vec![one],
        None => vec![],
    }
    .into_iter()
}

fn is_ours(statement: &Value, sid: &str) -> bool {
    statement.get("Sid").and_then(Value::as_str) == Some(sid)
}

/// What is not ours of a policy, as it is.
fn others(document: &Value, sid: &str) -> Vec<Value> {
    statements(document).filter(|statement| !is_ours(statement, sid)).cloned().collect()
}

fn with_statements(found: Option<&Value>, statements: Vec<Value>) -> Value {
    let mut document = found.filter(|found| found.is_object()).cloned().unwrap_or_else(|| json!({ "Version": VERSION }));
    document["Statement"] = statements.into();
    document
}

impl DesiredSharing {
    /// The readers that the account's default key does not serve.
    pub fn readers_of_other_accounts(&self, account: &str) -> impl Iterator<Item = &String> {
        let here = format!(":iam::{account}:");
        self.readers.iter().filter(move |reader| !reader.contains(&here))
    }
}

/// The statement that the owner of a key must add to its policy, so that readers of other accounts can decrypt the secret, or its copy,
/// in this Region (AWS: Secrets Manager, access from another account; aws.md, e.6). The service that decrypts, and the secret's ARN in
/// the encryption context, are of that Region.
pub fn key_policy_statement(readers: &BTreeSet<String>, secret_arn: &str, region: &str) -> Option<Value> {
    let arn = Arn { region: region.to_owned(), ..Arn::parse(secret_arn).ok()? };
    let via = via_service("secretsmanager", region, &arn.partition);
    Some(json!({
        "Sid": "WharfingerReaders",
        "Effect": "Allow",
        "Principal": {"AWS": readers},
        "Action": ["kms:Decrypt", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:ViaService": via, "kms:EncryptionContext:SecretARN": arn.to_string()}},
    }))
}

#[cfg(test)]
mod tests;
