//! What a pool needs to know of the sessions it holds.

use std::{error::Error, future::Future};

/// Opens, tries and closes sessions of one kind.
pub trait Connector: Send + Sync + 'static {
    /// One open connection with its state.
    type Session: Send + 'static;
    /// Why one cannot be opened or used.
    type Error: Error + Send + Sync + 'static;

    /// Opens a session. The pool runs this on its own runtime, so what it spawns lives there.
    fn open(&self) -> impl Future<Output = Result<Self::Session, Self::Error>> + Send;

    /// Whether the other side still answers. The pool has its own time-out for this.
    fn ping(&self, session: &mut Self::Session) -> impl Future<Output = bool> + Send;

    /// Brings a session that is new, or in another state, into `state`: Oracle's session callback.
    fn set_state(
        &self,
        session: &mut Self::Session,
        state: &str,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Whether a session may be handed out again: it is open, and nothing is under way on it. This
    /// asks nobody.
    fn is_clean(&self, session: &Self::Session) -> bool;

    /// Closes a session. The default drops it.
    fn close(&self, session: Self::Session) {
        drop(session);
    }
}
