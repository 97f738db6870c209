//! No false change, and no change missed: over generated definitions and a model of AWS.

use super::super::generated::definition::full;
use super::super::generated::respelling::{mutate, mutated, mutations, respelled};
use super::super::generated::server::{answer, stored};
use super::super::generated::{ARN, definitions, desired, largest, observed, registered_tags, registers, replan};
use super::super::soak;
use proptest::prelude::*;
use serde_json::Value;
use wharfinger::observed::{Observed, Snapshot};
use wharfinger::plan::{Action, Plan};
use wharfinger::resource::definition::content_hash;
use wharfinger::resource::normalise::{DefinitionKind, normalise};
use wharfinger::resource::tags::{CONTENT_HASH, Tags};

/// Many more in `make soak`.
fn config() -> ProptestConfig {
    ProptestConfig { cases: if soak() { 10_000 } else { 64 }, failure_persistence: None, ..ProptestConfig::default() }
}

/// The tags that a plan sets, if it does nothing but that, on the revision that there is.
fn only_tags(plan: &Plan) -> Option<Tags> {
    match &plan.steps[..] {
        [step] if plan.held.is_empty() => match &step.action {
            Action::TagDefinition { arn, tags, .. } if arn == ARN => Some(tags.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn hash_alone(kind: DefinitionKind, document: &Value) -> Option<Tags> {
    Some([(CONTENT_HASH.to_owned(), content_hash(kind, document))].into())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_was_registered_is_not_registered_again((kind, definition, seed) in definitions()) {
        let desired = desired(kind, &definition, &Tags::default());
        let mut tags = registered_tags(kind, &definition);
        let found = observed(answer(kind, &definition, seed), tags.clone());
        prop_assert!(replan(&desired, &found).is_converged());
        // Without the hash, it is the content that decides.
        tags.remove(CONTENT_HASH);
        let plan = replan(&desired, &observed(found.content, tags));
        prop_assert_eq!(only_tags(&plan), hash_alone(kind, &definition), "{}", plan);
    }

    #[test]
    fn what_says_the_same_is_not_registered((kind, definition, seed) in definitions(), other in any::<u64>()) {
        let same = respelled(kind, &definition, other);
        prop_assert_eq!(stored(kind, &same), stored(kind, &definition), "the model agrees with itself");
        prop_assert_eq!(content_hash(kind, &same), content_hash(kind, &definition), "{}", same);
        let found = observed(answer(kind, &definition, seed), registered_tags(kind, &definition));
        prop_assert!(replan(&desired(kind, &same, &Tags::default()), &found).is_converged());
    }

    #[test]
    fn what_says_something_else_is_registered((kind, definition, seed) in definitions(), other in any::<u64>()) {
        let other = mutated(&definition, other);
        let differs = stored(kind, &other) != stored(kind, &definition);
        let found = observed(answer(kind, &definition, seed), registered_tags(kind, &definition));
        let plan = replan(&desired(kind, &other, &Tags::default()), &found);
        prop_assert_eq!(registers(&plan), differs, "{} became {}: {}", definition, other, plan);
        prop_assert_eq!(plan.steps.iter().any(|step| !step.changes.is_empty()), differs, "and it is told what differs");
    }

    #[test]
    fn a_normal_form_is_its_own((kind, definition, seed) in definitions()) {
        for given in [answer(kind, &definition, seed), definition] {
            let once = normalise(kind, &given);
            prop_assert_eq!(normalise(kind, &once).to_string(), once.to_string());
        }
    }

    /// What an older or a newer version of the normaliser left is judged by its content.
    #[test]
    fn another_version_of_the_hash_registers_nothing(
        (kind, definition, seed) in definitions(), other in any::<u64>(), version in "v(0|1|99):[0-9a-f]{32}|[a-z]{0,3}"
    ) {
        let mut tags = registered_tags(kind, &definition);
        tags.insert(CONTENT_HASH.to_owned(), version);
        let found = observed(answer(kind, &definition, seed), tags);
        let plan = replan(&desired(kind, &definition, &Tags::default()), &found);
        prop_assert_eq!(only_tags(&plan), hash_alone(kind, &definition), "{}", plan);
        let other = mutated(&definition, other);
        let differs = stored(kind, &other) != stored(kind, &definition);
        prop_assert_eq!(registers(&replan(&desired(kind, &other, &Tags::default()), &found)), differs);
    }

    #[test]
    fn a_users_tags_are_set_on_the_revision_that_there_is((kind, definition, seed) in definitions()) {
        let with = |team: &str| Tags::from([("team".to_owned(), team.to_owned())]);
        let mut tags = registered_tags(kind, &definition);
        tags.extend(with("payments"));
        let found = observed(answer(kind, &definition, seed), tags);
        prop_assert!(replan(&desired(kind, &definition, &with("payments")), &found).is_converged());
        prop_assert_eq!(only_tags(&replan(&desired(kind, &definition, &with("orders")), &found)), Some(with("orders")));
        prop_assert!(replan(&desired(kind, &definition, &Tags::default()), &found).is_converged(), "one that is taken out stays");
    }

    /// A revision whose answer was lost carries our tags: the next pass finds it, whatever the status knew before.
    #[test]
    fn a_lost_answer_is_not_registered_twice((kind, definition, seed) in definitions()) {
        let found = observed(answer(kind, &definition, seed), registered_tags(kind, &definition));
        for recorded in [None, Some(ARN.replace(":7", ":6"))] {
            let mut desired = desired(kind, &definition, &Tags::default());
            desired.recorded = recorded;
            prop_assert!(replan(&desired, &found).is_converged());
        }
    }
}

/// No field of AWS is beyond notice: each changed, removed or moved in turn.
#[test]
fn every_field_counts() {
    for kind in [DefinitionKind::TaskDefinition, DefinitionKind::JobDefinition] {
        let definition = full(kind);
        let (before, normal_form) = (stored(kind, &definition), normalise(kind, &definition));
        let (mut same, all) = (0, mutations(&definition));
        for mutation in &all {
            let other = mutate(&definition, mutation);
            let differs = stored(kind, &other) != before;
            assert_eq!(normalise(kind, &other) != normal_form, differs, "{mutation:?}");
            same += usize::from(!differs);
        }
        assert!(all.len() > 250 && same * 5 < all.len(), "{kind:?}: {same} of {} say the same", all.len());
    }
}

/// A copy of ours with a changed image has our tags and our hash; only what our status names is believed by them.
#[test]
fn a_copied_hash_is_not_believed() {
    let kind = DefinitionKind::TaskDefinition;
    let definition = largest::largest();
    let mut copy = definition.clone();
    copy["containerDefinitions"][0]["image"] = "registry.example.com/other:1".into();
    let mut desired = desired(kind, &definition, &Tags::default());
    desired.recorded = Some(ARN.replace(":7", ":6"));
    let found = observed(answer(kind, &copy, 1), registered_tags(kind, &definition));
    assert!(registers(&replan(&desired, &found)));
}

#[test]
fn the_first_revision_is_registered() {
    let desired = desired(DefinitionKind::TaskDefinition, &largest::largest(), &Tags::default());
    let mut plan = Plan::default();
    let nothing = Observed { definition: Some(Snapshot::Absent), ..Observed::default() };
    wharfinger::resource::definition::plan(&desired, &desired.document, &nothing, &[], &mut plan);
    assert!(registers(&plan));
    let size = desired.document.to_string().len();
    assert!((55_000..65_536).contains(&size), "the largest realistic definition has {size} bytes");
}
