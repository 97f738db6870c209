//! `wharfinger status`: what the API server says, and no call to AWS.

use super::*;

impl World {
    /// The command in this world's namespace, on a terminal of 60 columns.
    async fn status(&self, more: &[&str]) -> (i32, String, String) {
        let mut command = self.command(&[&["status", "-n", &self.name], more].concat());
        command.env("COLUMNS", "60");
        self.output(command).await
    }
}

/// Whether each line fits 60 columns, but for a word that is longer by itself.
fn assert_narrow(text: &str) {
    let wide = |line: &&str| line.chars().count() > 60 && line.split_whitespace().all(|word| word.chars().count() < 40);
    assert_eq!(text.lines().filter(wide).collect::<Vec<_>>(), [] as [&str; 0], "{text}");
}

#[tokio::test]
async fn a_workload_that_is_ready_is_a_tree_of_what_it_has() {
    let mut world = World::start("status").await;
    let status = world.converge_ecs("api").await.status.expect("a status");
    world.kill();
    world.proxy.forget();
    let (code, text, errors) = world.status(&["api"]).await;
    assert_eq!(code, 0, "{text}{errors}");
    let arns = [status.secrets[0].arn.clone(), status.execution_role_arn.expect("a role"), status.definition.expect("one").arn];
    for arn in arns {
        assert!(text.lines().any(|line| line.ends_with(&arn)), "{arn} is not whole on a line: {text}");
    }
    let account = format!("account {}, eu-west-1", world.aws.id);
    for part in [format!("{}/api: Ready", world.name), account, "last change ".to_owned(), "✓ ExecutionRoleReady".to_owned()] {
        assert!(text.contains(&part), "no {part:?} in {text}");
    }
    assert_narrow(&text);

    let (code, json, _) = world.status(&["privateimageworkload.wharfinger.dev/api", "-o", "json"]).await;
    let report: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((code, &report["state"], &report["reason"]), (0, &json!("Ready"), &json!("Succeeded")));
    assert_eq!(report["parts"][0]["things"][0]["arn"], json!(status.secrets[0].arn));
    let (_, yaml, _) = world.status(&["piw/api", "-o", "yaml"]).await;
    assert_eq!(serde_saphyr::from_str::<Value>(&yaml).expect("YAML"), report);
    assert_eq!(world.proxy.calls().len(), 0, "AWS is not asked");
}

#[tokio::test]
async fn what_is_not_ready_is_told_with_its_remedy() {
    let world = World::start("status-not").await;
    world.apply(&ecs(&world.name, "api")).await;
    world.not_ready("api", "SecretSourceMissing").await;
    let (code, text, errors) = world.status(&["api"]).await;
    assert_eq!(code, 2, "{text}{errors}");
    let flat = text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    for part in
        [": SecretSourceMissing", "Secret regcred does not exist", "remedy: Create it, or let the controller read Secrets"]
    {
        assert!(flat.contains(part), "no {part:?} in {flat}");
    }
    assert_narrow(&text);

    // All of the namespace, and of all namespaces, with the binding.
    let (code, table, _) = world.status(&[]).await;
    assert!(code == 2 && table.contains("piw/api  ") && table.contains("0 of 1 ready"), "{table}");
    assert_narrow(&table);
    let (_, all, _) = world.output(world.command(&["status", "-A", "-o", "json"])).await;
    let all: Vec<Value> = serde_json::from_str(&all).expect("JSON");
    let has = |kind: &str, name: &str| all.iter().any(|it| it["kind"] == kind && it["name"] == name);
    assert!(has("AccountBinding", &world.name) && has("PrivateImageWorkload", "api"), "{all:#?}");
    let (code, text, _) = world.status(&[&format!("awsbind/{}", world.name)]).await;
    assert!(code == 0 && text.contains(&format!("{}:role/wharfinger", world.aws.id)), "{code} {text}");
}

#[tokio::test]
async fn what_is_not_there_is_met_with_the_nearest() {
    let world = World::enter("status-none").await.still().await;
    let (code, out, errors) = world.status(&[]).await;
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(errors.contains(&format!("nothing of Wharfinger in namespace {}", world.name)), "{errors}");
    world.apply(&ecs(&world.name, "payments-api")).await;
    let (code, text, _) = world.status(&["payments-api"]).await;
    assert!(code == 2 && text.contains("no controller has looked at it yet"), "{code} {text}");
    for (named, offered) in
        [("payment-api", "payments-api is one: is that meant?"), ("orders", "`wharfinger status -A` lists all")]
    {
        let (code, out, errors) = world.status(&[named]).await;
        assert!(code == 1 && out.is_empty() && errors.contains(offered), "{named}: {code} {out} {errors}");
    }
}
