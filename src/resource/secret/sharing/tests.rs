//! Copies and readers: what is asked for, what is there, what is done.

use super::*;
use crate::failure::{Failure, FailureKind};

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/quay-AbCdEf";
const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const READER: &str = "arn:aws:iam::444455556666:role/reader";
const SID: &str = "Wharfinger0123456789abcdef";

fn wanted(replicas: &[(&str, Option<&str>)], readers: &[&str]) -> DesiredSharing {
    DesiredSharing {
        replicas: replicas.iter().map(|(region, key)| ((*region).to_owned(), key.map(str::to_owned))).collect(),
        readers: readers.iter().map(|reader| (*reader).to_owned()).collect(),
        sid: SID.to_owned(),
    }
}

fn copies(list: &[(&str, Option<&str>, &str)]) -> ObservedSecret {
    let copy = |(region, key, state): &(&str, Option<&str>, &str)| {
        let copy =
            ObservedReplica { kms_key: key.map(str::to_owned), state: (*state).to_owned(), message: Some("so it is".into()) };
        ((*region).to_owned(), copy)
    };
    ObservedSecret { arn: ARN.to_owned(), replicas: list.iter().map(copy).collect(), ..ObservedSecret::default() }
}

fn planned(desired: &DesiredSharing, seen: &ObservedSecret, policy: Option<&Snapshot<Value>>) -> Plan {
    with_keys(desired, seen, policy, &BTreeMap::new())
}

fn with_keys(
    desired: &DesiredSharing,
    seen: &ObservedSecret,
    policy: Option<&Snapshot<Value>>,
    keys: &BTreeMap<String, Snapshot<String>>,
) -> Plan {
    let mut planned = Plan::default();
    let seen = ObservedSharing { secret: Some(seen), policy, keys };
    plan(desired, ARN, seen, &Subject::secret("wharfinger/payments/quay"), &mut planned);
    planned
}

fn calls(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| serde_json::to_value(&step.action).unwrap()["call"].as_str().unwrap().to_owned()).collect()
}

/// Region and key; and the state, of one that is there.
type Wanted = (&'static str, Option<&'static str>);
type There = (&'static str, Option<&'static str>, &'static str);
type Row = (&'static str, Vec<Wanted>, Vec<There>, Vec<&'static str>, Option<&'static str>);

#[test]
fn copies_are_made_changed_and_taken_away() {
    let rows: Vec<Row> = vec![
        ("none wanted, none there", vec![], vec![], vec![], None),
        ("one is missing", vec![("us-east-1", None)], vec![], vec!["ReplicateSecretToRegions"], None),
        ("it is there", vec![("us-east-1", None)], vec![("us-east-1", None, "InSync")], vec![], None),
        ("with its key", vec![("us-east-1", Some(KEY))], vec![("us-east-1", Some(KEY), "InSync")], vec![], None),
        (
            "its key by its id",
            vec![("us-east-1", Some(KEY))],
            vec![("us-east-1", Some("1234abcd-12ab-34cd-56ef-1234567890ab"), "InSync")],
            vec![],
            None,
        ),
        ("one too many", vec![], vec![("us-east-1", None, "InSync")], vec!["RemoveRegionsFromReplication"], None),
        (
            "another key",
            vec![("us-east-1", Some(KEY))],
            vec![("us-east-1", None, "InSync")],
            vec!["RemoveRegionsFromReplication"],
            Some("made anew"),
        ),
        (
            "back to the default key",
            vec![("us-east-1", None)],
            vec![("us-east-1", Some(KEY), "InSync")],
            vec!["RemoveRegionsFromReplication"],
            Some("made anew"),
        ),
        (
            "one stays, one comes, one goes",
            vec![("us-east-1", None), ("us-west-2", None)],
            vec![("us-east-1", None, "InSync"), ("eu-north-1", None, "InSync")],
            vec!["RemoveRegionsFromReplication", "ReplicateSecretToRegions"],
            None,
        ),
    ];
    copies_are(rows);
}

#[test]
fn copies_that_are_not_in_sync_are_told_and_asked_for_again() {
    copies_are(vec![
        ("being made", vec![("us-east-1", None)], vec![("us-east-1", None, "InProgress")], vec![], Some("is being made")),
        (
            "failed",
            vec![("us-east-1", None)],
            vec![("us-east-1", None, "Failed")],
            vec!["ReplicateSecretToRegions"],
            Some("failed: so it is"),
        ),
        (
            "failed, and another one is missing",
            vec![("us-east-1", None), ("us-west-2", None)],
            vec![("us-east-1", None, "Failed")],
            vec!["ReplicateSecretToRegions", "ReplicateSecretToRegions"],
            Some("failed: so it is"),
        ),
        ("failed, and not wanted", vec![], vec![("us-east-1", None, "Failed")], vec!["RemoveRegionsFromReplication"], None),
        (
            "failed, with another key",
            vec![("us-east-1", Some(KEY))],
            vec![("us-east-1", None, "Failed")],
            vec!["RemoveRegionsFromReplication"],
            Some("made anew"),
        ),
    ]);
}

fn copies_are(rows: Vec<Row>) {
    for (what, replicas, there, expected, held) in rows {
        let plan = planned(&wanted(&replicas, &[]), &copies(&there), None);
        assert_eq!(calls(&plan), expected, "{what}");
        let told = plan.held.first().map(|held| held.message.clone());
        assert_eq!(told.is_some(), held.is_some(), "{what}: {told:?}");
        assert!(told.unwrap_or_default().contains(held.unwrap_or_default()), "{what}");
    }
}

/// What fails as a whole must not take the other with it, so each step has its own Regions.
#[test]
fn a_copy_that_failed_is_asked_for_again_with_its_key() {
    let desired = wanted(&[("us-east-1", Some(KEY)), ("us-west-2", None), ("eu-north-1", None)], &[]);
    let there = [("us-east-1", Some(KEY), "Failed"), ("us-west-2", None, "InSync")];
    let asked: Vec<_> = planned(&desired, &copies(&there), None).steps.into_iter().map(|step| step.action).collect();
    let call = |region: &str, key: Option<&str>| Action::ReplicateSecretToRegions {
        arn: ARN.to_owned(),
        replicas: [(region.to_owned(), key.map(str::to_owned))].into(),
    };
    assert_eq!(asked, [call("eu-north-1", None), call("us-east-1", Some(KEY))]);
}

fn denied() -> Failure {
    Failure {
        service: "AnyService".into(),
        operation: "AnyOperation".into(),
        kind: FailureKind::Denied,
        code: "AccessDeniedException".into(),
        message: String::new(),
        request_id: None,
        retry_after: None,
    }
}

/// AWS shows the key of a copy as it was given, be that an alias of the copy's Region.
#[test]
fn an_alias_is_the_key_that_it_leads_to() {
    const ALIAS: &str = "arn:aws:kms:us-east-1:111122223333:alias/mine";
    let other = KEY.replace("1234abcd", "00000000");
    let rows = [
        ("the same key", Some(KEY), Some(Snapshot::Present(KEY.to_owned())), vec![], false),
        ("another key", Some(KEY), Some(Snapshot::Present(other)), vec!["RemoveRegionsFromReplication"], false),
        ("it cannot be seen", Some(KEY), Some(Snapshot::Unknown(denied())), vec![], true),
        ("it is gone", Some(KEY), Some(Snapshot::Absent), vec![], true),
        ("it was not looked up", Some(KEY), None, vec![], true),
        ("none is wanted", None, Some(Snapshot::Present(KEY.to_owned())), vec!["RemoveRegionsFromReplication"], false),
    ];
    for (what, key, seen, expected, told) in rows {
        for written in ["alias/mine", ALIAS] {
            let keys = seen.clone().into_iter().map(|seen| (ALIAS.to_owned(), seen)).collect();
            let secret = copies(&[("us-east-1", Some(written), "InSync")]);
            assert_eq!(secret.keys().collect::<Vec<_>>(), [ALIAS], "looked up in the copy's Region");
            let plan = with_keys(&wanted(&[("us-east-1", key)], &[]), &secret, None, &keys);
            assert_eq!(calls(&plan), expected, "{what}, {written}");
            assert_eq!(plan.notes.iter().any(|note| note.contains(ALIAS) && note.contains("us-east-1")), told, "{what}");
        }
    }
}

/// A policy as AWS would hand it back, with a statement of others.
fn with(ours: Option<&[&str]>, theirs: bool) -> Value {
    let foreign =
        json!({"Sid": "Audit", "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret", "Resource": "*"});
    let own = ours.map(|readers| json!({"Sid": SID, "Effect": "Allow", "Principal": {"AWS": readers}, "Action": ["secretsmanager:GetSecretValue"], "Resource": ["*"]}));
    let statements: Vec<Value> = theirs.then_some(foreign).into_iter().chain(own).collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}

#[test]
fn only_our_own_statement_is_ours() {
    let other = "arn:aws:iam::444455556666:root";
    let rows = [
        ("nobody, nothing", vec![], None, None, None),
        ("nobody, only others", vec![], Some(with(None, true)), None, None),
        ("nobody any more", vec![], Some(with(Some(&[READER]), false)), Some("DeleteResourcePolicy"), None),
        (
            "nobody any more, others stay",
            vec![],
            Some(with(Some(&[READER]), true)),
            Some("PutResourcePolicy"),
            Some(with(None, true)),
        ),
        ("the first", vec![READER], None, Some("PutResourcePolicy"), Some(with(Some(&[READER]), false))),
        ("beside others", vec![READER], Some(with(None, true)), Some("PutResourcePolicy"), Some(with(Some(&[READER]), true))),
        ("as it is", vec![READER], Some(with(Some(&[READER]), true)), None, None),
        (
            "one more",
            vec![READER, other],
            Some(with(Some(&[READER]), true)),
            Some("PutResourcePolicy"),
            Some(with(Some(&[READER, other]), true)),
        ),
        // AWS shows a principal that was deleted by its id.
        (
            "a role made anew",
            vec![READER],
            Some(with(Some(&["AROAEXAMPLEEXAMPLEEXAM"]), false)),
            Some("PutResourcePolicy"),
            Some(with(Some(&[READER]), false)),
        ),
    ];
    for (what, readers, there, call, document) in rows {
        let there = there.map_or(Snapshot::Absent, Snapshot::Present);
        let plan = planned(&wanted(&[], &readers), &ObservedSecret::default(), Some(&there));
        assert_eq!(calls(&plan), call.into_iter().collect::<Vec<_>>(), "{what}");
        if let (Some(document), Some(Action::PutResourcePolicy { document: put, .. })) =
            (document, plan.steps.first().map(|step| &step.action))
        {
            assert!(same_meaning(put, &document), "{what}: {put}");
            assert_eq!(others(put, SID), others(&document, SID), "{what}: what others wrote is as it was");
        }
    }
}

/// Other credentials, clusters and tools write into the same document.
#[test]
fn a_statement_of_another_of_us_is_not_ours() {
    let mut theirs = with(Some(&[READER]), false);
    theirs["Statement"][0]["Sid"] = json!("Wharfingerffffffffffffffff");
    let there = Snapshot::Present(theirs.clone());
    assert_eq!(calls(&planned(&wanted(&[], &[]), &ObservedSecret::default(), Some(&there))), [] as [&str; 0]);
    let plan = planned(&wanted(&[], &[READER]), &ObservedSecret::default(), Some(&there));
    let Some(Action::PutResourcePolicy { document, .. }) = plan.steps.first().map(|step| &step.action) else { panic!("{plan}") };
    assert_eq!(others(document, SID), others(&theirs, SID), "it stays beside ours");
    assert_eq!(statements(document).count(), 2);
}

#[test]
fn a_policy_that_cannot_be_seen_is_not_written() {
    let there = Snapshot::Unknown(denied());
    for readers in [vec![], vec![READER]] {
        let plan = planned(&wanted(&[], &readers), &ObservedSecret::default(), Some(&there));
        assert_eq!(calls(&plan), [] as [&str; 0]);
        assert!(matches!(plan.held.first().map(|held| &held.hold), Some(Hold::Unobserved(_))), "{plan}");
    }
}

#[test]
fn what_the_keys_owner_must_add_is_ready_to_paste() {
    let statement = key_policy_statement(&[READER.to_owned()].into(), ARN, "eu-west-1").unwrap();
    assert_eq!(statement["Principal"], json!({"AWS": [READER]}));
    assert_eq!(statement["Condition"]["StringEquals"]["kms:EncryptionContext:SecretARN"], ARN);
}
