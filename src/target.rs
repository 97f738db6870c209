//! Which account, Region and identity a workload acts with. Fails closed: no binding or more than one = nothing is done.

mod identity;
mod network;

pub use identity::{no_credentials_remedy, session_name};
pub use network::{of_network, of_network_removal};

use crate::api::{AccountBinding, AdoptionPolicy, Limits, Names, SessionTags, TargetStatus};
use crate::inputs::{Bindings, Namespace};
use crate::problem::Problem;
use crate::resource::arn::{Arn, KmsKeyForm, check_kms_key, partition_of, pattern_matches};
use crate::resource::uses::Place;
use crate::status::Reason;
use kube::core::{Selector, SelectorExt};
use std::collections::BTreeSet;

/// Where a workload lives and with whose identity its calls are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Name of the AccountBinding; none for the ambient identity.
    pub binding: Option<String>,
    /// Account, 12 digits.
    pub account_id: String,
    /// Region.
    pub region: String,
    /// All Regions that the binding admits; none listed = any.
    pub regions: Vec<String>,
    /// `aws`, `aws-cn`, …
    pub partition: &'static str,
    /// Prefixes of names.
    pub names: Names,
    /// Fences; none for the ambient identity.
    pub limits: Option<Limits>,
    /// The role to assume; none for the ambient identity.
    pub role_arn: Option<String>,
    /// The ExternalId to assume it with.
    pub external_id: Option<String>,
    /// The namespace, where the session carries it as a tag.
    pub session_namespace: Option<String>,
}

impl Target {
    /// Whether a fence admits an ARN or host. Without limits everything is admitted; an empty list admits nothing, and no list what
    /// may stand for more than one thing or for another one.
    pub fn admits(&self, fence: impl Fn(&Limits) -> &Vec<String>, what: &str) -> bool {
        let admitted = |limits: &Limits| fence(limits).iter().any(|pattern| pattern_matches(pattern, what));
        self.limits.as_ref().is_none_or(|limits| names_one_thing(what) && admitted(limits))
    }

    /// Whether a secret may be read: it is admitted, or under our own prefix for the namespace, in whichever Region.
    pub(crate) fn admits_secret(&self, namespace: &str, arn: &str) -> bool {
        let prefix = format!("{}{namespace}/", self.names.secret_prefix);
        let own = |parsed: Arn| {
            let below = parsed.secret_name().is_some_and(|name| name.starts_with(&prefix));
            parsed.account == self.account_id && below && names_one_thing(arn)
        };
        self.admits(|limits| &limits.secret_arns, arn) || Arn::parse(arn).is_ok_and(own)
    }

    /// Whether a KMS key is admitted by its name in whatever form; an alias also by its ARN.
    pub(crate) fn admits_key(&self, key: &str) -> bool {
        let arn = format!("arn:{}:kms:{}:{}:{key}", self.partition, self.region, self.account_id);
        let admits = |key: &str| self.admits(|limits| &limits.kms_keys, key);
        admits(key) || (key.starts_with("alias/") && admits(&arn))
    }

    /// Whether a key that is known by its ARN only may be one that is admitted: which one an admitted alias stands for is not
    /// known here, but it is of the alias's account and Region.
    pub(crate) fn may_admit_key(&self, arn: &str) -> bool {
        let Ok(KmsKeyForm::KeyArn(key)) = check_kms_key(arn) else { return false };
        let of_alias = |pattern: &String| match pattern.split_once("alias/") {
            Some(("", _)) => key.region == self.region && key.account == self.account_id,
            Some((place, _)) => pattern_matches(&format!("{place}*"), arn),
            None => false,
        };
        self.admits_key(arn) || self.limits.as_ref().is_some_and(|limits| limits.kms_keys.iter().any(of_alias))
    }

    /// The most that a spec may ask for in taking over what others made.
    pub fn most_adoption(&self) -> AdoptionPolicy {
        self.limits.as_ref().map_or(AdoptionPolicy::Adopt, |limits| limits.adoption)
    }

    /// Where what is named without an ARN is.
    pub fn place(&self) -> Place<'_> {
        Place { partition: self.partition, region: &self.region, account_id: &self.account_id }
    }

    /// As the status names it.
    pub fn status(&self) -> TargetStatus {
        TargetStatus { binding: self.binding.clone(), account_id: self.account_id.clone(), region: self.region.clone() }
    }
}

/// Whether a text is the name of one thing and no way to another: wildcards and variables stand for many in a policy, and `..` is
/// a step up for whoever takes a name for a path. `-??????` is the end of a secret's ARN that only AWS knows.
fn names_one_thing(text: &str) -> bool {
    let literal = text.strip_suffix("-??????").unwrap_or(text);
    !literal.contains(['*', '?']) && !literal.contains("${") && literal.split(['/', ':']).all(|part| part != "..")
}

/// What an object says of where it wants to live, and where it lives already.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Its namespace.
    pub namespace: &'a Namespace,
    /// `spec.bindingRef.name`.
    pub binding: Option<&'a str>,
    /// `spec.region`.
    pub region: Option<&'a str>,
    /// `status.target`.
    pub pinned: Option<&'a TargetStatus>,
    /// What decides account and fences.
    pub bindings: &'a Bindings,
}

/// The object's target, or why there is none.
pub fn choose(claim: &Claim) -> Result<Target, Problem> {
    let target = match claim.bindings {
        Bindings::Ambient { account_id, region } => ambient(claim, account_id, region.as_deref())?,
        Bindings::Objects(bindings) => bound(claim, bindings)?,
    };
    match claim.pinned {
        Some(pinned) if *pinned != target.status() => Err(moved(pinned, &target, "workload")),
        _ => Ok(target),
    }
}

fn bound(claim: &Claim, bindings: &[AccountBinding]) -> Result<Target, Problem> {
    let binding = choose_binding(claim, bindings)?;
    let region = in_region(claim, binding)?;
    assemble(claim, binding, region)
}

/// The Region, if the binding admits it.
fn in_region(claim: &Claim, binding: &AccountBinding) -> Result<String, Problem> {
    let name = name(binding);
    match (claim.region, binding.spec.regions.as_slice()) {
        (Some(region), regions) if regions.iter().any(|one| one == region) => Ok(region.to_owned()),
        (Some(region), regions) => {
            known_partition(region)?;
            let rule = format!("AccountBinding {name} allows only {}", regions.join(", "));
            Err(Problem::of(Reason::NotAllowed, "spec.region", region, rule, "name one of these, or ask the administrator"))
        }
        (None, [only]) => Ok(only.clone()),
        (None, regions) => {
            let rule = format!("AccountBinding {name} has {} Regions, so one must be named", regions.len());
            Err(Problem::spec("spec.region", "", rule, format!("set it to one of {}", regions.join(", "))))
        }
    }
}

fn assemble(claim: &Claim, binding: &AccountBinding, region: String) -> Result<Target, Problem> {
    of_binding(binding, region, &claim.namespace.name)
}

/// What a binding leads to in a Region, for objects of a namespace.
pub fn of_binding(binding: &AccountBinding, region: String, namespace: &str) -> Result<Target, Problem> {
    let spec = &binding.spec;
    Ok(Target {
        binding: Some(name(binding)),
        account_id: spec.account_id.clone(),
        partition: known_partition(&region)?,
        region,
        regions: spec.regions.clone(),
        names: spec.names.clone(),
        limits: Some(spec.limits.clone()),
        role_arn: spec.role_arn.clone(),
        external_id: spec.external_id.clone(),
        session_namespace: (spec.session_tags == SessionTags::Namespace).then(|| namespace.to_owned()),
    })
}

/// The target to remove an object from: where its status says that it lives, whatever the spec says now. A status is no authority, so
/// the binding must still admit the namespace; while it does not, what exists is kept.
pub fn of_removal(claim: &Claim) -> Result<Target, Problem> {
    let (Some(pinned), Bindings::Objects(bindings)) = (claim.pinned, claim.bindings) else { return choose(claim) };
    let binding = bindings.iter().find(|binding| binding.metadata.name == pinned.binding);
    match binding.filter(|binding| binding.spec.account_id == pinned.account_id) {
        Some(binding) if admits_namespace(claim, binding) => assemble(claim, binding, pinned.region.clone()),
        Some(binding) => Err(Problem::of(
            Reason::BindingNotFound,
            "status.target.binding",
            name(binding),
            format!("this AccountBinding no longer admits namespace {}, so nothing is removed", claim.namespace.name),
            "ask the administrator to admit it again",
        )),
        None => Err(Problem::of(
            Reason::BindingNotFound,
            "status.target.binding",
            pinned.binding.as_deref().unwrap_or_default(),
            format!("the AccountBinding for account {} is gone, so nothing can be removed there", pinned.account_id),
            "put it back, or annotate the workload with wharfinger.dev/abandon=true to leave everything in AWS",
        )),
    }
}

fn name(binding: &AccountBinding) -> String {
    binding.metadata.name.clone().unwrap_or_default()
}

/// The bindings that decide where an object lives, by name: the one that it names, or else all that admit its namespace; and the one
/// that it is pinned to.
pub fn deciding(claim: &Claim, bindings: &[AccountBinding]) -> BTreeSet<String> {
    let pinned = claim.pinned.and_then(|pinned| pinned.binding.clone());
    let named: Vec<String> = match claim.binding {
        Some(named) => vec![named.to_owned()],
        None => bindings.iter().filter(|binding| admits_namespace(claim, binding)).map(name).collect(),
    };
    named.into_iter().chain(pinned).collect()
}

/// Exactly one must admit the namespace.
fn choose_binding<'a>(claim: &Claim, bindings: &'a [AccountBinding]) -> Result<&'a AccountBinding, Problem> {
    let (namespace, wanted) = (&claim.namespace.name, claim.binding);
    let candidates: Vec<&AccountBinding> = bindings
        .iter()
        .filter(|binding| wanted.is_none_or(|wanted| name(binding) == wanted))
        .filter(|binding| admits_namespace(claim, binding))
        .filter(|binding| binding.metadata.deletion_timestamp.is_none() || is_pinned_to(claim, binding))
        .collect();
    match (candidates.as_slice(), wanted) {
        ([one], _) => Ok(one),
        ([], Some(wanted)) => Err(Problem::of(
            Reason::BindingNotFound,
            "spec.bindingRef.name",
            wanted,
            format!("no AccountBinding of this name admits namespace {namespace}"),
            "ask the administrator for one whose namespaceSelector matches the namespace's labels",
        )),
        ([], None) => Err(Problem::of(
            Reason::BindingNotFound,
            "spec.bindingRef",
            "",
            format!("no AccountBinding admits namespace {namespace}"),
            "ask the administrator for one whose namespaceSelector matches the namespace's labels",
        )),
        (many, _) => Err(Problem::of(
            Reason::BindingAmbiguous,
            "spec.bindingRef",
            "",
            format!(
                "{} AccountBindings admit namespace {namespace}: {}",
                many.len(),
                many.iter().map(|b| name(b)).collect::<Vec<_>>().join(", ")
            ),
            "name one in spec.bindingRef",
        )),
    }
}

/// A binding that is being deleted takes no new workloads.
fn is_pinned_to(claim: &Claim, binding: &AccountBinding) -> bool {
    let pinned = claim.pinned.and_then(|pinned| pinned.binding.as_ref());
    pinned.is_some() && pinned == binding.metadata.name.as_ref()
}

fn admits_namespace(claim: &Claim, binding: &AccountBinding) -> bool {
    let Some(selector) = binding.spec.namespace_selector.clone() else { return false };
    Selector::try_from(selector).is_ok_and(|selector| selector.matches(&claim.namespace.labels))
}

fn ambient(claim: &Claim, account_id: &str, configured: Option<&str>) -> Result<Target, Problem> {
    let Some(region) = claim.region.or(configured).map(str::to_owned) else {
        return Err(Problem::spec("spec.region", "", "no Region is named", "set it, or AWS_REGION"));
    };
    Ok(Target {
        binding: None,
        account_id: account_id.to_owned(),
        partition: known_partition(&region)?,
        region,
        regions: vec![],
        names: Names::default(),
        limits: None,
        role_arn: None,
        external_id: None,
        session_namespace: None,
    })
}

fn known_partition(region: &str) -> Result<&'static str, Problem> {
    partition_of(region).ok_or_else(|| {
        Problem::spec("spec.region", region, "is not a Region of AWS", "name one such as eu-west-1 (aws account list-regions)")
    })
}

/// `what` = the word for the object.
fn moved(pinned: &TargetStatus, target: &Target, what: &str) -> Problem {
    let place = |target: &TargetStatus| {
        format!(
            "account {}, Region {}, binding {}",
            target.account_id,
            target.region,
            target.binding.as_deref().unwrap_or("(none)")
        )
    };
    Problem::of(
        Reason::TargetChanged,
        "spec.region, spec.bindingRef",
        place(&target.status()),
        format!("this {what} lives in {} and cannot be moved", place(pinned)),
        format!("put it back, or delete the {what} and create it anew there"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_decides_is_what_is_named_or_admits_and_what_it_is_pinned_to() {
        let binding = |name: &str, team: &str| -> AccountBinding {
            let spec = json!({
                "accountId": "111122223333", "regions": ["eu-west-1"], "namespaceSelector": {"matchLabels": {"team": team}},
            });
            AccountBinding::new(name, serde_json::from_value(spec).expect("a spec"))
        };
        let all = [binding("a", "payments"), binding("b", "payments"), binding("c", "search")];
        let namespace = Namespace { labels: [("team".to_owned(), "payments".to_owned())].into(), ..Namespace::default() };
        let pinned = |name: Option<&str>| {
            name.map(|name| TargetStatus {
                binding: Some(name.to_owned()),
                account_id: "111122223333".to_owned(),
                region: "eu-west-1".to_owned(),
            })
        };
        let rows: [(Option<&str>, Option<&str>, &[&str]); 5] = [
            (None, None, &["a", "b"]),
            (None, Some("c"), &["a", "b", "c"]),
            (Some("a"), None, &["a"]),
            (Some("d"), None, &["d"]),
            (Some("a"), Some("c"), &["a", "c"]),
        ];
        for (named, at, expected) in rows {
            let (pinned, bindings) = (pinned(at), Bindings::Objects(all.to_vec()));
            let claim =
                Claim { namespace: &namespace, binding: named, region: None, pinned: pinned.as_ref(), bindings: &bindings };
            assert_eq!(deciding(&claim, &all).iter().collect::<Vec<_>>(), expected, "{named:?} {at:?}");
        }
    }
}
