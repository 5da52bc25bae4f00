//! The instance's front: accepts connections, reads requests, hands each to a worker.
//!
//! It is the request that is handed over, not the connection: the gateway keeps its connections
//! alive, and workers that owned connections would keep the load of the past. A request goes to the
//! worker with the fewest in hand, equals in turn. When even that one's backlog is full, the
//! connection is reset, as a kernel does with a full accept queue.
//!
//! Health, metrics, settings and the progress of ingestion are answered here, so they can be read while all workers are busy.

use std::{
    fmt,
    future::poll_fn,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustix::net::sockopt::set_socket_send_buffer_size;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    Instance,
    error::ServiceError,
    ingest,
    readiness::Readiness,
    worker::{COME_AGAIN, Work, WorkerHandle, error_response},
};
use crate::{
    gateway::{PRIMARY, READ_FROM},
    metrics::CONTENT_TYPE,
};

/// Longest request body, in bytes: a query or a list of ids.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Longest query, in bytes.
const QUERY_BYTES_MAX: usize = 2_000;
/// Longest title of a document, in bytes.
const TITLE_BYTES_MAX: usize = 500;
/// Most documents in one batch.
const BATCH_MAX: usize = 100;

/// The front of an instance.
pub(super) struct Front {
    instance: Arc<Instance>,
    workers: Vec<WorkerHandle>,
    readiness: Readiness,
    /// Where the search for the least loaded worker begins.
    turn: AtomicUsize,
}

/// Makes hyper drop the connection.
#[derive(Debug)]
struct Reset;

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("every backlog is full")
    }
}

impl std::error::Error for Reset {}

/// Cancelled to reset the connection that a request came on.
#[derive(Debug, Clone)]
struct Cut(CancellationToken);

#[derive(Deserialize)]
struct SearchRequest {
    query: String,
    #[serde(default)]
    stream: Option<bool>,
}

#[derive(Deserialize)]
struct CreateRequest {
    title: String,
    #[serde(default)]
    topic: String,
    #[serde(default)]
    body: String,
}

#[derive(Deserialize)]
struct BatchRequest {
    ids: Vec<i64>,
}

#[derive(Deserialize)]
struct IngestRequest {
    documents: usize,
    #[serde(default)]
    inserts: Option<Inserts>,
}

#[derive(Deserialize)]
struct Inserts {
    min: usize,
    max: usize,
}

impl Front {
    /// A front before `workers`.
    pub(super) fn new(instance: Arc<Instance>, workers: Vec<WorkerHandle>, readiness: Readiness) -> Self {
        Self { instance, workers, readiness, turn: AtomicUsize::new(0) }
    }

    /// Serves until `stop`. Connections that are open then are closed as they stand.
    pub(super) async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(Arc::clone(&self).connection(stream));
                    }
                    // Out of descriptors, or the peer was gone before it was accepted: both pass.
                    Err(error) => {
                        log::warn!("cannot accept a connection: {error}");
                        tokio::task::yield_now().await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) {
        // The first token of a stream must not wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        if let Some(size) = self.instance.profile.streams.socket {
            // A kernel that grows the buffer would hide from the instance that its reader is slow.
            let _ = set_socket_send_buffer_size(&stream, size.bytes() as usize);
        }
        let reset = Arc::new(AtomicBool::new(false));
        let cut = CancellationToken::new();
        let service = service_fn(|mut request: Request<Incoming>| {
            let (front, reset) = (Arc::clone(&self), Arc::clone(&reset));
            request.extensions_mut().insert(Cut(cut.clone()));
            Box::pin(async move {
                let answer = front.answer(request).await;
                reset.store(answer.is_err(), Ordering::Relaxed);
                answer
            })
        });
        let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // An error here is a client that went away, or one whose connection is to be reset.
        tokio::select! {
            _ = poll_fn(|context| connection.poll_without_shutdown(context)) => {}
            () = cut.cancelled() => {}
        }
        if reset.load(Ordering::Relaxed) || cut.is_cancelled() {
            // Closing a socket that lingers for no time sends RST instead of FIN.
            let _ = connection.into_parts().io.into_inner().set_zero_linger();
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response, Reset> {
        let path = request.uri().path().to_owned();
        let work = match (request.method(), path.as_str()) {
            (&Method::GET, "/health") => return Ok("ok\n".into_response()),
            (&Method::GET, "/ready") => return Ok(self.readiness.answer().await),
            (&Method::GET, "/metrics") => {
                return Ok(
                    ([(header::CONTENT_TYPE, CONTENT_TYPE)], self.instance.metrics.text()).into_response()
                );
            }
            (&Method::GET, "/api/health/circuit-breaker") => return Ok(self.breaker()),
            (&Method::GET, "/admin/settings") => return Ok(self.instance.deployments.settings()),
            (&Method::PATCH, "/admin/settings") => return Ok(self.deploy(request).await),
            (&Method::GET, path) if path.starts_with("/ingest/") => {
                let progress = self.instance.ingest.progress(path.trim_start_matches("/ingest/"));
                return Ok(progress.unwrap_or_else(|error| error_response(&error)));
            }
            _ if self.instance.is_shedding() => Err(ServiceError::NoPlace { retry_after: COME_AGAIN }),
            (&Method::POST, "/ingest") => ingest_work(request).await,
            (&Method::POST, "/search") => search_work(request).await,
            (&Method::POST, "/api/content") => create_work(request).await,
            (&Method::POST, "/api/content/batch") => batch_work(request).await,
            (&Method::GET, path) if path.starts_with("/api/content/") => {
                content_work(path, wants_fresh(request.headers()))
            }
            _ => Err(ServiceError::NotFound { what: format!("{} {path}", request.method()) }),
        };
        match work {
            Ok(work) => self.dispatch(work).await,
            Err(error) => Ok(error_response(&error)),
        }
    }

    async fn dispatch(&self, work: Work) -> Result<Response, Reset> {
        let Ok(answer) = self.least_loaded().submit(work) else {
            self.instance.metrics.resets.inc();
            return Err(Reset);
        };
        Ok(answer.await.unwrap_or_else(|_| error_response(&ServiceError::Lost)))
    }

    fn least_loaded(&self) -> &WorkerHandle {
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % self.workers.len();
        let (before, after) = self.workers.split_at(first);
        let in_turn = after.iter().chain(before);
        in_turn.min_by_key(|worker| worker.load()).expect("an instance has workers")
    }

    async fn deploy(&self, request: Request<Incoming>) -> Response {
        match read(request).await {
            Ok(patch) => self.instance.deployments.deploy(patch),
            Err(error) => error_response(&error),
        }
    }

    fn breaker(&self) -> Response {
        let status = self.instance.breaker.status();
        Json(json!({
            "state": status.state.name(),
            "failures": status.failures,
            "retry_after_s": status.rejects_for.as_secs_f64(),
            "in_flight": status.in_flight,
            "queued": status.queued,
        }))
        .into_response()
    }
}

async fn search_work(request: Request<Incoming>) -> Result<Work, ServiceError> {
    let json_only = wants_json(request.headers());
    let Cut(cut) = request.extensions().get::<Cut>().cloned().expect("every request of a connection has it");
    let SearchRequest { query, stream } = read(request).await?;
    let query = query.trim().to_owned();
    if query.is_empty() || query.len() > QUERY_BYTES_MAX {
        let reason = format!("`query` has between 1 and {QUERY_BYTES_MAX} bytes");
        return Err(ServiceError::BadRequest { reason });
    }
    Ok(Work::Search { query, stream: stream.unwrap_or(true) && !json_only, cut })
}

async fn ingest_work(request: Request<Incoming>) -> Result<Work, ServiceError> {
    let IngestRequest { documents, inserts } = read(request).await?;
    let inserts = inserts.map(|Inserts { min, max }| (min, max));
    let bad = |reason: String| Err(ServiceError::BadRequest { reason });
    match inserts {
        _ if !(1..=ingest::DOCUMENTS_MAX).contains(&documents) => {
            bad(format!("`documents` is between 1 and {}", ingest::DOCUMENTS_MAX))
        }
        Some((min, max)) if min < 1 || min > max || max > ingest::INSERTS_MAX => {
            bad(format!("`inserts` has `min` and `max`, rising from 1 to {}", ingest::INSERTS_MAX))
        }
        inserts => Ok(Work::Ingest { order: ingest::Order { documents, inserts } }),
    }
}

async fn create_work(request: Request<Incoming>) -> Result<Work, ServiceError> {
    let CreateRequest { title, topic, body } = read(request).await?;
    if title.trim().is_empty() || title.len() > TITLE_BYTES_MAX {
        let reason = format!("`title` has between 1 and {TITLE_BYTES_MAX} bytes");
        return Err(ServiceError::BadRequest { reason });
    }
    Ok(Work::Create { title, topic, body })
}

async fn batch_work(request: Request<Incoming>) -> Result<Work, ServiceError> {
    let fresh = wants_fresh(request.headers());
    let BatchRequest { ids } = read(request).await?;
    if ids.is_empty() || ids.len() > BATCH_MAX {
        return Err(ServiceError::BadRequest {
            reason: format!("`ids` holds between 1 and {BATCH_MAX} ids"),
        });
    }
    Ok(Work::Batch { ids, fresh })
}

fn content_work(path: &str, fresh: bool) -> Result<Work, ServiceError> {
    let id = path.trim_start_matches("/api/content/");
    let id = id.parse().map_err(|_| ServiceError::NotFound { what: format!("document `{id}`") })?;
    Ok(Work::Content { id, fresh })
}

/// Whether the gateway says that the caller has just written.
fn wants_fresh(headers: &HeaderMap) -> bool {
    headers.get(READ_FROM).is_some_and(|place| place == PRIMARY)
}

/// Whether the caller takes JSON and does not ask for events.
fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/event-stream")
}

/// A request's body as JSON.
async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, ServiceError> {
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await;
    let bytes: Bytes =
        body.map_err(|error| ServiceError::BadRequest { reason: error.to_string() })?.to_bytes();
    serde_json::from_slice(&bytes).map_err(|error| ServiceError::BadRequest { reason: error.to_string() })
}
