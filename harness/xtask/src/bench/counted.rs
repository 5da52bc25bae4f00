//! What one competitor did in one round, in its own words.

use serde::{Deserialize, Serialize};

/// Requests and the time they took, as the competitor counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counted {
    /// Requests that ended.
    pub(crate) requests: u64,
    /// Of which ended badly.
    pub(crate) errors: u64,
    /// Seconds from the first to the last.
    pub(crate) seconds: f64,
}

impl Counted {
    /// What a worker printed: the last line that is JSON. Goose prints lines of its own before it.
    pub(crate) fn from_worker(output: &str) -> Option<Self> {
        output.lines().rev().find_map(|line| serde_json::from_str(line).ok())
    }

    /// What wrk printed: `  123 requests in 4.01s, 8.02MB read`, and `Non-2xx or 3xx responses: 5`
    /// and `Socket errors: connect 0, read 1, …` where there were any.
    pub(crate) fn from_wrk(output: &str) -> Option<Self> {
        let line = output.lines().find(|line| line.contains(" requests in "))?;
        let (requests, rest) = line.trim().split_once(" requests in ")?;
        let seconds = loadlab_clock::text::parse_duration(rest.split(',').next()?).ok()?;
        let bad = output.lines().filter(|line| line.contains("errors:") || line.contains("Non-2xx"));
        let numbers = bad.flat_map(|line| line.split([' ', ',']));
        let errors = numbers.filter_map(|word| word.parse::<u64>().ok()).sum();
        Some(Self { requests: requests.parse().ok()?, errors, seconds: seconds.as_secs_f64() })
    }

    /// What oha printed as JSON: answers by status, failures by message, and the whole time.
    pub(crate) fn from_oha(output: &str) -> Option<Self> {
        let report: serde_json::Value = serde_json::from_str(output.get(output.find('{')?..)?).ok()?;
        let statuses = report["statusCodeDistribution"].as_object()?;
        let total = |filter: &dyn Fn(&str) -> bool| {
            let counts = statuses.iter().filter(|(status, _)| filter(status));
            counts.filter_map(|(_, count)| count.as_u64()).sum::<u64>()
        };
        let failures = report["errorDistribution"].as_object().map_or(0, |errors| {
            // Requests that the deadline cut off are no failures.
            let real = errors.iter().filter(|(message, _)| !message.contains("deadline"));
            real.filter_map(|(_, count)| count.as_u64()).sum()
        });
        Some(Self {
            requests: total(&|_| true),
            errors: failures + total(&|status| !status.starts_with('2')),
            seconds: report["summary"]["total"].as_f64()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_read_past_what_goose_prints() {
        let output = "All 10 users launched...\n{\"requests\":9,\"errors\":0,\"seconds\":1.5}\n";
        let expected = Counted { requests: 9, errors: 0, seconds: 1.5 };
        assert_eq!(Counted::from_worker(output), Some(expected));
        assert_eq!(Counted::from_worker("All 10 users launched...\n"), None);
    }

    #[test]
    fn wrk_is_read_with_and_without_errors() {
        let output = "Running 4s test @ http://127.0.0.1:1/\n  1 threads and 50 connections\n\
                      \x20 Latency   1ms\n  813024 requests in 4.10s, 50.40MB read\n\
                      \x20 Socket errors: connect 0, read 3, write 0, timeout 1\n\
                      \x20 Non-2xx or 3xx responses: 5\nRequests/sec: 198298.5\n";
        let expected = Counted { requests: 813_024, errors: 9, seconds: 4.1 };
        assert_eq!(Counted::from_wrk(output), Some(expected));
    }

    #[test]
    fn oha_is_read_and_its_deadline_is_no_error() {
        let output = r#"{"summary":{"total":4.0,"requestsPerSec":25.5},
            "statusCodeDistribution":{"200":100,"500":2},
            "errorDistribution":{"aborted due to deadline":50,"connection refused":1}}"#;
        let expected = Counted { requests: 102, errors: 3, seconds: 4.0 };
        assert_eq!(Counted::from_oha(output), Some(expected));
    }
}
