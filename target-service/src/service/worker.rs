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
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Instance, content_api,
    delivery::{Delivery, Outbox, events, held},
    error::ServiceError,
    ingest,
    memory::Resident,
    metrics::{SearchLabel, WorkerLabel},
    search::Searcher,
    stream_buffer::{Buffering, buffered},
};
use crate::{metrics::Counted, profile::OnDisconnect};

/// When a stream that was refused may come again: a stream takes 5 to 10 s on a slow network
/// (stress-test report, scenario 3).
pub(super) const COME_AGAIN: Duration = Duration::from_secs(5);

/// What a worker is asked to do.
#[derive(Debug)]
pub(super) enum Work {
    /// `POST /search`.
    Search {
        /// The query.
        query: String,
        /// Whether the answer is a stream of events; else it is JSON.
        stream: bool,
        /// Cancelled when the connection is to be reset: the time for the answer is up.
        cut: CancellationToken,
    },
    /// `GET /api/content/{id}`.
    Content {
        /// The document.
        id: i64,
        /// Whether it must be as it is now.
        fresh: bool,
    },
    /// `POST /api/content`.
    Create {
        /// Its title.
        title: String,
        /// Its topic.
        topic: String,
        /// Its text.
        body: String,
    },
    /// `POST /api/content/batch`.
    Batch {
        /// The documents.
        ids: Vec<i64>,
        /// Whether they must be as they are now.
        fresh: bool,
    },
    /// `POST /ingest`.
    Ingest {
        /// What of.
        order: ingest::Order,
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
    let at_rest = instance.profile.memory.resident_per_worker;
    thread::Builder::new()
        .name(format!("worker-{number}"))
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("an event loop can be made where others were");
            runtime.block_on(async move {
                let _at_rest = Resident::take(at_rest);
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
                Work::Search { query, stream: true, cut } => self.streamed(query, arrived, queued, cut).await,
                Work::Search { query, .. } => self.whole(query, arrived, queued).await,
                Work::Ingest { order } => {
                    drop(queued);
                    Ok(ingest::start(&self.searcher, order))
                }
                Work::Create { title, topic, body } => {
                    drop(queued);
                    ingest::create(&self.searcher, &title, &topic, &body).await
                }
                Work::Content { id, fresh } => {
                    drop(queued);
                    content_api::one(&self.searcher.instance, id, fresh).await
                }
                Work::Batch { ids, fresh } => {
                    drop(queued);
                    content_api::batch(&self.searcher.instance, &ids, fresh).await
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

    /// Starts the search. It is a task of its own: it may outlive its client.
    fn begin(&self, query: String, arrived: Instant, queued: Counted) -> (Arc<Outbox>, DropGuard) {
        let outbox = Arc::new(Outbox::default());
        let reader = outbox.reader();
        tokio::spawn(self.clone().run(query, Arc::clone(&outbox), arrived, queued));
        (outbox, reader)
    }

    /// Within the HTTP time-out, counted from the request's arrival.
    async fn in_time<T>(
        &self,
        arrived: Instant,
        answer: impl Future<Output = Result<T, ServiceError>>,
    ) -> Result<T, ServiceError> {
        let instance = &self.searcher.instance;
        let after = instance.profile.timeouts.http;
        let deadline = arrived + instance.speed.real(after);
        let answered = Sleeper::shared().timeout(deadline, answer).await;
        answered.unwrap_or(Err(ServiceError::TooSlow { after }))
    }

    /// A search whose answer is JSON.
    async fn whole(
        &self,
        query: String,
        arrived: Instant,
        queued: Counted,
    ) -> Result<Response, ServiceError> {
        let (outbox, _reader) = self.begin(query, arrived, queued);
        Ok(Json(self.in_time(arrived, outbox.whole()).await?).into_response())
    }

    /// A search whose answer is a stream: waits for what its client gets first.
    async fn streamed(
        &self,
        query: String,
        arrived: Instant,
        queued: Counted,
        cut: CancellationToken,
    ) -> Result<Response, ServiceError> {
        let instance = &self.searcher.instance;
        let Some(place) = instance.streams.take() else {
            instance.metrics.figures.streams_refused.inc();
            return Err(ServiceError::NoPlace { retry_after: COME_AGAIN });
        };
        let profile = &instance.profile;
        let bytes = profile.search.answer_bytes.map(|bytes| bytes.draw(instance.seed, of_text(&query)));
        let (outbox, reader) = self.begin(query, arrived, queued);
        self.in_time(arrived, outbox.head()).await?;
        let open = (Counted::one_more(&instance.metrics.streams), place);
        let delivery = Delivery {
            gap: Duration::from_secs_f64(1.0 / profile.search.events_per_second),
            deadline: Instant::now() + instance.speed.real(profile.timeouts.stream),
            bytes: bytes.unwrap_or(0),
            reader,
        };
        let deadline = delivery.deadline;
        let events = events(outbox, delivery);
        let body = if bytes.is_some() {
            let gauge = instance.metrics.figures.stream_buffer.clone();
            let how = Buffering { buffer: profile.streams.buffer, gauge, deadline, cut };
            Body::from_stream(buffered(events, how, open))
        } else {
            Body::from_stream(held(events, open))
        };
        let mut response = Response::new(body);
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
            // All that a search may wait for is in it: too much to be moved about.
            Box::pin(self.searcher.search(&query, &outbox)).await;
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
    let mut response = (error.status(), Json(json!({"error": error.outside()}))).into_response();
    if let Some(wait) = error.retry_after() {
        // The header has whole seconds; they are the scenario's, as all that a client waits for.
        let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A number that stands for a text, for draws that hang on it: FNV-1a, fixed for ever.
fn of_text(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
