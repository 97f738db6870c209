//! The steps of networks.

use super::{Made, misplaced};
use crate::aws::{Account, ec2};
use crate::failure::Failure;
use crate::pass::Output;
use crate::plan::Action;
use crate::resource::network::EndpointChange;
use crate::resource::network::endpoint::behind;
use std::collections::BTreeSet;

/// Carries out an action of a network.
pub(super) async fn execute(account: &Account, action: &Action, made: &Made) -> Result<Output, Failure> {
    match action {
        Action::CreateSecurityGroup { name, description, vpc_id, tags } => {
            ec2::create_group(account, name, description, vpc_id, tags).await
        }
        Action::AuthorizeSecurityGroupIngress { group_id, cidrs } => ec2::authorize(account, known(group_id, made), cidrs).await,
        Action::RevokeSecurityGroupIngress { group_id, cidrs } => ec2::revoke(account, group_id, cidrs).await,
        Action::DeleteSecurityGroup { group_id } => ec2::delete_group(account, group_id).await,
        Action::CreateVpcEndpoint { endpoint } => {
            let group_ids = all_known(&endpoint.group_ids, made);
            ec2::create_endpoint(account, &behind(endpoint, group_ids)).await
        }
        Action::ModifyVpcEndpoint { endpoint_id, change } => {
            let add_group_ids = all_known(&change.add_group_ids, made);
            ec2::modify_endpoint(account, endpoint_id, &EndpointChange { add_group_ids, ..change.clone() }).await
        }
        Action::DeleteVpcEndpoint { endpoint_id } => ec2::delete_endpoint(account, endpoint_id).await,
        Action::CreateTags { resource_id: id, tags } | Action::AdoptEndpoint { endpoint_id: id, tags, .. } => {
            ec2::tag(account, id, tags).await
        }
        _ => Err(misplaced()),
    }
}

/// The id that stands for a group, or the one that an earlier step yielded in its place.
fn known<'a>(group_id: &'a String, made: &'a Made) -> &'a String {
    made.get(group_id).unwrap_or(group_id)
}

fn all_known(group_ids: &BTreeSet<String>, made: &Made) -> BTreeSet<String> {
    group_ids.iter().map(|id| known(id, made).clone()).collect()
}
