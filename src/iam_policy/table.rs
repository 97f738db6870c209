//! The table: which calls a feature makes, on what, and under which condition they are allowed.

use clap::ValueEnum;

/// What Wharfinger is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Feature {
    /// Secrets with registry logins.
    Secrets,
    /// Execution roles.
    Roles,
    /// ECS task definitions.
    Ecs,
    /// Batch job definitions.
    Batch,
    /// Retiring older revisions, and deletions: who uses what. Without it nothing is retired, and deletions wait.
    Retirement,
    /// `retiredRevisions: Delete`: task definitions are deleted after they were retired.
    Deletion,
    /// `rollout`: ECS services are told to run new revisions, in the binding's `clusters`.
    Services,
    /// RegistryCredentials.
    Credentials,
    /// RegistryCredentials with copies in other Regions.
    Replicas,
    /// RegistryCredentials with readers in other accounts.
    Readers,
    /// PullNetworks: VPC endpoints and their security group.
    PullNetworks,
    /// PullNetworks that take over endpoints which others made, or get back the tag of the cluster.
    AdoptedEndpoints,
    /// The binding's `secretArns`: secrets that exist.
    ExistingSecrets,
    /// The binding's `existingRoles`: execution roles that exist.
    ExistingRoles,
    /// The binding's `taskRoles`: roles that containers run as.
    TaskRoles,
    /// Containers that read SSM parameters: which keys these have.
    Parameters,
    /// The binding's `kmsKeys`: customer keys of our own secrets.
    CustomerKeys,
    /// `verify: Enforce` with secrets that exist: their values are read for the proof.
    EnforcedProof,
    /// The command line without a value key: it compares values by reading them.
    CommandLine,
    /// `wharfinger doctor`: what the binding's `roleArn` is granted is asked of IAM.
    Doctor,
}

impl Feature {
    /// What is in the policy unless something else is asked for.
    pub const USUAL: [Self; 5] = [Self::Secrets, Self::Roles, Self::Ecs, Self::Batch, Self::Retirement];

    /// What comes along with it.
    pub(super) fn needs(self) -> Option<Self> {
        match self {
            Self::Replicas | Self::Readers => Some(Self::Credentials),
            Self::AdoptedEndpoints => Some(Self::PullNetworks),
            _ => None,
        }
    }

    /// As the command line has it.
    pub fn word(&self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Which things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// AWS knows no resource for these calls.
    Anywhere,
    OurSecrets,
    OurRoles,
    TaskDefinitions,
    JobDefinitions,
    ExistingSecrets,
    ExistingRoles,
    TaskRoles,
    Keys,
    Clusters,
    /// Things of EC2 of these kinds, whatever their ids.
    Ec2(&'static [&'static str]),
    /// VPCs, and hosted zones, which are AWS's own.
    PrivateDns,
    /// The role that has the policy.
    ActingRole,
}

impl Place {
    /// The field that says which.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::ExistingSecrets => "spec.limits.secretArns",
            Self::ExistingRoles => "spec.limits.existingRoles",
            Self::TaskRoles => "spec.limits.taskRoles",
            Self::Keys => "spec.limits.kmsKeys",
            Self::Clusters => "spec.limits.clusters",
            Self::ActingRole => "spec.roleArn",
            _ => "spec.accountId",
        }
    }
}

/// Under which condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restriction {
    None,
    /// The role has the binding's permissions boundary, if that has one.
    Boundary,
    /// The one managed policy that is attached.
    ManagedPolicy,
    /// The role goes to tasks of ECS, which those of Batch are as well.
    PassedToTasks,
    /// Secrets Manager asks in the caller's name.
    ViaSecretsManager,
    /// It gets the tag of a cluster.
    ToBeTagged,
    /// The same, and it is an endpoint of a service of AWS.
    ToBeTaggedOfAws,
    /// It has the tag of a cluster.
    Tagged,
    /// The call that makes it asks.
    OnCreation,
}

/// A row.
#[derive(Debug)]
pub struct Statement {
    pub(super) sid: &'static str,
    pub(super) features: &'static [Feature],
    /// The calls.
    pub actions: &'static [&'static str],
    /// What AWS asks for besides, where these calls are made.
    pub asked_too: &'static [&'static str],
    pub(super) place: Place,
    pub(super) condition: Restriction,
}

impl Statement {
    /// What is done with it; all of these.
    pub fn features(&self) -> &[Feature] {
        self.features
    }
}

use Feature::*;

/// Calls without a condition.
const fn on(sid: &'static str, features: &'static [Feature], place: Place, actions: &'static [&'static str]) -> Statement {
    Statement { sid, features, actions, asked_too: &[], place, condition: Restriction::None }
}

/// Every call, in the policy's order. sts:GetCallerIdentity needs no permission; becoming a role is another identity's business.
pub const TABLE: &[Statement] = &[
    on(
        "Secrets",
        &[Secrets],
        Place::OurSecrets,
        &[
            "secretsmanager:DescribeSecret",
            "secretsmanager:CreateSecret",
            "secretsmanager:TagResource",
            "secretsmanager:PutSecretValue",
            "secretsmanager:UpdateSecretVersionStage",
            "secretsmanager:UpdateSecret",
            "secretsmanager:DeleteSecret",
            "secretsmanager:RestoreSecret",
        ],
    ),
    on(
        "ExecutionRoles",
        &[Roles],
        Place::OurRoles,
        &[
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:TagRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:DeleteRolePolicy",
            "iam:DetachRolePolicy",
            "iam:DeleteRole",
        ],
    ),
    Statement {
        condition: Restriction::Boundary,
        ..on(
            "ExecutionRolesWithinTheBoundary",
            &[Roles],
            Place::OurRoles,
            &["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"],
        )
    },
    Statement {
        condition: Restriction::ManagedPolicy,
        ..on("TheOneManagedPolicy", &[Roles], Place::OurRoles, &["iam:AttachRolePolicy"])
    },
    // No call of ours: ECS and Batch ask for it when a definition names a role.
    Statement {
        asked_too: &["iam:PassRole"],
        condition: Restriction::PassedToTasks,
        ..on("PassExecutionRoles", &[Roles], Place::OurRoles, &[])
    },
    // AWS's reference has a resource for RegisterTaskDefinition, but its refusals name `*`.
    on(
        "TaskDefinitions",
        &[Ecs],
        Place::Anywhere,
        &[
            "ecs:DescribeTaskDefinition",
            "ecs:ListTaskDefinitionFamilies",
            "ecs:ListTaskDefinitions",
            "ecs:RegisterTaskDefinition",
            "ecs:DeregisterTaskDefinition",
        ],
    ),
    on("NamedTaskDefinitions", &[Ecs], Place::TaskDefinitions, &["ecs:TagResource"]),
    on("JobDefinitions", &[Batch], Place::Anywhere, &["batch:DescribeJobDefinitions"]),
    on(
        "NamedJobDefinitions",
        &[Batch],
        Place::JobDefinitions,
        &["batch:RegisterJobDefinition", "batch:TagResource", "batch:DeregisterJobDefinition"],
    ),
    on(
        "WhoUsesTaskDefinitions",
        &[Ecs, Retirement],
        Place::Anywhere,
        &["ecs:ListClusters", "ecs:ListServices", "ecs:DescribeServices", "ecs:ListTasks", "ecs:DescribeTasks"],
    ),
    on("WhoUsesJobDefinitions", &[Batch, Retirement], Place::Anywhere, &["batch:DescribeJobQueues", "batch:ListJobs"]),
    on("DeletedRevisions", &[Deletion], Place::TaskDefinitions, &["ecs:DeleteTaskDefinitions"]),
    on(
        "RolledServices",
        &[Services],
        Place::Clusters,
        &["ecs:UpdateService", "ecs:ListContainerInstances", "ecs:DescribeContainerInstances"],
    ),
    on("WhyTasksStopped", &[Services], Place::Anywhere, &["ecs:DescribeServices", "ecs:ListTasks", "ecs:DescribeTasks"]),
    on("PolicyOfCredentials", &[Credentials], Place::OurSecrets, &["secretsmanager:GetResourcePolicy"]),
    on(
        "Copies",
        &[Replicas],
        Place::OurSecrets,
        &["secretsmanager:ReplicateSecretToRegions", "secretsmanager:RemoveRegionsFromReplication"],
    ),
    Statement {
        asked_too: &["secretsmanager:ValidateResourcePolicy"],
        ..on(
            "Readers",
            &[Readers],
            Place::OurSecrets,
            &["secretsmanager:PutResourcePolicy", "secretsmanager:DeleteResourcePolicy"],
        )
    },
    // EC2 has no resource for these (Service Authorization Reference, Amazon EC2).
    on(
        "LookAtNetworks",
        &[PullNetworks],
        Place::Anywhere,
        &[
            "ec2:DescribeVpcs",
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeSubnets",
            "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeVpcEndpoints",
            "ec2:DescribeVpcEndpointServices",
        ],
    ),
    on("DnsOfNetworks", &[PullNetworks], Place::Ec2(&["vpc"]), &["ec2:DescribeVpcAttribute"]),
    // An endpoint is made and changed on its own account, and on that of all that it is put into.
    on(
        "WhereEndpointsAre",
        &[PullNetworks],
        Place::Ec2(&["vpc", "subnet", "security-group", "route-table"]),
        &["ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint"],
    ),
    Statement {
        condition: Restriction::ToBeTaggedOfAws,
        ..on("NewEndpoints", &[PullNetworks], Place::Ec2(&["vpc-endpoint"]), &["ec2:CreateVpcEndpoint"])
    },
    Statement {
        condition: Restriction::Tagged,
        ..on("OwnEndpoints", &[PullNetworks], Place::Ec2(&["vpc-endpoint"]), &["ec2:ModifyVpcEndpoint", "ec2:DeleteVpcEndpoints"])
    },
    on("WhereGroupsAre", &[PullNetworks], Place::Ec2(&["vpc"]), &["ec2:CreateSecurityGroup"]),
    Statement {
        condition: Restriction::ToBeTagged,
        ..on("NewGroups", &[PullNetworks], Place::Ec2(&["security-group"]), &["ec2:CreateSecurityGroup"])
    },
    Statement {
        condition: Restriction::Tagged,
        ..on(
            "OwnGroups",
            &[PullNetworks],
            Place::Ec2(&["security-group"]),
            &["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress", "ec2:DeleteSecurityGroup"],
        )
    },
    Statement {
        condition: Restriction::OnCreation,
        ..on("TagsOfNewThings", &[PullNetworks], Place::Ec2(&["vpc-endpoint", "security-group"]), &["ec2:CreateTags"])
    },
    Statement {
        condition: Restriction::Tagged,
        ..on("TagsOfOwnThings", &[PullNetworks], Place::Ec2(&["vpc-endpoint", "security-group"]), &["ec2:CreateTags"])
    },
    // No call of ours: EC2 asks for it where an endpoint has private DNS (Service Authorization Reference, Amazon EC2, dependent actions
    // of CreateVpcEndpoint).
    Statement {
        asked_too: &["route53:AssociateVPCWithHostedZone"],
        ..on("PrivateDnsOfEndpoints", &[PullNetworks], Place::PrivateDns, &[])
    },
    on("AdoptedEndpoints", &[AdoptedEndpoints], Place::Ec2(&["vpc-endpoint"]), &["ec2:CreateTags"]),
    on("ExistingSecrets", &[ExistingSecrets], Place::ExistingSecrets, &["secretsmanager:DescribeSecret"]),
    on("EnforcedProof", &[EnforcedProof], Place::ExistingSecrets, &["secretsmanager:GetSecretValue"]),
    on(
        "ExistingExecutionRoles",
        &[ExistingRoles],
        Place::ExistingRoles,
        &["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:PutRolePolicy", "iam:DeleteRolePolicy"],
    ),
    Statement {
        asked_too: &["iam:PassRole"],
        condition: Restriction::PassedToTasks,
        ..on("PassExistingExecutionRoles", &[ExistingRoles], Place::ExistingRoles, &[])
    },
    Statement {
        asked_too: &["iam:PassRole"],
        condition: Restriction::PassedToTasks,
        ..on("PassTaskRoles", &[TaskRoles], Place::TaskRoles, &[])
    },
    on("KeysOfParameters", &[Parameters], Place::Anywhere, &["ssm:DescribeParameters"]),
    on("NamesOfKeys", &[CustomerKeys], Place::Keys, &["kms:DescribeKey"]),
    Statement {
        asked_too: &["kms:GenerateDataKey", "kms:Decrypt", "kms:Encrypt"],
        condition: Restriction::ViaSecretsManager,
        ..on("CustomerKeysOfSecrets", &[CustomerKeys], Place::Keys, &[])
    },
    on("CommandLineWithoutValueKey", &[CommandLine], Place::OurSecrets, &["secretsmanager:GetSecretValue"]),
    on("WhatIsGranted", &[Doctor], Place::ActingRole, &["iam:SimulatePrincipalPolicy"]),
];
