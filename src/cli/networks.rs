//! `plan`, `apply`, `delete` and `render` of the files' PullNetworks. They come before the workloads that name them, and go after them.

use super::output::{self, Line};
use super::session::Session;
use super::{ERROR, OK};
use crate::api::PullNetwork;
use crate::converge::network_from_nothing;
use crate::pass::Pass;
use crate::problem::Problem;
use crate::status::{Reason, summarise_network};
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::Value;

/// What each would take.
pub(super) async fn plan(session: &mut Session) -> Vec<Line> {
    let mut lines = vec![];
    for index in 0..session.objects.networks.len() {
        let pass = session.plan_network(index).await;
        lines.push(Line::of_network(&session.objects.networks[index], pass));
    }
    lines
}

/// Converges each.
pub(super) async fn apply(session: &mut Session) -> Vec<Line> {
    let mut lines = vec![];
    for index in 0..session.objects.networks.len() {
        let pass = session.converge_network(index).await;
        lines.push(Line::of_network(&session.objects.networks[index], pass));
    }
    lines
}

/// Removes each, unless a workload of the files is still there. The removal of the security group waits until AWS has ended the
/// endpoints.
pub(super) async fn delete(session: &Session, used: bool) -> Vec<Line> {
    let mut lines = vec![];
    for network in &session.objects.networks {
        let pass = match used {
            true => Pass::Refused(vec![still_used(network)]),
            false => session.remove_network(network).await,
        };
        lines.push(Line::of_network(network, pass));
    }
    lines
}

fn still_used(network: &PullNetwork) -> Problem {
    let rule = "workloads of these files are still there, and may pull through it";
    let field = format!("PullNetwork {}", network.name_any());
    Problem::of(Reason::DeletionBlocked, field, "", rule, "remove them first; what keeps them is told above")
}

/// The documents that AWS would receive for each, and the exit code.
pub(super) fn render(session: &mut Session) -> (Vec<Value>, u8) {
    let (mut documents, mut code) = (vec![], OK);
    for index in 0..session.objects.networks.len() {
        let network = session.objects.networks[index].clone();
        match network_from_nothing(&session.network_inputs(&network)) {
            Ok((_, plan)) => {
                code = if plan.held.is_empty() { code } else { ERROR };
                documents.push(output::documents("pullNetwork", &output::name(&network), &plan));
            }
            Err(problems) => {
                code = ERROR;
                super::local::tell(&network, &problems);
                let status = summarise_network(&network, &Pass::Refused(problems), &[], Timestamp::now());
                session.objects.networks[index].status = Some(status);
            }
        }
    }
    (documents, code)
}
