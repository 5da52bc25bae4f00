//! The mock's two calls, in OpenAI's form.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use base64::Engine as _;
use futures::Stream;
use loadlab_clock::Sleeper;
use rand::RngExt as _;
use serde_json::{Value, json};

use super::{
    Mock, Operation,
    answer::answer,
    embedding::{embed, fnv1a},
    gate::{Refusal, Slot},
};
use crate::{
    profile::{LlmOutage, LlmProfile},
    standin::http::HangUp,
};

/// Most inputs of an embedding call, as OpenAI's.
const INPUTS_MAX: usize = 2048;
/// The model whose completions are reviews: it has settings and limits of its own.
const JUDGE: &str = "judge";
/// Shortest real time between two events of a stream: beyond 50 a second nobody reads them one by
/// one, and at a high speed they would cost more than the rest of the call.
const EVENT_GAP_MIN: Duration = Duration::from_millis(20);

/// An answer that is an error, in OpenAI's form.
struct Failure {
    status: StatusCode,
    kind: &'static str,
    message: String,
    retry_after: Option<Duration>,
}

impl Failure {
    fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "invalid_request_error",
            message: message.into(),
            retry_after: None,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::RateLimited(wait) => Self {
                status: StatusCode::TOO_MANY_REQUESTS,
                kind: "rate_limit_exceeded",
                message: format!("rate limit reached; try again in {:.1}s", wait.as_secs_f64()),
                retry_after: Some(wait),
            },
            Refusal::QueueFull => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                kind: "overloaded_error",
                message: "the queue is full".to_owned(),
                retry_after: None,
            },
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({"error": {"message": self.message, "type": self.kind, "code": self.kind}});
        let mut response = (self.status, Json(body)).into_response();
        if let Some(wait) = self.retry_after {
            // Whole seconds, as the header has it, and OpenAI's own with milliseconds.
            let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            response.headers_mut().insert("retry-after-ms", HeaderValue::from(wait.as_millis() as u64));
        }
        response
    }
}

/// A call that was let in: what it drew, and the slot it works in.
struct Call {
    settings: Arc<LlmProfile>,
    latency: Duration,
    started: Instant,
    slot: Slot,
}

impl Mock {
    /// Lets a call in, or answers it: everything before its own work.
    async fn begin(&self, operation: Operation, inputs: usize) -> Result<Call, Response> {
        let settings = self.settings.get();
        let behaviour = operation.of(&settings);
        match behaviour.outage {
            LlmOutage::None => {}
            LlmOutage::Hang => std::future::pending().await,
            LlmOutage::Refuse => {
                let mut response = StatusCode::SERVICE_UNAVAILABLE.into_response();
                response.extensions_mut().insert(HangUp);
                return Err(response);
            }
        }
        let gate = self.gate(operation);
        let number = gate.number();
        let slot = match gate.enter(behaviour, inputs).await {
            Ok(slot) => slot,
            Err(refusal) => return Err(self.failed(operation, refusal.into())),
        };
        let started = Instant::now();
        let draws =
            |purpose: &str| self.seed.stream(&format!("llm-{}-{purpose}", operation.name()), number, 0);
        let latency = behaviour.latency.sample(&mut draws("latency"));
        if draws("error").random::<f64>() < behaviour.errors {
            let wait = behaviour.errors_after.unwrap_or(latency);
            Sleeper::shared().until(self.at(started, wait)).await;
            let failure = Failure {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                kind: "server_error",
                message: "the model failed".to_owned(),
                retry_after: None,
            };
            return Err(self.failed(operation, failure));
        }
        Ok(Call { settings, latency, started, slot })
    }

    /// The real instant that is `scenario` after `from`.
    fn at(&self, from: Instant, scenario: Duration) -> Instant {
        // A day stands for anything longer.
        from.checked_add(self.speed.real(scenario)).unwrap_or(from + Duration::from_secs(86_400))
    }

    fn failed(&self, operation: Operation, failure: Failure) -> Response {
        self.metrics.answered(operation, failure.status.as_u16());
        failure.into_response()
    }
}

/// `POST /v1/embeddings`.
pub(super) async fn embeddings(State(mock): State<Arc<Mock>>, Json(request): Json<Value>) -> Response {
    let operation = Operation::Embedding;
    let wanted = match EmbeddingRequest::read(&request) {
        Ok(wanted) => wanted,
        Err(failure) => return mock.failed(operation, failure),
    };
    let call = match mock.begin(operation, wanted.inputs.len()).await {
        Ok(call) => call,
        Err(response) => return response,
    };
    let body = wanted.answer(call.settings.dimensions);
    Sleeper::shared().until(mock.at(call.started, call.latency)).await;
    mock.metrics.answered(operation, 200);
    if call.settings.garbage {
        return garbage(false);
    }
    Json(body).into_response()
}

/// What an embedding call asks for.
struct EmbeddingRequest<'a> {
    model: &'a str,
    inputs: Vec<&'a str>,
    dimensions: Option<usize>,
    base64: bool,
}

impl<'a> EmbeddingRequest<'a> {
    fn read(request: &'a Value) -> Result<Self, Failure> {
        let inputs = match &request["input"] {
            Value::String(text) => vec![text.as_str()],
            Value::Array(texts) => texts
                .iter()
                .map(|text| {
                    text.as_str().ok_or_else(|| Failure::invalid("`input` holds something else than text"))
                })
                .collect::<Result<_, _>>()?,
            _ => return Err(Failure::invalid("`input` is text or an array of texts")),
        };
        if !(1..=INPUTS_MAX).contains(&inputs.len()) {
            return Err(Failure::invalid(format!("`input` holds between 1 and {INPUTS_MAX} texts")));
        }
        let dimensions = match &request["dimensions"] {
            Value::Null => None,
            value => match value.as_u64() {
                Some(n) if (1..=LlmProfile::DIMENSIONS_MAX as u64).contains(&n) => Some(n as usize),
                _ => return Err(Failure::invalid("`dimensions` is out of range")),
            },
        };
        Ok(Self {
            model: request["model"].as_str().unwrap_or("mock-embedding"),
            inputs,
            dimensions,
            base64: request["encoding_format"] == "base64",
        })
    }

    fn answer(&self, dimensions: usize) -> Value {
        let dimensions = self.dimensions.unwrap_or(dimensions);
        let encoded = |vector: Vec<f32>| {
            if self.base64 {
                let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
                Value::String(base64::engine::general_purpose::STANDARD.encode(bytes))
            } else {
                json!(vector)
            }
        };
        let data: Vec<Value> = self
            .inputs
            .iter()
            .enumerate()
            .map(|(index, text)| {
                json!({"object": "embedding", "index": index, "embedding": encoded(embed(text, dimensions))})
            })
            .collect();
        let tokens: usize = self.inputs.iter().map(|text| text.split_whitespace().count()).sum();
        json!({
            "object": "list", "data": data, "model": self.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        })
    }
}

/// `POST /v1/chat/completions`.
pub(super) async fn chat_completions(State(mock): State<Arc<Mock>>, Json(request): Json<Value>) -> Response {
    let operation = if request["model"] == JUDGE { Operation::Judge } else { Operation::Generation };
    let Some(prompt) = prompt(&request) else {
        return mock.failed(operation, Failure::invalid("`messages` is an array of messages with `content`"));
    };
    let call = match mock.begin(operation, 1).await {
        Ok(call) => call,
        Err(response) => return response,
    };
    if call.settings.garbage {
        Sleeper::shared().until(mock.at(call.started, call.latency)).await;
        mock.metrics.answered(operation, 200);
        return garbage(request["stream"] == true);
    }
    let limit = request["max_completion_tokens"].as_u64().or(request["max_tokens"].as_u64());
    let most = limit.map_or(LlmProfile::ANSWER_TOKENS_MAX, |n| n as usize);
    let completion = Completion {
        id: format!("chatcmpl-{:016x}", fnv1a(prompt.as_bytes())),
        model: request["model"].as_str().unwrap_or("mock-chat").to_owned(),
        prompt_tokens: prompt.split_whitespace().count(),
        tokens: answer(&prompt, call.settings.answer_tokens, most),
    };
    if request["stream"] == true {
        let usage = request["stream_options"]["include_usage"] == true;
        return Sse::new(completion.stream(mock, operation, call, usage)).into_response();
    }
    Sleeper::shared().until(mock.at(call.started, call.latency)).await;
    mock.metrics.answered(operation, 200);
    Json(completion.whole()).into_response()
}

/// An answer that looks right from outside and cannot be read.
fn garbage(stream: bool) -> Response {
    const TEXT: &str = "{\"data\": [\"\u{fffd}#%";
    if stream {
        ([(header::CONTENT_TYPE, "text/event-stream")], format!("data: {TEXT}\n\n")).into_response()
    } else {
        ([(header::CONTENT_TYPE, "application/json")], TEXT).into_response()
    }
}

/// The text of all messages; none if there is no message.
fn prompt(request: &Value) -> Option<String> {
    let messages = request["messages"].as_array().filter(|messages| !messages.is_empty())?;
    let text = |message: &Value| match &message["content"] {
        Value::String(text) => Some(text.clone()),
        // The form with parts: `[{"type": "text", "text": "…"}]`.
        Value::Array(parts) => {
            Some(parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"))
        }
        _ => None,
    };
    messages.iter().map(text).collect::<Option<Vec<_>>>().map(|texts| texts.join("\n"))
}

/// A generated answer before it is sent.
struct Completion {
    id: String,
    model: String,
    prompt_tokens: usize,
    tokens: Vec<String>,
}

impl Completion {
    fn usage(&self) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens, "completion_tokens": self.tokens.len(),
            "total_tokens": self.prompt_tokens + self.tokens.len(),
        })
    }

    fn whole(&self) -> Value {
        json!({
            "id": self.id, "object": "chat.completion", "created": 0, "model": self.model,
            "choices": [{
                "index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": self.tokens.concat()},
            }],
            "usage": self.usage(),
        })
    }

    fn chunk(&self, delta: &Value, finish: Option<&str>) -> Event {
        let chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": 0, "model": self.model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        });
        Event::default().data(chunk.to_string())
    }

    /// The tokens, spread over the call's latency: the first after its share, the last at the end.
    fn stream(
        self,
        mock: Arc<Mock>,
        operation: Operation,
        call: Call,
        usage: bool,
    ) -> impl Stream<Item = Result<Event, std::convert::Infallible>> {
        let first = call.latency.mul_f64(call.settings.first_token);
        let rest = call.latency.saturating_sub(first);
        let last = self.tokens.len().saturating_sub(1).max(1);
        async_stream::stream! {
            // Held to the end of the stream, or until its reader is gone.
            let _slot = call.slot;
            let sleeper = Sleeper::shared();
            yield Ok(self.chunk(&json!({"role": "assistant", "content": ""}), None));
            let mut joined = String::new();
            let mut sent = call.started;
            for (n, token) in self.tokens.iter().enumerate() {
                joined.push_str(token);
                let due = mock.at(call.started, first + rest.mul_f64(n as f64 / last as f64));
                if n > 0 && n < self.tokens.len() - 1 && due < sent + EVENT_GAP_MIN {
                    continue;
                }
                sleeper.until(due).await;
                sent = due;
                yield Ok(self.chunk(&json!({"content": std::mem::take(&mut joined)}), None));
            }
            sleeper.until(mock.at(call.started, call.latency)).await;
            yield Ok(self.chunk(&json!({}), Some("stop")));
            if usage {
                let chunk = json!({
                    "id": self.id, "object": "chat.completion.chunk", "created": 0, "model": self.model,
                    "choices": [], "usage": self.usage(),
                });
                yield Ok(Event::default().data(chunk.to_string()));
            }
            mock.metrics.answered(operation, 200);
            yield Ok(Event::default().data("[DONE]"));
        }
    }
}
