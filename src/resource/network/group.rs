//! The security group of the interface endpoints: whether groups let 443 in from every subnet (rule 51), and what is written to the one
//! that we make.

use super::{Ingress, SecurityGroup};
use crate::plan::{Action, Hold, Plan, Subject, pending_group};
use crate::resource::tags::{Owner, claimed_by, missing};
use ipnet::IpNet;
use serde::Serialize;
use std::collections::BTreeSet;

/// HTTPS: what all endpoints speak.
const PORT: i32 = 443;

/// The security group that is made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DesiredGroup {
    /// Its name, which no other of the VPC has.
    pub name: String,
    /// The network that it is for.
    pub network: String,
    /// The VPC.
    pub vpc_id: String,
    /// Whose it is.
    pub owner: Owner,
    /// The id that the status names.
    pub recorded: Option<String>,
}

/// Ranges of subnets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranges {
    /// Of those that the spec names.
    pub chosen: BTreeSet<String>,
    /// Of all that the VPC has.
    pub all: BTreeSet<String>,
}

/// Whether groups let 443 in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// From every range.
    Open,
    /// Not by their ranges; but some of their rules name groups or prefix lists, whose addresses are not known here.
    Unproven(BTreeSet<String>),
    /// Not from these ranges.
    Closed(BTreeSet<String>),
}

/// Whether these groups together let 443 in from every range. What several rules let in adds up.
pub fn inbound<'a>(groups: impl IntoIterator<Item = &'a SecurityGroup>, ranges: &BTreeSet<String>) -> Inbound {
    let rules: Vec<&Ingress> = groups.into_iter().flat_map(|group| &group.ingress).filter(|rule| lets_in(rule)).collect();
    let written: BTreeSet<&String> = rules.iter().flat_map(|rule| &rule.cidrs).collect();
    let nets: Vec<IpNet> = written.iter().filter_map(|cidr| cidr.parse().ok()).collect();
    let open = IpNet::aggregate(&nets);
    let lets = |range: &&String| {
        let within = |range: IpNet| open.iter().any(|net| net.contains(&range));
        written.contains(range) || range.parse().is_ok_and(within)
    };
    let closed: BTreeSet<String> = ranges.iter().filter(|range| !lets(range)).cloned().collect();
    let unknown = rules.iter().any(|rule| !rule.group_ids.is_empty() || !rule.prefix_list_ids.is_empty());
    match (closed.is_empty(), unknown) {
        (true, _) => Inbound::Open,
        (false, true) => Inbound::Unproven(closed),
        (false, false) => Inbound::Closed(closed),
    }
}

/// The ranges from which these groups together let no 443 in, as far as that is certain.
pub fn closed<'a>(groups: impl IntoIterator<Item = &'a SecurityGroup>, ranges: &BTreeSet<String>) -> BTreeSet<String> {
    match inbound(groups, ranges) {
        Inbound::Closed(ranges) => ranges,
        Inbound::Open | Inbound::Unproven(_) => BTreeSet::new(),
    }
}

/// Whether a rule is about TCP 443. `6` is TCP by its number; all protocols have all ports.
fn lets_in(rule: &Ingress) -> bool {
    let port = rule.from_port.is_none_or(|from| from <= PORT) && rule.to_port.is_none_or(|to| to >= PORT);
    match rule.protocol.as_str() {
        "-1" => true,
        "tcp" | "6" => port,
        _ => false,
    }
}

/// Whether a rule is of the form that we write.
fn is_https(rule: &Ingress) -> bool {
    matches!(rule.protocol.as_str(), "tcp" | "6") && (rule.from_port, rule.to_port) == (Some(PORT), Some(PORT))
}

impl DesiredGroup {
    /// The one of the VPC's groups that is ours.
    pub fn ours<'a>(&self, groups: &'a [SecurityGroup]) -> Option<&'a SecurityGroup> {
        groups.iter().find(|group| self.owner.owns(&group.tags, self.recorded.as_ref() == Some(&group.id)))
    }

    /// What it does not let in of the VPC's other ranges, once it is as planned.
    pub fn shut_out(&self, groups: &[SecurityGroup], ranges: &Ranges) -> BTreeSet<String> {
        let others: BTreeSet<String> = ranges.all.difference(&ranges.chosen).cloned().collect();
        let kept = self.ours(groups).map(|group| {
            let mut kept = group.clone();
            kept.ingress
                .iter_mut()
                .filter(|rule| is_https(rule))
                .for_each(|rule| rule.cidrs.retain(|it| ranges.all.contains(it)));
            kept
        });
        closed(kept.iter(), &others)
    }

    /// Adds what is needed; gives the id, or what stands for it.
    pub fn plan(&self, groups: &[SecurityGroup], ranges: &Ranges, plan: &mut Plan) -> Option<String> {
        let subject = Subject::security_group(&self.name);
        if let Some(found) = self.ours(groups) {
            self.plan_rules(found, ranges, &subject, plan);
            return Some(found.id.clone());
        }
        if let Some(other) = groups.iter().find(|group| group.name == self.name) {
            let message = format!(
                "security group {} has the name {} and is not this network's: {}; it is left alone. Delete or rename it, or name groups in spec.securityGroups.ids",
                other.id,
                self.name,
                claimed_by(&other.tags)
            );
            plan.hold(subject, Hold::NotOurs, message);
            return None;
        }
        let action = Action::CreateSecurityGroup {
            name: self.name.clone(),
            description: "HTTPS from the subnets to the endpoints of a pull network, kept by Wharfinger".to_owned(),
            vpc_id: self.vpc_id.clone(),
            tags: super::named_tags(&self.owner, &format!("wharfinger {}", self.network)),
        };
        plan.step(subject.clone(), action, &[], "it does not exist", vec![]);
        let (group_id, cidrs) = (pending_group(&self.name), ranges.chosen.clone());
        let action = Action::AuthorizeSecurityGroupIngress { group_id: group_id.clone(), cidrs };
        let after = std::slice::from_ref(&subject);
        plan.step(subject.clone(), action, after, "it lets no 443 in from the subnets", vec![]);
        Some(group_id)
    }

    /// Our rules are those for TCP 443 from ranges. Others on the group are left to whoever wrote them, and told. What lets in a
    /// subnet of the VPC stays, be it named or not: endpoints with private DNS serve the whole VPC.
    fn plan_rules(&self, found: &SecurityGroup, ranges: &Ranges, subject: &Subject, plan: &mut Plan) {
        let group_id = || found.id.clone();
        let lacking = missing(&self.owner.tags(), &found.tags);
        if !lacking.is_empty() {
            let action = Action::CreateTags { resource_id: group_id(), tags: lacking };
            plan.step(subject.clone(), action, &[], "its tags are not those of its owner", vec![]);
        }
        let have: BTreeSet<String> =
            found.ingress.iter().filter(|rule| is_https(rule)).flat_map(|rule| rule.cidrs.clone()).collect();
        let closed: BTreeSet<String> = ranges.chosen.difference(&have).cloned().collect();
        if !closed.is_empty() {
            let reason = format!("it lets no 443 in from {}", listed(&closed));
            let action = Action::AuthorizeSecurityGroupIngress { group_id: group_id(), cidrs: closed };
            plan.step(subject.clone(), action, &[], reason, vec![]);
        }
        let surplus: BTreeSet<String> = have.difference(&ranges.all).cloned().collect();
        if !surplus.is_empty() {
            let reason = format!("no subnet has {}", listed(&surplus));
            let action = Action::RevokeSecurityGroupIngress { group_id: group_id(), cidrs: surplus };
            plan.step(subject.clone(), action, &[], reason, vec![]);
        }
        let of_others = |rule: &&Ingress| !is_https(rule) || !rule.group_ids.is_empty() || !rule.prefix_list_ids.is_empty();
        let others = found.ingress.iter().filter(of_others).count();
        if others > 0 {
            plan.notes.push(format!(
                "security group {} has {others} rules besides 443 from ranges, which Wharfinger did not write: they are left as they are",
                found.id
            ));
        }
    }
}

fn listed(names: &BTreeSet<String>) -> String {
    names.iter().cloned().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(protocol: &str, ports: Option<(i32, i32)>, cidrs: &[&str]) -> Ingress {
        Ingress {
            protocol: protocol.into(),
            from_port: ports.map(|ports| ports.0),
            to_port: ports.map(|ports| ports.1),
            cidrs: cidrs.iter().map(|cidr| (*cidr).to_owned()).collect(),
            group_ids: BTreeSet::new(),
            prefix_list_ids: BTreeSet::new(),
        }
    }

    #[test]
    fn what_lets_443_in() {
        let https = Some((443, 443));
        let by_group = Ingress { group_ids: ["sg-1".to_owned()].into(), ..rule("tcp", https, &[]) };
        let by_list = Ingress { prefix_list_ids: ["pl-1".to_owned()].into(), ..rule("tcp", https, &[]) };
        let udp_by_group = Ingress { protocol: "udp".into(), ..by_group.clone() };
        let (v4, v6) = ("10.0.1.0/24", "2001:db8:0:1::/64");
        let rows: [(&str, Vec<Ingress>, &[&str], &str); 17] = [
            ("just so", vec![rule("tcp", https, &[v4])], &[v4], "open"),
            ("TCP by its number", vec![rule("6", https, &[v4])], &[v4], "open"),
            ("a wider range", vec![rule("tcp", https, &["10.0.0.0/16"])], &[v4], "open"),
            ("everything", vec![rule("-1", None, &["0.0.0.0/0"])], &[v4], "open"),
            ("more ports", vec![rule("tcp", Some((0, 65535)), &[v4])], &[v4], "open"),
            ("all ports", vec![rule("tcp", None, &[v4])], &[v4], "open"),
            ("two halves", vec![rule("tcp", https, &["10.0.1.0/25"]), rule("tcp", https, &["10.0.1.128/25"])], &[v4], "open"),
            ("one half", vec![rule("tcp", https, &["10.0.1.0/25"])], &[v4], "closed"),
            ("another range", vec![rule("tcp", https, &["10.0.2.0/24"])], &[v4], "closed"),
            ("UDP", vec![rule("udp", https, &[v4])], &[v4], "closed"),
            ("another port", vec![rule("tcp", Some((80, 80)), &[v4])], &[v4], "closed"),
            ("IPv6", vec![rule("tcp", https, &["2001:db8::/32"])], &[v6], "open"),
            ("IPv4 for IPv6", vec![rule("tcp", https, &["0.0.0.0/0"])], &[v4, v6], "closed"),
            ("nothing", vec![], &[v4], "closed"),
            ("a group", vec![by_group], &[v4], "unproven"),
            ("a prefix list", vec![by_list], &[v4], "unproven"),
            ("a group, for UDP", vec![udp_by_group], &[v4], "closed"),
        ];
        for (what, ingress, ranges, expected) in rows {
            let group =
                SecurityGroup { id: "sg-0".into(), vpc_id: "vpc-0".into(), name: "g".into(), ingress, tags: Default::default() };
            let ranges = ranges.iter().map(|range| (*range).to_owned()).collect();
            let told = match inbound([&group], &ranges) {
                Inbound::Open => "open",
                Inbound::Unproven(_) => "unproven",
                Inbound::Closed(_) => "closed",
            };
            assert_eq!(told, expected, "{what}");
        }
    }
}
