//! Registries, asked whether a login pulls an image. Everything here is spoken with strangers: a tenant chooses the host, and the
//! host chooses where its tokens come from.
//!
//! One request is one connection, made here from the address up to HTTP. So there is nothing to forbid: no redirect is followed,
//! no proxy of the environment used, no name resolved twice, nothing decompressed, no cookie kept. (The clients made for registries
//! send the login to whatever host a challenge names before anybody can look at it.)

mod address;
mod proof;
mod token;
mod wire;

pub use wire::Resolver;

use crate::api::{ImageFailure, ImageFailureClass, ImageStatus};
use crate::aws::{Reader, secrets_manager};
use crate::observed::{Observed, Snapshot};
use crate::resource::login::Login;
use crate::resource::sealed::Sealed;
use crate::resource::verification::{ImageRead, LoginSource, Proof, failed};
use futures::future::join_all;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsConnector;

/// Longest wait for all that one image takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// How registries are reached.
#[derive(Clone)]
pub struct Registries {
    tls: TlsConnector,
    resolver: Resolver,
    patience: Duration,
}

impl Registries {
    /// Trusts what the system trusts, and the certificates in this PEM file as well. The error says what is wrong with the file.
    pub fn load(ca: Option<&Path>) -> Result<Self, String> {
        let mut roots = rustls::RootCertStore::empty();
        // What cannot be read is not trusted; a registry that needs it says so by its failure.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = ca {
            let told = |error: &dyn std::fmt::Display| format!("cannot read certificates from {}: {error}", file.display());
            let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
            let found = found.map_err(|error| told(&error))?;
            if found.is_empty() {
                return Err(told(&"there are none"));
            }
            for certificate in found {
                roots.add(certificate).map_err(|error| told(&error))?;
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), resolver: wire::system(), patience: PATIENCE })
    }

    /// The same with another way to resolve names and another patience.
    pub fn with(self, resolver: Resolver, patience: Duration) -> Self {
        Self { resolver, patience, ..self }
    }

    /// Answers for all images, at the same time. One that is at hand is not fetched.
    pub async fn look(&self, reader: &Reader, images: &[ImageRead], observed: &Observed) -> Vec<ImageStatus> {
        join_all(images.iter().map(|read| self.answer(reader, read, observed))).await
    }

    async fn answer(&self, reader: &Reader, read: &ImageRead, observed: &Observed) -> ImageStatus {
        let version_id = match &read.login {
            LoginSource::Given { version_id, .. } => Some(version_id.as_str()),
            LoginSource::Stored { .. } => {
                observed.secrets.get(&read.secret).and_then(Snapshot::present).and_then(|it| it.current())
            }
        };
        if let Some(status) = read.at_hand(version_id, Timestamp::now()) {
            return status.clone();
        }
        let answer = match value(reader, read).await.map(|value| Login::of_value(&value)) {
            Ok(Ok(login)) => self.prove(read, &login).await,
            Ok(Err(fault)) => {
                let message =
                    format!("the secret's value {fault}, so ECS cannot use it; it must be {{\"username\": …, \"password\": …}}");
                Err(failed(ImageFailureClass::WrongCredential, message))
            }
            Err(failure) => Err(failure),
        };
        match &answer {
            Ok(proof) => tracing::debug!(image = read.image.written(), digest = proof.digest, "verified"),
            Err(failure) => {
                tracing::info!(image = read.image.written(), class = ?failure.class, "not verified: {}", failure.message)
            }
        }
        read.answered(version_id, Timestamp::now(), answer)
    }

    /// Asks the image's registry for it with a login.
    pub async fn prove(&self, read: &ImageRead, login: &Login) -> Result<Proof, ImageFailure> {
        match tokio::time::timeout(self.patience, proof::prove(self, read, login)).await {
            Ok(answer) => answer,
            Err(_) => {
                let message = format!("{} gave no whole answer in {} s", read.image.registry(), self.patience.as_secs_f64());
                Err(failed(ImageFailureClass::Unreachable, message))
            }
        }
    }
}

/// The value of the secret: at hand, or read where a proof is demanded.
async fn value(reader: &Reader, read: &ImageRead) -> Result<Sealed, ImageFailure> {
    let not_verified = |message: &str| failed(ImageFailureClass::NotVerified, message);
    match &read.login {
        LoginSource::Given { value, .. } => Ok(value.clone()),
        LoginSource::Stored { .. } if !read.enforce => {
            Err(not_verified("the secret's value is not known here; it is read with verify: Enforce only"))
        }
        LoginSource::Stored { arn: None } => Err(not_verified("the secret was not found, or may not be used")),
        LoginSource::Stored { arn: Some(arn) } => {
            let value = secrets_manager::value(&reader.near(arn), arn).await;
            let value = value.map_err(|failure| not_verified(&failure.to_string()))?;
            value.ok_or_else(|| {
                failed(ImageFailureClass::WrongCredential, "the secret has no text for a value, so ECS cannot use it")
            })
        }
    }
}
