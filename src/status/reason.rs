//! The closed list of reasons: on conditions, on events and in metrics the same words.

use crate::failure::FailureKind;
use serde::Serialize;
use std::fmt;

/// Why a condition is as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Reason {
    /// Everything asked for is so.
    Succeeded,
    /// It waits for another part of the same pass.
    Progressing,
    /// `spec.suspend` is set.
    Suspended,
    /// `managementPolicy: Observe` found differences.
    DriftDetected,
    /// The spec breaks a rule; only another spec helps.
    InvalidSpec,
    /// No AccountBinding admits the namespace, or none of that name does.
    BindingNotFound,
    /// More than one AccountBinding admits the namespace.
    BindingAmbiguous,
    /// The credentials in use are of another account than the AccountBinding names.
    AccountMismatch,
    /// A fence of the AccountBinding does not admit what the spec leads to.
    NotAllowed,
    /// Account, Region or binding of a live workload was changed.
    TargetChanged,
    /// A Secret that the spec names does not exist or cannot be read.
    SecretSourceMissing,
    /// A Secret that the spec names holds no usable login.
    SecretSourceInvalid,
    /// Something of that name in AWS is not ours.
    OwnershipConflict,
    /// Workloads that share a role ask for different settings of it.
    RoleSettingsConflict,
    /// What the spec names does not exist in AWS, or may not be used.
    DependencyNotFound,
    /// AWS denies a call.
    AccessDenied,
    /// AWS throttles.
    Throttled,
    /// AWS fails or does not answer.
    AwsUnavailable,
    /// AWS refuses what was sent.
    RefusedByAws,
    /// An AWS quota is used up.
    QuotaExceeded,
    /// The usual names of a service lead elsewhere in the VPC already.
    DnsConflict,
    /// It is not proven that the credentials pull the images, and `spec.verify` or `spec.pinDigest` asks for that.
    ImageNotVerified,
    /// The same, as the registry fails or takes no more requests.
    RegistryUnavailable,
    /// The VPC, its DNS, its subnets, zones or security groups are such that endpoints cannot be there, or would not serve.
    NetworkUnsuitable,
    /// What may cut open connections for a moment waits for an explicit yes in the spec.
    NotConfirmed,
    /// Something that no endpoint leads to needs a way to the internet.
    InternetPathNeeded,
    /// The deployment of a service failed, or ECS rolled it back.
    RolloutFailed,
    /// It is so, and somebody else registered a newer revision in the family.
    ForeignRevision,
    /// A deletion waits.
    DeletionBlocked,
    /// Kubernetes fails or does not answer.
    KubernetesUnavailable,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 30] = [
        Self::Succeeded,
        Self::Progressing,
        Self::Suspended,
        Self::DriftDetected,
        Self::InvalidSpec,
        Self::BindingNotFound,
        Self::BindingAmbiguous,
        Self::AccountMismatch,
        Self::NotAllowed,
        Self::TargetChanged,
        Self::SecretSourceMissing,
        Self::SecretSourceInvalid,
        Self::OwnershipConflict,
        Self::RoleSettingsConflict,
        Self::DependencyNotFound,
        Self::AccessDenied,
        Self::Throttled,
        Self::AwsUnavailable,
        Self::RefusedByAws,
        Self::QuotaExceeded,
        Self::DnsConflict,
        Self::ImageNotVerified,
        Self::RegistryUnavailable,
        Self::NetworkUnsuitable,
        Self::NotConfirmed,
        Self::InternetPathNeeded,
        Self::RolloutFailed,
        Self::ForeignRevision,
        Self::DeletionBlocked,
        Self::KubernetesUnavailable,
    ];

    /// The reason of this name, in whatever letters.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.to_string().eq_ignore_ascii_case(word))
    }

    /// Whether somebody must act before a retry can succeed (kstatus `Stalled`), rather than time pass.
    pub fn is_stalled(self) -> bool {
        match self {
            Self::InvalidSpec
            | Self::BindingNotFound
            | Self::BindingAmbiguous
            | Self::AccountMismatch
            | Self::NotAllowed
            | Self::TargetChanged
            | Self::SecretSourceInvalid
            | Self::OwnershipConflict
            | Self::RoleSettingsConflict
            | Self::DependencyNotFound
            | Self::AccessDenied
            | Self::RefusedByAws
            | Self::QuotaExceeded
            | Self::DnsConflict
            | Self::ImageNotVerified
            | Self::NetworkUnsuitable
            | Self::NotConfirmed
            | Self::RolloutFailed
            | Self::DriftDetected => true,
            Self::Succeeded
            | Self::ForeignRevision
            | Self::InternetPathNeeded
            | Self::Progressing
            | Self::Suspended
            | Self::SecretSourceMissing
            | Self::Throttled
            | Self::AwsUnavailable
            | Self::RegistryUnavailable
            | Self::DeletionBlocked
            | Self::KubernetesUnavailable => false,
        }
    }
}

impl Reason {
    /// What a failed write means. That a thing is not there yet, or there already, is what AWS's eventual consistency and lost
    /// answers look like: the next pass looks again.
    pub fn of_write(kind: FailureKind) -> Self {
        match kind {
            FailureKind::NotFound
            | FailureKind::AlreadyExists
            | FailureKind::Conflict
            | FailureKind::HeldBack
            | FailureKind::ScheduledForDeletion => Self::Progressing,
            other => other.into(),
        }
    }
}

impl From<FailureKind> for Reason {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::NotFound => Self::DependencyNotFound,
            FailureKind::AlreadyExists => Self::OwnershipConflict,
            FailureKind::Conflict | FailureKind::ScheduledForDeletion | FailureKind::Transient => Self::AwsUnavailable,
            FailureKind::Lapsed => Self::Progressing,
            FailureKind::Denied => Self::AccessDenied,
            FailureKind::Throttled => Self::Throttled,
            FailureKind::HeldBack => Self::Progressing,
            FailureKind::QuotaExceeded => Self::QuotaExceeded,
            FailureKind::Invalid | FailureKind::VersionTaken | FailureKind::PolicyRefused => Self::RefusedByAws,
            FailureKind::DnsConflict => Self::DnsConflict,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self:?}")
    }
}
