//! RESP with faults: one client connection to Redis.
//!
//! ```text
//!   client ─ commands ─> decide ─┬─ outbox, some held back ─────────> server
//!                                └─ answered by a fault ─┐
//!   client <─ in the order of the commands <─ Expected <─┴─ replies ─ server
//! ```
//!
//! Both ways are read as far as it takes to tell commands and replies apart; values of any size
//! stream. A command that is held back holds back those behind it, which are counted as
//! *collateral*. Where commands and replies stop matching one to one (transactions, subscriptions,
//! scripts, pushes, …; see [`Passed`]) the connection becomes *pass-through* from there on, which is
//! counted too: bytes go both ways as they are, after the replies that are still due.

mod command;
mod expect;
mod number;
mod outbox;
mod reply;
mod table;
mod to_client;
mod to_server;

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::io::{AsyncRead, AsyncWrite, split};

use self::{expect::Expected, to_client::ToClient, to_server::ToServer};
use super::{Passed, Session};

/// What both ways of a connection share.
#[derive(Debug)]
struct Shared {
    session: Session,
    expected: Expected,
    /// The connection became pass-through: no further command is read.
    raw: AtomicBool,
}

impl Shared {
    /// The connection becomes pass-through, for the first reason that there is.
    fn pass(&self, reason: Passed) {
        if !self.raw.swap(true, Relaxed) {
            self.session.counters().resp.add_passed(reason);
        }
    }
}

/// Serves one client connection to a server that was dialled, until both have sent all. Half-close
/// is forwarded both ways. TCP_NODELAY is the caller's to set.
///
/// # Errors
///
/// A connection that broke, on either side.
pub async fn serve<C, S>(client: C, server: S, session: Session) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite + Send + Unpin,
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let shared = Shared { session, expected: Expected::default(), raw: AtomicBool::new(false) };
    let (from_client, to_client) = split(client);
    let (from_server, to_server) = split(server);
    tokio::try_join!(
        ToServer::new(&shared).run(from_client, to_server),
        ToClient::new(&shared).run(from_server, to_client),
    )?;
    Ok(())
}
