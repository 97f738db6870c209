//! Whether the API server serves the kinds of this release. With older definitions it would drop fields that are written here, so
//! nothing is done before they are applied.

use super::trouble::APPLY_CRDS;
use super::{Error, within};
use crate::api::{CRD_SCHEMA, GROUP, SchemaAge, definitions, schema_age};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client, ResourceExt};

/// The version of the API that is spoken.
const VERSION: &str = "v1alpha1";

const MISSING: &str = "is missing";

/// A definition as it is installed.
pub(crate) struct Installed {
    /// Its name.
    pub(crate) name: String,
    /// The release that it is of, with a hash, where it says so and may be looked at.
    pub(crate) stamp: Option<String>,
    /// How old it is; or why it cannot be used.
    pub(crate) judged: Result<SchemaAge, &'static str>,
}

/// All that is wrong with the definitions that are installed, as an error. Warnings are told in the log.
pub(super) async fn check(client: &Client) -> Result<(), Error> {
    let found = look(client).await?;
    let newer: Vec<&str> = found.iter().filter(|it| it.judged == Ok(SchemaAge::Newer)).map(|it| it.name.as_str()).collect();
    if !newer.is_empty() {
        tracing::warn!("{} of a newer release than this controller: what is new in them is not acted on", newer.join(", "));
    }
    let wrong = found.iter().filter_map(|it| Some(format!("{} {}", it.name, it.judged.err()?)));
    conclude(&wrong.collect::<Vec<_>>())
}

/// Each definition of this release as it is installed. Where they may not be looked at, it is asked whether the kinds are served.
pub(crate) async fn look(client: &Client) -> Result<Vec<Installed>, Error> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let mut found = vec![];
    for own in definitions() {
        let installed = match within(api.get_opt(&own.name_any())).await {
            Ok(installed) => installed,
            // The way to all definitions is not there.
            Err(Error::Kubernetes(kube::Error::Api(status))) if status.code == 404 => None,
            Err(Error::Kubernetes(kube::Error::Api(status))) if status.is_forbidden() => {
                tracing::info!("{}; so it is only asked whether the kinds are served, not of which release", status.message);
                return discover(client).await;
            }
            Err(error) => return Err(error),
        };
        let stamp = installed.as_ref().and_then(stamp);
        found.push(Installed { name: own.name_any(), stamp, judged: judge(installed.as_ref(), &own) });
    }
    Ok(found)
}

fn stamp(crd: &CustomResourceDefinition) -> Option<String> {
    crd.annotations().get(CRD_SCHEMA).cloned()
}

/// How old it is; or why it cannot be used.
fn judge(installed: Option<&CustomResourceDefinition>, own: &CustomResourceDefinition) -> Result<SchemaAge, &'static str> {
    let installed = installed.ok_or(MISSING)?;
    if !installed.spec.versions.iter().any(|version| version.name == VERSION && version.served) {
        return Err("does not serve v1alpha1");
    }
    match schema_age(stamp(installed).as_deref(), &stamp(own).unwrap_or_default()) {
        SchemaAge::Older => Err("is older than this controller"),
        age => Ok(age),
    }
}

/// What may always be asked: which kinds there are.
async fn discover(client: &Client) -> Result<Vec<Installed>, Error> {
    let found: Vec<String> = match within(client.list_api_group_resources(&format!("{GROUP}/{VERSION}"))).await {
        Ok(found) => found.resources.into_iter().map(|resource| resource.name).collect(),
        Err(Error::Kubernetes(kube::Error::Api(status))) if status.code == 404 => vec![],
        Err(error) => return Err(error),
    };
    let each = definitions().into_iter().map(|own| {
        let served = found.contains(&own.spec.names.plural);
        Installed { name: own.name_any(), stamp: None, judged: if served { Ok(SchemaAge::Same) } else { Err(MISSING) } }
    });
    Ok(each.collect())
}

fn conclude(wrong: &[String]) -> Result<(), Error> {
    match wrong {
        [] => Ok(()),
        wrong => Err(Error::State(format!("{}; {APPLY_CRDS}", wrong.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_is_judged() {
        type Change = fn(&mut CustomResourceDefinition);
        let stamp = |crd: &mut CustomResourceDefinition, stamp: &str| {
            crd.metadata.annotations.get_or_insert_default().insert(CRD_SCHEMA.into(), stamp.into());
        };
        let older: Change = |crd| crd.metadata.annotations = None;
        let unserved: Change = |crd| crd.spec.versions[0].served = false;
        let other: Change = |crd| crd.spec.versions[0].name = "v1".into();
        let own = definitions().into_iter().next().expect("a definition");
        assert_eq!(judge(Some(&own), &own), Ok(SchemaAge::Same));
        assert_eq!(judge(None, &own), Err("is missing"));
        for (change, part) in [(older, "older"), (unserved, "v1alpha1"), (other, "v1alpha1")] {
            let mut installed = own.clone();
            change(&mut installed);
            assert!(judge(Some(&installed), &own).is_err_and(|told| told.contains(part)), "{part}");
        }
        let mut newer = own.clone();
        stamp(&mut newer, "99.0.0/000000000000");
        assert_eq!(judge(Some(&newer), &own), Ok(SchemaAge::Newer), "served all the same");
        assert!(conclude(&["x is missing".into()]).is_err_and(|error| error.to_string().contains("kubectl apply --server-side")));
    }
}
