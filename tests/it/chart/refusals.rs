//! Values that are refused, and how: the schema says where, the chart says what to do.

use super::{HELMS, root, template};

/// Each with what is told. Schema errors differ in wording between Helms; the place does not.
const ROWS: [(&str, &str); 33] = [
    ("replica=2", "replica"),
    ("replicas=two", "/replicas"),
    ("replicas=-1", "/replicas"),
    ("image.tagg=1", "tagg"),
    ("image.digest=abc", "/image/digest"),
    ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
    ("imagePullSecrets={a}", "/imagePullSecrets/0"),
    ("crds.enabled=maybe", "/crds/enabled"),
    ("crds.install=true", "install"),
    ("watchNamespaces=payments", "/watchNamespaces"),
    ("watchNamespaces={Payments}", "/watchNamespaces/0"),
    ("watchNamespaces={*}", "/watchNamespaces/0"),
    ("watchNamespaces={a,a}", "/watchNamespaces"),
    ("secrets.access=Everything", "/secrets/access"),
    ("secrets.namespaces={a/b}", "/secrets/namespaces/0"),
    ("clusterId=a b", "/clusterId"),
    ("concurrency=0", "/concurrency"),
    ("aws.timeout=10", "/aws/timeout"),
    ("aws.region=Ireland", "/aws/region"),
    ("log.format=xml", "/log/format"),
    ("leaderElection.leaseName=A_b", "/leaderElection/leaseName"),
    ("leaderElection.enabled=false", "enabled"),
    ("serviceAccount.annotations=x", "/serviceAccount/annotations"),
    ("networkPolicy.egressPorts={https}", "/networkPolicy/egressPorts/0"),
    ("livenessProbe.httpGet=x", "httpGet"),
    ("extraArgs={x}", "/extraArgs/0"),
    ("extraEnv[0].value=x", "/extraEnv/0"),
    ("registryCa.configMapName=a,registryCa.secretName=b", "leave one of them empty"),
    ("secrets.access=Cluster,secrets.namespaces={a}", "or set secrets.access=Namespaces"),
    ("watchNamespaces={a},secrets.namespaces={b}", "b is not watched"),
    ("service.enabled=false,serviceMonitor.enabled=true", "set service.enabled=true, or use podMonitor"),
    ("podMonitor.enabled=true,serviceMonitor.enabled=true", "enable one of them"),
    ("serviceAccount.create=false", "name the ServiceAccount that there is"),
];

#[test]
fn what_cannot_be_meant_is_refused_with_its_place() {
    for helm in HELMS {
        for (set, told) in ROWS {
            let (code, out, errors) = template(helm, &["--set", set]);
            assert!(code != 0 && out.is_empty(), "{helm}: {set} is taken");
            // Helm 3 before 3.18 wrote `replicas` for `/replicas`, and `a.b` for `/a/b`.
            assert!(errors.contains(told), "{helm}: {set}: no {told} in {errors}");
        }
    }
}

#[test]
fn a_probe_that_gets_no_200_fails_and_says_why() {
    let rows = [
        ("ready", "is no address"),
        ("https://127.0.0.1:1/readyz", "only http is asked"),
        ("http://127.0.0.1:1/readyz", "cannot connect"),
    ];
    for (url, told) in rows {
        let (code, out, errors) = crate::program::run(&root(), &["probe", url]);
        assert_eq!((code, out.as_str()), (1, ""), "{url}: {errors}");
        assert!(errors.contains(told) && errors.contains(url), "{url}: {errors}");
    }
}

#[test]
fn globals_of_a_parent_chart_are_taken() {
    assert_eq!(template("helm", &["--set", "global.imageRegistry=registry.example.com"]).0, 0);
}

/// Each value of `values.yaml` that has a comment: its path, its default as JSON, its comment.
pub(super) fn values(text: &str) -> Vec<(String, String, String)> {
    let parsed: serde_json::Value = serde_saphyr::from_str(text).unwrap();
    let (mut found, mut parents, mut comment): (Vec<_>, Vec<String>, Option<String>) = (vec![], vec![], None);
    for line in text.lines() {
        let (indent, body) = (line.len() - line.trim_start().len(), line.trim_start());
        match (body.strip_prefix("# -- "), body.strip_prefix("# "), &mut comment) {
            (Some(first), _, _) => comment = Some(first.to_owned()),
            (None, Some(more), Some(begun)) => *begun = format!("{begun} {more}"),
            _ => {}
        }
        let Some((key, _)) = body.split_once(':').filter(|_| !body.starts_with('#') && !body.is_empty()) else { continue };
        if parsed.pointer(&format!("/{key}")).is_none() && indent == 0 {
            continue;
        }
        parents.truncate(indent / 2);
        let path = [parents.as_slice(), &[key.to_owned()]].concat();
        let value = parsed.pointer(&format!("/{}", path.join("/")));
        match (comment.take(), value) {
            (Some(comment), Some(value)) => found.push((path.join("."), value.to_string().replace('|', "\\|"), comment)),
            (None, Some(value)) if value.is_object() && !body.ends_with('}') => parents.push(key.to_owned()),
            // What is within a value that has its comment.
            (None, _) if found.iter().any(|(known, ..)| path.join(".").starts_with(&format!("{known}."))) || indent > 2 => {}
            (_, _) => panic!("values.yaml: {} has no comment `# -- …`", path.join(".")),
        }
        if body.ends_with(':') && found.last().is_some_and(|(known, ..)| *known == path.join(".")) {
            parents.push(key.to_owned());
        }
    }
    found
}

#[test]
fn a_value_without_a_comment_is_noticed() {
    let text = std::fs::read_to_string(root().join("charts/wharfinger/values.yaml")).unwrap();
    let silent = text.replace("  # -- Its name; that of the release if empty.\n", "");
    assert_ne!(silent, text);
    assert!(std::panic::catch_unwind(|| values(&silent)).is_err());
}
