//! What to write so that AWS becomes what is desired: secrets, then role and policy, then the definition, then
//! services; at last the end of what is no longer wanted.

use super::permissions::container_grants;
use super::retire::retire;
use super::secrets::{existing_secret, imagined_secret, key_of};
use super::verify::verified;
use super::{Action, Hold, Plan, Step, Subject, pending_arn, pending_definition};
use crate::api::ImageStatus;
use crate::desired::Desired;
use crate::observed::{Observed, ObservedParameter, RoleSnapshot, Snapshot};
use crate::resource::arn::Arn;
use crate::resource::grants::{Decryption, Permission, via_service};
use crate::resource::role::{DesiredRole, ObservedRole};
use crate::resource::secret::{DesiredSecret, ObservedSecret};
use crate::resource::service::TargetRevision;
use crate::resource::tags::Tags;
use crate::resource::uses::Thing;
use crate::resource::verification::{ImageRead, Proof};
use crate::resource::{definition, role, secret, service};
use crate::target::Target;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The plan that makes AWS match. Never a step for what is unknown or not ours, and none at all while what the spec names is
/// missing: bad input writes nothing.
pub fn converge(desired: &Desired, observed: &Observed) -> Plan {
    let mut plan = steps(desired, observed);
    if plan.held.iter().any(|held| held.hold == Hold::Missing) {
        plan.steps.clear();
    }
    plan
}

fn steps(desired: &Desired, observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    let mut grants = desired.former_grants(observed);
    let mut arns = BTreeMap::new();
    for wanted in &desired.secrets {
        if let Some((arn, key)) = kept_secret(wanted, desired, observed, &mut plan) {
            grants.extend(read(&arn, key, &desired.target));
            arns.insert(wanted.name.clone(), arn);
        }
    }
    for existing in &desired.existing {
        if let Some((arn, key)) = existing_secret(existing, &desired.scope(), observed, &mut plan) {
            grants.extend(read(&arn, key, &desired.target));
            arns.insert(existing.id.clone(), arn);
        }
    }
    for referenced in &desired.referenced {
        grants.extend(read(&referenced.arn, referenced.kms_key_arn.clone(), &desired.target));
        arns.insert(referenced.arn.clone(), referenced.arn.clone());
    }
    grants = grants.union(&container_grants(desired, observed, &mut plan));
    let (role_subject, definition_subject) = (Subject::role(&desired.role.name), Subject::definition(&desired.definition.name));
    if let Some(held) = plan.held.first().map(|held| held.subject.clone()) {
        if held != role_subject {
            plan.hold(role_subject, Hold::Waiting, format!("waits for {held}"));
        }
        plan.hold(definition_subject, Hold::Waiting, format!("waits for {held}"));
        return plan;
    }
    let secrets: Vec<Subject> = desired.secrets.iter().map(|wanted| Subject::secret(&wanted.name)).collect();
    let unknown = desired.unknown_secrets(observed);
    let mut role = DesiredRole { others: desired.needs_of_others(observed), ..desired.role.clone() };
    if !unknown.is_empty() || desired.older_is_unseen(observed) {
        role.unclear.push("older revisions".to_owned());
    }
    role::plan(&role, &grants, observed.roles.get(&role.name), &secrets, &mut plan);
    if plan.holds(&role_subject) {
        plan.hold(definition_subject, Hold::Waiting, format!("waits for {role_subject}"));
        return plan;
    }
    let document = complete(desired, observed, &arns);
    let Some(document) = verified(desired, observed, document, &mut plan) else { return plan };
    let after: Vec<Subject> = secrets.into_iter().chain([role_subject]).collect();
    definition::plan(&desired.definition, &document, observed, &after, &mut plan);
    await_network(desired, &mut plan);
    roll(desired, observed, &mut plan);
    if !plan.holds(&definition_subject) {
        retire(desired, observed, &mut plan);
    }
    plan
}

/// While the endpoints of its network are not there, no definition is registered: its tasks could not pull. What is registered stays.
fn await_network(desired: &Desired, plan: &mut Plan) {
    let waiting = desired.network.as_ref().map(|network| &network.endpoints).filter(|endpoints| endpoints.ready != Some(true));
    let Some(endpoints) = waiting else { return };
    let planned = plan.steps.len();
    plan.steps.retain(|step| !matches!(step.action, Action::RegisterDefinition { .. }));
    if plan.steps.len() < planned {
        let hold = if endpoints.reason.is_stalled() { Hold::Refused(endpoints.reason) } else { Hold::Waiting };
        let message = format!("no definition is registered before the endpoints are there: {}", endpoints.message);
        plan.hold(Subject::definition(&desired.definition.name), hold, message);
    }
}

/// The reading of a secret, and the use of its customer key. One that is still to be made is in the target's Region.
fn read(arn: &str, key: Option<String>, target: &Target) -> Vec<Permission> {
    let region = Arn::parse(arn).map_or_else(|_| target.region.clone(), |arn| arn.region);
    let via = Some(via_service("secretsmanager", &region, target.partition));
    let decryption = key.map(|key| Permission::Decrypt(Decryption { key, via, of: Some(arn.to_owned()) }));
    decryption.into_iter().chain([Permission::ReadSecret(arn.to_owned())]).collect()
}

/// Services follow the revision that is current, or that this plan registers.
fn roll(desired: &Desired, observed: &Observed, plan: &mut Plan) {
    let definition = &desired.definition;
    let registers = plan.steps.iter().any(|step| matches!(step.action, Action::RegisterDefinition { .. }));
    let (target, registered_at) = match (registers, definition.current(observed)) {
        (true, _) => (pending_definition(&definition.name), None),
        (false, Some(current)) => (current.arn.clone(), current.registered_at()),
        (false, None) => return,
    };
    let revision = TargetRevision { family: &definition.family(), arn: &target, registered_at };
    service::plan(&desired.services, revision, !definition.credentials.is_empty(), observed, plan);
    // Their tasks pull with what the secrets hold then.
    let secrets: Vec<Subject> = desired.secrets.iter().map(|wanted| Subject::secret(&wanted.name)).collect();
    let rolls = |step: &&mut Step| matches!(step.action, Action::UpdateService { .. });
    plan.steps.iter_mut().filter(rolls).for_each(|step| step.after.extend(secrets.iter().cloned()));
}

/// The definition with the execution role and the credentials' ARNs filled in.
fn complete(desired: &Desired, observed: &Observed, arns: &BTreeMap<String, String>) -> Value {
    let definition = &desired.definition;
    let role = observed.roles.get(&desired.role.name).and_then(|seen| seen.role.present());
    let role_arn = role.map_or(&desired.role.arn, |role| &role.arn);
    let mut document = definition.document.clone();
    definition::roles_mut(definition.kind, &mut document, |_, object| {
        object.insert("executionRoleArn".into(), json!(role_arn));
    });
    let secret_of: BTreeMap<&str, &String> =
        definition.credentials.iter().filter_map(|(path, id)| arns.get(id).map(|arn| (path.as_str(), arn))).collect();
    definition::containers_mut(definition.kind, &mut document, |path, container| {
        if let Some(arn) = secret_of.get(path) {
            container.insert("repositoryCredentials".into(), json!({ "credentialsParameter": arn }));
        }
    });
    document
}

/// An image that is there, of a digest that nobody asked for.
fn imagined_image(read: &ImageRead) -> ImageStatus {
    let proof = Proof { digest: String::new(), note: None };
    ImageStatus { digest: None, ..read.answered(None, Timestamp::UNIX_EPOCH, Ok(proof)) }
}

/// A world in which nothing of ours exists and all that the spec refers to does.
pub fn imagined(desired: &Desired) -> Observed {
    let kept = desired.secrets.iter().map(|secret| (secret.name.clone(), Snapshot::Absent));
    let existing = desired.existing.iter().map(|existing| imagined_secret(existing, &desired.scope()));
    let named = desired.uses.iter().filter_map(|named| match &named.thing {
        Thing::Secret(arn) => {
            Some((arn.clone(), Snapshot::Present(ObservedSecret { arn: arn.clone(), ..ObservedSecret::default() })))
        }
        _ => None,
    });
    let of_others = desired.role.doubtful.about_secrets().into_iter().map(|arn| {
        let tags = desired.definition.owner.tags();
        (arn.clone(), Snapshot::Present(ObservedSecret { arn, tags, ..ObservedSecret::default() }))
    });
    let reads = desired.reads();
    let parameters = reads.parameters.into_iter().map(|arn| (arn, Snapshot::Present(ObservedParameter::default())));
    let keys = reads.keys.into_iter().map(|key| (key.clone(), Snapshot::Present(key)));
    let role = ObservedRole {
        arn: desired.role.arn.clone(),
        trust: desired.role.trust_policy(),
        tags: Tags::new(),
        boundary: None,
        is_young: false,
    };
    let role = RoleSnapshot {
        role: if desired.role.managed.is_some() { Snapshot::Absent } else { Snapshot::Present(role) },
        inline_policy: Snapshot::Absent,
        attached: Snapshot::Absent,
    };
    Observed {
        secrets: of_others.chain(named).chain(kept).chain(existing).collect(),
        parameters: parameters.collect(),
        keys: keys.collect(),
        roles: [(desired.role.name.clone(), role)].into(),
        definition: Some(Snapshot::Absent),
        images: desired.images.iter().map(imagined_image).collect(),
        ..Observed::default()
    }
}

/// Plans a secret that is kept; its ARN and key ARN, unless it is held.
fn kept_secret(
    wanted: &DesiredSecret,
    desired: &Desired,
    observed: &Observed,
    plan: &mut Plan,
) -> Option<(String, Option<String>)> {
    let subject = Subject::secret(&wanted.name);
    let key = key_of(wanted, &desired.scope(), observed, plan)?;
    let found = observed.secrets.get(&wanted.name)?;
    secret::plan(wanted, found, key.as_deref(), plan);
    if plan.holds(&subject) {
        return None;
    }
    let arn = found.present().map_or_else(|| pending_arn(&wanted.name), |secret| secret.arn.clone());
    Some((arn, key))
}
