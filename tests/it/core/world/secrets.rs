//! Secrets Manager of the in-memory world.

use super::*;
use wharfinger::resource::secret::ObservedReplica;

impl World {
    /// The name of the secret of this ARN.
    pub(super) fn name_of(&self, arn: &str) -> Result<String, Failure> {
        let found = self.secrets.iter().find(|(_, secret)| secret.arn == arn);
        found.map(|(name, _)| name.clone()).ok_or_else(|| failure(FailureKind::NotFound))
    }

    pub(super) fn create_secret(&mut self, action: &Action) -> Result<String, Failure> {
        let Action::CreateSecret { name, description, kms_key_id, tags, version_id, .. } = action else { panic!("{action:?}") };
        if self.secrets.contains_key(name) {
            return Err(failure(FailureKind::AlreadyExists));
        }
        self.made += 1;
        let arn = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-{:06}", self.made);
        let secret = ObservedSecret {
            arn: arn.clone(),
            description: Some(description.clone()),
            kms_key: kms_key_id.clone(),
            tags: tags.clone(),
            versions: [(version_id.clone(), [CURRENT.to_owned()].into())].into(),
            ..ObservedSecret::default()
        };
        self.secrets.insert(name.clone(), secret);
        Ok(arn)
    }

    pub(super) fn change_secret(&mut self, arn: &str, action: &Action) -> Result<(), Failure> {
        let secret = self.secrets.values_mut().find(|secret| secret.arn == arn).ok_or_else(|| failure(FailureKind::NotFound))?;
        if secret.scheduled_for_deletion && !matches!(action, Action::RestoreSecret { .. }) {
            return Err(failure(FailureKind::ScheduledForDeletion));
        }
        match action {
            Action::RestoreSecret { .. } => secret.scheduled_for_deletion = false,
            // AWS refuses to delete a secret that has copies.
            Action::DeleteSecret { .. } if !secret.replicas.is_empty() => return Err(failure(FailureKind::Invalid)),
            Action::ReplicateSecretToRegions { replicas, .. } => {
                let copy = |key: &Option<String>| ObservedReplica { kms_key: key.clone(), state: "InSync".into(), message: None };
                secret.replicas.extend(replicas.iter().map(|(region, key)| (region.clone(), copy(key))));
            }
            Action::RemoveRegionsFromReplication { regions, .. } => secret.replicas.retain(|region, _| !regions.contains(region)),
            Action::DeleteSecret { .. } => secret.scheduled_for_deletion = true,
            // A token that was used before is ignored: the A -> B -> A trap.
            Action::PutSecretValue { version_id, .. } if secret.versions.contains_key(version_id) => {}
            Action::PutSecretValue { version_id, .. } => make_current(secret, version_id),
            Action::UpdateSecretVersionStage { move_to, remove_from, .. } => {
                let current = secret.current().map(str::to_owned);
                if current != *remove_from || !secret.versions.contains_key(move_to) {
                    return Err(failure(FailureKind::Invalid));
                }
                make_current(secret, move_to);
            }
            Action::UpdateSecret { description, kms_key_id, .. } => {
                secret.description = description.clone().or(secret.description.take());
                if let Some(key) = kms_key_id {
                    secret.kms_key = Some(key.clone()).filter(|key| !key.is_empty());
                }
            }
            Action::TagSecret { tags, .. } | Action::AdoptSecret { tags, .. } => secret.tags.extend(tags.clone()),
            other => panic!("{other:?}"),
        }
        Ok(())
    }
}

/// AWSCURRENT goes to this version, AWSPREVIOUS to the one that had it; what has no label is no longer shown.
pub(crate) fn make_current(secret: &mut ObservedSecret, version: &str) {
    let before = secret.current().map(str::to_owned);
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    if let Some(before) = before {
        versions.insert(before, ["AWSPREVIOUS".to_owned()].into());
    }
    versions.insert(version.to_owned(), [CURRENT.to_owned()].into());
    secret.versions = versions;
}
