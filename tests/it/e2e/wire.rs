//! The wire between one controller and the API server, which a test can cut: to that controller the API server is gone, while all
//! others go on. Bytes pass as they are, so TLS is from end to end.

use super::parts::parts;
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(super) struct Wire {
    /// A kubeconfig that leads through it.
    pub(super) kubeconfig: PathBuf,
    /// Whether it is whole.
    whole: watch::Sender<bool>,
}

impl Wire {
    /// `name` = of its kubeconfig.
    pub(super) async fn start(name: &str) -> Self {
        let usual = std::env::var("KUBECONFIG").expect("KUBECONFIG");
        let text = std::fs::read_to_string(usual).expect("the kubeconfig");
        let mut config: Value = serde_json::from_str(&text).expect("hack/parts/run writes JSON");
        let server = config["clusters"][0]["cluster"]["server"].as_str().expect("a server");
        let server = server.trim_start_matches("https://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port for the wire");
        let address = listener.local_addr().expect("the wire's address");
        config["clusters"][0]["cluster"]["server"] = json!(format!("https://{address}"));
        let kubeconfig = parts().state.join(format!("{name}.kubeconfig"));
        std::fs::write(&kubeconfig, config.to_string()).expect("a kubeconfig beside the parts");
        let whole = watch::Sender::new(true);
        let seen = whole.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, server.clone(), seen.subscribe()));
            }
        });
        Self { kubeconfig, whole }
    }

    /// Ends all connections and takes no more.
    pub(super) fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub(super) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn carry(mut here: TcpStream, server: String, mut whole: watch::Receiver<bool>) {
    if !*whole.borrow_and_update() {
        return;
    }
    let Ok(mut there) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
        _ = whole.changed() => {}
    }
}
