//! AWS's error codes: one table from code to what it means. Nobody else looks at a code.

use super::permitted::has_lapsed;
use crate::failure::{Failure, FailureKind};
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use std::error::Error;

/// Codes whose meaning does not depend on the service. From the services' API models, the SDK's own throttling list, and the table of
/// EC2's error codes, which no model has (EC2 API, error codes).
const TABLE: &[(&str, FailureKind)] = &[
    ("ResourceNotFoundException", FailureKind::NotFound),
    ("NoSuchEntity", FailureKind::NotFound),
    ("NoSuchEntityException", FailureKind::NotFound),
    ("NotFoundException", FailureKind::NotFound),
    ("ClusterNotFoundException", FailureKind::NotFound),
    ("ServiceNotFoundException", FailureKind::NotFound),
    ("ServiceNotActiveException", FailureKind::NotFound),
    ("ResourceExistsException", FailureKind::AlreadyExists),
    ("EntityAlreadyExists", FailureKind::AlreadyExists),
    ("EntityAlreadyExistsException", FailureKind::AlreadyExists),
    ("RouteAlreadyExists", FailureKind::AlreadyExists),
    ("ConcurrentModification", FailureKind::Conflict),
    ("ConcurrentModificationException", FailureKind::Conflict),
    ("DeleteConflict", FailureKind::Conflict),
    ("DeleteConflictException", FailureKind::Conflict),
    ("PriorRequestNotComplete", FailureKind::Conflict),
    ("KMSInvalidStateException", FailureKind::Conflict),
    // The network interfaces of an endpoint outlive it by some minutes.
    ("DependencyViolation", FailureKind::Conflict),
    ("InvalidGroup.InUse", FailureKind::Conflict),
    ("IncorrectState", FailureKind::Conflict),
    // Our tokens are made of all that is sent: whatever a former request made of it is found by the next look.
    ("IdempotentParameterMismatch", FailureKind::Conflict),
    ("AccessDenied", FailureKind::Denied),
    ("AccessDeniedException", FailureKind::Denied),
    ("AuthFailure", FailureKind::Denied),
    ("ExpiredToken", FailureKind::Denied),
    ("ExpiredTokenException", FailureKind::Denied),
    ("IDPRejectedClaim", FailureKind::Denied),
    ("IncompleteSignature", FailureKind::Denied),
    ("InvalidClientTokenId", FailureKind::Denied),
    ("InvalidIdentityToken", FailureKind::Denied),
    ("InvalidSignatureException", FailureKind::Denied),
    ("MissingAuthenticationToken", FailureKind::Denied),
    ("NotAuthorized", FailureKind::Denied),
    ("OptInRequired", FailureKind::Denied),
    ("RegionDisabledException", FailureKind::Denied),
    ("SignatureDoesNotMatch", FailureKind::Denied),
    ("UnauthorizedOperation", FailureKind::Denied),
    ("UnrecognizedClientException", FailureKind::Denied),
    ("MalformedPolicyDocument", FailureKind::Invalid),
    ("PackedPolicyTooLarge", FailureKind::Invalid),
    ("BandwidthLimitExceeded", FailureKind::Throttled),
    ("EC2ThrottledException", FailureKind::Throttled),
    ("RequestLimitExceeded", FailureKind::Throttled),
    ("RequestThrottled", FailureKind::Throttled),
    ("RequestThrottledException", FailureKind::Throttled),
    ("SlowDown", FailureKind::Throttled),
    ("ThrottledException", FailureKind::Throttled),
    ("Throttling", FailureKind::Throttled),
    ("ThrottlingException", FailureKind::Throttled),
    ("TooManyRequestsException", FailureKind::Throttled),
    ("LimitExceeded", FailureKind::QuotaExceeded),
    ("LimitExceededException", FailureKind::QuotaExceeded),
    ("InternalError", FailureKind::Transient),
    ("InternalFailure", FailureKind::Transient),
    ("InternalServiceError", FailureKind::Transient),
    ("KMSInternalException", FailureKind::Transient),
    ("DependencyTimeoutException", FailureKind::Transient),
    ("RequestTimeout", FailureKind::Transient),
    ("RequestTimeoutException", FailureKind::Transient),
    ("ServerException", FailureKind::Transient),
    ("ServiceFailure", FailureKind::Transient),
    ("ServiceUnavailable", FailureKind::Transient),
    ("ServiceUnavailableException", FailureKind::Transient),
];

/// How EC2 forms most of its codes (EC2 API, error codes): `InvalidVpcID.NotFound`, `InvalidPermission.Duplicate`,
/// `VpcEndpointLimitExceeded`.
const ENDINGS: &[(&str, FailureKind)] = &[
    (".NotFound", FailureKind::NotFound),
    (".Duplicate", FailureKind::AlreadyExists),
    ("LimitExceeded", FailureKind::QuotaExceeded),
];

/// What a code means. Message and status decide where AWS uses one code for several things.
fn kind(operation: &str, code: &str, message: &str, status: u16) -> FailureKind {
    let says = |words: &[&str]| words.iter().any(|word| message.to_ascii_lowercase().contains(word));
    // Some of EC2's answers say whose fault it is: `Client.RequestLimitExceeded`.
    let code = ["Client.", "Server."].iter().find_map(|whose| code.strip_prefix(whose)).unwrap_or(code);
    match code {
        // ECS has no code of its own for a missing definition (DescribeTaskDefinition).
        "ClientException"
            if operation == "DescribeTaskDefinition" && says(&["unable to describe", "does not exist", "not found"]) =>
        {
            FailureKind::NotFound
        }
        "ClientException" if says(&["not authorized", "accessdenied", "access denied"]) => FailureKind::Denied,
        "ClientException" if says(&["too many", "rate exceeded", "throttl"]) => FailureKind::Throttled,
        // Secrets Manager: one code for whatever does not fit the secret's state.
        "InvalidRequestException" if says(&["scheduled for deletion", "marked for deletion", "marked deleted"]) => {
            FailureKind::ScheduledForDeletion
        }
        // The ClientRequestToken, which becomes the version's id, was used for another value (Secrets Manager API, PutSecretValue).
        "ResourceExistsException" if operation == "PutSecretValue" => FailureKind::VersionTaken,
        // Among others for a principal that does not exist: "This resource policy contains an unsupported principal."
        "MalformedPolicyDocumentException" if operation == "PutResourcePolicy" => FailureKind::PolicyRefused,
        // "private-dns-enabled cannot be set because there is already a conflicting DNS domain for … in the VPC …", of
        // CreateVpcEndpoint (terraform-provider-aws, issue 17535).
        "InvalidParameter" if says(&["conflicting dns domain"]) => FailureKind::DnsConflict,
        _ => match TABLE.iter().find(|(known, _)| *known == code) {
            Some((_, kind)) => *kind,
            None if status >= 500 || status == 0 => FailureKind::Transient,
            None if status == 429 => FailureKind::Throttled,
            None if status == 401 || status == 403 => FailureKind::Denied,
            None => ENDINGS.iter().find(|(end, _)| code.ends_with(end)).map_or(FailureKind::Invalid, |(_, kind)| *kind),
        },
    }
}

/// A failed call as data.
pub(crate) fn failure<E>(service: &str, operation: &str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let request_id = error.request_id().map(str::to_owned).or_else(|| error.raw_response().and_then(request_id_in));
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let (code, message) = match error {
        SdkError::ServiceError(context) => {
            let error = context.err();
            let code = error.code().map_or_else(|| format!("HTTP{status}"), str::to_owned);
            (code, error.message().unwrap_or("AWS gave no message").to_owned())
        }
        SdkError::TimeoutError(_) => ("Timeout".to_owned(), "no answer in time; it may or may not have happened".to_owned()),
        SdkError::ConstructionFailure(_) => ("NotSent".to_owned(), chain(error)),
        // An answer that is not AWS's, such as a proxy's error page.
        SdkError::ResponseError(_) if status != 0 => (format!("HTTP{status}"), "the answer is not one of AWS's".to_owned()),
        SdkError::ResponseError(_) | SdkError::DispatchFailure(_) => ("NoAnswer".to_owned(), chain(error)),
        _ => ("Unknown".to_owned(), chain(error)),
    };
    if let Some(refused) = assume_role_failure(error).or_else(|| no_credentials(error)) {
        return refused;
    }
    if has_lapsed(error) {
        return lapsed(service, operation);
    }
    let kind = kind(operation, &code, &message, status);
    Failure { service: service.to_owned(), operation: operation.to_owned(), kind, code, message, request_id, retry_after: None }
}

/// The request id that an answer has in its body: EC2's protocol has it there, and not everybody sends the header as well.
fn request_id_in(response: &HttpResponse) -> Option<String> {
    let text = String::from_utf8_lossy(response.body().bytes()?);
    let between = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(id, _)| id.to_owned())
    };
    between("RequestID").or_else(|| between("RequestId"))
}

/// An item of a batch that failed although the call did not.
pub(crate) fn item_failure(service: &str, operation: &str, item: wharfinger_ec2::Unsuccessful) -> Failure {
    let wharfinger_ec2::Unsuccessful { code, message, request_id } = item;
    let kind = kind(operation, &code, &message, 400);
    Failure { service: service.to_owned(), operation: operation.to_owned(), kind, code, message, request_id, retry_after: None }
}

/// Whether it is certain that nothing was written: AWS said so, or the call was never sent. After a server's error, or no answer at
/// all, it may have been.
pub(crate) fn nothing_written(service: &str, failure: &Failure) -> bool {
    failure.kind != FailureKind::Transient || failure.code == "NotSent" || failure.service != service
}

/// A call that was not sent, because its permit had lapsed.
fn lapsed(service: &str, operation: &str) -> Failure {
    Failure {
        service: service.to_owned(),
        operation: operation.to_owned(),
        kind: FailureKind::Lapsed,
        code: "NotLeading".to_owned(),
        message: "not sent: this process no longer leads".to_owned(),
        request_id: None,
        retry_after: None,
    }
}

/// A call that could not even be put together.
pub(crate) fn not_sent(service: &str, operation: &str, error: &dyn Error) -> Failure {
    Failure {
        service: service.to_owned(),
        operation: operation.to_owned(),
        kind: FailureKind::Invalid,
        code: "NotSent".to_owned(),
        message: error.to_string(),
        request_id: None,
        retry_after: None,
    }
}

/// The failure of whatever provides credentials.
pub(crate) fn credentials_failure(error: &CredentialsError) -> Failure {
    assume_role_failure(error).or_else(|| no_credentials(error)).unwrap_or_else(|| {
        let (kind, code) = (FailureKind::Transient, "NoCredentials".to_owned());
        sts("GetCredentials", kind, code, chain(error), None)
    })
}

/// The failure of the call that had to bring credentials first, if that is why the call itself was never made.
fn assume_role_failure(error: &(dyn Error + 'static)) -> Option<Failure> {
    type AssumeRoleError = aws_sdk_sts::operation::assume_role::AssumeRoleError;
    type WebIdentityError = aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
    let told = |operation: &str, error: &dyn ProvideErrorMetadata| {
        let (code, message) = (error.code().unwrap_or("Unknown"), error.message().unwrap_or("AWS gave no message"));
        let id = error.meta().request_id().map(str::to_owned);
        sts(operation, kind(operation, code, message, 0), code.to_owned(), message.to_owned(), id)
    };
    causes(error).find_map(|error| {
        let role = error.downcast_ref::<AssumeRoleError>().map(|error| told("AssumeRole", error));
        role.or_else(|| error.downcast_ref::<WebIdentityError>().map(|error| told("AssumeRoleWithWebIdentity", error)))
    })
}

/// That there are no credentials at all, if that is why the call was never made.
fn no_credentials(error: &(dyn Error + 'static)) -> Option<Failure> {
    let none = |error: &CredentialsError| matches!(error, CredentialsError::CredentialsNotLoaded(_));
    causes(error).find(|error| error.downcast_ref::<CredentialsError>().is_some_and(none))?;
    let message = "there are no AWS credentials: not in the environment, in a profile, by web identity (IRSA), of the container (EKS Pod Identity) or of the instance";
    Some(sts("GetCredentials", FailureKind::Denied, "NoCredentials".to_owned(), message.to_owned(), None))
}

fn sts(operation: &str, kind: FailureKind, code: String, message: String, request_id: Option<String>) -> Failure {
    Failure { service: "STS".to_owned(), operation: operation.to_owned(), kind, code, message, request_id, retry_after: None }
}

/// An error and its causes.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// The messages of an error and its causes, each once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts = vec![error.to_string()];
    let mut at = error.source();
    while let Some(error) = at {
        let text = error.to_string();
        if !parts.contains(&text) {
            parts.push(text);
        }
        at = error.source();
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean() {
        let rows = [
            ("DescribeTaskDefinition", "ClientException", "Unable to describe task definition.", 400, FailureKind::NotFound),
            ("RegisterTaskDefinition", "ClientException", "Role is not valid", 400, FailureKind::Invalid),
            (
                "RegisterTaskDefinition",
                "ClientException",
                "Too many concurrent attempts to create a new revision",
                400,
                FailureKind::Throttled,
            ),
            ("RegisterTaskDefinition", "LimitExceededException", "", 400, FailureKind::QuotaExceeded),
            (
                "CreateSecret",
                "InvalidRequestException",
                "…because a secret with this name is already scheduled for deletion.",
                400,
                FailureKind::ScheduledForDeletion,
            ),
            ("CreateSecret", "InvalidRequestException", "other", 400, FailureKind::Invalid),
            ("CreateSecret", "AccessDeniedException", "Access to KMS is not allowed", 400, FailureKind::Denied),
            ("CreateSecret", "ResourceExistsException", "", 400, FailureKind::AlreadyExists),
            ("PutSecretValue", "ResourceExistsException", "", 400, FailureKind::VersionTaken),
            ("PutResourcePolicy", "MalformedPolicyDocumentException", "", 400, FailureKind::PolicyRefused),
            ("GetRole", "NoSuchEntity", "", 404, FailureKind::NotFound),
            ("PutRolePolicy", "Throttling", "Rate exceeded", 400, FailureKind::Throttled),
            ("PutRolePolicy", "MalformedPolicyDocument", "", 400, FailureKind::Invalid),
            ("AssumeRole", "PackedPolicyTooLarge", "Packed size of session tags exceeds the limit", 0, FailureKind::Invalid),
            ("AssumeRoleWithWebIdentity", "InvalidIdentityToken", "No OpenIDConnect provider found", 0, FailureKind::Denied),
            ("DescribeVpcAttribute", "InvalidVpcID.NotFound", "", 400, FailureKind::NotFound),
            ("DeleteVpcEndpoints", "InvalidVpcEndpoint.NotFound", "", 400, FailureKind::NotFound),
            ("ModifyVpcEndpoint", "InvalidVpcEndpointId.NotFound", "", 400, FailureKind::NotFound),
            ("DeleteSecurityGroup", "InvalidGroup.NotFound", "", 400, FailureKind::NotFound),
            ("DeleteSecurityGroup", "InvalidGroupId.Malformed", "", 400, FailureKind::Invalid),
            ("DeleteSecurityGroup", "DependencyViolation", "", 400, FailureKind::Conflict),
            ("CreateSecurityGroup", "InvalidGroup.Duplicate", "", 400, FailureKind::AlreadyExists),
            ("AuthorizeSecurityGroupIngress", "InvalidPermission.Duplicate", "", 400, FailureKind::AlreadyExists),
            ("RevokeSecurityGroupIngress", "InvalidPermission.NotFound", "", 400, FailureKind::NotFound),
            ("CreateVpcEndpoint", "RequestLimitExceeded", "", 503, FailureKind::Throttled),
            ("CreateVpcEndpoint", "Client.RequestLimitExceeded", "", 503, FailureKind::Throttled),
            ("CreateVpcEndpoint", "UnauthorizedOperation", "", 403, FailureKind::Denied),
            ("CreateVpcEndpoint", "VpcEndpointLimitExceeded", "", 400, FailureKind::QuotaExceeded),
            ("CreateVpcEndpoint", "RouteAlreadyExists", "", 400, FailureKind::AlreadyExists),
            ("CreateVpcEndpoint", "IdempotentParameterMismatch", "", 400, FailureKind::Conflict),
            ("CreateVpcEndpoint", "Server.InternalError", "", 500, FailureKind::Transient),
            ("CreateVpcEndpoint", "InvalidParameter", "Enabling private DNS requires both …", 400, FailureKind::Invalid),
            (
                "CreateVpcEndpoint",
                "InvalidParameter",
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for api.ecr.eu-west-1.amazonaws.com in the VPC vpc-1",
                400,
                FailureKind::DnsConflict,
            ),
            ("RegisterJobDefinition", "HTTP502", "", 502, FailureKind::Transient),
            ("RegisterJobDefinition", "NoAnswer", "", 0, FailureKind::Transient),
            ("RegisterJobDefinition", "HTTP403", "", 403, FailureKind::Denied),
            ("RegisterJobDefinition", "HTTP429", "", 429, FailureKind::Throttled),
        ];
        for (operation, code, message, status, expected) in rows {
            assert_eq!(kind(operation, code, message, status), expected, "{operation} {code} {message}");
        }
    }

    #[test]
    fn only_a_refusal_says_that_nothing_was_written() {
        let rows = [
            ("S", "AccessDeniedException", 400, true),
            ("S", "ResourceNotFoundException", 400, true),
            ("S", "ThrottlingException", 400, true),
            ("S", "InvalidParameterException", 400, true),
            ("S", "LimitExceededException", 400, true),
            ("S", "InternalServiceError", 500, false),
            ("S", "HTTP502", 502, false),
            ("S", "NoAnswer", 0, false),
            ("S", "Timeout", 0, false),
            ("S", "NotSent", 0, true),
            ("STS", "Timeout", 0, true), // the role could not be taken on, so the call was never made
        ];
        for (service, code, status, expected) in rows {
            let kind = kind("PutSecretValue", code, "", status);
            let failure = Failure { kind, code: code.into(), ..not_sent(service, "PutSecretValue", &std::fmt::Error) };
            assert_eq!(nothing_written("S", &failure), expected, "{service} {code}");
        }
    }

    #[test]
    fn the_request_id_is_found_in_the_body() {
        let rows = [
            ("<Response><Errors/><RequestID>ea966190</RequestID></Response>", Some("ea966190")),
            ("<ErrorResponse><RequestId>7a62c49f</RequestId></ErrorResponse>", Some("7a62c49f")),
            ("<html>502 Bad Gateway</html>", None),
        ];
        for (body, wanted) in rows {
            let response = HttpResponse::new(400.try_into().unwrap(), aws_smithy_types::body::SdkBody::from(body));
            assert_eq!(request_id_in(&response).as_deref(), wanted, "{body}");
        }
    }

    #[test]
    fn no_code_stands_twice() {
        let codes: std::collections::BTreeSet<_> = TABLE.iter().map(|(code, _)| code).collect();
        assert_eq!(codes.len(), TABLE.len());
    }
}
