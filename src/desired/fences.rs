//! Fences: every ARN that a spec leads to must be admitted by the AccountBinding before it is granted, passed or touched. What
//! lies under our own prefixes for the workload's namespace always is. Without a binding nothing is fenced.

use super::document::Prepared;
use super::rules::root;
use super::shared::RoleChoice;
use crate::api::{AdoptionPolicy, Limits, Rollout};
use crate::problem::Problem;
use crate::resource::arn::Arn;
use crate::resource::uses::Thing;
use crate::status::Reason;
use crate::target::Target;

/// A fence of `AccountBinding.spec.limits`.
type Fence = (&'static str, fn(&Limits) -> &Vec<String>);

const TASK_ROLES: Fence = ("taskRoles", |limits| &limits.task_roles);
const EXISTING_ROLES: Fence = ("existingRoles", |limits| &limits.existing_roles);
const SECRETS: Fence = ("secretArns", |limits| &limits.secret_arns);
const PARAMETERS: Fence = ("ssmParameters", |limits| &limits.ssm_parameters);
const OBJECTS: Fence = ("s3Objects", |limits| &limits.s3_objects);
const DEFINITIONS: Fence = ("definitionNames", |limits| &limits.definition_names);
const CLUSTERS: Fence = ("clusters", |limits| &limits.clusters);

/// Checks what the definition names.
pub(super) fn check(target: &Target, namespace: &str, prepared: &Prepared, problems: &mut Vec<Problem>) {
    for named in &prepared.uses {
        if let Some((fence, arn)) = fence_of(&named.thing) {
            let field = join(root(prepared.kind), &named.path);
            refuse_unless_admitted(target, namespace, field, arn, fence, problems);
        }
    }
}

/// The fence that something must pass, and its ARN. Images are pulled and logs are written in any case, as the managed policy allows.
fn fence_of(thing: &Thing) -> Option<(Fence, &str)> {
    match thing {
        Thing::Secret(arn) => Some((SECRETS, arn)),
        Thing::Parameter(arn) => Some((PARAMETERS, arn)),
        Thing::Object(arn) => Some((OBJECTS, arn)),
        Thing::TaskRole(arn) => Some((TASK_ROLES, arn)),
        Thing::LogGroup(_) | Thing::NewLogGroup(_) | Thing::Repository(_) => None,
    }
}

/// Whether something may be granted or passed.
pub(super) fn admits(target: &Target, namespace: &str, thing: &Thing) -> bool {
    fence_of(thing).is_none_or(|((_, list), arn)| target.admits(list, arn) || is_own(target, namespace, arn))
}

/// Checks the definition's name, where the spec gives one. A namespace has no `_`, so what begins with ours is no other's.
pub(super) fn check_name(target: &Target, namespace: &str, field: &str, name: &str, problems: &mut Vec<Problem>) {
    if !name.starts_with(&format!("{}{namespace}_", target.names.definition_prefix)) {
        refuse_unless_admitted(target, namespace, field.to_owned(), name, DEFINITIONS, problems);
    }
}

/// Checks how far a spec goes in taking over what others made.
pub(super) fn check_adoption(target: &Target, asked: AdoptionPolicy, problems: &mut Vec<Problem>) {
    let most = target.most_adoption();
    if asked > most {
        let rule = format!("the AccountBinding's limits.adoption is {most:?}");
        let remedy = "ask for no more than that, or ask the administrator of the AccountBinding";
        problems.push(Problem::of(Reason::NotAllowed, "spec.adoptionPolicy", format!("{asked:?}"), rule, remedy));
    }
}

/// Checks the clusters of the services that are rolled.
pub(super) fn check_rollout(target: &Target, namespace: &str, rollout: &Rollout, problems: &mut Vec<Problem>) {
    for (index, named) in rollout.services.iter().enumerate() {
        let field = format!("spec.rollout.services[{index}].cluster");
        let place = format!("arn:{}:ecs:{}:{}:cluster/", target.partition, target.region, target.account_id);
        if named.cluster.starts_with("arn:") && !named.cluster.starts_with(&place) {
            let rule = format!("the cluster is not of account {} and Region {}", target.account_id, target.region);
            problems.push(Problem::spec(field, &named.cluster, rule, "name a cluster of the same account and Region"));
            continue;
        }
        let name = named.cluster.strip_prefix(&place).unwrap_or(&named.cluster);
        check_plain_name(field.clone(), name, problems);
        check_plain_name(format!("spec.rollout.services[{index}].service"), &named.service, problems);
        refuse_unless_admitted(target, namespace, field, &format!("{place}{name}"), CLUSTERS, problems);
    }
}

/// The name of a cluster or service: an ARN or a path could lead past the fence (AWS: ECS API, CreateCluster, CreateService).
fn check_plain_name(field: String, name: &str, problems: &mut Vec<Problem>) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !(1..=255).contains(&name.len()) || !name.chars().all(allowed) {
        let rule = "the name of a cluster or service has 1 to 255 letters, digits, hyphens and underscores";
        problems.push(Problem::spec(field, name, rule, "write its name"));
    }
}

/// Checks the execution role.
pub(super) fn check_role(target: &Target, namespace: &str, choice: &RoleChoice, problems: &mut Vec<Problem>) {
    match &choice.arn {
        Some(arn) => {
            let wrong = Arn::parse(arn).ok().filter(|it| it.service == "iam" && it.role_name().is_some());
            match wrong {
                Some(it) if it.account == target.account_id => {
                    refuse_unless_admitted(target, namespace, choice.field.to_owned(), arn, EXISTING_ROLES, problems);
                }
                Some(it) => {
                    let rule = format!("the role is of account {}, the definition of {}", it.account, target.account_id);
                    problems.push(Problem::spec(choice.field, arn, rule, "name a role of the same account"));
                }
                None => {
                    let rule = "this is not the ARN of an IAM role";
                    problems.push(Problem::spec(choice.field, arn, rule, "write arn:aws:iam::ACCOUNT:role/NAME"));
                }
            }
        }
        None if !is_own_role(target, namespace, &choice.name) => {
            let rule = format!(
                "a role that Wharfinger makes for this namespace is named {0}{namespace} or {0}{namespace}_…",
                target.names.role_prefix
            );
            problems.push(Problem::spec(
                choice.field,
                &choice.name,
                rule,
                "rename it, or name an existing role by executionRole.arn",
            ));
        }
        None => check_role_name(choice, problems),
    }
}

fn check_role_name(choice: &RoleChoice, problems: &mut Vec<Problem>) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !(1..=64).contains(&choice.name.len()) || !choice.name.chars().all(allowed) {
        let rule = "a role's name has 1 to 64 letters, digits and _+=,.@-";
        problems.push(Problem::spec(choice.field, &choice.name, rule, "choose another name"));
    }
}

/// A namespace has no `_` and no `.`, so one namespace's role names never begin another's.
pub(super) fn is_own_role(target: &Target, namespace: &str, name: &str) -> bool {
    target.limits.is_none() || has_own_name(target, namespace, name)
}

/// Whether a role is named as those that are made for this namespace.
pub(super) fn has_own_name(target: &Target, namespace: &str, name: &str) -> bool {
    let own = crate::resource::names::role(&target.names.role_prefix, namespace, None);
    name.strip_prefix(&own).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

fn refuse_unless_admitted(target: &Target, namespace: &str, field: String, arn: &str, fence: Fence, problems: &mut Vec<Problem>) {
    let (name, list) = fence;
    if target.admits(list, arn) || is_own(target, namespace, arn) {
        return;
    }
    let rule = format!("the AccountBinding's limits.{name} do not admit it");
    problems.push(Problem::of(Reason::NotAllowed, field, arn, rule, "ask the administrator of the AccountBinding"));
}

/// Whether an ARN lies under our own prefixes for the namespace, in the target's account.
fn is_own(target: &Target, namespace: &str, arn: &str) -> bool {
    let Ok(parsed) = Arn::parse(arn) else { return false };
    match (parsed.service.as_str(), parsed.role_name()) {
        ("secretsmanager", _) => target.admits_secret(namespace, arn),
        ("iam", Some(name)) => {
            let path = target.limits.as_ref().and_then(|limits| limits.role_path.as_deref());
            let below = path.is_none_or(|path| parsed.role_path() == Some(path));
            parsed.account == target.account_id && below && is_own_role(target, namespace, name)
        }
        _ => false,
    }
}

fn join(left: &str, right: &str) -> String {
    if right.is_empty() { left.to_owned() } else { format!("{left}.{right}") }
}
