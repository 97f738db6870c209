//! The checks of AWS: credentials, accounts, permissions, the way to each service, the clock.

use super::clock::{self, Heard};
use super::findings::Finding;
use super::granted;
use crate::api::{AccountBinding, AccountBindingSpec};
use crate::aws::accounts::{Accounts, Caller, Refusal};
use crate::aws::{Call, Calls, Reader, reachable};
use crate::cli::arguments::{Common, DoctorArguments};
use crate::failure::Failure;
use crate::iam_policy::{Feature, features_of};
use crate::target::{Target, no_credentials_remedy, of_binding};
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

const CREDENTIALS: &str = "AWS credentials";
const REGION: &str = "AWS Region";
/// Asked where no Region is known: who somebody is does not depend on it.
const SOME_REGION: &str = "us-east-1";
/// Nothing can be done without these; the others are for those who use them.
const ALWAYS: [&str; 3] = ["STS", "IAM", "SecretsManager"];

/// Looks at all of it. `of` = where the bindings are from.
pub(super) async fn look(
    common: &Common,
    what: &DoctorArguments,
    bindings: &[AccountBinding],
    of: &str,
    findings: &mut Vec<Finding>,
) {
    let heard = Arc::new(Mutex::new(Answers::default()));
    let noting = heard.clone();
    let calls = Calls::new(move |call| lock(&noting).note(call));
    let accounts = Accounts::load(common.aws_timeout(), calls.clone(), "doctor").await;
    let caller = who(&accounts, findings).await;
    findings.push(region(&accounts, bindings));
    match (bindings, &caller) {
        ([], None) => findings.push(Finding::skipped("permissions in AWS", "there are no AWS credentials")),
        ([], Some(caller)) => findings.push(granted_to_caller(&accounts, caller, what).await),
        (bindings, caller) => {
            findings.push(Finding::ok("AccountBindings", format!("{} of {of}: {}", bindings.len(), names(bindings))));
            for binding in bindings {
                through(binding, &accounts, caller.as_ref(), common, what, findings).await;
            }
        }
    }
    let regions: BTreeSet<String> = bindings.iter().flat_map(|it| it.spec.regions.clone()).chain(accounts.region()).collect();
    for region in &regions {
        let silent = reachable::unreachable(&accounts, region, &calls).await;
        findings.push(reached(region, &silent, &lock(&heard).hosts));
    }
    if regions.is_empty() {
        findings.push(Finding::skipped("endpoints", "no Region is known"));
    }
    findings.push(clock::judge(&lock(&heard).dates));
}

/// What was seen on the way.
#[derive(Default)]
struct Answers {
    dates: Vec<Heard>,
    /// By service.
    hosts: BTreeMap<String, String>,
}

impl Answers {
    fn note(&mut self, call: Call) {
        self.dates.extend(call.date.map(|date| Heard { date, at: Timestamp::now() }));
        self.hosts.insert(call.service, call.host);
    }
}

fn lock(answers: &Mutex<Answers>) -> std::sync::MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

fn names(bindings: &[AccountBinding]) -> String {
    bindings.iter().map(ResourceExt::name_any).collect::<Vec<_>>().join(", ")
}

async fn who(accounts: &Accounts, findings: &mut Vec<Finding>) -> Option<Caller> {
    let found = match accounts.ambient_credentials().await {
        Ok(()) => accounts.ambient_caller(SOME_REGION).await,
        Err(failure) => Err(failure),
    };
    match found {
        Ok(caller) => {
            findings.push(Finding::ok(CREDENTIALS, format!("{} of account {}", caller.arn, caller.account_id)));
            Some(caller)
        }
        Err(failure) => {
            findings.push(Finding::failed(CREDENTIALS, failure.to_string(), remedy(&failure)));
            None
        }
    }
}

fn remedy(failure: &Failure) -> String {
    match failure.passes() && failure.code != "NoCredentials" {
        true => "see whether the endpoints below can be reached, and try again".to_owned(),
        false => no_credentials_remedy(failure).to_owned(),
    }
}

fn region(accounts: &Accounts, bindings: &[AccountBinding]) -> Finding {
    match accounts.region() {
        Some(region) => Finding::ok(REGION, region),
        None if bindings.is_empty() => Finding::warning(
            REGION,
            "none is configured",
            "set AWS_REGION, or name a Region in the workload or the AccountBinding",
        ),
        None => Finding::ok(REGION, "none is configured; the AccountBindings name theirs"),
    }
}

/// A binding: whether its role can be taken on and is of its account, and what it is granted.
async fn through(
    binding: &AccountBinding,
    accounts: &Accounts,
    caller: Option<&Caller>,
    common: &Common,
    what: &DoctorArguments,
    findings: &mut Vec<Finding>,
) {
    let name = binding.name_any();
    let (check, permissions) = (format!("account of AccountBinding {name}"), format!("permissions of AccountBinding {name}"));
    let Some(caller) = caller else {
        let why = "there are no AWS credentials to begin with";
        return findings.extend([check, permissions].map(|check| Finding::skipped(check, why)));
    };
    let region = binding.spec.regions.first().cloned().unwrap_or_else(|| SOME_REGION.to_owned());
    let namespace = common.namespace.as_deref().unwrap_or("default");
    let target = match of_binding(binding, region, namespace) {
        Ok(target) => target,
        Err(problem) => return findings.push(Finding::failed(check, problem.to_string(), "mend the AccountBinding")),
    };
    match acts(accounts, &target).await {
        Ok(reader) => {
            let who = binding.spec.role_arn.as_deref().map_or("these credentials act".to_owned(), |role| format!("{role} acts"));
            findings.push(Finding::ok(check, format!("{who} in account {}", target.account_id)));
            let principal = binding.spec.role_arn.clone().or_else(|| granted::principal(&caller.arn));
            findings.push(granted::judge(permissions, &reader, principal, &binding.spec, &features(&binding.spec, what)).await);
        }
        Err((message, remedy)) => {
            findings.push(Finding::failed(check, message, remedy));
            findings.push(Finding::skipped(permissions, "its account cannot be reached"));
        }
    }
}

async fn acts(accounts: &Accounts, target: &Target) -> Result<Reader, (String, String)> {
    accounts.reader(target).await.map_err(|refusal| match refusal {
        Refusal::Failed(failure) => (failure.to_string(), target.remedy(&failure)),
        Refusal::Mismatch(problem) => (format!("{}: {:?}: {}", problem.field, problem.value, problem.rule), problem.remedy),
    })
}

fn features(binding: &AccountBindingSpec, what: &DoctorArguments) -> BTreeSet<Feature> {
    if what.features.is_empty() { features_of(binding) } else { what.features.iter().copied().collect() }
}

/// Without an AccountBinding the caller itself acts, in its own account, with the default names.
async fn granted_to_caller(accounts: &Accounts, caller: &Caller, what: &DoctorArguments) -> Finding {
    let check = "permissions in AWS";
    let region = accounts.region().unwrap_or_else(|| SOME_REGION.to_owned());
    let object = json!({ "metadata": { "name": "" }, "spec": { "accountId": caller.account_id, "regions": [region] } });
    let Ok(binding) = serde_json::from_value::<AccountBinding>(object) else {
        return Finding::skipped(check, "the caller's account is not known");
    };
    let target = match of_binding(&binding, region, "default") {
        Ok(target) => target,
        Err(problem) => return Finding::failed(check, problem.to_string(), "set AWS_REGION to a Region of AWS's"),
    };
    match acts(accounts, &target).await {
        Ok(reader) => {
            let principal = granted::principal(&caller.arn);
            granted::judge(check.to_owned(), &reader, principal, &binding.spec, &features(&binding.spec, what)).await
        }
        Err((message, remedy)) => Finding::failed(check, message, remedy),
    }
}

fn reached(region: &str, silent: &[Failure], hosts: &BTreeMap<String, String>) -> Finding {
    let check = format!("endpoints of {region}");
    let told = silent.iter().map(|it| {
        let host = hosts.get(&it.service).map(|host| format!(" ({host})")).unwrap_or_default();
        format!("{}{host}: {}", it.service, it.message)
    });
    let told = told.collect::<Vec<_>>().join("; ");
    let remedy = "open the way to these hosts: route, security group, name server, VPC endpoint";
    match silent {
        [] => Finding::ok(check, format!("all {} services answer", hosts.len())),
        silent if silent.iter().any(|it| ALWAYS.contains(&it.service.as_str())) => Finding::failed(check, told, remedy),
        _ => Finding::warning(check, told, format!("if you use them, {remedy}")),
    }
}
