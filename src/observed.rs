//! What is in AWS, as far as could be seen. Absent and unknown are two different things: nothing is ever done because of an
//! `Unknown`.

use crate::failure::Failure;
use crate::resource::definition::{ObservedDefinition, ObservedRevision};
use crate::resource::role::ObservedRole;
use crate::resource::secret::ObservedSecret;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One thing as it was seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
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

/// What one pass has to look at. Derived from what is desired, so that a shared snapshot of an account can serve it as well.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reads {
    /// Secrets by name or ARN.
    pub secrets: BTreeSet<String>,
    /// Values (by secret) to compare by reading, where no value key is at hand. A read of last resort: it needs GetSecretValue.
    pub compare_values: BTreeMap<String, crate::resource::sealed::Sealed>,
    /// KMS keys in any form but a key ARN.
    pub keys: BTreeSet<String>,
    /// The role's name and our inline policy's.
    pub role: Option<(String, String)>,
    /// The definition.
    pub definition: Option<DefinitionRead>,
}

/// Which facts about a definition are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinitionRead {
    /// ECS or Batch.
    pub kind: crate::resource::normalise::DefinitionKind,
    /// Family or job definition name.
    pub name: String,
    /// The revision that our status names, in case a newer one is not ours.
    pub recorded: Option<String>,
    /// Whether every active revision is wanted (for removal) or the newest (for convergence).
    pub all: bool,
}

/// The answer to [`Reads`].
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Observed {
    /// Secrets, by what they were asked for.
    pub secrets: BTreeMap<String, Snapshot<ObservedSecret>>,
    /// ARNs of KMS keys, by what they were asked for.
    pub keys: BTreeMap<String, Snapshot<String>>,
    /// The execution role.
    pub role: Option<Snapshot<ObservedRole>>,
    /// Our inline policy on it.
    pub inline_policy: Option<Snapshot<Value>>,
    /// ARNs of the managed policies attached to it.
    pub attached: Option<Snapshot<BTreeSet<String>>>,
    /// The definition that counts: the newest active one, or where that is not ours, the one that our status names.
    pub definition: Option<Snapshot<ObservedDefinition>>,
    /// Every active revision, where asked for.
    pub revisions: Option<Snapshot<Vec<ObservedRevision>>>,
}
