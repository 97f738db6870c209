//! The task execution role and our one inline policy on it: what should be, what is, and the steps between.
//!
//! Other inline policies on the role are never looked at, let alone changed.

mod removal;

pub use removal::plan_removal;

use super::grants::{Grants, PullSources};
use super::normalise::{Change, FieldChange};
use super::policy;
use super::tags::{Owner, Tags, claimed_by, missing};
use crate::api::{ManagedPolicy, RestrictPulls, Trust};
use crate::observed::{RoleSnapshot, Snapshot};
use crate::plan::{Action, Hold, Plan, Subject};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The execution role of one workload.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DesiredRole {
    /// Role name, without its path.
    pub name: String,
    /// The ARN it has or will have.
    pub arn: String,
    /// Whose our policy on it is, and the role itself if it is ours.
    pub owner: Owner,
    /// Name of our inline policy.
    pub policy_name: String,
    /// Set if the role itself is ours to make and keep.
    pub managed: Option<ManagedRole>,
    /// How it is kept.
    pub settings: RoleSettings,
    /// Whether a container needs what the managed policy grants, for ECR or for logs.
    pub needs_managed_policy: bool,
    /// Regions in which it is used.
    pub regions: BTreeSet<String>,
    /// Who needs the most of it, for people.
    pub contributors: Vec<String>,
    /// What the other workloads need that share the role.
    pub others: Grants,
    /// Secrets that they are said to need and that only our prefix admits: granted if they are, or were seen to be ours.
    pub doubtful: Grants,
    /// Why the policy may not be narrowed now: workloads whose needs are not known.
    pub unclear: Vec<String>,
}

/// How a role is kept. Workloads that differ in this do not share a role.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RoleSettings {
    /// Whether the managed policy is attached.
    pub managed_policy: ManagedPolicy,
    /// How far the trust policy is narrowed.
    pub trust: Trust,
    /// Where pulls from ECR must come from. With a network these are its ids, and none while they are not all known.
    pub pulls: PullSources,
    /// The network that pulls are bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkPulls>,
}

/// Pulls that must come through a PullNetwork. Its ids come and go with its endpoints, so roles are told apart by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetworkPulls {
    /// Its name.
    pub name: String,
    /// To what of it.
    pub by: RestrictPulls,
}

impl RoleSettings {
    /// Whether our own policy grants what the managed policy would.
    pub fn replaces_managed_policy(&self) -> bool {
        self.managed_policy == ManagedPolicy::Never || self.restricts_pulls()
    }

    /// Whether pulls must come from somewhere, be it known yet or not.
    pub fn restricts_pulls(&self) -> bool {
        self.network.is_some() || !self.pulls.is_anywhere()
    }

    /// The network whose ids are not known yet.
    fn unknown_network(&self) -> Option<&str> {
        self.network.as_ref().filter(|_| self.pulls.is_anywhere()).map(|network| network.name.as_str())
    }

    /// What differs from the defaults, as a text that a name may be made of: it must never change, nor grow by a setting that has its
    /// default, else roles of the same settings get other names. None if nothing differs.
    pub fn differences(&self) -> Option<String> {
        let managed = match self.managed_policy {
            ManagedPolicy::Auto => String::new(),
            ManagedPolicy::Always => "managedPolicy=Always;".to_owned(),
            ManagedPolicy::Never => "managedPolicy=Never;".to_owned(),
        };
        let trust = match self.trust {
            Trust::Standard => "",
            Trust::SourceAccount => "trust=SourceAccount;",
            Trust::SourceArn => "trust=SourceArn;",
        };
        let ids = |name: &str, ids: &BTreeSet<String>| match ids.is_empty() {
            true => String::new(),
            false => format!("{name}={};", ids.iter().map(String::as_str).collect::<Vec<_>>().join(",")),
        };
        let pulls = match &self.network {
            // Not by ids: a role must not change its name when an endpoint is made anew.
            Some(NetworkPulls { name, by }) => format!("network={name}:{by:?};"),
            None => ids("vpcIds", &self.pulls.vpc_ids) + &ids("vpcEndpointIds", &self.pulls.vpc_endpoint_ids),
        };
        Some(format!("{managed}{trust}{pulls}")).filter(|text| !text.is_empty())
    }
}

/// A role that is ours.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ManagedRole {
    /// IAM path.
    pub path: String,
    /// Permissions boundary.
    pub boundary: Option<String>,
    /// Whether our status names a role of this ARN, made or only used.
    pub recorded: bool,
    /// Whether only a status speaks of it: then its tags alone say whether it was made by us. If they do not, it is like one that
    /// was only used, and our policy on it goes all the same.
    pub former: bool,
}

impl ManagedRole {
    /// Whether a role with these tags is this owner's. A status does not say whether a role was made by us, so where tags were taken
    /// away, what is left of them must.
    pub fn is_of(&self, owner: &Owner, tags: &Tags) -> bool {
        owner.owns(tags, self.recorded && owner.tags().keys().any(|key| tags.contains_key(key)))
    }
}

/// A role as GetRole shows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ObservedRole {
    /// Its ARN.
    pub arn: String,
    /// Its trust policy.
    pub trust: Value,
    /// Its tags.
    pub tags: Tags,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Whether it was made so lately that not all of AWS may know it yet.
    pub is_young: bool,
}

impl DesiredRole {
    fn partition(&self) -> &str {
        self.arn.split(':').nth(1).unwrap_or("aws")
    }

    /// The trust policy that it should have.
    pub fn trust_policy(&self) -> Value {
        self.trust_policy_in(&self.regions)
    }

    fn trust_policy_in(&self, regions: &BTreeSet<String>) -> Value {
        policy::trust_policy(self.partition(), self.settings.trust, self.account(), regions)
    }

    fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }

    fn managed_policy_arn(&self) -> String {
        policy::managed_policy_arn(self.partition())
    }
}

/// Adds what is needed to make the role right. `own` = what this workload needs; `after` = what must exist first.
pub fn plan(desired: &DesiredRole, own: &Grants, observed: Option<&RoleSnapshot>, after: &[Subject], plan: &mut Plan) {
    let Some(observed) = observed else { return };
    let subject = Subject::role(&desired.name);
    if let Some(network) = desired.settings.unknown_network() {
        let message = format!(
            "role {} waits for the ids that PullNetwork {network} has, to which its pulls are bound; what it allows stays as it is",
            desired.name
        );
        return plan.hold(subject, Hold::Waiting, message);
    }
    let after: Vec<Subject> = after.iter().cloned().chain([subject.clone()]).collect();
    let exists = match (&observed.role, &desired.managed) {
        (Snapshot::Present(role), Some(managed)) => {
            if !managed.is_of(&desired.owner, &role.tags) {
                let message = format!(
                    "role {} exists and is not this namespace's: {}; it is left alone. Delete or rename it, set another names.rolePrefix in the AccountBinding, or name it in executionRole.arn",
                    role.arn,
                    claimed_by(&role.tags)
                );
                return plan.hold(subject, Hold::NotOurs, message);
            }
            plan_existing(desired, managed, role, &subject, plan);
            true
        }
        (Snapshot::Present(role), None) if role.arn == desired.arn && !desired.owner.is_another_namespaces(&role.tags) => true,
        (Snapshot::Absent, Some(managed)) => {
            plan.step(subject.clone(), create(desired, managed), &[], "it does not exist", vec![]);
            false
        }
        (Snapshot::Absent | Snapshot::Present(_), None) => {
            let message = format!(
                "role {} does not exist, or was made for another namespace; create it, or leave executionRole.arn out to have one made",
                desired.arn
            );
            return plan.hold(subject, Hold::Missing, message);
        }
        (Snapshot::Unknown(failure), _) => return plan.unobserved(subject, failure),
    };
    match &desired.managed {
        Some(_) => plan_attachment(desired, exists, observed, &subject, plan),
        None => tell_of_existing(desired, observed, plan),
    }
    let wanted = kept(desired, own.union(&desired.others), observed, plan);
    plan_inline_policy(desired, wanted, exists, observed, &after, plan);
    if exists && desired.managed.is_some() && !plan.holds(&subject) {
        plan_detachment(desired, observed, &subject, plan);
    }
}

fn create(desired: &DesiredRole, managed: &ManagedRole) -> Action {
    Action::CreateRole {
        name: desired.name.clone(),
        path: managed.path.clone(),
        trust_policy: desired.trust_policy(),
        permissions_boundary: managed.boundary.clone(),
        description: format!("Task execution role of namespace {}, kept by Wharfinger", desired.owner.namespace),
        tags: desired.owner.tags(),
    }
}

/// The boundary first: nothing is widened without it.
fn plan_existing(desired: &DesiredRole, managed: &ManagedRole, role: &ObservedRole, subject: &Subject, plan: &mut Plan) {
    let changed =
        |path: &str, from: Value, to: Value| vec![FieldChange { path: path.into(), change: Change::Changed { from, to } }];
    if let Some(boundary) = managed.boundary.as_ref().filter(|wanted| role.boundary.as_ref() != Some(wanted)) {
        let changes = changed("permissionsBoundary", json!(role.boundary), json!(boundary));
        let action = Action::PutRolePermissionsBoundary { role: desired.name.clone(), permissions_boundary: boundary.clone() };
        plan.step(subject.clone(), action, &[], "its permissions boundary is not the binding's", changes);
    }
    let mut regions = desired.regions.clone();
    if !desired.unclear.is_empty() {
        regions.extend(policy::trusted_regions(&role.trust)); // who is not known here may be there
    }
    let trust = desired.trust_policy_in(&regions);
    // As `SourceArn` left it, of which tasks elsewhere know nothing, or as somebody set it for another account.
    if policy::shuts_out(&role.trust, desired.account(), &regions) || !policy::is_as_strict(&role.trust, &trust) {
        let changes = changed("trustPolicy", role.trust.clone(), trust.clone());
        let action = Action::UpdateAssumeRolePolicy { role: desired.name.clone(), trust_policy: trust };
        plan.step(subject.clone(), action, std::slice::from_ref(subject), "its trust policy differs", changes);
    }
    let tags = missing(&desired.owner.tags(), &role.tags);
    if !tags.is_empty() {
        plan.step(subject.clone(), Action::TagRole { role: desired.name.clone(), tags }, &[], "its tags differ", vec![]);
    }
}

/// The managed policy where it is wanted.
fn plan_attachment(desired: &DesiredRole, exists: bool, observed: &RoleSnapshot, subject: &Subject, plan: &mut Plan) {
    let replaced = desired.settings.replaces_managed_policy();
    let wanted = !replaced && (desired.needs_managed_policy || desired.settings.managed_policy == ManagedPolicy::Always);
    let policy_arn = desired.managed_policy_arn();
    let attached = match &observed.attached {
        Snapshot::Unknown(failure) if exists && (wanted || replaced) => return plan.unobserved(subject.clone(), failure),
        Snapshot::Present(attached) => attached.contains(&policy_arn),
        _ => false,
    };
    if wanted && !attached {
        let reason = match desired.settings.managed_policy {
            ManagedPolicy::Always => "managedPolicy is Always",
            _ => "a container pulls from ECR or writes logs",
        };
        let action = Action::AttachRolePolicy { role: desired.name.clone(), policy_arn };
        plan.step(subject.clone(), action, std::slice::from_ref(subject), reason, vec![]);
    }
}

/// The managed policy goes where it would void what our own says: after our own is there, so that tasks are never without both.
fn plan_detachment(desired: &DesiredRole, observed: &RoleSnapshot, subject: &Subject, plan: &mut Plan) {
    let policy_arn = desired.managed_policy_arn();
    let attached = observed.attached.present().is_some_and(|attached| attached.contains(&policy_arn));
    if attached && desired.settings.replaces_managed_policy() {
        let reason = "it would allow more than our own policy, which replaces it";
        let action = Action::DetachRolePolicy { role: desired.name.clone(), policy_arn };
        plan.step(subject.clone(), action, std::slice::from_ref(subject), reason, vec![]);
    }
}

/// What is not as it should be on a role that exists and is not ours to change.
fn tell_of_existing(desired: &DesiredRole, observed: &RoleSnapshot, plan: &mut Plan) {
    let (name, trust) = (&desired.name, desired.trust_policy());
    if let Some(role) = observed.role.present() {
        let (account, regions) = (desired.account(), &desired.regions);
        if policy::shuts_out(&role.trust, account, regions) {
            plan.notes.push(format!(
                "role {}: its trust policy lets ECS in for other accounts or Regions only, and is not changed: tasks do not start until its owner lets ECS in for account {account} in {}",
                role.arn,
                regions.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
            ));
        } else if !policy::is_as_strict(&role.trust, &trust) {
            plan.notes.push(format!(
                "role {} has another trust policy than tasks need, and is not changed: if tasks do not start, its owner must set {trust}",
                role.arn
            ));
        }
    }
    let policy_arn = desired.managed_policy_arn();
    let Some(attached) = observed.attached.present().map(|attached| attached.contains(&policy_arn)) else { return };
    let replaced = desired.settings.replaces_managed_policy();
    if attached && desired.settings.restricts_pulls() {
        let field = if desired.settings.network.is_some() { "restrictPulls" } else { "restrictPullsTo" };
        plan.notes.push(format!(
            "role {name} has {policy_arn} attached, which allows pulls from anywhere: {field} has no effect until its owner detaches it"
        ));
    }
    if !attached && !replaced && (desired.needs_managed_policy || desired.settings.managed_policy == ManagedPolicy::Always) {
        plan.notes.push(format!(
            "role {name} does not have {policy_arn} attached, and a container pulls from ECR or writes logs: its owner must attach it, or set executionRole.managedPolicy to Never"
        ));
    }
}

fn plan_inline_policy(
    desired: &DesiredRole,
    wanted: Grants,
    exists: bool,
    observed: &RoleSnapshot,
    after: &[Subject],
    plan: &mut Plan,
) {
    let subject = Subject::role(&desired.name);
    let existing = match &observed.inline_policy {
        Snapshot::Unknown(failure) if exists => return plan.unobserved(subject, failure),
        Snapshot::Present(document) => Some(document),
        _ => None,
    };
    let strange = existing.filter(|_| !desired.unclear.is_empty()).map(|existing| removal::held(desired, existing).statements);
    let strange = strange.unwrap_or_default();
    if wanted.is_empty() && strange.is_empty() {
        if existing.is_some() {
            let action = Action::DeleteRolePolicy { role: desired.name.clone(), policy: desired.policy_name.clone() };
            plan.step(subject, action, after, "no workload needs it", vec![]);
        }
        return;
    }
    let mut document = wanted.policy(&desired.settings.pulls);
    document["Statement"].as_array_mut().into_iter().for_each(|statements| statements.extend(strange.clone()));
    if existing.is_some_and(|existing| policy::same_meaning(existing, &document)) {
        return;
    }
    if policy::size(&document) > policy::MAX_INLINE_POLICY_CHARS {
        return plan.hold(subject, Hold::Missing, too_long(desired, &document));
    }
    let (change, reason) = match existing {
        None => (Change::Added(document.clone()), "its policy does not exist"),
        Some(existing) => (Change::Changed { from: existing.clone(), to: document.clone() }, "its policy differs"),
    };
    let changes = vec![FieldChange { path: format!("inlinePolicy[{}]", desired.policy_name), change }];
    let action = Action::PutRolePolicy { role: desired.name.clone(), policy: desired.policy_name.clone(), document };
    plan.step(subject, action, after, reason, changes);
}

/// What IAM would refuse, with those who ask for the most.
fn too_long(desired: &DesiredRole, document: &Value) -> String {
    format!(
        "role {} would need an inline policy of {} characters and IAM allows {} a role; most ask {}: give some workloads another executionRole",
        desired.arn,
        policy::size(document),
        policy::MAX_INLINE_POLICY_CHARS,
        desired.contributors.join(", ")
    )
}

/// What stays granted while some workload's needs are not known: everything. Narrowing waits for a complete list. (What is not
/// understood is added word for word.)
fn kept(desired: &DesiredRole, wanted: Grants, observed: &RoleSnapshot, plan: &mut Plan) -> Grants {
    let held = observed.inline_policy.present().map(|policy| removal::held(desired, policy)).unwrap_or_default();
    let all = wanted.union(&held.grants);
    if desired.unclear.is_empty() || (all == wanted && held.statements.is_empty()) {
        return wanted;
    }
    plan.notes.push(format!(
        "the policy of role {} is not narrowed yet: what {} need is not known",
        desired.name,
        desired.unclear.join(", ")
    ));
    all
}
