//! All reads of AWS, concurrent. Never fails: what could not be seen is `Unknown`, so that one broken thing blinds nothing else.

mod network;

pub use network::{Freshness, observe_network};

use crate::api::RolledService;
use crate::aws::{Reader, batch, ecs, ecs_services, iam, kms, secrets_manager, ssm};
use crate::failure::Failure;
use crate::observed::{DefinitionRead, Observed, ObservedParameter, Reads, RoleSnapshot, Snapshot};
use crate::resource::arn::{Arn, is_default_key};
use crate::resource::definition::ObservedDefinition;
use crate::resource::normalise::DefinitionKind;
use crate::resource::revision::{Family, ObservedRevision, Usage};
use crate::resource::sealed::Sealed;
use crate::resource::secret::ObservedSecret;
use crate::resource::service::ObservedService;
use futures::future::{join, join_all, join5};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Looks at everything that is asked for.
pub async fn observe(reader: &Reader, reads: &Reads) -> Observed {
    let (secrets, roles, definition, families, rest) = join5(
        secrets(reader, reads),
        roles(reader, reads),
        definition(reader, reads.definition.as_ref()),
        families(reader, reads),
        rest(reader, reads),
    )
    .await;
    let (parameters, resource_policies) = join(parameters(reader, reads), resource_policies(reader, reads, &secrets)).await;
    let keys = keys(reader, reads, &secrets, &parameters).await;
    let mut observed = Observed { secrets, resource_policies, parameters, keys, roles, ..Observed::default() };
    observed.absorb(definition);
    observed.absorb(Observed { families, ..rest });
    observed
}

fn snapshot<T>(answer: Result<Option<T>, Failure>) -> Snapshot<T> {
    match answer {
        Ok(Some(thing)) => Snapshot::Present(thing),
        Ok(None) => Snapshot::Absent,
        Err(failure) => Snapshot::Unknown(failure.scrubbed(&[])),
    }
}

async fn secrets(reader: &Reader, reads: &Reads) -> BTreeMap<String, Snapshot<ObservedSecret>> {
    let each = reads.secrets.iter().map(async |id| (id.clone(), secret(reader, id, reads.compare_values.get(id)).await));
    join_all(each).await.into_iter().collect()
}

async fn secret(reader: &Reader, id: &str, compare_with: Option<&Sealed>) -> Snapshot<ObservedSecret> {
    let mut seen = snapshot(secrets_manager::describe(&reader.near(id), id).await);
    if let (Snapshot::Present(secret), Some(value)) = (&mut seen, compare_with)
        && !secret.scheduled_for_deletion
    {
        match secrets_manager::has_value(&reader.read, &secret.arn, value).await {
            Ok(same) => secret.same_value = Some(same),
            Err(failure) => return Snapshot::Unknown(failure),
        }
    }
    seen
}

/// The keys that the spec names, and those that existing secrets are found to be encrypted with.
async fn keys(
    reader: &Reader,
    reads: &Reads,
    secrets: &BTreeMap<String, Snapshot<ObservedSecret>>,
    parameters: &BTreeMap<String, Snapshot<ObservedParameter>>,
) -> BTreeMap<String, Snapshot<String>> {
    let of_secrets = secrets.values().filter_map(Snapshot::present).flat_map(ObservedSecret::keys);
    let existing = of_secrets.chain(parameters.values().filter_map(|parameter| parameter.present()?.kms_key.clone()));
    let unresolved = existing.filter(|key| !key.contains(":key/") && !is_default_key(key));
    let wanted: BTreeSet<String> = reads.keys.iter().cloned().chain(unresolved).collect();
    let each = wanted.into_iter().map(async |key| {
        let seen = snapshot(kms::key_arn(&reader.near(&key), &key).await);
        (key, seen)
    });
    join_all(each).await.into_iter().collect()
}

async fn resource_policies(
    reader: &Reader,
    reads: &Reads,
    secrets: &BTreeMap<String, Snapshot<ObservedSecret>>,
) -> BTreeMap<String, Snapshot<Value>> {
    let each = reads.readable_policies(secrets).map(async |id| {
        let seen = snapshot(secrets_manager::policy(&reader.read, id).await);
        (id.clone(), seen)
    });
    join_all(each).await.into_iter().collect()
}

/// One call for all of a Region. Those of other accounts are described by nobody but them.
async fn parameters(reader: &Reader, reads: &Reads) -> BTreeMap<String, Snapshot<ObservedParameter>> {
    let mut regions: BTreeMap<String, Vec<(&String, [String; 2])>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for id in &reads.parameters {
        match Arn::parse(id).ok().map(|arn| (arn.parameter_names(), arn)) {
            Some((Some(names), arn)) => regions.entry(arn.region).or_default().push((id, names)),
            // What stands for a secret is no parameter of its own.
            _ => _ = found.insert(id.clone(), Snapshot::Present(ObservedParameter::default())),
        }
    }
    let each = regions.into_values().map(async |ids| {
        let near = ids.first().map(|(id, _)| reader.near(id));
        let names: Vec<String> = ids.iter().flat_map(|(_, names)| names.clone()).collect();
        let answer = match near {
            Some(clients) => ssm::describe(&clients, &names).await,
            None => Ok(BTreeMap::new()),
        };
        ids.into_iter()
            .map(|(id, names)| {
                let one = answer.clone().map(|found| names.iter().find_map(|name| found.get(name).cloned()));
                (id.clone(), snapshot(one))
            })
            .collect::<Vec<_>>()
    });
    found.extend(join_all(each).await.into_iter().flatten());
    found
}

async fn roles(reader: &Reader, reads: &Reads) -> BTreeMap<String, RoleSnapshot> {
    let each = reads.roles.iter().map(async |(name, policy)| (name.clone(), role(reader, name, policy).await));
    join_all(each).await.into_iter().collect()
}

/// A role that does not exist has no policies to read.
async fn role(reader: &Reader, name: &str, policy: &str) -> RoleSnapshot {
    let role = snapshot(iam::role(&reader.read, name).await);
    if role.present().is_none() {
        return RoleSnapshot { role, inline_policy: Snapshot::Absent, attached: Snapshot::Absent };
    }
    let (inline, attached) = join(iam::inline_policy(&reader.read, name, policy), iam::attached(&reader.read, name)).await;
    RoleSnapshot { role, inline_policy: snapshot(inline), attached: snapshot(attached) }
}

/// The newest active revision; where the status names another that is still active, that one too.
async fn definition(reader: &Reader, read: Option<&DefinitionRead>) -> Observed {
    let Some(read) = read else { return Observed::default() };
    let name = &read.family.name;
    if read.family.kind == DefinitionKind::JobDefinition {
        let all = batch::revisions(&reader.read, name).await;
        let list = all.clone().map(|all| Some(all.iter().map(|it| it.as_revision(read.family.kind)).collect()));
        let recorded =
            |all: &Vec<ObservedDefinition>| all.iter().skip(1).find(|it| Some(&it.arn) == read.recorded.as_ref()).cloned();
        return Observed {
            recorded: all.as_ref().ok().and_then(recorded),
            definition: Some(snapshot(all.map(|all| all.into_iter().next()))),
            families: [(read.family.clone(), snapshot(list))].into(),
            ..Observed::default()
        };
    }
    let newest = snapshot(ecs::describe(&reader.read, name).await);
    let other = read.recorded.as_ref().filter(|recorded| newest.present().is_some_and(|newest| newest.arn != **recorded));
    let recorded = match other {
        None => Ok(None),
        Some(arn) => ecs::describe(&reader.read, arn).await.map(|found| found.filter(|found| found.is_active())),
    };
    match recorded {
        Ok(recorded) => Observed { definition: Some(newest), recorded, ..Observed::default() },
        Err(failure) => Observed { definition: Some(Snapshot::Unknown(failure.scrubbed(&[]))), ..Observed::default() },
    }
}

async fn families(reader: &Reader, reads: &Reads) -> BTreeMap<Family, Snapshot<Vec<ObservedRevision>>> {
    let each = reads.families.iter().map(async |(family, retired)| {
        let all = match family.kind {
            DefinitionKind::TaskDefinition => ecs::revisions(&reader.read, &family.name, *retired).await,
            DefinitionKind::JobDefinition => batch::revisions(&reader.read, &family.name).await,
        };
        let list = all.map(|all| Some(all.iter().map(|found| found.as_revision(family.kind)).collect()));
        (family.clone(), snapshot(list))
    });
    join_all(each).await.into_iter().collect()
}

/// Single revisions, users and services.
async fn rest(reader: &Reader, reads: &Reads) -> Observed {
    let revisions = join_all(reads.revisions.iter().map(async |arn| (arn.clone(), revision(reader, arn).await)));
    let usage = join_all(reads.usage.iter().map(async |family| (family.clone(), usage(reader, family).await)));
    let services = join_all(reads.services.iter().map(async |service| (service.clone(), rolled(reader, service).await)));
    let (revisions, (usage, services)) = join(revisions, join(usage, services)).await;
    Observed {
        revisions: revisions.into_iter().collect(),
        usage: usage.into_iter().collect(),
        services: services.into_iter().collect(),
        ..Observed::default()
    }
}

async fn revision(reader: &Reader, arn: &str) -> Snapshot<ObservedRevision> {
    let Some((family, _)) = Family::of(arn) else { return Snapshot::Absent };
    let found = match family.kind {
        DefinitionKind::TaskDefinition => ecs::describe(&reader.read, arn).await,
        DefinitionKind::JobDefinition => batch::describe(&reader.read, arn).await,
    };
    snapshot(found.map(|found| found.map(|found| found.as_revision(family.kind))))
}

async fn usage(reader: &Reader, family: &Family) -> Snapshot<Usage> {
    let users = match family.kind {
        DefinitionKind::TaskDefinition => ecs_services::usage(&reader.read, &family.name).await,
        DefinitionKind::JobDefinition => batch::usage(&reader.read).await,
    };
    snapshot(users.map(Some))
}

async fn rolled(reader: &Reader, service: &RolledService) -> Snapshot<ObservedService> {
    snapshot(ecs_services::describe(&reader.read, service).await)
}

/// Names of the active definitions of both services that begin so and are not known.
pub async fn strangers(reader: &Reader, prefix: &str, known: &[String]) -> Result<BTreeSet<String>, Failure> {
    let (families, jobs) = join(ecs::families(&reader.read, prefix), batch::names(&reader.read, prefix)).await;
    let unknown = |name: &String| !known.contains(name);
    let mut found: BTreeSet<String> = jobs?.into_iter().filter(unknown).collect();
    for family in families?.into_iter().filter(unknown) {
        // A family is listed for a while after its last revision was deregistered.
        if ecs::describe(&reader.read, &family).await?.is_some() {
            found.insert(family);
        }
    }
    Ok(found)
}
