//! What a call to AWS that did not succeed leaves behind: plain data, so that plans, outcomes and statuses can carry it.
//!
//! Branching looks at [`FailureKind`] only; codes and messages are for people. The table from codes to kinds is `aws/error.rs`.

use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// What a failed call means for what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum FailureKind {
    /// The thing does not exist.
    NotFound,
    /// A thing of that name exists already.
    AlreadyExists,
    /// Somebody else changed it at the same time, or it is in a state that passes.
    Conflict,
    /// The secret is scheduled for deletion.
    ScheduledForDeletion,
    /// The caller may not do this.
    Denied,
    /// Too many calls; slow down.
    Throttled,
    /// It was not sent: our own pace keeps it back until a time that is known.
    HeldBack,
    /// A quota is used up; retrying alone does not help.
    QuotaExceeded,
    /// AWS refuses what was sent; only another spec helps.
    Invalid,
    /// A version of that id holds another value, and AWS changes none.
    VersionTaken,
    /// AWS refuses a resource policy, such as for a principal that does not exist.
    PolicyRefused,
    /// The usual names of a service lead elsewhere in the VPC already.
    DnsConflict,
    /// A server error, or no answer: it may or may not have happened.
    Transient,
    /// Not sent: this process does not lead any more. Whoever leads sees to it.
    Lapsed,
}

/// A failed call: which, what AWS said, and under which request id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The service, in AWS's spelling (`SecretsManager`).
    pub service: String,
    /// The operation (`CreateSecret`).
    pub operation: String,
    /// What it means.
    pub kind: FailureKind,
    /// AWS's error code, or `Timeout`, `NoAnswer`.
    pub code: String,
    /// AWS's message; [`Failure::scrubbed`] cuts it at [`MAX_MESSAGE`] characters.
    pub message: String,
    /// AWS's request id, if there was an answer.
    pub request_id: Option<String>,
    /// When it may be tried again, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
}

/// Characters of a message from AWS that are kept.
pub const MAX_MESSAGE: usize = 512;

impl Failure {
    /// The same failure with every occurrence of a secret value in its message replaced, for text that AWS echoes back, and the
    /// message cut.
    pub fn scrubbed(mut self, secrets: &[String]) -> Self {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            self.message = self.message.replace(secret, "[sealed]");
        }
        self.message = cut(&self.message); // not before: half a secret would be left
        self
    }

    /// Whether the same call may succeed later with nothing else changed.
    pub fn passes(&self) -> bool {
        use FailureKind::{Conflict, HeldBack, Lapsed, Throttled, Transient};
        matches!(self.kind, Throttled | HeldBack | Transient | Conflict | Lapsed)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FailureKind::HeldBack => write!(out, "{}:{} is held back: {}", self.service, self.operation, self.message)?,
            _ => write!(out, "{}:{} failed: {}: {}", self.service, self.operation, self.code, self.message)?,
        }
        match &self.request_id {
            Some(id) => write!(out, " (request id {id})"),
            None => Ok(()),
        }
    }
}

/// The first [`MAX_MESSAGE`] characters.
pub fn cut(message: &str) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}
