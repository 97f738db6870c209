//! Hostile registries: whatever they answer, the login goes to nobody but the image's registry and the hosts that are listed for its
//! tokens, nothing is asked that no list admits, and nothing takes long or much.

mod net;
mod replies;

use net::{Net, Script, Seen, all_at};
use replies::*;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::instrument::WithSubscriber;
use wharfinger::api::{ImageFailure, ImageFailureClass as Class, Limits};
use wharfinger::registry::Resolver;
use wharfinger::resource::image::Image;
use wharfinger::resource::login::Login;
use wharfinger::resource::sealed::Sealed;
use wharfinger::resource::verification::{Fence, ImageRead, LoginSource, Platform, Proof};

const PASSWORD: &str = "c4nary-of-hostile-registries";
/// `puller:` and the password in base64.
const PAIR: &str = "cHVsbGVyOmM0bmFyeS1vZi1ob3N0aWxlLXJlZ2lzdHJpZXM=";

/// What must come of it.
#[derive(Debug, Clone, Copy)]
enum Is {
    Proven,
    /// Proven, with this in the note.
    Noted(&'static str),
    /// This class, with this in the message.
    Not(Class, &'static str),
}

/// What is asked, besides the usual.
#[derive(Clone)]
struct Asked {
    host: &'static str,
    reference: &'static str,
    platform: bool,
    trusted: bool,
    limits: Limits,
    resolver: Resolver,
    patience: Duration,
}

fn asked() -> Asked {
    let list = |patterns: &[&str]| patterns.iter().map(|it| (*it).to_owned()).collect();
    Asked {
        host: "registry.example.com",
        reference: ":1.0",
        platform: false,
        trusted: true,
        limits: Limits {
            registries: list(&["registry.example.com:*", "sso.example.com:*"]),
            private_registries: list(&["*.example.com:*"]),
            token_hosts: list(&["sso.example.com:*"]),
            ..Limits::default()
        },
        resolver: all_at(&["127.0.0.1"]),
        patience: Duration::from_secs(60), // more than any answer takes on a busy machine
    }
}

fn for_platform() -> Asked {
    Asked { platform: true, ..asked() }
}

/// What is written to the log at its finest level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Asks, and checks what holds whatever the answer is; the answer and all that was sent.
async fn ask(name: &str, asked: &Asked, script: Script) -> (Result<Proof, ImageFailure>, Vec<Seen>) {
    let net = Net::start(script).await;
    let platform = Platform { os: Some("linux".into()), architecture: Some("amd64".into()) };
    let read = ImageRead {
        image: Image::parse(&format!("{}/team/api{}", net.at(asked.host), asked.reference)).unwrap(),
        secret: "a".into(),
        login: LoginSource::Stored { arn: None },
        platform: asked.platform.then_some(platform),
        containers: vec![],
        fence: Fence::new(Some(&asked.limits)),
        enforce: true,
        afresh: false,
        lasts: ImageRead::lasting(None),
        known: vec![],
    };
    let value = Sealed::new(format!(r#"{{"username":"puller","password":"{PASSWORD}"}}"#));
    let login = Login::of_value(&value).unwrap();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let registries = net.registries(asked.trusted, asked.resolver.clone(), asked.patience);
    let answer = registries.prove(&read, &login).with_subscriber(subscriber).await;
    let shown = format!("{answer:?}{}", String::from_utf8_lossy(&log.0.lock().unwrap()));
    assert!(!shown.contains(PASSWORD) && !shown.contains(PAIR), "{name}: the login is shown: {shown}");
    assert!(shown.len() < 4096, "{name}: {} bytes are told", shown.len());
    let seen = net.seen.lock().unwrap().clone();
    for request in &seen {
        let may_see = [asked.host, "sso.example.com"].contains(&request.host);
        assert!(may_see || request.login().is_none(), "{name}: {} is sent a login: {}", request.host, request.head);
        assert_ne!(request.host, "evil.example.com", "{name}: it is asked: {}", request.head);
    }
    assert!(seen.len() <= 8, "{name}: {} requests", seen.len());
    (answer, seen)
}

async fn check(name: &str, asked: Asked, script: Script, is: Is) -> Vec<Seen> {
    let (answer, seen) = ask(name, &asked, script).await;
    let fits = match (&answer, is) {
        (Ok(proof), Is::Proven) => proof.note.is_none() && proof.digest.starts_with("sha256:"),
        (Ok(proof), Is::Noted(note)) => proof.note.as_ref().is_some_and(|it| it.contains(note)),
        (Err(failure), Is::Not(class, text)) => failure.class == class && failure.message.contains(text),
        _ => false,
    };
    assert!(fits, "{name}: {answer:?} is not {is:?}; requests: {seen:#?}");
    seen
}

#[tokio::test]
async fn honest_registries_are_understood() {
    let plain = Limits { insecure_registries: vec!["plain.example.com:*".into()], ..asked().limits };
    let rows: [(&str, Asked, Script, Is); 9] = [
        ("token from itself", asked(), own_realm, Is::Proven),
        ("token from a listed host", asked(), listed_realm, Is::Proven),
        ("basic", asked(), basic, Is::Proven),
        ("anybody", asked(), anybody, Is::Noted("not tried")),
        ("no digest in the head", asked(), undigested, Is::Proven),
        ("http where it is listed", Asked { host: "plain.example.com", limits: plain, ..asked() }, basic, Is::Proven),
        ("the platform of an image", for_platform(), single, Is::Proven),
        ("of an index", for_platform(), index, Is::Proven),
        ("blobs on a listed host", for_platform(), blob_at_listed, Is::Proven),
    ];
    for (name, asked, script, is) in rows {
        let seen = check(name, asked, script, is).await;
        let elsewhere = seen.iter().filter(|request| request.has("/elsewhere")).all(|request| request.login().is_none());
        assert!(elsewhere, "{name}: a redirect is followed with the login");
    }
}

#[tokio::test]
async fn a_login_goes_to_no_host_that_no_list_admits() {
    let no = Is::Not(Class::NotAllowed, "limits.tokenHosts");
    let away = Is::Not(Class::NotAllowed, "is not followed");
    let everywhere = Limits { registries: vec!["*.example.com:*".into()], ..asked().limits };
    let rows: [(&str, Asked, Script, Is); 21] = [
        ("realm on another host", asked(), evil_realm, no),
        ("realm on itself by http", asked(), own_realm_by_http, no),
        ("realm by http", asked(), plain_realm, no),
        ("realm whose host looks like a login", asked(), disguised_realm, no),
        ("realm with a login", asked(), realm_with_login, no),
        ("realm at the metadata service", asked(), metadata_realm, no),
        ("realm by another protocol", asked(), ftp_realm, no),
        ("realm on another port", asked(), realm_on_another_port, no),
        ("realm that is no address", asked(), broken_realm, Is::Not(Class::Malformed, "not known")),
        ("301", asked(), moved_301, away),
        ("302", asked(), moved_302, away),
        ("307", asked(), moved_307, away),
        ("308", asked(), moved_308, away),
        ("redirect of the second question", asked(), moved_with_login, away),
        ("redirect of the token", asked(), moved_token, away),
        ("redirect of a blob", for_platform(), blob_at_evil, Is::Noted("limits.registries")),
        ("to http", for_platform(), blob_at_plain, Is::Noted("limits.registries")),
        (
            "to http on a listed host",
            Asked { limits: everywhere, ..for_platform() },
            blob_at_plain,
            Is::Noted("limits.registries"),
        ),
        ("to the metadata service", for_platform(), blob_at_metadata, Is::Noted("limits.registries")),
        ("in a circle", for_platform(), blob_in_a_circle, Is::Noted("answers 307")),
        ("a token host that challenges", asked(), token_challenges, Is::Not(Class::WrongCredential, "401")),
    ];
    for (name, asked, script, is) in rows {
        check(name, asked, script, is).await;
    }
}

#[tokio::test]
async fn addresses_are_looked_at_before_they_are_connected_to() {
    let private = Is::Not(Class::NotAllowed, "limits.privateRegistries");
    let unlisted = || Limits { private_registries: vec![], ..asked().limits };
    let anywhere = || Limits { registries: vec!["*".into()], private_registries: vec!["*".into()], ..asked().limits };
    let rows: [(&str, Asked, Script, Is); 8] = [
        ("loopback, not listed", Asked { limits: unlisted(), ..asked() }, basic, private),
        ("private", Asked { limits: unlisted(), resolver: all_at(&["10.0.0.1"]), ..asked() }, basic, private),
        ("one of two", Asked { limits: unlisted(), resolver: all_at(&["1.1.1.1", "192.168.0.1"]), ..asked() }, basic, private),
        ("IPv6 in disguise", Asked { limits: unlisted(), resolver: all_at(&["::ffff:127.0.0.1"]), ..asked() }, basic, private),
        (
            "metadata, though listed",
            Asked { limits: anywhere(), resolver: all_at(&["169.254.169.254"]), ..asked() },
            basic,
            private,
        ),
        ("metadata of IPv6", Asked { limits: anywhere(), resolver: all_at(&["fd00:ec2::254"]), ..asked() }, basic, private),
        ("a blob there", Asked { limits: anywhere(), ..for_platform() }, blob_at_metadata, private),
        ("no name", Asked { resolver: all_at(&[]), ..asked() }, basic, Is::Not(Class::Unreachable, "no address")),
    ];
    for (name, asked, script, is) in rows {
        let seen = check(name, asked, script, is).await;
        assert!(seen.iter().all(|request| !request.has("latest/meta-data")), "{name}");
    }
}

/// The second answer to the same name leads elsewhere: it is never asked for.
#[tokio::test]
async fn a_name_is_resolved_once() {
    let asked_for = Arc::new(Mutex::new(0));
    let counted = asked_for.clone();
    let resolver: Resolver = Arc::new(move |name| {
        let mut count = counted.lock().unwrap();
        *count += 1;
        all_at(if *count == 1 { &["127.0.0.1"] } else { &["169.254.169.254"] })(name)
    });
    let seen = check("rebinding", Asked { resolver, ..asked() }, own_realm, Is::Proven).await;
    assert_eq!((seen.len(), *asked_for.lock().unwrap()), (3, 1));
}

#[tokio::test]
async fn answers_that_make_no_sense_are_refused() {
    let bad = |text| Is::Not(Class::Malformed, text);
    let digest = "@sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let rows: [(&str, Asked, Script, Is); 24] = [
        ("a challenge that cannot be read", asked(), broken_challenge, bad("not known")),
        ("none", asked(), no_challenge, bad("not known")),
        ("of another kind", asked(), other_challenge, bad("not known")),
        ("empty token", asked(), empty_token, bad("no token")),
        ("token of 1 MiB", asked(), long_token, bad("no token")),
        ("token with a line break", asked(), broken_token, bad("no token")),
        ("no JSON", asked(), html_token, bad("no token")),
        ("401 for ever", asked(), always_401, Is::Not(Class::NoAccess, "401")),
        ("401 to basic", asked(), never_basic, Is::Not(Class::WrongCredential, "401")),
        ("403", asked(), forbidden, Is::Not(Class::NoAccess, "403")),
        ("404", asked(), missing, Is::Not(Class::ImageNotFound, "404")),
        ("429", asked(), busy, Is::Not(Class::RateLimited, "wait 7 s")),
        ("500", asked(), failing, Is::Not(Class::Unreachable, "500")),
        ("a web page", asked(), web_page, bad("no manifest")),
        ("another digest than asked for", Asked { reference: digest, ..asked() }, basic, bad("another digest")),
        ("another manifest than its digest's", for_platform(), swapped, bad("not the one")),
        ("another configuration", for_platform(), swapped_config, bad("not the one")),
        ("a body with no end", for_platform(), endless, bad("more than")),
        ("compressed", for_platform(), compressed, bad("no manifest of an image")),
        ("deep", for_platform(), deep, bad("no manifest of an image")),
        ("another platform", for_platform(), arm, Is::Not(Class::PlatformMismatch, "linux/arm64")),
        ("10,000 platforms", for_platform(), many, Is::Not(Class::PlatformMismatch, "and 9990 more")),
        ("words that are none", for_platform(), rude, Is::Not(Class::PlatformMismatch, "it is for linux31mscript/amd64,")),
        ("a head with no end", asked(), endless_head, bad("")),
    ];
    for (name, asked, script, is) in rows {
        check(name, asked, script, is).await;
    }
}

#[tokio::test]
async fn connections_that_do_not_hold_are_told() {
    let silent = Is::Not(Class::Unreachable, "no whole answer");
    let tls = |text| Is::Not(Class::Tls, text);
    let impatient = || Asked { patience: Duration::from_millis(400), ..asked() };
    let rows: [(&str, Asked, Script, Is); 7] = [
        ("no answer", impatient(), hang, silent),
        ("a slow one", impatient(), drip, silent),
        ("half of one", asked(), cut, Is::Not(Class::Unreachable, "")),
        ("no TLS", Asked { host: "silent.example.com", ..impatient() }, basic, silent),
        ("http where https is asked for", Asked { host: "plain.example.com", ..asked() }, basic, tls("")),
        ("unknown CA", Asked { trusted: false, ..asked() }, basic, tls("certificate")),
        ("certificate of another host", Asked { host: "wrong.example.com", ..asked() }, basic, tls("certificate")),
    ];
    for (name, asked, script, is) in rows {
        check(name, asked, script, is).await;
    }
}
