//! Fences: whatever a spec leads to is denied unless a pattern admits it or it is under our own prefixes for the namespace.

use super::fixtures::{API, ambient, desired, fenced, inputs, resolve, told};
use super::story::{Story, holds};
use wharfinger::inputs::Inputs;
use wharfinger::status::Reason;

const ROLE: &str = "arn:aws:iam::111122223333:role/app/reader";
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/db-AbCdEf";
const PARAMETER: &str = "arn:aws:ssm:eu-west-1:111122223333:parameter/team/flag";
const OBJECT: &str = "arn:aws:s3:::bucket/env/api.env";

/// What a spec leads to, the spec, the fence, and a pattern that admits it.
fn leads() -> Vec<(&'static str, String, &'static str, &'static str)> {
    let container = |fields: &str| {
        format!(
            "image: registry.example.com/x:1\ncredentials: [{{secretRef: {{name: regcred}}}}]\necs: {{containerDefinitions: [{{name: a, {fields}}}]}}"
        )
    };
    let root = |fields: &str| API.replace("ecs: {", &format!("ecs: {{{fields}, "));
    let job = |fields: &str| {
        format!("image: registry.example.com/x:1\ncredentials: [{{secretRef: {{name: regcred}}}}]\nbatch: {fields}")
    };
    let role = "arn:aws:iam::111122223333:role/app/*";
    let secret = "arn:aws:secretsmanager:*:111122223333:secret:team/*";
    vec![
        ("task role", root(&format!("taskRoleArn: '{ROLE}'")), "taskRoles", role),
        ("job role", job(&format!("{{containerProperties: {{jobRoleArn: '{ROLE}'}}}}")), "taskRoles", role),
        (
            "task role of a job",
            job(&format!("{{ecsProperties: {{taskProperties: [{{taskRoleArn: '{ROLE}', containers: [{{name: a}}]}}]}}}}")),
            "taskRoles",
            role,
        ),
        (
            "job role of a node",
            job(&format!(
                "{{nodeProperties: {{numNodes: 1, mainNode: 0, nodeRangeProperties: [{{targetNodes: '0', container: {{jobRoleArn: '{ROLE}'}}}}]}}}}"
            )),
            "taskRoles",
            role,
        ),
        ("existing role", format!("{API}executionRole: {{arn: '{ROLE}'}}"), "existingRoles", role),
        ("pasted role", root(&format!("executionRoleArn: '{ROLE}'")), "existingRoles", role),
        ("secret", container(&format!("secrets: [{{name: X, valueFrom: '{SECRET}'}}]")), "secretArns", secret),
        ("a key of a secret", container(&format!("secrets: [{{name: X, valueFrom: '{SECRET}:user::'}}]")), "secretArns", secret),
        (
            "secret of the log driver",
            container(&format!("logConfiguration: {{logDriver: splunk, secretOptions: [{{name: X, valueFrom: '{SECRET}'}}]}}")),
            "secretArns",
            secret,
        ),
        (
            "secret of a job",
            job(&format!("{{containerProperties: {{secrets: [{{name: X, valueFrom: '{SECRET}'}}]}}}}")),
            "secretArns",
            secret,
        ),
        (
            "parameter",
            container(&format!("secrets: [{{name: X, valueFrom: '{PARAMETER}'}}]")),
            "ssmParameters",
            "arn:aws:ssm:*:*:parameter/team/*",
        ),
        (
            "parameter by name",
            container("secrets: [{name: X, valueFrom: team/flag}]"),
            "ssmParameters",
            "arn:aws:ssm:eu-west-1:111122223333:parameter/team/*",
        ),
        (
            "parameter by path",
            container("secrets: [{name: X, valueFrom: /team/flag}]"),
            "ssmParameters",
            "arn:aws:ssm:eu-west-1:111122223333:parameter/team/*",
        ),
        (
            "environment file",
            container(&format!("environmentFiles: [{{type: s3, value: '{OBJECT}'}}]")),
            "s3Objects",
            "arn:aws:s3:::bucket/env/*",
        ),
        (
            "configuration of FireLens",
            container(&format!(
                "firelensConfiguration: {{type: fluentbit, options: {{config-file-type: s3, config-file-value: '{OBJECT}'}}}}"
            )),
            "s3Objects",
            "arn:aws:s3:::bucket/env/*",
        ),
    ]
}

fn refused(inputs: &Inputs) -> Option<String> {
    resolve(inputs).err().map(|problems| told(&problems))
}

#[test]
fn what_a_spec_leads_to_is_denied_unless_admitted() {
    for (what, spec, fence, pattern) in leads() {
        let told = refused(&inputs(&spec)).unwrap_or_else(|| panic!("{what}: admitted with no limits"));
        assert!(told.contains("NotAllowed") && told.contains(&format!("limits.{fence}")), "{what}: {told}");
        let admitting = format!("{{{fence}: ['{pattern}']}}");
        assert_eq!(refused(&fenced(inputs(&spec), &admitting)), None, "{what}: {pattern}");
        let other = format!("{{{fence}: ['{}']}}", pattern.replace("team", "tea").replace("app", "ap").replace("bucket", "buck"));
        assert!(refused(&fenced(inputs(&spec), &other)).is_some(), "{what}: {other}");
        assert_eq!(refused(&ambient(inputs(&spec))), None, "{what}: nothing is fenced without a binding");
    }
}

#[test]
fn what_is_under_our_own_prefixes_is_admitted() {
    let own = |name: &str| format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{name}-AbCdEf");
    let secret = |arn: &str| API.replace("{name: api,", &format!("{{name: api, secrets: [{{name: X, valueFrom: '{arn}'}}],"));
    let role = |arn: &str| format!("{API}executionRole: {{arn: '{arn}'}}");
    let rows = [
        (secret(&own("wharfinger/payments/regcred/registry.example.com/pull")), true),
        (secret(&own("wharfinger/paymentsx/regcred/registry.example.com/pull")), false),
        (secret(&own("wharfinger/pay/regcred/registry.example.com/pull")), false),
        (secret(&own("wharfinger/other/regcred/registry.example.com/pull")), false),
        (secret(&own("xwharfinger/payments/regcred/registry.example.com/pull")), false),
        (secret(&own("wharfinger/payments/x").replace("111122223333", "210987654321")), false),
        (role("arn:aws:iam::111122223333:role/wharfinger/wharfinger_payments"), true),
        (role("arn:aws:iam::111122223333:role/wharfinger_payments_web"), true),
        (role("arn:aws:iam::111122223333:role/wharfinger_paymentsweb"), false),
        (role("arn:aws:iam::111122223333:role/wharfinger_pay"), false),
        (role("arn:aws:iam::111122223333:role/wharfinger_payments/admin"), false),
        (format!("{API}executionRole: {{name: wharfinger_payments_web}}"), true),
        (format!("{API}executionRole: {{name: wharfinger_payments}}"), true),
        (format!("{API}executionRole: {{name: wharfinger_payments-web}}"), false),
        (format!("{API}executionRole: {{name: wharfinger_pay_web}}"), false),
    ];
    for (spec, admitted) in rows {
        assert_eq!(refused(&inputs(&spec)).is_none(), admitted, "{spec}");
    }
}

/// Of two namespaces whose names begin alike neither gets at the other's things.
#[test]
fn no_namespace_is_the_prefix_of_another() {
    let mut pay = inputs(API);
    pay.namespace.name = "pay".into();
    let of_pay = desired(&pay);
    let of_payments = desired(&inputs(API));
    assert!(!of_payments.secrets[0].name.starts_with(&of_pay.secrets[0].name[.."wharfinger/pay/".len()]));
    pay.workload.spec.execution_role = Some(serde_saphyr::from_str("{name: wharfinger_payments}").unwrap());
    assert!(refused(&pay).is_some_and(|told| told.contains("spec.executionRole.name")));
}

#[test]
fn a_login_goes_to_no_host_that_is_not_admitted() {
    let shared = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared/ghcr-AbCdEf";
    let limits = |hosts: &str| format!("{{registries: {hosts}, secretArns: ['{shared}']}}");
    let pasted = format!(
        "ecs: {{containerDefinitions: [{{name: a, image: evil.example.org/x:1, repositoryCredentials: {{credentialsParameter: '{shared}'}}}}]}}"
    );
    let named = format!(
        "image: evil.example.org/x:1\ncredentials: [{{secretArn: '{shared}'}}]\necs: {{containerDefinitions: [{{name: a}}]}}"
    );
    for spec in [&pasted, &named] {
        for hosts in ["['ghcr.io']", "['?.example.org']"] {
            let told = refused(&fenced(inputs(spec), &limits(hosts))).unwrap_or_else(|| panic!("{hosts} admits {spec}"));
            assert!(told.contains("limits.registries") && told.contains("evil.example.org"), "{told}");
        }
        assert_eq!(refused(&fenced(inputs(spec), &limits("['*.example.org']"))), None, "{spec}");
    }
    let ports = "image: 'registry.example.com:5000/x:1'\ncredentials: [{secretRef: {name: regcred}}]\necs: {containerDefinitions: [{name: a}]}";
    let mut inputs = inputs(ports);
    inputs.sources.insert("regcred".into(), super::fixtures::docker(&[("registry.example.com:5000", "a", "b")]));
    assert!(
        refused(&fenced(inputs.clone(), "{registries: [registry.example.com]}")).is_some(),
        "another port is another registry"
    );
    assert_eq!(refused(&fenced(inputs, "{registries: ['registry.example.com:5000']}")), None);
}

/// What only AWS can tell (the ARN behind a name, the key of a secret) is fenced by the planner, and reads like "not found".
#[test]
fn what_stands_behind_a_name_is_fenced_too() {
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let shared = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared/ghcr-AbCdEf";
    let spec = |credential: &str| {
        format!("image: registry.example.com/x:1\ncredentials: [{credential}]\necs: {{containerDefinitions: [{{name: a}}]}}")
    };
    let rows = [
        ("a secret by name", "{registry: registry.example.com, secretArn: shared/ghcr}", "{secretArns: ['SECRET']}"),
        ("a secret by ARN", "{registry: registry.example.com, secretArn: 'SECRET'}", "{secretArns: ['SECRET']}"),
        ("a key by ARN", "{secretRef: {name: regcred}, kmsKey: 'KEY'}", "{kmsKeys: ['KEY']}"),
        ("a key by alias", "{secretRef: {name: regcred}, kmsKey: alias/x}", "{kmsKeys: ['KEY']}"),
        (
            "an alias",
            "{secretRef: {name: regcred}, kmsKey: alias/x}",
            "{kmsKeys: ['arn:aws:kms:eu-west-1:111122223333:alias/x']}",
        ),
        ("an alias by its name", "{secretRef: {name: regcred}, kmsKey: alias/x}", "{kmsKeys: [alias/x]}"),
        (
            "a key of an existing secret",
            "{registry: registry.example.com, secretArn: 'SECRET', kmsKey: 'KEY'}",
            "{secretArns: ['SECRET'], kmsKeys: ['KEY']}",
        ),
        (
            "a key that is found",
            "{registry: registry.example.com, secretArn: encrypted}",
            "{secretArns: ['*'], kmsKeys: ['KEY']}",
        ),
    ];
    let fill = |text: &str| text.replace("SECRET", shared).replace("KEY", key);
    for (what, credential, limits) in rows {
        let story = |limits: &str, exists: bool| {
            let mut story = Story::new(fenced(inputs(&spec(&fill(credential))), &fill(limits)));
            if exists {
                story.world.keys.insert("alias/x".into(), key.into());
                story.world.secrets.insert("shared/ghcr".into(), existing(shared, None));
                let encrypted = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:encrypted-AbCdEf";
                story.world.secrets.insert("encrypted".into(), existing(encrypted, Some(key)));
            }
            story
        };
        assert_eq!(holds(&story(limits, true).plan()), [], "{what}");
        let mut denied = vec!["{}".to_owned(), "{secretArns: ['SECRETX'], kmsKeys: ['KEYX', alias/xy]}".to_owned()];
        if limits.contains("kmsKeys") {
            denied.push("{secretArns: ['*']}".to_owned());
        }
        for other in denied {
            let plan = story(&other, true).plan();
            assert_eq!(plan.steps, [], "{what} {other}: {plan}");
            if !credential.contains("KEY") && !credential.contains("encrypted") {
                assert_eq!(plan.held, story(&other, false).plan().held, "{what}: not found and not allowed read the same");
            }
        }
    }
}

pub(super) fn existing(arn: &str, key: Option<&str>) -> wharfinger::resource::secret::ObservedSecret {
    wharfinger::resource::secret::ObservedSecret {
        arn: arn.into(),
        kms_key: key.map(str::to_owned),
        ..wharfinger::resource::secret::ObservedSecret::default()
    }
}

#[test]
fn a_refusal_is_told_to_the_tenant() {
    let spec = format!("{API}executionRole: {{arn: '{ROLE}'}}");
    let problems = super::fixtures::problems(&inputs(&spec));
    assert_eq!(problems[0].reason, Reason::NotAllowed);
    assert_eq!(problems[0].value, ROLE);
    assert!(problems[0].remedy.contains("administrator"));
}
