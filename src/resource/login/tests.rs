//! Secrets of every type that holds logins, and all that can be wrong with them.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn data(pairs: &[(&str, &[u8])]) -> BTreeMap<String, Vec<u8>> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.to_vec())).collect()
}

fn config(auths: Value) -> Result<Logins, LoginError> {
    parse(CONFIG_JSON.0, &data(&[(CONFIG_JSON.1, json!({ "auths": auths }).to_string().as_bytes())]))
}

fn auth(text: &str) -> String {
    BASE64.encode(text)
}

fn registry(text: &str) -> Registry {
    Registry::parse(text).unwrap()
}

fn login(username: &str, password: &str) -> Login {
    Login::new(username, password).unwrap()
}

#[test]
fn every_type_that_holds_a_login() {
    let entry = json!({"https://index.docker.io/v1/": {"auth": auth("me:a:b:c")}});
    let expected = Logins::ByRegistry([(registry("docker.io"), Ok(login("me", "a:b:c")))].into());
    assert_eq!(config(entry.clone()), Ok(expected.clone()));
    assert_eq!(parse(DOCKERCFG.0, &data(&[(DOCKERCFG.1, entry.to_string().as_bytes())])), Ok(expected));
    for secret_type in [BASIC_AUTH, "Opaque", "acme.io/login", ""] {
        let pair = data(&[("username", b"me"), ("password", b"p\n"), ("more", b"\xff")]);
        assert_eq!(parse(secret_type, &pair), Ok(Logins::Any(login("me", "p\n"))));
    }
}

#[test]
fn entries_in_every_form_and_one_that_is_broken_does_not_spoil_the_others() {
    let Ok(Logins::ByRegistry(found)) = config(json!({
        "a.io": {"auth": auth("me:p")},
        "b.io": {"auth": auth("me:p?").trim_end_matches('=')},
        "c.io": {"auth": format!("{}\n{}", &auth("me:p")[..4], &auth("me:p")[4..]), "username": "x", "password": "y"},
        "d.io": {"username": "me", "password": "p", "auth": "", "email": 5},
        "e.io": {"auth": auth("me:p"), "identitytoken": "t"},
        "f.io": {"auth": "%%%"},
        "h.io": {},
        "word": {"auth": auth("me:p")},
        "i.io": "text",
        "j.io": {"auth": auth("0:"), "identitytoken": "t"},
        "k.io": {"registrytoken": "t"},
        "l.io": {"auth": 5},
        "m.io": {"auth": auth("nocolon")},
        "n.io": {"auth": auth(":p")},
        "o.io": {"username": "me"},
        "p.io": {"auth": BASE64.encode([b'a', b':', 0xff])},
        "q.io": {"username": "me", "password": "p".repeat(65_536)},
        "index.docker.io": {},
        "docker.io": {"auth": auth("me:p")},
        "https://r.io": {"auth": auth("me:p")},
        "r.io": {"auth": auth("me:q")},
        "http://r.io": {"auth": auth("me:p")},
        "https://s.io/v2/": {"auth": auth("me:p")},
        "s.io": {"username": "me", "password": "p"},
    })) else {
        panic!("not entries")
    };
    let good = |host: &str| found[&registry(host)].clone().unwrap();
    for host in ["a.io", "c.io", "d.io", "e.io", "docker.io", "s.io"] {
        assert_eq!(good(host), login("me", "p"), "{host}");
    }
    assert_eq!(good("b.io"), login("me", "p?"));
    for (host, why) in [
        ("f.io", "not base64"),
        ("h.io", "neither `auth` nor"),
        ("i.io", "not a JSON object"),
        ("j.io", "`identitytoken` in place of a password"),
        ("k.io", "`registrytoken` in place of a password"),
        ("l.io", "`auth` that is not a string"),
        ("m.io", "without a colon"),
        ("n.io", "empty user name"),
        ("o.io", "empty password"),
        ("p.io", "not UTF-8 once decoded"),
        ("q.io", "65567 bytes"),
        ("r.io", "stands twice"),
    ] {
        let said = found[&registry(host)].clone().unwrap_err().to_string();
        let whole = said.starts_with(&format!("the Secret's key `.dockerconfigjson`, entry `{host}`,"));
        assert!(said.contains(why) && whole && said.contains("kubectl create secret"), "{host}: {said}");
    }
    assert_eq!(found.len(), 19);
}

#[test]
fn secrets_that_are_refused() {
    let json = CONFIG_JSON;
    for (secret_type, pairs, why) in [
        ("Opaque", data(&[("username", b"me")]), "type \"Opaque\""),
        ("kubernetes.io/tls", data(&[]), "`kubernetes.io/dockercfg`, `kubernetes.io/basic-auth`"),
        (BASIC_AUTH, data(&[("username", b"me")]), "key `password` is missing"),
        (BASIC_AUTH, data(&[("username", b""), ("password", b"p")]), "key `username` has an empty user name"),
        (BASIC_AUTH, data(&[("username", b"me"), ("password", b"")]), "key `password` has an empty password"),
        ("Opaque", data(&[("username", b"me"), ("password", b"\xff")]), "key `password` is not UTF-8"),
        (json.0, data(&[(".dockercfg", b"{}")]), "key `.dockerconfigjson` is missing"),
        (json.0, data(&[(json.1, b"\xff")]), "not UTF-8"),
        (json.0, data(&[(json.1, b"{\n \"auths\": hunter2}")]), "line 2, column 11;"),
        (json.0, data(&[(json.1, b"[]")]), "not a JSON object"),
        (json.0, data(&[(json.1, b"{\"a.io\": {}}")]), "no object `auths`"),
        (json.0, data(&[(json.1, b"{\"auths\": []}")]), "no object `auths`"),
        (json.0, data(&[(json.1, b"{\"auths\": {\"me:hunter2@a.io\": {}}}")]), "no entry whose name is a registry"),
    ] {
        let said = parse(secret_type, &pairs).unwrap_err().to_string();
        assert!(said.contains(why) && said.contains(REMEDY) && !said.contains("hunter2"), "{said}");
    }
    assert_eq!(config(json!({})), Ok(Logins::ByRegistry(BTreeMap::new())));
}

#[test]
fn the_value_that_aws_gets() {
    let value = login("robot$x", "a\"b\\c\n\u{1}é{}").secret_string();
    assert_eq!(value.reveal(), r#"{"username":"robot$x","password":"a\"b\\c\n\u0001é{}"}"#);
    assert_eq!(format!("{value} {:?}", login("me", "p")), "[sealed] Login([sealed])");
    let longest = "p".repeat(MAX_VALUE_BYTES - r#"{"username":"u","password":""}"#.len());
    assert_eq!(login("u", &longest).secret_string().reveal().len(), MAX_VALUE_BYTES);
    let bytes = MAX_VALUE_BYTES + 1;
    assert_eq!(Login::new("u", &format!("{longest}p")), Err(Fault::TooLong { bytes }));
}

#[test]
fn which_entry_serves_which_image() {
    let names = ["docker.io", "ghcr.io", "ghcr.io/acme", "ghcr.io/acme/team", "*.example.com/deep", "r.example.com", "*.corp.io"];
    let mut auths: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!({"username": name, "password": "p"}))).collect();
    auths.insert("ghcr.io/broken".into(), json!({}));
    let logins = config(Value::Object(auths)).unwrap();
    for (wanted, image, found) in [
        (None, "busybox", Some(("docker.io", "docker.io"))),
        (None, "ghcr.io/x/y", Some(("ghcr.io", "ghcr.io"))),
        (None, "ghcr.io/acme/y", Some(("ghcr.io/acme", "ghcr.io/acme"))),
        (None, "ghcr.io/acme/team/y", Some(("ghcr.io/acme/team", "ghcr.io/acme/team"))),
        (None, "ghcr.io/acme-labs/y", Some(("ghcr.io", "ghcr.io"))),
        (None, "r.example.com/deep/y", Some(("r.example.com", "r.example.com"))),
        (None, "s.example.com/deep/y", Some(("s.example.com/deep", "*.example.com/deep"))),
        (None, "h.corp.io/y", Some(("h.corp.io", "*.corp.io"))),
        (None, "quay.io/x/y", None),
        (Some("ghcr.io"), "ghcr.io/acme/y", Some(("ghcr.io", "ghcr.io"))),
        (Some("ghcr.io/acme/other"), "ghcr.io/acme/other/y", Some(("ghcr.io/acme", "ghcr.io/acme"))),
        (Some("ghcr.io/acme"), "ghcr.io/x/y", None),
        (Some("quay.io"), "quay.io/x/y", None),
        (Some("h.corp.io"), "h.corp.io/x/y", Some(("h.corp.io", "*.corp.io"))),
        (Some("*.corp.io"), "h.corp.io/x/y", Some(("h.corp.io", "*.corp.io"))),
    ] {
        let wanted = wanted.map(registry);
        let got = select(&logins, wanted.as_ref(), &Image::parse(image).unwrap()).unwrap();
        let got = got.map(|(registry, login)| (registry.to_string(), login.username()));
        assert_eq!(got.as_ref().map(|(registry, user)| (registry.as_str(), *user)), found, "{wanted:?} {image}");
    }
    let broken = Image::parse("ghcr.io/broken/y").unwrap();
    assert!(select(&logins, None, &broken).unwrap_err().to_string().contains("entry `ghcr.io/broken`"));
    let by_name = |text: &str| select_for(&logins, &registry(text)).unwrap().map(|(registry, _)| registry.to_string());
    assert_eq!(by_name("ghcr.io/acme/team/a").as_deref(), Some("ghcr.io/acme/team"));
    assert_eq!(by_name("h.corp.io").as_deref(), Some("h.corp.io"));
    assert_eq!(by_name("quay.io"), None);
}

#[test]
fn a_login_for_anywhere_is_for_the_registry_that_is_wanted_else_for_the_images() {
    let any = Logins::Any(login("me", "p"));
    for (wanted, image, found) in [
        (None, "quay.io/x/y", Some("quay.io")),
        (Some("quay.io/x"), "quay.io/x/y", Some("quay.io/x")),
        (Some("*.corp.io/x"), "h.corp.io/x/y", Some("h.corp.io/x")),
        (Some("ghcr.io"), "quay.io/x/y", None),
    ] {
        let got = select(&any, wanted.map(registry).as_ref(), &Image::parse(image).unwrap()).unwrap();
        assert_eq!(got.map(|(registry, _)| registry.to_string()).as_deref(), found, "{wanted:?} {image}");
    }
}

/// Broken Secrets of every kind around one user name and password.
fn broken(username: &str, password: &str) -> Vec<String> {
    let pair = format!("{username}:{password}");
    let value = |entry: Value| match config(json!({ "a.io": entry })) {
        Ok(Logins::ByRegistry(mut found)) => found.pop_first().unwrap().1.unwrap_err(),
        other => other.map(|_| ()).unwrap_err(),
    };
    let raw = |secret_type: &str, key: &str, text: String| parse(secret_type, &data(&[(key, text.as_bytes())])).unwrap_err();
    let errors = [
        value(json!({"auth": format!("{}!", auth(&pair))})),
        value(json!({"auth": auth(&pair.replace(':', ";"))})),
        value(json!({"auth": auth(&format!(":{password}"))})),
        value(json!({"auth": auth(&format!("{username}:"))})),
        value(json!({"auth": [auth(&pair)]})),
        value(json!({"username": "", "password": password})),
        value(json!({"username": username, "password": "", "identitytoken": password})),
        value(json!({"username": username, "password": {"p": password}})),
        value(json!(auth(&pair))),
        raw(CONFIG_JSON.0, CONFIG_JSON.1, format!("{{\"auths\":{{\"a.io\":{{\"auth\":{}", auth(&pair))),
        raw(CONFIG_JSON.0, CONFIG_JSON.1, json!({"auths": auth(&pair)}).to_string()),
        raw(CONFIG_JSON.0, CONFIG_JSON.1, json!({"auths": {pair.clone(): {}}}).to_string()),
        raw(CONFIG_JSON.0, CONFIG_JSON.1, json!(password).to_string()),
        raw(DOCKERCFG.0, DOCKERCFG.1, password.to_owned()),
        raw(BASIC_AUTH, "password", password.to_owned()),
        raw("Opaque", "token", password.to_owned()),
    ];
    errors.iter().flat_map(|error| [error.to_string(), format!("{error:?}")]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What stands in the same error for another login is our own text; any other four bytes would be a leak.
    #[test]
    fn no_error_shows_four_bytes_of_a_login(username in "[!-9;-~é]{4,12}", password in "[@-~é]{4,40}") {
        let pair = auth(&format!("{username}:{password}"));
        for (said, plain) in broken(&username, &password).iter().zip(broken("00000", "~~~~~")) {
            for secret in [&username, &password, &pair, &auth(&password)] {
                for window in secret.as_bytes().windows(4) {
                    let within = |text: &str| text.as_bytes().windows(4).any(|four| four == window);
                    prop_assert!(!within(said) || within(&plain), "{}", said);
                }
            }
        }
    }

    #[test]
    fn what_goes_in_comes_out(username in "[^:]{1,9}", password in ".{1,20}") {
        let expected = login(&username, &password);
        let pair = auth(&format!("{username}:{password}"));
        let entry = json!({"a.io": {"auth": pair}, "b.io": {"username": username, "password": password}});
        let Ok(Logins::ByRegistry(found)) = config(entry) else { panic!("not entries") };
        prop_assert!(found.values().all(|login| login.as_ref() == Ok(&expected)));
        let value: Value = serde_json::from_str(expected.secret_string().reveal()).unwrap();
        prop_assert_eq!(value, json!({"username": username, "password": password}));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        key in "\\.docker(cfg|configjson)", bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let _ = parse(&format!("kubernetes.io/{}", &key[1..]), &data(&[(&key, &bytes)]));
    }
}
