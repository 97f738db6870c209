//! What one pass over a workload came to: plain data, from which the status, the events and the command line's text are made.

use crate::api::{DefinitionStatus, SecretStatus};
use crate::desired::Desired;
use crate::failure::Failure;
use crate::observed::{Observed, Snapshot};
use crate::plan::{Action, Kind, Plan, Step, Subject};
use crate::problem::Problem;
use crate::target::Target;
use serde::Serialize;

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
    /// ARN of what was made.
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
    /// The registered definition.
    pub definition: Option<DefinitionStatus>,
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
        self.results().find_map(|(_, outcome)| match outcome {
            Some(Outcome::Failed(failure)) => Some(failure),
            _ => None,
        })
    }
}

/// What is known after the steps: what was observed, changed by what was done.
pub fn facts(desired: &Desired, observed: &Observed, plan: &Plan, outcomes: &[Outcome]) -> Facts {
    let output = |matches: &dyn Fn(&Step) -> bool| {
        plan.steps.iter().zip(outcomes).find_map(|(step, outcome)| match outcome {
            Outcome::Done(output) if matches(step) => Some(output),
            _ => None,
        })
    };
    let created_role = output(&|step| matches!(step.action, Action::CreateRole { .. }));
    let role_arn = match (&observed.role, created_role) {
        (_, Some(created)) => Some(created.arn.clone().unwrap_or_else(|| desired.role.arn.clone())),
        (Some(Snapshot::Present(role)), None) if !plan.holds(&Subject::role(&desired.role.name)) => Some(role.arn.clone()),
        _ => None,
    };
    let registered = output(&|step| matches!(step.action, Action::RegisterDefinition { .. }));
    let definition = match (registered, &observed.definition) {
        (Some(Output { arn: Some(arn), revision }), _) => {
            Some(DefinitionStatus { arn: arn.clone(), revision: revision.unwrap_or_default() })
        }
        (_, Some(Snapshot::Present(found)))
            if !plan.held.iter().any(|held| held.subject.kind == Kind::Definition && held.hold == crate::plan::Hold::NotOurs) =>
        {
            Some(DefinitionStatus { arn: found.arn.clone(), revision: found.revision })
        }
        _ => None,
    };
    Facts { role_arn, definition, secrets: secrets(desired, observed, plan, &output) }
}

fn secrets<'a>(
    desired: &Desired,
    observed: &Observed,
    plan: &Plan,
    output: &dyn Fn(&dyn Fn(&Step) -> bool) -> Option<&'a Output>,
) -> Vec<SecretStatus> {
    let key_arn = |key: Option<&String>| match key {
        Some(key) => observed.keys.get(key).and_then(Snapshot::present).cloned().or_else(|| Some(key.clone())),
        None => None,
    };
    let mut found = vec![];
    for wanted in &desired.secrets {
        let seen = observed
            .secrets
            .get(&wanted.name)
            .and_then(Snapshot::present)
            .filter(|_| !plan.holds(&Subject::secret(&wanted.name)));
        let created = output(&|step| matches!(&step.action, Action::CreateSecret { name, .. } if *name == wanted.name));
        let Some(arn) = created.and_then(|output| output.arn.clone()).or_else(|| seen.map(|secret| secret.arn.clone())) else {
            continue;
        };
        let written = output(&|step| match &step.action {
            Action::CreateSecret { name, .. } => *name == wanted.name,
            Action::PutSecretValue { arn: of, .. } | Action::UpdateSecretVersionStage { arn: of, .. } => *of == arn,
            _ => false,
        });
        let version_id = match written {
            Some(_) => Some(wanted.version_id.clone()),
            None => seen.and_then(|secret| secret.current()).map(str::to_owned),
        };
        let kms_key_arn = key_arn(wanted.kms_key.as_ref());
        found.push(SecretStatus {
            registry: wanted.registry.to_string(),
            name: Some(wanted.name.clone()),
            arn,
            version_id,
            kms_key_arn,
        });
    }
    for existing in &desired.existing {
        let seen = observed.secrets.get(&existing.id).and_then(Snapshot::present);
        let discovered = seen.and_then(|secret| secret.kms_key.as_ref()).filter(|key| !key.ends_with("alias/aws/secretsmanager"));
        found.push(SecretStatus {
            registry: existing.registry.clone(),
            name: None,
            arn: seen.map_or_else(|| existing.id.clone(), |secret| secret.arn.clone()),
            version_id: None,
            kms_key_arn: key_arn(existing.kms_key.as_ref().or(discovered)),
        });
    }
    let former = desired.former_secrets.iter().filter(|former| !found.iter().any(|secret| secret.arn == former.arn));
    let former: Vec<SecretStatus> = former.cloned().collect();
    found.extend(former);
    found
}
