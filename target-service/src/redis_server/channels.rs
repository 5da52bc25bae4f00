//! Who listens to which channel, and the way a message takes to a connection.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::glob;

/// Bytes of messages that may wait for a slow subscriber, who is disconnected beyond that: Redis's
/// `client-output-buffer-limit pubsub`.
const WAITING_MAX: usize = 32 << 20;
/// Bytes that a message takes beside its content.
const MESSAGE: usize = 128;

/// Subscriptions of all connections, each known by its number.
#[derive(Debug, Default)]
pub(super) struct Channels {
    channels: HashMap<Bytes, BTreeMap<u64, Outbox>>,
    patterns: BTreeMap<Bytes, BTreeMap<u64, Outbox>>,
}

/// A message as one subscriber gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// The pattern that the channel is of, if it came by one.
    pub(super) pattern: Option<Bytes>,
    pub(super) channel: Bytes,
    pub(super) content: Bytes,
}

/// Where a connection's messages are put.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    sender: mpsc::UnboundedSender<Message>,
    waiting: Arc<AtomicUsize>,
    overflow: CancellationToken,
}

/// Where it takes them from.
#[derive(Debug)]
pub(super) struct Inbox {
    receiver: mpsc::UnboundedReceiver<Message>,
    waiting: Arc<AtomicUsize>,
    overflow: CancellationToken,
}

/// Both ends of a connection's messages.
pub(super) fn mailbox() -> (Outbox, Inbox) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (waiting, overflow) = (Arc::default(), CancellationToken::new());
    let outbox = Outbox { sender, waiting: Arc::clone(&waiting), overflow: overflow.clone() };
    (outbox, Inbox { receiver, waiting, overflow })
}

impl Message {
    fn bytes(&self) -> usize {
        MESSAGE + self.channel.len() + self.content.len()
    }
}

impl Outbox {
    fn put(&self, message: Message) {
        let bytes = message.bytes();
        if self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes > WAITING_MAX {
            self.overflow.cancel();
        } else {
            // It fails when the connection has just ended.
            let _ = self.sender.send(message);
        }
    }
}

impl Inbox {
    /// The next message. It waits for ever when there is none.
    pub(super) async fn next(&mut self) -> Message {
        match self.receiver.recv().await {
            Some(message) => self.taken(message),
            None => std::future::pending().await,
        }
    }

    /// A message that is there already.
    pub(super) fn take(&mut self) -> Option<Message> {
        let message = self.receiver.try_recv().ok()?;
        Some(self.taken(message))
    }

    /// Cancelled when more waited than may.
    pub(super) fn overflow(&self) -> CancellationToken {
        self.overflow.clone()
    }

    fn taken(&self, message: Message) -> Message {
        self.waiting.fetch_sub(message.bytes(), Ordering::Relaxed);
        message
    }
}

impl Channels {
    pub(super) fn subscribe(&mut self, channel: Bytes, connection: u64, outbox: Outbox) {
        self.channels.entry(channel).or_default().insert(connection, outbox);
    }

    pub(super) fn subscribe_pattern(&mut self, pattern: Bytes, connection: u64, outbox: Outbox) {
        self.patterns.entry(pattern).or_default().insert(connection, outbox);
    }

    pub(super) fn unsubscribe(&mut self, channel: &[u8], connection: u64) {
        if let Some(subscribers) = self.channels.get_mut(channel) {
            subscribers.remove(&connection);
            if subscribers.is_empty() {
                self.channels.remove(channel);
            }
        }
    }

    pub(super) fn unsubscribe_pattern(&mut self, pattern: &[u8], connection: u64) {
        if let Some(subscribers) = self.patterns.get_mut(pattern) {
            subscribers.remove(&connection);
            if subscribers.is_empty() {
                self.patterns.remove(pattern);
            }
        }
    }

    /// How many subscriptions got the message.
    pub(super) fn publish(&self, channel: &Bytes, content: &Bytes) -> usize {
        let mut reached = 0;
        let message = |pattern| Message { pattern, channel: channel.clone(), content: content.clone() };
        for outbox in self.channels.get(channel).into_iter().flat_map(BTreeMap::values) {
            outbox.put(message(None));
            reached += 1;
        }
        for (pattern, subscribers) in &self.patterns {
            if glob::matches(pattern, channel) {
                for outbox in subscribers.values() {
                    outbox.put(message(Some(pattern.clone())));
                    reached += 1;
                }
            }
        }
        reached
    }

    /// The channels that somebody subscribes to by name.
    pub(super) fn names(&self) -> impl Iterator<Item = &Bytes> {
        self.channels.keys()
    }

    /// Subscribers of a channel by name.
    pub(super) fn subscribers(&self, channel: &[u8]) -> usize {
        self.channels.get(channel).map_or(0, BTreeMap::len)
    }

    /// Patterns that somebody subscribes to.
    pub(super) fn patterns(&self) -> usize {
        self.patterns.len()
    }
}
