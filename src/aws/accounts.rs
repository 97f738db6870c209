//! Identities: one cached set of credentials for each role, ExternalId and session tag, and its clients by Region. The account
//! is checked by sts:GetCallerIdentity before anything else is called.

use super::error::failure;
use super::pace::{Pace, ValuePace};
use super::{Calls, Reader};
use crate::failure::Failure;
use crate::problem::Problem;
use crate::status::Reason;
use crate::target::Target;
use aws_config::sts::AssumeRoleProvider;
use aws_sdk_sts::config::{IdentityCache, SharedCredentialsProvider};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Attempts of a read. Writes have one.
const READ_ATTEMPTS: u32 = 3;

/// All identities in use.
#[derive(Debug)]
pub struct Accounts {
    base: SdkConfig,
    timeout: Duration,
    calls: Calls,
    identities: Mutex<HashMap<Identity, Arc<Mutex<Option<Known>>>>>,
    /// By account and Region: whoever acts there shares what AWS allows.
    paces: Mutex<HashMap<(String, String), Pace>>,
    values: ValuePace,
}

/// What decides whose credentials are used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Identity {
    role_arn: Option<String>,
    external_id: Option<String>,
    session_namespace: Option<String>,
}

/// An identity whose account was checked.
#[derive(Debug)]
struct Known {
    config: SdkConfig,
    account_id: String,
    regions: HashMap<String, Reader>,
}

/// Why an identity may not be used.
#[derive(Debug)]
pub enum Refusal {
    /// The account is not the one that the AccountBinding names.
    Mismatch(Problem),
    /// The credentials could not be had or checked.
    Failed(Failure),
}

impl Accounts {
    /// Loads the ambient AWS configuration (environment, profile, web identity, container, instance). `timeout` = of one attempt.
    pub async fn load(timeout: Duration, calls: Calls) -> Self {
        let version = aws_config::BehaviorVersion::v2026_01_12();
        let base = aws_config::defaults(version).load().await;
        Self { base, timeout, calls, identities: Mutex::default(), paces: Mutex::default(), values: ValuePace::default() }
    }

    /// The configured Region.
    pub fn region(&self) -> Option<String> {
        self.base.region().map(ToString::to_string)
    }

    /// The account of the ambient identity.
    pub async fn ambient_account(&self) -> Result<String, Failure> {
        self.caller(&self.config(None, READ_ATTEMPTS)).await
    }

    /// The clients of a target, for looking.
    pub async fn reader(&self, target: &Target) -> Result<Reader, Refusal> {
        let identity = Identity {
            role_arn: target.role_arn.clone(),
            external_id: target.external_id.clone(),
            session_namespace: target.session_namespace.clone(),
        };
        let slot = self.identities.lock().await.entry(identity.clone()).or_default().clone();
        let mut slot = slot.lock().await;
        let known = match slot.take() {
            Some(known) => slot.insert(known),
            None => slot.insert(self.check(&identity, target).await.map_err(Refusal::Failed)?),
        };
        if known.account_id != target.account_id {
            return Err(Refusal::Mismatch(mismatch(target, &known.account_id)));
        }
        let place = (target.account_id.clone(), target.region.clone());
        let pace = self.paces.lock().await.entry(place).or_default().clone();
        let reader =
            known.regions.entry(target.region.clone()).or_insert_with(|| self.clients(&known.config, &target.region, pace));
        Ok(reader.clone())
    }

    fn clients(&self, config: &SdkConfig, region: &str, pace: Pace) -> Reader {
        let config = |attempts| {
            let retries = RetryConfig::standard().with_max_attempts(attempts);
            config.to_builder().region(Region::new(region.to_owned())).retry_config(retries).build()
        };
        Reader::new(config(READ_ATTEMPTS), config(1), &self.calls, pace, self.values.clone())
    }

    async fn check(&self, identity: &Identity, target: &Target) -> Result<Known, Failure> {
        let provider = match &identity.role_arn {
            Some(role) => Some(SharedCredentialsProvider::new(self.assume(role, identity, target).await)),
            None => None,
        };
        let config = self.config(provider, READ_ATTEMPTS);
        let regional = config.to_builder().region(Region::new(target.region.clone())).build();
        let account_id = self.caller(&regional).await.map_err(|mut failure| {
            // The credentials are fetched on the way, so where no answer came it may have been either call that hung.
            if identity.role_arn.is_some() && failure.code == "Timeout" {
                failure.operation = "AssumeRole or GetCallerIdentity".to_owned();
            }
            failure
        })?;
        Ok(Known { account_id, config, regions: HashMap::new() })
    }

    async fn assume(&self, role: &str, identity: &Identity, target: &Target) -> AssumeRoleProvider {
        let base = self.config(None, READ_ATTEMPTS).to_builder().region(Region::new(target.region.clone())).build();
        let builder = AssumeRoleProvider::builder(role)
            .session_name("wharfinger")
            .configure(&base)
            .region(Region::new(target.region.clone()));
        let builder = match &identity.external_id {
            Some(id) => builder.external_id(id),
            None => builder,
        };
        let builder = match &identity.session_namespace {
            Some(namespace) => builder.tags([("wharfinger.dev/namespace".to_owned(), namespace.clone())]),
            None => builder,
        };
        builder.build().await
    }

    /// The base configuration with our timeouts, one identity cache for all its clients, and other credentials.
    fn config(&self, credentials: Option<SharedCredentialsProvider>, attempts: u32) -> SdkConfig {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(self.timeout)
            .operation_timeout(self.timeout * (attempts + 1))
            .build();
        let mut builder =
            self.base.to_builder().timeout_config(timeouts).retry_config(RetryConfig::standard().with_max_attempts(attempts));
        if let Some(credentials) = credentials {
            builder = builder.credentials_provider(credentials).identity_cache(IdentityCache::lazy().build());
        }
        builder.build()
    }

    async fn caller(&self, config: &SdkConfig) -> Result<String, Failure> {
        let config = aws_sdk_sts::config::Builder::from(config).interceptor(self.calls.clone()).build();
        let answer = aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await;
        let answer = answer.map_err(|error| failure("STS", "GetCallerIdentity", &error))?;
        Ok(answer.account.unwrap_or_default())
    }
}

fn mismatch(target: &Target, found: &str) -> Problem {
    let who = match &target.role_arn {
        Some(role) => format!("role {role}"),
        None => "the controller's own credentials".to_owned(),
    };
    let Some(binding) = &target.binding else {
        let rule = format!("the AWS credentials are of account {found}");
        return Problem::of(
            Reason::AccountMismatch,
            "--account-id",
            &target.account_id,
            rule,
            "leave it out, or use other credentials",
        );
    };
    let field = format!("AccountBinding {binding}: spec.accountId");
    let rule = format!("{who} acts in account {found}");
    Problem::of(
        Reason::AccountMismatch,
        field,
        &target.account_id,
        rule,
        "name a role of that account in spec.roleArn, or mend the account",
    )
}
