//! The life of definitions on the real parts: older revisions end when nobody uses them, and a deletion waits for what runs.

use super::manifests::{batch, ecs, with};
use super::proxy::{Fault, PATIENCE, Rule};
use super::rows::{each, soak};
use super::world::World;
use serde_json::{Value, json};
use tokio::time::timeout;

fn image(number: usize) -> Value {
    json!(format!("registry.example.com/payments/api:{number}"))
}

fn limited(manifest: Value, limit: usize) -> Value {
    with(manifest, "/spec/revisionHistoryLimit", json!(limit))
}

impl World {
    /// Applies the manifest with each of so many images, one revision each.
    async fn images(&self, manifest: &Value, count: usize) {
        self.login("first").await;
        for number in 1..=count {
            self.apply(&with(manifest.clone(), "/spec/image", image(number))).await;
            self.ready("api").await;
        }
    }

    /// Waits until the status lists so many older revisions.
    async fn older(&self, count: usize) {
        let is_so = |status: &wharfinger::api::PrivateImageWorkloadStatus| {
            status.older_revisions.as_ref().is_some_and(|older| older.len() == count)
        };
        self.until("api", &format!("have {count} older revisions"), is_so).await;
    }

    async fn revisions(&self) -> Vec<i64> {
        self.aws.holdings().await.definitions().map(|definition| definition.revision).collect()
    }

    fn task_definition(&self, revision: i64) -> String {
        format!("arn:aws:ecs:eu-west-1:{}:task-definition/{}:{revision}", self.aws.id, self.definition_name("api"))
    }

    /// A cluster with a service that runs a revision.
    async fn service(&self, revision: i64, tasks: usize) {
        self.aws.json("ecs", "CreateCluster", json!({"clusterName": "prod"})).await;
        let service = json!({"cluster": "prod", "serviceName": "api", "taskDefinition": self.task_definition(revision),
            "desiredCount": tasks});
        self.aws.json("ecs", "CreateService", service).await;
    }

    async fn delete_service(&self) {
        self.aws.json("ecs", "DeleteService", json!({"cluster": "prod", "service": "api", "force": true})).await;
    }
}

#[tokio::test]
async fn older_revisions_end_beyond_the_limit_in_both_services() {
    each(["ecs", "containerProperties"].map(|shape| (shape.to_owned(), shape)), |shape| async move {
        let world = World::start("limit").await;
        let manifest = if shape == "ecs" { ecs(&world.name, "api") } else { batch(&world.name, "api", shape) };
        world.images(&limited(manifest, 1), 4).await;
        world.older(1).await;
        assert_eq!(world.revisions().await, [3, 4]);
        world.proxy.forget();
        world.poke("api").await;
        assert_eq!(world.proxy.written(), [] as [&str; 0]);
        let reads: Vec<String> = world.proxy.counts().into_keys().filter(|call| call.contains("List")).collect();
        let roles = ["ListAttachedRolePolicies"].map(str::to_owned);
        assert_eq!(reads, roles, "who uses what is looked at only where something could end");
    })
    .await;
}

#[tokio::test]
async fn retired_revisions_are_deleted_where_that_is_asked_for() {
    let world = World::start("deleted").await;
    let manifest = with(limited(ecs(&world.name, "api"), 0), "/spec/retiredRevisions", json!("Delete"));
    world.images(&manifest, 3).await;
    world.older(0).await;
    assert_eq!(world.revisions().await, [3]);
    let left = world.aws.json("ecs", "ListTaskDefinitions", json!({"status": "INACTIVE"})).await;
    assert_eq!(left["taskDefinitionArns"], json!([]), "nothing is left INACTIVE");
    world.delete_and_wait("api").await;
    let left = world.aws.json("ecs", "ListTaskDefinitions", json!({"status": "INACTIVE"})).await;
    assert_eq!(left["taskDefinitionArns"], json!([]), "nor after the deletion");
}

#[tokio::test]
async fn a_revision_that_a_service_or_a_task_uses_stays() {
    let world = World::start("used").await;
    let manifest = limited(ecs(&world.name, "api"), 0);
    world.images(&limited(ecs(&world.name, "api"), 10), 2).await;
    world.service(1, 0).await;
    // moto starts no task without a network, so the list of what runs is given.
    let task =
        json!({"taskArn": "arn:aws:ecs:eu-west-1:111122223333:task/prod/0b69", "taskDefinitionArn": world.task_definition(2)});
    world.proxy.inject(Rule::on("ListTasks", Fault::Answer(json!({"taskArns": [task["taskArn"]]}))));
    world.proxy.inject(Rule::on("DescribeTasks", Fault::Answer(json!({"tasks": [task], "failures": []}))));
    world.images(&with(manifest, "/spec/image", image(9)), 1).await;
    world.poke("api").await;
    assert_eq!(world.revisions().await, [1, 2, 3]);
    let warnings = world.get("api").await.status.unwrap_or_default().warnings.join("\n");
    assert!(warnings.contains("service/") && warnings.contains("task/prod/0b69"), "{warnings}");
    world.ready("api").await;
    world.delete_service().await;
    world.proxy.heal();
    world.poke("api").await;
    world.older(0).await;
    assert_eq!(world.revisions().await, [3]);
}

/// Not only what a service shall run is in use: what it still runs, and what its task sets run.
#[tokio::test]
async fn deployments_in_flight_and_task_sets_use_their_revisions() {
    let world = World::start("flight").await;
    world.images(&limited(ecs(&world.name, "api"), 10), 4).await;
    world.service(4, 0).await;
    let seen = world.aws.json("ecs", "DescribeServices", json!({"cluster": "prod", "services": ["api"]})).await;
    let mut service = seen["services"][0].clone();
    let mut deployment = service["deployments"][0].clone();
    deployment["status"] = json!("ACTIVE");
    deployment["taskDefinition"] = json!(world.task_definition(1));
    service["deployments"].as_array_mut().expect("deployments").push(deployment);
    service["taskSets"] = json!([{"id": "t", "status": "ACTIVE", "taskDefinition": world.task_definition(2)}]);
    world.proxy.inject(Rule::on("DescribeServices", Fault::Answer(json!({"services": [service], "failures": []}))));
    world.patch("api", json!({"spec": {"revisionHistoryLimit": 0}})).await;
    world.older(2).await;
    assert_eq!(world.revisions().await, [1, 2, 4], "the third is used by nothing");
    // A service that is gone uses nothing.
    world.proxy.heal();
    let mut gone = service;
    gone["status"] = json!("INACTIVE");
    world.proxy.inject(Rule::on("DescribeServices", Fault::Answer(json!({"services": [gone], "failures": []}))));
    world.poke("api").await;
    world.older(0).await;
    assert_eq!(world.revisions().await, [4]);
}

#[tokio::test]
async fn a_deletion_waits_for_a_service_until_it_is_gone_or_forced() {
    each([false, true].map(|force| (format!("force: {force}"), force)), |force| async move {
        let world = World::start("waits").await;
        world.converge_ecs("api").await;
        world.service(1, 1).await;
        world.proxy.forget();
        world.delete("api").await;
        let condition = world.not_ready("api", "DeletionBlocked").await;
        assert!(condition.message.contains("service/") && condition.message.contains("force-delete"), "{}", condition.message);
        assert_eq!(world.proxy.written(), [] as [&str; 0], "definition, secret and grant stay");
        if force {
            world.annotate("api", "wharfinger.dev/force-delete", json!("true")).await;
        } else {
            world.delete_service().await;
            world.ask("api").await;
        }
        world.gone("api").await;
        assert!(world.aws.holdings().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_deletion_waits_for_unfinished_jobs() {
    let world = World::start("jobs").await;
    world.login("first").await;
    world.apply(&batch(&world.name, "api", "containerProperties")).await;
    world.ready("api").await;
    let definition = world.aws.holdings().await.jobs[0].arn.clone();
    // moto runs jobs in containers only, so their list is given.
    let queue = json!({"jobQueueName": "q", "jobQueueArn": "arn:aws:batch:eu-west-1:111122223333:job-queue/q", "state": "ENABLED",
        "priority": 1, "computeEnvironmentOrder": []});
    world.proxy.inject(Rule::on("DescribeJobQueues", Fault::Answer(json!({"jobQueues": [queue]}))));
    let job = json!({"jobId": "0b69", "jobName": "settle", "jobDefinition": definition, "status": "RUNNABLE"});
    let runnable = Rule::matching(
        |call| call.operation == "ListJobs" && call.body["jobStatus"] == "RUNNABLE",
        Fault::Answer(json!({"jobSummaryList": [job]})),
    );
    world.proxy.inject(runnable);
    world.proxy.inject(Rule::on("ListJobs", Fault::Answer(json!({"jobSummaryList": []}))));
    world.delete("api").await;
    let condition = world.not_ready("api", "DeletionBlocked").await;
    assert!(condition.message.contains("job 0b69"), "{}", condition.message);
    world.proxy.heal();
    world.ask("api").await;
    world.gone("api").await;
    assert!(world.aws.holdings().await.is_empty());
}

/// Who may not list what runs, may not end it.
#[tokio::test]
async fn a_deletion_that_cannot_see_what_runs_waits() {
    let world = World::start("unseen").await;
    world.converge_ecs("api").await;
    world.service(1, 0).await;
    world.proxy.inject(Rule::on("ListServices", Fault::Denied));
    world.proxy.forget();
    world.delete("api").await;
    let condition = world.not_ready("api", "AccessDenied").await;
    assert!(condition.message.contains("ListServices") && condition.message.contains("counts as used"), "{}", condition.message);
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    world.annotate("api", "wharfinger.dev/force-delete", json!("true")).await;
    world.gone("api").await;
    assert!(world.aws.holdings().await.is_empty());
}

/// More than AWS's bucket would take at once: all go, one after the other.
#[tokio::test]
async fn many_revisions_end_within_the_rate() {
    let world = World::start("many").await;
    world.images(&limited(ecs(&world.name, "api"), 100), 13).await;
    assert_eq!(world.revisions().await.len(), 13);
    world.proxy.forget();
    world.delete_and_wait("api").await;
    assert_eq!(world.proxy.counts().get("DeregisterTaskDefinition"), Some(&13), "each once");
    assert!(world.aws.holdings().await.is_empty());
}

/// A family may have more revisions than a page holds.
#[tokio::test]
async fn a_deletion_reads_every_page() {
    let world = World::start("pages").await;
    world.images(&limited(ecs(&world.name, "api"), 100), 3).await;
    let family = world.definition_name("api");
    let page = |token: Option<&'static str>, arns: &[String], next: Option<&str>| {
        let family = family.clone();
        let is_page = move |call: &super::proxy::Call| {
            call.operation == "ListTaskDefinitions"
                && call.body["familyPrefix"] == family
                && call.body["nextToken"].as_str() == token
        };
        world
            .proxy
            .inject(Rule::matching(is_page, Fault::Answer(json!({"taskDefinitionArns": arns, "nextToken": next}))).only(0));
    };
    page(None, &[world.task_definition(3)], Some("2"));
    page(Some("2"), &[], Some("3")); // a page may be empty and not the last
    page(Some("3"), &[world.task_definition(2), world.task_definition(1)], None);
    world.delete_and_wait("api").await;
    assert_eq!(world.proxy.counts().get("DeregisterTaskDefinition"), Some(&3));
    assert!(world.aws.holdings().await.is_empty());
}

/// From ECS to Batch, to another family, role or registry: killed at each write, the new is there before the old goes, and nothing
/// of the old stays.
#[tokio::test]
async fn a_change_of_kind_family_role_or_registry_survives_a_kill_at_any_write() {
    let whats = ["kind", "family", "role", "registry"];
    let points = whats.into_iter().flat_map(|what| (0..5).flat_map(move |nth| [false, true].map(|done| (what, nth, done))));
    let sample = points.enumerate().filter(|(number, _)| soak() || number % 7 == 3).map(|(_, point)| point);
    let rows = sample.map(|(what, nth, done)| (format!("{what}, write {nth}, done: {done}"), (what, nth, done)));
    each(rows, |(what, nth, done)| async move {
        let mut world = World::start("move").await;
        let both = json!({"auths": {"registry.example.com": {"username": "a", "password": "1"},
            "ghcr.io": {"username": "b", "password": "2"}}});
        let data = json!({".dockerconfigjson": both.to_string()});
        world.apply(&super::manifests::source(&world.name, "regcred", "kubernetes.io/dockerconfigjson", data)).await;
        let before = limited(ecs(&world.name, "api"), 0);
        world.apply(&before).await;
        world.ready("api").await;
        world.poke("api").await;
        let after = match what {
            "kind" => limited(batch(&world.name, "api", "containerProperties"), 0),
            "family" => with(before, "/spec/ecs/family", json!(format!("{}_other", world.name))),
            "role" => with(before, "/spec/executionRole", json!({"name": format!("{}_b", world.role_name())})),
            _ => with(before, "/spec/image", json!("ghcr.io/acme/api:1")),
        };
        let reached = world.proxy.hold_write(nth, done);
        if what == "kind" {
            world.patch("api", json!({"spec": {"ecs": null, "batch": after["spec"]["batch"]}})).await;
        } else {
            world.apply(&after).await;
        }
        // Some changes take fewer writes: then it is a change that is not disturbed.
        if timeout(PATIENCE / 10, reached.notified()).await.is_ok() {
            assert!(!world.revisions().await.is_empty(), "there is always a registered definition");
            world.kill();
            world.proxy.heal();
            world.run().await;
        }
        world.ready("api").await;
        world.older(0).await;
        let is_done = |status: &wharfinger::api::PrivateImageWorkloadStatus| {
            status.former_roles.is_empty() && status.secrets.iter().all(|secret| !secret.former)
        };
        world.until("api", "have nothing of the past left", is_done).await;
        let holdings = world.aws.holdings().await;
        let arns: Vec<&String> = holdings.definitions().map(|definition| &definition.arn).collect();
        let [definition] = arns.as_slice() else { panic!("{what}: {arns:?}") };
        let current = world.get("api").await.status.and_then(|status| status.definition).expect("a definition");
        assert_eq!(**definition, current.arn);
        assert_eq!(holdings.roles.len(), 1, "{what}: {:?}", holdings.roles);
        assert_eq!(holdings.secrets.iter().filter(|secret| !secret.deleted).count(), 1, "{what}");
        world.delete_and_wait("api").await;
        assert!(world.aws.holdings().await.is_empty(), "{what}");
    })
    .await;
}

#[tokio::test]
async fn a_newer_revision_by_hand_is_reported_and_left() {
    let world = World::start("by-hand").await;
    world.converge_ecs("api").await;
    let ours = world.aws.holdings().await.tasks[0].clone();
    let tags: Vec<Value> = ours.tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let by_hand = json!({"family": ours.name, "tags": tags,
        "containerDefinitions": [{"name": "api", "image": "registry.example.com/other:1", "memory": 128}]});
    world.aws.json("ecs", "RegisterTaskDefinition", by_hand).await;
    world.proxy.forget();
    let workload = world.poke("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    let status = workload.status.expect("a status");
    assert_eq!(status.definition.map(|definition| definition.revision), Some(1));
    let condition = super::waits::condition(&world.get("api").await.status.unwrap_or_default(), "DefinitionRegistered");
    let condition = condition.expect("the condition");
    assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("True", "ForeignRevision"));
    assert!(condition.message.contains(&world.task_definition(2)), "{}", condition.message);
}
