//! Dereference: everything that a workload refers to in Kubernetes, as plain data.

use super::lead::Lead;
use super::{Context, Error, Scope, within};
use crate::api::{AccountBinding, PrivateImageWorkload, PullNetwork, RegistryCredential};
use crate::converge::List;
use crate::desired::is_object_name;
use crate::inputs::{Bindings, CredentialInputs, Inputs, Namespace, NetworkInputs, Source};
use crate::resource::login;
use crate::status::network_users;
use crate::target;
use futures::FutureExt;
use futures::future::join_all;
use k8s_openapi::api::core::v1;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use std::collections::{BTreeMap, BTreeSet};

/// The inputs of a pass. A missing Secret is data; an error is Kubernetes failing.
pub(super) async fn dereference(context: &Context, lead: &Lead, workload: PrivateImageWorkload) -> Result<Inputs, Error> {
    let namespace = workload.namespace().unwrap_or_default();
    let siblings = context.workloads.state();
    let siblings = siblings.into_iter().filter(|sibling| sibling.namespace().as_ref() == Some(&namespace)).collect();
    let (cluster, key) = (context.cluster.clone(), lead.value_key.clone());
    let mut inputs = inputs(&context.client, &context.secret_namespaces, workload, cluster, key).await?;
    inputs.bindings = Bindings::Objects(bindings(context, |known| target::deciding(&inputs.claim(), known)).await?);
    inputs.siblings = siblings;
    inputs.siblings_complete = true;
    Ok(inputs)
}

/// All bindings, as the cache has them, but those that decide as they are now: a stale one could send an object to the wrong account. A
/// list of them would be as new, and would take 70 ms: where nothing changes, the API server first waits for etcd to say so.
async fn bindings(
    context: &Context,
    deciding: impl FnOnce(&[AccountBinding]) -> BTreeSet<String>,
) -> Result<Vec<AccountBinding>, Error> {
    let api = Api::<AccountBinding>::all(context.client.clone());
    if !context.knows_bindings() {
        return Ok(within(api.list(&ListParams::default())).await?.items);
    }
    let mut known: Vec<AccountBinding> = context.bindings.state().iter().map(|binding| (**binding).clone()).collect();
    let deciding = deciding(&known).into_iter().filter(|name| is_object_name(name));
    for (name, found) in join_all(deciding.map(async |name| (name.clone(), within(api.get_opt(&name)).await))).await {
        known.retain(|binding| binding.name_any() != name);
        known.extend(found?);
    }
    Ok(known)
}

/// The RegistryCredentials that a workload names, read anew: the cache may hold one namespace only.
async fn credentials(client: &Client, workload: &PrivateImageWorkload) -> Result<Vec<RegistryCredential>, Error> {
    let own = workload.namespace().unwrap_or_default();
    let named = workload.spec.credentials.iter().filter_map(|credential| credential.credential_ref.as_ref());
    let named: BTreeSet<(String, String)> =
        named.map(|it| (it.namespace.clone().unwrap_or_else(|| own.clone()), it.name.clone())).collect();
    let named = named.into_iter().filter(|(namespace, name)| is_object_name(namespace) && is_object_name(name));
    let each = named.map(async |(namespace, name)| {
        let api: Api<RegistryCredential> = Api::namespaced(client.clone(), &namespace);
        match within(api.get_opt(&name)).await {
            // A namespace that may not be looked into has no credential for us.
            Err(Error::Kubernetes(kube::Error::Api(status))) if status.is_forbidden() => Ok(None),
            other => other,
        }
    });
    Ok(join_all(each).await.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The PullNetwork that a workload names, as it is now. One that may not be read is none for us: to a tenant both read the same.
async fn network(client: &Client, workload: &PrivateImageWorkload) -> Result<Option<PullNetwork>, Error> {
    let named = workload.spec.pull_network_ref.as_ref().filter(|reference| is_object_name(&reference.name));
    let Some(reference) = named else { return Ok(None) };
    match within(Api::<PullNetwork>::all(client.clone()).get_opt(&reference.name)).await {
        Err(Error::Kubernetes(kube::Error::Api(status))) if status.is_forbidden() => Ok(None),
        other => other,
    }
}

/// The inputs of a pass over a credential.
pub(super) async fn dereference_credential(
    context: &Context,
    lead: &Lead,
    credential: RegistryCredential,
) -> Result<CredentialInputs, Error> {
    let (cluster, key) = (context.cluster.clone(), lead.value_key.clone());
    let mut inputs = credential_inputs(&context.client, &context.secret_namespaces, credential, cluster, key).await?;
    inputs.bindings = Bindings::Objects(bindings(context, |known| target::deciding(&inputs.claim(), known)).await?);
    Ok(inputs)
}

/// The inputs of a pass over a network.
pub(super) async fn dereference_network(context: &Context, network: PullNetwork) -> Result<NetworkInputs, Error> {
    let named = [network.spec.binding_ref.name.clone()];
    let bindings = Bindings::Objects(bindings(context, |_| named.into()).await?);
    let others = context.networks.state();
    let others = others.iter().filter(|other| other.uid() != network.uid()).map(|other| (**other).clone()).collect();
    let users = network_users(context.workloads.state().iter().map(|it| &**it), &network);
    Ok(NetworkInputs { network, cluster: context.cluster.clone(), bindings, others, users })
}

/// The inputs of a pass over a credential but for bindings and users. `readable` = where Secrets may be read.
pub async fn credential_inputs(
    client: &Client,
    readable: &Scope,
    credential: RegistryCredential,
    cluster: String,
    value_key: crate::resource::fingerprint::ValueKey,
) -> Result<CredentialInputs, Error> {
    let name = credential.namespace().unwrap_or_default();
    let namespace = namespace(client, &name).await?;
    let source = match &credential.spec.secret_ref {
        Some(reference) if !is_object_name(&reference.name) => None,
        Some(reference) => Some(source(client, readable, &name, &reference.name).await?),
        None => None,
    };
    Ok(CredentialInputs {
        credential,
        cluster,
        namespace,
        bindings: Bindings::Objects(vec![]),
        source,
        users: vec![],
        value_key,
        compare_values: false,
    })
}

async fn namespace(client: &Client, name: &str) -> Result<Namespace, Error> {
    let found = within(Api::<v1::Namespace>::all(client.clone()).get(name)).await?;
    Ok(Namespace { uid: found.uid().unwrap_or_default(), labels: found.labels().clone(), name: name.to_owned() })
}

/// Lists the workloads of a namespace when asked.
pub(super) fn lister(api: &Api<PrivateImageWorkload>) -> List {
    let api = api.clone();
    Box::new(move || {
        let api = api.clone();
        async move { within(api.list(&ListParams::default())).await.ok().map(|list| list.items) }.boxed()
    })
}

/// The inputs but for bindings and siblings. `readable` = where Secrets may be read.
pub async fn inputs(
    client: &Client,
    readable: &Scope,
    workload: PrivateImageWorkload,
    cluster: String,
    value_key: crate::resource::fingerprint::ValueKey,
) -> Result<Inputs, Error> {
    let name = workload.namespace().unwrap_or_default();
    let namespace = namespace(client, &name).await?;
    let named = workload.spec.credentials.iter().filter_map(|credential| credential.secret_ref.as_ref());
    let credentials = credentials(client, &workload).await?;
    let network = network(client, &workload).await?;
    let own = credentials.iter().filter(|credential| credential.namespace() == workload.namespace());
    let named = named.chain(own.filter_map(|credential| credential.spec.secret_ref.as_ref()));
    let named: BTreeSet<String> = named.map(|reference| reference.name.clone()).filter(|name| is_object_name(name)).collect();
    let each = named.into_iter().map(async |secret| {
        let source = source(client, readable, &name, &secret).await?;
        Ok::<_, Error>((secret, source))
    });
    let sources = join_all(each).await.into_iter().collect::<Result<BTreeMap<_, _>, _>>()?;
    Ok(Inputs {
        cluster,
        namespace,
        bindings: Bindings::Objects(vec![]),
        sources,
        siblings: vec![],
        siblings_complete: false,
        credentials,
        planned_credentials: false,
        strangers: vec![],
        network,
        value_key,
        compare_values: false,
        workload,
    })
}

/// A Secret, where it may be read.
async fn source(client: &Client, readable: &Scope, namespace: &str, name: &str) -> Result<Source, Error> {
    if !readable.covers(namespace) {
        return Ok(Source::Unreadable(format!("namespace {namespace} is none of those whose Secrets the controller reads")));
    }
    match within(Api::<v1::Secret>::namespaced(client.clone(), namespace).get_opt(name)).await {
        Ok(Some(secret)) => Ok(logins(&secret)),
        Ok(None) => Ok(Source::Missing),
        Err(Error::Kubernetes(kube::Error::Api(status))) if status.is_forbidden() => {
            Ok(Source::Unreadable(status.message.clone()))
        }
        Err(error) => Err(error),
    }
}

/// The logins of a Kubernetes Secret, from the API server or from a file.
pub(crate) fn logins(secret: &v1::Secret) -> Source {
    let mut data: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    data.extend(secret.data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone())));
    data.extend(secret.string_data.iter().flatten().map(|(key, value)| (key.clone(), value.clone().into_bytes())));
    Source::Found(login::parse(secret.type_.as_deref().unwrap_or("Opaque"), &data))
}
