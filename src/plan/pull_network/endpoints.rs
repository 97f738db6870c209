//! The endpoints that a network needs: one that is ours is kept right, one of others is used or held, and else one is made.

use crate::desired::{DesiredNetwork, is_gone};
use crate::observed::Snapshot;
use crate::plan::{Action, Hold, Plan, Subject};
use crate::resource::network::endpoint::{DesiredEndpoint, Phase, Wanted, calls, phase};
use crate::resource::network::place::{by_zone, one_a_zone};
use crate::resource::network::services::Service;
use crate::resource::network::{Endpoint, EndpointKind, EndpointService, ObservedNetwork, Subnet, kind_word};
use crate::resource::tags::missing;
use crate::status::Reason;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of the VPC.
pub(super) struct View<'a> {
    pub(super) desired: &'a DesiredNetwork,
    pub(super) observed: &'a ObservedNetwork,
    /// Those that the spec names.
    pub(super) subnets: Vec<&'a Subnet>,
    /// Every endpoint of the VPC.
    pub(super) all: &'a [Endpoint],
    pub(super) services: &'a [EndpointService],
    /// Whether the usual names of services can lead to endpoints.
    pub(super) resolves: bool,
    /// Whether an interface endpoint is ours or is going to be.
    pub(super) needs_groups: bool,
    /// Those of interface endpoints; none while they cannot be said.
    pub(super) groups: Option<BTreeSet<String>>,
}

/// Whether an endpoint is this network's: by its tags, or because the status names it as made or taken over. What is of a kind that is
/// never made for its service is not ours, whatever its tags say.
pub(crate) fn is_ours(desired: &DesiredNetwork, endpoint: &Endpoint) -> bool {
    desired.belongings().has(endpoint)
}

/// The endpoints of a service in the VPC. An interface endpoint of S3 does not count: ECR's layers cannot be had through it, and it
/// stands in nobody's way (rule 61).
fn of_service<'a>(desired: &DesiredNetwork, service: Service, all: &'a [Endpoint]) -> Vec<&'a Endpoint> {
    let names = service.full_names(&desired.target.region);
    let counts = |it: &&Endpoint| service != Service::S3 || it.kind == EndpointKind::Gateway;
    let here = all.iter().filter(|it| it.vpc_id == desired.vpc_id && names.contains(&it.service_name));
    let mut found: Vec<&Endpoint> = here.filter(counts).filter(|it| phase(it) != Phase::Deleted).collect();
    found.sort_by_key(|it| (phase(it) != Phase::Available, it.id.as_str()));
    found
}

/// The endpoint of ours that serves, of several the one that the status names.
pub(crate) fn own<'a>(desired: &DesiredNetwork, wanted: &DesiredEndpoint, all: &'a [Endpoint]) -> Option<&'a Endpoint> {
    let ours: Vec<&Endpoint> = of_service(desired, wanted.service, all).into_iter().filter(|it| is_ours(desired, it)).collect();
    let recorded = |it: &&&Endpoint| wanted.recorded.as_ref() == Some(&it.id) && phase(it) != Phase::Deleting;
    ours.iter().find(recorded).or_else(|| ours.iter().find(|it| phase(it) != Phase::Deleting)).or(ours.first()).copied()
}

/// The endpoints of others.
pub(super) fn foreign<'a>(desired: &DesiredNetwork, service: Service, all: &'a [Endpoint]) -> Vec<&'a Endpoint> {
    of_service(desired, service, all).into_iter().filter(|it| !is_ours(desired, it)).collect()
}

/// What came of planning one endpoint.
#[derive(Default)]
pub(super) struct Planned {
    /// How many network interfaces of ours it then has.
    pub(super) interfaces: usize,
    /// The endpoint of others that is used as it is.
    pub(super) used: Option<String>,
}

impl<'a> View<'a> {
    /// The chosen subnets of each zone.
    pub(super) fn zones(&self) -> BTreeMap<&str, Vec<&str>> {
        by_zone(&self.subnets)
    }

    /// Plans one endpoint.
    pub(super) fn plan(&self, desired: &DesiredEndpoint, plan: &mut Plan) -> Planned {
        match desired.service.endpoint_kind() {
            EndpointKind::Gateway => Planned { interfaces: 0, used: self.plan_gateway(desired, plan) },
            _ => self.plan_interface(desired, plan),
        }
    }

    /// The service as the Region has it; held if it has none.
    pub(super) fn service(&self, desired: &DesiredEndpoint, plan: &mut Plan) -> Option<&'a EndpointService> {
        let region = &self.desired.target.region;
        let names = desired.service.full_names(region);
        let kind = desired.service.endpoint_kind();
        let found = self.services.iter().find(|it| it.kind == kind && names.contains(&it.name));
        if found.is_none() {
            let message = format!(
                "Region {region} has no endpoint service {} of type {}; without it these tasks need a way to the internet, or another Region",
                names[0],
                kind_word(&kind)
            );
            plan.hold(subject(desired), Hold::Missing, message);
        }
        found
    }

    fn plan_interface(&self, desired: &DesiredEndpoint, plan: &mut Plan) -> Planned {
        let Some(service) = self.service(desired, plan) else { return Planned::default() };
        let Some(zones) = self.served(desired, service, plan) else { return Planned::default() };
        let ours = own(self.desired, desired, self.all);
        let others = foreign(self.desired, desired.service, self.all);
        if ours.is_none() && !others.is_empty() {
            let wanted = self.interface(desired, service, &zones, None, BTreeSet::new());
            return Planned { interfaces: 0, used: self.plan_foreign(&wanted, &others, plan) };
        }
        if desired.private_dns && !self.resolves {
            plan.hold(subject(desired), Hold::Waiting, format!("waits for {}", Subject::vpc(&self.desired.vpc_id)));
            return Planned::default();
        }
        let Some(groups) = self.groups.clone() else {
            let group = Subject::security_group(&self.desired.groups.label());
            plan.hold(subject(desired), Hold::Waiting, format!("waits for {group}"));
            return Planned::default();
        };
        let wanted = self.interface(desired, service, &zones, ours, groups);
        match ours {
            Some(ours) => self.plan_own(&wanted, ours, plan),
            None => self.create(&wanted, plan),
        }
        if desired.service == Service::EcrApi && !desired.private_dns {
            self.tell_endpoint_url(ours, plan);
        }
        Planned { interfaces: wanted.subnet_ids.len(), used: None }
    }

    /// An interface endpoint, with what only AWS knows.
    fn interface<'d>(
        &self,
        desired: &'d DesiredEndpoint,
        service: &EndpointService,
        zones: &BTreeMap<&str, Vec<&str>>,
        ours: Option<&Endpoint>,
        group_ids: BTreeSet<String>,
    ) -> Wanted<'d> {
        let none = BTreeSet::new();
        Wanted {
            desired,
            service_name: service.name.clone(),
            subnet_ids: one_a_zone(zones, ours.map_or(&none, |ours| &ours.subnet_ids)),
            group_ids,
            route_table_ids: BTreeSet::new(),
        }
    }

    /// The zones of our subnets in which the service has endpoints. What is in other zones reaches it through these.
    fn served(&self, desired: &DesiredEndpoint, service: &EndpointService, plan: &mut Plan) -> Option<BTreeMap<&str, Vec<&str>>> {
        let (served, unserved): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.zones().into_iter().partition(|(zone, _)| service.zones.contains(*zone));
        let told = |zones: BTreeMap<&str, Vec<&str>>| {
            let told: Vec<String> = zones.iter().map(|(zone, ids)| format!("{zone} ({})", ids.join(", "))).collect();
            told.join(", ")
        };
        if served.is_empty() {
            let message = format!(
                "{} has endpoints in no zone of the subnets: {}; name subnets in other zones",
                service.name,
                told(unserved)
            );
            plan.hold(subject(desired), Hold::Refused(Reason::NetworkUnsuitable), message);
            return None;
        }
        if !unserved.is_empty() {
            plan.notes.push(format!(
                "{} has no endpoint in these zones: {}; tasks there reach it through another zone",
                desired.service,
                told(unserved)
            ));
        }
        Some(served)
    }

    /// Makes it. One that was there and is not listed is deleted, or not listed yet (EC2 API, eventual consistency): the status then says
    /// that it is deleted, and the next pass makes another if it is still not there.
    pub(super) fn create(&self, wanted: &Wanted, plan: &mut Plan) {
        let it = self.desired;
        let short = wanted.desired.service.short();
        let lost = it.recorded.iter().find(|it| it.service == short && it.managed && !is_gone(it));
        if let Some(id) = lost.and_then(|it| it.id.as_ref()) {
            let message =
                format!("endpoint {id} is not listed any more; it is made anew if the next pass does not find it either");
            return plan.hold(subject(wanted.desired), Hold::Waiting, message);
        }
        let endpoint = wanted.create(&it.vpc_id, &it.owner, &it.name, &it.revision);
        let after = self.after(wanted);
        plan.step(subject(wanted.desired), Action::CreateVpcEndpoint { endpoint }, &after, &wanted.desired.reason, vec![]);
    }

    /// Interface endpoints wait for the group that is made for them.
    fn after(&self, wanted: &Wanted) -> Vec<Subject> {
        let has_groups = !wanted.group_ids.is_empty();
        has_groups.then(|| Subject::security_group(&self.desired.groups.label())).into_iter().collect()
    }

    /// Keeps one of ours right, as far as its state lets us.
    pub(super) fn plan_own(&self, wanted: &Wanted, found: &Endpoint, plan: &mut Plan) {
        let subject = subject(wanted.desired);
        let error = found.last_error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
        match phase(found) {
            Phase::Available => self.plan_change(wanted, found, plan),
            Phase::Pending => plan.hold(subject, Hold::Waiting, format!("endpoint {} is {}", found.id, found.state)),
            Phase::Deleting => plan.hold(subject, Hold::Waiting, format!("endpoint {} is going; then it is made anew", found.id)),
            Phase::Acceptance => {
                let message = format!("endpoint {} waits until the owner of {} accepts it", found.id, wanted.service_name);
                plan.hold(subject, Hold::Refused(Reason::RefusedByAws), message);
            }
            // AWS keeps one that failed, and no second one with private DNS can be made beside it.
            Phase::Failed => {
                let action = Action::DeleteVpcEndpoint { endpoint_id: found.id.clone() };
                plan.step(subject.clone(), action, &[], format!("it is {}{error}", found.state), vec![]);
                let message =
                    format!("endpoint {} is {}{error}; it is deleted, and made anew once it is gone", found.id, found.state);
                // Not `Waiting`: what fails again and again is tried at longer and longer intervals.
                plan.hold(subject, Hold::Refused(Reason::RefusedByAws), message);
            }
            Phase::Deleted => {}
        }
    }

    fn plan_change(&self, wanted: &Wanted, found: &Endpoint, plan: &mut Plan) {
        let subject = subject(wanted.desired);
        let lacking = missing(&self.desired.owner.tags(), &found.tags);
        if !lacking.is_empty() {
            let action = Action::CreateTags { resource_id: found.id.clone(), tags: lacking };
            plan.step(subject.clone(), action, &[], "its tags are not those of its owner", vec![]);
        }
        let (change, fields) = wanted.difference(found);
        let known: &[Subnet] = self.observed.subnets.present().map_or(&[], Vec::as_slice);
        let calls = calls(change, known);
        let after = if calls.len() > 1 { vec![subject.clone()] } else { vec![] };
        for (index, change) in calls.into_iter().enumerate() {
            let fields = if index == 0 { fields.clone() } else { vec![] };
            let after: Vec<Subject> = after.iter().cloned().chain(self.after(wanted)).collect();
            let action = Action::ModifyVpcEndpoint { endpoint_id: found.id.clone(), change };
            let reason = format!("endpoint {} is not as it should be", found.id);
            plan.step(subject.clone(), action, &after, reason, fields);
        }
    }

    /// Rule 60.
    fn tell_endpoint_url(&self, ours: Option<&Endpoint>, plan: &mut Plan) {
        let id = ours.map_or("VPC_ENDPOINT_ID", |ours| ours.id.as_str());
        let region = &self.desired.target.region;
        plan.notes.push(format!(
            "the usual names of Amazon ECR's API do not lead to the endpoint, as spec.ecrApiPrivateDns is false: whoever calls it from instances must pass --endpoint-url https://{id}.api.ecr.{region}.vpce.amazonaws.com; that tasks of ECS do so, AWS does not say: they need another way to that API"
        ));
    }
}

/// An endpoint's subject.
pub(super) fn subject(desired: &DesiredEndpoint) -> Subject {
    Subject::endpoint(desired.service.short())
}

/// A list, or why it is not known. Lists are never absent.
pub(super) fn known<T>(snapshot: &Snapshot<Vec<T>>) -> Result<&[T], Option<&crate::failure::Failure>> {
    match snapshot {
        Snapshot::Present(all) => Ok(all),
        Snapshot::Unknown(failure) => Err(Some(failure)),
        Snapshot::Absent => Err(None),
    }
}
