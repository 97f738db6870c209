//! Systems Manager: the customer keys of parameters that containers read. Their values are never asked for.

use super::Clients;
use super::error::failure;
use crate::failure::Failure;
use crate::observed::ObservedParameter;
use aws_sdk_ssm::types::ParameterStringFilter;
use std::collections::BTreeMap;

/// Names that one filter takes (SSM API, ParameterStringFilter).
const NAMES: usize = 50;

/// DescribeParameters by name, all pages: those that there are.
pub(crate) async fn describe(clients: &Clients, names: &[String]) -> Result<BTreeMap<String, ObservedParameter>, Failure> {
    let mut found = BTreeMap::new();
    for names in names.chunks(NAMES) {
        let refused = |error: aws_sdk_ssm::error::BuildError| super::error::not_sent("SSM", "DescribeParameters", &error);
        let filter = ParameterStringFilter::builder().key("Name").option("Equals").set_values(Some(names.to_vec())).build();
        let call = clients.ssm.describe_parameters().parameter_filters(filter.map_err(refused)?);
        let pages: Result<Vec<_>, _> = call.into_paginator().send().try_collect().await;
        let pages = pages.map_err(|error| failure("SSM", "DescribeParameters", &error))?;
        for parameter in pages.into_iter().flat_map(|page| page.parameters.unwrap_or_default()) {
            let kms_key = parameter.key_id.filter(|key| key != "alias/aws/ssm");
            found.extend(parameter.name.map(|name| (name, ObservedParameter { kms_key })));
        }
    }
    Ok(found)
}
