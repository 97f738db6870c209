//! The command line with nothing around it: no cluster, no AWS identity, a narrow terminal, a reader that goes away, bad input. What
//! is told, and the exit code.

use crate::program::{bare, run, run_with};
use std::collections::BTreeMap;
use std::io::pipe;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// A folder of this test run with these files.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("usage-{}-{name}", std::process::id()));
    for (file, text) in files {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

const WORKLOAD: &str = "apiVersion: wharfinger.dev/v1alpha1
kind: PrivateImageWorkload
metadata: {name: api}
spec:
  credentials: [{registry: registry.example.com, secretRef: {name: regcred}}]
  ecs: {containerDefinitions: [{name: api, image: registry.example.com/api:1, memory: 128}]}
";
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: regcred}\nstringData: {username: me, password: hunter2}\n";
const BINDING: &str = "apiVersion: wharfinger.dev/v1alpha1
kind: AccountBinding
metadata: {name: prod}
spec: {accountId: '111122223333', regions: [eu-west-1], namespaceSelector: {}}
";
const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n";

#[test]
fn wrong_files_are_told_with_file_document_and_remedy() {
    let twice = |text: &str| format!("{WORKLOAD}---\n{text}---\n{text}");
    let rows: &[(&str, String, &[&str])] = &[
        ("prose", "Dear team,\nplease: read: this".into(), &["prose.yaml: not YAML", "line 2"]),
        ("text", "just words".into(), &["text.yaml, document 1", "no `apiVersion` and `kind`"]),
        ("list", "- a\n- b\n".into(), &["list.yaml, document 1", "no `apiVersion` and `kind`"]),
        ("empty", "---\n---\n".into(), &["no PrivateImageWorkload, no RegistryCredential and no PullNetwork in ", "empty.yaml"]),
        ("other", "apiVersion: v1\nkind: ConfigMap\n".into(), &["no PrivateImageWorkload", "passed over", "ConfigMap"]),
        ("version", WORKLOAD.replace("v1alpha1", "v1"), &["\"wharfinger.dev/v1\"", "of wharfinger.dev/v1alpha1"]),
        ("group", WORKLOAD.replace("wharfinger.dev", "wharfinger.io"), &["PrivateImageWorkload is of wharfinger.dev/v1alpha1"]),
        ("kind", WORKLOAD.replace("ImageWorkload", "ImageWorkloads"), &["PrivateImageWorkload is one: is that meant?"]),
        ("kind-of-none", WORKLOAD.replace("PrivateImageWorkload", "Pod"), &["it has PrivateImageWorkload, RegistryCredential"]),
        ("workloads", format!("{WORKLOAD}---\n{WORKLOAD}"), &["document 2: PrivateImageWorkload api stands twice"]),
        ("secrets", twice(SECRET), &["document 3: Secret regcred stands twice"]),
        ("bindings", twice(BINDING), &["document 3: AccountBinding prod stands twice"]),
        ("namespaces", twice(NAMESPACE), &["document 3: Namespace default stands twice"]),
        (
            "listed",
            format!("kind: List\nitems:\n- {}\n", "{apiVersion: wharfinger.dev/v2, kind: RegistryCredential}"),
            &["\"wharfinger.dev/v2\""],
        ),
    ];
    for (name, text, parts) in rows {
        let folder = folder(name, &[(&format!("{name}.yaml"), text)]);
        let (code, out, errors) = run(&folder, &["render", "-f", &format!("{name}.yaml"), "--account-id", "111122223333"]);
        assert!(code == 1 && out.is_empty() && !errors.contains("hunter2"), "{name}: {code} {errors}");
        assert!(parts.iter().all(|part| errors.contains(part)), "{name}: {parts:?} are not all in: {errors}");
    }
}

/// Where nothing leads to an account there is nothing to look for: that is told, since a folder may be empty by mistake.
#[test]
fn nothing_is_pruned_by_files_that_lead_nowhere() {
    let folder = folder("nowhere", &[("deploy/map.yaml", "apiVersion: v1\nkind: ConfigMap\n"), ("bound/binding.yaml", BINDING)]);
    for (verb, files) in [("plan", "deploy"), ("apply", "deploy"), ("apply", "bound")] {
        let (code, out, errors) = run(&folder, &[verb, "-f", files, "--prune", "--owner", "a", "--account-id", "111122223333"]);
        assert!(code == 1 && out.is_empty(), "{verb} {files}: {code} {out} {errors}");
        let parts = [
            "no PrivateImageWorkload, no RegistryCredential and no PullNetwork in ",
            files,
            "where in AWS to look",
            "`wharfinger delete -f`",
        ];
        assert!(parts.iter().all(|part| errors.contains(part)), "{verb} {files}: {errors}");
    }
}

/// With `--prune` an object that cannot be read would count as one that has left the files.
#[test]
fn what_may_be_an_object_is_not_passed_over() {
    let lost = |line: &str| WORKLOAD.replacen(line, "", 1);
    let (kind, version) = (lost("kind: PrivateImageWorkload\n"), lost("apiVersion: wharfinger.dev/v1alpha1\n"));
    let items = format!("apiVersion: v1\nkind: List\nitmes: [{}]\n", "{kind: Pod}");
    let rows: &[(&str, &str, bool, bool)] = &[
        ("no `kind`", &kind, true, true),
        ("no `apiVersion`", &version, true, true),
        ("a List without `items`", &items, true, true),
        ("no `apiVersion` and `kind`; with --prune what the files do not have is removed", "replicas: 2\n", false, true),
        ("no `kind`; with --prune", "apiVersion: kustomize.config.k8s.io/v1beta1\n", false, true),
        ("api stands twice", WORKLOAD, true, true),
        ("no such text", "apiVersion: v1\nkind: ConfigMap\n", false, false),
    ];
    for (number, (part, text, alone, pruning)) in rows.iter().enumerate() {
        let folder =
            folder(&format!("lost-{number}"), &[("all/api.yaml", WORKLOAD), ("all/more.YAML", text), ("all/secret.yml", SECRET)]);
        let (code, _, errors) = run(&folder, &["render", "-f", "all", "--account-id", "111122223333"]);
        assert_eq!((code == 1, errors.contains(part)), (*alone, *alone), "{part}: {code} {errors}");
        let prune = ["delete", "-f", "all", "--prune", "--owner", "a", "--account-id", "111122223333"];
        let (_, _, errors) = run(&folder, &prune);
        assert_eq!(errors.contains(part), *pruning, "{part}: {errors}");
    }
}

#[test]
fn prune_needs_files_and_an_owner() {
    let folder = folder("owner", &[("api.yaml", WORKLOAD), ("secret.yaml", SECRET)]);
    for verb in ["plan", "apply"] {
        for environment in [&[][..], &[("WHARFINGER_OWNER", "")]] {
            let (code, _, errors) = run_with(&folder, &[verb, "-f", ".", "--prune"], environment);
            let told = ["--prune", "no --owner is named", "$WHARFINGER_OWNER", "name an owner that only these files have"];
            assert!(code == 1 && told.iter().all(|part| errors.contains(part)), "{verb}: {code} {errors}");
        }
        for flags in [&["--prune", "--owner", "a"][..], &["--secret", "a=env:B"]] {
            let (code, _, errors) = run(&folder, &[&[verb], flags].concat());
            assert!(code != 0 && errors.contains("--filename <PATH>"), "{verb} {flags:?}: {code} {errors}");
        }
    }
    let (code, _, errors) = run(&folder, &["render", "-f", ".", "--prune", "--account-id", "111122223333"]);
    assert!(code == 1 && errors.contains("`plan` shows what would go"), "{code} {errors}");
}

/// In a folder there may be files for others.
#[test]
fn files_for_others_are_passed_over_in_a_folder() {
    let folder = folder("mixed", &[("values.yaml", "replicas: 2\n"), ("api.yaml", WORKLOAD), ("secret.yaml", SECRET)]);
    let (code, out, errors) = run(&folder, &["render", "-f", ".", "--account-id", "111122223333"]);
    assert!(code == 0 && out.contains("credentialsParameter"), "{code} {out} {errors}");
}

#[test]
fn secrets_are_given_by_file_folder_or_variable_and_never_by_value() {
    let config = r#"{"auths": {"registry.example.com": {"username": "me", "password": "hunter2"}}}"#;
    let folder = folder(
        "given",
        &[
            ("api.yaml", WORKLOAD),
            ("both/api.yaml", WORKLOAD),
            ("both/secret.yaml", SECRET),
            ("manifest.yml", SECRET),
            ("config.json", config),
            ("keys/username", "me"),
            ("keys/password", "hunter2"),
            ("mounted/.dockerconfigjson", config),
            ("broken.json", "{\"auths\": hunter2"),
            ("helper.json", r#"{"auths": {"registry.example.com": {}}, "credsStore": "desktop"}"#),
        ],
    );
    let rows: &[(&str, &[&str], i32, &str)] = &[
        ("api.yaml", &[], 1, "Secret default/regcred is not in these files; add its manifest"),
        ("api.yaml", &[], 1, "--secret NAME=@FILE"),
        ("api.yaml", &[], 1, "--secret NAME=env:VARIABLE"),
        ("api.yaml", &["regcred=@manifest.yml"], 0, ""),
        ("api.yaml", &["default/regcred=@config.json"], 0, ""),
        ("api.yaml", &["regcred=@keys"], 0, ""),
        ("api.yaml", &["regcred=@mounted"], 0, ""),
        ("api.yaml", &["regcred=env:LOGIN"], 0, ""),
        ("api.yaml", &["payments/regcred=@keys"], 1, "Secret default/regcred is not in these files"),
        ("api.yaml", &["regcred=hunter2"], 1, "a value on the command line can be seen"),
        ("api.yaml", &["hunter2"], 1, "it has no `=`"),
        ("api.yaml", &["regcred=env:NOTHING"], 1, "environment variable NOTHING is not set"),
        ("api.yaml", &["regcred=@no-such-file"], 1, "--secret regcred: cannot read no-such-file"),
        ("api.yaml", &["regcred=@broken.json"], 1, "broken.json: neither YAML nor JSON"),
        ("api.yaml", &["regcred=@api.yaml"], 1, "api.yaml: it is none of: the manifest of a Secret"),
        ("api.yaml", &["regcred=@helper.json"], 1, "spec.credentials[0]"),
        ("api.yaml", &["regcred=@keys", "regcred=@keys"], 1, "is given twice"),
        ("both", &["regcred=@keys"], 1, "stands in the files as well"),
    ];
    for (files, secrets, expected, part) in rows {
        let mut arguments = vec!["render", "-f", files, "--account-id", "111122223333"];
        secrets.iter().for_each(|secret| arguments.extend(["--secret", secret]));
        let (code, out, errors) = run_with(&folder, &arguments, &[("LOGIN", config)]);
        assert!(code == *expected && errors.contains(part), "{secrets:?}: {code} {errors}");
        assert!(!out.contains("hunter2") && !errors.contains("hunter2"), "{secrets:?}: {out}{errors}");
    }
    let agent = ["render", "agent-config", "-f", "api.yaml"];
    let (code, _, errors) = run(&folder, &agent);
    assert!(code == 1 && errors.contains("--secret NAME=@FILE"), "{errors}");
    let (code, out, errors) = run(&folder, &[&agent[..], &["--secret", "regcred=@config.json", "--reveal"]].concat());
    assert!(code == 0 && out.contains("hunter2"), "{errors}");
}

#[test]
fn what_is_not_there_is_told_with_what_to_do() {
    let folder = folder("alone", &[("all.yaml", &format!("{WORKLOAD}---\n{SECRET}"))]);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // nobody listens any more
    let kubeconfig = format!(
        "{{apiVersion: v1, kind: Config, current-context: a, contexts: [{{name: a, context: {{cluster: a, user: a}}}}], users: [{{name: a, user: {{}}}}], clusters: [{{name: a, cluster: {{server: 'http://{closed}'}}}}]}}"
    );
    std::fs::write(folder.join("kubeconfig"), kubeconfig).unwrap();
    std::fs::write(folder.join("broken"), "users: [{token: hunter2,").unwrap();
    let rows: &[(&[&str], &[&str])] = &[
        (&["plan", "-f", "all.yaml"], &["the AWS account is not known", "NoCredentials", "AWS_PROFILE", "--account-id"]),
        (&["apply", "-f", "all.yaml"], &["the AWS account is not known", "wharfinger doctor"]),
        (&["apply"], &["no files are named", "-f"]),
        (&["plan"], &["no cluster", "KUBECONFIG", "or name files with -f"]),
        (&["status"], &["no cluster", "KUBECONFIG"]),
        (&["status", "--kubeconfig", "kubeconfig"], &["the API server cannot be reached", "refused"]),
        (&["plan", "--kubeconfig", "kubeconfig"], &["the API server cannot be reached"]),
        (&["status", "--kubeconfig", "missing"], &["no cluster", "missing"]),
        (&["status", "--kubeconfig", "broken"], &["no cluster", "broken"]),
        (&["status", "piv/api"], &["piw is one: is that meant?"]),
        (&["aply"], &["unrecognized subcommand 'aply'", "'apply'"]),
        (&["plan", "--filname", "x"], &["--filename"]),
        (&["plan", "-o", "jsn"], &["json"]),
        (&["completions", "tcsh"], &["bash", "zsh", "fish", "powershell"]),
    ];
    for (arguments, parts) in rows {
        let (code, out, errors) = run_with(&folder, arguments, &[("HOME", "no-home")]);
        assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}: {errors}");
        let told = parts.iter().all(|part| errors.contains(part)) && !errors.contains("hunter2");
        assert!(told, "{arguments:?}: {parts:?} are not all in, or a token is: {errors}");
    }
}

/// As `head` leaves the program before it.
#[test]
fn a_reader_that_goes_away_ends_the_program_without_a_word() {
    let rows: &[(&[&str], i32)] = &[
        (&["crds"], 141),
        (&["explain"], 141),
        (&["explain", "Succeeded", "-o", "json"], 141),
        (&["completions", "bash"], 141),
        (&["iam-policy", "--account-id", "111122223333"], 141),
        (&["doctor"], 141),
        (&["--help"], 0),
    ];
    for (arguments, code) in rows {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let mut command = bare(arguments, &[("HOME", "no-home")]);
        let output = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), errors.as_ref()), (Some(*code), ""), "{arguments:?}");
    }
}

#[test]
fn sixty_columns_are_enough() {
    let commands = ["", "plan", "apply", "status", "doctor", "explain", "render", "import", "iam-policy", "controller"];
    let help: Vec<Vec<&str>> =
        commands.iter().map(|it| [*it, "--help"].into_iter().filter(|it| !it.is_empty()).collect()).collect();
    let others = [vec!["explain"], vec!["explain", "AccessDenied"], vec!["doctor"]];
    for arguments in help.iter().chain(&others) {
        let (_, out, errors) = run_with(Path::new("."), arguments, &[("COLUMNS", "60"), ("HOME", "no-home")]);
        assert!(!out.is_empty(), "{arguments:?}: {errors}");
        // A single long word may stand out: it is there to be copied.
        let long = |line: &&str| line.chars().count() > 60 && line.split_whitespace().all(|word| word.chars().count() < 40);
        assert_eq!(out.lines().filter(long).collect::<Vec<_>>(), [] as [&str; 0], "{arguments:?}");
    }
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let rows: &[(&[&str], &[(&str, &str)], bool)] = &[
        (&[], &[], false),
        (&["--color", "always"], &[], true),
        (&["--color", "always"], &[("NO_COLOR", "1")], true),
        (&["--color", "never"], &[("CLICOLOR_FORCE", "1")], false),
        (&[], &[("CLICOLOR_FORCE", "1")], true),
        (&[], &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false),
    ];
    for (flags, environment, coloured) in rows {
        let (_, out, _) = run_with(Path::new("."), &[&["explain", "Succeeded"], *flags].concat(), environment);
        assert_eq!(out.contains('\u{1b}'), *coloured, "{flags:?} {environment:?}");
    }
}

#[test]
fn doctor_needs_neither_cluster_nor_identity() {
    let folder = folder("doctor", &[("binding.yaml", BINDING)]);
    let environment = [("HOME", "no-home"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:9")];
    let (code, out, errors) = run_with(&folder, &["doctor", "-f", "binding.yaml", "-o", "json"], &environment);
    assert_eq!(code, 1, "{out}{errors}");
    let findings: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    let found: BTreeMap<&str, &str> =
        findings.iter().map(|it| (it["check"].as_str().unwrap(), it["outcome"].as_str().unwrap())).collect();
    let expected = [
        ("AWS credentials", "failed"),
        ("AWS Region", "ok"),
        ("AccountBindings", "ok"),
        ("account of AccountBinding prod", "skipped"),
        ("permissions of AccountBinding prod", "skipped"),
        ("endpoints of eu-west-1", "failed"),
        ("clock", "skipped"),
        ("cluster", "skipped"),
    ];
    assert_eq!(found, expected.into());
    let remedies = findings.iter().filter(|it| it["outcome"] == "failed");
    assert!(remedies.clone().count() == 2 && remedies.into_iter().all(|it| it["remedy"].is_string()), "{out}");
}

#[test]
fn completions_are_scripts_that_name_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let (code, out, errors) = run(Path::new("."), &["completions", shell]);
        assert_eq!(code, 0, "{errors}");
        for command in ["plan", "status", "doctor", "explain", "--secret"] {
            assert!(out.contains(command.trim_start_matches("--")), "{shell}: no {command}");
        }
    }
}
