//! What a workload leaves behind when it goes: everything it made that nobody else uses. Needs neither a valid spec nor the
//! source Secrets: names follow from the status, the registered revisions and the spec.

use super::shared::{images, is_role_shared, needs_of_others, role_choice, users_of_secret};
use super::{document, owner, workload_name};
use crate::api::DeletionPolicy;
use crate::inputs::{Inputs, Source};
use crate::observed::{DefinitionRead, Reads};
use crate::resource::arn::Arn;
use crate::resource::image::Registry;
use crate::resource::login::Logins;
use crate::resource::names;
use crate::resource::normalise::DefinitionKind;
use crate::resource::role::{DesiredRole, ManagedRole};
use crate::resource::tags::Owner;
use crate::target::Target;
use std::collections::BTreeMap;

/// Days of a secret's recovery window where the spec names none.
const RECOVERY_WINDOW_IN_DAYS: i64 = 7;

/// What goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Removal {
    /// ECS or Batch.
    pub kind: DefinitionKind,
    /// Family or job definition name.
    pub definition: String,
    /// Owner of the definitions.
    pub owner: Owner,
    /// The role, with what others need of it.
    pub role: DesiredRole,
    /// Whether another workload uses the role.
    pub role_shared: bool,
    /// The secrets that may be the workload's.
    pub secrets: Vec<RemovedSecret>,
    /// Days during which a deleted secret can be restored.
    pub recovery_window_in_days: i64,
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
    /// Who else uses it.
    pub shared_with: Vec<String>,
}

/// What a workload leaves behind. `in_revisions` = ARNs of the secrets that its registered revisions name.
pub fn removal(inputs: &Inputs, target: &Target, in_revisions: &[String]) -> Removal {
    let (workload, namespace) = (&inputs.workload, &inputs.namespace);
    let (kind, _) = document::kind_and_definition(&workload.spec);
    let choice = role_choice(workload, target, &namespace.name);
    let (others, unclear) = needs_of_others(inputs, target, &choice.name, true);
    let role_shared = is_role_shared(inputs, target, &choice.name) || !inputs.strangers.is_empty();
    let path = target.limits.as_ref().and_then(|limits| limits.role_path.clone()).unwrap_or_else(|| "/".to_owned());
    let arn = choice
        .arn
        .clone()
        .unwrap_or_else(|| format!("arn:{}:iam::{}:role{path}{}", target.partition, target.account_id, choice.name));
    let recorded = workload.status.as_ref().and_then(|status| status.execution_role_arn.as_ref()) == Some(&arn);
    Removal {
        kind,
        definition: names::definition(kind, &target.names.definition_prefix, &namespace.name, workload_name(inputs)),
        owner: owner(inputs, &format!("PrivateImageWorkload/{}", workload_name(inputs))),
        role: DesiredRole {
            policy_name: names::inline_policy(&inputs.cluster, &namespace.uid),
            managed: choice.arn.is_none().then(|| ManagedRole {
                path,
                boundary: None,
                owner: owner(inputs, &format!("Namespace/{}", namespace.name)),
                recorded,
            }),
            name: choice.name,
            arn,
            needs_managed_policy: false,
            others,
            unclear,
        },
        role_shared,
        secrets: secrets(inputs, target, in_revisions),
        recovery_window_in_days: workload.spec.recovery_window_in_days.unwrap_or(RECOVERY_WINDOW_IN_DAYS),
        retain: workload.spec.deletion_policy == DeletionPolicy::Retain,
    }
}

/// The prefix of the names of all definitions of a namespace, and the names that workloads known here lead to.
pub fn known_definitions(inputs: &Inputs, target: &Target) -> (String, Vec<String>) {
    let prefix = &target.names.definition_prefix;
    let namespace = &inputs.namespace.name;
    let name = |kind, workload: &crate::api::PrivateImageWorkload| {
        names::definition(kind, prefix, namespace, workload.metadata.name.as_deref().unwrap_or_default())
    };
    let known = inputs.siblings.iter().chain([&inputs.workload]);
    let both = known.flat_map(|it| [name(DefinitionKind::TaskDefinition, it), name(DefinitionKind::JobDefinition, it)]);
    (format!("{prefix}{namespace}_"), both.collect())
}

impl Removal {
    /// What a pass has to look at besides the revisions.
    pub fn reads(&self) -> Reads {
        Reads {
            secrets: self.secrets.iter().map(|secret| secret.name.clone()).collect(),
            role: Some((self.role.name.clone(), self.role.policy_name.clone())),
            ..Reads::default()
        }
    }

    /// The read of the registered revisions, which comes first.
    pub fn revisions(inputs: &Inputs, target: &Target) -> Reads {
        let (kind, _) = document::kind_and_definition(&inputs.workload.spec);
        let name = names::definition(kind, &target.names.definition_prefix, &inputs.namespace.name, workload_name(inputs));
        Reads { definition: Some(DefinitionRead { kind, name, recorded: None, all: true }), ..Reads::default() }
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
        if let (false, Some((source, registry))) = (found.contains_key(&name), parts(&name, &prefix)) {
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

/// Source Secret and registry out of a name of [`names::secret`].
fn parts(name: &str, prefix: &str) -> Option<(String, Registry)> {
    let (source, rest) = name.strip_prefix(prefix)?.split_once('/')?;
    let (registry, _) = rest.rsplit_once('/')?;
    Some((source.to_owned(), Registry::parse(&registry.replacen('_', ":", 1)).or_else(|_| Registry::parse(registry)).ok()?))
}
