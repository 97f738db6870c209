//! `wharfinger iam-policy`: its table against the calls of the program, its documents in the docs and in `bootstrap/`.

mod bootstrap;
mod escalation;

use crate::kept::{self, root};
use crate::program;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use wharfinger::api::AccountBindingSpec;
use wharfinger::iam_policy::{Feature, MAX_POLICY, TABLE, characters, features_of, policies};

const REFRESH: &str = "if the change is meant: UPDATE_GOLDEN=1 cargo test --test it iam_policy::";

/// A file of this test run, and its path.
fn temporary(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("iam-policy-{}-{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What the command prints; it must succeed.
fn printed(arguments: &[&str]) -> String {
    let (code, out, errors) = program::run(&root(), &[&["iam-policy"], arguments].concat());
    assert_eq!(code, 0, "{arguments:?}: {errors}");
    out
}

/// A file whose generated part has just been made anew.
fn must_be(path: &Path, wanted: &str) {
    kept::must_be(path, wanted, REFRESH);
}

/// The SDK's operations that a source file calls, as IAM spells them.
fn calls(source: &str) -> BTreeSet<String> {
    let flat: String = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let flat = flat.split_whitespace().collect::<Vec<_>>().join(" ").replace(" .", ".");
    let services = [
        ("batch", "batch"),
        ("ec2", "ec2"),
        ("ecs", "ecs"),
        ("iam", "iam"),
        ("kms", "kms"),
        ("secrets_manager", "secretsmanager"),
        ("ssm", "ssm"),
    ];
    let mut found = BTreeSet::new();
    for (client, service) in services {
        for (_, rest) in flat.match_indices(&format!(".{client}.")).map(|(at, needle)| flat.split_at(at + needle.len())) {
            let operation = rest.split_once('(').unwrap().0;
            let words = operation.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
            found.insert(format!("{service}:{}", words.collect::<String>()));
        }
    }
    found
}

#[test]
fn every_call_is_in_the_table_and_none_is_left_over() {
    let entries = std::fs::read_dir(root().join("src/aws")).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    let mut made = BTreeSet::new();
    for file in files {
        made.extend(calls(&std::fs::read_to_string(file).unwrap()));
    }
    assert!(made.len() > 30, "{made:?}");
    let listed: BTreeSet<String> = TABLE.iter().flat_map(|row| row.actions).map(|action| (*action).to_owned()).collect();
    assert_eq!(made.difference(&listed).collect::<Vec<_>>(), [] as [&String; 0], "src/iam_policy/table.rs lacks these calls");
    assert_eq!(listed.difference(&made).collect::<Vec<_>>(), [] as [&String; 0], "src/iam_policy/table.rs: nothing calls these");
    let asked_too: BTreeSet<&str> = TABLE.iter().flat_map(|row| row.asked_too).copied().collect();
    assert!(asked_too.iter().all(|action| !made.contains(*action)), "a call stands among what is no call: {asked_too:?}");
}

#[test]
fn calls_are_found_however_they_are_written() {
    let source = "let a = clients.ecs.describe_task_definition();\nlet b = account\n    .write\n    .secrets_manager\n    .put_secret_value()\n// x.iam.delete_role()";
    let wanted = ["ecs:DescribeTaskDefinition", "secretsmanager:PutSecretValue"].map(str::to_owned);
    assert_eq!(calls(source), wanted.into());
}

/// Each `$ wharfinger iam-policy …` in the docs is followed by what it prints. `prod.yaml` is the page's own example.
#[test]
fn the_docs_show_what_it_prints() {
    let mut count = 0;
    for page in ["docs/account-binding.md", "docs/install-eks.md"] {
        let path = root().join(page);
        let text = std::fs::read_to_string(&path).unwrap();
        let example = text.split("```yaml\n").nth(1).and_then(|rest| rest.split_once("```")).map(|(yaml, _)| yaml);
        let mut wanted = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("$ wharfinger iam-policy ") {
            let (arguments, after) = after.split_once('\n').unwrap();
            let (_, after) = after.split_once("```\n").expect("the end of the block");
            let binding = temporary(&page.replace('/', "-"), example.expect("an example"));
            let words: Vec<&str> =
                arguments.split(' ').map(|word| if word == "prod.yaml" { binding.as_str() } else { word }).collect();
            wanted.push_str(&format!("{before}$ wharfinger iam-policy {arguments}\n{}```\n", printed(&words)));
            (rest, count) = (after, count + 1);
        }
        must_be(&path, &(wanted + rest));
    }
    assert!(count >= 3, "{count} commands");
}

fn binding(limits: Value) -> AccountBindingSpec {
    let spec = json!({"accountId": "111122223333", "regions": ["eu-west-1", "us-east-1"], "limits": limits});
    serde_json::from_value(spec).unwrap()
}

#[test]
fn what_is_too_long_for_one_policy_is_split_between_statements() {
    let roles: Vec<String> = (0..30).map(|n| format!("arn:aws:iam::111122223333:role/team-with-a-long-name-{n}-*")).collect();
    let spec = binding(
        json!({"existingRoles": roles, "taskRoles": roles, "secretArns": ["arn:aws:secretsmanager:*:111122223333:secret:a/*"]}),
    );
    let found = policies(&spec, &features_of(&spec)).unwrap();
    assert!(found.len() > 1, "{} policies", found.len());
    assert!(found.iter().all(|policy| characters(policy) <= MAX_POLICY && policy["Version"] == "2012-10-17"));
    let sids: Vec<&str> =
        found.iter().flat_map(|policy| policy["Statement"].as_array().unwrap()).map(|it| it["Sid"].as_str().unwrap()).collect();
    assert_eq!(sids.iter().collect::<BTreeSet<_>>().len(), sids.len(), "{sids:?}");
    assert!(["Secrets", "PassTaskRoles", "ExistingSecrets"].iter().all(|sid| sids.contains(sid)), "{sids:?}");

    let many: Vec<String> = (0..300).map(|n| format!("arn:aws:iam::111122223333:role/{n}-*")).collect();
    let spec = binding(json!({ "taskRoles": many }));
    let told = policies(&spec, &[Feature::TaskRoles].into()).unwrap_err()[0].to_string();
    assert!(told.contains("PassTaskRoles") && told.contains("6144") && told.contains("fewer and wider"), "{told}");
}

#[test]
fn conditions_follow_the_binding() {
    let all: BTreeSet<Feature> = [Feature::Roles, Feature::CustomerKeys].into();
    let keys = ["arn:aws:kms:eu-west-1:111122223333:key/1234", "arn:aws:kms:us-east-1:111122223333:alias/registry"];
    let spec = binding(json!({"kmsKeys": keys, "permissionsBoundaryArn": "arn:aws:iam::111122223333:policy/b"}));
    let found = policies(&spec, &all).unwrap().remove(0);
    let of = |sid: &str| found["Statement"].as_array().unwrap().iter().find(|it| it["Sid"] == sid).unwrap().clone();
    let boundary = of("ExecutionRolesWithinTheBoundary");
    assert_eq!(boundary["Condition"]["StringEquals"]["iam:PermissionsBoundary"], "arn:aws:iam::111122223333:policy/b");
    assert_eq!(of("PassExecutionRoles")["Condition"]["StringEquals"]["iam:PassedToService"], "ecs-tasks.amazonaws.com");
    assert_eq!(of("CustomerKeysOfSecrets")["Resource"], keys[0]);
    let alias = of("CustomerKeysOfSecretsByAlias");
    assert_eq!(alias["Resource"], "arn:aws:kms:us-east-1:111122223333:key/*");
    let via = ["secretsmanager.eu-west-1.amazonaws.com", "secretsmanager.us-east-1.amazonaws.com"];
    let wanted =
        json!({"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/registry"}, "StringEquals": {"kms:ViaService": via}});
    assert_eq!(alias["Condition"], wanted);
    let unbound = policies(&binding(json!({})), &[Feature::Roles].into()).unwrap().remove(0).to_string();
    assert!(!unbound.contains("PermissionsBoundary\":"), "{unbound}");
    let chinese: AccountBindingSpec =
        serde_json::from_value(json!({"accountId": "111122223333", "regions": ["cn-north-1"]})).unwrap();
    let found = policies(&chinese, &Feature::USUAL.into()).unwrap().remove(0).to_string();
    assert!(found.contains("arn:aws-cn:iam::") && !found.contains("arn:aws:"), "{found}");
}

#[test]
fn only_calls_that_know_no_resource_go_to_everything() {
    let everywhere = [
        "batch:DescribeJobDefinitions",
        "batch:DescribeJobQueues",
        "batch:ListJobs",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpointServices",
        "ec2:DescribeVpcEndpoints",
        "ec2:DescribeVpcs",
        "ecs:DeregisterTaskDefinition",
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:DescribeTasks",
        "ecs:ListClusters",
        "ecs:ListServices",
        "ecs:ListTaskDefinitionFamilies",
        "ecs:ListTaskDefinitions",
        "ecs:ListTasks",
        "ecs:RegisterTaskDefinition",
        "ssm:DescribeParameters",
    ];
    let (list, arn) = (json!(["arn:aws:iam::111122223333:role/a"]), json!(["arn:aws:ecs:eu-west-1:111122223333:cluster/a"]));
    let limits = json!({"existingRoles": list, "taskRoles": list, "secretArns": list, "kmsKeys": list, "clusters": arn});
    let role_arn = Some("arn:aws:iam::111122223333:role/wharfinger".to_owned());
    let spec = AccountBindingSpec { role_arn, ..binding(limits) };
    let all: BTreeSet<Feature> = TABLE.iter().flat_map(|row| row.features()).copied().collect();
    let mut found = BTreeSet::new();
    for policy in policies(&spec, &all).unwrap() {
        for statement in policy["Statement"].as_array().unwrap() {
            let actions = statement["Action"].as_array().cloned().unwrap_or_else(|| vec![statement["Action"].clone()]);
            assert!(actions.iter().all(|action| !action.as_str().unwrap().contains('*')), "{statement}");
            if statement["Resource"] == "*" {
                found.extend(actions.iter().map(|action| action.as_str().unwrap().to_owned()));
            }
        }
    }
    assert_eq!(found, everywhere.map(str::to_owned).into());
}

#[test]
fn bad_input_is_told() {
    let no_spec = temporary("none.yaml", "kind: Secret\n");
    let rows: &[(&[&str], &str)] = &[
        (&[], "--account-id"),
        (&["--account-id", "12"], "spec.accountId: \"12\" does not match"),
        (&["--account-id", "111122223333", "--region", "Paris"], "spec.regions[0]: \"Paris\" does not match"),
        (&["--account-id", "111122223333", "--role-path", "x"], "spec.limits.rolePath"),
        (&["--account-id", "111122223333", "--permissions-boundary", "b"], "spec.limits.permissionsBoundaryArn"),
        (&["--account-id", "111122223333", "--feature", "magic"], "--feature"),
        (
            &["--account-id", "111122223333", "--feature", "task-roles"],
            "spec.limits.taskRoles: feature task-roles needs to know which",
        ),
        (&["--account-id", "111122223333", "--document", "trust"], "--controller-arn"),
        (&["--account-id", "111122223333", "--document", "controller"], "spec.roleArn"),
        (&["-f", &no_spec], "there are 0 AccountBindings in these files"),
        (&["-f", "no-such-file"], "cannot read no-such-file"),
    ];
    for (arguments, wanted) in rows {
        let (code, out, errors) = program::run(&root(), &[&["iam-policy"], *arguments].concat());
        assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}: {errors}");
        assert!(errors.contains(wanted), "{arguments:?}: {errors}");
    }
}
