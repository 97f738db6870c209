//! What an account holds in a Region, found by lists and without a record of what was made.

use crate::aws::{Clients, Reader, batch, ecs, secrets_manager};
use crate::failure::Failure;
use crate::prune::{Owned, OwnedSecret, is_of_credential};
use crate::resource::arn::Arn;
use crate::resource::definition::ObservedDefinition;
use crate::resource::normalise::DefinitionKind;
use crate::resource::revision::ObservedRevision;
use crate::resource::tags::CLUSTER;
use crate::target::Target;
use futures::future::join3;
use std::collections::BTreeSet;

/// Definitions and secrets below the target's prefixes, with their tags. A list that fails makes all of it fail: what is not seen must
/// not look like what is not there. `known` = names of definitions of which every revision counts.
pub async fn owned(reader: &Reader, target: &Target, owner: &str, known: &BTreeSet<String>) -> Result<Owned, Failure> {
    // A fence may admit names without the prefix.
    let any_name = target.limits.as_ref().is_some_and(|limits| !limits.definition_names.is_empty());
    let prefix = if any_name { "" } else { target.names.definition_prefix.as_str() };
    let clients = &reader.read;
    let (tasks, jobs, secrets) =
        join3(tasks(clients, target, prefix, known), batch::all(clients, prefix), secrets(clients, target, owner)).await;
    let jobs = jobs?.into_iter().map(|found| found.as_revision(DefinitionKind::JobDefinition));
    Ok(Owned { revisions: tasks?.into_iter().chain(jobs).collect(), secrets: secrets? })
}

/// One after the other: AWS allows 20 of these calls a second (ECS API, request throttling). An older revision may be in use and pull
/// with a secret of its own, so all are looked at of each family that has to do with us; others may have thousands.
async fn tasks(
    clients: &Clients,
    target: &Target,
    prefix: &str,
    known: &BTreeSet<String>,
) -> Result<Vec<ObservedRevision>, Failure> {
    let as_revision = |found: ObservedDefinition| found.as_revision(DefinitionKind::TaskDefinition);
    let mut found = vec![];
    for family in ecs::families(clients, prefix).await? {
        // A family is listed for a while after its last revision was deregistered.
        let Some(newest) = ecs::describe(clients, &family).await?.map(as_revision) else { continue };
        match known.contains(&family) || concerns(&newest, &target.names.secret_prefix) {
            true => found.extend(ecs::revisions(clients, &family, false).await?.into_iter().map(as_revision)),
            false => found.push(newest),
        }
    }
    Ok(found)
}

/// Whether somebody's Wharfinger made this revision, or it pulls with a secret below the prefix of ours.
fn concerns(revision: &ObservedRevision, secret_prefix: &str) -> bool {
    let below = |arn: &String| Arn::parse(arn).is_ok_and(|arn| arn.secret_name().is_some_and(|it| it.starts_with(secret_prefix)));
    revision.tags.contains_key(CLUSTER) || revision.secrets.iter().any(below)
}

/// Whether a credential's secret stays is asked of the secret itself, as the list may be old.
async fn secrets(clients: &Clients, target: &Target, owner: &str) -> Result<Vec<OwnedSecret>, Failure> {
    let mut found = vec![];
    for listed in secrets_manager::tagged(clients, CLUSTER).await? {
        if !listed.name.starts_with(&target.names.secret_prefix) {
            continue;
        }
        if !is_of_credential(&listed.tags, owner) {
            found.push(listed);
            continue;
        }
        let now = secrets_manager::describe(clients, &listed.arn).await?.filter(|secret| !secret.scheduled_for_deletion);
        found.extend(now.map(|now| OwnedSecret { tags: now.tags, ..listed }));
    }
    Ok(found)
}
