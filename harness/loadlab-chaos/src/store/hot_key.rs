//! One key is read again and again: a load on the store, and on one shard of it, beside the users'.

use std::time::{Duration, Instant};

use loadlab_clock::Sleeper;
use loadlab_record::Touched;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::resp::Connection;
use crate::control::CallError;

/// From one batch of reads to the next, real time.
const BATCH_EVERY: Duration = Duration::from_millis(5);
/// Reads of one batch at most. What a slow store leaves over is given up, and counted.
const BATCH_MAX: u64 = 5_000;

/// Reads that go on.
#[derive(Debug)]
pub(crate) struct HotKey {
    stop: CancellationToken,
    task: JoinHandle<Reads>,
}

/// What came of them.
#[derive(Debug, Default)]
struct Reads {
    done: u64,
    given_up: u64,
    failed: Option<CallError>,
}

impl HotKey {
    /// Reads `key` at `rate` per real second until it is healed.
    pub(super) fn start(connection: Connection, key: String, rate: f64) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(read(connection, key, rate, stop.clone()));
        Self { stop, task }
    }

    pub(super) async fn heal(self, note: &(dyn Fn(String) + Sync)) -> Result<Touched, CallError> {
        self.stop.cancel();
        let lost = || CallError::Failed { reason: "the reads of the hot key ended".to_owned() };
        let reads = self.task.await.map_err(|_| lost())?;
        if reads.given_up > 0 {
            note(format!("the store was too slow for {} reads of the hot key", reads.given_up));
        }
        if let Some(error) = reads.failed {
            note(format!("the reads of the hot key ended before their time: {error}"));
        }
        Ok(Touched { requests: reads.done, keys: u64::from(reads.done > 0), ..Touched::default() })
    }
}

async fn read(mut connection: Connection, key: String, rate: f64, stop: CancellationToken) -> Reads {
    let started = Instant::now();
    let mut reads = Reads::default();
    let mut next = started;
    loop {
        next = next.max(Instant::now()) + BATCH_EVERY;
        tokio::select! {
            biased;
            () = stop.cancelled() => return reads,
            () = Sleeper::shared().until(next) => {}
        }
        let due = (started.elapsed().as_secs_f64() * rate) as u64;
        let open = due.saturating_sub(reads.done + reads.given_up);
        let batch = open.min(BATCH_MAX);
        reads.given_up += open - batch;
        let command: &[&[u8]] = &[b"GET", key.as_bytes()];
        let commands = vec![command; batch as usize];
        match connection.exchange(&commands).await {
            Ok(replies) => reads.done += replies.len() as u64,
            Err(error) => {
                reads.failed = Some(error);
                return reads;
            }
        }
    }
}
