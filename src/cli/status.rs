//! `status`: what the API server says of the objects, as a tree or as a table. It asks AWS nothing.

mod named;
mod table;
mod tree;

use super::arguments::{Common, OutputFormat, StatusArguments};
use super::{CHANGES, OK, output, print, remote, say};
use crate::api::{AccountBinding, PrivateImageWorkload, PullNetwork, RegistryCredential};
use crate::controller::within;
use crate::nearest::meant;
use crate::status::{Report, State, report, report_binding, report_credential, report_network};
use anyhow::bail;
use jiff::Timestamp;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::ListParams;
use kube::{Api, Client, Resource, ResourceExt};
use named::{Kind, Named};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Objects of one answer: a list is read page by page, so that neither side holds more than these.
const PAGE: u32 = 500;

/// Prints one object or all of them. 0 = ready, 2 = not.
pub(super) async fn run(common: &Common, what: &StatusArguments) -> anyhow::Result<u8> {
    let named = what.object.as_deref().map(named::parse).transpose()?;
    let client = remote::client(remote::config(common).await?)?;
    let namespace = common.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
    let cluster = Cluster { client, namespace: (!what.all_namespaces).then_some(namespace) };
    let reports = match &named {
        Some(named) => vec![cluster.one(named).await?],
        None => cluster.all().await?,
    };
    match (what.output, &named) {
        (OutputFormat::Text, Some(_)) => print(&reports.iter().map(|it| tree::text(it, Timestamp::now())).collect::<String>())?,
        (OutputFormat::Text, None) if reports.is_empty() => say(&cluster.nothing()),
        (OutputFormat::Text, None) => print(&table::text(&reports, cluster.namespace.as_deref(), Timestamp::now()))?,
        (format, Some(_)) => output::value(&serde_json::to_value(&reports[0])?, format)?,
        (format, None) => output::value(&serde_json::to_value(&reports)?, format)?,
    }
    Ok(if reports.iter().all(|report| report.state == State::Ready) { OK } else { CHANGES })
}

struct Cluster {
    client: Client,
    /// None = all.
    namespace: Option<String>,
}

impl Cluster {
    async fn one(&self, named: &Named) -> anyhow::Result<Report> {
        match named.kind {
            Kind::PrivateImageWorkload => self.get(self.namespaced::<PrivateImageWorkload>(), named, report).await,
            Kind::RegistryCredential => self.get(self.namespaced::<RegistryCredential>(), named, report_credential).await,
            Kind::AccountBinding => self.get(self.wide::<AccountBinding>(), named, report_binding).await,
            Kind::PullNetwork => self.get(self.wide::<PullNetwork>(), named, report_network).await,
        }
    }

    /// One object, or an error with the name that was probably meant.
    async fn get<K: Known>(&self, api: Api<K>, named: &Named, report: fn(&K) -> Report) -> anyhow::Result<Report> {
        if let Some(object) = within(api.get_opt(&named.name)).await.map_err(remote::told)? {
            return Ok(report(&object));
        }
        let others: Vec<String> = list(&api).await?.iter().map(ResourceExt::name_any).collect();
        let place = self.namespace.as_ref().map_or(String::new(), |namespace| format!(" in namespace {namespace}"));
        let wide = matches!(named.kind, Kind::AccountBinding | Kind::PullNetwork);
        let place = if wide { String::new() } else { place };
        let known: Vec<&str> = others.iter().map(String::as_str).collect();
        let offer = match meant(&named.name, &known) {
            Some(meant) => format!("; {meant} is one: is that meant?"),
            None => "; `wharfinger status -A` lists all".to_owned(),
        };
        bail!("there is no {} {:?}{place}{offer}", K::kind(&()), named.name)
    }

    /// What has a status; bindings and networks only where all namespaces are asked for, for they are in none.
    async fn all(&self) -> anyhow::Result<Vec<Report>> {
        let mut reports = vec![];
        if self.namespace.is_none() {
            reports.extend(list(&self.wide::<AccountBinding>()).await?.iter().map(report_binding));
            reports.extend(list(&self.wide::<PullNetwork>()).await?.iter().map(report_network));
        }
        reports.extend(list(&self.namespaced::<RegistryCredential>()).await?.iter().map(report_credential));
        reports.extend(list(&self.namespaced::<PrivateImageWorkload>()).await?.iter().map(report));
        Ok(reports)
    }

    fn namespaced<K: Known + Resource<Scope = NamespaceResourceScope>>(&self) -> Api<K> {
        match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    fn wide<K: Known + Resource<Scope = ClusterResourceScope>>(&self) -> Api<K> {
        Api::all(self.client.clone())
    }

    fn nothing(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("nothing of Wharfinger in namespace {namespace}; -n names another one, -A all"),
            None => "nothing of Wharfinger in this cluster".to_owned(),
        }
    }
}

/// A kind that is read.
trait Known: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned {}
impl<K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned> Known for K {}

/// Every object, page by page.
async fn list<K: Known>(api: &Api<K>) -> anyhow::Result<Vec<K>> {
    let mut found = vec![];
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let answer = within(api.list(&page)).await.map_err(remote::told)?;
        found.extend(answer.items);
        match answer.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(found),
        }
    }
}
