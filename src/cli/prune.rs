//! `--prune`: what has left the files is found in AWS by its tags, and removed as `delete` removes it. [`crate::prune`] decides what
//! that is.

use super::local::{as_if_written, still_used};
use super::output::{self, Line};
use super::session::Session;
use crate::api::{DeletionPolicy, ExecutionRole, PrivateImageWorkload, PrivateImageWorkloadStatus, RegistryCredential};
use crate::converge::holdings;
use crate::desired::definition_names;
use crate::inputs::{Bindings, Namespace};
use crate::pass::{Facts, Pass, Round};
use crate::plan::{Action, Plan, Step};
use crate::problem::Problem;
use crate::prune::{Departed, Key, departed, key, may_use, uses};
use crate::status::{Reason, summarise};
use crate::target::{self, Claim, Target};
use jiff::Timestamp;
use kube::ResourceExt;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where the things of this owner may be: one listing, for whichever of these targets. They differ in identity only.
type Place = Vec<Target>;

/// What has left the files, from every place at once: where one cannot be looked at, nothing is removed anywhere. From then on what was
/// found counts among those that share something with the workloads of the files.
pub(super) async fn find(session: &mut Session) -> Result<Departed, Vec<Line>> {
    let (mut all, mut problems) = (Departed::default(), vec![]);
    let present = present(session);
    for place in places(session).map_err(|problem| vec![Line::of_prune(vec![problem])])? {
        let Some(first) = place.first() else { continue };
        let known = session.objects.workloads.iter().flat_map(|workload| definition_names(workload, first)).collect();
        match holdings(&session.accounts, first, &session.owner, &known).await {
            Ok(owned) => {
                let found = departed(&owned, &session.owner, &present, |namespace| {
                    admitting(session, &place, namespace).unwrap_or(first)
                });
                all.workloads.extend(found.workloads);
                all.credentials.extend(found.credentials);
                all.shared.extend(found.shared);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(vec![Line::of_prune(problems)]);
    }
    session.apart = all.workloads.iter().map(|workload| Arc::new(as_sibling(workload))).collect();
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
    let here: Vec<_> =
        session.objects.workloads.iter().chain(&session.apart).filter(|it| it.namespace().as_ref() == Some(&namespace)).collect();
    let is_left = |arn: &String| !going.contains(arn) && !here.iter().any(|workload| may_use(workload, arn));
    let status = stand_in.status.as_mut()?;
    status.secrets.retain(|secret| is_left(&secret.arn));
    if status.secrets.is_empty() {
        return None;
    }
    let mut inputs = session.inputs(&stand_in, true);
    inputs.bindings = bindings(session, &namespace, inputs.bindings);
    Some(Line::of_namespace(&namespace, session.remove(&inputs).await))
}

/// A credential stays while a workload pulls with it that is there, or that stays.
async fn remove_credential(session: &Session, credential: &RegistryCredential, arn: &str) -> Pass {
    let used = |workload: &&Arc<PrivateImageWorkload>| uses(workload, arn);
    let users: Vec<_> = session.objects.workloads.iter().chain(&session.apart).filter(used).collect();
    let mut inputs = session.credential_inputs(credential);
    inputs.bindings = bindings(session, &inputs.namespace.name, inputs.bindings);
    if users.is_empty() {
        return session.remove_credential(&inputs).await;
    }
    let retained = users.iter().all(|user| user.spec.deletion_policy == DeletionPolicy::Retain);
    match target::of_removal(&inputs.claim()) {
        Ok(target) if retained => {
            let users = users.iter().map(|user| output::name(&***user)).collect::<Vec<_>>().join(", ");
            let note = format!("secret {arn} stays: {users} pulls with it, and its deletionPolicy is Retain");
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

/// Every account and Region that the files lead to: by their AccountBindings, all Regions of each; without one, the Regions that the
/// objects name and the configured one.
fn places(session: &Session) -> Result<Vec<Place>, Problem> {
    let objects = &session.objects;
    let namespaces = objects.workloads.iter().map(|it| it.namespace()).chain(objects.credentials.iter().map(|it| it.namespace()));
    let namespaces: BTreeSet<String> = namespaces.flatten().collect();
    let mut found: Vec<Place> = vec![];
    let mut add = |target: Target| {
        let same = |place: &&mut Place| {
            place
                .first()
                .is_some_and(|it| it.account_id == target.account_id && it.region == target.region && it.names == target.names)
        };
        match found.iter_mut().find(same) {
            Some(place) => place.push(target),
            None => found.push(vec![target]),
        }
    };
    match &session.bindings {
        Bindings::Objects(bindings) => {
            for binding in bindings {
                let name = binding.name_any();
                let admitted = namespaces.iter().find(|namespace| admits(session, &name, namespace));
                for region in &binding.spec.regions {
                    add(target::of_binding(binding, region.clone(), admitted.map(String::as_str).unwrap_or_default())?);
                }
            }
        }
        Bindings::Ambient { region, .. } => {
            let named = objects.workloads.iter().map(|it| it.spec.region.clone());
            let named = named.chain(objects.credentials.iter().map(|it| it.spec.region.clone()));
            let regions: BTreeSet<String> = named.chain([region.clone()]).flatten().collect();
            let (namespace, bindings) = (&Namespace::default(), &session.bindings);
            for region in regions {
                let region = Some(region.as_str());
                add(target::choose(&Claim { namespace, binding: None, region, pinned: None, bindings })?);
            }
        }
    }
    Ok(found)
}

/// The target of a place whose AccountBinding admits a namespace.
fn admitting<'a>(session: &Session, place: &'a Place, namespace: &str) -> Option<&'a Target> {
    place.iter().find(|target| target.binding.as_ref().is_none_or(|binding| admits(session, binding, namespace)))
}

fn admits(session: &Session, binding: &str, namespace: &str) -> bool {
    match &session.bindings {
        Bindings::Objects(all) => target::admits(all, binding, &session.namespace(namespace)),
        Bindings::Ambient { .. } => true,
    }
}

/// The AccountBindings for a removal. Where a namespace has left the files together with its objects, nobody knows its labels any
/// more; the tags say that the binding led there.
fn bindings(session: &Session, namespace: &str, bindings: Bindings) -> Bindings {
    match bindings {
        Bindings::Objects(mut all) if !session.objects.namespaces.contains_key(namespace) => {
            all.iter_mut().for_each(|binding| binding.spec.namespace_selector = Some(Default::default()));
            Bindings::Objects(all)
        }
        other => other,
    }
}
