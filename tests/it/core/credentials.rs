//! Which login each container pulls with.

use super::fixtures::{PASSWORD, basic, desired, docker, fenced, inputs, problems, told};
use std::collections::BTreeMap;
use wharfinger::inputs::{Inputs, Source};

fn with(spec: &str, sources: &[(&str, Source)]) -> Inputs {
    let mut inputs = inputs(spec);
    inputs.sources = sources.iter().map(|(name, source)| ((*name).to_owned(), source.clone())).collect();
    inputs
}

/// Secret (without its prefix) or id by container path.
fn pulls(inputs: &Inputs) -> BTreeMap<String, String> {
    let short = |id: &str| id.strip_prefix("wharfinger/payments/").unwrap_or(id).trim_end_matches("/pull").to_owned();
    desired(inputs).definition.credentials.iter().map(|(path, id)| (path.clone(), short(id))).collect()
}

/// What the containers `c0`, `c1`, … with these images pull with, `-` = nothing.
fn pulls_of(images: &[&str], credentials: &str, sources: &[(&str, Source)]) -> Vec<String> {
    let containers: Vec<String> =
        images.iter().enumerate().map(|(i, image)| format!("{{name: c{i}, image: '{image}'}}")).collect();
    let spec = format!("credentials: {credentials}\necs: {{containerDefinitions: [{}]}}", containers.join(", "));
    let found = pulls(&with(&spec, sources));
    let path = |index: usize| format!("containerDefinitions[{index}]");
    (0..images.len()).map(|index| found.get(&path(index)).cloned().unwrap_or_else(|| "-".into())).collect()
}

#[test]
fn the_longest_path_prefix_wins() {
    let nested = docker(&[("ghcr.io", "a", "1"), ("ghcr.io/acme", "b", "2"), ("ghcr.io/acme/team", "c", "3")]);
    let images = [
        "ghcr.io/acme/team/app:1",
        "ghcr.io/acme/app:1",
        "ghcr.io/acme-labs/app:1",
        "ghcr.io/acme/teams:1",
        "ghcr.io/acme/team:1",
    ];
    let expected = ["s/ghcr.io/acme/team", "s/ghcr.io/acme", "s/ghcr.io", "s/ghcr.io/acme", "s/ghcr.io/acme/team"];
    assert_eq!(pulls_of(&images, "[{secretRef: {name: s}}]", &[("s", nested)]), expected, "entries of one Secret");

    let credentials = "[{registry: ghcr.io, secretRef: {name: a}}, {registry: ghcr.io/acme, secretRef: {name: b}}]";
    let sources = [("a", basic("1")), ("b", basic("2"))];
    assert_eq!(
        pulls_of(&["ghcr.io/acme/app:1", "ghcr.io/other/app:1"], credentials, &sources),
        ["b/ghcr.io/acme", "a/ghcr.io"],
        "credentials of one spec"
    );
}

#[test]
fn an_entry_need_not_be_named_as_the_credential_is() {
    let host = [("s", docker(&[("ghcr.io", "a", "1")]))];
    assert_eq!(pulls_of(&["ghcr.io/acme/app:1"], "[{registry: ghcr.io/acme, secretRef: {name: s}}]", &host), ["s/ghcr.io"]);
    let wild = [("s", docker(&[("*.example.com", "a", "1")]))];
    assert_eq!(
        pulls_of(&["eu.example.com/app:1"], "[{secretRef: {name: s}}]", &wild),
        ["s/eu.example.com"],
        "named after the host"
    );
    let port = [("s", docker(&[("registry.example.com:5000", "a", "1")]))];
    assert_eq!(
        pulls_of(&["registry.example.com:5000/app:1"], "[{secretRef: {name: s}}]", &port),
        ["s/registry.example.com_5000"],
        "a port is part of the host"
    );
}

#[test]
fn docker_hub_has_one_name() {
    for entry in ["https://index.docker.io/v1/", "docker.io", "registry-1.docker.io", "index.docker.io"] {
        let source = [("s", docker(&[(entry, "a", "1")]))];
        for image in ["acme/app:1", "docker.io/acme/app:1", "index.docker.io/acme/app:1"] {
            assert_eq!(pulls_of(&[image], "[{secretRef: {name: s}}]", &source), ["s/docker.io"], "{entry} {image}");
            let credential = "[{registry: registry-1.docker.io, secretRef: {name: s}}]";
            assert_eq!(pulls_of(&[image], credential, &source), ["s/docker.io"], "{entry} {image}, by name");
        }
    }
}

#[test]
fn one_login_is_one_secret_and_two_keys_are_two() {
    let both = docker(&[("a.example.com", "a", "1"), ("b.example.com", "b", "2")]);
    let spec = "
credentials: [{secretRef: {name: s}}]
ecs: {containerDefinitions: [{name: a, image: a.example.com/x:1}, {name: b, image: b.example.com/x:1}, {name: c, image: a.example.com/y:1}]}";
    let found = desired(&with(spec, &[("s", both.clone())]));
    assert_eq!(found.secrets.len(), 2, "three containers, two registries");
    assert_eq!(found.secrets[0].value.reveal(), r#"{"username":"a","password":"1"}"#);
    let encrypted = spec.replace("{name: s}}", "{name: s}, kmsKey: alias/x}");
    let other = desired(&with(&encrypted, &[("s", both)]));
    assert!(other.secrets[0].name.starts_with("wharfinger/payments/s/a.example.com/pull@"), "{}", other.secrets[0].name);
}

#[test]
fn a_public_sidecar_is_left_alone() {
    let spec = "
image: registry.example.com/payments/api:1
credentials: [{secretRef: {name: regcred}}]
ecs: {containerDefinitions: [{name: api}, {name: log, image: 'fluent/fluent-bit:3'}, {name: xray, image: 'public.ecr.aws/xray/xray-daemon:3'}]}";
    let found = desired(&inputs(spec));
    assert_eq!(found.definition.credentials.len(), 1);
    assert_eq!(
        found.warnings,
        ["fluent/fluent-bit:3 is pulled without a credential"],
        "ECR Public needs none, so nothing is said"
    );
    // With a login for it, it is no longer public.
    let mut with_login = inputs(spec);
    with_login.sources.insert("regcred".into(), docker(&[("registry.example.com", "a", "1"), ("docker.io", "b", "2")]));
    assert_eq!(pulls(&with_login)["containerDefinitions[1]"], "regcred/docker.io");
}

#[test]
fn a_login_without_a_registry_serves_the_main_one() {
    let any = [("s", basic(PASSWORD))];
    let credential = "[{secretRef: {name: s}}]";
    assert_eq!(pulls_of(&["r.example.com/x:1", "r.example.com/y:1"], credential, &any), ["s/r.example.com", "s/r.example.com"]);
    assert_eq!(
        pulls_of(&["r.example.com/x:1", "fluent/fluent-bit:3"], credential, &any),
        ["s/r.example.com", "-"],
        "not the public"
    );
    assert_eq!(pulls_of(&["acme/private:1"], credential, &any), ["s/docker.io"], "the only one, public or not");
    let inherited = "
image: a.example.com/x:1
credentials: [{secretRef: {name: s}}, {registry: b.example.com, secretRef: {name: t}}]
ecs: {containerDefinitions: [{name: a}, {name: b, image: b.example.com/x:1}]}";
    let found = pulls(&with(inherited, &[("s", basic("1")), ("t", basic("2"))]));
    assert_eq!(found["containerDefinitions[0]"], "s/a.example.com", "that of spec.image");
    assert_eq!(found["containerDefinitions[1]"], "t/b.example.com");

    let spec = "
credentials: [{secretRef: {name: s}}]
ecs: {containerDefinitions: [{name: a, image: a.example.com/x:1}, {name: b, image: b.example.com/x:1}]}";
    let told = told(&problems(&with(spec, &any)));
    assert!(
        told.contains("a.example.com") && told.contains("b.example.com"),
        "two private ones: which is meant is not said: {told}"
    );
}

const SHARED: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared/ghcr-AbCdEf";

#[test]
fn a_secret_that_exists_is_named_by_the_credential_or_in_the_container() {
    let container = |parameter: &str| {
        format!(
            "{{containerDefinitions: [{{name: a, image: ghcr.io/acme/x:1, repositoryCredentials: {{credentialsParameter: '{parameter}'}}}}]}}"
        )
    };
    let by_credential = format!(
        "credentials: [{{registry: ghcr.io, secretArn: '{SHARED}'}}]\necs: {{containerDefinitions: [{{name: a, image: ghcr.io/acme/x:1}}]}}"
    );
    let rows = [
        (by_credential.clone(), SHARED),
        (format!("ecs: {}", container(SHARED)), SHARED),
        (format!("ecs: {}", container("shared/ghcr")), "shared/ghcr"),
        (format!("credentials: [{{registry: ghcr.io, secretArn: '{SHARED}'}}]\necs: {}", container(SHARED)), SHARED),
    ];
    for (spec, expected) in rows {
        let found = desired(&fenced(inputs(&spec), &format!("{{secretArns: ['{SHARED}']}}")));
        assert_eq!(found.definition.credentials, [("containerDefinitions[0]".to_owned(), expected.to_owned())], "{spec}");
        assert!(found.secrets.is_empty(), "nothing is kept: {spec}");
    }
    let differing = format!("credentials: [{{registry: ghcr.io, secretArn: '{SHARED}'}}]\necs: {}", container("shared/other"));
    let told = told(&problems(&inputs(&differing)));
    assert!(told.contains("credentialsParameter") && told.contains("another secret"), "{told}");
}

#[test]
fn a_pasted_execution_role_is_the_execution_role() {
    let role = "arn:aws:iam::111122223333:role/path/existing";
    let spec = |given: &str, pasted: &str| {
        format!(
            "image: registry.example.com/x:1\ncredentials: [{{secretRef: {{name: regcred}}}}]\n{given}\necs: {{executionRoleArn: '{pasted}', containerDefinitions: [{{name: a}}]}}"
        )
    };
    let limits = "{existingRoles: ['arn:aws:iam::111122223333:role/path/*']}";
    for given in ["", &format!("executionRole: {{arn: '{role}'}}")] {
        let found = desired(&fenced(inputs(&spec(given, role)), limits));
        assert_eq!((found.role.arn.as_str(), found.role.name.as_str(), found.role.managed.is_none()), (role, "existing", true));
    }
    for given in
        ["executionRole: {arn: 'arn:aws:iam::111122223333:role/path/other'}", "executionRole: {name: wharfinger_payments_x}"]
    {
        let told = told(&problems(&fenced(inputs(&spec(given, role)), limits)));
        assert!(told.contains("spec.executionRole") && told.contains("different roles"), "{told}");
    }
}

#[test]
fn batch_has_its_credentials_in_every_form() {
    let rows = [
        ("{containerProperties: {image: r.example.com/x:1}}", vec!["containerProperties"]),
        (
            "{ecsProperties: {taskProperties: [{containers: [{name: a, image: r.example.com/x:1}, {name: b, image: r.example.com/y:1}]}]}}",
            vec!["ecsProperties.taskProperties[0].containers[0]", "ecsProperties.taskProperties[0].containers[1]"],
        ),
        (
            "{nodeProperties: {numNodes: 2, mainNode: 0, nodeRangeProperties: [{targetNodes: '0', container: {image: r.example.com/x:1}}, {targetNodes: '1', ecsProperties: {taskProperties: [{containers: [{name: a, image: r.example.com/x:1}]}]}}]}}",
            vec![
                "nodeProperties.nodeRangeProperties[0].container",
                "nodeProperties.nodeRangeProperties[1].ecsProperties.taskProperties[0].containers[0]",
            ],
        ),
    ];
    for (definition, paths) in rows {
        let spec = format!("credentials: [{{secretRef: {{name: s}}}}]\nbatch: {definition}");
        let found = pulls(&with(&spec, &[("s", basic("1"))]));
        assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), paths, "{definition}");
    }
}
