//! Where `--prune` looks.

use crate::api::PrivateImageWorkload;
use crate::cli::session::Session;
use crate::converge::{holdings, role_seen};
use crate::desired::{definition_names, role_name};
use crate::inputs::{Bindings, Namespace};
use crate::problem::Problem;
use crate::prune::{Owned, divide, granted_regions, roles};
use crate::resource::names;
use crate::resource::policy::trusted_regions;
use crate::status::Reason;
use crate::target::{self, Claim, Target};
use kube::ResourceExt;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where the things of this owner may be: one listing, for whichever of these targets. They differ in identity only.
pub(super) type Place = Vec<Target>;

/// What is in every place: where one cannot be looked at, nothing counts as seen. Roles are of all Regions, so a place that a role
/// still grants something in is looked at as well.
pub(super) async fn look(session: &Session) -> Result<Vec<(Place, Owned)>, Vec<Problem>> {
    let mut ahead = places(session).map_err(|problem| vec![problem])?;
    let (mut found, mut problems) = (vec![], vec![]);
    while !ahead.is_empty() {
        for place in std::mem::take(&mut ahead) {
            let Some(first) = place.first() else { continue };
            match holdings(&session.accounts, first, &session.owner, &known(session, first)).await {
                Ok(owned) => found.push((place, owned)),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        ahead = elsewhere(session, &found).await.map_err(|problem| vec![problem])?;
    }
    divide(&mut found);
    Ok(found)
}

/// Names of definitions of the files' workloads that live in this place.
pub(super) fn known(session: &Session, target: &Target) -> BTreeSet<String> {
    here(session, target).flat_map(|workload| definition_names(workload, target)).collect()
}

fn here<'a>(session: &'a Session, target: &'a Target) -> impl Iterator<Item = &'a Arc<PrivateImageWorkload>> {
    session.objects.workloads.iter().filter(|workload| {
        let inputs = session.inputs(workload, true);
        let chosen = target::choose(&inputs.claim());
        chosen.is_ok_and(|it| it.account_id == target.account_id && it.region == target.region && it.names == target.names)
    })
}

/// Regions in which roles still grant something and that were not looked at.
async fn elsewhere(session: &Session, found: &[(Place, Owned)]) -> Result<Vec<Place>, Problem> {
    let mut more: Vec<Place> = vec![];
    for (place, owned) in found {
        let Some(first) = place.first() else { continue };
        let mut named = roles(owned, &session.owner);
        named.extend(here(session, first).map(|it| (it.namespace().unwrap_or_default(), role_name(it, first))));
        let namespaces: BTreeSet<String> = named.iter().map(|(namespace, _)| namespace.clone()).collect();
        let usual = |namespace: String| (namespace.clone(), names::role(&first.names.role_prefix, &namespace, None));
        named.extend(namespaces.into_iter().map(usual));
        for (namespace, role) in named {
            let unseen = |region: &String| {
                let mut looked = found.iter().map(|(place, _)| place).chain(&more).filter_map(|place| place.first());
                !looked.any(|it| it.account_id == first.account_id && it.region == *region)
            };
            let regions = granted(session, first, &namespace, &role).await?;
            for region in regions.into_iter().filter(unseen).collect::<Vec<_>>() {
                more.push(vec![unseen_target(session, &role, region)?]);
            }
        }
    }
    Ok(more)
}

/// The Regions that a role's trust or our policy of it names. With AccountBindings these say where something may be: there only the
/// secrets of the namespace itself count.
async fn granted(session: &Session, target: &Target, namespace: &str, role: &str) -> Result<BTreeSet<String>, Problem> {
    let policy = names::inline_policy(&session.owner, namespace);
    let Some((role, policy)) = role_seen(&session.accounts, target, role, &policy).await? else { return Ok(BTreeSet::new()) };
    let prefix = format!("{}{namespace}/", target.names.secret_prefix);
    Ok(match session.bindings {
        Bindings::Objects(_) => granted_regions(&policy, &target.account_id, Some(&prefix)),
        Bindings::Ambient { .. } => &trusted_regions(&role.trust) | &granted_regions(&policy, &target.account_id, None),
    })
}

fn unseen_target(session: &Session, role: &str, region: String) -> Result<Target, Problem> {
    let (namespace, bindings) = (&Namespace::default(), &session.bindings);
    match bindings {
        Bindings::Ambient { .. } => {
            target::choose(&Claim { namespace, binding: None, region: Some(&region), pinned: None, bindings })
        }
        Bindings::Objects(_) => {
            let rule = format!(
                "role {role} grants secrets that were made there, and no AccountBinding of the files leads there any more, so what there may still need them is not seen, and nothing is removed"
            );
            let remedy = "add the Region to spec.regions of the AccountBinding until --prune has removed what is there";
            Err(Problem::of(Reason::DeletionBlocked, "--prune", region, rule, remedy))
        }
    }
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
pub(super) fn admitting<'a>(session: &Session, place: &'a Place, namespace: &str) -> Option<&'a Target> {
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
pub(super) fn bindings(session: &Session, namespace: &str, bindings: Bindings) -> Bindings {
    match bindings {
        Bindings::Objects(mut all) if !session.objects.namespaces.contains_key(namespace) => {
            all.iter_mut().for_each(|binding| binding.spec.namespace_selector = Some(Default::default()));
            Bindings::Objects(all)
        }
        other => other,
    }
}
