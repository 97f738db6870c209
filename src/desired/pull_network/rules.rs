//! The rules of a `PullNetwork`'s spec, as files have no API server that checks them; and that one VPC has one network.

use super::{has_old_platform, name};
use crate::api::{PullNetwork, PullNetworkSpec};
use crate::desired::fences;
use crate::inputs::{Bindings, NetworkInputs};
use crate::problem::Problem;
use crate::resource::network::endpoint::DesiredEndpoint;
use crate::resource::network::services::linux_of;
use crate::target::Target;

/// Adds all that is wrong.
pub(super) fn check(inputs: &NetworkInputs, target: &Target, problems: &mut Vec<Problem>) {
    let spec = &inputs.network.spec;
    fences::check_adoption(target, spec.adoption_policy, problems);
    check_choices(spec, problems);
    check_tasks(spec, problems);
    check_principals(spec, target, problems);
    if let Some(interval) = spec.interval.as_deref().filter(|text| crate::interval::parse(Some(text)).is_none()) {
        let rule = "this is not a duration";
        problems.push(Problem::spec("spec.interval", interval, rule, "write one such as 30m, 1h or 0s"));
    }
    if let Some(first) = first_of_vpc(inputs, target) {
        let rule = format!("PullNetwork {first} has this VPC already, and two would undo each other's endpoints");
        problems.push(Problem::spec("spec.vpcId", &spec.vpc_id, rule, "keep one of them, with all that runs in the VPC"));
    }
}

fn check_choices(spec: &PullNetworkSpec, problems: &mut Vec<Problem>) {
    if spec.subnet_ids.is_empty() == spec.subnet_selector.is_none() {
        let rule = "exactly one of `subnetIds` and `subnetSelector` must be given";
        problems.push(Problem::spec("spec", "", rule, "keep one of them"));
    }
    if !spec.route_table_ids.is_empty() && spec.route_table_selector.is_some() {
        let rule = "at most one of `routeTableIds` and `routeTableSelector` may be given";
        problems.push(Problem::spec("spec", "", rule, "keep one of them, or none to take the route tables of the subnets"));
    }
    let selectors = [("subnetSelector", &spec.subnet_selector), ("routeTableSelector", &spec.route_table_selector)];
    for (field, _) in selectors.iter().filter(|(_, tags)| tags.as_ref().is_some_and(|tags| tags.match_tags.is_empty())) {
        problems.push(Problem::spec(format!("spec.{field}.matchTags"), "", "no tags select nothing", "name at least one tag"));
    }
    let groups = &spec.security_groups;
    match (groups.create, groups.ids.is_empty()) {
        (Some(true), false) => {
            let rule = "either `create: true` or `ids`, not both";
            problems.push(Problem::spec("spec.securityGroups", "", rule, "keep one of them"));
        }
        (Some(false), true) => {
            let rule = "with `create: false` no security group is left";
            problems.push(Problem::spec("spec.securityGroups", "", rule, "name the groups in `ids`"));
        }
        _ => {}
    }
}

fn check_tasks(spec: &PullNetworkSpec, problems: &mut Vec<Problem>) {
    let tasks = &spec.tasks;
    if tasks.fargate.is_none() && !tasks.ec2 && !tasks.external {
        let remedy = "name `fargate`, `ec2: true` or `external: true`";
        problems.push(Problem::spec("spec.tasks", "", "nothing runs here, so nothing is needed", remedy));
    }
    if let Some(Err(rule)) = linux_of(tasks) {
        let version = tasks.fargate.as_ref().and_then(|fargate| fargate.linux_platform_version.clone()).unwrap_or_default();
        let remedy = "write LATEST, 1.4.0 or 1.3.0, or leave it out";
        problems.push(Problem::spec("spec.tasks.fargate.linuxPlatformVersion", version, rule, remedy));
    }
    if spec.pulls.pull_through_cache && !spec.pulls.ecr {
        let rule = "a pull-through cache rule brings images into Amazon ECR, from where they are pulled";
        problems.push(Problem::spec("spec.pulls.pullThroughCache", true, rule, "set pulls.ecr: true as well"));
    }
}

/// What can never match would lock out whoever is meant.
fn check_principals(spec: &PullNetworkSpec, target: &Target, problems: &mut Vec<Problem>) {
    for (index, arn) in spec.additional_principals.iter().enumerate() {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let good = matches!(parts.as_slice(), ["arn", partition, "iam" | "sts", "", _, resource]
            if *partition == target.partition && !resource.is_empty());
        if !good {
            let rule = format!(
                "a principal is the ARN of IAM or STS in partition {}, such as arn:{0}:iam::ACCOUNT:role/NAME",
                target.partition
            );
            problems.push(Problem::spec(format!("spec.additionalPrincipals[{index}]"), arn, rule, "correct it"));
        } else if matches!(parts.as_slice(), [_, _, "sts", _, _, resource] if resource.starts_with("assumed-role")) {
            // IAM user guide, aws:PrincipalArn: of a role's session the key is the ARN of the role.
            let rule = "callers are compared by aws:PrincipalArn, which for the session of a role is the ARN of the role";
            let remedy = format!("write the role's ARN: arn:{}:iam::ACCOUNT:role/NAME", target.partition);
            problems.push(Problem::spec(format!("spec.additionalPrincipals[{index}]"), arn, rule, remedy));
        }
    }
}

/// The network that has the VPC, if it is not this one: the oldest, and among those as old the first by name. Files have no age.
fn first_of_vpc(inputs: &NetworkInputs, target: &Target) -> Option<String> {
    let own = &inputs.network;
    let age = |network: &PullNetwork| {
        let created = network.metadata.creation_timestamp.as_ref().map(|time| time.0);
        (created, name(network).to_owned())
    };
    let same = |other: &&PullNetwork| {
        other.spec.vpc_id == own.spec.vpc_id
            && name(other) != name(own)
            && account_of(inputs, other).is_none_or(|account| account == target.account_id)
    };
    let first = inputs.others.iter().filter(same).min_by_key(|other| age(other))?;
    (age(first) < age(own)).then(|| name(first).to_owned())
}

/// The account of another network: the one that it lives in, else that of its binding. It is not known where the binding is gone; an id
/// of a VPC is of one account only, so that such a one counts.
fn account_of<'a>(inputs: &'a NetworkInputs, network: &'a PullNetwork) -> Option<&'a str> {
    if let Some(target) = network.status.as_ref().and_then(|status| status.target.as_ref()) {
        return Some(&target.account_id);
    }
    match &inputs.bindings {
        Bindings::Ambient { account_id, .. } => Some(account_id),
        Bindings::Objects(bindings) => {
            let named = bindings.iter().find(|it| it.metadata.name.as_ref() == Some(&network.spec.binding_ref.name));
            named.map(|binding| binding.spec.account_id.as_str())
        }
    }
}

/// What is not wrong and may surprise.
pub(super) fn warnings(spec: &PullNetworkSpec, endpoints: &[DesiredEndpoint]) -> Vec<String> {
    let mut told = vec![];
    if endpoints.is_empty() {
        told.push("nothing that is named in spec.tasks and spec.pulls needs an endpoint".to_owned());
    }
    if spec.tasks.external {
        told.push(
            "external instances are in no VPC: nothing is made for them, and they need a way to AWS of their own".to_owned(),
        );
    }
    if has_old_platform(spec)
        && !endpoints.iter().any(|it| it.service == crate::resource::network::services::Service::EcrApi)
        && spec.pulls.ecr
    {
        told.push("tasks on Fargate Linux 1.3.0 need no endpoint of ecr.api; tasks on 1.4.0 or LATEST do: name 1.4.0 when the first of them runs here".to_owned());
    }
    if spec.tasks.awslogs && !spec.tasks.ec2 {
        told.push("spec.tasks.awslogs is about EC2 instances, of which spec.tasks names none; for Fargate it is spec.tasks.fargate.awslogs".to_owned());
    }
    told
}
