//! What the definition becomes: AWS's own JSON with name, role and credentials filled in, in all its forms.

use super::fixtures::{API, inputs};
use super::story::{Story, steps};
use serde_json::{Value, json};
use wharfinger::plan::Action;
use wharfinger::resource::normalise::DefinitionKind;

const ROLE: &str = "arn:aws:iam::111122223333:role/wharfinger_payments";

/// The document that the plan registers, and its tags.
fn registered(spec: &str) -> (Value, wharfinger::resource::tags::Tags) {
    let mut story = Story::new(inputs(spec));
    story.settle();
    let (name, all) = story.world.definitions.pop_first().unwrap();
    assert_eq!(name, "payments_api");
    (all[0].content.clone(), all[0].tags.clone())
}

const SECRET: &str =
    "arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/regcred/registry.example.com/pull-000001";

#[test]
fn ecs() {
    let (content, _) = registered(API);
    assert_eq!(content["family"], "payments_api");
    assert_eq!(content["executionRoleArn"], ROLE);
    let container = &content["containerDefinitions"][0];
    assert_eq!(container["image"], "registry.example.com/payments/api:1.4.2");
    assert_eq!(container["repositoryCredentials"], json!({ "credentialsParameter": SECRET }), "the full ARN");
}

#[test]
fn batch_in_its_three_forms() {
    let spec =
        |batch: &str| format!("image: registry.example.com/x:1\ncredentials: [{{secretRef: {{name: regcred}}}}]\nbatch: {batch}");
    let (content, _) = registered(&spec("{containerProperties: {command: [a]}}"));
    assert_eq!((&content["jobDefinitionName"], &content["type"]), (&json!("payments_api"), &json!("container")));
    assert_eq!(content["containerProperties"]["executionRoleArn"], ROLE);
    assert_eq!(content["containerProperties"]["repositoryCredentials"]["credentialsParameter"], SECRET);

    let (content, _) =
        registered(&spec("{ecsProperties: {taskProperties: [{containers: [{name: a}, {name: b, image: 'fluent/bit:1'}]}]}}"));
    let task = &content["ecsProperties"]["taskProperties"][0];
    assert_eq!(task["executionRoleArn"], ROLE);
    assert_eq!(task["containers"][0]["repositoryCredentials"]["credentialsParameter"], SECRET);
    assert_eq!(task["containers"][1].get("repositoryCredentials"), None, "a public sidecar has none");

    let nodes = "{nodeProperties: {numNodes: 2, mainNode: 0, nodeRangeProperties: [{targetNodes: '0:', container: {}}]}}";
    let (content, _) = registered(&spec(nodes));
    assert_eq!(content["type"], "multinode");
    let node = &content["nodeProperties"]["nodeRangeProperties"][0]["container"];
    assert_eq!((&node["executionRoleArn"], &node["image"]), (&json!(ROLE), &json!("registry.example.com/x:1")));
    assert_eq!(node["repositoryCredentials"]["credentialsParameter"], SECRET);
}

#[test]
fn tags_of_the_user_are_kept_and_ours_are_added() {
    for (spec, kind) in [
        (API.replace("ecs: {", "ecs: {tags: [{key: team, value: payments}, {key: empty}], "), "ECS"),
        (
            "image: registry.example.com/x:1\ncredentials: [{secretRef: {name: regcred}}]\nbatch: {tags: {team: payments, empty: ''}, containerProperties: {}}".to_owned(),
            "Batch",
        ),
    ] {
        let (content, tags) = registered(&spec);
        assert_eq!((tags["team"].as_str(), tags["empty"].as_str()), ("payments", ""), "{kind}");
        assert_eq!(tags["wharfinger.dev/owner"], "PrivateImageWorkload/api", "{kind}");
        assert_eq!(tags.len(), 7, "{kind}: {tags:?}");
        assert_eq!(content.get("tags"), None, "{kind}: not a part of the content");
    }
    let mut story = Story::settled(inputs(API));
    story.respec(&API.replace("ecs: {", "ecs: {tags: [{key: team, value: payments}], "));
    assert_eq!(steps(&story.plan()), ["TagDefinition"], "a new tag is no new revision");
}

#[test]
fn the_users_own_words_and_order_stay() {
    let spec = "
image: registry.example.com/x:1
credentials: [{secretRef: {name: regcred}}]
ecs:
  cpu: 1 vCPU
  containerDefinitions:
    - {name: z, environment: [{name: B, value: '1'}, {name: A, value: '2'}], futureField: {x: 1}}
    - {name: a, image: 'Registry.Example.com/y'}
";
    let plan = Story::new(inputs(spec)).plan();
    let Some(Action::RegisterDefinition { kind, document, .. }) = plan.steps.last().map(|step| &step.action) else {
        panic!("{plan}")
    };
    assert_eq!(*kind, DefinitionKind::TaskDefinition);
    assert_eq!(document["cpu"], "1 vCPU");
    let containers = document["containerDefinitions"].as_array().unwrap();
    assert_eq!((&containers[0]["name"], &containers[1]["name"]), (&json!("z"), &json!("a")));
    assert_eq!(containers[0]["environment"][0]["name"], "B");
    assert_eq!(containers[0]["futureField"], json!({"x": 1}), "a field that nobody here knows goes through");
    assert_eq!(containers[1]["image"], "Registry.Example.com/y");
}

/// A change of a field is one new revision, told field by field; values of variables are not told.
#[test]
fn a_change_is_one_revision_and_is_told() {
    let spec = |image: &str, level: &str| {
        format!(
            "image: registry.example.com/x:{image}\ncredentials: [{{secretRef: {{name: regcred}}}}]\necs: {{containerDefinitions: [{{name: a, environment: [{{name: TOKEN, value: {level}}}]}}]}}"
        )
    };
    let mut story = Story::settled(inputs(&spec("1", "secret-one")));
    story.respec(&spec("2", "secret-two"));
    let plan = story.plan();
    assert_eq!(steps(&plan), ["RegisterDefinition"]);
    let told = plan.to_string();
    assert!(
        told.contains(r#"containerDefinitions[a].image: "registry.example.com/x:1" -> "registry.example.com/x:2""#),
        "{told}"
    );
    assert!(told.contains("containerDefinitions[a].environment[TOKEN].value: \"(hidden)\""), "{told}");
    let json = serde_json::to_string(&plan).unwrap();
    assert!(!told.contains("secret-") && !json.contains("secret-"), "{told}\n{json}");
    assert_eq!(story.settle(), 1);
    assert_eq!(story.status().definition.as_ref().unwrap().revision, 2);
}

/// The documents that mean the same to AWS are registered once.
#[test]
fn what_means_the_same_is_no_change() {
    let mut story = Story::settled(inputs(API));
    let same = [
        API.replace("cpu: '256'", "cpu: '.25 vCPU'"),
        API.replace("memory: '512'", "memory: 0.5 GB"),
        API.replace("containerPort: 8080", "containerPort: 8080, protocol: tcp"),
        API.replace("{name: api,", "{name: api, essential: true, environment: [],"),
        API.replace("ecs: {", "ecs: {volumes: [], "),
    ];
    for spec in same {
        assert_ne!(spec, API);
        story.respec(&spec);
        assert_eq!(steps(&story.plan()), Vec::<String>::new(), "{spec}");
    }
    story.respec(&API.replace("8080", "8081"));
    assert_eq!(steps(&story.plan()), ["RegisterDefinition"]);
}
