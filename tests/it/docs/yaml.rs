//! Examples in YAML: objects are taken by the real API server, fields of parts of objects are known, values are taken by the chart, and
//! what pipelines call takes what it is given.

use super::markdown::Block;
use super::shell::{Known, commands, mistake, template};
use super::{assert_none, page, pages};
use crate::schema::{apply, client};
use crate::tidy::typed;
use kube::Client;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the API server serves without anybody's CRDs, and with ours.
fn is_served(object: &Value) -> bool {
    let group = object["apiVersion"].as_str().unwrap_or_default();
    ["v1", "apps/v1", "batch/v1", "wharfinger.dev/v1alpha1"].contains(&group) || group.contains(".k8s.io/")
}

const CLUSTER_SCOPED: [&str; 5] = ["AccountBinding", "ClusterRole", "ClusterRoleBinding", "Namespace", "PullNetwork"];

/// What is wrong with a document; none of what it could be is another mistake.
async fn mistakes(block: &Block, document: &Value, client: &Client, known: &Known) -> Vec<String> {
    let first = block.text.lines().next().unwrap_or_default();
    match document {
        object if object["apiVersion"].is_string() && object["kind"].is_string() => {
            if !is_served(object) {
                return vec![];
            }
            let mut object = object.clone();
            let typed = typed(&object).err();
            if !CLUSTER_SCOPED.contains(&object["kind"].as_str().unwrap()) {
                object["metadata"]["namespace"] = "default".into(); // that of the example need not exist
            }
            typed.into_iter().chain(apply(client, &object, true).await.err()).collect()
        }
        values if first.starts_with("# values") => {
            // Another test may be at it at the same time.
            static NEXT: AtomicUsize = AtomicUsize::new(0);
            let name = format!("values-{}-{}.yaml", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            std::fs::write(&path, values.to_string()).unwrap(); // JSON is YAML
            let told = template(&["--values", path.to_str().unwrap()]);
            std::fs::remove_file(path).unwrap();
            told.into_iter().collect()
        }
        part if part.get("spec").is_some() => unknown_fields(part),
        pipeline if first.starts_with("# .") => strings(pipeline)
            .iter()
            .flat_map(|script| match commands(script) {
                Ok(commands) => commands.iter().filter_map(|words| mistake(words, known)).collect(),
                Err(_) => vec![], // not every text is a script
            })
            .collect(),
        _ => vec![
            "nothing says what this is: give it apiVersion and kind, or a first line `# values.yaml` or `# .gitlab-ci.yml`"
                .to_owned(),
        ],
    }
}

/// Fields of a part of an object that its kind does not have; of any of ours, if it says none.
fn unknown_fields(part: &Value) -> Vec<String> {
    let kind = part["kind"].as_str();
    let crds = wharfinger::api::definitions();
    let of_kind = crds.iter().filter(|crd| kind.is_none_or(|kind| kind == crd.spec.names.kind));
    let each = of_kind.map(|crd| {
        let schema = json!(crd.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema);
        let mut unknown = vec![];
        collect_unknown(&schema["properties"]["spec"], &part["spec"], "spec", &mut unknown);
        unknown
    });
    // The kind that is meant is the one that knows most of it.
    let deepest = |unknown: &[String]| unknown.iter().map(|told| told.matches('.').count()).max();
    each.min_by_key(|unknown| (unknown.len(), Reverse(deepest(unknown))))
        .unwrap_or_else(|| vec![format!("{kind:?} is no kind of ours")])
}

fn collect_unknown(schema: &Value, value: &Value, path: &str, unknown: &mut Vec<String>) {
    let Some(properties) = schema["properties"].as_object() else {
        let items = value.as_array().into_iter().flatten();
        return items.for_each(|item| collect_unknown(&schema["items"], item, &format!("{path}[]"), unknown));
    };
    for (name, value) in value.as_object().into_iter().flatten() {
        match properties.get(name) {
            Some(schema) => collect_unknown(schema, value, &format!("{path}.{name}"), unknown),
            None => unknown.push(format!("{path}.{name}: there is no such field")),
        }
    }
}

/// All texts within a value.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => vec![],
    }
}

async fn check(block: &Block, client: &Client, known: &Known) -> Vec<String> {
    let documents: Vec<Value> = match serde_saphyr::from_multiple(&block.text) {
        Ok(documents) => documents,
        Err(error) => return vec![format!("no YAML: {error}")],
    };
    let mut found = vec![];
    for document in documents.iter().filter(|document| !document.is_null()) {
        found.extend(mistakes(block, document, client, known).await);
    }
    found
}

#[tokio::test]
async fn every_example_is_taken() {
    let (client, known, mut count, mut found) = (client().await, Known::ask(), 0, vec![]);
    for page in pages() {
        for block in page.blocks.iter().filter(|block| block.language == "yaml") {
            let told = check(block, &client, &known).await;
            found.extend(told.iter().map(|told| format!("{}:{}: {told}", page.path, block.line)));
            count += 1;
        }
        for block in page.blocks.iter().filter(|block| block.language == "json") {
            let error = serde_json::from_str::<Value>(&block.text).err();
            found.extend(error.map(|error| format!("{}:{}: no JSON: {error}", page.path, block.line)));
        }
    }
    assert!(count > 10, "{count} blocks");
    assert_none(&found);
}

#[tokio::test]
async fn an_example_that_is_not_taken_is_found() {
    let workload =
        "apiVersion: wharfinger.dev/v1alpha1\nkind: PrivateImageWorkload\nmetadata: {name: a, namespace: payments}\nspec:";
    let good = "{image: registry.example.com/a:1, ecs: {memory: '512', containerDefinitions: [{name: a}]}}";
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a, namespace: b}";
    let rows = [
        (format!("{workload} {good}"), None),
        (format!("{role}\nrules: []"), None),
        ("spec: {limits: {registries: [a]}}".to_owned(), None),
        ("# values.yaml\nreplicas: 2".to_owned(), None),
        ("# .gitlab-ci.yml\nplan: {script: [code=0; wharfinger plan -f a || code=$?]}".to_owned(), None),
        ("apiVersion: example.com/v1\nkind: Other".to_owned(), None),
        (format!("{workload} {}", good.replace("memory", "memoryy")), Some("memoryy")),
        (format!("{workload} {{}}"), Some("exactly one of `ecs` and `batch`")),
        (format!("{role}\nrule: []"), Some("rule")),
        ("spec: {limits: {registrys: [a]}}".to_owned(), Some("spec.limits.registrys")),
        ("kind: AccountBinding\nspec: {image: a}".to_owned(), Some("spec.image")),
        ("# values.yaml\nreplica: 2".to_owned(), Some("replica")),
        ("# .gitlab-ci.yml\nplan: {script: [wharfinger plan --fil a]}".to_owned(), Some("--fil")),
        ("a: 1".to_owned(), Some("nothing says what this is")),
        ("a: [".to_owned(), Some("no YAML")),
    ];
    let (client, known) = (client().await, Known::ask());
    for (text, expected) in rows {
        let page = page(&("x.md".to_owned(), format!("```yaml\n{text}\n```\n")));
        let found = check(&page.blocks[0], &client, &known).await;
        assert_eq!(found.is_empty(), expected.is_none(), "{text}: {found:?}");
        assert!(found.concat().contains(expected.unwrap_or_default()), "{text}: {found:?}");
    }
}
