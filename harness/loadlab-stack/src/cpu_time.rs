//! What the machine did with its CPU time, and what the hypervisor took of it.

use std::fs;

/// CPU time of all cores since the machine started, in ticks.
#[derive(Debug, Clone, Copy)]
pub struct CpuTime {
    all: u64,
    stolen: u64,
}

impl CpuTime {
    /// Now; zeros where the kernel does not tell (`/proc/stat`).
    pub fn now() -> Self {
        Self::read(&fs::read_to_string("/proc/stat").unwrap_or_default())
    }

    fn read(stat: &str) -> Self {
        let ticks = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
        let ticks: Vec<u64> = ticks.filter_map(|tick| tick.parse().ok()).collect();
        // The first eight are disjoint; guest time, after them, is part of user time.
        Self { all: ticks.iter().take(8).sum(), stolen: ticks.get(7).copied().unwrap_or(0) }
    }

    /// The share of all CPU time since then that the hypervisor gave to others.
    pub fn stolen_since(self) -> f64 {
        let now = Self::now();
        let all = now.all.saturating_sub(self.all).max(1);
        now.stolen.saturating_sub(self.stolen) as f64 / all as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stolen_time_is_the_eighth_figure_of_the_kernels_line() {
        let time = CpuTime::read("cpu  10 0 5 80 1 0 1 3 9 0\ncpu0 1 1 1 1\n");
        assert_eq!((time.all, time.stolen), (100, 3));
        assert_eq!(CpuTime::read("").stolen, 0);
    }
}
