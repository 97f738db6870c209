//! `plan`, `apply`, `delete` and `render` of files: the same core with no cluster.

use super::arguments::{Common, What};
use super::output::{self, Line};
use super::session::Session;
use super::{CHANGES, ERROR, OK, say};
use super::{networks, prune};
use crate::api::{ManagementPolicy, RegistryCredential};
use crate::converge::{Shared, converge, converge_credential, credential_from_nothing, from_nothing};
use crate::pass::{Pass, Round};
use crate::plan::{Action, Plan, Step, render};
use crate::problem::Problem;
use crate::prune::Departed;
use crate::status::{Reason, summarise_credential};
use anyhow::bail;
use jiff::Timestamp;
use kube::ResourceExt;
use std::sync::Arc;

/// What would change. What several workloads share is planned with the first of them.
pub(super) async fn plan(common: &Common, what: &What) -> anyhow::Result<u8> {
    prune::check(what)?;
    let mut session = Session::open(common, what).await?;
    session.plans_only = true;
    let found = if session.prune { prune::find(&mut session).await } else { Ok(Departed::default()) };
    let mut lines: Vec<Line> = networks::plan(&mut session).await;
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
    let (mut planned, mut statuses): (Vec<(String, Action)>, Vec<_>) = (vec![], vec![]);
    for workload in &session.objects.workloads {
        let inputs = session.inputs(workload, session.prune);
        let mut pass = converge(&session.accounts, &session.registries, &inputs, None, &mut Shared::default()).await;
        statuses.push(prune::status(workload, &pass));
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
    for (workload, status) in session.objects.workloads.iter_mut().zip(statuses) {
        Arc::make_mut(workload).status = status;
    }
    match found {
        Ok(departed) => lines.extend(prune::remove(&mut session, departed).await),
        Err(refused) => lines.extend(refused),
    }
    output::plan(&lines, what.output)?;
    Ok(output::plan_code(&lines))
}

/// Converges. With `--prune` what has left the files goes then, the new having been made before the old ends; and a second round, when
/// the needs of all are known, narrows what they share.
pub(super) async fn apply(common: &Common, what: &What) -> anyhow::Result<u8> {
    prune::check(what)?;
    let mut session = Session::open(common, what).await?;
    let mut lines = networks::apply(&mut session).await;
    for index in 0..session.objects.credentials.len() {
        let pass = session.converge_credential(index).await;
        lines.push(Line::of_credential(&session.objects.credentials[index], pass));
    }
    for index in 0..session.objects.workloads.len() {
        let pass = session.converge(index, false).await;
        lines.push(Line::new(&session.objects.workloads[index], pass));
    }
    if session.prune && prune::settle(&mut session, &mut lines).await {
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
        let pass = session.remove(&session.inputs(&workload, session.prune)).await;
        lines.push(Line::new(&workload, pass));
        session.objects.workloads.pop();
    }
    let used = !lines.iter().all(Line::is_good);
    for credential in session.objects.credentials.clone() {
        let pass = match used {
            true => Pass::Refused(vec![still_used(&credential)]),
            false => session.remove_credential(&session.credential_inputs(&credential)).await,
        };
        lines.push(Line::of_credential(&credential, pass));
    }
    lines.extend(networks::delete(&session, used).await);
    output::applied(&lines, what.output)?;
    Ok(if lines.iter().all(Line::is_good) { OK } else { ERROR })
}

/// A credential goes when the workloads of the files are gone, and not before.
pub(super) fn still_used(credential: &RegistryCredential) -> Problem {
    let rule = "workloads of these files are still there, and may pull with it";
    let field = format!("RegistryCredential {}", credential.name_any());
    Problem::of(Reason::DeletionBlocked, field, "", rule, "remove them first; what keeps them is told above")
}

/// The pass as one that found everything as it is: its facts count.
pub(super) fn as_if_written(round: &Round) -> Pass {
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
    if what.prune {
        bail!("--prune: render asks nobody what there is; `plan` shows what would go");
    }
    let mut session = Session::open(common, what).await?;
    session.plans_only = true;
    let (mut documents, mut code) = networks::render(&mut session);
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
        match from_nothing(&session.inputs(workload, true)) {
            Ok(plan) => {
                code = if plan.held.is_empty() { code } else { ERROR };
                documents.push(output::documents("workload", &output::name(&**workload), &plan));
            }
            Err(problems) => {
                code = ERROR;
                tell(&**workload, &problems);
            }
        }
    }
    output::value(&documents.into(), what.output)?;
    Ok(code)
}

pub(super) fn tell(object: &impl ResourceExt, problems: &[Problem]) {
    problems.iter().for_each(|problem| say(&format!("error: {}: {problem}", output::name(object))));
}

/// As the exit code of `plan`.
pub(super) fn code(converged: bool) -> u8 {
    if converged { OK } else { CHANGES }
}
