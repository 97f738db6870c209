//! `--prune`: what has left the files is found in AWS by its tags, and removed as `delete` removes it. [`crate::prune`] decides what
//! that is.

mod places;

use super::arguments::What;
use super::local::{as_if_written, still_used};
use super::output::{self, Line};
use super::session::Session;
use crate::api::{DeletionPolicy, ExecutionRole, PrivateImageWorkload, PrivateImageWorkloadStatus, RegistryCredential};
use crate::pass::{Facts, Pass, Round};
use crate::plan::{Action, Plan, Step};
use crate::problem::Problem;
use crate::prune::{Departed, Key, departed, keepers, key, may_use, staying, uses};
use crate::status::{Reason, names_credential, summarise};
use crate::target;
use anyhow::bail;
use jiff::Timestamp;
use kube::ResourceExt;
use places::{admitting, bindings};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Others may use the owner that stands in where none is named, for other files.
pub(super) fn check(what: &What) -> anyhow::Result<()> {
    if what.prune && what.owner.as_ref().is_none_or(String::is_empty) {
        bail!(
            "--prune: no --owner is named (nor $WHARFINGER_OWNER), and what others applied without one would go, since these files do not have it; name an owner that only these files have"
        );
    }
    Ok(())
}

/// What has left the files, from every place at once: where one cannot be looked at, nothing is removed anywhere. From then on what was
/// found counts among those that share something with the workloads of the files, and so does what stays registered.
pub(super) async fn find(session: &mut Session) -> Result<Departed, Vec<Line>> {
    let found = places::look(session).await.map_err(|problems| vec![Line::of_prune(problems)])?;
    let (mut all, present) = (Departed::default(), present(session));
    let keepers = keepers(found.iter().map(|(_, owned)| owned), &session.owner);
    let mut apart = vec![];
    for (place, owned) in &found {
        let Some(first) = place.first() else { continue };
        let reach = |namespace: &str| admitting(session, place, namespace).unwrap_or(first);
        let gone = departed(owned, &session.owner, &present, reach);
        let known = places::known(session, first);
        apart.extend(gone.workloads.iter().map(as_sibling));
        apart.extend(staying(owned, &session.owner, &present, &keepers, &known, reach).iter().map(as_sibling));
        all.workloads.extend(gone.workloads);
        all.credentials.extend(gone.credentials);
        all.shared.extend(gone.shared);
    }
    session.apart = apart.into_iter().map(Arc::new).collect();
    Ok(all)
}

/// After the files have converged: removes what has left them. Whether what is shared may be narrowed then.
pub(super) async fn settle(session: &mut Session, lines: &mut Vec<Line>) -> bool {
    let departed = match find(session).await {
        Ok(departed) => departed,
        Err(refused) => {
            lines.extend(refused);
            return false;
        }
    };
    let bad: Vec<String> = lines.iter().filter(|line| !line.is_good()).map(Line::what).collect();
    match bad.is_empty() {
        true => lines.extend(remove(session, departed).await),
        false if departed.workloads.is_empty() && departed.credentials.is_empty() => {}
        false => lines.push(Line::of_prune(vec![unfinished(&bad)])),
    }
    true
}

/// The new is made before the old ends.
fn unfinished(bad: &[String]) -> Problem {
    let rule = "these are not as the files say, so what has left the files stays as well";
    Problem::of(Reason::DeletionBlocked, "--prune", bad.join(", "), rule, "mend what is told of them above, then run it again")
}

/// Removes, or only plans to: workloads first, the last one takes along what it shares; then what workloads left; then credentials.
pub(super) async fn remove(session: &mut Session, departed: Departed) -> Vec<Line> {
    let (mut lines, mut going) = (vec![], BTreeSet::new());
    for workload in departed.workloads {
        let sibling = Arc::new(as_sibling(&workload));
        session.apart.retain(|other| *other != sibling);
        let mut inputs = session.inputs(&workload, true);
        inputs.bindings = bindings(session, &workload.namespace().unwrap_or_default(), inputs.bindings);
        let pass = session.remove(&inputs).await;
        if workload.spec.deletion_policy == DeletionPolicy::Retain || !goes(session, &pass) {
            session.apart.push(sibling);
        } else {
            going.extend(workload.status.iter().flat_map(|status| &status.secrets).map(|secret| secret.arn.clone()));
        }
        going.extend(deleted(&pass));
        lines.push(Line::new(&workload, pass).pruned());
    }
    for stand_in in departed.shared {
        lines.extend(remove_shared(session, stand_in, &going).await);
    }
    for (credential, arn) in departed.credentials {
        let pass = remove_credential(session, &credential, &arn).await;
        lines.push(Line::of_credential(&credential, pass).pruned());
    }
    lines
}

/// Removes secrets that no workload uses any more: what is left of a removal that was cut off.
async fn remove_shared(session: &Session, mut stand_in: PrivateImageWorkload, going: &BTreeSet<String>) -> Option<Line> {
    let namespace = stand_in.namespace().unwrap_or_default();
    let here = session.objects.workloads.iter().filter(|it| it.namespace().as_ref() == Some(&namespace));
    let users: Vec<_> = here.chain(&session.apart).collect();
    let is_left = |arn: &String| !going.contains(arn) && !users.iter().any(|workload| may_use(workload, arn));
    let status = stand_in.status.as_mut()?;
    status.secrets.retain(|secret| is_left(&secret.arn));
    if status.secrets.is_empty() {
        return None;
    }
    let mut inputs = session.inputs(&stand_in, true);
    inputs.bindings = bindings(session, &namespace, inputs.bindings);
    Some(Line::of_namespace(&namespace, session.remove(&inputs).await))
}

/// A credential stays while a workload that is there pulls with it by its spec, or a registered revision does. What workloads of the files
/// have registered stands apart, so nothing is asked of one that was not looked at itself, such as a suspended one.
async fn remove_credential(session: &Session, credential: &RegistryCredential, arn: &str) -> Pass {
    let here = &session.objects.workloads;
    let blocks = |it: &&Arc<PrivateImageWorkload>| names_credential(it, credential) || uses(it, arn);
    let recorded = here.iter().filter(|it| it.status.is_some() && !it.spec.suspend);
    let users: Vec<_> = recorded.chain(&session.apart).filter(|it| may_use(it, arn)).collect();
    let stays = |it: &&Arc<PrivateImageWorkload>| it.spec.deletion_policy == DeletionPolicy::Retain;
    let goes = session.apart.iter().any(|it| may_use(it, arn) && !stays(&it));
    let blocked = goes || here.iter().any(|it| blocks(&it));
    let mut inputs = session.credential_inputs(credential);
    inputs.bindings = bindings(session, &inputs.namespace.name, inputs.bindings);
    if users.is_empty() && !blocked {
        return session.remove_credential(&inputs).await;
    }
    match target::of_removal(&inputs.claim()) {
        Ok(target) if !blocked => {
            let users = users.iter().map(|user| output::name(&***user)).collect::<Vec<_>>().join(", ");
            let note = format!("secret {arn} stays: {users} pulls with it, and stays registered");
            let (plan, facts) = (Plan { notes: vec![note], ..Plan::default() }, Facts::default());
            Pass::Done(Box::new(Round { target, plan, outcomes: Some(vec![]), warnings: vec![], facts }))
        }
        _ => Pass::Refused(vec![still_used(credential)]),
    }
}

/// Whether a workload has no part in what is shared any more: its revisions are gone, or for a plan will be. What else of it could not
/// be removed is found again.
fn goes(session: &Session, pass: &Pass) -> bool {
    let Pass::Done(round) = pass else { return false };
    let ends = |step: &&Step| matches!(step.action, Action::DeregisterDefinition { .. });
    let ended = round.done().filter(ends).count() == round.plan.steps.iter().filter(ends).count();
    round.plan.held.is_empty() && (session.plans_only || ended)
}

/// ARNs of the secrets that a pass deletes.
fn deleted(pass: &Pass) -> Vec<String> {
    let Pass::Done(round) = pass else { return vec![] };
    let steps = round.plan.steps.iter().filter_map(|step| match &step.action {
        Action::DeleteSecret { arn, .. } => Some(arn.clone()),
        _ => None,
    });
    steps.collect()
}

/// What is known of a workload that a plan found as it should be. Of another it is not known yet what it needs.
pub(super) fn status(workload: &PrivateImageWorkload, pass: &Pass) -> Option<PrivateImageWorkloadStatus> {
    match pass {
        Pass::Done(round) if round.plan.is_converged() => Some(summarise(workload, &as_if_written(round), Timestamp::now())),
        _ => None,
    }
}

/// As one that shares what the others do. One of its name may be in another Region, or in the files. It has no part in a role but in
/// those that its revisions name.
fn as_sibling(workload: &PrivateImageWorkload) -> PrivateImageWorkload {
    let mut sibling = workload.clone();
    let region = workload.spec.region.as_deref().unwrap_or_default();
    sibling.metadata.name = Some(format!("{} in {region}", workload.name_any()));
    sibling.spec.execution_role = Some(ExecutionRole { arn: Some("departed".to_owned()), ..Default::default() });
    sibling
}

/// The objects of the files.
fn present(session: &Session) -> BTreeSet<Key> {
    let objects = &session.objects;
    let workloads = objects.workloads.iter().map(|it| (it.namespace(), "PrivateImageWorkload", it.name_any()));
    let credentials = objects.credentials.iter().map(|it| (it.namespace(), "RegistryCredential", it.name_any()));
    workloads.chain(credentials).map(|(namespace, kind, name)| key(&namespace.unwrap_or_default(), kind, &name)).collect()
}
