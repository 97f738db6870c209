//! A `credentialRef`: the secret that another object keeps. Its status says which one that is, and is no authority: the secret must
//! be the one that the credential's own spec leads to.

use super::super::registry_credential::secret_name;
use crate::api::{CredentialRef, RegistryCredential, ReplicaStatus};
use crate::inputs::{Inputs, Source};
use crate::plan::pending_arn;
use crate::problem::Problem;
use crate::resource::arn::Arn;
use crate::resource::image::Registry;
use crate::resource::login::select_for;
use crate::resource::sealed::Sealed;
use crate::status::{READY, Reason};
use crate::target::Target;
use kube::core::{Selector, SelectorExt};

/// A secret that a `RegistryCredential` keeps or names.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferencedSecret {
    /// The registry it is for.
    pub registry: String,
    /// Its full ARN: of the copy in the workload's own Region, where there is one.
    pub arn: String,
    /// ARN of its customer key.
    pub kms_key_arn: Option<String>,
    /// The login in it, where this namespace holds it as well, and its version.
    pub login: Option<(Sealed, String)>,
}

/// The credential that a reference leads to, if it is there and lets this namespace use it. To a tenant both read the same.
pub(super) fn find<'a>(
    inputs: &'a Inputs,
    target: &Target,
    reference: &CredentialRef,
    field: &str,
    problems: &mut Vec<Problem>,
) -> Option<(&'a RegistryCredential, Registry)> {
    let own = &inputs.namespace.name;
    let namespace = reference.namespace.as_ref().unwrap_or(own);
    let named = |credential: &&RegistryCredential| {
        credential.metadata.name.as_ref() == Some(&reference.name) && credential.metadata.namespace.as_ref() == Some(namespace)
    };
    let found = inputs.credentials.iter().find(named).filter(|credential| namespace == own || allows(inputs, target, credential));
    let Some(credential) = found else {
        let rule = format!("RegistryCredential {namespace}/{} was not found, or does not allow namespace {own}", reference.name);
        let remedy = "correct the name, or ask its owner to admit this namespace in allowedNamespaces";
        problems.push(Problem::of(Reason::DependencyNotFound, format!("{field}.credentialRef"), &reference.name, rule, remedy));
        return None;
    };
    // What is wrong with its registry is told there.
    Registry::parse(&credential.spec.registry).ok().map(|registry| (credential, registry))
}

/// Another namespace's credential must name this one, and act through the same binding.
fn allows(inputs: &Inputs, target: &Target, credential: &RegistryCredential) -> bool {
    let selector = credential.spec.allowed_namespaces.clone().and_then(|selector| Selector::try_from(selector).ok());
    let place = credential.status.as_ref().and_then(|status| status.target.as_ref());
    let same = place.is_some_and(|place| place.binding == target.binding && place.account_id == target.account_id);
    same && selector.is_some_and(|selector| selector.matches(&inputs.namespace.labels))
}

/// The secret of a credential, once it is there.
pub(super) fn secret(
    inputs: &Inputs,
    target: &Target,
    credential: &RegistryCredential,
    registry: &Registry,
    field: &str,
    warnings: &mut Vec<String>,
) -> Result<ReferencedSecret, Problem> {
    let name = credential.metadata.name.as_deref().unwrap_or_default();
    let status = credential.status.clone().unwrap_or_default();
    let waits = |why: String| {
        let rule = format!("RegistryCredential {name} is not ready: {why}");
        Problem::of(Reason::Progressing, format!("{field}.credentialRef"), name, rule, "it is waited for")
    };
    let Some(secret) = status.secret.as_ref().filter(|_| credential.metadata.deletion_timestamp.is_none()) else {
        let ready = status.conditions.iter().find(|condition| condition.type_ == READY);
        let gone = credential.metadata.deletion_timestamp.is_some().then(|| "it is being deleted".to_owned());
        return Err(waits(gone.or(ready.map(|ready| ready.message.clone())).unwrap_or_else(|| "it had no pass yet".to_owned())));
    };
    let place = status.target.as_ref().filter(|place| place.account_id == target.account_id && place.binding == target.binding);
    let Some(place) = place else {
        return Err(waits("it lives under another AccountBinding, or in another account".to_owned()));
    };
    if inputs.planned_credentials && secret.name.as_deref().is_some_and(|name| secret.arn == pending_arn(name)) {
        let kms_key_arn = secret.kms_key_arn.clone();
        return Ok(ReferencedSecret { registry: registry.to_string(), arn: secret.arn.clone(), kms_key_arn, login: None });
    }
    if !is_its_own(target, credential, &place.region, &secret.arn) {
        return Err(waits(format!("its status names {}, which is not the secret that its spec leads to", secret.arn)));
    }
    let key = secret.kms_key_arn.clone().filter(|key| target.may_admit_key(key));
    if key.is_none() && secret.kms_key_arn.is_some() {
        return Err(waits("its KMS key is not among limits.kmsKeys of the AccountBinding".to_owned()));
    }
    // Copies are of a secret that is kept: beside `secretArn` the status would be the only one to say so.
    let kept = credential.spec.secret_arn.is_none();
    let copies = if kept { status.replicas.as_slice() } else { &[] };
    let secret = in_region(target, copies, &secret.arn, key, registry, warnings);
    Ok(ReferencedSecret { login: login(inputs, credential, registry), ..secret })
}

/// The login that a credential of this namespace keeps, if the secret holds that very one: while a change is on its way, or where the
/// value is left to others, only AWS knows what containers pull with.
fn login(inputs: &Inputs, credential: &RegistryCredential, registry: &Registry) -> Option<(Sealed, String)> {
    let own = credential.metadata.namespace.as_ref() == Some(&inputs.namespace.name);
    let reference = credential.spec.secret_ref.as_ref().filter(|_| own)?;
    let Some(Source::Found(Ok(logins))) = inputs.sources.get(&reference.name) else { return None };
    let (_, login) = select_for(logins, registry).ok()??;
    let (value, secret) = (login.secret_string(), credential.status.as_ref()?.secret.as_ref()?);
    let (arn, name) = (Arn::parse(&secret.arn).ok()?, secret.name.as_ref()?);
    let version = inputs.value_key.version_id(&arn.account, &arn.region, name, &value);
    (secret.version_id.as_ref() == Some(&version)).then_some((value, version))
}

/// Whether an ARN is of the secret that the credential's spec leads to.
fn is_its_own(target: &Target, credential: &RegistryCredential, region: &str, arn: &str) -> bool {
    let Some(parsed) = Arn::parse(arn).ok().filter(Arn::is_full_secret) else { return false };
    let namespace = credential.metadata.namespace.as_deref().unwrap_or_default();
    match &credential.spec.secret_arn {
        Some(id) => {
            let stem = parsed.secret_stem().unwrap_or_default();
            let partial = Arn { resource: format!("secret:{stem}"), ..parsed.clone() }.to_string();
            (id == arn || *id == partial || id == stem) && target.admits_secret(namespace, arn)
        }
        None => {
            let name = credential.metadata.name.as_deref().unwrap_or_default();
            let wanted = secret_name(target, namespace, name, credential.spec.name.as_deref());
            let own = format!("{}{namespace}/", target.names.secret_prefix);
            parsed.account == target.account_id
                && (target.regions.is_empty() || target.regions.contains(&parsed.region))
                && parsed.region == region
                && parsed.secret_stem() == Some(&wanted)
                && wanted.starts_with(&own)
        }
    }
}

/// A copy in the workload's own Region comes first: an endpoint of a VPC serves no other Region (AWS: ECR interface endpoints, 52).
fn in_region(
    target: &Target,
    copies: &[ReplicaStatus],
    arn: &str,
    kms_key_arn: Option<String>,
    registry: &Registry,
    warnings: &mut Vec<String>,
) -> ReferencedSecret {
    let registry = registry.to_string();
    let parsed = Arn::parse(arn).ok().filter(|parsed| parsed.region != target.region);
    let Some(parsed) = parsed else { return ReferencedSecret { registry, arn: arn.to_owned(), kms_key_arn, login: None } };
    let copy = copies.iter().find(|copy| copy.region == target.region && copy.state == "InSync");
    let key_of = |copy: &ReplicaStatus| copy.kms_key_arn.clone().filter(|key| target.may_admit_key(key));
    match copy.filter(|copy| copy.kms_key_arn.is_none() || key_of(copy).is_some()) {
        Some(copy) => {
            let arn = Arn { region: target.region.clone(), ..parsed }.to_string();
            ReferencedSecret { registry, arn, kms_key_arn: key_of(copy), login: None }
        }
        None => {
            warnings.push(format!(
                "secret {arn} is in Region {} and has no copy in {}: tasks need a way to Secrets Manager there",
                parsed.region, target.region
            ));
            ReferencedSecret { registry, arn: arn.to_owned(), kms_key_arn, login: None }
        }
    }
}
