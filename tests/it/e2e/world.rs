//! All that one test has to itself: a namespace, an AWS account, an AccountBinding between them, a proxy before AWS, a controller.

use super::account::{Account, REGION};
use super::controller::{Controller, Places};
use super::parts::{kube, parts, unique};
use super::proxy::Proxy;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

pub(super) struct World {
    /// Of the namespace and the AccountBinding.
    pub(super) name: String,
    pub(super) kube: Client,
    pub(super) aws: Account,
    pub(super) proxy: Proxy,
    pub(super) controller: Option<Controller>,
    flags: Vec<String>,
    environment: Vec<(&'static str, String)>,
    level: &'static str,
    runs: usize,
}

/// A world in the making.
pub(super) struct Setup {
    world: World,
    binding: Value,
}

impl World {
    /// A namespace and an account named after the test, and the usual AccountBinding.
    pub(super) async fn enter(test: &str) -> Setup {
        let (kube, number) = (kube().await, unique());
        let (name, id) = (format!("{test}-{number}"), format!("{:012}", 100_000_000_000 + number % 900_000_000_000));
        let aws = Account::enter(&parts().moto, &id).await;
        let proxy = Proxy::start(&parts().moto).await;
        let world = Self { kube, aws, proxy, controller: None, flags: vec![], environment: vec![], level: "info", runs: 0, name };
        world.sweep().await;
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.name, "labels": {"test": world.name}}});
        world.apply(&namespace).await;
        let binding = binding(&world.name, &id);
        Setup { world, binding }
    }

    /// The usual world, with its controller running.
    pub(super) async fn start(test: &str) -> Self {
        Self::enter(test).await.start().await
    }

    /// Starts the controller, anew if it ran before, and at once the leader.
    pub(super) async fn run(&mut self) {
        self.controller = None;
        self.free_lease().await;
        let url = self.proxy.url.clone();
        self.controller = Some(self.another(&Places { aws: &url, kubeconfig: None }));
    }

    /// Another process beside those that run. It leads when it can.
    pub(super) fn another(&mut self, places: &Places<'_>) -> Controller {
        self.runs += 1;
        Controller::start(&self.name, self.runs, places, &self.flags, &self.environment, self.level)
    }

    /// More flags of the controller, from its next run on.
    pub(super) fn flag(&mut self, flag: impl Into<String>) {
        self.flags.push(flag.into());
    }

    /// More of the controller's environment, from its next run on.
    pub(super) fn environment(&mut self, name: &'static str, value: &str) {
        self.environment.push((name, value.to_owned()));
    }

    /// Another namespace that the same AccountBinding admits, in the same account, with a proxy and perhaps a controller of its own.
    pub(super) async fn beside(&self) -> Self {
        let name = format!("{}-beside", self.name);
        let labels = json!({"test": self.name});
        self.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})).await;
        let (kube, aws, proxy) = (self.kube.clone(), self.aws.clone(), Proxy::start(&parts().moto).await);
        Self { kube, aws, proxy, controller: None, flags: vec![], environment: vec![], level: "info", runs: 0, name }
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        self.controller = None;
    }

    pub(super) fn controller(&mut self) -> &mut Controller {
        self.controller.as_mut().expect("a running controller")
    }

    /// What `kubectl apply --server-side` does, with unknown fields refused. The refusal is the API server's message.
    pub(super) async fn try_apply(&self, manifest: &Value) -> Result<(), String> {
        let text = |path: &str| manifest.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let api = self.api(&text("/apiVersion"), &text("/kind"));
        let params = PatchParams::apply("e2e").force().validation_strict();
        let applied = api.patch(&text("/metadata/name"), &params, &Patch::Apply(manifest)).await;
        applied.map(|_| ()).map_err(|error| match error {
            kube::Error::Api(status) => status.message.clone(),
            other => panic!("{other}"),
        })
    }

    /// As [`World::try_apply`]; must succeed.
    pub(super) async fn apply(&self, manifest: &Value) {
        if let Err(refusal) = self.try_apply(manifest).await {
            panic!("the API server refuses {manifest:#}: {refusal}");
        }
    }

    /// Any kind, by its names; namespaced ones in this world's namespace.
    pub(super) fn api(&self, version: &str, kind: &str) -> Api<DynamicObject> {
        self.api_in(&self.name, version, kind)
    }

    /// The same in another namespace.
    pub(super) fn api_in(&self, namespace: &str, version: &str, kind: &str) -> Api<DynamicObject> {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        match kind {
            "Namespace" | "AccountBinding" | "PullNetwork" | "ClusterRole" | "ClusterRoleBinding" => {
                Api::all_with(self.kube.clone(), &resource)
            }
            _ => Api::namespaced_with(self.kube.clone(), namespace, &resource),
        }
    }

    /// The name of a thing of ours in AWS: `secret("regcred")`, …
    pub(super) fn secret_name(&self, source: &str) -> String {
        format!("wharfinger/{}/{source}/{}/pull", self.name, super::manifests::REGISTRY)
    }

    pub(super) fn role_name(&self) -> String {
        format!("wharfinger_{}", self.name)
    }

    pub(super) fn definition_name(&self, workload: &str) -> String {
        format!("{}_{workload}", self.name)
    }
}

impl Setup {
    /// Changes the AccountBinding's spec; `null` = there is none.
    pub(super) fn binding(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.binding["spec"]);
        self
    }

    /// More flags of the controller.
    pub(super) fn flags(mut self, flags: &[&str]) -> Self {
        self.world.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    /// With everything in the controller's log that there is.
    pub(super) fn traced(mut self) -> Self {
        self.world.level = "trace";
        self
    }

    /// Without a controller for now.
    pub(super) async fn still(self) -> World {
        if !self.binding["spec"].is_null() {
            self.world.apply(&self.binding).await;
        }
        self.world
    }

    pub(super) async fn start(self) -> World {
        let mut world = self.still().await;
        world.run().await;
        world
    }
}

/// An AccountBinding for the namespace of the same name, with fences as wide as the account.
pub(super) fn binding(name: &str, account: &str) -> Value {
    json!({
        "apiVersion": "wharfinger.dev/v1alpha1", "kind": "AccountBinding", "metadata": {"name": name},
        "spec": {
            "accountId": account,
            "regions": [REGION, "us-east-1"],
            "namespaceSelector": {"matchLabels": {"test": name}},
            "roleArn": format!("arn:aws:iam::{account}:role/wharfinger"),
            "limits": {
                "registries": ["registry.example.com", "*.example.com", "ghcr.io"],
                "existingRoles": [format!("arn:aws:iam::{account}:role/*")],
                "taskRoles": [format!("arn:aws:iam::{account}:role/*")],
                "secretArns": [format!("arn:aws:secretsmanager:*:{account}:secret:*")],
                "clusters": [format!("arn:aws:ecs:*:{account}:cluster/*")],
                "kmsKeys": [format!("arn:aws:kms:*:{account}:key/*"), format!("arn:aws:kms:*:{account}:alias/*")],
            },
        },
    })
}

impl Drop for World {
    fn drop(&mut self) {
        if let (true, Some(controller)) = (std::thread::panicking(), self.controller.as_mut()) {
            eprintln!("[{}, account {}] {}", self.name, self.aws.id, controller.tail());
        }
        self.kill();
        super::leftovers::leave(self);
    }
}
