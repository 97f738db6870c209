//! Service accounts that may do nothing but what a test grants, as docs/operations.md writes it down.

use super::parts::parts;
use super::world::World;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use std::path::PathBuf;

/// The way to the API server.
pub(super) struct Kubeconfig(Value);

impl Kubeconfig {
    /// The one of the parts, which may do everything. It is JSON.
    pub(super) fn of_parts() -> Self {
        let path = std::env::var("KUBECONFIG").expect("KUBECONFIG");
        let text = std::fs::read_to_string(path).expect("the kubeconfig of the parts");
        Self(serde_json::from_str(&text).expect("JSON"))
    }

    pub(super) fn server(&self) -> String {
        self.0["clusters"][0]["cluster"]["server"].as_str().expect("a server").to_owned()
    }

    /// By another way.
    pub(super) fn via(mut self, server: &str) -> Self {
        self.0["clusters"][0]["cluster"]["server"] = json!(server);
        self
    }

    /// As somebody else.
    fn with_token(mut self, token: &str) -> Self {
        self.0["users"][0]["user"]["token"] = json!(token);
        self
    }

    /// A file that goes with the parts.
    pub(super) fn write(&self, name: &str) -> PathBuf {
        let path = parts().state.join(format!("{name}.kubeconfig"));
        std::fs::write(&path, self.0.to_string()).expect("a kubeconfig");
        path
    }
}

/// What is needed in the whole cluster, whatever is watched.
pub(super) fn cluster_rules() -> Value {
    let kinds = ["accountbindings", "privateimageworkloads", "pullnetworks", "registrycredentials"];
    let kinds = kinds.map(|plural| format!("{plural}.wharfinger.dev"));
    json!([
        {
            "apiGroups": ["wharfinger.dev"], "resources": ["accountbindings", "pullnetworks"],
            "verbs": ["get", "list", "watch", "patch"],
        },
        {"apiGroups": ["wharfinger.dev"], "resources": ["accountbindings/status", "pullnetworks/status"], "verbs": ["patch"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
        {
            "apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["get"],
            "resourceNames": kinds,
        },
    ])
}

/// What is needed in each namespace that is watched.
pub(super) fn namespace_rules() -> Value {
    json!([
        {
            "apiGroups": ["wharfinger.dev"], "resources": ["privateimageworkloads", "registrycredentials"],
            "verbs": ["get", "list", "watch", "patch"],
        },
        {
            "apiGroups": ["wharfinger.dev"], "resources": ["privateimageworkloads/status", "registrycredentials/status"],
            "verbs": ["patch"],
        },
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    ])
}

/// What is needed where Secrets are read.
pub(super) fn secret_rules() -> Value {
    json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}])
}

/// What is needed where the controller runs.
fn state_rules() -> Value {
    json!([
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["wharfinger-value-key"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "update"], "resourceNames": ["wharfinger"]},
    ])
}

impl World {
    /// A service account in this world's namespace, with no rights, and the flag that has the controller act as it.
    pub(super) async fn service_account(&self) -> String {
        let account =
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "wharfinger", "namespace": self.name}});
        self.apply(&account).await;
        let accounts: Api<ServiceAccount> = Api::namespaced(self.kube.clone(), &self.name);
        let asked = TokenRequest { spec: TokenRequestSpec::default(), ..TokenRequest::default() };
        let token = accounts.create_token_request("wharfinger", &PostParams::default(), &asked).await.expect("a token");
        let token = token.status.expect("a status").token;
        format!("--kubeconfig={}", Kubeconfig::of_parts().with_token(&token).write(&self.name).display())
    }

    /// Grants the service account what it needs where it runs, and the events of what is in no namespace.
    pub(super) async fn grant_state(&self) {
        self.grant(Some(&self.name), "state", state_rules()).await;
        let events = json!([{"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]}]);
        self.grant(Some("default"), &format!("{}-unplaced", self.name), events).await;
    }

    /// Grants the service account something in a namespace, or in all of the cluster.
    pub(super) async fn grant(&self, namespace: Option<&str>, what: &str, rules: Value) {
        let (kind, name) =
            if namespace.is_some() { ("Role", what.to_owned()) } else { ("ClusterRole", format!("{}-{what}", self.name)) };
        let metadata = match namespace {
            Some(namespace) => json!({"name": name, "namespace": namespace}),
            None => json!({"name": name}),
        };
        let version = "rbac.authorization.k8s.io/v1";
        let role = json!({"apiVersion": version, "kind": kind, "metadata": metadata, "rules": rules});
        let binding = json!({
            "apiVersion": version, "kind": format!("{kind}Binding"), "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": "wharfinger", "namespace": self.name}],
        });
        for manifest in [role, binding] {
            let text = |path: &str| manifest.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
            let api = self.api_in(namespace.unwrap_or_default(), version, &text("/kind"));
            let params = kube::api::PatchParams::apply("e2e").force();
            api.patch(&text("/metadata/name"), &params, &kube::api::Patch::Apply(&manifest)).await.expect("granted");
        }
    }
}
