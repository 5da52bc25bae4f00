//! What the client waits for, in the order of its commands.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Most entries before no more commands are read. Replies in a row are one entry, so only a client
/// that sends failing commands between others and reads nothing comes near it.
const ENTRIES_MAX: usize = 16 * 1024;

/// What comes next on the way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expect {
    /// As many replies of the server.
    Replies(u64),
    /// Replies that a fault gives, as often.
    Injected(Bytes, u64),
    /// From here on all bytes pass as they are.
    Rest,
}

/// The order of replies, shared by both ways of one connection.
#[derive(Debug, Default)]
pub(super) struct Expected {
    queue: Mutex<VecDeque<Expect>>,
    /// The way to the client waits for an injected reply to be put in.
    put: Notify,
    /// The way to the server waits until there is room.
    taken: Notify,
}

impl Expected {
    pub(super) fn push(&self, next: Expect) {
        let mut queue = self.queue.lock();
        match (queue.back_mut(), next) {
            (Some(Expect::Replies(count)), Expect::Replies(more)) => *count += more,
            (Some(Expect::Injected(reply, count)), Expect::Injected(same, more)) if *reply == same => {
                *count += more;
            }
            (_, next) => queue.push_back(next),
        }
        drop(queue);
        self.put.notify_one();
    }

    /// The server gave a reply. One that nobody waits for (as when it closes) is nobody's.
    pub(super) fn replied(&self) -> bool {
        let mut queue = self.queue.lock();
        let Some(Expect::Replies(count)) = queue.front_mut() else { return false };
        *count -= 1;
        if *count == 0 {
            queue.pop_front();
        }
        true
    }

    /// Takes what comes next if it is not the server's to give.
    pub(super) fn take_own(&self) -> Option<Expect> {
        let mut queue = self.queue.lock();
        match queue.front() {
            None | Some(Expect::Replies(_)) => None,
            Some(_) => {
                let next = queue.pop_front();
                drop(queue);
                self.taken.notify_one();
                next
            }
        }
    }

    /// What was taken is not all given yet.
    pub(super) fn put_back(&self, reply: Bytes, count: u64) {
        self.queue.lock().push_front(Expect::Injected(reply, count));
    }

    /// Whether what comes next is not the server's to give.
    pub(super) fn is_own_next(&self) -> bool {
        matches!(self.queue.lock().front(), Some(Expect::Injected(..) | Expect::Rest))
    }

    /// Whether an injected reply waits for its turn.
    pub(super) fn has_injected(&self) -> bool {
        self.queue.lock().iter().any(|one| matches!(one, Expect::Injected(..)))
    }

    pub(super) fn is_full(&self) -> bool {
        self.queue.lock().len() >= ENTRIES_MAX
    }

    /// Ends when something was put in since the last time.
    pub(super) async fn changed(&self) {
        self.put.notified().await;
    }

    /// Ends when something was taken out since the last time.
    pub(super) async fn room(&self) {
        self.taken.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn injected_replies_wait_for_those_before_them() {
        let expected = Expected::default();
        let error = Expect::Injected(Bytes::from_static(b"-ERR\r\n"), 1);
        expected.push(Expect::Replies(1));
        expected.push(Expect::Replies(1));
        expected.push(error.clone());
        expected.push(Expect::Replies(1));
        assert_eq!(expected.take_own(), None);
        assert!(expected.replied() && expected.replied());
        assert_eq!(expected.take_own(), Some(error));
        assert_eq!(expected.take_own(), None);
        assert!(expected.replied());
        assert!(!expected.replied(), "nobody waits for a fourth");
    }

    #[test]
    fn what_repeats_is_one_entry() {
        let expected = Expected::default();
        for _ in 0..100_000 {
            expected.push(Expect::Injected(Bytes::from_static(b"-ERR\r\n"), 1));
        }
        assert!(!expected.is_full());
        assert_eq!(expected.take_own(), Some(Expect::Injected(Bytes::from_static(b"-ERR\r\n"), 100_000)));
    }
}
