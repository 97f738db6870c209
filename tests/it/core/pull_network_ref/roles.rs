//! Pulls that are bound to a network: by which ids, in which role, and what waits while they are not known.

use super::super::fixtures::{ACCOUNT, desired, fenced, problems, told, workload};
use super::super::story::{Story, steps};
use super::super::world::Role;
use super::{ECR, changed, named, network, with};
use serde_json::{Value, json};
use wharfinger::api::PullNetwork;
use wharfinger::resource::role::ObservedRole;

#[test]
fn restrictions_that_contradict_each_other_are_refused() {
    let vpc = "executionRole: {restrictPullsTo: {vpcIds: [vpc-0123456789abcdef0]}}\n";
    let rows = [
        (format!("{}{vpc}", named(ECR, Some("Vpc"))), network(), Some("it says the same as executionRole.restrictPullsTo")),
        (format!("{}{vpc}", named(ECR, None)), network(), None),
        (
            format!("{}executionRole: {{managedPolicy: Always}}\n", named(ECR, Some("Both"))),
            network(),
            Some("the managed policy allows pulls from anywhere"),
        ),
        (format!("{}executionRole: {{managedPolicy: Always}}\n", named(ECR, None)), network(), None),
        (named(ECR, Some("Vpc")), changed(|it| it.spec.pulls.ecr = false), Some("has no endpoints of Amazon ECR")),
        (
            named(ECR, Some("Vpc")),
            changed(|it| (it.spec.tasks.fargate, it.spec.tasks.ec2) = (None, false)),
            Some("has no endpoints of Amazon ECR"),
        ),
    ];
    for (spec, network, expected) in rows {
        match expected {
            Some(expected) => {
                let problems = told(&problems(&with(&spec, network)));
                assert!(problems.contains(expected), "{expected}: {problems}");
            }
            None => _ = desired(&with(&spec, network)),
        }
    }
}

/// The conditions of the statement that pulls, in each policy there is.
fn conditions(story: &Story) -> Vec<Value> {
    let documents = story.world.roles.values().flat_map(|role| role.inline.values());
    let statements = documents.flat_map(|document| document["Statement"].as_array().cloned().unwrap_or_default());
    let bound = statements.filter(|statement| statement.get("Condition").is_some_and(|it| it.to_string().contains("aws:Source")));
    bound
        .map(|statement| {
            assert!(statement["Action"].to_string().contains("BatchGetImage"), "only the three actions that pull: {statement}");
            statement["Condition"].clone()
        })
        .collect()
}

#[test]
fn pulls_are_bound_to_the_ids_of_the_network_and_the_role_keeps_its_name() {
    let (vpc, endpoints) = (json!(["vpc-0a"]), json!(["vpce-0a", "vpce-0d"]));
    let rows = [
        ("Vpc", json!({"aws:SourceVpc": vpc})),
        ("VpcEndpoints", json!({"aws:SourceVpce": endpoints})),
        ("Both", json!({"aws:SourceVpc": vpc, "aws:SourceVpce": endpoints})),
    ];
    let mut roles = vec![];
    for (by, condition) in rows {
        let mut story = Story::settled(with(&named(ECR, Some(by)), network()));
        assert_eq!(conditions(&story), [json!({"StringEquals": condition})], "{by}");
        assert!(
            story.world.roles.values().all(|role| role.attached.is_empty()),
            "{by}: the managed policy would let pulls in from anywhere"
        );
        let role = story.role();
        // The endpoint is made anew: the policy follows, the role and the definition stay.
        story.inputs.network.as_mut().unwrap().status.as_mut().unwrap().endpoints[0].id = Some("vpce-0e".into());
        let expected: &[&str] = if by == "Vpc" { &[] } else { &["PutRolePolicy"] };
        assert_eq!(steps(&story.plan()), expected, "{by}");
        story.settle();
        assert_eq!((story.role(), story.world.roles.len()), (role.clone(), 1), "{by}");
        assert_eq!(conditions(&story)[0].to_string().contains("vpce-0e"), by != "Vpc");
        assert!(!conditions(&story)[0].to_string().contains("vpce-0d"), "{by}");
        roles.push(role);
    }
    roles.push(Story::settled(with(&named(ECR, None), network())).role());
    roles.push(
        Story::new(with(
            &named(ECR, Some("Vpc")).replace("apps", "other"),
            changed(|it| it.metadata.name = Some("other".into())),
        ))
        .role(),
    );
    let all = roles.len();
    roles.sort();
    roles.dedup();
    assert_eq!(roles.len(), all, "each choice has a role of its own");
}

#[test]
fn the_role_is_named_by_the_network_and_the_choice() {
    for (by, text) in
        [("Vpc", "network=apps:Vpc;"), ("VpcEndpoints", "network=apps:VpcEndpoints;"), ("Both", "network=apps:Both;")]
    {
        let settings = desired(&with(&named(ECR, Some(by)), network())).role.settings;
        assert_eq!(settings.differences().as_deref(), Some(text));
    }
    assert_eq!(desired(&with(&named(ECR, None), network())).role.settings.differences(), None);
}

#[test]
fn two_workloads_of_one_choice_share_a_role_and_two_choices_by_one_name_are_a_conflict() {
    let mut one = Story::settled(with(&named(ECR, Some("Both")), network()));
    let mut two = Story::new(with(&named(ECR, Some("Both")).replace("payments/api", "payments/web"), network()));
    two.inputs.workload.metadata.name = Some("web".into());
    two.inputs.siblings = vec![one.inputs.workload.clone().into()];
    two.world = one.world.clone();
    two.settle();
    assert_eq!((one.role(), two.world.roles.len()), (two.role(), 1));
    one.world = two.world.clone();
    one.inputs.siblings = vec![two.inputs.workload.clone().into()];
    assert_eq!(one.settle(), 0, "neither takes from the other");
    let own = "executionRole: {name: wharfinger_payments_own}\n";
    let mut rival = with(&format!("{}{own}", named(ECR, Some("Both"))), network());
    rival.siblings = vec![workload("web", &format!("{}{own}", named(ECR, Some("Vpc")))).into()];
    assert!(told(&problems(&rival)).contains("RoleSettingsConflict"));
    rival.siblings = vec![workload("web", &format!("{}{own}", named(ECR, Some("Both")))).into()];
    desired(&rival);
}

/// While ids are missing nothing is granted, and what was granted stays as it was.
#[test]
fn a_role_waits_for_ids_and_is_never_without_its_condition() {
    let lost: [(&str, fn(&mut PullNetwork)); 4] = [
        ("no status", |it| it.status = None),
        ("one has no id", |it| it.status.as_mut().unwrap().endpoints[1].id = None),
        ("none is told", |it| it.status.as_mut().unwrap().endpoints.clear()),
        ("no VPC", |it| it.status.as_mut().unwrap().vpc_id = None),
    ];
    for (what, lose) in lost {
        let mut story = Story::new(with(&named(ECR, Some("Both")), changed(lose)));
        story.pass();
        assert_eq!(story.world.writes, 0, "{what}");
        assert!(story.fault("ExecutionRoleReady").unwrap().1.contains("waits for the ids that PullNetwork apps has"), "{what}");
        story.inputs.network = Some(network());
        story.settle();
        let before = (story.world.roles.clone(), story.world.definitions.clone());
        lose(story.inputs.network.as_mut().unwrap());
        story.pass();
        assert_eq!((&story.world.roles, &story.world.definitions), (&before.0, &before.1), "{what}");
        assert!(steps(&story.removal()).iter().all(|step| step != "PutRolePolicy"), "{what}: nor does a removal loosen it");
    }
}

/// An endpoint of ECR that the network does not need is not waited for (rule 45).
#[test]
fn only_the_endpoints_that_the_network_needs_are_named() {
    let story = Story::settled(with(
        &named(ECR, Some("VpcEndpoints")),
        changed(|it| {
            it.status.as_mut().unwrap().endpoints.retain(|endpoint| endpoint.service != "ecr.api");
        }),
    ));
    assert_eq!(conditions(&story), [json!({"StringEquals": {"aws:SourceVpce": ["vpce-0d"]}})]);
}

/// An existing role: what its owner left attached voids the restriction.
#[test]
fn a_managed_policy_on_a_role_of_others_is_told() {
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/theirs");
    let spec = format!("{}executionRole: {{arn: '{arn}'}}\n", named(ECR, Some("Vpc")));
    let mut story = Story::new(fenced(with(&spec, network()), "{existingRoles: ['*']}"));
    let seen = ObservedRole { arn, trust: json!({}), ..Default::default() };
    let managed = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy".to_owned();
    story.world.roles.insert("theirs".into(), Role { seen, inline: [].into(), attached: [managed].into() });
    story.settle();
    let warnings = story.status().warnings.join("\n");
    assert!(warnings.contains("restrictPulls has no effect until its owner detaches it"), "{warnings}");
}
