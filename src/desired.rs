//! What should be in AWS: the spec and everything it refers to, resolved, or all that is wrong with it. Pure.

mod credentials;
mod document;
mod doubtful;
mod fences;
mod history;
mod needs;
mod network_fit;
mod pull_network;
mod pull_network_ref;
mod registry_credential;
mod removal;
mod rules;
mod settings;
mod shared;
mod verification;

pub(crate) use credentials::is_object_name;
pub(crate) use document::on_eks;
pub(crate) use rules::{answered, value_from};

pub use credentials::ReferencedSecret;
pub(crate) use needs::decryption;
pub(crate) use registry_credential::{owner as credential_owner, recovery_window, secret_name as credential_secret_name};

pub(crate) use pull_network_ref::{ECR_ENDPOINTS, NETWORK_FIELD};
pub use pull_network_ref::{Endpoints, UsedNetwork};

pub use history::{FormerRole, FormerSecret, REVISION_HISTORY_LIMIT};
pub use pull_network::{Belongings, DesiredGroups, DesiredNetwork, NetworkRemoval, network_removal, resolve_network};
pub(crate) use pull_network::{DELETED, DELETING, is_gone};
pub use registry_credential::{CredentialSecret, DesiredCredential, resolve_credential};
pub use removal::{Removal, RemovedSecret, definition_names, known_definitions, removal, role_name};

use crate::api::{ContainerKeyStatus, PrivateImageWorkloadSpec, RetiredRevisions, RevisionStatus, RolledService};
use crate::inputs::Inputs;
use crate::observed::{DefinitionRead, Reads};
use crate::plan::Scope;
use crate::problem::Problem;
use crate::resource::arn::{KmsKeyForm, check_kms_key};
use crate::resource::definition::DesiredDefinition;
use crate::resource::names;
use crate::resource::normalise::DefinitionKind;
use crate::resource::revision::Family;
use crate::resource::role::{DesiredRole, ManagedRole};
use crate::resource::secret::DesiredSecret;
use crate::resource::service::DesiredServices;
use crate::resource::tags::{Adoption, Owner};
use crate::resource::uses::{Thing, Use};
use crate::resource::verification::ImageRead;
use crate::status::Reason;
use crate::target::Target;
use std::collections::BTreeSet;

/// Days of a secret's recovery window where the spec names none.
const RECOVERY_WINDOW_IN_DAYS: i64 = 7;

/// Workloads that a message names as those whose needs are the longest.
const CONTRIBUTORS: usize = 3;

/// Everything one workload wants in AWS.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// Where.
    pub target: Target,
    /// Secrets that are kept.
    pub secrets: Vec<DesiredSecret>,
    /// Secrets that exist and are only referred to.
    pub existing: Vec<ExistingSecret>,
    /// Secrets of `RegistryCredential`s.
    pub referenced: Vec<ReferencedSecret>,
    /// What its containers name besides.
    pub uses: Vec<Use>,
    /// Customer keys for what may not be looked at, as the spec names them.
    pub kms_keys: Vec<String>,
    /// The keys of what its containers read, as the status knows them.
    pub container_keys: Vec<ContainerKeyStatus>,
    /// The network that its tasks run in.
    pub network: Option<UsedNetwork>,
    /// The execution role.
    pub role: DesiredRole,
    /// The definition.
    pub definition: DesiredDefinition,
    /// Our other registered revisions; none if they are not known yet.
    pub older: Option<Vec<RevisionStatus>>,
    /// A revision that our status names and that is not the newest any more, as far as only the status knows it.
    pub replaced: Option<RevisionStatus>,
    /// How many of them are kept.
    pub history_limit: usize,
    /// Whether retired revisions are deleted, where AWS can do that.
    pub delete_retired: bool,
    /// Secrets that older revisions may name.
    pub former_secrets: Vec<FormerSecret>,
    /// Roles that older revisions may name.
    pub former_roles: Vec<FormerRole>,
    /// Days during which a deleted secret can be restored.
    pub recovery_window_in_days: i64,
    /// Services that follow the definition.
    pub services: DesiredServices,
    /// Images to ask registries for.
    pub images: Vec<ImageRead>,
    /// Whether they are registered by digest.
    pub pin_digest: bool,
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
    /// Where its plan acts, and for whom.
    pub(crate) fn scope(&self) -> Scope<'_> {
        Scope { target: &self.target, owner: &self.definition.owner }
    }

    /// What a pass has to look at.
    pub fn reads(&self) -> Reads {
        let needs_lookup = |key: &&String| !matches!(check_kms_key(key), Ok(KmsKeyForm::KeyArn(_)));
        let keys = self.secrets.iter().filter_map(|secret| secret.kms_key.as_ref());
        let keys = keys.chain(self.existing.iter().filter_map(|secret| secret.kms_key.as_ref())).chain(&self.kms_keys);
        let pulled = self.secrets.iter().map(|it| it.name.clone()).chain(self.existing.iter().map(|it| it.id.clone()));
        let (mut secrets, mut parameters): (BTreeSet<String>, BTreeSet<String>) = (pulled.collect(), BTreeSet::new());
        for named in &self.uses {
            match &named.thing {
                Thing::Secret(arn) => _ = secrets.insert(arn.clone()),
                Thing::Parameter(arn) => _ = parameters.insert(arn.clone()),
                _ => {}
            }
        }
        Reads {
            secrets,
            parameters,
            compare_values: match self.compare_values {
                true => self.secrets.iter().map(|secret| (secret.name.clone(), secret.value.clone())).collect(),
                false => Default::default(),
            },
            keys: keys.filter(needs_lookup).cloned().collect(),
            roles: [(self.role.name.clone(), self.role.policy_name.clone())].into(),
            definition: Some(DefinitionRead { family: self.definition.family(), recorded: self.definition.recorded.clone() }),
            services: self.services.services.iter().map(|(named, _)| named.clone()).collect(),
            ..Reads::default()
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
    fences::check_adoption(target, inputs.workload.spec.adoption_policy, problems);
    let hosts_are_looked_at = inputs.workload.spec.rollout.is_some();
    let mut warnings = rules::check(&prepared, &matched.by_container, hosts_are_looked_at, problems);
    warnings.extend(matched.warnings.iter().cloned());
    let network = pull_network_ref::resolve(inputs, target, problems);
    let role = role(inputs, target, &prepared, network.as_ref(), problems)?;
    let pulls = network_fit::Pulls { target, role: &role, credentials: &matched.by_container };
    let named = network.as_ref().and(inputs.network.as_ref());
    warnings.extend(named.into_iter().flat_map(|named| network_fit::check(named, inputs, &prepared, &pulls)));
    let spec = &inputs.workload.spec;
    check_rollout(inputs, target, &prepared, problems);
    let family = Family { kind: prepared.kind, name: prepared.name.clone() };
    Some(Desired {
        target: target.clone(),
        older: history::older(inputs, target, &family),
        replaced: recorded(inputs, &family).map(|arn| history::undescribed(inputs, &arn)),
        history_limit: spec.revision_history_limit.map_or(REVISION_HISTORY_LIMIT, |limit| limit.try_into().unwrap_or_default()),
        delete_retired: spec.retired_revisions == RetiredRevisions::Delete,
        former_secrets: history::former_secrets(inputs, target, &matched),
        former_roles: history::former_roles(inputs, target, &role),
        recovery_window_in_days: recovery_window_in_days(spec),
        services: services(inputs),
        images: verification::resolve(inputs, target, &prepared, &matched, problems),
        pin_digest: spec.pin_digest,
        kms_keys: spec.execution_role.as_ref().map(|role| role.kms_keys.clone()).unwrap_or_default(),
        container_keys: inputs.workload.status.as_ref().map(|status| status.container_keys.clone()).unwrap_or_default(),
        uses: prepared.uses,
        network,
        role,
        definition: DesiredDefinition {
            kind: prepared.kind,
            name: prepared.name,
            document: prepared.document,
            credentials: matched.by_container,
            owner: owner(inputs, &format!("PrivateImageWorkload/{}", workload_name(inputs))),
            tags: prepared.tags,
            deletion_policy: spec.deletion_policy,
            recorded: recorded(inputs, &family),
        },
        secrets: matched.kept,
        existing: matched.existing,
        referenced: matched.referenced,
        compare_values: inputs.compare_values,
        warnings,
    })
}

/// The revision that the status names, if it is one of the family.
fn recorded(inputs: &Inputs, family: &Family) -> Option<String> {
    let arn = &inputs.workload.status.as_ref()?.definition.as_ref()?.arn;
    Family::of(arn).is_some_and(|(of, _)| of == *family).then(|| arn.clone())
}

fn check_rollout(inputs: &Inputs, target: &Target, prepared: &document::Prepared, problems: &mut Vec<Problem>) {
    let Some(rollout) = &inputs.workload.spec.rollout else { return };
    if prepared.kind == DefinitionKind::JobDefinition {
        let rule = "Batch has no services to roll";
        problems.push(Problem::spec("spec.rollout", "", rule, "leave it out"));
    }
    fences::check_rollout(target, &inputs.namespace.name, rollout, problems);
}

/// The services of the spec, each once, with what the status says of them.
fn services(inputs: &Inputs) -> DesiredServices {
    let Some(rollout) = &inputs.workload.spec.rollout else { return DesiredServices::default() };
    let recorded = |named: &RolledService| {
        let known = inputs.workload.status.iter().flat_map(|status| &status.services);
        known.into_iter().find(|it| it.cluster == named.cluster && it.service == named.service).cloned()
    };
    let named: BTreeSet<&RolledService> = rollout.services.iter().collect();
    let services = named.into_iter().map(|named| (named.clone(), recorded(named))).collect();
    DesiredServices { services, pin: rollout.pin }
}

/// Days of a secret's recovery window.
fn recovery_window_in_days(spec: &PrivateImageWorkloadSpec) -> i64 {
    spec.recovery_window_in_days.unwrap_or(RECOVERY_WINDOW_IN_DAYS)
}

/// The execution role, or nothing and a problem.
fn role(
    inputs: &Inputs,
    target: &Target,
    prepared: &document::Prepared,
    network: Option<&UsedNetwork>,
    problems: &mut Vec<Problem>,
) -> Option<DesiredRole> {
    let namespace = &inputs.namespace;
    let mut choice = shared::role_choice(&inputs.workload, target, &namespace.name);
    fences::check_role(target, &namespace.name, &choice, problems);
    let arn = choice.arn.clone().unwrap_or_else(|| role_arn(target, &choice.name));
    let recorded = inputs.workload.status.as_ref().and_then(|status| status.execution_role_arn.as_ref()) == Some(&arn);
    let rivals = shared::role_rivals(inputs, target, &choice);
    if !rivals.is_empty() {
        let rule = format!(
            "managedPolicy, trust, restrictPullsTo or restrictPulls differ from those of {} for the same role",
            rivals.join(", ")
        );
        let remedy = "make them the same, or give one of the workloads another role";
        problems.push(Problem::of(Reason::RoleSettingsConflict, choice.field, &choice.name, rule, remedy));
    }
    if let (Some(_), Some(network)) = (&choice.settings.network, network) {
        choice.settings.pulls = network.pulls.clone();
    }
    let needs = shared::needs_of_others(inputs, target, &choice.name, &choice.settings, false);
    let regions = needs.regions.into_iter().chain([target.region.clone()]).collect();
    let contributors = needs.sizes.into_iter().take(CONTRIBUTORS).map(|(size, name)| format!("{name} ({size})"));
    Some(DesiredRole {
        owner: owner(inputs, &format!("Namespace/{}", namespace.name)),
        policy_name: names::inline_policy(&inputs.cluster, &namespace.uid),
        managed: choice.arn.is_none().then(|| ManagedRole {
            path: role_path(target),
            boundary: target.limits.as_ref().and_then(|limits| limits.permissions_boundary_arn.clone()),
            recorded,
            former: false,
        }),
        name: choice.name,
        arn,
        settings: choice.settings,
        needs_managed_policy: needs::asks_for_managed_policy(&prepared.uses),
        regions,
        contributors: contributors.collect(),
        others: needs.grants,
        doubtful: needs.doubtful,
        unclear: needs.unclear,
    })
}

/// IAM path of the roles that are made.
fn role_path(target: &Target) -> String {
    target.limits.as_ref().and_then(|limits| limits.role_path.clone()).unwrap_or_else(|| "/".to_owned())
}

/// ARN of a role that is made.
fn role_arn(target: &Target, name: &str) -> String {
    format!("arn:{}:iam::{}:role{}{name}", target.partition, target.account_id, role_path(target))
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

/// Who takes over secrets that others made.
fn adoption(inputs: &Inputs, target: &Target) -> Adoption {
    let identity = format!("{}/{}/PrivateImageWorkload/{}", inputs.cluster, inputs.namespace.name, workload_name(inputs));
    Adoption { policy: inputs.workload.spec.adoption_policy.min(target.most_adoption()), identity }
}

fn workload_name(inputs: &Inputs) -> &str {
    inputs.workload.metadata.name.as_deref().unwrap_or_default()
}
