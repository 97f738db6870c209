//! The controller's two HTTP ports: metrics, and health for probes.

use crate::metrics::Metrics;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;

/// Whether the watches are synced.
pub type Ready = Arc<AtomicBool>;

/// Whether this process leads.
pub type Leads = Arc<dyn Fn() -> bool + Send + Sync>;

/// Serves both ports until `stop` resolves. Returns the addresses that were bound (port 0 asks the system for one).
pub async fn serve(
    metrics_addr: SocketAddr,
    health_addr: SocketAddr,
    metrics: Arc<Metrics>,
    ready: Ready,
    leads: Leads,
    stop: impl Future<Output = ()> + Clone + Send + 'static,
) -> std::io::Result<(SocketAddr, SocketAddr)> {
    let text = move || {
        let metrics = metrics.clone();
        async move { ([("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.text()) }
    };
    let readiness = move || {
        let (synced, role) = (ready.load(Ordering::Relaxed), if leads() { "leading" } else { "standby" });
        async move { if synced { (StatusCode::OK, role) } else { (StatusCode::SERVICE_UNAVAILABLE, "watches are not synced yet") } }
    };
    let metrics = TcpListener::bind(metrics_addr).await?;
    let health = TcpListener::bind(health_addr).await?;
    let bound = (metrics.local_addr()?, health.local_addr()?);
    let probes = Router::new().route("/healthz", get(async || "ok")).route("/readyz", get(readiness));
    tokio::spawn(
        axum::serve(metrics, Router::new().route("/metrics", get(text))).with_graceful_shutdown(stop.clone()).into_future(),
    );
    tokio::spawn(axum::serve(health, probes).with_graceful_shutdown(stop).into_future());
    Ok(bound)
}
