//! Each credential of the spec by itself: its registry, its key, and whether its source holds a login.

use super::super::shared;
use super::reference;
use crate::api::{Credential, RegistryCredential};
use crate::inputs::{GIVE_SECRET, Inputs, Source};
use crate::problem::Problem;
use crate::resource::arn::{Arn, check_kms_key, is_default_key};
use crate::resource::image::Registry;
use crate::status::Reason;
use crate::target::Target;

/// A credential of the spec that holds together.
pub(super) struct Checked<'a> {
    pub(super) field: String,
    pub(super) registry: Option<Registry>,
    pub(super) credential: &'a Credential,
    /// What a `credentialRef` leads to, and the registry that it is for.
    pub(super) referenced: Option<(&'a RegistryCredential, Registry)>,
}

/// Each credential by itself, and no registry twice.
pub(super) fn check<'a>(inputs: &'a Inputs, target: &Target, problems: &mut Vec<Problem>) -> Vec<Checked<'a>> {
    let mut checked: Vec<Checked<'a>> = vec![];
    for (index, credential) in inputs.workload.spec.credentials.iter().enumerate() {
        let field = format!("spec.credentials[{index}]");
        let registry = match credential.registry.as_deref().map(|text| (text, Registry::parse(text))) {
            Some((_, Ok(registry))) => Some(registry),
            Some((text, Err(error))) => {
                let shown = if text.contains('@') { "" } else { text };
                problems.push(Problem::spec(format!("{field}.registry"), shown, error.to_string(), "write HOST or HOST/PATH"));
                continue;
            }
            None => None,
        };
        if let Some(registry) = &registry {
            check_registry(&field, registry, &checked, problems);
        }
        check_source(inputs, target, &field, credential, problems);
        let referenced = credential.credential_ref.as_ref();
        let referenced = referenced.and_then(|reference| reference::find(inputs, target, reference, &field, problems));
        let registry = registry.or(referenced.as_ref().map(|(_, registry)| registry.clone()));
        checked.push(Checked { field, registry, credential, referenced });
    }
    checked
}

fn check_registry(field: &str, registry: &Registry, earlier: &[Checked], problems: &mut Vec<Problem>) {
    let at = format!("{field}.registry");
    check_one_registry(&at, registry, problems);
    if let Some(twin) = earlier.iter().find(|other| other.registry.as_ref() == Some(registry)) {
        problems.push(Problem::spec(at, registry, format!("{} is for the same registry", twin.field), "keep one of them"));
    }
}

/// A registry that a login can be for.
pub(in crate::desired) fn check_one_registry(at: &str, registry: &Registry, problems: &mut Vec<Problem>) {
    if registry.is_ecr() {
        let rule = "Amazon ECR takes no repositoryCredentials; the execution role pulls from it";
        problems.push(Problem::spec(at, registry, rule, "remove this credential"));
    }
    if registry.is_pattern() {
        let rule = "a credential is for one registry, not for a pattern";
        problems.push(Problem::spec(
            at,
            registry,
            rule,
            "write the host, or leave `registry` out: then the Secret's own entries count",
        ));
    }
}

fn check_source(inputs: &Inputs, target: &Target, field: &str, credential: &Credential, problems: &mut Vec<Problem>) {
    check_key(&format!("{field}.kmsKey"), credential.kms_key.as_deref(), problems);
    match (&credential.secret_ref, &credential.secret_arn, &credential.credential_ref) {
        (Some(reference), None, None) => {
            let at = format!("{field}.secretRef.name");
            check_secret_ref(&at, &reference.name, inputs.sources.get(&reference.name), &inputs.namespace.name, problems);
        }
        (None, Some(id), None) => check_secret_id(target, &format!("{field}.secretArn"), id, problems),
        (None, None, Some(_)) if credential.kms_key.is_some() => {
            let rule = "the RegistryCredential says which KMS key its secret has";
            problems.push(Problem::spec(format!("{field}.kmsKey"), "", rule, "leave it out"));
        }
        (None, None, Some(_)) => {}
        _ => {
            let rule = "exactly one of `secretRef`, `secretArn` and `credentialRef` must be given";
            problems.push(Problem::spec(field, "", rule, "keep one of them"));
        }
    }
}

/// Whether this can be the name of an object: the API server would be asked for it by a path, which another text could leave
/// (Kubernetes: object names, DNS subdomain).
pub(crate) fn is_object_name(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let outer = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.len() <= 253 && name.bytes().all(inner) && outer(name.bytes().next()) && outer(name.bytes().last())
}

/// The form of a customer key, in whatever way it is named.
pub(in crate::desired) fn check_key(field: &str, key: Option<&str>, problems: &mut Vec<Problem>) {
    if let Some(key) = key.filter(|key| is_default_key(key)) {
        let rule = "this is the account's default key, not a customer key";
        problems.push(Problem::spec(field, key, rule, "leave it out"));
    }
    if let Some((key, Err(error))) = key.map(|key| (key, check_kms_key(key))) {
        let remedy = "write a key ARN, an alias ARN, a key id or alias/NAME";
        problems.push(Problem::spec(field, key, error.to_string(), remedy));
    }
}

/// Whether a Secret of this namespace is there and holds logins.
pub(in crate::desired) fn check_secret_ref(
    field: &str,
    name: &str,
    source: Option<&Source>,
    namespace: &str,
    problems: &mut Vec<Problem>,
) {
    if !is_object_name(name) {
        let rule = "the name of a Secret has a-z, 0-9, '-' and '.', at most 253 of them";
        return problems.push(Problem::spec(field, name, rule, "name a Secret of this namespace"));
    }
    let grant = format!(
        "list namespace {namespace} in the chart's secrets.namespaces (--secret-namespaces, and get, list and watch of secrets there), or set secrets.access to Cluster"
    );
    let (reason, rule, remedy) = match source {
        Some(Source::Found(Ok(_))) => return,
        Some(Source::Found(Err(error))) => (Reason::SecretSourceInvalid, error.to_string(), "mend the Secret; it is watched"),
        Some(Source::Unreadable(why)) => (Reason::SecretSourceMissing, why.clone(), grant.as_str()),
        Some(Source::NotGiven) => {
            (Reason::SecretSourceMissing, format!("Secret {namespace}/{name} is not in these files"), GIVE_SECRET)
        }
        Some(Source::Missing) | None => (
            Reason::SecretSourceMissing,
            format!("Secret {name} does not exist in namespace {namespace}"),
            "create it (kubectl create secret docker-registry); it is waited for",
        ),
    };
    problems.push(Problem::of(reason, field, name, rule, remedy));
}

/// The form of a name or ARN of a secret that is said to exist.
pub(in crate::desired) fn check_secret_id(target: &Target, field: &str, id: &str, problems: &mut Vec<Problem>) {
    if !id.starts_with("arn:") {
        if id.is_empty() || id.len() > 512 || !id.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c)) {
            let rule = "a secret's name has 1 to 512 letters, digits and /_+=.@-";
            problems.push(Problem::spec(field, id, rule, "write its name or its full ARN"));
        }
        return;
    }
    let arn = match Arn::parse(id) {
        Ok(arn) if arn.secret_name().is_some() => arn,
        Ok(arn) => {
            let rule = format!("this is an ARN of {}, not of a Secrets Manager secret", arn.service);
            let remedy = "write arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-XXXXXX";
            return problems.push(Problem::spec(field, id, rule, remedy));
        }
        Err(error) => return problems.push(Problem::spec(field, id, error.to_string(), "write the secret's full ARN")),
    };
    if !(20..=2048).contains(&id.len()) {
        let rule = "ECS takes a credentialsParameter of 20 to 2048 characters";
        problems.push(Problem::spec(field, id, rule, "write the secret's full ARN"));
    }
    if !shared::in_own_account(target, &arn) {
        if !target.admits(|limits| &limits.secret_arns, id) {
            let rule =
                format!("the secret is of account {} and the AccountBinding's limits.secretArns do not admit it", arn.account);
            return problems.push(Problem::of(
                Reason::NotAllowed,
                field,
                id,
                rule,
                "ask the administrator of the AccountBinding",
            ));
        }
        if !arn.is_full_secret() {
            let rule = "a secret of another account must be named by its full ARN, with the six characters at its end";
            problems.push(Problem::spec(field, id, rule, "copy it from aws secretsmanager describe-secret"));
        }
    }
}
