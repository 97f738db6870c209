//! What should be in AWS: the spec and everything it refers to, resolved, or all that is wrong with it. Pure.

mod credentials;
mod document;
mod fences;
mod removal;
mod rules;
mod settings;
mod shared;

pub(crate) use rules::answered;

pub use removal::{Removal, RemovedSecret, known_definitions, removal};

use crate::api::SecretStatus;
use crate::inputs::Inputs;
use crate::observed::{DefinitionRead, Reads};
use crate::problem::Problem;
use crate::resource::arn::{KmsKeyForm, check_kms_key};
use crate::resource::definition::DesiredDefinition;
use crate::resource::names;
use crate::resource::policy::Grants;
use crate::resource::role::{DesiredRole, ManagedRole};
use crate::resource::secret::DesiredSecret;
use crate::resource::tags::Owner;
use crate::target::Target;

/// Everything one workload wants in AWS.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// Where.
    pub target: Target,
    /// Secrets that are kept.
    pub secrets: Vec<DesiredSecret>,
    /// Secrets that exist and are only referred to.
    pub existing: Vec<ExistingSecret>,
    /// The execution role.
    pub role: DesiredRole,
    /// The definition.
    pub definition: DesiredDefinition,
    /// What older revisions of this workload pull with: it stays granted while they are registered.
    pub former: Grants,
    /// The status entries behind `former`.
    pub former_secrets: Vec<SecretStatus>,
    /// Whether values are compared by reading them, for want of a value key.
    pub compare_values: bool,
    /// What may go wrong later.
    pub warnings: Vec<String>,
}

/// A secret that exists in AWS and that a credential or a pasted `credentialsParameter` names.
#[derive(Debug, Clone, PartialEq)]
pub struct ExistingSecret {
    /// Name, partial or full ARN, as written.
    pub id: String,
    /// The registry it is for.
    pub registry: String,
    /// Its customer key, where the spec gives it.
    pub kms_key: Option<String>,
    /// The field that names it.
    pub field: String,
}

impl Desired {
    /// What a pass has to look at.
    pub fn reads(&self) -> Reads {
        let needs_lookup = |key: &&String| !matches!(check_kms_key(key), Ok(KmsKeyForm::KeyArn(_)));
        let keys = self.secrets.iter().filter_map(|secret| secret.kms_key.as_ref());
        let keys = keys.chain(self.existing.iter().filter_map(|secret| secret.kms_key.as_ref()));
        Reads {
            secrets: self.secrets.iter().map(|it| it.name.clone()).chain(self.existing.iter().map(|it| it.id.clone())).collect(),
            compare_values: match self.compare_values {
                true => self.secrets.iter().map(|secret| (secret.name.clone(), secret.value.clone())).collect(),
                false => Default::default(),
            },
            keys: keys.filter(needs_lookup).cloned().collect(),
            role: Some((self.role.name.clone(), self.role.policy_name.clone())),
            definition: Some(DefinitionRead {
                kind: self.definition.kind,
                name: self.definition.name.clone(),
                recorded: self.definition.recorded.clone(),
                all: false,
            }),
        }
    }
}

/// Resolves a workload. All problems are found at once, each is told once.
pub fn resolve(inputs: &Inputs, target: &Target) -> Result<Desired, Vec<Problem>> {
    let mut problems = vec![];
    let desired = resolve_into(inputs, target, &mut problems);
    let mut told: Vec<Problem> = vec![];
    for problem in problems {
        if !told.contains(&problem) {
            told.push(problem);
        }
    }
    desired.filter(|_| told.is_empty()).ok_or(told)
}

fn resolve_into(inputs: &Inputs, target: &Target, problems: &mut Vec<Problem>) -> Option<Desired> {
    settings::check(&inputs.workload.spec, problems);
    let prepared = document::prepare(inputs, target, problems)?;
    let matched = credentials::resolve(inputs, target, &prepared, problems);
    fences::check(target, &inputs.namespace.name, &prepared, problems);
    let mut warnings = rules::check(&prepared, &matched.by_container, problems);
    warnings.extend(matched.warnings.iter().cloned());
    let role = role(inputs, target, &prepared, problems)?;
    let recorded = inputs.workload.status.as_ref().and_then(|status| status.definition.as_ref()).map(|it| it.arn.clone());
    let former_secrets = former(inputs, &matched);
    Some(Desired {
        target: target.clone(),
        role,
        definition: DesiredDefinition {
            kind: prepared.kind,
            name: prepared.name,
            document: prepared.document,
            credentials: matched.by_container,
            owner: owner(inputs, &format!("PrivateImageWorkload/{}", workload_name(inputs))),
            tags: prepared.tags,
            recorded,
        },
        former: shared::grants_of(former_secrets.iter(), target, &inputs.namespace.name),
        former_secrets,
        secrets: matched.kept,
        existing: matched.existing,
        compare_values: inputs.compare_values,
        warnings,
    })
}

/// Secrets of the status that the spec no longer leads to. Revisions that name them are still registered.
fn former(inputs: &Inputs, matched: &credentials::Matched) -> Vec<SecretStatus> {
    let recorded = inputs.workload.status.iter().flat_map(|status| status.secrets.iter());
    let wanted = |secret: &&SecretStatus| match &secret.name {
        Some(name) => matched.kept.iter().any(|kept| kept.name == *name),
        None => matched.existing.iter().any(|existing| is_named(&secret.arn, &existing.id)),
    };
    recorded.filter(|secret| !wanted(secret)).cloned().collect()
}

/// Whether `id` (a name, a partial or a full ARN) names the secret of this ARN.
fn is_named(arn: &str, id: &str) -> bool {
    let without_suffix = arn.rsplit_once('-').map_or(arn, |(stem, _)| stem);
    let name = without_suffix.split_once(":secret:").map(|(_, name)| name);
    id == arn || id == without_suffix || Some(id) == name
}

/// The execution role, or nothing and a problem.
fn role(inputs: &Inputs, target: &Target, prepared: &document::Prepared, problems: &mut Vec<Problem>) -> Option<DesiredRole> {
    let namespace = &inputs.namespace;
    let choice = shared::role_choice(&inputs.workload, target, &namespace.name);
    fences::check_role(target, &namespace.name, &choice, problems);
    let path = target.limits.as_ref().and_then(|limits| limits.role_path.clone()).unwrap_or_else(|| "/".to_owned());
    let arn = choice
        .arn
        .clone()
        .unwrap_or_else(|| format!("arn:{}:iam::{}:role{path}{}", target.partition, target.account_id, choice.name));
    let recorded = inputs.workload.status.as_ref().and_then(|status| status.execution_role_arn.as_ref()) == Some(&arn);
    let (others, unclear) = shared::needs_of_others(inputs, target, &choice.name, false);
    Some(DesiredRole {
        policy_name: names::inline_policy(&inputs.cluster, &namespace.uid),
        managed: choice.arn.is_none().then(|| ManagedRole {
            path,
            boundary: target.limits.as_ref().and_then(|limits| limits.permissions_boundary_arn.clone()),
            owner: owner(inputs, &format!("Namespace/{}", namespace.name)),
            recorded,
        }),
        name: choice.name,
        arn,
        needs_managed_policy: prepared.needs_managed_policy,
        others,
        unclear,
    })
}

/// The owner of a thing of this namespace.
fn owner(inputs: &Inputs, key: &str) -> Owner {
    Owner {
        cluster: inputs.cluster.clone(),
        namespace_uid: inputs.namespace.uid.clone(),
        namespace: inputs.namespace.name.clone(),
        owner: names::tag_value(key),
    }
}

fn workload_name(inputs: &Inputs) -> &str {
    inputs.workload.metadata.name.as_deref().unwrap_or_default()
}
