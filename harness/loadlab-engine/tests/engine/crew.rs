//! Workers that stay from one load to the next.

use std::{sync::Arc, time::Duration};

use loadlab_engine::{Crew, EngineError, EngineOptions, LoadEnd, LoadRun, offer_with, workers};
use loadlab_scenario::plan::{Plan, Process};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    plans::{arrivals, burst, get, plan, users},
    server::{Act, Server, answer, ms},
};

async fn load(crew: &Crew, plan: Plan, base: &str, stop: CancellationToken) -> Result<LoadEnd, EngineError> {
    let (lines, kept) = mpsc::unbounded_channel();
    let (started, _) = oneshot::channel();
    let options = EngineOptions::default();
    let run = LoadRun { plan: Arc::new(plan), base: base.to_owned(), lines, started, stop, options };
    let end = offer_with(crew, run).await;
    drop(kept);
    end
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_crew_offers_a_burst_users_and_arrivals_and_each_is_counted_apart() {
    let server = Server::start(|_| vec![Act::Wait(ms(5)), answer(200, "ok")]).await;
    let crew = Crew::start(80, &server.base).await.expect("workers");
    let loads =
        [burst(40), users(10, ms(400), ms(20)), arrivals(200.0, ms(400), Process::Uniform), burst(60)];
    let mut all = 0;
    for one in loads {
        let end = load(&crew, plan(one, vec![get("get", "/")]), &server.base, CancellationToken::new()).await;
        let balance = end.expect("offered").balance;
        assert_eq!((balance.scheduled, balance.in_flight), (balance.completed, 0));
        assert!(balance.scheduled >= 40, "{balance:?}");
        all += balance.scheduled;
    }
    assert_eq!(server.notes.lock().seen.len() as u64, all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_is_stopped_leaves_the_workers_for_the_next() {
    let server = Server::start(|seen| match seen.path() {
        "/late" => vec![Act::Wait(Duration::from_secs(8)), answer(200, "late")],
        _ => vec![answer(200, "ok")],
    })
    .await;
    let crew = Crew::start(20, &server.base).await.expect("workers");
    let stop = CancellationToken::new();
    let stopping = tokio::spawn({
        let (server, stop) = (server.clone(), stop.clone());
        async move {
            while server.notes.lock().seen.len() < 20 {
                tokio::time::sleep(ms(10)).await;
            }
            stop.cancel();
        }
    });
    let first =
        load(&crew, plan(burst(20), vec![get("get", "/late")]), &server.base, stop).await.expect("offered");
    stopping.await.expect("no panic");
    assert_eq!((first.stopped, first.in_flight), (true, 20));
    let second = plan(burst(20), vec![get("get", "/")]);
    let second = load(&crew, second, &server.base, CancellationToken::new()).await.expect("offered");
    assert_eq!((second.balance.completed, second.in_flight), (20, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crew_that_is_too_small_says_so_before_anything_is_sent() {
    let server = Server::start(|_| vec![answer(200, "ok")]).await;
    let crew = Crew::start(5, &server.base).await.expect("workers");
    let plan = plan(burst(6), vec![get("get", "/")]);
    assert_eq!(workers(&plan, &EngineOptions::default()), 6);
    let end = load(&crew, plan, &server.base, CancellationToken::new()).await;
    assert!(matches!(end, Err(EngineError::Pool(_))), "{end:?}");
    assert_eq!(server.notes.lock().seen.len(), 0);
}
