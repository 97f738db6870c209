//! What has left the files, and what only looks like it.

use super::*;
use crate::api::Names;
use crate::resource::tags::{DELETION_POLICY, Owner};

fn target() -> Target {
    Target {
        binding: Some("prod".into()),
        account_id: "111122223333".into(),
        region: "eu-west-1".into(),
        regions: vec![],
        partition: "aws",
        names: Names::default(),
        limits: None,
        role_arn: None,
        external_id: None,
        session_namespace: None,
    }
}

fn tags(owner: &str, more: &[(&str, &str)]) -> Tags {
    let namespace = "payments".to_owned();
    let owner = Owner { cluster: "pipeline".into(), namespace_uid: namespace.clone(), namespace, owner: owner.into() };
    owner.tags().into_iter().chain(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))).collect()
}

fn revision(service: &str, name: &str, number: i64, tags: Tags) -> ObservedRevision {
    ObservedRevision {
        arn: format!("arn:aws:{service}-definition/{name}:{number}"),
        active: true,
        tags,
        role: Some("arn:aws:iam::111122223333:role/wharfinger_payments".into()),
        secrets: vec![format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/{name}/pull-AbCdEf")],
        needs: vec![],
    }
}

fn task(name: &str, number: i64, tags: Tags) -> ObservedRevision {
    revision("ecs:eu-west-1:111122223333:task", name, number, tags)
}

fn job(name: &str, number: i64, tags: Tags) -> ObservedRevision {
    revision("batch:eu-west-1:111122223333:job", name, number, tags)
}

fn secret(name: &str, tags: Tags) -> OwnedSecret {
    let arn = format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{name}-AbCdEf");
    OwnedSecret { name: name.into(), arn, tags }
}

fn look(revisions: &[ObservedRevision], secrets: &[OwnedSecret]) -> Departed {
    let present = [key("payments", "PrivateImageWorkload", "api"), key("payments", "RegistryCredential", "quay")].into();
    let (owned, target) = (Owned { revisions: revisions.to_vec(), secrets: secrets.to_vec() }, target());
    departed(&owned, "pipeline", &present, |_| &target)
}

#[test]
fn what_is_of_this_owner_and_of_no_object_in_the_files_has_departed() {
    let of = |name: &str| tags(&format!("PrivateImageWorkload/{name}"), &[]);
    let other = |key: &str, value: &str| tags("PrivateImageWorkload/web", &[(key, value)]);
    let rows: [(&str, Tags, bool); 9] = [
        ("in the files", of("api"), false),
        ("not in the files", of("web"), true),
        ("named like one in the files, and of another kind", tags("RegistryCredential/api", &[]), false),
        ("a credential of the files has its name", of("quay"), true),
        ("of no name", of(""), false),
        ("of another owner", other("wharfinger.dev/cluster", "pipeline-2"), false),
        ("of a cluster of that name", other("wharfinger.dev/namespace-uid", "7a0e"), false),
        ("of a namespace of the files' name, and another", other("wharfinger.dev/namespace", "search"), false),
        ("of nobody", Tags::new(), false),
    ];
    for (what, tags, gone) in rows {
        for made in [task("payments_web", 1, tags.clone()), job("payments_web", 1, tags.clone())] {
            let arn = made.arn.clone();
            let found = look(&[made], &[]);
            assert_eq!(found.workloads.len(), usize::from(gone), "{what}: {found:?}");
            let statuses = found.workloads.iter().filter_map(|workload| workload.status.as_ref());
            assert!(statuses.flat_map(|it| it.older_revisions.iter().flatten()).all(|revision| revision.arn == arn), "{what}");
        }
    }
}

#[test]
fn a_departed_workload_has_what_its_removal_asks_for() {
    let of = tags("PrivateImageWorkload/web", &[]);
    let found = look(&[task("payments_web", 7, of.clone()), job("web", 1, of.clone()), job("web", 2, of)], &[]);
    let [web] = found.workloads.as_slice() else { panic!("{found:#?}") };
    assert_eq!((web.metadata.name.as_deref(), web.metadata.namespace.as_deref()), (Some("web"), Some("payments")));
    let status = web.status.as_ref().unwrap();
    assert_eq!(status.target, Some(target().status()));
    assert_eq!(status.older_revisions.as_ref().map(Vec::len), Some(3));
    assert_eq!(status.former_roles, ["arn:aws:iam::111122223333:role/wharfinger_payments"]);
    assert!(status.secrets.len() == 2 && status.secrets.iter().all(|secret| secret.name.is_none()), "{status:#?}");
    let [task, job] = ["payments_web", "web"]
        .map(|name| format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/{name}/pull-AbCdEf"));
    assert!(uses(web, &task) && uses(web, &job) && !uses(web, "another") && !may_use(web, "another"));
    let unseen = PrivateImageWorkload { status: None, ..web.clone() };
    assert!(may_use(&unseen, "another") && !uses(&unseen, "another"), "nobody knows what it needs");
}

#[test]
fn the_newest_revision_says_whether_a_workload_stays() {
    let of = |policy: Option<&str>| {
        let told: Vec<(&str, &str)> = policy.map(|policy| (DELETION_POLICY, policy)).into_iter().collect();
        tags("PrivateImageWorkload/web", &told)
    };
    type Row<'a> = (&'a [(&'a str, i64, Option<&'a str>)], DeletionPolicy);
    let rows: [Row; 6] = [
        (&[("web", 1, None)], DeletionPolicy::Delete),
        (&[("web", 1, Some("Retain"))], DeletionPolicy::Retain),
        (&[("web", 1, Some("Delete"))], DeletionPolicy::Delete),
        (&[("web", 1, Some("Retain")), ("web", 2, None)], DeletionPolicy::Delete),
        (&[("web", 2, Some("Retain")), ("web", 1, None)], DeletionPolicy::Retain),
        (&[("web", 2, Some("Retain")), ("former", 3, None)], DeletionPolicy::Retain),
    ];
    for (revisions, policy) in rows {
        let all: Vec<_> = revisions.iter().map(|(name, number, told)| job(name, *number, of(*told))).collect();
        assert_eq!(look(&all, &[]).workloads[0].spec.deletion_policy, policy, "{revisions:?}");
    }
}

#[test]
fn secrets_are_of_credentials_or_shared_and_below_the_prefix() {
    let rows: [(&str, &str, &str, Option<&str>, usize); 6] = [
        ("of a credential in the files", "wharfinger/payments/quay/credential", "RegistryCredential/quay", None, 0),
        ("of one that is gone", "wharfinger/payments/ghcr", "RegistryCredential/ghcr", Some("ghcr"), 0),
        ("elsewhere", "elsewhere/ghcr", "RegistryCredential/ghcr", None, 0),
        ("shared", "wharfinger/payments/regcred/ghcr.io/pull", "Secret/regcred", None, 1),
        ("shared, elsewhere", "elsewhere/regcred", "Secret/regcred", None, 0),
        ("of something else", "wharfinger/payments/x", "Deployment/x", None, 0),
    ];
    for (what, name, owner, credential, shared) in rows {
        let found = look(&[], &[secret(name, tags(owner, &[]))]);
        let names: Vec<_> = found.credentials.iter().filter_map(|(it, _)| it.metadata.name.as_deref()).collect();
        assert_eq!(names, credential.into_iter().collect::<Vec<_>>(), "{what}");
        assert_eq!(found.shared.len(), shared, "{what}");
        let named = found.credentials.iter().all(|(it, arn)| it.spec.name.as_deref() == Some(name) && arn.contains(name));
        assert!(named && found.workloads.is_empty(), "{what}: {found:?}");
    }
    let retained = tags("RegistryCredential/ghcr", &[(DELETION_POLICY, "Retain")]);
    let found = look(&[], &[secret("wharfinger/payments/ghcr", retained)]);
    assert_eq!(found.credentials[0].0.spec.deletion_policy, DeletionPolicy::Retain);
}

#[test]
fn what_stays_registered_counts_in_the_namespaces_that_it_pulls_in() {
    let shared = secret("wharfinger/payments/regcred/ghcr.io/pull", tags("Secret/regcred", &[]));
    let arn = shared.arn.clone();
    let copy = arn.replace("eu-west-1", "us-east-1");
    let names = |tags: Tags, arn: &str| ObservedRevision { secrets: vec![arn.to_owned()], ..task("payments_api", 3, tags) };
    let of = |name: &str| tags(&format!("PrivateImageWorkload/{name}"), &[]);
    let rows: [(&str, ObservedRevision, bool, bool, bool); 7] = [
        ("of an object in the files", names(of("api"), &arn), true, true, true),
        (
            "the same, of another name",
            ObservedRevision { arn: task("x", 1, of("api")).arn, ..names(of("api"), &arn) },
            true,
            true,
            false,
        ),
        ("the same, with no secret of ours", names(of("api"), "arn:aws:secretsmanager:x"), true, false, true),
        ("of an object that is gone: it is not what stays", names(of("web"), &arn), false, false, false),
        ("of nobody", names(Tags::new(), &arn), true, true, false),
        ("of nobody, with a copy in another Region", names(Tags::new(), &copy), true, true, false),
        ("of nobody, with no secret of ours", names(Tags::new(), "arn:aws:secretsmanager:x"), false, false, false),
    ];
    let present = [key("payments", "PrivateImageWorkload", "api")].into();
    for (what, revision, counts, pulls, understood) in rows {
        let owned = Owned { revisions: vec![revision], secrets: vec![shared.clone()] };
        let (keepers, known, target) = (keepers([&owned].into_iter(), "pipeline"), ["payments_api".to_owned()].into(), target());
        let found = staying(&owned, "pipeline", &present, &keepers, &known, |_| &target);
        assert_eq!(found.len(), usize::from(counts), "{what}: {found:#?}");
        let Some(it) = found.first() else { continue };
        assert_eq!((it.metadata.namespace.as_deref(), may_use(it, &arn)), (Some("payments"), pulls), "{what}");
        assert_eq!(it.status.as_ref().is_some_and(|status| !status.conditions.is_empty()), understood, "{what}");
    }
}

#[test]
fn a_thing_is_of_the_place_with_the_longest_prefix() {
    let place = |definitions: &str, secrets: &str| Target {
        names: Names { definition_prefix: definitions.into(), secret_prefix: secrets.into(), ..Names::default() },
        ..target()
    };
    let owned = Owned {
        revisions: ["two_search_web", "payments_api"].map(|name| task(name, 1, Tags::new())).into(),
        secrets: ["wharfinger/two/a", "wharfinger/a"].map(|name| secret(name, Tags::new())).into(),
    };
    let mut found = [("", "wharfinger/"), ("two_", "wharfinger/two/"), ("", "wharfinger/")]
        .map(|(definitions, secrets)| (vec![place(definitions, secrets)], owned.clone()));
    divide(&mut found);
    let held = found.map(|(_, owned)| {
        let secrets: Vec<String> = owned.secrets.into_iter().map(|secret| secret.name).collect();
        (owned.revisions.len(), secrets.join(" "))
    });
    assert_eq!(held, [(1, "wharfinger/a".to_owned()), (1, "wharfinger/two/a".to_owned()), (0, String::new())]);
}

#[test]
fn a_policy_tells_the_regions_that_it_grants_something_in() {
    let secret = |region: &str, name: &str| format!("arn:aws:secretsmanager:{region}:111122223333:secret:{name}");
    let policy = serde_json::json!({"Statement": [
        {"Effect": "Allow", "Resource": [secret("us-east-1", "wharfinger/payments/a-AbCdEf"), secret("eu-north-1", "shared-AbCdEf")]},
        {"Effect": "Allow", "Resource": "arn:aws:ecr:ap-south-1:111122223333:repository/a"},
        {"Effect": "Allow", "Resource": "arn:aws:ecr:sa-east-1:444455556666:repository/a"},
        {"Effect": "Allow", "Resource": ["*", "arn:aws:logs:*:111122223333:*", "arn:aws:iam::111122223333:role/a"]},
    ]});
    let told = |below| granted_regions(&policy, "111122223333", below).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(told(None), "ap-south-1 eu-north-1 us-east-1");
    assert_eq!(told(Some("wharfinger/payments/")), "us-east-1");
}
