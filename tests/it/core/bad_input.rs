//! Everything that can be wrong with a spec and what it refers to: each problem names the field, the value, the rule and what to
//! do about it.

use super::fixtures::{API, docker, fenced, inputs, problems, secret};
use wharfinger::inputs::{Inputs, Source};
use wharfinger::status::Reason;

/// What is wrong, the inputs, and the problem: reason, field, and a part of value, of rule and of remedy.
type Row = (&'static str, Inputs, Reason, &'static str, &'static str, &'static str, &'static str);

fn ecs(image: &str, containers: &str) -> Inputs {
    inputs(&format!(
        "image: '{image}'\ncredentials: [{{secretRef: {{name: regcred}}}}]\necs: {{containerDefinitions: [{containers}]}}"
    ))
}

fn credentials(list: &str) -> Inputs {
    inputs(&format!("image: registry.example.com/x:1\ncredentials: {list}\necs: {{containerDefinitions: [{{name: a}}]}}"))
}

fn setting(line: &str) -> Inputs {
    inputs(&format!("{API}{line}"))
}

fn batch(definition: &str) -> Inputs {
    inputs(&format!("image: registry.example.com/x:1\ncredentials: [{{secretRef: {{name: regcred}}}}]\nbatch: {definition}"))
}

fn source(source: Source) -> Inputs {
    let mut inputs = inputs(API);
    inputs.sources.insert("regcred".into(), source);
    inputs
}

fn config(text: &str) -> Inputs {
    source(secret("kubernetes.io/dockerconfigjson", &[(".dockerconfigjson", text)]))
}

fn named(name: &str) -> Inputs {
    let mut inputs = inputs(API);
    inputs.workload.metadata.name = Some(name.into());
    inputs
}

#[rustfmt::skip] // a table: one row a line
fn logins() -> Vec<Row> {
    use Reason::{InvalidSpec, NotAllowed, SecretSourceInvalid, SecretSourceMissing};
    let entry = |entry: &str| config(&format!(r#"{{"auths": {{"registry.example.com": {entry}}}}}"#));
    let two = "[{secretRef: {name: regcred}}, {registry: registry.example.com, secretRef: {name: regcred}}]";
    let mut conflict = credentials("[{secretRef: {name: regcred}}, {secretRef: {name: second}}]");
    conflict.sources.insert("second".into(), docker(&[("registry.example.com", "a", "b")]));
    let unreadable = source(Source::Unreadable("secrets \"regcred\" is forbidden".into()));
    let at = "spec.credentials[0].secretRef.name";
    vec![
        ("no credential", credentials("[]"), InvalidSpec, "spec.image", "registry.example.com/x:1", "no credential is given", "add one"),
        ("no entry", source(docker(&[("ghcr.io", "a", "b")])), InvalidSpec, "spec.image", "api:1.4.2", "has entries for ghcr.io", "entry for registry.example.com"),
        ("two that are the same", credentials(two), InvalidSpec, "spec.image", "x:1", "both hold a login", "set `registry`"),
        ("two for one", conflict, InvalidSpec, "spec.image", "x:1", "both hold a login", "remove one"),
        ("one registry twice", credentials("[{registry: quay.io, secretRef: {name: regcred}}, {registry: https://quay.io, secretRef: {name: regcred}}]"), InvalidSpec, "spec.credentials[1].registry", "quay.io", "for the same registry", "keep one"),
        ("Docker Hub twice", credentials("[{registry: docker.io, secretRef: {name: regcred}}, {registry: index.docker.io, secretRef: {name: regcred}}]"), InvalidSpec, "spec.credentials[1].registry", "docker.io", "for the same registry", "keep one"),
        ("no source", credentials("[{registry: quay.io}]"), InvalidSpec, "spec.credentials[0]", "", "exactly one of", "keep one"),
        ("two sources", credentials("[{secretRef: {name: regcred}, secretArn: shared/x}]"), InvalidSpec, "spec.credentials[0]", "", "exactly one of", "keep one"),
        ("no registry", credentials("[{registry: 'not a host', secretRef: {name: regcred}}]"), InvalidSpec, "spec.credentials[0].registry", "not a host", "not a registry", "HOST"),
        ("Secret missing", source(Source::Missing), SecretSourceMissing, at, "regcred", "does not exist in namespace payments", "waited for"),
        ("Secret unreadable", unreadable, SecretSourceMissing, at, "regcred", "is forbidden", "secrets.namespaces"),
        ("wrong type", source(secret("kubernetes.io/tls", &[("tls.crt", "x")])), SecretSourceInvalid, at, "regcred", "kubernetes.io/tls", "mend"),
        ("not base64", entry(r#"{"auth": "%%%"}"#), SecretSourceInvalid, at, "regcred", "not base64", "mend"),
        ("not JSON", config("{"), SecretSourceInvalid, at, "regcred", "not JSON: see line 1", "mend"),
        ("no auths", config("{}"), SecretSourceInvalid, at, "regcred", "no object `auths`", "mend"),
        ("identity token", entry(r#"{"identitytoken": "t"}"#), SecretSourceInvalid, at, "regcred", "`identitytoken` in place of a password", "mend"),
        ("no colon", entry(r#"{"auth": "dXNlcg=="}"#), SecretSourceInvalid, at, "regcred", "without a colon", "mend"),
        ("empty password", entry(r#"{"username": "u", "password": ""}"#), SecretSourceInvalid, at, "regcred", "empty password", "mend"),
        ("an entry twice", config(r#"{"auths": {"registry.example.com": {"username": "a", "password": "b"}, "https://registry.example.com": {"username": "a", "password": "c"}}}"#), SecretSourceInvalid, at, "regcred", "leave one", "mend"),
        ("registry not admitted", fenced(inputs(API), "{registries: [ghcr.io]}"), NotAllowed, "spec.credentials[0]", "registry.example.com", "limits.registries", "ask"),
    ]
}

#[rustfmt::skip] // a table: one row a line
fn ecr() -> Vec<Row> {
    use Reason::InvalidSpec;
    let host = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
    let image = format!("{host}/x:1");
    let any = |registry: &str| {
        let mut inputs = inputs(&format!("image: {image}\ncredentials: [{{{registry}secretRef: {{name: s}}}}]\necs: {{containerDefinitions: [{{name: a}}]}}"));
        inputs.sources.insert("s".into(), super::fixtures::basic("x"));
        inputs
    };
    let mut entry = any("");
    entry.sources.insert("s".into(), docker(&[(host, "AWS", "token")]));
    let pasted = format!("{{name: a, image: {image}, repositoryCredentials: {{credentialsParameter: shared/x}}}}");
    let mut without = ecs("registry.example.com/x:1", &format!("{{name: b}}, {pasted}"));
    without.workload.spec.image = Some("registry.example.com/x:1".into());
    vec![
        ("a registry that is ECR", any(&format!("registry: {host}, ")), InvalidSpec, "spec.credentials[0].registry", host, "ECR takes no", "remove"),
        ("ECR Public", any("registry: public.ecr.aws, "), InvalidSpec, "spec.credentials[0].registry", "public.ecr.aws", "ECR takes no", "remove"),
        ("a login for the image", any(""), InvalidSpec, "spec.credentials[0]", "", "ECR takes no", "remove"),
        ("an entry for the image", entry, InvalidSpec, "spec.credentials[0]", "", "ECR takes no", "remove"),
        ("pasted", without, InvalidSpec, "spec.ecs.containerDefinitions[1].repositoryCredentials", "shared/x", "ECR, which takes no", "remove"),
    ]
}

#[rustfmt::skip] // a table: one row a line
fn arns() -> Vec<Row> {
    use Reason::{InvalidSpec, NotAllowed};
    let secret = |id: &str| credentials(&format!("[{{registry: registry.example.com, secretArn: '{id}'}}]"));
    let key = |key: &str| credentials(&format!("[{{secretRef: {{name: regcred}}, kmsKey: '{key}'}}]"));
    let pasted = |id: &str| {
        inputs(&format!("ecs: {{containerDefinitions: [{{name: a, image: registry.example.com/x:1, repositoryCredentials: {{credentialsParameter: '{id}'}}}}]}}"))
    };
    let foreign = "arn:aws:secretsmanager:eu-west-1:210987654321:secret:x/y";
    let foreign_full = "arn:aws:secretsmanager:eu-west-1:210987654321:secret:x/y-AbCdEf";
    let (at, kms) = ("spec.credentials[0].secretArn", "spec.credentials[0].kmsKey");
    let parameter = "spec.ecs.containerDefinitions[0].repositoryCredentials.credentialsParameter";
    vec![
        ("another service", secret("arn:aws:ssm:eu-west-1:111122223333:parameter/x"), InvalidSpec, at, "parameter/x", "ARN of ssm", "secretsmanager"),
        ("another service, pasted", pasted("arn:aws:ssm:eu-west-1:111122223333:parameter/x"), InvalidSpec, parameter, "parameter/x", "ARN of ssm", "secretsmanager"),
        ("no ARN", secret("arn:aws:secretsmanager"), InvalidSpec, at, "arn:aws:secretsmanager", "not an ARN", "full ARN"),
        ("a wildcard", secret("arn:aws:secretsmanager:eu-west-1:111122223333:secret:*"), InvalidSpec, at, "secret:*", "wildcards", "full ARN"),
        ("a bad name", secret("a b"), InvalidSpec, at, "a b", "1 to 512 letters", "full ARN"),
        ("a bad name, pasted", pasted("a b"), InvalidSpec, parameter, "a b", "1 to 512 letters", "full ARN"),
        ("too long", secret(&format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{}", "x".repeat(2048))), InvalidSpec, at, "xxxx", "2048 characters", "full ARN"),
        ("another account", secret(foreign_full), NotAllowed, at, "210987654321", "limits.secretArns do not admit", "ask"),
        ("another account, pasted", pasted(foreign_full), NotAllowed, parameter, "210987654321", "limits.secretArns do not admit", "ask"),
        ("another account, partial", fenced(secret(foreign), "{secretArns: ['*']}"), InvalidSpec, at, "x/y", "full ARN, with the six", "describe-secret"),
        ("a key with a colon", key("arn:aws:kms:eu-west-1:111122223333:key:1234abcd-12ab-34cd-56ef-1234567890ab"), InvalidSpec, kms, "key:1234abcd", "with a slash", "key ARN"),
        ("no key", key("registry"), InvalidSpec, kms, "registry", "neither an ARN nor a key id", "alias/NAME"),
        ("no role", setting("executionRole: {arn: 'arn:aws:iam::111122223333:user/x'}"), InvalidSpec, "spec.executionRole.arn", "user/x", "not the ARN of an IAM role", "role/NAME"),
        ("role elsewhere", setting("executionRole: {arn: 'arn:aws:iam::210987654321:role/x'}"), InvalidSpec, "spec.executionRole.arn", "210987654321", "is of account 210987654321", "same account"),
        ("role twice", setting("executionRole: {arn: 'arn:aws:iam::111122223333:role/x', name: wharfinger_payments}"), InvalidSpec, "spec.executionRole", "", "at most one of", "keep one"),
        ("role name outside the prefix", setting("executionRole: {name: admin}"), InvalidSpec, "spec.executionRole.name", "admin", "wharfinger_payments", "rename"),
        ("role name of another namespace", setting("executionRole: {name: wharfinger_paymentsx}"), InvalidSpec, "spec.executionRole.name", "paymentsx", "wharfinger_payments", "rename"),
        ("role name", setting("executionRole: {name: 'wharfinger_payments_a b'}"), InvalidSpec, "spec.executionRole.name", "a b", "1 to 64 letters", "choose"),
    ]
}

#[rustfmt::skip] // a table: one row a line
fn definitions() -> Vec<Row> {
    use Reason::InvalidSpec;
    let good = "registry.example.com/x:1";
    let big = format!("{{name: a, command: ['{}']}}", "x".repeat(1_000_000));
    let eleven: Vec<String> = (0..11).map(|i| format!("{{name: c{i}}}")).collect();
    let long = format!("registry.example.com/{}@sha256:{}", "x".repeat(200), "0".repeat(64));
    let eks = "{eksProperties: {podProperties: {}}}";
    vec![
        ("a name", named("Api"), InvalidSpec, "metadata.name", "Api", "DNS label", "choose"),
        ("a long name", named(&"a".repeat(64)), InvalidSpec, "metadata.name", "aaa", "63 characters", "choose"),
        ("both kinds", setting("batch: {containerProperties: {}}"), InvalidSpec, "spec", "", "exactly one of `ecs` and `batch`", "keep one"),
        ("neither", inputs("{}"), InvalidSpec, "spec", "", "exactly one of `ecs` and `batch`", "keep one"),
        ("an image", ecs("registry.example.com/X:1", "{name: a}"), InvalidSpec, "spec.image", "/X:1", "not an image reference", "HOST/PATH:TAG"),
        ("an image with a scheme", ecs("https://u:p@h.example.com/x", "{name: a}"), InvalidSpec, "spec.image", "", "no scheme", "HOST/PATH:TAG"),
        ("a long image", ecs(&format!("registry.example.com/{}", "x".repeat(255)), "{name: a}"), InvalidSpec, "spec.image", "xxx", "at most 255", "HOST/PATH:TAG"),
        ("a digest", ecs("registry.example.com/x@sha256:abc", "{name: a}"), InvalidSpec, "spec.image", "sha256:abc", "64 lower-case hexadecimal", "DIGEST"),
        ("a container's image", ecs(good, "{name: a, image: 'a b'}"), InvalidSpec, "spec.ecs.containerDefinitions[0].image", "a b", "not an image", "HOST/PATH:TAG"),
        ("no image", inputs("ecs: {containerDefinitions: [{name: a}]}"), InvalidSpec, "spec.ecs.containerDefinitions[0].image", "", "no image is named", "spec.image"),
        ("no container", ecs(good, ""), InvalidSpec, "spec.ecs.containerDefinitions", "0 containers", "1 to 10", "add"),
        ("eleven containers", ecs(good, &eleven.join(", ")), InvalidSpec, "spec.ecs.containerDefinitions", "11 containers", "1 to 10", "remove"),
        ("one name twice", ecs(good, "{name: a}, {name: a}"), InvalidSpec, "spec.ecs.containerDefinitions[1].name", "a", "two containers", "each its own"),
        ("a container's name", ecs(good, "{name: a.b}"), InvalidSpec, "spec.ecs.containerDefinitions[0].name", "a.b", "letters, digits, hyphens", "choose"),
        ("a variable twice", ecs(good, "{name: a, environment: [{name: X, value: '1'}, {name: X, value: '2'}]}"), InvalidSpec, "spec.ecs.containerDefinitions[0].environment[1].name", "X", "two variables", "keep one"),
        ("a megabyte", ecs(good, &big), InvalidSpec, "spec.ecs", "bytes", "at most 65536 bytes", "S3"),
        ("a family", ecs_with("family: mine"), Reason::NotAllowed, "spec.ecs.family", "mine", "limits.definitionNames", "administrator"),
        ("a family", ecs_with("family: payments_a.b"), InvalidSpec, "spec.ecs.family", "payments_a.b", "letters", "another name"),
        (
            "a cluster",
            inputs(&format!("{API}rollout: {{services: [{{cluster: prod, service: api}}]}}")),
            Reason::NotAllowed,
            "spec.rollout.services[0].cluster",
            "cluster/prod",
            "limits.clusters",
            "administrator",
        ),
        ("our tags", ecs_with("tags: [{key: wharfinger.dev/owner, value: x}]"), InvalidSpec, "spec.ecs.tags", "wharfinger.dev/owner", "not for users", "leave it out"),
        ("AWS's tags", ecs_with("tags: [{key: 'AWS:x', value: x}]"), InvalidSpec, "spec.ecs.tags", "AWS:x", "not for users", "leave it out"),
        ("two roles", ecs_with("executionRoleArn: 'arn:aws:iam::111122223333:role/x'\nexecutionRole: {name: wharfinger_payments}"), InvalidSpec, "spec.executionRole", "role/x", "different roles", "leave executionRoleArn out"),
        ("no form of Batch", batch("{type: container}"), InvalidSpec, "spec.batch", "", "exactly one of containerProperties", "keep one"),
        ("two forms", batch("{containerProperties: {}, nodeProperties: {}}"), InvalidSpec, "spec.batch", "nodeProperties", "exactly one of", "keep one"),
        ("EKS", batch(eks), InvalidSpec, "spec.batch.eksProperties", "", "imagePullSecrets", "no Wharfinger"),
        ("Batch's size", batch(&format!("{{containerProperties: {{command: ['{}']}}}}", "x".repeat(30_000))), InvalidSpec, "spec.batch", "bytes", "at most 24576 bytes", "S3"),
        ("Batch's image", batch(&format!("{{containerProperties: {{image: '{long}'}}}}")), InvalidSpec, "spec.batch.containerProperties.image", "sha256", "the digest included", "tag"),
        ("interval", setting("interval: soon"), InvalidSpec, "spec.interval", "soon", "not a duration", "30m"),
        ("recovery window", setting("recoveryWindowInDays: 6"), InvalidSpec, "spec.recoveryWindowInDays", "6", "7 to 30 days", "within"),
        ("credentials", credentials(&format!("[{}]", vec!["{secretRef: {name: regcred}}"; 21].join(", "))), InvalidSpec, "spec.credentials", "21", "at most 20", "one Secret"),
        ("an empty name", credentials("[{secretRef: {name: ''}}]"), InvalidSpec, "spec.credentials[0].secretRef.name", "", "1 to 253", "name a Secret"),
        ("containers that are no list", ecs_with("containerDefinitions: {}"), InvalidSpec, "spec.ecs.containerDefinitions", "0 containers", "1 to 10", "add"),

    ]
}

/// The usual workload with a field more in its definition, or in the spec on a second line.
fn ecs_with(fields: &str) -> Inputs {
    let (field, rest) = fields.split_once('\n').unwrap_or((fields, ""));
    let containers = if field.starts_with("containerDefinitions") { "" } else { ", containerDefinitions: [{name: a}]" };
    inputs(&format!(
        "image: registry.example.com/x:1\ncredentials: [{{secretRef: {{name: regcred}}}}]\necs: {{{field}{containers}}}\n{rest}"
    ))
}

#[test]
fn each_problem_names_field_value_rule_and_remedy() {
    let mut wrong = vec![];
    for (what, inputs, reason, field, value, rule, remedy) in [logins(), ecr(), arns(), definitions()].into_iter().flatten() {
        let found = problems(&inputs);
        let fits = |problem: &&wharfinger::problem::Problem| {
            (problem.reason, problem.field.as_str()) == (reason, field)
                && problem.value.contains(value)
                && (!value.is_empty() || problem.value.is_empty())
                && problem.rule.contains(rule)
                && problem.remedy.contains(remedy)
                && problem.value.chars().count() <= 513
                && problem.to_string().contains(field)
        };
        if found.iter().find(fits).is_none() {
            wrong.push(format!("{what}:\n{}", super::fixtures::told(&found)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn all_problems_are_told_at_once_and_each_once() {
    let found = problems(&ecs("registry.example.com/X:1", "{name: a.b}, {name: a.b}"));
    let fields: Vec<&str> = found.iter().map(|problem| problem.field.as_str()).collect();
    let container = "spec.ecs.containerDefinitions";
    assert_eq!(
        fields,
        [format!("{container}[0].name").as_str(), "spec.image", &format!("{container}[1].name"), &format!("{container}[1].name"),],
        "the name of the second is wrong in itself and the first one's"
    );
}

#[test]
fn a_broken_login_is_not_also_a_missing_one() {
    let found = problems(&config(r#"{"auths": {"registry.example.com": {"auth": "%%%"}}}"#));
    assert_eq!(found.len(), 1, "{}", super::fixtures::told(&found));
}

#[test]
fn a_password_in_an_address_is_not_repeated() {
    for inputs in [
        ecs("https://puller:hunter2@registry.example.com/x:1", "{name: a}"),
        credentials("[{registry: 'puller:hunter2@registry.example.com', secretRef: {name: regcred}}]"),
        credentials("[{registry: 'https://puller:hunter2@registry.example.com', secretRef: {name: regcred}}]"),
    ] {
        let told = super::fixtures::told(&problems(&inputs));
        assert!(!told.contains("hunter2"), "{told}");
    }
}
