//! What workloads of one namespace share: the execution role and its policy, and secrets. Decides who else needs them.

use super::doubtful;
use super::needs::{self, decryption};
use crate::api::{DeletionPolicy, ManagedPolicy, PrivateImageWorkload, PrivateImageWorkloadSpec, SecretStatus};
use crate::inputs::Inputs;
use crate::resource::arn::Arn;
use crate::resource::grants::{Grants, Permission, PullSources};
use crate::resource::image::{Image, Registry};
use crate::resource::names;
use crate::resource::policy::size;
use crate::resource::role::{NetworkPulls, RoleSettings};
use crate::target::{self, Target};
use serde_json::Value;
use std::collections::BTreeSet;

/// Which role a workload uses.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RoleChoice {
    /// Its name, without path.
    pub(super) name: String,
    /// Its ARN, if it exists and is only used.
    pub(super) arn: Option<String>,
    /// The field that names it.
    pub(super) field: &'static str,
    /// How it is kept. Of a network there is the name, no ids: those of a sibling's are not known here.
    pub(super) settings: RoleSettings,
}

/// The role that a spec leads to: `executionRole`, an `executionRoleArn` pasted with the definition, or the namespace's own for its
/// settings.
pub(super) fn role_choice(workload: &PrivateImageWorkload, target: &Target, namespace: &str) -> RoleChoice {
    let spec = &workload.spec;
    let given = spec.execution_role.clone().unwrap_or_default();
    let settings = settings(spec);
    let by_arn = |arn: String, field, settings| RoleChoice {
        name: arn.rsplit('/').next().unwrap_or(&arn).to_owned(),
        arn: Some(arn),
        field,
        settings,
    };
    match (given.arn, given.name, pasted_roles(spec).into_iter().next()) {
        (Some(arn), _, _) => by_arn(arn, "spec.executionRole.arn", settings),
        (None, Some(name), _) => RoleChoice { name, arn: None, field: "spec.executionRole.name", settings },
        (None, None, Some(arn)) => by_arn(arn, "executionRoleArn", settings),
        (None, None, None) => {
            let name = names::role(&target.names.role_prefix, namespace, settings.differences().as_deref());
            RoleChoice { name, arn: None, field: "spec.executionRole", settings }
        }
    }
}

fn settings(spec: &PrivateImageWorkloadSpec) -> RoleSettings {
    let role = spec.execution_role.clone().unwrap_or_default();
    let network = spec.pull_network_ref.as_ref();
    let network = network.and_then(|named| Some(NetworkPulls { name: named.name.clone(), by: named.restrict_pulls? }));
    let pulls = role.restrict_pulls_to.as_ref().map(|pulls| PullSources {
        vpc_ids: pulls.vpc_ids.iter().cloned().collect(),
        vpc_endpoint_ids: pulls.vpc_endpoint_ids.iter().cloned().collect(),
    });
    RoleSettings { managed_policy: role.managed_policy, trust: role.trust, pulls: pulls.unwrap_or_default(), network }
}

/// How a role is kept: as those want that choose it. If only older revisions use it, nobody says so any more, and what was granted
/// of the managed policy's is counted.
pub(super) fn settings_of(inputs: &Inputs, target: &Target, role: &str) -> RoleSettings {
    let here = siblings(inputs).filter(|sibling| in_account(sibling, target)).chain([&inputs.workload]);
    let mut choices = here.map(|workload| role_choice(workload, target, &inputs.namespace.name));
    let chosen = choices.find(|choice| choice.name == role).map(|choice| choice.settings);
    chosen.unwrap_or_else(|| RoleSettings { managed_policy: ManagedPolicy::Never, ..RoleSettings::default() })
}

/// The others that share the role and want it kept in another way.
pub(super) fn role_rivals(inputs: &Inputs, target: &Target, choice: &RoleChoice) -> Vec<String> {
    let rival = |sibling: &&PrivateImageWorkload| {
        let other = role_choice(sibling, target, &inputs.namespace.name);
        in_account(sibling, target) && other.name == choice.name && other.settings != choice.settings
    };
    others(inputs).filter(rival).map(|sibling| format!("PrivateImageWorkload/{}", name(sibling))).collect()
}

/// Every `executionRoleArn` that stands in the definition.
pub(super) fn pasted_roles(spec: &PrivateImageWorkloadSpec) -> Vec<String> {
    let (kind, Some(definition)) = super::document::kind_and_definition(spec) else { return vec![] };
    let mut found = vec![];
    crate::resource::definition::roles_mut(kind, &mut Value::Object(definition), |_, object| {
        found.extend(object.get("executionRoleArn").and_then(Value::as_str).map(str::to_owned));
    });
    found.sort();
    found.dedup();
    found
}

/// The other workloads of the namespace.
fn siblings(inputs: &Inputs) -> impl Iterator<Item = &PrivateImageWorkload> {
    inputs.siblings.iter().map(|sibling| &**sibling).filter(|sibling| sibling.metadata.name != inputs.workload.metadata.name)
}

/// Whether a workload is not on its way out, or leaves what it made.
fn stays(workload: &PrivateImageWorkload) -> bool {
    workload.metadata.deletion_timestamp.is_none() || workload.spec.deletion_policy == DeletionPolicy::Retain
}

/// The other workloads that stay.
fn others(inputs: &Inputs) -> impl Iterator<Item = &PrivateImageWorkload> {
    siblings(inputs).filter(|sibling| stays(sibling))
}

fn name(workload: &PrivateImageWorkload) -> String {
    workload.metadata.name.clone().unwrap_or_default()
}

/// Whether the last pass of this workload found its present spec converged, so that its status tells all it needs.
fn is_understood(workload: &PrivateImageWorkload) -> bool {
    let Some(status) = &workload.status else { return false };
    let ready = crate::status::find(status, crate::status::READY).is_some_and(|ready| ready.status == "True");
    ready && status.observed_generation == workload.metadata.generation
}

fn in_account(workload: &PrivateImageWorkload, target: &Target) -> bool {
    let pinned = workload.status.as_ref().and_then(|status| status.target.as_ref());
    pinned.is_none_or(|pinned| pinned.account_id == target.account_id)
}

/// Whether a workload may act in the target's Region: secrets of one name in two Regions are two secrets.
fn in_region(workload: &PrivateImageWorkload, target: &Target) -> bool {
    region(workload).is_none_or(|region| *region == target.region)
}

/// The Region that a workload acts in, as far as it says so itself.
fn region(workload: &PrivateImageWorkload) -> Option<&String> {
    let pinned = workload.status.as_ref().and_then(|status| status.target.as_ref()).map(|pinned| &pinned.region);
    pinned.or(workload.spec.region.as_ref())
}

/// What the secrets of a status need. A status is no authority: what the fences do not admit is granted to nobody by it.
pub(super) fn grants_of<'a>(recorded: impl Iterator<Item = &'a SecretStatus>, target: &Target, namespace: &str) -> Grants {
    let mut grants = Grants::default();
    for secret in recorded.filter(|secret| is_admitted(secret, target, namespace)) {
        let key = secret.kms_key_arn.as_ref().filter(|key| target.may_admit_key(key));
        grants.extend(key.and_then(|key| decryption(key, &secret.arn)));
        grants.extend([Permission::ReadSecret(secret.arn.clone())]);
    }
    grants
}

fn is_admitted(secret: &SecretStatus, target: &Target, namespace: &str) -> bool {
    Arn::parse(&secret.arn).is_ok_and(|arn| arn.is_full_secret()) && target.admits_secret(namespace, &secret.arn)
}

/// Whether a workload uses a role, or revisions of it still do.
fn shares(sibling: &PrivateImageWorkload, inputs: &Inputs, target: &Target, role: &str) -> bool {
    let named = |arn: &String| arn.rsplit('/').next() == Some(role);
    let recorded = sibling.status.as_ref().is_some_and(|it| it.execution_role_arn.iter().chain(&it.former_roles).any(named));
    in_account(sibling, target) && (recorded || role_choice(sibling, target, &inputs.namespace.name).name == role)
}

/// Whether another workload that stays uses this role.
pub(super) fn is_role_shared(inputs: &Inputs, target: &Target, role: &str) -> bool {
    others(inputs).any(|sibling| shares(sibling, inputs, target, role))
}

/// What others need of a role that they share.
#[derive(Debug, Default)]
pub(super) struct NeedsOfOthers {
    /// What they need.
    pub(super) grants: Grants,
    /// Secrets that they are said to need and whose owner must be looked at.
    pub(super) doubtful: Grants,
    /// Those whose needs are not known.
    pub(super) unclear: Vec<String>,
    /// Characters of policy that each asks for, the most first.
    pub(super) sizes: Vec<(usize, String)>,
    /// Regions in which they act.
    pub(super) regions: BTreeSet<String>,
}

impl NeedsOfOthers {
    fn add(&mut self, grants: Grants, target: &Target) {
        let (certain, doubtful) = doubtful::divide(grants, target);
        self.grants = self.grants.union(&certain);
        self.doubtful = self.doubtful.union(&doubtful);
    }
}

/// What the others that share the role need. One that is being deleted needs what it needs until its definitions are gone, so it
/// counts unless `leaving_too`.
pub(super) fn needs_of_others(
    inputs: &Inputs,
    target: &Target,
    role: &str,
    settings: &RoleSettings,
    leaving_too: bool,
) -> NeedsOfOthers {
    let namespace = &inputs.namespace.name;
    let mut needs = NeedsOfOthers::default();
    let staying = |sibling: &&PrivateImageWorkload| !leaving_too || stays(sibling);
    for sibling in siblings(inputs).filter(staying).filter(|sibling| shares(sibling, inputs, target, role)) {
        let told = format!("PrivateImageWorkload/{}", name(sibling));
        let recorded = sibling.status.iter().flat_map(|status| status.secrets.iter());
        // What it names without an ARN is where it lives, and behind the fences there.
        let Ok(there) = &target::choose(&inputs.claim_of(sibling)) else {
            needs.add(grants_of(recorded, target, namespace), target);
            needs.unclear.push(told);
            continue;
        };
        let own = grants_of(recorded, there, namespace).union(&needs::of_workload(sibling, there, namespace, settings));
        needs.sizes.push((size(&own.policy(&settings.pulls)), told.clone()));
        needs.add(own, there);
        needs.regions.insert(there.region.clone());
        if !is_understood(sibling) && sibling.metadata.deletion_timestamp.is_none() {
            needs.unclear.push(told);
        }
    }
    if !inputs.siblings_complete {
        needs.unclear.push("workloads outside these files".to_owned());
    }
    needs.sizes.sort_by(|one, other| other.cmp(one));
    needs
}

/// The other workloads that pull with this secret: their status names it, or their spec leads to it.
pub(super) fn users_of_secret(
    inputs: &Inputs,
    target: &Target,
    secret: &str,
    source: &str,
    registry: &Registry,
    kms_key: Option<&str>,
) -> Vec<String> {
    let uses = |sibling: &&PrivateImageWorkload| {
        let recorded = records(sibling, secret) || names_by_id(sibling, secret);
        let leads = sibling.spec.credentials.iter().any(|credential| {
            credential.secret_ref.as_ref().is_some_and(|it| it.name == source) && credential.kms_key.as_deref() == kms_key
        });
        recorded || (leads && images(&sibling.spec).iter().any(|image| registry.matches(image).is_some()))
    };
    let here = others(inputs).filter(|sibling| in_account(sibling, target) && in_region(sibling, target));
    here.filter(uses).map(|sibling| format!("PrivateImageWorkload/{}", name(sibling))).collect()
}

/// Whether the status of a workload names this secret, kept or as one that exists.
fn records(workload: &PrivateImageWorkload, secret: &str) -> bool {
    let mut recorded = workload.status.iter().flat_map(|status| &status.secrets);
    recorded.any(|it| it.name.as_deref() == Some(secret) || is_id_of(&it.arn, secret))
}

/// Whether the spec of a workload names this secret itself.
fn names_by_id(workload: &PrivateImageWorkload, secret: &str) -> bool {
    let (kind, definition) = super::document::kind_and_definition(&workload.spec);
    let pasted = crate::resource::definition::repository_credentials(kind, &Value::Object(definition.unwrap_or_default()));
    let given = workload.spec.credentials.iter().filter_map(|credential| credential.secret_arn.as_ref());
    given.chain(&pasted).any(|id| is_id_of(id, secret))
}

/// Whether an id (a name, a partial or a full ARN) is that of the secret of this name.
fn is_id_of(id: &str, name: &str) -> bool {
    let named = id.split_once(":secret:").map_or(id, |(_, named)| named);
    named == name || named.rsplit_once('-').is_some_and(|(stem, _)| stem == name)
}

/// Whether the status of another workload that stays names this secret.
pub(super) fn is_recorded_by_others(inputs: &Inputs, target: &Target, secret: &str) -> bool {
    let here = others(inputs).filter(|sibling| in_account(sibling, target) && in_region(sibling, target));
    here.into_iter().any(|sibling| records(sibling, secret))
}

/// The other workloads whose status names this secret, or whose spec may lead to its source.
pub(super) fn users_of_former(inputs: &Inputs, target: &Target, secret: &str) -> Vec<String> {
    let source = names::secret_parts(&target.names.secret_prefix, &inputs.namespace.name, secret).map(|(source, _)| source);
    let uses = |sibling: &&PrivateImageWorkload| {
        let recorded = records(sibling, secret) || names_by_id(sibling, secret);
        // What one without a present status needs is not known yet: its Secret decides.
        let leads = sibling.spec.credentials.iter().filter_map(|credential| credential.secret_ref.as_ref());
        recorded || (!is_understood(sibling) && leads.into_iter().any(|reference| Some(&reference.name) == source.as_ref()))
    };
    let here = others(inputs).filter(|sibling| in_account(sibling, target) && in_region(sibling, target));
    let known = here.filter(uses).map(|sibling| format!("PrivateImageWorkload/{}", name(sibling)));
    known.chain((!inputs.siblings_complete).then(|| "workloads outside these files".to_owned())).collect()
}

/// Every image of a spec that can be parsed.
pub(super) fn images(spec: &PrivateImageWorkloadSpec) -> Vec<Image> {
    let (kind, definition) = super::document::kind_and_definition(spec);
    let definition = Value::Object(definition.unwrap_or_default());
    let own = crate::resource::definition::containers(kind, &definition);
    let own = own.iter().filter_map(|(_, container)| container.get("image").and_then(Value::as_str));
    own.chain(spec.image.as_deref()).filter_map(|image| Image::parse(image).ok()).collect()
}

/// Whether an ARN is of the target's own account.
pub(super) fn in_own_account(target: &Target, arn: &Arn) -> bool {
    arn.account == target.account_id
}
