//! What may go wrong with a call, and which calls it happens to.

use super::call::{Call, Protocol};
use crate::e2e::http::Message;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use tokio::sync::Notify;

/// What happens to a call.
#[derive(Debug, Clone)]
pub(in super::super) enum Fault {
    /// AWS denies it.
    Denied,
    /// AWS throttles it.
    Throttled,
    /// A server error; nothing was done.
    ServerError,
    /// It takes long; the test is told when it comes in.
    Slow(Arc<Notify>),
    /// It is never answered; nothing was done.
    Hang,
    /// AWS does it, and the connection is cut before the answer.
    LoseAnswer,
    /// AWS refuses what was sent, with this code and message.
    Refuse(&'static str, String),
    /// AWS answers this: for what moto does not know.
    Answer(Value),
    /// The same in XML, by what is asked.
    Query(fn(&Call) -> String),
    /// Nothing goes on until the program is dead; the test is told. `done` = whether AWS does it first.
    Hold { done: bool, reached: Arc<Notify> },
}

type Test = Box<dyn Fn(&Call) -> bool + Send>;

/// Which calls a fault happens to.
pub(in super::super) struct Rule {
    matches: Test,
    skip: usize,
    times: usize,
    fault: Fault,
}

impl Rule {
    /// Every call of an operation.
    pub(in super::super) fn on(operation: impl Into<String>, fault: Fault) -> Self {
        let operation = operation.into();
        Self::matching(move |call| call.operation == operation, fault)
    }

    /// Every write.
    pub(in super::super) fn on_writes(fault: Fault) -> Self {
        Self::matching(Call::is_write, fault)
    }

    pub(in super::super) fn matching(matches: impl Fn(&Call) -> bool + Send + 'static, fault: Fault) -> Self {
        Self { matches: Box::new(matches), skip: 0, times: usize::MAX, fault }
    }

    /// Only the nth of them, counted from 0.
    pub(in super::super) fn only(self, nth: usize) -> Self {
        Self { skip: nth, times: 1, ..self }
    }

    /// The fault, if the rule says that this call has it.
    pub(super) fn decide(&mut self, call: &Call) -> Option<Fault> {
        if self.times == 0 || !(self.matches)(call) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.fault.clone())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse(code, _) => write!(out, "{code}"),
            other => write!(out, "{other:?}"),
        }
    }
}

/// AWS's answer that a fault stands for, in the service's own form; none where there is no answer.
pub(super) fn answer(fault: &Fault, call: &Call) -> Option<Message> {
    if let Fault::Answer(body) = fault {
        return Some(Message::new("HTTP/1.1 200 OK".to_owned(), &[("content-type", "application/json")], body.to_string()));
    }
    if let Fault::Query(answer) = fault {
        return Some(Message::new("HTTP/1.1 200 OK".to_owned(), &[("content-type", "text/xml")], answer(call)));
    }
    let query = call.protocol == Protocol::Query;
    let (status, code, text) = match fault {
        Fault::Denied if call.service == "ec2" => (403, "UnauthorizedOperation", denied(call)),
        Fault::Throttled if call.service == "ec2" => (503, "RequestLimitExceeded", "Request limit exceeded.".to_owned()),
        Fault::ServerError if call.service == "ec2" => (500, "InternalError", "An internal error has occurred".to_owned()),
        Fault::Denied if query => (403, "AccessDenied", denied(call)),
        Fault::Denied => (if call.protocol == Protocol::Rest { 403 } else { 400 }, "AccessDeniedException", denied(call)),
        Fault::Throttled if query => (400, "Throttling", "Rate exceeded".to_owned()),
        Fault::Throttled => {
            (if call.protocol == Protocol::Rest { 429 } else { 400 }, "ThrottlingException", "Rate exceeded".into())
        }
        Fault::ServerError if query => (500, "ServiceFailure", "The service has failed.".to_owned()),
        Fault::ServerError => (500, "InternalServiceError", "An error occurred on the server side.".to_owned()),
        Fault::Refuse(code, text) => (400, *code, text.clone()),
        Fault::Answer(_) | Fault::Query(_) | Fault::Slow(_) | Fault::Hang | Fault::LoseAnswer | Fault::Hold { .. } => {
            return None;
        }
    };
    let (kind, body) = match call.protocol {
        Protocol::Query if call.service == "ec2" => ("text/xml", ec2_xml(code, &text)),
        Protocol::Query => ("text/xml", xml(code, &text)),
        Protocol::Json => ("application/x-amz-json-1.1", json!({"__type": code, "message": text}).to_string()),
        Protocol::Rest => ("application/json", json!({"message": text}).to_string()),
    };
    let headers = [("content-type", kind), ("x-amzn-requestid", REQUEST_ID), ("x-amzn-errortype", code)];
    Some(Message::new(format!("HTTP/1.1 {status} Fault"), &headers, body))
}

/// The request id of every answer that a fault makes.
pub(in super::super) const REQUEST_ID: &str = "0fa017ed-0000-4000-8000-000000000000";

fn denied(call: &Call) -> String {
    format!(
        "User: arn:aws:sts::111122223333:assumed-role/wharfinger is not authorized to perform: {}:{}",
        call.service, call.operation
    )
}

fn xml(code: &str, text: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    )
}

/// EC2 has a form of its own (EC2 API, error responses).
fn ec2_xml(code: &str, text: &str) -> String {
    format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>{text}</Message></Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
    )
}
