//! Secrets that only the word of others leads to and that lie under our own prefix: one of that name may have been made for another
//! namespace, such as an earlier one of the name. The pass of who names it looks at its tags; so does every other pass, before it
//! grants what no pass has granted yet.

use super::Desired;
use crate::observed::{Observed, Snapshot};
use crate::plan::is_strangers;
use crate::resource::grants::Grants;
use crate::target::Target;
use std::collections::BTreeSet;

/// Divides what somebody is said to need into what a fence admits, and secrets whose owner must be looked at.
pub(super) fn divide(grants: Grants, target: &Target) -> (Grants, Grants) {
    grants.divide(|secret| target.admits(|limits| &limits.secret_arns, secret))
}

impl Desired {
    /// What the others that share the role need, as far as it is certain.
    pub(crate) fn needs_of_others(&self, observed: &Observed) -> Grants {
        self.role.others.union(&self.proven(&self.role.doubtful, observed))
    }

    /// What revisions that are still registered need besides what the present one does, as far as it is certain.
    pub(crate) fn former_grants(&self, observed: &Observed) -> Grants {
        let (certain, doubtful) = divide(self.recorded_grants(observed), &self.target);
        certain.union(&self.proven(&doubtful, observed))
    }

    /// The secrets that are still to be looked at for that.
    pub(super) fn doubtful_secrets(&self, observed: &Observed) -> BTreeSet<String> {
        let (_, doubtful) = divide(self.recorded_grants(observed), &self.target);
        let doubtful = doubtful.union(&self.role.doubtful);
        let known = self.proven(&doubtful, observed).about_secrets();
        let (_, rest) = doubtful.divide(|secret| known.contains(secret) || observed.secrets.contains_key(secret));
        rest.about_secrets()
    }

    /// What is granted already stays: a pass that looked has granted it.
    fn proven(&self, doubtful: &Grants, observed: &Observed) -> Grants {
        let policy = observed.roles.get(&self.role.name).and_then(|role| role.inline_policy.present());
        let granted = policy.map(|policy| Grants::held_in(policy, &self.role.settings.pulls).grants).unwrap_or_default();
        let is_ours = |secret: &str| {
            observed.secrets.get(secret).and_then(Snapshot::present).is_some_and(|it| !is_strangers(it, &self.scope()))
        };
        doubtful.proven(&granted, is_ours)
    }
}
