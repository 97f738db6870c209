//! Texts as ECS gives them, with the names made up.

use super::*;

/// What stands before every failure to fetch a secret on Fargate.
const FARGATE: &str =
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: ";
const ARN: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/regcred-AbCdEf";

/// Class, and the text without what repeats: `{F}` = the prefix of Fargate, `{A}` = an ARN.
const TEXTS: &[(Cause, &str)] = &[
    (
        Cause::SecretMissing,
        "{F}unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret {A} from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
    ),
    (
        Cause::SecretMissing,
        "ResourceInitializationError: The task can’t retrieve the secret with ARN '{A}' from AWS Secrets Manager. Check whether the secret exists in the specified Region.",
    ),
    (
        Cause::SecretMissing,
        "{F}unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret {A} from secrets manager: ValidationException: Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    ),
    (Cause::ParameterMissing, "Fetching secret data from SSM Parameter Store in eu-west-1: invalid parameters: /payments/token"),
    (
        Cause::ParameterMissing,
        "{F}unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm parameters: /payments/token",
    ),
    (
        Cause::SecretDeleted,
        "{F}unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret {A} from secrets manager: InvalidRequestException: You can't perform this operation on the secret because it was marked for deletion.",
    ),
    (
        Cause::SecretAccessDenied,
        "{F}unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret {A} from secrets manager: AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/wharfinger_payments/0123456789abcdef is not authorized to perform: secretsmanager:GetSecretValue on resource: {A} because no identity-based policy allows the secretsmanager:GetSecretValue action status code: 400",
    ),
    (
        Cause::SecretAccessDenied,
        "{F}unable to retrieve secrets from ssm: service call has been retried 1 time(s): AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/r/t is not authorized to perform: ssm:GetParameters on resource: arn:aws:ssm:eu-west-1:111122223333:parameter/token",
    ),
    (
        Cause::KmsDenied,
        "{F}unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret {A} from secrets manager: AccessDeniedException: Access to KMS is not allowed status code: 400",
    ),
    (
        Cause::KmsDenied,
        "{F}unable to retrieve secrets from ssm: service call has been retried 1 time(s): AccessDeniedException: The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.",
    ),
    (
        Cause::KmsDenied,
        "Fetching secret data from AWS Secrets Manager in region eu-west-1: secret {A}: AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/r/t is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:111122223333:key/0",
    ),
    (Cause::SecretMalformed, "asm fetching authorization data: empty response"),
    (Cause::SecretMalformed, "asm fetching secret from the service for {A}: empty secrets value"),
    (Cause::SecretMalformed, "asm fetching authorization data: unable to unmarshal secret value, invalid schema"),
    (Cause::SecretMalformed, "asm fetching username: AuthorizationData is malformed, empty field"),
    (
        Cause::SecretMalformed,
        "{F}unable to retrieve secret from asm: service call has been retried 1 time(s): retrieved secret from Secrets Manager did not contain json key username",
    ),
    (
        Cause::NetworkSecrets,
        "{F}unable to retrieve secret from asm: service call has been retried 5 time(s): failed to fetch secret {A} from secrets manager: RequestCanceled: request context canceled caused by: context deadline exceeded. Please check your task network configuration.",
    ),
    (
        Cause::NetworkSecrets,
        "{F}unable to get registry auth from asm: service call has been retried 1 time(s): asm fetching secret from the service for payments/regcred: RequestError: send request failed",
    ),
    (
        Cause::NetworkSecrets,
        "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: There is a connection issue between the task and AWS Secrets Manager. Check your task network configuration.",
    ),
    (
        Cause::RegistryAuth,
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/acme/api:1.0: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
    ),
    (
        Cause::RegistryAuth,
        "CannotPullContainerError: The task can't pull the image. Check that the role has the permissions to pull images from the registry. Error response from daemon: pull access denied for acme/api, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    ),
    (
        Cause::RegistryAuth,
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref ghcr.io/acme/api:1.0: unexpected status from HEAD request to https://ghcr.io/v2/acme/api/manifests/1.0: 401 Unauthorized",
    ),
    (
        Cause::RegistryAuth,
        "CannotPullContainerError: Error response from daemon: Head \"https://ghcr.io/v2/acme/api/manifests/1.0\": denied: denied",
    ),
    (
        Cause::RegistryAuth,
        "CannotPullContainerError: Error response from daemon: Get https://registry.example.com/v2/acme/api/manifests/1.0: no basic auth credentials",
    ),
    (
        Cause::EcrDenied,
        "{F}unable to retrieve ecr registry auth: service call has been retried 1 time(s): AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/r/t is not authorized to perform: ecr:GetAuthorizationToken on resource: *",
    ),
    (
        Cause::EcrDenied,
        "CannotPullContainerError: The task can't pull the image. Check that the role has the permissions to pull images from the registry.",
    ),
    (
        Cause::EcrDenied,
        "CannotPullContainerError: Error response from daemon: pull access denied for 111122223333.dkr.ecr.eu-west-1.amazonaws.com/api, repository does not exist or may require 'docker login': denied: User: arn:aws:sts::111122223333:assumed-role/r/t is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:eu-west-1:111122223333:repository/api because no resource-based policy allows the ecr:BatchGetImage action",
    ),
    (
        Cause::ImageNotFound,
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref registry.example.com/payments/api:9: registry.example.com/payments/api:9: not found",
    ),
    (
        Cause::ImageNotFound,
        "CannotPullContainerError: The task can't pull the image. Check whether the image exists. Error response from daemon: manifest for registry.example.com/payments/api:9 not found: manifest unknown: manifest unknown",
    ),
    (Cause::ImageNotFound, "CannotPullContainerError: Tag latest not found in repository docker.io/library/owncloud"),
    (
        Cause::Platform,
        "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'",
    ),
    (
        Cause::Platform,
        "CannotPullContainerError: Error response from daemon: no matching manifest for linux/arm64/v8 in the manifest list entries",
    ),
    (
        Cause::NetworkRegistry,
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref docker.io/acme/api:latest: failed to do request: Head \"https://registry-1.docker.io/v2/acme/api/manifests/latest\": dial tcp 192.0.2.10:443: i/o timeout",
    ),
    (
        Cause::NetworkRegistry,
        "CannotPullContainerError: failed to resolve ref registry.example.com/payments/api:1: failed to do request: dial tcp: lookup registry.example.com on 10.0.0.2:53: no such host",
    ),
    (
        Cause::NetworkRegistry,
        "CannotPullContainerError: Error response from daemon: Get https://registry.example.com/v2/: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
    ),
    (Cause::NetworkRegistry, "CannotPullContainerError: context canceled"),
    (
        Cause::NetworkRegistry,
        "{F}unable to retrieve ecr registry auth: service call has been retried 3 time(s): RequestError: send request failed caused by: Post \"https://api.ecr.eu-west-1.amazonaws.com/\": dial tcp 192.0.2.10:443: i/o timeout. Please check your task network configuration.",
    ),
    (
        Cause::NetworkRegistry,
        "CannotPullContainerError: The task cannot pull registry.example.com/payments/api:1 from the registry. Check your network configuration.",
    ),
    (
        Cause::RateLimited,
        "CannotPullContainerError: inspect image has been retried 5 time(s): httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/nginx/manifests/sha256:0123: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.",
    ),
];

#[test]
fn a_text_of_ecs_has_its_class() {
    for (cause, text) in TEXTS {
        let text = text.replace("{F}", FARGATE).replace("{A}", ARN);
        assert_eq!(classify(&text), Some(*cause), "{text}");
    }
}

#[test]
fn a_text_about_something_else_has_none() {
    let others = [
        "",
        "Essential container in task exited",
        "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/api/0)",
        "Scaling activity initiated by (deployment ecs-svc/0123456789)",
        "OutOfMemoryError: Container killed due to memory usage",
        "CannotStartContainerError: Error response from daemon: OCI runtime create failed: exec: \"serve\": executable file not found in $PATH",
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: context deadline exceeded",
        "CannotPullContainerError: failed to copy: no space left on device",
        "Host EC2 (instance i-0123456789) terminated.",
        "ECS was unable to assume the role 'arn:aws:iam::111122223333:role/r' that was provided for this task.",
    ];
    for text in others {
        assert_eq!(classify(text), None, "{text}");
    }
}

/// Each row decides the class of some text: a row that none needs is a guess.
#[test]
fn every_row_has_a_text_that_needs_it() {
    for (index, (cause, groups)) in ROWS.iter().enumerate() {
        let first = |text: &str| {
            let text = text.replace("{F}", FARGATE).replace("{A}", ARN).to_lowercase().replace('\u{2019}', "'");
            ROWS.iter().position(|(_, groups)| groups.iter().all(|words| words.iter().any(|word| text.contains(word))))
        };
        assert!(TEXTS.iter().any(|(_, text)| first(text) == Some(index)), "{cause}: {groups:?}");
    }
}

/// A remedy names what really helps: words of it, and words that would lead astray.
#[test]
fn a_remedy_is_for_every_text_of_its_class() {
    let rows: [(Cause, &[&str], &[&str]); 5] = [
        (Cause::EcrDenied, &["AmazonECSTaskExecutionRolePolicy", "executionRole.managedPolicy"], &["docker login"]),
        (Cause::SecretMissing, &["status.secrets", "`secrets`"], &[]),
        (Cause::ParameterMissing, &["Parameter Store", "`secrets`"], &["status.secrets", "pass"]),
        (Cause::SecretAccessDenied, &["secretsmanager:GetSecretValue", "ssm:GetParameters"], &[]),
        (Cause::KmsDenied, &["spec.credentials[].kmsKey", "spec.executionRole.kmsKeys"], &[]),
    ];
    for (cause, words, astray) in rows {
        let remedy = cause.remedy();
        assert!(words.iter().all(|word| remedy.contains(word)) && !astray.iter().any(|word| remedy.contains(word)), "{remedy}");
    }
}

#[test]
fn a_cause_is_shown_by_its_name_and_its_remedy_is_one_sentence() {
    assert_eq!(Cause::SecretAccessDenied.to_string(), "SecretAccessDenied");
    for (cause, _) in TEXTS {
        let remedy = cause.remedy();
        assert!(remedy.starts_with(|c: char| c.is_lowercase()) && !remedy.ends_with('.') && !remedy.contains(". "), "{remedy}");
    }
}
