//! Which endpoints are needed: every combination of what runs and what is pulled, against the page's rules written down once more.

use super::pull_network;
use std::collections::BTreeSet;
use wharfinger::resource::network::services::{linux_platform, needs};

/// Rules 44 to 48 of the page, as sets.
const FARGATE_OLD: &[&str] = &["ecr.dkr", "s3"];
const FARGATE_NEW: &[&str] = &["ecr.api", "ecr.dkr", "s3"];
const FARGATE_WINDOWS: &[&str] = &["ecr.api", "ecr.dkr", "s3"];
const EC2: &[&str] = &["ecr.api", "ecr.dkr", "s3", "ecs", "ecs-agent", "ecs-telemetry"];

/// `linux`: `-` none, `` not said, else the version.
#[derive(Debug, Clone, Copy)]
struct Row {
    linux: &'static str,
    windows: bool,
    fargate_logs: bool,
    ec2: bool,
    ec2_logs: bool,
    external: bool,
    ecr: bool,
    registries: bool,
    secrets: &'static [&'static str],
}

fn rows() -> Vec<Row> {
    let flags = [false, true];
    let secrets: [&[&str]; 4] = [&[], &["SecretsManager"], &["ParameterStore"], &["SecretsManager", "ParameterStore"]];
    let mut rows = vec![];
    for linux in ["-", "", "LATEST", "1.3.0", "1.4.0", "1.10.0"] {
        for bits in 0..128_usize {
            for secrets in secrets {
                let flag = |bit: usize| flags[(bits >> bit) & 1];
                let row = Row {
                    linux,
                    windows: flag(0),
                    fargate_logs: flag(1),
                    ec2: flag(2),
                    ec2_logs: flag(3),
                    external: flag(4),
                    ecr: flag(5),
                    registries: flag(6),
                    secrets,
                };
                rows.push(row);
            }
        }
    }
    rows
}

fn spec(row: &Row) -> String {
    let fargate = match (row.linux, row.windows) {
        ("-", false) => String::new(),
        (linux, windows) => {
            let version = if ["-", ""].contains(&linux) { String::new() } else { format!("linuxPlatformVersion: '{linux}', ") };
            format!("fargate: {{{version}windows: {windows}, awslogs: {}}}, ", row.fargate_logs)
        }
    };
    format!(
        "{{bindingRef: {{name: prod}}, vpcId: vpc-0123456789abcdef0, subnetIds: [subnet-0000000a], tasks: {{{fargate}ec2: {}, external: {}, awslogs: {}, containerSecrets: {:?}}}, pulls: {{ecr: {}, privateRegistries: {}}}}}",
        row.ec2, row.external, row.ec2_logs, row.secrets, row.ecr, row.registries
    )
}

/// The oracle: the union of what each launch type's rule says, without ECR's where nothing is pulled from there.
fn expected(row: &Row) -> BTreeSet<&'static str> {
    let runs_linux = match (row.linux, row.windows) {
        ("-", _) | ("", true) => None,
        ("1.3.0", _) => Some(FARGATE_OLD),
        _ => Some(FARGATE_NEW),
    };
    let on_fargate = runs_linux.is_some() || row.windows;
    let mut found: BTreeSet<&str> = BTreeSet::new();
    found.extend(runs_linux.into_iter().flatten());
    found.extend(FARGATE_WINDOWS.iter().filter(|_| row.windows));
    found.extend(EC2.iter().filter(|_| row.ec2));
    if !row.ecr {
        found.retain(|short| !["ecr.api", "ecr.dkr", "s3"].contains(short));
    }
    let in_vpc = on_fargate || row.ec2;
    if (on_fargate && row.fargate_logs) || (row.ec2 && row.ec2_logs) {
        found.insert("logs");
    }
    if in_vpc && (row.registries || row.secrets.contains(&"SecretsManager")) {
        found.insert("secretsmanager");
    }
    if in_vpc && row.secrets.contains(&"ParameterStore") {
        found.insert("ssm");
    }
    found
}

#[test]
fn every_combination_has_just_what_the_page_asks_for() {
    let rows = rows();
    assert_eq!(rows.len(), 6 * 128 * 4);
    for row in rows {
        let network = pull_network("n", &spec(&row));
        let found = needs(&network.spec.tasks, &network.spec.pulls);
        let shorts: BTreeSet<&str> = found.iter().map(|need| need.service.short()).collect();
        assert_eq!(shorts, expected(&row), "{row:?}");
        assert_eq!(shorts.len(), found.len(), "one of each: {row:?}");
        assert!(found.is_sorted_by_key(|need| need.service), "{row:?}");
        assert!(found.iter().all(|need| need.reason.contains(": ")), "each has a reason that names who needs it: {found:?}");
    }
}

#[test]
fn platform_versions_are_compared_as_numbers() {
    let rows: [(&str, Result<&str, &str>); 12] = [
        ("LATEST", Ok("Since140")),
        ("1.4.0", Ok("Since140")),
        ("1.4.1", Ok("Since140")),
        ("1.10.0", Ok("Since140")),
        ("2.0.0", Ok("Since140")),
        ("1.3.0", Ok("Before140")),
        ("1.3.9", Ok("Before140")),
        ("1.2.0", Err("older than 1.3.0")),
        ("1.0.0", Err("older than 1.3.0")),
        ("0.9.9", Err("older than 1.3.0")),
        ("1.4", Err("not a platform version")),
        ("latest", Err("not a platform version")),
    ];
    for (version, expected) in rows {
        match (linux_platform(version), expected) {
            (Ok(platform), Ok(expected)) => assert_eq!(format!("{platform:?}"), expected, "{version}"),
            (Err(rule), Err(expected)) => assert!(rule.contains(expected), "{version}: {rule}"),
            (found, _) => panic!("{version}: {found:?}"),
        }
    }
}
