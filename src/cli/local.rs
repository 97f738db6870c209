//! `plan`, `apply`, `delete` and `render` of files: the same core with no cluster.

use super::arguments::{Common, What};
use super::files::{self, Objects};
use super::output::{self, Line};
use super::{CHANGES, ERROR, OK, say};
use crate::api::{ManagementPolicy, PrivateImageWorkload};
use crate::aws::Calls;
use crate::aws::accounts::Accounts;
use crate::controller::random_key;
use crate::converge::{Shared, converge, remove};
use crate::inputs::{Bindings, Inputs, Namespace, Source};
use crate::pass::Pass;
use crate::plan::{Action, Hold, Step, render};
use crate::registry::Registries;
use crate::resource::fingerprint::ValueKey;
use crate::resource::sealed::Sealed;
use crate::status::{goes_on, summarise};
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
}

impl Session {
    async fn open(common: &Common, what: &What) -> anyhow::Result<Self> {
        if what.files.is_empty() {
            bail!("no files are named; add -f PATH");
        }
        let objects = files::read(&what.files, common)?;
        let accounts = Arc::new(Accounts::load(common.aws_timeout(), Calls::new(|_| {})).await);
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
            owner: what.owner.clone().unwrap_or_else(|| OWNER.to_owned()),
            value_key,
            compare_values,
            prune: what.prune,
        })
    }

    /// The inputs of a pass. `siblings_complete` = what the files say is all there is.
    fn inputs(&self, workload: &PrivateImageWorkload, siblings_complete: bool) -> Inputs {
        let name = workload.namespace().unwrap_or_default();
        let labels = BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), name.clone())]);
        let namespace = Namespace { uid: name.clone(), labels, name: name.clone() };
        let mut namespace = self.objects.namespaces.get(&name).cloned().unwrap_or(namespace);
        namespace.labels.entry("kubernetes.io/metadata.name".to_owned()).or_insert_with(|| name.clone());
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
            let pass = converge(&self.accounts, &self.registries, &inputs, write, &mut Shared::default()).await;
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
            let pass = remove(&self.accounts, &self.inputs(workload, self.prune), write, &mut Shared::default()).await;
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
    let session = Session::open(common, what).await?;
    let mut lines: Vec<Line> = vec![];
    let mut planned: Vec<(String, Action)> = vec![];
    for workload in &session.objects.workloads {
        let inputs = session.inputs(workload, session.prune);
        let mut pass = converge(&session.accounts, &session.registries, &inputs, false, &mut Shared::default()).await;
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
    output::applied(&lines, what.output)?;
    Ok(if lines.iter().all(Line::is_good) { OK } else { ERROR })
}

/// Prints what AWS would receive if nothing existed yet.
pub(super) async fn render(common: &Common, what: &What) -> anyhow::Result<u8> {
    let session = Session::open(common, what).await?;
    let mut documents = vec![];
    let mut code = OK;
    for workload in &session.objects.workloads {
        match crate::converge::from_nothing(&session.inputs(workload, true)) {
            Ok(plan) => {
                code = if plan.held.is_empty() { code } else { ERROR };
                documents.push(output::documents(workload, &plan));
            }
            Err(problems) => {
                code = ERROR;
                problems.iter().for_each(|problem| {
                    say(&format!("error: {}/{}: {problem}", workload.namespace().unwrap_or_default(), workload.name_any()))
                });
            }
        }
    }
    output::value(&documents.into(), what.output)?;
    Ok(code)
}

/// As the exit code of `plan`.
pub(super) fn code(converged: bool) -> u8 {
    if converged { OK } else { CHANGES }
}
