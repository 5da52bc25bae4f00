//! Keys that disappear at once: all of them, or a share. `UNLINK` is used throughout, so that a real
//! Redis does not stand still while it frees memory: that would be another fault.

use loadlab_clock::Seed;
use loadlab_record::Touched;
use loadlab_scenario::quantity::Share;
use rand::RngExt as _;

use super::resp::{Connection, Reply, unexpected};
use crate::control::CallError;

/// Keys that one step of a scan looks at, about.
const SCAN_COUNT: &[u8] = b"500";

/// Removes all keys of the database.
pub(super) async fn flush(connection: &mut Connection) -> Result<Touched, CallError> {
    let keys = connection.count(&[b"DBSIZE"]).await?;
    connection.call(&[b"FLUSHDB", b"ASYNC"]).await?;
    Ok(Touched { keys, ..Touched::default() })
}

/// Removes a share of the keys that match.
pub(super) async fn expire(
    connection: &mut Connection,
    share: Share,
    pattern: &str,
    randomness: Seed,
) -> Result<Touched, CallError> {
    let mut touched = Touched::default();
    let mut cursor = b"0".to_vec();
    loop {
        let scan: [&[u8]; 6] = [b"SCAN", &cursor, b"MATCH", pattern.as_bytes(), b"COUNT", SCAN_COUNT];
        let (next, keys) = part_of_scan(&connection.call(&scan).await?)?;
        let doomed: Vec<Vec<u8>> = keys.into_iter().filter(|key| is_chosen(randomness, key, share)).collect();
        touched.keys += unlink(connection, &doomed).await?;
        if next == b"0" {
            return Ok(touched);
        }
        cursor = next;
    }
}

/// Removes keys by name, and says how many there were.
pub(super) async fn unlink(connection: &mut Connection, keys: &[Vec<u8>]) -> Result<u64, CallError> {
    if keys.is_empty() {
        return Ok(0);
    }
    let mut command: Vec<&[u8]> = vec![b"UNLINK"];
    command.extend(keys.iter().map(Vec::as_slice));
    connection.count(&command).await
}

/// Whether a key is one of the share: a function of the seed and the key, and of nothing else.
fn is_chosen(randomness: Seed, key: &[u8], share: Share) -> bool {
    let hash = key.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        // FNV-1a, 64 bits.
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    randomness.stream("expire share", hash, 0).random::<f64>() < share.get()
}

fn part_of_scan(reply: &Reply) -> Result<(Vec<u8>, Vec<Vec<u8>>), CallError> {
    if let Reply::Array(parts) = reply
        && let [Reply::Bulk(Some(cursor)), Reply::Array(keys)] = parts.as_slice()
    {
        let key = |key: &Reply| if let Reply::Bulk(key) = key { key.clone() } else { None };
        return Ok((cursor.clone(), keys.iter().filter_map(key).collect()));
    }
    Err(unexpected(reply))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_keys_is_the_seeds_choice() {
        let chosen = |seed, percent: f64| -> Vec<usize> {
            let share = Share::try_new(percent / 100.0).expect("a share");
            let is_in = |n: &usize| is_chosen(Seed::new(seed), format!("key:{n}").as_bytes(), share);
            (0..10_000).filter(is_in).collect()
        };
        let (third, half) = (chosen(1, 30.0), chosen(1, 50.0));
        assert!((2_800..3_200).contains(&third.len()), "{}", third.len());
        assert!(third.iter().all(|key| half.contains(key)), "a larger share has the smaller one in it");
        assert_ne!(third, chosen(2, 30.0));
        assert_eq!((chosen(1, 0.0).len(), chosen(1, 100.0).len()), (0, 10_000));
    }
}
