//! What an instance holds: pages at rest in each worker, and the guard that ends it in time.
//!
//! ```text
//!   resident / limit:   ... alert (it says so) ... restart (no new work, drain, end) ... 1 (killed)
//! ```
//!
//! The pages are touched, so they are resident as the runtime and the models of a real worker are.
//! Garbage collection and swap are not modelled.

use std::{fmt, time::Duration};

use loadlab_clock::Sleeper;

use super::Instance;
use crate::{
    profile::{MemoryGuard, Size},
    standin::process_metrics::resident_bytes,
};

/// Between two looks, in real time: a tenth of a second of big answers is a few percent of 2 GB.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Pages that are held.
pub(super) struct Resident(Vec<u8>);

impl fmt::Debug for Resident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resident({})", Size::new(self.0.len() as u64))
    }
}

impl Resident {
    /// Takes and touches them.
    pub(super) fn take(size: Size) -> Self {
        // Not zeros: pages of zeros are shared until they are written to.
        // Nobody reads them, so an optimising compiler would leave them out.
        Self(std::hint::black_box(vec![0x5a; size.bytes() as usize]))
    }
}

/// Where an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pressure {
    None,
    Alert,
    Restart,
}

fn pressure(resident: u64, limit: Size, guard: &MemoryGuard) -> Pressure {
    let share = resident as f64 / limit.bytes() as f64;
    match () {
        () if share >= guard.restart => Pressure::Restart,
        () if share >= guard.alert => Pressure::Alert,
        () => Pressure::None,
    }
}

/// Ends when the instance must: it has taken no more work since its share of the limit was reached,
/// and what it had is done or has had its time. Never ends without a guard.
pub(super) async fn guard(instance: &Instance) {
    let settings = &instance.profile.memory;
    if !settings.guard.enabled {
        return std::future::pending().await;
    }
    let figures = &instance.metrics.figures;
    let mut alerted = false;
    loop {
        let resident = resident_bytes().unwrap_or(0).unsigned_abs();
        let pressure = pressure(resident, settings.limit, &settings.guard);
        figures.memory_alert.set(i64::from(pressure != Pressure::None));
        if pressure != Pressure::None && !alerted {
            log::warn!("holds {resident} bytes of {}", settings.limit);
        }
        alerted = pressure != Pressure::None;
        if pressure == Pressure::Restart {
            break;
        }
        Sleeper::shared().sleep(LOOK_EVERY).await;
    }
    log::warn!("takes no more work and ends, to be started again");
    figures.guard_restarts.inc();
    instance.shed();
    drain(instance, instance.speed.real(settings.guard.drain)).await;
}

/// Until nothing is under way, or `limit` of real time is over.
async fn drain(instance: &Instance, limit: Duration) {
    let deadline = std::time::Instant::now() + limit;
    while std::time::Instant::now() < deadline && instance.is_busy() {
        Sleeper::shared().sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    #[test]
    fn the_baselines_guard_speaks_at_seventy_percent_and_acts_at_eighty_five() {
        let guard = Profile::named("baseline").expect("it is shipped").service.memory.guard;
        let limit = Size::new(2_000_000_000);
        let at = |resident| pressure(resident, limit, &guard);
        assert_eq!(at(1_399_999_999), Pressure::None);
        assert_eq!(at(1_400_000_000), Pressure::Alert);
        assert_eq!(at(1_699_999_999), Pressure::Alert);
        assert_eq!(at(1_700_000_000), Pressure::Restart);
    }

    #[test]
    fn pages_at_rest_are_resident() {
        let before = resident_bytes().expect("Linux");
        let held = Resident::take(Size::new(64 << 20));
        let after = resident_bytes().expect("Linux");
        // Other tests give and take beside this one.
        assert!(after - before > 48 << 20, "{before} {after}");
        drop(held);
    }
}
