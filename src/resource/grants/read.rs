//! A policy read back as permissions.

use super::*;

impl Grants {
    /// Reads back what a document grants, however it is spelt: also AWS's own sample, which has both actions in one statement
    /// (AWS: private registry authentication, rule 18), and what earlier versions wrote. None if it holds anything else, be it one
    /// wildcard.
    pub fn from_policy(document: &Value) -> Option<Self> {
        let Value::Object(elements) = canonical(document) else { return None };
        let Some(Value::Array(statements)) = elements.get("Statement") else { return None };
        let versioned = elements.get("Version").is_some_and(|version| version == VERSION || version == DEFAULT_VERSION);
        if elements.len() != 2 || !versioned {
            return None;
        }
        statements.iter().try_fold(Self::default(), |grants, statement| Some(grants.union(&from_statement(statement)?)))
    }

    /// What those statements grant that [`Grants::from_policy`] would understand alone; others are passed over.
    pub fn understood_in(document: &Value) -> Self {
        let Value::Object(elements) = canonical(document) else { return Self::default() };
        let statements = elements.get("Statement").and_then(Value::as_array);
        let each = statements.into_iter().flatten().filter_map(from_statement);
        each.fold(Self::default(), |grants, statement| grants.union(&statement))
    }
}

/// A list of texts under a name.
fn texts<'a>(object: &'a Map<String, Value>, name: &str) -> Option<Vec<&'a str>> {
    object.get(name)?.as_array()?.iter().map(Value::as_str).collect()
}

/// One statement in its canonical form.
fn from_statement(statement: &Value) -> Option<Grants> {
    let statement = statement.as_object()?;
    let (actions, resources) = (texts(statement, "Action")?, texts(statement, "Resource")?);
    if statement.get("Effect")? != "Allow"
        || statement.keys().any(|key| !["Effect", "Action", "Resource", "Condition"].contains(&key.as_str()))
    {
        return None;
    }
    let condition = match statement.get("Condition").and_then(Value::as_object) {
        None => None,
        Some(operators) if operators.len() == 1 => Some(operators.get("stringequals")?.as_object()?),
        Some(_) => return None,
    };
    let is = |wanted: &[&str]| {
        actions.len() == wanted.len() && wanted.iter().all(|action| actions.contains(&action.to_lowercase().as_str()))
    };
    match condition {
        Some(condition) if is(DECRYPT) => decryptions(&resources, condition),
        Some(condition) if is(PULL) => {
            let known = condition.keys().all(|key| ["aws:sourcevpc", "aws:sourcevpce"].contains(&key.as_str()));
            known.then(|| resources.iter().map(|arn| Permission::PullImage((*arn).to_owned())).collect())
        }
        Some(_) => None,
        None if is(SIGN_IN) => (resources == ["*"]).then(Grants::default),
        None if is(LOCATE_BUCKET) => Some(Grants::default()), // goes with the objects
        None => resources.into_iter().map(|resource| permission(&is, &actions, resource)).collect(),
    }
}

/// What a statement without conditions grants on one resource.
fn permission(is: &impl Fn(&[&str]) -> bool, actions: &[&str], resource: &str) -> Option<Permission> {
    let named = resource.strip_suffix("-??????").or(resource.strip_suffix(":*")).unwrap_or(resource);
    if named.contains(['*', '?', '$']) {
        return None;
    }
    let arn = Arn::parse(named).ok()?;
    let whole = resource.to_owned();
    if is(READ_PARAMETER) && arn.service == "ssm" {
        return Some(Permission::ReadParameter(whole));
    }
    if is(READ_OBJECT) && arn.service == "s3" {
        return Some(Permission::ReadObject(whole));
    }
    if is(CREATE_LOG_GROUP) && arn.service == "logs" {
        return Some(Permission::CreateLogGroup(whole));
    }
    if is(WRITE_LOGS) && arn.service == "logs" {
        return Some(Permission::WriteLogs(whole));
    }
    if is(PULL) && arn.service == "ecr" {
        return Some(Permission::PullImage(whole));
    }
    let lower = |names: &[&str]| names.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>();
    let (read, decrypt) = (lower(READ_SECRET), lower(DECRYPT));
    let named = |wanted: &[String]| actions.iter().any(|action| wanted.iter().any(|one| one == action));
    if !actions.iter().all(|action| read.iter().chain(&decrypt).any(|one| one == action)) {
        return None;
    }
    if named(&read) && arn.secret_name().is_some() {
        return Some(Permission::ReadSecret(whole));
    }
    let is_key = named(&decrypt) && arn.service == "kms" && arn.resource.starts_with("key/");
    is_key.then_some(Permission::Decrypt(Decryption { key: whole, via: None, of: None }))
}

/// `kms:Decrypt` through one service, of what its encryption context lists.
fn decryptions(keys: &[&str], condition: &Map<String, Value>) -> Option<Grants> {
    let [via] = texts(condition, "kms:viaservice")?[..] else { return None };
    if keys.iter().any(|key| key.contains(['*', '?', '$'])) {
        return None;
    }
    let (context, _) = context_of(Some(via));
    let context = context.to_lowercase();
    let of = match condition.len() {
        1 => vec![None],
        2 => texts(condition, &context)?.into_iter().map(Some).collect(),
        _ => return None,
    };
    let each = keys.iter().flat_map(|key| {
        of.iter().map(|of| {
            let decryption = Decryption { key: (*key).to_owned(), via: Some(via.to_owned()), of: of.map(str::to_owned) };
            Permission::Decrypt(decryption)
        })
    });
    Some(each.collect())
}
