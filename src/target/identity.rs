//! In whose name roles are assumed, and what helps where that is refused.

use super::Target;
use crate::failure::{Failure, FailureKind};

/// Longest session name (STS API, AssumeRole: 2 to 64 of `[\w+=,.@-]`).
const MAX_SESSION: usize = 64;

/// `wharfinger-<cluster id>`, so that CloudTrail names the cluster. What STS does not allow becomes `-`.
pub fn session_name(cluster: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    format!("wharfinger-{cluster}").chars().map(allowed).take(MAX_SESSION).collect()
}

/// What to do where there are no credentials, or a web identity is not accepted.
pub fn no_credentials_remedy(failure: &Failure) -> &'static str {
    match (failure.operation.as_str(), failure.code.as_str()) {
        ("AssumeRoleWithWebIdentity", _) => {
            "the trust policy of the role in eks.amazonaws.com/role-arn must name the cluster's OIDC provider, and the controller's service account in its condition on :sub"
        }
        (_, "NoCredentials") => {
            "give the controller's service account a role: annotate it with eks.amazonaws.com/role-arn (IRSA), or associate the role with it (EKS Pod Identity); outside EKS set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        }
        _ => "mend the credentials that the controller runs with",
    }
}

impl Target {
    /// What to do where the identity could not be had or checked.
    pub fn remedy(&self, failure: &Failure) -> String {
        let binding = self.binding.as_deref().unwrap_or_default();
        match (failure.operation.as_str(), failure.kind) {
            _ if failure.passes() => "it is tried again".to_owned(),
            _ if failure.code == "NoCredentials" => no_credentials_remedy(failure).to_owned(),
            ("AssumeRoleWithWebIdentity", _) => no_credentials_remedy(failure).to_owned(),
            _ if failure.code == "PackedPolicyTooLarge" => format!(
                "the session tags do not fit: set sessionTags: None in AccountBinding {binding}, or have the controller's own session pass on fewer (an EKS Pod Identity association adds six: disableSessionTags)"
            ),
            ("AssumeRole", FailureKind::Denied) if failure.message.contains("sts:TagSession") => format!(
                "allow sts:TagSession beside sts:AssumeRole in the role's trust policy and in the policy of the identity that assumes it, or set sessionTags: None in AccountBinding {binding}"
            ),
            ("AssumeRole", FailureKind::Denied) => {
                "allow sts:AssumeRole in the role's trust policy (Principal, and sts:ExternalId as in spec.externalId), and in the policy of the identity that assumes it".to_owned()
            }
            _ => "mend the role's trust policy, ExternalId or the credentials that assume it".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Names;

    #[test]
    fn sessions_carry_the_cluster_within_the_rules_of_sts() {
        let rows = [
            ("0b5c6d7e-1f2a-4b3c-8d4e-5f6a7b8c9d0e", "wharfinger-0b5c6d7e-1f2a-4b3c-8d4e-5f6a7b8c9d0e"),
            ("prod/eu west", "wharfinger-prod-eu-west"),
            ("größe", "wharfinger-gr--e"),
            ("", "wharfinger-"),
        ];
        for (cluster, expected) in rows {
            assert_eq!(session_name(cluster), expected);
        }
        assert_eq!(session_name(&"x".repeat(100)).len(), 64);
    }

    #[test]
    fn a_refusal_says_what_helps() {
        let target = Target {
            binding: Some("prod".into()),
            account_id: "111122223333".into(),
            region: "eu-west-1".into(),
            regions: vec![],
            partition: "aws",
            names: Names::default(),
            limits: None,
            role_arn: Some("arn:aws:iam::111122223333:role/wharfinger".into()),
            external_id: None,
            session_namespace: Some("payments".into()),
        };
        let tag = "User: arn:aws:sts::111122223333:assumed-role/controller/x is not authorized to perform: sts:TagSession on resource: arn:aws:iam::111122223333:role/wharfinger";
        let assume = tag.replace("TagSession", "AssumeRole");
        let rows = [
            (
                "AssumeRole",
                FailureKind::Denied,
                "AccessDenied",
                tag,
                "sts:TagSession beside sts:AssumeRole in the role's trust policy",
            ),
            ("AssumeRole", FailureKind::Denied, "AccessDenied", tag, "sessionTags: None in AccountBinding prod"),
            ("AssumeRole", FailureKind::Denied, "AccessDenied", &assume, "allow sts:AssumeRole in the role's trust policy"),
            ("AssumeRole", FailureKind::Invalid, "PackedPolicyTooLarge", "Packed size", "disableSessionTags"),
            ("AssumeRole", FailureKind::Throttled, "Throttling", "Rate exceeded", "it is tried again"),
            ("GetCredentials", FailureKind::Denied, "NoCredentials", "none", "eks.amazonaws.com/role-arn"),
            ("AssumeRoleWithWebIdentity", FailureKind::Denied, "AccessDenied", "no", "OIDC provider"),
            ("GetCallerIdentity", FailureKind::Denied, "InvalidClientTokenId", "no", "mend the role's trust policy"),
        ];
        for (operation, kind, code, message, part) in rows {
            let failure = Failure {
                service: "STS".into(),
                operation: operation.into(),
                kind,
                code: code.into(),
                message: message.into(),
                request_id: None,
                retry_after: None,
            };
            let told = target.remedy(&failure);
            assert!(told.contains(part), "{operation} {code}: {told}");
        }
    }
}
