//! What a gate is asked.

use std::time::Duration;

use loadlab_analysis::gate::{Bound, Limits, Margins, Noise, Side};
use loadlab_scenario::quantity::Share;

use crate::conductor::Request;

/// The first load, as a share of the scenario's highest, where nobody says which one base carries.
pub const FIRST_SHARE: f64 = 0.25;

/// What is compared, and how.
#[derive(Debug)]
pub struct GateRequest<'a> {
    /// The build that is known; the gate's own folder is made where its runs go.
    pub base: SideRequest<'a>,
    /// The build in question: the same scenario with another target.
    pub head: SideRequest<'a>,
    /// What is decided by. Where tier 1 begins is settled when base is up.
    pub limits: Limits,
    /// Base's breaking point, if it is known.
    pub carried: Option<f64>,
    /// The share of the arrivals that may be lost.
    pub allowed: Share,
    /// How long a trial measures; otherwise as long as five hundred of base's service times.
    pub trial: Option<Duration>,
    /// What the trials are for.
    pub purpose: Purpose,
    /// What is asked beside the breaking point.
    pub beside: BesideRequest,
    /// The noise of an A/A job.
    pub noise: Option<Noise>,
}

/// One of the two.
#[derive(Debug)]
pub struct SideRequest<'a> {
    /// The scenario with its target.
    pub run: Request<'a>,
    /// The shell command that starts it, if that is how.
    pub command: Option<String>,
    /// In words.
    pub name: String,
}

/// What the trials of a gate are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To decide; they end with the decision.
    Decide,
    /// To see how far two equal builds are apart; they end when there are enough.
    Noise,
}

/// What is asked beside the breaking point.
#[derive(Debug, Clone)]
pub struct BesideRequest {
    /// Pairs of trials at one load.
    pub pairs: u32,
    /// By how much head may be worse.
    pub margins: Margins,
    /// What head may use.
    pub bounds: Vec<Bound>,
}

impl<'a> GateRequest<'a> {
    /// One of the two.
    pub const fn side(&self, side: Side) -> &SideRequest<'a> {
        match side {
            Side::Base => &self.base,
            Side::Head => &self.head,
        }
    }

    /// A load that base is believed to carry.
    pub fn first_load(&self) -> f64 {
        let plan = &self.base.run.plan;
        let load = self.carried.unwrap_or_else(|| plan.load_most() * FIRST_SHARE);
        if plan.load_axis().is_whole() { load.round().max(1.0) } else { load }
    }
}
