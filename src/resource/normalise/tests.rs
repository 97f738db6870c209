//! Every row of the tables has a pair of definitions here, as given and as AWS returns it, that only this row makes equal.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const TASK: DefinitionKind = DefinitionKind::TaskDefinition;
const JOB: DefinitionKind = DefinitionKind::JobDefinition;

/// What is given, and what AWS returns for it.
type Pair = (Value, Value);

fn in_container(given: Value, returned: Value) -> Pair {
    (json!({"containerDefinitions": [given]}), json!({"containerDefinitions": [returned]}))
}

fn task_pairs() -> Vec<Pair> {
    let mut pairs: Vec<Pair> = [
        (json!({}), json!({"taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/f:7"})),
        (json!({}), json!({"revision": 7})),
        (json!({}), json!({"status": "ACTIVE"})),
        (json!({}), json!({"registeredAt": 1_700_000_000.5})),
        (json!({}), json!({"registeredBy": "arn:aws:iam::111122223333:root"})),
        (json!({}), json!({"compatibilities": ["EC2", "FARGATE"]})),
        (json!({}), json!({"requiresAttributes": [{"name": "ecs.capability.private-registry-authentication.secretsmanager"}]})),
        (json!({}), json!({"deregisteredAt": 1})),
        (json!({}), json!({"deleteRequestedAt": 1})),
        (json!({"tags": [{"key": "team", "value": "payments"}]}), json!({"tags": [{"key": "aws:x", "value": "y"}]})),
        (json!({"cpu": ".25 vCPU"}), json!({"cpu": "256"})),
        (json!({"memory": "0.5GB"}), json!({"memory": "512"})),
        (json!({}), json!({"networkMode": "bridge"})),
        (json!({"requiresCompatibilities": ["FARGATE", "EC2"]}), json!({"requiresCompatibilities": ["EC2", "FARGATE"]})),
        (json!({}), json!({"enableFaultInjection": false})),
        reversed("containerDefinitions", json!([{"name": "a"}, {"name": "b"}])),
        reversed("volumes", json!([{"name": "a"}, {"name": "b"}])),
        reversed("placementConstraints", json!([{"expression": "a"}, {"expression": "b"}])),
        reversed("inferenceAccelerators", json!([{"deviceName": "a"}, {"deviceName": "b"}])),
        within("proxyConfiguration", reversed("properties", json!([{"name": "a"}, {"name": "b"}]))),
        // No row, but the whole form: nothing empty survives.
        (json!({}), json!({"volumes": [], "placementConstraints": [], "runtimePlatform": {}, "networkMode": null})),
    ]
    .into();
    pairs.extend(task_container_pairs());
    for (field, default) in [("scope", json!("task")), ("autoprovision", json!(false))] {
        pairs.push(volume_pair("dockerVolumeConfiguration", json!({"driver": "d"}), field, default));
    }
    for (field, default) in [("rootDirectory", "/"), ("transitEncryption", "DISABLED")] {
        pairs.push(volume_pair("efsVolumeConfiguration", json!({"fileSystemId": "fs-1"}), field, json!(default)));
    }
    pairs.push(volume_pair("efsVolumeConfiguration", json!({}), "authorizationConfig", json!({"iam": "DISABLED"})));
    pairs
}

fn task_container_pairs() -> Vec<Pair> {
    let ports = |port: Value| json!({"name": "a", "portMappings": [port]});
    let check = |field: &str, value: u32| {
        in_container(json!({"healthCheck": {"command": ["CMD"]}}), json!({"healthCheck": {"command": ["CMD"], (field): value}}))
    };
    let mut pairs: Vec<Pair> = [
        in_container(json!({"name": "a"}), json!({"name": "a", "cpu": 0})),
        in_container(json!({"name": "a"}), json!({"name": "a", "essential": true})),
        in_container(ports(json!({"containerPort": 80})), ports(json!({"containerPort": 80, "protocol": "tcp"}))),
        in_container(ports(json!({"containerPort": 80})), ports(json!({"containerPort": 80, "hostPort": 0}))),
        check("interval", 30),
        check("retries", 3),
        check("timeout", 5),
        in_container(
            json!({"restartPolicy": {"enabled": true}}),
            json!({"restartPolicy": {"enabled": true, "restartAttemptPeriod": 300}}),
        ),
        in_container(json!({"name": "a"}), json!({"name": "a", "versionConsistency": "enabled"})),
        in_container(
            json!({"mountPoints": [{"sourceVolume": "v"}]}),
            json!({"mountPoints": [{"sourceVolume": "v", "readOnly": false}]}),
        ),
        in_container(
            json!({"volumesFrom": [{"sourceContainer": "b"}]}),
            json!({"volumesFrom": [{"sourceContainer": "b", "readOnly": false}]}),
        ),
        in_container(
            json!({"name": "a"}),
            json!({"name": "a", "environment": [], "mountPoints": [], "systemControls": [], "dependsOn": [{}]}),
        ),
    ]
    .into();
    for list in ["environment", "secrets"] {
        let (given, returned) = reversed(list, json!([{"name": "a"}, {"name": "b"}]));
        pairs.push(in_container(given, returned));
    }
    let (given, returned) = reversed("secretOptions", json!([{"name": "a"}, {"name": "b"}]));
    pairs.push(in_container(json!({"logConfiguration": given}), json!({"logConfiguration": returned})));
    for mode in ["awsvpc", "host"] {
        let (mut given, mut returned) =
            in_container(ports(json!({"containerPort": 80})), ports(json!({"containerPort": 80, "hostPort": 80})));
        given["networkMode"] = json!(mode);
        returned["networkMode"] = json!(mode);
        pairs.push((given, returned));
    }
    pairs
}

fn volume_pair(configuration: &str, given: Value, field: &str, default: Value) -> Pair {
    let mut returned = given.clone();
    returned[field] = default;
    (json!({"volumes": [{"name": "v", (configuration): given}]}), json!({"volumes": [{"name": "v", (configuration): returned}]}))
}

fn reversed(field: &str, list: Value) -> Pair {
    let mut backwards = list.clone();
    backwards.as_array_mut().unwrap().reverse();
    (json!({(field): backwards}), json!({(field): list}))
}

fn within(field: &str, (given, returned): Pair) -> Pair {
    (json!({(field): given}), json!({(field): returned}))
}

/// A definition with this container in each of the four shapes in turn.
fn shapes(container: &Value) -> [Value; 4] {
    let lone = json!({"containerProperties": container});
    let task = json!({"ecsProperties": {"taskProperties": [{"containers": [container]}]}});
    let node = json!({"nodeProperties": {"nodeRangeProperties": [{"targetNodes": "0:", "container": container}]}});
    let nodes =
        json!({"nodeProperties": {"nodeRangeProperties": [{"targetNodes": "0:", "ecsProperties": task["ecsProperties"]}]}});
    [lone, task, node, nodes]
}

/// A definition with these properties of a task in each of the two shapes in turn.
fn task_shapes(task: &Value) -> [Value; 2] {
    let ecs = json!({"taskProperties": [task]});
    [json!({"ecsProperties": ecs}), json!({"nodeProperties": {"nodeRangeProperties": [{"ecsProperties": ecs}]}})]
}

fn job_pairs() -> Vec<Pair> {
    let retry = |action: &str| json!({"retryStrategy": {"evaluateOnExit": [{"onExitCode": "1", "action": action}]}});
    let mut pairs: Vec<Pair> = [
        (json!({}), json!({"jobDefinitionArn": "arn:aws:batch:eu-west-1:111122223333:job-definition/j:1"})),
        (json!({}), json!({"revision": 1})),
        (json!({}), json!({"status": "ACTIVE"})),
        (json!({}), json!({"containerOrchestrationType": "ECS"})),
        (json!({"tags": {"a": "b"}}), json!({"tags": {}})),
        (retry("RETRY"), retry("retry")),
        (json!({"platformCapabilities": ["FARGATE", "EC2"]}), json!({"platformCapabilities": ["EC2", "FARGATE"]})),
        (json!({}), json!({"propagateTags": false})),
        (json!({}), json!({"parameters": {}, "schedulingPriority": null})),
    ]
    .into();
    for (given, returned) in job_container_pairs() {
        pairs.extend(shapes(&given).into_iter().zip(shapes(&returned)));
    }
    let lone = [json!({"fargatePlatformConfiguration": {"platformVersion": "LATEST"}}), json!({"privileged": false})];
    for mut returned in lone {
        returned["image"] = json!("i");
        let shapes_of = |container: &Value| shapes(container).into_iter().step_by(2);
        pairs.extend(shapes_of(&json!({"image": "i"})).zip(shapes_of(&returned)));
    }
    let tasks = [
        reversed("containers", json!([{"name": "a"}, {"name": "b"}])),
        (json!({"containers": [{"name": "a"}]}), json!({"containers": [{"name": "a", "essential": true}]})),
        (json!({"ipcMode": "none"}), json!({"ipcMode": "none", "platformVersion": "LATEST"})),
    ];
    for (given, returned) in tasks {
        pairs.extend(task_shapes(&given).into_iter().zip(task_shapes(&returned)));
    }
    for (given, returned) in job_volume_pairs() {
        pairs.extend(shapes(&given).into_iter().step_by(2).zip(shapes(&returned).into_iter().step_by(2)));
        pairs.extend(task_shapes(&given).into_iter().zip(task_shapes(&returned)));
    }
    pairs
}

fn job_container_pairs() -> Vec<Pair> {
    let needs = |vcpus: &str| json!({"resourceRequirements": [{"type": "VCPU", "value": vcpus}]});
    vec![
        (
            json!({"environment": [{"name": "EMPTY", "value": ""}, {"name": "A", "value": "1"}]}),
            json!({"environment": [{"name": "A", "value": "1"}]}),
        ),
        reversed("environment", json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])),
        reversed("secrets", json!([{"name": "A"}, {"name": "B"}])),
        within("logConfiguration", reversed("secretOptions", json!([{"name": "A"}, {"name": "B"}]))),
        (needs("1.0"), needs("1")),
        reversed("resourceRequirements", json!([{"type": "MEMORY", "value": "2048"}, {"type": "VCPU", "value": "1"}])),
        (json!({"mountPoints": [{"sourceVolume": "v"}]}), json!({"mountPoints": [{"sourceVolume": "v", "readOnly": false}]})),
        (
            json!({"image": "i", "linuxParameters": {"devices": [{"hostPath": "/dev/x"}]}}),
            json!({"image": "i", "command": [], "networkConfiguration": {"interfaceConfigurations": []},
                   "linuxParameters": {"devices": [{"hostPath": "/dev/x", "permissions": []}], "tmpfs": []}}),
        ),
    ]
}

fn job_volume_pairs() -> Vec<Pair> {
    vec![
        reversed("volumes", json!([{"name": "a"}, {"name": "b"}])),
        volume_pair("efsVolumeConfiguration", json!({"fileSystemId": "fs-1"}), "rootDirectory", json!("/")),
        volume_pair("efsVolumeConfiguration", json!({"fileSystemId": "fs-1"}), "transitEncryption", json!("DISABLED")),
        volume_pair("efsVolumeConfiguration", json!({}), "authorizationConfig", json!({"iam": "DISABLED"})),
    ]
}

fn pairs(kind: DefinitionKind) -> Vec<Pair> {
    match kind {
        TASK => task_pairs(),
        JOB => job_pairs(),
    }
}

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

/// Any of the tables' field names, so that generated JSON meets the rules, in places right and wrong.
fn field_name(kind: DefinitionKind) -> impl Strategy<Value = String> {
    let mut names: Vec<String> = rules(kind)
        .flat_map(|(under, rule)| segments(under, rule))
        .map(|segment| segment.trim_end_matches("[]").to_owned())
        .chain(["name", "value", "type", "containerPort", "image", "command"].map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    prop::sample::select(names)
}

fn scalar() -> impl Strategy<Value = Value> {
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(30),
        json!(80),
        json!(""),
        json!("a"),
        json!("b"),
        json!("/"),
        json!("tcp"),
        json!("bridge"),
        json!("awsvpc"),
        json!("FARGATE"),
        json!("LATEST"),
        json!("1.0"),
        json!("1 GB"),
        json!("2 vCPU"),
        json!("RETRY"),
        json!("DISABLED"),
        json!("VCPU"),
        json!("GPU"),
    ];
    prop::sample::select(values.to_vec())
}

fn any_json(kind: DefinitionKind) -> impl Strategy<Value = Value> {
    scalar().prop_recursive(6, 48, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((field_name(kind), inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A definition that has each field of the tables, or has it not, with a value of the right or of the wrong sort.
fn definition(kind: DefinitionKind) -> impl Strategy<Value = Value> {
    let selectors: Vec<Vec<String>> =
        rules(kind).map(|(under, rule)| segments(under, rule).into_iter().map(str::to_owned).collect()).collect();
    let fields = prop::collection::vec((prop::sample::select(selectors), any_json(kind), 0..3usize), 0..24);
    fields.prop_map(|fields| {
        let mut root = json!({});
        for (selector, value, item) in fields {
            put(&mut root, &selector, item, value);
        }
        root
    })
}

fn put(at: &mut Value, selector: &[String], item: usize, value: Value) {
    let (Some(object), [head, rest @ ..]) = (at.as_object_mut(), selector) else { return };
    let (name, list) = head.strip_suffix("[]").map_or((head.as_str(), false), |name| (name, true));
    if rest.is_empty() {
        object.insert(name.to_owned(), value);
    } else if list {
        let items = object.entry(name).or_insert_with(|| json!([]));
        let Some(items) = items.as_array_mut() else { return };
        items.resize_with(items.len().max(item + 1), || json!({"name": format!("n{item}")}));
        put(&mut items[item], rest, item, value);
    } else {
        put(object.entry(name).or_insert_with(|| json!({})), rest, item, value);
    }
}

fn any_kind() -> impl Strategy<Value = DefinitionKind> {
    prop_oneof![Just(TASK), Just(JOB)]
}

fn both(kind: DefinitionKind) -> impl Strategy<Value = Value> {
    prop_oneof![definition(kind), any_json(kind)]
}

proptest! {
    #[test]
    fn a_normal_form_is_its_own((kind, given) in any_kind().prop_flat_map(|kind| (Just(kind), both(kind)))) {
        let once = normalise(kind, &given);
        prop_assert_eq!(normalise(kind, &once).to_string(), once.to_string());
    }

    #[test]
    fn no_changes_means_equal(
        (kind, before, after) in any_kind().prop_flat_map(|kind| (Just(kind), both(kind), both(kind)))
    ) {
        let (before, after) = (normalise(kind, &before), normalise(kind, &after));
        prop_assert_eq!(changes(kind, &before, &after).is_empty(), before == after);
        prop_assert_eq!(changes(kind, &before, &before), vec![]);
    }
}
