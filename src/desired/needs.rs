//! What workloads need of an execution role besides the secrets that they pull with: from their specs, and for older revisions from
//! their statuses. A status is no authority, so each thing passes the fences again.

use super::document::{inherit_image, kind_and_definition};
use super::fences::admits;
use crate::api::{ContainerKeyStatus, NeedStatus, PrivateImageWorkload};
use crate::resource::arn::Arn;
use crate::resource::grants::{Decryption, Grants, Permission, via_service};
use crate::resource::role::RoleSettings;
use crate::resource::uses::{Thing, Use, uses};
use crate::target::Target;
use serde_json::Value;
use std::collections::BTreeSet;

/// What one workload needs: that of its spec, and of the revisions that its status lists.
pub(super) fn of_workload(workload: &PrivateImageWorkload, target: &Target, namespace: &str, settings: &RoleSettings) -> Grants {
    let (kind, definition) = kind_and_definition(&workload.spec);
    let mut document = Value::Object(definition.unwrap_or_default());
    inherit_image(kind, &workload.spec, &mut document);
    let mut things: BTreeSet<Thing> = uses(kind, &document, target.place()).into_iter().map(|named| named.thing).collect();
    let older = workload.status.iter().flat_map(|status| status.older_revisions.iter().flatten());
    things.extend(older.flat_map(|revision| &revision.needs).filter_map(Thing::recorded));
    things.retain(|thing| admits(target, namespace, thing));
    let keys = workload.status.iter().flat_map(|status| &status.container_keys);
    grants(&things, settings).union(&decryptions(&things, keys, target))
}

/// What revisions need, as a status lists it.
pub(super) fn of_revisions<'a>(
    needs: impl Iterator<Item = &'a NeedStatus>,
    keys: &[ContainerKeyStatus],
    target: &Target,
    namespace: &str,
    settings: &RoleSettings,
) -> Grants {
    let things = needs.filter_map(Thing::recorded).filter(|thing| admits(target, namespace, thing)).collect();
    grants(&things, settings).union(&decryptions(&things, keys.iter(), target))
}

fn grants(things: &BTreeSet<Thing>, settings: &RoleSettings) -> Grants {
    let ours = things.iter().filter(|thing| !thing.is_of_managed_policy() || settings.replaces_managed_policy());
    ours.filter_map(Thing::permission).collect()
}

/// The use of the keys of these things, as a status lists them.
fn decryptions<'a>(things: &BTreeSet<Thing>, keys: impl Iterator<Item = &'a ContainerKeyStatus>, target: &Target) -> Grants {
    let is_read = |of: &String| {
        let stem = Arn::parse(of)
            .ok()
            .and_then(|arn| Some(Arn { resource: format!("secret:{}", arn.secret_stem()?), ..arn }.to_string()));
        let named = |thing: &Thing| matches!(thing, Thing::Secret(arn) | Thing::Parameter(arn) if arn == of || Some(arn) == stem.as_ref());
        things.iter().any(named)
    };
    let keys = keys.filter(|key| is_read(&key.of) && target.may_admit_key(&key.kms_key_arn));
    keys.filter_map(|key| decryption(&key.kms_key_arn, &key.of)).collect()
}

/// The use of a key for a secret or parameter, by the service that keeps it. The encryption context has a secret's whole ARN (AWS:
/// Secrets Manager, encryption context), so where only a part of it is known, the context cannot be asked for.
pub(crate) fn decryption(key: &str, of: &str) -> Option<Permission> {
    let arn = Arn::parse(of).ok()?;
    let via = Some(via_service(&arn.service, &arn.region, &arn.partition));
    let is_whole = arn.service != "secretsmanager" || arn.is_full_secret();
    Some(Permission::Decrypt(Decryption { key: key.to_owned(), via, of: is_whole.then(|| of.to_owned()) }))
}

/// Whether something that a workload names is granted by the managed policy.
pub(super) fn asks_for_managed_policy(named: &[Use]) -> bool {
    named.iter().any(|named| named.thing.is_of_managed_policy())
}
