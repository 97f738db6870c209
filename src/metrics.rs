//! Metrics, in the OpenMetrics text format. Labels never hold names of tenants' objects, let alone secrets.

use crate::aws::Call;
use crate::pass::Round;
use crate::plan::{Action, Kind, Step};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// All metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    calls: Family<CallLabels, Counter>,
    throttles: Family<ServiceLabels, Counter>,
    reconciles: Family<ReasonLabels, Counter>,
    duration: Histogram,
    status_writes: Counter,
    drift: Family<DriftLabels, Counter>,
    leader: Gauge,
    renewals: Family<RenewalLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    service: String,
    operation: String,
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServiceLabels {
    service: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DriftLabels {
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RenewalLabels {
    outcome: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("wharfinger"),
            calls: Family::default(),
            throttles: Family::default(),
            reconciles: Family::default(),
            duration: Histogram::new(exponential_buckets(0.01, 2.0, 14)),
            status_writes: Counter::default(),
            drift: Family::default(),
            leader: Gauge::default(),
            renewals: Family::default(),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("aws_calls", "Calls to AWS, attempts of retries included, by what came of them", self.calls.clone());
        registry.register("aws_throttles", "Calls that AWS throttled", self.throttles.clone());
        registry.register("reconciles", "Passes over workloads, by the reason of Ready", self.reconciles.clone());
        registry.register("reconcile_duration_seconds", "Duration of a pass", self.duration.clone());
        registry.register("status_writes", "Statuses written", self.status_writes.clone());
        registry.register(
            "drift",
            "Things in AWS that were found changed after they had been right, by kind",
            self.drift.clone(),
        );
        registry.register("leader", "Whether this process leads", self.leader.clone());
        registry.register(
            "lease_renewals",
            "Renewals of the Lease by this process as leader, by what came of them",
            self.renewals.clone(),
        );
        self
    }

    /// Counts a call to AWS.
    pub fn called(&self, call: Call) {
        let Call { service, operation, code, .. } = call;
        if code.contains("Throttl") || code.contains("TooManyRequests") || code == "RequestLimitExceeded" {
            self.throttles.get_or_create(&ServiceLabels { service: service.clone() }).inc();
        }
        self.calls.get_or_create(&CallLabels { service, operation, code }).inc();
    }

    /// Counts a pass.
    pub fn passed(&self, reason: &str, seconds: f64) {
        self.reconciles.get_or_create(&ReasonLabels { reason: reason.to_owned() }).inc();
        self.duration.observe(seconds);
    }

    /// Counts a pass that Kubernetes ended.
    pub fn failed(&self, reason: &str) {
        self.reconciles.get_or_create(&ReasonLabels { reason: reason.to_owned() }).inc();
    }

    /// Counts a written status.
    pub fn status_written(&self) {
        self.status_writes.inc();
    }

    /// Counts what a pass found changed although the spec had not. A new value comes from its
    /// source, and what is retired was left for later, so they do not count.
    pub fn drifted(&self, round: &Round) {
        let planned = |step: &&Step| {
            let follows = step.subject.kind.is_past() || step.subject.kind == Kind::Service;
            !follows && !matches!(step.action, Action::PutSecretValue { .. })
        };
        for step in round.plan.steps.iter().filter(planned) {
            self.drift.get_or_create(&DriftLabels { kind: format!("{:?}", step.subject.kind) }).inc();
        }
    }

    /// Says whether this process leads.
    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// Whether this process leads.
    pub fn is_leading(&self) -> bool {
        self.leader.get() == 1
    }

    /// Counts a renewal of the Lease.
    pub fn renewed(&self, renewed: bool) {
        let outcome = if renewed { "Renewed" } else { "Failed" };
        self.renewals.get_or_create(&RenewalLabels { outcome }).inc();
    }

    /// All metrics as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(_) => String::new(), // writing to a String cannot fail
        }
    }
}
