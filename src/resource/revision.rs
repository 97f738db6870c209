//! Registered revisions other than the current one: which are no longer wanted, who uses them, and the steps that retire them.
//!
//! A revision in use is never retired, and one whose users could not be seen counts as used.

use super::normalise::DefinitionKind;
use super::tags::{NAMESPACE_UID, Owner, Tags, claimed_by};
use crate::api::{NeedStatus, RevisionStatus};
use crate::failure::Failure;
use crate::observed::{Observed, Snapshot};
use crate::plan::{Action, Hold, Kind, Plan, Subject};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// All revisions of one name: an ECS family, or the job definitions of one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Family {
    /// ECS or Batch.
    pub kind: DefinitionKind,
    /// The family or job definition name.
    pub name: String,
}

impl Family {
    /// Family and revision of a definition's ARN (`…:task-definition/NAME:7`).
    pub fn of(arn: &str) -> Option<(Self, i64)> {
        let (place, id) = arn.rsplit_once('/')?;
        let kind = match place.rsplit_once(':')? {
            (_, "task-definition") => DefinitionKind::TaskDefinition,
            (_, "job-definition") => DefinitionKind::JobDefinition,
            _ => return None,
        };
        let (name, revision) = id.rsplit_once(':')?;
        Some((Self { kind, name: name.to_owned() }, revision.parse().ok()?))
    }
}

impl fmt::Display for Family {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            DefinitionKind::TaskDefinition => write!(out, "task definition family {}", self.name),
            DefinitionKind::JobDefinition => write!(out, "job definition {}", self.name),
        }
    }
}

/// A registered revision, as far as its retirement needs it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObservedRevision {
    /// ARN with revision.
    pub arn: String,
    /// Whether it is ACTIVE; otherwise it is deregistered and not deleted yet.
    pub active: bool,
    /// Tags.
    pub tags: Tags,
    /// ARN of the execution role that it names.
    pub role: Option<String>,
    /// The secrets that its containers pull with.
    pub secrets: Vec<String>,
    /// What else it needs of its role.
    pub needs: Vec<NeedStatus>,
}

impl ObservedRevision {
    /// As a status records it.
    pub fn as_status(&self) -> RevisionStatus {
        let Self { arn, role, secrets, needs, .. } = self.clone();
        RevisionStatus { arn, execution_role_arn: role, secrets, needs }
    }
}

/// Who uses which revision: for people, by the revision's ARN.
pub type Usage = BTreeMap<String, Vec<String>>;

/// Revisions that DeleteTaskDefinitions takes in one call (ECS API).
const MAX_DELETED: usize = 10;
/// Revisions that are retired in one pass, or looked at for it: as many as the rate of ECS spares at once. Of those in use as many are
/// looked at besides, to be told: they must not keep the others waiting.
pub const MAX_RETIRED: usize = 10;
/// Users that a message names; the rest are counted.
const MAX_NAMED: usize = 5;

/// The ARNs among `older` that are no longer wanted: what is beyond the limit in the family, the oldest first, and all of any other
/// family.
pub fn surplus<'a>(older: impl Iterator<Item = &'a str>, family: &Family, limit: usize) -> Vec<String> {
    let (mut own, mut rest) = (vec![], vec![]);
    for arn in older {
        match Family::of(arn) {
            Some((of, revision)) if of == *family => own.push((revision, arn)),
            _ => rest.push(arn.to_owned()),
        }
    }
    own.sort_by_key(|(revision, _)| std::cmp::Reverse(*revision));
    let beyond = own.into_iter().skip(limit).rev().map(|(_, arn)| arn.to_owned());
    rest.into_iter().chain(beyond).collect()
}

/// What becomes of a revision.
enum Fate<'a> {
    /// It is not there any more.
    Gone,
    /// Its tags are not ours.
    Foreign,
    /// It is used by these.
    Used(&'a [String]),
    /// It, or who uses it, could not be seen.
    Unseen(&'a Failure),
    /// Nothing keeps it.
    Free(&'a ObservedRevision),
}

fn fate<'a>(seen: &'a Snapshot<ObservedRevision>, owner: &Owner, usage: Option<&'a Snapshot<Usage>>) -> Fate<'a> {
    let revision = match seen {
        Snapshot::Unknown(failure) => return Fate::Unseen(failure),
        Snapshot::Absent => return Fate::Gone,
        Snapshot::Present(revision) => revision,
    };
    // A status is no authority for ending anything: the tags themselves must say so.
    if !owner.owns(&revision.tags, false) {
        return Fate::Foreign;
    }
    match usage {
        Some(Snapshot::Unknown(failure)) => Fate::Unseen(failure),
        Some(Snapshot::Present(usage)) => match usage.get(&revision.arn) {
            Some(users) => Fate::Used(users),
            None => Fate::Free(revision),
        },
        Some(Snapshot::Absent) | None => Fate::Free(revision),
    }
}

/// Adds what retires these revisions of a workload that lives on. What keeps one is a note: nothing waits for it.
pub fn plan_retirement(owner: &Owner, surplus: &[String], delete: bool, observed: &Observed, plan: &mut Plan) {
    let mut deleted = vec![];
    for arn in surplus {
        let family = Family::of(arn).map(|(family, _)| family);
        let usage = family.and_then(|family| observed.usage.get(&family));
        let (Some(seen), Some(usage)) = (observed.revisions.get(arn), usage) else { continue };
        if deleted.len() == MAX_RETIRED {
            break;
        }
        match fate(seen, owner, Some(usage)) {
            Fate::Gone | Fate::Foreign => {}
            Fate::Used(users) => plan.notes.push(format!("{arn} stays registered: it is used by {}", named(users))),
            Fate::Unseen(failure) => {
                plan.notes.push(format!("{arn} stays registered: who uses it could not be seen: {failure}"));
            }
            Fate::Free(revision) => {
                let subject = Subject { kind: Kind::Revision, name: arn.clone() };
                retire(revision, subject, "it is older than revisionHistoryLimit keeps", plan);
                deleted.push(arn.clone());
            }
        }
    }
    if delete {
        let subject = Subject { kind: Kind::Revision, name: "retired".to_owned() };
        plan_deletion(deleted, subject, Kind::Revision, plan);
    }
}

/// Adds what ends every revision of ours in a family. What is used holds the deletion up, and so does one of another hand that is used
/// and pulls with one of the `needed` secrets, which would go. Without `usage` nothing does.
pub fn plan_removal(
    family: &Family,
    owner: &Owner,
    revisions: &Snapshot<Vec<ObservedRevision>>,
    usage: Option<&Snapshot<Usage>>,
    needed: &BTreeSet<&str>,
    delete: bool,
    plan: &mut Plan,
) {
    let subject = Subject::definition(&family.name);
    let revisions = match revisions {
        Snapshot::Unknown(_) if plan.holds(&subject) => return, // both services may have the name
        Snapshot::Unknown(failure) => return plan.unobserved(subject, failure),
        Snapshot::Absent => return,
        Snapshot::Present(revisions) => revisions,
    };
    let used =
        |revision: &ObservedRevision| usage.and_then(Snapshot::present).is_some_and(|usage| usage.contains_key(&revision.arn));
    let mut deleted = vec![];
    for revision in revisions {
        let seen = Snapshot::Present(revision.clone());
        match fate(&seen, owner, usage) {
            Fate::Gone => {}
            Fate::Foreign if used(revision) && revision.secrets.iter().any(|arn| needed.contains(arn.as_str())) => {
                let message = format!(
                    "{} is of another hand, is used, and pulls with a secret that would go ({}); move its users, or annotate the workload with wharfinger.dev/force-delete=true",
                    revision.arn,
                    claimed_by(&revision.tags)
                );
                plan.hold(subject.clone(), Hold::InUse, message);
            }
            // A status may name what is another namespace's: of that nothing is told.
            Fate::Foreign if revision.tags.get(NAMESPACE_UID).is_some_and(|uid| *uid != owner.namespace_uid) => {}
            Fate::Foreign => plan.notes.push(format!("{} is left alone: {}", revision.arn, claimed_by(&revision.tags))),
            Fate::Unseen(failure) => {
                let message = format!(
                    "who uses {} could not be seen, so it counts as used: {failure}; allow the call, or annotate the workload with wharfinger.dev/force-delete=true",
                    revision.arn
                );
                plan.hold(subject.clone(), Hold::Unobserved(failure.clone()), message);
            }
            Fate::Used(users) => {
                let message = format!(
                    "{} is used by {}; stop them or move them to another definition, or annotate the workload with wharfinger.dev/force-delete=true",
                    revision.arn,
                    named(users)
                );
                plan.hold(subject.clone(), Hold::InUse, message);
            }
            Fate::Free(_) => {
                retire(revision, subject.clone(), "its workload goes", plan);
                deleted.push(revision.arn.clone());
            }
        }
    }
    hold_retired(family, revisions, usage, plan);
    if delete {
        plan_deletion(deleted, subject, Kind::Definition, plan);
    }
}

/// What was deregistered earlier and is still used: AWS keeps it working, and it needs its secret and role.
fn hold_retired(family: &Family, listed: &[ObservedRevision], usage: Option<&Snapshot<Usage>>, plan: &mut Plan) {
    let used = usage.and_then(Snapshot::present).into_iter().flatten();
    let of_family = |arn: &str| Family::of(arn).is_some_and(|(of, _)| of == *family);
    for (arn, users) in used.filter(|(arn, _)| of_family(arn) && !listed.iter().any(|revision| revision.arn == **arn)) {
        let message = format!(
            "{arn} is deregistered and still used by {}; stop them or move them to another definition, or annotate the workload with wharfinger.dev/force-delete=true",
            named(users)
        );
        plan.hold(Subject::definition(&family.name), Hold::InUse, message);
    }
}

fn retire(revision: &ObservedRevision, subject: Subject, reason: &str, plan: &mut Plan) {
    let Some((family, _)) = Family::of(&revision.arn).filter(|_| revision.active) else { return };
    plan.step(subject, Action::DeregisterDefinition { kind: family.kind, arn: revision.arn.clone() }, &[], reason, vec![]);
}

/// Only what is deregistered can be deleted, and only in ECS. After a failure nothing of that kind is.
fn plan_deletion(arns: Vec<String>, subject: Subject, kind: Kind, plan: &mut Plan) {
    let of_ecs = |arn: &String| Family::of(arn).is_some_and(|(family, _)| family.kind == DefinitionKind::TaskDefinition);
    let arns: Vec<String> = arns.into_iter().filter(of_ecs).collect();
    let before: BTreeSet<Subject> =
        plan.steps.iter().map(|step| step.subject.clone()).filter(|subject| subject.kind == kind).collect();
    let before: Vec<Subject> = before.into_iter().collect();
    for chunk in arns.chunks(MAX_DELETED) {
        let action = Action::DeleteTaskDefinitions { arns: chunk.to_vec() };
        plan.step(subject.clone(), action, &before, "retiredRevisions is Delete", vec![]);
    }
}

/// In order, so that the same users make the same text.
fn named(users: &[String]) -> String {
    let sorted: BTreeSet<&String> = users.iter().collect();
    let named = sorted.into_iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match users.len().saturating_sub(MAX_NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_of_arns() {
        let ecs = |name: &str| Family { kind: DefinitionKind::TaskDefinition, name: name.to_owned() };
        let batch = |name: &str| Family { kind: DefinitionKind::JobDefinition, name: name.to_owned() };
        let rows = [
            ("arn:aws:ecs:eu-west-1:111122223333:task-definition/payments_api:7", Some((ecs("payments_api"), 7))),
            ("arn:aws:batch:eu-west-1:111122223333:job-definition/settle:12", Some((batch("settle"), 12))),
            ("arn:aws:ecs:eu-west-1:111122223333:task-definition/payments_api", None),
            ("arn:aws:ecs:eu-west-1:111122223333:service/prod/api:7", None),
            ("payments_api:7", None),
        ];
        for (arn, expected) in rows {
            assert_eq!(Family::of(arn), expected, "{arn}");
        }
    }

    #[test]
    fn what_is_beyond_the_limit_goes_and_all_of_other_families() {
        let arn = |name: &str, revision: i64| format!("arn:aws:ecs:eu-west-1:111122223333:task-definition/{name}:{revision}");
        let older = [arn("api", 9), arn("api", 10), arn("web", 1), arn("api", 2)];
        let family = Family { kind: DefinitionKind::TaskDefinition, name: "api".into() };
        let rows: [(usize, Vec<String>); 4] = [
            (3, vec![arn("web", 1)]),
            (2, vec![arn("web", 1), arn("api", 2)]),
            (1, vec![arn("web", 1), arn("api", 2), arn("api", 9)]),
            (0, vec![arn("web", 1), arn("api", 2), arn("api", 9), arn("api", 10)]),
        ];
        for (limit, expected) in rows {
            assert_eq!(surplus(older.iter().map(String::as_str), &family, limit), expected, "limit {limit}");
        }
    }
}
