//! The execution role end to end: what it may do follows from what the containers name, and what others change is put back.

use super::holdings::Role;
use super::manifests::{ecs, with};
use super::proxy::{Fault, Rule};
use super::rows::each;
use super::world::World;
use serde_json::{Value, json};

const MANAGED: &str = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";

/// The statements of the one inline policy of ours.
fn statements(role: &Role) -> Vec<Value> {
    let ours: Vec<&Value> = role.inline.iter().filter(|(name, _)| name.starts_with("wharfinger-")).map(|(_, it)| it).collect();
    assert_eq!(ours.len(), 1, "one policy of ours: {:?}", role.inline);
    ours[0]["Statement"].as_array().cloned().unwrap_or_default()
}

/// Actions and resources that are allowed, and under which conditions.
fn allowed(role: &Role, action: &str) -> (Value, Value) {
    let of = |statement: &&Value| {
        let actions = match &statement["Action"] {
            Value::Array(list) => list.clone(),
            one => vec![one.clone()],
        };
        actions.contains(&json!(action))
    };
    let statements = statements(role);
    let found: Vec<&Value> = statements.iter().filter(of).collect();
    let resources =
        found.iter().flat_map(|it| it["Resource"].as_array().cloned().unwrap_or_else(|| vec![it["Resource"].clone()]));
    (resources.collect(), found.first().map_or(Value::Null, |it| it["Condition"].clone()))
}

async fn role_of(world: &World, name: &str) -> Role {
    let roles = world.aws.holdings().await.roles;
    let names: Vec<&String> = roles.iter().map(|role| &role.name).collect();
    let told = format!("{name} among {names:?}");
    roles.into_iter().find(|role| role.name == name).expect(&told)
}

#[tokio::test]
async fn what_containers_name_is_granted_and_nothing_else() {
    let world = World::enter("grants")
        .await
        .binding(|spec| {
            let account = spec["accountId"].as_str().unwrap_or_default().to_owned();
            spec["limits"]["ssmParameters"] = json!([format!("arn:aws:ssm:*:{account}:parameter/*")]);
            spec["limits"]["s3Objects"] = json!(["arn:aws:s3:::payments/*"]);
        })
        .start()
        .await;
    let account = &world.aws.id;
    let key = world.aws.key("alias/app").await;
    let made = json!({"Name": "app/db", "SecretString": "{}", "KmsKeyId": "alias/app", "ClientRequestToken": "t".repeat(32)});
    let secret = world.aws.json("secretsmanager", "CreateSecret", made).await["ARN"].as_str().expect("an ARN").to_owned();
    let parameter = json!({"Name": "/app/token", "Value": "x", "Type": "SecureString", "KeyId": key});
    world.aws.json("ssm", "PutParameter", parameter).await;
    let parameter = format!("arn:aws:ssm:eu-west-1:{account}:parameter/app/token");
    let container = json!({
        "name": "api",
        "secrets": [{"name": "DB", "valueFrom": format!("{secret}:password::")}, {"name": "TOKEN", "valueFrom": "/app/token"}],
        "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::payments/app.env"}],
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/app", "awslogs-region": "eu-west-1", "awslogs-create-group": "true"}},
    });
    world.login("first").await;
    world.apply(&with(ecs(&world.name, "api"), "/spec/ecs/containerDefinitions", json!([container]))).await;
    world.ready("api").await;
    let role = role_of(&world, &world.role_name()).await;
    let pull =
        world.aws.holdings().await.secrets.into_iter().find(|it| it.name == world.secret_name("regcred")).expect("its secret");
    let mut secrets = [pull.arn, secret.clone()];
    secrets.sort();
    assert_eq!(allowed(&role, "secretsmanager:GetSecretValue").0, json!(secrets));
    assert_eq!(allowed(&role, "ssm:GetParameters").0, json!([parameter]));
    assert_eq!(allowed(&role, "s3:GetObject").0, json!(["arn:aws:s3:::payments/app.env"]));
    assert_eq!(allowed(&role, "s3:GetBucketLocation").0, json!(["arn:aws:s3:::payments"]));
    assert_eq!(allowed(&role, "logs:CreateLogGroup").0, json!([format!("arn:aws:logs:eu-west-1:{account}:log-group:/app:*")]));
    assert_eq!(allowed(&role, "logs:PutLogEvents").0, json!([]), "the managed policy has it");
    let conditions: Vec<Value> = statements(&role)
        .iter()
        .filter(|it| it["Action"] == "kms:Decrypt")
        .map(|it| it["Condition"]["StringEquals"].clone())
        .collect();
    let of_secret =
        json!({"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com", "kms:EncryptionContext:SecretARN": [secret]});
    let of_parameter =
        json!({"kms:ViaService": "ssm.eu-west-1.amazonaws.com", "kms:EncryptionContext:PARAMETER_ARN": [parameter]});
    assert!(conditions.contains(&of_secret) && conditions.contains(&of_parameter) && conditions.len() == 2, "{conditions:?}");
    assert_eq!(allowed(&role, "kms:Decrypt").0, json!([key, key]));
    world.poke("api").await;
    world.proxy.forget();
    world.poke("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
    // The new revision needs none of it; the older one still does, until it goes.
    world.apply(&ecs(&world.name, "api")).await;
    world.ready("api").await;
    assert_eq!(allowed(&role_of(&world, &world.role_name()).await, "ssm:GetParameters").0, json!([parameter]));
    world.patch("api", json!({"spec": {"revisionHistoryLimit": 0}})).await;
    world
        .proxy
        .until("the older revision to go", |calls| calls.iter().any(|it| it.operation == "DeregisterTaskDefinition"))
        .await;
    world.proxy.until("a narrower policy", |calls| calls.iter().any(|it| it.operation == "PutRolePolicy")).await;
    world.poke("api").await; // a call is seen before its answer
    assert_eq!(allowed(&role_of(&world, &world.role_name()).await, "ssm:GetParameters").0, json!([]));
}

/// What may not be looked at is told, and granted with the keys that the spec names.
#[tokio::test]
async fn keys_that_cannot_be_found_out_may_be_named() {
    let world = World::start("hidden-keys").await;
    let key = world.aws.key("alias/app").await;
    let secret = format!("arn:aws:secretsmanager:eu-west-1:{}:secret:app/db-AbCdEf", world.aws.id);
    let denied = Fault::Refuse("AccessDeniedException", "not authorized".into());
    let id = secret.clone();
    world
        .proxy
        .inject(Rule::matching(move |call| call.operation == "DescribeSecret" && call.body["SecretId"] == json!(id), denied));
    world.login("first").await;
    let secrets = json!([{"name": "DB", "valueFrom": secret}]);
    let plain = with(ecs(&world.name, "api"), "/spec/ecs/containerDefinitions/0/secrets", secrets);
    world.apply(&plain).await;
    let status = world.ready("api").await.status.unwrap_or_default();
    assert!(status.warnings.join("\n").contains("CannotVerify"), "{:?}", status.warnings);
    assert_eq!(allowed(&role_of(&world, &world.role_name()).await, "kms:Decrypt").0, json!([]));
    world.apply(&with(plain, "/spec/executionRole", json!({"kmsKeys": ["alias/app"]}))).await;
    let status = world.ready("api").await.status.unwrap_or_default();
    assert!(!status.warnings.join("\n").contains("CannotVerify"), "{:?}", status.warnings);
    assert_eq!(allowed(&role_of(&world, &world.role_name()).await, "kms:Decrypt").0, json!([key]));
}

#[tokio::test]
async fn what_others_change_on_the_role_is_put_back() {
    let boundary = "arn:aws:iam::aws:policy/PowerUserAccess";
    let world =
        World::enter("role-drift").await.binding(|spec| spec["limits"]["permissionsBoundaryArn"] = json!(boundary)).start().await;
    world.converge_ecs("api").await;
    let role = world.role_name();
    let before = role_of(&world, &role).await;
    world.aws.iam("DeleteRolePermissionsBoundary", &[("RoleName", &role)]).await;
    world.poke("api").await;
    let xml = world.aws.iam("GetRole", &[("RoleName", &role)]).await;
    assert!(xml.contains(boundary), "{xml}");
    let everybody =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]})
            .to_string();
    world.aws.iam("UpdateAssumeRolePolicy", &[("RoleName", &role), ("PolicyDocument", &everybody)]).await;
    world.aws.iam("DetachRolePolicy", &[("RoleName", &role), ("PolicyArn", MANAGED)]).await;
    world.poke("api").await;
    assert_eq!(role_of(&world, &role).await, before);
    // A stricter trust policy is left alone.
    let stricter = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:SourceAccount": world.aws.id}}}]});
    world.aws.iam("UpdateAssumeRolePolicy", &[("RoleName", &role), ("PolicyDocument", &stricter.to_string())]).await;
    world.proxy.forget();
    world.poke("api").await;
    assert_eq!(world.proxy.written(), [] as [&str; 0]);
}

#[tokio::test]
async fn settings_of_ones_own_are_a_role_of_ones_own() {
    let world = World::start("role-settings").await;
    world.converge_ecs("plain").await;
    let pulls = json!({"vpcIds": ["vpc-0123456789abcdef0"], "vpcEndpointIds": ["vpce-0123456789abcdef0"]});
    let image = format!("{}.dkr.ecr.eu-west-1.amazonaws.com/team/api:1", world.aws.id);
    let container = json!([{"name": "a", "image": image}, {"name": "b"}]);
    let restricted = with(ecs(&world.name, "ecr"), "/spec/ecs/containerDefinitions", container);
    world.apply(&with(restricted, "/spec/executionRole", json!({"restrictPullsTo": pulls, "trust": "SourceArn"}))).await;
    let status = world.ready("ecr").await.status.unwrap_or_default();
    let arn = status.execution_role_arn.unwrap_or_default();
    let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
    assert!(name.starts_with(&format!("{}_", world.role_name())), "{name}");
    let role = role_of(&world, &name).await;
    assert_eq!(role.attached, [] as [&str; 0], "the managed policy would void the condition");
    let condition =
        json!({"StringEquals": {"aws:SourceVpc": ["vpc-0123456789abcdef0"], "aws:SourceVpce": ["vpce-0123456789abcdef0"]}});
    let repository = json!([format!("arn:aws:ecr:eu-west-1:{}:repository/team/api", world.aws.id)]);
    assert_eq!(allowed(&role, "ecr:BatchGetImage"), (repository, condition));
    assert_eq!(allowed(&role, "ecr:GetAuthorizationToken"), (json!(["*"]), Value::Null));
    assert_eq!(role.trust["Statement"][0]["Condition"]["StringEquals"]["aws:SourceAccount"], json!(world.aws.id));
    assert_eq!(role_of(&world, &world.role_name()).await.attached, [MANAGED]);
    // Two workloads that want one named role in two ways.
    let named = |name: &str, more: Value| {
        let mut role = json!({"name": format!("{}_one", world.role_name())});
        more.as_object().into_iter().flatten().for_each(|(key, value)| role[key] = value.clone());
        with(ecs(&world.name, name), "/spec/executionRole", role)
    };
    world.apply(&named("first", json!({}))).await;
    world.ready("first").await;
    world.apply(&named("second", json!({"trust": "SourceAccount"}))).await;
    let message = world.not_ready("second", "RoleSettingsConflict").await.message;
    assert!(message.contains("PrivateImageWorkload/first"), "{message}");
    world.ask("first").await;
    world.not_ready("first", "RoleSettingsConflict").await;
}

#[tokio::test]
async fn two_namespaces_on_one_role_live_side_by_side() {
    let one = World::start("side-one").await;
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    one.aws.iam("CreateRole", &[("RoleName", "shared"), ("AssumeRolePolicyDocument", &trust.to_string())]).await;
    let foreign =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]})
            .to_string();
    one.aws.iam("PutRolePolicy", &[("RoleName", "shared"), ("PolicyName", "theirs"), ("PolicyDocument", &foreign)]).await;
    let account = one.aws.id.clone();
    let two = World::enter("side-two").await.binding(|spec| {
        let text = spec.to_string().replace(spec["accountId"].as_str().unwrap_or_default(), &account);
        *spec = serde_json::from_str(&text).expect("JSON");
    });
    let two = two.start().await;
    let arn = format!("arn:aws:iam::{account}:role/shared");
    for world in [&one, &two] {
        world.login("first").await;
        world.apply(&with(ecs(&world.name, "api"), "/spec/executionRole", json!({"arn": arn}))).await;
        let status = world.ready("api").await.status.unwrap_or_default();
        assert!(status.warnings.join("\n").contains("does not have arn:aws:iam::aws:policy"), "{:?}", status.warnings);
    }
    let policies = async || role_of(&one, "shared").await.inline;
    assert_eq!(policies().await.len(), 3, "theirs, and one of each namespace");
    two.delete_and_wait("api").await;
    let left = policies().await;
    assert_eq!(left.len(), 2);
    assert!(left.contains_key("theirs") && format!("{left:?}").contains(&one.name), "{left:?}");
}

/// IAM takes a while to be known everywhere.
#[tokio::test]
async fn a_role_that_was_made_just_now_is_waited_for() {
    let rows = [
        ("RegisterTaskDefinition", Fault::Refuse("ClientException", "Role is not valid".into())),
        ("PutRolePolicy", Fault::Refuse("NoSuchEntity", "The role cannot be found.".into())),
        ("AttachRolePolicy", Fault::Refuse("NoSuchEntity", "The role cannot be found.".into())),
        ("PutRolePolicy", Fault::Refuse("ConcurrentModification", "wait a few minutes".into())),
    ];
    each(rows.map(|(call, fault)| (format!("{call}: {fault}"), (call, fault))), |(call, fault)| async move {
        let world = World::start("young").await;
        world.proxy.inject(Rule::on(call, fault).only(0));
        world.login("first").await;
        world.apply(&ecs(&world.name, "api")).await;
        let seen = world
            .until("api", "be Ready or give up", |status| {
                status.conditions.iter().any(|it| (it.type_ == "Ready" && it.status == "True") || it.type_ == "Stalled")
            })
            .await;
        let stalled = seen.status.unwrap_or_default().conditions.into_iter().find(|it| it.type_ == "Stalled");
        assert!(stalled.is_none(), "{stalled:?}");
    })
    .await;
}
