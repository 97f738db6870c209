//! The reference of each kind, from its CRD: a table for each object in it. Objects that are alike have one table.

use super::generated::{cell, table};
use super::markdown::anchor;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const SELECTOR: &str =
    "[label selector](https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors)";

/// Fields that have a page of their own: AWS's operations, whose fields they hold. The path, the page, where AWS tells of it.
const OPERATIONS: [(&str, &str, &str); 2] = [
    (
        "spec.ecs",
        "RegisterTaskDefinition",
        "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html",
    ),
    (
        "spec.batch",
        "RegisterJobDefinition",
        "https://docs.aws.amazon.com/batch/latest/APIReference/API_RegisterJobDefinition.html",
    ),
];

/// Name and text of each page.
pub(super) fn pages() -> Vec<(String, String)> {
    let crds = wharfinger::api::crds().unwrap();
    crds.iter().flat_map(|(_, text)| of_kind(&serde_saphyr::from_str(text).unwrap())).collect()
}

fn of_kind(crd: &Value) -> Vec<(String, String)> {
    let (names, version) = (&crd["spec"]["names"], &crd["spec"]["versions"][0]);
    let schema = &version["schema"]["openAPIV3Schema"];
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let (kind, singular) = (word(&names["kind"]), word(&names["singular"]));
    let mut text = format!(
        "# {kind}: every field\n\n{}\n\n`apiVersion: {}/{}`, `kind: {kind}`, {}, short name `{}`. Fields without a default are optional unless it says \
         *required*. [How it is used](../{}.md).\n",
        word(&schema["description"]),
        word(&crd["spec"]["group"]),
        word(&version["name"]),
        if crd["spec"]["scope"] == "Cluster" { "cluster-scoped" } else { "namespaced" },
        word(&names["shortNames"][0]),
        guide(&kind),
    );
    text.push_str(&rules(&[(String::new(), schema)], "Rules of the whole object"));
    let mut pages = vec![];
    for part in ["spec", "status"] {
        text.push_str(&Reference::of(part, &schema["properties"][part]).text());
    }
    pages.push((format!("{singular}.md"), text));
    for (path, operation, address) in OPERATIONS {
        let Some(schema) = schema.pointer(&format!("/properties/{}", path.replace('.', "/properties/"))) else { continue };
        let text = format!(
            "# {path}: the fields of {operation}\n\n{} What each field means, AWS says in [{operation}]({address}). Of bounds, those that AWS states are \
             here; the API server checks them.\n{}",
            word(&schema["description"]).replace('\n', " "),
            Reference::of(path, schema).text(),
        );
        pages.push((page_of(path), text));
    }
    pages
}

/// The page that says how a kind is used.
fn guide(kind: &str) -> &'static str {
    match kind {
        "PrivateImageWorkload" => "workload",
        "RegistryCredential" => "registry-credential",
        "AccountBinding" => "account-binding",
        "PullNetwork" => "pull-network",
        other => panic!("docs/ has no page that says how {other} is used: write one"),
    }
}

/// Whether AWS's operation has a page for what is there.
fn has_page(path: &str) -> bool {
    OPERATIONS.iter().any(|(operation, ..)| *operation == path)
}

fn page_of(path: &str) -> String {
    format!("{}.md", path.replace('.', "-"))
}

/// The objects of a schema, in the order in which a reader meets them.
struct Reference<'a> {
    /// Path and schema of each that has a table.
    objects: Vec<(String, &'a Value)>,
    /// The path of the table that an object has, by what it says.
    tables: BTreeMap<String, String>,
}

impl<'a> Reference<'a> {
    fn of(path: &str, schema: &'a Value) -> Self {
        let mut found = Self { objects: vec![], tables: BTreeMap::new() };
        // Breadth first: what is near the top is read first.
        let mut next = std::collections::VecDeque::from([(path.to_owned(), schema)]);
        while let Some((path, schema)) = next.pop_front() {
            if is_selector(schema) || found.tables.contains_key(&schema.to_string()) {
                continue;
            }
            found.tables.insert(schema.to_string(), path.clone());
            let fields = properties(schema).map(|(name, schema)| innermost(format!("{path}.{name}"), schema));
            next.extend(fields.filter(|(path, schema)| has_table(schema) && !has_page(path)));
            found.objects.push((path, schema));
        }
        found
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (path, schema) in &self.objects {
            let rows: Vec<[String; 5]> = properties(schema).map(|(name, field)| self.row(path, schema, name, field)).collect();
            text.push_str(&format!("\n## `{path}`\n\n{}", table(["field", "type", "default", "rule", "meaning"], &rows)));
            let fields =
                properties(schema).filter(|(_, field)| !has_table(field)).map(|(name, field)| (format!("`{name}`"), field));
            let own: Vec<(String, &Value)> = std::iter::once((String::new(), *schema)).chain(fields).collect();
            text.push_str(&rules(&own, "Rules"));
        }
        text
    }

    fn row(&self, path: &str, parent: &Value, name: &str, field: &Value) -> [String; 5] {
        let required = parent["required"].as_array().into_iter().flatten().any(|field| field == name);
        let default = match (&field["default"], required) {
            (Value::Null, true) => "*required*".to_owned(),
            // Those of its fields are told with them.
            (Value::Null | Value::Object(_), _) => String::new(),
            (Value::String(text), _) if !text.is_empty() => format!("`{text}`"),
            (value, _) => format!("`{value}`"),
        };
        let (path, inner) = innermost(format!("{path}.{name}"), field);
        let mut bounds = bounds(field);
        if !std::ptr::eq(inner, field) {
            bounds.extend(bounds_of_items(inner));
        }
        let meaning = cell(field["description"].as_str().unwrap_or_default());
        [format!("`{name}`"), self.kind(&path, inner, field), default, cell(&bounds.join("; ")), meaning]
    }

    fn kind(&self, path: &str, inner: &Value, field: &Value) -> String {
        let one = match self.tables.get(&inner.to_string()) {
            _ if is_selector(inner) => SELECTOR.to_owned(),
            Some(table) => format!("[object](#{})", anchor(table)),
            None if has_page(path) => format!("[object]({})", page_of(path)),
            None => match (inner["type"].as_str(), &inner["additionalProperties"]["type"]) {
                (Some("object"), Value::String(value)) => format!("map of {value}s"),
                (Some(word), _) => word.to_owned(),
                (None, _) => "any".to_owned(),
            },
        };
        if std::ptr::eq(inner, field) { one } else { format!("list of {one}") }
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    schema["properties"].as_object().unwrap_or(&NONE).iter().map(|(name, schema)| (name.as_str(), schema))
}

/// What a list is of, or the thing itself.
fn innermost(path: String, schema: &Value) -> (String, &Value) {
    match schema.get("items") {
        Some(items) => innermost(format!("{path}[]"), items),
        None => (path, schema),
    }
}

/// Whether it has a table, which tells its rules.
fn has_table(schema: &Value) -> bool {
    properties(schema).next().is_some()
}

fn is_selector(schema: &Value) -> bool {
    properties(schema).map(|(name, _)| name).eq(["matchExpressions", "matchLabels"])
}

/// What a value must be, besides its type.
fn bounds(schema: &Value) -> Vec<String> {
    let number = |key: &str| schema[key].as_f64().map(|number| number.to_string());
    let range = |least: &str, most: &str, what: &str| match (number(least), number(most)) {
        (Some(least), Some(most)) if least == most => Some(format!("{least}{what}")),
        (Some(least), Some(most)) => Some(format!("{least} to {most}{what}")),
        (Some(least), None) => Some(format!("at least {least}{what}")),
        (None, Some(most)) => Some(format!("at most {most}{what}")),
        (None, None) => None,
    };
    let values = schema["enum"].as_array();
    let values = values.map(|values| {
        format!(
            "one of {}",
            values.iter().map(|value| format!("`{}`", value.as_str().unwrap_or_default())).collect::<Vec<_>>().join(", ")
        )
    });
    let pattern = schema["pattern"].as_str().map(|pattern| format!("`{pattern}`"));
    let ranges =
        [range("minItems", "maxItems", " of them"), range("minLength", "maxLength", " long"), range("minimum", "maximum", "")];
    [values].into_iter().chain(ranges).chain([pattern]).flatten().collect()
}

/// The same of what a list holds; what has a table says it there.
fn bounds_of_items(schema: &Value) -> Option<String> {
    let bounds = if has_table(schema) { vec![] } else { bounds(schema) };
    (!bounds.is_empty()).then(|| format!("each {}", bounds.join(", ")))
}

/// The CEL rules of things, each with its name, as a list.
fn rules(of: &[(String, &Value)], title: &str) -> String {
    let mut lines = vec![];
    for (name, schema) in of {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let name = if name.is_empty() { String::new() } else { format!("{name}: ") };
            let told = rule["message"]
                .as_str()
                .map(str::to_owned)
                .unwrap_or_else(|| format!("`{}`", rule["messageExpression"].as_str().unwrap()));
            let expression = rule["rule"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
            lines.push(format!("- {name}{told}<br>`{expression}`\n"));
        }
    }
    if lines.is_empty() { String::new() } else { format!("\n{title}:\n\n{}", lines.concat()) }
}
