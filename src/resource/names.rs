//! Names in AWS: injective, within AWS's rules, and readable. What would be too long is cut and given 8 hex of a hash.

use super::fingerprint::short_hash;
use super::image::Registry;
use super::normalise::DefinitionKind;

/// Longest secret name. The request allows 512, the answers' type only 256 (Secrets Manager API, `SecretNameType`).
const MAX_SECRET: usize = 256;
/// Longest role name (IAM API, `roleNameType`).
const MAX_ROLE: usize = 64;

/// `<prefix><namespace>/<source Secret>/<registry>/pull`, and `@` with a hash of the key for a customer KMS key. `:` of a port
/// becomes `_` and `*` becomes `@`, which neither hosts nor paths have. The last part keeps clear of "hyphen and six characters"
/// (Secrets Manager, CreateSecret).
pub fn secret(prefix: &str, namespace: &str, source: &str, registry: &Registry, kms_key: Option<&str>) -> String {
    let registry = registry.to_string().replace(':', "_").replace('*', "@");
    let last = kms_key.map_or_else(|| "pull".to_owned(), |key| format!("pull@{}", short_hash(key, 8)));
    let stem = format!("{prefix}{namespace}/{source}/{registry}");
    format!("{}/{last}", cut(stem, MAX_SECRET - last.len() - 1, "@"))
}

/// Source Secret and registry out of a name of [`secret`], if it is one of this namespace. A port and an underscore of a path look
/// the same in it: what can be a registry is one.
pub fn secret_parts(prefix: &str, namespace: &str, name: &str) -> Option<(String, Registry)> {
    let (source, rest) = name.strip_prefix(prefix)?.strip_prefix(namespace)?.strip_prefix('/')?.split_once('/')?;
    let (registry, _) = rest.rsplit_once('/')?;
    let registry = Registry::parse(&registry.replacen('_', ":", 1)).or_else(|_| Registry::parse(registry)).ok()?;
    Some((source.to_owned(), registry))
}

/// `<prefix><namespace>/<credential>/credential`: no secret of a workload ends so.
pub fn credential(prefix: &str, namespace: &str, credential: &str) -> String {
    let last = "/credential";
    format!("{}{last}", cut(format!("{prefix}{namespace}/{credential}"), MAX_SECRET - last.len(), "@"))
}

/// Whether the last part of a secret's name is one that is made here, or would make an ARN look like another's (Secrets Manager,
/// CreateSecret: no hyphen and six characters at the end).
pub fn is_reserved_secret(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    let made = last == "pull" || last.starts_with("pull@") || last == "credential";
    let suffix = name.rsplit_once('-').is_some_and(|(_, end)| end.len() == 6 && end.chars().all(|c| c.is_ascii_alphanumeric()));
    made || suffix
}

/// `<prefix><namespace>`, and `_` with a hash of the settings for a role that is kept in another way than usual.
pub fn role(prefix: &str, namespace: &str, settings: Option<&str>) -> String {
    let suffix = settings.map(|settings| format!("_{}", short_hash(settings, 8))).unwrap_or_default();
    format!("{}{suffix}", cut(format!("{prefix}{namespace}"), MAX_ROLE - suffix.len(), "."))
}

/// `<prefix><namespace>_<name>`: a namespace has no `_`. ECS allows 255 characters, Batch 128.
pub fn definition(kind: DefinitionKind, prefix: &str, namespace: &str, name: &str) -> String {
    let longest = match kind {
        DefinitionKind::TaskDefinition => 255,
        DefinitionKind::JobDefinition => 128,
    };
    cut(format!("{prefix}{namespace}_{name}"), longest, "_")
}

/// Name of our one inline policy on a role that others may share: inline policies have no tags, so the name says whose it is.
pub fn inline_policy(cluster: &str, namespace_uid: &str) -> String {
    format!("wharfinger-{}", short_hash(&format!("{cluster}/{namespace_uid}"), 16))
}

/// A tag's value: at most 256 characters (AWS: tag restrictions).
pub fn tag_value(text: &str) -> String {
    cut(text.to_owned(), 256, "@")
}

/// At most `longest` characters (all are ASCII). `mark` cannot stand where it is put in a name that was not cut.
fn cut(name: String, longest: usize, mark: &str) -> String {
    if name.len() <= longest {
        return name;
    }
    let hash = short_hash(&name, 8);
    let keep = longest - mark.len() - hash.len();
    let kept: String = name.chars().take(keep).collect();
    format!("{kept}{mark}{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn registry(text: &str) -> Registry {
        Registry::parse(text).unwrap()
    }

    #[test]
    fn names_are_readable() {
        let rows = [
            (
                secret("wharfinger/", "payments", "regcred", &registry("registry.example.com"), None),
                "wharfinger/payments/regcred/registry.example.com/pull",
            ),
            (secret("w/", "a", "b", &registry("host.example.com:5000/team"), None), "w/a/b/host.example.com_5000/team/pull"),
            (role("wharfinger_", "payments", None), "wharfinger_payments"),
            (definition(DefinitionKind::TaskDefinition, "", "payments", "api"), "payments_api"),
        ];
        for (name, expected) in rows {
            assert_eq!(name, expected);
        }
        assert_ne!(
            secret("w/", "a", "b", &registry("r.example.com"), Some("alias/x")),
            secret("w/", "a", "b", &registry("r.example.com"), None),
            "one secret a KMS key"
        );
    }

    #[test]
    fn names_are_taken_apart_again() {
        for text in ["registry.example.com", "host.example.com:5000/team", "ghcr.io/my_team"] {
            let name = secret("w/", "a", "b", &registry(text), None);
            assert_eq!(secret_parts("w/", "a", &name), Some(("b".to_owned(), registry(text))), "{name}");
            assert_eq!(secret_parts("w/", "other", &name), None);
        }
    }

    proptest! {
        #[test]
        fn names_fit_and_differ(
            a in ("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", "[a-z0-9]{1,60}\\.example\\.com(:[0-9]{2,4})?(/[a-z0-9_]{1,100})?"),
            b in ("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", "[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", "[a-z0-9]{1,60}\\.example\\.com(:[0-9]{2,4})?(/[a-z0-9_]{1,100})?"),
        ) {
            let names = |(namespace, name, host): &(String, String, String)| {
                (
                    secret("wharfinger/", namespace, name, &registry(host), None),
                    role("wharfinger_", namespace, None),
                    definition(DefinitionKind::JobDefinition, "", namespace, &name[..name.len().min(63)].replace('.', "-")),
                )
            };
            let (left, right) = (names(&a), names(&b));
            prop_assert!(left.0.len() <= 256 && left.1.len() <= 64 && left.2.len() <= 128);
            prop_assert!(left.0.chars().all(|c| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c)), "{}", left.0);
            prop_assert!(left.2.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)), "{}", left.2);
            prop_assert!(left.0.ends_with("/pull"));
            prop_assert_eq!(left.0 == right.0, a == b);
            prop_assert_eq!(left.1 == right.1, a.0 == b.0);
        }
    }
}
