//! The S3 gateway and its route tables (rules 55 and 61; aws.md, e.10).

use super::endpoints::{View, foreign, known, own, subject};
use crate::plan::{Hold, Plan, Subject};
use crate::resource::network::RouteTable;
use crate::resource::network::endpoint::{DesiredEndpoint, Phase, Wanted, phase};
use crate::resource::network::place::table_of;
use crate::resource::network::{Endpoint, EndpointService};
use crate::status::Reason;
use std::collections::BTreeSet;

impl View<'_> {
    /// Plans the gateway. Gives the one of others that is used as it is.
    pub(super) fn plan_gateway(&self, desired: &DesiredEndpoint, plan: &mut Plan) -> Option<String> {
        let tables = match known(&self.observed.route_tables) {
            Ok(tables) => tables,
            Err(failure) => {
                failure.into_iter().for_each(|failure| plan.unobserved(subject(desired), failure));
                return None;
            }
        };
        let service = self.service(desired, plan)?;
        let route_table_ids = self.tables(desired, tables, plan)?;
        let others = foreign(self.desired, desired.service, self.all);
        let wanted = self.gateway(desired, service, route_table_ids);
        match own(self.desired, desired, self.all) {
            Some(ours) => self.plan_own_gateway(wanted, ours, &others, plan),
            None if !others.is_empty() => return self.plan_foreign(&wanted, &others, plan),
            None if self.desired.allow_s3_gateway => self.create(&wanted, plan),
            None => self.ask_consent(desired, "made", &wanted.route_table_ids, plan),
        }
        None
    }

    fn gateway<'d>(
        &self,
        desired: &'d DesiredEndpoint,
        service: &EndpointService,
        route_table_ids: BTreeSet<String>,
    ) -> Wanted<'d> {
        let (subnet_ids, group_ids) = (BTreeSet::new(), BTreeSet::new());
        Wanted { desired, service_name: service.name.clone(), subnet_ids, group_ids, route_table_ids }
    }

    /// A route table has one S3 gateway: those that lead to another's are served, and are left to it.
    fn plan_own_gateway(&self, mut wanted: Wanted, ours: &Endpoint, others: &[&Endpoint], plan: &mut Plan) {
        let desired = wanted.desired;
        for other in others.iter().filter(|other| phase(other) == Phase::Available) {
            let taken = |id: &&String| other.route_table_ids.contains(*id) && !ours.route_table_ids.contains(*id);
            let taken: Vec<String> = wanted.route_table_ids.iter().filter(taken).cloned().collect();
            if !taken.is_empty() {
                plan.notes.push(format!(
                    "route tables {} lead to S3 through endpoint {}, which is not this network's: they are left to it",
                    taken.join(", "),
                    other.id
                ));
            }
            wanted.route_table_ids.retain(|id| !taken.contains(id));
        }
        if !self.desired.allow_s3_gateway && phase(ours) == Phase::Available {
            let more: BTreeSet<String> = wanted.route_table_ids.difference(&ours.route_table_ids).cloned().collect();
            if !more.is_empty() {
                self.ask_consent(desired, "extended", &more, plan);
            }
            wanted.route_table_ids.retain(|id| !more.contains(id));
        }
        self.plan_own(&wanted, ours, plan);
    }

    /// Rule 55.
    fn ask_consent(&self, desired: &DesiredEndpoint, verb: &str, tables: &BTreeSet<String>, plan: &mut Plan) {
        let message = format!(
            "the S3 gateway is not {verb}: that may cut open connections to S3 through route tables {} for a moment. Set spec.allowS3Gateway: true when that is all right",
            tables.iter().cloned().collect::<Vec<_>>().join(", ")
        );
        plan.hold(subject(desired), Hold::Refused(Reason::NotConfirmed), message);
    }

    /// The route tables that the gateway must be in. Subnets that none of them serves are told.
    fn tables(&self, desired: &DesiredEndpoint, all: &[RouteTable], plan: &mut Plan) -> Option<BTreeSet<String>> {
        let (it, vpc) = (self.desired, Subject::vpc(&self.desired.vpc_id));
        let tables: BTreeSet<String> = match &it.route_tables {
            Some(chosen) => match chosen.among(all) {
                Ok(tables) => tables.iter().map(|table| table.id.clone()).collect(),
                Err(missing) => {
                    let message = format!(
                        "VPC {} has no route table {}: there is none, or it is of another VPC; correct spec.routeTableIds or spec.routeTableSelector",
                        it.vpc_id,
                        missing.join("; ")
                    );
                    plan.hold(vpc.clone(), Hold::Missing, message);
                    plan.hold(subject(desired), Hold::Waiting, format!("waits for {vpc}"));
                    return None;
                }
            },
            None => self.subnets.iter().filter_map(|it| table_of(&it.id, all)).map(|it| it.id.clone()).collect(),
        };
        let served = |subnet: &str| table_of(subnet, all).is_some_and(|table| tables.contains(&table.id));
        let unserved: Vec<&str> = self.subnets.iter().map(|it| it.id.as_str()).filter(|id| !served(id)).collect();
        if unserved.len() == self.subnets.len() {
            let message = format!(
                "none of the route tables is that of a subnet ({}), so tasks would not reach S3; name those of the subnets, or leave them out to have them taken",
                unserved.join(", ")
            );
            plan.hold(subject(desired), Hold::Refused(Reason::NetworkUnsuitable), message);
            return None;
        }
        if !unserved.is_empty() {
            plan.notes.push(format!(
                "the route tables of these subnets are not among those of the S3 gateway: {}; tasks there do not reach S3 through it",
                unserved.join(", ")
            ));
        }
        Some(tables)
    }
}
