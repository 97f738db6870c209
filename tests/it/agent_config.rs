//! `wharfinger render agent-config` as users run it, on the examples.

use crate::program;
use std::path::Path;

fn render(arguments: &[&str]) -> (i32, String, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    program::run(folder, &[&["render"], arguments].concat())
}

#[test]
fn the_logins_of_the_examples_are_one_line_and_sealed_unless_asked_for() {
    let rows: &[(&[&str], &str)] = &[
        (
            &[],
            "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\"registry.example.com\":{\"username\":\"[sealed]\",\"password\":\"[sealed]\"}}\n",
        ),
        (
            &["--type", "dockercfg"],
            "ECS_ENGINE_AUTH_TYPE=dockercfg\nECS_ENGINE_AUTH_DATA={\"registry.example.com\":{\"auth\":\"[sealed]\"}}\n",
        ),
        (&["--reveal"], "\"password\":\"not-a-real-password\""),
    ];
    for (more, wanted) in rows {
        let files = ["agent-config", "-f", "examples/ecs-fargate.yaml", "-f", "examples/registry-secret.yaml"];
        let (code, out, errors) = render(&[&files, *more].concat());
        assert_eq!((code, errors.as_str()), (0, ""), "{more:?}: {out}");
        assert!(out.contains(wanted), "{more:?}: {out}");
    }
}

#[test]
fn a_secret_that_is_not_in_the_files_is_named() {
    let (code, out, errors) = render(&["agent-config", "-f", "examples/ecs-fargate.yaml"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        errors.contains(
            "Secret payments/regcred is not in these files; add its manifest to the files; or give it by --secret NAME=@FILE"
        ),
        "{errors}"
    );
}

#[test]
fn without_it_render_prints_the_documents() {
    let files = ["-f", "examples/ecs-fargate.yaml", "-f", "examples/registry-secret.yaml", "-f", "examples/00-platform"];
    let (code, out, errors) = render(&files);
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    assert!(out.contains("taskDefinition:") && out.contains("secretString: \"[sealed]\""), "{out}");
}
