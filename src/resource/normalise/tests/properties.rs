//! What holds for every JSON, well-formed definition or not.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{changes, normalise, rules, segments};
use super::{DefinitionKind, JOB, TASK};

/// Any of the tables' field names, so that generated JSON meets the rules, in places right and wrong.
fn field_name(kind: DefinitionKind) -> impl Strategy<Value = String> {
    let mut names: Vec<String> = rules(kind)
        .flat_map(|(under, rule)| segments(under, rule))
        .map(|segment| segment.trim_end_matches("[]").to_owned())
        .chain(["name", "value", "type", "containerPort", "image", "command"].map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    prop::sample::select(names)
}

fn scalar() -> impl Strategy<Value = Value> {
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(30),
        json!(80),
        json!(""),
        json!("a"),
        json!("b"),
        json!("/"),
        json!("tcp"),
        json!("bridge"),
        json!("awsvpc"),
        json!("FARGATE"),
        json!("LATEST"),
        json!("1.0"),
        json!("1 GB"),
        json!("2 vCPU"),
        json!("RETRY"),
        json!("DISABLED"),
        json!("VCPU"),
        json!("GPU"),
    ];
    prop::sample::select(values.to_vec())
}

fn any_json(kind: DefinitionKind) -> impl Strategy<Value = Value> {
    scalar().prop_recursive(6, 48, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((field_name(kind), inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A definition that has each field of the tables, or has it not, with a value of the right or of the wrong sort.
fn definition(kind: DefinitionKind) -> impl Strategy<Value = Value> {
    let selectors: Vec<Vec<String>> =
        rules(kind).map(|(under, rule)| segments(under, rule).into_iter().map(str::to_owned).collect()).collect();
    let fields = prop::collection::vec((prop::sample::select(selectors), any_json(kind), 0..3usize), 0..24);
    fields.prop_map(|fields| {
        let mut root = json!({});
        for (selector, value, item) in fields {
            put(&mut root, &selector, item, value);
        }
        root
    })
}

fn put(at: &mut Value, selector: &[String], item: usize, value: Value) {
    let (Some(object), [head, rest @ ..]) = (at.as_object_mut(), selector) else { return };
    let (name, list) = head.strip_suffix("[]").map_or((head.as_str(), false), |name| (name, true));
    if rest.is_empty() {
        object.insert(name.to_owned(), value);
    } else if list {
        let items = object.entry(name).or_insert_with(|| json!([]));
        let Some(items) = items.as_array_mut() else { return };
        items.resize_with(items.len().max(item + 1), || json!({"name": format!("n{item}")}));
        put(&mut items[item], rest, item, value);
    } else {
        put(object.entry(name).or_insert_with(|| json!({})), rest, item, value);
    }
}

fn any_kind() -> impl Strategy<Value = DefinitionKind> {
    prop_oneof![Just(TASK), Just(JOB)]
}

fn both(kind: DefinitionKind) -> impl Strategy<Value = Value> {
    prop_oneof![definition(kind), any_json(kind)]
}

proptest! {
    #[test]
    fn a_normal_form_is_its_own((kind, given) in any_kind().prop_flat_map(|kind| (Just(kind), both(kind)))) {
        let once = normalise(kind, &given);
        prop_assert_eq!(normalise(kind, &once).to_string(), once.to_string());
    }

    #[test]
    fn no_changes_means_equal(
        (kind, before, after) in any_kind().prop_flat_map(|kind| (Just(kind), both(kind), both(kind)))
    ) {
        let (before, after) = (normalise(kind, &before), normalise(kind, &after));
        prop_assert_eq!(changes(kind, &before, &after).is_empty(), before == after);
        prop_assert_eq!(changes(kind, &before, &before), vec![]);
    }
}
