//! Objects out of YAML and JSON files. Every problem is told with its file and document.

use super::arguments::Common;
use super::check;
use crate::api::{AccountBinding, PrivateImageWorkload, RegistryCredential};
use crate::inputs::{Namespace, Source};
use anyhow::{Context, bail};
use k8s_openapi::api::core::v1;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What the files hold.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) workloads: Vec<PrivateImageWorkload>,
    pub(super) credentials: Vec<RegistryCredential>,
    pub(super) bindings: Vec<AccountBinding>,
    /// By namespace and name.
    pub(super) secrets: BTreeMap<(String, String), Source>,
    pub(super) namespaces: BTreeMap<String, Namespace>,
}

/// What is to be planned: at least one workload or credential, with what stands beside it.
pub(super) fn read(paths: &[PathBuf], common: &Common) -> anyhow::Result<Objects> {
    let objects = objects(paths, common)?;
    if objects.workloads.is_empty() && objects.credentials.is_empty() {
        bail!(
            "no PrivateImageWorkload and no RegistryCredential in {}",
            paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
        );
    }
    Ok(objects)
}

/// Reads files, folders (with all below them) and standard input (`-`). Objects of other kinds are passed over.
pub(super) fn objects(paths: &[PathBuf], common: &Common) -> anyhow::Result<Objects> {
    let default_namespace = common.namespace.as_deref().unwrap_or("default");
    let mut objects = Objects::default();
    let mut problems = vec![];
    for (place, document) in documents(paths)? {
        take(&mut objects, document, default_namespace, &place, &mut problems)?;
    }
    match problems.is_empty() {
        true => Ok(objects),
        false => bail!("{}", problems.join("\n")),
    }
}

/// The documents of files, folders and standard input, each with its place.
pub(super) fn documents(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, Value)>> {
    let mut found = vec![];
    for path in paths {
        let files = if path.as_os_str() == "-" { vec![path.clone()] } else { files(path)? };
        for file in files {
            let text = text(&file)?;
            let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(&text, quiet())
                .with_context(|| format!("{}: not YAML", file.display()))?;
            let placed = documents.into_iter().enumerate().filter(|(_, document)| !document.is_null());
            found.extend(placed.map(|(index, document)| (format!("{}, document {}", file.display(), index + 1), document)));
        }
    }
    Ok(found)
}

/// A parser's message shows the lines around a mistake, and they may hold a password.
fn quiet() -> serde_saphyr::Options {
    serde_saphyr::options! { with_snippet: false }
}

fn text(file: &Path) -> anyhow::Result<String> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// A file, or the YAML and JSON files of a folder in the order of their names.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut entries = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    entries.sort();
    let mut found = vec![];
    for entry in entries {
        let kind = entry.extension().and_then(|extension| extension.to_str());
        if entry.is_dir() || matches!(kind, Some("yaml" | "yml" | "json")) {
            found.extend(files(&entry)?);
        }
    }
    Ok(found)
}

fn take(
    objects: &mut Objects,
    document: Value,
    default_namespace: &str,
    place: &str,
    problems: &mut Vec<String>,
) -> anyhow::Result<()> {
    let word = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (group, kind) = (word("apiVersion"), word("kind"));
    match (group.as_str(), kind.as_str()) {
        (_, "List") => {
            for item in document.get("items").and_then(Value::as_array).cloned().unwrap_or_default() {
                take(objects, item, default_namespace, place, problems)?;
            }
        }
        ("wharfinger.dev/v1alpha1", "PrivateImageWorkload") => {
            let found = checked::<PrivateImageWorkload>(&check::WORKLOAD, &document, place, problems);
            add(
                &mut objects.workloads,
                found.map(|it| PrivateImageWorkload { status: None, ..it }),
                default_namespace,
                place,
                problems,
            );
        }
        ("wharfinger.dev/v1alpha1", "RegistryCredential") => {
            let found = checked::<RegistryCredential>(&check::CREDENTIAL, &document, place, problems);
            add(
                &mut objects.credentials,
                found.map(|it| RegistryCredential { status: None, ..it }),
                default_namespace,
                place,
                problems,
            );
        }
        ("wharfinger.dev/v1alpha1", "AccountBinding") => {
            objects.bindings.extend(checked::<AccountBinding>(&check::BINDING, &document, place, problems))
        }
        (group, kind) if group.starts_with("wharfinger.dev/") => {
            problems.push(format!("{place}: {group} {kind}: not a kind of this version; it knows wharfinger.dev/v1alpha1 PrivateImageWorkload, RegistryCredential and AccountBinding"));
        }
        ("v1", "Secret") => {
            // The message of a failed parse could quote the content, so it is not shown.
            let Ok(secret) = serde_json::from_value::<v1::Secret>(document) else {
                problems.push(format!("{place}: this Secret cannot be read: `data` must be base64 and `stringData` text"));
                return Ok(());
            };
            let namespace = secret.namespace().unwrap_or_else(|| default_namespace.to_owned());
            objects.secrets.insert((namespace, secret.name_any()), crate::controller::logins(&secret));
        }
        ("v1", "Namespace") => {
            let namespace: v1::Namespace = serde_json::from_value(document).with_context(|| format!("{place}: Namespace"))?;
            let name = namespace.name_any();
            objects.namespaces.insert(name.clone(), Namespace { uid: name.clone(), labels: namespace.labels().clone(), name });
        }
        _ => tracing::debug!("{place}: {kind} is passed over"),
    }
    Ok(())
}

/// Adds an object as if an API server had just taken it.
fn add<K>(all: &mut Vec<K>, found: Option<K>, default_namespace: &str, place: &str, problems: &mut Vec<String>)
where
    K: Resource<DynamicType = ()>,
{
    let Some(mut object) = found else { return };
    let metadata = object.meta_mut();
    metadata.namespace.get_or_insert_with(|| default_namespace.to_owned());
    metadata.generation = Some(1);
    let key = |object: &K| (object.namespace(), object.meta().name.clone());
    if all.iter().any(|other| key(other) == key(&object)) {
        problems.push(format!("{place}: {} {} stands twice in these files; remove one", K::kind(&()), object.name_any()));
    }
    all.push(object);
}

fn checked<K: DeserializeOwned>(schema: &check::Schema, document: &Value, place: &str, problems: &mut Vec<String>) -> Option<K> {
    let found = check::against_schema(schema, document);
    if !found.is_empty() {
        problems.extend(found.into_iter().map(|problem| format!("{place}: {problem}")));
        return None;
    }
    match serde_json::from_value(document.clone()) {
        Ok(object) => Some(object),
        Err(error) => {
            problems.push(format!("{place}: {error}"));
            None
        }
    }
}
