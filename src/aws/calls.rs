//! Counts every call that leaves, attempts of retries included, by service, operation and what came of it.

use super::permitted::has_lapsed;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use std::fmt;
use std::sync::Arc;

/// One call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `SecretsManager`, `ECS`, …
    pub service: String,
    /// `CreateSecret`, …
    pub operation: String,
    /// `OK`, AWS's error code, or `NoAnswer`.
    pub code: String,
    /// The host that was asked.
    pub host: String,
    /// What the answer says of the time: its `Date`.
    pub date: Option<String>,
}

/// Where calls are reported to.
#[derive(Clone)]
pub struct Calls(Arc<dyn Fn(Call) + Send + Sync>);

impl Calls {
    /// Reports each call to a function, which must be quick.
    pub fn new(report: impl Fn(Call) + Send + Sync + 'static) -> Self {
        Self(Arc::new(report))
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Calls")
    }
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "CountCalls"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (service, operation) = match config.load::<Metadata>() {
            Some(metadata) => (metadata.service().replace(' ', ""), metadata.name().to_owned()),
            None => (String::new(), String::new()),
        };
        // What its permit kept back has not left.
        if matches!(context.output_or_error(), Some(Err(error)) if has_lapsed(error)) {
            return Ok(());
        }
        let code = match context.response() {
            Some(response) if response.status().is_success() => "OK".to_owned(),
            Some(response) => error_code(response),
            None => "NoAnswer".to_owned(),
        };
        let host = context.request().and_then(|request| request.uri().split('/').nth(2)).unwrap_or_default().to_owned();
        let date = context.response().and_then(|response| response.headers().get("date")).map(str::to_owned);
        (self.0)(Call { service, operation, code, host, date });
        Ok(())
    }
}

/// The error code of an answer, in any of AWS's protocols: a header, JSON's `__type`, XML's `<Code>`.
fn error_code(response: &HttpResponse) -> String {
    let name = |code: &str| {
        let code = code.split(':').next().unwrap_or_default();
        code.rsplit('#').next().unwrap_or_default().to_owned()
    };
    if let Some(code) = response.headers().get("x-amzn-errortype") {
        return name(code);
    }
    let body = response.body().bytes().unwrap_or_default();
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(body)
        && let Some(code) = ["__type", "code"].iter().find_map(|key| json.get(key)?.as_str())
    {
        return name(code);
    }
    let text = String::from_utf8_lossy(body);
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    code.map_or_else(|| response.status().as_u16().to_string(), str::to_owned)
}
