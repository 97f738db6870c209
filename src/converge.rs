//! One pass over one workload: the stages in a row. Controller and command line share it; what differs is whether the last call,
//! the one that writes, is made. It takes a permit: a pass without one only plans.

mod pull_network;

pub use pull_network::{converge_network, network_from_nothing, remove_network};

use crate::api::{DeletionPolicy, PrivateImageWorkload};
use crate::apply::apply;
use crate::aws::Reader;
use crate::aws::accounts::{Accounts, Refusal};
use crate::desired::{self, Removal, known_definitions, removal};
use crate::failure::FailureKind;
use crate::inputs::{CredentialInputs, Inputs};
use crate::leader::WritePermit;
use crate::observe::{observe, owned, strangers};
use crate::observed::{Reads, Snapshot};
use crate::pass::{Facts, Outcome, Pass, Round, credential_facts, facts, of_young_role};
use crate::plan::{self, Plan};
use crate::problem::Problem;
use crate::prune::Owned;
use crate::registry::Registries;
use crate::resource::role::ObservedRole;
use crate::status::planned_network;
use crate::target::{self, Target};
use futures::future::BoxFuture;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

/// Lists the workloads of a namespace.
pub type List = Box<dyn Fn() -> BoxFuture<'static, Option<Vec<PrivateImageWorkload>>> + Send + Sync>;

/// What workloads of one namespace share (secrets, role, policy) is written by one pass at a time, and a policy only by what the
/// API server itself says of the others: the cache may lag behind their last writes.
#[derive(Default)]
pub struct Shared {
    /// Held until the pass's status is written, or let go where nothing shared is.
    pub lock: Option<OwnedMutexGuard<()>>,
    /// Lists the namespace's workloads anew; nothing if that fails.
    pub list: Option<List>,
}

impl Shared {
    /// The inputs with the other workloads as they are now. Where that cannot be said, they are not all known.
    async fn refreshed(&self, inputs: &Inputs) -> Option<Inputs> {
        let found = self.list.as_ref()?().await;
        let siblings_complete = found.is_some() && inputs.siblings_complete;
        Some(Inputs {
            siblings_complete,
            siblings: found.map_or_else(|| inputs.siblings.clone(), |all| all.into_iter().map(Arc::new).collect()),
            ..inputs.clone()
        })
    }
}

/// Makes AWS what the workload says, or without a permit only says what that would take.
pub async fn converge(
    accounts: &Arc<Accounts>,
    registries: &Registries,
    inputs: &Inputs,
    permit: Option<&WritePermit>,
    shared: &mut Shared,
) -> Pass {
    if inputs.workload.spec.suspend {
        return Pass::Suspended;
    }
    let target = match target::choose(&inputs.claim()) {
        Ok(target) => target,
        Err(problem) => return Pass::Refused(vec![problem]),
    };
    let mut desired = match desired::resolve(inputs, &target) {
        Ok(desired) => desired,
        Err(problems) => return Pass::Refused(problems),
    };
    let reader = match reader(accounts, &target).await {
        Ok(reader) => reader,
        Err(problem) => return Pass::Refused(vec![problem]),
    };
    let mut observed = observe(&reader, &desired.reads()).await;
    while let Some(more) = desired.further_reads(&observed) {
        observed.absorb(observe(&reader, &more).await);
    }
    observed.images = registries.look(&reader, &plan::questions(&desired, &observed), &observed).await;
    let mut plan = plan::converge(&desired, &observed);
    let forgets = desired.leaves_something(&observed);
    if permit.is_some()
        && (plan.touches_others() || forgets)
        && let Some(inputs) = shared.refreshed(inputs).await
    {
        desired = match desired::resolve(&inputs, &target) {
            Ok(desired) => desired,
            Err(problems) => return Pass::Refused(problems),
        };
        plan = plan::converge(&desired, &observed);
    }
    let outcomes = match permit {
        Some(permit) => {
            let outcomes = carry_out(&reader, permit, &plan, forgets, shared).await;
            Some(of_young_role(outcomes, &desired.role, &plan, &observed))
        }
        None => None,
    };
    let facts = facts(&desired, &observed, &plan, outcomes.as_deref().unwrap_or_default());
    Pass::Done(Box::new(Round { target, plan, outcomes, warnings: desired.warnings, facts }))
}

/// Removes what the workload made and nobody else uses, or without a permit only says what that would take.
pub async fn remove(accounts: &Arc<Accounts>, inputs: &Inputs, permit: Option<&WritePermit>, shared: &mut Shared) -> Pass {
    let (target, reader) = match place(accounts, target::of_removal(&inputs.claim())).await {
        Ok(place) => place,
        Err(problem) => return Pass::Refused(vec![problem]),
    };
    let mut inputs = shared.refreshed(inputs).await.unwrap_or_else(|| inputs.clone());
    if !inputs.siblings_complete {
        let (prefix, known) = known_definitions(&inputs, &target);
        inputs.strangers = match strangers(&reader, &prefix, &known).await {
            Ok(names) => names.into_iter().map(|name| format!("definition {name}")).collect(),
            Err(failure) => vec![format!("definitions that could not be looked at ({failure})")],
        };
    }
    let inputs = &inputs;
    let mut observed = observe(&reader, &Removal::revisions(inputs, &target)).await;
    let removal = removal(inputs, &target, &observed);
    observed.absorb(observe(&reader, &removal.reads(&observed)).await);
    let plan = plan::remove(&removal, &observed);
    let outcomes = match permit {
        Some(permit) => Some(carry_out(&reader, permit, &plan, false, shared).await),
        None => None,
    };
    Pass::Done(Box::new(Round { target, plan, outcomes, warnings: vec![], facts: Facts::default() }))
}

/// Makes AWS what the credential says, or without a permit only says what that would take.
pub async fn converge_credential(accounts: &Arc<Accounts>, inputs: &CredentialInputs, permit: Option<&WritePermit>) -> Pass {
    if inputs.credential.spec.suspend {
        return Pass::Suspended;
    }
    let (target, reader) = match place(accounts, target::choose(&inputs.claim())).await {
        Ok(place) => place,
        Err(problem) => return Pass::Refused(vec![problem]),
    };
    let desired = match desired::resolve_credential(inputs, &target) {
        Ok(desired) => desired,
        Err(problems) => return Pass::Refused(problems),
    };
    let observed = observe(&reader, &desired.reads()).await;
    let plan = plan::credential(&desired, &observed);
    let outcomes = match permit {
        Some(permit) => Some(apply(&reader.permitted(permit), &plan).await),
        None => None,
    };
    let facts = credential_facts(&desired, &observed, &plan, outcomes.as_deref().unwrap_or_default());
    Pass::Done(Box::new(Round { target, plan, outcomes, warnings: desired.warnings, facts }))
}

/// Removes the secret that the credential keeps. Needs neither a valid spec nor the source Secret.
pub async fn remove_credential(accounts: &Arc<Accounts>, inputs: &CredentialInputs, permit: Option<&WritePermit>) -> Pass {
    let (target, reader) = match place(accounts, target::of_removal(&inputs.claim())).await {
        Ok(place) => place,
        Err(problem) => return Pass::Refused(vec![problem]),
    };
    let credential = &inputs.credential;
    let name = credential.metadata.name.as_deref().unwrap_or_default();
    let name = desired::credential_secret_name(&target, &inputs.namespace.name, name, credential.spec.name.as_deref());
    let recorded = credential.status.as_ref().and_then(|status| status.secret.as_ref());
    let reads = match credential.spec.secret_arn {
        Some(_) => Reads::default(), // nothing of it is ours
        None => Reads { secrets: [name.clone()].into(), ..Reads::default() },
    };
    let observed = observe(&reader, &reads).await;
    let (owner, days) = (desired::credential_owner(inputs), desired::recovery_window(inputs));
    let plan = match credential.spec.deletion_policy {
        DeletionPolicy::Retain => plan::retained(),
        DeletionPolicy::Delete => {
            plan::remove_credential(&name, &owner, recorded.map(|secret| secret.arn.as_str()), days, &observed)
        }
    };
    let outcomes = match permit {
        Some(permit) => Some(apply(&reader.permitted(permit), &plan).await),
        None => None,
    };
    Pass::Done(Box::new(Round { target, plan, outcomes, warnings: vec![], facts: Facts::default() }))
}

/// What is where a target leads, with its tags. `known` = names of definitions of which every revision counts.
pub async fn holdings(
    accounts: &Arc<Accounts>,
    target: &Target,
    owner: &str,
    known: &BTreeSet<String>,
) -> Result<Owned, Problem> {
    let place = reader(accounts, target).await?;
    owned(&place, target, owner, known).await.map_err(|failure| {
        let field = match &target.binding {
            Some(binding) => format!("AccountBinding {binding}"),
            None => "the ambient AWS identity".to_owned(),
        };
        let rule = format!("what is there could not be listed, so nothing is removed: {failure}");
        let place = format!("account {}, {}", target.account_id, target.region);
        Problem::of(failure.kind.into(), field, place, rule, LISTING)
    })
}

/// A role with our inline policy, if it has one. One that may not be looked at is not changed either, so it counts as none.
pub async fn role_seen(
    accounts: &Arc<Accounts>,
    target: &Target,
    role: &str,
    policy: &str,
) -> Result<Option<(ObservedRole, Value)>, Problem> {
    let place = reader(accounts, target).await?;
    let reads = Reads { roles: [(role.to_owned(), policy.to_owned())].into(), ..Reads::default() };
    let Some(seen) = observe(&place, &reads).await.roles.remove(role) else { return Ok(None) };
    match (seen.role, seen.inline_policy) {
        (Snapshot::Unknown(failure), _) | (_, Snapshot::Unknown(failure)) if failure.kind != FailureKind::Denied => {
            let rule = format!("where it grants something could not be seen, so nothing is removed: {failure}");
            Err(Problem::of(failure.kind.into(), format!("role {role}"), "", rule, LISTING))
        }
        (Snapshot::Present(role), policy) => Ok(Some((role, policy.present().cloned().unwrap_or_default()))),
        _ => Ok(None),
    }
}

/// What helps where things cannot be listed.
const LISTING: &str = "allow the call to the identity that acts there (`wharfinger iam-policy --feature prune`), or run it again";

/// What would be written for a credential if nothing existed yet.
pub fn credential_from_nothing(inputs: &CredentialInputs) -> Result<(Target, Plan), Vec<Problem>> {
    let target = target::choose(&inputs.claim()).map_err(|problem| vec![problem])?;
    let desired = desired::resolve_credential(inputs, &target)?;
    let plan = plan::credential(&desired, &plan::imagined_for_credential(&desired));
    Ok((target, plan))
}

async fn place(accounts: &Arc<Accounts>, target: Result<Target, Problem>) -> Result<(Target, Reader), Problem> {
    let target = target?;
    let reader = reader(accounts, &target).await?;
    Ok((target, reader))
}

/// The lock is let go before the first write if nothing shared is written, nor forgotten by the status.
async fn carry_out(reader: &Reader, permit: &WritePermit, plan: &Plan, forgets: bool, shared: &mut Shared) -> Vec<Outcome> {
    if !forgets && plan.is_private() {
        shared.lock = None;
    }
    apply(&reader.permitted(permit), plan).await
}

/// What would be written if nothing existed yet. Asks nobody: ARNs that only AWS knows are named as such, and whatever exists
/// already is taken as the spec writes it.
pub fn from_nothing(inputs: &Inputs) -> Result<Plan, Vec<Problem>> {
    let network = inputs.network.as_ref().map(planned_network);
    let inputs = &Inputs { network, ..inputs.clone() };
    let target = target::choose(&inputs.claim()).map_err(|problem| vec![problem])?;
    let desired = desired::resolve(inputs, &target)?;
    Ok(plan::converge(&desired, &plan::imagined(&desired)))
}

async fn reader(accounts: &Arc<Accounts>, target: &Target) -> Result<Reader, Problem> {
    accounts.reader(target).await.map_err(|refusal| match refusal {
        Refusal::Mismatch(problem) => problem,
        Refusal::Failed(failure) => {
            let field = match &target.binding {
                Some(binding) => format!("AccountBinding {binding}: spec.roleArn"),
                None => "the ambient AWS identity".to_owned(),
            };
            let remedy = target.remedy(&failure);
            Problem::of(failure.kind.into(), field, target.role_arn.as_deref().unwrap_or_default(), failure.to_string(), remedy)
        }
    })
}
