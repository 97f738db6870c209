//! Other definitions than a given one: some that say the same in other words, and some that say something else.

use super::definition::{required, schema};
use super::server::{Server, each, part, rewrite};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use wharfinger::resource::normalise::DefinitionKind;

/// The same definition as another user may write it: with some defaults, another order where that says nothing, empty lists and
/// other spellings of its values.
pub(crate) fn respelled(kind: DefinitionKind, definition: &Value, seed: u64) -> Value {
    let mut writer = Server { chance: Some(StdRng::seed_from_u64(seed)) };
    let mut other = writer.complete(kind, definition);
    writer.add_empties(schema(kind), &mut other);
    let root = other.as_object_mut().unwrap();
    rewrite(root, "cpu", |it| in_1024(it, "vCPU"));
    rewrite(root, "memory", |it| in_1024(it, "GB"));
    part(root, "retryStrategy", |retry| {
        each(retry, "evaluateOnExit", |exit| rewrite(exit, "action", |it| Some(it.to_uppercase())));
    });
    part(root, "containerProperties", |container| {
        let decimal = |it: &str| (!it.contains('.')).then(|| format!("0{it}.0"));
        each(container, "resourceRequirements", |it| rewrite(it, "value", decimal));
    });
    other
}

fn in_1024(text: &str, unit: &str) -> Option<String> {
    Some(format!("{} {unit}", text.parse::<f64>().ok()? / 1024.0))
}

/// The definition with one thing in it changed: a value, an order, or a field or item that is gone. It may say the same still;
/// [`super::server::stored`] tells.
pub(crate) fn mutated(definition: &Value, seed: u64) -> Value {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut places = vec![];
    collect("", "", definition, &mut places);
    let (pointer, path) = places.choose(&mut chance).unwrap().clone();
    let mut other = definition.clone();
    let (above, last) = pointer.rsplit_once('/').unwrap();
    match other.pointer_mut(above).unwrap() {
        Value::Object(fields) if !required(&path) && chance.random_bool(0.3) => drop(fields.remove(&last.replace("~1", "/"))),
        Value::Array(items) if items.len() > 1 && chance.random_bool(0.6) => {
            let (at, next) = (last.parse::<usize>().unwrap(), (last.parse::<usize>().unwrap() + 1) % items.len());
            if chance.random_bool(0.5) { drop(items.remove(at)) } else { items.swap(at, next) }
        }
        _ => change(other.pointer_mut(&pointer).unwrap()),
    }
    other
}

/// Every value below the root: its JSON pointer, and its path as the schema has it.
fn collect(pointer: &str, path: &str, value: &Value, places: &mut Vec<(String, String)>) {
    let mut add = |pointer: String, path: String, value: &Value| {
        places.push((pointer.clone(), path.clone()));
        collect(&pointer, &path, value, places);
    };
    match value {
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(name, it)| add(format!("{pointer}/{}", name.replace('/', "~1")), format!("{path}.{name}"), it));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, it)| add(format!("{pointer}/{at}"), format!("{path}[]"), it));
        }
        _ => {}
    }
}

/// Another value of the same type; objects and lists stay, since what is in them has places of its own.
fn change(value: &mut Value) {
    match value {
        Value::Bool(it) => *it = !*it,
        Value::Number(it) => *value = (it.as_i64().unwrap() + 1).into(),
        Value::String(it) => it.push('x'),
        _ => {}
    }
}
