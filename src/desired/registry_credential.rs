//! What a `RegistryCredential` wants in AWS: one secret, its copies and its readers, or all that is wrong with it. Pure.

use super::credentials::check::{check_key, check_one_registry, check_secret_id, check_secret_ref};
use super::{ExistingSecret, RECOVERY_WINDOW_IN_DAYS, fences};
use crate::api::Reader;
use crate::inputs::{CredentialInputs, Source};
use crate::observed::Reads;
use crate::plan::Scope;
use crate::problem::Problem;
use crate::resource::arn::{Arn, KmsKeyForm, check_kms_key};
use crate::resource::fingerprint::short_hash;
use crate::resource::image::Registry;
use crate::resource::login::{Login, select_for};
use crate::resource::names;
use crate::resource::secret::DesiredSecret;
use crate::resource::secret::sharing::DesiredSharing;
use crate::resource::tags::{Adoption, Owner};
use crate::status::Reason;
use crate::target::Target;
use std::collections::BTreeMap;

/// Everything a credential wants in AWS.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredCredential {
    /// Where.
    pub target: Target,
    /// Whose it is.
    pub owner: Owner,
    /// The secret.
    pub secret: CredentialSecret,
    /// Whether the value is compared by reading it.
    pub compare_values: bool,
    /// What may go wrong later.
    pub warnings: Vec<String>,
}

/// The secret of a credential.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant)] // one a pass
pub enum CredentialSecret {
    /// It is kept, and shared so: `replica_keys` = the key of each copy, in a form that leads to its Region.
    Kept {
        /// The secret.
        secret: DesiredSecret,
        /// Readers; the Regions of copies are in `replica_keys`.
        sharing: DesiredSharing,
        /// By Region.
        replica_keys: BTreeMap<String, Option<String>>,
    },
    /// It exists; nothing is written to it.
    Existing(ExistingSecret),
}

impl DesiredCredential {
    /// Where its plan acts, and for whom.
    pub(crate) fn scope(&self) -> Scope<'_> {
        Scope { target: &self.target, owner: &self.owner }
    }

    /// What a pass has to look at.
    pub fn reads(&self) -> Reads {
        let (id, keys) = match &self.secret {
            CredentialSecret::Kept { secret, replica_keys, .. } => {
                (&secret.name, secret.kms_key.iter().chain(replica_keys.values().flatten()).collect::<Vec<_>>())
            }
            CredentialSecret::Existing(existing) => (&existing.id, existing.kms_key.iter().collect()),
        };
        let needs_lookup = |key: &&&String| !matches!(check_kms_key(key), Ok(KmsKeyForm::KeyArn(_)));
        let kept = match &self.secret {
            CredentialSecret::Kept { secret, .. } => Some(secret),
            CredentialSecret::Existing(_) => None,
        };
        let compared = kept.filter(|_| self.compare_values).map(|secret| (secret.name.clone(), secret.value.clone()));
        Reads {
            secrets: [id.clone()].into(),
            resource_policies: kept.iter().map(|secret| secret.name.clone()).collect(),
            compare_values: compared.into_iter().collect(),
            keys: keys.iter().filter(needs_lookup).map(|key| (*key).clone()).collect(),
            ..Reads::default()
        }
    }
}

/// The owner of a credential's secret.
pub(crate) fn owner(inputs: &CredentialInputs) -> Owner {
    Owner {
        cluster: inputs.cluster.clone(),
        namespace_uid: inputs.namespace.uid.clone(),
        namespace: inputs.namespace.name.clone(),
        owner: names::tag_value(&format!("RegistryCredential/{}", name(inputs))),
    }
}

fn name(inputs: &CredentialInputs) -> &str {
    inputs.credential.metadata.name.as_deref().unwrap_or_default()
}

/// The name in AWS of the secret that a credential keeps: its own, below the binding's prefix, or one made of its name.
pub(crate) fn secret_name(target: &Target, namespace: &str, credential: &str, given: Option<&str>) -> String {
    let prefix = &target.names.secret_prefix;
    match given {
        Some(given) if given.starts_with(prefix.as_str()) && !prefix.is_empty() => given.to_owned(),
        Some(given) => format!("{prefix}{given}"),
        None => names::credential(prefix, namespace, credential),
    }
}

/// Resolves a credential. All problems are found at once.
pub fn resolve_credential(inputs: &CredentialInputs, target: &Target) -> Result<DesiredCredential, Vec<Problem>> {
    let mut problems = vec![];
    let spec = &inputs.credential.spec;
    check_settings(inputs, target, &mut problems);
    let registry = check_registry(target, &spec.registry, &mut problems);
    let secret = match (&spec.secret_ref, &spec.secret_arn) {
        (Some(reference), None) => {
            let field = "spec.secretRef.name";
            check_secret_ref(field, &reference.name, inputs.source.as_ref(), &inputs.namespace.name, &mut problems);
            registry.and_then(|registry| {
                let login = login(inputs, &reference.name, &registry, &mut problems)?;
                Some(kept(inputs, target, registry, login, &mut problems))
            })
        }
        (None, Some(id)) => {
            check_secret_id(target, "spec.secretArn", id, &mut problems);
            let kms_key = spec.kms_key.clone();
            let registry = registry.map(|registry| registry.to_string()).unwrap_or_default();
            Some(CredentialSecret::Existing(ExistingSecret { id: id.clone(), registry, kms_key, field: "spec.secretArn".into() }))
        }
        _ => {
            let rule = "exactly one of `secretRef` and `secretArn` must be given";
            problems.push(Problem::spec("spec", "", rule, "keep one of them"));
            None
        }
    };
    match secret.filter(|_| problems.is_empty()) {
        Some(secret) => Ok(DesiredCredential {
            target: target.clone(),
            owner: owner(inputs),
            secret,
            compare_values: inputs.compare_values,
            warnings: vec![],
        }),
        None => Err(problems),
    }
}

fn check_settings(inputs: &CredentialInputs, target: &Target, problems: &mut Vec<Problem>) {
    let spec = &inputs.credential.spec;
    check_key("spec.kmsKey", spec.kms_key.as_deref(), problems);
    fences::check_adoption(target, spec.adoption_policy, problems);
    if let Some(days) = spec.recovery_window_in_days.filter(|days| !(7..=30).contains(days)) {
        let rule = "Secrets Manager allows a recovery window of 7 to 30 days";
        problems.push(Problem::spec("spec.recoveryWindowInDays", days, rule, "choose one within"));
    }
    if let Some(interval) = spec.interval.as_deref().filter(|text| crate::interval::parse(Some(text)).is_none()) {
        let rule = "this is not a duration";
        problems.push(Problem::spec("spec.interval", interval, rule, "write one such as 30m, 1h or 0s"));
    }
    let written = spec.name.is_some() || spec.description.is_some() || !spec.replicas.is_empty() || !spec.readers.is_empty();
    if spec.secret_arn.is_some() && written {
        let rule = "nothing is written to a secret that is named by secretArn";
        problems.push(Problem::spec("spec.secretArn", "", rule, "leave name, description, replicas and readers out"));
    }
    let full = secret_name(target, &inputs.namespace.name, name(inputs), spec.name.as_deref());
    let own = format!("{}{}/", target.names.secret_prefix, inputs.namespace.name);
    if let Some(given) = &spec.name {
        if !full.starts_with(&own) || full.contains("//") {
            let rule = format!("a secret of this namespace is named {own}…");
            problems.push(Problem::of(
                Reason::NotAllowed,
                "spec.name",
                given,
                rule,
                "begin it with the namespace, or leave it out",
            ));
        }
        if names::is_reserved_secret(&full) {
            let rule = "a name may not end with the parts `pull` and `credential`, nor with a hyphen and six characters";
            problems.push(Problem::spec("spec.name", given, rule, "choose another name"));
        }
        if full.len() > 256 || !full.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c)) {
            let rule = "a secret's name has at most 256 letters, digits and /_+=.@-, the binding's prefix included";
            problems.push(Problem::spec("spec.name", given, rule, "choose another name"));
        }
    }
}

/// The registry, if a login can be for it and the binding admits credentials there.
fn check_registry(target: &Target, written: &str, problems: &mut Vec<Problem>) -> Option<Registry> {
    let registry = match Registry::parse(written) {
        Ok(registry) => registry,
        Err(error) => {
            let shown = if written.contains('@') { "" } else { written };
            problems.push(Problem::spec("spec.registry", shown, error.to_string(), "write HOST or HOST/PATH"));
            return None;
        }
    };
    check_one_registry("spec.registry", &registry, problems);
    if !target.admits(|limits| &limits.registries, registry.host()) {
        let rule = "the AccountBinding's limits.registries do not admit credentials for this host";
        let remedy = "ask the administrator of the AccountBinding";
        problems.push(Problem::of(Reason::NotAllowed, "spec.registry", registry.host(), rule, remedy));
    }
    Some(registry)
}

fn login(inputs: &CredentialInputs, secret: &str, registry: &Registry, problems: &mut Vec<Problem>) -> Option<Login> {
    let Some(Source::Found(Ok(logins))) = &inputs.source else { return None };
    let (rule, remedy) = match select_for(logins, registry) {
        Ok(Some((_, login))) => return Some(login.clone()),
        Ok(None) => (format!("Secret {secret} has no login for {registry}"), "add one; it is watched"),
        Err(error) => (error.to_string(), "mend the Secret; it is watched"),
    };
    problems.push(Problem::of(Reason::SecretSourceInvalid, "spec.secretRef.name", secret, rule, remedy));
    None
}

fn kept(
    inputs: &CredentialInputs,
    target: &Target,
    registry: Registry,
    login: Login,
    problems: &mut Vec<Problem>,
) -> CredentialSecret {
    let (spec, namespace) = (&inputs.credential.spec, &inputs.namespace.name);
    let full = secret_name(target, namespace, name(inputs), spec.name.as_deref());
    let value = login.secret_string();
    let source = spec.secret_ref.as_ref().map(|reference| reference.name.clone()).unwrap_or_default();
    let usual = format!("Login for {registry} from Secret {namespace}/{source}, kept by Wharfinger");
    let recorded = inputs.credential.status.as_ref().and_then(|status| status.secret.as_ref());
    let secret = DesiredSecret {
        version_id: inputs.value_key.version_id(&target.account_id, &target.region, &full, &value),
        description: spec.description.clone().unwrap_or(usual),
        owner: owner(inputs),
        recorded: recorded.filter(|secret| secret.name.as_ref() == Some(&full)).map(|secret| secret.arn.clone()),
        kms_key: spec.kms_key.clone(),
        value_policy: spec.value_policy,
        deletion_policy: spec.deletion_policy,
        adoption: Adoption {
            policy: spec.adoption_policy.min(target.most_adoption()),
            identity: format!("{}/{namespace}/RegistryCredential/{}", inputs.cluster, name(inputs)),
        },
        source,
        name: full,
        registry,
        value,
    };
    let readers = spec.readers.iter().enumerate().filter_map(|(index, reader)| {
        let field = format!("spec.readers[{index}]");
        principal(target, reader, &field, spec.kms_key.is_some(), problems)
    });
    let sharing = DesiredSharing {
        readers: readers.collect(),
        sid: format!("Wharfinger{}", short_hash(&format!("{}/{}", inputs.cluster, inputs.namespace.uid), 16)),
        replicas: BTreeMap::new(),
    };
    if let Some(reader) = sharing.readers_of_other_accounts(&target.account_id).next() {
        check_keys_of_copies(inputs, reader, problems);
    }
    CredentialSecret::Kept { secret, sharing, replica_keys: replica_keys(inputs, target, problems) }
}

/// The ARN of a reader, if the binding admits it.
fn principal(target: &Target, reader: &Reader, field: &str, has_key: bool, problems: &mut Vec<Problem>) -> Option<String> {
    let (written, arn) = match (&reader.account_id, &reader.role_arn) {
        (Some(account), None) => (account.clone(), format!("arn:{}:iam::{account}:root", target.partition)),
        (None, Some(role)) => (role.clone(), role.clone()),
        _ => {
            let rule = "exactly one of `accountId` and `roleArn` must be given";
            problems.push(Problem::spec(field, "", rule, "keep one of them"));
            return None;
        }
    };
    let parsed =
        Arn::parse(&arn).ok().filter(|arn| arn.service == "iam" && arn.account.len() == 12 && arn.partition == target.partition);
    let Some(parsed) = parsed.filter(|arn| arn.resource == "root" || arn.role_name().is_some()) else {
        let rule = "a reader is an account of 12 digits or the ARN of an IAM role, in the same partition";
        problems.push(Problem::spec(field, written, rule, "correct it"));
        return None;
    };
    if !target.admits(|limits| &limits.readers, &written) {
        let rule = "the AccountBinding's limits.readers do not admit it";
        problems.push(Problem::of(Reason::NotAllowed, field, written, rule, "ask the administrator of the AccountBinding"));
        return None;
    }
    if parsed.account != target.account_id && !has_key {
        let rule = "the account's default key aws/secretsmanager decrypts for nobody of another account, so a reader there needs a customer key";
        problems.push(Problem::spec(field, written, rule, "set spec.kmsKey to a customer key"));
        return None;
    }
    Some(arn)
}

/// The default key of a Region serves its own account only (aws.md, e.4).
fn check_keys_of_copies(inputs: &CredentialInputs, reader: &str, problems: &mut Vec<Problem>) {
    for (index, replica) in inputs.credential.spec.replicas.iter().enumerate().filter(|(_, it)| it.kms_key.is_none()) {
        let rule =
            format!("reader {reader} is of another account, and could not decrypt a copy under the default key of its Region");
        let remedy = "set its kmsKey to a customer key of that Region";
        problems.push(Problem::spec(format!("spec.replicas[{index}].kmsKey"), &replica.region, rule, remedy));
    }
}

/// The key of each copy, named so that it is looked for in the copy's Region.
fn replica_keys(inputs: &CredentialInputs, target: &Target, problems: &mut Vec<Problem>) -> BTreeMap<String, Option<String>> {
    let mut keys = BTreeMap::new();
    for (index, replica) in inputs.credential.spec.replicas.iter().enumerate() {
        let field = format!("spec.replicas[{index}]");
        check_key(&format!("{field}.kmsKey"), replica.kms_key.as_deref(), problems);
        let admitted = target.regions.is_empty() || target.regions.contains(&replica.region);
        if !admitted {
            let rule = format!("the AccountBinding allows only {}", target.regions.join(", "));
            let remedy = "name one of these, or ask the administrator";
            problems.push(Problem::of(Reason::NotAllowed, format!("{field}.region"), &replica.region, rule, remedy));
        }
        let there = |key: &String| match key.starts_with("arn:") {
            true => key.clone(),
            false => {
                let kind = if key.starts_with("alias/") { "" } else { "key/" };
                format!("arn:{}:kms:{}:{}:{kind}{key}", target.partition, replica.region, target.account_id)
            }
        };
        let key = replica.kms_key.as_ref().map(there);
        let elsewhere = key.as_deref().and_then(|key| Arn::parse(key).ok()).is_some_and(|arn| arn.region != replica.region);
        if elsewhere {
            let rule = format!("a copy in {} is encrypted with a key of that Region", replica.region);
            problems.push(Problem::spec(
                format!("{field}.kmsKey"),
                key.as_deref().unwrap_or_default(),
                rule,
                "name one of its keys",
            ));
        }
        if replica.region == target.region {
            let rule = "the secret itself is in this Region";
            problems.push(Problem::spec(format!("{field}.region"), &replica.region, rule, "leave it out"));
        }
        if keys.insert(replica.region.clone(), key).is_some() {
            let rule = "each Region may have only one replica";
            problems.push(Problem::spec(format!("{field}.region"), &replica.region, rule, "keep one of them"));
        }
    }
    keys
}

/// Days of the secret's recovery window.
pub(crate) fn recovery_window(inputs: &CredentialInputs) -> i64 {
    inputs.credential.spec.recovery_window_in_days.unwrap_or(RECOVERY_WINDOW_IN_DAYS)
}
