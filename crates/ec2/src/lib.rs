//! The few calls of Amazon EC2 that Wharfinger makes, in plain types. What they mean is for others to say.

mod convert;
mod read;
mod seen;
mod wanted;
mod write;

pub use read::{DnsAttribute, FILTER_VALUES};
pub use seen::*;
pub use wanted::*;
pub use write::Unsuccessful;

use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;

/// A call that failed. EC2 models none of its errors: a code and a message is all that there is.
pub type Failed = SdkError<ErrorMetadata, HttpResponse>;

/// EC2 in one Region, with one identity. Each call has the name of its operation.
#[derive(Debug, Clone)]
pub struct Client(aws_sdk_ec2::Client);

impl Client {
    /// The client of a configuration, with what looks at each call.
    pub fn new(config: &SdkConfig, interceptors: impl IntoIterator<Item = SharedInterceptor>) -> Self {
        let mut builder = aws_sdk_ec2::config::Builder::from(config);
        for interceptor in interceptors {
            builder.push_interceptor(interceptor);
        }
        Self(aws_sdk_ec2::Client::from_conf(builder.build()))
    }
}

/// One type for the failures of all calls.
fn failed<E: ProvideErrorMetadata>(error: SdkError<E, HttpResponse>) -> Failed {
    error.map_service_error(|error| error.meta().clone())
}
