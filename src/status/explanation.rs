//! What each reason means, what brings it about and what to do: the one table behind `wharfinger explain`, `wharfinger status` and
//! `docs/reasons.md`.

use super::Reason;
use serde::Serialize;

/// Who has to act before what has this reason goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WhoActs {
    /// Whoever keeps the object, what it refers to, the AccountBinding or AWS.
    You,
    /// Nobody: Wharfinger goes on by itself.
    Time,
    /// Nobody: nothing is left to do.
    Nobody,
}

/// One reason, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The word.
    pub reason: Reason,
    /// What is so.
    pub meaning: &'static str,
    /// What brings it about.
    pub cause: &'static str,
    /// Who has to act.
    pub who_acts: WhoActs,
    /// What to do.
    pub remedy: &'static str,
    /// Pages of the documentation that say more, from `docs/`.
    pub see: &'static [&'static str],
}

impl Reason {
    /// What it means, what brings it about and what to do.
    pub fn explanation(self) -> Explanation {
        let (meaning, cause, who_acts, remedy, see) = text(self);
        Explanation { reason: self, meaning, cause, who_acts, remedy, see }
    }
}

type Row = (&'static str, &'static str, WhoActs, &'static str, &'static [&'static str]);

#[rustfmt::skip] // a table
#[expect(clippy::too_many_lines, reason = "a table is as long as it has rows")]
fn text(reason: Reason) -> Row {
    use WhoActs::{Nobody, Time, You};
    match reason {
        Reason::Succeeded => (
            "Everything that was asked for is so.",
            "The last pass found nothing left to do.",
            Nobody,
            "Nothing.",
            &[],
        ),
        Reason::Progressing => (
            "This part waits for another part of the same pass, or for a time that the message names.",
            "A step before it failed or is not done yet, AWS has not caught up with a write, a deployment is under way, or AWS asks for a pause between two writes.",
            Time,
            "Look at the other conditions: one of them says what it waits for.",
            &[],
        ),
        Reason::Suspended => (
            "Nothing is compared and nothing written.",
            "`spec.suspend` is true.",
            You,
            "Take the line away to go on.",
            &["workload.md"],
        ),
        Reason::DriftDetected => (
            "AWS differs from the spec, and it is left so.",
            "`managementPolicy` is `Observe`, and the spec was changed or somebody changed AWS.",
            You,
            "Read `status.plan`. Set `managementPolicy: Full` to have it carried out.",
            &["workload.md"],
        ),
        Reason::InvalidSpec => (
            "A field of the spec breaks a rule. Nothing was written.",
            "The object was applied with a value that the schema of the CRD cannot check.",
            You,
            "The message names field, value, rule and remedy; all problems are listed.",
            &["workload.md"],
        ),
        Reason::BindingNotFound => (
            "No AccountBinding admits the namespace, or none of the name in `spec.bindingRef` does.",
            "The namespace's labels do not match the `namespaceSelector` of any AccountBinding, or there is none yet.",
            You,
            "Ask the administrator for one whose `namespaceSelector` matches the namespace's labels.",
            &["account-binding.md"],
        ),
        Reason::BindingAmbiguous => (
            "More than one AccountBinding admits the namespace.",
            "The `namespaceSelector`s of several match its labels, and the spec names none of them.",
            You,
            "Name one in `spec.bindingRef`.",
            &["account-binding.md"],
        ),
        Reason::AccountMismatch => (
            "The credentials in use are of another AWS account than the AccountBinding says. Nothing was written.",
            "`accountId` has a mistake, `roleArn` is of another account, or there is no `roleArn` and the controller's own identity is of another account.",
            You,
            "The administrator corrects `accountId`, `roleArn` or the controller's credentials.",
            &["account-binding.md", "operations.md#aws-credentials"],
        ),
        Reason::NotAllowed => (
            "A fence of the AccountBinding (`spec.limits`, `spec.regions`) does not admit what the spec leads to.",
            "The spec names a role, secret, key, registry, host or Region that the administrator has not opened.",
            You,
            "Use what is admitted, or ask the administrator to admit it.",
            &["account-binding.md"],
        ),
        Reason::TargetChanged => (
            "Account, Region or binding of a workload that lives in AWS was changed.",
            "`spec.region`, `spec.bindingRef` or the AccountBinding itself leads elsewhere than what exists.",
            You,
            "Put it back; or delete the workload and create it anew in the other place.",
            &["workload.md"],
        ),
        Reason::SecretSourceMissing => (
            "A Secret that the spec names does not exist, or may not be read.",
            "It was not created, has another name or namespace, or the controller's Role does not let it read Secrets there.",
            Time,
            "Create it, or let the controller read Secrets in the namespace: the message names namespace, verb and resource. It is watched.",
            &["operations.md#secrets"],
        ),
        Reason::SecretSourceInvalid => (
            "A Secret that the spec names holds no usable login.",
            "It has no key of a known form, its content cannot be read, or it has no entry for the registry.",
            You,
            "Mend the Secret; the message says what is wrong with which key. It is watched.",
            &["workload.md"],
        ),
        Reason::OwnershipConflict => (
            "Something of that name exists in AWS and is not this workload's. It is left alone.",
            "It was made by hand, by another tool or by another installation, or its tags were taken away.",
            You,
            "Delete or rename it, or choose other names (`names` of the AccountBinding, or the workload's name).",
            &["account-binding.md"],
        ),
        Reason::RoleSettingsConflict => (
            "Two workloads name one role and want it kept in different ways (`managedPolicy`, `trust`, `restrictPullsTo`).",
            "`executionRole` of both names the same role, and its settings differ.",
            You,
            "Make the settings the same, or give one of the workloads another role.",
            &["execution-role.md"],
        ),
        Reason::DependencyNotFound => (
            "What the spec names (a secret, key or role that exists) is not there, or may not be used. Both read the same.",
            "The name has a mistake, the thing was deleted, or a fence or the other object does not admit this namespace.",
            You,
            "Correct the name, create the thing, or ask the administrator to admit it.",
            &["workload.md"],
        ),
        Reason::AccessDenied => (
            "AWS denies a call.",
            "The policy of the identity that acts lacks the action, a boundary or a policy of the organisation forbids it, the role cannot be assumed, or there are no credentials at all.",
            You,
            "Allow the action that the message names in the policy of the identity that Wharfinger acts with. What STS denies, and that there are no credentials at all, is told with its own remedy. `wharfinger doctor` compares what is needed with what is granted.",
            &["operations.md#aws-credentials", "account-binding.md#permissions-in-aws"],
        ),
        Reason::Throttled => (
            "AWS takes no more calls for now.",
            "Many calls in a short time, of this program or of others in the account.",
            Time,
            "Nothing; it slows down and goes on.",
            &[],
        ),
        Reason::AwsUnavailable => (
            "AWS failed or did not answer, or the thing is just changing.",
            "A fault on AWS's side or of the network between, or somebody else writes the same thing at this time.",
            Time,
            "Nothing; a lost answer is looked up before anything is sent again.",
            &[],
        ),
        Reason::RefusedByAws => (
            "AWS refuses what was sent, for instance a definition.",
            "A value or a combination of values that only AWS can judge.",
            You,
            "AWS's own message says why, and what to do about it: mostly, change the spec.",
            &[],
        ),
        Reason::QuotaExceeded => (
            "A quota of the AWS account is used up.",
            "The account has as many secrets, roles, versions or revisions as it may have.",
            You,
            "Remove what is not needed, or have the quota raised.",
            &[],
        ),
        Reason::DnsConflict => (
            "An endpoint cannot have private DNS: the usual names of its service lead elsewhere in the VPC already.",
            "Another endpoint of that service with private DNS, perhaps shared with the VPC by another account, or a private hosted zone of that name which is associated with the VPC.",
            You,
            "Remove it, or take private DNS from the other endpoint; an endpoint of this account can also be taken over, by spec.adoptionPolicy.",
            &[],
        ),
        Reason::ImageNotVerified => (
            "It is not proven that the credential pulls the image. The secret is kept up to date; nothing is registered, and what is registered stays.",
            "The registry did not prove it, and `verify: Enforce` or `pinDigest` asks for that. Under `verify: Warn` only `ImageVerified` says so.",
            You,
            "The message names image, host and class of failure; each class has its own remedy.",
            &["verify.md#classes-of-failure"],
        ),
        Reason::RegistryUnavailable => (
            "It is not proven that the credential pulls the image, and the proof is tried again.",
            "The registry did not answer, failed, or takes no more requests.",
            Time,
            "Nothing; it is asked again, after ever longer waits.",
            &["verify.md#classes-of-failure"],
        ),
        Reason::NetworkUnsuitable => (
            "Endpoints cannot be in the VPC of a PullNetwork, or would not serve its tasks.",
            "A DNS attribute of the VPC is off, subnets are shared by another account, a service has endpoints in none of their zones, no route table of a subnet is named, or a security group lets no 443 in.",
            You,
            "The message names what is in the way and the remedy; mostly, change the VPC, or the subnets and groups that the spec names.",
            &[],
        ),
        Reason::NotConfirmed => (
            "What may cut open connections for a moment is not done without a yes.",
            "The S3 gateway of a PullNetwork is to be made, or to get more route tables: AWS may interrupt connections to S3 that go through them.",
            You,
            "Set `spec.allowS3Gateway: true` when that is all right.",
            &[],
        ),
        Reason::InternetPathNeeded => (
            "Something that tasks pull cannot be reached through endpoints.",
            "Private registries, Amazon ECR Public, the first pull through a pull-through cache rule and Windows base layers are outside of what endpoints serve.",
            Nobody,
            "See that the subnets have a path there, such as a NAT gateway; it is no part of `Ready`, as it cannot be seen from here.",
            &[],
        ),
        Reason::RolloutFailed => (
            "The deployment of a service in `spec.rollout` failed, or ECS rolled it back.",
            "Tasks of the new revision do not start, or do not stay healthy.",
            You,
            "The message says why its tasks stopped. Mend the cause and change the definition, or deploy by hand. The service is not told the same revision again.",
            &["workload.md"],
        ),
        Reason::ForeignRevision => (
            "The definition is registered, and there is a newer revision in its family that is not ours.",
            "Somebody else registered it, such as a pipeline or a person in the console.",
            Nobody,
            "Nothing has to be done; the message names it. Deregister it, or bring its change into the spec.",
            &[],
        ),
        Reason::DeletionBlocked => (
            "A deletion waits for what the message names.",
            "Tasks, services or jobs still use the definition, or workloads still name the credential.",
            Time,
            "Free it. `wharfinger.dev/force-delete=true` goes on although it is in use; `wharfinger.dev/abandon=true` lets the object go and leaves everything in AWS.",
            &["workload.md#deletion"],
        ),
        Reason::KubernetesUnavailable => (
            "The Kubernetes API failed or did not answer.",
            "The API server is down or overloaded, or it denies the controller a call.",
            Time,
            "Nothing; it is tried again.",
            &["operations.md#permissions"],
        ),
    }
}

/// `docs/reasons.md`.
pub fn reasons_page() -> String {
    let rows = Reason::ALL.map(|reason| {
        let it = reason.explanation();
        let anchor = reason.to_string().to_lowercase();
        format!("| [`{reason}`](#{anchor}) | {} | {} |\n", it.meaning, it.who_acts.word())
    });
    let sections = Reason::ALL.map(|reason| {
        let it = reason.explanation();
        let see: Vec<String> = it.see.iter().map(|page| format!("[{page}]({page})")).collect();
        let see = if see.is_empty() { String::new() } else { format!("- **More**: {}\n", see.join(", ")) };
        format!(
            "\n## {reason}\n\n{}\n\n- **Cause**: {}\n- **Who acts**: {}\n- **Remedy**: {}\n{see}",
            it.meaning,
            it.cause,
            it.who_acts.word(),
            it.remedy
        )
    });
    format!("{OPENING}{}{}", rows.concat(), sections.concat())
}

const OPENING: &str = "\
<!-- Generated from src/status/explanation.rs by `make generate`. -->

# Reasons

Every condition, event and metric of Wharfinger gives its reason in one of these words, and in no other. The message beside it
names the thing (which field, which ARN, which call with AWS's code and request id) and what to do; this page says what the word
means. `wharfinger explain REASON` says the same.

**Who acts**: *you* = the workload is `Stalled`, and only a change helps (in the workload, in what it refers to, in the
AccountBinding or in AWS); *time* = the workload is `Reconciling`, and Wharfinger goes on by itself. Either way it keeps looking,
so nothing has to be restarted.

| reason | what it means | who acts |
|---|---|---|
";

impl WhoActs {
    /// As it is printed.
    pub fn word(self) -> &'static str {
        match self {
            Self::You => "you",
            Self::Time => "time",
            Self::Nobody => "nobody",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_stalled_must_act() {
        for reason in Reason::ALL {
            let acts = reason.explanation().who_acts;
            let expected = reason.is_stalled() || reason == Reason::Suspended;
            assert_eq!(acts == WhoActs::You, expected, "{reason}");
        }
    }

    #[test]
    fn every_text_is_a_sentence() {
        for reason in Reason::ALL {
            let Explanation { meaning, cause, remedy, .. } = reason.explanation();
            for text in [meaning, cause, remedy] {
                assert!(text.ends_with('.') && !text.contains(['|', '\n']), "{reason}: {text:?}");
            }
        }
    }
}
