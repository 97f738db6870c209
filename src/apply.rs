//! The only writer: carries a plan out, step by step. No decisions; a failed step skips only what waits for it.

mod network;
mod roles;

use crate::aws::{Account, batch, ecs, ecs_services, secrets_manager};
use crate::failure::{Failure, FailureKind};
use crate::pass::{Outcome, Output, blocked};
use crate::plan::{Action, Plan, Step, pending_arn, pending_definition, pending_group};
use crate::resource::definition::content_hash;
use crate::resource::normalise::DefinitionKind;
use crate::resource::tags::{CONTENT_HASH, Tags};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// ARNs and ids that earlier steps yielded, by what stands for them in later ones.
type Made = BTreeMap<String, String>;

/// One outcome a step.
pub async fn apply(account: &Account, plan: &Plan) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = vec![];
    let mut made = Made::new();
    for step in &plan.steps {
        let outcome = match blocked(step, plan, &outcomes) {
            Some(by) => Outcome::Skipped(by),
            None => match execute(account, &step.action, &made).await {
                Ok(output) => Outcome::Done(output),
                Err(failure) => Outcome::Failed(failure.scrubbed(&secret_values(plan))),
            },
        };
        if let Outcome::Done(Output { arn: Some(arn), .. }) = &outcome {
            made.extend(stands_for(&step.action).map(|placeholder| (placeholder, arn.clone())));
        }
        report(step, &outcome);
        outcomes.push(outcome);
    }
    outcomes
}

/// What stands in later steps for the ARN or id that this one yields.
fn stands_for(action: &Action) -> Option<String> {
    match action {
        Action::CreateSecret { name, .. } => Some(pending_arn(name)),
        Action::RegisterDefinition { name, .. } => Some(pending_definition(name)),
        Action::CreateSecurityGroup { name, .. } => Some(pending_group(name)),
        _ => None,
    }
}

/// One log line a step.
fn report(step: &Step, outcome: &Outcome) {
    let (subject, what) = (step.subject.to_string(), crate::plan::render::done(step));
    match outcome {
        Outcome::Done(_) => tracing::info!(subject, "{what}"),
        Outcome::Failed(failure) if failure.kind == FailureKind::HeldBack => tracing::info!(subject, "{what}: {failure}"),
        Outcome::Failed(failure) => {
            tracing::warn!(subject, code = failure.code, request_id = failure.request_id, "{what}: {failure}")
        }
        Outcome::Skipped(by) => tracing::debug!(subject, "{what}: skipped, it waits for {by}"),
    }
}

/// The secret values of a plan, whole and by their parts, that AWS's messages might echo.
fn secret_values(plan: &Plan) -> Vec<String> {
    let values = plan.steps.iter().filter_map(|step| match &step.action {
        Action::CreateSecret { value, .. } | Action::PutSecretValue { value, .. } => Some(value.reveal()),
        _ => None,
    });
    let parts = |value: &str| {
        let password =
            serde_json::from_str::<Value>(value).ok().and_then(|value| Some(value.get("password")?.as_str()?.to_owned()));
        [Some(value.to_owned()), password].into_iter().flatten()
    };
    values.flat_map(parts).collect()
}

async fn execute(account: &Account, action: &Action, made: &Made) -> Result<Output, Failure> {
    match action {
        Action::CreateSecret { name, description, kms_key_id, tags, version_id, value } => {
            let new = secrets_manager::NewSecret { name, description, kms_key_id: kms_key_id.as_ref(), tags, version_id, value };
            secrets_manager::create(account, new).await
        }
        Action::RestoreSecret { arn } => secrets_manager::restore(account, arn).await,
        Action::PutSecretValue { arn, version_id, value, replaces } => {
            secrets_manager::put_value(account, arn, version_id, value, replaces.as_ref()).await
        }
        Action::UpdateSecretVersionStage { arn, move_to, remove_from } => {
            secrets_manager::move_current(account, arn, move_to, remove_from.as_ref()).await
        }
        Action::UpdateSecret { arn, description, kms_key_id } => {
            secrets_manager::update(account, arn, description.as_ref(), kms_key_id.as_ref()).await
        }
        Action::TagSecret { arn, tags } | Action::AdoptSecret { arn, tags, .. } => secrets_manager::tag(account, arn, tags).await,
        Action::ReplicateSecretToRegions { arn, replicas } => {
            secrets_manager::replicate(account, made.get(arn).unwrap_or(arn), replicas).await
        }
        Action::RemoveRegionsFromReplication { arn, regions } => secrets_manager::remove_replicas(account, arn, regions).await,
        Action::PutResourcePolicy { arn, document } => {
            secrets_manager::set_policy(account, made.get(arn).unwrap_or(arn), document).await
        }
        Action::DeleteResourcePolicy { arn } => secrets_manager::delete_policy(account, arn).await,
        Action::DeleteSecret { arn, recovery_window_in_days } => {
            secrets_manager::delete(account, arn, *recovery_window_in_days).await
        }
        Action::CreateRole { .. }
        | Action::PutRolePermissionsBoundary { .. }
        | Action::UpdateAssumeRolePolicy { .. }
        | Action::TagRole { .. }
        | Action::AttachRolePolicy { .. }
        | Action::PutRolePolicy { .. }
        | Action::DeleteRolePolicy { .. }
        | Action::DetachRolePolicy { .. }
        | Action::DeleteRole { .. } => roles::execute(account, action, made).await,
        Action::RegisterDefinition { kind, document, tags, .. } => register(account, *kind, &known(document, made), tags).await,
        Action::TagDefinition { kind: DefinitionKind::TaskDefinition, arn, tags } => ecs::tag(account, arn, tags).await,
        Action::TagDefinition { kind: DefinitionKind::JobDefinition, arn, tags } => batch::tag(account, arn, tags).await,
        Action::DeregisterDefinition { kind: DefinitionKind::TaskDefinition, arn } => ecs::deregister(account, arn).await,
        Action::DeregisterDefinition { kind: DefinitionKind::JobDefinition, arn } => batch::deregister(account, arn).await,
        Action::DeleteTaskDefinitions { arns } => ecs::delete(account, arns).await,
        Action::UpdateService { cluster, service, task_definition } => {
            let revision = made.get(task_definition).unwrap_or(task_definition);
            ecs_services::update(account, cluster, service, revision).await
        }
        Action::CreateSecurityGroup { .. }
        | Action::AuthorizeSecurityGroupIngress { .. }
        | Action::RevokeSecurityGroupIngress { .. }
        | Action::DeleteSecurityGroup { .. }
        | Action::CreateVpcEndpoint { .. }
        | Action::ModifyVpcEndpoint { .. }
        | Action::DeleteVpcEndpoint { .. }
        | Action::CreateTags { .. }
        | Action::AdoptEndpoint { .. } => network::execute(account, action, made).await,
    }
}

/// What a step is answered that was handed on to the wrong file; the match above is what keeps that from happening.
fn misplaced() -> Failure {
    Failure {
        service: "None".to_owned(),
        operation: "None".to_owned(),
        kind: FailureKind::Invalid,
        code: "NotSent".to_owned(),
        message: "no call belongs to this step here".to_owned(),
        request_id: None,
        retry_after: None,
    }
}

/// With the content-hash tag, now that all ARNs are known.
async fn register(account: &Account, kind: DefinitionKind, document: &Value, tags: &Tags) -> Result<Output, Failure> {
    let mut tags = tags.clone();
    tags.insert(CONTENT_HASH.to_owned(), content_hash(kind, document));
    match kind {
        DefinitionKind::TaskDefinition => ecs::register(account, document, &tags).await,
        DefinitionKind::JobDefinition => batch::register(account, document, &tags).await,
    }
}

/// The document with the ARNs that earlier steps yielded.
fn known(document: &Value, made: &Made) -> Value {
    match document {
        Value::String(text) => made.get(text).map_or_else(|| document.clone(), |arn| json!(arn)),
        Value::Array(items) => items.iter().map(|item| known(item, made)).collect(),
        Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), known(value, made))).collect(),
        other => other.clone(),
    }
}
