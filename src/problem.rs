//! Bad input, told so that it can be mended: the field, the value, the rule it breaks and the remedy.

use crate::status::Reason;
use serde::Serialize;
use std::fmt;

/// One thing that is wrong with what the user wrote. All of them are reported at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The condition's reason.
    pub reason: Reason,
    /// Path of the field (`spec.credentials[0].kmsKey`), or the other object (`Secret regcred`).
    pub field: String,
    /// What stands there. Never a secret.
    pub value: String,
    /// The rule it breaks.
    pub rule: String,
    /// What to do.
    pub remedy: String,
}

impl Problem {
    /// A broken rule of the spec.
    pub fn spec(field: impl Into<String>, value: impl fmt::Display, rule: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(Reason::InvalidSpec, field, value, rule, remedy)
    }

    /// A problem with a reason of its own.
    pub fn of(
        reason: Reason,
        field: impl Into<String>,
        value: impl fmt::Display,
        rule: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let value = crate::failure::cut(&value.to_string());
        Self { reason, field: field.into(), value, rule: rule.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason: _, field, value, rule, remedy } = self;
        match value.as_str() {
            "" => write!(out, "{field}: {rule}; {remedy}"),
            _ => write!(out, "{field}: {value:?}: {rule}; {remedy}"),
        }
    }
}
