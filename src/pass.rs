//! What one pass over a workload came to: plain data, from which the status, the events and the command line's text are made.

mod history;
mod order;
mod pull_network;
mod registry_credential;

pub use order::blocked;
pub(crate) use pull_network::ended_endpoints;
pub use pull_network::network_facts;
pub use registry_credential::credential_facts;

use crate::api::{
    ContainerKeyStatus, DefinitionStatus, EndpointStatus, ImageStatus, ReplicaStatus, RevisionStatus, RolledService,
    SecretStatus, ServiceStatus,
};
use crate::desired::{Desired, ExistingSecret, UsedNetwork};
use crate::failure::{Failure, FailureKind};
use crate::observed::{Observed, Snapshot};
use crate::plan::{self, Action, Kind, Plan, Scope, Step, Subject};
use crate::problem::Problem;
use crate::resource::role::DesiredRole;
use crate::resource::secret::DesiredSecret;
use crate::resource::service::{self, TargetRevision};
use crate::target::Target;
use serde::Serialize;
use std::collections::BTreeSet;

/// One pass.
#[derive(Debug)]
pub enum Pass {
    /// `spec.suspend`: nothing was looked at.
    Suspended,
    /// The spec or what it refers to does not hold together; nothing was written.
    Refused(Vec<Problem>),
    /// AWS was looked at, and written to unless only observing.
    Done(Box<Round>),
}

/// A pass that reached AWS.
#[derive(Debug)]
pub struct Round {
    /// Where.
    pub target: Target,
    /// What was planned.
    pub plan: Plan,
    /// One outcome a step; none at all where nothing was to be written (`Observe`, `plan`).
    pub outcomes: Option<Vec<Outcome>>,
    /// What may go wrong later.
    pub warnings: Vec<String>,
    /// What is known to be so now.
    pub facts: Facts,
}

/// What came of one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Outcome {
    /// Done, and what AWS said.
    Done(Output),
    /// The call failed.
    Failed(Failure),
    /// Not tried, because a step on this failed.
    Skipped(Subject),
}

/// What AWS's answer to a write says.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Output {
    /// ARN of what was made, or its id where EC2 tells none.
    pub arn: Option<String>,
    /// Revision of a definition.
    pub revision: Option<i64>,
}

/// What is known after a pass.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// ARN of the execution role.
    pub role_arn: Option<String>,
    /// The secrets that revisions pull with.
    pub secrets: Vec<SecretStatus>,
    /// Secrets of the status that are no longer needed.
    pub gone_secrets: BTreeSet<String>,
    /// ARNs of former roles that still have something of ours.
    pub former_roles: Vec<String>,
    /// The customer keys of what containers read.
    pub container_keys: Vec<ContainerKeyStatus>,
    /// The registered definition.
    pub definition: Option<DefinitionStatus>,
    /// ARN of a newer revision of another hand.
    pub foreign_revision: Option<String>,
    /// Our other registered revisions; none where they are not known.
    pub older_revisions: Option<Vec<RevisionStatus>>,
    /// The services that are rolled.
    pub services: Vec<ServiceStatus>,
    /// The network that a workload's tasks run in.
    pub network: Option<UsedNetwork>,
    /// Endpoints of a network.
    pub endpoints: Vec<EndpointStatus>,
    /// The security group that a network made.
    pub security_group_id: Option<String>,
    /// Network interfaces of a network that AWS bills by the hour.
    pub billed_interfaces: i64,
    /// What in a network needs a way to the internet all the same, in sentences.
    pub internet_needs: Vec<String>,
    /// Copies of a credential's secret.
    pub replicas: Vec<ReplicaStatus>,
    /// What the owner of a credential's key must add to its policy.
    pub key_policy_statement: Option<String>,
    /// What registries said of the images.
    pub images: Vec<ImageStatus>,
}

impl Round {
    /// Steps with what came of them.
    pub fn results(&self) -> impl Iterator<Item = (&Step, Option<&Outcome>)> {
        let outcomes = self.outcomes.as_deref().unwrap_or_default();
        self.plan.steps.iter().enumerate().map(|(index, step)| (step, outcomes.get(index)))
    }

    /// The steps that were carried out.
    pub fn done(&self) -> impl Iterator<Item = &Step> {
        self.results().filter(|(_, outcome)| matches!(outcome, Some(Outcome::Done(_)))).map(|(step, _)| step)
    }

    /// Whether everything that was planned is now so.
    pub fn is_converged(&self) -> bool {
        self.plan.held.is_empty() && self.done().count() == self.plan.steps.len()
    }

    /// The first failure.
    pub fn failure(&self) -> Option<&Failure> {
        self.failures().next()
    }

    /// What failed.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.results().filter_map(|(_, outcome)| match outcome {
            Some(Outcome::Failed(failure)) => Some(failure),
            _ => None,
        })
    }
}

/// IAM's changes take a while to reach the other services. So where one of them does not take a role that was made just now, time
/// helps, and nobody has to act.
pub fn of_young_role(mut outcomes: Vec<Outcome>, role: &DesiredRole, plan: &Plan, observed: &Observed) -> Vec<Outcome> {
    let made = plan.steps.iter().any(|step| matches!(step.action, Action::CreateRole { .. }));
    let seen = observed.roles.get(&role.name).and_then(|seen| seen.role.present());
    if made || seen.is_some_and(|seen| seen.is_young) {
        for (step, outcome) in plan.steps.iter().zip(&mut outcomes) {
            if let Outcome::Failed(failure) = outcome
                && step.subject.kind == Kind::Definition
                && failure.kind == FailureKind::Invalid
                && failure.message.to_lowercase().contains("role")
            {
                failure.kind = FailureKind::Conflict;
            }
        }
    }
    outcomes
}

/// What is known after the steps: what was observed, changed by what was done. Nothing is recorded that is not ours or that a
/// fence keeps out: a later pass takes what is recorded for ours, and grants it to those who share the role.
pub fn facts(desired: &Desired, observed: &Observed, plan: &Plan, outcomes: &[Outcome]) -> Facts {
    let done = Done { plan, outcomes };
    let (former_secrets, gone_secrets) = history::former_secrets(desired, observed, &done);
    let mut facts = Facts {
        role_arn: role_arn(desired, observed, &done),
        definition: definition(desired, observed, &done),
        secrets: secrets(desired, observed, &done, former_secrets),
        gone_secrets,
        former_roles: history::former_roles(desired, observed, &done),
        container_keys: history::container_keys(desired, observed),
        images: observed.images.clone(),
        network: desired.network.clone(),
        foreign_revision: desired.definition.foreign(observed).map(|foreign| foreign.arn.clone()),
        ..Facts::default()
    };
    facts.older_revisions = history::older(desired, observed, &done, &facts);
    facts.services = services(desired, observed, &done, &facts);
    facts
}

fn existing_status(existing: &ExistingSecret, arn: String, kms_key_arn: Option<String>) -> SecretStatus {
    SecretStatus { registry: existing.registry.clone(), name: None, arn, version_id: None, kms_key_arn, former: false }
}

fn services(desired: &Desired, observed: &Observed, done: &Done, facts: &Facts) -> Vec<ServiceStatus> {
    let told = |named: &RolledService| {
        let tells = |action: &Action| matches!(action, Action::UpdateService { cluster, service, .. } if *cluster == named.cluster && *service == named.service);
        done.plan.steps.iter().any(|step| tells(&step.action)).then(|| done.output(tells).is_some())
    };
    let arn = facts.definition.as_ref().map(|definition| definition.arn.as_str()).unwrap_or_default();
    let registered_at =
        desired.definition.current(observed).filter(|current| current.arn == arn).and_then(|it| it.registered_at());
    let revision = TargetRevision { family: &desired.definition.family(), arn, registered_at };
    service::record(&desired.services, revision, told, observed)
}

/// The steps that were carried out.
struct Done<'a> {
    plan: &'a Plan,
    outcomes: &'a [Outcome],
}

impl Done<'_> {
    /// The steps that were carried out.
    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.plan.steps.iter().zip(self.outcomes).filter(|(_, outcome)| matches!(outcome, Outcome::Done(_))).map(|(step, _)| step)
    }

    /// What AWS said to the first such step.
    fn output(&self, is_wanted: impl Fn(&Action) -> bool) -> Option<&Output> {
        self.plan.steps.iter().zip(self.outcomes).find_map(|(step, outcome)| match outcome {
            Outcome::Done(output) if is_wanted(&step.action) => Some(output),
            _ => None,
        })
    }
}

fn role_arn(desired: &Desired, observed: &Observed, done: &Done) -> Option<String> {
    if let Some(created) = done.output(|action| matches!(action, Action::CreateRole { .. })) {
        return Some(created.arn.clone().unwrap_or_else(|| desired.role.arn.clone()));
    }
    let role = observed.roles.get(&desired.role.name)?.role.present()?;
    let ours = desired.role.managed.as_ref().is_none_or(|managed| managed.is_of(&desired.role.owner, &role.tags));
    ours.then(|| role.arn.clone())
}

fn definition(desired: &Desired, observed: &Observed, done: &Done) -> Option<DefinitionStatus> {
    let registered = done.output(|action| matches!(action, Action::RegisterDefinition { .. }));
    if let Some(Output { arn: Some(arn), revision }) = registered {
        return Some(DefinitionStatus { arn: arn.clone(), revision: revision.unwrap_or_default() });
    }
    let found = desired.definition.current(observed)?;
    Some(DefinitionStatus { arn: found.arn.clone(), revision: found.revision })
}

/// The secrets that are pulled with, or were: those of the spec as far as they are there and ours or admitted, then the former.
fn secrets(desired: &Desired, observed: &Observed, done: &Done, former: Vec<SecretStatus>) -> Vec<SecretStatus> {
    let kept = desired.secrets.iter().filter_map(|wanted| kept_secret(wanted, &desired.scope(), observed, done));
    let existing = desired.existing.iter().filter_map(|existing| {
        let (arn, kms_key_arn) = plan::existing_secret(existing, &desired.scope(), observed, &mut Plan::default())?;
        Some(existing_status(existing, arn, kms_key_arn))
    });
    let referenced = desired.referenced.iter().map(|secret| SecretStatus {
        registry: secret.registry.clone(),
        name: None,
        arn: secret.arn.clone(),
        version_id: None,
        kms_key_arn: secret.kms_key_arn.clone(),
        former: false,
    });
    let mut found: Vec<SecretStatus> = kept.chain(existing).chain(referenced).collect();
    for former in former {
        if !found.iter().any(|secret| secret.arn == former.arn) {
            found.push(former);
        }
    }
    found
}

fn kept_secret(wanted: &DesiredSecret, scope: &Scope, observed: &Observed, done: &Done) -> Option<SecretStatus> {
    let kms_key_arn = plan::key_of(wanted, scope, observed, &mut Plan::default())?;
    let seen = observed.secrets.get(&wanted.name).and_then(Snapshot::present);
    let seen = seen.filter(|secret| wanted.owner.owns(&secret.tags, wanted.recorded.as_ref() == Some(&secret.arn)));
    let created = done.output(|action| matches!(action, Action::CreateSecret { name, .. } if *name == wanted.name));
    let arn = created.and_then(|output| output.arn.clone()).or_else(|| seen.map(|secret| secret.arn.clone()))?;
    let written = done.output(|action| match action {
        Action::CreateSecret { name, .. } => *name == wanted.name,
        Action::PutSecretValue { arn: of, .. } | Action::UpdateSecretVersionStage { arn: of, .. } => *of == arn,
        _ => false,
    });
    Some(SecretStatus {
        registry: wanted.registry.to_string(),
        name: Some(wanted.name.clone()),
        version_id: match written {
            Some(_) => Some(wanted.version_id.clone()),
            None => seen.and_then(|secret| secret.current()).map(str::to_owned),
        },
        arn,
        kms_key_arn,
        former: false,
    })
}
