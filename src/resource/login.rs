//! Registry logins out of a Kubernetes Secret, and the one that serves an image.
//!
//! Pure. Deliberately absent: any byte of a Secret's content in an error. Errors say where and what is wrong, never what stood
//! there; the JSON parser's own messages are dropped for that reason. Nothing is trimmed or repaired: a password is used as it
//! is.

mod stored;

use std::{collections::BTreeMap, fmt};

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    image::{Image, Registry},
    sealed::Sealed,
};

pub(crate) const CONFIG_JSON: (&str, &str) = ("kubernetes.io/dockerconfigjson", ".dockerconfigjson");
const DOCKERCFG: (&str, &str) = ("kubernetes.io/dockercfg", ".dockercfg");
const BASIC_AUTH: &str = "kubernetes.io/basic-auth";
const USERNAME: &str = "username";
const PASSWORD: &str = "password";

/// The longest value of a secret, in bytes (AWS: Secrets Manager quotas).
const MAX_VALUE_BYTES: usize = 65_536;

const REMEDY: &str = "`kubectl create secret docker-registry NAME --docker-server=HOST --docker-username=USER \
                      --docker-password=PASSWORD` makes a right one";

/// Standard base64 with or without padding, as kubelet takes it.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// A user name and a password, both non-empty: all that ECS passes on to a registry (AWS: private registry authentication,
/// secret format; ECS agent, asm.go).
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    username: String,
    password: Sealed,
}

impl Login {
    /// The user name. Some registries take a token here, so it is not printed by `Debug`.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The password.
    pub fn password(&self) -> &Sealed {
        &self.password
    }

    /// The secret's value in AWS, to the byte: `{"username":…,"password":…}` (AWS: private registry authentication, rule 19).
    pub fn secret_string(&self) -> Sealed {
        let quoted = |text: &str| Value::from(text).to_string();
        let (username, password) = (quoted(&self.username), quoted(self.password.reveal()));
        Sealed::new(format!("{{\"{USERNAME}\":{username},\"{PASSWORD}\":{password}}}"))
    }

    fn new(username: &str, password: &str) -> Result<Self, Fault> {
        if username.is_empty() {
            return Err(Fault::EmptyUsername);
        }
        if password.is_empty() {
            return Err(Fault::EmptyPassword);
        }
        let login = Self { username: username.into(), password: Sealed::new(password) };
        match login.secret_string().reveal().len() {
            bytes if bytes > MAX_VALUE_BYTES => Err(Fault::TooLong { bytes }),
            _ => Ok(login),
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({})", self.password)
    }
}

/// What a Secret holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Logins {
    /// One login a registry. A broken entry does not spoil the others.
    ByRegistry(BTreeMap<Registry, Result<Login, LoginError>>),
    /// One login, with no word on where it is valid.
    Any(Login),
}

/// Why a Secret, or one entry of it, gives no login.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoginError {
    /// It is of another kind.
    #[error(
        "a Secret of type {found:?} without the keys `{USERNAME}` and `{PASSWORD}` holds no registry login; the types read are \
         `{}`, `{}`, `{BASIC_AUTH}`, and any other with these two keys; {REMEDY}",
        CONFIG_JSON.0,
        DOCKERCFG.0
    )]
    Type {
        /// The Secret's type.
        found: String,
    },
    /// The content of one key is wrong.
    #[error("the Secret's key `{key}`{} {fault}; {REMEDY}", in_entry(.entry.as_ref()))]
    Content {
        /// The key in the Secret's `data`.
        key: &'static str,
        /// The registry of the entry, if the fault is in one.
        entry: Option<Registry>,
        /// What is wrong.
        fault: Fault,
    },
}

/// What is wrong with a login; a sentence whose subject is the key or the entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// The key is not there.
    #[error("is missing")]
    Missing,
    /// It is not text.
    #[error("is not UTF-8")]
    NotUtf8,
    /// It is not JSON.
    #[error("is not JSON: see line {line}, column {column}")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// It is JSON, but not an object.
    #[error("is not a JSON object")]
    NotAnObject,
    /// The object that holds the entries is missing.
    #[error("has no object `auths`")]
    NoAuths,
    /// There are entries, and none has a registry for its name.
    #[error("has no entry whose name is a registry")]
    NoRegistry,
    /// Two names of one registry, with different logins.
    #[error("stands twice, under two names of one registry, with different logins: leave one")]
    Ambiguous,
    /// There is no login.
    #[error("has neither `auth` nor `username` and `password` (a config.json whose logins are in a credential store has none)")]
    NoLogin,
    /// A field is not there.
    #[error("has no `{field}`")]
    NoField {
        /// The field.
        field: &'static str,
    },
    /// A field is of the wrong type.
    #[error("has a `{field}` that is not a string")]
    NotAString {
        /// The field.
        field: &'static str,
    },
    /// `auth` cannot be decoded.
    #[error("has an `auth` that is not base64")]
    NotBase64,
    /// `auth` decodes to something else than text.
    #[error("has an `auth` that is not UTF-8 once decoded")]
    AuthNotUtf8,
    /// `auth` is not a login.
    #[error("has an `auth` without a colon between user name and password once decoded")]
    NoColon,
    /// The ECS agent takes no empty user name.
    #[error("has an empty user name")]
    EmptyUsername,
    /// The ECS agent takes no empty password.
    #[error("has an empty password")]
    EmptyPassword,
    /// There is a token in place of a password.
    #[error("has `{field}` in place of a password: ECS passes on a user name and a password only")]
    Token {
        /// The field.
        field: &'static str,
    },
    /// AWS could not hold it.
    #[error("makes a secret of {bytes} bytes, where AWS holds at most {MAX_VALUE_BYTES}")]
    TooLong {
        /// How long it would be.
        bytes: usize,
    },
}

fn in_entry(entry: Option<&Registry>) -> String {
    entry.map(|registry| format!(", entry `{registry}`,")).unwrap_or_default()
}

/// The type of a Secret that has these keys, where none is named.
pub(crate) fn type_of(data: &BTreeMap<String, Vec<u8>>) -> &'static str {
    let known = [CONFIG_JSON, DOCKERCFG].into_iter().find(|(_, key)| data.contains_key(*key));
    known.map_or("Opaque", |(kind, _)| kind)
}

/// Reads the logins of a Secret of any type that holds some (Kubernetes: configuration, Secret types; images, config.json).
pub fn parse(secret_type: &str, data: &BTreeMap<String, Vec<u8>>) -> Result<Logins, LoginError> {
    if secret_type == CONFIG_JSON.0 {
        let key = CONFIG_JSON.1;
        let mut config = object(key, data)?;
        return match config.remove("auths") {
            Some(Value::Object(auths)) => entries(key, &auths),
            _ => Err(at(key, Fault::NoAuths)),
        };
    }
    if secret_type == DOCKERCFG.0 {
        return entries(DOCKERCFG.1, &object(DOCKERCFG.1, data)?);
    }
    let paired = data.contains_key(USERNAME) && data.contains_key(PASSWORD);
    if secret_type != BASIC_AUTH && !paired {
        return Err(LoginError::Type { found: secret_type.into() });
    }
    let (username, password) = (text(USERNAME, data)?, text(PASSWORD, data)?);
    let blamed = |fault: &Fault| if *fault == Fault::EmptyUsername { USERNAME } else { PASSWORD };
    Login::new(username, password).map(Logins::Any).map_err(|fault| at(blamed(&fault), fault))
}

/// The entry that serves an image, under the registry that it is for. Given the credential's own `registry`, its entry by that
/// exact name comes first; else, and always without one, the longest path prefix on the image's host, a host by name before a
/// pattern (Kubernetes: images, config.json). `Ok(None)`: this Secret holds nothing for that image. `Err`: it does, but broken.
pub fn select<'a>(
    logins: &'a Logins,
    wanted: Option<&Registry>,
    image: &Image,
) -> Result<Option<(Registry, &'a Login)>, &'a LoginError> {
    if wanted.is_some_and(|wanted| wanted.matches(image).is_none()) {
        return Ok(None);
    }
    find(logins, wanted, &Registry::of(image), |entry| entry.matches(image))
}

/// [`select`] where there is no image, only the registry that a login is wanted for: the entry by that exact name, else the
/// longest path prefix of it.
pub fn select_for<'a>(logins: &'a Logins, wanted: &Registry) -> Result<Option<(Registry, &'a Login)>, &'a LoginError> {
    find(logins, Some(wanted), wanted, |entry| entry.covers(wanted))
}

/// `at` gives the host that takes the place of a pattern's.
fn find<'a>(
    logins: &'a Logins,
    wanted: Option<&Registry>,
    at: &Registry,
    serves: impl Fn(&Registry) -> Option<usize>,
) -> Result<Option<(Registry, &'a Login)>, &'a LoginError> {
    let entries = match logins {
        Logins::Any(login) => return Ok(Some((wanted.unwrap_or(at).at(at.host()), login))),
        Logins::ByRegistry(entries) => entries,
    };
    let exact = wanted.and_then(|wanted| entries.get_key_value(wanted));
    let longest = || {
        let serving = entries.iter().filter_map(|(entry, login)| Some(((!entry.is_pattern(), serves(entry)?), (entry, login))));
        serving.max_by_key(|(rank, _)| *rank).map(|(_, found)| found)
    };
    match exact.or_else(longest) {
        Some((entry, login)) => login.as_ref().map(|login| Some((entry.at(at.host()), login))),
        None => Ok(None),
    }
}

/// All entries of a Docker configuration. A name that is no registry (a bare word, say) can match no image, so it is left out;
/// but if that leaves nothing, it is said.
fn entries(key: &'static str, auths: &Map<String, Value>) -> Result<Logins, LoginError> {
    let mut found: BTreeMap<Registry, Result<Login, Fault>> = BTreeMap::new();
    for (name, value) in auths {
        let Ok(registry) = Registry::parse(name) else { continue };
        let login = entry(value);
        let kept = match (found.remove(&registry), login) {
            (None, login) => login,
            (Some(Err(Fault::Ambiguous)), _) => Err(Fault::Ambiguous),
            // What `docker logout` leaves behind must not stand in the way of the entry that works.
            (Some(Err(_)), login) => login,
            (Some(Ok(first)), Err(_)) => Ok(first),
            (Some(Ok(first)), Ok(second)) if first == second => Ok(first),
            (Some(Ok(_)), Ok(_)) => Err(Fault::Ambiguous),
        };
        found.insert(registry, kept);
    }
    if found.is_empty() && !auths.is_empty() {
        return Err(at(key, Fault::NoRegistry));
    }
    let blamed = |registry: &Registry, fault| LoginError::Content { key, entry: Some(registry.clone()), fault };
    Ok(Logins::ByRegistry(
        found.into_iter().map(|(registry, login)| (registry.clone(), login.map_err(|fault| blamed(&registry, fault)))).collect(),
    ))
}

/// One entry; `auth` has precedence over the two fields (kubelet: credentialprovider/config.go).
fn entry(value: &Value) -> Result<Login, Fault> {
    let Value::Object(entry) = value else { return Err(Fault::NotAnObject) };
    let field = |field: &'static str| match entry.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(Fault::NotAString { field }),
    };
    let token = || {
        let tokens = ["identitytoken", "registrytoken"];
        tokens.into_iter().find(|name| entry.get(*name).is_some_and(|token| !token.is_null() && token != ""))
    };
    let login = match (field("auth")?.filter(|auth| !auth.is_empty()), field(USERNAME)?, field(PASSWORD)?) {
        (Some(auth), _, _) => decode(auth),
        (None, None, None) => Err(Fault::NoLogin),
        (None, username, password) => Login::new(username.unwrap_or_default(), password.unwrap_or_default()),
    };
    match (login, token()) {
        (Err(Fault::NoLogin | Fault::EmptyUsername | Fault::EmptyPassword), Some(field)) => Err(Fault::Token { field }),
        (login, _) => login,
    }
}

/// `auth`: base64 of `user:password`, where only the first colon separates. Line breaks are ignored, as Go's decoder does.
fn decode(auth: &str) -> Result<Login, Fault> {
    let joined: String = auth.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let bytes = BASE64.decode(joined).map_err(|_| Fault::NotBase64)?;
    let text = String::from_utf8(bytes).map_err(|_| Fault::AuthNotUtf8)?;
    let (username, password) = text.split_once(':').ok_or(Fault::NoColon)?;
    Login::new(username, password)
}

fn object(key: &'static str, data: &BTreeMap<String, Vec<u8>>) -> Result<Map<String, Value>, LoginError> {
    let not_json = |error: serde_json::Error| Fault::NotJson { line: error.line(), column: error.column() };
    match serde_json::from_str(text(key, data)?) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(at(key, Fault::NotAnObject)),
        Err(error) => Err(at(key, not_json(error))),
    }
}

fn text<'a>(key: &'static str, data: &'a BTreeMap<String, Vec<u8>>) -> Result<&'a str, LoginError> {
    let bytes = data.get(key).ok_or_else(|| at(key, Fault::Missing))?;
    std::str::from_utf8(bytes).map_err(|_| at(key, Fault::NotUtf8))
}

fn at(key: &'static str, fault: Fault) -> LoginError {
    LoginError::Content { key, entry: None, fault }
}

#[cfg(test)]
mod tests;
