//! Every permission that the controller needs, asked for before a pass fails for want of one: so all that are missing are told at once.
//! Anybody may ask the API server what he may do himself (SelfSubjectAccessReview), so asking needs no permission.

use super::readiness::Readiness;
use super::scope::Scope;
use super::trouble::{Kind, Trouble};
use super::{Error, value_key, within};
use crate::api::GROUP;
use futures::{StreamExt, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};
use std::fmt;
use std::time::Duration;
use tokio::sync::Notify;

/// What is told by `/readyz`.
pub(super) const WHAT: &str = "permissions";
/// How often those that are missing are asked for again.
const AGAIN: Duration = Duration::from_secs(20);
/// The namespace of events about what is in none, as the API server wants it.
const UNPLACED: &str = "default";
/// Questions at the same time.
const AT_ONCE: usize = 8;

/// One verb on one resource in one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Permission {
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    verb: &'static str,
    /// None = all, or of the cluster.
    namespace: Option<String>,
    /// None = whatever the name.
    name: Option<String>,
}

impl fmt::Display for Permission {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, resource, subresource, verb, namespace, name } = self;
        let slash = if subresource.is_empty() { "" } else { "/" };
        let dot = if group.is_empty() { "" } else { "." };
        write!(out, "{verb} {resource}{dot}{group}{slash}{subresource}")?;
        name.iter().try_for_each(|name| write!(out, " {name}"))?;
        namespace.iter().try_for_each(|namespace| write!(out, " in namespace {namespace}"))
    }
}

/// Where what is done.
pub(crate) struct Places<'a> {
    pub(crate) namespaces: &'a Scope,
    pub(crate) secrets: &'a Scope,
    /// Of the value key.
    pub(crate) home: &'a str,
    /// Namespace and name.
    pub(crate) lease: (&'a str, &'a str),
}

/// What a controller lacks, in words; empty = nothing.
pub(crate) async fn lacking_as_controller(client: &Client, places: &Places<'_>) -> Result<Vec<String>, Error> {
    Ok(missing(client, &needed(places)).await?.iter().map(Permission::to_string).collect())
}

/// What somebody lacks who keeps objects in a namespace, in words; empty = nothing.
pub(crate) async fn lacking_as_user(client: &Client, namespace: &str) -> Result<Vec<String>, Error> {
    let mut used = vec![];
    for resource in ["privateimageworkloads", "registrycredentials"] {
        let verbs = ["get", "list", "watch", "create", "update", "patch", "delete"];
        let namespace = Some(namespace.to_owned());
        used.extend(verbs.map(|verb| Permission {
            group: GROUP,
            resource,
            subresource: "",
            verb,
            namespace: namespace.clone(),
            name: None,
        }));
    }
    Ok(missing(client, &used).await?.iter().map(Permission::to_string).collect())
}

/// All of them. docs/operations.md has the same as rules.
fn needed(places: &Places) -> Vec<Permission> {
    let all = |scope: &Scope| match scope.names() {
        None => vec![None],
        Some(names) => names.iter().cloned().map(Some).collect(),
    };
    let mut needed = vec![];
    let mut add = |group, resource: &'static str, verbs: &[&'static str], namespace: Option<String>, name: Option<&str>| {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let one = |verb: &&'static str| Permission {
            group,
            resource,
            subresource,
            verb,
            namespace: namespace.clone(),
            name: name.map(str::to_owned),
        };
        needed.extend(verbs.iter().map(one));
    };
    for kind in ["accountbindings", "pullnetworks"] {
        add(GROUP, kind, &["get", "list", "watch", "patch"], None, None);
    }
    for kind in ["accountbindings/status", "pullnetworks/status"] {
        add(GROUP, kind, &["patch"], None, None);
    }
    match places.namespaces.names() {
        None => add("", "namespaces", &["get"], None, None),
        Some(names) => names.iter().for_each(|name| add("", "namespaces", &["get"], None, Some(name))),
    }
    for namespace in all(places.namespaces) {
        for kind in ["privateimageworkloads", "registrycredentials"] {
            add(GROUP, kind, &["get", "list", "watch", "patch"], namespace.clone(), None);
        }
        for kind in ["privateimageworkloads/status", "registrycredentials/status"] {
            add(GROUP, kind, &["patch"], namespace.clone(), None);
        }
        add("events.k8s.io", "events", &["create", "patch"], namespace, None);
    }
    if !places.namespaces.covers(UNPLACED) {
        add("events.k8s.io", "events", &["create", "patch"], Some(UNPLACED.to_owned()), None);
    }
    for namespace in all(&places.secrets.within(places.namespaces)) {
        add("", "secrets", &["get", "list", "watch"], namespace, None);
    }
    let home = Some(places.home.to_owned());
    add("", "secrets", &["create"], home.clone(), None);
    add("", "secrets", &["get"], home, Some(value_key::NAME));
    let (namespace, lease) = (Some(places.lease.0.to_owned()), places.lease.1);
    add("coordination.k8s.io", "leases", &["create"], namespace.clone(), None);
    add("coordination.k8s.io", "leases", &["get", "update"], namespace, Some(lease));
    needed
}

/// Asks, tells, and asks again while something is missing, or when a call was refused.
pub(super) async fn watch(client: &Client, places: Places<'_>, readiness: &Readiness, refused: &Notify) {
    readiness.note(WHAT);
    let needed = needed(&places);
    loop {
        match missing(client, &needed).await {
            Ok(missing) if missing.is_empty() => {
                readiness.fine(WHAT);
                refused.notified().await;
            }
            Ok(missing) => {
                let told: Vec<String> = missing.iter().map(Permission::to_string).collect();
                let text = format!("missing: {}; grant them as docs/operations.md#permissions says", told.join(", "));
                readiness.wrong(WHAT, Trouble { kind: Kind::Refused, text });
            }
            Err(error) => tracing::debug!(%error, "it could not be asked which permissions there are"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn missing(client: &Client, needed: &[Permission]) -> Result<Vec<Permission>, Error> {
    let asked = needed.iter().cloned().map(|permission| lacks(client.clone(), permission));
    let answers: Vec<Result<Option<Permission>, Error>> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    Ok(answers.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The permission, if it is missing.
async fn lacks(client: Client, permission: Permission) -> Result<Option<Permission>, Error> {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let attributes = ResourceAttributes {
        group: Some(permission.group.to_owned()),
        resource: text(permission.resource),
        subresource: text(permission.subresource),
        verb: text(permission.verb),
        namespace: permission.namespace.clone(),
        name: permission.name.clone(),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..SelfSubjectAccessReviewSpec::default() };
    let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let answer = within(Api::<SelfSubjectAccessReview>::all(client).create(&PostParams::default(), &review)).await?;
    Ok(Some(permission).filter(|_| !answer.status.is_some_and(|status| status.allowed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn told(namespaces: Option<&[&str]>, secrets: Option<&[&str]>) -> Vec<String> {
        let scope = |names: Option<&[&str]>| Scope::of(names.map(|names| names.iter().map(|name| (*name).to_owned()).collect()));
        let (namespaces, secrets) = (scope(namespaces), scope(secrets));
        let needed = needed(&Places { namespaces: &namespaces, secrets: &secrets, home: "home", lease: ("home", "lease") });
        assert_eq!(needed.iter().collect::<BTreeSet<_>>().len(), needed.len(), "each once");
        needed.iter().map(Permission::to_string).collect()
    }

    #[test]
    fn what_is_needed_follows_from_where_is_looked() {
        let all = told(None, None);
        for permission in ["patch privateimageworkloads.wharfinger.dev/status", "watch secrets", "get namespaces"] {
            assert!(all.iter().any(|it| it == permission), "{permission} is none of {all:#?}");
        }
        for permission in
            ["get secrets wharfinger-value-key in namespace home", "update leases.coordination.k8s.io lease in namespace home"]
        {
            assert!(all.iter().any(|it| it == permission), "{permission} is none of {all:#?}");
        }
        let some = told(Some(&["a", "b"]), Some(&["b"]));
        let secrets: Vec<_> = some.iter().filter(|it| it.contains("secrets") && !it.contains("home")).cloned().collect();
        assert_eq!(secrets, ["get secrets in namespace b", "list secrets in namespace b", "watch secrets in namespace b"]);
        let wide: Vec<_> = some.iter().filter(|it| !it.contains(" in namespace ")).collect();
        let placeless = ["accountbindings", "pullnetworks", "namespaces"];
        assert!(wide.iter().all(|it| placeless.iter().any(|kind| it.contains(kind))), "{wide:#?}");
        assert!(some.iter().any(|it| it == "create events.events.k8s.io in namespace default"), "of networks: {some:#?}");
        assert!(told(None, Some(&[])).iter().all(|it| !it.contains("secrets") || it.contains("home")));
    }
}
