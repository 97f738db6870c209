//! The pods on the real API server: its Pod Security admission takes them in a namespace that is `restricted`.

use super::{matrix, objects, of_kind, rendered};
use crate::tools::{run, tool};
use serde_json::{Value, json};
use std::path::Path;

/// The pods of a set of values: the Deployment's, and the test's.
fn pods(values: &str) -> Vec<Value> {
    let all = objects(&rendered("helm", values));
    let deployments = of_kind(&all, "Deployment").into_iter().map(|it| it["spec"]["template"].clone());
    let bare = of_kind(&all, "Pod").into_iter().cloned();
    let mut pods: Vec<Value> = deployments.chain(bare).collect();
    for pod in &mut pods {
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod["metadata"]["name"] = json!("pod");
        pod["metadata"].as_object_mut().unwrap().remove("namespace");
        pod["spec"].as_object_mut().unwrap().remove("priorityClassName"); // of a class that only a real cluster has
    }
    pods
}

#[test]
fn restricted_namespaces_admit_the_pods() {
    let namespace = format!("restricted-{}", std::process::id());
    run("kubectl", &["create", "namespace", &namespace]);
    let labels = ["enforce", "warn"].map(|mode| format!("pod-security.kubernetes.io/{mode}=restricted"));
    run("kubectl", &["label", "namespace", &namespace, &labels[0], &labels[1]]);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{namespace}.json"));
    let create = |pod: &Value| {
        std::fs::write(&path, pod.to_string()).unwrap();
        tool("kubectl", &["create", "--namespace", &namespace, "--dry-run=server", "--filename", path.to_str().unwrap()])
    };
    for (round, (name, values)) in matrix().into_iter().enumerate() {
        for pod in pods(&values) {
            let (code, out, errors) = create(&pod);
            assert_eq!((code, errors.as_str()), (0, ""), "{name}: {out}");
            let laxer: [(&str, Value); 4] = [
                ("/spec/securityContext/runAsNonRoot", json!(false)),
                ("/spec/securityContext/seccompProfile/type", json!("Unconfined")),
                ("/spec/containers/0/securityContext/capabilities/drop", json!([])),
                ("/spec/containers/0/securityContext/allowPrivilegeEscalation", json!(true)),
            ];
            for (pointer, value) in laxer.into_iter().filter(|_| round == 0) {
                let mut pod = pod.clone();
                *pod.pointer_mut(pointer).expect(pointer) = value;
                let (code, _, errors) = create(&pod);
                // The namespace does refuse what is laxer, once for each rule.
                assert!(code != 0 && errors.contains("violates PodSecurity"), "{name}: {pointer}: {errors}");
            }
            let security = &pod["spec"]["containers"][0]["securityContext"];
            assert_eq!(security["readOnlyRootFilesystem"], true, "{name}");
            assert!(pod["spec"]["securityContext"]["runAsUser"].as_u64() >= Some(10_000), "{name}");
            assert!(pod["spec"]["automountServiceAccountToken"].is_boolean(), "{name}: said, not left to a default");
        }
    }
    std::fs::remove_file(path).unwrap();
    run("kubectl", &["delete", "namespace", &namespace, "--wait=false"]);
}
