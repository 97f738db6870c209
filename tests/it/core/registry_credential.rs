//! A `RegistryCredential` and the workloads that pull with it: one secret, kept once, used by reference.

mod adoption;
mod copies;
mod values;

use super::fixtures::{PASSWORD, binding, docker, inputs};
use super::story::steps;
use super::world::{World, failure};
use jiff::Timestamp;
use serde_json::{Value, json};
use wharfinger::api::{RegistryCredential, RegistryCredentialSpec, RegistryCredentialStatus};
use wharfinger::desired::resolve_credential;
use wharfinger::failure::FailureKind;
use wharfinger::inputs::{Bindings, CredentialInputs, Source};
use wharfinger::pass::{Outcome, Pass, Round, credential_facts};
use wharfinger::plan::{self, Action, Plan};
use wharfinger::resource::secret::{ObservedReplica, ObservedSecret};
use wharfinger::resource::tags::{ADOPT_BY, OWNER};
use wharfinger::status::{blocked_credential, credential_users, summarise_credential};
use wharfinger::target;

pub(crate) const QUAY: &str = "{registry: quay.io, secretRef: {name: quay-login}}";
const NAME: &str = "wharfinger/payments/quay/credential";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const COPY_KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
pub(super) const LIMITS: &str = "{registries: [quay.io], kmsKeys: ['arn:aws:kms:*:111122223333:*/*'], readers: ['444455556666', 'arn:aws:iam::444455556666:role/reader']}";

/// A credential with what it refers to, in a world.
pub(crate) struct Scene {
    pub(crate) inputs: CredentialInputs,
    pub(super) world: World,
    now: Timestamp,
}

fn credential(spec: &str) -> RegistryCredential {
    let spec: RegistryCredentialSpec = serde_saphyr::from_str(spec).unwrap_or_else(|error| panic!("{error}\n{spec}"));
    let mut credential = RegistryCredential::new("quay", spec);
    credential.metadata.namespace = Some("payments".into());
    credential.metadata.generation = Some(1);
    credential
}

fn logins(password: &str) -> Source {
    docker(&[("quay.io", "robot", password)])
}

impl Scene {
    fn new(spec: &str) -> Self {
        Self::under(spec, LIMITS)
    }

    fn under(spec: &str, limits: &str) -> Self {
        let other = inputs("{}");
        let mut prod = binding("prod", limits);
        prod.spec.regions = vec!["eu-west-1".into(), "us-east-1".into()];
        let mut credential = credential(spec);
        credential.spec.region.get_or_insert("eu-west-1".into());
        Self {
            inputs: CredentialInputs {
                credential,
                cluster: other.cluster,
                namespace: other.namespace,
                bindings: Bindings::Objects(vec![prod]),
                source: Some(logins(PASSWORD)),
                users: vec![],
                value_key: other.value_key,
                compare_values: false,
            },
            world: World { keys: [("alias/x".to_owned(), KEY.to_owned())].into(), ..World::default() },
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    pub(crate) fn settled(spec: &str) -> Self {
        let mut scene = Self::new(spec);
        scene.settle();
        scene
    }

    fn respec(&mut self, spec: &str) {
        let (before, status) = (self.inputs.credential.metadata.generation, self.status().clone());
        self.inputs.credential = credential(spec);
        self.inputs.credential.spec.region = Some("eu-west-1".into());
        self.inputs.credential.metadata.generation = before.map(|generation| generation + 1);
        self.inputs.credential.status = Some(status);
    }

    /// A whole pass; with `writes` it is cut off after so many, and reports nothing.
    fn pass_until(&mut self, writes: usize) -> Pass {
        let target = match target::choose(&self.inputs.claim()) {
            Ok(target) => target,
            Err(problem) => return Pass::Refused(vec![problem]),
        };
        let desired = match resolve_credential(&self.inputs, &target) {
            Ok(desired) => desired,
            Err(problems) => return Pass::Refused(problems),
        };
        let observed = self.world.observe(&desired.reads());
        let plan = plan::credential(&desired, &observed);
        let outcomes = self.world.apply(&plan, writes);
        let facts = credential_facts(&desired, &observed, &plan, &outcomes);
        Pass::Done(Box::new(Round { target, plan, outcomes: Some(outcomes), warnings: vec![], facts }))
    }

    fn pass(&mut self) -> Pass {
        let pass = self.pass_until(usize::MAX);
        let status = summarise_credential(&self.inputs.credential, &pass, &self.inputs.users, self.now);
        self.inputs.credential.status = Some(status);
        pass
    }

    pub(super) fn settle(&mut self) -> usize {
        let before = self.world.writes;
        for _ in 0..6 {
            if let Pass::Done(round) = self.pass()
                && round.plan.is_converged()
            {
                return self.world.writes - before;
            }
        }
        panic!("nothing settles: {:#?}", self.status());
    }

    pub(super) fn plan(&mut self) -> Plan {
        match self.pass_until(0) {
            Pass::Done(round) => round.plan.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn status(&self) -> &RegistryCredentialStatus {
        self.inputs.credential.status.as_ref().unwrap()
    }

    fn ready(&self) -> (String, String) {
        let ready = self.status().conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
        (ready.reason.clone(), ready.message.clone())
    }

    fn secret(&mut self) -> &mut ObservedSecret {
        self.world.secrets.get_mut(NAME).unwrap()
    }
}

#[test]
fn one_write_makes_it_and_nothing_more_is_written() {
    let mut scene = Scene::settled(QUAY);
    assert_eq!(scene.world.writes, 1, "one CreateSecret");
    assert_eq!(scene.settle(), 0);
    let before = scene.status().clone();
    scene.now = "2026-02-01T00:00:00Z".parse().unwrap();
    scene.pass();
    assert_eq!(*scene.status(), before, "time alone changes no status");
    let (reason, message) = scene.ready();
    assert_eq!(reason, "Succeeded");
    assert!(message.contains("since 2026-01-01T00:00:00Z") && !message.contains(PASSWORD), "{message}");
}

#[test]
fn what_others_made_is_taken_over_only_where_that_is_asked_for() {
    let spec = |policy: &str| format!("{{registry: quay.io, secretRef: {{name: quay-login}}, adoptionPolicy: {policy}}}");
    let identity = "cluster-1/payments/RegistryCredential/quay";
    let rows: [(&str, &str, Vec<(&str, &str)>, bool); 8] = [
        ("never", "Never", vec![], false),
        ("never, though offered", "Never", vec![(ADOPT_BY, identity)], false),
        ("tagged", "IfTagged", vec![(ADOPT_BY, identity)], true),
        ("not tagged", "IfTagged", vec![], false),
        ("tagged for another", "IfTagged", vec![(ADOPT_BY, "cluster-1/other/RegistryCredential/quay")], false),
        ("without an owner", "Adopt", vec![("team", "payments")], true),
        ("another's", "Adopt", vec![(OWNER, "RegistryCredential/other")], false),
        ("offered, but another's", "Adopt", vec![(ADOPT_BY, identity), (OWNER, "RegistryCredential/other")], false),
    ];
    for (what, policy, tags, taken) in rows {
        let mut scene = Scene::under(&spec(policy), "{registries: [quay.io], adoption: Adopt}");
        let arn = format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{NAME}-AbCdEf");
        let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        scene.world.secrets.insert(NAME.into(), ObservedSecret { arn, tags, ..ObservedSecret::default() });
        let plan = scene.plan();
        assert_eq!(
            plan.steps.first().map(|step| matches!(step.action, Action::AdoptSecret { .. })),
            taken.then_some(true),
            "{what}: {plan}"
        );
        scene.pass();
        assert_eq!(scene.ready().0, if taken { "Succeeded" } else { "OwnershipConflict" }, "{what}");
        assert_eq!(scene.world.writes > 0, taken, "{what}: before it is taken over nothing is written");
        if taken {
            assert_eq!(scene.settle(), 0, "{what}");
        }
    }
    let Pass::Refused(problems) = Scene::under(&spec("Adopt"), "{registries: [quay.io], adoption: IfTagged}").pass() else {
        panic!()
    };
    assert!(problems[0].to_string().contains("limits.adoption is IfTagged"), "{problems:?}");
}

/// Copies that the spec does not name are removed: of a secret that others made, only when its new owner said so.
#[test]
fn what_others_made_is_not_taken_over_at_the_cost_of_its_copies() {
    let spec = "{registry: quay.io, secretRef: {name: quay-login}, adoptionPolicy: Adopt";
    for (replicas, taken) in [("}", false), (", replicas: [{region: us-east-1}]}", true)] {
        let mut scene = Scene::under(&format!("{spec}{replicas}"), "{registries: [quay.io], adoption: Adopt}");
        let arn = format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{NAME}-AbCdEf");
        let replicas = [("us-east-1".to_owned(), ObservedReplica { state: "InSync".into(), ..Default::default() })].into();
        scene.world.secrets.insert(NAME.into(), ObservedSecret { arn, replicas, ..ObservedSecret::default() });
        scene.pass();
        assert_eq!((scene.world.writes > 0, scene.ready().0 == "Succeeded"), (taken, taken));
        assert_eq!(scene.world.secrets[NAME].replicas.len(), 1);
    }
}

#[test]
fn what_is_wrong_is_told_at_once() {
    let with = |rest: &str| format!("{{registry: quay.io, secretRef: {{name: quay-login}}, {rest}}}");
    let rows = [
        (with("name: payments/quay"), "", None),
        (with("name: wharfinger/payments/quay"), "", None),
        (with("name: other/quay"), "spec.name", Some("NotAllowed")),
        (with("name: payments-evil/quay"), "spec.name", Some("NotAllowed")),
        (with("name: payments//quay"), "spec.name", Some("NotAllowed")),
        (with("name: payments/regcred/quay.io/pull"), "may not end", Some("InvalidSpec")),
        (with("name: payments/quay-abcdef"), "may not end", Some("InvalidSpec")),
        (with("replicas: [{region: eu-north-1}]"), "allows only eu-west-1, us-east-1", Some("NotAllowed")),
        (with("replicas: [{region: eu-west-1}]"), "is in this Region", Some("InvalidSpec")),
        (with("replicas: [{region: us-east-1}, {region: us-east-1}]"), "only one replica", Some("InvalidSpec")),
        (with(&format!("replicas: [{{region: us-east-1, kmsKey: '{KEY}'}}]")), "a key of that Region", Some("InvalidSpec")),
        (with("readers: [{accountId: '999999999999'}], kmsKey: alias/x"), "limits.readers", Some("NotAllowed")),
        (with("readers: [{accountId: '444455556666'}]"), "decrypts for nobody of another account", Some("InvalidSpec")),
        (with("readers: [{}]"), "exactly one of `accountId`", Some("InvalidSpec")),
        (with("kmsKey: alias/aws/secretsmanager"), "default key", Some("InvalidSpec")),
        (with("recoveryWindowInDays: 3"), "7 to 30 days", Some("InvalidSpec")),
        (with("interval: soon"), "not a duration", Some("InvalidSpec")),
        ("{registry: ghcr.io, secretRef: {name: quay-login}}".into(), "limits.registries", Some("NotAllowed")),
        (
            "{registry: '111122223333.dkr.ecr.eu-west-1.amazonaws.com', secretRef: {name: quay-login}}".into(),
            "Amazon ECR",
            Some("InvalidSpec"),
        ),
        ("{registry: quay.io}".into(), "exactly one of `secretRef`", Some("InvalidSpec")),
        ("{registry: quay.io, secretArn: x, name: payments/x}".into(), "nothing is written to a secret", Some("InvalidSpec")),
    ];
    for (spec, told, reason) in rows {
        match (Scene::new(&spec).pass(), reason) {
            (Pass::Done(_), None) => {}
            (Pass::Refused(problems), Some(reason)) => {
                let text = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
                assert!(text.contains(told), "{spec}: {text}");
                assert!(problems.iter().any(|problem| problem.reason.to_string() == reason), "{spec}: {problems:?}");
            }
            (other, _) => panic!("{spec}: {other:?}"),
        }
    }
    for (source, reason) in [(None, "SecretSourceMissing"), (Some(docker(&[("ghcr.io", "a", "b")])), "SecretSourceInvalid")] {
        let mut scene = Scene::new(QUAY);
        scene.inputs.source = source;
        scene.pass();
        assert_eq!(scene.ready().0, reason);
        assert_eq!(scene.world.writes, 0);
    }
}

#[test]
fn what_cannot_be_seen_or_written_is_told_and_tried_again() {
    let mut scene = Scene::new(QUAY);
    scene.world.blind = Some(failure(FailureKind::Throttled));
    scene.pass();
    assert_eq!((scene.ready().0.as_str(), scene.world.writes), ("Throttled", 0));
    scene.world.blind = None;
    scene.world.fault = Some((0, FailureKind::Denied, false));
    scene.pass();
    assert_eq!(scene.ready().0, "AccessDenied");
    scene.world.fault = None;
    scene.settle();
    assert_eq!(scene.ready().0, "Succeeded");
}

#[test]
fn a_deletion_waits_for_whoever_pulls_with_it() {
    let scene = Scene::settled(QUAY);
    let arn = scene.status().secret.as_ref().unwrap().arn.clone();
    let mut named = super::fixtures::workload(
        "api",
        "{image: quay.io/x, credentials: [{credentialRef: {name: quay}}], ecs: {containerDefinitions: [{name: a}]}}",
    );
    let mut elsewhere = named.clone();
    elsewhere.metadata.namespace = Some("orders".into());
    let mut former = super::fixtures::workload("old", super::fixtures::API);
    let secret = json!({"registry": "quay.io", "arn": arn.replace("eu-west-1", "us-east-1"), "former": true});
    former.status = Some(serde_json::from_value(json!({"secrets": [secret]})).unwrap());
    named.metadata.namespace = Some("payments".into());
    let mut older = super::fixtures::workload("older", super::fixtures::API);
    let revision = json!({"arn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/payments_older:1", "secrets": [arn]});
    older.status = Some(serde_json::from_value(json!({"olderRevisions": [revision]})).unwrap());
    let mut stranger = named.clone();
    stranger.metadata.namespace = Some("orders".into());
    stranger.metadata.name = Some("stranger".into());
    stranger.spec.credentials[0].credential_ref.as_mut().unwrap().namespace = Some("payments".into());
    let mut admitted = stranger.clone();
    admitted.metadata.name = Some("admitted".into());
    admitted.status = Some(serde_json::from_value(json!({"secrets": [{"registry": "quay.io", "arn": arn}]})).unwrap());
    let all = [named, elsewhere, former, older, stranger, admitted];
    let users = credential_users(all.iter(), &scene.inputs.credential);
    let why = "by its spec, and by what a revision still pulls with, be it a copy; a name alone counts at home only";
    assert_eq!(users, ["orders/admitted", "payments/api", "payments/old", "payments/older"], "{why}");
    let (reason, status) = blocked_credential(&scene.inputs.credential, &users, None, scene.now).unwrap();
    assert_eq!(reason.to_string(), "DeletionBlocked");
    let message = &status.conditions[0].message;
    assert!(
        message.contains("orders/admitted, payments/api, payments/old, payments/older") && message.contains("force-delete"),
        "{message}"
    );
}
