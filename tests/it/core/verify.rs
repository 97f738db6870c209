//! What registries say of images, and what follows: nothing, a warning, a definition that waits, a digest in place of a tag.

use super::fixtures::{API, ambient, desired, fenced, inputs, problems, told, workload};
use super::story::Story;
use super::world::World;
use serde_json::{Value, json};
use wharfinger::api::{ImageFailureClass as Class, ImageStatus, PrivateImageWorkload};
use wharfinger::plan::{self, Action, questions};
use wharfinger::resource::definition::containers;
use wharfinger::resource::normalise::DefinitionKind;
use wharfinger::resource::secret::ObservedSecret;
use wharfinger::resource::verification::{ImageRead, LoginSource, Proof, failed};
use wharfinger::status::find;

impl World {
    /// What the image's registry says.
    pub(crate) fn answer(&self, read: &ImageRead) -> ImageStatus {
        let version = match &read.login {
            LoginSource::Given { version_id, .. } => Some(version_id.clone()),
            LoginSource::Stored { .. } => self.secret(&read.secret).and_then(|secret| secret.current()).map(str::to_owned),
        };
        let digest = format!("sha256:{}", self.moved.to_string().repeat(64));
        let answer = match self.refusal {
            Some(class) => Err(failed(class, "registry.example.com says no")),
            None => Ok(Proof { digest, note: None }),
        };
        read.answered(version.as_deref(), "2026-01-01T00:00:00Z".parse().unwrap(), answer)
    }
}

fn story(settings: &str) -> Story {
    Story::new(inputs(&format!("{API}{settings}\n")))
}

/// The images of the registered revisions, oldest first.
fn images(story: &Story) -> Vec<String> {
    let all = story.world.definitions.values().flatten();
    let image = |container: (String, serde_json::Map<String, Value>)| container.1["image"].as_str().unwrap().to_owned();
    all.flat_map(|it| containers(DefinitionKind::TaskDefinition, &it.content)).map(image).collect()
}

fn verdict(story: &Story) -> Option<(String, String)> {
    find(story.status(), "ImageVerified").map(|it| (it.status.clone(), it.reason.clone()))
}

fn pinned(digit: &str) -> String {
    format!("registry.example.com/payments/api@sha256:{}", digit.repeat(64))
}

const TAGGED: &str = "registry.example.com/payments/api:1.4.2";

#[test]
fn what_each_failure_does() {
    let no = ("False", "ImageNotVerified");
    let nobody_knows = ("Unknown", "RegistryUnavailable");
    let rows = [
        (Class::WrongCredential, no),
        (Class::NoAccess, no),
        (Class::ImageNotFound, no),
        (Class::PlatformMismatch, no),
        (Class::RateLimited, nobody_knows),
        (Class::Unreachable, nobody_knows),
        (Class::Tls, no),
        (Class::NotAllowed, no),
        (Class::Malformed, no),
        (Class::NotVerified, ("Unknown", "ImageNotVerified")),
    ];
    for (class, (status, reason)) in rows {
        for (settings, registered) in [("", true), ("verify: Warn", true), ("verify: Enforce", false), ("pinDigest: true", false)]
        {
            let mut story = story(settings);
            story.world.refusal = Some(class);
            story.pass();
            assert_eq!(images(&story), if registered { vec![TAGGED] } else { vec![] }, "{settings}, {class:?}");
            assert_eq!(verdict(&story), Some((status.into(), reason.into())), "{settings}, {class:?}");
            assert_eq!(story.fault("CredentialsSynced"), None, "{settings}, {class:?}: the secret is kept in any case");
            let ready = story.fault("Ready").map(|(reason, _)| reason);
            assert_eq!(ready, (!registered).then(|| reason.to_owned()), "{settings}, {class:?}");
            let warned = story.status().warnings.iter().any(|warning| warning.contains(&format!("{class:?}")));
            assert_eq!(warned, class != Class::NotVerified && !settings.contains("Enforce"), "{settings}, {class:?}");
            story.world.refusal = None;
            story.settle();
            assert_eq!(story.fault("Ready"), None, "{settings}, {class:?}: it goes on by itself");
        }
    }
}

#[test]
fn off_asks_nobody() {
    let mut story = story("verify: Off");
    assert_eq!(desired(&story.inputs).images, []);
    story.world.refusal = Some(Class::WrongCredential);
    story.settle();
    assert_eq!((verdict(&story), story.fault("Ready"), story.status().images.len()), (None, None, 0));
}

#[test]
fn what_was_proven_stays_registered_while_a_registry_says_nothing() {
    let mut story = story("verify: Enforce");
    story.settle();
    story.world.refusal = Some(Class::Unreachable);
    story.pass();
    assert_eq!(images(&story), [TAGGED]);
    assert_eq!(story.fault("Ready").unwrap().0, "RegistryUnavailable");
    assert!(find(story.status(), "Reconciling").is_some());
    story.inputs.workload.spec.ecs.as_mut().unwrap()["containerDefinitions"][0]["command"] = json!(["other"]);
    story.pass();
    assert_eq!(images(&story), [TAGGED], "and nothing else is registered");
}

#[test]
fn a_digest_takes_the_place_of_the_tag_and_follows_it() {
    let mut story = story("pinDigest: true");
    story.settle();
    assert_eq!(images(&story), [pinned("0")]);
    assert_eq!(story.settle(), 0, "the same digest is no change");
    story.world.moved = 1;
    story.settle();
    assert_eq!(images(&story), [pinned("0"), pinned("1")]);
    story.world.moved = 2;
    story.world.refusal = Some(Class::RateLimited);
    assert_eq!(story.settle(), 0, "the last digest stays, and no tag comes back");
    assert_eq!(images(&story).last(), Some(&pinned("1")));
    story.inputs.workload.spec.image = Some("registry.example.com/payments/api:1.4.3".into());
    story.pass();
    let (reason, message) = story.fault("Ready").unwrap();
    assert!(reason == "RegistryUnavailable" && message.contains("no digest is known"), "{message}");
    assert_eq!(images(&story).len(), 2, "another tag has another digest");
}

#[test]
fn where_nobody_is_asked_the_tag_is_shown() {
    let plan = wharfinger::converge::from_nothing(&inputs(&format!("{API}verify: Enforce\npinDigest: true\n"))).unwrap();
    let registered = plan.steps.iter().find_map(|step| match &step.action {
        Action::RegisterDefinition { document, .. } => Some(document["containerDefinitions"][0]["image"].clone()),
        _ => None,
    });
    assert_eq!(registered, Some(json!(TAGGED)));
    assert!(plan.notes.iter().any(|note| note.contains("@DIGEST")), "{:?}", plan.notes);
}

#[test]
fn each_image_is_asked_for_once_with_its_login_for_its_platform() {
    let two = "
credentials: [{secretRef: {name: regcred}}]
ecs:
  cpu: '256'
  containerDefinitions:
  - {name: a, image: 'registry.example.com/a:1'}
  - {name: b, image: 'registry.example.com/b:1'}
  - {name: c, image: 'registry.example.com/a:1'}
  - {name: d, image: 'public.ecr.aws/docker/library/busybox:1'}
  - {name: e, image: 'ghcr.io/acme/e:1'}
";
    let reads = desired(&inputs(two)).images;
    let told: Vec<(&str, usize)> = reads.iter().map(|read| (read.image.written(), read.containers.len())).collect();
    assert_eq!(told, [("registry.example.com/a:1", 2), ("registry.example.com/b:1", 1)]);
    let platform = |definition: &str| {
        let spec = format!("image: registry.example.com/a:1\ncredentials: [{{secretRef: {{name: regcred}}}}]\n{definition}\n");
        let reads = desired(&inputs(&spec)).images;
        reads[0].platform.as_ref().map(ToString::to_string)
    };
    let fargate = "requiresCompatibilities: [FARGATE], networkMode: awsvpc, cpu: '256', memory: '512'";
    let rows = [
        ("ecs: {cpu: '256', containerDefinitions: [{name: a}]}".to_owned(), None),
        (format!("ecs: {{{fargate}, containerDefinitions: [{{name: a}}]}}"), Some("linux/amd64")),
        (
            format!("ecs: {{{fargate}, runtimePlatform: {{cpuArchitecture: ARM64}}, containerDefinitions: [{{name: a}}]}}"),
            Some("linux/arm64"),
        ),
        (
            "ecs: {cpu: '256', runtimePlatform: {operatingSystemFamily: WINDOWS_SERVER_2022_CORE}, containerDefinitions: [{name: a}]}".into(),
            Some("windows/*"),
        ),
        ("batch: {platformCapabilities: [EC2], containerProperties: {command: [a]}}".into(), None),
        (
            "batch: {platformCapabilities: [FARGATE], containerProperties: {runtimePlatform: {cpuArchitecture: ARM64}, resourceRequirements: [{type: VCPU, value: '0.25'}, {type: MEMORY, value: '512'}]}}".into(),
            Some("linux/arm64"),
        ),
    ];
    for (definition, expected) in rows {
        assert_eq!(platform(&definition).as_deref(), expected, "{definition}");
    }
}

#[test]
fn what_does_not_go_together_is_told() {
    let off = format!("{API}verify: Off\npinDigest: true\n");
    let text = told(&problems(&inputs(&off)));
    assert!(text.contains("spec.pinDigest") && text.contains("set verify to Warn or Enforce"), "{text}");
    let long = format!("registry.example.com/{}:1", "a".repeat(180));
    let batch = format!(
        "image: {long}\ncredentials: [{{secretRef: {{name: regcred}}}}]\nbatch: {{containerProperties: {{command: [a]}}}}\npinDigest: true\n"
    );
    let text = told(&problems(&inputs(&batch)));
    assert!(text.contains("with its digest the image has 273 characters"), "{text}");
    assert_eq!(desired(&inputs(&batch.replace("pinDigest: true", "pinDigest: false"))).images.len(), 1);
}

/// A login that is read goes out to the image's registry: a secret of somebody else is not read for that.
#[test]
fn only_a_secret_that_may_be_pulled_with_is_read() {
    let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:theirs-AbCdEf";
    let asked = |named: &str, limits: &str| {
        let spec =
            API.replace("{secretRef: {name: regcred}}", &format!("{{registry: registry.example.com, secretArn: '{named}'}}"));
        let inputs = fenced(inputs(&format!("{spec}verify: Enforce\n")), limits);
        let mut world = World::default();
        let secret = ObservedSecret { arn: arn.into(), ..ObservedSecret::default() };
        world.secrets.insert("theirs".into(), secret);
        let desired = desired(&inputs);
        questions(&desired, &world.look(&desired))[0].login.clone()
    };
    let rows = [
        ("theirs", "{}", None),
        ("theirs", "{secretArns: ['arn:aws:secretsmanager:*:*:secret:others-*']}", None),
        ("theirs", "{secretArns: ['arn:aws:secretsmanager:*:*:secret:theirs-*']}", Some(arn.to_owned())),
        ("nowhere", "{secretArns: ['arn:aws:secretsmanager:*:*:secret:*']}", None),
    ];
    for (named, limits, arn) in rows {
        assert_eq!(asked(named, limits), LoginSource::Stored { arn }, "{named}, {limits}");
    }
}

/// What was not asked is not proven.
#[test]
fn silence_is_no_proof() {
    for (settings, registered) in [("verify: Warn", true), ("verify: Enforce", false), ("pinDigest: true", false)] {
        let desired = desired(&inputs(&format!("{API}{settings}\n")));
        let mut observed = World::default().look(&desired);
        observed.images.clear();
        let plan = plan::converge(&desired, &observed);
        let registers = plan.steps.iter().any(|step| matches!(step.action, Action::RegisterDefinition { .. }));
        assert_eq!(registers, registered, "{settings}: {plan}");
    }
}

/// Somebody who asks for a pass wants a new answer.
#[test]
fn a_pass_that_is_asked_for_asks_the_registry() {
    let mut story = story("");
    story.settle();
    assert!(!desired(&story.inputs).images[0].afresh);
    story.inputs.workload.metadata.annotations = Some([("wharfinger.dev/requestedAt".to_owned(), "now".to_owned())].into());
    assert!(desired(&story.inputs).images[0].afresh);
    story.pass();
    assert!(!desired(&story.inputs).images[0].afresh, "once");
}

/// The binding's lists decide, and without a binding there are none.
#[test]
fn fences_come_from_the_binding() {
    let api = || inputs(API);
    let private = |inputs: &wharfinger::inputs::Inputs| {
        use wharfinger::resource::verification::Authority;
        let of = Authority { host: "registry.example.com", port: 443, usual: true };
        desired(inputs).images[0].fence.may_be_private(&of)
    };
    assert!(!private(&api()) && !private(&ambient(api())));
    assert!(private(&fenced(api(), "{privateRegistries: [registry.example.com]}")));
}

/// A status that says what nobody said gives its writer nothing that the spec would not: another question is asked anew.
#[test]
fn a_forged_status_answers_no_other_question() {
    let mut forged: PrivateImageWorkload = workload("api", &format!("{API}verify: Enforce\n"));
    let mut story = story("verify: Enforce");
    story.settle();
    forged.status = story.inputs.workload.status.clone();
    forged.status.as_mut().unwrap().images[0].secret = "wharfinger/other/regcred/registry.example.com/pull".into();
    story.inputs.workload = forged;
    let read = &desired(&story.inputs).images[0];
    let LoginSource::Given { version_id, .. } = &read.login else { panic!("{read:?}") };
    assert_eq!(read.at_hand(Some(version_id), "2026-01-01T00:01:00Z".parse().unwrap()), None);
}
