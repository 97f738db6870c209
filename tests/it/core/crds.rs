//! The files under `crds/` are what the types say now, small enough for every client, and every field says what it is. What the
//! API server makes of them is asked in `schema`.

use serde_json::Value;
use std::path::PathBuf;

fn crds() -> Vec<(String, String)> {
    let generated = wharfinger::api::crds().unwrap();
    assert_eq!(generated.len(), 4, "one file a kind");
    generated
}

#[test]
fn the_files_are_what_the_types_say() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("crds");
    let mut names: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let mut expected: Vec<String> = crds().into_iter().map(|(name, _)| name).collect();
    expected.sort();
    assert_eq!(names, expected, "crds/ holds a file for each kind and nothing else");
    for (name, text) in crds() {
        let found = std::fs::read_to_string(folder.join(&name)).unwrap();
        assert!(found == text, "crds/{name} is not what src/api says: run `make crds`");
        assert!(text.starts_with("# Generated from src/api by `make crds`."), "{name}");
    }
}

/// Client-side apply keeps the object as JSON in an annotation: all annotations together have 256 KiB.
#[test]
fn they_are_small() {
    for (name, text) in crds() {
        let json = serde_saphyr::from_str::<Value>(&text).unwrap().to_string();
        assert!(json.len() < 100 * 1024, "{name} has {} bytes as JSON", json.len());
    }
}

#[test]
fn every_field_says_what_it_is() {
    for (name, text) in crds() {
        let crd: Value = serde_saphyr::from_str(&text).unwrap();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let mut silent = vec![];
        collect_silent(schema, "", &mut silent);
        assert!(silent.is_empty(), "{name}: these fields have no description: {silent:?}");
    }
}

/// Fields without a description. Those of AWS have none, to keep the CRD small: AWS documents them.
fn collect_silent(schema: &Value, path: &str, silent: &mut Vec<String>) {
    if path == ".spec.ecs" || path == ".spec.batch" || path.ends_with(".namespaceSelector") {
        return;
    }
    if !path.is_empty() && !path.ends_with("[]") && schema.get("description").is_none() {
        silent.push(path.to_owned());
    }
    for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
        collect_silent(schema, &format!("{path}.{field}"), silent);
    }
    if schema.get("items").is_some() {
        collect_silent(&schema["items"], &format!("{path}[]"), silent);
    }
}

/// A null is refused, so that `has()` in a rule means what it says; lists are replaced as a whole, but conditions go by type.
#[test]
fn nothing_is_nullable_and_conditions_are_a_map() {
    for (name, text) in crds() {
        assert!(!text.contains("nullable"), "{name}");
        let crd: Value = serde_saphyr::from_str(&text).unwrap();
        let conditions =
            &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["conditions"];
        assert_eq!(
            (&conditions["x-kubernetes-list-type"], &conditions["x-kubernetes-list-map-keys"][0]),
            (&"map".into(), &"type".into())
        );
    }
}
