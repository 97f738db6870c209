//! What is rendered: golden files, the schemas of several versions of Kubernetes, and what must be the same in two places.

use super::{CHART, HELMS, matrix, objects, of_kind, rendered, root, template};
use crate::kept::must_be;
use crate::tools::{run, tool};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The oldest that the chart admits, and the newest that has schemas.
const VERSIONS: [&str; 4] = ["1.31.0", "1.33.0", "1.34.0", "1.37.0"];

#[test]
fn lint_finds_nothing() {
    for helm in HELMS {
        let out = run(helm, &["lint", "--strict", CHART]);
        assert!(out.contains("0 chart(s) failed") && !out.contains("[WARNING]"), "{helm}: {out}");
        for (name, values) in matrix() {
            let (code, out, errors) = tool(helm, &["lint", "--strict", CHART, "--values", &values]);
            assert_eq!(code, 0, "{helm}: {name}: {out}{errors}");
        }
    }
}

/// The rendered text without the CRDs, which have a test of their own.
fn without_crds(text: &str) -> String {
    let parts = text.split("\n---\n").filter(|part| !part.contains("\nkind: CustomResourceDefinition\n"));
    parts.collect::<Vec<_>>().join("\n---\n") + "\n"
}

#[test]
fn each_set_of_values_has_its_golden_output() {
    for (name, values) in matrix() {
        let [text, other] = HELMS.map(|helm| without_crds(&rendered(helm, &values)));
        assert_eq!(objects(&text), objects(&other), "{name}: both Helms render the same");
        let path = root().join(format!("tests/it/chart/{name}.golden"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let wanted = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, wanted, "{name}: if the change is meant: UPDATE_GOLDEN=1 cargo test --test it chart::render");
    }
}

/// The schemas of one version for these objects, laid out as kubeconform finds them. Kubernetes' own name each other by an address
/// of the API server.
fn schemas(version: &str, objects: &[Value], folder: &Path) {
    let python = std::env::var("WHARFINGER_SCHEMAS_PYTHON").expect("the real parts: run `make test`");
    let site = "import kubernetes_validate, os; print(os.path.dirname(kubernetes_validate.__file__))";
    let source = format!("kubernetes-json-schema/v{version}-local-strict");
    let source = PathBuf::from(run(&python, &["-c", site]).trim()).join(source);
    let folder = folder.join(format!("v{version}-standalone-strict"));
    std::fs::create_dir_all(&folder).unwrap();
    let name = |object: &Value| {
        let (group, version) =
            object["apiVersion"].as_str().unwrap().rsplit_once('/').unwrap_or(("", object["apiVersion"].as_str().unwrap()));
        let parts = [object["kind"].as_str().unwrap(), group.split('.').next().unwrap(), version];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-").to_lowercase() + ".json"
    };
    let names: BTreeSet<String> = objects.iter().map(name).chain(["_definitions.json".to_owned()]).collect();
    for name in names {
        let text = std::fs::read_to_string(source.join(&name)).unwrap_or_else(|error| panic!("{version}: {name}: {error}"));
        let mut schema: Value = serde_json::from_str(&text).unwrap();
        schema.as_object_mut().unwrap().remove("$id");
        std::fs::write(folder.join(&name), schema.to_string().replace("/api/_definitions.json", "_definitions.json")).unwrap();
    }
}

/// Kubernetes publishes no strict schema of these kinds.
const WITHOUT: [&str; 4] = ["CustomResourceDefinition", "ServiceMonitor", "PodMonitor", "PrometheusRule"];

#[test]
fn what_is_rendered_is_valid_in_several_versions_of_kubernetes() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kubeconform-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut texts: Vec<(String, String)> =
        matrix().iter().map(|(name, values)| (name.clone(), rendered("helm", values))).collect();
    let all: Vec<Value> = texts.iter().flat_map(|(_, text)| objects(text)).collect();
    let all: Vec<Value> = all.into_iter().filter(|object| !WITHOUT.contains(&object["kind"].as_str().unwrap())).collect();
    texts.push(("wrong".into(), texts[0].1.replace("  replicas: ", "  replicaz: ")));
    for (name, text) in &texts {
        std::fs::write(folder.join(name).with_extension("yaml"), text).unwrap();
    }
    let paths: Vec<String> = texts.iter().map(|(name, _)| format!("{}/{name}.yaml", folder.display())).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let [right @ .., wrong] = paths.as_slice() else { panic!("no values") };
    for version in VERSIONS {
        schemas(version, &all, &folder);
        let (location, skip) = (folder.to_str().unwrap(), WITHOUT.join(","));
        let arguments = ["-strict", "-summary", "-kubernetes-version", version, "-schema-location", location, "-skip", &skip];
        let (code, out, errors) = tool("kubeconform", &[&arguments, right].concat());
        assert_eq!(code, 0, "{version}: {out}{errors}");
        let count = format!("in {} files - Valid: {}, Invalid: 0, Errors: 0", right.len(), all.len());
        assert!(out.contains(&count), "{version}: no {count}: {out}");
        let (code, out, _) = tool("kubeconform", &[&arguments[..], &[wrong]].concat());
        assert!(code != 0 && out.contains("replicaz"), "{version}: a wrong field is not seen: {out}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_crds_are_those_of_the_repository() {
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names("crds"), names("charts/wharfinger/files/crds"), "make crds");
    for name in names("crds") {
        let [ours, copy] = ["crds", "charts/wharfinger/files/crds"]
            .map(|folder| std::fs::read_to_string(root().join(folder).join(&name)).unwrap());
        assert!(ours == copy, "{name}: make crds");
        assert!(ours.len() < 200 * 1024, "{name} is too large for kubectl's annotation and Helm's release");
    }
    let wanted: Vec<Value> = names("crds")
        .iter()
        .flat_map(|name| objects(&std::fs::read_to_string(root().join("crds").join(name)).unwrap()))
        .collect();
    for (name, values) in matrix() {
        let all = objects(&rendered("helm", &values));
        let mut found: Vec<Value> = of_kind(&all, "CustomResourceDefinition").into_iter().cloned().collect();
        if found.is_empty() {
            assert!(std::fs::read_to_string(&values).unwrap().contains("crds: {enabled: false}"), "{name}");
            continue;
        }
        let keep = found[0]["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep";
        assert_eq!(keep, name != "pod-monitor", "{name}");
        for crd in &mut found {
            let metadata = crd["metadata"].as_object_mut().unwrap();
            assert_eq!(metadata.remove("labels").unwrap()["app.kubernetes.io/managed-by"], "Helm");
            let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else { continue };
            annotations.retain(|key, _| key.starts_with("wharfinger.dev/"));
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
        assert_eq!(found, wanted, "{name}: nothing but labels and annotations is added");
    }
}

#[test]
fn an_older_kubernetes_is_refused() {
    let (code, _, errors) = template("helm", &["--kube-version", "1.30.4"]);
    assert!(code != 0 && errors.contains(">=1.31.0-0"), "{errors}");
    for version in ["1.31.9-eks-1234567", "1.34.4", "1.37.0"] {
        assert_eq!(template("helm", &["--kube-version", version]).0, 0, "{version}");
    }
}

/// Names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| word.starts_with("wharfinger_"));
    words.map(|word| word.trim_end_matches("_bucket").to_owned()).collect()
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_there_are() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let rows = read("docs/metrics.md");
    let known: BTreeSet<String> =
        rows.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(name, _)| name.to_owned()).collect();
    for file in ["files/alerts.yaml", "files/dashboard.json"] {
        let asked = metrics(&read(&format!("{CHART}/{file}")));
        assert!(asked.len() > 3, "{file}: {asked:?}");
        let unknown: Vec<&String> = asked.difference(&known).collect();
        assert!(unknown.is_empty(), "{file}: docs/metrics.md has no row for {unknown:?}");
    }
    let dashboard: Value = serde_json::from_str(&read(&format!("{CHART}/files/dashboard.json"))).unwrap();
    let shown = metrics(&dashboard.to_string());
    assert_eq!(known.difference(&shown).collect::<Vec<_>>(), [] as [&String; 0], "the dashboard leaves these out");
}

#[test]
fn every_value_has_its_comment_its_schema_and_its_row_in_the_docs() {
    let text = std::fs::read_to_string(root().join(CHART).join("values.yaml")).unwrap();
    let rows = super::refusals::values(&text);
    assert!(rows.len() > 60, "{}", rows.len());
    let table: String = rows.iter().map(|(key, default, comment)| format!("| `{key}` | `{default}` | {comment} |\n")).collect();
    let page = root().join("docs/install.md");
    let docs = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = docs.split_once("| value | default | meaning |\n|---|---|---|\n").expect("the table of values");
    let after = rest.find("\n\n").map(|at| &rest[at + 1..]).unwrap_or_default();
    let wanted = format!("{before}| value | default | meaning |\n|---|---|---|\n{table}{after}");
    must_be(&page, &wanted, "UPDATE_GOLDEN=1 cargo test --test it chart::render");
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(root().join(CHART).join("values.schema.json")).unwrap()).unwrap();
    for (key, ..) in rows {
        let at = key.split('.').fold(&schema, |at, part| &at["properties"][part]);
        assert!(at.is_object(), "values.schema.json does not know {key}");
    }
}
