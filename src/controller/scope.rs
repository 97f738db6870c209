//! Where the controller looks: in every namespace, or in those that are named.

use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use std::collections::BTreeSet;

/// Namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every namespace, by one list and one watch of the whole cluster.
    All,
    /// These, each by its own list and watch: Roles are enough.
    Only(BTreeSet<String>),
}

impl Scope {
    /// Of a flag that may be absent.
    pub fn of(namespaces: Option<Vec<String>>) -> Self {
        namespaces.map_or(Self::All, |namespaces| Self::Only(namespaces.into_iter().collect()))
    }

    /// Whether a namespace is one of them.
    pub fn covers(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(namespaces) => namespaces.contains(namespace),
        }
    }

    /// Their names; none = all.
    pub fn names(&self) -> Option<&BTreeSet<String>> {
        match self {
            Self::All => None,
            Self::Only(namespaces) => Some(namespaces),
        }
    }

    /// What is in both.
    pub fn within(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, other) => other.clone(),
            (one, Self::All) => one.clone(),
            (Self::Only(one), Self::Only(other)) => Self::Only(one & other),
        }
    }

    /// The ways to look there, each with its namespace.
    pub(super) fn apis<K>(&self, client: &Client) -> Vec<(Option<String>, Api<K>)>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        match self {
            Self::All => vec![(None, Api::all(client.clone()))],
            Self::Only(namespaces) => {
                let api = |namespace: &String| (Some(namespace.clone()), Api::namespaced(client.clone(), namespace));
                namespaces.iter().map(api).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(names: &[&str]) -> Scope {
        Scope::Only(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn where_secrets_are_read_is_never_wider_than_what_is_watched() {
        let rows = [
            (Scope::All, Scope::All, Scope::All),
            (Scope::All, only(&["a"]), only(&["a"])),
            (only(&["a", "b"]), Scope::All, only(&["a", "b"])),
            (only(&["b", "c"]), only(&["a", "b"]), only(&["b"])),
            (only(&[]), only(&["a"]), only(&[])),
        ];
        for (secrets, watched, expected) in rows {
            assert_eq!(secrets.within(&watched), expected, "{secrets:?} within {watched:?}");
        }
        assert!(only(&["a"]).covers("a") && !only(&["a"]).covers("b") && Scope::All.covers("b") && !only(&[]).covers("a"));
    }
}
