//! The secret of one registry login: what should be, what is, and the steps between.
//!
//! Whether the value is current is answered by the version id, a keyed hash of the content: the value is not read back.
//!
//! What is guaranteed: at rest AWSCURRENT is the version that the source leads to. A value is written by one PutSecretValue under
//! that version's id, which AWS takes once. Where that id is known already (the value was there before), the label is moved by a
//! compare-and-swap on where it was seen: of two writers the one with the older view fails, and looks again. What is not: a first
//! write of a new value moves the label in the same call, whatever is there. So a writer that was paused between look and write can
//! put an older value back; the next pass of the present one sees another version id and moves the label again.

pub mod sharing;

use super::arn::{Arn, is_default_key};
use super::image::Registry;
use super::normalise::{Change, FieldChange};
use super::sealed::Sealed;
use super::tags::{Adoption, Owner, Tags, claimed_by, deletion_policy, missing};
use crate::api::{DeletionPolicy, ValuePolicy};
use crate::observed::Snapshot;
use crate::plan::{Action, Hold, Plan, Subject};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The staging label of the version that ECS reads.
pub const CURRENT: &str = "AWSCURRENT";

/// A secret that Wharfinger keeps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DesiredSecret {
    /// Its name.
    pub name: String,
    /// The registry it is for.
    pub registry: Registry,
    /// Name of the Kubernetes Secret that the login comes from.
    pub source: String,
    /// `{"username":…,"password":…}`.
    pub value: Sealed,
    /// The version id of that value.
    pub version_id: String,
    /// The customer KMS key, as the spec names it.
    pub kms_key: Option<String>,
    /// For people.
    pub description: String,
    /// Whose it is.
    pub owner: Owner,
    /// ARN under which our status names it.
    pub recorded: Option<String>,
    /// Who decides what the value is.
    pub value_policy: ValuePolicy,
    /// Whether one that others made is taken over.
    pub adoption: Adoption,
    /// What becomes of it with its one object; what several share goes with the last of them.
    pub deletion_policy: DeletionPolicy,
}

impl DesiredSecret {
    /// Whether a secret of this name was made by us, for this owner.
    pub fn owns(&self, observed: &ObservedSecret) -> bool {
        self.owner.owns(&observed.tags, self.recorded.as_deref() == Some(&observed.arn))
    }

    /// The tags that it should have, where it has these.
    fn tags(&self, observed: &Tags) -> Tags {
        self.owner.tags().into_iter().chain(deletion_policy(self.deletion_policy, observed)).collect()
    }
}

/// A secret as DescribeSecret shows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ObservedSecret {
    /// Full ARN.
    pub arn: String,
    /// Description.
    pub description: Option<String>,
    /// The KMS key in whatever form was stored; absent for the account's default key.
    pub kms_key: Option<String>,
    /// Tags.
    pub tags: Tags,
    /// Staging labels by version id; versions without a label are not shown.
    pub versions: BTreeMap<String, BTreeSet<String>>,
    /// Whether it is scheduled for deletion.
    pub scheduled_for_deletion: bool,
    /// Whether somebody configured its rotation.
    pub rotation_enabled: bool,
    /// The AWS service that keeps it, if it is one of those.
    pub owning_service: Option<String>,
    /// Its copies, by Region.
    pub replicas: BTreeMap<String, ObservedReplica>,
    /// Whether the current value is the desired one, where it was compared by reading.
    pub same_value: Option<bool>,
}

/// A copy in another Region.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ObservedReplica {
    /// Its KMS key in whatever form was stored; absent for the default key.
    pub kms_key: Option<String>,
    /// `InSync`, `InProgress` or `Failed`.
    pub state: String,
    /// Why.
    pub message: Option<String>,
}

impl ObservedSecret {
    /// The KMS key, unless it is the account's default key, which some answers name and others leave out.
    pub fn customer_key(&self) -> Option<&str> {
        self.kms_key.as_deref().filter(|key| !is_default_key(key))
    }

    /// Its key and those of its copies, as they are looked up: an alias of another Region by its ARN.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        let copies = self.replicas.iter().filter_map(|(region, copy)| self.in_region(region, copy.kms_key.as_ref()?));
        self.kms_key.clone().into_iter().chain(copies)
    }

    /// The ARN by which the key of a copy is looked up. A copy is of its secret's account.
    fn in_region(&self, region: &str, key: &str) -> Option<String> {
        if key.starts_with("arn:") {
            return Some(key.to_owned());
        }
        let arn = Arn::parse(&self.arn).ok()?;
        let resource = if key.starts_with("alias/") { key.to_owned() } else { format!("key/{key}") };
        Some(format!("arn:{}:kms:{region}:{}:{resource}", arn.partition, arn.account))
    }

    /// The ARN of the customer key of a copy, if it has one; as an error the alias of which it is not known.
    pub fn key_of_copy(&self, region: &str, keys: &BTreeMap<String, Snapshot<String>>) -> Result<Option<String>, String> {
        let Some(written) = self.replicas.get(region).and_then(|copy| copy.kms_key.as_ref()) else { return Ok(None) };
        let Some(arn) = self.in_region(region, written) else { return Err(written.clone()) };
        if arn.contains(":key/") {
            return Ok(Some(arn));
        }
        keys.get(&arn).and_then(Snapshot::present).cloned().map(Some).ok_or(arn)
    }

    /// The version under AWSCURRENT.
    pub fn current(&self) -> Option<&str> {
        self.versions.iter().find(|(_, stages)| stages.contains(CURRENT)).map(|(id, _)| id.as_str())
    }
}

/// Adds what is needed to make the secret right. `key_arn` = the resolved `kms_key`.
pub fn plan(desired: &DesiredSecret, observed: &Snapshot<ObservedSecret>, key_arn: Option<&str>, plan: &mut Plan) {
    let subject = Subject::secret(&desired.name);
    let observed = match observed {
        Snapshot::Unknown(failure) => return plan.unobserved(subject, failure),
        Snapshot::Absent => {
            let action = Action::CreateSecret {
                name: desired.name.clone(),
                description: desired.description.clone(),
                kms_key_id: key_arn.map(str::to_owned),
                tags: desired.tags(&Tags::new()),
                version_id: desired.version_id.clone(),
                value: desired.value.clone(),
            };
            return plan.step(subject, action, &[], "it does not exist", vec![]);
        }
        Snapshot::Present(observed) => observed,
    };
    if let Some(service) = &observed.owning_service {
        let message =
            format!("secret {} is kept by {service} itself, and nobody else may write to it; choose another name", observed.arn);
        return plan.hold(subject, Hold::NotOurs, message);
    }
    let ours = desired.owns(observed);
    if !ours && !desired.adoption.takes(&observed.tags) {
        let message = format!(
            "secret {} exists and is not this namespace's: {}; it is left alone. Delete or rename it, set another names.secretPrefix in the AccountBinding, or have it taken over by adoptionPolicy",
            observed.arn,
            claimed_by(&observed.tags)
        );
        return plan.hold(subject, Hold::NotOurs, message);
    }
    if !ours && observed.scheduled_for_deletion {
        let message = format!(
            "secret {} is scheduled for deletion and was not made by Wharfinger; restore it, then it is taken over",
            observed.arn
        );
        return plan.hold(subject, Hold::NotOurs, message);
    }
    if !ours {
        let (arn, tags, before) = (observed.arn.clone(), desired.tags(&observed.tags), observed.tags.clone());
        let reason = format!("adoptionPolicy is {:?}, and nobody else claims it", desired.adoption.policy);
        plan.step(subject.clone(), Action::AdoptSecret { arn, tags, before }, &[], reason, vec![]);
    }
    if observed.scheduled_for_deletion {
        let action = Action::RestoreSecret { arn: observed.arn.clone() };
        plan.step(subject.clone(), action, &[], "it is scheduled for deletion and is needed again", vec![]);
    }
    plan_value(desired, observed, &subject, plan);
    plan_settings(desired, observed, key_arn, ours, &subject, plan);
}

/// Whether the secret holds the value that it should. Version ids say so, unless the value itself was compared.
fn is_current(desired: &DesiredSecret, observed: &ObservedSecret) -> bool {
    observed.same_value.unwrap_or(observed.current() == Some(&desired.version_id))
}

/// Why the value is left to others, if it is.
fn leaves_value(desired: &DesiredSecret, observed: &ObservedSecret) -> Option<String> {
    observed.current()?;
    if observed.rotation_enabled {
        return Some(format!(
            "rotation of secret {} is configured by others, so its value is left to them: Secret {} is not written to it. The rotation function must keep {{\"username\": …, \"password\": …}}, or pulls fail; turn rotation off to have the value kept",
            observed.arn, desired.source
        ));
    }
    let other = desired.value_policy == ValuePolicy::CreateOnly && !is_current(desired, observed);
    other.then(|| {
        format!("secret {} holds another value than Secret {}, and valuePolicy is CreateOnly", observed.arn, desired.source)
    })
}

fn plan_value(desired: &DesiredSecret, observed: &ObservedSecret, subject: &Subject, plan: &mut Plan) {
    if let Some(why) = leaves_value(desired, observed) {
        return plan.notes.push(why);
    }
    if is_current(desired, observed) {
        return;
    }
    let current = observed.current();
    let changes = vec![FieldChange {
        path: CURRENT.to_owned(),
        change: Change::Changed { from: json!(current), to: json!(desired.version_id) },
    }];
    let (arn, replaces) = (observed.arn.clone(), current.map(str::to_owned));
    let after = [subject.clone()];
    if observed.versions.contains_key(&desired.version_id) {
        let action = Action::UpdateSecretVersionStage { arn, move_to: desired.version_id.clone(), remove_from: replaces };
        plan.step(
            subject.clone(),
            action,
            &after,
            "the current value is another one; the right one is an earlier version",
            changes,
        );
    } else {
        let action =
            Action::PutSecretValue { arn, version_id: desired.version_id.clone(), value: desired.value.clone(), replaces };
        plan.step(subject.clone(), action, &after, format!("Secret {} holds another value", desired.source), changes);
    }
}

fn plan_settings(
    desired: &DesiredSecret,
    observed: &ObservedSecret,
    key_arn: Option<&str>,
    ours: bool,
    subject: &Subject,
    plan: &mut Plan,
) {
    let changed = |path: &str, from: Option<&str>, to: Option<&str>| {
        (from != to).then(|| FieldChange { path: path.to_owned(), change: Change::Changed { from: json!(from), to: json!(to) } })
    };
    let description = changed("description", observed.description.as_deref(), Some(&desired.description));
    let kms_key = changed("kmsKeyId", observed.customer_key(), key_arn);
    let after = [subject.clone()];
    if description.is_some() || kms_key.is_some() {
        let action = Action::UpdateSecret {
            arn: observed.arn.clone(),
            description: description.is_some().then(|| desired.description.clone()),
            kms_key_id: kms_key.is_some().then(|| key_arn.unwrap_or_default().to_owned()),
        };
        plan.step(subject.clone(), action, &after, "its settings differ", description.into_iter().chain(kms_key).collect());
    }
    let tags = missing(&desired.tags(&observed.tags), &observed.tags);
    if ours && !tags.is_empty() {
        let changes = tags
            .iter()
            .map(|(key, value)| FieldChange { path: format!("tags[{key}]"), change: Change::Added(json!(value)) })
            .collect();
        plan.step(subject.clone(), Action::TagSecret { arn: observed.arn.clone(), tags }, &after, "its tags differ", changes);
    }
}
