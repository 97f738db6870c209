//! A plan and what came of it as text: for people on the command line, in statuses and in golden files.

use super::{Action, Plan, Step};
use crate::failure::FailureKind;
use crate::pass::{Outcome, Round};
use crate::resource::normalise::{Change, FieldChange};
use serde_json::Value;
use std::fmt;

impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", lines(self, None))
    }
}

/// The plan of a round, each step with what came of it.
pub fn text(round: &Round) -> String {
    lines(&round.plan, round.outcomes.as_deref())
}

fn lines(plan: &Plan, outcomes: Option<&[Outcome]>) -> String {
    let mut text = vec![];
    for (index, step) in plan.steps.iter().enumerate() {
        let outcome = outcomes.and_then(|outcomes| outcomes.get(index));
        text.push(format!("{} {} {}: {}", sign(&step.action), verb(&step.action), step.subject, step.reason));
        text.extend(step.changes.iter().map(|change| format!("    {}", field_change(change))));
        match outcome {
            Some(Outcome::Failed(failure)) => {
                let word = if failure.kind == FailureKind::HeldBack { "waits" } else { "FAILED" };
                text.push(format!("    {word}: {failure}{}", remedy(failure.kind)));
            }
            Some(Outcome::Skipped(by)) => text.push(format!("    skipped: waits for {by}")),
            Some(Outcome::Done(_)) | None => {}
        }
    }
    text.extend(plan.held.iter().map(|held| format!("! {} is held: {}", held.subject, held.message)));
    text.extend(plan.notes.iter().map(|note| format!("i {note}")));
    if plan.is_converged() {
        text.push("nothing to do".to_owned());
    }
    text.join("\n")
}

fn sign(action: &Action) -> char {
    match action {
        Action::CreateSecret { .. }
        | Action::RestoreSecret { .. }
        | Action::CreateRole { .. }
        | Action::AttachRolePolicy { .. }
        | Action::PutRolePermissionsBoundary { .. }
        | Action::CreateSecurityGroup { .. }
        | Action::CreateVpcEndpoint { .. }
        | Action::RegisterDefinition { .. } => '+',
        Action::DeleteSecret { .. }
        | Action::DeleteRolePolicy { .. }
        | Action::DetachRolePolicy { .. }
        | Action::DeleteRole { .. }
        | Action::DeregisterDefinition { .. }
        | Action::DeleteSecurityGroup { .. }
        | Action::DeleteVpcEndpoint { .. }
        | Action::DeleteTaskDefinitions { .. } => '-',
        _ => '~',
    }
}

/// What a step does, in a word or two.
pub(crate) fn verb(action: &Action) -> &'static str {
    match action {
        Action::CreateSecret { .. }
        | Action::CreateRole { .. }
        | Action::CreateSecurityGroup { .. }
        | Action::CreateVpcEndpoint { .. } => "create",
        Action::RestoreSecret { .. } => "restore",
        Action::PutSecretValue { .. } | Action::UpdateSecretVersionStage { .. } => "set value of",
        Action::UpdateSecret { .. } | Action::ModifyVpcEndpoint { .. } => "update",
        Action::AdoptSecret { .. } | Action::AdoptEndpoint { .. } => "take over",
        Action::ReplicateSecretToRegions { .. } => "copy to other Regions",
        Action::RemoveRegionsFromReplication { .. } => "remove copies of",
        Action::PutResourcePolicy { .. } => "set resource policy of",
        Action::DeleteResourcePolicy { .. } => "delete resource policy of",
        Action::UpdateAssumeRolePolicy { .. } => "set trust policy of",
        Action::TagSecret { .. } | Action::TagRole { .. } | Action::TagDefinition { .. } | Action::CreateTags { .. } => "tag",
        Action::PutRolePolicy { .. } => "set policy of",
        Action::PutRolePermissionsBoundary { .. } => "set permissions boundary of",
        Action::AttachRolePolicy { .. } => "attach managed policy to",
        Action::RegisterDefinition { .. } => "register",
        Action::DeleteSecret { .. }
        | Action::DeleteRole { .. }
        | Action::DeleteTaskDefinitions { .. }
        | Action::DeleteSecurityGroup { .. }
        | Action::DeleteVpcEndpoint { .. } => "delete",
        Action::AuthorizeSecurityGroupIngress { .. } => "open 443 of",
        Action::RevokeSecurityGroupIngress { .. } => "close 443 of",
        Action::UpdateService { .. } => "roll",
        Action::DeleteRolePolicy { .. } => "delete policy of",
        Action::DetachRolePolicy { .. } => "detach managed policy from",
        Action::DeregisterDefinition { .. } => "deregister",
    }
}

/// One line for a step that was carried out, as an event says it.
pub fn done(step: &Step) -> String {
    format!("{} {} ({})", verb(&step.action), step.subject, step.reason)
}

fn field_change(change: &FieldChange) -> String {
    let path = &change.path;
    match &change.change {
        Change::Added(value) => format!("{path}: + {}", short(value)),
        Change::Removed(value) => format!("{path}: - {}", short(value)),
        Change::Changed { from, to } => format!("{path}: {} -> {}", short(from), short(to)),
    }
}

fn short(value: &Value) -> String {
    cut(&value.to_string(), 2000)
}

/// At most `longest` bytes, cut between characters.
pub fn cut(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let end = (0..=longest.saturating_sub(4)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// What to do about a failed call.
pub fn remedy(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Denied => "; allow it in the policy of the identity that Wharfinger acts with",
        FailureKind::QuotaExceeded => "; raise the quota or remove what is not needed",
        FailureKind::Invalid => "; change the spec",
        FailureKind::Throttled | FailureKind::Transient | FailureKind::Conflict | FailureKind::ScheduledForDeletion => {
            "; it is tried again"
        }
        FailureKind::VersionTaken => {
            "; a version of this id, which Wharfinger did not write so, holds another value: change the login in the Secret, so that the value gets another id, or delete the secret in AWS, so that it is made anew"
        }
        FailureKind::PolicyRefused => {
            "; create the accounts and roles that spec.readers names first, or take them out; where all of them exist, correct what others wrote in the policy"
        }
        FailureKind::DnsConflict => {
            "; another endpoint of that service, or a private hosted zone of that name, is associated with the VPC: remove it, or take private DNS from the other endpoint"
        }
        FailureKind::HeldBack => "",
        FailureKind::NotFound | FailureKind::AlreadyExists => "; it is looked at again",
        FailureKind::Lapsed => "; the process that leads sees to it",
    }
}
