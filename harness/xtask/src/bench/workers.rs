//! The competitors that are libraries, each as a loop of its own: as plain as their users write it.
//!
//! A worker asks for `/` over a number of connections for some seconds, and prints what it counted.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use goose::{client::GooseClientBuilder, config::GooseConfiguration, prelude::*};

use super::counted::Counted;

/// Longest time for one request: only so that a lost one does not hang the comparison.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// `client.get(url).send()` and its body, in as many tasks as connections.
pub(crate) async fn reqwest(
    base: &str,
    connections: usize,
    span: Duration,
) -> Result<Counted, reqwest::Error> {
    let builder = reqwest::Client::builder().pool_max_idle_per_host(connections).timeout(REQUEST_TIMEOUT);
    let client = builder.build()?;
    let url = format!("{base}/");
    let started = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(ask_until(client.clone(), url.clone(), started + span)))
        .collect();
    let mut counted = Counted::default();
    for task in tasks {
        let (requests, errors) = task.await.expect("a task that asks does not panic");
        counted.requests += requests;
        counted.errors += errors;
    }
    counted.seconds = started.elapsed().as_secs_f64();
    Ok(counted)
}

async fn ask_until(client: reqwest::Client, url: String, end: Instant) -> (u64, u64) {
    let (mut requests, mut errors) = (0, 0);
    while Instant::now() < end {
        let answer = match client.get(&url).send().await {
            Ok(answer) => answer.bytes().await,
            Err(error) => Err(error),
        };
        requests += 1;
        errors += u64::from(answer.is_err());
    }
    (requests, errors)
}

/// `user.get("/")`, in as many users as connections. The users share one client: Goose's own
/// measurements are all on, as its users have them, but its log and its report are off.
pub(crate) async fn goose(base: &str, connections: usize, span: Duration) -> Result<Counted, GooseError> {
    let first = Arc::new(OnceLock::new());
    let failed = Arc::new(AtomicU64::new(0));
    let transaction = Transaction::new(Arc::new({
        let (first, failed) = (Arc::clone(&first), Arc::clone(&failed));
        move |user: &mut GooseUser| {
            let failed = Arc::clone(&failed);
            first.get_or_init(Instant::now);
            Box::pin(async move {
                let answer = user.get("/").await?;
                let body = match answer.response {
                    Ok(response) => response.bytes().await,
                    Err(error) => Err(error),
                };
                failed.fetch_add(u64::from(body.is_err()), Ordering::Relaxed);
                Ok(())
            })
        }
    }));
    let attack = GooseAttack::initialize_with_config(goose_settings(base, connections, span))?
        .register_scenario(Scenario::new("bench").register_transaction(transaction))
        .set_client_builder_without_cookies(GooseClientBuilder::new().without_cookies())?;
    let metrics = Box::pin(attack.execute()).await?;
    let ended = Instant::now();
    let requests = metrics.requests.values().map(|request| request.raw_data.counter as u64).sum();
    let seconds = first.get().map_or(0.0, |first: &Instant| (ended - *first).as_secs_f64());
    Ok(Counted { requests, errors: failed.load(Ordering::Relaxed), seconds })
}

fn goose_settings(base: &str, connections: usize, span: Duration) -> GooseConfiguration {
    let mut settings = GooseConfiguration::default();
    settings.host = Some(base.to_owned());
    settings.users = Some(connections);
    // Every user at once; the default is one a second.
    settings.increase_rate = Some((connections * 10).to_string());
    settings.run_time = Some(span.as_secs().max(1).to_string());
    settings.no_reset_metrics = true;
    settings.no_print_metrics = true;
    settings.no_telnet = true;
    settings.quiet = 2;
    settings
}
