//! What ECS and Batch have in common here: definitions go out and come back as AWS's own JSON, through the SDK's own clients
//! with their signing and errors, so that no field needs a Rust twin.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

/// Replaces the request's body.
pub(super) fn with_body(body: &Value) -> impl Fn(&mut HttpRequest) + Send + Sync + use<> {
    let text = body.to_string();
    move |request| {
        request.headers_mut().insert("content-length", text.len().to_string());
        *request.body_mut() = SdkBody::from(text.as_str());
    }
}

/// Keeps the answer's body as JSON.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer(Arc<Mutex<Value>>);

impl Answer {
    /// The JSON of the last answer.
    pub(super) fn take(&self) -> Value {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for Answer {
    fn name(&self) -> &'static str {
        "KeepAnswer"
    }

    // The earlier hooks see no body yet.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = serde_json::from_slice(body).unwrap_or_default();
        Ok(())
    }
}
