//! Policies of endpoints: those that are written, and whether one lets everything through (aws.md, rules 62 to 65, e.10, e.11).

use crate::api::{EcrPolicy, S3Policy, SecretsPolicy};
use crate::resource::policy::{VERSION, canonical, document};
use serde_json::{Value, json};

/// The most characters that a policy of an endpoint may have, white space counted (aws.md, b.6).
pub const MAX_POLICY_CHARS: usize = 20_480;

/// Where policies are for, and whom they admit.
#[derive(Debug, Clone, Copy)]
pub struct PolicyScope<'a> {
    /// `aws`, `aws-cn`, …
    pub partition: &'a str,
    /// The Region.
    pub region: &'a str,
    /// The pattern of the roles that Wharfinger makes for the binding's workloads.
    pub roles: &'a str,
    /// `spec.additionalPrincipals`.
    pub others: &'a [String],
    /// Whether images come by a pull-through cache rule.
    pub caches: bool,
}

/// The actions of a pull (e.11); AWS's sample lacks BatchCheckLayerAvailability.
const PULL: [&str; 4] =
    ["ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"];

/// What the first pull by a pull-through cache rule takes besides (Amazon ECR user guide, IAM permissions required to sync an upstream
/// registry).
const CACHE: [&str; 2] = ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"];

/// The policy of both ECR endpoints; none = AWS's own, full access.
pub fn ecr(policy: EcrPolicy, scope: PolicyScope) -> Option<Value> {
    let statements = match policy {
        EcrPolicy::Full => return None,
        // Callers are named by their ARN, not as `Principal`: a role that is made later is admitted as well, and the policy does not
        // grow with every tenant.
        EcrPolicy::AllowPull => json!([{
            "Sid": "AllowPull",
            "Effect": "Allow",
            "Principal": "*",
            "Action": PULL.iter().chain(CACHE.iter().filter(|_| scope.caches)).collect::<Vec<_>>(),
            "Resource": "*",
            "Condition": {"StringLike": {"aws:PrincipalArn": scope.callers()}},
        }]),
        // Rule 65, as AWS prints it.
        EcrPolicy::PreventDelete => json!([
            {"Sid": "AllowAll", "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
            {"Sid": "PreventDelete", "Effect": "Deny", "Principal": "*", "Action": "ecr:DeleteRepository", "Resource": "*"},
        ]),
    };
    Some(json!({"Version": VERSION, "Statement": statements}))
}

/// The policy of the S3 gateway; none = AWS's own, full access. Layers are read by signed URLs, by whoever has one (rules 62, 63).
pub fn s3(policy: S3Policy, scope: PolicyScope) -> Option<Value> {
    let PolicyScope { partition, region, .. } = scope;
    (policy == S3Policy::Minimal).then(|| {
        json!({"Version": VERSION, "Statement": [{
            "Sid": "ReadLayers",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": format!("arn:{partition}:s3:::prod-{region}-starport-layer-bucket/*"),
        }]})
    })
}

/// The policy of the Secrets Manager endpoint; none = AWS's own, full access. Roles of tasks only read; whoever is named besides, such as
/// this controller, may do all that its own policies allow.
pub fn secretsmanager(policy: SecretsPolicy, scope: PolicyScope) -> Option<Value> {
    if policy == SecretsPolicy::Full {
        return None;
    }
    let statement = |sid: &str, action: &str, callers: Vec<&str>| {
        json!({
            "Sid": sid,
            "Effect": "Allow",
            "Principal": "*",
            "Action": action,
            "Resource": "*",
            "Condition": {"StringLike": {"aws:PrincipalArn": callers}},
        })
    };
    let mut statements = vec![statement("ReadLogins", "secretsmanager:GetSecretValue", vec![scope.roles])];
    if !scope.others.is_empty() {
        let others = scope.others.iter().map(String::as_str).collect();
        statements.push(statement("AdditionalPrincipals", "secretsmanager:*", others));
    }
    Some(json!({"Version": VERSION, "Statement": statements}))
}

impl<'a> PolicyScope<'a> {
    fn callers(&self) -> Vec<&'a str> {
        [self.roles].into_iter().chain(self.others.iter().map(String::as_str)).collect()
    }
}

/// Whether a policy lets everything through, as AWS's own does: whoever, whatever, without conditions. Its version makes no difference,
/// as nothing in it is read in two ways.
pub fn is_full(policy: &Value) -> bool {
    let full = json!([{"Action": ["*"], "Effect": "Allow", "Principal": {"AWS": ["*"]}, "Resource": ["*"]}]);
    canonical(policy).get("Statement").is_some_and(|statements| *statements == full)
}

/// The policy of an endpoint as EC2 shows it; none = full access.
pub fn observed(policy: Option<&str>) -> Option<Value> {
    policy.filter(|text| !text.trim().is_empty()).map(document).filter(|document| !is_full(document))
}

/// How many characters of the quota a policy takes, as it is sent.
pub fn size(policy: &Value) -> usize {
    policy.to_string().chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_access_is_recognised_in_every_spelling() {
        let rows = [
            (
                json!({"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}),
                true,
            ),
            (
                json!({"Statement": {"Sid": "x", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["*"], "Resource": ["*"]}}),
                true,
            ),
            (json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*", "Resource": "*"}]}), false),
            (
                json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": true}}}]}),
                false,
            ),
            (json!({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}), false),
            (json!({"Statement": []}), false),
        ];
        for (policy, full) in rows {
            assert_eq!(is_full(&policy), full, "{policy}");
            assert_eq!(observed(Some(&policy.to_string())).is_none(), full, "{policy}");
        }
        assert_eq!((observed(None), observed(Some(""))), (None, None));
    }
}
