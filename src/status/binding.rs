//! The status of an `AccountBinding`: how many workloads use it, and whether its deletion waits for them.

use super::{READY, STALLED};
use crate::api::{AccountBinding, AccountBindingStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Users named in a message; the rest are counted.
const MAX_NAMED: usize = 10;

/// The status. `users` = namespace and name of each workload.
pub fn binding_status(binding: &AccountBinding, users: &[String], now: Timestamp) -> AccountBindingStatus {
    let previous = binding.status.clone().unwrap_or_default().conditions;
    let condition = |kind: &str, status: &str, reason: &str, message: String| {
        let before = previous.iter().find(|condition| condition.type_ == kind && condition.status == status);
        Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message,
            observed_generation: binding.metadata.generation,
            last_transition_time: before.map_or(Time(now), |before| before.last_transition_time.clone()),
        }
    };
    let conditions = if binding.metadata.deletion_timestamp.is_some() && !users.is_empty() {
        let named = users.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = users
            .len()
            .checked_sub(MAX_NAMED)
            .filter(|more| *more > 0)
            .map(|more| format!(" and {more} more"))
            .unwrap_or_default();
        let message = format!(
            "deletion waits for the workloads that use this binding: {named}{more}; delete them, or annotate them with wharfinger.dev/abandon=true"
        );
        vec![
            condition(READY, "False", "DeletionBlocked", message.clone()),
            condition(STALLED, "True", "DeletionBlocked", message),
        ]
    } else {
        vec![condition(READY, "True", "Succeeded", "the account is checked when a workload acts in it".to_owned())]
    };
    AccountBindingStatus { observed_generation: binding.metadata.generation, workloads: users.len() as i64, conditions }
}
