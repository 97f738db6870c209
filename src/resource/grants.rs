//! What an execution role may do, permission by permission, and the one inline policy that says so.
//!
//! A permission is as narrow as IAM can say it, so the policy of several workloads is the union of theirs and nothing more. Read
//! back, a policy is the permissions again: what is granted stays granted while it is not known who needs it.

use super::arn::Arn;
use super::fingerprint::short_hash;
use super::policy::{DEFAULT_VERSION, MAX_INLINE_POLICY_CHARS, VERSION, canonical, canonical_statement, size};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

mod proof;
mod read;

pub use read::Held;

/// One thing that a role may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Permission {
    /// `secretsmanager:GetSecretValue` on a full ARN, or on a partial one with `-??????` at its end, which stands for the six
    /// characters that AWS adds and for nothing else (aws.md, e.2).
    ReadSecret(String),
    /// `ssm:GetParameters` on a parameter's ARN (AWS: task execution role, rule 37).
    ReadParameter(String),
    /// `s3:GetObject` on an object's ARN, with `s3:GetBucketLocation` on its bucket (AWS: ECS, environment files).
    ReadObject(String),
    /// `kms:Decrypt`.
    Decrypt(Decryption),
    /// `logs:CreateLogGroup` on a log group's ARN (AWS: ECS, `awslogs-create-group`).
    CreateLogGroup(String),
    /// `logs:CreateLogStream` and `logs:PutLogEvents` on a log group's ARN.
    WriteLogs(String),
    /// The three actions that pull, on a repository's ARN, with `ecr:GetAuthorizationToken`, which has no resource.
    PullImage(String),
}

/// The use of a customer key (AWS: private registry authentication, rule 17).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Decryption {
    /// ARN of the key.
    pub key: String,
    /// The service that decrypts (`kms:ViaService`), such as `ssm.eu-west-1.amazonaws.com`; none in policies of earlier versions.
    pub via: Option<String>,
    /// The secret or parameter, which the service names in the encryption context; none where that would be too long to list.
    pub of: Option<String>,
}

/// Where pulls from ECR must come from; empty = from anywhere. Only the three pull actions may be so restricted (AWS: task
/// execution role, rules 40 and 41).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PullSources {
    /// Ids of VPCs (`aws:SourceVpc`).
    pub vpc_ids: BTreeSet<String>,
    /// Ids of VPC endpoints (`aws:SourceVpce`).
    pub vpc_endpoint_ids: BTreeSet<String>,
}

impl PullSources {
    /// Whether there is no restriction.
    pub fn is_anywhere(&self) -> bool {
        self.vpc_ids.is_empty() && self.vpc_endpoint_ids.is_empty()
    }

    fn condition(&self) -> Map<String, Value> {
        let keys = [("aws:SourceVpc", &self.vpc_ids), ("aws:SourceVpce", &self.vpc_endpoint_ids)];
        let asked = keys.into_iter().filter(|(_, ids)| !ids.is_empty()).map(|(key, ids)| (key.to_owned(), json!(ids)));
        asked.collect()
    }
}

/// What an execution role may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Grants(pub BTreeSet<Permission>);

impl FromIterator<Permission> for Grants {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().collect())
    }
}

impl Extend<Permission> for Grants {
    fn extend<I: IntoIterator<Item = Permission>>(&mut self, permissions: I) {
        self.0.extend(permissions);
    }
}

/// The service that decrypts what an ARN of a secret or parameter names, as `kms:ViaService` has it: the Region is that of the
/// thing (aws.md, e.4).
pub fn via_service(service: &str, region: &str, partition: &str) -> String {
    let domain = match partition {
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        "aws-iso-f" => "csp.hci.ic.gov",
        "aws-eusc" => "amazonaws.eu",
        // In China, too: services are named there as elsewhere in policies (AWS: KMS, kms:ViaService).
        _ => "amazonaws.com",
    };
    format!("{service}.{region}.{domain}")
}

/// Words of each service that decrypts: the beginning of its name, its key of the encryption context, the Sid.
const CONTEXTS: [(&str, &str, &str); 2] = [
    ("secretsmanager.", "kms:EncryptionContext:SecretARN", "DecryptSecrets"),
    ("ssm.", "kms:EncryptionContext:PARAMETER_ARN", "DecryptParameters"),
];

/// The words of a service; those of Secrets Manager where none is named, as in earlier versions' policies.
fn context_of(via: Option<&str>) -> (&'static str, &'static str) {
    let found = CONTEXTS.iter().find(|(service, ..)| via.is_some_and(|via| via.starts_with(service)));
    let (_, key, sid) = found.unwrap_or(&CONTEXTS[0]);
    (key, sid)
}

/// The actions on each kind of resource, in the policy's order.
pub(super) const READ_SECRET: &[&str] = &["secretsmanager:GetSecretValue"];
pub(super) const READ_PARAMETER: &[&str] = &["ssm:GetParameters"];
pub(super) const READ_OBJECT: &[&str] = &["s3:GetObject"];
const LOCATE_BUCKET: &[&str] = &["s3:GetBucketLocation"];
const DECRYPT: &[&str] = &["kms:Decrypt"];
pub(super) const CREATE_LOG_GROUP: &[&str] = &["logs:CreateLogGroup"];
pub(super) const WRITE_LOGS: &[&str] = &["logs:CreateLogStream", "logs:PutLogEvents"];
/// The Sid of the statement that pulls; of one that stays from elsewhere, its beginning.
const PULL_SID: &str = "PullFromEcr";
const SIGN_IN: &[&str] = &["ecr:GetAuthorizationToken"];
pub(super) const PULL: &[&str] = &["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

/// All actions that a policy of ours ever grants.
pub fn all_actions() -> Vec<&'static str> {
    [READ_SECRET, READ_PARAMETER, READ_OBJECT, LOCATE_BUCKET, DECRYPT, CREATE_LOG_GROUP, WRITE_LOGS, SIGN_IN, PULL].concat()
}

impl Grants {
    /// What either of two workloads needs.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(&self.0 | &other.0)
    }

    /// Whether nothing is needed: then there is no inline policy, for IAM takes none without a statement.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes these secrets out, with the use of keys for them; keys whose things are not listed go with the last secret.
    pub fn drop_secrets(&mut self, dropped: &BTreeSet<&str>) {
        let is_dropped = |arn: &String| dropped.contains(arn.as_str());
        self.0.retain(|permission| match permission {
            Permission::ReadSecret(arn) => !is_dropped(arn),
            Permission::Decrypt(decryption) => !decryption.of.as_ref().is_some_and(is_dropped),
            _ => true,
        });
        if self.secrets().is_empty() {
            let unlisted = |decryption: &Decryption| {
                decryption.of.is_none() && decryption.via.as_ref().is_none_or(|via| via.starts_with(CONTEXTS[0].0))
            };
            self.0.retain(|permission| !permission.decryption().is_some_and(unlisted));
        }
    }

    /// Leaves out pulls and logs that are not granted yet: the managed policy may be what allows them.
    pub fn drop_new_pulls_and_logs(&mut self, granted: &Self) {
        let is_managed = |permission: &Permission| matches!(permission, Permission::PullImage(_) | Permission::WriteLogs(_));
        self.0.retain(|permission| !is_managed(permission) || granted.0.contains(permission));
    }

    /// ARNs of the secrets that may be read.
    pub fn secrets(&self) -> BTreeSet<String> {
        self.resources(|permission| match permission {
            Permission::ReadSecret(arn) => Some(arn),
            _ => None,
        })
    }

    /// ARNs of the customer keys that may be used.
    pub fn keys(&self) -> BTreeSet<String> {
        self.resources(|permission| match permission {
            Permission::Decrypt(decryption) => Some(&decryption.key),
            _ => None,
        })
    }

    fn resources<'a>(&'a self, of: impl Fn(&'a Permission) -> Option<&'a String>) -> BTreeSet<String> {
        self.0.iter().filter_map(of).cloned().collect()
    }

    /// The inline policy: few statements, in a fixed order, with Sids that stay. If it would be longer than IAM allows, the
    /// encryption contexts are left out and the keys of each service share a statement.
    pub fn policy(&self, pulls: &PullSources) -> Value {
        let whole = self.document(self.decryptions(), pulls);
        if size(&whole) <= MAX_INLINE_POLICY_CHARS { whole } else { self.document(self.merged_decryptions(), pulls) }
    }

    fn document(&self, decryptions: Vec<Value>, pulls: &PullSources) -> Value {
        let images = self.resources(|permission| match permission {
            Permission::PullImage(arn) => Some(arn),
            _ => None,
        });
        let everything: BTreeSet<String> = if images.is_empty() { BTreeSet::new() } else { ["*".to_owned()].into() };
        let mut statements = self.reads();
        statements.extend(decryptions);
        statements.extend(self.logs());
        statements.extend(allow("SignInToEcr", &everything, Map::new()));
        statements.extend(allow(PULL_SID, &images, pulls.condition()));
        json!({"Version": VERSION, "Statement": statements})
    }

    fn reads(&self) -> Vec<Value> {
        let parameters = self.resources(|permission| match permission {
            Permission::ReadParameter(arn) => Some(arn),
            _ => None,
        });
        let objects = self.resources(|permission| match permission {
            Permission::ReadObject(arn) => Some(arn),
            _ => None,
        });
        let buckets = objects.iter().filter_map(|arn| arn.split_once('/')).map(|(bucket, _)| bucket.to_owned()).collect();
        let all = [
            allow("ReadSecrets", &self.secrets(), Map::new()),
            allow("ReadParameters", &parameters, Map::new()),
            allow("ReadObjects", &objects, Map::new()),
            allow("LocateBuckets", &buckets, Map::new()),
        ];
        all.into_iter().flatten().collect()
    }

    fn logs(&self) -> Vec<Value> {
        let created = self.resources(|permission| match permission {
            Permission::CreateLogGroup(arn) => Some(arn),
            _ => None,
        });
        let written = self.resources(|permission| match permission {
            Permission::WriteLogs(arn) => Some(arn),
            _ => None,
        });
        let all = [allow("CreateLogGroups", &created, Map::new()), allow("WriteLogs", &written, Map::new())];
        all.into_iter().flatten().collect()
    }

    /// A statement for each key and service, with the things that are encrypted under it.
    fn decryptions(&self) -> Vec<Value> {
        let mut things: BTreeMap<(&Option<String>, &String), Option<BTreeSet<&String>>> = BTreeMap::new();
        for decryption in self.0.iter().filter_map(Permission::decryption) {
            let of = things.entry((&decryption.via, &decryption.key)).or_insert_with(|| Some(BTreeSet::new()));
            match (&decryption.of, of.as_mut()) {
                (Some(thing), Some(things)) => _ = things.insert(thing),
                _ => *of = None, // whatever the service decrypts
            }
        }
        let statement = |((via, key), of): ((&Option<String>, &String), Option<BTreeSet<&String>>)| {
            let (context, sid) = context_of(via.as_deref());
            let mut condition: Map<String, Value> = via.iter().map(|via| ("kms:ViaService".to_owned(), json!(via))).collect();
            condition.extend(of.map(|things| (context.to_owned(), json!(things))));
            let sid = format!("{sid}{}", short_hash(&format!("{via:?} {key}"), 8));
            allow(&sid, &[key.clone()].into(), condition)
        };
        things.into_iter().filter_map(statement).collect()
    }

    /// A statement for each service, with all its keys.
    fn merged_decryptions(&self) -> Vec<Value> {
        let mut keys: BTreeMap<&Option<String>, BTreeSet<String>> = BTreeMap::new();
        for decryption in self.0.iter().filter_map(Permission::decryption) {
            keys.entry(&decryption.via).or_default().insert(decryption.key.clone());
        }
        let statement = |(via, keys): (&Option<String>, BTreeSet<String>)| {
            let (_, sid) = context_of(via.as_deref());
            let condition = via.iter().map(|via| ("kms:ViaService".to_owned(), json!(via))).collect();
            allow(&format!("{sid}{}", short_hash(&format!("{via:?}"), 8)), &keys, condition)
        };
        keys.into_iter().filter_map(statement).collect()
    }
}

impl Permission {
    /// The use of a key, if it is one.
    pub fn decryption(&self) -> Option<&Decryption> {
        match self {
            Self::Decrypt(decryption) => Some(decryption),
            _ => None,
        }
    }
}

/// The actions that a statement of ours has, by its Sid.
fn actions_of(sid: &str) -> Option<&'static [&'static str]> {
    let is_hashed = |stem: &str| sid.starts_with(stem);
    match sid {
        "ReadSecrets" => Some(READ_SECRET),
        "ReadParameters" => Some(READ_PARAMETER),
        "ReadObjects" => Some(READ_OBJECT),
        "LocateBuckets" => Some(LOCATE_BUCKET),
        "CreateLogGroups" => Some(CREATE_LOG_GROUP),
        "WriteLogs" => Some(WRITE_LOGS),
        "SignInToEcr" => Some(SIGN_IN),
        _ if is_hashed(PULL_SID) => Some(PULL),
        _ if CONTEXTS.iter().any(|(_, _, stem)| is_hashed(stem)) => Some(DECRYPT),
        _ => None,
    }
}

/// A statement of ours; none where there is nothing that it would be about.
fn allow(sid: &str, resources: &BTreeSet<String>, condition: Map<String, Value>) -> Option<Value> {
    let actions = actions_of(sid).filter(|_| !resources.is_empty())?;
    let mut statement = json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources});
    if let [action] = actions {
        statement["Action"] = json!(action);
    }
    if !condition.is_empty() {
        statement["Condition"] = json!({"StringEquals": condition});
    }
    Some(statement)
}

#[cfg(test)]
mod tests;
