//! Secrets and workloads in, lines out.

use super::*;
use std::sync::Arc;

const PASSWORD: &str = "hunter2-CANARY";

/// `host=user` pairs as the logins of a Docker configuration; one without a host as `basic-auth`.
fn source(entries: &str) -> Source {
    let auth = |user: &str| json!({"username": user, "password": PASSWORD});
    let parsed = match entries.split_once('=') {
        None => login::parse(
            "kubernetes.io/basic-auth",
            &[("username".into(), entries.into()), ("password".into(), PASSWORD.into())].into(),
        ),
        Some(_) => {
            let auths: Map<String, Value> = entries
                .split(' ')
                .filter_map(|entry| entry.split_once('='))
                .map(|(host, user)| (host.into(), auth(user)))
                .collect();
            login::parse("kubernetes.io/dockercfg", &[(".dockercfg".into(), Value::Object(auths).to_string().into())].into())
        }
    };
    Source::Found(parsed)
}

/// The configuration of one workload for each spec, all in namespace `payments`.
fn config(specs: &[&str], secrets: &[(&str, &str)]) -> Result<AgentConfig, String> {
    let workload = |spec: &&str| {
        let mut workload = PrivateImageWorkload::new("api", serde_saphyr::from_str(spec).unwrap());
        workload.metadata.namespace = Some("payments".into());
        workload
    };
    let workloads: Vec<_> = specs.iter().map(workload).map(Arc::new).collect();
    let secrets = secrets.iter().map(|(name, entries)| (("payments".to_owned(), (*name).to_owned()), source(entries))).collect();
    agent_config(&workloads, &secrets).map_err(|problems| problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))
}

type Specs<'a> = &'a [&'a str];
/// Secret and its entries, or key and user name.
type Pairs<'a> = &'a [(&'a str, &'a str)];

const A: &str = "{credentials: [{secretRef: {name: a}}]}";
const B: &str = "{credentials: [{secretRef: {name: b}}]}";

#[test]
fn all_registries_are_in_one_object_under_the_agents_keys() {
    let basic = "{image: r.example.com/api, credentials: [{secretRef: {name: a}}]}";
    let one = "{credentials: [{registry: r.example.com/team, secretRef: {name: a}}]}";
    let rows: &[(Specs, Pairs, Pairs)] = &[
        (&[A, B], &[("a", "r.example.com=u"), ("b", "ghcr.io/acme=v")], &[("ghcr.io/acme", "v"), ("r.example.com", "u")]),
        (&[A], &[("a", "https://index.docker.io/v1/=u")], &[(DOCKER_HUB, "u")]),
        (&[A, B], &[("a", "docker.io=u"), ("b", "registry-1.docker.io/acme=u")], &[(DOCKER_HUB, "u")]),
        (&[A, A], &[("a", "r.example.com:5000=u")], &[("r.example.com:5000", "u")]),
        (&[one], &[("a", "r.example.com=u ghcr.io=v")], &[("r.example.com/team", "u")]),
        (&[basic], &[("a", "u")], &[("r.example.com", "u")]),
    ];
    for (specs, secrets, wanted) in rows {
        let config = config(specs, secrets).unwrap();
        let found: Vec<(&str, &str)> = config.logins.iter().map(|(key, (login, _))| (key.as_str(), login.username())).collect();
        assert_eq!(found, *wanted, "{specs:?} {secrets:?}");
    }
}

#[test]
fn what_cannot_be_said_to_the_agent_is_told() {
    let rows: &[(Specs, Pairs, &str)] = &[
        (
            &[A, B],
            &[("a", "r.example.com=u"), ("b", "r.example.com=v")],
            "Secret payments/b: it and Secret payments/a hold different logins for r.example.com",
        ),
        (&[A, B], &[("a", "docker.io=u"), ("b", "docker.io/acme=v")], "hold different logins for https://index.docker.io/v1/"),
        (&[A], &[], "payments/api, spec.credentials[0]: Secret payments/a is not in these files"),
        (&[A], &[("a", "u")], "spec.credentials[0]: Secret payments/a names no registry; set `registry`"),
        (
            &["{credentials: [{registry: s.example.com, secretRef: {name: a}}]}"],
            &[("a", "r.example.com=u")],
            "no entry for s.example.com",
        ),
        (
            &["{credentials: [{registry: s.example.com, secretRef: {name: a}}]}"],
            &[("a", "s.example.com=")],
            "has an empty user name",
        ),
        (&["{}"], &[], "no workload of these files has a login"),
    ];
    for (specs, secrets, wanted) in rows {
        let told = config(specs, secrets).unwrap_err();
        assert!(told.contains(wanted) && !told.contains(PASSWORD), "{specs:?} {secrets:?}: {told}");
    }
}

#[test]
fn what_the_agent_does_not_need_is_left_out_with_a_warning() {
    let more = "{credentials: [{secretRef: {name: a}}, {registry: q.example.com, secretArn: x}]}";
    let entries = "r.example.com=u *.example.com=v 111122223333.dkr.ecr.eu-west-1.amazonaws.com=w s.example.com=";
    let config = config(&[more, more], &[("a", entries)]).unwrap();
    assert_eq!(config.logins.keys().collect::<Vec<_>>(), ["r.example.com"]);
    let wanted = ["knows no patterns", "logs in to Amazon ECR by itself", "has an empty user name", "names a secret in AWS"];
    assert_eq!(config.warnings.len(), wanted.len(), "{:#?}", config.warnings);
    for word in wanted {
        assert!(config.warnings.iter().any(|warning| warning.contains(word)), "{word}: {:#?}", config.warnings);
    }
}

#[test]
fn the_lines_show_the_logins_only_if_asked() {
    let config = config(&[A], &[("a", "r.example.com=u")]).unwrap();
    let auth = STANDARD.encode(format!("u:{PASSWORD}"));
    let rows = [
        (AuthType::Docker, false, "docker", json!({"username": "[sealed]", "password": "[sealed]"})),
        (AuthType::Docker, true, "docker", json!({"username": "u", "password": PASSWORD})),
        (AuthType::Dockercfg, false, "dockercfg", json!({"auth": "[sealed]"})),
        (AuthType::Dockercfg, true, "dockercfg", json!({"auth": auth})),
    ];
    for (form, revealed, name, entry) in rows {
        let lines = config.lines(form, revealed).unwrap();
        let data = json!({"r.example.com": entry});
        assert_eq!(lines.reveal(), format!("ECS_ENGINE_AUTH_TYPE={name}\nECS_ENGINE_AUTH_DATA={data}\n"));
    }
    assert!(!format!("{config:?}").contains(PASSWORD));
}

#[test]
fn a_user_name_with_a_colon_has_no_dockercfg_form() {
    let config = config(&[A], &[("a", "r.example.com=u:v")]).unwrap();
    assert!(config.lines(AuthType::Docker, true).is_ok());
    let told = config.lines(AuthType::Dockercfg, false).unwrap_err().to_string();
    assert!(told.contains("Secret payments/a: its user name for r.example.com has a colon"), "{told}");
}
