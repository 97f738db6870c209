//! The controller is killed between any two writes of a creation, or while a write is on its way: the same end, nothing twice.

use super::converge::assert_whole;
use super::manifests::{BATCH_FORMS, batch, ecs, with};
use super::proxy::PATIENCE;
use super::rows::{each, soak};
use super::world::World;
use serde_json::{Value, json};
use tokio::time::timeout;

fn manifest(world: &World, shape: &str) -> Value {
    if shape == "ecs" { ecs(&world.name, "api") } else { batch(&world.name, "api", shape) }
}

/// Kills the controller at the nth write from now, and starts it again.
async fn crash(world: &mut World, nth: usize, done: bool, change: impl AsyncFnOnce(&World)) {
    let reached = world.proxy.hold_write(nth, done);
    change(world).await;
    let waited = timeout(PATIENCE, reached.notified()).await;
    assert!(waited.is_ok(), "write {nth} is never reached; the calls were {:?}", world.proxy.counts());
    world.kill();
    world.proxy.heal();
    world.run().await;
}

/// Every shape in a soak, else ECS only.
fn shapes() -> impl Iterator<Item = &'static str> {
    ["ecs"].into_iter().chain(BATCH_FORMS.into_iter().filter(|_| soak()))
}

#[tokio::test]
async fn a_creation_survives_a_kill_at_any_write() {
    let points = shapes().flat_map(|shape| (0..5).flat_map(move |nth| [false, true].map(|done| (shape, nth, done))));
    let rows = points.map(|(shape, nth, done)| {
        (format!("{shape}, killed {} write {nth}", if done { "after" } else { "before" }), (shape, nth, done))
    });
    each(rows, |(shape, nth, done)| async move {
        let mut world = World::start("crash").await;
        crash(&mut world, nth, done, async |world| {
            world.login("first").await;
            world.apply(&manifest(world, shape)).await;
        })
        .await;
        world.ready("api").await;
        world.poke("api").await;
        let holdings = world.aws.holdings().await;
        assert_whole(&world, &holdings, "api", "first");
        assert!(holdings.definitions().all(|definition| definition.revision == 1), "nothing was registered twice");
        assert_eq!(holdings.secrets[0].versions.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_deletion_survives_a_kill_at_any_write() {
    let points = shapes().flat_map(|shape| (0..5).flat_map(move |nth| [false, true].map(|done| (shape, nth, done))));
    let points = points.enumerate().filter(|(number, _)| soak() || number % 2 == 1).map(|(_, point)| point);
    let rows = points.map(|(shape, nth, done)| (format!("{shape}, write {nth}, done: {done}"), (shape, nth, done)));
    each(rows, |(shape, nth, done)| async move {
        let mut world = World::start("crash-delete").await;
        world.login("first").await;
        world.apply(&manifest(&world, shape)).await;
        world.ready("api").await;
        crash(&mut world, nth, done, async |world| world.delete("api").await).await;
        world.gone("api").await;
        let holdings = world.aws.holdings().await;
        assert!(holdings.is_empty() && holdings.secrets.len() == 1, "{holdings:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_change_survives_a_kill() {
    let rows = [false, true].map(|done| (format!("done: {done}"), done));
    each(rows, |done| async move {
        let mut world = World::start("crash-change").await;
        world.converge_ecs("api").await;
        crash(&mut world, 0, done, async |world| world.login("second").await).await;
        world.poke("api").await;
        assert_whole(&world, &world.aws.holdings().await, "api", "second");
        crash(&mut world, 0, done, async |world| {
            let image = json!("registry.example.com/payments/api:2");
            world.apply(&with(ecs(&world.name, "api"), "/spec/image", image)).await;
        })
        .await;
        world.ready("api").await;
        world.poke("api").await;
        let revisions: Vec<i64> = world.aws.holdings().await.tasks.iter().map(|task| task.revision).collect();
        assert_eq!(revisions, [1, 2]);
    })
    .await;
}
