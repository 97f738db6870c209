//! `import`: files of definitions in, workloads out.

use super::arguments::{Common, ImportArguments};
use super::{ERROR, OK, check, files, print, say};
use crate::import::{Options, import};
use anyhow::bail;

/// Prints a workload for each definition that can be one. Whatever is printed passes the checks that `plan` makes of files.
pub(super) fn run(common: &Common, what: ImportArguments) -> anyhow::Result<u8> {
    let options = Options { name: what.name, namespace: common.namespace.clone(), keep_family: what.keep_family };
    let documents = files::documents(&what.files)?.into_iter().map(|it| (it.place, it.value)).collect();
    let mut imported = match import(documents, &options) {
        Ok(imported) => imported,
        Err(problems) => bail!("{}", problems.join("\n")),
    };
    imported.workloads.retain(|(place, workload)| {
        let problems = check::against_schema(&check::WORKLOAD, workload);
        imported.refused.extend(problems.iter().map(|problem| format!("{place}: {problem}")));
        problems.is_empty()
    });
    imported.remarks.iter().for_each(|remark| say(remark));
    imported.refused.iter().for_each(|problem| say(&format!("error: {problem}")));
    for (_, workload) in &imported.workloads {
        print(&format!("---\n{}", serde_saphyr::to_string(workload)?))?;
    }
    Ok(if imported.refused.is_empty() { OK } else { ERROR })
}
