//! A limit of processor time. The kernel keeps it, where the process is in a control group; in any
//! case the keeper stops a process that has used up its time, and lets it go on when it has earned
//! some again.

use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::Lifted;
use crate::{
    RoleSignal,
    control_group::{Group, Version},
    process_table,
};

/// The stretch in which a process may use its time as it likes: the kernel's own default.
const PERIOD: Duration = Duration::from_millis(100);

/// A limit that is set.
pub(super) struct CpuLimit {
    group: Option<Group>,
    budget: Budget,
    /// What the process had used at the last look.
    used: Duration,
    looked: Instant,
    stops: u64,
    began: Instant,
    used_before: Duration,
}

/// Processor time that is earned as time passes, and spent.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Budget {
    cores: f64,
    /// Seconds; what is below `floor` stops the process.
    left: f64,
    floor: f64,
    stopped: bool,
}

impl Budget {
    fn new(cores: f64, floor: f64) -> Self {
        Self { cores, left: cores * PERIOD.as_secs_f64(), floor, stopped: false }
    }

    /// Books what was used in `passed`; whether the process is to stop or go on, if that changes.
    fn book(&mut self, passed: Duration, used: Duration) -> Option<RoleSignal> {
        // Time that was not used in its period is gone.
        let most = self.cores * PERIOD.as_secs_f64();
        self.left = (self.left + self.cores * passed.as_secs_f64() - used.as_secs_f64()).min(most);
        let signal = match (self.stopped, self.left) {
            (false, left) if left < self.floor => RoleSignal::Pause,
            (true, left) if left > 0.0 => RoleSignal::Resume,
            _ => return None,
        };
        self.stopped = !self.stopped;
        Some(signal)
    }
}

impl CpuLimit {
    pub(super) fn set(pid: Pid, millicores: u64, name: &str) -> Result<(Self, String), String> {
        let cores = millicores as f64 / 1e3;
        let used = process_table::cpu_time(pid).ok_or("does not say how much time it has used")?;
        let quota_us = (cores * PERIOD.as_micros() as f64).round() as u64;
        let group =
            Group::make("cpu", &format!("{name}-cpu"), pid, |version| settings(version, quota_us.max(1_000)));
        // Where the kernel keeps it, the keeper acts only if that does not hold.
        let floor = if group.is_some() { -2.0 * cores * PERIOD.as_secs_f64() } else { 0.0 };
        let keeper = match &group {
            Some(group) => format!("by a control group of version {}", group.version().number()),
            None => {
                "by the keeper, which stops and continues it, since no control group can be made".to_owned()
            }
        };
        let (now, budget) = (Instant::now(), Budget::new(cores, floor));
        let limit = Self { group, budget, used, looked: now, stops: 0, began: now, used_before: used };
        Ok((limit, format!("has {cores} cores: {keeper}")))
    }

    /// What to send to the process.
    pub(super) fn look(&mut self, pid: Pid) -> Option<RoleSignal> {
        let (now, used) = (Instant::now(), process_table::cpu_time(pid)?);
        let signal = self.budget.book(now - self.looked, used.saturating_sub(self.used));
        (self.looked, self.used) = (now, used);
        self.stops += u64::from(signal == Some(RoleSignal::Pause));
        signal
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.budget.stopped
    }

    pub(super) fn lift(self, pid: Pid) -> Lifted {
        let used = process_table::cpu_time(pid).unwrap_or(self.used).saturating_sub(self.used_before);
        let cores = used.as_secs_f64() / self.began.elapsed().as_secs_f64().max(1e-3);
        let throttled =
            self.group.as_ref().and_then(|group| group.figure("cpu.stat", "nr_throttled")).unwrap_or(0);
        let met = throttled > 0 || self.stops > 0;
        let by = match (throttled, self.stops) {
            (0, 0) => "and did not meet its limit".to_owned(),
            (0, stops) => format!("was stopped by the keeper {stops} times"),
            (periods, 0) => format!("was throttled by the kernel in {periods} periods"),
            (periods, stops) => format!(
                "was throttled by the kernel in {periods} periods and stopped by the keeper {stops} times"
            ),
        };
        Lifted { text: format!("used {cores:.2} cores, {by}"), met, died: false }
    }
}

fn settings(version: Version, quota_us: u64) -> Vec<(&'static str, String)> {
    let period_us = PERIOD.as_micros();
    match version {
        Version::Two => vec![("cpu.max", format!("{quota_us} {period_us}"))],
        Version::One => {
            vec![("cpu.cfs_period_us", period_us.to_string()), ("cpu.cfs_quota_us", quota_us.to_string())]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a process with one busy thread gets of a second, in looks of 10 ms.
    fn share_of_a_busy_thread(cores: f64) -> f64 {
        let (mut budget, look) = (Budget::new(cores, 0.0), Duration::from_millis(10));
        let mut ran = 0;
        for _ in 0..1_000 {
            let used = if budget.stopped { Duration::ZERO } else { look };
            ran += u32::from(!budget.stopped);
            let _ = budget.book(look, used);
        }
        f64::from(ran) / 1_000.0
    }

    #[test]
    fn a_busy_process_gets_its_share_and_no_more() {
        for cores in [0.1, 0.25, 0.5, 0.9] {
            let share = share_of_a_busy_thread(cores);
            assert!((share - cores).abs() < 0.03, "{share} of {cores}");
        }
        assert!(share_of_a_busy_thread(1.0) > 0.99);
    }

    #[test]
    fn an_idle_process_saves_one_period_and_is_never_stopped() {
        let mut budget = Budget::new(0.5, 0.0);
        for _ in 0..1_000 {
            assert_eq!(budget.book(Duration::from_millis(10), Duration::ZERO), None);
        }
        // Fifty milliseconds at once are its due, twice as many are not.
        assert_eq!(budget.book(Duration::from_millis(10), Duration::from_millis(50)), None);
        assert_eq!(
            budget.book(Duration::from_millis(10), Duration::from_millis(20)),
            Some(RoleSignal::Pause)
        );
        assert_eq!(budget.book(Duration::from_millis(10), Duration::ZERO), None);
        assert_eq!(budget.book(Duration::from_millis(30), Duration::ZERO), Some(RoleSignal::Resume));
    }
}
