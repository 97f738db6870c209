//! Which login each container pulls with: matched by registry as kubelet does, the longest path prefix wins.

pub(super) mod check;
mod reference;

use super::document::{Container, Prepared};
use super::{ExistingSecret, owner};
use crate::api::{DeletionPolicy, RegistryCredential, ValuePolicy};
use crate::inputs::{Inputs, Source};
use crate::problem::Problem;
use crate::resource::image::Registry;
use crate::resource::login::{self, Login};
use crate::resource::names;
use crate::resource::secret::DesiredSecret;
use crate::status::Reason;
use crate::target::Target;
pub(crate) use check::is_object_name;
use check::{Checked, check, check_secret_id};
pub use reference::ReferencedSecret;
use std::collections::BTreeSet;

/// The secrets that the containers need, and which container pulls with which.
#[derive(Debug, Default)]
pub(super) struct Matched {
    pub(super) kept: Vec<DesiredSecret>,
    pub(super) existing: Vec<ExistingSecret>,
    pub(super) referenced: Vec<ReferencedSecret>,
    /// Container path and secret name or id.
    pub(super) by_container: Vec<(String, String)>,
    pub(super) warnings: Vec<String>,
}

/// Registries that serve images to anybody: a container there may do without a credential.
const PUBLIC: [&str; 9] = [
    "docker.io",
    "ghcr.io",
    "quay.io",
    "gcr.io",
    "registry.k8s.io",
    "mcr.microsoft.com",
    "registry.gitlab.com",
    "registry.access.redhat.com",
    "docker.elastic.co",
];

/// What a credential offers to one container.
enum Offer<'a> {
    Kept(Registry, &'a Login),
    Existing(Registry),
    Referenced(&'a RegistryCredential, Registry),
}

pub(super) fn resolve(inputs: &Inputs, target: &Target, prepared: &Prepared, problems: &mut Vec<Problem>) -> Matched {
    let before = problems.len();
    let credentials = check(inputs, target, problems);
    let mut matched = Matched::default();
    if problems.len() > before {
        return matched;
    }
    let mut used = BTreeSet::new();
    let mut bare: Vec<&Container> = vec![];
    for container in &prepared.containers {
        if container.image.ecr().is_some() {
            refuse_on_ecr(container, problems);
            continue;
        }
        let told = problems.len();
        let best = best_offer(inputs, container, &credentials, &prepared.containers, problems);
        used.extend(best.as_ref().map(|(index, _)| *index));
        match (&container.pasted_credential, best) {
            (Some(pasted), best) => {
                let credential = best.map(|(index, _)| &credentials[index]);
                take_pasted(target, container, pasted, credential, &mut matched, problems)
            }
            (None, Some((index, offer))) => take(inputs, target, container, &credentials[index], offer, &mut matched, problems),
            // A login that is there and broken has been told.
            (None, None) if problems.len() > told => {}
            (None, None) => bare.push(container),
        }
    }
    check_bare(inputs, &bare, &credentials, &mut matched, problems);
    for (index, checked) in credentials.iter().enumerate().filter(|(index, _)| !used.contains(index)) {
        unused(inputs, checked, index, prepared, &mut matched, problems);
    }
    matched
}

fn refuse_on_ecr(container: &Container, problems: &mut Vec<Problem>) {
    if let Some(pasted) = &container.pasted_credential {
        let rule = format!("the image {} is in Amazon ECR, which takes no repositoryCredentials", container.image.written());
        problems.push(Problem::spec(format!("{}.repositoryCredentials", container.field), pasted, rule, "remove it"));
    }
}

/// The most specific offer; two equally specific ones from two credentials are a problem.
fn best_offer<'a>(
    inputs: &'a Inputs,
    container: &Container,
    credentials: &'a [Checked<'a>],
    all: &[Container],
    problems: &mut Vec<Problem>,
) -> Option<(usize, Offer<'a>)> {
    let mut offers: Vec<(usize, usize, Offer<'a>)> = vec![];
    for (index, checked) in credentials.iter().enumerate() {
        match offer(inputs, container, checked, all) {
            Ok(Some(found)) => {
                let registry = match (&checked.registry, &found) {
                    (Some(registry), _) => registry,
                    (None, Offer::Kept(registry, _) | Offer::Existing(registry) | Offer::Referenced(_, registry)) => registry,
                };
                offers.push((registry.matches(&container.image).unwrap_or_default(), index, found));
            }
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    let longest = offers.iter().map(|(length, ..)| *length).max()?;
    offers.retain(|(length, ..)| *length == longest);
    if let [(_, first, _), (_, second, _), ..] = offers.as_slice() {
        let rule = format!(
            "{} and {} both hold a login for {}",
            credentials[*first].field,
            credentials[*second].field,
            container.image.registry()
        );
        problems.push(Problem::spec(
            container.image_field(),
            container.image.written(),
            rule,
            "set `registry` on each, or remove one",
        ));
    }
    offers.into_iter().next().map(|(_, index, found)| (index, found))
}

/// What one credential has for one container.
fn offer<'a>(
    inputs: &'a Inputs,
    container: &Container,
    checked: &Checked<'a>,
    all: &[Container],
) -> Result<Option<Offer<'a>>, Problem> {
    let image = &container.image;
    let wanted = checked.registry.as_ref();
    if wanted.is_some_and(|wanted| wanted.matches(image).is_none()) {
        return Ok(None);
    }
    if let Some((credential, registry)) = &checked.referenced {
        return Ok(Some(Offer::Referenced(credential, wanted.unwrap_or(registry).clone())));
    }
    let Some(reference) = &checked.credential.secret_ref else {
        let fits = wanted.is_some() || is_main_registry(container, all);
        return Ok(fits.then(|| Offer::Existing(wanted.cloned().unwrap_or_else(|| Registry::of(image)))));
    };
    let Some(Source::Found(Ok(logins))) = inputs.sources.get(&reference.name) else { return Ok(None) };
    if matches!(logins, login::Logins::Any(_)) && wanted.is_none() && !is_main_registry(container, all) {
        return Ok(None);
    }
    match login::select(logins, wanted, image) {
        Ok(found) => Ok(found.map(|(registry, login)| Offer::Kept(registry, login))),
        Err(error) => Err(Problem::of(
            Reason::SecretSourceInvalid,
            format!("{}.secretRef.name", checked.field),
            &reference.name,
            error.to_string(),
            "mend the Secret; it is watched",
        )),
    }
}

/// A login that does not say what it is for serves the registry of `spec.image`, or the only private one.
fn is_main_registry(container: &Container, all: &[Container]) -> bool {
    let private = |other: &&Container| other.image.ecr().is_none() && !PUBLIC.contains(&other.image.registry());
    let hosts: BTreeSet<&str> = all.iter().filter(private).map(|other| other.image.registry()).collect();
    let main: BTreeSet<&str> = all.iter().filter(|other| other.inherits_image).map(|other| other.image.registry()).collect();
    let host = container.image.registry();
    match (main.is_empty(), hosts.is_empty()) {
        (false, _) => main.contains(host),
        (true, false) => hosts.len() == 1 && hosts.contains(host),
        (true, true) => all.iter().all(|other| other.image.registry() == host),
    }
}

fn take_pasted(
    target: &Target,
    container: &Container,
    pasted: &str,
    credential: Option<&Checked>,
    matched: &mut Matched,
    problems: &mut Vec<Problem>,
) {
    let field = format!("{}.repositoryCredentials.credentialsParameter", container.field);
    if let Some(checked) = credential.filter(|checked| checked.credential.secret_arn.as_deref() != Some(pasted)) {
        let rule = format!("{} gives another secret for this container's registry", checked.field);
        return problems.push(Problem::spec(field, pasted, rule, "keep one of them"));
    }
    check_secret_id(target, &field, pasted, problems);
    check_host(target, &container.image_field(), container, problems);
    let kms_key = credential.and_then(|checked| checked.credential.kms_key.clone());
    add_existing(container, pasted, container.image.registry(), kms_key, field, matched);
}

fn take(
    inputs: &Inputs,
    target: &Target,
    container: &Container,
    checked: &Checked,
    offer: Offer,
    matched: &mut Matched,
    problems: &mut Vec<Problem>,
) {
    check_host(target, &checked.field, container, problems);
    match (offer, &checked.credential.secret_arn, &checked.credential.secret_ref) {
        (Offer::Existing(registry), Some(id), _) => {
            let field = format!("{}.secretArn", checked.field);
            add_existing(container, id, &registry.to_string(), checked.credential.kms_key.clone(), field, matched);
        }
        (Offer::Kept(registry, login), _, Some(source)) => {
            let secret = kept(inputs, target, &source.name, registry, login, checked.credential.kms_key.as_deref());
            matched.by_container.push((container.path.clone(), secret.name.clone()));
            if !matched.kept.iter().any(|other| other.name == secret.name) {
                matched.kept.push(secret);
            }
        }
        (Offer::Referenced(credential, registry), _, _) => {
            match reference::secret(inputs, target, credential, &registry, &checked.field, &mut matched.warnings) {
                Err(problem) => problems.push(problem),
                Ok(secret) => {
                    matched.by_container.push((container.path.clone(), secret.arn.clone()));
                    if !matched.referenced.contains(&secret) {
                        matched.referenced.push(secret);
                    }
                }
            }
        }
        _ => {}
    }
}

/// ECS sends the login to the host of the image, whatever the credential is called.
fn check_host(target: &Target, field: &str, container: &Container, problems: &mut Vec<Problem>) {
    let host = container.image.registry();
    if !target.admits(|limits| &limits.registries, host) {
        let rule = "the AccountBinding's limits.registries do not admit credentials for this host";
        problems.push(Problem::of(Reason::NotAllowed, field, host, rule, "ask the administrator of the AccountBinding"));
    }
}

fn add_existing(container: &Container, id: &str, registry: &str, kms_key: Option<String>, field: String, matched: &mut Matched) {
    matched.by_container.push((container.path.clone(), id.to_owned()));
    if !matched.existing.iter().any(|other| other.id == id) {
        matched.existing.push(ExistingSecret { id: id.to_owned(), registry: registry.to_owned(), kms_key, field });
    }
}

fn kept(
    inputs: &Inputs,
    target: &Target,
    source: &str,
    registry: Registry,
    login: &Login,
    kms_key: Option<&str>,
) -> DesiredSecret {
    let namespace = &inputs.namespace.name;
    let name = names::secret(&target.names.secret_prefix, namespace, source, &registry, kms_key);
    let value = login.secret_string();
    let recorded = inputs.workload.status.iter().flat_map(|status| status.secrets.iter());
    DesiredSecret {
        version_id: inputs.value_key.version_id(&target.account_id, &target.region, &name, &value),
        description: format!("Login for {registry} from Secret {namespace}/{source}, kept by Wharfinger"),
        owner: owner(inputs, &format!("Secret/{source}")),
        recorded: recorded.into_iter().find(|secret| secret.name.as_ref() == Some(&name)).map(|secret| secret.arn.clone()),
        kms_key: kms_key.map(str::to_owned),
        value_policy: ValuePolicy::Enforce,
        deletion_policy: DeletionPolicy::Delete,
        adoption: super::adoption(inputs, target),
        source: source.to_owned(),
        name,
        registry,
        value,
    }
}

/// Containers without a credential: fine on registries that serve anybody, as long as something else is private.
fn check_bare(inputs: &Inputs, bare: &[&Container], credentials: &[Checked], matched: &mut Matched, problems: &mut Vec<Problem>) {
    for container in bare {
        let host = container.image.registry();
        if PUBLIC.contains(&host) && !container.inherits_image {
            matched.warnings.push(format!("{} is pulled without a credential", container.image.written()));
            continue;
        }
        let held: Vec<String> = credentials.iter().filter_map(|checked| held_by(inputs, checked)).collect();
        let rule = match held.is_empty() {
            true => format!("no credential is given for registry {host}"),
            false => format!("no credential is given for registry {host}: {}", held.join("; ")),
        };
        let field = container.image_field();
        let remedy = format!("add one to spec.credentials, or an entry for {host} to its Secret");
        problems.push(Problem::of(Reason::InvalidSpec, field, container.image.written(), rule, remedy));
    }
}

/// Which registries a Secret has entries for: their names are no secret.
fn held_by(inputs: &Inputs, checked: &Checked) -> Option<String> {
    let name = &checked.credential.secret_ref.as_ref()?.name;
    match inputs.sources.get(name)? {
        Source::Found(Ok(login::Logins::ByRegistry(entries))) => {
            let hosts: Vec<String> = entries.keys().map(Registry::to_string).collect();
            Some(format!("Secret {name} has entries for {}", if hosts.is_empty() { "none".into() } else { hosts.join(", ") }))
        }
        _ => None,
    }
}

/// A credential that no container pulls with: a warning, but if it would serve only ECR images, an error.
fn unused(
    inputs: &Inputs,
    checked: &Checked,
    index: usize,
    prepared: &Prepared,
    matched: &mut Matched,
    problems: &mut Vec<Problem>,
) {
    let on_ecr = prepared.containers.iter().filter(|container| container.image.ecr().is_some());
    let mut serves = on_ecr.filter(|container| match (&checked.registry, &checked.credential.secret_ref) {
        (Some(_), _) => false,
        (None, None) => checked.referenced.is_none(),
        (None, Some(source)) => match inputs.sources.get(&source.name) {
            Some(Source::Found(Ok(logins))) => !matches!(login::select(logins, None, &container.image), Ok(None)),
            _ => false,
        },
    });
    match serves.next() {
        Some(container) => {
            let rule = format!("it would serve {}, and Amazon ECR takes no repositoryCredentials", container.image.written());
            problems.push(Problem::spec(&checked.field, "", rule, "remove this credential; the execution role pulls from ECR"));
        }
        None if matched.by_container.is_empty() && !problems.is_empty() => {}
        None => matched.warnings.push(format!("spec.credentials[{index}] serves no container's image")),
    }
}
