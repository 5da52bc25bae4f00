//! Taking documents in: a job of many documents, worked off beside the searches.
//!
//! ```text
//!   POST /ingest ─> job ─> batches ─call─> embeddings (breaker, LLM) ─writer─> 5 to 10 INSERTs (pool, store)
//!                          of `per_call`   `concurrent` at a time              `writers` at a time
//! ```
//!
//! The two limits hold for the whole instance, however many jobs there are. A batch gives its call
//! back when its last document has found a writer, so embeddings run ahead of the writes by so many
//! batches and no more. The breaker and, without bulkheads, the pool are those of the searches.
//!
//! A document that cannot be embedded or written is counted and left out; nothing is tried again.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use loadlab_clock::{Seed, Sleeper, Speed};
use parking_lot::Mutex;
use rand::RngExt as _;
use serde_json::json;
use tokio::{
    sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};

use super::{
    Class, Work,
    error::ServiceError,
    figures::{Figures, ResultLabel},
    queries::Queries,
    search::{SERVING, Searcher},
    sessions::Sessions,
};
use crate::{
    content::{self, Document},
    metrics::Counted,
    profile::IngestSettings,
};

/// Most documents of one job.
pub(super) const DOCUMENTS_MAX: usize = 1_000_000;
/// Most INSERTs of one document.
pub(super) const INSERTS_MAX: usize = 50;
/// Jobs whose progress can be asked for: the latest.
const JOBS_KEPT: usize = 100;
/// Ids of the documents that the instance numbered *n* takes in begin at so many times *n* + 1: far
/// from the seeded ones, and no two instances share any.
const IDS_OF_AN_INSTANCE: i64 = 1_000_000_000;
/// What is taken in was written before the seeded content, so that a run finds the same related
/// documents with and without it.
const OLDER_BY_MS: i64 = 365 * 24 * 3_600 * 1_000;

const LAST_ID: &str = "SELECT id FROM documents WHERE id >= $1 AND id < $2 ORDER BY id DESC LIMIT 1";
const INSERT_DOCUMENT: &str = "INSERT INTO documents VALUES ($1, $2, $3, $4, $5, $6, $7)";
const INSERT_CHUNK: &str = "INSERT INTO chunks VALUES ($1, $2, $3)";
const INSERT_KEYWORD: &str = "INSERT INTO keywords VALUES ($1, $2, $3)";

/// What a job is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    /// Documents.
    pub(super) documents: usize,
    /// Fewest and most INSERTs of each; none is the profile's.
    pub(super) inserts: Option<(usize, usize)>,
}

/// Ingestion in an instance.
#[derive(Debug)]
pub struct Ingest {
    settings: IngestSettings,
    calls: Arc<Semaphore>,
    writers: Arc<Semaphore>,
    seed: Seed,
    speed: Speed,
    first_id: i64,
    /// The id of the next document, once the store was asked for the last one.
    next_id: AsyncMutex<Option<i64>>,
    jobs: Mutex<Jobs>,
    figures: Figures,
}

#[derive(Debug, Default)]
struct Jobs {
    begun: u64,
    latest: VecDeque<Arc<Job>>,
}

/// One job.
#[derive(Debug)]
struct Job {
    number: u64,
    order: Order,
    begun: Instant,
    ok: AtomicUsize,
    failed: AtomicUsize,
    ended: Mutex<Option<Instant>>,
}

impl Ingest {
    /// Ingestion of the instance numbered `instance`.
    pub(super) fn new(
        settings: &IngestSettings,
        instance: i64,
        draws: Seed,
        speed: Speed,
        figures: Figures,
    ) -> Self {
        Self {
            settings: settings.clone(),
            calls: Arc::new(Semaphore::new(settings.concurrent)),
            writers: Arc::new(Semaphore::new(settings.writers)),
            seed: draws,
            speed,
            first_id: (instance + 1) * IDS_OF_AN_INSTANCE,
            next_id: AsyncMutex::default(),
            jobs: Mutex::default(),
            figures,
        }
    }

    fn begin(&self, order: Order) -> Arc<Job> {
        let mut jobs = self.jobs.lock();
        jobs.begun += 1;
        let job = Arc::new(Job {
            number: jobs.begun,
            order,
            begun: Instant::now(),
            ok: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            ended: Mutex::default(),
        });
        jobs.latest.push_back(Arc::clone(&job));
        if jobs.latest.len() > JOBS_KEPT {
            jobs.latest.pop_front();
        }
        job
    }

    /// `GET /ingest/{number}`.
    pub(super) fn progress(&self, number: &str) -> Result<Response, ServiceError> {
        let wanted = number.parse::<u64>().ok();
        let job = self.jobs.lock().latest.iter().find(|job| Some(job.number) == wanted).cloned();
        let job = job.ok_or_else(|| ServiceError::NotFound { what: format!("ingestion `{number}`") })?;
        Ok(Json(job.told(self.speed)).into_response())
    }

    /// Ids for a job's documents. The store is asked once: what another process of this instance took
    /// in is there still.
    async fn ids(&self, searcher: &Searcher, documents: usize) -> Result<i64, ServiceError> {
        let mut next = self.next_id.lock().await;
        let first = if let Some(next) = *next { next } else { self.after_the_last(searcher).await? };
        *next = Some(first + documents as i64);
        Ok(first)
    }

    async fn after_the_last(&self, searcher: &Searcher) -> Result<i64, ServiceError> {
        let instance = &searcher.instance;
        let mut session = instance.pool_for(Work::Ingest).acquire(SERVING).await?;
        let mut queries = Queries::new(Sessions::One(&mut session), "ingest", &instance.metrics);
        let rows = queries.query(LAST_ID, &[&self.first_id, &(self.first_id + IDS_OF_AN_INSTANCE)]).await?;
        Ok(rows.first().map_or(self.first_id, |row| row.get::<_, i64>(0) + 1))
    }

    /// The document with this id: another edition of one of the content's. A function of the seed.
    fn document(&self, id: i64) -> Document {
        let all = content::documents();
        let edition = &all[self.seed.stream("ingest-document", id as u64, 0).random_range(0..all.len())];
        Document {
            id,
            version: edition.version + 1,
            updated_at: edition.updated_at - OLDER_BY_MS,
            ..edition.clone()
        }
    }

    /// How many INSERTs it takes.
    fn inserts(&self, order: &Order, id: i64) -> usize {
        let (fewest, most) = order.inserts.unwrap_or((self.settings.inserts_min, self.settings.inserts_max));
        self.seed.stream("ingest-inserts", id as u64, 0).random_range(fewest..=most)
    }

    fn count(&self, job: &Job, documents: usize, ok: bool) {
        let (result, counter) = if ok { ("ok", &job.ok) } else { ("error", &job.failed) };
        counter.fetch_add(documents, Ordering::Relaxed);
        self.figures.ingested.get_or_create(&ResultLabel { result }).inc_by(documents as u64);
    }
}

impl Job {
    fn told(&self, speed: Speed) -> serde_json::Value {
        let ended = *self.ended.lock();
        let lasted = ended.unwrap_or_else(Instant::now) - self.begun;
        json!({
            "id": self.number,
            "state": if ended.is_some() { "done" } else { "running" },
            "documents": self.order.documents,
            "ok": self.ok.load(Ordering::Relaxed),
            "failed": self.failed.load(Ordering::Relaxed),
            "seconds": speed.scenario(lasted).as_secs_f64(),
        })
    }
}

/// `POST /ingest`: begins a job on the caller's event loop and says so.
pub(super) fn start(searcher: &Searcher, order: Order) -> Response {
    let ingest = &searcher.instance.ingest;
    let job = ingest.begin(order);
    let told = job.told(searcher.instance.speed);
    tokio::spawn(run(searcher.clone(), job));
    (StatusCode::ACCEPTED, Json(told)).into_response()
}

async fn run(searcher: Searcher, job: Arc<Job>) {
    let ingest = &searcher.instance.ingest;
    match ingest.ids(&searcher, job.order.documents).await {
        Ok(first) => batches(&searcher, &job, first).await,
        Err(error) => {
            log::warn!("ingestion {} has no ids: {error}", job.number);
            ingest.count(&job, job.order.documents, false);
        }
    }
    *job.ended.lock() = Some(Instant::now());
}

/// Hands out the batches as calls become free, and waits for all of them.
async fn batches(searcher: &Searcher, job: &Arc<Job>, first: i64) {
    let ingest = &searcher.instance.ingest;
    let end = first + job.order.documents as i64;
    let mut under_way = JoinSet::new();
    let mut next = first;
    while next < end {
        let ids = next..end.min(next + ingest.settings.per_call as i64);
        next = ids.end;
        let call = Arc::clone(&ingest.calls).acquire_owned().await.expect("the calls are never closed");
        under_way.spawn(batch(searcher.clone(), Arc::clone(job), ids.collect(), call));
        while under_way.try_join_next().is_some() {}
    }
    while under_way.join_next().await.is_some() {}
}

/// Embeds the documents of a batch by one call, and writes each.
async fn batch(searcher: Searcher, job: Arc<Job>, ids: Vec<i64>, call: OwnedSemaphorePermit) {
    let ingest = &searcher.instance.ingest;
    let documents: Vec<(Document, Counted)> = ids
        .into_iter()
        .map(|id| (ingest.document(id), Counted::one_more(&ingest.figures.ingesting)))
        .collect();
    if !embedded(&searcher, &documents).await {
        ingest.count(&job, documents.len(), false);
        return Sleeper::shared().sleep(searcher.instance.speed.real(ingest.settings.pause)).await;
    }
    let mut writing = JoinSet::new();
    for document in documents {
        let writer = Arc::clone(&ingest.writers).acquire_owned().await.expect("the writers are never closed");
        writing.spawn(written(searcher.clone(), Arc::clone(&job), document, writer));
    }
    drop(call);
    while writing.join_next().await.is_some() {}
}

async fn embedded(searcher: &Searcher, documents: &[(Document, Counted)]) -> bool {
    let texts: Vec<String> = documents.iter().map(|(document, _)| document.body()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let instance = &searcher.instance;
    if let Err(error) = searcher.llm.token("embedding").await {
        log::debug!("ingestion: no token for an embedding: {error}");
        return false;
    }
    match instance.breaker_for(Work::Ingest).call(searcher.llm.embed_all(&texts)).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => {
            log::debug!("ingestion: embedding failed: {error}");
            false
        }
        Err(_rejected) => {
            instance.metrics.called("embedding", "rejected");
            false
        }
    }
}

/// `POST /api/content`: one document, written before the answer. It is not searched for: it has neither
/// embeddings nor keywords.
pub(super) async fn create(
    searcher: &Searcher,
    title: &str,
    topic: &str,
    body: &str,
) -> Result<Response, ServiceError> {
    let instance = &searcher.instance;
    let id = instance.ingest.ids(searcher, 1).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (version, updated_at) = (1_i64, now.as_millis() as i64);
    let embedding = instance.deployments.now().deployment.embedding.clone();
    let mut session = instance.pool_for(Work::Ingest).acquire(SERVING).await?;
    let mut queries = Queries::new(Sessions::One(&mut session), "create", &instance.metrics);
    queries.query(INSERT_DOCUMENT, &[&id, &title, &topic, &body, &version, &embedding, &updated_at]).await?;
    Ok((StatusCode::CREATED, Json(json!({"id": id, "version": version}))).into_response())
}

/// Writes one document with a session of its own.
async fn written(
    searcher: Searcher,
    job: Arc<Job>,
    (document, counted): (Document, Counted),
    writer: OwnedSemaphorePermit,
) {
    let ingest = &searcher.instance.ingest;
    let inserts = ingest.inserts(&job.order, document.id);
    let result = write(&searcher, &document, inserts).await;
    if let Err(error) = &result {
        log::debug!("ingestion: document {}: {error}", document.id);
    }
    // The writer first: whoever sees the document counted may see it free.
    drop((writer, counted));
    ingest.count(&job, 1, result.is_ok());
}

/// The words that a document is found by; once there are no more, its edition's.
fn keywords(document: &Document) -> impl Iterator<Item = (String, f64)> + use<> {
    let edition = document.version;
    let more = (0..).map(move |n| (format!("edition-{edition}-{n}"), 0.0));
    content::weights(document).into_iter().chain(more)
}

/// The document, its chunks, and as many of its keywords as there are INSERTs left; each is a
/// transaction of its own.
async fn write(searcher: &Searcher, document: &Document, inserts: usize) -> Result<(), ServiceError> {
    let instance = &searcher.instance;
    let _turn = instance.turn(Class::Ingest).await?;
    let mut session = instance.pool_for(Work::Ingest).acquire(SERVING).await?;
    let mut queries = Queries::new(Sessions::One(&mut session), "ingest", &instance.metrics);
    let (id, body) = (document.id, document.body());
    let embedding = instance.deployments.now().deployment.embedding.clone();
    let Document { title, topic, version, updated_at, .. } = document;
    queries.query(INSERT_DOCUMENT, &[&id, title, topic, &body, version, &embedding, updated_at]).await?;
    let mut left = inserts.saturating_sub(1);
    for (ordinal, chunk) in (0_i64..).zip(document.chunks.iter().take(left)) {
        queries.query(INSERT_CHUNK, &[&id, &ordinal, chunk]).await?;
    }
    left = left.saturating_sub(document.chunks.len());
    for (word, weight) in keywords(document).take(left) {
        queries.query(INSERT_KEYWORD, &[&word, &id, &weight]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::profile::Profile;

    /// Documents that can be taken in within `time`, if nothing but one of the two stages limits: the
    /// arithmetic of the scenario. `latency` is that of one call, `per_second` the LLM's calls a second.
    fn documents_within(
        settings: &IngestSettings,
        time: Duration,
        latency: Duration,
        per_second: f64,
        insert: Duration,
    ) -> (f64, f64) {
        let calls = (settings.concurrent as f64 / latency.as_secs_f64()).min(per_second);
        let inserts = (settings.inserts_min + settings.inserts_max) as f64 / 2.0;
        let writes = settings.writers as f64 / insert.as_secs_f64() / inserts;
        let seconds = time.as_secs_f64();
        (calls * settings.per_call as f64 * seconds, writes * seconds)
    }

    fn ingest() -> Ingest {
        let settings = Profile::named("baseline").expect("it is shipped").service.ingest;
        Ingest::new(&settings, 0, Seed::new(1), Speed::REAL, Figures::default())
    }

    #[test]
    fn a_document_takes_five_to_ten_inserts_and_always_as_many() {
        let ingest = ingest();
        let order = Order { documents: 1, inserts: None };
        let counts: Vec<usize> = (0..600).map(|id| ingest.inserts(&order, id)).collect();
        assert_eq!(counts, (0..600).map(|id| ingest.inserts(&order, id)).collect::<Vec<_>>());
        for count in 5..=10 {
            let times = counts.iter().filter(|n| **n == count).count();
            assert!((60..=140).contains(&times), "{count} inserts {times} times in 600");
        }
        // No keyword is written twice, however many INSERTs a document takes.
        for document in content::documents() {
            let words: std::collections::BTreeSet<String> =
                keywords(document).take(INSERTS_MAX).map(|(word, _)| word).collect();
            assert_eq!(words.len(), INSERTS_MAX);
        }
    }

    #[test]
    fn one_document_a_call_cannot_be_in_time_whatever_the_sessions() {
        let baseline = ingest().settings;
        let (time, latency, insert) =
            (Duration::from_secs(180), Duration::from_millis(900), Duration::from_millis(80));
        // As many calls at a time as the LLM takes: 40 a second are 7,200 documents in 180 s.
        let one = IngestSettings { per_call: 1, concurrent: 1_000, ..baseline.clone() };
        let (embedded, _) = documents_within(&one, time, latency, 40.0, insert);
        assert!((7_199.0..7_201.0).contains(&embedded), "{embedded}");
        // Ten a call are enough; then the writes limit, and only five inserts by all 20 sessions are
        // near the report's figure.
        let (embedded, written) = documents_within(&baseline, time, latency, 40.0, insert);
        assert!(embedded > 10_000.0 && written < 3_001.0, "{embedded} {written}");
        let all = IngestSettings { writers: 20, inserts_max: 5, ..baseline };
        let (_, written) = documents_within(&all, time, latency, 40.0, insert);
        assert!((8_999.0..9_001.0).contains(&written), "{written}");
    }

    #[test]
    fn only_the_latest_jobs_are_remembered() {
        let ingest = ingest();
        for _ in 0..=JOBS_KEPT {
            ingest.begin(Order { documents: 1, inserts: None });
        }
        assert!(ingest.progress("1").is_err() && ingest.progress("two").is_err());
        assert!(ingest.progress("2").is_ok());
    }
}
