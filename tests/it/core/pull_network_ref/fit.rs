//! What a workload needs and its network has no endpoint for.

use super::super::fixtures::{desired, fenced};
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
