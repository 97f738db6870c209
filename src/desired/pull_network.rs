//! What a `PullNetwork` wants in AWS: the endpoints that its tasks need, where they are and behind which groups, or all that is wrong
//! with it. Pure.

mod policies;
mod rules;

pub(super) use policies::roles;

use crate::api::{PullNetwork, PullNetworkSpec};
use crate::inputs::NetworkInputs;
use crate::problem::Problem;
use crate::resource::fingerprint::short_hash;
use crate::resource::names;
use crate::resource::network::endpoint::DesiredEndpoint;
use crate::resource::network::group::DesiredGroup;
use crate::resource::network::place::Chosen;
use crate::resource::network::services::{LinuxPlatform, Service, linux_of, needs};
use crate::resource::network::{Endpoint, EndpointKind, NetworkReads, SecurityGroup};
use crate::resource::tags::{Adoption, Owner};
use crate::target::Target;
use std::collections::BTreeSet;

/// Longest name of a security group (EC2: CreateSecurityGroup).
const MAX_GROUP_NAME: usize = 255;

/// What the status says of an endpoint that is gone, and of one that has been asked to go.
pub(crate) const DELETED: &str = "deleted";
pub(crate) const DELETING: &str = "deleting";

/// What stands for the namespace of what is in none.
const NO_NAMESPACE: &str = "-";

/// Everything a network wants in AWS.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredNetwork {
    /// Where.
    pub target: Target,
    /// Its name.
    pub name: String,
    /// The object's uid, and the generation of its spec; outside a cluster both are empty. They tell one request for an endpoint from
    /// another that is alike: what a spec left out and asks for again is another endpoint.
    pub revision: String,
    /// Whose endpoints and group are.
    pub owner: Owner,
    /// The VPC.
    pub vpc_id: String,
    /// The subnets.
    pub subnets: Chosen,
    /// The route tables of the S3 gateway; none = those of the subnets.
    pub route_tables: Option<Chosen>,
    /// The security groups of interface endpoints.
    pub groups: DesiredGroups,
    /// The endpoints that are needed, in order.
    pub endpoints: Vec<DesiredEndpoint>,
    /// Whether those of others are taken over.
    pub adoption: Adoption,
    /// Whether the S3 gateway may be made, or get more route tables.
    pub allow_s3_gateway: bool,
    /// Whether what is no longer needed stays.
    pub retain: bool,
    /// The endpoints that the status names.
    pub recorded: Vec<crate::api::EndpointStatus>,
    /// The security group that the status names.
    pub recorded_group: Option<String>,
    /// What needs a way to the internet all the same, in sentences.
    pub internet_needs: Vec<String>,
    /// What may go wrong later.
    pub warnings: Vec<String>,
}

/// The security groups of interface endpoints.
#[derive(Debug, Clone, PartialEq)]
pub enum DesiredGroups {
    /// One is made.
    Made(DesiredGroup),
    /// These exist.
    Given(BTreeSet<String>),
}

impl DesiredGroups {
    /// What plans call them.
    pub fn label(&self) -> String {
        match self {
            Self::Made(group) => group.name.clone(),
            Self::Given(ids) => ids.iter().cloned().collect::<Vec<_>>().join(", "),
        }
    }
}

/// What tells a network's own things from others'.
#[derive(Debug, Clone, PartialEq)]
pub struct Belongings {
    /// Their owner.
    pub owner: Owner,
    /// The VPC.
    pub vpc_id: String,
    /// The Region.
    pub region: String,
    /// Ids of endpoints that the status names as kept.
    pub endpoints: BTreeSet<String>,
    /// Id of the group that the status names.
    pub group: Option<String>,
}

impl Belongings {
    /// Whether an endpoint is the network's. What is of a kind that is never made for its service is not, whatever its tags say.
    pub fn has(&self, endpoint: &Endpoint) -> bool {
        let made = Service::of(&endpoint.service_name, &self.region).is_some_and(|it| it.endpoint_kind() == endpoint.kind);
        made && endpoint.vpc_id == self.vpc_id && self.owner.owns(&endpoint.tags, self.endpoints.contains(&endpoint.id))
    }

    /// Whether a security group is the network's.
    pub fn has_group(&self, group: &SecurityGroup) -> bool {
        group.vpc_id == self.vpc_id && self.owner.owns(&group.tags, self.group.as_ref() == Some(&group.id))
    }
}

/// What goes with a network.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkRemoval {
    /// What is its own.
    pub belongings: Belongings,
    /// The endpoints that the status names as kept, and not as deleted.
    pub recorded: Vec<crate::api::EndpointStatus>,
}

/// What a network leaves behind. Needs no valid spec. What it took over is its own as well, as a secret is that was taken over.
pub fn network_removal(inputs: &NetworkInputs, target: &Target) -> NetworkRemoval {
    let recorded = inputs.network.status.iter().flat_map(|status| &status.endpoints);
    let recorded = recorded.filter(|it| it.managed && !is_gone(it)).cloned().collect();
    NetworkRemoval { belongings: belongings(inputs, target), recorded }
}

impl NetworkRemoval {
    /// What a removal has to look at.
    pub fn reads(&self) -> NetworkReads {
        NetworkReads { vpc_id: self.belongings.vpc_id.clone(), service_names: BTreeSet::new() }
    }
}

fn belongings(inputs: &NetworkInputs, target: &Target) -> Belongings {
    let status = inputs.network.status.as_ref();
    let kept = status.into_iter().flat_map(|status| &status.endpoints).filter(|endpoint| endpoint.managed);
    Belongings {
        owner: owner(inputs),
        vpc_id: inputs.network.spec.vpc_id.clone(),
        region: target.region.clone(),
        endpoints: kept.filter_map(|endpoint| endpoint.id.clone()).collect(),
        group: status.and_then(|status| status.security_group_id.clone()),
    }
}

impl DesiredNetwork {
    /// What a pass has to look at.
    pub fn reads(&self) -> NetworkReads {
        let names = self.endpoints.iter().flat_map(|endpoint| endpoint.service.full_names(&self.target.region));
        NetworkReads { vpc_id: self.vpc_id.clone(), service_names: names.collect() }
    }

    /// Whether an interface endpoint is among what is needed.
    pub(crate) fn has_interfaces(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.service.endpoint_kind() == EndpointKind::Interface)
    }

    /// What tells its own things from others'.
    pub fn belongings(&self) -> Belongings {
        let kept = self.recorded.iter().filter(|endpoint| endpoint.managed);
        Belongings {
            owner: self.owner.clone(),
            vpc_id: self.vpc_id.clone(),
            region: self.target.region.clone(),
            endpoints: kept.filter_map(|endpoint| endpoint.id.clone()).collect(),
            group: self.recorded_group.clone(),
        }
    }
}

/// Whether the status says that an endpoint is gone, or that it was asked to go.
pub(crate) fn is_gone(endpoint: &crate::api::EndpointStatus) -> bool {
    matches!(endpoint.state.as_deref(), Some(DELETED | DELETING))
}

fn name(network: &PullNetwork) -> &str {
    network.metadata.name.as_deref().unwrap_or_default()
}

/// A network is in no namespace, and its tags say so.
fn owner(inputs: &NetworkInputs) -> Owner {
    Owner {
        cluster: inputs.cluster.clone(),
        namespace_uid: NO_NAMESPACE.to_owned(),
        namespace: NO_NAMESPACE.to_owned(),
        owner: names::tag_value(&format!("PullNetwork/{}", name(&inputs.network))),
    }
}

/// Resolves a network. All problems are found at once.
pub fn resolve_network(inputs: &NetworkInputs, target: &Target) -> Result<DesiredNetwork, Vec<Problem>> {
    let (network, spec) = (&inputs.network, &inputs.network.spec);
    let mut problems = vec![];
    rules::check(inputs, target, &mut problems);
    let policies = policies::resolve(spec, target, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let status = network.status.as_ref();
    let recorded = status.map(|status| status.endpoints.clone()).unwrap_or_default();
    let recorded_group = status.and_then(|status| status.security_group_id.clone());
    let endpoint = |service: Service, reason: String| DesiredEndpoint {
        service,
        reason,
        // Rules 59 and 60: only of the API of ECR the choice is the user's.
        private_dns: match service {
            Service::S3 => false,
            Service::EcrApi => spec.ecr_api_private_dns,
            _ => true,
        },
        policy: policies.of(service),
        recorded: recorded.iter().find(|it| it.service == service.short()).and_then(|it| it.id.clone()),
        gone: recorded.iter().find(|it| it.service == service.short() && is_gone(it)).and_then(|it| it.id.clone()),
    };
    let endpoints: Vec<DesiredEndpoint> =
        needs(&spec.tasks, &spec.pulls).into_iter().map(|need| endpoint(need.service, need.reason)).collect();
    let mut warnings = policies::warnings(spec, target, &endpoints);
    warnings.extend(rules::warnings(spec, &endpoints));
    Ok(DesiredNetwork {
        target: target.clone(),
        name: name(network).to_owned(),
        revision: format!(
            "{}/{}",
            network.metadata.uid.as_deref().unwrap_or_default(),
            network.metadata.generation.unwrap_or_default()
        ),
        owner: owner(inputs),
        vpc_id: spec.vpc_id.clone(),
        subnets: chosen(&spec.subnet_ids, spec.subnet_selector.as_ref()).unwrap_or(Chosen::Ids(BTreeSet::new())),
        route_tables: chosen(&spec.route_table_ids, spec.route_table_selector.as_ref()),
        groups: groups(inputs, recorded_group.as_ref()),
        endpoints,
        adoption: Adoption {
            policy: spec.adoption_policy.min(target.most_adoption()),
            identity: format!("{}/{NO_NAMESPACE}/PullNetwork/{}", inputs.cluster, name(network)),
        },
        allow_s3_gateway: spec.allow_s3_gateway,
        retain: spec.deletion_policy == crate::api::DeletionPolicy::Retain,
        recorded,
        recorded_group,
        internet_needs: internet_needs(spec),
        warnings,
    })
}

fn chosen(ids: &[String], tags: Option<&crate::api::Tags>) -> Option<Chosen> {
    match tags {
        Some(tags) => Some(Chosen::Tags(tags.match_tags.clone())),
        None => (!ids.is_empty()).then(|| Chosen::Ids(ids.iter().cloned().collect())),
    }
}

fn groups(inputs: &NetworkInputs, recorded: Option<&String>) -> DesiredGroups {
    let spec = &inputs.network.spec;
    match spec.security_groups.ids.as_slice() {
        [] => DesiredGroups::Made(DesiredGroup {
            name: group_name(name(&inputs.network)),
            network: name(&inputs.network).to_owned(),
            vpc_id: spec.vpc_id.clone(),
            owner: owner(inputs),
            recorded: recorded.cloned(),
        }),
        ids => DesiredGroups::Given(ids.iter().cloned().collect()),
    }
}

/// `wharfinger-NETWORK`; Kubernetes allows 253 characters, which with the prefix are more than EC2 does.
fn group_name(network: &str) -> String {
    let full = format!("wharfinger-{network}");
    match full.len() <= MAX_GROUP_NAME {
        true => full,
        false => format!("wharfinger-{}_{}", full.chars().skip(11).take(230).collect::<String>(), short_hash(&full, 8)),
    }
}

/// What no endpoint leads to.
fn internet_needs(spec: &PullNetworkSpec) -> Vec<String> {
    let (pulls, tasks) = (&spec.pulls, &spec.tasks);
    let windows = tasks.fargate.as_ref().is_some_and(|fargate| fargate.windows);
    let rows = [
        (
            pulls.private_registries,
            "the private registries themselves: the endpoints serve Amazon ECR and the reading of logins, so each registry needs a network path of its own",
        ),
        (
            pulls.ecr_public,
            "Amazon ECR Public: no endpoint leads there; have a pull-through cache rule bring its images into a private repository of this Region",
        ), // rule 53
        (
            pulls.pull_through_cache,
            "the first pull of an image through a pull-through cache rule: it needs a public subnet with a NAT gateway, later pulls do not",
        ), // rule 56
        (
            windows,
            "Windows base layers, which are in no repository of Amazon ECR unless they were pushed with --allow-nondistributable-artifacts",
        ), // rule 57
    ];
    rows.into_iter().filter(|(needed, _)| *needed).map(|(_, what)| what.to_owned()).collect()
}

/// Whether Linux tasks run on a platform that pulls without the API of ECR in the VPC.
fn has_old_platform(spec: &PullNetworkSpec) -> bool {
    linux_of(&spec.tasks) == Some(Ok(LinuxPlatform::Before140))
}
