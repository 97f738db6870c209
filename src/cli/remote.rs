//! The cluster, for the controller and for `plan` without files.

use super::arguments::{Common, What};
use super::output::{self, Line};
use crate::api::{AccountBinding, PrivateImageWorkload, PullNetwork, RegistryCredential};
use crate::aws::Calls;
use crate::aws::accounts::Accounts;
use crate::controller::{self, Scope, cluster_id, credential_inputs, inputs, read_value_key, within};
use crate::converge::{Shared, converge, converge_credential, converge_network, remove, remove_credential, remove_network};
use crate::inputs::{Bindings, NetworkInputs};
use crate::status::network_users;
use anyhow::{Context, anyhow};
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};
use std::sync::Arc;

/// How to reach the cluster: by the flags, else $KUBECONFIG, else the pod's service account. Clients of it never retry by themselves:
/// every write is ours.
pub(super) async fn config(common: &Common) -> anyhow::Result<Config> {
    let options = KubeConfigOptions { context: common.context.clone(), ..KubeConfigOptions::default() };
    let mut config = match (&common.kubeconfig, &common.context) {
        (Some(file), _) => {
            let told = |error| none(&file.display().to_string(), &error);
            let file = Kubeconfig::read_from(file).map_err(told)?;
            Config::from_custom_kubeconfig(file, &options).await.map_err(told)?
        }
        (None, Some(name)) => {
            Config::from_kubeconfig(&options).await.map_err(|error| none(&format!("context {name}"), &error))?
        }
        (None, None) => {
            let place = std::env::var("KUBECONFIG").unwrap_or_else(|_| "no KUBECONFIG".to_owned());
            Config::infer().await.map_err(|error| none(&place, &error))?
        }
    };
    config.default_retry = false;
    Ok(config)
}

/// What kube says has its causes in it already, and behind the first line the text around a mistake, which may be a token.
fn none(place: &str, error: &impl ToString) -> anyhow::Error {
    let error = error.to_string();
    let error = error.lines().next().unwrap_or_default();
    anyhow!("no cluster: {place}: {error}; set KUBECONFIG, --kubeconfig or --context")
}

pub(super) fn client(config: Config) -> anyhow::Result<Client> {
    Client::try_from(config).context("cannot make a Kubernetes client")
}

/// A failed call to the API server, with what to do.
pub(super) fn told(error: controller::Error) -> anyhow::Error {
    anyhow!("{}", controller::trouble(&error).text)
}

/// What the controller would change of the PullNetworks.
async fn networks(
    client: &Client,
    accounts: &Arc<Accounts>,
    cluster: &str,
    bindings: &[AccountBinding],
    workloads: &[PrivateImageWorkload],
) -> anyhow::Result<Vec<Line>> {
    let all = within(Api::<PullNetwork>::all(client.clone()).list(&ListParams::default())).await.map_err(told)?.items;
    let mut lines = vec![];
    for network in &all {
        let inputs = NetworkInputs {
            network: network.clone(),
            cluster: cluster.to_owned(),
            bindings: Bindings::Objects(bindings.to_vec()),
            others: all.iter().filter(|other| other.name_any() != network.name_any()).cloned().collect(),
            users: network_users(workloads.iter(), network),
        };
        let pass = match network.metadata.deletion_timestamp {
            Some(_) => remove_network(accounts, &inputs, None).await,
            None => converge_network(accounts, &inputs, None).await,
        };
        lines.push(Line::of_network(network, pass));
    }
    Ok(lines)
}

/// What the controller would change now.
pub(super) async fn plan(common: &Common, what: &What) -> anyhow::Result<u8> {
    let config = config(common).await.map_err(|error| anyhow!("{error}; or name files with -f"))?;
    let client = client(config)?;
    let registries = common.registries()?;
    let cluster = match &what.owner {
        Some(id) => id.clone(),
        None => cluster_id(&client).await.map_err(told)?,
    };
    let accounts = Arc::new(Accounts::load(common.aws_timeout(), Calls::new(|_| {}), &cluster).await);
    let key = read_value_key(&client, common.state_namespace.as_deref()).await.map_err(told)?;
    let workloads: Api<PrivateImageWorkload> = match &common.namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let bindings = within(Api::<AccountBinding>::all(client.clone()).list(&ListParams::default())).await.map_err(told)?.items;
    let all = within(workloads.list(&ListParams::default())).await.map_err(told)?.items;
    let found: Api<RegistryCredential> = match &common.namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let credentials = within(found.list(&ListParams::default())).await.map_err(told)?.items;
    let mut lines = match &common.namespace {
        Some(_) => vec![], // networks are in none
        None => networks(&client, &accounts, &cluster, &bindings, &all).await?,
    };
    for credential in credentials {
        let mut inputs = credential_inputs(&client, &Scope::All, credential, cluster.clone(), key.clone()).await.map_err(told)?;
        inputs.bindings = Bindings::Objects(bindings.clone());
        let pass = match inputs.credential.metadata.deletion_timestamp {
            Some(_) => remove_credential(&accounts, &inputs, None).await,
            None => converge_credential(&accounts, &inputs, None).await,
        };
        lines.push(Line::of_credential(&inputs.credential, pass));
    }
    let all: Vec<_> = all.into_iter().map(Arc::new).collect();
    for workload in &all {
        let (namespace, workload) = (workload.namespace(), (**workload).clone());
        let mut inputs = inputs(&client, &Scope::All, workload, cluster.clone(), key.clone()).await.map_err(told)?;
        inputs.bindings = Bindings::Objects(bindings.clone());
        inputs.siblings = all.iter().filter(|sibling| sibling.namespace() == namespace).cloned().collect();
        inputs.siblings_complete = true;
        let pass = match inputs.workload.metadata.deletion_timestamp {
            Some(_) => remove(&accounts, &inputs, None, &mut Shared::default()).await,
            None => converge(&accounts, &registries, &inputs, None, &mut Shared::default()).await,
        };
        lines.push(Line::new(&inputs.workload, pass));
    }
    output::plan(&lines, what.output)?;
    Ok(output::plan_code(&lines))
}
