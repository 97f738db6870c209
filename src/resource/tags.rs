//! Tags that say whose a thing in AWS is. "Ours" is decided here and nowhere else.

use crate::api::{AdoptionPolicy, DeletionPolicy};
use serde::Serialize;
use std::collections::BTreeMap;

/// Tags of one AWS object, without those of AWS itself (`aws:…`).
pub type Tags = BTreeMap<String, String>;

/// Tag: the cluster (or, without one, `--owner`) that keeps the object.
pub const CLUSTER: &str = "wharfinger.dev/cluster";
/// Tag: uid of the namespace that the object serves.
pub const NAMESPACE_UID: &str = "wharfinger.dev/namespace-uid";
/// Tag: what the object belongs to: `PrivateImageWorkload/NAME`, or the key of a shared thing.
pub const OWNER: &str = "wharfinger.dev/owner";
/// Tag for people: the namespace's name.
pub const NAMESPACE: &str = "wharfinger.dev/namespace";
/// Tag of definitions: version of the normaliser and hash of the normal form.
pub const CONTENT_HASH: &str = "wharfinger.dev/content-hash";

/// Tag of definitions and of secrets of `RegistryCredential`s: `Retain` where that is the object's deletionPolicy. Without a cluster
/// nothing else says so once the object has left the files.
pub const DELETION_POLICY: &str = "wharfinger.dev/deletion-policy";

/// Tag by which the owner of a thing offers it to `<cluster>/<namespace>/<kind>/<name>`.
pub const ADOPT_BY: &str = "wharfinger.dev/adopt-by";

/// Who takes over what it did not make, and what of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Adoption {
    /// How far it goes.
    pub policy: AdoptionPolicy,
    /// `<cluster>/<namespace>/<kind>/<name>` of the object that would keep it.
    pub identity: String,
}

impl Adoption {
    /// Whether a thing with these tags may be taken over. What another owner's tags claim, be it in part, never is.
    pub fn takes(&self, tags: &Tags) -> bool {
        let claimed = [CLUSTER, NAMESPACE_UID, OWNER].iter().any(|key| tags.contains_key(*key));
        let offered = tags.get(ADOPT_BY);
        match self.policy {
            _ if claimed => false,
            AdoptionPolicy::Never => false,
            AdoptionPolicy::IfTagged => offered == Some(&self.identity),
            AdoptionPolicy::Adopt => offered.is_none_or(|to| *to == self.identity),
        }
    }
}

/// Whether a tag is AWS's or ours, so that no user may write it.
pub fn is_reserved(key: &str) -> bool {
    let key = key.to_lowercase();
    ["wharfinger.dev/", "aws:"].iter().any(|prefix| key.starts_with(prefix))
}

/// Whose a thing is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// Cluster id.
    pub cluster: String,
    /// Uid of the namespace.
    pub namespace_uid: String,
    /// Name of the namespace.
    pub namespace: String,
    /// `Kind/name`, or the key of a shared thing.
    pub owner: String,
}

impl Owner {
    /// The tags that mark a thing as this owner's.
    pub fn tags(&self) -> Tags {
        let Self { cluster, namespace_uid, namespace, owner } = self.clone();
        [(CLUSTER, cluster), (NAMESPACE_UID, namespace_uid), (OWNER, owner), (NAMESPACE, namespace)]
            .map(|(key, value)| (key.to_owned(), value))
            .into()
    }

    /// Whether a thing with these tags is this owner's. `recorded` = our own status names this very ARN as made by us: then
    /// identity tags that somebody removed do not disown it (they are put back), but another owner's do.
    pub fn owns(&self, tags: &Tags, recorded: bool) -> bool {
        [(CLUSTER, &self.cluster), (NAMESPACE_UID, &self.namespace_uid), (OWNER, &self.owner)]
            .into_iter()
            .all(|(key, value)| tags.get(key).map_or(recorded, |found| found == value))
    }
}

impl Owner {
    /// Whether a thing with these tags was made for another namespace, or by another cluster.
    pub fn is_another_namespaces(&self, tags: &Tags) -> bool {
        let differs = |(key, value): (&str, &String)| tags.get(key).is_some_and(|found| found != value);
        [(CLUSTER, &self.cluster), (NAMESPACE_UID, &self.namespace_uid)].into_iter().any(differs)
    }
}

/// The tag that tells the deletionPolicy. Only `Retain` is told; where that was told before and is no longer so, the tag gets another
/// value, since nothing here takes a tag away.
pub fn deletion_policy(policy: DeletionPolicy, observed: &Tags) -> Tags {
    let told = match policy {
        DeletionPolicy::Retain => Some("Retain"),
        DeletionPolicy::Delete => observed.contains_key(DELETION_POLICY).then_some("Delete"),
    };
    told.map(|value| (DELETION_POLICY.to_owned(), value.to_owned())).into_iter().collect()
}

/// Whether a thing with these tags stays when its object goes.
pub fn is_retained(tags: &Tags) -> bool {
    tags.get(DELETION_POLICY).is_some_and(|value| value == "Retain")
}

/// Namespace and owner of a thing that the command line made for this `--owner`. There a namespace has no uid but its name: what has
/// another was made by a cluster, whatever that calls itself.
pub fn made_without_cluster<'a>(tags: &'a Tags, owner: &str) -> Option<(&'a str, &'a str)> {
    let tag = |key| tags.get(key).map(String::as_str);
    let namespace = tag(NAMESPACE).filter(|name| tag(CLUSTER) == Some(owner) && tag(NAMESPACE_UID) == Some(name))?;
    Some((namespace, tag(OWNER)?))
}

/// Who claims a thing with these tags, for people.
pub fn claimed_by(tags: &Tags) -> String {
    let tag = |key| tags.get(key).map(String::as_str);
    match (tag(CLUSTER), tag(NAMESPACE), tag(OWNER)) {
        (None, None, None) => "it has none of Wharfinger's tags".to_owned(),
        (cluster, namespace, owner) => format!(
            "its tags name {} in namespace {} of cluster {}",
            owner.unwrap_or("nobody"),
            namespace.unwrap_or("(none)"),
            cluster.unwrap_or("(none)")
        ),
    }
}

/// The tags of `desired` that `observed` lacks or has with another value.
pub fn missing(desired: &Tags, observed: &Tags) -> Tags {
    desired
        .iter()
        .filter(|(key, value)| observed.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_taken_over() {
        let identity = "c1/payments/RegistryCredential/quay";
        let tags =
            |list: &[(&str, &str)]| list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Tags>();
        let rows = [
            ("no tags", tags(&[]), [false, false, true]),
            ("tags of others", tags(&[("team", "payments")]), [false, false, true]),
            ("offered to us", tags(&[(ADOPT_BY, identity)]), [false, true, true]),
            ("offered to another", tags(&[(ADOPT_BY, "c1/payments/RegistryCredential/other")]), [false, false, false]),
            ("offered, and another's", tags(&[(ADOPT_BY, identity), (OWNER, "Secret/x")]), [false, false, false]),
            ("half another's", tags(&[(CLUSTER, "c2")]), [false, false, false]),
            ("of another namespace of that name", tags(&[(NAMESPACE_UID, "u2")]), [false, false, false]),
        ];
        for (what, tags, expected) in rows {
            let taken = [AdoptionPolicy::Never, AdoptionPolicy::IfTagged, AdoptionPolicy::Adopt]
                .map(|policy| Adoption { policy, identity: identity.to_owned() }.takes(&tags));
            assert_eq!(taken, expected, "{what}");
        }
    }

    #[test]
    fn the_deletion_policy_is_told_only_where_something_is_to_be_said() {
        let tagged =
            |value: Option<&str>| value.map(|value| (DELETION_POLICY.to_owned(), value.to_owned())).into_iter().collect();
        let rows = [
            (DeletionPolicy::Delete, None, None, false),
            (DeletionPolicy::Retain, None, Some("Retain"), false),
            (DeletionPolicy::Retain, Some("Retain"), Some("Retain"), true),
            (DeletionPolicy::Delete, Some("Retain"), Some("Delete"), true),
            (DeletionPolicy::Delete, Some("Delete"), Some("Delete"), false),
        ];
        for (policy, before, told, retained) in rows {
            let before: Tags = tagged(before);
            assert_eq!(deletion_policy(policy, &before), tagged(told), "{policy:?} {before:?}");
            assert_eq!(is_retained(&before), retained, "{before:?}");
        }
    }

    #[test]
    fn what_the_command_line_made_has_the_name_of_the_namespace_for_its_uid() {
        let owner = Owner {
            cluster: "pipeline".into(),
            namespace_uid: "payments".into(),
            namespace: "payments".into(),
            owner: "PrivateImageWorkload/api".into(),
        };
        let with = |key: &str, value: Option<&str>| {
            let others = owner.tags().into_iter().filter(|(other, _)| other != key);
            others.chain(value.map(|value| (key.to_owned(), value.to_owned()))).collect::<Tags>()
        };
        let rows = [
            ("all of it", owner.tags(), true),
            ("another owner", with(CLUSTER, Some("pipeline-2")), false),
            ("a cluster of that name", with(NAMESPACE_UID, Some("7a0e")), false),
            ("another namespace", with(NAMESPACE, Some("search")), false),
            ("no owner", with(CLUSTER, None), false),
            ("no uid", with(NAMESPACE_UID, None), false),
            ("no namespace", with(NAMESPACE, None), false),
            ("of nobody", with(OWNER, None), false),
            ("no tags", Tags::new(), false),
        ];
        for (what, tags, made) in rows {
            let found = made_without_cluster(&tags, "pipeline");
            assert_eq!(found, made.then_some(("payments", "PrivateImageWorkload/api")), "{what}");
        }
    }

    #[test]
    fn ours_is_all_three_identity_tags() {
        let owner = Owner {
            cluster: "c1".into(),
            namespace_uid: "u1".into(),
            namespace: "payments".into(),
            owner: "PrivateImageWorkload/api".into(),
        };
        let without = |key: &str| owner.tags().into_iter().filter(|(k, _)| k != key).collect::<Tags>();
        let with =
            |key: &str, value: &str| owner.tags().into_iter().chain([(key.to_owned(), value.to_owned())]).collect::<Tags>();
        let rows: [(&str, Tags, bool, bool); 7] = [
            ("all tags", owner.tags(), true, true),
            ("the name of the namespace is for people", without(NAMESPACE), true, true),
            ("no tags", Tags::new(), false, true),
            ("cluster missing", without(CLUSTER), false, true),
            ("other cluster", with(CLUSTER, "c2"), false, false),
            ("namespace of the same name, made anew", with(NAMESPACE_UID, "u2"), false, false),
            ("other owner", with(OWNER, "PrivateImageWorkload/web"), false, false),
        ];
        for (name, tags, unrecorded, recorded) in rows {
            assert_eq!(owner.owns(&tags, false), unrecorded, "{name}");
            assert_eq!(owner.owns(&tags, true), recorded, "{name}, recorded");
        }
    }
}
