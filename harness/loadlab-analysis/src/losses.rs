//! What of a run's arrivals is lost, counted as its seconds come and when it has ended.
//!
//! *Lost*: did not end well, was never sent, or ended well but later than the tightest bound on the
//! response time. An arrival counts in the second in which it ended.

use loadlab_record::{EndReason, RunFile, Window};
use loadlab_scenario::Plan;

use crate::{Rules, evaluate};

/// Arrivals that count, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// Arrivals that ended.
    pub ended: u64,
    /// Those of them that were lost.
    pub lost: u64,
}

impl Losses {
    /// Of a whole run, without its warm-up. What was under way at the end of its drain is lost: it was not
    /// answered in the time that there was. Of a run that was ended early it might have been.
    pub fn of(run: &RunFile) -> Self {
        let rules = Rules::of(&run.plan);
        let ended = run.measured().iter().fold(Self::default(), |sum, window| sum.with(window, &rules));
        let open = if run.ending.reason == EndReason::Finished { run.totals.in_flight } else { 0 };
        Self { ended: ended.ended + open, lost: ended.lost + open }
    }

    /// With one more second.
    fn with(self, window: &Window, rules: &Rules) -> Self {
        let late = evaluate::late(std::slice::from_ref(window), rules);
        Self { ended: self.ended + window.ended.total(), lost: self.lost + window.ended.not_ok() + late }
    }

    /// The share; `None` if nothing ended.
    pub fn share(self) -> Option<f64> {
        (self.ended > 0).then(|| self.lost as f64 / self.ended as f64)
    }

    /// Those that ended well and in time.
    pub const fn good(self) -> u64 {
        self.ended - self.lost
    }
}

/// What a trial may lose before it is hopeless.
#[derive(Debug, Clone)]
pub struct LossLimit {
    rules: Rules,
    most: f64,
    so_far: Losses,
}

impl LossLimit {
    /// Of a plan's arrivals, at most so many. More ends the trial.
    pub fn new(plan: &Plan, most: f64) -> Self {
        Self { rules: Rules::of(plan), most, so_far: Losses::default() }
    }

    /// Takes the next second; whether too many are lost by now.
    pub fn window(&mut self, window: &Window) -> bool {
        if window.second >= self.rules.first_second {
            self.so_far = self.so_far.with(window, &self.rules);
        }
        self.so_far.lost as f64 > self.most
    }

    /// Up to now.
    pub const fn so_far(&self) -> Losses {
        self.so_far
    }
}

#[cfg(test)]
mod tests {
    use loadlab_record::Outcome;
    use loadlab_scenario::objective::Statistic;

    use super::*;
    use crate::made_up::{MadeUp, at_most, response};

    #[test]
    fn what_failed_and_what_was_late_is_lost() {
        let ok = Outcome::Ok;
        let run = MadeUp::new()
            .objective(at_most(response(Statistic::Percentile(99.0)), 1.0))
            .second(4, &[(ok, 10), (ok, 900), (ok, 1_100), (Outcome::Status, 5)])
            .finished();
        let losses = Losses::of(&run);
        assert_eq!((losses.ended, losses.lost, losses.good()), (4, 2, 2));
        assert_eq!(losses.share(), Some(0.5));
        assert_eq!(Losses::default().share(), None);
    }

    #[test]
    fn a_limit_is_passed_in_the_second_in_which_too_much_is_lost() {
        let run = MadeUp::new().seconds(3, Outcome::Status, 5).finished();
        let mut limit = LossLimit::new(&run.plan, 2.0);
        let passed: Vec<bool> = run.windows.iter().map(|window| limit.window(window)).collect();
        assert_eq!(passed[..3], [false, false, true]);
        assert_eq!(limit.so_far().lost, 3);
    }
}
