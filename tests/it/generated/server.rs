//! A model of what AWS makes of a definition: it fills in defaults, changes orders, rewrites values and adds fields of its own.
//! The facts are `c.1` and `c.2` of those that this project rests on, and the text of AWS's service models.

use super::definition::schema;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};
use wharfinger::resource::normalise::DefinitionKind;

/// AWS. With chance, it fills in some of the defaults and answers in some order; without, it fills in all and sorts.
pub(crate) struct Server {
    pub(super) chance: Option<StdRng>,
}

/// What AWS stores for a definition, in full. Two definitions for which this is equal are the same to AWS.
pub(crate) fn stored(kind: DefinitionKind, definition: &Value) -> Value {
    Server { chance: None }.complete(kind, definition)
}

/// What AWS answers once the definition is registered, with its own fields. The seed decides what AWS may do or leave.
pub(crate) fn answer(kind: DefinitionKind, definition: &Value, seed: u64) -> Value {
    let mut server = Server { chance: Some(StdRng::seed_from_u64(seed)) };
    let mut answer = server.complete(kind, definition);
    server.add_empties(schema(kind), &mut answer);
    let own = match kind {
        DefinitionKind::TaskDefinition => json!({
            "taskDefinitionArn": super::ARN, "revision": 7, "status": "ACTIVE", "registeredAt": 1_700_000_000.5,
            "registeredBy": "arn:aws:iam::111122223333:role/wharfinger", "compatibilities": ["EC2", "FARGATE"],
            "requiresAttributes": [{"name": "ecs.capability.private-registry-authentication.secretsmanager"}],
        }),
        DefinitionKind::JobDefinition => json!({
            "jobDefinitionArn": super::ARN, "revision": 7, "status": "ACTIVE", "containerOrchestrationType": "ECS",
            "tags": {"wharfinger.dev/owner": "PrivateImageWorkload/api"},
        }),
    };
    answer.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    answer
}

type Object = Map<String, Value>;

impl Server {
    /// The definition without what says nothing, and with AWS's defaults, order and spelling.
    pub(super) fn complete(&mut self, kind: DefinitionKind, definition: &Value) -> Value {
        let mut whole = without_empties(definition);
        let root = whole.as_object_mut().unwrap();
        match kind {
            DefinitionKind::TaskDefinition => self.task_definition(root),
            DefinitionKind::JobDefinition => self.job_definition(root),
        }
        if self.chance.is_some() { whole } else { without_empties(&whole) }
    }

    pub(super) fn perhaps(&mut self) -> bool {
        self.chance.as_mut().is_none_or(|chance| chance.random_bool(0.5))
    }

    fn fill(&mut self, object: &mut Object, field: &str, default: impl Into<Value>) {
        if !object.contains_key(field) && self.perhaps() {
            object.insert(field.to_owned(), default.into());
        }
    }

    /// Fills a field of an object that may be absent as a whole.
    fn fill_in(&mut self, object: &mut Object, part: &str, field: &str, default: impl Into<Value>) {
        let mut inner = object.get(part).and_then(Value::as_object).cloned().unwrap_or_default();
        self.fill(&mut inner, field, default);
        if !inner.is_empty() {
            object.insert(part.to_owned(), inner.into());
        }
    }

    /// A list whose order says nothing.
    fn reorder(&mut self, object: &mut Object, list: &str, key: &str) {
        let Some(items) = object.get_mut(list).and_then(Value::as_array_mut) else { return };
        match &mut self.chance {
            Some(chance) => items.shuffle(chance),
            None if key.is_empty() => items.sort_by_key(Value::to_string),
            None => items.sort_by_key(|item| item[key].to_string()),
        }
    }

    fn task_definition(&mut self, task: &mut Object) {
        rewrite(task, "cpu", |it| times_1024(it, "vcpu"));
        rewrite(task, "memory", |it| times_1024(it, "gb"));
        if task.get("taskRoleArn").is_some_and(|it| it == "") {
            task.remove("taskRoleArn");
        }
        let asked = task.get("requiresCompatibilities").and_then(Value::as_array);
        let fargate = asked.is_some_and(|asked| asked.iter().any(|it| it == "FARGATE"));
        let shares_ports = matches!(task.get("networkMode").and_then(Value::as_str), Some("awsvpc" | "host"));
        if !fargate {
            self.fill(task, "networkMode", "bridge");
        }
        self.fill(task, "enableFaultInjection", false);
        self.reorder(task, "requiresCompatibilities", "");
        with_items(task, "requiresCompatibilities", Vec::dedup);
        for (list, key) in [
            ("containerDefinitions", "name"),
            ("volumes", "name"),
            ("placementConstraints", "expression"),
            ("inferenceAccelerators", "deviceName"),
        ] {
            self.reorder(task, list, key);
        }
        part(task, "proxyConfiguration", |proxy| self.reorder(proxy, "properties", "name"));
        each(task, "containerDefinitions", |container| self.task_container(container, shares_ports));
        each(task, "volumes", |volume| {
            part(volume, "dockerVolumeConfiguration", |docker| {
                self.fill(docker, "scope", "task");
                self.fill(docker, "autoprovision", false);
            });
            self.volume(volume);
        });
    }

    fn task_container(&mut self, container: &mut Object, shares_ports: bool) {
        self.fill(container, "cpu", 0);
        self.fill(container, "essential", true);
        self.fill(container, "versionConsistency", "enabled");
        self.names(container);
        each(container, "volumesFrom", |from| self.fill(from, "readOnly", false));
        each(container, "portMappings", |port| {
            self.fill(port, "protocol", "tcp");
            if port.get("hostPort").is_some_and(|it| *it == 0) {
                port.remove("hostPort");
            }
            let same = port.get("containerPort").cloned().filter(|_| shares_ports);
            self.fill(port, "hostPort", same.unwrap_or(json!(0)));
        });
        part(container, "healthCheck", |check| {
            for (field, default) in [("interval", 30), ("retries", 3), ("timeout", 5)] {
                self.fill(check, field, default);
            }
        });
        part(container, "restartPolicy", |policy| self.fill(policy, "restartAttemptPeriod", 300));
    }

    /// What a container of either service has.
    fn names(&mut self, container: &mut Object) {
        self.reorder(container, "environment", "name");
        self.reorder(container, "secrets", "name");
        part(container, "logConfiguration", |log| self.reorder(log, "secretOptions", "name"));
        each(container, "mountPoints", |mount| self.fill(mount, "readOnly", false));
    }

    fn volume(&mut self, volume: &mut Object) {
        part(volume, "efsVolumeConfiguration", |efs| {
            self.fill(efs, "rootDirectory", "/");
            self.fill(efs, "transitEncryption", "DISABLED");
            self.fill_in(efs, "authorizationConfig", "iam", "DISABLED");
        });
        part(volume, "s3filesVolumeConfiguration", |files| self.fill(files, "rootDirectory", "/"));
    }

    fn job_definition(&mut self, job: &mut Object) {
        self.fill(job, "propagateTags", false);
        self.fill(job, "platformCapabilities", json!(["EC2"]));
        self.reorder(job, "platformCapabilities", "");
        with_items(job, "platformCapabilities", Vec::dedup);
        part(job, "retryStrategy", |retry| {
            each(retry, "evaluateOnExit", |exit| rewrite(exit, "action", |it| Some(it.to_lowercase())));
        });
        part(job, "containerProperties", |container| self.lone_container(container));
        part(job, "ecsProperties", |ecs| each(ecs, "taskProperties", |task| self.task(task)));
        part(job, "nodeProperties", |nodes| {
            each(nodes, "nodeRangeProperties", |node| {
                rewrite(node, "targetNodes", |it| it.strip_prefix(':').map(|end| format!("0:{end}")));
                part(node, "container", |container| self.lone_container(container));
                part(node, "ecsProperties", |ecs| each(ecs, "taskProperties", |task| self.task(task)));
            });
        });
    }

    fn lone_container(&mut self, container: &mut Object) {
        self.fill_in(container, "fargatePlatformConfiguration", "platformVersion", "LATEST");
        self.fill(container, "privileged", false);
        self.job_container(container);
        self.runnable(container);
    }

    fn task(&mut self, task: &mut Object) {
        self.fill(task, "platformVersion", "LATEST");
        self.fill(task, "networkMode", "host");
        self.reorder(task, "containers", "name");
        each(task, "containers", |container| {
            self.fill(container, "essential", true);
            self.job_container(container);
        });
        self.runnable(task);
    }

    fn job_container(&mut self, container: &mut Object) {
        with_items(container, "environment", |it| it.retain(|it| it.get("value").is_some_and(|value| value != "")));
        self.names(container);
        self.reorder(container, "resourceRequirements", "type");
        if self.chance.is_none() {
            // AWS gives these back as they were sent, and reads them as numbers.
            each(container, "resourceRequirements", |it| {
                rewrite(it, "value", |it| it.parse::<f64>().ok().map(|it| it.to_string()))
            });
        }
        part(container, "linuxParameters", |linux| {
            each(linux, "devices", |device| {
                let path = device.get("hostPath").cloned().unwrap_or_default();
                self.fill(device, "containerPath", path);
            });
        });
    }

    fn runnable(&mut self, runnable: &mut Object) {
        self.fill_in(runnable, "networkConfiguration", "assignPublicIp", "DISABLED");
        self.reorder(runnable, "volumes", "name");
        each(runnable, "volumes", |volume| self.volume(volume));
    }

    /// Gives objects some of the lists and objects that they lack, empty, and some nulls.
    pub(super) fn add_empties(&mut self, schema: &Value, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.add_empties(&schema["items"], item)),
            Value::Object(object) => {
                for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                    match (object.get_mut(name), schema["type"].as_str()) {
                        (Some(value), _) => self.add_empties(schema, value),
                        (None, Some("array")) => self.fill(object, name, json!([])),
                        (None, Some("object")) => self.fill(object, name, json!({})),
                        (None, _) => self.fill(object, name, Value::Null),
                    }
                }
            }
            _ => {}
        }
    }
}

fn with_items(object: &mut Object, list: &str, act: impl FnOnce(&mut Vec<Value>)) {
    object.get_mut(list).and_then(Value::as_array_mut).map(act);
}

pub(super) fn each(object: &mut Object, list: &str, mut act: impl FnMut(&mut Object)) {
    let items = object.get_mut(list).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut).for_each(&mut act);
}

pub(super) fn part(object: &mut Object, field: &str, act: impl FnOnce(&mut Object)) {
    object.get_mut(field).and_then(Value::as_object_mut).map(act);
}

pub(super) fn rewrite(object: &mut Object, field: &str, new: impl Fn(&str) -> Option<String>) {
    if let Some(value) = object.get_mut(field)
        && let Some(new) = value.as_str().and_then(new)
    {
        *value = new.into();
    }
}

fn times_1024(text: &str, unit: &str) -> Option<String> {
    let number: f64 = text.to_lowercase().strip_suffix(unit)?.trim().parse().ok()?;
    Some((number * 1024.0).to_string())
}

fn without_empties(value: &Value) -> Value {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    match value {
        Value::Array(items) => items.iter().map(without_empties).filter(says).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, it)| (name.clone(), without_empties(it))).filter(|(_, it)| says(it)).collect()
        }
        scalar => scalar.clone(),
    }
}
