//! All reads of AWS, concurrent. Never fails: what could not be seen is `Unknown`, so that one broken thing blinds nothing else.

use crate::aws::{Account, batch, ecs, iam, kms, secrets_manager};
use crate::failure::Failure;
use crate::observed::{DefinitionRead, Observed, Reads, Snapshot};
use crate::resource::definition::{ObservedDefinition, ObservedRevision, repository_credentials};
use crate::resource::normalise::DefinitionKind;
use crate::resource::sealed::Sealed;
use crate::resource::secret::ObservedSecret;
use futures::future::{join, join_all, join3};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Looks at everything a pass needs.
pub async fn observe(account: &Account, reads: &Reads) -> Observed {
    let (secrets, role, definition) = join3(secrets(account, reads), role(account, reads), definition(account, reads)).await;
    let mut observed = definition;
    (observed.secrets, observed.role) = (secrets, role.0);
    (observed.inline_policy, observed.attached) = (role.1, role.2);
    observed.keys = keys(account, reads, &observed.secrets).await;
    observed
}

fn snapshot<T>(answer: Result<Option<T>, Failure>) -> Snapshot<T> {
    match answer {
        Ok(Some(thing)) => Snapshot::Present(thing),
        Ok(None) => Snapshot::Absent,
        Err(failure) => Snapshot::Unknown(failure.scrubbed(&[])),
    }
}

async fn secrets(account: &Account, reads: &Reads) -> BTreeMap<String, Snapshot<ObservedSecret>> {
    let each = reads.secrets.iter().map(async |id| (id.clone(), secret(account, id, reads.compare_values.get(id)).await));
    join_all(each).await.into_iter().collect()
}

async fn secret(account: &Account, id: &str, compare_with: Option<&Sealed>) -> Snapshot<ObservedSecret> {
    let mut seen = snapshot(secrets_manager::describe(&account.near(id), id).await);
    if let (Snapshot::Present(secret), Some(value)) = (&mut seen, compare_with)
        && !secret.scheduled_for_deletion
    {
        match secrets_manager::has_value(&account.read, &secret.arn, value).await {
            Ok(same) => secret.same_value = Some(same),
            Err(failure) => return Snapshot::Unknown(failure),
        }
    }
    seen
}

/// The keys that the spec names, and those that existing secrets are found to be encrypted with.
async fn keys(
    account: &Account,
    reads: &Reads,
    secrets: &BTreeMap<String, Snapshot<ObservedSecret>>,
) -> BTreeMap<String, Snapshot<String>> {
    let existing = secrets.values().filter_map(|secret| secret.present()?.kms_key.clone());
    let unresolved = existing.filter(|key| !key.contains(":key/") && !key.ends_with("alias/aws/secretsmanager"));
    let wanted: BTreeSet<String> = reads.keys.iter().cloned().chain(unresolved).collect();
    let each = wanted.into_iter().map(async |key| {
        let seen = snapshot(kms::key_arn(&account.near(&key), &key).await);
        (key, seen)
    });
    join_all(each).await.into_iter().collect()
}

type RoleFacts =
    (Option<Snapshot<crate::resource::role::ObservedRole>>, Option<Snapshot<Value>>, Option<Snapshot<BTreeSet<String>>>);

/// A role that does not exist has no policies to read.
async fn role(account: &Account, reads: &Reads) -> RoleFacts {
    let Some((name, policy)) = &reads.role else { return (None, None, None) };
    let role = snapshot(iam::role(&account.read, name).await);
    if role.present().is_none() {
        return (Some(role), Some(Snapshot::Absent), Some(Snapshot::Absent));
    }
    let (inline, attached) = join(iam::inline_policy(&account.read, name, policy), iam::attached(&account.read, name)).await;
    (Some(role), Some(snapshot(inline)), Some(snapshot(attached)))
}

async fn definition(account: &Account, reads: &Reads) -> Observed {
    let Some(read) = &reads.definition else { return Observed::default() };
    if !read.all {
        return Observed { definition: Some(snapshot(newest(account, read).await)), ..Observed::default() };
    }
    let revisions = match read.kind {
        DefinitionKind::TaskDefinition => ecs::revisions(&account.read, &read.name).await,
        DefinitionKind::JobDefinition => batch::revisions(&account.read, &read.name).await,
    };
    let revision = |found: ObservedDefinition| ObservedRevision {
        secrets: repository_credentials(read.kind, &found.content),
        arn: found.arn,
        tags: found.tags,
    };
    Observed {
        revisions: Some(snapshot(revisions.map(|all| Some(all.into_iter().map(revision).collect())))),
        ..Observed::default()
    }
}

/// The newest active revision; where the status names another that is still active and the newest has not our tags, that one.
async fn newest(account: &Account, read: &DefinitionRead) -> Result<Option<ObservedDefinition>, Failure> {
    match read.kind {
        DefinitionKind::JobDefinition => {
            let all = batch::revisions(&account.read, &read.name).await?;
            let recorded = all.iter().find(|found| Some(&found.arn) == read.recorded.as_ref()).cloned();
            let newest = all.into_iter().next();
            Ok(if newest.as_ref().is_some_and(is_tagged) { newest } else { recorded.or(newest) })
        }
        DefinitionKind::TaskDefinition => {
            let newest = ecs::describe(&account.read, &read.name).await?;
            match (&newest, &read.recorded) {
                (Some(found), Some(recorded)) if !is_tagged(found) && found.arn != *recorded => {
                    Ok(ecs::describe(&account.read, recorded).await?.or(newest))
                }
                _ => Ok(newest),
            }
        }
    }
}

/// Names of the active definitions of both services that begin so and are not known.
pub async fn strangers(account: &Account, prefix: &str, known: &[String]) -> Result<BTreeSet<String>, Failure> {
    let (families, jobs) = join(ecs::families(&account.read, prefix), batch::names(&account.read, prefix)).await;
    let unknown = |name: &String| !known.contains(name);
    let mut found: BTreeSet<String> = jobs?.into_iter().filter(unknown).collect();
    for family in families?.into_iter().filter(unknown) {
        // A family is listed for a while after its last revision was deregistered.
        if ecs::describe(&account.read, &family).await?.is_some() {
            found.insert(family);
        }
    }
    Ok(found)
}

fn is_tagged(found: &ObservedDefinition) -> bool {
    found.tags.contains_key(crate::resource::tags::OWNER)
}
