//! Flags and environment variables.

mod policy;
mod reports;
mod values;

pub(crate) use policy::{IamPolicyArguments, PolicyDocument, PolicyFormat};
pub(crate) use reports::{CompletionArguments, DoctorArguments, ExplainArguments, ExplainFormat, StatusArguments};
pub(crate) use values::{LogFormat, OutputFormat, PlacesArguments};

use super::secrets::GivenSecret;
use crate::agent_config::AuthType;
use crate::registry::Registries;
use clap::{Args, ColorChoice, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use values::duration;

/// Makes container images from private registries run on Amazon ECS and AWS Batch: one object, kept converged.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
pub struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Kubeconfig file (default: $KUBECONFIG, ~/.kube/config, or the pod's own service account).
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Namespace of objects in files that name none, and the only one that is planned in a cluster. The controller has
    /// --watch-namespaces instead.
    #[arg(long, short, global = true, value_name = "NAME", env = "WHARFINGER_NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Namespace of the Secret that keeps the controller's value key (default: the client's own namespace).
    #[arg(long, global = true, value_name = "NAME", env = "POD_NAMESPACE")]
    pub(crate) state_namespace: Option<String>,
    /// Form of the log on standard error. Its level: $WHARFINGER_LOG, such as `debug` or `wharfinger=trace`.
    #[arg(long, global = true, value_enum, default_value_t, env = "WHARFINGER_LOG_FORMAT")]
    pub(crate) log_format: LogFormat,
    /// Colours in what is printed: `auto` is on a terminal, unless $NO_COLOR or $CLICOLOR says no.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
    /// Longest wait for one answer of AWS, such as `10s`.
    #[arg(long, global = true, value_name = "DURATION", default_value = "10s", value_parser = duration, env = "WHARFINGER_AWS_TIMEOUT")]
    aws_timeout: Duration,
    /// PEM file with certificates that registries are trusted by, besides those that the system trusts.
    #[arg(long, global = true, value_name = "FILE", env = "WHARFINGER_REGISTRY_CA")]
    registry_ca: Option<PathBuf>,
}

impl Common {
    pub(crate) fn registries(&self) -> anyhow::Result<Registries> {
        Registries::load(self.registry_ca.as_deref()).map_err(|error| anyhow::anyhow!("--registry-ca: {error}"))
    }

    pub(crate) fn aws_timeout(&self) -> Duration {
        self.aws_timeout
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the reconcile loop, in a cluster or by kubeconfig.
    Controller(ControllerArguments),
    /// Say what would change and why, from files or from the cluster. Exit code: 0 = converged, 2 = changes, 1 = error.
    Plan(What),
    /// Converge what the files say, with no cluster. Exit code: 0 = converged, 1 = error.
    Apply(What),
    /// Remove what the files say, with no cluster. Exit code: 0 = gone, 1 = error.
    Delete(What),
    /// Say how the objects of a cluster are, as the API server has it: one as a tree with its parts, what exists in AWS, the last
    /// error and its remedy; or all in a table. Exit code: 0 = ready, 2 = not ready, 1 = error.
    Status(StatusArguments),
    /// Print the documents that AWS would receive: trust policy, inline policy, definition. Secret values are sealed.
    Render(RenderArguments),
    /// Print definitions that exist as PrivateImageWorkloads: task and job definitions as they are registered or as AWS describes
    /// them, and the files of `ecs-cli registry-creds up`.
    Import(ImportArguments),
    /// Print the policy that Wharfinger's own role needs in AWS, from the calls that it makes.
    IamPolicy(IamPolicyArguments),
    /// Ask a controller whether it is ready: 0 = its address answers with 200. For images without a shell.
    Probe {
        /// Such as http://127.0.0.1:8081/readyz.
        #[arg(value_name = "URL")]
        url: String,
    },
    /// Look for what stands in the way: AWS credentials, accounts, permissions, endpoints, the clock, the cluster and its CRDs.
    /// Writes nothing. Exit code: 0 = nothing failed, 1 = something did.
    Doctor(DoctorArguments),
    /// Say what a reason of a condition, event or metric means, what brings it about and what to do.
    Explain(ExplainArguments),
    /// Print the script that lets a shell complete commands and flags.
    Completions(CompletionArguments),
    /// Print the CustomResourceDefinitions.
    Crds {
        /// Write one file each into this folder instead.
        #[arg(long, value_name = "FOLDER")]
        write: Option<PathBuf>,
    },
}

/// Flags of the controller.
#[derive(Debug, Args)]
pub struct ControllerArguments {
    #[command(flatten)]
    pub(crate) places: PlacesArguments,
    /// Id of this cluster in tags (default: the uid of the kube-system namespace).
    #[arg(long, value_name = "ID")]
    pub(crate) cluster_id: Option<String>,
    /// Passes at the same time.
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub(crate) concurrency: u16,
    /// Address of /metrics.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) metrics_addr: SocketAddr,
    /// Address of /healthz and /readyz.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub(crate) health_addr: SocketAddr,
}

/// Flags of the import.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// File or folder (with all below it) of JSON or YAML; `-` is standard input. May be repeated: logins go to the containers
    /// that they name.
    #[arg(long = "filename", short = 'f', value_name = "PATH", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Name of the workload, if there is one definition (default: the definition's own name, made a DNS label).
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Keep `family` or `jobDefinitionName`.
    #[arg(long)]
    pub(crate) keep_family: bool,
}

/// Flags of `render`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RenderArguments {
    #[command(flatten)]
    pub(crate) what: What,
    /// What else can be rendered.
    #[command(subcommand)]
    pub(crate) other: Option<Rendered>,
}

/// What `render` makes besides the documents for AWS.
#[derive(Debug, Subcommand)]
pub(crate) enum Rendered {
    /// Print the lines of /etc/ecs/ecs.config that let the ECS agent of a container instance pull with the workloads' Secrets.
    AgentConfig(AgentConfigArguments),
}

/// Flags of `render agent-config`.
#[derive(Debug, Args)]
pub(crate) struct AgentConfigArguments {
    /// File or folder (with all below it) of YAML or JSON; `-` is standard input. May be repeated.
    #[arg(long = "filename", short = 'f', value_name = "PATH", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// A Secret that is not among the files: @FILE is its manifest, a Docker config.json, username and password as YAML, or a folder
    /// with a file for each key; env:VARIABLE holds one of these texts. Never the value itself. May be repeated.
    #[arg(long = "secret", value_name = "[NAMESPACE/]NAME=@FILE|env:VARIABLE", value_parser = GivenSecret::parse)]
    pub(crate) secrets: Vec<GivenSecret>,
    /// Form of the logins.
    #[arg(long = "type", value_enum, default_value_t)]
    pub(crate) auth: AuthType,
    /// Print the logins themselves in place of `[sealed]`.
    #[arg(long)]
    pub(crate) reveal: bool,
}

/// What a command works on, and how it prints.
#[derive(Debug, Clone, Args)]
pub struct What {
    /// File or folder (with all below it) of YAML or JSON; `-` is standard input. May be repeated.
    #[arg(long = "filename", short = 'f', value_name = "PATH")]
    pub(crate) files: Vec<PathBuf>,
    /// A Secret that is not among the files: @FILE is its manifest, a Docker config.json, username and password as YAML, or a folder
    /// with a file for each key; env:VARIABLE holds one of these texts. Never the value itself. May be repeated.
    #[arg(long = "secret", value_name = "[NAMESPACE/]NAME=@FILE|env:VARIABLE", value_parser = GivenSecret::parse, requires = "files")]
    pub(crate) secrets: Vec<GivenSecret>,
    /// Stands in for the cluster id in tags: whoever uses the same name keeps the same things (default: `command-line`; for a
    /// plan of a cluster, that cluster's id).
    #[arg(long, value_name = "NAME", env = "WHARFINGER_OWNER")]
    pub(crate) owner: Option<String>,
    /// File with the key of the value fingerprint, at least 32 characters (or $WHARFINGER_VALUE_KEY). Without it values are
    /// compared by reading them, which needs secretsmanager:GetSecretValue.
    #[arg(long, value_name = "FILE")]
    pub(crate) value_key_file: Option<PathBuf>,
    /// Account of the definitions where no AccountBinding names one (default: that of the AWS credentials).
    #[arg(long, value_name = "ID", env = "AWS_ACCOUNT_ID")]
    pub(crate) account_id: Option<String>,
    /// Take the files for all that this owner has: every PrivateImageWorkload and RegistryCredential with its --owner in their tags, in
    /// the accounts and Regions that the files lead to, is removed if the files no longer have it, and shared policies lose what no
    /// workload needs any more. What was applied with `deletionPolicy: Retain` stays. -n does not confine it: all namespaces of the
    /// owner count. `plan` and `apply` need an --owner for it.
    #[arg(long, requires = "files")]
    pub(crate) prune: bool,
    /// How to print.
    #[arg(long, short, value_enum, default_value_t)]
    pub(crate) output: OutputFormat,
}
