# The role that Wharfinger acts with in this account, its policy, and the permissions boundary of the execution roles that it makes.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "controller_arn" {
  description = "The identity that the controller runs with, such as arn:aws:iam::111122223333:role/wharfinger-controller."
  type        = string
}

variable "external_id" {
  description = "What the controller must say to become the role; externalId of the AccountBinding. Make it hard to guess."
  type        = string
}

variable "role_name" {
  type    = string
  default = "wharfinger"
}

variable "secret_prefix" {
  description = "names.secretPrefix of the AccountBinding. Clusters that share an account need different ones."
  type        = string
  default     = "wharfinger/"
}

variable "role_prefix" {
  description = "names.rolePrefix of the AccountBinding."
  type        = string
  default     = "wharfinger_"
}

variable "role_path" {
  description = "limits.rolePath of the AccountBinding."
  type        = string
  default     = "/wharfinger/"
}

variable "boundary_name" {
  description = "Name of the permissions boundary; its ARN is limits.permissionsBoundaryArn of the AccountBinding."
  type        = string
  default     = "wharfinger-boundary"
}

variable "pull_networks" {
  description = "Whether PullNetworks are made in this account, which takes VPC endpoints and security groups."
  type        = bool
  default     = false
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
}

# generated: boundary
resource "aws_iam_policy" "boundary" {
  name        = var.boundary_name
  description = "The most that execution roles made by Wharfinger may do"
  policy      = <<JSON
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "WhatExecutionRolesDo",
      "Effect": "Allow",
      "Action": [
        "secretsmanager:GetSecretValue",
        "ssm:GetParameters",
        "s3:GetObject",
        "s3:GetBucketLocation",
        "kms:Decrypt",
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer"
      ],
      "Resource": "*"
    }
  ]
}
JSON
}

# generated: permissions
resource "aws_iam_policy" "permissions" {
  name        = "${var.role_name}-permissions"
  description = "What Wharfinger does in this account"
  policy      = <<JSON
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Secrets",
      "Effect": "Allow",
      "Action": [
        "secretsmanager:DescribeSecret",
        "secretsmanager:CreateSecret",
        "secretsmanager:TagResource",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
        "secretsmanager:UpdateSecret",
        "secretsmanager:DeleteSecret",
        "secretsmanager:RestoreSecret"
      ],
      "Resource": "arn:${local.partition}:secretsmanager:*:${local.account}:secret:${var.secret_prefix}*"
    },
    {
      "Sid": "ExecutionRoles",
      "Effect": "Allow",
      "Action": [
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:TagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:DeleteRole"
      ],
      "Resource": "arn:${local.partition}:iam::${local.account}:role${var.role_path}${var.role_prefix}*"
    },
    {
      "Sid": "ExecutionRolesWithinTheBoundary",
      "Effect": "Allow",
      "Action": [
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "iam:PutRolePermissionsBoundary"
      ],
      "Resource": "arn:${local.partition}:iam::${local.account}:role${var.role_path}${var.role_prefix}*",
      "Condition": {
        "StringEquals": {
          "iam:PermissionsBoundary": "arn:${local.partition}:iam::${local.account}:policy/${var.boundary_name}"
        }
      }
    },
    {
      "Sid": "TheOneManagedPolicy",
      "Effect": "Allow",
      "Action": "iam:AttachRolePolicy",
      "Resource": "arn:${local.partition}:iam::${local.account}:role${var.role_path}${var.role_prefix}*",
      "Condition": {
        "ArnEquals": {
          "iam:PolicyARN": "arn:${local.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
        }
      }
    },
    {
      "Sid": "PassExecutionRoles",
      "Effect": "Allow",
      "Action": "iam:PassRole",
      "Resource": "arn:${local.partition}:iam::${local.account}:role${var.role_path}${var.role_prefix}*",
      "Condition": {
        "StringEquals": {
          "iam:PassedToService": "ecs-tasks.amazonaws.com"
        }
      }
    },
    {
      "Sid": "TaskDefinitions",
      "Effect": "Allow",
      "Action": [
        "ecs:DescribeTaskDefinition",
        "ecs:ListTaskDefinitionFamilies",
        "ecs:ListTaskDefinitions",
        "ecs:RegisterTaskDefinition",
        "ecs:DeregisterTaskDefinition"
      ],
      "Resource": "*"
    },
    {
      "Sid": "NamedTaskDefinitions",
      "Effect": "Allow",
      "Action": "ecs:TagResource",
      "Resource": "arn:${local.partition}:ecs:*:${local.account}:task-definition/*"
    },
    {
      "Sid": "JobDefinitions",
      "Effect": "Allow",
      "Action": "batch:DescribeJobDefinitions",
      "Resource": "*"
    },
    {
      "Sid": "NamedJobDefinitions",
      "Effect": "Allow",
      "Action": [
        "batch:RegisterJobDefinition",
        "batch:TagResource",
        "batch:DeregisterJobDefinition"
      ],
      "Resource": "arn:${local.partition}:batch:*:${local.account}:job-definition/*"
    },
    {
      "Sid": "WhoUsesTaskDefinitions",
      "Effect": "Allow",
      "Action": [
        "ecs:ListClusters",
        "ecs:ListServices",
        "ecs:DescribeServices",
        "ecs:ListTasks",
        "ecs:DescribeTasks"
      ],
      "Resource": "*"
    },
    {
      "Sid": "WhoUsesJobDefinitions",
      "Effect": "Allow",
      "Action": [
        "batch:DescribeJobQueues",
        "batch:ListJobs"
      ],
      "Resource": "*"
    },
    {
      "Sid": "DeletedRevisions",
      "Effect": "Allow",
      "Action": "ecs:DeleteTaskDefinitions",
      "Resource": "arn:${local.partition}:ecs:*:${local.account}:task-definition/*"
    },
    {
      "Sid": "PolicyOfCredentials",
      "Effect": "Allow",
      "Action": "secretsmanager:GetResourcePolicy",
      "Resource": "arn:${local.partition}:secretsmanager:*:${local.account}:secret:${var.secret_prefix}*"
    },
    {
      "Sid": "Copies",
      "Effect": "Allow",
      "Action": [
        "secretsmanager:ReplicateSecretToRegions",
        "secretsmanager:RemoveRegionsFromReplication"
      ],
      "Resource": "arn:${local.partition}:secretsmanager:*:${local.account}:secret:${var.secret_prefix}*"
    },
    {
      "Sid": "Readers",
      "Effect": "Allow",
      "Action": [
        "secretsmanager:PutResourcePolicy",
        "secretsmanager:DeleteResourcePolicy",
        "secretsmanager:ValidateResourcePolicy"
      ],
      "Resource": "arn:${local.partition}:secretsmanager:*:${local.account}:secret:${var.secret_prefix}*"
    },
    {
      "Sid": "KeysOfParameters",
      "Effect": "Allow",
      "Action": "ssm:DescribeParameters",
      "Resource": "*"
    }
  ]
}
JSON
}

# generated: networks
resource "aws_iam_policy" "networks" {
  count       = var.pull_networks ? 1 : 0
  name        = "${var.role_name}-networks"
  description = "What Wharfinger does for PullNetworks in this account"
  policy      = <<JSON
{}
JSON
}

# generated: trust
resource "aws_iam_role" "wharfinger" {
  name                 = var.role_name
  description          = "Wharfinger acts with this role"
  max_session_duration = 3600
  assume_role_policy   = <<JSON
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {
        "AWS": "${var.controller_arn}"
      },
      "Action": [
        "sts:AssumeRole",
        "sts:TagSession"
      ],
      "Condition": {
        "StringEquals": {
          "sts:ExternalId": "${var.external_id}"
        }
      }
    }
  ]
}
JSON
}

resource "aws_iam_role_policy_attachment" "permissions" {
  role       = aws_iam_role.wharfinger.name
  policy_arn = aws_iam_policy.permissions.arn
}

resource "aws_iam_role_policy_attachment" "networks" {
  count      = var.pull_networks ? 1 : 0
  role       = aws_iam_role.wharfinger.name
  policy_arn = aws_iam_policy.networks[0].arn
}

output "role_arn" {
  description = "roleArn of the AccountBinding"
  value       = aws_iam_role.wharfinger.arn
}

output "permissions_boundary_arn" {
  description = "limits.permissionsBoundaryArn of the AccountBinding"
  value       = aws_iam_policy.boundary.arn
}
