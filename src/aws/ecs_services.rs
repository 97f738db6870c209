//! ECS services and tasks: which revisions they use, how a rolled service is seen and told.

use super::error::failure;
use super::{Account, Clients};
use crate::api::RolledService;
use crate::failure::{Failure, FailureKind};
use crate::pass::Output;
use crate::resource::revision::Usage;
use crate::resource::service::{Deployment, ObservedService};
use aws_sdk_ecs::types::{DesiredStatus, LaunchType, Service, Task};
use std::collections::BTreeSet;

const SERVICE: &str = "ECS";
/// Services that DescribeServices takes (ECS API).
const MAX_SERVICES: usize = 10;
/// Tasks and container instances that their Describe calls take (ECS API).
const MAX_TASKS: usize = 100;

/// Who uses the revisions of a family, in every cluster that can be listed: its running and starting tasks; services by their
/// definition, their deployments in flight and their task sets.
pub(crate) async fn usage(clients: &Clients, family: &str) -> Result<Usage, Failure> {
    let clusters = clients.ecs.list_clusters().into_paginator().items().send().try_collect().await;
    let mut usage = Usage::new();
    for cluster in clusters.map_err(|error| failure(SERVICE, "ListClusters", &error))? {
        match usage_in(clients, &cluster, family, &mut usage).await {
            Err(failure) if failure.kind == FailureKind::NotFound => {} // deleted meanwhile
            other => other?,
        }
    }
    Ok(usage)
}

async fn usage_in(clients: &Clients, cluster: &str, family: &str, usage: &mut Usage) -> Result<(), Failure> {
    let tasks = clients.ecs.list_tasks().cluster(cluster).family(family).desired_status(DesiredStatus::Running);
    let tasks = tasks.into_paginator().items().send().try_collect().await;
    let tasks: Vec<String> = tasks.map_err(|error| failure(SERVICE, "ListTasks", &error))?;
    for task in describe_tasks(clients, cluster, &tasks).await? {
        let (arn, revision) = (task.task_arn.unwrap_or_default(), task.task_definition_arn.unwrap_or_default());
        usage.entry(revision).or_default().push(format!("task {arn}"));
    }
    let services = clients.ecs.list_services().cluster(cluster).into_paginator().items().send().try_collect().await;
    let services: Vec<String> = services.map_err(|error| failure(SERVICE, "ListServices", &error))?;
    for chunk in services.chunks(MAX_SERVICES) {
        let call = clients.ecs.describe_services().cluster(cluster).set_services(Some(chunk.to_vec()));
        let answer = call.send().await.map_err(|error| failure(SERVICE, "DescribeServices", &error))?;
        for service in answer.services.unwrap_or_default() {
            let name = format!("service {}", service.service_arn.clone().unwrap_or_default());
            for revision in revisions_of(service) {
                usage.entry(revision).or_default().push(name.clone());
            }
        }
    }
    Ok(())
}

/// The revisions that a service may start tasks of. One that is INACTIVE starts none.
fn revisions_of(service: Service) -> BTreeSet<String> {
    if service.status.as_deref() == Some("INACTIVE") {
        return BTreeSet::new();
    }
    let deployments = service.deployments.unwrap_or_default().into_iter().filter_map(|it| it.task_definition);
    let sets = service.task_sets.unwrap_or_default().into_iter().filter_map(|it| it.task_definition);
    service.task_definition.into_iter().chain(deployments).chain(sets).collect()
}

async fn describe_tasks(clients: &Clients, cluster: &str, tasks: &[String]) -> Result<Vec<Task>, Failure> {
    let mut found = vec![];
    for chunk in tasks.chunks(MAX_TASKS) {
        let call = clients.ecs.describe_tasks().cluster(cluster).set_tasks(Some(chunk.to_vec()));
        let answer = call.send().await.map_err(|error| failure(SERVICE, "DescribeTasks", &error))?;
        found.extend(answer.tasks.unwrap_or_default());
    }
    Ok(found)
}

/// DescribeServices of one service; `None` if there is none. Where tasks did not start, why they stopped is read as well.
pub(crate) async fn describe(clients: &Clients, named: &RolledService) -> Result<Option<ObservedService>, Failure> {
    let call = clients.ecs.describe_services().cluster(&named.cluster).services(&named.service);
    let answer = match call.send().await.map_err(|error| failure(SERVICE, "DescribeServices", &error)) {
        Err(failure) if failure.kind == FailureKind::NotFound => return Ok(None),
        other => other?,
    };
    let active = |service: &Service| service.status.as_deref() != Some("INACTIVE");
    let Some(service) = answer.services.unwrap_or_default().into_iter().find(active) else { return Ok(None) };
    let on_instances = matches!(service.launch_type, Some(LaunchType::Ec2 | LaunchType::External));
    let mut observed = observed(service);
    if observed.deployments.iter().any(|it| it.failed > 0 || it.rollout_state.as_deref() == Some("FAILED")) {
        observed.stopped = stopped(clients, named).await?;
    }
    if on_instances {
        observed.agents = agents(clients, &named.cluster).await?;
    }
    Ok(Some(observed))
}

fn observed(service: Service) -> ObservedService {
    let on_fargate = service.launch_type == Some(LaunchType::Fargate);
    let windows = service.platform_family.as_deref().is_some_and(|family| family.to_ascii_uppercase().starts_with("WINDOWS"));
    let mut deployments = service.deployments.unwrap_or_default();
    deployments.sort_by_key(|deployment| deployment.status.as_deref() != Some("PRIMARY"));
    let deployment = |it: aws_sdk_ecs::types::Deployment| Deployment {
        task_definition: it.task_definition.unwrap_or_default(),
        created_at: it.created_at.map(|at| at.as_secs_f64()),
        rollout_state: it.rollout_state.map(|state| state.as_str().to_owned()),
        rollout_reason: it.rollout_state_reason,
        desired: it.desired_count.into(),
        running: it.running_count.into(),
        pending: it.pending_count.into(),
        failed: it.failed_tasks.into(),
    };
    ObservedService {
        task_definition: service.task_definition.unwrap_or_default(),
        controller: service.deployment_controller.map_or_else(|| "ECS".to_owned(), |it| it.r#type.as_str().to_owned()),
        deployments: deployments.into_iter().map(deployment).collect(),
        stopped: vec![],
        linux_platform: service.platform_version.filter(|_| on_fargate && !windows),
        agents: BTreeSet::new(),
    }
}

/// Why stopped tasks of a service stopped, with their revisions. ECS shows them for an hour.
async fn stopped(clients: &Clients, named: &RolledService) -> Result<Vec<(String, String)>, Failure> {
    let call =
        clients.ecs.list_tasks().cluster(&named.cluster).service_name(&named.service).desired_status(DesiredStatus::Stopped);
    let answer = call.send().await.map_err(|error| failure(SERVICE, "ListTasks", &error))?;
    let tasks = describe_tasks(clients, &named.cluster, &answer.task_arns.unwrap_or_default()).await?;
    let reason = |task: Task| {
        let containers = task.containers.unwrap_or_default().into_iter().filter_map(|container| container.reason);
        let all: Vec<String> = task.stopped_reason.into_iter().chain(containers).collect();
        (task.task_definition_arn.unwrap_or_default(), all.join(": "))
    };
    Ok(tasks.into_iter().map(reason).collect())
}

/// Versions of the agents of a cluster's container instances.
async fn agents(clients: &Clients, cluster: &str) -> Result<BTreeSet<String>, Failure> {
    let all = clients.ecs.list_container_instances().cluster(cluster).into_paginator().items().send().try_collect().await;
    let all: Vec<String> = all.map_err(|error| failure(SERVICE, "ListContainerInstances", &error))?;
    let mut found = BTreeSet::new();
    for chunk in all.chunks(MAX_TASKS) {
        let call = clients.ecs.describe_container_instances().cluster(cluster).set_container_instances(Some(chunk.to_vec()));
        let answer = call.send().await.map_err(|error| failure(SERVICE, "DescribeContainerInstances", &error))?;
        let versions = answer.container_instances.unwrap_or_default().into_iter();
        found.extend(versions.filter_map(|instance| instance.version_info?.agent_version));
    }
    Ok(found)
}

/// UpdateService to a revision. Harmless when repeated: without `forceNewDeployment` the same revision is no new deployment.
pub(crate) async fn update(account: &Account, cluster: &str, service: &str, task_definition: &str) -> Result<Output, Failure> {
    let call = account.write.ecs.update_service().cluster(cluster).service(service).task_definition(task_definition);
    call.send().await.map_err(|error| failure(SERVICE, "UpdateService", &error))?;
    Ok(Output::default())
}
