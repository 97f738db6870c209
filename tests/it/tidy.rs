//! Rules that no compiler checks, over every file that is or would be in Git. Each says how to mend what breaks it, and each is
//! shown to find a bad sample.

use crate::kept::root;
use std::path::Path;
use std::process::Command;

/// Path from the root, and content.
pub(crate) type File = (String, String);

/// A rule on single lines.
struct LineRule {
    name: &'static str,
    applies: fn(&str) -> bool,
    broken: fn(&str) -> bool,
    mend: &'static str,
    /// A path and a line that break it, and a path and a line that do not.
    samples: [(&'static str, &'static str); 2],
}

/// The files that act on the world; all others under `src/` are pure.
const EFFECTS: [&str; 13] = [
    "accounts",
    "apply",
    "aws",
    "cli",
    "controller",
    "converge",
    "leader",
    "main",
    "metrics",
    "observe",
    "serve",
    "telemetry",
    "registry",
];

/// What pure code does without.
const IMPURE: [&str; 15] = [
    "async ",
    ".await",
    "tokio",
    "aws_sdk_",
    "kube::Client",
    "Timestamp::now",
    "SystemTime",
    "Instant",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "rand::",
    "println!",
];

/// Hosts that packages come from, and settings that lead there: each machine has its own.
const REGISTRIES: [&str; 9] = [
    concat!("index.cr", "ates.io"),
    concat!("static.cr", "ates.io"),
    concat!("pypi", ".org"),
    concat!("pythonh", "osted.org"),
    concat!("proxy.gol", "ang.org"),
    concat!("registry.npm", "js.org"),
    concat!("GOPR", "OXY="),
    concat!("--index", "-url"),
    concat!("replace", "-with"),
];

/// Calls of the Kubernetes client that change something.
const KUBERNETES_WRITES: [&str; 7] =
    [".create(", ".delete(", ".patch(", ".patch_status(", ".publish(", ".replace(", ".replace_status("];

const LINE_RULES: [LineRule; 7] = [
    LineRule {
        name: "pure code waits for nothing, asks nobody and has no clock",
        applies: |path| is_rust(path) && path.starts_with("src/") && !is_effect(path),
        broken: |line| IMPURE.iter().any(|word| code(line).contains(word)),
        mend: "move it to a file that acts (src/observe.rs, src/apply.rs, src/aws/, src/controller/), or pass the value in",
        samples: [("src/plan.rs", "    let now = Timestamp::now();"), ("src/apply.rs", "    step.await")],
    },
    LineRule {
        name: "the AWS SDK is named under src/aws only",
        applies: |path| is_rust(path) && path.starts_with("src/") && !path.starts_with("src/aws"),
        broken: |line| code(line).contains("aws_sdk_"),
        mend: "add a function to src/aws/ that takes and returns our own types",
        samples: [("src/controller.rs", "use aws_sdk_ecs::Client;"), ("src/aws/ecs.rs", "use aws_sdk_ecs::Client;")],
    },
    LineRule {
        name: "the controller writes to Kubernetes under a permit only",
        applies: |path| is_rust(path) && path.starts_with("src/controller"),
        // A review is a question that is put by creating it: nothing is kept.
        broken: |line| {
            let writes = KUBERNETES_WRITES.iter().any(|call| code(line).contains(call));
            writes && !line.contains("write(") && !line.contains("AccessReview")
        },
        mend: "hand the call to `write(permit, …)` of src/controller/objects.rs, which asks the permit and cuts the call",
        samples: [
            ("src/controller/x.rs", "    api.patch(&name, &params, &patch).await"),
            ("src/controller/x.rs", "    write(permit, api.patch(&name, &params, &patch)).await"),
        ],
    },
    LineRule {
        name: "conditions are made in src/status only",
        applies: |path| is_rust(path) && path.starts_with("src/") && !path.starts_with("src/status"),
        broken: |line| code(line).contains("Condition {") && !line.contains("-> Condition {"),
        mend: "let src/status.rs make it from what the pass came to",
        samples: [("src/controller.rs", "    Condition {"), ("src/status.rs", "    Condition {")],
    },
    LineRule {
        name: "nothing is left for later in a comment",
        applies: |_| true,
        broken: |line| {
            [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("db", "g!(")]
                .iter()
                .any(|word| line.contains(word))
        },
        mend: "do it now, or file an issue",
        samples: [("src/plan.rs", concat!("// TO", "DO: later")), ("src/plan.rs", "// Later.")],
    },
    LineRule {
        name: "no path of one machine",
        applies: |path| !path.ends_with("go.sum"),
        broken: |line| ["root", "work", "home", "Users"].iter().any(|folder| has_path(line, folder)),
        mend: "use a path relative to the repository, $HOME, or a temporary folder",
        samples: [
            ("README.md", concat!("see /ro", "ot/notes")),
            ("README.md", concat!("see src/api/workload.rs, frame/wo", "rk/x and /workloads")),
        ],
    },
    LineRule {
        name: "no package registry",
        applies: |path| path != "Cargo.lock",
        broken: |line| REGISTRIES.iter().any(|host| line.contains(host)),
        mend: "leave it to the configuration of the machine (cargo, pip and go have their own)",
        samples: [("Makefile", concat!("pip install --index", "-url x")), ("Makefile", "cargo build --locked")],
    },
];

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

fn is_effect(path: &str) -> bool {
    let first = path.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default();
    EFFECTS.contains(&first)
}

/// The line without a comment.
fn code(line: &str) -> &str {
    if line.trim_start().starts_with("//") { "" } else { line.split(" // ").next().unwrap_or(line) }
}

/// Whether an absolute path that begins with this folder stands in the line.
fn has_path(line: &str, folder: &str) -> bool {
    let needle = format!("/{folder}");
    line.match_indices(&needle).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + needle.len()..].chars().next();
        let word = |c: char| c.is_alphanumeric() || "_-.*~}$:/".contains(c);
        !before.is_some_and(word) && matches!(after, None | Some('/' | '"' | '\'' | ' ' | '`'))
    })
}

/// The longest file, in lines.
const MAX_LINES: usize = 400;

fn check_lines(files: &[File]) -> Vec<String> {
    let mut found = vec![];
    for rule in &LINE_RULES {
        for (path, text) in files.iter().filter(|(path, _)| (rule.applies)(path)) {
            for (number, line) in text.lines().enumerate().filter(|(_, line)| (rule.broken)(line)) {
                found.push(format!("{path}:{}: {}: {}\n    {}", number + 1, rule.name, rule.mend, line.trim()));
            }
        }
    }
    found
}

fn check_files(files: &[File]) -> Vec<String> {
    let mut found = vec![];
    for (path, text) in files.iter().filter(|(path, _)| is_rust(path) || path.ends_with(".py")) {
        let lines = text.lines().count();
        if lines > MAX_LINES {
            found.push(format!("{path}: it has {lines} lines: split it by meaning, so that no file has more than {MAX_LINES}"));
        }
        if is_rust(path) && !text.starts_with("//!") {
            found.push(format!("{path}: it begins without `//!`: say in a line or two what the file is for"));
        }
    }
    found
}

/// Functions under `src/aws/` that write take the account; only `src/apply.rs` and what is below it calls them.
fn check_writers(files: &[File]) -> Vec<String> {
    let aws = files.iter().filter(|(path, _)| path.starts_with("src/aws/") && is_rust(path));
    let writers: Vec<String> = aws
        .flat_map(|(path, text)| {
            let module = Path::new(path).file_stem().unwrap().to_str().unwrap();
            let flat = text.replace("(\n    account: &Account", "(account: &Account");
            let names = flat
                .lines()
                .filter_map(|line| Some(line.split_once("async fn ")?.1.split_once("(account: &Account")?.0.to_owned()));
            names.map(|name| format!("{module}::{name}(")).collect::<Vec<_>>()
        })
        .collect();
    let applies = |path: &str| path == "src/apply.rs" || path.starts_with("src/apply/");
    let others = files.iter().filter(|(path, _)| is_rust(path) && path.starts_with("src/") && !applies(path));
    let mut found: Vec<String> = vec![];
    for (path, text) in others {
        for writer in writers.iter().filter(|writer| text.contains(writer.as_str())) {
            found.push(format!(
                "{path}: it calls {writer}…): only src/apply.rs and src/apply/ write to AWS; make it a step of the plan"
            ));
        }
        if !path.starts_with("src/aws") && text.contains(".write.") {
            found.push(format!("{path}: it uses the clients that write: only src/aws/ does, for src/apply.rs"));
        }
    }
    if writers.is_empty() {
        found.push("src/aws/: no function that writes is recognised; they take `account: &Account` first".into());
    }
    found
}

/// Every text file that is in Git, or would be after `git add .`.
pub(crate) fn files() -> Vec<File> {
    let listed = Command::new("git").args(["ls-files", "-co", "--exclude-standard", "-z"]).current_dir(root()).output().unwrap();
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let paths = String::from_utf8(listed.stdout).unwrap();
    let read = |path: &str| Some((path.to_owned(), std::fs::read_to_string(root().join(path)).ok()?));
    paths.split('\0').filter(|path| !path.is_empty()).filter_map(read).collect()
}

#[test]
fn every_file_keeps_the_rules() {
    let files = files();
    assert!(files.len() > 50, "{} files", files.len());
    let found = [check_lines(&files), check_files(&files), check_writers(&files)].concat();
    assert!(found.is_empty(), "{} broken rules:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_rule_can_fail() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    for rule in &LINE_RULES {
        let [bad, good] = rule.samples;
        let found = check_lines(&[file(bad.0, bad.1)]);
        assert!(found.iter().any(|told| told.contains(rule.name) && told.contains(rule.mend)), "{}: {found:?}", rule.name);
        let found = check_lines(&[file(good.0, good.1)]);
        assert!(!found.iter().any(|told| told.contains(rule.name)), "{}: {found:?}", rule.name);
    }
    for word in IMPURE {
        assert!(!check_lines(&[file("src/desired/x.rs", &format!("    {word}x"))]).is_empty(), "{word}");
    }
    assert_eq!(check_files(&[file("src/x.rs", &"//! x\n".repeat(401))]).len(), 1, "too long");
    assert_eq!(check_files(&[file("src/x.rs", &"//! x\n".repeat(400)), file("hack/x.py", "x")]).len(), 0);
    assert_eq!(check_files(&[file("src/x.rs", "use x;")]).len(), 1, "no header");
    let writer = file(
        "src/aws/ecs.rs",
        "pub(crate) async fn put(\n    account: &Account,\n) {}\npub(crate) async fn get(clients: &Clients) {}",
    );
    let calls = |path: &str, call: &str| check_writers(&[writer.clone(), file(path, call)]).len();
    assert_eq!((calls("src/controller.rs", "ecs::put(a)"), calls("src/apply.rs", "ecs::put(a)")), (1, 0));
    assert_eq!(calls("src/apply/network.rs", "ecs::put(a)"), 0);
    assert_eq!((calls("src/controller.rs", "ecs::get(a)"), calls("src/observe.rs", "a.write.ecs")), (0, 1));
    assert_eq!(check_writers(&[]).len(), 1, "a rule that finds nothing to check is broken");
}

/// Whether an object is what our types, and those of Kubernetes, say of its kind. Of other kinds nothing is known.
pub(crate) fn typed(object: &serde_json::Value) -> Result<(), String> {
    use k8s_openapi::api::core::v1::{Namespace, Secret};
    use wharfinger::api::{AccountBinding, PrivateImageWorkload, PullNetwork, RegistryCredential};
    fn read<T: serde::de::DeserializeOwned>(object: &serde_json::Value) -> Result<(), String> {
        serde_json::from_value::<T>(object.clone()).map(drop).map_err(|error| error.to_string())
    }
    let word = |field: &str| object[field].as_str().unwrap_or_default();
    match format!("{}/{}", word("apiVersion"), word("kind")).as_str() {
        "wharfinger.dev/v1alpha1/PrivateImageWorkload" => read::<PrivateImageWorkload>(object),
        "wharfinger.dev/v1alpha1/AccountBinding" => read::<AccountBinding>(object),
        "wharfinger.dev/v1alpha1/RegistryCredential" => read::<RegistryCredential>(object),
        "wharfinger.dev/v1alpha1/PullNetwork" => read::<PullNetwork>(object),
        "v1/Secret" => read::<Secret>(object),
        "v1/Namespace" => read::<Namespace>(object),
        other if other.starts_with("wharfinger.dev/") => Err(format!("{other} is no kind of ours")),
        _ => Ok(()),
    }
}

/// Every document of the examples is of the kind that it says.
#[test]
fn every_example_is_what_it_says() {
    let mut count = 0;
    for (path, text) in files().iter().filter(|(path, _)| path.starts_with("examples") && path.ends_with(".yaml")) {
        let documents: Vec<serde_json::Value> =
            serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        for document in documents {
            assert!(document["apiVersion"].is_string() && document["kind"].is_string(), "{path}: {document}");
            typed(&document).unwrap_or_else(|error| panic!("{path}: {}: {error}", document["kind"]));
            count += 1;
        }
    }
    assert!(count > 5, "{count} documents");
}
