//! Where tasks run, as far as the definition says it, and what that means for pulling with a credential.

use super::{Task, items, root, text};
use crate::problem::Problem;
use crate::resource::normalise::DefinitionKind;
use crate::resource::service::{FIRST_PLATFORM, is_older};
use serde_json::Value;

pub(super) fn check(
    kind: DefinitionKind,
    tasks: &[Task],
    credentials: &[(String, String)],
    hosts_are_looked_at: bool,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let mut warnings = vec![];
    for task in tasks {
        let family = task.object.get("runtimePlatform").and_then(|it| it.get("operatingSystemFamily")).and_then(Value::as_str);
        match family.filter(|family| family.starts_with("WINDOWS")) {
            // Windows has platform versions of its own, from 1.0.0 (AWS: Fargate platform versions for Windows).
            Some(family) => warnings.push(format!(
                "{}.runtimePlatform.operatingSystemFamily: {family}: base layers of Windows images may be foreign layers, which come from Microsoft's registry: tasks need a network path there, unless the image was pushed with them",
                task.field
            )),
            None => warnings.extend(check_platform(task, credentials, problems)),
        }
    }
    // AWS: private registry authentication for tasks. Fargate has no agents to look after.
    let hosts = tasks.iter().flat_map(|task| items(&task.object, "requiresCompatibilities"));
    let hosts: Vec<&str> = hosts.filter_map(Value::as_str).filter(|host| ["EC2", "EXTERNAL"].contains(host)).collect();
    if !hosts.is_empty() && !credentials.is_empty() && !hosts_are_looked_at {
        warnings.push(format!(
            "{}.requiresCompatibilities: {}: not checked here: to pull with credentials the ECS agents must be 1.19.0 or newer",
            root(kind),
            hosts.join(", ")
        ));
    }
    warnings
}

/// The platform version is part of a job definition; in ECS it is the service's.
fn check_platform(task: &Task, credentials: &[(String, String)], problems: &mut Vec<Problem>) -> Option<String> {
    let lone = task.object.get("fargatePlatformConfiguration").and_then(Value::as_object);
    let (field, version) = match lone.and_then(|lone| text(lone, "platformVersion")) {
        Some(version) => (format!("{}.fargatePlatformConfiguration.platformVersion", task.field), version),
        None => (format!("{}.platformVersion", task.field), text(&task.object, "platformVersion")?),
    };
    if !is_older(version, FIRST_PLATFORM) {
        return None;
    }
    let rule = "Fargate pulls with credentials from platform version 1.2.0 on";
    let inside = |path: &str| path.strip_prefix(&task.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if credentials.iter().any(|(path, _)| inside(path)) {
        problems.push(Problem::spec(field, version, rule, "leave it out, or write LATEST"));
        return None;
    }
    Some(format!("{field}: {version}: {rule}, and AWS no longer offers this version"))
}
