//! What is found and stays: revisions of objects that are in the files, and those of other hands. They may be in use, so what they
//! name stays with them.

use super::{CREDENTIAL, Key, Owned, SHARED, WORKLOAD, key_of, made_by, secret_status, workload};
use crate::api::{DeletionPolicy, PrivateImageWorkload, PrivateImageWorkloadStatus};
use crate::resource::arn::Arn;
use crate::resource::revision::{Family, ObservedRevision};
use crate::status::{same_secret, settled};
use crate::target::Target;
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Leaves each thing to one place only. Where several have one account and Region, that is the one with the longest prefix that its
/// name begins with.
pub fn divide(found: &mut [(Vec<Target>, Owned)]) {
    let mut best: BTreeMap<String, (usize, Reverse<usize>)> = BTreeMap::new();
    for (index, (targets, owned)) in found.iter().enumerate() {
        for (arn, length) in targets.first().map(|target| lengths(target, owned)).unwrap_or_default() {
            let here = (length, Reverse(index));
            let best = best.entry(arn).or_insert(here);
            *best = here.max(*best);
        }
    }
    for (index, (_, owned)) in found.iter_mut().enumerate() {
        let is_here = |arn: &String| best.get(arn).is_some_and(|(_, at)| at.0 == index);
        owned.revisions.retain(|revision| is_here(&revision.arn));
        owned.secrets.retain(|secret| is_here(&secret.arn));
    }
}

/// For each thing the length of the prefix that its name has by this target.
fn lengths(target: &Target, owned: &Owned) -> Vec<(String, usize)> {
    let length = |name: &str, prefix: &str| if name.starts_with(prefix) { prefix.len() } else { 0 };
    let names = &target.names;
    let of_revision = |revision: &ObservedRevision| {
        let name = Family::of(&revision.arn).map(|(family, _)| family.name).unwrap_or_default();
        (revision.arn.clone(), length(&name, &names.definition_prefix))
    };
    let secrets = owned.secrets.iter().map(|secret| (secret.arn.clone(), length(&secret.name, &names.secret_prefix)));
    owned.revisions.iter().map(of_revision).chain(secrets).collect()
}

/// The namespaces of this owner's secrets, by ARN.
pub fn keepers<'a>(found: impl Iterator<Item = &'a Owned>, owner: &str) -> BTreeMap<String, String> {
    let all = found.flat_map(|owned| &owned.secrets).flat_map(|secret| {
        let keys = [CREDENTIAL, SHARED].map(|kind| made_by(&secret.tags, owner, kind));
        keys.into_iter().filter(|key| *key != Key::default()).map(|(namespace, _)| (secret.arn.clone(), namespace))
    });
    all.collect()
}

/// Stand-ins for the revisions of one place that stay registered: each as a workload that pulls with what its revision names. `known` =
/// names of definitions of the files' workloads, of which their own passes know all; of any other it is not known what it needs.
pub fn staying<'a>(
    owned: &Owned,
    owner: &str,
    present: &BTreeSet<Key>,
    keepers: &BTreeMap<String, String>,
    known: &BTreeSet<String>,
    place: impl Fn(&str) -> &'a Target,
) -> Vec<PrivateImageWorkload> {
    let mut found = vec![];
    for revision in &owned.revisions {
        let key = made_by(&revision.tags, owner, WORKLOAD);
        let ours = key != Key::default();
        if ours && !present.contains(&key) {
            continue; // it goes
        }
        let mut namespaces: BTreeMap<&str, BTreeSet<&String>> = BTreeMap::new();
        if ours {
            namespaces.insert(&key.0, revision.secrets.iter().collect());
        }
        for secret in &revision.secrets {
            for (_, namespace) in keepers.iter().filter(|(arn, _)| same_secret(arn, secret)) {
                namespaces.entry(namespace).or_default().insert(secret);
            }
        }
        let is_known = ours && Family::of(&revision.arn).is_some_and(|(family, _)| known.contains(&family.name));
        for (namespace, secrets) in namespaces {
            let whole = ours && namespace == key.0;
            found.push(registered(revision, namespace, &secrets, whole, is_known, place(namespace)));
        }
    }
    found
}

/// A revision as a workload. `whole` = its tags say that it is of this namespace: only then is granted what its containers read.
fn registered(
    revision: &ObservedRevision,
    namespace: &str,
    secrets: &BTreeSet<&String>,
    whole: bool,
    is_known: bool,
    target: &Target,
) -> PrivateImageWorkload {
    let status = PrivateImageWorkloadStatus {
        target: Some(target.status()),
        former_roles: revision.role.iter().cloned().collect(),
        secrets: secrets.iter().map(|arn| secret_status(None, arn)).collect(),
        older_revisions: Some(if whole { vec![revision.as_status()] } else { vec![] }),
        conditions: is_known.then(settled).into_iter().collect(),
        ..Default::default()
    };
    let name = revision.arn.rsplit('/').next().unwrap_or(&revision.arn);
    workload(namespace, name, DeletionPolicy::Retain, target, status)
}

/// The roles that something of this owner in a namespace names, by namespace.
pub fn roles(owned: &Owned, owner: &str) -> BTreeSet<(String, String)> {
    let named = |revision: &ObservedRevision| {
        let role = Arn::parse(revision.role.as_deref()?).ok()?.role_name()?.to_owned();
        let (namespace, _) = key_of(&revision.tags, owner, WORKLOAD)?;
        Some((namespace, role))
    };
    owned.revisions.iter().filter_map(named).collect()
}

/// Regions in which a policy grants something of this account; with a prefix only secrets below it.
pub fn granted_regions(policy: &Value, account_id: &str, below: Option<&str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    texts(policy, &mut |text| {
        // A policy's resources may be patterns, which are no ARNs.
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", _, service, region, account, rest] = parts[..] else { return };
        let secret = rest.strip_prefix("secret:").filter(|_| service == "secretsmanager");
        let counts = below.is_none_or(|prefix| secret.is_some_and(|name| name.starts_with(prefix)));
        if counts && account == account_id && !region.is_empty() && !region.contains(['*', '?']) {
            found.insert(region.to_owned());
        }
    });
    found
}

fn texts(value: &Value, take: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => take(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, take)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, take)),
        _ => {}
    }
}
