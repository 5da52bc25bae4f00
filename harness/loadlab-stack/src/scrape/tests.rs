//! The scraper against scripted servers.

use std::{collections::VecDeque, net::SocketAddr};

use loadlab_clock::Speed;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;

/// How long anything here may take: nothing is asserted about time but that it ends.
const PATIENT: Duration = Duration::from_secs(20);

/// What a scripted server does with one request. After the last act it repeats that one.
#[derive(Clone)]
enum Act {
    /// 200 with this text.
    Answer(&'static str),
    /// 200 with this text, and closes the connection without having said so.
    AnswerAndClose(&'static str),
    /// Another status.
    Status(u16),
    /// Says nothing.
    Hang,
}

/// Serves the acts in order over all connections.
async fn server(acts: Vec<Act>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let acts = std::sync::Arc::new(std::sync::Mutex::new(VecDeque::from(acts)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acts = std::sync::Arc::clone(&acts);
            tokio::spawn(serve(stream, move || {
                let mut acts = acts.lock().expect("no panic while it is held");
                if acts.len() > 1 { acts.pop_front() } else { acts.front().cloned() }
            }));
        }
    });
    address
}

async fn serve(mut stream: TcpStream, next: impl Fn() -> Option<Act>) {
    let mut request = [0; 4096];
    while matches!(stream.read(&mut request).await, Ok(1..)) {
        let (status, text, close) = match next().expect("there is always an act") {
            Act::Answer(text) => (200, text, false),
            Act::AnswerAndClose(text) => (200, text, true),
            Act::Status(status) => (status, "", false),
            Act::Hang => std::future::pending().await,
        };
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        if stream.write_all(head.as_bytes()).await.is_err() || close {
            return;
        }
    }
}

/// At speed 10, scrapes every 25 ms.
fn scraper(endpoints: &[(&str, SocketAddr)]) -> Scraper {
    let endpoint = |(role, address): &(&str, SocketAddr)| MetricsEndpoint {
        role: (*role).to_owned(),
        url: format!("http://{address}/metrics"),
    };
    let clock = RunClock::start(Speed::try_new(10.0).expect("a speed"));
    Scraper::start(endpoints.iter().map(endpoint).collect(), clock)
}

async fn next(scraper: &mut Scraper) -> Scraped {
    let next = tokio::time::timeout(PATIENT, scraper.next()).await;
    next.expect("within the time").expect("there are endpoints")
}

fn changed(values: &[(&str, f64)]) -> ScrapeOutcome {
    ScrapeOutcome::Changed(values.iter().map(|&(series, value)| (series.to_owned(), value)).collect())
}

#[tokio::test]
async fn only_what_changed_is_given_and_in_order() {
    let acts = ["a 1\nb 2\nc NaN\n", "a 1\nb 2\n", "a 1\nb 3\n", "a 1\nb 3\nc 0\n"];
    let address = server(acts.into_iter().map(Act::Answer).collect()).await;
    let mut scraper = scraper(&[("redis", address)]);
    let mut last = Offset::ZERO;
    for expected in [changed(&[("a", 1.0), ("b", 2.0)]), changed(&[("b", 3.0)]), changed(&[("c", 0.0)])] {
        let look = next(&mut scraper).await;
        assert_eq!((look.role.as_str(), look.outcome), ("redis", expected));
        assert!(look.at > last);
        last = look.at;
    }
    // Nothing changes any more, so nothing is left to give.
    assert_eq!(scraper.finish().await, []);
}

#[tokio::test]
async fn a_gap_is_told_and_so_is_its_end() {
    let acts = vec![Act::Answer("a 1\n"), Act::Status(503), Act::Answer("<html>"), Act::Answer("a 1\n")];
    let mut scraper = scraper(&[("llm", server(acts).await)]);
    let gap = |reason: &str| ScrapeOutcome::Gap { reason: reason.to_owned() };
    let expected =
        [changed(&[("a", 1.0)]), gap("status 503"), gap("the answer is no metrics text"), changed(&[])];
    for outcome in expected {
        assert_eq!(next(&mut scraper).await.outcome, outcome);
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_no_gap() {
    let acts = vec![Act::AnswerAndClose("a 1\n"), Act::AnswerAndClose("a 2\n"), Act::Answer("a 3\n")];
    let mut scraper = scraper(&[("sql", server(acts).await)]);
    for value in [1.0, 2.0, 3.0] {
        assert_eq!(next(&mut scraper).await.outcome, changed(&[("a", value)]));
    }
}

#[tokio::test]
async fn an_endpoint_that_hangs_delays_no_other() {
    let counting = ["n 1\n", "n 2\n", "n 3\n", "n 4\n", "n 5\n"].into_iter().map(Act::Answer).collect();
    let (hangs, counts) = (server(vec![Act::Hang]).await, server(counting).await);
    let mut scraper = scraper(&[("hangs", hangs), ("counts", counts)]);
    // Five scrapes of the one pass before the first of the other has timed out.
    for value in [1.0, 2.0, 3.0, 4.0, 5.0] {
        let look = next(&mut scraper).await;
        assert_eq!((look.role.as_str(), look.outcome), ("counts", changed(&[("n", value)])));
    }
    let look = next(&mut scraper).await;
    let reason = "no answer within 1s".to_owned();
    assert_eq!((look.role.as_str(), look.outcome), ("hangs", ScrapeOutcome::Gap { reason }));
}

#[tokio::test]
async fn nobody_there_is_a_gap_with_the_systems_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let mut scraper = scraper(&[("gone", address)]);
    let ScrapeOutcome::Gap { reason } = next(&mut scraper).await.outcome else { panic!("nobody is there") };
    assert!(reason.contains("refused"), "{reason}");
}

#[tokio::test]
async fn finishing_looks_once_more() {
    let acts = vec![Act::Answer("a 1\n"), Act::Answer("a 2\n")];
    let address = server(acts).await;
    // At a tenth of real time the next regular scrape would be seconds away.
    let clock = RunClock::start(Speed::try_new(0.1).expect("a speed"));
    let endpoint = MetricsEndpoint { role: "redis".to_owned(), url: format!("http://{address}/metrics") };
    let mut scraper = Scraper::start(vec![endpoint], clock);
    assert_eq!(next(&mut scraper).await.outcome, changed(&[("a", 1.0)]));
    let rest = scraper.finish().await;
    assert_eq!(rest.into_iter().map(|it| it.outcome).collect::<Vec<_>>(), [changed(&[("a", 2.0)])]);
}
