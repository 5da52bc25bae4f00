//! Channels.

use bytes::Bytes;

use super::{
    super::{glob, protocol::Reply},
    Call, CommandError, Outcome,
    table::{NONE, PLAIN, SUBSCRIBER, Spec, row},
};

pub(super) const COMMANDS: &[Spec] = &[
    row("subscribe", "pubsub", -2, SUBSCRIBER, NONE, subscribe),
    row("psubscribe", "pubsub", -2, SUBSCRIBER, NONE, subscribe_pattern),
    row("unsubscribe", "pubsub", -1, SUBSCRIBER, NONE, unsubscribe),
    row("punsubscribe", "pubsub", -1, SUBSCRIBER, NONE, unsubscribe_pattern),
    row("publish", "pubsub", 3, PLAIN, NONE, publish),
    row("pubsub", "pubsub", -2, PLAIN, NONE, about),
];

/// What a subscriber is told: what happened, to which channel, and how many subscriptions it has.
fn told(kind: &'static str, channel: Option<&Bytes>, subscriptions: usize) -> Reply {
    Reply::Push(vec![Reply::name(kind), Reply::optional(channel.cloned()), Reply::count(subscriptions)])
}

fn subscribe(call: &mut Call<'_>) -> Outcome {
    let session = &mut *call.session;
    let replies = call.args.iter().map(|channel| {
        session.channels.insert(channel.clone());
        call.state.channels.subscribe(channel.clone(), session.id, session.outbox.clone());
        told("subscribe", Some(channel), session.subscriptions())
    });
    Ok(Reply::Several(replies.collect()))
}

fn subscribe_pattern(call: &mut Call<'_>) -> Outcome {
    let session = &mut *call.session;
    let replies = call.args.iter().map(|pattern| {
        session.patterns.insert(pattern.clone());
        call.state.channels.subscribe_pattern(pattern.clone(), session.id, session.outbox.clone());
        told("psubscribe", Some(pattern), session.subscriptions())
    });
    Ok(Reply::Several(replies.collect()))
}

fn unsubscribe(call: &mut Call<'_>) -> Outcome {
    let session = &mut *call.session;
    let all: Vec<Bytes> = session.channels.iter().cloned().collect();
    let channels = if call.args.is_empty() { &all[..] } else { call.args };
    if channels.is_empty() {
        return Ok(told("unsubscribe", None, session.subscriptions()));
    }
    let replies = channels.iter().map(|channel| {
        session.channels.shift_remove(channel);
        call.state.channels.unsubscribe(channel, session.id);
        told("unsubscribe", Some(channel), session.subscriptions())
    });
    Ok(Reply::Several(replies.collect()))
}

fn unsubscribe_pattern(call: &mut Call<'_>) -> Outcome {
    let session = &mut *call.session;
    let all: Vec<Bytes> = session.patterns.iter().cloned().collect();
    let patterns = if call.args.is_empty() { &all[..] } else { call.args };
    if patterns.is_empty() {
        return Ok(told("punsubscribe", None, session.subscriptions()));
    }
    let replies = patterns.iter().map(|pattern| {
        session.patterns.shift_remove(pattern);
        call.state.channels.unsubscribe_pattern(pattern, session.id);
        told("punsubscribe", Some(pattern), session.subscriptions())
    });
    Ok(Reply::Several(replies.collect()))
}

fn publish(call: &mut Call<'_>) -> Outcome {
    Ok(Reply::count(call.state.channels.publish(&call.args[0], &call.args[1])))
}

fn about(call: &mut Call<'_>) -> Outcome {
    let subcommand = String::from_utf8_lossy(&call.args[0]).to_lowercase();
    let channels = &call.state.channels;
    match (subcommand.as_str(), &call.args[1..]) {
        ("channels", []) => Ok(Reply::bulks(channels.names().cloned())),
        ("channels", [pattern]) => {
            Ok(Reply::bulks(channels.names().filter(|name| glob::matches(pattern, name)).cloned()))
        }
        ("numsub", names) => Ok(Reply::Array(
            names
                .iter()
                .flat_map(|name| [Reply::Bulk(name.clone()), Reply::count(channels.subscribers(name))])
                .collect(),
        )),
        ("numpat", []) => Ok(Reply::count(channels.patterns())),
        ("channels" | "numpat", _) => Err(CommandError::Arity { command: format!("pubsub|{subcommand}") }),
        _ => Err(CommandError::UnknownSubcommand { command: call.name, subcommand: call.said(0) }),
    }
}
