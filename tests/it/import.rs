//! `wharfinger import` as users run it, on one file of each kind: its answer as golden files, and the proof that `render` takes
//! what it prints. Neither needs AWS or a cluster.

use crate::program;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use wharfinger::resource::normalise::{DefinitionKind, normalise};

/// The password in the inputs. It must be seen nowhere.
const PASSWORD: &str = "hunter2-CANARY";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/import")
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    program::run(&folder(), arguments)
}

fn inputs() -> Vec<String> {
    let names = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".json") || name.ends_with(".yaml")).collect();
    names.sort();
    names
}

/// The Secret that a workload names, as the remark says to make it.
fn secrets(workload: &Value) -> Vec<Value> {
    let credentials = workload["spec"]["credentials"].as_array().into_iter().flatten();
    let named = credentials.filter(|credential| !credential["secretRef"].is_null());
    let secret = |credential: &Value| {
        let config = json!({"auths": {credential["registry"].as_str().unwrap(): {"username": "u", "password": PASSWORD}}});
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"name": credential["secretRef"]["name"]}, "stringData": {".dockerconfigjson": config.to_string()}})
    };
    named.map(secret).collect()
}

#[test]
fn each_input_has_its_golden_answer() {
    for input in inputs() {
        let (code, out, remarks) = run(&["import", "-f", &input, "-n", "payments"]);
        assert_eq!(code, 0, "{input}: {remarks}");
        assert!(!out.contains(PASSWORD) && !remarks.contains(PASSWORD), "{input}: {out}{remarks}");
        let answer = format!("# standard error\n{remarks}# standard output\n{out}");
        let golden = folder().join(format!("{input}.golden"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &answer).unwrap();
        }
        let wanted = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(answer, wanted, "{input}: if the change is meant: UPDATE_GOLDEN=1 cargo test --test it import::");
    }
}

#[test]
fn what_cannot_be_a_workload_is_told_and_the_others_are_printed() {
    let rows = [
        ("{jobDefinitionName: e, eksProperties: {podProperties: {}}}", "eksProperties: jobs on EKS pull with imagePullSecrets"),
        ("{family: t, containerDefinitions: [{name: t, imagge: t}]}", "spec.ecs.containerDefinitions[0].imagge: unknown field"),
    ];
    for (index, (text, wanted)) in rows.iter().enumerate() {
        let file = std::env::temp_dir().join(format!("wharfinger-refused-{}-{index}.yaml", std::process::id()));
        std::fs::write(&file, text).unwrap();
        let (code, out, errors) = run(&["import", "-f", file.to_str().unwrap(), "-f", "job.yaml"]);
        std::fs::remove_file(&file).unwrap();
        assert_eq!((code, out.matches("kind: PrivateImageWorkload").count()), (1, 1), "{text}: {out}{errors}");
        let told = errors.lines().any(|line| line.starts_with("error: ") && line.contains(wanted));
        assert!(told && out.contains("name: nightly-report"), "{text}: {out}{errors}");
    }
}

/// Where the definitions stand that are imported: file, document, and pointers in it.
const DEFINITIONS: [(&str, usize, &[&str]); 6] = [
    ("describe-job-definitions.json", 0, &["/jobDefinitions/0", "/jobDefinitions/3"]),
    ("describe-task-definition.json", 0, &["/taskDefinition"]),
    ("job.yaml", 0, &[""]),
    ("registry-creds-output.yaml", 1, &["/taskDefinition"]),
    ("registry-creds.yaml", 1, &[""]),
    ("taskdef.json", 0, &[""]),
];

/// Without what Wharfinger fills in.
fn without_fills(mut value: Value) -> Value {
    match &mut value {
        Value::Object(object) => {
            for fill in ["family", "jobDefinitionName", "executionRoleArn", "repositoryCredentials"] {
                object.shift_remove(fill);
            }
            object.values_mut().for_each(|value| *value = without_fills(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_fills(item.take())),
        _ => {}
    }
    value
}

#[test]
fn render_takes_what_is_printed_and_makes_the_same_definition_of_it() {
    assert_eq!(DEFINITIONS.map(|(input, ..)| input.to_owned()), *inputs(), "each input has its row");
    for (input, document, pointers) in DEFINITIONS {
        let (_, out, _) = run(&["import", "-f", input]);
        let workloads: Vec<Value> = serde_saphyr::from_multiple(&out).unwrap();
        let file = std::env::temp_dir().join(format!("wharfinger-import-{}-{input}", std::process::id()));
        let objects = workloads.iter().flat_map(secrets).chain(workloads.iter().cloned());
        std::fs::write(&file, objects.map(|object| format!("---\n{object}\n")).collect::<String>()).unwrap();
        let arguments = ["render", "-f", file.to_str().unwrap(), "--account-id", "111122223333", "-o", "json"];
        let (code, rendered, problems) = run(&arguments);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(code, 0, "{input}: {problems}");

        let rendered: Vec<Value> = serde_json::from_str(&rendered).unwrap();
        let written = std::fs::read_to_string(folder().join(input)).unwrap();
        let written: Value = serde_saphyr::from_multiple::<Value>(&written).unwrap().swap_remove(document);
        assert_eq!(rendered.len(), pointers.len(), "{input}");
        for (rendered, pointer) in rendered.iter().zip(pointers) {
            let (kind, field) = match rendered.get("taskDefinition") {
                Some(_) => (DefinitionKind::TaskDefinition, "taskDefinition"),
                None => (DefinitionKind::JobDefinition, "jobDefinition"),
            };
            let normal = |value: &Value| normalise(kind, &without_fills(value.clone()));
            assert_eq!(normal(&rendered[field]), normal(written.pointer(pointer).unwrap()), "{input}{pointer}");
        }
    }
}
