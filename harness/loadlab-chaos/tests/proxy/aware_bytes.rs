//! Toxics for bytes on proxies that read their protocol: they do there what they do on raw ones.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use loadlab_chaos::proxy::{Protocol, ProxySpec};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::rig::{PATIENCE, Rig, connect, end_of, rig, server, within};

/// Bytes that a reply carries.
const BODY_BYTES: usize = 20_000;
/// How long a toxic has to show that it delays.
const DELAY: Duration = Duration::from_millis(200);

/// A protocol as these tests speak it: one request, and the reply that each gets.
#[derive(Clone, Copy)]
struct Spoken {
    protocol: Protocol,
    request: &'static [u8],
}

const SPOKEN: [Spoken; 2] = [
    Spoken { protocol: Protocol::Http, request: b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n" },
    Spoken { protocol: Protocol::Resp, request: b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" },
];

impl Spoken {
    fn reply(self) -> Vec<u8> {
        let body = "a".repeat(BODY_BYTES);
        match self.protocol {
            Protocol::Resp => format!("${BODY_BYTES}\r\n{body}\r\n").into_bytes(),
            _ => format!("HTTP/1.1 200 OK\r\ncontent-length: {BODY_BYTES}\r\n\r\n{body}").into_bytes(),
        }
    }

    /// Answers `replies` requests on each connection and closes.
    async fn upstream(self, replies: usize) -> SocketAddr {
        server(move |mut stream| async move {
            let mut request = vec![0; self.request.len()];
            for _ in 0..replies {
                if stream.read_exact(&mut request).await.is_err() {
                    return;
                }
                assert_eq!(request.to_ascii_lowercase(), self.request.to_ascii_lowercase());
                if stream.write_all(&self.reply()).await.is_err() {
                    return;
                }
            }
        })
        .await
    }

    /// A proxy `p` before `upstream`, and a connection through it.
    async fn through(self, rig: &Rig, upstream: SocketAddr) -> TcpStream {
        let mut spec = ProxySpec::new("p", upstream.to_string());
        spec.protocol = self.protocol;
        let listen = rig.proxies.create(&spec).expect("a proxy").listen;
        connect(listen.parse().expect("an address")).await
    }

    /// Sends the request.
    async fn ask(self, client: &mut TcpStream) {
        client.write_all(self.request).await.expect("sent");
    }

    /// Reads a reply, of which nothing is missing or changed; how long it took from now.
    async fn whole(self, client: &mut TcpStream) -> io::Result<Duration> {
        let start = Instant::now();
        let mut back = vec![0; self.reply().len()];
        within(PATIENCE, client.read_exact(&mut back)).await?;
        assert!(back == self.reply(), "the reply was changed: {}", String::from_utf8_lossy(&back[..100]));
        Ok(start.elapsed())
    }
}

fn touched(rig: &Rig) -> (u64, u64) {
    let touched = rig.proxies.stats().remove(0).toxics[0].touched;
    (touched.connections, touched.bytes)
}

#[tokio::test]
async fn bandwidth_paces_a_reply() {
    for spoken in SPOKEN {
        let rig = rig().await;
        let mut client = spoken.through(&rig, spoken.upstream(9).await).await;
        spoken.ask(&mut client).await;
        spoken.whole(&mut client).await.expect("a plain reply");
        // 20 KB at 50 KB/s.
        rig.expect_toxic("p", r#"{"type":"bandwidth","attributes":{"rate":50}}"#).await;
        spoken.ask(&mut client).await;
        let took = spoken.whole(&mut client).await.expect("a reply");
        assert!(took >= DELAY, "{:?}: {took:?}", spoken.protocol);
        assert_eq!(touched(&rig).0, 1);
        // Nothing passes at rate 0, and what was held goes on with the toxic's end.
        rig.call("POST", "/proxies/p/toxics/bandwidth_downstream", r#"{"attributes":{"rate":0}}"#).await;
        spoken.ask(&mut client).await;
        let all = 3 * spoken.reply().len() as u64;
        let held = rig.until(|stats| stats.downstream.received == all).await;
        assert!(held.downstream.sent < all, "{held:?}");
        rig.call("DELETE", "/proxies/p/toxics/bandwidth_downstream", "").await.expect_empty(204);
        spoken.whole(&mut client).await.expect("let go");
    }
}

#[tokio::test]
async fn limit_data_closes_in_the_middle_of_a_reply() {
    for spoken in SPOKEN {
        let rig = rig().await;
        let mut client = spoken.through(&rig, spoken.upstream(9).await).await;
        rig.expect_toxic("p", r#"{"type":"limit_data","attributes":{"bytes":1000}}"#).await;
        spoken.ask(&mut client).await;
        assert_eq!(end_of(&mut client).await, Ok(1_000), "{:?}", spoken.protocol);
        let stats = rig.until(|stats| stats.connections.open == 0).await;
        assert_eq!((stats.downstream.sent, stats.toxics[0].touched.connections), (1_000, 1));
    }
}

#[tokio::test]
async fn limit_data_counts_requests_bytes_too() {
    for spoken in SPOKEN {
        let rig = rig().await;
        let mut client = spoken.through(&rig, spoken.upstream(9).await).await;
        rig.expect_toxic("p", r#"{"type":"limit_data","stream":"upstream","attributes":{"bytes":10}}"#).await;
        spoken.ask(&mut client).await;
        // The request is cut off, so there is no reply of the upstream.
        let end = end_of(&mut client).await;
        assert!(end.is_err() || end.is_ok_and(|bytes| bytes < BODY_BYTES), "{:?}: {end:?}", spoken.protocol);
        let stats = rig.until(|stats| stats.connections.open == 0).await;
        assert_eq!((stats.downstream.received, stats.toxics[0].touched.connections), (0, 1));
    }
}

#[tokio::test]
async fn slicer_cuts_replies_and_requests_and_loses_nothing() {
    for spoken in SPOKEN {
        for stream in ["downstream", "upstream"] {
            let rig = rig().await;
            let mut client = spoken.through(&rig, spoken.upstream(9).await).await;
            // Twenty slices of a reply, or a few of a request.
            let size = if stream == "downstream" { 1_000 } else { spoken.request.len() / 4 };
            let toxic = format!(
                r#"{{"type":"slicer","stream":"{stream}","attributes":{{"average_size":{size},"delay":20000}}}}"#
            );
            rig.expect_toxic("p", &toxic).await;
            let start = Instant::now();
            spoken.ask(&mut client).await;
            spoken.whole(&mut client).await.expect("a reply");
            let least = if stream == "downstream" { DELAY } else { DELAY / 5 };
            assert!(start.elapsed() >= least, "{:?} {stream}: {:?}", spoken.protocol, start.elapsed());
            assert_eq!(touched(&rig).0, 1);
        }
    }
}

#[tokio::test]
async fn slow_close_delays_the_end_and_not_the_reply() {
    for spoken in SPOKEN {
        let rig = rig().await;
        let mut client = spoken.through(&rig, spoken.upstream(1).await).await;
        rig.expect_toxic("p", r#"{"type":"slow_close","attributes":{"delay":600}}"#).await;
        let start = Instant::now();
        spoken.ask(&mut client).await;
        let reply = spoken.whole(&mut client).await.expect("a reply");
        assert_eq!(end_of(&mut client).await, Ok(0), "{:?}", spoken.protocol);
        let end = start.elapsed();
        assert!(end >= Duration::from_millis(600) && reply < end / 2, "{reply:?}, {end:?}");
        assert_eq!(touched(&rig).0, 1);
    }
}

#[tokio::test]
async fn packet_loss_drops_replies_until_it_is_gone() {
    for spoken in SPOKEN {
        let rig = rig().await;
        let mut client = spoken.through(&rig, spoken.upstream(9).await).await;
        rig.expect_toxic("p", r#"{"type":"packet_loss","attributes":{"loss_rate":1}}"#).await;
        spoken.ask(&mut client).await;
        let lost = spoken.reply().len() as u64;
        rig.until(|stats| stats.toxics[0].touched.bytes == lost).await;
        assert_eq!((touched(&rig), rig.proxies.stats().remove(0).downstream.sent), ((1, lost), 0));
        rig.call("POST", "/reset", "").await.expect_empty(204);
        spoken.ask(&mut client).await;
        spoken.whole(&mut client).await.expect("the connection stays, and the next reply is whole");
    }
}

#[tokio::test]
async fn corrupt_changes_every_byte_of_a_reply_and_keeps_their_number() {
    for spoken in SPOKEN {
        let rig = rig().await;
        let mut client = spoken.through(&rig, spoken.upstream(9).await).await;
        rig.expect_toxic("p", r#"{"type":"corrupt","attributes":{"share":1,"unit":"byte"}}"#).await;
        spoken.ask(&mut client).await;
        let sent = spoken.reply();
        let mut back = vec![0; sent.len()];
        within(PATIENCE, client.read_exact(&mut back)).await.expect("as many bytes");
        assert!(back.iter().zip(&sent).all(|(back, sent)| back != sent), "{:?}", spoken.protocol);
        assert_eq!(touched(&rig), (1, sent.len() as u64));
        rig.call("DELETE", "/proxies/p/toxics/corrupt_downstream", "").await.expect_empty(204);
        spoken.ask(&mut client).await;
        spoken.whole(&mut client).await.expect("a reply");
    }
}
