//! What to write so that a workload leaves nothing behind, in the reverse order: definitions, then policy and role, then secrets.

use super::{Action, Plan, Subject};
use crate::desired::Removal;
use crate::observed::{Observed, Snapshot};
use crate::resource::tags::claimed_by;
use crate::resource::{definition, role};

/// The plan that removes what the workload made and nobody else uses.
pub fn remove(removal: &Removal, observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    if removal.retain {
        plan.notes.push("deletionPolicy is Retain: everything in AWS stays".into());
        return plan;
    }
    if let Some(revisions) = &observed.revisions {
        definition::plan_removal(removal.kind, &removal.definition, &removal.owner, revisions, &mut plan);
    }
    let definition = Subject::definition(&removal.definition);
    if plan.holds(&definition) {
        return plan;
    }
    // Of a shared role's policy only what goes altogether is dropped; of our own, whatever this workload pulled with.
    let dropped = removal.secrets.iter().filter(|secret| !removal.role_shared || secret.shared_with.is_empty());
    let dropped = dropped.filter_map(|secret| Some(observed.secrets.get(&secret.name)?.present()?.arn.as_str())).collect();
    role::plan_removal(&removal.role, removal.role_shared, &dropped, observed, std::slice::from_ref(&definition), &mut plan);
    if plan.holds(&Subject::role(&removal.role.name)) {
        return plan;
    }
    let after = [definition, Subject::role(&removal.role.name)];
    for candidate in &removal.secrets {
        let subject = Subject::secret(&candidate.name);
        match observed.secrets.get(&candidate.name) {
            Some(Snapshot::Unknown(failure)) => plan.unobserved(subject, failure),
            Some(Snapshot::Present(found)) if found.scheduled_for_deletion => {}
            Some(Snapshot::Present(found))
                if !candidate.owner.owns(&found.tags, candidate.recorded.as_deref() == Some(&found.arn)) =>
            {
                plan.notes.push(format!("secret {} is left alone: {}", found.arn, claimed_by(&found.tags)));
            }
            Some(Snapshot::Present(found)) if candidate.shared_with.is_empty() => {
                let action =
                    Action::DeleteSecret { arn: found.arn.clone(), recovery_window_in_days: removal.recovery_window_in_days };
                plan.step(subject, action, &after, "the last workload that uses it goes", vec![]);
            }
            Some(Snapshot::Present(found)) => {
                plan.notes.push(format!("secret {} stays: {} uses it", found.arn, candidate.shared_with.join(", ")));
            }
            Some(Snapshot::Absent) | None => {}
        }
    }
    plan
}
