//! What the generator itself uses: a generator without head-room measures itself.

use std::{
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use loadlab_record::GeneratorSample;
use rustix::time::{ClockId, clock_gettime};

/// Where the kernel tells a process its memory: the second field is the resident pages (proc(5)).
const STATM: &str = "/proc/self/statm";

/// Measures this process from call to call.
#[derive(Debug)]
pub(crate) struct Generator {
    cores: f64,
    page_bytes: u64,
    at: Instant,
    cpu: Duration,
}

impl Generator {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            cores: cores as f64,
            page_bytes: rustix::param::page_size() as u64,
            at: Instant::now(),
            cpu: cpu_used(),
        }
    }

    /// What was used since the last call.
    pub(crate) fn sample(&mut self, second: u64, connections: u64) -> GeneratorSample {
        let (at, cpu) = (Instant::now(), cpu_used());
        let real = at.saturating_duration_since(self.at).as_secs_f64();
        let used = cpu.saturating_sub(self.cpu).as_secs_f64();
        (self.at, self.cpu) = (at, cpu);
        GeneratorSample {
            second,
            cpu: if real > 0.0 { used / real / self.cores } else { 0.0 },
            resident_bytes: resident_pages() * self.page_bytes,
            connections,
        }
    }
}

/// CPU time of all threads of this process.
fn cpu_used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// 0 where the kernel does not tell.
fn resident_pages() -> u64 {
    let statm = std::fs::read_to_string(STATM).unwrap_or_default();
    statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_thread_is_seen_and_memory_is_there() {
        let mut generator = Generator::new();
        let start = Instant::now();
        let mut sum = 0_u64;
        while start.elapsed() < Duration::from_millis(30) {
            sum = sum.wrapping_mul(31).wrapping_add(1);
        }
        let sample = generator.sample(3, 5);
        assert!(sample.cpu > 0.0, "{sample:?} {sum}");
        assert!(sample.resident_bytes > 1_000_000, "{sample:?}");
        assert_eq!((sample.second, sample.connections), (3, 5));
    }
}
