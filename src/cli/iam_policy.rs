//! `iam-policy`: the policy of Wharfinger's own role, and the documents around it.

use super::arguments::{IamPolicyArguments, PolicyDocument, PolicyFormat};
use super::{OK, check, files, print, say};
use crate::api::AccountBindingSpec;
use crate::iam_policy::{Feature, MAX_POLICY, boundary, controller, features_of, policies, trust};
use crate::problem::Problem;
use anyhow::{anyhow, bail};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Prints one document, or several where one would be too long.
pub(super) fn run(what: &IamPolicyArguments) -> anyhow::Result<u8> {
    let binding = binding(what)?;
    let documents = match what.document {
        PolicyDocument::Boundary => vec![boundary()],
        PolicyDocument::Controller => vec![controller(&binding).map_err(|problem| anyhow!("{problem}"))?],
        PolicyDocument::Trust => vec![trust(&binding, what.controller_arn.as_deref().unwrap_or_default())],
        PolicyDocument::Permissions => policies(&binding, &features(what, &binding)).map_err(told)?,
    };
    if documents.len() > 1 {
        let count = documents.len();
        say(&format!("{count} policies: one would be longer than the {MAX_POLICY} characters of a managed policy; attach all"));
    }
    match what.output {
        PolicyFormat::Yaml => documents.iter().try_for_each(|it| print(&format!("---\n{}", serde_saphyr::to_string(it)?)))?,
        PolicyFormat::Json => {
            let text = match documents.as_slice() {
                [one] => serde_json::to_string_pretty(one)?,
                all => serde_json::to_string_pretty(all)?,
            };
            print(&format!("{text}\n"))?;
        }
    }
    Ok(OK)
}

fn told(problems: Vec<Problem>) -> anyhow::Error {
    anyhow!("{}", problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))
}

fn features(what: &IamPolicyArguments, binding: &AccountBindingSpec) -> BTreeSet<Feature> {
    match what.features.is_empty() {
        true => features_of(binding),
        false => what.features.iter().copied().collect(),
    }
}

/// The AccountBinding of the files with the flags laid over it, checked as the API server checks one.
fn binding(what: &IamPolicyArguments) -> anyhow::Result<AccountBindingSpec> {
    let mut object = match what.files.as_slice() {
        [] => {
            json!({ "apiVersion": "wharfinger.dev/v1alpha1", "kind": "AccountBinding", "metadata": { "name": "flags" }, "spec": {} })
        }
        paths => {
            let documents = files::documents(paths)?.into_iter().map(|document| document.value);
            let found: Vec<Value> = documents.filter(|document| document["kind"] == "AccountBinding").collect();
            let [one] = found.as_slice() else {
                bail!("-f: there are {} AccountBindings in these files: name one with a single AccountBinding", found.len());
            };
            one.clone()
        }
    };
    let Some(spec) = object["spec"].as_object_mut() else { bail!("-f: the AccountBinding has no spec") };
    lay_over(spec, what);
    // The API server wants one; here none means all.
    let everywhere = spec.get("regions").is_none();
    if everywhere {
        spec.insert("regions".into(), json!(["us-east-1"]));
    }
    let problems = check::against_schema(&check::BINDING, &object);
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    let mut binding: AccountBindingSpec = serde_json::from_value(object["spec"].take())?;
    if everywhere {
        binding.regions.clear();
    }
    Ok(binding)
}

fn lay_over(spec: &mut Map<String, Value>, what: &IamPolicyArguments) {
    let regions = (!what.regions.is_empty()).then(|| json!(what.regions));
    let flags = [
        ("", "accountId", what.account_id.as_ref().map(|it| json!(it))),
        ("", "regions", regions),
        ("names", "secretPrefix", what.secret_prefix.as_ref().map(|it| json!(it))),
        ("names", "rolePrefix", what.role_prefix.as_ref().map(|it| json!(it))),
        ("names", "definitionPrefix", what.definition_prefix.as_ref().map(|it| json!(it))),
        ("limits", "rolePath", what.role_path.as_ref().map(|it| json!(it))),
        ("limits", "permissionsBoundaryArn", what.permissions_boundary.as_ref().map(|it| json!(it))),
    ];
    for (part, field, value) in flags.into_iter().filter_map(|(part, field, value)| Some((part, field, value?))) {
        match part {
            "" => _ = spec.insert(field.into(), value),
            part => spec.entry(part).or_insert_with(|| json!({}))[field] = value,
        }
    }
}
