//! A worker: a thread with an event loop, a queue, admission slots and an L1 of its own.
//!
//! ```text
//!   front --Job--> backlog --slot--> search ... --> answer --reply--> front
//!                     content: no slot
//! ```
//!
//! A slot is held up to the generated answer; delivering it takes none.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use axum::{
    Json,
    body::Body,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, header};
use loadlab_clock::Sleeper;
use prometheus_client::metrics::gauge::Gauge;
use serde_json::json;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    Instance, content_api,
    delivery::{Delivery, Outbox, events},
    error::ServiceError,
    metrics::{SearchLabel, WorkerLabel},
    search::Searcher,
};
use crate::{metrics::Counted, profile::OnDisconnect};

/// What a worker is asked to do.
#[derive(Debug)]
pub(super) enum Work {
    /// `POST /search`.
    Search {
        /// The query.
        query: String,
        /// Whether the answer is a stream of events; else it is JSON.
        stream: bool,
    },
    /// `GET /api/content/{id}`.
    Content {
        /// The document.
        id: i64,
    },
    /// `POST /api/content/batch`.
    Batch {
        /// The documents.
        ids: Vec<i64>,
    },
}

/// One request in a worker's backlog.
#[derive(Debug)]
struct Job {
    work: Work,
    arrived: Instant,
    /// One in the backlog while it lives.
    queued: Counted,
    reply: oneshot::Sender<Response>,
}

/// A worker as the front sees it.
#[derive(Debug)]
pub(super) struct WorkerHandle {
    jobs: mpsc::UnboundedSender<Job>,
    queue_depth: Gauge,
    in_flight: Gauge,
    backlog: usize,
}

/// The backlog is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BacklogFull;

impl WorkerHandle {
    /// Requests that wait here or are worked on.
    pub(super) fn load(&self) -> i64 {
        self.queue_depth.get() + self.in_flight.get()
    }

    /// Puts a request into the backlog. Dropping the receiver says that the client is gone.
    pub(super) fn submit(&self, work: Work) -> Result<oneshot::Receiver<Response>, BacklogFull> {
        if self.queue_depth.get() >= self.backlog as i64 {
            return Err(BacklogFull);
        }
        let (reply, answer) = oneshot::channel();
        let queued = Counted::one_more(&self.queue_depth);
        // A worker that has ended drops the job, and the receiver hears of it.
        let _ = self.jobs.send(Job { work, arrived: Instant::now(), queued, reply });
        Ok(answer)
    }
}

/// Starts a worker's thread. `connect` makes what it searches with, on its own event loop.
pub(super) fn start<E: Send + 'static>(
    number: usize,
    instance: &Arc<Instance>,
    stop: CancellationToken,
    connect: impl FnOnce() -> Result<Searcher, E> + Send + 'static,
) -> (WorkerHandle, oneshot::Receiver<Result<Searcher, E>>) {
    let label = WorkerLabel { worker: number };
    let (jobs, backlog) = mpsc::unbounded_channel();
    let in_flight = instance.metrics.in_flight.get_or_create_owned(&label);
    let handle = WorkerHandle {
        jobs,
        queue_depth: instance.metrics.queue_depth.get_or_create_owned(&label),
        in_flight: in_flight.clone(),
        backlog: instance.profile.workers.backlog,
    };
    let (started, ready) = oneshot::channel();
    let slots = Arc::new(Semaphore::new(instance.profile.workers.slots));
    thread::Builder::new()
        .name(format!("worker-{number}"))
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("an event loop can be made where others were");
            runtime.block_on(async move {
                let searcher = match connect() {
                    Ok(searcher) => searcher,
                    Err(error) => return drop(started.send(Err(error))),
                };
                let _ = started.send(Ok(searcher.clone()));
                let worker = Worker { searcher, slots, in_flight };
                tokio::select! {
                    () = worker.work(backlog) => {}
                    () = stop.cancelled() => {}
                }
            });
        })
        .expect("a thread can be started");
    (handle, ready)
}

#[derive(Clone)]
struct Worker {
    searcher: Searcher,
    slots: Arc<Semaphore>,
    in_flight: Gauge,
}

impl Worker {
    async fn work(&self, mut backlog: mpsc::UnboundedReceiver<Job>) {
        while let Some(job) = backlog.recv().await {
            let worker = self.clone();
            tokio::spawn(async move { worker.answer(job).await });
        }
    }

    async fn answer(self, job: Job) {
        let Job { work, arrived, queued, mut reply } = job;
        let answer = async {
            match work {
                Work::Search { query, stream } => self.search(query, stream, arrived, queued).await,
                Work::Content { id } => {
                    drop(queued);
                    content_api::one(&self.searcher.instance, id).await
                }
                Work::Batch { ids } => {
                    drop(queued);
                    content_api::batch(&self.searcher.instance, &ids).await
                }
            }
        };
        tokio::select! {
            answer = answer => {
                let _ = reply.send(answer.unwrap_or_else(|error| error_response(&error)));
            }
            () = reply.closed() => {}
        }
    }

    /// Starts the search and waits for what its client gets first. The search itself is a task of
    /// its own: it may outlive its client.
    async fn search(
        &self,
        query: String,
        stream: bool,
        arrived: Instant,
        queued: Counted,
    ) -> Result<Response, ServiceError> {
        let instance = &self.searcher.instance;
        let outbox = Arc::new(Outbox::default());
        let reader = outbox.reader();
        tokio::spawn(self.clone().run(query, Arc::clone(&outbox), arrived, queued));
        let http = instance.profile.timeouts.http;
        let deadline = arrived + instance.speed.real(http);
        let too_slow = |_| ServiceError::TooSlow { after: http };
        if !stream {
            let answer = Sleeper::shared().timeout(deadline, outbox.whole()).await.map_err(too_slow)??;
            return Ok(Json(answer).into_response());
        }
        Sleeper::shared().timeout(deadline, outbox.head()).await.map_err(too_slow)??;
        let delivery = Delivery {
            gap: Duration::from_secs_f64(1.0 / instance.profile.search.events_per_second),
            deadline: Instant::now() + instance.speed.real(instance.profile.timeouts.stream),
            open: Counted::one_more(&instance.metrics.streams),
            reader,
        };
        let mut response = Response::new(Body::from_stream(events(outbox, delivery)));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(response)
    }

    /// The search with its slot.
    async fn run(self, query: String, outbox: Arc<Outbox>, arrived: Instant, queued: Counted) {
        let instance = &self.searcher.instance;
        let search = async {
            let _slot = self.slots.acquire().await.expect("the slots are never closed");
            drop(queued);
            let _in_flight = Counted::one_more(&self.in_flight);
            let waited = instance.speed.scenario(arrived.elapsed());
            instance.metrics.queue_wait.observe(waited.as_secs_f64());
            self.searcher.search(&query, &outbox).await;
        };
        match instance.profile.search.on_disconnect {
            OnDisconnect::Finish => search.await,
            OnDisconnect::Cancel => tokio::select! {
                () = search => {}
                () = outbox.gone().cancelled() => {
                    let label = SearchLabel { mode: "none", result: "cancelled" };
                    instance.metrics.searches.get_or_create(&label).inc();
                }
            },
        }
    }
}

/// What a caller gets instead of an answer.
pub(super) fn error_response(error: &ServiceError) -> Response {
    (error.status(), Json(json!({"error": error.outside()}))).into_response()
}
