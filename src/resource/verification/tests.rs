//! Fences, manifests, and how long an answer counts.

use super::*;
use crate::api::Limits;
use jiff::ToSpan;

fn authority(text: &str) -> Authority<'_> {
    match text.split_once(':') {
        Some((host, port)) => Authority { host, port: port.parse().unwrap(), usual: false },
        None => Authority { host: text, port: 443, usual: true },
    }
}

#[test]
fn hosts_that_may_be_sent_a_login() {
    let limits = Limits { token_hosts: vec!["sso.example.com".into(), "*.example.net:8443".into()], ..Limits::default() };
    let rows = [
        ("registry.example.com", "registry.example.com", true),
        ("registry.example.com", "registry.example.com:8443", false),
        ("registry.example.com:5000", "registry.example.com:5000", true),
        ("registry.example.com", "example.com", false),
        ("registry.example.com", "sso.example.com", true),
        ("registry.example.com", "sso.example.com:8443", false),
        ("registry.example.com", "a.example.net:8443", true),
        ("registry.example.com", "a.example.net", false),
        ("registry-1.docker.io", "auth.docker.io", true),
        ("registry-1.docker.io", "auth.docker.io:8443", false),
        ("registry.example.com", "auth.docker.io", false),
        ("registry.gitlab.com", "gitlab.com", true),
        ("registry.gitlab.com.example.org", "gitlab.com", false),
    ];
    for (registry, realm, expected) in rows {
        let fence = Fence::new(Some(&limits));
        assert_eq!(fence.may_give_tokens(&authority(registry), &authority(realm)), expected, "{registry} → {realm}");
        let own = registry == realm
            || realm == "auth.docker.io" && registry.ends_with("docker.io")
            || realm == "gitlab.com" && expected;
        assert_eq!(
            Fence::default().may_give_tokens(&authority(registry), &authority(realm)),
            own,
            "unfenced {registry} → {realm}"
        );
    }
}

#[test]
fn hosts_that_are_plain_or_private_only_where_they_are_listed() {
    let limits = Limits {
        insecure_registries: vec!["plain.example.com".into(), "127.0.0.1:*".into()],
        private_registries: vec!["inner.example.com".into()],
        registries: vec!["*.example.com".into()],
        ..Limits::default()
    };
    let fence = Fence::new(Some(&limits));
    let rows = [
        ("plain.example.com", true, false, true),
        ("plain.example.com:5000", false, false, false),
        ("127.0.0.1:5000", true, false, false),
        ("inner.example.com", false, true, true),
        ("other.example.org", false, false, false),
    ];
    for (host, plain, private, blobs) in rows {
        let of = authority(host);
        assert_eq!(
            (fence.may_be_plain(&of), fence.may_be_private(&of), fence.may_keep_blobs(&of)),
            (plain, private, blobs),
            "{host}"
        );
        let open = Fence::default();
        assert_eq!((open.may_be_plain(&of), open.may_be_private(&of), open.may_keep_blobs(&of)), (false, false, true), "{host}");
    }
}

#[test]
fn manifests() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let platform = |os: &str, architecture: &str| Platform { os: Some(os.into()), architecture: Some(architecture.into()) };
    let many = (0..10_000).map(|_| r#"{"platform":{"os":"linux","architecture":"s390x"}}"#).collect::<Vec<_>>().join(",");
    let rows = [
        (format!(r#"{{"schemaVersion":2,"config":{{"digest":"{digest}"}}}}"#), Some(Contents::Image(digest.clone()))),
        (
            r#"{"schemaVersion":2,"manifests":[{"platform":{"os":"linux","architecture":"arm64","variant":"v8"}},{"digest":"x"}]}"#.into(),
            Some(Contents::Index(vec![platform("linux", "arm64")])),
        ),
        (format!(r#"{{"schemaVersion":2,"manifests":[{many}]}}"#), Some(Contents::Index(vec![platform("linux", "s390x"); 10_000]))),
        (r#"{"schemaVersion":1,"manifests":[]}"#.into(), None),
        (format!(r#"{{"schemaVersion":2,"manifests":[],"config":{{"digest":"{digest}"}}}}"#), None),
        (r#"{"schemaVersion":2,"config":{"digest":"../../etc"}}"#.into(), None),
        (format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000)), None),
        ("<html></html>".into(), None),
    ];
    for (body, expected) in rows {
        let shown: String = body.chars().take(80).collect();
        assert!(contents(body.as_bytes()) == expected, "{shown}");
    }
    assert_eq!(config_platform(br#"{"os":"linux","architecture":"amd64","rootfs":{}}"#), Some(platform("linux", "amd64")));
    assert_eq!(config_platform(br#"{"os":"linux"}"#), None);
    assert!(is_manifest_type("Application/vnd.oci.image.index.v1+json; charset=utf-8") && !is_manifest_type("application/json"));
}

#[test]
fn what_runs_where() {
    let platform = |os: Option<&str>, architecture: Option<&str>| Platform {
        os: os.map(str::to_owned),
        architecture: architecture.map(str::to_owned),
    };
    let image = platform(Some("linux"), Some("amd64"));
    for (os, architecture, expected) in [
        (Some("linux"), Some("amd64"), true),
        (None, Some("amd64"), true),
        (Some("linux"), None, true),
        (Some("linux"), Some("arm64"), false),
        (Some("windows"), Some("amd64"), false),
    ] {
        let wanted = platform(os, architecture);
        assert_eq!(wanted.admits(&image), expected, "{wanted}");
        assert!(!wanted.admits(&platform(None, None)), "{wanted}: of an image that names none nothing is known");
    }
}

fn read() -> ImageRead {
    ImageRead {
        image: Image::parse("registry.example.com/payments/api:1.4.2").unwrap(),
        secret: "a".into(),
        login: LoginSource::Stored { arn: None },
        platform: None,
        containers: vec![],
        fence: Fence::default(),
        enforce: false,
        afresh: false,
        lasts: ImageRead::lasting(None),
        known: vec![],
    }
}

#[test]
fn an_answer_at_hand_counts_for_the_same_question_only() {
    let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    let proof = || Ok(Proof { digest: "sha256:1".into(), note: None });
    let failure = || Err(failed(ImageFailureClass::NoAccess, "no"));
    let ago = |minutes: i64| now.checked_sub(minutes.minutes()).unwrap();
    let proven = read().answered(Some("v1"), ago(44), proof());
    let arm = Platform { os: None, architecture: Some("arm64".into()) };
    let rows: [(&str, ImageRead, ImageStatus, Option<&str>, bool); 11] = [
        ("the same", read(), proven.clone(), Some("v1"), true),
        ("another version", read(), proven.clone(), Some("v2"), false),
        ("no version is known", read(), ImageStatus { version_id: None, ..proven.clone() }, None, false),
        ("old", read(), read().answered(Some("v1"), ago(46), proof()), Some("v1"), false),
        ("of the future", read(), read().answered(Some("v1"), ago(-1), proof()), Some("v1"), false),
        (
            "short interval",
            ImageRead { lasts: ImageRead::lasting(Some(Duration::from_secs(600))), ..read() },
            proven.clone(),
            Some("v1"),
            false,
        ),
        ("another secret", ImageRead { secret: "b".into(), ..read() }, proven.clone(), Some("v1"), false),
        ("another platform", ImageRead { platform: Some(arm), ..read() }, proven.clone(), Some("v1"), false),
        ("asked for", ImageRead { afresh: true, ..read() }, proven.clone(), Some("v1"), false),
        ("failed, and only told", read(), read().answered(Some("v1"), ago(1), failure()), Some("v1"), true),
        (
            "failed, and enforced",
            ImageRead { enforce: true, ..read() },
            read().answered(Some("v1"), ago(1), failure()),
            Some("v1"),
            false,
        ),
    ];
    for (name, read, known, version, expected) in rows {
        let read = ImageRead { known: vec![known], ..read };
        assert_eq!(read.at_hand(version, now).is_some(), expected, "{name}");
    }
}

#[test]
fn a_failure_keeps_the_digest_that_was_proven_last() {
    let now = Timestamp::UNIX_EPOCH;
    let proven = read().answered(Some("v1"), now, Ok(Proof { digest: "sha256:1".into(), note: None }));
    let later = ImageRead { known: vec![proven], ..read() };
    let failed = later.answered(Some("v2"), now, Err(failed(ImageFailureClass::Unreachable, "no answer")));
    assert_eq!((failed.digest.as_deref(), failed.failure.is_some()), (Some("sha256:1"), true));
    assert!(later.is_known("sha256:1") && !later.is_known("sha256:2"));
    assert!(!ImageRead { known: vec![failed], ..read() }.is_known("sha256:1"), "what failed is looked at again");
}

/// A status is written when something is new, not each time that a registry says the same.
#[test]
fn a_failure_that_goes_on_keeps_its_time() {
    let (before, now) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH.checked_add(1.hour()).unwrap());
    let failure = |class| Err(failed(class, "no"));
    let enforced = || ImageRead { enforce: true, ..read() };
    let first = enforced().answered(Some("v1"), before, failure(ImageFailureClass::NoAccess));
    let rows = [
        ("the same", enforced(), "v1", failure(ImageFailureClass::NoAccess), before),
        ("another version", enforced(), "v2", failure(ImageFailureClass::NoAccess), now),
        ("another failure", enforced(), "v1", failure(ImageFailureClass::Tls), now),
        ("none", enforced(), "v1", Ok(Proof { digest: "sha256:1".into(), note: None }), now),
        ("only told: it has to count for a while", read(), "v1", failure(ImageFailureClass::NoAccess), now),
    ];
    for (name, read, version, answer, time) in rows {
        let read = ImageRead { known: vec![first.clone()], ..read };
        assert_eq!(read.answered(Some(version), now, answer).verified_at.0, time, "{name}");
    }
}

#[test]
fn digests_take_the_place_of_tags() {
    for (image, expected) in [
        ("registry.example.com/payments/api:1.4.2", "registry.example.com/payments/api@sha256:1"),
        ("registry.example.com:5000/payments/api", "registry.example.com:5000/payments/api@sha256:1"),
        ("registry.example.com:5000/payments/api:1", "registry.example.com:5000/payments/api@sha256:1"),
        ("nginx", "nginx@sha256:1"),
        ("nginx:1", "nginx@sha256:1"),
    ] {
        assert_eq!(Image::parse(image).unwrap().pinned("sha256:1"), expected);
    }
    let own = format!("nginx@sha256:{}", "a".repeat(64));
    assert_eq!(Image::parse(&own).unwrap().pinned("sha256:1"), own, "a digest of its own stays");
}
