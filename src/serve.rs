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

/// Serves both ports until `stop` resolves. Returns the addresses that were bound (port 0 asks the system for one).
pub async fn serve(
    metrics_addr: SocketAddr,
    health_addr: SocketAddr,
    metrics: Arc<Metrics>,
    ready: Arc<Readiness>,
    stop: impl Future<Output = ()> + Clone + Send + 'static,
) -> std::io::Result<(SocketAddr, SocketAddr)> {
    let counted = metrics.clone();
    let text = move || {
        let metrics = metrics.clone();
        async move { ([("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.text()) }
    };
    let readiness = move || {
        let told = ready.told(if counted.is_leading() { "leading" } else { "standby" });
        async move { told.map_or_else(|missing| (StatusCode::SERVICE_UNAVAILABLE, missing), |text| (StatusCode::OK, text)) }
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
