//! Images and registries: the grammar, Docker Hub's names, ECR's hosts, and which registry serves which image.

use proptest::prelude::*;

use super::*;

fn image(text: &str) -> Image {
    Image::parse(text).unwrap()
}

fn registry(text: &str) -> Registry {
    Registry::parse(text).unwrap()
}

#[test]
fn images_and_what_they_mean() {
    let digest = format!("sha256:{}", "0a".repeat(32));
    let long = format!("r.example.com/{}", "a".repeat(241));
    for (text, host, repository, reference) in [
        ("busybox", "docker.io", "library/busybox", "latest"),
        ("acme/app:1", "docker.io", "acme/app", "1"),
        ("docker.io/nginx", "docker.io", "library/nginx", "latest"),
        ("Index.Docker.io/nginx:1", "docker.io", "library/nginx", "1"),
        ("registry-1.docker.io/acme/app", "docker.io", "acme/app", "latest"),
        ("registry-1.docker.io/nginx", "docker.io", "library/nginx", "latest"),
        ("registry.hub.docker.com/library/redis", "docker.io", "library/redis", "latest"),
        ("ghcr.io/acme/team/app:v1.2-rc_3", "ghcr.io", "acme/team/app", "v1.2-rc_3"),
        ("Registry.Example.com:5000/App:1".to_lowercase().as_str(), "registry.example.com:5000", "app", "1"),
        ("Registry.Example.com:5000/app:Tag", "registry.example.com:5000", "app", "Tag"),
        ("localhost/app", "localhost", "app", "latest"),
        ("localhost:5000/app", "localhost:5000", "app", "latest"),
        ("test.com:5000", "docker.io", "library/test.com", "5000"),
        (&format!("quay.io/a/b@{digest}"), "quay.io", "a/b", &digest),
        (&format!("quay.io/a/b:1@{digest}"), "quay.io", "a/b", &digest),
        (&format!("{long}@{digest}"), "r.example.com", &"a".repeat(241), &digest),
    ] {
        let image = image(text);
        assert_eq!((image.registry(), image.repository(), image.reference()), (host, repository, reference), "{text}");
        assert_eq!((image.written(), image.to_string().as_str()), (text, text));
    }
}

#[test]
fn images_that_are_refused() {
    for (text, why) in [
        ("".to_owned(), "is empty"),
        ("https://ghcr.io/acme/app".into(), "no scheme"),
        ("https://user:pass@ghcr.io/acme/app".into(), "no scheme"),
        (format!("r.example.com/{}", "a".repeat(242)), "256 characters"),
        (format!("a/{}:1", "é".repeat(255)), "259 characters"),
        ("ghcr.io/Acme/app".into(), "invalid reference"),
        ("Acme/app".into(), "lower-case"),
        (" busybox".into(), "not an image reference"),
        ("busybox:".into(), "not an image reference"),
        ("ghcr.io/".into(), "not an image reference"),
        ("ghcr.io//app".into(), "not an image reference"),
        ("a b".into(), "not an image reference"),
        ("0a".repeat(32), "id of an image"),
        ("app@sha256:0a".into(), "64 lower-case"),
        (format!("app@sha256:{}", "0A".repeat(32)), "64 lower-case"),
        (format!("app@sha512:{}", "0a".repeat(64)), "64 lower-case"),
        (format!("app@sha256:{0}@sha256:{0}", "0a".repeat(32)), "64 lower-case"),
        ("app@".into(), "64 lower-case"),
    ] {
        let said = Image::parse(&text).unwrap_err().to_string();
        assert!(said.contains(why) && !said.contains("user:pass"), "{text}: {said}");
    }
}

#[test]
fn ecr_in_every_form() {
    let private = Some(EcrKind::Private);
    for (host, kind) in [
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com", private),
        ("111122223333.DKR.ecr.eu-west-1.amazonaws.com", private),
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com:443", private),
        ("111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com", private),
        ("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", private),
        ("111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu", private),
        ("111122223333.dkr-ecr.eu-west-1.on.aws", private),
        ("111122223333.dkr-ecr-fips.us-east-1.on.aws", private),
        ("111122223333.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", private),
        ("111122223333.dkr.ecr.us-iso-east-1.c2s.ic.gov", private),
        ("111122223333.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", private),
        ("111122223333.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", private),
        ("111122223333.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", private),
        ("public.ecr.aws", Some(EcrKind::Public)),
        ("ecr-public.aws.com", Some(EcrKind::Public)),
        ("11112222333.dkr.ecr.eu-west-1.amazonaws.com", None),
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com.evil.io", None),
        ("x111122223333.dkr.ecr.eu-west-1.amazonaws.com", None),
        ("111122223333.dkr.ecr.amazonaws.com", None),
        ("111122223333.ecr.eu-west-1.amazonaws.com", None),
        ("x.public.ecr.aws", None),
        ("ghcr.io", None),
    ] {
        assert_eq!(image(&format!("{host}/team/app:1")).ecr(), kind, "{host}");
        assert_eq!(registry(host).is_ecr(), kind.is_some(), "{host}");
    }
}

#[test]
fn registries_in_every_form() {
    for (text, shown) in [
        ("ghcr.io", "ghcr.io"),
        ("GHCR.io/Acme/", "ghcr.io/acme"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("https://index.docker.io/v1", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("registry-1.docker.io/acme", "docker.io/acme"),
        ("HTTP://registry.hub.docker.com/v2/", "docker.io"),
        ("https://index.docker.io/v1/access-token", "docker.io/access-token"),
        ("registry.example.com:5000", "registry.example.com:5000"),
        ("https://registry.example.com:5000/v2/team/a", "registry.example.com:5000/team/a"),
        ("ghcr.io/v2", "ghcr.io/v2"),
        ("localhost", "localhost"),
        ("registry:5000", "registry:5000"),
        ("*.example.com", "*.example.com"),
    ] {
        assert_eq!(registry(text).to_string(), shown, "{text}");
        assert_eq!(serde_json::to_value(registry(text)).unwrap(), shown);
        assert_eq!(registry(shown), registry(text));
    }
    for (text, why) in [
        ("", "letters, digits"),
        ("acme", "dot or a port"),
        ("acme/app", "dot or a port"),
        ("https://", "letters, digits"),
        ("ftp://ghcr.io", "port is a number"),
        ("ghcr.io/acme/app:1", "its path"),
        ("ghcr.io/acme//app", "its path"),
        ("ghcr.io/a b", "its path"),
        ("ghcr.io:", "port is a number"),
        ("ghcr.io:+80", "port is a number"),
        ("ghcr.io:65536", "port is a number"),
        ("a_b.example.com", "letters, digits"),
        ("-a.example.com", "letters, digits"),
        ("a..com", "letters, digits"),
        ("*", "dot or a port"),
        ("https://user:secret@ghcr.io", "neither a login"),
    ] {
        let said = Registry::parse(text).unwrap_err().to_string();
        assert!(said.contains(why) && !said.contains("secret"), "{text}: {said}");
    }
}

#[test]
fn which_registry_serves_which_image() {
    for (of, text, length) in [
        ("ghcr.io", "ghcr.io/acme/app", Some(0)),
        ("ghcr.io/acme", "ghcr.io/acme/app", Some(4)),
        ("ghcr.io/acme/app", "ghcr.io/acme/app:1", Some(8)),
        ("ghcr.io/acme", "ghcr.io/acme-labs/app", None),
        ("ghcr.io/acme", "ghcr.io/app", None),
        ("ghcr.io", "quay.io/acme/app", None),
        ("https://index.docker.io/v1/", "busybox", Some(0)),
        ("docker.io/library", "busybox", Some(7)),
        ("r.example.com", "r.example.com:5000/app", None),
        ("r.example.com:5000", "R.example.com:5000/app", Some(0)),
        ("*.example.com", "r.example.com/app", Some(0)),
        ("*.example.com", "a.r.example.com/app", None),
        ("*.example.com", "example.com/app", None),
        ("*.example.com", "r.example.com:5000/app", None),
        ("*.example.com:5000/team", "r.example.com:5000/team/app", Some(4)),
        ("r-*.example.com", "r-1.example.com/app", Some(0)),
        ("r.example.*", "r.example.com:5000/app", None),
    ] {
        assert_eq!(registry(of).matches(&image(text)), length, "{of} {text}");
    }
    assert_eq!(registry("ghcr.io").covers(&registry("ghcr.io/acme")), Some(0));
    assert_eq!(registry("ghcr.io/acme").covers(&registry("ghcr.io")), None);
    assert_eq!(registry("*.example.com/a").at("r.example.com"), registry("r.example.com/a"));
    assert_eq!(registry("ghcr.io/a").at("r.example.com"), registry("ghcr.io/a"));
    assert_eq!(Registry::of(&image("busybox")), registry("docker.io"));
}

proptest! {
    #[test]
    fn reading_never_panics_and_the_normal_form_is_stable(
        text in "(https?://)?[a-zA-Z0-9.*:-]{0,12}(/[a-z0-9._:@-]{0,6}){0,3}",
    ) {
        if let Ok(registry) = Registry::parse(&text) {
            // A path that begins with the API's own `v1/` would lose it again.
            prop_assume!(!registry.path().starts_with("v1/") && !registry.path().starts_with("v2/"));
            prop_assert_eq!(Registry::parse(&registry.to_string()), Ok(registry));
        }
        if let Ok(image) = Image::parse(&text) {
            prop_assert_eq!(Registry::of(&image).matches(&image), Some(0));
            let whole = format!("{}/{}", image.registry(), image.repository());
            prop_assert_eq!(Image::parse(&whole).map(|again| again.repository), Ok(image.repository));
        }
    }
}
