//! An HTTP server for roles: no Nagle, connections that end with the role, a handler that may hang
//! up, and the three addresses that every stand-in answers.

use std::{
    convert::Infallible,
    fmt,
    future::poll_fn,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::service::Service as _;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use prometheus_client::registry::Registry;
use rustix::net::sockopt::set_socket_send_buffer_size;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::Live;

/// An answer with this extension is not sent: the connection is closed instead.
#[derive(Debug, Clone, Copy)]
pub struct HangUp;

/// An answer with this extension is not sent: the connection is reset instead.
#[derive(Debug, Clone, Copy)]
pub struct Reset;

/// The error that makes hyper close a connection.
#[derive(Debug)]
struct HungUp;

impl fmt::Display for HungUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up")
    }
}

impl std::error::Error for HungUp {}

/// Serves `router` until `stop`. Connections that are open then are closed as they stand.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> io::Result<()> {
    serve_with(listener, router, None, stop).await
}

/// The same with send buffers of a size, in bytes, where one is given: a kernel that grows them would hide that
/// a reader is slow.
pub async fn serve_with(
    listener: TcpListener,
    router: Router,
    send_buffer: Option<usize>,
    stop: CancellationToken,
) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of descriptors, or the peer was gone before it was accepted: both pass.
                Err(error) => {
                    log::warn!("cannot accept a connection: {error}");
                    tokio::task::yield_now().await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
        };
        // The first token of a stream must not wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        if let Some(size) = send_buffer {
            let _ = set_socket_send_buffer_size(&stream, size);
        }
        connections.spawn(connection(stream, router.clone()));
    }
}

async fn connection(stream: tokio::net::TcpStream, router: Router) {
    let router = TowerToHyperService::new(router);
    let reset = Arc::new(AtomicBool::new(false));
    let service = hyper::service::service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let (answer, reset) = (router.call(request), Arc::clone(&reset));
        // Pinned, so that the socket can be had back from the connection.
        Box::pin(async move {
            let response: Result<Response, Infallible> = answer.await;
            let response = response.unwrap_or_else(|never| match never {});
            let is_reset = response.extensions().get::<Reset>().is_some();
            reset.store(is_reset, Ordering::Relaxed);
            let hangs_up = is_reset || response.extensions().get::<HangUp>().is_some();
            if hangs_up { Err(HungUp) } else { Ok(response) }
        })
    });
    let mut connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // An error here is a client that went away, or one that was hung up on.
    let _ = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let mut stream = connection.into_parts().io.into_inner();
    if reset.load(Ordering::Relaxed) {
        // Closing a socket that lingers for no time sends RST instead of FIN.
        let _ = stream.set_zero_linger();
    } else {
        let _ = stream.shutdown().await;
    }
}

/// What the common addresses need.
struct Common<T> {
    settings: Arc<Live<T>>,
    registry: Registry,
}

/// `/health`, `/metrics`, and `/admin/settings` to read (GET) and change (PATCH).
pub fn common<T>(settings: Arc<Live<T>>, registry: Registry) -> Router
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    Router::new()
        .route("/health", get(async || "ok\n"))
        .route("/metrics", get(metrics::<T>))
        .route("/admin/settings", get(settings_now::<T>).patch(change_settings::<T>))
        .with_state(Arc::new(Common { settings, registry }))
}

async fn metrics<T>(State(common): State<Arc<Common<T>>>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &common.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// The text format that prometheus-client writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

async fn settings_now<T: Serialize + DeserializeOwned>(State(common): State<Arc<Common<T>>>) -> Response {
    Json(&*common.settings.get()).into_response()
}

async fn change_settings<T: Serialize + DeserializeOwned>(
    State(common): State<Arc<Common<T>>>,
    Json(patch): Json<Value>,
) -> Response {
    match common.settings.patch(patch) {
        Ok(now) => Json(&*now).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({"error": error.to_string()}))).into_response(),
    }
}
