//! Asks the permit before each attempt of a call that writes is sent.

use crate::leader::{Lapsed, Sending, WritePermit};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use std::error::Error;

/// What a client needs to send: a permit if it writes, nothing if it reads.
#[derive(Debug, Clone)]
pub(super) struct Permitted(Option<WritePermit>);

impl Permitted {
    pub(super) fn read() -> Self {
        Self(None)
    }

    pub(super) fn write(permit: &WritePermit) -> Self {
        Self(Some(permit.clone()))
    }
}

/// An attempt under way. Gone with the call, however that ends.
#[derive(Debug)]
struct Attempt(#[expect(dead_code, reason = "it counts while it is there")] Option<Sending>);

impl Storable for Attempt {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Permitted {
    fn name(&self) -> &'static str {
        "WritePermit"
    }

    /// The last moment before the request leaves: it is signed, and nothing but the connection comes after.
    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(permit) = &self.0 {
            config.interceptor_state().store_put(Attempt(Some(permit.send()?)));
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        _: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(Attempt(None));
        Ok(())
    }
}

/// Whether a call was not sent because its permit had lapsed.
pub(super) fn has_lapsed(error: &(dyn Error + 'static)) -> bool {
    let mut at = Some(error);
    while let Some(error) = at {
        if error.is::<Lapsed>() {
            return true;
        }
        at = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::error::failure;
    use super::super::{Account, Calls, Reader};
    use crate::failure::{Failure, FailureKind};
    use crate::leader::{WritePermit, permits};
    use aws_credential_types::provider::future;
    use aws_sdk_sts::config::{Credentials, IdentityCache, SharedCredentialsProvider};
    use aws_sdk_sts::config::{ProvideCredentials, SharedHttpClient};
    use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;
    use aws_types::SdkConfig;
    use aws_types::region::Region;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts what is sent, and answers as IAM does.
    #[derive(Debug, Clone, Default)]
    struct Wire(Arc<AtomicUsize>);

    impl HttpConnector for Wire {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            self.0.fetch_add(1, Ordering::SeqCst);
            let status = 200.try_into().map_err(|_| ConnectorError::other("no status".into(), None));
            HttpConnectorFuture::ready(status.map(|status| HttpResponse::new(status, SdkBody::from("<TagRoleResponse/>"))))
        }
    }

    /// Credentials that take so long that it is this second when they are there. They are asked for within the attempt.
    #[derive(Debug)]
    struct Slow(u64);

    impl ProvideCredentials for Slow {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            permits::set_clock(self.0);
            let credentials = Credentials::new("AKIDEXAMPLE", "made-up", None, None, "test");
            future::ProvideCredentials::ready(Ok(credentials))
        }
    }

    fn account(permit: &WritePermit, until: u64) -> (Account, Wire) {
        let wire = Wire::default();
        (reader(&wire, until).permitted(permit), wire)
    }

    fn reader(wire: &Wire, until: u64) -> Reader {
        let connector = SharedHttpConnector::new(wire.clone());
        let http: SharedHttpClient = http_client_fn(move |_, _| connector.clone());
        let config = SdkConfig::builder()
            .region(Region::new("eu-west-1"))
            .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
            .identity_cache(IdentityCache::no_cache())
            .credentials_provider(SharedCredentialsProvider::new(Slow(until)))
            .http_client(http)
            .build();
        Reader::new(config.clone(), config, &Calls::new(|_| {}), Default::default(), Default::default())
    }

    /// Any write.
    async fn write(account: &Account) -> Result<(), Failure> {
        let answer = account.write.iam.tag_role().role_name("role").set_tags(Some(vec![])).send().await;
        answer.map(|_| ()).map_err(|error| failure("IAM", "TagRole", &error))
    }

    #[tokio::test]
    async fn a_permit_that_lapses_while_a_call_is_put_together_keeps_it_from_being_sent() {
        for (until, sent) in [(105, true), (106, false), (500, false)] {
            let permit = permits::permit();
            let (account, wire) = account(&permit, until);
            assert!(permit.send().is_ok(), "when the call begins it counts");
            let outcome = write(&account).await;
            assert_eq!(wire.0.load(Ordering::SeqCst), usize::from(sent), "at {until}: {outcome:?}");
            assert_eq!(outcome.err().map(|failure| failure.kind), (!sent).then_some(FailureKind::Lapsed), "at {until}");
        }
    }

    #[tokio::test]
    async fn each_term_has_an_account_of_its_own() {
        let (former, present) = (permits::permit(), permits::permit());
        let wire = Wire::default();
        let reader = reader(&wire, 300);
        let _ = reader.permitted(&former); // it is kept
        assert!(write(&reader.permitted(&present)).await.is_err(), "it has lapsed as well");
        let cluster = WritePermit::without_cluster();
        assert!(write(&reader.permitted(&cluster)).await.is_ok(), "this one never does");
        assert!(write(&reader.permitted(&former)).await.is_err());
        assert_eq!(wire.0.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn without_a_cluster_calls_are_sent_at_any_time() {
        let (account, wire) = account(&WritePermit::without_cluster(), 500);
        assert!(write(&account).await.is_ok());
        assert_eq!(wire.0.load(Ordering::SeqCst), 1);
    }
}
