//! `render agent-config`: the Secrets of the workloads as configuration of the ECS agent.

use super::arguments::{AgentConfigArguments, Common};
use super::{OK, files, print, say};
use crate::agent_config::agent_config;
use crate::problem::Problem;
use anyhow::{anyhow, bail};

/// Prints the two lines, and with `--reveal` the logins in them.
pub(super) fn run(common: &Common, what: &AgentConfigArguments) -> anyhow::Result<u8> {
    let objects = files::read(&what.files, &what.secrets, common, false)?;
    let config = match agent_config(&objects.workloads, &objects.secrets) {
        Ok(config) => config,
        Err(problems) => bail!("{}", problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")),
    };
    config.warnings.iter().for_each(|warning| say(&format!("warning: {warning}")));
    print(config.lines(what.auth, what.reveal).map_err(|problem| anyhow!("{problem}"))?.reveal())?;
    Ok(OK)
}
