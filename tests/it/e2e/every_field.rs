//! Every field that AWS has passes from a manifest to AWS unchanged: `hack/generate-definitions.py` makes definitions from AWS's
//! own service models, and what is sent to AWS is compared with what was written.

use super::cli::{folder, namespace, yaml};
use super::manifests::{with, workload};
use super::parts::parts;
use super::proxy::Call;
use super::rows::{assert_none, each};
use super::settings::{EXECUTION_TRUST, existing_secret};
use super::world::{World, binding};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Operation and name field of the service that a field of the spec is for.
const SERVICES: [(&str, &str, &str); 2] =
    [("ecs", "RegisterTaskDefinition", "family"), ("batch", "RegisterJobDefinition", "jobDefinitionName")];

/// What the generated definitions name and what exists instead of it in a world: a secret's ARN is not known beforehand.
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/registry-AbCdEf";
const ACCOUNT: &str = "111122223333";

/// One definition that was generated.
struct Sample {
    /// Of the workload that it is in.
    name: String,
    /// `ecs` or `batch`.
    service: &'static str,
    /// With the name that Wharfinger gives it.
    definition: Value,
}

impl Sample {
    fn manifest(&self, world: &World) -> Value {
        let manifest = workload(&world.name, &self.name, (self.service, self.definition.clone()));
        // The definitions name images and credentials themselves.
        with(with(manifest, "/spec/image", Value::Null), "/spec/credentials", json!([]))
    }
}

/// What the script prints, for a world in which the role and the secret exist that it names.
async fn generated(world: &World) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("hack/generate-definitions.py");
    let output = Command::new(&parts().python).arg(script).output().expect("moto's python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let role = [("RoleName", "payments-pull"), ("AssumeRolePolicyDocument", EXECUTION_TRUST)];
    world.aws.iam("CreateRole", &role).await;
    let secret = existing_secret(&world.aws, "payments/registry", None).await;
    let text = String::from_utf8(output.stdout).expect("text").replace(SECRET, &secret).replace(ACCOUNT, &world.aws.id);
    serde_json::from_str(&text).expect("JSON")
}

fn samples(world: &World, generated: &Value) -> Vec<Sample> {
    let mut found = vec![];
    for (service, _, name_field) in SERVICES {
        let definitions = generated[service]["definitions"].as_array().expect("definitions");
        for (number, definition) in definitions.iter().enumerate() {
            let name = format!("{service}-{number}");
            let definition = with(definition.clone(), &format!("/{name_field}"), json!(world.definition_name(&name)));
            found.push(Sample { name, service, definition });
        }
    }
    found
}

/// Fences for the files and parameters that the definitions name, added to a binding's spec.
fn add_fences(spec: &mut Value) {
    let parameters = format!("arn:aws:ssm:*:{}:parameter/payments/*", spec["accountId"].as_str().expect("an account"));
    spec["limits"]["ssmParameters"] = json!([parameters]);
    spec["limits"]["s3Objects"] = json!(["arn:aws:s3:::payments-config/*"]);
}

/// For each sample one registration, which says what the sample says; and together they say all that there is.
fn assert_registered(world: &World, generated: &Value, samples: &[Sample]) {
    let calls = world.proxy.calls();
    let mut failed = vec![];
    for (service, operation, name_field) in SERVICES {
        let mut reached = BTreeSet::new();
        for sample in samples.iter().filter(|sample| sample.service == service) {
            let of_it = |call: &&Call| call.operation == operation && call.body[name_field] == sample.definition[name_field];
            let sent: Vec<&Value> = calls.iter().filter(of_it).map(|call| &call.body).collect();
            let [sent] = sent.as_slice() else { panic!("{} was registered {} times", sample.name, sent.len()) };
            failed.extend(differences(&sample.definition, sent).into_iter().map(|it| format!("{}: {it}", sample.name)));
            collect_places(sent, "", &mut reached);
        }
        let places = generated[service]["places"].as_array().expect("places").iter().filter_map(Value::as_str);
        let places: BTreeSet<String> = places.map(str::to_owned).collect();
        assert!(places.contains(name_field) && places.contains("tags"), "{places:?}");
        failed.extend(places.difference(&reached).map(|place| format!("no {service} definition has {place}")));
    }
    assert_none(failed);
}

/// What differs, by place: what was written and what was sent. Wharfinger's own tags are no difference.
fn differences(written: &Value, sent: &Value) -> Vec<String> {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    collect_leaves(&without_own_tags(written), String::new(), &mut before);
    collect_leaves(&without_own_tags(sent), String::new(), &mut after);
    let places: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differing = places.into_iter().filter(|place| before.get(*place) != after.get(*place));
    differing.map(|place| format!("{place}: {:?} was sent as {:?}", before.get(place), after.get(place))).collect()
}

/// With the user's tags as a map: ECS takes a list of them, whose order means nothing.
fn without_own_tags(definition: &Value) -> Value {
    let mut tags: Map<String, Value> = match &definition["tags"] {
        Value::Array(list) => list.iter().map(|tag| (tag["key"].as_str().expect("a key").into(), tag["value"].clone())).collect(),
        tags => tags.as_object().expect("tags").clone(),
    };
    tags.retain(|key, _| !key.starts_with("wharfinger.dev/"));
    with(definition.clone(), "/tags", tags.into())
}

/// Every value that holds no other, by where it stands.
fn collect_leaves(value: &Value, place: String, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(name, member)| collect_leaves(member, format!("{place}.{name}"), leaves));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(index, item)| collect_leaves(item, format!("{place}[{index}]"), leaves));
        }
        leaf => {
            leaves.insert(place, leaf.clone());
        }
    }
}

/// The places of a definition, spelled as the script spells them.
fn collect_places(value: &Value, place: &str, places: &mut BTreeSet<String>) {
    let mut below = |place: String, value: &Value| {
        collect_places(value, &place, places);
        places.insert(place);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            below(if place.is_empty() { name.clone() } else { format!("{place}.{name}") }, member);
        }),
        Value::Array(items) => items.iter().for_each(|item| below(format!("{place}[]"), item)),
        Value::String(text) => {
            places.insert(format!("{place}={text}"));
        }
        _ => {}
    }
}

#[tokio::test]
async fn a_manifest_reaches_aws_unchanged_through_the_api_server() {
    let world = World::enter("fields").await.binding(add_fences).start().await;
    let generated = generated(&world).await;
    let samples = samples(&world, &generated);
    each(samples.iter().map(|sample| (sample.name.clone(), sample)), async |sample| {
        if let Err(refusal) = world.try_apply(&sample.manifest(&world)).await {
            panic!("the API server refuses it: {refusal}");
        }
        world.ready(&sample.name).await;
    })
    .await;
    assert_registered(&world, &generated, &samples);
}

#[tokio::test]
async fn a_manifest_reaches_aws_unchanged_through_the_command_line() {
    let world = World::enter("fields-cli").await.still().await;
    let generated = generated(&world).await;
    let samples = samples(&world, &generated);
    let mut binding = binding(&world.name, &world.aws.id);
    add_fences(&mut binding["spec"]);
    let objects: Vec<Value> =
        [namespace(&world), binding].into_iter().chain(samples.iter().map(|sample| sample.manifest(&world))).collect();
    let (code, text, errors) = world.cli("apply", &folder(&[("all.yaml", yaml(&objects))]), &[]).await;
    assert_eq!(code, 0, "{text}{errors}");
    assert_registered(&world, &generated, &samples);
}
