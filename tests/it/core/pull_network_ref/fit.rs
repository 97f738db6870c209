//! What a workload needs and its network has no endpoint for.

use super::super::fixtures::{desired, fenced};
use super::super::story::Story;
use super::{ECR, changed, named, network, with};
use serde_json::{Value, json};

#[test]
fn what_the_network_has_no_endpoint_for_is_told_with_the_field_that_helps() {
    let ecs = |more: &str| {
        format!(
            "image: registry.example.com/a/b:1\ncredentials: [{{secretRef: {{name: regcred}}}}]\necs: {{memory: '512', cpu: '256', networkMode: awsvpc, {more}}}\n"
        )
    };
    let plain = "containerDefinitions: [{name: api}]";
    let (fargate, ec2, external) = (
        format!("requiresCompatibilities: [FARGATE], {plain}"),
        format!("requiresCompatibilities: [EC2], {plain}"),
        format!("requiresCompatibilities: [EXTERNAL], {plain}"),
    );
    let windows = format!("runtimePlatform: {{operatingSystemFamily: WINDOWS_SERVER_2022_CORE}}, {fargate}");
    let logs = "containerDefinitions: [{name: api, logConfiguration: {logDriver: awslogs, options: {awslogs-group: a, awslogs-region: eu-west-1, awslogs-stream-prefix: a}}}]";
    let secret = "containerDefinitions: [{name: api, secrets: [{name: A, valueFrom: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-AbCdEf'}]}]";
    let parameter = "containerDefinitions: [{name: api, secrets: [{name: A, valueFrom: /x}]}]";
    let batch = |more: &str| {
        format!("image: registry.example.com/a/b:1\ncredentials: [{{secretRef: {{name: regcred}}}}]\nbatch: {{{more}}}\n")
    };
    let job = |more: &str| batch(&format!("platformCapabilities: [FARGATE], containerProperties: {{{more}}}"));
    let on_instances = batch("containerProperties: {logConfiguration: {logDriver: json-file}}");
    let public = "image: public.ecr.aws/a/b:1\necs: {containerDefinitions: [{name: api}]}\n".to_owned();
    let nothing = || json!({"fargate": {}});
    let all = || json!({"fargate": {"awslogs": true, "windows": true, "linuxPlatformVersion": "1.4.0"}, "ec2": true, "containerSecrets": ["SecretsManager", "ParameterStore"]});
    let rows: Vec<(&str, String, Value, Value, &[&str])> = vec![
        ("plain", ecs(plain), nothing(), json!({}), &[]),
        ("Fargate", ecs(&fargate), nothing(), json!({}), &[]),
        ("Fargate where there is none", ecs(&fargate), json!({"ec2": true}), json!({}), &["set spec.tasks.fargate"]),
        ("Linux where Windows only", ecs(&fargate), json!({"fargate": {"windows": true}}), json!({}), &["linuxPlatformVersion"]),
        ("Windows", ecs(&windows), nothing(), json!({}), &["set spec.tasks.fargate.windows"]),
        ("Windows with all", ecs(&windows), all(), json!({}), &[]),
        ("EC2", ecs(&ec2), nothing(), json!({}), &["set spec.tasks.ec2"]),
        ("EC2 with all", ecs(&ec2), all(), json!({}), &[]),
        ("external", ecs(&external), nothing(), json!({}), &[]),
        ("ECR", ECR.to_owned(), nothing(), json!({"ecr": false}), &["set spec.pulls.ecr: true"]),
        ("ECR with it", ECR.to_owned(), nothing(), json!({}), &[]),
        ("ECR Public", public.clone(), nothing(), json!({}), &["spec.pulls.ecrPublic"]),
        ("ECR Public that is told", public, nothing(), json!({"ecrPublic": true}), &[]),
        ("a login", ecs(plain), nothing(), json!({"privateRegistries": false}), &["set spec.pulls.privateRegistries: true"]),
        (
            "a login by another's endpoint",
            ecs(plain),
            json!({"fargate": {}, "containerSecrets": ["SecretsManager"]}),
            json!({"privateRegistries": false}),
            &[],
        ),
        ("logs", ecs(logs), nothing(), json!({}), &["spec.tasks.awslogs: true"]),
        ("logs on Fargate", ecs(&fargate.replace(plain, logs)), nothing(), json!({}), &["spec.tasks.fargate.awslogs: true"]),
        ("logs with them", ecs(logs), json!({"fargate": {}, "awslogs": true}), json!({}), &[]),
        (
            "a secret",
            ecs(secret),
            nothing(),
            json!({"privateRegistries": false}),
            &["spec.pulls.privateRegistries", "add SecretsManager"],
        ),
        ("a secret by the logins' endpoint", ecs(secret), nothing(), json!({}), &[]),
        ("a parameter", ecs(parameter), nothing(), json!({}), &["add ParameterStore"]),
        ("a parameter with it", ecs(parameter), all(), json!({}), &[]),
        ("a job", on_instances, nothing(), json!({}), &["set spec.tasks.ec2"]),
        (
            "a job that says nothing of logs",
            batch("containerProperties: {}"),
            json!({"ec2": true}),
            json!({}),
            &["spec.tasks.awslogs: true"],
        ),
        ("a job on Fargate", job(""), nothing(), json!({}), &["spec.tasks.fargate.awslogs: true"]),
        (
            "a job on a newer platform",
            job("fargatePlatformConfiguration: {platformVersion: LATEST}"),
            json!({"fargate": {"linuxPlatformVersion": "1.3.0", "awslogs": true}}),
            json!({}),
            &["linuxPlatformVersion to 1.4.0"],
        ),
        (
            "a job on an older platform",
            job("fargatePlatformConfiguration: {platformVersion: 1.3.0}"),
            json!({"fargate": {"linuxPlatformVersion": "1.3.0", "awslogs": true}}),
            json!({}),
            &[],
        ),
        (
            "a job on a newer platform with all",
            job("fargatePlatformConfiguration: {platformVersion: LATEST}"),
            all(),
            json!({}),
            &[],
        ),
    ];
    for (what, spec, tasks, pulls, expected) in rows {
        let network = changed(|it| {
            it.spec.tasks = serde_json::from_value(tasks).unwrap();
            it.spec.pulls = serde_json::from_value(pulls).unwrap();
        });
        let inputs = fenced(with(&named(&spec, None), network), "{secretArns: ['*'], ssmParameters: ['*']}");
        let told: Vec<String> = desired(&inputs).warnings.into_iter().filter(|it| it.contains("PullNetwork apps: ")).collect();
        assert_eq!(told.len(), expected.len(), "{what}: {told:#?}");
        assert!(expected.iter().zip(&told).all(|(part, told)| told.contains(part)), "{what}: {told:#?}");
    }
    let outside = desired(&with(&named(&ecs(&external), Some("Vpc")), network())).warnings.join("\n");
    assert!(outside.contains("external instances are in no VPC, so their pulls from Amazon ECR are denied"), "{outside}");
}

/// The policies of the network's endpoints let through who bears the binding's prefix, and who is named.
#[test]
fn a_role_that_the_policies_do_not_let_through_is_told() {
    const OWN: &str = "arn:aws:iam::111122223333:role/";
    let login = "image: registry.example.com/a/b:1\ncredentials: [{secretRef: {name: regcred}}]\necs: {containerDefinitions: [{name: api}]}\n";
    let existing = format!("executionRole: {{arn: '{OWN}theirs/puller'}}\n");
    let policies = |ecr: &str, secrets: &str| json!({"ecr": ecr, "secretsmanager": secrets});
    let tight = || policies("AllowPull", "Scoped");
    let rows: Vec<(&str, String, Value, Value, &str, &[&str])> = vec![
        ("the namespace's role", ECR.to_owned(), tight(), json!([]), "prod", &[]),
        ("the same with a login", login.to_owned(), tight(), json!([]), "prod", &[]),
        ("a role by its name", format!("{ECR}executionRole: {{name: wharfinger_payments_x}}\n"), tight(), json!([]), "prod", &[]),
        ("an existing role", format!("{ECR}{existing}"), tight(), json!([]), "prod", &["AllowPull"]),
        ("with a login", format!("{login}{existing}"), tight(), json!([]), "prod", &["Scoped"]),
        ("that is named", format!("{ECR}{existing}"), tight(), json!([format!("{OWN}theirs/*")]), "prod", &[]),
        ("where another is", format!("{ECR}{existing}"), tight(), json!([format!("{OWN}ours/*")]), "prod", &["AllowPull"]),
        ("without policies", format!("{ECR}{existing}"), policies("Full", "Full"), json!([]), "prod", &[]),
        ("without those that matter", format!("{ECR}{existing}"), policies("PreventDelete", "Scoped"), json!([]), "prod", &[]),
        ("a login without", format!("{login}{existing}"), policies("AllowPull", "Full"), json!([]), "prod", &[]),
        ("another binding", ECR.to_owned(), tight(), json!([]), "platform", &["the roles of AccountBinding platform"]),
        ("another binding's that is named", ECR.to_owned(), tight(), json!([format!("{OWN}*")]), "platform", &[]),
    ];
    for (what, spec, policies, principals, by, expected) in rows {
        let network = changed(|it| {
            it.spec.policies = serde_json::from_value(policies).unwrap();
            it.spec.additional_principals = serde_json::from_value(principals).unwrap();
            it.spec.binding_ref.name = by.into();
        });
        let inputs = fenced(with(&named(&spec, None), network), "{existingRoles: ['*']}");
        let told: Vec<String> =
            desired(&inputs).warnings.into_iter().filter(|it| it.contains("spec.additionalPrincipals")).collect();
        assert_eq!(told.len(), expected.len(), "{what}: {told:#?}");
        assert!(
            expected.iter().zip(&told).all(|(part, told)| told.contains(part) && told.contains("execution role")),
            "{told:#?}"
        );
    }
    // A path that the binding has got since is that of new roles only.
    let network = changed(|it| it.spec.policies = serde_json::from_value(tight()).unwrap());
    let moved = fenced(with(&named(ECR, None), network), "{rolePath: /moved/}");
    let is_told = |warnings: &[String]| warnings.iter().any(|it| it.contains("AllowPull"));
    assert!(!is_told(&desired(&moved).warnings));
    let mut story = Story::settled(fenced(moved, "{}"));
    assert!(!is_told(&story.status().warnings));
    story.inputs = fenced(story.inputs, "{rolePath: /moved/}");
    story.pass();
    assert!(is_told(&story.status().warnings), "{:#?}", story.status().warnings);
}
