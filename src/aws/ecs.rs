//! ECS: how a task definition is read and written.

use super::definitions::{Answer, with_body};
use super::error::failure;
use super::{Account, Clients};
use crate::failure::{Failure, FailureKind};
use crate::pass::Output;
use crate::resource::definition::ObservedDefinition;
use crate::resource::tags::Tags;
use aws_sdk_ecs::types::{Tag, TaskDefinitionFamilyStatus, TaskDefinitionField, TaskDefinitionStatus};
use serde_json::{Value, json};

const SERVICE: &str = "ECS";

/// DescribeTaskDefinition of a family (its newest active revision) or of one revision; `None` if there is none that is active.
pub(crate) async fn describe(clients: &Clients, id: &str) -> Result<Option<ObservedDefinition>, Failure> {
    let answer = Answer::default();
    let call = clients.ecs.describe_task_definition().task_definition(id).include(TaskDefinitionField::Tags);
    if let Err(error) = call.customize().interceptor(answer.clone()).send().await {
        let failure = failure(SERVICE, "DescribeTaskDefinition", &error);
        return if failure.kind == FailureKind::NotFound { Ok(None) } else { Err(failure) };
    }
    let mut answer = answer.take();
    let content = answer["taskDefinition"].take();
    let active = content["status"].as_str().is_none_or(|status| status == "ACTIVE");
    let tags = answer["tags"].as_array().into_iter().flatten();
    let tags =
        tags.filter_map(|tag| Some((tag["key"].as_str()?.to_owned(), tag["value"].as_str().unwrap_or_default().to_owned())));
    Ok(active.then(|| ObservedDefinition {
        arn: content["taskDefinitionArn"].as_str().unwrap_or_default().to_owned(),
        revision: content["revision"].as_i64().unwrap_or_default(),
        tags: tags.filter(|(key, _)| !key.starts_with("aws:")).collect(),
        content,
    }))
}

/// Every active revision of a family, newest first, all pages.
pub(crate) async fn revisions(clients: &Clients, family: &str) -> Result<Vec<ObservedDefinition>, Failure> {
    let call = clients.ecs.list_task_definitions().family_prefix(family).status(TaskDefinitionStatus::Active);
    let arns: Result<Vec<String>, _> =
        call.sort(aws_sdk_ecs::types::SortOrder::Desc).into_paginator().items().send().try_collect().await;
    let arns = arns.map_err(|error| failure(SERVICE, "ListTaskDefinitions", &error))?;
    let mut found = vec![];
    // `familyPrefix` is the full family name on AWS; elsewhere it may be a prefix.
    for arn in arns
        .iter()
        .filter(|arn| arn.rsplit_once('/').and_then(|(_, id)| id.rsplit_once(':')).is_some_and(|(name, _)| name == family))
    {
        found.extend(describe(clients, arn).await?);
    }
    Ok(found)
}

/// ListTaskDefinitionFamilies: names of the families with an active revision that begin so, all pages.
pub(crate) async fn families(clients: &Clients, prefix: &str) -> Result<Vec<String>, Failure> {
    let call = clients.ecs.list_task_definition_families().family_prefix(prefix).status(TaskDefinitionFamilyStatus::Active);
    let all = call.into_paginator().items().send().try_collect().await;
    all.map_err(|error| failure(SERVICE, "ListTaskDefinitionFamilies", &error))
}

/// RegisterTaskDefinition. Not idempotent: every call makes a revision.
pub(crate) async fn register(account: &Account, document: &Value, tags: &Tags) -> Result<Output, Failure> {
    let mut body = document.clone();
    body["tags"] = tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    let call = account.write.ecs.register_task_definition().customize().mutate_request(with_body(&body));
    let answer = call.send().await.map_err(|error| failure(SERVICE, "RegisterTaskDefinition", &error))?;
    let registered = answer.task_definition;
    Ok(Output {
        revision: registered.as_ref().map(|definition| i64::from(definition.revision)),
        arn: registered.and_then(|definition| definition.task_definition_arn),
    })
}

/// TagResource.
pub(crate) async fn tag(account: &Account, arn: &str, tags: &Tags) -> Result<Output, Failure> {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    let call = account.write.ecs.tag_resource().resource_arn(arn).set_tags(Some(tags));
    call.send().await.map_err(|error| failure(SERVICE, "TagResource", &error))?;
    Ok(Output::default())
}

/// DeregisterTaskDefinition.
pub(crate) async fn deregister(account: &Account, arn: &str) -> Result<Output, Failure> {
    let call = account.write.ecs.deregister_task_definition().task_definition(arn);
    call.send().await.map_err(|error| failure(SERVICE, "DeregisterTaskDefinition", &error))?;
    Ok(Output::default())
}
