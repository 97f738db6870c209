//! The target of a `PullNetwork`. It is in no namespace and written by the administrator, so that the binding that it names is its own:
//! no namespaceSelector is asked.

use super::{Claim, Target, ambient, in_region, moved, name, of_binding};
use crate::api::AccountBinding;
use crate::inputs::{Bindings, Namespace, NetworkInputs};
use crate::problem::Problem;
use crate::status::Reason;

/// The network's target, or why there is none.
pub fn of_network(inputs: &NetworkInputs) -> Result<Target, Problem> {
    let namespace = Namespace::default();
    let claim = claim(inputs, &namespace);
    let target = match claim.bindings {
        Bindings::Ambient { account_id, region } => ambient(&claim, account_id, region.as_deref())?,
        Bindings::Objects(bindings) => {
            let binding = named(&claim, bindings)?;
            let region = in_region(&claim, binding)?;
            in_no_namespace(binding, region)?
        }
    };
    match claim.pinned {
        Some(pinned) if *pinned != target.status() => Err(moved(pinned, &target, "network")),
        _ => Ok(target),
    }
}

/// The target to remove a network from: where its status says that it lives, whatever the spec says now.
pub fn of_network_removal(inputs: &NetworkInputs) -> Result<Target, Problem> {
    let namespace = Namespace::default();
    let claim = claim(inputs, &namespace);
    let (Some(pinned), Bindings::Objects(bindings)) = (claim.pinned, claim.bindings) else { return of_network(inputs) };
    let binding = bindings.iter().find(|binding| binding.metadata.name == pinned.binding);
    match binding.filter(|binding| binding.spec.account_id == pinned.account_id) {
        Some(binding) => in_no_namespace(binding, pinned.region.clone()),
        None => Err(Problem::of(
            Reason::BindingNotFound,
            "status.target.binding",
            pinned.binding.as_deref().unwrap_or_default(),
            format!("the AccountBinding for account {} is gone, so nothing can be removed there", pinned.account_id),
            "put it back, or annotate the network with wharfinger.dev/abandon=true to leave everything in AWS",
        )),
    }
}

fn claim<'a>(inputs: &'a NetworkInputs, namespace: &'a Namespace) -> Claim<'a> {
    let (spec, status) = (&inputs.network.spec, inputs.network.status.as_ref());
    Claim {
        namespace,
        binding: Some(&spec.binding_ref.name),
        region: spec.region.as_deref(),
        pinned: status.and_then(|status| status.target.as_ref()),
        bindings: &inputs.bindings,
    }
}

/// The session carries no namespace, as there is none.
fn in_no_namespace(binding: &AccountBinding, region: String) -> Result<Target, Problem> {
    Ok(Target { session_namespace: None, ..of_binding(binding, region, "")? })
}

/// A binding that is being deleted takes no new networks.
fn named<'a>(claim: &Claim, bindings: &'a [AccountBinding]) -> Result<&'a AccountBinding, Problem> {
    let wanted = claim.binding.unwrap_or_default();
    let found = bindings.iter().find(|binding| name(binding) == wanted);
    found.filter(|binding| binding.metadata.deletion_timestamp.is_none() || super::is_pinned_to(claim, binding)).ok_or_else(
        || {
            Problem::of(
                Reason::BindingNotFound,
                "spec.bindingRef.name",
                wanted,
                "there is no AccountBinding of this name, or it is being deleted",
                "correct the name, or make the AccountBinding",
            )
        },
    )
}
