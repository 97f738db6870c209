//! Two processes, one writes: whoever leads is killed, ended, stopped in the middle of a write, cut off, or has its Lease taken away.

use super::controller::{Controller, Places};
use super::converge::assert_whole;
use super::gate::Wire;
use super::manifests::{ecs, with};
use super::proxy::{PATIENCE, Proxy};
use super::rows::{each, soak};
use super::world::World;
use serde_json::json;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::timeout;

/// A second process in the world of a first one, with a view of AWS of its own.
struct Rival {
    controller: Controller,
    proxy: Proxy,
}

impl Rival {
    /// Waits until it stands by, with its watches synced.
    async fn stand_by(world: &mut World, kubeconfig: Option<&Path>) -> Self {
        let proxy = Proxy::start(&super::parts::parts().moto).await;
        let mut controller = world.another(&Places { aws: &proxy.url, kubeconfig });
        controller.is("standby").await;
        Self { controller, proxy }
    }

    async fn leads(&mut self) {
        self.controller.is("leading").await;
    }
}

/// A world whose first process leads, and has converged a workload.
async fn led(test: &str) -> World {
    let mut world = World::start(test).await;
    world.converge_ecs("api").await;
    world.controller().is("leading").await;
    world
}

/// The workload with another image, so that there is something to write.
async fn change(world: &World, tag: &str) {
    world.apply(&with(ecs(&world.name, "api"), "/spec/image", json!(format!("registry.example.com/payments/api:{tag}")))).await;
}

async fn revisions(world: &World) -> Vec<i64> {
    world.aws.holdings().await.tasks.iter().map(|task| task.revision).collect()
}

#[tokio::test]
async fn whoever_stands_by_calls_nobody_and_takes_over_from_one_that_was_killed() {
    let mut world = led("killed").await;
    let mut rival = Rival::stand_by(&mut world, None).await;
    world.login("second").await;
    world.proxy.until("the new password", |calls| calls.iter().any(|call| call.operation == "PutSecretValue")).await;
    world.renewals(2).await;
    assert_eq!(rival.proxy.counts().len(), 0, "while another process leads it does not even look");
    let before = world.holder().await.expect("somebody leads");
    world.kill();
    change(&world, "2").await;
    rival.leads().await;
    world.ready("api").await;
    assert_ne!(world.holder().await, Some(before));
    assert_eq!(revisions(&world).await, [1, 2]);
    assert_eq!(rival.proxy.written().iter().filter(|call| *call == "RegisterTaskDefinition").count(), 1);
    let line = rival.controller.says("leading").await;
    assert_eq!(line["after_release"], false, "nobody had let the Lease go");
}

#[tokio::test]
async fn one_that_is_asked_to_end_finishes_its_writes_and_lets_the_lease_go() {
    let mut world = led("ended").await;
    let mut rival = Rival::stand_by(&mut world, None).await;
    let reached = world.proxy.slow_write(0);
    change(&world, "2").await;
    timeout(PATIENCE, reached.notified()).await.expect("a write begins");
    let status = world.controller().terminate().await;
    assert!(status.success(), "{status}");
    let done = world.proxy.writes();
    assert!(done.iter().all(|call| call.status == Some(200)), "every write was answered before the end: {done:?}");
    rival.leads().await;
    let line = rival.controller.says("leading").await;
    assert_eq!(line["after_release"], true, "it did not have to wait");
    world.ready("api").await;
    world.poke("api").await;
    assert_eq!(revisions(&world).await, [1, 2]);
    assert_eq!(rival.proxy.written(), [] as [&str; 0], "nothing was left to write");
}

#[tokio::test]
async fn one_that_is_stopped_at_a_write_writes_nothing_when_it_wakes() {
    let rows = [false, true].map(|done| (format!("AWS has done the write: {done}"), done));
    each(rows, |done| async move {
        let mut world = World::start("stopped").await;
        world.controller().is("leading").await;
        let mut rival = Rival::stand_by(&mut world, None).await;
        let reached = world.proxy.hold_write(1, done);
        world.login("first").await;
        world.apply(&ecs(&world.name, "api")).await;
        timeout(PATIENCE, reached.notified()).await.expect("a write is reached");
        world.controller().signal("STOP");
        let written = world.proxy.written();
        rival.leads().await;
        world.ready("api").await;
        world.controller().signal("CONT");
        let status = world.controller().ended().await;
        assert_eq!(status.signal(), Some(6), "the watchdog ends it: {status}");
        assert_eq!(world.proxy.written(), written, "and it has written nothing more");
        world.poke("api").await;
        let holdings = world.aws.holdings().await;
        assert_whole(&world, &holdings, "api", "first");
        assert!(holdings.definitions().all(|definition| definition.revision == 1), "nothing is there twice");
        assert_eq!((holdings.secrets.len(), holdings.roles.len()), (1, 1));
        if soak() && !done {
            late_write_is_repaired(&world, &rival).await;
        }
    })
    .await;
}

/// A deletion of the former leader's that AWS takes long after: nobody asks for a pass.
async fn late_write_is_repaired(world: &World, rival: &Rival) {
    let policy = world.aws.holdings().await.roles[0].inline.keys().next().expect("our policy").clone();
    rival.proxy.forget();
    world.aws.iam("DeleteRolePolicy", &[("RoleName", &world.role_name()), ("PolicyName", &policy)]).await;
    rival.proxy.until("the policy again", |calls| calls.iter().any(|call| call.operation == "PutRolePolicy")).await;
}

#[tokio::test]
async fn one_whose_lease_is_taken_away_by_hand_stops_at_once_and_stays() {
    let rows = [false, true].map(|deleted| (format!("deleted: {deleted}"), deleted));
    each(rows, |deleted| async move {
        let mut world = led("taken-away").await;
        match deleted {
            true => world.delete_lease().await,
            false => world.patch_lease(json!({"spec": {"holderIdentity": "somebody"}})).await,
        }
        world.controller().says("no longer leading").await;
        world.controller().is("standby").await;
        change(&world, "2").await;
        // Nobody renews it, so it is free again after a while.
        world.controller().is("leading").await;
        world.ready("api").await;
        assert_eq!(revisions(&world).await, [1, 2]);
    })
    .await;
}

/// A world whose first process leads by a wire, has converged a workload, and the kubeconfig that leads through the wire.
async fn led_by_wire(test: &str) -> (World, Wire, PathBuf) {
    let mut world = World::enter(test).await.still().await;
    world.free_lease().await;
    let wire = Wire::start(true).await;
    let through = wire.kubeconfig(&world.name);
    let url = world.proxy.url.clone();
    world.controller = Some(world.another(&Places { aws: &url, kubeconfig: Some(&through) }));
    world.converge_ecs("api").await;
    (world, wire, through)
}

#[tokio::test]
async fn one_that_is_cut_off_stops_by_itself_and_another_takes_over() {
    let (mut world, wire, _) = led_by_wire("cut-off").await;
    let mut rival = Rival::stand_by(&mut world, None).await;
    wire.cut();
    world.proxy.forget();
    world.login("second").await;
    change(&world, "2").await;
    world.controller().says("no longer leading").await;
    rival.leads().await;
    world.ready("api").await;
    wire.mend();
    world.controller().is("standby").await;
    world.poke("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0], "what was cut off heard of no change, and wrote nothing");
    let secret = &world.aws.holdings().await.secrets[0];
    assert_eq!(secret.value.as_ref().map(|value| &value["password"]), Some(&json!("second")));
    assert_eq!(revisions(&world).await, [1, 2]);
}

/// How long the API server is gone: until the leader has stopped by itself, in a soak a minute.
const GONE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn while_the_api_server_is_gone_nobody_leads_and_nobody_dies() {
    let (mut world, wire, through) = led_by_wire("api-gone").await;
    let mut rival = Rival::stand_by(&mut world, Some(&through)).await;
    let holder = world.holder().await;
    // A restart: connections end, and it is there again.
    wire.cut();
    wire.mend();
    change(&world, "2").await;
    world.ready("api").await;
    assert_eq!(world.holder().await, holder, "a restart changes nobody's mind");
    wire.cut();
    world.controller().says("no longer leading").await;
    if soak() {
        tokio::time::sleep(GONE).await; // the length of the outage is what is tried, not waited out
    } else {
        eprintln!("a minute's outage is tried by WHARFINGER_SOAK=1 only; this one ends when the leader has stopped");
    }
    world.proxy.forget();
    change(&world, "3").await;
    wire.mend();
    world.ready("api").await;
    assert_eq!(revisions(&world).await, [1, 2, 3]);
    for controller in [world.controller(), &mut rival.controller] {
        controller.get("health_addr", "/healthz").await; // alive: neither was ended by its watchdog
    }
    let writers = [world.proxy.written(), rival.proxy.written()];
    assert!(writers.iter().any(Vec::is_empty), "only one of them wrote: {writers:?}");
}

#[tokio::test]
async fn one_that_never_reached_the_api_server_ends_when_it_is_asked_to() {
    let mut world = World::enter("unreached").await.still().await;
    let wire = Wire::start(true).await;
    wire.cut();
    let through = wire.kubeconfig(&world.name);
    let url = world.proxy.url.clone();
    let mut controller = world.another(&Places { aws: &url, kubeconfig: Some(&through) });
    controller.readyz(503, &["id of the cluster", "custom resource definitions", "cannot be reached"]).await;
    let status = controller.terminate().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_namespace_that_is_missing_is_named_and_nothing_is_written() {
    let mut world = World::enter("no-lease").await.flags(&["--lease-namespace", "nowhere"]).start().await;
    world.login("first").await;
    world.apply(&ecs(&world.name, "api")).await;
    world.controller().readyz(503, &["Lease nowhere/wharfinger: ", "\"nowhere\" not found", "cannot lead"]).await;
    let told = world.controller().warnings("Lease nowhere/wharfinger");
    assert_eq!(told.len(), 1, "it is told once: {told:#?}");
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
}
