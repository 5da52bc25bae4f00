//! Calls of the LLM: OpenAI's form over HTTP. One client per worker, so that a connection lives on
//! the event loop that uses it.

use std::{
    error::Error,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use loadlab_clock::{Sleeper, Speed};
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{
    metrics::{OperationLabel, ServiceMetrics},
    token_bucket::{Buckets, NoToken},
};
use crate::{metrics::Counted, profile::LlmRetries};

/// Longest line of a token stream that is accepted, in bytes.
const LINE_BYTES_MAX: usize = 256 * 1024;
/// Tokens of a review: a word or two.
const REVIEW_TOKENS: usize = 8;

/// The LLM as a worker sees it.
#[derive(Debug, Clone)]
pub(super) struct LlmClient {
    http: Client,
    base: String,
    speed: Speed,
    timeout: Duration,
    metrics: Arc<ServiceMetrics>,
    retries: LlmRetries,
    /// Shared by all workers.
    buckets: Option<Arc<Buckets>>,
}

/// Why a call of the LLM failed.
#[derive(Debug)]
pub enum LlmError {
    /// The connection failed or broke.
    Connection {
        /// The client's reason.
        source: reqwest::Error,
    },
    /// It answered with an error.
    Status {
        /// Its status.
        status: StatusCode,
    },
    /// There was no complete answer in time.
    TimedOut {
        /// How long was waited, in scenario time.
        after: Duration,
    },
    /// The token bucket before it had no token in time.
    Throttled,
    /// The answer is none.
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for LlmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection { .. } => write!(f, "the connection to the LLM failed"),
            Self::Status { status } => write!(f, "the LLM answered {status}"),
            Self::TimedOut { after } => write!(f, "no answer of the LLM within {} s", after.as_secs_f64()),
            Self::Throttled => write!(f, "the LLM may not be called any more for now"),
            Self::Malformed { reason } => write!(f, "the LLM's answer cannot be read: {reason}"),
        }
    }
}

impl Error for LlmError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connection { source } => Some(source),
            Self::Status { .. } | Self::TimedOut { .. } | Self::Throttled | Self::Malformed { .. } => None,
        }
    }
}

impl From<reqwest::Error> for LlmError {
    fn from(source: reqwest::Error) -> Self {
        Self::Connection { source }
    }
}

impl LlmError {
    fn outcome(&self) -> &'static str {
        if matches!(self, Self::TimedOut { .. }) { "timeout" } else { "error" }
    }
}

#[derive(Deserialize)]
struct Embeddings {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Chunk {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Delta,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
}

impl LlmClient {
    /// Calls `address` (`host:port`); a call takes `timeout` of scenario time at most.
    pub(super) fn new(
        address: &str,
        speed: Speed,
        timeout: Duration,
        metrics: Arc<ServiceMetrics>,
    ) -> Result<Self, reqwest::Error> {
        // The address comes from the edge table; a proxy from the environment would bypass the edge.
        let http = Client::builder().no_proxy().tcp_nodelay(true).http1_only().build()?;
        let (base, retries) = (format!("http://{address}"), LlmRetries::default());
        Ok(Self { http, base, speed, timeout, metrics, retries, buckets: None })
    }

    /// With extra attempts after a failure.
    pub(super) fn retrying(self, retries: LlmRetries) -> Self {
        Self { retries, ..self }
    }

    /// With a token bucket before every attempt.
    pub(super) fn throttled(self, buckets: Option<Arc<Buckets>>) -> Self {
        Self { buckets, ..self }
    }

    /// Waits for leave to make a call of `embedding` or `generation`. It is for the caller to ask for the
    /// first attempt, outside of any breaker: having to wait is no failure of the LLM.
    pub(super) async fn token(&self, operation: &'static str) -> Result<(), LlmError> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        buckets.of(operation).token().await.map_err(|NoToken| {
            self.metrics.called(operation, "rejected");
            LlmError::Throttled
        })
    }

    /// Whether to try again after an attempt that failed: as often as is set, and with a token each.
    async fn again(&self, operation: &'static str, attempt: u32) -> bool {
        attempt < self.retries.max && self.token(operation).await.is_ok()
    }

    /// The embedding of one text.
    pub(super) async fn embed(&self, text: &str) -> Result<Vec<f32>, LlmError> {
        let mut all = self.embed_all(&[text]).await?;
        Ok(all.swap_remove(0))
    }

    /// The embeddings of several texts, by one call.
    pub(super) async fn embed_all(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, LlmError> {
        let mut attempt = 0;
        loop {
            let result = self.embed_once(texts).await;
            if result.is_ok() || !self.again("embedding", attempt).await {
                return result;
            }
            attempt += 1;
        }
    }

    async fn embed_once(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, LlmError> {
        let body = json!({"model": "embedding", "input": texts});
        self.measured("embedding", self.timeout, async {
            let answer: Embeddings = self.post("/v1/embeddings", &body).await?.json().await?;
            let all: Vec<Vec<f32>> = answer.data.into_iter().map(|data| data.embedding).collect();
            if all.len() == texts.len() {
                return Ok(all);
            }
            let reason = format!("{} embeddings for {} texts", all.len(), texts.len());
            Err(LlmError::Malformed { reason })
        })
        .await
    }

    /// Has an answer to `prompt` reviewed by the model `judge`, within `timeout` of scenario time. The
    /// review itself is not looked at: it approves.
    pub(super) async fn review(&self, prompt: &str, answer: &str, timeout: Duration) -> Result<(), LlmError> {
        let question = format!("Is this answer good?\n{prompt}\nAnswer: {answer}");
        let body = json!({
            "model": "judge", "max_tokens": REVIEW_TOKENS,
            "messages": [{"role": "user", "content": question}],
        });
        let label = OperationLabel { operation: "judge" };
        let in_flight = self.metrics.llm_in_flight.get_or_create_owned(&label);
        let _in_flight = Counted::one_more(&in_flight);
        self.measured("judge", timeout, async {
            let review: serde_json::Value = self.post("/v1/chat/completions", &body).await?.json().await?;
            match review["choices"][0]["message"]["content"].as_str() {
                Some(_) => Ok(()),
                None => Err(LlmError::Malformed { reason: "no review".to_owned() }),
            }
        })
        .await
    }

    /// Generates an answer; `token` is called with each piece as it comes. Ends with the whole. Once a
    /// piece has come there is no other attempt.
    pub(super) async fn generate(
        &self,
        prompt: &str,
        mut token: impl FnMut(&str),
    ) -> Result<String, LlmError> {
        let mut attempt = 0;
        let mut begun = false;
        loop {
            let piece = |text: &str| {
                begun = true;
                token(text);
            };
            let result = self.generate_once(prompt, piece).await;
            if result.is_ok() || begun || !self.again("generation", attempt).await {
                return result;
            }
            attempt += 1;
        }
    }

    async fn generate_once(&self, prompt: &str, mut token: impl FnMut(&str)) -> Result<String, LlmError> {
        let body = json!({
            "model": "chat", "stream": true, "messages": [{"role": "user", "content": prompt}],
        });
        let in_flight =
            self.metrics.llm_in_flight.get_or_create_owned(&OperationLabel { operation: "generation" });
        let _in_flight = Counted::one_more(&in_flight);
        self.measured("generation", self.timeout, async {
            let mut response = self.post("/v1/chat/completions", &body).await?;
            let mut lines = Lines::default();
            let mut answer = String::new();
            while let Some(bytes) = response.chunk().await? {
                for data in lines.push(&bytes)? {
                    if data == "[DONE]" {
                        return Ok(answer);
                    }
                    let chunk: Chunk = serde_json::from_str(&data)
                        .map_err(|error| LlmError::Malformed { reason: error.to_string() })?;
                    for text in chunk.choices.into_iter().filter_map(|choice| choice.delta.content) {
                        if !text.is_empty() {
                            token(&text);
                            answer.push_str(&text);
                        }
                    }
                }
            }
            Err(LlmError::Malformed { reason: "the stream ended before [DONE]".to_owned() })
        })
        .await
    }

    /// Whether it answers on `/health`.
    pub(super) async fn is_healthy(&self) -> bool {
        let answer = self.http.get(format!("{}/health", self.base)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    async fn post(&self, path: &str, body: &serde_json::Value) -> Result<Response, LlmError> {
        let response = self.http.post(format!("{}{path}", self.base)).json(body).send().await?;
        let status = response.status();
        if status.is_success() { Ok(response) } else { Err(LlmError::Status { status }) }
    }

    /// `call` within the time-out, counted and timed.
    async fn measured<T>(
        &self,
        operation: &'static str,
        timeout: Duration,
        call: impl Future<Output = Result<T, LlmError>>,
    ) -> Result<T, LlmError> {
        let started = Instant::now();
        let result = Sleeper::shared()
            .timeout(started + self.speed.real(timeout), call)
            .await
            .unwrap_or(Err(LlmError::TimedOut { after: timeout }));
        let seconds = self.speed.scenario(started.elapsed()).as_secs_f64();
        self.metrics.llm_seconds.get_or_create(&OperationLabel { operation }).observe(seconds);
        self.metrics.called(operation, result.as_ref().map_or_else(LlmError::outcome, |_| "ok"));
        result
    }
}

/// Cuts a byte stream into the `data:` lines of server-sent events.
#[derive(Debug, Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, LlmError> {
        self.rest.extend_from_slice(bytes);
        let mut found = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            if let Some(data) = line.trim_end().strip_prefix("data:") {
                found.push(data.trim_start().to_owned());
            }
        }
        if self.rest.len() > LINE_BYTES_MAX {
            return Err(LlmError::Malformed { reason: "a line without end".to_owned() });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_wherever_the_bytes_are_cut() {
        let stream = b"data: one\r\n\r\n: comment\ndata:two \xc3\xa9\n\n";
        for cut in 0..stream.len() {
            let mut lines = Lines::default();
            let mut found = lines.push(&stream[..cut]).expect("short lines");
            found.extend(lines.push(&stream[cut..]).expect("short lines"));
            assert_eq!(found, ["one", "two é"], "cut at {cut}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut lines = Lines::default();
        assert!(lines.push(&vec![b'x'; LINE_BYTES_MAX + 1]).is_err());
    }
}
