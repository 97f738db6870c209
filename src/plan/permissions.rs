//! What the execution role must allow so that the containers get what they name, as far as it could be looked at.

use super::secrets::{is_strangers, resolve_key};
use super::{Hold, Plan, Subject};
use crate::desired::{Desired, decryption};
use crate::observed::{Observed, Snapshot};
use crate::resource::arn::Arn;
use crate::resource::grants::{Grants, Permission};
use crate::resource::uses::{Thing, Use};
use crate::target::Target;

/// What was seen of something that containers read.
enum Seen<'a> {
    /// Its ARN and its customer key.
    There(String, Option<&'a str>),
    /// It is not there.
    Missing,
    /// It may not be looked at, or is elsewhere.
    Hidden(String),
    /// It could not be looked at this time.
    Later,
}

/// The permissions for everything that containers name. Of a key that cannot be found out the spec may name the candidates.
pub(crate) fn container_grants(desired: &Desired, observed: &Observed, plan: &mut Plan) -> Grants {
    let mut grants = Grants::default();
    for named in &desired.uses {
        if named.thing.is_of_managed_policy() && !desired.role.settings.replaces_managed_policy() {
            continue;
        }
        let subject = Subject::role(&desired.role.name);
        if is_of_another_owner(named, desired, observed) {
            let message = format!(
                "{}: secret {} was not found, or is not among limits.secretArns of the AccountBinding; correct it, or ask the administrator",
                named.path,
                arn(&named.thing)
            );
            plan.hold(subject, Hold::Missing, message);
            continue;
        }
        match seen(named, &desired.target, observed, plan, &subject) {
            None => grants.extend(named.thing.permission()),
            Some(Seen::There(arn, key)) => {
                let key = match key.map(|key| resolve_key(key, &subject, &desired.scope(), observed, plan)) {
                    Some(None) => continue, // told
                    Some(Some(key)) => Some(key),
                    None => None,
                };
                grants.extend(key.and_then(|key| decryption(&key, &arn)));
                grants.extend(whole(&named.thing, arn).permission());
            }
            Some(Seen::Hidden(why)) => {
                grants.extend(named.thing.permission());
                grants.extend(hidden(named, &why, desired, observed, plan));
            }
            Some(Seen::Missing) => {
                plan.notes.push(format!(
                    "{} was not found: tasks will not start before {} is there",
                    arn(&named.thing),
                    named.path
                ));
                grants.extend(named.thing.permission());
            }
            Some(Seen::Later) => {}
        }
    }
    grants
}

/// Whether this is a secret that only our prefix admits and that was made for another namespace, such as an earlier one of the name.
fn is_of_another_owner(named: &Use, desired: &Desired, observed: &Observed) -> bool {
    let Thing::Secret(id) = &named.thing else { return false };
    observed.secrets.get(id).and_then(Snapshot::present).is_some_and(|secret| is_strangers(secret, &desired.scope()))
}

/// Looks at a secret or a parameter; others have no key of their own.
fn seen<'a>(named: &Use, target: &Target, observed: &'a Observed, plan: &mut Plan, subject: &Subject) -> Option<Seen<'a>> {
    // To others AWS may say of what is there that it is not.
    let account = Arn::parse(arn(&named.thing)).ok().map(|arn| arn.account).filter(|account| *account != target.account_id);
    let missing = || {
        account.clone().map_or(Seen::Missing, |account| Seen::Hidden(format!("it is of account {account}, and was not found")))
    };
    let (found, failure) = match &named.thing {
        Thing::Secret(id) => match observed.secrets.get(id)? {
            Snapshot::Present(secret) => (Some(Seen::There(secret.arn.clone(), secret.customer_key())), None),
            Snapshot::Absent => (Some(missing()), None),
            Snapshot::Unknown(failure) => (None, Some(failure)),
        },
        Thing::Parameter(id) => match observed.parameters.get(id)? {
            Snapshot::Present(parameter) => (Some(Seen::There(id.clone(), parameter.kms_key.as_deref())), None),
            Snapshot::Absent => (Some(missing()), None),
            Snapshot::Unknown(failure) => (None, Some(failure)),
        },
        _ => return None,
    };
    match failure {
        Some(failure) if failure.passes() => {
            let message = format!("{} could not be looked at, so its key is not known: {failure}", arn(&named.thing));
            plan.hold(subject.clone(), Hold::Unobserved(failure.clone()), message);
            Some(Seen::Later)
        }
        Some(failure) => Some(Seen::Hidden(failure.to_string())),
        None => found,
    }
}

/// The use of every key that `executionRole.kmsKeys` names, for something whose key may not be looked at.
fn hidden(named: &Use, why: &str, desired: &Desired, observed: &Observed, plan: &mut Plan) -> Vec<Permission> {
    let subject = Subject::role(&desired.role.name);
    let of = arn(&named.thing);
    if desired.kms_keys.is_empty() {
        plan.notes.push(format!(
            "CannotVerify: whether {of} ({}) has a customer KMS key could not be looked at: {why}; if it has, name it in executionRole.kmsKeys",
            named.path
        ));
    }
    let keys = desired
        .kms_keys
        .iter()
        .filter_map(|key| resolve_key(key, &subject, &desired.scope(), observed, plan))
        .collect::<Vec<_>>();
    keys.iter().filter_map(|key| decryption(key, of)).collect()
}

/// The same thing by its whole ARN.
fn whole(thing: &Thing, arn: String) -> Thing {
    match thing {
        Thing::Secret(_) if Arn::parse(&arn).is_ok() => Thing::Secret(arn),
        other => other.clone(),
    }
}

fn arn(thing: &Thing) -> &str {
    match thing {
        Thing::Secret(arn)
        | Thing::Parameter(arn)
        | Thing::Object(arn)
        | Thing::LogGroup(arn)
        | Thing::NewLogGroup(arn)
        | Thing::Repository(arn)
        | Thing::TaskRole(arn) => arn,
    }
}
