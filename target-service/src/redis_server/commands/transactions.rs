//! Transactions: `MULTI` queues, `EXEC` runs the queue under one lock, unless a watched key changed.

use std::sync::atomic::Ordering;

use super::{
    super::{protocol::Reply, session::Transaction},
    Call, CommandError, Outcome, run,
    table::{ALL, ALWAYS, NONE, Spec, row},
};

pub(super) const COMMANDS: &[Spec] = &[
    row("multi", "transactions", 1, ALWAYS, NONE, multi),
    row("exec", "transactions", 1, ALWAYS, NONE, exec),
    row("discard", "transactions", 1, ALWAYS, NONE, discard),
    row("watch", "transactions", -2, ALWAYS, ALL, watch),
    row("unwatch", "transactions", 1, 0, NONE, unwatch),
];

fn multi(call: &mut Call<'_>) -> Outcome {
    if call.session.transaction.is_some() {
        return Err(CommandError::NestedMulti);
    }
    call.session.transaction = Some(Transaction::default());
    Ok(Reply::OK)
}

fn exec(call: &mut Call<'_>) -> Outcome {
    let Some(transaction) = call.session.transaction.take() else {
        return Err(CommandError::WithoutMulti { command: "EXEC" });
    };
    // A watched key that has expired by now has changed: looking at it says so.
    for (database, key) in &call.session.watched {
        call.state.database(*database).peek(key);
    }
    let changed = call.session.changed.load(Ordering::Relaxed);
    call.session.unwatch(call.state);
    if transaction.failed {
        return Err(CommandError::ExecAborted);
    }
    if changed {
        return Ok(Reply::NullArray);
    }
    let mut replies = Vec::with_capacity(transaction.queue.len());
    for (spec, arguments) in transaction.queue {
        let outcome = run(call.server, call.session, call.state, spec, &arguments);
        call.server.metrics.executed(spec.name, outcome.is_ok());
        replies.push(outcome.unwrap_or_else(Reply::Error));
    }
    Ok(Reply::Array(replies))
}

fn discard(call: &mut Call<'_>) -> Outcome {
    if call.session.transaction.take().is_none() {
        return Err(CommandError::WithoutMulti { command: "DISCARD" });
    }
    call.session.unwatch(call.state);
    Ok(Reply::OK)
}

fn watch(call: &mut Call<'_>) -> Outcome {
    if call.session.transaction.is_some() {
        return Err(CommandError::WatchInMulti);
    }
    for key in call.args {
        let place = (call.session.database, key.clone());
        if !call.session.watched.contains(&place) {
            call.state.database(place.0).watch(key, &call.session.changed);
            call.session.watched.push(place);
        }
    }
    Ok(Reply::OK)
}

fn unwatch(call: &mut Call<'_>) -> Outcome {
    call.session.unwatch(call.state);
    Ok(Reply::OK)
}
