//! What a workload needs of its network and the network, by its spec, has no endpoint for, or one whose policy denies it. Nothing is
//! refused for it: an endpoint may be there that the network does not tell of, or another way out.

use super::document::{Container, Prepared};
use super::pull_network::roles;
use super::pull_network_ref::has_ecr;
use super::rules::root;
use crate::api::{ContainerSecrets, EcrPolicy, PullNetwork, PullNetworkSpec, SecretsPolicy};
use crate::inputs::Inputs;
use crate::resource::arn::pattern_matches;
use crate::resource::definition::{containers, roles_mut};
use crate::resource::image::EcrKind;
use crate::resource::normalise::DefinitionKind;
use crate::resource::role::DesiredRole;
use crate::resource::service::is_older;
use crate::resource::uses::Thing;
use crate::target::Target;
use serde_json::{Map, Value};

/// The first Fargate platform for Linux that needs `ecr.api` (AWS: ECR interface endpoints, rule 46).
const NEEDS_ECR_API: [u64; 3] = [1, 4, 0];

/// Where tasks run, as far as the definition says so.
struct Hosts {
    fargate: bool,
    ec2: bool,
    external: bool,
    windows: bool,
    /// Platform versions of Linux.
    versions: Vec<String>,
}

/// Who pulls.
pub(super) struct Pulls<'a> {
    /// Where the workload lives.
    pub(super) target: &'a Target,
    /// Its execution role.
    pub(super) role: &'a DesiredRole,
    /// The containers that pull with a credential.
    pub(super) credentials: &'a [(String, String)],
}

/// Warnings; each names the field of the PullNetwork that would help.
pub(super) fn check(network: &PullNetwork, inputs: &Inputs, prepared: &Prepared, pulls: &Pulls) -> Vec<String> {
    let (spec, hosts) = (&network.spec, hosts(prepared));
    let lacking = on_hosts(spec, &hosts).into_iter().chain(of_pulls(spec, prepared, pulls.credentials));
    let lacking = lacking.chain(of_containers(spec, prepared, &hosts)).chain(of_policies(
        spec,
        prepared,
        pulls,
        role_arn(inputs, pulls.role),
    ));
    let name = network.metadata.name.as_deref().unwrap_or_default();
    let told = lacking.map(|(why, field)| format!("spec.pullNetworkRef: {why}; PullNetwork {name}: {field}"));
    let restricted = inputs.workload.spec.pull_network_ref.as_ref().is_some_and(|it| it.restrict_pulls.is_some());
    let outside = (restricted && hosts.external).then(|| {
        "spec.pullNetworkRef.restrictPulls: external instances are in no VPC, so their pulls from Amazon ECR are denied"
            .to_owned()
    });
    told.chain(outside).collect()
}

/// Why something may fail, and the field of the network that would help.
type Lacking = (String, &'static str);

fn on_hosts(spec: &PullNetworkSpec, hosts: &Hosts) -> Vec<Lacking> {
    let mut lacking: Vec<Lacking> = vec![];
    let mut add = |why: &str, field| lacking.push((why.to_owned(), field));
    match spec.tasks.fargate.as_ref().filter(|_| hosts.fargate) {
        None if hosts.fargate => add("tasks run on Fargate, which the network has no endpoints for", "set spec.tasks.fargate"),
        None => {}
        Some(fargate) if hosts.windows && !fargate.windows => {
            add("tasks run on Windows, which the network has no endpoints for", "set spec.tasks.fargate.windows");
        }
        Some(_) if hosts.windows => {}
        Some(fargate) => {
            let linux = fargate.linux_platform_version.as_deref();
            let runs_newer = hosts.versions.iter().any(|version| !is_older(version, NEEDS_ECR_API));
            let has_api = fargate.windows || spec.tasks.ec2 || linux.is_none_or(|oldest| !is_older(oldest, NEEDS_ECR_API));
            if linux.is_none() && fargate.windows {
                let field = "set spec.tasks.fargate.linuxPlatformVersion";
                add("tasks run on Linux, and with windows: true the network has no endpoints for that", field);
            } else if runs_newer && !has_api {
                let field = "set spec.tasks.fargate.linuxPlatformVersion to 1.4.0 or LATEST";
                add("Fargate platform 1.4.0 and newer needs an endpoint of ecr.api, which the network does not have", field);
            }
        }
    }
    if hosts.ec2 && !spec.tasks.ec2 {
        let why = "tasks run on EC2 instances, whose agents need endpoints of ecs, ecs-agent and ecs-telemetry";
        add(why, "set spec.tasks.ec2: true");
    }
    lacking
}

fn of_pulls(spec: &PullNetworkSpec, prepared: &Prepared, credentials: &[(String, String)]) -> Vec<Lacking> {
    let pulled = |kind: EcrKind| prepared.containers.iter().find(|container| container.image.ecr() == Some(kind));
    let mut lacking = vec![];
    if let Some(container) = pulled(EcrKind::Private).filter(|_| !has_ecr(spec)) {
        let why = format!("{} is in Amazon ECR, which the network has no endpoints for", container.image_field());
        lacking.push((why, "set spec.pulls.ecr: true"));
    }
    if let Some(container) = pulled(EcrKind::Public).filter(|_| !spec.pulls.ecr_public) {
        let why = format!("{} is in Amazon ECR Public, and no endpoint leads there", container.image_field());
        lacking.push((why, "give it another way out, and say so by spec.pulls.ecrPublic: true"));
    }
    if pulls_with_login(prepared, credentials) && !has_secrets(spec) {
        let why = "containers pull with credentials from Secrets Manager, which the network has no endpoint for";
        lacking.push((why.to_owned(), "set spec.pulls.privateRegistries: true"));
    }
    lacking
}

fn pulls_with_login(prepared: &Prepared, credentials: &[(String, String)]) -> bool {
    !credentials.is_empty() || prepared.containers.iter().any(|container| container.pasted_credential.is_some())
}

/// A role that is there keeps its path (IAM has no call that changes it), whatever the binding says by now. Of one name there is one.
fn role_arn<'a>(inputs: &'a Inputs, role: &'a DesiredRole) -> &'a str {
    let recorded = inputs.workload.status.as_ref().and_then(|status| status.execution_role_arn.as_deref());
    recorded.filter(|arn| arn.rsplit('/').next() == Some(&role.name)).unwrap_or(&role.arn)
}

/// What the policies of endpoints deny the execution role. Whom they let through, the network's own binding says: of another one than the
/// workload's, only those are known that are named besides.
fn of_policies(spec: &PullNetworkSpec, prepared: &Prepared, pulls: &Pulls, role: &str) -> Vec<Lacking> {
    let Pulls { target, credentials, .. } = *pulls;
    let same = target.binding.as_ref().is_none_or(|binding| *binding == spec.binding_ref.name);
    let own = same.then(|| roles(target));
    if own.iter().chain(&spec.additional_principals).any(|pattern| pattern_matches(pattern, role)) {
        return vec![];
    }
    let whom = own.unwrap_or_else(|| format!("the roles of AccountBinding {}", spec.binding_ref.name));
    let denied = |policy: &str, what: &str| {
        let why = format!("{policy} lets {whom} through, not the execution role {role}, so that {what} is denied");
        (why, "add its ARN to spec.additionalPrincipals")
    };
    let is_private = |container: &Container| container.image.ecr() == Some(EcrKind::Private);
    let pulls_from_ecr = has_ecr(spec) && prepared.containers.iter().any(is_private);
    let names_secrets = prepared.uses.iter().any(|named| matches!(named.thing, Thing::Secret(_)));
    let reads = has_secrets(spec) && (names_secrets || pulls_with_login(prepared, credentials));
    let ecr = (spec.policies.ecr == EcrPolicy::AllowPull && pulls_from_ecr)
        .then(|| denied("policies.ecr: AllowPull", "the pull from Amazon ECR"));
    let secrets = (spec.policies.secretsmanager == SecretsPolicy::Scoped && reads)
        .then(|| denied("policies.secretsmanager: Scoped", "the reading of secrets"));
    ecr.into_iter().chain(secrets).collect()
}

fn of_containers(spec: &PullNetworkSpec, prepared: &Prepared, hosts: &Hosts) -> Vec<Lacking> {
    let root = root(prepared.kind);
    let named =
        |is: fn(&Thing) -> bool| prepared.uses.iter().find(|named| is(&named.thing)).map(|it| format!("{root}.{}", it.path));
    let mut lacking = vec![];
    if let Some(path) = named(|thing| matches!(thing, Thing::Secret(_))).filter(|_| !has_secrets(spec)) {
        let why = format!("{path} is read from Secrets Manager, which the network has no endpoint for");
        lacking.push((why, "add SecretsManager to spec.tasks.containerSecrets"));
    }
    let has_parameters = spec.tasks.container_secrets.contains(&ContainerSecrets::ParameterStore);
    if let Some(path) = named(|thing| matches!(thing, Thing::Parameter(_))).filter(|_| !has_parameters) {
        let why = format!("{path} is read from Parameter Store, which the network has no endpoint for");
        lacking.push((why, "add ParameterStore to spec.tasks.containerSecrets"));
    }
    // One endpoint serves the whole VPC.
    let has_logs = spec.tasks.awslogs || spec.tasks.fargate.as_ref().is_some_and(|fargate| fargate.awslogs);
    if !has_logs && (named(|thing| matches!(thing, Thing::LogGroup(_))).is_some() || logs_by_default(prepared)) {
        let why = "containers write logs by awslogs, and the network has no endpoint of logs".to_owned();
        let field = if hosts.fargate { "set spec.tasks.fargate.awslogs: true" } else { "set spec.tasks.awslogs: true" };
        lacking.push((why, field));
    }
    lacking
}

/// Whether there is an endpoint of Secrets Manager, for whatever reason.
fn has_secrets(spec: &PullNetworkSpec) -> bool {
    spec.pulls.private_registries || spec.tasks.container_secrets.contains(&ContainerSecrets::SecretsManager)
}

/// Whether a job has a container that names no log driver: that is `awslogs` (AWS: Batch API, LogConfiguration).
fn logs_by_default(prepared: &Prepared) -> bool {
    let names_none = |container: &Map<String, Value>| {
        let driver = container.get("logConfiguration").and_then(|logs| logs.get("logDriver")).and_then(Value::as_str);
        driver.is_none_or(str::is_empty)
    };
    let is_job = prepared.kind == DefinitionKind::JobDefinition;
    is_job && containers(prepared.kind, &prepared.document).iter().any(|(_, container)| names_none(container))
}

/// A task definition may say nothing of its hosts; a job that says nothing is for EC2 (AWS: Batch API, RegisterJobDefinition,
/// platformCapabilities).
fn hosts(prepared: &Prepared) -> Hosts {
    let list = match prepared.kind {
        DefinitionKind::TaskDefinition => "requiresCompatibilities",
        DefinitionKind::JobDefinition => "platformCapabilities",
    };
    let named = prepared.document.get(list).and_then(Value::as_array);
    let named: Vec<&str> = named.into_iter().flatten().filter_map(Value::as_str).collect();
    let (mut families, mut versions) = (vec![], vec![]);
    roles_mut(prepared.kind, &mut prepared.document.clone(), |_, task| {
        let text =
            |below: &str, field: &str| task.get(below).and_then(|it| it.get(field)).and_then(Value::as_str).map(str::to_owned);
        families.extend(text("runtimePlatform", "operatingSystemFamily"));
        let own = task.get("platformVersion").and_then(Value::as_str).map(str::to_owned);
        versions.extend(own.or_else(|| text("fargatePlatformConfiguration", "platformVersion")));
    });
    Hosts {
        fargate: named.contains(&"FARGATE"),
        ec2: named.contains(&"EC2") || (named.is_empty() && prepared.kind == DefinitionKind::JobDefinition),
        external: named.contains(&"EXTERNAL"),
        windows: families.iter().any(|family| family.starts_with("WINDOWS")),
        versions,
    }
}
