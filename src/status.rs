//! The status of a workload: a pure function of the pass and the previous status. The only place that makes conditions.

mod asked;
mod binding;
mod explanation;
mod images;
mod leftovers;
mod network_users;
mod pull_network;
mod reason;
mod registry_credential;
mod removal;
mod report;

pub(crate) use asked::is_asked_for;
pub use asked::{Asked, asked};
pub use binding::{Installation, Share, binding_status, rival};
pub use explanation::{Explanation, WhoActs, reasons_page};
pub use leftovers::{follows, goes_on, has_leftovers};
pub use network_users::{names_network, network_users, planned_network};
pub use pull_network::{blocked_network, summarise_network};
pub use reason::Reason;
pub use registry_credential::{blocked_credential, credential_users, names_credential, same_secret, summarise_credential};
pub use removal::{Farewell, farewell, inventory, leaves_everything};
pub use report::{Part, Report, State, Thing, report, report_binding, report_credential, report_network};

use crate::api::{FLUX_REQUESTED_AT, PrivateImageWorkload, PrivateImageWorkloadStatus, REQUESTED_AT, ServiceStatus, Verify};
use crate::desired::NETWORK_FIELD;
use crate::failure::FailureKind;
use crate::pass::{Outcome, Pass, Round};
use crate::plan::{Hold, Kind, render};
use crate::problem::Problem;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt;

/// The AND of the parts.
pub const READY: &str = "Ready";
/// kstatus: being worked on. Present only when true.
pub const RECONCILING: &str = "Reconciling";
/// kstatus: somebody must act. Present only when true.
pub const STALLED: &str = "Stalled";
/// The parts of `Ready`.
const PARTS: [(&str, &[Kind]); 4] = [
    ("CredentialsSynced", &[Kind::Secret, Kind::Key]),
    ("ExecutionRoleReady", &[Kind::Role]),
    ("DefinitionRegistered", &[Kind::Definition]),
    (SERVICES_UPDATED, &[Kind::Service]),
];
/// The part that only some ask for.
const SERVICES_UPDATED: &str = "ServicesUpdated";

/// How the endpoints of a network are: a part of the network, and of each workload in it.
pub(crate) const ENDPOINTS_READY: &str = "EndpointsReady";

/// What registries said. It is no part of `Ready`: where it has to be so, the definition waits for it.
const IMAGE_VERIFIED: &str = "ImageVerified";

/// The parts that this workload asks for.
fn parts(workload: &PrivateImageWorkload) -> impl Iterator<Item = (&'static str, &'static [Kind])> {
    let rolls = workload.spec.rollout.is_some();
    PARTS.into_iter().filter(move |(part, _)| rolls || *part != SERVICES_UPDATED)
}

/// Bytes of `status.plan`.
const MAX_PLAN: usize = 8 * 1024;

/// What one part came to.
struct Verdict {
    ok: Option<bool>,
    reason: Reason,
    message: String,
}

impl Verdict {
    fn no(reason: Reason, message: impl Into<String>) -> Self {
        Self { ok: Some(false), reason, message: message.into() }
    }

    fn yes(message: impl Into<String>) -> Self {
        Self { ok: Some(true), reason: Reason::Succeeded, message: message.into() }
    }
}

/// The status after a pass. Equal to the previous one where nothing but time has passed.
pub fn summarise(workload: &PrivateImageWorkload, pass: &Pass, now: Timestamp) -> PrivateImageWorkloadStatus {
    let mut status = workload.status.clone().unwrap_or_default();
    status.observed_generation = workload.metadata.generation;
    status.last_handled_reconcile_at = requested_at(workload).or(status.last_handled_reconcile_at);
    let mut previous = std::mem::take(&mut status.conditions);
    let named = workload.spec.pull_network_ref.as_ref().map(|reference| &reference.name);
    if status.network.take_if(|recorded| Some(&*recorded) != named).is_some() {
        previous.retain(|it| it.type_ != ENDPOINTS_READY); // it was said of a network that is named no longer
    }
    let parts = match pass {
        Pass::Suspended => {
            let is_part = |it: &&Condition| PARTS.iter().any(|(part, _)| *part == it.type_);
            let kept =
                previous.iter().filter(|it| [IMAGE_VERIFIED, ENDPOINTS_READY].contains(&&*it.type_) || is_part(it)).cloned();
            status.conditions = kept.collect();
            let message = "suspended: nothing is compared and nothing written";
            let verdict = Verdict { ok: Some(false), reason: Reason::Suspended, message: message.into() };
            status.conditions.insert(0, condition(READY, &verdict, workload.metadata.generation, &previous, now));
            return status;
        }
        Pass::Refused(problems) => refused(workload, problems, &mut status),
        Pass::Done(round) => done(workload, round, &mut status),
    };
    let registered = status.definition.as_ref().map(|it| format!("{} is registered", it.arn)).unwrap_or_default();
    status.conditions = conditions(&parts, registered, workload.metadata.generation, &previous, now);
    status
}

/// `Ready`, what kstatus has for one that is not, and the parts. `success` = what `Ready` says when it is true.
fn conditions(parts: &Parts, success: String, generation: Option<i64>, previous: &[Condition], now: Timestamp) -> Vec<Condition> {
    let ready = ready(parts, success);
    let mut conditions = vec![condition(READY, &ready, generation, previous, now)];
    if ready.ok != Some(true) {
        let kind = if ready.reason.is_stalled() { STALLED } else { RECONCILING };
        let present = Verdict { ok: Some(true), reason: ready.reason, message: ready.message.clone() };
        conditions.push(condition(kind, &present, generation, previous, now));
    }
    conditions.extend(parts.iter().map(|(part, verdict)| condition(part, verdict, generation, previous, now)));
    conditions
}

/// The value that asks for a pass now, ours or Flux's: the later one, as both are times.
pub fn requested_at(object: &impl ResourceExt) -> Option<String> {
    [REQUESTED_AT, FLUX_REQUESTED_AT].iter().filter_map(|key| object.annotations().get(*key).cloned()).max()
}

/// The condition of a type.
pub fn find<'a>(status: &'a PrivateImageWorkloadStatus, kind: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == kind)
}

/// A status that says why a deletion waits, or what Kubernetes refused.
pub fn held_up(workload: &PrivateImageWorkload, reason: Reason, message: &str, now: Timestamp) -> PrivateImageWorkloadStatus {
    let mut status = workload.status.clone().unwrap_or_default();
    status.observed_generation = workload.metadata.generation;
    status.last_handled_reconcile_at = requested_at(workload).or(status.last_handled_reconcile_at);
    let previous = std::mem::take(&mut status.conditions);
    status.conditions = waiting(reason, message, workload.metadata.generation, &previous, now);
    status
}

/// The conditions of an object that waits.
fn waiting(reason: Reason, message: &str, generation: Option<i64>, previous: &[Condition], now: Timestamp) -> Vec<Condition> {
    let kind = if reason.is_stalled() { STALLED } else { RECONCILING };
    let present = Verdict { ok: Some(true), reason, message: message.into() };
    vec![
        condition(READY, &Verdict::no(reason, message), generation, previous, now),
        condition(kind, &present, generation, previous, now),
    ]
}

type Parts = Vec<(&'static str, Verdict)>;

fn refused(workload: &PrivateImageWorkload, problems: &[Problem], status: &mut PrivateImageWorkloadStatus) -> Parts {
    status.plan = None;
    if problems.iter().any(|problem| problem.field == NETWORK_FIELD) {
        status.network = None; // it does not admit us (any more), so we hold up nothing of it
    }
    let images = (workload.spec.verify != Verify::Off).then_some(IMAGE_VERIFIED);
    let network = workload.spec.pull_network_ref.is_some().then_some(ENDPOINTS_READY);
    let parts = network.into_iter().chain(parts(workload).map(|(part, _)| part)).chain(images);
    parts.map(|part| (part, refusal(problems))).collect()
}

/// What all parts say of bad input.
fn refusal(problems: &[Problem]) -> Verdict {
    let message = problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n");
    let reason = problems.first().map_or(Reason::InvalidSpec, |problem| problem.reason);
    let stalled = problems.iter().map(|problem| problem.reason).find(|reason| reason.is_stalled()).unwrap_or(reason);
    Verdict { ok: None, reason: stalled, message }
}

fn done(workload: &PrivateImageWorkload, round: &Round, status: &mut PrivateImageWorkloadStatus) -> Parts {
    let facts = &round.facts;
    if round.outcomes.is_some() {
        status.target = Some(round.target.status());
        status.execution_role_arn = facts.role_arn.clone().or(status.execution_role_arn.take());
        status.definition = facts.definition.clone().or(status.definition.take());
        status.former_roles = facts.former_roles.clone();
        status.container_keys = facts.container_keys.clone();
        status.older_revisions = facts.older_revisions.clone().or(status.older_revisions.take());
        status.services = facts.services.clone();
        let unseen =
            status.secrets.iter().filter(|old| !facts.gone_secrets.contains(&old.arn)).filter(|old| {
                !facts.secrets.iter().any(|new| new.arn == old.arn || (old.name.is_some() && new.name == old.name))
            });
        status.secrets = facts.secrets.iter().chain(unseen).cloned().collect();
    }
    status.images = facts.images.clone();
    status.network = facts.network.as_ref().map(|network| network.name.clone());
    let failed = unretired(round);
    status.warnings = round.warnings.iter().chain(&round.plan.notes).cloned().chain(failed).collect();
    status.plan = (!round.is_converged()).then(|| render::cut(&render::text(round), MAX_PLAN));
    let images = (workload.spec.verify != Verify::Off).then(|| (IMAGE_VERIFIED, images::verdict(&facts.images)));
    // First, as the others may wait for it.
    let network = facts.network.as_ref().map(|network| (ENDPOINTS_READY, network_users::verdict(&network.endpoints)));
    let parts = parts(workload).map(|(part, kinds)| (part, verdict(round, part, kinds)));
    network.into_iter().chain(parts).chain(images).collect()
}

/// What is past and could not be ended. Nothing waits for it, so this is no fault of a part.
fn unretired(round: &Round) -> impl Iterator<Item = String> {
    round.results().filter_map(|(step, outcome)| match outcome {
        Some(Outcome::Failed(failure)) if step.subject.kind.is_past() && !failure.passes() => {
            Some(format!("{} could not be ended: {failure}{}", step.subject, render::remedy(failure.kind)))
        }
        _ => None,
    })
}

fn verdict(round: &Round, part: &str, kinds: &[Kind]) -> Verdict {
    let failed = || {
        round.results().filter_map(|(step, outcome)| match outcome {
            Some(Outcome::Failed(failure)) if kinds.contains(&step.subject.kind) => Some((step, failure)),
            _ => None,
        })
    };
    // What only waits for its turn hides nothing else.
    let failed = failed().find(|(_, failure)| failure.kind != FailureKind::HeldBack).or_else(|| failed().next());
    if let Some((step, failure)) = failed {
        return Verdict::no(
            Reason::of_write(failure.kind),
            format!("{}: {failure}{}", step.subject, render::remedy(failure.kind)),
        );
    }
    if let Some(held) = round.plan.held.iter().find(|held| kinds.contains(&held.subject.kind)) {
        let reason = match &held.hold {
            Hold::Unobserved(failure) => failure.kind.into(),
            Hold::NotOurs => Reason::OwnershipConflict,
            Hold::Waiting => Reason::Progressing,
            Hold::Missing => Reason::DependencyNotFound,
            Hold::InUse => Reason::DeletionBlocked,
            Hold::Refused(reason) => *reason,
        };
        return Verdict::no(reason, held.message.clone());
    }
    let open =
        round.results().find(|(step, outcome)| kinds.contains(&step.subject.kind) && !matches!(outcome, Some(Outcome::Done(_))));
    match (open, &round.outcomes) {
        (Some((_, Some(Outcome::Skipped(by)))), _) => Verdict::no(Reason::Progressing, format!("waits for {by}")),
        (Some((step, _)), None) => Verdict::no(
            Reason::DriftDetected,
            format!("{}: {}; managementPolicy is Observe, so nothing is written", step.subject, step.reason),
        ),
        (Some((step, _)), Some(_)) => Verdict::no(Reason::Progressing, format!("{}: {}", step.subject, step.reason)),
        (None, _) if part == SERVICES_UPDATED && round.done().any(|step| step.subject.kind == Kind::Service) => {
            Verdict::no(Reason::Progressing, "services were told to roll to the revision; their deployments are followed")
        }
        (None, _) => {
            let reason = match (part, &round.facts.foreign_revision) {
                ("DefinitionRegistered", Some(_)) => Reason::ForeignRevision,
                _ => Reason::Succeeded,
            };
            Verdict { reason, ..Verdict::yes(success(round, part)) }
        }
    }
}

fn success(round: &Round, part: &str) -> String {
    let facts = &round.facts;
    match part {
        "CredentialsSynced" => {
            let version = |version: &Option<String>| {
                version.as_ref().map(|id| format!(" at version {}", id.chars().take(12).collect::<String>())).unwrap_or_default()
            };
            let secrets: Vec<String> = facts
                .secrets
                .iter()
                .map(|secret| format!("{}: {}{}", secret.registry, secret.arn, version(&secret.version_id)))
                .collect();
            if secrets.is_empty() { "no container needs a credential".into() } else { secrets.join("; ") }
        }
        part if pull_network::is_part(part) => pull_network::success(facts, part),
        "ExecutionRoleReady" => facts.role_arn.clone().unwrap_or_default(),
        SERVICES_UPDATED => {
            let told = |it: &ServiceStatus| format!("{}/{}: {} of {} tasks run", it.cluster, it.service, it.running, it.desired);
            facts.services.iter().map(told).collect::<Vec<_>>().join("; ")
        }
        _ => match (&facts.definition, &facts.foreign_revision) {
            (Some(definition), Some(foreign)) => format!("{}; {foreign} is newer and of another hand", definition.arn),
            (definition, _) => definition.as_ref().map(|definition| definition.arn.clone()).unwrap_or_default(),
        },
    }
}

/// The first part that is not so decides; one that somebody must act on comes before one that only waits.
fn ready(parts: &Parts, success: String) -> Verdict {
    let open = || parts.iter().filter(|(part, verdict)| *part != IMAGE_VERIFIED && verdict.ok != Some(true));
    let first = open()
        .find(|(_, verdict)| verdict.reason.is_stalled())
        .or_else(|| open().find(|(_, verdict)| verdict.reason != Reason::Progressing))
        .or_else(|| open().next());
    match first {
        Some((_, verdict)) => Verdict::no(verdict.reason, verdict.message.clone()),
        None => Verdict::yes(success),
    }
}

/// The condition of what is known to need nothing more, and was never seen by a pass.
pub fn settled() -> Condition {
    condition(READY, &Verdict::yes(String::new()), None, &[], Timestamp::UNIX_EPOCH)
}

fn condition(kind: &str, verdict: &Verdict, generation: Option<i64>, previous: &[Condition], now: Timestamp) -> Condition {
    let status = verdict.ok.map_or("Unknown", |ok| if ok { "True" } else { "False" });
    let before = previous.iter().find(|condition| condition.type_ == kind && condition.status == status);
    Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: verdict.reason.to_string(),
        message: render::cut(&verdict.message, 4096),
        observed_generation: generation,
        last_transition_time: before.map_or(Time(now), |before| before.last_transition_time.clone()),
    }
}
