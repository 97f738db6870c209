//! Secrets to pull with, and the hosts that a login goes to.

use super::{Case, ELSEWHERE, VICTIMS_SECRET, case, credential, fenced, open, own_spec, refused, respec};
use crate::core::fixtures::docker;
use crate::core::story::Story;
use wharfinger::resource::secret::ObservedSecret;

pub(super) fn cases() -> Vec<Case> {
    [pulls(), registries()].into_iter().flatten().collect()
}

/// Secrets to pull with, by each form of their names.
fn pulls() -> Vec<Case> {
    let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret";
    let kept = format!("{arn}:wharfinger/payments/regcred/registry.example.com/pull");
    let rows = [
        ("its full ARN", VICTIMS_SECRET.to_owned()),
        ("its partial ARN", format!("{arn}:payments/db")),
        ("its name", "payments/db".to_owned()),
        ("the full ARN of one that is kept", format!("{kept}-000001")),
        ("the partial ARN of one that is kept", kept.clone()),
        ("the name of one that is kept", "wharfinger/payments/regcred/registry.example.com/pull".to_owned()),
    ];
    let mut cases = vec![];
    for (what, id) in rows {
        let given = credential(&format!("{{registry: registry.example.com, secretArn: '{id}'}}"));
        cases.push(fenced(&format!("a secret to pull with by {what}"), "payments", &given, ("secretArns", "['*']")));
        cases.push(fenced(&format!("a pasted one by {what}"), "payments", &pasted(&id), ("secretArns", "['*']")));
    }
    let elsewhere = VICTIMS_SECRET.replace("111122223333", ELSEWHERE).replace("payments", "pay");
    let full = |story: &mut Story| {
        let arn = VICTIMS_SECRET.replace("111122223333", ELSEWHERE).replace("payments", "pay");
        story.world.secrets.insert(arn.clone(), ObservedSecret { arn, ..ObservedSecret::default() });
    };
    let (bad, good) = (pasted(&elsewhere), pasted(&elsewhere));
    cases.push(case(
        "a pasted one of another account",
        (ELSEWHERE, move |story: &mut Story| {
            full(story);
            respec(story, &bad);
        }),
        (ELSEWHERE, move |story: &mut Story| {
            full(story);
            respec(story, &good);
            open(story, "secretArns", "['*']");
        }),
    ));
    let own = pasted("pay/own");
    let there = move |story: &mut Story| {
        let arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:pay/own-AbCdEf".to_owned();
        story.world.secrets.insert("pay/own".to_owned(), ObservedSecret { arn, ..ObservedSecret::default() });
        respec(story, &own);
    };
    for (what, prize, id) in [
        ("all secrets", "pay/*", format!("{arn}:pay/*")),
        ("a variable", "${aws", format!("{arn}:pay/${{aws:username}}")),
        ("a name that goes up", "..", "pay/../payments/db".to_owned()),
        ("an ARN that goes up", "..", format!("{arn}:pay/../payments/db-AbCdEf")),
        ("an encoded name", "%2f", "pay%2fdb".to_owned()),
        ("a suffix for keys", ":user", format!("{VICTIMS_SECRET}:user::")),
    ] {
        let bad = pasted(&id);
        cases.push(case(
            &format!("{what} to pull with"),
            (prize, move |story: &mut Story| respec(story, &bad)),
            ("pay/own-AbCdEf", there.clone()),
        ));
    }
    cases
}

fn pasted(id: &str) -> String {
    format!(
        "ecs: {{memory: '512', containerDefinitions: [{{name: a, image: 'registry.example.com/pay/api:1', repositoryCredentials: {{credentialsParameter: '{id}'}}}}]}}"
    )
}

/// A login goes to no host but those that are admitted, however it is written.
fn registries() -> Vec<Case> {
    let hosts = [
        ("a host that goes on", "registry.example.com.evil.test"),
        ("a host that begins otherwise", "evil-registry.example.com"),
        ("another port", "registry.example.com:8443"),
        ("a pattern's host that goes on", "a.pay.example.com.evil.test"),
        ("a pattern's host without its dot", "evilpay.example.com"),
        ("a pattern's host with a port", "a.pay.example.com:22"),
        ("a machine", "localhost"),
        ("an address", "169.254.169.254"),
        ("a host like Docker Hub's", "docker.io.evil.test"),
        ("another that Docker has", "hub.docker.com"),
    ];
    let of_host = |host: &str| {
        let (spec, login) = (own_spec().replace("registry.example.com", host), host.to_owned());
        move |story: &mut Story| {
            story.inputs.sources.insert("regcred".into(), docker(&[(&login, "puller", "any")]));
            respec(story, &spec);
        }
    };
    let mut cases: Vec<Case> = hosts
        .iter()
        .map(|(what, host)| {
            let (closed, opened) = (of_host(host), of_host(host));
            let control = move |story: &mut Story| {
                opened(story);
                open(story, "registries", "['*']");
            };
            case(what, (host, closed), (host, control))
        })
        .collect();
    let hub = |story: &mut Story| {
        story.inputs.sources.insert("regcred".into(), docker(&[("https://index.docker.io/v1/", "puller", "any")]));
        respec(story, &own_spec().replace("registry.example.com/pay/api", "registry-1.docker.io/pay/api"));
    };
    let closed = move |story: &mut Story| {
        hub(story);
        open(story, "registries", "[index.docker.io, registry.example.com]");
    };
    cases.push(case("Docker Hub by a name of it that is not the fence's", ("CreateSecret", closed), ("CreateSecret", hub)));
    let own = own_spec();
    for (what, image) in [
        ("a dot at the host's end", "registry.example.com./pay/api:1"),
        ("a host before an at-sign", "registry.example.com@evil.test/pay/api:1"),
        ("a user before the host", "registry.example.com:x@evil.test/pay/api:1"),
        ("a scheme", "https://evil.test/pay/api:1"),
        ("white space", "registry.example.com/pay/api:1 evil.test"),
        ("an encoded slash", "registry.example.com%2fevil.test/api:1"),
        ("a look-alike of a letter", "registry.ex\u{430}mple.com/pay/api:1"),
    ] {
        let bad = own.replace("registry.example.com/pay/api:1.4.2", &format!("'{image}'"));
        cases.push(refused(&format!("{what} in an image"), ("RegisterDefinition", &bad), ("RegisterDefinition", &own)));
    }
    cases
}
