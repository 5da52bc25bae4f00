//! Connections: kept, closed, stale, and over TLS; with every way to say where a body ends.

use std::sync::Arc;

use loadlab_engine::EngineOptions;
use loadlab_record::Outcome;
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};
use tokio_util::sync::CancellationToken;

use crate::{
    plans::{get, plan, run, run_with, users},
    server::{Act, Server, answer, chunk, last_chunk, ms},
};

/// One user who wants something every 60 ms for half a second, over one server.
async fn half_a_second(acts: Vec<Act>) -> (u64, u64, usize) {
    let server = Server::start(move |_| acts.clone()).await;
    let ran = run(plan(users(1, ms(500), ms(60)), vec![get("get", "/")]), &server.base).await;
    assert_eq!(ran.total.ended.not_ok(), 0, "{:?}", ran.total.ended);
    let bytes = ran.step("get").bytes;
    let connections = server.notes.lock().connections;
    (ran.ended(Outcome::Ok), bytes, connections)
}

fn raw(text: &str) -> Act {
    Act::Send(text.as_bytes().to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_kept_where_the_server_lets_them_and_bodies_are_read_to_their_end() {
    let (wants, bytes, connections) = half_a_second(vec![answer(200, "hello")]).await;
    assert_eq!((bytes, connections), (5 * wants, 1), "content length");
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let (wants, bytes, connections) =
        half_a_second(vec![raw(head), chunk("hel"), Act::Wait(ms(5)), chunk("lo"), last_chunk()]).await;
    assert_eq!((bytes, connections), (5 * wants, 1), "chunks");
    let (wants, bytes, connections) =
        half_a_second(vec![raw("HTTP/1.0 200 OK\r\n\r\nhello"), Act::Close]).await;
    assert_eq!((bytes, connections), (5 * wants, usize::try_from(wants).expect("few")), "HTTP/1.0");
    let close = raw("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello");
    let (wants, bytes, connections) = half_a_second(vec![close, Act::Close]).await;
    assert_eq!((bytes, connections), (5 * wants, usize::try_from(wants).expect("few")), "connection: close");
    let (wants, bytes, connections) = half_a_second(vec![raw("HTTP/1.1 204 No Content\r\n\r\n")]).await;
    assert_eq!((bytes, connections), (0, 1), "no body");
    assert!(wants >= 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_that_the_server_closed_meanwhile_costs_no_request() {
    // It is closed without a word, 10 ms after the answer and long before the next request.
    let server = Server::start(|_| vec![answer(200, "ok"), Act::Wait(ms(10)), Act::Close]).await;
    let ran = run(plan(users(1, ms(1_800), ms(400)), vec![get("get", "/")]), &server.base).await;
    assert_eq!((ran.total.ended.not_ok(), ran.total.retried), (0, 0), "{:?}", ran.total.ended);
    let notes = server.notes.lock();
    assert_eq!((notes.connections, notes.seen.len() as u64), (notes.seen.len(), ran.total.scheduled));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_reuse_every_request_has_a_connection_of_its_own() {
    let server = Server::start(|_| vec![answer(200, "ok")]).await;
    let mut plan = plan(users(1, ms(500), ms(60)), vec![get("get", "/")]);
    plan.client.reuse = false;
    let ran = run(plan, &server.base).await;
    let notes = server.notes.lock();
    assert_eq!(notes.connections, notes.seen.len());
    assert!(ran.generator.iter().all(|sample| sample.connections <= 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_prefix_and_the_host_are_sent() {
    let server = Server::start(|_| vec![answer(200, "ok")]).await;
    let base = format!("{}/api/v1/", server.base);
    run(plan(crate::plans::burst(1), vec![get("get", "/search?q=1")]), &base).await;
    let notes = server.notes.lock();
    assert_eq!(notes.seen[0].line, "GET /api/v1/search?q=1 HTTP/1.1");
    let host = format!("host: {}", server.base.trim_start_matches("http://"));
    assert!(notes.seen[0].headers.contains(&host), "{}", notes.seen[0].headers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn https_works_with_a_trusted_certificate_and_not_without() {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("localhost.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("localhost.key")).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a server");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = Server::start(|_| vec![]).await;
    let serving = server.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                serving.serve_on(stream, |_| vec![answer(200, "secret")]);
            }
        }
    });
    let base = format!("https://localhost:{port}");
    let one = || plan(users(2, ms(300), ms(40)), vec![get("get", "/")]);
    let options = EngineOptions { trusted: vec![certificate], ..EngineOptions::default() };
    let ran = run_with(one(), &base, options, CancellationToken::new()).await;
    assert_eq!(ran.total.ended.not_ok(), 0, "{:?}", ran.total.ended);
    assert!(ran.ended(Outcome::Ok) >= 2);
    assert_eq!(server.notes.lock().connections, 2, "kept");
    let ran = run(one(), &base).await;
    assert_eq!(ran.ended(Outcome::Connect), ran.total.ended.total());
}
