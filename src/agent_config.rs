//! The logins of workloads' Secrets as configuration of the ECS agent, for container instances on EC2: what it pulls with where
//! a container has no `repositoryCredentials`.
//!
//! Pure. The agent knows two forms (Amazon ECS Developer Guide, "Authenticating to private registries on container instances";
//! ECS agent, dockerauth.go), each with all registries in one object.

use crate::api::{Credential, PrivateImageWorkload};
use crate::inputs::{GIVE_SECRET, Source};
use crate::problem::Problem;
use crate::resource::image::{Image, Registry};
use crate::resource::login::{self, Login, Logins};
use crate::resource::sealed::Sealed;
use crate::status::Reason;
use base64::{Engine, engine::general_purpose::STANDARD};
use clap::ValueEnum;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The one key that the agent has for Docker Hub, by whatever name and path.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// `ECS_ENGINE_AUTH_TYPE`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum AuthType {
    /// `username` and `password` for each registry.
    #[default]
    Docker,
    /// `auth` for each registry: base64 of both.
    Dockercfg,
}

/// The logins by the agent's key, each with the Secret that it is from.
#[derive(Debug, Default)]
pub struct AgentConfig {
    logins: BTreeMap<String, (Login, String)>,
    /// What was left out, and why.
    pub warnings: Vec<String>,
}

impl AgentConfig {
    /// The two lines for `/etc/ecs/ecs.config`; unless `revealed`, with `[sealed]` in place of each login. An error names the
    /// login that the form cannot hold.
    pub fn lines(&self, auth: AuthType, revealed: bool) -> Result<Sealed, Problem> {
        let mut data = Map::new();
        for (key, (login, secret)) in &self.logins {
            let (username, password) = (login.username(), login.password());
            let shown = |text: &str| if revealed { text.to_owned() } else { password.to_string() };
            let entry = match auth {
                AuthType::Docker => json!({ "username": shown(username), "password": shown(password.reveal()) }),
                AuthType::Dockercfg if username.contains(':') => {
                    let rule = format!("its user name for {key} has a colon, at which `dockercfg` would cut it");
                    let field = format!("Secret {secret}");
                    return Err(Problem::of(Reason::SecretSourceInvalid, field, "", rule, "take --type docker"));
                }
                AuthType::Dockercfg => {
                    json!({ "auth": shown(&STANDARD.encode(format!("{username}:{}", password.reveal()))) })
                }
            };
            data.insert(key.clone(), entry);
        }
        let name = match auth {
            AuthType::Docker => "docker",
            AuthType::Dockercfg => "dockercfg",
        };
        Ok(Sealed::new(format!("ECS_ENGINE_AUTH_TYPE={name}\nECS_ENGINE_AUTH_DATA={}\n", Value::Object(data))))
    }

    fn add(&mut self, registry: &Registry, login: &Login, secret: &str, problems: &mut Vec<Problem>) {
        if registry.is_ecr() || registry.is_pattern() {
            let why = if registry.is_ecr() { "the agent logs in to Amazon ECR by itself" } else { "the agent knows no patterns" };
            return self.warn(format!("Secret {secret}: the login for {registry} is left out: {why}"));
        }
        let key = if registry.host() == "docker.io" { DOCKER_HUB.to_owned() } else { registry.to_string() };
        match self.logins.get(&key) {
            Some((other, first)) if other != login => {
                let rule = format!("it and Secret {first} hold different logins for {key}, and the agent takes one");
                let remedy = "leave one of them out of these files";
                problems.push(Problem::of(Reason::SecretSourceInvalid, format!("Secret {secret}"), "", rule, remedy));
            }
            _ => drop(self.logins.insert(key, (login.clone(), secret.to_owned()))),
        }
    }

    /// Workloads share Secrets, so what is said of one is said once.
    fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// The logins of all the Secrets that the workloads name, or all that is wrong with them. `secrets` = what is known, by
/// namespace and name.
pub fn agent_config(
    workloads: &[Arc<PrivateImageWorkload>],
    secrets: &BTreeMap<(String, String), Source>,
) -> Result<AgentConfig, Vec<Problem>> {
    let (mut config, mut problems) = (AgentConfig::default(), vec![]);
    for workload in workloads {
        let (namespace, name) = (workload.metadata.namespace.clone().unwrap_or_default(), workload.metadata.name.clone());
        for (index, credential) in workload.spec.credentials.iter().enumerate() {
            let field = format!("{namespace}/{}, spec.credentials[{index}]", name.as_deref().unwrap_or_default());
            let Some(reference) = &credential.secret_ref else {
                config.warn(format!("{field} is left out: it names a secret in AWS, which is not read here"));
                continue;
            };
            let secret = format!("{namespace}/{}", reference.name);
            let found = match secrets.get(&(namespace.clone(), reference.name.clone())) {
                Some(Source::Found(Ok(logins))) => take(&mut config, workload, credential, logins, &secret, &mut problems),
                Some(Source::Found(Err(error))) => Err((error.to_string(), "mend the Secret")),
                _ => Err((format!("Secret {secret} is not in these files"), GIVE_SECRET)),
            };
            if let Err((rule, remedy)) = found {
                problems.push(Problem::of(Reason::SecretSourceInvalid, field, "", rule, remedy));
            }
        }
    }
    if config.logins.is_empty() && problems.is_empty() {
        let remedy = "name a Secret in spec.credentials";
        problems.push(Problem::spec("spec.credentials", "", "no workload of these files has a login for the agent", remedy));
    }
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// Adds what one credential has; an error is the broken rule and the remedy.
fn take(
    config: &mut AgentConfig,
    workload: &PrivateImageWorkload,
    credential: &Credential,
    logins: &Logins,
    secret: &str,
    problems: &mut Vec<Problem>,
) -> Result<(), (String, &'static str)> {
    let written = credential.registry.as_deref().map(Registry::parse).transpose();
    let wanted = written.map_err(|error| (error.to_string(), "write HOST or HOST/PATH"))?;
    match (wanted, logins) {
        (Some(wanted), _) => match login::select_for(logins, &wanted) {
            Ok(Some((_, login))) => config.add(&wanted, login, secret, problems),
            Ok(None) => return Err((format!("Secret {secret} has no entry for {wanted}"), "add one to it")),
            Err(error) => return Err((error.to_string(), "mend the Secret")),
        },
        (None, Logins::Any(login)) => {
            let image = workload.spec.image.as_deref().and_then(|image| Image::parse(image).ok());
            let remedy = "set `registry` on this credential";
            let image = image.ok_or_else(|| (format!("Secret {secret} names no registry"), remedy))?;
            config.add(&Registry::of(&image), login, secret, problems);
        }
        (None, Logins::ByRegistry(entries)) => {
            for (registry, login) in entries {
                match login {
                    Ok(login) => config.add(registry, login, secret, problems),
                    Err(error) => config.warn(format!("Secret {secret}: the login for {registry} is left out: {error}")),
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
