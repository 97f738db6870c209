//! Flags and environment variables.

use crate::agent_config::AuthType;
use crate::iam_policy::Feature;
use crate::registry::Registries;
use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

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

/// Flags of `status`.
#[derive(Debug, Args)]
pub struct StatusArguments {
    /// One object: NAME of a workload, or KIND/NAME with the kinds piw, regcred and awsbind (default: all of the namespace).
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
    /// Form of the logins.
    #[arg(long = "type", value_enum, default_value_t)]
    pub(crate) auth: AuthType,
    /// Print the logins themselves in place of `[sealed]`.
    #[arg(long)]
    pub(crate) reveal: bool,
}

/// Flags of `iam-policy`.
#[derive(Debug, Args)]
pub struct IamPolicyArguments {
    /// File or folder of YAML or JSON with one AccountBinding: its account, Regions, names and fences, and with the features that these
    /// open. `-` is standard input. The flags below win over it.
    #[arg(long = "filename", short = 'f', value_name = "PATH")]
    pub(crate) files: Vec<PathBuf>,
    /// What Wharfinger is used for (default: secrets, roles, ecs, batch, retirement and what the AccountBinding's fences open). May be
    /// repeated.
    #[arg(long = "feature", value_enum, value_name = "NAME", value_delimiter = ',')]
    pub(crate) features: Vec<Feature>,
    /// The AWS account.
    #[arg(long, value_name = "ID", required_unless_present = "files")]
    pub(crate) account_id: Option<String>,
    /// Region that is used; all if there is none. May be repeated.
    #[arg(long = "region", value_name = "REGION", value_delimiter = ',')]
    pub(crate) regions: Vec<String>,
    /// `names.secretPrefix` of the AccountBinding.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) secret_prefix: Option<String>,
    /// `names.rolePrefix` of the AccountBinding.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) role_prefix: Option<String>,
    /// `names.definitionPrefix` of the AccountBinding.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) definition_prefix: Option<String>,
    /// `limits.rolePath` of the AccountBinding.
    #[arg(long, value_name = "PATH")]
    pub(crate) role_path: Option<String>,
    /// `limits.permissionsBoundaryArn` of the AccountBinding.
    #[arg(long, value_name = "ARN")]
    pub(crate) permissions_boundary: Option<String>,
    /// Which document.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) document: PolicyDocument,
    /// The identity that the controller runs with, for `--document trust`.
    #[arg(long, value_name = "ARN", required_if_eq("document", "trust"))]
    pub(crate) controller_arn: Option<String>,
    /// How to print.
    #[arg(long, short, value_enum, default_value_t)]
    pub(crate) output: PolicyFormat,
}

/// The documents of an identity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyDocument {
    /// What the role that acts may do.
    #[default]
    Permissions,
    /// Who may become that role.
    Trust,
    /// What the controller's own identity needs to become it.
    Controller,
    /// A permissions boundary for the execution roles that it makes.
    Boundary,
}

/// How policies are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyFormat {
    /// What IAM takes; a list of policies where one would be too long.
    #[default]
    Json,
    /// The same as YAML, one document a policy.
    Yaml,
}

/// What a command works on, and how it prints.
#[derive(Debug, Clone, Args)]
pub struct What {
    /// File or folder (with all below it) of YAML or JSON; `-` is standard input. May be repeated.
    #[arg(long = "filename", short = 'f', value_name = "PATH")]
    pub(crate) files: Vec<PathBuf>,
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
    /// Take the files for all there is: what no workload in them needs is removed from shared policies.
    #[arg(long)]
    pub(crate) prune: bool,
    /// How to print.
    #[arg(long, short, value_enum, default_value_t)]
    pub(crate) output: OutputFormat,
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

fn duration(text: &str) -> Result<Duration, String> {
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
