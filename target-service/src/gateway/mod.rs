//! The gateway: who may ask, how often, and which instance answers.
//!
//! ```text
//!   request ─> token (401) ─> rate limit (429) ─> pick an instance ─> proxy ─> answer, unbuffered
//! ```
//!
//! `/auth/token` stands in for an identity provider. `/health` and `/metrics` are the gateway's own;
//! `/ready` asks an instance. When a client leaves, the connection to the instance is dropped, and
//! the instance hears of it. For a while after a user has written, the instance is told to read what the
//! user asks for where it was written, if the profile says so.

mod limit;
mod metrics;
mod proxy;
mod recent;
mod token;

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use http::{HeaderValue, StatusCode, header};
use loadlab_clock::{RunClock, Speed};
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

pub use self::recent::{PRIMARY, READ_FROM};
use self::{
    limit::{OverallLimit, UserLimit},
    metrics::GatewayMetrics,
    proxy::{Proxy, ProxyError},
    recent::RecentWriters,
    token::Issuer,
};
use crate::{
    metrics::CONTENT_TYPE,
    profile::OnReset,
    role::{Ready, RoleConfig, RoleError},
    standin::http::{Reset, serve_with},
};

/// Longest name of a user, in bytes.
const USER_BYTES_MAX: usize = 200;

struct Gateway {
    issuer: Issuer,
    limit: Option<UserLimit>,
    overall: Option<OverallLimit>,
    writers: Option<RecentWriters>,
    proxy: Proxy,
    metrics: Arc<GatewayMetrics>,
    speed: Speed,
    on_reset: OnReset,
}

#[derive(Deserialize)]
struct TokenRequest {
    user: String,
}

/// Serves until `stop`.
pub async fn serve(
    config: RoleConfig,
    stop: CancellationToken,
    ready: impl FnOnce(&Ready),
) -> Result<(), RoleError> {
    let router = app(&config)?;
    let (listener, listen) = config.bind().await?;
    ready(&Ready { role: config.name, listen, admin: None });
    let socket = config.profile.service.streams.socket.map(|size| size.bytes() as usize);
    serve_with(listener, router, socket, stop).await.map_err(|source| RoleError::Serve { source })
}

/// The gateway without its socket.
fn app(config: &RoleConfig) -> Result<Router, RoleError> {
    let profile = &config.profile.gateway;
    let instances: Vec<String> = config
        .edges
        .iter()
        .filter(|(name, _)| name.starts_with("service-"))
        .map(|(_, at)| at.clone())
        .collect();
    if instances.is_empty() {
        return Err(RoleError::NoEdge { role: config.name.clone(), edge: "service-0".to_owned() });
    }
    let metrics = Arc::new(GatewayMetrics::new());
    let limit = UserLimit::new(&profile.rate_limit, config.speed)
        .map_err(|reason| RoleError::Start { part: "the rate limit", reason })?;
    let overall = OverallLimit::new(&profile.global_limit, config.speed)
        .map_err(|reason| RoleError::Start { part: "the rate limit of all users", reason })?;
    let gateway = Gateway {
        issuer: Issuer::new(profile, RunClock::start(config.speed)),
        limit,
        overall,
        writers: profile.read_after_write.map(|time| RecentWriters::new(config.speed.real(time))),
        proxy: Proxy::new(&config.profile, instances, config.speed, Arc::clone(&metrics)),
        metrics,
        speed: config.speed,
        on_reset: profile.on_reset,
    };
    Ok(Router::new()
        .route("/health", get(async || "ok\n"))
        .route("/metrics", get(publish))
        .route("/auth/token", post(issue))
        .route("/ready", get(forward))
        .route("/api/health/circuit-breaker", get(forward))
        .fallback(guarded)
        .with_state(Arc::new(gateway)))
}

async fn publish(State(gateway): State<Arc<Gateway>>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], gateway.metrics.text()).into_response()
}

/// `POST /auth/token`.
async fn issue(
    State(gateway): State<Arc<Gateway>>,
    request: Result<Json<TokenRequest>, axum::extract::rejection::JsonRejection>,
) -> Response {
    let response = match request {
        Ok(Json(TokenRequest { user })) if (1..=USER_BYTES_MAX).contains(&user.len()) => {
            match gateway.issuer.issue(&user) {
                Ok((token, lifetime)) => {
                    Json(json!({"token": token, "expires_in_s": lifetime.as_secs_f64()})).into_response()
                }
                Err(error) => {
                    log::error!("cannot sign a token: {error}");
                    failure(StatusCode::INTERNAL_SERVER_ERROR, "no token can be made")
                }
            }
        }
        Ok(_) => failure(StatusCode::BAD_REQUEST, "`user` is empty or too long"),
        Err(rejection) => failure(StatusCode::BAD_REQUEST, &rejection.body_text()),
    };
    gateway.metrics.answered(response.status());
    response
}

/// Everything that needs a token.
async fn guarded(state: State<Arc<Gateway>>, request: Request) -> Response {
    let gateway = &state.0;
    let user = match gateway.issuer.user_of(request.headers()) {
        Ok(user) => user,
        Err(refusal) => {
            gateway.metrics.rejected("unauthorized");
            let mut response = failure(StatusCode::UNAUTHORIZED, &refusal.to_string());
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            gateway.metrics.answered(response.status());
            return response;
        }
    };
    let of_user = gateway.limit.as_ref().and_then(|limit| limit.wait(&user));
    // Who may not ask does not use up what all may ask together.
    let wait = of_user.or_else(|| gateway.overall.as_ref().and_then(OverallLimit::wait));
    if let Some(wait) = wait {
        gateway.metrics.rejected("rate_limited");
        let mut response = failure(StatusCode::TOO_MANY_REQUESTS, "too many requests");
        // The header has whole seconds; they are the scenario's, as all that a client waits for.
        let seconds = gateway.speed.scenario(wait).as_secs_f64().ceil().max(1.0);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds as u64));
        gateway.metrics.answered(response.status());
        return response;
    }
    let Some(writers) = &gateway.writers else { return forward(state, request).await };
    let (is_write, request) = (recent::writes(&request), writers.marked(&user, request));
    let response = forward(State(Arc::clone(gateway)), request).await;
    if is_write && response.status().is_success() {
        writers.wrote(user);
    }
    response
}

/// Passes a request on.
async fn forward(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let response = match gateway.proxy.forward(request).await {
        Ok(response) => response.map(Body::new),
        Err(ProxyError::BrokenOff { .. }) if gateway.on_reset == OnReset::Reset => {
            gateway.metrics.rejected("reset");
            let mut response = StatusCode::BAD_GATEWAY.into_response();
            response.extensions_mut().insert(Reset);
            response
        }
        Err(error) => {
            log::debug!("{error}");
            failure(error.status(), error.outside())
        }
    };
    gateway.metrics.answered(response.status());
    response
}

fn failure(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"error": message}))).into_response()
}
