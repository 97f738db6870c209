//! The normal form of a definition: what two definitions have in common when AWS treats them alike.
//!
//! AWS fills in defaults, reorders lists, rewrites values and adds fields of its own, so what it returns is never quite what was
//! sent. Both sides are brought into one normal form before they are compared or hashed: what the server fills in is **left out**
//! (never filled in), so that a default means the same as no field; lists without an order are sorted; rewritten values have one
//! spelling; empty lists, empty objects and nulls are gone; the fields of every object are in alphabetical order. The order of a
//! command, of port mappings or of environment files is meaning and stays.
//!
//! The rules are data: `ecs` and `batch` are tables, one row a fact about AWS, each with its source (`c.1` and `c.2` are the
//! tables of the AWS facts this project rests on, "model" is the text of AWS's own service model). A default is left out only
//! where AWS documents it (the one exception says so), so that a real change is not taken for none.
//!
//! A normal form is for comparing. It is not what is sent to AWS.

mod batch;
mod diff;
mod ecs;
#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::{Map, Value};

pub use diff::{Change, FieldChange, HIDDEN, changes, hides, veiled};

/// The version of the rules. It goes into the content-hash tag; raise it with every change that alters a normal form.
pub const VERSION: u32 = 2;

/// Which of AWS's two kinds of definition a JSON object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DefinitionKind {
    /// An ECS task definition: the input of RegisterTaskDefinition, or the `taskDefinition` of DescribeTaskDefinition.
    TaskDefinition,
    /// A Batch job definition: the input of RegisterJobDefinition, or one of the `jobDefinitions` of DescribeJobDefinitions.
    JobDefinition,
}

/// The normal form of a definition, whether it is about to be sent to AWS or was returned by it.
///
/// Two definitions with equal normal forms are the same to AWS. Serialised, equal normal forms are equal bytes. Tags are left
/// out: they can change without a new revision, so they are compared on their own.
pub fn normalise(kind: DefinitionKind, definition: &Value) -> Value {
    normal_form(definition, rules(kind))
}

/// Whether this field of a definition is one that only AWS's answers have.
pub fn described_only(kind: DefinitionKind, field: &str) -> bool {
    // Tags have a row as well, for they are compared on their own; but they are the user's.
    field != "tags"
        && rules(kind).any(|(under, rule)| under.is_empty() && rule.field == field && matches!(rule.action, Action::Drop))
}

/// `"1024"` or `"1 vCPU"` as CPU units; nothing if it is neither.
pub fn cpu_number(spelling: &str) -> Option<u64> {
    cpu_units(spelling).as_deref().unwrap_or(spelling).parse().ok()
}

/// `"1024"` or `"1 GB"` as MiB; nothing if it is neither.
pub fn memory_number(spelling: &str) -> Option<u64> {
    mebibytes(spelling).as_deref().unwrap_or(spelling).parse().ok()
}

/// Some rules, and the places under which each of them holds.
struct Group {
    /// Selectors of objects, such as `nodeProperties.nodeRangeProperties[].container`; the empty one is the definition itself.
    under: &'static [&'static str],
    rules: &'static [Rule],
}

/// One row of a table: what AWS does to a field, and so what the normal form does with it.
struct Rule {
    /// A selector below the group's, such as `portMappings[].protocol`: `[]` means every item of a list.
    field: &'static str,
    action: Action,
    when: When,
}

/// What becomes of a field.
enum Action {
    /// It is the server's own, or compared elsewhere: leave it out.
    Drop,
    /// AWS fills in this value: leave it out where it says just that.
    Default(Preset),
    /// AWS fills in the value of this sibling: leave it out where it says the same.
    DefaultFrom(&'static str),
    /// AWS may return the list in another order: sort it by this field of its items.
    SortBy(&'static str),
    /// The list is a set of scalars: sort it and drop repetitions.
    SortSet,
    /// AWS drops the items in which this field is empty or absent.
    DropWithout(&'static str),
    /// AWS knows several spellings of one value: use the canonical one, if the text is such a value.
    Rewrite(fn(&str) -> Option<String>),
}

/// A default value.
enum Preset {
    Bool(bool),
    Int(i64),
    Text(&'static str),
    /// A list of just this text.
    Only(&'static str),
}

/// For which definitions a rule holds.
enum When {
    Always,
    /// Those whose network mode is one of these; none means `bridge`.
    NetworkMode(&'static [&'static str]),
    /// Those that do not ask for Fargate.
    NotFargate,
}

const fn rule(field: &'static str, action: Action) -> Rule {
    Rule { field, action, when: When::Always }
}

const fn rule_when(when: When, field: &'static str, action: Action) -> Rule {
    Rule { field, action, when }
}

/// Every rule of a kind, with each selector that it holds under.
fn rules(kind: DefinitionKind) -> impl Iterator<Item = (&'static str, &'static Rule)> {
    let table = match kind {
        DefinitionKind::TaskDefinition => ecs::TABLE,
        DefinitionKind::JobDefinition => batch::TABLE,
    };
    table.iter().flat_map(|group| group.under.iter().flat_map(|under| group.rules.iter().map(|rule| (*under, rule))))
}

/// The selector of a rule from the definition down, in segments.
fn segments<'a>(under: &'a str, rule: &'a Rule) -> Vec<&'a str> {
    under.split('.').chain(rule.field.split('.')).filter(|segment| !segment.is_empty()).collect()
}

fn normal_form<'a>(definition: &Value, rules: impl Iterator<Item = (&'a str, &'a Rule)>) -> Value {
    let mut root = definition.clone();
    root.sort_all_objects();
    prune(&mut root);
    for (under, rule) in rules {
        if rule.when.holds_for(&root) {
            each(&mut root, under, rule.field, &|object, field| rule.action.apply(object, field));
        }
    }
    if prune(&mut root) { root } else { Value::Object(Map::new()) }
}

/// Takes out everything null or empty, and keeps the order of the rest. Whether that leaves anything.
fn prune(value: &mut Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => {
            items.retain_mut(prune);
            !items.is_empty()
        }
        Value::Object(fields) => {
            fields.retain(|_, value| prune(value));
            !fields.is_empty()
        }
        _ => true,
    }
}

/// Calls `act` with every object that the selector `field` leads to from each place `under`, and the name of the field that it
/// ends in.
fn each(value: &mut Value, under: &str, field: &str, act: &dyn Fn(&mut Map<String, Value>, &str)) {
    let Some(object) = value.as_object_mut() else { return };
    let path = if under.is_empty() { field } else { under };
    let (head, rest) = path.split_once('.').unwrap_or((path, ""));
    let (under, field) = match (under.is_empty(), rest.is_empty()) {
        (true, true) => return act(object, head),
        (true, false) => ("", rest),
        (false, _) => (rest, field),
    };
    match head.strip_suffix("[]") {
        None => object.get_mut(head).into_iter().for_each(|value| each(value, under, field, act)),
        Some(list) => {
            let items = object.get_mut(list).and_then(Value::as_array_mut);
            items.into_iter().flatten().for_each(|item| each(item, under, field, act));
        }
    }
}

impl Action {
    fn apply(&self, object: &mut Map<String, Value>, field: &str) {
        let Some(value) = object.get(field) else { return };
        let superfluous = match self {
            Action::Drop => true,
            Action::Default(default) => default.is(value),
            Action::DefaultFrom(sibling) => object.get(*sibling) == Some(value),
            _ => false,
        };
        if superfluous {
            object.shift_remove(field); // `remove` would change the order of the others
        } else if let Some(value) = object.get_mut(field) {
            self.rewrite(value);
        }
    }

    fn rewrite(&self, value: &mut Value) {
        match (self, value) {
            // Stable: items that share a name keep their order, since which of them wins depends on it.
            (Action::SortBy(field), Value::Array(items)) => items.sort_by(|a, b| text(a, field).cmp(text(b, field))),
            (Action::SortSet, Value::Array(items)) => {
                items.sort_by_cached_key(Value::to_string);
                items.dedup();
            }
            (Action::DropWithout(field), Value::Array(items)) => items.retain(|item| !text(item, field).is_empty()),
            (Action::Rewrite(canonical), Value::String(spelling)) => {
                if let Some(canonical) = canonical(spelling) {
                    *spelling = canonical;
                }
            }
            _ => {}
        }
    }
}

impl Preset {
    fn is(&self, value: &Value) -> bool {
        match self {
            Preset::Bool(default) => value.as_bool() == Some(*default),
            Preset::Int(default) => value.as_i64() == Some(*default),
            Preset::Text(default) => value.as_str() == Some(default),
            Preset::Only(default) => value.as_array().is_some_and(|items| matches!(&items[..], [item] if item == default)),
        }
    }
}

impl When {
    fn holds_for(&self, root: &Value) -> bool {
        match self {
            When::Always => true,
            When::NetworkMode(modes) => modes.contains(&root.get("networkMode").and_then(Value::as_str).unwrap_or("bridge")),
            When::NotFargate => {
                let asked = root.get("requiresCompatibilities").and_then(Value::as_array);
                !asked.into_iter().flatten().any(|compatibility| compatibility == "FARGATE")
            }
        }
    }
}

/// The text of an item's field; empty if it has none.
fn text<'a>(item: &'a Value, field: &str) -> &'a str {
    item.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// `"1 vCPU"`, `".5 vcpu"` → CPU units.
fn cpu_units(spelling: &str) -> Option<String> {
    times_1024(spelling, "vcpu")
}

/// `"1 GB"`, `"0.5GB"` → MiB.
fn mebibytes(spelling: &str) -> Option<String> {
    times_1024(spelling, "gb")
}

fn times_1024(spelling: &str, unit: &str) -> Option<String> {
    let lower = spelling.to_ascii_lowercase();
    let number = decimal(lower.strip_suffix(unit)?.trim())?;
    // A multiplication by a power of two is exact.
    let product = number.parse::<f64>().ok()? * 1024.0;
    (product.fract() == 0.0 && product < 1e12).then(|| format!("{product:.0}"))
}

/// `"1.0"`, `"01"` → `"1"`; `".250"` → `"0.25"`.
fn decimal(spelling: &str) -> Option<String> {
    let (whole, fraction) = spelling.split_once('.').unwrap_or((spelling, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    Some(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

/// `":3"` → `"0:3"`.
fn from_node_zero(range: &str) -> Option<String> {
    range.starts_with(':').then(|| format!("0{range}"))
}

fn lower_case(spelling: &str) -> Option<String> {
    Some(spelling.to_ascii_lowercase())
}
