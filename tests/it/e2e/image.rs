//! The container image: `hack/image` with a stand-in for the program, and the real registry. What `make image` adds is the build.

use super::parts::{parts, unique};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const EPOCH: &str = "1700000000";
const WHEN: &str = "2023-11-14T22:13:20Z";
/// Everything in the image, as tar lists what crane exports.
const CONTENTS: &str = "\
drwxr-xr-x 0/0 0 2023-11-14 22:13 etc
-rw-r--r-- 0/0 20 2023-11-14 22:13 etc/group
-rw-r--r-- 0/0 42 2023-11-14 22:13 etc/passwd
drwxr-xr-x 0/0 0 2023-11-14 22:13 etc/ssl
drwxr-xr-x 0/0 0 2023-11-14 22:13 etc/ssl/certs
-rw-r--r-- 0/0 SIZE 2023-11-14 22:13 etc/ssl/certs/ca-certificates.crt
drwxr-xr-x 0/0 0 2023-11-14 22:13 usr
drwxr-xr-x 0/0 0 2023-11-14 22:13 usr/local
drwxr-xr-x 0/0 0 2023-11-14 22:13 usr/local/bin
-rwxr-xr-x 0/0 64 2023-11-14 22:13 usr/local/bin/wharfinger";

/// The header of a 64-bit ELF program with `headers` program headers of the kind PT_INTERP after it.
fn elf(headers: u16) -> Vec<u8> {
    let mut header = vec![0; 64];
    header[..5].copy_from_slice(b"\x7fELF\x02");
    header[32] = 64;
    header[54] = 56;
    header[56..58].copy_from_slice(&headers.to_le_bytes());
    let interpreter = [&3_u32.to_le_bytes()[..], &[0; 52]].concat();
    header.extend(interpreter.repeat(headers.into()));
    header
}

/// A folder with a program and the list of what is in it, for one test.
fn folder(program: &[u8]) -> PathBuf {
    let folder = parts().state.join(format!("image-{}", unique()));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("program"), program).unwrap();
    std::fs::write(folder.join("sbom"), r#"{"bomFormat":"CycloneDX"}"#).unwrap();
    folder
}

fn write(folder: &Path, out: &str, environment: &[(&str, &str)]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("hack/image");
    let mut command = Command::new("python3");
    command.arg(script).arg("--out").arg(folder.join(out)).arg("--binary").arg(folder.join("program"));
    command.arg("--sbom").arg(folder.join("sbom")).env("SOURCE_DATE_EPOCH", EPOCH).envs(environment.iter().copied());
    command.output().unwrap()
}

/// What the script says after a word.
fn said(output: &Output, word: &str) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    let line = text.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_else(|| panic!("no line with {word}: {text}"));
    line.trim().split(',').next().unwrap().to_owned()
}

/// crane, signed in to the registry of the parts.
fn crane(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let variable = |name: &str| std::env::var(name).unwrap();
    let login = json!({"username": variable("WHARFINGER_REGISTRY_USER"), "password": variable("WHARFINGER_REGISTRY_PASSWORD")});
    let config = json!({"auths": {variable("WHARFINGER_REGISTRY"): login}});
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let mut command = Command::new("crane");
    command.args(arguments).env("DOCKER_CONFIG", folder).env("SSL_CERT_FILE", variable("WHARFINGER_REGISTRY_CA"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "crane {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The authorities among the parts, beside crane.
fn ca_bundle() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|folder| folder.join("ca-certificates.crt")).find(|it| it.exists());
    found.expect("ca-certificates.crt beside the parts' programs")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap().trim().to_owned()
}

#[test]
fn two_builds_are_one_digest() {
    let (here, there) = (folder(&elf(0)), folder(&elf(0)));
    let first = write(&here, "layout", &[]);
    let second = write(&there, "another", &[("TZ", "Asia/Tokyo"), ("LC_ALL", "C")]);
    assert_eq!(said(&first, "digest"), said(&second, "digest"));
    let archive = |folder: &Path, name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(archive(&here, "layout.tar") == archive(&there, "another.tar"), "the archives differ");

    let other = folder(&[elf(0), vec![1]].concat());
    assert_ne!(said(&first, "digest"), said(&write(&other, "layout", &[]), "digest"), "another program has the same digest");
}

#[test]
fn in_the_registry_it_is_the_same_and_nothing_else() {
    let folder = folder(&elf(0));
    let written = write(&folder, "layout", &[]);
    let (digest, image) = (said(&written, "digest"), said(&written, "image"));
    let reference = format!("{}/wharfinger-{}:1.0", std::env::var("WHARFINGER_REGISTRY").unwrap(), unique());
    let repository = reference.rsplit_once(':').unwrap().0;
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();

    crane(&folder, &["push", &path("layout"), &reference]);
    assert_eq!(text(crane(&folder, &["digest", &reference])), digest);
    crane(&folder, &["validate", "--remote", &reference]);
    crane(&folder, &["pull", "--format", "oci", &reference, &path("pulled")]);
    for blob in std::fs::read_dir(folder.join("layout/blobs/sha256")).unwrap() {
        let name = format!("blobs/sha256/{}", blob.unwrap().file_name().to_str().unwrap());
        let read = |layout: &str| std::fs::read(folder.join(layout).join(&name)).ok();
        assert!(read("pulled") == read("layout"), "{name} is not what was pushed");
    }

    let config: Value = serde_json::from_slice(&crane(&folder, &["config", &reference])).unwrap();
    assert_eq!(config["created"], WHEN);
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["Entrypoint"], json!(["/usr/local/bin/wharfinger"]));
    assert_eq!(config["config"]["Labels"]["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));
    std::fs::write(folder.join("contents.tar"), crane(&folder, &["export", &reference, "-"])).unwrap();
    let listed =
        Command::new("tar").args(["--utc", "--numeric-owner", "-tvf"]).arg(folder.join("contents.tar")).output().unwrap();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let authorities = std::fs::metadata(ca_bundle()).unwrap().len();
    assert_eq!(
        text(listed.stdout).lines().map(words).collect::<Vec<_>>().join("\n"),
        CONTENTS.replace("SIZE", &authorities.to_string())
    );

    let about: Value = serde_json::from_slice(&crane(&folder, &["manifest", &reference])).unwrap();
    let artifact = &about["manifests"][1];
    assert_eq!(artifact["artifactType"], "application/vnd.cyclonedx+json");
    let refers = format!("{repository}@{}", artifact["digest"].as_str().unwrap());
    let manifest: Value = serde_json::from_slice(&crane(&folder, &["manifest", &refers])).unwrap();
    assert_eq!(manifest["subject"]["digest"], image);
    let layer = format!("{repository}@{}", manifest["layers"][0]["digest"].as_str().unwrap());
    assert_eq!(crane(&folder, &["blob", &layer]), std::fs::read(folder.join("sbom")).unwrap());
}

#[test]
fn what_needs_a_library_is_refused() {
    let folder = folder(&elf(1));
    let output = write(&folder, "layout", &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("is no static ELF executable"), "{said}");
    assert!(!folder.join("layout").exists(), "a layout was written");
}

#[test]
fn what_is_no_layout_is_not_replaced() {
    let folder = folder(&elf(0));
    std::fs::create_dir(folder.join("layout")).unwrap();
    std::fs::write(folder.join("layout/precious"), "").unwrap();
    let output = write(&folder, "layout", &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("is not an OCI image layout"), "{said}");
    assert!(folder.join("layout/precious").exists());
}
