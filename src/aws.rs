//! The effect half of each AWS kind: how to read and write it, in the SDK's words. Nothing outside names an SDK type.
//!
//! Reads are retried by the SDK; writes never are (`max_attempts = 1`): an answer that was lost is looked up by the next pass.

pub mod accounts;
pub(crate) mod batch;
mod calls;
mod definitions;
pub(crate) mod ecs;
pub(crate) mod ecs_services;
mod error;
pub(crate) mod iam;
pub(crate) mod kms;
mod pace;
pub(crate) mod secrets_manager;
pub(crate) mod ssm;

pub use calls::{Call, Calls};

use crate::resource::arn::Arn;
use aws_types::SdkConfig;
use aws_types::region::Region;
use pace::{Pace, ValuePace};

/// The clients of one account and Region, with one identity.
#[derive(Debug, Clone)]
pub struct Account {
    pub(crate) read: Clients,
    pub(crate) write: Clients,
    pub(crate) pace: Pace,
    pub(crate) values: ValuePace,
    reads: SdkConfig,
    calls: Calls,
}

impl Account {
    fn new(reads: SdkConfig, writes: &SdkConfig, calls: &Calls, pace: Pace, values: ValuePace) -> Self {
        Self { read: Clients::new(&reads, calls), write: Clients::new(writes, calls), pace, values, reads, calls: calls.clone() }
    }

    /// The clients to read a thing with: those of the Region that its ARN names, for a secret or key may be in another one.
    pub(crate) fn near(&self, id: &str) -> Clients {
        let region = Arn::parse(id).map(|arn| arn.region).unwrap_or_default();
        if region.is_empty() || self.reads.region().is_none_or(|home| home.as_ref() == region) {
            return self.read.clone();
        }
        Clients::new(&self.reads.to_builder().region(Region::new(region)).build(), &self.calls)
    }
}

/// One client a service.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    pub(crate) batch: aws_sdk_batch::Client,
    pub(crate) ecs: aws_sdk_ecs::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) kms: aws_sdk_kms::Client,
    pub(crate) secrets_manager: aws_sdk_secretsmanager::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
}

impl Clients {
    fn new(config: &SdkConfig, calls: &Calls) -> Self {
        Self {
            batch: aws_sdk_batch::Client::from_conf(
                aws_sdk_batch::config::Builder::from(config).interceptor(calls.clone()).build(),
            ),
            ecs: aws_sdk_ecs::Client::from_conf(aws_sdk_ecs::config::Builder::from(config).interceptor(calls.clone()).build()),
            iam: aws_sdk_iam::Client::from_conf(aws_sdk_iam::config::Builder::from(config).interceptor(calls.clone()).build()),
            kms: aws_sdk_kms::Client::from_conf(aws_sdk_kms::config::Builder::from(config).interceptor(calls.clone()).build()),
            secrets_manager: aws_sdk_secretsmanager::Client::from_conf(
                aws_sdk_secretsmanager::config::Builder::from(config).interceptor(calls.clone()).build(),
            ),
            ssm: aws_sdk_ssm::Client::from_conf(aws_sdk_ssm::config::Builder::from(config).interceptor(calls.clone()).build()),
        }
    }
}
