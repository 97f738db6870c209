//! Secrets that are given by flags, in AWS.

use super::super::manifests::{REGISTRY, USER};
use super::*;

#[tokio::test]
async fn a_secret_from_a_variable_is_what_aws_gets() {
    let world = World::enter("given").await.still().await;
    let files = folder(&[("all.yaml", yaml(&[namespace(&world), binding(&world.name, &world.aws.id), ecs(&world.name, "api")]))]);
    let (code, text, _) = world.cli("apply", &files, &[]).await;
    assert!(code == 1 && text.contains("--secret NAME=@FILE"), "{code} {text}");
    assert_eq!(world.proxy.written(), [] as [&str; 0]);

    let config = json!({"auths": {REGISTRY: {"username": USER, "password": "first"}}}).to_string();
    let given = format!("{}/regcred=env:REGISTRY_LOGIN", world.name);
    let mut command = world.command(&["apply", "-f", files.to_str().expect("text"), "--secret", &given]);
    command.env("REGISTRY_LOGIN", config);
    let (code, text, errors) = world.output(command).await;
    assert_eq!(code, 0, "{text}{errors}");
    assert_whole(&world, &world.aws.holdings().await, "api", "first");
}
