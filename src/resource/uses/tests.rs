//! What definitions of every shape name.

use super::*;
use serde_json::json;

const PLACE: Place = Place { partition: "aws", region: "eu-west-1", account_id: "111122223333" };
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/db-AbCdEf";

fn secret(arn: &str) -> Thing {
    Thing::Secret(arn.to_owned())
}

fn parameter(name: &str) -> Thing {
    Thing::Parameter(format!("arn:aws:ssm:eu-west-1:111122223333:parameter/{name}"))
}

fn found(kind: DefinitionKind, document: &Value) -> Vec<(String, Thing)> {
    uses(kind, document, PLACE).into_iter().map(|named| (named.path, named.thing)).collect()
}

/// The places of a container in each shape, with the document around it.
fn shapes(container: &Value) -> Vec<(DefinitionKind, String, Value)> {
    let task = json!({"taskProperties": [{"containers": [container]}]});
    vec![
        (DefinitionKind::TaskDefinition, "containerDefinitions[0]".into(), json!({"containerDefinitions": [container]})),
        (DefinitionKind::JobDefinition, "containerProperties".into(), json!({"containerProperties": container})),
        (DefinitionKind::JobDefinition, "ecsProperties.taskProperties[0].containers[0]".into(), json!({"ecsProperties": task})),
        (
            DefinitionKind::JobDefinition,
            "nodeProperties.nodeRangeProperties[0].container".into(),
            json!({"nodeProperties": {"nodeRangeProperties": [{"container": container}]}}),
        ),
        (
            DefinitionKind::JobDefinition,
            "nodeProperties.nodeRangeProperties[0].ecsProperties.taskProperties[0].containers[0]".into(),
            json!({"nodeProperties": {"nodeRangeProperties": [{"ecsProperties": task}]}}),
        ),
    ]
}

type Row = (Value, Vec<(&'static str, Thing)>);

fn check_in_every_shape(rows: Vec<Row>) {
    for (mut container, expected) in rows {
        let silent = json!({"logDriver": "none"});
        if container.get("logConfiguration").is_none() {
            container["logConfiguration"] = silent; // Batch writes logs by default
        }
        for (kind, place, document) in shapes(&container) {
            let expected: Vec<(String, Thing)> =
                expected.iter().map(|(path, thing)| (format!("{place}.{path}"), thing.clone())).collect();
            assert_eq!(found(kind, &document), expected, "{document}");
        }
    }
}

#[test]
fn secrets_and_parameters_in_every_shape() {
    let from = |value: &str| json!({"secrets": [{"name": "A", "valueFrom": value}]});
    let referred = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/db";
    check_in_every_shape(vec![
        (from(SECRET), vec![("secrets[0].valueFrom", secret(SECRET))]),
        (from(&format!("{SECRET}:password::")), vec![("secrets[0].valueFrom", secret(SECRET))]),
        (from(&format!("{SECRET}:password:AWSPREVIOUS:")), vec![("secrets[0].valueFrom", secret(SECRET))]),
        (from("token"), vec![("secrets[0].valueFrom", parameter("token"))]),
        (from("/payments/token"), vec![("secrets[0].valueFrom", parameter("payments/token"))]),
        (from("arn:aws:ssm:eu-west-1:111122223333:parameter/token"), vec![("secrets[0].valueFrom", parameter("token"))]),
        (
            from("/aws/reference/secretsmanager/payments/db"),
            vec![
                ("secrets[0].valueFrom", secret(referred)),
                ("secrets[0].valueFrom", parameter("aws/reference/secretsmanager/payments/db")),
            ],
        ),
    ]);
}

#[test]
fn files_logs_and_images_in_every_shape() {
    let file = |value: &str| json!({"environmentFiles": [{"type": "s3", "value": value}]});
    let group = "arn:aws:logs:eu-west-1:111122223333:log-group:api";
    check_in_every_shape(vec![
        (
            json!({"logConfiguration": {"logDriver": "splunk", "secretOptions": [{"name": "t", "valueFrom": SECRET}]}}),
            vec![("logConfiguration.secretOptions[0].valueFrom", secret(SECRET))],
        ),
        (
            file("arn:aws:s3:::bucket/app.env"),
            vec![("environmentFiles[0].value", Thing::Object("arn:aws:s3:::bucket/app.env".into()))],
        ),
        (
            json!({"firelensConfiguration": {"type": "fluentbit", "options": {"config-file-type": "s3", "config-file-value": "arn:aws:s3:::b/f"}}}),
            vec![("firelensConfiguration.options.config-file-value", Thing::Object("arn:aws:s3:::b/f".into()))],
        ),
        (json!({"firelensConfiguration": {"options": {"config-file-type": "file", "config-file-value": "/f"}}}), vec![]),
        (
            json!({"credentialSpecs": ["credentialspec:arn:aws:s3:::b/spec.json"]}),
            vec![("credentialSpecs[0]", Thing::Object("arn:aws:s3:::b/spec.json".into()))],
        ),
        (
            json!({"credentialSpecs": ["credentialspecdomainless:arn:aws:ssm:eu-west-1:111122223333:parameter/gmsa"]}),
            vec![("credentialSpecs[0]", parameter("gmsa"))],
        ),
        (json!({"dockerSecurityOptions": ["credentialspec:file://spec.json", "no-new-privileges"]}), vec![]),
        (
            json!({"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "api"}}}),
            vec![("logConfiguration.options.awslogs-group", Thing::LogGroup(group.into()))],
        ),
        (
            json!({"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "api", "awslogs-create-group": "true"}}}),
            vec![
                ("logConfiguration.options.awslogs-group", Thing::LogGroup(group.into())),
                ("logConfiguration.options.awslogs-group", Thing::NewLogGroup(group.into())),
            ],
        ),
        (
            json!({"image": "444455556666.dkr.ecr.us-east-1.amazonaws.com/team/api:1"}),
            vec![("image", Thing::Repository("arn:aws:ecr:us-east-1:444455556666:repository/team/api".into()))],
        ),
        (json!({"image": "public.ecr.aws/nginx/nginx:1"}), vec![]),
        (json!({"image": "registry.example.com/api:1"}), vec![]),
    ]);
}

#[test]
fn batch_writes_logs_by_default_and_on_fargate_with_the_execution_role() {
    let group = Thing::LogGroup("arn:aws:logs:eu-west-1:111122223333:log-group:/aws/batch/job".into());
    let rows = [(json!(["FARGATE"]), true), (json!(["EC2"]), false), (json!([]), false), (json!(null), false)];
    for (platforms, on_fargate) in rows {
        for (kind, _, mut document) in shapes(&json!({"image": "registry.example.com/api:1"})) {
            document["platformCapabilities"] = platforms.clone();
            let things: Vec<Thing> = found(kind, &document).into_iter().map(|(_, thing)| thing).collect();
            let expected = if on_fargate && kind == DefinitionKind::JobDefinition { vec![group.clone()] } else { vec![] };
            assert_eq!(things, expected, "{document}");
        }
    }
}

#[test]
fn what_stands_outside_of_containers() {
    let role = "arn:aws:iam::111122223333:role/app";
    let volume = |login: &str| json!({"fsxWindowsFileServerVolumeConfiguration": {"authorizationConfig": {"credentialsParameter": login}}});
    let ecs =
        json!({"taskRoleArn": role, "volumes": [volume(SECRET), volume("arn:aws:ssm:eu-west-1:111122223333:parameter/fsx")]});
    let login = "fsxWindowsFileServerVolumeConfiguration.authorizationConfig.credentialsParameter";
    assert_eq!(
        found(DefinitionKind::TaskDefinition, &ecs),
        [
            ("taskRoleArn".to_owned(), Thing::TaskRole(role.into())),
            (format!("volumes[0].{login}"), secret(SECRET)),
            (format!("volumes[1].{login}"), parameter("fsx")),
        ]
    );
    for (document, path) in [
        (
            json!({"containerProperties": {"jobRoleArn": role, "logConfiguration": {"logDriver": "none"}}}),
            "containerProperties.jobRoleArn",
        ),
        (json!({"ecsProperties": {"taskProperties": [{"taskRoleArn": role}]}}), "ecsProperties.taskProperties[0].taskRoleArn"),
    ] {
        assert_eq!(found(DefinitionKind::JobDefinition, &document), [(path.to_owned(), Thing::TaskRole(role.into()))]);
    }
}

#[test]
fn what_is_needed_is_recorded_and_read_back() {
    let rows = [
        (secret(SECRET), Some(Permission::ReadSecret(SECRET.into()))),
        (
            secret("arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/db"),
            Some(Permission::ReadSecret("arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/db-??????".into())),
        ),
        (secret("arn:aws:secretsmanager:eu-west-1:111122223333:secret:*"), None),
        (parameter("token"), Some(Permission::ReadParameter("arn:aws:ssm:eu-west-1:111122223333:parameter/token".into()))),
        (parameter("token*"), None),
        (Thing::Object("arn:aws:s3:::b/${aws:username}".into()), None),
        (Thing::Object("arn:aws:iam::111122223333:role/x".into()), None),
        (Thing::LogGroup("arn:aws:logs:eu-west-1:111122223333:log-group:".into()), None),
        (Thing::LogGroup("arn:aws:logs:nowhere:111122223333:log-group:api".into()), None),
        (Thing::NewLogGroup("arn:aws:logs:eu-west-1:111122223333:log-group:a:b".into()), None),
        (Thing::TaskRole("arn:aws:iam::111122223333:role/app".into()), None),
        (
            Thing::Repository("arn:aws:ecr:us-east-1:444455556666:repository/api".into()),
            Some(Permission::PullImage("arn:aws:ecr:us-east-1:444455556666:repository/api".into())),
        ),
        (
            Thing::LogGroup("arn:aws:logs:eu-west-1:111122223333:log-group:api".into()),
            Some(Permission::WriteLogs("arn:aws:logs:eu-west-1:111122223333:log-group:api:*".into())),
        ),
        (
            Thing::NewLogGroup("arn:aws:logs:eu-west-1:111122223333:log-group:api".into()),
            Some(Permission::CreateLogGroup("arn:aws:logs:eu-west-1:111122223333:log-group:api:*".into())),
        ),
    ];
    for (thing, permission) in rows {
        assert_eq!(thing.permission(), permission, "{thing:?}");
        if permission.is_some() {
            assert_eq!(thing.need().as_ref().and_then(Thing::recorded), Some(thing));
        }
    }
}
