//! The controller with the chart's ServiceAccount and nothing else, in each mode: the API server's audit log shows that no rule of
//! the chart's Roles is unused, and that none is missing.

use crate::chart::CHART;
use crate::tools::{run, tool};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_wharfinger");
const PATIENCE: Duration = Duration::from_secs(60);

struct Release {
    namespace: String,
    controller: Child,
    log: PathBuf,
}

impl Drop for Release {
    fn drop(&mut self) {
        let _ = self.controller.kill(); // it may have ended by itself
        let _ = self.controller.wait();
        if std::thread::panicking() {
            eprintln!("the controller's log:\n{}", std::fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}

fn json_of(arguments: &[&str]) -> Value {
    serde_json::from_str(&run("kubectl", arguments)).unwrap()
}

fn parts() -> PathBuf {
    PathBuf::from(std::env::var("WHARFINGER_PARTS").unwrap())
}

impl Release {
    /// Installs the chart and runs its Deployment's command as its ServiceAccount.
    fn start(namespace: &str, set: &str) -> Self {
        let chart = ["upgrade", "--install", "wh", CHART, "--create-namespace", "--namespace", namespace, "--take-ownership"];
        run("helm", &[&chart[..], &["--set", set]].concat());
        run("kubectl", &["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
        let token = run("kubectl", &["create", "token", "wh-wharfinger", "--namespace", namespace]);
        let mut config: Value =
            serde_json::from_str(&std::fs::read_to_string(std::env::var("KUBECONFIG").unwrap()).unwrap()).unwrap();
        config["users"][0]["user"] = json!({ "token": token.trim() });
        let path = parts().join(format!("{namespace}.kubeconfig"));
        std::fs::write(&path, config.to_string()).unwrap();
        let pod = json_of(&["get", "deployment", "wh-wharfinger", "--namespace", namespace, "--output=json"]);
        let arguments = pod["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap().clone();
        let here = |argument: String| match argument.split_once('=') {
            Some((flag @ ("--metrics-addr" | "--health-addr"), _)) => format!("{flag}=127.0.0.1:0"),
            _ => argument.replace("$(POD_NAMESPACE)", namespace),
        };
        let arguments = arguments.into_iter().map(|argument| argument.as_str().unwrap().to_owned()).map(here);
        let arguments: Vec<String> = arguments.collect();
        let log = parts().join(format!("{namespace}.log"));
        let file = std::fs::File::create(&log).unwrap();
        let controller = Command::new(PROGRAM)
            .args(arguments)
            .env("KUBECONFIG", path)
            .env("POD_NAMESPACE", namespace)
            .env("POD_NAME", "wh-0")
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { namespace: namespace.to_owned(), controller, log }
    }

    /// What `helm test` asks, until the controller is ready.
    fn probed(&self) {
        let address = |line: &str| serde_json::from_str::<Value>(line).ok()?["health_addr"].as_str().map(str::to_owned);
        let until = Instant::now() + PATIENCE;
        loop {
            let log = std::fs::read_to_string(&self.log).unwrap();
            let url = log.lines().find_map(address).map(|address| format!("http://{address}/readyz"));
            let (code, out, errors) = url.map_or_else(Default::default, |url| tool(PROGRAM, &["probe", &url]));
            // Nor does it miss a permission that it could do without.
            if code == 0 && !out.is_empty() && !out.contains("but:") {
                return;
            }
            assert!(Instant::now() < until, "not ready, or not wholly: {out}{errors}");
        }
    }

    /// What the ServiceAccount asked of the API server.
    fn calls(&self) -> Vec<Value> {
        let user = format!("system:serviceaccount:{}:wh-wharfinger", self.namespace);
        let text = std::fs::read_to_string(parts().join("audit.log")).unwrap();
        let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter(|event| event["user"]["username"] == *user && event["objectRef"]["resource"].is_string()).collect()
    }

    /// The rules that are bound to the ServiceAccount, each verb, resource and name by itself, and with its namespace, if it has one.
    fn rules(&self) -> BTreeSet<Rule> {
        let kinds = "clusterrolebindings,rolebindings";
        let bindings = json_of(&["get", kinds, "--all-namespaces", "--output=json", "--selector=app.kubernetes.io/instance=wh"]);
        let mut rules = BTreeSet::new();
        for binding in bindings["items"].as_array().unwrap() {
            if binding["subjects"][0]["namespace"] != *self.namespace {
                continue;
            }
            let namespace = binding["metadata"]["namespace"].as_str().unwrap_or_default();
            let (kind, name) = (&binding["roleRef"]["kind"], &binding["roleRef"]["name"]);
            let place = if namespace.is_empty() { "default" } else { namespace };
            let role = json_of(&["get", kind.as_str().unwrap(), name.as_str().unwrap(), "--namespace", place, "--output=json"]);
            for rule in role["rules"].as_array().unwrap() {
                rules.extend(each(namespace, rule));
            }
        }
        rules
    }
}

/// Namespace, API group, resource, verb, name; the first and the last may be empty.
type Rule = (String, String, String, String, String);

fn each(namespace: &str, rule: &Value) -> Vec<Rule> {
    let list = |key: &str| -> Vec<String> {
        rule[key].as_array().into_iter().flatten().map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    let mut names = list("resourceNames");
    if names.is_empty() {
        names.push(String::new());
    }
    let mut all = vec![];
    for (group, resource) in
        list("apiGroups").iter().flat_map(|group| list("resources").into_iter().map(move |it| (group.clone(), it)))
    {
        for (verb, name) in list("verbs").iter().flat_map(|verb| names.iter().map(move |name| (verb.clone(), name.clone()))) {
            all.push((namespace.to_owned(), group.clone(), resource.clone(), verb, name));
        }
    }
    all
}

/// Whether a call is one that a rule is for.
fn uses(call: &Value, (namespace, group, resource, verb, name): &Rule) -> bool {
    let object = &call["objectRef"];
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    let asked = match text("subresource") {
        "" => text("resource").to_owned(),
        sub => format!("{}/{sub}", text("resource")),
    };
    let here = namespace.is_empty() || text("namespace") == namespace;
    let named = name.is_empty() || text("name") == name;
    call["verb"] == *verb && text("apiGroup") == group && asked == *resource && here && named
}

/// Users at work: all that makes the controller call.
fn use_it() {
    let files = [
        "examples/00-platform",
        "examples/registry-secret.yaml",
        "examples/ecs-fargate.yaml",
        "examples/registry-credential.yaml",
    ];
    for file in files {
        run("kubectl", &["apply", "--server-side", "--force-conflicts", "--filename", file]);
    }
    let kinds = "privateimageworkloads,registrycredentials";
    let reason = |reason: &str| {
        let wait = format!("--for=jsonpath={{.status.conditions[?(@.type==\"Ready\")].reason}}={reason}");
        run("kubectl", &["wait", &wait, kinds, "--all", "--namespace=payments", "--timeout=60s"]);
    };
    reason("Succeeded");
    // The second event of a kind is counted in the first.
    for suspend in [true, false, true, false] {
        let patch = json!({ "spec": { "suspend": suspend } }).to_string();
        let names = run("kubectl", &["get", kinds, "--namespace=payments", "--output=name"]);
        for name in names.lines() {
            run("kubectl", &["patch", name, "--namespace=payments", "--type=merge", "--patch", &patch]);
        }
        reason(if suspend { "Suspended" } else { "Succeeded" });
    }
    use_network(|reason| {
        let wait = format!("--for=jsonpath={{.status.conditions[?(@.type==\"Ready\")].reason}}={reason}");
        run("kubectl", &["wait", &wait, "pullnetwork/prod-apps", "--timeout=60s"]);
    });
    run("kubectl", &["delete", "privateimageworkloads", "--all", "--namespace=payments", "--timeout=60s"]);
    run("kubectl", &["delete", "registrycredentials", "--all", "--namespace=payments", "--timeout=60s"]);
    run("kubectl", &["delete", "pullnetworks", "--all", "--timeout=60s"]);
    run("kubectl", &["delete", "accountbindings", "--all", "--timeout=60s"]);
}

/// A network that comes and waits for its VPC, which is not there: the second event of a kind is counted in the first.
fn use_network(reason: impl Fn(&str)) {
    let spec = json!({
        "bindingRef": {"name": "prod"}, "vpcId": "vpc-0123456789abcdef0", "subnetIds": ["subnet-0123456789abcdef0"],
        "tasks": {"fargate": {}},
    });
    let api = "wharfinger.dev/v1alpha1";
    let network = json!({"apiVersion": api, "kind": "PullNetwork", "metadata": {"name": "prod-apps"}, "spec": spec});
    let path = parts().join("network.json");
    std::fs::write(&path, network.to_string()).unwrap();
    run("kubectl", &["apply", "--server-side", "--filename", path.to_str().unwrap()]);
    reason("DependencyNotFound");
    for suspend in [true, false, true, false] {
        let patch = json!({ "spec": { "suspend": suspend } }).to_string();
        run("kubectl", &["patch", "pullnetwork/prod-apps", "--type=merge", "--patch", &patch]);
        reason(if suspend { "Suspended" } else { "DependencyNotFound" });
    }
}

fn exact(namespace: &str, set: &str) {
    if tool("kubectl", &["get", "namespace", "payments"]).0 != 0 {
        run("kubectl", &["create", "namespace", "payments"]);
    }
    let release = Release::start(namespace, set);
    release.probed();
    use_it();
    let rules = release.rules();
    assert!(rules.len() > 20, "{rules:#?}");
    let words = rules.iter().flat_map(|rule| [&rule.1, &rule.2, &rule.3, &rule.4]);
    assert!(words.into_iter().all(|word| !word.contains('*')), "a wildcard: {rules:#?}");
    let wanted: Vec<&Rule> = rules.iter().collect();
    let until = Instant::now() + PATIENCE;
    loop {
        let calls = release.calls();
        let refused: Vec<&Value> = calls.iter().filter(|call| call["responseStatus"]["code"] == 403).collect();
        assert!(refused.is_empty(), "{namespace}: a rule is missing: {:#?}", refused[0]["objectRef"]);
        let unused: Vec<&&Rule> = wanted.iter().filter(|rule| !calls.iter().any(|call| uses(call, rule))).collect();
        if unused.is_empty() {
            break;
        }
        assert!(Instant::now() < until, "{namespace}: unused rules: {unused:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    run("helm", &["uninstall", "wh", "--namespace", namespace]);
}

#[test]
#[ignore = "watches all namespaces: chart::alone runs it"]
fn in_all_namespaces() {
    exact("rbac-cluster", "secrets.access=Cluster");
    exact("rbac-secrets", "secrets.namespaces={payments}");
}

#[test]
#[ignore = "watches AccountBindings: chart::alone runs it"]
fn in_named_namespaces() {
    exact("rbac-named", "watchNamespaces={payments}");
}
