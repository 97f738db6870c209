//! The status of a `RegistryCredential`, and whether one that is being deleted may go. Pure.

use super::removal::deletion_waits;
use super::{MAX_PLAN, PARTS, Parts, READY, Reason, Verdict, condition, conditions, refusal, requested_at, verdict, waiting};
use crate::api::{
    CredentialSecretStatus, PrivateImageWorkload, PrivateImageWorkloadStatus, RegistryCredential, RegistryCredentialStatus,
};
use crate::pass::{Pass, Round};
use crate::plan::render;
use jiff::Timestamp;

/// The status after a pass. `users` = the workloads that use the credential.
pub fn summarise_credential(
    credential: &RegistryCredential,
    pass: &Pass,
    users: &[String],
    now: Timestamp,
) -> RegistryCredentialStatus {
    let mut status = credential.status.clone().unwrap_or_default();
    let generation = credential.metadata.generation;
    status.observed_generation = generation;
    status.last_handled_reconcile_at = requested_at(credential).or(status.last_handled_reconcile_at);
    status.users = users.len() as i64;
    let previous = std::mem::take(&mut status.conditions);
    let (part, kinds) = PARTS[0];
    let synced = match pass {
        Pass::Suspended => {
            let kept = previous.iter().filter(|condition| condition.type_ == part).cloned();
            status.conditions = kept.collect();
            let message = "suspended: nothing is compared and nothing written";
            let verdict = Verdict { ok: Some(false), reason: Reason::Suspended, message: message.into() };
            status.conditions.insert(0, condition(READY, &verdict, generation, &previous, now));
            return status;
        }
        Pass::Refused(problems) => {
            status.plan = None;
            refusal(problems)
        }
        Pass::Done(round) => {
            record(round, &mut status, now);
            let synced = told_when(verdict(round, part, kinds), status.secret.as_ref());
            copying(synced, &status)
        }
    };
    let success = synced.message.clone();
    let parts: Parts = vec![(part, synced)];
    status.conditions = conditions(&parts, success, generation, &previous, now);
    status
}

fn record(round: &Round, status: &mut RegistryCredentialStatus, now: Timestamp) {
    let facts = &round.facts;
    if round.outcomes.is_some() {
        status.target = Some(round.target.status());
        let before = status.secret.take();
        status.secret = match facts.secrets.first() {
            Some(secret) => {
                let same = before.as_ref().filter(|before| before.arn == secret.arn && before.version_id == secret.version_id);
                Some(CredentialSecretStatus {
                    name: secret.name.clone(),
                    arn: secret.arn.clone(),
                    synced_at: match (&secret.version_id, same) {
                        (None, _) => None,
                        (Some(_), Some(same)) => same.synced_at.clone(),
                        (Some(_), None) => Some(now.to_string()),
                    },
                    version_id: secret.version_id.clone(),
                    kms_key_arn: secret.kms_key_arn.clone(),
                })
            }
            None => before,
        };
        status.replicas = facts.replicas.clone();
        status.key_policy_statement = facts.key_policy_statement.clone();
    }
    status.warnings = round.warnings.iter().chain(&round.plan.notes).cloned().collect();
    status.plan = (!round.is_converged()).then(|| render::cut(&render::text(round), MAX_PLAN));
}

/// With the time at which the value was last seen to change.
fn told_when(verdict: Verdict, secret: Option<&CredentialSecretStatus>) -> Verdict {
    match secret.and_then(|secret| secret.synced_at.as_ref()).filter(|_| verdict.ok == Some(true)) {
        Some(time) => Verdict { message: format!("{} since {time}", verdict.message), ..verdict },
        None => verdict,
    }
}

/// A credential is right when its copies are.
fn copying(verdict: Verdict, status: &RegistryCredentialStatus) -> Verdict {
    let made: Vec<&str> =
        status.replicas.iter().filter(|copy| copy.state == "InProgress").map(|copy| copy.region.as_str()).collect();
    match made.is_empty() || verdict.ok != Some(true) {
        true => verdict,
        false => Verdict::no(Reason::Progressing, format!("the copies in {} are being made", made.join(", "))),
    }
}

/// Whether a workload's spec names this credential.
pub fn names_credential(workload: &PrivateImageWorkload, credential: &RegistryCredential) -> bool {
    let (own, home) = (&workload.metadata.namespace, &credential.metadata.namespace);
    workload.spec.credentials.iter().filter_map(|it| it.credential_ref.as_ref()).any(|reference| {
        Some(&reference.name) == credential.metadata.name.as_ref()
            && reference.namespace.as_ref().or(own.as_ref()) == home.as_ref()
    })
}

/// Whether a workload uses this credential: by its spec, or because a revision of it still pulls with its secret. A name alone
/// counts in the credential's own namespace only: otherwise any tenant could hold up another's deletion.
fn uses(workload: &PrivateImageWorkload, credential: &RegistryCredential) -> bool {
    let named = names_credential(workload, credential);
    let home = workload.metadata.namespace == credential.metadata.namespace;
    let arn = credential.status.as_ref().and_then(|status| status.secret.as_ref()).map(|secret| &secret.arn);
    let pulls_with = |status: &PrivateImageWorkloadStatus, arn: &str| {
        let older = status.older_revisions.iter().flatten().flat_map(|revision| &revision.secrets);
        status.secrets.iter().map(|secret| &secret.arn).chain(older).any(|secret| same_secret(secret, arn))
    };
    let pulls = workload.status.as_ref().zip(arn).is_some_and(|(status, arn)| pulls_with(status, arn));
    (named && (home || pulls)) || (pulls && credential.spec.secret_ref.is_some())
}

/// A copy differs from its secret in the Region only.
pub fn same_secret(one: &str, other: &str) -> bool {
    let without_region = |arn: &str| {
        arn.split(':').enumerate().filter(|(part, _)| *part != 3).map(|(_, text)| text.to_owned()).collect::<Vec<_>>()
    };
    without_region(one) == without_region(other)
}

/// The workloads that use a credential, as `NAMESPACE/NAME`, in order.
pub fn credential_users<'a>(
    workloads: impl Iterator<Item = &'a PrivateImageWorkload>,
    credential: &RegistryCredential,
) -> Vec<String> {
    in_order(workloads.filter(|workload| uses(workload, credential)))
}

/// Workloads as `NAMESPACE/NAME`, in order.
pub(super) fn in_order<'a>(workloads: impl Iterator<Item = &'a PrivateImageWorkload>) -> Vec<String> {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let path = |it: &PrivateImageWorkload| format!("{}/{}", text(&it.metadata.namespace), text(&it.metadata.name));
    let mut paths: Vec<String> = workloads.map(path).collect();
    paths.sort();
    paths
}

/// Why a credential that is being deleted waits; none if it may go. `pass` = what its removal came to, once nobody uses it.
pub fn blocked_credential(
    credential: &RegistryCredential,
    users: &[String],
    pass: Option<&Pass>,
    now: Timestamp,
) -> Option<(Reason, RegistryCredentialStatus)> {
    let never = credential.status.as_ref().is_none_or(|status| status.target.is_none());
    let (reason, message) = deletion_waits(users, pass, never)?;
    let mut status = credential.status.clone().unwrap_or_default();
    status.observed_generation = credential.metadata.generation;
    status.users = users.len() as i64;
    let previous = std::mem::take(&mut status.conditions);
    status.conditions = waiting(reason, &message, credential.metadata.generation, &previous, now);
    Some((reason, status))
}
