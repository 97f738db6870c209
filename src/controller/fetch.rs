//! Dereference: everything that a workload refers to in Kubernetes, as plain data.

use super::{Context, Error, within};
use crate::api::{AccountBinding, PrivateImageWorkload};
use crate::converge::List;
use crate::desired::is_secret_name;
use crate::inputs::{Bindings, Inputs, Namespace, Source};
use crate::resource::login;
use futures::FutureExt;
use futures::future::join_all;
use k8s_openapi::api::core::v1;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use std::collections::{BTreeMap, BTreeSet};

/// The inputs of a pass. A missing Secret is data; an error is Kubernetes failing.
pub(super) async fn dereference(context: &Context, workload: PrivateImageWorkload) -> Result<Inputs, Error> {
    let namespace = workload.namespace().unwrap_or_default();
    let siblings = context.workloads.state();
    let siblings = siblings.iter().filter(|sibling| sibling.namespace().as_ref() == Some(&namespace));
    let siblings = siblings.map(|sibling| (**sibling).clone()).collect();
    // Few and small, and a stale one could send a workload to the wrong account: read anew.
    let bindings = within(Api::<AccountBinding>::all(context.client.clone()).list(&ListParams::default())).await?.items;
    let mut inputs = inputs(&context.client, workload, context.cluster.clone(), context.value_key.clone()).await?;
    inputs.bindings = Bindings::Objects(bindings);
    inputs.siblings = siblings;
    inputs.siblings_complete = true;
    Ok(inputs)
}

/// Lists the workloads of a namespace when asked.
pub(super) fn lister(api: &Api<PrivateImageWorkload>) -> List {
    let api = api.clone();
    Box::new(move || {
        let api = api.clone();
        async move { within(api.list(&ListParams::default())).await.ok().map(|list| list.items) }.boxed()
    })
}

/// The inputs but for bindings and siblings.
pub async fn inputs(
    client: &Client,
    workload: PrivateImageWorkload,
    cluster: String,
    value_key: crate::resource::fingerprint::ValueKey,
) -> Result<Inputs, Error> {
    let name = workload.namespace().unwrap_or_default();
    let found = within(Api::<v1::Namespace>::all(client.clone()).get(&name)).await?;
    let named = workload.spec.credentials.iter().filter_map(|credential| credential.secret_ref.as_ref());
    let named: BTreeSet<String> = named.map(|reference| reference.name.clone()).filter(|name| is_secret_name(name)).collect();
    let secrets: Api<v1::Secret> = Api::namespaced(client.clone(), &name);
    let each = named.into_iter().map(async |name| {
        let source = source(within(secrets.get_opt(&name)).await)?;
        Ok::<_, Error>((name, source))
    });
    let sources = join_all(each).await.into_iter().collect::<Result<BTreeMap<_, _>, _>>()?;
    Ok(Inputs {
        cluster,
        namespace: Namespace { uid: found.uid().unwrap_or_default(), labels: found.labels().clone(), name },
        bindings: Bindings::Objects(vec![]),
        sources,
        siblings: vec![],
        siblings_complete: false,
        strangers: vec![],
        value_key,
        compare_values: false,
        workload,
    })
}

fn source(answer: Result<Option<v1::Secret>, Error>) -> Result<Source, Error> {
    match answer {
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
