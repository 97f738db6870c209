//! What holds for every workload, whatever it asks for and whatever happened to what it made.

use super::fixtures::{PASSWORD, docker, inputs};
use super::story::Story;
use super::world::{World, failure, make_current};
use proptest::prelude::*;
use serde_json::json;
use wharfinger::failure::FailureKind;
use wharfinger::inputs::Inputs;
use wharfinger::plan::{Hold, Plan};
use wharfinger::resource::tags::OWNER;

/// A workload of any of the forms, with one to four images from some of four registries.
fn workloads() -> impl Strategy<Value = Inputs> {
    let image = ("(a|b|c)\\.example\\.com|ghcr\\.io/acme", "[a-z]{1,8}", "[0-9]{1,2}")
        .prop_map(|(host, name, tag)| format!("{host}/{name}:{tag}"));
    let images = prop::collection::vec(image, 1..4);
    (images, 0..4u8, any::<bool>(), any::<bool>()).prop_map(|(images, form, logs, own_role)| {
        let container = |(index, image): (usize, &String)| {
            let logs = if logs { ", logConfiguration: {logDriver: awslogs}" } else { "" };
            format!("{{name: c{index}, image: '{image}'{logs}}}")
        };
        let containers: Vec<String> = images.iter().enumerate().map(container).collect();
        let list = containers.join(", ");
        let definition = match form {
            0 => format!("ecs: {{containerDefinitions: [{list}]}}"),
            1 => format!("batch: {{containerProperties: {}}}", containers[0]),
            2 => format!("batch: {{ecsProperties: {{taskProperties: [{{containers: [{list}]}}]}}}}"),
            _ => format!("batch: {{nodeProperties: {{numNodes: 1, mainNode: 0, nodeRangeProperties: [{{targetNodes: '0', container: {}}}]}}}}", containers[0]),
        };
        let role = if own_role { "executionRole: {name: wharfinger_payments_own}\n" } else { "" };
        let mut inputs = inputs(&format!("credentials: [{{secretRef: {{name: regcred}}}}]\n{role}{definition}"));
        let hosts = ["a.example.com", "b.example.com", "c.example.com", "ghcr.io/acme"];
        inputs.sources.insert("regcred".into(), docker(&hosts.map(|host| (host, "puller", PASSWORD))));
        inputs
    })
}

/// Something that happens behind our back.
#[derive(Debug, Clone, Copy)]
enum Event {
    SecretsGone,
    SecretsScheduled,
    ValuesChanged,
    SecretTagsGone,
    SecretsTaken,
    RoleGone,
    PolicyGone,
    PolicyChanged,
    TrustChanged,
    RoleTaken,
    Detached,
    Deregistered,
    DefinitionTagsGone,
    DefinitionTaken,
    StatusLost,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    use Event::*;
    let all = vec![
        SecretsGone,
        SecretsScheduled,
        ValuesChanged,
        SecretTagsGone,
        SecretsTaken,
        RoleGone,
        PolicyGone,
        PolicyChanged,
        TrustChanged,
        RoleTaken,
        Detached,
        Deregistered,
        DefinitionTagsGone,
        DefinitionTaken,
        StatusLost,
    ];
    prop::collection::vec(prop::sample::select(all), 0..5)
}

fn happen(event: Event, story: &mut Story) {
    let world = &mut story.world;
    let theirs = || "PrivateImageWorkload/theirs".to_owned();
    match event {
        Event::SecretsGone => world.secrets.clear(),
        Event::SecretsScheduled => world.secrets.values_mut().for_each(|it| it.scheduled_for_deletion = true),
        Event::ValuesChanged => world.secrets.values_mut().for_each(|it| make_current(it, "by hand")),
        Event::SecretTagsGone => world.secrets.values_mut().for_each(|it| it.tags.clear()),
        Event::SecretsTaken => world.secrets.values_mut().for_each(|it| drop(it.tags.insert(OWNER.into(), theirs()))),
        Event::RoleGone => world.roles.clear(),
        Event::PolicyGone => world.roles.values_mut().for_each(|it| it.inline.clear()),
        Event::PolicyChanged => {
            world.roles.values_mut().for_each(|it| it.inline.values_mut().for_each(|policy| *policy = json!({})))
        }
        Event::TrustChanged => world.roles.values_mut().for_each(|it| it.seen.trust = json!({})),
        Event::RoleTaken => world.roles.values_mut().for_each(|it| drop(it.seen.tags.insert(OWNER.into(), theirs()))),
        Event::Detached => world.roles.values_mut().for_each(|it| it.attached.clear()),
        Event::Deregistered => world.definitions.clear(),
        Event::DefinitionTagsGone => world.definitions.values_mut().flatten().for_each(|it| it.tags.clear()),
        Event::DefinitionTaken => {
            world.definitions.values_mut().flatten().for_each(|it| drop(it.tags.insert(OWNER.into(), theirs())))
        }
        Event::StatusLost => story.inputs.workload.status = None,
    }
}

/// Whose things are not ours to touch, as the world shows them.
fn theirs(world: &World) -> Vec<String> {
    let is_theirs = |tags: &wharfinger::resource::tags::Tags| tags.get(OWNER).is_some_and(|owner| owner.ends_with("/theirs"));
    let secrets = world.secrets.values().filter(|it| is_theirs(&it.tags)).map(|it| format!("{it:?}"));
    let roles = world.roles.values().filter(|it| is_theirs(&it.seen.tags)).map(|it| format!("{it:?}"));
    let definitions = world.definitions.values().flatten().filter(|it| is_theirs(&it.tags)).map(|it| format!("{it:?}"));
    secrets.chain(roles).chain(definitions).collect()
}

fn conflicts(plan: &Plan) -> bool {
    plan.held.iter().any(|held| held.hold == Hold::NotOurs)
}

/// Many more in `make soak`.
fn config() -> ProptestConfig {
    let cases = if super::super::soak() { 5000 } else { 50 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_workload_settles_and_stays_so(inputs in workloads()) {
        let mut story = Story::new(inputs);
        let writes = story.plan().steps.len();
        prop_assert_eq!(story.settle(), writes, "one pass does it");
        prop_assert_eq!(story.settle(), 0);
        prop_assert!(story.fault("Ready").is_none());
    }

    #[test]
    fn whatever_happens_it_is_put_right_or_left_to_its_owner(inputs in workloads(), events in events()) {
        let mut story = Story::settled(inputs);
        for event in events {
            happen(event, &mut story);
        }
        let before = theirs(&story.world);
        let plan = story.plan();
        prop_assert_eq!(&story.plan(), &plan, "planning twice is the same");
        story.pass();
        story.pass();
        prop_assert_eq!(theirs(&story.world), before, "what is theirs is as it was");
        let plan = story.plan();
        prop_assert!(plan.steps.is_empty(), "after two passes nothing is left to write: {}", plan);
        prop_assert_eq!(plan.held.is_empty(), story.fault("Ready").is_none());
        if !plan.held.is_empty() {
            prop_assert!(conflicts(&plan), "only what is not ours is held: {}", plan);
        }
    }

    #[test]
    fn a_crash_after_any_write_is_made_good(inputs in workloads(), events in events(), writes in 0..12usize) {
        let mut undisturbed = Story::settled(inputs.clone());
        let mut crashing = Story::settled(inputs);
        for event in events {
            happen(event, &mut undisturbed);
            happen(event, &mut crashing);
        }
        crashing.crash_after(writes);
        for story in [&mut undisturbed, &mut crashing] {
            story.pass();
            story.pass();
        }
        prop_assert_eq!(crashing.world.essence(), undisturbed.world.essence());
    }

    #[test]
    fn what_cannot_be_seen_is_never_touched(inputs in workloads(), events in events()) {
        let mut story = Story::settled(inputs);
        for event in events {
            happen(event, &mut story);
        }
        story.world.blind = Some(failure(FailureKind::Throttled));
        let plan = story.plan();
        prop_assert!(plan.steps.is_empty() && !plan.held.is_empty(), "{}", plan);
        let removal = story.removal();
        prop_assert!(removal.steps.is_empty() && !removal.held.is_empty(), "{}", removal);
    }

    #[test]
    fn a_removal_leaves_nothing_of_ours_and_all_of_theirs(inputs in workloads(), events in events()) {
        let mut story = Story::settled(inputs);
        for event in events {
            happen(event, &mut story);
        }
        let before = theirs(&story.world);
        drop(story.remove());
        prop_assert_eq!(theirs(&story.world), before);
        let ours = story.world.definitions.values().flatten().filter(|it| it.tags.contains_key(OWNER)).count();
        prop_assert_eq!(ours, theirs(&story.world).iter().filter(|it| it.contains("definition")).count());
    }
}
