//! ECS: how a task definition is read and written.

use super::definitions::{Answer, with_body};
use super::error::failure;
use super::{Account, Clients};
use crate::failure::{Failure, FailureKind};
use crate::pass::Output;
use crate::resource::definition::ObservedDefinition;
use crate::resource::tags::Tags;
use aws_sdk_ecs::types::{SortOrder, Tag, TaskDefinitionFamilyStatus, TaskDefinitionField, TaskDefinitionStatus};
use serde_json::{Value, json};

const SERVICE: &str = "ECS";

/// DescribeTaskDefinition of a family (its newest active revision) or of one revision, deregistered or not; `None` if there is
/// none.
pub(crate) async fn describe(clients: &Clients, id: &str) -> Result<Option<ObservedDefinition>, Failure> {
    let answer = Answer::default();
    let call = clients.ecs.describe_task_definition().task_definition(id).include(TaskDefinitionField::Tags);
    if let Err(error) = call.customize().interceptor(answer.clone()).send().await {
        let failure = failure(SERVICE, "DescribeTaskDefinition", &error);
        return if failure.kind == FailureKind::NotFound { Ok(None) } else { Err(failure) };
    }
    let mut answer = answer.take();
    let content = answer["taskDefinition"].take();
    let by_name = !id.contains(':');
    let tags = answer["tags"].as_array().into_iter().flatten();
    let tags =
        tags.filter_map(|tag| Some((tag["key"].as_str()?.to_owned(), tag["value"].as_str().unwrap_or_default().to_owned())));
    let found = ObservedDefinition {
        arn: content["taskDefinitionArn"].as_str().unwrap_or_default().to_owned(),
        revision: content["revision"].as_i64().unwrap_or_default(),
        tags: tags.filter(|(key, _)| !key.starts_with("aws:")).collect(),
        content,
    };
    let gone = found.content["status"] == "DELETE_IN_PROGRESS";
    Ok(Some(found).filter(|found| !gone && (found.is_active() || !by_name)))
}

/// Every active revision of a family, newest first, all pages; with `retired` also those that are deregistered.
pub(crate) async fn revisions(clients: &Clients, family: &str, retired: bool) -> Result<Vec<ObservedDefinition>, Failure> {
    let mut arns: Vec<String> = vec![];
    for status in [TaskDefinitionStatus::Active, TaskDefinitionStatus::Inactive].into_iter().take(1 + usize::from(retired)) {
        let call = clients.ecs.list_task_definitions().family_prefix(family).status(status).sort(SortOrder::Desc);
        let pages: Result<Vec<String>, _> = call.into_paginator().items().send().try_collect().await;
        arns.extend(pages.map_err(|error| failure(SERVICE, "ListTaskDefinitions", &error))?);
    }
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
    account.pace.take();
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

/// DeregisterTaskDefinition. It shares a token bucket with RegisterTaskDefinition and takes no more than that can spare.
pub(crate) async fn deregister(account: &Account, arn: &str) -> Result<Output, Failure> {
    if let Err(wait) = account.pace.spare() {
        return Err(Failure {
            service: SERVICE.to_owned(),
            operation: "DeregisterTaskDefinition".to_owned(),
            kind: FailureKind::Throttled,
            code: "Paced".to_owned(),
            message: "held back, so that registrations find room in the rate that AWS allows".to_owned(),
            request_id: None,
            retry_after: Some(wait),
        });
    }
    let call = account.write.ecs.deregister_task_definition().task_definition(arn);
    call.send().await.map_err(|error| failure(SERVICE, "DeregisterTaskDefinition", &error))?;
    Ok(Output::default())
}

/// DeleteTaskDefinitions, at most 10. AWS reports each that it refuses.
pub(crate) async fn delete(account: &Account, arns: &[String]) -> Result<Output, Failure> {
    let call = account.write.ecs.delete_task_definitions().set_task_definitions(Some(arns.to_vec()));
    let answer = call.send().await.map_err(|error| failure(SERVICE, "DeleteTaskDefinitions", &error))?;
    let refused = answer.failures.unwrap_or_default().into_iter();
    let refused: Vec<String> =
        refused.map(|it| format!("{}: {}", it.arn.unwrap_or_default(), it.reason.or(it.detail).unwrap_or_default())).collect();
    match refused.is_empty() {
        true => Ok(Output::default()),
        false => Err(Failure {
            service: SERVICE.to_owned(),
            operation: "DeleteTaskDefinitions".to_owned(),
            kind: FailureKind::Conflict,
            code: "Failures".to_owned(),
            message: refused.join("; "),
            request_id: None,
            retry_after: None,
        }),
    }
}
