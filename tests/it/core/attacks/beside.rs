//! What else a spec names: families, clusters, tags, Secrets of Kubernetes, fields in other letters.

use super::{Case, ELSEWHERE, case, fenced, open, own_spec, refused, respec};
use crate::core::fixtures::docker;
use crate::core::story::Story;
use wharfinger::api::RolledService;
use wharfinger::resource::service::{Deployment, ObservedService};

pub(super) fn cases() -> Vec<Case> {
    [families(), clusters(), tags(), sources()].into_iter().flatten().collect()
}

fn families() -> Vec<Case> {
    let family = |name: &str| own_spec().replace("ecs: {", &format!("ecs: {{family: '{name}', "));
    let good = family("pay-other");
    let good = ("pay-other", good.as_str());
    let rows = ["payments_api", "payments_other", "payx_api", "PAY_api", "api"];
    let mut cases: Vec<Case> = rows
        .iter()
        .map(|name| fenced(&format!("the family {name}"), &format!("\"{name}\""), &family(name), ("definitionNames", "['*']")))
        .filter(|made| made.prize != "\"payments_api\"")
        .collect();
    for name in ["pay-*", "pay-x:1", "pay-../x", "p\u{430}y_api", "pay_api/x"] {
        cases.push(refused(&format!("the family {name}"), (name, &family(name)), good));
    }
    let job = |name: &str| {
        format!(
            "image: registry.example.com/pay/api:1\ncredentials: [{{secretRef: {{name: regcred}}}}]\nbatch: {{jobDefinitionName: '{name}', containerProperties: {{}}}}"
        )
    };
    cases.push(fenced("a job definition's name", "payments_settle", &job("payments_settle"), ("definitionNames", "['*']")));
    // The fence is wide open here: the tags keep it.
    let (theirs, ours) = (family("payments_api"), family("pay_api"));
    let taken = refused("a family that is registered by another", ("RegisterDefinition", &theirs), ("RegisterDefinition", &ours));
    cases.push(Case { is_told: true, ..taken });
    cases
}

fn clusters() -> Vec<Case> {
    let spec = |cluster: &str, service: &str| {
        format!("{}rollout: {{services: [{{cluster: '{cluster}', service: '{service}'}}]}}", own_spec())
    };
    let running = |story: &mut Story, cluster: &str, service: &str| {
        let task_definition = "arn:aws:ecs:eu-west-1:111122223333:task-definition/pay_api:0".to_owned();
        let deployment = Deployment { task_definition: task_definition.clone(), ..Deployment::default() };
        let found = ObservedService {
            task_definition,
            controller: "ECS".into(),
            deployments: vec![deployment],
            ..ObservedService::default()
        };
        story.world.services.insert(RolledService { cluster: cluster.into(), service: service.into() }, found);
    };
    let place = "arn:aws:ecs:eu-west-1:111122223333:cluster";
    let rows: [(&str, String, &str, bool); 8] = [
        ("a cluster by name", "payments-prod".into(), "api", true),
        ("a cluster by ARN", format!("{place}/payments-prod"), "api", true),
        ("a cluster that begins alike", "payx".into(), "api", true),
        ("a cluster of another account", format!("{place}/pay-prod").replace("111122223333", ELSEWHERE), "api", false),
        ("a cluster of another Region", format!("{place}/pay-prod").replace("eu-west-1", "us-east-1"), "api", false),
        ("a cluster behind another", "payments-prod/pay-prod".into(), "api", false),
        ("the same by ARN", format!("{place}/payments-prod/pay-prod"), "api", false),
        (
            "a service by its ARN in another cluster",
            "pay-prod".into(),
            "arn:aws:ecs:eu-west-1:111122223333:service/payments-prod/api",
            false,
        ),
    ];
    let case_of = |(what, cluster, service, openable): &(&str, String, &str, bool)| {
        let (bad, cluster, service, openable) = (spec(cluster, service), cluster.clone(), (*service).to_owned(), *openable);
        let attack = move |story: &mut Story| {
            running(story, &cluster, &service);
            respec(story, &bad);
        };
        let same = attack.clone();
        let control = move |story: &mut Story| match openable {
            true => {
                same(story);
                open(story, "clusters", "['*']");
            }
            false => {
                running(story, "pay-prod", "api");
                respec(story, &spec("pay-prod", "api"));
            }
        };
        case(what, ("UpdateService", attack), ("UpdateService", control))
    };
    rows.iter().map(case_of).collect()
}

/// Tags of the definition that say whose it is.
fn tags() -> Vec<Case> {
    let ecs = |key: &str| own_spec().replace("ecs: {", &format!("ecs: {{tags: [{{key: '{key}', value: stolen}}], "));
    let good = ecs("team");
    let reserved =
        ["wharfinger.dev/owner", "wharfinger.dev/namespace-uid", "WHARFINGER.dev/cluster", "wharfinger.dev/x", "aws:x", "AWS:x"];
    let mut cases: Vec<Case> =
        reserved.iter().map(|key| refused(&format!("the tag {key}"), ("stolen", &ecs(key)), ("stolen", &good))).collect();
    let job = |key: &str| {
        format!(
            "image: registry.example.com/pay/api:1\ncredentials: [{{secretRef: {{name: regcred}}}}]\nbatch: {{tags: {{'{key}': stolen}}, containerProperties: {{}}}}"
        )
    };
    cases.push(refused("a tag of a job", ("stolen", &job("wharfinger.dev/owner")), ("stolen", &job("team"))));
    let patched = |key: &str| format!("{}definitionPatch: {{tags: [{{key: '{key}', value: stolen}}]}}", own_spec());
    cases.push(refused("a tag by a patch", ("stolen", &patched("wharfinger.dev/owner")), ("stolen", &patched("team"))));
    cases
}

/// Secrets of other namespaces, fields in other letters.
fn sources() -> Vec<Case> {
    let good = own_spec();
    let named = |name: &str| {
        let spec = good.replace("name: regcred", &format!("name: '{name}'"));
        let name = name.to_owned();
        move |story: &mut Story| {
            respec(story, &spec);
            // As if Kubernetes had answered.
            story.inputs.sources.insert(name.clone(), docker(&[("registry.example.com", "puller", "any")]));
        }
    };
    let names = [
        "../../payments/secrets/regcred",
        "payments/regcred",
        "..%2f..%2fpayments%2fsecrets%2fregcred",
        "regcred?x=1",
        "Regcred",
    ];
    let mut cases: Vec<Case> = names
        .iter()
        .map(|name| case(&format!("the Secret {name}"), ("CreateSecret", named(name)), ("CreateSecret", named("other.regcred"))))
        .collect();
    let role = "arn:aws:iam::111122223333:role/app/payments-api";
    for field in ["TaskRoleArn", "taskrolearn", "taskRoleARN"] {
        let patched = |field: &str, role: &str| format!("{good}definitionPatch: {{{field}: '{role}'}}");
        let (bad, good) = (patched(field, role), patched("taskRoleArn", "arn:aws:iam::111122223333:role/app/pay-api"));
        cases.push(refused(&format!("the field {field}"), ("payments-api", &bad), ("app/pay-api", &good)));
    }
    let inner = |field: &str, value: &str| {
        format!(
            "{good}definitionPatch: {{containerDefinitions: [{{name: api, image: 'registry.example.com/pay/api:1', {field}: [{{name: X, valueFrom: {value}}}]}}]}}"
        )
    };
    cases.push(refused(
        "secrets in capitals",
        ("/payments/flag", &inner("Secrets", "/payments/flag")),
        ("/pay/flag", &inner("secrets", "/pay/flag")),
    ));
    cases
}
