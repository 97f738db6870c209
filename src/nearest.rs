//! What was probably meant, where a word is not one of those that are known.

/// The known word that this one looks like: the same in other letters, or at most two slips away.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = word.to_ascii_lowercase();
    let distance = |known: &str| strsim::osa_distance(&lower, &known.to_ascii_lowercase());
    let (distance, found) = known.iter().map(|known| (distance(known), *known)).min()?;
    (distance <= (found.len() / 3).min(2)).then_some(found)
}

/// The same, else the one that it is a part of, or that is a part of it: `denied` is meant to be `AccessDenied`.
pub(crate) fn meant<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = word.to_ascii_lowercase();
    let part = |known: &&&str| {
        let known = known.to_ascii_lowercase();
        lower.len() >= SHORTEST_PART && (known.contains(&lower) || lower.contains(&known))
    };
    nearest(word, known).or_else(|| known.iter().find(part).copied())
}

/// Letters of a part that says something.
const SHORTEST_PART: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant() {
        let known = ["AccessDenied", "NotAllowed", "InvalidSpec", "ECS"];
        let rows = [
            ("AccesDenied", Some("AccessDenied")),
            ("accessdenied", Some("AccessDenied")),
            ("denied", Some("AccessDenied")),
            ("NotAllowedHere", Some("NotAllowed")),
            ("InvaildSpec", Some("InvalidSpec")),
            ("ecs", Some("ECS")),
            ("EKS", Some("ECS")),
            ("X", None),
            ("ow", None),
            ("Sideways", None),
        ];
        for (word, expected) in rows {
            assert_eq!(meant(word, &known), expected, "{word}");
        }
        assert_eq!(nearest("denied", &known), None, "a part is no slip");
    }
}
