//! Who pulls with what: out of the containers and of the files of logins, into `spec.credentials`.

use super::label;
use super::registry_creds::{Creds, Login};
use crate::problem::Problem;
use crate::resource::arn::is_default_key;
use crate::resource::definition::{containers, containers_mut};
use crate::resource::image::Image;
use crate::resource::normalise::DefinitionKind;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const FIELD: &str = "repositoryCredentials";
const PARAMETER: &str = "credentialsParameter";

/// What the files of logins say of one definition.
pub(super) struct Given<'a> {
    /// The login of each container that is named, by the container's path.
    by_container: BTreeMap<String, &'a Login>,
    /// The execution roles of the files that name a container.
    pub(super) roles: BTreeSet<String>,
}

/// Looks up the containers by their names.
pub(super) fn given<'a>(
    kind: DefinitionKind,
    document: &Value,
    creds: &'a [Creds],
    used: &mut BTreeSet<String>,
    problems: &mut Vec<Problem>,
) -> Given<'a> {
    let mut given = Given { by_container: BTreeMap::new(), roles: BTreeSet::new() };
    for (path, container) in containers(kind, document) {
        let Some(name) = container.get("name").and_then(Value::as_str) else { continue };
        let naming = |login: &&Login| login.containers.iter().any(|container| container == name);
        let all: Vec<(&Creds, &Login)> =
            creds.iter().flat_map(|creds| creds.logins.iter().filter(naming).map(move |login| (creds, login))).collect();
        if let [(first, one), .., (second, other)] = all.as_slice() {
            let rule = format!(
                "{} of {} and {} of {} both name this container",
                one.registry, first.place, other.registry, second.place
            );
            problems.push(Problem::spec(format!("{path}.name"), name, rule, "give one of them only"));
        }
        for (creds, login) in all {
            used.insert(name.to_owned());
            given.roles.extend(creds.role.clone());
            given.by_container.insert(path.clone(), login);
        }
    }
    given
}

/// What a container pulls with.
#[derive(Debug, Clone, PartialEq)]
enum Source {
    /// A secret in AWS.
    Arn(String),
    /// User name and password in a file of logins, under this registry.
    File(String),
}

/// One container that pulls.
struct Pull {
    path: String,
    host: String,
    with: Option<Source>,
    /// The customer key of the secret, where a file of logins names one.
    kms_key: Option<String>,
}

/// Takes the logins out of the containers. Where the containers of one registry do not agree, each keeps its own.
pub(super) fn take(
    kind: DefinitionKind,
    document: &mut Value,
    given: &Given,
    namespace: Option<&str>,
    remarks: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Vec<Value> {
    let mut pulls: Vec<Pull> = vec![];
    containers_mut(kind, document, |path, container| pulls.extend(pull(path, container, given, remarks, problems)));
    let mut hosts: Vec<&str> = vec![];
    pulls.iter().for_each(|pull| hosts.extend((!hosts.contains(&pull.host.as_str())).then_some(pull.host.as_str())));
    let mut credentials = vec![];
    let mut in_place = BTreeMap::new();
    for host in hosts {
        let of_host: Vec<&Pull> = pulls.iter().filter(|pull| pull.host == host).collect();
        let (with, without): (Vec<&Pull>, Vec<&Pull>) = of_host.into_iter().partition(|pull| pull.with.is_some());
        let bare = without.iter().map(|pull| pull.path.as_str()).collect::<Vec<_>>().join(", ");
        let mut sources: Vec<&Source> = with.iter().filter_map(|pull| pull.with.as_ref()).collect();
        sources.dedup();
        let then = match sources.as_slice() {
            [] => "add one to spec.credentials",
            [source] => {
                credentials.push(credential(host, source, one_key(host, &with, remarks), namespace, remarks));
                if !bare.is_empty() {
                    remarks.push(format!("changed: {bare} pulls from {host} with the same login now"));
                }
                continue;
            }
            _ => {
                keep(host, &with, &mut in_place, remarks, problems);
                "give it a `repositoryCredentials` of its own, as the others have,"
            }
        };
        if !bare.is_empty() {
            remarks
                .push(format!("by hand: {bare} pulls from {host} without a login: {then} unless the registry serves everybody"));
        }
    }
    containers_mut(kind, document, |path, container| {
        if let Some(arn) = in_place.get(path) {
            container.insert(FIELD.to_owned(), json!({ PARAMETER: arn }));
        } else if pulls.iter().any(|pull| pull.path == path && pull.with.is_some()) {
            container.shift_remove(FIELD);
        }
    });
    credentials
}

/// What a container pulls with; nothing where that cannot be said.
fn pull(
    path: &str,
    container: &mut Map<String, Value>,
    given: &Given,
    remarks: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Option<Pull> {
    let own = container.get(FIELD).and_then(|it| it.get(PARAMETER)).and_then(Value::as_str).map(str::to_owned);
    let login = given.by_container.get(path);
    let written = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let image = match Image::parse(written) {
        Ok(image) => image,
        Err(error) if login.is_some() => {
            let remedy = "name the image, or take the container out of the file of logins";
            problems.push(Problem::spec(format!("{path}.image"), "", error.to_string(), remedy));
            return None;
        }
        Err(error) => {
            remarks.push(format!("by hand: {path}.image: {error}"));
            return None;
        }
    };
    if image.ecr().is_some() {
        if container.shift_remove(FIELD).is_some() || login.is_some() {
            remarks.push(format!("left out: the login of {path}: Amazon ECR takes none, the execution role pulls from it"));
        }
        return None;
    }
    let told = login.map(|login| login.secret_arn.clone().map_or_else(|| Source::File(login.registry.clone()), Source::Arn));
    if let (Some(source), Some(own)) = (&told, &own)
        && *source != Source::Arn(own.clone())
    {
        remarks.push(format!("changed: {path} pulls with the login in the file of logins, not with {own}"));
    }
    // The account's default key is not named: every role of the account may use it.
    let kms_key = login.and_then(|login| login.kms_key.clone()).filter(|key| !is_default_key(key));
    Some(Pull { path: path.to_owned(), host: image.registry().to_owned(), with: told.or(own.map(Source::Arn)), kms_key })
}

/// The key of the one secret that containers pull with. Not every file that names the secret need name its key.
fn one_key(host: &str, with: &[&Pull], remarks: &mut Vec<String>) -> Option<String> {
    let keys: BTreeSet<&String> = with.iter().filter_map(|pull| pull.kms_key.as_ref()).collect();
    if keys.len() > 1 {
        let keys = keys.into_iter().cloned().collect::<Vec<_>>().join(" and ");
        remarks
            .push(format!("by hand: the secret for {host} has one KMS key, and {keys} are named: write the right one to kmsKey"));
        return None;
    }
    keys.into_iter().next().cloned()
}

/// The entry of `spec.credentials`. ECS sends a login to the host of the image, so that is its registry.
fn credential(host: &str, source: &Source, kms_key: Option<String>, namespace: Option<&str>, remarks: &mut Vec<String>) -> Value {
    let mut credential = json!({ "registry": host });
    match source {
        Source::Arn(arn) => credential["secretArn"] = json!(arn),
        Source::File(_) => {
            let name = label(&format!("regcred-{host}"));
            let namespace = namespace.map(|namespace| format!("-n {namespace} ")).unwrap_or_default();
            remarks.push(format!(
                "by hand: make the Secret {name}: kubectl create secret docker-registry {name} {namespace}--docker-server={host} --docker-username=\"$USERNAME\" --docker-password=\"$PASSWORD\""
            ));
            credential["secretRef"] = json!({ "name": name });
        }
    }
    if let Some(key) = kms_key {
        credential["kmsKey"] = json!(key);
    }
    credential
}

/// The containers of one registry pull with several secrets: what is in AWS stays where it is.
fn keep(
    host: &str,
    with: &[&Pull],
    in_place: &mut BTreeMap<String, String>,
    remarks: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) {
    let mut keys = BTreeSet::new();
    for pull in with {
        match &pull.with {
            Some(Source::Arn(arn)) => {
                in_place.insert(pull.path.clone(), arn.clone());
                keys.extend(pull.kms_key.as_ref().map(|key| (arn, key)));
            }
            _ => {
                let rule = format!("other containers pull from {host} with another login, and this one is not in AWS yet");
                let remedy = "put it into Secrets Manager and name it by secrets_manager_arn";
                problems.push(Problem::spec(&pull.path, "", rule, remedy));
            }
        }
    }
    let paths: Vec<&str> = with.iter().map(|pull| pull.path.as_str()).collect();
    remarks.push(format!("kept: {}: they pull from {host} with different secrets", paths.join(", ")));
    remarks.extend(keys.iter().map(|(arn, key)| {
        format!("left out: KMS key {key} of {arn}: AWS is asked for it; let limits.kmsKeys of the AccountBinding admit it")
    }));
}
