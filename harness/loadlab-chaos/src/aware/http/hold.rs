//! Waiting because of a fault: until its time has passed, or the fault is gone.

use std::{
    future::Future as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use loadlab_clock::{Sleep, Sleeper};

use super::link::Link;
use crate::aware::switch::Active;

/// One wait. The task that polls it is woken when the faults change.
#[derive(Debug)]
pub(super) struct Hold {
    fault: Arc<Active>,
    sleep: Option<Sleep>,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// Its time passed.
    Time,
    /// The fault was removed or changed.
    Healed,
}

impl Hold {
    /// Waits for `time` of scenario time.
    pub(super) fn for_time(link: &Link, fault: &Arc<Active>, time: Duration) -> Self {
        let real = link.session().speed().real(time);
        Self { fault: Arc::clone(fault), sleep: Some(Sleeper::shared().sleep(real)) }
    }

    /// Waits as long as the fault is there.
    pub(super) fn while_active(fault: &Arc<Active>) -> Self {
        Self { fault: Arc::clone(fault), sleep: None }
    }

    pub(super) fn poll(&mut self, link: &Link, cx: &mut Context<'_>) -> Poll<Over> {
        if !link.faults().contains(&self.fault) {
            return Poll::Ready(Over::Healed);
        }
        match &mut self.sleep {
            Some(sleep) => Pin::new(sleep).poll(cx).map(|()| Over::Time),
            None => Poll::Pending,
        }
    }
}
