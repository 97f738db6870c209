//! Flags of the commands that look and tell.

use super::{OutputFormat, PlacesArguments};
use crate::iam_policy::Feature;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Flags of `status`.
#[derive(Debug, Args)]
pub struct StatusArguments {
    /// One object: NAME of a workload, or KIND/NAME with the kinds piw, regcred, awsbind and pullnet (default: all of the namespace).
    #[arg(value_name = "[KIND/]NAME")]
    pub(crate) object: Option<String>,
    /// All namespaces, and the AccountBindings.
    #[arg(long, short = 'A', conflicts_with = "object")]
    pub(crate) all_namespaces: bool,
    /// How to print.
    #[arg(long, short, value_enum, default_value_t)]
    pub(crate) output: OutputFormat,
}

/// Flags of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// The reason, such as `AccessDenied` (default: all).
    pub(crate) reason: Option<String>,
    /// How to print.
    #[arg(long, short, value_enum, default_value_t)]
    pub(crate) output: ExplainFormat,
}

/// How explanations are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
    /// The page docs/reasons.md.
    Markdown,
}

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// File or folder of YAML or JSON with AccountBindings, in place of those of the cluster; `-` is standard input. May be
    /// repeated.
    #[arg(long = "filename", short = 'f', value_name = "PATH")]
    pub(crate) files: Vec<PathBuf>,
    /// What Wharfinger is used for, as in `wharfinger iam-policy` (default: the usual features, and what the AccountBinding's
    /// fences open). May be repeated, or separated by commas.
    #[arg(long = "feature", value_enum, value_name = "NAME", value_delimiter = ',')]
    pub(crate) features: Vec<Feature>,
    /// Ask the cluster for the permissions of a controller, not for those of somebody who keeps workloads. In a pod it is on.
    #[arg(long)]
    pub(crate) controller: bool,
    #[command(flatten)]
    pub(crate) places: PlacesArguments,
    /// How to print.
    #[arg(long, short, value_enum, default_value_t)]
    pub(crate) output: OutputFormat,
}

/// Flags of `completions`.
#[derive(Debug, Args)]
pub struct CompletionArguments {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}
