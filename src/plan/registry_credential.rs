//! What to write for a `RegistryCredential`: its secret, then copies and readers; and what ends with it.

use super::secrets::{existing_secret, imagined_secret, key_of, resolve_key};
use super::{Action, Hold, Plan, Subject, pending_arn};
use crate::desired::{CredentialSecret, DesiredCredential};
use crate::observed::{Observed, Snapshot};
use crate::resource::secret::sharing::{self, DesiredSharing, ObservedSharing};
use crate::resource::secret::{self, DesiredSecret, ObservedSecret};
use crate::resource::tags::{Owner, claimed_by};
use std::collections::BTreeMap;

/// The plan that makes AWS match.
pub fn credential(desired: &DesiredCredential, observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    match &desired.secret {
        CredentialSecret::Existing(existing) => _ = existing_secret(existing, &desired.scope(), observed, &mut plan),
        CredentialSecret::Kept { secret, sharing, replica_keys } => {
            kept(desired, secret, sharing, replica_keys, observed, &mut plan)
        }
    }
    if plan.held.iter().any(|held| held.hold == super::Hold::Missing) {
        plan.steps.clear();
    }
    plan
}

fn kept(
    desired: &DesiredCredential,
    wanted: &DesiredSecret,
    sharing: &DesiredSharing,
    replica_keys: &BTreeMap<String, Option<String>>,
    observed: &Observed,
    plan: &mut Plan,
) {
    let scope = desired.scope();
    let Some(key) = key_of(wanted, &scope, observed, plan) else { return };
    let Some(found) = observed.secrets.get(&wanted.name) else { return };
    let subject = Subject::secret(&wanted.name);
    if let Some(message) = copies_lost(wanted, found.present(), replica_keys) {
        return plan.hold(subject, Hold::NotOurs, message);
    }
    secret::plan(wanted, found, key.as_deref(), plan);
    if plan.holds(&subject) {
        return;
    }
    // Its resource policy cannot be read before it is restored: what others have in it must not be written over.
    if found.present().is_some_and(|found| found.scheduled_for_deletion) {
        if !sharing.readers.is_empty() || !replica_keys.is_empty() {
            plan.hold(subject, Hold::Waiting, "copies and readers follow once it is restored");
        }
        return;
    }
    let mut sharing = sharing.clone();
    for (region, key) in replica_keys {
        let key = match key.as_ref().map(|key| resolve_key(key, &subject, &scope, observed, plan)) {
            Some(None) => return, // told
            Some(key) => key,
            None => None,
        };
        sharing.replicas.insert(region.clone(), key);
    }
    let arn = found.present().map_or_else(|| pending_arn(&wanted.name), |secret| secret.arn.clone());
    let policy = observed.resource_policies.get(&wanted.name);
    let seen = ObservedSharing { secret: found.present(), policy, keys: &observed.keys };
    sharing::plan(&sharing, &arn, seen, &subject, plan);
}

/// Why a secret of others may not be taken over yet: copies that the spec does not name are removed, and somebody may use these.
fn copies_lost(
    wanted: &DesiredSecret,
    found: Option<&ObservedSecret>,
    copies: &BTreeMap<String, Option<String>>,
) -> Option<String> {
    let found = found.filter(|found| !wanted.owns(found) && wanted.adoption.takes(&found.tags))?;
    let lost: Vec<&str> = found.replicas.keys().filter(|region| !copies.contains_key(*region)).map(String::as_str).collect();
    (!lost.is_empty()).then(|| {
        format!(
            "secret {} has copies in {} that spec.replicas does not name, and they would be removed when it is taken over; name them there, or remove them first",
            found.arn,
            lost.join(", ")
        )
    })
}

/// A world in which nothing of a credential exists and all that it refers to does.
pub fn imagined_for_credential(desired: &DesiredCredential) -> Observed {
    let secret = match &desired.secret {
        CredentialSecret::Kept { secret, .. } => (secret.name.clone(), Snapshot::Absent),
        CredentialSecret::Existing(existing) => imagined_secret(existing, &desired.scope()),
    };
    let keys = desired.reads().keys.into_iter().map(|key| (key.clone(), Snapshot::Present(key)));
    Observed { secrets: [secret].into(), keys: keys.collect(), ..Observed::default() }
}

/// The plan that removes a credential's secret, its copies first. Waits for nothing: AWS keeps it for the recovery window.
pub fn remove_credential(name: &str, owner: &Owner, recorded: Option<&str>, days: i64, observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    let subject = Subject::secret(name);
    match observed.secrets.get(name) {
        Some(Snapshot::Unknown(failure)) => plan.unobserved(subject, failure),
        Some(Snapshot::Present(found)) if found.scheduled_for_deletion => {}
        Some(Snapshot::Present(found)) if !owner.owns(&found.tags, recorded == Some(&found.arn)) => {
            plan.notes.push(format!("secret {} is left alone: {}", found.arn, claimed_by(&found.tags)));
        }
        Some(Snapshot::Present(found)) => {
            if !found.replicas.is_empty() {
                let regions = found.replicas.keys().cloned().collect();
                let action = Action::RemoveRegionsFromReplication { arn: found.arn.clone(), regions };
                plan.step(subject.clone(), action, &[], "the credential goes", vec![]);
            }
            let action = Action::DeleteSecret { arn: found.arn.clone(), recovery_window_in_days: days };
            plan.step(subject.clone(), action, &[subject], "the credential goes", vec![]);
        }
        Some(Snapshot::Absent) | None => {}
    }
    plan
}
