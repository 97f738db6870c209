//! Inputs of a pass, written down in YAML.

use kube::core::ObjectMeta;
use serde_json::json;
use std::collections::BTreeMap;
use wharfinger::api::{AccountBinding, PrivateImageWorkload, PrivateImageWorkloadSpec};
use wharfinger::desired::{self, Desired};
use wharfinger::inputs::{Bindings, Inputs, Namespace, Source};
use wharfinger::problem::Problem;
use wharfinger::resource::definition::containers_mut;
use wharfinger::resource::fingerprint::ValueKey;
use wharfinger::resource::login;
use wharfinger::resource::normalise::DefinitionKind;
use wharfinger::resource::sealed::Sealed;
use wharfinger::target;

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "eu-west-1";
/// The password of every login here. It must be seen nowhere.
pub(crate) const PASSWORD: &str = "hunter2-CANARY";

/// What most tests start from: one container from a private registry.
pub(crate) const API: &str = "
image: registry.example.com/payments/api:1.4.2
credentials: [{secretRef: {name: regcred}}]
ecs: {cpu: '256', memory: '512', containerDefinitions: [{name: api, portMappings: [{containerPort: 8080}]}]}
";

/// A workload `api` of namespace `payments`, with one binding that admits registries and nothing else, and the Secret `regcred`.
/// Where the definition says nothing of sizes, it gets some: few tests are about them.
pub(crate) fn inputs(spec: &str) -> Inputs {
    Inputs { workload: workload("api", spec), ..as_written(spec) }
}

/// The same, with the definition just as it is written.
pub(crate) fn as_written(spec: &str) -> Inputs {
    Inputs {
        workload: parsed("api", spec),
        cluster: "cluster-1".into(),
        namespace: Namespace {
            name: "payments".into(),
            uid: "uid-payments".into(),
            labels: [("team".to_owned(), "payments".to_owned())].into(),
        },
        bindings: Bindings::Objects(vec![binding("prod", "{}")]),
        sources: [("regcred".to_owned(), docker(&[("registry.example.com", "puller", PASSWORD)]))].into(),
        siblings: vec![],
        siblings_complete: true,
        credentials: vec![],
        planned_credentials: false,
        strangers: vec![],
        network: None,
        value_key: ValueKey::new(Sealed::new("k".repeat(64))).unwrap(),
        compare_values: false,
    }
}

pub(crate) fn workload(name: &str, spec: &str) -> PrivateImageWorkload {
    let mut workload = parsed(name, spec);
    if let Some(ecs) = &mut workload.spec.ecs {
        ecs.entry("memory").or_insert_with(|| "512".into());
    }
    if let Some(batch) = workload.spec.batch.take() {
        let mut batch = batch.into();
        containers_mut(DefinitionKind::JobDefinition, &mut batch, |_, container| {
            let small = json!([{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}]);
            container.entry("resourceRequirements").or_insert(small);
        });
        workload.spec.batch = batch.as_object().cloned();
    }
    workload
}

fn parsed(name: &str, spec: &str) -> PrivateImageWorkload {
    let spec: PrivateImageWorkloadSpec = serde_saphyr::from_str(spec).unwrap_or_else(|error| panic!("{error}\n{spec}"));
    let mut workload = PrivateImageWorkload::new(name, spec);
    workload.metadata.namespace = Some("payments".into());
    workload.metadata.generation = Some(1);
    workload
}

/// A binding for account 111122223333 and eu-west-1 that selects team payments; `limits` besides registries.
pub(crate) fn binding(name: &str, limits: &str) -> AccountBinding {
    let spec = format!(
        "accountId: '{ACCOUNT}'\nregions: [{REGION}]\nnamespaceSelector: {{matchLabels: {{team: payments}}}}\nlimits: {limits}\n"
    );
    let mut spec: wharfinger::api::AccountBindingSpec = serde_saphyr::from_str(&spec).unwrap();
    if spec.limits.registries.is_empty() {
        spec.limits.registries = vec!["*".into()];
    }
    AccountBinding { metadata: ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() }, spec, status: None }
}

/// The same inputs behind other fences.
pub(crate) fn fenced(mut inputs: Inputs, limits: &str) -> Inputs {
    inputs.bindings = Bindings::Objects(vec![binding("prod", limits)]);
    inputs
}

/// The same inputs with nothing fenced, as files without a binding are.
pub(crate) fn ambient(mut inputs: Inputs) -> Inputs {
    inputs.bindings = Bindings::Ambient { account_id: ACCOUNT.into(), region: Some(REGION.into()) };
    inputs
}

/// A Secret of type dockerconfigjson.
pub(crate) fn docker(entries: &[(&str, &str, &str)]) -> Source {
    let auths: serde_json::Map<String, serde_json::Value> = entries
        .iter()
        .map(|(host, user, password)| ((*host).to_owned(), serde_json::json!({"username": user, "password": password})))
        .collect();
    let config = serde_json::json!({ "auths": auths }).to_string();
    secret("kubernetes.io/dockerconfigjson", &[(".dockerconfigjson", &config)])
}

/// A Secret with a user name and a password, and no word on where they are valid.
pub(crate) fn basic(password: &str) -> Source {
    secret("kubernetes.io/basic-auth", &[("username", "puller"), ("password", password)])
}

pub(crate) fn secret(secret_type: &str, data: &[(&str, &str)]) -> Source {
    let data: BTreeMap<String, Vec<u8>> = data.iter().map(|(key, value)| ((*key).into(), value.as_bytes().to_vec())).collect();
    Source::Found(login::parse(secret_type, &data))
}

/// All that is wrong, or what is desired.
pub(crate) fn resolve(inputs: &Inputs) -> Result<Desired, Vec<Problem>> {
    let target = target::choose(&inputs.claim()).map_err(|problem| vec![problem])?;
    desired::resolve(inputs, &target)
}

pub(crate) fn desired(inputs: &Inputs) -> Desired {
    resolve(inputs).unwrap_or_else(|problems| panic!("{}", told(&problems)))
}

/// The problems of inputs that must have some.
pub(crate) fn problems(inputs: &Inputs) -> Vec<Problem> {
    match resolve(inputs) {
        Ok(_) => panic!("nothing is found wrong with {:#?}", inputs.workload.spec),
        Err(problems) => problems,
    }
}

pub(crate) fn told(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{:?} {problem}", problem.reason)).collect::<Vec<_>>().join("\n")
}
