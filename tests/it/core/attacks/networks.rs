//! Networks: those of others cannot be named, and nothing in a workload's status opens them.

use super::{Case, case, respec};
use crate::core::pull_network_ref::network;
use crate::core::story::Story;
use serde_json::json;

/// The victim's VPC, to which a policy of the attacker's would be bound.
const VPC: &str = "vpc-deadbeef";

pub(super) fn cases() -> Vec<Case> {
    let selector = |team: &str| json!({"matchLabels": {"tenant": team}});
    let forged = |story: &mut Story| {
        story.inputs.workload.status.get_or_insert_default().network = Some("apps".to_owned());
    };
    let deleted = |story: &mut Story| {
        let network = story.inputs.network.as_mut().expect("a network");
        network.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).expect("a time");
    };
    let names = |selector: Option<serde_json::Value>| {
        move |story: &mut Story| {
            let mut network = network();
            network.spec.binding_ref.name = "tenants".to_owned();
            network.spec.namespace_selector = selector.clone().map(|it| serde_json::from_value(it).expect("a selector"));
            let status = network.status.as_mut().expect("a status");
            status.vpc_id = Some(VPC.to_owned());
            status.target.as_mut().expect("a target").binding = Some("tenants".to_owned());
            story.inputs.network = Some(network);
            let image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/pay/api:1";
            let spec = format!("image: {image}\necs: {{containerDefinitions: [{{name: api}}]}}\n");
            respec(story, &format!("{spec}pullNetworkRef: {{name: apps, restrictPulls: Both}}\n"));
        }
    };
    let admitted = names(Some(selector("true")));
    let rows: [(&str, Option<serde_json::Value>, fn(&mut Story)); 3] = [
        ("that admits nobody", None, |_| {}),
        ("of others", Some(selector("payments")), |_| {}),
        ("of others, as if it were in use", None, forged),
    ];
    let mut cases = vec![];
    for (what, selector, besides) in rows {
        let attack = names(selector);
        cases.push(case(
            &format!("a network {what}"),
            (VPC, move |story: &mut Story| {
                attack(story);
                besides(story);
            }),
            (VPC, admitted.clone()),
        ));
    }
    let (attack, control) = (admitted.clone(), admitted);
    cases.push(case(
        "a network that is being deleted",
        (VPC, move |story: &mut Story| {
            attack(story);
            deleted(story);
        }),
        (VPC, control),
    ));
    cases
}
