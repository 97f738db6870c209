//! Where the real parts are, and what every test needs of them once.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Client, ResourceExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use wharfinger::api::{AccountBinding, PrivateImageWorkload};

/// The real parts.
pub(super) struct Parts {
    /// Host and port of moto.
    pub(super) moto: String,
    /// A folder that goes with them.
    pub(super) state: PathBuf,
    /// A python that has botocore, and so AWS's service models.
    pub(super) python: PathBuf,
}

/// The parts, which somebody must have started.
pub(super) fn parts() -> &'static Parts {
    static PARTS: OnceLock<Parts> = OnceLock::new();
    PARTS.get_or_init(|| {
        let variable = |name: &str| {
            std::env::var(name).unwrap_or_else(|_| {
                panic!("{name} is not set: these tests need the real parts. Run `make test`, or `hack/parts/run -- cargo test`")
            })
        };
        variable("KUBECONFIG");
        let url = variable("AWS_ENDPOINT_URL");
        let moto = url.trim_end_matches('/').trim_start_matches("http://").to_owned();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default(); // fails only where it is installed already
        Parts { moto, state: variable("WHARFINGER_PARTS").into(), python: variable("WHARFINGER_MOTO_PYTHON").into() }
    })
}

/// A client of its own for each test: a client lives and dies with the runtime that it was made in.
pub(super) async fn kube() -> Client {
    parts();
    let client = Client::try_default().await.expect("a Kubernetes client from KUBECONFIG");
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    INSTALLED.get_or_init(|| install(client.clone())).await;
    client
}

/// The CRDs as users apply them, from `crds/`.
async fn install(client: Client) {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    for entry in std::fs::read_dir(&folder).expect("crds/ (make crds)") {
        let text = std::fs::read_to_string(entry.expect("an entry of crds/").path()).expect("a file of crds/");
        let crd: CustomResourceDefinition = serde_saphyr::from_str(&text).expect("a CustomResourceDefinition");
        let (name, params) = (crd.name_any(), PatchParams::apply("e2e").force());
        crds.patch(&name, &params, &Patch::Apply(&crd)).await.expect("the API server accepts the CRD");
        let established = await_condition(crds.clone(), &name, conditions::is_crd_established());
        timeout(Duration::from_secs(30), established).await.expect("the CRD is established within 30 s").expect("a watch");
    }
    // It says Established a moment before it serves the kind.
    let served = async {
        let (workloads, bindings) = (Api::<PrivateImageWorkload>::all(client.clone()), Api::<AccountBinding>::all(client));
        while workloads.list(&Default::default()).await.is_err() || bindings.list(&Default::default()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), served).await.expect("the kinds are served within 30 s");
}

/// A number that no other test has, nor a test of another run against the same parts.
pub(super) fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the time is after 1970").as_millis() as u64;
    (now % 10_000_000) * 10_000 + NEXT.fetch_add(1, Ordering::Relaxed)
}
