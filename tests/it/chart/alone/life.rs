//! A release's life: installed, changed, rolled back, removed, by both Helms. CRDs and what users applied outlive it.

use crate::chart::{CHART, HELMS};
use crate::tools::{run, tool};
use serde_json::Value;

const NAMESPACE: &str = "wharfinger-system";
/// What users applied: workloads and the binding, in a namespace that the examples name.
const APPLIED: [&str; 3] = ["examples/00-platform", "examples/registry-secret.yaml", "examples/ecs-fargate.yaml"];

fn helm(helm: &str, arguments: &[&str]) -> String {
    run(helm, &[arguments, &["--namespace", NAMESPACE]].concat())
}

fn get(arguments: &[&str]) -> Value {
    serde_json::from_str(&run("kubectl", &[&["get", "--output=json"], arguments].concat())).unwrap()
}

fn exists(kind: &str, name: &str, namespace: &str) -> bool {
    let (code, _, errors) = tool("kubectl", &["get", kind, name, "--namespace", namespace]);
    assert!(code == 0 || errors.contains("NotFound"), "{errors}");
    code == 0
}

/// Uid and generation of everything that users applied: what is the same object, unchanged.
fn applied() -> Vec<(String, String, i64)> {
    let found = get(&["accountbindings,privateimageworkloads", "--all-namespaces"]);
    let each = |item: &Value| {
        let metadata = &item["metadata"];
        let text = |key: &str| metadata[key].as_str().unwrap().to_owned();
        (text("name"), text("uid"), metadata["generation"].as_i64().unwrap())
    };
    found["items"].as_array().unwrap().iter().map(each).collect()
}

fn established() {
    run("kubectl", &["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
    // It says Established a moment before it serves the kind.
    let served =
        || tool("kubectl", &["get", "privateimageworkloads,registrycredentials,accountbindings", "--all-namespaces"]).0 == 0;
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !served() {
        assert!(std::time::Instant::now() < until, "the kinds are not served");
    }
}

#[test]
#[ignore = "installs CRDs: chart::alone runs it"]
fn crds_and_objects_outlive_the_release() {
    run("kubectl", &["create", "namespace", "search"]);
    for (round, program) in HELMS.into_iter().enumerate() {
        let values = |namespaces: &str| format!("watchNamespaces={{{namespaces}}}");
        let first = helm(program, &["install", "wh", CHART, "--create-namespace"]);
        assert!(first.contains("IT MAY READ NO SECRETS YET") && first.contains("kind: AccountBinding"), "{first}");
        established();
        for path in APPLIED {
            run("kubectl", &["apply", "--server-side", "--force-conflicts", "--filename", path]);
        }
        let before = applied();
        assert_eq!(before.len(), 2, "{before:?}");
        assert!(exists("clusterrole", "wh-wharfinger", NAMESPACE) && !exists("role", "wh-wharfinger", "payments"));

        helm(program, &["upgrade", "wh", CHART, "--set", &values("payments,search"), "--set", "replicas=2"]);
        assert!(exists("role", "wh-wharfinger", "payments") && exists("role", "wh-wharfinger-secrets", "search"));
        assert!(exists("poddisruptionbudget", "wh-wharfinger", NAMESPACE));
        assert_eq!(get(&["deployment", "wh-wharfinger", "--namespace", NAMESPACE])["spec"]["replicas"], 2);

        helm(program, &["rollback", "wh", "1"]);
        assert!(!exists("role", "wh-wharfinger", "payments") && !exists("poddisruptionbudget", "wh-wharfinger", NAMESPACE));
        assert_eq!(get(&["deployment", "wh-wharfinger", "--namespace", NAMESPACE])["spec"]["replicas"], 1);
        assert_eq!(applied(), before, "upgrade and rollback touch no object");

        // A second release in the cluster would take over the first one's CRDs: Helm refuses, and nothing of it stays.
        let second = ["install", "other", CHART, "--namespace", "search"];
        let (code, _, errors) = tool(program, &second);
        assert!(code != 0 && errors.contains("invalid ownership metadata") && errors.contains("wharfinger.dev"), "{errors}");
        run(program, &[&second[..], &["--replace", "--set", "crds.enabled=false,watchNamespaces={search}"]].concat());
        run(program, &["uninstall", "other", "--namespace", "search"]);

        let last = helm(program, &["uninstall", "wh"]);
        assert!(last.contains("kept due to the resource policy"), "{last}");
        assert_eq!(applied(), before, "round {round}: what users applied is there, and the same");
        for (kind, name) in
            [("deployment", "wh-wharfinger"), ("clusterrole", "wh-wharfinger"), ("clusterrole", "wh-wharfinger-edit")]
        {
            assert!(!exists(kind, name, NAMESPACE), "{kind} {name} is left");
        }
    }
    run("kubectl", &["delete", "accountbindings,privateimageworkloads", "--all", "--all-namespaces"]);
}

#[test]
#[ignore = "removes CRDs: chart::alone runs it"]
fn crds_go_with_a_release_that_is_told_so() {
    helm("helm", &["upgrade", "--install", "wh", CHART, "--create-namespace", "--set", "crds.keep=false"]);
    established();
    helm("helm", &["uninstall", "wh"]);
    run("kubectl", &["wait", "--for=delete", "crd/privateimageworkloads.wharfinger.dev", "--timeout=60s"]);
    assert!(!exists("crd", "accountbindings.wharfinger.dev", NAMESPACE));
}
