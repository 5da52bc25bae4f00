//! A store is filled with keys of the fault's own. They have a time to live, so that they end even if
//! whoever would remove them is gone.

use std::time::{Duration, Instant};

use loadlab_record::Touched;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    StorePlace, keys,
    resp::{Connection, Reply},
};
use crate::control::CallError;

/// Bytes of one value.
const VALUE_BYTES: u64 = 64 * 1024;
/// Values that are on their way at once: 1 MiB.
const BATCH: u64 = 16;
/// Keys that one command removes.
const REMOVED_AT_ONCE: usize = 200;

/// Keys that are being added.
#[derive(Debug)]
pub(crate) struct Fill {
    place: StorePlace,
    until: Instant,
    stop: CancellationToken,
    task: JoinHandle<Filled>,
}

/// What was added.
#[derive(Debug, Default)]
struct Filled {
    keys: u64,
    bytes: u64,
    /// Why there is no more.
    ended: Option<String>,
    /// The connection it was added over, if that is still there.
    connection: Option<Connection>,
}

impl Fill {
    /// Adds keys of `bytes` in all, which end after `longest` (real).
    pub(super) fn start(connection: Connection, place: StorePlace, bytes: u64, longest: Duration) -> Self {
        let stop = CancellationToken::new();
        let until = Instant::now() + longest;
        let task = tokio::spawn(fill(connection, place.name.clone(), bytes, until, stop.clone()));
        Self { place, until, stop, task }
    }

    pub(super) async fn heal(self, note: &(dyn Fn(String) + Sync)) -> Result<Touched, CallError> {
        self.stop.cancel();
        let lost = || CallError::Failed { reason: "the filling ended".to_owned() };
        let filled = self.task.await.map_err(|_| lost())?;
        let touched = Touched { keys: filled.keys, bytes: filled.bytes, ..Touched::default() };
        if let Some(why) = &filled.ended {
            note(format!("the store took {} bytes: {why}", filled.bytes));
        }
        if let Err(error) = remove(&self.place, filled).await {
            // A store that was killed meanwhile holds them no longer; any other ends them by itself.
            let left = self.until.saturating_duration_since(Instant::now()).as_secs();
            note(format!("the keys of the filling were not removed, and end within {left} s: {error}"));
        }
        Ok(touched)
    }
}

async fn remove(place: &StorePlace, filled: Filled) -> Result<(), CallError> {
    let mut connection = match filled.connection {
        Some(connection) => connection,
        None => Connection::open(&place.address).await?,
    };
    // The last batch may have been taken without a word.
    let names: Vec<Vec<u8>> = (0..filled.keys + BATCH).map(|n| key(&place.name, n).into_bytes()).collect();
    for some in names.chunks(REMOVED_AT_ONCE) {
        keys::unlink(&mut connection, some).await?;
    }
    Ok(())
}

async fn fill(
    mut connection: Connection,
    name: String,
    bytes: u64,
    until: Instant,
    stop: CancellationToken,
) -> Filled {
    let value = vec![b'x'; VALUE_BYTES as usize];
    let mut filled = Filled::default();
    while filled.bytes < bytes && !stop.is_cancelled() {
        let left = until.saturating_duration_since(Instant::now()).as_millis().max(1).to_string();
        let batch: Vec<(String, usize)> = (0..BATCH)
            .map(|n| (key(&name, filled.keys + n), bytes.saturating_sub(filled.bytes + n * VALUE_BYTES)))
            .filter(|(_, room): &(String, u64)| *room > 0)
            .map(|(key, room)| (key, room.min(VALUE_BYTES) as usize))
            .collect();
        let commands: Vec<[&[u8]; 5]> = batch
            .iter()
            .map(|(key, length)| {
                [b"SET", key.as_bytes(), &value[..*length], b"PX", left.as_bytes()] as [&[u8]; 5]
            })
            .collect();
        let commands: Vec<&[&[u8]]> = commands.iter().map(|command| &command[..]).collect();
        let replies = match connection.exchange(&commands).await {
            Ok(replies) => replies,
            Err(error) => {
                filled.ended = Some(error.to_string());
                return filled;
            }
        };
        for (reply, (_, length)) in replies.iter().zip(&batch) {
            if let Reply::Error(said) = reply {
                filled.ended = Some(said.clone());
                filled.connection = Some(connection);
                return filled;
            }
            filled.keys += 1;
            filled.bytes += *length as u64;
        }
    }
    filled.connection = Some(connection);
    filled
}

/// The name of a fault's key.
fn key(name: &str, number: u64) -> String {
    format!("loadlab:fill:{name}:{number}")
}
