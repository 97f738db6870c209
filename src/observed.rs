//! What is in AWS, as far as could be seen. Absent and unknown are two different things: nothing is ever done because of an
//! `Unknown`.

use crate::api::{ImageStatus, RolledService};
use crate::failure::Failure;
use crate::resource::definition::ObservedDefinition;
use crate::resource::revision::{Family, ObservedRevision, Usage};
use crate::resource::role::ObservedRole;
use crate::resource::sealed::Sealed;
use crate::resource::secret::ObservedSecret;
use crate::resource::service::ObservedService;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One thing as it was seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Snapshot<T> {
    /// AWS says that it does not exist.
    Absent,
    /// It exists.
    Present(T),
    /// Throttled, denied, timed out: nothing is known.
    Unknown(Failure),
}

impl<T> Snapshot<T> {
    /// The thing, if it was seen.
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Present(thing) => Some(thing),
            Self::Absent | Self::Unknown(_) => None,
        }
    }
}

/// What a pass has to look at. Derived from what is desired, so that a shared snapshot of an account can serve it as well.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reads {
    /// Secrets by name or ARN.
    pub secrets: BTreeSet<String>,
    /// Values (by secret) to compare by reading, where no value key is at hand. A read of last resort: it needs GetSecretValue.
    pub compare_values: BTreeMap<String, Sealed>,
    /// Secrets whose resource policies are wanted, by name or ARN.
    pub resource_policies: BTreeSet<String>,
    /// SSM parameters, by ARN.
    pub parameters: BTreeSet<String>,
    /// KMS keys in any form but a key ARN.
    pub keys: BTreeSet<String>,
    /// Roles by name, each with the name of our inline policy.
    pub roles: BTreeMap<String, String>,
    /// The definition.
    pub definition: Option<DefinitionRead>,
    /// Single revisions, by ARN.
    pub revisions: BTreeSet<String>,
    /// Families of which every active revision is wanted, and with `true` every deregistered one too.
    pub families: BTreeMap<Family, bool>,
    /// Families whose users are wanted.
    pub usage: BTreeSet<Family>,
    /// ECS services.
    pub services: BTreeSet<RolledService>,
}

impl Reads {
    /// The resource policies that can be read: there are none of secrets that do not exist, and AWS shows none while a secret is
    /// scheduled for deletion.
    pub fn readable_policies<'a>(
        &'a self,
        secrets: &'a BTreeMap<String, Snapshot<ObservedSecret>>,
    ) -> impl Iterator<Item = &'a String> {
        let there = |id: &&String| secrets.get(*id).and_then(Snapshot::present).is_some_and(|it| !it.scheduled_for_deletion);
        self.resource_policies.iter().filter(there)
    }
}

/// The revision that counts is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinitionRead {
    /// ECS or Batch, and the name.
    pub family: Family,
    /// The revision that our status names, in case a newer one is not ours.
    pub recorded: Option<String>,
}

/// The answer to [`Reads`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// Secrets, by what they were asked for.
    pub secrets: BTreeMap<String, Snapshot<ObservedSecret>>,
    /// Resource policies of secrets, by what these were asked for.
    pub resource_policies: BTreeMap<String, Snapshot<Value>>,
    /// SSM parameters, by ARN.
    pub parameters: BTreeMap<String, Snapshot<ObservedParameter>>,
    /// ARNs of KMS keys, by what they were asked for.
    pub keys: BTreeMap<String, Snapshot<String>>,
    /// Roles, by name.
    pub roles: BTreeMap<String, RoleSnapshot>,
    /// The newest active revision.
    pub definition: Option<Snapshot<ObservedDefinition>>,
    /// The active revision that our status names, where it is not the newest.
    pub recorded: Option<ObservedDefinition>,
    /// Single revisions, by ARN.
    pub revisions: BTreeMap<String, Snapshot<ObservedRevision>>,
    /// Every active revision of these families.
    pub families: BTreeMap<Family, Snapshot<Vec<ObservedRevision>>>,
    /// Who uses revisions of these families.
    pub usage: BTreeMap<Family, Snapshot<Usage>>,
    /// ECS services.
    pub services: BTreeMap<RolledService, Snapshot<ObservedService>>,
    /// What registries said of images. It is no part of [`Reads`]: registries are not AWS.
    pub images: Vec<ImageStatus>,
}

/// An SSM parameter that containers read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObservedParameter {
    /// The customer key that it is encrypted with, in whatever form SSM has it.
    pub kms_key: Option<String>,
}

/// A role and what is on it.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleSnapshot {
    /// The role.
    pub role: Snapshot<ObservedRole>,
    /// Our inline policy.
    pub inline_policy: Snapshot<Value>,
    /// ARNs of the managed policies attached to it.
    pub attached: Snapshot<BTreeSet<String>>,
}

impl Observed {
    /// Adds what a further look saw.
    pub fn absorb(&mut self, more: Observed) {
        self.secrets.extend(more.secrets);
        self.resource_policies.extend(more.resource_policies);
        self.parameters.extend(more.parameters);
        self.keys.extend(more.keys);
        self.roles.extend(more.roles);
        self.definition = more.definition.or(self.definition.take());
        self.recorded = more.recorded.or(self.recorded.take());
        let listed = more.families.values().filter_map(Snapshot::present).flatten();
        self.revisions.extend(listed.map(|revision| (revision.arn.clone(), Snapshot::Present(revision.clone()))));
        self.revisions.extend(more.revisions);
        self.families.extend(more.families);
        self.usage.extend(more.usage);
        self.services.extend(more.services);
        self.images.extend(more.images);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_of_secrets_that_are_there() {
        let secret =
            |scheduled_for_deletion| Snapshot::Present(ObservedSecret { scheduled_for_deletion, ..ObservedSecret::default() });
        let seen = [("there", secret(false)), ("scheduled", secret(true)), ("gone", Snapshot::Absent)];
        let seen: BTreeMap<String, _> = seen.into_iter().map(|(id, seen)| (id.to_owned(), seen)).collect();
        let asked = ["there", "scheduled", "gone", "never asked for"].map(str::to_owned);
        let reads = Reads { resource_policies: asked.into(), ..Reads::default() };
        assert_eq!(reads.readable_policies(&seen).collect::<Vec<_>>(), ["there"]);
    }
}
