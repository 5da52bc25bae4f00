//! Server-sent events: first event, gaps, count and truncation, against a server that scripts them.

use loadlab_clock::Speed;
use loadlab_record::Outcome;
use loadlab_scenario::plan::{Check, Extract, JsonIs, Step};

use crate::{
    plans::{burst, get, plan, run},
    server::{Act, Server, answer, chunk, last_chunk, ms, stream_head},
};

fn search(path: &str) -> Step {
    let checks = vec![Check::EndsWithEvent("done".to_owned())];
    Step { stream: true, checks, ..get("search", path) }
}

async fn server() -> Server {
    Server::start(|seen| {
        let whole = [
            stream_head(),
            Act::Wait(ms(200)),
            chunk("event: sources\r\ndata: {\"n\": 2}\r\n\r\n"),
            Act::Wait(ms(100)),
            // An event in two pieces: it comes with its second.
            chunk("event: token\nda"),
            Act::Wait(ms(100)),
            chunk("ta: a\n\n: comment\n\nevent: token\ndata: b\n\n"),
            Act::Wait(ms(300)),
        ];
        let mut acts = whole.to_vec();
        match seen.path() {
            "/whole" => acts.extend([
                chunk("event: done\ndata: {\"mode\": \"full\", \"ids\": [3, 4]}\n\n"),
                last_chunk(),
            ]),
            "/unfinished" => acts.push(last_chunk()),
            "/cut" => acts.push(Act::Close),
            "/next" => return vec![answer(200, "ok")],
            path => assert_eq!(path, "/next/[3,4]"),
        }
        acts
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_event_gaps_and_count_are_those_of_the_script() {
    let server = server().await;
    let ran = run(plan(burst(3), vec![search("/whole")]), &server.base).await;
    assert_eq!(ran.ended(Outcome::Ok), 3);
    let step = ran.step("search");
    assert_eq!((step.events, step.first_event.count(), step.event_gap.count()), (12, 3, 9));
    let at = |histogram: &loadlab_record::Histogram, percentile| {
        histogram.percentile(percentile, Speed::REAL).expect("samples")
    };
    assert!(at(&step.first_byte, 50.0) < ms(190), "the head came at once: {:?}", at(&step.first_byte, 50.0));
    let first = at(&step.first_event, 50.0);
    assert!((ms(195)..ms(600)).contains(&first), "{first:?}");
    // Of the three gaps of a stream one is 200 ms, one nothing, one 300 ms.
    let (least, middle, most) =
        (at(&step.event_gap, 20.0), at(&step.event_gap, 50.0), at(&step.event_gap, 90.0));
    assert!(least < ms(100), "{least:?}");
    assert!((ms(195)..most).contains(&middle), "{middle:?}");
    assert!((ms(295)..ms(900)).contains(&most), "{most:?}");
    assert!(at(&step.service, 50.0) >= ms(690));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_ends_early_is_truncated_whether_in_order_or_not() {
    let server = server().await;
    for path in ["/unfinished", "/cut"] {
        let ran = run(plan(burst(1), vec![search(path)]), &server.base).await;
        assert_eq!(ran.ended(Outcome::Truncated), 1, "{path}");
        assert_eq!(ran.step("search").events, 3, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_and_kept_values_see_the_last_event_that_is_json() {
    let server = server().await;
    let mut step = search("/whole");
    step.checks.push(Check::Json { pointer: "/mode".to_owned(), is: JsonIs::Equal("full".into()) });
    step.checks.push(Check::EventsMin(4));
    step.extract.insert("ids".to_owned(), Extract::Json("/ids".to_owned()));
    let next = get("next", "/next");
    let ran = run(plan(burst(1), vec![step.clone(), next]), &server.base).await;
    assert_eq!(ran.ended(Outcome::Ok), 1);
    step.checks.push(Check::EventsMin(5));
    let ran = run(plan(burst(1), vec![step]), &server.base).await;
    assert_eq!(ran.ended(Outcome::WrongAnswer), 1);
}
