//! ARNs, Regions' partitions, patterns and KMS keys: what is taken, what is refused, and in which words.

use proptest::prelude::*;

use super::*;

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/quay-AbCdEf";
const UUID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

#[test]
fn good_arns_come_back_as_written() {
    for text in [
        SECRET,
        "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
        "arn:aws-cn:iam::111122223333:role/a/b/c",
        "arn:aws-eusc:kms:eusc-de-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
        "arn:aws:s3:::bucket/env file.env",
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a-AbCdEf:key:AWSCURRENT:",
    ] {
        let arn = Arn::parse(text).unwrap();
        assert_eq!(arn.to_string(), text);
        assert_eq!(serde_json::to_value(&arn).unwrap(), text);
    }
}

#[test]
fn bad_arns_are_refused_with_the_part_that_is_wrong() {
    for (text, part) in [
        ("", "six parts"),
        ("payments/quay", "six parts"),
        ("arn:aws:iam::111122223333", "six parts"),
        ("ARN:aws:iam::111122223333:role/x", "six parts"),
        (" arn:aws:iam::111122223333:role/x", "six parts"),
        ("arn:AWS:iam::111122223333:role/x", "the partition \"AWS\""),
        ("arn::iam::111122223333:role/x", "the partition"),
        ("arn:aws-:iam::111122223333:role/x", "the partition"),
        ("arn:aws:::111122223333:role/x", "the service"),
        ("arn:aws:iam:EU:111122223333:role/x", "the Region \"EU\""),
        ("arn:aws:iam::1111222233:role/x", "12 digits"),
        ("arn:aws:iam::*:role/x", "the account \"*\""),
        ("arn:aws:iam::111122223333:", "it is empty"),
        ("arn:aws:iam::111122223333:role/x ", "white space"),
        ("arn:aws:iam::111122223333:role/a\nb", "control character"),
        ("arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/*", "wildcards"),
        ("arn:aws:secretsmanager:eu-west-1:111122223333:secret:a-??????", "wildcards"),
        ("arn:aws:secretsmanager:eu-west-1:111122223333:secret:${aws:username}", "wildcards"),
    ] {
        let said = Arn::parse(text).unwrap_err().to_string();
        assert!(said.contains(part), "{text}: {said}");
        assert!(said.contains(EXAMPLE), "{said}");
    }
    let long = format!("{SECRET}{}", "x".repeat(2048));
    assert!(Arn::parse(&long).unwrap_err().to_string().len() < 400);
}

#[test]
fn secrets_and_roles() {
    for (resource, name, full) in [
        ("secret:payments/quay-AbCdEf", Some("payments/quay-AbCdEf"), true),
        ("secret:payments/quay-a1b2c", Some("payments/quay-a1b2c"), false),
        ("secret:payments/quay", Some("payments/quay"), false),
        ("secret:-AbCdEf", Some("-AbCdEf"), false),
        ("secret:a-AbC_Ef", Some("a-AbC_Ef"), false),
        ("secret:a b-AbCdEf", Some("a b-AbCdEf"), false),
        ("secret:a-AbCdEf:key::", Some("a-AbCdEf"), false),
        ("secret:", None, false),
        ("other:a-AbCdEf", None, false),
    ] {
        let arn = Arn::parse(&format!("arn:aws:secretsmanager:eu-west-1:111122223333:{resource}")).unwrap();
        assert_eq!((arn.secret_name(), arn.is_full_secret()), (name, full), "{resource}");
    }
    assert!(!Arn::parse("arn:aws:secretsmanager:::secret:a-AbCdEf").unwrap().is_full_secret());
    for (text, name, path) in [
        ("arn:aws:iam::111122223333:role/x", Some("x"), Some("/")),
        ("arn:aws:iam::111122223333:role/a/b/x", Some("x"), Some("/a/b/")),
        ("arn:aws:iam::111122223333:role/a/", None, None),
        ("arn:aws:iam::111122223333:user/x", None, None),
        ("arn:aws:sts::111122223333:role/x", None, None),
    ] {
        let arn = Arn::parse(text).unwrap();
        assert_eq!((arn.role_name(), arn.role_path()), (name, path), "{text}");
    }
}

#[test]
fn regions_and_their_partitions() {
    for (regions, partition) in [
        ("us-east-1 us-west-2 eu-north-1 ap-southeast-7 ap-northeast-3 sa-east-1 ca-west-1 me-south-1", Some("aws")),
        ("af-south-1 il-central-1 mx-central-1", Some("aws")),
        ("cn-north-1 cn-northwest-1", Some("aws-cn")),
        ("us-gov-east-1 us-gov-west-1", Some("aws-us-gov")),
        ("us-iso-east-1 us-iso-west-1", Some("aws-iso")),
        ("us-isob-east-1", Some("aws-iso-b")),
        ("eu-isoe-west-1", Some("aws-iso-e")),
        ("us-isof-south-1", Some("aws-iso-f")),
        ("eusc-de-east-1", Some("aws-eusc")),
        ("eu-west-99x eu-west-99 eu-west-0 eu-west- eu-west eu-wset-1 mars-1 EU-WEST-1 aws-global us-isox-east-1", None),
        ("eu-west-1a us-gov-1 eusc-fr-east-1 eu-west-1\u{a0} us-iso-1 aws-west-1 fips-us-east-1 -west-1", None),
    ] {
        for region in regions.split(' ') {
            assert_eq!(partition_of(region), partition, "{region}");
        }
    }
    assert_eq!(partition_of(""), None);
}

#[test]
fn patterns() {
    for (pattern, text, fits) in [
        ("*", SECRET, true),
        ("", "", true),
        ("", "a", false),
        ("a*b?c", "axxbyc", true),
        ("a*b?c", "axxbc", false),
        ("**a", "a", true),
        ("a?", "aé", true),
        ("*.example.com", "r.example.com", true),
        ("*.example.com", "example.com", false),
        ("arn:aws:secretsmanager:*:111122223333:secret:payments/*", SECRET, true),
        ("arn:aws:secretsmanager:*:*:secret:payments/*-??????", SECRET, true),
        ("arn:aws:secretsmanager:*:999922223333:secret:payments/*", SECRET, false),
        ("arn:aws:iam::*:role/x", "arn:aws:iam::999:b:role/x", false),
        ("arn:aws:iam::1*:role/x", "arn:aws:iam::1:2:role/x", false),
        ("arn:aws:iam:*", "arn:aws:iam::111122223333:role/x", false),
        ("arn:*", SECRET, false),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/a:b/c", true),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::B/a", false),
    ] {
        assert_eq!(pattern_matches(pattern, text), fits, "{pattern} {text}");
    }
    // A backtracking matcher would not end before the sun does.
    assert!(!glob(&"*a".repeat(500), &"ab".repeat(450)));
}

#[test]
fn kms_keys() {
    let arn = |resource: &str| format!("arn:aws:kms:eu-west-1:111122223333:{resource}");
    let key = arn(&format!("key/{UUID}"));
    assert_eq!(check_kms_key(&key), Ok(KmsKeyForm::KeyArn(Arn::parse(&key).unwrap())));
    let alias = arn("alias/registry");
    assert_eq!(check_kms_key(&alias), Ok(KmsKeyForm::AliasArn(Arn::parse(&alias).unwrap())));
    assert_eq!(check_kms_key("alias/a/b-c_d"), Ok(KmsKeyForm::Alias("alias/a/b-c_d".into())));
    for id in [UUID, "mrk-1234abcd12ab34cd56ef1234567890ab"] {
        assert_eq!(check_kms_key(id), Ok(KmsKeyForm::KeyId(id.into())));
    }
    for (text, why) in [
        (arn(&format!("key:{UUID}")), "follows `key:`, with a colon"),
        (arn("key/nope"), "not a key id"),
        (arn("grant/x"), "neither `key/`"),
        (arn("alias/"), "neither `key/`"),
        (SECRET.into(), "service `kms`"),
        (format!("arn:aws:kms:::key/{UUID}"), "service `kms`"),
        (format!("key/{UUID}"), "stands alone"),
        (format!("key:{UUID}"), "stands alone"),
        ("alias/".into(), "an alias is"),
        ("alias/a b".into(), "an alias is"),
        (format!("alias/{}", "a".repeat(251)), "an alias is"),
        ("registry".into(), "begins with `alias/`"),
        ("".into(), "neither an ARN"),
        ("arn:aws:kms".into(), "six parts"),
    ] {
        let said = check_kms_key(&text).unwrap_err().to_string();
        assert!(said.contains(why), "{text}: {said}");
    }
}

/// The definition of the two wildcards, written so that it is obviously right, and slow.
fn slow_glob(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', rest @ ..], _) => slow_glob(rest, text) || (!text.is_empty() && slow_glob(pattern, &text[1..])),
        ([p, rest @ ..], [t, after @ ..]) => (*p == '?' || p == t) && slow_glob(rest, after),
        _ => false,
    }
}

proptest! {
    #[test]
    fn the_fast_glob_agrees_with_the_definition(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
        let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
        prop_assert_eq!(glob(&pattern, &text), slow_glob(&p, &t));
    }

    #[test]
    fn parsing_never_panics_and_what_it_takes_is_unchanged(
        text in "(arn:aws:[a-z]{0,3}:){0,1}[ -~é]{0,40}(:[ -~]{0,9}){0,6}",
    ) {
        let _ = check_kms_key(&text);
        if let Ok(arn) = Arn::parse(&text) {
            prop_assert_eq!(arn.to_string(), text);
        }
    }
}
