//! Printing: tables and text for people, JSON and YAML for machines.

use super::arguments::OutputFormat;
use super::{ERROR, OK, local, print};
use crate::api::{ManagementPolicy, PrivateImageWorkload, PullNetwork, RegistryCredential};
use crate::pass::{Outcome, Pass, Round};
use crate::plan::{Action, Held, Hold, Kind, Plan, render};
use crate::problem::Problem;
use kube::ResourceExt;
use serde_json::{Value, json};

/// One object and what its pass came to.
pub(super) struct Line {
    kind: &'static str,
    name: String,
    observe_only: bool,
    /// Whether it is not in the files any more.
    pruned: bool,
    pass: Pass,
}

impl Line {
    pub(super) fn new(workload: &PrivateImageWorkload, pass: Pass) -> Self {
        let observe_only = workload.spec.management_policy == ManagementPolicy::Observe;
        Self { kind: "PrivateImageWorkload", name: name(workload), observe_only, pruned: false, pass }
    }

    pub(super) fn of_credential(credential: &RegistryCredential, pass: Pass) -> Self {
        let observe_only = credential.spec.management_policy == ManagementPolicy::Observe;
        Self { kind: "RegistryCredential", name: name(credential), observe_only, pruned: false, pass }
    }

    pub(super) fn of_network(network: &PullNetwork, pass: Pass) -> Self {
        let observe_only = network.spec.management_policy == ManagementPolicy::Observe;
        Self { kind: "PullNetwork", name: name(network), observe_only, pruned: false, pass }
    }

    /// What workloads of a namespace shared that are not in the files any more.
    pub(super) fn of_namespace(name: &str, pass: Pass) -> Self {
        Self { kind: "Namespace", name: name.to_owned(), observe_only: false, pruned: true, pass }
    }

    /// Why what is not in the files any more stays.
    pub(super) fn of_prune(problems: Vec<Problem>) -> Self {
        let pass = Pass::Refused(problems);
        Self { kind: PRUNE, name: String::new(), observe_only: false, pruned: false, pass }
    }

    /// Kind and name.
    pub(super) fn what(&self) -> String {
        format!("{} {}", self.kind, self.name).trim_end().to_owned()
    }

    /// The same of an object that is not in the files any more.
    pub(super) fn pruned(self) -> Self {
        Self { pruned: true, ..self }
    }

    /// As JSON names it: workloads by the word that they have always had.
    fn key(&self) -> &'static str {
        match self.kind {
            "RegistryCredential" => "registryCredential",
            "PullNetwork" => "pullNetwork",
            "Namespace" => "namespace",
            PRUNE => "prune",
            _ => "workload",
        }
    }

    /// Converged, or rightly left alone.
    pub(super) fn is_good(&self) -> bool {
        match &self.pass {
            Pass::Suspended => true,
            Pass::Refused(_) => false,
            Pass::Done(round) => self.observe_only || round.is_converged() || only_deploys(round),
        }
    }

    fn writes(&self) -> usize {
        match &self.pass {
            Pass::Done(round) => round.done().count(),
            _ => 0,
        }
    }

    fn text(&self) -> String {
        let body = match &self.pass {
            Pass::Suspended => "suspended".to_owned(),
            Pass::Refused(problems) => problems.iter().map(|problem| format!("error: {problem}")).collect::<Vec<_>>().join("\n"),
            Pass::Done(round) => {
                let warnings = round.warnings.iter().map(|warning| format!("\nwarning: {warning}")).collect::<String>();
                let observed = if self.observe_only { "\nmanagementPolicy is Observe: nothing is written" } else { "" };
                format!("{}{warnings}{observed}", render::text(round))
            }
        };
        let place = match &self.pass {
            Pass::Done(round) => format!(" (account {}, {})", round.target.account_id, round.target.region),
            _ => String::new(),
        };
        let pruned = if self.pruned { ", no longer in the files" } else { "" };
        format!("{}{place}{pruned}\n  {}\n", self.what(), body.replace('\n', "\n  "))
    }

    fn json(&self) -> Value {
        let mut told = self.told();
        if self.pruned {
            told["pruned"] = true.into();
        }
        told
    }

    fn told(&self) -> Value {
        match &self.pass {
            Pass::Suspended => json!({ self.key(): self.name, "suspended": true }),
            Pass::Refused(problems) => json!({ self.key(): self.name, "problems": problems, "messages": messages(problems) }),
            Pass::Done(round) => json!({
                self.key(): self.name,
                "target": round.target.status(),
                "plan": round.plan,
                "outcomes": round.outcomes,
                "warnings": round.warnings,
                "converged": round.is_converged(),
                "text": render::text(round),
            }),
        }
    }
}

/// What speaks of no object.
const PRUNE: &str = "--prune";

/// Namespace, if there is one, and name.
pub(super) fn name(object: &impl ResourceExt) -> String {
    match object.namespace() {
        Some(namespace) => format!("{namespace}/{}", object.name_any()),
        None => object.name_any(),
    }
}

/// Whether all is done but deployments of services, which go on by themselves.
fn only_deploys(round: &Round) -> bool {
    let deploys = |held: &Held| held.subject.kind == Kind::Service && held.hold == Hold::Waiting;
    round.done().count() == round.plan.steps.len() && round.plan.held.iter().all(deploys)
}

fn messages(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(Problem::to_string).collect()
}

/// Prints plans.
pub(super) fn plan(lines: &[Line], format: OutputFormat) -> anyhow::Result<()> {
    let steps: usize = lines
        .iter()
        .filter(|line| !line.observe_only)
        .map(|line| match &line.pass {
            Pass::Done(round) => round.plan.steps.len(),
            _ => 0,
        })
        .sum();
    let wrong = lines.iter().filter(|line| !line.is_good()).count();
    let summary =
        format!("Plan: {steps} {} for {wrong} of {} {}.", plural(steps, "change"), lines.len(), plural(lines.len(), noun(lines)));
    all(lines, &summary, format)
}

/// Prints what was done.
pub(super) fn applied(lines: &[Line], format: OutputFormat) -> anyhow::Result<()> {
    let writes = lines.iter().map(Line::writes).sum();
    let failed = lines.iter().filter(|line| !line.is_good()).count();
    let failed = if failed == 0 { String::new() } else { format!(", {failed} of {} {}s failed", lines.len(), noun(lines)) };
    all(lines, &format!("Applied: {writes} {}{failed}.", plural(writes, "change")), format)
}

/// What the lines are about.
fn noun(lines: &[Line]) -> &'static str {
    if lines.iter().all(|line| line.kind == "PrivateImageWorkload") { "workload" } else { "object" }
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

fn all(lines: &[Line], summary: &str, format: OutputFormat) -> anyhow::Result<()> {
    match format {
        OutputFormat::Text => print(&format!("{}{summary}\n", lines.iter().map(Line::text).collect::<String>())),
        _ => value(&lines.iter().map(Line::json).collect(), format),
    }
}

/// Prints JSON, or YAML for people too.
pub(super) fn value(value: &Value, format: OutputFormat) -> anyhow::Result<()> {
    match format {
        OutputFormat::Json => print(&format!("{}\n", serde_json::to_string_pretty(value)?)),
        OutputFormat::Text | OutputFormat::Yaml => print(&serde_saphyr::to_string(value)?),
    }
}

/// 0 = converged, 2 = changes, 1 = error.
pub(super) fn plan_code(lines: &[Line]) -> u8 {
    let refused = lines.iter().any(|line| matches!(line.pass, Pass::Refused(_)));
    let failed = lines.iter().any(|line| match &line.pass {
        Pass::Done(round) => {
            round.plan.held.iter().any(|held| matches!(held.hold, Hold::Unobserved(_))) || failed(&round.outcomes)
        }
        _ => false,
    });
    if refused || failed {
        return ERROR;
    }
    if lines.is_empty() { OK } else { local::code(lines.iter().all(Line::is_good)) }
}

fn failed(outcomes: &Option<Vec<Outcome>>) -> bool {
    outcomes.iter().flatten().any(|outcome| matches!(outcome, Outcome::Failed(_)))
}

/// The documents of a plan that starts from nothing.
pub(super) fn documents(key: &str, name: &str, plan: &Plan) -> Value {
    let mut found = json!({ key: name });
    let (mut secrets, mut endpoints) = (vec![], vec![]);
    for step in &plan.steps {
        match &step.action {
            Action::CreateSecret { name, kms_key_id, tags, value, .. } => {
                secrets.push(json!({ "name": name, "kmsKeyId": kms_key_id, "tags": tags, "secretString": value }));
            }
            Action::CreateRole { name, path, trust_policy, permissions_boundary, .. } => {
                found["role"] = json!({ "name": name, "path": path, "permissionsBoundary": permissions_boundary });
                found["trustPolicy"] = trust_policy.clone();
            }
            Action::CreateSecurityGroup { name, vpc_id, .. } => found["securityGroup"] = json!({ "name": name, "vpcId": vpc_id }),
            Action::AuthorizeSecurityGroupIngress { cidrs, .. } => found["securityGroup"]["tcp443From"] = json!(cidrs),
            Action::CreateVpcEndpoint { endpoint } => endpoints.push(json!(endpoint)),
            Action::ReplicateSecretToRegions { replicas, .. } => found["replicas"] = json!(replicas),
            Action::PutResourcePolicy { document, .. } => found["resourcePolicy"] = document.clone(),
            Action::AttachRolePolicy { policy_arn, .. } => found["managedPolicy"] = json!(policy_arn),
            Action::PutRolePolicy { policy, document, .. } => {
                found["inlinePolicy"] = json!({ "name": policy, "document": document })
            }
            Action::RegisterDefinition { kind, document, .. } => {
                found[json!(kind).as_str().unwrap_or("definition")] = document.clone()
            }
            _ => {}
        }
    }
    if !endpoints.is_empty() {
        found["endpoints"] = endpoints.into();
    } else {
        found["secrets"] = secrets.into();
    }
    found["held"] = plan.held.iter().map(|held| held.message.clone()).collect();
    found
}
