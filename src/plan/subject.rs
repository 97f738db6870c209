//! The AWS things that plans speak of.

use serde::Serialize;
use std::fmt;

/// The kinds of AWS things that plans speak of. Each belongs to one part of the conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Kind {
    /// Secrets Manager secret.
    Secret,
    /// KMS key.
    Key,
    /// IAM role.
    Role,
    /// ECS task definition or Batch job definition.
    Definition,
    /// One of its older revisions. It belongs to no condition: nothing waits for its end.
    Revision,
    /// A role or secret that only older revisions named. It belongs to no condition either.
    Former,
    /// ECS service.
    Service,
    /// VPC, with its subnets, route tables and DNS.
    Vpc,
    /// Security group of endpoints.
    SecurityGroup,
    /// VPC endpoint.
    Endpoint,
}

/// One AWS thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Subject {
    /// Its kind.
    pub kind: Kind,
    /// Its name, or its ARN where a spec names it so.
    pub name: String,
}

impl Subject {
    /// The secret of this name.
    pub fn secret(name: &str) -> Self {
        Self { kind: Kind::Secret, name: name.to_owned() }
    }

    /// The role of this name.
    pub fn role(name: &str) -> Self {
        Self { kind: Kind::Role, name: name.to_owned() }
    }

    /// The VPC of this id.
    pub fn vpc(id: &str) -> Self {
        Self { kind: Kind::Vpc, name: id.to_owned() }
    }

    /// The security group of this name.
    pub fn security_group(name: &str) -> Self {
        Self { kind: Kind::SecurityGroup, name: name.to_owned() }
    }

    /// The endpoint of this service, in short.
    pub fn endpoint(service: &str) -> Self {
        Self { kind: Kind::Endpoint, name: service.to_owned() }
    }

    /// The definition of this name.
    pub fn definition(name: &str) -> Self {
        Self { kind: Kind::Definition, name: name.to_owned() }
    }
}

impl Kind {
    /// Whether it is of the past, and its end is nothing that a part waits for.
    pub(crate) fn is_past(self) -> bool {
        matches!(self, Self::Revision | Self::Former)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Secret => "secret",
            Kind::Key => "KMS key",
            Kind::Role => "role",
            Kind::Definition => "definition",
            Kind::Revision => "revision",
            Kind::Former => "former",
            Kind::Service => "service",
            Kind::Vpc => "VPC",
            Kind::SecurityGroup => "security group",
            Kind::Endpoint => "endpoint",
        };
        write!(out, "{kind} {}", self.name)
    }
}
