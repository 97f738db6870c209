//! Objects out of documents. Every problem is told with its file and document.

use super::{Document, documents};
use crate::api::{AccountBinding, PrivateImageWorkload, PullNetwork, RegistryCredential};
use crate::cli::arguments::Common;
use crate::cli::check;
use crate::cli::secrets::{self, GivenSecret};
use crate::inputs::{Namespace, Source};
use crate::nearest::{meant, nearest};
use anyhow::bail;
use k8s_openapi::api::core::v1;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// What the files hold.
#[derive(Debug, Default)]
pub(in crate::cli) struct Objects {
    pub(in crate::cli) workloads: Vec<Arc<PrivateImageWorkload>>,
    pub(in crate::cli) credentials: Vec<RegistryCredential>,
    pub(in crate::cli) networks: Vec<PullNetwork>,
    pub(in crate::cli) bindings: Vec<AccountBinding>,
    /// By namespace and name.
    pub(in crate::cli) secrets: BTreeMap<(String, String), Source>,
    pub(in crate::cli) namespaces: BTreeMap<String, Namespace>,
}

/// What is to be worked on: at least one workload, credential or network, with what stands beside it and the Secrets that flags give.
/// `complete` = what they do not have is removed, so nothing in them may be passed over by mistake.
pub(in crate::cli) fn read(paths: &[PathBuf], given: &[GivenSecret], common: &Common, complete: bool) -> anyhow::Result<Objects> {
    let mut all = collect(paths, common, complete)?;
    if all.objects.workloads.is_empty() && all.objects.credentials.is_empty() && all.objects.networks.is_empty() {
        let named = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        let passed = if all.passed.is_empty() { String::new() } else { format!(" (passed over: {})", all.passed.join("; ")) };
        bail!(NoObjects(format!("{named}{passed}")));
    }
    for (key, source) in secrets::read(given, all.namespace)? {
        if all.objects.secrets.insert(key.clone(), source).is_some() {
            bail!("--secret: Secret {}/{} stands in the files as well; leave one of them out", key.0, key.1);
        }
    }
    Ok(all.objects)
}

/// The files, which hold nothing to work on.
#[derive(Debug, thiserror::Error)]
#[error("no PrivateImageWorkload, no RegistryCredential and no PullNetwork in {0}")]
pub(in crate::cli) struct NoObjects(pub(in crate::cli) String);

/// All that files hold. Objects of other kinds are passed over.
pub(in crate::cli) fn objects(paths: &[PathBuf], common: &Common) -> anyhow::Result<Objects> {
    Ok(collect(paths, common, false)?.objects)
}

fn collect<'a>(paths: &[PathBuf], common: &'a Common, complete: bool) -> anyhow::Result<Collected<'a>> {
    let mut all = Collected { namespace: common.namespace.as_deref().unwrap_or("default"), complete, ..Collected::default() };
    for document in documents(paths)? {
        all.take(document);
    }
    if all.problems.is_empty() { Ok(all) } else { bail!("{}", all.problems.join("\n")) }
}

/// What the documents so far came to.
#[derive(Default)]
struct Collected<'a> {
    /// Of objects that name none.
    namespace: &'a str,
    /// Whether what they do not have is removed.
    complete: bool,
    objects: Objects,
    /// Kind, namespace and name of each object.
    seen: BTreeSet<(String, String, String)>,
    problems: Vec<String>,
    passed: Vec<String>,
}

const API: &str = "wharfinger.dev/v1alpha1";
const KINDS: [&str; 4] = ["PrivateImageWorkload", "RegistryCredential", "PullNetwork", "AccountBinding"];

impl Collected<'_> {
    fn take(&mut self, document: Document) {
        let Document { place, value, named } = document;
        let word = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (version, kind) = (word("apiVersion"), word("kind"));
        match (version.as_str(), kind.as_str()) {
            (_, "List") => match value.get("items").and_then(Value::as_array) {
                Some(items) => items.iter().for_each(|value| {
                    self.take(Document { place: place.clone(), value: value.clone(), named });
                }),
                None => {
                    self.problems.push(format!("{place}: a List without `items`: write the list of its objects, or leave it out"))
                }
            },
            (API, "PrivateImageWorkload") => {
                let found = self.checked::<PrivateImageWorkload>(&check::WORKLOAD, &value, &place);
                let found = found.and_then(|it| self.placed(PrivateImageWorkload { status: None, ..it }, &place));
                self.objects.workloads.extend(found.map(Arc::new));
            }
            (API, "RegistryCredential") => {
                let found = self.checked::<RegistryCredential>(&check::CREDENTIAL, &value, &place);
                let found = found.and_then(|it| self.placed(RegistryCredential { status: None, ..it }, &place));
                self.objects.credentials.extend(found);
            }
            (API, "PullNetwork") => {
                let found = self.checked::<PullNetwork>(&check::NETWORK, &value, &place);
                let found = found.filter(|it| self.is_first("PullNetwork", "", &it.name_any(), &place));
                self.objects.networks.extend(found.map(|mut it| {
                    it.metadata.generation = Some(1);
                    PullNetwork { status: None, ..it }
                }));
            }
            (API, "AccountBinding") => {
                let found = self.checked::<AccountBinding>(&check::BINDING, &value, &place);
                let found = found.filter(|it| self.is_first("AccountBinding", "", &it.name_any(), &place));
                self.objects.bindings.extend(found);
            }
            ("v1", "Secret") => self.secret(value, &place),
            ("v1", "Namespace") => match serde_json::from_value::<v1::Namespace>(value) {
                Ok(it) if self.is_first("Namespace", "", &it.name_any(), &place) => {
                    let (name, labels) = (it.name_any(), it.labels().clone());
                    self.objects.namespaces.insert(name.clone(), Namespace { uid: name.clone(), labels, name });
                }
                Ok(_) => {}
                Err(error) => self.problems.push(format!("{place}: Namespace: {error}")),
            },
            ("", _) | (_, "") => {
                let told = format!("{place}: {}", no_object(&version, &kind, self.complete));
                let counts = named || self.complete || group(&version) == GROUP || KINDS.contains(&kind.as_str());
                if counts { self.problems.push(told) } else { self.passed.push(told) }
            }
            (version, kind) => match misnamed(version, kind) {
                Some(problem) => self.problems.push(format!("{place}: {problem}")),
                None => self.passed.push(format!("{place}: {kind}")),
            },
        }
    }

    fn secret(&mut self, value: Value, place: &str) {
        // The message of a failed parse could quote the content, so it is not shown.
        let Ok(secret) = serde_json::from_value::<v1::Secret>(value) else {
            return self
                .problems
                .push(format!("{place}: this Secret cannot be read: `data` must be base64 and `stringData` text"));
        };
        let namespace = secret.namespace().unwrap_or_else(|| self.namespace.to_owned());
        if self.is_first("Secret", &namespace, &secret.name_any(), place) {
            self.objects.secrets.insert((namespace, secret.name_any()), crate::controller::logins(&secret));
        }
    }

    /// An object as if an API server had just taken it.
    fn placed<K: Resource<DynamicType = ()>>(&mut self, mut object: K, place: &str) -> Option<K> {
        let metadata = object.meta_mut();
        metadata.namespace.get_or_insert_with(|| self.namespace.to_owned());
        metadata.generation = Some(1);
        let namespace = object.namespace().unwrap_or_default();
        self.is_first(&K::kind(&()), &namespace, &object.name_any(), place).then_some(object)
    }

    fn is_first(&mut self, kind: &str, namespace: &str, name: &str, place: &str) -> bool {
        let is_first = self.seen.insert((kind.to_owned(), namespace.to_owned(), name.to_owned()));
        if !is_first {
            self.problems.push(format!("{place}: {kind} {name} stands twice in these files; remove one"));
        }
        is_first
    }

    fn checked<K: DeserializeOwned>(&mut self, schema: &check::Schema, value: &Value, place: &str) -> Option<K> {
        let found = check::against_schema(schema, value);
        if !found.is_empty() {
            self.problems.extend(found.into_iter().map(|problem| format!("{place}: {problem}")));
            return None;
        }
        match serde_json::from_value(value.clone()) {
            Ok(object) => Some(object),
            Err(error) => {
                self.problems.push(format!("{place}: {error}"));
                None
            }
        }
    }
}

const GROUP: &str = "wharfinger.dev";

fn group(version: &str) -> &str {
    version.split('/').next().unwrap_or_default()
}

/// What a document lacks that could be an object.
fn no_object(version: &str, kind: &str, complete: bool) -> String {
    let lacks = match (version, kind) {
        ("", "") => "`apiVersion` and `kind`",
        ("", _) => "`apiVersion`",
        _ => "`kind`",
    };
    let remedy = "; with --prune what the files do not have is removed: write it, or keep this file elsewhere";
    format!("not an object of Kubernetes: it has no {lacks}{}", if complete { remedy } else { "" })
}

/// What is wrong with the type of something that is probably meant to be ours.
fn misnamed(version: &str, kind: &str) -> Option<String> {
    let group = group(version);
    if group != GROUP {
        let ours = kind == KINDS[0] || (KINDS.contains(&kind) && nearest(group, &[GROUP]).is_some());
        return ours.then(|| format!("apiVersion: {version:?}: {kind} is of {API}; write that"));
    }
    if KINDS.contains(&kind) {
        return Some(format!("apiVersion: {version:?}: this program knows {kind} of {API}; write that, or take its release"));
    }
    Some(match meant(kind, &KINDS) {
        Some(meant) => format!("kind: {kind:?}: no kind of {API}; {meant} is one: is that meant?"),
        None => format!("kind: {kind:?}: no kind of {API}; it has {}", KINDS.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_ours_is_told() {
        let rows = [
            (
                "wharfinger.dev/v1",
                "PrivateImageWorkload",
                Some("this program knows PrivateImageWorkload of wharfinger.dev/v1alpha1"),
            ),
            ("wharfinger.dev/v1alpha1", "PrivateImageWorklaod", Some("PrivateImageWorkload is one: is that meant?")),
            ("wharfinger.dev/v1alpha1", "Workload", Some("PrivateImageWorkload is one")),
            ("wharfinger.dev/v1alpha1", "Binding", Some("AccountBinding is one")),
            ("wharfinger.dev/v1alpha1", "Network", Some("PullNetwork is one")),
            (
                "wharfinger.dev/v1alpha1",
                "Gateway",
                Some("it has PrivateImageWorkload, RegistryCredential, PullNetwork, AccountBinding"),
            ),
            ("v1", "PrivateImageWorkload", Some("PrivateImageWorkload is of wharfinger.dev/v1alpha1")),
            ("wharfinge.dev/v1alpha1", "AccountBinding", Some("AccountBinding is of wharfinger.dev/v1alpha1")),
            ("other.example.com/v1", "AccountBinding", None),
            ("apps/v1", "Deployment", None),
        ];
        for (version, kind, expected) in rows {
            let told = misnamed(version, kind);
            assert_eq!(told.is_some(), expected.is_some(), "{version} {kind}: {told:?}");
            assert!(expected.is_none_or(|part| told.as_deref().unwrap_or_default().contains(part)), "{version} {kind}: {told:?}");
        }
    }
}
