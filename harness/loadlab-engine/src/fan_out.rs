//! Many requests at once over a user's few connections, as a page with many pictures.
//!
//! All children run in the worker's task. Those beyond the connections wait, and the wait is theirs
//! (`client_wait`); a place that becomes free goes to the first child that waits. A child that fails
//! stops no other. The step ends with the last child, and as the first child that did not end well.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use loadlab_record::Outcome;

use crate::{
    answer::Scratch,
    connection::Connections,
    program::FanOutProgram,
    step::{Ask, Asked},
};

type Child<'c> = Pin<Box<dyn Future<Output = Asked> + Send + 'c>>;

/// Asks for each element of the list; `ask` is the form of a child.
pub(crate) async fn perform(ask: Ask<'_>, fan_out: FanOutProgram, scratch: &mut Vec<Scratch>) -> Asked {
    let items = ask.kept.get(fan_out.over).and_then(Option::as_ref).map_or(&[][..], |kept| kept.items());
    let items = &items[..items.len().min(fan_out.max)];
    if scratch.len() < items.len() {
        scratch.resize_with(items.len(), Scratch::default);
    }
    let children = items.iter().zip(scratch.iter_mut()).enumerate().map(|(child, (item, scratch))| {
        let ask = Ask { child, item: Some((fan_out.item, item)), ..ask };
        Box::pin(async move { ask.perform(scratch).await }) as Child<'_>
    });
    let mut children: Vec<Result<Child<'_>, Asked>> = children.map(Ok).collect();
    poll_fn(|context| poll_all(&mut children, ask.connections, context)).await;
    join(children.into_iter().filter_map(Result::err))
}

/// Polls children until none of them makes room for another.
fn poll_all(
    children: &mut [Result<Child<'_>, Asked>],
    connections: &Connections,
    context: &mut Context<'_>,
) -> Poll<()> {
    loop {
        let releases = connections.releases();
        let mut running = 0;
        for child in children.iter_mut() {
            let Ok(future) = child else { continue };
            match future.as_mut().poll(context) {
                Poll::Ready(asked) => *child = Err(asked),
                Poll::Pending => running += 1,
            }
        }
        if running == 0 {
            return Poll::Ready(());
        }
        if connections.releases() == releases {
            return Poll::Pending;
        }
    }
}

/// One end out of many.
fn join(children: impl Iterator<Item = Asked>) -> Asked {
    let mut joined = Asked { outcome: Some(Outcome::Ok), ..Asked::default() };
    for child in children {
        if joined.outcome == Some(Outcome::Ok) {
            joined.outcome = child.outcome;
        }
        joined.sent = match (joined.sent, child.sent) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        joined.retries += child.retries;
        joined.gave_up |= child.gave_up;
        joined.kept.extend(child.kept);
    }
    joined
}
