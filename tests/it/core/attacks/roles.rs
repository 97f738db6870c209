//! Execution roles and KMS keys.

use super::{Case, ELSEWHERE, KEY, VICTIMS_KEY, case, credential, open, own_spec, refused, respec};
use crate::core::story::Story;
use wharfinger::resource::secret::ObservedSecret;

pub(super) fn cases() -> Vec<Case> {
    [roles(), keys()].into_iter().flatten().collect()
}

fn roles() -> Vec<Case> {
    let own = own_spec();
    let name = |name: &str| format!("{own}executionRole: {{name: '{name}'}}");
    let good = name("wharfinger_pay_batch");
    let good = ("wharfinger_pay_batch", good.as_str());
    let arn = |arn: &str| format!("{own}executionRole: {{arn: '{arn}'}}");
    let mut cases = vec![
        refused("another namespace's role by name", ("payments", &name("wharfinger_payments")), good),
        refused("a role that begins as another namespace's", ("payments", &name("wharfinger_payments_x")), good),
        refused("a role that begins as our namespace", ("wharfinger_payx", &name("wharfinger_payx")), good),
        refused("a role without our prefix", ("\"admin\"", &name("admin")), good),
        refused("a role in capitals", ("WHARFINGER", &name("WHARFINGER_pay_x")), good),
        refused("a role with a slash", ("wharfinger_pay_/", &name("wharfinger_pay_/../admin")), good),
        refused("a role with a look-alike of a letter", ("\u{430}", &name("wharfinger_p\u{430}y")), good),
    ];
    for (what, prize, role) in [
        (
            "a role that is named as another namespace's",
            "payments",
            "arn:aws:iam::111122223333:role/tenants/wharfinger_payments_x",
        ),
        ("a role that is not admitted", "run/other", "arn:aws:iam::111122223333:role/run/other"),
        ("a role of another path", "role/admin/pay-x", "arn:aws:iam::111122223333:role/admin/pay-x"),
        (
            "a role named as ours, outside rolePath",
            "role/admin/wharfinger_pay",
            "arn:aws:iam::111122223333:role/admin/wharfinger_pay_x",
        ),
        ("a role of another partition", "arn:aws-cn:", "arn:aws-cn:iam::111122223333:role/run/pay-x"),
    ] {
        cases.push(existing(what, prize, arn(role), role, ("existingRoles", "['*']")));
        let pasted = own.replace("ecs: {", &format!("ecs: {{executionRoleArn: '{role}', "));
        cases.push(existing(&format!("{what}, pasted"), prize, pasted, role, ("existingRoles", "['*']")));
    }
    let reachable = arn("arn:aws:iam::111122223333:role/run/pay-x");
    for (what, prize, role) in [
        ("another namespace's role by ARN", "payments", "arn:aws:iam::111122223333:role/tenants/wharfinger_payments"),
        ("a role of another account", ELSEWHERE, "arn:aws:iam::999900001111:role/run/pay-x"),
        ("all roles", "pay-*", "arn:aws:iam::111122223333:role/run/pay-*"),
        ("a role with a variable", "${aws", "arn:aws:iam::111122223333:role/run/pay-${aws:username}"),
        ("a role that goes up", "pay-/..", "arn:aws:iam::111122223333:role/run/pay-/../admin"),
        ("a user", ":user/", "arn:aws:iam::111122223333:user/run/pay-x"),
    ] {
        let (bad, good) = (arn(role), reachable.clone());
        let bad_role = role.to_owned();
        let attack = move |story: &mut Story| {
            respec(story, &bad);
            there(story, &bad_role);
            open(story, "existingRoles", "['*']");
        };
        let control = move |story: &mut Story| {
            respec(story, &good);
            there(story, "arn:aws:iam::111122223333:role/run/pay-x");
        };
        cases.push(case(what, (prize, attack), ("run/pay-x", control)));
    }
    cases
}

/// A role that exists, so that only the fence is in the way.
fn existing(what: &str, prize: &str, spec: String, role: &str, opened: (&'static str, &'static str)) -> Case {
    let (again, role) = (spec.clone(), role.to_owned());
    let also = role.clone();
    let attack = move |story: &mut Story| {
        respec(story, &spec);
        there(story, &also);
    };
    let control = move |story: &mut Story| {
        respec(story, &again);
        there(story, &role);
        open(story, opened.0, opened.1);
    };
    case(what, (prize, attack), (prize, control))
}

fn there(story: &mut Story, role: &str) {
    use crate::core::world::Role;
    let name = role.rsplit('/').next().unwrap_or_default().to_owned();
    let seen = wharfinger::resource::role::ObservedRole { arn: role.to_owned(), ..Default::default() };
    story.world.roles.entry(name).or_insert(Role { seen, inline: Default::default(), attached: Default::default() });
}

fn keys() -> Vec<Case> {
    let key = |key: &str| credential(&format!("{{secretRef: {{name: regcred}}, kmsKey: '{key}'}}"));
    let rows = [
        ("a key by ARN", "deadbeef", VICTIMS_KEY.to_owned()),
        ("a key by id", "deadbeef", VICTIMS_KEY.rsplit('/').next().unwrap().to_owned()),
        ("a key by alias", "deadbeef", "alias/payments".to_owned()),
        ("a key of another account", ELSEWHERE, KEY.replace("111122223333", ELSEWHERE)),
        ("a key of another Region", "us-east-1", KEY.replace("eu-west-1", "us-east-1")),
    ];
    let mut cases: Vec<Case> = rows
        .iter()
        .map(|(what, prize, name)| {
            let known = |story: &mut Story| {
                story.world.keys.insert("deadbeef-12ab-34cd-56ef-1234567890ab".into(), VICTIMS_KEY.into());
            };
            let (bad, good) = (key(name), key(name));
            let attack = move |story: &mut Story| {
                known(story);
                respec(story, &bad);
            };
            let control = move |story: &mut Story| {
                known(story);
                respec(story, &good);
                open(story, "kmsKeys", "['*']");
            };
            case(what, (prize, attack), (prize, control))
        })
        .collect();
    let good = key("alias/pay-own");
    for (what, prize, bad) in [
        ("all keys", "key/*", key("arn:aws:kms:eu-west-1:111122223333:key/*")),
        ("an alias that goes up", "..", key("alias/pay-/../payments")),
        ("a variable for a key", "${", key("arn:aws:kms:eu-west-1:111122223333:key/${aws:username}")),
    ] {
        cases.push(refused(what, (prize, &bad), (KEY, &good)));
    }
    cases.extend(role_keys());
    cases
}

/// Keys for what may not be looked at: `executionRole.kmsKeys`.
fn role_keys() -> Vec<Case> {
    let spec = |key: &str| {
        let secret = "secrets: [{name: X, valueFrom: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:pay/db-AbCdEf'}]";
        format!("{}executionRole: {{kmsKeys: ['{key}']}}", own_spec().replace("{name: api,", &format!("{{name: api, {secret},")))
    };
    let hidden = |story: &mut Story| {
        // Its key cannot be seen: it is named by an alias that the account does not have.
        let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:pay/db-AbCdEf".to_owned();
        let secret = ObservedSecret { arn, kms_key: Some(VICTIMS_KEY.to_owned()), ..ObservedSecret::default() };
        story.world.secrets.insert("pay/db".into(), secret);
    };
    let attack = move |story: &mut Story| {
        respec(story, &spec(KEY));
        hidden(story);
    };
    let control = move |story: &mut Story| {
        attack(story);
        open(story, "kmsKeys", "['*']");
    };
    vec![case("the key that a secret of ours is found to have", ("deadbeef", attack), ("deadbeef", control))]
}
