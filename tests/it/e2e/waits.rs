//! Looking at workloads until they are as they should be.

use super::parts::unique;
use super::proxy::PATIENCE;
use super::world::World;
use futures::{StreamExt, pin_mut};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::watcher::watch_object;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use wharfinger::api::{PrivateImageWorkload, PrivateImageWorkloadStatus};

pub(super) const ASKED: &str = "wharfinger.dev/requestedAt";

impl World {
    pub(super) fn workloads(&self) -> Api<PrivateImageWorkload> {
        Api::namespaced(self.kube.clone(), &self.name)
    }

    pub(super) async fn get(&self, name: &str) -> PrivateImageWorkload {
        self.workloads().get(name).await.unwrap_or_else(|error| panic!("workload {name}: {error}"))
    }

    /// Watches a workload until it is as it should be; on the way it may not exist.
    pub(super) async fn look<T>(
        &self,
        name: &str,
        what: &str,
        mut found: impl FnMut(Option<&PrivateImageWorkload>) -> Option<T>,
    ) -> T {
        let mut last = None;
        let watching = async {
            let events = watch_object(self.workloads(), name);
            pin_mut!(events);
            while let Some(event) = events.next().await {
                let Ok(object) = event else { continue };
                last = object;
                if let Some(found) = found(last.as_ref()) {
                    return found;
                }
            }
            panic!("the watch of {name} ended")
        };
        match timeout(PATIENCE, watching).await {
            Ok(found) => found,
            Err(_) => {
                let status = last.map(|workload| serde_json::to_string_pretty(&workload.status).unwrap_or_default());
                let status = status.unwrap_or_else(|| "(there is no such workload)".into());
                panic!(
                    "waited {PATIENCE:?} in vain for {name} to {what}; AWS calls {:?}; its status is {status}",
                    self.proxy.counts()
                )
            }
        }
    }

    /// Waits until the status says that of the present spec which it should.
    pub(super) async fn until(
        &self,
        name: &str,
        what: &str,
        mut holds: impl FnMut(&PrivateImageWorkloadStatus) -> bool,
    ) -> PrivateImageWorkload {
        self.look(name, what, |workload| {
            let workload = workload?;
            let status = workload.status.as_ref()?;
            let current = status.observed_generation == workload.metadata.generation;
            (current && holds(status)).then(|| workload.clone())
        })
        .await
    }

    pub(super) async fn ready(&self, name: &str) -> PrivateImageWorkload {
        self.until(name, "become Ready", |status| ready(status).is_some_and(|it| it.status == "True")).await
    }

    /// Waits until the workload is not Ready, for this reason; the condition.
    pub(super) async fn not_ready(&self, name: &str, reason: &str) -> Condition {
        let is_so =
            |status: &PrivateImageWorkloadStatus| ready(status).is_some_and(|it| it.status == "False" && it.reason == reason);
        let workload = self.until(name, &format!("be not Ready: {reason}"), is_so).await;
        ready(&workload.status.unwrap_or_default()).expect("the condition that was waited for")
    }

    /// Asks for a pass, as `kubectl annotate` does, and waits for its end.
    pub(super) async fn poke(&self, name: &str) -> PrivateImageWorkload {
        self.poke_by(name, ASKED).await
    }

    pub(super) async fn poke_by(&self, name: &str, annotation: &str) -> PrivateImageWorkload {
        let token = unique().to_string();
        self.annotate(name, annotation, json!(token)).await;
        let answered = |status: &PrivateImageWorkloadStatus| status.last_handled_reconcile_at.as_ref() == Some(&token);
        self.until(name, "answer the request for a pass", answered).await
    }

    /// Asks for a pass over what may be gone by now.
    pub(super) async fn ask(&self, name: &str) {
        let patch = Patch::Merge(json!({"metadata": {"annotations": {ASKED: unique().to_string()}}}));
        match self.workloads().patch(name, &PatchParams::default(), &patch).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(error) => panic!("a pass over {name}: {error}"),
        }
    }

    pub(super) async fn annotate(&self, name: &str, annotation: &str, value: Value) {
        self.patch(name, json!({"metadata": {"annotations": {annotation: value}}})).await;
    }

    /// A merge patch.
    pub(super) async fn patch(&self, name: &str, patch: Value) {
        let patched = self.workloads().patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await;
        patched.unwrap_or_else(|error| panic!("patch {patch} of {name}: {error}"));
    }

    /// Asks for deletion.
    pub(super) async fn delete(&self, name: &str) {
        self.workloads().delete(name, &Default::default()).await.unwrap_or_else(|error| panic!("delete {name}: {error}"));
    }

    /// Waits until the workload is gone.
    pub(super) async fn gone(&self, name: &str) {
        self.look(name, "be gone", |workload| workload.is_none().then_some(())).await
    }

    /// Asks that its AccountBinding go.
    pub(super) async fn delete_binding(&self) {
        let bindings = self.api("wharfinger.dev/v1alpha1", "AccountBinding");
        bindings.delete(&self.name, &Default::default()).await.expect("asked for");
    }

    pub(super) async fn delete_and_wait(&self, name: &str) {
        self.delete(name).await;
        self.gone(name).await;
    }
}

/// The condition of a type.
pub(super) fn condition(status: &PrivateImageWorkloadStatus, kind: &str) -> Option<Condition> {
    status.conditions.iter().find(|condition| condition.type_ == kind).cloned()
}

pub(super) fn ready(status: &PrivateImageWorkloadStatus) -> Option<Condition> {
    condition(status, "Ready")
}

/// Status and reason of every condition.
pub(super) fn conditions(workload: &PrivateImageWorkload) -> BTreeMap<String, (String, String)> {
    let all = workload.status.iter().flat_map(|status| &status.conditions);
    all.map(|it| (it.type_.clone(), (it.status.clone(), it.reason.clone()))).collect()
}

impl World {
    /// Looks at this world's AccountBinding until it is as it should be.
    pub(super) async fn until_binding<T>(&self, what: &str, mut found: impl FnMut(Option<&Value>) -> Option<T>) -> T {
        let (api, mut last) = (self.api("wharfinger.dev/v1alpha1", "AccountBinding"), None);
        let looking = async {
            loop {
                last = api.get_opt(&self.name).await.expect("the AccountBinding").map(|binding| binding.data);
                match found(last.as_ref()) {
                    Some(found) => return found,
                    None => sleep(Duration::from_millis(50)).await,
                }
            }
        };
        match timeout(PATIENCE, looking).await {
            Ok(found) => found,
            Err(_) => panic!("waited {PATIENCE:?} in vain for AccountBinding {} to {what}; it is {last:#?}", self.name),
        }
    }

    /// A merge patch of this world's AccountBinding.
    pub(super) async fn patch_binding(&self, patch: Value) {
        let api = self.api("wharfinger.dev/v1alpha1", "AccountBinding");
        let patched = api.patch(&self.name, &PatchParams::default(), &Patch::Merge(&patch)).await;
        patched.unwrap_or_else(|error| panic!("patch {patch} of the AccountBinding: {error}"));
    }

    /// The events about an object, each as `type reason message`.
    pub(super) async fn events(&self, name: &str) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let events = self.api("events.k8s.io/v1", "Event").list(&Default::default()).await.expect("the events");
        let about = events.items.iter().map(|event| &event.data).filter(|event| event["regarding"]["name"] == name);
        about.map(|event| format!("{} {} {}", text(&event["type"]), text(&event["reason"]), text(&event["note"]))).collect()
    }
}
