//! Batch: how a job definition is read and written.

use super::definitions::{Answer, with_body};
use super::error::failure;
use super::{Account, Clients};
use crate::failure::Failure;
use crate::pass::Output;
use crate::resource::definition::ObservedDefinition;
use crate::resource::revision::{Family, Usage};
use crate::resource::tags::Tags;
use aws_sdk_batch::types::JobStatus;
use serde_json::{Value, json};

const SERVICE: &str = "Batch";

/// DescribeJobDefinitions: every active revision of a name, newest first, all pages, with content and tags.
pub(crate) async fn revisions(clients: &Clients, name: &str) -> Result<Vec<ObservedDefinition>, Failure> {
    active(clients, Some(name)).await
}

/// The same of every name that begins so.
pub(crate) async fn all(clients: &Clients, prefix: &str) -> Result<Vec<ObservedDefinition>, Failure> {
    let mut found = active(clients, None).await?;
    found.retain(|definition| Family::of(&definition.arn).is_some_and(|(family, _)| family.name.starts_with(prefix)));
    Ok(found)
}

async fn active(clients: &Clients, name: Option<&str>) -> Result<Vec<ObservedDefinition>, Failure> {
    let mut found = vec![];
    let mut token = None;
    loop {
        let answer = Answer::default();
        let call = clients.batch.describe_job_definitions().set_job_definition_name(name.map(str::to_owned));
        let call = call.status("ACTIVE").set_next_token(token);
        let page = call.customize().interceptor(answer.clone()).send().await;
        page.map_err(|error| failure(SERVICE, "DescribeJobDefinitions", &error))?;
        let mut answer = answer.take();
        let page = answer["jobDefinitions"].take();
        found.extend(page.as_array().into_iter().flatten().map(observed));
        token = answer["nextToken"].as_str().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    found.sort_by_key(|definition| std::cmp::Reverse(definition.revision));
    Ok(found)
}

/// DescribeJobDefinitions of one revision, deregistered or not; `None` if there is none.
pub(crate) async fn describe(clients: &Clients, arn: &str) -> Result<Option<ObservedDefinition>, Failure> {
    let answer = Answer::default();
    let call = clients.batch.describe_job_definitions().job_definitions(arn).customize().interceptor(answer.clone());
    call.send().await.map_err(|error| failure(SERVICE, "DescribeJobDefinitions", &error))?;
    Ok(answer.take()["jobDefinitions"].as_array().and_then(|all| all.first()).map(observed))
}

/// Statuses of a job that is not finished (Batch API, JobStatus).
const UNFINISHED: [JobStatus; 5] =
    [JobStatus::Submitted, JobStatus::Pending, JobStatus::Runnable, JobStatus::Starting, JobStatus::Running];

/// DescribeJobQueues and ListJobs: the unfinished jobs of every queue, by the revision that they run.
pub(crate) async fn usage(clients: &Clients) -> Result<Usage, Failure> {
    let queues = clients.batch.describe_job_queues().into_paginator().items().send().try_collect().await;
    let queues = queues.map_err(|error| failure(SERVICE, "DescribeJobQueues", &error))?;
    let mut usage = Usage::new();
    for queue in queues.into_iter().filter_map(|queue| queue.job_queue_arn) {
        for status in UNFINISHED {
            let jobs = clients.batch.list_jobs().job_queue(&queue).job_status(status).into_paginator().items();
            let jobs = jobs.send().try_collect().await.map_err(|error| failure(SERVICE, "ListJobs", &error))?;
            for job in jobs {
                let id = format!("job {}", job.job_id.unwrap_or_default());
                usage.entry(job.job_definition.unwrap_or_default()).or_default().push(id);
            }
        }
    }
    Ok(usage)
}

/// DescribeJobDefinitions: names of the active definitions that begin so, all pages.
pub(crate) async fn names(clients: &Clients, prefix: &str) -> Result<Vec<String>, Failure> {
    let all = clients.batch.describe_job_definitions().status("ACTIVE").into_paginator().items().send().try_collect().await;
    let all = all.map_err(|error| failure(SERVICE, "DescribeJobDefinitions", &error))?;
    Ok(all.into_iter().filter_map(|definition| definition.job_definition_name).filter(|name| name.starts_with(prefix)).collect())
}

fn observed(content: &Value) -> ObservedDefinition {
    let tags = content["tags"].as_object().into_iter().flatten();
    let tags = tags.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    ObservedDefinition {
        arn: content["jobDefinitionArn"].as_str().unwrap_or_default().to_owned(),
        revision: content["revision"].as_i64().unwrap_or_default(),
        tags: tags.filter(|(key, _)| !key.starts_with("aws:")).collect(),
        content: content.clone(),
    }
}

/// RegisterJobDefinition. Not idempotent: every call makes a revision.
pub(crate) async fn register(account: &Account, document: &Value, tags: &Tags) -> Result<Output, Failure> {
    let mut body = document.clone();
    body["tags"] = json!(tags);
    let call = account.write.batch.register_job_definition().customize().mutate_request(with_body(&body));
    let answer = call.send().await.map_err(|error| failure(SERVICE, "RegisterJobDefinition", &error))?;
    Ok(Output { arn: answer.job_definition_arn, revision: answer.revision.map(i64::from) })
}

/// TagResource.
pub(crate) async fn tag(account: &Account, arn: &str, tags: &Tags) -> Result<Output, Failure> {
    let call = account.write.batch.tag_resource().resource_arn(arn).set_tags(Some(tags.clone().into_iter().collect()));
    call.send().await.map_err(|error| failure(SERVICE, "TagResource", &error))?;
    Ok(Output::default())
}

/// DeregisterJobDefinition.
pub(crate) async fn deregister(account: &Account, arn: &str) -> Result<Output, Failure> {
    let call = account.write.batch.deregister_job_definition().job_definition(arn);
    call.send().await.map_err(|error| failure(SERVICE, "DeregisterJobDefinition", &error))?;
    Ok(Output::default())
}
