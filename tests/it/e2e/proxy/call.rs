//! One AWS call, read from its HTTP request in whichever of AWS's protocols it came.

use super::super::http::Message;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

/// How a service is spoken to, which decides what its errors look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Protocol {
    /// `x-amz-target` and JSON: Secrets Manager, ECS, KMS.
    Json,
    /// A form with `Action`, answered in XML: IAM, STS.
    Query,
    /// Paths and JSON: Batch.
    Rest,
}

/// One AWS call.
#[derive(Debug, Clone)]
pub(in super::super) struct Call {
    pub(in super::super) protocol: Protocol,
    /// As signatures spell it: `secretsmanager`, `ecs`, `iam`, …
    pub(in super::super) service: String,
    /// `CreateSecret`, …
    pub(in super::super) operation: String,
    /// The JSON body, or the form as an object.
    pub(in super::super) body: Value,
    /// HTTP status of the answer that the program got; none if it got none.
    pub(in super::super) status: Option<u16>,
}

/// How the names of operations that write nothing begin.
const READS: [&str; 6] = ["Get", "Describe", "List", "AssumeRole", "BatchGet", "Simulate"];

impl Call {
    pub(super) fn parse(request: &Message) -> Self {
        let scope = request.header("authorization").and_then(|text| text.split("Credential=").nth(1)).unwrap_or_default();
        let service = scope.split('/').nth(3).unwrap_or_default().to_owned();
        let (method, path) = request.method_and_path();
        let json = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let (protocol, operation, body) = match request.header("x-amz-target") {
            Some(target) => (Protocol::Json, target.rsplit('.').next().unwrap_or_default().to_owned(), json),
            None if service == "batch" => (Protocol::Rest, batch_operation(method, path), json),
            None => {
                let form = form(&request.text());
                (Protocol::Query, form["Action"].as_str().unwrap_or(path).to_owned(), form)
            }
        };
        Self { protocol, service, operation, body, status: None }
    }

    pub(in super::super) fn is_write(&self) -> bool {
        !READS.iter().any(|read| self.operation.starts_with(read))
    }
}

fn batch_operation(method: &str, path: &str) -> String {
    let known = ["RegisterJobDefinition", "DescribeJobDefinitions", "DeregisterJobDefinition", "DescribeJobQueues", "ListJobs"];
    match known.iter().find(|name| path == format!("/v1/{}", name.to_lowercase())) {
        Some(name) => (*name).to_owned(),
        None if path.starts_with("/v1/tags/") && method == "POST" => "TagResource".to_owned(),
        None => format!("{method} {path}"),
    }
}

fn form(text: &str) -> Value {
    let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), json!(decode(value)))).collect::<serde_json::Map<_, _>>().into()
}
