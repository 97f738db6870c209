//! `doctor`: what stands between this machine, AWS and the cluster, check by check. Nothing is written anywhere.

mod aws;
mod clock;
mod cluster;
mod findings;
mod granted;

use super::arguments::{Common, DoctorArguments, OutputFormat};
use super::{ERROR, OK, files, output, print};
use crate::api::AccountBinding;
use findings::{Finding, Outcome};

/// Prints each check. 0 = none failed.
pub(super) async fn run(common: &Common, what: &DoctorArguments) -> anyhow::Result<u8> {
    let given: Option<Vec<AccountBinding>> = match what.files.as_slice() {
        [] => None,
        paths => Some(files::objects(paths, common)?.bindings),
    };
    let cluster = cluster::look(common, what).await;
    // What files say comes first: they may not be applied yet.
    let (bindings, of) = match (given, cluster.bindings) {
        (Some(given), _) => (given, "the files"),
        (None, Some(found)) => (found, "the cluster"),
        (None, None) => (vec![], ""),
    };
    let mut findings = vec![];
    aws::look(common, what, &bindings, of, &mut findings).await;
    findings.extend(cluster.findings);
    match what.output {
        OutputFormat::Text => print(&findings::text(&findings))?,
        format => output::value(&serde_json::to_value(&findings)?, format)?,
    }
    Ok(if findings.iter().any(|it: &Finding| it.outcome == Outcome::Failed) { ERROR } else { OK })
}
