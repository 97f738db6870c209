//! The effect half of each AWS kind: how to read and write it, in the SDK's words. Nothing outside names an SDK type.
//!
//! Reads are retried by the SDK; writes never are (`max_attempts = 1`): an answer that was lost is looked up by the next pass.
//! A [`Reader`] only looks. The clients that write are in an [`Account`], which takes a permit, and ask it before each attempt.

pub mod accounts;
pub(crate) mod batch;
mod calls;
mod definitions;
pub(crate) mod ec2;
pub(crate) mod ecs;
pub(crate) mod ecs_services;
mod error;
pub(crate) mod iam;
pub(crate) mod kms;
mod pace;
mod permitted;
pub(crate) mod reachable;
pub(crate) mod secrets_manager;
pub(crate) mod simulation;
pub(crate) mod ssm;

pub use calls::{Call, Calls};

use crate::leader::WritePermit;
use crate::resource::arn::Arn;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use ec2::NetworkMemory;
use pace::{Pace, ValuePace};
use permitted::Permitted;
use std::sync::{Arc, Mutex, PoisonError};

/// The clients of one account and Region, with one identity, for looking.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(crate) read: Clients,
    reads: SdkConfig,
    writes: SdkConfig,
    pace: Pace,
    values: ValuePace,
    /// What was read of VPCs lately.
    pub(crate) networks: NetworkMemory,
    calls: Calls,
    /// The last account that was asked for: each has connections of its own.
    permitted: Arc<Mutex<Option<(WritePermit, Account)>>>,
}

/// The same with the clients that write, for as long as a permit counts.
#[derive(Debug, Clone)]
pub struct Account {
    write: Clients,
    pace: Pace,
    values: ValuePace,
    networks: NetworkMemory,
}

impl Reader {
    fn new(reads: SdkConfig, writes: SdkConfig, calls: &Calls, pace: Pace, values: ValuePace) -> Self {
        let read = Clients::new(&reads, calls, &Permitted::read());
        let networks = NetworkMemory::default();
        Self { read, reads, writes, pace, values, networks, calls: calls.clone(), permitted: Arc::default() }
    }

    /// The account to write to.
    pub fn permitted(&self, permit: &WritePermit) -> Account {
        let mut known = self.permitted.lock().unwrap_or_else(PoisonError::into_inner);
        match known.as_ref().filter(|(of, _)| of.is_same(permit)) {
            Some((_, account)) => account.clone(),
            None => known.insert((permit.clone(), self.account(permit))).1.clone(),
        }
    }

    fn account(&self, permit: &WritePermit) -> Account {
        let writes = match permit.longest_attempt() {
            Some(longest) => cut(&self.writes, longest),
            None => self.writes.clone(),
        };
        let write = Clients::new(&writes, &self.calls, &Permitted::write(permit));
        Account { write, pace: self.pace.clone(), values: self.values.clone(), networks: self.networks.clone() }
    }

    /// The clients to read a thing with: those of the Region that its ARN names, for a secret or key may be in another one.
    pub(crate) fn near(&self, id: &str) -> Clients {
        let region = Arn::parse(id).map(|arn| arn.region).unwrap_or_default();
        if region.is_empty() || self.reads.region().is_none_or(|home| home.as_ref() == region) {
            return self.read.clone();
        }
        Clients::new(&self.reads.to_builder().region(Region::new(region)).build(), &self.calls, &Permitted::read())
    }
}

/// No attempt lasts longer.
fn cut(config: &SdkConfig, longest: std::time::Duration) -> SdkConfig {
    let known = config.timeout_config();
    let attempt = known.and_then(TimeoutConfig::operation_attempt_timeout).map_or(longest, |known| known.min(longest));
    let builder = known.map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
    config.to_builder().timeout_config(builder.operation_attempt_timeout(attempt).build()).build()
}

/// One client a service.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    pub(crate) batch: aws_sdk_batch::Client,
    pub(crate) ec2: wharfinger_ec2::Client,
    pub(crate) ecs: aws_sdk_ecs::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) kms: aws_sdk_kms::Client,
    pub(crate) secrets_manager: aws_sdk_secretsmanager::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
}

impl Clients {
    fn new(config: &SdkConfig, calls: &Calls, permitted: &Permitted) -> Self {
        Self {
            batch: aws_sdk_batch::Client::from_conf(
                aws_sdk_batch::config::Builder::from(config).interceptor(calls.clone()).interceptor(permitted.clone()).build(),
            ),
            ec2: wharfinger_ec2::Client::new(
                config,
                [SharedInterceptor::new(calls.clone()), SharedInterceptor::new(permitted.clone())],
            ),
            ecs: aws_sdk_ecs::Client::from_conf(
                aws_sdk_ecs::config::Builder::from(config).interceptor(calls.clone()).interceptor(permitted.clone()).build(),
            ),
            iam: aws_sdk_iam::Client::from_conf(
                aws_sdk_iam::config::Builder::from(config).interceptor(calls.clone()).interceptor(permitted.clone()).build(),
            ),
            kms: aws_sdk_kms::Client::from_conf(
                aws_sdk_kms::config::Builder::from(config).interceptor(calls.clone()).interceptor(permitted.clone()).build(),
            ),
            secrets_manager: aws_sdk_secretsmanager::Client::from_conf(
                aws_sdk_secretsmanager::config::Builder::from(config)
                    .interceptor(calls.clone())
                    .interceptor(permitted.clone())
                    .build(),
            ),
            ssm: aws_sdk_ssm::Client::from_conf(
                aws_sdk_ssm::config::Builder::from(config).interceptor(calls.clone()).interceptor(permitted.clone()).build(),
            ),
        }
    }
}
