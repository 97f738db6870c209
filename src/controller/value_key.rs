//! The key of the value fingerprint: made once, kept in a Secret beside the controller. Losing it costs one write a secret.

use super::objects::write;
use super::{Error, within};
use crate::leader::WritePermit;
use crate::resource::fingerprint::ValueKey;
use crate::resource::sealed::Sealed;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Name of the Secret.
pub(super) const NAME: &str = "wharfinger-value-key";
const FIELD: &str = "key";

/// Reads the key, or makes it if there is none.
pub(super) async fn load(permit: &WritePermit, client: &Client, namespace: &str) -> Result<ValueKey, Error> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    if let Some(found) = within(secrets.get_opt(NAME)).await? {
        return parse(&found, namespace);
    }
    let made = Secret {
        metadata: ObjectMeta { name: Some(NAME.into()), ..ObjectMeta::default() },
        string_data: Some(BTreeMap::from([(FIELD.to_owned(), random_key())])),
        ..Secret::default()
    };
    match write(permit, secrets.create(&PostParams::default(), &made)).await {
        Ok(made) => {
            tracing::info!(namespace, secret = NAME, "made the key of the value fingerprint");
            parse(&made, namespace)
        }
        Err(Error::Kubernetes(kube::Error::Api(status))) if status.is_already_exists() => {
            parse(&within(secrets.get(NAME)).await?, namespace)
        }
        Err(error) => Err(error),
    }
}

/// Reads the key; without one a key of the moment, with which every value looks changed.
pub(crate) async fn load_existing(client: &Client, namespace: Option<&str>) -> Result<ValueKey, Error> {
    let namespace = namespace.unwrap_or_else(|| client.default_namespace()).to_owned();
    match within(Api::<Secret>::namespaced(client.clone(), &namespace).get_opt(NAME)).await? {
        Some(found) => parse(&found, &namespace),
        None => Err(Error::State(format!(
            "Secret {namespace}/{NAME} does not exist: name the controller's namespace with --state-namespace"
        ))),
    }
}

/// 256 bits from the system's generator, in hexadecimal.
pub(crate) fn random_key() -> String {
    rand::random::<[u8; 32]>().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
        text
    })
}

fn parse(secret: &Secret, namespace: &str) -> Result<ValueKey, Error> {
    let at = format!("Secret {namespace}/{NAME}, key {FIELD:?}");
    let bytes = secret
        .data
        .as_ref()
        .and_then(|data| data.get(FIELD))
        .ok_or_else(|| Error::State(format!("{at} is missing; delete the Secret to have it made anew")))?;
    let text = String::from_utf8(bytes.0.clone())
        .map_err(|_| Error::State(format!("{at} is not text; delete the Secret to have it made anew")))?;
    ValueKey::new(Sealed::new(text)).map_err(|error| Error::State(format!("{at}: {error}")))
}
