//! The examples for GitHub Actions and GitLab CI: the steps of their files, run by a shell with the real program, in a repository of
//! their own. Only what posts the comment is a stand-in.

use super::cli::folder;
use super::manifests::{REGISTRY, USER, ecs, with};
use super::parts::unique;
use super::world::World;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

const PASSWORD: &str = "pipeline-CANARY";

/// The masked variable.
fn login() -> String {
    json!({"auths": {REGISTRY: {"username": USER, "password": PASSWORD}}}).to_string()
}

/// What a file makes a job run, and in which environment.
struct Job {
    script: String,
    variables: Vec<(String, String)>,
}

fn file(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(path);
    serde_saphyr::from_str(&std::fs::read_to_string(path).expect("an example")).expect("YAML")
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn variables(all: &Value) -> impl Iterator<Item = (String, String)> {
    let all = all.as_object().cloned().unwrap_or_default().into_iter().map(|(name, value)| (name, text(&value)));
    // What the platform fills in, this test does; see `World::job`.
    all.filter(|(_, value)| !value.contains("${{"))
}

/// Each `run` is a shell of its own, which ends at the first command that fails.
fn github(job: &str) -> Job {
    let workflow = file("github-actions/wharfinger.yml");
    let steps = workflow["jobs"][job]["steps"].as_array().expect("steps").iter().filter(|step| step["run"].is_string());
    let runs: Vec<String> = steps
        .map(|step| {
            let run = text(&step["run"]);
            assert!(!run.contains("${{"), "text that others write never becomes part of a script: {run}");
            // A later step sees what an earlier one has written for it.
            let outputs = "if [ -f \"$GITHUB_OUTPUT\" ]; then . \"$GITHUB_OUTPUT\"; CODE=${code:-}; export CODE; fi";
            format!("{outputs}\nsh -e <<'STEP'\n{run}\nSTEP\n")
        })
        .collect();
    Job { script: runs.concat(), variables: variables(&workflow["env"]).collect() }
}

/// The lines of a job are one shell.
fn gitlab(job: &str) -> Job {
    let pipeline = file("gitlab-ci/.gitlab-ci.yml");
    let lines = [&pipeline["default"]["before_script"], &pipeline[job]["script"]];
    let lines = lines.into_iter().flat_map(|lines| lines.as_array().expect("lines")).map(text).collect::<Vec<_>>();
    let variables = variables(&pipeline["variables"]).chain(variables(&pipeline[job]["variables"])).collect();
    Job { script: lines.join("\n"), variables }
}

/// A repository with what a pipeline works on, and a folder of stand-ins.
struct Repository {
    tree: PathBuf,
    bin: PathBuf,
}

impl Repository {
    fn new() -> Self {
        let post = |flag: &str| format!("#!/bin/sh\nfor each; do case $each in {flag}) cp comment.md posted.md;; esac; done\n");
        let tree = folder(&[("gh", post("comment.md")), ("curl", post("body@comment.md"))]);
        let repository = Self { bin: tree.clone(), tree: tree.join("repository") };
        std::fs::create_dir_all(repository.tree.join("deploy")).expect("a folder");
        for name in ["gh", "curl"] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(repository.bin.join(name), mode).expect("a program");
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_wharfinger"), repository.bin.join("wharfinger")).expect("the program");
        repository
    }

    /// Has the workloads in the tree, and no others.
    fn hold(&self, workloads: &[Value]) {
        for entry in std::fs::read_dir(self.tree.join("deploy")).expect("deploy/").map(|entry| entry.expect("an entry").path()) {
            if entry.extension().is_some_and(|extension| extension == "yaml") {
                std::fs::remove_file(entry).expect("removed");
            }
        }
        for workload in workloads {
            let name = format!("deploy/{}.yaml", text(&workload["metadata"]["name"]));
            let workload =
                with(with(workload.clone(), "/spec/bindingRef", Value::Null), "/metadata/namespace", json!("payments"));
            std::fs::write(self.tree.join(name), serde_saphyr::to_string(&workload).expect("YAML")).expect("a manifest");
        }
    }

    /// Runs a job. Its exit code, and the comment that it has posted.
    async fn run(&self, world: &World, job: Job, more: &[(&str, &str)]) -> (i32, String, String) {
        let Self { tree, bin } = self;
        std::fs::remove_file(tree.join("posted.md")).ok();
        let header = bin.join("header");
        std::fs::write(&header, "PRIVATE-TOKEN: none").expect("a file");
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("a path"));
        let mut command = Command::new("sh");
        command.args(["-e", "-c", &job.script]).current_dir(tree).envs(job.variables);
        command.env("PATH", path).env("HOME", bin).env("AWS_ENDPOINT_URL", &world.proxy.url).stdin(Stdio::null());
        command.env("WHARFINGER_VALUE_KEY", "k".repeat(64)).env("REGISTRY_LOGIN", login());
        command.env("WHARFINGER_OWNER", format!("pipeline-{}", world.aws.id));
        command.env("GITHUB_OUTPUT", bin.join(format!("output-{}", unique()))).env("PULL_REQUEST", "7");
        command.env("CI_PROJECT_DIR", bin).env("COMMENT_HEADER", header);
        for (name, value) in
            [("CI_API_V4_URL", "https://gitlab.example.com/api/v4"), ("CI_PROJECT_ID", "1"), ("CI_MERGE_REQUEST_IID", "7")]
        {
            command.env(name, value);
        }
        let output = command.envs(more.iter().copied()).output().await.expect("a shell");
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let comment = std::fs::read_to_string(tree.join("posted.md")).unwrap_or_default();
        assert!(!told.contains(PASSWORD) && !comment.contains(PASSWORD), "{told}{comment}");
        (output.status.code().expect("an exit code"), comment, told)
    }
}

/// A merge request is planned, merged, planned again; a bad one fails; what is taken out of Git is removed from AWS.
async fn story(name: &str, job: fn(&str) -> Job, identity: impl Fn(&World) -> Vec<(String, String)>) {
    let world = World::enter(name).await.still().await;
    let repository = Repository::new();
    let identity = identity(&world);
    let identity: Vec<(&str, &str)> = identity.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (api, web) = (ecs("payments", "api"), ecs("payments", "web"));

    repository.hold(&[api.clone(), web.clone()]);
    let (code, comment, told) = repository.run(&world, job("plan"), &identity).await;
    assert_eq!(code, 0, "changes are no failure: {told}");
    for part in
        ["#### payments/api", "```diff\n+ create secret wharfinger/payments/regcred/", "+ register definition payments_web"]
    {
        assert!(comment.contains(part), "{part}: {comment}\n{told}");
    }
    assert_eq!(world.proxy.written(), [] as [&str; 0]);

    let (code, _, told) = repository.run(&world, job("apply"), &identity).await;
    assert_eq!(code, 0, "{told}");
    let made = world.aws.holdings().await;
    assert_eq!((made.secrets.len(), made.roles.len(), made.tasks.len()), (1, 1, 2), "{made:#?}");
    let (code, comment, told) = repository.run(&world, job("plan"), &identity).await;
    assert!(code == 0 && comment.contains("nothing to do") && !comment.contains("+ "), "{comment}\n{told}");

    let broken = with(web, "/spec/credentials/0/secretRef/name", json!("nobody"));
    repository.hold(&[api.clone(), broken]);
    let (code, comment, told) = repository.run(&world, job("plan"), &identity).await;
    assert_ne!(code, 0, "{told}");
    assert!(comment.contains("- **error**: spec.credentials") && comment.contains("nobody"), "{comment}\n{told}");
    let (code, _, told) = repository.run(&world, job("apply"), &identity).await;
    assert_ne!(code, 0, "{told}");

    repository.hold(&[api]);
    let (code, comment, told) = repository.run(&world, job("plan"), &identity).await;
    let gone = "#### payments/web is no longer in deploy/\n```diff\n- deregister definition payments_web";
    assert!(code == 0 && comment.contains(gone), "{comment}\n{told}");
    let (code, _, told) = repository.run(&world, job("apply"), &identity).await;
    assert_eq!(code, 0, "{told}");
    let left = world.aws.holdings().await;
    let names: Vec<&str> = left.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!((left.secrets.len(), left.roles.len(), names), (1, 1, vec!["payments_api"]), "{told}");
    let (code, comment, told) = repository.run(&world, job("plan"), &identity).await;
    assert!(code == 0 && !comment.contains("payments/web"), "{comment}\n{told}");

    // Where AWS does not answer there is no plan, and the comment says where to look.
    let nobody = [identity.as_slice(), &[("AWS_ENDPOINT_URL", "http://127.0.0.1:9")]].concat();
    let (code, comment, told) = repository.run(&world, job("plan"), &nobody).await;
    assert!(code != 0 && comment.contains("see the log of the job"), "{code} {comment}\n{told}");
}

#[tokio::test]
async fn github_actions() {
    // What aws-actions/configure-aws-credentials leaves behind.
    let identity = |world: &World| {
        let session = world.aws.environment().map(|(name, value)| (name.to_owned(), value.to_owned()));
        session.into_iter().chain([("AWS_REGION".to_owned(), "eu-west-1".to_owned())]).collect()
    };
    story("github", github, identity).await;
}

#[tokio::test]
async fn gitlab_ci() {
    // The job's own token becomes the role, by STS.
    let identity = |world: &World| {
        let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJwcm9qZWN0In0.none";
        let role = format!("arn:aws:iam::{}:role/wharfinger", world.aws.id);
        let pairs = [("AWS_TOKEN", token), ("AWS_ROLE_ARN", &role), ("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    };
    story("gitlab", gitlab, identity).await;
}
