//! One search, from its query to its generated answer.
//!
//! ```text
//!   answer cache? ─> session ─> embeddings (2, through the breaker) ─> L1 ─> L2 ─> queries ─> generation
//!                       |            fail: keyword search                            |
//!                       +------------ held all the way (`per_search`) ---------------+
//! ```
//!
//! In `baseline` a search holds one session from its start until its answer is generated, although
//! three in four need it for no query: the connection-per-request habit that makes the pool the
//! first resource to run out.

use std::sync::Arc;

use super::{
    Class, Instance, Work,
    answer::{Answer, Mode, Provenance, Retrieval},
    cache::WorkerCache,
    delivery::Outbox,
    deployment::Deployed,
    error::ServiceError,
    llm_client::{LlmClient, LlmError},
    metrics::SearchLabel,
    queries::Queries,
    retrieval,
    sessions::Sessions,
    tiers::Tier,
    truth::{CachedAnswer, Made},
};
use crate::{
    pool::{Lease, PgConnector},
    profile::{EmbeddingFallback, JudgeFailure, SessionHabit},
};

/// Embedding calls of a search, side by side: its query, and that in other words.
pub(super) const EMBEDDINGS_PER_SEARCH: usize = 2;

/// What a worker searches with.
#[derive(Clone)]
pub(super) struct Searcher {
    /// What all workers share.
    pub(super) instance: Arc<Instance>,
    /// The worker's view of the caches.
    pub(super) cache: WorkerCache,
    /// The worker's client of the LLM.
    pub(super) llm: LlmClient,
}

/// The state of the sessions that searches use.
pub(super) const SERVING: &str = "serving";

impl Searcher {
    /// Searches, and writes what it has into `outbox` as it comes.
    pub(super) async fn search(&self, query: &str, outbox: &Outbox) {
        let (end, mode) = match self.answer(query, outbox).await {
            Ok(answer) => {
                let mode = answer.provenance.mode.name();
                (Ok(answer), mode)
            }
            Err(Failure { error, mode }) => {
                log::debug!("search failed ({:?}): {error}", error.culprit());
                (Err(error), mode.map_or("none", Mode::name))
            }
        };
        let result = end.as_ref().map_or_else(ServiceError::result, |_| "ok");
        let metrics = &self.instance.metrics;
        metrics.searches.get_or_create(&SearchLabel { mode, result }).inc();
        // Before the end is told: who has it may leave at once, and was there all the same.
        if outbox.gone().is_cancelled() {
            metrics.abandoned.inc();
        }
        outbox.end(end);
    }

    async fn answer(&self, query: &str, outbox: &Outbox) -> Result<Answer, Failure> {
        // One look: what is deployed while this search runs is for the next one.
        let deployed = self.instance.deployments.now();
        if let Some(CachedAnswer { mut answer, made }) = self.cache.answer(&deployed.cache, query).await {
            answer.provenance.mode = Mode::Cached;
            outbox.sources(answer.sources.clone());
            outbox.token(&answer.answer);
            return Ok(self.instance.told(answer, made, &deployed));
        }
        let tier = self.tier();
        if tier == Tier::Cached {
            return self.answer_of_caches(query, &deployed, outbox).await;
        }
        let _turn = self.instance.turn(Class::Search).await?;
        let mut session = match self.instance.profile.search.session {
            SessionHabit::PerSearch => Some(self.session().await?),
            SessionHabit::PerRetrieval | SessionHabit::PerQuery => None,
        };
        let (retrieval, mode) = if tier == Tier::Full && self.embeddings(query).await? {
            let found = self.retrieve(query, &deployed, &mut session).await;
            (found.map_err(|error| error.during(Mode::Full))?, Mode::Full)
        } else {
            let found = self.retrieve_by_keywords(query, &deployed, &mut session).await;
            (Arc::new(found.map_err(|error| error.during(Mode::Keyword))?), Mode::Keyword)
        };
        outbox.sources(retrieval.sources.clone());
        if retrieval.cut > 0 {
            self.instance.metrics.figures.partial.inc();
        }
        let prompt = prompt(query, &retrieval, &deployed.deployment.prompt);
        let generation = |source| ServiceError::Generation { source }.during(mode);
        self.llm.token("generation").await.map_err(generation)?;
        let text = self.llm.generate(&prompt, |token| outbox.token(token)).await.map_err(generation)?;
        drop(session);
        let reviewed = self.reviewed(&prompt, &text).await.map_err(|error| error.during(mode))?;
        let answer = Answer {
            answer: text,
            sources: retrieval.sources.clone(),
            provenance: provenance(mode, &retrieval, &deployed),
            truth: None,
        };
        let origin = Made {
            prompt: deployed.deployment.prompt.clone(),
            embedding: retrieval.embedding.clone(),
            reviewed,
        };
        // What lacks a part is not kept, as its retrieval is not.
        if mode == Mode::Full && retrieval.missing == 0 {
            let cached = CachedAnswer { answer: answer.clone(), made: origin.clone() };
            self.cache.keep_answer(&deployed.cache, query, &cached);
        }
        Ok(self.instance.told(answer, origin, &deployed))
    }

    /// Whether the judge has reviewed the answer; none if there is no judge. When it fails, the answer
    /// goes out all the same, or not at all.
    async fn reviewed(&self, prompt: &str, answer: &str) -> Result<Option<bool>, ServiceError> {
        let judge = &self.instance.profile.judge;
        if !judge.enabled {
            return Ok(None);
        }
        match (self.llm.review(prompt, answer, judge.timeout).await, judge.on_failure) {
            (Ok(()), _) => Ok(Some(true)),
            (Err(error), JudgeFailure::Pass) => {
                log::debug!("an answer leaves without a review: {error}");
                Ok(Some(false))
            }
            (Err(source), JudgeFailure::Refuse) => Err(ServiceError::Generation { source }),
        }
    }

    /// How much is done for a search that begins now.
    fn tier(&self) -> Tier {
        let settings = &self.instance.profile.mitigations.tiers;
        if !settings.enabled {
            return Tier::Full;
        }
        let tier = Tier::of(self.instance.waiting(), settings);
        self.instance.metrics.tiers.get_or_create(&tier.label()).inc();
        tier
    }

    /// The lowest tier: the sources that a cache holds, and no text from the LLM.
    async fn answer_of_caches(
        &self,
        query: &str,
        deployed: &Deployed,
        outbox: &Outbox,
    ) -> Result<Answer, Failure> {
        let found = match self.cache.in_l1(&deployed.cache, query) {
            Some(found) => Some(found),
            None => self.cache.in_l2(&deployed.cache, query).await,
        };
        let retrieval = found.ok_or_else(|| ServiceError::Overloaded.during(Mode::Cached))?;
        let titles: Vec<&str> = retrieval.sources.iter().map(|source| source.title.as_str()).collect();
        let answer = Answer {
            answer: titles.join("\n"),
            sources: retrieval.sources.clone(),
            provenance: provenance(Mode::Cached, &retrieval, deployed),
            truth: None,
        };
        outbox.sources(answer.sources.clone());
        outbox.token(&answer.answer);
        // No prompt was used, and nobody reviews titles.
        let origin = Made {
            prompt: deployed.deployment.prompt.clone(),
            embedding: retrieval.embedding.clone(),
            reviewed: None,
        };
        Ok(self.instance.told(answer, origin, deployed))
    }

    /// The query's embedding and that of its expansion, side by side. Both are needed: half of them
    /// would find other sources than the caches hold. False if there are none and keywords must do.
    async fn embeddings(&self, query: &str) -> Result<bool, ServiceError> {
        let expansion = expansion(query);
        let (own, expanded) = futures::join!(self.embed(query), self.embed(&expansion));
        match (own.and(expanded), self.instance.profile.search.without_embeddings) {
            (Ok(()), _) => Ok(true),
            (Err(_), EmbeddingFallback::Keyword) => Ok(false),
            (Err(Some(source)), EmbeddingFallback::Fail) => Err(ServiceError::Embedding { source }),
            (Err(None), EmbeddingFallback::Fail) => Err(ServiceError::Overloaded),
        }
    }

    /// One embedding; without a reason if the breaker rejects the call.
    async fn embed(&self, text: &str) -> Result<(), Option<LlmError>> {
        self.llm.token("embedding").await.map_err(Some)?;
        let called = self.instance.breaker_for(Work::Search).call(Box::pin(self.llm.embed(text))).await;
        match called {
            Ok(result) => {
                if let Err(error) = &result {
                    log::debug!("embedding failed: {error}");
                }
                result.map(drop).map_err(Some)
            }
            Err(_rejected) => {
                self.instance.metrics.called("embedding", "rejected");
                Err(None)
            }
        }
    }

    async fn retrieve(
        &self,
        query: &str,
        deployed: &Deployed,
        session: &mut Option<Lease<PgConnector>>,
    ) -> Result<Arc<Retrieval>, ServiceError> {
        if let Some(found) = self.cache.in_l1(&deployed.cache, query) {
            return Ok(found);
        }
        let refill = Box::pin(self.refill(query, deployed, session));
        self.cache.refilled(&deployed.cache, query, refill).await
    }

    /// What L1 does not hold.
    async fn refill(
        &self,
        query: &str,
        deployed: &Deployed,
        session: &mut Option<Lease<PgConnector>>,
    ) -> Result<Arc<Retrieval>, ServiceError> {
        if let Some(found) = self.cache.in_l2(&deployed.cache, query).await {
            return Ok(found);
        }
        let settings = &self.instance.profile.search;
        let mut own = None;
        let sessions = self.sessions(session, &mut own).await?;
        let mut queries = Queries::new(sessions, "retrieval", &self.instance.metrics);
        let found = retrieval::retrieve(&mut queries, query, settings).await?;
        let found = Arc::new(Retrieval { embedding: deployed.deployment.embedding.clone(), ..found });
        if found.missing == 0 {
            self.cache.keep_retrieval(&deployed.cache, query, &found);
        }
        Ok(found)
    }

    /// The fallback. It is not cached: the same query finds more once there are embeddings again.
    async fn retrieve_by_keywords(
        &self,
        query: &str,
        deployed: &Deployed,
        session: &mut Option<Lease<PgConnector>>,
    ) -> Result<Retrieval, ServiceError> {
        let mut own = None;
        let sessions = self.sessions(session, &mut own).await?;
        let mut queries = Queries::new(sessions, "keyword", &self.instance.metrics);
        let most = self.instance.profile.search.sources;
        let found = retrieval::by_keywords(&mut queries, query, most).await?;
        // No embeddings were used, so none of them can be of an old model.
        Ok(Retrieval { embedding: deployed.deployment.embedding.clone(), ..found })
    }

    /// The session that the search holds, or one for this retrieval only, or one for each query.
    async fn sessions<'a>(
        &'a self,
        held: &'a mut Option<Lease<PgConnector>>,
        own: &'a mut Option<Lease<PgConnector>>,
    ) -> Result<Sessions<'a>, ServiceError> {
        match (held, self.instance.profile.search.session) {
            (Some(session), _) => Ok(Sessions::One(session)),
            (None, SessionHabit::PerQuery) => {
                Ok(Sessions::Each { pool: self.instance.pool_for(Work::Search), state: SERVING })
            }
            (None, _) => Ok(Sessions::One(own.insert(self.session().await?))),
        }
    }

    async fn session(&self) -> Result<Lease<PgConnector>, ServiceError> {
        Ok(self.instance.pool_for(Work::Search).acquire(SERVING).await?)
    }
}

/// What an answer says about itself: the labels, as all that the deployment tells.
fn provenance(mode: Mode, retrieval: &Retrieval, deployed: &Deployed) -> Provenance {
    Provenance {
        prompt_version: deployed.cache.prompt_version.clone(),
        embedding_version: deployed.cache.embedding_version.clone(),
        mode,
        sources_found: retrieval.sources.len(),
        sources_missing: retrieval.missing,
    }
}

/// A failure with how far the search had come.
struct Failure {
    error: ServiceError,
    mode: Option<Mode>,
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        Self { error, mode: None }
    }
}

impl ServiceError {
    fn during(self, mode: Mode) -> Failure {
        Failure { error: self, mode: Some(mode) }
    }
}

/// The query in other words, for the second embedding.
fn expansion(query: &str) -> String {
    format!("{query} explained: what it is, how it is done, what to look out for")
}

/// What the model is asked.
fn prompt(query: &str, retrieval: &Retrieval, version: &str) -> String {
    let mut prompt =
        format!("[{version}] Answer the question from the sources.\nQuestion: {query}\nSources:\n");
    for passage in &retrieval.passages {
        prompt.push_str(passage);
        prompt.push('\n');
    }
    prompt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_holds_its_version_the_question_and_what_the_sources_say() {
        let retrieval = Retrieval { passages: vec!["Ropes age.".to_owned()], ..Retrieval::default() };
        let prompt = prompt("old rope", &retrieval, "p3");
        assert!(prompt.starts_with("[p3]"));
        assert!(prompt.contains("Question: old rope") && prompt.contains("Ropes age."));
    }
}
