//! The HTTP API: Toxiproxy's, byte for byte where clients look, and a few additions.
//!
//! | added | answers |
//! |---|---|
//! | `GET /events?after=N` | `{"events":[…],"newest":N}`: what happened after event N |
//! | `GET /stats` | `[…]`: connections and bytes of each proxy, and what each toxic touched |
//! | `POST /leases` | `201`, a first line `{"lease":"<id>"}` and then nothing until the client leaves |
//!
//! It is served on the control plane's thread. Calls that may look a name up run beside it, so a
//! slow resolver holds up nobody else.

mod reply;
mod request_id;
mod route;

use std::{convert::Infallible, future::Future, io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use loadlab_clock::Sleeper;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use self::{
    reply::{Body, Reply},
    route::{Found, Route},
};
use super::{
    ControlError, Proxies, ProxyPatch, ProxySpec, ProxyView, ToxicPatch, ToxicSpec, ToxicView,
    spec::first_value,
};

/// What `GET /version` answers: the release of Toxiproxy whose API this is, and what serves it.
pub const VERSION: &str = concat!("2.12.0+loadlab.", env!("CARGO_PKG_VERSION"));
/// The header that names the lease under which a call is made.
pub const LEASE_HEADER: &str = "x-loadlab-lease";
/// The longest body that is read: thousands of proxies.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long accepting rests after an error, which is that of having no file descriptors left.
const REST: Duration = Duration::from_millis(10);

/// Serves the API on the control plane's thread until `stop` is ready; then its connections are
/// closed, and their leases end. An error is that of a listener that could not be moved there.
pub async fn serve(
    listener: TcpListener,
    proxies: Arc<Proxies>,
    stop: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let listener = listener.into_std()?;
    let control = proxies.control().clone();
    // Aborted when this is dropped, so that nothing serves on unseen.
    let mut serving = JoinSet::new();
    serving.spawn_on(
        async move {
            match TcpListener::from_std(listener) {
                Ok(listener) => accept(listener, proxies).await,
                Err(error) => error,
            }
        },
        &control,
    );
    tokio::select! {
        () = stop => Ok(()),
        // Accepting never ends by itself, unless it could not begin.
        ended = serving.join_next() => match ended {
            Some(Ok(error)) => Err(error),
            _ => Ok(()),
        },
    }
}

/// Accepts for ever.
async fn accept(listener: TcpListener, proxies: Arc<Proxies>) -> io::Error {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&proxies)));
                }
                Err(error) => {
                    log::warn!("the control API could not accept: {error}");
                    Sleeper::shared().sleep(REST).await;
                }
            },
        }
    }
}

async fn connection(stream: TcpStream, proxies: Arc<Proxies>) {
    if let Err(error) = stream.set_nodelay(true) {
        log::debug!("a control connection keeps Nagle's delay: {error}");
    }
    let service = service_fn(move |request| answer(Arc::clone(&proxies), request));
    let served =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        log::debug!("a control connection ended: {error}");
    }
}

async fn answer(proxies: Arc<Proxies>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let route = match routed(&proxies, request.method(), request.uri().path()) {
        Ok(route) => route,
        Err(reply) => return Ok(reply.into_response()),
    };
    let is_browser = request.headers().get(header::USER_AGENT);
    let reply = if is_browser.is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/")) {
        reply::plain(403, "User agent not allowed")
    } else {
        call(proxies, route, request).await
    };
    Ok(reply.with_request_id().into_response())
}

/// The route of a path, or the answer where there is none.
fn routed(proxies: &Proxies, method: &Method, path: &str) -> Result<Route, Reply> {
    match route::find(method, path, proxies.options.metrics) {
        Found::Route(route) => Ok(route),
        Found::Nothing => Err(reply::plain(404, "404 page not found")),
        Found::Elsewhere(path) => Err(reply::moved(&path)),
        Found::NotDecodable => Err(reply::plain(400, "400 Bad Request")),
        Found::OtherMethods => Err(reply::empty(405)),
    }
}

/// One call without a socket, as tests of what the API makes of bodies need it: its status, and what
/// there is of its body by then (all, but for a lease, whose body never ends). `path` may carry a
/// query. What waits for a look-up of a name waits here.
pub fn call_in_process(proxies: &Arc<Proxies>, method: &Method, path: &str, body: &[u8]) -> (u16, Bytes) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let reply = match routed(proxies, method, path) {
        Err(reply) => reply,
        Ok(route) => {
            let (proxies, method, query) = (Arc::clone(proxies), method.clone(), query.to_owned());
            let body = Bytes::copy_from_slice(body);
            handle(&route, &Call { proxies, method, query, lease: None, body })
        }
    };
    reply.into_parts()
}

/// What a handler is given.
struct Call {
    proxies: Arc<Proxies>,
    method: Method,
    query: String,
    lease: Option<String>,
    body: Bytes,
}

async fn call(proxies: Arc<Proxies>, route: Route, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let lease = head.headers.get(LEASE_HEADER).map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return reply::plain(413, "the body is longer than 16 MiB");
        }
        // The client left in the middle of its body; nobody reads this.
        Err(_) => return reply::empty(400),
    };
    let query = head.uri.query().unwrap_or_default().to_owned();
    let call = Call { proxies, method: head.method, query, lease, body };
    if !route.may_look_names_up() {
        return handle(&route, &call);
    }
    let handled = tokio::task::spawn_blocking(move || handle(&route, &call)).await;
    handled.unwrap_or_else(|_| reply::empty(500))
}

/// The one table of what a route and a method do.
fn handle(route: &Route, call: &Call) -> Reply {
    let proxies = &call.proxies;
    let lease = call.lease.as_deref();
    let done = match (route, call.method.as_str()) {
        (Route::Reset, _) => proxies.reset().map(|()| reply::empty(204)),
        (Route::Proxies, "GET") => Ok(reply::json(200, &all_by_name(&proxies.list()))),
        (Route::Proxies, _) => create(call),
        (Route::Populate, _) => Ok(populate(call)),
        (Route::Proxy(name), "GET") => proxies.get(name).map(|view| shown(200, &view)),
        (Route::Proxy(name), "DELETE") => proxies.delete(name).map(|()| reply::empty(204)),
        (Route::Proxy(name), _) => update(call, name, lease),
        (Route::Toxics(proxy), "GET") => proxies.toxics(proxy).map(|all| reply::json(200, &listed(&all))),
        (Route::Toxics(proxy), _) => add_toxic(call, proxy, lease),
        (Route::Toxic(proxy, name), "GET") => {
            proxies.toxic(proxy, name).map(|toxic| reply::json(200, &toxic.to_json()))
        }
        (Route::Toxic(proxy, name), "DELETE") => {
            proxies.remove_toxic(proxy, name).map(|()| reply::empty(204))
        }
        (Route::Toxic(proxy, name), _) => update_toxic(call, proxy, name),
        (Route::Version, _) => Ok(reply::version(VERSION)),
        (Route::Metrics, _) => Ok(reply::metrics(proxies.metrics())),
        (Route::Events, _) => Ok(reply::json(200, &events(call))),
        (Route::Stats, _) => {
            let all: Vec<_> = proxies.stats().iter().map(super::ProxyStats::to_json).collect();
            Ok(reply::json(200, &all.into()))
        }
        (Route::Leases, _) => Ok(reply::lease(proxies.lease())),
    };
    done.unwrap_or_else(|error| reply::error(&error))
}

fn shown(status: u16, view: &ProxyView) -> Reply {
    reply::json(status, &view.to_json())
}

fn listed(toxics: &[ToxicView]) -> Value {
    toxics.iter().map(ToxicView::to_json).collect()
}

fn all_by_name(proxies: &[ProxyView]) -> Value {
    Value::Object(proxies.iter().map(|view| (view.name.clone(), view.to_json())).collect())
}

fn create(call: &Call) -> Result<Reply, ControlError> {
    let spec = ProxySpec::read(&first_value(&call.body)?, false)?;
    call.proxies.create(&spec).map(|view| shown(201, &view))
}

fn update(call: &Call, name: &str, lease: Option<&str>) -> Result<Reply, ControlError> {
    call.proxies.get(name)?;
    let patch = ProxyPatch::read(&first_value(&call.body)?)?;
    call.proxies.update(name, &patch, lease).map(|view| shown(200, &view))
}

/// Errors of this one are JSON, and carry `proxies`; an empty list is `null`.
fn populate(call: &Call) -> Reply {
    match call.proxies.populate_json(&call.body) {
        Ok(made) if made.is_empty() => reply::json(201, &json!({ "proxies": null })),
        Ok(made) => {
            let all: Vec<_> = made.iter().map(ProxyView::to_json).collect();
            reply::json(201, &json!({ "proxies": all }))
        }
        Err(error) => {
            let status = error.status();
            let said = json!({ "error": error.to_string(), "status": status, "proxies": null });
            reply::json(status, &said)
        }
    }
}

fn add_toxic(call: &Call, proxy: &str, lease: Option<&str>) -> Result<Reply, ControlError> {
    call.proxies.get(proxy)?;
    let spec = ToxicSpec::read(&first_value(&call.body)?)?;
    call.proxies.add_toxic(proxy, &spec, lease).map(|toxic| reply::json(200, &toxic.to_json()))
}

fn update_toxic(call: &Call, proxy: &str, name: &str) -> Result<Reply, ControlError> {
    call.proxies.toxic(proxy, name)?;
    let patch = ToxicPatch::read(&first_value(&call.body)?)?;
    call.proxies.update_toxic(proxy, name, &patch).map(|toxic| reply::json(200, &toxic.to_json()))
}

fn events(call: &Call) -> Value {
    let mut members = call.query.split('&').filter_map(|member| member.split_once('='));
    let after = members.find(|(key, _)| *key == "after").and_then(|(_, number)| number.parse().ok());
    let newest = *call.proxies.subscribe().borrow();
    let events = call.proxies.events_after(after.unwrap_or(0));
    // An event may come between the two looks; the newest is never behind those shown.
    let newest = events.last().map_or(newest, |event| event.number.max(newest));
    json!({ "events": events.iter().map(super::Event::to_json).collect::<Vec<_>>(), "newest": newest })
}
