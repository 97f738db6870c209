//! One pass over one workload: the stages in a row. Controller and command line share it; what differs is whether the last call,
//! the one that writes, is made.

use crate::apply::apply;
use crate::aws::Account;
use crate::aws::accounts::{Accounts, Refusal};
use crate::desired::{self, Removal, removal};
use crate::inputs::Inputs;
use crate::observe::observe;
use crate::observed::Snapshot;
use crate::pass::{Facts, Pass, Round, facts};
use crate::plan::{self, Kind, Plan};
use crate::problem::Problem;
use crate::target::{self, Target};
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

/// What keeps two passes from writing the things that workloads of one namespace share: secrets, role and policy.
pub type SharedLock = Option<OwnedMutexGuard<()>>;

/// Makes AWS what the workload says, or with `write` false only says what that would take.
pub async fn converge(accounts: &Arc<Accounts>, inputs: &Inputs, write: bool, lock: SharedLock) -> Pass {
    if inputs.workload.spec.suspend {
        return Pass::Suspended;
    }
    let target = match target::choose(inputs) {
        Ok(target) => target,
        Err(problem) => return Pass::Refused(vec![problem]),
    };
    let desired = match desired::resolve(inputs, &target) {
        Ok(desired) => desired,
        Err(problems) => return Pass::Refused(problems),
    };
    let account = match account(accounts, &target).await {
        Ok(account) => account,
        Err(problem) => return Pass::Refused(vec![problem]),
    };
    let observed = observe(&account, &desired.reads()).await;
    let plan = plan::converge(&desired, &observed);
    let outcomes = match write {
        true => Some(carry_out(&account, &plan, lock).await),
        false => None,
    };
    let facts = facts(&desired, &observed, &plan, outcomes.as_deref().unwrap_or_default());
    Pass::Done(Box::new(Round { target, plan, outcomes, warnings: desired.warnings, facts }))
}

/// Removes what the workload made and nobody else uses, or with `write` false only says what that would take.
pub async fn remove(accounts: &Arc<Accounts>, inputs: &Inputs, write: bool, lock: SharedLock) -> Pass {
    let target = match target::of_removal(inputs) {
        Ok(target) => target,
        Err(problem) => return Pass::Refused(vec![problem]),
    };
    let account = match account(accounts, &target).await {
        Ok(account) => account,
        Err(problem) => return Pass::Refused(vec![problem]),
    };
    let revisions = observe(&account, &Removal::revisions(inputs, &target)).await.revisions;
    let named = revisions.iter().filter_map(Snapshot::present).flatten().flat_map(|revision| revision.secrets.clone());
    let removal = removal(inputs, &target, &named.collect::<Vec<_>>());
    let mut observed = observe(&account, &removal.reads()).await;
    observed.revisions = revisions;
    let plan = plan::remove(&removal, &observed);
    let outcomes = match write {
        true => Some(carry_out(&account, &plan, lock).await),
        false => None,
    };
    Pass::Done(Box::new(Round { target, plan, outcomes, warnings: vec![], facts: Facts::default() }))
}

/// The lock is let go before the first write if nothing shared is written.
async fn carry_out(account: &Account, plan: &Plan, lock: SharedLock) -> Vec<crate::pass::Outcome> {
    let shared = plan.steps.iter().any(|step| step.subject.kind != Kind::Definition);
    let lock = lock.filter(|_| shared);
    let outcomes = apply(account, plan).await;
    drop(lock);
    outcomes
}

/// What would be written if nothing existed yet. Asks nobody: ARNs that only AWS knows are named as such, and whatever exists
/// already is taken as the spec writes it.
pub fn from_nothing(inputs: &Inputs) -> Result<Plan, Vec<Problem>> {
    let target = target::choose(inputs).map_err(|problem| vec![problem])?;
    let desired = desired::resolve(inputs, &target)?;
    Ok(plan::converge(&desired, &plan::imagined(&desired)))
}

async fn account(accounts: &Arc<Accounts>, target: &Target) -> Result<Account, Problem> {
    accounts.account(target).await.map_err(|refusal| match refusal {
        Refusal::Mismatch(problem) => problem,
        Refusal::Failed(failure) => {
            let field = match &target.binding {
                Some(binding) => format!("AccountBinding {binding}: spec.roleArn"),
                None => "the ambient AWS identity".to_owned(),
            };
            let remedy = "mend the role's trust policy, ExternalId or the credentials that assume it";
            Problem::of(failure.kind.into(), field, target.role_arn.as_deref().unwrap_or_default(), failure.to_string(), remedy)
        }
    })
}
