//! What a workload refers to, fetched: plain data, the only thing that the pure core knows of Kubernetes.

use crate::api::{AccountBinding, PrivateImageWorkload};
use crate::resource::fingerprint::ValueKey;
use crate::resource::login::{LoginError, Logins};
use std::collections::BTreeMap;

/// A workload and everything it refers to.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The workload.
    pub workload: PrivateImageWorkload,
    /// The cluster id, or `--owner` of the command line.
    pub cluster: String,
    /// The workload's namespace.
    pub namespace: Namespace,
    /// What decides account and fences.
    pub bindings: Bindings,
    /// The Secrets that the spec names, by name.
    pub sources: BTreeMap<String, Source>,
    /// The other workloads of the namespace.
    pub siblings: Vec<PrivateImageWorkload>,
    /// Whether `siblings` is known to be all of them. The command line sees only its files.
    pub siblings_complete: bool,
    /// Definitions of this namespace that are registered in AWS by no workload known here: files that were applied apart.
    pub strangers: Vec<String>,
    /// The key of the value fingerprint.
    pub value_key: ValueKey,
    /// Whether values are compared by reading them: the key is not the one that earlier versions were written with.
    pub compare_values: bool,
}

/// A namespace.
#[derive(Debug, Clone, Default)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Its uid; outside a cluster its name again.
    pub uid: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// What decides account and fences.
#[derive(Debug, Clone)]
pub enum Bindings {
    /// The AccountBindings that there are.
    Objects(Vec<AccountBinding>),
    /// Files without an AccountBinding: the ambient AWS identity, unfenced.
    Ambient {
        /// The account that sts:GetCallerIdentity names.
        account_id: String,
        /// The configured Region.
        region: Option<String>,
    },
}

/// A Kubernetes Secret that a credential names. A missing one is data, not an error.
#[derive(Debug, Clone)]
pub enum Source {
    /// It does not exist.
    Missing,
    /// It exists; its logins, or why there are none.
    Found(Result<Logins, LoginError>),
    /// It could not be read.
    Unreadable(String),
}
