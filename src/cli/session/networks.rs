//! PullNetworks of the files.

use super::{Session, WAITS, next_wait, pause};
use crate::api::{DeletionPolicy, ManagementPolicy, PullNetwork};
use crate::cli::say;
use crate::converge::{converge_network, remove_network};
use crate::inputs::NetworkInputs;
use crate::pass::Pass;
use crate::plan::Hold;
use crate::status::{READY, Reason, network_users, summarise_network};
use jiff::Timestamp;
use kube::ResourceExt;
use std::time::Duration;

/// How often endpoints that are being made, or deleted, are looked at, and how many times: it takes AWS a few minutes.
const PENDING: Duration = Duration::from_secs(10);
const LOOKS: usize = 60;

impl Session {
    /// The inputs of a pass over a network.
    pub(in crate::cli) fn network_inputs(&self, network: &PullNetwork) -> NetworkInputs {
        let others = self.objects.networks.iter().filter(|other| other.name_any() != network.name_any());
        NetworkInputs {
            network: network.clone(),
            cluster: self.owner.clone(),
            bindings: self.bindings.clone(),
            others: others.cloned().collect(),
            users: network_users(self.objects.workloads.iter().map(|it| &**it), network),
        }
    }

    /// What a network would take.
    pub(in crate::cli) async fn plan_network(&mut self, index: usize) -> Pass {
        self.network_pass(index, false).await
    }

    /// Passes over one network until its endpoints are available, or only somebody can help.
    pub(in crate::cli) async fn converge_network(&mut self, index: usize) -> Pass {
        let write = self.objects.networks[index].spec.management_policy == ManagementPolicy::Full;
        let (mut waits, mut looks) = (WAITS.iter(), 0);
        loop {
            let pass = self.network_pass(index, write).await;
            if let Some(wait) = next_wait(&pass, &mut waits) {
                pause(wait).await;
            } else if write && looks < LOOKS && self.is_being_made(index) {
                looks += 1;
                look_again(&self.objects.networks[index], "endpoints are being made").await;
            } else {
                return pass;
            }
        }
    }

    async fn network_pass(&mut self, index: usize, write: bool) -> Pass {
        let network = self.objects.networks[index].clone();
        let inputs = self.network_inputs(&network);
        let pass = converge_network(&self.accounts, &inputs, write.then_some(&self.permit)).await;
        // Without a cluster the status lives as long as the command: it tells workloads which endpoints there are.
        let status = summarise_network(&network, &pass, &inputs.users, Timestamp::now());
        self.objects.networks[index].status = Some(status);
        pass
    }

    fn is_being_made(&self, index: usize) -> bool {
        let status = self.objects.networks[index].status.as_ref();
        let ready = status.and_then(|status| status.conditions.iter().find(|it| it.type_ == READY));
        ready.is_some_and(|ready| ready.reason == Reason::Progressing.to_string())
    }

    /// Passes that remove one network until it is gone, or only somebody can help.
    pub(in crate::cli) async fn remove_network(&self, network: &PullNetwork) -> Pass {
        let write = network.spec.management_policy == ManagementPolicy::Full;
        let retained = network.spec.deletion_policy == DeletionPolicy::Retain;
        let (mut waits, mut looks) = (WAITS.iter(), 0);
        loop {
            let permit = (write && !retained).then_some(&self.permit);
            let pass = remove_network(&self.accounts, &self.network_inputs(network), permit).await;
            if let Some(wait) = next_wait(&pass, &mut waits) {
                pause(wait).await;
            } else if permit.is_some() && looks < LOOKS && is_ending(&pass) {
                looks += 1;
                look_again(network, "endpoints are being deleted").await;
            } else {
                return pass;
            }
        }
    }
}

/// Whether something only waits for the end of something else.
fn is_ending(pass: &Pass) -> bool {
    matches!(pass, Pass::Done(round) if round.plan.held.iter().any(|held| held.hold == Hold::Waiting))
}

async fn look_again(network: &PullNetwork, why: &str) {
    say(&format!("PullNetwork {}: {why}; next look in {} s", network.name_any(), PENDING.as_secs()));
    tokio::time::sleep(PENDING).await;
}
