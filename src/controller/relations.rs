//! Which objects a changed object concerns, and which changes concern anybody.

pub(super) mod networks;

use super::binding::Tenant;
use crate::api::{
    ABANDON, AccountBinding, FLUX_REQUESTED_AT, FORCE_DELETE, PrivateImageWorkload, PullNetwork, REQUESTED_AT, RegistryCredential,
};
use crate::status::{READY, find, names_credential};
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Resource, ResourceExt};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// What a pass is asked for by: generation, deletion, the annotations that ask. Not the status, which passes write themselves.
pub(super) fn request(object: &impl ResourceExt) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    let metadata = object.meta();
    (object.uid(), metadata.generation, metadata.deletion_timestamp.is_some()).hash(&mut hasher);
    [REQUESTED_AT, FLUX_REQUESTED_AT, ABANDON, FORCE_DELETE].map(|key| object.annotations().get(key)).hash(&mut hasher);
    Some(hasher.finish())
}

/// Whether an object is there, and what it is: its end, too, which changes nothing else but its last finalizer.
pub(super) fn presence(object: &impl ResourceExt) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    (request(object), object.finalizers().is_empty()).hash(&mut hasher);
    Some(hasher.finish())
}

/// What is known of each credential, by uid, so that a change concerns only those to whom it matters.
#[derive(Default)]
pub(super) struct Offers(Mutex<HashMap<String, (u64, Option<String>)>>);

/// How many that are deleted may be known besides.
const SPARE: usize = 100;

impl Offers {
    /// The workloads that a change of a credential concerns: all that name it where its spec or its secret is another one; where only
    /// the value is new, those that are not Ready, for that may be what they wait for. The others are not touched by a value.
    pub(super) fn concern(
        &self,
        all: &Store<PrivateImageWorkload>,
        credentials: &Store<RegistryCredential>,
        credential: &RegistryCredential,
    ) -> Vec<ObjectRef<PrivateImageWorkload>> {
        let version = credential.status.as_ref().and_then(|status| status.secret.as_ref()?.version_id.clone());
        let now = (offer(credential), version);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Of what is deleted there is no last word, so it is forgotten in bulk.
        if known.len() > 2 * credentials.len() + SPARE {
            let there: HashSet<String> = credentials.state().iter().filter_map(|it| it.uid()).collect();
            known.retain(|uid, _| there.contains(uid));
        }
        let before = known.insert(credential.uid().unwrap_or_default(), now.clone());
        let same_offer = before.as_ref().is_some_and(|before| before.0 == now.0);
        if before.as_ref() == Some(&now) {
            return vec![];
        }
        select(all, |workload| names_credential(workload, credential) && !(same_offer && is_ready(workload)))
    }
}

fn is_ready(workload: &PrivateImageWorkload) -> bool {
    let ready = workload.status.as_ref().and_then(|status| find(status, READY));
    ready.is_some_and(|ready| ready.status == "True")
}

/// What its users go by: its spec, and the secret that its status names.
fn offer(credential: &RegistryCredential) -> u64 {
    let mut hasher = DefaultHasher::new();
    let status = credential.status.clone().unwrap_or_default();
    let secret = status.secret.as_ref().map(|secret| (&secret.arn, &secret.kms_key_arn));
    let copies: Vec<_> = status.replicas.iter().map(|copy| (&copy.region, &copy.state, &copy.kms_key_arn)).collect();
    (credential.metadata.generation, credential.metadata.deletion_timestamp.is_some()).hash(&mut hasher);
    let place = status.target.as_ref().map(|place| (&place.binding, &place.account_id, &place.region));
    (secret, copies, place).hash(&mut hasher);
    hasher.finish()
}

fn select<K>(all: &Store<K>, wanted: impl Fn(&K) -> bool) -> Vec<ObjectRef<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    all.state().iter().filter(|object| wanted(object)).map(|object| ObjectRef::from_obj(&**object)).collect()
}

/// The workloads that may act through a binding.
pub(super) fn of_binding(all: &Store<PrivateImageWorkload>, binding: &AccountBinding) -> Vec<ObjectRef<PrivateImageWorkload>> {
    let name = binding.name_any();
    select(all, |workload| workload.spec.binding_ref.as_ref().is_none_or(|reference| reference.name == name))
}

/// The credentials that may act through a binding.
pub(super) fn credentials_of_binding(
    all: &Store<RegistryCredential>,
    binding: &AccountBinding,
) -> Vec<ObjectRef<RegistryCredential>> {
    let name = binding.name_any();
    select(all, |credential| credential.spec.binding_ref.as_ref().is_none_or(|reference| reference.name == name))
}

/// The workloads that name a Secret.
pub(super) fn of_secret(
    all: &Store<PrivateImageWorkload>,
    secret: &PartialObjectMeta<Secret>,
) -> Vec<ObjectRef<PrivateImageWorkload>> {
    let (name, namespace) = (secret.name_any(), secret.namespace());
    select(all, |workload| {
        let mut sources = workload.spec.credentials.iter().filter_map(|credential| credential.secret_ref.as_ref());
        workload.namespace() == namespace && sources.any(|reference| reference.name == name)
    })
}

/// The credentials that name a Secret.
pub(super) fn credentials_of_secret(
    all: &Store<RegistryCredential>,
    secret: &PartialObjectMeta<Secret>,
) -> Vec<ObjectRef<RegistryCredential>> {
    let (name, namespace) = (secret.name_any(), secret.namespace());
    select(all, |credential| {
        credential.namespace() == namespace && credential.spec.secret_ref.as_ref().is_some_and(|it| it.name == name)
    })
}

/// Those whose deletion may wait for some workload.
pub(super) fn waiting<K>(all: &Store<K>) -> Vec<ObjectRef<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    select(all, |it| it.meta().deletion_timestamp.is_some())
}

/// The networks that act through a binding.
pub(super) fn networks_of_binding(all: &Store<PullNetwork>, binding: &AccountBinding) -> Vec<ObjectRef<PullNetwork>> {
    select(all, |network| network.spec.binding_ref.name == binding.name_any())
}

/// The other networks of the same VPC: when one goes, another may have it.
pub(super) fn networks_of_vpc(all: &Store<PullNetwork>, network: &PullNetwork) -> Vec<ObjectRef<PullNetwork>> {
    select(all, |other| other.spec.vpc_id == network.spec.vpc_id && other.uid() != network.uid())
}

/// The binding that counts this object as a user.
pub(super) fn bindings_of(all: &Store<AccountBinding>, tenant: &impl Tenant) -> Vec<ObjectRef<AccountBinding>> {
    select(all, |binding| tenant.binding() == Some(&binding.name_any()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::runtime::reflector::store;
    use kube::runtime::watcher::Event;

    fn credential(number: usize) -> RegistryCredential {
        let spec = serde_json::from_value(serde_json::json!({"registry": "quay.io"})).unwrap();
        let mut credential = RegistryCredential::new(&format!("pull-{number}"), spec);
        credential.metadata.namespace = Some("payments".into());
        credential.metadata.uid = Some(number.to_string());
        credential
    }

    #[test]
    fn what_is_deleted_is_forgotten() {
        let (workloads, _writer) = store::<PrivateImageWorkload>();
        let (credentials, mut writer) = store::<RegistryCredential>();
        let offers = Offers::default();
        let last = 10 * SPARE;
        for number in 0..=last {
            let credential = credential(number);
            writer.apply_watcher_event(&Event::Apply(credential.clone()));
            offers.concern(&workloads, &credentials, &credential);
            if number > 0 && number < last {
                writer.apply_watcher_event(&Event::Delete(credential.clone()));
                offers.concern(&workloads, &credentials, &credential);
            }
        }
        let known = offers.0.lock().unwrap();
        assert!(known.len() <= SPARE + 6, "{} are known", known.len());
        assert!(known.contains_key("0") && known.contains_key(&last.to_string()), "what is there is known");
    }
}
