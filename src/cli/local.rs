//! `plan`, `apply`, `delete` and `render` of files: the same core with no cluster.

use super::arguments::{Common, What};
use super::files::{self, Objects};
use super::output::{self, Line};
use super::{CHANGES, ERROR, OK, say};
use crate::api::{
    CredentialSecretStatus, DeletionPolicy, ManagementPolicy, PrivateImageWorkload, RegistryCredential, TargetStatus,
};
use crate::aws::Calls;
use crate::aws::accounts::Accounts;
use crate::controller::random_key;
use crate::converge::{Shared, converge, converge_credential, credential_from_nothing, remove, remove_credential};
use crate::inputs::{Bindings, CredentialInputs, Inputs, Namespace, Source};
use crate::leader::WritePermit;
use crate::pass::{Pass, Round};
use crate::plan::{Action, Hold, Plan, Step, pending_arn, render};
use crate::problem::Problem;
use crate::registry::Registries;
use crate::resource::fingerprint::ValueKey;
use crate::resource::sealed::Sealed;
use crate::status::{Reason, credential_users, goes_on, summarise, summarise_credential};
use anyhow::{Context, anyhow, bail};
use jiff::Timestamp;
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The owner in tags where none is named.
const OWNER: &str = "command-line";
/// Seconds between passes over one workload while AWS throttles or fails.
const WAITS: [u64; 4] = [1, 2, 4, 8];

/// Files, read and ready for passes.
struct Session {
    objects: Objects,
    accounts: Arc<Accounts>,
    registries: Registries,
    bindings: Bindings,
    owner: String,
    value_key: ValueKey,
    compare_values: bool,
    prune: bool,
    permit: WritePermit,
    /// Whether nothing is written.
    plans_only: bool,
}

impl Session {
    async fn open(common: &Common, what: &What) -> anyhow::Result<Self> {
        if what.files.is_empty() {
            bail!("no files are named; add -f PATH");
        }
        let objects = files::read(&what.files, common)?;
        let owner = what.owner.clone().unwrap_or_else(|| OWNER.to_owned());
        let accounts = Arc::new(Accounts::load(common.aws_timeout(), Calls::new(|_| {}), &owner).await);
        let bindings = if objects.bindings.is_empty() {
            let account_id = match &what.account_id {
                Some(id) => id.clone(),
                None => accounts
                    .ambient_account()
                    .await
                    .map_err(|failure| anyhow!("{failure}"))
                    .context("the AWS account is not known")?,
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
            permit: WritePermit::without_cluster(),
            plans_only: false,
        })
    }

    /// A namespace of the files, or one that is known by its name only.
    fn namespace(&self, name: &str) -> Namespace {
        let known = self.objects.namespaces.get(name).cloned();
        let mut namespace =
            known.unwrap_or_else(|| Namespace { uid: name.to_owned(), labels: BTreeMap::new(), name: name.to_owned() });
        namespace.labels.entry("kubernetes.io/metadata.name".to_owned()).or_insert_with(|| name.to_owned());
        namespace
    }

    /// The inputs of a pass over a credential.
    fn credential_inputs(&self, credential: &RegistryCredential) -> CredentialInputs {
        let name = credential.namespace().unwrap_or_default();
        let named = credential.spec.secret_ref.as_ref().map(|reference| (name.clone(), reference.name.clone()));
        CredentialInputs {
            credential: credential.clone(),
            cluster: self.owner.clone(),
            bindings: self.bindings.clone(),
            source: named.and_then(|key| self.objects.secrets.get(&key).cloned()),
            users: credential_users(self.objects.workloads.iter(), credential),
            value_key: self.value_key.clone(),
            compare_values: self.compare_values,
            namespace: self.namespace(&name),
        }
    }

    /// Passes over one credential until it is right, or only somebody can help.
    async fn converge_credential(&mut self, index: usize) -> Pass {
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
    fn imagine(&mut self, index: usize, plan: &Plan, target: &TargetStatus) {
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
    async fn remove_credential(&self, credential: &RegistryCredential) -> Pass {
        let write = credential.spec.management_policy == ManagementPolicy::Full;
        let retained = credential.spec.deletion_policy == DeletionPolicy::Retain;
        let mut waits = WAITS.iter();
        loop {
            let permit = (write && !retained).then_some(&self.permit);
            let pass = remove_credential(&self.accounts, &self.credential_inputs(credential), permit).await;
            match next_wait(&pass, &mut waits) {
                Some(wait) => pause(wait).await,
                None => return pass,
            }
        }
    }

    /// The inputs of a pass. `siblings_complete` = what the files say is all there is.
    fn inputs(&self, workload: &PrivateImageWorkload, siblings_complete: bool) -> Inputs {
        let name = workload.namespace().unwrap_or_default();
        let namespace = self.namespace(&name);
        let of_namespace = |((namespace, secret), source): (&(String, String), &Source)| {
            (*namespace == name).then(|| (secret.clone(), source.clone()))
        };
        Inputs {
            workload: workload.clone(),
            cluster: self.owner.clone(),
            namespace,
            bindings: self.bindings.clone(),
            sources: self.objects.secrets.iter().filter_map(of_namespace).collect(),
            siblings: self
                .objects
                .workloads
                .iter()
                .filter(|sibling| sibling.namespace().as_ref() == Some(&name))
                .cloned()
                .collect(),
            siblings_complete,
            credentials: self.objects.credentials.clone(),
            planned_credentials: self.plans_only,
            strangers: vec![],
            value_key: self.value_key.clone(),
            compare_values: self.compare_values,
        }
    }

    /// Passes over one workload until it is right, or only somebody can help.
    async fn converge(&mut self, index: usize, siblings_complete: bool) -> Pass {
        let write = self.objects.workloads[index].spec.management_policy == ManagementPolicy::Full;
        let mut waits = WAITS.iter();
        loop {
            let inputs = self.inputs(&self.objects.workloads[index], siblings_complete);
            let permit = write.then_some(&self.permit);
            let pass = converge(&self.accounts, &self.registries, &inputs, permit, &mut Shared::default()).await;
            // Without a cluster the status lives as long as the command: it tells later passes what this workload needs.
            self.objects.workloads[index].status = Some(summarise(&inputs.workload, &pass, Timestamp::now()));
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
    async fn remove(&self, workload: &PrivateImageWorkload) -> Pass {
        let write = workload.spec.management_policy == ManagementPolicy::Full;
        let mut waits = WAITS.iter();
        loop {
            let (inputs, permit) = (self.inputs(workload, self.prune), write.then_some(&self.permit));
            let pass = remove(&self.accounts, &inputs, permit, &mut Shared::default()).await;
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

/// What would change. What several workloads share is planned with the first of them.
pub(super) async fn plan(common: &Common, what: &What) -> anyhow::Result<u8> {
    let mut session = Session { plans_only: true, ..Session::open(common, what).await? };
    let mut lines: Vec<Line> = vec![];
    for (index, credential) in session.objects.credentials.clone().iter().enumerate() {
        let inputs = session.credential_inputs(credential);
        let pass = converge_credential(&session.accounts, &inputs, None).await;
        if let Pass::Done(round) = &pass {
            session.objects.credentials[index].status =
                Some(summarise_credential(credential, &as_if_written(round), &inputs.users, Timestamp::now()));
            session.imagine(index, &round.plan, &round.target.status());
        }
        lines.push(Line::of_credential(credential, pass));
    }
    let mut planned: Vec<(String, Action)> = vec![];
    for workload in &session.objects.workloads {
        let inputs = session.inputs(workload, session.prune);
        let mut pass = converge(&session.accounts, &session.registries, &inputs, None, &mut Shared::default()).await;
        if let Pass::Done(round) = &mut pass
            && workload.spec.management_policy == ManagementPolicy::Full
        {
            let account = &round.target.account_id;
            let is_new = |step: &Step| !planned.contains(&(account.clone(), step.action.clone()));
            let (new, shared): (Vec<Step>, Vec<Step>) = round.plan.steps.drain(..).partition(is_new);
            planned.extend(new.iter().map(|step| (account.clone(), step.action.clone())));
            round.plan.notes.extend(shared.iter().map(|step| format!("shared, as above: {}", render::done(step))));
            round.plan.steps = new;
        }
        lines.push(Line::new(workload, pass));
    }
    output::plan(&lines, what.output)?;
    Ok(output::plan_code(&lines))
}

/// Converges. With `--prune` a second round, when the needs of all are known, narrows what they share.
pub(super) async fn apply(common: &Common, what: &What) -> anyhow::Result<u8> {
    let mut session = Session::open(common, what).await?;
    let mut lines = vec![];
    for index in 0..session.objects.credentials.len() {
        let pass = session.converge_credential(index).await;
        lines.push(Line::of_credential(&session.objects.credentials[index], pass));
    }
    for index in 0..session.objects.workloads.len() {
        let pass = session.converge(index, false).await;
        lines.push(Line::new(&session.objects.workloads[index], pass));
    }
    if session.prune {
        for index in 0..session.objects.workloads.len() {
            let pass = session.converge(index, true).await;
            lines.push(Line::new(&session.objects.workloads[index], pass));
        }
    }
    output::applied(&lines, what.output)?;
    Ok(if lines.iter().all(Line::is_good) { OK } else { ERROR })
}

/// Removes, one workload after the other; the last one that uses a shared thing takes it along.
pub(super) async fn delete(common: &Common, what: &What) -> anyhow::Result<u8> {
    let mut session = Session::open(common, what).await?;
    let mut lines = vec![];
    while let Some(workload) = session.objects.workloads.last().cloned() {
        let pass = session.remove(&workload).await;
        lines.push(Line::new(&workload, pass));
        session.objects.workloads.pop();
    }
    let used = !lines.iter().all(Line::is_good);
    for credential in session.objects.credentials.clone() {
        let pass = match used {
            true => Pass::Refused(vec![still_used(&credential)]),
            false => session.remove_credential(&credential).await,
        };
        lines.push(Line::of_credential(&credential, pass));
    }
    output::applied(&lines, what.output)?;
    Ok(if lines.iter().all(Line::is_good) { OK } else { ERROR })
}

/// A credential goes when the workloads of the files are gone, and not before.
fn still_used(credential: &RegistryCredential) -> Problem {
    let rule = "workloads of these files are still there, and may pull with it";
    let field = format!("RegistryCredential {}", credential.name_any());
    Problem::of(Reason::DeletionBlocked, field, "", rule, "remove them first; what keeps them is told above")
}

/// The pass as one that found everything as it is: its facts count.
fn as_if_written(round: &Round) -> Pass {
    Pass::Done(Box::new(Round {
        target: round.target.clone(),
        plan: Plan::default(),
        outcomes: Some(vec![]),
        warnings: vec![],
        facts: round.facts.clone(),
    }))
}

/// Prints what AWS would receive if nothing existed yet.
pub(super) async fn render(common: &Common, what: &What) -> anyhow::Result<u8> {
    let mut session = Session { plans_only: true, ..Session::open(common, what).await? };
    let mut documents = vec![];
    let mut code = OK;
    for (index, credential) in session.objects.credentials.clone().iter().enumerate() {
        let inputs = session.credential_inputs(credential);
        match credential_from_nothing(&inputs) {
            Ok((target, plan)) => {
                code = if plan.held.is_empty() { code } else { ERROR };
                session.imagine(index, &plan, &target.status());
                documents.push(output::documents("registryCredential", &output::name(credential), &plan));
            }
            Err(problems) => {
                code = ERROR;
                tell(credential, &problems);
            }
        }
    }
    for workload in &session.objects.workloads {
        match crate::converge::from_nothing(&session.inputs(workload, true)) {
            Ok(plan) => {
                code = if plan.held.is_empty() { code } else { ERROR };
                documents.push(output::documents("workload", &output::name(workload), &plan));
            }
            Err(problems) => {
                code = ERROR;
                tell(workload, &problems);
            }
        }
    }
    output::value(&documents.into(), what.output)?;
    Ok(code)
}

fn tell(object: &impl ResourceExt, problems: &[Problem]) {
    problems.iter().for_each(|problem| say(&format!("error: {}: {problem}", output::name(object))));
}

/// As the exit code of `plan`.
pub(super) fn code(converged: bool) -> u8 {
    if converged { OK } else { CHANGES }
}
