//! Flags of `iam-policy`.

use crate::iam_policy::Feature;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

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
