//! The command line: the same files converge with no cluster, with the exit codes that the help text promises.

mod doctor;
mod networks;
mod prune;
mod secrets;
mod status;

use super::controller::PROGRAM;
use super::converge::{CREATION, assert_whole};
use super::manifests::{ecs, login, with};
use super::parts::{parts, unique};
use super::proxy::{Fault, PATIENCE, Rule};
use super::world::{World, binding};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

/// A folder of manifests that goes with the parts.
pub(super) fn folder(files: &[(&str, String)]) -> PathBuf {
    let folder = parts().state.join(format!("files-{}", unique()));
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder beside the parts");
        std::fs::write(path, text).expect("a file beside the parts");
    }
    folder
}

/// The objects as one YAML file.
pub(super) fn yaml(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("---\n{}\n", serde_saphyr::to_string(object).expect("YAML"))).collect()
}

/// Namespace, binding, Secret and workload of a world, as files say them.
fn files(world: &World, workload: Value) -> PathBuf {
    folder(&[("all.yaml", yaml(&[namespace(world), binding(&world.name, &world.aws.id), login(&world.name, "first"), workload]))])
}

pub(super) fn namespace(world: &World) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.name, "labels": {"test": world.name}}})
}

impl World {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env("AWS_ENDPOINT_URL", &self.proxy.url).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs the program on files; exit code, standard output and error.
    pub(super) async fn cli(&self, verb: &str, path: &Path, more: &[&str]) -> (i32, String, String) {
        let path = path.to_str().expect("a path of text");
        self.output(self.command(&[&[verb, "-f", path], more].concat())).await
    }

    /// The same with all that it can log.
    pub(super) async fn traced(&self, verb: &str, path: &Path) -> (i32, String, String) {
        let mut command = self.command(&[verb, "-f", path.to_str().expect("a path of text")]);
        command.env("WHARFINGER_LOG", "trace");
        self.output(command).await
    }

    async fn output(&self, mut command: Command) -> (i32, String, String) {
        let output: Output = timeout(PATIENCE, command.output()).await.expect("the program ends").expect("the program runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
    }
}

#[tokio::test]
async fn the_examples_converge_with_no_cluster_and_the_second_time_change_nothing() {
    let world = World::enter("examples").await.still().await;
    let mut files = vec![];
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), Path::new(""), &mut files);
    files.retain(|(name, _)| !name.starts_with("git")); // those of pipelines are no objects, which --prune does not pass over
    let files = files.iter().map(|(name, text)| (name.as_str(), text.replace("111122223333", &world.aws.id)));
    let examples = folder(&files.collect::<Vec<_>>());

    let (code, text, _) = world.cli("plan", &examples, &[]).await;
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("create secret wharfinger/payments/regcred/registry.example.com/pull"), "{text}");
    assert_eq!(world.proxy.written(), [] as [&str; 0]);

    let (code, text, errors) = world.cli("apply", &examples, &[]).await;
    assert_eq!(code, 0, "{text}{errors}");
    let made = world.aws.holdings().await;
    assert_eq!((made.secrets.len(), made.roles.len(), made.tasks.len(), made.jobs.len()), (3, 2, 3, 3), "{made:#?}");
    assert!(!made.definitions().any(|definition| definition.name.ends_with("_preview")), "what is only observed is not made");

    world.proxy.forget();
    let (code, text, _) = world.cli("plan", &examples, &[]).await;
    assert_eq!((code, world.proxy.written()), (0, vec![]), "{text}");
    let (code, text, _) = world.cli("apply", &examples, &[]).await;
    assert_eq!((code, world.proxy.written()), (0, vec![]), "{text}");
    assert!(text.contains("Applied: 0 changes."), "{text}");
    assert_eq!(world.aws.holdings().await, made);

    let (code, text, errors) = world.cli("delete", &examples, &["--prune"]).await;
    assert_eq!(code, 0, "{text}{errors}");
    let left = world.aws.holdings().await;
    assert!(left.is_empty(), "{left:#?}");
    assert_eq!(world.cli("plan", &examples, &[]).await.0, 2);
}

/// All files below a folder, with their paths in it.
fn collect(folder: &Path, below: &Path, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("examples/") {
        let path = entry.expect("an entry").path();
        let name = below.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => collect(&path, &name, files),
            false => files.push((name.to_str().expect("text").to_owned(), std::fs::read_to_string(&path).expect("an example"))),
        }
    }
}

/// Files keep no status: what is older is found in AWS at each run.
#[tokio::test]
async fn apply_retires_older_revisions() {
    let world = World::enter("cli-older").await.still().await;
    for number in 1..=4 {
        let workload = with(ecs(&world.name, "api"), "/spec/revisionHistoryLimit", json!(1));
        let image = json!(format!("registry.example.com/payments/api:{number}"));
        let (code, text, errors) = world.cli("apply", &files(&world, with(workload, "/spec/image", image)), &[]).await;
        assert_eq!(code, 0, "{text}{errors}");
    }
    let revisions: Vec<i64> = world.aws.holdings().await.tasks.iter().map(|task| task.revision).collect();
    assert_eq!(revisions, [3, 4]);
}

#[tokio::test]
async fn apply_makes_what_the_controller_makes() {
    let world = World::enter("cli").await.still().await;
    let files = files(&world, ecs(&world.name, "api"));
    let (code, text, errors) = world.cli("apply", &files, &["--owner", "pipeline"]).await;
    assert_eq!(code, 0, "{text}{errors}");
    assert_eq!(world.proxy.written(), CREATION);
    let holdings = world.aws.holdings().await;
    assert_whole(&world, &holdings, "api", "first");
    assert_eq!(holdings.secrets[0].tags["wharfinger.dev/cluster"], "pipeline");
    assert!(!text.contains("first"), "the password is not printed: {text}");

    // Somebody else's name: nothing of it is touched.
    world.proxy.forget();
    let (code, text, _) = world.cli("apply", &files, &["--owner", "another"]).await;
    assert_eq!((code, world.proxy.written()), (1, vec![]), "{text}");
    assert!(text.contains("left alone"), "{text}");
    let (code, text, _) = world.cli("delete", &files, &["--owner", "another"]).await;
    assert_eq!((code, world.proxy.written()), (0, vec![]), "{text}");
    let (code, text, _) = world.cli("delete", &files, &["--owner", "pipeline", "--prune"]).await;
    assert_eq!(code, 0, "{text}");
    assert!(world.aws.holdings().await.is_empty());
}

#[tokio::test]
async fn with_a_value_key_values_are_not_read_and_without_one_they_are() {
    let world = World::enter("key").await.still().await;
    let files = files(&world, ecs(&world.name, "api"));
    let key = folder(&[("key", "k".repeat(64))]).join("key");
    let with_key = ["--value-key-file", key.to_str().expect("text")];
    assert_eq!(world.cli("apply", &files, &with_key).await.0, 0);
    assert_eq!(world.cli("plan", &files, &with_key).await.0, 0);
    assert_eq!(world.proxy.counts().get("GetSecretValue"), None);
    assert_eq!(world.cli("plan", &files, &[]).await.0, 0, "compared by reading");
    assert_eq!(world.proxy.counts().get("GetSecretValue"), Some(&1));
    let short = folder(&[("key", "too short".to_owned())]).join("key");
    let (code, _, errors) = world.cli("plan", &files, &["--value-key-file", short.to_str().expect("text")]).await;
    assert!(code == 1 && errors.contains("32 characters"), "{code} {errors}");
}

#[tokio::test]
async fn what_aws_denies_is_exit_code_one() {
    let world = World::enter("cli-denied").await.still().await;
    let files = files(&world, ecs(&world.name, "api"));
    world.proxy.inject(Rule::on("CreateRole", Fault::Denied));
    let (code, text, _) = world.cli("apply", &files, &[]).await;
    assert!(code == 1 && text.contains("CreateRole") && text.contains("AccessDenied"), "{code} {text}");
    world.proxy.heal();
    world.proxy.inject(Rule::on("DescribeSecret", Fault::Denied));
    let (code, text, _) = world.cli("plan", &files, &[]).await;
    assert!(code == 1 && text.contains("DescribeSecret"), "{code} {text}");
    world.proxy.heal();
    assert_eq!(world.cli("apply", &files, &[]).await.0, 0);
    assert_whole(&world, &world.aws.holdings().await, "api", "first");
}

#[tokio::test]
async fn render_prints_the_documents_and_asks_nobody() {
    let world = World::enter("render").await.still().await;
    let files = files(&world, ecs(&world.name, "api"));
    let (code, text, errors) = world.cli("render", &files, &["-o", "json"]).await;
    assert_eq!(code, 0, "{errors}");
    let rendered: Value = serde_json::from_str(&text).expect("JSON");
    let text = rendered.to_string();
    for part in ["ecs-tasks.amazonaws.com", "secretsmanager:GetSecretValue", "containerDefinitions", "credentialsParameter"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert!(!text.contains("first"), "the password is sealed: {text}");
    assert_eq!(world.proxy.calls().len(), 0);
}

#[tokio::test]
async fn files_without_a_binding_act_as_the_ambient_identity() {
    let world = World::enter("ambient").await.still().await;
    let workload = with(ecs(&world.name, "api"), "/spec/bindingRef", Value::Null);
    let files = yaml(&[login(&world.name, "first"), workload]);
    let mut command = world.command(&["apply", "-f", "-"]);
    let mut child = command
        .envs(world.aws.environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("its standard input");
    input.write_all(files.as_bytes()).await.expect("it reads");
    drop(input);
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").expect("it runs");
    assert!(output.status.success(), "{output:?}");
    assert_whole(&world, &world.aws.holdings().await, "api", "first");
}

#[tokio::test]
async fn plan_without_files_tells_what_the_controller_would_do() {
    let mut world = World::start("cli-cluster").await;
    world.converge_ecs("api").await;
    world.kill();
    let plan = ["plan", "-n", &world.name, "--state-namespace", &world.name];
    let (code, text, errors) = world.output(world.command(&plan)).await;
    assert_eq!(code, 0, "{text}{errors}");
    world.login("second").await;
    world.proxy.forget();
    let (code, text, errors) = world.output(world.command(&plan)).await;
    assert_eq!(code, 2, "{text}{errors}");
    assert!(text.contains("set value of secret"), "{text}");
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
}

#[tokio::test]
async fn crds_prints_what_is_checked_in() {
    let world = World::enter("crds").await.still().await;
    let (code, text, _) = world.output(world.command(&["crds"])).await;
    assert_eq!(code, 0);
    let target = folder(&[]);
    let (code, ..) = world.output(world.command(&["crds", "--write", target.to_str().expect("text")])).await;
    assert_eq!(code, 0);
    for name in ["privateimageworkloads.wharfinger.dev.yaml", "accountbindings.wharfinger.dev.yaml"] {
        let checked_in = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("crds").join(name)).expect("crds/");
        assert_eq!(std::fs::read_to_string(target.join(name)).expect("written"), checked_in, "{name}: make crds");
        assert!(text.contains(&checked_in), "{name}");
    }
}

#[tokio::test]
async fn files_that_cannot_be_read_are_told_by_name() {
    let world = World::enter("files").await.still().await;
    let rows: [(&str, &str); 4] = [
        ("kind: [", "not YAML"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "no PrivateImageWorkload"),
        ("apiVersion: wharfinger.dev/v1\nkind: PrivateImageWorkload\n", "wharfinger.dev/v1"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {password: '%%'}\n", "base64"),
    ];
    for (text, expected) in rows {
        let (code, _, errors) = world.cli("plan", &folder(&[("x.yaml", text.to_owned())]), &[]).await;
        assert!(code == 1 && errors.contains(expected) && errors.contains("files-"), "{text}: {code} {errors}");
    }
    let (code, _, errors) = world.cli("plan", Path::new("/nonexistent.yaml"), &[]).await;
    assert!(code == 1 && errors.contains("/nonexistent.yaml"), "{code} {errors}");
    assert_eq!(world.proxy.calls().len(), 0);
}
