//! The commands: found in a table, checked, queued or executed.
//!
//! ```text
//!   arguments ──table──> arity ──> subscriber? ──> room in memory? ──> in MULTI: queue ──> run
//! ```
//!
//! Each family of commands is a file with its rows of the table.

#![expect(clippy::unnecessary_wraps, reason = "the rows of the table share one signature")]

mod clients;
mod connection;
mod counters;
mod error;
mod expiry;
mod hashes;
mod info;
mod introspection;
mod keys;
mod lists;
mod options;
mod pubsub;
mod scan;
mod server;
mod sets;
mod sorted_set_ranges;
mod sorted_sets;
mod strings;
mod table;
#[cfg(test)]
mod tests;
mod transactions;

use std::sync::atomic::Ordering;

use bytes::Bytes;

use self::table::{ADDS, ALWAYS, SUBSCRIBER, WRITES};
pub(super) use self::{error::CommandError, table::Spec};
use super::{
    protocol::{Arguments, Reply, Version},
    server::Server,
    session::{Session, Transaction},
    store::{Database, State},
};

/// Bytes of queued commands: what Redis's `client-query-buffer-limit` allows.
const QUEUE_MAX: usize = 1 << 30;

/// What a command gives.
type Outcome = Result<Reply, CommandError>;

/// One call of a command.
struct Call<'a> {
    /// Its name.
    name: &'static str,
    /// What follows the name; as many as the table asks for.
    args: &'a [Bytes],
    state: &'a mut State,
    session: &'a mut Session,
    server: &'a Server,
}

impl<'a> Call<'a> {
    /// The database that the connection has selected.
    fn db(&mut self) -> &mut Database {
        self.state.database(self.session.database)
    }

    /// The first argument, for most commands the key.
    fn key(&self) -> &'a Bytes {
        &self.args[0]
    }

    /// An argument as text, for an error.
    fn said(&self, index: usize) -> String {
        String::from_utf8_lossy(&self.args[index]).chars().take(128).collect()
    }

    fn wrong_arity(&self) -> CommandError {
        CommandError::Arity { command: self.name.to_owned() }
    }
}

/// Executes a request, or queues it, and counts it.
pub(super) fn execute(server: &Server, session: &mut Session, arguments: Arguments) -> Reply {
    let spec = arguments.first().and_then(|name| table::find(name));
    server.commands.fetch_add(1, Ordering::Relaxed);
    let outcome = if let Some(spec) = spec {
        dispatch(server, session, spec, arguments)
    } else {
        // As any refusal while a transaction is queued.
        session.transaction.iter_mut().for_each(|transaction| transaction.failed = true);
        let text = |word: &Bytes| String::from_utf8_lossy(word).into_owned();
        Err(CommandError::Unknown { arguments: arguments.iter().map(text).collect() })
    };
    let name = spec.map_or("unknown", |spec| spec.name);
    session.show(name);
    let reply = outcome.unwrap_or_else(Reply::Error);
    server.metrics.executed(name, !matches!(reply, Reply::Error(_)));
    reply
}

fn dispatch(server: &Server, session: &mut Session, spec: &'static Spec, arguments: Arguments) -> Outcome {
    let mut state = server.state.lock();
    state.tick();
    if let Err(refusal) = check(server, session, &mut state, spec, &arguments) {
        return Err(refused(session, &mut state, spec, refusal));
    }
    if session.transaction.is_some() && !spec.has(ALWAYS) {
        return Ok(queue(session, spec, arguments));
    }
    run(server, session, &mut state, spec, &arguments)
}

/// Whether the command may run, or be queued, now.
fn check(
    server: &Server,
    session: &Session,
    state: &mut State,
    spec: &Spec,
    arguments: &[Bytes],
) -> Result<(), CommandError> {
    if !spec.takes(arguments.len()) {
        return Err(CommandError::Arity { command: spec.name.to_owned() });
    }
    let listens = session.subscriptions() > 0 && session.version == Version::Resp2;
    if listens && !spec.has(SUBSCRIBER) {
        return Err(CommandError::OnlySubscriber { command: spec.name });
    }
    let queued = session.transaction.as_ref().map_or(&[][..], |transaction| &transaction.queue);
    let executes = spec.name == "exec";
    if spec.has(WRITES) || executes {
        let settings = server.settings.get();
        let writes = spec.has(WRITES) || queued.iter().any(|(spec, _)| spec.has(WRITES));
        if settings.read_only && writes {
            return Err(CommandError::ReadOnly);
        }
        let has_room = state.make_room(settings.maxmemory_bytes, settings.maxmemory_policy);
        let adds = spec.has(ADDS) || executes && queued.iter().any(|(spec, _)| spec.has(ADDS));
        if adds && !has_room {
            return Err(CommandError::OutOfMemory);
        }
    }
    if session.transaction.is_some() && spec.has(SUBSCRIBER) && spec.group == "pubsub" {
        return Err(CommandError::NotInTransaction);
    }
    Ok(())
}

/// A refused command makes the transaction that it was meant for fail; a refused `EXEC` ends it.
fn refused(session: &mut Session, state: &mut State, spec: &Spec, refusal: CommandError) -> CommandError {
    if spec.name == "exec" {
        session.transaction = None;
        session.unwatch(state);
        return CommandError::ExecRefused { reason: Box::new(refusal) };
    }
    if let Some(transaction) = &mut session.transaction {
        transaction.failed = true;
    }
    refusal
}

fn queue(session: &mut Session, spec: &'static Spec, arguments: Arguments) -> Reply {
    let transaction = session.transaction.get_or_insert_with(Transaction::default);
    transaction.bytes += arguments.iter().map(Bytes::len).sum::<usize>();
    if transaction.bytes > QUEUE_MAX {
        session.closing = true;
    }
    transaction.queue.push((spec, arguments));
    Reply::Simple("QUEUED")
}

/// Runs a command, whatever the state of a transaction.
fn run(
    server: &Server,
    session: &mut Session,
    state: &mut State,
    spec: &'static Spec,
    arguments: &[Bytes],
) -> Outcome {
    (spec.run)(&mut Call { name: spec.name, args: &arguments[1..], state, session, server })
}
