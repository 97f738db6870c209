//! Names and values that AWS's model lists. The lists are told, not closed, for AWS adds to them; but a value that looks like a
//! known one is probably meant to be that one. A field that is a known one in other letters is refused: it is no new field of AWS,
//! and nothing here would look at it, so it must not depend on AWS whether it counts.

use crate::api::{batch_fields, ecs_fields};
use crate::nearest::nearest;
use crate::problem::Problem;
use crate::resource::normalise::DefinitionKind;
use serde_json::Value;

/// AWS: Batch API, `EvaluateOnExit.action`: "The values aren't case sensitive".
const IN_ANY_CASE: &str = "].action";

/// Warnings for values that are near to a known one; problems for fields that are known ones in other letters.
pub(super) fn check(kind: DefinitionKind, root: &str, document: &Value, problems: &mut Vec<Problem>) -> Vec<String> {
    let schema = match kind {
        DefinitionKind::TaskDefinition => ecs_fields(),
        DefinitionKind::JobDefinition => batch_fields(),
    };
    let mut warnings = vec![];
    walk(schema, document, root, problems, &mut warnings);
    warnings
}

fn walk(schema: &Value, value: &Value, field: &str, problems: &mut Vec<Problem>, warnings: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let at = format!("{field}.{name}");
                problems.extend(respelt(&schema["properties"], name, &at));
                walk(&schema["properties"][name.as_str()], value, &at, problems, warnings);
            }
        }
        Value::Array(list) => {
            let items = list.iter().enumerate();
            items.for_each(|(index, item)| walk(&schema["items"], item, &format!("{field}[{index}]"), problems, warnings));
        }
        Value::String(text) => {
            let told = schema["description"].as_str().and_then(|told| told.strip_prefix("One of: ")).unwrap_or_default();
            let known: Vec<&str> = told.trim_end_matches('.').split(", ").filter(|known| !known.is_empty()).collect();
            let same = |known: &str| field.ends_with(IN_ANY_CASE) && known.eq_ignore_ascii_case(text);
            if let Some(meant) = looks_like(text, &known).filter(|meant| !same(meant)) {
                warnings
                    .push(format!("{field}: {text:?} is not among the values of AWS's model, and {meant} is: is that meant?"));
            }
        }
        _ => {}
    }
}

/// A field that AWS's model has in other letters.
fn respelt(known: &Value, name: &str, at: &str) -> Option<Problem> {
    let known = known.as_object().filter(|known| !known.contains_key(name))?;
    let meant = known.keys().find(|known| known.eq_ignore_ascii_case(name))?;
    Some(Problem::spec(at, "", format!("AWS spells this field {meant}"), "write it so"))
}

/// The known value that this one looks like. One that differs in digits only is taken for a newer version.
fn looks_like<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    let undigited = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let others: Vec<&str> =
        known.iter().copied().filter(|it| it.eq_ignore_ascii_case(text) || undigited(text) != undigited(it)).collect();
    if known.contains(&text) { None } else { nearest(text, &others) }
}
