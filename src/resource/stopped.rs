//! Why a task stopped before it ran: the `stoppedReason` of a task, or the `reason` of a container, as a class with a remedy.
//!
//! Pure. The texts are made by three programs (the ECS agent, Fargate's agent, the container runtime) and promised by none, so
//! they are looked at by their parts. What fits no class has none: a wrong remedy is worse than the text alone. Secrets that a
//! container itself reads fail in the same words as the registry's secret, so the remedies are for both.

use std::fmt;

/// What kept a task from its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The secret that the definition names does not exist.
    SecretMissing,
    /// Parameter Store has no such parameter.
    ParameterMissing,
    /// The secret is scheduled for deletion.
    SecretDeleted,
    /// The execution role may not read the secret or the parameter.
    SecretAccessDenied,
    /// The execution role may not decrypt with the secret's KMS key.
    KmsDenied,
    /// The secret's value is not what ECS reads.
    SecretMalformed,
    /// Secrets Manager cannot be reached from where the task runs.
    NetworkSecrets,
    /// Amazon ECR does not let the execution role pull.
    EcrDenied,
    /// The registry does not take the login.
    RegistryAuth,
    /// The registry has no such image.
    ImageNotFound,
    /// The image is not made for the task's operating system and processor.
    Platform,
    /// The registry cannot be reached from where the task runs.
    NetworkRegistry,
    /// The registry has had enough of the caller for now.
    RateLimited,
}

impl Cause {
    /// What to do, in one sentence.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::SecretMissing => {
                "if status.secrets has the secret, ask for a pass with the annotation wharfinger.dev/requestedAt and let new tasks use the newest revision; if a container's own `secrets` name it, make it or mend its ARN there"
            }
            Self::ParameterMissing => "make the parameter in Parameter Store, or mend its name in the container's `secrets`",
            Self::SecretDeleted => {
                "ask for a pass with the annotation wharfinger.dev/requestedAt, which restores a secret of Wharfinger's; restore any other with `aws secretsmanager restore-secret`"
            }
            Self::SecretAccessDenied => {
                "ask for a pass with the annotation wharfinger.dev/requestedAt, which sets the policy of the execution role, and look for a permissions boundary, a service control policy, or a policy of the secret or of the VPC endpoint, that denies secretsmanager:GetSecretValue (for a parameter, ssm:GetParameters)"
            }
            Self::KmsDenied => {
                "name the key, in spec.credentials[].kmsKey for a registry's secret and in spec.executionRole.kmsKeys for what containers read themselves, so that the execution role gets kms:Decrypt, and see that the policy of the key lets IAM of that account grant it"
            }
            Self::SecretMalformed => {
                "let the secret hold the text {\"username\": …, \"password\": …}, both not empty, or let Wharfinger keep it by spec.credentials[].secretRef"
            }
            Self::NetworkSecrets => {
                "give the task's subnets a way to Secrets Manager: a NAT gateway, or an interface endpoint for secretsmanager whose security group admits port 443 from the task"
            }
            Self::EcrDenied => {
                "let the execution role have AmazonECSTaskExecutionRolePolicy: ask for a pass and see that spec.executionRole.managedPolicy is not Never (to a role named by spec.executionRole.arn attach it yourself); for a repository of another account its policy must admit the role too"
            }
            Self::RegistryAuth => {
                "try the login of spec.credentials with `docker login` and `docker pull`, put the right one into its Secret, and see that the image's name has no mistake: many registries tell a missing image like a forbidden one"
            }
            Self::ImageNotFound => "push the image, or name in spec.image a tag or digest that the registry has",
            Self::Platform => {
                "build the image for the task's runtimePlatform (linux/amd64 where none is set), or set runtimePlatform in spec.ecs to what the image is built for"
            }
            Self::NetworkRegistry => {
                "give the task's subnets a way to the registry: a public IP address or a NAT gateway, for Amazon ECR the endpoints ecr.api, ecr.dkr and S3, and a security group that lets port 443 out"
            }
            Self::RateLimited => {
                "pull with a login (spec.credentials), or from a mirror such as an Amazon ECR pull-through cache, and wait until the registry's period is over"
            }
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

/// A text is of the class if it holds a word of each group.
type Row = (Cause, &'static [&'static [&'static str]]);

/// The step that fetches secrets (ECS agent: asm.go, ssm.go; Fargate: "Resource initialization errors").
const SECRETS: &[&str] = &["from asm", "asm fetching", "secrets manager", "from ssm", "ssm parameter"];
/// The step that fetches images, and the login for Amazon ECR.
const PULL: &[&str] = &["cannotpull", "cannot pull", "can't pull", "pull image", "failed to resolve ref", "ecr registry auth"];
/// No way there, or none back.
const NETWORK: &[&str] = &[
    "connection issue",
    "context canceled",
    "context deadline exceeded",
    "request canceled",
    "requestcanceled",
    "requesterror",
    "i/o timeout",
    "handshake timeout",
    "client.timeout",
    "no such host",
    "no route to host",
    "connection refused",
    "connection reset",
    "server misbehaving",
    "network is unreachable",
];
const DENIED: &[&str] = &["accessdenied", "not authorized to perform"];
/// Amazon ECR, which takes no login: the execution role pulls.
const ECR: &[&str] = &["ecr registry auth", "perform: ecr:", ".dkr.ecr.", ".dkr-ecr."];
/// A registry that refuses.
const REFUSED: &[&str] = &["pull access denied", "no basic auth credentials", "insufficient_scope", "denied: requested access"];

/// In this order: the first that fits counts. Texts: the ECS agent's asm.go and errormessages; Amazon ECS Developer Guide,
/// "CannotPullContainer task errors" and "Resource initialization errors"; Secrets Manager's API; the registries.
const ROWS: &[Row] = &[
    (Cause::SecretDeleted, &[&["marked for deletion", "because it was deleted", "scheduled for deletion"]]),
    (Cause::KmsDenied, &[&["access to kms is not allowed", "decryptionfailure", "perform: kms:decrypt"]]),
    (Cause::KmsDenied, &[SECRETS, &["the ciphertext refers to a customer master key"]]),
    (Cause::SecretAccessDenied, &[SECRETS, DENIED]),
    (
        Cause::SecretMissing,
        &[SECRETS, &["resourcenotfound", "check whether the secret exists", "can't find the specified secret"]],
    ),
    (Cause::SecretMissing, &[SECRETS, &["must be a valid name"]]),
    (Cause::ParameterMissing, &[SECRETS, &["invalid ssm parameters", "invalid parameters:"]]),
    (Cause::SecretMalformed, &[&["authorizationdata is malformed", "empty secrets value", "did not contain json key"]]),
    (Cause::SecretMalformed, &[SECRETS, &["invalid schema", "authorization data: empty response"]]),
    (Cause::NetworkSecrets, &[SECRETS, NETWORK]),
    (Cause::RateLimited, &[&["toomanyrequests", "pull rate limit", "429 too many requests"]]),
    (
        Cause::Platform,
        &[&["descriptor matching platform", "no matching manifest for", "no match for platform", "exec format error"]],
    ),
    (Cause::EcrDenied, &[ECR, REFUSED]),
    (Cause::EcrDenied, &[ECR, DENIED]),
    (Cause::RegistryAuth, &[REFUSED]),
    (Cause::RegistryAuth, &[PULL, &["unauthorized", "forbidden", "denied: denied", "authorization failed"]]),
    (Cause::EcrDenied, &[PULL, &["has the permissions to pull images"]]),
    (Cause::NetworkRegistry, &[PULL, NETWORK]),
    (Cause::ImageNotFound, &[PULL, &["not found", "manifest unknown", "name unknown", "no such image", "does not exist"]]),
    (Cause::NetworkRegistry, &[PULL, &["check your network configuration", "check your task network configuration"]]),
];

/// The class of a task's `stoppedReason` or a container's `reason`; `None` where the text is of none.
pub fn classify(reason: &str) -> Option<Cause> {
    let text = reason.to_lowercase().replace('\u{2019}', "'");
    let fits = |groups: &&[&[&str]]| groups.iter().all(|words| words.iter().any(|word| text.contains(word)));
    ROWS.iter().find(|(_, groups)| fits(groups)).map(|(cause, _)| *cause)
}

#[cfg(test)]
mod tests;
