//! What is known of a `RegistryCredential` after a pass.

use super::{Done, Facts, Outcome, existing_status, kept_secret};
use crate::api::ReplicaStatus;
use crate::desired::{CredentialSecret, DesiredCredential};
use crate::observed::{Observed, Snapshot};
use crate::plan::{self, Action, Plan};
use crate::resource::secret::ObservedSecret;
use crate::resource::secret::sharing::key_policy_statement;
use std::collections::BTreeSet;

/// What is known of a credential after the steps.
pub fn credential_facts(desired: &DesiredCredential, observed: &Observed, plan: &Plan, outcomes: &[Outcome]) -> Facts {
    let (done, scope) = (Done { plan, outcomes }, desired.scope());
    let mut facts = Facts::default();
    match &desired.secret {
        CredentialSecret::Existing(existing) => {
            let found = plan::existing_secret(existing, &scope, observed, &mut Plan::default());
            facts.secrets = found.into_iter().map(|(arn, key)| existing_status(existing, arn, key)).collect();
        }
        CredentialSecret::Kept { secret, sharing, .. } => {
            facts.secrets = kept_secret(secret, &scope, observed, &done).into_iter().collect();
            let seen = observed.secrets.get(&secret.name).and_then(Snapshot::present);
            let asked = asked_for(&done);
            let again = |copy: &ReplicaStatus| asked.iter().any(|asked| asked.region == copy.region);
            let seen = seen.into_iter().flat_map(|secret| copies(secret, observed));
            facts.replicas = seen.filter(|copy| !removed(copy, &done) && !again(copy)).collect();
            facts.replicas.extend(asked);
            let others: BTreeSet<String> = sharing.readers_of_other_accounts(&scope.target.account_id).cloned().collect();
            if let Some(arn) = facts.secrets.first().map(|secret| secret.arn.clone()).filter(|_| !others.is_empty()) {
                let statement = |region: &str| key_policy_statement(&others, &arn, region).map(|it| it.to_string());
                facts.key_policy_statement = statement(&scope.target.region);
                for copy in &mut facts.replicas {
                    copy.key_policy_statement = statement(&copy.region);
                }
            }
        }
    }
    facts
}

fn copies(secret: &ObservedSecret, observed: &Observed) -> impl Iterator<Item = ReplicaStatus> {
    secret.replicas.iter().map(|(region, copy)| ReplicaStatus {
        region: region.clone(),
        kms_key_arn: secret.key_of_copy(region, &observed.keys).ok().flatten(),
        state: copy.state.clone(),
        message: copy.message.clone(),
        key_policy_statement: None,
    })
}

/// Copies that were asked for just now: AWS makes them by and by.
fn asked_for(done: &Done) -> Vec<ReplicaStatus> {
    let copies = done.steps().filter_map(|step| match &step.action {
        Action::ReplicateSecretToRegions { replicas, .. } => Some(replicas),
        _ => None,
    });
    let state = || "InProgress".to_owned();
    let copy = |(region, key): (&String, &Option<String>)| ReplicaStatus {
        region: region.clone(),
        kms_key_arn: key.clone(),
        state: state(),
        message: None,
        key_policy_statement: None,
    };
    copies.flatten().map(copy).collect()
}

fn removed(copy: &ReplicaStatus, done: &Done) -> bool {
    done.steps().any(
        |step| matches!(&step.action, Action::RemoveRegionsFromReplication { regions, .. } if regions.contains(&copy.region)),
    )
}
