//! What a tenant can forge or wait for: statuses of its workloads, tags, a binding that changes.

use super::{Case, ELSEWHERE, KEY, VICTIMS_SECRET, attacker, binding, case, own_spec, respec};
use crate::core::fixtures::workload;
use crate::core::story::Story;
use crate::core::world::Role;
use wharfinger::inputs::Bindings;
use wharfinger::resource::role::ObservedRole;
use wharfinger::resource::secret::ObservedSecret;
use wharfinger::resource::tags::{CLUSTER, NAMESPACE_UID, OWNER, Owner, Tags};

pub(super) const OWN_SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:pay/db-AbCdEf";

pub(super) fn cases() -> Vec<Case> {
    [grants(), ends(), places(), owners()].into_iter().flatten().collect()
}

/// A status in YAML over that of a workload that has settled.
fn forged(story: &mut Story, yaml: &str) {
    let mut status = serde_json::to_value(story.status()).unwrap();
    let forged: serde_json::Value = serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    status.as_object_mut().unwrap().extend(forged.as_object().unwrap().clone());
    story.inputs.workload.status = Some(serde_json::from_value(status).unwrap_or_else(|error| panic!("{error}\n{yaml}")));
}

/// The attacker's workload has settled, and a second revision of it is registered.
fn settled(story: &mut Story) {
    story.settle();
    let spec = own_spec().replace("1.4.2", "1.4.3");
    story.respec(&spec);
    story.settle();
}

/// A secret in a status, and a revision that pulls with it.
fn recorded(arn: &str, key: &str) -> String {
    let revision = "arn:aws:ecs:eu-west-1:111122223333:task-definition/pay_api:1";
    format!(
        "secrets: [{{registry: quay.io, arn: '{arn}', kmsKeyArn: '{key}'}}]\nolderRevisions: [{{arn: '{revision}', secrets: ['{arn}']}}]"
    )
}

/// Its status names a secret of ours under this key.
pub(super) fn with_a_key(story: &mut Story, key: &str) {
    settled(story);
    forged(story, &recorded(OWN_SECRET, key));
}

/// What a forged status says that revisions need.
fn grants() -> Vec<Case> {
    let needs = |action: &str, resource: &str| {
        format!(
            "olderRevisions: [{{arn: 'arn:aws:ecs:eu-west-1:111122223333:task-definition/pay_api:1', needs: [{{action: '{action}', resource: '{resource}'}}]}}]"
        )
    };
    let secrets = recorded;
    let kept =
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:wharfinger/payments/regcred/registry.example.com/pull-000001";
    let parameter = |name: &str| format!("arn:aws:ssm:eu-west-1:111122223333:parameter/{name}/flag");
    let object = |name: &str| format!("arn:aws:s3:::shared/{name}/api.env");
    let read = "secretsmanager:GetSecretValue";
    let rows = [
        ("a secret", secrets(VICTIMS_SECRET, KEY), secrets(OWN_SECRET, KEY), OWN_SECRET),
        ("a secret that is kept", secrets(kept, KEY), secrets(OWN_SECRET, KEY), OWN_SECRET),
        ("a key of another account", secrets(OWN_SECRET, &KEY.replace("111122223333", ELSEWHERE)), secrets(OWN_SECRET, KEY), KEY),
        (
            "an alias as a key",
            secrets(OWN_SECRET, "arn:aws:kms:eu-west-1:111122223333:alias/payments"),
            secrets(OWN_SECRET, KEY),
            KEY,
        ),
        (
            "all secrets",
            secrets("arn:aws:secretsmanager:eu-west-1:111122223333:secret:pay/*", KEY),
            secrets(OWN_SECRET, KEY),
            OWN_SECRET,
        ),
        ("a need for a secret", needs(read, VICTIMS_SECRET), needs(read, OWN_SECRET), OWN_SECRET),
        (
            "a need for all secrets",
            needs(read, "arn:aws:secretsmanager:eu-west-1:111122223333:secret:*"),
            needs(read, OWN_SECRET),
            OWN_SECRET,
        ),
        (
            "a need for a parameter",
            needs("ssm:GetParameters", &parameter("payments")),
            needs("ssm:GetParameters", &parameter("pay")),
            "parameter/pay/flag",
        ),
        (
            "a need for an object",
            needs("s3:GetObject", &object("payments")),
            needs("s3:GetObject", &object("pay")),
            "shared/pay/api.env",
        ),
        (
            "a need for another action",
            needs("s3:PutObject", &object("pay")),
            needs("s3:GetObject", &object("pay")),
            "shared/pay/api.env",
        ),
        ("a need for any action", needs("*", &object("pay")), needs("s3:GetObject", &object("pay")), "shared/pay/api.env"),
    ];
    let prize = |what: &str| match what {
        "all secrets" => "pay/*",
        "a need for all secrets" => "secret:*",
        "a need for another action" => "PutObject",
        "a need for any action" => "\"*\"",
        _ => "payments",
    };
    let mut cases = vec![];
    for (what, bad, good, reached) in rows {
        let (own_bad, own_good) = (bad.clone(), good.clone());
        let own = |yaml: String| {
            move |story: &mut Story| {
                settled(story);
                forged(story, &yaml);
            }
        };
        cases.push(case(&format!("{what} in its own status"), (prize(what), own(own_bad)), (reached, own(own_good))));
        let of_sibling = |yaml: String| {
            move |story: &mut Story| {
                settled(story);
                let mut sibling = workload("web", &own_spec());
                sibling.metadata.namespace = Some("pay".into());
                let mut template = attacker();
                template.inputs.workload.status = Some(story.status().clone());
                forged(&mut template, &yaml);
                sibling.status = template.inputs.workload.status;
                story.inputs.siblings = vec![sibling.into()];
            }
        };
        cases.push(case(
            &format!("{what} in another status of its namespace"),
            (prize(what), of_sibling(bad)),
            (reached, of_sibling(good)),
        ));
    }
    cases
}

/// Things that a forged status gives up.
fn ends() -> Vec<Case> {
    let role = |name: &str| format!("arn:aws:iam::111122223333:role/tenants/{name}");
    let revision = |name: &str| format!("arn:aws:ecs:eu-west-1:111122223333:task-definition/{name}:1");
    let older = |name: &str| format!("olderRevisions: [{{arn: '{}'}}]", revision(name));
    let definition = |name: &str| format!("definition: {{arn: '{}', revision: 1}}", revision(name));
    let secret = |name: &str, arn: &str| {
        format!("secrets: [{{registry: registry.example.com, name: '{name}', arn: '{arn}', former: true}}]")
    };
    let place = "arn:aws:secretsmanager:eu-west-1:111122223333:secret";
    let (theirs, ours) =
        ("wharfinger/payments/regcred/registry.example.com/pull", "wharfinger/pay/old/registry.example.com/pull");
    let own_secret = secret(ours, &format!("{place}:{ours}-AbCdEf"));
    let rows = [
        (
            "a former role",
            format!("formerRoles: ['{}']", role("wharfinger_payments")),
            format!("formerRoles: ['{}']", role("wharfinger_pay_old")),
            "wharfinger_pay_old",
        ),
        (
            "its role",
            format!("executionRoleArn: '{}'", role("wharfinger_payments")),
            format!("executionRoleArn: '{}'", role("wharfinger_pay_old")),
            "wharfinger_pay_old",
        ),
        (
            "a role of another hand",
            format!("formerRoles: ['{}']", role("payments-admin")),
            format!("formerRoles: ['{}']", role("wharfinger_pay_old")),
            "wharfinger_pay_old",
        ),
        ("an older revision", older("payments_api"), older("pay_old"), "task-definition/pay_old:1"),
        ("the present revision", definition("payments_api"), definition("pay_old"), "task-definition/pay_old:1"),
        ("a former secret", secret(theirs, &format!("{place}:{theirs}-000001")), own_secret.clone(), "pay/old/"),
        ("a former secret under our name", secret(ours, &format!("{place}:{theirs}-000001")), own_secret.clone(), "pay/old/"),
        ("a former secret with its name and our ARN", secret(theirs, &format!("{place}:{ours}-AbCdEf")), own_secret, "pay/old/"),
    ];
    let make = |yaml: String, made: bool| {
        move |story: &mut Story| {
            settled(story);
            if made {
                old(story);
            }
            let admin = format!("{}payments-admin", "arn:aws:iam::111122223333:role/tenants/");
            let seen = ObservedRole { arn: admin, ..ObservedRole::default() };
            story
                .world
                .roles
                .insert("payments-admin".into(), Role { seen, inline: Default::default(), attached: Default::default() });
            forged(story, &yaml);
        }
    };
    rows.into_iter()
        .map(|(what, bad, good, reached)| {
            case(&format!("{what} in a status"), ("payments", make(bad, false)), (reached, make(good, true)))
        })
        .collect()
}

fn owner(of: &str) -> Owner {
    let [cluster, namespace_uid, namespace, owner] = ["cluster-1", "uid-pay", "pay", of].map(str::to_owned);
    Owner { cluster, namespace_uid, namespace, owner }
}

/// Things of an earlier time that are the attacker's own.
fn old(story: &mut Story) {
    let seen = ObservedRole {
        arn: "arn:aws:iam::111122223333:role/tenants/wharfinger_pay_old".into(),
        tags: owner("Namespace/pay").tags(),
        ..ObservedRole::default()
    };
    story
        .world
        .roles
        .insert("wharfinger_pay_old".into(), Role { seen, inline: Default::default(), attached: Default::default() });
    let name = "wharfinger/pay/old/registry.example.com/pull";
    let arn = format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{name}-AbCdEf");
    let secret = ObservedSecret { arn, tags: owner("Secret/old").tags(), ..ObservedSecret::default() };
    story.world.secrets.insert(name.into(), secret);
    let mut revision = story.world.definitions["pay_api"][0].clone();
    revision.arn = "arn:aws:ecs:eu-west-1:111122223333:task-definition/pay_old:1".into();
    revision.content["taskDefinitionArn"] = revision.arn.clone().into();
    story.world.definitions.insert("pay_old".into(), vec![revision]);
}

/// Where it acts. After a change of the spec there is something to write.
fn places() -> Vec<Case> {
    let another = |story: &mut Story, selects: &str| {
        let mut victims = binding();
        victims.metadata.name = Some("victims".into());
        victims.spec.account_id = ELSEWHERE.into();
        victims.spec.namespace_selector = Some(serde_saphyr::from_str(selects).unwrap());
        let Bindings::Objects(bindings) = &mut story.inputs.bindings else { panic!("no bindings") };
        bindings.push(victims);
    };
    let changed = |story: &mut Story| {
        settled(story);
        respec(story, &own_spec().replace("1.4.2", "1.5.0"));
    };
    let theirs = "{matchLabels: {name: payments}}";
    type Change = Box<dyn Fn(&mut Story)>;
    let unlabelled: Change = Box::new(|story| story.inputs.namespace.labels.clear());
    let unselected: Change = Box::new(|story| {
        let Bindings::Objects(bindings) = &mut story.inputs.bindings else { panic!("no bindings") };
        bindings[0].spec.namespace_selector = Some(serde_saphyr::from_str("{matchLabels: {tenant: 'false'}}").unwrap());
    });
    let unbound: Change = Box::new(|story| {
        let Bindings::Objects(bindings) = &mut story.inputs.bindings else { panic!("no bindings") };
        bindings[0].spec.namespace_selector = None;
    });
    let gone: Change = Box::new(|story| story.inputs.bindings = Bindings::Objects(vec![]));
    let pinned = |target: String| -> Change {
        Box::new(move |story| {
            another(story, theirs);
            forged(story, &target);
        })
    };
    let target =
        |binding: &str, account: &str| format!("target: {{binding: {binding}, accountId: '{account}', region: eu-west-1}}");
    let rows: Vec<(&str, Change)> = vec![
        ("a namespace that lost its label", unlabelled),
        ("a selector that selects others", unselected),
        ("a selector that is gone", unbound),
        ("a binding that is gone", gone),
        ("a forged binding and account", pinned(target("victims", ELSEWHERE))),
        ("a forged binding", pinned(target("victims", "111122223333"))),
        ("a forged account", pinned(target("tenants", ELSEWHERE))),
        (
            "a binding that is another's",
            Box::new(move |story| {
                another(story, theirs);
                story.inputs.workload.spec.binding_ref = Some(serde_saphyr::from_str("{name: victims}").unwrap());
                story.inputs.workload.status = None;
            }),
        ),
        (
            "two bindings that admit it",
            Box::new(move |story| {
                another(story, "{}");
                story.inputs.workload.status = None;
            }),
        ),
    ];
    rows.into_iter()
        .map(|(what, change)| {
            let attack = move |story: &mut Story| {
                changed(story);
                change(story);
            };
            case(what, ("\"call\"", attack), ("\"call\"", changed))
        })
        .collect()
}

/// Whose things that have our names are.
fn owners() -> Vec<Case> {
    let crafted: [(&str, fn(&mut Tags)); 5] = [
        ("of another namespace", |tags| drop(tags.insert(NAMESPACE_UID.into(), "uid-payments".into()))),
        ("of another cluster", |tags| drop(tags.insert(CLUSTER.into(), "cluster-2".into()))),
        ("of another owner", |tags| drop(tags.insert(OWNER.into(), "Namespace/payments".into()))),
        ("half removed, and another's", |tags| {
            tags.remove(OWNER);
            tags.insert(NAMESPACE_UID.into(), "uid-payments".into());
        }),
        ("removed", Tags::clear),
    ];
    let mut cases = vec![];
    for (what, craft) in crafted {
        let role = move |craft: fn(&mut Tags)| move |story: &mut Story| tagged_role(story, craft);
        cases.push(case(
            &format!("a role with tags {what}"),
            ("\"role\":\"wharfinger_pay\"", role(craft)),
            ("PutRolePolicy", role(|_| ())),
        ));
        let secret = move |craft: fn(&mut Tags)| move |story: &mut Story| tagged_secret(story, craft);
        cases.push(case(&format!("a secret with tags {what}"), ("call", secret(craft)), ("PutSecretValue", secret(|_| ()))));
        let family = move |craft: fn(&mut Tags)| move |story: &mut Story| tagged_family(story, craft);
        cases.push(case(
            &format!("a family with tags {what}"),
            ("egisterDefinition", family(craft)),
            ("RegisterDefinition", family(|_| ())),
        ));
        let read = move |craft: fn(&mut Tags)| move |story: &mut Story| read_secret(story, craft);
        if what == "of another owner" {
            continue; // its namespace may read it
        }
        cases.push(case(
            &format!("a secret to read with tags {what}"),
            ("left-AbCdEf", read(craft)),
            ("left-AbCdEf", read(|_| ())),
        ));
    }
    cases.into_iter().map(|case| Case { is_told: true, ..case }).collect()
}

fn tagged_role(story: &mut Story, craft: fn(&mut Tags)) {
    let arn = "arn:aws:iam::111122223333:role/tenants/wharfinger_pay".to_owned();
    let mut tags = owner("Namespace/pay").tags();
    craft(&mut tags);
    let seen = ObservedRole { arn, tags, ..ObservedRole::default() };
    story.world.roles.insert("wharfinger_pay".into(), Role { seen, inline: Default::default(), attached: Default::default() });
}

const PULL: &str = "wharfinger/pay/regcred/registry.example.com/pull";

fn tagged_secret(story: &mut Story, craft: fn(&mut Tags)) {
    let mut tags = owner("Secret/regcred").tags();
    craft(&mut tags);
    let arn = format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{PULL}-AbCdEf");
    story.world.secrets.insert(PULL.into(), ObservedSecret { arn, tags, ..ObservedSecret::default() });
}

fn tagged_family(story: &mut Story, craft: fn(&mut Tags)) {
    let mut found = story.world.definitions["payments_api"][0].clone();
    found.arn = "arn:aws:ecs:eu-west-1:111122223333:task-definition/pay_api:1".into();
    found.content["taskDefinitionArn"] = found.arn.clone().into();
    found.tags = owner("PrivateImageWorkload/api").tags();
    craft(&mut found.tags);
    story.world.definitions.insert("pay_api".into(), vec![found]);
}

/// A secret under our prefix for the namespace that an earlier namespace of the name left.
fn read_secret(story: &mut Story, craft: fn(&mut Tags)) {
    let name = "wharfinger/pay/left";
    let arn = format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{name}-AbCdEf");
    let mut tags = owner("Secret/left").tags();
    craft(&mut tags);
    story.world.secrets.insert(name.into(), ObservedSecret { arn: arn.clone(), tags, ..ObservedSecret::default() });
    let read = format!("{{name: api, secrets: [{{name: X, valueFrom: '{arn}'}}],");
    respec(story, &own_spec().replace("{name: api,", &read));
}
