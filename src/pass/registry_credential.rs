//! What is known of a `RegistryCredential` after a pass.

use super::{Done, Facts, Outcome, existing_status, kept_secret};
use crate::api::ReplicaStatus;
use crate::desired::{CredentialSecret, DesiredCredential};
use crate::observed::{Observed, Snapshot};
use crate::plan::{self, Plan};
use crate::resource::grants::via_service;
use crate::resource::secret::ObservedReplica;
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
            let copy = |(region, copy): (&String, &ObservedReplica)| ReplicaStatus {
                region: region.clone(),
                kms_key_arn: copy.kms_key.clone(),
                state: copy.state.clone(),
                message: copy.message.clone(),
            };
            facts.replicas = seen.iter().flat_map(|secret| &secret.replicas).map(copy).collect();
            let others = |reader: &&String| !reader.contains(&format!(":iam::{}:", scope.target.account_id));
            let others: BTreeSet<String> = sharing.readers.iter().filter(others).cloned().collect();
            if let Some(secret) = facts.secrets.first().filter(|_| !others.is_empty()) {
                let via = via_service("secretsmanager", &scope.target.region, scope.target.partition);
                facts.key_policy_statement = Some(key_policy_statement(&others, &secret.arn, &via).to_string());
            }
        }
    }
    facts
}
