//! The end of what the spec no longer leads to, once the new is there: older revisions, then what only they needed.

use super::{Action, Plan, Subject};
use crate::desired::{Desired, FormerSecret};
use crate::observed::{Observed, Snapshot};
use crate::resource::{revision, role};

/// Adds it. While a new revision is still to be registered nothing ends.
pub(super) fn retire(desired: &Desired, observed: &Observed, plan: &mut Plan) {
    if plan.steps.iter().any(|step| matches!(step.action, Action::RegisterDefinition { .. })) {
        return;
    }
    revision::plan_retirement(&desired.definition.owner, &desired.surplus(observed), desired.delete_retired, observed, plan);
    let mut past = Plan::default();
    let leaving: Vec<&FormerSecret> = desired.leaving_secrets(observed).collect();
    let dropped = leaving.iter().map(|former| former.status.arn.as_str()).collect();
    for former in desired.leaving_roles(observed) {
        role::plan_removal(&former.role, former.shared, &dropped, observed.roles.get(&former.role.name), &[], &mut past);
    }
    for kept in leaving.iter().filter_map(|former| former.kept.as_ref()) {
        let Some(Snapshot::Present(found)) = observed.secrets.get(&kept.name) else { continue };
        let ours = kept.owner.owns(&found.tags, kept.recorded.as_deref() == Some(&found.arn));
        if ours && !found.scheduled_for_deletion && kept.shared_with.is_empty() {
            let action =
                Action::DeleteSecret { arn: found.arn.clone(), recovery_window_in_days: desired.recovery_window_in_days };
            past.step(Subject::secret(&kept.name), action, &[], "no registered revision pulls with it any more", vec![]);
        }
    }
    plan.end(past);
}
