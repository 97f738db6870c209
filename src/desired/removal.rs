//! What a workload leaves behind when it goes: everything it made that nobody else uses. Needs neither a valid spec nor the
//! source Secrets: names follow from the status, the registered revisions and the spec.

use super::fences::is_own_role;
use super::history::{FormerRole, former_role};
use super::shared::{images, is_recorded_by_others, role_choice, users_of_secret};
use super::{document, owner, recovery_window_in_days, workload_name};
use crate::api::{DeletionPolicy, FORCE_DELETE, PrivateImageWorkload, RetiredRevisions};
use crate::inputs::{Inputs, Source};
use crate::observed::{Observed, Reads, Snapshot};
use crate::resource::arn::Arn;
use crate::resource::image::Registry;
use crate::resource::login::Logins;
use crate::resource::names;
use crate::resource::normalise::DefinitionKind;
use crate::resource::revision::{Family, ObservedRevision};
use crate::resource::tags::Owner;
use crate::target::Target;
use std::collections::{BTreeMap, BTreeSet};

/// What goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Removal {
    /// Owner of the definitions.
    pub owner: Owner,
    /// Families that the status names.
    pub recorded: BTreeSet<Family>,
    /// The roles, the present and former ones, with what others need of them.
    pub roles: Vec<FormerRole>,
    /// The secrets that may be the workload's.
    pub secrets: Vec<RemovedSecret>,
    /// Days during which a deleted secret can be restored.
    pub recovery_window_in_days: i64,
    /// Whether deregistered revisions are deleted.
    pub delete_retired: bool,
    /// Whether it goes on although something uses what goes.
    pub force: bool,
    /// Whether everything stays.
    pub retain: bool,
}

/// A secret that may be the workload's.
#[derive(Debug, Clone, PartialEq)]
pub struct RemovedSecret {
    /// Its name.
    pub name: String,
    /// Whose it would be.
    pub owner: Owner,
    /// ARN under which the status names it.
    pub recorded: Option<String>,
    /// Who else uses it, or may do so.
    pub shared_with: Vec<String>,
    /// Whether another's status names it, so that it goes with that one.
    pub kept_by_others: bool,
}

/// What a workload leaves behind. `observed` = its registered revisions, as [`Removal::revisions`] asks for them.
pub fn removal(inputs: &Inputs, target: &Target, observed: &Observed) -> Removal {
    let workload = &inputs.workload;
    let revisions = observed.families.values().filter_map(Snapshot::present).flatten();
    let in_revisions: Vec<String> = revisions.flat_map(|revision| revision.secrets.clone()).collect();
    let annotated = workload.metadata.annotations.as_ref().and_then(|all| all.get(FORCE_DELETE));
    Removal {
        owner: owner(inputs, &format!("PrivateImageWorkload/{}", workload_name(inputs))),
        recorded: recorded(workload),
        roles: roles(inputs, target),
        secrets: secrets(inputs, target, &in_revisions),
        recovery_window_in_days: recovery_window_in_days(&workload.spec),
        delete_retired: workload.spec.retired_revisions == RetiredRevisions::Delete,
        force: annotated.is_some_and(|value| value == "true"),
        retain: workload.spec.deletion_policy == DeletionPolicy::Retain,
    }
}

/// The role that the spec leads to, and those that the status names.
fn roles(inputs: &Inputs, target: &Target) -> Vec<FormerRole> {
    let (workload, namespace) = (&inputs.workload, &inputs.namespace.name);
    let choice = role_choice(workload, target, namespace);
    // What the fences keep out was never made by us, and of another's nothing is told.
    let made = choice.arn.is_none() && is_own_role(target, namespace, &choice.name);
    let present = choice.arn.unwrap_or_else(|| super::role_arn(target, &choice.name));
    let mut found: Vec<FormerRole> = former_role(inputs, target, &present, Some(made), true).into_iter().collect();
    let status = workload.status.iter().flat_map(|status| status.execution_role_arn.iter().chain(&status.former_roles));
    for former in status.filter_map(|arn| former_role(inputs, target, arn, None, true)) {
        if !found.iter().any(|other| other.role.name == former.role.name) {
            found.push(former);
        }
    }
    found
}

/// The prefix of the names of all definitions of a namespace, and the names that workloads known here lead to.
pub fn known_definitions(inputs: &Inputs, target: &Target) -> (String, Vec<String>) {
    let prefix = &target.names.definition_prefix;
    let namespace = &inputs.namespace.name;
    let known = inputs
        .siblings
        .iter()
        .map(|sibling| &**sibling)
        .chain([&inputs.workload])
        .flat_map(|workload| families(workload, target, namespace));
    (format!("{prefix}{namespace}_"), known.map(|family| family.name).collect())
}

/// The names under which a workload may have registered.
pub fn definition_names(workload: &PrivateImageWorkload, target: &Target) -> impl Iterator<Item = String> + use<> {
    let namespace = workload.metadata.namespace.as_deref().unwrap_or_default();
    families(workload, target, namespace).into_iter().map(|family| family.name)
}

/// The name of the role that a workload's spec leads to.
pub fn role_name(workload: &PrivateImageWorkload, target: &Target) -> String {
    role_choice(workload, target, workload.metadata.namespace.as_deref().unwrap_or_default()).name
}

/// The names under which a workload may have registered: what its status says, the spec's own, and ours; in both services where the
/// status does not know what was before.
fn families(workload: &PrivateImageWorkload, target: &Target, namespace: &str) -> BTreeSet<Family> {
    let name = workload.metadata.name.as_deref().unwrap_or_default();
    let prefix = &target.names.definition_prefix;
    let usual = |kind| Family { kind, name: names::definition(kind, prefix, namespace, name) };
    let (kind, definition) = document::kind_and_definition(&workload.spec);
    let pasted = document::pasted_name(kind, definition.as_ref()).map(|name| Family { kind, name });
    let known = workload.status.as_ref().is_some_and(|status| status.older_revisions.is_some());
    let both = [DefinitionKind::TaskDefinition, DefinitionKind::JobDefinition];
    let usual = both.into_iter().filter(|other| !known || *other == kind).map(usual);
    usual.chain(recorded(workload)).chain(pasted).collect()
}

/// The families that a workload's status names.
fn recorded(workload: &PrivateImageWorkload) -> BTreeSet<Family> {
    let status = workload.status.iter().flat_map(|status| {
        let older = status.older_revisions.iter().flatten().map(|revision| &revision.arn);
        status.definition.iter().map(|definition| &definition.arn).chain(older)
    });
    status.filter_map(|arn| Family::of(arn)).map(|(family, _)| family).collect()
}

impl Removal {
    /// The read of the registered revisions, which comes first.
    pub fn revisions(inputs: &Inputs, target: &Target) -> Reads {
        let deleted = inputs.workload.spec.retired_revisions == RetiredRevisions::Delete;
        let families = families(&inputs.workload, target, &inputs.namespace.name);
        Reads { families: families.into_iter().map(|family| (family, deleted)).collect(), ..Reads::default() }
    }

    /// What a pass has to look at besides the revisions.
    pub fn reads(&self, observed: &Observed) -> Reads {
        let ours = |(family, revisions): (&Family, &Snapshot<Vec<ObservedRevision>>)| {
            let ours = revisions.present()?.iter().any(|revision| self.owner.owns(&revision.tags, false));
            (ours || self.recorded.contains(family)).then(|| family.clone())
        };
        Reads {
            secrets: self.secrets.iter().map(|secret| secret.name.clone()).collect(),
            roles: self.roles.iter().map(|former| (former.role.name.clone(), former.role.policy_name.clone())).collect(),
            usage: observed.families.iter().filter_map(ours).filter(|_| !self.force && !self.retain).collect(),
            ..Reads::default()
        }
    }
}

/// Source Secret, registry and key of each secret that may be the workload's, by name.
fn secrets(inputs: &Inputs, target: &Target, in_revisions: &[String]) -> Vec<RemovedSecret> {
    let namespace = &inputs.namespace.name;
    let mut found: BTreeMap<String, (String, Registry, Option<String>)> = BTreeMap::new();
    for credential in &inputs.workload.spec.credentials {
        let Some(source) = &credential.secret_ref else { continue };
        for registry in registries(inputs, &source.name, credential.registry.as_deref()) {
            let name =
                names::secret(&target.names.secret_prefix, namespace, &source.name, &registry, credential.kms_key.as_deref());
            found.insert(name, (source.name.clone(), registry, credential.kms_key.clone()));
        }
    }
    let status = inputs.workload.status.iter().flat_map(|status| status.secrets.iter());
    let recorded: BTreeMap<&String, &String> = status.filter_map(|secret| Some((secret.name.as_ref()?, &secret.arn))).collect();
    let prefix = format!("{}{namespace}/", target.names.secret_prefix);
    let named = in_revisions
        .iter()
        .filter_map(|arn| Arn::parse(arn).ok()?.secret_name()?.rsplit_once('-').map(|(name, _)| name.to_owned()));
    for name in named.filter(|name| name.starts_with(&prefix)).chain(recorded.keys().map(|name| (*name).clone())) {
        if let (false, Some((source, registry))) =
            (found.contains_key(&name), names::secret_parts(&target.names.secret_prefix, namespace, &name))
        {
            found.insert(name, (source, registry, None));
        }
    }
    let users = |name: &str, source: &str, registry: &Registry, key: Option<&str>| {
        let known = users_of_secret(inputs, target, name, source, registry, key);
        known.into_iter().chain(inputs.strangers.clone()).collect()
    };
    let removed = found.into_iter().map(|(name, (source, registry, key))| RemovedSecret {
        owner: owner(inputs, &format!("Secret/{source}")),
        recorded: recorded.get(&name).map(|arn| (*arn).clone()),
        shared_with: users(&name, &source, &registry, key.as_deref()),
        kept_by_others: is_recorded_by_others(inputs, target, &name),
        name,
    });
    removed.collect()
}

/// The registries whose secret a credential may have led to: its own, those that the Secret holds, and the images' hosts.
fn registries(inputs: &Inputs, source: &str, written: Option<&str>) -> Vec<Registry> {
    let mut found: Vec<Registry> = written.and_then(|text| Registry::parse(text).ok()).into_iter().collect();
    for image in images(&inputs.workload.spec).iter().filter(|image| image.ecr().is_none()) {
        if let Some(Source::Found(Ok(Logins::ByRegistry(entries)))) = inputs.sources.get(source) {
            found.extend(entries.keys().filter(|entry| entry.matches(image).is_some()).map(|entry| entry.at(image.registry())));
        }
        found.push(Registry::of(image));
    }
    found.sort();
    found.dedup();
    found
}
