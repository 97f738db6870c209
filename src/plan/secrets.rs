//! Secrets and their keys as a plan finds them: what is kept, and what exists and is only named.

use super::{Hold, Kind, Plan, Subject};
use crate::desired::ExistingSecret;
use crate::failure::FailureKind;
use crate::observed::{Observed, Snapshot};
use crate::resource::arn::{Arn, KmsKeyForm, check_kms_key};
use crate::resource::secret::{DesiredSecret, ObservedSecret};
use crate::resource::tags::{self, Owner};
use crate::target::Target;

/// Where a plan acts, and for whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) target: &'a Target,
    pub(crate) owner: &'a Owner,
}

/// The ARN of the customer key of a secret that is kept, if it has one; nothing if that is not known or not admitted.
pub(crate) fn key_of(wanted: &DesiredSecret, scope: &Scope, observed: &Observed, plan: &mut Plan) -> Option<Option<String>> {
    match &wanted.kms_key {
        Some(key) => resolve_key(key, &Subject::secret(&wanted.name), scope, observed, plan).map(Some),
        None => Some(None),
    }
}

/// The ARN of a KMS key, if it is known and the binding admits it. "Not found" and "not allowed" read the same to a tenant.
pub(crate) fn resolve_key(
    written: &str,
    subject: &Subject,
    scope: &Scope,
    observed: &Observed,
    plan: &mut Plan,
) -> Option<String> {
    let arn = match (check_kms_key(written), observed.keys.get(written)) {
        (Ok(KmsKeyForm::KeyArn(arn)), _) => Some(arn.to_string()),
        (_, Some(Snapshot::Present(arn))) => Some(arn.clone()),
        (_, Some(Snapshot::Unknown(failure))) if failure.kind != FailureKind::NotFound => {
            plan.unobserved(Subject { kind: Kind::Key, name: written.to_owned() }, failure);
            return None;
        }
        _ => None,
    };
    let target = scope.target;
    let arn = arn.filter(|arn| target.admits_key(written) || target.admits_key(arn));
    if arn.is_none() {
        let message = format!(
            "KMS key {written} was not found in account {} and Region {}, or is not among limits.kmsKeys of the AccountBinding; \
             correct it, or ask the administrator",
            target.account_id, target.region
        );
        plan.hold(subject.clone(), Hold::Missing, message);
    }
    arn
}

/// Looks an existing secret up; its ARN and key ARN, unless it is held.
pub(crate) fn existing_secret(
    existing: &ExistingSecret,
    scope: &Scope,
    observed: &Observed,
    plan: &mut Plan,
) -> Option<(String, Option<String>)> {
    let subject = Subject::secret(&existing.id);
    let full = Arn::parse(&existing.id).is_ok_and(|arn| arn.is_full_secret());
    let refused = |arn: &str| !scope.target.admits_secret(&scope.owner.namespace, arn);
    let (arn, discovered) = match observed.secrets.get(&existing.id)? {
        _ if full && refused(&existing.id) => {
            plan.hold(subject, Hold::Missing, not_found(existing, scope));
            return None;
        }
        Snapshot::Present(secret) if refused(&secret.arn) || is_strangers(secret, scope) => {
            plan.hold(subject, Hold::Missing, not_found(existing, scope));
            return None;
        }
        Snapshot::Present(secret) if secret.scheduled_for_deletion => {
            let message =
                format!("{}: secret {} is scheduled for deletion; restore it or name another", existing.field, secret.arn);
            plan.hold(subject, Hold::Missing, message);
            return None;
        }
        Snapshot::Present(secret) => (secret.arn.clone(), secret.customer_key().map(str::to_owned)),
        Snapshot::Unknown(failure) if full && failure.kind == FailureKind::Denied => {
            plan.notes.push(format!("secret {} could not be looked at, so it is used as it is written: {failure}", existing.id));
            (existing.id.clone(), None)
        }
        Snapshot::Unknown(failure) => {
            plan.unobserved(subject, failure);
            return None;
        }
        Snapshot::Absent => {
            plan.hold(subject, Hold::Missing, not_found(existing, scope));
            return None;
        }
    };
    if !(20..=2048).contains(&arn.len()) {
        let message = format!(
            "{}: credentialsParameter {arn} has {} characters, and ECS allows 20 to 2048; name another secret",
            existing.field,
            arn.len()
        );
        plan.hold(subject, Hold::Missing, message);
        return None;
    }
    let key = match existing.kms_key.as_ref().or(discovered.as_ref()) {
        Some(key) => Some(resolve_key(key, &subject, scope, observed, plan)?),
        None => None,
    };
    Some((arn, key))
}

/// A secret that exists, as far as the spec tells.
pub(super) fn imagined_secret(existing: &ExistingSecret, scope: &Scope) -> (String, Snapshot<ObservedSecret>) {
    let target = scope.target;
    let arn = match existing.id.starts_with("arn:") {
        true => existing.id.clone(),
        false => {
            format!(
                "arn:{}:secretsmanager:{}:{}:secret:{}-??????",
                target.partition, target.region, target.account_id, existing.id
            )
        }
    };
    (existing.id.clone(), Snapshot::Present(ObservedSecret { arn, tags: scope.owner.tags(), ..ObservedSecret::default() }))
}

/// Whether a secret is admitted only for lying under our prefix and yet was made for another namespace, such as an earlier one of
/// the same name.
pub(crate) fn is_strangers(secret: &ObservedSecret, scope: &Scope) -> bool {
    let owner = scope.owner;
    let same = |key: &str, value: &String| secret.tags.get(key) == Some(value);
    let ours = same(tags::CLUSTER, &owner.cluster) && same(tags::NAMESPACE_UID, &owner.namespace_uid);
    !scope.target.admits(|limits| &limits.secret_arns, &secret.arn) && !ours
}

/// "Not found" and "not allowed" read the same to a tenant.
fn not_found(existing: &ExistingSecret, scope: &Scope) -> String {
    format!(
        "{}: secret {} was not found in account {} and Region {}, or is not among limits.secretArns of the AccountBinding; \
         correct it, or ask the administrator",
        existing.field, existing.id, scope.target.account_id, scope.target.region
    )
}
