//! What is refused and why, and what the golden answers of `tests/it/import` do not show.

use super::*;

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a-AbCdEf";
const TASK: &str = "{family: api, containerDefinitions: [{name: api, image: registry.example.com/api:1}]}";

fn imported(documents: &[&str], options: &Options) -> Result<Imported, Vec<String>> {
    let placed =
        documents.iter().enumerate().map(|(index, text)| (format!("file{index}"), serde_saphyr::from_str(text).unwrap()));
    import(placed.collect(), options)
}

/// The one workload that comes of documents, and the remarks.
fn one(documents: &[&str], options: &Options) -> (Value, String) {
    let mut imported = imported(documents, options).unwrap();
    assert_eq!((imported.refused.len(), imported.workloads.len()), (0, 1), "{:?}", imported.refused);
    (imported.workloads.remove(0).1, imported.remarks.join("\n"))
}

fn creds(entry: &str) -> String {
    format!("{{registry_credentials: {{r.example.com: {entry}}}}}")
}

#[test]
fn a_wrong_file_is_named_with_what_is_wrong() {
    let named = Options { name: Some("api".into()), ..Options::default() };
    let misnamed = Options { name: Some("Api_1".into()), ..Options::default() };
    let usual = Options::default();
    let rows: &[(&[&str], &Options, &str)] = &[
        (&["[]"], &usual, "file0: document: it is not an object"),
        (&["{image: x}"], &usual, "file0: document: its shape is of no known document"),
        (&["{apiVersion: v1, kind: Pod}"], &usual, "file0: kind: \"Pod\": this is a Kubernetes object already"),
        (
            &["{jobDefinitions: [{jobDefinitionName: etl, revision: 3, status: INACTIVE}]}"],
            &usual,
            "file0: left out: job definition etl, revision 3: only the newest active",
        ),
        (&["{jobDefinitions: []}"], &usual, "no task definition or job definition is in these files"),
        (&[TASK, TASK], &named, "--name is for one definition, and there are 2"),
        (&[TASK], &misnamed, "--name: \"Api_1\": must be a DNS label"),
        (&[TASK, "{registry_credentials: []}"], &usual, "file1: registry_credentials: must be an object"),
        (
            &[TASK, "{registry_credential_outputs: {}}"],
            &usual,
            "registry_credential_outputs.container_credentials: must be an object",
        ),
        (
            &[TASK, &creds("{username: u, container_names: [api]}")],
            &usual,
            "file1: registry_credentials.r.example.com: must have `secrets_manager_arn`, or both `username` and `password`",
        ),
        (
            &[TASK, &creds("{username: u, password: hunter2}")],
            &usual,
            "registry_credentials.r.example.com.container_names: names no container",
        ),
        (
            &[TASK, &creds("{secrets_manager_arn: '${ARN}', container_names: [api]}")],
            &usual,
            "registry_credentials.r.example.com.secrets_manager_arn: \"${ARN}\": a reference to the environment",
        ),
        (
            &[TASK, &creds("{kms_key_id: 7, username: u, password: p, container_names: [api]}")],
            &usual,
            "kms_key_id: must be text",
        ),
    ];
    for (documents, options, wanted) in rows {
        let told = imported(documents, options).unwrap_err().join("\n");
        assert!(told.contains(wanted), "{documents:?}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_definition_that_no_workload_can_stand_for_is_refused_and_the_others_are_not() {
    let pair = "{username: u, password: hunter2, container_names: [api]}";
    let two = format!("{{registry_credentials: {{r.example.com: {pair}, s.example.com: {pair}}}}}");
    let mixed = format!(
        "{{containerDefinitions: [{{name: api, image: r.example.com/a}}, {{name: b, image: r.example.com/b, repositoryCredentials: {{credentialsParameter: '{ARN}'}}}}], family: mixed}}"
    );
    let rows: &[(&[&str], &str)] = &[
        (
            &["{jobDefinitionName: eks, eksProperties: {podProperties: {}}}"],
            "eksProperties: jobs on EKS pull with imagePullSecrets",
        ),
        (&["{family: '__', containerDefinitions: []}"], "family: \"__\": nothing here can be the name"),
        (&["{family: Other, containerDefinitions: []}"], "metadata.name: \"other\": another definition has this name"),
        (&["{family: x, containerDefinitions: [{name: api, image: r.example.com/a}]}", &two], "both name this container"),
        (&[&mixed, &creds(pair)], "containerDefinitions[0]: other containers pull from r.example.com with another login"),
        (&["{family: x, containerDefinitions: [{name: api, image: <IMAGE>}]}", &creds(pair)], "containerDefinitions[0].image: "),
    ];
    for (documents, wanted) in rows {
        let documents = [&["{family: other, containerDefinitions: [{name: o, image: r.example.com/o}]}"], *documents].concat();
        let imported = imported(&documents, &Options::default()).unwrap();
        assert_eq!((imported.workloads.len(), imported.refused.len()), (1, 1), "{documents:?}: {imported:?}");
        assert!(imported.refused[0].contains(wanted), "{}", imported.refused[0]);
        assert!(!format!("{imported:?}").contains("hunter2"), "{imported:?}");
    }
}

#[test]
fn everything_that_is_wrong_with_a_definition_is_told() {
    let definition = "{family: '__', containerDefinitions: [{name: a, image: <IMAGE>}, {name: b, image: <IMAGE>}, {name: c, image: r.example.com/c}]}";
    let login = |containers: &str| format!("{{username: u, password: p, container_names: [{containers}]}}");
    let creds = format!("{{registry_credentials: {{r.example.com: {}, s.example.com: {}}}}}", login("a, b, c"), login("c"));
    let told = imported(&[definition, &creds], &Options::default()).unwrap().refused;
    for field in ["family", "containerDefinitions[0].image", "containerDefinitions[1].image", "containerDefinitions[2].name"] {
        assert_eq!(told.iter().filter(|told| told.starts_with(&format!("file0: {field}: "))).count(), 1, "{field}: {told:?}");
    }
}

/// Containers of one registry with one secret, with several, and without.
#[test]
fn what_differs_within_a_registry_stays_in_place_and_is_told() {
    let container = |(name, secret): (&str, Option<&str>)| match secret {
        None => format!("{{name: {name}, image: r.example.com/{name}}}"),
        Some(arn) => {
            format!("{{name: {name}, image: r.example.com/{name}, repositoryCredentials: {{credentialsParameter: '{arn}'}}}}")
        }
    };
    let task = |containers: &[(&str, Option<&str>)]| {
        let containers: Vec<String> = containers.iter().copied().map(container).collect();
        format!("{{family: x, containerDefinitions: [{}]}}", containers.join(", "))
    };
    let keyed = |arn: &str, key: &str, container: &str| {
        creds(&format!("{{secrets_manager_arn: '{arn}', kms_key_id: '{key}', container_names: [{container}]}}"))
    };
    let other = ARN.replace("a-AbCdEf", "b-AbCdEf");
    let key = "alias/shop";

    let (workload, remarks) =
        one(&[&task(&[("a", Some(ARN)), ("b", None), ("c", None)]), &keyed(&other, key, "b")], &Options::default());
    let kept = |index: usize| &workload["spec"]["ecs"]["containerDefinitions"][index]["repositoryCredentials"];
    assert_eq!(workload["spec"].get("credentials"), None, "{workload}");
    assert_eq!((&kept(0)["credentialsParameter"], &kept(1)["credentialsParameter"]), (&json!(ARN), &json!(other)));
    for wanted in [
        "kept: containerDefinitions[0], containerDefinitions[1]: they pull from r.example.com with different secrets",
        "by hand: containerDefinitions[2] pulls from r.example.com without a login: give it a `repositoryCredentials`",
        &format!("left out: KMS key {key} of {other}"),
    ] {
        assert!(remarks.contains(wanted), "{wanted}: {remarks}");
    }

    // One secret, whose key not every place names.
    let one_secret = task(&[("a", Some(ARN)), ("b", None)]);
    let (workload, remarks) = one(&[&one_secret, &keyed(ARN, key, "b")], &Options::default());
    let credential = json!([{"registry": "r.example.com", "secretArn": ARN, "kmsKey": key}]);
    assert_eq!((&workload["spec"]["credentials"], remarks.contains("different")), (&credential, false), "{remarks}");

    // One secret, of which two files say different keys.
    let (workload, remarks) = one(&[&one_secret, &keyed(ARN, key, "b"), &keyed(ARN, "alias/other", "a")], &Options::default());
    assert_eq!(workload["spec"]["credentials"], json!([{"registry": "r.example.com", "secretArn": ARN}]));
    assert!(
        remarks.contains("by hand: the secret for r.example.com has one KMS key, and alias/other and alias/shop"),
        "{remarks}"
    );
}

#[test]
fn what_needs_the_users_hand_is_remarked() {
    let container = |image: &str| format!("{{family: x, containerDefinitions: [{{name: c, image: '{image}'}}]}}");
    let ecr = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/c:1";
    let two_roles = "{jobDefinitionName: x, nodeProperties: {nodeRangeProperties: [{container: {image: r.example.com/c, executionRoleArn: a}}, {container: {image: r.example.com/c, executionRoleArn: b}}]}}";
    let rows: &[(&[&str], &str)] = &[
        (&[&container("r.example.com/c")], "containerDefinitions[0] pulls from r.example.com without a login"),
        (&[&container("<IMAGE1_NAME>")], "by hand: containerDefinitions[0].image: "),
        (
            &[&container(ecr), &creds(&format!("{{secrets_manager_arn: '{ARN}', container_names: [c]}}"))],
            "left out: the login of",
        ),
        (&[two_roles], "more than one execution role (a, b)"),
        (
            &["{family: x, executionRoleArn: ecsTaskExecutionRole, containerDefinitions: []}"],
            "write it to spec.executionRole.arn",
        ),
    ];
    for (documents, wanted) in rows {
        let (_, remarks) = one(documents, &Options::default());
        assert!(remarks.contains(wanted), "{documents:?}: {remarks}");
    }
}

#[test]
fn the_login_of_a_file_comes_before_that_of_the_container() {
    let own = "{family: x, containerDefinitions: [{name: c, image: acme/c, repositoryCredentials: {credentialsParameter: old}}]}";
    let (workload, remarks) =
        one(&[own, &creds(&format!("{{secret_manager_arn: '{ARN}', container_names: [c]}}"))], &Options::default());
    assert_eq!(workload["spec"]["credentials"], json!([{"registry": "docker.io", "secretArn": ARN}]));
    assert_eq!(workload["spec"]["ecs"]["containerDefinitions"], json!([{"name": "c", "image": "acme/c"}]));
    assert!(remarks.contains("not with old"), "{remarks}");
}

#[test]
fn the_name_is_of_the_flag_or_of_the_definition() {
    let keep = Options { keep_family: true, name: Some("web".into()), namespace: Some("shop".into()) };
    let (workload, remarks) = one(&[TASK], &keep);
    assert_eq!(workload["metadata"], json!({"name": "web", "namespace": "shop"}));
    assert_eq!((&workload["spec"]["ecs"]["family"], remarks.contains("changed")), (&json!("api"), false), "{remarks}");
    let (workload, remarks) = one(&[TASK], &Options::default());
    assert_eq!((&workload["metadata"], workload["spec"]["ecs"].get("family")), (&json!({"name": "api"}), None));
    assert!(remarks.contains("registered as NAMESPACE_api"), "{remarks}");
}

#[test]
fn a_label_is_like_the_text() {
    let long = "x".repeat(62) + "--y";
    let rows = [("Payments_API", "payments-api"), ("-a.b-", "a-b"), ("é", ""), ("a é", "a"), (&long, &long[..62])];
    for (text, wanted) in rows {
        assert_eq!(label(text), wanted, "{text}");
    }
}
