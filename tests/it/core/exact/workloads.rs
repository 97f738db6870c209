//! Workloads that are made up, each with what it asks for.

use super::asks::{Ask, Dice, KEYS, Pool, Thing, logs, pull};
use crate::core::fixtures::{ACCOUNT, REGION};
use crate::core::world::World;
use serde_json::{Value, json};
use wharfinger::api::PrivateImageWorkload;

/// How the role of a set is kept.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum Settings {
    #[default]
    Auto,
    /// The managed policy is never attached.
    Never,
    /// Images are pulled from one VPC only.
    OneVpc,
}

const VPC: &str = "vpc-0123456789abcdef0";

impl Settings {
    pub(super) fn any(dice: &mut Dice) -> Self {
        *dice.one(&[Self::Auto, Self::Auto, Self::Never, Self::OneVpc])
    }

    pub(super) fn is_auto(self) -> bool {
        self == Self::Auto
    }

    fn execution_role(self) -> Value {
        match self {
            Self::Auto => json!({}),
            Self::Never => json!({"managedPolicy": "Never"}),
            Self::OneVpc => json!({"restrictPullsTo": {"vpcIds": [VPC]}}),
        }
    }

    fn vpcs(self) -> &'static [&'static str] {
        if self == Self::OneVpc { &[VPC] } else { &[] }
    }
}

const SHAPES: [&str; 5] = ["ecs", "containerProperties", "ecsProperties", "node", "ecsProperties of a node"];

/// How a workload pulls its main image.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Login {
    /// From a Secret of the namespace, kept under the default key or a customer key.
    Kept(Option<usize>),
    /// A secret that exists, of the pool.
    Existing(usize),
    /// From ECR, with none.
    Ecr,
}

/// A workload, and what it asks for but for the secret that is kept, whose ARN AWS makes.
pub(super) struct Made {
    pub(super) spec: Value,
    pub(super) asks: Vec<Ask>,
    login: Login,
}

/// What is put into a container, a task or a volume, field by field.
#[derive(Default)]
struct Parts {
    container: serde_json::Map<String, Value>,
    volumes: Vec<Value>,
    second_image: Option<String>,
    asks: Vec<Ask>,
}

impl Made {
    pub(super) fn any(pool: &Pool, settings: Settings, dice: &mut Dice) -> Self {
        let shape = *dice.one(&SHAPES);
        let mut login = *dice.one(&[Login::Kept(None), Login::Kept(None), Login::Kept(Some(0)), Login::Existing(0), Login::Ecr]);
        if login == Login::Existing(0) {
            login = Login::Existing(dice.below(pool.secrets.len() as u64) as usize);
        }
        let mut parts = Parts::default();
        for _ in 0..dice.below(5) {
            parts.any(pool, shape, settings, dice);
        }
        Self::of(pool, shape, login, parts, settings)
    }

    /// One of everything.
    pub(super) fn with_everything(pool: &Pool) -> Self {
        let mut parts = Parts::default();
        parts.reads("secrets", &pool.secrets[0], 0);
        parts.reads("secrets", &pool.parameters[1], 0);
        parts.file(&pool.objects[0]);
        parts.logs(&pool.groups[0], true);
        Self::of(pool, "ecs", Login::Kept(None), parts, Settings::default())
    }

    /// Containers that read these secrets of the pool.
    pub(super) fn reading(pool: &Pool, numbers: std::ops::Range<usize>, settings: Settings) -> Self {
        let mut parts = Parts::default();
        numbers.for_each(|number| parts.reads("secrets", &pool.secrets[number], 0));
        Self::of(pool, "ecs", Login::Kept(None), parts, settings)
    }

    /// Nothing but a login.
    pub(super) fn plain() -> Self {
        Self::of(&Pool::of(1), "ecs", Login::Kept(None), Parts::default(), Settings::default())
    }

    fn of(pool: &Pool, shape: &str, login: Login, mut parts: Parts, settings: Settings) -> Self {
        let image = match login {
            Login::Ecr => {
                parts.asks.extend(pull(&pool.images[0].1, settings.vpcs()));
                pool.images[0].0.clone()
            }
            _ => "registry.example.com/payments/api:1.4.2".to_owned(),
        };
        let mut spec = json!({"image": image, "executionRole": settings.execution_role()});
        match login {
            Login::Kept(None) => spec["credentials"] = json!([{"secretRef": {"name": "regcred"}}]),
            Login::Kept(Some(_)) => {
                spec["credentials"] = json!([{"secretRef": {"name": "regcred"}, "kmsKey": "alias/own"}]);
            }
            Login::Existing(number) => {
                let secret = &pool.secrets[number];
                spec["credentials"] = json!([{"registry": "registry.example.com", "secretArn": secret.written[0]}]);
                parts.asks.extend(secret.asks.clone());
            }
            Login::Ecr => {}
        }
        // Some of the jobs; on EC2 the default writes logs with the instance's credentials.
        let is_on_fargate = shape.ends_with("Properties") && parts.asks.len().is_multiple_of(2);
        if is_on_fargate && !parts.container.contains_key("logConfiguration") {
            parts.asks.extend(logs("/aws/batch/job", false));
        }
        if is_on_fargate && parts.second_image.is_some() {
            parts.asks.extend(logs("/aws/batch/job", false)); // the second container's default
        }
        let (field, definition) = definition(shape, &parts);
        spec[field] = definition;
        if is_on_fargate {
            spec[field]["platformCapabilities"] = json!(["FARGATE"]);
        }
        Self { spec, asks: parts.asks, login }
    }

    pub(super) fn workload(&self, name: &str) -> PrivateImageWorkload {
        let mut workload = PrivateImageWorkload::new(name, serde_json::from_value(self.spec.clone()).unwrap());
        workload.metadata.namespace = Some("payments".into());
        workload.metadata.generation = Some(1);
        workload
    }

    /// What pulling with the secret that is kept needs, by the ARN that it got.
    pub(super) fn pull(&self, world: &World) -> Option<Vec<Ask>> {
        let Login::Kept(key) = self.login else { return None };
        let kept = world
            .secrets
            .values()
            .find(|secret| secret.tags.contains_key("wharfinger.dev/owner") && secret.kms_key.is_some() == key.is_some());
        let arn = &kept.unwrap_or_else(|| panic!("no secret was kept: {:?}", world.secrets.keys())).arn;
        let read = Ask::new("secretsmanager:GetSecretValue", arn);
        let decrypt = key.map(|key| {
            Ask::new("kms:Decrypt", KEYS[key])
                .under("kms:ViaService", &[&format!("secretsmanager.{REGION}.amazonaws.com")])
                .under("kms:EncryptionContext:SecretARN", &[arn])
        });
        Some([read].into_iter().chain(decrypt).collect())
    }
}

impl Parts {
    fn any(&mut self, pool: &Pool, shape: &str, settings: Settings, dice: &mut Dice) {
        let is_ecs = shape == "ecs";
        let how = dice.next();
        let several = is_ecs || shape.starts_with("ecsProperties");
        match dice.below(9) {
            0 | 1 => self.reads("secrets", dice.one(&pool.secrets), how),
            2 => self.reads("secrets", dice.one(&pool.parameters), how),
            3 if dice.below(2) == 0 => self.driver(dice.one(&pool.secrets), how),
            3 => self.driver(dice.one(&pool.parameters), how),
            4 => self.file(dice.one(&pool.objects)),
            5 => self.router(dice.one(&pool.objects)),
            6 => self.logs(&dice.one::<String>(&pool.groups).clone(), dice.below(2) == 0),
            7 if several && self.second_image.is_none() => {
                let (image, repository) = dice.one(&pool.images).clone();
                self.second_image = Some(image);
                self.asks.extend(pull(&repository, settings.vpcs()));
            }
            8 if is_ecs => self.volume(dice.one(&pool.secrets)),
            7 | 8 if is_ecs => self.spec(dice.one(&pool.parameters[..pool.parameters.len() / 2]), dice.one(&pool.objects), how),
            _ => {}
        }
    }

    fn push(&mut self, field: &str, item: Value) {
        let list = self.container.entry(field).or_insert_with(|| json!([]));
        list.as_array_mut().unwrap().push(item);
    }

    fn reads(&mut self, field: &str, thing: &Thing, how: u64) {
        let number = self.container.get(field).and_then(Value::as_array).map_or(0, Vec::len);
        self.push(field, json!({"name": format!("S{number}"), "valueFrom": thing.written[how as usize % thing.written.len()]}));
        self.asks.extend(thing.asks.clone());
    }

    /// A secret for a driver of logs that is not AWS's. There is one driver.
    fn driver(&mut self, thing: &Thing, how: u64) {
        if self.container.contains_key("logConfiguration") {
            return;
        }
        let secret = json!({"name": "token", "valueFrom": thing.written[how as usize % thing.written.len()]});
        self.container.insert("logConfiguration".into(), json!({"logDriver": "splunk", "secretOptions": [secret]}));
        self.asks.extend(thing.asks.clone());
    }

    fn logs(&mut self, group: &str, creates: bool) {
        if self.container.contains_key("logConfiguration") {
            return;
        }
        let mut options = json!({"awslogs-group": group, "awslogs-region": REGION, "awslogs-stream-prefix": "main"});
        if creates {
            options["awslogs-create-group"] = json!("true");
        }
        self.container.insert("logConfiguration".into(), json!({"logDriver": "awslogs", "options": options}));
        self.asks.extend(logs(group, creates));
    }

    fn file(&mut self, thing: &Thing) {
        self.push("environmentFiles", json!({"type": "s3", "value": thing.written[0]}));
        self.asks.extend(thing.asks.clone());
    }

    fn router(&mut self, thing: &Thing) {
        if !self.container.contains_key("firelensConfiguration") {
            let options = json!({"config-file-type": "s3", "config-file-value": thing.written[0]});
            self.container.insert("firelensConfiguration".into(), json!({"type": "fluentbit", "options": options}));
            self.asks.extend(thing.asks.clone());
        }
    }

    fn volume(&mut self, thing: &Thing) {
        let login = json!({"credentialsParameter": thing.written[0], "domain": "example.com"});
        let share = json!({"fileSystemId": "fs-0123456789abcdef0", "rootDirectory": "share", "authorizationConfig": login});
        let name = format!("v{}", self.volumes.len());
        self.volumes.push(json!({"name": name, "fsxWindowsFileServerVolumeConfiguration": share}));
        self.asks.extend(thing.asks.clone());
    }

    /// A container has at most one spec of credentials.
    fn spec(&mut self, parameter: &Thing, object: &Thing, how: u64) {
        if self.container.contains_key("credentialSpecs") {
            return;
        }
        let (word, thing) =
            if how.is_multiple_of(2) { ("credentialspec", object) } else { ("credentialspecdomainless", parameter) };
        self.push("credentialSpecs", json!(format!("{word}:{}", thing.written[0])));
        self.asks.extend(thing.asks.clone());
    }
}

/// The definition in one of the five shapes. What a role runs as grants the execution role nothing.
fn definition(shape: &str, parts: &Parts) -> (&'static str, Value) {
    let role = format!("arn:aws:iam::{ACCOUNT}:role/app/api");
    let sizes = json!([{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}]);
    let with = |mut object: Value, fields: Value| {
        object.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        object
    };
    let main = Value::Object(parts.container.clone());
    let containers = |sized: bool| {
        let base = |name: &str| if sized { json!({"name": name, "resourceRequirements": sizes}) } else { json!({"name": name}) };
        let second = parts.second_image.as_ref().map(|image| with(base("second"), json!({"image": image, "essential": false})));
        [with(base("main"), main.clone())].into_iter().chain(second).collect::<Vec<_>>()
    };
    let lone = || with(json!({"resourceRequirements": sizes, "jobRoleArn": role}), main.clone());
    let task = || json!({"taskProperties": [{"containers": containers(true), "taskRoleArn": role}]});
    let nodes = |range: Value| {
        let range = with(json!({"targetNodes": "0"}), range);
        json!({"type": "multinode", "nodeProperties": {"numNodes": 1, "mainNode": 0, "nodeRangeProperties": [range]}})
    };
    match shape {
        "ecs" => {
            let task = json!({"memory": "4096", "taskRoleArn": role, "containerDefinitions": containers(false)});
            ("ecs", with(task, if parts.volumes.is_empty() { json!({}) } else { json!({"volumes": parts.volumes}) }))
        }
        "containerProperties" => ("batch", json!({"type": "container", "containerProperties": lone()})),
        "ecsProperties" => ("batch", json!({"type": "container", "ecsProperties": task()})),
        "node" => ("batch", nodes(json!({"container": lone()}))),
        _ => ("batch", nodes(json!({"ecsProperties": task()}))),
    }
}
