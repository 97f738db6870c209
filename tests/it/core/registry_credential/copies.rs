//! Copies in other Regions, and readers of other accounts.

use super::*;

#[test]
fn copies_and_readers_are_made_changed_and_removed_with_it() {
    let spec = "{registry: quay.io, secretRef: {name: quay-login}, kmsKey: alias/x, replicas: [{region: us-east-1, kmsKey: alias/x}], readers: [{roleArn: 'arn:aws:iam::444455556666:role/reader'}]}";
    let mut scene = Scene::new(spec);
    scene.world.keys.insert("arn:aws:kms:us-east-1:111122223333:alias/x".into(), COPY_KEY.into());
    assert_eq!(steps(&scene.plan()), ["CreateSecret", "ReplicateSecretToRegions", "PutResourcePolicy"]);
    scene.settle();
    assert_eq!(scene.settle(), 0);
    assert_eq!(scene.status().replicas[0].kms_key_arn.as_deref(), Some(COPY_KEY));
    let statement: Value = serde_json::from_str(scene.status().key_policy_statement.as_deref().unwrap()).unwrap();
    assert_eq!(statement["Principal"], json!({"AWS": ["arn:aws:iam::444455556666:role/reader"]}));
    // A crash after any write is made good.
    for writes in 0..3 {
        let mut cut = Scene::new(spec);
        cut.world.keys = scene.world.keys.clone();
        cut.pass_until(writes);
        cut.settle();
        assert_eq!((cut.world.writes, cut.settle()), (3, 0), "after {writes}");
    }
    scene.respec(QUAY);
    assert_eq!(steps(&scene.plan()), ["UpdateSecret", "RemoveRegionsFromReplication", "DeleteResourcePolicy"]);
    scene.pass();
    assert!(scene.status().replicas.is_empty(), "what was taken away is named no more: {:?}", scene.status().replicas);
    scene.settle();
    scene.respec("{registry: quay.io, secretRef: {name: quay-login}, replicas: [{region: us-east-1}]}");
    scene.settle();
    let owner = wharfinger::resource::tags::Owner {
        cluster: "cluster-1".into(),
        namespace_uid: "uid-payments".into(),
        namespace: "payments".into(),
        owner: "RegistryCredential/quay".into(),
    };
    let observed = scene.world.observe(&wharfinger::observed::Reads { secrets: [NAME.to_owned()].into(), ..Default::default() });
    let plan = plan::remove_credential(NAME, &owner, None, 7, &observed);
    assert_eq!(steps(&plan), ["RemoveRegionsFromReplication", "DeleteSecret"], "AWS deletes no secret that has copies");
    assert!(scene.world.apply(&plan, usize::MAX).iter().all(|outcome| matches!(outcome, Outcome::Done(_))));
    let theirs = wharfinger::resource::tags::Owner { owner: "RegistryCredential/other".into(), ..owner };
    assert_eq!(steps(&plan::remove_credential(NAME, &theirs, None, 7, &observed)), [] as [&str; 0]);
}

/// Its owner named the copy's key by an alias of the copy's Region.
#[test]
fn a_copy_that_is_taken_over_stays_where_its_key_is_the_right_one() {
    let alias = "arn:aws:kms:us-east-1:111122223333:alias/copies";
    let spec = format!(
        "{{registry: quay.io, secretRef: {{name: quay-login}}, adoptionPolicy: Adopt, replicas: [{{region: us-east-1, kmsKey: '{COPY_KEY}'}}]}}"
    );
    let limits = LIMITS.replace("{registries", "{adoption: Adopt, registries");
    for (known, told) in [(true, false), (false, true)] {
        let mut scene = Scene::under(&spec, &limits);
        let copy = ObservedReplica { kms_key: Some("alias/copies".into()), state: "InSync".into(), message: None };
        let secret = ObservedSecret {
            arn: format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{NAME}-AbCdEf"),
            replicas: [("us-east-1".to_owned(), copy)].into(),
            ..ObservedSecret::default()
        };
        scene.world.secrets.insert(NAME.into(), secret);
        if known {
            scene.world.keys.insert(alias.into(), COPY_KEY.into());
        }
        scene.settle();
        assert_eq!(scene.secret().replicas["us-east-1"].kms_key.as_deref(), Some("alias/copies"), "not made anew");
        assert_eq!(scene.status().warnings.join("\n").contains(alias), told, "{:?}", scene.status().warnings);
        let recorded = scene.status().replicas[0].kms_key_arn.as_deref();
        assert_eq!(recorded, known.then_some(COPY_KEY), "what its users may decrypt with is a key, not an alias");
    }
}

#[test]
fn one_that_failed_is_asked_for_again_and_told() {
    let mut scene = Scene::settled("{registry: quay.io, secretRef: {name: quay-login}, replicas: [{region: us-east-1}]}");
    let failed = ObservedReplica { state: "Failed".into(), message: Some("no room".into()), ..ObservedReplica::default() };
    scene.secret().replicas.insert("us-east-1".into(), failed);
    let writes = scene.world.writes;
    scene.pass();
    assert_eq!(scene.world.writes, writes + 1, "ReplicateSecretToRegions");
    let (reason, message) = scene.ready();
    assert!(reason == "RefusedByAws" && message.contains("no room"), "{reason}: {message}");
    let states: Vec<&str> = scene.status().replicas.iter().map(|copy| copy.state.as_str()).collect();
    assert_eq!(states, ["InProgress"], "one copy, told once");
    scene.settle();
    assert_eq!(scene.ready().0, "Succeeded");
}

/// In the secret's own account, IAM's policies are enough to decrypt.
#[test]
fn the_keys_owner_is_asked_for_readers_of_other_accounts_only() {
    let (own, other) = ("arn:aws:iam::111122223333:role/own", "arn:aws:iam::444455556666:role/reader");
    let limits = LIMITS.replace("readers: [", "readers: ['arn:aws:iam::111122223333:role/own', ");
    for (readers, expected) in [(vec![own, other], Some(json!([other]))), (vec![own], None)] {
        let list = readers.iter().map(|reader| format!("{{roleArn: '{reader}'}}")).collect::<Vec<_>>().join(", ");
        let spec = format!("{{registry: quay.io, secretRef: {{name: quay-login}}, kmsKey: alias/x, readers: [{list}]}}");
        let mut scene = Scene::under(&spec, &limits);
        scene.settle();
        let statement = scene.status().key_policy_statement.clone();
        let asked = statement.map(|text| serde_json::from_str::<Value>(&text).unwrap()["Principal"]["AWS"].clone());
        assert_eq!(asked, expected, "{readers:?}");
        assert_eq!(scene.world.resource_policies[NAME]["Statement"][0]["Principal"]["AWS"], json!(readers));
    }
}

/// AWS shows no policy of a secret that is scheduled for deletion.
#[test]
fn what_others_have_in_the_policy_outlives_a_restoration() {
    let more = "kmsKey: alias/x, readers: [{accountId: '444455556666'}]";
    let mut scene = Scene::settled(&format!("{{registry: quay.io, secretRef: {{name: quay-login}}, {more}}}"));
    let theirs =
        json!({"Sid": "Audit", "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret", "Resource": "*"});
    scene.world.resource_policies.insert(NAME.into(), json!({"Version": "2012-10-17", "Statement": [&theirs]}));
    scene.secret().scheduled_for_deletion = true;
    assert_eq!(steps(&scene.plan()), ["RestoreSecret"]);
    scene.pass();
    let (reason, message) = scene.ready();
    assert!(reason == "Progressing" && message.contains("once it is restored"), "{reason}: {message}");
    scene.settle();
    let statements = scene.world.resource_policies[NAME]["Statement"].as_array().unwrap().clone();
    assert!(statements.len() == 2 && statements.contains(&theirs), "{statements:?}");
}
