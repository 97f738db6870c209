//! The input and the output file of `ecs-cli registry-creds up` (amazon-ecs-cli: modules/utils/regcredio/types.go).
//!
//! Of user names and passwords only their presence is looked at.

use crate::problem::Problem;
use serde_json::{Map, Value};

/// Where a file keeps what.
#[derive(Debug)]
pub(super) struct File {
    /// The field by which it is known.
    pub(super) root: &'static str,
    /// Fields from the document down to the registries.
    registries: &'static [&'static str],
    /// The field with the secret's ARN. The second spelling is that of the first versions.
    arn: [&'static str; 2],
}

/// The two files.
pub(super) const FILES: [File; 2] = [
    File {
        root: "registry_credentials",
        registries: &["registry_credentials"],
        arn: ["secrets_manager_arn", "secret_manager_arn"],
    },
    File {
        root: "registry_credential_outputs",
        registries: &["registry_credential_outputs", "container_credentials"],
        arn: ["credentials_parameter", "secret_manager_arn"],
    },
];

/// What one file says.
#[derive(Debug)]
pub(super) struct Creds {
    /// The file.
    pub(super) place: String,
    /// One a registry.
    pub(super) logins: Vec<Login>,
    /// Name of the execution role that the tool made.
    pub(super) role: Option<String>,
}

/// The login of one registry.
#[derive(Debug)]
pub(super) struct Login {
    /// The registry, as the file calls it.
    pub(super) registry: String,
    /// ARN of the secret in AWS; without one the file holds user name and password.
    pub(super) secret_arn: Option<String>,
    /// The secret's customer key.
    pub(super) kms_key: Option<String>,
    /// Names of the containers that pull with it.
    pub(super) containers: Vec<String>,
}

/// Reads a file, and says everything that is wrong with it.
pub(super) fn read(place: &str, file: &File, document: &Map<String, Value>, problems: &mut Vec<Problem>) -> Option<Creds> {
    let (mut at, mut field) = (Some(document), String::new());
    for name in file.registries {
        at = at.and_then(|object| object.get(*name)).and_then(Value::as_object);
        field = if field.is_empty() { (*name).to_owned() } else { format!("{field}.{name}") };
    }
    let Some(registries) = at.filter(|registries| !registries.is_empty()) else {
        problems.push(Problem::spec(
            field,
            "",
            "must be an object with an entry for each registry",
            "take the file as ecs-cli has it",
        ));
        return None;
    };
    let before = problems.len();
    let logins = registries.iter().filter_map(|(registry, entry)| login(&field, file, registry, entry, problems)).collect();
    let role = document.get(file.root).and_then(|outputs| outputs.get("task_execution_role"));
    let role = role.and_then(Value::as_str).filter(|role| !role.is_empty()).map(str::to_owned);
    (problems.len() == before).then(|| Creds { place: place.to_owned(), logins, role })
}

fn login(field: &str, file: &File, registry: &str, entry: &Value, problems: &mut Vec<Problem>) -> Option<Login> {
    let field = format!("{field}.{registry}");
    let told = |name: &str| entry.get(name).filter(|value| !value.is_null() && **value != *"");
    let mut text = |name: &str| {
        let value = told(name)?;
        match value.as_str() {
            Some(text) if !text.starts_with("${") => return Some(text.to_owned()),
            Some(reference) => {
                let rule = "a reference to the environment, which is not looked at here";
                problems.push(Problem::spec(format!("{field}.{name}"), reference, rule, "write the value itself"));
            }
            None => problems.push(Problem::spec(format!("{field}.{name}"), "", "must be text", "write it in quotes")),
        }
        None
    };
    let kms_key = text("kms_key_id");
    let secret_arn = file.arn.iter().find_map(|name| text(name));
    let has_arn = file.arn.iter().any(|name| told(name).is_some());
    let has_pair = told("username").is_some() && told("password").is_some();
    if !has_arn && !has_pair {
        let rule = format!("must have `{}`, or both `username` and `password`", file.arn[0]);
        problems.push(Problem::spec(field.clone(), "", rule, "add what is missing"));
    }
    let names = told("container_names").and_then(Value::as_array).into_iter().flatten();
    let containers: Vec<String> = names.filter_map(Value::as_str).map(str::to_owned).collect();
    if containers.is_empty() {
        let rule = "names no container, so nothing would pull with this login";
        problems.push(Problem::spec(format!("{field}.container_names"), "", rule, "list the containers, or remove the registry"));
    }
    Some(Login { registry: registry.to_owned(), secret_arn, kms_key, containers })
}
