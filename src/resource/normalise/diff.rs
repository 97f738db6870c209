//! The difference between two normal forms, field by field, in a form that people read and that tells no secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Action, DefinitionKind, rules, segments};

/// What stands in a [`FieldChange`] for the value of an environment variable.
pub const HIDDEN: &str = "(hidden)";

/// Fields whose own fields are named by the user, so that `environment` in them is a label and no list of variables.
const USER_MAPS: &[&str] = &["dockerLabels", "labels", "annotations", "options", "driverOpts", "parameters"];

/// One field in which two definitions differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    /// Where: `containerDefinitions[api].image`. Items are addressed by name where they have one, else by position.
    pub path: String,
    /// What happened to it.
    #[serde(flatten)]
    pub change: Change,
}

/// What happened to a field. Values of environment variables are [`HIDDEN`], at whatever depth they lie.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// It is there now; before, it was absent or AWS's default.
    Added(Value),
    /// It is gone, or AWS's default, now.
    Removed(Value),
    /// It has another value.
    Changed {
        /// The value before.
        from: Value,
        /// The value now.
        to: Value,
    },
}

/// The fields in which two **normal forms** differ, fields and names in alphabetical order; none exactly when the two are equal.
pub fn changes(kind: DefinitionKind, before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut diff = Diff { kind, found: Vec::new() };
    diff.compare(&Place::default(), Some(before), Some(after));
    diff.found
}

/// The definition as it may be shown: with the values of environment variables [`HIDDEN`].
pub fn veiled(definition: &Value) -> Value {
    veil(&[], definition)
}

/// Whether this value may not be shown, or something in it. `selector` = the fields that lead to it, a list's with `[]` where an
/// item of it is meant.
pub fn hides(selector: &[String], value: &Value) -> bool {
    veil(selector, value) != *value
}

/// A place in a definition: as it is shown, and as a selector like those of the rules.
#[derive(Default)]
struct Place {
    shown: String,
    selector: Vec<String>,
}

impl Place {
    fn field(&self, name: &str) -> Place {
        let mut selector = self.selector.clone();
        selector.push(name.to_owned());
        let shown = match (plain(name, "_-"), self.shown.is_empty()) {
            (true, true) => name.to_owned(),
            (true, false) => format!("{}.{name}", self.shown),
            (false, _) => format!("{}[{name:?}]", self.shown),
        };
        Place { shown, selector }
    }

    fn item(&self, key: &str) -> Place {
        let shown = if plain(key, "_-./:") { format!("{}[{key}]", self.shown) } else { format!("{}[{key:?}]", self.shown) };
        Place { shown, selector: into_items(&self.selector) }
    }
}

/// Whether a name can stand in a path without quotes.
fn plain(name: &str, besides: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || besides.contains(c))
}

/// The selector of the items of the list that this one selects.
fn into_items(selector: &[String]) -> Vec<String> {
    let mut selector = selector.to_vec();
    if let Some(list) = selector.last_mut() {
        list.push_str("[]");
    }
    selector
}

struct Diff {
    kind: DefinitionKind,
    found: Vec<FieldChange>,
}

impl Diff {
    fn compare(&mut self, place: &Place, before: Option<&Value>, after: Option<&Value>) {
        let veiled = |value: &Value| veil(&place.selector, value);
        let change = match (before, after) {
            (Some(before), Some(after)) if before == after => return,
            (Some(Value::Object(before)), Some(Value::Object(after))) => return self.compare_objects(place, before, after),
            (Some(Value::Array(before)), Some(Value::Array(after))) if objects(before) && objects(after) => {
                return self.compare_lists(place, before, after);
            }
            (Some(before), Some(after)) => Change::Changed { from: veiled(before), to: veiled(after) },
            (None, Some(after)) => Change::Added(veiled(after)),
            (Some(before), None) => Change::Removed(veiled(before)),
            (None, None) => return,
        };
        self.found.push(FieldChange { path: place.shown.clone(), change });
    }

    fn compare_objects(&mut self, place: &Place, before: &Map<String, Value>, after: &Map<String, Value>) {
        for name in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            self.compare(&place.field(name), before.get(name), after.get(name));
        }
    }

    /// Items that the normal form sorts by a name are compared by that name, if it is unique; all others by position.
    fn compare_lists(&mut self, place: &Place, before: &[Value], after: &[Value]) {
        let key = self.key(place);
        let named = key.and_then(|key| Some((by_name(before, key)?, by_name(after, key)?)));
        if let Some((before, after)) = named {
            for name in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
                self.compare(&place.item(name), before.get(name).copied(), after.get(name).copied());
            }
        } else {
            for position in 0..before.len().max(after.len()) {
                self.compare(&place.item(&position.to_string()), before.get(position), after.get(position));
            }
        }
    }

    /// The field by which the normal form sorts the list at this place.
    fn key(&self, place: &Place) -> Option<&'static str> {
        rules(self.kind).find_map(|(under, rule)| match rule.action {
            Action::SortBy(field) if segments(under, rule) == place.selector => Some(field),
            _ => None,
        })
    }
}

fn objects(items: &[Value]) -> bool {
    items.iter().all(Value::is_object)
}

/// The items by the field that names them; nothing unless each has one and no two have the same.
fn by_name<'a>(items: &'a [Value], field: &str) -> Option<BTreeMap<&'a str, &'a Value>> {
    let named: BTreeMap<_, _> = items.iter().map(|item| Some((item.get(field)?.as_str()?, item))).collect::<Option<_>>()?;
    (named.len() == items.len()).then_some(named)
}

/// The value with everything hidden that is, or could be, the value of an environment variable.
fn veil(selector: &[String], value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let veiled = |(name, value)| (String::clone(name), veil(&[selector, slice::from_ref(name)].concat(), value));
            Value::Object(fields.iter().map(veiled).collect())
        }
        Value::Array(items) => {
            let selector = into_items(selector);
            Value::Array(items.iter().map(|item| veil(&selector, item)).collect())
        }
        _ if is_hidden(selector) => Value::from(HIDDEN),
        shown => shown.clone(),
    }
}

/// Whether a scalar lies in a list of environment variables (`env` is what EKS calls it) and is not the name of one. A list of
/// another shape than AWS's is hidden as a whole.
fn is_hidden(selector: &[String]) -> bool {
    let variables = selector.iter().enumerate().position(|(i, segment)| {
        let within = i.checked_sub(1).and_then(|above| selector.get(above));
        let labels = within.is_some_and(|above| USER_MAPS.contains(&above.as_str()));
        matches!(segment.trim_end_matches("[]"), "environment" | "env") && !labels
    });
    let Some((list, below)) = variables.and_then(|i| selector.get(i..)?.split_first()) else { return false };
    !(list.ends_with("[]") && below == ["name"])
}
