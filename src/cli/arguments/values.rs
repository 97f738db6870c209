//! Forms of output, lists and durations, as flags have them.

use clap::{Args, ValueEnum};
use std::time::Duration;

/// Where a controller looks and what it takes part in.
#[derive(Debug, Args)]
pub(crate) struct PlacesArguments {
    /// Namespaces to watch, separated by commas (default: all). Roles in these are enough then, but for AccountBindings and
    /// namespaces themselves.
    #[arg(long, value_name = "NAMES", value_parser = some_namespaces, env = "WHARFINGER_WATCH_NAMESPACES")]
    pub(crate) watch_namespaces: Option<Namespaces>,
    /// Namespaces whose Secrets may be read, of those that are watched (default: all of them; empty: none).
    #[arg(long, value_name = "NAMES", value_parser = namespaces, env = "WHARFINGER_SECRET_NAMESPACES")]
    pub(crate) secret_namespaces: Option<Namespaces>,
    /// Namespace of the Lease by which processes agree who leads (default: that of --state-namespace).
    #[arg(long, value_name = "NAME")]
    pub(crate) lease_namespace: Option<String>,
    /// Name of the Lease. Processes with the same one stand in for each other.
    #[arg(long, value_name = "NAME", default_value = "wharfinger")]
    pub(crate) lease_name: String,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
    /// For both.
    Yaml,
}

/// A list of namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Namespaces(pub(crate) Vec<String>);

fn namespaces(text: &str) -> Result<Namespaces, String> {
    let label = |name: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (1..=63).contains(&name.len()) && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
    };
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    match names.iter().find(|name| !label(name)) {
        Some(name) => {
            Err(format!("{name:?} is no name of a namespace: 1 to 63 of a-z, 0-9 and '-'; write names with commas between"))
        }
        None => Ok(Namespaces(names)),
    }
}

fn some_namespaces(text: &str) -> Result<Namespaces, String> {
    match namespaces(text)? {
        Namespaces(names) if names.is_empty() => Err("names no namespace; leave it out to watch all".to_owned()),
        names => Ok(names),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = crate::interval::parse(Some(text)).filter(|duration| !duration.is_zero());
    parsed.ok_or_else(|| format!("{text:?} is not a duration longer than zero, such as 10s or 500ms"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_namespaces() {
        let list = |names: &[&str]| Ok(Namespaces(names.iter().map(|name| (*name).to_owned()).collect()));
        assert_eq!(namespaces("payments, orders"), list(&["payments", "orders"]));
        assert_eq!(namespaces(""), list(&[]), "none at all");
        assert!(some_namespaces("").is_err_and(|told| told.contains("leave it out")));
        for wrong in ["Payments", "payments/api", "-a", "a-", "a b", &"a".repeat(64)] {
            assert!(namespaces(wrong).is_err_and(|told| told.contains(wrong)), "{wrong}");
        }
    }
}
