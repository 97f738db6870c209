//! Where endpoints are: the subnets and route tables that a spec names, by id or by tags, and their zones.

use super::{RouteTable, Subnet};
use crate::resource::tags::Tags;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Things of a VPC, as a spec names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Chosen {
    /// By id.
    Ids(BTreeSet<String>),
    /// By tags, all of which must be there.
    Tags(Tags),
}

/// What can be chosen.
pub trait Choice {
    /// Its id.
    fn id(&self) -> &str;
    /// Its tags.
    fn tags(&self) -> &Tags;
}

impl Choice for Subnet {
    fn id(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl Choice for RouteTable {
    fn id(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl Chosen {
    /// Those that are there, by id; or what is named and is not there.
    pub fn among<'a, T: Choice>(&self, all: &'a [T]) -> Result<Vec<&'a T>, Vec<String>> {
        let has = |thing: &T| match self {
            Self::Ids(ids) => ids.contains(thing.id()),
            Self::Tags(tags) => tags.iter().all(|(key, value)| thing.tags().get(key) == Some(value)),
        };
        let mut found: Vec<&T> = all.iter().filter(|thing| has(thing)).collect();
        found.sort_by_key(|thing| thing.id());
        let missing: Vec<String> = match self {
            Self::Ids(ids) => ids.iter().filter(|id| !found.iter().any(|thing| thing.id() == *id)).cloned().collect(),
            Self::Tags(tags) if found.is_empty() => vec![written(tags)],
            Self::Tags(_) => vec![],
        };
        if missing.is_empty() { Ok(found) } else { Err(missing) }
    }
}

fn written(tags: &Tags) -> String {
    tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}

/// The subnets of each zone, by id.
pub fn by_zone<'a>(subnets: &[&'a Subnet]) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut zones: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for subnet in subnets {
        zones.entry(&subnet.zone).or_default().push(&subnet.id);
    }
    zones
}

/// One subnet for each zone, as an interface endpoint can have (EC2: CreateVpcEndpoint): the one that it has already, else the first.
pub fn one_a_zone(zones: &BTreeMap<&str, Vec<&str>>, present: &BTreeSet<String>) -> BTreeSet<String> {
    let one = |subnets: &Vec<&str>| {
        let kept = subnets.iter().find(|id| present.contains(**id));
        kept.or(subnets.first()).map(|id| (*id).to_owned())
    };
    zones.values().filter_map(one).collect()
}

/// The route table of a subnet: the one that it is associated with, else the VPC's main one (VPC user guide, subnet route tables).
pub fn table_of<'a>(subnet: &str, tables: &'a [RouteTable]) -> Option<&'a RouteTable> {
    let own = tables.iter().find(|table| table.subnet_ids.contains(subnet));
    own.or_else(|| tables.iter().find(|table| table.is_main))
}
