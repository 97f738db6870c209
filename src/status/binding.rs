//! The status of an `AccountBinding`: who acts through it for how many workloads, and whether its deletion waits for them. Several
//! controllers may write it, each its own entry; all else follows from the entries, so that no two disagree.

use super::{READY, STALLED};
use crate::api::{AccountBinding, AccountBindingStatus, BindingController};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use std::collections::BTreeSet;

/// Users named in a message; the rest are counted.
const MAX_NAMED: usize = 10;

/// A controller: one that runs, or several replicas of which one leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Namespace and name of its Lease, which no other has.
    pub name: String,
    /// The namespaces that it watches; none = all.
    pub namespaces: Option<BTreeSet<String>>,
}

/// What an installation has to say of a binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Share {
    /// It does not act through it, or no more.
    Nothing,
    /// It acts through it for these, as `NAMESPACE/NAME`.
    Users(Vec<String>),
    /// For these, and perhaps for others where it may not look: what was counted there before still counts.
    AtLeast(Vec<String>),
}

/// The status, with the share of one installation as it is now and what the others said.
pub fn binding_status(binding: &AccountBinding, own: &Installation, share: &Share, now: Timestamp) -> AccountBindingStatus {
    let deleting = binding.metadata.deletion_timestamp.is_some();
    let before = binding.status.clone().unwrap_or_default();
    let mut controllers = before.controllers;
    match share {
        Share::Nothing => controllers.retain(|controller| controller.name != own.name),
        Share::Users(users) | Share::AtLeast(users) => {
            let entry = |since: String, counted: i64| BindingController {
                name: own.name.clone(),
                namespaces: own.namespaces.as_ref().map(|namespaces| namespaces.iter().cloned().collect()),
                since,
                workloads: counted.max(users.len() as i64),
                users: if deleting { users.iter().take(MAX_NAMED).cloned().collect() } else { vec![] },
            };
            match controllers.iter_mut().find(|controller| controller.name == own.name) {
                Some(known) if matches!(share, Share::AtLeast(_)) => *known = entry(known.since.clone(), known.workloads),
                Some(known) => *known = entry(known.since.clone(), 0),
                None => controllers.push(entry(later_than_all(&controllers, now), 0)),
            }
        }
    }
    controllers.sort_by(|a, b| a.name.cmp(&b.name));
    AccountBindingStatus {
        observed_generation: binding.metadata.generation,
        workloads: controllers.iter().map(|controller| controller.workloads).sum(),
        conditions: conditions(binding, &controllers, &before.conditions, now),
        controllers,
    }
}

/// Who comes later counts as later, whatever its clock says.
fn later_than_all(controllers: &[BindingController], now: Timestamp) -> String {
    let last = controllers.iter().filter_map(|controller| controller.since.parse::<Timestamp>().ok()).max();
    let next = last.and_then(|last| last.checked_add(SignedDuration::from_millis(1)).ok());
    next.map_or(now, |next| next.max(now)).to_string()
}

/// The installation whose namespace it is, if it is another one: it was there first. What is in no namespace is everybody's that acts
/// through the binding, and so the first one's.
pub fn rival<'a>(binding: &'a AccountBinding, own: &Installation, namespace: Option<&str>) -> Option<&'a BindingController> {
    let controllers = binding.status.as_ref().map(|status| status.controllers.as_slice()).unwrap_or_default();
    let watches = |it: &&BindingController| match (&it.namespaces, namespace) {
        (Some(watched), Some(namespace)) => watched.iter().any(|one| one == namespace),
        (None, _) | (_, None) => true,
    };
    // A time that is no time is nobody's claim to be first.
    let order = |it: &BindingController| (it.since.parse::<Timestamp>().ok().unwrap_or(Timestamp::MAX), it.name.clone());
    let first = controllers.iter().filter(|it| it.name == own.name || watches(it)).min_by_key(|it| order(it));
    first.filter(|first| first.name != own.name)
}

fn conditions(
    binding: &AccountBinding,
    controllers: &[BindingController],
    previous: &[Condition],
    now: Timestamp,
) -> Vec<Condition> {
    let condition = |kind: &str, status: &str, reason: &str, message: String| {
        let before = previous.iter().find(|condition| condition.type_ == kind && condition.status == status);
        Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message,
            observed_generation: binding.metadata.generation,
            last_transition_time: before.map_or(Time(now), |before| before.last_transition_time.clone()),
        }
    };
    if binding.metadata.deletion_timestamp.is_none() || controllers.is_empty() {
        return vec![condition(READY, "True", "Succeeded", "the account is checked when a workload acts in it".to_owned())];
    }
    let message = blocked(controllers);
    vec![condition(READY, "False", "DeletionBlocked", message.clone()), condition(STALLED, "True", "DeletionBlocked", message)]
}

fn blocked(controllers: &[BindingController]) -> String {
    let mut named: Vec<&String> = controllers.iter().flat_map(|controller| &controller.users).collect();
    named.sort();
    named.truncate(MAX_NAMED);
    let all: i64 = controllers.iter().map(|controller| controller.workloads).sum();
    let silent = controllers.iter().filter(|controller| controller.users.is_empty()).map(|controller| controller.name.as_str());
    let (silent, more) = (silent.collect::<Vec<_>>().join(", "), all - named.len() as i64);
    let named = named.into_iter().cloned().collect::<Vec<_>>().join(", ");
    let whom = match (named.is_empty(), more > 0) {
        (true, _) => format!("{all}"),
        (false, true) => format!("{named} and {more} more"),
        (false, false) => named,
    };
    let silent = match silent.as_str() {
        "" => String::new(),
        names => format!(
            "; nothing was heard yet of {names}: if such a controller is no more, remove its entry in status.controllers (kubectl edit --subresource=status)"
        ),
    };
    format!(
        "deletion waits for the workloads that use this binding: {whom}; delete them, or annotate them with wharfinger.dev/abandon=true{silent}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(name: &str, namespaces: Option<&[&str]>) -> Installation {
        let namespaces = namespaces.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        Installation { name: name.into(), namespaces }
    }

    fn users(names: &[&str]) -> Share {
        Share::Users(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn binding(status: AccountBindingStatus) -> AccountBinding {
        let spec = serde_json::json!({"accountId": "111122223333", "regions": ["eu-west-1"]});
        let mut binding = AccountBinding::new("prod", serde_json::from_value(spec).expect("a spec"));
        binding.status = Some(status);
        binding
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("a time")
    }

    #[test]
    fn each_controller_counts_its_own_and_keeps_what_the_others_said() {
        let (a, b) = (own("a/wharfinger", Some(&["payments"])), own("b/wharfinger", Some(&["orders"])));
        let first =
            binding_status(&binding(AccountBindingStatus::default()), &a, &users(&["payments/api", "payments/job"]), at(5));
        let both = binding_status(&binding(first.clone()), &b, &users(&["orders/api"]), at(3));
        assert_eq!((first.workloads, both.workloads), (2, 3));
        assert_eq!(both.controllers.len(), 2);
        let since = |of: usize| both.controllers[of].since.parse::<Timestamp>().expect("a time");
        assert!(since(1) > since(0), "whatever the clock of b says: {both:?}");
        let again = binding_status(&binding(both.clone()), &a, &users(&["payments/api", "payments/job"]), at(9));
        assert_eq!(again, both, "nothing new, nothing to write");
        let Share::Users(fewer) = users(&["payments/api"]) else { panic!("users") };
        let part = binding_status(&binding(both.clone()), &a, &Share::AtLeast(fewer.clone()), at(9));
        assert_eq!(part, both, "where it may not look, what was counted still counts");
        assert_eq!(binding_status(&binding(both.clone()), &a, &Share::Users(fewer), at(9)).workloads, 2);
        let gone = binding_status(&binding(both), &a, &Share::Nothing, at(9));
        assert_eq!((gone.workloads, gone.controllers.len()), (1, 1));
    }

    #[test]
    fn a_namespace_belongs_to_the_first_that_watches_it() {
        let entry = |name: &str, namespaces: Option<&[&str]>, since: &str| BindingController {
            name: name.into(),
            namespaces: namespaces.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
            since: since.into(),
            ..BindingController::default()
        };
        let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.001Z");
        let rows = [
            (vec![], None),
            (vec![entry("b", None, early)], None),
            (vec![entry("a", None, early)], Some("a")),
            (vec![entry("a", Some(&["payments"]), early)], Some("a")),
            (vec![entry("a", Some(&["orders"]), early)], None),
            (vec![entry("a", None, early), entry("b", None, late)], Some("a")),
            (vec![entry("a", None, late), entry("b", None, early)], None),
            (vec![entry("a", None, early), entry("b", None, early)], Some("a")),
            (vec![entry("a", None, "a long time ago"), entry("b", None, late)], None),
        ];
        for (controllers, expected) in rows {
            let binding = binding(AccountBindingStatus { controllers, ..AccountBindingStatus::default() });
            let found = rival(&binding, &own("b", None), Some("payments")).map(|it| it.name.as_str());
            assert_eq!(found, expected, "{:?}", binding.status);
            let controllers = binding.status.iter().flat_map(|status| &status.controllers);
            let sole = controllers.into_iter().all(|it| it.name != "a" || it.since == late || it.since.starts_with('a'));
            let keeper = rival(&binding, &own("b", None), None).map(|it| it.name.as_str());
            assert_eq!(keeper.is_none(), sole, "what is in no namespace is the first one's: {:?}", binding.status);
        }
    }

    #[test]
    fn a_deletion_names_whom_it_waits_for() {
        let mut doomed = binding(AccountBindingStatus::default());
        doomed.metadata.deletion_timestamp = Some(Time(at(0)));
        let names: Vec<String> = (0..12).map(|n| format!("payments/{n:02}")).collect();
        let status = binding_status(&doomed, &own("a", None), &Share::Users(names), at(1));
        let message = &status.conditions[0].message;
        assert!(
            message.contains("payments/00") && message.contains("payments/09") && message.contains("and 2 more"),
            "{message}"
        );
        assert!(!message.contains("payments/10") && !message.contains("heard yet"), "{message}");
        let other =
            BindingController { name: "b/old".into(), since: "2026-01-01T00:00:00Z".into(), workloads: 3, ..Default::default() };
        doomed.status = Some(AccountBindingStatus { controllers: vec![other], ..Default::default() });
        let status = binding_status(&doomed, &own("a", None), &Share::Nothing, at(1));
        let message = &status.conditions[0].message;
        assert!(message.contains("this binding: 3;") && message.contains("heard yet of b/old"), "{message}");
        assert!(status.conditions.iter().any(|condition| condition.type_ == STALLED && condition.status == "True"));
        doomed.status = None;
        let status = binding_status(&doomed, &own("a", None), &Share::Nothing, at(1));
        assert_eq!(status.conditions[0].status, "True", "nobody uses it");
    }
}
