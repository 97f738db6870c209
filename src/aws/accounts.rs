//! Identities: one cached set of credentials and clients for each role, ExternalId, session tag and Region. The account is checked
//! by sts:GetCallerIdentity before anything else is called.
//!
//! Credentials of STS are good in every Region. They are had from the STS of the Region that they are used in all the same, so that a
//! Region whose STS fails, or is not activated, holds up none but its own workloads.

use super::error::failure;
use super::pace::{Pace, ValuePace};
use super::{Calls, Reader};
use crate::failure::Failure;
use crate::problem::Problem;
use crate::status::Reason;
use crate::target::{Target, session_name};
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::config::{IdentityCache, SharedCredentialsProvider};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Attempts of a read. Writes have one.
const READ_ATTEMPTS: u32 = 3;

/// All identities in use.
#[derive(Debug)]
pub struct Accounts {
    base: SdkConfig,
    timeout: Duration,
    calls: Calls,
    /// Name of the sessions of roles.
    session: String,
    identities: Mutex<HashMap<Identity, Slot>>,
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
    region: String,
}

/// An identity, if it was checked, and when it was used.
#[derive(Debug)]
struct Slot {
    known: Arc<Mutex<Option<Known>>>,
    used: Instant,
}

/// An identity that is not used for so long is forgotten: its credentials are over, its workloads may be gone.
const IDLE: Duration = Duration::from_secs(2 * 3600);

/// An identity whose account was checked.
#[derive(Debug)]
struct Known {
    account_id: String,
    account: Reader,
}

/// Who somebody is to AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Account, 12 digits.
    pub account_id: String,
    /// ARN of the user, or of the session of a role.
    pub arn: String,
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
    /// Loads the ambient AWS configuration (environment, profile, web identity, container, instance). `timeout` = of one attempt,
    /// `cluster` = in whose name roles are assumed: the cluster id, or `--owner`.
    pub async fn load(timeout: Duration, calls: Calls, cluster: &str) -> Self {
        let version = aws_config::BehaviorVersion::v2026_01_12();
        let base = aws_config::defaults(version).load().await;
        let (session, identities, paces) = (session_name(cluster), Mutex::default(), Mutex::default());
        Self { base, timeout, calls, session, identities, paces, values: ValuePace::default() }
    }

    /// Whether there are ambient credentials; asks nobody where they are in the environment.
    pub async fn ambient_credentials(&self) -> Result<(), Failure> {
        let found = match self.base.credentials_provider() {
            Some(provider) => provider.provide_credentials().await,
            None => Err(CredentialsError::not_loaded_no_source()),
        };
        found.map(|_| ()).map_err(|error| super::error::credentials_failure(&error))
    }

    /// The configured Region.
    pub fn region(&self) -> Option<String> {
        self.base.region().map(ToString::to_string)
    }

    /// The account of the ambient identity.
    pub async fn ambient_account(&self) -> Result<String, Failure> {
        self.caller(&self.config(None, READ_ATTEMPTS)).await.map(|caller| caller.account_id)
    }

    /// Who the ambient identity is. `otherwise` = the Region to ask in where none is configured.
    pub async fn ambient_caller(&self, otherwise: &str) -> Result<Caller, Failure> {
        let region = self.base.region().cloned().unwrap_or_else(|| Region::new(otherwise.to_owned()));
        self.caller(&self.config(None, READ_ATTEMPTS).to_builder().region(region).build()).await
    }

    /// The configuration for a call in a Region that nobody signs in earnest: it is only to be answered, once.
    pub(super) fn anonymous(&self, region: &str) -> SdkConfig {
        let nobody = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wharfinger-doctor", None, None, "doctor");
        let config = self.config(Some(SharedCredentialsProvider::new(nobody)), 1);
        config.to_builder().region(Region::new(region.to_owned())).build()
    }

    /// The clients of a target, for looking.
    pub async fn reader(&self, target: &Target) -> Result<Reader, Refusal> {
        let identity = Identity {
            role_arn: target.role_arn.clone(),
            external_id: target.external_id.clone(),
            session_namespace: target.session_namespace.clone(),
            region: target.region.clone(),
        };
        let slot = self.slot(&identity).await;
        let mut slot = slot.lock().await;
        let known = match slot.take() {
            Some(known) => slot.insert(known),
            None => slot.insert(self.check(&identity, target).await.map_err(Refusal::Failed)?),
        };
        match known.account_id == target.account_id {
            true => Ok(known.account.clone()),
            false => Err(Refusal::Mismatch(mismatch(target, &known.account_id))),
        }
    }

    /// Where what is known of an identity is kept. Those that nobody uses any more are forgotten.
    async fn slot(&self, identity: &Identity) -> Arc<Mutex<Option<Known>>> {
        let (mut identities, now) = (self.identities.lock().await, Instant::now());
        forget_idle(&mut identities, now);
        let slot = identities.entry(identity.clone()).or_insert_with(|| Slot { known: Arc::default(), used: now });
        slot.used = now;
        slot.known.clone()
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
        let caller = self.caller(&regional).await.map_err(|mut failure| {
            // The credentials are fetched on the way, so where no answer came it may have been either call that hung.
            if identity.role_arn.is_some() && failure.code == "Timeout" {
                failure.operation = "AssumeRole or GetCallerIdentity".to_owned();
            }
            failure
        })?;
        let account_id = caller.account_id;
        let place = (account_id.clone(), target.region.clone());
        let pace = self.paces.lock().await.entry(place).or_default().clone();
        Ok(Known { account_id, account: self.clients(&config, &target.region, pace) })
    }

    async fn assume(&self, role: &str, identity: &Identity, target: &Target) -> AssumeRoleProvider {
        let base = self.config(None, READ_ATTEMPTS).to_builder().region(Region::new(target.region.clone())).build();
        let builder = AssumeRoleProvider::builder(role)
            .session_name(&self.session)
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

    async fn caller(&self, config: &SdkConfig) -> Result<Caller, Failure> {
        let config = aws_sdk_sts::config::Builder::from(config).interceptor(self.calls.clone()).build();
        let answer = aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await;
        let answer = answer.map_err(|error| failure("STS", "GetCallerIdentity", &error))?;
        Ok(Caller { account_id: answer.account.unwrap_or_default(), arn: answer.arn.unwrap_or_default() })
    }
}

fn forget_idle(identities: &mut HashMap<Identity, Slot>, now: Instant) {
    identities.retain(|_, slot| now.duration_since(slot.used) < IDLE);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_that_nobody_uses_are_forgotten() {
        let (start, mut identities) = (Instant::now(), HashMap::new());
        let identity = |region: &str| Identity {
            role_arn: None,
            external_id: None,
            session_namespace: Some("payments".into()),
            region: region.into(),
        };
        let later = |seconds| start + Duration::from_secs(seconds);
        for (region, used) in [("eu-west-1", start), ("us-east-1", later(3600))] {
            identities.insert(identity(region), Slot { known: Arc::default(), used });
        }
        forget_idle(&mut identities, later(7199));
        assert_eq!(identities.len(), 2);
        forget_idle(&mut identities, later(7200));
        assert!(identities.len() == 1 && identities.contains_key(&identity("us-east-1")), "{identities:?}");
    }
}
