//! `[KIND/]NAME`, with the kinds' names as kubectl takes them.

use crate::nearest::meant;
use anyhow::bail;

/// What has a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    PrivateImageWorkload,
    RegistryCredential,
    AccountBinding,
    PullNetwork,
}

impl Kind {
    /// As its CRD's short name has it.
    pub(super) fn short(kind: &str) -> &'static str {
        KINDS.iter().find(|(_, names)| names[0] == kind).map_or("", |(_, names)| names[2])
    }
}

/// An object that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) kind: Kind,
    pub(super) name: String,
}

/// Kind, plural and short name, as the CRDs have them.
const KINDS: [(Kind, [&str; 3]); 4] = [
    (Kind::PrivateImageWorkload, ["PrivateImageWorkload", "privateimageworkloads", "piw"]),
    (Kind::RegistryCredential, ["RegistryCredential", "registrycredentials", "regcred"]),
    (Kind::AccountBinding, ["AccountBinding", "accountbindings", "awsbind"]),
    (Kind::PullNetwork, ["PullNetwork", "pullnetworks", "pullnet"]),
];

/// A workload, where no kind is named.
pub(super) fn parse(text: &str) -> anyhow::Result<Named> {
    let (kind, name) = match text.split_once('/') {
        Some((word, name)) => (kind(word)?, name),
        None => (Kind::PrivateImageWorkload, text),
    };
    if name.is_empty() || name.contains('/') {
        bail!("{text:?} is no object: write NAME or KIND/NAME, such as piw/api; -n names the namespace");
    }
    Ok(Named { kind, name: name.to_owned() })
}

fn kind(word: &str) -> anyhow::Result<Kind> {
    let bare = word.strip_suffix(".wharfinger.dev").unwrap_or(word); // as `kubectl get -o name` has it
    let is = |names: &[&str; 3]| names.iter().any(|name| name.eq_ignore_ascii_case(bare));
    if let Some((kind, _)) = KINDS.iter().find(|(_, names)| is(names)) {
        return Ok(*kind);
    }
    let known: Vec<&str> = KINDS.iter().flat_map(|(_, names)| *names).collect();
    match meant(bare, &known) {
        Some(meant) => bail!("{word:?} is no kind of Wharfinger's; {meant} is one: is that meant?"),
        None => bail!("{word:?} is no kind of Wharfinger's; they are piw, regcred, awsbind and pullnet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::definitions;

    #[test]
    fn kinds_are_named_as_their_crds_have_it() {
        for crd in definitions() {
            let names = crd.spec.names;
            let (_, known) = KINDS.iter().find(|(_, known)| known[0] == names.kind).expect("a kind");
            assert_eq!((known[1], known[2]), (names.plural.as_str(), names.short_names.expect("one")[0].as_str()));
            let spellings =
                [names.kind.clone(), names.plural, known[2].to_owned(), names.kind.to_lowercase() + ".wharfinger.dev"];
            for spelling in spellings {
                assert_eq!(
                    parse(&format!("{spelling}/a")).expect("a kind").kind,
                    kind(&names.kind).expect("a kind"),
                    "{spelling}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_object_is_told() {
        let rows = [
            ("piv/a", "piw is one"),
            ("workload/a", "PrivateImageWorkload is one"),
            ("deployment/a", "they are piw, regcred, awsbind and pullnet"),
            ("piw/", "KIND/NAME"),
            ("piw/a/b", "KIND/NAME"),
            ("", "KIND/NAME"),
        ];
        for (text, expected) in rows {
            let told = parse(text).expect_err(text).to_string();
            assert!(told.contains(expected), "{text}: {told}");
        }
    }
}
