//! A session in a caller's hands.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Instant,
};

use loadlab_clock::Sleeper;

use super::{Connector, PoolError, Shared, state::Pooled};

/// A session that is handed out. Dropping it gives it back.
#[must_use = "a lease that is dropped gives its session back"]
pub struct Lease<C: Connector> {
    shared: Arc<Shared<C>>,
    /// Empty only once it was given back.
    pooled: Option<Pooled<C::Session>>,
    /// Whether it may be handed out again. It may not while it is pinged or its state is being set:
    /// who is cancelled in between leaves nobody knows what.
    fit: bool,
}

impl<C: Connector> Lease<C> {
    pub(super) fn new(shared: Arc<Shared<C>>, pooled: Pooled<C::Session>) -> Self {
        Self { shared, pooled: Some(pooled), fit: true }
    }

    /// Takes the session out without giving it back.
    pub(super) fn into_pooled(mut self) -> Pooled<C::Session> {
        self.pooled.take().expect(HELD)
    }

    /// Pings a session that was idle for long and brings it into the wanted state. False if it is
    /// dead; dropping the lease then closes it.
    pub(super) async fn make_fit(&mut self, wanted: &str) -> Result<bool, PoolError<C::Error>> {
        let (interval, timeout) = {
            let state = self.shared.state.lock();
            (state.settings.ping_interval, state.settings.ping_timeout)
        };
        let connector = &self.shared.connector;
        let pooled = self.pooled.as_mut().expect(HELD);
        self.fit = false;
        if !connector.is_clean(&pooled.session) {
            return Ok(false);
        }
        if !pooled.fresh && interval.is_some_and(|interval| pooled.idle_since.elapsed() >= interval) {
            let ping = connector.ping(&mut pooled.session);
            if Sleeper::shared().timeout(Instant::now() + timeout, ping).await != Ok(true) {
                return Ok(false);
            }
        }
        if pooled.state.as_deref() != Some(wanted) {
            let set = connector.set_state(&mut pooled.session, wanted).await;
            set.map_err(|source| PoolError::State { source })?;
            pooled.state = Some(wanted.to_owned());
        }
        self.fit = true;
        Ok(true)
    }

    /// Gives the session back to be closed, whatever its condition.
    pub fn discard(mut self) {
        self.fit = false;
    }
}

/// Why the session is there: only the end of the lease takes it.
const HELD: &str = "a lease holds its session to its end";

impl<C: Connector> Deref for Lease<C> {
    type Target = C::Session;

    fn deref(&self) -> &C::Session {
        &self.pooled.as_ref().expect(HELD).session
    }
}

impl<C: Connector> DerefMut for Lease<C> {
    fn deref_mut(&mut self) -> &mut C::Session {
        &mut self.pooled.as_mut().expect(HELD).session
    }
}

impl<C: Connector> Drop for Lease<C> {
    fn drop(&mut self) {
        if let Some(pooled) = self.pooled.take() {
            Shared::release(&self.shared, pooled, self.fit);
        }
    }
}

impl<C: Connector> fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("fit", &self.fit).finish_non_exhaustive()
    }
}
