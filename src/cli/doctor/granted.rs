//! What an identity is granted, compared with what it needs: IAM is asked, where that is allowed.

use super::findings::Finding;
use crate::api::AccountBindingSpec;
use crate::aws::{Reader, simulation};
use crate::failure::Failure;
use crate::iam_policy::{Feature, Question, policies, questions};
use crate::problem::Problem;
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};

/// Questions at the same time: IAM takes few calls a second.
const AT_ONCE: usize = 3;

/// `principal` = the ARN of the role or user; none where nothing can be asked about it.
pub(super) async fn judge(
    check: String,
    reader: &Reader,
    principal: Option<String>,
    binding: &AccountBindingSpec,
    features: &BTreeSet<Feature>,
) -> Finding {
    let needed = match policies(binding, features) {
        Ok(needed) => needed,
        Err(problems) => {
            let told: Vec<String> = problems.iter().map(Problem::to_string).collect();
            return Finding::failed(check, told.join("; "), "name other features by --feature, or mend the AccountBinding");
        }
    };
    let region = binding.regions.first().map_or("us-east-1", String::as_str);
    let questions = questions(&needed, region);
    let count = questions.iter().flat_map(|question| &question.actions).collect::<BTreeSet<_>>().len();
    let Some(principal) = principal else {
        return Finding::skipped(check, "IAM cannot be asked about the root user of an account; it may do everything");
    };
    match missing(reader, &principal, &questions).await {
        Ok(missing) if missing.is_empty() => Finding::ok(check, format!("{principal} is granted all {count} actions")),
        Ok(missing) => {
            let told: Vec<String> = missing.iter().map(|(what, resource)| format!("{what} on {resource}")).collect();
            let remedy = "grant what `wharfinger iam-policy` prints for this account; --feature names what you use";
            Finding::failed(check, format!("{principal} lacks {}", told.join("; ")), remedy)
        }
        Err(failure) => unknown(check, count, &failure),
    }
}

fn unknown(check: String, count: usize, failure: &Failure) -> Finding {
    let message = format!("needed are {count} actions; which are granted is not known: {failure}");
    let remedy = "grant iam:SimulatePrincipalPolicy (`wharfinger iam-policy -f FILE --feature doctor`), or compare by hand with what `wharfinger iam-policy` prints";
    Finding::warning(check, message, remedy)
}

/// What is not granted: the actions and why, and on what; those of one kind together.
async fn missing(reader: &Reader, principal: &str, questions: &[Question]) -> Result<Vec<(String, String)>, Failure> {
    let asked = questions.iter().map(async |question| {
        let denied = simulation::denied(&reader.read, principal, question).await?;
        Ok::<_, Failure>((question, denied))
    });
    let answers: Vec<_> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
    let mut found = vec![];
    for (question, denied) in answers {
        let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        denied.into_iter().for_each(|it| by_reason.entry(it.why).or_default().push(it.action));
        let each =
            by_reason.into_iter().map(|(why, actions)| (format!("{} ({why})", actions.join(", ")), question.resource.clone()));
        found.extend(each);
    }
    Ok(found)
}

/// The role or user behind a caller's ARN. A session names its role without the path, so that one with a path is not found.
pub(super) fn principal(caller: &str) -> Option<String> {
    let (before, rest) = caller.rsplit_once(':')?;
    let mut parts = rest.split('/');
    match (parts.next(), parts.next()) {
        (Some("assumed-role"), Some(role)) => Some(format!("{}:role/{role}", before.replace(":sts:", ":iam:"))),
        (Some("user"), Some(_)) => Some(caller.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_of_a_role() {
        let rows = [
            ("arn:aws:sts::111122223333:assumed-role/wharfinger/session", Some("arn:aws:iam::111122223333:role/wharfinger")),
            ("arn:aws-cn:sts::111122223333:assumed-role/a/b", Some("arn:aws-cn:iam::111122223333:role/a")),
            ("arn:aws:iam::111122223333:user/path/me", Some("arn:aws:iam::111122223333:user/path/me")),
            ("arn:aws:iam::111122223333:root", None),
            ("arn:aws:sts::111122223333:federated-user/me", None),
            ("", None),
        ];
        for (caller, expected) in rows {
            assert_eq!(principal(caller).as_deref(), expected, "{caller}");
        }
    }
}
