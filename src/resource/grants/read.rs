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

    /// What a policy of ours grants, as far as it is understood, and what is not. `pulls` = where pulls are to come from.
    pub fn held_in(document: &Value, pulls: &PullSources) -> Held {
        let mut held = Held::default();
        for statement in statements(document) {
            held.add(statement, pulls);
        }
        held
    }
}

/// What stays of a policy while it is not known who needs it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Held {
    /// What is understood.
    pub grants: Grants,
    /// What is not, word for word: a newer version may have written it, or somebody by hand; but nothing boundless. Pulls that must come from elsewhere
    /// are here as well: as permissions they would take the place that pulls come from now, or none.
    pub statements: Vec<Value>,
}

impl Held {
    fn add(&mut self, statement: &Value, pulls: &PullSources) {
        let sid = statement.get("Sid").and_then(Value::as_str).unwrap_or_default();
        let mut canonical = canonical_statement(statement);
        let own = actions_of(sid);
        if let Some(actions) = own {
            canonical["Action"] = actions.iter().map(|action| action.to_lowercase()).collect();
        }
        let condition = canonical.get("Condition").cloned();
        match (own, condition) {
            (_, Some(condition)) if is_pull(&canonical) && pull_sources(&condition).as_ref() != Some(pulls) => {
                let mut statement = statement.clone();
                statement["Sid"] = json!(format!("{PULL_SID}{}", short_hash(&condition.to_string(), 8)));
                self.statements.push(statement);
            }
            (Some(actions), condition) => {
                if actions != PULL && actions != DECRYPT && condition.is_some() {
                    canonical.as_object_mut().and_then(|statement| statement.remove("Condition"));
                }
                self.grants = understood(&canonical).fold(self.grants.clone(), |all, one| all.union(&one));
            }
            (None, _) => match from_statement(&canonical) {
                Some(grants) => self.grants = self.grants.union(&grants),
                None if is_boundless(&canonical) => {}
                None => self.statements.push(statement.clone()),
            },
        }
    }
}

impl PullSources {
    /// Where the pulls of a policy must come from, if it says so.
    pub fn in_policy(document: &Value) -> Option<Self> {
        let mut canonical = statements(document).map(canonical_statement);
        canonical.find_map(|statement| pull_sources(statement.get("Condition").filter(|_| is_pull(&statement))?))
    }
}

/// What a statement of ours grants on each of its resources that is as we would write it: what was added to it by hand is left out.
fn understood(statement: &Value) -> impl Iterator<Item = Grants> {
    let resources = statement.get("Resource").and_then(Value::as_array);
    resources.into_iter().flatten().filter_map(|resource| {
        let mut one = statement.clone();
        one["Resource"] = json!([resource]);
        from_statement(&one)
    })
}

fn statements(document: &Value) -> impl Iterator<Item = &Value> {
    let (list, one) = match document.get("Statement") {
        Some(Value::Array(list)) => (Some(list), None),
        one => (None, one),
    };
    list.into_iter().flatten().chain(one).filter(|statement| statement.is_object())
}

/// Whether a statement allows whatever is not named, or actions that only a pattern names: no version of ours writes that.
fn is_boundless(statement: &Value) -> bool {
    let actions = statement.as_object().and_then(|it| texts(it, "Action"));
    let named = actions.is_some_and(|actions| !actions.iter().any(|action| action.contains(['*', '?'])));
    statement.get("Effect").is_none_or(|effect| effect != "Deny") && !(named && statement.get("Resource").is_some())
}

fn is_pull(statement: &Value) -> bool {
    let actions: Option<BTreeSet<String>> =
        statement.as_object().and_then(|it| Some(texts(it, "Action")?.into_iter().map(str::to_lowercase).collect()));
    actions == Some(PULL.iter().map(|action| action.to_lowercase()).collect())
}

/// The condition on pulls, in its canonical form.
fn pull_sources(condition: &Value) -> Option<PullSources> {
    let operators = condition.as_object().filter(|operators| operators.len() == 1)?;
    let keys = operators.get("stringequals")?.as_object()?;
    let ids = |key: &str| texts(keys, key).into_iter().flatten().map(str::to_owned).collect();
    let known = keys.keys().all(|key| [SOURCE_VPC, SOURCE_ENDPOINT].contains(&key.as_str()));
    known.then(|| PullSources { vpc_ids: ids(SOURCE_VPC), vpc_endpoint_ids: ids(SOURCE_ENDPOINT) })
}

const SOURCE_VPC: &str = "aws:sourcevpc";
const SOURCE_ENDPOINT: &str = "aws:sourcevpce";

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
            let known = condition.keys().all(|key| [SOURCE_VPC, SOURCE_ENDPOINT].contains(&key.as_str()));
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
