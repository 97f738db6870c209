//! The checks of the cluster: the API server, the CRDs, the AccountBindings, permissions.

use super::findings::Finding;
use crate::api::{AccountBinding, CRD_SCHEMA, SchemaAge};
use crate::cli::arguments::{Common, DoctorArguments};
use crate::cli::remote;
use crate::controller::{
    APPLY_CRDS, Error, Places, Scope, lacking_as_controller, lacking_as_user, look_at_crds, trouble, within,
};
use kube::api::ListParams;
use kube::{Api, Client};

const CLUSTER: &str = "cluster";
const CRDS: &str = "CRDs";
const PERMISSIONS: &str = "permissions in the cluster";

/// What was found.
pub(super) struct Cluster {
    pub(super) findings: Vec<Finding>,
    /// None where they could not be read.
    pub(super) bindings: Option<Vec<AccountBinding>>,
}

/// Looks at all of it. Where there is no cluster, that is no fault: files need none.
pub(super) async fn look(common: &Common, what: &DoctorArguments) -> Cluster {
    let config = match remote::config(common).await {
        Ok(config) => config,
        Err(error) => return Cluster { findings: vec![without(common, &error)], bindings: None },
    };
    let (server, home) = (config.cluster_url.to_string(), config.default_namespace.clone());
    let client = match remote::client(config) {
        Ok(client) => client,
        Err(error) => {
            return Cluster { findings: vec![Finding::failed(CLUSTER, format!("{error:#}"), KUBECONFIG)], bindings: None };
        }
    };
    match within(client.apiserver_version()).await {
        Ok(version) => {
            let reached = Finding::ok(CLUSTER, format!("{server} answers, Kubernetes {}", version.git_version));
            let mut found = Cluster { findings: vec![reached, crds(&client).await], bindings: None };
            found.bindings = bindings(&client, what, &mut found.findings).await;
            let namespace = common.namespace.clone().unwrap_or_else(|| home.clone());
            let home = common.state_namespace.clone().unwrap_or(home);
            found.findings.push(permissions(&client, what, &namespace, &home).await);
            found
        }
        Err(error) => {
            let finding = Finding::failed(CLUSTER, format!("{server}: {}", trouble(&error).text), KUBECONFIG);
            let skipped = [CRDS, PERMISSIONS].map(|check| Finding::skipped(check, "the API server does not answer"));
            Cluster { findings: [finding].into_iter().chain(skipped).collect(), bindings: None }
        }
    }
}

const KUBECONFIG: &str = "mend the kubeconfig, or name another one by KUBECONFIG, --kubeconfig or --context";

fn without(common: &Common, error: &anyhow::Error) -> Finding {
    let named = common.kubeconfig.is_some() || common.context.is_some() || std::env::var_os("KUBECONFIG").is_some();
    match named {
        true => Finding::failed(CLUSTER, format!("{error:#}"), KUBECONFIG),
        false => Finding::skipped(CLUSTER, "no kubeconfig and no service account: files need no cluster"),
    }
}

async fn crds(client: &Client) -> Finding {
    let found = match look_at_crds(client).await {
        Ok(found) => found,
        Err(error) => return Finding::failed(CRDS, trouble(&error).text, APPLY_CRDS),
    };
    let wrong: Vec<String> = found.iter().filter_map(|it| Some(format!("{} {}", it.name, it.judged.err()?))).collect();
    if !wrong.is_empty() {
        return Finding::failed(CRDS, wrong.join(", "), APPLY_CRDS);
    }
    let stamps: Vec<&str> = found.iter().filter_map(|it| it.stamp.as_deref()).collect();
    let newer: Vec<&str> = found.iter().filter(|it| it.judged == Ok(SchemaAge::Newer)).map(|it| it.name.as_str()).collect();
    if !newer.is_empty() {
        let message = format!("{} of a newer release than this program", newer.join(", "));
        return Finding::warning(CRDS, message, "take the program of that release: this one does not act on what is new");
    }
    match stamps.first() {
        Some(stamp) => {
            let release = stamp.split_once('/').map_or(*stamp, |(release, _)| release);
            Finding::ok(CRDS, format!("{} kinds of release {release}", found.len()))
        }
        None => {
            let message = format!("{} kinds are served; of which release may not be seen", found.len());
            Finding::warning(CRDS, message, format!("allow get on customresourcedefinitions to see {CRD_SCHEMA}"))
        }
    }
}

/// Those that decide about accounts. Files may name them instead.
async fn bindings(client: &Client, what: &DoctorArguments, findings: &mut Vec<Finding>) -> Option<Vec<AccountBinding>> {
    const CHECK: &str = "AccountBindings";
    match within(Api::<AccountBinding>::all(client.clone()).list(&ListParams::default())).await {
        Ok(found) if found.items.is_empty() && what.files.is_empty() => {
            let remedy = "apply one (docs/account-binding.md): without it no workload of the cluster is served";
            findings.push(Finding::warning(CHECK, "there is none in the cluster", remedy));
            None
        }
        Ok(found) => Some(found.items),
        Err(error) => {
            findings.push(Finding::skipped(CHECK, format!("{}; -f names them in files", trouble(&error).text)));
            None
        }
    }
}

/// What whoever runs this may do: in a pod that is the controller.
async fn permissions(client: &Client, what: &DoctorArguments, namespace: &str, home: &str) -> Finding {
    let in_pod = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    let as_controller = what.controller || in_pod;
    let lacking = match as_controller {
        true => as_the_controller(client, what, home).await,
        false => lacking_as_user(client, namespace).await,
    };
    let who = if as_controller { "a controller".to_owned() } else { format!("somebody who keeps workloads in {namespace}") };
    match lacking {
        Ok(lacking) if lacking.is_empty() => Finding::ok(PERMISSIONS, format!("all that {who} needs")),
        Ok(lacking) if as_controller => Finding::failed(PERMISSIONS, lacks(&who, &lacking), GRANT),
        Ok(lacking) => Finding::warning(PERMISSIONS, lacks(&who, &lacking), GRANT),
        Err(error) => Finding::skipped(PERMISSIONS, trouble(&error).text),
    }
}

const GRANT: &str = "grant them: docs/operations.md#permissions has the rules";

fn lacks(who: &str, lacking: &[String]) -> String {
    format!("{who} lacks {}", lacking.join(", "))
}

async fn as_the_controller(client: &Client, what: &DoctorArguments, home: &str) -> Result<Vec<String>, Error> {
    let places = &what.places;
    let namespaces = Scope::of(places.watch_namespaces.clone().map(|list| list.0));
    let secrets = Scope::of(places.secret_namespaces.clone().map(|list| list.0));
    let lease = (places.lease_namespace.as_deref().unwrap_or(home), places.lease_name.as_str());
    lacking_as_controller(client, &Places { namespaces: &namespaces, secrets: &secrets, home, lease }).await
}
