//! Files, read and ready for passes: what `plan`, `apply`, `delete` and `render` work on.

mod networks;

use super::arguments::{Common, What};
use super::files::{self, Objects};
use super::say;
use crate::api::{CredentialSecretStatus, ManagementPolicy, PrivateImageWorkload, PullNetwork, RegistryCredential, TargetStatus};
use crate::aws::Calls;
use crate::aws::accounts::Accounts;
use crate::controller::random_key;
use crate::converge::{Shared, converge, converge_credential, remove, remove_credential};
use crate::inputs::{Bindings, CredentialInputs, Inputs, Namespace, Source};
use crate::leader::WritePermit;
use crate::pass::Pass;
use crate::plan::{Action, Hold, Plan, pending_arn};
use crate::registry::Registries;
use crate::resource::fingerprint::ValueKey;
use crate::resource::sealed::Sealed;
use crate::status::{credential_users, goes_on, planned_network, summarise, summarise_credential};
use anyhow::{Context, anyhow, bail};
use jiff::Timestamp;
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The owner in tags where none is named.
const OWNER: &str = "command-line";
const NAME_ACCOUNT: &str = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; or name the account by an AccountBinding in the files or by --account-id; `wharfinger doctor` looks closer";
const NOWHERE: &str = "so --prune does not know where in AWS to look, and removes nothing: name the right folder, or remove the last objects by `wharfinger delete -f` and the files that they stood in";
/// Seconds between passes over one workload while AWS throttles or fails.
const WAITS: [u64; 4] = [1, 2, 4, 8];

/// Files, read and ready for passes.
pub(super) struct Session {
    pub(super) objects: Objects,
    pub(super) accounts: Arc<Accounts>,
    pub(super) registries: Registries,
    pub(super) bindings: Bindings,
    pub(super) owner: String,
    value_key: ValueKey,
    compare_values: bool,
    pub(super) prune: bool,
    /// Workloads that are in AWS and not in the files any more: they count among those that share something.
    pub(super) apart: Vec<Arc<PrivateImageWorkload>>,
    permit: WritePermit,
    /// Whether nothing is written.
    pub(super) plans_only: bool,
}

impl Session {
    pub(super) async fn open(common: &Common, what: &What) -> anyhow::Result<Self> {
        if what.files.is_empty() {
            bail!("no files are named; add -f PATH");
        }
        let objects =
            files::read(&what.files, &what.secrets, common, what.prune).map_err(|error| match error.downcast_ref() {
                Some(files::NoObjects(_)) if what.prune => anyhow!("{error}; {NOWHERE}"),
                _ => error,
            })?;
        let owner = what.owner.clone().unwrap_or_else(|| OWNER.to_owned());
        let accounts = Arc::new(Accounts::load(common.aws_timeout(), Calls::new(|_| {}), &owner).await);
        let bindings = if objects.bindings.is_empty() {
            let account_id = match &what.account_id {
                Some(id) => id.clone(),
                None => accounts
                    .ambient_account()
                    .await
                    .map_err(|failure| anyhow!("the AWS account is not known: {failure}; {NAME_ACCOUNT}"))?,
            };
            Bindings::Ambient { account_id, region: accounts.region() }
        } else {
            Bindings::Objects(objects.bindings.clone())
        };
        let key = given_key(what)?;
        let compare_values = key.is_none();
        let value_key = ValueKey::new(key.unwrap_or_else(|| Sealed::new(random_key()))).map_err(|error| anyhow!(error))?;
        Ok(Self {
            objects,
            accounts,
            registries: common.registries()?,
            bindings,
            owner,
            value_key,
            compare_values,
            prune: what.prune,
            apart: vec![],
            permit: WritePermit::without_cluster(),
            plans_only: false,
        })
    }

    /// A namespace of the files, or one that is known by its name only.
    pub(super) fn namespace(&self, name: &str) -> Namespace {
        let known = self.objects.namespaces.get(name).cloned();
        let mut namespace =
            known.unwrap_or_else(|| Namespace { uid: name.to_owned(), labels: BTreeMap::new(), name: name.to_owned() });
        namespace.labels.entry("kubernetes.io/metadata.name".to_owned()).or_insert_with(|| name.to_owned());
        namespace
    }

    /// A Secret that an object names.
    fn source(&self, key: &(String, String)) -> Source {
        self.objects.secrets.get(key).cloned().unwrap_or(Source::NotGiven)
    }

    /// The network of the files that a workload names. Where nothing is written, as it will be when it is made.
    fn network(&self, workload: &PrivateImageWorkload) -> Option<PullNetwork> {
        let name = &workload.spec.pull_network_ref.as_ref()?.name;
        let found = self.objects.networks.iter().find(|network| network.name_any() == *name)?;
        Some(if self.plans_only { planned_network(found) } else { found.clone() })
    }

    /// The inputs of a pass over a credential.
    pub(super) fn credential_inputs(&self, credential: &RegistryCredential) -> CredentialInputs {
        let name = credential.namespace().unwrap_or_default();
        let named = credential.spec.secret_ref.as_ref().map(|reference| (name.clone(), reference.name.clone()));
        CredentialInputs {
            credential: credential.clone(),
            cluster: self.owner.clone(),
            bindings: self.bindings.clone(),
            source: named.map(|key| self.source(&key)),
            users: credential_users(self.objects.workloads.iter().map(|it| &**it), credential),
            value_key: self.value_key.clone(),
            compare_values: self.compare_values,
            namespace: self.namespace(&name),
        }
    }

    /// Passes over one credential until it is right, or only somebody can help.
    pub(super) async fn converge_credential(&mut self, index: usize) -> Pass {
        let mut waits = WAITS.iter();
        loop {
            let credential = self.objects.credentials[index].clone();
            let write = credential.spec.management_policy == ManagementPolicy::Full;
            let inputs = self.credential_inputs(&credential);
            let pass = converge_credential(&self.accounts, &inputs, write.then_some(&self.permit)).await;
            let status = summarise_credential(&credential, &pass, &inputs.users, Timestamp::now());
            self.objects.credentials[index].status = Some(status);
            match next_wait(&pass, &mut waits) {
                Some(wait) => pause(wait).await,
                None => return pass,
            }
        }
    }

    /// Takes a credential's secret for made, so that workloads can be planned with it.
    pub(super) fn imagine(&mut self, index: usize, plan: &Plan, target: &TargetStatus) {
        let created = plan.steps.iter().find_map(|step| match &step.action {
            Action::CreateSecret { name, kms_key_id, .. } => Some((name.clone(), kms_key_id.clone())),
            _ => None,
        });
        if let Some((name, kms_key_arn)) = created {
            let status = self.objects.credentials[index].status.get_or_insert_default();
            let arn = pending_arn(&name);
            status.secret = Some(CredentialSecretStatus { name: Some(name), arn, kms_key_arn, ..Default::default() });
            status.target = Some(target.clone());
        }
    }

    /// Passes that remove one credential until it is gone, or only somebody can help.
    pub(super) async fn remove_credential(&self, inputs: &CredentialInputs) -> Pass {
        let write = inputs.credential.spec.management_policy == ManagementPolicy::Full && !self.plans_only;
        let mut waits = WAITS.iter();
        loop {
            let pass = remove_credential(&self.accounts, inputs, write.then_some(&self.permit)).await;
            match next_wait(&pass, &mut waits) {
                Some(wait) => pause(wait).await,
                None => return pass,
            }
        }
    }

    /// The inputs of a pass. `siblings_complete` = what the files say is all there is.
    pub(super) fn inputs(&self, workload: &PrivateImageWorkload, siblings_complete: bool) -> Inputs {
        let name = workload.namespace().unwrap_or_default();
        let namespace = self.namespace(&name);
        let of_namespace = |credential: &&RegistryCredential| credential.namespace().as_ref() == Some(&name);
        let credentials = self.objects.credentials.iter().filter(of_namespace);
        let named = workload.spec.credentials.iter().filter_map(|credential| credential.secret_ref.as_ref());
        let named = named.chain(credentials.filter_map(|credential| credential.spec.secret_ref.as_ref()));
        let of_name = |secret: &String| (secret.clone(), self.source(&(name.clone(), secret.clone())));
        Inputs {
            workload: workload.clone(),
            cluster: self.owner.clone(),
            namespace,
            bindings: self.bindings.clone(),
            sources: named.map(|reference| of_name(&reference.name)).collect(),
            siblings: self
                .objects
                .workloads
                .iter()
                .chain(&self.apart)
                .filter(|sibling| sibling.namespace().as_ref() == Some(&name))
                .cloned()
                .collect(),
            siblings_complete,
            credentials: self.objects.credentials.clone(),
            planned_credentials: self.plans_only,
            strangers: vec![],
            network: self.network(workload),
            value_key: self.value_key.clone(),
            compare_values: self.compare_values,
        }
    }

    /// Passes over one workload until it is right, or only somebody can help.
    pub(super) async fn converge(&mut self, index: usize, siblings_complete: bool) -> Pass {
        let write = self.objects.workloads[index].spec.management_policy == ManagementPolicy::Full;
        let mut waits = WAITS.iter();
        loop {
            let inputs = self.inputs(&self.objects.workloads[index], siblings_complete);
            let permit = write.then_some(&self.permit);
            let pass = converge(&self.accounts, &self.registries, &inputs, permit, &mut Shared::default()).await;
            // Without a cluster the status lives as long as the command: it tells later passes what this workload needs.
            let status = Some(summarise(&inputs.workload, &pass, Timestamp::now()));
            Arc::make_mut(&mut self.objects.workloads[index]).status = status;
            let status = self.objects.workloads[index].status.as_ref();
            let unfinished = write && status.is_some_and(|status| goes_on(&inputs.workload, status, wrote(&pass)));
            match (unfinished, next_wait(&pass, &mut waits)) {
                (true, None) => {}
                (_, Some(wait)) => pause(wait).await,
                (false, None) => return pass,
            }
        }
    }

    /// Passes that remove one workload until it is gone, or only somebody can help.
    pub(super) async fn remove(&self, inputs: &Inputs) -> Pass {
        let write = inputs.workload.spec.management_policy == ManagementPolicy::Full && !self.plans_only;
        let mut waits = WAITS.iter();
        loop {
            let pass = remove(&self.accounts, inputs, write.then_some(&self.permit), &mut Shared::default()).await;
            match next_wait(&pass, &mut waits) {
                Some(wait) => pause(wait).await,
                None => return pass,
            }
        }
    }
}

async fn pause(wait: Duration) {
    say(&format!("AWS is busy; next try in {} s", wait.as_secs().max(1)));
    tokio::time::sleep(wait).await;
}

/// Whether a pass wrote something.
fn wrote(pass: &Pass) -> bool {
    matches!(pass, Pass::Done(round) if round.done().next().is_some())
}

/// How long to wait before another try; none where that would not help. A call that was only held back says when its turn is.
fn next_wait(pass: &Pass, waits: &mut std::slice::Iter<u64>) -> Option<Duration> {
    let Pass::Done(round) = pass else { return None };
    round.outcomes.as_ref()?;
    let held = round.plan.held.iter().find_map(|held| match &held.hold {
        Hold::Unobserved(failure) => Some(failure),
        _ => None,
    });
    round.failure().or(held).filter(|failure| failure.passes())?;
    round.turn().or_else(|| waits.next().map(|seconds| Duration::from_secs(*seconds)))
}

fn given_key(what: &What) -> anyhow::Result<Option<Sealed>> {
    if let Some(file) = &what.value_key_file {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        return Ok(Some(Sealed::new(text)));
    }
    Ok(std::env::var("WHARFINGER_VALUE_KEY").ok().map(Sealed::new))
}
