//! Names for requests, in the form that Toxiproxy's have: 20 characters, rising with time.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// A name that no other request of this process has.
pub(super) fn fresh() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (time, count) = (since.as_micros() as u64, NEXT.fetch_add(1, Ordering::Relaxed));
    // 12 digits of five bits hold the microseconds, 8 the count.
    let digit = |value: u64, place: u32| char::from(DIGITS[(value >> (5 * place) & 31) as usize]);
    (0..12)
        .rev()
        .map(|place| digit(time, place))
        .chain((0..8).rev().map(|place| digit(count, place)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_rise() {
        let names: Vec<_> = (0..100).map(|_| fresh()).collect();
        assert!(names.iter().all(|name| name.len() == 20));
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
    }
}
