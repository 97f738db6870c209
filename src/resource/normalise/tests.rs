//! Every row of the tables has a pair of definitions, as given and as AWS returns it, that only this row makes equal; and real
//! changes are seen and told.

mod pairs;
mod properties;

use serde_json::{Value, json};

use super::*;
use pairs::{pairs, shapes};

const TASK: DefinitionKind = DefinitionKind::TaskDefinition;
const JOB: DefinitionKind = DefinitionKind::JobDefinition;

#[test]
fn what_aws_returns_is_what_was_given() {
    for kind in [TASK, JOB] {
        for (given, returned) in pairs(kind) {
            let (before, after) = (normalise(kind, &given), normalise(kind, &returned));
            assert_eq!(before, after, "{given} came back as {returned}");
            assert_eq!(before.to_string(), after.to_string(), "equal normal forms are equal bytes");
            assert_eq!(changes(kind, &before, &after), []);
        }
    }
}

/// What is a default elsewhere, at another network mode or at run time only, says something where it stands.
#[test]
fn no_default_is_seen_where_aws_fills_in_none() {
    let port = |mode: &str, port: Value| json!({"networkMode": mode, "containerDefinitions": [{"portMappings": [port]}]});
    let rows = [
        (
            TASK,
            json!({"requiresCompatibilities": ["FARGATE"]}),
            json!({"requiresCompatibilities": ["FARGATE"], "networkMode": "bridge"}),
        ),
        (TASK, port("bridge", json!({"containerPort": 80})), port("bridge", json!({"containerPort": 80, "hostPort": 80}))),
        (TASK, json!({}), json!({"runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"}})),
        (TASK, json!({}), json!({"containerDefinitions": [{"name": "a", "environment": [{"name": "EMPTY", "value": ""}]}]})),
        (TASK, json!({"cpu": "1024"}), json!({"cpu": "1 GB"})),
        (JOB, json!({}), json!({"retryStrategy": {"attempts": 1}})),
        (JOB, json!({}), json!({"schedulingPriority": 0})),
        (JOB, json!({}), json!({"platformCapabilities": ["FARGATE"]})),
        (JOB, json!({}), json!({"ecsProperties": {"taskProperties": [{"containers": [{"privileged": false}]}]}})),
    ];
    for (kind, without, with) in rows {
        assert_ne!(normalise(kind, &without), normalise(kind, &with), "{with}");
    }
}

#[test]
fn every_rule_is_needed() {
    for kind in [TASK, JOB] {
        for (left_out, (under, rule)) in rules(kind).enumerate() {
            let without = |definition: &Value| {
                normal_form(definition, rules(kind).enumerate().filter(|(i, _)| *i != left_out).map(|(_, row)| row))
            };
            let needed = pairs(kind).iter().any(|(given, returned)| without(given) != without(returned));
            assert!(needed, "no pair shows what the rule on {under} {} is for", rule.field);
        }
    }
}

#[test]
fn every_selector_leads_to_a_field_that_aws_has() {
    let schemas = [(TASK, include_str!("../../api/schema/ecs.json")), (JOB, include_str!("../../api/schema/batch.json"))];
    for (kind, schema) in schemas {
        let schema: Value = serde_json::from_str(schema).unwrap();
        for (under, rule) in rules(kind).filter(|(_, rule)| !matches!(rule.action, Action::Drop)) {
            let pointer: String =
                segments(under, rule).iter().map(|s| format!("/properties/{}", s.replace("[]", "/items"))).collect();
            assert!(schema.pointer(&pointer).is_some(), "{pointer}");
        }
    }
}

#[test]
fn values_have_one_spelling() {
    for (spelling, canonical) in [("1 vCPU", "1024"), (".5 vcpu", "512"), ("16vCPU", "16384"), ("0.125 vCPU", "128")] {
        assert_eq!(cpu_units(spelling).as_deref(), Some(canonical), "{spelling}");
    }
    for (spelling, canonical) in [("1 GB", "1024"), ("2GB", "2048"), ("0.5 gb", "512"), ("30 GB", "30720")] {
        assert_eq!(mebibytes(spelling).as_deref(), Some(canonical), "{spelling}");
    }
    for other in ["1024", "vCPU", "", " GB", "1.1.1 GB", "-1 GB", "1e3 GB", "0.0001 GB", "１ GB"] {
        assert_eq!((cpu_units(other), mebibytes(other)), (None, None), "{other}");
    }
    for (spelling, canonical) in [("1", "1"), ("1.0", "1"), ("1.", "1"), ("01", "1"), (".250", "0.25"), ("0", "0"), ("10", "10")]
    {
        assert_eq!(decimal(spelling).as_deref(), Some(canonical), "{spelling}");
    }
    for other in ["", ".", "-1", "1e3", "1,0", "1 "] {
        assert_eq!(decimal(other), None, "{other}");
    }
}

/// A definition that every test below changes in one way.
fn api() -> Value {
    json!({
        "family": "payments_api", "cpu": "256", "memory": "512", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [
            {"name": "api", "image": "registry.example.com/api:1", "command": ["serve", "--fast"],
             "portMappings": [{"containerPort": 8080}, {"containerPort": 9090}],
             "environment": [{"name": "LEVEL", "value": "info"}, {"name": "PASSWORD", "value": "hunter2"}],
             "dockerLabels": {"environment": "prod", "com.example.team": "payments"}},
            {"name": "log", "image": "fluent-bit:3", "essential": false}
        ]
    })
}

/// The changes to that definition, as `path what value`.
fn told(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut after = api();
    change(&mut after);
    let found = changes(TASK, &normalise(TASK, &api()), &normalise(TASK, &after));
    let tell = |FieldChange { path, change }: FieldChange| match change {
        Change::Added(value) => format!("+ {path} {value}"),
        Change::Removed(value) => format!("- {path} {value}"),
        Change::Changed { from, to } => format!("~ {path} {from} {to}"),
    };
    found.into_iter().map(tell).collect()
}

#[test]
fn real_changes_are_seen() {
    let api = |change: fn(&mut Value)| told(|task| change(&mut task["containerDefinitions"][0]));
    assert_eq!(
        api(|c| c["image"] = json!("registry.example.com/api:2")),
        [r#"~ containerDefinitions[api].image "registry.example.com/api:1" "registry.example.com/api:2""#]
    );
    assert_eq!(told(|task| task["cpu"] = json!("1 vCPU")), [r#"~ cpu "256" "1024""#]);
    assert_eq!(api(|c| c["cpu"] = json!(128)), ["+ containerDefinitions[api].cpu 128"]);
    assert_eq!(
        api(|c| c["command"] = json!(["--fast", "serve"])),
        [r#"~ containerDefinitions[api].command ["serve","--fast"] ["--fast","serve"]"#]
    );
    assert_eq!(
        api(|c| c["portMappings"].as_array_mut().unwrap().reverse()),
        [
            "~ containerDefinitions[api].portMappings[0].containerPort 8080 9090",
            "~ containerDefinitions[api].portMappings[1].containerPort 9090 8080"
        ]
    );
    assert_eq!(
        api(|c| c["portMappings"][0]["hostPort"] = json!(81)),
        ["+ containerDefinitions[api].portMappings[0].hostPort 81"]
    );
    assert_eq!(
        api(|c| c["dockerLabels"] = json!({"environment": "test"})),
        [
            r#"- containerDefinitions[api].dockerLabels["com.example.team"] "payments""#,
            r#"~ containerDefinitions[api].dockerLabels.environment "prod" "test""#
        ]
    );
    assert_eq!(
        told(|task| task["containerDefinitions"][1]["essential"] = json!(true)),
        ["- containerDefinitions[log].essential false"]
    );
    assert_eq!(
        told(|task| task["containerDefinitions"].as_array_mut().unwrap().truncate(1)),
        [r#"- containerDefinitions[log] {"essential":false,"image":"fluent-bit:3","name":"log"}"#]
    );
    assert_eq!(told(|task| task["networkMode"] = json!("host")), [r#"~ networkMode "awsvpc" "host""#]);
}

#[test]
fn an_order_without_meaning_is_no_change() {
    assert_eq!(told(|task| task["containerDefinitions"].as_array_mut().unwrap().reverse()), Vec::<String>::new());
    let environment = |task: &mut Value| task["containerDefinitions"][0]["environment"].as_array_mut().unwrap().reverse();
    assert_eq!(told(environment), Vec::<String>::new());
}

#[test]
fn values_of_environment_variables_are_never_shown() {
    let environment = |list: Value| told(move |task| task["containerDefinitions"][0]["environment"] = list);
    let at = "containerDefinitions[api].environment";
    assert_eq!(
        environment(json!([{"name": "LEVEL", "value": "info"}, {"name": "PASSWORD", "value": "hunter3"}])),
        [format!(r#"~ {at}[PASSWORD].value "(hidden)" "(hidden)""#)]
    );
    assert_eq!(
        environment(json!([{"name": "LEVEL", "value": "info"}, {"name": "TOKEN", "value": "hunter2"}])),
        [
            format!(r#"- {at}[PASSWORD] {{"name":"PASSWORD","value":"(hidden)"}}"#),
            format!(r#"+ {at}[TOKEN] {{"name":"TOKEN","value":"(hidden)"}}"#)
        ]
    );
    let misshapen = [
        json!({"PASSWORD": "hunter3"}),
        json!(["PASSWORD=hunter3"]),
        json!("PASSWORD=hunter3"),
        json!([{"name": "PASSWORD", "value": {"name": "hunter3"}}]),
        json!([{"name": "PASSWORD", "value": "hunter3"}, {"name": "PASSWORD", "value": "hunter4"}]),
    ];
    for list in misshapen {
        let told = environment(list.clone());
        assert!(!told.is_empty() && told.iter().all(|line| !line.contains("hunter")), "{list}: {told:?}");
    }
    for definition in shapes(&json!({"name": "a", "image": "i", "environment": [{"name": "A", "value": "hunter2"}]})) {
        let found = changes(JOB, &json!({}), &normalise(JOB, &definition));
        let shown = serde_json::to_string(&found).unwrap();
        assert!(shown.contains(HIDDEN) && !shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_change_serialises_flat() {
    let found = changes(JOB, &json!({"type": "container", "a b": 1}), &json!({"type": "multinode", "timeout": {}}));
    assert_eq!(
        serde_json::to_value(found).unwrap(),
        json!([
            {"path": "[\"a b\"]", "removed": 1},
            {"path": "timeout", "added": {}},
            {"path": "type", "changed": {"from": "container", "to": "multinode"}}
        ])
    );
}

#[test]
fn what_is_no_definition_does_no_harm() {
    for nonsense in [json!(null), json!([]), json!("text"), json!({"containerDefinitions": {"name": 1}})] {
        for kind in [TASK, JOB] {
            let once = normalise(kind, &nonsense);
            assert_eq!(normalise(kind, &once), once);
        }
    }
}
