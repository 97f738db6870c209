//! All that an account holds of the kinds that Wharfinger makes. Each test has an account of its own, so this is exact.

use super::account::{Account, document, element, elements};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) type Tags = BTreeMap<String, String>;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Holdings {
    pub(super) secrets: Vec<Secret>,
    pub(super) roles: Vec<Role>,
    /// Active revisions, oldest first.
    pub(super) tasks: Vec<Definition>,
    /// Active revisions, oldest first.
    pub(super) jobs: Vec<Definition>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: String,
    pub(super) kms_key: Option<String>,
    pub(super) tags: Tags,
    /// Staging labels by version.
    pub(super) versions: BTreeMap<String, Vec<String>>,
    /// The value under AWSCURRENT; none while deletion is scheduled.
    pub(super) value: Option<Value>,
    pub(super) deleted: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) trust: Value,
    pub(super) tags: Tags,
    pub(super) attached: Vec<String>,
    pub(super) inline: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Definition {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) revision: i64,
    pub(super) tags: Tags,
    pub(super) content: Value,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn tag_list(list: &Value, key: &str, value: &str) -> Tags {
    list.as_array().into_iter().flatten().map(|tag| (text(&tag[key]), text(&tag[value]))).collect()
}

impl Account {
    pub(super) async fn holdings(&self) -> Holdings {
        Holdings { secrets: self.secrets().await, roles: self.roles().await, tasks: self.tasks().await, jobs: self.jobs().await }
    }

    async fn secrets(&self) -> Vec<Secret> {
        let list = self.json("secretsmanager", "ListSecrets", json!({"IncludePlannedDeletion": true, "MaxResults": 100})).await;
        let mut secrets = vec![];
        for listed in list["SecretList"].as_array().expect("a list") {
            let id = json!({"SecretId": listed["ARN"]});
            let secret = self.json("secretsmanager", "DescribeSecret", id.clone()).await;
            let value = self.try_json("secretsmanager", "GetSecretValue", id).await.ok();
            let versions = serde_json::from_value(secret["VersionIdsToStages"].clone()).unwrap_or_default();
            secrets.push(Secret {
                name: text(&secret["Name"]),
                arn: text(&secret["ARN"]),
                description: text(&secret["Description"]),
                kms_key: secret["KmsKeyId"].as_str().map(str::to_owned),
                tags: tag_list(&secret["Tags"], "Key", "Value"),
                versions,
                value: value.and_then(|value| serde_json::from_str(value["SecretString"].as_str()?).ok()),
                deleted: !secret["DeletedDate"].is_null(),
            });
        }
        secrets.sort_by(|a, b| a.name.cmp(&b.name));
        secrets
    }

    async fn roles(&self) -> Vec<Role> {
        let mut roles = vec![];
        for name in elements(&self.iam("ListRoles", &[]).await, "RoleName") {
            let named = [("RoleName", name.as_str())];
            let xml = self.iam("GetRole", &named).await;
            let (keys, values) = (elements(&xml, "Key"), elements(&xml, "Value"));
            let mut inline = BTreeMap::new();
            for policy in elements(&self.iam("ListRolePolicies", &named).await, "member") {
                let found = self.iam("GetRolePolicy", &[named[0], ("PolicyName", &policy)]).await;
                inline.insert(policy, document(&found, "PolicyDocument"));
            }
            roles.push(Role {
                arn: element(&xml, "Arn").expect("an ARN"),
                trust: document(&xml, "AssumeRolePolicyDocument"),
                tags: keys.into_iter().zip(values).collect(),
                attached: elements(&self.iam("ListAttachedRolePolicies", &named).await, "PolicyArn"),
                inline,
                name,
            });
        }
        roles.sort_by(|a, b| a.name.cmp(&b.name));
        roles
    }

    async fn tasks(&self) -> Vec<Definition> {
        let list = self.json("ecs", "ListTaskDefinitions", json!({})).await;
        let mut tasks = vec![];
        for arn in list["taskDefinitionArns"].as_array().expect("a list") {
            let answer = self.json("ecs", "DescribeTaskDefinition", json!({"taskDefinition": arn, "include": ["TAGS"]})).await;
            let content = answer["taskDefinition"].clone();
            tasks.push(Definition {
                arn: text(arn),
                name: text(&content["family"]),
                revision: content["revision"].as_i64().unwrap_or_default(),
                tags: tag_list(&answer["tags"], "key", "value"),
                content,
            });
        }
        in_order(tasks)
    }

    async fn jobs(&self) -> Vec<Definition> {
        let list = self.json("batch", "DescribeJobDefinitions", json!({"status": "ACTIVE"})).await;
        let jobs = list["jobDefinitions"].as_array().expect("a list").iter().map(|content| Definition {
            arn: text(&content["jobDefinitionArn"]),
            name: text(&content["jobDefinitionName"]),
            revision: content["revision"].as_i64().unwrap_or_default(),
            tags: serde_json::from_value(content["tags"].clone()).unwrap_or_default(),
            content: content.clone(),
        });
        in_order(jobs.collect())
    }
}

fn in_order(mut definitions: Vec<Definition>) -> Vec<Definition> {
    definitions.sort_by(|a, b| (&a.name, a.revision).cmp(&(&b.name, b.revision)));
    definitions
}

impl Holdings {
    /// Nothing is left but what waits out its recovery window.
    pub(super) fn is_empty(&self) -> bool {
        self.secrets.iter().all(|secret| secret.deleted) && self.roles.is_empty() && self.tasks.is_empty() && self.jobs.is_empty()
    }

    /// The definitions of both services.
    pub(super) fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.tasks.iter().chain(&self.jobs)
    }
}

impl Secret {
    /// The version under AWSCURRENT.
    pub(super) fn current(&self) -> Option<&str> {
        let current = self.versions.iter().find(|(_, labels)| labels.iter().any(|label| label == "AWSCURRENT"));
        current.map(|(version, _)| version.as_str())
    }
}

impl Definition {
    /// The containers, in whichever of the four shapes.
    pub(super) fn containers(&self) -> Vec<Value> {
        let content = &self.content;
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let tasks = |owner: &Value| list(&owner["ecsProperties"]["taskProperties"]);
        let mut found = list(&content["containerDefinitions"]);
        found.extend(content["containerProperties"].is_object().then(|| content["containerProperties"].clone()));
        found.extend(tasks(content).iter().flat_map(|task| list(&task["containers"])));
        for node in list(&content["nodeProperties"]["nodeRangeProperties"]) {
            found.extend(node["container"].is_object().then(|| node["container"].clone()));
            found.extend(tasks(&node).iter().flat_map(|task| list(&task["containers"])));
        }
        found
    }
}
