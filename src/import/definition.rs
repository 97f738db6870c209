//! One definition as the spec of a workload.

use super::registry_creds::Creds;
use super::{Options, credentials, label};
use crate::desired::on_eks;
use crate::problem::Problem;
use crate::resource::arn::Arn;
use crate::resource::definition::roles_mut;
use crate::resource::normalise::{DefinitionKind, described_only};
use crate::resource::tags::is_reserved;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A definition as it stood in a file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) place: String,
    pub(super) kind: DefinitionKind,
    pub(super) content: Map<String, Value>,
}

/// What is particular to a kind.
struct Words {
    /// The field of the spec.
    field: &'static str,
    /// The definition's name.
    name: &'static str,
    /// The definition's ARN in an answer.
    arn: &'static str,
}

fn words(kind: DefinitionKind) -> Words {
    match kind {
        DefinitionKind::TaskDefinition => Words { field: "ecs", name: "family", arn: "taskDefinitionArn" },
        DefinitionKind::JobDefinition => Words { field: "batch", name: "jobDefinitionName", arn: "jobDefinitionArn" },
    }
}

/// Name and spec of the workload; none where there are problems. `used` gains the containers that a file of logins names.
pub(super) fn workload(
    found: Found,
    creds: &[Creds],
    options: &Options,
    used: &mut BTreeSet<String>,
    remarks: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Option<(String, Map<String, Value>)> {
    let Found { kind, mut content, .. } = found;
    let words = words(kind);
    if content.get("eksProperties").is_some_and(|eks| !eks.is_null()) {
        problems.push(on_eks("eksProperties"));
        return None;
    }
    drop_empty(&mut content);
    let arn = content.shift_remove(words.arn).and_then(|arn| Arn::parse(arn.as_str()?).ok());
    let stripped: Vec<String> = content.keys().filter(|field| described_only(kind, field)).cloned().collect();
    content.retain(|field, _| !stripped.contains(field));
    if !stripped.is_empty() {
        remarks.push(format!("left out: {}: AWS says them, and does not take them", stripped.join(", ")));
    }
    drop_tags(&mut content, remarks);
    let name = take_name(&words, &mut content, options, remarks, problems);

    let mut document = Value::Object(content);
    let given = credentials::given(kind, &document, creds, used, problems);
    let role = take_role(kind, &mut document, &given.roles, arn.as_ref(), remarks);
    let credentials = credentials::take(kind, &mut document, &given, options.namespace.as_deref(), remarks, problems);
    let mut spec = Map::new();
    if !credentials.is_empty() {
        spec.insert("credentials".to_owned(), credentials.into());
    }
    if let Some(arn) = role {
        spec.insert("executionRole".to_owned(), json!({ "arn": arn }));
    }
    spec.insert(words.field.to_owned(), document);
    problems.is_empty().then_some((name, spec))
}

/// Nulls, empty lists and empty objects mean what their absence means (see `resource::normalise`). Items of lists stay.
fn drop_empty(object: &mut Map<String, Value>) {
    object.retain(|_, value| {
        match value {
            Value::Object(inner) => drop_empty(inner),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(drop_empty),
            _ => {}
        }
        match value {
            Value::Null => false,
            Value::Object(inner) => !inner.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => true,
        }
    });
}

/// Tags of AWS, and of whoever keeps the definition now, are not the user's.
fn drop_tags(content: &mut Map<String, Value>, remarks: &mut Vec<String>) {
    let mut dropped = vec![];
    let mut is_kept = |key: &str| {
        let kept = !is_reserved(key);
        dropped.extend((!kept).then(|| key.to_owned()));
        kept
    };
    match content.get_mut("tags") {
        Some(Value::Array(list)) => list.retain(|tag| tag.get("key").and_then(Value::as_str).is_none_or(&mut is_kept)),
        Some(Value::Object(map)) => map.retain(|key, _| is_kept(key)),
        _ => {}
    }
    if !dropped.is_empty() {
        remarks.push(format!("left out: tags {}: they are not for users", dropped.join(", ")));
        drop_empty(content);
    }
}

/// `metadata.name`, of `--name` or of the definition's own.
fn take_name(
    words: &Words,
    content: &mut Map<String, Value>,
    options: &Options,
    remarks: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> String {
    let written = content.get(words.name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = options.name.clone().unwrap_or_else(|| label(&written));
    if name.is_empty() {
        let rule = "nothing here can be the name of the workload";
        problems.push(Problem::spec(words.name, &written, rule, "give one with --name"));
    }
    if !options.keep_family && content.shift_remove(words.name).is_some() {
        let (field, namespace) = (words.name, options.namespace.as_deref().unwrap_or("NAMESPACE"));
        remarks.push(format!(
            "changed: {field} {written}: it is registered as {namespace}_{name} from now on; name that in services and job submissions, or keep the name with --keep-family"
        ));
    }
    name
}

/// The ARN of the one execution role, which leaves the definition. `given` = what files of logins name; that role comes before
/// the definition's own, as it does in ecs-cli.
fn take_role(
    kind: DefinitionKind,
    document: &mut Value,
    given: &BTreeSet<String>,
    home: Option<&Arn>,
    remarks: &mut Vec<String>,
) -> Option<String> {
    let mut own = BTreeSet::new();
    roles_mut(kind, document, |_, object| {
        own.extend(object.get("executionRoleArn").and_then(Value::as_str).map(str::to_owned));
    });
    let roles = if given.is_empty() { &own } else { given };
    let named: Vec<&str> = roles.iter().map(String::as_str).collect();
    let [role] = named.as_slice() else {
        if !named.is_empty() {
            let named = named.join(", ");
            remarks.push(format!("by hand: there is more than one execution role ({named}): a workload has one; choose"));
        }
        return None;
    };
    roles_mut(kind, document, |_, object| drop(object.shift_remove("executionRoleArn")));
    if own.iter().any(|own| own != role) {
        remarks.push(format!("changed: the execution role is {role}, as the file of logins says"));
    }
    match (role.starts_with("arn:"), home) {
        (true, _) => Some((*role).to_owned()),
        (false, Some(home)) => Some(format!("arn:{}:iam::{}:role/{role}", home.partition, home.account)),
        (false, None) => {
            remarks.push(format!(
                "by hand: execution role {role}: a workload names an existing role by its ARN; write it to spec.executionRole.arn, else Wharfinger makes a role"
            ));
            None
        }
    }
}
