//! The steps of roles.

use super::{Made, known, misplaced};
use crate::aws::{Account, iam};
use crate::failure::Failure;
use crate::pass::Output;
use crate::plan::Action;
use crate::resource::policy::in_order;

/// Carries out an action of a role.
pub(super) async fn execute(account: &Account, action: &Action, made: &Made) -> Result<Output, Failure> {
    match action {
        Action::CreateRole { name, path, trust_policy, permissions_boundary, description, tags } => {
            let new =
                iam::NewRole { name, path, trust_policy, permissions_boundary: permissions_boundary.as_ref(), description, tags };
            iam::create(account, new).await
        }
        Action::PutRolePermissionsBoundary { role, permissions_boundary } => {
            iam::set_boundary(account, role, permissions_boundary).await
        }
        Action::UpdateAssumeRolePolicy { role, trust_policy } => iam::set_trust(account, role, trust_policy).await,
        Action::TagRole { role, tags } => iam::tag(account, role, tags).await,
        Action::AttachRolePolicy { role, policy_arn } => iam::attach(account, role, policy_arn).await,
        Action::PutRolePolicy { role, policy, document } => {
            iam::put_policy(account, role, policy, &in_order(&known(document, made))).await
        }
        Action::DeleteRolePolicy { role, policy } => iam::delete_policy(account, role, policy).await,
        Action::DetachRolePolicy { role, policy_arn } => iam::detach(account, role, policy_arn).await,
        Action::DeleteRole { role } => iam::delete(account, role).await,
        _ => Err(misplaced()),
    }
}
