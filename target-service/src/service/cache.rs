//! The caches before the database: L1 in each worker, L2 and the answer cache in Redis.
//!
//! ```text
//!   retrieval:  L1 --miss--> L2 --miss, error, time-out--> database --> L2, L1
//!   answers:    a cache of its own, off in `baseline`
//! ```
//!
//! Every key holds the versions of prompt and embeddings as the deployment labels them, so one with
//! new labels finds nothing of the old one, and one without finds all of it ([`super::deployment`]). A cache that does not answer is a miss, never a failure.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use loadlab_clock::{Sleeper, Speed};
use redis::{
    AsyncCommands as _, Client, RedisError, SetExpiry, SetOptions,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    answer::Retrieval, deployment::CacheVersions, error::ServiceError, metrics::ServiceMetrics,
    truth::CachedAnswer,
};
use crate::profile::{Caches, L2Settings};

/// One worker's view of the caches. A clone is the same.
#[derive(Clone)]
pub(super) struct WorkerCache {
    l1: Option<moka::sync::Cache<String, Arc<Retrieval>>>,
    /// Refills under way, if those of one entry are shared.
    refills: Option<moka::future::Cache<String, Arc<Retrieval>>>,
    redis: Redis,
    settings: Arc<Caches>,
    metrics: Arc<ServiceMetrics>,
}

/// A worker's own connection, which reconnects by itself.
#[derive(Clone)]
struct Redis {
    manager: ConnectionManager,
    speed: Speed,
    timeout: Duration,
}

impl WorkerCache {
    /// Connects when it is first used. Must be made on the worker's own runtime.
    pub(super) fn new(
        address: &str,
        settings: Arc<Caches>,
        speed: Speed,
        timeout: Duration,
        metrics: Arc<ServiceMetrics>,
    ) -> Result<Self, RedisError> {
        let url = if address.contains("://") { address.to_owned() } else { format!("redis://{address}/") };
        let config = ConnectionManagerConfig::new()
            // The time-out on scenario time is ours; the manager's own would be another one.
            .set_response_timeout(None)
            .set_connection_timeout(Some(speed.real(timeout)))
            // A failed connection fails the commands that wait for it, and the next one tries anew:
            // whoever measures failures sees them at once.
            .set_number_of_retries(0);
        let manager = ConnectionManager::new_lazy_with_config(Client::open(url)?, config)?;
        let l1 = settings.l1.enabled.then(|| {
            moka::sync::Cache::builder()
                .max_capacity(settings.l1.entries)
                .time_to_live(speed.real(settings.l1.ttl))
                .build()
        });
        Ok(Self { l1, refills: None, redis: Redis { manager, speed, timeout }, settings, metrics })
    }

    /// With refills of one entry shared, or not.
    pub(super) fn sharing_refills(mut self, shared: bool) -> Self {
        // What is retrieved is in L1 by the end of a refill, so nothing is kept here beyond it.
        self.refills = shared.then(|| moka::future::Cache::builder().build());
        self
    }

    /// What `refill` retrieves for a query; or what another search retrieves for it already, if refills
    /// are shared.
    pub(super) async fn refilled(
        &self,
        versions: &CacheVersions,
        query: &str,
        refill: impl Future<Output = Result<Arc<Retrieval>, ServiceError>>,
    ) -> Result<Arc<Retrieval>, ServiceError> {
        let Some(refills) = &self.refills else { return refill.await };
        let key = retrieval_key(versions, query);
        // Boxed, since Moka's future holds several copies of what it is given.
        let found = Box::pin(refills.entry(key.clone()).or_try_insert_with(refill)).await;
        let found = found.map_err(|source| ServiceError::Shared { source })?;
        if found.is_fresh() {
            refills.invalidate(&key).await;
        } else {
            self.metrics.shared_refills.inc();
        }
        Ok(found.into_value())
    }

    /// What L1 holds for a query.
    pub(super) fn in_l1(&self, versions: &CacheVersions, query: &str) -> Option<Arc<Retrieval>> {
        let found = self.l1.as_ref()?.get(&retrieval_key(versions, query));
        self.metrics.cached("l1", if found.is_some() { "hit" } else { "miss" });
        found
    }

    /// What L2 holds for a query; it goes to L1 too.
    pub(super) async fn in_l2(&self, versions: &CacheVersions, query: &str) -> Option<Arc<Retrieval>> {
        let key = retrieval_key(versions, query);
        let found: Arc<Retrieval> = Arc::new(self.read("l2", &self.settings.l2, &key).await?);
        if let Some(l1) = &self.l1 {
            l1.insert(key, Arc::clone(&found));
        }
        Some(found)
    }

    /// Keeps a retrieval in L1 at once, and in L2 without the search waiting for it.
    pub(super) fn keep_retrieval(&self, versions: &CacheVersions, query: &str, retrieval: &Arc<Retrieval>) {
        let key = retrieval_key(versions, query);
        if let Some(l1) = &self.l1 {
            l1.insert(key.clone(), Arc::clone(retrieval));
        }
        self.write_behind(&self.settings.l2, key, retrieval.as_ref());
    }

    /// Puts a retrieval into L1 only.
    pub(super) fn keep_in_l1(&self, versions: &CacheVersions, query: &str, retrieval: &Arc<Retrieval>) {
        if let Some(l1) = &self.l1 {
            l1.insert(retrieval_key(versions, query), Arc::clone(retrieval));
        }
    }

    /// Puts a retrieval into L2 only, and waits for it.
    pub(super) async fn keep_in_l2(&self, versions: &CacheVersions, query: &str, retrieval: &Retrieval) {
        if self.settings.l2.enabled {
            let key = retrieval_key(versions, query);
            self.redis.set(&key, retrieval, self.settings.l2.ttl).await;
        }
    }

    /// What the answer cache holds for a query.
    pub(super) async fn answer(&self, versions: &CacheVersions, query: &str) -> Option<CachedAnswer> {
        self.read("answer", &self.settings.answers, &answer_key(versions, query)).await
    }

    /// Keeps an answer, without the search waiting for it.
    pub(super) fn keep_answer(&self, versions: &CacheVersions, query: &str, answer: &CachedAnswer) {
        self.write_behind(&self.settings.answers, answer_key(versions, query), answer);
    }

    /// Whether Redis answers.
    pub(super) async fn is_healthy(&self) -> bool {
        let mut manager = self.redis.manager.clone();
        let ping = async move { manager.ping::<String>().await };
        matches!(self.redis.in_time(ping).await, Ok(Ok(_)))
    }

    async fn read<T: DeserializeOwned>(
        &self,
        level: &'static str,
        settings: &L2Settings,
        key: &str,
    ) -> Option<T> {
        if !settings.enabled {
            return None;
        }
        let (found, result) = match self.redis.get(key).await {
            // What cannot be read any more is as good as gone.
            Ok(Some(bytes)) => match serde_json::from_slice(&bytes) {
                Ok(value) => (Some(value), "hit"),
                Err(_) => (None, "error"),
            },
            Ok(None) => (None, "miss"),
            Err(()) => (None, "error"),
        };
        self.metrics.cached(level, result);
        found
    }

    fn write_behind(&self, settings: &L2Settings, key: String, value: &impl Serialize) {
        if settings.enabled {
            let (redis, ttl) = (self.redis.clone(), settings.ttl);
            let value = serde_json::to_value(value).unwrap_or_default();
            tokio::spawn(async move { redis.set(&key, &value, ttl).await });
        }
    }
}

impl Redis {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, ()> {
        let mut manager = self.manager.clone();
        match self.in_time(async move { manager.get::<_, Option<Vec<u8>>>(key).await }).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                log::debug!("redis: {error}");
                Err(())
            }
            Err(_) => Err(()),
        }
    }

    async fn set(&self, key: &str, value: &impl Serialize, ttl: Duration) {
        let Ok(bytes) = serde_json::to_vec(value) else { return };
        let mut manager = self.manager.clone();
        // Redis keeps real time, in milliseconds; at a high speed a second would be too coarse.
        let millis = self.speed.real(ttl).as_millis().max(1) as u64;
        let options = SetOptions::default().with_expiration(SetExpiry::PX(millis));
        let set = async move { manager.set_options::<_, _, ()>(key, bytes, options).await };
        if let Ok(Err(error)) = self.in_time(set).await {
            log::debug!("redis: {error}");
        }
    }

    async fn in_time<F: Future>(&self, command: F) -> Result<F::Output, loadlab_clock::Elapsed> {
        Sleeper::shared().timeout(Instant::now() + self.speed.real(self.timeout), command).await
    }
}

/// A query as the caches know it: case and spaces make no other query.
fn normalised(query: &str) -> String {
    query.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// The key of a retrieval.
fn retrieval_key(versions: &CacheVersions, query: &str) -> String {
    format!("retrieval:{}:{}:{}", versions.prompt_version, versions.embedding_version, normalised(query))
}

/// The key of an answer.
fn answer_key(versions: &CacheVersions, query: &str) -> String {
    format!("answer:{}:{}:{}", versions.prompt_version, versions.embedding_version, normalised(query))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    #[test]
    fn another_prompt_or_embedding_version_is_another_key() {
        let settings = CacheVersions::from(&Profile::named("baseline").expect("it is shipped").service.cache);
        let key = retrieval_key(&settings, " Rope  and harness ");
        assert_eq!(key, "retrieval:p3:embed-v1:rope and harness");
        let newer_prompt = CacheVersions { prompt_version: "p4".to_owned(), ..settings.clone() };
        let newer_embedding = CacheVersions { embedding_version: "embed-v2".to_owned(), ..settings.clone() };
        assert_ne!(retrieval_key(&newer_prompt, "rope and harness"), key);
        assert_ne!(retrieval_key(&newer_embedding, "rope and harness"), key);
        assert_ne!(answer_key(&settings, "rope and harness"), key);
    }
}
