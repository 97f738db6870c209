//! `valueFrom` of a container's own secrets (AWS: ECS API and Batch API, `Secret.valueFrom`).

use super::{Member, items};
use crate::problem::Problem;
use crate::resource::arn::Arn;
use serde_json::Value;

pub(super) fn check(container: &Member, problems: &mut Vec<Problem>) {
    let logs = container.object.get("logConfiguration").and_then(Value::as_object);
    let own = items(&container.object, "secrets").enumerate().map(|it| ("secrets", it));
    let of_logs = logs.into_iter().flat_map(|logs| items(logs, "secretOptions")).enumerate();
    for (list, (index, secret)) in own.chain(of_logs.map(|it| ("logConfiguration.secretOptions", it))) {
        let value = secret.get("valueFrom").and_then(Value::as_str).unwrap_or_default();
        problems.extend(value_from(&format!("{}.{list}[{index}].valueFrom", container.field), value));
    }
}

/// Checks one `valueFrom`, which stands at this field of the spec.
pub(crate) fn value_from(field: &str, value: &str) -> Option<Problem> {
    let remedy = "write a parameter's name, its ARN (arn:aws:ssm:REGION:ACCOUNT:parameter/NAME), or a secret's ARN with or without :json-key:version-stage:version-id";
    fault(value).map(|why| Problem::spec(field, value, why, remedy))
}

/// What is wrong with it. What has no colon is the name of a parameter.
fn fault(value: &str) -> Option<String> {
    let is_name = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_./-".contains(&b));
    let is_secret = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+=.@!-".contains(&b));
    if !value.starts_with("arn:") {
        let rule = "a parameter's name has letters, digits and _./-, and a secret is named by its ARN";
        return (!is_name(value)).then(|| rule.to_owned());
    }
    let arn = match Arn::parse(value) {
        Ok(arn) => arn,
        Err(error) => return Some(error.to_string()),
    };
    if arn.region.is_empty() || arn.account.is_empty() {
        return Some("an ARN of a secret or of a parameter has a Region and an account".to_owned());
    }
    match (arn.service.as_str(), arn.resource.split_once([':', '/'])) {
        ("ssm", Some(("parameter", name))) if is_name(name) && !arn.resource.contains(':') => None,
        ("ssm", _) => Some("an ARN of ssm ends with parameter/NAME".to_owned()),
        ("secretsmanager", Some(("secret", rest))) => {
            let parts: Vec<&str> = rest.split(':').collect();
            let whole = parts.first().is_some_and(|name| is_secret(name)) && (parts.len() == 1 || parts.len() == 4);
            (!whole).then(|| {
                "a secret's ARN ends with its name, or with three parts more: :json-key:version-stage:version-id".to_owned()
            })
        }
        ("secretsmanager", _) => Some("an ARN of secretsmanager ends with secret:NAME-XXXXXX".to_owned()),
        (service, _) => Some(format!("an ARN of {service} is neither a secret's nor a parameter's")),
    }
}
