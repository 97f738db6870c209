//! One pass over one `PullNetwork`.

use super::place;
use crate::api::PullNetwork;
use crate::apply::apply;
use crate::aws::accounts::Accounts;
use crate::desired;
use crate::inputs::NetworkInputs;
use crate::leader::WritePermit;
use crate::observe::{Freshness, observe_network};
use crate::pass::{Facts, Pass, Round, network_facts};
use crate::plan::{self, Plan};
use crate::problem::Problem;
use crate::status::{Asked, asked};
use crate::target::{self, Target};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Makes AWS what the network says, or without a permit only says what that would take.
pub async fn converge_network(accounts: &Arc<Accounts>, inputs: &NetworkInputs, permit: Option<&WritePermit>) -> Pass {
    if inputs.network.spec.suspend {
        return Pass::Suspended;
    }
    let (target, reader) = match place(accounts, target::of_network(inputs)).await {
        Ok(place) => place,
        Err(problem) => return Pass::Refused(vec![problem]),
    };
    let desired = match desired::resolve_network(inputs, &target) {
        Ok(desired) => desired,
        Err(problems) => return Pass::Refused(problems),
    };
    let (reads, company) = (desired.reads(), company(inputs, &target));
    let freshness = freshness(&inputs.network);
    let mut observed = observe_network(&reader, &reads, &company, freshness).await;
    let mut plan = plan::network(&desired, &observed);
    let outcomes = match permit {
        // What several networks were read for together may be a moment old: nothing is written because of it.
        Some(permit) if !plan.steps.is_empty() => {
            if freshness != Freshness::Own {
                observed = observe_network(&reader, &reads, &company, Freshness::Own).await;
                plan = plan::network(&desired, &observed);
            }
            Some(apply(&reader.permitted(permit), &plan).await)
        }
        Some(_) => Some(vec![]),
        None => None,
    };
    let facts = network_facts(&desired, &observed, &plan, outcomes.as_deref().unwrap_or_default());
    Pass::Done(Box::new(Round { target, plan, outcomes, warnings: desired.warnings, facts }))
}

/// Removes what the network made, or without a permit only says what that would take. Needs no valid spec.
pub async fn remove_network(accounts: &Arc<Accounts>, inputs: &NetworkInputs, permit: Option<&WritePermit>) -> Pass {
    let (target, reader) = match place(accounts, target::of_network_removal(inputs)).await {
        Ok(place) => place,
        Err(problem) => return Pass::Refused(vec![problem]),
    };
    let removal = desired::network_removal(inputs, &target);
    let observed = observe_network(&reader, &removal.reads(), &BTreeSet::new(), Freshness::Own).await;
    let plan = plan::remove_network(&removal, &observed);
    let outcomes = match permit {
        Some(permit) => Some(apply(&reader.permitted(permit), &plan).await),
        None => None,
    };
    Pass::Done(Box::new(Round { target, plan, outcomes, warnings: vec![], facts: Facts::default() }))
}

/// What would be written for a network if nothing but its VPC existed yet.
pub fn network_from_nothing(inputs: &NetworkInputs) -> Result<(Target, Plan), Vec<Problem>> {
    let target = target::of_network(inputs).map_err(|problem| vec![problem])?;
    let desired = desired::resolve_network(inputs, &target)?;
    let plan = plan::network(&desired, &plan::imagined_for_network(&desired));
    Ok((target, plan))
}

/// Whoever asks for a pass is told what is so, not what was so before.
fn freshness(network: &PullNetwork) -> Freshness {
    let (moment, now) = (Instant::now(), Timestamp::now());
    match asked(network, now) {
        Asked::Not => Freshness::Shared,
        Asked::Since(since) => {
            let ago = Duration::try_from(now.duration_since(since)).ok();
            ago.and_then(|ago| moment.checked_sub(ago)).map_or(Freshness::Own, Freshness::Since)
        }
        Asked::Now => Freshness::Own,
    }
}

/// The VPCs of the other networks that live in the same account and Region: they are looked at together.
fn company(inputs: &NetworkInputs, target: &Target) -> BTreeSet<String> {
    let here = |pinned: &crate::api::TargetStatus| pinned.account_id == target.account_id && pinned.region == target.region;
    let others = inputs.others.iter().filter(|other| {
        let pinned = other.status.as_ref().and_then(|status| status.target.as_ref());
        pinned.is_some_and(here) && !other.spec.suspend && other.metadata.deletion_timestamp.is_none()
    });
    others.map(|other| other.spec.vpc_id.clone()).collect()
}
