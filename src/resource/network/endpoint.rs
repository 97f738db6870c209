//! One endpoint: what it should be, what differs of one that is there, and what one of others lacks.

use super::services::Service;
use super::{Endpoint, EndpointChange, EndpointKind, NewEndpoint, Subnet, policies};
use crate::resource::fingerprint::short_hash;
use crate::resource::normalise::{Change, FieldChange};
use crate::resource::policy::same_meaning;
use crate::resource::tags::Owner;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// An endpoint that is needed, as far as the spec says it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DesiredEndpoint {
    /// Of what.
    pub service: Service,
    /// Why.
    pub reason: String,
    /// Whether the usual names of the service lead to it. Of a gateway it is false.
    pub private_dns: bool,
    /// Its policy; none = full access.
    pub policy: Option<Value>,
    /// The id that the status names.
    pub recorded: Option<String>,
    /// The same, if the status says that it is deleted, or was asked to go. The next endpoint has another.
    pub gone: Option<String>,
}

/// The same, with what only AWS knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted<'a> {
    /// As the spec says it.
    pub desired: &'a DesiredEndpoint,
    /// Full name of the service.
    pub service_name: String,
    /// Of an interface.
    pub subnet_ids: BTreeSet<String>,
    /// Of an interface.
    pub group_ids: BTreeSet<String>,
    /// Of a gateway.
    pub route_table_ids: BTreeSet<String>,
}

impl Wanted<'_> {
    /// The call that makes it. The token is made of all that goes into the call, so that the same request, sent again after an answer
    /// was lost, makes no second endpoint (EC2 API, ensuring idempotency). It has the id of the endpoint that is gone in it as well: to
    /// a token that EC2 has seen it answers with what it made then, even if that is deleted by now. The ids of groups are added by
    /// [`behind`].
    pub fn create(&self, vpc_id: &str, owner: &Owner, network: &str, revision: &str) -> NewEndpoint {
        let is_gateway = self.desired.service.endpoint_kind() == EndpointKind::Gateway;
        let mut endpoint = NewEndpoint {
            service_name: self.service_name.clone(),
            vpc_id: vpc_id.to_owned(),
            is_gateway,
            subnet_ids: self.subnet_ids.clone(),
            group_ids: self.group_ids.clone(),
            route_table_ids: self.route_table_ids.clone(),
            private_dns_enabled: (!is_gateway).then_some(self.desired.private_dns),
            policy_document: self.desired.policy.clone(),
            client_token: String::new(),
            tags: super::named_tags(owner, &format!("wharfinger {network} {}", self.desired.service)),
        };
        let unplaced = NewEndpoint { group_ids: BTreeSet::new(), ..endpoint.clone() };
        let content = json!({"endpoint": unplaced, "revision": revision, "gone": self.desired.gone});
        endpoint.client_token = short_hash(&content.to_string(), 64);
        endpoint
    }

    /// What differs of one of ours: the change, and the same for people.
    pub fn difference(&self, found: &Endpoint) -> (EndpointChange, Vec<FieldChange>) {
        let mut change = EndpointChange::default();
        let mut fields = vec![];
        let mut list = |path: &str, wanted: &BTreeSet<String>, found: &BTreeSet<String>| {
            let lacking: BTreeSet<String> = wanted.difference(found).cloned().collect();
            let surplus: BTreeSet<String> = found.difference(wanted).cloned().collect();
            let told = |change: Change| FieldChange { path: path.to_owned(), change };
            fields.extend((!lacking.is_empty()).then(|| told(Change::Added(json!(lacking)))));
            fields.extend((!surplus.is_empty()).then(|| told(Change::Removed(json!(surplus)))));
            (lacking, surplus)
        };
        match found.kind {
            EndpointKind::Gateway => {
                (change.add_route_table_ids, change.remove_route_table_ids) =
                    list("routeTableIds", &self.route_table_ids, &found.route_table_ids);
            }
            _ => {
                (change.add_subnet_ids, change.remove_subnet_ids) = list("subnetIds", &self.subnet_ids, &found.subnet_ids);
                (change.add_group_ids, change.remove_group_ids) = list("groupIds", &self.group_ids, &found.group_ids);
                if self.desired.private_dns != found.private_dns {
                    change.private_dns_enabled = Some(self.desired.private_dns);
                    let flag = Change::Changed { from: json!(found.private_dns), to: json!(self.desired.private_dns) };
                    fields.push(FieldChange { path: "privateDnsEnabled".to_owned(), change: flag });
                }
            }
        }
        let policy = policies::observed(found.policy.as_deref());
        let full = || json!("full access");
        match (&self.desired.policy, policy) {
            (Some(wanted), found) if !found.as_ref().is_some_and(|found| same_meaning(found, wanted)) => {
                change.policy_document = Some(wanted.clone());
                let changed = Change::Changed { from: found.unwrap_or_else(full), to: wanted.clone() };
                fields.push(FieldChange { path: "policyDocument".to_owned(), change: changed });
            }
            (None, Some(found)) => {
                change.reset_policy = true;
                let changed = Change::Changed { from: found, to: full() };
                fields.push(FieldChange { path: "policyDocument".to_owned(), change: changed });
            }
            _ => {}
        }
        (change, fields)
    }
}

/// The call as it is sent, behind these groups. A plan may have but a word for a group that it makes, and the next plan its id: the token
/// has the id in either case.
pub fn behind(endpoint: &NewEndpoint, group_ids: BTreeSet<String>) -> NewEndpoint {
    let client_token = short_hash(&json!([endpoint.client_token, group_ids]).to_string(), 64);
    NewEndpoint { group_ids, client_token, ..endpoint.clone() }
}

/// The calls for a change. An interface endpoint has one subnet a zone: where one takes another's place in the same zone, the old one
/// goes first (EC2 answers DuplicateSubnetsInSameZone otherwise).
pub fn calls(change: EndpointChange, subnets: &[Subnet]) -> Vec<EndpointChange> {
    let zone = |id: &String| subnets.iter().find(|subnet| subnet.id == *id).map(|subnet| &subnet.zone);
    let added: Vec<_> = change.add_subnet_ids.iter().filter_map(zone).collect();
    let clash = change.remove_subnet_ids.iter().filter_map(zone).any(|zone| added.contains(&zone));
    if change == EndpointChange::default() {
        return vec![];
    }
    if !clash {
        return vec![change];
    }
    let first = EndpointChange { remove_subnet_ids: change.remove_subnet_ids.clone(), ..EndpointChange::default() };
    vec![first, EndpointChange { remove_subnet_ids: BTreeSet::new(), ..change }]
}

/// What AWS's word for the state of an endpoint means for us (aws.md, b.6; the words are in lower case).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It serves.
    Available,
    /// It is on its way to that.
    Pending,
    /// Whoever keeps the service must accept it.
    Acceptance,
    /// It will never serve.
    Failed,
    /// It goes.
    Deleting,
    /// It is gone, though still listed.
    Deleted,
}

/// The phase of an endpoint. A word that is not known here is taken for one on its way: nothing is done about it.
pub fn phase(endpoint: &Endpoint) -> Phase {
    match endpoint.state.as_str() {
        "available" => Phase::Available,
        "pendingacceptance" => Phase::Acceptance,
        "failed" | "rejected" | "expired" => Phase::Failed,
        "deleting" => Phase::Deleting,
        "deleted" => Phase::Deleted,
        _ => Phase::Pending,
    }
}
