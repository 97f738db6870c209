//! What the printed policy must not let its holder do, by an evaluator that knows IAM only. Each attempt is beside a request that is
//! allowed, from which it differs in one thing.

use super::printed;
use crate::core::iam::{Request, allows};
use serde_json::Value;

const BINDING: &str = r#"
apiVersion: wharfinger.dev/v1alpha1
kind: AccountBinding
metadata: {name: prod}
spec:
  accountId: "111122223333"
  regions: [eu-west-1]
  limits:
    rolePath: /wharfinger/
    permissionsBoundaryArn: arn:aws:iam::111122223333:policy/wharfinger-boundary
    existingRoles: ["arn:aws:iam::111122223333:role/ecsTaskExecutionRole"]
    taskRoles: ["arn:aws:iam::111122223333:role/payments-*"]
    secretArns: ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared/*"]
    kmsKeys: ["arn:aws:kms:eu-west-1:111122223333:key/1234", "arn:aws:kms:eu-west-1:111122223333:alias/registry"]
    clusters: ["arn:aws:ecs:eu-west-1:111122223333:cluster/prod"]
"#;

const ROLE: &str = "arn:aws:iam::111122223333:role/wharfinger/wharfinger_payments";
const ADMIN: &str = "arn:aws:iam::111122223333:role/Admin";
const BOUNDARY: (&str, &str) = ("iam:PermissionsBoundary", "arn:aws:iam::111122223333:policy/wharfinger-boundary");
const WIDER: (&str, &str) = ("iam:PermissionsBoundary", "arn:aws:iam::aws:policy/AdministratorAccess");
const TASKS: (&str, &str) = ("iam:PassedToService", "ecs-tasks.amazonaws.com");
const LAMBDA: (&str, &str) = ("iam:PassedToService", "lambda.amazonaws.com");
const MANAGED: (&str, &str) = ("iam:PolicyARN", "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy");
const POWER: (&str, &str) = ("iam:PolicyARN", "arn:aws:iam::aws:policy/AdministratorAccess");
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/regcred-AbCdEf";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234";
const VIA: (&str, &str) = ("kms:ViaService", "secretsmanager.eu-west-1.amazonaws.com");

const ENDPOINT: &str = "arn:aws:ec2:eu-west-1:111122223333:vpc-endpoint/vpce-1";
const GROUP: &str = "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-1";
const INSTANCE: &str = "arn:aws:ec2:eu-west-1:111122223333:instance/i-1";
const HAS_TAG: (&str, &str) = ("aws:ResourceTag/wharfinger.dev/cluster", "prod");
const GETS_TAG: (&str, &str) = ("aws:RequestTag/wharfinger.dev/cluster", "prod");
const OF_AWS: (&str, &str) = ("ec2:VpceServiceOwner", "amazon");

type Asked = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// What is allowed, and the attempts beside it.
const ROWS: &[(Asked, &[Asked])] = &[
    (
        ("iam:CreateRole", ROLE, &[BOUNDARY]),
        &[
            ("iam:CreateRole", ROLE, &[]),
            ("iam:CreateRole", ROLE, &[WIDER]),
            ("iam:CreateRole", ADMIN, &[BOUNDARY]),
            ("iam:CreateRole", "arn:aws:iam::111122223333:role/wharfinger_payments", &[BOUNDARY]),
            ("iam:CreateRole", "arn:aws:iam::111122223333:role/other/wharfinger/wharfinger_x", &[BOUNDARY]),
            ("iam:CreateRole", "arn:aws:iam::999922223333:role/wharfinger/wharfinger_x", &[BOUNDARY]),
            ("iam:CreateUser", "arn:aws:iam::111122223333:user/wharfinger/wharfinger_x", &[BOUNDARY]),
            ("iam:CreateServiceLinkedRole", ROLE, &[BOUNDARY]),
        ],
    ),
    (
        ("iam:PutRolePolicy", ROLE, &[BOUNDARY]),
        &[
            ("iam:PutRolePolicy", ROLE, &[]),
            ("iam:PutRolePolicy", ROLE, &[WIDER]),
            ("iam:PutRolePolicy", ADMIN, &[BOUNDARY]),
            ("iam:PutRolePolicy", "arn:aws:iam::111122223333:role/wharfinger", &[BOUNDARY]),
            ("iam:PutUserPolicy", "arn:aws:iam::111122223333:user/me", &[BOUNDARY]),
            ("iam:PutGroupPolicy", "arn:aws:iam::111122223333:group/us", &[BOUNDARY]),
        ],
    ),
    (
        ("iam:PutRolePermissionsBoundary", ROLE, &[BOUNDARY]),
        &[
            ("iam:PutRolePermissionsBoundary", ROLE, &[WIDER]),
            ("iam:PutRolePermissionsBoundary", ADMIN, &[BOUNDARY]),
            ("iam:DeleteRolePermissionsBoundary", ROLE, &[BOUNDARY]),
            ("iam:CreatePolicyVersion", "arn:aws:iam::111122223333:policy/wharfinger-boundary", &[]),
            ("iam:SetDefaultPolicyVersion", "arn:aws:iam::111122223333:policy/wharfinger-boundary", &[]),
            ("iam:DeletePolicy", "arn:aws:iam::111122223333:policy/wharfinger-boundary", &[]),
        ],
    ),
    (
        ("iam:AttachRolePolicy", ROLE, &[MANAGED]),
        &[
            ("iam:AttachRolePolicy", ROLE, &[POWER]),
            ("iam:AttachRolePolicy", ROLE, &[]),
            ("iam:AttachRolePolicy", ADMIN, &[MANAGED]),
            ("iam:AttachUserPolicy", "arn:aws:iam::111122223333:user/me", &[MANAGED]),
        ],
    ),
    (
        ("iam:PassRole", ROLE, &[TASKS]),
        &[
            ("iam:PassRole", ROLE, &[LAMBDA]),
            ("iam:PassRole", ROLE, &[("iam:PassedToService", "ec2.amazonaws.com")]),
            ("iam:PassRole", ROLE, &[]),
            ("iam:PassRole", ADMIN, &[TASKS]),
        ],
    ),
    (
        ("iam:PassRole", "arn:aws:iam::111122223333:role/payments-api", &[TASKS]),
        &[
            ("iam:PassRole", "arn:aws:iam::111122223333:role/payments-api", &[LAMBDA]),
            ("iam:PutRolePolicy", "arn:aws:iam::111122223333:role/payments-api", &[BOUNDARY]),
        ],
    ),
    (
        ("iam:PutRolePolicy", "arn:aws:iam::111122223333:role/ecsTaskExecutionRole", &[]),
        &[
            ("iam:UpdateAssumeRolePolicy", "arn:aws:iam::111122223333:role/ecsTaskExecutionRole", &[]),
            ("iam:DeleteRole", "arn:aws:iam::111122223333:role/ecsTaskExecutionRole", &[]),
            ("iam:AttachRolePolicy", "arn:aws:iam::111122223333:role/ecsTaskExecutionRole", &[MANAGED]),
        ],
    ),
    (
        ("iam:UpdateAssumeRolePolicy", ROLE, &[]),
        &[("iam:UpdateAssumeRolePolicy", ADMIN, &[]), ("sts:AssumeRole", ROLE, &[]), ("sts:AssumeRole", ADMIN, &[])],
    ),
    (
        ("secretsmanager:PutSecretValue", SECRET, &[]),
        &[
            ("secretsmanager:PutSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-AbCdEf", &[]),
            ("secretsmanager:PutSecretValue", "arn:aws:secretsmanager:us-east-1:111122223333:secret:wharfinger/a-AbCdEf", &[]),
            ("secretsmanager:GetSecretValue", SECRET, &[]),
            ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared/a-AbCdEf", &[]),
            ("secretsmanager:BatchGetSecretValue", SECRET, &[]),
            ("secretsmanager:ListSecrets", "*", &[]),
            ("secretsmanager:RotateSecret", SECRET, &[]),
        ],
    ),
    (
        ("secretsmanager:DescribeSecret", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared/a-AbCdEf", &[]),
        &[("secretsmanager:DeleteSecret", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared/a-AbCdEf", &[])],
    ),
    (
        ("kms:Decrypt", KEY, &[VIA]),
        &[
            ("kms:Decrypt", KEY, &[]),
            ("kms:Decrypt", KEY, &[("kms:ViaService", "s3.eu-west-1.amazonaws.com")]),
            ("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/5678", &[VIA]),
            ("kms:CreateGrant", KEY, &[VIA]),
            ("kms:PutKeyPolicy", KEY, &[]),
        ],
    ),
    (
        ("ecs:UpdateService", "arn:aws:ecs:eu-west-1:111122223333:service/prod/api", &[]),
        &[
            ("ecs:UpdateService", "arn:aws:ecs:eu-west-1:111122223333:service/staging/api", &[]),
            ("ecs:RunTask", "arn:aws:ecs:eu-west-1:111122223333:task-definition/a:1", &[]),
            ("ecs:ExecuteCommand", "arn:aws:ecs:eu-west-1:111122223333:task/prod/1", &[]),
            ("ecs:CreateService", "arn:aws:ecs:eu-west-1:111122223333:service/prod/b", &[]),
        ],
    ),
    (
        ("batch:RegisterJobDefinition", "arn:aws:batch:eu-west-1:111122223333:job-definition/a", &[]),
        &[("batch:SubmitJob", "arn:aws:batch:eu-west-1:111122223333:job-definition/a", &[])],
    ),
    (
        ("ec2:CreateVpcEndpoint", ENDPOINT, &[GETS_TAG, OF_AWS]),
        &[
            ("ec2:CreateVpcEndpoint", ENDPOINT, &[OF_AWS]),
            ("ec2:CreateVpcEndpoint", ENDPOINT, &[GETS_TAG, ("ec2:VpceServiceOwner", "999922223333")]),
            ("ec2:CreateVpcEndpoint", "arn:aws:ec2:us-east-1:111122223333:vpc-endpoint/vpce-1", &[GETS_TAG, OF_AWS]),
            ("ec2:CreateVpcEndpointServiceConfiguration", "*", &[]),
            ("ec2:AcceptVpcEndpointConnections", "*", &[]),
        ],
    ),
    (
        ("ec2:ModifyVpcEndpoint", ENDPOINT, &[HAS_TAG]),
        &[
            ("ec2:ModifyVpcEndpoint", ENDPOINT, &[]),
            ("ec2:DeleteVpcEndpoints", ENDPOINT, &[]),
            ("ec2:DeleteVpcEndpoints", ENDPOINT, &[GETS_TAG]),
        ],
    ),
    (
        ("ec2:AuthorizeSecurityGroupIngress", GROUP, &[HAS_TAG]),
        &[
            ("ec2:AuthorizeSecurityGroupIngress", GROUP, &[]),
            ("ec2:RevokeSecurityGroupIngress", GROUP, &[]),
            ("ec2:AuthorizeSecurityGroupEgress", GROUP, &[HAS_TAG]),
            ("ec2:DeleteSecurityGroup", GROUP, &[]),
            ("ec2:CreateSecurityGroup", GROUP, &[]),
        ],
    ),
    (
        ("ec2:CreateTags", ENDPOINT, &[("ec2:CreateAction", "CreateVpcEndpoint")]),
        &[
            ("ec2:CreateTags", ENDPOINT, &[]), // that would make it ours, to be deleted
            ("ec2:CreateTags", GROUP, &[]),
            ("ec2:CreateTags", INSTANCE, &[HAS_TAG]),
            ("ec2:CreateTags", INSTANCE, &[("ec2:CreateAction", "RunInstances")]),
            ("ec2:DeleteTags", ENDPOINT, &[HAS_TAG]),
            ("ec2:RunInstances", INSTANCE, &[]),
        ],
    ),
    (
        ("route53:AssociateVPCWithHostedZone", "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1", &[]),
        &[
            ("route53:CreateHostedZone", "*", &[]),
            ("route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z1", &[]),
            ("route53:DisassociateVPCFromHostedZone", "arn:aws:route53:::hostedzone/Z1", &[]),
        ],
    ),
];

#[test]
fn nothing_leads_beyond_the_boundary() {
    let binding = super::temporary("escalation.yaml", BINDING);
    let features = "secrets,roles,ecs,batch,retirement,deletion,services,credentials,replicas,readers,existing-secrets,existing-roles,task-roles,parameters,customer-keys,pull-networks";
    let text = printed(&["-f", &binding, "--feature", features]);
    let document: Value = serde_json::from_str(&text).unwrap();
    let policies: Vec<&Value> = document.as_array().map_or_else(|| vec![&document], |all| all.iter().collect());
    let request = |(action, resource, context): &Asked| Request::new(action, resource, context);
    let mut attempts = 0;
    for (allowed, denied) in ROWS {
        assert!(allows(&policies, &request(allowed)), "denied: {allowed:?}");
        for attempt in *denied {
            assert!(!allows(&policies, &request(attempt)), "allowed: {attempt:?}");
            attempts += 1;
        }
    }
    assert!(attempts >= 50, "{attempts} attempts");
}

#[test]
fn the_boundary_gives_no_power_over_identities() {
    let boundary: Value = serde_json::from_str(&printed(&["--account-id", "111122223333", "--document", "boundary"])).unwrap();
    for (action, allowed) in [
        ("secretsmanager:GetSecretValue", true),
        ("kms:Decrypt", true),
        ("logs:PutLogEvents", true),
        ("iam:CreateRole", false),
        ("iam:PassRole", false),
        ("sts:AssumeRole", false),
        ("secretsmanager:PutSecretValue", false),
        ("kms:CreateGrant", false),
        ("ssm:SendCommand", false),
    ] {
        assert_eq!(allows(&[&boundary], &Request::new(action, "arn:aws:x:::y", &[])), allowed, "{action}");
    }
}
