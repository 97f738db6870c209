//! Secrets Manager: how a secret is read and written. Values leave only here.

use super::error::{failure, nothing_written};
use super::pace::Wait;
use super::{Account, Clients};
use crate::failure::{Failure, FailureKind};
use crate::pass::Output;
use crate::prune::OwnedSecret;
use crate::resource::arn::{Arn, is_default_key};
use crate::resource::policy::document;
use crate::resource::sealed::Sealed;
use crate::resource::secret::{CURRENT, ObservedReplica, ObservedSecret};
use crate::resource::tags::Tags;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, ReplicaRegionType, ReplicationStatusType, Tag};
use jiff::Unit;
use serde_json::Value;
use std::collections::BTreeMap;

const SERVICE: &str = "SecretsManager";

/// Secrets that ListSecrets gives at most at once (Secrets Manager API, `MaxResults`).
const LIST_PAGE: i32 = 100;

/// DescribeSecret by name or ARN; `None` if there is none.
pub(crate) async fn describe(clients: &Clients, id: &str) -> Result<Option<ObservedSecret>, Failure> {
    let answer = match clients.secrets_manager.describe_secret().secret_id(id).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let failure = failure(SERVICE, "DescribeSecret", &error);
            return if failure.kind == FailureKind::NotFound { Ok(None) } else { Err(failure) };
        }
    };
    let tags = answer.tags.unwrap_or_default().into_iter().filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())));
    let versions = answer.version_ids_to_stages.unwrap_or_default();
    Ok(Some(ObservedSecret {
        arn: answer.arn.unwrap_or_default(),
        description: answer.description,
        kms_key: answer.kms_key_id.filter(|key| !key.is_empty()),
        tags: tags.filter(|(key, _)| !key.starts_with("aws:")).collect(),
        versions: versions.into_iter().map(|(id, stages)| (id, stages.into_iter().collect())).collect(),
        scheduled_for_deletion: answer.deleted_date.is_some(),
        rotation_enabled: answer.rotation_enabled.unwrap_or_default(),
        owning_service: answer.owning_service,
        replicas: answer.replication_status.unwrap_or_default().into_iter().filter_map(replica).collect(),
        same_value: None,
    }))
}

/// ListSecrets: those that have a tag of this key, all pages, without what is scheduled for deletion and without the copies of secrets
/// of other Regions. The list may be behind by five minutes (Secrets Manager API, ListSecrets).
pub(crate) async fn tagged(clients: &Clients, key: &str) -> Result<Vec<OwnedSecret>, Failure> {
    let filter = Filter::builder().key(FilterNameStringType::TagKey).values(key).build();
    let pages = clients.secrets_manager.list_secrets().filters(filter).max_results(LIST_PAGE).into_paginator();
    let all: Result<Vec<_>, _> = pages.send().try_collect().await;
    let pages = all.map_err(|error| failure(SERVICE, "ListSecrets", &error))?;
    let listed = pages.into_iter().flat_map(|page| page.secret_list.unwrap_or_default()).map(|entry| {
        let arn = entry.arn.unwrap_or_default();
        let region = Arn::parse(&arn).map(|arn| arn.region).unwrap_or_default();
        let is_copy = entry.primary_region.is_some_and(|primary| !primary.is_empty() && primary != region);
        let tags = entry.tags.unwrap_or_default().into_iter();
        let tags = tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect();
        let secret = OwnedSecret { name: entry.name.unwrap_or_default(), arn, tags };
        (!is_copy && entry.deleted_date.is_none()).then_some(secret)
    });
    Ok(listed.flatten().collect())
}

fn replica(status: ReplicationStatusType) -> Option<(String, ObservedReplica)> {
    let state = status.status.map(|state| state.as_str().to_owned()).unwrap_or_default();
    let kms_key = status.kms_key_id.filter(|key| !is_default_key(key));
    Some((status.region?, ObservedReplica { kms_key, state, message: status.status_message }))
}

/// GetResourcePolicy; `None` if there is none.
pub(crate) async fn policy(clients: &Clients, id: &str) -> Result<Option<Value>, Failure> {
    let answer = clients.secrets_manager.get_resource_policy().secret_id(id).send().await;
    match answer.map_err(|error| failure(SERVICE, "GetResourcePolicy", &error)) {
        Ok(answer) => Ok(answer.resource_policy.filter(|text| !text.is_empty()).map(|text| document(&text))),
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Whether the current value is this one, by reading it. Needs GetSecretValue; used only without a value key.
pub(crate) async fn has_value(clients: &Clients, arn: &str, value: &Sealed) -> Result<bool, Failure> {
    match clients.secrets_manager.get_secret_value().secret_id(arn).send().await {
        Ok(answer) => Ok(answer.secret_string.as_deref() == Some(value.reveal())),
        Err(error) => {
            let failure = failure(SERVICE, "GetSecretValue", &error);
            let none = matches!(failure.kind, FailureKind::NotFound | FailureKind::ScheduledForDeletion);
            if none { Ok(false) } else { Err(failure) }
        }
    }
}

/// The current value by GetSecretValue, for an enforced proof with a login that only the secret holds; nothing if it is no text.
pub(crate) async fn value(clients: &Clients, arn: &str) -> Result<Option<Sealed>, Failure> {
    let answer = clients.secrets_manager.get_secret_value().secret_id(arn).send().await;
    let answer = answer.map_err(|error| failure(SERVICE, "GetSecretValue", &error))?;
    Ok(answer.secret_string.map(Sealed::new))
}

/// A secret to be created.
pub(crate) struct NewSecret<'a> {
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    pub(crate) kms_key_id: Option<&'a String>,
    pub(crate) tags: &'a Tags,
    pub(crate) version_id: &'a str,
    pub(crate) value: &'a Sealed,
}

/// CreateSecret with value, key and tags in one call. The token makes a repetition harmless.
pub(crate) async fn create(account: &Account, new: NewSecret<'_>) -> Result<Output, Failure> {
    let call = account.write.secrets_manager.create_secret().name(new.name).description(new.description);
    let call = call.set_kms_key_id(new.kms_key_id.cloned()).set_tags(Some(to_tags(new.tags)));
    let call = call.client_request_token(new.version_id).secret_string(new.value.reveal());
    let answer = call.send().await.map_err(|error| failure(SERVICE, "CreateSecret", &error))?;
    Ok(Output { arn: answer.arn, revision: None })
}

/// RestoreSecret.
pub(crate) async fn restore(account: &Account, arn: &str) -> Result<Output, Failure> {
    let call = account.write.secrets_manager.restore_secret().secret_id(arn);
    call.send().await.map_err(|error| failure(SERVICE, "RestoreSecret", &error))?;
    Ok(Output::default())
}

/// PutSecretValue. AWS ignores a token that it has seen, so where the answer lacks AWSCURRENT (the value was current before and
/// lost its label), the label is moved.
pub(crate) async fn put_value(
    account: &Account,
    arn: &str,
    version_id: &str,
    value: &Sealed,
    replaces: Option<&String>,
) -> Result<Output, Failure> {
    if let Err(wait) = account.values.take(arn) {
        return Err(held_back(wait));
    }
    let call = account.write.secrets_manager.put_secret_value().secret_id(arn).client_request_token(version_id);
    let answer = call.secret_string(value.reveal()).send().await.map_err(|error| {
        let failure = failure(SERVICE, "PutSecretValue", &error);
        if nothing_written(SERVICE, &failure) {
            account.values.give_back(arn);
        }
        failure
    })?;
    let stages = answer.version_stages.unwrap_or_default();
    if !stages.is_empty() && stages.iter().any(|stage| stage == CURRENT) {
        return Ok(Output::default());
    }
    account.values.give_back(arn); // the version was there already
    move_current(account, arn, version_id, replaces).await
}

/// AWS keeps each version for a day, and takes no more than about a hundred. The time is told, not what is left of it, so that the
/// same is said until then.
fn held_back(wait: Wait) -> Failure {
    let until = wait.until.round(Unit::Second).unwrap_or(wait.until);
    Failure {
        service: SERVICE.to_owned(),
        operation: "PutSecretValue".to_owned(),
        kind: FailureKind::HeldBack,
        code: "Paced".to_owned(),
        message: format!("AWS takes one value in ten minutes for a secret; the newest one is written at {until}"),
        request_id: None,
        retry_after: Some(wait.left),
    }
}

/// UpdateSecretVersionStage: AWSCURRENT moves only if it still is where it was seen.
pub(crate) async fn move_current(account: &Account, arn: &str, to: &str, from: Option<&String>) -> Result<Output, Failure> {
    let call = account.write.secrets_manager.update_secret_version_stage().secret_id(arn).version_stage(CURRENT);
    let call = call.move_to_version_id(to).set_remove_from_version_id(from.cloned());
    call.send().await.map_err(|error| failure(SERVICE, "UpdateSecretVersionStage", &error))?;
    Ok(Output::default())
}

/// UpdateSecret without a value: description and key.
pub(crate) async fn update(
    account: &Account,
    arn: &str,
    description: Option<&String>,
    kms_key_id: Option<&String>,
) -> Result<Output, Failure> {
    let call = account.write.secrets_manager.update_secret().secret_id(arn);
    let call = call.set_description(description.cloned()).set_kms_key_id(kms_key_id.cloned());
    call.send().await.map_err(|error| failure(SERVICE, "UpdateSecret", &error))?;
    Ok(Output::default())
}

/// TagResource.
pub(crate) async fn tag(account: &Account, arn: &str, tags: &Tags) -> Result<Output, Failure> {
    let call = account.write.secrets_manager.tag_resource().secret_id(arn).set_tags(Some(to_tags(tags)));
    call.send().await.map_err(|error| failure(SERVICE, "TagResource", &error))?;
    Ok(Output::default())
}

/// ReplicateSecretToRegions. A secret of that name that is there already is not overwritten.
pub(crate) async fn replicate(
    account: &Account,
    arn: &str,
    replicas: &BTreeMap<String, Option<String>>,
) -> Result<Output, Failure> {
    let each =
        replicas.iter().map(|(region, key)| ReplicaRegionType::builder().region(region).set_kms_key_id(key.clone()).build());
    let call = account.write.secrets_manager.replicate_secret_to_regions().secret_id(arn);
    let call = call.set_add_replica_regions(Some(each.collect())).force_overwrite_replica_secret(false);
    call.send().await.map_err(|error| failure(SERVICE, "ReplicateSecretToRegions", &error))?;
    Ok(Output::default())
}

/// RemoveRegionsFromReplication.
pub(crate) async fn remove_replicas(account: &Account, arn: &str, regions: &[String]) -> Result<Output, Failure> {
    let call = account.write.secrets_manager.remove_regions_from_replication().secret_id(arn);
    let call = call.set_remove_replica_regions(Some(regions.to_vec()));
    call.send().await.map_err(|error| failure(SERVICE, "RemoveRegionsFromReplication", &error))?;
    Ok(Output::default())
}

/// PutResourcePolicy. AWS refuses one that would let everybody in.
pub(crate) async fn set_policy(account: &Account, arn: &str, document: &Value) -> Result<Output, Failure> {
    let call = account.write.secrets_manager.put_resource_policy().secret_id(arn);
    let call = call.resource_policy(document.to_string()).block_public_policy(true);
    call.send().await.map_err(|error| failure(SERVICE, "PutResourcePolicy", &error))?;
    Ok(Output::default())
}

/// DeleteResourcePolicy.
pub(crate) async fn delete_policy(account: &Account, arn: &str) -> Result<Output, Failure> {
    let call = account.write.secrets_manager.delete_resource_policy().secret_id(arn);
    call.send().await.map_err(|error| failure(SERVICE, "DeleteResourcePolicy", &error))?;
    Ok(Output::default())
}

/// DeleteSecret with a recovery window.
pub(crate) async fn delete(account: &Account, arn: &str, recovery_window_in_days: i64) -> Result<Output, Failure> {
    let call = account.write.secrets_manager.delete_secret().secret_id(arn).recovery_window_in_days(recovery_window_in_days);
    match call.send().await.map_err(|error| failure(SERVICE, "DeleteSecret", &error)) {
        Err(failure) if failure.kind != FailureKind::NotFound => Err(failure),
        _ => Ok(Output::default()),
    }
}

fn to_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
