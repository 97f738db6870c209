//! What an identity may do, asked of IAM itself (SimulatePrincipalPolicy): nothing is done.

use super::Clients;
use super::error::{failure, not_sent};
use crate::failure::Failure;
use crate::iam_policy::Question;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType};

const OPERATION: &str = "SimulatePrincipalPolicy";

/// An action that is not granted, and which policy decides so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denial {
    pub(crate) action: String,
    pub(crate) why: &'static str,
}

/// The actions of a question that a principal (a role or user by its ARN) may not do.
pub(crate) async fn denied(clients: &Clients, principal: &str, question: &Question) -> Result<Vec<Denial>, Failure> {
    let mut call = clients.iam.simulate_principal_policy().policy_source_arn(principal).resource_arns(&question.resource);
    call = call.set_action_names(Some(question.actions.clone()));
    for entry in &question.context {
        let kind = if entry.many { ContextKeyTypeEnum::StringList } else { ContextKeyTypeEnum::String };
        let built = ContextEntry::builder()
            .context_key_name(&entry.key)
            .set_context_key_values(Some(entry.values.clone()))
            .context_key_type(kind)
            .build();
        call = call.context_entries(built);
    }
    let answers: Result<Vec<EvaluationResult>, _> = call.into_paginator().items().send().collect().await;
    let answers = answers.map_err(|error| failure("IAM", OPERATION, &error))?;
    if answers.is_empty() {
        return Err(not_sent("IAM", OPERATION, &std::fmt::Error));
    }
    Ok(answers.iter().filter_map(denial).collect())
}

fn denial(answer: &EvaluationResult) -> Option<Denial> {
    let boundary = answer.permissions_boundary_decision_detail().map(|it| it.allowed_by_permissions_boundary());
    let organisation = answer.organizations_decision_detail().map(|it| it.allowed_by_organizations());
    let why = match (answer.eval_decision(), boundary, organisation) {
        (PolicyEvaluationDecisionType::Allowed, ..) => return None,
        (_, _, Some(false)) => "a policy of the organisation does not allow it",
        (_, Some(false), _) => "its permissions boundary does not allow it",
        (PolicyEvaluationDecisionType::ExplicitDeny, ..) => "a statement denies it",
        _ => "no statement allows it",
    };
    Some(Denial { action: answer.eval_action_name().to_owned(), why })
}
