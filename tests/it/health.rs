//! What others make of an object's status: kstatus, by which Flux waits, and the health check for Argo CD. Both judge with
//! their own programs, over statuses that the program's own code makes: of every kind, for every reason, in every phase.

mod argocd;
pub(crate) mod kstatus;
mod states;

use wharfinger::status::Reason;

/// What a reason means to those who wait.
struct Verdict {
    reason: Reason,
    kstatus: &'static str,
    argocd: &'static str,
}

const fn verdict(reason: Reason, kstatus: &'static str, argocd: &'static str) -> Verdict {
    Verdict { reason, kstatus, argocd }
}

/// Time passes: whoever waits goes on waiting.
const fn waits(reason: Reason) -> Verdict {
    verdict(reason, "InProgress", "Progressing")
}

/// Somebody must act: whoever waits can end at once.
const fn fails(reason: Reason) -> Verdict {
    verdict(reason, "Failed", "Degraded")
}

/// As `Ready` gives the reason, of an object whose present generation was handled and which nobody deletes.
const VERDICTS: [Verdict; 30] = [
    verdict(Reason::Succeeded, "Current", "Healthy"),
    verdict(Reason::ForeignRevision, "InProgress", "Progressing"), // of a part that is so; Ready never gives it
    verdict(Reason::Suspended, "InProgress", "Suspended"),
    waits(Reason::Progressing),
    waits(Reason::SecretSourceMissing),
    waits(Reason::Throttled),
    waits(Reason::AwsUnavailable),
    waits(Reason::RegistryUnavailable),
    waits(Reason::DeletionBlocked),
    waits(Reason::KubernetesUnavailable),
    fails(Reason::DriftDetected),
    fails(Reason::InvalidSpec),
    fails(Reason::BindingNotFound),
    fails(Reason::BindingAmbiguous),
    fails(Reason::AccountMismatch),
    fails(Reason::NotAllowed),
    fails(Reason::TargetChanged),
    fails(Reason::SecretSourceInvalid),
    fails(Reason::OwnershipConflict),
    fails(Reason::RoleSettingsConflict),
    fails(Reason::DependencyNotFound),
    fails(Reason::AccessDenied),
    fails(Reason::RefusedByAws),
    fails(Reason::QuotaExceeded),
    fails(Reason::DnsConflict),
    fails(Reason::ImageNotVerified),
    fails(Reason::RolloutFailed),
    fails(Reason::NetworkUnsuitable),
    fails(Reason::NotConfirmed),
    waits(Reason::InternetPathNeeded), // of a condition that is no part of Ready, which never gives it
];
