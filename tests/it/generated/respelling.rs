//! Other definitions than a given one: some that say the same in other words, and some that say something else.

use super::definition::{required, schema};
use super::server::{Server, each, part, rewrite};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
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

/// One thing to change in a definition. What comes of it may say the same still; [`super::server::stored`] tells.
#[derive(Debug, Clone)]
pub(crate) struct Mutation {
    /// JSON pointer of the value.
    pointer: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Another value of the same type.
    Change,
    /// Without the field or item.
    Remove,
    /// The item after the one that follows it.
    Swap,
}

/// Everything that can be changed in a definition so that it stays one that AWS takes.
pub(crate) fn mutations(definition: &Value) -> Vec<Mutation> {
    let mut found = vec![];
    collect("", "", definition, &mut found);
    found
}

fn collect(pointer: &str, path: &str, value: &Value, found: &mut Vec<Mutation>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let (pointer, path) = (format!("{pointer}/{}", name.replace('/', "~1")), format!("{path}.{name}"));
                if !required(&path) {
                    found.push(Mutation { pointer: pointer.clone(), kind: Kind::Remove });
                }
                collect(&pointer, &path, value, found);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let pointer = format!("{pointer}/{at}");
                if items.len() > 1 {
                    found.extend([Kind::Remove, Kind::Swap].map(|kind| Mutation { pointer: pointer.clone(), kind }));
                }
                collect(&pointer, &format!("{path}[]"), item, found);
            }
        }
        Value::Null => {}
        _ => found.push(Mutation { pointer: pointer.to_owned(), kind: Kind::Change }),
    }
}

/// The definition with that changed.
pub(crate) fn mutate(definition: &Value, Mutation { pointer, kind }: &Mutation) -> Value {
    let mut other = definition.clone();
    let (above, last) = pointer.rsplit_once('/').unwrap();
    match (kind, other.pointer_mut(above).unwrap()) {
        (Kind::Remove, Value::Object(fields)) => drop(fields.remove(&last.replace("~1", "/"))),
        (Kind::Remove, Value::Array(items)) => drop(items.remove(last.parse().unwrap())),
        (Kind::Swap, Value::Array(items)) => {
            let (at, count) = (last.parse::<usize>().unwrap(), items.len());
            items.swap(at, (at + 1) % count);
        }
        _ => match other.pointer_mut(pointer).unwrap() {
            Value::Bool(it) => *it = !*it,
            Value::String(it) => it.push('x'),
            number => *number = (number.as_i64().unwrap() + 1).into(),
        },
    }
    other
}

/// The definition with any one thing changed.
pub(crate) fn mutated(definition: &Value, seed: u64) -> Value {
    let all = mutations(definition);
    mutate(definition, all.choose(&mut StdRng::seed_from_u64(seed)).unwrap())
}
