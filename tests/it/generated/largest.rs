//! The largest definition that is realistic: ECS takes ten containers and 64 KiB.

use serde_json::{Value, json};

/// A task definition of ten containers and about 60 KB, as a user writes it.
pub(crate) fn largest() -> Value {
    let numbered = |count: usize, item: &dyn Fn(usize) -> Value| (0..count).map(item).collect::<Vec<Value>>();
    let container = |at: usize| {
        let labels: serde_json::Map<_, _> = (0..8).map(|it| (format!("com.example.label-{it}"), json!("x".repeat(24)))).collect();
        json!({
            "name": format!("container-{at}"),
            "image": format!("registry.example.com/payments/service-{at}@sha256:{}", "0123456789abcdef".repeat(4)),
            "repositoryCredentials": {"credentialsParameter": format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/regcred-{at}/registry.example.com/pull-AbCdEf")},
            "command": ["serve", "--config", "/etc/service/config.yaml", "--verbose"],
            "cpu": 128, "memoryReservation": 256, "dockerLabels": labels,
            "environment": numbered(50, &|it| json!({"name": format!("SETTING_NUMBER_{it}"), "value": format!("a value of setting {it}")})),
            "secrets": numbered(10, &|it| json!({"name": format!("SECRET_{it}"), "valueFrom": format!("arn:aws:ssm:eu-west-1:111122223333:parameter/payments/service-{at}/secret-{it}")})),
            "portMappings": numbered(4, &|it| json!({"name": format!("port-{it}"), "containerPort": 8000 + 10 * at + it})),
            "mountPoints": numbered(4, &|it| json!({"sourceVolume": format!("volume-{it}"), "containerPath": format!("/var/lib/service/{it}")})),
            "healthCheck": {"command": ["CMD-SHELL", "curl -f http://localhost:8080/healthz || exit 1"], "startPeriod": 10},
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/payments", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "ecs"}},
            "ulimits": [{"name": "nofile", "softLimit": 65535, "hardLimit": 65535}],
        })
    };
    json!({
        "family": "payments_api", "cpu": "4 vCPU", "memory": "16 GB", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "executionRoleArn": "arn:aws:iam::111122223333:role/wharfinger_payments",
        "containerDefinitions": numbered(10, &container),
        "volumes": numbered(4, &|it| json!({"name": format!("volume-{it}"), "efsVolumeConfiguration": {"fileSystemId": format!("fs-{it}")}})),
    })
}
