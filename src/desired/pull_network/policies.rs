//! The policies of a network's endpoints, and the risks of those that are not full access.

use crate::api::{EcrPolicy, PolicyDocuments, PullNetworkSpec, S3Policy, SecretsPolicy};
use crate::problem::Problem;
use crate::resource::network::endpoint::DesiredEndpoint;
use crate::resource::network::policies::{self, MAX_POLICY_CHARS, PolicyScope};
use crate::resource::network::services::Service;
use crate::target::Target;
use serde_json::Value;

/// By service; none = full access.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Policies {
    ecr: Option<Value>,
    s3: Option<Value>,
    secretsmanager: Option<Value>,
    logs: Option<Value>,
    ssm: Option<Value>,
}

impl Policies {
    /// Rule 65: both ECR endpoints have one policy.
    pub(super) fn of(&self, service: Service) -> Option<Value> {
        match service {
            Service::EcrDkr | Service::EcrApi => self.ecr.clone(),
            Service::S3 => self.s3.clone(),
            Service::SecretsManager => self.secretsmanager.clone(),
            Service::Logs => self.logs.clone(),
            Service::Ssm => self.ssm.clone(),
            Service::Ecs | Service::EcsAgent | Service::EcsTelemetry => None,
        }
    }
}

/// The roles that Wharfinger makes for workloads of the target, as one pattern.
pub(in crate::desired) fn roles(target: &Target) -> String {
    let path = target.limits.as_ref().and_then(|limits| limits.role_path.as_deref()).unwrap_or("/");
    format!("arn:{}:iam::{}:role{path}{}*", target.partition, target.account_id, target.names.role_prefix)
}

/// The policies, named ones and documents.
pub(super) fn resolve(spec: &PullNetworkSpec, target: &Target, problems: &mut Vec<Problem>) -> Policies {
    let (named, none) = (&spec.policies, PolicyDocuments::default());
    let documents = named.documents.as_ref().unwrap_or(&none);
    let roles = roles(target);
    let scope = PolicyScope {
        partition: target.partition,
        region: &target.region,
        roles: &roles,
        others: &spec.additional_principals,
        caches: spec.pulls.pull_through_cache,
    };
    let mut choose = |key: &str, named: Option<Value>, document: Option<&crate::api::Definition>| {
        let field = match document {
            Some(_) => format!("spec.policies.documents.{key}"),
            None => "spec.additionalPrincipals".to_owned(), // all that makes a named policy long
        };
        if document.is_some() && named.is_some() {
            let rule = "a document takes the place of a named policy";
            problems.push(Problem::spec(format!("spec.policies.{key}"), "", rule, "leave the named one out"));
        }
        let policy = document.map(|document| Value::from(document.clone())).or(named)?;
        if !policy.get("Statement").is_some_and(|it| it.is_array() || it.is_object()) {
            let rule = "this is not a policy in IAM's JSON: it has no Statement";
            problems.push(Problem::spec(&field, "", rule, "write {Version: \"2012-10-17\", Statement: […]}"));
        }
        let size = policies::size(&policy);
        if size > MAX_POLICY_CHARS {
            let rule = format!("the policy of the {key} endpoint has {size} characters, and AWS allows {MAX_POLICY_CHARS}");
            problems.push(Problem::spec(field, "", rule, "shorten it: patterns with * stand for many names"));
        }
        // AWS's own policy is not written, but left as it is.
        (!policies::is_full(&policy)).then_some(policy)
    };
    Policies {
        ecr: choose("ecr", policies::ecr(named.ecr, scope), documents.ecr.as_ref()),
        s3: choose("s3", policies::s3(named.s3, scope), documents.s3.as_ref()),
        secretsmanager: choose(
            "secretsmanager",
            policies::secretsmanager(named.secretsmanager, scope),
            documents.secretsmanager.as_ref(),
        ),
        logs: choose("logs", None, documents.logs.as_ref()),
        ssm: choose("ssm", None, documents.ssm.as_ref()),
    }
}

/// With private DNS an endpoint carries all of the VPC's traffic to its service, and a gateway that of its route tables: what a policy
/// leaves out is denied to everybody there (aws.md, rule 64, e.10).
pub(super) fn warnings(spec: &PullNetworkSpec, target: &Target, endpoints: &[DesiredEndpoint]) -> Vec<String> {
    let has = |service| endpoints.iter().any(|it| it.service == service && it.policy.is_some());
    let roles = roles(target);
    let mut told = vec![];
    let documents = spec.policies.documents.clone().unwrap_or_default();
    if has(Service::EcrDkr) && documents.ecr.is_none() {
        told.push(match spec.policies.ecr {
            EcrPolicy::PreventDelete => "policies.ecr is PreventDelete: nobody in the VPC can delete a repository of Amazon ECR through the endpoints".to_owned(),
            EcrPolicy::AllowPull | EcrPolicy::Full => format!(
                "policies.ecr is AllowPull: everybody in the VPC but {roles} and spec.additionalPrincipals is denied Amazon ECR, and these can only pull: pushes, pipelines and existing roles that workloads name are cut off unless they have another way"
            ),
        });
    }
    if has(Service::S3) && spec.policies.s3 == S3Policy::Minimal {
        told.push("policies.s3 is Minimal: whatever else uses S3 through these route tables is cut off, such as buckets of applications and package repositories".to_owned());
    }
    if has(Service::SecretsManager) && spec.policies.secretsmanager == SecretsPolicy::Scoped {
        told.push(format!(
            "policies.secretsmanager is Scoped: everybody in the VPC but {roles} and spec.additionalPrincipals is denied Secrets Manager, applications, existing roles that workloads name, and this controller included if they run there and are not named"
        ));
    }
    let written = [
        ("ecr", documents.ecr.is_some(), Service::EcrDkr),
        ("s3", documents.s3.is_some(), Service::S3),
        ("secretsmanager", documents.secretsmanager.is_some(), Service::SecretsManager),
        ("logs", documents.logs.is_some(), Service::Logs),
        ("ssm", documents.ssm.is_some(), Service::Ssm),
    ];
    for (key, _, _) in written.into_iter().filter(|(_, written, service)| *written && has(*service)) {
        told.push(format!(
            "policies.documents.{key} is a policy of your own: what it leaves out is denied to everybody who reaches the service through the endpoint"
        ));
    }
    told
}
