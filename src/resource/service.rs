//! ECS services that are rolled to the current revision: where each stands, and whether it is told to move.
//!
//! A service is told once for each revision. One that ECS rolled back is reported and not told again; one that runs another
//! family is somebody's decision and is left there.

use super::normalise::DefinitionKind;
use super::revision::Family;
use super::stopped;
use crate::api::{RolledService, ServiceState, ServiceStatus};
use crate::observed::{Observed, Snapshot};
use crate::plan::{Action, Hold, Kind, Plan, Subject};
use crate::status::Reason;
use std::collections::BTreeSet;
use std::fmt;

/// The services of one workload.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DesiredServices {
    /// Each with what the last pass recorded of it.
    pub services: Vec<(RolledService, Option<ServiceStatus>)>,
    /// Whether one that was set to an older revision by hand stays there.
    pub pin: bool,
}

/// A service as DescribeServices shows it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObservedService {
    /// ARN of the revision that it shall run.
    pub task_definition: String,
    /// Who makes its deployments: `ECS`, `CODE_DEPLOY` or `EXTERNAL`.
    pub controller: String,
    /// Its deployments, the primary one first.
    pub deployments: Vec<Deployment>,
    /// Why tasks of it stopped, with the revision that they ran; read only where some did not start.
    pub stopped: Vec<(String, String)>,
    /// Fargate platform version, where its tasks run on Fargate with Linux.
    pub linux_platform: Option<String>,
    /// Versions of the ECS agents of its cluster, where its tasks run on container instances.
    pub agents: BTreeSet<String>,
}

/// The revision that the services shall run.
#[derive(Debug, Clone, Copy)]
pub struct TargetRevision<'a> {
    /// Its family.
    pub family: &'a Family,
    /// Its ARN, or what stands for one that an earlier step registers.
    pub arn: &'a str,
    /// When it was registered, in seconds since 1970, as far as that was seen.
    pub registered_at: Option<f64>,
}

impl TargetRevision<'_> {
    /// Whether a service, of which no status knows that it was told, was set to another revision by hand: its deployment began after
    /// this revision was there. An earlier one says only that nobody told it yet, as where the telling failed or a pass was cut off.
    fn is_shunned_by(&self, service: &ObservedService) -> bool {
        let began = service.deployments.first().and_then(|primary| primary.created_at);
        let earlier = began.zip(self.registered_at).is_some_and(|(began, registered)| began < registered);
        Family::of(self.arn).is_some() && !earlier
    }
}

/// One deployment of a service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Deployment {
    /// ARN of its revision.
    pub task_definition: String,
    /// When it began, in seconds since 1970.
    pub created_at: Option<f64>,
    /// `COMPLETED`, `FAILED` or `IN_PROGRESS`.
    pub rollout_state: Option<String>,
    /// ECS's words on it.
    pub rollout_reason: Option<String>,
    /// Tasks that should run.
    pub desired: i64,
    /// Tasks that run.
    pub running: i64,
    /// Tasks that are starting.
    pub pending: i64,
    /// Tasks that did not start.
    pub failed: i64,
}

impl fmt::Display for RolledService {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.cluster.rsplit('/').next().unwrap_or(&self.cluster), self.service)
    }
}

/// Where a service stands.
enum Standing<'a> {
    /// It could not be seen, or there is none.
    Unseen,
    /// Something else makes its deployments.
    Controlled(&'a str),
    /// It runs another family.
    Elsewhere,
    /// It was set to an older revision by hand, and shall stay there.
    Pinned,
    /// It runs another revision of the family and was not told yet.
    Behind,
    /// It was told, and ECS went back or gave up.
    Failed(&'a ObservedService),
    /// It was told and is at it.
    Progressing(&'a Deployment, &'a ObservedService),
    /// It runs the revision.
    Complete,
}

impl DesiredServices {
    fn standing<'a>(
        &self,
        recorded: Option<&ServiceStatus>,
        revision: TargetRevision,
        seen: Option<&'a Snapshot<ObservedService>>,
    ) -> Standing<'a> {
        let Some(service) = seen.and_then(Snapshot::present) else { return Standing::Unseen };
        if service.controller != "ECS" {
            return Standing::Controlled(&service.controller);
        }
        if Family::of(&service.task_definition).is_none_or(|(of, _)| of != *revision.family) {
            return Standing::Elsewhere;
        }
        let target = revision.arn;
        let told = recorded.and_then(|status| Some((status.rolled_to.as_deref()?, status.state)));
        if service.task_definition != target {
            let settled = |state| matches!(state, ServiceState::Complete | ServiceState::Pinned);
            let gave_up = |it: &Deployment| it.task_definition == target && it.rollout_state.as_deref() == Some("FAILED");
            return match told {
                _ if service.deployments.iter().any(gave_up) => Standing::Failed(service),
                None if self.pin && revision.is_shunned_by(service) => Standing::Pinned,
                Some((to, state)) if self.pin && settled(state) && to != service.task_definition => Standing::Pinned,
                Some((to, state)) if to == target && matches!(state, ServiceState::Progressing | ServiceState::Failed) => {
                    Standing::Failed(service)
                }
                _ => Standing::Behind,
            };
        }
        let Some(primary) = service.deployments.first() else { return Standing::Behind };
        match primary.rollout_state.as_deref() {
            Some("FAILED") => Standing::Failed(service),
            Some("COMPLETED") => Standing::Complete,
            None if service.deployments.len() == 1 && primary.running >= primary.desired => Standing::Complete,
            _ => Standing::Progressing(primary, service),
        }
    }
}

/// Adds what moves the services. `private` = whether a container pulls with a credential.
pub fn plan(desired: &DesiredServices, revision: TargetRevision, private: bool, observed: &Observed, plan: &mut Plan) {
    let TargetRevision { family, arn: target, .. } = revision;
    for (named, recorded) in &desired.services {
        let subject = Subject { kind: Kind::Service, name: named.to_string() };
        let seen = observed.services.get(named);
        if private && let Some(service) = seen.and_then(Snapshot::present) {
            plan.notes.extend(version_warnings(named, service));
        }
        let refuse = |plan: &mut Plan, reason, message: String| plan.hold(subject.clone(), Hold::Refused(reason), message);
        match desired.standing(recorded.as_ref(), revision, seen) {
            Standing::Unseen => match seen {
                Some(Snapshot::Unknown(failure)) => plan.unobserved(subject, failure),
                _ => refuse(
                    plan,
                    Reason::DependencyNotFound,
                    format!(
                        "service {named} does not exist, or may not be seen; create it with {family}, or take it out of spec.rollout"
                    ),
                ),
            },
            Standing::Controlled(controller) => refuse(
                plan,
                Reason::InvalidSpec,
                format!(
                    "the deployments of service {named} are made by {controller}, and only those of ECS itself can be rolled; take it out of spec.rollout"
                ),
            ),
            Standing::Elsewhere => refuse(
                plan,
                Reason::OwnershipConflict,
                format!(
                    "service {named} does not run {family}; it is left as it is. Set it to this family, or take it out of spec.rollout"
                ),
            ),
            Standing::Failed(service) => refuse(plan, Reason::RolloutFailed, failed(named, target, service)),
            Standing::Progressing(deployment, service) => {
                plan.hold(subject, Hold::Waiting, progress(named, target, deployment, service));
            }
            Standing::Behind => {
                let action = Action::UpdateService {
                    cluster: named.cluster.clone(),
                    service: named.service.clone(),
                    task_definition: target.to_owned(),
                };
                plan.step(subject, action, &[Subject::definition(&family.name)], "it runs another revision", vec![]);
            }
            Standing::Pinned => plan.notes.push(format!("service {named} is pinned to another revision and stays there")),
            Standing::Complete => {}
        }
    }
}

/// What is recorded of the services. `told` = of each that a step of this pass should move, whether it did.
pub fn record(
    desired: &DesiredServices,
    revision: TargetRevision,
    told: impl Fn(&RolledService) -> Option<bool>,
    observed: &Observed,
) -> Vec<ServiceStatus> {
    let record = |(named, recorded): &(RolledService, Option<ServiceStatus>)| {
        let seen = observed.services.get(named);
        let before = recorded.clone().unwrap_or(ServiceStatus {
            cluster: named.cluster.clone(),
            service: named.service.clone(),
            rolled_to: None,
            state: ServiceState::Held,
            desired: 0,
            running: 0,
            pending: 0,
            failed: 0,
        });
        let counted = match seen.and_then(Snapshot::present).and_then(|service| service.deployments.first()) {
            Some(it) => {
                let (desired, running, pending, failed) = (it.desired, it.running, it.pending, it.failed);
                ServiceStatus { desired, running, pending, failed, ..before.clone() }
            }
            None => before.clone(),
        };
        let at_target = Some(revision.arn.to_owned());
        match desired.standing(recorded.as_ref(), revision, seen) {
            _ if told(named) == Some(true) => ServiceStatus { rolled_to: at_target, state: ServiceState::Progressing, ..counted },
            Standing::Complete => ServiceStatus { rolled_to: at_target, state: ServiceState::Complete, ..counted },
            Standing::Progressing(..) => ServiceStatus { rolled_to: at_target, state: ServiceState::Progressing, ..counted },
            Standing::Failed(_) => ServiceStatus { rolled_to: at_target, state: ServiceState::Failed, ..counted },
            Standing::Pinned if told(named).is_some() => before, // it should have been told: the next pass does it
            Standing::Pinned => ServiceStatus { state: ServiceState::Pinned, ..counted },
            Standing::Elsewhere | Standing::Controlled(_) => ServiceStatus { state: ServiceState::Held, ..counted },
            Standing::Unseen | Standing::Behind => before,
        }
    };
    desired.services.iter().map(record).collect()
}

fn progress(named: &RolledService, target: &str, deployment: &Deployment, service: &ObservedService) -> String {
    let Deployment { desired, running, pending, failed, .. } = deployment;
    let counts = format!("{running} of {desired} tasks run, {pending} are starting, {failed} did not start");
    format!("service {named} is being rolled to {target}: {counts}{}", causes(target, service))
}

fn failed(named: &RolledService, target: &str, service: &ObservedService) -> String {
    let words = service.deployments.iter().filter_map(|it| it.rollout_reason.as_deref()).next().unwrap_or_default();
    let back = if service.task_definition == target { "failed" } else { "was rolled back" };
    let words = if words.is_empty() { String::new() } else { format!(" ({words})") };
    format!(
        "the deployment of {target} to service {named} {back}{words}{}; mend the cause, then change the definition or deploy by hand",
        causes(target, service)
    )
}

/// Why tasks of the revision stopped, each cause once, with its remedy.
fn causes(target: &str, service: &ObservedService) -> String {
    let reasons = service.stopped.iter().filter(|(revision, _)| revision == target);
    let told: BTreeSet<String> = reasons
        .map(|(_, reason)| match stopped::classify(reason) {
            Some(cause) => format!("{cause}: {} ({})", cause.remedy(), crate::failure::cut(reason)),
            None => crate::failure::cut(reason),
        })
        .collect();
    told.into_iter().take(3).map(|cause| format!("; {cause}")).collect()
}

/// The first Fargate platform for Linux that pulls with credentials (AWS: private registry authentication, rule 6).
pub const FIRST_PLATFORM: [u64; 3] = [1, 2, 0];
/// The first ECS agent that does (rule 5).
const FIRST_AGENT: [u64; 3] = [1, 19, 0];

/// Who cannot pull with credentials.
fn version_warnings(named: &RolledService, service: &ObservedService) -> Vec<String> {
    let platform = service.linux_platform.as_deref().filter(|version| is_older(version, FIRST_PLATFORM));
    let platform = platform.map(|version| {
        format!("service {named} runs on Fargate platform {version}, and registry credentials need 1.2.0 or newer; use LATEST")
    });
    let agents: Vec<&str> = service.agents.iter().map(String::as_str).filter(|version| is_older(version, FIRST_AGENT)).collect();
    let agents = (!agents.is_empty()).then(|| {
        format!(
            "the cluster of service {named} has ECS agents {}, and registry credentials need 1.19.0 or newer; update them",
            agents.join(", ")
        )
    });
    platform.into_iter().chain(agents).collect()
}

/// Whether a version of numbers and dots is older. `LATEST` and whatever is no such version are not.
pub fn is_older(version: &str, than: [u64; 3]) -> bool {
    let parts: Option<Vec<u64>> = version.split('.').map(|part| part.parse().ok()).collect();
    parts.is_some_and(|mut parts| {
        parts.resize(than.len(), 0);
        parts.as_slice() < than.as_slice()
    })
}

impl Family {
    /// Whether services can run it.
    pub fn is_ecs(&self) -> bool {
        self.kind == DefinitionKind::TaskDefinition
    }
}
