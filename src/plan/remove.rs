//! What to write so that a workload leaves nothing behind, in the reverse order: definitions, then policy and role, then secrets.

use super::{Action, Plan, Subject};
use crate::desired::{FormerRole, Removal};
use crate::observed::{Observed, Snapshot};
use crate::resource::tags::claimed_by;
use crate::resource::{revision, role};

/// The plan for an object whose deletion leaves everything.
pub fn retained() -> Plan {
    Plan { notes: vec!["deletionPolicy is Retain: everything in AWS stays".into()], ..Plan::default() }
}

/// The plan that removes what the workload made and nobody else uses.
pub fn remove(removal: &Removal, observed: &Observed) -> Plan {
    if removal.retain {
        return retained();
    }
    let mut plan = Plan::default();
    let going = removal.secrets.iter().filter(|secret| secret.shared_with.is_empty());
    let needed = going.filter_map(|secret| Some(observed.secrets.get(&secret.name)?.present()?.arn.as_str())).collect();
    for (family, revisions) in &observed.families {
        let usage = observed.usage.get(family).filter(|_| !removal.force);
        revision::plan_removal(family, &removal.owner, revisions, usage, &needed, removal.delete_retired, &mut plan);
    }
    if !plan.held.is_empty() {
        return plan;
    }
    let mut after: Vec<Subject> = observed.families.keys().map(|family| Subject::definition(&family.name)).collect();
    for FormerRole { role, shared } in &removal.roles {
        // Of a shared role's policy only what goes altogether is dropped; of our own, whatever this workload pulled with.
        let dropped = removal.secrets.iter().filter(|secret| !shared || secret.shared_with.is_empty());
        let dropped = dropped.filter_map(|secret| Some(observed.secrets.get(&secret.name)?.present()?.arn.as_str())).collect();
        role::plan_removal(role, *shared, &dropped, observed.roles.get(&role.name), &after, &mut plan);
    }
    if !plan.held.is_empty() {
        return plan;
    }
    after.extend(removal.roles.iter().map(|former| Subject::role(&former.role.name)));
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
