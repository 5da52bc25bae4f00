//! What an instance publishes beside its search path: the store's statements by purpose, ingestion,
//! streams, memory, reviews, versions, and the backlog's limit.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// What a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct KindLabel {
    /// `retrieval`, `keyword`, `detail`, `batch` or `ingest`.
    pub kind: &'static str,
}

/// How documents were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct HowLabel {
    /// `single` or `batch`.
    pub how: &'static str,
}

/// How a document was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ResultLabel {
    /// `ok` or `error`.
    pub result: &'static str,
}

/// What of an answer is not what is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WhatLabel {
    /// `prompt` or `embedding`.
    pub what: &'static str,
}

/// The figures. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Statements sent to the store.
    pub queries: Family<KindLabel, Counter>,
    /// Documents asked for.
    pub details: Family<HowLabel, Counter>,
    /// Documents taken in.
    pub ingested: Family<ResultLabel, Counter>,
    /// Documents in work.
    pub ingesting: Gauge,
    /// Searches with parts missing, since a query ran into its time-out.
    pub partial: Counter,
    /// Answers that left with a review.
    pub reviewed: Counter,
    /// Answers that left without one, although there is a judge.
    pub unreviewed: Counter,
    /// Answers made with another version than the deployed one.
    pub stale: Family<WhatLabel, Counter>,
    /// 1 while a deployment is refused.
    pub version_check: Gauge,
    /// Bytes of answers that wait for their readers.
    pub stream_buffer: Gauge,
    /// Streams over the limit.
    pub streams_refused: Counter,
    /// What the instance may hold; 0 is no limit.
    pub memory_limit: Gauge,
    /// 1 while it holds more than the share at which it says so.
    pub memory_alert: Gauge,
    /// Ends at the guard's share.
    pub guard_restarts: Counter,
    /// Requests that may wait at all workers together.
    pub backlog_limit: Gauge,
}

impl Figures {
    /// Figures in `registry`. `resets` are the connections that were reset for a full backlog.
    pub(super) fn register(registry: &mut Registry, resets: &Counter) -> Self {
        let all = Self::default();
        // A zero that is published is a measurement; a family without members is silence.
        for kind in ["retrieval", "keyword", "detail", "batch", "ingest"] {
            all.queries.get_or_create(&KindLabel { kind }).inc_by(0);
        }
        for result in ["ok", "error"] {
            all.ingested.get_or_create(&ResultLabel { result }).inc_by(0);
        }
        registry.register("db_queries", "Statements sent to the store", all.queries.clone());
        registry.register("details", "Documents asked for", all.details.clone());
        registry.register("ingest_documents", "Documents taken in", all.ingested.clone());
        registry.register("ingest_in_flight", "Documents in work", all.ingesting.clone());
        registry.register("partial_results", "Searches with parts missing", all.partial.clone());
        registry.register("reviewed", "Answers that left with a review", all.reviewed.clone());
        registry.register("unreviewed", "Answers that left without one", all.unreviewed.clone());
        registry.register("stale_answers", "Answers of versions not deployed", all.stale.clone());
        registry.register("version_check_failed", "A deployment is refused", all.version_check.clone());
        registry.register("stream_buffer_bytes", "Waits for slow readers", all.stream_buffer.clone());
        registry.register("streams_refused", "Streams over the limit", all.streams_refused.clone());
        registry.register("memory_limit_bytes", "What it may hold", all.memory_limit.clone());
        registry.register("memory_alert", "It holds more than it should", all.memory_alert.clone());
        registry.register("memory_guard_restarts", "Ends before the limit", all.guard_restarts.clone());
        registry.register("backlog_limit", "Requests that may wait", all.backlog_limit.clone());
        registry.register("backlog_refused", "Connections reset for a full backlog", resets.clone());
        all
    }

    /// Counts a statement.
    pub(super) fn queried(&self, kind: &'static str) {
        self.queries.get_or_create(&KindLabel { kind }).inc();
    }
}
