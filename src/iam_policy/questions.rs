//! The policy as questions: what to ask IAM, to learn whether an identity is granted what the policy has.

use serde_json::{Map, Value};

/// Some actions on one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The statement that it comes from.
    pub sid: String,
    /// The actions.
    pub actions: Vec<String>,
    /// What they act on; `*` where AWS knows no resource.
    pub resource: String,
    /// What a request of ours would carry.
    pub context: Vec<Entry>,
}

/// A key of a request's context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Such as `iam:PassedToService`.
    pub key: String,
    /// Its values.
    pub values: Vec<String>,
    /// Whether the key is a list by its nature.
    pub many: bool,
}

/// Stands for what a pattern admits.
const ANY: &str = "wharfinger-doctor";

/// One question for each resource of each statement. A pattern is asked about by one name that it fits; `region` stands for any.
pub fn questions(policies: &[Value], region: &str) -> Vec<Question> {
    let statements = policies.iter().flat_map(|policy| policy["Statement"].as_array()).flatten();
    let mut found = vec![];
    for statement in statements {
        let context: Vec<Entry> = statement["Condition"].as_object().map(|it| entries(it, region)).unwrap_or_default();
        for resource in texts(&statement["Resource"]) {
            found.push(Question {
                sid: statement["Sid"].as_str().unwrap_or_default().to_owned(),
                actions: texts(&statement["Action"]),
                resource: example(&resource, region),
                context: context.clone(),
            });
        }
    }
    found
}

fn entries(conditions: &Map<String, Value>, region: &str) -> Vec<Entry> {
    let each =
        conditions.iter().flat_map(|(operator, keys)| keys.as_object().into_iter().flatten().map(move |it| (operator, it)));
    let entry = |(operator, (key, values)): (&String, (&String, &Value))| {
        let many = operator.starts_with("ForAnyValue:");
        let mut values: Vec<String> = texts(values).iter().map(|value| fitting(key, value, region)).collect();
        values.truncate(if many { values.len() } else { 1 }); // a request carries one
        Entry { key: key.clone(), values, many }
    };
    each.map(entry).collect()
}

/// In the name of a service `*` is a Region.
fn fitting(key: &str, value: &str, region: &str) -> String {
    value.replace('*', if key == "kms:ViaService" { region } else { ANY })
}

/// A name that fits a pattern.
fn example(pattern: &str, region: &str) -> String {
    if pattern == "*" {
        return pattern.to_owned();
    }
    let parts = pattern.splitn(6, ':').enumerate();
    parts.map(|(at, part)| part.replace('*', if at == 3 { region } else { ANY })).collect::<Vec<_>>().join(":")
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect(),
        other => other.as_str().map(str::to_owned).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_statement_is_asked_about_by_names_that_fit_it() {
        let policy = json!({"Statement": [
            {"Sid": "A", "Action": ["ecs:ListTasks", "ecs:ListClusters"], "Resource": "*"},
            {"Sid": "B", "Action": "secretsmanager:CreateSecret",
             "Resource": ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:w/*", "arn:aws:secretsmanager:*:111122223333:secret:w/*"]},
            {"Sid": "C", "Action": "kms:Decrypt", "Resource": "arn:aws:kms:eu-west-1:111122223333:key/*", "Condition": {
                "StringLike": {"kms:ViaService": ["secretsmanager.*.amazonaws.com", "x"]},
                "ForAnyValue:StringLike": {"kms:ResourceAliases": ["alias/a-*", "alias/b"]}}},
        ]});
        let found = questions(&[policy], "eu-west-1");
        let resources: Vec<&str> = found.iter().map(|it| it.resource.as_str()).collect();
        let secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:w/wharfinger-doctor";
        assert_eq!(resources, ["*", secret, secret, "arn:aws:kms:eu-west-1:111122223333:key/wharfinger-doctor"]);
        assert_eq!(found[0].actions, ["ecs:ListTasks", "ecs:ListClusters"]);
        let entry = |key: &str, values: &[&str], many| Entry {
            key: key.into(),
            values: values.iter().map(|value| (*value).into()).collect(),
            many,
        };
        let via = entry("kms:ViaService", &["secretsmanager.eu-west-1.amazonaws.com"], false);
        assert_eq!(found[3].context, [via, entry("kms:ResourceAliases", &["alias/a-wharfinger-doctor", "alias/b"], true)]);
    }
}
