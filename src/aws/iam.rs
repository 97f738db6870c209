//! IAM: how an execution role and its policies are read and written.

use super::error::{failure, not_sent};
use super::{Account, Clients};
use crate::failure::{Failure, FailureKind};
use crate::pass::Output;
use crate::resource::policy::document;
use crate::resource::role::ObservedRole;
use crate::resource::tags::Tags;
use aws_sdk_iam::types::Tag;
use aws_smithy_types::DateTime;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

const SERVICE: &str = "IAM";

/// GetRole; `None` if there is none.
pub(crate) async fn role(clients: &Clients, name: &str) -> Result<Option<ObservedRole>, Failure> {
    let answer = clients.iam.get_role().role_name(name).send().await;
    let Some(answer) = found(answer.map_err(|error| failure(SERVICE, "GetRole", &error)))? else { return Ok(None) };
    let Some(role) = answer.role else { return Ok(None) };
    let trust = role.assume_role_policy_document.unwrap_or_default();
    let tags = role.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value));
    Ok(Some(ObservedRole {
        trust: document(&trust),
        tags: tags.collect(),
        boundary: role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        is_young: is_young(&role.create_date),
        arn: role.arn,
    }))
}

/// How long IAM's changes may be on their way (AWS gives no bound; most take seconds).
const YOUTH: Duration = Duration::from_secs(120);

fn is_young(created: &DateTime) -> bool {
    let age = SystemTime::try_from(*created).ok().and_then(|created| created.elapsed().ok());
    age.is_none_or(|age| age < YOUTH)
}

/// GetRolePolicy; `None` if there is none.
pub(crate) async fn inline_policy(clients: &Clients, role: &str, policy: &str) -> Result<Option<Value>, Failure> {
    let answer = clients.iam.get_role_policy().role_name(role).policy_name(policy).send().await;
    let answer = found(answer.map_err(|error| failure(SERVICE, "GetRolePolicy", &error)))?;
    Ok(answer.map(|answer| document(&answer.policy_document)))
}

/// ARNs of the managed policies that are attached, all pages.
pub(crate) async fn attached(clients: &Clients, role: &str) -> Result<Option<BTreeSet<String>>, Failure> {
    let pages = clients.iam.list_attached_role_policies().role_name(role).into_paginator().items().send();
    let all = pages.try_collect().await.map_err(|error| failure(SERVICE, "ListAttachedRolePolicies", &error));
    Ok(found(all)?.map(|all| all.into_iter().filter_map(|policy| policy.policy_arn).collect()))
}

/// A role to be created.
pub(crate) struct NewRole<'a> {
    pub(crate) name: &'a str,
    pub(crate) path: &'a str,
    pub(crate) trust_policy: &'a Value,
    pub(crate) permissions_boundary: Option<&'a String>,
    pub(crate) description: &'a str,
    pub(crate) tags: &'a Tags,
}

/// CreateRole with trust, boundary and tags in one call.
pub(crate) async fn create(account: &Account, new: NewRole<'_>) -> Result<Output, Failure> {
    let call = account.write.iam.create_role().role_name(new.name).path(new.path).description(new.description);
    let call = call
        .assume_role_policy_document(new.trust_policy.to_string())
        .set_permissions_boundary(new.permissions_boundary.cloned());
    let answer = call.set_tags(Some(to_tags(new.tags)?)).send().await.map_err(|error| failure(SERVICE, "CreateRole", &error))?;
    Ok(Output { arn: answer.role.map(|role| role.arn), revision: None })
}

/// PutRolePermissionsBoundary.
pub(crate) async fn set_boundary(account: &Account, role: &str, boundary: &str) -> Result<Output, Failure> {
    let call = account.write.iam.put_role_permissions_boundary().role_name(role).permissions_boundary(boundary);
    call.send().await.map_err(|error| failure(SERVICE, "PutRolePermissionsBoundary", &error))?;
    Ok(Output::default())
}

/// UpdateAssumeRolePolicy.
pub(crate) async fn set_trust(account: &Account, role: &str, trust_policy: &Value) -> Result<Output, Failure> {
    let call = account.write.iam.update_assume_role_policy().role_name(role).policy_document(trust_policy.to_string());
    call.send().await.map_err(|error| failure(SERVICE, "UpdateAssumeRolePolicy", &error))?;
    Ok(Output::default())
}

/// TagRole.
pub(crate) async fn tag(account: &Account, role: &str, tags: &Tags) -> Result<Output, Failure> {
    let call = account.write.iam.tag_role().role_name(role).set_tags(Some(to_tags(tags)?));
    call.send().await.map_err(|error| failure(SERVICE, "TagRole", &error))?;
    Ok(Output::default())
}

/// AttachRolePolicy.
pub(crate) async fn attach(account: &Account, role: &str, policy_arn: &str) -> Result<Output, Failure> {
    let call = account.write.iam.attach_role_policy().role_name(role).policy_arn(policy_arn);
    call.send().await.map_err(|error| failure(SERVICE, "AttachRolePolicy", &error))?;
    Ok(Output::default())
}

/// PutRolePolicy.
pub(crate) async fn put_policy(account: &Account, role: &str, policy: &str, document: &Value) -> Result<Output, Failure> {
    let call = account.write.iam.put_role_policy().role_name(role).policy_name(policy).policy_document(document.to_string());
    call.send().await.map_err(|error| failure(SERVICE, "PutRolePolicy", &error))?;
    Ok(Output::default())
}

/// DeleteRolePolicy; none is fine.
pub(crate) async fn delete_policy(account: &Account, role: &str, policy: &str) -> Result<Output, Failure> {
    let answer = account.write.iam.delete_role_policy().role_name(role).policy_name(policy).send().await;
    found(answer.map_err(|error| failure(SERVICE, "DeleteRolePolicy", &error))).map(|_| Output::default())
}

/// DetachRolePolicy; none is fine.
pub(crate) async fn detach(account: &Account, role: &str, policy_arn: &str) -> Result<Output, Failure> {
    let answer = account.write.iam.detach_role_policy().role_name(role).policy_arn(policy_arn).send().await;
    found(answer.map_err(|error| failure(SERVICE, "DetachRolePolicy", &error))).map(|_| Output::default())
}

/// DeleteRole; none is fine.
pub(crate) async fn delete(account: &Account, role: &str) -> Result<Output, Failure> {
    let answer = account.write.iam.delete_role().role_name(role).send().await;
    found(answer.map_err(|error| failure(SERVICE, "DeleteRole", &error))).map(|_| Output::default())
}

/// A missing thing as `None`.
fn found<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn to_tags(tags: &Tags) -> Result<Vec<Tag>, Failure> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    tags.iter().map(tag).collect::<Result<_, _>>().map_err(|error| not_sent(SERVICE, "TagRole", &error))
}
