//! What a definition leads its tasks to: secrets, parameters, objects, logs, images and roles, in whatever field and shape they
//! are named. Fences and the execution role's policy both go by this one list.

use super::arn::{Arn, partition_of};
use super::definition::{containers, visit_objects};
use super::grants::{CREATE_LOG_GROUP, PULL, Permission, READ_OBJECT, READ_PARAMETER, READ_SECRET, WRITE_LOGS};
use super::image::Image;
use super::normalise::DefinitionKind;
use crate::api::NeedStatus;
use serde_json::{Map, Value};

/// Where a definition lives: what it names without an ARN is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// `aws`, `aws-cn`, …
    pub partition: &'a str,
    /// Region.
    pub region: &'a str,
    /// Account, 12 digits.
    pub account_id: &'a str,
}

/// One thing that a definition names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Path of the field in the definition.
    pub path: String,
    /// What it names.
    pub thing: Thing,
}

/// What can be named, each by its ARN. One that is malformed stands as it is written: no fence admits it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A secret that containers read, without `:json-key:version-stage:version-id`. Partial, where a parameter refers to it.
    Secret(String),
    /// An SSM parameter.
    Parameter(String),
    /// An S3 object.
    Object(String),
    /// A log group that is written to.
    LogGroup(String),
    /// A log group that is made where it does not exist.
    NewLogGroup(String),
    /// An ECR repository that is pulled from.
    Repository(String),
    /// A role that containers run as.
    TaskRole(String),
}

/// The name under which a parameter stands for a secret (AWS: Systems Manager, referencing Secrets Manager secrets).
const SECRET_PARAMETER: &str = "/aws/reference/secretsmanager/";
/// The log group of Batch where a job definition names none (AWS: Batch, using the awslogs log driver).
const BATCH_LOG_GROUP: &str = "/aws/batch/job";

impl Thing {
    /// What the execution role needs for it; nothing for what other roles see to, or what is no ARN of its kind.
    pub fn permission(&self) -> Option<Permission> {
        let is = |arn: &String, service: &str| Arn::parse(arn).is_ok_and(|arn| arn.service == service);
        match self {
            Self::Secret(arn) => Arn::parse(arn).ok().filter(|arn| arn.secret_name().is_some()).map(|parsed| {
                let suffix = if parsed.is_full_secret() { "" } else { "-??????" };
                Permission::ReadSecret(format!("{arn}{suffix}"))
            }),
            Self::Parameter(arn) => is(arn, "ssm").then(|| Permission::ReadParameter(arn.clone())),
            Self::Object(arn) => is(arn, "s3").then(|| Permission::ReadObject(arn.clone())),
            Self::LogGroup(arn) => is_log_group(arn).then(|| Permission::WriteLogs(format!("{arn}:*"))),
            Self::NewLogGroup(arn) => is_log_group(arn).then(|| Permission::CreateLogGroup(format!("{arn}:*"))),
            Self::Repository(arn) => Some(Permission::PullImage(arn.clone())),
            Self::TaskRole(_) => None,
        }
    }

    /// As a status records what a revision needs; the other way round is [`Thing::recorded`].
    pub fn need(&self) -> Option<NeedStatus> {
        let (action, resource) = match self {
            Self::Secret(arn) => (READ_SECRET, arn),
            Self::Parameter(arn) => (READ_PARAMETER, arn),
            Self::Object(arn) => (READ_OBJECT, arn),
            Self::LogGroup(arn) => (WRITE_LOGS, arn),
            Self::NewLogGroup(arn) => (CREATE_LOG_GROUP, arn),
            Self::Repository(arn) => (PULL, arn),
            Self::TaskRole(_) => return None,
        };
        Some(NeedStatus { action: action[0].to_owned(), resource: resource.clone() })
    }

    /// What a status says that a revision needs.
    pub fn recorded(need: &NeedStatus) -> Option<Self> {
        let arn = Arn::parse(&need.resource).ok()?.to_string();
        let kinds = [Self::Secret, Self::Parameter, Self::Object, Self::LogGroup, Self::NewLogGroup, Self::Repository];
        let mut things = kinds.into_iter().map(|make| make(arn.clone()));
        things.find(|thing| thing.need().is_some_and(|own| own.action == need.action))
    }

    /// Whether the managed policy for task execution roles grants it (AWS: task execution role, rule 31).
    pub fn is_of_managed_policy(&self) -> bool {
        matches!(self, Self::LogGroup(_) | Self::Repository(_))
    }
}

/// Everything that a definition names, in the order of its fields.
pub fn uses(kind: DefinitionKind, document: &Value, place: Place) -> Vec<Use> {
    let logs_by_default = kind == DefinitionKind::JobDefinition && is_for_fargate(document);
    let mut found = Found { place, logs_by_default, uses: vec![] };
    for (path, container) in containers(kind, document) {
        found.container(kind, &path, &container);
    }
    visit_objects(document, &mut |path, object| found.anywhere(path, object));
    found.uses
}

/// Whether jobs of a definition run on Fargate; on EC2 is the default (AWS: Batch API, RegisterJobDefinition, platformCapabilities).
fn is_for_fargate(job: &Value) -> bool {
    let capabilities = job.get("platformCapabilities").and_then(Value::as_array);
    capabilities.into_iter().flatten().any(|capability| capability == "FARGATE")
}

struct Found<'a> {
    place: Place<'a>,
    /// Whether containers that name no log driver write to CloudWatch with the execution role.
    logs_by_default: bool,
    uses: Vec<Use>,
}

impl Found<'_> {
    fn add(&mut self, path: String, thing: Thing) {
        self.uses.push(Use { path, thing });
    }

    fn container(&mut self, kind: DefinitionKind, path: &str, container: &Map<String, Value>) {
        let at = |field: &str| join(path, field);
        for (index, secret) in items(container, "secrets") {
            self.parameter_or_secret(at(&format!("secrets[{index}].valueFrom")), text(secret, "valueFrom"));
        }
        for (index, file) in items(container, "environmentFiles") {
            self.add(at(&format!("environmentFiles[{index}].value")), Thing::Object(text(file, "value").to_owned()));
        }
        // Windows containers take the second, too (AWS: ECS API, ContainerDefinition.credentialSpecs and dockerSecurityOptions).
        for list in ["credentialSpecs", "dockerSecurityOptions"] {
            for (index, value) in items(container, list) {
                self.credential_spec(at(&format!("{list}[{index}]")), value.as_str().unwrap_or_default());
            }
        }
        let options = container.get("firelensConfiguration").and_then(|it| it.get("options"));
        if let Some(options) = options.filter(|options| text(options, "config-file-type") == "s3") {
            let field = at("firelensConfiguration.options.config-file-value");
            self.add(field, Thing::Object(text(options, "config-file-value").to_owned()));
        }
        self.logs(kind, path, container.get("logConfiguration"));
        let image = container.get("image").and_then(Value::as_str).and_then(|image| Image::parse(image).ok());
        if let Some((account, region, repository)) = image.as_ref().and_then(Image::ecr_repository) {
            let partition = partition_of(&region).unwrap_or(self.place.partition);
            self.add(at("image"), Thing::Repository(format!("arn:{partition}:ecr:{region}:{account}:repository/{repository}")));
        }
    }

    /// The driver is `awslogs` in Batch where none is named (AWS: Batch API, LogConfiguration). On EC2 the host's Docker daemon then
    /// writes with the instance's credentials, so the execution role needs nothing for it.
    fn logs(&mut self, kind: DefinitionKind, path: &str, logs: Option<&Value>) {
        let is_batch = kind == DefinitionKind::JobDefinition;
        let driver = logs.map_or("", |logs| text(logs, "logDriver"));
        if driver == "awslogs" || (self.logs_by_default && driver.is_empty()) {
            let options = logs.and_then(|logs| logs.get("options"));
            let option = |name: &str| options.map_or("", |options| text(options, name));
            let group = match (option("awslogs-group"), is_batch) {
                ("", true) => BATCH_LOG_GROUP,
                (group, _) => group,
            };
            let region = Some(option("awslogs-region")).filter(|region| !region.is_empty()).unwrap_or(self.place.region);
            let arn = format!("arn:{}:logs:{region}:{}:log-group:{group}", self.place.partition, self.place.account_id);
            let field = join(path, "logConfiguration.options.awslogs-group");
            self.add(field.clone(), Thing::LogGroup(arn.clone()));
            if option("awslogs-create-group") == "true" {
                self.add(field, Thing::NewLogGroup(arn));
            }
        }
        for (index, secret) in logs.and_then(Value::as_object).into_iter().flat_map(|logs| items(logs, "secretOptions")) {
            let field = join(path, &format!("logConfiguration.secretOptions[{index}].valueFrom"));
            self.parameter_or_secret(field, text(secret, "valueFrom"));
        }
    }

    /// What stands outside of containers as well: task and job roles, and the login of an FSx volume.
    fn anywhere(&mut self, path: &str, object: &Map<String, Value>) {
        for name in ["taskRoleArn", "jobRoleArn"] {
            if let Some(arn) = object.get(name).and_then(Value::as_str) {
                self.add(join(path, name), Thing::TaskRole(arn.to_owned()));
            }
        }
        let volume = object.get("fsxWindowsFileServerVolumeConfiguration").and_then(|it| it.get("authorizationConfig"));
        if let Some(login) = volume.map(|login| text(login, "credentialsParameter")) {
            let field = "fsxWindowsFileServerVolumeConfiguration.authorizationConfig.credentialsParameter";
            self.parameter_or_secret(join(path, field), login);
        }
    }

    /// A secret is named by its ARN; what is no ARN is a parameter's name (AWS: ECS API, Secret.valueFrom).
    fn parameter_or_secret(&mut self, path: String, value: &str) {
        if let Some(arn) = Arn::parse(value).ok().filter(|arn| arn.secret_name().is_some()) {
            let name = arn.secret_name().unwrap_or_default();
            let secret = Arn { resource: format!("secret:{name}"), ..arn.clone() };
            return self.add(path, Thing::Secret(secret.to_string()));
        }
        let Place { partition, region, account_id } = self.place;
        let slash = if value.starts_with('/') { "" } else { "/" };
        let arn = match value.starts_with("arn:") {
            true => value.to_owned(),
            false => format!("arn:{partition}:ssm:{region}:{account_id}:parameter{slash}{value}"),
        };
        if let Some((parameter, name)) =
            Arn::parse(&arn).ok().and_then(|arn| referred_secret(&arn).map(|name| (arn.clone(), name)))
        {
            let secret = Arn { service: "secretsmanager".to_owned(), resource: format!("secret:{name}"), ..parameter };
            self.add(path.clone(), Thing::Secret(secret.to_string()));
        }
        self.add(path, Thing::Parameter(arn));
    }

    /// `credentialspec:` or `credentialspecdomainless:` with an ARN of S3 or SSM; a file of the host needs no permission.
    fn credential_spec(&mut self, path: String, value: &str) {
        let Some((_, place)) = value.split_once(':').filter(|(word, _)| word.starts_with("credentialspec")) else { return };
        match place.starts_with("arn:") {
            true if place.split(':').nth(2) == Some("s3") => self.add(path, Thing::Object(place.to_owned())),
            true => self.parameter_or_secret(path, place),
            false => {}
        }
    }
}

/// The name of the secret that a parameter stands for.
fn referred_secret(parameter: &Arn) -> Option<String> {
    let name = parameter.resource.strip_prefix("parameter").filter(|_| parameter.service == "ssm")?;
    name.strip_prefix(SECRET_PARAMETER).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Whether this is the ARN of a log group (AWS: CloudWatch Logs API, CreateLogGroup, logGroupName).
fn is_log_group(arn: &str) -> bool {
    let Ok(arn) = Arn::parse(arn) else { return false };
    let name = arn.resource.strip_prefix("log-group:").unwrap_or_default();
    let named = (1..=512).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-/.#".contains(&b));
    named && partition_of(&arn.region).is_some()
}

fn items<'a>(object: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    object.get(name).and_then(Value::as_array).into_iter().flatten().enumerate()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn join(left: &str, right: &str) -> String {
    if left.is_empty() { right.to_owned() } else { format!("{left}.{right}") }
}

#[cfg(test)]
mod tests;
