//! What earlier passes left that the spec no longer leads to: older revisions, and the roles and secrets that they name. It stays
//! while a registered revision needs it, and goes after that.

use super::needs;
use super::shared::{grants_of, is_recorded_by_others, is_role_shared, needs_of_others, settings_of, users_of_former};
use super::{Desired, RemovedSecret, credentials, fences, owner};
use crate::api::{RevisionStatus, SecretStatus};
use crate::inputs::Inputs;
use crate::observed::{Observed, Reads, Snapshot};
use crate::resource::arn::Arn;
use crate::resource::grants::Grants;
use crate::resource::names;
use crate::resource::revision::{Family, MAX_RETIRED, ObservedRevision, surplus};
use crate::resource::role::{DesiredRole, ManagedRole};
use crate::target::Target;
use std::collections::BTreeSet;

/// `spec.revisionHistoryLimit` where there is none.
pub const REVISION_HISTORY_LIMIT: usize = 3;

/// A role that was the execution role.
#[derive(Debug, Clone, PartialEq)]
pub struct FormerRole {
    /// The role, with what others need of it.
    pub role: DesiredRole,
    /// Whether another workload uses it.
    pub shared: bool,
}

/// A secret that containers pulled with.
#[derive(Debug, Clone, PartialEq)]
pub struct FormerSecret {
    /// As the status has it.
    pub status: SecretStatus,
    /// What its removal needs; none for a secret that is not kept by us.
    pub kept: Option<RemovedSecret>,
}

/// Our other registered revisions, as far as the status knows them. What is registered under another name than the present one
/// is older, too.
pub(super) fn older(inputs: &Inputs, target: &Target, family: &Family) -> Option<Vec<RevisionStatus>> {
    let status = inputs.workload.status.as_ref()?;
    let current = status.definition.as_ref()?;
    let elsewhere = Family::of(&current.arn).is_some_and(|(of, _)| of != *family);
    let mut older = match &status.older_revisions {
        Some(older) => older.clone(),
        None if elsewhere => vec![],
        None => return None,
    };
    if elsewhere && !older.iter().any(|it| it.arn == current.arn) {
        older.insert(0, undescribed(inputs, &current.arn));
    }
    older.retain(|revision| is_here(target, &revision.arn));
    Some(older)
}

/// A revision of which only the ARN is known: it may need any role, and any secret that we know of.
pub(super) fn undescribed(inputs: &Inputs, arn: &str) -> RevisionStatus {
    let secrets = inputs.workload.status.iter().flat_map(|status| &status.secrets).map(|secret| secret.arn.clone()).collect();
    RevisionStatus { arn: arn.to_owned(), execution_role_arn: None, secrets, needs: vec![] }
}

/// Whether an ARN of a status is of the target's account and Region: a status is no authority.
fn is_here(target: &Target, arn: &str) -> bool {
    Arn::parse(arn).is_ok_and(|arn| arn.account == target.account_id && arn.region == target.region)
}

/// Roles of the status other than the present one.
pub(super) fn former_roles(inputs: &Inputs, target: &Target, present: &DesiredRole) -> Vec<FormerRole> {
    let Some(status) = &inputs.workload.status else { return vec![] };
    let mut arns: Vec<&String> = status.former_roles.iter().chain(&status.execution_role_arn).collect();
    arns.sort();
    arns.dedup();
    // A role of the same name under another path is the one that there is.
    let other = |arn: Arn| arn.account == target.account_id && arn.role_name() != Some(&present.name);
    arns.retain(|arn| Arn::parse(arn).is_ok_and(other));
    arns.into_iter().filter_map(|arn| former_role(inputs, target, arn, None, false)).collect()
}

/// The role of an ARN as one whose part of ours goes. `made` = whether the role itself is ours; where that is not known, its tags
/// say so. Workloads that are being deleted need what they need until their definitions are gone, so they count unless
/// `leaving_too`.
pub(super) fn former_role(
    inputs: &Inputs,
    target: &Target,
    arn: &str,
    made: Option<bool>,
    leaving_too: bool,
) -> Option<FormerRole> {
    let namespace = &inputs.namespace;
    let parsed = Arn::parse(arn).ok()?;
    let (name, path) = (parsed.role_name()?.to_owned(), parsed.role_path()?.to_owned());
    let settings = settings_of(inputs, target, &name);
    let others = needs_of_others(inputs, target, &name, &settings, leaving_too);
    let status = inputs.workload.status.iter();
    let recorded =
        status.flat_map(|status| status.execution_role_arn.iter().chain(&status.former_roles)).any(|named| named == arn);
    Some(FormerRole {
        shared: is_role_shared(inputs, target, &name) || !inputs.strangers.is_empty(),
        role: DesiredRole {
            owner: owner(inputs, &format!("Namespace/{}", namespace.name)),
            policy_name: names::inline_policy(&inputs.cluster, &namespace.uid),
            managed: made.unwrap_or(true).then_some(ManagedRole {
                path,
                boundary: None,
                recorded: recorded && fences::has_own_name(target, &namespace.name, &name),
                former: made.is_none(),
            }),
            name,
            arn: arn.to_owned(),
            settings,
            needs_managed_policy: false,
            regions: others.regions,
            contributors: vec![],
            others: others.grants,
            doubtful: others.doubtful,
            unclear: others.unclear,
        },
    })
}

/// Secrets of the status that the spec no longer leads to.
pub(super) fn former_secrets(inputs: &Inputs, target: &Target, matched: &credentials::Matched) -> Vec<FormerSecret> {
    let recorded = inputs.workload.status.iter().flat_map(|status| status.secrets.iter());
    let wanted = |secret: &&SecretStatus| match &secret.name {
        Some(name) => matched.kept.iter().any(|kept| kept.name == *name),
        None => {
            matched.existing.iter().any(|existing| is_named(&secret.arn, &existing.id))
                || matched.referenced.iter().any(|referenced| referenced.arn == secret.arn)
        }
    };
    let former = recorded.filter(|secret| !wanted(secret)).map(|secret| FormerSecret {
        status: SecretStatus { former: true, ..secret.clone() },
        kept: secret.name.as_ref().and_then(|name| kept(inputs, target, name, &secret.arn)),
    });
    former.collect()
}

fn kept(inputs: &Inputs, target: &Target, name: &str, arn: &str) -> Option<RemovedSecret> {
    let (source, _) = names::secret_parts(&target.names.secret_prefix, &inputs.namespace.name, name)?;
    Some(RemovedSecret {
        name: name.to_owned(),
        owner: owner(inputs, &format!("Secret/{source}")),
        recorded: Some(arn.to_owned()),
        shared_with: users_of_former(inputs, target, name),
        kept_by_others: is_recorded_by_others(inputs, target, name),
    })
}

/// Whether `id` (a name, a partial or a full ARN) names the secret of this ARN.
fn is_named(arn: &str, id: &str) -> bool {
    let without_suffix = arn.rsplit_once('-').map_or(arn, |(stem, _)| stem);
    let name = without_suffix.split_once(":secret:").map(|(_, name)| name);
    id == arn || id == without_suffix || Some(id) == name
}

/// Whether a user of this revision was seen.
fn is_used(observed: &Observed, arn: &str) -> bool {
    let usage = Family::of(arn).and_then(|(family, _)| observed.usage.get(&family)?.present());
    usage.is_some_and(|usage| usage.contains_key(arn))
}

impl Desired {
    /// ARNs of the older revisions that are no longer wanted.
    pub fn surplus(&self, observed: &Observed) -> Vec<String> {
        let Some(current) = self.definition.current(observed) else { return vec![] };
        let older = self.older_now(observed).unwrap_or_default();
        let older = older.iter().map(|revision| revision.arn.as_str()).filter(|arn| *arn != current.arn);
        surplus(older, &self.definition.family(), self.history_limit)
    }

    /// Our other registered revisions: what the status knows, else what a listing saw.
    pub fn older_now(&self, observed: &Observed) -> Option<Vec<RevisionStatus>> {
        if self.older.is_some() {
            return self.older.clone();
        }
        let current = self.definition.current(observed)?;
        let listed = observed.families.get(&self.definition.family())?.present()?.iter();
        // What is newer than the current one is of another hand, whatever its tags.
        let is_older = |arn: &str| Family::of(arn).is_some_and(|(_, revision)| revision < current.revision);
        let ours = listed.filter(|it| it.active && self.definition.owner.owns(&it.tags, false) && is_older(&it.arn));
        Some(ours.map(ObservedRevision::as_status).collect())
    }

    /// Whether some registered revision needs what `names` finds in it, as far as is known. One of another hand counts, too.
    fn is_needed(&self, observed: &Observed, names: impl Fn(Option<&String>, &[String]) -> bool) -> bool {
        let (Some(current), Some(older)) = (self.definition.current(observed), self.older_now(observed)) else { return true };
        let newest = [Some(current), self.definition.foreign(observed)].into_iter().flatten();
        let newest = newest.map(|found| found.as_revision(self.definition.kind).as_status());
        newest.chain(older).any(|revision| names(revision.execution_role_arn.as_ref(), &revision.secrets))
    }

    /// Whether there may be older revisions that could not be seen.
    pub(crate) fn older_is_unseen(&self, observed: &Observed) -> bool {
        self.definition.current(observed).is_some() && self.older_now(observed).is_none()
    }

    /// Secrets that registered revisions name and that neither spec nor status know, by ARN: where a status was lost, or is none. The
    /// revision that counts is among them: it may be replaced in this very pass, and stays registered. Of a secret that was seen to be
    /// gone nothing is to be known.
    pub(crate) fn unknown_secrets(&self, observed: &Observed) -> BTreeSet<String> {
        let ids = self.secrets.iter().map(|secret| &secret.name).chain(self.existing.iter().map(|existing| &existing.id));
        let seen = ids.filter_map(|id| Some(&observed.secrets.get(id)?.present()?.arn));
        let known: BTreeSet<&String> = seen.chain(self.referenced.iter().map(|secret| &secret.arn)).collect();
        let current = self.definition.current(observed).map(|found| found.as_revision(self.definition.kind).as_status());
        let revisions = self.older_now(observed).unwrap_or_default().into_iter().chain(current);
        let former = |arn: &String| self.former_secrets.iter().any(|former| former.status.arn == *arn);
        let named = revisions.flat_map(|revision| revision.secrets);
        let gone = |arn: &String| matches!(observed.secrets.get(arn), Some(Snapshot::Absent));
        named.filter(|arn| !known.contains(&arn) && !former(arn) && !gone(arn)).collect()
    }

    /// Former secrets that no registered revision names any more.
    pub fn leaving_secrets<'a>(&'a self, observed: &'a Observed) -> impl Iterator<Item = &'a FormerSecret> {
        self.former_secrets.iter().filter(|former| !self.is_needed(observed, |_, secrets| secrets.contains(&former.status.arn)))
    }

    /// Former roles that no registered revision names any more.
    pub fn leaving_roles<'a>(&'a self, observed: &'a Observed) -> impl Iterator<Item = &'a FormerRole> {
        let needs = |role: Option<&String>, former: &FormerRole| role.is_none_or(|role| *role == former.role.arn);
        self.former_roles.iter().filter(move |former| !self.is_needed(observed, |role, _| needs(role, former)))
    }

    /// Whether the status stops naming a secret or role after this pass. Of two workloads that leave one at the same time, the
    /// later must see that the earlier has left: else both leave its end to the other.
    pub fn leaves_something(&self, observed: &Observed) -> bool {
        self.leaving_secrets(observed).next().is_some() || self.leaving_roles(observed).next().is_some()
    }

    /// What revisions that are still registered need besides what the present one does, as the status has it: former secrets, and
    /// what their containers read.
    pub(super) fn recorded_grants(&self, observed: &Observed) -> Grants {
        let (target, namespace) = (&self.target, &self.definition.owner.namespace);
        let leaving: Vec<&FormerSecret> = self.leaving_secrets(observed).collect();
        let staying = self.former_secrets.iter().filter(|former| !leaving.contains(former)).map(|former| &former.status);
        let older = self.older_now(observed).unwrap_or_default();
        let current = self.definition.current(observed).map(|found| found.as_revision(self.definition.kind).as_status());
        let needs = older.iter().chain(&current).flat_map(|revision| &revision.needs);
        let needs = needs::of_revisions(needs, &self.container_keys, target, namespace, &self.role.settings);
        grants_of(staying, target, namespace).union(&needs)
    }

    /// What has to be looked at besides, now that this was seen; none if that is all. Called until it returns none.
    pub fn further_reads(&self, observed: &Observed) -> Option<Reads> {
        let doubtful = self.doubtful_secrets(observed);
        if !doubtful.is_empty() {
            return Some(Reads { secrets: doubtful, ..Reads::default() });
        }
        let current = self.definition.current(observed)?;
        let mut reads = Reads::default();
        let family = self.definition.family();
        if self.older.is_none() && !observed.families.contains_key(&family) {
            reads.families.insert(family, false);
            return Some(reads);
        }
        let older = self.older_now(observed).unwrap_or_default().into_iter();
        let undescribed = older.filter(|revision| revision.execution_role_arn.is_none()).map(|revision| revision.arn);
        let surplus = self.surplus(observed);
        let families = surplus.iter().filter_map(|arn| Some(Family::of(arn)?.0));
        reads.usage.extend(families.filter(|family| !observed.usage.contains_key(family)));
        if !reads.usage.is_empty() {
            return Some(reads);
        }
        let (used, free): (Vec<_>, Vec<_>) = surplus.into_iter().partition(|arn| is_used(observed, arn));
        let looked_at = [used, free, undescribed.collect()].into_iter().flat_map(|arns| arns.into_iter().take(MAX_RETIRED));
        reads.revisions.extend(looked_at.filter(|arn| *arn != current.arn && !observed.revisions.contains_key(arn)));
        // Of those that nobody knows the keys are wanted.
        reads.secrets.extend(self.unknown_secrets(observed).into_iter().filter(|arn| !observed.secrets.contains_key(arn)));
        let secrets = self.leaving_secrets(observed).filter_map(|former| former.kept.as_ref());
        reads.secrets.extend(secrets.map(|kept| kept.name.clone()).filter(|name| !observed.secrets.contains_key(name)));
        let roles = self.leaving_roles(observed).map(|former| (former.role.name.clone(), former.role.policy_name.clone()));
        reads.roles.extend(roles.filter(|(name, _)| !observed.roles.contains_key(name)));
        (reads != Reads::default()).then_some(reads)
    }
}
