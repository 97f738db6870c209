//! A small AWS in memory: what a plan does to it, and what is then seen. It behaves as the notes on AWS say, not as moto does.

pub(crate) mod network;
mod secrets;

pub(crate) use secrets::make_current;

use super::fixtures::{ACCOUNT, REGION};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use wharfinger::api::{ImageFailureClass, RolledService};
use wharfinger::desired::Desired;
use wharfinger::failure::{Failure, FailureKind};
use wharfinger::observed::{DefinitionRead, Observed, ObservedParameter, Reads, RoleSnapshot, Snapshot};
use wharfinger::pass::{Outcome, Output, blocked};
use wharfinger::plan::{Action, Plan, pending_arn, pending_definition};
use wharfinger::resource::definition::{ObservedDefinition, content_hash};
use wharfinger::resource::normalise::DefinitionKind;
use wharfinger::resource::policy::canonical;
use wharfinger::resource::revision::{Family, ObservedRevision, Usage};
use wharfinger::resource::role::ObservedRole;
use wharfinger::resource::secret::{CURRENT, ObservedSecret};
use wharfinger::resource::service::{Deployment, ObservedService};
use wharfinger::resource::tags::CONTENT_HASH;

/// Everything in one account and Region.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct World {
    pub(crate) secrets: BTreeMap<String, ObservedSecret>,
    pub(crate) roles: BTreeMap<String, Role>,
    /// Active revisions by name, oldest first.
    pub(crate) definitions: BTreeMap<String, Vec<ObservedDefinition>>,
    /// Deregistered revisions that are not deleted.
    pub(crate) retired: Vec<ObservedDefinition>,
    /// Who uses which revision.
    pub(crate) usage: Usage,
    /// ECS services.
    pub(crate) services: BTreeMap<RolledService, ObservedService>,
    /// Resource policies of secrets, by the secret's name.
    pub(crate) resource_policies: BTreeMap<String, Value>,
    /// SSM parameters by ARN.
    pub(crate) parameters: BTreeMap<String, ObservedParameter>,
    /// ARNs of keys by alias and id.
    pub(crate) keys: BTreeMap<String, String>,
    /// Every look at anything ends so.
    pub(crate) blind: Option<Failure>,
    /// The write with this number, counted from 0, fails; whether it happened all the same.
    pub(crate) fault: Option<(usize, FailureKind, bool)>,
    /// How many writes there were.
    pub(crate) writes: usize,
    /// The last revision of each name, registered or not.
    pub(crate) revisions: BTreeMap<String, i64>,
    /// How many secrets there were: the end of their ARNs.
    pub(crate) made: usize,
    /// What registries refuse every image with.
    pub(crate) refusal: Option<ImageFailureClass>,
    /// How often every tag was moved: the digit that fills the digests.
    pub(crate) moved: u8,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Role {
    pub(crate) seen: ObservedRole,
    pub(crate) inline: BTreeMap<String, Value>,
    pub(crate) attached: BTreeSet<String>,
}

pub(crate) fn failure(kind: FailureKind) -> Failure {
    let code = match kind {
        FailureKind::Denied => "AccessDeniedException",
        FailureKind::Throttled => "ThrottlingException",
        FailureKind::Invalid => "ClientException",
        _ => "InternalServiceError",
    };
    Failure {
        service: "AnyService".into(),
        operation: "AnyOperation".into(),
        kind,
        code: code.into(),
        message: "AWS says no".into(),
        request_id: Some("00000000-0000-0000-0000-000000000000".into()),
        retry_after: None,
    }
}

impl World {
    /// The same world for comparing: policies in their one spelling, writes not counted, faults over.
    pub(crate) fn essence(&self) -> Self {
        let mut world = Self { writes: 0, fault: None, retired: vec![], ..self.clone() };
        let policies = world.roles.values_mut().flat_map(|role| role.inline.values_mut());
        policies.for_each(|policy| *policy = canonical(policy));
        world
    }

    /// What one look sees.
    pub(crate) fn observe(&self, reads: &Reads) -> Observed {
        let read = reads.definition.as_ref();
        let secrets = reads.secrets.iter().map(|id| (id.clone(), self.see(self.secret(id).cloned()))).collect();
        Observed {
            resource_policies: reads
                .readable_policies(&secrets)
                .map(|id| (id.clone(), self.see(self.resource_policies.get(id).cloned())))
                .collect(),
            secrets,
            parameters: reads.parameters.iter().map(|arn| (arn.clone(), self.see(self.parameters.get(arn).cloned()))).collect(),
            keys: reads
                .keys
                .iter()
                .cloned()
                .chain(self.discovered(reads))
                .map(|key| (key.clone(), self.see(self.key(&key))))
                .collect(),
            roles: reads.roles.iter().map(|(name, policy)| (name.clone(), self.role_snapshot(name, policy))).collect(),
            definition: read.map(|read| self.see(self.newest(&read.family))),
            recorded: read.and_then(|read| self.recorded(read)),
            revisions: reads.revisions.iter().map(|arn| (arn.clone(), self.see(self.revision(arn)))).collect(),
            families: reads.families.keys().map(|family| (family.clone(), self.see(Some(self.all(family))))).collect(),
            usage: reads.usage.iter().map(|family| (family.clone(), self.see(Some(self.usage.clone())))).collect(),
            services: reads.services.iter().map(|named| (named.clone(), self.see(self.services.get(named).cloned()))).collect(),
            images: vec![],
        }
    }

    /// All that a pass looks at.
    pub(crate) fn look(&self, desired: &Desired) -> Observed {
        let mut observed = self.observe(&desired.reads());
        while let Some(more) = desired.further_reads(&observed) {
            observed.absorb(self.observe(&more));
        }
        observed.images = desired.images.iter().map(|read| self.answer(read)).collect();
        observed
    }

    fn role_snapshot(&self, name: &str, policy: &str) -> RoleSnapshot {
        let role = self.roles.get(name);
        RoleSnapshot {
            role: self.see(role.map(|role| role.seen.clone())),
            inline_policy: self.see(role.and_then(|role| role.inline.get(policy).cloned())),
            attached: self.see(role.map(|role| role.attached.clone())),
        }
    }

    fn see<T>(&self, thing: Option<T>) -> Snapshot<T> {
        match (&self.blind, thing) {
            (Some(failure), _) => Snapshot::Unknown(failure.clone()),
            (None, Some(thing)) => Snapshot::Present(thing),
            (None, None) => Snapshot::Absent,
        }
    }

    fn key(&self, key: &str) -> Option<String> {
        self.keys.get(key).cloned()
    }

    /// Keys that secrets are found to be encrypted with.
    fn discovered(&self, reads: &Reads) -> Vec<String> {
        let keys = reads.secrets.iter().filter_map(|id| self.secret(id)).flat_map(ObservedSecret::keys);
        let keys = keys.chain(reads.parameters.iter().filter_map(|arn| self.parameters.get(arn)?.kms_key.clone()));
        keys.filter(|key| !key.contains(":key/")).collect()
    }

    pub(super) fn secret(&self, id: &str) -> Option<&ObservedSecret> {
        let is_it =
            |secret: &&ObservedSecret| secret.arn == id || secret.arn.rsplit_once('-').is_some_and(|(stem, _)| stem == id);
        self.secrets.get(id).or_else(|| self.secrets.values().find(is_it))
    }

    fn active(&self, family: &Family) -> Vec<&ObservedDefinition> {
        let all = self.definitions.get(&family.name).into_iter().flatten();
        all.filter(|it| Family::of(&it.arn).is_some_and(|(of, _)| of == *family)).collect()
    }

    fn newest(&self, family: &Family) -> Option<ObservedDefinition> {
        self.active(family).last().map(|newest| (*newest).clone())
    }

    fn recorded(&self, read: &DefinitionRead) -> Option<ObservedDefinition> {
        let mut older = self.active(&read.family);
        older.pop();
        older.into_iter().find(|revision| Some(&revision.arn) == read.recorded.as_ref()).cloned()
    }

    fn revision(&self, arn: &str) -> Option<ObservedRevision> {
        let found = self.definitions.values().flatten().chain(&self.retired).find(|it| it.arn == arn)?;
        Some(found.as_revision(Family::of(arn)?.0.kind))
    }

    fn all(&self, family: &Family) -> Vec<ObservedRevision> {
        self.active(family).into_iter().rev().map(|found| found.as_revision(family.kind)).collect()
    }

    /// Carries a plan out as `src/apply.rs` does; at most `limit` writes, after which the process is gone.
    pub(crate) fn apply(&mut self, plan: &Plan, limit: usize) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = vec![];
        let mut arns = BTreeMap::new();
        for step in plan.steps.iter().take(limit) {
            outcomes.push(match blocked(step, plan, &outcomes) {
                Some(by) => Outcome::Skipped(by),
                None => self.write(&step.action, &mut arns),
            });
        }
        outcomes
    }

    fn write(&mut self, action: &Action, arns: &mut BTreeMap<String, String>) -> Outcome {
        let number = self.writes;
        self.writes += 1;
        match self.fault {
            Some((at, kind, false)) if at == number => Outcome::Failed(failure(kind)),
            Some((at, kind, true)) if at == number => {
                self.execute(action, arns).ok();
                Outcome::Failed(failure(kind))
            }
            _ => self.execute(action, arns).map_or_else(Outcome::Failed, Outcome::Done),
        }
    }

    fn execute(&mut self, action: &Action, arns: &mut BTreeMap<String, String>) -> Result<Output, Failure> {
        match action {
            Action::CreateSecret { name, .. } => {
                let arn = self.create_secret(action)?;
                arns.insert(pending_arn(name), arn.clone());
                return Ok(Output { arn: Some(arn), revision: None });
            }
            Action::RegisterDefinition { kind, name, document, tags } => {
                let output = self.register(*kind, name, &known(document, arns), tags.clone());
                arns.extend(output.arn.clone().map(|arn| (pending_definition(name), arn)));
                return Ok(output);
            }
            Action::PutRolePolicy { role, policy, document } => {
                self.role(role)?.inline.insert(policy.clone(), known(document, arns));
            }
            Action::RestoreSecret { arn }
            | Action::PutSecretValue { arn, .. }
            | Action::UpdateSecretVersionStage { arn, .. }
            | Action::UpdateSecret { arn, .. }
            | Action::TagSecret { arn, .. }
            | Action::DeleteSecret { arn, .. } => self.change_secret(arn, action)?,
            Action::AdoptSecret { arn, .. } | Action::RemoveRegionsFromReplication { arn, .. } => {
                self.change_secret(arn, action)?
            }
            Action::ReplicateSecretToRegions { arn, .. } => self.change_secret(arns.get(arn).unwrap_or(arn), action)?,
            Action::PutResourcePolicy { arn, document } => {
                let name = self.name_of(arns.get(arn).unwrap_or(arn))?;
                self.resource_policies.insert(name, document.clone());
            }
            Action::DeleteResourcePolicy { arn } => {
                let name = self.name_of(arn)?;
                self.resource_policies.remove(&name);
            }
            Action::CreateRole { name, path, trust_policy, permissions_boundary, tags, .. } => {
                let arn = format!("arn:aws:iam::{ACCOUNT}:role{path}{name}");
                assert!(!self.roles.contains_key(name), "CreateRole of a role that exists: {name}");
                let seen = ObservedRole {
                    arn: arn.clone(),
                    trust: trust_policy.clone(),
                    tags: tags.clone(),
                    boundary: permissions_boundary.clone(),
                    is_young: false,
                };
                self.roles.insert(name.clone(), Role { seen, inline: BTreeMap::new(), attached: BTreeSet::new() });
                return Ok(Output { arn: Some(arn), revision: None });
            }
            Action::PutRolePermissionsBoundary { role, permissions_boundary } => {
                self.role(role)?.seen.boundary = Some(permissions_boundary.clone());
            }
            Action::UpdateAssumeRolePolicy { role, trust_policy } => self.role(role)?.seen.trust = trust_policy.clone(),
            Action::TagRole { role, tags } => self.role(role)?.seen.tags.extend(tags.clone()),
            Action::AttachRolePolicy { role, policy_arn } => drop(self.role(role)?.attached.insert(policy_arn.clone())),
            Action::DeleteRolePolicy { role, policy } => drop(self.role(role)?.inline.remove(policy)),
            Action::DetachRolePolicy { role, policy_arn } => drop(self.role(role)?.attached.remove(policy_arn)),
            Action::DeleteRole { role } => {
                let gone = self.roles.remove(role).ok_or_else(|| failure(FailureKind::NotFound))?;
                assert!(gone.inline.is_empty() && gone.attached.is_empty(), "DeleteConflict: {gone:?}");
            }
            Action::TagDefinition { arn, tags, .. } => {
                let mut all = self.definitions.values_mut().flatten();
                all.find(|it| it.arn == *arn).ok_or_else(|| failure(FailureKind::NotFound))?.tags.extend(tags.clone());
            }
            Action::DeregisterDefinition { arn, .. } => {
                let all = self.definitions.values().flatten();
                let mut found =
                    all.into_iter().find(|it| it.arn == *arn).cloned().ok_or_else(|| failure(FailureKind::NotFound))?;
                found.content["status"] = json!("INACTIVE");
                self.retired.push(found);
                self.definitions.values_mut().for_each(|all| all.retain(|it| it.arn != *arn));
                self.definitions.retain(|_, all| !all.is_empty());
            }
            Action::DeleteTaskDefinitions { arns } => {
                assert!(arns.len() <= 10, "{arns:?}");
                let active = self.definitions.values().flatten().any(|it| arns.contains(&it.arn));
                assert!(!active, "only what is deregistered can be deleted: {arns:?}");
                self.retired.retain(|it| !arns.contains(&it.arn));
            }
            Action::UpdateService { cluster, service, task_definition } => {
                let revision = arns.get(task_definition).unwrap_or(task_definition).clone();
                let named = RolledService { cluster: cluster.clone(), service: service.clone() };
                let service = self.services.get_mut(&named).ok_or_else(|| failure(FailureKind::NotFound))?;
                if service.task_definition == revision {
                    return Ok(Output::default()); // no new deployment
                }
                let began = Deployment { rollout_state: Some("IN_PROGRESS".into()), desired: 2, ..Deployment::default() };
                service.deployments.insert(0, Deployment { task_definition: revision.clone(), ..began });
                service.task_definition = revision;
            }
            network => panic!("no workload asks for {network:?}"),
        }
        Ok(Output::default())
    }

    fn role(&mut self, name: &str) -> Result<&mut Role, Failure> {
        self.roles.get_mut(name).ok_or_else(|| failure(FailureKind::NotFound))
    }

    fn register(
        &mut self,
        kind: DefinitionKind,
        name: &str,
        document: &Value,
        mut tags: wharfinger::resource::tags::Tags,
    ) -> Output {
        let revision = self.revisions.entry(name.to_owned()).and_modify(|revision| *revision += 1).or_insert(1);
        let (service, resource, arn_field) = match kind {
            DefinitionKind::TaskDefinition => ("ecs", "task-definition", "taskDefinitionArn"),
            DefinitionKind::JobDefinition => ("batch", "job-definition", "jobDefinitionArn"),
        };
        let arn = format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}/{name}:{revision}");
        assert!(!document.to_string().contains("${arn"), "an ARN is missing in {document}");
        tags.insert(CONTENT_HASH.to_owned(), content_hash(kind, document));
        let mut content = with_defaults(document);
        content[arn_field] = json!(arn);
        content["revision"] = json!(revision);
        content["status"] = json!("ACTIVE");
        let registered = ObservedDefinition { arn: arn.clone(), revision: *revision, tags, content };
        self.definitions.entry(name.to_owned()).or_default().push(registered);
        Output { arn: Some(arn), revision: Some(*revision) }
    }
}

fn known(document: &Value, arns: &BTreeMap<String, String>) -> Value {
    match document {
        Value::String(text) => arns.get(text).map_or_else(|| document.clone(), |arn| json!(arn)),
        Value::Array(items) => items.iter().map(|item| known(item, arns)).collect(),
        Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), known(value, arns))).collect(),
        other => other.clone(),
    }
}

/// Some of what the server fills in: containers of ECS in reverse order, with defaults.
fn with_defaults(document: &Value) -> Value {
    let mut content = document.clone();
    if let Some(containers) = content.get_mut("containerDefinitions").and_then(Value::as_array_mut) {
        containers.reverse();
        for container in containers {
            for (field, default) in [("cpu", json!(0)), ("environment", json!([])), ("essential", json!(true))] {
                container.as_object_mut().map(|object| object.entry(field).or_insert(default));
            }
        }
        content["placementConstraints"] = json!([]);
        content["compatibilities"] = json!(["EC2", "FARGATE"]);
    }
    content
}
