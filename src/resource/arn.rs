//! Names of things in AWS: ARNs, the partition of a Region, patterns over ARNs, and the forms in which a KMS key may be given.
//!
//! Pure. Deliberately absent: wildcards in an [`Arn`]. An ARN that came from a spec ends up in an IAM policy, where `*`, `?` and
//! `${…}` would widen the grant to things that no fence has seen; only a pattern may hold them, and patterns are never parsed.

use std::fmt;

use serde::{Serialize, Serializer};
use thiserror::Error;

const EXAMPLE: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/quay-AbCdEf";
const KEY_EXAMPLE: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// The longest ARN that any API used here takes, in characters (AWS: Secrets Manager API, `SecretARNType`; IAM, `arnType`).
const MAX_ARN_CHARS: usize = 2048;
/// The longest alias, in characters, `alias/` included (AWS: KMS API, `AliasNameType`).
const MAX_ALIAS_CHARS: usize = 256;

/// What is wrong with an ARN or with the name of a KMS key. The text says which part, and shows the right form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ArnError {
    /// It does not have the six parts of an ARN, or is longer than any ARN.
    #[error("{text:?} is not an ARN: {why}; the form is `{EXAMPLE}`")]
    Shape {
        /// The beginning of what was given.
        text: String,
        /// What is wrong.
        why: &'static str,
    },
    /// One part is wrong.
    #[error("the {part} {text:?} in the ARN is wrong: {why}; the form is `{EXAMPLE}`")]
    Part {
        /// The part's name.
        part: &'static str,
        /// The beginning of the part as given.
        text: String,
        /// What is wrong.
        why: &'static str,
    },
    /// It does not name a KMS key.
    #[error(
        "{text:?} does not name a KMS key: {why}; give a key ARN such as `{KEY_EXAMPLE}`, an alias ARN, a key id, or an alias"
    )]
    KmsKey {
        /// The beginning of what was given.
        text: String,
        /// What is wrong.
        why: &'static str,
    },
}

/// The ARN of one thing, in its six parts (AWS: IAM user guide, Amazon Resource Names).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn`, …
    pub partition: String,
    /// `secretsmanager`, `iam`, …
    pub service: String,
    /// Empty for global services.
    pub region: String,
    /// Twelve digits; empty, or `aws` for what AWS itself owns.
    pub account: String,
    /// All that follows, colons included.
    pub resource: String,
}

impl Arn {
    /// Reads an ARN and checks the form of each part (AWS: IAM user guide, Amazon Resource Names). Wildcards are refused.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let shape = |why| Err(ArnError::Shape { text: excerpt(text), why });
        if text.chars().count() > MAX_ARN_CHARS {
            return shape("it is longer than 2048 characters");
        }
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        let (Some("arn"), Some(partition), Some(service), Some(region), Some(account), Some(resource)) =
            (next(), next(), next(), next(), next(), next())
        else {
            return shape("it must start with `arn:` and have six parts with `:` between them");
        };
        check("partition", partition, is_partition(partition), "it is `aws` or begins with `aws-`")?;
        check("service", service, is_word(service), "it is lower-case letters, digits and hyphens")?;
        check("Region", region, region.is_empty() || is_word(region), "it is lower-case letters, digits and hyphens, or empty")?;
        check("account", account, is_account(account), "it is 12 digits, or empty")?;
        check("resource", resource, !resource.trim().is_empty(), "it is empty")?;
        check("resource", resource, is_clean(resource), "it has white space at an end, or a control character")?;
        check("resource", resource, is_literal(resource), "`*`, `?` and `${` are wildcards: name one thing")?;
        Ok(Self {
            partition: partition.into(),
            service: service.into(),
            region: region.into(),
            account: account.into(),
            resource: resource.into(),
        })
    }

    /// The name of a Secrets Manager secret with its six random characters, if this is the ARN of one. What a container's
    /// `secrets` may append (`:json-key:version-stage:version-id`) is left out: a name has no colon (AWS: private registry
    /// authentication, secret names).
    pub fn secret_name(&self) -> Option<&str> {
        let rest = self.resource.strip_prefix("secret:").filter(|_| self.service == "secretsmanager")?;
        rest.split(':').next().filter(|name| !name.is_empty())
    }

    /// The name of a secret without its six random characters, if this is a whole ARN of one.
    pub fn secret_stem(&self) -> Option<&str> {
        self.secret_name().filter(|_| self.is_full_secret())?.rsplit_once('-').map(|(stem, _)| stem)
    }

    /// Whether this is the whole ARN of a secret: its name ends with a hyphen and six letters or digits, and nothing follows.
    /// `credentialsParameter` for another account must have this form (AWS: private registry authentication, rule 10), and only
    /// this form grants anything in a policy (AWS: Secrets Manager user guide, permissions reference). A name that itself ends
    /// so cannot be told apart, which is why AWS advises against one.
    pub fn is_full_secret(&self) -> bool {
        let Some(name) = self.secret_name() else { return false };
        let located = !self.region.is_empty() && !self.account.is_empty();
        let whole = self.resource.len() == "secret:".len() + name.len();
        let named = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+=.@!-".contains(&b));
        let suffixed = name.rsplit_once('-').is_some_and(|(stem, random)| {
            !stem.is_empty() && random.len() == 6 && random.bytes().all(|b| b.is_ascii_alphanumeric())
        });
        located && whole && named && suffixed
    }

    /// The names that an SSM parameter of this ARN can have: one without further slashes may or may not begin with one (AWS: Systems
    /// Manager, working with parameters). None for what stands for a secret.
    pub fn parameter_names(&self) -> Option<[String; 2]> {
        let name = self.resource.strip_prefix("parameter/").filter(|_| self.service == "ssm")?;
        let own = !name.starts_with("aws/reference/secretsmanager/");
        own.then(|| [name.to_owned(), format!("/{name}")])
    }

    /// The name of an IAM role, without its path, if this is the ARN of one: what IAM's API calls take (AWS: IAM user guide,
    /// IAM identifiers).
    pub fn role_name(&self) -> Option<&str> {
        self.role().and_then(|role| role.rsplit('/').next()).filter(|name| !name.is_empty())
    }

    /// The path of an IAM role, `/` or `/…/`, if this is the ARN of one (AWS: IAM user guide, IAM identifiers).
    pub fn role_path(&self) -> Option<&str> {
        self.role_name()?;
        let slashed = self.resource.strip_prefix("role")?;
        slashed.rfind('/').map(|last| &slashed[..=last])
    }

    fn role(&self) -> Option<&str> {
        self.resource.strip_prefix("role/").filter(|_| self.service == "iam")
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

impl Serialize for Arn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whether this names the account's default key of Secrets Manager, which some answers name and others leave out.
pub fn is_default_key(key: &str) -> bool {
    key.ends_with("alias/aws/secretsmanager")
}

/// The forms in which `KmsKeyId` may be given (AWS: Secrets Manager API, CreateSecret; KMS developer guide, key identifiers).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum KmsKeyForm {
    /// `arn:…:key/ID`: the only form that a policy's `Resource` understands.
    KeyArn(Arn),
    /// `arn:…:alias/NAME`.
    AliasArn(Arn),
    /// `alias/NAME`, in the secret's own account and Region.
    Alias(String),
    /// The id of a key, in the secret's own account and Region.
    KeyId(String),
}

/// Tells in which form a KMS key is named, and refuses what names none. One of AWS's pages prints `key:key_id`; every other and
/// the service itself want `key/key_id`, so that mistake has its own message (AWS: private registry authentication, older page).
pub fn check_kms_key(text: &str) -> Result<KmsKeyForm, ArnError> {
    let refuse = |why| Err(ArnError::KmsKey { text: excerpt(text), why });
    if text.starts_with("arn:") {
        return kms_arn(text, Arn::parse(text)?);
    }
    match text.strip_prefix("alias/") {
        Some(name) if is_alias(name) => Ok(KmsKeyForm::Alias(text.into())),
        Some(_) => refuse("an alias is letters, digits, `/`, `_` and `-`, at most 256 of them"),
        None if is_key_id(text) => Ok(KmsKeyForm::KeyId(text.into())),
        None if text.starts_with("key:") || text.starts_with("key/") => refuse("a key id stands alone, without `key`"),
        None => refuse("it is neither an ARN nor a key id, and an alias begins with `alias/`"),
    }
}

fn kms_arn(text: &str, arn: Arn) -> Result<KmsKeyForm, ArnError> {
    let refuse = |why| Err(ArnError::KmsKey { text: excerpt(text), why });
    if arn.service != "kms" || arn.region.is_empty() || arn.account.is_empty() {
        return refuse("its ARN must be one of the service `kms`, with a Region and an account");
    }
    if arn.resource.starts_with("key:") {
        return refuse("the id follows `key/`, with a slash; here it follows `key:`, with a colon");
    }
    match (arn.resource.strip_prefix("key/"), arn.resource.strip_prefix("alias/")) {
        (Some(id), _) if is_key_id(id) => Ok(KmsKeyForm::KeyArn(arn)),
        (Some(_), _) => refuse("what follows `key/` is not a key id"),
        (None, Some(name)) if is_alias(name) => Ok(KmsKeyForm::AliasArn(arn)),
        (None, _) => refuse("its last part is neither `key/` and a key id nor `alias/` and a name"),
    }
}

/// Prefixes of Regions and their partitions, longest first where one begins with another (AWS: the SDKs' `partitions.json`,
/// `regionRegex`).
const PARTITIONS: [(&str, &str); 16] = [
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-de-", "aws-eusc"),
    ("cn-", "aws-cn"),
    ("us-", "aws"),
    ("eu-", "aws"),
    ("ap-", "aws"),
    ("sa-", "aws"),
    ("ca-", "aws"),
    ("me-", "aws"),
    ("af-", "aws"),
    ("il-", "aws"),
    ("mx-", "aws"),
];

/// The partition of a Region, or none where AWS has no such Region: a known prefix, a direction, and one digit from 1 to 9
/// (AWS: the SDKs' `partitions.json`, narrowed: its `\w+-\d+` would let `eu-wset-99` through to the first call).
pub fn partition_of(region: &str) -> Option<&'static str> {
    let (place, partition) = PARTITIONS.iter().find_map(|(prefix, name)| Some((region.strip_prefix(prefix)?, *name)))?;
    let (direction, number) = place.split_once('-')?;
    let directed = matches!(
        direction,
        "north" | "south" | "east" | "west" | "central" | "northeast" | "southeast" | "northwest" | "southwest"
    );
    (directed && matches!(number.as_bytes(), [b'1'..=b'9'])).then_some(partition)
}

/// Whether a text fits a pattern with `*` (any number of characters) and `?` (one), as IAM reads them. A pattern that starts
/// with `arn:` is applied part by part: its `*` never reaches across the first five colons, so `arn:aws:iam::*:role/x` cannot be
/// satisfied by a colon in another account's resource (AWS: IAM policy reference, Resource). Time is at most the product of the
/// two lengths, whatever the pattern.
pub fn pattern_matches(pattern: &str, text: &str) -> bool {
    if !pattern.starts_with("arn:") {
        return glob(pattern, text);
    }
    let patterns: Vec<&str> = pattern.splitn(6, ':').collect();
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    patterns.len() == 6 && parts.len() == 6 && patterns.iter().zip(parts).all(|(pattern, part)| glob(pattern, part))
}

/// One text against one pattern. On a mismatch only the last `*` takes one character more: to give an earlier one more could
/// never help, so there is no deeper backtracking.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after, taken)) = star else { return false };
                star = Some((after, taken + 1));
                p = after;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

fn check(part: &'static str, text: &str, good: bool, why: &'static str) -> Result<(), ArnError> {
    if good { Ok(()) } else { Err(ArnError::Part { part, text: excerpt(text), why }) }
}

/// Enough to recognise what was written, and short enough for a condition's message.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_partition(text: &str) -> bool {
    text == "aws" || text.strip_prefix("aws-").is_some_and(is_word)
}

fn is_account(text: &str) -> bool {
    text.is_empty() || text == "aws" || (text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()))
}

fn is_clean(text: &str) -> bool {
    text.trim() == text && !text.chars().any(char::is_control)
}

fn is_literal(text: &str) -> bool {
    !text.contains(['*', '?']) && !text.contains("${")
}

fn is_alias(name: &str) -> bool {
    !name.is_empty()
        && "alias/".len() + name.len() <= MAX_ALIAS_CHARS
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_-".contains(&b))
}

/// A UUID, or `mrk-` and 32 hexadecimal digits for a multi-Region key.
fn is_key_id(text: &str) -> bool {
    let hex = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(digits) = text.strip_prefix("mrk-") {
        return hex(digits, 32);
    }
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == 5 && parts.iter().zip([8, 4, 4, 4, 12]).all(|(part, length)| hex(part, length))
}

#[cfg(test)]
mod tests;
