//! Which endpoints tasks need, and why: derived from what runs in the VPC and where its images come from (aws.md, rules 44 to 50, C8,
//! f.1).

use super::EndpointKind;
use crate::api::{ContainerSecrets, Pulls, Tasks};
use serde::Serialize;
use std::fmt;

/// A service of AWS that tasks reach through an endpoint. In the order in which endpoints are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Service {
    /// Images of Amazon ECR.
    EcrDkr,
    /// The API of Amazon ECR.
    EcrApi,
    /// Amazon S3, where the layers of images in Amazon ECR are.
    S3,
    /// Amazon CloudWatch Logs.
    Logs,
    /// AWS Secrets Manager.
    SecretsManager,
    /// AWS Systems Manager, for its Parameter Store.
    Ssm,
    /// Amazon ECS.
    Ecs,
    /// What the ECS agent talks to.
    EcsAgent,
    /// Where the ECS agent sends metrics.
    EcsTelemetry,
}

impl Service {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::EcrDkr,
        Self::EcrApi,
        Self::S3,
        Self::Logs,
        Self::SecretsManager,
        Self::Ssm,
        Self::Ecs,
        Self::EcsAgent,
        Self::EcsTelemetry,
    ];

    /// The last part of its endpoint service's name.
    pub fn short(self) -> &'static str {
        match self {
            Self::EcrDkr => "ecr.dkr",
            Self::EcrApi => "ecr.api",
            Self::S3 => "s3",
            Self::Logs => "logs",
            Self::SecretsManager => "secretsmanager",
            Self::Ssm => "ssm",
            Self::Ecs => "ecs",
            Self::EcsAgent => "ecs-agent",
            Self::EcsTelemetry => "ecs-telemetry",
        }
    }

    /// The full names that it may have in a Region. Which one it has, only DescribeVpcEndpointServices says: in China some services
    /// have a prefix (aws.md, e.9).
    pub fn full_names(self, region: &str) -> [String; 2] {
        ["", "cn."].map(|prefix| format!("{prefix}com.amazonaws.{region}.{}", self.short()))
    }

    /// The kind of endpoint that counts. S3 must be the gateway: an interface endpoint of S3 cannot be used with ECR (rule 61).
    pub fn endpoint_kind(self) -> EndpointKind {
        if self == Self::S3 { EndpointKind::Gateway } else { EndpointKind::Interface }
    }

    /// The service that an endpoint is of, by its full name.
    pub fn of(full_name: &str, region: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.full_names(region).iter().any(|name| name == full_name))
    }
}

impl fmt::Display for Service {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.short())
    }
}

/// The oldest platform version of Linux tasks on Fargate, as far as endpoints differ by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinuxPlatform {
    /// 1.3.0: images are pulled without the API of ECR in the VPC (rule 45).
    Before140,
    /// 1.4.0 or newer, and `LATEST`, which is 1.4.0 (rule 46; C7).
    Since140,
}

/// The platform that a version says; else the rule that the version breaks. Versions are compared as numbers: 1.10.0 is newer than 1.4.0.
pub fn linux_platform(version: &str) -> Result<LinuxPlatform, &'static str> {
    if version == "LATEST" {
        return Ok(LinuxPlatform::Since140);
    }
    let numbers: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    match numbers.as_deref() {
        Some([_, _, _]) if numbers < Some(vec![1, 3, 0]) => Err(
            "Fargate has no Linux platform older than 1.3.0 any more: 1.0.0, 1.1.0 and 1.2.0 are gone (AWS: Fargate Linux platform versions)",
        ),
        Some([_, _, _]) if numbers < Some(vec![1, 4, 0]) => Ok(LinuxPlatform::Before140),
        Some([_, _, _]) => Ok(LinuxPlatform::Since140),
        _ => Err("this is not a platform version of Linux tasks on Fargate"),
    }
}

/// The Linux platform of the tasks on Fargate, if Linux tasks run there. Windows has versions of its own, which are never compared with
/// those of Linux (C7).
pub fn linux_of(tasks: &Tasks) -> Option<Result<LinuxPlatform, &'static str>> {
    let fargate = tasks.fargate.as_ref()?;
    match &fargate.linux_platform_version {
        Some(version) => Some(linux_platform(version)),
        None if fargate.windows => None,
        None => Some(Ok(LinuxPlatform::Since140)),
    }
}

/// An endpoint that is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    /// Of what.
    pub service: Service,
    /// Why, in words.
    pub reason: String,
}

/// The endpoints that these tasks need, in order. External instances are in no VPC: nothing is needed for them here.
pub fn needs(tasks: &Tasks, pulls: &Pulls) -> Vec<Need> {
    let runners = Runners::of(tasks);
    let secrets_of_containers = |of| tasks.container_secrets.contains(&of);
    let mut needs = vec![];
    let mut need = |service, who: Vec<&str>, why: &str| {
        if !who.is_empty() {
            needs.push(Need { service, reason: format!("{why}: {}", who.join(", ")) });
        }
    };
    let pulling = |who: Vec<&'static str>| if pulls.ecr { who } else { vec![] };
    // Rules 45 to 48. All pull layers from S3, and none but those on Fargate 1.3.0 call the API of ECR in the VPC.
    need(Service::EcrDkr, pulling(runners.all()), "images are pulled from Amazon ECR");
    need(Service::EcrApi, pulling(runners.callers_of_ecr()), "these call the API of Amazon ECR to pull");
    need(Service::S3, pulling(runners.all()), "the layers of images in Amazon ECR are in S3");
    need(Service::Logs, runners.loggers(tasks), "awslogs sends logs to CloudWatch"); // rule 50
    // C8: the login of a private registry is read before the image is pulled.
    let reads: Vec<&str> = [
        (pulls.private_registries, "logins of private registries"),
        (secrets_of_containers(ContainerSecrets::SecretsManager), "secrets of containers"),
    ]
    .into_iter()
    .filter_map(|(wanted, what)| wanted.then_some(what))
    .collect();
    if !reads.is_empty() {
        need(Service::SecretsManager, runners.all(), &format!("{} are read from Secrets Manager", reads.join(" and ")));
    }
    if secrets_of_containers(ContainerSecrets::ParameterStore) {
        need(Service::Ssm, runners.all(), "secrets of containers are read from Parameter Store");
    }
    // Rule 44: tasks on Fargate do not need these.
    for service in [Service::Ecs, Service::EcsAgent, Service::EcsTelemetry] {
        need(service, runners.ec2.into_iter().collect(), "the ECS agent talks to ECS");
    }
    needs
}

/// What runs in the VPC, in words.
struct Runners {
    linux: Option<(LinuxPlatform, &'static str)>,
    windows: Option<&'static str>,
    ec2: Option<&'static str>,
}

impl Runners {
    fn of(tasks: &Tasks) -> Self {
        let word = |platform| match platform {
            LinuxPlatform::Before140 => "Fargate Linux 1.3.0",
            LinuxPlatform::Since140 => "Fargate Linux 1.4.0 or newer",
        };
        let fargate = tasks.fargate.as_ref();
        Self {
            linux: linux_of(tasks).and_then(Result::ok).map(|platform| (platform, word(platform))),
            windows: fargate.filter(|it| it.windows).map(|_| "Fargate Windows"),
            ec2: tasks.ec2.then_some("EC2"),
        }
    }

    fn fargate(&self) -> impl Iterator<Item = &'static str> {
        self.linux.map(|(_, word)| word).into_iter().chain(self.windows)
    }

    fn all(&self) -> Vec<&'static str> {
        self.fargate().chain(self.ec2).collect()
    }

    fn callers_of_ecr(&self) -> Vec<&'static str> {
        let linux = self.linux.filter(|(platform, _)| *platform == LinuxPlatform::Since140);
        linux.map(|(_, word)| word).into_iter().chain(self.windows).chain(self.ec2).collect()
    }

    fn loggers(&self, tasks: &Tasks) -> Vec<&'static str> {
        let on_fargate = tasks.fargate.as_ref().is_some_and(|fargate| fargate.awslogs);
        let fargate = self.fargate().filter(|_| on_fargate);
        fargate.chain(self.ec2.filter(|_| tasks.awslogs)).collect()
    }
}
