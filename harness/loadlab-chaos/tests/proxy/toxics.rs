//! Each toxic on open connections, over real sockets. Times are orders: the machine is busy.

use std::{
    io,
    time::{Duration, Instant},
};

use loadlab_clock::Sleeper;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::rig::{PATIENCE, Rig, connect, echo, echo_server, end_of, rig, rig_at, server, within};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A proxy named `p` before an echo server, and a connection that has worked.
async fn echoing(rig: &Rig) -> tokio::net::TcpStream {
    let mut stream = connect(rig.proxy("p", echo_server().await)).await;
    echo(&mut stream, b"first").await.expect("an echo");
    stream
}

fn touched(rig: &Rig) -> (u64, u64) {
    let stats = rig.proxies.stats().remove(0);
    let touched = stats.toxics[0].touched;
    (touched.connections, touched.bytes)
}

#[tokio::test]
async fn latency_acts_on_an_open_connection_and_stops_with_its_toxic() {
    let rig = rig().await;
    let mut stream = echoing(&rig).await;
    rig.expect_toxic("p", r#"{"type":"latency","attributes":{"latency":300}}"#).await;
    let slow = echo(&mut stream, b"slow").await.expect("an echo");
    assert!(slow >= ms(300), "{slow:?}");
    assert_eq!(touched(&rig), (1, 4));
    rig.call("PATCH", "/proxies/p/toxics/latency_downstream", r#"{"attributes":{"latency":1}}"#).await;
    let faster = echo(&mut stream, b"fast").await.expect("an echo");
    assert!(faster < ms(250), "{faster:?}");
    rig.call("DELETE", "/proxies/p/toxics/latency_downstream", "").await.expect_empty(204);
    echo(&mut stream, b"plain").await.expect("the connection stays");
}

#[tokio::test]
async fn latency_does_not_slow_a_stream_down() {
    let rig = rig().await;
    let mut stream = echoing(&rig).await;
    rig.expect_toxic("p", r#"{"type":"latency","attributes":{"latency":200}}"#).await;
    // Twenty exchanges one after another would take 4 s; on their way together they take 0.2 s.
    let start = Instant::now();
    for n in 0..20_u8 {
        stream.write_all(&[n; 1000]).await.expect("sent");
        Sleeper::shared().sleep(ms(2)).await;
    }
    let mut back = vec![0; 20_000];
    within(PATIENCE, stream.read_exact(&mut back)).await.expect("all back");
    let took = start.elapsed();
    assert!(took >= ms(200) && took < ms(2_000), "{took:?}");
    assert!(back.chunks(1000).enumerate().all(|(n, chunk)| chunk.iter().all(|byte| usize::from(*byte) == n)));
}

#[tokio::test]
async fn what_is_delayed_arrives_at_once_when_the_toxic_goes() {
    let rig = rig().await;
    let mut stream = echoing(&rig).await;
    rig.expect_toxic("p", r#"{"type":"latency","attributes":{"latency":60000}}"#).await;
    stream.write_all(b"on its way").await.expect("sent");
    rig.until(|stats| stats.downstream.received == 15).await;
    rig.call("POST", "/reset", "").await.expect_empty(204);
    let mut back = [0; 10];
    within(PATIENCE, stream.read_exact(&mut back)).await.expect("back");
    assert_eq!(&back, b"on its way");
}

#[tokio::test]
async fn scenario_time_scales_delays_and_rates() {
    let rig = rig_at(20.0, 0).await;
    let mut stream = echoing(&rig).await;
    rig.expect_toxic("p", r#"{"type":"latency","attributes":{"latency":4000}}"#).await;
    let took = echo(&mut stream, b"x").await.expect("an echo");
    assert!(took >= ms(200) && took < ms(2_000), "{took:?}");
    rig.call("POST", "/reset", "").await;
    // 10 KB/s of scenario time are 200 KB/s here: 60 KB take 0.3 s.
    rig.expect_toxic("p", r#"{"type":"bandwidth","attributes":{"rate":10}}"#).await;
    let took = echo(&mut stream, &vec![7; 60_000]).await.expect("an echo");
    assert!(took >= ms(280) && took < ms(3_000), "{took:?}");
}

#[tokio::test]
async fn bandwidth_holds_its_rate_and_zero_blocks() {
    let rig = rig().await;
    let mut stream = echoing(&rig).await;
    rig.expect_toxic("p", r#"{"type":"bandwidth","stream":"upstream","attributes":{"rate":100}}"#).await;
    let took = echo(&mut stream, &vec![7; 50_000]).await.expect("an echo");
    assert!(took >= ms(450) && took < ms(2_500), "{took:?}");
    let path = "/proxies/p/toxics/bandwidth_upstream";
    rig.call("POST", path, r#"{"attributes":{"rate":0}}"#).await;
    stream.write_all(b"blocked").await.expect("sent");
    let received = rig.until(|stats| stats.upstream.received == 50_012).await;
    assert_eq!(received.upstream.sent, 50_005);
    rig.call("DELETE", path, "").await.expect_empty(204);
    let mut back = [0; 7];
    within(PATIENCE, stream.read_exact(&mut back)).await.expect("let go");
}

#[tokio::test]
async fn slow_close_delays_the_end_and_not_the_data() {
    let rig = rig().await;
    let brief = server(|mut stream| async move {
        let _ = stream.write_all(b"bye").await;
    })
    .await;
    let listen = rig.proxy("p", brief);
    rig.expect_toxic("p", r#"{"type":"slow_close","attributes":{"delay":400}}"#).await;
    let start = Instant::now();
    let mut stream = connect(listen).await;
    let mut said = [0; 3];
    within(PATIENCE, stream.read_exact(&mut said)).await.expect("data");
    let data = start.elapsed();
    assert_eq!(end_of(&mut stream).await, Ok(0));
    assert!(start.elapsed() >= ms(400) && data < ms(300), "{data:?}, {:?}", start.elapsed());
}

#[tokio::test]
async fn timeout_drops_data_and_closes_after_silence() {
    let rig = rig().await;
    let mut stream = echoing(&rig).await;
    rig.expect_toxic("p", r#"{"type":"timeout","attributes":{"timeout":200}}"#).await;
    let start = Instant::now();
    stream.write_all(b"lost").await.expect("sent");
    assert_eq!(end_of(&mut stream).await, Ok(0));
    assert!(start.elapsed() >= ms(180), "{:?}", start.elapsed());
    assert_eq!(touched(&rig), (1, 4));
}

#[tokio::test]
async fn a_black_hole_stays_open_until_it_is_removed() {
    let rig = rig().await;
    let mut stream = echoing(&rig).await;
    rig.expect_toxic("p", r#"{"type":"timeout","attributes":{"timeout":0}}"#).await;
    stream.write_all(b"lost").await.expect("sent");
    rig.until(|stats| stats.toxics[0].touched.bytes == 4).await;
    let soon = Instant::now() + ms(100);
    let mut byte = [0];
    assert!(Sleeper::shared().timeout(soon, stream.read(&mut byte)).await.is_err(), "it is open, and silent");
    rig.call("DELETE", "/proxies/p/toxics/timeout_downstream", "").await.expect_empty(204);
    assert_eq!(end_of(&mut stream).await, Ok(0));
}

#[tokio::test]
async fn reset_peer_sends_a_real_rst_to_both_sides_even_when_idle() {
    let rig = rig().await;
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let upstream = server(move |mut stream| {
        let said = said.clone();
        async move {
            let _ = said.send(end_of(&mut stream).await);
        }
    })
    .await;
    let mut idle = connect(rig.proxy("p", upstream)).await;
    rig.until(|stats| stats.connections.open == 1).await;
    rig.expect_toxic("p", r#"{"type":"reset_peer"}"#).await;
    assert_eq!(end_of(&mut idle).await, Err(io::ErrorKind::ConnectionReset));
    assert_eq!(within(PATIENCE, heard.recv()).await, Some(Err(io::ErrorKind::ConnectionReset)));
    assert_eq!(touched(&rig).0, 1);
}

#[tokio::test]
async fn reset_peer_waits_for_its_timeout() {
    let rig = rig().await;
    let mut stream = echoing(&rig).await;
    let start = Instant::now();
    rig.expect_toxic("p", r#"{"type":"reset_peer","attributes":{"timeout":300}}"#).await;
    stream.write_all(b"swallowed").await.expect("sent");
    assert_eq!(end_of(&mut stream).await, Err(io::ErrorKind::ConnectionReset));
    assert!(start.elapsed() >= ms(300), "{:?}", start.elapsed());
}

#[tokio::test]
async fn reset_peer_honours_toxicity() {
    let rig = rig().await;
    let mut stream = echoing(&rig).await;
    rig.expect_toxic("p", r#"{"type":"reset_peer","toxicity":0}"#).await;
    echo(&mut stream, b"spared").await.expect("an echo");
    assert_eq!(touched(&rig), (0, 0));
}

#[tokio::test]
async fn slicer_cuts_and_paces_and_loses_nothing() {
    let rig = rig().await;
    let mut stream = echoing(&rig).await;
    let slicer = r#"{"type":"slicer","attributes":{"average_size":100,"size_variation":20,"delay":10000}}"#;
    rig.expect_toxic("p", slicer).await;
    let sent: Vec<u8> = (0..3_000_u32).map(|n| (n % 251) as u8).collect();
    let took = echo(&mut stream, &sent).await.expect("an echo");
    // About 30 slices, 10 ms apart.
    assert!(took >= ms(200) && took < ms(3_000), "{took:?}");
}

#[tokio::test]
async fn limit_data_closes_after_so_many_bytes() {
    let rig = rig().await;
    let mut stream = echoing(&rig).await;
    rig.expect_toxic("p", r#"{"type":"limit_data","attributes":{"bytes":100}}"#).await;
    // The count begins with the toxic.
    echo(&mut stream, &[1; 60]).await.expect("an echo");
    stream.write_all(&[2; 60]).await.expect("sent");
    assert_eq!(end_of(&mut stream).await, Ok(40));
    let mut next = connect(rig.proxies.get("p").expect("a proxy").listen.parse().expect("an address")).await;
    next.write_all(&[3; 150]).await.expect("sent");
    assert_eq!(end_of(&mut next).await, Ok(100));
}

#[tokio::test]
async fn packet_loss_drops_what_is_read() {
    let rig = rig().await;
    let mut stream = echoing(&rig).await;
    rig.expect_toxic("p", r#"{"type":"packet_loss","attributes":{"loss_rate":1}}"#).await;
    stream.write_all(b"lost").await.expect("sent");
    rig.until(|stats| stats.toxics[0].touched.bytes == 4).await;
    rig.call("POST", "/reset", "").await;
    echo(&mut stream, b"found").await.expect("the connection stays");
}

#[tokio::test]
async fn corrupt_changes_bytes_and_keeps_their_number() {
    let rig = rig().await;
    let mut stream = echoing(&rig).await;
    let corrupt = r#"{"type":"corrupt","attributes":{"share":1,"unit":"byte"}}"#;
    rig.expect_toxic("p", corrupt).await;
    stream.write_all(&[b'a'; 500]).await.expect("sent");
    let mut back = [0; 500];
    within(PATIENCE, stream.read_exact(&mut back)).await.expect("back");
    assert!(back.iter().all(|byte| *byte != b'a'));
    assert_eq!(touched(&rig), (1, 500));
}

#[tokio::test]
async fn toxics_act_in_a_row() {
    let rig = rig().await;
    let mut stream = echoing(&rig).await;
    rig.expect_toxic("p", r#"{"type":"latency","name":"one","attributes":{"latency":100}}"#).await;
    rig.expect_toxic("p", r#"{"type":"latency","name":"two","attributes":{"latency":100}}"#).await;
    rig.expect_toxic("p", r#"{"type":"slicer","attributes":{"average_size":3}}"#).await;
    let up = r#"{"type":"latency","stream":"upstream","attributes":{"latency":100}}"#;
    rig.expect_toxic("p", up).await;
    let took = echo(&mut stream, b"through all of them").await.expect("an echo");
    assert!(took >= ms(300), "{took:?}");
    // The first goes while data is in it; nothing is lost or turned round.
    stream.write_all(b"0123456789").await.expect("sent");
    rig.call("DELETE", "/proxies/p/toxics/one", "").await.expect_empty(204);
    let mut back = [0; 10];
    within(PATIENCE, stream.read_exact(&mut back)).await.expect("back");
    assert_eq!(&back, b"0123456789");
}

#[tokio::test]
async fn an_end_waits_for_what_is_delayed_before_it() {
    let rig = rig().await;
    let brief = server(|mut stream| async move {
        let _ = stream.write_all(b"last words").await;
    })
    .await;
    let listen = rig.proxy("p", brief);
    rig.expect_toxic("p", r#"{"type":"latency","attributes":{"latency":150}}"#).await;
    assert_eq!(end_of(&mut connect(listen).await).await, Ok(10));
}
