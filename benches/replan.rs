//! What it costs to plan again when nothing changed, and how often that is wrong. Prints one JSON object; `hack/bench` reads it.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a measurement ends where it is wrong, and its result is its output

#[allow(dead_code)] // the tests use all of it
#[path = "../tests/it"]
mod it {
    pub(crate) mod generated;
}

use it::generated::respelling::{mutated, respelled};
use it::generated::server::{answer, stored};
use it::generated::{definitions, desired, largest::largest, observed, registered_tags, registers, replan};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::json;
use std::hint::black_box;
use std::time::Instant;
use wharfinger::resource::definition::{DesiredDefinition, ObservedDefinition};
use wharfinger::resource::grants::{Decryption, Grants, Permission, PullSources, via_service};
use wharfinger::resource::normalise::DefinitionKind;
use wharfinger::resource::policy::{MAX_INLINE_POLICY_CHARS, size};
use wharfinger::resource::tags::{CONTENT_HASH, Tags};

/// How often a re-plan is timed.
const REPEATS: usize = 1001;

/// Secrets of the policy that is measured.
const SECRETS: usize = 85;

/// How many definitions are generated.
const DEFINITIONS: usize = 10_000;

fn main() {
    let kind = DefinitionKind::TaskDefinition;
    let document = largest();
    let desired = desired(kind, &document, &Tags::default());
    let by_hash = observed(answer(kind, &document, 1), registered_tags(kind, &document));
    let mut by_content = by_hash.clone();
    by_content.tags.remove(CONTENT_HASH);
    let (false_changes, missed_changes) = wrong();
    let result = json!({
        "definition_bytes": document.to_string().len(),
        "by_hash": cost(&desired, &by_hash),
        "by_content": cost(&desired, &by_content),
        "definitions": DEFINITIONS,
        "false_changes": false_changes,
        "missed_changes": missed_changes,
        "policy": policy(),
    });
    println!("{result}");
}

/// Characters of the role's inline policy for 85 secrets with usual names: under the default key, and under one customer key.
fn policy() -> serde_json::Value {
    let arn = |index: usize| {
        let name = format!("wharfinger/payments/login-{index:02}/r{index:02}.example.com/pull");
        format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{name}-AbCdEf")
    };
    let read: Grants = (0..SECRETS).map(|index| Permission::ReadSecret(arn(index))).collect();
    let decrypt = |index| {
        let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".to_owned();
        let via = Some(via_service("secretsmanager", "eu-west-1", "aws"));
        Permission::Decrypt(Decryption { key, via, of: Some(arn(index)) })
    };
    let both = read.union(&(0..SECRETS).map(decrypt).collect());
    let characters = |grants: &Grants| size(&grants.policy(&PullSources::default()));
    json!({"secrets": SECRETS, "arn_characters": arn(0).len(), "characters": characters(&read), "with_customer_key": characters(&both), "limit": MAX_INLINE_POLICY_CHARS})
}

/// Median microseconds and allocations of one re-plan.
fn cost(desired: &DesiredDefinition, observed: &ObservedDefinition) -> serde_json::Value {
    let time = |_| {
        let began = Instant::now();
        drop(black_box(replan(black_box(desired), black_box(observed))));
        began.elapsed()
    };
    let mut times: Vec<_> = (0..REPEATS).map(time).collect();
    times.sort();
    let allocated = allocation_counter::measure(|| drop(black_box(replan(desired, observed))));
    json!({"microseconds": times[REPEATS / 2].as_micros(), "allocations": allocated.count_total})
}

/// Of generated definitions, how many are registered again although they say the same in other words, and how many are not
/// although they say something else. All are compared by content: the hash of the first would hide what is wrong.
fn wrong() -> (usize, usize) {
    let (strategy, mut chance) = (definitions(), TestRunner::deterministic());
    let (mut false_changes, mut missed_changes) = (0, 0);
    for _ in 0..DEFINITIONS {
        let (kind, definition, seed) = strategy.new_tree(&mut chance).unwrap().current();
        let mut tags = registered_tags(kind, &definition);
        tags.remove(CONTENT_HASH);
        let found = observed(answer(kind, &definition, seed), tags);
        let registered = |document| registers(&replan(&desired(kind, document, &Tags::default()), &found));
        let (same, other) = (respelled(kind, &definition, seed), mutated(&definition, seed));
        false_changes += usize::from(registered(&definition)) + usize::from(registered(&same));
        let differs = stored(kind, &other) != stored(kind, &definition);
        match (registered(&other), differs) {
            (true, false) => false_changes += 1,
            (false, true) => missed_changes += 1,
            _ => {}
        }
    }
    (false_changes, missed_changes)
}
