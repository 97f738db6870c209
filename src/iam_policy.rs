//! What Wharfinger itself must be allowed in AWS: the policy of the role that it acts with, and the documents around it.
//!
//! Pure. The statements are in [`TABLE`]; a test compares it with the calls in `src/aws/`: none is missing, none is left
//! over. An `AccountBinding` says where they may lead: names, path, boundary and fences are the same that the passes go by.

mod questions;
mod table;

pub use questions::{Entry, Question, questions};
pub use table::{Feature, TABLE};

use crate::api::{AccountBindingSpec, SessionTags};
use crate::problem::Problem;
use crate::resource::arn::partition_of;
use crate::resource::grants::{all_actions, via_service};
use crate::resource::policy::managed_policy_arn;
use crate::resource::tags::CLUSTER;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use table::{Place, Restriction, Statement};

/// Characters of one managed policy, white space left out (IAM quotas).
pub const MAX_POLICY: usize = 6144;

/// More Regions than this are written as `*`.
const MAX_REGIONS: usize = 3;

/// The features that a binding's fences open, besides the usual ones.
pub fn features_of(binding: &AccountBindingSpec) -> BTreeSet<Feature> {
    let limits = &binding.limits;
    let opened = [
        (Feature::ExistingRoles, !limits.existing_roles.is_empty()),
        (Feature::TaskRoles, !limits.task_roles.is_empty()),
        (Feature::ExistingSecrets, !limits.secret_arns.is_empty()),
        (Feature::Parameters, !limits.ssm_parameters.is_empty()),
        (Feature::CustomerKeys, !limits.kms_keys.is_empty()),
        (Feature::Services, !limits.clusters.is_empty()),
        (Feature::Readers, !limits.readers.is_empty()),
    ];
    let opened = opened.into_iter().filter(|(_, open)| *open).map(|(feature, _)| feature);
    Feature::USUAL.into_iter().chain(opened).collect()
}

/// The policies of the identity that acts in the account, each small enough for a managed policy.
pub fn policies(binding: &AccountBindingSpec, features: &BTreeSet<Feature>) -> Result<Vec<Value>, Vec<Problem>> {
    let mut statements = vec![];
    let mut problems = vec![];
    let wanted = |feature: &Feature| features.contains(feature) || features.iter().any(|other| other.needs() == Some(*feature));
    for row in TABLE.iter().filter(|row| row.features.iter().all(wanted)) {
        match statement(row, binding) {
            Ok(found) => statements.extend(found),
            Err(problem) => problems.push(problem),
        }
    }
    problems.dedup();
    if problems.is_empty() { split(statements) } else { Err(problems) }
}

/// Whole statements, in as few policies as their order allows.
fn split(statements: Vec<Value>) -> Result<Vec<Value>, Vec<Problem>> {
    let mut policies: Vec<Vec<Value>> = vec![];
    for statement in statements {
        if characters(&policy(vec![statement.clone()])) > MAX_POLICY {
            let sid = statement["Sid"].as_str().unwrap_or_default();
            let rule = format!("this one statement is longer than the {MAX_POLICY} characters of a managed policy");
            return Err(vec![Problem::spec(
                "spec.limits",
                sid,
                rule,
                "use fewer and wider patterns in the fence that it follows",
            )]);
        }
        match policies.last_mut() {
            Some(last) if characters(&policy([last.clone(), vec![statement.clone()]].concat())) <= MAX_POLICY => {
                last.push(statement)
            }
            _ => policies.push(vec![statement]),
        }
    }
    Ok(policies.into_iter().map(policy).collect())
}

/// Characters as IAM counts them: nothing of ours has white space but between tokens, where there is none here.
pub fn characters(policy: &Value) -> usize {
    policy.to_string().chars().filter(|it| !it.is_whitespace()).count()
}

fn policy(statements: Vec<Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// One row, as the statements that it comes to here.
fn statement(row: &Statement, binding: &AccountBindingSpec) -> Result<Vec<Value>, Problem> {
    let resources = resources(row.place, binding);
    if resources.iter().all(|(resources, _)| resources.is_empty()) {
        let rule = format!(
            "feature {} needs to know which, and nothing is admitted",
            row.features.iter().map(Feature::word).collect::<Vec<_>>().join("+")
        );
        let remedy = format!("name an AccountBinding with {} by -f, or leave the feature out", row.place.field());
        return Err(Problem::spec(row.place.field(), "", rule, remedy));
    }
    let found = resources.into_iter().filter(|(resources, _)| !resources.is_empty()).enumerate();
    let each = found.map(|(index, (resources, mut conditions))| {
        let mut statement = json!({
            "Sid": if index == 0 { row.sid.to_owned() } else { format!("{}ByAlias", row.sid) },
            "Effect": "Allow",
            "Action": one_or_many(row.actions.iter().chain(row.asked_too).map(|it| json!(it)).collect()),
            "Resource": one_or_many(resources.into_iter().map(Value::from).collect()),
        });
        condition(row.condition, binding, &mut conditions);
        if !conditions.is_empty() {
            statement["Condition"] = Value::Object(conditions);
        }
        statement
    });
    Ok(each.collect())
}

fn one_or_many(mut all: Vec<Value>) -> Value {
    if all.len() == 1 { all.remove(0) } else { Value::Array(all) }
}

fn condition(condition: Restriction, binding: &AccountBindingSpec, into: &mut Map<String, Value>) {
    let partition = partition(binding);
    match (condition, &binding.limits.permissions_boundary_arn) {
        (Restriction::Boundary, Some(boundary)) => {
            into.insert("StringEquals".into(), json!({ "iam:PermissionsBoundary": boundary }));
        }
        (Restriction::Boundary, None) | (Restriction::None, _) => {}
        (Restriction::ManagedPolicy, _) => {
            into.insert("ArnEquals".into(), json!({ "iam:PolicyARN": managed_policy_arn(partition) }));
        }
        (Restriction::PassedToTasks, _) => {
            into.insert("StringEquals".into(), json!({ "iam:PassedToService": "ecs-tasks.amazonaws.com" }));
        }
        (Restriction::ViaSecretsManager, _) => {
            let via = regions(binding).into_iter().map(|region| json!(via_service("secretsmanager", &region, partition)));
            let operator = if regions(binding) == ["*"] { "StringLike" } else { "StringEquals" };
            into.insert(operator.into(), json!({ "kms:ViaService": one_or_many(via.collect()) }));
        }
        (Restriction::ToBeTagged, _) => there("aws:RequestTag", into),
        (Restriction::ToBeTaggedOfAws, _) => {
            there("aws:RequestTag", into);
            into.insert("StringEquals".into(), json!({ "ec2:VpceServiceOwner": "amazon" }));
        }
        (Restriction::Tagged, _) => there("aws:ResourceTag", into),
        (Restriction::OnCreation, _) => {
            let calls = ["CreateVpcEndpoint", "CreateSecurityGroup"];
            into.insert("StringEquals".into(), json!({ "ec2:CreateAction": calls }));
        }
    }
}

/// The tag of a cluster must be there; which cluster's it is the policy does not know.
fn there(whose: &str, into: &mut Map<String, Value>) {
    into.insert("Null".into(), json!({ format!("{whose}/{CLUSTER}"): "false" }));
}

fn partition(binding: &AccountBindingSpec) -> &'static str {
    binding.regions.first().and_then(|region| partition_of(region)).unwrap_or("aws")
}

fn regions(binding: &AccountBindingSpec) -> Vec<String> {
    let few = (1..=MAX_REGIONS).contains(&binding.regions.len());
    if few { binding.regions.clone() } else { vec!["*".to_owned()] }
}

/// Resources, and the conditions that come of how they are named.
fn resources(place: Place, binding: &AccountBindingSpec) -> Vec<(Vec<String>, Map<String, Value>)> {
    let (partition, account) = (partition(binding), &binding.account_id);
    let regional = |service: &str, thing: &str| -> Vec<String> {
        regions(binding).iter().map(|region| format!("arn:{partition}:{service}:{region}:{account}:{thing}")).collect()
    };
    let all_of_ec2 =
        |kinds: &[&str]| kinds.iter().flat_map(|kind| regional("ec2", &format!("{kind}/*"))).collect::<Vec<String>>();
    let (names, limits) = (&binding.names, &binding.limits);
    let path = limits.role_path.as_deref().unwrap_or("/");
    let plain = |all: Vec<String>| vec![(all, Map::new())];
    match place {
        Place::Anywhere => plain(vec!["*".to_owned()]),
        Place::OurSecrets => plain(regional("secretsmanager", &format!("secret:{}*", names.secret_prefix))),
        Place::OurRoles => plain(vec![format!("arn:{partition}:iam::{account}:role{path}{}*", names.role_prefix)]),
        Place::TaskDefinitions => plain(regional("ecs", &format!("task-definition/{}*", names.definition_prefix))),
        Place::JobDefinitions => plain(regional("batch", &format!("job-definition/{}*", names.definition_prefix))),
        Place::ExistingRoles => plain(limits.existing_roles.clone()),
        Place::TaskRoles => plain(limits.task_roles.clone()),
        Place::ExistingSecrets => plain(limits.secret_arns.clone()),
        Place::Clusters => plain(limits.clusters.iter().flat_map(|cluster| in_cluster(cluster)).collect()),
        Place::Keys => keys(&limits.kms_keys),
        Place::Ec2(kinds) => plain(all_of_ec2(kinds)),
        Place::PrivateDns => {
            let zones = format!("arn:{partition}:route53:::hostedzone/*");
            plain([zones].into_iter().chain(all_of_ec2(&["vpc"])).collect())
        }
        Place::ActingRole => plain(binding.role_arn.iter().cloned().collect()),
    }
}

fn in_cluster(cluster: &str) -> Vec<String> {
    let (before, name) = cluster.split_once(":cluster/").unwrap_or((cluster, "*"));
    ["service", "container-instance"]
        .map(|kind| format!("{before}:{kind}/{name}/*"))
        .into_iter()
        .chain([cluster.to_owned()])
        .collect()
}

/// Keys by their ARN; and those that are admitted by alias, since a policy's resource cannot be an alias.
fn keys(patterns: &[String]) -> Vec<(Vec<String>, Map<String, Value>)> {
    let by_alias = patterns.iter().filter_map(|pattern| pattern.split_once(":alias/"));
    let (homes, aliases): (BTreeSet<String>, Vec<Value>) =
        by_alias.map(|(home, alias)| (format!("{home}:key/*"), json!(format!("alias/{alias}")))).unzip();
    let by_arn = patterns.iter().filter(|pattern| !pattern.contains(":alias/")).cloned().collect();
    let condition = json!({ "kms:ResourceAliases": one_or_many(aliases) });
    vec![(by_arn, Map::new()), (homes.into_iter().collect(), Map::from_iter([("ForAnyValue:StringLike".to_owned(), condition)]))]
}

/// Who may become the binding's role: the trust policy for it.
pub fn trust(binding: &AccountBindingSpec, controller: &str) -> Value {
    let mut statement =
        json!({ "Effect": "Allow", "Principal": { "AWS": controller }, "Action": one_or_many(becoming(binding)) });
    if let Some(id) = &binding.external_id {
        statement["Condition"] = json!({ "StringEquals": { "sts:ExternalId": id } });
    }
    policy(vec![statement])
}

/// What the controller's own identity needs to become the binding's role.
pub fn controller(binding: &AccountBindingSpec) -> Result<Value, Problem> {
    let Some(role) = &binding.role_arn else {
        let rule = "the controller acts with its own identity, which needs the permissions themselves";
        return Err(Problem::spec(
            "spec.roleArn",
            "",
            rule,
            "name a role in the AccountBinding, or print --document permissions",
        ));
    };
    let statement = json!({ "Sid": "Become", "Effect": "Allow", "Action": one_or_many(becoming(binding)), "Resource": role });
    Ok(policy(vec![statement]))
}

fn becoming(binding: &AccountBindingSpec) -> Vec<Value> {
    let tags = (binding.session_tags == SessionTags::Namespace).then(|| json!("sts:TagSession"));
    [json!("sts:AssumeRole")].into_iter().chain(tags).collect()
}

/// A permissions boundary for the roles that are made: the kinds of thing that an execution role ever does.
pub fn boundary() -> Value {
    let statement = json!({ "Sid": "WhatExecutionRolesDo", "Effect": "Allow", "Action": all_actions(), "Resource": "*" });
    policy(vec![statement])
}
