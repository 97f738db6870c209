//! What a workload refers to, fetched: plain data, the only thing that the pure core knows of Kubernetes.

use crate::api::{AccountBinding, PrivateImageWorkload, PullNetwork, RegistryCredential};
use crate::resource::fingerprint::ValueKey;
use crate::resource::login::{LoginError, Logins};
use crate::target::Claim;
use std::collections::BTreeMap;
use std::sync::Arc;

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
    /// The PullNetwork that the spec names, if it names one and there is one.
    pub network: Option<PullNetwork>,
    /// The Secrets that the spec names, by name.
    pub sources: BTreeMap<String, Source>,
    /// The RegistryCredentials that the spec names, as far as they exist.
    pub credentials: Vec<RegistryCredential>,
    /// Whether secrets of credentials that are only planned may stand for themselves. Only the command line plans so.
    pub planned_credentials: bool,
    /// The other workloads of the namespace.
    pub siblings: Vec<Arc<PrivateImageWorkload>>,
    /// Whether `siblings` is known to be all of them. The command line sees only its files.
    pub siblings_complete: bool,
    /// Definitions of this namespace that are registered in AWS by no workload known here: files that were applied apart.
    pub strangers: Vec<String>,
    /// The key of the value fingerprint.
    pub value_key: ValueKey,
    /// Whether values are compared by reading them: the key is not the one that earlier versions were written with.
    pub compare_values: bool,
}

impl Inputs {
    /// What the workload says of where it wants to live.
    pub fn claim(&self) -> Claim<'_> {
        self.claim_of(&self.workload)
    }

    /// What a workload of the namespace says of where it wants to live.
    pub fn claim_of<'a>(&'a self, workload: &'a PrivateImageWorkload) -> Claim<'a> {
        let (spec, status) = (&workload.spec, workload.status.as_ref());
        Claim {
            namespace: &self.namespace,
            binding: spec.binding_ref.as_ref().map(|reference| reference.name.as_str()),
            region: spec.region.as_deref(),
            pinned: status.and_then(|status| status.target.as_ref()),
            bindings: &self.bindings,
        }
    }
}

/// A `RegistryCredential` and everything it refers to.
#[derive(Debug, Clone)]
pub struct CredentialInputs {
    /// The credential.
    pub credential: RegistryCredential,
    /// The cluster id, or `--owner` of the command line.
    pub cluster: String,
    /// The credential's namespace.
    pub namespace: Namespace,
    /// What decides account and fences.
    pub bindings: Bindings,
    /// The Secret that the spec names.
    pub source: Option<Source>,
    /// The workloads that use it, as `NAMESPACE/NAME`.
    pub users: Vec<String>,
    /// The key of the value fingerprint.
    pub value_key: ValueKey,
    /// Whether the value is compared by reading it.
    pub compare_values: bool,
}

impl CredentialInputs {
    /// What the credential says of where it wants to live.
    pub fn claim(&self) -> Claim<'_> {
        let (spec, status) = (&self.credential.spec, self.credential.status.as_ref());
        Claim {
            namespace: &self.namespace,
            binding: spec.binding_ref.as_ref().map(|reference| reference.name.as_str()),
            region: spec.region.as_deref(),
            pinned: status.and_then(|status| status.target.as_ref()),
            bindings: &self.bindings,
        }
    }
}

/// A `PullNetwork` and everything it refers to.
#[derive(Debug, Clone)]
pub struct NetworkInputs {
    /// The network.
    pub network: PullNetwork,
    /// The cluster id, or `--owner` of the command line.
    pub cluster: String,
    /// What decides account and fences.
    pub bindings: Bindings,
    /// The other networks: only one may have a VPC.
    pub others: Vec<PullNetwork>,
    /// The workloads that name it, as `NAMESPACE/NAME`.
    pub users: Vec<String>,
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
    /// Files are all there is, and it is not among them.
    NotGiven,
}

/// How to give a Secret where there is no cluster.
pub const GIVE_SECRET: &str = "add its manifest to the files; or give it by --secret NAME=@FILE (a manifest, a Docker config.json, or a folder with a file for each key) or by --secret NAME=env:VARIABLE";
