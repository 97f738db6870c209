//! What has left the files: things in AWS that carry this owner's tags and belong to no object that is there any more. There is no
//! record of what was applied before; the tags say whose a thing is, and nothing else does.
//!
//! A removal needs no spec. So what is found becomes an object as small as can be, with what AWS knows of it as its status, and is
//! removed as any other.

use crate::api::{
    BindingRef, DeletionPolicy, PrivateImageWorkload, PrivateImageWorkloadSpec, PrivateImageWorkloadStatus, RegistryCredential,
    RegistryCredentialSpec, RegistryCredentialStatus, SecretStatus,
};
use crate::resource::names;
use crate::resource::revision::{Family, ObservedRevision};
use crate::resource::tags::{Tags, is_retained, made_without_cluster};
use crate::status::same_secret;
use crate::target::Target;
use std::collections::{BTreeMap, BTreeSet};

mod staying;

pub use staying::{divide, granted_regions, keepers, roles, staying};

/// What an account holds in a Region, of this owner and perhaps of others: their tags decide.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Owned {
    /// Every active revision; of ECS families that have nothing to do with us the newest only.
    pub revisions: Vec<ObservedRevision>,
    /// Secrets.
    pub secrets: Vec<OwnedSecret>,
}

/// A secret of an account.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedSecret {
    /// Its name.
    pub name: String,
    /// Its full ARN.
    pub arn: String,
    /// Its tags.
    pub tags: Tags,
}

/// Objects that are not in the files any more.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Departed {
    /// Those with definitions that are registered.
    pub workloads: Vec<PrivateImageWorkload>,
    /// Those that keep a secret, with its ARN.
    pub credentials: Vec<(RegistryCredential, String)>,
    /// For a namespace and place, what stands for all its workloads together: the secrets that they share or shared.
    pub shared: Vec<PrivateImageWorkload>,
}

/// Namespace, and kind and name as the owner tag has them, of an object.
pub type Key = (String, String);

/// The key of an object.
pub fn key(namespace: &str, kind: &str, name: &str) -> Key {
    (namespace.to_owned(), names::tag_value(&format!("{kind}/{name}")))
}

/// Whether a secret is one that a `RegistryCredential` of this owner keeps.
pub fn is_of_credential(tags: &Tags, owner: &str) -> bool {
    made_by(tags, owner, CREDENTIAL) != Key::default()
}

/// Whether a workload pulls with a secret, or may do so: a revision names it, or what its revisions name is not known.
pub fn may_use(workload: &PrivateImageWorkload, arn: &str) -> bool {
    let Some(status) = &workload.status else { return true };
    let older = status
        .older_revisions
        .as_ref()
        .map(|all| all.iter().any(|revision| revision.secrets.iter().any(|it| same_secret(it, arn))));
    uses(workload, arn) || older.unwrap_or(true)
}

/// Whether a workload is known to pull with a secret, or with a copy of it in another Region.
pub fn uses(workload: &PrivateImageWorkload, arn: &str) -> bool {
    let now = workload.status.iter().flat_map(|status| &status.secrets).filter(|secret| !secret.former);
    now.into_iter().any(|secret| same_secret(&secret.arn, arn))
}

const WORKLOAD: &str = "PrivateImageWorkload/";
const CREDENTIAL: &str = "RegistryCredential/";
const SHARED: &str = "Secret/";

/// What in one place is of this owner and of no object in `present`. `place` = the target to reach the things of a namespace by.
pub fn departed<'a>(owned: &Owned, owner: &str, present: &BTreeSet<Key>, place: impl Fn(&str) -> &'a Target) -> Departed {
    let leaves = |key: &Key| !present.contains(key);
    let mut definitions: BTreeMap<Key, Vec<&ObservedRevision>> = BTreeMap::new();
    for revision in &owned.revisions {
        definitions.entry(made_by(&revision.tags, owner, WORKLOAD)).or_default().push(revision);
    }
    let (mut credentials, mut shared) = (vec![], BTreeMap::<String, Vec<&OwnedSecret>>::new());
    for secret in &owned.secrets {
        let credential = made_by(&secret.tags, owner, CREDENTIAL);
        let of_workloads = made_by(&secret.tags, owner, SHARED);
        let below = |namespace: &str| secret.name.starts_with(&place(namespace).names.secret_prefix);
        if credential != Key::default() && leaves(&credential) && below(&credential.0) {
            credentials.push((gone_credential(secret, &credential, place(&credential.0)), secret.arn.clone()));
        }
        if of_workloads != Key::default() && below(&of_workloads.0) {
            shared.entry(of_workloads.0).or_default().push(secret);
        }
    }
    let gone = definitions.iter().filter(|(key, _)| **key != Key::default() && leaves(key));
    Departed {
        workloads: gone.map(|(key, revisions)| gone_workload(revisions, key, place(&key.0))).collect(),
        credentials,
        shared: shared.iter().map(|(namespace, secrets)| stand_in(namespace, secrets, place(namespace))).collect(),
    }
}

/// Whose a thing is, if the command line made it for this owner and for this kind; else the key of nobody.
fn made_by(tags: &Tags, owner: &str, kind: &str) -> Key {
    key_of(tags, owner, kind).unwrap_or_default()
}

fn key_of(tags: &Tags, owner: &str, kind: &str) -> Option<Key> {
    let made = made_without_cluster(tags, owner).filter(|(_, of)| of.len() > kind.len() && of.starts_with(kind));
    made.map(|(namespace, of)| (namespace.to_owned(), of.to_owned()))
}

/// A workload of which only its revisions are known.
fn gone_workload(revisions: &[&ObservedRevision], (namespace, owner): &Key, target: &Target) -> PrivateImageWorkload {
    let name = owner.strip_prefix(WORKLOAD).unwrap_or(owner);
    let number = |revision: &ObservedRevision| Family::of(&revision.arn).map_or(0, |(_, number)| number);
    let mut newest: BTreeMap<Family, &ObservedRevision> = BTreeMap::new();
    for revision in revisions {
        let Some((family, at)) = Family::of(&revision.arn) else { continue };
        if newest.get(&family).is_none_or(|known| number(known) < at) {
            newest.insert(family, revision);
        }
    }
    let roles: BTreeSet<String> = revisions.iter().filter_map(|revision| revision.role.clone()).collect();
    let secrets: BTreeSet<&String> = revisions.iter().flat_map(|revision| &revision.secrets).collect();
    // Without names: a name in a status would let the secret go even though its tags were taken away.
    let secrets = secrets.into_iter().map(|arn| secret_status(None, arn)).collect();
    let status = PrivateImageWorkloadStatus {
        target: Some(target.status()),
        execution_role_arn: newest.values().next().and_then(|revision| revision.role.clone()),
        former_roles: roles.into_iter().collect(),
        secrets,
        older_revisions: Some(revisions.iter().map(|revision| revision.as_status()).collect()),
        ..Default::default()
    };
    workload(namespace, name, policy(newest.values().any(|revision| is_retained(&revision.tags))), target, status)
}

/// What no single workload owns, as if it were one's.
fn stand_in(namespace: &str, secrets: &[&OwnedSecret], target: &Target) -> PrivateImageWorkload {
    let status = PrivateImageWorkloadStatus {
        target: Some(target.status()),
        secrets: secrets.iter().map(|secret| secret_status(Some(&secret.name), &secret.arn)).collect(),
        older_revisions: Some(vec![]),
        ..Default::default()
    };
    workload(namespace, "", DeletionPolicy::Delete, target, status)
}

fn workload(
    namespace: &str,
    name: &str,
    deletion_policy: DeletionPolicy,
    target: &Target,
    status: PrivateImageWorkloadStatus,
) -> PrivateImageWorkload {
    let (binding_ref, region) = (binding(target), Some(target.region.clone()));
    let spec = PrivateImageWorkloadSpec { binding_ref, region, deletion_policy, ..Default::default() };
    let mut workload = PrivateImageWorkload::new(name, spec);
    workload.metadata.namespace = Some(namespace.to_owned());
    workload.status = Some(status);
    workload
}

fn gone_credential(secret: &OwnedSecret, (namespace, owner): &Key, target: &Target) -> RegistryCredential {
    let spec = RegistryCredentialSpec {
        binding_ref: binding(target),
        region: Some(target.region.clone()),
        name: Some(secret.name.clone()),
        deletion_policy: policy(is_retained(&secret.tags)),
        ..Default::default()
    };
    let mut credential = RegistryCredential::new(owner.strip_prefix(CREDENTIAL).unwrap_or(owner), spec);
    credential.metadata.namespace = Some(namespace.clone());
    // Without the ARN of the secret, for the same reason: see above.
    credential.status = Some(RegistryCredentialStatus { target: Some(target.status()), ..Default::default() });
    credential
}

fn binding(target: &Target) -> Option<BindingRef> {
    target.binding.clone().map(|name| BindingRef { name })
}

fn policy(retained: bool) -> DeletionPolicy {
    if retained { DeletionPolicy::Retain } else { DeletionPolicy::Delete }
}

fn secret_status(name: Option<&String>, arn: &str) -> SecretStatus {
    SecretStatus {
        registry: String::new(),
        name: name.cloned(),
        arn: arn.to_owned(),
        version_id: None,
        kms_key_arn: None,
        former: false,
    }
}

#[cfg(test)]
mod tests;
