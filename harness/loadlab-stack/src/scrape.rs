//! The scraper: reads what every role publishes, four times per second of scenario time.
//!
//! ```text
//!   tick --> connection --text--> exposition --values--> what changed --> Scraped
//!     one task per endpoint: one that hangs delays nobody
//! ```
//!
//! A scrape that fails is a gap in a curve, not an error of the run: under the loads that are of
//! interest, targets stop answering.

mod connection;
mod exposition;

use std::{collections::BTreeMap, time::Duration};

use loadlab_clock::{Offset, RunClock, Sleeper};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use self::connection::Connection;
pub use self::exposition::{Exposition, parse_exposition};
use crate::MetricsEndpoint;

/// Scenario time between scrapes.
const PERIOD: Duration = Duration::from_millis(250);
/// Shortest real time between scrapes: at higher speeds scraping would be load of its own.
const PERIOD_REAL_MIN: Duration = Duration::from_millis(25);
/// Real time that one scrape may take. A process whose every answer takes longer than this publishes
/// nothing that would still be true.
const PATIENCE: Duration = Duration::from_secs(1);

/// One look at one endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Scraped {
    /// When the answer, or its failure, was there.
    pub at: Offset,
    /// Whose it is.
    pub role: String,
    /// What came of it.
    pub outcome: ScrapeOutcome,
}

/// What came of one look.
#[derive(Debug, Clone, PartialEq)]
pub enum ScrapeOutcome {
    /// Series (`name{label="value"}`) whose value is another than at the last scrape that worked, all
    /// of them at the first. Empty only when it ends a gap. Values that are not finite are left out.
    Changed(BTreeMap<String, f64>),
    /// Nothing is known of this time.
    Gap {
        /// Why.
        reason: String,
    },
}

/// Reads endpoints until it is finished or dropped.
#[derive(Debug)]
pub struct Scraper {
    tasks: JoinSet<()>,
    results: UnboundedReceiver<Scraped>,
    ending: CancellationToken,
}

impl Scraper {
    /// Starts to read them, at once and then with every period of the clock. Must be called in a tokio
    /// runtime.
    pub fn start(endpoints: Vec<MetricsEndpoint>, clock: RunClock) -> Self {
        let (sender, results) = mpsc::unbounded_channel();
        let ending = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for endpoint in endpoints {
            let follower = Follower {
                connection: Connection::new(&endpoint.url),
                role: endpoint.role,
                clock,
                seen: BTreeMap::new(),
                in_gap: false,
                results: sender.clone(),
            };
            tasks.spawn(follower.follow(ending.clone()));
        }
        Self { tasks, results, ending }
    }

    /// The next result of any endpoint; a scrape that found nothing new gives none. `None` only if
    /// there is no endpoint. Can be dropped and called again without losing a result.
    pub async fn next(&mut self) -> Option<Scraped> {
        self.results.recv().await
    }

    /// Scrapes everything once more, and gives what had not been taken by [`Scraper::next`]. Takes at
    /// most two seconds of real time.
    pub async fn finish(mut self) -> Vec<Scraped> {
        self.ending.cancel();
        while self.tasks.join_next().await.is_some() {}
        let mut rest = Vec::new();
        while let Ok(scraped) = self.results.try_recv() {
            rest.push(scraped);
        }
        rest
    }
}

/// Follows one endpoint.
struct Follower {
    connection: Connection,
    role: String,
    clock: RunClock,
    /// The values of the last scrape that worked.
    seen: BTreeMap<String, f64>,
    in_gap: bool,
    results: UnboundedSender<Scraped>,
}

impl Follower {
    async fn follow(mut self, ending: CancellationToken) {
        let period = self.clock.real(PERIOD).max(PERIOD_REAL_MIN);
        let mut tick = std::time::Instant::now();
        loop {
            let is_last = ending.is_cancelled();
            if self.scrape().await.is_err() || is_last {
                return;
            }
            // Ticks that a slow answer has passed are not made up for.
            let late = tick.elapsed().as_nanos() / period.as_nanos().max(1);
            tick += period * u32::try_from(late + 1).unwrap_or(u32::MAX);
            tokio::select! {
                () = Sleeper::shared().until(tick) => {}
                () = ending.cancelled() => {}
            }
        }
    }

    /// One look. An error means that nobody listens any more.
    async fn scrape(&mut self) -> Result<(), mpsc::error::SendError<Scraped>> {
        let deadline = std::time::Instant::now() + PATIENCE;
        let answer = Sleeper::shared().timeout(deadline, self.connection.get()).await;
        let at = self.clock.now();
        let values = match answer {
            Ok(Ok(text)) => readable(&text),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => {
                // A late answer would be taken for that of the next request.
                self.connection.close();
                Err(format!("no answer within {PATIENCE:?}"))
            }
        };
        let outcome = match values {
            Err(reason) => {
                self.in_gap = true;
                ScrapeOutcome::Gap { reason }
            }
            Ok(values) => {
                let changed = self.changed(values);
                let is_news = !changed.is_empty() || std::mem::take(&mut self.in_gap);
                self.in_gap = false;
                if !is_news {
                    return Ok(());
                }
                ScrapeOutcome::Changed(changed)
            }
        };
        self.results.send(Scraped { at, role: self.role.clone(), outcome })
    }

    /// What is new in `values`, and remembers it.
    fn changed(&mut self, mut values: BTreeMap<String, f64>) -> BTreeMap<String, f64> {
        // A run is kept as JSON, which has no such numbers.
        values.retain(|_, value| value.is_finite());
        let is_new = |(series, value): &(&String, &f64)| {
            self.seen.get(*series).is_none_or(|seen| seen.to_bits() != value.to_bits())
        };
        let changed = values.iter().filter(is_new).map(|(series, value)| (series.clone(), *value)).collect();
        self.seen = values;
        changed
    }
}

/// The values of an answer, unless it is something else altogether.
fn readable(text: &str) -> Result<BTreeMap<String, f64>, String> {
    let Exposition { values, skipped } = parse_exposition(text);
    if values.is_empty() && skipped > 0 {
        return Err("the answer is no metrics text".to_owned());
    }
    Ok(values)
}

#[cfg(test)]
mod tests;
