//! Generated definitions, and a model of what AWS makes of them; for the core's tests and for `benches/replan.rs`.
//!
//! The model knows AWS by the same facts as `src/resource/normalise/`, but tells them the other way round: it **fills in** what a
//! normal form leaves out. That both agree on what is the same is what the tests are about.

pub(crate) mod definition;
pub(crate) mod largest;
pub(crate) mod respelling;
pub(crate) mod server;

use proptest::prelude::*;
use serde_json::Value;
use wharfinger::api::DeletionPolicy;
use wharfinger::observed::{Observed, Snapshot};
use wharfinger::plan::{Action, Plan};
use wharfinger::resource::definition::{DesiredDefinition, ObservedDefinition, content_hash, plan};
use wharfinger::resource::normalise::DefinitionKind;
use wharfinger::resource::tags::{CONTENT_HASH, Owner, Tags};

/// The ARN of the revision that our status names.
pub(crate) const ARN: &str = "arn:aws:ecs:eu-west-1:111122223333:task-definition/payments_api:7";

/// A definition as a user writes it, and a seed for what is left to chance.
pub(crate) fn definitions() -> impl Strategy<Value = (DefinitionKind, Value, u64)> {
    let of = |kind| definition::definition(kind).prop_map(move |it| (kind, it));
    let kinds = prop_oneof![of(DefinitionKind::TaskDefinition), of(DefinitionKind::JobDefinition)];
    (kinds, any::<u64>()).prop_map(|((kind, definition), seed)| (kind, definition, seed))
}

pub(crate) fn owner() -> Owner {
    let [cluster, namespace_uid, namespace, owner] =
        ["cluster-1", "uid-payments", "payments", "PrivateImageWorkload/api"].map(str::to_owned);
    Owner { cluster, namespace_uid, namespace, owner }
}

pub(crate) fn desired(kind: DefinitionKind, document: &Value, tags: &Tags) -> DesiredDefinition {
    DesiredDefinition {
        kind,
        name: "payments_api".to_owned(),
        document: document.clone(),
        credentials: vec![],
        owner: owner(),
        tags: tags.clone(),
        deletion_policy: DeletionPolicy::Delete,
        recorded: Some(ARN.to_owned()),
    }
}

/// The tags that a revision has once it is registered.
pub(crate) fn registered_tags(kind: DefinitionKind, document: &Value) -> Tags {
    let mut tags = owner().tags();
    tags.insert(CONTENT_HASH.to_owned(), content_hash(kind, document));
    tags
}

/// The newest revision as it is seen.
pub(crate) fn observed(content: Value, tags: Tags) -> ObservedDefinition {
    ObservedDefinition { arn: ARN.to_owned(), revision: 7, tags, content }
}

/// What would be written.
pub(crate) fn replan(desired: &DesiredDefinition, observed: &ObservedDefinition) -> Plan {
    let mut found = Plan::default();
    let seen = Observed { definition: Some(Snapshot::Present(observed.clone())), ..Observed::default() };
    plan(desired, &desired.document, &seen, &[], &mut found);
    found
}

/// Whether a plan registers a revision.
pub(crate) fn registers(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(step.action, Action::RegisterDefinition { .. }))
}
