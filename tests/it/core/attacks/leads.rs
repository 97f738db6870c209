//! What a definition names: each kind of thing, in each shape, written out or put there by a patch.

use super::{Case, ELSEWHERE, VICTIMS_SECRET, case, fenced, open, refused, respec};
use crate::core::story::Story;
use serde_json::{Value, json};

/// Field by field, what a container names of the victim's: the fields, what of it would be in a plan, the fence.
fn containers() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let secrets = |value: &str| json!({"secrets": [{"name": "X", "valueFrom": value}]});
    let driver =
        |value: &str| json!({"logConfiguration": {"logDriver": "splunk", "secretOptions": [{"name": "X", "valueFrom": value}]}});
    let parameter = "arn:aws:ssm:eu-west-1:111122223333:parameter/payments/flag";
    let object = "arn:aws:s3:::shared/payments/api.env";
    let options = json!({"config-file-type": "s3", "config-file-value": object});
    vec![
        ("a secret", secrets(VICTIMS_SECRET), "payments/db-AbCdEf", "secretArns"),
        ("a key of a secret", secrets(&format!("{VICTIMS_SECRET}:user:AWSCURRENT:")), "payments/db-AbCdEf:user", "secretArns"),
        ("a pull secret", secrets(&own_of_victim()), "wharfinger/payments/", "secretArns"),
        ("a secret for the log driver", driver(VICTIMS_SECRET), "payments/db-AbCdEf", "secretArns"),
        ("a parameter", secrets(parameter), "parameter/payments/flag", "ssmParameters"),
        ("a parameter by name", secrets("/payments/flag"), "/payments/flag", "ssmParameters"),
        ("a parameter for the log driver", driver("payments/flag"), "payments/flag", "ssmParameters"),
        ("a file of variables", json!({"environmentFiles": [{"type": "s3", "value": object}]}), "shared/payments/", "s3Objects"),
        (
            "a configuration of FireLens",
            json!({"firelensConfiguration": {"type": "fluentbit", "options": options}}),
            "shared/payments/",
            "s3Objects",
        ),
    ]
}

fn own_of_victim() -> String {
    "arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/regcred/registry.example.com/pull-000001".to_owned()
}

/// Credential specs and roles are not in every shape.
fn elsewhere() -> Vec<(&'static str, Value, Value, &'static str, &'static str)> {
    let role = "arn:aws:iam::111122223333:role/app/payments-api";
    let spec = |word: &str, arn: &str| json!({"credentialSpecs": [format!("{word}:{arn}")]});
    let (object, parameter) =
        ("arn:aws:s3:::shared/payments/spec.json", "arn:aws:ssm:eu-west-1:111122223333:parameter/payments/spec");
    let volume = |login: &str| {
        let login = json!({"credentialsParameter": login, "domain": "example.com"});
        let fsx = json!({"fileSystemId": "fs-0123456789abcdef0", "rootDirectory": "share", "authorizationConfig": login});
        json!({"volumes": [{"name": "share", "fsxWindowsFileServerVolumeConfiguration": fsx}]})
    };
    let none = json!({});
    vec![
        ("a spec of credentials", spec("credentialspec", object), none.clone(), "shared/payments/", "s3Objects"),
        (
            "a spec without domain",
            spec("credentialspecdomainless", parameter),
            none.clone(),
            "parameter/payments/",
            "ssmParameters",
        ),
        (
            "a spec as an option of Docker",
            json!({"dockerSecurityOptions": [format!("credentialspec:{object}")]}),
            none.clone(),
            "shared/payments/",
            "s3Objects",
        ),
        ("a task role", none.clone(), json!({"taskRoleArn": role}), "role/app/payments-api", "taskRoles"),
        (
            "the victim's execution role as task role",
            none.clone(),
            json!({"taskRoleArn": "arn:aws:iam::111122223333:role/tenants/wharfinger_payments"}),
            "wharfinger_payments",
            "taskRoles",
        ),
        ("the login of a volume", none.clone(), volume(VICTIMS_SECRET), "payments/db-AbCdEf", "secretArns"),
        (
            "a parameter as login of a volume",
            none,
            volume("arn:aws:ssm:eu-west-1:111122223333:parameter/payments/fsx"),
            "payments/fsx",
            "ssmParameters",
        ),
    ]
}

const SHAPES: [&str; 5] = ["ecs", "containerProperties", "ecsProperties", "a node", "ecsProperties of a node"];

fn merged(one: Value, other: &Value) -> Value {
    let mut one = one;
    one.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    one
}

/// A definition of a shape with these fields in its container and beside it.
fn definition(shape: &str, container: &Value, beside: &Value) -> (&'static str, Value) {
    let sizes = json!([{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}]);
    let lone = || merged(merged(json!({"resourceRequirements": sizes}), container), beside);
    let named = || merged(json!({"name": "a", "resourceRequirements": sizes}), container);
    let task = || json!({"taskProperties": [merged(json!({"containers": [named()]}), beside)]});
    let nodes = |range: Value| {
        let range = merged(json!({"targetNodes": "0"}), &range);
        json!({"type": "multinode", "nodeProperties": {"numNodes": 1, "mainNode": 0, "nodeRangeProperties": [range]}})
    };
    match shape {
        "ecs" => {
            let containers = json!({"memory": "512", "containerDefinitions": [merged(json!({"name": "a"}), container)]});
            ("ecs", merged(containers, beside))
        }
        "containerProperties" => ("batch", json!({"type": "container", "containerProperties": lone()})),
        "ecsProperties" => ("batch", json!({"type": "container", "ecsProperties": task()})),
        "a node" => ("batch", nodes(json!({"container": lone()}))),
        _ => ("batch", nodes(json!({"ecsProperties": task()}))),
    }
}

/// The spec, with the definition written out or put in place of a harmless one by a patch.
fn spec(shape: &str, container: &Value, beside: &Value, patched: bool) -> String {
    let (field, definition) = self::definition(shape, container, beside);
    let mut spec = json!({"image": "registry.example.com/pay/api:1", "credentials": [{"secretRef": {"name": "regcred"}}]});
    match patched {
        true => {
            spec[field] = self::definition(shape, &json!({}), &json!({})).1;
            spec["definitionPatch"] = definition;
        }
        false => spec[field] = definition,
    }
    spec.to_string()
}

/// One attack in one shape.
fn one(what: &str, shape: &str, fields: (&Value, &Value), prize: &str, fence: &str) -> Vec<Case> {
    let written = [("", false), (", by a patch", true)];
    let made = written.map(|(how, patched)| {
        let spec = spec(shape, fields.0, fields.1, patched);
        fenced(&format!("{what} in {shape}{how}"), prize, &spec, (fence, "['*']"))
    });
    made.into()
}

fn ecs(container: &Value) -> String {
    spec("ecs", container, &json!({}), false)
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    let none = json!({});
    for shape in SHAPES {
        for (what, fields, prize, fence) in containers() {
            cases.extend(one(what, shape, (&fields, &none), prize, fence));
        }
    }
    for (what, container, beside, prize, fence) in elsewhere() {
        cases.extend(one(what, "ecs", (&container, &beside), prize, fence));
    }
    let role = json!({"jobRoleArn": "arn:aws:iam::111122223333:role/app/payments-job"});
    for shape in ["containerProperties", "a node"] {
        cases.extend(one("a job role", shape, (&none, &role), "payments-job", "taskRoles"));
    }
    let role = json!({"taskRoleArn": "arn:aws:iam::111122223333:role/app/payments-job"});
    for shape in ["ecsProperties", "ecsProperties of a node"] {
        cases.extend(one("a task role of a job", shape, (&none, &role), "payments-job", "taskRoles"));
    }
    cases.extend(spellings());
    cases
}

/// Ways to write what the fence admits so that it stands for something else.
fn spellings() -> Vec<Case> {
    let place = "eu-west-1:111122223333";
    let arn = |name: &str| format!("arn:aws:secretsmanager:{place}:secret:{name}");
    let parameter = |name: &str| format!("arn:aws:ssm:{place}:parameter{name}");
    let elsewhere = |arn: String| arn.replace("111122223333", ELSEWHERE);
    let reference = "/aws/reference/secretsmanager/payments/db";
    let rows = [
        ("a secret of another account", ELSEWHERE, elsewhere(arn("pay/db-AbCdEf")), "secretArns"),
        ("a secret in another Region", "us-east-1", arn("pay/db-AbCdEf").replace("eu-west-1", "us-east-1"), "secretArns"),
        ("a secret of another partition", "arn:aws-cn:", arn("pay/db-AbCdEf").replace("arn:aws:", "arn:aws-cn:"), "secretArns"),
        ("a longer name", "secret:pay-prod/", arn("pay-prod/db-AbCdEf"), "secretArns"),
        ("a shorter name", "secret:pa/", arn("pa/db-AbCdEf"), "secretArns"),
        ("a name in capitals", "secret:PAY/", arn("PAY/db-AbCdEf"), "secretArns"),
        ("our prefix, and a longer namespace", "wharfinger/payx/", arn("wharfinger/payx/r/h/pull-AbCdEf"), "secretArns"),
        ("our prefix with two slashes", "wharfinger//pay/", arn("wharfinger//pay/r/h/pull-AbCdEf"), "secretArns"),
        ("something before our prefix", "x/wharfinger/pay/", arn("x/wharfinger/pay/r/h/pull-AbCdEf"), "secretArns"),
        ("our prefix in another account", ELSEWHERE, elsewhere(arn("wharfinger/pay/r/h/pull-AbCdEf")), "secretArns"),
        ("a parameter of another account", ELSEWHERE, elsewhere(parameter("/pay/flag")), "ssmParameters"),
        ("a parameter with two slashes", "parameter//pay/", parameter("//pay/flag"), "ssmParameters"),
        ("a parameter named as our secrets", "parameter/wharfinger/pay/", parameter("/wharfinger/pay/flag"), "ssmParameters"),
    ];
    let mut cases: Vec<Case> =
        rows.iter().map(|(what, prize, value, fence)| fenced(what, prize, &secret(value), (fence, "['*']"))).collect();
    for (what, closed, opened) in [
        ("a secret that only the fence of parameters admits", "ssmParameters", "secretArns"),
        ("a parameter for a secret that only the fence of secrets admits", "secretArns", "ssmParameters"),
    ] {
        let half = move |story: &mut Story| {
            respec(story, &secret(reference));
            open(story, closed, "['*']");
        };
        let whole = move |story: &mut Story| {
            half(story);
            open(story, opened, "['*']");
        };
        cases.push(case(what, ("payments/db", half), ("secret:payments/db-", whole)));
    }
    cases.extend(beyond());
    cases
}

fn secret(value: &str) -> String {
    ecs(&json!({"secrets": [{"name": "X", "valueFrom": value}]}))
}

fn file(value: &str) -> String {
    ecs(&json!({"environmentFiles": [{"type": "s3", "value": value}]}))
}

/// What fits a pattern and is not one thing below it, or not that thing: no pattern admits it.
fn beyond() -> Vec<Case> {
    let arn = |name: &str| secret(&format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{name}"));
    let parameter = |name: &str| secret(&format!("arn:aws:ssm:eu-west-1:111122223333:parameter{name}"));
    let object = |name: &str| file(&format!("arn:aws:s3:::{name}"));
    let role =
        |name: &str| spec("ecs", &json!({}), &json!({"taskRoleArn": format!("arn:aws:iam::111122223333:role/{name}")}), false);
    let (own, own_parameter) = (arn("pay/db-AbCdEf"), parameter("/pay/flag"));
    let (own_object, own_role) = (object("shared/pay/api.env"), role("app/pay-api"));
    let (own, own_parameter) = (("pay/db-AbCdEf", own.as_str()), ("/pay/flag", own_parameter.as_str()));
    let (own_object, own_role) = (("shared/pay/api.env", own_object.as_str()), ("app/pay-api", own_role.as_str()));
    vec![
        refused("up from a secret", ("pay/..", &arn("pay/../payments/db-AbCdEf")), own),
        refused("up from our own prefix", ("pay/..", &arn("wharfinger/pay/../payments/r/h/pull-AbCdEf")), own),
        refused("up from a parameter", ("pay/..", &parameter("/pay/../payments/flag")), own_parameter),
        refused("up from a parameter by name", ("pay/..", &secret("/pay/../payments/flag")), own_parameter),
        refused("up from an object", ("pay/..", &object("shared/pay/../payments/api.env")), own_object),
        refused("up from a role", ("pay-/..", &role("app/pay-/../payments-api")), own_role),
        refused("a look-alike of a letter", ("p\u{430}y", &arn("p\u{430}y/db-AbCdEf")), own),
        refused("an encoded letter", ("p%61y", &arn("p%61y/db-AbCdEf")), own),
        refused(
            "white space before an ARN",
            (" arn:aws:ssm", &secret(" arn:aws:ssm:eu-west-1:111122223333:parameter/pay/flag")),
            own_parameter,
        ),
        refused("an ARN in capitals", ("ARN:", &secret("ARN:aws:ssm:eu-west-1:111122223333:parameter/pay/flag")), own_parameter),
        refused("an ARN of no service", ("arn:aws:nothing", &secret("arn:aws:nothing:eu-west-1:111122223333:pay/x")), own),
        refused("all secrets below a name", ("pay/*", &arn("pay/*")), own),
        refused("any six characters", ("pay/db-??????", &arn("pay/db-??????")), own),
        refused("all our secrets of all namespaces", ("secret:wharfinger/*", &arn("wharfinger/*")), own),
        refused("a secret with a variable", ("${aws", &arn("pay/${aws:PrincipalTag/x}-AbCdEf")), own),
        refused("all parameters below a name", ("pay/*", &parameter("/pay/*")), own_parameter),
        refused("all parameters by name", ("pay/*", &secret("/pay/*")), own_parameter),
        refused("all objects below a name", ("pay/*", &object("shared/pay/*")), own_object),
        refused("an object with a variable", ("${aws", &object("shared/pay/${aws:username}")), own_object),
        refused("an object of any name", ("pay/?", &object("shared/pay/?.env")), own_object),
        refused("all roles", ("pay-*", &role("app/pay-*")), own_role),
    ]
}
