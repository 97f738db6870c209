//! The controller's two HTTP ports: metrics, and health for probes.

use crate::controller::Readiness;
use crate::metrics::Metrics;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Serves both ports until `stop` resolves. Returns the addresses that were bound (port 0 asks the system for one), or the one that
/// cannot be.
pub async fn serve(
    metrics_addr: SocketAddr,
    health_addr: SocketAddr,
    metrics: Arc<Metrics>,
    ready: Arc<Readiness>,
    stop: impl Future<Output = ()> + Clone + Send + 'static,
) -> Result<(SocketAddr, SocketAddr), (SocketAddr, std::io::Error)> {
    let counted = metrics.clone();
    let text = move || {
        let metrics = metrics.clone();
        async move { ([("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.text()) }
    };
    let readiness = move || {
        let told = ready.told(if counted.is_leading() { "leading" } else { "standby" });
        async move { told.map_or_else(|missing| (StatusCode::SERVICE_UNAVAILABLE, missing), |text| (StatusCode::OK, text)) }
    };
    let (metrics, metrics_addr) = listen(metrics_addr).await.map_err(|error| (metrics_addr, error))?;
    let (health, health_addr) = listen(health_addr).await.map_err(|error| (health_addr, error))?;
    let probes = Router::new().route("/healthz", get(async || "ok")).route("/readyz", get(readiness));
    tokio::spawn(
        axum::serve(metrics, Router::new().route("/metrics", get(text))).with_graceful_shutdown(stop.clone()).into_future(),
    );
    tokio::spawn(axum::serve(health, probes).with_graceful_shutdown(stop).into_future());
    Ok((metrics_addr, health_addr))
}

async fn listen(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_is_taken_is_named() {
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        let (_held, taken) = listen(any).await.expect("a port");
        for (metrics, health) in [(taken, any), (any, taken)] {
            let (metrics_of, ready) = (Arc::new(Metrics::default()), Arc::new(Readiness::default()));
            let error = serve(metrics, health, metrics_of, ready, std::future::ready(())).await.expect_err("it is taken");
            assert_eq!((error.0, error.1.kind()), (taken, std::io::ErrorKind::AddrInUse));
        }
    }
}
