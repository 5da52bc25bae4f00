//! A fault that grows: from a twentieth of its size at its beginning to all of it at the end of its
//! ramp, in equal steps. Each step changes the toxic's attributes, so that what it holds and whom it has
//! hold of stay as they are.
//!
//! ```text
//!   size  1 ┤                ┌────────
//!           │           ┌────┘
//!           │      ┌────┘
//!    1/STEPS┤──────┘
//!           └┬─────────────────┬──────> time
//!           at              at + ramp
//! ```

use std::{borrow::Cow, time::Duration};

use loadlab_clock::{Offset, RunClock, Sleeper};
use loadlab_record::{EventKind, RunEvent};
use loadlab_scenario::fault::{Disturbance, Fault, Toxic};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::control::Toxiproxy;

/// Steps of a ramp: few enough for a control plane that answers within milliseconds, so many that a
/// percentile over seconds sees a slope.
const STEPS: u32 = 20;

/// Where a toxic can be changed.
#[derive(Debug, Clone)]
pub(super) struct Resize {
    pub(super) proxies: Toxiproxy,
    pub(super) proxy: String,
    pub(super) toxic: String,
}

/// A fault that grows by itself until it is full or this is ended.
#[must_use = "what is healed must not be changed any more"]
pub(super) struct Growing(Option<JoinHandle<()>>);

/// The fault as it is at its beginning.
pub(super) fn beginning(fault: &Fault) -> Cow<'_, Fault> {
    match sized(fault, 1) {
        Some((Disturbance::Toxic { edge, .. }, toxic)) => {
            let what = Disturbance::Toxic { edge: edge.clone(), toxic };
            Cow::Owned(Fault { what, ..fault.clone() })
        }
        _ => Cow::Borrowed(fault),
    }
}

/// What a fault with a ramp does at one of the steps.
fn sized(fault: &Fault, step: u32) -> Option<(&Disturbance, Toxic)> {
    fault.ramp?;
    match &fault.what {
        Disturbance::Toxic { toxic, .. } => {
            toxic.grown(f64::from(step) / f64::from(STEPS)).map(|toxic| (&fault.what, toxic))
        }
        _ => None,
    }
}

impl Growing {
    /// Lets a fault grow that began at `at`, if it has a ramp. A step that fails is told, and
    /// is the last.
    pub(super) fn start(
        fault: &Fault,
        at: Duration,
        resize: Option<Resize>,
        clock: RunClock,
        events: mpsc::UnboundedSender<RunEvent>,
    ) -> Self {
        let (Some(ramp), Some(resize)) = (fault.ramp, resize) else { return Self(None) };
        let fault = fault.clone();
        Self(Some(tokio::spawn(async move {
            for step in 2..=STEPS {
                let Some((_, toxic)) = sized(&fault, step) else { return };
                let when = Offset::from_duration(at + ramp * step / STEPS);
                Sleeper::shared().until(clock.instant(when)).await;
                if let Err(error) = resize.proxies.change(&resize.proxy, &resize.toxic, &toxic).await {
                    let reason = format!("it could not grow: {error}");
                    let what = EventKind::FaultFailed { name: fault.name.clone(), reason };
                    // Whoever does not listen any more has ended the run.
                    let _ = events.send(RunEvent { at: clock.now(), what });
                    return;
                }
            }
        })))
    }

    /// Ends it where it is. Nothing is changed after this.
    pub(super) async fn end(self) {
        if let Some(task) = self.0 {
            task.abort();
            // It was cancelled, or had ended.
            drop(task.await);
        }
    }
}
